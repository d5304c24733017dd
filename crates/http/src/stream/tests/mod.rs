//! Streams by themselves: how much they hold, and what they say when they are cut short.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::stream::{self, StreamExt};
use response_domain::event::{Place, TextKind};
use response_domain::id::{ItemId, RawId};

use super::*;
use crate::dialect::native::Native;

mod runs;
mod told;

fn said(text: &str) -> Event {
    let place = Place {
        item: ItemId::new(RawId::new(1), 1),
        index: 0,
    };
    Event::TextDelta(place, TextKind::Output, text.into())
}

type Batch = Result<Vec<Event>, StoreError>;

fn replay(batches: impl futures::Stream<Item = Batch> + Send + 'static) -> EventStream<Native> {
    let source = Source::Log(Box::pin(batches));
    EventStream::new(Native, source, "resp_1".to_owned(), Duration::from_secs(15))
}

/// What the body says next.
async fn next(stream: &mut EventStream<Native>) -> Option<Bytes> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context))
        .await
        .map(|bytes| bytes.unwrap())
}

fn frames(bytes: &[u8]) -> usize {
    bytes.windows(2).filter(|two| two == b"\n\n").count()
}

#[tokio::test]
async fn a_slow_reader_holds_one_batch() {
    const BATCH: usize = 500;
    const BATCHES: usize = 20;
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let batches = stream::iter(0..BATCHES).map(move |_| {
        counted.fetch_add(BATCH, Ordering::SeqCst);
        Ok(vec![said(&"word ".repeat(20)); BATCH])
    });
    let mut stream = replay(batches);
    let (mut told, mut most) = (0, 0);
    while let Some(bytes) = next(&mut stream).await {
        told += frames(&bytes);
        most = most.max(bytes.len());
        let held = read.load(Ordering::SeqCst) - told;
        assert!(held <= BATCH, "{held} events wait for the reader");
    }
    assert_eq!(told, BATCH * BATCHES);
    assert!(most < 2 * ENOUGH, "{most} bytes at a time");
}

#[tokio::test]
async fn frames_that_are_not_told_are_counted() {
    for after in [0, 1, 499, 998, 999] {
        let batches = stream::iter(0..2).map(|_| Ok(vec![said("a"); 500]));
        let mut stream = replay(batches);
        stream.teller.after = Some(after);
        let mut told = Vec::new();
        while let Some(bytes) = next(&mut stream).await {
            told.extend(bytes);
        }
        let left = usize::try_from(999 - after).unwrap();
        assert_eq!(frames(&told), left, "after {after}");
        let first = format!("\nid: {}\n", after + 1);
        let text = String::from_utf8(told).unwrap();
        assert!(left == 0 || text[..60].contains(&first), "{text:.60}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_log_that_breaks_off_ends_the_stream_and_is_logged_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _logged = tracing::subscriber::set_default(subscriber);
    let broken = || Err(StoreError::Failed("a disk is gone".into()));
    let batches = [Ok(vec![said("Once upon")]), broken(), broken()];
    let mut stream = replay(stream::iter(batches));
    assert_eq!(frames(&next(&mut stream).await.unwrap()), 1);
    assert_eq!(next(&mut stream).await, None);
    assert_eq!(next(&mut stream).await, None);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    for part in ["ERROR", "resp_1", "a disk is gone"] {
        assert!(log.contains(part), "{log}");
    }
}

#[tokio::test]
async fn a_log_that_ends_without_an_end_ends_the_stream() {
    let mut stream = replay(stream::iter([Ok(vec![said("Once upon")])]));
    assert_eq!(frames(&next(&mut stream).await.unwrap()), 1);
    assert_eq!(next(&mut stream).await, None);
}
