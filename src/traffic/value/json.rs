use std::collections::BTreeMap;
use std::io::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fits;
use crate::clock::Timestamp;
use crate::traffic::check::Problem;
use crate::traffic::dice::Dice;
use crate::units::Bytes;

/// What a field of a JSON value holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The record's number in the schedule, from 0.
    Counter,
    /// A random UUID.
    Uuid,
    /// The record's event time.
    Time(TimeFormat),
    /// The record's key, or null.
    Key,
    /// One of these texts, each as likely as any other.
    Choice(Vec<String>),
    /// A number in a range.
    Number(Number),
    /// Letters and digits.
    Text(Text),
    /// Always this text.
    Constant(String),
    /// An object within the object.
    Object(BTreeMap<String, Field>),
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeFormat {
    /// Milliseconds since the epoch, a number.
    Millis,
    /// `2026-11-21T08:54:06.123Z`.
    Iso,
    /// `2026-11-21 08:54:06.123` in UTC: what Flink's JSON format takes for a TIMESTAMP by default.
    Sql,
}

/// A number in a range, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Number {
    /// Smallest.
    pub from: f64,
    /// Largest.
    pub to: f64,
    /// Digits behind the point.
    #[serde(default)]
    pub decimals: u8,
}

/// Letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Text {
    /// How many.
    pub size: Bytes,
}

/// What is wrong with the fields of an object.
pub fn problems(fields: &BTreeMap<String, Field>) -> Vec<Problem> {
    let of = |(name, field): (&String, &Field)| {
        let problems = match field {
            Field::Choice(texts) if texts.is_empty() => vec![Problem::new("choice", "needs at least one text")],
            Field::Number(number) => Problem::below(["number"], number.problems()),
            Field::Text(text) => Problem::below(["text"], fits("size", text.size).into_iter().collect()),
            Field::Object(fields) => Problem::below(["object"], problems(fields)),
            _ => Vec::new(),
        };
        Problem::below([name], problems)
    };
    fields.iter().flat_map(of).collect()
}

impl Number {
    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let scaled = self.scale() * self.from.abs().max(self.to.abs());
        if self.from.is_nan() || self.to.is_nan() || self.from > self.to {
            problems.push(Problem::new("from", format!("{} is above {}", self.from, self.to)));
        }
        // Beyond it neighbouring whole numbers are no f64 any more.
        if self.decimals > 15 || scaled > (1u64 << 53) as f64 {
            problems.push(Problem::new("", "has more than 15 digits"));
        }
        problems
    }

    fn scale(&self) -> f64 {
        10f64.powi(i32::from(self.decimals))
    }
}

/// The pieces of an object, in order: text that never changes, and fields.
#[derive(Debug, Clone)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Fixed(Vec<u8>),
    Counter,
    Uuid(Dice),
    Time(TimeFormat),
    Key,
    Choice(Dice, Vec<Vec<u8>>),
    Number { dice: Dice, from: i64, span: u64, decimals: u32 },
    Text(Dice, usize),
}

impl Template {
    /// Compiles the object's inner part, without its braces.
    pub fn new(fields: &BTreeMap<String, Field>, seed: u64) -> Self {
        let mut pieces = Vec::new();
        compile(fields, "", seed, &mut pieces);
        let mut merged: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (merged.last_mut(), piece) {
                (Some(Piece::Fixed(before)), Piece::Fixed(text)) => before.extend(text),
                (_, piece) => merged.push(piece),
            }
        }
        Self { pieces: merged }
    }

    /// Whether it has no fields.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes the fields of record `n` to the end of `text`.
    pub fn write(&self, n: u64, key: Option<&[u8]>, event_time: Timestamp, text: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(fixed) => text.extend_from_slice(fixed),
                Piece::Counter => write_number(n, text),
                Piece::Uuid(dice) => write_uuid(dice.split(n), text),
                Piece::Time(format) => write_time(event_time, *format, text),
                Piece::Key => write_key(key, text),
                Piece::Choice(dice, choices) => text.extend_from_slice(&choices[dice.below(n, choices.len() as u64) as usize]),
                Piece::Number { dice, from, span, decimals } => {
                    write_decimal(from.wrapping_add_unsigned(dice.below(n, *span)), *decimals, text);
                }
                Piece::Text(dice, size) => {
                    let mut throws = dice.from(n);
                    text.push(b'"');
                    text.extend((0..*size).map(|_| b"0123456789abcdefghijklmnopqrstuv"[(throws.next() >> 59) as usize]));
                    text.push(b'"');
                }
            }
        }
    }
}

