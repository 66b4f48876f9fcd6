//! A plan for people: what would be done to whom, how it is undone, within which limits, how much is sent, what could hurt most.

use std::fmt::Write;

use super::{Plan, PlannedFault, Trigger};
use crate::action::{Identity, Inverse, JobView, LinkView, Node, NodeView, Role, SubtaskView, VertexView, View};
use crate::fault::{FaultSpec, HowMany, Reach};
use crate::units::display;

/// Several lines, the largest harm last.
pub fn describe(plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(plan, &mut text);
    text
}

fn write(plan: &Plan, text: &mut String) -> std::fmt::Result {
    let scenario = &plan.scenario;
    writeln!(text, "scenario  {}      cluster  {} ({})      seed {}", scenario.name, plan.cluster.name, plan.cluster.kind, plan.seed)?;
    if scenario.traffic.is_empty() {
        writeln!(text, "traffic   none of squall's own; observes for {}", scenario.duration)?;
    } else {
        writeln!(text, "traffic   {}, then draining for at most {}", scenario.duration, scenario.drain.within)?;
    }
    for stream in &plan.streams {
        let bytes = stream.bytes.map_or_else(|| "of a size that the data decides".to_owned(), |bytes| display::bytes(bytes.0 as f64));
        let (records, peak) = (display::grouped(stream.records.0), display::rate(stream.peak.0));
        writeln!(text, "          {}: {records} records, {bytes}, up to {peak}", stream.name)?;
    }
    for fault in &plan.timeline {
        let (moment, wait) = match &fault.trigger {
            Trigger::At(at) => (display::clock(at.seconds()), None),
            Trigger::When { moment, after, within } => ("when".to_owned(), Some(format!("{moment}, from {after} on for {within}"))),
        };
        writeln!(text, "{moment:>7}   {}: {} {}", called(fault), fault.fault.kind(), target(&fault.fault))?;
        if let Some(wait) = wait {
            writeln!(text, "          {wait}")?;
        }
        let lasts = match (fault.fault.lasts(), fault.fault.undo_after()) {
            (Some(lasts), _) => format!("after {lasts}"),
            (None, Some(after)) => format!("after {after}"),
            (None, None) => "when the run is over".to_owned(),
        };
        match undo(&fault.fault, plan) {
            Some(undo) if fault.expires => writeln!(text, "          undo: {undo}, {lasts}; expires by itself")?,
            Some(undo) => writeln!(text, "          undo: {undo}, {lasts}; no expiry: squall, its guard or `squall undo` does it")?,
            None => writeln!(text, "          undo: none; it leaves nothing behind, or Kafka cannot take it back")?,
        }
    }
    for expectation in &plan.expectations {
        writeln!(text, "expect    {}", expectation.text)?;
    }
    for condition in &plan.abort_conditions {
        writeln!(text, "abort     {}", condition.text)?;
    }
    for limit in &plan.limits {
        writeln!(text, "limit     {limit}")?;
    }
    for warning in &plan.warnings {
        writeln!(text, "warning   {warning}")?;
    }
    match plan.largest_harm() {
        Some((name, harm)) => writeln!(text, "harm      at worst {name} {harm}"),
        None => writeln!(text, "harm      none: nothing is broken"),
    }
}

fn called(fault: &PlannedFault) -> String {
    if fault.occurrence == 0 { fault.name.clone() } else { format!("{} #{}", fault.name, fault.occurrence + 1) }
}

fn target(fault: &FaultSpec) -> String {
    match fault.reach() {
        Reach::Nodes { role, count, .. } => match count {
            HowMany::Count(1) => format!("on one {role}, chosen when it fires"),
            HowMany::Count(count) => format!("on {count} {role}s, chosen when it fires"),
            HowMany::Share(share) => format!("on {share} of the {role}s, chosen when it fires"),
        },
        Reach::Link(link) => format!("on the link {}", link.name()),
        Reach::Streams(None) => "on every stream".to_owned(),
        Reach::Streams(Some(stream)) => format!("on the stream {stream}"),
        Reach::Topic(None) => "on the input topic".to_owned(),
        Reach::Topic(Some(topic)) => format!("on the topic {topic}"),
        Reach::Job => "on the job".to_owned(),
        Reach::CheckpointStorage => "on the folder of checkpoints".to_owned(),
    }
}

