//! The tree: what the YAML says, and where.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks, Tag};

use crate::diagnostic::{Problem, Report, Source, Span};

/// Aliases multiply: what they unfold to is bounded, so that a small file cannot fill the memory.
const MOST_NODES: usize = 200_000;
/// Deeper than any scenario, shallow enough for the stack.
const DEEPEST: usize = 64;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its bytes in the source.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Entries in the order of the file, keys unique.
    Mapping(Vec<Entry>),
}

/// A single value, by YAML's core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// Nothing, `~`, `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; with its text.
    Float(f64, String),
    /// Anything else, and whatever stands in quotes.
    String(String),
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its key, as text.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The value of a key, where this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Its elements, where this is a list.
    pub fn elements(&self) -> &[Self] {
        match &self.value {
            Value::Sequence(elements) => elements,
            _ => &[],
        }
    }

    /// Its entries, where this is a mapping.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// Its text, where this is a string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(Scalar::String(text)) => Some(text),
            _ => None,
        }
    }
}

/// Parses one document. Keys that stand twice in a mapping are problems; the first one is kept.
///
/// # Errors
/// What is not YAML, more than one document, keys that are no single value, unreasonable depth or size.
pub fn parse(source: &Arc<Source>) -> Result<(Node, Report), Report> {
    let mut reader = Reader {
        source,
        parser: Parser::new_from_str(source.text()),
        bytes: source.text().char_indices().map(|(byte, _)| byte).chain([source.text().len()]).collect(),
        anchors: HashMap::new(),
        nodes: 0,
        twice: Report::default(),
    };
    let mut root = None;
    loop {
        let (event, marks) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if root.is_some() => {
                let problem =
                    Problem::error("more than one YAML document").at(source.label(reader.span(marks), "a second one begins here"));
                return Err(problem.into());
            }
            event => root = Some(reader.node(event, marks, 0)?),
        }
    }
    let root = root.unwrap_or(Node { span: 0..0, value: Value::Scalar(Scalar::Null) });
    Ok((root, reader.twice))
}

struct Reader<'a> {
    source: &'a Arc<Source>,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// saphyr counts characters; this gives the byte of each.
    bytes: Vec<usize>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    twice: Report,
}

impl<'a> Reader<'a> {
    fn byte(&self, character: usize) -> usize {
        self.bytes.get(character).copied().unwrap_or(self.source.text().len())
    }

    /// Without the white space that saphyr counts to a token's end.
    fn span(&self, marks: Marks) -> Span {
        let (start, end) = (self.byte(marks.start.index()), self.byte(marks.end.index()));
        let end = end.max(start);
        start..start + self.source.text().get(start..end).map_or(end - start, |text| text.trim_end().len())
    }

    fn next(&mut self) -> Result<(Event<'a>, Marks), Report> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => {
                let byte = self.byte(error.marker().index());
                Err(Problem::error(format!("this is not YAML: {}", error.info())).at(self.source.label(byte..byte + 1, "")).into())
            }
            None => Ok((Event::StreamEnd, Marks::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, marks: Marks, depth: usize) -> Result<Node, Report> {
        self.nodes += 1;
        let span = self.span(marks);
        if self.nodes > MOST_NODES || depth > DEEPEST {
            let what = if depth > DEEPEST { "nested too deeply" } else { "too large" };
            return Err(Problem::error(what).at(self.source.label(span.start..span.start + 1, "")).into());
        }
        let (node, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => (Node { span, value: Value::Scalar(scalar(text, style, tag.as_ref())) }, anchor),
            Event::SequenceStart(anchor, _) => (self.sequence(span, depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(span, depth)?, anchor),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => {
                    self.nodes += size(node);
                    (Node { span, ..node.clone() }, 0)
                }
                None => return Err(Problem::error("an alias of nothing").at(self.source.label(span, "")).into()),
            },
            _ => return Err(Problem::error("this is not YAML").at(self.source.label(span, "")).into()),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, start: Span, depth: usize) -> Result<Node, Report> {
        let mut elements: Vec<Node> = Vec::new();
        loop {
            let (event, marks) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let span = self.whole(&start, marks, elements.last().map(|last| last.span.end));
                return Ok(Node { span, value: Value::Sequence(elements) });
            }
            elements.push(self.node(event, marks, depth + 1)?);
        }
    }

    fn mapping(&mut self, start: Span, depth: usize) -> Result<Node, Report> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, marks) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                let span = self.whole(&start, marks, entries.last().map(|last| last.value.span.end.max(last.key_span.end)));
                return Ok(Node { span, value: Value::Mapping(entries) });
            }
            let key_span = self.span(marks);
            let Event::Scalar(key, ..) = event else {
                return Err(Problem::error("a key must be a single value").at(self.source.label(key_span, "")).into());
            };
            let (event, marks) = self.next()?;
            let mut value = self.node(event, marks, depth + 1)?;
            if value.span.is_empty() {
                // An absent value: shown at its key, since there is nothing else to point at.
                value.span = key_span.clone();
            }
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                self.twice.push(
                    Problem::error(format!("`{key}` is said twice"))
                        .at(self.source.label(key_span, "here again"))
                        .related(self.source.label(first.key_span.clone(), "said here first")),
                );
                continue;
            }
            entries.push(Entry { key: key.into_owned(), key_span, value });
        }
    }

    /// In block style the end event lies somewhere behind: then the last element's end counts.
    fn whole(&self, start: &Span, end: Marks, last: Option<usize>) -> Span {
        let flow = matches!(self.source.text().as_bytes().get(start.start), Some(b'{' | b'['));
        let end = if flow { self.span(end).end } else { last.unwrap_or(start.end) };
        start.start..end.max(start.start)
    }
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::Sequence(elements) => 1 + elements.iter().map(size).sum::<usize>(),
        Value::Mapping(entries) => 1 + entries.iter().map(|entry| size(&entry.value)).sum::<usize>(),
    }
}

