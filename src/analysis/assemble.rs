//! The outcome of what was taken in.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Analysis;
use super::baseline::Baselines;
use super::fault_log::Fault;
use super::job_log::Found;
use super::latency::Merged;
use super::outcome::{
    Deed, FaultOutcome, LatencySeries, Moment, Outcome, RecoveryPhase, RecoveryTimeline, Restart, Series, StateChange, Undone,
    WindowOutcome,
};
use super::phases::phases;
use super::recovery::Course;
use super::restarts::Restarted;
use super::series::{Point, spacing, within};
use super::windows::Span;
use crate::clock::Timestamp;
use crate::journal::{CheckpointRecord, Of};
use crate::metric::Metric;
use crate::units::display;

const SECOND: i64 = 1_000_000_000;
/// A chart shows each commit apart: output per stretch of at least this many nanoseconds, and at most so many stretches.
const SHORTEST_STRETCH: i64 = 200_000_000;
const MOST_STRETCHES: i64 = 20_000;

impl Analysis {
    /// Everything that a report shows, as far as it is known by now.
    pub fn outcome(&self) -> Outcome {
        let mut baselines = Baselines::default();
        let courses: Vec<Course> = self.faults.all().iter().map(|fault| self.course(fault, &mut baselines)).collect();
        let restarts = self.restarted(&courses);
        let faults: Vec<FaultOutcome> =
            self.faults.all().iter().zip(&courses).map(|(fault, course)| self.fault_outcome(fault, course, &restarts)).collect();
        let drifts = self.drifts(&courses, &restarts);
        let mut expectations = self.judge_expectations(&courses);
        expectations.extend(self.no_drift(&drifts));
        let generator = self.generator();
        let open_undos = self.open_undos();
        let (verdict, reasons) = self.verdict(&expectations, &faults, &generator, &open_undos);
        Outcome {
            run: self.run.run.clone(),
            scenario: self.asked.scenario.clone(),
            about: self.asked.about.clone(),
            cluster: self.asked.cluster.clone(),
            cluster_kind: self.asked.cluster_kind.clone(),
            seed: self.asked.seed,
            squall: self.run.squall.clone(),
            started: Timestamp(self.run.started),
            start: self.run.start.map(Timestamp),
            end: self.seconds(self.run.last),
            traffic_end: self.run.traffic_end.map(|at| self.seconds(at)),
            ending: self.run.ending.clone(),
            verdict,
            reasons,
            sentence: self.sentence(verdict, &faults),
            gaps: self.gaps(),
            expectations,
            windows: self.window_outcomes(&courses, &restarts),
            series: self.all_series(),
            latency: self.latency_series(),
            states: self
                .job
                .states
                .iter()
                .map(|state| {
                    let began = state.began(&self.clocks);
                    StateChange { at: self.seconds(began.at), error: began.error as f64 / 1e9, state: state.state.clone() }
                })
                .collect(),
            drifts,
            findings: self.findings(&courses, &restarts),
            restarts: restarts
                .into_iter()
                .map(|restart| Restart { at: self.seconds(restart.at), explained_by: restart.explained_by, cause: restart.cause })
                .collect(),
            checkpoints: self.checkpoints.all().cloned().collect(),
            lags: self.lag_rows(&courses),
            skews: self.skew_outcomes(&courses),
            accounting: self.run.accounting.clone(),
            generator,
            delivery: self.run.delivery.clone(),
            hints: self.hints(),
            happenings: self.happenings_since(0),
            resolutions: self.run.resolutions.clone(),
            probe_errors: self.run.probe_errors.clone(),
            clocks: self
                .clocks
                .iter()
                .map(|(of, offset)| (of.to_owned(), (offset.offset_ns as f64 / 1e9, offset.uncertainty_ns as f64 / 1e9)))
                .collect(),
            facts: self.run.facts.clone(),
            open_undos,
            faults,
        }
    }

    /// One fault of those so far, as a report would show it now.
    pub(super) fn fault_as_it_stands(&self, id: &crate::journal::FaultId) -> Option<FaultOutcome> {
        let fault = self.faults.all().iter().find(|fault| fault.id == *id)?;
        let course = self.course(fault, &mut Baselines::default());
        let restarts = self.restarted(std::slice::from_ref(&course));
        Some(self.fault_outcome(fault, &course, &restarts))
    }

