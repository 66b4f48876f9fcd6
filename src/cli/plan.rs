//! `squall plan`: what a run would do, to whom, and the undo of each step. Touches nothing.

use super::arguments::{Format, Plan};
use super::cluster::{places, print};
use super::{Exit, Failure, file, tell};
use crate::plan;
use crate::run::{TargetNow, plan_json, targets_now};

pub(super) async fn plan(arguments: &Plan) -> Result<Exit, Failure> {
    let cluster = file::cluster(&arguments.cluster)?;
    let plan = file::planned(&arguments.scenario, &cluster, arguments.seed)?;
    if arguments.format() == Format::Json {
        let text = plan_json(&plan).map_err(|error| Failure::of(Exit::ToolError, &error))?;
        print(&format!("{text}\n"))?;
        return Ok(Exit::Met);
    }
    print(&plan::describe(&plan))?;
    match targets_now(&plan, &cluster.value, &places()?, file::folder(&arguments.scenario)).await {
        Ok(None) => print(&format!("now       {} is not up; a fault aims when it fires\n", plan.cluster.name))?,
        Ok(Some(targets)) => {
            for TargetNow { fault, target } in targets {
                let target = target.unwrap_or_else(|none| format!("no target: {none}"));
                print(&format!("now       {fault} would hit {target}\n"))?;
            }
        }
        // The plan stands without it.
        Err(error) => tell(&format!("warning: who would be hit now is not known: {error}\n")),
    }
    Ok(Exit::Met)
}
