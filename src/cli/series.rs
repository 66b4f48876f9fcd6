//! `squall run --repeat`: runs one after the other, and one report over them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::arguments::{Format, Run};
use super::cluster::print;
use super::live::Live;
use super::{Exit, Failure, file, look, pipeline, report, run, tell, vary};
use crate::analysis::{Outcome, Repeats, RepeatsAsked, Verdict};
use crate::campaign::stored::{self, StoredSeries};
use crate::campaign::{Done, Leg, Listener, Manifest, Series, SeriesError, repeat_seed};
use crate::clock;
use crate::cluster::{ClusterSpec, Places};
use crate::report::sheet::{self, Sheet, write_sheet};
use crate::report::terminal;
use crate::report::{repeats, terminal::Look};
use crate::run::{Finished, Watcher, new_run_id};
use crate::scenario::yaml::Loaded;
use crate::scenario::{Checked, Expectation, Subject};

/// Whether it is judged over repeats.
pub(super) fn is_over(expectation: &Expectation) -> bool {
    matches!(expectation.subject, Subject::Metric { over: Some(_), .. })
}

pub(super) async fn run(arguments: &Run, checked: &Checked, target: &Loaded<ClusterSpec>, places: &Places) -> Result<Exit, Failure> {
    let folder = file::folder(&arguments.scenario);
    let seed = file::seed_of(checked, arguments.seed);
    let count = checked.scenario().repeat.map_or(1, std::num::NonZeroU32::get);
    let mut legs = Vec::new();
    for repeat in 0..count {
        let mut plan = file::plan_of(checked, folder, target, repeat_seed(seed, repeat))?;
        plan.expectations.retain(|expectation| !is_over(expectation));
        legs.push(Leg { plan, arm: 0, label: format!("run {} of {count}", repeat + 1) });
    }
    let Some(first) = legs.first().map(|leg| leg.plan.clone()) else { return Ok(Exit::Met) };
    let mut manifest = Manifest::new(&format!("series-{}", new_run_id(clock::now())), count, seed);
    manifest.over = checked.expectations.iter().filter(|expectation| is_over(expectation)).cloned().collect();
    manifest.command =
        format!("squall run {} --on {} --repeat {count} --seed {seed}", arguments.scenario.display(), arguments.cluster.display());
    let series = Series { legs, request: run::request(checked, &arguments.scenario, &arguments.options, first, target), manifest };
    let done = make(series, target, places).await?;
    let repeats = judged(&done.manifest, done.ended.clone(), &done.outcomes);
    let exit = show(&repeats, &done.outcomes.iter().collect::<Vec<_>>(), &done.folder, &done.manifest.command, arguments.format)?;
    Ok(run::told_left_behind(&done.left_behind, exit))
}

/// Makes the runs of a series, with what people see of it.
pub(super) async fn make(series: Series, target: &Loaded<ClusterSpec>, places: &Places) -> Result<Done, Failure> {
    let stop = run::stopped_by_signals()?;
    let shown = Shown::on(target);
    series.run(places, &stop, &shown).await.map_err(|error| match &error {
        SeriesError::First(error) => run::before_the_start(error),
        SeriesError::Refused(text) => Failure::new(Exit::Refused, text.clone()),
        SeriesError::Manifest(_) => Failure::of(Exit::ToolError, &error),
    })
}

fn judged(manifest: &Manifest, ended: Option<(Verdict, String)>, outcomes: &[Outcome]) -> Repeats {
    let asked = RepeatsAsked {
        series: manifest.series.clone(),
        repeats: manifest.repeats,
        seed: manifest.seed,
        over: manifest.over.clone(),
        ended,
    };
    Repeats::of(asked, &outcomes.iter().collect::<Vec<_>>())
}

