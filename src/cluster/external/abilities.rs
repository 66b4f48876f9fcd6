//! What can be done to a foreign cluster, as far as its cluster file tells.

use std::collections::BTreeSet;

use super::ROLES;
use super::spec::{Commands, ExternalSpec};
use crate::action::{Ability, Role};
use crate::cluster::kinds::Can;
use crate::cluster::spec::Restarter;

/// Who starts a node of this role again, where the cluster file does not say it.
pub(in crate::cluster) fn usual_restarter(external: &ExternalSpec, role: Role) -> Restarter {
    if external.commands.of(role).starts(false).is_some() { Restarter::Squall } else { Restarter::Platform }
}

/// What foreign clusters can do.
pub(in crate::cluster) fn can(ability: Ability) -> Can {
    const REACHED: &str = "machines that squall reaches (`hosts`), or a command of the owner's (`commands`)";
    match ability {
        Ability::KillNode(_) | Ability::TerminateNode(_) | Ability::FreezeNode(_) => Can::With(REACHED),
        Ability::StartNode(_) => Can::With("a command of the owner's (`commands`), or a platform that does it"),
        Ability::SlowNode(_) | Ability::SqueezeNode(_) | Ability::DisconnectNode(_) => Can::With("a command of the owner's (`commands`)"),
        Ability::LinkRules => Can::With("listeners that lead through squall's proxy (`links`)"),
        Ability::ChangeTraffic | Ability::ChangeTopics | Ability::ChangeJob => Can::Always,
        Ability::RescaleJob => Can::With("`jobmanager.scheduler: adaptive` in Flink's configuration"),
        Ability::ChangeStorage => Can::Never,
    }
}

/// What can be done: over a shell whatever signals can do, and whatever the owner has commands for.
pub(in crate::cluster) fn abilities(external: &ExternalSpec) -> BTreeSet<Ability> {
    let by_signal = !external.hosts.is_empty();
    let of_role = |role: Role| {
        let deeds = external.commands.of(role);
        let own = |commands: &Option<Commands>| commands.as_ref().is_some_and(|commands| !commands.run.is_empty());
        [
            (by_signal || own(&deeds.kill), Ability::KillNode(role)),
            (by_signal || own(&deeds.terminate), Ability::TerminateNode(role)),
            (by_signal || own(&deeds.freeze), Ability::FreezeNode(role)),
            (own(&deeds.slow), Ability::SlowNode(role)),
            (own(&deeds.squeeze), Ability::SqueezeNode(role)),
            (own(&deeds.disconnect), Ability::DisconnectNode(role)),
            (deeds.starts(false).is_some(), Ability::StartNode(role)),
        ]
    };
    let of_links = external.proxied().next().is_some().then_some(Ability::LinkRules);
    // Which scheduler there is, its REST says when it is asked.
    let known_later = [Ability::RescaleJob];
    ROLES.into_iter().flat_map(of_role).filter(|(can, _)| *can).map(|(_, ability)| ability).chain(of_links).chain(known_later).collect()
}

/// Whether a freeze of this role goes over a shell, so that the machine can see to its end.
pub(in crate::cluster) fn freezes_by_signal(external: &ExternalSpec, role: Role) -> bool {
    let own = external.commands.of(role).freeze.as_ref().is_some_and(|commands| !commands.run.is_empty());
    !external.hosts.is_empty() && !own
}
