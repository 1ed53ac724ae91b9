//! State that outlives changes of the program: values of another type, states that come and go.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use headwater_core::Wire;
use headwater_streaming::testing::{Collected, TestStream};
use headwater_streaming::time::{Time, seconds};
use headwater_streaming::{DStream, State, StateSpec, StreamError, UpdateStateSpec};
use probe::{going_on, second};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

/// A key, and a number that is given for it.
type Count = (String, u64);

/// Each batch has a record of `a`, every third one of `b`.
fn records(test: &TestStream) -> DStream<(String, u64)> {
    test.context().stream_by_time(|time: Time| {
        let number = u64::try_from(time.as_millis() / 1000).unwrap_or(0);
        let b = number.is_multiple_of(3).then(|| ("b".to_owned(), number));
        std::iter::once(("a".to_owned(), number)).chain(b).collect()
    })
}

/// Runs batches of a life, and gives what the last one has, in order.
fn run(
    test: &TestStream,
    out: &Collected<Count>,
    batches: usize,
) -> Result<Vec<Count>, StreamError> {
    test.try_run(batches)?;
    let mut last = out.batches().pop().unwrap_or_default();
    last.sort();
    Ok(last)
}

fn counts(expected: &[(&str, u64)]) -> Vec<Count> {
    let owned = expected
        .iter()
        .map(|(key, count)| ((*key).to_owned(), *count));
    owned.collect()
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// The message of a start that is refused.
fn refused(result: Result<Vec<Count>, StreamError>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error, StreamError::Checkpoint { .. }), "{error}");
    error.to_string()
}

/// A state that counts records, in a type that may change.
trait Counting: Wire + Default {
    fn count(&mut self) -> u64;
}

macro_rules! counting {
    ($type:ident { $($field:ident: $of:ty),* }) => {
        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        struct $type { $($field: $of),* }

        impl Counting for $type {
            fn count(&mut self) -> u64 {
                self.count += 1;
                u64::from(self.count)
            }
        }
    };
}

counting!(First { count: u32 });
counting!(Second {
    name: String,
    count: u32
});
counting!(Third { count: u64, name: Option<String> });

fn second_from_first(old: First) -> Second {
    Second {
        name: "was first".to_owned(),
        count: old.count,
    }
}

fn third_from_second(old: Second) -> Third {
    Third {
        count: old.count.into(),
        name: Some(old.name),
    }
}

fn third_from_first(old: First) -> Third {
    third_from_second(second_from_first(old))
}

/// How values are kept and migrated by a specification.
type Said<S> = fn(StateSpec<String, u64, S, Count>) -> StateSpec<String, u64, S, Count>;

/// One life with `map_with_state`: what a key has counted when it times out or is touched.
fn tracking<S: Counting>(
    dir: &TempDir,
    (begun, batches): (usize, usize),
    settings: &[(&str, &str)],
    said: Said<S>,
) -> Result<Vec<Count>, StreamError> {
    let test = going_on(dir.path(), begun, settings);
    let count = |key: &String, value: Option<u64>, state: &mut State<'_, S>| {
        let mut new = state.get().cloned().unwrap_or_default();
        let count = new.count();
        if value.is_some() {
            state.update(new);
        }
        (key.clone(), count)
    };
    let spec = said(StateSpec::function(count).timeout(seconds(1)));
    let out = test.collect(&records(&test).map_with_state(spec).stream());
    run(&test, &out, batches)
}

const OFTEN: [(&str, &str); 1] = [("streaming.checkpoint.interval", "1s")];
const SELDOM: [(&str, &str); 1] = [("streaming.checkpoint.interval", "1h")];

#[test]
fn values_are_migrated_and_ages_stay() {
    for settings in [&OFTEN, &SELDOM] {
        let dir = dir();
        tracking::<First>(&dir, (0, 4), settings, |spec| spec).unwrap();
        // Nothing is done, and the next life finds what this one has migrated.
        let third: Said<Third> = |spec| {
            let spec = spec.version(3).migrate_from(1, third_from_first);
            spec.migrate_from(2, third_from_second).num_partitions(5)
        };
        tracking(&dir, (4, 0), settings, third).unwrap();
        // The record of b was in the third batch: it is idle for too long in the fifth.
        let last = tracking(&dir, (4, 1), settings, third).unwrap();
        assert_eq!(last, counts(&[("a", 5), ("b", 2)]));
        let last = tracking(&dir, (5, 1), settings, third).unwrap();
        assert_eq!(last, counts(&[("a", 6), ("b", 1)]));
    }
}

#[test]
fn each_version_goes_on_from_the_one_before() {
    let dir = dir();
    tracking::<First>(&dir, (0, 2), &SELDOM, |spec| spec).unwrap();
    let second: Said<Second> = |spec| spec.version(2).migrate_from(1, second_from_first);
    tracking(&dir, (2, 2), &SELDOM, second).unwrap();
    let third: Said<Third> = |spec| spec.version(3).migrate_from(2, third_from_second);
    let last = tracking(&dir, (4, 2), &SELDOM, third).unwrap();
    assert_eq!(last, counts(&[("a", 6), ("b", 1)]));
    // And back, for those who have to.
    let back: Said<Second> = |spec| {
        spec.version(2).migrate_from(3, |third: Third| Second {
            name: third.name.unwrap_or_default(),
            count: u32::try_from(third.count).unwrap_or(u32::MAX),
        })
    };
    let last = tracking(&dir, (6, 1), &SELDOM, back).unwrap();
    assert_eq!(last[0], ("a".to_owned(), 7));
}

