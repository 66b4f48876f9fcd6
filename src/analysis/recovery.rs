//! How a fault went: T0 to T9, whether anything was disturbed, and whether it came back. Definitions in `ARCHITECTURE.md`, *Measures*.

use super::Analysis;
use super::band::Band;
use super::baseline::{Baseline, Baselines};
use super::excursion::Excursion;
use super::fault_log::Fault;
use super::gap::GAP;
use super::job_log::{Found, Seen};
use super::outcome::{Figure, Recovery};
use super::output_log::Gap;
use crate::units::display;

/// A disturbance that begins later than this after a fault (or its removal) is not the fault's: the longest that Flink's defaults take
/// to notice by themselves is heartbeat.timeout (50 s) and one heartbeat.interval (10 s).
pub const NOTICED_WITHIN: i64 = 60_000_000_000;

/// The course of a fault, in nanoseconds on our clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// T0 to T9.
    pub moments: [Found; 10],
    /// When a held fault was removed.
    pub removal: Option<Seen>,
    /// Whether it is held and was not removed.
    pub held_still: bool,
    /// What it is compared with.
    pub baseline: Result<Baseline, String>,
    /// What left its band, in words.
    pub disturbed: Vec<String>,
    /// How it went.
    pub recovery: Recovery,
    /// max(T8, T9), or what stands in for them where neither left its band.
    pub end: Option<Seen>,
    /// The longest wait for visible output.
    pub gap: Option<Gap>,
    /// What ended the watching, and when.
    pub until: (i64, Option<String>),
    /// Until when a disturbance counts as its own.
    pub noticed_by: i64,
    /// Sentences worth reading.
    pub notes: Vec<String>,
}

impl Analysis {
    /// The course of a fault as far as it is known by now. What is worked out of the stretches before it stays in `baselines`.
    pub(super) fn course(&self, fault: &Fault, baselines: &mut Baselines) -> Course {
        let t0 = match fault.effective() {
            Ok(t0) => t0,
            Err(reason) => return Course::never(reason),
        };
        let removal = if fault.held() { self.faults.removal(fault) } else { None };
        let until = self.watched_until(t0.at);
        let baseline = self.baseline(t0.at, baselines);
        let over = removal.as_ref().map_or(t0.at, |seen| seen.at);
        let noticed_by = if fault.held() && removal.is_none() { until.0 } else { until.0.min(over + NOTICED_WITHIN) };

        let lag = self.lag_excursion(fault, &baseline, &t0, removal.as_ref(), until.0, noticed_by);
        let latency = self.latency_excursion(fault, &baseline, &t0, removal.as_ref(), until.0, noticed_by);
        let t2 = self.departed(&t0, noticed_by);
        let limit = lag.back.as_ref().map_or(until.0, |seen| seen.at + seen.error).max(t2.as_ref().map_or(0, |t2| t2.at));
        let t4 = match &t2 {
            Ok(t2) => self.all_running(t2, if lag.back.is_ok() { limit } else { until.0 }),
            Err(reason) => Err(reason.clone()),
        };
        let t3 = match (&t2, &t4) {
            (Ok(t2), Ok(t4)) => self.slots_back(t2, t4),
            (_, Err(reason)) | (Err(reason), _) => Err(reason.clone()),
        };
        let gaps_until = t4.as_ref().map_or(noticed_by, |t4| t4.at.max(over)).min(until.0);
        let gap = self.worst_gap(t0.at, gaps_until, until.0);
        let (t1, t5) = output_moments(gap.as_ref(), &self.output_reason());
        let t6 = self.further_output(&t0, gap.as_ref(), until.0);
        let t7 = self.first_checkpoint(t4.as_ref().unwrap_or(&t0), until.0);

        let disturbed = self.disturbed(&t0, &t2, gap.as_ref(), &lag, &latency, &baseline, until.0);
        let mut course = Course {
            moments: [Ok(t0), t1, t2, t3, t4, t5, t6, t7, lag.back.clone(), latency.back.clone()],
            held_still: fault.held() && removal.is_none(),
            removal,
            baseline,
            disturbed,
            recovery: Recovery::RodeThrough,
            end: None,
            gap,
            until,
            noticed_by,
            notes: Vec::new(),
        };
        self.judge(fault, &mut course, &lag, &latency);
        course
    }

    /// The next disturbance after a moment and its name, else the end.
    fn watched_until(&self, t0: i64) -> (i64, Option<String>) {
        match self.disturbed_after(t0) {
            Some(next) if next.at < self.end() => (next.at, Some(next.what)),
            _ => (self.end(), None),
        }
    }

