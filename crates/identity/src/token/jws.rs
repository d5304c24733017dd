//! A signed token taken apart. Nothing that it says is believed here, and what it says about where its key
//! could be had (`jku`, `jwk`, `x5u`, `x5c`) is never looked at.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use response_domain::ports::auth::Flaw;

use crate::json::Object;
use crate::jwks::Signature;
use crate::options::Algorithm;

/// A longer token is not looked at.
pub(crate) const LONGEST: usize = 8 * 1024;
/// What `typ` may say, without the `application/` that may stand before it.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// A token taken apart.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    message: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    kid: Option<String>,
    /// What it claims.
    pub(crate) claims: Object,
}

impl<'a> Jws<'a> {
    /// Takes a token apart that may be signed in one of these ways.
    pub(crate) fn read(token: &'a str, allowed: &[Algorithm]) -> Result<Self, Flaw> {
        if token.len() > LONGEST {
            return Err(Flaw::Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Flaw::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Flaw::Malformed)?;
        let header = object(header)?;
        let algorithm = algorithm(&header, allowed)?;
        let kid = plain(&header)?;
        // With an empty one nothing is signed, whatever the header says.
        if signature.is_empty() {
            return Err(Flaw::Signature);
        }
        Ok(Self {
            message,
            signature,
            algorithm,
            kid,
            claims: object(claims)?,
        })
    }

    /// The signature, and what it is said to be of.
    pub(crate) fn signature(&self) -> Signature<'_> {
        Signature {
            message: self.message,
            text: self.signature,
            algorithm: self.algorithm,
            kid: self.kid.as_deref(),
        }
    }

    /// Whether it names its key.
    pub(crate) fn names_its_key(&self) -> bool {
        self.kid.is_some()
    }
}

/// Whether this could be meant to be a signed token: three parts.
pub(crate) fn is_like_one(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').count() == 2
}

fn object(part: &str) -> Result<Object, Flaw> {
    // Strict: without padding, and with no second spelling of the same bytes.
    let bytes = URL_SAFE_NO_PAD.decode(part);
    let bytes = bytes.map_err(|_not_base64url| Flaw::Malformed)?;
    Object::read(&bytes).ok_or(Flaw::Malformed)
}

fn algorithm(header: &Object, allowed: &[Algorithm]) -> Result<Algorithm, Flaw> {
    let name = header.text("alg").map_err(|_not_text| Flaw::Algorithm)?;
    let algorithm = name.and_then(|name| name.parse().ok());
    algorithm
        .filter(|algorithm| allowed.contains(algorithm))
        .ok_or(Flaw::Algorithm)
}

