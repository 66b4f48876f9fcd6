//! `squall gameday plan|run`.

mod plan;

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::{Format, GameDay as Command, GameDayRun};
use super::cluster::{places, print};
use super::live::Live;
use super::{Exit, Failure, cluster, file, look, pipeline, report, run as running, tell};
use crate::analysis::{Moment, Outcome, Verdict};
use crate::clock::{self, Timestamp};
use crate::cluster::{Cluster, ClusterSpec, Places};
use crate::gameday::{self, Announcer, Day, DayError, GameDay, Observers, OnFailure, Step, StepState, until_steady};
use crate::journal::Ending;
use crate::plan::Plan;
use crate::report::terminal;
use crate::run::{self, Glance, Request, Stop, Watcher, new_run_id};
use crate::scenario::AbortCondition;
use crate::scenario::yaml::Loaded;

pub(super) async fn gameday(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Plan(arguments) => plan::rehearse(arguments),
        Command::Run(arguments) => perform(arguments).await,
    }
}

/// A game day with the plans of its steps.
struct Prepared {
    loaded: Loaded<GameDay>,
    steps: Vec<(Step, Plan)>,
}

fn prepare(path: &Path, target: &Loaded<ClusterSpec>) -> Result<Prepared, Failure> {
    let source = file::source(path)?;
    let (day, report) = gameday::check(&source, file::folder(path));
    let Some((loaded, steps, aborts)) = day else { return Err(file::invalid(&report)) };
    if !report.is_empty() {
        tell(&pipeline::mistakes(&report, file::colour()));
    }
    let steps = steps.into_iter().map(|step| planned(&loaded, step, &aborts, target)).collect::<Result<_, _>>()?;
    Ok(Prepared { loaded, steps })
}

fn planned(loaded: &Loaded<GameDay>, step: Step, aborts: &[AbortCondition], target: &Loaded<ClusterSpec>) -> Result<(Step, Plan), Failure> {
    let seed = file::seed_of(&step.scenario, loaded.value.steps[step.index].seed);
    let folder = file::folder(&step.path);
    let mut plan = file::plan_of(&step.scenario, folder, target, seed)?;
    plan.abort_conditions.extend_from_slice(aborts);
    Ok((step, plan))
}

async fn perform(arguments: &GameDayRun) -> Result<Exit, Failure> {
    let places = places()?;
    let target = file::cluster(&arguments.cluster)?;
    let prepared = prepare(&arguments.gameday, &target)?;
    running::confirmed(&target.value, arguments.options.confirm.as_deref())?;
    let spec = &prepared.loaded.value;
    let asks = spec.steps.iter().find(|step| step.confirm.is_some());
    if let (Some(step), false, false) = (asks, arguments.yes, std::io::stdin().is_terminal()) {
        let text = format!("error: step {} asks a person, and nobody is at a terminal; say --yes", step.name);
        return Err(Failure::new(Exit::Refused, text));
    }
    let tool = |error: &dyn std::error::Error| Failure::of(Exit::ToolError, error);
    let announcer =
        Announcer::start(&spec.announce, file::folder(&arguments.gameday)).map_err(|error| Failure::of(Exit::Invalid, &error))?;
    let (folder, mut day) = begin(arguments, &prepared, &target)?;
    let observers = spec.alerts.as_ref().map(Observers::start).transpose().map_err(|error| tool(&error))?;
    let stop = running::stopped_by_signals()?;
    let ours = bring_up(&target.value, &places, &stop).await?;
    let announcer = Arc::new(announcer);
    announcer.tell(&format!("Game day {} begins on {}", day.name, day.cluster));
    let stage = Stage {
        arguments,
        places: &places,
        target: &target,
        stop: &stop,
        announcer: announcer.clone(),
        observers: observers.as_ref(),
        folder: &folder,
    };
    let went = stage.steps(&prepared, &mut day).await;
    drop(stage);
    // Whatever happened, the cluster that was started for the day goes, and the record is written.
    let down = if ours && !arguments.options.keep_cluster { cluster::take_down(&target.value.name, &places).await } else { Ok(()) };
    if let Err(failure) = &went {
        day.stopped.get_or_insert_with(|| failure.text.clone());
    }
    let interrupted = matches!(stop.reason(), Some(Ending::Interrupted(_)));
    // A day that a signal ended can be taken up again.
    if !interrupted {
        day.steps.iter_mut().filter(|step| step.state == StepState::Pending).for_each(|step| step.state = StepState::Skipped);
        day.ended = Some(clock::now());
    }
    announcer.tell(&format!("Game day {} is over: {}", day.name, day.verdict().word()));
    if let Some(announcer) = Arc::into_inner(announcer) {
        day.not_told.extend(announcer.finish().await);
    }
    let exit = show(arguments.format, &folder, &day)?;
    went?;
    down?;
    Ok(if interrupted { Exit::Interrupted } else { exit })
}

