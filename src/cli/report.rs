//! `squall report`: the reports of a run again, from its journal alone.

use std::path::Path;
use std::sync::Arc;

use super::arguments::{Format, Report};
use super::cluster::{places, print};
use super::{Exit, Failure, file, look, pipeline, tell};
use crate::analysis::{Analysis, Outcome};
use crate::cluster::Cluster;
use crate::delivery::Verdict;
use crate::job::JobSpec;
use crate::journal::{Event, EventKind, Reader, RunFolder};
use crate::plan::Plan;
use crate::report::terminal;
use crate::report::{self, Extras};
use crate::run::verify::{self, Written};

pub(super) async fn report(arguments: &Report) -> Result<Exit, Failure> {
    let tool = |error: &dyn std::error::Error| Failure::of(Exit::ToolError, error);
    let folder = RunFolder::open(&arguments.run).map_err(|error| Failure::of(Exit::Invalid, &error))?;
    let path = folder.path().join("plan.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::new(Exit::Invalid, format!("error: cannot read {}: {error}", path.display())))?;
    let plan: Plan = serde_json::from_str(&text).map_err(|error| tool(&error))?;
    let mut analysis = Analysis::new(&plan);
    let mut reader = Reader::open(&folder).map_err(|error| tool(&error))?;
    let mut written = Written::default();
    for event in reader.by_ref() {
        let event = event.map_err(|error| tool(&error))?;
        written.take(&event);
        analysis.push(&event);
    }
    for torn in &reader.torn {
        tell(&format!("warning: the journal breaks off: {torn}\n"));
    }
    if let Some(cluster) = &arguments.verify_on {
        let verdict = again(cluster, written, plan, &folder).await?;
        analysis.push(&Event { seq: 0, at: analysis.last(), event: EventKind::Delivery(verdict) });
    }
    let outcome = analysis.outcome();
    pipeline::publish(&outcome, None);
    show(&outcome, &folder, arguments.format)
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
fn shortest(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}
