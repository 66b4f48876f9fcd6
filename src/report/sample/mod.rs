//! Outcomes with realistic numbers for the tests of the reports: a killed TaskManager, the same and a slow sink, and one
//! whose every name is hostile.

mod faults;
mod simulation;

use std::collections::BTreeMap;

use crate::analysis::*;
use crate::clock::Timestamp;
use crate::delivery;
use crate::journal::{Accounting, Ending, FaultId, Of};
use crate::metric::{Metric, Unit};

pub(super) use faults::resumed;
use faults::{kill_fault, slow_sink_fault};
use simulation::{Noise, checkpoint, simulate};

const START: i64 = 1_795_251_246_000;

const RATE: f64 = 2000.0;

/// What a run adds to its outcome.
pub(super) fn extras() -> super::Extras {
    super::Extras {
        scenario_text: "name: taskmanager-loss\nduration: 2m\nexpect:\n  - recovery-time of lose-one < 60s\n".to_owned(),
        cluster_text: "name: laptop\nenvironment: test\n".to_owned(),
        command: "squall run scenarios/taskmanager-loss.yaml --on scenarios/clusters/local.yaml --seed 42".to_owned(),
        scenario_file: Some("scenarios/taskmanager-loss.yaml".to_owned()),
    }
}

/// A fault's window in seconds: from, removed, back.
type Disturbance = (f64, f64, f64);

/// The run of `ARCHITECTURE.md`'s example: one kill at 0:45.
pub(super) fn kill() -> Outcome {
    let mut outcome = run(105.0, &[(45.0, 50.6, 62.2)], None);
    outcome.scenario = "taskmanager-loss".to_owned();
    outcome.about = "Does the job catch up within a minute after losing a TaskManager?".to_owned();
    outcome.faults = vec![kill_fault()];
    outcome.windows = vec![
        window("baseline", 2.0, 45.0, RATE, 2000.0, 4210.0, 2.31, (22, 0)),
        window("lose-one", 45.0, 50.6, RATE, 0.0, 14_100.0, 7.9, (0, 1)),
        window("recovery of lose-one", 50.6, 62.2, RATE, 3310.0, 14_100.0, 9.4, (5, 0)),
        window("after lose-one", 62.2, 105.0, RATE, 2000.0, 4300.0, 2.36, (21, 0)),
    ];
    outcome.windows[1].restarts = 1;
    outcome
}

/// A kill at 0:45 and a slow sink from 2:00 to 2:30.
pub(super) fn kill_and_slow_sink() -> Outcome {
    let mut outcome = run(240.0, &[(45.0, 50.6, 62.2), (120.0, 150.0, 156.0)], Some((120.0, 150.0)));
    outcome.scenario = "taskmanager-loss-slow-sink".to_owned();
    outcome.about = "Does the job catch up within a minute after losing a TaskManager, and survive a slow sink?".to_owned();
    outcome.sentence = "Lost a TaskManager at 2,000 records/s: output stopped for 5.1 s and had caught up after 17.2 s. \
                        A sink slowed by 250 ms raised visible latency to 4.9 s and cost nothing else. No record was lost or written twice."
        .to_owned();
    outcome.faults = vec![kill_fault(), slow_sink_fault()];
    outcome.windows = vec![
        window("baseline", 2.0, 45.0, RATE, 2000.0, 4210.0, 2.31, (22, 0)),
        window("lose-one", 45.0, 50.6, RATE, 0.0, 14_100.0, 7.9, (0, 1)),
        window("recovery of lose-one", 50.6, 62.2, RATE, 3310.0, 14_100.0, 9.4, (5, 0)),
        window("after lose-one", 62.2, 120.0, RATE, 2000.0, 4300.0, 2.36, (29, 0)),
        window("slow-sink", 120.0, 150.0, RATE, 1985.0, 9800.0, 4.9, (10, 0)),
        window("recovery of slow-sink", 150.0, 156.0, RATE, 2300.0, 9100.0, 4.6, (3, 0)),
        window("after slow-sink", 156.0, 240.0, RATE, 2000.0, 4280.0, 2.33, (41, 0)),
    ];
    outcome.windows[1].restarts = 1;
    outcome
}

