//! A second MCP server, at `/notes/mcp`: notes kept in memory, for whoever brings the token. It stands for
//! the servers that callers name themselves; two of its tools change something, and say so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Outcome, json_text, read};

/// The notes of one server; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Notes(Arc<Mutex<BTreeMap<u32, Note>>>);

#[derive(Debug)]
struct Note {
    title: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    id: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    text: String,
}

impl Notes {
    /// One note that says what this is.
    pub(super) fn new() -> Self {
        let note = Note {
            title: "Welcome".to_owned(),
            text: "These notes are kept as long as the development stack runs.".to_owned(),
        };
        Self(Arc::new(Mutex::new(BTreeMap::from([(1, note)]))))
    }

    /// Runs a tool, or `None` when there is none of that name.
    pub(super) fn call(&self, name: &str, arguments: Value) -> Option<Outcome> {
        Some(match name {
            "list_notes" => read(arguments).and_then(|Nothing {}| self.list()).into(),
            "read_note" => read(arguments).and_then(|which| self.read(&which)).into(),
            "add_note" => read(arguments).map(|note| self.add(note)).into(),
            "delete_note" => read(arguments).and_then(|which| self.delete(&which)).into(),
            _ => return None,
        })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u32, Note>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self) -> Result<String, String> {
        let notes = self.all();
        let shown = |(id, note): (&u32, &Note)| json!({"id": id, "title": note.title});
        json_text(&notes.iter().map(shown).collect::<Vec<_>>())
    }

    fn read(&self, which: &Which) -> Result<String, String> {
        let notes = self.all();
        let note = notes.get(&which.id).ok_or_else(|| missing(which))?;
        Ok(format!("{}\n\n{}", note.title, note.text))
    }

    fn add(&self, Written { title, text }: Written) -> String {
        let mut notes = self.all();
        let id = notes.last_key_value().map_or(1, |(last, _)| last + 1);
        notes.insert(id, Note { title, text });
        format!("note {id} added")
    }

    fn delete(&self, which: &Which) -> Result<String, String> {
        let gone = self.all().remove(&which.id);
        gone.map(|_| format!("note {} deleted", which.id))
            .ok_or_else(|| missing(which))
    }
}

fn missing(which: &Which) -> String {
    format!("there is no note {}", which.id)
}

/// The list of its tools.
pub(super) fn catalog() -> Vec<Value> {
    let id =
        json!({"id": {"type": "integer", "minimum": 1, "description": "The number of the note"}});
    let text = |description: &str| json!({"type": "string", "description": description});
    let written = json!({"title": text("Its title"), "text": text("What it says")});
    let reads = json!({"readOnlyHint": true, "openWorldHint": false});
    let adds = json!({"readOnlyHint": false, "destructiveHint": false, "idempotentHint": false});
    let deletes = json!({"readOnlyHint": false, "destructiveHint": true, "idempotentHint": true});
    vec![
        tool("list_notes", "Lists all notes", &reads, &json!({}), &[]),
        tool("read_note", "Reads a note", &reads, &id, &["id"]),
        tool(
            "add_note",
            "Writes a new note",
            &adds,
            &written,
            &["title", "text"],
        ),
        tool("delete_note", "Deletes a note", &deletes, &id, &["id"]),
    ]
}

fn tool(
    name: &str,
    description: &str,
    annotations: &Value,
    properties: &Value,
    required: &[&str],
) -> Value {
    json!({
        "name": name, "description": description, "annotations": annotations,
        "inputSchema": {
            "type": "object", "properties": properties, "required": required,
            "additionalProperties": false,
        },
    })
}
