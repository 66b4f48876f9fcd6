//! What a scenario must be beyond its grammar. Pure but for the job's own files; no cluster. One check a file, each a function
//! from the [`Context`] to problems.

mod abort;
mod baseline;
mod bounds;
mod disturbance;
mod expect;
mod job;
mod names;
mod queries;
mod settings;
mod timeline;
mod topics;
mod traffic;

use std::path::Path;

use super::expectation::{AbortCondition, Expectation, Parsed};
use super::spec::Scenario;
use super::yaml::Loaded;
use crate::diagnostic::{Label, Problem, Report, Source, did_you_mean, listed};
use crate::units::Duration;

/// A scenario without errors, and what its lines of text mean.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The scenario and its places.
    pub loaded: Loaded<Scenario>,
    /// `expect:`.
    pub expectations: Vec<Expectation>,
    /// `abort-when:`.
    pub abort_conditions: Vec<AbortCondition>,
    /// What is odd, but no error.
    pub warnings: Vec<String>,
}

impl Checked {
    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.loaded.value
    }
}

/// What checks look at.
struct Context<'a> {
    loaded: &'a Loaded<Scenario>,
    /// Where relative files count from.
    folder: &'a Path,
    /// Lines of `expect:` that could be read, with their index.
    expectations: &'a [(usize, Parsed)],
}

impl Context<'_> {
    fn scenario(&self) -> &Scenario {
        &self.loaded.value
    }

    /// The timeline's names, also of entries that are wrong.
    fn fault_names(&self) -> Vec<&str> {
        let timeline = self.loaded.written().get("timeline").map_or(&[][..], |entry| entry.value.elements());
        let mut names: Vec<&str> = Vec::new();
        for name in timeline.iter().filter_map(|entry| entry.get("name")?.value.text()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn unknown_fault(&self, name: &str, at: impl Fn(String) -> Label) -> Problem {
        let names = self.fault_names();
        let problem = Problem::error(format!("no fault is called `{name}`"));
        match did_you_mean(name, names.iter().copied()) {
            Some(near) => problem.at(at(format!("did you mean `{near}`?"))),
            None if names.is_empty() => problem.at(at(String::new())).help("the timeline is empty"),
            None => problem.at(at(String::new())).help(format!("the timeline has {}", listed(names))),
        }
    }
}

/// Reads a scenario and finds everything that is wrong with it. Relative files count from `folder`.
///
/// The value is there when the report has no errors.
pub fn check(source: &std::sync::Arc<Source>, folder: &Path) -> (Option<Checked>, Report) {
    check_changed(source, folder, &|_| {})
}

/// The same for the scenario as `change` leaves it: what the command line sets counts as if it were written.
pub fn check_changed(source: &std::sync::Arc<Source>, folder: &Path, change: &dyn Fn(&mut Scenario)) -> (Option<Checked>, Report) {
    let (loaded, mut report) = super::yaml::load::<Scenario>(source);
    let Some(mut loaded) = loaded else { return (None, report) };
    change(&mut loaded.value);
    let (expectations, problems) = expect::parse(&loaded);
    report.extend(problems);
    let (abort_conditions, problems) = abort::parse(&loaded);
    report.extend(problems);
    let context = Context { loaded: &loaded, folder, expectations: &expectations };
    for check in [
        names::check,
        topics::check,
        traffic::check,
        timeline::check,
        settings::check,
        queries::check,
        expect::check,
        bounds::check,
        baseline::check,
        job::check,
    ] {
        report.extend(check(&context));
    }
    report.sort();
    if report.errors() > 0 {
        return (None, report);
    }
    let expectations = expectations.into_iter().map(|(index, parsed)| expect::expectation(&loaded, index, parsed)).collect();
    let warnings = report.problems().iter().map(|problem| problem.title().to_owned()).collect();
    (Some(Checked { loaded, expectations, abort_conditions, warnings }), report)
}

fn seconds(seconds: f64) -> Duration {
    Duration::from(std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
