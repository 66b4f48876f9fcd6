//! The identity that every record carries, and the places where it can travel.
//!
//! 32 bytes, little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0–1 | magic `sq` |
//! | 2 | version, 1 |
//! | 3 | stream: index in the scenario |
//! | 4–5 | shard of the stream's schedule |
//! | 6–7 | input partition |
//! | 8–11 | run: CRC-32 of the run id |
//! | 12–19 | sequence: per stream and shard, dense from 0 |
//! | 20–27 | intended time, ns since the epoch |
//! | 28–31 | CRC-32 of key and value |
//!
//! Headers carry these bytes as they are. Keys and values pass through jobs that read them as text, so there the
//! identity is written as 43 characters of unpadded URL-safe base64, which begin with `c3EB`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// Bytes of an identity.
pub const LENGTH: usize = 32;
/// Characters of an identity as text.
pub const TEXT_LENGTH: usize = 43;
/// Name of the header that carries it.
pub const HEADER: &str = "squall";

const MAGIC: [u8; 2] = *b"sq";
const VERSION: u8 = 1;

/// Which record this is, when it was due, and what it looked like when it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Index of the stream in the scenario.
    pub stream: u8,
    /// Shard of the stream's schedule.
    pub shard: u16,
    /// Partition of the input topic that it was sent to.
    pub partition: u16,
    /// [`run_hash`] of the run.
    pub run: u32,
    /// Dense from 0 within stream and shard; a run that is resumed leaves some out.
    pub sequence: u64,
    /// When the schedule wanted it sent.
    pub intended: Timestamp,
    /// [`Placement::checksum`] of key and value.
    pub checksum: u32,
}

/// Why bytes are no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Nothing there that looks like one: the record comes from somebody else, or the job dropped it.
    #[error("no identity")]
    Absent,
    /// It begins like one and is cut short or mangled.
    #[error("identity is damaged")]
    Damaged,
    /// Written by another version of squall.
    #[error("identity has version {0}, this squall reads {VERSION}")]
    Version(u8),
}

/// The number that stands for a run in its records: CRC-32 of the run id.
pub fn run_hash(run_id: &str) -> u32 {
    crc32fast::hash(run_id.as_bytes())
}

impl Identity {
    /// Writes it.
    pub fn encode(&self, bytes: &mut [u8; LENGTH]) {
        bytes[0..2].copy_from_slice(&MAGIC);
        bytes[2] = VERSION;
        bytes[3] = self.stream;
        bytes[4..6].copy_from_slice(&self.shard.to_le_bytes());
        bytes[6..8].copy_from_slice(&self.partition.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.run.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[20..28].copy_from_slice(&self.intended.0.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.checksum.to_le_bytes());
    }

    /// Reads it from the first 32 of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, IdentityError> {
        if bytes.len() < 2 || bytes[0..2] != MAGIC {
            return Err(IdentityError::Absent);
        }
        let Some((bytes, _)) = bytes.split_first_chunk::<LENGTH>() else {
            return Err(IdentityError::Damaged);
        };
        if bytes[2] != VERSION {
            return Err(IdentityError::Version(bytes[2]));
        }
        Ok(Self {
            stream: bytes[3],
            shard: u16::from_le_bytes(part(bytes, 4)),
            partition: u16::from_le_bytes(part(bytes, 6)),
            run: u32::from_le_bytes(part(bytes, 8)),
            sequence: u64::from_le_bytes(part(bytes, 12)),
            intended: Timestamp(i64::from_le_bytes(part(bytes, 20))),
            checksum: u32::from_le_bytes(part(bytes, 28)),
        })
    }

    /// Writes it as text.
    pub fn encode_text(&self, text: &mut [u8; TEXT_LENGTH]) {
        let mut bytes = [0; LENGTH];
        self.encode(&mut bytes);
        let written = URL_SAFE_NO_PAD.encode_slice(bytes, text);
        debug_assert_eq!(written, Ok(TEXT_LENGTH));
    }

