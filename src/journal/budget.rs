//! How much disk the samples of a run may take. Before it is used up that is said; then the oldest segments are reduced to each minute's
//! extremes. Evidence (`journal.ndjson`) is never touched, nor is the first segment, which holds the stretch that faults are compared with.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use super::folder::RunFolder;
use super::thinned::{self, Thinned};
use super::{Error, EventKind};
use crate::units::Bytes;

/// Share of the budget, in percent, from which on it is said that it comes to its end.
const NEAR: u64 = 80;
/// A segment is at most this share of the budget.
const SEGMENTS: u64 = 16;
/// A segment of samples is closed at this size, so that the oldest can be reduced on its own, and a report reads several at once.
const SEGMENT: u64 = 4 * 1024 * 1024;

/// The budget of a run, and what it has used.
#[derive(Debug)]
pub(super) struct Budget {
    most: Bytes,
    used: u64,
    said: bool,
    /// Closed segments that are whole and may be reduced, oldest first.
    whole: VecDeque<(PathBuf, u64)>,
    any_closed: bool,
    work: Work,
}

#[derive(Debug)]
enum Work {
    None,
    Reducing(PathBuf, u64, JoinHandle<Result<Thinned, Error>>),
    /// To be put in the place of the whole one, once that is written down.
    Reduced(PathBuf, u64, Thinned),
    /// Not possible: what for was said.
    GivenUp,
}

impl Budget {
    /// Over the segments that are there already.
    pub(super) fn of(folder: &RunFolder, most: Bytes) -> Self {
        let mut budget = Self { most, used: 0, said: false, whole: VecDeque::new(), any_closed: false, work: Work::None };
        for segment in folder.segments() {
            let size = fs::metadata(&segment).map_or(0, |file| file.len());
            budget.wrote(size);
            budget.closed(segment, size);
        }
        budget
    }

    /// The size at which a segment is closed.
    pub(super) fn segment(&self) -> u64 {
        SEGMENT.min(self.most.0 / SEGMENTS)
    }

    /// So much was written.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.used += bytes;
    }

    /// A segment is finished.
    pub(super) fn closed(&mut self, path: PathBuf, size: u64) {
        let thin = path.to_string_lossy().ends_with(".thin.zst");
        if self.any_closed && !thin {
            self.whole.push_back((path, size));
        }
        self.any_closed = true;
    }

    /// Whether a segment is being reduced.
    #[cfg(test)]
    pub(super) fn is_reducing(&self) -> bool {
        matches!(&self.work, Work::Reducing(_, _, thread) if !thread.is_finished())
    }

    /// What is to be written down now, if anything: then [`Budget::settle`].
    pub(super) fn notice(&mut self) -> Option<EventKind> {
        if !self.said && self.used * 100 > self.most.0.saturating_mul(NEAR) {
            self.said = true;
            return Some(EventKind::SamplesNearBudget { used: Bytes(self.used), budget: self.most });
        }
        if matches!(self.work, Work::None)
            && self.used + self.segment() > self.most.0
            && let Some((segment, size)) = self.whole.pop_front()
        {
            let (from, to) = (segment.clone(), part(&segment));
            self.work = Work::Reducing(segment, size, thread::spawn(move || thinned::thin(&from, &to)));
        }
        if !matches!(&self.work, Work::Reducing(_, _, thread) if thread.is_finished()) {
            return None;
        }
        let Work::Reducing(segment, size, thread) = std::mem::replace(&mut self.work, Work::GivenUp) else { return None };
        match thread.join() {
            Ok(Ok(thinned)) => {
                self.work = Work::Reduced(segment, size, thinned);
                Some(EventKind::SamplesThinned { from: thinned.from, before: thinned.before })
            }
            Ok(Err(error)) => {
                tracing::error!("samples cannot be kept within {}: {error}", self.most);
                None
            }
            Err(_) => {
                tracing::error!("samples cannot be kept within {}: {} could not be reduced", self.most, segment.display());
                None
            }
        }
    }

    /// Puts a reduced segment in the place of the whole one. What it means must be written down before.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        if !matches!(self.work, Work::Reduced(..)) {
            return Ok(());
        }
        let Work::Reduced(segment, size, thinned) = std::mem::replace(&mut self.work, Work::None) else { return Ok(()) };
        let error = |source| Error::Write { path: segment.clone(), source };
        fs::rename(part(&segment), thinned::path_of(&segment)).map_err(error)?;
        fs::remove_file(&segment).map_err(error)?;
        self.used = (self.used + thinned.size).saturating_sub(size);
        Ok(())
    }
}

