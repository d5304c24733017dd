//! The parts of an item: each is added empty, grows by deltas, is told whole, and is closed as it was told.

use serde_json::Value;

use super::form::shortened;
use super::{Fault, Verdict, must};

/// The parts of an item, of its content or of its summary.
#[derive(Debug, Default)]
pub(super) struct Parts(Vec<Part>);

#[derive(Debug)]
struct Part {
    kind: String,
    text: String,
    annotations: Vec<Value>,
    step: Step,
    closed: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Grows,
    Whole,
    Closed,
}

/// The name of the member that holds the text of a part.
fn member(kind: &str) -> &'static str {
    if kind == "refusal" { "refusal" } else { "text" }
}

fn kind_of(part: &Value) -> Result<&str, Fault> {
    let kind = part.get("type").and_then(Value::as_str);
    kind.ok_or_else(|| Fault::new("a part has a `type`"))
}

fn text_of<'a>(part: &'a Value, kind: &str) -> Result<&'a str, Fault> {
    let name = member(kind);
    let text = part.get(name).and_then(Value::as_str);
    text.ok_or_else(|| Fault::new(format!("a part that is a {kind} has a `{name}`")))
}

impl Parts {
    /// Whether no part was told.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a part that begins at this place, and must be of one of these kinds.
    pub(super) fn add(&mut self, place: u64, part: &Value, kinds: &[&str]) -> Verdict {
        must(
            usize::try_from(place) == Ok(self.0.len()),
            "parts are numbered without gap from 0",
        )?;
        must(
            self.0.iter().all(|part| part.step == Step::Closed),
            "of two parts of an item one is closed before the other begins",
        )?;
        let kind = kind_of(part)?;
        if !kinds.contains(&kind) {
            let kinds = kinds.join(" or ");
            return Err(Fault::new(format!(
                "a part of this item is {kinds}, not {kind}"
            )));
        }
        must(text_of(part, kind)?.is_empty(), "a part begins empty")?;
        self.0.push(Part {
            kind: kind.to_owned(),
            text: String::new(),
            annotations: Vec::new(),
            step: Step::Grows,
            closed: None,
        });
        Ok(())
    }

    fn part(&mut self, place: u64, kind: &str) -> Result<&mut Part, Fault> {
        let part = usize::try_from(place)
            .ok()
            .and_then(|place| self.0.get_mut(place));
        let part = part.ok_or_else(|| Fault::new(format!("part {place} was not added")))?;
        if part.kind != kind {
            let text = format!("part {place} was added as {}, not as {kind}", part.kind);
            return Err(Fault::new(text));
        }
        Ok(part)
    }

    /// Takes more of the text of a part.
    pub(super) fn grow(&mut self, place: u64, kind: &str, delta: &str) -> Verdict {
        let part = self.part(place, kind)?;
        must(
            part.step == Step::Grows,
            "nothing is added to a text that is whole",
        )?;
        part.text.push_str(delta);
        Ok(())
    }

    /// Takes the whole text of a part.
    pub(super) fn finish(&mut self, place: u64, kind: &str, text: &str) -> Verdict {
        let part = self.part(place, kind)?;
        must(part.step == Step::Grows, "a text is told whole once")?;
        part.step = Step::Whole;
        if part.text == text {
            return Ok(());
        }
        Err(Fault::new(format!(
            "the whole text is what its deltas were: {} and {}",
            shortened(&part.text.as_str().into()),
            shortened(&text.into())
        )))
    }

    /// Takes something that is said about a text.
    pub(super) fn annotate(&mut self, place: u64, number: u64, annotation: &Value) -> Verdict {
        let part = self.part(place, "output_text")?;
        must(
            part.step != Step::Closed,
            "a part that is closed is not annotated",
        )?;
        must(
            usize::try_from(number) == Ok(part.annotations.len()),
            "annotations are numbered without gap from 0",
        )?;
        part.annotations.push(annotation.clone());
        Ok(())
    }

    /// Takes a part as it stays.
    pub(super) fn close(&mut self, place: u64, closed: &Value) -> Verdict {
        let kind = kind_of(closed)?;
        let part = self.part(place, kind)?;
        must(part.step != Step::Closed, "a part is closed once")?;
        must(
            part.step == Step::Whole,
            "a part is closed when its text is whole",
        )?;
        must(
            text_of(closed, kind)? == part.text,
            "a part holds the text that was told",
        )?;
        let annotations = closed.get("annotations").and_then(Value::as_array);
        must(
            annotations.is_none_or(|told| *told == part.annotations),
            "a part holds the annotations that were told",
        )?;
        part.step = Step::Closed;
        part.closed = Some(closed.clone());
        Ok(())
    }

    /// Checks that `content` is these parts, all of them closed.
    pub(super) fn agree(&self, content: &[Value]) -> Verdict {
        must(
            self.0.iter().all(|part| part.step == Step::Closed),
            "an item is done when its parts are closed",
        )?;
        let told: Vec<&Value> = self
            .0
            .iter()
            .filter_map(|part| part.closed.as_ref())
            .collect();
        must(
            told.iter().copied().eq(content),
            "an item holds the parts that were told",
        )
    }
}
