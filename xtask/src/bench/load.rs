//! The load: a number of connections, each asking again as soon as it was answered.
//!
//! Every answer is judged. One that is not as it should be makes the whole measurement void,
//! because a server that refuses is quicker than one that works.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::BenchError;
use crate::wire::{Lines, Wire};

/// The longest that one exchange may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Between two, so that the one before is over and forgotten; the odd milliseconds keep it out of step with
/// every timer.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(41),
    Duration::from_millis(53),
    Duration::from_millis(37),
    Duration::from_millis(67),
];
/// What is asked, and what the answer must be.
#[derive(Debug, Clone)]
pub(super) struct Exchange {
    /// The request as bytes.
    pub(super) request: Vec<u8>,
    /// The status that the answer must have.
    pub(super) status: u16,
    /// What the answer must be.
    pub(super) answer: Answer,
}

/// What an answer must be.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    /// One that holds these bytes.
    Whole(Vec<u8>),
    /// A stream.
    Stream(Stream),
}

/// What a stream must be.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    /// What a line has in it that is a delta of text.
    pub(super) delta: Vec<u8>,
    /// What a line begins with that closes a stream as it should be closed.
    pub(super) end: Vec<u8>,
    /// How many deltas there must be.
    pub(super) deltas: u64,
}

/// What came of a load.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// How long each exchange took, in microseconds.
    pub(super) whole: Vec<u64>,
    /// How long it took to the first delta, in microseconds; only of streams.
    pub(super) first: Vec<u64>,
    /// Deltas in all.
    pub(super) deltas: u64,
    /// From the first request to the last answer.
    pub(super) span: Duration,
}

/// Keeps a server busy for a time, and then until each connection has its last answer. Each
/// connection asks at least once.
pub(super) async fn load(
    address: SocketAddr,
    exchange: &Arc<Exchange>,
    connections: usize,
    span: Duration,
) -> Result<Tally, BenchError> {
    let begun = Instant::now();
    let until = begun + span;
    let mut running = JoinSet::new();
    for _ in 0..connections {
        let exchange = Arc::clone(exchange);
        running.spawn(async move { ask(address, &exchange, until).await });
    }
    let mut tally = Tally::default();
    while let Some(ended) = running.join_next().await {
        let one = ended.map_err(|error| BenchError::Io(io::Error::other(error)))??;
        tally.whole.extend(one.whole);
        tally.first.extend(one.first);
        tally.deltas += one.deltas;
    }
    tally.span = begun.elapsed();
    tally.whole.sort_unstable();
    tally.first.sort_unstable();
    Ok(tally)
}

async fn ask(
    address: SocketAddr,
    exchange: &Exchange,
    until: Instant,
) -> Result<Tally, BenchError> {
    let mut tally = Tally::default();
    let mut wire = Wire::connect(address).await?;
    loop {
        let closes = timeout(LONGEST, once(&mut wire, exchange, &mut tally)).await??;
        if Instant::now() >= until {
            return Ok(tally);
        }
        if closes {
            wire = Wire::connect(address).await?;
        }
    }
}

/// One request and its answer. Answers whether the server closes the connection.
async fn once(wire: &mut Wire, exchange: &Exchange, tally: &mut Tally) -> Result<bool, BenchError> {
    let begun = Instant::now();
    wire.send(&exchange.request).await?;
    let head = wire.head().await?.ok_or(BenchError::Closed)?;
    let mut come = Come::of(exchange, head.status());
    wire.body(&head, |piece| come.take(piece, begun)).await?;
    tally.whole.push(microseconds(begun));
    come.judge()?;
    tally.first.extend(come.first);
    tally.deltas += come.deltas;
    Ok(head.closes)
}

/// What has come of an answer.
struct Come<'a> {
    exchange: &'a Exchange,
    status: u16,
    /// The whole body; of a stream only what did not look like one.
    body: Vec<u8>,
    lines: Lines,
    deltas: u64,
    first: Option<u64>,
    ended: bool,
}

impl<'a> Come<'a> {
    fn of(exchange: &'a Exchange, status: u16) -> Self {
        Self {
            exchange,
            status,
            body: Vec::new(),
            lines: Lines::default(),
            deltas: 0,
            first: None,
            ended: false,
        }
    }

    fn take(&mut self, piece: &[u8], begun: Instant) {
        match &self.exchange.answer {
            Answer::Stream(stream) if self.status == self.exchange.status => {
                let (deltas, ended) = (&mut self.deltas, &mut self.ended);
                self.lines.take(piece, |line| {
                    *deltas += u64::from(memmem::find(line, &stream.delta).is_some());
                    *ended |= line.starts_with(&stream.end);
                });
                if self.first.is_none() && self.deltas > 0 {
                    self.first = Some(microseconds(begun));
                }
            }
            _ => self.body.extend_from_slice(piece),
        }
    }

    fn judge(&self) -> Result<(), BenchError> {
        let is_right = match &self.exchange.answer {
            Answer::Whole(expected) => memmem::find(&self.body, expected).is_some(),
            Answer::Stream(stream) => self.ended && self.deltas == stream.deltas,
        };
        if self.status == self.exchange.status && is_right {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&self.body);
        Err(BenchError::Wrong {
            status: self.status,
            deltas: self.deltas,
            text: text.chars().take(600).collect(),
        })
    }
}

/// How long ago that was.
pub(super) fn microseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// A value of a sorted list below which this share of them lies, by the nearest rank.
pub(super) fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// Waits a little between two that are measured by themselves; `at` counts them.
pub(super) async fn pause(at: u64) {
    let place = usize::try_from(at).unwrap_or(0) % PAUSES.len();
    sleep(PAUSES.get(place).copied().unwrap_or_default()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream() -> Answer {
        Answer::Stream(Stream {
            delta: b"\"word".to_vec(),
            end: b"event: done".to_vec(),
            deltas: 2,
        })
    }

    fn judged(answer: &Answer, status: u16, body: &[u8]) -> Result<(), BenchError> {
        let exchange = Exchange {
            request: Vec::new(),
            status: 200,
            answer: answer.clone(),
        };
        let mut come = Come::of(&exchange, status);
        for piece in body.chunks(3) {
            come.take(piece, Instant::now());
        }
        come.judge()
    }

    #[test]
    fn a_stream_has_all_its_deltas_and_its_end() {
        let body = b"data: \"word 1\"\n\ndata: \"word 2\"\n\nevent: done\ndata: {}\n\n";
        assert!(judged(&stream(), 200, body).is_ok());
        assert!(judged(&stream(), 500, body).is_err());
        assert!(judged(&stream(), 200, &body[..40]).is_err());
        assert!(judged(&stream(), 200, b"event: done\n").is_err());
    }

    #[test]
    fn a_refusal_is_told_with_its_text() {
        let error = judged(&Answer::Whole(b"yes".to_vec()), 503, b"overloaded");
        let text = error.expect_err("a refusal").to_string();
        assert!(
            text.contains("503") && text.contains("overloaded"),
            "{text}"
        );
        assert!(judged(&Answer::Whole(b"yes".to_vec()), 200, b"oh yes").is_ok());
    }

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let sorted: Vec<u64> = (1..=200).collect();
        assert_eq!(quantile(&sorted, 50), Some(100));
        assert_eq!(quantile(&sorted, 99), Some(198));
        assert_eq!(quantile(&[7], 99), Some(7));
        assert_eq!(quantile(&[], 50), None);
    }
}
