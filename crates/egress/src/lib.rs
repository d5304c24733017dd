//! Outbound HTTP: who may be called, how long, with which headers.
//!
//! This is the only crate that builds an HTTP client and the only one that sends a request.
//! Redirects are off, proxy variables of the environment are ignored, bodies are never
//! decompressed, and every read has a cap and a deadline. An [`AddressPolicy`] decides which
//! addresses may be called; it is enforced where the connection is made, so the address that
//! was vetted is the address that is called.
//!
//! ```no_run
//! use std::time::Duration;
//! use response_egress::{ClientOptions, EgressClient, EgressError, Outbound, Url};
//! use tokio::time::Instant;
//!
//! # async fn example(url: &Url, body: Vec<u8>) -> Result<(), Box<dyn std::error::Error>> {
//! // Once per adapter; a clone is two reference counts.
//! let client = EgressClient::new(ClientOptions::default())?;
//!
//! // A whole answer, with one deadline over the headers and the body.
//! let deadline = Instant::now() + Duration::from_secs(30);
//! let inbound = client.send(Outbound::get(url).deadline(deadline)).await?;
//! let text = inbound.text_capped(1 << 20, deadline).await?;
//!
//! // A stream of server-sent events, given up after a minute of silence.
//! let inbound = client.send(Outbound::post(url).json(body)).await?;
//! let mut events = inbound.events(Some(Duration::from_secs(60)), 1 << 20);
//! while let Some(frame) = events.next().await? {
//!     let _ = (frame.event_name(), &frame.data);
//! }
//! # Ok(()) }
//! ```

mod client;
mod error;
mod inbound;
mod lookup;
mod outbound;
mod policy;
mod resolve;
mod sse;

#[cfg(any(test, fuzzing))]
pub mod fuzz;

pub use bytes::Bytes;
pub use ipnet::IpNet;
pub use reqwest::header;
pub use reqwest::{Body, Method, StatusCode};
pub use url::Url;

pub use crate::client::{BuildError, ClientOptions, EgressClient, Versions};
pub use crate::error::{ConnectFault, EgressError, Waiting};
pub use crate::inbound::{Chunks, Events, Inbound};
pub use crate::lookup::{Looking, Lookup, SystemLookup};
pub use crate::outbound::Outbound;
pub use crate::policy::{AddressClass, AddressPolicy, MAX_URL_LENGTH, Refusal};
pub use crate::sse::{EventTooLarge, Frame, SseReader};
