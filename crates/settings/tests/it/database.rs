//! Database URLs, and the database's section alone.

use response_settings::{Database, Migrations, Sources};
use rstest::rstest;

use crate::{only_fault, shown, sources, with};

#[rstest]
#[case(
    "postgres://response_api:hunter2@api-db:5432/response_api?sslmode=disable",
    "postgres://response_api:***@api-db:5432/response_api?sslmode=disable"
)]
#[case("postgresql://api-db/response_api", "postgresql://api-db/response_api")]
#[case(
    "postgres://u@h/db?password=hunter2&port=5",
    "postgres://u@h/db?password=***&port=5"
)]
#[case("postgres://u:p%40hunter2@h/db", "postgres://u:***@h/db")]
#[case(
    "postgres:///db?host=/run/pg&sslkey=hunter2",
    "postgres:///db?host=/run/pg&sslkey=***"
)]
fn a_database_url_is_whole_for_the_store_and_bare_for_the_eye(
    #[case] dsn: &str,
    #[case] expected: &str,
) {
    let loaded = with(&[("DB_POSTGRESQL_WRITE_DSN", dsn)]);
    let url = loaded.settings.database.write_dsn.clone().unwrap();
    assert_eq!(url.expose(), dsn);
    assert_eq!(shown(&loaded, "database.write_dsn"), expected);
    assert_eq!(
        (url.to_string(), format!("{url:?}")),
        (expected.into(), format!("DatabaseUrl({expected})"))
    );
}

#[rstest]
#[case("mysql://u:hunter2@h/db")]
#[case("host=api-db user=response_api password=hunter2")]
#[case("postgres://u:hunter#2@h/db")]
#[case("hunter2")]
fn a_database_url_is_refused_without_being_shown(#[case] dsn: &str) {
    let fault = only_fault(&sources(&[("DB_POSTGRESQL_WRITE_DSN", dsn)]));
    assert!(
        fault.contains("the value (not shown) is not allowed; allowed is a PostgreSQL URL"),
        "{fault}"
    );
    assert!(!fault.contains("hunter"), "{fault}");
}

#[test]
fn a_chore_of_the_database_needs_no_llm_api() {
    let sources = Sources::from_variables([
        ("DB_POSTGRESQL_WRITE_DSN", "postgres://u:p@h/db"),
        ("AUTO_MIGRATE", "false"),
        ("RESPONSE_API_PORT", "not a port"),
    ]);
    let database = Database::load(&sources).unwrap();
    assert_eq!(database.auto_migrate, Migrations::ByHand);
    assert_eq!(database.write_dsn.unwrap().expose(), "postgres://u:p@h/db");
}

#[test]
fn a_chore_of_the_database_tells_that_sections_faults() {
    let sources = Sources::from_variables([
        ("DB_POSTGRESQL_READ1_DSN", "postgres://replica/db"),
        ("DB_POOL_SIZE", "0"),
    ]);
    let faults = Database::load(&sources).unwrap_err().to_string();
    assert!(
        faults.contains("database.pool_size") && !faults.contains("llm.url"),
        "{faults}"
    );
    let alone = Sources::from_variables([("DB_POSTGRESQL_READ1_DSN", "postgres://replica/db")]);
    let faults = Database::load(&alone).unwrap_err().to_string();
    assert!(faults.contains("a read replica needs"), "{faults}");
}
