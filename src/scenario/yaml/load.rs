//! A file as a typed value, with all of its mistakes at once.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::deserialize::{Mistake, from_node};
use super::tree::{Node, Value, parse};
use crate::diagnostic::{Label, Report, Source, Span};

/// More mistakes than anybody mends at once.
const MOST_MISTAKES: usize = 50;

/// A value and the places of its parts.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The value.
    pub value: T,
    source: Arc<Source>,
    root: Node,
    written: Node,
}

/// One step of the way to a part: a key or an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// Into a mapping.
    Key(&'a str),
    /// Into a list.
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl<'a> From<&'a String> for Step<'a> {
    fn from(key: &'a String) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The way to a part: `way!["timeline", 2, "inject"]`.
macro_rules! way {
    ($($step:expr),* $(,)?) => { &[$($crate::scenario::yaml::Step::from($step)),*] };
}
pub(crate) use way;

impl<T> Loaded<T> {
    /// Where the text came from.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The tree of the whole file, with the parts that are wrong and were left out of the value.
    pub fn written(&self) -> &Node {
        &self.written
    }

    /// The node at the end of the path; where the path leaves the file (a default), the last node on it.
    pub fn node(&self, path: &[Step<'_>]) -> &Node {
        let mut node = &self.root;
        for step in path {
            let next = match step {
                Step::Key(key) => node.get(key).map(|entry| &entry.value),
                Step::Index(index) => node.elements().get(*index),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// A label on the value at the end of the path. Where it spans lines, on its key.
    pub fn at(&self, path: &[Step<'_>], text: impl Into<String>) -> Label {
        let span = self.node(path).span.clone();
        if self.source.text()[span.clone()].contains('\n') {
            return self.at_key(path, text);
        }
        self.source.label(span, text)
    }

    /// A label on the key at the end of the path; for an element of a list, on its first key.
    pub fn at_key(&self, path: &[Step<'_>], text: impl Into<String>) -> Label {
        self.source.label(self.key_span(path), text)
    }

    /// A label on a part of the text at the end of the path, in bytes of that text.
    pub fn within(&self, path: &[Step<'_>], part: Span, text: impl Into<String>) -> Label {
        let node = self.node(path);
        let written = &self.source.text()[node.span.clone()];
        let quote = usize::from(written.starts_with(['"', '\'']));
        let inside = node.text().is_some_and(|text| written.get(quote..quote + text.len()) == Some(text));
        let span = if inside { node.span.start + quote + part.start..node.span.start + quote + part.end } else { node.span.clone() };
        self.source.label(span, text)
    }

    /// Line of the value at the end of the path, from 1.
    pub fn line(&self, path: &[Step<'_>]) -> u32 {
        self.source.line(self.node(path).span.start)
    }

    fn key_span(&self, path: &[Step<'_>]) -> Span {
        let entry = match path.split_last() {
            Some((Step::Key(key), parents)) => self.node(parents).get(key),
            _ => None,
        };
        match entry.or_else(|| self.node(path).entries().first()) {
            Some(entry) => entry.key_span.clone(),
            None => self.node(path).span.clone(),
        }
    }
}

/// Reads a value. The report holds every mistake; with mistakes, the value is what is left without the parts that are wrong,
/// so that checks can go on, and none where too little is left.
///
/// serde stops at the first mistake. So the entry that is wrong is moved behind its siblings, on every level, and the tree is
/// read again: each time all that was not yet known to be wrong is read first.
pub fn load<T: DeserializeOwned>(source: &Arc<Source>) -> (Option<Loaded<T>>, Report) {
    let (root, mut report) = match parse(source) {
        Ok(parsed) => parsed,
        Err(report) => return (None, report),
    };
    let mut mistakes = match all_mistakes::<T>(root.clone()) {
        Ok(value) => return (Some(Loaded { value, source: Arc::clone(source), written: root.clone(), root }), report),
        Err(mistakes) => mistakes,
    };
    let rest = without_mistakes(root.clone(), &mut mistakes);
    report.extend(mistakes.iter().map(|mistake| mistake.problem(source)));
    report.sort();
    (rest.map(|(value, rest)| Loaded { value, source: Arc::clone(source), root: rest, written: root }), report)
}

fn all_mistakes<T: DeserializeOwned>(mut root: Node) -> Result<T, Vec<Mistake>> {
    let mut known: Vec<Mistake> = Vec::new();
    let mut known_since = 0;
    loop {
        match from_node::<T>(&root) {
            Ok(value) if known.is_empty() => return Ok(value),
            Ok(_) => return Err(known),
            Err(mistake) => {
                if known.iter().any(|other| other.same_as(&mistake)) {
                    known_since += 1;
                } else {
                    known.push(mistake.clone());
                    known_since = 0;
                }
                // Mistakes below different parents take turns at being met first; squared, each has had its turn.
                if known.len() >= MOST_MISTAKES || known_since > known.len() * known.len() {
                    return Err(known);
                }
                move_back(&mut root, &mistake.way());
            }
        }
    }
}

fn move_back(node: &mut Node, way: &[usize]) {
    let Some((index, rest)) = way.split_first() else { return };
    match &mut node.value {
        Value::Mapping(entries) if *index < entries.len() => {
            move_back(&mut entries[*index].value, rest);
            entries[*index..].rotate_left(1);
        }
        Value::Sequence(elements) if *index < elements.len() => {
            move_back(&mut elements[*index], rest);
            elements[*index..].rotate_left(1);
        }
        _ => {}
    }
}

/// Cuts out what is wrong until the rest can be read. What lacks a field is wrong as a whole; that it lacks one is told only
/// here, since a struct is asked for its missing fields after all others were read.
fn without_mistakes<T: DeserializeOwned>(mut root: Node, mistakes: &mut Vec<Mistake>) -> Option<(T, Node)> {
    // (where a struct begins, a field that it would have if nothing had been cut)
    let mut cut: Vec<(usize, String)> = Vec::new();
    for _ in 0..MOST_MISTAKES {
        let mistake = match from_node::<T>(&root) {
            Ok(value) => return Some((value, root)),
            Err(mistake) => mistake,
        };
        let way = mistake.way();
        if let Some(field) = mistake.missing {
            let lacking = follow(&mut root, &way)?.span.start;
            let explained = cut.iter().any(|(start, name)| *start == lacking && name == field);
            if !explained && !mistakes.iter().any(|known| known.same_as(&mistake)) {
                mistakes.push(mistake.clone());
            }
        }
        let (last, parents) = way.split_last()?;
        let parent = follow(&mut root, parents)?;
        match &mut parent.value {
            Value::Mapping(entries) if *last < entries.len() => {
                let entry = entries.remove(*last);
                cut.push((parent.span.start, mistake.meant.unwrap_or(entry.key)));
            }
            Value::Sequence(elements) if *last < elements.len() => drop(elements.remove(*last)),
            _ => return None,
        }
    }
    None
}

fn follow<'a>(root: &'a mut Node, way: &[usize]) -> Option<&'a mut Node> {
    way.iter().try_fold(root, |node, index| match &mut node.value {
        Value::Mapping(entries) => entries.get_mut(*index).map(|entry| &mut entry.value),
        Value::Sequence(elements) => elements.get_mut(*index),
        Value::Scalar(_) => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::units::{Duration, Rate};

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Plan {
        name: String,
        lasts: Duration,
        #[serde(default)]
        rates: BTreeMap<String, Rate>,
        #[serde(default)]
        steps: Vec<StepSpec>,
        #[serde(default)]
        parallelism: Option<u32>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum StepSpec {
        Wait(Wait),
        Stop,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Wait {
        r#for: Duration,
    }

    fn titles(text: &str) -> Vec<String> {
        let (_, report) = load::<Plan>(&Source::new("p.yaml", text));
        report.problems().iter().map(|problem| format!("{}: {}", problem.place().unwrap().1, problem.title())).collect()
    }

    #[test]
    fn a_good_file_is_read_and_its_parts_are_found() {
        let source = Source::new("p.yaml", "name: x\nlasts: 1m\nrates: { a: 2k/s }\nsteps:\n  - wait: { for: 5s }\n  - stop\n");
        let (loaded, report) = load::<Plan>(&source);
        assert!(report.is_empty());
        let loaded = loaded.unwrap();
        assert_eq!(loaded.value.steps, [StepSpec::Wait(Wait { r#for: Duration::from_secs(5) }), StepSpec::Stop]);
        assert_eq!(loaded.line(way!["steps", 1]), 6);
        assert_eq!(loaded.line(way!["steps", 0, "wait", "for"]), 5);
    }

    #[test]
    fn every_mistake_of_a_file_is_found() {
        let text = "\
nmae: x
lasts: 10
rates: { a: 2k/s, b: 3, c: fast, d: 1/s }
steps:
  - wait: { for: -5s }
  - wait: { fro: 5s }
  - sotp
  - { wait: { for: 1s }, stop: }
  - wait
  - wait: { }
parallelism: many
";
        assert_eq!(
            titles(text),
            [
                "1: unknown field `nmae`",
                "2: `10` has no unit",
                "3: `3` has no unit",
                "3: `fast` does not start with a number",
                "5: `-5s` is negative",
                "6: unknown field `fro`",
                "7: unknown step `sotp`",
                "8: more than one step",
                "9: `wait` needs settings",
                "10: missing field `for`",
                "11: expected a whole number, not negative, found `many`",
            ]
        );
    }

    #[test]
    fn checks_go_on_with_what_is_left() {
        let source = Source::new("p.yaml", "name: x\nlasts: 1s\nsteps: [ stop, sotp, { wait: { for: 5 } }, stop ]\ntypo: 1\n");
        let (loaded, report) = load::<Plan>(&source);
        assert_eq!(report.errors(), 3);
        assert_eq!(loaded.unwrap().value.steps, [StepSpec::Stop, StepSpec::Stop]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-z{}\\[\\]:,&*\"' \n\t0-9-]{0,80}") {
            let (_, report) = load::<Plan>(&Source::new("p.yaml", text));
            let _ = report.render(false);
        }
    }
}
