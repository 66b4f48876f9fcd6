//! Where the runs of this machine are that may owe something: a link for each in squall's state folder, so that they are found
//! whatever folder their reports went to.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::cluster::Places;
use crate::journal::RunFolder;

fn links(places: &Places) -> PathBuf {
    places.state.join("runs")
}

/// Remembers a run, before it does anything.
pub(super) fn remember(places: &Places, folder: &Path) -> io::Result<()> {
    let links = links(places);
    fs::create_dir_all(&links)?;
    let name = folder.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    match symlink(folder, links.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Forgets a run that owes nothing.
pub(super) fn forget(places: &Places, run: &str) {
    let links = links(places);
    // Not there, or there again: either way the next undo finds nothing owed.
    let _ = fs::remove_file(links.join(run));
    let _ = fs::remove_dir(links);
}

/// Every run that is remembered or lies below `reports`, oldest first, each once.
pub(super) fn runs(places: &Places, reports: &Path) -> Vec<RunFolder> {
    let remembered = fs::read_dir(links(places)).into_iter().flatten().flatten();
    let mut runs: Vec<RunFolder> = remembered.filter_map(|link| RunFolder::open(&link.path()).ok()).collect();
    runs.extend(RunFolder::all(reports).iter().filter_map(|run| RunFolder::open(run.path()).ok()));
    runs.sort_by_key(|run| (run.run(), run.path().to_owned()));
    runs.dedup();
    runs
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_once_wherever_it_lies() {
        let root = tempfile::tempdir().unwrap();
        let places = Places { state: root.path().join("state"), ..Places::from_env().unwrap() };
        let (here, there) = (root.path().join("here"), root.path().join("there"));
        for (reports, run) in [(&here, "r1"), (&there, "r2")] {
            let folder = RunFolder::create(reports, "s", run).unwrap();
            fs::write(folder.journal(), "").unwrap();
            remember(&places, folder.path()).unwrap();
            remember(&places, folder.path()).unwrap();
        }
        let names = |reports: &Path| runs(&places, reports).iter().map(RunFolder::run).collect::<Vec<_>>();
        assert_eq!(names(&here), ["r1", "r2"]);
        forget(&places, "r2");
        assert_eq!(names(&here), ["r1"]);
        assert_eq!(names(&there), ["r1", "r2"]);
        fs::remove_dir_all(&here).unwrap();
        assert_eq!(names(&there), ["r2"]);
        forget(&places, "r1");
        assert!(!links(&places).exists());
    }
}
