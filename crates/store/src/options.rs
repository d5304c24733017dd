//! Which database, and how it is used.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::OpenError;

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which database.
    pub database: Database,
    /// The most connections for requests. Of those to a PostgreSQL server half are for writes, so it is at
    /// least 2; a replica gets as many as the other half. For SQLite it is how many read at once.
    pub connections: u32,
    /// The longest that anything waits for a connection.
    pub connect_timeout: Duration,
    /// The longest that PostgreSQL works on one statement.
    pub statement_timeout: Duration,
    /// The longest that a statement waits for a lock.
    pub lock_timeout: Duration,
    /// Whether the schema is brought up to date.
    pub migrate: Migrate,
    /// Who else may use the database.
    pub share: Share,
}

/// Who else may use the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// A SQLite file is this process's alone, from here on to the end of the store.
    Alone,
    /// For chores, beside a process that has the SQLite file: it is not kept from anybody, whoever works on
    /// it is taken for alive, and its schema is brought up to date only when nobody has it.
    Beside,
}

/// Whether opening a store brings its schema up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migrate {
    /// It does; processes that start at the same time wait for each other.
    AtOpen,
    /// It does not; readiness says what is missing.
    Never,
}

/// Which database. Printing it shows no password.
#[derive(Clone)]
pub enum Database {
    /// A SQLite file, which one process at a time serves from. It is made when it is not there.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres {
        /// The server that takes writes.
        primary: Box<PgConnectOptions>,
        /// A replica of it for lists and for responses that have ended.
        replica: Option<Box<PgConnectOptions>>,
    },
}

impl Options {
    /// The usual way to use `database`.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            connections: 16,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(2),
            migrate: Migrate::AtOpen,
            share: Share::Alone,
        }
    }
}

impl Database {
    /// The same database with lists and ended responses read from the replica at `url`.
    pub fn with_replica(self, url: &str) -> Result<Self, OpenError> {
        match self {
            Self::Postgres { primary, .. } => Ok(Self::Postgres {
                primary,
                replica: Some(Box::new(postgres_url(url)?)),
            }),
            Self::Sqlite(_) => Err(OpenError::ReplicaOfFile),
        }
    }
}

/// Reads `postgres://…` and `postgresql://…` as libpq does, `sqlite:` and a path, or a path.
impl FromStr for Database {
    type Err = OpenError;

    fn from_str(url: &str) -> Result<Self, OpenError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres {
                primary: Box::new(postgres_url(url)?),
                replica: None,
            });
        }
        let path = ["sqlite://", "sqlite:"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .unwrap_or(url);
        let has_scheme = path.split_once("://").is_some();
        if path.is_empty() || has_scheme || path.starts_with(':') || path.contains('?') {
            return Err(OpenError::UnknownUrl);
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

fn postgres_url(url: &str) -> Result<PgConnectOptions, OpenError> {
    PgConnectOptions::from_str(url).map_err(OpenError::Url)
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Postgres { primary, replica } => f
                .debug_struct("Postgres")
                .field("primary", &address(primary))
                .field("replica", &replica.as_deref().map(address))
                .finish(),
        }
    }
}

/// Where a server is, for people.
pub(crate) fn address(server: &PgConnectOptions) -> String {
    let database = server.get_database().unwrap_or(server.get_username());
    match server.get_socket() {
        Some(socket) => format!("{}/{database}", socket.display()),
        None => format!("{}:{}/{database}", server.get_host(), server.get_port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> String {
        match url.parse::<Database>() {
            Ok(Database::Sqlite(path)) => format!("file {}", path.display()),
            Ok(Database::Postgres { primary, .. }) => format!("server {}", address(&primary)),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_url_names_a_server_or_a_file() {
        let cases = [
            ("/var/lib/response.db", "file /var/lib/response.db"),
            ("data/response.db", "file data/response.db"),
            ("sqlite:data/response.db", "file data/response.db"),
            ("sqlite:///var/lib/response.db", "file /var/lib/response.db"),
            ("sqlite://data/response.db", "file data/response.db"),
            ("postgres://ada@db/api", "server db:5432/api"),
            (
                "postgresql://ada:pw@db:6000/api?sslmode=disable",
                "server db:6000/api",
            ),
            ("postgres://ada@%2Frun%2Fpg/api", "server /run/pg/api"),
            ("postgres://ada@db", "server db:5432/ada"),
        ];
        for (url, expected) in cases {
            assert_eq!(read(url), expected, "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        let refused = [
            "",
            "sqlite:",
            "sqlite::memory:",
            ":memory:",
            "mysql://db/api",
            "a.db?mode=ro",
        ];
        for url in refused {
            assert!(url.parse::<Database>().is_err(), "{url}");
        }
        for url in ["postgres://db:port/api", "postgres://db/api?sslmode=maybe"] {
            let error = url.parse::<Database>().unwrap_err();
            assert!(matches!(error, OpenError::Url(_)), "{url}: {error:?}");
        }
        let file: Database = "a.db".parse().unwrap();
        assert!(file.with_replica("postgres://db/api").is_err());
    }
}
