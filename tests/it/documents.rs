//! Pages that are made from code stay in step with it. `SQUALL_UPDATE_DOCS=1` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use squall::cluster::{Can, KINDS};
use squall::fault::FaultSpec;
use squall::metric::{Behaviour, Metric, Unit};
use squall::traffic::{Example, Keys, Shape, Value};

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
            _ if *metric == Metric::Query => "in its `unit`",
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

/// Every name in the dashboard is one that a run tells.
#[test]
fn the_dashboard_asks_for_what_there_is() {
    let text = fs::read_to_string(page("grafana-dashboard.json")).unwrap();
    serde_json::from_str::<serde_json::Value>(&text).unwrap();
    let mut told: BTreeSet<String> = Metric::ALL.iter().map(|metric| metric.prometheus_name()).collect();
    told.extend(["squall_fault_active".to_owned(), "squall_job_state".to_owned()]);
    let word = |c: char| c.is_ascii_lowercase() || c == '_';
    let asked: BTreeSet<&str> = text.match_indices("squall_").map(|(at, _)| text[at..].split(|c| !word(c)).next().unwrap()).collect();
    assert!(asked.len() > 10, "{asked:?}");
    let unknown: Vec<&&str> = asked.iter().filter(|name| !told.contains(**name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
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

/// The fault of `scenarios/faults/<kind>.yaml`; the scenario must be fine.
fn example_of(kind: &str) -> FaultSpec {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/faults/{kind}.yaml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("no example of {kind}: {error}"));
    let (checked, report) =
        squall::scenario::check(&squall::diagnostic::Source::new(path.display().to_string(), text), path.parent().unwrap());
    assert!(report.is_empty(), "{report}");
    let fault = checked.unwrap().scenario().timeline[0].inject.clone();
    assert_eq!(fault.kind(), kind);
    fault
}

/// Which kinds of cluster can do which fault, told by what its example needs.
fn abilities() -> String {
    let mut table = String::from("| fault |");
    for kind in KINDS {
        write!(table, " `{}` |", kind.name).unwrap();
    }
    writeln!(table, "\n|---|{}", "---|".repeat(KINDS.len())).unwrap();
    for (name, _) in FaultSpec::KINDS {
        write!(table, "| [{name}](#{name}) |").unwrap();
        let needs = example_of(name).needs();
        for kind in KINDS {
            match kind.can_all(&needs) {
                Can::Always => write!(table, " yes |").unwrap(),
                Can::With(what) => write!(table, " yes, with {what} |").unwrap(),
                Can::Never => write!(table, " – |").unwrap(),
            }
        }
        table.push('\n');
    }
    table
}

/// What `./dev qualify faults` has kept, by scenario.
fn qualified() -> Vec<(String, serde_json::Value)> {
    let mut runs: Vec<_> = fs::read_dir(page("qualification/faults"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| {
            (path.file_stem().unwrap().to_string_lossy().into_owned(), serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap())
        })
        .collect();
    runs.sort_by(|(one, _), (other, _)| one.cmp(other));
    runs
}

/// A run's own words, and the figures that they leave out.
fn in_one_line((scenario, run): &(String, serde_json::Value)) -> String {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut figures = Vec::new();
    let restarts = run["restarts"].as_array().map_or(0, Vec::len);
    figures.push(format!("{restarts} restart{}", if restarts == 1 { "" } else { "s" }));
    if let Some(age) = run["fault"]["checkpoint_age_s"].as_f64() {
        figures.push(format!("last checkpoint {age:.1} s old"));
    }
    if let Some(replayed) = run["fault"]["replayed_records"].as_u64() {
        figures.push(format!("{replayed} records read again"));
    }
    if let Some(longest) = run["checkpoints"]["longest_s"].as_f64() {
        figures.push(format!("longest checkpoint {longest:.1} s"));
    }
    let (sentence, date, commit) = (text(&run["sentence"]), text(&run["date"]), text(&run["commit"]));
    format!("- [`{scenario}`](qualification/faults/{scenario}.json): {sentence} ({}; {commit}, {date})", figures.join(", "))
}

#[test]
fn every_fault_is_in_the_page_of_faults() {
    let schema = serde_json::to_value(squall::scenario::schema()).unwrap();
    let runs = qualified();
    let mut text = format!("## What each kind of cluster can do\n\n{}\n## All faults\n\n", abilities());
    for (kind, _) in FaultSpec::KINDS {
        let (about, fields) = settings(&schema, kind);
        writeln!(text, "### {kind}\n\n{about}\n").unwrap();
        if fields.is_empty() {
            writeln!(text, "No settings: `{{ {kind}: {{}} }}`.\n").unwrap();
        } else {
            text.push_str("| setting | | |\n|---|---|---|\n");
        }
        for (field, about, required) in &fields {
            let needed = if *required { "needed" } else { "" };
            writeln!(text, "| `{field}` | {needed} | {about} |").unwrap();
        }
        let measured = fs::read_to_string(page(&format!("faults/{kind}.md")));
        let measured = measured.unwrap_or_else(|error| panic!("docs/faults/{kind}.md, what it does when measured: {error}"));
        writeln!(text, "\n{}\n\nExample: [`scenarios/faults/{kind}.yaml`](../scenarios/faults/{kind}.yaml).\n", measured.trim()).unwrap();
        let mut own = runs.iter().filter(|(_, result)| result["fault"]["kind"] == *kind).peekable();
        if own.peek().is_none() {
            text.push_str(
                "Not run yet by `./dev qualify faults`: the paragraph is what other runs, the documentation and the sources say.\n",
            );
        }
        for run in own {
            writeln!(text, "{}", in_one_line(run)).unwrap();
        }
        text.push('\n');
    }
    in_step("faults.md", &text);
}

#[test]
fn every_scenario_of_faults_is_fine() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/faults");
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        let (_, report) = squall::scenario::check(
            &squall::diagnostic::Source::new(path.display().to_string(), fs::read_to_string(&path).unwrap()),
            &folder,
        );
        assert!(report.is_empty(), "{report}");
    }
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

#[test]
fn every_key_is_in_the_references() {
    for (schema, page) in [("scenario", "scenario.md"), ("cluster", "cluster-file.md")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{schema}.schema.json"));
        let schema = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        in_step(page, &super::reference::reference(&schema));
    }
}

#[test]
fn every_shape_is_drawn_in_the_page_of_traffic() {
    let mut text = String::new();
    for example in Example::ALL {
        let Example { name, about, text: written, .. } = example;
        writeln!(text, "### {name}\n\n{about}\n\n```yaml\nrate: {written}\n```\n").unwrap();
        let Some(picture) = example.picture(120).unwrap() else { continue };
        writeln!(text, "![{name}: the rate over time](shapes/{name}.svg)\n").unwrap();
        let (path, svg) = (page(&format!("shapes/{name}.svg")), picture.svg(name));
        if std::env::var_os("SQUALL_UPDATE_DOCS").is_some() {
            fs::create_dir_all(page("shapes")).unwrap();
            fs::write(&path, &svg).unwrap();
        }
        assert!(fs::read_to_string(&path).unwrap_or_default() == svg, "{} is out of step: run with SQUALL_UPDATE_DOCS=1", path.display());
    }
    in_step("traffic.md", &text);
}

/// Keys of the mappings below `key`, and texts, in all example scenarios.
fn used_in_scenarios(key: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = [folder.clone(), folder.join("traffic")].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut used = BTreeSet::new();
    for path in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|extension| extension == "yaml")) {
        let text = fs::read_to_string(&path).unwrap();
        let source = squall::diagnostic::Source::new(path.display().to_string(), text.clone());
        let (checked, report) = squall::scenario::check(&source, path.parent().unwrap());
        assert!(checked.is_some(), "{}", report.render(false));
        let scenario: serde_json::Value = serde_yaml::from_str(&text).unwrap();
        for stream in scenario["traffic"].as_object().unwrap().values() {
            match &stream[key] {
                serde_json::Value::String(text) => used.extend([text.clone()]),
                serde_json::Value::Object(map) => used.extend(map.keys().cloned()),
                _ => {}
            }
        }
    }
    used
}

