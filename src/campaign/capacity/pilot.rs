//! The search on a run that goes on: one job for all probes, whose offered rate is changed, whose backlog is drained in between, and that
//! faults are fired at.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::search::{Goal, Next, next};
use crate::analysis::capacity::{Leg, Probe, Purpose, RecoveryProbe};
use crate::analysis::{Hold, HoldLimits, Recovery, Sustained};
use crate::clock::{self, Timestamp};
use crate::journal::{Ending, FaultId};
use crate::plan::PlannedFault;
use crate::run::{Helm, Pilot, RateError, Throttle};
use crate::scenario::baseline;
use crate::units::display;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A backlog takes at most this long to drain; longer, and the job does not process at all.
const DRAIN_WITHIN: Duration = Duration::from_secs(180);
/// Watching for a recovery goes on for so much longer than the objective.
const PATIENCE: f64 = 1.5;
/// A fault that disturbs nothing within this has been ridden through.
const RIDDEN_THROUGH: f64 = 60.0;

/// Steers one leg.
pub struct Search {
    /// What is to be found.
    pub goal: Goal,
    /// Limits of a hold.
    pub limits: HoldLimits,
    /// The fault of the recovery objective.
    pub fault: Option<PlannedFault>,
    /// Nothing new begins after this.
    pub deadline: Timestamp,
    /// What was found so far; grows probe by probe.
    pub leg: Mutex<Leg>,
    /// Called after each probe, so that it can be kept.
    pub keep: Box<dyn Fn(&Leg) + Send + Sync>,
    /// Where `keep` keeps it, for people.
    pub file: PathBuf,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search").field("goal", &self.goal).field("file", &self.file).finish_non_exhaustive()
    }
}

/// Why a probe could not be made.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Stopped(String),
    #[error(transparent)]
    Rate(#[from] RateError),
    #[error("the backlog did not drain within {0} s: the job processes nothing")]
    Stuck(u64),
}

impl From<Ending> for Broken {
    fn from(ending: Ending) -> Self {
        Self::Stopped(match ending {
            Ending::Completed => "the schedule ended".to_owned(),
            Ending::Aborted(why) => format!("aborted: {why}"),
            Ending::Interrupted(signal) => format!("interrupted by {signal}"),
            Ending::Failed(why) => why,
        })
    }
}

impl Pilot for Search {
    fn fly<'a>(&'a self, helm: Helm<'a>) -> BoxFuture<'a, ()> {
        async move {
            let mut flight = Flight { search: self, helm, throttle: Throttle::default(), faults: self.faults_before() };
            let ended = match flight.all().await {
                Ok(ended) => ended,
                Err(broken) => Some(broken.to_string()),
            };
            if let Some(why) = &ended {
                helm.say("ended", why);
            }
            self.change(|leg| leg.ended = ended);
        }
        .boxed()
    }
}

impl Search {
    fn change(&self, change: impl FnOnce(&mut Leg)) {
        let mut leg = self.leg.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut leg);
        (self.keep)(&leg);
    }

    fn look<T>(&self, look: impl FnOnce(&Leg) -> T) -> T {
        look(&self.leg.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Occurrences go on counting, so that no two faults of a leg have one name.
    fn faults_before(&self) -> u32 {
        let fired = self.look(|leg| leg.probes.iter().filter(|probe| probe.recovery.is_some()).count());
        u32::try_from(fired).unwrap_or(u32::MAX)
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(self.limits.interval.max(1.0))
    }

    /// A hold spans several checkpoints: 60 s or ten of them.
    fn hold(&self) -> Duration {
        Duration::from_secs(60).max(10 * self.interval())
    }

    /// A short look: 10 s or five checkpoints.
    fn glimpse(&self) -> Duration {
        Duration::from_secs(10).max(5 * self.interval())
    }

    /// A steady stretch that a fault can be compared with, and a little more.
    fn baseline(&self) -> Duration {
        baseline::settled(self.interval()) + Duration::from_secs(3)
    }

    /// What a probe takes at most.
    fn needs(&self, purpose: Purpose) -> Duration {
        match purpose {
            Purpose::Grow => 3 * self.glimpse(),
            Purpose::Narrow | Purpose::Confirm => self.hold() + 4 * self.interval(),
            Purpose::Recover => self.baseline() + Duration::from_secs_f64(self.goal.objective.unwrap_or(60.0) + 10.0),
        }
    }
}

/// One run's part of the search.
struct Flight<'a> {
    search: &'a Search,
    helm: Helm<'a>,
    throttle: Throttle,
    faults: u32,
}

