//! Compares what was sent, what is in the input and what came out.

use std::collections::{BTreeMap, HashMap};

use super::DeliveryError;
use super::check::{Check, Filter};
use super::conservation::Sums;
use super::ledger::{Ledger, Outcomes};
use super::offender::{Fault, Offender, Offenders};
use super::pending;
use super::reference::{Reference, TopicStart, reading_time};
use super::samples::InputContent;
use super::seen::Seen;
use super::sequences::{Counted, Sequences, combine, count};
use super::shards::Shards;
use super::verdict::{SecondTally, Verdict, Violation, ViolationKind};
use super::verifier::{Drained, SinkContent};
use crate::clock::Timestamp;
use crate::kafka::Connection;
use crate::traffic::Placement;
use crate::units::display::grouped;

/// What is to be judged.
pub struct Case<'a> {
    /// The cluster.
    pub connection: &'a Connection,
    /// Input topics, and where this run's records begin in them.
    pub inputs: &'a [TopicStart],
    /// How the job is judged.
    pub check: &'a Check,
    /// Whether nobody but the job writes to the sink. A record without identity is the job's then.
    pub sink_is_ours: bool,
    /// What the producers know; none when the verdict is made again after a crash.
    pub ledger: Option<&'a Ledger>,
    /// What came out.
    pub sink: SinkContent,
    /// How draining ended.
    pub drained: &'a Drained,
    /// Records that Flink dropped as late; they are in no sum.
    pub late: u64,
}

/// A verdict, and all the evidence that was kept.
#[derive(Debug)]
pub struct Judged {
    /// For the journal.
    pub verdict: Verdict,
    /// For `delivery.ndjson`: up to a thousand records a kind.
    pub offenders: Vec<Offender>,
}

/// Offenders of a kind that a verdict holds itself.
const FEW: usize = 10;

