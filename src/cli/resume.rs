//! `squall resume`: a run whose squall has died is gone on with.

use std::path::Path;
use std::sync::Arc;

use super::arguments::Resume as Arguments;
use super::live::Live;
use super::{Exit, Failure, cluster, file, look, run, tell};
use crate::clock::{self, Timestamp};
use crate::cluster::{ClusterSpec, Places};
use crate::guard::{self, Leftover};
use crate::journal::RunFolder;
use crate::report::terminal;
use crate::run::{self as engine, Resume, ResumeError, Watcher};
use crate::units::display;

pub(super) async fn resume(arguments: &Arguments) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let folder = folder(arguments, &places)?;
    let resume = Resume::of(folder, arguments.metrics, arguments.disk_budget).map_err(|error| failure(&error))?;
    let request = &resume.request;
    run::confirmed(&request.cluster, arguments.confirm.as_deref())?;
    // The owner's hours may have ended meanwhile; what they are is in the copy of the cluster file.
    run::within_hours(&request.plan, &file::read::<ClusterSpec>(&resume.folder.path().join("cluster.yaml"))?)?;
    let stop = run::stopped_by_signals()?;
    let look = look::stderr();
    tell(&terminal::header(request.plan.scenario.name.as_str(), &request.plan.cluster.line, request.plan.seed, &look));
    let dead = display::seconds(clock::now().seconds_since(resume.since));
    tell(&format!("run {} goes on; its squall died {dead} ago\n", request.run));
    let live = Arc::new(Live::new(look));
    let watcher: Arc<dyn Watcher> = live.clone();
    let finished = engine::resume(resume, &places, &stop, watcher).await;
    live.finish();
    let finished = finished.map_err(|error| failure(&error))?;
    run::show(&finished, None, arguments.format)
}

/// The folder that is named, by its path or by the run's id; else the only run that can be resumed.
fn folder(arguments: &Arguments, places: &Places) -> Result<RunFolder, Failure> {
    let mut found = guard::leftovers(places, &arguments.reports);
    found.retain(|left| left.resumable.is_some());
    let open = |path: &Path| RunFolder::open(path).map_err(|error| Failure::of(Exit::Invalid, &error));
    let Some(named) = &arguments.run else {
        return match found.as_slice() {
            [] => Err(Failure::new(Exit::Refused, "error: there is no run to resume; squall status says what there is")),
            [one] => open(&one.folder),
            several => {
                let runs: Vec<String> = several.iter().map(|left| format!("\n  squall resume {}", line(left))).collect();
                Err(Failure::new(Exit::Refused, format!("error: several runs can be resumed; say which:{}", runs.concat())))
            }
        };
    };
    match found.iter().find(|left| Path::new(&left.run) == named) {
        Some(by_id) => open(&by_id.folder),
        None => open(named),
    }
}

fn line(left: &Leftover) -> String {
    let since = left.resumable.unwrap_or(left.since);
    format!("{}   (on {}, for {})", left.run, left.cluster.as_deref().unwrap_or("?"), age(since))
}

/// How long ago something was.
pub(super) fn age(since: Timestamp) -> String {
    display::seconds(clock::now().seconds_since(since).max(0.0))
}

/// Errors before the run goes on.
fn failure(error: &ResumeError) -> Failure {
    let exit = match error {
        ResumeError::NotResumable { .. }
        | ResumeError::Lock(_)
        | ResumeError::Undo(guard::Error::EngineAlive { .. } | guard::Error::Lock(_)) => Exit::Refused,
        ResumeError::Undo(_) | ResumeError::Left { .. } => Exit::CleanupIncomplete,
        ResumeError::Cluster(_)
        | ResumeError::Kafka(_)
        | ResumeError::Flink(_)
        | ResumeError::Prepare(_)
        | ResumeError::Delivery(_)
        | ResumeError::Behind { .. } => Exit::NotReady,
        ResumeError::Interrupted => Exit::Interrupted,
        ResumeError::File { .. } | ResumeError::Journal(_) | ResumeError::Observer(_) | ResumeError::Guard(_) | ResumeError::Task(_) => {
            Exit::ToolError
        }
    };
    let mut failure = Failure::of(exit, error);
    if exit == Exit::NotReady {
        failure.text.push_str("\n  the run stays as it is: it can be resumed when that is mended, or put back with squall undo");
    }
    failure
}
