//! `squall plan`: what a run would do, to whom, and the undo of each step. Touches nothing.

use super::arguments::Plan;
use super::cluster::print;
use super::{Exit, Failure, file};
use crate::plan;
use crate::run::plan_json;

pub(super) fn plan(arguments: &Plan) -> Result<Exit, Failure> {
    let cluster = file::cluster(&arguments.cluster)?;
    let plan = file::planned(&arguments.scenario, &cluster, arguments.seed)?;
    if arguments.json {
        let text = plan_json(&plan).map_err(|error| Failure::of(Exit::ToolError, &error))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&plan::describe(&plan))?;
    }
    Ok(Exit::Met)
}
