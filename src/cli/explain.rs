//! `squall explain`: what faults, shapes, metrics and exit codes are, at the terminal.

use super::arguments::{Explain, Format};
use super::cluster::print;
use super::{Exit, Failure, exit};
use crate::cluster::KINDS;
use crate::diagnostic::{did_you_mean, listed};
use crate::fault::FaultSpec;
use crate::metric::Metric;
use crate::traffic::Example;

const TOPICS: &[&str] = &["fault", "shape", "metric", "cluster", "exit-codes"];

/// A drawing that fits into 80 columns.
const DRAWING: (usize, usize) = (66, 8);

pub(super) fn explain(arguments: &Explain) -> Result<Exit, Failure> {
    let name = arguments.name.as_deref();
    match arguments.topic.as_str() {
        "fault" | "faults" => {
            let rows = FaultSpec::KINDS.iter().map(|(kind, about)| (*kind, about.trim().to_owned()));
            table("fault", rows, name, arguments.format)
        }
        "shape" | "shapes" => match name {
            None => table("shape", Example::ALL.iter().map(|example| (example.name, example.about.to_owned())), None, arguments.format),
            Some(name) => shape(name, arguments.format),
        },
        "metric" | "metrics" => {
            let rows = Metric::ALL.iter().map(|metric| (metric.name(), metric.meaning().trim().to_owned()));
            table("metric", rows, name, arguments.format)
        }
        "cluster" | "clusters" => clusters(name, arguments.format),
        "exit-codes" | "exit-code" => match arguments.format {
            Format::Text => {
                print(&format!("{}\n", exit::TABLE))?;
                Ok(Exit::Met)
            }
            Format::Json => table("exit code", exit::rows().map(|(code, meaning)| (code, meaning.to_owned())), name, Format::Json),
        },
        other => Err(unknown("topic", other, TOPICS.iter().copied())),
    }
}

/// A shape's example, and how it looks.
fn shape(name: &str, format: Format) -> Result<Exit, Failure> {
    let Some(example) = Example::find(name) else {
        return Err(unknown("shape", name, Example::ALL.iter().map(|example| example.name)));
    };
    if format == Format::Json {
        let document = serde_json::json!({ "schema": 1, "name": example.name, "about": example.about, "example": example.text });
        print(&format!("{document}\n"))?;
        return Ok(Exit::Met);
    }
    let picture = example.picture(DRAWING.0).map_err(|error| Failure::new(Exit::ToolError, format!("error: {error}")))?;
    let drawing = picture.map_or_else(|| "It has no schedule that could be drawn.\n".to_owned(), |picture| picture.text(DRAWING.1));
    print(&format!("{}\n\n    rate: {}\n\n{drawing}", example.about, example.text))?;
    Ok(Exit::Met)
}

/// Kinds of clusters: one in full, or each in its first line.
fn clusters(name: Option<&str>, format: Format) -> Result<Exit, Failure> {
    match (name, format) {
        (None, _) => {
            let rows = KINDS.iter().map(|kind| (kind.name, kind.about.lines().next().unwrap_or_default().to_owned()));
            table("cluster", rows, None, format)
        }
        (Some(name), Format::Text) => match KINDS.iter().find(|kind| kind.name == name) {
            Some(kind) => {
                print(&format!("{}\n", kind.about))?;
                Ok(Exit::Met)
            }
            None => Err(unknown("kind of cluster", name, KINDS.iter().map(|kind| kind.name))),
        },
        (name, Format::Json) => table("cluster", KINDS.iter().map(|kind| (kind.name, kind.about.to_owned())), name, format),
    }
}

fn table<'a>(what: &str, rows: impl Iterator<Item = (&'a str, String)>, name: Option<&str>, format: Format) -> Result<Exit, Failure> {
    let rows: Vec<(&str, String)> = rows.collect();
    let chosen: Vec<_> = rows.iter().filter(|(row, _)| name.is_none_or(|name| name == *row)).collect();
    if let (Some(name), true) = (name, chosen.is_empty()) {
        return Err(unknown(what, name, rows.iter().map(|(row, _)| *row)));
    }
    if format == Format::Json {
        let rows: Vec<_> = chosen.iter().map(|(name, about)| serde_json::json!({ "name": name, "about": about })).collect();
        print(&format!("{}\n", serde_json::json!({ "schema": 1, "explained": what, "rows": rows })))?;
        return Ok(Exit::Met);
    }
    let width = chosen.iter().map(|(row, _)| row.len()).max().unwrap_or(0);
    for (row, about) in chosen {
        print(&format!("{row:<width$}  {about}\n"))?;
    }
    Ok(Exit::Met)
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Failure {
    let help = match did_you_mean(name, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known are {}", listed(known)),
    };
    Failure::new(Exit::Invalid, format!("error: unknown {what} `{name}`; {help}"))
}
