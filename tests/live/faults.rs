//! Each fault in a real run: what is checked in of it, and the page that sums it up.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::shared::{json as read, squall_in};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn results() -> PathBuf {
    root().join("docs/qualification/faults")
}

/// The scenarios of faults by name, each with the cluster file that its first lines name.
fn scenarios() -> BTreeMap<String, (PathBuf, PathBuf)> {
    let files = std::fs::read_dir(root().join("scenarios/faults")).unwrap().map(|file| file.unwrap().path());
    let with_cluster = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let cluster = text.lines().find_map(|line| line.strip_prefix("# For a cluster such as ../clusters/")?.strip_suffix(".yaml."));
        let cluster = root().join(format!("scenarios/clusters/{}.yaml", cluster.unwrap_or("faults")));
        (path.file_stem().unwrap().to_str().unwrap().to_owned(), (path, cluster))
    };
    files.map(with_cluster).collect()
}

/// Runs every scenario of `scenarios/faults`, sees that its fault acted and was taken back, keeps what its report says, and writes the page. `SQUALL_FAULTS` names some instead of all;
/// `SQUALL_QUALIFY_HOME` keeps the whole reports.
#[test]
#[ignore = "an hour; ./dev qualify faults"]
fn qualify_faults() {
    let wanted = std::env::var("SQUALL_FAULTS").unwrap_or_default();
    let own = tempfile::tempdir().unwrap();
    let home = std::env::var_os("SQUALL_QUALIFY_HOME").map_or(own.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(results()).unwrap();
    std::fs::create_dir_all(&home).unwrap();
    let mut by_cluster: BTreeMap<PathBuf, Vec<(String, PathBuf)>> = BTreeMap::new();
    for (name, (scenario, cluster)) in scenarios() {
        // The others run without a container engine.
        let all = wanted.is_empty() && !cluster.ends_with("containers.yaml");
        if all || wanted.split([',', ' ']).any(|wanted| wanted == name) {
            by_cluster.entry(cluster).or_default().push((name, scenario));
        }
    }
    for (mut cluster, scenarios) in by_cluster {
        if cluster.ends_with("containers.yaml") {
            cluster = of_images_made_here(&cluster, &home);
        }
        for (name, scenario) in scenarios {
            let mut run = squall_in(&home);
            run.arg("run").args(["--keep-cluster", "--seed", "1"]).arg(&scenario).arg("--on").arg(&cluster);
            let status = run.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
            let report = home.join("reports").join(&name).join("latest/report.json");
            println!("{name}: exit {:?}", status.code());
            assert!(report.is_file(), "{name} left no report");
            let report = read(&report);
            assert_eq!(report["faults"][0]["acted"], true, "{name}: {}", report["reasons"]);
            assert_eq!(report["open_undos"].as_array().map(Vec::len), Some(0), "{name}: {}", report["open_undos"]);
            let kept = kept(&report, status.code());
            // Where this machine keeps it is nobody's concern.
            let text = serde_json::to_string_pretty(&kept).unwrap().replace(home.join("state").to_str().unwrap(), "$SQUALL_STATE");
            std::fs::write(results().join(format!("{name}.json")), text + "\n").unwrap();
        }
        assert!(squall_in(&home).args(["cluster", "down"]).arg(&cluster).status().unwrap().success());
    }
    std::fs::write(root().join("docs/qualification/faults.md"), page()).unwrap();
}

/// The same cluster, of the images of `tests/containers/images.sh`, where the connector is in Flink's.
fn of_images_made_here(cluster: &Path, home: &Path) -> PathBuf {
    let text = std::fs::read_to_string(cluster).unwrap();
    let (before, connector) = text.split_once(" connector: ").unwrap();
    let text = format!("{before}{}", connector.split_once(',').unwrap().1);
    let text = text.replace("\"apache/kafka:", "\"squall-test/kafka:").replace("\"flink:", "\"squall-test/flink:");
    let path = home.join("containers.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

/// What of a report tells whether it says what happened.
fn kept(report: &Value, exit: Option<i32>) -> Value {
    let fault = &report["faults"][0];
    let moments = |(name, moment): (&String, &Value)| {
        let seen = moment["at_s"].as_f64().map(|at| json!(format!("{at:.3} s ± {:.3}", moment["error_s"].as_f64().unwrap_or(0.0))));
        (name.clone(), seen.unwrap_or_else(|| moment["not_seen"].clone()))
    };
    let timeline: serde_json::Map<String, Value> = fault["timeline"].as_object().into_iter().flatten().map(moments).collect();
    let checkpoints = report["checkpoints"].as_array().unwrap();
    let longest = checkpoints.iter().filter_map(|checkpoint| checkpoint["duration_s"].as_f64()).fold(0.0, f64::max);
    let failed = checkpoints.iter().filter(|checkpoint| checkpoint["status"] == "failed").count();
    let pick = |from: &Value, keys: &[&str]| -> Value {
        keys.iter()
            .filter(|key| !from[**key].is_null())
            .map(|key| ((*key).to_owned(), from[*key].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let each = |list: &Value, keys: &[&str]| -> Value { list.as_array().into_iter().flatten().map(|entry| pick(entry, keys)).collect() };
    json!({
        "commit": commit(),
        "date": report["started"].as_str().unwrap_or_default().get(..10),
        "exit": exit,
        "verdict": report["verdict"],
        "sentence": report["sentence"],
        "reasons": report["reasons"],
        "expectations": each(&report["expectations"], &["text", "status", "observed"]),
        "fault": pick(fault, &["kind", "target", "acted", "witness", "disturbed", "recovery", "outage_s", "restarts", "replayed_records",
            "checkpoint_age_s", "max_output_lag_records", "catch_up_records_per_second", "shares", "notes"]),
        "deeds": each(&fault["deeds"], &["what", "error", "witnessed", "undo"]),
        "timeline": timeline,
        "phases": each(&fault["phases"], &["name", "from_s", "to_s"]),
        "windows": each(&report["windows"], &["name", "input_records_per_second", "output_records_per_second", "max_output_lag_records",
            "checkpoints_completed", "checkpoints_failed", "restarts"]),
        "checkpoints": { "seen": checkpoints.len(), "failed": failed, "longest_s": longest },
        "restarts": each(&report["restarts"], &["at_s", "explained_by", "cause"]),
        "findings": each(&report["findings"], &["severity", "title", "evidence"]),
        "delivery": pick(&report["delivery"], &["acknowledged", "in_input", "seen", "lost", "duplicates", "reordered", "corrupt", "pending", "unexpected"]),
        "generator": pick(&report["generator"], &["kept_schedule", "reason", "scheduled", "acknowledged", "failed", "unresolved", "unsent"]),
    })
}

fn commit() -> String {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).current_dir(root()).output().ok();
    git(&["rev-parse", "--short", "HEAD"]).map_or_else(String::new, |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The page, from all results that are there.
fn page() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!(
        "# Each fault in one real run\n\nWritten by `./dev qualify faults`: the scenarios of `scenarios/faults`, each on the cluster file that it names (else \
         `scenarios/clusters/faults.yaml`: one broker, two TaskManagers, heartbeats of 2 s and 10 s), 1,000 records/s, checkpoints every 2 s, seed 1, {cores} cores \
         that other work shared. One run each: figures, not distributions. What is kept of each report is in [faults/](faults/).\n\n\
         | scenario | verdict | recovery | output stopped | restarts | lost | twice | in one sentence |\n|---|---|---|---|---|---|---|---|\n"
    );
    let mut commits = BTreeMap::new();
    for name in scenarios().keys() {
        let path = results().join(format!("{name}.json"));
        if !path.is_file() {
            continue;
        }
        let result = read(&path);
        commits.entry((result["date"].to_string(), result["commit"].to_string())).or_insert(0);
        let recovery = &result["fault"]["recovery"];
        let seconds = |value: &Value| value.as_f64().map(|seconds| format!("{seconds:.1} s"));
        let recovery =
            seconds(&recovery["recovery_time_s"]).unwrap_or_else(|| recovery["status"].as_str().unwrap_or("–").replace('_', " "));
        let count = |key: &str| result["delivery"][key].as_u64().map_or("–".to_owned(), |count| count.to_string());
        writeln!(
            text,
            "| [{name}](faults/{name}.json) | {} | {recovery} | {} | {} | {} | {} | {} |",
            result["verdict"].as_str().unwrap_or_default().replace('_', " "),
            seconds(&result["fault"]["outage_s"]).unwrap_or_else(|| "–".to_owned()),
            result["restarts"].as_array().map_or(0, Vec::len),
            count("lost"),
            count("duplicates"),
            result["sentence"].as_str().unwrap_or_default()
        )
        .unwrap();
    }
    let commits: Vec<String> = commits.keys().map(|(date, commit)| format!("{commit} ({date})").replace('"', "")).collect();
    writeln!(text, "\nCommits: {}.", commits.join(", ")).unwrap();
    text
}
