//! Whether callers can be told apart, by somebody who can be believed.

use std::net::IpAddr;

use url::{Host, Url};

use super::contradiction;
use crate::callers::{Auth, Limits};
use crate::fault::Fault;
use crate::kind::{ByteSize, GatewayWord, Guests, OwnKeys, TokenChecks};
use crate::note::Note;
use crate::origin::Origins;
use crate::sections::{Http, Settings};

/// What a request that has a model answer counts as.
const HEAVY: u32 = 5;

/// A fault for each thing that keeps callers from being told apart, or from being answered: none of them is
/// one to a process that takes no requests.
pub(crate) fn faults_about_requests(
    http: &Http,
    auth: &Auth,
    limits: &Limits,
    origins: &Origins,
) -> Vec<Fault> {
    let found = [
        open_to_everybody(auth, http).map(|message| ("http.host", message)),
        keys_of_issuers(auth).map(|message| ("auth.jwks_url", message)),
        closed_to_everybody(auth).map(|message| ("auth.enabled", message)),
        unproven_gateway(auth).map(|message| ("auth.gateway_headers", message)),
        gateway_everywhere(auth).map(|message| ("auth.gateway_cidrs", message)),
        too_few_requests(limits).map(|message| ("limits.requests", message)),
        too_little_memory(http).map(|message| ("http.body_memory", message)),
    ];
    let found = found.into_iter().flatten();
    found
        .map(|(key, message)| contradiction(key, message, origins))
        .collect()
}

/// Whether nobody tells callers apart.
fn all_are_guests(auth: &Auth) -> bool {
    auth.enabled == TokenChecks::Off && auth.gateway_headers == GatewayWord::Ignored
}

/// Whoever reaches the guest has all that is the guest's.
fn open_to_everybody(auth: &Auth, http: &Http) -> Option<String> {
    let is_open = all_are_guests(auth)
        && auth.guest == Guests::Loopback
        && !http.host.to_canonical().is_loopback();
    is_open.then(|| {
        format!(
            "{} can be reached from other machines, and nobody tells callers apart, so whoever reaches it \
             would own everything. Do one of three: set AUTH_ENABLED=true, and AUTH_ISSUER if there are \
             tokens, so that tokens and keys are checked; set AUTH_GATEWAY_HEADERS=true with \
             AUTH_GATEWAY_CIDRS or AUTH_GATEWAY_SECRET, so that a gateway says who calls; or set \
             AUTH_GUEST=anywhere where no stranger can reach this address",
            http.host
        )
    })
}

fn keys_of_issuers(auth: &Auth) -> Option<String> {
    let (keys, issuers) = (auth.jwks_url.iter().len(), auth.issuer.iter().len());
    if auth.enabled == TokenChecks::Off || keys == 0 {
        return None;
    }
    if issuers == 0 {
        let message =
            "these are keys of nobody: set AUTH_ISSUER to the `iss` of the tokens that they sign";
        return Some(message.to_owned());
    }
    (keys > 1 && keys != issuers).then(|| {
        format!(
            "{keys} URLs for {issuers} issuers: set AUTH_JWKS_URL to one URL for all of them, or to one for \
             each in the order of AUTH_ISSUER"
        )
    })
}

fn closed_to_everybody(auth: &Auth) -> Option<String> {
    let is_closed = auth.enabled == TokenChecks::On
        && auth.gateway_headers == GatewayWord::Ignored
        && auth.issuer.is_empty()
        && auth.api_keys == OwnKeys::Refused
        && auth.api_key_url.is_none();
    is_closed.then(|| {
        "nobody could get in: set AUTH_ISSUER for tokens, AUTH_API_KEYS=true for keys of this service, or \
         AUTH_API_KEY_URL for keys of another one"
            .to_owned()
    })
}

/// Otherwise anybody could say what only the gateway may.
fn unproven_gateway(auth: &Auth) -> Option<String> {
    let is_unproven = auth.gateway_headers == GatewayWord::Believed
        && auth.gateway_cidrs.is_empty()
        && auth.gateway_secret.is_none();
    is_unproven.then(|| {
        "anybody could claim to be the gateway: set AUTH_GATEWAY_CIDRS to the addresses from which it \
         connects, AUTH_GATEWAY_SECRET to what only it knows, or both"
            .to_owned()
    })
}

