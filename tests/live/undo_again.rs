//! An undo that fails while the run goes on is tried again before its end.

use std::path::PathBuf;

use nix::sys::signal::Signal;
use squall::journal::EventKind;

use super::shared::{Going, assert_healed, events, run, scenario, shared};

/// Where the next TaskManagers write their logs.
fn next_logs() -> Vec<PathBuf> {
    let logs = shared().home.join("state/clusters/it-live/logs");
    let number = |name: &str| name.strip_prefix("tm-")?.strip_suffix(".log")?.parse::<u32>().ok();
    let used = std::fs::read_dir(&logs).unwrap().filter_map(|entry| number(entry.unwrap().file_name().to_str()?)).max().unwrap();
    (used + 1..used + 5).map(|next| logs.join(format!("tm-{next}.log"))).collect()
}

#[test]
fn an_undo_that_failed_is_tried_again_while_the_run_goes_on() {
    let shared = shared();
    let timeline = "{ at: 3s, name: lose, inject: { kill-taskmanager: { count: 1, restart-after: 1s } } }";
    let path = scenario(&shared.home, "undo-again", timeline, "duration: 5m\n");
    // A process cannot write its log where a folder is.
    let blocked = next_logs();
    blocked.iter().for_each(|log| std::fs::create_dir(log).unwrap());
    let mut going = Going::start(run(&path), &shared.home, "undo-again");
    going.until("\"restored\":false");
    blocked.iter().for_each(|log| std::fs::remove_dir(log).unwrap());
    going.until("\"fault-removed\"");
    let so_far = events(&going.folder);
    assert!(!so_far.iter().any(|event| matches!(event.event, EventKind::TrafficStopped(_))), "only once traffic had stopped");
    let tries = so_far.iter().filter(|event| matches!(event.event, EventKind::UndoPerformed { .. })).count();
    assert_eq!(tries, 2);
    going.signal(Signal::SIGINT);
    going.ends_with(130);
    assert_healed(shared);
}
