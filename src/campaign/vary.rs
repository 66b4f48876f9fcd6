//! Settings that are compared in one command: `--vary checkpoint.interval=2s,10s,30s`.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use crate::job::{CheckpointMode, CheckpointSpec, JobSpec, Setting};
use crate::scenario::Scenario;
use crate::traffic::Shape;
use crate::units::{Duration, Rate};

/// One setting and the values that it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Varied {
    /// `checkpoint.interval`, `parallelism`, a key of Flink's configuration.
    pub name: String,
    /// As they were written.
    pub values: Vec<String>,
}

/// One setting with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which.
    pub name: String,
    /// Its value, as it was written.
    pub value: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// Why a setting cannot be varied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaryError {
    /// Not a setting and values.
    #[error("`{0}` is no setting with values; write for example checkpoint.interval=2s,10s,30s")]
    Form(String),
    /// Nothing of that name.
    #[error("unknown setting `{name}`; known are {KNOWN}, and keys of Flink's configuration such as state.backend.type")]
    Unknown {
        /// As it was written.
        name: String,
    },
    /// A value that the setting cannot have.
    #[error("`{value}` is no value of {name}: {why}")]
    Value {
        /// The setting.
        name: String,
        /// The value.
        value: String,
        /// Why.
        why: String,
    },
    /// The job is not squall's to set.
    #[error("{name} cannot be varied: {why}")]
    Impossible {
        /// The setting.
        name: String,
        /// Why.
        why: &'static str,
    },
}

const KNOWN: &str = "checkpoint.interval, checkpoint.timeout, checkpoint.unaligned, checkpoint.mode, parallelism, rate";

impl FromStr for Varied {
    type Err = VaryError;

    fn from_str(text: &str) -> Result<Self, VaryError> {
        let (name, values) = text.split_once('=').ok_or_else(|| VaryError::Form(text.to_owned()))?;
        let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
        if name.trim().is_empty() || values.iter().any(String::is_empty) {
            return Err(VaryError::Form(text.to_owned()));
        }
        Ok(Self { name: name.trim().to_owned(), values })
    }
}

