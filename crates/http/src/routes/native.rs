//! The routes of the native dialect, and those of the service itself.

use actix_web::Route;
use response_engine::allowances::Cost;

use super::{Place, RouteEntry, Routed, Verb, route};
use crate::admission::Purpose;
use crate::dialect::native::Native;
use crate::handler::rules::{Rules, UnderWay};
use crate::handler::{
    cancel, create, delete, deliveries, docs, endpoints, events, get, health, input_items, list,
    metrics,
};

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    List,
    Get,
    Delete,
    Cancel,
    InputItems,
    Events,
    ResponseDeliveries,
    RedeliverResponse,
    CreateWebhook,
    ListWebhooks,
    GetWebhook,
    ChangeWebhook,
    DeleteWebhook,
    RotateSecret,
    TestWebhook,
    WebhookDeliveries,
    RedeliverToWebhook,
    WebhookEventTypes,
    Alive,
    Ready,
    AuthHealth,
    Metrics,
    Index,
    OpenApi,
    Docs,
}

impl Operation {
    /// Its name in the `OpenAPI` document.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::List => "list",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::Cancel => "cancel",
            Self::InputItems => "input_items",
            Self::Events => "events",
            Self::ResponseDeliveries => "response_deliveries",
            Self::RedeliverResponse => "redeliver_response",
            Self::CreateWebhook => "create_webhook",
            Self::ListWebhooks => "list_webhooks",
            Self::GetWebhook => "get_webhook",
            Self::ChangeWebhook => "change_webhook",
            Self::DeleteWebhook => "delete_webhook",
            Self::RotateSecret => "rotate_secret",
            Self::TestWebhook => "test_webhook",
            Self::WebhookDeliveries => "webhook_deliveries",
            Self::RedeliverToWebhook => "redeliver_to_webhook",
            Self::WebhookEventTypes => "webhook_event_types",
            Self::Alive => "alive",
            Self::Ready => "ready",
            Self::AuthHealth => "auth_health",
            Self::Metrics => "metrics",
            Self::Index => "index",
            Self::OpenApi => "open_api",
            Self::Docs => "docs",
        }
    }

    /// Whether it tells how the process is, also where nobody calls.
    pub(super) const fn is_about_health(self) -> bool {
        matches!(self, Self::Alive | Self::Ready | Self::Metrics)
    }
}

impl Purpose for Operation {
    fn cost(self) -> Cost {
        match self {
            Self::Create => Cost::Heavy,
            _ => Cost::Light,
        }
    }

    fn action(self) -> Option<&'static str> {
        Some(match self {
            Self::Create => "response.create",
            Self::Delete => "response.delete",
            Self::Cancel => "response.cancel",
            Self::CreateWebhook => "webhook.create",
            Self::ChangeWebhook => "webhook.change",
            Self::DeleteWebhook => "webhook.delete",
            Self::RotateSecret => "webhook.rotate_secret",
            Self::TestWebhook => "webhook.test",
            Self::RedeliverResponse | Self::RedeliverToWebhook => "delivery.redeliver",
            Self::List
            | Self::Get
            | Self::InputItems
            | Self::Events
            | Self::ResponseDeliveries
            | Self::ListWebhooks
            | Self::GetWebhook
            | Self::WebhookDeliveries
            | Self::WebhookEventTypes
            | Self::Alive
            | Self::Ready
            | Self::AuthHealth
            | Self::Metrics
            | Self::Index
            | Self::OpenApi
            | Self::Docs => return None,
        })
    }
}

const RESPONSES: &str = "/v1/responses";
const RESPONSE: &str = "/v1/responses/{id}";
const WEBHOOKS: &str = "/v1/webhooks";
const WEBHOOK: &str = "/v1/webhooks/{id}";

impl Routed for Native {
    type Operation = Operation;

