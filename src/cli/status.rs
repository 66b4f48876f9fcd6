//! `squall status`.

use std::fmt::Write;

use serde_json::{Value, json};

use super::arguments::{Format, Status as Arguments};
use super::resume::age;
use super::{Exit, Failure, cluster};
use crate::clock::Timestamp;
use crate::guard::{self, ClusterStatus, Leftover, Status};
use crate::proxy::RuleStatus;
use crate::report::visible;

pub(super) async fn status(arguments: &Arguments) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let status = guard::status(&places, &arguments.reports).await.map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let text = match arguments.format {
        Format::Json => format!("{}\n", as_json(&status)),
        Format::Text => {
            let mut text = String::new();
            // Writing to a string cannot fail.
            let _ = as_text(&status, &mut text);
            text
        }
    };
    cluster::print(&text)?;
    Ok(Exit::Met)
}

fn as_text(status: &Status, text: &mut String) -> std::fmt::Result {
    for run in &status.runs {
        let cluster = run.cluster.as_deref().unwrap_or("a cluster that its folder no longer names");
        writeln!(text, "run {} on {}: {}, since {}", visible(&run.run), visible(cluster), state(run), moment(run.since))?;
        for open in &run.undos {
            writeln!(
                text,
                "  {:<20} owed since {}: {}",
                visible(&open.fault.name),
                moment(open.recorded),
                visible(&open.inverse.to_string())
            )?;
        }
        for thing in &run.things {
            writeln!(text, "  {:<20} made {}: {}", visible(&thing.kind), moment(thing.made), visible(&thing.name))?;
        }
        let folder = run.folder.display().to_string();
        if let Some(since) = run.resumable {
            writeln!(text, "  broken off since {} ({})", moment(since), age(since))?;
            writeln!(text, "  go on with it by:   squall resume {}", visible(&folder))?;
        }
        if !run.alive && !run.being_undone {
            writeln!(text, "  put it back with: squall undo {}", visible(&folder))?;
        }
    }
    for ClusterStatus { cluster, rules } in &status.clusters {
        let dead = cluster.nodes.iter().filter(|node| !node.alive || node.frozen).count();
        let nodes =
            if dead == 0 { "all nodes alive".to_owned() } else { format!("{dead} of {} nodes dead or frozen", cluster.nodes.len()) };
        writeln!(text, "cluster {}: {}, {nodes}, since {}", cluster.name, cluster.phase, moment(cluster.created))?;
        match rules {
            Some(rules) => {
                for rule in rules {
                    let set = format!("set {} by {}", moment(rule.set_at), visible(&rule.holder));
                    writeln!(text, "  link {:<15} {} {:?}, {set}", visible(&rule.link), rule.rule.effect, rule.rule.direction)?;
                }
            }
            None => writeln!(text, "  its proxy does not answer: the links are cut")?,
        }
    }
    if status.runs.is_empty() && status.clusters.is_empty() {
        writeln!(text, "nothing is active")?;
    }
    Ok(())
}

fn state(run: &Leftover) -> &'static str {
    match (run.alive, run.being_undone, run.resumable) {
        (true, ..) => "goes on",
        (false, true, _) => "its squall is dead, being undone",
        (false, false, Some(_)) if run.undos.is_empty() => "its squall is dead, no fault is left, can be resumed",
        (false, false, _) => "its squall is dead, not undone",
    }
}

fn moment(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at.0)).map_or_else(|_| "?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

fn as_json(status: &Status) -> Value {
    let runs: Vec<Value> = status.runs.iter().map(run_json).collect();
    let clusters: Vec<Value> = status.clusters.iter().map(cluster_json).collect();
    json!({ "schema": 1, "runs": runs, "clusters": clusters })
}

fn run_json(run: &Leftover) -> Value {
    let undos: Vec<Value> = run
        .undos
        .iter()
        .map(|open| json!({ "fault": open.fault.name, "occurrence": open.fault.occurrence, "undo": open.inverse.to_string(), "since_ms": open.recorded.millis() }))
        .collect();
    let made: Vec<Value> =
        run.things.iter().map(|thing| json!({ "kind": thing.kind, "name": thing.name, "since_ms": thing.made.millis() })).collect();
    json!({
        "run": run.run, "folder": run.folder, "cluster": run.cluster, "engine_alive": run.alive, "being_undone": run.being_undone,
        "since_ms": run.since.millis(), "undos": undos, "made": made, "resumable_since_ms": run.resumable.map(Timestamp::millis),
    })
}

fn cluster_json(status: &ClusterStatus) -> Value {
    let ClusterStatus { cluster, rules } = status;
    let rule = |rule: &RuleStatus| json!({ "link": rule.link, "rule": rule.rule, "holder": rule.holder, "holder_pid": rule.holder_pid, "since_ms": rule.set_at.millis() });
    json!({
        "name": cluster.name.as_str(), "phase": cluster.phase, "since_ms": cluster.created.millis(), "nodes": cluster.nodes,
        "proxy_alive": cluster.proxy_alive, "rules": rules.as_ref().map(|rules| rules.iter().map(rule).collect::<Vec<_>>()),
    })
}
