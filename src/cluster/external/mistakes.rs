//! What is wrong in the file of a foreign cluster.

use super::spec::ExternalSpec;
use super::{ROLES, proxy};
use crate::action::Role;
use crate::cluster::mistake::Mistake;
use crate::cluster::spec::{ClusterSpec, Restarter};

/// Every mistake, each with its place.
pub(in crate::cluster) fn mistakes(spec: &ClusterSpec, external: &ExternalSpec) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let kind = |keys: &[&str], what: String| Mistake::new(&[&["kind", "external"], keys].concat(), what);
    if external.kafka.bootstrap.trim().is_empty() {
        mistakes.push(kind(&["kafka", "bootstrap"], "Kafka has no address: write `broker-1:9092`".to_owned()));
    }
    if external.flink.addresses.is_empty() {
        mistakes.push(kind(&["flink", "addresses"], "Flink has no address: write `[ \"http://jobmanager:8081\" ]`".to_owned()));
    }
    let said = &spec.restarted_by;
    let said = [said.taskmanager, said.jobmanager, said.broker, said.gateway];
    let keys = ["taskmanager", "jobmanager", "broker", "gateway"];
    for ((role, key), restarter) in ROLES.into_iter().zip(keys).zip(said) {
        let deeds = external.commands.of(role);
        if restarter == Some(Restarter::Squall) && deeds.starts(false).is_none() {
            let what = format!(
                "squall can start a {role} of somebody else's only by a command: say it as `commands: {{ {key}: {{ kill: {{ undo: [ … ] }} }} }}`"
            );
            mistakes.push(Mistake::new(&["restarted-by", key], what));
        }
        for (deed, commands) in deeds.said() {
            let at = |what: String| kind(&["commands", key, deed], what);
            let ends = matches!(deed, "kill" | "terminate");
            if !commands.run.is_empty() && commands.undo.is_empty() && !ends {
                mistakes.push(at(format!("nothing takes this back: say `undo: [ … ]` beside `run` of `{deed}`")));
            }
            if !commands.run.is_empty() && commands.witness.is_empty() && !(ends || deed == "freeze") {
                mistakes.push(at(format!("nobody can tell whether this happened: say `witness: [ … ]` beside `run` of `{deed}`")));
            }
            if !commands.run.is_empty() && commands.witness.is_empty() && external.hosts.is_empty() && !(ends && role == Role::Taskmanager)
            {
                let what = format!("nobody can tell whether this happened: say `witness: [ … ]` beside `run` of `{deed}`, or `hosts`");
                if !mistakes.iter().any(|mistake| mistake.path.last().is_some_and(|last| last == deed)) {
                    mistakes.push(at(what));
                }
            }
        }
    }
    for (name, entries) in external.proxied() {
        let at = |what: String| kind(&["links", name], what);
        if entries.is_empty() {
            mistakes.push(at("no broker is named: write one entry for each".to_owned()));
        }
        for entry in entries {
            if let Err(error) = proxy::link(name, entry) {
                mistakes.push(at(error));
            }
        }
    }
    mistakes
}
