//! The requests of a connection that wait for the one before them to end.

use std::collections::VecDeque;

use crate::room::Body;

/// The most requests that wait on one connection.
pub(super) const MOST_WAITING: usize = 8;
/// The most messages that are noted to be refused for it, in their turn. A client that goes on nevertheless
/// does not listen.
const MOST_REFUSED: usize = 64;

/// What waits, oldest first.
#[derive(Debug)]
pub(super) struct Waiting {
    requests: VecDeque<Request>,
    bytes: usize,
    /// The most bytes that wait; the oldest waits whatever its length.
    most_bytes: usize,
}

/// A request in its turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The text of its message.
    Asked(Body),
    /// It is to be refused, because too many waited.
    TooMany,
    /// It is to be refused, because it is no text.
    NoText,
}

/// More came than is taken note of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flood;

impl Waiting {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self {
            requests: VecDeque::new(),
            bytes: 0,
            most_bytes,
        }
    }

    /// Lets one wait.
    pub(super) fn add(&mut self, request: Request) -> Result<(), Flood> {
        if self.requests.len() >= MOST_WAITING + MOST_REFUSED {
            return Err(Flood);
        }
        let request = match request {
            Request::Asked(text) if self.is_full(text.len()) => Request::TooMany,
            other => other,
        };
        if let Request::Asked(text) = &request {
            self.bytes = self.bytes.saturating_add(text.len());
        }
        self.requests.push_back(request);
        Ok(())
    }

    fn is_full(&self, more: usize) -> bool {
        let bytes = self.bytes.saturating_add(more);
        self.requests.len() >= MOST_WAITING || (self.bytes > 0 && bytes > self.most_bytes)
    }

    /// The next in turn.
    pub(super) fn next(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        if let Request::Asked(text) = &request {
            self.bytes = self.bytes.saturating_sub(text.len());
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(length: usize) -> Request {
        Request::Asked(vec![b' '; length].into())
    }

    #[test]
    fn so_many_wait_and_the_others_are_refused_in_their_turn() {
        let mut waiting = Waiting::new(1_000);
        for _ in 0..MOST_WAITING + MOST_REFUSED {
            assert_eq!(waiting.add(asked(1)), Ok(()));
        }
        assert_eq!(waiting.add(asked(1)), Err(Flood));
        let told: Vec<Request> = std::iter::from_fn(|| waiting.next()).collect();
        let (taken, refused) = told.split_at(MOST_WAITING);
        assert!(taken.iter().all(|request| *request == asked(1)));
        assert!(refused.iter().all(|request| *request == Request::TooMany));
        assert_eq!(refused.len(), MOST_REFUSED);
        assert_eq!(waiting.add(asked(1_000)), Ok(()), "nothing waits any more");
        assert_eq!(waiting.next(), Some(asked(1_000)));
    }

    #[test]
    fn what_waits_together_is_no_longer_than_allowed() {
        let mut waiting = Waiting::new(10);
        for length in [11, 1, 0] {
            assert_eq!(waiting.add(asked(length)), Ok(()));
        }
        assert_eq!(waiting.add(Request::NoText), Ok(()));
        let told: Vec<Request> = std::iter::from_fn(|| waiting.next()).collect();
        let expected = [
            asked(11),
            Request::TooMany,
            Request::TooMany,
            Request::NoText,
        ];
        assert_eq!(told, expected);
        for length in [4, 6, 1] {
            assert_eq!(waiting.add(asked(length)), Ok(()));
        }
        let told: Vec<Request> = std::iter::from_fn(|| waiting.next()).collect();
        assert_eq!(told, [asked(4), asked(6), Request::TooMany]);
    }
}
