//! Any bytes may be a segment: looking into them never fails and makes nothing up.

#![no_main]

use headwater_journal::{Sequence, examine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let examined = examine(bytes, Sequence(0));
    assert!(examined.records.is_sorted_by_key(|(number, _)| *number));
    assert!(
        examined
            .records
            .iter()
            .all(|(_, record)| bytes.get(record.clone()).is_some())
    );
    assert!(
        examined
            .damaged
            .iter()
            .all(|damaged| bytes.get(damaged.clone()).is_some())
    );
});
