//! The statements of a sink, as text.

/// Where rows go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Where the tables are; by the search path of the connection if that is not said.
    pub(crate) schema: Option<String>,
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    /// The key of an upsert; empty where rows are only added.
    pub(crate) key: Vec<String>,
    /// Whether rows may have a null in the key and yet another key than all others.
    pub(crate) nulls_differ: bool,
}

impl Target {
    /// Makes the table that tells which batches are stored. Two that make it at once would
    /// disturb each other, hence the lock.
    pub(crate) fn create_batches(&self) -> String {
        format!(
            "begin;
            select pg_advisory_xact_lock(hashtext('headwater_batches'));
            create table if not exists {} (
                sink text not null,
                output bigint not null,
                time_ms bigint not null,
                primary key (sink, output, time_ms)
            );
            commit",
            self.batches()
        )
    }

    pub(crate) fn find_batch(&self) -> String {
        let batches = self.batches();
        format!("select 1 from {batches} where sink = $1 and output = $2 and time_ms = $3")
    }

    pub(crate) fn add_batch(&self) -> String {
        let batches = self.batches();
        format!("insert into {batches} (sink, output, time_ms) values ($1, $2, $3)")
    }

    pub(crate) fn forget_batches(&self) -> String {
        let batches = self.batches();
        format!("delete from {batches} where sink = $1 and output = $2 and time_ms < $3")
    }

    /// Fails where rows could not be inserted, and does nothing else.
    pub(crate) fn check(&self) -> String {
        let (columns, table) = (list(&self.columns), self.table());
        format!(
            "explain {} select {columns} from {table} where false {}",
            self.insert(),
            self.on_conflict()
        )
    }

    /// Has the columns that are written, for their types.
    pub(crate) fn columns(&self) -> String {
        format!(
            "select {} from {} limit 0",
            list(&self.columns),
            self.table()
        )
    }

    /// Tells of the table `$1` and the key `$2` whether nulls can be in it, and differ for the
    /// constraint. That they are equal can be said since version 15; before it the catalog
    /// lacks the column, which is why it is looked up by way of JSON.
    pub(crate) fn find_nulls_differ(&self) -> &'static str {
        "select exists (
            select from pg_attribute a
            where a.attrelid = to_regclass($1) and a.attname::text = any($2) and not a.attnotnull
        ) and not exists (
            select from pg_index i
            cross join lateral (
                select array_agg(a.attname::text) as key from pg_attribute a
                where a.attrelid = i.indrelid
                    and a.attnum = any((i.indkey::smallint[])[0:i.indnkeyatts - 1])
            ) as of
            where i.indrelid = to_regclass($1) and i.indisunique
                and (to_jsonb(i) ->> 'indnullsnotdistinct')::boolean
                and of.key <@ $2 and of.key @> $2
        )"
    }

    /// Makes a table for the rows of a batch. Nothing of it has to survive the server.
    pub(crate) fn create_staging(&self, staging: &str) -> String {
        let columns = self.columns.iter().enumerate();
        let columns: Vec<_> = columns
            .map(|(at, name)| format!("{} as c{at}", quoted(name)))
            .collect();
        format!(
            "create unlogged table {} with (autovacuum_enabled = false) as \
             select 0::bigint as attempt, 0::integer as part, 0::bigint as place, {} \
             from {} with no data",
            self.at(staging),
            columns.join(", "),
            self.table()
        )
    }

    pub(crate) fn fill_staging(&self, staging: &str) -> String {
        let columns = self.staged_columns();
        let staging = self.at(staging);
        format!("copy {staging} (attempt, part, place, {columns}) from stdin with (format binary)")
    }

    pub(crate) fn count_staged(&self, staging: &str) -> String {
        format!(
            "select count(*) from {} where attempt = any($1)",
            self.at(staging)
        )
    }

    /// Moves what is staged to where it belongs.
    pub(crate) fn insert_staged(&self, staging: &str) -> String {
        let (insert, columns) = (self.insert(), self.staged_columns());
        let from = format!("from {} where attempt = any($1)", self.at(staging));
        if self.key.is_empty() {
            return format!("{insert} select {columns} {from}");
        }
        // One statement must not change a row twice: the last row with a key is taken.
        let at = |key: &String| self.columns.iter().position(|column| column == key);
        let key: Vec<_> = self
            .key
            .iter()
            .filter_map(at)
            .map(|at| format!("c{at}"))
            .collect();
        let mut key = key.join(", ");
        if self.nulls_differ {
            // `distinct on` takes nulls for equal: their place tells such rows apart.
            key += &format!(", case when num_nulls({key}) > 0 then array[part, place] end");
        }
        let on_conflict = self.on_conflict();
        format!(
            "{insert} select distinct on ({key}) {columns} {from} \
             order by {key}, part desc, place desc {on_conflict}"
        )
    }

    pub(crate) fn drop_staging(&self, staging: &str) -> String {
        format!("drop table if exists {}", self.at(staging))
    }

    /// The tables whose names begin as `$1`, where ours are.
    pub(crate) fn find_staging(&self) -> &'static str {
        "select c.relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and starts_with(c.relname::text, $1)
            and (n.nspname = $2 or ($2 is null and pg_table_is_visible(c.oid)))"
    }

    pub(crate) fn table(&self) -> String {
        self.at(&self.table)
    }

    fn batches(&self) -> String {
        self.at("headwater_batches")
    }

    fn at(&self, table: &str) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(table)),
            None => quoted(table),
        }
    }

    fn staged_columns(&self) -> String {
        let columns: Vec<_> = (0..self.columns.len()).map(|at| format!("c{at}")).collect();
        columns.join(", ")
    }

    fn insert(&self) -> String {
        format!("insert into {} ({})", self.table(), list(&self.columns))
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
        format!("on conflict ({}) do {change}", list(&self.key))
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

    #[test]
    fn names_are_quoted() {
        let target = Target {
            schema: Some("a.b".to_owned()),
            table: "drop \"t\";".to_owned(),
            columns: vec!["x y".to_owned(), "n".to_owned()],
            key: vec!["n".to_owned()],
            nulls_differ: false,
        };
        assert_eq!(
            target.insert_staged("s"),
            r#"insert into "a.b"."drop ""t"";" ("x y", "n") select distinct on (c1) c0, c1 from "a.b"."s" where attempt = any($1) order by c1, part desc, place desc on conflict ("n") do update set "x y" = excluded."x y""#
        );
    }
}
