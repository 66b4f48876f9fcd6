//! The producer against librdkafka's own mock broker, which it starts inside the client when asked to.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::action::TrafficChange;
use crate::clock::{self, Timestamp};
use crate::kafka::Connection;
use crate::traffic::{Placement, SHARDS, Stream};
use crate::units::{Count, Ratio};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Settled>>>);

impl AckSink for Kept {
    fn settled(&mut self, records: &[Settled]) {
        self.0.lock().unwrap().extend_from_slice(records);
    }
}

fn input(rest: &str, properties: &str) -> Input {
    let text = format!(r#"{{{rest},"value":{{"size":"100B"}},"producer":{{"test.mock.num.brokers":"1"{properties}}}}}"#);
    let stream: Stream = serde_json::from_str(&text).unwrap();
    Input { name: "orders".to_owned(), topic: "orders".to_owned(), partitions: 4, stream }
}

fn settings(start: Timestamp, duration: Duration) -> Settings {
    Settings {
        run: "test".to_owned(),
        seed: 1,
        connection: Connection::plain("127.0.0.1:1"),
        start,
        duration,
        slice: Slice::WHOLE,
        placement: Placement::Header,
    }
}

fn started(input: Input, duration: Duration) -> (Traffic, Kept) {
    let settings = settings(clock::now().plus(Duration::from_millis(300)), duration);
    let kept = Kept::default();
    let traffic = Traffic::start(&settings, &[input], |_, _| Box::new(kept.clone())).unwrap();
    (traffic, kept)
}

fn until(what: impl Fn() -> bool) {
    let deadline = clock::now().plus(Duration::from_secs(60));
    while !what() && clock::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(10));
    }
    assert!(what(), "not within a minute");
}

/// Each record settled once, and numbered densely within its shard.
fn assert_dense(settled: &[Settled]) {
    for shard in 0..SHARDS {
        let numbers: Vec<u64> = settled.iter().filter(|record| record.shard == shard).map(|record| record.sequence).collect();
        let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
        assert_eq!(numbers.len(), distinct.len());
        assert!(distinct.into_iter().eq(0..numbers.len() as u64));
    }
}

#[test]
fn every_record_of_the_schedule_is_settled_once() {
    let rest = r#""rate":{"constant":"3k/s"},"keys":{"hot":{"share":"60%","keys":"1","distinct":"1k"}},"threads":3"#;
    let (traffic, kept) = started(input(rest, ""), Duration::from_millis(1500));
    let mut progress = traffic.join();
    let stream = progress.streams.remove(0);
    let accounts = stream.accounts;
    assert!(accounts.add_up(), "{accounts:?}");
    assert_eq!((accounts.scheduled, accounts.in_flight, stream.complaint), (4500, 0, None));
    let settled = kept.0.lock().unwrap();
    assert_eq!((settled.len() as u64, accounts.acknowledged), (accounts.sent, accounts.sent));
    assert_dense(&settled);
    assert!(settled.iter().all(|record| matches!(record.outcome, Outcome::Acknowledged { .. })));

    let of_partitions: u64 = stream.partitions.iter().map(|partition| partition.acknowledged).sum();
    assert_eq!(of_partitions, accounts.acknowledged);
    let furthest = stream.partitions.iter().filter_map(|partition| partition.furthest).max();
    assert_eq!(furthest, settled.iter().map(|record| record.intended).max());
    let (slips, latencies): (u64, u64) =
        stream.windows.iter().fold((0, 0), |(slips, latencies), window| (slips + window.slip.len(), latencies + window.latency.len()));
    assert_eq!((slips, latencies), (accounts.sent, accounts.acknowledged));
    let (key, count) = &stream.top_keys[0];
    let share = *count as f64 / accounts.acknowledged as f64;
    assert!(key == "k000" && (0.55..0.65).contains(&share), "{key}: {share}");
}

