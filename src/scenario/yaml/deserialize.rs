//! serde over the tree. A [`Mistake`] carries its place, and the way to it from the root.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::{Entry, Node, Scalar, Value};
use crate::diagnostic::{Label, Problem, Source, Span, did_you_mean, listed};

/// Why a node is not the value that it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    title: String,
    label: String,
    help: Option<String>,
    span: Option<Span>,
    /// The field that a struct lacks: such a mistake has no place of its own.
    pub(super) missing: Option<&'static str>,
    /// The field that an unknown one was meant to be.
    pub(super) meant: Option<String>,
    /// Index of the entry at each level, innermost first.
    trail: Vec<usize>,
}

impl Mistake {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), label: String::new(), help: None, span: None, missing: None, meant: None, trail: Vec::new() }
    }

    fn label(mut self, text: impl Into<String>) -> Self {
        self.label = text.into();
        self
    }

    fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    fn at(mut self, span: &Span) -> Self {
        self.span.get_or_insert_with(|| span.clone());
        self
    }

    fn under(mut self, index: usize) -> Self {
        self.trail.push(index);
        self
    }

    /// Index of the entry at each level, from the root.
    pub(super) fn way(&self) -> Vec<usize> {
        self.trail.iter().rev().copied().collect()
    }

    /// Names the mistake whatever order its file is read in.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.span == other.span && self.title == other.title
    }

    pub(super) fn problem(&self, source: &std::sync::Arc<Source>) -> Problem {
        let label: Label = source.label(self.span.clone().unwrap_or(0..0), &self.label);
        let problem = Problem::error(&self.title).at(label);
        match &self.help {
            Some(help) => problem.help(help),
            None => problem,
        }
    }

    fn unknown(noun: &str, written: &str, known: &[&str]) -> Self {
        let mut mistake = Self::new(format!("unknown {noun} `{written}`"));
        let near = did_you_mean(written, known.iter().copied());
        mistake.meant = near.map(str::to_owned);
        match near {
            Some(near) => mistake.label(format!("did you mean `{near}`?")),
            None if known.is_empty() => mistake.help("nothing may be set here"),
            None => mistake.help(format!("known are {}", listed(known.iter().copied()))),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

impl std::error::Error for Mistake {}

impl de::Error for Mistake {
    /// Hints follow behind a semicolon, as the errors of `units` have them.
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = message.to_string();
        match message.split_once("; ") {
            Some((title, help)) => Self::new(title).help(help),
            None => Self::new(message),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {}", in_words(expected), found_in_words(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("name", variant, expected)
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::unknown("field", field, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new(format!("missing field `{field}`")).label(format!("needs `{field}`")) }
    }
}

/// Rust's words for numbers are not the user's.
fn in_words(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "a nonzero u8" | "a nonzero u16" | "a nonzero u32" | "a nonzero u64" => "a whole number above 0".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" => "text".to_owned(),
        "a map" => "a mapping `{ … }`".to_owned(),
        "a sequence" => "a list `[ … ]`".to_owned(),
        other => other.to_owned(),
    }
}

fn found_in_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("`{value}`"),
        Unexpected::Signed(value) => format!("`{value}`"),
        Unexpected::Float(value) => format!("`{value}`"),
        Unexpected::Str(text) => format!("`{text}`"),
        Unexpected::Unit => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        other => other.to_string(),
    }
}

/// `FaultSpec` → `fault`, `SinkIdentity` → `sink identity`: what the user calls the type.
fn noun(type_name: &str) -> String {
    let mut words = String::new();
    for letter in type_name.trim_end_matches("Spec").chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

fn unexpected(value: &Value) -> Unexpected<'_> {
    match value {
        Value::Scalar(Scalar::Null) => Unexpected::Unit,
        Value::Scalar(Scalar::Bool(value)) => Unexpected::Bool(*value),
        Value::Scalar(Scalar::Integer(value)) => Unexpected::Signed(*value),
        Value::Scalar(Scalar::Float(_, text) | Scalar::String(text)) => Unexpected::Str(text),
        Value::Sequence(_) => Unexpected::Seq,
        Value::Mapping(_) => Unexpected::Map,
    }
}

/// Deserialises a whole tree.
#[allow(clippy::result_large_err, reason = "a mistake is met a few times a file, and shown")]
pub(super) fn from_node<'de, T: Deserialize<'de>>(node: &'de Node) -> Result<T, Mistake> {
    T::deserialize(At { node, head: first_line(node) })
}

/// Where to point when a whole mapping is meant: its first key.
fn first_line(node: &Node) -> Span {
    match &node.value {
        Value::Mapping(entries) => entries.first().map_or(node.span.clone(), |first| first.key_span.clone()),
        _ => node.span.clone(),
    }
}

#[derive(Clone)]
struct At<'de> {
    node: &'de Node,
    /// Where to point for what is missing: the key that leads here.
    head: Span,
}

impl At<'_> {
    fn wrong(&self, expected: &str) -> Mistake {
        Mistake::new(format!("expected {expected}, found {}", found_in_words(unexpected(&self.node.value)))).at(&self.node.span)
    }

    fn place(&self, mistake: Mistake) -> Mistake {
        let span = if mistake.missing.is_some() { &self.head } else { &self.node.span };
        mistake.at(span)
    }
}

