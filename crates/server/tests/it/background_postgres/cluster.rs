//! A PostgreSQL server of one test, which it can stop and start.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use super::fleet::{LONG, until};

/// Quick; what survives the end of its process survives, and no more is asked.
const SETTINGS: &str = "
fsync = off
full_page_writes = off
max_connections = 150
shared_buffers = 32MB
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
";

/// A server that goes with this value.
pub(super) struct Cluster {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It ends its sessions and tells them.
    Fast,
    /// It drops everything, as if the power had gone.
    Immediate,
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let folder = TempDir::new().unwrap();
        // The server's account has to get in.
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        if let Some((user, group)) = account() {
            chown(&data, Some(user), Some(group)).unwrap();
        }
        let made = command("initdb", folder.path())
            .args(["--username", "postgres", "--auth", "trust"])
            .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"])
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let file = data.join("postgresql.conf");
        let standard = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, standard + SETTINGS).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let mut cluster = Self {
            folder,
            port,
            server: None,
        };
        cluster.start_again().await;
        cluster
    }

    pub(super) fn url(&self) -> String {
        format!(
            "postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable",
            self.port
        )
    }

    /// Starts the server and waits until it answers.
    pub(super) async fn start_again(&mut self) {
        let server = command("postgres", self.folder.path())
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-p", &self.port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        self.server = Some(server);
        let url = self.url();
        until("the server takes connections", LONG, async || {
            PgConnection::connect(&url).await.is_ok()
        })
        .await;
    }

    /// Ends the server and waits until it has.
    pub(super) fn stop(&mut self, end: End) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let signal = match end {
            End::Fast => "-INT",
            End::Immediate => "-QUIT",
        };
        let process = server.id().to_string();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
        server.wait().unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Its shared memory goes with it, which it would not if it were killed.
        self.stop(End::Immediate);
    }
}

/// A program of the server, run by the account that may run it.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(binaries().join(program));
    command.env_clear().env("LC_ALL", "C").current_dir(folder);
    if let Some((user, group)) = account() {
        command.uid(user).gid(group);
    }
    command
}

/// The newest server of this machine.
fn binaries() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut kept: Vec<_> = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr"]
        .iter()
        .filter_map(|place| std::fs::read_dir(place).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    kept.sort();
    let places = std::env::split_paths(&path).chain(kept.into_iter().rev());
    let whole = |folder: &PathBuf| {
        ["initdb", "postgres"]
            .iter()
            .all(|program| folder.join(program).is_file())
    };
    places.into_iter().find(whole).unwrap_or_else(|| {
        panic!(
            "this test restarts a PostgreSQL server of its own: install one (Debian: postgresql)"
        )
    })
}

/// PostgreSQL does not run as root, which lends it another account.
fn account() -> Option<(u32, u32)> {
    let own = std::fs::metadata("/proc/self").unwrap().uid();
    if own != 0 {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = accounts.lines().find(|line| line.starts_with("postgres:"));
    let mut numbers = line
        .unwrap()
        .split(':')
        .skip(2)
        .map(|part| part.parse().unwrap());
    Some((numbers.next().unwrap(), numbers.next().unwrap()))
}
