//! The verdict on delivery again, from the topics alone: after a crash, or for whoever doubts the first one.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{self, Timestamp};
use crate::delivery::{Case, DeliveryError, Expected, Judged, TopicStart, Verdict, Verifier, VerifierSettings};
use crate::journal::{Event, EventKind, Phase, Poll};
use crate::kafka::Connection;
use crate::metric::Metric;
use crate::plan::Plan;
use crate::traffic::identity::run_hash;

/// What a journal says of a run's records.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Written {
    run: String,
    streams: Vec<String>,
    inputs: Vec<TopicStart>,
    sinks: Vec<TopicStart>,
    late: u64,
    /// Whether the job had its time to bring everything out.
    drained: bool,
    /// Topics that are removed.
    removed: Vec<String>,
}

/// Why there is no other verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run broke off before it.
    #[error("the run ended before it sent a record")]
    NothingSent,
    /// squall made them for the run only.
    #[error("topic {0} went with the run; a verdict can be made again where the scenario names topics that stay")]
    Gone(String),
    /// Kafka.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
}

impl Written {
    /// Takes in an event of the journal.
    pub fn take(&mut self, event: &Event) {
        match &event.event {
            EventKind::RunStarted { run, .. } => self.run.clone_from(run),
            EventKind::Reading { streams, inputs, sinks } => {
                self.streams.clone_from(streams);
                self.inputs.clone_from(inputs);
                self.sinks.clone_from(sinks);
            }
            EventKind::Sample { metric: Metric::LateDropped, value, .. } => self.late = *value as u64,
            EventKind::Delivery(_) => self.drained = true,
            EventKind::Phase(Phase::Preparing) => self.drained = false,
            EventKind::Removed { kind, name } if kind == "topic" => self.removed.push(name.clone()),
            _ => {}
        }
    }

    /// Takes in samples of the journal.
    pub fn take_poll(&mut self, poll: &Poll) {
        let mut late = poll.series.iter().zip(&poll.values).filter(|((metric, _), _)| *metric == Metric::LateDropped);
        if let Some((_, value)) = late.next_back() {
            self.late = *value as u64;
        }
    }

    /// Reads sink and input, and judges. `job_stays`: the job was not squall's, and went on after the crash. Blocks.
    ///
    /// # Errors
    /// When nothing was sent, the topics are gone, or cannot be read.
    pub fn judge(&self, plan: &Plan, connection: &Connection, job_stays: bool) -> Result<Judged, Error> {
        if self.inputs.is_empty() {
            return Err(Error::NothingSent);
        }
        if let Some(gone) = self.inputs.iter().chain(&self.sinks).find(|topic| self.removed.contains(&topic.topic)) {
            return Err(Error::Gone(gone.topic.clone()));
        }
        let sink = &plan.scenario.sink;
        let settings = VerifierSettings {
            connection: connection.clone(),
            sinks: self.sinks.clone(),
            expected: Expected {
                run: run_hash(&self.run),
                streams: self.streams.clone(),
                placement: sink.identity.clone(),
                copies: sink.check.factor(),
            },
            check: sink.check.clone(),
            latencies_from: Timestamp(i64::MAX),
        };
        let verifier = Verifier::start(settings, |_| {})?;
        let drained = verifier.drain(clock::now().plus(plan.scenario.drain.within.0.max(Duration::from_secs(60))))?;
        let case = Case {
            connection,
            inputs: &self.inputs,
            check: &sink.check,
            sink_is_ours: sink.topics.values().all(|topic| topic.name.is_none()),
            ledger: None,
            sink: verifier.finish()?,
            drained: &drained,
            late: self.late,
        };
        let mut judged = case.judge();
        if !self.drained && !job_stays {
            cut_short(&mut judged.verdict);
        }
        Ok(judged)
    }
}

/// The job was ended with the run: what it had not brought out by then is not lost by it.
fn cut_short(verdict: &mut Verdict) {
    if verdict.no_data.is_none() && (verdict.lost > 0 || verdict.pending > 0) {
        verdict.no_data = Some(format!(
            "the job was ended with the run, before it had brought everything out: {} of {} records are not in the sink",
            verdict.lost + verdict.pending,
            verdict.in_input
        ));
    }
}

/// [`Written::judge`] from an async context.
///
/// # Errors
/// As there.
pub async fn again(written: Arc<Written>, plan: Arc<Plan>, connection: Connection, job_stays: bool) -> Result<Judged, Error> {
    let judging = tokio::task::spawn_blocking(move || written.judge(&plan, &connection, job_stays));
    judging.await.unwrap_or(Err(Error::Delivery(DeliveryError::Died)))
}
