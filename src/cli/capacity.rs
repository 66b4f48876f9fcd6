//! `squall capacity`: how much load a job carries, and how much of it still recovers in time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::arguments::{Capacity as Arguments, Format};
use super::series::{Shown, publish};
use super::{Exit, Failure, cluster, file, run};
use crate::analysis::Verdict;
use crate::analysis::capacity::{Capacity, CapacityAsked, KeyChoice, Leg};
use crate::campaign::Choice;
use crate::campaign::capacity::{self as search, Goal, LegSpec, Order};
use crate::clock;
use crate::cluster::{ClusterSpec, Kind};
use crate::metric::Metric;
use crate::plan::{Plan, PlannedFault};
use crate::report::capacity as report;
use crate::run::new_run_id;
use crate::scenario::yaml::Loaded;
use crate::scenario::{Bound, Comparison, Queries, Scenario, Subject, parse_expectation};

fn invalid(text: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Invalid, format!("error: {text}"))
}

pub(super) async fn capacity(arguments: &Arguments) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let target = file::cluster(&arguments.cluster)?;
    run::confirmed(&target.value, arguments.options.confirm.as_deref())?;
    let checked = file::checked(&arguments.scenario, &target, &|scenario| {
        scenario.repeat = None;
        scenario.expect.clear();
    })?;
    let base = file::folder(&arguments.scenario);
    let before = arguments.resume.as_deref().map(search::read).transpose().map_err(|error| Failure::of(Exit::Invalid, &error))?;
    let seed = arguments.seed.or_else(|| before.as_ref().map(|before| before.asked.seed)).unwrap_or_else(|| file::seed_of(&checked, None));
    let whole = file::plan_of(&checked, base, &target, seed)?;
    let objective = arguments.objective.as_deref().map(|text| objective(text, &whole)).transpose()?;
    let offered = search::offered(checked.scenario()).map_err(invalid)?;
    let ceiling = target.value.max_rate.map_or(f64::INFINITY, |most| most.0);
    let resolution = arguments.resolution.0;
    if !(0.005..=0.5).contains(&resolution) {
        return Err(invalid("--resolution lies between 0.5% and 50%"));
    }
    let goal = Goal {
        start: arguments.start.map_or(offered / 4.0, |rate| rate.0).min(ceiling),
        ceiling,
        resolution,
        objective: objective.as_ref().map(|(bound, _)| *bound),
    };
    let asked = asked(arguments, checked.scenario(), &target.value, &whole, objective.as_ref(), offered, resolution);
    let folder = match &arguments.resume {
        Some(folder) => folder.clone(),
        None => arguments.options.reports.join(checked.scenario().name.as_str()).join(format!("capacity-{}", new_run_id(clock::now()))),
    };
    let plan = |spec: LegSpec, start: f64, lasts: Duration| plan(arguments, &target, base, spec, start, lasts, seed);
    let order = Order {
        asked,
        legs: legs(arguments, checked.scenario()),
        goal,
        fault: objective.map(|(_, fault)| fault),
        request: run::request(&checked, &arguments.scenario, &arguments.options, whole, &target),
        plan: &plan,
        budget: arguments.budget.0,
        before,
        folder: folder.clone(),
    };
    let stop = run::stopped_by_signals()?;
    let found = order.search(&places, &stop, &Shown::on(&target)).await.map_err(|error| match &error {
        search::Error::Run(error) => run::before_the_start(error),
        search::Error::Refused(text) => Failure::new(Exit::Refused, text.clone()),
        search::Error::Plan(text) => Failure::new(Exit::Invalid, text.clone()),
        search::Error::File { .. } | search::Error::Content { .. } => Failure::of(Exit::ToolError, &error),
    })?;
    let exit = show(&found.capacity, found.verdict, &folder, &command(arguments, seed), arguments.format)?;
    Ok(run::told_left_behind(&found.left_behind, exit))
}

/// Writes the reports of a search, and prints the first screen.
pub(super) fn show(capacity: &Capacity, verdict: Verdict, folder: &Path, command: &str, format: Format) -> Result<Exit, Failure> {
    let sheet = report::sheet(capacity, verdict).with_inputs(command, Vec::new());
    let json = report::json(capacity, verdict).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    publish(&sheet, &json, folder, format)?;
    if verdict != Verdict::Met {
        return Ok(verdict.into());
    }
    let main = capacity.main();
    let known = main.is_some_and(|leg| leg.sustainable().pass.is_some());
    let recovers =
        capacity.asked.objective.is_none() || main.map(Leg::recoverable).is_some_and(|edge| edge.pass.is_some() || edge.fail.is_some());
    Ok(if known && recovers && capacity.ended.is_none() && capacity.legs.iter().all(|leg| leg.done) {
        Exit::Met
    } else {
        Exit::Inconclusive
    })
}

fn command(arguments: &Arguments, seed: u64) -> String {
    let mut text = format!("squall capacity {} --on {}", arguments.scenario.display(), arguments.cluster.display());
    if let Some(objective) = &arguments.objective {
        text.push_str(&format!(" --objective \"{objective}\""));
    }
    if let Some(latency) = arguments.latency {
        text.push_str(&format!(" --latency {latency}"));
    }
    if let Some(target) = arguments.target {
        text.push_str(&format!(" --for {target}"));
    }
    if !arguments.parallelism.is_empty() {
        let all: Vec<String> = arguments.parallelism.iter().map(ToString::to_string).collect();
        text.push_str(&format!(" --parallelism {}", all.join(",")));
    }
    format!("{text} --budget {} --seed {seed}", arguments.budget)
}