/// Where a reduced segment is written before it counts.
fn part(segment: &std::path::Path) -> PathBuf {
    segment.with_extension("part")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use std::collections::BTreeMap;

    use crate::clock::Timestamp;
    use crate::journal::{Event, EventKind, Of, Reader, RunFolder, SCHEMA, Writer};
    use crate::metric::Metric;
    use crate::units::Bytes;

    const SECOND: i64 = 1_000_000_000;

    /// Values that do not compress, so that a small run fills its budget.
    fn value(second: i64) -> f64 {
        f64::from_bits(0x3ff0_0000_0000_0000 | (second as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12)
    }

    #[test]
    fn the_oldest_samples_go_first_and_evidence_stays() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(root.path(), "scenario", "r1").unwrap();
        let budget = 256 * 1024;
        let mut writer = Writer::create(folder.clone()).unwrap().within(Bytes(budget));
        let started = EventKind::RunStarted { schema: SCHEMA, run: "r1".into(), squall: "0".into(), engine: (1, 2) };
        writer.append(Timestamp(0), started).unwrap();
        let (mut near, mut thinned) = (Vec::new(), Vec::new());
        for second in 0..100_000 {
            let at = Timestamp(second * SECOND);
            writer.append(at, EventKind::Sample { metric: Metric::OutputLag, of: Of::Run, value: value(second) }).unwrap();
            // Reducing goes on beside; here it is waited for.
            while writer.is_reducing() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            while let Some(notice) = writer.notice() {
                match &notice {
                    EventKind::SamplesNearBudget { used, .. } => near.push(used.0),
                    EventKind::SamplesThinned { before, .. } => thinned.push(*before),
                    _ => unreachable!(),
                }
                writer.append(at, notice).unwrap();
                writer.settle().unwrap();
            }
        }
        writer.flush().unwrap();
        let used: u64 = folder.segments().iter().map(|segment| std::fs::metadata(segment).unwrap().len()).sum();
        assert!(used <= budget + budget / 8, "{used} bytes of {budget}");
        assert!(near.len() == 1 && near[0] < budget, "said before: {near:?}");
        assert!(thinned.len() > 3 && thinned.is_sorted(), "{thinned:?}");
        let events: Vec<Event> = Reader::open(&folder).unwrap().map(Result::unwrap).collect();
        let evidence = events.iter().filter(|event| matches!(event.event, EventKind::SamplesThinned { .. })).count();
        assert_eq!(evidence, thinned.len());
        let mut minutes: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for event in &events {
            if let EventKind::Sample { value, .. } = event.event {
                minutes.entry(event.at.0 / SECOND / 60).or_default().push(value);
            }
        }
        assert_eq!(minutes.len(), 100_000_usize.div_ceil(60), "no minute is lost");
        let last = thinned[thinned.len() - 1].0 / SECOND / 60;
        let (whole, reduced): (Vec<_>, Vec<_>) = minutes.iter().partition(|(_, values)| values.len() > 4);
        assert!(
            reduced.iter().all(|(minute, _)| **minute <= last) && whole.iter().any(|(minute, _)| **minute == 0),
            "the first stays whole"
        );
        // Of each reduced minute the extremes are there.
        let (minute, values) = reduced[reduced.len() / 2];
        let truth: Vec<f64> = (minute * 60..minute * 60 + 60).map(value).collect();
        let extreme = |values: &[f64], by: fn(f64, f64) -> f64| values.iter().copied().reduce(by).unwrap();
        assert_eq!((extreme(values, f64::min), extreme(values, f64::max)), (extreme(&truth, f64::min), extreme(&truth, f64::max)));
    }
}
