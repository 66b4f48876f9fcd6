//! `squall schedule`: the timer of an existing scheduler.

use super::arguments::{Format, Schedule as Arguments, Scheduler as Whose};
use super::cluster::print;
use super::{Exit, Failure, file};
use crate::gameday::{self, Scheduled, Scheduler};

pub(super) fn schedule(arguments: &Arguments) -> Result<Exit, Failure> {
    let source = file::source(&arguments.gameday)?;
    let (day, report) = gameday::check(&source, file::folder(&arguments.gameday));
    let Some((loaded, ..)) = day else { return Err(file::invalid(&report)) };
    file::cluster(&arguments.cluster)?;
    let tool = |error: &dyn std::error::Error| Failure::of(Exit::ToolError, error);
    let scheduled = Scheduled {
        name: loaded.value.name.to_string(),
        file: arguments.gameday.clone(),
        cluster: arguments.cluster.clone(),
        cron: arguments.cron.clone(),
        folder: std::env::current_dir().map_err(|error| tool(&error))?,
    };
    let scheduler = match arguments.scheduler {
        Whose::Systemd => Scheduler::Systemd,
        Whose::Kubernetes => Scheduler::Kubernetes,
        Whose::Github => Scheduler::Github,
    };
    let files = gameday::write_schedule(&scheduled, scheduler).map_err(|error| Failure::of(Exit::Invalid, &error))?;
    if let Some(folder) = &arguments.into {
        for (name, text) in &files {
            let path = folder.join(name);
            let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
            made.map_err(|error| Failure::new(Exit::ToolError, format!("error: cannot write {}: {error}", path.display())))?;
        }
    }
    match (arguments.format, &arguments.into) {
        (Format::Json, _) => {
            let rows: Vec<_> = files.iter().map(|(name, text)| serde_json::json!({ "name": name, "text": text })).collect();
            print(&format!("{}\n", serde_json::json!({ "schema": 1, "files": rows })))?;
        }
        (Format::Text, Some(folder)) => {
            for (name, _) in &files {
                print(&format!("{}\n", folder.join(name).display()))?;
            }
        }
        (Format::Text, None) => {
            for (name, text) in &files {
                print(&format!("# {name}\n{text}"))?;
            }
        }
    }
    Ok(Exit::Met)
}
