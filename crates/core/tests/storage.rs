//! Kept partitions: what is computed again, what moves to disk, what is freed.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use headwater_core::{
    Conf, Context, LongAccumulator, Rdd, StorageInfo, StorageLevel, StoredPartition,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

const LEVELS: [StorageLevel; 6] = [
    StorageLevel::NONE,
    StorageLevel::MEMORY_ONLY,
    StorageLevel::MEMORY_ONLY_SER,
    StorageLevel::MEMORY_AND_DISK,
    StorageLevel::MEMORY_AND_DISK_SER,
    StorageLevel::DISK_ONLY,
];

fn context(memory: &str) -> Context {
    Context::new(Conf::new().master("local[2]").set("storage.memory", memory)).unwrap()
}

/// A hundred numbers of eight bytes, and how many of them were computed.
fn numbers(ctx: &Context, slices: usize) -> (Rdd<i64>, LongAccumulator) {
    let computed = ctx.long_accumulator("computed");
    let count = computed.clone();
    let numbers = ctx.range(0..100, 1, slices).map(move |n| {
        count.add(1);
        n
    });
    (numbers, computed)
}

fn info_of<T: Clone + Send + Sync + 'static>(rdd: &Rdd<T>) -> StorageInfo {
    let infos = rdd.context().storage_info();
    infos.into_iter().find(|info| info.rdd == rdd.id()).unwrap()
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_in(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn every_level_keeps_what_was_computed() {
    for level in LEVELS {
        let ctx = context("1m");
        let (numbers, computed) = numbers(&ctx, 4);
        let kept = numbers.persist(level);
        for _ in 0..3 {
            assert_eq!(kept.collect().unwrap(), (0..100).collect::<Vec<_>>());
        }
        let times = if level == StorageLevel::NONE { 3 } else { 1 };
        assert_eq!(computed.value(), 100 * times, "{level}");
    }
}

#[test]
fn a_partition_that_several_jobs_want_is_computed_once() {
    let ctx = context("1m");
    let (numbers, computed) = numbers(&ctx, 8);
    let kept = numbers.cache();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| assert_eq!(kept.count().unwrap(), 100));
        }
    });
    assert_eq!(computed.value(), 100);
}

#[test]
fn the_least_recently_used_of_other_rdds_goes_first() {
    let ctx = context("2k");
    let (a, a_computed) = numbers(&ctx, 1);
    let (b, b_computed) = numbers(&ctx, 1);
    let (c, _) = numbers(&ctx, 1);
    let (a, b, c) = (a.cache(), b.cache(), c.cache());
    a.count().unwrap();
    b.count().unwrap();
    a.count().unwrap();
    // Two partitions of 800 bytes fit, and b was used before a.
    c.count().unwrap();
    let cached = [&a, &b, &c].map(|rdd| info_of(rdd).cached_partitions);
    assert_eq!(cached, [1, 0, 1]);
    assert_eq!(b.collect().unwrap().len(), 100);
    assert_eq!((a_computed.value(), b_computed.value()), (100, 200));
}

#[test]
fn an_rdd_does_not_push_out_its_own_partitions() {
    let ctx = context("1k");
    let (numbers, computed) = numbers(&ctx, 4);
    let kept = numbers.cache();
    assert_eq!(kept.count().unwrap(), 100);
    assert_eq!(
        (
            info_of(&kept).cached_partitions,
            info_of(&kept).memory_bytes
        ),
        (4, 800)
    );
    let ctx = context("500b");
    let (numbers, again) = self::numbers(&ctx, 4);
    let kept = numbers.cache();
    for _ in 0..3 {
        assert_eq!(kept.count().unwrap(), 100);
    }
    assert_eq!(
        (
            info_of(&kept).cached_partitions,
            info_of(&kept).memory_bytes
        ),
        (2, 400)
    );
    assert_eq!((computed.value(), again.value()), (100, 200));
}

#[test]
fn what_is_evicted_moves_to_disk_where_the_level_says_so() {
    for level in [
        StorageLevel::MEMORY_AND_DISK,
        StorageLevel::MEMORY_AND_DISK_SER,
    ] {
        let ctx = context("1000b");
        let (first, computed) = numbers(&ctx, 2);
        let first = first.map(|n| n + (1 << 40)).persist(level);
        first.count().unwrap();
        let before = info_of(&first);
        assert_eq!((before.cached_partitions, before.disk_bytes), (2, 0));
        let (second, _) = numbers(&ctx, 1);
        let second = second.cache();
        second.count().unwrap();
        assert_eq!(info_of(&second).memory_bytes, 800);
        let after = info_of(&first);
        assert!(
            after.cached_partitions == 2 && after.disk_bytes > 0,
            "{after:?}"
        );
        assert!(after.memory_bytes < before.memory_bytes, "{after:?}");
        assert_eq!(
            first.collect().unwrap(),
            (0..100).map(|n| n + (1 << 40)).collect::<Vec<_>>()
        );
        assert_eq!(computed.value(), 100);
    }
}

