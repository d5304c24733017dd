//! Sending webhooks: take what is due while there is room, post it, and write down what came of it. Two
//! lanes with room of their own, so that addresses which do not answer hold nobody up who does.

use std::sync::Arc;
use std::time::Duration;

use response_domain::ports::webhook::DueClaim;
use response_domain::webhook::{DeliveryLease, Due, EndpointState, GaveUp, Lane, Target};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

use self::deliver::given_up;
use self::targets::Targets;
use crate::Engine;
use crate::watch;

mod deliver;
mod targets;

/// The most deliveries that one look takes.
const BATCH: usize = 128;
/// The most deliveries that are put off to the same moment.
const TOGETHER: usize = 16;
/// How much longer what waits for a failing address is put off: it is probed meanwhile, and what is many must
/// not be claimed again and again for nothing.
const WHILE_IT_FAILS: u32 = 30;
/// What found no room at a failing address for so long does not wait on: no schedule is longer.
const WAITED_ENOUGH: Duration = Duration::from_hours(76);
/// Beyond the time of an attempt, how long nothing may be heard of a delivery before somebody else takes it.
const MARGIN: Duration = Duration::from_secs(30);

/// What this process sends.
#[derive(Debug, Default)]
pub(crate) struct Relay {
    prompt: Notify,
    patient: Notify,
    targets: Arc<Targets>,
    under_way: TaskTracker,
}

/// What there is no room for, by what it waits for.
#[derive(Default)]
struct Crowd {
    behind_busy: Vec<DeliveryLease>,
    behind_failing: Vec<DeliveryLease>,
    /// Those that waited for a failing address for as long as any schedule lasts.
    in_vain: Vec<Due>,
}

impl Relay {
    /// Says that something may be due.
    pub(crate) fn wake(&self) {
        self.prompt.notify_one();
        self.patient.notify_one();
    }

    fn woken(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Prompt => &self.prompt,
            Lane::Patient => &self.patient,
        }
    }

    /// Waits until nothing is being sent.
    pub(crate) async fn is_idle(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }
}

impl Engine {
    /// Sends webhooks until the process ends, when it works on the queue too.
    pub(crate) fn send_webhooks(&self) {
        if self.0.policy.background.workers == 0 {
            return;
        }
        for &lane in Lane::ALL {
            let engine = self.clone();
            self.0
                .launch
                .chore(async move { engine.send_while_open(lane).await });
        }
    }

    async fn send_while_open(&self, lane: Lane) {
        let places = self.0.policy.webhooks.places(lane);
        let places = Arc::new(Semaphore::new(places));
        let closed = self.0.launch.closed();
        loop {
            let place = closed.run_until_cancelled(Arc::clone(&places).acquire_owned());
            let Some(Ok(mut room)) = place.await else {
                return;
            };
            while room.num_permits() < BATCH
                && let Ok(more) = Arc::clone(&places).try_acquire_owned()
            {
                room.merge(more);
            }
            // Not cut short: what was claimed must not be forgotten.
            let may_wait = self.claim_due(lane, room).await;
            if !may_wait && closed.run_until_cancelled(self.rest(lane)).await.is_none() {
                return;
            }
        }
    }

    /// Claims as much as there is room for and sets it going; whether more may be due.
    async fn claim_due(&self, lane: Lane, mut room: OwnedSemaphorePermit) -> bool {
        let free = u16::try_from(room.num_permits()).unwrap_or(u16::MAX);
        let claim = DueClaim {
            worker: self.0.ports.worker,
            lane,
            at_most: free,
            hold: self.0.policy.webhooks.timeout + MARGIN,
        };
        let claimed = self.0.ports.outbox.claim(&claim).await;
        let contact = &self.0.contact;
        let Some(claimed) = contact.take("due webhooks could not be looked for", claimed) else {
            return false;
        };
        let may_wait = claimed.len() >= usize::from(free);
        let (unwanted, wanted): (Vec<_>, Vec<_>) = claimed.into_iter().partition(is_unwanted);
        self.give_up_all(&unwanted, GaveUp::EndpointDisabled).await;
        let mut crowded = Crowd::default();
        for due in wanted {
            let entered = self.enter(lane, &due);
            match (entered, room.split(1)) {
                (Some(entry), Some(place)) => self.set_off(due, entry, place),
                (None, _) if self.0.relay.targets.fails(&due, self.origin()) => {
                    if self.0.ports.clock.now().since(due.created) > WAITED_ENOUGH {
                        crowded.in_vain.push(due);
                    } else {
                        crowded.behind_failing.push(due.lease);
                    }
                }
                (_, _) => crowded.behind_busy.push(due.lease),
            }
        }
        self.give_up_all(&crowded.in_vain, GaveUp::Spent).await;
        self.put_off(&crowded.behind_busy, 1).await;
        self.put_off(&crowded.behind_failing, WHILE_IT_FAILS).await;
        may_wait
    }

    /// Puts off what there is no room for, by so many whiles.
    async fn put_off(&self, crowded: &[DeliveryLease], whiles: u32) {
        watch::webhooks_postponed(crowded.len());
        for some in crowded.chunks(TOGETHER) {
            let by = self.a_while() * whiles;
            let postponed = self.0.ports.outbox.postpone(some, by).await;
            let contact = &self.0.contact;
            contact.take("webhooks could not be put off", postponed);
        }
    }

    async fn give_up_all(&self, unwanted: &[Due], why: GaveUp) {
        if unwanted.is_empty() {
            return;
        }
        for due in unwanted {
            given_up(due, why);
        }
        let leases: Vec<_> = unwanted.iter().map(|due| due.lease).collect();
        let given_up = self.0.ports.outbox.give_up_all(&leases, why).await;
        let contact = &self.0.contact;
        contact.take("unwanted webhooks could not be given up", given_up);
    }

    fn enter(&self, lane: Lane, due: &Due) -> Option<targets::Entry> {
        let room = (lane, self.0.policy.webhooks.places(lane));
        self.0.relay.targets.enter(room, due, self.origin())
    }

    fn origin(&self) -> impl FnOnce(&str) -> Box<str> {
        |url: &str| self.0.ports.sender.origin(url)
    }

    /// Sends one delivery on the main runtime. Its entry and its place are given back when that is over.
    fn set_off(&self, due: Due, entry: targets::Entry, place: OwnedSemaphorePermit) {
        let engine = self.clone();
        let under_way = self.0.relay.under_way.token();
        self.0.launch.chore(async move {
            let closed = engine.0.launch.closed();
            closed
                .run_until_cancelled(engine.deliver(due, &entry))
                .await;
            drop((entry, place, under_way));
        });
    }

    /// Waits until something may be due.
    async fn rest(&self, lane: Lane) {
        tokio::select! {
            () = self.0.relay.woken(lane).notified() => {}
            () = tokio::time::sleep(self.poll_interval()) => {}
        }
    }

    /// One to five seconds, different each time, so that what came together does not come back together.
    pub(super) fn a_while(&self) -> Duration {
        Duration::from_secs(1) + Duration::from_secs(4).mul_f64(self.noise())
    }
}

/// Whether it goes to an endpoint that is sent nothing.
fn is_unwanted(due: &Due) -> bool {
    matches!(&due.target, Target::Endpoint { state, .. } if *state != EndpointState::Active)
}
