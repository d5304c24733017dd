//! Who decides whose a request is, as the settings say.

use std::sync::Arc;

use response_domain::ports::api_key::ApiKeyStore;
use response_domain::ports::auth::Authenticator;
use response_egress::{BuildError, ClientOptions, EgressClient};
use response_identity::{
    Algorithm, Gateway, Guest, Identity, Issuer, KeySet, Options, OptionsError, Tokens,
};
use response_settings::{
    Auth, Endpoints, GatewayWord, Guests, Issuers, OwnKeys, SignatureAlgorithm, TokenChecks,
};
use tokio::runtime::Handle;

use crate::doors::SystemClock;

/// Why callers cannot be recognised as configured.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] BuildError),
    /// The settings do not go together.
    #[error("callers cannot be recognised as configured (AUTH_…)")]
    Options(#[from] OptionsError),
}

/// Who recognises callers. Keys of issuers are fetched from now on, and nobody waits for them: a token that
/// comes before they are there is told so.
pub(crate) fn authenticator(
    auth: Auth,
    keys: Arc<dyn ApiKeyStore>,
    runtime: Handle,
) -> Result<Arc<dyn Authenticator>, CallersError> {
    let options = options(auth, keys);
    tracing::info!("{}", told(options.as_ref()));
    let Some(options) = options else {
        return Ok(Arc::new(Guest::default()));
    };
    let client = EgressClient::new(ClientOptions::default())?;
    let identity = Identity::new(options, client, Arc::new(SystemClock), runtime)?;
    identity.start();
    Ok(Arc::new(identity))
}

/// By which means callers are recognised; `None` when everybody is the guest.
fn options(auth: Auth, keys: Arc<dyn ApiKeyStore>) -> Option<Options> {
    let Auth {
        enabled,
        issuer,
        audience,
        jwks_url,
        algorithms,
        leeway,
        token_cache,
        api_keys,
        api_key_url,
        key_cache,
        gateway_headers,
        gateway_cidrs,
        gateway_secret,
        // The settings have judged whether everybody may be the guest.
        guest: Guests::Loopback | Guests::Anywhere,
    } = auth;
    let is_checked = enabled == TokenChecks::On;
    let tokens = (is_checked && !issuer.is_empty()).then(|| Tokens {
        issuers: issuers(&issuer, &jwks_url),
        audiences: audience.iter().map(ToOwned::to_owned).collect(),
        algorithms: algorithms.iter().map(algorithm).collect(),
        leeway,
        cache: usize::try_from(token_cache).unwrap_or(usize::MAX),
    });
    let gateway = (gateway_headers == GatewayWord::Believed).then(|| Gateway {
        nets: gateway_cidrs.iter().collect(),
        secrets: gateway_secret
            .iter()
            .flat_map(|secrets| secrets.iter().cloned())
            .collect(),
    });
    (is_checked || gateway.is_some()).then(|| Options {
        tokens,
        own_keys: (is_checked && api_keys == OwnKeys::Taken).then_some(keys),
        foreign_keys: api_key_url
            .filter(|_| is_checked)
            .map(|url| url.url().clone()),
        key_cache,
        gateway,
    })
}

/// Each issuer with the URL of its keys: its own, or that of all of them.
fn issuers(names: &Issuers, urls: &Endpoints) -> Vec<Issuer> {
    let of_all = urls.iter().next().filter(|_| urls.iter().len() == 1);
    let mut own = urls.iter();
    let issuers = names.iter().map(|name| Issuer {
        name: name.to_owned(),
        keys: match of_all.or_else(|| own.next()) {
            Some(url) => KeySet::At(url.url().clone()),
            None => KeySet::Discovered,
        },
    });
    issuers.collect()
}

fn algorithm(algorithm: SignatureAlgorithm) -> Algorithm {
    match algorithm {
        SignatureAlgorithm::Rs256 => Algorithm::Rs256,
        SignatureAlgorithm::Rs384 => Algorithm::Rs384,
        SignatureAlgorithm::Rs512 => Algorithm::Rs512,
        SignatureAlgorithm::Ps256 => Algorithm::Ps256,
        SignatureAlgorithm::Ps384 => Algorithm::Ps384,
        SignatureAlgorithm::Ps512 => Algorithm::Ps512,
        SignatureAlgorithm::Es256 => Algorithm::Es256,
        SignatureAlgorithm::Es384 => Algorithm::Es384,
        SignatureAlgorithm::EdDsa => Algorithm::EdDsa,
    }
}

/// By which means callers are recognised, as a sentence.
fn told(options: Option<&Options>) -> String {
    let Some(options) = options else {
        return "callers are not told apart: everybody is the guest, who owns everything"
            .to_owned();
    };
    let mut means = Vec::new();
    if let Some(tokens) = &options.tokens {
        let names: Vec<_> = tokens
            .issuers
            .iter()
            .map(|issuer| issuer.name.as_str())
            .collect();
        means.push(match names.as_slice() {
            [name] => format!("tokens of {name}"),
            names => format!("tokens of {} ({} issuers)", names.join(", "), names.len()),
        });
    }
    if options.own_keys.is_some() {
        means.push("keys of this service".to_owned());
    }
    if let Some(url) = &options.foreign_keys {
        // Its path and query may bear a secret.
        means.push(format!(
            "keys that {} vouches for",
            url.host_str().unwrap_or("another service")
        ));
    }
    if let Some(gateway) = &options.gateway {
        means.push(told_of(gateway));
    }
    let told = match means.as_slice() {
        [means @ .., last] if means.len() > 1 => format!("{}, and {last}", means.join(", ")),
        means => means.join(" and "),
    };
    format!("callers are recognised by {told}")
}

fn told_of(gateway: &Gateway) -> String {
    let nets: Vec<_> = gateway.nets.iter().map(ToString::to_string).collect();
    let at = match nets.as_slice() {
        [] => String::new(),
        nets => format!(" at {}", nets.join(", ")),
    };
    let with = match gateway.secrets.len() {
        0 => "",
        _ => " with its secret",
    };
    format!("the word of the gateway{at}{with}")
}

#[cfg(test)]
mod tests;
