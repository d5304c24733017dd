//! One setting as the outside knows it: its names, what is allowed, what it is for.

use crate::kind::{Presence, Secrecy};

/// One setting as the outside knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) section: &'static str,
    pub(crate) field: &'static str,
    /// The variable of the environment, then its aliases. Empty: only a file can say it.
    pub(crate) variables: &'static [&'static str],
    /// Its text, line by line as declared.
    pub(crate) meaning: &'static [&'static str],
    pub(crate) allowed: fn() -> String,
    /// What holds when nobody says otherwise, for settings that `defaults.toml` cannot hold because
    /// they belong to an entry of a list.
    pub(crate) fallback: Option<&'static str>,
    pub(crate) secrecy: Secrecy,
    pub(crate) presence: Presence,
}

impl Setting {
    /// Where a file or the command line says it.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.section, self.field)
    }

    pub(crate) fn aliases(&self) -> &'static [&'static str] {
        self.variables.get(1..).unwrap_or_default()
    }

    /// What it is for, in one line of text.
    pub(crate) fn meaning(&self) -> String {
        one_line(self.meaning)
    }

    pub(crate) fn allowed(&self) -> String {
        (self.allowed)()
    }

    /// The field that names a file instead of holding the value, for what is secret.
    pub(crate) fn file_field(&self) -> Option<String> {
        self.may_be_in_a_file()
            .then(|| format!("{}_file", self.field))
    }

    /// The variable that names a file instead of holding the value, for what is secret.
    pub(crate) fn file_variable(&self) -> Option<String> {
        let variable = self.variables.first()?;
        self.may_be_in_a_file().then(|| format!("{variable}_FILE"))
    }

    /// The key that names a file instead of holding the value, for what is secret.
    pub(crate) fn file_key(&self) -> Option<String> {
        self.file_field()
            .map(|field| format!("{}.{field}", self.section))
    }

    pub(crate) fn is_needed(&self) -> bool {
        matches!(self.presence, Presence::Needed)
    }

    fn may_be_in_a_file(&self) -> bool {
        matches!(self.secrecy, Secrecy::Secret)
    }
}

/// Documentation as declared, line by line, as one line of text.
pub(crate) fn one_line(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}
