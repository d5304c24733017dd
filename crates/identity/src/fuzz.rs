//! What must hold of anything that callers and issuers send; the fuzzer's targets, and tests.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use response_domain::caller::OwnerId;
use response_domain::time::Timestamp;
use response_egress::Url;

use crate::foreign::owner_in;
use crate::jwks::Finding;
use crate::jwks::ring::Ring;
use crate::jwks::source::key_set_of;
use crate::options::Algorithm;
use crate::token::claims::Rules;
use crate::token::is_like_one;
use crate::token::jws::{Jws, LONGEST};
use crate::{expiry, keys};

#[cfg(test)]
#[path = "../../../xtask/fuzz/src/seeds.rs"]
mod seeds;

macro_rules! seed {
    ($path:literal) => {
        include_str!(concat!("../../../xtask/fuzz/seeds/", $path))
    };
}

/// Keys whose private halves nobody has any more.
const KEYS: &str = seed!("key_set/all");
/// All that was ever signed with them.
const SIGNED: [&str; 4] = [
    seed!("token/rs256"),
    seed!("token/es256"),
    seed!("token/es384"),
    seed!("token/eddsa"),
];
const NOW: i64 = 1_700_000_000;
const ISSUER: &str = "https://id.example/realms/jan";

/// A token, or its header, its claims and its signature in a line each: nobody can make one that is good, it
/// has one spelling, and what it claims is held to the rules.
pub fn token(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let token = put_together(&text);
    if let Some(expires) = expiry::of(&token) {
        assert!(is_like_one(&token), "{expires:?}");
    }
    assert!(keys::digest(&token).is_none() || token.len() == 65);
    let only = Jws::read(&token, &[Algorithm::Rs256]).is_ok();
    let Ok(jws) = Jws::read(&token, &Algorithm::ALL) else {
        assert!(!only);
        return;
    };
    assert!(token.len() <= LONGEST && is_like_one(&token));
    assert_eq!(only, jws.signature().algorithm == Algorithm::Rs256);
    let (message, _) = token.rsplit_once('.').unwrap_or_default();
    for part in message.split('.') {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes), part, "one spelling");
    }
    if ring(KEYS).judge(&jws.signature()) == Finding::Signed {
        let genuine = format!("{message}.");
        let mut signed = SIGNED.iter().map(|signed| put_together(signed));
        assert!(signed.any(|signed| signed.starts_with(&genuine)), "{token}");
    }
    let rules = Rules {
        audiences: vec!["account".to_owned()],
        leeway: Duration::from_secs(30),
    };
    if let Ok(person) = rules.judge(&jws.claims, Timestamp::from_micros(NOW * 1_000_000)) {
        assert!(person.expires > Timestamp::from_micros((NOW - 30) * 1_000_000));
        assert!(jws.claims.get("aud").is_some() && jws.claims.get("sub").is_some());
    }
}

fn put_together(text: &str) -> String {
    let mut lines = text.splitn(3, '\n');
    let (first, claims, signature) = (lines.next(), lines.next(), lines.next());
    match (first, claims) {
        (Some(header), Some(claims)) => [
            &URL_SAFE_NO_PAD.encode(header),
            &URL_SAFE_NO_PAD.encode(claims),
            signature.unwrap_or_default(),
        ]
        .map(str::to_owned)
        .join("."),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

fn ring(document: &str) -> Ring {
    match Ring::read(document.as_bytes()) {
        Some(ring) => ring,
        None => unreachable!("these are keys"),
    }
}

/// What an issuer or a service that knows keys answers: a set of keys, where one is, or whose a key is. What a
/// set says of a token does not hang on blanks, and an issuer is believed about itself alone.
pub fn key_set(bytes: &[u8]) {
    let blank = [bytes, b" \n"].concat();
    let (set, again) = (Ring::read(bytes), Ring::read(&blank));
    assert_eq!(set.is_some(), again.is_some());
    for signed in SIGNED {
        let token = put_together(signed);
        let Ok(jws) = Jws::read(&token, &Algorithm::ALL) else {
            unreachable!("this is a token");
        };
        let judge = |ring: &Option<Ring>| ring.as_ref().map(|ring| ring.judge(&jws.signature()));
        assert_eq!(judge(&set), judge(&again));
    }
    let Ok(document) = Url::parse("https://id.example/.well-known/openid-configuration") else {
        unreachable!("this is a URL");
    };
    if let Ok(found) = key_set_of(bytes, ISSUER, &document) {
        assert_eq!(found.scheme(), "https");
        assert!(key_set_of(bytes, "https://id.example/realms/other", &document).is_err());
    }
    if let Ok(Some(owner)) = owner_in(bytes) {
        assert_ne!(owner, OwnerId::guest());
        assert!(owner.as_str().len() <= bytes.len() + 16);
    }
}

#[cfg(test)]
mod tests {
    use super::seeds::check;
    use super::*;

    #[test]
    fn no_token_is_good_but_those_that_were_signed() {
        for signed in SIGNED {
            let token = put_together(signed);
            let jws = Jws::read(&token, &Algorithm::ALL).unwrap();
            assert_eq!(ring(KEYS).judge(&jws.signature()), Finding::Signed);
        }
        check("token", 1_000, token);
    }

    #[test]
    fn any_answer_of_an_issuer_is_keys_or_none() {
        check("key_set", 200, key_set);
    }
}
