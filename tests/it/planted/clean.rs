//! Clean runs with kills: whatever is reported of them is a false alarm.

use serde::{Deserialize, Serialize};

use super::stage::Stage;

/// None of thirty: the true rate is below 10 % with 95 % confidence (the rule of three).
pub const RUNS: u32 = 30;

/// What a clean run came to.
#[derive(Serialize, Deserialize)]
pub struct Clean {
    pub seed: u32,
    pub code: i32,
    pub verdict: String,
    pub recovery_s: Option<f64>,
    pub error_s: Option<f64>,
    pub outage_s: Option<f64>,
    pub restarts: u64,
    pub records: u64,
    pub reasons: String,
}

pub fn perform(stage: &Stage, seed: u32) -> Clean {
    let jobs = super::stage::root().join("scenarios/jobs/passthrough.sql");
    let text = format!(
        "name: clean\n\
         job: {{ sql: {{ file: {}, parallelism: 2, checkpoint: {{ interval: 1s, mode: exactly-once }} }} }}\n\
         source: {{ topics: {{ orders: {{ partitions: 4 }} }} }}\n\
         sink: {{ topics: {{ enriched: {{ partitions: 4 }} }}, identity: header }}\n\
         traffic: {{ orders: {{ rate: {{ constant: 1k/s }}, keys: {{ uniform: {{ distinct: 1k }} }}, value: {{ size: 200B }} }} }}\n\
         duration: 62s\n\
         drain: {{ within: 60s }}\n\
         timeline: [ {{ at: 34s, name: lose-one, inject: {{ kill-taskmanager: {{ count: 1, restart-after: 3s }} }} }} ]\n\
         expect:\n  - recovery-time of lose-one < 25s\n  - delivery == exactly-once\n  - unexplained-restarts == 0\n  - job == RUNNING\n\
         seed: {seed}\n",
        jobs.display()
    );
    let ran = stage.run("clean", &text, |_| {});
    let report = &ran.report;
    let fault = &report["faults"][0];
    let reasons: Vec<&str> = report["reasons"].as_array().unwrap().iter().filter_map(|reason| reason.as_str()).collect();
    let clean = Clean {
        seed,
        code: ran.code,
        verdict: report["verdict"].as_str().unwrap().to_owned(),
        recovery_s: fault["recovery"]["recovery_time_s"].as_f64(),
        error_s: fault["recovery"]["recovery_time_error_s"].as_f64(),
        outage_s: fault["outage_s"].as_f64(),
        restarts: fault["restarts"].as_u64().unwrap_or(0),
        records: report["delivery"]["acknowledged"].as_u64().unwrap_or(0),
        reasons: reasons.join("; "),
    };
    println!("clean run {seed}: exit {}, {:?} s; {}", clean.code, clean.recovery_s, clean.reasons);
    if clean.code != 0 {
        println!("{}", ran.said);
    }
    clean
}

/// No run may report what was not planted. A machine that was too busy to say makes a run inconclusive, which is no alarm.
pub fn sound<'a>(runs: impl Iterator<Item = &'a Clean>) {
    let alarms: Vec<String> = runs.filter(|run| !matches!(run.code, 0 | 4)).map(|run| format!("{}: {}", run.seed, run.reasons)).collect();
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}
