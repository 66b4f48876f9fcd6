//! What squall says to the shell.

use crate::analysis::Verdict;

/// Exit codes; documented in `squall explain exit-codes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Expectations met.
    Met = 0,
    /// A tool error, or the cluster was lost in mid-run.
    ToolError = 1,
    /// Usage, or an invalid file.
    Invalid = 2,
    /// The cluster is not reachable or not ready at the start.
    NotReady = 3,
    /// No verdict: an expectation had no data, a fault did not act, or the generator could not keep its schedule.
    Inconclusive = 4,
    /// A fault may still be active.
    CleanupIncomplete = 5,
    /// Lock, leftovers, consent or confirmation: nothing was touched.
    Refused = 6,
    /// `abort-when`; cleaned up.
    Aborted = 98,
    /// An expectation failed, or a regression in `compare`.
    Failed = 99,
    /// Interrupted; cleaned up.
    Interrupted = 130,
}

/// The table of `--help`.
pub const TABLE: &str = "\
Exit codes:
    0  expectations met
    1  tool error, or the cluster was lost in mid-run
    2  usage, or an invalid file
    3  cluster not reachable or not ready at the start
    4  inconclusive: no data, a fault did not act, or the generator was the limit
    5  cleanup incomplete: a fault may still be active (see squall status, squall undo)
    6  refused: lock, leftovers, consent or confirmation missing; nothing was touched
   98  aborted by abort-when, cleaned up
   99  an expectation failed, or a regression in compare
  130  interrupted, cleaned up";

/// Codes and their meanings, of [`TABLE`].
pub(super) fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.lines().skip(1).filter_map(|line| line.trim_start().split_once("  "))
}

impl From<Verdict> for Exit {
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

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