/// The bound of the objective, and the fault that it is about.
fn objective(text: &str, plan: &Plan) -> Result<(f64, PlannedFault), Failure> {
    let parsed = parse_expectation(text, &Queries::new()).map_err(|error| {
        let help = error.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
        invalid(format!("--objective {text}: {error}{help}"))
    })?;
    let (
        Subject::Metric { metric: Metric::RecoveryTime, window, over: None, .. },
        Comparison::Less | Comparison::LessOrEqual,
        Bound::Value(bound),
    ) = (&parsed.subject, parsed.comparison, &parsed.bound)
    else {
        return Err(invalid(format!("--objective {text}: an objective is a bound of the recovery time, such as \"recovery-time < 60s\"")));
    };
    let wanted = window.as_ref().and_then(|window| window.fault());
    let mut faults: Vec<&PlannedFault> =
        plan.timeline.iter().filter(|fault| fault.occurrence == 0 && wanted.is_none_or(|name| name == fault.name)).collect();
    match (faults.pop(), faults.is_empty()) {
        (Some(fault), true) => Ok((*bound, fault.clone())),
        (Some(_), false) => {
            Err(invalid(format!("--objective {text}: the scenario has several faults; say which: \"recovery-time of NAME < 60s\"")))
        }
        (None, _) => Err(invalid(match wanted {
            Some(name) => format!("--objective {text}: no fault of the scenario is called `{name}`"),
            None => format!("--objective {text}: the scenario has no fault to recover from; give it a `timeline:`"),
        })),
    }
}

/// The scenario's own parallelism first: it is the headline.
fn legs(arguments: &Arguments, scenario: &Scenario) -> Vec<LegSpec> {
    let own = scenario.job.parallelism();
    let mut parallelisms: Vec<Option<u32>> = arguments.parallelism.iter().map(|parallelism| Some(parallelism.get())).collect();
    if parallelisms.is_empty() {
        parallelisms.push(own);
    }
    parallelisms.sort_by_key(|parallelism| (*parallelism != own, *parallelism));
    parallelisms.dedup();
    let mut legs: Vec<LegSpec> =
        parallelisms.iter().map(|parallelism| LegSpec { parallelism: *parallelism, keys: KeyChoice::Scenario }).collect();
    if search::is_skewed(scenario) && !arguments.no_even_keys {
        legs.insert(1, LegSpec { parallelism: parallelisms[0], keys: KeyChoice::Even });
    }
    legs
}

fn plan(
    arguments: &Arguments,
    target: &Loaded<ClusterSpec>,
    base: &Path,
    spec: LegSpec,
    start: f64,
    lasts: Duration,
    seed: u64,
) -> Result<Plan, String> {
    let drain = Duration::from_secs(90);
    let lasts = target.value.max_duration.map_or(lasts, |most| lasts.min(most.0.saturating_sub(drain)));
    let checked = file::checked_with(&arguments.scenario, target, &|scenario| {
        scenario.repeat = None;
        scenario.drain.within = drain.into();
        search::prepare(scenario, spec, start, lasts)?;
        if let Some(parallelism) = spec.parallelism.filter(|parallelism| scenario.job.parallelism() != Some(*parallelism)) {
            let choice = Choice { name: "parallelism".to_owned(), value: parallelism.to_string() };
            choice.apply(scenario).map_err(|error| error.to_string())?;
        }
        Ok(())
    });
    let checked = checked.map_err(|failure| failure.text)?;
    file::plan_of(&checked, base, target, seed).map_err(|failure| failure.text)
}

fn asked(
    arguments: &Arguments,
    scenario: &Scenario,
    target: &ClusterSpec,
    plan: &Plan,
    objective: Option<&(f64, PlannedFault)>,
    offered: f64,
    resolution: f64,
) -> CapacityAsked {
    let (slots, taskmanagers, cores) = match &target.kind {
        Kind::Local(local) => {
            let cores = std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok());
            (Some(local.flink.slots.get()), Some(local.flink.taskmanagers.get()), cores)
        }
        _ => (None, None, None),
    };
    CapacityAsked {
        scenario: scenario.name.to_string(),
        about: scenario.about.clone(),
        cluster: plan.cluster.line.clone(),
        objective: objective.map(|(bound, _)| *bound),
        objective_text: arguments.objective.clone(),
        fault: objective.map(|(_, fault)| fault.name.clone()),
        fault_kind: objective.map(|(_, fault)| fault.fault.kind().to_owned()),
        latency: arguments.latency.map(crate::units::Duration::seconds),
        resolution,
        target: arguments.target.map(|rate| rate.0),
        offered,
        interval: scenario.checkpoint_interval().map_or(1.0, |interval| interval.seconds().max(1.0)),
        slots,
        taskmanagers,
        cores,
        partitions: scenario.source.topics.keys().filter_map(|topic| scenario.partitions(topic)).min(),
        hottest_key: search::hottest_key(scenario),
        seed: plan.seed,
    }
}

/// `squall report` of a search.
pub(super) fn again(folder: &Path, format: Format) -> Result<Option<Exit>, Failure> {
    let path: PathBuf = folder.join("capacity.json");
    if !path.is_file() {
        return Ok(None);
    }
    let capacity = search::read(folder).map_err(|error| Failure::of(Exit::Invalid, &error))?;
    show(&capacity, Verdict::Met, folder, "", format).map(Some)
}