#[test]
fn what_does_not_fit_at_all_goes_to_disk_or_is_computed_again() {
    for (level, computed_times) in [
        (StorageLevel::MEMORY_AND_DISK, 1),
        (StorageLevel::MEMORY_ONLY, 2),
    ] {
        let ctx = context("100b");
        let (numbers, computed) = numbers(&ctx, 1);
        let kept = numbers.persist(level);
        assert_eq!((kept.count().unwrap(), kept.count().unwrap()), (100, 100));
        assert_eq!(computed.value(), 100 * computed_times);
        assert_eq!(info_of(&kept).memory_bytes, 0);
    }
}

#[test]
fn a_damaged_file_is_computed_again_and_the_directory_goes_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let conf = Conf::new()
        .master("local[2]")
        .set("local.dir", dir.path().to_str().unwrap());
    let ctx = Context::new(conf).unwrap();
    let (numbers, computed) = numbers(&ctx, 2);
    let kept = numbers.persist(StorageLevel::DISK_ONLY);
    assert_eq!(files_in(dir.path()).len(), 0);
    kept.count().unwrap();
    let files = files_in(dir.path());
    assert_eq!(files.len(), 2);
    let mut bytes = fs::read(&files[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&files[0], bytes).unwrap();
    assert_eq!(kept.collect().unwrap(), (0..100).collect::<Vec<_>>());
    assert_eq!(computed.value(), 150);
    kept.count().unwrap();
    assert_eq!(computed.value(), 150);
    // The damaged file was replaced.
    assert_eq!(files_in(dir.path()).len(), 2);
    ctx.stop();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// Postcard writes it, but an untagged enum can only be read from formats with type marks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Unreadable {
    Number(i64),
}

#[test]
fn records_that_cannot_be_decoded_are_an_error_wherever_they_are_kept() {
    for level in [
        StorageLevel::DISK_ONLY,
        StorageLevel::MEMORY_AND_DISK,
        StorageLevel::MEMORY_AND_DISK_SER,
    ] {
        let conf = Conf::new()
            .master("local[1]")
            .set("storage.memory", "0b")
            .set("shuffle.keep", "0b");
        let ctx = Context::new(conf).unwrap();
        let (numbers, computed) = numbers(&ctx, 1);
        // Behind a shuffle whose output is handed over, computing again takes a stage more.
        for before in [numbers.clone(), numbers.repartition(1)] {
            let kept = before.map(Unreadable::Number).persist(level);
            assert_eq!(kept.count().unwrap(), 100);
            let computed_once = computed.value();
            let error = kept.count().unwrap_err().to_string();
            assert!(error.contains("a kept partition cannot be read"), "{error}");
            assert!(error.contains("uses serde"), "{error}");
            assert_eq!(computed.value(), computed_once);
        }
    }
}

#[test]
fn another_level_is_refused_until_unpersist() {
    let ctx = context("1m");
    let (numbers, computed) = numbers(&ctx, 2);
    let kept = numbers.cache();
    assert_eq!(
        kept.persist(StorageLevel::MEMORY_ONLY).count().unwrap(),
        100
    );
    let error = kept
        .persist(StorageLevel::DISK_ONLY)
        .count()
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("persist at "), "{error}");
    assert!(
        error.ends_with(
            "the storage level is already MEMORY_ONLY, and cannot become DISK_ONLY; unpersist first"
        ),
        "{error}"
    );
    kept.unpersist();
    assert!(ctx.storage_info().is_empty());
    let on_disk = kept.persist(StorageLevel::DISK_ONLY);
    assert_eq!(on_disk.count().unwrap(), 100);
    assert_eq!(computed.value(), 200);
    assert_eq!(info_of(&on_disk).level, StorageLevel::DISK_ONLY);
}

#[test]
fn the_last_handle_frees_the_partitions() {
    let dir = tempfile::tempdir().unwrap();
    let conf = Conf::new()
        .master("local[2]")
        .set("local.dir", dir.path().to_str().unwrap());
    let ctx = Context::new(conf).unwrap();
    let on_disk = numbers(&ctx, 2).0.persist(StorageLevel::DISK_ONLY);
    let made_from_it = on_disk.map(|n| n + 1);
    made_from_it.count().unwrap();
    drop(on_disk);
    assert_eq!(
        (ctx.storage_info().len(), files_in(dir.path()).len()),
        (1, 2)
    );
    drop(made_from_it);
    assert_eq!(
        (ctx.storage_info().len(), files_in(dir.path()).len()),
        (0, 0)
    );
}

