use std::sync::Arc;

use super::dice::Dice;
use super::event_time::EventTime;
use super::identity::{self, Identity, Placement};
use super::keys::{Key, KeyBuffer, KeyError, Pick, Picker, Skew};
use super::stream::Stream;
use super::value::{Filler, LinesError, Loaded, Sizes, Template, Value};
use crate::action::TrafficChange;
use crate::clock::Timestamp;
use crate::units::{Bytes, Duration};

/// What the n-th record of a stream looks like, under the changes that hold: a pure function of the seed and n.
#[derive(Debug, Clone)]
pub struct Recipe {
    base: Arc<Base>,
    picker: Picker,
    /// The change behind each skew of the picker.
    skewed_by: Vec<Mark>,
    poison: Vec<Share>,
    tombstones: Vec<Share>,
    late: Vec<(Share, Duration)>,
    size: Option<(Mark, usize, Filler)>,
    under: Mark,
}

/// A set of changes, one bit each, by their slots.
pub type Mark = u64;

/// Records that a change takes hold of.
#[derive(Debug, Clone, Copy)]
struct Share {
    share: f64,
    dice: Dice,
    mark: Mark,
}

/// What a stream's settings alone decide.
#[derive(Debug)]
struct Base {
    stream: u8,
    run: u32,
    placement: Placement,
    /// What a value begins with before the identity's text, where it carries one.
    opening: Option<Vec<u8>>,
    content: Content,
    event_time: EventTime,
    poison: f64,
    tombstones: f64,
    seed: u64,
    dice: Purposes,
}

#[derive(Debug)]
struct Purposes {
    sizes: Dice,
    lines: Dice,
    poison: Dice,
    tombstones: Dice,
    disorder: Dice,
    late: Dice,
}

#[derive(Debug)]
enum Content {
    Filled(Filler, Sizes),
    Json(Template),
    Lines(Loaded),
}

/// A change of the traffic that holds.
#[derive(Debug, Clone)]
pub struct Active {
    /// Its undo, by which it is taken back.
    pub id: u64,
    /// Its bit in a [`Mark`].
    pub slot: u32,
    /// What it changes.
    pub change: TrafficChange,
}

/// Room for the parts of a record that are not kept ready.
#[derive(Debug)]
pub struct Buffers {
    key: KeyBuffer,
    value: Vec<u8>,
    identity: [u8; identity::LENGTH],
    text: [u8; identity::TEXT_LENGTH],
}

impl Default for Buffers {
    fn default() -> Self {
        Self { key: KeyBuffer::default(), value: Vec::new(), identity: [0; identity::LENGTH], text: [0; identity::TEXT_LENGTH] }
    }
}

/// A record, ready to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value; none for a tombstone.
    pub value: Option<&'a [u8]>,
    /// The value of its `squall` header.
    pub header: Option<&'a [u8]>,
    /// Its event time.
    pub event_time: Timestamp,
    /// The changes that took hold of it.
    pub hits: Mark,
}

/// Why a stream cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// Its keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Its values.
    #[error(transparent)]
    Lines(#[from] LinesError),
    /// A change that records without a value would need.
    #[error("records without a value cannot carry an identity there; use a header")]
    NoTombstones,
}

/// Bytes that are neither UTF-8 nor JSON.
const POISON: &[u8] = b"\xff\xfepoison\xff";

impl Recipe {
    /// The recipe of a stream without changes.
    ///
    /// # Errors
    /// Files that cannot be read, keys that the partitions do not allow.
    pub fn new(settings: &Stream, stream: u8, partitions: u32, placement: &Placement, run: &str, seed: u64) -> Result<Self, RecipeError> {
        let picker = Picker::new(&settings.keys, partitions, &settings.partition_weights, &settings.event_time.idle_partitions, seed)?;
        let filled =
            |sizes: Sizes| Content::Filled(Filler::new(sizes.largest().max(identity::TEXT_LENGTH), settings.compressible.0, seed), sizes);
        let content = match &settings.value {
            Value::Size(Bytes(size)) => filled(Sizes::Fixed(*size as usize)),
            Value::SizeBetween(between) => filled(Sizes::Between(*between)),
            Value::SizeLognormal(lognormal) => filled(Sizes::Lognormal(*lognormal)),
            Value::Json(fields) => Content::Json(Template::new(fields, seed)),
            Value::Lines(lines) => Content::Lines(lines.load(matches!(placement, Placement::JsonField(_)))?),
        };
        let opening = match placement {
            Placement::Header | Placement::Key => None,
            Placement::ValuePrefix => Some(Vec::new()),
            Placement::JsonField(name) => Some(format!("{{{}:\"", serde_json::Value::from(name.as_str())).into_bytes()),
        };
        let dice = |purpose| Dice::new(seed, purpose);
        let base = Base {
            stream,
            run: identity::run_hash(run),
            placement: placement.clone(),
            opening,
            content,
            event_time: settings.event_time.clone(),
            poison: settings.poison.0,
            tombstones: settings.tombstones.0,
            seed,
            dice: Purposes {
                sizes: dice("sizes"),
                lines: dice("lines"),
                poison: dice("poison"),
                tombstones: dice("tombstones"),
                disorder: dice("disorder"),
                late: dice("late"),
            },
        };
        Ok(Self::plain(Arc::new(base), picker))
    }

