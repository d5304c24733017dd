//! An event as frames of a stream. Most frames are deltas, so those are put together without any value in
//! between; the others are made of the shapes of what they hold.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use response_domain::entry;
use response_domain::event::{Event, OpenItem, Place, TextKind};
use response_domain::execution::Execution;
use response_domain::id::ItemId;
use response_domain::item::{CallKind, Item, ItemBody, Runner};
use response_domain::response::Response;
use response_domain::spec::Delivery;
use response_domain::status::Status;

use super::item_id::{Kind, ShownId};
use super::part::{OutputText, Text};
use super::{Flavour, item, response};
use crate::dialect::put_json;
use crate::stream::{Form, Frame, Frames, make_one_line, put_number};

/// What the frame of an event begins with: its name, and its data up to the number.
#[derive(Clone, Copy)]
struct Head(&'static str);

/// The head of the event of this name.
macro_rules! head {
    ($name:literal) => {
        Head(concat!(
            "event: ",
            $name,
            "\ndata: {\"type\":\"",
            $name,
            "\",\"sequence_number\":"
        ))
    };
}

impl Head {
    /// As it stands in this form.
    fn in_form(self, form: Form) -> &'static str {
        let Self(whole) = self;
        match form {
            Form::Sse => whole,
            Form::Bare => whole.split_once("data: ").map_or(whole, |(_, data)| data),
        }
    }
}

/// The frames of one event.
pub(super) struct Telling<'a, 'b> {
    pub(super) flavour: Flavour,
    /// The items that were closed so far.
    pub(super) told: &'a [Arc<Item>],
    pub(super) frames: &'a mut Frames<'b>,
}

impl Telling<'_, '_> {
    pub(super) fn tell(&mut self, event: &Event) {
        match event {
            Event::Created(response) => {
                self.snapshot(head!("response.created"), response);
                if *response.status() == Status::Queued {
                    self.snapshot(head!("response.queued"), response);
                }
            }
            // Who takes up what another process had to leave tells nobody: clients expect this once.
            Event::Started(response) if self.frames.count() > accepted_in(response) => {}
            Event::Started(response) => self.snapshot(head!("response.in_progress"), response),
            Event::ItemOpened { place, kind } => self.opened(*place, kind),
            Event::PartOpened(place, kind) => {
                self.part(head!("response.content_part.added"), *place, *kind, "");
            }
            Event::TextDelta(place, kind, delta) => self.text(*place, *kind, Piece::Delta(delta)),
            Event::TextDone(place, kind, text) => self.text(*place, *kind, Piece::Whole(text)),
            Event::PartClosed(place, kind, text) => {
                self.part(head!("response.content_part.done"), *place, *kind, text);
            }
            Event::ArgumentsDelta(place, kind, delta) => {
                self.arguments_delta(*place, *kind, delta);
            }
            Event::ArgumentsDone(place, item) => self.arguments_done(*place, item),
            Event::ItemClosed(place, item) => self.closed(*place, item),
            Event::CallReturned(execution) => self.returned(execution),
            Event::CallDropped(place, item) => {
                let shown = ShownId::of(item);
                self.step(head!("response.mcp_call.failed"), shown, *place);
                self.done(*place, &item::Shape::closed(item, self.flavour));
            }
            Event::CallStarted(_) => {}
            Event::Ended(response) => self.snapshot(ending(response.status()), response),
        }
    }

    /// A frame that holds the response, with all that was told of its output.
    fn snapshot(&mut self, name: Head, response: &Response) {
        let output = entry::output(response, self.told);
        let shape = response::Shape::of(response, &output, self.flavour);
        let Some(frame) = self.frames.next() else {
            return;
        };
        framed(name, frame, |out| {
            out.put_slice(b",\"response\":");
            put_json(out, &shape);
        });
    }

    fn opened(&mut self, place: Place, kind: &OpenItem) {
        let Some(shape) = item::Shape::opened(place, kind, self.flavour) else {
            return;
        };
        self.item(head!("response.output_item.added"), place, &shape);
        let at = |kind| ShownId(kind, place.item);
        match kind {
            OpenItem::Call {
                runner: Runner::Server(_),
                ..
            } => {
                self.step(
                    head!("response.mcp_call.in_progress"),
                    at(Kind::McpCall),
                    place,
                );
            }
            OpenItem::ToolList { .. } => {
                let name = head!("response.mcp_list_tools.in_progress");
                self.step(name, at(Kind::McpListTools), place);
            }
            OpenItem::Message | OpenItem::Reasoning | OpenItem::Call { .. } => {}
        }
    }

