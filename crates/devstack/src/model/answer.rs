//! The model's words: an answer made of what the tools really returned, or, without tools, of
//! what was said. Nothing here is made up about the world; a prompt that no rule knows is
//! answered by saying so.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::fill::fill;
use super::plan::Wanted;
use super::request::{ChatRequest, Message};
use super::view::{Kind, View, field, hits};
use super::words::Wishes;

/// How much of one tool result is quoted, in characters.
const EXCERPT: usize = 300;

/// The answer to the prompt.
pub(super) fn answer(request: &ChatRequest, view: &View<'_>, wishes: &Wishes) -> String {
    let text = if view.attempts.is_empty() {
        from_words(view)
    } else {
        from_tools(view, wishes)
    };
    match request
        .response_format
        .as_ref()
        .and_then(|format| format.get("type")?.as_str())
    {
        Some("json_object" | "json_schema") if is_object(&text) => text,
        Some("json_object") => json!({ "answer": text }).to_string(),
        Some("json_schema") => {
            let schema = request.response_format.as_ref();
            let schema = schema.and_then(|format| format.get("json_schema")?.get("schema"));
            fill(schema.unwrap_or(&Value::Null), &text).to_string()
        }
        _ => text,
    }
}

/// What the model thinks before it acts.
pub(super) fn reasoning(view: &View<'_>, calls: &[Wanted]) -> String {
    let mut text = format!("The user says: {}. ", excerpt(&view.prompt, 120));
    if !view.attempts.is_empty() {
        let _ = write!(text, "I have {} tool results so far. ", view.attempts.len());
    }
    if calls.is_empty() {
        text.push_str("I can answer now.");
    } else {
        let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
        let _ = write!(text, "I need {}.", names.join(" and "));
    }
    text
}

fn from_tools(view: &View<'_>, wishes: &Wishes) -> String {
    let mut parts = Vec::new();
    for (arguments, result) in view.results(Kind::Search) {
        parts.push(searched(arguments, result, wishes.count.unwrap_or(5)));
    }
    for (arguments, result) in view.results(Kind::Page) {
        parts.push(read(arguments, result));
    }
    for (arguments, result) in view.results(Kind::Calculator) {
        let expression = argument(arguments, "expression");
        parts.push(format!("{expression} = {}", excerpt(result, EXCERPT)));
    }
    for (_, result) in view.results(Kind::Clock) {
        let time = field(result, "time").unwrap_or_else(|| excerpt(result, EXCERPT));
        parts.push(format!("The time is {time}."));
    }
    for attempt in view
        .attempts
        .iter()
        .filter(|attempt| Kind::of(attempt.name).is_none())
    {
        let result = attempt.result.as_deref().unwrap_or("nothing");
        parts.push(format!(
            "{} returned: {}",
            attempt.name,
            excerpt(result, EXCERPT)
        ));
    }
    if !view.seen.is_empty() {
        parts.push(shown(view).trim().to_owned());
    }
    parts.join("\n\n")
}

fn searched(arguments: &str, result: &str, count: usize) -> String {
    let query = argument(arguments, "q");
    let hits = hits(result);
    if hits.is_empty() {
        return match serde_json::from_str::<Value>(result) {
            Ok(value) if value.is_object() => format!("A search for \"{query}\" found nothing."),
            _ => format!(
                "The search for \"{query}\" answered: {}",
                excerpt(result, EXCERPT)
            ),
        };
    }
    let mut text = format!("Here is what I found for \"{query}\":");
    for (index, hit) in hits.iter().take(count).enumerate() {
        let _ = write!(
            text,
            "\n{}. {} - {} ({})",
            index + 1,
            hit.title,
            hit.snippet,
            hit.link
        );
    }
    text
}

fn read(arguments: &str, result: &str) -> String {
    if let (Some(title), Some(text)) = (field(result, "title"), field(result, "text")) {
        return format!(
            "From the page \"{title}\": {}",
            excerpt(&first_sentences(&text), EXCERPT)
        );
    }
    let url = argument(arguments, "url");
    format!("The page {url} answered: {}", excerpt(result, EXCERPT))
}

/// Two sentences, without the heading that repeats the title.
fn first_sentences(text: &str) -> String {
    let body = text.split_once("\n\n").map_or(text, |(_, body)| body);
    let sentences: Vec<_> = body.split_inclusive(". ").take(2).collect();
    sentences.concat().trim().to_owned()
}

fn argument(arguments: &str, name: &str) -> String {
    field(arguments, name).unwrap_or_else(|| arguments.to_owned())
}