    fn fault_outcome(&self, fault: &Fault, course: &Course, restarts: &[Restarted]) -> FaultOutcome {
        let moment = |index: usize| self.moment(&course.moments[index]);
        let phases: Vec<RecoveryPhase> = phases(course)
            .into_iter()
            .map(|phase| RecoveryPhase { name: phase.name, from: self.seconds(phase.from), to: self.seconds(phase.to) })
            .collect();
        let explained = restarts.iter().filter(|restart| restart.explained_by.as_ref() == Some(&fault.id)).count();
        let t0 = course.moment(0).map(|seen| seen.at);
        let mut notes = course.notes.clone();
        if let Some((checkpoint, since)) = self.checkpoint_hit(fault) {
            let since = display::seconds(since as f64 / 1e9);
            notes.push(format!("checkpoint {} was in progress, triggered {since} before; it {}", checkpoint.id, checkpoint.status));
        }
        notes.extend(self.overlaps(fault, course));
        if let Some(t0) = course.moment(0)
            && course.moment(2).is_some()
            && !self.checkpoints.is_empty()
            && self.checkpoints.age(t0.at, &self.clocks).is_none()
        {
            notes.push("no checkpoint had completed when it came: the job began anew from its start offsets, not from a state".to_owned());
        }
        if explained > 1 {
            notes.push(format!("{explained} restarts came of it: every attempt that failed counts, and each region of the job by itself"));
        }
        FaultOutcome {
            fault: fault.id.clone(),
            kind: self.asked.kind_of(&fault.id.name).unwrap_or_default().to_owned(),
            target: fault.aimed.as_ref().map_or_else(String::new, |aim| aim.target.clone()),
            planned: self.seconds(fault.planned),
            held: fault.held(),
            removed: course.removal.as_ref().map(|seen| self.seconds(seen.at)),
            acted: fault.acted().is_ok(),
            witness: fault.acted().ok(),
            deeds: self.deeds(fault),
            disturbed: course.disturbed.clone(),
            recovery: course.recovery.clone(),
            timeline: RecoveryTimeline {
                t0_effective: moment(0),
                t1_last_output: moment(1),
                t2_departed_running: moment(2),
                t3_slots_back: moment(3),
                t4_all_running: moment(4),
                t5_first_output: moment(5),
                t6_first_new_output: moment(6),
                t7_first_checkpoint: moment(7),
                t8_lag_back: moment(8),
                t9_latency_back: moment(9),
            },
            phases,
            outage: course.outage().ok(),
            restarts: u32::try_from(explained).unwrap_or(u32::MAX),
            replayed: t0.filter(|_| course.moment(4).is_some()).and_then(|t0| self.read_again(t0)),
            checkpoint_age: t0.and_then(|t0| self.checkpoints.age(t0, &self.clocks)),
            max_output_lag: self.highest_lag(course).map(|(at, value)| (value, self.seconds(at))),
            catch_up_rate: self.catch_up_rate(course),
            achieved: self.achieved_shares(fault, course),
            notes,
        }
    }

    /// The checkpoint that was under way when a fault acted, and how long since its trigger.
    pub(super) fn checkpoint_hit(&self, fault: &Fault) -> Option<(&CheckpointRecord, i64)> {
        let t0 = fault.effective().ok()?;
        self.checkpoints.under_way(t0.at, t0.error, &self.clocks)
    }

    fn moment(&self, found: &Found) -> Moment {
        match found {
            Ok(seen) => Moment::Seen { at: self.seconds(seen.at), error: seen.error as f64 / 1e9, source: seen.source.clone() },
            Err(reason) => Moment::NotSeen { reason: reason.clone() },
        }
    }

