//! All formats into a run's folder.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{html, json, junit, markdown};
use crate::analysis::Outcome;

/// What a report shows beside the outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// The scenario file as it was run.
    pub scenario_text: String,
    /// The cluster file; it holds no secrets, only where they are.
    pub cluster_text: String,
    /// The command that repeats the run.
    pub command: String,
    /// Path of the scenario file, for JUnit's `file`.
    pub scenario_file: Option<String>,
}

/// Why a report was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// No space left. The run itself is safe in its journal.
    #[error("the disk is full: {} was not written; free some space, then `squall report` makes it again from the journal", path.display())]
    DiskFull {
        /// The report.
        path: PathBuf,
    },
    /// Any other trouble with the file.
    #[error("cannot write {}: {source}", path.display())]
    File {
        /// The report.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A format that could not be made.
    #[error("cannot make {name}: {reason}")]
    Render {
        /// Name of the file.
        name: &'static str,
        /// Why.
        reason: String,
    },
}

/// Writes `report.json`, `report.html`, `summary.md` and `junit.xml` into `folder`, each whole or not at all.
///
/// # Errors
/// [`ReportError::DiskFull`] and [`ReportError::File`] with the path; those already written stay.
pub fn write_all(outcome: &Outcome, extras: &Extras, folder: &Path) -> Result<(), ReportError> {
    let broken = |name| move |reason: String| ReportError::Render { name, reason };
    // The two that show every series.
    let (page, everything) = rayon::join(|| html::render(outcome, extras), || json::render(outcome));
    put(folder, "report.json", &everything.map_err(|error| broken("report.json")(error.to_string()))?)?;
    put(folder, "summary.md", &markdown::render(outcome))?;
    let junit = junit::render(outcome, extras.scenario_file.as_deref()).map_err(|error| broken("junit.xml")(error.to_string()))?;
    put(folder, "junit.xml", &junit)?;
    put(folder, "report.html", &page.map_err(|error| broken("report.html")(error.to_string()))?)
}

/// Into a temporary file beside it, synced, then renamed: a reader sees the old or the new one.
pub(super) fn put(folder: &Path, name: &str, text: &str) -> Result<(), ReportError> {
    let path = folder.join(name);
    let written = (|| {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".report-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let mut file = builder.tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(())
    })();
    written.map_err(|error| trouble(path.clone(), error))
}

fn trouble(path: PathBuf, error: io::Error) -> ReportError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ReportError::DiskFull { path },
        _ => ReportError::File { path, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// With `SQUALL_REPORT_SAMPLE=folder` the reports are left there to be looked at.
    #[test]
    fn every_format_is_written_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = std::env::var_os("SQUALL_REPORT_SAMPLE").map_or_else(|| scratch.path().to_owned(), PathBuf::from);
        write_all(&sample::kill_and_slow_sink(), &sample::extras(), &folder).unwrap();
        write_all(&sample::kill_and_slow_sink(), &sample::extras(), &folder).unwrap();
        let mut names: Vec<String> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["junit.xml", "report.html", "report.json", "summary.md"]);
    }

    #[test]
    fn troubles_name_the_file() {
        let error = write_all(&sample::kill(), &Extras::default(), Path::new("/nonexistent")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write /nonexistent/report.json: "), "{error}");
        let error = trouble(PathBuf::from("x/report.json"), io::Error::from(io::ErrorKind::StorageFull));
        assert!(error.to_string().contains("the disk is full: x/report.json was not written"), "{error}");
    }
}
