//! What text was passed on, as far as it helps to judge the marks that follow.

use crate::reader::tags::Watch;

/// What was passed on as text, as far as it matters for what follows.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) last: Option<char>,
    /// Backquotes in a row at its end, and whether a fenced block is open.
    quotes: u8,
    in_fence: bool,
}

/// Whether a closing mark closes reasoning, by what stands around it: in a sentence about marks it is quoted
/// or stands between blanks. Nothing when what follows has not come.
pub(super) fn closes(before: Option<char>, behind: &str, whole: bool) -> Option<bool> {
    let is_quote = |c: char| matches!(c, '`' | '"' | '\'');
    let after = behind.chars().next();
    match (before, after) {
        (None | Some('\n'), _) => Some(true),
        (Some(c), _) if is_quote(c) => Some(false),
        (_, None) => whole.then_some(true),
        (_, Some(c)) if is_quote(c) => Some(false),
        (Some(' '), Some(' ')) => Some(false),
        _ => Some(true),
    }
}

impl Said {
    pub(super) fn add(&mut self, text: &str, watch: Watch) {
        self.last = text.chars().next_back();
        if watch == Watch::Reasoning
            || (self.quotes == 0 && memchr::memchr(b'`', text.as_bytes()).is_none())
        {
            return;
        }
        for byte in text.bytes() {
            if byte == b'`' {
                self.quotes = self.quotes.saturating_add(1);
                continue;
            }
            if self.quotes >= 3 {
                self.in_fence = !self.in_fence;
            }
            self.quotes = 0;
        }
    }

    /// Whether what follows is written as code: an example, not a call.
    pub(super) fn is_code(&self) -> bool {
        self.in_fence || self.quotes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_mark_in_a_sentence_closes_nothing() {
        let cases = [
            (None, "", false, Some(true)),
            (Some('\n'), "", false, Some(true)),
            (Some('.'), "\n", false, Some(true)),
            (Some('.'), "42", false, Some(true)),
            (Some('.'), "", false, None),
            (Some('.'), "", true, Some(true)),
            (Some('`'), "", false, Some(false)),
            (Some('e'), "`", false, Some(false)),
            (Some(' '), " tag", false, Some(false)),
        ];
        for (before, behind, whole, expected) in cases {
            assert_eq!(
                closes(before, behind, whole),
                expected,
                "{before:?} {behind:?}"
            );
        }
    }

    #[test]
    fn a_fence_is_seen_however_it_is_cut() {
        let mut said = Said::default();
        for (text, is_code) in [
            ("a ``", true),
            ("`", true),
            ("xml\n", true),
            ("`in` ", true),
            ("```", true),
            ("\n", false),
            ("`", true),
            ("x", false),
        ] {
            said.add(text, Watch::Calls);
            assert_eq!(said.is_code(), is_code, "{text}");
        }
    }
}