    fn deeds(&self, fault: &Fault) -> Vec<Deed> {
        fault
            .performed
            .iter()
            .map(|performed| {
                let undo = fault.undos.iter().filter_map(|id| self.faults.undo(*id)).find(|undo| undo.step == performed.step);
                let undone = undo.map(|undo| match &undo.ended {
                    Some((at, restored, what)) => Undone { at: Some(self.seconds(*at)), restored: *restored, what: what.clone() },
                    None => Undone { at: None, restored: false, what: "not undone yet".to_owned() },
                });
                Deed {
                    what: performed.what.clone(),
                    error: performed.error.clone(),
                    testimony: fault.testimonies.get(&performed.step).cloned(),
                    undone,
                }
            })
            .collect()
    }

    /// Other faults that were held or not recovered from when this one began, or that ended the watching.
    fn overlaps(&self, fault: &Fault, course: &Course) -> Vec<String> {
        let Some(t0) = course.moment(0) else { return Vec::new() };
        let mut notes: Vec<String> = self
            .faults
            .all()
            .iter()
            .filter(|other| other.id != fault.id && other.held())
            .filter(|other| other.effective().is_ok_and(|began| began.at < t0.at))
            .filter(|other| self.faults.removal(other).is_none_or(|removal| removal.at > t0.at))
            .map(|other| format!("{} was held at the same time; what is seen is of both", other.id.name))
            .collect();
        if let (Some(by), true) = (&course.until.1, matches!(course.recovery, super::outcome::Recovery::Censored { .. })) {
            notes.push(format!("judged until {by} began"));
        }
        notes
    }

    fn highest_lag(&self, course: &Course) -> Option<Point> {
        let t0 = course.moment(0)?.at;
        let to = course.end.as_ref().map_or(course.until.0, |end| end.at);
        let lag = self.samples.whole(Metric::OutputLag);
        within(&lag, t0, to.max(t0) + 1).iter().copied().max_by(|a, b| a.1.total_cmp(&b.1))
    }

    /// Records per second by which output lag fell, from its highest value to when it was back. None where half of it fell at once: a commit
    /// that brings out what was processed long before says nothing of a rate.
    fn catch_up_rate(&self, course: &Course) -> Option<f64> {
        let (from, highest) = self.highest_lag(course)?;
        let back = course.moment(8)?;
        let lag = self.samples.whole(Metric::OutputLag);
        let falling = within(&lag, from, back.at + back.error + 1);
        let (to, value) = falling.last().copied()?;
        let at_once = falling.windows(2).map(|pair| pair[0].1 - pair[1].1).fold(0.0, f64::max);
        (to > from && highest > value && at_once <= (highest - value) / 2.0).then(|| (highest - value) * 1e9 / (to - from) as f64)
    }

    fn window_outcomes(&self, courses: &[Course], restarts: &[Restarted]) -> Vec<WindowOutcome> {
        let mut windows: Vec<(String, Span, Span)> = Vec::new();
        if let (Ok(span), Ok(records)) = (self.baseline_span(courses, false), self.baseline_span(courses, true)) {
            windows.push(("baseline".to_owned(), span, records));
        }
        for (fault, course) in self.faults.all().iter().zip(courses) {
            let Some(of) = self.windows_of(course) else { continue };
            let name =
                if fault.id.occurrence == 0 { fault.id.name.clone() } else { format!("{} ({})", fault.id.name, fault.id.occurrence + 1) };
            for (label, span) in
                [(name.clone(), of.during), (format!("recovery of {name}"), of.recovery), (format!("after {name}"), of.after)]
            {
                if span.1 > span.0 {
                    windows.push((label, span, span));
                }
            }
        }
        // Each sums up its own histograms: most of the work of a report of a day.
        windows.into_par_iter().map(|(name, span, records)| self.window_outcome(name, span, records, restarts)).collect()
    }