impl Case<'_> {
    /// Reads the input topics and judges. Blocks. Where no verdict is possible the verdict says why.
    pub fn judge(self) -> Judged {
        let expected = self.sink.seen.expected().clone();
        let mut content = InputContent::default();
        let mut sums = Sums::of_input(self.check);
        let samples_wanted = self.sink.seen.unidentified > 0;
        let outcomes = self.ledger.map(Ledger::outcomes);
        let deadline = reading_time(self.sink.seen.total.max(acknowledged(outcomes.as_ref())));
        let read = Reference::read(self.connection, self.inputs, &expected, deadline, |_, record| {
            if samples_wanted {
                content.take(record.key(), record.value());
            }
            if let Some(sums) = &mut sums {
                sums.take(record.value());
            }
            self.check.lets_through(record.key())
        });
        let reference = match read {
            Ok(reference) => reference,
            Err(error) => return self.without_reference(outcomes.as_ref(), &error),
        };
        let mut offenders = self.sink.seen.offenders.clone();
        let mut unread = None;
        let hidden = if self.drained.is_complete() || !self.drained.is_hidden() {
            Shards::new(expected.streams.len())
        } else {
            pending::read(self.connection, &self.drained.behind, &expected, &mut offenders, reading_time(0)).unwrap_or_else(|error| {
                unread = Some(error.to_string());
                Shards::new(expected.streams.len())
            })
        };
        let comparison = compare(outcomes.as_ref(), &reference, &self.sink.seen, &hidden, self.check, &mut offenders);
        let Comparison { mut verdict, wanted } = comparison;
        if !wanted.is_empty()
            && let Err(error) =
                reference.locate(self.connection, self.inputs, &expected, reading_time(verdict.in_input), wanted, &mut offenders)
        {
            tracing::warn!("the lost records could not be looked up in the input topic: {error}");
        }
        self.claims(&mut verdict, sums.as_ref());
        verdict.no_data = unread.or_else(|| self.no_data(&verdict, &reference, &expected.placement, &content));
        if verdict.no_data.is_some() && self.sink.seen.total == 0 {
            // What cannot be told apart is not evidence of anything.
            offenders.retain(Fault::Lost, |_| false);
            verdict.seconds.clear();
        }
        verdict.offenders = offenders.first(FEW);
        Judged { verdict, offenders: offenders.first(Offenders::MOST) }
    }

    fn without_reference(&self, outcomes: Option<&Shards<Outcomes>>, error: &DeliveryError) -> Judged {
        let seen = &self.sink.seen;
        let verdict = Verdict {
            acknowledged: acknowledged(outcomes),
            seen: seen.fresh,
            no_data: Some(format!("the input topic, which is the reference, could not be read: {error}")),
            ..Verdict::default()
        };
        Judged { verdict, offenders: Vec::new() }
    }

    /// Claims about all records together.
    fn claims(&self, verdict: &mut Verdict, input: Option<&Sums>) {
        let missing_or_surplus = |difference: f64| if difference < 0.0 { ViolationKind::Missing } else { ViolationKind::Surplus };
        if let Check::Filter(filter) = self.check
            && verdict.in_input > 0
        {
            let share = verdict.seen as f64 / verdict.in_input as f64;
            verdict.share = Some(share);
            if let Filter::ExpectShare(asked) = filter
                && let Some(difference) = share_differs(verdict.seen, verdict.in_input, asked.0)
            {
                let text =
                    format!("{} of {} records came out, {:.3} %; {asked} was expected", verdict.seen, verdict.in_input, share * 100.0);
                verdict.violations.push(Violation { kind: missing_or_surplus(difference), text });
            }
        }
        if let (Check::Conservation(asked), Some(sink), Some(input)) = (self.check, &self.sink.sums, input) {
            let (mut expected, found) = (input.sum(), sink.sum());
            if asked.input_field.is_none() {
                expected.remove_whole(self.late);
            }
            let difference = found.less(&expected);
            if difference != 0.0 {
                let text = format!("sum({}) is {} in the sink; the input has {}", asked.field, found.value(), expected.value());
                verdict.violations.push(Violation { kind: missing_or_surplus(difference), text });
            }
        }
    }

    /// Why there is no verdict, if there is none. What cannot be told is never a loss.
    fn no_data(&self, verdict: &Verdict, reference: &Reference, placement: &Placement, content: &InputContent) -> Option<String> {
        let seen = &self.sink.seen;
        if let Some(incomplete) = &reference.incomplete {
            return Some(incomplete.clone());
        }
        if verdict.in_input == 0 && verdict.acknowledged == 0 {
            return Some("no record was sent".to_owned());
        }
        if !self.drained.is_complete() && !self.drained.is_hidden() {
            let behind = self.drained.behind.iter().find(|behind| behind.position < behind.last_stable)?;
            return Some(format!(
                "the sink was not read to its end: partition {} of {} to offset {} of {}",
                behind.partition, behind.topic, behind.position, behind.end
            ));
        }
        if let Check::Conservation(asked) = self.check {
            let sums = self.sink.sums.as_ref()?;
            if sums.unreadable > 0 {
                return Some(format!("{} records of the sink have no number `{}`", grouped(sums.unreadable), asked.field));
            }
            if self.late > 0 && asked.input_field.is_some() {
                return Some(format!("Flink dropped {} records as late; their part of the sum is not known", grouped(self.late)));
            }
            return None;
        }
        if seen.unidentified > 0 && seen.total == 0 {
            let hint = self.sink.samples.hint(placement, content);
            return Some(format!("cannot identify records: the {} in the sink carry no identity; {hint}", grouped(seen.unidentified)));
        }
        if seen.unidentified > 0 && verdict.lost > 0 && self.sink_is_ours {
            return Some(format!(
                "{} records in the sink carry no identity, and {} are missing: they may be the same",
                grouped(seen.unidentified),
                grouped(verdict.lost)
            ));
        }
        None
    }
}

fn acknowledged(outcomes: Option<&Shards<Outcomes>>) -> u64 {
    outcomes.map_or(0, |outcomes| outcomes.iter().map(|(_, _, outcomes)| outcomes.acknowledged.len()).sum())
}

/// By how much a share differs from the one asked for, where that is more than four standard deviations of a binomial
/// draw (1 in 16,000).
fn share_differs(came_out: u64, of: u64, asked: f64) -> Option<f64> {
    let of = of as f64;
    let difference = came_out as f64 / of - asked;
    let allowed = 4.0 * (asked * (1.0 - asked) / of).max(0.0).sqrt() + 0.5 / of;
    (difference.abs() > allowed).then_some(difference)
}

