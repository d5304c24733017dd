//! What one client asks for, and what it does then: all of it follows from the seed and the number of the
//! response.

use std::time::Duration;

use serde_json::{Value, json};

/// What is asked of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An answer at once.
    Plain,
    /// An answer that takes seconds to be said.
    Slow,
    /// A tool that may be called again.
    Repeatable,
    /// A tool that must not be called again.
    Once,
    /// One after the other.
    Both,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Slow => "slow",
            Self::Repeatable => "repeatable tool",
            Self::Once => "tool once",
            Self::Both => "both tools",
        }
    }
}

/// What its client does then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Asks again and again until it has ended.
    Watch,
    /// Reads its stream, and leaves and comes back.
    Follow,
    /// Cancels it after a while.
    Cancel(Duration),
    /// Deletes it after a while.
    Delete(Duration),
    /// Forgets about it.
    Leave,
}

impl Fate {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Watch => "watched",
            Self::Follow => "followed",
            Self::Cancel(_) => "cancelled",
            Self::Delete(_) => "deleted",
            Self::Leave => "left alone",
        }
    }
}

/// One request with all that becomes of it.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) number: u64,
    pub(super) kind: Kind,
    pub(super) fate: Fate,
    /// What its client throws dice with afterwards.
    pub(super) dice: fastrand::Rng,
    prompt: String,
}

impl Errand {
    /// The errand of this number.
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let kind = match dice.u8(..100) {
            0..=34 => Kind::Plain,
            35..=59 => Kind::Slow,
            60..=74 => Kind::Repeatable,
            75..=89 => Kind::Once,
            _ => Kind::Both,
        };
        let later = Duration::from_millis(dice.u64(..3_000));
        let fate = match dice.u8(..100) {
            0..=37 => Fate::Watch,
            38..=74 => Fate::Follow,
            75..=86 => Fate::Cancel(later),
            87..=94 => Fate::Delete(later),
            _ => Fate::Leave,
        };
        let prompt = prompt(kind, number, &mut dice);
        Self {
            number,
            kind,
            fate,
            dice,
            prompt,
        }
    }

    /// The request.
    pub(super) fn request(&self) -> Value {
        let mut request = json!({
            "model": "jan-v2-30b", "input": self.prompt, "background": true,
            "metadata": {"soak": self.number},
        });
        if let (Kind::Plain | Kind::Slow, Some(fields)) = (self.kind, request.as_object_mut()) {
            fields.insert("tools".to_owned(), json!([]));
        }
        request
    }

    /// What stands in the answer of this response and of no other.
    pub(super) fn sign(&self) -> String {
        match self.kind {
            Kind::Plain | Kind::Slow => token(self.number),
            Kind::Repeatable | Kind::Both => format!("{}+1", self.number),
            Kind::Once => "wait".to_owned(),
        }
    }
}

/// A word that only this response has.
pub(super) fn token(number: u64) -> String {
    format!("word-{number}-")
}

fn prompt(kind: Kind, number: u64, dice: &mut fastrand::Rng) -> String {
    let token = token(number);
    let say = format!("Say {token}and nothing else of any kind");
    let calculate = format!("[[call:calculator {{\"expression\":\"{number}+1\"}}]]");
    // The number hides in the digits that nobody waits for.
    let wait = format!("{{\"seconds\":0.{:03}{number:07}}}", dice.u16(50..900));
    let pace = dice.u16(50..150);
    let deltas = dice.u16(20..60);
    match kind {
        Kind::Plain => say,
        Kind::Slow => format!("[[deltas:{deltas} delta-delay:{pace}ms]] {say}"),
        Kind::Repeatable => format!("{calculate} [[round:2 delta-delay:{pace}ms]] {say}"),
        Kind::Once => format!("[[call:wait {wait}]] {say}"),
        Kind::Both => format!("{calculate} [[call:wait round:2 {wait}]] {say}"),
    }
}

/// The number that hides in the argument of `wait`.
pub(super) fn hidden(seconds: f64) -> u64 {
    // Ten digits after the point, of which the last seven are the number.
    let digits = format!("{seconds:.10}");
    let tail = digits
        .get(digits.len().saturating_sub(7)..)
        .unwrap_or_default();
    tail.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_is_the_same_errand() {
        let (one, other) = (Errand::of(7, 12), Errand::of(7, 12));
        assert_eq!(one.request(), other.request());
        assert_eq!((one.kind, one.fate), (other.kind, other.fate));
        let kinds = |seed| {
            (0..50)
                .map(|number| Errand::of(seed, number).kind)
                .collect::<Vec<_>>()
        };
        assert_ne!(kinds(7), kinds(8));
    }

    #[test]
    fn the_number_of_a_wait_is_found_again() {
        for number in [0, 1, 90, 12_345, 9_999_999] {
            let seconds: f64 = format!("0.123{number:07}").parse().expect("a number");
            assert_eq!(hidden(seconds), number);
        }
    }
}
