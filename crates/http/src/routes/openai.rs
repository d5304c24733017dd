//! The routes of the OpenAI dialect, in both of its flavours.

use actix_web::Route;
use response_engine::allowances::Cost;

use super::{Place, RouteEntry, Routed, Verb, route};
use crate::admission::Purpose;
use crate::dialect::openai::{Flavour, OpenAi};
use crate::handler::rules::{Rules, UnderWay};
use crate::handler::{
    cancel, conversation_items, conversations, create, delete, endpoints, get, input_items, tokens,
};
use crate::websocket;

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Connect,
    CountTokens,
    Compact,
    Get,
    Delete,
    Cancel,
    InputItems,
    CreateConversation,
    GetConversation,
    UpdateConversation,
    DeleteConversation,
    CreateItems,
    ListItems,
    GetItem,
    DeleteItem,
    CreateEndpoint,
    ListEndpoints,
    GetEndpoint,
    ChangeEndpoint,
    DeleteEndpoint,
    RotateSecret,
    TestEndpoint,
    EventTypes,
}

impl Operation {
    /// Its name in the `OpenAPI` document, behind that of the flavour.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create_response",
            Self::Connect => "connect",
            Self::CountTokens => "count_input_tokens",
            Self::Compact => "compact",
            Self::Get => "get_response",
            Self::Delete => "delete_response",
            Self::Cancel => "cancel_response",
            Self::InputItems => "list_input_items",
            Self::CreateConversation => "create_conversation",
            Self::GetConversation => "get_conversation",
            Self::UpdateConversation => "update_conversation",
            Self::DeleteConversation => "delete_conversation",
            Self::CreateItems => "create_conversation_items",
            Self::ListItems => "list_conversation_items",
            Self::GetItem => "get_conversation_item",
            Self::DeleteItem => "delete_conversation_item",
            Self::CreateEndpoint => "create_webhook_endpoint",
            Self::ListEndpoints => "list_webhook_endpoints",
            Self::GetEndpoint => "get_webhook_endpoint",
            Self::ChangeEndpoint => "update_webhook_endpoint",
            Self::DeleteEndpoint => "delete_webhook_endpoint",
            Self::RotateSecret => "rotate_webhook_secret",
            Self::TestEndpoint => "test_webhook_endpoint",
            Self::EventTypes => "webhook_event_types",
        }
    }

    const fn is_about_webhooks(self) -> bool {
        matches!(
            self,
            Self::CreateEndpoint
                | Self::ListEndpoints
                | Self::GetEndpoint
                | Self::ChangeEndpoint
                | Self::DeleteEndpoint
                | Self::RotateSecret
                | Self::TestEndpoint
                | Self::EventTypes
        )
    }
}

impl Purpose for Operation {
    fn cost(self) -> Cost {
        match self {
            Self::Create | Self::CountTokens | Self::Compact => Cost::Heavy,
            _ => Cost::Light,
        }
    }

    /// A connection changes nothing; each request on it does.
    fn action(self) -> Option<&'static str> {
        Some(match self {
            Self::Create => "response.create",
            Self::CountTokens => "response.count_tokens",
            Self::Compact => "response.compact",
            Self::Delete => "response.delete",
            Self::Cancel => "response.cancel",
            Self::CreateConversation => "conversation.create",
            Self::UpdateConversation => "conversation.change",
            Self::DeleteConversation => "conversation.delete",
            Self::CreateItems => "conversation.add_items",
            Self::DeleteItem => "conversation.delete_item",
            Self::CreateEndpoint => "webhook.create",
            Self::ChangeEndpoint => "webhook.change",
            Self::DeleteEndpoint => "webhook.delete",
            Self::RotateSecret => "webhook.rotate_secret",
            Self::TestEndpoint => "webhook.test",
            Self::Connect
            | Self::Get
            | Self::InputItems
            | Self::GetConversation
            | Self::ListItems
            | Self::GetItem
            | Self::ListEndpoints
            | Self::GetEndpoint
            | Self::EventTypes => return None,
        })
    }
}

const RESPONSES: &str = "/responses";
const RESPONSE: &str = "/responses/{id}";
const CONVERSATION: &str = "/conversations/{id}";
const ITEMS: &str = "/conversations/{id}/items";
const ITEM: &str = "/conversations/{id}/items/{item_id}";
const ENDPOINTS: &str = "/webhook_endpoints";
const ENDPOINT: &str = "/webhook_endpoints/{id}";

