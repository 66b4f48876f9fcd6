//! `squall check`: every mistake of scenario and cluster files, on its line. Touches nothing.

use serde_json::{Value, json};

use super::arguments::{Check, Format};
use super::cluster::print;
use super::{Exit, Failure, file, pipeline, tell};
use crate::diagnostic::{Report, Severity};
use crate::plan::{self, Because};
use crate::scenario::check as checks;

pub(super) fn check(arguments: &Check) -> Result<Exit, Failure> {
    let cluster = arguments.cluster.as_deref().map(file::cluster).transpose()?;
    let mut worst = Exit::Met;
    let mut files = Vec::new();
    for path in &arguments.scenarios {
        let source = file::source(path)?;
        let folder = file::folder(path);
        let (checked, mut report) = checks(&source, folder);
        let mut exit = if report.errors() > 0 { Exit::Invalid } else { Exit::Met };
        if let (Some(cluster), Some(checked), Exit::Met) = (&cluster, &checked, exit)
            && let Err(refusal) = plan::plan(checked, folder, cluster, &file::offer(&cluster.value), 0)
        {
            exit = match refusal.because {
                Because::NotAllowed => Exit::Refused,
                Because::Impossible => Exit::Invalid,
            };
            report.merge(refusal.report);
        }
        if !report.is_empty() {
            tell(&pipeline::mistakes(&report, file::colour()));
        }
        match arguments.format {
            Format::Json => files.push(as_json(&path.display().to_string(), exit, &report)),
            Format::Text if exit == Exit::Met => print(&format!("{}: ok\n", path.display()))?,
            Format::Text => {}
        }
        if exit != Exit::Met {
            worst = exit;
        }
    }
    if arguments.format == Format::Json {
        print(&format!("{}\n", json!({ "schema": 1, "files": files })))?;
    }
    Ok(worst)
}

fn as_json(file: &str, exit: Exit, report: &Report) -> Value {
    let problems: Vec<Value> = report
        .problems()
        .iter()
        .map(|problem| {
            let severity = match problem.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let (file, line) = problem.place().unzip();
            json!({ "severity": severity, "title": problem.title(), "file": file, "line": line, "notes": problem.notes(), "help": problem.helps() })
        })
        .collect();
    json!({ "file": file, "ok": exit == Exit::Met, "problems": problems })
}
