//! What faults on links share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::NoTarget;
use crate::action::{Action, Aim, Inverse, LinkRule, Step, View, Witness};
use crate::units::Duration;

/// A link of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// Between the job and its input.
    Source,
    /// Between the job and its output.
    #[default]
    Sink,
    /// Between squall's generator and the input.
    Generator,
}

impl Link {
    /// Its name in cluster files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Generator => "generator",
        }
    }
}

/// What is wrong with the settings of a delay.
pub(super) fn delay_problems(add: Duration, jitter: Duration) -> Vec<(&'static str, String)> {
    if add == Duration::ZERO && jitter == Duration::ZERO { vec![("add", "a delay of 0s does nothing".to_owned())] } else { Vec::new() }
}

/// An aim of one rule on one link.
pub(super) fn aim(link: Link, rule: LinkRule, held_for: Duration, view: &View) -> Result<Aim, NoTarget> {
    let name = link.name();
    let Some(seen) = view.links.iter().find(|seen| seen.name == name) else {
        return Err(NoTarget(format!("the link `{name}` does not pass through a proxy")));
    };
    Ok(Aim {
        steps: vec![Step {
            action: Action::Link { link: name.to_owned(), rule },
            inverse: Some(Inverse::RemoveRule { link: name.to_owned() }),
            witness: Witness::LinkCounters { link: name.to_owned() },
        }],
        undo_after: Some(held_for),
        held: true,
        target: format!("link {name} ({} connections)", seen.connections),
    })
}
