//! Text in plain columns. PostgreSQL keeps no NUL in text, so NUL is written as two characters that
//! begin with U+FFFD, and U+FFFD itself likewise: no two texts become the same one, and nearly all
//! stay as they are. Both databases are given the same.

use std::borrow::Cow;

const MARK: char = '\u{FFFD}';

/// `text` as a column holds it.
pub(crate) fn write(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', MARK]) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\0' => plain.extend([MARK, '0']),
            MARK => plain.extend([MARK, '1']),
            other => plain.push(other),
        }
    }
    Cow::Owned(plain)
}

/// The text that a column holds as `plain`.
pub(crate) fn read(plain: &str) -> Cow<'_, str> {
    if !plain.contains(MARK) {
        return Cow::Borrowed(plain);
    }
    let mut text = String::with_capacity(plain.len());
    let mut characters = plain.chars();
    while let Some(character) = characters.next() {
        match character {
            MARK if characters.next() == Some('0') => text.push('\0'),
            MARK => text.push(MARK),
            other => text.push(other),
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_back_and_none_holds_a_nul() {
        let texts = [
            "",
            "ada",
            "a\0b",
            "\0",
            "\u{FFFD}0",
            "\u{FFFD}",
            "é\u{FFFD}\0\u{FFFD}1",
        ];
        for text in texts {
            let plain = write(text);
            assert!(!plain.contains('\0'), "{text:?}");
            assert_eq!(read(&plain), text, "{text:?}");
        }
    }

    #[test]
    fn no_two_texts_are_kept_as_the_same() {
        let texts = ["a\0", "a\u{FFFD}0", "a\u{FFFD}", "a\u{FFFD}1", "a"];
        for one in texts {
            for other in texts {
                assert_eq!(
                    write(one) == write(other),
                    one == other,
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
