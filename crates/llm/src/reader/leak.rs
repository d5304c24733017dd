//! Calls that a model wrote into its text because the server did not understand them: as JSON
//! (`{"name": …, "arguments": …}`) or as marks (`<function=name><parameter=key>value</parameter>`).

use std::borrow::Cow;
use std::sync::Arc;

use response_domain::tool::{self, ToolSpec};
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::tags::{FUNCTION, FUNCTION_END};

/// A call found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leak {
    /// The offered tool that it names.
    pub(super) name: Arc<str>,
    pub(super) arguments: String,
}

/// What the beginning of a JSON text promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Promise {
    /// It names a tool that is offered, or begins with what only calls begin with.
    Call,
    /// Too little is there.
    Unclear,
    /// It is something else.
    Other,
}

/// No beginning is longer than this and still unclear.
const LONGEST_HEAD: usize = 512;

/// What `text`, which begins with `{` or `[`, may become.
pub(super) fn promise(text: &str, tools: &[Arc<ToolSpec>]) -> Promise {
    if text.len() > LONGEST_HEAD {
        return promise(
            text.get(..text.floor_char_boundary(LONGEST_HEAD))
                .unwrap_or(""),
            tools,
        )
        .or_other();
    }
    let text = text.trim_start();
    let text = text.strip_prefix('[').unwrap_or(text).trim_start();
    let Some(text) = text.strip_prefix('{').map(str::trim_start) else {
        return Promise::unclear_if(text.is_empty());
    };
    let (key, rest) = match quoted(text) {
        Quoted::Whole(key, rest) => (key, rest.trim_start()),
        Quoted::Cut(key) => return Promise::unclear_if(KEYS.iter().any(|k| k.starts_with(key))),
        Quoted::Not => return Promise::unclear_if(text.is_empty()),
    };
    if !KEYS.contains(&key) {
        return Promise::Other;
    }
    let Some(value) = rest.strip_prefix(':').map(str::trim_start) else {
        return Promise::unclear_if(rest.is_empty());
    };
    if matches!(key, "arguments" | "parameters") || (key == "function" && value.starts_with('{')) {
        return Promise::Call;
    }
    let offered = |name: &str| match key {
        "type" => name == "function",
        _ => tool::find(tools, name).is_some(),
    };
    match quoted(value) {
        Quoted::Whole(name, _) if offered(name) => Promise::Call,
        Quoted::Whole(..) => Promise::Other,
        Quoted::Cut(name) => Promise::unclear_if(!name.contains(char::is_whitespace)),
        Quoted::Not => Promise::unclear_if(value.is_empty()),
    }
}

/// What a call in JSON may begin with.
const KEYS: &[&str] = &["name", "type", "function", "arguments", "parameters"];

impl Promise {
    const fn unclear_if(unclear: bool) -> Self {
        if unclear { Self::Unclear } else { Self::Other }
    }

    fn or_other(self) -> Self {
        match self {
            Self::Unclear => Self::Other,
            clear => clear,
        }
    }
}

enum Quoted<'a> {
    /// A string, and what follows it.
    Whole(&'a str, &'a str),
    /// A string whose end is not there.
    Cut(&'a str),
    Not,
}

fn quoted(text: &str) -> Quoted<'_> {
    let Some(inner) = text.strip_prefix('"') else {
        return Quoted::Not;
    };
    match inner.split_once('"') {
        Some((string, rest)) => Quoted::Whole(string, rest),
        None => Quoted::Cut(inner),
    }
}

#[derive(serde::Deserialize)]
struct Written<'a> {
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    function: Option<&'a RawValue>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
}

/// The calls in a text that is nothing but JSON: values one after another, each a call or an array of calls,
/// all of tools that are offered. Otherwise none.
pub(super) fn from_json(text: &str, tools: &[Arc<ToolSpec>]) -> Option<Vec<Leak>> {
    let mut leaks = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = values.next()?.ok()?.get();
        let read = values.byte_offset();
        if value.starts_with('[') {
            let calls: Vec<&RawValue> = serde_json::from_str(value).ok()?;
            for call in calls {
                leaks.push(one(call.get(), tools)?);
            }
        } else {
            leaks.push(one(value, tools)?);
        }
        rest = rest
            .get(read..)?
            .trim_start_matches([',', ';', ' ', '\n', '\r', '\t']);
    }
    (!leaks.is_empty()).then_some(leaks)
}