    fn plain(base: Arc<Base>, picker: Picker) -> Self {
        let (skewed_by, poison, tombstones, late) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { base, picker, skewed_by, poison, tombstones, late, size: None, under: 0 }
    }

    /// The recipe under `changes`, and no others.
    ///
    /// # Errors
    /// A skew to more keys than there are or to a partition that has none; tombstones that could carry no identity.
    pub fn under(&self, changes: &[Active]) -> Result<Self, RecipeError> {
        let base = &self.base;
        let mut recipe = Self::plain(Arc::clone(base), self.picker.with_skews(Vec::new()));
        let mut skews: Vec<Skew> = Vec::new();
        for Active { id, slot, change } in changes {
            let mark: Mark = 1 << slot;
            let dice = Dice::new(base.seed, "changes").split(*id);
            let some = |share: f64| Share { share, dice, mark };
            recipe.under |= mark;
            match change {
                TrafficChange::SkewKeys { share, keys } => {
                    skews.push(self.picker.skew_to_keys(share.0, keys.0, dice)?);
                    recipe.skewed_by.push(mark);
                }
                TrafficChange::SkewPartitions { share, partition } => {
                    skews.push(self.picker.skew_to_partition(share.0, *partition, dice)?);
                    recipe.skewed_by.push(mark);
                }
                // Only the schedule knows of it.
                TrafficChange::Surge { .. } => {}
                TrafficChange::Poison { share } => recipe.poison.push(some(share.0)),
                TrafficChange::Tombstones { .. } if !base.placement.allows_tombstones() => return Err(RecipeError::NoTombstones),
                TrafficChange::Tombstones { share } => recipe.tombstones.push(some(share.0)),
                TrafficChange::LateEvents { share, by } => recipe.late.push((some(share.0), *by)),
                TrafficChange::ValueSize { size } => {
                    let size = size.0 as usize;
                    recipe.size = Some((mark, size, Filler::new(size.max(identity::TEXT_LENGTH), 0.0, base.seed)));
                }
            }
        }
        recipe.picker = self.picker.with_skews(skews);
        Ok(recipe)
    }

    /// The changes that hold.
    pub fn under_changes(&self) -> Mark {
        self.under
    }

    /// Key, partition and shard of record `n`.
    pub fn pick(&self, n: u64) -> Pick {
        self.picker.pick(n)
    }

    /// The key at a place of the table, or of the endless row where there is none, as text for people.
    pub fn key_text(&self, place: u32) -> Option<String> {
        let key = if place < self.picker.listed() { Key::Listed(place) } else { Key::Numbered(u64::from(place)) };
        self.picker.bytes(key, &mut KeyBuffer::default()).map(|key| String::from_utf8_lossy(key).into_owned())
    }

