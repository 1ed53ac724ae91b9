//! Checkpoints: what is written, what is not computed again, what is let go.

#![allow(clippy::unwrap_used, reason = "a helper of tests fails with them")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use headwater_core::{Context, Error, Rdd, StorageLevel, StoreError, TaskError};

/// Counts the records that went through it.
#[derive(Clone, Default)]
struct Computed(Arc<AtomicU64>);

impl Computed {
    fn through(&self, rdd: &Rdd<i64>) -> Rdd<i64> {
        let count = self.0.clone();
        rdd.map(move |n| {
            count.fetch_add(1, Ordering::Relaxed);
            n
        })
    }

    /// How many since the last time that this was asked.
    fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }

    fn is_let_go(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

fn with_dir() -> (Context, tempfile::TempDir) {
    let (ctx, dir) = (Context::local(2).unwrap(), tempfile::tempdir().unwrap());
    ctx.set_checkpoint_dir(dir.path()).unwrap();
    (ctx, dir)
}

fn names_in(dir: impl AsRef<Path>) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn an_action_and_then_a_second_job_compute_it_and_nothing_does_again() {
    let (ctx, _dir) = with_dir();
    let computed = Computed::default();
    let marked = computed.through(&ctx.range(0..10, 1, 3)).checkpoint();
    assert!(!marked.is_checkpointed() && marked.checkpoint_file().is_none());
    assert_eq!(marked.map(|n| n + 1).max().unwrap(), 10);
    assert_eq!(computed.take(), 20);
    assert!(marked.is_checkpointed());
    let file = marked.checkpoint_file().unwrap();
    assert!(file.starts_with(&ctx.checkpoint_dir().unwrap()));
    assert!(file.ends_with(&format!("/rdd-{}", marked.id())), "{file}");
    let names = ["part-00000", "part-00001", "part-00002"];
    assert_eq!(names_in(&file), names.map(String::from).into());
    assert_eq!(marked.collect().unwrap(), (0..10).collect::<Vec<_>>());
    assert_eq!(marked.glom().collect().unwrap()[1], [3, 4, 5]);
    assert_eq!(computed.take(), 0);
}

#[test]
fn the_run_directory_has_a_name_of_its_own() {
    let (ctx, dir) = with_dir();
    let first = ctx.checkpoint_dir().unwrap();
    ctx.set_checkpoint_dir(dir.path()).unwrap();
    assert_ne!(first, ctx.checkpoint_dir().unwrap());
    let names = names_in(dir.path());
    assert_eq!(names.len(), 2);
    for name in names {
        let lengths: Vec<usize> = name.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{name}");
        assert_eq!(&name[14..15], "4");
    }
}

#[test]
fn a_persisted_rdd_is_computed_once() {
    let (ctx, _dir) = with_dir();
    let computed = Computed::default();
    let marked = computed
        .through(&ctx.range(0..10, 1, 2))
        .cache()
        .checkpoint();
    assert_eq!(marked.count().unwrap(), 10);
    assert_eq!(computed.take(), 10);
    assert!(marked.is_checkpointed() && computed.is_let_go());
    // It stays in storage, and is shown as what it is.
    let info = &ctx.storage_info()[0];
    assert_eq!((info.rdd, info.cached_partitions), (marked.id(), 2));
    assert_eq!(marked.count().unwrap(), 10);
    marked.unpersist();
    assert_eq!((marked.count().unwrap(), computed.take()), (10, 0));
    assert!(ctx.storage_info().is_empty());
}

#[test]
fn parents_are_freed_and_their_shuffles_not_run_again() {
    let (ctx, _dir) = with_dir();
    let computed = Computed::default();
    let start = computed.through(&ctx.range(0..10, 1, 2));
    let sums = start
        .map(|n| (n % 3, n))
        .reduce_by_key_partitioned(|a, b| a + b, 3);
    drop(start);
    let marked = sums.checkpoint();
    drop(sums);
    let total = marked.map(|(_, sum)| sum);
    assert_eq!(total.sum().unwrap(), 45);
    assert!(computed.is_let_go());
    computed.take();
    let stages = total.stages();
    assert_eq!(stages.len(), 1);
    // Keys are placed as before, so that they need not be moved again.
    assert_eq!(marked.group_by_key_partitioned(3).stages().len(), 1);
    assert_eq!(total.sum().unwrap(), 45);
    let partitioner = Path::new(&marked.checkpoint_file().unwrap()).join("_partitioner");
    assert_eq!(fs::read_to_string(partitioner).unwrap(), "hash\n3\n\n");
}

#[test]
fn the_marked_handle_reads_the_checkpoint_too() {
    let (ctx, _dir) = with_dir();
    let computed = Computed::default();
    let rdd = computed.through(&ctx.range(0..6, 1, 2));
    let child = rdd.map(|n| n * 2);
    let _ = rdd.checkpoint();
    assert_eq!(child.count().unwrap(), 6);
    assert_eq!(computed.take(), 12);
    assert!(rdd.is_checkpointed());
    assert_eq!(rdd.checkpoint().checkpoint().id(), rdd.id());
    assert_eq!(rdd.checkpoint().sum().unwrap(), 15);
    assert_eq!((rdd.count().unwrap(), child.count().unwrap()), (6, 6));
    assert_eq!(computed.take(), 0);
}

#[test]
fn only_what_an_action_reads_is_written() {
    let (ctx, _dir) = with_dir();
    let one = ctx.range(0..4, 1, 1).checkpoint();
    let other = ctx.range(0..4, 1, 1).checkpoint();
    one.count().unwrap();
    assert!(one.is_checkpointed() && !other.is_checkpointed());
    // Of two in a row the later one makes the earlier one needless.
    let later = other.map(|n| n).checkpoint();
    later.count().unwrap();
    assert!(later.is_checkpointed() && !other.is_checkpointed());
    other.count().unwrap();
    assert!(other.is_checkpointed());
}

#[test]
fn without_a_directory_it_is_a_mistake() {
    let ctx = Context::local(1).unwrap();
    let numbers = ctx.range(0..3, 1, 1);
    let error = numbers.checkpoint().count().unwrap_err();
    assert!(matches!(error, Error::Build { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("checkpoint at ") && text.contains("call Context::set_checkpoint_dir"),
        "{text}"
    );
    assert_eq!(numbers.count().unwrap(), 3);
}

#[test]
#[cfg(target_os = "linux")]
fn a_directory_that_cannot_be_made_is_told_at_once() {
    let ctx = Context::local(1).unwrap();
    let error = ctx.set_checkpoint_dir("/sys/headwater").unwrap_err();
    assert!(
        matches!(
            &error,
            Error::Store {
                source: StoreError::Permission { .. },
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(ctx.checkpoint_dir(), None);
    assert!(ctx.set_checkpoint_dir("ftp://host/x").is_err());
}

#[test]
fn a_checkpoint_that_cannot_be_written_fails_the_action_and_is_tried_again() {
    let (ctx, dir) = with_dir();
    let marked = ctx.range(0..4, 1, 2).checkpoint();
    let run = ctx.checkpoint_dir().unwrap();
    // A file stands where the directory should be.
    fs::remove_dir_all(&run).unwrap();
    fs::write(&run, "").unwrap();
    let error = marked.count().unwrap_err();
    let Error::Job(job) = &error else {
        panic!("{error}")
    };
    assert!(matches!(job.cause, TaskError::Store { .. }), "{error}");
    assert!(error.to_string().contains("checkpoint at "), "{error}");
    assert!(!marked.is_checkpointed());
    assert_eq!(names_in(dir.path()).len(), 1);
    fs::remove_file(&run).unwrap();
    assert_eq!(marked.count().unwrap(), 4);
    assert!(marked.is_checkpointed());
}

#[test]
fn a_damaged_checkpoint_names_file_and_place() {
    let (ctx, _dir) = with_dir();
    let marked = ctx.range(0..4, 1, 2).checkpoint();
    marked.count().unwrap();
    let part = Path::new(&marked.checkpoint_file().unwrap()).join("part-00001");
    let mut bytes = fs::read(&part).unwrap();
    bytes[20] ^= 1;
    fs::write(&part, bytes).unwrap();
    let error = marked.count().unwrap_err().to_string();
    assert!(
        error.contains("part-00001 is damaged") && error.contains("checkpoint at "),
        "{error}"
    );
    fs::remove_file(&part).unwrap();
    let error = marked.count().unwrap_err().to_string();
    assert!(error.contains("no such file"), "{error}");
}

#[test]
fn an_object_store_holds_checkpoints_too() {
    let ctx = Context::local(2).unwrap();
    ctx.set_checkpoint_dir("memory://checkpoints/here").unwrap();
    let computed = Computed::default();
    let marked = computed.through(&ctx.range(0..100, 1, 4)).checkpoint();
    marked.count().unwrap();
    assert_eq!((marked.sum().unwrap(), computed.take()), (4950, 200));
    assert!(
        marked
            .checkpoint_file()
            .unwrap()
            .starts_with("memory://checkpoints/here/")
    );
}

#[test]
fn the_lineage_of_an_iterative_program_stays_short() {
    let (ctx, _dir) = with_dir();
    let computed = Computed::default();
    let mut rdd = ctx.range(0..2, 1, 1);
    for step in 1..=10_000 {
        rdd = computed.through(&rdd);
        if step % 100 == 0 {
            rdd = rdd.checkpoint();
            rdd.count().unwrap();
            // Twice for each record and step since the last checkpoint.
            assert_eq!(computed.take(), 400, "at step {step}");
            assert!(computed.is_let_go());
        }
    }
    assert_eq!(rdd.collect().unwrap(), [0, 1]);
}

#[test]
fn marks_without_actions_are_cut_by_the_first_one() {
    let (ctx, _dir) = with_dir();
    let computed = Computed::default();
    let mut rdd = ctx.range(0..2, 1, 1);
    for step in 1..=2_000 {
        rdd = computed.through(&rdd);
        if step % 100 == 0 {
            rdd = rdd.checkpoint();
        }
    }
    rdd.count().unwrap();
    assert!(rdd.is_checkpointed() && computed.is_let_go());
}

#[test]
fn a_local_checkpoint_is_cut_too() {
    let ctx = Context::local(2).unwrap();
    let computed = Computed::default();
    let marked = computed.through(&ctx.range(0..10, 1, 2)).local_checkpoint();
    assert_eq!(marked.storage_level(), StorageLevel::MEMORY_AND_DISK);
    // One partition is not enough to let go of the lineage; the second job keeps the other.
    assert_eq!(marked.first().unwrap(), 0);
    assert!(marked.is_checkpointed() && computed.is_let_go());
    assert_eq!(computed.take(), 10);
    assert_eq!((marked.sum().unwrap(), computed.take()), (45, 0));
    assert_eq!(ctx.storage_info()[0].cached_partitions, 2);
    marked.unpersist();
    let error = marked.count().unwrap_err().to_string();
    assert!(
        error.contains("not in storage any more") && error.contains("local_checkpoint at "),
        "{error}"
    );
}

#[test]
fn a_local_checkpoint_adds_disk_to_a_level() {
    let ctx = Context::local(2).unwrap();
    let kept = ctx
        .range(0..10, 1, 2)
        .persist(StorageLevel::MEMORY_ONLY_SER);
    kept.count().unwrap();
    let marked = kept.local_checkpoint();
    assert_eq!(kept.storage_level(), StorageLevel::MEMORY_AND_DISK_SER);
    assert_eq!(marked.count().unwrap(), 10);
    let disk = ctx
        .range(0..10, 1, 2)
        .persist(StorageLevel::DISK_ONLY)
        .local_checkpoint();
    assert_eq!(disk.sum().unwrap(), 45);
    assert_eq!(disk.storage_level(), StorageLevel::DISK_ONLY);
    assert!(disk.is_checkpointed());
}

#[test]
fn an_rdd_without_partitions_can_be_checkpointed() {
    let (ctx, _dir) = with_dir();
    let files = ctx.empty::<i64>().checkpoint();
    let local = ctx.empty::<i64>().map(|n| n).local_checkpoint();
    assert_eq!((files.count().unwrap(), local.count().unwrap()), (0, 0));
    assert!(files.is_checkpointed() && local.is_checkpointed());
}

#[test]
fn actions_at_the_same_time_write_it_once() {
    let (ctx, _dir) = with_dir();
    let computed = Computed::default();
    let marked = computed.through(&ctx.range(0..1000, 1, 4)).checkpoint();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(marked.sum().unwrap(), 499_500));
        }
    });
    assert!(computed.take() <= 5000);
    assert_eq!((marked.count().unwrap(), computed.take()), (1000, 0));
}

#[test]
fn sorted_rdds_keep_their_partitions() {
    let (ctx, _dir) = with_dir();
    let sorted = ctx
        .parallelize(vec![3, 1, 2, 5, 4, 0], 2)
        .sort_by_partitioned(|n| *n, true, 3);
    let marked = sorted.checkpoint();
    let before = marked.glom().collect().unwrap();
    assert!(marked.is_checkpointed());
    assert_eq!(marked.glom().collect().unwrap(), before);
    assert_eq!(sorted.glom().collect().unwrap(), before);
}
