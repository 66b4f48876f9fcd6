//! Outcome → version 1. The one place that changes when the outcome does.

use std::collections::BTreeMap;

use super::v1::*;
use crate::analysis::{self, Outcome, Status, Trend, Verdict};
use crate::clock::Timestamp;
use crate::journal::{CheckpointRecord, Ending};
use crate::metric;
use crate::report::wording;

impl From<&Outcome> for Report {
    fn from(outcome: &Outcome) -> Self {
        let zero = outcome.start.unwrap_or(outcome.started);
        Self {
            schema: 1,
            squall: outcome.squall.clone(),
            run: outcome.run.clone(),
            scenario: outcome.scenario.clone(),
            about: outcome.about.clone(),
            cluster: outcome.cluster.clone(),
            cluster_kind: outcome.cluster_kind.clone(),
            seed: outcome.seed,
            started: wording::utc(outcome.started),
            schedule_zero: outcome.start.map(wording::utc),
            traffic_end_s: outcome.traffic_end,
            end_s: outcome.end,
            ending: outcome.ending.as_ref().map(ending),
            verdict: outcome.verdict.into(),
            reasons: outcome.reasons.clone(),
            sentence: outcome.sentence.clone(),
            gaps: outcome.gaps.iter().map(Into::into).collect(),
            expectations: outcome.expectations.iter().map(Into::into).collect(),
            faults: outcome.faults.iter().map(Into::into).collect(),
            windows: outcome.windows.iter().map(Into::into).collect(),
            lags: outcome.lags.iter().map(Into::into).collect(),
            checkpoints: outcome.checkpoints.iter().map(|checkpoint| Checkpoint::new(checkpoint, zero)).collect(),
            job_states: outcome
                .states
                .iter()
                .map(|state| StateOfJob { at_s: state.at, error_s: state.error, state: state.state.clone() })
                .collect(),
            restarts: outcome
                .restarts
                .iter()
                .map(|restart| Restart {
                    at_s: restart.at,
                    explained_by: restart.explained_by.as_ref().map(wording::fault_name),
                    cause: restart.cause.clone(),
                })
                .collect(),
            skews: outcome
                .skews
                .iter()
                .map(|skew| Skew {
                    of: skew.of.clone(),
                    window: skew.window.clone(),
                    records: skew.records.clone(),
                    skew: skew.skew,
                    asked_skew: skew.asked,
                })
                .collect(),
            delivery: outcome.delivery.as_ref().map(|verdict| Delivery::new(verdict, outcome, zero)),
            generator: generator(outcome),
            drifts: outcome.drifts.iter().map(Into::into).collect(),
            findings: outcome.findings.iter().map(Into::into).collect(),
            hints: outcome.hints.clone(),
            open_undos: outcome.open_undos.clone(),
            probes: probes(outcome),
            clocks: outcome.clocks.iter().map(|(name, &(offset_s, error_s))| (name.clone(), Clock { offset_s, error_s })).collect(),
            facts: outcome.facts.clone(),
        }
    }
}

fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Completed => "completed".to_owned(),
        Ending::Aborted(why) => format!("aborted: {why}"),
        Ending::Interrupted(signal) => format!("interrupted: {signal}"),
        Ending::Failed(why) => format!("failed: {why}"),
    }
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn generator(outcome: &Outcome) -> Generator {
    let books = outcome.accounting.as_ref();
    Generator {
        kept_schedule: outcome.generator.is_ok(),
        reason: outcome.generator.clone().err(),
        scheduled: books.map(|books| books.scheduled),
        sent: books.map(|books| books.sent),
        unsent: books.map(|books| books.unsent),
        acknowledged: books.map(|books| books.acknowledged),
        failed: books.map(|books| books.failed),
        unresolved: books.map(|books| books.unresolved),
    }
}

