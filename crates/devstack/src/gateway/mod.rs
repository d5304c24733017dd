//! A stand-in for the platform's gateway, which listens on port 8000 there: `/responses/…` goes
//! to the service with that prefix taken off, and `POST /llm/auth/guest-login` gives a guest a
//! token.
//!
//! Bodies are passed on as they come, in both directions, and a client that goes away takes its
//! request at the service with it. Headers that only a gateway may set (`X-Consumer-*`,
//! `X-User-*`, `X-Gateway-Auth`, `X-Auth-Method`) are taken out of what clients send. The guest
//! token is opaque and proves nothing: it is for a stack on one's own machine, where the service
//! does not check tokens.

mod envelope;
mod headers;
mod proxy;

use std::time::Duration;

use actix_web::web;
use response_egress::{ClientOptions, EgressClient, Url};

use crate::serve::{Listen, Running, StartError, serve};

/// How the gateway runs.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// Where it listens.
    pub listen: Listen,
    /// The service's base URL; its path, if any, comes before that of each request.
    pub service: Url,
    /// How long the service may take until the headers of its answer.
    pub patience: Duration,
}

impl GatewayOptions {
    /// A gateway on a free port, as patient as the platform's.
    pub fn to(service: Url) -> Self {
        Self {
            listen: Listen::default(),
            service,
            patience: Duration::from_mins(15),
        }
    }
}

/// A running gateway. Dropping it stops it.
#[derive(Debug)]
pub struct Gateway {
    running: Running,
}

impl Gateway {
    /// Starts the gateway; it listens when this returns. The service need not run yet.
    pub fn start(options: &GatewayOptions) -> Result<Self, StartError> {
        let client = EgressClient::new(ClientOptions::default()).map_err(StartError::Egress)?;
        let state = State {
            client,
            service: options.service.as_str().trim_end_matches('/').to_owned(),
            patience: options.patience,
        };
        let running = serve(&options.listen, move |_, config| {
            config
                .app_data(web::Data::new(state.clone()))
                .route("/responses", web::to(proxy::pass))
                .route("/responses/{rest:.*}", web::to(proxy::pass))
                .route("/llm/auth/guest-login", web::post().to(proxy::guest_login))
                .default_service(web::to(proxy::unknown));
        })?;
        Ok(Self { running })
    }

    /// The base URL, to which `responses/v1/responses` is added.
    pub fn url(&self) -> &Url {
        self.running.url()
    }

    /// Stops the gateway, cutting what is under way, and waits until its port is free.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

#[derive(Clone)]
struct State {
    client: EgressClient,
    /// Without a slash at its end.
    service: String,
    patience: Duration,
}
