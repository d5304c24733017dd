//! The conversation as the model sees it: the last user message, and the calls and results
//! since.

use serde_json::Value;

use super::part::Part;
use super::request::{ChatRequest, Message};

/// What came since the last user message, and the prompt in it.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// The last user message without its directives.
    pub(super) prompt: String,
    /// The turn that is asked for now, counted from 1: one more than the turns with calls.
    pub(super) round: usize,
    /// The messages before the last user message.
    pub(super) earlier: &'a [Message],
    /// The calls since, in order.
    pub(super) attempts: Vec<Attempt<'a>>,
    /// What was seen of parts that are not text, in the prompt and since.
    pub(super) seen: Vec<String>,
}

/// A call that was asked for.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
    id: &'a str,
    /// What came back, when it has.
    pub(super) result: Option<String>,
}

/// What a tool is for, whatever prefix a server or a client gave its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Search,
    Page,
    Calculator,
    Clock,
}

impl Kind {
    pub(super) fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if ends(&["search"]) {
            Some(Self::Search)
        } else if ends(&["scrape", "fetch", "fetch_url", "fetch_page"]) {
            Some(Self::Page)
        } else if ends(&["calculator", "calculate"]) {
            Some(Self::Calculator)
        } else if ends(&["clock", "current_time", "get_time"]) {
            Some(Self::Clock)
        } else {
            None
        }
    }
}

impl<'a> View<'a> {
    /// The view of a request whose prompt was parted from its directives already.
    pub(super) fn new(request: &'a ChatRequest, prompt: String) -> Self {
        let last = request.messages.iter().rposition(Message::is_prompt);
        let (earlier, since) = request.messages.split_at(last.unwrap_or(0));
        let mut view = View {
            prompt,
            round: 1,
            earlier,
            attempts: Vec::new(),
            seen: Vec::new(),
        };
        for message in since {
            view.seen
                .extend(message.parts().iter().filter_map(Part::seen));
            if message.role == "tool" {
                view.answer(message);
            } else if !message.calls().is_empty() {
                view.round += 1;
                view.attempts
                    .extend(message.calls().iter().map(|call| Attempt {
                        name: &call.function.name,
                        arguments: &call.function.arguments,
                        id: &call.id,
                        result: None,
                    }));
            }
        }
        view
    }

    /// The first call of that id that has no result yet: ids may repeat.
    fn answer(&mut self, message: &Message) {
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let open = |attempt: &&mut Attempt<'_>| attempt.id == id && attempt.result.is_none();
        if let Some(attempt) = self.attempts.iter_mut().find(open) {
            attempt.result = Some(message.text());
        }
    }

    /// Whether a call was made already, however its arguments are spaced or ordered.
    pub(super) fn attempted(&self, name: &str, arguments: &str) -> bool {
        let same = |attempt: &Attempt<'_>| {
            let alike = Kind::of(attempt.name).is_some_and(|kind| Kind::of(name) == Some(kind));
            (alike || attempt.name == name) && same_json(attempt.arguments, arguments)
        };
        self.attempts.iter().any(same)
    }

    /// The results of one kind of tool, with the arguments they answer.
    pub(super) fn results(&self, kind: Kind) -> impl Iterator<Item = (&str, &str)> {
        self.attempts
            .iter()
            .filter(move |attempt| Kind::of(attempt.name) == Some(kind))
            .filter_map(|attempt| Some((attempt.arguments, attempt.result.as_deref()?)))
    }
}

/// Compares two texts as JSON. The context that a client adds to arguments does not count.
fn same_json(left: &str, right: &str) -> bool {
    let read = |text: &str| {
        let mut value: Value = serde_json::from_str(text).ok()?;
        if let Value::Object(fields) = &mut value {
            for context in ["request_id", "conversation_id", "user_id", "tool_call_id"] {
                fields.remove(context);
            }
        }
        Some(value)
    };
    match (read(left), read(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}

/// One result of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) title: String,
    pub(super) link: String,
    pub(super) snippet: String,
}

/// The hits in a search tool's result. One that a client cut off gives those before the cut.
pub(super) fn hits(result: &str) -> Vec<Hit> {
    let list = ["\"results\":", "\"organic\":"]
        .iter()
        .find_map(|key| result.split_once(key));
    let Some((_, list)) = list else {
        return Vec::new();
    };
    let mut rest = list.trim_start().strip_prefix('[').unwrap_or_default();
    let mut hits = Vec::new();
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(hit)) = values.next() else {
            return hits;
        };
        rest = rest
            .get(values.byte_offset()..)
            .unwrap_or_default()
            .trim_start();
        rest = rest.strip_prefix(',').unwrap_or_default();
        let text = |key: &str| {
            let text = hit.get(key).and_then(Value::as_str).unwrap_or_default();
            text.trim().to_owned()
        };
        if !text("title").is_empty() {
            hits.push(Hit {
                title: text("title"),
                link: text("link"),
                snippet: text("snippet"),
            });
        }
    }
}

/// A text field of a JSON object. In an object that a client cut off it is what stands before
/// the cut.
pub(super) fn field(json: &str, name: &str) -> Option<String> {
    if let Ok(value) = serde_json::from_str::<Value>(json) {
        return Some(value.get(name)?.as_str()?.to_owned());
    }
    let (_, rest) = json.split_once(&format!("\"{name}\":\""))?;
    let mut is_escaped = false;
    let end = rest.find(|c: char| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    let raw = rest.get(..end.unwrap_or(rest.len()))?;
    // A cut may fall into an escape; then the characters before it are all there is.
    (0..=6).find_map(|dropped| {
        let raw = raw.get(..raw.len().checked_sub(dropped)?)?;
        serde_json::from_str(&format!("\"{raw}\"")).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_was_cut_off_gives_what_stands_before_the_cut() {
        let whole =
            r#"{"query":"q","results":[{"title":"A","link":"l","snippet":"s"}, {"title":"B"}]}"#;
        assert_eq!(hits(whole).len(), 2);
        assert_eq!(hits(&whole[..70]).len(), 1);
        assert_eq!(hits("no json"), []);
        let page = r#"{"title":"T","text":"one \"two\" \u00e9 three"}"#;
        assert_eq!(field(page, "text").as_deref(), Some("one \"two\" é three"));
        for end in 22..page.len() - 1 {
            let text = field(&page[..end], "text").unwrap();
            assert!("one \"two\" é three".starts_with(&text), "{text}");
            assert_eq!(field(&page[..end], "title").as_deref(), Some("T"));
        }
    }
}
