//! A stand-in for whoever receives webhooks, which the platform's documentation has on port 9000.
//!
//! Deliveries may be posted to any path. Their signatures are checked with the secrets that the receiver was
//! given; those of a registered endpoint are added with `PUT /secrets`. The latest are kept and shown: a
//! page at `/`, as JSON at `GET /received`, forgotten with `DELETE /received`.
//!
//! **Reactions.** A delivery is answered with 200 unless a test ordered something else for its path
//! ([`Receiver::next`], [`Receiver::then`], [`Receiver::hold`]), or the query of its address does:
//!
//! | query | effect |
//! |---|---|
//! | `status=503` | this status |
//! | `retry-after=3` | this header |
//! | `redirect=URL` | 307 and this address |
//! | `delay=300ms` | a pause before the answer |
//! | `body=NAME` | after the headers `hang`, `drip`, `endless` or `cut`; without any headers `silence` or `slam` |
//! | `times=2` | all that only at the first two attempts of each event |
//!
//! What a delivery can meet before any HTTP is spoken is a port of its own: [`Deaf`].

mod deaf;
mod reaction;
mod routes;
mod script;
mod shelf;
mod signature;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::web;
use response_egress::Url;

pub use self::deaf::{Deaf, Deafness};
pub use self::reaction::{Body, Reaction};
pub use self::shelf::Received;
pub use self::signature::{Secret, Signature};

use self::script::Scripts;
use self::shelf::Shelf;
use crate::ledger::Ledger;
use crate::serve::{Listen, Running, StartError, serve};

/// How the receiver runs.
#[derive(Clone, Debug)]
pub struct ReceiverOptions {
    /// Where it listens.
    pub listen: Listen,
    /// What deliveries may be signed with.
    pub secrets: Vec<Secret>,
    /// How many deliveries are kept; 0 keeps none.
    pub keep: usize,
    /// Whom each delivery is shown to as it comes.
    pub show: Option<Show>,
}

impl Default for ReceiverOptions {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            secrets: Vec::new(),
            keep: 1000,
            show: None,
        }
    }
}

/// Who is shown each delivery as it comes.
#[derive(Clone)]
pub struct Show(Arc<dyn Fn(&Received) + Send + Sync>);

impl Show {
    /// This is called with every delivery, on a thread of the receiver.
    pub fn to(show: impl Fn(&Received) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }
}

impl fmt::Debug for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Show(..)")
    }
}

/// A running receiver. Dropping it stops it.
#[derive(Debug)]
pub struct Receiver {
    running: Running,
    state: State,
}

impl Receiver {
    /// Starts the receiver; it listens when this returns.
    pub fn start(options: &ReceiverOptions) -> Result<Self, StartError> {
        let state = State {
            ledger: Ledger::keeping(0),
            shelf: Shelf::keeping(options.keep),
            scripts: Scripts::default(),
            secrets: Arc::default(),
            show: options.show.clone(),
        };
        for secret in &options.secrets {
            state.trust(secret.clone());
        }
        let own = state.clone();
        let running = serve(&options.listen, move |_, config| {
            config
                .app_data(web::Data::new(own.clone()))
                .configure(routes::routes);
        })?;
        Ok(Self { running, state })
    }

    /// The base URL, to which any path is added.
    pub fn url(&self) -> &Url {
        self.running.url()
    }

    /// How many requests there were and how they ended. What was posted is in [`Receiver::received`].
    pub fn ledger(&self) -> &Ledger {
        &self.state.ledger
    }

    /// The deliveries so far, oldest first; the oldest are forgotten when there are too many.
    pub fn received(&self) -> Vec<Arc<Received>> {
        self.state.shelf.all()
    }

    /// The deliveries so far, which are forgotten.
    pub fn take(&self) -> Vec<Arc<Received>> {
        self.state.shelf.take()
    }

    /// Waits until the deliveries so far are as the condition wants them.
    pub async fn until(
        &self,
        condition: impl FnMut(&[Arc<Received>]) -> bool,
    ) -> Vec<Arc<Received>> {
        self.state.shelf.until(condition).await
    }

    /// Checks signatures with this secret too from now on.
    pub fn trust(&self, secret: Secret) {
        self.state.trust(secret);
    }

    /// Answers the next deliveries to a path with these, one each.
    pub fn next(&self, path: &str, reactions: impl IntoIterator<Item = Reaction>) {
        self.state.scripts.next(path, reactions);
    }

    /// Answers all deliveries to a path with this that nothing else was ordered for; or as usual again.
    pub fn then(&self, path: &str, reaction: Option<Reaction>) {
        self.state.scripts.then(path, reaction);
    }

    /// Deliveries to a path wait from now on, after they were kept and before anything is answered.
    pub fn hold(&self, path: &str) {
        self.state.scripts.hold(path);
    }

    /// Lets those that wait go on, and those to come.
    pub fn release(&self, path: &str) {
        self.state.scripts.release(path);
    }

    /// Stops the receiver, cutting what is under way, and waits until its port is free.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

#[derive(Clone, Debug)]
struct State {
    ledger: Ledger,
    shelf: Shelf,
    scripts: Scripts,
    secrets: Arc<RwLock<Vec<Secret>>>,
    show: Option<Show>,
}

impl State {
    fn secrets(&self) -> Vec<Secret> {
        let secrets = self.secrets.read();
        secrets.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn trust(&self, secret: Secret) {
        // An empty one is a variable that was set to nothing.
        if secret.is_empty() {
            return;
        }
        let secrets = self.secrets.write();
        secrets.unwrap_or_else(PoisonError::into_inner).push(secret);
    }
}
