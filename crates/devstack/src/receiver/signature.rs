//! Whether a delivery is signed as it should be: by `webhook-signature`, as Standard Webhooks has it, and by
//! the platform's `X-Signature`. Written from their descriptions and apart from the service, with another
//! library, so that each checks the other.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ledger::Seen;

/// A key may be written without its padding.
const KEY: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How far a delivery's time may be from ours, in seconds, both ways.
const TOLERANCE: u64 = 300;

/// A secret that deliveries are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret of this text: `whsec_` and base64, or any other text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of `webhook-signature`.
    fn key(&self) -> Vec<u8> {
        let decoded = self.0.strip_prefix("whsec_").map(|key| KEY.decode(key));
        match decoded {
            Some(Ok(key)) => key,
            _ => self.0.clone().into_bytes(),
        }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a look at the signatures of a delivery tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Every signature there is fits a secret, and the time is right.
    Verified,
    /// There is none.
    Unsigned,
    /// There is one, and no secret is known to check it with.
    Unchecked,
    /// There is one that must not be believed, for this reason.
    Wrong(&'static str),
}

impl Signature {
    /// One word for it; the bad one is loud.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unsigned => "unsigned",
            Self::Unchecked => "unchecked",
            Self::Wrong(_) => "WRONG",
        }
    }

    /// Looks at a delivery that came at `now`, in Unix seconds.
    pub(super) fn of(seen: &Seen, secrets: &[Secret], now: u64) -> Self {
        let names = ["webhook-signature", "x-signature"];
        if names.iter().all(|name| seen.header(name).is_none()) {
            return Self::Unsigned;
        }
        if secrets.is_empty() {
            return Self::Unchecked;
        }
        flaw(seen, secrets, now).map_or(Self::Verified, Self::Wrong)
    }
}

fn flaw(seen: &Seen, secrets: &[Secret], now: u64) -> Option<&'static str> {
    if seen.header("webhook-signature").is_some() {
        let is_right = |secret| fits_standard(seen, secret);
        if let Some(flaw) = time_flaw(seen.header("webhook-timestamp"), now) {
            return Some(flaw);
        }
        if !secrets.iter().any(is_right) {
            return Some("webhook-signature fits no secret");
        }
    }
    if seen.header("x-signature").is_some() {
        let is_right = |secret| fits_platform(seen, secret);
        if let Some(flaw) = time_flaw(seen.header("x-timestamp"), now) {
            return Some(flaw);
        }
        if !secrets.iter().any(is_right) {
            return Some("X-Signature fits no secret");
        }
    }
    None
}

fn time_flaw(header: Option<&str>, now: u64) -> Option<&'static str> {
    let Some(at) = header.and_then(|text| text.parse::<u64>().ok()) else {
        return Some("the time of the delivery is not told");
    };
    (at.abs_diff(now) > TOLERANCE).then_some("the time of the delivery is not now")
}

/// Whether one of the signatures in `webhook-signature` was made with this secret.
pub(super) fn fits_standard(seen: &Seen, secret: &Secret) -> bool {
    let header = |name| seen.header(name).unwrap_or_default();
    let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
    let mac = mac(&secret.key(), &[id.as_bytes(), at.as_bytes(), &seen.body]);
    let mut signatures = header("webhook-signature").split(' ');
    signatures.any(|one| {
        let tag = one.strip_prefix("v1,").map(|tag| STANDARD.decode(tag));
        matches!(tag, Some(Ok(tag)) if fits(mac.clone(), &tag))
    })
}

/// Whether `X-Signature` was made with this secret.
pub(super) fn fits_platform(seen: &Seen, secret: &Secret) -> bool {
    let header = |name| seen.header(name).unwrap_or_default();
    let at = header("x-timestamp");
    let mac = mac(secret.0.as_bytes(), &[at.as_bytes(), &seen.body]);
    let tag = header("x-signature").strip_prefix("sha256=");
    tag.and_then(from_hex).is_some_and(|tag| fits(mac, &tag))
}

/// The code of these parts with dots between them; none for a key that is none.
fn mac(key: &[u8], parts: &[&[u8]]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::new_from_slice(key).ok()?;
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            mac.update(b".");
        }
        mac.update(part);
    }
    Some(mac)
}

