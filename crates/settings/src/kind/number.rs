//! Whole numbers within a range, ceilings, shares in percent, factors, and numbers of threads.

use std::num::{NonZeroU16, NonZeroU32, NonZeroUsize};
use std::ops::RangeInclusive;

use super::{Given, Kind, Refusal};

macro_rules! whole_number {
    ($($number:ty),+) => {$(
        impl Kind for $number {
            type Limits = RangeInclusive<$number>;

            fn allowed(limits: &Self::Limits) -> String {
                format!("a whole number from {} to {}", limits.start(), limits.end())
            }

            fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
                given.parse(|text| text.parse().ok().filter(|number| limits.contains(number)))
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

macro_rules! positive_number {
    ($($number:ty => $plain:ty),+) => {$(
        impl Kind for $number {
            type Limits = RangeInclusive<$plain>;

            fn allowed(limits: &Self::Limits) -> String {
                format!("a whole number from {} to {}", limits.start(), limits.end())
            }

            fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
                given.parse(|text| {
                    text.parse().ok().filter(|number: &Self| limits.contains(&number.get()))
                })
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

whole_number!(u16, u32);
positive_number!(NonZeroU16 => u16, NonZeroU32 => u32, NonZeroUsize => usize);

/// The most there may be of something, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling(Option<NonZeroU32>);

impl Ceiling {
    /// The most there may be; `None` when that is not limited.
    pub fn limit(self) -> Option<NonZeroU32> {
        self.0
    }
}

impl Kind for Ceiling {
    type Limits = RangeInclusive<u32>;

    fn allowed(limits: &Self::Limits) -> String {
        u32::allowed(limits)
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        u32::read(given, limits).map(|number| Self(NonZeroU32::new(number)))
    }

    fn show(&self) -> String {
        self.0.map_or(0, NonZeroU32::get).to_string()
    }
}

/// A share, in whole percent from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

impl Percent {
    /// The number of percent.
    pub fn percent(self) -> u8 {
        self.0
    }

    /// This share of a whole, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        let share = u128::from(whole) * u128::from(self.0) / 100;
        u64::try_from(share).unwrap_or(whole)
    }
}

impl Kind for Percent {
    type Limits = RangeInclusive<u8>;

    fn allowed(limits: &Self::Limits) -> String {
        let (least, most) = (limits.start(), limits.end());
        format!("a share from {least}% to {most}%, such as 25%")
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        given.parse(|text| {
            let number = text.strip_suffix('%').unwrap_or(text).trim_end();
            number
                .parse()
                .ok()
                .filter(|share| limits.contains(share))
                .map(Self)
        })
    }

    fn show(&self) -> String {
        format!("{}%", self.0)
    }
}

/// By what something is multiplied.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Factor(f64);

impl Factor {
    /// The number; it is finite.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Kind for Factor {
    type Limits = RangeInclusive<f64>;

    fn allowed(limits: &Self::Limits) -> String {
        let (least, most) = (limits.start(), limits.end());
        format!("a number from {least} to {most}, such as 1.5")
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        given.parse(|text| {
            let number = text.parse().ok()?;
            limits.contains(&number).then_some(Self(number))
        })
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// How many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    /// As many as there are cores.
    PerCore,
    /// This many.
    Exactly(NonZeroUsize),
}

impl Kind for Threads {
    type Limits = RangeInclusive<usize>;

    fn allowed(limits: &Self::Limits) -> String {
        format!("a whole number from {} to {}", limits.start(), limits.end())
    }

    fn read(given: &Given<'_>, limits: &Self::Limits) -> Result<Self, Refusal> {
        given.parse(|text| {
            let number = text.parse().ok().filter(|number| limits.contains(number))?;
            Some(NonZeroUsize::new(number).map_or(Self::PerCore, Self::Exactly))
        })
    }

    fn show(&self) -> String {
        match self {
            Self::PerCore => "0".to_owned(),
            Self::Exactly(number) => number.to_string(),
        }
    }
}
