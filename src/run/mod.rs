//! The engine: phases, timeline, performing, write-ahead undo, sampling, abort, stop.
//!
//! ```text
//! engine.rs ─ drive.rs ─ prepare.rs ─► traffic, verifier, probes ─► timeline.rs ─► fire.rs ─► perform.rs
//!     │                                   (sampling.rs)                pilot.rs, abort.rs, lost.rs,    job_control.rs, traffic_control.rs,
//!     │                                                                stop.rs                         storage.rs
//!     └── drain.rs, cleanup.rs: on every way out
//! ```
//!
//! Everything that happens goes through `recorder.rs`: journalled first, then shown to analysis.

mod abort;
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
mod logs;
mod lost;
mod perform;
mod pilot;
mod prepare;
mod recorder;
mod request;
mod sampling;
mod show;
mod stop;
mod storage;
mod targets;
mod timeline;
mod traffic_control;
pub mod verify;
mod view;
mod watcher;

pub use clean_start::Error as CleanStartError;
pub use engine::run;
pub use error::Error;
pub use pilot::{Helm, Pilot, RateError, Throttle};
pub use request::{Finished, Request, new_run_id, plan_json};
pub use stop::Stop;
pub use targets::{TargetNow, targets_now};
pub use view::LookError;
pub use watcher::{Glance, Watcher};
