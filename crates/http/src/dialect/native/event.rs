//! An event as a frame of a stream. Most frames are deltas, so those are put together without any
//! value in between.

use bytes::{BufMut, BytesMut};
use memchr::memchr2_iter;
use response_domain::event::{Event, TextKind};
use response_domain::response::Response;
use serde::Serialize;

use super::execution::{Call, Return};
use super::{response, words};
use crate::dialect::{Mark, Shown, put_json};
use crate::stream::put_number;

/// Writes the frame of `event`, if the native API tells of it.
pub(super) fn frame(event: &Event, mark: Mark<'_>, out: &mut BytesMut) -> Shown {
    match event {
        Event::Created(response) => whole("response.created", response, mark, out),
        Event::Started(response) => whole("response.in_progress", response, mark, out),
        Event::TextDelta(_, TextKind::Output, delta) => {
            text("response.output_text.delta", "delta", delta, mark, out);
        }
        Event::TextDelta(_, TextKind::Reasoning, delta) => {
            text("response.reasoning.delta", "delta", delta, mark, out);
        }
        Event::TextDone(_, TextKind::Output, all) => {
            text("response.output_text.done", "text", all, mark, out);
        }
        Event::CallStarted(execution) => {
            let data = begin("response.tool_call", mark, out);
            out.put_slice(b",\"call\":");
            put_json(out, &Call::of(execution));
            end(data, out);
        }
        Event::CallReturned(execution) => {
            let data = begin("response.tool_result", mark, out);
            put_fields(&Return::of(execution), out);
            end(data, out);
        }
        Event::Ended(response) => {
            whole(ending(response), response, mark, out);
        }
        Event::ItemOpened { .. }
        | Event::PartOpened(..)
        | Event::TextDone(_, TextKind::Reasoning, _)
        | Event::PartClosed(..)
        | Event::ArgumentsDelta(..)
        | Event::ArgumentsDone(..)
        | Event::ItemClosed(..) => return Shown::Nothing,
    }
    Shown::Frame
}

/// The name of the last event.
fn ending(response: &Response) -> &'static str {
    match words::status(response.status()) {
        "completed" => "response.completed",
        "cancelled" => "response.cancelled",
        _ => "response.failed",
    }
}

/// A frame that holds a response.
fn whole(name: &str, response: &Response, mark: Mark<'_>, out: &mut BytesMut) {
    let data = begin(name, mark, out);
    out.put_slice(b",\"response\":");
    put_json(out, &response::Shape::of(response));
    end(data, out);
}

/// A frame that holds a text. JSON escapes every line end in it.
fn text(name: &str, field: &str, text: &str, mark: Mark<'_>, out: &mut BytesMut) {
    begin(name, mark, out);
    out.put_slice(b",\"");
    out.put_slice(field.as_bytes());
    out.put_slice(b"\":");
    put_json(out, text);
    out.put_slice(b"}\n\n");
}

/// Writes a frame up to the fields that every frame has, and answers where its data begins.
fn begin(name: &str, mark: Mark<'_>, out: &mut BytesMut) -> usize {
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\nid: ");
    put_number(out, mark.number);
    out.put_slice(b"\ndata: ");
    let data = out.len();
    out.put_slice(b"{\"type\":\"");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\",\"sequence_number\":");
    put_number(out, mark.number);
    out.put_slice(b",\"id\":\"");
    out.put_slice(mark.response.as_bytes());
    out.put_u8(b'"');
    data
}

/// The fields of an object, each behind a comma.
fn put_fields(object: &impl Serialize, out: &mut BytesMut) {
    let at = out.len();
    put_json(out, object);
    if let Some(brace) = out.get_mut(at) {
        *brace = b',';
    }
    out.truncate(out.len().saturating_sub(1));
}

/// Ends a frame whose data began at `data`. JSON that came from outside may hold line ends between its
/// parts, where a blank is as good; inside of texts they are escaped.
fn end(data: usize, out: &mut BytesMut) {
    if let Some(written) = out.get_mut(data..) {
        let ends: Vec<usize> = memchr2_iter(b'\n', b'\r', written).collect();
        for at in ends {
            if let Some(byte) = written.get_mut(at) {
                *byte = b' ';
            }
        }
    }
    out.put_slice(b"}\n\n");
}
