//! `squall report`: the reports of a run again, from its journal alone.

use std::path::Path;
use std::sync::Arc;

use super::arguments::{Format, Report};
use super::cluster::{places, print};
use super::{Exit, Failure, capacity, file, look, pipeline, series, tell};
use crate::analysis::Outcome;
use crate::campaign::stored;
use crate::cluster::Cluster;
use crate::delivery::Verdict;
use crate::job::JobSpec;
use crate::journal::{Event, EventKind, RunFolder};
use crate::plan::Plan;
use crate::report::terminal;
use crate::report::{self, Extras};
use crate::run::verify::{self, Written};

pub(super) async fn report(arguments: &Report) -> Result<Exit, Failure> {
    if let Some(series) = stored::series(&arguments.run).map_err(|error| series::unusable(&error))? {
        return series::again(series, arguments.format);
    }
    if let Some(exit) = capacity::again(&arguments.run, arguments.format)? {
        return Ok(exit);
    }
    let mut run = stored::journal(&arguments.run).map_err(|error| series::unusable(&error))?;
    for torn in &run.torn {
        tell(&format!("warning: the journal breaks off: {torn}\n"));
    }
    if let Some(cluster) = &arguments.verify_on {
        let verdict = again(cluster, run.written, run.plan, &run.folder).await?;
        run.analysis.push(&Event { seq: 0, at: run.analysis.last(), event: EventKind::Delivery(verdict) });
    }
    let outcome = run.analysis.outcome();
    pipeline::publish(&outcome, None);
    show(&outcome, &run.folder, arguments.format)
}

/// Judges delivery again; `delivery.ndjson` then holds the offenders of this time.
async fn again(cluster: &Path, written: Written, plan: Plan, folder: &RunFolder) -> Result<Verdict, Failure> {
    let tool = |error: &dyn std::error::Error| Failure::of(Exit::ToolError, error);
    let target = file::cluster(cluster)?;
    let places = places()?;
    let cluster = Cluster::attach(&target.value, &places).await.map_err(|error| Failure::of(Exit::NotReady, &error))?;
    let connection = cluster.addresses().kafka.harness.clone();
    let job_stays = matches!(plan.scenario.job, JobSpec::Attach(_));
    let judged = verify::again(Arc::new(written), Arc::new(plan), connection, job_stays).await.map_err(|error| tool(&error))?;
    let rows: Result<String, _> = judged.offenders.iter().map(|offender| serde_json::to_string(offender).map(|row| row + "\n")).collect();
    let rows = rows.map_err(|error| tool(&error))?;
    folder.write("delivery.ndjson", rows.as_bytes()).map_err(|error| tool(&error))?;
    Ok(judged.verdict)
}

/// Writes all reports into the run's folder and prints the summary.
pub(super) fn show(outcome: &Outcome, folder: &RunFolder, format: Format) -> Result<Exit, Failure> {
    write(outcome, folder)?;
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

/// Writes all reports of a run into its folder.
pub(super) fn write(outcome: &Outcome, folder: &RunFolder) -> Result<(), Failure> {
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    let extras =
        Extras { scenario_text: read("scenario.yaml"), cluster_text: read("cluster.yaml"), command: command(outcome), scenario_file: None };
    report::write_all(outcome, &extras, folder.path()).map_err(|error| Failure::of(Exit::ToolError, &error))
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
pub(super) fn shortest(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
