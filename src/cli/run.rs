//! `squall run`.

use std::sync::Arc;

use super::arguments::Run;
use super::live::Live;
use super::{Exit, Failure, cluster, file, look, pipeline, report, series, tell, vary};
use crate::clock;
use crate::cluster::{ClusterSpec, Environment, Places};
use crate::plan::{self, Plan};
use crate::report::terminal;
use crate::run::{self, CleanStartError, Request, Stop, Watcher};
use crate::scenario::yaml::Loaded;

pub(super) async fn run(arguments: &Run) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let target = file::cluster(&arguments.cluster)?;
    let repeat = arguments.repeat;
    let checked = file::checked(&arguments.scenario, &target, &|scenario| scenario.repeat = repeat.or(scenario.repeat))?;
    let base = file::folder(&arguments.scenario).to_owned();
    let spec = target.value.clone();
    confirmed(&spec, arguments.confirm.as_deref())?;
    if !arguments.vary.is_empty() {
        return vary::run(arguments, &target, &places).await;
    }
    if checked.scenario().repeat.is_some_and(|repeat| repeat.get() > 1) {
        return series::run(arguments, &checked, &target, &places).await;
    }
    let plan = file::plan_of(&checked, &base, &target, file::seed_of(&checked, arguments.seed))?;
    perform(arguments, plan, &target, &places).await
}

/// Runs a plan and shows its outcome.
pub(super) async fn perform(arguments: &Run, plan: Plan, target: &Loaded<ClusterSpec>, places: &Places) -> Result<Exit, Failure> {
    let spec = target.value.clone();
    confirmed(&spec, arguments.confirm.as_deref())?;
    within_hours(&plan, target)?;
    let stop = Stop::default();
    let _signals = stop
        .listen(|name| tell(&format!("{name} again: still putting the cluster back; it ends by itself\n")))
        .map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let look = look::stderr();
    tell(&terminal::header(plan.scenario.name.as_str(), &spec.line(), plan.seed, &look));
    let live = Arc::new(Live::new(look));
    let watcher: Arc<dyn Watcher> = live.clone();
    let request = request(arguments, plan, target)?;
    let finished = run::run(request, places, &stop, watcher).await;
    live.finish();
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return Err(before_the_start(&error)),
    };
    tell("\n");
    pipeline::publish(&finished.outcome, Some(&arguments.scenario));
    let verdict = Exit::from(finished.outcome.verdict);
    let exit = match report::show(&finished.outcome, &finished.folder, arguments.format) {
        Ok(exit) => exit,
        Err(failure) => {
            tell(&format!("{}\n", failure.text));
            // What is worse than an error of the tool stays the last word.
            if matches!(verdict, Exit::CleanupIncomplete | Exit::Interrupted) { verdict } else { failure.exit }
        }
    };
    if finished.left_behind.is_empty() {
        return Ok(exit);
    }
    for left in &finished.left_behind {
        tell(&format!("error: left behind: {left}\n"));
    }
    Ok(Exit::CleanupIncomplete)
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

/// A run of this plan as the command line wants it.
pub(super) fn request(arguments: &Run, plan: Plan, target: &Loaded<ClusterSpec>) -> Result<Request, Failure> {
    Ok(Request {
        plan,
        cluster: target.value.clone(),
        scenario_text: file::source(&arguments.scenario)?.text().to_owned(),
        cluster_text: target.source().text().to_owned(),
        base: file::folder(&arguments.scenario).to_owned(),
        reports: arguments.reports.clone(),
        keep_cluster: arguments.keep_cluster,
        undo_first: arguments.undo_first,
        run: run::new_run_id(clock::now()),
        pilot: None,
    })
}

/// Errors before anything was touched.
pub(super) fn before_the_start(error: &run::Error) -> Failure {
    let exit = match error {
        run::Error::Lock(_) | run::Error::CleanStart(CleanStartError::Leftovers(_)) => Exit::Refused,
        run::Error::CleanStart(_) => Exit::CleanupIncomplete,
        run::Error::Cluster(_) | run::Error::Kafka(_) | run::Error::Topic(_) => Exit::NotReady,
        run::Error::Interrupted => Exit::Interrupted,
        run::Error::Prepare(_) => Exit::Invalid,
        run::Error::Journal(_) | run::Error::Guard(_) | run::Error::Plan(_) => Exit::ToolError,
    };
    Failure::of(exit, error)
}