/// A new day, or the one that was broken off.
fn begin(arguments: &GameDayRun, prepared: &Prepared, target: &Loaded<ClusterSpec>) -> Result<(PathBuf, Day), Failure> {
    let invalid = |error: DayError| Failure::of(Exit::Invalid, &error);
    let spec = &prepared.loaded.value;
    let below = arguments.options.reports.join("gamedays").join(spec.name.as_str());
    let steps: Vec<Step> = prepared.steps.iter().map(|(step, _)| step.clone()).collect();
    if arguments.resume {
        let folder = Day::broken_off(&below).map_err(invalid)?;
        let day = Day::open(&folder).map_err(invalid)?;
        day.fits(&arguments.gameday, &steps, spec).map_err(invalid)?;
        return Ok((folder, Day { stopped: None, ..day }));
    }
    let now = clock::now();
    let id = new_run_id(now);
    let folder = below.join(&id);
    let day = Day::new(id, spec, &steps, target.value.line(), now);
    day.keep(&folder).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let copied = std::fs::write(folder.join("gameday.yaml"), prepared.loaded.source().text());
    copied.map_err(|error| Failure::of(Exit::ToolError, &error))?;
    Ok((folder, day))
}

/// Starts the cluster where it is not up. Gives whether it is the day's own.
async fn bring_up(spec: &ClusterSpec, places: &Places, stop: &Stop) -> Result<bool, Failure> {
    match stop.unless(Cluster::attach(spec, places)).await {
        Err(_) => return Err(Failure::new(Exit::Interrupted, "interrupted before the first step")),
        Ok(Ok(_)) => return Ok(false),
        Ok(Err(error)) if error.is_not_up() => {}
        Ok(Err(error)) => return Err(Failure::of(Exit::NotReady, &error)),
    }
    match stop.unless(Cluster::up(spec, places, &cluster::progress)).await {
        Err(_) => Err(Failure::new(Exit::Interrupted, "interrupted before the first step")),
        Ok(Err(error)) => Err(Failure::of(Exit::NotReady, &error)),
        Ok(Ok(_)) => Ok(true),
    }
}

/// What every step needs.
struct Stage<'a> {
    arguments: &'a GameDayRun,
    places: &'a Places,
    target: &'a Loaded<ClusterSpec>,
    stop: &'a Stop,
    announcer: Arc<Announcer>,
    observers: Option<&'a Observers>,
    folder: &'a Path,
}

