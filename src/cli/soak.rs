//! `squall soak`: a scenario for hours, its faults in turns, and what drifts.

use super::arguments::Soak as Arguments;
use super::{Exit, Failure, cluster, file, run, tell};
use crate::plan::{self, Soak};
use crate::units::display;

pub(super) async fn soak(arguments: &Arguments) -> Result<Exit, Failure> {
    let places = cluster::places()?;
    let target = file::cluster(&arguments.cluster)?;
    let checked = file::checked(&arguments.scenario, &target, &|_| {})?;
    let scenario = checked.scenario();
    let soak = Soak::of(scenario, arguments.lasts, arguments.spacing, plan::allowed_recovery(&checked), !arguments.no_collections);
    if soak.spacing.seconds() < 1.0 {
        return Err(Failure::new(Exit::Invalid, "error: faults must be at least a second apart"));
    }
    if soak.lasts.0 < soak.first(scenario).0 + soak.spacing.0 && !scenario.timeline.is_empty() {
        let least = (soak.first(scenario).0 + soak.spacing.0).as_secs_f64();
        let text =
            format!("error: no fault fits into {}: baseline and one fault with its spacing take {}", soak.lasts, display::seconds(least));
        return Err(Failure::new(Exit::Invalid, text));
    }
    let plan = file::plan_of_soak(&checked, file::folder(&arguments.scenario), &target, file::seed_of(&checked, arguments.seed), soak)?;
    tell(&format!("soak for {}: {} faults, {} apart\n", soak.lasts, plan.timeline.len(), soak.spacing));
    run::confirmed(&target.value, arguments.options.confirm.as_deref())?;
    let mut request = run::request(&checked, &arguments.scenario, &arguments.options, plan, &target);
    request.resumable = true;
    run::perform(request, &arguments.scenario, arguments.format, &target, &places).await
}