#[test]
fn what_an_earlier_process_began_is_gone_on_with() {
    let rest = r#""rate":{"constant":"2k/s"},"keys":{"zipf":{"distinct":"1k","exponent":1}},"threads":2"#;
    let from = clock::now().plus(Duration::from_millis(300));
    // It began 3 s before, and had sent for one of them.
    let settings = settings(from.minus(Duration::from_secs(3)), Duration::from_secs(4));
    let partitions = vec![PartitionProgress { acknowledged: 500, furthest: Some(settings.start) }; 4];
    let before = Before { sequences: [70_000; SHARDS as usize], acknowledged: 2000, partitions };
    let kept = Kept::default();
    let traffic = Traffic::go_on(&settings, &[input(rest, "")], from, &[before], |_, _| Box::new(kept.clone())).unwrap();
    assert_eq!(traffic.due_between(settings.start.plus(Duration::from_secs(1)), from), 4000);
    let progress = traffic.join();
    let stream = &progress.streams[0];
    assert!(stream.accounts.add_up(), "{:?}", stream.accounts);
    assert_eq!((stream.accounts.scheduled, stream.accounts.acknowledged), (4000, 2000 + stream.own));
    let settled = kept.0.lock().unwrap();
    assert_eq!(settled.len() as u64, stream.own);
    assert!(settled.iter().all(|record| record.intended >= from && record.sequence >= 70_000));
    let numbers: BTreeSet<(u16, u64)> = settled.iter().map(|record| (record.shard, record.sequence)).collect();
    assert_eq!(numbers.len(), settled.len());
    assert_eq!(stream.partitions.iter().map(|partition| partition.acknowledged).sum::<u64>(), stream.accounts.acknowledged);
}

#[test]
fn changes_come_and_go_and_a_stop_closes_the_books() {
    let rest = r#""rate":{"constant":"2k/s"},"keys":{"uniform":{"distinct":"1k"}},"threads":2"#;
    let (mut traffic, kept) = started(input(rest, ""), Duration::from_secs(600));
    let settled = || kept.0.lock().unwrap().len();
    until(|| settled() > 300);
    let skew = TrafficChange::SkewKeys { share: Ratio(0.5), keys: Count(1) };
    let from = traffic.change("orders", 7, &skew).unwrap();
    traffic.change("orders", 8, &TrafficChange::Surge { factor: 3.0 }).unwrap();
    let then = settled();
    until(|| settled() > then + 3000);
    let to = traffic.restore("orders", 7).unwrap();
    traffic.restore("orders", 8).unwrap();
    traffic.restore("orders", 8).unwrap();
    until(|| clock::now() > to.plus(Duration::from_millis(300)));
    traffic.stop(Duration::from_secs(30));
    let progress = traffic.join();
    let stream = &progress.streams[0];
    assert!(stream.accounts.add_up() && stream.accounts.in_flight == 0, "{:?}", stream.accounts);
    let settled = kept.0.lock().unwrap();
    assert_eq!(settled.len() as u64, stream.accounts.sent);
    assert_dense(&settled);

    let change = stream.changes.iter().find(|change| change.id == 7).unwrap();
    let under = settled.iter().filter(|record| (from..to).contains(&record.intended)).count() as u64;
    assert_eq!(change.of, under, "the records intended while the change held");
    assert!((change.share().unwrap() - 0.5).abs() < 0.06, "{change:?}");
    let surge = stream.changes.iter().find(|change| change.id == 8).unwrap();
    assert!(surge.acted() && (surge.factor().unwrap() - 3.0).abs() < 0.3, "{surge:?}");
    let seconds = to.seconds_since(from);
    assert!(under as f64 / seconds > 4000.0, "{under} in {seconds} s");
}

