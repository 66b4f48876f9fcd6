//! What a fault at one rate says about the recovery objective.

use super::RecoveryProbe;
use crate::analysis::{FaultOutcome, Moment, Recovery};
use crate::units::display;

impl RecoveryProbe {
    /// The fault's course, seen against an objective of `bound` seconds.
    pub fn of(fault: Option<&FaultOutcome>, bound: f64) -> Self {
        let Some(fault) = fault else {
            return Self { how: "the fault never came due".to_owned(), ..Self::default() };
        };
        let since_t0 = |moment: &Moment| match (&fault.timeline.t0_effective, moment) {
            (Moment::Seen { at: from, .. }, Moment::Seen { at: to, .. }) => Some(to - from),
            _ => None,
        };
        let mut probe = Self {
            resumed: since_t0(&fault.timeline.t4_all_running),
            detection: since_t0(&fault.timeline.t2_departed_running),
            checkpoint_age: fault.checkpoint_age,
            catch_up: fault.catch_up_rate,
            ..Self::default()
        };
        match &fault.recovery {
            Recovery::Recovered { time } => {
                let error = time.error.unwrap_or(0.0);
                probe.time = Some((time.value, error));
                probe.met = if time.value + error < bound {
                    Some(true)
                } else if time.value - error >= bound {
                    Some(false)
                } else {
                    None
                };
                probe.how = format!("recovered in {}", display::seconds_with_error(time.value, time.error));
            }
            Recovery::RodeThrough => {
                probe.time = Some((0.0, 0.0));
                probe.met = Some(true);
                "rode through".clone_into(&mut probe.how);
            }
            Recovery::NotRecovered { watched, how_far } => {
                probe.watched = Some(*watched);
                probe.met = (*watched > bound).then_some(false);
                probe.how = format!("not back after {}: {how_far}", display::seconds(*watched));
            }
            Recovery::Censored { watched, by } => {
                probe.watched = Some(*watched);
                probe.met = (*watched > bound).then_some(false);
                probe.how = format!("not back after {}, when {by} began", display::seconds(*watched));
            }
            Recovery::Inconclusive { reason } => probe.how.clone_from(reason),
        }
        probe
    }
}