fn one(value: &str, tools: &[Arc<ToolSpec>]) -> Option<Leak> {
    let written: Written<'_> = serde_json::from_str(value).ok()?;
    let arguments = written.arguments.or(written.parameters);
    let (name, arguments) = match (written.name, written.function.map(RawValue::get)) {
        (Some(name), _) => (name, arguments?),
        (None, Some(function)) if function.starts_with('{') => {
            let inner: Written<'_> = serde_json::from_str(function).ok()?;
            (inner.name?, inner.arguments.or(inner.parameters)?)
        }
        (None, Some(function)) => {
            let name: String = serde_json::from_str(function).ok()?;
            (name.into(), arguments?)
        }
        (None, None) => return None,
    };
    let text = arguments.get();
    let arguments = if text.starts_with('"') {
        serde_json::from_str(text).ok()?
    } else {
        text.to_owned()
    };
    let is_object = arguments.trim_start().starts_with('{');
    let is_whole = is_object && serde_json::from_str::<IgnoredAny>(&arguments).is_ok();
    let name = Arc::clone(&tool::find(tools, &name)?.name);
    is_whole.then_some(Leak { name, arguments })
}

/// The call in a text that begins with `<function=`, with or without its closing mark.
pub(super) fn from_marks(text: &str, tools: &[Arc<ToolSpec>]) -> Option<Leak> {
    const PARAMETER: &str = "<parameter=";
    let (name, body) = text.strip_prefix(FUNCTION)?.split_once('>')?;
    let tool = tool::find(tools, name.trim())?;
    let body = body.split(FUNCTION_END).next().unwrap_or(body);
    let schema = tool.parameters.to_value();
    let mut arguments = String::from("{");
    for parameter in body.split(PARAMETER).skip(1) {
        let (key, value) = parameter.split_once('>')?;
        let value = value.split("</parameter>").next().unwrap_or(value);
        let value = value.strip_prefix('\n').unwrap_or(value);
        let value = value.strip_suffix('\n').unwrap_or(value);
        if arguments.len() > 1 {
            arguments.push(',');
        }
        arguments.push_str(&serde_json::to_string(key.trim()).ok()?);
        arguments.push(':');
        arguments.push_str(&typed(value, &schema, key.trim()));
    }
    arguments.push('}');
    let name = Arc::clone(&tool.name);
    Some(Leak { name, arguments })
}

/// A value as JSON: text where the schema says so, otherwise what it reads as.
fn typed(value: &str, schema: &Value, key: &str) -> String {
    let property = schema.get("properties").and_then(|all| all.get(key));
    let is_text = property
        .and_then(|one| one.get("type"))
        .is_some_and(|kind| kind == "string");
    let trimmed = value.trim();
    if !is_text && serde_json::from_str::<IgnoredAny>(trimmed).is_ok() {
        return trimmed.to_owned();
    }
    Value::from(value).to_string()
}

/// Whether the name behind `<function=` is, or may become, one of an offered tool.
pub(super) fn promises_function(text: &str, tools: &[Arc<ToolSpec>]) -> bool {
    let Some(rest) = text.strip_prefix(FUNCTION) else {
        return false;
    };
    match rest.split_once('>') {
        Some((name, _)) => tool::find(tools, name.trim()).is_some(),
        None => rest.len() <= LONGEST_HEAD && !rest.contains(['\n', '<']),
    }
}

#[cfg(test)]
mod tests {
    use response_domain::json::Json;
    use response_domain::tool::ToolHome;

    use super::*;

