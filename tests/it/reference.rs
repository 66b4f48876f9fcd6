//! A reference of a kind of file, from its JSON schema: a table of keys for each part, parts in the order in which they are met.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

/// Parts that have a page of their own.
const ELSEWHERE: [(&str, &str); 5] =
    [("FaultSpec", "faults.md"), ("Shape", "traffic.md"), ("Keys", "traffic.md"), ("Value", "traffic.md"), ("Unit", "expectations.md")];

/// The reference of the files that `schema` describes.
pub fn reference(schema: &Value) -> String {
    let mut met = Met { definitions: &schema["definitions"], parts: Vec::new(), written: BTreeMap::new() };
    let mut text = met.tables(schema);
    let mut next = 0;
    while let Some(part) = met.parts.get(next).cloned() {
        next += 1;
        let definition = &schema["definitions"][&part];
        write!(text, "\n### {part}\n\n{}\n\n{}", about(definition), met.tables(definition)).unwrap();
    }
    text.push_str("\n### How values are written\n\n| | |\n|---|---|\n");
    for (name, about) in &met.written {
        writeln!(text, "| {name} | {about} |").unwrap();
    }
    text
}

/// What the tables so far refer to.
struct Met<'a> {
    definitions: &'a Value,
    parts: Vec<String>,
    written: BTreeMap<String, String>,
}

impl Met<'_> {
    fn tables(&mut self, definition: &Value) -> String {
        let mut text = String::new();
        if let Some(keys) = definition["properties"].as_object() {
            text.push_str("| key | holds | |\n|---|---|---|\n");
            for (key, property) in keys {
                let needed = definition["required"].as_array().is_some_and(|required| required.iter().any(|one| one == key));
                let needed = if needed { " **Needed.**" } else { "" };
                let default = match &property["default"] {
                    Value::Null => String::new(),
                    empty if empty.as_array().is_some_and(Vec::is_empty) || empty.as_object().is_some_and(serde_json::Map::is_empty) => {
                        String::new()
                    }
                    Value::String(default) => format!(" Default: `{default}`."),
                    default => format!(" Default: `{default}`."),
                };
                writeln!(text, "| `{key}` | {} | {}{default}{needed} |", self.form(property), about(property)).unwrap();
            }
        }
        if let Some(choices) = choices(definition) {
            text.push_str("| one of | |\n|---|---|\n");
            for choice in choices {
                writeln!(text, "| {} | {} |", self.choice(choice), about(choice)).unwrap();
            }
        }
        text
    }

    fn choice(&mut self, choice: &Value) -> String {
        match choice["properties"].as_object() {
            Some(keys) => {
                let keys: Vec<String> = keys.iter().map(|(key, property)| format!("{key}: {}", self.form(property))).collect();
                format!("{{ {} }}", keys.join(", "))
            }
            None => self.form(choice),
        }
    }

    /// What a key holds, in words and links.
    fn form(&mut self, property: &Value) -> String {
        if let Some(reference) = property["$ref"].as_str() {
            return self.refer(reference.rsplit('/').next().unwrap());
        }
        if let Some(only) = property["allOf"].get(0) {
            return self.form(only);
        }
        if let Some(choices) = choices(property) {
            let choices: Vec<String> = choices.iter().filter(|choice| choice["type"] != "null").map(|choice| self.choice(choice)).collect();
            return choices.join(" or ");
        }
        if let Some(constant) = property["const"].as_str() {
            return format!("`{constant}`");
        }
        if let Some(constants) = property["enum"].as_array() {
            let constants: Vec<String> = constants.iter().filter_map(Value::as_str).map(|one| format!("`{one}`")).collect();
            return constants.join(" or ");
        }
        let kinds = property["type"].as_array().map_or_else(|| vec![&property["type"]], |kinds| kinds.iter().collect());
        match kinds.iter().filter_map(|kind| kind.as_str()).find(|kind| *kind != "null") {
            Some("array") => format!("[ {}, … ]", self.form(&property["items"])),
            Some("object") if property["additionalProperties"].is_object() => {
                format!("{{ name: {}, … }}", self.form(&property["additionalProperties"]))
            }
            Some("object") => match property["patternProperties"].as_object().and_then(|patterns| patterns.values().next()) {
                Some(of) => format!("{{ name: {}, … }}", self.form(of)),
                None => "keys".to_owned(),
            },
            Some("integer" | "number") => "number".to_owned(),
            Some("boolean") => "`true` or `false`".to_owned(),
            _ => "text".to_owned(),
        }
    }

    fn refer(&mut self, name: &str) -> String {
        if let Some((_, page)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == name) {
            return format!("[{name}]({page})");
        }
        let definition = &self.definitions[name];
        if definition["properties"].is_null() && choices(definition).is_none() {
            let mut written = about(definition);
            if let Some(pattern) = definition["pattern"].as_str().filter(|_| written.is_empty()) {
                written = format!("`{}`", pattern.replace('|', "\\|"));
            }
            let constants: Vec<&str> = definition["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if !constants.is_empty() {
                write!(written, " `{}`", constants.join("`, `")).unwrap();
            }
            let name = name.to_lowercase();
            self.written.insert(name.clone(), written);
            return name;
        }
        if !self.parts.iter().any(|part| part == name) {
            self.parts.push(name.to_owned());
        }
        format!("[{name}](#{})", name.to_lowercase())
    }
}

fn choices(definition: &Value) -> Option<&Vec<Value>> {
    definition["oneOf"].as_array().or_else(|| definition["anyOf"].as_array())
}

fn about(definition: &Value) -> String {
    definition["description"].as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
