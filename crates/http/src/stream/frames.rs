//! Frames on their way out: numbered as they are shown, so every dialect's numbers are dense from 0 whatever
//! it leaves out, and the same whenever the same events are told.

use bytes::{BufMut, BytesMut};
use memchr::memchr2_iter;

/// What stands around a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The lines of an event stream.
    Sse,
    /// Nothing: one JSON text a line.
    Bare,
}

/// Takes the frames of an event, any number of them.
pub(crate) struct Frames<'a> {
    pub(super) out: &'a mut BytesMut,
    /// The number of the next frame.
    pub(super) next: &'a mut u64,
    /// Frames up to this one are counted and not told.
    pub(super) after: Option<u64>,
    pub(super) form: Form,
    pub(super) response: &'a str,
}

/// The place of one frame. Whoever takes it writes all of the frame.
pub(crate) struct Frame<'a> {
    /// Its number, from 0.
    pub(crate) number: u64,
    /// The id of the response, as text.
    pub(crate) response: &'a str,
    /// What stands around it.
    pub(crate) form: Form,
    /// Where it is written.
    pub(crate) out: &'a mut BytesMut,
}

impl Frames<'_> {
    /// How many frames there were so far.
    pub(crate) fn count(&self) -> u64 {
        *self.next
    }

    /// Counts a frame and answers its place; none when it is not to be told.
    pub(crate) fn next(&mut self) -> Option<Frame<'_>> {
        let number = *self.next;
        *self.next = number.saturating_add(1);
        if self.after.is_some_and(|after| number <= after) {
            return None;
        }
        Some(Frame {
            number,
            response: self.response,
            form: self.form,
            out: self.out,
        })
    }
}

/// Makes one line of the JSON that was written from `begin` on. JSON that came from outside may hold line
/// ends between its parts, where a blank is as good; inside of texts they are escaped.
pub(crate) fn make_one_line(out: &mut BytesMut, begin: usize) {
    let Some(written) = out.get_mut(begin..) else {
        return;
    };
    let ends: Vec<usize> = memchr2_iter(b'\n', b'\r', written).collect();
    for at in ends {
        if let Some(byte) = written.get_mut(at) {
            *byte = b' ';
        }
    }
}

/// Writes a number in decimal digits.
pub(crate) fn put_number(out: &mut BytesMut, number: u64) {
    const MOST_DIGITS: usize = 20;
    let mut digits = [b'0'; MOST_DIGITS];
    let mut rest = number;
    let mut begin = MOST_DIGITS;
    for slot in digits.iter_mut().rev() {
        // One digit fits a byte.
        *slot = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        begin -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(digits.get(begin..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_everywhere() {
        for number in [0, 1, 9, 10, 99, 100, 12_345, u64::MAX] {
            let mut out = BytesMut::new();
            put_number(&mut out, number);
            assert_eq!(out, number.to_string().as_bytes());
        }
    }

    #[test]
    fn what_is_not_told_is_counted() {
        let (mut out, mut next) = (BytesMut::new(), 3);
        let mut frames = Frames {
            out: &mut out,
            next: &mut next,
            after: Some(4),
            form: Form::Bare,
            response: "resp_1",
        };
        let told: Vec<Option<u64>> = (0..4)
            .map(|_| frames.next().map(|frame| frame.number))
            .collect();
        assert_eq!(told, [None, None, Some(5), Some(6)]);
        assert_eq!(frames.count(), 7);
    }
}
