//! The verifier against a real broker: records are copied from the input to the sink as a job would, with planted defects,
//! and every defect must be named with its exact count.

mod run;

use std::time::Duration;

use squall::clock::{self, Timestamp};
use squall::delivery::{Check, Conservation, Filter, Judged, Observation, Verifier, VerifierSettings, ViolationKind};

use run::{Record, Run, WITHIN};

const BYTES: &str = r#"{"size":"100B"}"#;

#[test]
fn a_clean_run_is_clean() {
    let Some(run) = Run::new("a_clean_run_is_clean", Check::Forward, BYTES) else { return };
    run.write(&run.records, false);
    // Whoever reads it again takes no latencies of what was told before.
    let (sender, again) = std::sync::mpsc::channel();
    let settings = VerifierSettings { latencies_from: Timestamp(i64::MAX), ..run.verifier.settings().clone() };
    let second = Verifier::start(settings, move |observation| drop(sender.send(observation))).unwrap();
    assert!(second.catch_up(clock::now().plus(WITHIN)).unwrap().is_complete());
    second.finish().unwrap();
    assert!(again.iter().all(|observation| !matches!(observation, Observation::Latencies(_))));

    let (Judged { verdict, offenders }, drained, observations) = run.judge(WITHIN);
    assert!(drained.is_complete());
    assert_eq!((verdict.acknowledged, verdict.in_input, verdict.seen), (10_000, 10_000, 10_000));
    assert_eq!((verdict.lost, verdict.duplicates, verdict.reordered, verdict.corrupt, verdict.pending), (0, 0, 0, 0, 0));
    assert_eq!((verdict.no_data, verdict.no_order, verdict.no_contents, offenders.len(), verdict.seconds.len()), (None, None, None, 0, 0));

    let (mut visible, mut latencies, mut clocks) = (0, 0, 0);
    for observation in observations {
        match observation {
            Observation::Visible(batch) => {
                assert!(batch.first_seen <= batch.last_seen && batch.fresh == batch.records && !batch.furthest.is_empty());
                visible += batch.records;
            }
            Observation::Latencies(windows) => latencies += windows.iter().map(|window| window.end_to_end.len()).sum::<u64>(),
            Observation::BrokerClock(offset) => {
                // The broker's clock is this machine's.
                assert!(offset.offset_ns.abs() <= offset.uncertainty_ns + 1_000_000, "{offset:?}");
                clocks += 1;
            }
            Observation::Trouble(error) => panic!("{error}"),
        }
    }
    assert_eq!((visible, latencies), (10_000, 10_000));
    assert!(clocks > 0);
}

#[test]
fn every_planted_defect_is_named_with_its_count() {
    let Some(run) = Run::new("every_planted_defect_is_named", Check::Forward, BYTES) else { return };
    let mut out = Vec::new();
    let (mut lost, mut doubled, mut flipped) = (Vec::new(), 0, 0);
    for (index, record) in run.records.iter().enumerate() {
        match index % 1000 {
            7 => lost.push(record.clone()),
            // Three copies are one duplicated record and two copies too many.
            20 | 520 => {
                doubled += 1;
                out.extend([record.clone(), record.clone(), record.clone()]);
            }
            300 => {
                flipped += 1;
                let mut flipped = record.clone();
                flipped.value[50] ^= 1;
                out.push(flipped);
            }
            _ => out.push(record.clone()),
        }
    }
    // The last two records of a key, the other way round.
    let key = out.last().unwrap().key.clone();
    let last: Vec<usize> = out.iter().enumerate().rev().filter(|(_, record)| record.key == key).map(|(index, _)| index).take(2).collect();
    assert!(out[last[0]].identity() != out[last[1]].identity());
    out.swap(last[0], last[1]);
    // Never sent; of another run; of somebody else.
    out.push(run.records[0].with_identity(|identity| identity.sequence = 1_000_000));
    out.push(run.records[0].with_identity(|identity| identity.run = 1));
    out.push(Record { header: None, ..run.records[0].clone() });
    // Sent twice by the producer and forwarded twice: not the job's.
    let again = &run.records[100];
    run.send(&run.input.name, again);
    out.push(again.clone());
    run.write(&out, false);

    let (input, sink) = (run.input.name.clone(), run.sink.name.clone());
    let (Judged { verdict, offenders }, _, _) = run.judge(WITHIN);
    let count = |kind: &str| offenders.iter().filter(|offender| offender.kind == kind).count() as u64;
    assert_eq!((verdict.lost, count("lost")), (lost.len() as u64, 10));
    assert_eq!((verdict.duplicates, verdict.duplicate_copies, count("duplicate")), (doubled, 2 * doubled, 2 * doubled));
    assert_eq!((verdict.corrupt, count("corrupt")), (flipped, 10));
    assert_eq!((verdict.reordered, count("reordered")), (1, 1));
    assert_eq!((verdict.unexpected, count("unexpected")), (1, 1));
    assert_eq!((verdict.foreign, verdict.unidentified, verdict.damaged), (2, 1, 0));
    assert_eq!((verdict.in_input, verdict.input_duplicates, verdict.lost_by_kafka, verdict.pending), (10_000, 1, 0, 0));
    // A record without identity, and records missing, in a sink where only the job writes: the two may be the same.
    assert!(verdict.no_data.as_deref().unwrap().contains("10 are missing"), "{:?}", verdict.no_data);
    assert_eq!(verdict.seconds.iter().map(|second| second.lost).sum::<u64>(), 10);

    let mut expected: Vec<_> = lost.iter().map(|record| (record.identity().shard, record.identity().sequence)).collect();
    expected.sort_unstable();
    let mut found: Vec<_> =
        offenders.iter().filter(|offender| offender.kind == "lost").map(|offender| (offender.shard, offender.sequence)).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    let first = offenders.iter().find(|offender| offender.kind == "lost").unwrap();
    let record = lost.iter().find(|record| (record.identity().shard, record.identity().sequence) == (first.shard, first.sequence)).unwrap();
    assert_eq!(first.intended, record.identity().intended);
    assert_eq!((first.topic.as_str(), first.found_partition), (input.as_str(), Some(record.partition)));
    assert_eq!(first.key.as_deref(), Some(String::from_utf8_lossy(record.key.as_ref().unwrap()).as_ref()));
    assert!(
        offenders.iter().filter(|offender| offender.kind == "corrupt").all(|offender| offender.topic == sink && offender.offset.is_some())
    );
}

