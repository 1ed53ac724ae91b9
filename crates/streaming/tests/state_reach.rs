//! What a restart computes again of a state, when a changed program looks further back at it or
//! is without an input that fed it.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

mod probe;

use headwater_streaming::time::seconds;
use probe::going_on;
use probe::inputs::{Offsets, Outside, Seconds};

#[test]
fn a_state_keeps_what_an_input_gave_it_that_is_dropped_now() {
    let (dir, log) = (tempfile::tempdir().unwrap(), Outside::default());
    let life = |begun, has_source: bool, added: &[i64]| {
        let settings = [("streaming.checkpoint.allow", "drop:numbers")];
        let test = going_on(dir.path(), begun, &settings);
        let seconds = test.context().source_stream(Seconds).named("seconds");
        let all = match has_source {
            true => {
                let numbers = test.context().source_stream(Offsets::of(&log, &[]));
                seconds.union(&numbers.named("numbers"))
            }
            false => seconds,
        };
        let add =
            |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
        let pairs = all.map(|number| ((), number));
        let sums = pairs
            .update_state_by_key(add)
            .named("sums")
            .map(|(_, sum)| sum);
        // The batches that it looks back at are computed again after a restart.
        let shown = test.collect(&sums.window(headwater_streaming::time::seconds(3), None));
        for number in added {
            log.add(*number);
            test.run(1);
        }
        shown.batches()
    };
    let shown = life(0, true, &[10, 20, 30]);
    assert_eq!(shown.last().unwrap(), &[11, 33, 66]);
    // The state has all; of how it was before nothing is shown.
    assert_eq!(life(3, false, &[0, 0]), [vec![70], vec![70, 75]]);
    assert_eq!(life(5, false, &[0]), [[70, 75, 81]]);
}