fn show(series: &Repeats, outcomes: &[&Outcome], folder: &Path, command: &str, format: Format) -> Result<Exit, Failure> {
    let json = repeats::json(series).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let sheet = repeats::sheet(series, outcomes).with_inputs(command, Vec::new());
    publish(&sheet, &json, folder, format)?;
    Ok(series.verdict.into())
}

/// Writes a report of several runs, and prints its first screen.
pub(super) fn publish(sheet: &Sheet, json: &str, folder: &Path, format: Format) -> Result<(), Failure> {
    write_sheet(sheet, json, folder).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    pipeline::summarise(&sheet::markdown(sheet));
    let path = report::shortest(&folder.join("report.html"));
    match format {
        Format::Text => print(&sheet::terminal(sheet, Some(&path), &look::stdout())),
        Format::Json => print(json),
    }
}

/// What the user named is no run or series; or it is one, and cannot be read.
pub(super) fn unusable(error: &stored::Error) -> Failure {
    let exit = match error {
        stored::Error::NoRun(_) | stored::Error::Plan { .. } | stored::Error::NoSide { .. } | stored::Error::SeveralArms(_) => {
            Exit::Invalid
        }
        stored::Error::Journal(_) | stored::Error::NoPlan { .. } | stored::Error::Manifest(_) | stored::Error::Capacity(_) => {
            Exit::ToolError
        }
    };
    Failure::of(exit, error)
}

/// `squall report` of a series.
pub(super) fn again(stored: StoredSeries, format: Format) -> Result<Exit, Failure> {
    for missing in &stored.missing {
        tell(&format!("warning: {missing}\n"));
    }
    if stored.manifest.arms.len() > 1 {
        return vary::again(stored, format);
    }
    let ended = match (&stored.manifest.ended, stored.missing.is_empty()) {
        (Some(ended), _) => Some(ended.clone()),
        (None, true) if stored.runs.len() as u32 >= stored.manifest.repeats => None,
        (None, _) => Some((Verdict::Interrupted, "the series breaks off: squall was killed, or runs were removed".to_owned())),
    };
    for run in &stored.runs {
        report::write(&run.outcome, &run.folder)?;
    }
    let outcomes: Vec<Outcome> = stored.runs.into_iter().map(|run| run.outcome).collect();
    let series = judged(&stored.manifest, ended, &outcomes);
    show(&series, &outcomes.iter().collect::<Vec<_>>(), &stored.folder, &stored.manifest.command, format)
}

/// What people see while a series goes on.
pub(super) struct Shown<'a> {
    look: Look,
    live: Mutex<Option<Arc<Live>>>,
    target: &'a Loaded<ClusterSpec>,
}

impl<'a> Shown<'a> {
    /// Of runs on this cluster.
    pub(super) fn on(target: &'a Loaded<ClusterSpec>) -> Self {
        Self { look: look::stderr(), live: Mutex::new(None), target }
    }
}

impl Listener for Shown<'_> {
    fn may_begin(&self, leg: &Leg) -> Result<(), String> {
        run::within_hours(&leg.plan, self.target).map_err(|failure| failure.text)
    }

    fn begins(&self, leg: &Leg) -> Arc<dyn Watcher> {
        let plan = &leg.plan;
        tell(&format!("\n{}\n", leg.label));
        tell(&terminal::header(plan.scenario.name.as_str(), &plan.cluster.line, plan.seed, &self.look));
        let live = Arc::new(Live::new(self.look.clone()));
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
        live
    }

    fn ended(&self, leg: &Leg, finished: &Finished) {
        if let Some(live) = self.live.lock().unwrap_or_else(PoisonError::into_inner).take() {
            live.finish();
        }
        let outcome = &finished.outcome;
        // A report that cannot be written now can be made again; the series goes on.
        if let Err(failure) = report::write(outcome, &finished.folder) {
            tell(&format!("{}\n", failure.text));
        }
        tell(&format!("{}: {}\n", leg.label, terminal::verdict_line(outcome, &self.look)));
    }
}
