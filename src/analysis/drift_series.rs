//! The series that a soak looks at for drifts, each only where the pipeline is undisturbed.

use std::collections::{BTreeMap, BTreeSet};

use super::Analysis;
use super::drift::{Drift, FEWEST_POINTS, Trend, Watched};
use super::drift_stretches::Look;
use super::outcome::{ExpectationOutcome, Recovery, Status};
use super::quantile::{median, sorted};
use super::recovery::Course;
use super::restarts::Restarted;
use super::series::Point;
use super::strata::fit;
use super::windows::Span;
use crate::journal::Of;
use crate::metric::Metric;

const SECOND: i64 = 1_000_000_000;
const MIB: f64 = 1_048_576.0;
/// What is left out at the start: a tenth of the time, within these.
const WARM_UP: (i64, i64) = (20 * SECOND, 900 * SECOND);
/// Seconds until a squall holds what it will hold.
const OWN_WARM_UP: f64 = 900.0;
/// Stretches of a series that is reduced to one value each.
const STRETCHES: i64 = 120;
/// Occurrences of a fault whose recoveries can be compared.
const FEWEST_RECOVERIES: usize = 6;
/// A load that changes by more than this share over the time moves everything that depends on it.
const LOAD_CHANGE: f64 = 0.05;

/// The outcome's line for all drifts together.
pub(super) const NO_DRIFT: &str = "no drift";

impl Analysis {
    /// The drifts of a soak; empty for any other run.
    pub(super) fn drifts(&self, courses: &[Course], restarts: &[Restarted]) -> Vec<Drift> {
        if !self.asked.soak {
            return Vec::new();
        }
        let (start, end) = self.whole_run();
        let from = start + ((end - start) / 10).clamp(WARM_UP.0, WARM_UP.1);
        // Extremes of minutes are no samples.
        let from = self.run.thinned.map_or(from, |(_, until)| from.max(until));
        if end <= from {
            return Vec::new();
        }
        let look = Look {
            analysis: self,
            from,
            end,
            quiet: self.quiet(courses, from, end),
            restarts,
            width: ((end - from) / STRETCHES).max(SECOND),
        };
        let (from, to) = (self.seconds(from), self.seconds(end));
        let load = look.load();
        let mut drifts: Vec<Drift> = Vec::new();
        for watched in look.independent(courses) {
            drifts.push(watched.judge(from, to));
        }
        for watched in look.dependent() {
            let mut drift = watched.judge(from, to);
            if let Some(load) = &load {
                drift.trend = Trend::NoData(load.clone());
            }
            drifts.push(drift);
        }
        // What is measured and gives no point is no data; what this cluster does not tell is no row.
        let measured = |metric| metric == Metric::HeapUsed || self.samples.subjects(metric).next().is_some();
        drifts.retain(|drift| drift.points > 0 || measured(drift.metric));
        for drift in drifts.iter_mut().filter(|drift| matches!(drift.metric, Metric::HeapUsed | Metric::HeapAfterCollection)) {
            look.heap_full(drift);
        }
        drifts
    }

    /// What no fault disturbs: from `from` to `end` without the gaps and each fault's time, from T0 until it has been back for a hold.
    fn quiet(&self, courses: &[Course], from: i64, end: i64) -> Vec<Span> {
        let settled = |gap: Span| (gap.0, gap.1 + self.hold());
        let mut quiet = vec![(from, end)];
        let gaps = self.run.gaps.iter().map(|gap| settled((gap.from, gap.to)));
        let of_faults = courses.iter().filter_map(|course| {
            let windows = self.windows_of(course)?;
            Some(settled((windows.during.0, windows.recovery.1.max(windows.during.1))))
        });
        for cut in of_faults.chain(gaps) {
            quiet = quiet
                .into_iter()
                .flat_map(|(from, to)| [(from, to.min(cut.0)), (from.max(cut.1), to)])
                .filter(|(from, to)| to > from)
                .collect();
        }
        quiet.sort_unstable();
        quiet.dedup();
        quiet
    }

    /// The soak's own expectation: nothing runs away, and something was seen.
    pub(super) fn no_drift(&self, drifts: &[Drift]) -> Option<ExpectationOutcome> {
        if !self.asked.soak {
            return None;
        }
        let seen = drifts.iter().filter(|drift| !matches!(drift.trend, Trend::NoData(_))).count();
        // What squall itself does is told, and is no fault of the pipeline's.
        let theirs = drifts.iter().filter(|drift| drift.grows() && drift.metric != Metric::OwnMemory);
        let growing: Vec<String> = theirs.map(|drift| format!("{} {}", drift.what, drift.sentence())).collect();
        let (status, observed, reason) = match (growing.is_empty(), seen) {
            (false, _) => (Status::Failed, growing.join("; "), None),
            (true, 0) => (Status::NoData, String::new(), Some("no series was long enough".to_owned())),
            (true, seen) => (Status::Met, format!("none in {seen} of {} series", drifts.len()), None),
        };
        Some(ExpectationOutcome { text: NO_DRIFT.to_owned(), line: 0, status, observed, value: None, unit: None, at: None, reason })
    }
}

