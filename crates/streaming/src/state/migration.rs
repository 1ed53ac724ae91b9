//! Versions of a state's values, and what makes values of one into values of another.

use std::sync::Arc;

use headwater_core::{Key, Wire};

use super::form::Form;
use super::movable::Movable;
use super::older::{Parts, parts_of};
use super::rewrite::Rows;
use super::table::StateTable;

/// What the user says about the versions of a state's values.
pub(crate) struct Migrations<K, S> {
    pub(super) current: u32,
    pub(super) older: Vec<Migration<K, S>>,
}

/// A version of values that can be migrated.
pub(super) struct Migration<K, S> {
    version: u32,
    tables: Arc<PartsFrom<StateTable<K, S>>>,
    rows: Arc<PartsFrom<Rows<K, S>>>,
}

/// Makes empty partitions of an older form, and what to say when it cannot be read.
type PartsFrom<P> = dyn Fn(&Form, String) -> Box<dyn Parts<P>> + Send + Sync;

/// The version of values that nobody has given one.
const FIRST: u32 = 1;

impl<K: Key, S: Wire> Migrations<K, S> {
    pub(super) fn none() -> Self {
        Migrations {
            current: FIRST,
            older: Vec::new(),
        }
    }

    /// Adds a function for the values of an older version.
    pub(super) fn add<Old: Wire>(
        &mut self,
        version: u32,
        migrate: impl Fn(Old) -> S + Send + Sync + 'static,
    ) {
        let migrate = Arc::new(migrate);
        let of_rows = migrate.clone();
        self.older.push(Migration {
            version,
            tables: Arc::new(move |form, advice| {
                let migrate = migrate.clone();
                let convert = move |table: StateTable<K, Old>| table.map_values(&*migrate);
                parts_of(StateTable::empty(form.has_ages), form, advice, convert)
            }),
            rows: Arc::new(move |form, advice| {
                let migrate = of_rows.clone();
                let convert = move |rows: Rows<K, Old>| rows.map_values(&*migrate);
                parts_of(Rows::empty(form.has_ages), form, advice, convert)
            }),
        });
    }

    /// What is wrong with what the user says.
    pub(crate) fn mistake(&self) -> Option<String> {
        let twice = |place: usize, version: u32| {
            let others = self.older.iter().take(place);
            others.clone().any(|other| other.version == version)
        };
        self.older
            .iter()
            .enumerate()
            .find_map(|(place, migration)| {
                let version = migration.version;
                if version == self.current {
                    Some(format!(
                        "the values have version {version}, and a migration from this same version \
                     is given; give the values a new version with .version({})",
                        version.saturating_add(1)
                    ))
                } else if twice(place, version) {
                    Some(format!(
                        "two migrations from version {version} are given; leave one"
                    ))
                } else {
                    None
                }
            })
    }

    /// As they are for a state that is a table.
    pub(crate) fn of_tables(self) -> Versions<StateTable<K, S>> {
        self.versions(|migration| migration.tables)
    }

    /// As they are for a state that is rows.
    pub(crate) fn of_rows(self) -> Versions<Rows<K, S>> {
        self.versions(|migration| migration.rows)
    }

    fn versions<P>(self, parts: impl Fn(Migration<K, S>) -> Arc<PartsFrom<P>>) -> Versions<P> {
        let older = self.older.into_iter();
        Versions {
            current: self.current,
            can_change: true,
            older: older.map(|one| (one.version, parts(one))).collect(),
        }
    }
}

/// The version of the values of a state, and those that can be migrated.
pub(crate) struct Versions<P> {
    pub(super) current: u32,
    /// Whether the user can give versions at all.
    pub(super) can_change: bool,
    older: Vec<(u32, Arc<PartsFrom<P>>)>,
}

impl<P: Movable> Versions<P> {
    /// Values that have no versions, since they follow from what the stream is.
    pub(crate) fn without() -> Self {
        Versions {
            current: FIRST,
            can_change: false,
            older: Vec::new(),
        }
    }

    /// The versions that can be migrated.
    pub(super) fn older(&self) -> impl Iterator<Item = u32> {
        self.older.iter().map(|(version, _)| *version)
    }

    /// Partitions with the values of an older version, if it can be migrated.
    pub(super) fn from(&self, was: &Form) -> Option<Box<dyn Parts<P>>> {
        let mut older = self.older.iter();
        let (version, parts) = older.find(|(version, _)| *version == was.version)?;
        let advice = format!(
            "the type that the migration from version {version} takes must be read from what {} \
             was written as",
            was.value
        );
        Some(parts(was, advice))
    }
}
