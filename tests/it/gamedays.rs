//! `squall gameday`, `squall schedule` and `squall soak` as far as they need no cluster.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use serde_json::Value;

const DAY: &str = "scenarios/gamedays/first.yaml";
const CLUSTER: &str = "scenarios/clusters/gameday.yaml";

fn squall(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("SQUALL_STATE", home.join("state")).env("SQUALL_REPORTS", home.join("reports"));
    command.args(arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_rehearsal_shows_the_whole_day() {
    let home = tempfile::tempdir().unwrap();
    let output = squall(home.path(), &["gameday", "plan", DAY, "--on", CLUSTER]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let text = out(&output);
    for part in [
        "slow-sink: scenarios/gamedays/../slow-sink.yaml",
        "confirm     Is somebody from team-orders watching?",
        "0:45  sink-slow",
        "hypothesis  The job keeps up",
        "expect      alert FlinkTaskManagerLost fires within 30s of lose-one",
        "the end, at the earliest",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let json = squall(home.path(), &["gameday", "plan", DAY, "--on", CLUSTER, "--format", "json"]);
    let day: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(day["steps"].as_array().unwrap().len(), 3);
    assert!(!home.path().join("reports").exists(), "a rehearsal touches nothing");
}

#[test]
fn nobody_at_the_terminal_is_no_agreement() {
    let home = tempfile::tempdir().unwrap();
    let output = squall(home.path(), &["gameday", "run", DAY, "--on", CLUSTER]);
    assert_eq!(output.status.code(), Some(6), "{}", err(&output));
    assert!(err(&output).contains("step slow-sink asks a person"), "{}", err(&output));
    assert!(!home.path().join("reports").exists(), "nothing was touched");
    let output = squall(home.path(), &["gameday", "run", DAY, "--on", CLUSTER, "--yes", "--resume"]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("was broken off"), "{}", err(&output));
}

#[test]
fn timers_of_every_scheduler_are_written() {
    let home = tempfile::tempdir().unwrap();
    let into = home.path().join("units");
    for (scheduler, file) in [
        ("systemd", "squall-first.timer"),
        ("systemd", "squall-first.service"),
        ("kubernetes", "squall-first.yaml"),
        ("github", ".github/workflows/squall-first.yml"),
    ] {
        let into = into.to_str().unwrap();
        let output = squall(home.path(), &["schedule", DAY, "--on", CLUSTER, "--cron", "0 10 * * 2", "--as", scheduler, "--into", into]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        assert!(PathBuf::from(into).join(file).is_file(), "{file}");
    }
    let timer = std::fs::read_to_string(into.join("squall-first.timer")).unwrap();
    assert!(timer.contains("OnCalendar=Tue *-*-* 10:0:00 UTC"), "{timer}");
    let wrong = squall(home.path(), &["schedule", DAY, "--on", CLUSTER, "--cron", "daily", "--as", "systemd"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", err(&wrong));
}

#[test]
fn a_soak_needs_room_for_a_fault() {
    let home = tempfile::tempdir().unwrap();
    let output = squall(home.path(), &["soak", "scenarios/taskmanager-loss.yaml", "--on", CLUSTER, "--for", "1m"]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("no fault fits into 1m"), "{}", err(&output));
}

#[test]
fn the_schema_is_in_step() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/gameday.schema.json");
    let now = serde_json::to_string_pretty(&squall::gameday::schema()).unwrap() + "\n";
    if std::env::var_os("SQUALL_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap_or_default() == now,
        "{} is out of step: run with SQUALL_UPDATE_SCHEMA=1",
        path.display()
    );
}
