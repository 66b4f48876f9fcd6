//! `squall undo` and `squall guard`.

use super::arguments::{Format, Guard, Undo};
use super::{Exit, Failure, cluster, tell};
use crate::cluster::Places;
use crate::guard::{self, ClusterLock, Leftover, Report};
use crate::journal::RunFolder;
use crate::report::visible;

pub(super) async fn undo(arguments: &Undo) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let folders = match &arguments.run {
        Some(path) => vec![RunFolder::open(path).map_err(|error| Failure::of(Exit::Invalid, &error))?],
        None => folders(&guard::leftovers(&places, &arguments.reports))?,
    };
    if arguments.format == Format::Json {
        return undo_as_json(&folders, &places).await;
    }
    let exit = undo_all(&folders, &places, None, &|line| cluster::print(&format!("{line}\n"))).await?;
    if folders.is_empty() {
        cluster::print("nothing is left to undo\n")?;
    }
    Ok(exit)
}

/// Undoes runs, newest first, and prints one document in the end, even where a run cannot be undone.
async fn undo_as_json(folders: &[RunFolder], places: &Places) -> Result<Exit, Failure> {
    let mut exit = Exit::Met;
    let mut runs = Vec::new();
    for folder in folders.iter().rev() {
        match guard::undo_run(folder, places, "undo command", None).await {
            Ok(report) => {
                if !report.is_clean() {
                    exit = Exit::CleanupIncomplete;
                }
                runs.push(serde_json::json!({ "run": report.run, "clean": report.is_clean(), "done": report.done, "left": report.left }));
            }
            Err(error) => {
                if exit != Exit::CleanupIncomplete {
                    exit = code(&error);
                }
                runs.push(serde_json::json!({ "run": folder.run(), "clean": false, "error": Failure::of(exit, &error).text }));
            }
        }
    }
    cluster::print(&format!("{}\n", serde_json::json!({ "schema": 1, "runs": runs })))?;
    Ok(exit)
}

/// The folders of runs that have left something behind.
pub(super) fn folders(leftovers: &[Leftover]) -> Result<Vec<RunFolder>, Failure> {
    leftovers.iter().map(|left| RunFolder::open(&left.folder).map_err(|error| Failure::of(Exit::ToolError, &error))).collect()
}

/// Undoes runs, newest first, and tells what was done. `held` is the cluster's lock, where the caller has it.
pub(super) async fn undo_all(
    folders: &[RunFolder],
    places: &Places,
    held: Option<&ClusterLock>,
    say: &(dyn Fn(&str) -> Result<(), Failure> + Sync),
) -> Result<Exit, Failure> {
    let mut exit = Exit::Met;
    for folder in folders.iter().rev() {
        let report = guard::undo_run(folder, places, "undo command", held).await.map_err(|error| Failure::of(code(&error), &error))?;
        for line in lines(&report) {
            say(&line)?;
        }
        if !report.is_clean() {
            exit = Exit::CleanupIncomplete;
        }
    }
    Ok(exit)
}

fn code(error: &guard::Error) -> Exit {
    match error {
        guard::Error::EngineAlive { .. } | guard::Error::BeingUndone(_) | guard::Error::Lock(_) => Exit::Refused,
        _ => Exit::CleanupIncomplete,
    }
}

fn lines(report: &Report) -> Vec<String> {
    let verdict = match (report.is_clean(), report.done.is_empty()) {
        (true, _) if !report.kept.is_empty() => "no fault is left; the rest stays for `squall resume`",
        (true, true) => "nothing is left to undo",
        (true, false) => "all undone",
        (false, _) => "not all is undone",
    };
    let mut lines = vec![format!("run {}: {verdict}", report.run)];
    lines.extend(report.done.iter().map(|done| format!("  ✓ {}", visible(done))));
    lines.extend(report.kept.iter().map(|kept| format!("  · {}", visible(kept))));
    lines.extend(report.left.iter().map(|left| format!("  ✗ {}", visible(left))));
    lines
}

pub(super) async fn guard(arguments: &Guard) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let engine = (arguments.parent, arguments.start_ticks);
    let report = guard::guard(&arguments.run, engine, &places).await.map_err(|error| Failure::of(code(&error), &error))?;
    let Some(report) = report else { return Ok(Exit::Met) };
    for line in lines(&report) {
        tell(&format!("{line}\n"));
    }
    Ok(if report.is_clean() { Exit::Met } else { Exit::CleanupIncomplete })
}
