//! What pipelines read: JSON on stdout of every command, JUnit, GitHub's summary and annotations.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

fn squall(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env("SQUALL_STATE", home.join("state")).env("SQUALL_REPORTS", home.join("reports"));
    for variable in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"] {
        command.env_remove(variable);
    }
    command
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

/// A real run, as it is kept in the repository, in a folder that may be written to.
fn sample(home: &Path) -> PathBuf {
    let to = home.join("sample");
    std::fs::create_dir_all(to.join("samples")).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample");
    for name in ["journal.ndjson", "plan.json", "scenario.yaml", "cluster.yaml", "samples/000000.ndjson.zst"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    to
}

#[test]
fn every_command_says_json_where_it_is_asked_to() {
    let home = tempfile::tempdir().unwrap();
    let run = sample(home.path());
    let run = run.to_str().unwrap();
    let (scenario, cluster) = ("scenarios/taskmanager-loss.yaml", "scenarios/clusters/local.yaml");
    let keys = [
        (vec!["check", scenario, "--on", cluster], 0, "files"),
        (vec!["check", "tests/fixtures/scenarios/typos.yaml"], 2, "files"),
        (vec!["plan", scenario, "--on", cluster], 0, "scenario"),
        (vec!["report", run], 0, "verdict"),
        (vec!["report", "nowhere"], 2, "error"),
        (vec!["run", "nowhere.yaml", "--on", cluster], 2, "error"),
        (vec!["status"], 0, "runs"),
        (vec!["undo"], 0, "runs"),
        (vec!["cluster", "down", "no cluster"], 2, "error"),
        (vec!["explain", "fault"], 0, "rows"),
        (vec!["explain", "shape", "sine"], 0, "example"),
        (vec!["explain", "exit-codes"], 0, "rows"),
    ];
    for (arguments, code, key) in keys {
        let output = squall(home.path()).args(&arguments).args(["--format", "json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!json(&output)[key].is_null(), "{arguments:?} says no {key}");
    }
    let clusters = squall(home.path()).args(["cluster", "status", "--format", "json"]).output().unwrap();
    assert_eq!(json(&clusters), Value::Array(Vec::new()));
}

#[test]
fn mistakes_are_data_with_their_lines() {
    let home = tempfile::tempdir().unwrap();
    let output = squall(home.path()).args(["check", "--format", "json", "tests/fixtures/scenarios/typos.yaml"]).output().unwrap();
    let file = &json(&output)["files"][0];
    assert_eq!(file["ok"], false);
    assert_eq!(file["problems"][0]["title"], "unknown shape `constnat`");
    assert_eq!(file["problems"][0]["line"], 7);
    assert_eq!(file["problems"].as_array().unwrap().len(), 6);
}

#[test]
fn mistakes_are_annotated_from_the_repositorys_root() {
    let home = tempfile::tempdir().unwrap();
    let output = squall(home.path())
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", env!("CARGO_MANIFEST_DIR"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures"))
        .args(["check", "scenarios/typos.yaml"])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let line = "::error file=tests/fixtures/scenarios/typos.yaml,line=7,title=squall check::unknown shape `constnat`";
    assert!(said.lines().any(|said| said == line), "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("::error ")).count(), 6);
}

#[test]
fn reports_go_to_the_steps_summary_behind_what_is_there() {
    let home = tempfile::tempdir().unwrap();
    let summary = home.path().join("summary.md");
    std::fs::write(&summary, "before\n\n").unwrap();
    let run = sample(home.path());
    let output = squall(home.path()).env("GITHUB_STEP_SUMMARY", &summary).arg("report").arg(&run).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let written = std::fs::read_to_string(&summary).unwrap();
    assert_eq!(written, format!("before\n\n{}", std::fs::read_to_string(run.join("summary.md")).unwrap()));
    // A summary that cannot be written is said, and changes no verdict.
    let output = squall(home.path()).env("GITHUB_STEP_SUMMARY", home.path()).arg("report").arg(&run).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("warning: the step summary"));
}

/// By `xmllint`, of Debian's libxml2-utils.
#[test]
fn a_real_runs_junit_keeps_to_jenkins_schema() {
    let home = tempfile::tempdir().unwrap();
    let run = sample(home.path());
    squall(home.path()).arg("report").arg(&run).assert().success();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/junit/junit-10.xsd");
    let lint = |file: &Path| {
        let mut command = std::process::Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema"]).arg(&schema).arg(file);
        command.output().expect("xmllint is not installed: apt-get install libxml2-utils, or ./dev setup")
    };
    let output = lint(&run.join("junit.xml"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The check can fail: a key that the schema does not know.
    let other = home.path().join("other.xml");
    std::fs::write(&other, std::fs::read_to_string(run.join("junit.xml")).unwrap().replace("<testcase ", "<testcase line=\"1\" ")).unwrap();
    assert!(!lint(&other).status.success());
}
