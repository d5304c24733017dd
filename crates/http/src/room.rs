//! How much of bodies is held at once, over all requests and messages: counted as it comes, and given back
//! when nobody holds it any more.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Memory for bodies. Cheap to clone; clones are the same room.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    free: Arc<AtomicUsize>,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Room {
    /// For so many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            free: Arc::new(AtomicUsize::new(bytes)),
        }
    }

    /// Whether there is room for so much at the moment. It is not taken: whoever announces much and sends
    /// little would keep others out.
    pub(crate) fn has(&self, bytes: usize) -> Result<(), Full> {
        let free = self.free.load(Ordering::Relaxed);
        if bytes > free { Err(Full) } else { Ok(()) }
    }

    /// A part of it that is empty as yet.
    pub(crate) fn part(&self) -> Part {
        Part {
            room: self.clone(),
            bytes: 0,
        }
    }
}

/// What somebody holds of a room; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Part {
    room: Room,
    bytes: usize,
}

impl Part {
    /// Takes so much more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let less = |free: usize| free.checked_sub(bytes);
        let taken = self
            .room
            .free
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        taken.map_err(|_free| Full)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back all but so much.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        drop(self.split(self.bytes.saturating_sub(bytes)));
    }

    /// So much of it as a part of its own, as far as it goes.
    pub(crate) fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        Self {
            room: self.room.clone(),
            bytes,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.room.free.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// A body, or a message, with the room that it takes.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Bytes,
    _part: Part,
}

impl Body {
    pub(crate) fn new(bytes: Bytes, part: Part) -> Self {
        Self { bytes, _part: part }
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Body {}

#[cfg(test)]
impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::new(bytes.into(), Room::new(0).part())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_missing_until_it_is_given_back() {
        let room = Room::new(100);
        let mut one = room.part();
        let mut other = room.part();
        assert_eq!(one.grow(60), Ok(()));
        assert_eq!(other.grow(41), Err(Full), "nothing is taken in parts");
        assert_eq!(other.grow(40), Ok(()));
        assert_eq!((room.has(0), room.has(1)), (Ok(()), Err(Full)));
        let body = Body::new(Bytes::from_static(b"[]"), one.split(20));
        one.shrink_to(10);
        assert_eq!((room.has(30), room.has(31)), (Ok(()), Err(Full)));
        drop(body);
        assert_eq!((room.has(50), room.has(51)), (Ok(()), Err(Full)));
        one.shrink_to(70);
        assert_eq!(room.has(51), Err(Full), "to shrink is not to grow");
        drop((one, other));
        assert_eq!((room.has(100), room.has(101)), (Ok(()), Err(Full)));
    }
}