/// A stream, a shard and a number in it.
pub(super) type RecordName = (usize, u16, u64);

pub(super) struct Comparison {
    pub(super) verdict: Verdict,
    /// Offenders to be looked up in the input topics.
    pub(super) wanted: HashMap<RecordName, Fault>,
}

/// Compares the sets. Pure.
pub(super) fn compare(
    outcomes: Option<&Shards<Outcomes>>,
    reference: &Reference,
    seen: &Seen,
    hidden: &Shards<Sequences>,
    check: &Check,
    offenders: &mut Offenders,
) -> Comparison {
    let mut verdict = Verdict {
        corrupt: seen.corrupt,
        reordered: seen.reordered,
        unexpected: seen.unexpected,
        foreign: seen.foreign + seen.unidentified + seen.damaged,
        unidentified: seen.unidentified,
        damaged: seen.damaged,
        forgotten_keys: seen.forgotten_keys(),
        ..Verdict::default()
    };
    let mut seconds = Seconds::default();
    for (second, counts) in &seen.seconds {
        let tally = seconds.at(*second);
        (tally.reordered, tally.corrupt) = (counts.reordered, counts.corrupt);
    }
    let mut wanted = HashMap::new();
    for stream in 0..reference.records.streams() {
        for shard in 0..crate::traffic::SHARDS {
            let sets = ShardSets::new(stream, shard, outcomes, reference, seen, hidden, check);
            sets.compare(&mut verdict, &mut seconds, &mut wanted, offenders);
        }
    }
    offenders.retain(Fault::Duplicate, |offender| {
        let stream = seen.expected().streams.iter().position(|name| *name == offender.stream).unwrap_or(usize::MAX);
        let times = |records: &Shards<Counted>| records.get(stream, offender.shard).map_or(0, |records| records.times(offender.sequence));
        times(&seen.records) > check.factor() * times(&reference.records)
    });
    if seen.total > 1 && seen.corrupt == seen.total {
        verdict.corrupt = 0;
        verdict.no_contents = Some("no record came out as it went in: the job changes keys or values".to_owned());
        seconds.0.values_mut().for_each(|tally| tally.corrupt = 0);
        offenders.retain(Fault::Corrupt, |_| false);
    }
    if seen.keyed == 0 {
        verdict.no_order = Some(match seen.expected().placement {
            Placement::Key => "the identity takes the key's place".to_owned(),
            _ => "no record in the sink has a key".to_owned(),
        });
    }
    verdict.seconds =
        seconds.0.into_values().filter(|tally| SecondTally { second: tally.second, ..SecondTally::default() } != *tally).collect();
    Comparison { verdict, wanted }
}

#[derive(Default)]
struct Seconds(BTreeMap<i64, SecondTally>);

impl Seconds {
    fn at(&mut self, second: i64) -> &mut SecondTally {
        self.0.entry(second).or_insert(SecondTally { second, ..SecondTally::default() })
    }
}

static NOTHING: Sequences = Sequences::EMPTY;

/// The sets of one shard.
struct ShardSets<'a> {
    stream: usize,
    shard: u16,
    factor: u32,
    names_losses: bool,
    outcomes: Option<&'a Outcomes>,
    reference: &'a Reference,
    input: &'a Sequences,
    dropped: &'a Sequences,
    seen: Option<&'a Counted>,
    hidden: &'a Sequences,
}

impl<'a> ShardSets<'a> {
    fn new(
        stream: usize,
        shard: u16,
        outcomes: Option<&'a Shards<Outcomes>>,
        reference: &'a Reference,
        seen: &'a Seen,
        hidden: &'a Shards<Sequences>,
        check: &Check,
    ) -> Self {
        Self {
            stream,
            shard,
            factor: check.factor(),
            names_losses: check.names_losses(),
            outcomes: outcomes.and_then(|outcomes| outcomes.get(stream, shard)),
            reference,
            input: reference.records.get(stream, shard).and_then(|records| records.at_least(1)).unwrap_or(&NOTHING),
            dropped: reference.dropped.get(stream, shard).unwrap_or(&NOTHING),
            seen: seen.records.get(stream, shard),
            hidden: hidden.get(stream, shard).unwrap_or(&NOTHING),
        }
    }

