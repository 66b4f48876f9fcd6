//! Every fault at every moment by either healer, in pieces: results are kept in `docs/qualification/safety.ndjson` and shown in
//! `docs/safety.md`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use squall::clock;
use squall::run::crash::POINTS;

use super::crash::crash;
use super::matrix::{ELSEWHERE, FAULTS, Healer, Row, is_possible};
use super::qualified::{commit, date, machine, replace_part};
use super::shared::shared;

/// One crash.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cell {
    fault: String,
    point: String,
    healer: String,
    /// Seconds from the death to the first line of whoever healed.
    began_s: f64,
    /// Seconds from there to the last line.
    took_s: f64,
    /// Why it did not heal, where it did not.
    failure: Option<String>,
    commit: String,
    date: String,
}

type Cells = BTreeMap<(usize, usize, String), Cell>;

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/qualification/safety.ndjson")
}

fn key(cell: &Cell) -> Option<(usize, usize, String)> {
    let fault = FAULTS.iter().position(|row| row.fault == cell.fault)?;
    let point = POINTS.iter().position(|point| *point == cell.point)?;
    Some((fault, point, cell.healer.clone()))
}

fn kept() -> Cells {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str::<Cell>(line).unwrap()).filter_map(|cell| Some((key(&cell)?, cell))).collect()
}

/// Adds a cell to those that are kept, among them what another piece of the matrix has found since.
fn keep(key: (usize, usize, String), cell: Cell) {
    let lock = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("safety.lock")).unwrap();
    lock.lock().unwrap();
    let mut cells = kept();
    cells.insert(key, cell);
    let lines: Vec<String> = cells.values().map(|cell| serde_json::to_string(cell).unwrap() + "\n").collect();
    std::fs::write(file(), lines.concat()).unwrap();
    replace_part(Path::new("docs/safety.md"), &part(&cells));
}

/// What leaves nothing to undo never gets to its undo.
fn comes_to(row: &Row, point: &str) -> bool {
    row.inverse.is_some() || !point.ends_with("-undo")
}

/// `SQUALL_FAULTS` names some faults instead of all, `SQUALL_POINTS` some points; `SQUALL_MISSING` runs only what has no result yet.
/// Pieces may run side by side: each has a cluster of its own.
#[test]
#[ignore = "hours; ./dev qualify safety"]
fn qualify_safety() {
    let named = |variable: &str, name: &str| std::env::var(variable).is_ok_and(|names| !names.split(',').any(|one| one == name));
    let only_missing = std::env::var_os("SQUALL_MISSING").is_some();
    let cells = kept();
    let mut failed = Vec::new();
    let commit = commit();
    for row in FAULTS.iter().filter(|row| !named("SQUALL_FAULTS", row.fault) && is_possible(shared(), row)) {
        for point in POINTS.iter().filter(|point| !named("SQUALL_POINTS", point) && comes_to(row, point)) {
            for healer in Healer::ALL.into_iter().filter(|healer| !named("SQUALL_HEALERS", healer.name())) {
                let mut cell = Cell {
                    fault: row.fault.to_owned(),
                    point: (*point).to_owned(),
                    healer: healer.name().to_owned(),
                    began_s: 0.0,
                    took_s: 0.0,
                    failure: None,
                    commit: commit.clone(),
                    date: date(),
                };
                let Some(key) = key(&cell) else { continue };
                if only_missing && cells.get(&key).is_some_and(|kept| kept.failure.is_none()) {
                    continue;
                }
                let start = clock::now();
                match std::panic::catch_unwind(AssertUnwindSafe(|| crash(row, point, healer))) {
                    Ok(healed) => (cell.began_s, cell.took_s) = (healed.began_s, healed.took_s),
                    Err(panic) => {
                        let text = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "see the log".to_owned());
                        cell.failure = Some(text.lines().next().unwrap_or_default().chars().take(200).collect());
                        failed.push(format!("{} {point} {}: {text}", row.fault, healer.name()));
                    }
                }
                println!("{:.0} s {cell:?}", clock::now().seconds_since(start));
                keep(key, cell);
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn part(cells: &Cells) -> String {
    let healed: Vec<&Cell> = cells.values().filter(|cell| cell.failure.is_none()).collect();
    let worst = |value: fn(&Cell) -> f64, healer: &str| {
        healed.iter().filter(|cell| cell.healer == healer).map(|cell| value(cell)).fold(0.0f64, f64::max)
    };
    let possible: usize = FAULTS.iter().map(|row| 2 * POINTS.iter().filter(|point| comes_to(row, point)).count()).sum();
    let commits: std::collections::BTreeSet<String> = cells.values().map(|cell| format!("{} of {}", cell.commit, cell.date)).collect();
    let mut text = format!(
        "{}\n- cells by commit {}; seed 7 in every scenario\n\n{} of {possible} cells run, {} healed, {} did not. The guard began at most {:.2} s after squall's death (limit 2 s); \
         the longest healing took {:.1} s by the guard and {:.1} s by `squall undo`.\n\n",
        machine(),
        commits.into_iter().collect::<Vec<_>>().join(", "),
        cells.len(),
        healed.len(),
        cells.len() - healed.len(),
        worst(|cell| cell.began_s, "guard"),
        worst(|cell| cell.took_s, "guard"),
        worst(|cell| cell.took_s, "undo"),
    );
    let heading: String = POINTS.iter().map(|point| format!(" {point} |")).collect();
    writeln!(text, "| fault | inverse |{heading}\n|{}", "---|".repeat(POINTS.len() + 2)).unwrap();
    for (fault, row) in FAULTS.iter().enumerate() {
        write!(text, "| `{}` | {} |", row.fault, row.inverse.map_or("–".to_owned(), |inverse| format!("`{inverse}`"))).unwrap();
        for (point, name) in POINTS.iter().enumerate() {
            let shown = |healer: Healer| match cells.get(&(fault, point, healer.name().to_owned())) {
                None => "not run".to_owned(),
                Some(Cell { failure: Some(_), .. }) => "**not healed**".to_owned(),
                Some(cell) => format!("{:.1} s", cell.took_s),
            };
            if comes_to(row, name) {
                write!(text, " {} · {} |", shown(Healer::Guard), shown(Healer::Undo)).unwrap();
            } else {
                write!(text, " – |").unwrap();
            }
        }
        text.push('\n');
    }
    text.push_str("\nIn no row:");
    for (fault, reason) in ELSEWHERE {
        write!(text, " `{fault}` ({reason});").unwrap();
    }
    text.pop();
    text.push_str(".\n");
    text
}
