//! Tests of [`Time`] and of the times made from it.

use super::*;

fn at(millis: i64) -> Time {
    Time::from_millis(millis)
}

#[test]
fn adds_and_subtracts_durations() {
    assert_eq!(at(1_000) + seconds(2), at(3_000));
    assert_eq!(at(1_000) - seconds(2), at(-1_000));
    let mut time = at(5);
    time += millis(10);
    time -= millis(3);
    assert_eq!(time, at(12));
}

#[test]
fn counts_only_whole_milliseconds() {
    assert_eq!(at(1) + Duration::from_micros(1_999), at(2));
    assert_eq!(at(1) - Duration::from_micros(999), at(1));
}

#[test]
fn saturates_at_the_ends() {
    assert_eq!(Time::MAX + millis(1), Time::MAX);
    assert_eq!(Time::MIN - millis(1), Time::MIN);
    assert_eq!(Time::ZERO + Duration::MAX, Time::MAX);
    assert_eq!(Time::MIN.floor(seconds(7)), Time::MIN);
    assert_eq!(Time::MAX.since(Time::MIN), millis(u64::MAX));
}

#[test]
fn a_negative_difference_is_zero_or_none() {
    assert_eq!(at(350) - at(100), millis(250));
    assert_eq!(at(100) - at(350), Duration::ZERO);
    assert_eq!(at(100).checked_since(at(350)), None);
    assert_eq!(at(100).checked_since(at(100)), Some(Duration::ZERO));
}

#[test]
fn floors_as_spark_does() {
    assert_eq!(at(12_345).floor(seconds(2)), at(12_000));
    assert_eq!(at(12_345).floor_from(seconds(2), at(500)), at(10_500));
    assert_eq!(at(12_500).floor_from(seconds(2), at(500)), at(12_500));
}

#[test]
fn floors_down_before_zero_and_bears_tiny_steps() {
    assert_eq!(at(-1).floor(seconds(1)), at(-1_000));
    assert_eq!(at(300).floor_from(seconds(1), at(500)), at(-500));
    assert_eq!(at(12_345).floor(Duration::ZERO), at(12_345));
    assert_eq!(at(12_345).floor(Duration::from_micros(10)), at(12_345));
    assert_eq!(at(12_345).floor(Duration::MAX), Time::ZERO);
}

#[test]
fn knows_multiples() {
    assert!(at(4_000).is_multiple_of(seconds(2)));
    assert!(at(-4_000).is_multiple_of(seconds(2)));
    assert!(!at(4_001).is_multiple_of(seconds(2)));
    assert!(at(3).is_multiple_of(Duration::from_micros(1_500)));
    assert!(!at(4).is_multiple_of(Duration::from_micros(1_500)));
    assert!(Time::ZERO.is_multiple_of(Duration::ZERO));
    assert!(!at(1).is_multiple_of(Duration::ZERO));
}

#[test]
fn lists_times_with_and_without_the_end() {
    let millis_of = |times: Times| times.map(Time::as_millis).collect::<Vec<_>>();
    assert_eq!(
        millis_of(at(1_000).until(at(4_000), seconds(1))),
        [1_000, 2_000, 3_000]
    );
    assert_eq!(
        millis_of(at(1_000).to(at(4_000), seconds(1))),
        [1_000, 2_000, 3_000, 4_000]
    );
    assert_eq!(
        millis_of(at(0).until(at(2_500), seconds(1))),
        [0, 1_000, 2_000]
    );
    assert_eq!(
        millis_of(at(0).to(at(2_500), seconds(1))),
        [0, 1_000, 2_000]
    );
    assert_eq!(millis_of(at(5).until(at(5), seconds(1))), [0; 0]);
    assert_eq!(millis_of(at(5).to(at(5), seconds(1))), [5]);
    assert_eq!(millis_of(at(6).to(at(5), seconds(1))), [0; 0]);
    assert_eq!(millis_of(at(5).to(at(7), Duration::ZERO)), [5, 6, 7]);
}

#[test]
fn times_run_backwards_and_know_their_number() {
    let times = at(0).until(at(3_000), seconds(1));
    assert_eq!(times.size_hint(), (3, Some(3)));
    assert!(times.clone().rev().eq([at(2_000), at(1_000), at(0)]));
    let mut both = times;
    assert_eq!(
        (both.next(), both.next_back()),
        (Some(at(0)), Some(at(2_000)))
    );
    assert_eq!(
        (both.next(), both.next(), both.next_back()),
        (Some(at(1_000)), None, None)
    );
}

#[test]
fn times_reach_the_ends_of_the_range() {
    let mut all = Time::MIN.to(Time::MAX, millis(1));
    assert_eq!(all.size_hint(), (usize::MAX, None));
    assert_eq!(
        (all.next(), all.next_back()),
        (Some(Time::MIN), Some(Time::MAX))
    );
    assert!(Time::MAX.to(Time::MAX, seconds(1)).eq([Time::MAX]));
    assert_eq!(Time::MIN.until(Time::MIN, seconds(1)).next(), None);
}

#[test]
fn is_written_and_serialised_as_its_milliseconds() {
    assert_eq!(at(1_000).to_string(), "1000 ms");
    assert_eq!(at(-5).to_string(), "-5 ms");
    assert_eq!(serde_json::to_string(&at(1_000)).unwrap(), "1000");
    assert_eq!(serde_json::from_str::<Time>("1000").unwrap(), at(1_000));
}

#[test]
fn takes_the_millisecond_of_a_wall_clock_reading() {
    let micros = Duration::from_micros;
    assert_eq!(Time::from(UNIX_EPOCH + micros(1_999)), at(1));
    assert_eq!(Time::from(UNIX_EPOCH - micros(1)), at(-1));
    assert_eq!(epoch_nanos(UNIX_EPOCH - micros(1)), -1_000);
}
