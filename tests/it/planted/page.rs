//! Results, kept until all are there, and the part of `docs/verdict.md` between its two marks.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::case::Row;
use super::clean::Clean;
use super::stage::root;

const BEGIN: &str = "<!-- made by `./dev qualify verdict` -->\n";
const END: &str = "<!-- end -->";

/// One file a case, with the commit that it was done at, so that a part of the list can be done again alone.
pub struct Results(PathBuf);

impl Results {
    pub fn open() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("verdict");
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn keep(&self, name: &str, result: &impl Serialize) {
        std::fs::write(self.0.join(format!("{name}.json")), serde_json::to_string_pretty(&(commit(), result)).unwrap()).unwrap();
    }

    /// The commit and the result, where there is one.
    pub fn of<T: DeserializeOwned>(&self, name: &str) -> Option<(String, T)> {
        let text = std::fs::read_to_string(self.0.join(format!("{name}.json"))).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }
}

pub fn write(rows: &[(String, Row)], clean: &[(String, Clean)]) {
    let mut made = String::new();
    let mut commits: Vec<&str> =
        rows.iter().map(|(commit, _)| commit.as_str()).chain(clean.iter().map(|(commit, _)| commit.as_str())).collect();
    commits.sort_unstable();
    commits.dedup();
    writeln!(made, "{}", circumstances(&commits.join(", "))).unwrap();
    defects(&mut made, rows);
    runs(&mut made, clean);
    let path = root().join("docs/verdict.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).unwrap() + BEGIN.len();
    let end = begin + text[begin..].find(END).unwrap();
    std::fs::write(&path, format!("{}{made}{}", &text[..begin], &text[end..])).unwrap();
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn commit() -> String {
    let changes = if output("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() { "" } else { " with local changes" };
    format!("{}{changes}", output("git", &["rev-parse", "--short", "HEAD"]))
}

fn circumstances(commits: &str) -> String {
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap();
    let kilobytes: f64 = memory.lines().next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap();
    format!(
        "Commit {commits}, {}, seed 7 (clean runs: their number); {} cores shared with other work (load {} at the end), {:.0} GiB, Kafka 4.3.1, Flink 2.3.0.\n",
        output("date", &["-u", "+%F"]),
        std::thread::available_parallelism().unwrap(),
        load.split(' ').next().unwrap(),
        kilobytes / 1_048_576.0,
    )
}

fn defects(made: &mut String, rows: &[(String, Row)]) {
    let right = rows.iter().filter(|(_, row)| row.mistakes.is_empty()).count();
    writeln!(made, "### Planted defects, and faults without one: {right} of {} named rightly\n", rows.len()).unwrap();
    writeln!(
        made,
        "| planted | records | what went wrong: planted · Kafka's client · squall | squall besides | exit | |\n|---|---|---|---|---|---|"
    )
    .unwrap();
    for (_, row) in rows {
        let counts: Vec<String> = row
            .counts
            .iter()
            .map(|(kind, planted, found, said)| format!("{}: {planted} · {found} · {said}", kind.replace('_', " ")))
            .collect();
        let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join("<br>") };
        let sign = if row.mistakes.is_empty() { "✓".to_owned() } else { format!("✗ {}", row.mistakes.join("; ")) };
        writeln!(made, "| {} | {} | {counts} | {} | {} | {sign} |", row.planted, row.records, row.said, row.exit).unwrap();
    }
}

fn runs(made: &mut String, clean: &[(String, Clean)]) {
    let clean: Vec<&Clean> = clean.iter().map(|(_, run)| run).collect();
    let count = |codes: &[i32]| clean.iter().filter(|run| codes.contains(&run.code)).count();
    let (met, unsure) = (count(&[0]), count(&[4]));
    let alarms = clean.len() - met - unsure;
    let sorted = |of: fn(&Clean) -> Option<f64>| {
        let mut values: Vec<f64> = clean.iter().filter_map(|run| of(run)).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let spread = |values: &[f64]| match values {
        [] => "none".to_owned(),
        values => format!(
            "median {:.1} s, from {:.1} s to {:.1} s, middle half {:.1} to {:.1} s",
            values[values.len() / 2],
            values[0],
            values[values.len() - 1],
            values[values.len() / 4],
            values[values.len() * 3 / 4]
        ),
    };
    writeln!(made, "\n### Clean runs with a lost TaskManager: {alarms} false alarms of {}\n", clean.len()).unwrap();
    writeln!(
        made,
        "{met} met, {unsure} inconclusive, {alarms} alarms, {} records. Recovery time: {}. Outage: {}.\n",
        clean.iter().map(|run| run.records).sum::<u64>(),
        spread(&sorted(|run| run.recovery_s)),
        spread(&sorted(|run| run.outage_s)),
    )
    .unwrap();
    writeln!(made, "| seed | exit | verdict | recovery time | output stopped | restarts | |\n|---|---|---|---|---|---|---|").unwrap();
    let seconds = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2} s"));
    for run in clean {
        let recovery = match run.error_s {
            Some(error) => format!("{} ± {error:.2} s", seconds(run.recovery_s)),
            None => seconds(run.recovery_s),
        };
        writeln!(
            made,
            "| {} | {} | {} | {recovery} | {} | {} | {} |",
            run.seed,
            run.code,
            run.verdict,
            seconds(run.outage_s),
            run.restarts,
            run.reasons.replace('|', "\\|")
        )
        .unwrap();
    }
}
