//! Soaks of jobs that leak and of one that does not, with faults in turns: what is planted must be named with its slope, and nothing else.

use std::fmt::Write;

use serde_json::Value;

use super::stage::{Ran, Stage};

/// What a job is sent, and what it keeps of it.
#[derive(Clone, Copy)]
struct Load {
    /// Records per second.
    rate: u32,
    /// Bytes that a leaking job keeps of each.
    bytes: u32,
}

const LEAK_IN_SHORT: Load = Load { rate: 100, bytes: 2000 };

/// State is kept in few and large elements, and in less than half of a heap after an hour: each restore reads it all.
fn load(defect: &str) -> Load {
    match defect {
        "leak-heap" => Load { rate: 100, bytes: 400 },
        "grow-state" => Load { rate: 20, bytes: 1000 },
        _ => Load { rate: 20, bytes: 0 },
    }
}

/// What the JVM adds to an array of this size: header, its place in the list, the list's spare room.
const HEAP_BYTES: f64 = 16.0 + 5.0;
/// What Flink adds to an element of state.
const STATE_BYTES: f64 = 4.0;

/// In this one squall is killed at a third of its time, and another one goes on.
const CUT_OFF: &str = "grow-state";

/// squall itself may grow by a megabyte an hour, by the upper end of the interval, in bytes per second. Below an hour the interval is too wide.
const MOST_OF_OUR_OWN: f64 = 1e6 / 3600.0;
const LONG_ENOUGH: f64 = 3500.0;

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
        let ran = soak(&stage, defect, &lasts, load(defect));
        mistakes.extend(judge(defect, &ran, load(defect), is_long(&lasts)).into_iter().map(|mistake| format!("{defect}: {mistake}")));
        row(&mut page, defect, &ran);
        println!("{}", ran.said);
        if let Some(keep) = std::env::var_os("SQUALL_KEEP") {
            std::fs::create_dir_all(&keep).unwrap();
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

#[test]
fn five_minutes_name_a_leak() {
    let ran = soak(&Stage::new("soak-in-short", ""), "leak-heap", "5m", LEAK_IN_SHORT);
    println!("{}", ran.said);
    let mistakes = judge("leak-heap", &ran, LEAK_IN_SHORT, false);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    assert!(ran.report["faults"].as_array().unwrap().len() >= 2, "{}", ran.report["faults"]);
}

fn soak(stage: &Stage, defect: &str, lasts: &str, load: Load) -> Ran {
    let Load { rate, bytes } = load;
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
         \x20     --run, \"${{run}}\", --group, \"${{group}}\", --defect, {defect}, --bytes, \"{bytes}\" ]\n\
         source: {{ topics: {{ orders: {{ name: {input} }} }}, group: soak-{defect} }}\n\
         sink: {{ topics: {{ enriched: {{ name: {sink} }} }}, identity: header }}\n\
         traffic: {{ orders: {{ rate: {{ constant: {rate}/s }}, keys: {{ uniform: {{ distinct: 40 }} }}, value: {{ size: 100B }} }} }}\n\
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
    // Between two faults there must be time to see what a restart does not empty.
    let spacing: &[&str] = if is_long(lasts) { &["--spacing", "4m"] } else { &[] };
    let going = stage.start(&[&["soak", "--for", lasts], spacing].concat(), &format!("soak-{defect}"), &text);
    if defect != CUT_OFF {
        return going.end();
    }
    let third = lasts.parse::<squall::units::Duration>().unwrap().0 / 3;
    std::thread::sleep(going.zero.plus(third).remaining());
    going.cut_off(std::time::Duration::from_secs(20)).end()
}

fn is_long(lasts: &str) -> bool {
    lasts.parse::<squall::units::Duration>().unwrap().seconds() >= LONG_ENOUGH
}

fn drift<'a>(ran: &'a Ran, what: &str) -> &'a Value {
    ran.report["drifts"].as_array().unwrap().iter().find(|drift| drift["what"] == what).unwrap_or(&Value::Null)
}

fn judge(defect: &str, ran: &Ran, load: Load, long: bool) -> Vec<String> {
    let kept = |overhead: f64| f64::from(load.rate) * (f64::from(load.bytes) + overhead);
    let mut mistakes = Vec::new();
    let (heap, state) = (drift(ran, "heap of the TaskManagers"), drift(ran, "state"));
    let mut slope = |drift: &Value, truth: f64| {
        let found = drift["slope_per_second"].as_f64().unwrap_or(f64::NAN);
        if drift["status"] != "grows" || (found - truth).abs() > 0.2 * truth {
            mistakes.push(format!("{} must grow by {truth:.0} B/s: {}", drift["what"], drift["sentence"]));
        }
    };
    match defect {
        "leak-heap" => slope(heap, kept(HEAP_BYTES)),
        "grow-state" => slope(state, kept(STATE_BYTES)),
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
    let own = drift(ran, "squall's own memory");
    let high = own["slope_high_per_second"].as_f64().unwrap_or(f64::INFINITY);
    if defect != CUT_OFF && long && high > MOST_OF_OUR_OWN {
        mistakes.push(format!("squall itself may grow by {high:.0} B/s: {}", own["sentence"]));
    }
    let gaps = ran.report["gaps"].as_array().map_or(0, Vec::len);
    if gaps != usize::from(defect == CUT_OFF) {
        mistakes.push(format!("{gaps} gaps: {}", ran.report["gaps"]));
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
    if let Some(gap) = ran.report["gaps"].as_array().and_then(|gaps| gaps.first()) {
        writeln!(page, "squall was killed at a third of the time, and another one resumed: {gap}\n").unwrap();
    }
    writeln!(page, "| series | what it does | usual | points |\n|---|---|--:|--:|").unwrap();
    for drift in ran.report["drifts"].as_array().unwrap() {
        let text = |key: &str| drift[key].as_str().unwrap_or_default().to_owned();
        let level = drift["level"].as_f64().map_or_else(|| "–".to_owned(), |level| format!("{level:.3}"));
        writeln!(page, "| {} | {} | {level} | {} |", text("what"), text("sentence"), drift["points"]).unwrap();
    }
    let own = drift(ran, "squall's own memory");
    let per_hour = |key: &str| own[key].as_f64().map_or_else(|| "?".to_owned(), |slope| format!("{:+.2}", slope * 3600.0 / 1e6));
    let [middle, low, high] = ["slope_per_second", "slope_low_per_second", "slope_high_per_second"].map(per_hour);
    writeln!(page, "\nsquall's own resident memory: {middle} MB/h ({low} to {high}), from {} s on\n", own["from_s"]).unwrap();
}
