//! How much memory a program holds: idle, and with many slow streams open.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::BenchError;
use super::load::Stream;
use super::subject::Subject;
use crate::error::ChoreError;
use crate::wire::{Lines, Wire};

/// How many streams are open at once.
pub(super) const STREAMS: usize = 256;
/// How many deltas each has shown before memory is looked at.
const DELTAS: usize = 3;
/// How often memory is looked at; the most that is seen counts.
const LOOKS: usize = 6;
const BETWEEN: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Weight {
    /// After the start and one request.
    pub(super) idle: u64,
    /// With the streams open.
    pub(super) busy: u64,
}

/// Weighs a program that has just started. Nothing of an upstream is weighed.
pub(super) async fn weigh(subject: &Subject) -> Result<Option<Weight>, ChoreError> {
    let Some(program) = subject.program else {
        return Ok(None);
    };
    let idle = program.memory()?;
    let (tell, mut told) = watch::channel(0_usize);
    let tell = Arc::new(tell);
    let mut streams = JoinSet::new();
    for _ in 0..STREAMS {
        let (address, request) = (subject.address, subject.slow());
        let (stream, tell) = (subject.stream(0), Arc::clone(&tell));
        streams.spawn(async move {
            follow(Wire::connect(address).await?, &request, &stream, &tell).await
        });
    }
    let all = timeout(LONGEST, told.wait_for(|open| *open == STREAMS));
    tokio::select! {
        open = all => drop(open.map_err(|late| BenchError::from(late).of(&subject.name, "slow streams"))?),
        Some(ended) = streams.join_next() => {
            let error = ended.map_err(io::Error::other).and_then(|ended| ended);
            let error = error.err().unwrap_or_else(|| io::Error::other("a stream ended by itself"));
            return Err(BenchError::Io(error).of(&subject.name, "slow streams"));
        }
    }
    let mut busy = 0;
    for _ in 0..LOOKS {
        busy = busy.max(program.memory()?);
        sleep(BETWEEN).await;
    }
    Ok(Some(Weight { idle, busy }))
}

/// Reads a stream for ever and tells when it has shown enough.
async fn follow(
    mut wire: Wire,
    request: &[u8],
    stream: &Stream,
    tell: &watch::Sender<usize>,
) -> io::Result<()> {
    wire.send(request).await?;
    let head = wire
        .head()
        .await?
        .ok_or_else(|| io::Error::other("no answer"))?;
    if head.status() != 200 {
        return Err(io::Error::other(head.first));
    }
    let (mut lines, mut deltas) = (Lines::default(), 0_usize);
    wire.body(&head, |piece| {
        lines.take(piece, |line| {
            if memmem::find(line, &stream.delta).is_some() {
                deltas += 1;
                if deltas == DELTAS {
                    tell.send_modify(|open| *open += 1);
                }
            }
        });
    })
    .await
}
