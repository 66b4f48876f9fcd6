//! Jobs that sum records up: what went in must come out.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check::Check;
use super::order::mark;

/// The sum of a field over the sink's final records equals that over the input's, or their number.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Conservation {
    /// Number in the JSON value of the sink's records.
    pub field: String,
    /// Number in the JSON value of the input's records that it sums up; without it each record counts as 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_field: Option<String>,
    /// Fields of the sink's records that name a window: of the records of one window the last counts. Without them each
    /// record counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per: Vec<String>,
}

/// A sum of JSON numbers; exact while all are whole.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    whole: i128,
    fraction: f64,
}

impl Sum {
    fn add(&mut self, number: &serde_json::Number) {
        match number.as_i128() {
            Some(whole) => self.whole += whole,
            None => self.fraction += number.as_f64().unwrap_or(0.0),
        }
    }

    fn merge(&mut self, other: Self) {
        self.whole += other.whole;
        self.fraction += other.fraction;
    }

    /// Takes so many away.
    pub fn remove_whole(&mut self, count: u64) {
        self.whole -= i128::from(count);
    }

    /// As a number.
    pub fn value(&self) -> f64 {
        self.whole as f64 + self.fraction
    }

    /// This less `other`; 0 where they differ by rounding only.
    pub fn less(&self, other: &Self) -> f64 {
        let difference = (self.whole - other.whole) as f64 + (self.fraction - other.fraction);
        let rounding = if self.fraction == 0.0 && other.fraction == 0.0 { 0.0 } else { 1e-9 * self.value().abs().max(other.value().abs()) };
        if difference.abs() <= rounding { 0.0 } else { difference }
    }
}

/// Sums up the records of a topic.
#[derive(Debug)]
pub struct Sums {
    field: Option<String>,
    per: Vec<String>,
    all: Sum,
    windows: HashMap<u64, Sum>,
    /// Records without that number.
    pub unreadable: u64,
}

impl Sums {
    /// For the sink of a job that is judged by conservation.
    pub fn of_sink(check: &Check) -> Option<Self> {
        let Check::Conservation(Conservation { field, per, .. }) = check else { return None };
        Some(Self { field: Some(field.clone()), per: per.clone(), all: Sum::default(), windows: HashMap::new(), unreadable: 0 })
    }

    /// For the input of a job that is judged by conservation.
    pub fn of_input(check: &Check) -> Option<Self> {
        let Check::Conservation(Conservation { input_field, .. }) = check else { return None };
        Some(Self { field: input_field.clone(), per: Vec::new(), all: Sum::default(), windows: HashMap::new(), unreadable: 0 })
    }

    /// Takes a record in. A tombstone counts nothing.
    pub fn take(&mut self, value: Option<&[u8]>) {
        let Some(field) = &self.field else {
            self.all.whole += 1;
            return;
        };
        let Some(value) = value else { return };
        let parsed: Option<HashMap<String, serde_json::Value>> = serde_json::from_slice(value).ok();
        let number = parsed.as_ref().and_then(|parsed| parsed.get(field)?.as_number());
        let (Some(parsed), Some(number)) = (&parsed, number) else {
            self.unreadable += 1;
            return;
        };
        let mut sum = Sum::default();
        sum.add(number);
        if self.per.is_empty() {
            self.all.merge(sum);
        } else {
            let window = self
                .per
                .iter()
                .fold(0, |scope, name| mark(scope, parsed.get(name).map(ToString::to_string).unwrap_or_default().as_bytes()));
            self.windows.insert(window, sum);
        }
    }

    /// The sum over the last record of each window, or over all.
    pub fn sum(&self) -> Sum {
        let mut sum = self.all;
        self.windows.values().for_each(|window| sum.merge(*window));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_record_of_a_window_counts() {
        let check = Check::Conservation(Conservation { field: "n".into(), input_field: None, per: vec!["start".into(), "key".into()] });
        let (Some(mut sink), Some(mut input)) = (Sums::of_sink(&check), Sums::of_input(&check)) else { unreachable!() };
        for value in [r#"{"start":1,"key":"a","n":3}"#, r#"{"start":1,"key":"a","n":5}"#, r#"{"start":1,"key":"b","n":2}"#, "{}"] {
            sink.take(Some(value.as_bytes()));
        }
        (0..8).for_each(|_| input.take(None));
        assert_eq!((sink.sum().value(), sink.unreadable, input.sum().value()), (7.0, 1, 8.0));
        assert_eq!(sink.sum().less(&input.sum()), -1.0);
    }

    #[test]
    fn rounding_is_no_loss() {
        let sum = |numbers: &[f64]| {
            let mut sum = Sum::default();
            numbers.iter().filter_map(|number| serde_json::Number::from_f64(*number)).for_each(|number| sum.add(&number));
            sum
        };
        assert_eq!(sum(&[0.1, 0.2]).less(&sum(&[0.3])), 0.0);
        assert!(sum(&[0.1, 0.2]).less(&sum(&[0.4])) < 0.0);
    }
}
