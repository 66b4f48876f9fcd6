//! Comparing and reporting over several runs, by the command line, on the recorded sample: no cluster is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample")
}

fn squall(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command.env("SQUALL_STATE", home.join("state")).env("SQUALL_REPORTS", home.join("reports")).current_dir(home);
    command.args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The sample's folder again, under another run's name.
fn copy(to: &Path) {
    fs::create_dir_all(to.join("samples")).unwrap();
    for file in ["journal.ndjson", "plan.json", "scenario.yaml", "cluster.yaml"] {
        fs::copy(sample().join(file), to.join(file)).unwrap();
    }
    for entry in fs::read_dir(sample().join("samples")).unwrap().flatten() {
        fs::copy(entry.path(), to.join("samples").join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_run_is_the_same_as_itself_and_a_kept_baseline_says_so_too() {
    let home = tempfile::tempdir().unwrap();
    let run = home.path().join("run");
    copy(&run);
    let path = run.to_str().unwrap();
    let output = squall(home.path(), &["compare", path, path, "--keep", "base.json", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((report["schema"].as_u64(), report["standing"].as_str()), (Some(1), Some("same")));
    assert!(report["rows"].as_array().unwrap().iter().any(|row| row["name"] == "recovery-time" && row["decides"] == true));

    let output = squall(home.path(), &["compare", path, "--baseline", "base.json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let shown = text(&output);
    assert!(shown.contains("same: now against baseline"), "{shown}");

    // A baseline that was three times as quick: a regression.
    let mut base: Value = serde_json::from_str(&fs::read_to_string(home.path().join("base.json")).unwrap()).unwrap();
    for figure in base["figures"].as_array_mut().unwrap() {
        if figure["name"] == "recovery-time" {
            let value = &mut figure["observed"][0]["value"]["value"];
            *value = (value.as_f64().unwrap() / 3.0).into();
        }
    }
    fs::write(home.path().join("quick.json"), base.to_string()).unwrap();
    let output = squall(home.path(), &["compare", path, "--baseline", "quick.json"]);
    assert_eq!(output.status.code(), Some(99), "{}", text(&output));

    // Another parallelism is another question, unless that is meant.
    base["circumstances"]["parallelism"] = "7".into();
    fs::write(home.path().join("other.json"), base.to_string()).unwrap();
    let output = squall(home.path(), &["compare", path, "--baseline", "other.json"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("parallelism"));
    let output = squall(home.path(), &["compare", path, "--baseline", "other.json", "--accept", "parallelism"]);
    assert_eq!(output.status.code(), Some(99), "{}", text(&output));
}

#[test]
fn a_series_is_reported_again_from_its_journals() {
    let home = tempfile::tempdir().unwrap();
    let scenario = home.path().join("reports/taskmanager-loss");
    let series = scenario.join("series-1");
    fs::create_dir_all(&series).unwrap();
    let mut runs = Vec::new();
    for run in ["a", "b"] {
        copy(&scenario.join(run));
        runs.push(serde_json::json!({ "run": run, "seed": 42 }));
    }
    let mut manifest =
        serde_json::json!({ "schema": 1, "series": "series-1", "repeats": 2, "seed": 42, "over": [], "runs": runs, "ended": null });
    fs::write(series.join("series.json"), manifest.to_string()).unwrap();
    let output = squall(home.path(), &["report", series.to_str().unwrap(), "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["runs"].as_array().unwrap().len(), 2, "{report}");
    let recovery = report["figures"].as_array().unwrap().iter().find(|figure| figure["name"] == "recovery-time").unwrap();
    assert_eq!(recovery["min"], recovery["max"]);
    assert_eq!(recovery["noisy"], false);
    for name in ["report.html", "summary.md", "junit.xml", "report.json"] {
        assert!(series.join(name).is_file(), "{name}");
    }
    assert!(scenario.join("b/report.html").is_file());

    // A series that was killed says so.
    manifest["repeats"] = 5.into();
    fs::write(series.join("series.json"), manifest.to_string()).unwrap();
    let output = squall(home.path(), &["report", series.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert!(text(&output).contains("2 of 5 runs"), "{}", text(&output));
}

#[test]
fn what_cannot_be_compared_is_a_plain_error() {
    let home = tempfile::tempdir().unwrap();
    let output = squall(home.path(), &["compare", "nowhere", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("no journal in nowhere"), "{}", text(&output));
    let path = sample();
    let output = squall(home.path(), &["compare", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("there is only one side"), "{}", text(&output));
}

#[test]
fn settings_and_objectives_are_checked_before_anything_is_touched() {
    let home = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (scenario, cluster) = (root.join("scenarios/taskmanager-loss.yaml"), root.join("scenarios/clusters/local.yaml"));
    let (scenario, cluster) = (scenario.to_str().unwrap(), cluster.to_str().unwrap());
    for (arguments, said) in [
        (vec!["run", scenario, "--on", cluster, "--vary", "checkpoint.intervall=2s"], "unknown setting `checkpoint.intervall`"),
        (vec!["run", scenario, "--on", cluster, "--vary", "parallelism=none"], "`none` is no value of parallelism"),
        (vec!["capacity", scenario, "--on", cluster, "--objective", "output-lag < 5k"], "an objective is a bound of the recovery time"),
        (
            vec!["capacity", scenario, "--on", cluster, "--objective", "recovery-time of nobody < 5s"],
            "no fault of the scenario is called `nobody`",
        ),
        (vec!["capacity", scenario, "--on", cluster, "--resolution", "80%"], "--resolution lies between"),
    ] {
        let output = squall(home.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(said), "{arguments:?}: {}", text(&output));
    }
    assert!(!home.path().join("reports").exists());
}