/// A soak whose heap leaks, whose state is steady, and whose threads nobody saw.
pub(super) fn soak() -> Outcome {
    const MIB: f64 = 1_048_576.0;
    let steady = Drift {
        what: "state".to_owned(),
        metric: Metric::StateSize,
        unit: Unit::Bytes,
        how: "of completed checkpoints".to_owned(),
        trend: Trend::Steady,
        per_second: Some(10.0),
        interval: Some((-120.0, 140.0)),
        p_value: Some(0.6),
        detectable: Some(300.0),
        level: Some(12.0 * MIB),
        points: 300,
        from: 360.0,
        to: 3600.0,
        full_in: None,
        limit: None,
    };
    let leaks = Drift {
        what: "heap of the TaskManagers".to_owned(),
        metric: Metric::HeapAfterCollection,
        how: "after full collections that squall asked for".to_owned(),
        trend: Trend::Grows,
        per_second: Some(2.1 * MIB / 60.0),
        interval: Some((1.95 * MIB / 60.0, 2.22 * MIB / 60.0)),
        p_value: Some(1e-9),
        full_in: Some((13_200.0, 12_480.0, Some(14_220.0))),
        limit: Some("heap full".to_owned()),
        ..steady.clone()
    };
    let unseen = Drift {
        what: "threads of the TaskManagers".to_owned(),
        metric: Metric::Threads,
        unit: Unit::Count,
        trend: Trend::NoData("it was not seen after warm-up".to_owned()),
        per_second: None,
        interval: None,
        p_value: None,
        detectable: None,
        level: None,
        ..steady.clone()
    };
    Outcome { scenario: "soak".to_owned(), drifts: vec![leaks, steady, unseen], ..kill() }
}

/// A day with a fault every quarter of an hour.
pub(super) fn day() -> Outcome {
    const DAY: f64 = 86_400.0;
    let mut outcome = kill();
    outcome.end = DAY + 9.0;
    outcome.traffic_end = Some(DAY);
    for series in &mut outcome.series {
        let once = series.points.clone();
        series.points = (0..86_400).map(|second| (f64::from(second), once[second as usize % once.len()].1)).collect();
    }
    for series in &mut outcome.latency {
        let once = series.points.clone();
        let at = |second: u32, (_, p50, p99, max): (f64, f64, f64, f64)| (f64::from(second), p50, p99, max);
        series.points = (0..86_400).map(|second| at(second, once[second as usize % once.len()])).collect();
    }
    outcome.checkpoints = (0..8640).map(|id| checkpoint(id, id as f64 * 10.0, 0.05, id % 777 == 0, &mut Noise(id))).collect();
    outcome.faults = (0..96)
        .map(|occurrence| {
            let mut fault = kill_fault();
            let later = f64::from(occurrence) * 900.0;
            fault.fault.occurrence = occurrence;
            fault.planned += later;
            for moment in [&mut fault.timeline.t0_effective, &mut fault.timeline.t4_all_running, &mut fault.timeline.t8_lag_back] {
                if let Moment::Seen { at, .. } = moment {
                    *at += later;
                }
            }
            for phase in &mut fault.phases {
                (phase.from, phase.to) = (phase.from + later, phase.to + later);
            }
            fault
        })
        .collect();
    outcome
}

/// Every text from outside tries to break out of where it is shown.
pub(super) fn hostile() -> Outcome {
    let evil = "<script>alert(1)</script>\u{1b}[31m\u{1b}]0;t\u{7}\n::error::x\r\nmet: all]]> & \"'` | \u{202e}--><!--";
    let mut outcome = kill_and_slow_sink();
    let set = |text: &mut String| *text = evil.to_owned();
    for text in [&mut outcome.run, &mut outcome.scenario, &mut outcome.about, &mut outcome.cluster, &mut outcome.sentence] {
        set(text);
    }
    outcome.reasons = vec![evil.to_owned()];
    for expectation in &mut outcome.expectations {
        set(&mut expectation.text);
        set(&mut expectation.observed);
        expectation.reason = expectation.reason.as_ref().map(|_| evil.to_owned());
    }
    for fault in &mut outcome.faults {
        set(&mut fault.fault.name);
        set(&mut fault.kind);
        set(&mut fault.target);
        fault.notes = vec![evil.to_owned()];
        fault.disturbed = vec![evil.to_owned()];
        fault.timeline.t5_first_output = Moment::NotSeen { reason: evil.to_owned() };
        for deed in &mut fault.deeds {
            set(&mut deed.what);
            deed.error = Some(evil.to_owned());
        }
    }
    for window in &mut outcome.windows {
        set(&mut window.name);
    }
    for series in &mut outcome.series {
        match &mut series.of {
            Of::Run => {}
            Of::Stream(name) | Of::Node(name) | Of::Query(name) => set(name),
            Of::Partition { topic, .. } => set(topic),
            Of::Subtask { vertex, .. } => set(vertex),
            Of::Change(_) | Of::Request { .. } => {}
        }
    }
    for skew in &mut outcome.skews {
        set(&mut skew.of);
        set(&mut skew.window);
    }
    for row in &mut outcome.lags {
        set(&mut row.partition);
    }
    for finding in &mut outcome.findings {
        set(&mut finding.title);
        set(&mut finding.evidence);
        set(&mut finding.advice);
    }
    for restart in &mut outcome.restarts {
        set(&mut restart.cause);
    }
    for checkpoint in &mut outcome.checkpoints {
        checkpoint.failure = Some(evil.to_owned());
    }
    for state in &mut outcome.states {
        set(&mut state.state);
    }
    outcome.hints = vec![evil.to_owned()];
    outcome.happenings = vec![(1.0, evil.to_owned(), evil.to_owned())];
    outcome.open_undos = vec![evil.to_owned()];
    outcome.facts = BTreeMap::from([(evil.to_owned(), BTreeMap::from([(evil.to_owned(), evil.to_owned())]))]);
    outcome.probe_errors = BTreeMap::from([(evil.to_owned(), (1, evil.to_owned()))]);
    outcome
}

