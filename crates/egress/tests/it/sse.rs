//! Any chunking of a stream gives the frames the standard gives for the whole of it.

use proptest::prelude::*;
use response_egress::{Bytes, EventTooLarge, Frame, SseReader};

/// Reads a stream in the given chunks, end included.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut reader = SseReader::new(1 << 20);
    let mut frames = Vec::new();
    for chunk in chunks {
        reader.push(Bytes::copy_from_slice(chunk));
        while let Some(frame) = reader.next_frame().unwrap() {
            frames.push(frame);
        }
    }
    frames.extend(reader.finish().unwrap());
    frames
}

fn frame(event: Option<&str>, data: &str, id: Option<&str>) -> Frame {
    let own = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Frame {
        event: event.map(own),
        data: own(data),
        id: id.map(own),
    }
}

#[test]
fn a_stream_is_read_as_the_standard_says() {
    let table: [(&str, Vec<Frame>); 16] = [
        ("data: one\n\n", vec![frame(None, "one", None)]),
        (
            "data:one\r\rdata:  two\r\n\r\n",
            vec![frame(None, "one", None), frame(None, " two", None)],
        ),
        (
            "event: e\nid: 7\ndata: x\n\n",
            vec![frame(Some("e"), "x", Some("7"))],
        ),
        (
            "data: a\ndata: b\ndata:\n\n",
            vec![frame(None, "a\nb\n", None)],
        ),
        ("data\n\n", vec![frame(None, "", None)]),
        ("data:\n\n", vec![frame(None, "", None)]),
        ("\n\n\n", vec![]),
        (": a comment\n\n", vec![]),
        (": keep\ndata: x\n: alive\n\n", vec![frame(None, "x", None)]),
        ("event: lost\n\ndata: x\n\n", vec![frame(None, "x", None)]),
        ("\u{feff}data: x\n\n", vec![frame(None, "x", None)]),
        (
            "data: \u{feff}\n\n\u{feff}data: y\n\n",
            vec![frame(None, "\u{feff}", None)],
        ),
        ("id: a\0b\ndata: x\n\n", vec![frame(None, "x", None)]),
        (
            "retry: 10\nunknown: 1\nnocolon\ndata: x: y\n\n",
            vec![frame(None, "x: y", None)],
        ),
        (
            "data: whole\n\ndata: cut",
            vec![frame(None, "whole", None), frame(None, "cut", None)],
        ),
        ("data: cut\n", vec![frame(None, "cut", None)]),
    ];
    for (stream, expected) in table {
        assert_eq!(read([stream.as_bytes()]), expected, "{stream:?}");
        assert_eq!(
            read(stream.as_bytes().chunks(1)),
            expected,
            "{stream:?} byte by byte"
        );
    }
}

#[test]
fn a_line_that_ends_in_cr_is_not_held_back() {
    let mut reader = SseReader::new(100);
    reader.push(Bytes::from_static(b"data: x\r\r"));
    assert_eq!(reader.next_frame().unwrap(), Some(frame(None, "x", None)));
    reader.push(Bytes::from_static(b"\ndata: y\n\n"));
    assert_eq!(reader.next_frame().unwrap(), Some(frame(None, "y", None)));
}

#[test]
fn a_frame_within_one_chunk_is_not_copied() {
    let chunk = Bytes::from_static(b"data: one\n\nevent: e\ndata: two\n\n");
    let within = chunk.as_ptr_range();
    let mut reader = SseReader::new(100);
    reader.push(chunk.clone());
    while let Some(frame) = reader.next_frame().unwrap() {
        assert!(within.contains(&frame.data.as_ptr()), "{frame:?}");
    }
}

#[test]
fn chunks_pushed_without_asking_are_not_lost() {
    let mut reader = SseReader::new(100);
    for chunk in [&b"data: a\n\nda"[..], b"ta: b\n\n", b"data: c"] {
        reader.push(Bytes::from_static(chunk));
    }
    let mut seen = Vec::new();
    while let Some(frame) = reader.finish().unwrap() {
        seen.push(frame.data);
    }
    assert_eq!(seen, ["a", "b", "c"]);
}

#[test]
fn the_cap_holds_for_a_line_and_for_the_data_of_an_event_in_any_chunking() {
    let table = [
        ("data: 4567890\n\n", false),
        ("data: 45678901\n\n", true),
        (": comment789012", true),
        ("data:12\ndata:3456\ndata:78901\n\n", false),
        ("data:12\ndata:3456\ndata:789012\n\n", true),
        ("data:12345\n\ndata:67890123\n\n", false),
    ];
    for (stream, too_large) in table {
        for size in 1..=stream.len() {
            let mut reader = SseReader::new(13);
            let outcome = stream.as_bytes().chunks(size).try_for_each(|chunk| {
                reader.push(Bytes::copy_from_slice(chunk));
                while reader.next_frame()?.is_some() {}
                Ok::<(), EventTooLarge>(())
            });
            assert_eq!(
                outcome.is_err(),
                too_large,
                "{stream:?} in chunks of {size}"
            );
        }
    }
}

/// The standard's algorithm over the whole text, written to be read and not to be fast.
fn by_the_book(stream: &[u8]) -> Vec<Frame> {
    let text = std::str::from_utf8(stream).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut event, mut id, mut data): (Option<&str>, Option<&str>, Option<String>) =
        (None, None, None);
    let mut frames = Vec::new();
    for line in text.split('\n').chain([""]) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            _ if line.is_empty() => {
                if let Some(data) = data.take() {
                    frames.push(frame(event, &data, id));
                }
                (event, id) = (None, None);
            }
            "event" => event = Some(value),
            "id" if !value.contains('\0') => id = Some(value),
            "data" => {
                data = Some(
                    data.take()
                        .map_or(value.to_owned(), |data| data + "\n" + value),
                );
            }
            _ => {}
        }
    }
    frames
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "data: ",
        "data:",
        "data",
        "event: ",
        "id:",
        "id: \0",
        ":",
        " ",
        "\n",
        "\n",
        "\n\n",
        "\r",
        "\r\n",
        "\r\n\r\n",
        "\u{feff}",
        "é",
        "漢字",
        "{\"a\":1}",
        "x",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_chunking_gives_the_frames_of_the_whole(
        stream in streams(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
        let expected = by_the_book(&stream);
        prop_assert_eq!(read(chunks), expected.clone());
        prop_assert_eq!(read(stream.chunks(1)), expected);
    }

    #[test]
    fn bytes_that_are_not_utf8_never_panic_and_any_chunking_agrees(
        stream in prop::collection::vec(
            prop::sample::select(&b"data: \r\n\xff\xef\xbb\xbf\x00\xc3"[..]), 0..80),
        size in 1_usize..20,
    ) {
        prop_assert_eq!(read(stream.chunks(size)), read([stream.as_slice()]));
    }
}
