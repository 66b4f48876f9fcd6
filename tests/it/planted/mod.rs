//! Jobs with planted defects (`tests/jobs`), run by `squall run` on a real cluster: each must be named, with its count to the record.
//!
//! What was planted is known three ways: by the job's own diary, by arithmetic over the offsets, and by Kafka's own Java client, which
//! reads both topics into maps (`tests/jobs/dev/squall/jobs/Oracle.java`).

mod case;
mod clean;
mod list;
mod page;
mod soak;
mod stage;

use case::Row;
use page::Results;
use stage::Stage;

/// A few of the list, for every change: a loss after a restore, a lost identity, copies.
#[test]
fn live_planted_defects_are_named_to_the_record() {
    let stage = Stage::new("it-planted", "");
    let rows: Vec<Row> = list::short().iter().map(|case| case.perform(&stage)).collect();
    sound(&rows);
}

/// The whole list and thirty clean runs; makes `docs/verdict.md` of the results. `SQUALL_CASES` names some of them (`clean` all clean runs,
/// `clean-7` one of them): those are done again, and the page is made of all results so far.
#[test]
#[ignore = "an hour; ./dev qualify verdict"]
fn qualify_verdict() {
    let wanted = std::env::var("SQUALL_CASES").unwrap_or_default();
    let chosen = |name: &str| wanted.is_empty() || wanted.split(',').any(|one| name == one || name.starts_with(&format!("{one}-")));
    let results = Results::open();
    for (cluster, config, cases) in list::all() {
        let cases: Vec<_> = cases.into_iter().filter(|case| chosen(case.name)).collect();
        let seeds: Vec<u32> =
            if config.is_empty() { (1..=clean::RUNS).filter(|seed| chosen(&format!("clean-{seed}"))).collect() } else { Vec::new() };
        if cases.is_empty() && seeds.is_empty() {
            continue;
        }
        let stage = Stage::new(cluster, config);
        for case in &cases {
            results.keep(case.name, &case.perform(&stage));
        }
        for seed in seeds {
            results.keep(&format!("clean-{seed}"), &clean::perform(&stage, seed));
        }
    }
    let names = list::all().into_iter().flat_map(|(_, _, cases)| cases).map(|case| case.name);
    let rows: Vec<(String, Row)> = names.filter_map(|name| results.of(name)).collect();
    let runs: Vec<(String, clean::Clean)> = (1..=clean::RUNS).filter_map(|seed| results.of(&format!("clean-{seed}"))).collect();
    page::write(&rows, &runs);
    clean::sound(runs.iter().map(|(_, run)| run));
    sound(rows.iter().map(|(_, row)| row));
}

fn sound<'a>(rows: impl IntoIterator<Item = &'a Row>) {
    let mistakes = rows.into_iter().flat_map(|row| row.mistakes.iter().map(|mistake| format!("{}: {mistake}", row.planted)));
    let mistakes: Vec<String> = mistakes.collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
