//! JSON laid out for golden files: the order of the fields stays, which a tree would lose.

/// `json` over several lines.
pub(crate) fn laid_out(json: &str) -> String {
    let mut lines = String::new();
    let mut depth = 0;
    let mut in_text = false;
    let mut escaped = false;
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_text {
            lines.push(character);
            in_text = escaped || character != '"';
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            '{' | '[' if matches!(characters.peek(), Some('}' | ']')) => {
                lines.push(character);
                lines.extend(characters.next());
            }
            '{' | '[' => {
                depth += 1;
                lines.push(character);
                new_line(&mut lines, depth);
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut lines, depth);
                lines.push(character);
            }
            ',' => {
                lines.push(',');
                new_line(&mut lines, depth);
            }
            ':' => lines.push_str(": "),
            '"' => {
                in_text = true;
                lines.push('"');
            }
            other => lines.push(other),
        }
    }
    lines.push('\n');
    lines
}

fn new_line(lines: &mut String, depth: usize) {
    lines.push('\n');
    lines.push_str(&"  ".repeat(depth));
}

/// `text` without the durations that a real clock measured.
pub(crate) fn timeless(text: &str) -> String {
    let mut parts = text.split("\"duration_ms\":");
    let mut timeless = parts.next().unwrap().to_owned();
    for part in parts {
        let digits = part.trim_start_matches([' ']);
        let rest = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
        timeless.push_str("\"duration_ms\": ");
        if rest.len() == digits.len() {
            timeless.push_str(rest);
        } else {
            timeless.push('#');
            timeless.push_str(rest);
        }
    }
    timeless
}
