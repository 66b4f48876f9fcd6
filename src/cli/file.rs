//! Files that users write, read with their mistakes told.

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{Exit, Failure, pipeline, tell};
use crate::action::Ability;
use crate::clock;
use crate::cluster::{AnyOfKind, Can, ClusterSpec, KINDS};
use crate::diagnostic::{Problem, Report, Source};
use crate::plan::{self, Because, Offer, Plan, Refusal, Soak};
use crate::scenario::yaml::{Loaded, Step, load};
use crate::scenario::{Checked, Scenario, check_changed};

/// Reads a file as text.
pub(super) fn source(path: &Path) -> Result<Arc<Source>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Source::new(path.display().to_string(), text)),
        Err(error) => Err(Failure::new(Exit::Invalid, format!("error: cannot read {}: {error}", path.display()))),
    }
}

/// Reads a file as a value; any mistake in it ends the command.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Loaded<T>, Failure> {
    let source = source(path)?;
    match load(&source) {
        (Some(loaded), report) if report.errors() == 0 => Ok(loaded),
        (_, report) => Err(invalid(&report)),
    }
}

/// Reads a cluster file; any mistake in it ends the command.
pub(super) fn cluster(path: &Path) -> Result<Loaded<ClusterSpec>, Failure> {
    let mut loaded = read::<ClusterSpec>(path)?;
    let mut report = Report::default();
    for mistake in loaded.value.mistakes() {
        let steps: Vec<_> = mistake.path.iter().map(|key| Step::Key(key)).collect();
        report.push(Problem::error(&mistake.what).at(loaded.at_key(&steps, "")));
    }
    if !report.is_empty() {
        return Err(invalid(&report));
    }
    let base = std::path::absolute(folder(path)).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    loaded.value = loaded.value.relative_to(&base);
    Ok(loaded)
}

/// What a plan is refused for, as a failure.
pub(super) fn refused(refusal: &Refusal) -> Failure {
    let exit = match refusal.because {
        Because::NotAllowed => Exit::Refused,
        Because::Impossible => Exit::Invalid,
    };
    Failure::new(exit, pipeline::mistakes(&refusal.report, colour()))
}

/// A checked scenario and its plan on a cluster; warnings go to stderr.
pub(super) fn planned(scenario: &Path, cluster: &Loaded<ClusterSpec>, seed: Option<u64>) -> Result<Plan, Failure> {
    let checked = checked(scenario, cluster, &|_| {})?;
    plan_of(&checked, folder(scenario), cluster, seed_of(&checked, seed))
}

/// [`checked`] of a scenario that a setting may not fit; the text says why it does not.
pub(super) fn checked_with(
    scenario: &Path,
    cluster: &Loaded<ClusterSpec>,
    set: &dyn Fn(&mut Scenario) -> Result<(), String>,
) -> Result<Checked, Failure> {
    let misfit = RefCell::new(None);
    let checked = checked(scenario, cluster, &|scenario| *misfit.borrow_mut() = set(scenario).err());
    match misfit.into_inner() {
        Some(why) => Err(Failure::new(Exit::Invalid, format!("error: {why}"))),
        None => checked,
    }
}

/// A scenario as the command line changes it, without mistakes; warnings, and what is foreseen on the cluster, go to stderr.
pub(super) fn checked(scenario: &Path, cluster: &Loaded<ClusterSpec>, change: &dyn Fn(&mut Scenario)) -> Result<Checked, Failure> {
    let source = source(scenario)?;
    let (checked, mut report) = check_changed(&source, folder(scenario), change);
    let Some(checked) = checked.filter(|_| report.errors() == 0) else { return Err(invalid(&report)) };
    report.extend(plan::foreseen(&checked, cluster));
    if !report.is_empty() {
        tell(&report.render(colour()));
    }
    Ok(checked)
}

/// The plan of a checked scenario, whose folder this is.
pub(super) fn plan_of(checked: &Checked, folder: &Path, cluster: &Loaded<ClusterSpec>, seed: u64) -> Result<Plan, Failure> {
    plan::plan(checked, folder, cluster, &offer(&cluster.value), seed).map_err(|refusal| refused(&refusal))
}

/// The plan of a soak.
pub(super) fn plan_of_soak(
    checked: &Checked,
    folder: &Path,
    cluster: &Loaded<ClusterSpec>,
    seed: u64,
    soak: Soak,
) -> Result<Plan, Failure> {
    plan::plan_soak(checked, folder, cluster, &offer(&cluster.value), seed, soak).map_err(|refusal| refused(&refusal))
}

/// The seed of the command line, else the scenario's, else a new one.
pub(super) fn seed_of(checked: &Checked, seed: Option<u64>) -> u64 {
    seed.or(checked.scenario().seed).unwrap_or_else(drawn_seed)
}

/// What a cluster of this kind can do, whether or not it is up.
pub(super) fn offer(cluster: &ClusterSpec) -> Offer {
    let own = cluster.kind.name();
    // The engine's own, on every kind.
    let engine = [Ability::ChangeTraffic, Ability::ChangeTopics, Ability::ChangeJob];
    let of_kind = |kind: &AnyOfKind| Ability::all().filter(|ability| (kind.can)(*ability) != Can::Never).collect();
    let with = KINDS.iter().filter(|kind| kind.name == own).flat_map(|kind| {
        Ability::all().filter_map(|ability| match (kind.can)(ability) {
            Can::With(what) => Some((ability, what.to_owned())),
            Can::Always | Can::Never => None,
        })
    });
    Offer {
        kind: own.to_owned(),
        abilities: cluster.kind.abilities().into_iter().chain(engine).collect(),
        links: cluster.kind.proxied_links(),
        with: with.collect(),
        elsewhere: KINDS.iter().filter(|kind| kind.name != own).map(|kind| (kind.name.to_owned(), of_kind(kind))).collect(),
        link_advice: cluster.kind.link_advice().map(str::to_owned),
    }
}

/// A seed for a run whose scenario says none; the plan keeps it. Small enough to be typed again.
fn drawn_seed() -> u64 {
    u64::from(crc32fast::hash(format!("{} {}", clock::now().0, std::process::id()).as_bytes())) % 1_000_000
}

/// All mistakes, as a failure.
pub(super) fn invalid(report: &Report) -> Failure {
    Failure::new(Exit::Invalid, pipeline::mistakes(report, colour()))
}

/// Whether stderr takes colours.
pub(super) fn colour() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// The folder that relative paths in a file count from.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
