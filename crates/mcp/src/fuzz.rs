//! What must hold of anything that a tool server answers; the fuzzer's targets, and tests.

use std::collections::HashSet;
use std::sync::Arc;

use response_domain::caller::{Credential, ToolSecrets};
use response_domain::id::{ExecutionId, RawId, ResponseId};
use response_domain::json::Json;
use response_domain::ports::llm::CallContext;
use response_domain::tool::{ToolCall, ToolHome, ToolSpec};
use response_egress::header::HeaderMap;
use response_egress::{Bytes, SseReader};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::arguments::prepare;
use crate::check::{Budget, Check, Finding};
use crate::clean::clean;
use crate::fault::SessionSign;
use crate::message::{self, Awaited, Message};
use crate::options::{ContextArguments, Trust};
use crate::schema::Parameters;
use crate::tool::Tool;
use crate::{mirror, names, result, wire};

#[cfg(test)]
#[path = "../../../xtask/fuzz/src/seeds.rs"]
mod seeds;

const AWAITED: Awaited<'_> = Awaited {
    id: 7,
    token: Some("t"),
};

/// The body of an answer, which may be a message, several, or a stream of them, or words of a refusal.
pub fn answer(bytes: &[u8]) {
    let body = Bytes::copy_from_slice(bytes);
    messages(&body);
    let mut frames = SseReader::new(1 << 20);
    frames.push(body.clone());
    while let Ok(Some(frame)) = frames.finish() {
        messages(&frame.data);
    }
    if let Some(error) = message::read_error(&body) {
        assert_ne!(error.code, 0);
        assert!(error.without_words().message.len() < 20);
    }
    let words = String::from_utf8_lossy(bytes);
    assert!(matches!(
        SessionSign::read(&words),
        SessionSign::Gone | SessionSign::Silent
    ));
}

