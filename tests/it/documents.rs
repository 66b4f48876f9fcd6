//! Pages that are made from code stay in step with it. `SQUALL_UPDATE_DOCS=1` writes them anew.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use squall::fault::FaultSpec;
use squall::metric::{Behaviour, Metric, Unit};

const BEGIN: &str = "<!-- made by `SQUALL_UPDATE_DOCS=1 cargo test --test it documents` -->\n";
const END: &str = "<!-- end -->";

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)
}

/// Holds the part between the two marks against `made`.
fn in_step(name: &str, made: &str) {
    let path = page(name);
    let text = fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).unwrap() + BEGIN.len();
    let end = begin + text[begin..].find(END).unwrap();
    if std::env::var_os("SQUALL_UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{}{made}{}", &text[..begin], &text[end..])).unwrap();
        return;
    }
    assert_eq!(&text[begin..end], made, "docs/{name} is out of step: run with SQUALL_UPDATE_DOCS=1");
}

#[test]
fn every_metric_is_in_the_page_of_expectations() {
    let mut table = String::from("| metric | written | kind | meaning |\n|---|---|---|---|\n");
    for metric in Metric::ALL {
        let written = match metric.unit() {
            Unit::Count | Unit::Records => "`100k`",
            Unit::PerSecond => "`2k/s`",
            Unit::Seconds => "`60s`",
            Unit::Bytes => "`512MiB`",
            Unit::Ratio => "`95%`",
            Unit::Factor => "`1.5`",
        };
        let kind = match metric.behaviour() {
            Behaviour::Gauge => "level",
            Behaviour::Counter => "counter",
            Behaviour::Distribution => "distribution",
            Behaviour::Figure => "figure",
        };
        writeln!(table, "| `{metric}` | {written} | {kind} | {} |", metric.meaning().trim()).unwrap();
    }
    in_step("expectations.md", &table);
}

/// Name, description and whether it must be said, of each setting of a fault.
fn settings(schema: &serde_json::Value, kind: &str) -> (String, Vec<(String, String, bool)>) {
    let variants = schema["definitions"]["FaultSpec"]["oneOf"].as_array().unwrap();
    let variant = variants.iter().find(|variant| variant["properties"][kind].is_object()).unwrap();
    let reference = &variant["properties"][kind];
    let name = reference["$ref"].as_str().or_else(|| reference["allOf"][0]["$ref"].as_str()).unwrap();
    let own = &schema["definitions"][name.rsplit('/').next().unwrap()];
    let required: Vec<&str> = own["required"].as_array().into_iter().flatten().filter_map(|field| field.as_str()).collect();
    let fields = own["properties"].as_object().into_iter().flatten().map(|(field, about)| {
        let about = about["description"].as_str().unwrap_or_default().replace('\n', " ");
        (field.clone(), about, required.contains(&field.as_str()))
    });
    (own["description"].as_str().unwrap_or_default().replace('\n', " "), fields.collect())
}

#[test]
fn every_fault_is_in_the_page_of_faults() {
    let schema = serde_json::to_value(squall::scenario::schema()).unwrap();
    let mut text = String::new();
    for (kind, _) in FaultSpec::KINDS {
        let (about, fields) = settings(&schema, kind);
        writeln!(text, "### {kind}\n\n{about}\n").unwrap();
        if fields.is_empty() {
            writeln!(text, "No settings: `{{ {kind}: {{}} }}`.\n").unwrap();
            continue;
        }
        text.push_str("| setting | | |\n|---|---|---|\n");
        for (field, about, required) in fields {
            let needed = if required { "needed" } else { "" };
            writeln!(text, "| `{field}` | {needed} | {about} |").unwrap();
        }
        text.push('\n');
    }
    in_step("faults.md", &text);
}

#[test]
fn schemas_are_in_step() {
    let of_clusters = schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<squall::cluster::ClusterSpec>();
    for (name, schema) in [("scenario", squall::scenario::schema()), ("cluster", of_clusters)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.schema.json"));
        let now = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("SQUALL_UPDATE_SCHEMA").is_some() {
            fs::write(&path, &now).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap_or_default() == now, "{} is out of step: run with SQUALL_UPDATE_SCHEMA=1", path.display());
    }
}

/// The lines below `key:` in the first YAML block of a page.
fn example(name: &str, key: &str) -> Vec<String> {
    let text = fs::read_to_string(page(name)).unwrap();
    let block = text.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let lines = block.lines().skip_while(|line| *line != format!("{key}:")).skip(1);
    lines.take_while(|line| line.starts_with("  - ")).map(|line| line[4..].to_owned()).collect()
}

#[test]
fn the_pages_examples_parse() {
    let (expectations, conditions) = (example("expectations.md", "expect"), example("expectations.md", "abort-when"));
    assert!(expectations.len() > 5 && conditions.len() > 2);
    for line in expectations {
        assert!(squall::scenario::parse_expectation(&line).is_ok(), "{line}");
    }
    for line in conditions {
        assert!(squall::scenario::parse_condition(&line).is_ok(), "{line}");
    }
    let timeline = example("faults.md", "timeline");
    assert!(timeline.len() > 3);
    for line in timeline {
        let source = squall::diagnostic::Source::new("faults.md", line);
        let (entry, report) = squall::scenario::yaml::load::<squall::scenario::TimelineEntry>(&source);
        assert!(entry.is_some() && report.is_empty(), "{report}");
    }
}