    /// Reads it from the first 43 of `text`.
    pub fn decode_text(text: &[u8]) -> Result<Self, IdentityError> {
        let Some((text, _)) = text.split_first_chunk::<TEXT_LENGTH>() else {
            return Err(IdentityError::Absent);
        };
        // `sq` and the upper bits of the version.
        if !text.starts_with(b"c3E") {
            return Err(IdentityError::Absent);
        }
        let mut bytes = [0; LENGTH];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(LENGTH) => Self::decode(&bytes),
            _ => Err(IdentityError::Damaged),
        }
    }
}

fn part<const N: usize>(bytes: &[u8; LENGTH], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[from..from + N]);
    part
}

/// Where a record carries its identity. It must be a place that the job lets through.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// In the header `squall`.
    #[default]
    Header,
    /// As text, the first 43 bytes of the value.
    ValuePrefix,
    /// As text, in this field of a JSON value.
    JsonField(String),
    /// As text, in place of the key; the scenario's keys then only choose the partition.
    Key,
}

impl Placement {
    /// The identity of a record. `header` is the value of its `squall` header.
    pub fn extract(&self, key: Option<&[u8]>, value: Option<&[u8]>, header: Option<&[u8]>) -> Result<Identity, IdentityError> {
        let absent = IdentityError::Absent;
        match self {
            Self::Header => Identity::decode(header.ok_or(absent)?),
            Self::ValuePrefix => Identity::decode_text(value.ok_or(absent)?),
            Self::JsonField(name) => {
                let value = value.ok_or(absent)?;
                Identity::decode_text(&value[json_text(value, name).ok_or(absent)?..])
            }
            Self::Key => Identity::decode_text(key.ok_or(absent)?),
        }
    }

    /// CRC-32 of the key and then of the value, without the identity itself. A missing key or value counts as empty.
    pub fn checksum(&self, key: Option<&[u8]>, value: Option<&[u8]>) -> u32 {
        let value = value.unwrap_or_default();
        match self {
            Self::Header | Self::Key | Self::ValuePrefix => self.checksum_around(key, value, 0),
            Self::JsonField(name) => match json_text(value, name) {
                Some(at) => self.checksum_around(key, value, at),
                None => Self::Header.checksum_around(key, value, 0),
            },
        }
    }

    /// [`Placement::checksum`] where it is known that a value that carries the identity does so at `at`.
    pub(super) fn checksum_around(&self, key: Option<&[u8]>, value: &[u8], at: usize) -> u32 {
        let mut crc = crc32fast::Hasher::new();
        if *self != Self::Key {
            crc.update(key.unwrap_or_default());
        }
        match self {
            Self::Header | Self::Key => crc.update(value),
            Self::ValuePrefix | Self::JsonField(_) => {
                crc.update(&value[..at]);
                crc.update(value.get(at + TEXT_LENGTH..).unwrap_or_default());
            }
        }
        crc.finalize()
    }

    /// Whether a record without a value can carry an identity there.
    pub fn allows_tombstones(&self) -> bool {
        matches!(self, Self::Header | Self::Key)
    }
}

