//! One tool call: its arguments read strictly, its work done, its outcome as MCP shows it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use response_egress::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::catalog::CONTEXT;
use super::library::{Found, Library};
use super::page::Pages;
use super::{calculator, clock};

/// What the tools work with.
#[derive(Debug)]
pub(super) struct Workshop {
    pub(super) library: Arc<Library>,
    pub(super) pages: Pages,
    /// What links to documents begin with.
    pub(super) links: Url,
    /// The clock's time; that of this machine when absent.
    pub(super) time: Option<SystemTime>,
    pub(super) with_test_tools: bool,
}

/// What a call comes to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Pauses before the result, each with the progress that is told after it.
    pub(super) waits: Vec<(Duration, Option<Progress>)>,
    /// Text for the model, or why there is none.
    pub(super) result: Result<String, String>,
}

/// How far a call has come.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) done: f64,
    pub(super) total: f64,
}

impl From<Result<String, String>> for Outcome {
    fn from(result: Result<String, String>) -> Self {
        Self {
            waits: Vec::new(),
            result,
        }
    }
}

/// A result as `tools/call` answers it.
pub(super) fn shown(result: Result<String, String>) -> Value {
    let is_error = result.is_err();
    let text = result.unwrap_or_else(|error| error);
    json!({"content": [{"type": "text", "text": text}], "isError": is_error})
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    q: String,
    num: Option<usize>,
    page: Option<usize>,
}

/// What a search comes to.
#[derive(Serialize)]
struct Hits {
    query: String,
    /// How many documents match, on all pages.
    total: usize,
    results: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    position: usize,
    title: String,
    link: String,
    snippet: String,
    date: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scrape {
    url: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calculate {
    expression: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    timezone_offset: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    seconds: f64,
    progress_every: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Blob {
    bytes: usize,
}

impl Workshop {
    /// Runs a tool, or `None` when there is none of that name.
    pub(super) async fn call(&self, name: &str, arguments: Value) -> Option<Outcome> {
        Some(match name {
            "google_search" => read(without_context(arguments))
                .and_then(|ask| self.search(&ask))
                .into(),
            "scrape" => match read::<Scrape>(without_context(arguments)) {
                Ok(ask) => self
                    .pages
                    .fetch(&ask.url)
                    .await
                    .and_then(|page| json_text(&page))
                    .into(),
                Err(error) => Err(error).into(),
            },
            "calculator" => read(arguments)
                .and_then(|ask: Calculate| {
                    calculator::calculate(&ask.expression).map_err(|fault| fault.to_string())
                })
                .into(),
            "clock" => read(arguments)
                .and_then(|ask: Clock| self.tell(&ask))
                .into(),
            "wait" if self.with_test_tools => match read::<Wait>(arguments) {
                Ok(ask) => wait(&ask),
                Err(error) => Err(error).into(),
            },
            "blob" if self.with_test_tools => read(arguments)
                .and_then(|Blob { bytes }| match bytes {
                    0..=67_108_864 => Ok("x".repeat(bytes)),
                    _ => Err("bytes must be at most 67108864".to_owned()),
                })
                .into(),
            _ => return None,
        })
    }

    fn search(&self, ask: &Search) -> Result<String, String> {
        let num = in_range("num", ask.num.unwrap_or(5), 20)?;
        let page = in_range("page", ask.page.unwrap_or(1), 1000)?;
        if ask.q.trim().is_empty() {
            return Err("q must not be empty".to_owned());
        }
        let found = self.library.search(&ask.q);
        let hit = |(index, found): (usize, Found<'_>)| Hit {
            position: index + 1,
            title: found.document.title.clone(),
            link: self.link(&found.document.name),
            snippet: found.snippet,
            date: found.document.date.clone(),
        };
        let total = found.len();
        let page = found
            .into_iter()
            .enumerate()
            .skip((page - 1) * num)
            .take(num);
        let results: Vec<Hit> = page.map(hit).collect();
        json_text(&Hits {
            query: ask.q.clone(),
            total,
            results,
        })
    }

    fn link(&self, name: &str) -> String {
        let path = format!("documents/{name}");
        self.links.join(&path).map_or(path, |url| url.to_string())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a clock tool tells the time of its machine"
    )]
    fn tell(&self, ask: &Clock) -> Result<String, String> {
        let now = self.time.unwrap_or_else(SystemTime::now);
        clock::tell(now, ask.timezone_offset.as_deref()).map(|time| time.to_string())
    }
}

/// A result as text, its fields in the order of their declaration.
pub(super) fn json_text(result: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(result).map_err(|error| format!("the result cannot be written: {error}"))
}

/// Reads arguments; what is wrong with them is told to the model.
pub(super) fn read<T: DeserializeOwned>(arguments: Value) -> Result<T, String> {
    let arguments = if arguments.is_null() {
        json!({})
    } else {
        arguments
    };
    serde_json::from_value(arguments).map_err(|error| format!("Invalid arguments: {error}"))
}

/// Arguments without what a client adds to those of tools whose schema names it.
fn without_context(mut arguments: Value) -> Value {
    if let Value::Object(fields) = &mut arguments {
        for (name, _) in CONTEXT {
            fields.remove(name);
        }
    }
    arguments
}

fn in_range(name: &str, value: usize, most: usize) -> Result<usize, String> {
    if (1..=most).contains(&value) {
        Ok(value)
    } else {
        Err(format!(
            "Invalid arguments: {name} is {value}, it must be from 1 to {most}"
        ))
    }
}

/// Waits in steps of `progress_every`, the last one shorter when it does not divide the whole.
fn wait(ask: &Wait) -> Outcome {
    let total = ask.seconds;
    let step = ask.progress_every.unwrap_or(total);
    if !(0.0..=86_400.0).contains(&total) || !(step > 0.0 || total == 0.0) {
        return Err(
            "Invalid arguments: seconds must be from 0 to 86400, progress_every above 0".to_owned(),
        )
        .into();
    }
    let mut waits = Vec::new();
    let mut done = 0.0;
    while done < total && waits.len() < 10_000 {
        let next = f64::min(done + step, total);
        let progress = Progress { done: next, total };
        waits.push((Duration::from_secs_f64(next - done), Some(progress)));
        done = next;
    }
    Outcome {
        waits,
        result: Ok(format!("waited {total} s")),
    }
}
