//! The house's own API, under `/v1`.

use bytes::BytesMut;
use response_domain::event::Event;
use response_domain::id::ResponseId;
use response_domain::item::Item;
use response_domain::response::Response;
use response_domain::spec::Draft;
use response_domain::status::{Status, StatusName};

use super::{Dialect, Mark, NumberedStep, Shown, Traces, put_json};
use crate::problem::Problem;

mod content;
mod envelope;
mod event;
mod execution;
mod input;
mod item;
mod object;
mod request;
mod response;
mod step;
mod tools;
mod words;

/// The native dialect.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Native;

impl Dialect for Native {
    fn parse(self, body: &str) -> Result<Draft, Problem> {
        request::draft(body)
    }

    fn show(self, response: &Response, out: &mut BytesMut) {
        put_json(out, &response::Shape::of(response));
    }

    fn refusal(self, response: &Response) -> Option<Problem> {
        let failure = words::failure(response.status())?;
        Some(Problem::of_run(response, &failure))
    }

    fn show_item(self, item: &Item, out: &mut BytesMut) {
        put_json(out, &item::Shape::of(item));
    }

    fn show_deleted(self, id: ResponseId, out: &mut BytesMut) {
        put_json(out, &response::Deletion::of(id));
    }

    fn frame(self, event: &Event, mark: Mark<'_>, out: &mut BytesMut) -> Shown {
        event::frame(event, mark, out)
    }

    fn refuse(self, problem: &Problem, request_id: &str, out: &mut BytesMut) {
        put_json(out, &envelope::Shape::of(problem, request_id));
    }

    fn status_word(self, status: &Status) -> &'static str {
        words::status(status)
    }

    fn statuses(self, word: &str) -> &'static [StatusName] {
        words::statuses(word)
    }
}

impl Traces for Native {
    fn show_step(self, step: &NumberedStep<'_>, out: &mut BytesMut) {
        put_json(out, &step::Shape::of(step));
    }
}
