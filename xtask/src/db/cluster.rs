//! A private PostgreSQL from the server binaries of this machine.
//!
//! It is a real server with its real locks, types and errors; only what survives a power cut is
//! turned off for tests, since nothing of it is to survive. It listens on a free port of 127.0.0.1 behind a
//! password of its own, because any account of the machine can reach that port. PostgreSQL does not
//! run as root, so root runs it as another account.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::ValueEnum;

use super::base;
use crate::command;
use crate::error::{ChoreError, Doing as _};

/// The settings of a server for tests, quick and small. `max_connections` is for a test runner
/// with a process for each test, each with pools of its own.
const FOR_TESTS: &str = "
fsync = off
full_page_writes = off
synchronous_commit = off
max_connections = 300
shared_buffers = 64MB
listen_addresses = '127.0.0.1'
";

/// The settings of a server to measure: what it says is written is on the disk. It has the memory
/// of a small production server, and the log is long enough that no checkpoint falls into a round.
const FOR_MEASUREMENTS: &str = "
fsync = on
full_page_writes = on
synchronous_commit = on
max_connections = 200
shared_buffers = 256MB
max_wal_size = 4GB
checkpoint_timeout = 30min
listen_addresses = '127.0.0.1'
";
const USER: &str = "postgres";
const TRIES: usize = 5;
/// The longest path that a Unix socket can have, less the server's name for it.
const LONGEST_SOCKET_FOLDER: usize = 107 - "/.s.PGSQL.65535".len();

/// What a server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Purpose {
    /// Quick; a power cut may take what it holds.
    #[default]
    Tests,
    /// As safe as in production.
    Measurements,
}

impl Purpose {
    fn settings(self) -> &'static str {
        match self {
            Self::Tests => FOR_TESTS,
            Self::Measurements => FOR_MEASUREMENTS,
        }
    }
}

/// Where `initdb`, `pg_ctl` and `postgres` are.
#[derive(Debug)]
pub(super) struct Binaries {
    folder: PathBuf,
    /// The account to run them as, when this chore runs as root.
    pub(super) account: Option<Account>,
}

/// An account of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    user: u32,
    group: u32,
}

impl Binaries {
    /// The first that is found: on the search path, then the newest of where distributions and
    /// Homebrew keep them.
    pub(super) fn find() -> Result<Option<Self>, ChoreError> {
        let kept = [
            "/usr/lib/postgresql",
            "/usr/local/lib/postgresql",
            "/opt/homebrew/opt",
            "/usr",
        ];
        let places = kept.iter().flat_map(|place| versions(Path::new(place)));
        let whole = |folder: &PathBuf| {
            ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|name| folder.join(name).is_file())
        };
        let Some(folder) = command::search_path().into_iter().chain(places).find(whole) else {
            return Ok(None);
        };
        Ok(Some(Self {
            folder,
            account: account()?,
        }))
    }

    /// The client that comes with the server.
    pub(super) fn client(&self) -> PathBuf {
        self.folder.join("psql")
    }

    pub(super) fn command(&self, program: &str, server: &Path) -> Command {
        let mut command = Command::new(self.folder.join(program));
        command.current_dir(server).env("LC_ALL", "C");
        for variable in [
            "PGDATA",
            "PGHOST",
            "PGPORT",
            "PGUSER",
            "PGPASSWORD",
            "PGOPTIONS",
        ] {
            command.env_remove(variable);
        }
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        command
    }
}

/// The `bin` folders under a folder that holds one version each, the newest first.
fn versions(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| Some((version(&entry.file_name().to_string_lossy())?, entry.path())))
        .collect();
    found.sort();
    found
        .into_iter()
        .rev()
        .map(|(_, folder)| folder.join("bin"))
        .collect()
}

/// The version in a folder's name: `15`, `9.6`, `pgsql-16`, `postgresql@17`.
fn version(name: &str) -> Option<Vec<u32>> {
    let prefixes = ["postgresql@", "pgsql-"];
    let number = prefixes
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    number.split('.').map(|part| part.parse().ok()).collect()
}

