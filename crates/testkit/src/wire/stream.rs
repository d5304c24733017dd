//! A whole stream: its frames in order, the response in the first and the last of them, its items between.

use serde_json::Value;

use super::events::{self, About};
use super::form::shortened;
use super::items::Item;
use super::{Fault, Flavour, Verdict, must, objects};

/// Checks a stream from its first event to its last.
pub(super) fn check(events: &[Value], flavour: Flavour) -> Verdict {
    let mut stream = Stream {
        flavour,
        stage: Stage::Before,
        response: Value::Null,
        items: Vec::new(),
    };
    for (number, event) in events.iter().enumerate() {
        let name = event
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let read = stream.read(number, name, event);
        read.map_err(|fault| fault.of_frame(number, name))?;
    }
    must(
        stream.stage == Stage::Over,
        "a stream ends with `response.completed`, `response.incomplete` or `response.failed`",
    )
}

/// How far a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Before,
    Created,
    Queued,
    Running,
    Over,
}

struct Stream {
    flavour: Flavour,
    stage: Stage,
    /// The response as it was told first.
    response: Value,
    items: Vec<Item>,
}

/// What a response keeps from its first frame to its last.
const KEPT: &[&str] = &[
    "id",
    "object",
    "created_at",
    "model",
    "background",
    "store",
    "metadata",
    "instructions",
    "previous_response_id",
    "tools",
    "tool_choice",
];

impl Stream {
    fn read(&mut self, number: usize, name: &str, event: &Value) -> Verdict {
        let about = events::about(name, event, self.flavour)?;
        let told = event.get("sequence_number").and_then(Value::as_u64);
        must(
            told == u64::try_from(number).ok(),
            "`sequence_number` counts the frames from 0",
        )?;
        must(self.stage != Stage::Over, "nothing follows the end")?;
        if about == About::Response {
            return self.response(name, event);
        }
        must(
            self.stage == Stage::Running,
            "nothing happens before `response.in_progress`",
        )?;
        match about {
            About::Added => return self.add(event),
            About::Done => {
                let item = event.get("item").unwrap_or(&Value::Null);
                let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
                return self.item(event, id)?.finish(item);
            }
            About::Extension | About::Response => return Ok(()),
            About::Part | About::Text | About::Arguments | About::Step => {}
        }
        let id = event
            .get("item_id")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let item = self.item(event, id)?;
        match about {
            About::Part => item.part(name, event),
            About::Text => item.text(name, event),
            About::Arguments => item.arguments(name, event),
            _ => item.step(name),
        }
    }

    fn add(&mut self, event: &Value) -> Verdict {
        let item = Item::new(event.get("item").unwrap_or(&Value::Null), self.flavour)?;
        must(
            place(event) == Some(self.items.len()),
            "items are numbered without gap from 0, in the order in which they are added",
        )?;
        must(
            self.items.iter().all(|known| known.id() != item.id()),
            "no two items have the same id",
        )?;
        self.items.push(item);
        Ok(())
    }

    /// The item at the place that an event names, which must have this id.
    fn item(&mut self, event: &Value, id: &str) -> Result<&mut Item, Fault> {
        let item = place(event).and_then(|place| self.items.get_mut(place));
        let item = item.ok_or_else(|| Fault::new("no item was added at this `output_index`"))?;
        if item.id() != id {
            let text = format!("the item at this place is {}, not {id}", item.id());
            return Err(Fault::new(text));
        }
        Ok(item)
    }

    /// Takes a frame that tells of the whole response.
    fn response(&mut self, name: &str, event: &Value) -> Verdict {
        let response = event.get("response").unwrap_or(&Value::Null);
        objects::response(response, self.flavour)?;
        let (stage, statuses): (Stage, &[&str]) = match name {
            "response.created" => (Stage::Created, &["queued", "in_progress"]),
            "response.queued" => (Stage::Queued, &["queued"]),
            "response.in_progress" => (Stage::Running, &["in_progress"]),
            "response.completed" => (Stage::Over, &["completed"]),
            "response.incomplete" => (Stage::Over, &["incomplete"]),
            _ => (Stage::Over, &["failed", "cancelled"]),
        };
        must(
            (self.stage == Stage::Before) == (stage == Stage::Created),
            "a stream begins with `response.created`, which is told once",
        )?;
        must(
            self.stage < stage,
            "each step of a response is told once, in order",
        )?;
        let status = response
            .get("status")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !statuses.contains(&status) {
            let statuses = statuses.join(" or ");
            return Err(Fault::new(format!(
                "the response in it is {statuses}, not {status}"
            )));
        }
        must(
            stage != Stage::Over || self.stage == Stage::Running || name == "response.failed",
            "what was not in progress cannot have an answer",
        )?;
        self.stage = stage;
        if stage == Stage::Created {
            self.response = response.clone();
        }
        for &name in KEPT {
            if response.get(name) != self.response.get(name) {
                return Err(Fault::new(format!("a response keeps its `{name}`")));
            }
        }
        let output = response.get("output").and_then(Value::as_array);
        let output = output.map_or(&[][..], Vec::as_slice);
        match stage {
            Stage::Over => self.output(output, name == "response.failed"),
            _ => must(output.is_empty(), "a response begins without output"),
        }
    }

    /// Checks that the output of the last frame is what was told. What a response that failed had begun may
    /// be missing from it.
    fn output(&self, output: &[Value], failed: bool) -> Verdict {
        let mut rest = output.iter();
        for item in &self.items {
            let Some(done) = item.done() else {
                if !failed {
                    let text = format!("the item {} was added and never done", item.id());
                    return Err(Fault::new(text));
                }
                let is_it =
                    |told: &&Value| told.get("id").and_then(Value::as_str) == Some(item.id());
                if rest.clone().next().as_ref().is_some_and(is_it) {
                    rest.next();
                }
                continue;
            };
            match rest.next() {
                Some(told) if told == done => {}
                Some(told) => {
                    let (told, done) = (shortened(told), shortened(done));
                    let text = format!("the output is what was told: {told} and {done}");
                    return Err(Fault::new(text));
                }
                None => {
                    let text = format!("the item {} is not in the output", item.id());
                    return Err(Fault::new(text));
                }
            }
        }
        match rest.next() {
            None => Ok(()),
            Some(more) => {
                let more = shortened(more);
                Err(Fault::new(format!(
                    "the output holds what was not told: {more}"
                )))
            }
        }
    }
}

fn place(event: &Value) -> Option<usize> {
    let place = event.get("output_index").and_then(Value::as_u64)?;
    usize::try_from(place).ok()
}
