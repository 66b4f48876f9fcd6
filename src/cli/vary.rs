//! `squall run --vary`: settings against each other in one command.

use std::collections::BTreeMap;

use super::arguments::{Format, Run};
use super::series::{is_over, make, publish};
use super::{Exit, Failure, file, report, run, tell};
use crate::analysis::{Comparison, Outcome, Verdict};
use crate::campaign::stored::{self, StoredSeries};
use crate::campaign::{Choice, Leg, Manifest, Series, arms, interleaved, repeat_seed};
use crate::clock;
use crate::cluster::{ClusterSpec, Places};
use crate::report::comparison::{self, Extras, Purpose};
use crate::run::new_run_id;
use crate::scenario::Checked;
use crate::scenario::yaml::Loaded;

fn named(arm: &[Choice]) -> String {
    arm.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) async fn run(arguments: &Run, target: &Loaded<ClusterSpec>, places: &Places) -> Result<Exit, Failure> {
    let arms = arms(&arguments.vary);
    let repeat = arguments.repeat;
    let mut checked: Vec<Checked> = Vec::new();
    for arm in &arms {
        let scenario = file::checked_with(&arguments.scenario, target, &|scenario| {
            scenario.repeat = repeat.or(scenario.repeat);
            arm.iter().try_for_each(|choice| choice.apply(scenario)).map_err(|error| error.to_string())
        });
        checked.push(scenario?);
    }
    let Some(first) = checked.first() else { return Ok(Exit::Met) };
    let seed = file::seed_of(first, arguments.seed);
    let repeats = first.scenario().repeat.map_or(1, std::num::NonZeroU32::get);
    let order = interleaved(arms.len(), repeats);
    let mut legs = Vec::new();
    for (position, (arm, repeat)) in order.iter().enumerate() {
        // The arms of one repeat share their seed: the same victims, the same keys.
        let mut plan = file::plan_of(&checked[*arm], file::folder(&arguments.scenario), target, repeat_seed(seed, *repeat))?;
        plan.expectations.retain(|expectation| !is_over(expectation));
        legs.push(Leg { plan, arm: *arm, label: format!("run {} of {}: {}", position + 1, order.len(), named(&arms[*arm])) });
    }
    let Some(plan) = legs.first().map(|leg| leg.plan.clone()) else { return Ok(Exit::Met) };
    let mut manifest = Manifest::new(&format!("vary-{}", new_run_id(clock::now())), repeats, seed);
    manifest.arms = arms.iter().map(|arm| named(arm)).collect();
    let settings: Vec<String> = arguments.vary.iter().map(|varied| format!("--vary {}={}", varied.name, varied.values.join(","))).collect();
    manifest.command = format!(
        "squall run {} --on {} {} --repeat {repeats} --seed {seed}",
        arguments.scenario.display(),
        arguments.cluster.display(),
        settings.join(" ")
    );
    let done = make(
        Series { legs, request: run::request(first, &arguments.scenario, &arguments.options, plan, target), manifest },
        target,
        places,
    )
    .await?;
    // What was journalled is what is compared.
    let Some(stored) = stored::series(&done.folder).map_err(|error| Failure::of(Exit::ToolError, &error))? else {
        return Err(Failure::new(Exit::ToolError, "error: the series was not kept"));
    };
    let exit = show(stored, arguments.format)?;
    Ok(run::told_left_behind(&done.left_behind, exit))
}

/// `squall report` of such a series.
pub(super) fn again(stored: StoredSeries, format: Format) -> Result<Exit, Failure> {
    for run in &stored.runs {
        report::write(&run.outcome, &run.folder)?;
    }
    show(stored, format)
}

fn show(stored: StoredSeries, format: Format) -> Result<Exit, Failure> {
    for missing in &stored.missing {
        tell(&format!("warning: {missing}\n"));
    }
    let manifest = stored.manifest;
    let arm_of: BTreeMap<&str, usize> = manifest.runs.iter().map(|run| (run.run.as_str(), run.arm)).collect();
    let verdicts: Vec<Verdict> = stored.runs.iter().map(|run| run.outcome.verdict).collect();
    let mut per_arm: Vec<Vec<stored::StoredRun>> = vec![Vec::new(); manifest.arms.len()];
    for run in stored.runs {
        let arm = arm_of.get(run.outcome.run.as_str()).copied().unwrap_or_default();
        if let Some(runs) = per_arm.get_mut(arm) {
            runs.push(run);
        }
    }
    let mut alarms: Vec<String> = manifest.ended.iter().map(|(_, why)| format!("it ended early: {why}")).collect();
    let mut sides = Vec::new();
    for (name, runs) in manifest.arms.iter().zip(per_arm) {
        for run in runs.iter().filter(|run| run.outcome.verdict != Verdict::Met) {
            let why = run.outcome.reasons.first().cloned().unwrap_or_default();
            alarms.push(format!("{name}, run {}: {why}", run.outcome.run));
        }
        if runs.is_empty() {
            alarms.push(format!("{name}: no run was made"));
            continue;
        }
        sides.push(stored::compared(name, runs, Vec::new()));
    }
    let varied: Vec<String> = manifest
        .arms
        .iter()
        .flat_map(|arm| arm.split(' '))
        .filter_map(|choice| choice.split_once('='))
        .map(|(name, _)| name.to_owned())
        .collect();
    let compared = Comparison::of(sides.iter().map(|side| side.side.clone()).collect(), &varied);
    let mut verdict = verdicts.into_iter().min().unwrap_or(Verdict::Inconclusive);
    if let Some((ended, _)) = &manifest.ended {
        verdict = verdict.min(*ended);
    }
    let typical: Vec<(String, &Outcome)> = sides.iter().filter_map(|side| Some((side.side.name.clone(), side.typical.as_ref()?))).collect();
    let extras = Extras { purpose: Purpose::Settings, id: manifest.series.clone(), typical, alarms, verdict };
    let sheet = comparison::sheet(&compared, &extras).with_inputs(manifest.command.clone(), Vec::new());
    let json = comparison::json(&compared, &manifest.series).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    publish(&sheet, &json, &stored.folder, format)?;
    Ok(verdict.into())
}