impl<'de> de::Deserializer<'de> for At<'de> {
    type Error = Mistake;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        let result = match &self.node.value {
            Value::Scalar(Scalar::Null) => visitor.visit_unit(),
            Value::Scalar(Scalar::Bool(value)) => visitor.visit_bool(*value),
            Value::Scalar(Scalar::Integer(value)) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Value::Scalar(Scalar::Float(value, text)) => match text.parse::<u64>() {
                Ok(large) => visitor.visit_u64(large),
                Err(_) => visitor.visit_f64(*value),
            },
            Value::Scalar(Scalar::String(text)) => visitor.visit_borrowed_str(text),
            Value::Sequence(elements) => visitor.visit_seq(Elements { elements: elements.iter().enumerate() }),
            Value::Mapping(entries) => visitor.visit_map(Entries { entries: entries.iter().enumerate(), value: None }),
        };
        result.map_err(|mistake| self.place(mistake))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.node.value {
            Value::Scalar(Scalar::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match &self.node.value {
            Value::Scalar(Scalar::Integer(_) | Scalar::Float(..) | Scalar::Bool(_)) => Err(self.wrong("text").help("put it in quotes")),
            Value::Scalar(Scalar::String(_)) => self.deserialize_any(visitor),
            _ => Err(self.wrong("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.node.value {
            Value::Sequence(_) => self.deserialize_any(visitor),
            _ => Err(self.wrong("a list").help("write `[ … ]`, or one line with `- ` for each")),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        match self.node.value {
            Value::Mapping(_) => self.deserialize_any(visitor),
            _ => Err(self.wrong("a mapping").help("write `{ name: … }`")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        match self.node.value {
            Value::Mapping(_) => self.deserialize_any(visitor),
            _ if fields.is_empty() => Err(self.wrong("`{}`")),
            _ => Err(self.wrong("a mapping").help(format!("write `{{ … }}` with {}", listed(fields.iter().copied())))),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mistake> {
        let noun = noun(name);
        let (key, key_span, value) = match &self.node.value {
            Value::Scalar(Scalar::String(text)) => (text, &self.node.span, None),
            Value::Mapping(entries) => match entries.as_slice() {
                [only] => (&only.key, &only.key_span, Some(only)),
                [] => return Err(self.wrong(&format!("one {noun}")).help(format!("known are {}", listed(variants.iter().copied())))),
                [_, second, ..] => {
                    return Err(Mistake::new(format!("more than one {noun}")).label("one name is enough here").at(&second.key_span));
                }
            },
            _ => return Err(self.wrong(&format!("one {noun}")).help(format!("known are {}", listed(variants.iter().copied())))),
        };
        if !variants.contains(&key.as_str()) {
            let mistake = Mistake::unknown(&noun, key, variants).at(key_span);
            return Err(if value.is_some() { mistake.under(0) } else { mistake });
        }
        visitor.visit_enum(Variant { key, key_span, value }).map_err(|mistake| self.place(mistake))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mistake> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct identifier
    }
}

struct Elements<'de> {
    elements: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> de::SeqAccess<'de> for Elements<'de> {
    type Error = Mistake;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Mistake> {
        let Some((index, node)) = self.elements.next() else { return Ok(None) };
        seed.deserialize(At { node, head: first_line(node) }).map(Some).map_err(|mistake| mistake.under(index))
    }
}

struct Entries<'de> {
    entries: std::iter::Enumerate<std::slice::Iter<'de, Entry>>,
    value: Option<(usize, &'de Entry)>,
}

impl<'de> de::MapAccess<'de> for Entries<'de> {
    type Error = Mistake;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Mistake> {
        let Some((index, entry)) = self.entries.next() else { return Ok(None) };
        self.value = Some((index, entry));
        seed.deserialize(entry.key.as_str().into_deserializer())
            .map(Some)
            .map_err(|mistake: Mistake| mistake.at(&entry.key_span).under(index))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mistake> {
        let (index, entry) = self.value.take().ok_or_else(|| Mistake::new("a value without a key"))?;
        seed.deserialize(At { node: &entry.value, head: entry.key_span.clone() })
            .map_err(|mistake| mistake.at(&entry.value.span).under(index))
    }
}

struct Variant<'de> {
    key: &'de str,
    key_span: &'de Span,
    value: Option<&'de Entry>,
}

impl<'de> Variant<'de> {
    #[allow(clippy::result_large_err, reason = "a mistake is met a few times a file, and shown")]
    fn value(&self) -> Result<At<'de>, Mistake> {
        match self.value {
            Some(entry) => Ok(At { node: &entry.value, head: entry.key_span.clone() }),
            None => Err(Mistake::new(format!("`{}` needs settings", self.key))
                .at(self.key_span)
                .help(format!("write `{{ {}: {{ … }} }}`", self.key))),
        }
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'de> {
    type Error = Mistake;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Mistake> {
        let variant = seed.deserialize(self.key.into_deserializer()).map_err(|mistake: Mistake| mistake.at(self.key_span))?;
        Ok((variant, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'de> {
    type Error = Mistake;

    fn unit_variant(self) -> Result<(), Mistake> {
        match self.value.map(|entry| &entry.value.value) {
            None | Some(Value::Scalar(Scalar::Null)) => Ok(()),
            Some(Value::Mapping(entries)) if entries.is_empty() => Ok(()),
            Some(_) => Err(Mistake::new(format!("`{}` has no settings", self.key)).at(self.key_span).help("write the name alone").under(0)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Mistake> {
        seed.deserialize(self.value()?).map_err(|mistake| mistake.under(0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Mistake> {
        de::Deserializer::deserialize_seq(self.value()?, visitor).map_err(|mistake| mistake.under(0))
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Mistake> {
        de::Deserializer::deserialize_struct(self.value()?, "", fields, visitor).map_err(|mistake| mistake.under(0))
    }
}
