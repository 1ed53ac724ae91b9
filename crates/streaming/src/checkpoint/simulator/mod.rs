//! Histories of a stream with crashes, on a model of the world.
//!
//! A history is a program, a process, a disk and thousands of steps, all drawn from one seed:
//! receivers store and acknowledge, sources are asked and fail, batches are cut, run side by side,
//! fail, end; checkpoints are written piece by piece; clocks go, jump and are set back; and before
//! any step the process may be killed, upon which unsynced entries and everything in memory are
//! gone and a new process goes on, perhaps with its states and inputs in another order, with an
//! input more or less, and looking further back at its states or less far. What is decided on the way (what a batch gets, which ends are written, what
//! is forgotten, with what a restart begins) is decided by the functions that the runtime calls,
//! on the bytes that it writes.
//!
//! After every restart, at every output and at the end it is checked that each acknowledged
//! record is in exactly one batch, that each batch is stored once, with what it had first, that
//! windows and states show what they would have shown without crashes, that ends come in order,
//! and that no more is kept than is needed.
//!
//! A failure names its seed. `HEADWATER_SIMULATION_SEED=17 cargo test -p headwater-streaming
//! --lib simulator` runs that history alone, with the same outcome every time, and
//! `HEADWATER_SIMULATION_HISTORIES=100000` runs more of them than usual.
//!
//! Read [`history`] first; [`process`] acts, [`truth`] judges.

mod checkpoint;
mod disk;
mod history;
mod process;
mod receiver;
mod recovery;
mod setup;
mod source;
mod state;
mod truth;

use history::{History, Seen};
use setup::{Rule, Setup};

/// What was found to be wrong, if anything was.
type Check<T = ()> = Result<T, String>;

const SEED: &str = "HEADWATER_SIMULATION_SEED";
const HISTORIES: &str = "HEADWATER_SIMULATION_HISTORIES";

/// The seeds that the environment asks for, or a few thousand.
fn seeds() -> std::ops::Range<u64> {
    let asked = |name| -> Option<u64> { std::env::var(name).ok()?.parse().ok() };
    match asked(SEED) {
        Some(seed) => seed..seed + 1,
        None => 0..asked(HISTORIES).unwrap_or(3000),
    }
}

/// Runs the history of a seed.
fn run(seed: u64, steps: u32, change: impl FnOnce(&mut Setup)) -> Check<History> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut setup = Setup::random(&mut rng);
    change(&mut setup);
    let told = format!("{setup:?}");
    let whole = |message| format!("seed {seed}: {message}; {told}");
    let mut history = History::begin(setup, rng).map_err(whole)?;
    history.run(steps).map_err(whole)?;
    Ok(history)
}

#[test]
fn no_history_loses_or_repeats_anything() {
    for seed in seeds() {
        // Most are short, so that there are many; some live long.
        let length = if seed % 50 == 0 { 10_000 } else { 1000 };
        if let Err(message) = run(seed, length, |_| {}) {
            panic!("{message}; {SEED}={seed} runs it again");
        }
    }
}

#[test]
fn much_happens_in_a_history() {
    let mut seen = Seen::default();
    for seed in 0..50 {
        seen.add(run(seed, 2000, |_| {}).unwrap().seen());
    }
    let dangers = [
        seen.crashes,
        seen.damaged,
        seen.in_checkpoints,
        seen.reruns,
        seen.overtaken,
        seen.sources_failed,
        seen.inputs_changed,
        seen.begun_late,
    ];
    assert!(dangers.iter().all(|times| *times > 50), "{seen:?}");
    assert!(seen.batches > 1000 && seen.records > 5000, "{seen:?}");
}

#[test]
fn every_broken_rule_is_noticed() {
    for rule in Rule::ALL {
        let breaks = |setup: &mut Setup| setup.broken = Some(rule);
        let noticed = (0..300).find_map(|seed| run(seed, 1000, breaks).err());
        assert!(noticed.is_some(), "nobody notices that {rule:?} is broken");
    }
}

#[test]
fn what_is_kept_does_not_grow() {
    for seed in 0..10 {
        let calm = |setup: &mut Setup| setup.crash_every = 100_000;
        let early = run(seed, 4000, calm).unwrap().kept_max();
        let late = run(seed, 40_000, calm).unwrap().kept_max();
        assert!(late <= early * 2 + 50, "{early}, then {late} entries");
    }
}