    fn seen_at_least(&self, times: u32) -> &'a Sequences {
        self.seen.and_then(|seen| seen.at_least(times)).unwrap_or(&NOTHING)
    }

    /// Second of the intended time, by the input or else by the producers.
    fn second(&self, number: u64) -> i64 {
        let by_input = self.reference.timelines.get(self.stream, self.shard).and_then(|timeline| timeline.second(number));
        let by_producer = || self.outcomes.and_then(|outcomes| outcomes.timeline.second(number));
        // A record that was never sent has no intended time.
        let known_to_input = self.input.contains(number);
        by_input.filter(|_| known_to_input).or_else(by_producer).or(by_input).unwrap_or(0)
    }

    fn name(&self, number: u64) -> RecordName {
        (self.stream, self.shard, number)
    }

    fn compare(&self, verdict: &mut Verdict, seconds: &mut Seconds, wanted: &mut HashMap<RecordName, Fault>, offenders: &mut Offenders) {
        let (input, dropped, hidden) = (self.input, self.dropped, self.hidden);
        let (once, enough) = (self.seen_at_least(1), self.seen_at_least(self.factor));
        verdict.in_input += count([input, dropped], |[input, dropped]| input & !dropped);
        verdict.seen += once.len();
        verdict.input_duplicates +=
            self.reference.records.get(self.stream, self.shard).and_then(|records| records.at_least(2)).map_or(0, Sequences::len);
        if self.names_losses {
            for number in combine([input, dropped, enough, hidden], |[input, dropped, enough, hidden]| input & !dropped & !enough & !hidden)
            {
                verdict.lost += 1;
                seconds.at(self.second(number)).lost += 1;
                if wanted.len() < Offenders::MOST {
                    wanted.insert(self.name(number), Fault::Lost);
                }
            }
        }
        for number in combine([input, dropped, enough, hidden], |[input, dropped, enough, hidden]| input & !dropped & !enough & hidden) {
            verdict.pending += 1;
            seconds.at(self.second(number)).pending += 1;
        }
        // What the topic has deleted meanwhile was sent all the same.
        let (written, unresolved) = self.outcomes.map_or((&NOTHING, &NOTHING), |outcomes| (&outcomes.acknowledged, &outcomes.unresolved));
        let never_sent = |[once, input, dropped, written, unresolved]: [u64; 5]| once & (dropped | !(input | written | unresolved));
        for number in combine([once, input, dropped, written, unresolved], never_sent) {
            verdict.unexpected += 1;
            offenders.add_unfound(Fault::Unexpected, self.stream, self.shard, number, Timestamp(self.second(number) * 1_000_000_000));
        }
        self.duplicates(verdict, seconds);
        if let Some(outcomes) = self.outcomes {
            verdict.acknowledged += outcomes.acknowledged.len();
            verdict.unresolved_in_input += count([&outcomes.unresolved, input], |[unresolved, input]| unresolved & input);
            verdict.unresolved_absent += count([&outcomes.unresolved, input], |[unresolved, input]| unresolved & !input);
            for number in combine([&outcomes.acknowledged, input], |[acknowledged, input]| acknowledged & !input) {
                verdict.lost_by_kafka += 1;
                let second = self.second(number);
                seconds.at(second).lost_by_kafka += 1;
                offenders.add_unfound(Fault::LostByKafka, self.stream, self.shard, number, Timestamp(second * 1_000_000_000));
            }
        }
    }

    fn duplicates(&self, verdict: &mut Verdict, seconds: &mut Seconds) {
        let (Some(seen), Some(in_input)) = (self.seen, self.reference.records.get(self.stream, self.shard)) else { return };
        for number in combine([self.seen_at_least(self.factor + 1), self.input], |[more, input]| more & input) {
            let copies = seen.times(number).saturating_sub(self.factor * in_input.times(number));
            if copies > 0 {
                verdict.duplicates += 1;
                verdict.duplicate_copies += u64::from(copies);
                seconds.at(self.second(number)).duplicates += 1;
            }
        }
    }
}