#[test]
fn what_cannot_be_migrated_is_refused_before_anything_runs() {
    let dir = dir();
    tracking::<First>(&dir, (0, 2), &OFTEN, |spec| spec).unwrap();
    let message = refused(tracking::<Third>(&dir, (2, 1), &OFTEN, |spec| {
        spec.version(3)
    }));
    assert!(
        message.contains("have version 1 (state_versions::First)"),
        "{message}"
    );
    assert!(message.contains(".migrate_from::<Old>(1,"), "{message}");
    let later: Said<Third> = |spec| spec.version(3).migrate_from(2, third_from_second);
    let message = refused(tracking(&dir, (2, 1), &OFTEN, later));
    assert!(message.contains("with migrations from 2 only"), "{message}");
    // A name says which state is meant; another type under the same version is no version.
    let named = |spec: StateSpec<String, u64, Second, Count>| spec;
    let message = refused(tracking::<Second>(&dir, (2, 1), &OFTEN, named));
    assert!(message.contains("has no place in the program"), "{message}");
    // Nothing has happened.
    let last = tracking::<First>(&dir, (2, 1), &OFTEN, |spec| spec).unwrap();
    assert_eq!(last, counts(&[("a", 3), ("b", 1)]));
}

/// One life with `update_state_by_key` under a name.
fn updating<K: headwater_core::Key, S: Counting>(
    dir: &TempDir,
    (begun, batches): (usize, usize),
    key: fn(&str) -> K,
    said: fn(UpdateStateSpec<K, u64, S>) -> UpdateStateSpec<K, u64, S>,
) -> Result<Vec<Count>, StreamError> {
    let test = going_on(dir.path(), begun, &OFTEN);
    let count = |new: Vec<u64>, old: Option<S>| {
        let mut state = old.unwrap_or_default();
        new.iter().for_each(|_| {
            state.count();
        });
        Some(state)
    };
    let pairs = records(&test).map(move |(name, number)| (key(&name), number));
    let spec = said(UpdateStateSpec::function(count));
    let states = pairs.update_state_by_key_with(spec).named("counts");
    let out = test.collect(&states.map(|(_, mut state)| (String::new(), state.count() - 1)));
    run(&test, &out, batches)
}