fn compile(fields: &BTreeMap<String, Field>, path: &str, seed: u64, pieces: &mut Vec<Piece>) {
    for (index, (name, field)) in fields.iter().enumerate() {
        let comma = if index > 0 { "," } else { "" };
        pieces.push(Piece::Fixed(format!("{comma}{}:", quoted(name)).into_bytes()));
        let path = format!("{path}.{name}");
        let dice = Dice::new(seed, &path);
        let piece = match field {
            Field::Counter => Piece::Counter,
            Field::Uuid => Piece::Uuid(dice),
            Field::Time(format) => Piece::Time(*format),
            Field::Key => Piece::Key,
            Field::Choice(texts) => Piece::Choice(dice, texts.iter().map(|text| quoted(text).into_bytes()).collect()),
            Field::Number(number) => {
                let from = (number.from * number.scale()).round() as i64;
                let to = (number.to * number.scale()).round() as i64;
                Piece::Number { dice, from, span: to.abs_diff(from) + 1, decimals: u32::from(number.decimals) }
            }
            Field::Text(size) => Piece::Text(dice, size.size.0 as usize),
            Field::Constant(text) => Piece::Fixed(quoted(text).into_bytes()),
            Field::Object(inner) => {
                pieces.push(Piece::Fixed(b"{".to_vec()));
                compile(inner, &path, seed, pieces);
                Piece::Fixed(b"}".to_vec())
            }
        };
        pieces.push(piece);
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Text into a vector cannot fail.
fn write_text(text: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let written = text.write_fmt(arguments);
    debug_assert!(written.is_ok());
}

fn write_number(number: u64, text: &mut Vec<u8>) {
    write_text(text, format_args!("{number}"));
}

fn write_decimal(number: i64, decimals: u32, text: &mut Vec<u8>) {
    if decimals == 0 {
        return write_text(text, format_args!("{number}"));
    }
    let scale = 10u64.pow(decimals);
    let (whole, rest) = (number.unsigned_abs() / scale, number.unsigned_abs() % scale);
    let sign = if number < 0 { "-" } else { "" };
    write_text(text, format_args!("{sign}{whole}.{rest:0width$}", width = decimals as usize));
}

/// Keys of squall's own are plain text; what else is in a file is written as JSON wants it.
fn write_key(key: Option<&[u8]>, text: &mut Vec<u8>) {
    match key {
        None => text.extend_from_slice(b"null"),
        Some(key) if key.iter().all(|byte| (0x20..0x7f).contains(byte) && !matches!(byte, b'"' | b'\\')) => {
            text.push(b'"');
            text.extend_from_slice(key);
            text.push(b'"');
        }
        Some(key) => text.extend_from_slice(quoted(&String::from_utf8_lossy(key)).as_bytes()),
    }
}

/// Version 4, variant 1 (RFC 9562).
fn write_uuid(dice: Dice, text: &mut Vec<u8>) {
    let high = dice.at(0) & !0xf000 | 0x4000;
    let low = dice.at(1) >> 2 | 1 << 63;
    let (a, b, c) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    write_text(text, format_args!("\"{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}\"", low >> 48, low & 0xffff_ffff_ffff));
}

fn write_time(time: Timestamp, format: TimeFormat, text: &mut Vec<u8>) {
    let millis = time.millis();
    let (separator, zone) = match format {
        TimeFormat::Millis => return write_text(text, format_args!("{millis}")),
        TimeFormat::Iso => ('T', "Z"),
        TimeFormat::Sql => (' ', ""),
    };
    let (year, month, day) = civil(millis.div_euclid(86_400_000));
    let within = millis.rem_euclid(86_400_000);
    let (hour, minute, second, milli) = (within / 3_600_000, within / 60_000 % 60, within / 1000 % 60, within % 1000);
    write_text(text, format_args!("\"{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}.{milli:03}{zone}\""));
}

/// Year, month and day of a day since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn value(fields: &str, n: u64, key: Option<&[u8]>) -> serde_json::Value {
        let template = Template::new(&serde_json::from_str(fields).unwrap(), 5);
        let mut text = b"{".to_vec();
        template.write(n, key, Timestamp(1_795_251_246_123_456_789), &mut text);
        text.push(b'}');
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn every_field_is_json_and_of_its_type() {
        let fields = r#"{"id":"counter","uid":"uuid","at":{"time":"millis"},"iso":{"time":"iso"},"sql":{"time":"sql"},"who":"key",
            "kind":{"choice":["a","b \"c\""]},"amount":{"number":{"from":-1.5,"to":2.25,"decimals":2}},
            "count":{"number":{"from":1,"to":6}},"note":{"text":{"size":"20B"}},"v":{"constant":"x"},
            "in":{"object":{"id":"counter"}}}"#;
        for n in 0..500 {
            let value = value(fields, n, Some(b"k\"1"));
            assert_eq!((value["id"].as_u64(), value["in"]["id"].as_u64()), (Some(n), Some(n)));
            let uid = value["uid"].as_str().unwrap();
            assert!(uid.len() == 36 && uid.as_bytes()[14] == b'4' && matches!(uid.as_bytes()[19], b'8'..=b'b'), "{uid}");
            assert_eq!(value["at"].as_i64(), Some(1_795_251_246_123));
            assert_eq!(value["iso"], "2026-11-21T08:54:06.123Z");
            assert_eq!(value["sql"], "2026-11-21 08:54:06.123");
            assert_eq!(value["who"], "k\"1");
            assert!(["a", "b \"c\""].contains(&value["kind"].as_str().unwrap()));
            assert!((-1.5..=2.25).contains(&value["amount"].as_f64().unwrap()));
            assert!((1..=6).contains(&value["count"].as_i64().unwrap()));
            assert_eq!((value["note"].as_str().unwrap().len(), value["v"].as_str()), (20, Some("x")));
        }
        assert_eq!(value(fields, 3, None)["who"], serde_json::Value::Null);
    }

    #[test]
    fn dates_agree_with_jiff() {
        for seconds in [0, -1, 951_782_400, 1_709_164_800, 4_102_444_799, -2_208_988_800] {
            let mut text = Vec::new();
            write_time(Timestamp::from_millis(seconds * 1000), TimeFormat::Sql, &mut text);
            let zoned = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
            assert_eq!(String::from_utf8(text).unwrap(), format!("\"{}.000\"", zoned.strftime("%Y-%m-%d %H:%M:%S")));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let fields = r#"{"a":{"choice":[]},"b":{"object":{"c":{"number":{"from":2,"to":1}}}}}"#;
        let paths: Vec<String> = problems(&serde_json::from_str(fields).unwrap()).iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(paths, ["a.choice", "b.object.c.number.from"]);
    }
}
