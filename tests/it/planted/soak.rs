//! Soaks of jobs that leak and of one that does not, with faults in turns: what is planted must be named with its slope, and nothing else.

use std::fmt::Write;

use serde_json::Value;

use super::stage::{Ran, Stage};

/// Records per second.
const RATE: u32 = 100;
/// Bytes that a leaking job keeps of each record.
const BYTES: u32 = 400;
/// What the JVM adds to an array of this size: header, its place in the list, the list's spare room.
const HEAP_BYTES: f64 = 16.0 + 5.0;
/// What Flink adds to an element of state.
const STATE_BYTES: f64 = 4.0;

/// `SQUALL_SOAK` says how long each soak is (60m), `SQUALL_CASES` which (clean,leak-heap,grow-state).
#[test]
#[ignore = "three hours; ./dev qualify soak [TIME] [CASES]"]
fn qualify_soak() {
    let lasts = std::env::var("SQUALL_SOAK").unwrap_or_else(|_| "60m".to_owned());
    let wanted = std::env::var("SQUALL_CASES").unwrap_or_default();
    let mut page = String::new();
    let mut mistakes = Vec::new();
    for defect in ["none", "leak-heap", "grow-state"] {
        if !wanted.is_empty() && !wanted.split(',').any(|one| one == defect) {
            continue;
        }
        // A cluster of its own: no job rests on what another one left in the processes.
        let stage = Stage::new(&format!("soak-{defect}"), "");
        let ran = soak(&stage, defect, &lasts);
        mistakes.extend(judge(defect, &ran).into_iter().map(|mistake| format!("{defect}: {mistake}")));
        row(&mut page, defect, &ran);
        println!("{}", ran.said);
        if let Some(keep) = std::env::var_os("SQUALL_KEEP") {
            let to = std::path::Path::new(&keep).join(defect);
            let copied = std::process::Command::new("cp").arg("-r").arg(&ran.folder).arg(&to).status().unwrap();
            assert!(copied.success());
        }
    }
    println!("{page}");
    if let Some(path) = std::env::var_os("SQUALL_ROWS") {
        std::fs::write(path, page).unwrap();
    }
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

fn soak(stage: &Stage, defect: &str, lasts: &str) -> Ran {
    let (input, sink) = stage.topics(defect);
    let text = format!(
        "name: soak-{defect}\n\
         job:\n\
         \x20 jar:\n\
         \x20   path: {jar}\n\
         \x20   class: dev.squall.jobs.PlantedJob\n\
         \x20   parallelism: 2\n\
         \x20   checkpoint: {{ interval: 2s, mode: exactly-once }}\n\
         \x20   args: [ --source, \"${{link.source}}\", --sink, \"${{link.sink}}\", --from, \"${{topic.orders}}\", --to, \"${{topic.enriched}}\",\n\
         \x20     --run, \"${{run}}\", --group, \"${{group}}\", --defect, {defect}, --bytes, \"{BYTES}\" ]\n\
         source: {{ topics: {{ orders: {{ name: {input} }} }}, group: soak-{defect} }}\n\
         sink: {{ topics: {{ enriched: {{ name: {sink} }} }}, identity: header }}\n\
         traffic: {{ orders: {{ rate: {{ constant: {RATE}/s }}, keys: {{ uniform: {{ distinct: 40 }} }}, value: {{ size: 100B }} }} }}\n\
         duration: 3m\n\
         drain: {{ within: 60s }}\n\
         timeline:\n\
         \x20 - {{ at: 45s, name: sink-slow, inject: {{ delay-sink: {{ add: 200ms, for: 15s }} }} }}\n\
         \x20 - {{ at: 110s, name: lose-one, inject: {{ kill-taskmanager: {{ count: 1, restart-after: 5s }} }} }}\n\
         expect:\n\
         \x20 - recovery-time of lose-one < 45s\n\
         \x20 - delivery == exactly-once\n\
         seed: 7\n",
        jar = stage.jar().display(),
    );
    stage.run_as(&["soak", "--for", lasts], &format!("soak-{defect}"), &text, |_| {})
}

fn drift<'a>(ran: &'a Ran, what: &str) -> &'a Value {
    ran.report["drifts"].as_array().unwrap().iter().find(|drift| drift["what"] == what).unwrap_or(&Value::Null)
}

fn judge(defect: &str, ran: &Ran) -> Vec<String> {
    let mut mistakes = Vec::new();
    let (heap, state) = (drift(ran, "heap of the TaskManagers"), drift(ran, "state"));
    let mut slope = |drift: &Value, truth: f64| {
        let found = drift["slope_per_second"].as_f64().unwrap_or(f64::NAN);
        if drift["status"] != "grows" || (found - truth).abs() > 0.2 * truth {
            mistakes.push(format!("{} must grow by {truth:.0} B/s: {}", drift["what"], drift["sentence"]));
        }
    };
    match defect {
        "leak-heap" => slope(heap, f64::from(RATE) * (f64::from(BYTES) + HEAP_BYTES)),
        "grow-state" => slope(state, f64::from(RATE) * (f64::from(BYTES) + STATE_BYTES)),
        _ => {
            for drift in ran.report["drifts"].as_array().unwrap() {
                if drift["status"] == "grows" {
                    mistakes.push(format!("nothing leaks, but {}: {}", drift["what"], drift["sentence"]));
                }
            }
            if ran.code != 0 {
                mistakes.push(format!("exit code {}: {}", ran.code, ran.report["reasons"]));
            }
        }
    }
    if defect != "grow-state" && state["status"] == "grows" {
        mistakes.push(format!("no state grows: {}", state["sentence"]));
    }
    if ran.report["delivery"]["lost"] != 0 || ran.report["delivery"]["duplicates"] != 0 {
        mistakes.push(format!("delivery: {}", ran.report["delivery"]));
    }
    mistakes
}

fn row(page: &mut String, defect: &str, ran: &Ran) {
    let faults = ran.report["faults"].as_array().unwrap();
    let recovered =
        faults.iter().filter(|fault| matches!(fault["recovery"]["status"].as_str(), Some("recovered" | "rode_through"))).count();
    writeln!(page, "### {defect}: exit {}, {recovered} of {} faults recovered from or ridden through\n", ran.code, faults.len()).unwrap();
    writeln!(page, "| series | what it does | usual | points |\n|---|---|--:|--:|").unwrap();
    for drift in ran.report["drifts"].as_array().unwrap() {
        let text = |key: &str| drift[key].as_str().unwrap_or_default().to_owned();
        let level = drift["level"].as_f64().map_or_else(|| "–".to_owned(), |level| format!("{level:.3}"));
        writeln!(page, "| {} | {} | {level} | {} |", text("what"), text("sentence"), drift["points"]).unwrap();
    }
    writeln!(page).unwrap();
}