fn scalar<'a>(text: Cow<'a, str>, style: ScalarStyle, tag: Option<&Cow<'a, Tag>>) -> Scalar {
    let written = text.to_string();
    match saphyr::Scalar::parse_from_cow_and_metadata(text, style, tag) {
        Some(saphyr::Scalar::Null) => Scalar::Null,
        Some(saphyr::Scalar::Boolean(value)) => Scalar::Bool(value),
        Some(saphyr::Scalar::Integer(value)) => Scalar::Integer(value),
        Some(saphyr::Scalar::FloatingPoint(value)) => Scalar::Float(value.into_inner(), written),
        Some(saphyr::Scalar::String(_)) | None => Scalar::String(written),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn tree(text: &str) -> (Node, Report) {
        parse(&Source::new("t.yaml", text)).unwrap()
    }

    #[test]
    fn spans_are_bytes_of_the_text() {
        let text = "näme: { a: 1, b: [x, 2.5] }\nlast:\n  - one: yes\n    two: \"3\"\n  - null\n";
        let (root, _) = tree(text);
        let at = |node: &Node| text[node.span.clone()].to_owned();
        let name = root.get("näme").unwrap();
        assert_eq!(&text[name.key_span.clone()], "näme");
        assert_eq!(at(&name.value), "{ a: 1, b: [x, 2.5] }");
        assert_eq!(at(&name.value.get("b").unwrap().value), "[x, 2.5]");
        let last = &root.get("last").unwrap().value;
        assert_eq!(at(&last.elements()[0]), "one: yes\n    two: \"3\"");
        assert_eq!(at(&last.elements()[0].get("two").unwrap().value), "\"3\"");
        assert_eq!(last.elements()[0].get("two").unwrap().value.text(), Some("3"));
    }

    #[test]
    fn what_is_wrong_with_the_yaml_is_said() {
        let (root, twice) = tree("a: 1\nb: 2\na: 3\n");
        assert_eq!(root.entries().len(), 2);
        assert_eq!(twice.problems()[0].title(), "`a` is said twice");
        for (text, title) in [
            ("a: [1, 2", "this is not YAML"),
            ("a: 1\n---\nb: 2\n", "more than one YAML document"),
            ("? [a, b]\n: 1\n", "a key must be a single value"),
        ] {
            let report = parse(&Source::new("t.yaml", text)).unwrap_err();
            assert!(report.problems()[0].title().starts_with(title), "{report}");
        }
        let deep = "[".repeat(100);
        assert!(parse(&Source::new("t.yaml", deep)).is_err());
    }

    #[test]
    fn aliases_unfold_within_bounds() {
        let (root, _) = tree("a: &x { b: 1 }\nc: *x\n");
        assert_eq!(root.get("c").unwrap().value.get("b").unwrap().key, "b");
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert_eq!(parse(&Source::new("t.yaml", bomb)).unwrap_err().problems()[0].title(), "too large");
    }
}