    /// The longest gap in the output of any partition that overlaps `from..to`.
    fn worst_gap(&self, from: i64, to: i64, end: i64) -> Option<Gap> {
        self.output.gaps(from, to, end).into_iter().max_by_key(|gap| gap.length(end))
    }

    fn output_reason(&self) -> String {
        if self.output.is_empty() { "no output was seen".to_owned() } else { "no output was seen before the fault".to_owned() }
    }

    /// What left its band, in words.
    #[allow(clippy::too_many_arguments, reason = "one sentence for each of the witnesses")]
    fn disturbed(
        &self,
        t0: &Seen,
        t2: &Found,
        gap: Option<&Gap>,
        lag: &Excursion,
        latency: &Excursion,
        baseline: &Result<Baseline, String>,
        until: i64,
    ) -> Vec<String> {
        let mut disturbed = Vec::new();
        let after = |at: i64| display::seconds((at - t0.at).max(0) as f64 / 1e9);
        if let Ok(t2) = t2 {
            disturbed.push(format!("the job left RUNNING after {} ({})", after(t2.at), t2.source));
        }
        if let (Some(gap), Ok(Ok(band))) = (gap, baseline.as_ref().map(|baseline| &baseline.gap)) {
            let length = gap.length(until) as f64 / 1e9;
            if length - gap.error as f64 / 1e9 > band.upper.max(Band::FAR * band.median) {
                disturbed.push(format!(
                    "output of {} stopped for {}, usually {}",
                    gap.partition,
                    display::seconds(length),
                    display::seconds(band.median)
                ));
            }
        }
        if let Some(left) = lag.left {
            disturbed.push(format!("output lag left its band after {}", after(left)));
        }
        if let Some(left) = latency.left {
            disturbed.push(format!("latency left its band, from records due {} after it on", after(left)));
        }
        disturbed
    }

    fn judge(&self, fault: &Fault, course: &mut Course, lag: &Excursion, latency: &Excursion) {
        if let Err(reason) = fault.acted() {
            course.recovery = Recovery::Inconclusive { reason };
            return;
        }
        if let Err(reason) = course.baseline.as_ref().map_err(Clone::clone).and_then(|baseline| baseline.lag.as_ref().map_err(Clone::clone))
        {
            course.recovery = Recovery::Inconclusive { reason: format!("no baseline: {reason}") };
            return;
        }
        let Ok(t0) = course.moments[0].clone() else { return };
        if let Some(reason) = self.reduced(t0.at, course.until.0) {
            course.recovery = Recovery::Inconclusive { reason };
            return;
        }
        let start = course.removal.clone().unwrap_or_else(|| t0.clone());
        let watched = (course.until.0 - start.at).max(0) as f64 / 1e9;
        if fault.held() && course.removal.is_none() {
            course.recovery = match &course.until.1 {
                Some(by) => Recovery::Censored { watched: 0.0, by: by.clone() },
                None => Recovery::Inconclusive { reason: "it was not removed before the end".to_owned() },
            };
            return;
        }
        if let Some(by) = course.until.1.as_ref().filter(|by| *by == GAP && watched < self.hold() as f64 / 1e9) {
            course.recovery = Recovery::Censored { watched, by: by.clone() };
            return;
        }
        if let Some(reason) = &lag.unknown {
            course.recovery = Recovery::Inconclusive { reason: reason.clone() };
            return;
        }
        if course.disturbed.is_empty() {
            course.recovery = self.rode_through(course, watched);
            return;
        }
        if let Err(reason) = &latency.back
            && latency.left.is_none()
            && latency.how_far.is_none()
        {
            course.notes.push(format!("T9 does not count: {reason}"));
        }
        if let (Some(_), Err(reason), None) = (lag.left, &lag.back, &lag.how_far) {
            course.recovery = Recovery::Inconclusive { reason: reason.clone() };
            return;
        }
        let out: Vec<&str> = [lag, latency].into_iter().filter_map(|one| one.how_far.as_deref()).collect();
        let returned = [&lag.back, &latency.back].into_iter().filter_map(|back| back.as_ref().ok()).max_by_key(|seen| seen.at).cloned();
        let end = if !out.is_empty() {
            None
        } else if lag.left.is_none() && returned.is_none() {
            // Neither lag nor latency left its band: what was disturbed is over when all tasks run and output has come further.
            course.notes.push("neither lag nor latency left its band; the end is when output went on and all tasks ran".to_owned());
            match (&course.moments[4], &course.moments[6]) {
                (Ok(t4), Ok(t6)) => Some(if t4.at > t6.at { t4.clone() } else { t6.clone() }),
                (_, t6) => t6.clone().ok(),
            }
        } else {
            returned
        };
        let Some(end) = end else {
            let mut how_far = if out.is_empty() {
                course.moments[6].as_ref().err().cloned().unwrap_or_else(|| "output had not gone on".to_owned())
            } else {
                out.join("; ")
            };
            if let (Some(_), Some(verdict)) = (&lag.how_far, self.run.delivery.as_ref().filter(|verdict| verdict.lost > 0)) {
                how_far.push_str(&format!("; {} lost records stay in the output lag for good", display::grouped(verdict.lost)));
            }
            course.recovery = match &course.until.1 {
                Some(by) => Recovery::Censored { watched, by: by.clone() },
                None => Recovery::NotRecovered { watched, how_far },
            };
            return;
        };
        let error = (end.error + start.error) as f64 / 1e9;
        course.recovery = Recovery::Recovered { time: Figure { value: ((end.at - start.at) as f64 / 1e9).max(0.0), error: Some(error) } };
        course.end = Some(end);
    }

