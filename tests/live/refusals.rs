//! What squall refuses before it touches anything.

use nix::sys::signal::Signal;

use super::shared::{Going, assert_healed, cluster_file, run, scenario, shared, squall_in, text};

#[test]
fn two_runs_at_once_on_one_cluster() {
    let shared = shared();
    let file = scenario(&shared.home, "first", "", "");
    let mut first = Going::start(run(&file), &shared.home, "first");
    let second = run(&scenario(&shared.home, "second", "", "")).output().unwrap();
    assert_eq!(second.status.code(), Some(6), "{}", text(&second));
    assert!(
        text(&second).contains(&format!("run {} (pid {}) is on this cluster", first.folder.run(), first.child.id())),
        "{}",
        text(&second)
    );
    // It is no leftover while its engine is alive.
    let undo = squall_in(&shared.home).arg("undo").arg(first.folder.path()).output().unwrap();
    assert_eq!(undo.status.code(), Some(6), "{}", text(&undo));
    assert!(text(&undo).contains("is still going on"), "{}", text(&undo));
    let status = text(&squall_in(&shared.home).arg("status").output().unwrap());
    assert!(status.contains(&format!("run {} on it-live: goes on", first.folder.run())), "{status}");
    first.signal(Signal::SIGTERM);
    first.ends_with(130);
    assert_healed(shared);
}

#[test]
fn production_asks_for_its_name() {
    let shared = shared();
    let text_of = std::fs::read_to_string(cluster_file()).unwrap();
    let production = shared.home.join("production.yaml");
    std::fs::write(
        &production,
        text_of.replace("environment: test", "environment: production\nsynthetic: marked").replace("it-live", "it-prod"),
    )
    .unwrap();
    let file = scenario(&shared.home, "confirm", "", "");
    for (confirm, said) in
        [(None, "confirm with --confirm it-prod"), (Some("it-live"), "--confirm says `it-live`, the cluster is `it-prod`")]
    {
        let mut command = squall_in(&shared.home);
        command.arg("run").arg(&file).arg("--on").arg(&production).args(confirm.map(|name| format!("--confirm={name}")));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{}", text(&output));
        assert!(text(&output).contains(said), "{}", text(&output));
    }
    assert!(!shared.home.join("reports/confirm").exists());
}

#[test]
fn a_topic_that_the_owner_did_not_allow() {
    let shared = shared();
    let file = scenario(&shared.home, "foreign", "", "");
    let foreign = std::fs::read_to_string(&file).unwrap().replacen("partitions: 2", "name: billing", 1);
    std::fs::write(&file, foreign).unwrap();
    let output = run(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", text(&output));
    assert!(text(&output).contains("topic `billing` is not squall's, and not lent to it"), "{}", text(&output));
    assert!(!shared.home.join("reports/foreign").exists());
}