fn gateway_everywhere(auth: &Auth) -> Option<String> {
    let is_everywhere = auth.gateway_headers == GatewayWord::Believed
        && auth.gateway_cidrs.hold_everything()
        && auth.gateway_secret.is_none();
    is_everywhere.then(|| {
        "these are all addresses there are, so anybody could claim to be the gateway: name those from which \
         it connects, or set AUTH_GATEWAY_SECRET to what only it knows"
            .to_owned()
    })
}

fn too_few_requests(limits: &Limits) -> Option<String> {
    let requests = limits.requests.limit()?;
    (requests.get() < HEAVY).then(|| {
        format!(
            "a request that has a model answer counts as {HEAVY}, so with {requests} none ever would: set \
             LIMIT_REQUESTS to {HEAVY} or more, or to 0 for no limit"
        )
    })
}

fn too_little_memory(http: &Http) -> Option<String> {
    let (memory, body): (ByteSize, ByteSize) = (http.body_memory, http.body_limit);
    (memory < body).then(|| {
        format!(
            "{memory} is less than one body may have, which is {body}: set RESPONSE_BODY_MEMORY to that or \
             more, or RESPONSE_BODY_LIMIT to less"
        )
    })
}

/// What an operator should know about how callers are told apart.
pub(super) fn notes(settings: &Settings) -> Vec<Note> {
    let auth = &settings.auth;
    let host = settings.http.host.to_canonical();
    let mut notes = Vec::new();
    if all_are_guests(auth) && !host.is_loopback() {
        notes.push(Note::Exposed { host });
    }
    let checks = [
        ("AUTH_ISSUER", !auth.issuer.is_empty()),
        ("AUTH_JWKS_URL", !auth.jwks_url.is_empty()),
        ("AUTH_API_KEY_URL", auth.api_key_url.is_some()),
    ];
    let of_gateway = [
        ("AUTH_GATEWAY_CIDRS", !auth.gateway_cidrs.is_empty()),
        ("AUTH_GATEWAY_SECRET", auth.gateway_secret.is_some()),
    ];
    if auth.enabled == TokenChecks::Off {
        notes.extend(unread(&checks, "AUTH_ENABLED"));
    } else {
        notes.extend(plain(auth));
    }
    if auth.gateway_headers == GatewayWord::Ignored {
        notes.extend(unread(&of_gateway, "AUTH_GATEWAY_HEADERS"));
    }
    notes
}

fn unread(
    settings: &[(&'static str, bool)],
    switch: &'static str,
) -> impl Iterator<Item = Note> + use<> {
    let given: Vec<_> = settings
        .iter()
        .filter(|(_, is_given)| *is_given)
        .map(|&(setting, _)| Note::NotRead { setting, switch })
        .collect();
    given.into_iter()
}

/// Whoever is between could give itself out for the other end.
fn plain(auth: &Auth) -> impl Iterator<Item = Note> {
    // With URLs for the keys the issuers are names and nothing else.
    let asked = auth.issuer.iter().filter(|_| auth.jwks_url.is_empty());
    let issuers = asked
        .filter_map(|issuer| Url::parse(issuer).ok())
        .map(|url| ("AUTH_ISSUER", url));
    let keys = auth.jwks_url.iter().map(|keys| ("AUTH_JWKS_URL", keys));
    let others = auth.api_key_url.iter().map(|url| ("AUTH_API_KEY_URL", url));
    let named = keys
        .chain(others)
        .map(|(setting, url)| (setting, url.url().clone()));
    let plain = issuers.chain(named).filter(|(_, url)| is_plain(url));
    plain.map(|(setting, url)| Note::Plain {
        setting,
        host: url.host_str().unwrap_or_default().to_owned(),
    })
}

fn is_plain(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).to_canonical().is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !is_here
}
