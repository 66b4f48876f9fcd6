//! `report.json`: the outcome for programs. Each version of the format is frozen: keys are added, never renamed or removed;
//! whatever breaks a reader is a new version beside the old one. `docs/report-json.md` explains it, `schema/` checks it.

mod from_fault;
mod from_outcome;
mod v1;

pub use v1::{
    Checkpoint, CheckpointPart, Clock, Deed, Delivery, Drift, DriftStatus, Expectation, ExpectationStatus, Fault, Finding, Gap, Generator,
    LagOfPartition, Latency, Level, Moment, Offender, Phase, Probe, Recovery, RecoveryStatus, Report, Restart, RunVerdict, Share, Skew,
    StateOfJob, Timeline, Unit, Window,
};

use std::io::{self, Write};

use serde_json::ser::{Formatter, PrettyFormatter};

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
    let mut text = Vec::new();
    report.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Rounded(PrettyFormatter::new())))?;
    text.push(b'\n');
    String::from_utf8(text).map_err(serde::ser::Error::custom)
}

/// Indented, with nine significant digits: nothing is measured better, and `4.1080000000000005` helps nobody.
struct Rounded(PrettyFormatter<'static>);

impl Formatter for Rounded {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        // Whole numbers of fewer digits are as they are, and most are.
        let whole = value.fract() == 0.0 && value.abs() < 1e9;
        let rounded = if whole { value } else { format!("{value:.8e}").parse().unwrap_or(value) };
        self.0.write_f64(writer, rounded)
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
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
        for outcome in [sample::kill(), sample::kill_and_slow_sink(), sample::hostile(), sample::soak(), sample::resumed()] {
            let text = render(&outcome).unwrap();
            let read: Report = serde_json::from_str(&text).unwrap();
            assert!(write(&read).unwrap() == text, "reading and writing again gives another text");
        }
    }
}
