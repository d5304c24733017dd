//! Patterns as schemas write them, in the words of the engine that is used here: the dialects differ in what
//! their short words mean. One pass, and no longer than a few times what came.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\x0B\x0C\r\u{2028}\u{2029}\u{FEFF}\p{Zs}";
/// Everything but the ends of lines.
const DOT: &str = r"[^\n\r\u{2028}\u{2029}]";

/// The same pattern for the engine. What is a pattern in neither dialect is still none.
pub(super) fn translated(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut is_in_class = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(&mut rest, is_in_class, &mut written),
            '[' if !is_in_class => {
                is_in_class = true;
                written.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    written.push('^');
                }
                // Here it ends a class that is empty; the engine would take it for a member.
                if rest.peek() == Some(&']') {
                    written.push_str("&&");
                }
            }
            ']' if is_in_class => {
                is_in_class = false;
                written.push(']');
            }
            // What sets are made with in classes has no meaning in schemas.
            '[' | '&' | '~' if is_in_class => {
                written.push('\\');
                written.push(c);
            }
            '-' if is_in_class && rest.peek() == Some(&'-') => written.push_str("\\-"),
            '.' if !is_in_class => written.push_str(DOT),
            c => written.push(c),
        }
    }
    written
}

/// Whether it has words whose meaning beyond ASCII differs from one dialect to the next.
pub(super) fn has_short_words(pattern: &str) -> bool {
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        let is_word = |c| matches!(c, 'd' | 'D' | 'w' | 'W' | 's' | 'S' | 'b' | 'B');
        if c == '\\' && rest.next().is_some_and(is_word) {
            return true;
        }
    }
    false
}

/// What stands behind a backslash.
fn escape(rest: &mut Peekable<Chars<'_>>, is_in_class: bool, written: &mut String) {
    let Some(c) = rest.next() else {
        written.push('\\');
        return;
    };
    let members = match c {
        'd' | 'D' => Some(DIGIT),
        'w' | 'W' => Some(WORD),
        's' | 'S' => Some(SPACE),
        _ => None,
    };
    match (c, members) {
        (_, Some(members)) if c.is_ascii_uppercase() => {
            let _ = write!(written, "[^{members}]");
        }
        (_, Some(members)) if is_in_class => written.push_str(members),
        (_, Some(members)) => {
            let _ = write!(written, "[{members}]");
        }
        ('b', None) if is_in_class => written.push_str(r"\x08"),
        ('b' | 'B', None) => {
            let _ = write!(written, r"(?-u:\{c})");
        }
        ('0', None) => written.push_str(r"\x00"),
        ('c', None) => match rest.next_if(char::is_ascii_alphabetic) {
            Some(letter) => {
                let _ = write!(written, r"\x{:02X}", u32::from(letter) % 32);
            }
            None => written.push_str(r"\c"),
        },
        // They have another meaning to the engine.
        ('<' | '>', None) => written.push(c),
        (c, None) => {
            written.push('\\');
            written.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_words_mean_what_they_mean_in_schemas() {
        let cases = [
            ("^[a-z]+$", "^[a-z]+$"),
            (r"\d\D", "[0-9][^0-9]"),
            (r"[\d\W]", "[0-9[^0-9A-Za-z_]]"),
            (r"a\/b\.c", r"a\/b\.c"),
            (r"[[a&&b~]", r"[\[a\&\&b\~]"),
            (r"[a--b]", r"[a\--b]"),
            (r"\bx[\b]", r"(?-u:\b)x[\x08]"),
            (r"\cA\cé\0\<", r"\x01\cé\x00<"),
            ("[]", "[&&]"),
            ("a\\", "a\\"),
        ];
        for (pattern, expected) in cases {
            assert_eq!(translated(pattern), expected, "{pattern}");
        }
        assert_eq!(translated("[.].").matches('.').count(), 1);
        assert!(has_short_words(r"^\d+$") && has_short_words(r"\\\W"));
        assert!(!has_short_words(r"^[a-z]\.\\d$"));
    }
}
