//! What can be wrong with settings, told so that an operator can put it right without the source:
//! which setting, where it came from, what was given, what is allowed.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::origin::{Origin, Origins};

/// One thing that is wrong. As text it is one line, its causes included.
#[derive(Debug)]
pub struct Fault {
    /// The setting's key, or the name of what was given in its place.
    pub key: String,
    /// Where it came from.
    pub origin: Origin,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a setting.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The value cannot be read as what is allowed. A secret's value is not kept.
    #[error("{} is not allowed; allowed is {allowed}", Shown(.given.as_ref()))]
    NotAllowed {
        /// The value as given; `None` when it is secret or has no short text.
        given: Option<String>,
        /// What is allowed.
        allowed: String,
    },
    /// One of several parts of the value cannot be used.
    #[error("{part}; allowed is {allowed}")]
    PartNotAllowed {
        /// Which part, and what is wrong with it. Nothing secret is in it.
        part: String,
        /// What is allowed.
        allowed: String,
    },
    /// There is no default, and nobody gave a value.
    #[error("{how} {allowed}. {meaning}")]
    Missing {
        /// What to set, up to the value.
        how: String,
        /// What is allowed.
        allowed: String,
        /// What the setting is for.
        meaning: String,
    },
    /// No setting has this key.
    #[error("there is no such setting{}", Closest(.closest.as_ref()))]
    Unknown {
        /// The key that was probably meant.
        closest: Option<String>,
    },
    /// A section holds settings; it has no value of its own.
    #[error("this is a section: write `[{section}]` and its settings below")]
    NotASection {
        /// The section's key.
        section: &'static str,
    },
    /// A file that was named cannot be read.
    #[error("the file `{}` cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A settings file is not TOML. The message holds no line of the file, which may bear secrets.
    #[error("the file is not TOML: {message}")]
    NotToml {
        /// Where, and what was expected.
        message: String,
    },
    /// An override has no `=`. Its text is not kept: it may be a secret.
    #[error("an override is written `key=value`, such as `http.port=9000`")]
    NoEquals,
    /// A variable's value is not Unicode.
    #[error("the value is not valid UTF-8")]
    NotUnicode,
    /// Two settings, each allowed, do not go together.
    #[error("{message}")]
    Contradiction {
        /// What does not go together, and what would.
        message: String,
    },
    /// The layers could not be laid over each other.
    #[error("the sources cannot be combined")]
    NotLayered(#[source] config::ConfigError),
}

impl Fault {
    pub(crate) fn new(key: impl Into<String>, origin: Origin, problem: Problem) -> Self {
        Self {
            key: key.into(),
            origin,
            problem,
        }
    }

    pub(crate) fn of_value(key: String, value: &config::Value, problem: Problem) -> Self {
        Self::new(key, Origin::of(value), problem)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.key, self.origin, self.problem)?;
        let mut cause = self.problem.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

struct Shown<'a>(Option<&'a String>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(given) => write!(f, "{given:?}"),
            None => f.write_str("the value (not shown)"),
        }
    }
}

struct Closest<'a>(Option<&'a String>);

impl fmt::Display for Closest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(closest) => write!(f, "; the closest is `{closest}`"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong, with what the settings came to as far as they could be read.
#[derive(Debug)]
pub struct SettingsFaults {
    /// At least one fault, sorted by key.
    pub faults: Vec<Fault>,
    /// Every setting with its value, faulty ones marked.
    pub origins: Origins,
}

impl SettingsFaults {
    pub(crate) fn new(mut faults: Vec<Fault>, origins: Origins) -> Self {
        faults.sort_by(|one, other| one.key.cmp(&other.key));
        Self { faults, origins }
    }

    /// Every setting, its value and where it came from, for a person who looks for the mistake.
    pub fn table(&self) -> String {
        self.origins.table()
    }
}

impl fmt::Display for SettingsFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.len() {
            1 => f.write_str("one setting cannot be used:")?,
            many => write!(f, "{many} settings cannot be used:")?,
        }
        for fault in &self.faults {
            write!(f, "\n  - {fault}")?;
        }
        Ok(())
    }
}

impl Error for SettingsFaults {}
