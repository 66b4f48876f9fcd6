//! A soak of a day, from its journal: what drifts is found, and only that.

#[path = "../day/mod.rs"]
mod simulated;

use std::path::Path;

use simulated::{Day, Drifts};
use squall::analysis::{Analysis, Drift, Outcome, Trend};
use squall::campaign::stored;
use squall::journal::{Event, Reader, RunFolder, Writer};
use squall::metric::Metric;
use squall::plan::Plan;
use squall::run::replayed;

const MIB: f64 = 1_048_576.0;

fn outcome(day: &Day) -> Outcome {
    let home = tempfile::tempdir().unwrap();
    let folder = day.write(home.path());
    let run = stored::run(folder.path()).unwrap();
    assert!(run.torn.is_empty(), "{:?}", run.torn);
    run.outcome
}

fn of<'a>(outcome: &'a Outcome, what: &str) -> &'a Drift {
    outcome.drifts.iter().find(|drift| drift.what == what).unwrap_or_else(|| panic!("{what} was not looked at"))
}

#[test]
fn the_drifts_of_a_day_are_found_and_no_others() {
    let drifts = Drifts { heap: 24.0 * MIB, state: 2.0 * MIB, threads: 1.5, down: 250.0 };
    let outcome = outcome(&Day { hours: 24, spacing: 1800, coarse: true, drifts });
    let expected = [
        // Two TaskManagers leak.
        ("heap of the TaskManagers", 2.0 * drifts.heap),
        ("state", drifts.state),
        // Of the one that lives all day.
        ("threads of the TaskManagers", drifts.threads),
        ("recovery from lose-one", drifts.recovery_s()),
    ];
    for (what, per_hour) in expected {
        let drift = of(&outcome, what);
        let found = drift.per_second.unwrap_or(f64::NAN) * 3600.0;
        assert!(drift.grows() && (found - per_hour).abs() <= 0.2 * per_hour, "{what}: {found} for {per_hour}: {}", drift.sentence());
    }
    for drift in outcome.drifts.iter().filter(|drift| expected.iter().all(|(what, _)| drift.what != *what)) {
        assert_eq!(drift.trend, Trend::Steady, "{}: {}", drift.what, drift.sentence());
    }
    assert_eq!(outcome.faults.len(), 47);
    assert!(outcome.restarts.len() == 47 && outcome.restarts.iter().all(|restart| restart.explained_by.is_some()));
}

/// The sample was recorded with each sample on a line of its own; a run of today writes rows.
#[test]
fn a_journal_says_the_same_live_and_replayed_in_either_format() {
    let recorded = RunFolder::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample")).unwrap();
    let plan: Plan = serde_json::from_str(&std::fs::read_to_string(recorded.path().join("plan.json")).unwrap()).unwrap();
    let home = tempfile::tempdir().unwrap();
    let rewritten = RunFolder::create(home.path(), "sample", "again").unwrap();
    let mut writer = Writer::create(rewritten.clone()).unwrap();
    let mut live = Analysis::new(&plan);
    for event in Reader::open(&recorded).unwrap() {
        let Event { at, event, .. } = event.unwrap();
        live.push(&writer.append(at, event).unwrap());
    }
    writer.flush().unwrap();
    for folder in [&recorded, &rewritten] {
        let again = replayed(folder, &plan).unwrap();
        assert!(again.torn.is_empty(), "{:?}", again.torn);
        assert!(again.analysis == live, "{} says something else", folder.path().display());
    }
    let size = |folder: &RunFolder| folder.segments().iter().map(|segment| std::fs::metadata(segment).unwrap().len()).sum::<u64>();
    assert!(size(&rewritten) * 2 < size(&recorded) * 3, "{} and {} bytes", size(&rewritten), size(&recorded));
}

/// What a run of days decides and tells while it goes on must not depend on what it has let go.
#[test]
fn a_fold_that_forgets_answers_as_one_that_does_not() {
    let day = Day { hours: 2, spacing: 150, coarse: true, drifts: Drifts { down: 500.0, ..Drifts::default() } };
    let plan = day.plan();
    let (mut whole, mut forgets) = (Analysis::new(&plan), Analysis::forgetting(&plan));
    let (mut seq, mut told) = (0, 0);
    day.tell(&mut |at, event| {
        let event = Event { seq, at, event };
        seq += 1;
        whole.push(&event);
        forgets.push(&event);
        if seq % 1000 == 0 {
            for metric in [Metric::Input, Metric::Output, Metric::OutputLag, Metric::CommittedLag, Metric::HeapUsed] {
                assert_eq!(whole.newest(metric), forgets.newest(metric), "{metric}");
            }
            assert_eq!(whole.recovered("lose-one"), forgets.recovered("lose-one"));
            assert_eq!(whole.next_checkpoint(at), forgets.next_checkpoint(at));
            let news = whole.happenings_since(told);
            assert_eq!(news, forgets.happenings_since(told));
            told += news.len();
        }
    });
    let recovered = whole.happenings_since(0).into_iter().filter(|(_, word, _)| word == "recovered").count();
    assert_eq!(recovered, 47);
    let (all, left) = (format!("{whole:?}").len(), format!("{forgets:?}").len());
    assert!(left * 3 < all, "it has forgotten too little: {left} of {all}");
}
