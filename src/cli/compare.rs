//! `squall compare`: runs, series or kept files against each other.

use std::path::Path;

use super::arguments::Compare;
use super::{Exit, Failure, series, tell};
use crate::analysis::{Comparison, Side, Standing, Verdict};
use crate::campaign::stored::{self, Compared};
use crate::clock;
use crate::report::comparison::{self, Extras, Purpose};
use crate::run::new_run_id;

pub(super) fn compare(arguments: &Compare) -> Result<Exit, Failure> {
    let mut paths: Vec<&Path> = arguments.baseline.iter().map(std::path::PathBuf::as_path).collect();
    paths.extend(arguments.sides.iter().map(std::path::PathBuf::as_path));
    let names = |index: usize| match (&arguments.baseline, index) {
        (Some(_), 0) => "baseline".to_owned(),
        (Some(_), index) if paths.len() == 2 && index == 1 => "now".to_owned(),
        (Some(_), index) => format!("now {index}"),
        (None, index) => char::from_u32(u32::from(b'A') + index as u32).map_or_else(|| index.to_string(), String::from),
    };
    let mut sides: Vec<Compared> = Vec::new();
    for (index, path) in paths.iter().enumerate() {
        let side = stored::side(path, &names(index)).map_err(|error| series::unusable(&error))?;
        for missing in &side.missing {
            tell(&format!("warning: {missing}\n"));
        }
        sides.push(side);
    }
    if let Some(file) = &arguments.keep {
        let Some(last) = sides.last() else { return Err(nothing()) };
        let text = serde_json::to_string_pretty(&last.side).map_err(|error| Failure::of(Exit::ToolError, &error))?;
        std::fs::write(file, text + "\n")
            .map_err(|error| Failure::new(Exit::ToolError, format!("error: cannot write {}: {error}", file.display())))?;
        tell(&format!("kept in {}\n", file.display()));
    }
    if sides.len() < 2 {
        return if arguments.keep.is_some() { Ok(Exit::Met) } else { Err(nothing()) };
    }
    let alarms = sides.iter().filter_map(|side| side.alarm.clone()).collect();
    let plain: Vec<Side> = sides.iter().map(|side| side.side.clone()).collect();
    let compared = Comparison::of(plain, &arguments.accept);
    let id = format!("compare-{}", new_run_id(clock::now()));
    let typical = sides.iter().filter_map(|side| Some((side.side.name.clone(), side.typical.as_ref()?))).collect();
    let extras = Extras { purpose: Purpose::Regression, id: id.clone(), typical, alarms, verdict: Verdict::Met };
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let sheet = comparison::sheet(&compared, &extras).with_inputs(format!("squall compare {}", shown.join(" ")), Vec::new());
    let json = comparison::json(&compared, &id).map_err(|error| Failure::of(Exit::ToolError, &error))?;
    let folder = arguments.reports.join(&id);
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(Exit::ToolError, format!("error: cannot make {}: {error}", folder.display())))?;
    series::publish(&sheet, &json, &folder, arguments.format)?;
    Ok(match compared.standing() {
        Standing::Worse => Exit::Failed,
        Standing::Same | Standing::Better | Standing::Different => Exit::Met,
        Standing::NoData | Standing::NotComparable => Exit::Inconclusive,
    })
}

fn nothing() -> Failure {
    Failure::new(Exit::Invalid, "error: there is only one side; name two, or a --baseline to hold it against")
}
