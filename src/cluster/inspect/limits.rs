//! What a cluster's settings do to measurements. Pure: settings in, limits out.

use std::collections::BTreeMap;

use super::Limit;
use crate::flink::CheckpointConfig;
use crate::units::Duration;

/// Flink's settings, as far as they were set; what is not set has its default.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings<'a>(pub &'a BTreeMap<String, String>);

impl Settings<'_> {
    /// A duration: `10 s`, or milliseconds where it has no unit.
    pub fn duration(self, key: &str) -> Option<Duration> {
        let text = self.0.get(key)?.replace(' ', "");
        text.parse::<u64>().map(Duration::from_millis).ok().or_else(|| text.to_lowercase().parse().ok())
    }

    fn duration_or(self, key: &str, usual_ms: u64) -> (Duration, &'static str) {
        self.duration(key).map_or((Duration::from_millis(usual_ms), " (default)"), |said| (said, ""))
    }

    fn number_or(self, key: &str, usual: u64) -> (u64, &'static str) {
        self.0.get(key).and_then(|text| text.trim().parse().ok()).map_or((usual, " (default)"), |said| (said, ""))
    }

    /// `exponential-delay`, `fixed-delay`, `failure-rate`, `none`; with checkpoints the first is the default.
    pub fn restart_strategy(self) -> (&'static str, bool) {
        let said = self.0.get("restart-strategy.type").or_else(|| self.0.get("restart-strategy"));
        let name = match said.map(|text| text.to_lowercase().replace(['-', '_'], "")).as_deref() {
            None | Some("exponentialdelay") => "exponential-delay",
            Some("fixeddelay") => "fixed-delay",
            Some("failurerate") => "failure-rate",
            Some("none" | "off" | "disable") => "none",
            Some(_) => "unknown",
        };
        (name, said.is_none())
    }
}

const CLUSTER: &str = "in Flink's configuration, then restart the JobManager";
const ALL: &str = "in Flink's configuration, then restart JobManager and TaskManagers";

/// Of the Flink cluster. `refresh` is `web.refresh-interval` as Flink tells it.
pub(super) fn of_flink(settings: Settings<'_>, refresh: Duration) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut limit = |what: String, why: &str, mend: String| limits.push(Limit { what, why: why.to_owned(), mend });
    let second = Duration::from_secs(1);
    if refresh > second {
        limit(
            format!("web.refresh-interval is {refresh}"),
            "states of job and tasks are told from a cache of this age: moments of a recovery are known no better",
            format!("`web.refresh-interval: 200 ms` {CLUSTER}"),
        );
    }
    let (cache, usual) = settings.duration_or("rest.cache.checkpoint-statistics.timeout", 3_000);
    if cache > second {
        limit(
            format!("rest.cache.checkpoint-statistics.timeout is {cache}{usual}"),
            "checkpoints are told from a cache of this age: `checkpoint-in-progress` and the age at a fault are known no better",
            format!("`rest.cache.checkpoint-statistics.timeout: 200 ms` {CLUSTER}"),
        );
    }
    let (metrics, usual) = settings.duration_or("metrics.fetcher.update-interval", 10_000);
    if metrics > Duration::from_secs(2) {
        limit(
            format!("metrics.fetcher.update-interval is {metrics}{usual}"),
            "metrics of tasks (position lag, busy time, backpressure) are this old: shorter faults fall between two values",
            format!("`metrics.fetcher.update-interval: 1000` {CLUSTER}"),
        );
    }
    let (history, usual) = settings.number_or("web.checkpoints.history", 10);
    if history < 100 {
        limit(
            format!("web.checkpoints.history is {history}{usual}"),
            "Flink forgets checkpoints beyond this number: at short intervals some are gone before they were looked at",
            format!("`web.checkpoints.history: 100` {CLUSTER}"),
        );
    }
    let (exceptions, usual) = settings.number_or("web.exception-history-size", 16);
    if exceptions < 32 {
        limit(
            format!("web.exception-history-size is {exceptions}{usual}"),
            "a job that restarts often has its first cause forgotten",
            format!("`web.exception-history-size: 64` {CLUSTER}"),
        );
    }
    let (timeout, usual) = settings.duration_or("heartbeat.timeout", 50_000);
    if timeout > Duration::from_secs(15) {
        limit(
            format!("heartbeat.timeout is {timeout}{usual}"),
            "a TaskManager that falls silent (frozen, cut off, its machine dead) is noticed only after this time: it is most of such a recovery",
            format!(
                "`heartbeat.interval: 2 s` and `heartbeat.timeout: 10 s` {ALL}, if false alarms in long pauses of the JVM can be borne"
            ),
        );
    }
    let (interval, usual) = settings.duration_or("heartbeat.interval", 10_000);
    if interval > Duration::from_secs(4) {
        limit(
            format!("heartbeat.interval is {interval}{usual}"),
            "a killed TaskManager whose machine answers is noticed after two refused heartbeats; until then its slots are handed out again, and one kill shows as several restarts",
            format!("`heartbeat.interval: 2 s` {ALL}"),
        );
    }
    match settings.restart_strategy() {
        ("exponential-delay", by_default) => {
            let usual = if by_default { " (default)" } else { "" };
            limit(
                format!("restart-strategy.type is exponential-delay{usual}"),
                "the delay grows with each failure within an hour, up to a minute: later faults of a run measure the delay",
                format!(
                    "`restart-strategy.type: fixed-delay`, `restart-strategy.fixed-delay.delay: 1 s` and `restart-strategy.fixed-delay.attempts: 2147483647` {CLUSTER}, or in the job"
                ),
            );
        }
        ("fixed-delay", _) => {
            let (attempts, usual) = settings.number_or("restart-strategy.fixed-delay.attempts", 1);
            if attempts < 10 {
                limit(
                    format!("restart-strategy.fixed-delay.attempts is {attempts}{usual}"),
                    "one dead TaskManager costs several attempts: the job fails for good while it is still being noticed",
                    format!("`restart-strategy.fixed-delay.attempts: 2147483647` {CLUSTER}, or in the job"),
                );
            }
        }
        ("none", _) => limit(
            "restart-strategy.type is none".to_owned(),
            "the job fails for good at its first failure",
            format!("`restart-strategy.type: fixed-delay` with many attempts {CLUSTER}, or in the job"),
        ),
        _ => {}
    }
    limits
}