    fn tools() -> Vec<Arc<ToolSpec>> {
        let schema =
            r#"{"type":"object","properties":{"q":{"type":"string"},"n":{"type":"integer"}}}"#;
        let spec = |name: &str| {
            let parameters = Json::from_text(schema.to_owned()).unwrap();
            Arc::new(ToolSpec::plain(name, ToolHome::Caller, parameters))
        };
        vec![spec("search"), spec("scrape")]
    }

    #[test]
    fn a_beginning_promises_a_call_only_as_long_as_it_can_become_one() {
        use Promise::{Call, Other, Unclear};
        let cases = [
            ("{", Unclear),
            ("[ { ", Unclear),
            (r#"{"na"#, Unclear),
            (r#"{"name""#, Unclear),
            (r#"{"name": "#, Unclear),
            (r#"{"name": "sea"#, Unclear),
            (r#"{"name": "search""#, Call),
            (r#"{"name": "functions.search", "#, Call),
            (r#"{"name": "Ada""#, Other),
            (r#"{"name": "Ada Love"#, Other),
            (r#"{"type": "function""#, Call),
            (r#"{"type": "object""#, Other),
            (r#"{"function": "search""#, Call),
            (r#"{"function": {"#, Call),
            (r#"{"arguments": "#, Call),
            (r#"{"answer"#, Other),
            (r#"{"id": 1"#, Other),
            ("{}", Other),
            ("[1", Other),
            ("[]", Other),
            (r#"{"name": 1"#, Other),
        ];
        for (text, expected) in cases {
            assert_eq!(promise(text, &tools()), expected, "{text}");
        }
        let long = format!(r#"{{"name": "{}"#, "x".repeat(600));
        assert_eq!(promise(&long, &tools()), Other);
    }

    #[test]
    fn json_is_a_call_only_when_all_of_it_is() {
        let cases = [
            (r#"{"name":"search","arguments":{"q":"a","n":1}}"#, 1),
            (r#"{"name":"search","parameters":{}}"#, 1),
            (
                r#"{"type":"function","function":{"name":"search","arguments":"{\"q\":1}"}}"#,
                1,
            ),
            (r#"{"function":"search","arguments":{}}"#, 1),
            (
                r#"[{"name":"search","arguments":{}},{"name":"scrape","arguments":{}}]"#,
                2,
            ),
            (
                "{\"name\":\"search\",\"arguments\":{}}\n{\"name\":\"scrape\",\"arguments\":{}};",
                2,
            ),
            (r#"{"name":"search"}"#, 0),
            (r#"{"name":"other","arguments":{}}"#, 0),
            (r#"{"name":"search","arguments":{}} and more"#, 0),
            (r#"{"name":"search","arguments":"text"}"#, 0),
            (r#"[{"name":"search","arguments":{}},1]"#, 0),
            ("", 0),
        ];
        for (text, count) in cases {
            let found = from_json(text, &tools()).map_or(0, |leaks| leaks.len());
            assert_eq!(found, count, "{text}");
        }
    }

    #[test]
    fn marks_become_arguments_of_the_types_that_the_schema_says() {
        let text = "<function=search>\n<parameter=q>\n42\n</parameter>\n<parameter=n>\n42\n</parameter>\n<parameter=x>two\nlines</parameter>\n</function>\n</tool_call>";
        let leak = from_marks(text, &tools()).unwrap();
        assert_eq!(&*leak.name, "search");
        assert_eq!(leak.arguments, r#"{"q":"42","n":42,"x":"two\nlines"}"#);
        let unclosed = "<function=search><parameter=q>a<parameter=n>7</function>";
        let leak = from_marks(unclosed, &tools()).unwrap();
        assert_eq!(leak.arguments, r#"{"q":"a","n":7}"#);
        assert_eq!(
            from_marks("<function=search></function>", &tools())
                .unwrap()
                .arguments,
            "{}"
        );
        assert!(from_marks("<function=other></function>", &tools()).is_none());
        assert!(promises_function("<function=sea", &tools()));
        assert!(!promises_function("<function=sea\n", &tools()));
        assert!(!promises_function("<function=other>", &tools()));
    }
}
