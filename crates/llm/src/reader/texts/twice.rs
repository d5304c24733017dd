//! Text that comes twice. Some servers send all of it again when a tool has to be called; who asked for a
//! call did not ask for an echo.

use response_domain::ports::llm::Delta;

use crate::correction::{Correction, Out};

/// Shorter texts may well be meant twice.
const SHORTEST: usize = 8;

/// All that was said so far, and how much of it what follows repeats.
#[derive(Debug, Default)]
pub(super) struct Twice {
    said: String,
    repeated: usize,
}

impl Twice {
    /// Passes text on, or holds it back as long as it is what was said before, word for word.
    pub(super) fn say(&mut self, text: &str, out: &mut Out<'_>) {
        let rest = self.said.get(self.repeated..).unwrap_or_default();
        if self.said.len() >= SHORTEST && rest.starts_with(text) {
            self.repeated += text.len();
            return;
        }
        self.let_go(out);
        self.said.push_str(text);
        out.push(Delta::Text(text.into()));
    }

    /// No more text comes for now: what is held back is an echo when it is all of what was said.
    pub(super) fn end(&mut self, out: &mut Out<'_>) {
        if self.repeated > 0 && self.repeated == self.said.len() {
            self.repeated = 0;
            out.correct(Correction::TextRepeated);
        }
        self.let_go(out);
    }

    fn let_go(&mut self, out: &mut Out<'_>) {
        let repeated = std::mem::take(&mut self.repeated);
        let held: Box<str> = self.said.get(..repeated).unwrap_or_default().into();
        if !held.is_empty() {
            self.said.push_str(&held);
            out.push(Delta::Text(held));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correction::Corrections;

    fn told(pieces: &[&str]) -> (String, bool) {
        let (mut notes, mut deltas) = (Corrections::default(), Vec::new());
        let mut twice = Twice::default();
        for piece in pieces {
            twice.say(piece, &mut notes.out(&mut deltas));
        }
        twice.end(&mut notes.out(&mut deltas));
        let text = deltas.iter().filter_map(|delta| match delta {
            Delta::Text(text) => Some(&**text),
            _ => None,
        });
        let is_noted = deltas.iter().any(|delta| matches!(delta, Delta::Note(_)));
        (text.collect(), is_noted)
    }

    #[test]
    fn only_a_whole_echo_is_left_out() {
        let cases: &[(&[&str], &str, bool)] = &[
            (
                &["Let me ", "look.", "Let me ", "look."],
                "Let me look.",
                true,
            ),
            (&["Let me look.", "Let ", "me look."], "Let me look.", true),
            (&["Let me look.", "Let me"], "Let me look.Let me", false),
            (
                &["Let me look.", "Let me", " see."],
                "Let me look.Let me see.",
                false,
            ),
            (
                &["Let me look.", "Let me look.", "!"],
                "Let me look.Let me look.!",
                false,
            ),
            (&["ha", "ha"], "haha", false),
            (&["one", "two"], "onetwo", false),
        ];
        for (pieces, expected, noted) in cases {
            assert_eq!(told(pieces), ((*expected).to_owned(), *noted), "{pieces:?}");
        }
    }
}
