use std::path::Path;

use super::check;
use crate::diagnostic::Source;

const GOOD: &str = include_str!("../../../scenarios/taskmanager-loss.yaml");

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// `line: title` of each problem.
fn problems(text: &str) -> Vec<String> {
    let (_, report) = check(&Source::new("s.yaml", text), &folder());
    report.problems().iter().map(|problem| format!("{}: {}", problem.place().map_or(0, |place| place.1), problem.title())).collect()
}

/// The good scenario with some of its lines replaced.
fn with(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = GOOD.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "{old}");
        text = text.replacen(old, new, 1);
    }
    problems(&text)
}

#[test]
fn every_scenario_in_the_folder_is_fine() {
    let mut seen = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let (checked, report) = check(&Source::new(path.display().to_string(), text), &folder());
            assert!(report.is_empty(), "{report}");
            assert!(checked.is_some());
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

#[test]
fn names_are_known_and_said_once() {
    assert_eq!(with(&[("  orders:\n", "  order:\n")]), ["8: no input topic is called `order`"]);
    assert_eq!(with(&[("of lose-one < 60s", "of lose-on < 60s")]), ["17: no fault is called `lose-on`"]);
    assert_eq!(with(&[("name: lose-one, inject", "name: baseline, inject")])[0], "15: `baseline` is the stretch before the first fault");
    let twice = "  - { at: 110s, name: lose-one, inject: { kill-taskmanager: { count: 1 } } }\nexpect:";
    assert_eq!(with(&[("expect:", twice)])[0], "16: two faults are called `lose-one`");
    assert_eq!(with(&[("topics: { enriched:", "topics: { orders:")])[0], "6: `orders` is an input and an output");
    assert_eq!(with(&[("{ partitions: 4 }", "{}")]), ["5: topic `orders` has no partitions"]);
}

#[test]
fn the_timeline_fits_into_the_run() {
    assert_eq!(with(&[("at: 45s", "at: 3m")])[0], "15: `lose-one` would fire after the end");
    assert_eq!(with(&[("at: 45s, ", "")]), ["15: `lose-one` never fires"]);
    assert_eq!(with(&[("at: 45s", "at: 45s, every: 10s")])[0], "15: `at` and `every` both say when `lose-one` fires");
    assert_eq!(with(&[("at: 45s", "at: 45s, within: 5s")]), ["15: `within` belongs to `when`"]);
    assert_eq!(
        with(&[("at: 45s", "every: 4s"), ("< 60s", "> 0s")]),
        ["15: `lose-one` would overlap itself", "15: a baseline of 4s is too short to compare with"]
    );
    assert_eq!(with(&[("at: 45s", "when: { recovered: lose-one, then: 5s }")]), ["15: `lose-one` waits for itself"]);
    assert_eq!(with(&[("at: 45s", "when: { recovered: x }")]), ["15: no fault is called `x`"]);
    assert_eq!(with(&[("at: 45s", "at: -45s")])[0], "15: `-45s` is negative");
}

#[test]
fn bounds_end_with_the_next_disturbance() {
    let next = "  - { at: 1m15s, name: lose-two, inject: { kill-taskmanager: { count: 1 } } }\nexpect:";
    assert_eq!(with(&[("expect:", next)]), ["18: `recovery-time` of `lose-one` can be watched for 30s only"]);
    // The rate is a disturbance of its own, and a held fault counts from its removal.
    let steps = "steps: [ { rate: 1k/s, for: 80s }, { rate: 2k/s, for: 1m } ]";
    assert_eq!(with(&[("constant: 2k/s", steps)]), ["17: `recovery-time` of `lose-one` can be watched for 35s only"]);
    let held = "delay-sink: { add: 1s, for: 40s }";
    assert_eq!(
        with(&[("kill-taskmanager: { count: 1, restart-after: 5s }", held)]),
        ["17: `recovery-time` of `lose-one` can be watched for 35s only"]
    );
    assert_eq!(with(&[("at: 45s", "at: 10s")]), ["15: a baseline of 10s is too short to compare with"]);
}

#[test]
fn expectations_can_be_answered() {
    let traffic = GOOD.split("traffic:").nth(1).unwrap().split("duration:").next().unwrap();
    let silent = GOOD.replace(&format!("traffic:{traffic}"), "");
    assert_eq!(problems(&silent), ["13: nothing can answer `max(output-lag) under lose-one`", "14: nothing can answer `delivery`"]);
    assert_eq!(
        with(&[("recovery-time of lose-one <", "p95(recovery-time) over 5 <")]),
        ["17: nothing can answer `p95(recovery-time) over 5`"]
    );
    assert_eq!(with(&[("max(output-lag)", "max(lag)")]), ["18: `lag` is four metrics"]);
    assert_eq!(with(&[("> 5M for 30s", "> 5s for 30s")]), ["24: `output-lag` is measured in records, written `500` or `100k`"]);
}

#[test]
fn queries_can_be_asked() {
    let queries =
        "queries:\n  consumer-lag: { promql: sum(lag), unit: records }\nexpect:\n  - max(query consumer-lag) under lose-one < 10k\n";
    assert_eq!(with(&[("expect:\n", queries)]), [""; 0]);
    assert_eq!(
        with(&[("expect:\n", &queries.replace("(query consumer-lag", "(query consumer-lg"))]),
        ["19: no query is called `consumer-lg`"]
    );
    assert_eq!(with(&[("expect:\n", &queries.replace("under lose-one", "under lose-two"))]), ["19: no fault is called `lose-two`"]);
    assert_eq!(
        with(&[("expect:\n", &queries.replace("10k", "10s"))])[0],
        "19: `query consumer-lag` is measured in records, written `500` or `100k`"
    );
    assert_eq!(
        with(&[("expect:\n", &queries.replace("unit: records", "unit: records, every: 200ms"))]),
        ["17: the query `consumer-lag` cannot be asked every 200ms"]
    );
    assert_eq!(with(&[("expect:\n", &queries.replace("sum(lag)", "' '"))]), ["17: the query `consumer-lag` asks for nothing"]);
    assert_eq!(with(&[("- output-lag > 5M", "- query consumer-lag > 5M")]), ["24: no query is called `consumer-lag`"]);
}

#[test]
fn settings_make_sense() {
    let inject = "kill-taskmanager: { count: 1, restart-after: 5s }";
    assert_eq!(with(&[(inject, "skew-keys: { share: 160%, for: 10s }")]), ["15: 160% is not above 0% and at most 100%"]);
    assert_eq!(with(&[(inject, "skew-keys: { stream: order, share: 60%, for: 10s }")]), ["15: no stream is called `order`"]);
    assert_eq!(with(&[("exponent: 1.1", "exponent: -1")]).len(), 1);
    assert_eq!(with(&[("within: 60s", "within: 1s")]), ["13: draining for 1s may end before the last transaction commits"]);
    assert_eq!(with(&[("duration: 2m", "duration: 0s")])[0], "12: a run of no time shows nothing");
}

#[test]
fn the_jobs_files_are_read() {
    let missing = with(&[("passthrough.sql", "passthru.sql")]);
    assert!(missing[0].starts_with("4: cannot read "), "{missing:?}");
    let unknown = with(&[("enriched: {", "enrichd: {")]);
    assert!(unknown[0].ends_with("unknown placeholder `${topic.enriched}`"), "{unknown:?}");
}

#[test]
fn checks_go_on_beside_mistakes_of_the_grammar() {
    assert_eq!(
        with(&[("name: lose-one, inject", "name: lose-one, injcet"), ("of lose-one < 60s", "of lose-on < 60")]),
        ["15: unknown field `injcet`", "17: `recovery-time` is measured in time, written `250ms` or `60s`"]
    );
}

proptest::proptest! {
    /// A file that somebody is in the middle of writing.
    #[test]
    fn no_mutilated_scenario_makes_it_panic(cut in 0..GOOD.len(), length in 0_usize..80, insert in "[ -~]{0,12}") {
        let text: Vec<char> = GOOD.chars().collect();
        let cut = cut.min(text.len());
        let end = (cut + length).min(text.len());
        let text: String = text[..cut].iter().copied().chain(insert.chars()).chain(text[end..].iter().copied()).collect();
        let (_, report) = check(&Source::new("s.yaml", text), &folder());
        let _ = report.render(false);
    }
}
