//! The bytes of an event stream: frames of two lines and an empty one, comments between them, and a mark at
//! the end.

use serde_json::Value;

use super::{EndMark, Fault, must};

const DONE: &str = "data: [DONE]";

/// What the frames of a stream hold, in order.
pub(super) fn events(bytes: &[u8], end: EndMark) -> Result<Vec<Value>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new("a stream is text in UTF-8"))?;
    must(!text.contains('\r'), "lines end in a line feed alone")?;
    must(
        text.is_empty() || text.ends_with("\n\n"),
        "a stream ends behind a whole frame",
    )?;
    let mut events = Vec::new();
    let mut is_over = false;
    for block in text.split_terminator("\n\n") {
        must(!is_over, "nothing stands behind `data: [DONE]`")?;
        if block == DONE {
            is_over = true;
        } else if !is_comment(block) {
            let number = events.len();
            let event = event(block).map_err(|fault| fault.of_frame(number, "as it came"))?;
            events.push(event);
        }
    }
    must(
        is_over || end == EndMark::Optional,
        "`data: [DONE]` stands behind the last frame",
    )?;
    Ok(events)
}

fn is_comment(block: &str) -> bool {
    !block.is_empty() && block.lines().all(|line| line.starts_with(':'))
}

/// What a frame holds: a name and an object of this type.
fn event(block: &str) -> Result<Value, Fault> {
    let lines = block
        .split_once('\n')
        .and_then(|(event, data)| {
            let name = event.strip_prefix("event: ")?;
            Some((name, data.strip_prefix("data: ")?))
        })
        .filter(|(_, data)| !data.contains('\n'));
    let Some((name, data)) = lines else {
        let begin: String = block.chars().take(80).collect();
        return Err(Fault::new(format!(
            "a frame is a line `event: …`, a line `data: …` and an empty line, not {begin:?}"
        )));
    };
    let event: Value = serde_json::from_str(data)
        .map_err(|error| Fault::new(format!("the data is no JSON: {error}")))?;
    must(
        event.get("type").and_then(Value::as_str) == Some(name),
        "the name of a frame is the type of its data",
    )?;
    Ok(event)
}