/// What one body says: its parts are no longer than it, and a result and a question are read again from what
/// is written of them.
fn messages(body: &Bytes) {
    // A byte that is no UTF-8 becomes three; what breaks JSON is told with its escapes.
    let most = 8 * body.len() + 64;
    for message in message::read(body, AWAITED).into_iter().flatten() {
        match message {
            Message::Result(json) => {
                let json = std::str::from_utf8(&json).unwrap_or_default();
                assert!(serde_json::from_str::<&RawValue>(json).is_ok(), "{json}");
                let again = format!(r#"{{"id":"7","result":{json}}}"#);
                let again = message::read(&again.into(), AWAITED);
                assert!(
                    matches!(again.as_deref(), Ok([Message::Result(_)])),
                    "{again:?}"
                );
            }
            Message::Error(error) => {
                assert!(error.message.len() <= most);
                assert!(result::complaint(&error).len() <= 4_096 + 100);
                drop(error.supported());
            }
            Message::Asked(question) => {
                let answer = wire::answer(&question);
                let begin = format!(r#"{{"jsonrpc":"2.0","id":{},"#, question.id);
                assert!(answer.starts_with(begin.as_bytes()), "{answer:?}");
                let rest = answer.get(begin.len()..).unwrap_or_default();
                let lives = rest == br#""result":{}}"#;
                assert_eq!(lives, question.is_ping, "{answer:?}");
                assert!(lives || rest.starts_with(br#""error":{"code":-32601,"#));
            }
            Message::Progress | Message::ListChanged | Message::Foreign | Message::Other => {}
        }
    }
}

/// The result of a call: its text is clean, within the limit, and says the same when a tool says it again.
pub fn outcome(bytes: &[u8]) {
    const LIMIT: usize = 300;
    let body = Bytes::copy_from_slice(bytes);
    let (short, long) = (result::read(&body, LIMIT), result::read(&body, usize::MAX));
    assert_eq!(short.is_some(), long.is_some());
    let (Some(short), Some(long)) = (short, long) else {
        return;
    };
    assert_eq!(short.is_error, long.is_error);
    assert!(short.text.len() <= LIMIT + 100);
    assert!(
        long.text.len() <= 4 * bytes.len() + 128,
        "{}",
        long.text.len()
    );
    assert_eq!(clean(&long.text), long.text);
    let said = json!({"content": [{"type": "text", "text": long.text}], "isError": long.is_error});
    let again = result::read(&said.to_string().into(), usize::MAX);
    assert_eq!(again, Some(long));
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    tools: Vec<&'a RawValue>,
}

/// A page of a list of tools: what can be used of it is fit to be offered and to be called.
pub fn list(bytes: &[u8]) {
    let Ok(page) = serde_json::from_slice::<Page<'_>>(bytes) else {
        return;
    };
    for context in [ContextArguments::Given, ContextArguments::Withheld] {
        let tools = page.tools.iter().filter_map(|raw| {
            let tool = Tool::read(raw, Trust::Trusted, context).ok()?;
            fit(&tool, raw);
            Some(tool)
        });
        let tools: Vec<Tool> = tools.collect();
        let wanted = tools.iter().map(|tool| (Some("server"), &*tool.name));
        let names = names::assign(wanted);
        assert_eq!(names.len(), tools.len());
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
        assert!(
            names
                .iter()
                .all(|name| (1..=64).contains(&name.len()) && name.is_ascii())
        );
        // The rest costs more, and one tool knows nothing of the others.
        tools.iter().take(4).for_each(called);
    }
}

fn fit(tool: &Tool, raw: &RawValue) {
    assert!((1..=256).contains(&tool.name.len()));
    assert!(tool.is_listed_as(raw));
    let description = tool.description.as_deref().unwrap_or_default();
    assert!(description.len() <= 8_192 + 4);
    assert_eq!(clean(description), description);
    assert!(tool.parameters.as_str().len() <= raw.get().len() + 64);
    let parameters = tool.parameters.to_value();
    assert!(parameters.get("type").is_some(), "{parameters}");
    assert!(
        parameters.get("properties").is_some_and(Value::is_object),
        "{parameters}"
    );
}

/// Whatever the model writes, what is sent is an object, and what it is told instead is not long.
fn called(tool: &Tool) {
    let context = CallContext {
        credential: Credential::Absent,
        tool_secrets: ToolSecrets::default(),
        request_id: "req".into(),
        response: ResponseId::new(RawId::new(1)),
        conversation: None,
        user: "ada".into(),
    };
    let spec = ToolSpec::plain(&*tool.name, ToolHome::Caller, tool.parameters.clone());
    let spec = Arc::new(spec);
    let own = tool.parameters.clone();
    for arguments in [
        Json::empty_object(),
        own,
        Json::from_value(&json!({"q": "x", "n": [1]})),
    ] {
        let call = ToolCall {
            execution: ExecutionId::new(RawId::new(1), 0),
            tool: Arc::clone(&spec),
            arguments,
        };
        match prepare(&call, &context, &tool.context, tool.check()) {
            Ok(sent) => {
                assert!(sent.as_str().starts_with('{'), "{sent:?}");
                assert!(to_raw_value(&sent.to_value()).is_ok());
                mirror::set(&mut HeaderMap::new(), &tool.mirrors, &sent);
            }
            Err(complaint) => assert!(complaint.len() < 4_096, "{}", complaint.len()),
        }
    }
}

/// A schema, and arguments in the next line: a check ends within its budget, with one more budget it finds the
/// same unless it was given up, and its words are few.
pub fn arguments(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (schema, arguments) = text.split_once('\n').unwrap_or((&text, "{}"));
    let raw: Result<&RawValue, _> = serde_json::from_str(schema);
    let parameters = Parameters::read(raw.ok(), true);
    let (Ok(parameters), Ok(arguments)) = (parameters, serde_json::from_str(arguments)) else {
        return;
    };
    let check = Check::new(&parameters.shown);
    let mut before = Finding::Spent;
    for budget in [100, 2_000, 20_000] {
        let found = check.find(&arguments, Budget(budget));
        assert_eq!(found, check.find(&arguments, Budget(budget)));
        if before != Finding::Spent {
            assert_eq!(found, before, "a budget of {budget} finds something else");
        }
        if let Finding::Unfit(why) = &found {
            assert!(why.len() < 4_096, "{} bytes", why.len());
            assert_eq!(clean(why), *why);
        }
        before = found;
    }
}

#[cfg(test)]
mod tests {
    use super::seeds::check;

    #[test]
    fn any_answer_is_messages_or_none() {
        check("mcp_answer", 1_000, super::answer);
    }

    #[test]
    fn any_result_is_clean_text_or_none() {
        check("mcp_outcome", 1_000, super::outcome);
    }

    #[test]
    fn any_listed_tool_is_fit_or_left_out() {
        check("mcp_list", 300, super::list);
    }

    #[test]
    fn any_check_of_arguments_ends_and_finds_one_thing() {
        check("mcp_arguments", 1_000, super::arguments);
    }
}
