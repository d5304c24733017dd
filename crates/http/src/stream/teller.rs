//! The events of one response told through a dialect, one after another, with what a frame needs to know of
//! those before it.

use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use response_domain::event::Event;
use response_domain::execution::Execution;
use response_domain::failure::{Failure, FailureCode};
use response_domain::item::Item;
use response_domain::ports::store::StoreError;
use response_domain::response::Response;
use response_domain::status::Change;

use super::frames::{Form, Frames};
use crate::dialect::Responses;

/// Tells events.
pub(super) struct Teller<D> {
    pub(super) dialect: D,
    /// The id of the response, as text.
    pub(super) response: String,
    /// The number of the next frame.
    pub(super) next: u64,
    /// Frames up to this one are counted and not told.
    pub(super) after: Option<u64>,
    pub(super) stage: Stage,
    form: Form,
    told: Told,
}

/// How far a stream has come.
pub(super) enum Stage {
    /// Nothing was told yet.
    Before,
    /// It runs; the response as it was told last.
    Running(Arc<Response>),
    /// The end was told.
    Over,
    /// It ends before the end was told: the response was deleted, or the log could not be read. A client
    /// that goes on behind the last frame it has misses nothing.
    Cut(Option<StoreError>),
}

/// What was told so far; kept for those dialects alone that tell it again at the end.
#[derive(Default)]
struct Told {
    /// Items that are closed, in order.
    items: Vec<Arc<Item>>,
    /// Calls that left, as they stand.
    executions: Vec<Arc<Execution>>,
}

impl Told {
    fn take(&mut self, event: &Event) {
        match event {
            Event::ItemClosed(_, item) => {
                let place = self.items.partition_point(|told| told.id < item.id);
                self.items.insert(place, Arc::clone(item));
            }
            Event::CallStarted(execution) => self.executions.push(Arc::clone(execution)),
            Event::CallReturned(execution) => {
                let mut told = self.executions.iter_mut();
                if let Some(told) = told.find(|told| told.id == execution.id) {
                    *told = Arc::clone(execution);
                }
            }
            _ => {}
        }
    }
}

impl<D: Responses> Teller<D> {
    pub(super) fn new(dialect: D, response: String, form: Form) -> Self {
        Self {
            dialect,
            response,
            next: 0,
            after: None,
            stage: Stage::Before,
            form,
            told: Told::default(),
        }
    }

    /// Writes the frames of `event`, and behind those of the last one what marks the end.
    pub(super) fn tell(&mut self, event: &Event, out: &mut BytesMut) {
        if D::OUTPUT {
            self.told.take(event);
        }
        let mut frames = Frames {
            out,
            next: &mut self.next,
            after: self.after,
            form: self.form,
            response: &self.response,
        };
        self.dialect.frames(event, &self.told.items, &mut frames);
        match event {
            Event::Created(response) | Event::Started(response) => {
                self.stage = Stage::Running(Arc::clone(response));
            }
            Event::Ended(_) => {
                self.stage = Stage::Over;
                if self.form == Form::Sse {
                    out.put_slice(self.dialect.done());
                }
            }
            _ => {}
        }
    }

    /// Writes that the response failed, when its run broke without a word.
    pub(super) fn tell_break(&mut self, out: &mut BytesMut) {
        let Stage::Running(last) = &self.stage else {
            self.stage = Stage::Over;
            return;
        };
        let mut response = Response::clone(last);
        let failure = Failure::new(
            FailureCode::Internal,
            "an internal error ended the response",
        );
        let at = response.times.updated;
        if response.change(Change::Fail(failure), at).is_ok() {
            tracing::error!(response.id = self.response, "the stream broke off");
            if D::OUTPUT {
                response.progress.executions = std::mem::take(&mut self.told.executions);
            }
            self.tell(&Event::Ended(Arc::new(response)), out);
        }
        self.stage = Stage::Over;
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over | Stage::Cut(_))
    }

    /// Ends the stream; what cut it short is for the log alone.
    pub(super) fn end(&mut self) {
        if let Stage::Cut(Some(error)) = std::mem::replace(&mut self.stage, Stage::Over) {
            tracing::error!(
                response.id = self.response,
                error = &error as &dyn std::error::Error,
                "a stream was cut short: what was kept of the response could not be read"
            );
        }
    }
}
