//! The headers that a caller gives along for a server it names: checked, and all of them secrets.

use response_egress::header::{HeaderMap, HeaderName, HeaderValue};

/// How many headers there may be.
const MAX_HEADERS: usize = 64;
/// How much their names and values may have together, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// Headers that say where a message ends or what becomes of its connection, and those of the protocol
/// itself, in alphabetical order.
const RESERVED: [&str; 22] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// What the protocol's headers for arguments begin with.
const ARGUMENT: &str = "mcp-param-";

/// Schemes that prove who a connection is, and not who a request is from: requests of others may go
/// through the same connection.
const OF_CONNECTIONS: [&str; 2] = ["ntlm", "negotiate"];

/// Why headers cannot be sent. The words hold nothing of a value, and of a name only one that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsendable {
    #[error("more than {MAX_HEADERS} headers are given for it")]
    Many,
    #[error("the headers given for it have more than {MAX_BYTES} bytes")]
    Long,
    #[error("a header given for it has a name that HTTP does not allow")]
    Name,
    #[error("a header given for it has control characters in its value")]
    Value,
    #[error("the header `{0}` is given for it, which is not the caller's to set")]
    Reserved(&'static str),
    #[error(
        "its `authorization` proves a connection and not a request, as `NTLM` and `Negotiate` do"
    )]
    Scheme,
}

/// The headers as they are sent. Of two with one name the later counts.
pub(crate) fn headers<'a>(
    given: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<HeaderMap, Unsendable> {
    let mut headers = HeaderMap::new();
    let (mut count, mut bytes) = (0_usize, 0_usize);
    for (name, value) in given {
        count += 1;
        bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
        if count > MAX_HEADERS {
            return Err(Unsendable::Many);
        }
        if bytes > MAX_BYTES {
            return Err(Unsendable::Long);
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_error| Unsendable::Name)?;
        if let Some(known) = reserved(name.as_str()) {
            return Err(Unsendable::Reserved(known));
        }
        let mut sent = HeaderValue::from_str(value).map_err(|_error| Unsendable::Value)?;
        if name == response_egress::header::AUTHORIZATION && is_of_connections(value) {
            return Err(Unsendable::Scheme);
        }
        sent.set_sensitive(true);
        headers.insert(name, sent);
    }
    Ok(headers)
}

fn reserved(name: &str) -> Option<&'static str> {
    if name.starts_with(ARGUMENT) {
        return Some(ARGUMENT);
    }
    RESERVED.into_iter().find(|known| *known == name)
}

fn is_of_connections(authorization: &str) -> bool {
    let scheme = authorization.trim_start().split([' ', '\t']).next();
    scheme.is_some_and(|scheme| {
        let mut known = OF_CONNECTIONS.iter();
        known.any(|known| known.eq_ignore_ascii_case(scheme))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<HeaderMap, Unsendable> {
        headers(given.iter().copied())
    }

    #[test]
    fn what_a_caller_gives_is_sent_as_it_is_and_is_a_secret() {
        let sent = read(&[
            ("Authorization", "Bearer s3cret"),
            ("X-Api-Key", "s3cret "),
            ("x-empty", ""),
            ("cookie", "a=b; c=d"),
            ("x-api-key", "s3cret\t2"),
            ("x-name", "größe"),
        ])
        .unwrap();
        assert_eq!(sent["authorization"], "Bearer s3cret");
        assert_eq!(sent["x-api-key"], "s3cret\t2");
        assert_eq!(sent["x-empty"], "");
        assert_eq!(sent["x-name"].as_bytes(), "größe".as_bytes());
        assert_eq!(sent.len(), 5);
        assert!(!format!("{sent:?}").contains("s3cret"));
    }

    #[test]
    fn a_header_that_could_do_harm_is_refused() {
        for name in RESERVED {
            let upper = name.to_ascii_uppercase();
            for name in [name, &upper] {
                assert!(
                    matches!(read(&[(name, "x")]), Err(Unsendable::Reserved(_))),
                    "{name}"
                );
            }
        }
        assert!(RESERVED.is_sorted());
        let cases = [
            (("Mcp-Param-Region", "x"), Unsendable::Reserved(ARGUMENT)),
            (("", "x"), Unsendable::Name),
            ((":path", "x"), Unsendable::Name),
            (("a b", "x"), Unsendable::Name),
            (("a\r\nhost", "x"), Unsendable::Name),
            (("größe", "x"), Unsendable::Name),
            (("a", "x\r\nhost: b"), Unsendable::Value),
            (("a", "x\ny"), Unsendable::Value),
            (("a", "x\0"), Unsendable::Value),
            (("a", "x\u{7f}"), Unsendable::Value),
            (("authorization", "NTLM abc"), Unsendable::Scheme),
            (("Authorization", " negotiate\tabc"), Unsendable::Scheme),
            (("authorization", "Negotiate"), Unsendable::Scheme),
        ];
        for (header, why) in cases {
            assert_eq!(read(&[header]), Err(why), "{header:?}");
        }
    }

    #[test]
    fn there_is_an_end_to_how_many_and_how_long_they_may_be() {
        let names: Vec<String> = (0..65).map(|number| format!("x-{number}")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(read(&many[..64]).unwrap().len(), 64);
        assert_eq!(read(&many), Err(Unsendable::Many));
        let long = "x".repeat(MAX_BYTES - 1);
        assert!(read(&[("a", &long)]).is_ok());
        assert_eq!(read(&[("ab", &long)]), Err(Unsendable::Long));
    }

    proptest! {
        #[test]
        fn no_value_is_told_and_none_ends_a_line(name in ".{0,20}", value in "(?s).{0,40}") {
            match read(&[(&name, &format!("s3cret{value}"))]) {
                Ok(sent) => {
                    prop_assert_eq!(sent.len(), 1);
                    for (name, value) in &sent {
                        prop_assert!(reserved(name.as_str()).is_none());
                        prop_assert!(value.as_bytes().iter().all(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
                    }
                }
                Err(why) => prop_assert!(!why.to_string().contains("s3cret")),
            }
        }
    }
}
