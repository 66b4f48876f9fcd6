//! `protect:`, `writable-topics:` and `synthetic:` — topics that exist. Those that squall makes are its own.

use super::{Asked, Limits};
use crate::cluster::{Allow, Environment};
use crate::fault::Reach;
use crate::scenario::yaml::way;

pub(super) fn check(asked: &Asked<'_>, limits: &mut Limits) {
    let scenario = asked.checked.scenario();
    let spec = asked.spec();
    let existing = scenario.source.topics.iter().filter_map(|(stream, topic)| Some((stream, topic.name.as_deref()?)));
    let mut touched = 0;
    for (stream, topic) in existing {
        let sent = scenario.traffic.contains_key(stream);
        let hit = scenario.timeline.iter().any(|entry| match entry.inject.reach() {
            Reach::Topic(Some(name)) => name == stream,
            Reach::Topic(None) => scenario.source.topics.keys().next() == Some(stream),
            _ => false,
        });
        if !sent && !hit {
            continue;
        }
        touched += 1;
        let here = |label: &str| asked.checked.loaded.at(way!["source", "topics", stream, "name"], label);
        let deed = if sent { "squall would write to it" } else { "a fault would change it" };
        if let Some(index) = spec.protect.iter().position(|pattern| matches(pattern, topic)) {
            let owner = asked.cluster.at(way!["protect", index], "");
            limits.broken.push(asked.refused(format!("topic `{topic}` is protected"), here(deed), owner));
        } else if !spec.writable_topics.iter().any(|pattern| matches(pattern, topic)) {
            let owner = asked.owner("writable-topics", "not among these");
            limits.broken.push(
                asked
                    .refused(format!("topic `{topic}` is not squall's, and not lent to it"), here(deed), owner)
                    .help("the owner of the cluster file can add it to `writable-topics`"),
            );
        }
        if hit && !spec.allow.contains(&Allow::ConsumerGroups) {
            let owner = asked.owner("allow", "not among these");
            limits.broken.push(
                asked
                    .refused(format!("every consumer group of `{topic}` would meet the fault, not only ours"), here(deed), owner)
                    .help("the owner of the cluster file can add `consumer-groups` to `allow`"),
            );
        }
        if sent && spec.environment == Environment::Production && spec.synthetic.is_none() {
            let owner = asked.owner("environment", "production");
            limits.broken.push(
                asked
                    .refused("synthetic records need the owner's word in production".to_owned(), here(deed), owner)
                    .help("the owner of the cluster file can write `synthetic: marked` or `synthetic: shadow-topic`"),
            );
        }
    }
    if limits.broken.is_empty() && touched > 0 {
        limits.kept.push(format!("writable-topics: {}", spec.writable_topics.join(", ")));
    }
}

/// `*` stands for any text.
fn matches(pattern: &str, topic: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = topic.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, topic, fits) in [
            ("orders", "orders", true),
            ("orders", "orders-2", false),
            ("billing-*", "billing-eu", true),
            ("*", "anything", true),
            ("*-eu", "billing-eu", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, topic), fits, "{pattern} {topic}");
        }
    }
}
