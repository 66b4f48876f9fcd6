//! What happened, for somebody who reads one sentence.

use super::Analysis;
use super::fault_log::Fault;
use super::outcome::{FaultOutcome, Recovery, Verdict};
use crate::action::{Action, JobDeed, KafkaDeed, LinkEffect, NodeDeed, StorageDeed, TrafficChange};
use crate::units::display;

/// More faults than this are told of by their names: nobody reads a sentence for each.
const MOST_CLAUSES: usize = 6;

impl Analysis {
    /// *lost a TaskManager at 2,000 records/s; output stopped for 5.1 s; caught up after 17.2 s; no record lost or written twice*
    pub(super) fn sentence(&self, verdict: Verdict, faults: &[FaultOutcome]) -> String {
        let rate = self.asked.per_second().or_else(|| {
            let (from, to) = self.whole_run();
            self.samples.growth(crate::metric::Metric::Acknowledged, from, to).map(|grown| grown * 1e9 / (to - from).max(1) as f64)
        });
        let at_rate = rate.map_or(String::new(), |rate| format!(" at {} records/s", display::grouped(rate.round().max(0.0) as u64)));
        let delivered = self.delivered();
        if self.run.ending.is_none() {
            return join(vec!["squall was killed before the run ended".to_owned(), delivered]);
        }
        let each = if faults.len() > MOST_CLAUSES { 0 } else { faults.len() };
        let mut parts = if each == 0 { self.by_name(faults, &at_rate) } else { Vec::new() };
        for (index, (fault, recorded)) in faults.iter().zip(self.faults.all()).take(each).enumerate() {
            let what = deeds(recorded).unwrap_or_else(|| format!("{} found no target", fault.fault.name));
            let mut clause = vec![if index == 0 { format!("{what}{at_rate}") } else { what }];
            clause.extend(course_in_words(fault));
            parts.push(clause.join("; "));
        }
        if parts.is_empty() {
            parts.push(format!("ran without a fault{at_rate}"));
        }
        if !self.run.gaps.is_empty() {
            let dead: i64 = self.run.gaps.iter().map(|gap| gap.to - gap.from).sum();
            parts.push(format!("squall was dead for {} of the time", display::seconds(dead as f64 / 1e9)));
        }
        if let Some(state) = self.ended_as() {
            parts.push(format!("the job ended {state}"));
        }
        if verdict == Verdict::Aborted || verdict == Verdict::Interrupted {
            parts.push("the run ended early".to_owned());
        }
        if self.faults.all().len() > 1 {
            let mut sentences: Vec<String> = parts.into_iter().map(capital).collect();
            sentences.push(capital(delivered));
            sentences.retain(|sentence| !sentence.is_empty());
            return format!("{}.", sentences.join(". "));
        }
        parts.push(delivered);
        join(parts)
    }

    /// *lost a TaskManager 19 times at 100 records/s: rode through 1, back from 18, after 47.2 s at most*
    fn by_name(&self, faults: &[FaultOutcome], at_rate: &str) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        for fault in faults {
            if !names.contains(&fault.fault.name.as_str()) {
                names.push(&fault.fault.name);
            }
        }
        let of = |name: &str| {
            let all: Vec<_> = faults.iter().zip(self.faults.all()).filter(|(fault, _)| fault.fault.name == name).collect();
            let acted: Vec<&FaultOutcome> = all.iter().filter(|(_, recorded)| deeds(recorded).is_some()).map(|(fault, _)| *fault).collect();
            let Some(what) = all.iter().find_map(|(_, recorded)| deeds(recorded)) else { return format!("{name} found no target") };
            let count = |wanted: fn(&Recovery) -> bool| acted.iter().filter(|fault| wanted(&fault.recovery)).count();
            let rode = count(|recovery| *recovery == Recovery::RodeThrough);
            let back = count(|recovery| matches!(recovery, Recovery::Recovered { .. }));
            let unknown = count(|recovery| matches!(recovery, Recovery::Inconclusive { .. }));
            let (away, missed) = (acted.len() - rode - back - unknown, all.len() - acted.len());
            let longest = acted.iter().filter_map(|fault| match &fault.recovery {
                Recovery::Recovered { time } => Some(time.value),
                _ => None,
            });
            let longest = display::seconds(longest.fold(0.0, f64::max));
            let told = [
                (rode, format!("rode through {rode}")),
                (back, format!("back from {back}, after {longest} at most")),
                (away, format!("not back from {away}")),
                (unknown, format!("{unknown} not known")),
                (missed, format!("{missed} found no target")),
            ];
            let told: Vec<String> = told.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text).collect();
            let times = if acted.len() == 1 { "once".to_owned() } else { format!("{} times", acted.len()) };
            format!("{what} {times}{at_rate}: {}", told.join(", "))
        };
        names.into_iter().map(of).collect()
    }

    fn delivered(&self) -> String {
        let Some(verdict) = &self.run.delivery else { return String::new() };
        if verdict.no_data.is_some() || verdict.in_input == 0 {
            return "delivery could not be verified".to_owned();
        }
        match (verdict.lost, verdict.duplicates) {
            (0, 0) if verdict.corrupt == 0 => "no record lost or written twice".to_owned(),
            (0, 0) => format!("{} records corrupted", display::grouped(verdict.corrupt)),
            (lost, 0) => format!("{} records lost", display::grouped(lost)),
            (0, twice) => format!("no record lost, {} written twice", display::grouped(twice)),
            (lost, twice) => format!("{} records lost, {} written twice", display::grouped(lost), display::grouped(twice)),
        }
    }
}

fn join(parts: Vec<String>) -> String {
    let text: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    capital(format!("{}.", text.join("; ")))
}

