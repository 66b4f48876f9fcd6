//! `squall run`.

use std::path::Path;
use std::sync::Arc;

use super::arguments::{Format, Run, RunOptions};
use super::live::Live;
use super::{Exit, Failure, cluster, file, look, pipeline, report, series, tell, vary};
use crate::clock;
use crate::cluster::{ClusterSpec, Environment, Places};
use crate::plan::{self, Plan};
use crate::report::terminal;
use crate::run::{self, CleanStartError, Finished, ObserverError, Request, Stop, Watcher};
use crate::scenario::Checked;
use crate::scenario::yaml::Loaded;

pub(super) async fn run(arguments: &Run) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let target = file::cluster(&arguments.cluster)?;
    let repeat = arguments.repeat;
    let checked = file::checked(&arguments.scenario, &target, &|scenario| scenario.repeat = repeat.or(scenario.repeat))?;
    confirmed(&target.value, arguments.options.confirm.as_deref())?;
    if !arguments.vary.is_empty() {
        return vary::run(arguments, &target, &places).await;
    }
    if checked.scenario().repeat.is_some_and(|repeat| repeat.get() > 1) {
        if arguments.resumable {
            return Err(Failure::new(Exit::Invalid, "error: --resumable is for one run; the scenario has `repeat:`"));
        }
        return series::run(arguments, &checked, &target, &places).await;
    }
    let plan = file::plan_of(&checked, file::folder(&arguments.scenario), &target, file::seed_of(&checked, arguments.seed))?;
    let mut request = request(&checked, &arguments.scenario, &arguments.options, plan, &target);
    request.resumable = arguments.resumable;
    perform(request, &arguments.scenario, arguments.format, &target, &places).await
}

/// Makes a run and shows its outcome.
pub(super) async fn perform(
    request: Request,
    scenario: &Path,
    format: Format,
    target: &Loaded<ClusterSpec>,
    places: &Places,
) -> Result<Exit, Failure> {
    let plan = &request.plan;
    within_hours(plan, target)?;
    let stop = stopped_by_signals()?;
    let look = look::stderr();
    tell(&terminal::header(plan.scenario.name.as_str(), &target.value.line(), plan.seed, &look));
    let live = Arc::new(Live::new(look));
    let watcher: Arc<dyn Watcher> = live.clone();
    let finished = run::run(request, places, &stop, watcher).await;
    live.finish();
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return Err(before_the_start(&error)),
    };
    show(&finished, Some(scenario), format)
}

/// Shows what a run found; the exit code says it too.
pub(super) fn show(finished: &Finished, scenario: Option<&Path>, format: Format) -> Result<Exit, Failure> {
    tell("\n");
    pipeline::publish(&finished.outcome, scenario);
    let verdict = Exit::from(finished.outcome.verdict);
    let exit = match report::show(&finished.outcome, &finished.folder, format) {
        Ok(exit) => exit,
        Err(failure) => {
            tell(&format!("{}\n", failure.text));
            // What is worse than an error of the tool stays the last word.
            if matches!(verdict, Exit::CleanupIncomplete | Exit::Interrupted) { verdict } else { failure.exit }
        }
    };
    Ok(told_left_behind(&finished.left_behind, exit))
}

/// What signals of this process end; a second one does not hurry it.
pub(super) fn stopped_by_signals() -> Result<Stop, Failure> {
    let stop = Stop::default();
    // The task that listens ends with the runtime.
    stop.listen(|name| tell(&format!("{name} again: still putting the cluster back; it ends by itself\n")))
        .map_err(|error| Failure::of(Exit::ToolError, &error))?;
    Ok(stop)
}

/// Says what could not be removed; the exit code then.
pub(super) fn told_left_behind(left_behind: &[String], exit: Exit) -> Exit {
    for left in left_behind {
        tell(&format!("error: left behind: {left}\n"));
    }
    if left_behind.is_empty() { exit } else { Exit::CleanupIncomplete }
}

/// Refuses a cluster of production that was not confirmed by its name.
pub(super) fn confirmed(spec: &ClusterSpec, confirm: Option<&str>) -> Result<(), Failure> {
    if spec.environment != Environment::Production || confirm == Some(spec.name.as_str()) {
        return Ok(());
    }
    let text = match confirm {
        Some(other) => format!("error: --confirm says `{other}`, the cluster is `{}`", spec.name),
        None => format!("error: {} is production; confirm with --confirm {}", spec.name, spec.name),
    };
    Err(Failure::new(Exit::Refused, text))
}

/// Refuses what would begin or end outside of the owner's hours.
pub(super) fn within_hours(plan: &Plan, target: &Loaded<ClusterSpec>) -> Result<(), Failure> {
    let now = jiff::Timestamp::from_nanosecond(clock::now().0.into()).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    plan::within_hours(plan, target, now).map_err(|refusal| file::refused(&refusal))
}

/// A run of this plan as the command line wants it; `scenario` is the file that was checked.
pub(super) fn request(checked: &Checked, scenario: &Path, options: &RunOptions, plan: Plan, target: &Loaded<ClusterSpec>) -> Request {
    Request {
        plan,
        cluster: target.value.clone(),
        scenario_text: checked.loaded.source().text().to_owned(),
        cluster_text: target.source().text().to_owned(),
        base: file::folder(scenario).to_owned(),
        reports: options.reports.clone(),
        keep_cluster: options.keep_cluster,
        metrics: options.metrics,
        disk_budget: options.disk_budget,
        undo_first: options.undo_first,
        resumable: false,
        run: run::new_run_id(clock::now()),
        pilot: None,
    }
}

/// Errors before anything was touched.
pub(super) fn before_the_start(error: &run::Error) -> Failure {
    let exit = match error {
        run::Error::Lock(_) | run::Error::CleanStart(CleanStartError::Leftovers(_)) => Exit::Refused,
        run::Error::CleanStart(_) => Exit::CleanupIncomplete,
        run::Error::Cluster(_) | run::Error::Kafka(_) | run::Error::Topic(_) | run::Error::Observer(ObserverError::Monitoring { .. }) => {
            Exit::NotReady
        }
        run::Error::Interrupted => Exit::Interrupted,
        run::Error::Prepare(_) => Exit::Invalid,
        run::Error::Journal(_) | run::Error::Observer(ObserverError::Metrics { .. }) | run::Error::Guard(_) | run::Error::Plan(_) => {
            Exit::ToolError
        }
    };
    Failure::of(exit, error)
}