/// Where the text of the string field `name` begins: behind `"name"`, a colon and the opening quote. The first match at
/// any depth counts, so that it is found in a value that no longer parses, too.
fn json_text(value: &[u8], name: &str) -> Option<usize> {
    let name = name.as_bytes();
    let skip_blanks = |mut at: usize| {
        while value.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    let mut from = 0;
    while let Some(quote) = value[from..].iter().position(|&byte| byte == b'"').map(|offset| from + offset) {
        from = quote + 1;
        if !value[from..].starts_with(name) || value.get(from + name.len()) != Some(&b'"') {
            continue;
        }
        let colon = skip_blanks(from + name.len() + 1);
        if value.get(colon) != Some(&b':') {
            continue;
        }
        let open = skip_blanks(colon + 1);
        if value.get(open) == Some(&b'"') {
            return Some(open + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn identity() -> impl Strategy<Value = Identity> {
        (any::<(u8, u16, u16, u32, u64)>(), any::<i64>(), any::<u32>()).prop_map(
            |((stream, shard, partition, run, sequence), intended, checksum)| Identity {
                stream,
                shard,
                partition,
                run,
                sequence,
                intended: Timestamp(intended),
                checksum,
            },
        )
    }

    proptest! {
        #[test]
        fn reads_what_it_wrote(identity in identity()) {
            let (mut bytes, mut text) = ([0; LENGTH], [0; TEXT_LENGTH]);
            identity.encode(&mut bytes);
            identity.encode_text(&mut text);
            prop_assert_eq!(Identity::decode(&bytes), Ok(identity));
            prop_assert_eq!(Identity::decode_text(&text), Ok(identity));
            prop_assert!(text.starts_with(b"c3EB"));
        }

        #[test]
        fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), name in "[a-z]{0,3}") {
            for placement in [Placement::Header, Placement::ValuePrefix, Placement::JsonField(name), Placement::Key] {
                let _ = placement.extract(Some(&bytes), Some(&bytes), Some(&bytes));
                placement.checksum(Some(&bytes), Some(&bytes));
            }
        }

        #[test]
        fn found_in_every_place(identity in identity(), body in "[a-z ]{0,20}") {
            let mut text = [0; TEXT_LENGTH];
            let mut bytes = [0; LENGTH];
            identity.encode_text(&mut text);
            identity.encode(&mut bytes);
            let written = String::from_utf8(text.to_vec()).unwrap();
            let json = format!(r#"{{"about":"id", "note" : "{body}", "id" : "{written}", "n":1}}"#);
            let prefixed = format!("{written}{body}");
            prop_assert_eq!(Placement::Header.extract(None, None, Some(&bytes)), Ok(identity));
            prop_assert_eq!(Placement::ValuePrefix.extract(None, Some(prefixed.as_bytes()), None), Ok(identity));
            prop_assert_eq!(Placement::JsonField("id".to_owned()).extract(None, Some(json.as_bytes()), None), Ok(identity));
            prop_assert_eq!(Placement::Key.extract(Some(&text), None, None), Ok(identity));
            prop_assert_eq!(
                Placement::ValuePrefix.checksum(Some(b"k"), Some(prefixed.as_bytes())),
                Placement::Header.checksum(Some(b"k"), Some(body.as_bytes()))
            );
        }
    }

    #[test]
    fn the_checksum_does_not_cover_the_identity_but_everything_else() {
        let placement = Placement::JsonField("id".to_owned());
        let value = |id: char, rest: &str| format!(r#"{{"id":"{}","x":"{rest}"}}"#, id.to_string().repeat(TEXT_LENGTH));
        let sum = |text: &str| placement.checksum(Some(b"key"), Some(text.as_bytes()));
        assert_eq!(sum(&value('a', "1")), sum(&value('b', "1")));
        assert_ne!(sum(&value('a', "1")), sum(&value('a', "2")));
        assert_ne!(sum(&value('a', "1")), placement.checksum(Some(b"yek"), Some(value('a', "1").as_bytes())));
    }

    #[test]
    fn says_why_not() {
        assert_eq!(Identity::decode(b""), Err(IdentityError::Absent));
        assert_eq!(Identity::decode(b"hello"), Err(IdentityError::Absent));
        assert_eq!(Identity::decode(b"sq\x01"), Err(IdentityError::Damaged));
        let mut newer = [0; LENGTH];
        newer[..3].copy_from_slice(b"sq\x02");
        assert_eq!(Identity::decode(&newer), Err(IdentityError::Version(2)));
        assert_eq!(Placement::Header.extract(Some(b"k"), Some(b"v"), None), Err(IdentityError::Absent));
    }

    #[test]
    fn placements_are_written_as_in_the_grammar() {
        let parse = |text: &str| serde_json::from_str::<Placement>(text).unwrap();
        assert_eq!(parse(r#""header""#), Placement::Header);
        assert_eq!(parse(r#""value-prefix""#), Placement::ValuePrefix);
        assert_eq!(parse(r#"{"json-field":"id"}"#), Placement::JsonField("id".to_owned()));
    }
}
