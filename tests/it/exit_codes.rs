//! Exit codes of commands that need no cluster. Those of runs are in `tests/live`.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use squall::action::Inverse;
use squall::guard;
use squall::journal::{EventKind, FaultId, RunFolder, SCHEMA, UndoId, Writer};

fn squall(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env("SQUALL_STATE", home.join("state")).env("SQUALL_REPORTS", home.join("reports")).args(arguments);
    command.output().unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A run's folder with these events behind its first line.
fn run(home: &Path, engine: (i32, u64), schema: u32, events: Vec<EventKind>) -> RunFolder {
    let folder = RunFolder::create(&home.join("reports"), "drill", "20261121-085406-k3f9").unwrap();
    folder.write("cluster.yaml", b"name: it-codes\nenvironment: test\nkind: { local: {} }\n").unwrap();
    folder.write("plan.json", include_bytes!("../../reports/sample/plan.json")).unwrap();
    let mut writer = Writer::create(folder.clone()).unwrap();
    writer.append_now(EventKind::RunStarted { schema, run: folder.run(), squall: "0".into(), engine }).unwrap();
    for event in events {
        writer.append_now(event).unwrap();
    }
    folder
}

fn owes(inverse: Inverse) -> EventKind {
    let fault = FaultId { name: "disk".into(), occurrence: 0 };
    EventKind::UndoRecorded { undo: UndoId(0), fault, step: 0, inverse, due: None }
}

/// A process that is gone.
const DEAD: (i32, u64) = (i32::MAX, 1);

#[test]
fn met_and_invalid() {
    let home = tempfile::tempdir().unwrap();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/taskmanager-loss.yaml");
    assert_eq!(code(&squall(home.path(), &["check", scenario.to_str().unwrap()])), 0);
    assert_eq!(code(&squall(home.path(), &["undo"])), 0);
    assert_eq!(code(&squall(home.path(), &["frobnicate"])), 2);
    assert_eq!(code(&squall(home.path(), &["report", "nowhere"])), 2);
}

#[test]
fn a_journal_of_a_newer_squall_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let folder = run(home.path(), DEAD, SCHEMA + 1, Vec::new());
    let path = folder.path().to_str().unwrap();
    let report = squall(home.path(), &["report", path]);
    assert_eq!(code(&report), 1, "{}", said(&report));
    let newer = format!("has format {}, written by squall 0; this squall reads up to {SCHEMA}", SCHEMA + 1);
    assert!(said(&report).contains(&newer), "{}", said(&report));
    // Not even undone: what it owes is not known.
    let undo = squall(home.path(), &["undo", path]);
    assert_eq!(code(&undo), 5, "{}", said(&undo));
}

#[test]
fn what_cannot_be_put_back_is_named_and_is_worse_than_anything_else() {
    let home = tempfile::tempdir().unwrap();
    let disk = home.path().join("disk");
    // Nothing removes this as it would a file.
    std::fs::create_dir_all(disk.join(".squall-fill/x")).unwrap();
    let folder = run(home.path(), DEAD, SCHEMA, vec![owes(Inverse::RemoveFill { path: disk.display().to_string() })]);
    let undo = squall(home.path(), &["undo"]);
    assert_eq!(code(&undo), 5, "{}", said(&undo));
    assert!(said(&undo).contains("not all is undone") && said(&undo).contains("✗ disk: cannot empty"), "{}", said(&undo));
    assert_eq!(code(&squall(home.path(), &["report", folder.path().to_str().unwrap()])), 5);
    let status = squall(home.path(), &["status"]);
    assert!(
        said(&status).contains("its squall is dead, not undone") && said(&status).contains("remove the file that fills"),
        "{}",
        said(&status)
    );

    std::fs::remove_dir_all(disk.join(".squall-fill")).unwrap();
    let undo = squall(home.path(), &["undo"]);
    assert_eq!((code(&undo), said(&undo).contains("all undone")), (0, true), "{}", said(&undo));
    assert_eq!(code(&squall(home.path(), &["report", folder.path().to_str().unwrap()])), 130);
    assert!(said(&squall(home.path(), &["status"])).contains("nothing is active"));
}

#[test]
fn what_goes_on_is_not_undone() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().display().to_string();
    let folder = run(home.path(), guard::own_identity(), SCHEMA, vec![owes(Inverse::RemoveFill { path })]);
    let undo = squall(home.path(), &["undo", folder.path().to_str().unwrap()]);
    assert_eq!(code(&undo), 6, "{}", said(&undo));
    assert!(said(&undo).contains("is still going on"), "{}", said(&undo));
}

#[test]
fn hostile_text_in_a_file_reaches_no_terminal() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("evil.yaml");
    std::fs::write(&file, "name: a\u{1b}[31m\nduration: 2x # \u{1b}]0;pwned\u{7} \u{202e}\n").unwrap();
    let check = squall(home.path(), &["check", file.to_str().unwrap()]);
    assert_eq!(code(&check), 2);
    assert!(!said(&check).contains(|c: char| c.is_control() && c != '\n'), "{:?}", said(&check));
}
