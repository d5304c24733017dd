//! What a write that ends a response tells whoever wants to hear of it.

use response_domain::response::Response;
use response_domain::webhook::{Notice, WebhookEvent};

use crate::plain;

/// The notice of a response, as its deliveries have it.
#[derive(Debug)]
pub(crate) struct NoticeRow {
    /// What happened, in the words of the full payload.
    pub(crate) full: WebhookEvent,
    /// What happened, in the words of the thin payload.
    pub(crate) thin: WebhookEvent,
    /// The address of the request, if it wants to hear of this.
    pub(crate) callback: Option<String>,
}

impl NoticeRow {
    /// `None` when nobody is to hear of it.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let notice = Notice::of(response)?;
        Some(Self {
            full: notice.full,
            thin: notice.thin,
            callback: notice.callback.map(|url| plain::write(&url).into_owned()),
        })
    }
}

/// How the patterns that cover an event stand in the list of an endpoint. The list is JSON of these words
/// alone, so what is found in its text is an entry of it.
pub(crate) fn entries(event: WebhookEvent) -> [String; 3] {
    event.patterns().map(|pattern| format!("\"{pattern}\""))
}
