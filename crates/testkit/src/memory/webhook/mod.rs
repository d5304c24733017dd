//! Webhook endpoints, and the deliveries that ends of background responses make.

mod endpoints;
mod outbox;
mod read;
mod row;

use std::collections::BTreeMap;

use response_domain::id::{EndpointId, ResponseId};
use response_domain::response::Response;
use response_domain::time::Timestamp;
use response_domain::webhook::{
    DeliveryKey, Effect, Endpoint, EndpointState, Lane, Notice, WebhookEvent,
};

use row::Entry;

/// All about webhooks.
#[derive(Debug, Default)]
pub(super) struct Webhooks {
    endpoints: BTreeMap<EndpointId, Endpoint>,
    deliveries: BTreeMap<DeliveryKey, Entry>,
}

/// To whom a delivery that is about to be made goes.
struct To {
    endpoint: Option<EndpointId>,
    event: WebhookEvent,
    lane: Lane,
}

impl Webhooks {
    /// Makes the deliveries of a notice, due at once; how many there are.
    pub(super) fn tell(&mut self, response: &Response, notice: &Notice, now: Timestamp) -> u32 {
        let callback = notice.callback.as_ref().map(|_url| To {
            endpoint: None,
            event: notice.full,
            lane: Lane::Prompt,
        });
        let wanting = self.endpoints.values().filter_map(|endpoint| {
            let event = notice.event(endpoint.spec.payload);
            let wants = endpoint.spec.events.iter().any(|only| only.covers(event));
            let is_active = endpoint.state == EndpointState::Active;
            (endpoint.owner == response.owner && is_active && wants).then_some(To {
                endpoint: Some(endpoint.id),
                event,
                lane: usual_lane(endpoint),
            })
        });
        let all: Vec<To> = callback.into_iter().chain(wanting).collect();
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        for to in all {
            let key = DeliveryKey {
                response: response.id,
                endpoint: to.endpoint,
            };
            let callback = notice.callback.clone().filter(|_| to.endpoint.is_none());
            let entry = Entry::new(response, to.event, callback, to.lane, now);
            self.deliveries.insert(key, entry);
        }
        count
    }

    /// Forgets what was to be told of a response.
    pub(super) fn forget(&mut self, response: ResponseId) {
        self.deliveries.retain(|key, _| key.response != response);
    }

    /// What an attempt means for the endpoint it went to, and for what waits for it.
    fn affect(&mut self, id: EndpointId, effect: Effect, now: Timestamp) {
        let Some(endpoint) = self.endpoints.get_mut(&id) else {
            return;
        };
        if effect == Effect::Works {
            endpoint.failing_since = None;
            return;
        }
        endpoint.failing_since.get_or_insert(now);
        if let (Effect::Disable(why), EndpointState::Active) = (effect, endpoint.state) {
            endpoint.state = EndpointState::Disabled { at: now, why };
            endpoint.updated = now;
            endpoint.revision = endpoint.revision.saturating_add(1);
        }
        for (key, entry) in &mut self.deliveries {
            if key.endpoint == Some(id) && entry.worker.is_none() {
                entry.lane = Lane::Patient;
            }
        }
    }
}

/// The lane of first attempts to an endpoint.
fn usual_lane(endpoint: &Endpoint) -> Lane {
    if endpoint.failing_since.is_some() {
        Lane::Patient
    } else {
        Lane::Prompt
    }
}
