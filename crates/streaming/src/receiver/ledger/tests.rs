use super::*;

fn ledger(memory_bytes: u64, disk_bytes: u64, keeps: Keeps) -> Ledger {
    Ledger::new(Bounds {
        memory_bytes,
        disk_bytes,
        spill_after: Duration::ZERO,
        keeps,
    })
}

/// Lets bytes in as a store does, with a disk that takes everything; whether it has to wait.
fn store(ledger: &mut Ledger, bytes: u64) -> bool {
    loop {
        match ledger.room_for(bytes) {
            Room::Free => {
                ledger.closed(1, bytes);
                return false;
            }
            Room::Spill(number) => {
                ledger.leaves(number);
                ledger.has_left(number, bytes);
            }
            Room::Close => {
                ledger.closed(1, ledger.open_bytes);
            }
            Room::Soon | Room::Wait => return true,
        }
    }
}

fn at(second: i64) -> Time {
    Time::from_millis(second * 1000)
}

#[test]
fn the_newest_leave_first_and_both_bounds_are_kept() {
    let mut ledger = ledger(30, 25, Keeps::Records);
    let waits: Vec<_> = (0..6).map(|_| store(&mut ledger, 10)).collect();
    assert_eq!(waits, [false, false, false, false, false, true]);
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (30, 20));
    // The oldest are still in memory, and the last that came in.
    assert_eq!(ledger.in_memory, BTreeSet::from([0, 1, 4]));
    assert_eq!(ledger.allocate(at(1)), (5, 0..5));
    assert_eq!(ledger.free(at(1)), [0, 1, 2, 3, 4]);
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (0, 0));
    assert_eq!(ledger.room_for(30), Room::Free);
}

#[test]
fn what_is_larger_than_the_bound_goes_in_alone() {
    let mut ledger = ledger(10, 0, Keeps::Records);
    assert!(!store(&mut ledger, 100));
    assert!(store(&mut ledger, 1));
    ledger.allocate(at(1));
    ledger.free(at(1));
    assert!(!store(&mut ledger, 100));
}

#[test]
fn what_is_gathered_is_closed_only_when_nothing_else_can_leave() {
    let mut ledger = ledger(10, 100, Keeps::Records);
    ledger.closed(1, 4);
    ledger.gathered(6);
    assert_eq!(ledger.room_for(1), Room::Spill(0));
    ledger.leaves(0);
    // It counts in memory until it has left, and somebody else may not want the same.
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (10, 4));
    assert_eq!(ledger.room_for(1), Room::Soon);
    ledger.has_left(0, 3);
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (6, 3));
    assert_eq!(ledger.room_for(4), Room::Free);
    assert_eq!(ledger.room_for(5), Room::Close);
    ledger.closed(2, 7);
    assert_eq!(ledger.room_for(5), Room::Spill(1));
}

#[test]
fn a_disk_that_refuses_is_asked_again_when_something_was_freed() {
    let mut ledger = ledger(10, 100, Keeps::Records);
    ledger.closed(1, 10);
    ledger.leaves(0);
    ledger.has_stayed(0);
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (10, 0));
    assert_eq!(ledger.room_for(1), Room::Wait);
    ledger.allocate(at(1));
    ledger.closed(1, 0);
    assert!(ledger.free(at(0)).is_empty());
    assert_eq!(ledger.room_for(1), Room::Wait);
    ledger.free(at(1));
    ledger.closed(1, 10);
    assert_eq!(ledger.room_for(1), Room::Spill(2));
}

#[test]
fn a_block_that_is_freed_on_its_way_is_counted_nowhere() {
    for stays in [true, false] {
        let mut ledger = ledger(10, 100, Keeps::Records);
        ledger.closed(1, 10);
        ledger.leaves(0);
        ledger.allocate(at(1));
        ledger.free(at(1));
        match stays {
            true => ledger.has_stayed(0),
            false => ledger.has_left(0, 8),
        }
        assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (0, 0));
        assert_eq!(ledger.leaving, 0);
    }
}

#[test]
fn blocks_that_do_not_stay_in_memory_leave_before_they_have_a_batch() {
    let mut ledger = ledger(100, 25, Keeps::Disk);
    for number in 0..3 {
        assert_eq!(ledger.closed(1, 10), number);
    }
    for number in 0..2 {
        assert_eq!(ledger.next_chore(), Some(Chore::Spill(number)));
        ledger.leaves(number);
        ledger.has_left(number, 10);
    }
    // The disk is full: the third stays where it is.
    assert_eq!(ledger.next_chore(), None);
    ledger.allocate(at(1));
    ledger.free(at(1));
    ledger.closed(1, 10);
    ledger.allocate(at(2));
    assert_eq!(ledger.next_chore(), None);
}

#[test]
fn bytes_take_the_place_of_records() {
    let mut ledger = ledger(100, 100, Keeps::Bytes);
    ledger.closed(1, 80);
    assert_eq!(ledger.next_chore(), Some(Chore::Pack(0)));
    assert_eq!(ledger.next_chore(), None);
    assert!(ledger.packed(0, 20));
    assert_eq!(ledger.room_for(80), Room::Free);
    ledger.leaves(0);
    assert!(!ledger.packed(0, 20));
    ledger.has_left(0, 20);
    assert!(!ledger.packed(7, 20));
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (0, 20));
}

#[test]
fn a_past_goes_on_with_its_numbers() {
    let mut ledger = ledger(10, 10, Keeps::Records);
    (4..9).for_each(|number| ledger.restore_block(number, 2, 5));
    ledger.restore_batches([(at(1), 4..6), (at(2), 6..7)], 7, 9);
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (0, 25));
    assert_eq!(ledger.allocate(at(2)), (2, 7..7));
    assert_eq!(ledger.blocks_of(at(1)), Some(4..6));
    assert_eq!(ledger.closed(1, 1), 9);
    // What lies on disk is beyond the bound: nothing more may leave memory.
    assert_eq!(ledger.room_for(10), Room::Wait);
    assert_eq!(ledger.allocate(at(3)), (5, 7..10));
    ledger.free(at(3));
    assert_eq!((ledger.memory_bytes, ledger.disk_bytes), (0, 0));
}
