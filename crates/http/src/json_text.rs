//! What is checked of JSON text before anybody parses it: how deep it goes, how many values it holds, and that
//! its escapes make whole characters. Everything behind this may carry parts of the text on unread.

use memchr::memchr2;

/// The most values that a text may hold, those inside of others counted: in memory each takes many times the
/// two bytes that it may have in the text.
pub(crate) const MOST_VALUES: usize = 500_000;

/// Why text is refused, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextFault {
    /// It opens one array or object too many.
    TooDeep(usize),
    /// It holds more values than [`MOST_VALUES`].
    TooMany(usize),
    /// An escape stands for half a character.
    LoneSurrogate(usize),
}

/// Checks that `text` nests at most `depth` deep, holds no more than [`MOST_VALUES`], and that its escapes pair
/// up. Whether it is JSON at all is left to the parser.
pub(crate) fn check(text: &str, depth: usize) -> Result<(), TextFault> {
    let bytes = text.as_bytes();
    let mut open = 0_usize;
    // Behind each of these marks stands a value, but in what is empty.
    let mut marks = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                open += 1;
                marks += 1;
                if open > depth {
                    return Err(TextFault::TooDeep(at));
                }
            }
            b',' => marks += 1,
            b'}' | b']' => open = open.saturating_sub(1),
            b'"' => at = string(bytes, at + 1)?,
            _ => {}
        }
        if marks > MOST_VALUES {
            return Err(TextFault::TooMany(at));
        }
        at += 1;
    }
    Ok(())
}

/// The place of the quote that ends the string whose text begins at `from`, or the end of the text.
fn string(bytes: &[u8], from: usize) -> Result<usize, TextFault> {
    let mut at = from;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(next) = memchr2(b'"', b'\\', rest) else {
            return Ok(bytes.len());
        };
        at += next;
        if bytes.get(at) == Some(&b'"') {
            return Ok(at);
        }
        at += escape(bytes, at)?;
    }
}

/// The length of the escape at `at`, which pairs its halves.
fn escape(bytes: &[u8], at: usize) -> Result<usize, TextFault> {
    const ONE: usize = 6;
    match unit(bytes, at) {
        Some(0xD800..=0xDBFF) => match unit(bytes, at + ONE) {
            Some(0xDC00..=0xDFFF) => Ok(2 * ONE),
            _ => Err(TextFault::LoneSurrogate(at)),
        },
        Some(0xDC00..=0xDFFF) => Err(TextFault::LoneSurrogate(at)),
        Some(_) => Ok(ONE),
        None => Ok(2),
    }
}

/// The code unit of a `\uXXXX` at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_strings_only() {
        assert_eq!(check("[[1]]", 2), Ok(()));
        assert_eq!(check("[[[1]]]", 2), Err(TextFault::TooDeep(2)));
        assert_eq!(check(r#"{"a":[{"b":1}]}"#, 3), Ok(()));
        assert_eq!(check(r#"{"a":[{"b":1}]}"#, 2), Err(TextFault::TooDeep(6)));
        assert_eq!(check(r#"["[[[[", "\"[[[[", "\\"]"#, 1), Ok(()));
        assert_eq!(check("[[],[],[[]]]", 3), Ok(()));
        assert_eq!(check("]]]][", 1), Ok(()), "the parser refuses it");
        assert_eq!(check("\"[[[[", 1), Ok(()), "the parser refuses it");
        assert_eq!(check("\"\\", 1), Ok(()), "the parser refuses it");
    }

    #[test]
    fn values_are_counted_outside_of_strings_only() {
        let list = |values: usize| format!("[{}0]", "0,".repeat(values - 1));
        assert_eq!(check(&list(MOST_VALUES), 1), Ok(()));
        let one_more = list(MOST_VALUES + 1);
        let last_comma = one_more.len() - 3;
        assert_eq!(check(&one_more, 1), Err(TextFault::TooMany(last_comma)));
        let empty = format!("[{}[]]", "[],".repeat(MOST_VALUES / 2));
        assert!(matches!(check(&empty, 2), Err(TextFault::TooMany(_))));
        let text = format!("[\"{}\"]", ",[{".repeat(MOST_VALUES));
        assert_eq!(check(&text, 1), Ok(()));
    }

    #[test]
    fn half_a_character_is_found() {
        assert_eq!(check(r#""\ud83d\ude00 \u00e9 \u0000""#, 1), Ok(()));
        assert_eq!(check(r#""a\ud83d""#, 1), Err(TextFault::LoneSurrogate(2)));
        assert_eq!(check(r#""\ud83dx""#, 1), Err(TextFault::LoneSurrogate(1)));
        assert_eq!(check(r#""\ude00""#, 1), Err(TextFault::LoneSurrogate(1)));
        assert_eq!(
            check(r#""\ud83d\ud83d""#, 1),
            Err(TextFault::LoneSurrogate(1))
        );
        assert_eq!(check(r#""\\ud83d""#, 1), Ok(()), "an escaped backslash");
    }
}