fn excerpt(text: &str, characters: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

fn from_words(view: &View<'_>) -> String {
    let prompt = view.prompt.as_str();
    let lower = prompt.to_ascii_lowercase();
    if let Some(text) = said(prompt, &lower) {
        return text;
    }
    if let Some(text) = compacted(view, &lower) {
        return text;
    }
    if let Some(text) = remembered(view, &lower) {
        return text;
    }
    if lower.contains("haiku") {
        return "Tests run through the night,\nevery branch comes home in green:\nmorning, and \
                fresh tea."
            .to_owned();
    }
    if [
        "analysis",
        "essay",
        "report",
        "long",
        "comprehensive",
        "detailed",
    ]
    .iter()
    .any(|word| lower.contains(word))
    {
        return essay(prompt);
    }
    format!(
        "You said: \"{}\".{} I am the stand-in model of the development stack: I answer by \
         fixed rules, from tool results where a tool was offered and called for, and from this \
         conversation otherwise.",
        excerpt(prompt, EXCERPT),
        shown(view)
    )
}

/// What came along with the prompt, or with what tools returned.
fn shown(view: &View<'_>) -> String {
    match view.seen.as_slice() {
        [] => String::new(),
        [one] => format!(" It came with 1 attachment: {one}."),
        several => {
            let count = several.len();
            format!(" It came with {count} attachments: {}.", several.join("; "))
        }
    }
}

/// The conversation so far as notes, for somebody who goes on with it.
fn compacted(view: &View<'_>, lower: &str) -> Option<String> {
    let asks = ["compact the conversation", "summarize the conversation"];
    if !asks.iter().any(|opener| lower.starts_with(opener)) {
        return None;
    }
    let mut notes = String::from("Notes of the conversation:");
    for message in view.earlier {
        let text = message.text();
        if !matches!(message.role.as_str(), "system" | "developer") && !text.trim().is_empty() {
            let _ = write!(notes, "\n- {}: {}", message.role, excerpt(&text, EXCERPT));
        }
    }
    Some(notes)
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object())
}

/// "Say X" is answered with X, word for word.
fn said(prompt: &str, lower: &str) -> Option<String> {
    let opener = ["say: ", "say ", "repeat: "]
        .into_iter()
        .find(|o| lower.starts_with(o))?;
    let text = prompt.get(opener.len()..)?.trim().trim_matches('"');
    (!text.is_empty()).then(|| text.to_owned())
}

/// Questions about the conversation itself are answered from its earlier messages.
fn remembered(view: &View<'_>, lower: &str) -> Option<String> {
    let users = || {
        view.earlier
            .iter()
            .rev()
            .filter(|message| message.role == "user")
    };
    if lower.contains("my name?") || lower.contains("what is my name") {
        let name = users().map(Message::text).find_map(|text| name_in(&text));
        return Some(match name {
            Some(name) => format!("Your name is {name}."),
            None => "You have not told me your name.".to_owned(),
        });
    }
    let about_before = [
        "what did i",
        "my last question",
        "my previous",
        "said before",
    ];
    if about_before.iter().any(|phrase| lower.contains(phrase)) {
        return Some(match users().next() {
            Some(message) => {
                format!(
                    "Before this you said: \"{}\".",
                    excerpt(&message.text(), EXCERPT)
                )
            }
            None => "This is the first thing you said.".to_owned(),
        });
    }
    let name = name_in(&view.prompt)?;
    Some(format!(
        "Nice to meet you, {name}. I will remember your name in this conversation."
    ))
}

fn name_in(text: &str) -> Option<String> {
    let at = text.to_ascii_lowercase().find("my name is ")? + "my name is ".len();
    let name = text
        .get(at..)?
        .split(|c: char| !c.is_alphanumeric() && c != '-')
        .next()?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// A long text about the prompt, so that there is something to stream and to store.
fn essay(prompt: &str) -> String {
    let topic = excerpt(prompt, 120);
    let aspects = [
        (
            "Where things stand",
            "what is settled, what is disputed and who says so",
        ),
        (
            "What drives it",
            "the costs, the incentives and the tools that became good enough",
        ),
        (
            "What could go wrong",
            "the assumptions that nobody checks until they fail",
        ),
        (
            "Who is affected",
            "those who build it, those who use it and those who pay for it",
        ),
        (
            "What to watch",
            "the few numbers that would change the picture if they moved",
        ),
        (
            "What to do next",
            "the smallest step that would teach something new",
        ),
    ];
    let mut text = format!(
        "The request was: \"{topic}\". This is sample text of the development stack's stand-in \
         model; it has a shape and a length, and no knowledge.\n"
    );
    for (heading, matter) in aspects {
        let _ = write!(
            text,
            "\n## {heading}\n\nA careful reader begins with {matter}. Each claim here would need \
             a source, each source a date, and each date a reason to trust it. Where two accounts \
             differ, the difference itself is worth a paragraph, because it shows where the \
             evidence ends. A conclusion that survives both accounts is worth more than either.\n"
        );
    }
    text
}
