//! What must hold of any bytes that are read as server-sent events; the fuzzer's targets, and tests.

use bytes::Bytes;

use crate::sse::{EventTooLarge, Frame, SseReader};

#[path = "../../../xtask/fuzz/src/cuts.rs"]
mod cuts;

#[cfg(test)]
#[path = "../../../xtask/fuzz/src/seeds.rs"]
mod seeds;

/// A stream of events: the frames are those of the standard, in whatever pieces the stream comes, they are
/// no longer than it, and written down again they are read as the same.
pub fn sse(stream: &[u8]) {
    for limit in [48, 1 << 20] {
        let whole = read(&[stream], limit);
        for pieces in cuts::ways(stream) {
            assert_eq!(read(&pieces, limit), whole, "limit {limit}");
        }
        let (frames, _) = &whole;
        let length: usize = frames.iter().map(length).sum();
        assert!(length <= stream.len());
        assert!(frames.iter().all(|frame| frame.data.len() <= limit));
    }
    let (frames, outcome) = read(&[stream], stream.len());
    assert_eq!(outcome, Ok(()), "no event is longer than its stream");
    assert_eq!(frames, by_the_book(stream));
    let again: Vec<u8> = frames.iter().flat_map(written).collect();
    assert_eq!(read(&[&again], usize::MAX), (frames, Ok(())));
}

/// The frames, and whether the reader got to the end of the stream.
fn read(pieces: &[&[u8]], limit: usize) -> (Vec<Frame>, Result<(), EventTooLarge>) {
    let mut reader = SseReader::new(limit);
    let mut frames = Vec::new();
    let mut all = || {
        for piece in pieces {
            reader.push(Bytes::copy_from_slice(piece));
            while let Some(frame) = reader.next_frame()? {
                frames.push(frame);
            }
        }
        while let Some(frame) = reader.finish()? {
            frames.push(frame);
        }
        Ok(())
    };
    let outcome = all();
    (frames, outcome)
}

fn length(frame: &Frame) -> usize {
    let of = |field: &Option<Bytes>| field.as_ref().map_or(0, Bytes::len);
    frame.data.len() + of(&frame.event) + of(&frame.id)
}

fn written(frame: &Frame) -> Vec<u8> {
    let mut text = Vec::new();
    let mut line = |name: &[u8], value: &[u8]| {
        for part in [name, b": ", value, b"\n"] {
            text.extend_from_slice(part);
        }
    };
    if let Some(event) = &frame.event {
        line(b"event", event);
    }
    if let Some(id) = &frame.id {
        line(b"id", id);
    }
    for data in frame.data.split(|byte| *byte == b'\n') {
        line(b"data", data);
    }
    text.push(b'\n');
    text
}

/// The standard's steps, one after another over the whole, written to be read and not to be fast.
fn by_the_book(stream: &[u8]) -> Vec<Frame> {
    let stream = stream.strip_prefix(b"\xef\xbb\xbf").unwrap_or(stream);
    let mut lines = vec![Vec::new()];
    let mut bytes = stream.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte == b'\r' {
            bytes.next_if(|next| **next == b'\n');
        }
        match (byte, lines.last_mut()) {
            (b'\r' | b'\n', _) | (_, None) => lines.push(Vec::new()),
            (byte, Some(line)) => line.push(*byte),
        }
    }
    // A stream may end without the blank line that the standard wants.
    lines.push(Vec::new());
    let mut frames = Vec::new();
    let mut frame: [Option<Vec<u8>>; 3] = Default::default();
    for line in lines {
        if line.is_empty() {
            let [event, id, data] = std::mem::take(&mut frame).map(|field| field.map(Bytes::from));
            frames.extend(data.map(|data| Frame { event, data, id }));
            continue;
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (name, value) = (parts.next(), parts.next().unwrap_or_default());
        let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        let [event, id, data] = &mut frame;
        match name {
            Some(b"event") => *event = Some(value),
            Some(b"id") if !value.contains(&0) => *id = Some(value),
            Some(b"data") => {
                *data = Some(match data.take() {
                    Some(before) => [&before[..], b"\n", &value].concat(),
                    None => value,
                });
            }
            _ => {}
        }
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::seeds;

    #[test]
    fn any_stream_of_events_is_read_as_the_standard_says() {
        seeds::check("sse", 1_000, super::sse);
    }
}
