//! How a section of settings is declared.
//!
//! `section!` turns one declaration into the plain struct that the program reads, the entries that the
//! documents, the environment and the checks read, and the code that fills the one from the other.

use crate::reader::Reader;
use crate::setting::{Setting, one_line};

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
            const SETTINGS: &'static [$crate::setting::Setting] = &[
                $(
                    $crate::setting::Setting {
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
