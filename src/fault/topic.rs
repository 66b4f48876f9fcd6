//! What faults on topics share.

use super::NoTarget;
use crate::action::{TopicView, View};

/// The topic of this name in the scenario, else the first input.
pub(super) fn topic<'v>(name: Option<&str>, view: &'v View) -> Result<&'v TopicView, NoTarget> {
    let found = match name {
        Some(name) => view.topics.iter().find(|topic| topic.stream == name),
        None => view.topics.iter().find(|topic| topic.input),
    };
    found.ok_or_else(|| NoTarget(name.map_or_else(|| "there is no input topic".to_owned(), |name| format!("there is no topic `{name}`"))))
}
