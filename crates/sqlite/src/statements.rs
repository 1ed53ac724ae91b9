//! The statements of a sink, as text.

/// Where rows go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    /// The key of an upsert; empty where rows are only added.
    pub(crate) key: Vec<String>,
}

/// Which batches are stored, of every sink of the database.
pub(crate) const CREATE_BATCHES: &str = "
    create table if not exists headwater_batches (
        sink text not null,
        output integer not null,
        time_ms integer not null,
        primary key (sink, output, time_ms)
    ) without rowid";

pub(crate) const FIND_BATCH: &str =
    "select 1 from headwater_batches where sink = ?1 and output = ?2 and time_ms = ?3";

pub(crate) const ADD_BATCH: &str =
    "insert into headwater_batches (sink, output, time_ms) values (?1, ?2, ?3)";

pub(crate) const FORGET_BATCHES: &str =
    "delete from headwater_batches where sink = ?1 and output = ?2 and time_ms < ?3";

impl Target {
    /// Inserts one row.
    pub(crate) fn insert_values(&self) -> String {
        let places = vec!["?"; self.columns.len()].join(", ");
        format!("{} values ({places}){}", self.insert(), self.on_conflict())
    }

    /// Inserts the rows of a spilled partition.
    pub(crate) fn insert_spilled(&self, spilled: &str) -> String {
        // Without a condition the conflict clause would be read as one of a join.
        let rows = format!("select * from temp.{spilled} where true order by rowid");
        format!("{} {rows}{}", self.insert(), self.on_conflict())
    }

    /// Makes a table for a partition that is spilled.
    pub(crate) fn create_spilled(&self, spilled: &str) -> String {
        let columns: Vec<_> = (0..self.columns.len()).map(|at| format!("c{at}")).collect();
        format!("create temp table {spilled} ({})", columns.join(", "))
    }

    pub(crate) fn fill_spilled(&self, spilled: &str) -> String {
        let places = vec!["?"; self.columns.len()].join(", ");
        format!("insert into temp.{spilled} values ({places})")
    }

    fn insert(&self) -> String {
        format!(
            "insert into {} ({})",
            quoted(&self.table),
            list(&self.columns)
        )
    }

    fn on_conflict(&self) -> String {
        if self.key.is_empty() {
            return String::new();
        }
        let others = self
            .columns
            .iter()
            .filter(|column| !self.key.contains(column));
        let sets: Vec<_> = others
            .map(|column| format!("{0} = excluded.{0}", quoted(column)))
            .collect();
        let change = if sets.is_empty() {
            "nothing".to_owned()
        } else {
            format!("update set {}", sets.join(", "))
        };
        format!(" on conflict ({}) do {change}", list(&self.key))
    }
}

fn list(columns: &[String]) -> String {
    let quoted: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
    quoted.join(", ")
}

/// An identifier that may contain anything.
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(columns: &[&str], key: &[&str]) -> Target {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Target {
            table: "my \"t\"".to_owned(),
            columns: owned(columns),
            key: owned(key),
        }
    }

    #[test]
    fn rows_are_added() {
        assert_eq!(
            target(&["a", "b c"], &[]).insert_values(),
            r#"insert into "my ""t""" ("a", "b c") values (?, ?)"#
        );
    }

    #[test]
    fn rows_take_the_place_of_those_with_their_key() {
        assert_eq!(
            target(&["a", "b", "c"], &["b"]).insert_values(),
            r#"insert into "my ""t""" ("a", "b", "c") values (?, ?, ?) on conflict ("b") do update set "a" = excluded."a", "c" = excluded."c""#
        );
        let only_key = target(&["a"], &["a"]).insert_spilled("s");
        assert!(
            only_key.ends_with(r#" on conflict ("a") do nothing"#),
            "{only_key}"
        );
    }
}
