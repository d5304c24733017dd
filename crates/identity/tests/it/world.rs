//! An issuer on a server, a clock that obeys, and an identity that knows both.

use std::sync::Arc;
use std::time::Duration;

use response_domain::caller::{Caller, Credential};
use response_domain::ports::auth::{AuthError, Authenticator};
use response_domain::time::Clock;
use response_egress::{ClientOptions, EgressClient};
use response_identity::{Algorithm, Identity, Issuer, KeySet, Options, Tokens};
use response_testkit::clock::TestClock;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::server::Server;
use crate::signer::{Signer, set};

/// The issuer of most tests.
pub(crate) const ISSUER: &str = "https://id.example/realms/jan";
/// Where its keys are.
pub(crate) const KEYS: &str = "/certs";

/// What most tests begin with.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) signer: Signer,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) identity: Arc<Identity>,
}

impl World {
    /// An identity that takes the tokens of one issuer, whose server has one key.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same, with other options.
    pub(crate) async fn with(change: impl FnOnce(&mut Tokens)) -> Self {
        let server = Server::start().await;
        let signer = Signer::new("first");
        server.json(KEYS, &set(&[&signer]));
        let mut tokens = tokens(&server);
        change(&mut tokens);
        let options = Options {
            tokens: Some(tokens),
            ..no_options()
        };
        let clock = Arc::new(TestClock::default());
        let identity = identity(options, &clock);
        Self {
            server,
            signer,
            clock,
            identity,
        }
    }

    /// Claims that are good now.
    pub(crate) fn claims(&self) -> Value {
        claims(&self.clock)
    }

    /// A token that is good now, in all but what this changes.
    pub(crate) fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.signer.token(&claims)
    }

    /// What becomes of a token.
    pub(crate) async fn word(&self, token: &str) -> String {
        word(&*self.identity, Credential::bearer(token.to_owned())).await
    }

    /// Lets time go by, for all that looks at any clock.
    pub(crate) async fn pass(&self, by: Duration) {
        pass(&self.clock, by).await;
    }
}

/// No means at all; keys are remembered for half a minute.
pub(crate) fn no_options() -> Options {
    Options {
        tokens: None,
        own_keys: None,
        foreign_keys: None,
        key_cache: Duration::from_secs(30),
        gateway: None,
    }
}

/// The tokens of the issuer whose keys are on this server.
pub(crate) fn tokens(server: &Server) -> Tokens {
    Tokens {
        issuers: vec![Issuer {
            name: ISSUER.to_owned(),
            keys: KeySet::At(server.url(KEYS)),
        }],
        audiences: vec!["account".to_owned()],
        algorithms: vec![
            Algorithm::Rs256,
            Algorithm::Ps256,
            Algorithm::Es256,
            Algorithm::EdDsa,
        ],
        leeway: Duration::from_secs(30),
        cache: 1000,
    }
}

pub(crate) fn identity(options: Options, clock: &Arc<TestClock>) -> Arc<Identity> {
    identity_on(Handle::current(), options, clock)
}

/// One that fetches on this runtime.
pub(crate) fn identity_on(
    runtime: Handle,
    options: Options,
    clock: &Arc<TestClock>,
) -> Arc<Identity> {
    let client = EgressClient::new(ClientOptions::default()).unwrap();
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    Arc::new(Identity::new(options, client, clock, runtime).unwrap())
}

/// Claims that are good for five minutes.
pub(crate) fn claims(clock: &TestClock) -> Value {
    let now = clock.now().unix_seconds();
    json!({ "iss": ISSUER, "sub": "ada", "aud": "account", "iat": now, "exp": now + 300 })
}

/// What becomes of a credential: the owner, or in one word why not.
pub(crate) async fn word(identity: &dyn Authenticator, credential: Credential) -> String {
    in_a_word(identity.authenticate(credential.into()).await)
}

pub(crate) fn in_a_word(outcome: Result<Caller, AuthError>) -> String {
    match outcome {
        Ok(caller) => caller.owner.to_string(),
        Err(AuthError::Missing) => "(missing)".into(),
        Err(AuthError::Invalid(flaw)) => format!("({})", flaw.as_str()),
        Err(AuthError::Expired) => "(expired)".into(),
        Err(AuthError::Unavailable { .. }) => "(unavailable)".into(),
    }
}

/// Lets time go by, for all that looks at any clock.
pub(crate) async fn pass(clock: &TestClock, by: Duration) {
    clock.advance(by);
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

/// Waits until this is so.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), waiting).await.unwrap();
}
