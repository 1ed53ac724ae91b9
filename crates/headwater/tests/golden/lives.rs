//! Runs a test twice over: its stream is stopped in the middle, without grace, and built and
//! started again from its checkpoint directory. What both lives give together must be what
//! was recorded for one.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use headwater::clock::ManualClock;
use headwater::testing::TestStream;
use headwater::time::{Time, millis};
use headwater::{Conf, Context};
use tempfile::TempDir;

use crate::case::Case;
use crate::log::Log;

thread_local! {
    static LIVES: RefCell<Option<Lives>> = const { RefCell::new(None) };
}

/// What the lives of a program have in common.
struct Lives {
    dir: TempDir,
    is_second: bool,
    log: Log,
    taken: HashMap<String, Taken>,
}

/// Which elements of a queue each batch has taken: a queue that survives.
pub(crate) type Taken = Arc<Mutex<BTreeMap<Time, Range<usize>>>>;

/// Runs a test in two lives.
pub(crate) fn in_two_lives(test: fn()) {
    LIVES.set(Some(Lives {
        dir: tempfile::tempdir().expect("a directory can be made"),
        is_second: false,
        log: Log::default(),
        taken: HashMap::new(),
    }));
    test();
    LIVES.with_borrow_mut(|lives| {
        if let Some(lives) = lives {
            lives.is_second = true;
        }
    });
    test();
    LIVES.set(None);
}

/// The life that a case is opened in; `None` if it has one.
pub(crate) struct Life {
    pub(crate) log: Log,
    pub(crate) test: TestStream,
    /// The batches of this life, counted from 1.
    pub(crate) batches: Range<usize>,
    pub(crate) is_last: bool,
}

/// Begins the next life of a case, if it is to have two.
pub(crate) fn begin(case: &Case) -> Option<Life> {
    LIVES.with_borrow(|lives| {
        let lives = lives.as_ref()?;
        let count = case.batch_count();
        let middle = count / 2;
        let batches = match lives.is_second {
            false => 1..middle + 1,
            true => middle + 1..count + 1,
        };
        let past = (batches.start - 1) as i64 * i64::try_from(case.batch_ms).ok()?;
        let clock = ManualClock::at(Time::from_millis(past));
        // State is written whole in every other batch.
        let interval = format!("{}ms", 2 * case.batch_ms);
        let conf = Conf::new().master("local[2]");
        let conf = conf.set("streaming.checkpoint.interval", interval);
        let ctx = Context::new(conf).expect("the configuration is right");
        let test = TestStream::with_clock(&ctx, millis(case.batch_ms), clock);
        let test = test.expect("the batch duration is right");
        let dir = lives.dir.path().to_str().expect("the path is text");
        test.context().go_on_from(dir).expect("it is a directory");
        Some(Life {
            log: lives.log.clone(),
            test,
            batches,
            is_last: lives.is_second,
        })
    })
}

/// What the batches have taken of a queue, in this life and the one before; `None` if there
/// is one life.
pub(crate) fn taken(name: &str) -> Option<Taken> {
    LIVES.with_borrow_mut(|lives| {
        let lives = lives.as_mut()?;
        Some(lives.taken.entry(name.to_owned()).or_default().clone())
    })
}