fn probes(outcome: &Outcome) -> BTreeMap<String, Probe> {
    let mut probes: BTreeMap<String, Probe> = outcome
        .resolutions
        .iter()
        .map(|(name, &(interval, cache))| {
            (name.clone(), Probe { interval_s: Some(interval), cache_s: Some(cache), failures: 0, last_error: None })
        })
        .collect();
    for (name, (failures, error)) in &outcome.probe_errors {
        let probe = probes.entry(name.clone()).or_insert(Probe { interval_s: None, cache_s: None, failures: 0, last_error: None });
        probe.failures = *failures;
        probe.last_error = Some(error.clone());
    }
    probes
}

impl From<&analysis::Drift> for Drift {
    fn from(drift: &analysis::Drift) -> Self {
        let (status, reason) = match &drift.trend {
            Trend::Grows => (DriftStatus::Grows, None),
            Trend::Falls => (DriftStatus::Falls, None),
            Trend::Steady => (DriftStatus::Steady, None),
            Trend::NoData(reason) => (DriftStatus::NoData, Some(reason.clone())),
        };
        Self {
            what: drift.what.clone(),
            metric: drift.metric.to_string(),
            unit: drift.unit.into(),
            how: drift.how.clone(),
            status,
            sentence: drift.sentence(),
            reason,
            slope_per_second: drift.per_second,
            slope_low_per_second: drift.interval.map(|(low, _)| low),
            slope_high_per_second: drift.interval.map(|(_, high)| high),
            p_value: drift.p_value,
            detectable_per_second: drift.detectable,
            level: drift.level,
            points: drift.points as u64,
            from_s: drift.from,
            to_s: drift.to,
            full_in_s: drift.full_in.map(|(seconds, ..)| seconds),
            full_in_soonest_s: drift.full_in.map(|(_, soonest, _)| soonest),
            full_in_latest_s: drift.full_in.and_then(|(.., latest)| latest),
        }
    }
}

impl From<&analysis::Gap> for Gap {
    fn from(gap: &analysis::Gap) -> Self {
        let skipped = gap.skipped.iter().map(wording::fault_name).collect();
        Self { from_s: gap.from, to_s: gap.to, unsent_records: gap.unsent, skipped }
    }
}

impl From<Verdict> for RunVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::CleanupIncomplete => Self::CleanupIncomplete,
            Verdict::Interrupted => Self::Interrupted,
            Verdict::ToolError => Self::ToolError,
            Verdict::Aborted => Self::Aborted,
            Verdict::Failed => Self::Failed,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Met => Self::Met,
        }
    }
}

impl From<metric::Unit> for Unit {
    fn from(unit: metric::Unit) -> Self {
        match unit {
            metric::Unit::Count => Self::Count,
            metric::Unit::Records => Self::Records,
            metric::Unit::PerSecond => Self::RecordsPerSecond,
            metric::Unit::Seconds => Self::Seconds,
            metric::Unit::Bytes => Self::Bytes,
            metric::Unit::Ratio => Self::Ratio,
            metric::Unit::Factor => Self::Factor,
        }
    }
}

impl From<&analysis::ExpectationOutcome> for Expectation {
    fn from(expectation: &analysis::ExpectationOutcome) -> Self {
        Self {
            text: expectation.text.clone(),
            line: expectation.line,
            status: match expectation.status {
                Status::Met => ExpectationStatus::Met,
                Status::Failed => ExpectationStatus::Failed,
                Status::NoData => ExpectationStatus::NoData,
            },
            observed: expectation.observed.clone(),
            value: expectation.value.and_then(|figure| finite(figure.value)),
            error: expectation.value.and_then(|figure| figure.error).and_then(finite),
            unit: expectation.unit.map(Into::into),
            at_s: expectation.at,
            reason: expectation.reason.clone(),
        }
    }
}

