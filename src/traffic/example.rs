use std::sync::Arc;

use super::picture::Picture;
use super::shape::{Arrivals, Laid, Shape, ShapeError, parse_trace};
use super::{Dice, Schedule};

/// An example of a shape, for `squall explain` and for the docs.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The shape's name in a scenario.
    pub name: &'static str,
    /// What it is good for.
    pub about: &'static str,
    /// What to write after `rate:`.
    pub text: &'static str,
    /// How much of it to show, in seconds.
    seconds: f64,
}

/// The trace of its example: an afternoon with a peak.
const TRACE: &str = "seconds,rate\n0,400\n600,450\n1200,900\n1500,2100\n1800,1900\n2100,1950\n2700,800\n3600,420\n";

impl Example {
    /// One for each shape.
    pub const ALL: &'static [Self] = &[
        Self {
            name: "constant",
            about: "The same rate all the time: the baseline of most scenarios.",
            text: "{ constant: 2k/s }",
            seconds: 60.0,
        },
        Self {
            name: "ramp",
            about: "From one rate to another, evenly: where does it begin to fall behind?",
            text: "{ ramp: { from: 500/s, to: 5k/s, over: 60s } }",
            seconds: 75.0,
        },
        Self {
            name: "steps",
            about: "One rate after the other, each held long enough to judge it.",
            text: "{ steps: [ { rate: 1k/s, for: 30s }, { rate: 2k/s, for: 30s }, { rate: 4k/s, for: 30s } ] }",
            seconds: 90.0,
        },
        Self {
            name: "sine",
            about: "Up and down like a day, in as short a time as you have.",
            text: "{ sine: { low: 500/s, high: 4k/s, period: 60s } }",
            seconds: 120.0,
        },
        Self {
            name: "burst",
            about: "Quiet with regular bursts: batch jobs upstream, retries, cron at the full minute.",
            text: "{ burst: { base: 500/s, peak: 5k/s, every: 30s, for: 5s } }",
            seconds: 90.0,
        },
        Self {
            name: "spike",
            about: "One peak: a push message, the start of a sale.",
            text: "{ spike: { base: 1k/s, peak: 8k/s, at: 20s, rise: 5s, for: 10s, fall: 15s } }",
            seconds: 75.0,
        },
        Self {
            name: "poisson",
            about: "Independent arrivals, as from many users who do not know of each other: bursts by chance.",
            text: "{ poisson: 50/s }",
            seconds: 60.0,
        },
        Self {
            name: "trace",
            about: "A rate over time that was recorded somewhere, scaled in rate and time.",
            text: "{ trace: { file: traces/afternoon.csv, times: 2, speed: 30 } }",
            seconds: 120.0,
        },
        Self {
            name: "backlog",
            about: "Fills the topic, then lets the job drain it: how fast is catch-up?",
            text: "{ backlog: { records: 200k, over: 20s } }",
            seconds: 40.0,
        },
        Self {
            name: "closed",
            about: "At most so many records in flight, as fast as Kafka takes them: not open loop, for comparison with other tools only.",
            text: "{ closed: { in-flight: 1k } }",
            seconds: 60.0,
        },
        Self {
            name: "sequence",
            about: "Any shapes one after another.",
            text: "{ sequence: [ { shape: { constant: 1k/s }, for: 20s }, { shape: { ramp: { from: 1k/s, to: 4k/s, over: 20s } }, for: 30s }, { shape: { poisson: 2k/s }, for: 30s } ] }",
            seconds: 80.0,
        },
    ];

    /// The example of a shape.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|example| example.name == name)
    }

    /// How it looks in so many columns; a closed loop has no schedule, and no picture.
    ///
    /// # Errors
    /// None with the examples of this file, a test sees to it.
    pub fn picture(&self, columns: usize) -> Result<Option<Picture>, ShapeError> {
        let shape: Shape = serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(self.text))
            .map_err(|error| ShapeError::Trace { path: self.name.to_owned(), line: 1, what: error.to_string() })?;
        let schedule = match &shape {
            Shape::Closed(_) => return Ok(None),
            Shape::Trace(trace) => {
                let curve = parse_trace(TRACE, trace.times, trace.speed).map_err(|(line, what)| ShapeError::Trace {
                    path: trace.file.display().to_string(),
                    line,
                    what,
                })?;
                Schedule::of(vec![Laid { curve: Arc::new(curve), lasts: None, arrivals: Arrivals::Even }])
            }
            shape => Schedule::of(shape.lay(Dice::new(1, "arrivals"))?),
        };
        Ok(Some(Picture::new(&schedule, self.seconds, columns)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_shape_has_one_that_can_be_drawn() {
        for example in Example::ALL {
            let picture = example.picture(80).unwrap();
            assert_eq!(picture.is_none(), example.name == "closed");
        }
        let schema = schemars::schema_for!(Shape).to_value().to_string();
        let named = Example::ALL.iter().filter(|example| schema.contains(&format!("\"{}\":", example.name))).count();
        assert_eq!(named, Example::ALL.len());
        let kinds = schemars::schema_for!(Shape).to_value()["oneOf"].as_array().unwrap().len();
        assert_eq!(kinds, Example::ALL.len(), "a shape without an example");
    }
}
