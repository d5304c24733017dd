//! What makes a delivery believable: the signatures of Standard Webhooks, and the one that the ecosystem's
//! receivers know.

use std::fmt::Write;

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use response_domain::webhook::{SECRET_PREFIX, SigningSecret};
use zeroize::Zeroizing;

/// Reads a key as loosely as the receivers' libraries do, which take one with and without the padding and
/// do not mind what its last bits are.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The value of `webhook-signature` (Standard Webhooks, version 1): one signature for each secret, in their
/// order. None without a secret.
pub(crate) fn standard(
    id: &str,
    seconds: i64,
    body: &[u8],
    secrets: &[SigningSecret],
) -> Option<String> {
    let mut value = String::new();
    for secret in secrets {
        let mut signing = Context::with_key(&standard_key(secret));
        signing.update(format!("{id}.{seconds}.").as_bytes());
        signing.update(body);
        let gap = if value.is_empty() { "" } else { " " };
        value.push_str(gap);
        value.push_str("v1,");
        BASE64.encode_string(signing.sign(), &mut value);
    }
    (!value.is_empty()).then_some(value)
}

/// The value of `X-Signature`, whose key is the text of the secret as it is written.
pub(crate) fn ecosystem(seconds: i64, body: &[u8], secret: &SigningSecret) -> String {
    let key = Key::new(HMAC_SHA256, secret.expose().as_bytes());
    let mut signing = Context::with_key(&key);
    signing.update(format!("{seconds}.").as_bytes());
    signing.update(body);
    let mut value = String::from("sha256=");
    for byte in signing.sign().as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(value, "{byte:02x}");
    }
    value
}

/// What stands behind the prefix, decoded; without a prefix the text itself.
fn standard_key(secret: &SigningSecret) -> Key {
    let text = secret.expose();
    let decoded = text
        .strip_prefix(SECRET_PREFIX)
        .and_then(|key| BASE64.decode(key).ok())
        .map(Zeroizing::new);
    let bytes = decoded.as_ref().map_or(text.as_bytes(), |key| key);
    Key::new(HMAC_SHA256, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const AT: i64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const FIRST: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const SECOND: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn parsed(texts: &[&str]) -> Vec<SigningSecret> {
        let parse = |text: &&str| SigningSecret::parse(text).unwrap();
        texts.iter().map(parse).collect()
    }

    fn signed(secrets: &[&str]) -> Option<String> {
        standard(ID, AT, BODY, &parsed(secrets))
    }

    #[test]
    fn the_known_answers_of_the_standard_come_out() {
        let first = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        assert_eq!(signed(&[FIRST]).as_deref(), Some(first));
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let body = br#"{"test": 2432232314}"#;
        let second = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let value = standard(id, 1_614_265_330, body, &parsed(&[SECOND]));
        assert_eq!(value.as_deref(), Some(second));
    }

    #[test]
    fn each_secret_signs_and_the_first_comes_first() {
        let [first, second] = [FIRST, SECOND].map(|secret| signed(&[secret]).unwrap());
        assert_ne!(first, second);
        let both = format!("{second} {first}");
        assert_eq!(signed(&[SECOND, FIRST]), Some(both));
        assert_eq!(signed(&[]), None);
    }

    #[test]
    fn a_secret_is_the_same_with_and_without_padding() {
        // 25 bytes, whose base64 ends in `A==`; the last digit of the third has bits to spare.
        let padded = format!("whsec_{}A==", "A".repeat(33));
        let bare = format!("whsec_{}A", "A".repeat(33));
        let loose = format!("whsec_{}B", "A".repeat(33));
        assert_eq!(signed(&[&padded]), signed(&[&bare]));
        assert_eq!(signed(&[&padded]), signed(&[&loose]));
    }

    #[test]
    fn a_secret_without_the_prefix_is_its_own_key() {
        // The bytes of this text, as base64 behind the prefix.
        let plain = "AAAAAAAAAAAAAAAAAAAAAAAA";
        let encoded = format!("{SECRET_PREFIX}{}", BASE64.encode(plain));
        assert_eq!(signed(&[plain]), signed(&[&encoded]));
    }

    #[test]
    fn the_ecosystems_signature_has_the_text_of_the_secret_for_a_key() {
        // Made with `printf '%s' "$AT.$BODY" | openssl dgst -sha256 -hmac "$FIRST"`.
        let secret = SigningSecret::parse(FIRST).unwrap();
        let signature = "sha256=996637d7f89ef8f7b59f7faaf5341457472e823d8ca666d16b7bbd1dc831721d";
        assert_eq!(ecosystem(AT, BODY, &secret), signature);
    }
}