/// Of a job's checkpoints; none where it takes none.
pub(super) fn of_checkpoints(job: &str, checkpoints: Option<&CheckpointConfig>) -> Vec<Limit> {
    let Some(interval) = checkpoints.and_then(|config| config.interval) else {
        return vec![Limit {
            what: format!("job {job} takes no checkpoints"),
            why: "it loses its state with any task, and an exactly-once sink shows nothing".to_owned(),
            mend: "`execution.checkpointing.interval: 10 s` in the job".to_owned(),
        }];
    };
    let interval = Duration::from_millis(interval);
    let mut limits = Vec::new();
    if interval > Duration::from_secs(60) {
        limits.push(Limit {
            what: format!("job {job} takes a checkpoint every {interval}"),
            why: "a baseline takes six of them, output of an exactly-once sink comes in steps of one, and a recovery waits for the next"
                .to_owned(),
            mend: "`execution.checkpointing.interval: 10 s` in the job, for the test".to_owned(),
        });
    }
    if checkpoints.is_some_and(|config| config.tolerable_failed_checkpoints == 0) {
        limits.push(Limit {
            what: format!("job {job} bears no failed checkpoint (execution.checkpointing.tolerable-failed-checkpoints is 0)"),
            why: "a slow sink or storage shows as a restart, not as a failed checkpoint".to_owned(),
            mend: "`execution.checkpointing.tolerable-failed-checkpoints: 3` in the job, if that is not what is asked".to_owned(),
        });
    }
    limits
}

/// Of a topic that squall measures at.
pub(super) fn of_topic(topic: &str, timestamps: Option<&str>) -> Option<Limit> {
    (timestamps != Some("LogAppendTime")).then(|| Limit {
        what: format!("message.timestamp.type of topic {topic} is {}", timestamps.unwrap_or("CreateTime")),
        why: "the broker does not say when a record came: end-to-end latency of a sink rests on the clock of whoever wrote it".to_owned(),
        mend: format!(
            "`kafka-configs --alter --entity-type topics --entity-name {topic} --add-config message.timestamp.type=LogAppendTime`"
        ),
    })
}

/// Of the number of slots.
pub(super) fn of_slots(taskmanagers: u32, slots: u32, free: u32) -> Option<Limit> {
    let of_one = slots.checked_div(taskmanagers)?;
    (free < of_one).then(|| Limit {
        what: format!("{free} of {slots} slots are free, a TaskManager has {of_one}"),
        why: "without one TaskManager the job waits for its return (with the default scheduler): that is what such a fault measures"
            .to_owned(),
        mend: "one more TaskManager, if losing one must be borne; else compare by `restarted-by` and how long a return takes".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn whats(pairs: &[(&str, &str)], refresh_ms: u64) -> Vec<String> {
        of_flink(Settings(&settings(pairs)), Duration::from_millis(refresh_ms)).into_iter().map(|limit| limit.what).collect()
    }

    #[test]
    fn defaults_limit_and_the_advice_mends() {
        assert_eq!(
            whats(&[], 3000),
            [
                "web.refresh-interval is 3s",
                "rest.cache.checkpoint-statistics.timeout is 3s (default)",
                "metrics.fetcher.update-interval is 10s (default)",
                "web.checkpoints.history is 10 (default)",
                "web.exception-history-size is 16 (default)",
                "heartbeat.timeout is 50s (default)",
                "heartbeat.interval is 10s (default)",
                "restart-strategy.type is exponential-delay (default)",
            ]
        );
        // What the advice says, taken word by word.
        let mut mended = Vec::new();
        for limit in of_flink(Settings(&settings(&[])), Duration::from_millis(3000)) {
            for part in limit.mend.split('`').skip(1).step_by(2) {
                let (key, value) = part.split_once(": ").unwrap_or_default();
                mended.push((key.to_owned(), value.to_owned()));
            }
        }
        let pairs: Vec<_> = mended.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(whats(&pairs, 200), Vec::<String>::new(), "{pairs:?}");
    }

    #[test]
    fn what_is_said_counts() {
        assert_eq!(
            whats(&[("heartbeat.timeout", "20000"), ("restart-strategy.type", "fixed_delay")], 200)[4..],
            ["heartbeat.timeout is 20s", "heartbeat.interval is 10s (default)", "restart-strategy.fixed-delay.attempts is 1 (default)",]
        );
        assert_eq!(of_topic("a", Some("LogAppendTime")), None);
        assert!(of_topic("a", None).is_some_and(|limit| limit.what.ends_with("CreateTime")));
        assert_eq!(of_slots(3, 6, 2), None);
        assert!(of_slots(2, 4, 1).is_some());
        assert_eq!(of_slots(0, 0, 0), None);
    }
}
