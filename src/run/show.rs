//! What a watcher is told while a run goes on.

use std::sync::Arc;
use std::time::Duration;

use super::recorder::Recorder;
use super::watcher::{Glance, Watcher};
use crate::clock;
use crate::metric::Metric;
use crate::plan::{Plan, Trigger};

/// Between two looks.
pub(super) const SHOW_EVERY: Duration = Duration::from_millis(500);

/// Tells the watcher what happened, from the given happening on, and how things stand.
pub(super) async fn show(recorder: Arc<Recorder>, watcher: Arc<dyn Watcher>, plan: Plan, from: usize) {
    let mut shown = from;
    loop {
        let (happenings, glance) = recorder.ask(|analysis| {
            let happenings: Vec<_> = analysis.happenings_since(shown).to_vec();
            let at = analysis.seconds(clock::now().0);
            let next = plan.timeline.iter().find_map(|fault| match &fault.trigger {
                Trigger::At(offset) if offset.seconds() > at => Some(format!("{} in {:.0} s", fault.name, offset.seconds() - at)),
                _ => None,
            });
            let value = |metric| analysis.newest(metric);
            let glance = Glance {
                at,
                total: Some(plan.scenario.duration.seconds()),
                input: value(Metric::Input),
                output: value(Metric::Output),
                output_lag: value(Metric::OutputLag),
                job: analysis.job_state().map(str::to_owned),
                next,
            };
            (happenings, glance)
        });
        for (at, word, sentence) in &happenings {
            watcher.happening(*at, word, sentence);
        }
        shown += happenings.len();
        watcher.glance(&glance);
        tokio::time::sleep(SHOW_EVERY).await;
    }
}
