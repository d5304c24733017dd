//! What a delivery is answered with: by default 200, otherwise what a test or the query of the address says.

use std::time::Duration;

use actix_web::web::Query;
use bytes::Bytes;

use crate::play::{Step, duration};

/// The pause between two bytes of a body that drips.
const DRIP: Duration = Duration::from_secs(1);

/// A piece of a body without end.
const PIECE: &[u8] = &[b'x'; 16 << 10];

/// What a delivery is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) delay: Duration,
    pub(super) body: Body,
}

/// What follows the headers of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// This, and an orderly end.
    Whole(Bytes),
    /// A beginning, then nothing, with the connection open.
    Hang,
    /// A byte now and then, for ever.
    Drip,
    /// More and more, as fast as it is read.
    Endless,
    /// A beginning, then the connection is cut.
    Cut,
    /// There are no headers: nothing is said at all, with the connection open.
    Silence,
    /// There are no headers: the connection is cut before anything is said.
    Slam,
}

impl Reaction {
    /// This status, with a short text.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            delay: Duration::ZERO,
            body: Body::Whole(Bytes::from_static(b"received\n")),
        }
    }

    /// A redirect to this address.
    pub fn redirect(address: &str) -> Self {
        let mut redirect = Self::status(307);
        redirect.headers.push(("location", address.to_owned()));
        redirect
    }

    /// The same, and when to come again: seconds, or a date.
    #[must_use]
    pub fn retry_after(mut self, value: &str) -> Self {
        self.headers.push(("retry-after", value.to_owned()));
        self
    }

    /// The same with another body.
    #[must_use]
    pub fn with(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The same, after a pause.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The reaction that the query of an address asks for, or what is wrong with it. Words that mean nothing
    /// here are the address's own.
    pub(super) fn of_query(query: &str, attempt: u32) -> Result<Self, String> {
        let mut reaction = Self::status(200);
        let mut times = None;
        let words = Query::<Vec<(String, String)>>::from_query(query);
        for (word, value) in words.map(Query::into_inner).unwrap_or_default() {
            let wrong = || format!("{word}={value} is not understood");
            match word.as_str() {
                "status" => {
                    let status = value.parse().ok();
                    let status = status.filter(|status| (200..600).contains(status));
                    reaction.status = status.ok_or_else(wrong)?;
                }
                "retry-after" => reaction = reaction.retry_after(&value),
                "redirect" => reaction = Self::redirect(&value),
                "delay" => reaction.delay = duration(&value).ok_or_else(wrong)?,
                "body" => reaction.body = body(&value).ok_or_else(wrong)?,
                "times" => times = Some(value.parse::<u32>().map_err(|_| wrong())?),
                _ => {}
            }
        }
        let is_over = times.is_some_and(|times| attempt > times);
        Ok(if is_over { Self::status(200) } else { reaction })
    }

    /// In a word or two.
    pub(super) fn told(&self) -> String {
        match self.body {
            Body::Silence => "silence".to_owned(),
            Body::Slam => "slam".to_owned(),
            Body::Whole(_) => self.status.to_string(),
            Body::Hang => format!("{} hang", self.status),
            Body::Drip => format!("{} drip", self.status),
            Body::Endless => format!("{} endless", self.status),
            Body::Cut => format!("{} cut", self.status),
        }
    }
}

impl Body {
    /// The steps of a body that takes its time.
    pub(super) fn steps(&self) -> Box<dyn Iterator<Item = Step>> {
        let beginning = || Step::Send(Bytes::from_static(b"rec"));
        match self {
            Self::Whole(bytes) => Box::new([Step::Send(bytes.clone())].into_iter()),
            Self::Hang | Self::Silence => Box::new([beginning(), Step::Hang].into_iter()),
            Self::Cut | Self::Slam => Box::new([beginning(), Step::Break].into_iter()),
            Self::Drip => {
                let both = [Step::Send(Bytes::from_static(b".")), Step::Wait(DRIP)];
                Box::new(std::iter::repeat(both).flatten())
            }
            Self::Endless => Box::new(std::iter::repeat_with(|| {
                Step::Send(Bytes::from_static(PIECE))
            })),
        }
    }
}

fn body(word: &str) -> Option<Body> {
    Some(match word {
        "hang" => Body::Hang,
        "drip" => Body::Drip,
        "endless" => Body::Endless,
        "cut" => Body::Cut,
        "silence" => Body::Silence,
        "slam" => Body::Slam,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_of_an_address_says_how_it_is_answered() {
        let plain = Reaction::status(200);
        let table = [
            ("", 1, plain.clone()),
            ("token=a%20b", 1, plain.clone()),
            ("status=503&times=2", 1, Reaction::status(503)),
            ("status=503&times=2", 2, Reaction::status(503)),
            ("status=503&times=2", 3, plain.clone()),
            (
                "status=429&retry-after=3",
                9,
                Reaction::status(429).retry_after("3"),
            ),
            (
                "redirect=http%3A%2F%2F169.254.169.254%2F",
                1,
                Reaction::redirect("http://169.254.169.254/"),
            ),
            (
                "body=drip&delay=250ms",
                1,
                plain.with(Body::Drip).after(Duration::from_millis(250)),
            ),
            ("body=silence", 1, Reaction::status(200).with(Body::Silence)),
        ];
        for (query, attempt, expected) in table {
            assert_eq!(Reaction::of_query(query, attempt), Ok(expected), "{query}");
        }
        for query in ["status=42", "body=loud", "delay=soon", "times=-1"] {
            assert!(Reaction::of_query(query, 1).is_err(), "{query}");
        }
    }
}