impl Stage<'_> {
    /// One step after the other, from the first that is not over.
    async fn steps(&self, prepared: &Prepared, day: &mut Day) -> Result<(), Failure> {
        let spec = &prepared.loaded.value;
        for (index, (step, plan)) in prepared.steps.iter().enumerate() {
            let asked = &spec.steps[step.index];
            if day.steps[index].state == StepState::Done {
                tell(&format!("\nstep {} is over already: {}\n", asked.name, day.steps[index].verdict.map_or("–", Verdict::word)));
                continue;
            }
            tell(&format!("\nstep {} of {}: {}\n  {}\n", index + 1, prepared.steps.len(), asked.name, asked.hypothesis));
            match self.wait(step, spec).await {
                Ok(waited) => day.steps[index].waited = Some(waited),
                Err(why) => {
                    day.stopped = Some(format!("before step {}: {why}", asked.name));
                    return self.keep(day);
                }
            }
            if let (Some(question), false) = (&asked.confirm, self.arguments.yes)
                && !self.agreed(question).await
            {
                day.stopped = Some(format!("nobody agreed to step {}", asked.name));
                return self.keep(day);
            }
            day.steps[index].state = StepState::Running;
            self.keep(day)?;
            let began = clock::now();
            self.announcer.tell(&format!("Game day {}: step {} begins. {}", day.name, asked.name, asked.hypothesis));
            let (outcome, run) = self.run(step, plan.clone(), asked.name.as_str()).await?;
            let alerts = self.alerts(step, &outcome, began).await;
            let record = &mut day.steps[index];
            record.run = Some(run);
            record.times = Some((began, clock::now()));
            record.judge(&outcome, alerts);
            for alert in &record.alerts {
                tell(&format!("  {}: {}\n", alert.text, alert.observed));
            }
            let verdict = record.verdict.unwrap_or(Verdict::Inconclusive);
            self.announcer.tell(&format!("Game day {}: step {} is over: {}. {}", day.name, asked.name, verdict.word(), outcome.sentence));
            if self.stop.reason().is_some() {
                // What was broken off is begun anew.
                day.steps[index].state = StepState::Pending;
                day.stopped = Some("interrupted".to_owned());
                return self.keep(day);
            }
            self.keep(day)?;
            let stops = match verdict {
                Verdict::Met => false,
                Verdict::Inconclusive | Verdict::Failed => spec.on_failure == OnFailure::Stop,
                _ => true,
            };
            if stops && index + 1 < prepared.steps.len() {
                day.stopped = Some(format!("step {} was {}", asked.name, verdict.word()));
                return self.keep(day);
            }
        }
        Ok(())
    }

    fn keep(&self, day: &Day) -> Result<(), Failure> {
        day.keep(self.folder).map_err(|error| Failure::of(Exit::ToolError, &error))
    }

    async fn wait(&self, step: &Step, spec: &GameDay) -> Result<f64, String> {
        let cluster = Cluster::attach(&self.target.value, self.places).await.map_err(|error| error.to_string())?;
        let quiet: BTreeSet<String> = step.alerts.iter().map(|alert| alert.alert.clone()).collect();
        let say = |line: &str| tell(&format!("  {line}\n"));
        let steady = until_steady(&cluster, &spec.steady, self.observers, &quiet, &say);
        self.stop.unless(steady).await.map_err(|_| "interrupted".to_owned())?
    }

    /// Asks whoever sits at the terminal; a signal is a no.
    async fn agreed(&self, question: &str) -> bool {
        tell(&format!("  {question} [y/N] "));
        let answer = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            // No answer is a no.
            let _ = std::io::stdin().lock().read_line(&mut line);
            line
        });
        match self.stop.unless(answer).await {
            Ok(Ok(line)) => matches!(line.trim().to_lowercase().as_str(), "y" | "yes"),
            _ => false,
        }
    }

    async fn run(&self, step: &Step, plan: Plan, name: &str) -> Result<(Outcome, PathBuf), Failure> {
        running::within_hours(&plan, self.target)?;
        let look = look::stderr();
        let live = Arc::new(Live::new(look.clone()));
        let watcher = Arc::new(Told { live: live.clone(), announcer: self.announcer.clone(), step: name.to_owned() });
        let request = running::request(&step.scenario, &step.path, &self.arguments.options, plan, self.target);
        // The day's cluster is the day's to take down.
        let request = Request { keep_cluster: true, ..request };
        let finished = run::run(request, self.places, self.stop, watcher).await;
        live.finish();
        let finished = finished.map_err(|error| running::before_the_start(&error))?;
        report::write(&finished.outcome, &finished.folder)?;
        tell(&anstream::adapter::strip_str(&terminal::summary(&finished.outcome, None, &look)).to_string());
        let mut outcome = finished.outcome;
        if !finished.left_behind.is_empty() {
            outcome.verdict = Verdict::CleanupIncomplete;
            outcome.reasons.insert(0, format!("left behind: {}", finished.left_behind.join("; ")));
        }
        Ok((outcome, finished.folder.path().to_owned()))
    }

    /// Waits until every alert is decided, then judges them.
    async fn alerts(&self, step: &Step, outcome: &Outcome, began: Timestamp) -> Vec<gameday::AlertOutcome> {
        let Some(observers) = self.observers else { return Vec::new() };
        let effective =
            |alert: &gameday::AlertExpectation| alert.deadline.as_ref().and_then(|deadline| effective(outcome, &deadline.fault));
        loop {
            let (observed, now) = (observers.observed(), clock::now());
            let open = step.alerts.iter().any(|alert| !alert.decided(&observed, effective(alert), now));
            if !open || self.stop.reason().is_some() {
                return step.alerts.iter().map(|alert| alert.judge(&observed, began, effective(alert))).collect();
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
}

/// When a fault took effect first.
fn effective(outcome: &Outcome, name: &str) -> Option<Timestamp> {
    let fault = outcome.faults.iter().find(|fault| fault.fault.name == name)?;
    let Moment::Seen { at, .. } = &fault.timeline.t0_effective else { return None };
    Some(Timestamp(outcome.start.unwrap_or(outcome.started).0 + (at * 1e9) as i64))
}

/// Shows a run, and announces its faults and an abort.
struct Told {
    live: Arc<Live>,
    announcer: Arc<Announcer>,
    step: String,
}

impl Watcher for Told {
    fn step(&self, what: &str) {
        self.live.step(what);
    }

    fn happening(&self, at: f64, word: &str, sentence: &str) {
        self.live.happening(at, word, sentence);
        if matches!(word, "fault" | "abort") {
            self.announcer.tell(&format!("{}: {word}: {sentence}", self.step));
        }
    }

    fn glance(&self, glance: &Glance) {
        self.live.glance(glance);
    }
}

/// Writes the record and says how the day went.
fn show(format: Format, folder: &Path, day: &Day) -> Result<Exit, Failure> {
    let tool = |error: &dyn std::error::Error| Failure::of(Exit::ToolError, error);
    day.keep(folder).map_err(|error| tool(&error))?;
    let markdown = gameday::markdown(day);
    let html = gameday::html(day).map_err(|error| tool(&error))?;
    for (name, text) in [("record.md", &markdown), ("record.html", &html)] {
        std::fs::write(folder.join(name), text).map_err(|error| tool(&error))?;
    }
    pipeline::summarise(&markdown);
    let verdict = day.verdict();
    match format {
        Format::Json => print(&format!("{}\n", serde_json::to_string(day).map_err(|error| tool(&error))?))?,
        Format::Text => {
            let mut text = String::from("\n");
            for step in &day.steps {
                let word = step.verdict.map_or("not run", Verdict::word);
                text.push_str(&format!("  {:<24} {word}\n", step.name));
            }
            let stopped = day.stopped.as_ref().map_or(String::new(), |why| format!(", ended early: {why}"));
            text.push_str(&format!(
                "\n{}: game day {}{stopped}\nrecord: {}\n",
                verdict.word(),
                day.name,
                folder.join("record.html").display()
            ));
            print(&text)?;
        }
    }
    Ok(verdict.into())
}
