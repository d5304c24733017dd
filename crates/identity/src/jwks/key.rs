//! One public key of an issuer.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm as Jose, DecodingKey};
use serde_json::Value;

use crate::options::Algorithm;

/// The shortest and the longest modulus of an RSA key, in bytes.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Set in the first byte of a modulus whose bits are eight for each byte, and not fewer.
const HIGHEST_BIT: u8 = 0x80;

/// A key that signatures can be verified with.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name among the keys of its issuer.
    pub(crate) kid: Option<String>,
    kind: Kind,
    /// The one algorithm that it is for, when its issuer says so.
    only: Option<Algorithm>,
    public: DecodingKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl Kind {
    const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256
            | Algorithm::Rs384
            | Algorithm::Rs512
            | Algorithm::Ps256
            | Algorithm::Ps384
            | Algorithm::Ps512 => Self::Rsa,
            Algorithm::Es256 => Self::P256,
            Algorithm::Es384 => Self::P384,
            Algorithm::EdDsa => Self::Ed25519,
        }
    }
}

impl Key {
    /// The key of this JWK; `None` when signatures cannot be verified with it, or are not to be.
    pub(crate) fn read(jwk: &Value) -> Option<Self> {
        if !is_to_verify(jwk) {
            return None;
        }
        let name = match jwk.get("kid") {
            None => None,
            Some(name) => Some(name.as_str()?.to_owned()),
        };
        let text = |name| jwk.get(name).and_then(Value::as_str);
        let (kind, public) = match (text("kty")?, text("crv")) {
            ("RSA", None) => (Kind::Rsa, rsa(text("n")?, text("e")?)?),
            ("EC", Some("P-256")) => (Kind::P256, ec(text("x")?, text("y")?, 32)?),
            ("EC", Some("P-384")) => (Kind::P384, ec(text("x")?, text("y")?, 48)?),
            ("OKP", Some("Ed25519")) => (Kind::Ed25519, ed25519(text("x")?)?),
            _ => return None,
        };
        let only = match jwk.get("alg") {
            None => None,
            Some(alg) => Some(algorithm(alg.as_str()?).filter(|only| Kind::of(*only) == kind)?),
        };
        Some(Self {
            kid: name,
            kind,
            only,
            public,
        })
    }

    /// Whether a signature of this kind can be one by this key.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        Kind::of(algorithm) == self.kind && self.only.is_none_or(|only| only == algorithm)
    }

    /// Whether this is the signature, in base64url, of this message by this key.
    pub(crate) fn signed(&self, message: &str, signature: &str, algorithm: Algorithm) -> bool {
        let holds = jsonwebtoken::crypto::verify(
            signature,
            message.as_bytes(),
            &self.public,
            jose(algorithm),
        );
        self.fits(algorithm) && holds.unwrap_or(false)
    }
}

/// Whether its issuer lets this key verify signatures.
fn is_to_verify(jwk: &Value) -> bool {
    let used = jwk.get("use").is_none_or(|used| used == "sig");
    let may = jwk.get("key_ops").is_none_or(|operations| {
        let operations = operations.as_array();
        operations.is_some_and(|all| all.iter().any(|operation| operation == "verify"))
    });
    used && may
}