#[test]
fn a_failed_computation_leaves_nothing_kept() {
    let ctx = context("1m");
    let fails = Arc::new(AtomicBool::new(true));
    let when = fails.clone();
    let kept = ctx
        .range(0..100, 1, 2)
        .map(move |n| {
            assert!(!(n == 99 && when.load(Ordering::Relaxed)), "not yet");
            n
        })
        .cache();
    assert!(kept.count().unwrap_err().to_string().contains("not yet"));
    let cached = info_of(&kept).cached_partitions;
    assert!(cached <= 1, "{cached}");
    fails.store(false, Ordering::Relaxed);
    assert_eq!(kept.collect().unwrap(), (0..100).collect::<Vec<_>>());
    assert_eq!(info_of(&kept).cached_partitions, 2);
}

#[test]
fn nothing_before_a_kept_rdd_is_computed_again() {
    let conf = Conf::new().master("local[2]").set("shuffle.keep", "0b");
    let ctx = Context::new(conf).unwrap();
    let (numbers, computed) = numbers(&ctx, 2);
    let sums = numbers
        .map(|n| (n % 10, n))
        .reduce_by_key(|a, b| a + b)
        .cache();
    for _ in 0..3 {
        assert_eq!(sums.count().unwrap(), 10);
    }
    assert_eq!(computed.value(), 100);
}

#[test]
fn take_leaves_a_whole_partition_kept() {
    let ctx = context("1m");
    let (numbers, computed) = numbers(&ctx, 2);
    let kept = numbers.cache();
    assert_eq!(kept.take(3).unwrap(), [0, 1, 2]);
    assert_eq!(computed.value(), 50);
    assert_eq!(kept.count().unwrap(), 100);
    assert_eq!(computed.value(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn levels_and_room_never_change_the_records(
        records in prop::collection::vec(".{0,12}", 0..60),
        levels in prop::collection::vec(prop::sample::select(LEVELS.to_vec()), 1..4),
        reads in prop::collection::vec(any::<prop::sample::Index>(), 1..10),
        slices in 1_usize..5,
        memory in 0_u64..4000,
    ) {
        let ctx = context(&format!("{memory}b"));
        let kept: Vec<_> = levels
            .iter()
            .map(|level| ctx.parallelize(records.clone(), slices).map(|text| text).persist(*level))
            .collect();
        for read in reads {
            prop_assert_eq!(&read.get(&kept).collect().unwrap(), &records);
        }
        let in_memory: u64 = ctx.storage_info().iter().map(|info| info.memory_bytes).sum();
        prop_assert!(in_memory <= memory);
    }
}

#[test]
fn stored_partitions_tell_where_each_one_is() {
    let ctx = context("500b");
    let (first, _) = numbers(&ctx, 2);
    let first = first.persist(StorageLevel::MEMORY_AND_DISK);
    first.count().unwrap();
    let stored = |rdd: &Rdd<i64>| {
        let stored = ctx.stored_partitions(rdd.id()).into_iter();
        let parts = stored.map(|one| (one.partition, one.memory_bytes, one.level.description()));
        parts.collect::<Vec<_>>()
    };
    // One of them fits.
    let mut expected = [
        (0, 400, "Memory Deserialized 1x Replicated".to_owned()),
        (1, 0, "Disk Serialized 1x Replicated".to_owned()),
    ];
    let kept = stored(&first);
    if kept[0].1 == 0 {
        // The other one came first.
        expected = [
            (0, 0, expected[1].2.clone()),
            (1, 400, expected[0].2.clone()),
        ];
    }
    assert_eq!(kept, expected);
    let parts = ctx.stored_partitions(first.id());
    let info = info_of(&first);
    let sum = |of: fn(&StoredPartition) -> u64| parts.iter().map(of).sum::<u64>();
    assert_eq!(sum(|one| one.memory_bytes), info.memory_bytes);
    assert_eq!(sum(|one| one.disk_bytes), info.disk_bytes);
    // Another RDD takes its place.
    let second = numbers(&ctx, 2).0.cache();
    second.take(1).unwrap();
    assert!(stored(&first).iter().all(|one| one.2.starts_with("Disk")));
    assert_eq!(stored(&second).len(), 1);
    first.unpersist();
    assert!(stored(&first).is_empty());
}
