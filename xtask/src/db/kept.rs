//! The PostgreSQL that stays until it is taken down: one for each checkout.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use super::base::{self, Base};
use super::cluster::{self, Purpose, write_private};
use super::docker;
use super::server::Server;
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

/// Where it is and how it runs.
struct Kept {
    server: Server,
    base: Base,
    folder: PathBuf,
}

/// Starts it if it does not run, and answers its URL. From installed binaries its data outlives a
/// restart of the machine.
pub(super) fn up() -> Result<String, ChoreError> {
    let kept = Kept::find()?;
    kept.base.alone(|| match kept.running() {
        Some(url) => Ok(url),
        None => kept.start(),
    })
}

/// Stops it and removes its data.
pub(super) fn down() -> Result<(), ChoreError> {
    let kept = Kept::find()?;
    if !kept.folder.exists() {
        say::line("no PostgreSQL is up");
        return Ok(());
    }
    kept.base.alone(|| kept.remove())
}

/// The URL of the one that runs.
pub(super) fn url() -> Result<String, ChoreError> {
    let advice = "no PostgreSQL is up: start one with `cargo xtask db up`";
    Kept::find()?
        .running()
        .ok_or_else(|| ChoreError::Refused(advice.to_owned()))
}

impl Kept {
    fn find() -> Result<Self, ChoreError> {
        let server = Server::find()?;
        let account = match &server {
            Server::Private(binaries) => binaries.account.as_ref(),
            Server::Container => None,
        };
        let base = Base::open(account)?;
        let folder = base.folder(&name());
        Ok(Self {
            server,
            base,
            folder,
        })
    }

    /// Its URL, while it runs.
    fn running(&self) -> Option<String> {
        let url = fs::read_to_string(self.url_file()).ok()?;
        let runs = match &self.server {
            Server::Private(binaries) => cluster::runs(&self.folder, binaries),
            Server::Container => docker::runs(&name()),
        };
        runs.then_some(url)
    }

    fn start(&self) -> Result<String, ChoreError> {
        // The URL is written last, so a folder without one is what an interrupted start left.
        if self.folder.exists() && !self.url_file().exists() {
            self.remove()?;
        }
        let is_new = !self.folder.exists();
        base::make_folder(&self.folder)?;
        let url = match &self.server {
            Server::Private(binaries) => {
                if is_new {
                    cluster::create(&self.folder, binaries, Purpose::Tests)?;
                }
                cluster::start(&self.folder, binaries)?
            }
            Server::Container => docker::start(&name())?,
        };
        write_private(&self.url_file(), &url)?;
        Ok(url)
    }

    fn remove(&self) -> Result<(), ChoreError> {
        match &self.server {
            Server::Private(binaries) => cluster::remove(&self.folder, binaries),
            Server::Container => {
                docker::remove(&name())?;
                let removing = || format!("remove {}", self.folder.display());
                fs::remove_dir_all(&self.folder).doing(removing)
            }
        }
    }

    fn url_file(&self) -> PathBuf {
        self.folder.join("url")
    }
}

/// What it is called among those of other checkouts.
fn name() -> String {
    name_of(&workspace::root())
}

fn name_of(root: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    format!("response-up-{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_checkouts_do_not_share_a_server() {
        let name = name_of(Path::new("a"));
        assert_eq!(name, name_of(Path::new("a")));
        assert_ne!(name, name_of(Path::new("b")));
    }
}
