//! An event as a frame of a stream. Most frames are deltas, so those are put together without any
//! value in between.

use bytes::{BufMut, BytesMut};
use response_domain::event::{Event, TextKind};
use response_domain::response::Response;
use serde::Serialize;

use super::execution::{Call, Return};
use super::{response, words};
use crate::dialect::put_json;
use crate::stream::{Frame, Frames, make_one_line, put_number};

/// Writes the frame of `event`, if the native API tells of it.
pub(super) fn frame(event: &Event, frames: &mut Frames<'_>) {
    match event {
        Event::Created(response) => whole("response.created", response, frames),
        Event::Started(response) => whole("response.in_progress", response, frames),
        Event::TextDelta(_, TextKind::Output, delta) => {
            text("response.output_text.delta", "delta", delta, frames);
        }
        Event::TextDelta(_, TextKind::Reasoning, delta) => {
            text("response.reasoning.delta", "delta", delta, frames);
        }
        Event::TextDone(_, TextKind::Output, all) => {
            text("response.output_text.done", "text", all, frames);
        }
        Event::CallStarted(execution) => {
            framed("response.tool_call", frames, |out| {
                out.put_slice(b",\"call\":");
                put_json(out, &Call::of(execution));
            });
        }
        Event::CallReturned(execution) => {
            framed("response.tool_result", frames, |out| {
                put_fields(&Return::of(execution), out);
            });
        }
        Event::Ended(response) => whole(ending(response), response, frames),
        Event::ItemOpened { .. }
        | Event::PartOpened(..)
        | Event::TextDone(_, TextKind::Reasoning, _)
        | Event::PartClosed(..)
        | Event::ArgumentsDelta(..)
        | Event::ArgumentsDone(..)
        | Event::ItemClosed(..)
        | Event::CallDropped(..) => {}
    }
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
fn whole(name: &str, response: &Response, frames: &mut Frames<'_>) {
    framed(name, frames, |out| {
        out.put_slice(b",\"response\":");
        put_json(out, &response::Shape::of(response));
    });
}

/// A frame that holds a text. JSON escapes every line end in it.
fn text(name: &str, field: &str, text: &str, frames: &mut Frames<'_>) {
    let Some(mut frame) = frames.next() else {
        return;
    };
    begin(name, &mut frame);
    frame.out.put_slice(b",\"");
    frame.out.put_slice(field.as_bytes());
    frame.out.put_slice(b"\":");
    put_json(frame.out, text);
    frame.out.put_slice(b"}\n\n");
}

/// A frame with what `put` writes, each field behind a comma.
fn framed(name: &str, frames: &mut Frames<'_>, put: impl FnOnce(&mut BytesMut)) {
    let Some(mut frame) = frames.next() else {
        return;
    };
    let data = begin(name, &mut frame);
    put(frame.out);
    make_one_line(frame.out, data);
    frame.out.put_slice(b"}\n\n");
}

/// Writes a frame up to the fields that every frame has, and answers where its data begins.
fn begin(name: &str, frame: &mut Frame<'_>) -> usize {
    let out = &mut *frame.out;
    out.put_slice(b"event: ");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\nid: ");
    put_number(out, frame.number);
    out.put_slice(b"\ndata: ");
    let data = out.len();
    out.put_slice(b"{\"type\":\"");
    out.put_slice(name.as_bytes());
    out.put_slice(b"\",\"sequence_number\":");
    put_number(out, frame.number);
    out.put_slice(b",\"id\":\"");
    out.put_slice(frame.response.as_bytes());
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
