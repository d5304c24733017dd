//! The connection of a client, as the server below ours reads it. That server decodes all that it is given, and
//! only the first head of a connection must be whole within some time. So it is given one request after the
//! other here, and each head has its time.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use self::pulse::{Pulse, Turn};

mod blank;
mod pulse;
mod watch;

#[cfg(test)]
mod tests;

pub(crate) use self::watch::watched;

/// The most bytes that are read before their turn.
const AHEAD: usize = 16 * 1024;
/// Bytes that are read ahead at a time.
const STEP: usize = 4 * 1024;

/// A stream of bytes that is read hardly further than its requests are answered.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    stream: T,
    pulse: Pulse,
    /// What was read before its turn; as a rule nothing, and then it takes no memory.
    ahead: BytesMut,
    /// Set behind each piece of a head: the server decodes it before it gets more.
    pause: Option<Rest>,
    /// The client does not read what it is answered.
    is_blocked: bool,
    head_time: Duration,
    /// When the head that has begun must be whole, and how many requests had begun before it.
    due: Option<(u64, Pin<Box<Sleep>>)>,
}

/// What a read left in the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Nothing.
    Nothing,
    /// Nobody knows: there was no room for more.
    Unknown,
}

impl<T> Connection<T> {
    /// Each head must be whole within `head_time` from its first byte on.
    pub(crate) fn new(stream: T, head_time: Duration) -> Self {
        Self {
            stream,
            pulse: Pulse::default(),
            ahead: BytesMut::new(),
            pause: None,
            is_blocked: false,
            head_time,
            due: None,
        }
    }

    /// What it is made of.
    pub(crate) fn stream(&self) -> &T {
        &self.stream
    }

    /// Whom its requests tell how far they are.
    pub(crate) fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Whether a head that has begun was not whole in time.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        match &mut self.due {
            Some((begun, due)) if *begun == self.pulse.begun() && self.pulse.is_in_a_head() => {
                due.as_mut().poll(context).is_ready()
            }
            Some(_) | None => false,
        }
    }

    /// Sets the time of a head that is not whole, as seen when the server has decoded what it has: nearly every
    /// head is whole by then, and costs no timer.
    fn watch_head(&mut self, context: &mut Context<'_>) {
        if !self.pulse.is_in_a_head() {
            self.due = None;
            return;
        }
        let begun = self.pulse.begun();
        if self.due.as_ref().is_none_or(|(before, _)| *before != begun) {
            self.due = Some((begun, Box::pin(sleep(self.head_time))));
        }
        if self.is_late(context) {
            context.waker().wake_by_ref();
        }
    }
}

impl<T: AsyncRead + Unpin> Connection<T> {
    /// Hands on what has come, as far as it is its turn. Nothing at the end of the stream.
    fn poll_turn(
        &mut self,
        turn: Turn,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let is_full = if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
            let is_full = buffer.remaining() == 0;
            let come = buffer.filled().get(before..).unwrap_or_default();
            let length = self.pulse.pass(turn, come);
            let early = come.get(length..).unwrap_or_default();
            self.ahead.extend_from_slice(early);
            buffer.set_filled(before + length);
            is_full
        } else {
            let length = self.ahead.len().min(buffer.remaining());
            let come = self.ahead.get(..length).unwrap_or_default();
            let length = self.pulse.pass(turn, come);
            buffer.put_slice(come.get(..length).unwrap_or_default());
            self.ahead.advance(length);
            if self.ahead.is_empty() {
                self.ahead = BytesMut::new();
            }
            true
        };
        if turn != Turn::Body && buffer.filled().len() > before {
            self.pause = Some(if is_full {
                Rest::Unknown
            } else {
                Rest::Nothing
            });
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what comes before its turn, so that a client that goes away is noticed. Ready at the end of the
    /// stream alone.
    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.ahead.len() < AHEAD {
            let mut space = [MaybeUninit::uninit(); STEP];
            let mut step = ReadBuf::uninit(&mut space);
            match Pin::new(&mut self.stream).poll_read(context, &mut step) {
                Poll::Ready(Ok(())) if step.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => self.ahead.extend_from_slice(step.filled()),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        if !self.ahead.is_empty() {
            self.pulse.wake_at_its_turn(context.waker());
        }
        Poll::Pending
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Connection<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_late(context) {
            // The server closes a stream that has ended.
            return Poll::Ready(Ok(()));
        }
        if let Some(rest) = this.pause.take() {
            if rest == Rest::Nothing && this.ahead.is_empty() {
                let polled = this.poll_ahead(context);
                if polled.is_ready() {
                    return polled;
                }
            }
            if rest == Rest::Unknown || !this.ahead.is_empty() {
                context.waker().wake_by_ref();
            }
            return Poll::Pending;
        }
        match this.pulse.turn() {
            Turn::Nobody => this.poll_ahead(context),
            // The server is woken when there is room for its answers, and then reads on.
            Turn::Head if this.is_blocked => Poll::Pending,
            turn @ (Turn::Head | Turn::Body | Turn::Part) => this.poll_turn(turn, context, buffer),
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Connection<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.is_blocked = written.is_pending();
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.is_blocked = written.is_pending();
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // The server flushes whenever it has decoded and answered what it could.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.watch_head(context);
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
