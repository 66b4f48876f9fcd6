//! Game days: people, a plan and guard rails around several scenarios.
//!
//! `spec` is the file, `check` what is wrong with it; `alert` and `observers` put the alerts of the people on call under test; `announce` tells
//! them; `steady` waits between steps; `day` is what happened, kept after each step so that a day can be taken up again; `record` shows it;
//! `schedule` writes the timer of somebody else's scheduler.

mod alert;
mod announce;
mod check;
mod day;
mod observers;
mod record;
mod schedule;
mod spec;
mod steady;

pub use alert::{AlertExpectation, AlertOutcome, Deadline, parse as parse_alert};
pub use announce::Announcer;
pub use check::{Step, check};
pub use day::{Day, DayError, StepRecord, StepState};
pub use observers::{Observed, Observers, Spell};
pub use record::{html, markdown};
pub use schedule::{ScheduleError, Scheduled, Scheduler, write as write_schedule};
pub use spec::{Alerts, GameDay, OnFailure, Steady, StepSpec, Webhook, WebhookFormat};
pub use steady::until_steady;

/// The JSON schema of game-day files, draft-07.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<GameDay>()
}
