//! The engine: phases, timeline, performing, write-ahead undo, sampling, abort, stop.
//!
//! ```text
//! engine.rs ─ drive.rs ─ prepare.rs ─► underway.rs: traffic, verifier, probes ─► timeline.rs ─► fire.rs ─► perform.rs
//! resume.rs ─────┘│                       (sampling.rs, keep.rs)                 pilot.rs, abort.rs, lost.rs,    job_control.rs,
//!   (told.rs)     │                                                              stop.rs           traffic_control.rs, storage.rs
//!                 └── drain.rs, cleanup.rs: on every way out
//! ```
//!
//! Everything that happens goes through `recorder.rs`: journalled first, then shown to analysis.

mod abort;
mod annotate;
mod before;
mod clean_start;
mod cleanup;
mod consent;
pub mod crash;
mod drain;
mod drive;
mod engine;
mod error;
mod exporter;
mod fire;
mod job_control;
mod keep;
mod logs;
mod lost;
mod observers;
mod perform;
mod pilot;
mod pooled;
mod prepare;
mod recorder;
mod replayed;
mod request;
mod resume;
mod sampling;
mod show;
mod stop;
mod storage;
mod targets;
mod timeline;
mod told;
mod traffic_control;
mod underway;
pub mod verify;
mod view;
mod watcher;

pub use clean_start::Error as CleanStartError;
pub use engine::run;
pub use error::Error;
pub use observers::ObserverError;
pub use pilot::{Helm, Pilot, RateError, Throttle};
pub use pooled::{Distribution, Pooled};
pub use replayed::{Replayed, replayed};
pub use request::{Finished, Request, new_run_id, plan_json};
pub use resume::{Resume, ResumeError, resume};
pub use stop::Stop;
pub use targets::{TargetNow, targets_now};
pub use view::LookError;
pub use watcher::{Glance, Watcher};