    fn closed(&mut self, place: Place, item: &Item) {
        match &item.body {
            ItemBody::FunctionCall(call) => match call.runner {
                Runner::Caller | Runner::Asks(_) => {}
                // It is done when it comes back, or is not shown.
                Runner::Server(_) | Runner::Nobody => return,
            },
            ItemBody::ToolList(list) => {
                let name = match list.tools {
                    Ok(_) => head!("response.mcp_list_tools.completed"),
                    Err(_) => head!("response.mcp_list_tools.failed"),
                };
                self.step(name, ShownId::of(item), place);
            }
            _ => {}
        }
        self.done(place, &item::Shape::closed(item, self.flavour));
    }

    fn returned(&mut self, execution: &Execution) {
        let Some(site) = &execution.site else {
            return;
        };
        let place = Place {
            item: ItemId::new(execution.id.parent, site.item),
            index: site.index,
        };
        let name = match entry::Reply::from(&execution.state) {
            entry::Reply::Said(_) => head!("response.mcp_call.completed"),
            _ => head!("response.mcp_call.failed"),
        };
        self.step(name, ShownId(Kind::McpCall, place.item), place);
        let shape = item::Shape::returned(place.item, execution, site, self.flavour);
        self.done(place, &shape);
    }

    fn done(&mut self, place: Place, shape: &item::Shape<'_>) {
        self.item(head!("response.output_item.done"), place, shape);
    }

    fn item(&mut self, name: Head, place: Place, shape: &item::Shape<'_>) {
        let Some(frame) = self.frames.next() else {
            return;
        };
        framed(name, frame, |out| {
            out.put_slice(b",\"output_index\":");
            put_number(out, u64::from(place.index));
            out.put_slice(b",\"item\":");
            put_json(out, shape);
        });
    }

    /// A step of a tool server. Open Responses forbids events that it does not know.
    fn step(&mut self, name: Head, item: ShownId, place: Place) {
        if self.flavour == Flavour::OpenResponses {
            return;
        }
        let Some(mut frame) = self.frames.next() else {
            return;
        };
        begin(name, &mut frame);
        put_place(item, place, frame.out);
        end(&mut frame);
    }

    fn part(&mut self, name: Head, place: Place, kind: TextKind, text: &str) {
        let Some(mut frame) = self.frames.next() else {
            return;
        };
        begin(name, &mut frame);
        put_place(ShownId(kind_of(kind), place.item), place, frame.out);
        frame.out.put_slice(b",\"content_index\":0,\"part\":");
        match kind {
            TextKind::Output => put_json(frame.out, &OutputText::of(text)),
            TextKind::Reasoning => put_json(frame.out, &Text::reasoning(text)),
        }
        end(&mut frame);
    }

    fn text(&mut self, place: Place, kind: TextKind, piece: Piece<'_>) {
        let Some(mut frame) = self.frames.next() else {
            return;
        };
        begin(piece.name(kind, self.flavour), &mut frame);
        put_place(ShownId(kind_of(kind), place.item), place, frame.out);
        frame.out.put_slice(b",\"content_index\":0");
        match piece {
            Piece::Delta(delta) => put_text("delta", delta, frame.out),
            Piece::Whole(text) => put_text("text", text, frame.out),
        }
        if kind == TextKind::Output {
            frame.out.put_slice(b",\"logprobs\":[]");
        }
        end(&mut frame);
    }

    fn arguments_delta(&mut self, place: Place, kind: CallKind, delta: &str) {
        let (name, kind) = match (kind, self.flavour) {
            (CallKind::Callers, _) => (
                head!("response.function_call_arguments.delta"),
                Kind::FunctionCall,
            ),
            (CallKind::Servers, Flavour::OpenAi) => {
                (head!("response.mcp_call_arguments.delta"), Kind::McpCall)
            }
            (CallKind::Servers, Flavour::OpenResponses)
            | (CallKind::Asks | CallKind::Nobodys, _) => {
                return;
            }
        };
        let Some(mut frame) = self.frames.next() else {
            return;
        };
        begin(name, &mut frame);
        put_place(ShownId(kind, place.item), place, frame.out);
        put_text("delta", delta, frame.out);
        end(&mut frame);
    }

