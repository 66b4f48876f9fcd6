//! What faults on processes share: choosing victims, and the steps.

use rand::Rng;
use rand::seq::index;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HowMany, NoTarget};
use crate::action::{Action, Aim, Inverse, Node, NodeDeed, NodeView, Role, Step, View, Witness};
use crate::units::{Bytes, Duration, Ratio};

/// Which nodes. Without any setting: one that carries work of the job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Operator {
    /// Part of the vertex's name, as Flink shows it.
    pub operator: String,
    /// Which of its subtasks, from 0; without it any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subtask: Option<u32>,
}

/// The settings that choose victims, borrowed from a fault's own.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Choice<'a> {
    pub(super) count: Option<u32>,
    pub(super) share: Option<Ratio>,
    pub(super) id: Option<&'a str>,
    pub(super) runs: Option<&'a Operator>,
    pub(super) holds_no_slot: bool,
}

impl Choice<'_> {
    pub(super) fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.count == Some(0) {
            problems.push(("count", "0 victims are no fault".to_owned()));
        }
        if let Some(share) = self.share
            && !(share.0 > 0.0 && share.0 <= 1.0)
        {
            problems.push(("share", format!("{share} is not above 0% and at most 100%")));
        }
        let said = [
            ("count", self.count.is_some()),
            ("share", self.share.is_some()),
            ("id", self.id.is_some()),
            ("runs", self.runs.is_some()),
            ("holds-no-slot", self.holds_no_slot),
        ];
        let said: Vec<_> = said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect();
        if let [first, second, ..] = said[..] {
            // `count` may narrow `runs` and `holds-no-slot`; the others exclude each other.
            if first != "count" || !matches!(second, "runs" | "holds-no-slot") {
                problems.push((second, format!("`{first}` and `{second}` both choose victims; keep one")));
            }
        }
        problems
    }

    /// How many it hits at most.
    pub(super) fn most(&self) -> HowMany {
        match (self.share, self.count) {
            (Some(share), _) => HowMany::Share(share),
            (None, count) => HowMany::Count(count.unwrap_or(1)),
        }
    }

    /// The victims, in the view's order.
    pub(super) fn victims<'v>(&self, role: Role, view: &'v View, rng: &mut dyn Rng) -> Result<Vec<&'v NodeView>, NoTarget> {
        let all: Vec<&NodeView> = view.nodes_of(role).collect();
        if all.is_empty() {
            return Err(NoTarget(format!("no {role} is alive")));
        }
        let eligible: Vec<&NodeView> = if let Some(id) = self.id {
            all.iter().copied().filter(|node| node.node.name == id || node.flink_id.as_deref() == Some(id)).collect()
        } else if let Some(runs) = self.runs {
            all.iter()
                .copied()
                .filter(|node| {
                    node.subtasks
                        .iter()
                        .any(|subtask| subtask.name.contains(&runs.operator) && runs.subtask.is_none_or(|index| index == subtask.index))
                })
                .collect()
        } else if self.holds_no_slot {
            all.iter().copied().filter(|node| node.slots > 0 && node.free_slots == node.slots).collect()
        } else {
            all.clone()
        };
        let count = self.most().of(u32::try_from(all.len()).unwrap_or(u32::MAX)) as usize;
        if eligible.len() < count {
            return Err(NoTarget(format!("{} of {} {role}s fit, {count} wanted", eligible.len(), all.len())));
        }
        // An idle TaskManager would die unnoticed: those that carry work come first, unless the settings ask for others.
        let free_choice = self.id.is_none() && self.runs.is_none() && !self.holds_no_slot;
        let (first, rest): (Vec<&NodeView>, Vec<&NodeView>) =
            eligible.into_iter().partition(|node| !free_choice || role != Role::Taskmanager || !node.subtasks.is_empty());
        let from_first = count.min(first.len());
        let mut chosen: Vec<&NodeView> = index::sample(rng, first.len(), from_first).into_iter().map(|index| first[index]).collect();
        chosen.extend(index::sample(rng, rest.len(), count - from_first).into_iter().map(|index| rest[index]));
        chosen.sort_by_key(|chosen| all.iter().position(|node| std::ptr::eq(*node, *chosen)));
        Ok(chosen)
    }
}

