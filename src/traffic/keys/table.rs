use std::io;
use std::path::Path;

use crate::kafka::partition_for_key;

/// Bytes of keys and the partition of each.
#[derive(Debug)]
pub struct KeyTable {
    bytes: Vec<u8>,
    ends: Ends,
    partitions: Vec<u16>,
}

#[derive(Debug)]
enum Ends {
    /// Every key has this length.
    Fixed(usize),
    /// Key i ends at `ends[i]`.
    Listed(Vec<usize>),
}

/// Room for a key that is made as it is needed.
pub type KeyBuffer = [u8; 21];

impl KeyTable {
    /// `k0000` … as many digits as the last one needs.
    pub fn numbered(distinct: u64, partitions: u32) -> Self {
        let digits = decimal_digits(distinct.saturating_sub(1));
        let length = 1 + digits;
        let mut bytes = vec![0; length * distinct as usize];
        for (index, key) in bytes.chunks_exact_mut(length).enumerate() {
            write_number(key, index as u64);
        }
        Self::with(bytes, Ends::Fixed(length), distinct as usize, partitions)
    }

    /// One key for each line; empty lines do not count.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no key.
    pub fn from_file(path: &Path, partitions: u32) -> io::Result<Self> {
        let text = std::fs::read(path)?;
        let mut bytes = Vec::with_capacity(text.len());
        let mut ends = Vec::new();
        for line in text.split(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                bytes.extend_from_slice(line);
                ends.push(bytes.len());
            }
        }
        if ends.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file holds no key"));
        }
        let count = ends.len();
        Ok(Self::with(bytes, Ends::Listed(ends), count, partitions))
    }

    fn with(bytes: Vec<u8>, ends: Ends, count: usize, partitions: u32) -> Self {
        let mut table = Self { bytes, ends, partitions: Vec::new() };
        table.partitions = (0..count as u32).map(|index| partition_for_key(table.key(index), partitions) as u16).collect();
        table
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.partitions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// A key's bytes.
    pub fn key(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let range = match &self.ends {
            Ends::Fixed(length) => index * length..(index + 1) * length,
            Ends::Listed(ends) => (if index == 0 { 0 } else { ends[index - 1] })..ends[index],
        };
        &self.bytes[range]
    }

    /// A key's partition.
    pub fn partition(&self, index: u32) -> u16 {
        self.partitions[index as usize]
    }

    /// The partition of every key.
    pub fn partitions(&self) -> &[u16] {
        &self.partitions
    }
}

/// Writes key `number` of an endless row into `buffer`; the key is what is returned.
pub(super) fn make_key(number: u64, buffer: &mut KeyBuffer) -> &[u8] {
    let length = 1 + decimal_digits(number);
    write_number(&mut buffer[..length], number);
    &buffer[..length]
}

fn decimal_digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// `k` and the number, with zeros in front until the key is full.
fn write_number(key: &mut [u8], mut number: u64) {
    let Some((first, digits)) = key.split_first_mut() else { return };
    *first = b'k';
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn keys_have_equal_length_and_their_partition() {
        let table = KeyTable::numbered(1000, 4);
        assert_eq!((table.len(), table.key(0), table.key(999)), (1000, &b"k000"[..], &b"k999"[..]));
        assert_eq!(table.partition(7) as u32, partition_for_key(b"k007", 4));
        let mut buffer = KeyBuffer::default();
        assert_eq!(make_key(0, &mut buffer), b"k0");
        assert_eq!(make_key(u64::MAX, &mut buffer), b"k18446744073709551615");
    }

    #[test]
    fn reads_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "anna\r\n\nbob\ncarla").unwrap();
        let table = KeyTable::from_file(file.path(), 2).unwrap();
        assert_eq!((0..3).map(|i| table.key(i)).collect::<Vec<_>>(), [&b"anna"[..], b"bob", b"carla"]);
        std::fs::write(file.path(), "\n\n").unwrap();
        assert!(KeyTable::from_file(file.path(), 2).is_err());
    }
}