impl From<&analysis::WindowOutcome> for Window {
    fn from(window: &analysis::WindowOutcome) -> Self {
        let latency = |points: &[f64; 4]| Latency {
            p50_s: finite(points[0]),
            p99_s: finite(points[1]),
            p999_s: finite(points[2]),
            max_s: finite(points[3]),
        };
        Self {
            name: window.name.clone(),
            from_s: window.from,
            to_s: window.to,
            input_records_per_second: window.input_per_second.and_then(finite),
            output_records_per_second: window.output_per_second.and_then(finite),
            max_output_lag_records: window.max_output_lag.and_then(finite),
            latency: window.latency.iter().map(|(metric, points)| (metric.name().to_owned(), latency(points))).collect(),
            checkpoints_completed: window.checkpoints_completed,
            checkpoints_failed: window.checkpoints_failed,
            restarts: window.restarts,
            requests: window
                .requests
                .iter()
                .map(|(link, request, count)| Requests {
                    link: link.clone(),
                    request: request.clone(),
                    count: *count,
                    per_checkpoint: (window.checkpoints_completed > 0).then(|| *count as f64 / f64::from(window.checkpoints_completed)),
                })
                .collect(),
        }
    }
}

impl From<&analysis::LagRow> for LagOfPartition {
    fn from(row: &analysis::LagRow) -> Self {
        let level = |values: &[Option<f64>; 3]| Level { baseline: values[0], worst: values[1], last: values[2] };
        Self {
            partition: row.partition.clone(),
            position_lag_records: level(&row.position),
            committed_lag_records: level(&row.committed),
            output_lag_records: level(&row.output),
            time_lag_s: level(&row.time),
        }
    }
}

impl From<&analysis::Finding> for Finding {
    fn from(finding: &analysis::Finding) -> Self {
        Self {
            severity: finding.severity.clone(),
            title: finding.title.clone(),
            evidence: finding.evidence.clone(),
            advice: finding.advice.clone(),
        }
    }
}

impl Checkpoint {
    fn new(checkpoint: &CheckpointRecord, zero: Timestamp) -> Self {
        Self {
            id: checkpoint.id,
            status: checkpoint.status.clone(),
            savepoint: checkpoint.savepoint,
            triggered_s: checkpoint.triggered.seconds_since(zero),
            duration_s: checkpoint.duration_s,
            slowest: checkpoint.slowest.as_ref().map(|parts| CheckpointPart {
                subtask: parts.subtask.clone(),
                start_delay_s: parts.start_delay_s,
                alignment_s: parts.alignment_s,
                sync_s: parts.sync_s,
                async_s: parts.async_s,
                other_s: wording::checkpoint_rest(parts),
                end_to_end_s: parts.end_to_end_s,
            }),
            checkpointed_bytes: checkpoint.checkpointed_bytes,
            state_bytes: checkpoint.state_bytes,
            failure: checkpoint.failure.clone(),
        }
    }
}

impl Delivery {
    fn new(verdict: &crate::delivery::Verdict, outcome: &Outcome, zero: Timestamp) -> Self {
        Self {
            no_data: verdict.no_data.clone(),
            acknowledged: verdict.acknowledged,
            in_input: verdict.in_input,
            seen: verdict.seen,
            lost: verdict.lost,
            duplicates: verdict.duplicates,
            duplicate_copies: verdict.duplicate_copies,
            reordered: verdict.reordered,
            corrupt: verdict.corrupt,
            unexpected: verdict.unexpected,
            foreign: verdict.foreign,
            unidentified: verdict.unidentified,
            damaged: verdict.damaged,
            input_duplicates: verdict.input_duplicates,
            forgotten_keys: verdict.forgotten_keys,
            unresolved_in_input: verdict.unresolved_in_input,
            unresolved_absent: verdict.unresolved_absent,
            pending: verdict.pending,
            lost_by_kafka: verdict.lost_by_kafka,
            no_order: verdict.no_order.clone(),
            no_contents: verdict.no_contents.clone(),
            share_ratio: verdict.share,
            violations: verdict.violations.iter().map(|violation| violation.text.clone()).collect(),
            offenders: verdict
                .offenders
                .iter()
                .map(|offender| Offender {
                    kind: offender.kind.clone(),
                    stream: offender.stream.clone(),
                    partition: offender.partition,
                    sequence: offender.sequence,
                    intended_s: offender.intended.seconds_since(zero),
                    window: wording::window_at(outcome, offender.intended.seconds_since(zero)).map(str::to_owned),
                    topic: offender.topic.clone(),
                    found_partition: offender.found_partition,
                    offset: offender.offset,
                    key: offender.key.clone(),
                })
                .collect(),
        }
    }
}