/// An aim that does the same to each victim.
fn aim(
    victims: &[&NodeView],
    view: &View,
    deed: &NodeDeed,
    inverse: impl Fn(Node) -> Option<Inverse>,
    witness: impl Fn(Node) -> Witness,
    undo_after: Option<Duration>,
    held: bool,
) -> Aim {
    let steps = victims
        .iter()
        .map(|victim| Step {
            action: Action::Node { node: victim.node.clone(), deed: deed.clone() },
            inverse: inverse(victim.node.clone()),
            witness: witness(victim.node.clone()),
        })
        .collect();
    let all: usize = view.nodes.iter().map(|node| node.subtasks.len()).sum();
    let target = victims
        .iter()
        .map(|victim| match (victim.node.role, victim.subtasks.len()) {
            (Role::Taskmanager, mine) => format!("{} (runs {mine} of {all} subtasks)", victim.node.name),
            _ => victim.node.name.clone(),
        })
        .collect::<Vec<_>>()
        .join(", ");
    Aim { steps, undo_after, held, target }
}

/// Kills the victims; each is gone until somebody starts another.
pub(super) fn kill(victims: &[&NodeView], view: &View, undo_after: Option<Duration>) -> Aim {
    end(victims, view, &NodeDeed::Kill, undo_after)
}

/// Ends the victims in order.
pub(super) fn terminate(victims: &[&NodeView], view: &View, undo_after: Option<Duration>) -> Aim {
    end(victims, view, &NodeDeed::Terminate, undo_after)
}

fn end(victims: &[&NodeView], view: &View, deed: &NodeDeed, undo_after: Option<Duration>) -> Aim {
    aim(victims, view, deed, |node| Some(Inverse::StartReplacement { node }), |node| Witness::Gone { node }, undo_after, false)
}

/// Has the kernel kill the victims once they need `headroom` more memory than now.
pub(super) fn squeeze(victims: &[&NodeView], view: &View, headroom: Bytes, undo_after: Option<Duration>) -> Aim {
    let inverse = |node| Some(Inverse::RestoreMemory { node, limit: None });
    aim(victims, view, &NodeDeed::LimitMemory { headroom }, inverse, |node| Witness::Gone { node }, undo_after, false)
}

/// Stops the victims for a time.
pub(super) fn freeze(victims: &[&NodeView], view: &View, held_for: Duration) -> Aim {
    let (inverse, witness) = (|node| Some(Inverse::Thaw { node }), |node| Witness::Frozen { node });
    aim(victims, view, &NodeDeed::Freeze, inverse, witness, Some(held_for), true)
}

/// Takes the victims off the network for a time.
pub(super) fn disconnect(victims: &[&NodeView], view: &View, held_for: Duration) -> Aim {
    let (inverse, witness) = (|node| Some(Inverse::Reconnect { node }), |node| Witness::Disconnected { node });
    aim(victims, view, &NodeDeed::Disconnect, inverse, witness, Some(held_for), true)
}

/// Leaves the victims a share of their CPU time for a time.
pub(super) fn slow(victims: &[&NodeView], view: &View, share: Ratio, held_for: Duration) -> Aim {
    let (inverse, witness) = (|node| Some(Inverse::FullSpeed { node }), |node| Witness::CpuShare { node, share });
    aim(victims, view, &NodeDeed::SlowCpu { share }, inverse, witness, Some(held_for), true)
}

/// What is wrong with the settings of a slow node.
pub(super) fn slow_problems(choice: &Choice<'_>, to: Ratio) -> Vec<(&'static str, String)> {
    let mut problems = choice.problems();
    if !(to.0 > 0.0 && to.0 < 1.0) {
        problems.push(("to", format!("{to} is not between 0% and 100%")));
    }
    problems
}

/// After which a crash loop starts its victim again, where nothing is said.
pub(super) const fn soon() -> Duration {
    Duration::from_secs(1)
}

/// What is wrong with the settings of a crash loop; `single` is the fault for one crash.
pub(super) fn loop_problems(choice: &Choice<'_>, times: u32, single: &str) -> Vec<(&'static str, String)> {
    let mut problems = choice.problems();
    if times < 2 {
        problems.push(("times", format!("{times} is no loop; a single crash is `{single}`")));
    }
    problems
}

/// An aim of a crash loop: a kill that is held until the victims are back.
pub(super) fn crash(victims: &[&NodeView], view: &View, restart_after: Duration) -> Aim {
    Aim { held: true, ..kill(victims, view, Some(restart_after)) }
}

/// The nodes that have come since `before`: other incarnations, whatever their names.
pub(super) fn newcomers<'v>(role: Role, before: &View, now: &'v View) -> Result<Vec<&'v NodeView>, NoTarget> {
    let is_new = |node: &&NodeView| before.nodes.iter().all(|seen| seen.node != node.node);
    let new: Vec<&NodeView> = now.nodes_of(role).filter(is_new).collect();
    if new.is_empty() { Err(NoTarget(format!("no {role} came back"))) } else { Ok(new) }
}
