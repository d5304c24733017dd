//! How a section of settings is declared.
//!
//! `section!` turns one declaration into the plain struct that the program reads, the entries that the
//! documents, the environment and the checks read, and the code that fills the one from the other.

use crate::kind::{Presence, Secrecy};
use crate::reader::Reader;

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

/// A group of settings, and how it is filled.
pub(crate) trait Section: Sized {
    const KEY: &'static str;
    const ABOUT: &'static [&'static str];
    const SETTINGS: &'static [Setting];

    /// `None` when any of its settings had a fault; the reader then holds all of them.
    fn read(reader: &mut Reader<'_>) -> Option<Self>;
}

/// A section without its type, for those who go through all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) key: &'static str,
    about: &'static [&'static str],
    pub(crate) settings: &'static [Setting],
}

impl Page {
    pub(crate) const fn of<S: Section>() -> Self {
        Self {
            key: S::KEY,
            about: S::ABOUT,
            settings: S::SETTINGS,
        }
    }

    pub(crate) fn about(&self) -> String {
        one_line(self.about)
    }

    pub(crate) fn setting(&self, field: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.field == field)
    }

    /// The secret setting whose file this field names.
    pub(crate) fn file_setting(&self, field: &str) -> Option<&'static Setting> {
        self.settings
            .iter()
            .find(|setting| setting.file_field().as_deref() == Some(field))
    }
}

fn one_line(lines: &[&str]) -> String {
    lines
        .iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `Name in "key" { /// meaning⏎ field: Type = limits, "VARIABLE", "ALIAS"… => "fallback"; … }`
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $name:ident in $section:literal {
            $(
                $(#[doc = $meaning:literal])+
                $field:ident: $kind:ty = $limits:expr $(, $variable:literal)* $(=> $fallback:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $(
                $(#[doc = $meaning])+
                pub $field: $kind,
            )+
        }

        impl $crate::section::Section for $name {
            const KEY: &'static str = $section;
            const ABOUT: &'static [&'static str] = &[$($about),+];
            const SETTINGS: &'static [$crate::section::Setting] = &[
                $(
                    $crate::section::Setting {
                        section: $section,
                        field: stringify!($field),
                        variables: &[$($variable),*],
                        meaning: &[$($meaning),+],
                        allowed: || <$kind as $crate::kind::Kind>::allowed(&$limits),
                        fallback: section!(@fallback $($fallback)?),
                        secrecy: <$kind as $crate::kind::Kind>::SECRECY,
                        presence: <$kind as $crate::kind::Kind>::PRESENCE,
                    },
                )+
            ];

            fn read(reader: &mut $crate::reader::Reader<'_>) -> Option<Self> {
                // All are read before any is asked for: one bad setting must not hide the next.
                let mut settings = Self::SETTINGS.iter();
                $(
                    let $field = settings
                        .next()
                        .and_then(|setting| reader.read::<$kind>(setting, &$limits));
                )+
                Some(Self { $($field: $field?),+ })
            }
        }
    };
    (@fallback $fallback:literal) => { Some($fallback) };
    (@fallback) => { None };
}