impl Flight<'_> {
    async fn all(&mut self) -> Result<Option<String>, Broken> {
        loop {
            let step = self.search.look(|leg| next(leg, &self.search.goal));
            let (purpose, rate, why) = match step {
                Next::Done(why) => {
                    self.search.change(|leg| leg.done = true);
                    return Ok(why);
                }
                Next::Try(purpose, rate, why) => (purpose, rate, why),
            };
            let ready = clock::now().plus(self.search.needs(purpose));
            if ready > self.search.deadline.min(self.helm.end) {
                return Ok(Some("the time was used up; the same command with --resume goes on".to_owned()));
            }
            self.helm.say("try", &format!("{} {}: {why}", display::rate(rate), what(purpose)));
            let probe = match purpose {
                Purpose::Grow => self.grow(rate).await?,
                Purpose::Narrow | Purpose::Confirm => self.narrow(purpose, rate).await?,
                Purpose::Recover => self.recover(rate).await?,
            };
            self.helm.say("found", &found(&probe));
            self.search.change(|leg| leg.probes.push(probe));
        }
    }

    async fn wait(&self, time: Duration) -> Result<(), Broken> {
        Ok(self.helm.until(clock::now().plus(time)).await?)
    }

    fn lag(&self) -> f64 {
        self.helm.ask(|analysis| analysis.output_lag()).unwrap_or(0.0)
    }

    /// What is usually not yet visible at a rate: the records of a checkpoint interval and a half.
    fn usual_lag(&self, rate: f64) -> f64 {
        1.5 * rate * self.search.limits.interval.max(1.0) + 0.5 * rate
    }

    /// Sends nothing until the backlog is gone. Gives the last moment at which there was more than `full`.
    async fn drain(&mut self, full: f64) -> Result<Option<Timestamp>, Broken> {
        let end = clock::now().plus(DRAIN_WITHIN);
        let mut last_full = None;
        self.helm.offer(&mut self.throttle, 0.0)?;
        loop {
            let lag = self.lag();
            let now = clock::now();
            if lag > full {
                last_full = Some(now);
            }
            if lag < 1.0 {
                return Ok(last_full);
            }
            if now >= end {
                return Err(Broken::Stuck(DRAIN_WITHIN.as_secs()));
            }
            self.wait(LOOK_EVERY).await?;
        }
    }

    fn probe(&self, from: Timestamp, purpose: Purpose, rate: f64, hold: Hold, sustained: Sustained) -> Probe {
        let at = self.helm.ask(|analysis| analysis.seconds(from.0));
        Probe { at, purpose, rate, hold, sustained, recovery: None }
    }

    /// A short look. When it is too much the job is kept saturated for long enough to see what it serves, then drained.
    async fn grow(&mut self, rate: f64) -> Result<Probe, Broken> {
        let interval = self.search.interval();
        let from = self.helm.offer(&mut self.throttle, rate)?;
        let settled = from.plus(interval);
        let least = from.plus(self.search.glimpse());
        let most = least.plus(2 * self.search.glimpse());
        let mut over = None;
        loop {
            self.wait(LOOK_EVERY).await?;
            let now = clock::now();
            let lag = self.lag();
            let usual = self.usual_lag(rate);
            if lag > usual && now > settled {
                over.get_or_insert(now);
            } else {
                over = None;
            }
            // Ten intervals of backlog are enough to count six commits by, and drain soon.
            let enough = over.is_some_and(|since| now >= since.plus(4 * interval)) || lag > 4.0 * usual;
            let suspicious = over.is_some() && now < most;
            if enough || now >= least && !suspicious {
                break;
            }
        }
        let to = clock::now();
        let mut hold = self.helm.ask(|analysis| analysis.held(settled, to));
        let lag = self.lag();
        if over.is_none() {
            let sustained = match hold.judged(&HoldLimits { latency: None, ..self.search.limits }) {
                // A look is too short for a slope: only what is plain counts.
                Sustained::No(why) if hold.restarts > 0 || hold.failed_checkpoints > 0 => Sustained::No(why),
                Sustained::Unclear(why) if why.starts_with("the generator") => Sustained::Unclear(why),
                _ => Sustained::Yes,
            };
            return Ok(self.probe(from, Purpose::Grow, rate, hold, sustained));
        }
        let full = 2.0 * hold.served.unwrap_or(rate) * interval.as_secs_f64();
        let saturated_from = from.plus(2 * interval);
        let last_full = self.drain(full.min(lag / 2.0)).await?;
        if let Some(last) = last_full.filter(|last| last.0 - saturated_from.0 > 4 * interval.as_nanos() as i64) {
            let served = self.helm.ask(|analysis| analysis.held(saturated_from, last).served);
            if let Some(served) = served.filter(|served| *served > 0.0 && *served < 1.05 * rate) {
                self.helm.say("found", &format!("saturated, the job served {}", display::rate(served)));
                self.search.change(|leg| leg.saturated = Some(served));
                hold.served = Some(served);
            }
        }
        let why = format!("output lag rose to {} records within {}", display::count(lag), display::seconds((to.0 - from.0) as f64 / 1e9));
        Ok(self.probe(from, Purpose::Grow, rate, hold, Sustained::No(vec![why])))
    }

    /// A hold that spans several checkpoints; longer where it leaves doubt, shorter where it is plain.
    async fn narrow(&mut self, purpose: Purpose, rate: f64) -> Result<Probe, Broken> {
        if self.lag() > self.usual_lag(rate) {
            self.drain(f64::INFINITY).await?;
        }
        let interval = self.search.interval();
        let from = self.helm.offer(&mut self.throttle, rate)?;
        // The first two checkpoints of a rate are left out.
        let settled = from.plus((2 * interval).max(Duration::from_secs(2)));
        let hold_for = self.search.hold();
        let mut end = settled.plus(hold_for);
        let most = settled.plus(2 * hold_for).min(self.helm.end);
        let limits = self.search.limits;
        let (hold, sustained) = loop {
            self.wait(interval.max(Duration::from_secs(2))).await?;
            let now = clock::now();
            let hold = self.helm.ask(|analysis| analysis.held(settled, now));
            let judged = hold.judged(&limits);
            let plain = matches!(&judged, Sustained::No(_)) && self.plainly(&hold, rate);
            if plain || now >= end {
                if matches!(judged, Sustained::Unclear(_)) && end < most {
                    end = most.min(now.plus(hold_for / 2));
                    continue;
                }
                break (hold, judged);
            }
        };
        if matches!(sustained, Sustained::No(_)) {
            self.drain(f64::INFINITY).await?;
        }
        Ok(self.probe(from, purpose, rate, hold, sustained))
    }

    /// Whether a failing hold need not be held to its end.
    fn plainly(&self, hold: &Hold, rate: f64) -> bool {
        let steep = hold.slope.is_some_and(|(_, low, _)| low > 0.02 * rate) && hold.seconds > 8.0 * self.search.limits.interval;
        steep && hold.lag.is_some_and(|lag| lag > self.usual_lag(rate)) || hold.restarts > 0 || self.lag() > 4.0 * self.usual_lag(rate)
    }

    /// A steady stretch, the fault, and the way back.
    async fn recover(&mut self, rate: f64) -> Result<Probe, Broken> {
        let Some(planned) = &self.search.fault else {
            return Err(Broken::Stopped("there is no fault to recover from".to_owned()));
        };
        if self.lag() > self.usual_lag(rate) {
            self.drain(f64::INFINITY).await?;
        }
        let from = self.helm.offer(&mut self.throttle, rate)?;
        let settled = from.plus(2 * self.search.interval());
        self.wait(self.search.baseline()).await?;
        let now = clock::now();
        let hold = self.helm.ask(|analysis| analysis.held(settled, now));
        let sustained = match hold.judged(&self.search.limits) {
            // Half a minute is too short to say that a rate is not sustained.
            Sustained::No(why) if hold.restarts == 0 => Sustained::Unclear(why.join("; ")),
            judged => judged,
        };
        let bound = self.search.goal.objective.unwrap_or(60.0);
        let fault = PlannedFault { occurrence: self.faults, ..planned.clone() };
        self.faults += 1;
        let id = FaultId { name: fault.name.clone(), occurrence: fault.occurrence };
        let fired = clock::now();
        let watched = async {
            loop {
                self.wait(Duration::from_millis(500)).await?;
                let seconds = (clock::now().0 - fired.0) as f64 / 1e9;
                let now = self.helm.ask(|analysis| analysis.fault_now(&id));
                let over = match now.as_ref().map(|fault| &fault.recovery) {
                    Some(Recovery::Recovered { .. }) => true,
                    Some(Recovery::RodeThrough) => seconds > RIDDEN_THROUGH,
                    Some(Recovery::Inconclusive { .. }) => seconds > bound,
                    _ => false,
                };
                if over || seconds > bound * PATIENCE + 10.0 {
                    return Ok::<_, Broken>(now);
                }
            }
        };
        let (found, ()) = tokio::join!(watched, self.helm.fire(&fault));
        let found = found?;
        let mut probe = self.probe(from, Purpose::Recover, rate, hold, sustained);
        probe.recovery = Some(RecoveryProbe::of(found.as_ref(), bound));
        Ok(probe)
    }
}

fn what(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Grow => "for a short look",
        Purpose::Narrow | Purpose::Confirm => "held",
        Purpose::Recover => "with the fault",
    }
}

fn found(probe: &Probe) -> String {
    if let Some(recovery) = &probe.recovery {
        let met = match recovery.met {
            Some(true) => "meets the objective",
            Some(false) => "misses the objective",
            None => "no data",
        };
        return format!("{}: {}: {met}", display::rate(probe.rate), recovery.how);
    }
    match &probe.sustained {
        Sustained::Yes if probe.purpose == Purpose::Grow => format!("{}: not too much at a glance", display::rate(probe.rate)),
        Sustained::Yes => format!("{}: sustained", display::rate(probe.rate)),
        Sustained::No(why) => format!("{}: not sustained: {}", display::rate(probe.rate), why.join("; ")),
        Sustained::Unclear(why) => format!("{}: no data: {why}", display::rate(probe.rate)),
    }
}