fn capital(text: String) -> String {
    let mut characters = text.chars();
    characters.next().map_or(String::new(), |first| first.to_uppercase().chain(characters).collect())
}

/// What a fault did, to somebody who does not know its name.
fn deeds(fault: &Fault) -> Option<String> {
    let aimed = fault.actions().count();
    let mut what = deed(fault.actions().next()?, aimed);
    let done = fault.performed.iter().filter(|deed| deed.error.is_none()).count();
    // A crash loop: each round hits as many.
    if aimed > 0 && done > aimed {
        what.push_str(&format!(" {} times in a row", done / aimed));
    }
    Some(what)
}

/// One of `of` like deeds.
fn deed(action: &Action, of: usize) -> String {
    match action {
        Action::Node { node, deed } => {
            let role = node.role;
            let (whom, their) = if of == 1 { (format!("a {role}"), "its") } else { (format!("{of} {role}s"), "their") };
            match deed {
                NodeDeed::Kill => format!("lost {whom}"),
                NodeDeed::Terminate => format!("shut down {whom}"),
                NodeDeed::Freeze => format!("froze {whom}"),
                NodeDeed::SlowCpu { share } => format!("left {whom} only {share} of {their} CPU time"),
                NodeDeed::LimitMemory { .. } => format!("had {whom} killed for want of memory"),
                NodeDeed::Disconnect => format!("took {whom} off the network"),
            }
        }
        Action::Link { link, rule } => on_a_link(link, &rule.effect),
        Action::Traffic { change, .. } => match change {
            TrafficChange::SkewKeys { share, keys } if keys.0 == 1 => format!("sent {share} of the records to one key"),
            TrafficChange::SkewKeys { share, keys } => format!("sent {share} of the records to {} keys", keys.0),
            TrafficChange::SkewPartitions { share, .. } => format!("sent {share} of the records to one partition"),
            TrafficChange::Surge { factor } if *factor == 0.0 => "sent nothing for a time".to_owned(),
            TrafficChange::Surge { factor } => format!("sent {} times the usual rate", display::significant(*factor)),
            TrafficChange::Poison { share } => format!("made {share} of the records unreadable"),
            TrafficChange::LateEvents { share, by } => format!("made {share} of the records {by} late"),
            TrafficChange::Tombstones { share } => format!("sent {share} of the records without a value"),
            TrafficChange::ValueSize { size } => format!("sent values of {size}"),
        },
        Action::Kafka(KafkaDeed::AddPartitions { total, .. }) => format!("raised the partitions of a topic to {total}"),
        Action::Kafka(KafkaDeed::DeleteRecords { .. }) => "deleted records of a topic".to_owned(),
        Action::Kafka(KafkaDeed::SetTopicConfig { key, value, .. }) => format!("set {key} of a topic to {value}"),
        Action::Job(JobDeed::CancelAndResubmit) => "cancelled the job and submitted it without its state".to_owned(),
        Action::Job(JobDeed::Savepoint) => "took a savepoint".to_owned(),
        Action::Job(JobDeed::StopAndRestore { parallelism: None }) => "stopped the job with a savepoint and restored it".to_owned(),
        Action::Job(JobDeed::StopAndRestore { parallelism: Some(parallelism) }) => {
            format!("stopped the job with a savepoint and restored it at parallelism {parallelism}")
        }
        Action::Job(JobDeed::Rescale { parallelism }) => format!("had the job rescaled to parallelism {parallelism}"),
        Action::Storage(StorageDeed::ReadOnly { .. }) => "made the checkpoint storage read-only".to_owned(),
        Action::Storage(StorageDeed::Fill { .. }) => "filled the checkpoint storage".to_owned(),
    }
}

fn on_a_link(link: &str, effect: &LinkEffect) -> String {
    match effect {
        LinkEffect::Delay { add, .. } => format!("delayed the {link} link by {add}"),
        LinkEffect::Throttle { per_second } => format!("let no more than {per_second}/s through the {link} link"),
        LinkEffect::Cut => format!("cut the {link} link"),
        LinkEffect::BlackHole => format!("kept everything on the {link} link"),
        LinkEffect::Refuse => format!("refused new connections on the {link} link"),
        LinkEffect::Slice { size, .. } => format!("cut what passes the {link} link into pieces of {size}"),
        LinkEffect::SlowClose { after } => format!("let connections of the {link} link close {after} late"),
        LinkEffect::HoldRequest { api_key: 26 } => format!("kept the commits on the {link} link"),
        LinkEffect::HoldRequest { .. } => format!("kept some requests on the {link} link"),
    }
}

fn course_in_words(fault: &FaultOutcome) -> Vec<String> {
    let mut words = Vec::new();
    // A gap within what is usual is none to somebody who reads one sentence.
    let outage = fault.outage.filter(|_| fault.recovery != Recovery::RodeThrough);
    if let Some(outage) = outage.filter(|outage| outage.value > outage.error.unwrap_or(0.0) && outage.value >= 0.5) {
        words.push(format!("output stopped for {}", display::seconds(outage.value)));
    }
    words.push(match &fault.recovery {
        Recovery::Recovered { time } if fault.held => format!("back to normal {} after its end", display::seconds(time.value)),
        Recovery::Recovered { time } => format!("caught up after {}", display::seconds(time.value)),
        Recovery::RodeThrough => "the job rode through it".to_owned(),
        Recovery::NotRecovered { watched, .. } => format!("not back to normal after {}", display::seconds(*watched)),
        Recovery::Censored { by, .. } => format!("not back to normal when {by} began"),
        Recovery::Inconclusive { .. } => "what it did is not known".to_owned(),
    });
    words
}
