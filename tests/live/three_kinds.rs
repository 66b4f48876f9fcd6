//! One scenario file, unchanged, on every kind of cluster: the same verdict, and where phases differ, which setting makes them differ.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::foreign::Foreign;
use super::shared::{json, squall_in, text};
use super::sshd::Sshd;

const CONFIG: &str = "config: { heartbeat.interval: 2s, heartbeat.timeout: 10s }";

fn run(home: &Path, file: &Path) -> (i32, Value) {
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/taskmanager-loss.yaml");
    let output = squall_in(home).arg("run").arg(scenario).arg("--on").arg(file).args(["--seed", "7"]).output().unwrap();
    println!("{}", text(&output));
    (output.status.code().unwrap(), json(&home.join("reports/taskmanager-loss/latest/report.json")))
}

fn write(home: &Path, name: &str, text: &str) -> PathBuf {
    let file = home.join(format!("{name}.yaml"));
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
#[ignore = "needs an engine, sshd and a quiet machine; ./dev qualify clusters"]
fn qualify_taskmanager_loss_on_three_kinds() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let top = "allow: [ everything ]\nkeep-at-least: { taskmanagers: 1 }\n";
    let local =
        format!("name: loss-local\nenvironment: test\nkind: {{ local: {{ flink: {{ taskmanagers: 2, slots: 2, {CONFIG} }} }} }}\n{top}");
    let containers = format!(
        "name: loss-containers\nenvironment: test\nkind: {{ containers: {{ kafka: {{ image: \"squall-test/kafka:4.3.1\" }}, \
         flink: {{ image: \"squall-test/flink:2.3.0\", taskmanagers: 2, slots: 2, {CONFIG} }} }} }}\n{top}"
    );
    let mut rows = vec![("local", run(home, &write(home, "local", &local)))];
    rows.push(("containers", run(home, &write(home, "containers", &containers))));
    let sshd = Sshd::start(&home.join("sshd")).expect("apt-get install openssh-server");
    let foreign = Foreign::start(home.join("owner"), "it-foreign-loss", &format!("{{ taskmanagers: 2, slots: 2, {CONFIG} }}"));
    let more = format!("    hosts: [ {} ]\n{}", sshd.host(), foreign.starts());
    rows.push(("external, over ssh", run(home, &write(home, "external", &foreign.file("loss-external", &more, top)))));
    drop(foreign);

    let mut table = String::from(
        "| | verdict | recovery time | output stopped | phases | restarts | first cause | lost, twice |\n|---|---|---|---|---|---|---|---|\n",
    );
    for (kind, (code, report)) in &rows {
        let fault = &report["faults"][0];
        let seconds = |value: &Value| value.as_f64().map_or("–".to_owned(), |seconds| format!("{seconds:.1} s"));
        let phase = |phase: &Value| {
            let took = phase["to_s"].as_f64().unwrap() - phase["from_s"].as_f64().unwrap();
            format!("{} {took:.1} s", phase["name"].as_str().unwrap())
        };
        let phases: Vec<String> = fault["phases"].as_array().unwrap().iter().map(phase).collect();
        writeln!(
            table,
            "| {kind} | {} ({code}) | {} ± {} | {} | {} | {} | {} | {}, {} |",
            report["verdict"].as_str().unwrap(),
            seconds(&fault["recovery"]["recovery_time_s"]),
            seconds(&fault["recovery"]["recovery_time_error_s"]),
            seconds(&fault["outage_s"]),
            phases.join(", "),
            fault["restarts"],
            report["restarts"][0]["cause"].as_str().unwrap_or("–").replace('|', "/"),
            report["delivery"]["lost"],
            report["delivery"]["duplicates"]
        )
        .unwrap();
    }
    println!("{table}");
    if let Some(folder) = std::env::var_os("SQUALL_QUALIFY") {
        std::fs::write(Path::new(&folder).join("three-kinds.md"), &table).unwrap();
    }
    let verdicts: Vec<i32> = rows.iter().map(|(_, (code, _))| *code).collect();
    assert_eq!(verdicts, [0, 0, 0], "{table}");
}
