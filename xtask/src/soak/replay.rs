//! What must be true of the whole stream of one response, and of any part of it.

use serde_json::Value;

use super::client::Frame;
use super::load::has_ended;

/// What is wrong with a whole stream, given the response as it is kept.
pub(super) fn whole(frames: &[Frame], response: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    for (due, frame) in frames.iter().enumerate() {
        if usize::try_from(frame.number) != Ok(due) {
            wrong.push(format!("frame {} stands where {due} is due", frame.number));
            break;
        }
    }
    if frames.first().map(|frame| frame.event.as_str()) != Some("response.created") {
        wrong.push("its stream does not begin with response.created".to_owned());
    }
    let ends: Vec<&str> = frames.iter().filter_map(end_of).collect();
    let status = text(response, "status");
    if ends != [status] || frames.last().and_then(end_of) != Some(status) {
        wrong.push(format!("its stream ends with {ends:?}, and it is {status}"));
    }
    let last_text = frames
        .iter()
        .rev()
        .find(|frame| frame.event == "response.output_text.done");
    let last_text = last_text.map(data).unwrap_or_default();
    if status == "completed" && text(&last_text, "text") != text(response, "output") {
        wrong.push("the last text of its stream is not its output".to_owned());
    }
    if status == "completed" && said(frames) != text(response, "output") {
        wrong.push("the last deltas of its stream are not its output".to_owned());
    }
    wrong
}

/// The text of the deltas between the last two ends of a text.
fn said(frames: &[Frame]) -> String {
    let mut said = String::new();
    let mut is_over = false;
    for frame in frames {
        match frame.event.as_str() {
            "response.output_text.delta" => {
                if std::mem::take(&mut is_over) {
                    said.clear();
                }
                said.push_str(text(&data(frame), "delta"));
            }
            "response.output_text.done" => is_over = true,
            _ => {}
        }
    }
    said
}

/// What is wrong with a part of a stream, given the whole.
pub(super) fn part(part: &[Frame], whole: &[Frame]) -> Vec<String> {
    let mut wrong = Vec::new();
    for frame in part {
        let place = usize::try_from(frame.number).unwrap_or(usize::MAX);
        let same = whole.get(place).is_some_and(|other| is_same(frame, other));
        if !same {
            wrong.push(format!(
                "frame {} {} was told, and is {:?} now",
                frame.number,
                frame.event,
                whole.get(place).map(|other| &other.event)
            ));
        }
    }
    wrong
}

/// A frame that shows the response shows it as it is when it is read.
fn is_same(one: &Frame, other: &Frame) -> bool {
    let shows_response = |frame: &Frame| {
        matches!(
            frame.event.as_str(),
            "response.created" | "response.in_progress"
        ) || end_of(frame).is_some()
    };
    one.event == other.event && (shows_response(one) || one.data == other.data)
}

/// The status that a frame ends a stream with, if it does.
fn end_of(frame: &Frame) -> Option<&str> {
    frame
        .event
        .strip_prefix("response.")
        .filter(|status| has_ended(status))
}

fn data(frame: &Frame) -> Value {
    serde_json::from_str(&frame.data).unwrap_or_default()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn stream() -> Vec<Frame> {
        [
            ("response.created", json!({})),
            ("response.in_progress", json!({})),
            ("response.output_text.delta", json!({"delta": "lost"})),
            ("response.output_text.done", json!({"text": "lost"})),
            ("response.output_text.delta", json!({"delta": "wo"})),
            ("response.output_text.delta", json!({"delta": "rd"})),
            ("response.output_text.done", json!({"text": "word"})),
            ("response.completed", json!({})),
        ]
        .into_iter()
        .enumerate()
        .map(|(at, (event, data))| Frame {
            event: event.to_owned(),
            number: at as u64,
            data: data.to_string(),
        })
        .collect()
    }

    #[test]
    fn a_stream_of_its_response_is_right_and_one_of_another_is_not() {
        let response = json!({"status": "completed", "output": "word"});
        assert_eq!(whole(&stream(), &response), [""; 0]);
        let other = json!({"status": "completed", "output": "words"});
        assert_eq!(whole(&stream(), &other).len(), 2);
        assert_eq!(whole(&stream(), &json!({"status": "failed"})).len(), 1);
    }

    #[test]
    fn a_gap_a_second_end_and_a_missing_end_are_found() {
        let response = json!({"status": "completed", "output": "word"});
        let mut gap = stream();
        gap.remove(1);
        assert_eq!(whole(&gap, &response).len(), 1);
        let mut twice = stream();
        let mut end = twice[7].clone();
        end.number = 8;
        twice.push(end);
        assert_eq!(whole(&twice, &response).len(), 1);
        assert_eq!(whole(&stream()[..7], &response).len(), 1);
    }

    #[test]
    fn what_was_told_stays_told() {
        let all = stream();
        assert_eq!(part(&all[3..6], &all), [""; 0]);
        let mut other = all.clone();
        other[4].data = json!({"delta": "wa"}).to_string();
        assert_eq!(part(&other, &all).len(), 1);
        assert_eq!(part(&all, &all[..7]).len(), 1);
    }
}
