//! The words that all reports share.

use crate::analysis::{Drift, ExpectationOutcome, FaultOutcome, Gap, Outcome, Recovery, Status, Trend, Verdict, WindowOutcome};
use crate::clock::Timestamp;
use crate::journal::{CheckpointParts, FaultId};
use crate::metric::Unit;
use crate::units::display;

/// What stands behind the verdict's word: `1 of 5 expectations failed, 1 without data`, or the first reason.
pub(super) fn verdict_detail(outcome: &Outcome) -> String {
    let all = outcome.expectations.len();
    let of = |status| outcome.expectations.iter().filter(|expectation| expectation.status == status).count();
    let (failed, without) = (of(Status::Failed), of(Status::NoData));
    let plural = if all == 1 { "" } else { "s" };
    match outcome.verdict {
        Verdict::Failed if failed > 0 => {
            let rest = if without > 0 { format!(", {without} without data") } else { String::new() };
            format!("{failed} of {all} expectation{plural} failed{rest}")
        }
        Verdict::Met if all == 0 => "no expectation was stated".to_owned(),
        Verdict::Met if all == 1 => "the expectation is met".to_owned(),
        Verdict::Met => format!("all {all} expectations are met"),
        _ => outcome
            .reasons
            .first()
            .map(|reason| without_word(outcome.verdict, reason))
            .unwrap_or_else(|| format!("{without} of {all} expectation{plural} without data")),
    }
}

/// A reason behind the verdict's word: not `aborted: aborted: …`.
fn without_word(of: Verdict, reason: &str) -> String {
    let rest = reason.strip_prefix(of.word()).map(|rest| rest.trim_start_matches([':', ' ']));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(reason).to_owned()
}

/// The reasons that neither the verdict's line nor an expectation says already.
pub(super) fn further_reasons(outcome: &Outcome) -> impl Iterator<Item = &str> {
    let said = verdict_detail(outcome);
    outcome
        .reasons
        .iter()
        .filter(move |reason| !reason.ends_with(said.as_str()) && !outcome.expectations.iter().any(|e| reason.contains(e.text.as_str())))
        .map(String::as_str)
}

/// `met`, `failed`, `no data`.
pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Met => "met",
        Status::Failed => "failed",
        Status::NoData => "no data",
    }
}

/// `✓`, `✗`, `?`.
pub(super) const fn sign(status: Status) -> &'static str {
    match status {
        Status::Met => "✓",
        Status::Failed => "✗",
        Status::NoData => "?",
    }
}

/// The sign of a drift.
pub(super) const fn drift_sign(drift: &Drift) -> &'static str {
    match drift.trend {
        Trend::Grows => "✗",
        Trend::Falls | Trend::Steady => "✓",
        Trend::NoData(_) => "?",
    }
}

/// The sign of a whole run.
pub(super) const fn verdict_sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "✓",
        Verdict::Inconclusive => "?",
        _ => "✗",
    }
}

/// What was observed of an expectation, or why nothing was.
pub(super) fn observed(expectation: &ExpectationOutcome) -> String {
    match (&expectation.status, &expectation.reason) {
        (Status::NoData, Some(reason)) if expectation.observed.is_empty() => format!("no data: {reason}"),
        (Status::NoData, None) if expectation.observed.is_empty() => "no data".to_owned(),
        _ => expectation.observed.clone(),
    }
}

/// A name without what only makes it unique: this run's prefix of its topics, Flink's default catalogue.
pub(super) fn plain_name(outcome: &Outcome, name: &str) -> String {
    name.replace(&format!("squall-{}-", outcome.run), "").replace("default_catalog.default_database.", "")
}

/// A vertex of chained operators by its first and last: `Source: orders → … → enriched: Committer`.
pub(super) fn vertex(outcome: &Outcome, name: &str) -> String {
    let name = plain_name(outcome, name);
    let operators: Vec<&str> = name.split(" -> ").collect();
    match operators.as_slice() {
        [first, .., last] if operators.len() > 2 => format!("{first} → … → {last}"),
        [first, last] => format!("{first} → {last}"),
        _ => name,
    }
}

/// `lose-one`, from its second occurrence on `lose-one (2)`.
pub(super) fn fault_name(fault: &FaultId) -> String {
    if fault.occurrence == 0 { fault.name.clone() } else { format!("{} ({})", fault.name, fault.occurrence + 1) }
}

