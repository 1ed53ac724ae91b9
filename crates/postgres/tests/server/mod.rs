//! A PostgreSQL server for tests, as `scripts/services` starts one.

use headwater_postgres::postgres::{Client, NoTls};

/// The server's address; `None` where there is none and none is required.
pub(crate) fn address() -> Option<String> {
    let Ok(address) = std::env::var("TEST_POSTGRES_URL") else {
        let why = "TEST_POSTGRES_URL is not set; run: eval \"$(scripts/services env)\"";
        let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
        assert!(!required, "{why}");
        eprintln!("skipped: {why}");
        return None;
    };
    Some(address)
}

pub(crate) fn connect() -> Client {
    Client::connect(&address().unwrap(), NoTls).unwrap()
}

/// A schema of the test's own, empty.
pub(crate) fn schema(name: &str) -> Option<String> {
    address()?;
    let name = format!("{name}-{}", std::process::id());
    let quoted = format!("\"{name}\"");
    let mut client = connect();
    client
        .batch_execute(&format!(
            "drop schema if exists {quoted} cascade; create schema {quoted}"
        ))
        .unwrap();
    Some(name)
}

/// How many tables of a schema are for staging.
#[allow(dead_code, reason = "not every test binary looks")]
pub(crate) fn staging_tables(schema: &str) -> i64 {
    let count = "select count(*) from pg_tables where schemaname = $1
        and starts_with(tablename, 'headwater_staged_')";
    connect().query_one(count, &[&schema]).unwrap().get(0)
}
