//! The planted defects.

use std::collections::BTreeMap;

use super::case::{Case, Evidence};

/// A job that does all right, for 20 s.
const SOUND: Case = Case {
    name: "sound",
    planted: "nothing",
    job: "--defect none",
    config: "",
    rate: 1000,
    seconds: 20,
    timeline: "",
    hold_commits: None,
    expect: &[("delivery == exactly-once", "met"), ("unexplained-restarts == 0", "met")],
    exit: 0,
    wrong: |_| BTreeMap::new(),
    also: |_, _| String::new(),
};

/// A TaskManager is lost after 8 s: too early for a baseline, and enough to make the job restore.
const KILL: &str = "{ at: 8s, name: lose-one, inject: { kill-taskmanager: { count: 1, restart-after: 3s } } }";
/// The same with a baseline before it.
const KILL_LATE: &str = "{ at: 34s, name: lose-one, inject: { kill-taskmanager: { count: 1, restart-after: 3s } } }";

const BROKEN: &[(&str, &str)] = &[("delivery == exactly-once", "failed")];

fn one(kind: &'static str, count: u64) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([(kind, count)])
}

/// The diary must name as many records as there were to choose.
fn every(evidence: &Evidence, every: i64, mistakes: &mut Vec<String>) {
    if evidence.diary() != evidence.every(every) {
        mistakes.push(format!("the job's diary names {} records, there were {} to choose", evidence.diary(), evidence.every(every)));
    }
}

/// Everything that Kafka's client finds: where no job can say what becomes of its deeds.
fn as_found(evidence: &Evidence) -> BTreeMap<&'static str, u64> {
    super::case::KINDS.iter().map(|kind| (*kind, evidence.oracle(kind))).collect()
}

/// For `./dev test`.
pub fn short() -> Vec<Case> {
    vec![
        Case { seconds: 20, ..drops_after_a_restore() },
        Case { rate: 500, seconds: 12, ..loses_headers() },
        Case {
            rate: 500,
            seconds: 12,
            job: "--defect duplicate --every 400",
            planted: "doubles one in 400",
            also: |e, m| {
                every(e, 400, m);
                String::new()
            },
            ..doubles_rarely()
        },
    ]
}

/// All of them: clusters, more of Flink's configuration there, and cases.
pub fn all() -> Vec<(&'static str, &'static str, Vec<Case>)> {
    let usual = vec![
        Case { planted: "nothing; a TaskManager is lost", timeline: KILL, seconds: 30, ..SOUND },
        drops(),
        drops_after_a_restore(),
        at_least_once(),
        doubles_rarely(),
        reorders(),
        flips_a_byte(),
        loses_headers(),
        short_transactions(),
        slow_restore(),
        throws(),
        fails(),
    ];
    let drill = |name, planted| Case { name, planted, ..recovers() };
    vec![
        ("it-planted", "", usual),
        (
            "it-adaptive",
            ", jobmanager.scheduler: adaptive",
            vec![
                drill("adaptive", "nothing; a TaskManager is lost under the adaptive scheduler"),
                Case { name: "adaptive-throws", ..throws() },
            ],
        ),
        (
            "it-full",
            ", jobmanager.execution.failover-strategy: full",
            vec![drill("full", "nothing; a TaskManager is lost under full failover"), jobmanager_away()],
        ),
    ]
}

fn drops() -> Case {
    Case {
        name: "drops",
        planted: "drops one in 100,000",
        job: "--defect drop --every 100000",
        rate: 10_000,
        seconds: 45,
        expect: BROKEN,
        exit: 99,
        wrong: |evidence| one("lost", evidence.diary()),
        also: |evidence, mistakes| {
            every(evidence, 100_000, mistakes);
            located(evidence, mistakes);
            String::new()
        },
        ..SOUND
    }
}

/// Each first offender must be a record of the diary, by its place in the input.
fn located(evidence: &Evidence, mistakes: &mut Vec<String>) {
    let offenders = evidence.report()["delivery"]["offenders"].as_array().unwrap();
    let found: Vec<_> = offenders.iter().map(|offender| (offender["found_partition"].as_u64(), offender["offset"].as_i64())).collect();
    let planted = |(partition, offset): &(Option<u64>, Option<i64>)| {
        partition.zip(*offset).is_some_and(|(partition, offset)| evidence.records.contains(&(partition as u32, offset)))
    };
    if found.len() as u64 != evidence.diary().min(10) || !found.iter().all(planted) {
        mistakes.push(format!("the first offenders are {found:?}, the job dropped {:?}", evidence.records));
    }
}

fn drops_after_a_restore() -> Case {
    Case {
        name: "drops-after-restore",
        planted: "drops one in 100 after a restore",
        job: "--defect drop-after-restore --every 100",
        seconds: 30,
        timeline: KILL,
        expect: BROKEN,
        exit: 99,
        wrong: |evidence| one("lost", evidence.diary()),
        also: |evidence, mistakes| {
            if evidence.diary() == 0 || evidence.diary() >= evidence.every(100) {
                mistakes.push(format!("{} drops were planted after the restore", evidence.diary()));
            }
            located(evidence, mistakes);
            String::new()
        },
        ..SOUND
    }
}

