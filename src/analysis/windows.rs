//! The windows of a run: baseline, during, recovery of, after, under. Definitions in `ARCHITECTURE.md`, *Windows*.

use super::Analysis;
use super::baseline::Baselines;
use super::recovery::Course;
use crate::journal::FaultId;
use crate::metric::{Behaviour, Metric};
use crate::scenario::Window;

/// A stretch of time, in nanoseconds since the epoch: `from <= at < to`.
pub type Span = (i64, i64);

/// The windows of one fault; each is empty where its edges were not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultWindows {
    /// From T0 to the removal, or to T4.
    pub during: Span,
    /// From there to the end of the recovery.
    pub recovery: Span,
    /// From there to the next disturbance.
    pub after: Span,
}

impl Analysis {
    /// The windows of a fault; none where T0 was not seen.
    pub(super) fn windows_of(&self, course: &Course) -> Option<FaultWindows> {
        let t0 = course.moment(0)?.at;
        let until = course.until.0.max(t0);
        let rest = || course.moment(4).or(course.moment(6)).map_or(t0 + self.hold(), |seen| seen.at);
        let over = match &course.removal {
            Some(removal) => removal.at,
            None if course.held_still => until,
            None => rest(),
        }
        .clamp(t0, until);
        let back = match &course.end {
            Some(end) => end.at,
            None if course.disturbed.is_empty() => over,
            None => until,
        }
        .clamp(over, until);
        Some(FaultWindows { during: (t0, over), recovery: (over, back), after: (back, until) })
    }

    /// The traffic's whole time.
    pub(super) fn whole_run(&self) -> Span {
        (self.origin(), self.end().max(self.origin()))
    }

    /// Why nothing can be judged by the samples of a stretch, where they were reduced.
    pub(super) fn reduced(&self, from: i64, to: i64) -> Option<String> {
        let (first, last) = self.run.thinned?;
        (from < last && to > first).then(|| "its samples were reduced to stay within the disk budget".to_owned())
    }

    /// The baseline of the run: that of its first fault, else all of it but its start. For what is measured per `record` it ends earlier.
    pub(super) fn baseline_span(&self, courses: &[Course], record: bool) -> Result<Span, String> {
        let baseline = match courses.iter().find(|course| course.moment(0).is_some()) {
            Some(course) => course.baseline.clone(),
            None => self.baseline(self.end(), &mut Baselines::default()),
        };
        let baseline = baseline.map_err(|reason| format!("no baseline: {reason}"))?;
        Ok((baseline.from, if record { baseline.complete } else { baseline.to }))
    }

    /// The spans that a window means for a metric: one for each occurrence of its fault. The error says why there is none.
    pub(super) fn spans(&self, courses: &[Course], window: Option<&Window>, metric: Metric) -> Result<Vec<Span>, String> {
        let (name, part): (&str, fn(FaultWindows) -> Span) = match window {
            None => return Ok(vec![self.whole_run()]),
            Some(Window::Baseline) => return Ok(vec![self.baseline_span(courses, metric.behaviour() == Behaviour::Distribution)?]),
            Some(Window::During(name)) => (name, |windows| windows.during),
            Some(Window::RecoveryOf(name)) => (name, |windows| windows.recovery),
            Some(Window::After(name)) => (name, |windows| windows.after),
            Some(Window::Under(name) | Window::Of(name)) => (name, |windows| (windows.during.0, windows.recovery.1)),
        };
        let spans: Vec<Span> =
            self.named(courses, name).filter_map(|(_, course)| self.windows_of(course)).map(part).filter(|(from, to)| to > from).collect();
        if !spans.is_empty() {
            return Ok(spans);
        }
        Err(match self.named(courses, name).next() {
            None => format!("`{name}` never came due"),
            Some((_, course)) => match &course.moments[0] {
                Err(reason) => format!("`{name}` did not act: {reason}"),
                Ok(_) => "the window is empty".to_owned(),
            },
        })
    }

    /// The occurrences of a fault and their courses.
    pub(super) fn named<'a>(&'a self, courses: &'a [Course], name: &'a str) -> impl Iterator<Item = (&'a FaultId, &'a Course)> {
        self.faults.all().iter().zip(courses).filter(move |(fault, _)| fault.id.name == name).map(|(fault, course)| (&fault.id, course))
    }
}
