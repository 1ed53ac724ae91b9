//! Outputs of changed programs: a batch that a sink has stored, and whose end was not recorded, is
//! stored once, whatever has become of the outputs around it.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_core::PartitionIter;
use headwater_streaming::clock::ManualClock;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use headwater_streaming::{
    BatchId, BatchRun, Begun, DStream, OpenBatches, OutputNumber, TransactionalSink,
};
use parking_lot::Mutex;
use probe::{context, second};
use tempfile::TempDir;

/// What a database holds: the rows of each batch of each output.
type Table = Arc<Mutex<BTreeMap<BatchId, Vec<i64>>>>;

/// A sink that refuses nothing that it does not have by its id, as a database does.
struct Sink {
    table: Table,
    name: Option<&'static str>,
    open: OpenBatches<Vec<i64>>,
    /// A batch that it does not come to store.
    refuses: Option<BatchId>,
}

impl TransactionalSink<i64> for Sink {
    fn name(&self) -> Option<String> {
        self.name.map(str::to_owned)
    }

    fn recover(&self) -> Result<(), String> {
        Ok(())
    }

    fn begin(&self, run: &BatchRun) -> Result<Begun, String> {
        if self.table.lock().contains_key(&run.id) {
            return Ok(Begun::Committed);
        }
        self.open.open(run.id, ());
        Ok(Begun::Open)
    }

    fn write(&self, id: BatchId, at: usize, records: PartitionIter<i64>) -> Result<(), String> {
        let run = self.open.run_of(id)?;
        self.open.keep(&run, at, records.into_vec())
    }

    fn commit(&self, id: BatchId) -> Result<(), String> {
        if self.refuses == Some(id) {
            return Err("the process dies".to_owned());
        }
        let (_, partitions) = self.open.close(id)?;
        let rows = partitions.into_iter().flatten().collect();
        match self.table.lock().insert(id, rows) {
            None => Ok(()),
            Some(_) => Err(format!("batch {id} is stored already")),
        }
    }

    fn abort(&self, id: BatchId) -> Result<(), String> {
        drop(self.open.close(id));
        Ok(())
    }
}

/// The tables of a program, and the directory of its checkpoints.
struct World {
    dir: TempDir,
    a: Table,
    b: Table,
}

impl World {
    fn new() -> Self {
        World {
            dir: tempfile::tempdir().unwrap(),
            a: Table::default(),
            b: Table::default(),
        }
    }

    /// One life of a program: two batches, of which the second fails after its outputs if it
    /// is to.
    fn live(&self, begin: i64, fails: bool, allow: &str, build: impl Fn(&Life<'_>)) {
        let clock = ManualClock::at(second(begin));
        let settings = [("streaming.checkpoint.allow", allow)];
        let test = TestStream::with_clock(&context(&settings), seconds(1), clock).unwrap();
        let directory = self.dir.path().to_str().unwrap();
        test.context().go_on_from(directory).unwrap();
        let numbers = test
            .context()
            .stream_by_time(|time| vec![time.as_millis() / 1000]);
        build(&Life {
            world: self,
            numbers: numbers.clone(),
        });
        // Last, so that the outputs have stored the batch when it fails.
        numbers.foreach_rdd(move |_, time| match fails && time == second(2) {
            true => Err("the process dies"),
            false => Ok(()),
        });
        assert_eq!(test.try_run(2).is_err(), fails);
    }

    /// Two lives of a program that is changed between them; the second batch runs in both.
    fn changed(allow: &str, before: impl Fn(&Life<'_>), after: impl Fn(&Life<'_>)) -> Self {
        let world = World::new();
        world.live(0, true, "", before);
        world.live(2, false, allow, after);
        world
    }
}

/// What programs are built from.
struct Life<'a> {
    world: &'a World,
    numbers: DStream<i64>,
}

impl Life<'_> {
    /// A stream of its own, which may get a name.
    fn stream(&self, factor: i64) -> DStream<i64> {
        self.numbers.map(move |number| number * factor)
    }

    fn a(&self) -> Sink {
        sink(&self.world.a, None)
    }

    fn b(&self) -> Sink {
        sink(&self.world.b, None)
    }
}

fn sink(table: &Table, name: Option<&'static str>) -> Sink {
    Sink {
        table: table.clone(),
        name,
        open: OpenBatches::new(),
        refuses: None,
    }
}

fn rows(table: &Table) -> Vec<i64> {
    let mut rows: Vec<_> = table.lock().values().flatten().copied().collect();
    rows.sort_unstable();
    rows
}