/// The `kid` of a header that asks for nothing out of the ordinary: no extension that must be understood, no
/// other way of signing, and no other kind of token.
fn plain(header: &Object) -> Result<Option<String>, Flaw> {
    let asks = ["crit", "b64", "enc", "zip"];
    if asks.iter().any(|name| header.get(name).is_some()) {
        return Err(Flaw::Malformed);
    }
    let text = |name| header.text(name).map_err(|_not_text| Flaw::Malformed);
    let is_token = |kind: &str| {
        let bare = kind
            .split_once('/')
            .filter(|(tree, _)| tree.eq_ignore_ascii_case("application"));
        let name = bare.map_or(kind, |(_, name)| name);
        TYPES.iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    match text("typ")? {
        Some(kind) if !is_token(kind) => Err(Flaw::Claims),
        Some(_) | None => Ok(text("kid")?.map(ToOwned::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

    fn token(header: &str, claims: &str) -> String {
        let part = |text| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", part(header), part(claims))
    }

    fn flaw(token: &str) -> Option<Flaw> {
        Jws::read(token, &ALLOWED).err()
    }

    #[test]
    fn an_ordinary_header_is_taken_whatever_it_says_besides() {
        for header in [
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"ES256","typ":"JWT","kid":"a"}"#,
            r#"{"alg":"RS256","typ":"jwt"}"#,
            r#"{"alg":"RS256","typ":"at+jwt"}"#,
            r#"{"alg":"RS256","typ":"application/at+JWT"}"#,
            r#"{"alg":"RS256","jku":"https://evil.example/","jwk":{"kty":"oct"},"x5c":[],"x5u":1}"#,
        ] {
            let token = token(header, "{}");
            let jws = Jws::read(&token, &ALLOWED).unwrap();
            let kid = header.contains("kid").then_some("a");
            assert_eq!(jws.signature().kid, kid, "{header}");
        }
    }

    #[test]
    fn an_odd_header_is_refused() {
        for (header, expected) in [
            (r#"{"alg":"none"}"#, Flaw::Algorithm),
            (r#"{"alg":"None"}"#, Flaw::Algorithm),
            (r#"{"alg":"nOnE"}"#, Flaw::Algorithm),
            (r#"{"alg":""}"#, Flaw::Algorithm),
            (r#"{"alg":"HS256"}"#, Flaw::Algorithm),
            (r#"{"alg":"rs256"}"#, Flaw::Algorithm),
            (r#"{"alg":"RS384"}"#, Flaw::Algorithm),
            (r#"{"alg":["RS256"]}"#, Flaw::Algorithm),
            (r#"{"alg":null}"#, Flaw::Algorithm),
            ("{}", Flaw::Algorithm),
            (r#"{"alg":"RS256","alg":"RS256"}"#, Flaw::Malformed),
            (r#"{"alg":"none","alg":"RS256"}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","kid":"a","kid":"b"}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","crit":[]}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","crit":["exp"]}"#, Flaw::Malformed),
            (
                r#"{"alg":"RS256","crit":["b64"],"b64":false}"#,
                Flaw::Malformed,
            ),
            (r#"{"alg":"RS256","b64":false}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","zip":"DEF"}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","enc":"A128GCM"}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","kid":1}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","typ":1}"#, Flaw::Malformed),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, Flaw::Claims),
            (r#"{"alg":"RS256","typ":"dpop+jwt"}"#, Flaw::Claims),
            (r#"{"alg":"RS256","typ":"text/JWT"}"#, Flaw::Claims),
            (r#"{"alg":"RS256","typ":""}"#, Flaw::Claims),
            (r#"["RS256"]"#, Flaw::Malformed),
            ("\"RS256\"", Flaw::Malformed),
            ("", Flaw::Malformed),
        ] {
            assert_eq!(flaw(&token(header, "{}")), Some(expected), "{header}");
        }
    }

    #[test]
    fn what_is_not_built_as_a_token_is_refused() {
        let good = token(r#"{"alg":"RS256"}"#, r#"{"iss":"a","ab":1}"#);
        assert_eq!(flaw(&good), None);
        let (message, _) = good.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        for odd in [
            String::new(),
            "..".into(),
            "a.b.c".into(),
            header.into(),
            message.into(),
            format!("{good}.d"),
            format!(" {good}"),
            format!("{header}=.{claims}.c2ln"),
            format!("{header}.{claims}=.c2ln"),
            format!("{header}.{claims}==.c2ln"),
            format!("{header}..c2ln"),
            format!(".{claims}.c2ln"),
            format!("{header}.{}.c2ln", claims.replace('e', "+")),
            token(r#"{"alg":"RS256"}"#, "[]"),
            token(r#"{"alg":"RS256"}"#, "null"),
            token(r#"{"alg":"RS256"}"#, r#"{"exp":1,"exp":2}"#),
            token(r#"{"alg":"RS256"}"#, r#"{"exp":1e999}"#),
            token(
                r#"{"alg":"RS256"}"#,
                &format!(r#"{{"a":"{}"}}"#, "x".repeat(LONGEST)),
            ),
        ] {
            assert_eq!(flaw(&odd), Some(Flaw::Malformed), "{odd:.60}");
        }
        assert_eq!(flaw(&format!("{message}.")), Some(Flaw::Signature));
    }
}
