//! What settings are read from: the process's own surroundings, or ones made up for a test.

use std::fmt;
use std::path::PathBuf;

use crate::environment::Environment;

/// The file that is read when it exists and no other is named.
pub(crate) const DEFAULT_FILE: &str = "response-api.toml";

/// What settings are read from. The defaults lie below all of it.
#[derive(Clone)]
pub struct Sources {
    pub(crate) environment: Environment,
    pub(crate) file: Option<PathBuf>,
    pub(crate) default_file: Option<PathBuf>,
    pub(crate) overrides: Vec<String>,
}

impl Sources {
    /// This process's environment, and `./response-api.toml` when it exists.
    pub fn of_process() -> Self {
        Self {
            default_file: Some(PathBuf::from(DEFAULT_FILE)),
            ..Self::with_environment(Environment::of_process())
        }
    }

    /// These variables and nothing else: no file but one that `RESPONSE_CONFIG_FILE` among them names.
    pub fn from_variables<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<String>,
    {
        Self::with_environment(Environment::from_variables(variables))
    }

    /// Reads this file, whatever `RESPONSE_CONFIG_FILE` says.
    #[must_use]
    pub fn file(self, path: impl Into<PathBuf>) -> Self {
        Self {
            file: Some(path.into()),
            ..self
        }
    }

    /// Lays these `key=value` pairs over everything else; of two with one key the later holds.
    #[must_use]
    pub fn overrides<T: Into<String>>(mut self, pairs: impl IntoIterator<Item = T>) -> Self {
        self.overrides.extend(pairs.into_iter().map(Into::into));
        self
    }

    fn with_environment(environment: Environment) -> Self {
        Self {
            environment,
            file: None,
            default_file: None,
            overrides: Vec::new(),
        }
    }
}

/// Shows no value: any of them may be a secret.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("default_file", &self.default_file)
            .field("overrides", &self.overrides.len())
            .finish_non_exhaustive()
    }
}
