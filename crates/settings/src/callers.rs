//! The settings that concern callers: who may call, what one of them may take, and how long what it made is
//! kept.

use std::time::Duration;

use crate::kind::{
    Audiences, Ceiling, Endpoint, Endpoints, GatewayWord, Guests, Issuers, Nets, OwnKeys,
    SharedSecrets, SignatureAlgorithms, TokenChecks, UrlShape,
};
use crate::sections::{NO_TIME, ONE_DAY, mins};

/// Ten years.
const LONGEST_KEPT: Duration = Duration::from_secs(3650 * ONE_DAY.as_secs());

section! {
    /// Who may call, and how callers are told apart. When neither credentials are checked nor the gateway
    /// is believed, everybody is the same guest, who owns everything.
    Auth in "auth" {
        /// Whether a caller has to bring a credential that is checked: a token of `auth.issuer`, a key of
        /// this service, or one that `auth.api_key_url` vouches for.
        enabled: TokenChecks = (), "AUTH_ENABLED";
        /// Who issues tokens: the `iss` of each, letter by letter. Issuers that share their keys, as one
        /// does that is known under two names, have the same callers; those of the first are known by
        /// their bare `sub`, those of others by issuer and `sub`.
        issuer: Issuers = (), "AUTH_ISSUER";
        /// For whom tokens are meant: one of these must be in the `aud` of each.
        audience: Audiences = (), "ACCOUNT", "AUTH_AUDIENCE";
        /// Where the keys of the issuers are: one URL for all of them, or one for each in their order.
        /// Without it each issuer is asked, at `/.well-known/openid-configuration`.
        jwks_url: Endpoints = (), "AUTH_JWKS_URL";
        /// The algorithms by which a token may be signed.
        algorithms: SignatureAlgorithms = (), "AUTH_ALGORITHMS";
        /// By how much the clocks of issuers may differ from this one's.
        leeway: Duration = NO_TIME..=mins(5), "AUTH_LEEWAY";
        /// How many checked tokens are remembered, so that they need not be checked again. 0 remembers none.
        token_cache: u32 = 0..=1_000_000, "AUTH_TOKEN_CACHE";
        /// Whether keys of this service are taken, which `response-api keys create` makes.
        api_keys: OwnKeys = (), "AUTH_API_KEYS";
        /// Where other keys that begin with `sk_` are checked: each is posted there, as `api_key` in JSON,
        /// and the answer names its owner. Without it they are refused.
        api_key_url: Option<Endpoint> = UrlShape::Exact, "AUTH_API_KEY_URL";
        /// How long what was found out about a key is believed; a key that was taken back may be good for
        /// so long. 0s asks each time.
        key_cache: Duration = NO_TIME..=mins(60), "AUTH_KEY_CACHE";
        /// Whether the gateway says who calls, by `X-User-Subject`, `X-User-ID`, `X-Consumer-Custom-ID` or
        /// `X-Consumer-ID`. Needs `auth.gateway_cidrs` or `auth.gateway_secret`, and of those that are
        /// given each must hold; what others say in these headers is not read.
        gateway_headers: GatewayWord = (), "AUTH_GATEWAY_HEADERS";
        /// Addresses from which the gateway connects.
        gateway_cidrs: Nets = (), "AUTH_GATEWAY_CIDRS";
        /// What the gateway sends as `X-Gateway-Auth`, and nobody else knows; one of them is enough.
        gateway_secret: Option<SharedSecrets> = (), "AUTH_GATEWAY_SECRET";
        /// Where everybody may be the guest when nobody tells callers apart: `loopback` when the API
        /// listens on this machine only, `anywhere` for an address that is out of reach for strangers by
        /// other means.
        guest: Guests = (), "AUTH_GUEST";
    }
}

section! {
    /// What one owner may take from one process, so that nobody takes what others need. The guest, who is
    /// everybody, has no such limits.
    Limits in "limits" {
        /// Most requests a minute; one that has a model answer counts as 5 of them. Beyond it a request is
        /// answered 429. 0 sets no limit, and 5 is the least that lets a model answer.
        requests: Ceiling = 0..=100_000_000, "LIMIT_REQUESTS";
        /// Most tokens a minute that models read and write; beyond it a request that has a model answer
        /// is answered 429. 0 sets no limit.
        tokens: Ceiling = 0..=1_000_000_000, "LIMIT_TOKENS";
        /// Most foreground runs at once; beyond it a request is answered 429. 0 sets no limit.
        foreground_runs: Ceiling = 0..=1_000_000, "LIMIT_FOREGROUND_RUNS";
        /// Most streams open at once that hold no foreground run (background responses that are followed,
        /// streams that are read again, `WebSocket` connections); beyond it a request for one is answered 429. 0 sets
        /// no limit.
        streams: Ceiling = 0..=1_000_000, "LIMIT_STREAMS";
    }
}

section! {
    /// How long what has ended is kept. What is older is deleted, with all that belongs to it, within some
    /// minutes.
    Retention in "retention" {
        /// How long anything is kept of which nothing else is said below, from its end on. 0s keeps it for
        /// ever.
        responses: Duration = NO_TIME..=LONGEST_KEPT, "RESPONSE_RETENTION";
        /// The same for responses that were completed, or cut short by a limit. 0s keeps them for ever, and
        /// so in each of these.
        completed: Option<Duration> = NO_TIME..=LONGEST_KEPT, "RESPONSE_RETENTION_COMPLETED";
        /// The same for those that failed.
        failed: Option<Duration> = NO_TIME..=LONGEST_KEPT, "RESPONSE_RETENTION_FAILED";
        /// The same for those that were cancelled.
        cancelled: Option<Duration> = NO_TIME..=LONGEST_KEPT, "RESPONSE_RETENTION_CANCELLED";
        /// The same for what was put into conversations without a response, and for conversations that
        /// hold nothing.
        conversations: Option<Duration> = NO_TIME..=LONGEST_KEPT, "RESPONSE_RETENTION_CONVERSATIONS";
    }
}