fn seen(at: f64, error: f64, source: &str) -> Moment {
    Moment::Seen { at, error, source: source.to_owned() }
}

#[allow(clippy::too_many_arguments, reason = "one row of a table")]
fn window(name: &str, from: f64, to: f64, input: f64, output: f64, lag: f64, p99: f64, checkpoints: (u32, u32)) -> WindowOutcome {
    WindowOutcome {
        name: name.to_owned(),
        from,
        to,
        input_per_second: Some(input),
        output_per_second: Some(output),
        max_output_lag: Some(lag),
        latency: BTreeMap::from([
            (Metric::VisibleLatency, [p99 * 0.52, p99, p99 * 1.04, p99 * 1.08]),
            (Metric::EndToEndLatency, [0.012, 0.09, 0.14, 0.3]),
            (Metric::ProduceLatency, [0.0021, 0.0078, 0.019, 0.061]),
        ]),
        checkpoints_completed: checkpoints.0,
        checkpoints_failed: checkpoints.1,
        restarts: 0,
        requests: [("Produce", 9 * checkpoints.0), ("EndTxn", 2 * checkpoints.0)]
            .map(|(request, count)| ("sink".to_owned(), request.to_owned(), u64::from(count)))
            .into(),
    }
}

fn expectation(text: &str, line: u32, status: Status, observed: &str, value: Option<f64>, unit: Option<Unit>) -> ExpectationOutcome {
    ExpectationOutcome {
        text: text.to_owned(),
        line,
        status,
        observed: observed.to_owned(),
        value: value.map(|value| Figure { value, error: None }),
        unit,
        at: None,
        reason: None,
    }
}