fn at_least_once() -> Case {
    Case {
        name: "at-least-once",
        planted: "a sink that is at-least-once; a TaskManager is lost",
        job: "--defect none --guarantee at-least-once",
        seconds: 30,
        timeline: KILL,
        expect: &[("delivery == exactly-once", "failed"), ("delivery == at-least-once", "met"), ("delivery == at-most-once", "failed")],
        exit: 99,
        wrong: as_found,
        also: |evidence, mistakes| {
            if evidence.oracle("duplicates") == 0 {
                mistakes.push("nothing was doubled".to_owned());
            }
            "at-least-once holds".to_owned()
        },
        ..SOUND
    }
}

fn doubles_rarely() -> Case {
    Case {
        name: "doubles",
        planted: "doubles one in 2,000",
        job: "--defect duplicate --every 2000",
        expect: &[("delivery == exactly-once", "failed"), ("delivery == at-least-once", "met")],
        exit: 99,
        wrong: |evidence| BTreeMap::from([("duplicates", evidence.diary()), ("duplicate_copies", evidence.diary())]),
        also: |evidence, mistakes| {
            every(evidence, 2000, mistakes);
            String::new()
        },
        ..SOUND
    }
}

fn reorders() -> Case {
    Case {
        name: "reorders",
        planted: "lets one in 1,400 be overtaken within its key",
        job: "--defect reorder --every 1400",
        expect: &[("reordered == 0", "failed"), ("delivery == exactly-once", "met")],
        exit: 99,
        wrong: |evidence| one("reordered", evidence.diary()),
        also: |evidence, mistakes| {
            every(evidence, 1400, mistakes);
            String::new()
        },
        ..SOUND
    }
}

fn flips_a_byte() -> Case {
    Case {
        name: "flips",
        planted: "flips a bit of one in 1,200",
        job: "--defect corrupt --every 1200",
        expect: &[("delivery == exactly-once", "failed"), ("delivery == at-most-once", "failed"), ("corrupt == 0", "failed")],
        exit: 99,
        wrong: |evidence| one("corrupt", evidence.diary()),
        also: |evidence, mistakes| {
            every(evidence, 1200, mistakes);
            String::new()
        },
        ..SOUND
    }
}

fn loses_headers() -> Case {
    Case {
        name: "loses-headers",
        planted: "drops the header with the identity",
        job: "--defect lose-header",
        expect: &[("delivery == exactly-once", "no_data"), ("lost == 0", "no_data")],
        exit: 4,
        also: |evidence, mistakes| {
            let reason = evidence.report()["delivery"]["no_data"].as_str().unwrap_or_default();
            if !reason.starts_with("cannot identify records") || !reason.contains("value-prefix") || !reason.contains("identity: key") {
                mistakes.push(format!("no data because: {reason}"));
            }
            "no data: cannot identify records; hint: `value-prefix` or `key` would survive".to_owned()
        },
        ..SOUND
    }
}

fn short_transactions() -> Case {
    Case {
        name: "short-transactions",
        planted: "transaction.timeout.ms of 5 s; EndTxn is held back for 10 s",
        job: "--defect none --transaction-timeout 5000",
        rate: 2000,
        seconds: 40,
        hold_commits: Some((12, 10)),
        expect: &[("delivery == exactly-once", "failed"), ("delivery == at-least-once", "failed"), ("job == RUNNING", "met")],
        exit: 99,
        wrong: as_found,
        also: |evidence, mistakes| {
            if evidence.oracle("lost") < 1000 {
                mistakes.push("nothing was lost".to_owned());
            }
            let findings = evidence.report()["findings"].to_string();
            if !findings.contains("transaction.timeout.ms") {
                mistakes.push(format!("no finding names the transaction timeout: {findings}"));
            }
            let hints: Vec<&str> = evidence.report()["hints"].as_array().unwrap().iter().filter_map(|hint| hint.as_str()).collect();
            if !hints.iter().any(|hint| hint.starts_with("transaction: ")) {
                mistakes.push(format!("no hint of a transaction that was aborted: {hints:?}"));
            }
            format!("the job ends RUNNING; {} hints beside the verdict", hints.len())
        },
        ..SOUND
    }
}

/// A clean job that is given time to come back.
fn recovers() -> Case {
    Case {
        name: "recovers",
        planted: "nothing; a TaskManager is lost",
        seconds: 70,
        timeline: KILL_LATE,
        expect: &[
            ("delivery == exactly-once", "met"),
            ("recovery-time of lose-one < 30s", "met"),
            ("unexplained-restarts == 0", "met"),
            ("job == RUNNING", "met"),
        ],
        also: |evidence, mistakes| {
            let fault = &evidence.report()["faults"][0];
            for moment in
                ["t0_effective", "t1_last_output", "t2_departed_running", "t4_all_running", "t6_first_new_output", "t7_first_checkpoint"]
            {
                if !fault["timeline"][moment]["at_s"].is_number() {
                    mistakes.push(format!("{moment}: {}", fault["timeline"][moment]));
                }
            }
            if evidence.restarts().1 == 0 {
                mistakes.push("no restart was seen".to_owned());
            }
            recovery(evidence)
        },
        ..SOUND
    }
}

