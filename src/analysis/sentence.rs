//! What happened, for somebody who reads one sentence.

use super::Analysis;
use super::outcome::{FaultOutcome, Recovery, Verdict};
use crate::action::{Action, NodeDeed, TrafficChange};
use crate::units::display;

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
        let mut parts: Vec<String> = Vec::new();
        for (index, (fault, recorded)) in faults.iter().zip(self.faults.all()).enumerate() {
            let what = recorded.actions().next().map_or_else(|| format!("{} found no target", fault.fault.name), deed);
            let mut clause = vec![if index == 0 { format!("{what}{at_rate}") } else { what }];
            clause.extend(course_in_words(fault));
            parts.push(clause.join("; "));
        }
        if parts.is_empty() {
            parts.push(format!("ran without a fault{at_rate}"));
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

/// What a deed was, to somebody who does not know its name.
fn deed(action: &Action) -> String {
    match action {
        Action::Node { node, deed } => match deed {
            NodeDeed::Kill => format!("lost a {}", node.role),
            NodeDeed::Terminate => format!("shut down a {}", node.role),
            NodeDeed::Freeze => format!("froze a {}", node.role),
            NodeDeed::SlowCpu { share } => format!("left a {} only {share} of its CPU time", node.role),
            NodeDeed::LimitMemory { .. } => format!("took memory from a {}", node.role),
            NodeDeed::Disconnect => format!("took a {} off the network", node.role),
        },
        Action::Link { link, .. } => format!("disturbed the link to the {link}"),
        Action::Traffic { change, .. } => match change {
            TrafficChange::SkewKeys { share, keys } if keys.0 == 1 => format!("sent {share} of the records to one key"),
            TrafficChange::SkewKeys { share, keys } => format!("sent {share} of the records to {} keys", keys.0),
            TrafficChange::SkewPartitions { share, .. } => format!("sent {share} of the records to one partition"),
            TrafficChange::Surge { factor } => format!("sent {} times the usual rate", display::significant(*factor)),
            TrafficChange::Poison { share } => format!("made {share} of the records unreadable"),
            TrafficChange::LateEvents { share, by } => format!("made {share} of the records {by} late"),
            TrafficChange::Tombstones { share } => format!("sent {share} of the records without a value"),
            TrafficChange::ValueSize { size } => format!("sent values of {size}"),
        },
        Action::Kafka(_) => "changed a topic".to_owned(),
        Action::Job(_) => "stopped and started the job".to_owned(),
        Action::Storage(_) => "took away the checkpoint storage".to_owned(),
    }
}

fn course_in_words(fault: &FaultOutcome) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(outage) = fault.outage.filter(|outage| outage.value > outage.error.unwrap_or(0.0) && outage.value >= 0.5) {
        words.push(format!("output stopped for {}", display::seconds(outage.value)));
    }
    words.push(match &fault.recovery {
        Recovery::Recovered { time } if fault.held => format!("back to normal {} after its end", display::seconds(time.value)),
        Recovery::Recovered { time } => format!("caught up after {}", display::seconds(time.value)),
        Recovery::RodeThrough => "nothing was disturbed".to_owned(),
        Recovery::NotRecovered { watched, .. } => format!("not back to normal after {}", display::seconds(*watched)),
        Recovery::Censored { by, .. } => format!("not back to normal when {by} began"),
        Recovery::Inconclusive { .. } => "what it did is not known".to_owned(),
    });
    words
}
