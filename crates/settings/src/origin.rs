//! Where each value came from, and the table that tells it.

use std::fmt;
use std::path::{Path, PathBuf};

use config::{Value, ValueKind};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody gave it.
    Nowhere,
    /// The defaults that are compiled in.
    Default,
    /// A settings file.
    File(PathBuf),
    /// This variable of the environment.
    Environment(String),
    /// An override on the command line.
    CommandLine,
}

const FILE: &str = "file ";
const ENVIRONMENT: &str = "environment ";
const DEFAULT: &str = "default";
const COMMAND_LINE: &str = "command line";
const NOWHERE: &str = "not set";

impl Origin {
    pub(crate) fn file(path: &Path) -> Self {
        Self::File(path.to_owned())
    }

    pub(crate) fn environment(variable: &str) -> Self {
        Self::Environment(variable.to_owned())
    }

    /// The origin that a layered value carries: `config` keeps it as text. A table loses its own when
    /// it is laid over something, so it has that of what is in it.
    pub(crate) fn of(value: &Value) -> Self {
        let of_parts = || match &value.kind {
            ValueKind::Table(table) => table.values().find_map(Value::origin),
            _ => None,
        };
        let Some(text) = value.origin().or_else(of_parts) else {
            return Self::Nowhere;
        };
        if let Some(path) = text.strip_prefix(FILE) {
            Self::File(PathBuf::from(path))
        } else if let Some(variable) = text.strip_prefix(ENVIRONMENT) {
            Self::environment(variable)
        } else if text == DEFAULT {
            Self::Default
        } else {
            Self::CommandLine
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str(NOWHERE),
            Self::Default => f.write_str(DEFAULT),
            Self::File(path) => write!(f, "{FILE}{}", path.display()),
            Self::Environment(variable) => write!(f, "{ENVIRONMENT}{variable}"),
            Self::CommandLine => f.write_str(COMMAND_LINE),
        }
    }
}

/// One setting, what it came to, and where that came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The key in a file or on the command line.
    pub key: String,
    /// The value as it may be shown: nothing secret is in it.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

/// Every setting's row, in the order of the documents.
#[derive(Debug, Clone, Default)]
pub struct Origins(pub(crate) Vec<Row>);

impl Origins {
    /// The rows, in the order of the documents.
    pub fn rows(&self) -> &[Row] {
        &self.0
    }

    /// Where the setting with this key came from.
    pub fn of(&self, key: &str) -> Option<&Origin> {
        self.0
            .iter()
            .find(|row| row.key == key)
            .map(|row| &row.origin)
    }

    /// The rows but those of these keys.
    pub(crate) fn without(mut self, is_left_out: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|row| !is_left_out(&row.key));
        self
    }

    /// The rows as aligned text, one a line.
    pub fn table(&self) -> String {
        let heading = ("SETTING", "VALUE", "FROM".to_owned());
        let rows: Vec<_> = std::iter::once(heading)
            .chain(
                self.0
                    .iter()
                    .map(|row| (row.key.as_str(), row.value.as_str(), row.origin.to_string())),
            )
            .collect();
        let widest_key = rows
            .iter()
            .map(|(key, ..)| key.chars().count())
            .max()
            .unwrap_or(0);
        // One very long value must not push every other row's origin off the screen.
        let widest_value = rows
            .iter()
            .map(|(_, value, _)| value.chars().count())
            .max()
            .unwrap_or(0)
            .min(48);
        let lines: Vec<_> = rows
            .iter()
            .map(|(key, value, origin)| {
                format!("{key:<widest_key$}  {value:<widest_value$}  {origin}\n")
            })
            .collect();
        lines.concat()
    }
}
