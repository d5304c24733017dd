//! The first way to have a PostgreSQL on this machine.

use super::cluster::Binaries;
use super::docker;
use crate::error::ChoreError;

/// How a PostgreSQL is made here.
#[derive(Debug)]
pub(super) enum Server {
    /// From installed server binaries.
    Private(Binaries),
    /// As a container.
    Container,
}

impl Server {
    /// The first way that works: binaries, then Docker. With neither, says what to install.
    pub(super) fn find() -> Result<Self, ChoreError> {
        if let Some(binaries) = Binaries::find()? {
            return Ok(Self::Private(binaries));
        }
        if docker::answers() {
            return Ok(Self::Container);
        }
        Err(ChoreError::Missing {
            tool: "PostgreSQL".to_owned(),
            install: format!(
                "install the server (Debian: `apt-get install postgresql`, macOS: `brew install \
                 postgresql@17`), or start Docker, or set {} to a server on which tests may make \
                 databases",
                super::URL_VARIABLE
            ),
        })
    }
}
