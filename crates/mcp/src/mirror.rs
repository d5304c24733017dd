//! Arguments that a server of the 2026 protocol wants to see in the headers as well, so that what
//! stands between can route by them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use response_domain::json::Json;
use response_egress::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// The word in a schema that asks for it.
const KEYWORD: &str = "x-mcp-header";
const PREFIX: &str = "mcp-param-";

/// How many headers a tool may ask for.
const MAX_MIRRORS: usize = 64;

/// One argument that is repeated in a header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mirror {
    path: Vec<String>,
    header: HeaderName,
}

/// A schema that asks for a header that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its schema asks for a header that cannot be sent")]
pub(crate) struct BadMirror;

/// The headers that a schema asks for.
pub(crate) fn read(schema: &Json) -> Result<Vec<Mirror>, BadMirror> {
    if !schema.as_str().contains(KEYWORD) {
        return Ok(Vec::new());
    }
    let mut mirrors = Vec::new();
    collect(&schema.to_value(), &mut Vec::new(), &mut mirrors)?;
    Ok(mirrors)
}

fn collect(
    schema: &Value,
    path: &mut Vec<String>,
    mirrors: &mut Vec<Mirror>,
) -> Result<(), BadMirror> {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Ok(());
    };
    for (name, property) in properties {
        path.push(name.clone());
        if let Some(token) = property.get(KEYWORD) {
            let kind = property.get("type").and_then(Value::as_str);
            let token = token.as_str().filter(|token| !token.is_empty());
            let header = token
                .filter(|_| matches!(kind, Some("string" | "integer" | "boolean")))
                .and_then(|token| format!("{PREFIX}{token}").to_ascii_lowercase().parse().ok())
                .ok_or(BadMirror)?;
            let is_known = mirrors.iter().any(|other: &Mirror| other.header == header);
            if is_known || mirrors.len() >= MAX_MIRRORS {
                return Err(BadMirror);
            }
            mirrors.push(Mirror {
                path: path.clone(),
                header,
            });
        }
        collect(property, path, mirrors)?;
        path.pop();
    }
    Ok(())
}

/// Sets the headers for these arguments; an argument that is absent has none.
pub(crate) fn set(headers: &mut HeaderMap, mirrors: &[Mirror], arguments: &Json) {
    if mirrors.is_empty() {
        return;
    }
    let arguments = arguments.to_value();
    for mirror in mirrors {
        let value = mirror
            .path
            .iter()
            .try_fold(&arguments, |at, name| at.get(name));
        let text = match value {
            Some(Value::String(text)) => text.clone(),
            Some(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.to_string(),
            _ => continue,
        };
        headers.insert(mirror.header.clone(), encode(&text));
    }
}

/// Text as a header: plain where it survives the way, else in base64 with marks around it.
pub(crate) fn encode(text: &str) -> HeaderValue {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim_matches(' ') == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    let plain = is_plain.then(|| HeaderValue::from_str(text).ok()).flatten();
    plain.unwrap_or_else(|| {
        let wrapped = format!("=?base64?{}?=", STANDARD.encode(text));
        HeaderValue::from_str(&wrapped).unwrap_or(HeaderValue::from_static(""))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::from_text(text.to_owned()).unwrap()
    }

    #[test]
    fn arguments_stand_in_the_headers_that_the_schema_names() {
        let schema = json(
            r#"{"properties":{"region":{"type":"string","x-mcp-header":"Region"},
            "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
            "flag":{"type":"boolean","x-mcp-header":"Flag"},"other":{"type":"string"}}}"#,
        );
        let mirrors = read(&schema).unwrap();
        let mut headers = HeaderMap::new();
        let arguments = json(r#"{"region":"größe ","deep":{"n":42},"other":"x"}"#);
        set(&mut headers, &mirrors, &arguments);
        assert_eq!(headers["mcp-param-region"], "=?base64?Z3LDtsOfZSA=?=");
        assert_eq!(headers["mcp-param-n"], "42");
        assert_eq!(headers.len(), 2);
    }

    #[test]
    fn a_header_that_cannot_be_is_refused() {
        for property in [
            r#"{"type":"string","x-mcp-header":"a b"}"#,
            r#"{"type":"string","x-mcp-header":""}"#,
            r#"{"type":"string","x-mcp-header":5}"#,
            r#"{"type":"number","x-mcp-header":"a"}"#,
            r#"{"x-mcp-header":"a"}"#,
        ] {
            let schema = json(&format!(r#"{{"properties":{{"p":{property}}}}}"#));
            assert_eq!(read(&schema), Err(BadMirror), "{property}");
        }
        let twice = r#"{"properties":{"a":{"type":"string","x-mcp-header":"H"},
            "b":{"type":"string","x-mcp-header":"h"}}}"#;
        assert_eq!(read(&json(twice)), Err(BadMirror));
        assert_eq!(read(&json(r#"{"properties":{"a":{}}}"#)), Ok(Vec::new()));
        let many = |count: usize| {
            let one = |at| format!(r#""a{at}":{{"type":"string","x-mcp-header":"h{at}"}}"#);
            let all: Vec<String> = (0..count).map(one).collect();
            read(&json(&format!(r#"{{"properties":{{{}}}}}"#, all.join(","))))
        };
        assert_eq!(many(MAX_MIRRORS).unwrap().len(), MAX_MIRRORS);
        assert_eq!(many(MAX_MIRRORS + 1), Err(BadMirror));
    }

    #[test]
    fn plain_text_stays_plain_and_nothing_passes_for_an_encoding() {
        assert_eq!(encode("get_weather"), "get_weather");
        assert_eq!(encode(""), "");
        assert_eq!(encode("=?base64?x?="), "=?base64?PT9iYXNlNjQ/eD89?=");
        assert_eq!(encode("a\nb"), "=?base64?YQpi?=");
    }
}
