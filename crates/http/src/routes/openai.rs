//! The routes of the OpenAI dialect.

use std::rc::Rc;

use actix_web::Route;

use super::{RouteEntry, Routed, Verb, route};
use crate::dialect::openai::OpenAi;
use crate::handler::{Mounted, endpoints, serve};

/// What a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
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
    /// Its name in the `OpenAPI` document.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::CreateEndpoint => "openai_create_webhook_endpoint",
            Self::ListEndpoints => "openai_list_webhook_endpoints",
            Self::GetEndpoint => "openai_get_webhook_endpoint",
            Self::ChangeEndpoint => "openai_update_webhook_endpoint",
            Self::DeleteEndpoint => "openai_delete_webhook_endpoint",
            Self::RotateSecret => "openai_rotate_webhook_secret",
            Self::TestEndpoint => "openai_test_webhook_endpoint",
            Self::EventTypes => "openai_webhook_event_types",
        }
    }
}

const ENDPOINTS: &str = "/webhook_endpoints";
const ENDPOINT: &str = "/webhook_endpoints/{id}";

impl Routed for OpenAi {
    type Operation = Operation;

    const PREFIX: &'static str = "/openai/v1";

    const ROUTES: &'static [RouteEntry<Operation>] = &[
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

    fn handler(operation: Operation, mounted: Rc<Mounted<Self>>) -> Route {
        match operation {
            Operation::CreateEndpoint => serve(mounted, endpoints::create),
            Operation::ListEndpoints => serve(mounted, endpoints::list),
            Operation::GetEndpoint => serve(mounted, endpoints::get),
            Operation::ChangeEndpoint => serve(mounted, endpoints::change),
            Operation::DeleteEndpoint => serve(mounted, endpoints::delete),
            Operation::RotateSecret => serve(mounted, endpoints::rotate_secret),
            Operation::TestEndpoint => serve(mounted, endpoints::test),
            Operation::EventTypes => serve(mounted, endpoints::event_types),
        }
    }
}