fn fits(mac: Option<Hmac<Sha256>>, tag: &[u8]) -> bool {
    mac.is_some_and(|mac| mac.verify_slice(tag).is_ok())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const BODY: &str = r#"{"email":"test@example.com","username":"test_user"}"#;
    const AT: u64 = 1_649_367_553;

    fn delivery(body: &str, headers: &[(&str, &str)]) -> Seen {
        Seen {
            method: "POST".to_owned(),
            path: "/webhook".to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    /// The known answer that the libraries of Standard Webhooks are tested with.
    fn known(signature: &str) -> Seen {
        let headers = [
            ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
            ("webhook-timestamp", "1649367553"),
            ("webhook-signature", signature),
        ];
        delivery(BODY, &headers)
    }

    const KNOWN: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn secrets(texts: &[&str]) -> Vec<Secret> {
        texts.iter().copied().map(Secret::new).collect()
    }

    const RIGHT: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const OTHER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_known_answer_of_the_standard_is_verified() {
        let of = |seen: &Seen, texts: &[&str], now| Signature::of(seen, &secrets(texts), now);
        assert_eq!(of(&known(KNOWN), &[RIGHT], AT), Signature::Verified);
        assert_eq!(of(&known(KNOWN), &[OTHER, RIGHT], AT), Signature::Verified);
        let two = format!("v1,c29tZXRoaW5nIGVsc2U= {KNOWN}");
        assert_eq!(of(&known(&two), &[RIGHT], AT), Signature::Verified);
        assert_eq!(of(&known(KNOWN), &[], AT), Signature::Unchecked);
        let off = |now| matches!(of(&known(KNOWN), &[RIGHT], now), Signature::Wrong(_));
        assert!(!off(AT + 300) && !off(AT - 300) && off(AT + 301) && off(AT - 301));
    }

    #[test]
    fn whatever_is_changed_makes_it_wrong() {
        let wrong = "webhook-signature fits no secret";
        let mut body = known(KNOWN);
        body.body = Bytes::from_static(b"{}");
        let mut id = known(KNOWN);
        id.headers[0].1.push('x');
        let mut version = known(KNOWN);
        version.headers[2].1.replace_range(..2, "v2");
        for seen in [body, id, version, known("v1,"), known("nonsense")] {
            let told = Signature::of(&seen, &secrets(&[RIGHT]), AT);
            assert_eq!(told, Signature::Wrong(wrong), "{seen:?}");
        }
        let told = Signature::of(&known(KNOWN), &secrets(&[OTHER]), AT);
        assert_eq!(told, Signature::Wrong(wrong));
        let mut timeless = known(KNOWN);
        timeless.headers.remove(1);
        let told = Signature::of(&timeless, &secrets(&[RIGHT]), AT);
        assert_eq!(
            told,
            Signature::Wrong("the time of the delivery is not told")
        );
    }

    /// Computed with `printf '1649367553.{}' | openssl dgst -sha256 -hmac your-webhook-secret-key`.
    #[test]
    fn the_platforms_signature_is_keyed_by_the_text_of_the_secret() {
        let tag = "sha256=6053f59e4fa6f4cc1f3b4a394e4ab1e0da32b34cc56552bfecc1edb23094d46e";
        let seen =
            |tag: &str| delivery("{}", &[("x-timestamp", "1649367553"), ("x-signature", tag)]);
        let of = |seen: &Seen, secret| Signature::of(seen, &secrets(&[secret]), AT);
        let right = "your-webhook-secret-key";
        assert_eq!(of(&seen(tag), right), Signature::Verified);
        let wrong = Signature::Wrong("X-Signature fits no secret");
        assert_eq!(of(&seen(tag), RIGHT), wrong);
        for bad in ["sha256=", "sha256=zz", &tag.replace("sha256", "sha512")] {
            assert_eq!(of(&seen(bad), right), wrong, "{bad}");
        }
        assert_eq!(of(&delivery("{}", &[]), right), Signature::Unsigned);
    }

    #[test]
    fn a_key_may_be_written_without_its_padding() {
        assert_eq!(
            Secret::new("whsec_AAA=").key(),
            Secret::new("whsec_AAA").key()
        );
        assert_eq!(Secret::new("whsec_AAA").key(), [0, 0]);
        assert_eq!(Secret::new("whsec_!").key(), b"whsec_!");
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new(RIGHT)), "Secret(..)");
    }
}
