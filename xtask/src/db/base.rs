//! The folder that the private servers live in, and what aborted runs left there.
//!
//! Each private server has a folder of its own, and whoever runs it holds a lock on a file in it.
//! The lock goes with the process, so a folder whose lock is free belongs to nobody: the next
//! start stops what still runs there and removes it.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::cluster::{self, Account, Binaries};
use crate::error::{ChoreError, Doing as _};
use crate::{say, workspace};

const PREFIX: &str = "run-";
const LOCK: &str = "lock";

/// The folder above all private servers.
#[derive(Debug)]
pub(super) struct Base {
    folder: PathBuf,
    lock: File,
}

/// The folder of one private server, and the lock that says somebody runs it.
#[derive(Debug)]
pub(super) struct Claim {
    /// The folder.
    pub(super) folder: PathBuf,
    // Never read: it is the lock.
    _lock: File,
}

impl Base {
    /// The folder under `target`, or one among the temporary files when the account that the
    /// server runs as cannot reach `target`.
    pub(super) fn open(account: Option<&Account>) -> Result<Self, ChoreError> {
        let target = workspace::target()?;
        let folder = match account {
            Some(_) if !others_can_enter(&target) => outside()?,
            _ => target.join("postgres"),
        };
        Self::at(folder)
    }

    fn at(folder: PathBuf) -> Result<Self, ChoreError> {
        make_folder(&folder)?;
        let lock = lock_file(&folder)?;
        Ok(Self { folder, lock })
    }

    /// Does something while no other chore makes, sweeps or removes servers here; waits for its
    /// turn.
    pub(super) fn alone<T>(
        &self,
        work: impl FnOnce() -> Result<T, ChoreError>,
    ) -> Result<T, ChoreError> {
        let locking = || format!("lock {}", self.folder.display());
        self.lock.lock().doing(locking)?;
        let done = work();
        self.lock.unlock().doing(locking)?;
        done
    }

    /// The folder of a server that stays until it is taken down.
    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A new folder for a server that ends with its holder. To be called [`alone`](Self::alone).
    pub(super) fn claim(&self) -> Result<Claim, ChoreError> {
        let made = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&self.folder);
        let folder = made
            .doing(|| format!("make a folder in {}", self.folder.display()))?
            .keep();
        fs::set_permissions(&folder, Permissions::from_mode(0o711))
            .doing(|| format!("open {} to the server", folder.display()))?;
        let lock = lock_file(&folder)?;
        lock.lock().doing(|| format!("lock {}", folder.display()))?;
        Ok(Claim {
            folder,
            _lock: lock,
        })
    }

    /// Stops and removes the servers whose holders are gone. To be called
    /// [`alone`](Self::alone).
    pub(super) fn sweep(&self, binaries: &Binaries) -> Result<(), ChoreError> {
        for folder in self.abandoned()? {
            say::note(format_args!(
                "removing what an aborted run left: {}",
                folder.display()
            ));
            cluster::remove(&folder, binaries)?;
        }
        Ok(())
    }

    /// The folders of private servers that nobody holds.
    fn abandoned(&self) -> Result<Vec<PathBuf>, ChoreError> {
        let reading = || format!("read {}", self.folder.display());
        let mut folders = Vec::new();
        for entry in fs::read_dir(&self.folder).doing(reading)? {
            let entry = entry.doing(reading)?;
            let is_run = entry.file_name().to_string_lossy().starts_with(PREFIX);
            // Without a lock file somebody ended between two steps of a claim or a removal: both
            // are done alone, and so is this.
            let lock = File::open(entry.path().join(LOCK));
            if is_run && lock.map_or(true, |lock| lock.try_lock().is_ok()) {
                folders.push(entry.path());
            }
        }
        Ok(folders)
    }
}

fn lock_file(folder: &Path) -> Result<File, ChoreError> {
    let file = folder.join(LOCK);
    File::create(&file).doing(|| format!("make {}", file.display()))
}

/// Makes a folder, and those above it, that any account may pass through and only we may write.
pub(super) fn make_folder(folder: &Path) -> Result<(), ChoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(folder)
        .doing(|| format!("make {}", folder.display()))
}

/// Whether any account of this machine may enter a folder: every folder above it lets it through.
fn others_can_enter(folder: &Path) -> bool {
    let lets_through = |folder: &Path| match fs::metadata(folder) {
        Ok(found) => found.mode() & 0o001 != 0,
        // Not made yet: it will be made with the mode it needs.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    folder.ancestors().all(lets_through)
}

/// A folder among the temporary files that is ours alone to write.
fn outside() -> Result<PathBuf, ChoreError> {
    let folder = std::env::temp_dir().join(format!("response-xtask-{}", user()?));
    match DirBuilder::new().mode(0o711).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(error).doing(|| format!("make {}", folder.display()))
        }
        _ => {
            let found =
                fs::symlink_metadata(&folder).doing(|| format!("look at {}", folder.display()))?;
            let ours = found.is_dir() && found.uid() == user()?;
            let refusal = || ChoreError::Refused(format!("{} is not ours", folder.display()));
            ours.then_some(folder.clone()).ok_or_else(refusal)
        }
    }
}

/// The account that runs this chore, read off a file that it makes.
pub(super) fn user() -> Result<u32, ChoreError> {
    let metadata = tempfile::tempfile().and_then(|file| file.metadata());
    Ok(metadata.doing(|| "make a temporary file".to_owned())?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_abandoned_once_its_holder_is_gone() {
        let here = tempfile::tempdir().expect("a temporary folder");
        let base = Base::at(here.path().to_owned()).expect("ours");
        let held = base.claim().expect("a claim");
        assert_eq!(base.abandoned().expect("readable"), Vec::<PathBuf>::new());
        let folder = held.folder.clone();
        drop(held);
        assert_eq!(base.abandoned().expect("readable"), [folder]);
    }

    #[test]
    fn a_folder_abandoned_before_it_was_locked_is_found_and_others_are_let_be() {
        let here = tempfile::tempdir().expect("a temporary folder");
        let half = here.path().join("run-half");
        fs::create_dir(&half).expect("made");
        fs::create_dir(here.path().join("up")).expect("made");
        let base = Base::at(here.path().to_owned()).expect("ours");
        assert_eq!(base.abandoned().expect("readable"), [half]);
    }

    #[test]
    fn a_closed_folder_on_the_way_keeps_others_out() {
        let here = tempfile::tempdir().expect("a temporary folder");
        let inner = here.path().join("inner");
        let open = |mode| {
            fs::set_permissions(here.path(), Permissions::from_mode(mode)).expect("ours");
        };
        open(0o700);
        assert!(!others_can_enter(&inner));
        open(0o711);
        assert!(others_can_enter(&inner));
    }
}
