//! Several runs of one plan as one answer: each figure with its spread, and the expectations over repeats.

mod over;
mod spread;
#[cfg(test)]
mod tests;

use super::ExpectationOutcome;
use super::figures::Observed;
use super::outcome::{Outcome, Status, Verdict};
use crate::metric::Metric;
use crate::scenario::Expectation;
use crate::units::display;

pub(super) use spread::Middle;
pub use spread::{CONFIDENCE, NOISY, Spread, spreads, variation};

use over::{judge_over, of_each};

/// What was asked of a series of repeats.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RepeatsAsked {
    /// Id of the series.
    pub series: String,
    /// How many runs were asked for.
    pub repeats: u32,
    /// Seed of the first run; the others' derive from it.
    pub seed: u64,
    /// Expectations `over` repeats.
    pub over: Vec<Expectation>,
    /// Why it ended before its last run, where it did.
    pub ended: Option<(Verdict, String)>,
}

/// One run of the series.
#[derive(Debug, Clone, PartialEq)]
pub struct RepeatedRun {
    /// Run id.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Its verdict.
    pub verdict: Verdict,
    /// The first reason of its verdict; empty where all was met.
    pub reason: String,
}

/// A series of repeats, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeats {
    /// What was asked.
    pub asked: RepeatsAsked,
    /// Name of the scenario.
    pub scenario: String,
    /// Its `about`.
    pub about: String,
    /// Cluster and what it is.
    pub cluster: String,
    /// Version of squall.
    pub squall: String,
    /// The runs that were made.
    pub runs: Vec<RepeatedRun>,
    /// Expectations over repeats, then those of each run, worst first among the runs.
    pub expectations: Vec<ExpectationOutcome>,
    /// The figures.
    pub spreads: Vec<Spread>,
    /// The worst verdict.
    pub verdict: Verdict,
    /// Why, most important first.
    pub reasons: Vec<String>,
    /// What came out, in plain words.
    pub sentence: String,
}

impl Repeats {
    /// Judges runs of one plan, in the order in which they were made.
    pub fn of(asked: RepeatsAsked, outcomes: &[&Outcome]) -> Self {
        let spreads = spreads(outcomes);
        let first = outcomes.first();
        let text = |part: fn(&Outcome) -> &str| first.map_or_else(String::new, |outcome| part(outcome).to_owned());
        let runs: Vec<RepeatedRun> = outcomes
            .iter()
            .map(|outcome| RepeatedRun {
                run: outcome.run.clone(),
                seed: outcome.seed,
                verdict: outcome.verdict,
                reason: outcome.reasons.first().cloned().unwrap_or_default(),
            })
            .collect();
        let mut expectations: Vec<ExpectationOutcome> =
            asked.over.iter().map(|expectation| judge_over(expectation, &spreads, outcomes.len())).collect();
        expectations.extend(of_each(outcomes));
        let (verdict, reasons) = verdict(&asked, &runs, &expectations);
        let sentence = sentence(&asked, &runs, &spreads);
        Self {
            scenario: text(|outcome| &outcome.scenario),
            about: text(|outcome| &outcome.about),
            cluster: text(|outcome| &outcome.cluster),
            squall: text(|outcome| &outcome.squall),
            asked,
            runs,
            expectations,
            spreads,
            verdict,
            reasons,
            sentence,
        }
    }
}

fn verdict(asked: &RepeatsAsked, runs: &[RepeatedRun], expectations: &[ExpectationOutcome]) -> (Verdict, Vec<String>) {
    let mut reasons: Vec<(Verdict, String)> = runs
        .iter()
        .enumerate()
        .filter(|(_, run)| run.verdict != Verdict::Met)
        .map(|(index, run)| (run.verdict, format!("run {}: {}", index + 1, run.reason)))
        .collect();
    reasons.extend(asked.ended.clone());
    for expectation in expectations.iter().take(asked.over.len()) {
        match expectation.status {
            Status::Failed => reasons.push((Verdict::Failed, format!("{}: {}", expectation.text, expectation.observed))),
            Status::NoData => reasons.push((Verdict::Inconclusive, format!("{}: {}", expectation.text, expectation.observed))),
            Status::Met => {}
        }
    }
    if runs.is_empty() && reasons.is_empty() {
        reasons.push((Verdict::Inconclusive, "no run was made".to_owned()));
    }
    reasons.sort_by_key(|(verdict, _)| *verdict);
    let verdict = reasons.first().map_or(Verdict::Met, |(verdict, _)| *verdict);
    (verdict, reasons.into_iter().map(|(_, reason)| reason).collect())
}

fn sentence(asked: &RepeatsAsked, runs: &[RepeatedRun], spreads: &[Spread]) -> String {
    let made = match (runs.len(), asked.repeats as usize) {
        (made, all) if made == all => format!("{made} runs"),
        (made, all) => format!("{made} of {all} runs"),
    };
    let mut parts = vec![made];
    for spread in spreads.iter().filter(|spread| spread.name == Metric::RecoveryTime.name()) {
        let plain = display::seconds;
        let longer = spread.observed.iter().filter(|observed| matches!(observed, Observed::AtLeast(_))).count();
        let unknown = spread.observed.iter().filter(|observed| matches!(observed, Observed::NoData(_))).count();
        match (spread.median, spread.min, spread.max) {
            (Some(middle), Some(low), Some(high)) if high == 0.0 && middle == 0.0 && low == 0.0 => {
                parts.push(format!("{} was ridden through every time", spread.of));
            }
            (Some(middle), Some(low), Some(high)) => {
                parts.push(format!(
                    "after {} the job had caught up in {} (from {} to {})",
                    spread.of,
                    plain(middle),
                    plain(low),
                    plain(high)
                ));
            }
            _ if longer > 0 => parts.push(format!("after {} it had not caught up in {longer} of them", spread.of)),
            _ => {}
        }
        if unknown > 0 {
            parts.push(format!("how long it took in {unknown} of them is not known"));
        }
    }
    let total = |name: &str| -> Option<f64> {
        let spread = spreads.iter().find(|spread| spread.name == name)?;
        let values = spread.values();
        (values.len() == runs.len() && !values.is_empty()).then(|| values.iter().sum())
    };
    match (total(Metric::Lost.name()), total(Metric::Duplicates.name())) {
        (Some(lost), Some(twice)) if lost == 0.0 && twice == 0.0 => parts.push("no record was lost or written twice".to_owned()),
        (Some(lost), Some(twice)) => {
            parts.push(format!(
                "{} records lost and {} written twice in all",
                display::grouped(lost as u64),
                display::grouped(twice as u64)
            ));
        }
        _ => {}
    }
    format!("{}.", parts.join("; "))
}
