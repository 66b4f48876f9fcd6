//! `report.json`: the outcome for programs. Each version of the format is frozen: keys are added, never renamed or removed;
//! whatever breaks a reader is a new version beside the old one. `docs/report-json.md` explains it, `schema/` checks it.

mod from_outcome;
mod v1;

pub use v1::{
    Checkpoint, CheckpointPart, Clock, Deed, Delivery, Drift, DriftStatus, Expectation, ExpectationStatus, Fault, Finding, Generator,
    LagOfPartition, Latency, Level, Moment, Offender, Phase, Probe, Recovery, RecoveryStatus, Report, Restart, RunVerdict, Share, Skew,
    StateOfJob, Timeline, Unit, Window,
};

use crate::analysis::Outcome;

/// The outcome as `report.json`, indented, with a line feed at its end.
///
/// # Errors
/// None in practice: every key is a string, and numbers that are not finite are written as `null`.
pub fn render(outcome: &Outcome) -> Result<String, serde_json::Error> {
    write(&Report::from(outcome))
}

/// A frozen struct of any report as text.
pub(super) fn write<T: serde::Serialize>(report: &T) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(report)?;
    round(&mut value);
    let mut text = serde_json::to_string_pretty(&value)?;
    text.push('\n');
    Ok(text)
}

/// Nine significant digits: nothing is measured better, and `4.1080000000000005` helps nobody.
fn round(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Number(number) if number.is_f64() => {
            let rounded = number.as_f64().and_then(|float| format!("{float:.8e}").parse().ok());
            if let Some(rounded) = rounded.and_then(serde_json::Number::from_f64) {
                *number = rounded;
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(round),
        serde_json::Value::Object(values) => values.values_mut().for_each(round),
        _ => {}
    }
}

/// The JSON Schema (draft-07) of `report.json`.
pub fn schema() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft07().into_generator().into_root_schema_for::<Report>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_schema_is_in_step() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/report.schema.json");
        let now = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
        if std::env::var_os("SQUALL_UPDATE_SCHEMA").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        assert!(
            std::fs::read_to_string(path).unwrap_or_default() == now,
            "schema/report.schema.json is not what the code says; run this test with SQUALL_UPDATE_SCHEMA=1"
        );
    }

    #[test]
    fn keys_carry_their_units() {
        let json: serde_json::Value = serde_json::from_str(&render(&sample::kill()).unwrap()).unwrap();
        assert_eq!(json["schema"], 1);
        assert_eq!(json["verdict"], "failed");
        let fault = &json["faults"][0];
        assert_eq!(fault["recovery"]["status"], "recovered");
        assert_eq!(fault["recovery"]["recovery_time_s"], 17.2);
        assert_eq!(fault["recovery"]["recovery_time_error_s"], 0.5);
        assert_eq!(fault["timeline"]["t0_effective"]["at_s"], 45.03);
        assert_eq!(fault["timeline"]["t0_effective"]["error_s"], 0.03);
        assert_eq!(fault["timeline"]["t9_latency_back"]["not_seen"], "no baseline: latency has a trend");
        assert_eq!(json["delivery"]["lost"], 0);
        assert_eq!(json["expectations"][4]["status"], "no_data");
    }

    #[test]
    fn a_reader_of_the_format_gets_the_same_back() {
        for outcome in [sample::kill(), sample::kill_and_slow_sink(), sample::hostile(), sample::soak()] {
            let text = render(&outcome).unwrap();
            let read: Report = serde_json::from_str(&text).unwrap();
            assert!(write(&read).unwrap() == text, "reading and writing again gives another text");
        }
    }
}
