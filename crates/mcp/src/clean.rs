//! Text from a tool server, made fit to be read: nothing that steers a terminal or hides from a
//! reader, and not longer than allowed.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Takes out control characters, terminal escapes, marks that turn the direction of text and
/// characters without a shape; line ends become line feeds. Text without them is borrowed.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(is_suspect) || !text.chars().any(is_unwanted) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\r' => {
                if !rest.as_str().starts_with('\n') {
                    kept.push('\n');
                }
            }
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            c if is_unwanted(c) => {}
            c => kept.push(c),
        }
    }
    Cow::Owned(kept)
}

/// Bytes that an unwanted character may begin with.
fn is_suspect(byte: u8) -> bool {
    match byte {
        b'\n' | b'\t' => false,
        0xc2 | 0xd8 | 0xe2 | 0xef | 0xf3 => true,
        byte => byte < 0x20 || byte == 0x7f,
    }
}

fn is_unwanted(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Controls; marks, overrides and isolates of direction; the byte order mark; tags, which
        // no reader sees and every model reads.
        '\u{0}'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

/// Skips what follows an escape character (ECMA-48): a control sequence, a string up to its
/// terminator, or two characters.
fn skip_escape(rest: &mut std::str::Chars<'_>) {
    match rest.as_str().chars().next() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => skip_control_string(rest),
        Some(c @ ' '..='~') => {
            rest.next();
            if matches!(c, ' '..='/') {
                rest.next();
            }
        }
        _ => {}
    }
}

fn skip_control_sequence(rest: &mut std::str::Chars<'_>) {
    while let Some(c @ ' '..='~') = rest.as_str().chars().next() {
        rest.next();
        if matches!(c, '@'..='~') {
            return;
        }
    }
}

/// Skips to the bell or the string terminator. Without one on the same line nothing is a string,
/// and only its introducer goes.
fn skip_control_string(rest: &mut std::str::Chars<'_>) {
    rest.next();
    let text = rest.as_str();
    let line = text.split('\n').next().unwrap_or(text);
    let end = ["\u{7}", "\u{1b}\\", "\u{9c}"]
        .iter()
        .filter_map(|end| line.find(end).map(|at| at + end.len()))
        .min();
    if let Some(after) = end.and_then(|end| text.get(end..)) {
        *rest = after.chars();
    }
}

/// The text up to `limit` bytes, and a notice where more was cut off.
pub(crate) fn cap(mut text: String, limit: usize) -> String {
    if text.len() <= limit {
        return text;
    }
    let whole = text.len();
    text.truncate(text.floor_char_boundary(limit));
    let kept = text.len();
    let _ = write!(
        text,
        "\n[cut off: the result has {whole} bytes, the first {kept} are shown]"
    );
    text
}

/// The beginning of a text, for a log or a message.
pub(crate) fn excerpt(text: &str, limit: usize) -> Cow<'_, str> {
    let text = clean(text);
    if text.len() <= limit {
        return text;
    }
    let head = text
        .get(..text.floor_char_boundary(limit))
        .unwrap_or_default();
    Cow::Owned(format!("{head}…"))
}