impl Look<'_> {
    /// Series that the load does not move.
    fn independent(&self, courses: &[Course]) -> Vec<Watched> {
        let taskmanagers = self.taskmanagers();
        let mut all = vec![self.heap(&taskmanagers)];
        let of_processes = [
            (Metric::ResidentMemory, "resident memory of the TaskManagers", "of their processes, together", 4.0 * MIB),
            (Metric::OpenFiles, "open files of the TaskManagers", "of their processes, together", 4.0),
            (Metric::Threads, "threads of the TaskManagers", "of their processes, together", 4.0),
        ];
        for (metric, what, how, floor) in of_processes {
            let stretches = self.together(metric, &taskmanagers, false, middle_of);
            all.push(watched(what, metric, how, stretches, floor));
        }
        for (metric, what, floor) in
            [(Metric::StateSize, "state", MIB / 16.0), (Metric::CheckpointDisk, "disk of state and checkpoints", 4.0 * MIB)]
        {
            all.push(watched(what, metric, "of completed checkpoints", vec![self.quiet_points(&self.points(metric))], floor));
        }
        all.extend(self.recoveries(courses));
        all.push(self.unexplained());
        all.push(watched("squall's own memory", Metric::OwnMemory, "resident, of its process", self.own_memory(), 4.0 * MIB));
        all
    }

    /// A squall that goes on is another process. Each warms up for a quarter of an hour, or of its time where that is less.
    fn own_memory(&self) -> Vec<Vec<(f64, f64)>> {
        let points = self.per_stretch(&self.points(Metric::OwnMemory), middle_of, false);
        let resumed = self.analysis.run.gaps.iter().map(|gap| self.analysis.seconds(gap.to));
        let begins: Vec<f64> = std::iter::once(0.0).chain(resumed).collect();
        let process = |at: f64| begins.iter().copied().take_while(|begin| *begin <= at).last().unwrap_or(0.0);
        let warm = |points: &[(f64, f64)]| {
            let (began, last) = (points.first().map_or(0.0, |first| process(first.0)), points.last().map_or(0.0, |last| last.0));
            let from = began + ((last - began) / 4.0).min(OWN_WARM_UP);
            points.iter().copied().filter(|(at, _)| *at >= from).collect()
        };
        points.chunk_by(|(before, _), (at, _)| process(*before) == process(*at)).map(warm).collect()
    }

    /// Series that go with the load: a load that drifts makes them no data.
    fn dependent(&self) -> Vec<Watched> {
        let analysis = self.analysis;
        let mut all = Vec::new();
        for (metric, what, floor) in
            [(Metric::CheckpointDuration, "duration of checkpoints", 0.05), (Metric::CheckpointSize, "size of checkpoints", MIB / 16.0)]
        {
            all.push(watched(what, metric, "of completed checkpoints", vec![self.quiet_points(&self.points(metric))], floor));
        }
        let rate = analysis.asked.per_second().unwrap_or(0.0);
        let lag = vec![self.per_stretch(&self.points(Metric::OutputLag), least_of, true)];
        all.push(watched("floor of the output lag", Metric::OutputLag, "the least of each stretch", lag, (0.05 * rate).max(10.0)));
        if let Some(metric) = analysis.latency.judged_by() {
            let points = analysis.latency.p99(metric, self.from, self.end);
            let stretches = vec![self.per_stretch(&points, middle_of, true)];
            all.push(watched(&format!("p99 of {metric}"), metric, "the median of each stretch", stretches, 0.05));
        }
        let taskmanagers = self.taskmanagers();
        let collecting: Vec<(f64, f64)> = self
            .stretches()
            .filter(|(from, to)| self.is_quiet(*from, *to))
            .filter_map(|(from, to)| {
                let grown: Vec<f64> =
                    taskmanagers.iter().filter_map(|of| analysis.samples.get(Metric::GcTime, of)?.growth(from, to)).collect();
                let seconds = (to - from) as f64 / 1e9;
                (!grown.is_empty()).then(|| (analysis.seconds(from), grown.iter().sum::<f64>() / (seconds * grown.len() as f64)))
            })
            .collect();
        all.push(watched("collecting garbage", Metric::GcTime, "seconds per second, of each TaskManager", vec![collecting], 0.005));
        all
    }

    /// Why what depends on the load cannot be judged, where it drifts itself.
    fn load(&self) -> Option<String> {
        let analysis = self.analysis;
        let points: Vec<(f64, f64)> = self
            .stretches()
            .filter(|(from, to)| self.is_quiet(*from, *to))
            .filter_map(|(from, to)| {
                let grown = analysis.samples.growth(Metric::Acknowledged, from, to)?;
                Some((analysis.seconds(from), grown * 1e9 / (to - from) as f64))
            })
            .collect();
        let found = fit(std::slice::from_ref(&points))?;
        let level = middle_of(&points.iter().map(|(_, value)| *value).collect::<Vec<_>>())?;
        let change = found.slope.per_second * (self.end - self.from) as f64 / 1e9;
        (found.slope.p_value < 0.01 && change.abs() > LOAD_CHANGE * level)
            .then(|| format!("the load itself changes by {} over the time", crate::units::display::rate(change)))
    }

    /// The heap after collections where somebody asked for them; else the floor that the heap in use comes down to.
    fn heap(&self, taskmanagers: &BTreeSet<Of>) -> Watched {
        let after: BTreeSet<Of> = self.analysis.samples.subjects(Metric::HeapAfterCollection).map(|(of, _)| of.clone()).collect();
        let (metric, nodes, how) = if after.is_empty() {
            (
                Metric::HeapUsed,
                taskmanagers,
                "the least of each stretch: what collections came down to, garbage that nobody collected yet included",
            )
        } else {
            (Metric::HeapAfterCollection, &after, "after full collections that squall asked for")
        };
        let stretches = self.together(metric, nodes, true, least_of);
        let mut heap = watched("heap of the TaskManagers", metric, how, stretches, MIB);
        heap.moves = true;
        heap
    }

    /// Says when the first heap is full, by each node's own slope, and by its share of the whole at least: subtasks move with each restart, and
    /// a node that has held the one that leaks for a minute has hardly a slope yet.
    fn heap_full(&self, drift: &mut Drift) {
        let samples = &self.analysis.samples;
        let Some((low, high)) = drift.interval.filter(|_| drift.grows()) else { return };
        let slope = drift.per_second.unwrap_or(0.0);
        let alive: Vec<(&Of, Point)> = samples
            .subjects(drift.metric)
            .filter_map(|(of, points)| Some((of, points.newest().filter(|(at, _)| self.end - at < 4 * self.width.max(60 * SECOND))?)))
            .collect();
        let share = slope / alive.len() as f64;
        let soonest = alive
            .iter()
            .filter_map(|&(of, (at, used))| {
                let in_use = samples.get(Metric::HeapUsed, of)?.at(at)?.1;
                let limit = in_use / samples.get(Metric::Heap, of)?.at(at)?.1;
                let own = fit(&self.together(drift.metric, &BTreeSet::from([of.clone()]), true, least_of));
                let own = own.map_or(share, |own| own.slope.per_second.max(share));
                (own > 0.0 && limit.is_finite()).then(|| (limit - used).max(0.0) / own)
            })
            .min_by(f64::total_cmp);
        if let Some(seconds) = soonest {
            // The interval of the whole stands for the node's.
            let latest = (low > 0.0).then(|| seconds * slope / low);
            drift.full_in = Some((seconds, seconds * slope / high, latest));
            drift.limit = Some("heap full".to_owned());
        }
    }

    /// Times to recover, fault by fault.
    fn recoveries(&self, courses: &[Course]) -> Vec<Watched> {
        let mut by_name: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for (fault, course) in self.analysis.faults.all().iter().zip(courses) {
            if let (Recovery::Recovered { time }, Some(t0)) = (&course.recovery, course.moment(0)) {
                by_name.entry(&fault.id.name).or_default().push((self.analysis.seconds(t0.at), time.value));
            }
        }
        by_name
            .into_iter()
            .filter(|(_, points)| points.len() >= 2)
            .map(|(name, points)| {
                let mut series = watched(&format!("recovery from {name}"), Metric::RecoveryTime, "over its occurrences", vec![points], 1.0);
                series.fewest = FEWEST_RECOVERIES;
                series
            })
            .collect()
    }

    /// Restarts that no fault explains, in each twentieth of the time.
    fn unexplained(&self) -> Watched {
        let width = ((self.end - self.from) / 20).max(1);
        let counts = (0..20)
            .map(|index| {
                let (from, to) = (self.from + index * width, self.from + (index + 1) * width);
                let count =
                    self.restarts.iter().filter(|restart| restart.explained_by.is_none() && (from..to).contains(&restart.at)).count();
                (self.analysis.seconds(from + width / 2), count as f64)
            })
            .collect();
        watched("restarts that no fault explains", Metric::UnexplainedRestarts, "in each twentieth of the time", vec![counts], 1.0)
    }

    /// Nodes that report a heap to Flink.
    fn taskmanagers(&self) -> BTreeSet<Of> {
        self.analysis.samples.subjects(Metric::HeapUsed).map(|(of, _)| of.clone()).collect()
    }
}

fn watched(what: &str, metric: Metric, how: &'static str, stretches: Vec<Vec<(f64, f64)>>, floor: f64) -> Watched {
    Watched { what: what.to_owned(), metric, how, stretches, floor, fewest: FEWEST_POINTS, moves: false }
}

fn middle_of(values: &[f64]) -> Option<f64> {
    median(&sorted(values.iter().copied()))
}

fn least_of(values: &[f64]) -> Option<f64> {
    values.iter().copied().min_by(f64::total_cmp)
}
