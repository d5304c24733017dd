//! Ids of items: what kind of item it is, in front of the body that the item has everywhere in the house.
//! So the id of an item tells its kind, and an item is found by its body whatever stands in front.

use std::fmt;
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use response_domain::id::ItemId;
use response_domain::item::{Item, ItemBody, Runner};
use serde::{Serialize, Serializer};

use super::Flavour;

/// What an item is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    Reasoning,
    FunctionCall,
    FunctionCallOutput,
    McpCall,
    McpListTools,
    McpApprovalRequest,
    McpApprovalResponse,
    Compaction,
    /// Another service's.
    Foreign,
}

impl Kind {
    pub(super) fn of(item: &Item) -> Self {
        match &item.body {
            ItemBody::Message(_) => Self::Message,
            ItemBody::Reasoning(_) => Self::Reasoning,
            ItemBody::FunctionCall(call) => Self::of_call(&call.runner),
            ItemBody::FunctionCallOutput(_) => Self::FunctionCallOutput,
            ItemBody::ApprovalResponse(_) => Self::McpApprovalResponse,
            ItemBody::ToolList(_) => Self::McpListTools,
            ItemBody::Compaction(_) => Self::Compaction,
            ItemBody::Foreign(_) => Self::Foreign,
        }
    }

    pub(super) fn of_call(runner: &Runner) -> Self {
        match runner {
            Runner::Server(_) => Self::McpCall,
            Runner::Asks(_) => Self::McpApprovalRequest,
            Runner::Caller | Runner::Nobody => Self::FunctionCall,
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Message => "msg_",
            Self::Reasoning => "rs_",
            Self::FunctionCall => "fc_",
            Self::FunctionCallOutput => "fco_",
            Self::McpCall => "mcp_",
            Self::McpListTools => "mcpl_",
            Self::McpApprovalRequest => "mcpr_",
            Self::McpApprovalResponse => "mcpa_",
            Self::Compaction => "cmp_",
            Self::Foreign => "item_",
        }
    }

    /// Its word. What Open Responses does not know is an extension there, which is named after who made it.
    pub(super) const fn word(self, flavour: Flavour) -> &'static str {
        match (self, flavour) {
            (Self::Message, _) => "message",
            (Self::Reasoning, _) => "reasoning",
            (Self::FunctionCall, _) => "function_call",
            (Self::FunctionCallOutput, _) => "function_call_output",
            (Self::Compaction, _) => "compaction",
            (Self::McpCall, Flavour::OpenAi) => "mcp_call",
            (Self::McpListTools, Flavour::OpenAi) => "mcp_list_tools",
            (Self::McpApprovalRequest, Flavour::OpenAi) => "mcp_approval_request",
            (Self::McpApprovalResponse, Flavour::OpenAi) => "mcp_approval_response",
            (Self::Foreign, Flavour::OpenAi) => "item",
            (Self::McpCall, Flavour::OpenResponses) => "jan:mcp_call",
            (Self::McpListTools, Flavour::OpenResponses) => "jan:mcp_list_tools",
            (Self::McpApprovalRequest, Flavour::OpenResponses) => "jan:mcp_approval_request",
            (Self::McpApprovalResponse, Flavour::OpenResponses) => "jan:mcp_approval_response",
            (Self::Foreign, Flavour::OpenResponses) => "jan:item",
        }
    }
}

/// The id of an item as it is shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShownId(pub(super) Kind, pub(super) ItemId);

const RAW_LENGTH: usize = 26;
const ORDINAL_LENGTH: usize = 5;
const LENGTH: usize = RAW_LENGTH + ORDINAL_LENGTH;

impl ShownId {
    pub(super) fn of(item: &Item) -> Self {
        Self(Kind::of(item), item.id)
    }

    /// Writes it as it is, without quotes.
    pub(super) fn put(self, out: &mut BytesMut) {
        out.put_slice(self.0.prefix().as_bytes());
        out.put_slice(&body(self.1));
    }
}

impl fmt::Display for ShownId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.prefix())?;
        f.write_str(std::str::from_utf8(&body(self.1)).unwrap_or_default())
    }
}