fn algorithm(name: &str) -> Option<Algorithm> {
    // RFC 9864 gives the one curve of EdDSA that is taken here a name of its own.
    match name {
        "Ed25519" => Some(Algorithm::EdDsa),
        name => name.parse().ok(),
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let (modulus, exponent) = (bytes(modulus)?, bytes(exponent)?);
    // Some issuers write the modulus with the zero that ASN.1 puts before it.
    let leading = modulus.iter().take_while(|byte| **byte == 0).count();
    let modulus = modulus.get(leading..)?;
    let shortest = *RSA_BYTES.start();
    let is_long = modulus.len() > shortest || modulus.first()? & HIGHEST_BIT != 0;
    (RSA_BYTES.contains(&modulus.len()) && is_long)
        .then(|| DecodingKey::from_rsa_raw_components(modulus, &exponent))
}

fn ec(x: &str, y: &str, size: usize) -> Option<DecodingKey> {
    let whole = |coordinate| bytes(coordinate).is_some_and(|bytes| bytes.len() == size);
    (whole(x) && whole(y)).then(|| DecodingKey::from_ec_components(x, y).ok())?
}

fn ed25519(x: &str) -> Option<DecodingKey> {
    (bytes(x)?.len() == 32).then(|| DecodingKey::from_ed_components(x).ok())?
}

const fn jose(algorithm: Algorithm) -> Jose {
    match algorithm {
        Algorithm::Rs256 => Jose::RS256,
        Algorithm::Rs384 => Jose::RS384,
        Algorithm::Rs512 => Jose::RS512,
        Algorithm::Ps256 => Jose::PS256,
        Algorithm::Ps384 => Jose::PS384,
        Algorithm::Ps512 => Jose::PS512,
        Algorithm::Es256 => Jose::ES256,
        Algorithm::Es384 => Jose::ES384,
        Algorithm::EdDsa => Jose::EdDSA,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa_of(bytes: &[u8]) -> Value {
        json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(bytes), "e": "AQAB", "kid": "a" })
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    #[test]
    fn a_key_fits_the_algorithms_of_its_kind_or_the_one_it_is_for() {
        let long = [0xff; 256];
        let p256 = json!({ "kty": "EC", "crv": "P-256", "x": "A".repeat(43), "y": "A".repeat(43) });
        let p384 = json!({ "kty": "EC", "crv": "P-384", "x": "A".repeat(64), "y": "A".repeat(64) });
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43) });
        let rsa = "RS256 RS384 RS512 PS256 PS384 PS512";
        for (jwk, fits) in [
            (rsa_of(&long), rsa),
            (with(rsa_of(&long), "use", json!("sig")), rsa),
            (
                with(rsa_of(&long), "key_ops", json!(["sign", "verify"])),
                rsa,
            ),
            (with(rsa_of(&long), "d", json!("secret")), rsa),
            (with(rsa_of(&long), "alg", json!("PS256")), "PS256"),
            (rsa_of(&[&[0, 0], &long[..]].concat()), rsa),
            (p256.clone(), "ES256"),
            (with(p256, "alg", json!("ES256")), "ES256"),
            (p384, "ES384"),
            (ed.clone(), "EdDSA"),
            (with(ed.clone(), "alg", json!("EdDSA")), "EdDSA"),
            (with(ed, "alg", json!("Ed25519")), "EdDSA"),
        ] {
            let key = Key::read(&jwk).unwrap();
            let fitting: Vec<_> = Algorithm::ALL
                .into_iter()
                .filter(|algorithm| key.fits(*algorithm))
                .map(Algorithm::as_str)
                .collect();
            assert_eq!(fitting.join(" "), fits, "{jwk}");
        }
    }

    #[test]
    fn what_is_no_key_for_signatures_is_passed_over() {
        let long = [0xff; 256];
        let good = rsa_of(&long);
        let half = [&[0x7f], &long[1..]].concat();
        for jwk in [
            json!(null),
            json!([]),
            json!("key"),
            json!({}),
            json!({ "kty": "oct", "k": "c2VjcmV0", "alg": "HS256" }),
            json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AAAA" }),
            json!({ "kty": "RSA", "e": "AQAB" }),
            json!({ "kty": "RSA", "n": "@@", "e": "AQAB" }),
            json!({ "kty": "EC", "crv": "P-521", "x": "A".repeat(88), "y": "A".repeat(88) }),
            json!({ "kty": "EC", "crv": "P-256", "x": "A".repeat(42), "y": "A".repeat(43) }),
            json!({ "kty": "EC", "crv": "P-256", "x": "A".repeat(43) }),
            json!({ "kty": "OKP", "crv": "X25519", "x": "A".repeat(43) }),
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }),
            rsa_of(&long[..255]),
            rsa_of(&half),
            rsa_of(&[&[0], &half[..]].concat()),
            rsa_of(&[0xff; 1025]),
            rsa_of(&[]),
            with(good.clone(), "crv", json!("P-256")),
            with(good.clone(), "kid", json!(1)),
            with(good.clone(), "use", json!("enc")),
            with(good.clone(), "use", json!(null)),
            with(good.clone(), "key_ops", json!(["encrypt"])),
            with(good.clone(), "key_ops", json!([])),
            with(good.clone(), "key_ops", json!("verify")),
            with(good.clone(), "alg", json!("RSA-OAEP")),
            with(good.clone(), "alg", json!("HS256")),
            with(good.clone(), "alg", json!("none")),
            with(good.clone(), "alg", json!("ES256")),
            with(good.clone(), "alg", json!(null)),
        ] {
            assert!(Key::read(&jwk).is_none(), "{jwk:.120}");
        }
        assert!(
            Key::read(&good).is_some(),
            "the others differ from a good one"
        );
    }
}
