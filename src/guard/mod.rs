//! Undo when squall is dead.
//!
//! The guard is the same program in a session of its own. It watches the engine of one run; when that dies before the run's last
//! line, it puts everything back, from the journal alone.

mod engine;
mod start;

pub use engine::{is_alive, own_identity};
pub use start::{GuardHandle, start};
