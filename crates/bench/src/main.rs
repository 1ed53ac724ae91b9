//! Benchmarks of Headwater, against loops written by hand and against Spark.
//!
//! Read `options` first (what can be asked for), then the benchmarks, a file each, and
//! `measure` (where figures come from). `README.md` of this crate says what each row means.

mod error;
mod options;

mod batch;
mod idle;
mod interval;
mod journal;
mod memory;
mod observability;
mod receive;
mod restart;
mod shuffle;
mod shuffle_loops;
mod snapshots;
mod soak;
mod socket;
mod state;
mod window;
mod word_count;
mod word_loops;

mod children;
mod directory;
mod measure;
mod observers;
mod server;
mod spark;
mod stream;
mod table;
mod text;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use error::BenchError;
use options::{Arguments, Command, Options};
use table::Row;
use text::Recipe;

/// All variants allocate alike, by an allocator that is fast with threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many tasks, or threads of a hand-written loop, run at a time.
const SLOTS: usize = 2;

/// A name, what it measures, and how to run it.
struct Benchmark {
    name: &'static str,
    about: &'static str,
    run: fn(&Options) -> Result<Vec<Row>, BenchError>,
}

const BENCHMARKS: [Benchmark; 16] = [
    Benchmark {
        name: "word-count",
        about: "words of lines in memory are counted, by the engine and by hand",
        run: word_count::run,
    },
    Benchmark {
        name: "socket",
        about: "words of a socket text stream are counted, a second a batch",
        run: socket::run,
    },
    Benchmark {
        name: "receive",
        about: "how fast a receiver stores records, and how fast a vector takes them",
        run: receive::run,
    },
    Benchmark {
        name: "batch",
        about: "how long a trivial batch of two stages takes, alone and in a stream",
        run: batch::run,
    },
    Benchmark {
        name: "shortest-interval",
        about: "how short batches may be before the stream falls behind",
        run: interval::run,
    },
    Benchmark {
        name: "idle",
        about: "processor time and memory of a stream without input",
        run: idle::run,
    },
    Benchmark {
        name: "memory",
        about: "the most memory that each workload held, in a process of its own",
        run: memory::run,
    },
    Benchmark {
        name: "shuffle",
        about: "pairs of numbers are grouped, joined and sorted, by the engine and by hand",
        run: shuffle::run,
    },
    Benchmark {
        name: "map-with-state",
        about: "a million running sums, of which a batch touches some",
        run: state::run_map_with_state,
    },
    Benchmark {
        name: "update-state",
        about: "a million running sums, which a batch visits all",
        run: state::run_update_state,
    },
    Benchmark {
        name: "window",
        about: "sums over windows of ten seconds and of an hour, by the same arrivals",
        run: window::run,
    },
    Benchmark {
        name: "journal",
        about: "words of a socket are counted, with and without a checkpoint directory",
        run: journal::run,
    },
    Benchmark {
        name: "restart",
        about: "how long until the first batch after a crash, with a million keys of state",
        run: restart::run,
    },
    Benchmark {
        name: "snapshots",
        about: "what writing a million keys of state whole costs the batches",
        run: snapshots::run,
    },
    Benchmark {
        name: "observability",
        about: "what pages, metrics, event log and progress cost the streams that they show",
        run: observability::run,
    },
    Benchmark {
        name: "soak",
        about: "whether memory and checkpoints stay as large as they are, over many batches",
        run: soak::run,
    },
];

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headwater-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), BenchError> {
    match &arguments.command {
        Some(Command::Generate { words, bytes, out }) => generate(Recipe::new(*words, *bytes), out),
        Some(Command::Serve { words, bytes }) => server::serve(Recipe::new(*words, *bytes)),
        None if arguments.list => {
            BENCHMARKS
                .iter()
                .for_each(|known| println!("{:<18} {}", known.name, known.about));
            Ok(())
        }
        None => measure_all(arguments),
    }
}

fn measure_all(arguments: &Arguments) -> Result<(), BenchError> {
    let options = &arguments.options;
    let chosen = chosen(&arguments.names)?;
    if let ([benchmark], true) = (chosen.as_slice(), arguments.peak) {
        print(&[peak(benchmark, options)?], true);
        return Ok(());
    }
    let mut all = Vec::new();
    for benchmark in &chosen {
        let rows = match chosen.as_slice() {
            [_] => (benchmark.run)(options)?,
            _ => children::figures(benchmark.name, options)?,
        };
        print(&rows, arguments.json);
        all.extend(rows);
    }
    if arguments.spark {
        let names: Vec<&str> = chosen.iter().map(|benchmark| benchmark.name).collect();
        match spark::run(&names, options)? {
            spark::Answer::Figures(rows) => print(&spark::compare(rows, &all), arguments.json),
            spark::Answer::Missing(why) => eprintln!("Spark cannot run here: {why}"),
        }
    }
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Benchmark>, BenchError> {
    if names.is_empty() {
        return Ok(BENCHMARKS.iter().collect());
    }
    let find = |name: &String| {
        BENCHMARKS
            .iter()
            .find(|benchmark| benchmark.name == name)
            .ok_or_else(|| {
                let known: Vec<&str> = BENCHMARKS.iter().map(|benchmark| benchmark.name).collect();
                BenchError::Unknown {
                    name: name.clone(),
                    known: known.join(", "),
                }
            })
    };
    names.iter().map(find).collect()
}

/// The most memory that the engine's part of a benchmark makes this process hold.
fn peak(benchmark: &Benchmark, options: &Options) -> Result<Row, BenchError> {
    match benchmark.name {
        "word-count" => word_count::run_engine(options)?,
        "socket" => socket::run_default(options)?,
        "shuffle" => shuffle::run_engine(options)?,
        _ => drop((benchmark.run)(options)?),
    }
    let name = format!("memory/{}", benchmark.name);
    Ok(Row::new(name, "peak_rss_mb", measure::peak_rss_mb()?, "MB"))
}

fn print(rows: &[Row], as_json: bool) {
    if as_json {
        rows.iter().for_each(|row| println!("{}", row.json()));
    } else {
        println!("{}", table::table(rows));
    }
}

fn generate(recipe: Recipe, path: &Path) -> Result<(), BenchError> {
    let file = File::create(path).map_err(BenchError::io("create", path))?;
    let mut out = BufWriter::new(file);
    recipe
        .write_to(&mut out)
        .and_then(|()| out.flush())
        .map_err(BenchError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let error = chosen(&["socks".to_owned()]).err().unwrap().to_string();
        assert!(
            error.contains("`socks`") && error.contains("word-count, socket"),
            "{error}"
        );
        assert_eq!(chosen(&[]).unwrap().len(), BENCHMARKS.len());
        assert_eq!(chosen(&["idle".to_owned()]).unwrap()[0].name, "idle");
    }
}