    const ROUTES: &'static [RouteEntry<Operation>] = &[
        route(Verb::Post, RESPONSES, Operation::Create),
        route(Verb::Get, RESPONSES, Operation::List),
        route(Verb::Get, RESPONSE, Operation::Get),
        route(Verb::Delete, RESPONSE, Operation::Delete),
        route(Verb::Post, "/v1/responses/{id}/cancel", Operation::Cancel),
        route(
            Verb::Get,
            "/v1/responses/{id}/input_items",
            Operation::InputItems,
        ),
        route(Verb::Get, "/v1/responses/{id}/events", Operation::Events),
        route(
            Verb::Get,
            "/v1/responses/{id}/deliveries",
            Operation::ResponseDeliveries,
        ),
        route(
            Verb::Post,
            "/v1/responses/{id}/deliveries/redeliver",
            Operation::RedeliverResponse,
        ),
        route(Verb::Post, WEBHOOKS, Operation::CreateWebhook),
        route(Verb::Get, WEBHOOKS, Operation::ListWebhooks),
        route(Verb::Get, WEBHOOK, Operation::GetWebhook),
        route(Verb::Patch, WEBHOOK, Operation::ChangeWebhook),
        route(Verb::Delete, WEBHOOK, Operation::DeleteWebhook),
        route(
            Verb::Post,
            "/v1/webhooks/{id}/rotate_secret",
            Operation::RotateSecret,
        ),
        route(Verb::Post, "/v1/webhooks/{id}/test", Operation::TestWebhook),
        route(
            Verb::Get,
            "/v1/webhooks/{id}/deliveries",
            Operation::WebhookDeliveries,
        ),
        route(
            Verb::Post,
            "/v1/webhooks/{id}/deliveries/{event_id}/redeliver",
            Operation::RedeliverToWebhook,
        ),
        route(
            Verb::Get,
            "/v1/webhook_event_types",
            Operation::WebhookEventTypes,
        ),
        route(Verb::Get, "/healthz", Operation::Alive),
        route(Verb::Get, "/readyz", Operation::Ready),
        route(Verb::Get, "/health/auth", Operation::AuthHealth),
        route(Verb::Get, "/metrics", Operation::Metrics),
        route(Verb::Get, "/", Operation::Index),
        route(Verb::Get, "/openapi.json", Operation::OpenApi),
        route(Verb::Get, "/docs", Operation::Docs),
    ];

    fn prefix(self) -> &'static str {
        ""
    }

    fn has(self, _operation: Operation) -> bool {
        true
    }

    fn handler(operation: Operation, place: Place<Self>) -> Route {
        match operation {
            Operation::Create => place.known(create::create),
            Operation::List => place.known(list::list),
            Operation::Get => place.known(get::get),
            Operation::Delete => place.known(delete::delete),
            Operation::Cancel => place.known(cancel::cancel),
            Operation::InputItems => place.known(input_items::input_items),
            Operation::Events => place.known(events::events),
            Operation::ResponseDeliveries => place.known(deliveries::of_response),
            Operation::RedeliverResponse => place.known(deliveries::redeliver_response),
            Operation::CreateWebhook => place.known(endpoints::create),
            Operation::ListWebhooks => place.known(endpoints::list),
            Operation::GetWebhook => place.known(endpoints::get),
            Operation::ChangeWebhook => place.known(endpoints::change),
            Operation::DeleteWebhook => place.known(endpoints::delete),
            Operation::RotateSecret => place.known(endpoints::rotate_secret),
            Operation::TestWebhook => place.known(endpoints::test),
            Operation::WebhookDeliveries => place.known(deliveries::of_endpoint),
            Operation::RedeliverToWebhook => place.known(deliveries::redeliver_to_endpoint),
            Operation::WebhookEventTypes => place.known(endpoints::event_types),
            Operation::Alive => place.open(health::alive),
            Operation::Ready => place.open(health::ready),
            Operation::AuthHealth => place.open(health::auth),
            Operation::Metrics => place.open(metrics::metrics),
            Operation::Index => place.open(docs::index),
            Operation::OpenApi => place.open(docs::openapi),
            Operation::Docs => place.open(docs::page),
        }
    }
}

impl Rules for Native {
    const UNDER_WAY: UnderWay = UnderWay::Anything;
}
