//! The routes of the native dialect, and those of the service itself.

use std::rc::Rc;

use actix_web::Route;

use super::{RouteEntry, Routed, Verb, route};
use crate::dialect::native::Native;
use crate::handler::rules::{Rules, UnderWay};
use crate::handler::{
    Mounted, cancel, create, delete, deliveries, docs, endpoints, events, get, health, input_items,
    list, metrics, serve,
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
            Self::Metrics => "metrics",
            Self::Index => "index",
            Self::OpenApi => "open_api",
            Self::Docs => "docs",
        }
    }

    /// Whether it tells how the process is.
    pub(super) const fn is_about_health(self) -> bool {
        matches!(self, Self::Alive | Self::Ready | Self::Metrics)
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

    fn handler(operation: Operation, mounted: Rc<Mounted<Self>>) -> Route {
        match operation {
            Operation::Create => serve(mounted, create::create),
            Operation::List => serve(mounted, list::list),
            Operation::Get => serve(mounted, get::get),
            Operation::Delete => serve(mounted, delete::delete),
            Operation::Cancel => serve(mounted, cancel::cancel),
            Operation::InputItems => serve(mounted, input_items::input_items),
            Operation::Events => serve(mounted, events::events),
            Operation::ResponseDeliveries => serve(mounted, deliveries::of_response),
            Operation::RedeliverResponse => serve(mounted, deliveries::redeliver_response),
            Operation::CreateWebhook => serve(mounted, endpoints::create),
            Operation::ListWebhooks => serve(mounted, endpoints::list),
            Operation::GetWebhook => serve(mounted, endpoints::get),
            Operation::ChangeWebhook => serve(mounted, endpoints::change),
            Operation::DeleteWebhook => serve(mounted, endpoints::delete),
            Operation::RotateSecret => serve(mounted, endpoints::rotate_secret),
            Operation::TestWebhook => serve(mounted, endpoints::test),
            Operation::WebhookDeliveries => serve(mounted, deliveries::of_endpoint),
            Operation::RedeliverToWebhook => serve(mounted, deliveries::redeliver_to_endpoint),
            Operation::WebhookEventTypes => serve(mounted, endpoints::event_types),
            Operation::Alive => serve(mounted, health::alive),
            Operation::Ready => serve(mounted, health::ready),
            Operation::Metrics => serve(mounted, metrics::metrics),
            Operation::Index => serve(mounted, docs::index),
            Operation::OpenApi => serve(mounted, docs::openapi),
            Operation::Docs => serve(mounted, docs::page),
        }
    }
}

impl Rules for Native {
    const UNDER_WAY: UnderWay = UnderWay::Anything;
}
