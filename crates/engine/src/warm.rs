//! A request that is accepted and not run: what a connection is to build its next request on.

use std::sync::Arc;

use response_domain::event::Event;
use response_domain::response::Response;
use response_domain::spec::{Delivery, Storage};
use response_domain::status::Change;
use tokio::sync::mpsc;

use crate::Engine;
use crate::create::{Accepted, Reader, Request};
use crate::error::CreateError;
use crate::journal::OnLeave;
use crate::live::Live;
use crate::waiting::Presence;

impl Engine {
    /// Accepts a request and completes its response at once, without asking the model. Nothing is written;
    /// what the reader holds of it is its input and what it builds on.
    pub async fn warm_up(&self, request: Request) -> Result<Reader, CreateError> {
        let (wish, mut spec) = self.check(request)?;
        spec.delivery = Delivery::Stream;
        spec.storage = Storage::Passing;
        let Accepted {
            owner,
            spec,
            context,
            history,
            input,
            ..
        } = self.accept(wish, spec).await?;
        let at = self.0.ports.clock.now();
        let id = context.response;
        let begun = Response::accept(id, owner, Arc::new(spec), context.conversation, at);
        let mut ended = begun.clone();
        // It is in progress, so this always holds.
        let _ = ended.change(Change::Complete, at);
        let (begun, ended) = (Arc::new(begun), Arc::new(ended));
        let live = Arc::new(Live::new(Arc::clone(&ended), input, history));
        live.end(Arc::clone(&ended));
        let (sender, events) = mpsc::channel(1);
        let told = vec![
            Event::Created(Arc::clone(&begun)),
            Event::Started(begun),
            Event::Ended(ended),
        ];
        // There is room for it, and the reader is not gone yet.
        let _ = sender.try_send(told);
        Ok(Reader::new(
            id,
            events,
            Presence::new(live, OnLeave::GoesOn),
        ))
    }
}
