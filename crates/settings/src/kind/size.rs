//! Sizes in bytes: `512`, `64KiB`, `10MiB`, `10MB`.

use std::fmt;
use std::ops::RangeInclusive;

use super::{Given, Kind, Refusal};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const UNITS: [(&str, u64); 8] = [
    ("GiB", GIB),
    ("MiB", MIB),
    ("KiB", KIB),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
    ("", 1),
];

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many times 1024 bytes.
    pub const fn kib(number: u64) -> Self {
        Self(number.saturating_mul(KIB))
    }

    /// So many times 1024² bytes.
    pub const fn mib(number: u64) -> Self {
        Self(number.saturating_mul(MIB))
    }

    /// So many times 1024³ bytes.
    pub const fn gib(number: u64) -> Self {
        Self(number.saturating_mul(GIB))
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes, or the most that this machine can address.
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS
            .iter()
            .find(|(_, unit)| self.0 != 0 && self.0.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl Kind for ByteSize {
    type Limits = RangeInclusive<ByteSize>;

    fn allowed(limits: &Self::Limits) -> String {
        let (least, most) = (limits.start(), limits.end());
        format!("a size from {least} to {most}, written like 512KiB or 10MiB")
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        given.parse(|text| parse(text).filter(|size| limits.contains(size)))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

fn parse(text: &str) -> Option<ByteSize> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, name) = text.split_at(end);
    let name = name.trim_start();
    let (_, unit) = UNITS
        .iter()
        .find(|(unit, _)| unit.eq_ignore_ascii_case(name))?;
    number.parse::<u64>().ok()?.checked_mul(*unit).map(ByteSize)
}
