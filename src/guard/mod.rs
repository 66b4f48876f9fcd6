//! Undo when squall is dead.
//!
//! ```text
//! engine ── start.rs ──► guard, a process in a session of its own: watch.rs ─┐
//! squall undo, run --undo-first ─────────────────────────────────────────────┴► undo.rs ─► inverse.rs, things.rs
//! squall status, the start of a run, squall resume ──► leftovers.rs, status.rs
//! ```
//!
//! All of it rests on the journal alone (`owed.rs`) and on what lies beside it (`reach.rs`). The runs of this machine are found
//! through `registry.rs`; `lock.rs` sees to it that nobody undoes what goes on.

mod engine;
mod error;
mod inverse;
mod leftovers;
mod lock;
mod owed;
mod reach;
mod registry;
mod start;
mod status;
pub mod storage;
mod things;
mod undo;
mod watch;

pub use engine::{is_alive, own_identity};
pub use error::Error;
pub use inverse::restore_topic_config;
pub use leftovers::{Leftover, leftovers};
pub use lock::{ClusterLock, LockError};
pub use owed::{Owed, Thing};
pub use reach::{Reach, cluster_spec};
pub use start::{GuardHandle, start};
pub use status::{ClusterStatus, Status, status};
pub use things::remove_all;
pub use undo::{Report, undo_for_a_resume, undo_run};
pub use watch::guard;
