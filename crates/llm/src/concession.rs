//! What a request leaves out or says otherwise for a server that refused it in its usual form.

macro_rules! concessions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// One change to the usual request. A server's refusal has to ask for it; it is then kept for
        /// that model, so that the next turn does not have to be refused first.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Concession { $($(#[$doc])* $name),* }

        impl Concession {
            /// Every concession there is.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in notes and logs.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

concessions! {
    /// `stream_options` is left out; the server then tells no usage, or tells it anyway.
    NoStreamOptions = "no_stream_options",
    /// One system message at the very beginning, and never two messages of one side in a row.
    StrictTurns = "strict_turns",
    /// What the system says is put before the first words of the user.
    NoSystemRole = "no_system_role",
    /// An assistant message that only calls has the content `null`, and no content is empty text.
    NoEmptyContent = "no_empty_content",
    /// No reasoning is sent back.
    NoReasoning = "no_reasoning",
    /// Each assistant message carries its reasoning.
    EveryReasoning = "every_reasoning",
    /// Files that are text are told as text.
    FilesAsText = "files_as_text",
    /// `max_completion_tokens` instead of `max_tokens`.
    MaxCompletionTokens = "max_completion_tokens",
    /// The schemas of tools say types, properties and enums only.
    PlainSchemas = "plain_schemas",
}

/// A set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Concessions(u16);

impl Concessions {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn has(self, one: Concession) -> bool {
        self.0 & (1 << one as u8) != 0
    }

    #[must_use]
    pub(crate) const fn with(self, one: Concession) -> Self {
        Self(self.0 | (1 << one as u8))
    }

    /// These, and `others`.
    #[must_use]
    pub(crate) const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Their names, for a note.
    pub(crate) fn names(self) -> String {
        let held = Concession::ALL.iter().filter(|one| self.has(**one));
        held.map(|one| one.as_str()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_concession_has_its_own_place() {
        let mut all = Concessions::NONE;
        for &one in Concession::ALL {
            assert!(!all.has(one), "{one:?}");
            all = all.with(one);
            assert!(all.has(one), "{one:?}");
        }
        assert_eq!(all.names().split(", ").count(), Concession::ALL.len());
        assert!(!all.is_empty() && Concessions::NONE.is_empty());
    }
}