/// How far the harm goes: the job for good, data for good, what others share, this job for a time, squall's own records.
pub(super) fn gravity(fault: &FaultSpec) -> u8 {
    match fault.reach() {
        Reach::Nodes { role: Role::Jobmanager, .. } => 7,
        Reach::Topic(_) => 6,
        Reach::Nodes { role: Role::Broker, .. } => 5,
        Reach::CheckpointStorage => 4,
        Reach::Job => 3,
        Reach::Nodes { .. } => 2,
        Reach::Link(_) => 1,
        Reach::Streams(_) => 0,
    }
}

/// What takes it back, learned by aiming at a sketch of the pipeline.
fn undo(fault: &FaultSpec, plan: &Plan) -> Option<String> {
    let aim = fault.aim(&sketch(plan, fault), &mut super::rng_for(0, "sketch", 0)).ok()?;
    let mut undos: Vec<String> = aim.steps.iter().filter_map(|step| step.inverse.as_ref()).map(in_words).collect();
    undos.dedup();
    (!undos.is_empty()).then(|| undos.join(", "))
}

fn in_words(inverse: &Inverse) -> String {
    match inverse {
        Inverse::StartReplacement { node } => format!("start a {} in its place, unless somebody else did", node.role),
        Inverse::Thaw { .. } => "thaw it".to_owned(),
        Inverse::FullSpeed { .. } => "lift the CPU limit".to_owned(),
        Inverse::RestoreMemory { .. } => "give the memory back, and start what was killed".to_owned(),
        Inverse::Reconnect { .. } => "put it back on the network".to_owned(),
        Inverse::RemoveRule { link } => format!("remove the rule from the link {link}"),
        Inverse::RestoreTraffic { stream } => format!("send {stream} as before"),
        Inverse::RestoreTopicConfig { topic, key, .. } => format!("set {key} of {topic} back"),
        Inverse::EnsureJob { .. } => "see to it that the job runs".to_owned(),
        Inverse::Writable { path } => format!("make {path} writable again"),
        Inverse::RemoveFill { path } => format!("remove the file that fills {path}"),
    }
}

/// A pipeline in which any fault finds a target, by the names of the scenario.
fn sketch(plan: &Plan, fault: &FaultSpec) -> View {
    let parallelism = plan.scenario.job.parallelism().unwrap_or(2);
    let settings = serde_json::to_value(fault).unwrap_or_default();
    let asked = settings.as_object().and_then(|kinds| kinds.values().next());
    let text = |key: &str| asked.and_then(|settings| settings.get(key)).and_then(|value| value.as_str()).map(str::to_owned);
    let operator = asked.and_then(|settings| settings.get("runs")?.get("operator")?.as_str()).unwrap_or("source");
    let subtask = asked.and_then(|settings| settings.get("runs")?.get("subtask")?.as_u64()).and_then(|index| u32::try_from(index).ok());
    let idle = asked.and_then(|settings| settings.get("holds-no-slot")?.as_bool()) == Some(true);
    let many = match fault.reach() {
        Reach::Nodes { count: HowMany::Count(count), .. } => count.clamp(1, 1000),
        _ => 1,
    };
    let node = |role, index: u32| NodeView {
        node: Node { role, name: text("id").unwrap_or_else(|| format!("{role}-{index}")), identity: Identity::Named },
        flink_id: None,
        slots: 1,
        free_slots: u32::from(idle),
        leader: index == 0,
        subtasks: if idle {
            Vec::new()
        } else {
            vec![SubtaskView { vertex: "v".to_owned(), name: operator.to_owned(), index: subtask.unwrap_or(index) }]
        },
    };
    let roles = [Role::Taskmanager, Role::Jobmanager, Role::Broker];
    View {
        nodes: roles.into_iter().flat_map(|role| (0..many).map(move |index| node(role, index))).collect(),
        job: Some(JobView {
            id: String::new(),
            name: String::new(),
            state: "RUNNING".to_owned(),
            vertices: vec![VertexView { id: "v".to_owned(), name: operator.to_owned(), parallelism }],
        }),
        links: ["source", "sink", "generator"].map(|name| LinkView { name: name.to_owned(), connections: 1 }).to_vec(),
        topics: plan.topics(),
        checkpoint_storage: Some("the folder of checkpoints".to_owned()),
    }
}