/// How a fault went, in a few words: `recovered in 17.2 s ± 500 ms`.
pub(super) fn recovery(fault: &FaultOutcome) -> String {
    match &fault.recovery {
        Recovery::Recovered { time } => format!("recovered in {}", display::seconds_with_error(time.value, time.error)),
        Recovery::RodeThrough => "rode through: nothing left its band".to_owned(),
        Recovery::NotRecovered { watched, how_far } => format!("not recovered after {}: {how_far}", display::seconds(*watched)),
        Recovery::Censored { watched, by } => format!("no data beyond {}: {by} began before it was back", display::seconds(*watched)),
        Recovery::Inconclusive { reason } => format!("inconclusive: {reason}"),
    }
}

/// A value with its unit.
pub(super) fn value(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count | Unit::Records => display::count(value),
        Unit::PerSecond => display::rate(value),
        Unit::Seconds => display::seconds(value),
        Unit::Bytes => display::bytes(value),
        Unit::Ratio => display::percent(value),
        Unit::Factor => format!("{} ×", display::significant(value)),
    }
}

/// A value that may be missing.
pub(super) fn maybe(number: Option<f64>, unit: Unit) -> String {
    number.map_or_else(|| "–".to_owned(), |number| value(number, unit))
}

/// Heads of the windows. A run with one fault needs its name once: `baseline`, `lose-one`, `recovery`, `after`.
pub(super) fn window_heads(windows: &[WindowOutcome], faults: &[FaultOutcome]) -> Vec<String> {
    let only = match faults {
        [fault] => Some(fault_name(&fault.fault)),
        _ => None,
    };
    windows
        .iter()
        .map(|window| match &only {
            Some(name) if window.name == format!("recovery of {name}") => "recovery".to_owned(),
            Some(name) if window.name == format!("after {name}") => "after".to_owned(),
            _ => window.name.clone(),
        })
        .collect()
}

/// The window of the run that a moment falls in; where several do, the first.
pub(super) fn window_at(outcome: &Outcome, at: f64) -> Option<&str> {
    outcome.windows.iter().find(|window| (window.from..window.to).contains(&at)).map(|window| window.name.as_str())
}

/// What a gap is: `from 20:00 to 20:25 squall was dead; 50,000 records that were due then were never sent; skipped: slow-sink (3)`.
pub(super) fn gap(gap: &Gap) -> String {
    let mut text = format!(
        "from {} to {} squall was dead; {} records that were due then were never sent",
        display::clock(gap.from),
        display::clock(gap.to),
        display::grouped(gap.unsent)
    );
    if !gap.skipped.is_empty() {
        let names: Vec<String> = gap.skipped.iter().map(fault_name).collect();
        text.push_str(&format!("; skipped: {}", names.join(", ")));
    }
    text
}

/// The first hint, and how many more there are; none without any.
pub(super) fn hints(outcome: &Outcome) -> Option<String> {
    let (first, more) = outcome.hints.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(" (and {} more in the report)", more.len()) };
    Some(format!("{first}{more}; no verdict rests on it"))
}

/// A moment as RFC 3339, in UTC, to the millisecond.
pub(super) fn utc(moment: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(moment.millis()).map_or_else(|_| "–".to_owned(), |moment| format!("{moment:.3}"))
}

/// What a checkpoint's named parts leave of its end-to-end time: *other*, in seconds.
pub(super) fn checkpoint_rest(parts: &CheckpointParts) -> f64 {
    (parts.end_to_end_s - parts.start_delay_s - parts.alignment_s - parts.sync_s - parts.async_s).max(0.0)
}

/// A moment for people: `2026-11-21 08:54:06 UTC`.
pub(super) fn day(moment: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(moment.millis())
        .map_or_else(|_| "–".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn names_lose_what_tells_nothing() {
        let outcome = sample::kill();
        assert_eq!(plain_name(&outcome, "squall-20261121-085406-k3f9-orders-3"), "orders-3");
        assert_eq!(
            vertex(&outcome, "Source: KafkaSource-default_catalog.default_database.orders -> Calc[2] -> enriched[3]: Writer"),
            "Source: KafkaSource-orders → … → enriched[3]: Writer"
        );
        assert_eq!(vertex(&outcome, "enrich"), "enrich");
    }

    #[test]
    fn the_verdicts_word_is_said_once() {
        let mut outcome = sample::kill();
        outcome.verdict = Verdict::Aborted;
        outcome.reasons = vec!["aborted: output-lag > 5M for 30s".to_owned()];
        assert_eq!(verdict_detail(&outcome), "output-lag > 5M for 30s");
        assert_eq!(further_reasons(&outcome).count(), 0);
    }
}