/// The numbers of the outputs that have stored something.
fn numbers(table: &Table) -> Vec<u64> {
    let mut numbers: Vec<_> = table.lock().keys().map(|id| id.output.get()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[test]
fn an_output_that_was_added_before_it_takes_nothing_from_it() {
    let before = |life: &Life<'_>| {
        life.stream(1).named("a").write_to(life.a());
    };
    let world = World::changed("", before, |life| {
        life.stream(10).named("b").write_to(life.b());
        life.stream(1).print();
        life.stream(1).named("a").write_to(life.a());
    });
    assert_eq!(rows(&world.a), [1, 2, 3, 4]);
    assert_eq!(numbers(&world.a), [0]);
    // The new one has what it could have: the first batch was done before it was there.
    assert_eq!(rows(&world.b), [20, 30, 40]);
}

#[test]
fn a_new_output_does_not_take_what_another_has_stored_for_its_own() {
    // Both write to one table: by its place the new output would find a batch that is not its.
    let before = |life: &Life<'_>| {
        life.stream(1).named("a").write_to(life.a());
    };
    let world = World::changed("", before, |life| {
        life.stream(10).named("b").write_to(life.a());
        life.stream(1).named("a").write_to(life.a());
    });
    assert_eq!(rows(&world.a), [1, 2, 3, 4, 20, 30, 40]);
}

#[test]
fn outputs_that_change_places_keep_what_they_have() {
    let world = World::changed(
        "",
        |life| {
            life.stream(1).named("a").write_to(life.a());
            life.stream(10).named("b").write_to(life.b());
        },
        |life| {
            life.stream(10).named("b").write_to(life.b());
            life.stream(1).named("a").write_to(life.a());
        },
    );
    assert_eq!(rows(&world.a), [1, 2, 3, 4]);
    assert_eq!(rows(&world.b), [10, 20, 30, 40]);
}

#[test]
fn sinks_with_names_are_told_apart_on_one_stream() {
    let build = |life: &Life<'_>, names: [&'static str; 2]| {
        let stream = life.stream(1);
        for name in names {
            let table = if name == "a" {
                &life.world.a
            } else {
                &life.world.b
            };
            stream.write_to(Arc::new(sink(table, Some(name))));
        }
    };
    let world = World::changed(
        "",
        |life| build(life, ["a", "b"]),
        |life| build(life, ["b", "a"]),
    );
    assert_eq!(rows(&world.a), [1, 2, 3, 4]);
    assert_eq!(rows(&world.b), [1, 2, 3, 4]);
}

/// A life with one sink for two outputs, of which the second does not come to store the second
/// batch if the process dies then.
fn live_half(world: &World, begin: i64, dies: bool, streams: [(&str, i64); 2]) {
    world.live(begin, dies, "", |life| {
        let second = BatchId {
            time: second(2),
            output: OutputNumber::new(1),
        };
        let shared = Arc::new(Sink {
            refuses: dies.then_some(second),
            ..sink(&life.world.a, Some("t"))
        });
        for (name, factor) in streams {
            life.stream(factor).named(name).write_to(shared.clone());
        }
    });
}

#[test]
fn outputs_of_one_sink_are_told_apart_by_their_streams() {
    let world = World::new();
    live_half(&world, 0, true, [("a", 1), ("b", 10)]);
    assert_eq!(rows(&world.a), [1, 2, 10]);
    live_half(&world, 2, false, [("b", 10), ("a", 1)]);
    assert_eq!(rows(&world.a), [1, 2, 3, 4, 10, 20, 30, 40]);
}

#[test]
fn the_number_of_an_output_that_is_gone_is_not_given_again() {
    let world = World::new();
    world.live(0, true, "", |life| {
        life.stream(10).named("b").write_to(life.a());
        life.stream(1).named("a").write_to(life.a());
    });
    // Without the first one, which comes back later, and another one after it.
    world.live(2, false, "", |life| {
        life.stream(1).named("a").write_to(life.a());
    });
    assert_eq!(rows(&world.a), [1, 2, 3, 4, 10, 20]);
    world.live(4, false, "", |life| {
        life.stream(1).named("a").write_to(life.a());
        life.stream(10).named("b").write_to(life.b());
        life.stream(100).named("c").write_to(life.b());
    });
    assert_eq!(rows(&world.a), [1, 2, 3, 4, 5, 6, 10, 20]);
    assert_eq!(rows(&world.b), [50, 60, 500, 600]);
    // 2 is the output that fails.
    assert_eq!(
        (numbers(&world.a), numbers(&world.b)),
        (vec![0, 1], vec![3, 4])
    );
}

#[test]
fn an_output_goes_on_under_another_name_if_that_is_allowed() {
    let before = |life: &Life<'_>| {
        life.stream(1).named("a").write_to(life.a());
        life.stream(10).named("other").write_to(life.b());
    };
    let after = |life: &Life<'_>| {
        life.stream(10).named("other").write_to(life.b());
        life.stream(1).named("new").write_to(life.a());
    };
    let world = World::changed("rename:a=new", before, after);
    assert_eq!(rows(&world.a), [1, 2, 3, 4]);
    assert_eq!(numbers(&world.a), [0]);
    // Nobody has said that it is the same: it is another output.
    let world = World::changed("", before, after);
    assert_eq!(numbers(&world.a), [0, 3]);
}

#[test]
fn outputs_without_names_are_found_by_what_they_write() {
    let world = World::changed(
        "",
        |life| {
            life.stream(1).foreach_rdd(|_, _| ());
            life.stream(1).write_to(life.a());
        },
        |life| {
            life.stream(1).map(|number| number.to_string()).print();
            life.stream(1).named("a").write_to(life.a());
        },
    );
    assert_eq!(rows(&world.a), [1, 2, 3, 4]);
    assert_eq!(numbers(&world.a), [1]);
}