    /// `records` is the span for what is measured per record.
    fn window_outcome(&self, name: String, span: Span, records: Span, restarts: &[Restarted]) -> WindowOutcome {
        let (from, to) = span;
        let per_second = |count: f64, (from, to): Span| count * 1e9 / (to - from).max(1) as f64;
        let spans = [span];
        let merged: BTreeMap<Metric, Merged> =
            self.latency.metrics().filter_map(|metric| Some((metric, self.latency.merged(metric, &[records])?))).collect();
        // Counts by intended time, where the histograms are short against the window.
        let longest = self.latency.longest(Metric::ProduceLatency);
        let fine = longest <= 2 * SECOND || records.1 - records.0 >= 20 * longest;
        let produced = merged.get(&Metric::ProduceLatency).filter(|_| fine);
        let by_intended = produced.map(|merged| per_second(merged.count() as f64, records));
        let input = by_intended.or_else(|| self.samples.growth(Metric::Acknowledged, from, to).map(|grown| per_second(grown, span)));
        let lag = self.samples.whole(Metric::OutputLag);
        let figures = |merged: &Merged| [merged.percentile(50.0), merged.percentile(99.0), merged.percentile(99.9), merged.max()];
        let latency = merged.iter().map(|(metric, merged)| (*metric, figures(merged))).collect();
        let restarts = restarts.iter().filter(|restart| (from..to).contains(&restart.at)).count();
        WindowOutcome {
            name,
            from: self.seconds(from),
            to: self.seconds(to),
            input_per_second: input,
            output_per_second: (!self.output.is_empty()).then(|| per_second(self.output.fresh(from, to) as f64, span)),
            max_output_lag: within(&lag, from, to).iter().map(|(_, value)| *value).max_by(f64::total_cmp),
            latency,
            checkpoints_completed: self.checkpoints.count("completed", &spans, &self.clocks),
            checkpoints_failed: self.checkpoints.count("failed", &spans, &self.clocks),
            restarts: u32::try_from(restarts).unwrap_or(u32::MAX),
            requests: self.requests_within(from, to),
        }
    }

    fn all_series(&self) -> Vec<Series> {
        let mut series: Vec<Series> =
            self.samples.gauges().map(|(metric, of, samples)| self.series(metric, of.clone(), samples.all())).collect();
        series.extend(self.samples.subjects(Metric::GcTime).map(|(of, samples)| self.series(Metric::GcTime, of.clone(), samples.all())));
        let (from, to) = self.whole_run();
        for (metric, width) in [(Metric::Input, self.interval()), (Metric::Output, ((to - from) / MOST_STRETCHES).max(SHORTEST_STRETCH))] {
            if self.samples.subjects(metric).next().is_none()
                && let Some(points) = self.derived_per(metric, width)
            {
                series.push(self.series(metric, Of::Run, &points));
            }
        }
        for metric in [Metric::OutputLag, Metric::PositionLag, Metric::CommittedLag] {
            if self.samples.get(metric, &Of::Run).is_none() {
                let whole = self.samples.whole(metric);
                if !whole.is_empty() {
                    series.push(self.series(metric, Of::Run, &whole));
                }
            }
        }
        series
    }

    /// Points for a chart; where samples are missing for four times the usual distance and 2 s, a `NaN` opens the line.
    fn series(&self, metric: Metric, of: Of, points: &[Point]) -> Series {
        let missing = spacing(points).map_or(i64::MAX, |usual| (4 * usual).max(2_000_000_000));
        let mut drawn = Vec::with_capacity(points.len());
        let mut before = None;
        for (at, value) in points {
            if let Some(before) = before.filter(|before| at - before > missing) {
                drawn.push((self.seconds(before + (at - before) / 2), f64::NAN));
            }
            drawn.push((self.seconds(*at), *value));
            before = Some(*at);
        }
        let unit = match &of {
            Of::Query(query) => self.asked.queries.get(query).copied().unwrap_or(metric.unit()),
            _ => metric.unit(),
        };
        Series { metric, of, unit, points: drawn }
    }

    fn latency_series(&self) -> Vec<LatencySeries> {
        self.latency
            .metrics()
            .map(|metric| {
                let mut points: Vec<(f64, f64, f64, f64)> = self
                    .latency
                    .stretches(metric)
                    .iter()
                    .filter(|stretch| stretch.count > stretch.negative)
                    .map(|stretch| (self.seconds(stretch.from), stretch.p50, stretch.p99, stretch.max))
                    .collect();
                points.sort_by(|a, b| a.0.total_cmp(&b.0));
                LatencySeries { metric, points }
            })
            .collect()
    }
}
