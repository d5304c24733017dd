//! What is said over a WebSocket besides the events: what a client asks for, and why it does not get it.

use bytes::BytesMut;
use response_domain::id::ResponseId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::wire::put_text;
use crate::dialect::{Dialect, Object, put_json};
use crate::extract::bad_json;
use crate::problem::Problem;

/// What a message of a client says beside the request for a response that it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The response it continues, as far as that can be read.
    pub(super) previous: Option<ResponseId>,
    /// Whether a model is to answer.
    pub(super) generation: Generation,
}

/// Whether a model is to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Generation {
    /// It is.
    #[default]
    Wanted,
    /// Not yet: what is asked is to be remembered for the next request.
    Later,
}

const FIELDS: &[&str; 3] = &["type", "generate", "previous_response_id"];

type Members<'a> = Object<'a, 3>;

impl Asked {
    /// Of the text of a message.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        let members = members(text)?;
        if member::<String>(&members, "type").as_deref() != Some("response.create") {
            return Err(Problem::invalid("type", "`type` must be `response.create`"));
        }
        let generation = match members.get("generate").map(RawValue::get) {
            None | Some("true") => Generation::Wanted,
            Some("false") => Generation::Later,
            Some(_) => {
                let message = "`generate` must be `true` or `false`";
                return Err(Problem::invalid("generate", message));
            }
        };
        Ok(Self {
            previous: previous(&members),
            generation,
        })
    }

    /// The response that a message continues, whatever else is wrong with it.
    pub(super) fn previous_of(text: &str) -> Option<ResponseId> {
        previous(&members(text).ok()?)
    }
}

fn members(text: &str) -> Result<Members<'_>, Problem> {
    Object::read(text, FIELDS).map_err(|error| {
        if error.is_data() {
            return bad_json("a message must be a JSON object");
        }
        bad_json(format!("the message is not valid JSON: {error}"))
    })
}

fn member<'a, T: Deserialize<'a>>(members: &Members<'a>, name: &'static str) -> Option<T> {
    serde_json::from_str(members.get(name)?.get()).ok()
}

fn previous(members: &Members<'_>) -> Option<ResponseId> {
    let text: String = member(members, "previous_response_id")?;
    text.parse().ok()
}

/// A refusal as it is answered over HTTP.
#[derive(Deserialize)]
struct Answer {
    error: Refusal,
}

/// The same as a message.
#[derive(Serialize)]
struct Message {
    r#type: &'static str,
    status: u16,
    error: Refusal,
}

#[derive(Deserialize, Serialize)]
struct Refusal {
    r#type: String,
    code: Option<String>,
    message: String,
    param: Option<String>,
}

/// Writes a message that refuses a request. Its error is that of an answer over HTTP, but always has a code:
/// there are clients that know it by nothing else.
pub(super) fn put_refusal(
    dialect: impl Dialect,
    problem: &Problem,
    request_id: &str,
    out: &mut BytesMut,
) {
    let mut answer = BytesMut::with_capacity(256);
    dialect.refuse(problem, request_id, &mut answer);
    let Ok(Answer { mut error }) = serde_json::from_slice(&answer) else {
        debug_assert!(false, "a refusal of another shape");
        return;
    };
    error.code.get_or_insert_with(|| error.r#type.clone());
    let message = Message {
        r#type: "error",
        status: problem.status.as_u16(),
        error,
    };
    let mut text = BytesMut::with_capacity(256);
    put_json(&mut text, &message);
    put_text(out, &text);
}

#[cfg(test)]
mod tests {
    use response_domain::id::RawId;

    use super::*;

    #[test]
    fn what_a_message_asks_for_is_read_or_refused() {
        let id = ResponseId::new(RawId::new(7));
        let asked = |previous, generation| {
            Ok(Asked {
                previous,
                generation,
            })
        };
        let wanted = Generation::Wanted;
        let create = r#""type":"response.create""#;
        let cases = [
            (format!("{{{create}}}"), asked(None, wanted)),
            (
                format!(r#"{{{create},"generate":null}}"#),
                asked(None, wanted),
            ),
            (
                format!(r#"{{{create},"generate":true,"input":[[]]}}"#),
                asked(None, wanted),
            ),
            (
                format!(r#"{{"previous_response_id":"{id}",{create},"generate":false}}"#),
                asked(Some(id), Generation::Later),
            ),
            (
                format!(r#"{{"previous_response_id":"resp_7",{create}}}"#),
                asked(None, wanted),
            ),
            (format!(r#"{{{create},"generate":0}}"#), Err("generate")),
            (r#"{"type":"response.cancel"}"#.to_owned(), Err("type")),
            (r#"{"type":7}"#.to_owned(), Err("type")),
            ("{}".to_owned(), Err("type")),
            ("[]".to_owned(), Err("invalid_json")),
            ("{".to_owned(), Err("invalid_json")),
        ];
        for (text, expected) in cases {
            let read = Asked::read(&text).map_err(|problem| {
                let field = problem.field.unwrap_or_else(|| problem.code.into());
                field.into_string()
            });
            assert_eq!(read, expected.map_err(str::to_owned), "{text}");
        }
    }

    #[test]
    fn what_a_faulty_message_continues_is_known() {
        let id = ResponseId::new(RawId::new(7));
        let text =
            format!(r#"{{"type":"response.create","input":7,"previous_response_id":"{id}"}}"#);
        assert_eq!(Asked::previous_of(&text), Some(id));
        assert_eq!(Asked::previous_of("{"), None);
    }
}