fn run(end: f64, disturbances: &[Disturbance], slow: Option<(f64, f64)>) -> Outcome {
    let simulated = simulate(end, disturbances, slow);
    let mut no_data = expectation("p99(produce-latency) recovery of lose-one < 50ms", 24, Status::NoData, "", None, Some(Unit::Seconds));
    no_data.reason = Some("no record was acknowledged in `recovery of lose-one`".to_owned());
    let state = |at: f64, state: &str| StateChange { at, error: 0.01, state: state.to_owned() };
    let lag = |partition: u32| LagRow {
        partition: format!("orders-{partition}"),
        position: [Some(12.0), Some(2890.0), Some(0.0)],
        committed: [Some(520.0), Some(3560.0), Some(0.0)],
        output: [Some(1010.0), Some(3560.0), Some(0.0)],
        time: [Some(1.02), Some(7.1), Some(0.0)],
    };
    let records = (end * RATE) as u64;
    Outcome {
        gaps: Vec::new(),
        run: "20261121-085406-k3f9".to_owned(),
        scenario: String::new(),
        about: String::new(),
        cluster: "laptop: 1 broker, 2 TaskManagers".to_owned(),
        cluster_kind: "local".to_owned(),
        seed: 42,
        squall: "0.1.0".to_owned(),
        started: Timestamp::from_millis(START - 21_000),
        start: Some(Timestamp::from_millis(START)),
        end: end + 9.0,
        traffic_end: Some(end),
        ending: Some(Ending::Completed),
        verdict: Verdict::Failed,
        reasons: vec!["max(output-lag) during lose-one < 10k: 14.1 k at 0:51".to_owned()],
        sentence: "Lost a TaskManager at 2,000 records/s: output stopped for 5.1 s and had caught up after 17.2 s. \
                   No record was lost or written twice."
            .to_owned(),
        expectations: vec![
            expectation("recovery-time of lose-one < 60s", 20, Status::Met, "17.2 s ± 500 ms", Some(17.2), Some(Unit::Seconds)),
            expectation("max(output-lag) during lose-one < 10k", 21, Status::Failed, "14.1 k at 0:51", Some(14_100.0), Some(Unit::Records)),
            expectation("delivery == exactly-once", 22, Status::Met, "210,000 records: 0 lost, 0 twice, 0 corrupt", None, None),
            expectation("failed-checkpoints <= 2", 23, Status::Met, "1", Some(1.0), Some(Unit::Count)),
            no_data,
        ],
        faults: Vec::new(),
        windows: Vec::new(),
        series: simulated.series,
        latency: simulated.latency,
        states: vec![state(-3.0, "RUNNING"), state(47.11, "RESTARTING"), state(50.3, "RUNNING")],
        restarts: vec![Restart {
            at: 47.11,
            explained_by: Some(FaultId { name: "lose-one".to_owned(), occurrence: 0 }),
            cause: "TaskManager localhost:41235-5a1f40 is no longer reachable.".to_owned(),
        }],
        checkpoints: simulated.checkpoints,
        lags: (0..4).map(lag).collect(),
        skews: vec![
            SkewOutcome {
                of: "partitions of orders".to_owned(),
                window: "baseline".to_owned(),
                records: vec![22_912, 22_104, 22_310, 21_674],
                skew: 1.03,
                asked: Some(1.0),
            },
            SkewOutcome {
                of: "subtasks of enrich".to_owned(),
                window: "baseline".to_owned(),
                records: vec![52_110, 36_890],
                skew: 1.17,
                asked: None,
            },
        ],
        accounting: Some(Accounting { scheduled: records, sent: records, acknowledged: records, ..Accounting::default() }),
        generator: Ok(()),
        delivery: Some(delivery::Verdict {
            acknowledged: records,
            in_input: records,
            seen: records,
            offenders: vec![delivery::Offender {
                kind: "reordered".to_owned(),
                stream: "orders".to_owned(),
                partition: Some(2),
                sequence: 91_344,
                intended: Timestamp::from_millis(START + 45_672),
                ..delivery::Offender::default()
            }],
            reordered: 1,
            ..delivery::Verdict::default()
        }),
        drifts: Vec::new(),
        findings: vec![
            Finding {
                severity: "risk".to_owned(),
                title: "Detection takes as long as restore and first output together".to_owned(),
                evidence: "2.08 s between the kill and Flink's first sign of it; heartbeat.timeout is 6 s, the connection broke first"
                    .to_owned(),
                advice: "On machines that vanish without closing connections, detection will take heartbeat.timeout. Lower it if 6 s hurt."
                    .to_owned(),
            },
            Finding {
                severity: "note".to_owned(),
                title: "Catch-up has little headroom".to_owned(),
                evidence: "caught up at 1.31 k/s above the input of 2.00 k/s".to_owned(),
                advice: "An outage of one minute needs 1 min 32 s to catch up. More slots, or less work per record.".to_owned(),
            },
        ],
        hints: Vec::new(),
        happenings: vec![
            (0.0, "baseline".to_owned(), "2.00 k/s".to_owned()),
            (45.0, "fault".to_owned(), "lose-one: kill-taskmanager tm-b (runs 1 of 2 subtasks)".to_owned()),
            (45.03, "acted".to_owned(), "process gone, 31 ms after".to_owned()),
            (47.11, "job".to_owned(), "RUNNING → RESTARTING".to_owned()),
            (50.1, "undo".to_owned(), "lose-one: tm-c started in place of tm-b".to_owned()),
            (50.61, "job".to_owned(), "all 2 subtasks running, restored from checkpoint 22".to_owned()),
            (62.2, "recovered".to_owned(), "lose-one: 17.2 s ± 500 ms".to_owned()),
        ],
        resolutions: BTreeMap::from([
            ("output".to_owned(), (0.1, 0.0)),
            ("committed-lag".to_owned(), (1.0, 0.0)),
            ("position-lag".to_owned(), (1.0, 10.0)),
            ("job-state".to_owned(), (0.5, 3.0)),
        ]),
        probe_errors: BTreeMap::from([("position-lag".to_owned(), (3, "no running subtask".to_owned()))]),
        clocks: BTreeMap::from([("broker".to_owned(), (0.0, 0.0004)), ("jobmanager".to_owned(), (0.0003, 0.0011))]),
        facts: BTreeMap::from([
            ("versions".to_owned(), BTreeMap::from([("flink".to_owned(), "2.3.0".to_owned()), ("kafka".to_owned(), "4.3.1".to_owned())])),
            (
                "flink-config".to_owned(),
                BTreeMap::from([
                    ("execution.checkpointing.interval".to_owned(), "2 s".to_owned()),
                    ("heartbeat.interval".to_owned(), "2 s".to_owned()),
                    ("heartbeat.timeout".to_owned(), "6 s".to_owned()),
                ]),
            ),
        ]),
        open_undos: Vec::new(),
    }
}
