//! Tokens that no provider would give out.

use serde_json::Value;

/// A forgery: what it is, what its header and its claims have besides the usual (null takes it away), and what
/// stands where the signature does.
type Forgery = (&'static str, Value, Value, &'static str);

/// All of them, of this issuer.
pub(super) fn forgeries(issuer: &str) -> Vec<Forgery> {
    let lines = FORGERIES.lines().filter(|line| !line.is_empty());
    let forgery = |line: &'static str| {
        let parts: Vec<&str> = line.split(" | ").collect();
        let [told, header, claims, by] = parts[..] else {
            panic!("{line}");
        };
        let json = |text: &str| serde_json::from_str(&text.replace("ISSUER", issuer)).unwrap();
        (told, json(header), json(claims), by)
    };
    lines.map(forgery).collect()
}

/// First those that are not by whom they say, then those by another algorithm than they say or by a key that
/// they bring themselves, then other kinds of tokens, and those for somebody else, of nobody, of another time.
const FORGERIES: &str = r#"
signed by nobody | {} | {} | nothing
signed with zeros | {} | {} | zeros
signed with noise | {} | {} | noise
signed by a stranger | {} | {} | a stranger's RSA
signed by a stranger's curve | {"alg": "ES256"} | {} | a stranger's EC
a curve's signature for RSA | {} | {} | a stranger's EC
a signature in DER | {"alg": "ES256"} | {} | ES256 in DER
none | {"alg": "none"} | {} | nothing
none without a key | {"alg": "None", "kid": null} | {} | nothing
none with noise | {"alg": "nOnE"} | {} | noise
no algorithm | {"alg": null} | {} | RS256
an algorithm that is no text | {"alg": 256} | {} | RS256
the public key as a secret, PEM | {"alg": "HS256"} | {} | HMAC with the PEM
the public key as a secret, DER | {"alg": "HS256"} | {} | HMAC with the DER
the modulus as a secret | {"alg": "HS256"} | {} | HMAC with the modulus
an empty secret | {"alg": "HS256"} | {} | HMAC with nothing
a secret and no key named | {"alg": "HS256", "kid": null} | {} | HMAC with the PEM
RS256 said to be PS256 | {"alg": "PS256"} | {} | RS256
PS256 said to be RS256 | {"alg": "RS256"} | {} | PS256
an algorithm that is not taken | {"alg": "RS512"} | {} | RS512
a curve said to be EdDSA | {"alg": "EdDSA"} | {} | ES256
an unknown key | {"kid": "nobody's"} | {} | RS256
a key of a path | {"kid": "../../../../etc/passwd"} | {} | RS256
a key that is no text | {"kid": {"$ne": ""}} | {} | RS256
a key of its own | {"jwk": {"kty": "oct", "k": "c2VjcmV0"}, "alg": "HS256"} | {} | HMAC with secret
keys elsewhere | {"jku": "http://127.0.0.1:9/keys", "kid": "there"} | {} | a stranger's RSA
a certificate elsewhere | {"x5u": "http://127.0.0.1:9/c", "kid": "there"} | {} | a stranger's RSA
something critical | {"crit": ["b64"], "b64": false} | {} | RS256
something critical and known | {"crit": ["exp"], "exp": 1} | {} | RS256
a logout token | {"typ": "logout+jwt"} | {} | RS256
a proof of possession | {"typ": "dpop+jwt"} | {} | RS256
a nested one | {"typ": "JWE"} | {} | RS256
a refresh token | {} | {"typ": "Refresh"} | RS256
an id token | {} | {"typ": "ID"} | RS256
a logout token of Keycloak | {} | {"typ": "Logout"} | RS256
another issuer | {} | {"iss": "http://127.0.0.1:9/realms/menlo"} | RS256
an issuer with a slash | {} | {"iss": "ISSUER/"} | RS256
no issuer | {} | {"iss": null} | RS256
an issuer in a list | {} | {"iss": ["ISSUER"]} | RS256
another audience | {} | {"aud": "billing"} | RS256
other audiences | {} | {"aud": ["billing", "accounts"]} | RS256
an audience that is nearly it | {} | {"aud": "Account"} | RS256
no audience | {} | {"aud": null} | RS256
an empty audience | {} | {"aud": []} | RS256
no subject | {} | {"sub": null} | RS256
an empty subject | {} | {"sub": ""} | RS256
a subject that is no text | {} | {"sub": 1} | RS256
a subject in a list | {} | {"sub": ["ada", "grace"]} | RS256
no end | {} | {"exp": null} | RS256
an end that is no number | {} | {"exp": "tomorrow"} | RS256
not yet good | {} | {"nbf": {"in": 120}} | RS256
issued tomorrow | {} | {"iat": {"in": 86400}} | RS256
"#;
