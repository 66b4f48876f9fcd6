//! Records without an identity, a few of them: to find out what the job lets through.

use std::collections::HashSet;

use super::order::mark;
use crate::traffic::Placement;
use crate::traffic::identity::TEXT_LENGTH;

/// Records kept of the sink.
const KEPT: usize = 500;
/// Records compared of the input.
const COMPARED: usize = 50_000;

/// Key and value of a record.
type KeyAndValue = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Some records of the sink that carry no identity.
#[derive(Debug, Default)]
pub struct Samples {
    records: Vec<KeyAndValue>,
}

/// What of the input's records there is to compare with.
#[derive(Debug, Default)]
pub struct InputContent {
    compared: usize,
    keys: HashSet<u64>,
    values: HashSet<u64>,
    beginnings: HashSet<u64>,
    fields: HashSet<u64>,
}

impl Samples {
    /// Keeps a record, while there is room.
    pub fn take(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        if self.records.len() < KEPT {
            self.records.push((key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec)));
        }
    }

    /// Where an identity would survive, by what is in both topics: in words for the user, with the setting.
    pub fn hint(&self, asked: &Placement, input: &InputContent) -> String {
        let share =
            |test: &dyn Fn(&KeyAndValue) -> bool| self.records.iter().filter(|record| test(record)).count() * 2 > self.records.len();
        let value_in = |set: &HashSet<u64>, part: fn(&[u8]) -> Option<&[u8]>| {
            share(&|(_, value)| value.as_deref().and_then(part).is_some_and(|value| set.contains(&mark(0, value))))
        };
        let mut hints = Vec::new();
        if *asked != Placement::ValuePrefix
            && (value_in(&input.values, |value| Some(value)) || value_in(&input.beginnings, |value| value.get(..TEXT_LENGTH)))
        {
            hints.push("the value comes out as it went in: `identity: value-prefix` would survive".to_owned());
        }
        if let Some(field) = self.surviving_field(input).filter(|_| hints.is_empty()) {
            hints.push(format!(
                "field `{field}` of the JSON value comes out as it went in: an `identity: {{ json-field: … }}` beside it would survive"
            ));
        }
        if *asked != Placement::Key && share(&|(key, _)| key.as_deref().is_some_and(|key| input.keys.contains(&mark(0, key)))) {
            hints.push("the key comes out as it went in: `identity: key` would survive".to_owned());
        }
        if hints.is_empty() {
            return "nothing of the records comes out as it went in: check this job by conservation".to_owned();
        }
        hints.join("; ")
    }

    /// A field whose text most records have in common with the input.
    fn surviving_field(&self, input: &InputContent) -> Option<String> {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for (_, value) in &self.records {
            for (name, text) in fields(value.as_deref().unwrap_or_default()) {
                if input.fields.contains(&mark(0, text.as_bytes())) {
                    match counts.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, count)) => *count += 1,
                        None => counts.push((name, 1)),
                    }
                }
            }
        }
        counts.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| count * 2 > self.records.len()).map(|(name, _)| name)
    }
}

impl InputContent {
    /// Takes a record of the input in, while it wants more.
    pub fn take(&mut self, key: Option<&[u8]>, value: Option<&[u8]>) {
        if self.compared >= COMPARED {
            return;
        }
        self.compared += 1;
        self.keys.extend(key.map(|key| mark(0, key)));
        if let Some(value) = value {
            self.values.insert(mark(0, value));
            self.beginnings.extend(value.get(..TEXT_LENGTH).map(|beginning| mark(0, beginning)));
            self.fields.extend(fields(value).into_iter().map(|(_, text)| mark(0, text.as_bytes())));
        }
    }
}

/// Text fields of a JSON object that are long enough to tell records apart.
fn fields(value: &[u8]) -> Vec<(String, String)> {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_slice(value) else { return Vec::new() };
    let text = |(name, value): (String, serde_json::Value)| match value {
        serde_json::Value::String(text) if text.len() >= 4 => Some((name, text)),
        _ => None,
    };
    object.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(map: impl Fn(u32) -> (Option<String>, Option<String>)) -> String {
        let (mut samples, mut input) = (Samples::default(), InputContent::default());
        for number in 0..1000 {
            let (key, value) = (format!("key-{number}"), format!(r#"{{"name":"item {number}","n":{number}}}"#));
            input.take(Some(key.as_bytes()), Some(value.as_bytes()));
            let (key, value) = map(number);
            samples.take(key.as_deref().map(str::as_bytes), value.as_deref().map(str::as_bytes));
        }
        samples.hint(&Placement::Header, &input)
    }

    #[test]
    fn says_what_survives() {
        let value = |number| Some(format!(r#"{{"name":"item {number}","n":{number}}}"#));
        assert!(hint(|number| (None, value(number))).contains("value-prefix"));
        let both = hint(|number| (Some(format!("key-{number}")), value(number)));
        assert!(both.contains("value-prefix") && both.contains("identity: key"));
        assert!(hint(|number| (None, Some(format!(r#"{{"was":"item {number}"}}"#)))).contains("`was`"));
        assert!(hint(|number| (None, Some(format!("{}", number * 7)))).contains("conservation"));
    }
}