    /// Makes record `n`, the `sequence`-th of its shard.
    pub fn make<'a>(&'a self, n: u64, pick: &Pick, sequence: u64, intended: Timestamp, buffers: &'a mut Buffers) -> Made<'a> {
        let base = &*self.base;
        let Buffers { key: key_buffer, value: written, identity: bytes, text } = buffers;
        let mut key = self.picker.bytes(pick.key, key_buffer);
        let mut hits = pick.by.map_or(0, |by| self.skewed_by[usize::from(by)]);
        let event_time = self.event_time(n, intended, &mut hits);
        let tombstone = one_of(&self.tombstones, n, &mut hits) || base.dice.tombstones.hits(n, base.tombstones);
        let poison = !tombstone && (one_of(&self.poison, n, &mut hits) || base.dice.poison.hits(n, base.poison));
        if let (Some((mark, _, _)), false, false) = (&self.size, tombstone, poison) {
            hits |= mark;
        }

        let ready = if poison || tombstone { None } else { self.ready(n) };
        let mut at = 0;
        if ready.is_none() && !tombstone {
            at = self.write(n, key, event_time, poison, written);
        }
        let identity = Identity {
            stream: base.stream,
            shard: pick.shard,
            partition: pick.partition,
            run: base.run,
            sequence,
            intended,
            checksum: base.placement.checksum_around(key, if tombstone { &[] } else { ready.unwrap_or(written) }, at),
        };
        let mut header = None;
        match &base.placement {
            Placement::Header => {
                identity.encode(bytes);
                header = Some(&bytes[..]);
            }
            Placement::Key => {
                identity.encode_text(text);
                key = Some(&text[..]);
            }
            Placement::ValuePrefix | Placement::JsonField(_) => {
                if let Some(text) = written.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                    identity.encode_text(text);
                }
            }
        }
        let value = if tombstone { None } else { Some(ready.unwrap_or(written)) };
        Made { key, value, header, event_time, hits }
    }

    fn event_time(&self, n: u64, intended: Timestamp, hits: &mut Mark) -> Timestamp {
        let base = &*self.base;
        let mut event_time = base.event_time.at(n, intended, base.dice.disorder, base.dice.late);
        for (late, by) in &self.late {
            if late.dice.hits(n, late.share) {
                *hits |= late.mark;
                event_time = Timestamp(event_time.0.saturating_sub(by.nanos()));
            }
        }
        event_time
    }

    /// The value of record `n` where it needs no writing: a slice of the filler's pool.
    fn ready(&self, n: u64) -> Option<&[u8]> {
        let base = &*self.base;
        match (&base.placement, &base.content, &self.size) {
            (Placement::ValuePrefix | Placement::JsonField(_), ..) | (_, Content::Json(_) | Content::Lines(_), _) => None,
            (_, _, Some((_, size, filler))) => Some(filler.text(n, *size)),
            (_, Content::Filled(filler, sizes), None) => Some(filler.text(n, sizes.size(n, base.dice.sizes))),
        }
    }

    /// Writes the value of record `n` with room for the identity's text where it carries it; the room begins at the
    /// returned place.
    fn write(&self, n: u64, key: Option<&[u8]>, event_time: Timestamp, poison: bool, value: &mut Vec<u8>) -> usize {
        let base = &*self.base;
        value.clear();
        let mut at = 0;
        if let Some(opening) = &base.opening {
            value.extend_from_slice(opening);
            at = value.len();
            value.extend_from_slice(&[b'.'; identity::TEXT_LENGTH]);
        }
        let in_json = matches!(base.placement, Placement::JsonField(_));
        if in_json {
            value.push(b'"');
        }
        if poison {
            value.extend_from_slice(POISON);
            return at;
        }
        match &base.content {
            Content::Filled(filler, sizes) => {
                let (filler, size) = match &self.size {
                    Some((_, size, filler)) => (filler, *size),
                    None => (filler, sizes.size(n, base.dice.sizes)),
                };
                value.extend_from_slice(filler.text(n, size.saturating_sub(value.len())));
            }
            Content::Json(template) => {
                match (in_json, template.is_empty()) {
                    (true, false) => value.push(b','),
                    (true, true) => {}
                    (false, _) => value.push(b'{'),
                }
                template.write(n, key, event_time, value);
                value.push(b'}');
            }
            Content::Lines(lines) => {
                let mut line = lines.line(n, base.dice.lines);
                if in_json {
                    line = spliced(line, value);
                }
                value.extend_from_slice(line);
            }
        }
        // White space after a value means nothing to JSON.
        if let Some((_, size, _)) = self.size
            && value.len() < size
        {
            value.resize(size, b' ');
        }
        at
    }
}

/// What of an object's text follows the field that was put first; writes the comma between them to `value`.
fn spliced<'a>(object: &'a [u8], value: &mut Vec<u8>) -> &'a [u8] {
    let inner = object.trim_ascii().get(1..).unwrap_or_default().trim_ascii_start();
    if !inner.starts_with(b"}") {
        value.push(b',');
    }
    inner
}

/// Whether one of the changes takes hold of record `n`; marks all that do.
fn one_of(shares: &[Share], n: u64, hits: &mut Mark) -> bool {
    let mut any = false;
    for share in shares.iter().filter(|share| share.dice.hits(n, share.share)) {
        *hits |= share.mark;
        any = true;
    }
    any
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
