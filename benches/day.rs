//! What a soak of a day costs afterwards and while it lasts: how long its report takes from the journal, and what the fold of a run keeps in
//! memory for each hour. `cargo bench --bench day [hours]`; 24 by default.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../tests/day/mod.rs"]
#[allow(dead_code, reason = "a test needs the rest")]
mod simulated;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use simulated::{Day, Drifts};
use squall::analysis::Analysis;
use squall::campaign::stored;
use squall::clock;
use squall::journal::Event;
use squall::report::{self, Extras, terminal};

/// Counts what is held, while it is asked to: that takes time.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static HELD: AtomicIsize = AtomicIsize::new(0);
static MOST: AtomicIsize = AtomicIsize::new(0);

impl Counting {
    fn count(bytes: isize) {
        if COUNTS.load(Ordering::Relaxed) {
            MOST.fetch_max(HELD.fetch_add(bytes, Ordering::Relaxed) + bytes, Ordering::Relaxed);
        }
    }
}

// SAFETY: everything is done by the system's allocator; only numbers are kept beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count(layout.size() as isize);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Self::count(-(layout.size() as isize));
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count(size as isize - layout.size() as isize);
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let hours = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(24);
    println!(
        "{:>9}  {:>6}  {:>10}  {:>7}  {:>7}  {:>7}  {:>7}  {:>8}",
        "kill each", "kills", "on disk", "read", "judge", "write", "whole", "memory"
    );
    for spacing in [1800, 120] {
        let drifts = Drifts { heap: 25_165_824.0, state: 2_097_152.0, threads: 1.5, down: 250.0 };
        report_of(&Day { hours, spacing, coarse: false, drifts });
    }
    println!();
    let day = Day { hours: hours.min(6), spacing: 120, coarse: false, drifts: Drifts::default() };
    let plan = day.plan();
    println!("{:>8}  {:>14}  {:>14}", "hour", "keeps all", "forgets");
    let (all, forgets) = (held(&day, Analysis::new(&plan)), held(&day, Analysis::forgetting(&plan)));
    for (hour, (all, forgets)) in (1..).zip(all.iter().zip(&forgets)) {
        println!("{hour:>8}  {:>10.2} MiB  {:>10.2} MiB", mib(*all), mib(*forgets));
    }
}

fn mib(bytes: isize) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// Times each part of `squall report`.
fn report_of(day: &Day) {
    let home = tempfile::tempdir().unwrap();
    let folder = day.write(home.path());
    let start = clock::now();
    let run = stored::journal(folder.path()).unwrap();
    let read = clock::now();
    let outcome = run.analysis.outcome();
    let judged = clock::now();
    report::write_all(&outcome, &Extras::default(), folder.path()).unwrap();
    let summary = terminal::summary(&outcome, None, &terminal::Look::default());
    let written = clock::now();
    assert!(!summary.is_empty());
    let faults = outcome.faults.len();
    drop((outcome, run));
    let most = most_held(|| drop(stored::journal(folder.path()).unwrap().analysis.outcome()));
    println!(
        "{:>7} s  {:>6}  {:>6.1} MiB  {:>5.2} s  {:>5.2} s  {:>5.2} s  {:>5.2} s  {:>4.0} MiB",
        day.spacing,
        faults,
        mib(below(folder.path())),
        read.seconds_since(start),
        judged.seconds_since(read),
        written.seconds_since(judged),
        written.seconds_since(start),
        mib(most)
    );
}

/// The most bytes that are held while this is done.
fn most_held(work: impl FnOnce()) -> isize {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    COUNTS.store(true, Ordering::Relaxed);
    work();
    COUNTS.store(false, Ordering::Relaxed);
    MOST.load(Ordering::Relaxed) - before
}

/// Bytes of journal and samples.
fn below(folder: &Path) -> isize {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len() as isize);
    let samples = std::fs::read_dir(folder.join("samples")).unwrap();
    size(&folder.join("journal.ndjson")) + samples.map(|entry| size(&entry.unwrap().path())).sum::<isize>()
}

/// Bytes that a fold holds after each hour of a run.
fn held(day: &Day, mut analysis: Analysis) -> Vec<isize> {
    COUNTS.store(true, Ordering::Relaxed);
    let (mut seq, mut hours, mut first) = (0, Vec::new(), None);
    day.tell(&mut |at, event| {
        // What the simulation holds by itself is no part of it.
        let (began, before) = *first.get_or_insert_with(|| (at, HELD.load(Ordering::Relaxed)));
        analysis.push(&Event { seq, at, event });
        seq += 1;
        if at.seconds_since(began) >= 3600.0 * (hours.len() + 1) as f64 {
            hours.push(HELD.load(Ordering::Relaxed) - before);
        }
    });
    COUNTS.store(false, Ordering::Relaxed);
    hours
}