#[test]
fn what_an_open_transaction_hides_is_pending_and_not_lost() {
    let Some(run) = Run::new("what_an_open_transaction_hides", Check::Forward, BYTES) else { return };
    // The last chunk holds 990 records; 10 are lost.
    let _open = run.write(&run.records[10..], true);
    let (Judged { verdict, offenders }, drained, _) = run.judge(Duration::from_secs(2));
    assert!(!drained.is_complete() && drained.is_hidden(), "{drained:?}");
    assert_eq!((verdict.seen, verdict.pending, verdict.lost, verdict.no_data), (9000, 990, 10, None));
    assert!(offenders.iter().any(|offender| offender.kind == "pending" && offender.offset.is_some()));
}

#[test]
fn partitions_that_are_added_in_mid_run_are_read() {
    let Some(run) = Run::new("partitions_that_are_added", Check::Forward, BYTES) else { return };
    run.sink.admin.grow_topic(&run.sink.name, 5, WITHIN).unwrap();
    run.input.admin.grow_topic(&run.input.name, 6, WITHIN).unwrap();
    // A record of its own in a new input partition, which the job drops; the others go over new sink partitions too.
    let stranger =
        Record { partition: 5, ..run.records[0].with_identity(|identity| (identity.sequence, identity.partition) = (1_000_000, 5)) };
    run.send(&run.input.name, &stranger);
    let out: Vec<_> =
        run.records.iter().enumerate().map(|(index, record)| Record { partition: index as u32 % 5, ..record.clone() }).collect();
    run.write_over(5, &out, false);
    let (input, sink) = (run.input.name.clone(), run.sink.name.clone());
    let (Judged { verdict, offenders }, drained, observations) = run.judge(WITHIN);
    assert!(drained.is_complete(), "{drained:?}");
    assert_eq!((verdict.in_input, verdict.seen, verdict.lost, verdict.duplicates, verdict.no_data), (10_001, 10_000, 1, 0, None));
    assert_eq!((offenders[0].topic.as_str(), offenders[0].found_partition, offenders[0].offset), (input.as_str(), Some(5), Some(0)));
    let new = |observation: &Observation| matches!(observation, Observation::Visible(batch) if batch.topic == sink && batch.partition == 4);
    assert!(observations.iter().any(new));
}

#[test]
fn a_sink_without_the_brokers_clock_is_timed_by_the_reader() {
    let Some(run) = Run::new("a_sink_without_the_brokers_clock", Check::Forward, BYTES) else { return };
    run.sink.admin.set_topic_config(&run.sink.name, "message.timestamp.type", Some("CreateTime"), WITHIN).unwrap();
    run.write(&run.records, false);
    let (_, _, observations) = run.judge(WITHIN);
    let windows = observations.iter().filter_map(|observation| match observation {
        Observation::Latencies(windows) => Some(windows),
        _ => None,
    });
    let mut counted = 0;
    for window in windows.flatten() {
        assert_eq!((window.end_to_end.len(), window.end_to_end.max()), (window.visible.len(), window.visible.max()));
        counted += window.end_to_end.len();
    }
    assert_eq!(counted, 10_000);
}

