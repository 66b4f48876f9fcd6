//! `squall check`: every mistake of scenario and cluster files, on its line. Touches nothing.

use super::arguments::Check;
use super::cluster::print;
use super::{Exit, Failure, file, tell};
use crate::plan;
use crate::scenario::check as checks;

pub(super) fn check(arguments: &Check) -> Result<Exit, Failure> {
    let cluster = arguments.cluster.as_deref().map(file::cluster).transpose()?;
    let mut worst = Exit::Met;
    for path in &arguments.scenarios {
        let source = file::source(path)?;
        let folder = file::folder(path);
        let (checked, report) = checks(&source, folder);
        if !report.is_empty() {
            tell(&report.render(file::colour()));
        }
        let Some(checked) = checked.filter(|_| report.errors() == 0) else {
            worst = Exit::Invalid;
            continue;
        };
        if let Some(cluster) = &cluster
            && let Err(refusal) = plan::plan(&checked, folder, cluster, &file::offer(&cluster.value), 0)
        {
            let failure = file::refused(&refusal);
            tell(&failure.text);
            worst = failure.exit;
            continue;
        }
        print(&format!("{}: ok\n", path.display()))?;
    }
    Ok(worst)
}
