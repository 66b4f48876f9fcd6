//! `squall gameday plan`: the whole day with its times. Touches nothing.

use super::{Prepared, prepare};
use crate::cli::arguments::{Format, GameDayPlan};
use crate::cli::cluster::print;
use crate::cli::{Exit, Failure, file};
use crate::plan::Trigger;
use crate::units::display;

pub(super) fn rehearse(arguments: &GameDayPlan) -> Result<Exit, Failure> {
    let target = file::cluster(&arguments.cluster)?;
    let Prepared { loaded, steps } = prepare(&arguments.gameday, &target)?;
    let day = &loaded.value;
    if arguments.format == Format::Json {
        let rows: Vec<_> = steps
            .iter()
            .map(|(step, plan)| {
                let spec = &day.steps[step.index];
                serde_json::json!({
                    "name": spec.name.as_str(), "scenario": step.path, "hypothesis": spec.hypothesis, "owner": spec.owner, "runbook": spec.runbook,
                    "confirm": spec.confirm, "lasts_s": plan.lasts().seconds(), "alerts": spec.expect, "plan": plan,
                })
            })
            .collect();
        print(&format!(
            "{}\n",
            serde_json::json!({ "schema": 1, "name": day.name.as_str(), "cluster": target.value.line(), "steps": rows })
        ))?;
        return Ok(Exit::Met);
    }
    let mut text = format!("game day  {}      cluster  {}\n", day.name, target.value.line());
    if !day.about.is_empty() {
        text.push_str(&format!("          {}\n", day.about));
    }
    let mut at = 0.0;
    for (step, plan) in &steps {
        let spec = &day.steps[step.index];
        text.push_str(&format!("\n{:>7}  {}: {}\n", display::clock(at), spec.name, step.path.display()));
        let mut line = |word: &str, what: &str| text.push_str(&format!("         {word:<11} {what}\n"));
        if let Some(question) = &spec.confirm {
            line("confirm", question);
        }
        line("hypothesis", &spec.hypothesis);
        for (word, what) in [("owner", &spec.owner), ("runbook", &spec.runbook)] {
            if !what.is_empty() {
                line(word, what);
            }
        }
        for fault in &plan.timeline {
            let when = match &fault.trigger {
                Trigger::At(moment) => display::clock(at + moment.seconds()),
                Trigger::When { moment, .. } => moment.to_string(),
            };
            line("fault", &format!("{when}  {}: {}", fault.name, fault.fault.harm()));
        }
        for alert in &spec.expect {
            line("expect", alert);
        }
        line("lasts", &format!("{} and what topics, job and waiting take", display::seconds(plan.lasts().seconds())));
        at += plan.lasts().seconds();
    }
    text.push_str(&format!("\n{:>7}  the end, at the earliest\n", display::clock(at)));
    print(&text)?;
    Ok(Exit::Met)
}
