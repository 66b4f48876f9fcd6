//! Rules of thumb of people who run such pipelines, applied to what was seen. Each says what was seen and what to do; none is a verdict.

use super::Analysis;
use super::measure::median_of;
use super::outcome::{Finding, Recovery};
use super::recovery::Course;
use super::restarts::Restarted;
use crate::action::{Action, NodeDeed};
use crate::metric::Metric;
use crate::units::display;

fn finding(severity: &str, title: impl Into<String>, evidence: impl Into<String>, advice: impl Into<String>) -> Finding {
    Finding { severity: severity.to_owned(), title: title.into(), evidence: evidence.into(), advice: advice.into() }
}

impl Analysis {
    /// Findings, problems first.
    pub(super) fn findings(&self, courses: &[Course], restarts: &[Restarted]) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.lost_records());
        findings.extend(self.failed_for_good());
        findings.extend(unexplained(restarts));
        findings.extend(self.many_restarts(restarts));
        findings.extend(self.attempts_used(restarts));
        findings.extend(self.short_transactions(courses));
        findings.extend(self.slow_checkpoints());
        findings.extend(self.start_delay());
        findings.extend(self.backpressure());
        findings.extend(self.committed_against_position());
        findings.extend(self.clock_trouble());
        findings.extend(self.without_broker_clock());
        findings.extend(self.generator_hints());
        findings.extend(self.frozen_sources());
        for (fault, course) in self.faults.all().iter().zip(courses) {
            if let Recovery::NotRecovered { how_far, .. } = &course.recovery {
                findings.push(finding(
                    "problem",
                    format!("{}: not back to normal", fault.id.name),
                    how_far.clone(),
                    if self.run.delivery.as_ref().is_some_and(|verdict| verdict.lost > 0) {
                        "look at the lost records first: what never comes out keeps the output lag up"
                    } else {
                        "give the job room to catch up: the time to work off a backlog is backlog ÷ (capacity − rate); find the capacity with `squall capacity`"
                    },
                ));
            }
        }
        let rank = |severity: &str| ["problem", "risk", "note"].iter().position(|known| *known == severity);
        findings.sort_by_key(|finding| rank(&finding.severity));
        findings
    }

    /// A key of the cluster's or the job's effective configuration.
    fn config(&self, key: &str) -> Option<&str> {
        self.run.facts.values().find_map(|section| section.get(key)).map(String::as_str)
    }

    fn config_seconds(&self, key: &str) -> Option<f64> {
        let text = self.config(key)?.replace(' ', "");
        // Flink reads a bare number as milliseconds.
        text.parse::<f64>()
            .map(|milliseconds| milliseconds / 1e3)
            .ok()
            .or_else(|| Some(text.parse::<crate::units::Duration>().ok()?.seconds()))
    }

    /// A job that ended without being asked to.
    fn failed_for_good(&self) -> Option<Finding> {
        let state = self.ended_as()?;
        let last = self.job.exceptions.iter().max_by_key(|thrown| thrown.thrown);
        let evidence = last.map_or_else(|| "no exception was seen".to_owned(), |thrown| format!("its last failure: {}", thrown.cause));
        let advice = if state == "LOST" {
            "no JobManager knows the job any more: without high availability it dies with its JobManager"
        } else {
            "read the exception; where a restore fails for ever, more restart attempts do not help"
        };
        Some(finding("problem", format!("the job ended {state}"), evidence, advice))
    }

    fn lost_records(&self) -> Option<Finding> {
        let verdict = self.run.delivery.as_ref().filter(|verdict| verdict.lost > 0)?;
        let ended = self.ended_as();
        // A job that ended explains it; transactions that it left open are no cause.
        let hinted = self.hints().into_iter().find(|hint| ended.is_none() && hint.starts_with("transaction"));
        let evidence = hinted.map_or_else(String::new, |hint| format!("; a hint: {hint}"));
        Some(finding(
            "problem",
            format!("{} acknowledged records never came out", display::grouped(verdict.lost)),
            format!(
                "of {} in the input topic, {} were seen in the sink{evidence}",
                display::grouped(verdict.in_input),
                display::grouped(verdict.seen)
            ),
            match ended {
                Some(state) => format!(
                    "the job ended {state}: what it had not committed by then never came out. It is in the input topic, and a job that is restored from the last retained checkpoint goes on there"
                ),
                None => {
                    "look at the first offenders; when they lie in one checkpoint interval, a transaction was aborted by the broker: make \
                         transaction.timeout.ms longer than any outage"
                        .to_owned()
                }
            },
        ))
    }

    /// One kill, several failures: the ResourceManager hands out the dead TaskManager's slots until it has noticed too.
    fn many_restarts(&self, restarts: &[Restarted]) -> Vec<Finding> {
        let mut found = Vec::new();
        for fault in self.faults.all() {
            let killed = fault.actions().any(|action| matches!(action, Action::Node { deed: NodeDeed::Kill | NodeDeed::Disconnect, .. }));
            let count = restarts.iter().filter(|restart| restart.explained_by.as_ref() == Some(&fault.id)).count();
            // A crash loop has a restart for each of its kills.
            let kills = fault.performed.iter().filter(|deed| deed.error.is_none()).count();
            if !killed || count <= kills.max(1) {
                continue;
            }
            let interval = self.config_seconds("heartbeat.interval").unwrap_or(10.0);
            let threshold = self.config("heartbeat.rpc-failure-threshold").and_then(|value| value.parse::<f64>().ok()).unwrap_or(2.0);
            let delay = self.config_seconds("restart-strategy.fixed-delay.delay").unwrap_or(1.0);
            found.push(finding(
                "risk",
                format!("{}: one lost node, {count} restarts", fault.id.name),
                format!(
                    "heartbeat.interval × heartbeat.rpc-failure-threshold = {} is longer than the restart delay of {}: until the ResourceManager \
                     notices, it hands out slots of the dead TaskManager and each attempt fails; subtasks that exchange nothing restart on their own, too",
                    display::seconds(interval * threshold),
                    display::seconds(delay)
                ),
                "shorten heartbeat.interval, or allow more restart attempts than heartbeat.interval × threshold ÷ delay",
            ));
        }
        found
    }

    /// A fixed-delay strategy with few attempts lets a job die for good after one noisy minute.
    fn attempts_used(&self, restarts: &[Restarted]) -> Option<Finding> {
        let attempts = self.config("restart-strategy.fixed-delay.attempts")?.parse::<f64>().ok()?;
        let used = restarts.len() as f64;
        (attempts < 1000.0 && used > 0.0 && used * 2.0 >= attempts).then(|| {
            finding(
                "risk",
                format!("{used} of {attempts} restart attempts were used"),
                "restart-strategy.fixed-delay.attempts counts over the whole life of the job",
                "use exponential-delay, or far more attempts",
            )
        })
    }

    /// The broker aborts a transaction that is open for longer than its timeout, and what is in it is lost silently.
    fn short_transactions(&self, courses: &[Course]) -> Option<Finding> {
        let timeout = self.config_seconds("transaction.timeout.ms").or_else(|| self.config_seconds("properties.transaction.timeout.ms"))?;
        let longest =
            courses.iter().filter_map(|course| Some((course.moment(6)?.at - course.moment(1)?.at) as f64 / 1e9)).max_by(f64::total_cmp)?;
        (longest * 2.0 > timeout).then(|| {
            finding(
                if longest > timeout { "problem" } else { "risk" },
                "the transaction timeout is close to the outage",
                format!("transaction.timeout.ms is {}, the longest outage was {}", display::seconds(timeout), display::seconds(longest)),
                "set transaction.timeout.ms well above the longest outage to survive, and transaction.max.timeout.ms of the broker with it",
            )
        })
    }

    /// Checkpoints that take longer than their interval queue, and come in a row as soon as they can.
    fn slow_checkpoints(&self) -> Option<Finding> {
        let interval = self.interval() as f64 / 1e9;
        let durations: Vec<f64> =
            self.checkpoints.all().filter(|record| !record.savepoint).filter_map(|record| record.duration_s).collect();
        let long: Vec<f64> = durations.iter().copied().filter(|duration| *duration > interval).collect();
        let longest = long.iter().copied().max_by(f64::total_cmp)?;
        (long.len() >= 3).then(|| {
            finding(
                if long.len() * 2 > durations.len() { "risk" } else { "note" },
                format!("{} of {} checkpoints took longer than their interval", long.len(), durations.len()),
                format!(
                    "interval {}, longest {}: they queue, and follow each other without a pause when they can",
                    display::seconds(interval),
                    display::seconds(longest)
                ),
                "set execution.checkpointing.min-pause, make state smaller or incremental, or lengthen the interval",
            )
        })
    }

    fn start_delay(&self) -> Option<Finding> {
        let parts = |record: &crate::journal::CheckpointRecord| record.slowest.clone();
        let slow: Vec<_> = self.checkpoints.all().filter_map(parts).filter(|parts| parts.end_to_end_s > 1.0).collect();
        let waiting = slow.iter().filter(|parts| parts.start_delay_s > 0.5 * parts.end_to_end_s).count();
        (waiting * 2 > slow.len() && waiting > 2).then(|| {
            finding(
                "note",
                "barriers wait on their way",
                format!("in {waiting} of {} checkpoints above 1 s more than half was start delay", slow.len()),
                "a long start delay is backpressure: find the busy vertex downstream, or use unaligned checkpoints",
            )
        })
    }

    fn backpressure(&self) -> Option<Finding> {
        let (from, to) = self.whole_run();
        let median = |metric: Metric, vertex: &str| {
            let values = self
                .samples
                .subjects(metric)
                .filter(|(of, _)| matches!(of, crate::journal::Of::Subtask { vertex: name, .. } if name == vertex));
            median_of(values.flat_map(|(_, samples)| samples.within(from, to)).map(|(_, value)| *value))
        };
        // The most downstream busy vertex whose upstream is backpressured.
        let pairs = self.job.vertices.windows(2).rev();
        let (upstream, busy) = pairs
            .map(|pair| (&pair[0].0, &pair[1].0))
            .find(|(upstream, vertex)| median(Metric::Busy, vertex) > 0.7 && median(Metric::Backpressure, upstream) > 0.1)?;
        Some(finding(
            "risk",
            format!("the bottleneck is {busy}"),
            format!(
                "it was busy for {} of the time while {upstream} was held back for {} (medians over the run)",
                display::percent(median(Metric::Busy, busy)),
                display::percent(median(Metric::Backpressure, upstream))
            ),
            "raise its parallelism; where only some subtasks are busy, the keys are skewed: pre-aggregate, or spread the hot ones",
        ))
    }

    fn committed_against_position(&self) -> Option<Finding> {
        let (from, to) = self.whole_run();
        let median =
            |metric| median_of(self.samples.whole(metric).iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, value)| *value));
        let (committed, position) = (median(Metric::CommittedLag), median(Metric::PositionLag));
        (committed > 2.0 * position && committed > 1000.0).then(|| {
            finding(
                "note",
                "committed lag overstates how far the job is behind",
                format!("median committed lag {}, position lag {}", display::count(committed), display::count(position)),
                "Flink commits offsets only with checkpoints: alert on position or output lag, or allow rate × checkpoint interval",
            )
        })
    }

    fn clock_trouble(&self) -> Option<Finding> {
        let negative: u64 = self.latency.metrics().flat_map(|metric| self.latency.stretches(metric)).map(|stretch| stretch.negative).sum();
        (negative > 0).then(|| {
            finding(
                "note",
                format!("{} latencies lie below zero", display::grouped(negative)),
                "a clock is ahead of another by more than what was measured",
                "synchronise the clocks of the brokers and of this machine",
            )
        })
    }

    fn without_broker_clock(&self) -> Option<Finding> {
        let topics: Vec<&str> =
            self.run.facts.get("sink-clock")?.iter().filter(|(_, kind)| *kind == "CreateTime").map(|(topic, _)| topic.as_str()).collect();
        (!topics.is_empty()).then(|| {
            finding(
                "note",
                "end-to-end latency is by squall's reader",
                format!(
                    "{} has CreateTime: no broker's clock stamps its records, so that it is the same as visible latency",
                    topics.join(", ")
                ),
                "set message.timestamp.type=LogAppendTime on the sink topic to tell the job's latency from that of its commits",
            )
        })
    }

    fn generator_hints(&self) -> Option<Finding> {
        let (from, to) = self.whole_run();
        let own = self.samples.get(Metric::OwnCpu, &crate::journal::Of::Run)?;
        let busiest = own.within(from, to).iter().map(|(_, value)| *value).max_by(f64::total_cmp)?;
        let limited = self.generator().is_err();
        limited.then(|| {
            finding(
                "problem",
                "the generator was behind its schedule",
                format!("squall used up to {} cores", display::significant(busiest)),
                "give it a machine of its own, lower the rate, or run several shards of the schedule",
            )
        })
    }

    fn frozen_sources(&self) -> Option<Finding> {
        let frozen = self.happenings.iter().filter(|happening| happening.word == "frozen").count();
        (frozen > 0).then(|| {
            finding(
                "note",
                "values of Flink's stood still",
                format!("{frozen} series did not move although they must; what they said is left out"),
                "after TaskManagers were killed Flink's metric endpoints can freeze for good: alerts on them go blind just then",
            )
        })
    }
}

fn unexplained(restarts: &[Restarted]) -> Option<Finding> {
    let foreign: Vec<&Restarted> = restarts.iter().filter(|restart| restart.explained_by.is_none()).collect();
    let first = foreign.first()?;
    Some(finding(
        "problem",
        format!("{} restarts that no fault of squall's explains", foreign.len()),
        format!("first: {}", first.cause),
        "read the exception: the job fails by itself",
    ))
}
