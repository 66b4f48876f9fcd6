//! What squall reads from others, read from mutations of what is valid: no panic, no hang. `./dev qualify fuzz` goes on for longer and
//! writes `docs/qualification/fuzz.md`.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use squall::fuzz::{Mutator, TARGETS, Target};

/// Far longer than any input takes on a loaded machine.
const HANGS: Duration = Duration::from_secs(60);
const SEED: u64 = 5;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below these folders whose name ends like this.
fn files(folders: &[&str], ending: &str) -> Vec<Vec<u8>> {
    fn below(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in folders {
        below(&root().join(folder), ending, &mut found);
    }
    found.sort();
    found.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let corpus = match target {
        "scenario" | "cluster" => files(&["scenarios", "tests/it", "reports/sample"], ".yaml"),
        // Every backticked text of the page: the grammar's own examples.
        "expectation" => {
            let page = std::fs::read_to_string(root().join("docs/expectations.md")).unwrap();
            page.split('`').skip(1).step_by(2).map(|text| text.as_bytes().to_vec()).collect()
        }
        "journal" => files(&["reports/sample"], "journal.ndjson"),
        // Its first byte chooses the status.
        "flink" => files(&["tests/fixtures/flink"], ".json").into_iter().map(|body| [b"2", body.as_slice()].concat()).collect(),
        other => panic!("no corpus for {other}"),
    };
    assert!(!corpus.is_empty(), "{target}");
    corpus
}

/// CPU seconds of this thread.
fn cpu_seconds() -> f64 {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap();
    spent.tv_sec() as f64 + spent.tv_nsec() as f64 / 1e9
}

/// What a reader was given.
struct Read {
    inputs: u64,
    bytes: u64,
    cpu_s: f64,
    slowest_s: f64,
}

/// Reads inputs until `enough` says so, on a thread of its own, so that one that never returns is noticed.
fn read(target: Target, seed: u64, enough: impl Fn(&Read) -> bool + Send + 'static) -> Read {
    let (tell, told) = mpsc::channel();
    std::thread::Builder::new()
        .name(target.name.to_owned())
        .stack_size(8 << 20)
        .spawn(move || {
            let mut mutator = Mutator::new(seed, corpus(target.name));
            let mut so_far = Read { inputs: 0, bytes: 0, cpu_s: 0.0, slowest_s: 0.0 };
            let begin = cpu_seconds();
            while !enough(&so_far) {
                let input = mutator.input();
                tell.send(Some(input.clone())).unwrap();
                let before = cpu_seconds();
                (target.read)(&input);
                so_far.slowest_s = so_far.slowest_s.max(cpu_seconds() - before);
                so_far.inputs += 1;
                so_far.bytes += input.len() as u64;
                so_far.cpu_s = cpu_seconds() - begin;
            }
            tell.send(None).unwrap();
            so_far
        })
        .map(|thread| {
            let mut last = Vec::new();
            loop {
                match told.recv_timeout(HANGS) {
                    Ok(Some(input)) => last = input,
                    Ok(None) => return thread.join().unwrap(),
                    Err(_) => panic!("{} panicked or hangs on {}", target.name, keep(target.name, &last)),
                }
            }
        })
        .unwrap()
}

/// Writes an offending input to a file that outlives the test, and names it.
fn keep(target: &str, input: &[u8]) -> String {
    let path = std::env::temp_dir().join(format!("squall-fuzz-{target}-{}", std::process::id()));
    std::fs::write(&path, input).unwrap();
    format!("{}\n{}", path.display(), String::from_utf8_lossy(&input[..input.len().min(2000)]))
}

#[test]
fn nothing_that_squall_reads_makes_it_panic_or_hang() {
    for target in TARGETS {
        let inputs = if target.name == "expectation" { 5000 } else { 150 };
        let read = read(*target, SEED, move |read| read.inputs >= inputs);
        assert_eq!(read.inputs, inputs, "{}", target.name);
    }
}

/// `SQUALL_FUZZ_SECONDS` of CPU time for each reader (600), or for those that `SQUALL_FUZZ_READERS` names.
#[test]
#[ignore = "long; ./dev qualify fuzz"]
fn qualify_fuzz() {
    let seconds = std::env::var("SQUALL_FUZZ_SECONDS").map_or(600.0, |text| text.parse().unwrap());
    let wanted = std::env::var("SQUALL_FUZZ_READERS").unwrap_or_default();
    let mut rows = String::new();
    for target in TARGETS.iter().filter(|target| wanted.is_empty() || wanted.split(',').any(|name| name == target.name)) {
        let seed = SEED + 1;
        let read = read(*target, seed, move |read| read.cpu_s >= seconds);
        writeln!(
            rows,
            "| {} | {seed} | {:.0} s | {} | {:.1} MB | {:.0} ms | 0 | 0 |",
            target.name,
            read.cpu_s,
            read.inputs,
            read.bytes as f64 / 1e6,
            read.slowest_s * 1e3
        )
        .unwrap();
        // What was done counts, also when a later reader fails.
        println!("{}", rows.lines().next_back().unwrap_or_default());
        if let Ok(page) = std::env::var("SQUALL_FUZZ_ROWS") {
            std::fs::write(page, &rows).unwrap();
        }
    }
}