impl Serialize for ShownId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The body of an id, the same letters as in the house. Every delta bears one, so they are not sent through
/// a formatter.
fn body(id: ItemId) -> [u8; LENGTH] {
    let mut text = [b'0'; LENGTH];
    let (parent, ordinal) = text.split_at_mut(RAW_LENGTH);
    put_base32(id.parent.bits(), parent);
    put_base32(u128::from(id.ordinal), ordinal);
    text
}

fn put_base32(mut bits: u128, text: &mut [u8]) {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    for slot in text.iter_mut().rev() {
        #[expect(clippy::indexing_slicing, reason = "five bits are always below 32")]
        {
            *slot = ALPHABET[(bits & 31) as usize];
        }
        bits >>= 5;
    }
}

/// The item that this text names, whatever stands in front of its body.
pub(super) fn read(text: &str) -> Option<ItemId> {
    let (_, body) = text.rsplit_once('_')?;
    format!("{}_{body}", ItemId::PREFIX).parse().ok()
}

/// A name that a caller gives to an approval request: that of an item of ours in the words of the house, any
/// other as it came.
pub(super) fn canonical(text: Arc<str>) -> Arc<str> {
    read(&text).map_or(text, |id| id.to_string().into())
}

/// The id of an approval request as its caller knows it: of ours as it was shown, of another's as it came.
pub(super) fn of_approval(request: &str) -> String {
    let is_ours = |id: &ItemId| id.to_string() == request;
    match request.parse::<ItemId>().ok().filter(is_ours) {
        Some(id) => ShownId(Kind::McpApprovalRequest, id).to_string(),
        None => request.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use response_domain::id::RawId;

    use super::*;

    const ALL: &[Kind] = &[
        Kind::Message,
        Kind::Reasoning,
        Kind::FunctionCall,
        Kind::FunctionCallOutput,
        Kind::McpCall,
        Kind::McpListTools,
        Kind::McpApprovalRequest,
        Kind::McpApprovalResponse,
        Kind::Compaction,
        Kind::Foreign,
    ];

    #[test]
    fn an_item_is_found_by_its_id_whatever_its_kind() {
        let ids = [
            ItemId::new(RawId::new(0), 0),
            ItemId::new(RawId::new(u128::MAX), (1 << 25) - 1),
            ItemId::new(RawId::new(0x0190_a1b2_c3d4_7e5f_8a9b_0c1d_2e3f_4a5b), 42),
        ];
        for id in ids {
            for &kind in ALL {
                let shown = ShownId(kind, id);
                let text = shown.to_string();
                assert_eq!(read(&text), Some(id), "{text}");
                let house = id.to_string();
                let body = house.strip_prefix("item_").unwrap();
                assert_eq!(text.strip_prefix(kind.prefix()), Some(body));
                let mut out = BytesMut::new();
                shown.put(&mut out);
                assert_eq!(out, text.as_bytes());
            }
        }
    }

    #[test]
    fn what_is_no_id_of_ours_names_nothing() {
        for text in [
            "",
            "_",
            "msg_",
            "msg_1",
            "msg",
            "msg_0Y000000000000000000000000000000",
            "é_é",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_approval_request_is_named_as_it_was_shown_or_as_it_came() {
        let id = ItemId::new(RawId::new(7), 3);
        let shown = ShownId(Kind::McpApprovalRequest, id).to_string();
        assert_eq!(of_approval(&id.to_string()), shown);
        assert_eq!(*canonical(shown.as_str().into()), id.to_string());
        for foreign in ["mcpr_abc", "item_short", "anything"] {
            assert_eq!(of_approval(foreign), foreign);
            assert_eq!(&*canonical(foreign.into()), foreign);
        }
    }

    #[test]
    fn no_two_kinds_look_alike() {
        for flavour in [Flavour::OpenAi, Flavour::OpenResponses] {
            for (place, one) in ALL.iter().enumerate() {
                for other in &ALL[..place] {
                    assert_ne!(one.prefix(), other.prefix());
                    assert_ne!(one.word(flavour), other.word(flavour));
                }
            }
        }
    }
}
