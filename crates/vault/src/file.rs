//! The key file: where the keys of a service come from that nobody gave any, on one machine.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::ring::{self, KeyRing, KeysError};

/// The name of the key file in its folder.
pub const KEY_FILE: &str = "vault.key";

/// The owner alone reads and writes.
const MODE: u32 = 0o600;

/// What may be done by those who are neither the owner nor of the group.
const OTHERS: u32 = 0o007;

/// More than any key ring takes.
const LONGEST: u64 = 64 * 1024;

/// Why there are no keys from a file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It exists and cannot be read.
    #[error("the key file `{}` cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Everybody on the machine may read or change it.
    #[error(
        "the key file `{}` is open to others (mode {mode:04o}): let only its owner read it (`chmod 600`)",
        .path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What its mode is.
        mode: u32,
    },
    /// Its text is not a key ring.
    #[error("the key file `{}` does not hold keys", .path.display())]
    NotKeys {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: KeysError,
    },
    /// It does not exist and cannot be made.
    #[error("the key file `{}` cannot be made", .path.display())]
    NotMade {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The keys of the folder's file, which is made when it is not there.
pub(crate) fn keys_in(folder: &Path) -> Result<KeyRing, KeyFileError> {
    let path = folder.join(KEY_FILE);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(folder, &path).map_err(|source| KeyFileError::NotMade {
                path: path.clone(),
                source,
            })?;
            File::open(&path)
        }
        opened => opened,
    };
    let unreadable = |source| KeyFileError::Unreadable {
        path: path.clone(),
        source,
    };
    let file = file.map_err(unreadable)?;
    let mode = file.metadata().map_err(unreadable)?.permissions().mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Open { path, mode });
    }
    let text = text_of(&file).map_err(unreadable)?;
    KeyRing::parse(&text).map_err(|source| KeyFileError::NotKeys { path, source })
}

fn text_of(file: &File) -> io::Result<Zeroizing<String>> {
    let length = file.metadata()?.len();
    if length > LONGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {LONGEST} bytes"),
        ));
    }
    // With room for all of it at once, because growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(
        usize::try_from(length).unwrap_or(0) + 1,
    ));
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Makes the file with one fresh key. It appears whole, and never in the place of another; when somebody
/// else was quicker their file stays.
fn make(folder: &Path, path: &Path) -> io::Result<()> {
    let text = ring::fresh().map_err(io::Error::other)?;
    fs::create_dir_all(folder)?;
    let mut draft = tempfile::Builder::new()
        .prefix(".vault.key.")
        .permissions(Permissions::from_mode(MODE))
        .tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    match draft.persist_noclobber(path) {
        Err(other) if other.error.kind() != io::ErrorKind::AlreadyExists => return Err(other.error),
        _ => {}
    }
    // What is sealed from here on must not outlive the name of its key, whoever made it.
    File::open(folder)?.sync_all()
}