    /// Nothing left its band; that is only known where it was looked at for long enough.
    fn rode_through(&self, course: &Course, watched: f64) -> Recovery {
        let hold = self.hold();
        if watched < hold as f64 / 1e9 {
            return match &course.until.1 {
                Some(by) => Recovery::Censored { watched, by: by.clone() },
                None => Recovery::Inconclusive { reason: format!("watched for {} only", display::seconds(watched)) },
            };
        }
        if course.moments[2].as_ref().err().is_some_and(|reason| reason == super::moments::JOB_UNKNOWN) {
            return Recovery::Inconclusive { reason: super::moments::JOB_UNKNOWN.to_owned() };
        }
        Recovery::RodeThrough
    }
}

fn output_moments(gap: Option<&Gap>, reason: &str) -> (Found, Found) {
    match gap {
        None => (Err(reason.to_owned()), Err(reason.to_owned())),
        Some(gap) => {
            let source = format!("sink partition {}", gap.partition);
            let t1 = Ok(Seen { at: gap.from, error: gap.error, source: source.clone() });
            let t5 = match gap.to {
                Some(to) => Ok(Seen { at: to - gap.error / 2, error: gap.error - gap.error / 2, source }),
                None => Err("no output by the end of watching".to_owned()),
            };
            (t1, t5)
        }
    }
}

impl Course {
    fn never(reason: String) -> Self {
        let none = || Err(reason.clone());
        Self {
            moments: [none(), none(), none(), none(), none(), none(), none(), none(), none(), none()],
            removal: None,
            held_still: false,
            baseline: Err(reason.clone()),
            disturbed: Vec::new(),
            recovery: Recovery::Inconclusive { reason: format!("it did not act: {reason}") },
            end: None,
            gap: None,
            until: (0, None),
            noticed_by: 0,
            notes: Vec::new(),
        }
    }

    /// T`index`, where it was seen.
    pub fn moment(&self, index: usize) -> Option<&Seen> {
        self.moments.get(index).and_then(|moment| moment.as_ref().ok())
    }

    /// T`index` − T0 in seconds.
    pub fn since_t0(&self, index: usize) -> Result<Figure, String> {
        let (Ok(t0), Some(moment)) = (&self.moments[0], self.moments.get(index)) else {
            return Err("the fault was not performed".to_owned());
        };
        let moment = moment.as_ref().map_err(Clone::clone)?;
        Ok(Figure { value: (moment.at - t0.at) as f64 / 1e9, error: Some((moment.error + t0.error) as f64 / 1e9) })
    }

    /// (T6 − T1) less the usual gap of the baseline, in seconds.
    pub fn outage(&self) -> Result<Figure, String> {
        let t1 = self.moments[1].as_ref().map_err(Clone::clone)?;
        let t6 = self.moments[6].as_ref().map_err(Clone::clone)?;
        let usual = self.baseline.as_ref().map_err(Clone::clone).and_then(|baseline| baseline.gap.as_ref().map_err(Clone::clone));
        let usual = usual.map_err(|reason| format!("no baseline: {reason}"))?;
        let length = (t6.at - t1.at) as f64 / 1e9 - usual.median;
        Ok(Figure { value: length.max(0.0), error: Some((t1.error + t6.error) as f64 / 1e9 + usual.spread) })
    }
}