#[test]
fn a_dropped_identity_is_no_loss_and_what_survives_is_said() {
    let Some(run) = Run::new("a_dropped_identity_is_no_loss", Check::Forward, BYTES) else { return };
    let out: Vec<_> = run.records.iter().map(|record| Record { header: None, key: None, ..record.clone() }).collect();
    run.write(&out, false);
    let (Judged { verdict, offenders }, _, _) = run.judge(WITHIN);
    assert!(offenders.is_empty() && verdict.seconds.is_empty());
    let reason = verdict.no_data.unwrap();
    assert!(
        reason.starts_with("cannot identify records") && reason.contains("value-prefix") && !reason.contains("identity: key"),
        "{reason}"
    );
}

#[test]
fn a_job_that_changes_values_is_not_corrupt() {
    let Some(run) = Run::new("a_job_that_changes_values", Check::Forward, BYTES) else { return };
    let out: Vec<_> = run.records.iter().map(|record| Record { value: b"changed".to_vec(), key: None, ..record.clone() }).collect();
    run.write(&out, false);
    let (Judged { verdict, .. }, _, _) = run.judge(WITHIN);
    assert_eq!((verdict.lost, verdict.corrupt, verdict.no_data), (0, 0, None));
    assert!(verdict.no_contents.is_some() && verdict.no_order.is_some());
}

#[test]
fn filters_and_fan_outs_are_judged_by_what_they_promise() {
    let share = Check::Filter(Filter::ExpectShare("25%".parse().unwrap()));
    let Some(run) = Run::new("filters_by_share", share, BYTES) else { return };
    let quarter: Vec<_> = run.records.iter().step_by(4).cloned().collect();
    run.write(&quarter, false);
    let (Judged { verdict, .. }, _, _) = run.judge(WITHIN);
    assert_eq!((verdict.lost, verdict.violations.len(), verdict.share), (0, 0, Some(0.25)));

    let share = Check::Filter(Filter::ExpectShare("25%".parse().unwrap()));
    let Some(run) = Run::new("filters_by_share_too_few", share, BYTES) else { return };
    let fifth: Vec<_> = run.records.iter().step_by(5).cloned().collect();
    run.write(&fifth, false);
    assert_eq!(run.judge(WITHIN).0.verdict.violations[0].kind, ViolationKind::Missing);

    let Some(run) = Run::new("fan_out", Check::FanOut(2), BYTES) else { return };
    let mut doubled: Vec<_> = run.records.iter().flat_map(|record| [record.clone(), record.clone()]).collect();
    doubled.pop();
    doubled.push(run.records[0].clone());
    run.write(&doubled, false);
    let (Judged { verdict, offenders }, _, _) = run.judge(WITHIN);
    assert_eq!((verdict.lost, verdict.duplicates, verdict.duplicate_copies, offenders.len()), (1, 1, 1, 2));
}

#[test]
fn sums_are_conserved() {
    let value = r#"{"json":{"amount":{"number":{"from":1,"to":100}}}}"#;
    let check = Check::Conservation(Conservation { field: "total".into(), input_field: Some("amount".into()), per: vec!["window".into()] });
    for missing in [0, 3] {
        let Some(run) = Run::new("sums_are_conserved", check.clone(), value) else { return };
        let mut totals = [0_i64; 20];
        let mut out = Vec::new();
        for (index, record) in run.records.iter().enumerate() {
            let value: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
            totals[index % 20] += value["amount"].as_f64().unwrap() as i64;
            if index % 20 == 0 || index >= 9980 {
                let total = totals[index % 20] - if index == 9999 { missing } else { 0 };
                let value = format!(r#"{{"window":{},"total":{total}}}"#, index % 20).into_bytes();
                out.push(Record { value, header: None, key: None, partition: (index % 20) as u32 });
            }
        }
        run.write(&out, false);
        let (Judged { verdict, .. }, _, _) = run.judge(WITHIN);
        assert_eq!(verdict.no_data, None);
        let kinds: Vec<_> = verdict.violations.iter().map(|violation| violation.kind).collect();
        assert_eq!(kinds, if missing == 0 { vec![] } else { vec![ViolationKind::Missing] }, "{:?}", verdict.violations);
    }
}
