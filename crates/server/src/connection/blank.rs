//! Where heads end: at the first blank line behind a line that is not blank.

/// What was seen of the lines so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lines {
    /// The line that is being read is not blank.
    line: bool,
    /// A line before it was not blank.
    head: bool,
}

impl Lines {
    /// Reads on in `bytes` up to the next end of a head, and answers how far that is.
    pub(super) fn end_in(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            at += line.len();
            // The server takes lines without a carriage return, too.
            self.line |= line.iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
            if !line.ends_with(b"\n") {
                continue;
            }
            if !self.line && self.head {
                *self = Self::default();
                return Some(at);
            }
            self.head |= self.line;
            self.line = false;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_a_blank_line_in_whatever_pieces_it_comes() {
        let cases: &[(&str, Option<usize>)] = &[
            ("", None),
            ("\r\n\r\n\r\n", None),
            ("GET / HTTP/1.1\r\n", None),
            ("GET / HTTP/1.1\r\n\r\n", Some(18)),
            ("GET / HTTP/1.1\n\n", Some(16)),
            ("GET / HTTP/1.1\n\r\nGET", Some(17)),
            ("\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n{}", Some(31)),
            ("a: \r\n b\r\n\r", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                Lines::default().end_in(text.as_bytes()),
                *expected,
                "{text:?}"
            );
            let mut lines = Lines::default();
            let ends = text
                .bytes()
                .enumerate()
                .find_map(|(at, byte)| lines.end_in(&[byte]).map(|length| at + length));
            assert_eq!(ends, *expected, "{text:?} byte by byte");
        }
    }
}
