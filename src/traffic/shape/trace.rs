use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ShapeError;
use super::linear::Linear;
use crate::traffic::check::Problem;

/// A rate over time from a CSV file: seconds and records per second, in order of time, an optional header line. Between
/// its points the rate is linear; after the last it stays.
///
/// With factors `times` and `speed`: rate(t) = times · traced(speed·t). Integral by trapezia, exact for what is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trace {
    /// The file.
    pub file: PathBuf,
    /// Factor on the rate.
    #[serde(default = "one")]
    pub times: f64,
    /// Factor on the time: 60 plays an hour within a minute.
    #[serde(default = "one")]
    pub speed: f64,
}

fn one() -> f64 {
    1.0
}

impl Trace {
    pub(super) fn curve(&self) -> Result<Linear, ShapeError> {
        let path = self.file.display().to_string();
        let text = std::fs::read_to_string(&self.file).map_err(|source| ShapeError::Read { path: path.clone(), source })?;
        parse(&text, self.times, self.speed).map_err(|(line, what)| ShapeError::Trace { path, line, what })
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let positive = |setting, factor: f64| {
            let usable = factor.is_finite() && factor > 0.0;
            (!usable).then(|| Problem::new(setting, "must be above 0"))
        };
        positive("times", self.times).into_iter().chain(positive("speed", self.speed)).collect()
    }
}

/// The curve of a trace's text; else the line, from 1, and what is wrong there.
pub fn parse(text: &str, times: f64, speed: f64) -> Result<Linear, (usize, String)> {
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for (line, row) in text.lines().enumerate() {
        let row = row.trim();
        if row.is_empty() || row.starts_with('#') {
            continue;
        }
        let mut fields = row.split([',', ';', '\t']).map(str::trim);
        let point = fields.next().zip(fields.next()).and_then(|(t, rate)| t.parse().ok().zip(rate.parse().ok()));
        match point {
            Some((t, rate)) if f64::is_finite(t) && t >= 0.0 && f64::is_finite(rate) && rate >= 0.0 => {
                let t = t / speed;
                if corners.last().is_some_and(|last| last.0 > t) {
                    return Err((line + 1, "time goes backwards".to_owned()));
                }
                corners.push((t, rate * times));
            }
            // A header line.
            None if corners.is_empty() && line == 0 => {}
            _ => return Err((line + 1, format!("`{row}` is not seconds and records per second"))),
        }
    }
    if corners.is_empty() { Err((1, "holds no points".to_owned())) } else { Ok(Linear::through(&corners)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::Curve as _;
    use super::*;

    fn trace(text: &str, times: f64, speed: f64) -> Result<Linear, ShapeError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("trace.csv"), text).unwrap();
        Trace { file: folder.path().join("trace.csv"), times, speed }.curve()
    }

    #[test]
    fn plays_scaled() {
        let curve = trace("seconds,rate\n0,100\n60, 200\n", 2.0, 60.0).unwrap();
        assert_eq!(curve.rate(0.5), 300.0);
        assert_eq!(curve.integral(1.0), 300.0);
        assert_eq!(curve.rate(5.0), 400.0);
    }

    #[test]
    fn says_which_line_is_wrong() {
        let error = |text| trace(text, 1.0, 1.0).unwrap_err().to_string();
        assert!(error("0,1\n5,x\n").ends_with("line 2: `5,x` is not seconds and records per second"));
        assert!(error("3,1\n2,1\n").ends_with("line 2: time goes backwards"));
        assert!(error("time,rate\n").contains("no points"));
        assert!(error("0,1\n1,-4\n").contains("line 2"));
    }
}
