//! What squall makes on a cluster that somebody else runs: topics and a job of its own. On clusters that squall starts itself it may.

use super::{Asked, Limits};
use crate::cluster::{Allow, Kind};
use crate::job::JobSpec;
use crate::scenario::yaml::way;

pub(super) fn check(asked: &Asked<'_>, limits: &mut Limits) {
    let spec = asked.spec();
    if !matches!(spec.kind, Kind::External(_)) || spec.allow.contains(&Allow::Everything) {
        return;
    }
    let scenario = asked.checked.scenario();
    let sides = [("source", &scenario.source.topics), ("sink", &scenario.sink.topics)];
    let made = sides.into_iter().flat_map(|(side, topics)| topics.iter().map(move |(name, topic)| (side, name, topic)));
    for (side, name, _) in made.filter(|(_, _, topic)| topic.name.is_none()) {
        if !spec.allow.contains(&Allow::MakeTopics) {
            let here = asked.checked.loaded.at_key(way![side, "topics", name], "squall would make it, and delete it afterwards");
            let owner = asked.owner("allow", "not among these");
            limits.broken.push(
                asked
                    .refused(format!("squall may not make topics on `{}`", spec.name), here, owner)
                    .help("the owner of the cluster file can add `make-topics` to `allow`; or name a topic that exists"),
            );
        }
    }
    if !matches!(scenario.job, JobSpec::Attach(_)) && !spec.allow.contains(&Allow::SubmitJobs) {
        let here = asked.checked.loaded.at_key(way!["job"], "squall would submit it, and cancel it afterwards");
        let owner = asked.owner("allow", "not among these");
        limits.broken.push(
            asked
                .refused(format!("squall may not submit jobs on `{}`", spec.name), here, owner)
                .help("the owner of the cluster file can add `submit-jobs` to `allow`; or attach to a job that runs"),
        );
    }
}