/// The account that root lends to the server; none for everybody else.
fn account() -> Result<Option<Account>, ChoreError> {
    if base::user()? != 0 {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd").doing(|| "read the accounts".to_owned())?;
    let found = ["postgres", "nobody"]
        .iter()
        .find_map(|name| account_of(&accounts, name));
    let advice = "PostgreSQL does not run as root, and there is no account `postgres` or `nobody`";
    found
        .map(Some)
        .ok_or_else(|| ChoreError::Refused(advice.to_owned()))
}

fn account_of(accounts: &str, name: &str) -> Option<Account> {
    let line = accounts
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut numbers = line.split(':').skip(2);
    let user = numbers.next()?.parse().ok()?;
    let group = numbers.next()?.parse().ok()?;
    Some(Account { user, group })
}

/// Makes a server in a folder that is already there and that the account can enter.
pub(super) fn create(
    server: &Path,
    binaries: &Binaries,
    purpose: Purpose,
) -> Result<(), ChoreError> {
    let data = server.join("data");
    fs::create_dir(&data).doing(|| format!("make {}", data.display()))?;
    let secret = server.join("password");
    write_private(&secret, &password()?)?;
    if let Some(Account { user, group }) = binaries.account {
        for path in [&data, &secret] {
            chown(path, Some(user), Some(group))
                .doing(|| format!("hand over {}", path.display()))?;
        }
    }
    let mut initdb = binaries.command("initdb", server);
    initdb.args([
        "--username",
        USER,
        "--encoding",
        "UTF8",
        "--locale",
        "C",
        "--no-sync",
    ]);
    initdb
        .args(["--auth", "password", "--pwfile"])
        .arg(&secret)
        .arg("--pgdata")
        .arg(&data);
    command::read(&mut initdb)?;
    let sockets = data.to_string_lossy();
    let sockets = if sockets.len() > LONGEST_SOCKET_FOLDER {
        "".into()
    } else {
        sockets
    };
    let sockets = format!(
        "unix_socket_directories = '{}'\n",
        sockets.replace('\'', "''")
    );
    let file = data.join("postgresql.conf");
    let opened = OpenOptions::new().append(true).open(&file);
    opened
        .and_then(|mut file| file.write_all(format!("{}{sockets}", purpose.settings()).as_bytes()))
        .doing(|| format!("write {}", file.display()))
}

/// Starts the server of a folder on a free port, waits until it takes connections, and answers
/// its URL.
pub(super) fn start(server: &Path, binaries: &Binaries) -> Result<String, ChoreError> {
    let secret = fs::read_to_string(server.join("password"))
        .doing(|| format!("read the password in {}", server.display()))?;
    let mut failure = None;
    // Between our look and the server's, somebody else may take the port.
    for _ in 0..TRIES {
        let port = free_port()?;
        let mut start = binaries.command("pg_ctl", server);
        start.args(["start", "--silent", "--wait", "--timeout", "60", "--pgdata"]);
        start
            .arg(server.join("data"))
            .arg("--log")
            .arg(server.join("data/log"));
        start.arg("--options").arg(format!("-p {port}"));
        match command::read(&mut start) {
            Ok(_) => {
                return Ok(format!(
                    "postgres://{USER}:{secret}@127.0.0.1:{port}/postgres"
                ));
            }
            Err(error) => failure = Some(error),
        }
        let log = fs::read_to_string(server.join("data/log")).unwrap_or_default();
        if !log.contains("Address already in use") {
            crate::say::note(log.trim_end());
            break;
        }
    }
    let nothing = || ChoreError::Refused("no port of 127.0.0.1 stayed free".to_owned());
    Err(failure.unwrap_or_else(nothing))
}

/// Whether the server of a folder runs.
pub(super) fn runs(server: &Path, binaries: &Binaries) -> bool {
    let mut status = binaries.command("pg_ctl", server);
    command::succeeds(status.args(["status", "--pgdata"]).arg(server.join("data")))
}

/// Stops the server of a folder, if it runs, and removes the folder.
pub(super) fn remove(server: &Path, binaries: &Binaries) -> Result<(), ChoreError> {
    if runs(server, binaries) {
        let mut stop = binaries.command("pg_ctl", server);
        stop.args([
            "stop",
            "--silent",
            "--wait",
            "--mode",
            "immediate",
            "--pgdata",
        ]);
        command::read(stop.arg(server.join("data")))?;
    }
    fs::remove_dir_all(server).doing(|| format!("remove {}", server.display()))
}

fn free_port() -> Result<u16, ChoreError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address
        .doing(|| "find a free port of 127.0.0.1".to_owned())?
        .port())
}

/// Sixteen random bytes in hexadecimal.
pub(super) fn password() -> Result<String, ChoreError> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .doing(|| "read random bytes".to_owned())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Writes a file that only its owner can read.
pub(super) fn write_private(file: &Path, text: &str) -> Result<(), ChoreError> {
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file);
    opened
        .and_then(|mut opened| opened.write_all(text.as_bytes()))
        .doing(|| format!("write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_goes_first_by_number_and_not_by_letter() {
        let place = tempfile::tempdir().expect("a temporary folder");
        for name in ["9.6", "15", "pgsql-16", "share", "8"] {
            fs::create_dir(place.path().join(name)).expect("made");
        }
        let found = versions(place.path());
        let expected: Vec<_> = ["pgsql-16", "15", "9.6", "8"]
            .map(|name| place.path().join(name).join("bin"))
            .into();
        assert_eq!(found, expected);
        assert_eq!(
            versions(&place.path().join("nothing")),
            Vec::<PathBuf>::new()
        );
    }

    #[test]
    fn an_account_is_read_by_its_whole_name() {
        let accounts = "postgresx:x:1:2::/:/bin/sh\npostgres:x:101:104::/:/bin/sh\n";
        assert_eq!(
            account_of(accounts, "postgres"),
            Some(Account {
                user: 101,
                group: 104
            })
        );
        assert_eq!(account_of(accounts, "nobody"), None);
    }

    #[test]
    fn no_two_servers_share_a_password() {
        let (one, other) = (password().expect("random"), password().expect("random"));
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