    fn arguments_done(&mut self, place: Place, item: &Item) {
        let Some(call) = item.as_call() else {
            return;
        };
        let (name, tool) = match (call.runner.kind(), self.flavour) {
            (CallKind::Callers, _) => (
                head!("response.function_call_arguments.done"),
                Some(&call.name),
            ),
            (CallKind::Servers, Flavour::OpenAi) => {
                (head!("response.mcp_call_arguments.done"), None)
            }
            (CallKind::Servers, Flavour::OpenResponses)
            | (CallKind::Asks | CallKind::Nobodys, _) => {
                return;
            }
        };
        let Some(mut frame) = self.frames.next() else {
            return;
        };
        begin(name, &mut frame);
        put_place(ShownId::of(item), place, frame.out);
        if let Some(tool) = tool {
            put_text("name", tool, frame.out);
        }
        put_text("arguments", &call.arguments, frame.out);
        end(&mut frame);
    }
}

/// What is told of a text.
#[derive(Clone, Copy)]
enum Piece<'a> {
    /// More of it.
    Delta(&'a str),
    /// All of it.
    Whole(&'a str),
}

impl Piece<'_> {
    const fn name(self, kind: TextKind, flavour: Flavour) -> Head {
        match (kind, flavour, self) {
            (TextKind::Output, _, Self::Delta(_)) => head!("response.output_text.delta"),
            (TextKind::Output, _, Self::Whole(_)) => head!("response.output_text.done"),
            (TextKind::Reasoning, Flavour::OpenAi, Self::Delta(_)) => {
                head!("response.reasoning_text.delta")
            }
            (TextKind::Reasoning, Flavour::OpenAi, Self::Whole(_)) => {
                head!("response.reasoning_text.done")
            }
            (TextKind::Reasoning, Flavour::OpenResponses, Self::Delta(_)) => {
                head!("response.reasoning.delta")
            }
            (TextKind::Reasoning, Flavour::OpenResponses, Self::Whole(_)) => {
                head!("response.reasoning.done")
            }
        }
    }
}

/// How many frames tell that a response was accepted.
fn accepted_in(response: &Response) -> u64 {
    match response.spec.delivery {
        Delivery::Background => 2,
        Delivery::Wait | Delivery::Stream => 1,
    }
}

/// The name of the last event. There is none for a response that was cancelled; its status says so.
const fn ending(status: &Status) -> Head {
    match status {
        Status::Completed => head!("response.completed"),
        Status::Incomplete(_) => head!("response.incomplete"),
        Status::Failed(_) | Status::Cancelled | Status::Queued | Status::InProgress => {
            head!("response.failed")
        }
    }
}

const fn kind_of(kind: TextKind) -> Kind {
    match kind {
        TextKind::Output => Kind::Message,
        TextKind::Reasoning => Kind::Reasoning,
    }
}

/// A frame with what `put` writes, each field behind a comma, whatever it holds.
fn framed(name: Head, mut frame: Frame<'_>, put: impl FnOnce(&mut BytesMut)) {
    begin(name, &mut frame);
    let data = frame.out.len();
    put(frame.out);
    make_one_line(frame.out, data);
    end(&mut frame);
}

/// Writes a frame up to the fields that every frame has.
fn begin(name: Head, frame: &mut Frame<'_>) {
    let head = name.in_form(frame.form);
    frame.out.put_slice(head.as_bytes());
    put_number(frame.out, frame.number);
}

fn end(frame: &mut Frame<'_>) {
    let end: &[u8] = match frame.form {
        Form::Sse => b"}\n\n",
        Form::Bare => b"}\n",
    };
    frame.out.put_slice(end);
}

fn put_place(item: ShownId, place: Place, out: &mut BytesMut) {
    out.put_slice(b",\"item_id\":\"");
    item.put(out);
    out.put_slice(b"\",\"output_index\":");
    put_number(out, u64::from(place.index));
}

/// A field that is a text. JSON escapes every line end in it.
fn put_text(field: &str, text: &str, out: &mut BytesMut) {
    out.put_slice(b",\"");
    out.put_slice(field.as_bytes());
    out.put_slice(b"\":");
    put_json(out, text);
}
