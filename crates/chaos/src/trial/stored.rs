//! What the stream has stored, read from its database and its files.

use std::fs;
use std::path::Path;

use headwater::sqlite::rusqlite::{Connection, Row};

use super::driver::{COUNTED, FILES, INVERSE, PLAIN, RECORDS, TOTALS};
use super::error::ChaosError;
use super::event::Event;

/// Everything that is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Stored {
    /// The records, and the times of their batches.
    pub(crate) records: Vec<(Event, i64)>,
    pub(crate) counted: Vec<Counted>,
    /// The last total of each key.
    pub(crate) totals: Vec<KeyTotal>,
    pub(crate) inverse: Vec<KeyTotal>,
    pub(crate) plain: Vec<KeyTotal>,
    /// The records in the text files, and the times of their batches.
    pub(crate) files: Vec<(Event, i64)>,
}

/// A record, with the count and the sum of its key up to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) number: i64,
    pub(crate) key: i64,
    pub(crate) count: i64,
    pub(crate) sum: i64,
    pub(crate) batch: i64,
}

/// The count and the sum of a key at a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyTotal {
    pub(crate) key: i64,
    pub(crate) count: i64,
    pub(crate) sum: i64,
    pub(crate) batch: i64,
}

type Read<T> = Result<T, headwater::sqlite::rusqlite::Error>;

impl Stored {
    /// Reads what is in a directory.
    pub(crate) fn read(directory: &Path, database: &str) -> Result<Stored, ChaosError> {
        let database = Connection::open(directory.join(database))?;
        let key_totals = |table| {
            rows(&database, table, "key, count, sum, batch", |row| {
                Ok(KeyTotal {
                    key: row.get(0)?,
                    count: row.get(1)?,
                    sum: row.get(2)?,
                    batch: row.get(3)?,
                })
            })
        };
        Ok(Stored {
            records: rows(&database, RECORDS, "number, key, value, batch", |row| {
                let (number, key, value) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok((Event { number, key, value }, row.get(3)?))
            })?,
            counted: rows(
                &database,
                COUNTED,
                "number, key, count, sum, batch",
                |row| {
                    Ok(Counted {
                        number: row.get(0)?,
                        key: row.get(1)?,
                        count: row.get(2)?,
                        sum: row.get(3)?,
                        batch: row.get(4)?,
                    })
                },
            )?,
            totals: key_totals(TOTALS)?,
            inverse: key_totals(INVERSE)?,
            plain: key_totals(PLAIN)?,
            files: files(directory)?,
        })
    }
}

fn rows<T>(
    database: &Connection,
    table: &str,
    columns: &str,
    read: impl Fn(&Row<'_>) -> Read<T>,
) -> Result<Vec<T>, ChaosError> {
    let mut select = database.prepare(&format!("select {columns} from {table}"))?;
    let rows = select.query_map((), |row| read(row))?;
    Ok(rows.collect::<Read<Vec<T>>>()?)
}

/// The lines of the files in the directories that are called by the times of batches.
fn files(directory: &Path) -> Result<Vec<(Event, i64)>, ChaosError> {
    let mut events = Vec::new();
    for path in children(directory)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let batch = name
            .strip_prefix(FILES)
            .and_then(|rest| rest.strip_prefix('-'));
        let Some(batch) = batch.and_then(|batch| batch.parse::<i64>().ok()) else {
            continue;
        };
        for part in children(&path)? {
            let text = fs::read_to_string(&part).map_err(ChaosError::file("read", &part))?;
            for line in text.lines() {
                let event = line.parse().map_err(|_| ChaosError::Line {
                    path: part.clone(),
                    line: line.to_owned(),
                })?;
                events.push((event, batch));
            }
        }
    }
    Ok(events)
}

fn children(directory: &Path) -> Result<Vec<std::path::PathBuf>, ChaosError> {
    let files = fs::read_dir(directory).map_err(ChaosError::file("list", directory))?;
    files
        .map(|file| Ok(file.map_err(ChaosError::file("list", directory))?.path()))
        .collect()
}
