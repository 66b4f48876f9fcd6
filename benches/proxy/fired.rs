//! How late faults were, by the journals of runs: the moment at which the world changed against the one that was planned.

use std::collections::BTreeMap;
use std::path::Path;

use squall::journal::{EventKind, Reader, RunFolder};

use super::{Result, percentile, sorted};

pub fn fired(folders: &[&str]) -> Result<()> {
    let mut late = Vec::new();
    for folder in folders {
        let mut planned = BTreeMap::new();
        for event in Reader::open_journal(&RunFolder::open(Path::new(folder))?)? {
            match event?.event {
                EventKind::FaultDue { fault, planned: at } => drop(planned.insert(fault, at)),
                EventKind::ActionPerformed { fault, step: 0, effective: Some(effective), .. } => {
                    late.extend(planned.get(&fault).map(|planned| effective.seconds_since(*planned) * 1e3));
                }
                _ => {}
            }
        }
    }
    let late = sorted(late);
    println!("| faults | late p50 | p99 | most |\n|---|---|---|---|");
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| percentile(&late, share));
    println!("| {} | {p50:.1} ms | {p99:.1} ms | {most:.1} ms |", late.len());
    Ok(())
}