/// Names of an enum's variants, by its schema.
fn variants<T: schemars::JsonSchema>() -> BTreeSet<String> {
    let schema = schemars::schema_for!(T).to_value();
    let mut names = BTreeSet::new();
    for variant in schema["oneOf"].as_array().unwrap() {
        names.extend(variant["properties"].as_object().into_iter().flat_map(|map| map.keys().cloned()));
        names.extend(variant["const"].as_str().map(str::to_owned));
        names.extend(variant["enum"].as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)));
    }
    names
}

#[test]
fn every_shape_key_and_value_has_a_scenario() {
    assert_eq!(used_in_scenarios("rate"), variants::<Shape>());
    assert_eq!(used_in_scenarios("keys"), variants::<Keys>());
    assert_eq!(used_in_scenarios("value"), variants::<Value>());
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
    let queries: squall::scenario::Queries =
        serde_json::from_str(r#"{ "consumer-lag": { "promql": "sum(lag)", "unit": "records" } }"#).unwrap();
    for line in expectations {
        assert!(squall::scenario::parse_expectation(&line, &queries).is_ok(), "{line}");
    }
    for line in conditions {
        assert!(squall::scenario::parse_condition(&line, &queries).is_ok(), "{line}");
    }
    let timeline = example("faults.md", "timeline");
    assert!(timeline.len() > 3);
    for line in timeline {
        let source = squall::diagnostic::Source::new("faults.md", line);
        let (entry, report) = squall::scenario::yaml::load::<squall::scenario::TimelineEntry>(&source);
        assert!(entry.is_some() && report.is_empty(), "{report}");
    }
}
