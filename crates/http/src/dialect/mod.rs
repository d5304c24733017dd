//! A dialect makes somebody's JSON of what the engine says, and a draft of somebody's JSON. It chooses
//! words, never facts: it sees one value at a time, remembers nothing and asks nobody.
//!
//! To add one: implement [`Dialect`], and give it a table of routes.

use bytes::{BufMut, BytesMut};
use response_domain::event::Event;
use response_domain::id::{ExecutionId, ResponseId};
use response_domain::item::Item;
use response_domain::response::Response;
use response_domain::spec::Draft;
use response_domain::status::{Status, StatusName};
use response_domain::trace::Step;
use serde::Serialize;

use crate::problem::Problem;

pub(crate) mod native;

/// The words of one API. What is written to `out` is one JSON value, unless it says otherwise.
pub(crate) trait Dialect: Copy + Send + Sync + Unpin + 'static {
    /// What a create request asks for. `body` is not known to be JSON, but its depth and its escapes
    /// were checked.
    fn parse(self, body: &str) -> Result<Draft, Problem>;

    /// A response.
    fn show(self, response: &Response, out: &mut BytesMut);

    /// What a caller who waited is told instead of the ended response; none when it is shown.
    fn refusal(self, response: &Response) -> Option<Problem>;

    /// An item of a transcript.
    fn show_item(self, item: &Item, out: &mut BytesMut);

    /// That a response is deleted.
    fn show_deleted(self, id: ResponseId, out: &mut BytesMut);

    /// A whole frame of an event stream, or nothing when this dialect does not tell of the event.
    fn frame(self, event: &Event, mark: Mark<'_>, out: &mut BytesMut) -> Shown;

    /// A problem.
    fn refuse(self, problem: &Problem, request_id: &str, out: &mut BytesMut);

    /// The word for a status.
    fn status_word(self, status: &Status) -> &'static str;

    /// The statuses among which all are that have this word; none when there is no such word.
    fn statuses(self, word: &str) -> &'static [StatusName];
}

/// A dialect that also tells what is kept of a run.
pub(crate) trait Traces: Dialect {
    /// A step of a trace.
    fn show_step(self, step: &NumberedStep<'_>, out: &mut BytesMut);
}

/// A step with its place in the trace.
pub(crate) struct NumberedStep<'a> {
    /// The response it belongs to.
    pub(crate) response: ResponseId,
    /// Its place, from 0.
    pub(crate) number: u32,
    /// When it was, in Unix seconds.
    pub(crate) at: i64,
    /// What it was.
    pub(crate) step: &'a Step,
}

impl NumberedStep<'_> {
    /// Its id: the body of the response's, and its place.
    pub(crate) fn id(&self) -> String {
        let id = ExecutionId::new(self.response.raw(), self.number).to_string();
        id.replacen(ExecutionId::PREFIX, "evt", 1)
    }
}

/// Which frame of which stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark<'a> {
    /// The id of the response, as text.
    pub(crate) response: &'a str,
    /// The number of the frame, from 0, counting only those this dialect shows.
    pub(crate) number: u64,
}

/// Whether a dialect tells of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// A frame was written.
    Frame,
    /// Nothing was.
    Nothing,
}

/// Writes `value` as JSON. Nothing that this crate serialises can refuse, nor can memory.
pub(crate) fn put_json(out: &mut BytesMut, value: &(impl Serialize + ?Sized)) {
    if let Err(error) = serde_json::to_writer(out.writer(), value) {
        debug_assert!(false, "a value that JSON cannot hold: {error}");
    }
}