fn recovery(evidence: &Evidence) -> String {
    let fault = &evidence.report()["faults"][0];
    let recovery = &fault["recovery"];
    match recovery["recovery_time_s"].as_f64() {
        Some(time) => {
            format!(
                "recovered in {time:.1} s ± {:.1} s, {} restarts",
                recovery["recovery_time_error_s"].as_f64().unwrap_or(0.0),
                fault["restarts"]
            )
        }
        None => format!("{} ({})", recovery["status"].as_str().unwrap(), recovery["reason"].as_str().unwrap_or_default()),
    }
}

fn slow_restore() -> Case {
    Case {
        name: "slow-restore",
        planted: "takes 8 s longer to restore; a TaskManager is lost",
        job: "--defect slow-restore --millis 8000",
        seconds: 80,
        expect: &[("delivery == exactly-once", "met"), ("recovery-time of lose-one < 8s", "failed"), ("unexplained-restarts == 0", "met")],
        exit: 99,
        also: |evidence, mistakes| {
            let fault = &evidence.report()["faults"][0];
            let phases = fault["phases"].as_array().unwrap();
            let restore = phases.iter().find(|phase| phase["name"] == "restore");
            let length = restore.map_or(0.0, |phase| phase["to_s"].as_f64().unwrap() - phase["from_s"].as_f64().unwrap());
            if !(8.0..11.0).contains(&length) {
                mistakes.push(format!("8 s of restore show as {length} s: {phases:?}"));
            }
            format!("phase *restore* {length:.1} s; {}", recovery(evidence))
        },
        ..recovers()
    }
}

fn throws() -> Case {
    Case {
        name: "throws",
        planted: "throws by itself 45 s after each start; a TaskManager is lost",
        job: "--defect throw-every --millis 45000",
        seconds: 110,
        expect: &[("delivery == exactly-once", "met"), ("unexplained-restarts == 0", "failed")],
        exit: 99,
        also: |evidence, mistakes| {
            let (foreign, ours) = evidence.restarts();
            if foreign != evidence.lines {
                mistakes.push(format!(
                    "{} throws by the diary, {foreign} unexplained restarts: {}",
                    evidence.lines,
                    evidence.report()["restarts"]
                ));
            }
            let restarts = evidence.report()["restarts"].as_array().unwrap();
            let planted = |restart: &serde_json::Value| restart["cause"].as_str().unwrap().contains("planted: throws");
            if restarts.iter().any(|restart| planted(restart) != restart["explained_by"].is_null()) || ours == 0 {
                mistakes.push(format!("restarts: {}", evidence.report()["restarts"]));
            }
            format!(
                "{foreign} unexplained restarts with the exception, {ours} of the lost TaskManager; the job threw {} times",
                evidence.lines
            )
        },
        ..recovers()
    }
}

fn fails() -> Case {
    Case {
        name: "fails",
        planted: "throws after a restore, two restarts allowed: ends FAILED",
        job: "--defect fail-after-restore --transaction-timeout 15000",
        config: "restart-strategy.type: fixed-delay, restart-strategy.fixed-delay.attempts: 2, restart-strategy.fixed-delay.delay: 1s",
        seconds: 60,
        expect: &[("job == RUNNING", "failed"), ("recovery-time of lose-one < 20s", "failed"), ("delivery == exactly-once", "failed")],
        exit: 99,
        wrong: as_found,
        also: |evidence, mistakes| {
            let report = evidence.report();
            if report["faults"][0]["recovery"]["status"] != "not_recovered" {
                mistakes.push(format!("recovery: {}", report["faults"][0]["recovery"]));
            }
            let sentence = report["sentence"].as_str().unwrap();
            if !sentence.contains("FAILED") {
                mistakes.push(format!("the sentence does not say that the job failed: {sentence}"));
            }
            if !report["findings"].to_string().contains("FAILED") {
                mistakes.push(format!("no finding says that the job failed: {}", report["findings"]));
            }
            "not recovered; the job ended FAILED".to_owned()
        },
        ..recovers()
    }
}

fn jobmanager_away() -> Case {
    Case {
        name: "jobmanager-away",
        planted: "nothing; the JobManager is frozen for 10 s",
        timeline: "{ at: 34s, name: away, inject: { freeze-jobmanager: { for: 10s } } }",
        expect: &[("delivery == exactly-once", "met"), ("unexplained-restarts == 0", "met"), ("job == RUNNING", "met")],
        also: |evidence, mistakes| {
            let states = evidence.report()["job_states"].to_string();
            if !states.contains("UNKNOWN") {
                mistakes.push(format!("the job's state was always known: {states}"));
            }
            format!("its state was unknown meanwhile; {}", recovery(evidence))
        },
        ..recovers()
    }
}
