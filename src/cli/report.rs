//! `squall report`: the reports of a run again, from its journal alone.

use super::arguments::{Format, Report};
use super::cluster::print;
use super::{Exit, Failure, look, tell};
use crate::analysis::{Analysis, Outcome};
use crate::journal::{Reader, RunFolder};
use crate::plan::Plan;
use crate::report::terminal;
use crate::report::{self, Extras};

pub(super) fn report(arguments: &Report) -> Result<Exit, Failure> {
    let tool = |error: &dyn std::error::Error| Failure::of(Exit::ToolError, error);
    let folder = RunFolder::open(&arguments.run).map_err(|error| Failure::of(Exit::Invalid, &error))?;
    let path = folder.path().join("plan.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::new(Exit::Invalid, format!("error: cannot read {}: {error}", path.display())))?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| tool(&error))?;
    let mut analysis = Analysis::new(&plan);
    let mut reader = Reader::open(&folder).map_err(|error| tool(&error))?;
    for event in reader.by_ref() {
        analysis.push(&event.map_err(|error| tool(&error))?);
    }
    for torn in &reader.torn {
        tell(&format!("warning: the journal breaks off: {torn}\n"));
    }
    show(&analysis.outcome(), &folder, arguments.format)
}

/// Writes all reports into the run's folder and prints the summary.
pub(super) fn show(outcome: &Outcome, folder: &RunFolder, format: Format) -> Result<Exit, Failure> {
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let extras =
        Extras { scenario_text: read("scenario.yaml"), cluster_text: read("cluster.yaml"), command: command(outcome), scenario_file: None };
    report::write_all(outcome, &extras, folder.path()).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let html = folder.path().join("report.html");
    match format {
        Format::Text => print(&terminal::summary(outcome, Some(&shortest(&html)), &look::stdout()))?,
        Format::Json => {
            let text = report::json::render(outcome).map_err(|error| Failure::of(Exit::ToolError, &error))?;
            print(&format!("{text}\n"))?;
        }
    }
    Ok(outcome.verdict.into())
}

/// The command that repeats a run.
fn command(outcome: &Outcome) -> String {
    format!(
        "squall run {}.yaml --on {}.yaml --seed {}",
        outcome.scenario,
        outcome.cluster.split(':').next().unwrap_or_default(),
        outcome.seed
    )
}

/// Relative to where the user is, when it lies below.
fn shortest(path: &std::path::Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
