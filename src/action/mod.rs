//! What can be done to a pipeline, as data: an [`Action`] and its [`Inverse`], the [`Witness`] that tells whether it
//! happened, and the [`View`] of the cluster at which a fault aims.
//!
//! Nothing here acts. A fault aims (`fault`), the cluster or the engine performs (`cluster`, `run`), the journal keeps.

mod ability;
mod link;
mod node;
mod perform;
mod view;

pub use ability::Ability;
pub use link::{Direction, Distribution, LinkEffect, LinkRule};
pub use node::{Identity, Node, Role};
pub use perform::{Action, Aim, Inverse, JobDeed, KafkaDeed, NodeDeed, Step, StorageDeed, Strength, Testimony, TrafficChange, Witness};
pub use view::{JobView, LinkView, NodeView, SubtaskView, TopicView, VertexView, View};
