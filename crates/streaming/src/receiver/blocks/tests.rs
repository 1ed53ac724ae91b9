use super::super::ledger::Keeps;
use super::*;
use crate::clock::ManualClock;
use crate::time::millis;

const START: u64 = 1;

fn store(bytes_max: u64) -> (ManualClock, BlockStore<u8>) {
    store_of(Bounds {
        memory_bytes: bytes_max,
        disk_bytes: 0,
        spill_after: Duration::ZERO,
        keeps: Keeps::Records,
    })
}

fn store_of(bounds: Bounds) -> (ManualClock, BlockStore<u8>) {
    let clock = ManualClock::new();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let limiter = RateLimiter::new(shared.clone(), millis(200), None, None);
    let store = {
        let files = Files {
            ctx: Context::local(1).unwrap(),
            name: "test".to_owned(),
        };
        BlockStore::new(shared, millis(200), bounds, Arc::new(limiter), files)
    };
    store.accept(Some(START));
    (clock, store)
}

fn blocks(store: &BlockStore<u8>, time: i64) -> Vec<Vec<u8>> {
    let time = Time::from_millis(time);
    store.allocate(time).unwrap();
    let rdd = store.files.ctx.from_source(store.blocks_of(time).unwrap());
    rdd.glom().collect().unwrap()
}

#[test]
fn records_of_an_interval_are_a_block_and_a_batch_takes_all() {
    let (clock, store) = store(1000);
    store.store(START, 1).unwrap();
    clock.advance(millis(199));
    store.store(START, 2).unwrap();
    clock.advance(millis(1));
    store.store(START, 3).unwrap();
    store
        .store_block(START, Arc::new(vec![4, 5]), None)
        .unwrap();
    store.store(START, 6).unwrap();
    assert!(store.has_unallocated());
    assert_eq!(
        blocks(&store, 1000),
        [vec![1, 2], vec![3], vec![4, 5], vec![6]]
    );
    assert!(!store.has_unallocated());
    assert!(blocks(&store, 2000).is_empty());
}

#[test]
fn storing_waits_for_batches_that_are_behind() {
    let (_, store) = store(4);
    store
        .store_block(START, Arc::new(vec![1, 2, 3]), None)
        .unwrap();
    store.allocate(Time::from_millis(1000)).unwrap();
    std::thread::scope(|scope| {
        let storing = scope.spawn(|| store.append(START, &mut vec![4, 5], 0));
        // The batch is done only now: whichever thread comes first, nothing is lost.
        store.free(Time::from_millis(1000));
        storing.join().unwrap().unwrap();
    });
    assert_eq!(blocks(&store, 2000), [vec![4, 5]]);
}

#[test]
fn a_stop_wakes_and_refuses() {
    let (_, store) = store(1);
    store.store(START, 1).unwrap();
    std::thread::scope(|scope| {
        let storing = scope.spawn(|| store.store(START, 2));
        store.accept(None);
        assert!(storing.join().unwrap().is_err());
    });
    assert_eq!(blocks(&store, 1000), [vec![1]]);
}

#[test]
fn a_start_that_is_over_stores_nothing_though_the_next_one_stores() {
    let (_, store) = store(1);
    store.store(START, 1).unwrap();
    std::thread::scope(|scope| {
        let storing = scope.spawn(|| store.store(START, 2));
        // Whether it waits already or comes too late, and though there is room now.
        store.accept(Some(START + 1));
        assert_eq!(blocks(&store, 1000), [vec![1]]);
        store.free(Time::from_millis(1000));
        assert_eq!(storing.join().unwrap(), Err(StoreError::Stopped));
    });
    store.store(START + 1, 3).unwrap();
    assert_eq!(blocks(&store, 2000), [vec![3]]);
}

#[test]
fn a_clock_that_is_set_back_closes_the_block() {
    let (clock, store) = store(1000);
    clock.set(Time::from_millis(10_000));
    store.store(START, 1).unwrap();
    clock.set(Time::from_millis(5_000));
    store.store(START, 2).unwrap();
    assert_eq!(blocks(&store, 11_000), [vec![1], vec![2]]);
}

#[test]
fn memory_is_full_for_a_while_before_blocks_leave_it() {
    let (clock, store) = store_of(Bounds {
        memory_bytes: 4,
        disk_bytes: 100,
        spill_after: millis(3000),
        keeps: Keeps::Records,
    });
    let block = |first| Arc::new(vec![first, first + 1, first + 2]);
    store.store_block(START, block(1), None).unwrap();
    store.allocate(Time::from_millis(1000)).unwrap();
    let left = || store.patience(&mut store.state.lock());
    assert_eq!(left(), Some(millis(3000)));
    clock.advance(millis(2000));
    assert_eq!(left(), Some(millis(1000)));
    // A batch that is done gives room; and a clock that is set back takes no patience.
    store.free(Time::from_millis(1000));
    assert_eq!(left(), Some(millis(3000)));
    clock.set(Time::from_millis(500));
    assert_eq!(left(), Some(millis(3000)));
    store.store_block(START, block(4), None).unwrap();
    std::thread::scope(|scope| {
        let storing = scope.spawn(|| store.store_block(START, block(7), None));
        while store.stored().waits_since.is_none() {
            std::thread::yield_now();
        }
        assert_eq!(store.stored().disk_bytes, 0);
        clock.advance(millis(3000));
        store.allocate(Time::from_millis(4000)).unwrap();
        storing.join().unwrap().unwrap();
    });
    assert!(store.stored().disk_bytes > 0 && store.stored().waits_since.is_none());
    assert_eq!(blocks(&store, 4000), [[4, 5, 6]]);
    assert_eq!(blocks(&store, 5000), [[7, 8, 9]]);
}
