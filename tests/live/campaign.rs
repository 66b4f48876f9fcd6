//! Several runs as one question, on a real cluster: repeats, a series that is interrupted, and a comparison of what they left.

use std::fs;

use serde_json::Value;

use super::shared::{Going, assert_healed, json, run, scenario, shared, squall_in, text};

#[test]
fn repeats_are_reported_together_and_compare_as_the_same() {
    let shared = shared();
    let path =
        scenario(&shared.home, "twice", "", "duration: 8s\nexpect: [ \"max(lost) over 2 == 0\", delivery == exactly-once ]\nrepeat: 2\n");
    let output = run(&path).output().unwrap();
    let folder = fs::read_dir(shared.home.join("reports/twice")).unwrap().flatten().map(|entry| entry.path());
    let series = folder.into_iter().find(|path| path.join("series.json").is_file()).unwrap_or_else(|| panic!("{}", text(&output)));
    let report = json(&series.join("report.json"));
    assert_eq!(report["runs"].as_array().unwrap().len(), 2, "{}", text(&output));
    let seeds: Vec<&Value> = report["runs"].as_array().unwrap().iter().map(|run| &run["seed"]).collect();
    assert_eq!(seeds[0], 7);
    assert_ne!(seeds[0], seeds[1]);
    assert_eq!(report["expectations"][0]["status"], "met", "{}", report["expectations"]);
    assert!(text(&output).contains("2 of 2 runs met, 1 of 1 expectations over the repeats"), "{}", text(&output));
    assert_eq!(output.status.code(), Some(0));

    let compared = squall_in(&shared.home).arg("compare").arg(&series).arg(&series).output().unwrap();
    assert_eq!(compared.status.code(), Some(0), "{}", text(&compared));
}

#[test]
fn an_interrupted_series_ends_with_the_run_that_goes_on() {
    let shared = shared();
    let path = scenario(&shared.home, "cut-off", "", "");
    let mut command = run(&path);
    command.args(["--repeat", "3"]);
    let mut series = Going::start(command, &shared.home, "cut-off");
    series.until("traffic-started");
    series.signal(nix::sys::signal::Signal::SIGINT);
    let code = series.exit_code();
    let shown = fs::read_to_string(shared.home.join("cut-off.log")).unwrap();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains("0 of 1 runs met; 2 runs were not made"), "{shown}");
    assert_healed(shared);
}