/// Every combination of the values, the last setting changing fastest.
pub fn arms(varied: &[Varied]) -> Vec<Vec<Choice>> {
    varied.iter().fold(vec![Vec::new()], |arms, setting| {
        let with = |arm: &Vec<Choice>| {
            let choose = |value: &String| Choice { name: setting.name.clone(), value: value.clone() };
            setting.values.iter().map(|value| arm.iter().cloned().chain([choose(value)]).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        arms.iter().flat_map(with).collect()
    })
}

/// The order of `repeats` runs of each of `arms`: there and back again, so that what drifts over the series (a machine that gets warm, a
/// disk that fills) falls on all alike.
pub fn interleaved(arms: usize, repeats: u32) -> Vec<(usize, u32)> {
    (0..repeats).flat_map(|repeat| (0..arms).map(move |arm| (if repeat % 2 == 0 { arm } else { arms - 1 - arm }, repeat))).collect()
}

impl Choice {
    /// Puts the value into a scenario.
    ///
    /// # Errors
    /// A setting that there is not, a value that it cannot have, or a job that is not squall's to set.
    pub fn apply(&self, scenario: &mut Scenario) -> Result<(), VaryError> {
        match self.name.as_str() {
            "checkpoint.interval" => {
                let interval = self.parsed::<Duration>()?;
                self.checkpoint(scenario, |checkpoint| checkpoint.interval = interval)
            }
            "checkpoint.timeout" => {
                let timeout = self.parsed::<Duration>()?;
                self.checkpoint(scenario, |checkpoint| checkpoint.timeout = Some(timeout))
            }
            "checkpoint.unaligned" => {
                let on = self.one_of(&[("on", true), ("true", true), ("off", false), ("false", false)])?;
                self.checkpoint(scenario, |checkpoint| checkpoint.unaligned = Some(on))
            }
            "checkpoint.mode" => {
                let mode = self.one_of(&[("exactly-once", CheckpointMode::ExactlyOnce), ("at-least-once", CheckpointMode::AtLeastOnce)])?;
                self.checkpoint(scenario, |checkpoint| checkpoint.mode = mode)
            }
            "parallelism" => {
                let parallelism = self.parsed::<NonZeroU32>()?;
                match &mut scenario.job {
                    JobSpec::Sql(job) => job.parallelism = Some(parallelism),
                    JobSpec::Jar(job) => job.parallelism = Some(parallelism),
                    JobSpec::Attach(_) => return Err(self.not_ours()),
                }
                Ok(())
            }
            "rate" => {
                let rate = self.parsed::<Rate>()?;
                let [stream] = scenario
                    .traffic
                    .values_mut()
                    .collect::<Vec<_>>()
                    .try_into()
                    .map_err(|_| VaryError::Impossible { name: self.name.clone(), why: "the scenario has not exactly one stream" })?;
                stream.rate = Shape::Constant(rate);
                Ok(())
            }
            key if key.contains('.') && !key.starts_with("checkpoint.") => {
                let value = Setting(self.value.clone());
                match &mut scenario.job {
                    JobSpec::Sql(job) => job.config.insert(key.to_owned(), value),
                    JobSpec::Jar(job) => job.config.insert(key.to_owned(), value),
                    JobSpec::Attach(_) => return Err(self.not_ours()),
                };
                Ok(())
            }
            _ => Err(VaryError::Unknown { name: self.name.clone() }),
        }
    }

    fn checkpoint(&self, scenario: &mut Scenario, set: impl FnOnce(&mut CheckpointSpec)) -> Result<(), VaryError> {
        let checkpoint = match &mut scenario.job {
            JobSpec::Sql(job) => &mut job.checkpoint,
            JobSpec::Jar(job) => &mut job.checkpoint,
            JobSpec::Attach(_) => return Err(self.not_ours()),
        };
        let why = "the scenario does not set the job's checkpoints";
        set(checkpoint.as_mut().ok_or_else(|| VaryError::Impossible { name: self.name.clone(), why })?);
        Ok(())
    }

    fn not_ours(&self) -> VaryError {
        VaryError::Impossible { name: self.name.clone(), why: "the job runs already and is not squall's" }
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&self) -> Result<T, VaryError> {
        self.value.parse::<T>().map_err(|error| self.wrong(error.to_string()))
    }

    fn one_of<T: Copy>(&self, known: &[(&str, T)]) -> Result<T, VaryError> {
        let found = known.iter().find(|(word, _)| *word == self.value).map(|(_, value)| *value);
        found.ok_or_else(|| self.wrong(format!("known are {}", known.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))))
    }

    fn wrong(&self, why: String) -> VaryError {
        VaryError::Value { name: self.name.clone(), value: self.value.clone(), why }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn scenario() -> Scenario {
        let text = "name: x\njob: { sql: { file: a.sql, parallelism: 2, checkpoint: { interval: 2s } } }\n\
                    source: { topics: { orders: { partitions: 4 } } }\nsink: { topics: { enriched: { partitions: 4 } } }\n\
                    traffic: { orders: { rate: { constant: 2k/s } } }\nduration: 1m\n";
        let source = crate::diagnostic::Source::new("x.yaml", text);
        crate::scenario::yaml::load::<Scenario>(&source).0.unwrap().value
    }

    fn applied(setting: &str) -> Result<Scenario, String> {
        let varied: Varied = setting.parse().map_err(|error: VaryError| error.to_string())?;
        let mut scenario = scenario();
        for choice in arms(&[varied]).remove(0) {
            choice.apply(&mut scenario).map_err(|error| error.to_string())?;
        }
        Ok(scenario)
    }

    #[test]
    fn every_setting_lands_where_it_belongs() {
        assert_eq!(applied("checkpoint.interval=10s").unwrap().checkpoint_interval(), Some(Duration::from_secs(10)));
        assert_eq!(applied("checkpoint.unaligned=on,off").unwrap().job.checkpoint().unwrap().unaligned, Some(true));
        assert_eq!(applied("parallelism=4").unwrap().job.parallelism(), Some(4));
        assert_eq!(applied("rate=5k/s").unwrap().traffic["orders"].rate, Shape::Constant(Rate(5000.0)));
        let JobSpec::Sql(job) = applied("state.backend.type=rocksdb").unwrap().job else { unreachable!() };
        assert_eq!(job.config["state.backend.type"], Setting("rocksdb".to_owned()));
        assert!(applied("checkpoint.intervall=2s").unwrap_err().starts_with("unknown setting `checkpoint.intervall`"));
        assert!(applied("checkpoint.interval=soon").unwrap_err().starts_with("`soon` is no value of checkpoint.interval"));
        assert!(applied("checkpoint.interval").unwrap_err().contains("no setting with values"));
    }

    #[test]
    fn arms_are_every_combination_and_go_there_and_back() {
        let varied = ["a.b=1,2".parse().unwrap(), "c.d=x,y,z".parse().unwrap()];
        let shown: Vec<String> =
            arms(&varied).iter().map(|arm| arm.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(shown, ["a.b=1 c.d=x", "a.b=1 c.d=y", "a.b=1 c.d=z", "a.b=2 c.d=x", "a.b=2 c.d=y", "a.b=2 c.d=z"]);
        assert_eq!(interleaved(3, 2), [(0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1)]);
        // A drift that grows with every run falls on all arms alike.
        for arms in 2..6 {
            let mut sums = vec![0; arms];
            for (position, (arm, _)) in interleaved(arms, 4).into_iter().enumerate() {
                sums[arm] += position;
            }
            assert!(sums.windows(2).all(|pair| pair[0] == pair[1]), "{sums:?}");
        }
    }
}