#[test]
fn what_cannot_be_is_said() {
    let (mut traffic, _) =
        started(input(r#""rate":{"constant":"10/s"},"keys":{"uniform":{"distinct":"5"}}"#, ""), Duration::from_secs(600));
    let skew = TrafficChange::SkewKeys { share: Ratio(0.5), keys: Count(9) };
    let error = traffic.change("orders", 1, &skew).unwrap_err().to_string();
    assert_eq!(error, "traffic `orders`: 9 hot keys asked for, the stream has 5");
    assert_eq!(traffic.restore("payments", 1).unwrap_err().to_string(), "no traffic `payments` is sent by this run");
    let unknown = input(r#""rate":{"constant":"10/s"}"#, r#","acks.of.all":"1""#);
    let settings = settings(Timestamp(0), Duration::ZERO);
    let error = Traffic::start(&settings, &[unknown], |_, _| Box::new(Kept::default())).err().unwrap().to_string();
    assert!(error.starts_with("traffic `orders`: kafka property `acks.of.all`"), "{error}");
}

#[test]
fn nobody_there_leaves_everything_accounted_for() {
    let text = r#"{"rate":{"constant":"1k/s"},"producer":{"message.timeout.ms":"400"}}"#;
    let input = Input { stream: serde_json::from_str(text).unwrap(), ..input(r#""rate":{"constant":"1/s"}"#, "") };
    let (traffic, kept) = started(input, Duration::from_millis(500));
    let progress = traffic.join();
    let accounts = &progress.streams[0].accounts;
    assert!(accounts.add_up(), "{accounts:?}");
    assert_eq!((accounts.scheduled, accounts.acknowledged, accounts.in_flight), (500, 0, 0));
    assert_eq!(accounts.failed, accounts.sent, "never sent, so certainly not written");
    // A machine that is taken whole may send none in half a second.
    assert_eq!(progress.streams[0].complaint.is_some(), accounts.sent > 0);
    assert_eq!(kept.0.lock().unwrap().len() as u64, accounts.sent);
}

#[test]
fn a_full_queue_slips_and_does_not_skip() {
    let rest = r#""rate":{"backlog":{"records":"20k","over":"200ms"}}"#;
    let (traffic, kept) = started(input(rest, r#","queue.buffering.max.messages":"500","linger.ms":"20""#), Duration::from_secs(1));
    let progress = traffic.join();
    let accounts = &progress.streams[0].accounts;
    assert!(accounts.add_up() && accounts.scheduled == 20_000, "{accounts:?}");
    assert_dense(&kept.0.lock().unwrap());
    assert_eq!(accounts.acknowledged, accounts.sent);
    assert!(accounts.limited_by.as_deref().is_some_and(|by| by.contains("queue")), "{accounts:?}");
}

#[test]
fn a_closed_loop_keeps_its_bound_and_needs_no_schedule() {
    let rest = r#""rate":{"closed":{"in-flight":"50"}},"threads":2"#;
    let (mut traffic, kept) = started(input(rest, r#","linger.ms":"0""#), Duration::from_secs(600));
    until(|| kept.0.lock().unwrap().len() > 500);
    let in_flight = traffic.progress().streams[0].accounts.in_flight;
    assert!(in_flight <= 50, "{in_flight}");
    traffic.stop(Duration::from_secs(30));
    let progress = traffic.join();
    let stream = &progress.streams[0];
    assert!(stream.accounts.add_up(), "{:?}", stream.accounts);
    assert_eq!((stream.accounts.unsent, stream.accounts.in_flight), (0, 0));
    assert_dense(&kept.0.lock().unwrap());
}

#[test]
fn transactions_count_when_they_are_committed() {
    let rest = r#""rate":{"constant":"1k/s"},"transactions":{"every":"100ms"}"#;
    let (traffic, kept) = started(input(rest, ""), Duration::from_millis(600));
    let progress = traffic.join();
    let stream = &progress.streams[0];
    assert!(stream.accounts.add_up() && stream.accounts.scheduled == 600, "{:?}", stream);
    assert_eq!((stream.accounts.acknowledged, kept.0.lock().unwrap().len() as u64), (stream.accounts.sent, stream.accounts.sent));
}
