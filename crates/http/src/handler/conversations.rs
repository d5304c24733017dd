//! Conversations: beginning, reading, describing and forgetting them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use bytes::BytesMut;
use response_domain::caller::Caller;
use response_domain::conversation::Conversation;
use response_engine::error::ConversationError;

use super::{Answer, Mounted, json};
use crate::body::Incoming;
use crate::dialect::Conversations;
use crate::extract;
use crate::problem::Problem;
use crate::visit::note_object;

/// Begins one.
pub(crate) async fn create<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let (metadata, items) = at
        .read_if_any(request, body, |text| at.dialect.conversation(text))
        .await?;
    let engine = &at.face.engine;
    let opened = engine.open_conversation(&owner, metadata, items).await;
    Ok(at.conversation(&opened.map_err(of_items)?))
}

/// One as it is.
pub(crate) async fn get<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::conversation_id(request)?;
    let conversation = at.face.engine.conversation(&owner, id).await?;
    Ok(at.conversation(&conversation))
}

/// Gives one other metadata.
pub(crate) async fn update<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    body: &mut Incoming,
) -> Answer {
    let id = extract::conversation_id(request)?;
    let metadata = at
        .read(request, body, |text| at.dialect.description(text))
        .await?;
    let engine = &at.face.engine;
    let described = engine.describe_conversation(&owner, id, &metadata).await?;
    Ok(at.conversation(&described))
}

/// Forgets one. What was said in it stays.
pub(crate) async fn delete<D: Conversations>(
    at: &Mounted<D>,
    Caller { owner, .. }: Caller,
    request: &HttpRequest,
    _body: &mut Incoming,
) -> Answer {
    let id = extract::conversation_id(request)?;
    at.face.engine.close_conversation(&owner, id).await?;
    let mut out = BytesMut::new();
    at.dialect.show_conversation_deleted(id, &mut out);
    Ok(json(StatusCode::OK, out.freeze()))
}

/// An error that is about items of the body.
pub(super) fn of_items(error: ConversationError) -> Problem {
    match error {
        ConversationError::ItemNotFound(_) => {
            Problem::not_found("item_not_found", error.to_string()).about("items")
        }
        ConversationError::NotFound
        | ConversationError::Sealed { .. }
        | ConversationError::Store(_) => error.into(),
    }
}

impl<D: Conversations> Mounted<D> {
    /// A conversation.
    pub(super) fn conversation(&self, conversation: &Conversation) -> HttpResponse {
        let mut out = BytesMut::with_capacity(256);
        self.dialect.show_conversation(conversation, &mut out);
        let mut answer = json(StatusCode::OK, out.freeze());
        note_object(&mut answer, &conversation.id);
        answer
    }
}