/// JSON text with every escape of half a surrogate pair replaced: programs that cut strings in
/// the middle of a character write such, and no parser takes it.
pub(crate) fn whole_surrogates(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let length = match surrogate(escape) {
            Some(0xd800..=0xdbff) => match escape.get(6..).and_then(surrogate) {
                Some(0xdc00..=0xdfff) => 12,
                _ => 0,
            },
            Some(0xdc00..=0xdfff) => 0,
            _ => escape.chars().take(2).map(char::len_utf8).sum(),
        };
        if length == 0 {
            out.push_str("\\ufffd");
            rest = escape.get(6..).unwrap_or_default();
        } else {
            out.push_str(escape.get(..length).unwrap_or_default());
            rest = escape.get(length..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// What stands between the quotation marks of a JSON string, without the escapes of unwanted characters.
pub(crate) fn without_hidden(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        kept.push_str(before);
        let (length, meant) = match surrogate(escape) {
            Some(high @ 0xd800..=0xdbff) => {
                let low = escape.get(6..).and_then(surrogate);
                let pair = low.map(|low| char::decode_utf16([high, low]).next());
                match pair {
                    Some(Some(Ok(meant))) => (12, Some(meant)),
                    _ => (6, None),
                }
            }
            Some(unit) => (6, char::from_u32(u32::from(unit))),
            None => (escape.chars().take(2).map(char::len_utf8).sum(), None),
        };
        let (escape, after) = escape.split_at_checked(length).unwrap_or((escape, ""));
        if !meant.is_some_and(is_unwanted) {
            kept.push_str(escape);
        }
        rest = after;
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// The unit of an escape `\uXXXX` at the beginning of the text.
fn surrogate(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_or_hides_is_taken_out_and_the_rest_stays() {
        let cases = [
            ("plain", "plain"),
            ("tab\tand\nline", "tab\tand\nline"),
            ("a\r\nb\rc", "a\nb\nc"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}[38;5;12mx", "x"),
            ("\u{9b}2Jx", "x"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            (
                "\u{1b}]never ends\nnext line stays",
                "never ends\nnext line stays",
            ),
            ("\u{1b}(Bx", "x"),
            ("\u{1b}cx", "x"),
            ("end\u{1b}", "end"),
            ("nul\0 bell\u{7} back\u{8}", "nul bell back"),
            ("safe\u{202e}fdp.exe\u{202c}", "safefdp.exe"),
            ("\u{2066}iso\u{2069}\u{200f}\u{61c}", "iso"),
            ("\u{feff}bom", "bom"),
            ("tag\u{e0041}\u{e007f}", "tag"),
            (
                "äöü €uro 日本 👩\u{200d}👧 ©",
                "äöü €uro 日本 👩\u{200d}👧 ©",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(clean(text), expected, "{text:?}");
        }
        assert!(matches!(clean("äöü €uro 日本"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(cap("short".into(), 5), "short");
        let cut = cap("ääää".into(), 5);
        assert_eq!(
            cut,
            "ää\n[cut off: the result has 8 bytes, the first 4 are shown]"
        );
        assert_eq!(excerpt("ääää", 5), "ää…");
    }

    #[test]
    fn half_a_surrogate_pair_becomes_a_replacement_character() {
        let cases = [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\\ud83d \" \n""#, "\\ud83d \" \n"),
        ];
        for (json, expected) in cases {
            let text: String = serde_json::from_str(&whole_surrogates(json)).unwrap();
            assert_eq!(text, expected, "{json}");
        }
    }

    #[test]
    fn escapes_of_what_hides_are_taken_out_of_json() {
        let cases = [
            (r"plain \n\t", r"plain \n\t"),
            (r"a\u202eb\u001b[1mc", "ab[1mc"),
            (r"tag\udb40\udc41s \ud83d\ude00", r"tags \ud83d\ude00"),
            (r"\\u202e \u00e9", r"\\u202e \u00e9"),
            (r"half \ud83d \ud83d\u202e \u", r"half \ud83d \ud83d \u"),
        ];
        for (text, expected) in cases {
            assert_eq!(without_hidden(text), expected);
        }
    }

    proptest! {
        #[test]
        fn clean_text_has_nothing_to_take_out(text in "\\PC*|(\u{1b}|\\[|\\]|[\u{0}-\u{9f}]|[a-z]){0,40}") {
            let once = clean(&text).into_owned();
            prop_assert!(!once.chars().any(is_unwanted), "{once:?}");
            prop_assert_eq!(clean(&once).into_owned(), once);
        }

        #[test]
        fn good_json_is_left_alone(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(whole_surrogates(&json), json);
        }
    }
}
