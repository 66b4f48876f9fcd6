//! Results that are checked in, with commit, date and machine.

use std::path::Path;
use std::process::Command;

const BEGIN: &str = "<!-- written by `./dev qualify` from here -->\n";
const END: &str = "<!-- to here -->";

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The commit, with a word where there are local changes.
pub fn commit() -> String {
    let changed = if output("git", &["status", "--porcelain", "--untracked-files=no", "src", "tests"]).is_empty() {
        ""
    } else {
        " with local changes"
    };
    format!("{}{changed}", output("git", &["rev-parse", "--short", "HEAD"]))
}

/// Today.
pub fn date() -> String {
    output("date", &["-u", "+%F"])
}

/// Commit, date and machine, as lines of a list.
pub fn machine() -> String {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let kilobytes: f64 = memory.lines().next().unwrap().split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    format!(
        "- commit {}, {}\n- {} cores, {:.0} GiB, load at the end {}",
        commit(),
        date(),
        std::thread::available_parallelism().unwrap(),
        kilobytes / 1048576.0,
        load.split(' ').next().unwrap()
    )
}

/// Puts `part` between the two marks of a page.
pub fn replace_part(page: &Path, part: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).unwrap() + BEGIN.len();
    let end = begin + text[begin..].find(END).unwrap();
    std::fs::write(path, format!("{}{}\n{}", &text[..begin], part.trim_end(), &text[end..])).unwrap();
}