impl Routed for OpenAi {
    type Operation = Operation;

    const ROUTES: &'static [RouteEntry<Operation>] = &[
        route(Verb::Post, RESPONSES, Operation::Create),
        route(Verb::Get, RESPONSES, Operation::Connect),
        // These two stand before the path that takes any id.
        route(
            Verb::Post,
            "/responses/input_tokens",
            Operation::CountTokens,
        ),
        route(Verb::Post, "/responses/compact", Operation::Compact),
        route(Verb::Get, RESPONSE, Operation::Get),
        route(Verb::Delete, RESPONSE, Operation::Delete),
        route(Verb::Post, "/responses/{id}/cancel", Operation::Cancel),
        route(
            Verb::Get,
            "/responses/{id}/input_items",
            Operation::InputItems,
        ),
        route(Verb::Post, "/conversations", Operation::CreateConversation),
        route(Verb::Get, CONVERSATION, Operation::GetConversation),
        route(Verb::Post, CONVERSATION, Operation::UpdateConversation),
        route(Verb::Delete, CONVERSATION, Operation::DeleteConversation),
        route(Verb::Post, ITEMS, Operation::CreateItems),
        route(Verb::Get, ITEMS, Operation::ListItems),
        route(Verb::Get, ITEM, Operation::GetItem),
        route(Verb::Delete, ITEM, Operation::DeleteItem),
        route(Verb::Post, ENDPOINTS, Operation::CreateEndpoint),
        route(Verb::Get, ENDPOINTS, Operation::ListEndpoints),
        route(Verb::Get, ENDPOINT, Operation::GetEndpoint),
        route(Verb::Post, ENDPOINT, Operation::ChangeEndpoint),
        route(Verb::Delete, ENDPOINT, Operation::DeleteEndpoint),
        route(
            Verb::Post,
            "/webhook_endpoints/{id}/rotate_secret",
            Operation::RotateSecret,
        ),
        route(
            Verb::Post,
            "/webhook_endpoints/{id}/test",
            Operation::TestEndpoint,
        ),
        route(Verb::Get, "/webhook_event_types", Operation::EventTypes),
    ];

    fn prefix(self) -> &'static str {
        match self.flavour {
            Flavour::OpenAi => "/openai/v1",
            Flavour::OpenResponses => "/openresponses/v1",
        }
    }

    /// Open Responses knows no webhooks; endpoints are registered in the other dialects.
    fn has(self, operation: Operation) -> bool {
        match self.flavour {
            Flavour::OpenAi => true,
            Flavour::OpenResponses => !operation.is_about_webhooks(),
        }
    }

    fn handler(operation: Operation, place: Place<Self>) -> Route {
        match operation {
            Operation::Create => place.known(create::create),
            Operation::Connect => place.known(websocket::connect),
            Operation::CountTokens => place.known(tokens::count),
            Operation::Compact => place.known(tokens::compact),
            Operation::Get => place.known(get::get),
            Operation::Delete => place.known(delete::delete),
            Operation::Cancel => place.known(cancel::cancel),
            Operation::InputItems => place.known(input_items::input_entries),
            Operation::CreateConversation => place.known(conversations::create),
            Operation::GetConversation => place.known(conversations::get),
            Operation::UpdateConversation => place.known(conversations::update),
            Operation::DeleteConversation => place.known(conversations::delete),
            Operation::CreateItems => place.known(conversation_items::create),
            Operation::ListItems => place.known(conversation_items::list),
            Operation::GetItem => place.known(conversation_items::get),
            Operation::DeleteItem => place.known(conversation_items::delete),
            Operation::CreateEndpoint => place.known(endpoints::create),
            Operation::ListEndpoints => place.known(endpoints::list),
            Operation::GetEndpoint => place.known(endpoints::get),
            Operation::ChangeEndpoint => place.known(endpoints::change),
            Operation::DeleteEndpoint => place.known(endpoints::delete),
            Operation::RotateSecret => place.known(endpoints::rotate_secret),
            Operation::TestEndpoint => place.known(endpoints::test),
            Operation::EventTypes => place.known(endpoints::event_types),
        }
    }
}

impl Rules for OpenAi {
    const UNDER_WAY: UnderWay = UnderWay::LittleInTheForeground;
}