#[test]
fn refusals_under_a_name_say_what_to_do() {
    let dir = dir();
    let text = |name: &str| name.to_owned();
    updating::<_, First>(&dir, (0, 3), text, |spec| spec).unwrap();
    let message = refused(updating::<_, Second>(&dir, (3, 1), text, |spec| spec));
    for part in [
        "state counts: its values were state_versions::First",
        ".version(2)",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let message = refused(updating::<_, First>(&dir, (3, 1), str::len, |spec| spec));
    assert!(message.contains("keys cannot be migrated"), "{message}");
    let rows = UpdateStateSpec::partition_function(|_, _| Vec::<(String, First)>::new());
    let test = going_on(dir.path(), 3, &OFTEN);
    let out = test.collect(
        &records(&test)
            .update_state_by_key_with(rows)
            .named("counts"),
    );
    let message = test.try_run(1).unwrap_err().to_string();
    assert!(
        message.contains("kept as a table and is now kept as rows"),
        "{message}"
    );
    drop((test, out));
    let migrated = |spec: UpdateStateSpec<String, u64, Second>| {
        spec.version(2).migrate_from(1, second_from_first)
    };
    let last = updating(&dir, (3, 3), text, migrated).unwrap();
    assert_eq!(last, counts(&[("", 2), ("", 6)]));
}

#[test]
fn a_migration_that_panics_or_reads_another_type_fails_the_start() {
    let dir = dir();
    tracking::<First>(&dir, (0, 2), &OFTEN, |spec| spec).unwrap();
    let panics: Said<Second> = |spec| spec.version(2).migrate_from(1, |_: First| panic!("no"));
    let message = refused(tracking(&dir, (2, 1), &OFTEN, panics));
    assert!(message.contains("cannot be restored"), "{message}");
    let other: Said<Second> = |spec| {
        spec.version(2)
            .migrate_from(1, |_: [u64; 4]| Second::default())
    };
    let message = refused(tracking(&dir, (2, 1), &OFTEN, other));
    assert!(
        message.contains("the migration from version 1 takes"),
        "{message}"
    );
}

#[test]
fn versions_that_contradict_each_other_are_mistakes() {
    let said: [Said<Second>; 2] = [
        |spec| spec.migrate_from(1, second_from_first),
        |spec| {
            let spec = spec.version(3).migrate_from(1, second_from_first);
            spec.migrate_from(1, second_from_first)
        },
    ];
    for (said, text) in said
        .into_iter()
        .zip(["this same version", "two migrations"])
    {
        let error = tracking(&dir(), (0, 1), &OFTEN, said).unwrap_err();
        assert!(matches!(error, StreamError::Graph(_)), "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn fields_that_change_under_the_same_name_are_found() {
    let dir = dir();
    let text = |name: &str| name.to_owned();
    {
        counting!(Visits {
            count: u32,
            pages: u32
        });
        updating::<_, Visits>(&dir, (0, 2), text, |spec| spec).unwrap();
    }
    {
        // Its bytes could be read, with one for the other.
        counting!(Visits {
            pages: u32,
            count: u32
        });
        let message = refused(updating::<_, Visits>(&dir, (2, 1), text, |spec| spec));
        for part in [
            "the fields of its values",
            "Visits) have changed",
            ".version(2)",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_time_out_may_be_added_and_taken_away() {
    let dir = dir();
    let life = |begun, batches, spec: fn(_) -> StateSpec<String, u64, u64, Count>| {
        let test = going_on(dir.path(), begun, &OFTEN);
        let count = |key: &String, value: Option<u64>, state: &mut State<'_, u64>| {
            let count = state.get().copied().unwrap_or(0) + 1;
            if value.is_some() {
                state.update(count);
            }
            (key.clone(), count)
        };
        let spec = spec(StateSpec::function(count));
        let out = test.collect(&records(&test).map_with_state(spec).stream());
        run(&test, &out, batches).unwrap()
    };
    life(0, 4, |spec| spec);
    // Nobody knows for how long b was idle: it counts as young as the restart.
    let timeout = |spec: StateSpec<_, _, _, _>| spec.timeout(seconds(1));
    assert_eq!(life(4, 1, timeout), counts(&[("a", 5)]));
    assert_eq!(life(5, 2, timeout), counts(&[("a", 7)]));
    assert_eq!(life(7, 1, timeout), counts(&[("a", 8), ("b", 3)]));
    assert_eq!(life(8, 4, |spec| spec), counts(&[("a", 12), ("b", 2)]));
}

#[test]
fn states_that_come_and_go_leave_the_others_as_they_are() {
    let dir = dir();
    let sum = |new: Vec<u64>, old: Option<u64>| Some(old.unwrap_or(0) + new.iter().sum::<u64>());
    let life = |begun, batches, names: &[&str]| {
        let mut settings = SELDOM.to_vec();
        settings.push(("streaming.checkpoint.allow", "drop:gone"));
        let test = going_on(dir.path(), begun, &settings);
        let pairs = records(&test);
        let states = names
            .iter()
            .map(|name| pairs.update_state_by_key(sum).named(*name));
        let outs: Vec<_> = states.map(|states| test.collect(&states)).collect();
        let last = |out: &Collected<Count>| run(&test, out, 0).unwrap();
        test.run(batches);
        outs.iter().map(last).collect::<Vec<_>>()
    };
    life(0, 2, &["gone", "kept"]);
    // The state has another number from now on, and is written under it.
    assert_eq!(life(2, 2, &["kept"]), [counts(&[("a", 10), ("b", 3)])]);
    // A new one begins empty, whenever time began, also if its first process ended at once.
    life(4, 0, &["new", "kept"]);
    let both = life(4, 2, &["new", "kept"]);
    assert_eq!(both[0], counts(&[("a", 11), ("b", 6)]));
    assert_eq!(both[1], counts(&[("a", 21), ("b", 9)]));
    let both = life(6, 1, &["new", "kept"]);
    assert_eq!(both[0][0], ("a".to_owned(), 18));
    assert_eq!(both[1][0], ("a".to_owned(), 28));
}

#[test]
fn a_program_that_looks_back_further_than_was_kept_finds_what_there_is() {
    let dir = dir();
    let sum = |new: Vec<u64>, old: Option<u64>| Some(old.unwrap_or(0) + new.iter().sum::<u64>());
    // A graceful stop writes state whole, so changes before the last ones are forgotten.
    for begun in 0..4 {
        let test = going_on(dir.path(), begun, &SELDOM);
        test.collect(&records(&test).update_state_by_key(sum).named("sums"));
        test.run(1);
        test.context().stop(true, true).unwrap();
    }
    let test = going_on(dir.path(), 4, &SELDOM);
    let sums = records(&test).update_state_by_key(sum).named("sums");
    let window = test.collect(&sums.filter(|(key, _)| key == "a").window(seconds(5), None));
    test.run(3);
    let of = |time| window.at(second(time)).unwrap();
    let a = |sums: &[u64]| {
        sums.iter()
            .map(|sum| ("a".to_owned(), *sum))
            .collect::<Vec<_>>()
    };
    // One batch more than the first program needed was kept, those before it were not.
    assert_eq!(of(5), a(&[10, 15]));
    assert_eq!(of(6), a(&[10, 15, 21]));
    assert_eq!(of(7), a(&[10, 15, 21, 28]));
}
