//! What a driver says about its jobs, how it ends them, and what it learns of them.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use headwater_core::events::{AccumulatorInfo, Event};
use headwater_core::{Accumulate, Context, Error, FutureAction, JobStatus, Rdd, StorageLevel};
use parking_lot::Mutex;

fn context() -> Context {
    Context::local(2).expect("two slots can be started")
}

/// Numbers without end, and what tells that a task has begun to make them.
fn endless(ctx: &Context) -> (Rdd<i64>, Receiver<()>) {
    let (begin, begun) = sync_channel(1);
    let numbers = ctx.range(0..i64::MAX, 1, 2).filter(move |_| {
        // Full after the first record, which is all that the other side waits for.
        let _ = begin.try_send(());
        false
    });
    (numbers, begun)
}

/// Keeps every event of a context.
fn events(ctx: &Context) -> Arc<Mutex<Vec<Event>>> {
    let events: Arc<Mutex<Vec<Event>>> = Arc::default();
    let to = events.clone();
    ctx.events()
        .add(move |event: &Event| to.lock().push(event.clone()));
    events
}

#[test]
fn actions_in_the_background_give_what_those_in_the_foreground_give() {
    let ctx = context();
    let numbers = ctx.range(0..100, 1, 5);
    let sum = ctx.long_accumulator("sum");
    let (each, whole) = (sum.clone(), sum.clone());
    let done = [
        numbers.for_each_async(move |n| each.add(n)),
        numbers.for_each_partition_async(move |records| whole.add(records.sum())),
    ];
    assert_eq!(numbers.count_async().wait().unwrap(), 100);
    assert_eq!(
        numbers.collect_async().wait().unwrap(),
        numbers.collect().unwrap()
    );
    assert_eq!(
        numbers.take_async(70).wait().unwrap(),
        numbers.take(70).unwrap()
    );
    for action in done {
        action.wait().unwrap();
    }
    assert_eq!(sum.value(), 2 * 4950);
}

struct WakeUp(SyncSender<()>);

impl Wake for WakeUp {
    fn wake(self: Arc<Self>) {
        self.0.send(()).expect("somebody waits");
    }
}

/// A runtime in a few lines: polls when it is woken.
fn block_on<F: Future>(future: F) -> F::Output {
    let (wake, woken) = sync_channel(8);
    let waker = Waker::from(Arc::new(WakeUp(wake)));
    let mut waiting = std::task::Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut waiting) {
            return output;
        }
        woken.recv().expect("the waker is kept");
    }
}

#[test]
fn an_action_can_be_awaited() {
    let ctx = context();
    let (open, gate) = sync_channel::<()>(0);
    let gate = Mutex::new(gate);
    let gated = ctx.range(0..1, 1, 1).map(move |n| {
        gate.lock().recv().unwrap();
        n
    });
    let count = gated.count_async();
    assert!(!count.is_finished());
    let opener = std::thread::spawn(move || open.send(()).unwrap());
    let both = block_on(async {
        let count = count.await?;
        Ok::<_, Error>((count, ctx.range(0..7, 1, 2).count_async().await?))
    });
    assert_eq!(both.unwrap(), (1, 7));
    opener.join().unwrap();
}

#[test]
fn an_action_is_cancelled_whatever_it_does_at_that_time() {
    let ctx = context();
    let (numbers, begun) = endless(&ctx);
    let count = numbers.count_async();
    begun.recv().unwrap();
    let ids = count.job_ids();
    assert_eq!(ctx.status().active_jobs(), ids);
    assert!(!count.wait_timeout(Duration::ZERO));
    count.cancel();
    assert!(count.is_cancelled());
    let error = count.wait().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(ctx.status().job(ids[0]).unwrap().status, JobStatus::Failed);
    // Also before it has come to its first job, and between its jobs.
    let never = ctx.range(0..i64::MAX, 1, 2).filter(|_| false);
    let take = never.take_async(1);
    take.cancel();
    assert!(take.wait().unwrap_err().is_cancelled());
    assert_eq!(ctx.range(0..3, 1, 2).count().unwrap(), 3);
}

#[test]
fn mistakes_and_panics_end_an_action_in_the_background() {
    let ctx = context();
    let error = ctx
        .parallelize(vec![1], 0)
        .count_async()
        .wait()
        .unwrap_err();
    assert!(matches!(error, Error::Build { .. }), "{error}");
    let numbers = ctx.range(0..3, 1, 1);
    let line = line!() + 1;
    let failing = numbers.for_each_async(|_| panic!("not this one"));
    let text = failing.wait().unwrap_err().to_string();
    let place = format!("control.rs:{line}");
    assert!(text.contains("not this one"), "{text}");
    assert!(text.contains(&place), "{text}");
    let inner = ctx.range(0..3, 1, 1);
    let nested = ctx
        .range(0..1, 1, 1)
        .map(move |_| inner.count_async().wait().is_err());
    assert_eq!(nested.collect().unwrap(), [true]);
    ctx.stop();
    let error = ctx.range(0..3, 1, 1).count_async().wait().unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
}

#[test]
fn jobs_carry_what_their_thread_has_set() {
    let ctx = context();
    let events = events(&ctx);
    let numbers = ctx.range(0..3, 1, 2);
    ctx.set_job_group("nightly", "count users");
    ctx.add_job_tag("reports").unwrap();
    ctx.set_local_property("tenant", Some("north"));
    numbers.count().unwrap();
    numbers.count_async().wait().unwrap();
    ctx.with_job_group("inner", "", || numbers.count()).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| numbers.count().unwrap());
    });
    ctx.clear_job_group();
    ctx.set_job_description("later");
    ctx.clear_job_tags();
    ctx.set_local_property("tenant", None);
    numbers.count().unwrap();
    ctx.set_job_description("");
    ctx.events().flush();
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or("-").to_owned();
    let started = events.lock();
    let started = started.iter().filter_map(|event| match event {
        Event::JobStarted(job) => Some((
            text(&job.group),
            text(&job.description),
            job.tags.contains("reports"),
            job.properties.contains_key("tenant"),
        )),
        _ => None,
    });
    let expected = [
        ("nightly", "count users", true, true),
        ("nightly", "count users", true, true),
        ("inner", "-", true, true),
        ("-", "-", false, false),
        ("-", "later", false, false),
    ];
    let expected = expected.map(|(g, d, t, p)| (g.to_owned(), d.to_owned(), t, p));
    assert_eq!(started.collect::<Vec<_>>(), expected);
    let status = ctx.status();
    assert_eq!(status.jobs_in_group(Some("nightly")), [0, 1]);
    assert_eq!(status.jobs_with_tag("reports"), [0, 1, 2]);
    assert_eq!(status.jobs_in_group(None), [3, 4]);
}

#[test]
fn jobs_are_cancelled_by_what_they_carry() {
    let ctx = context();
    let cancels: [fn(&Context, &FutureAction<u64>); 5] = [
        |ctx, _| ctx.cancel_job_group("group"),
        |ctx, _| ctx.cancel_jobs_with_tag("tag"),
        |ctx, action| assert!(ctx.cancel_job(action.job_ids()[0])),
        |ctx, _| {
            let stages = ctx.status().active_stages();
            assert_eq!(stages.len(), 1);
            assert!(ctx.cancel_stage(stages[0]) && !ctx.cancel_stage(stages[0] + 1));
        },
        |ctx, _| ctx.cancel_all_jobs(),
    ];
    for cancel in cancels {
        let (numbers, begun) = endless(&ctx);
        ctx.add_job_tag("tag").unwrap();
        let action = ctx.with_job_group("group", "", || numbers.count_async());
        ctx.clear_job_tags();
        begun.recv().unwrap();
        ctx.cancel_job_group("another group");
        ctx.cancel_jobs_with_tag("another tag");
        assert!(!action.is_finished());
        cancel(&ctx, &action);
        assert!(action.wait().unwrap_err().is_cancelled());
    }
    assert_eq!(ctx.range(0..3, 1, 2).count().unwrap(), 3);
}

#[test]
fn a_group_that_is_cancelled_for_good_runs_no_more_jobs() {
    let ctx = context();
    let (numbers, begun) = endless(&ctx);
    let running = ctx.with_job_group("nightly", "", || numbers.count_async());
    begun.recv().unwrap();
    ctx.cancel_job_group_and_future_jobs("nightly");
    assert!(running.wait().unwrap_err().is_cancelled());
    let late = || ctx.range(0..3, 1, 2).count();
    assert!(
        ctx.with_job_group("nightly", "", late)
            .unwrap_err()
            .is_cancelled()
    );
    assert_eq!(ctx.with_job_group("daily", "", late).unwrap(), 3);
}

#[test]
fn the_status_tells_what_runs_and_what_ran() {
    let ctx = context();
    let (open, gate) = sync_channel::<()>(1);
    let (arrive, arrived) = sync_channel::<()>(1);
    let doors = Mutex::new((arrive, gate));
    let sums = ctx
        .range(0..9, 1, 3)
        .map(|n| (n % 2, n))
        .reduce_by_key_partitioned(|a, b| a + b, 1);
    let gated = sums.map(move |pair| {
        if pair.0 == 0 {
            let doors = doors.lock();
            doors.0.send(()).unwrap();
            doors.1.recv().unwrap();
        }
        pair
    });
    let action = gated.collect_async();
    arrived.recv().unwrap();
    let status = ctx.status();
    let job = status.job(status.active_jobs()[0]).unwrap();
    assert_eq!(
        (job.status, job.stages.len(), job.ended),
        (JobStatus::Running, 2, None)
    );
    let stages = [0, 1].map(|at| status.stage(job.stages[at]).unwrap());
    assert_eq!(status.active_stages(), [job.stages[1]]);
    assert_eq!(
        (stages[0].tasks, stages[0].completed_tasks, stages[0].active),
        (3, 3, false)
    );
    assert_eq!(
        (stages[1].tasks, stages[1].active_tasks, stages[1].active),
        (1, 1, true)
    );
    assert_eq!(stages[0].site.operator(), "reduce_by_key");
    open.send(()).unwrap();
    action.wait().unwrap();
    assert!(status.active_jobs().is_empty() && status.active_stages().is_empty());
    let job = status.job(job.job).unwrap();
    assert!(job.status == JobStatus::Succeeded && job.ended.is_some());
    let failing = ctx.range(0..4, 1, 2).map(|n| assert!(n > 3));
    failing.count().unwrap_err();
    let job = status.job(job.job + 1).unwrap();
    assert_eq!(job.status, JobStatus::Failed);
    let stage = status.stage(job.stages[0]).unwrap();
    assert!(stage.failed_tasks > 0 && !stage.active && stage.active_tasks == 0);
}

/// The longest word; the second part of the value is how many there were.
#[derive(Clone, Default)]
struct Longest(String, usize);

impl Accumulate for Longest {
    type Input = String;
    type Output = (String, usize);

    fn add(&mut self, word: String) {
        self.merge(Longest(word, 1));
    }

    fn merge(&mut self, other: Self) {
        self.1 += other.1;
        if other.0.len() > self.0.len() {
            self.0 = other.0;
        }
    }

    fn value(&self) -> (String, usize) {
        (self.0.clone(), self.1)
    }
}

#[test]
fn accumulators_have_spark_s_texts_and_numbers() {
    let ctx = context();
    let long = ctx.long_accumulator("acc");
    assert!(long.avg().is_nan() && long.count() == 0);
    let to = long.clone();
    ctx.range(1..11, 1, 3).for_each(move |n| to.add(n)).unwrap();
    let id = long.id();
    assert_eq!(
        long.to_string(),
        format!("LongAccumulator(id: {id}, name: Some(acc), value: 55)")
    );
    assert_eq!((long.sum(), long.count(), long.avg()), (55, 10, 5.5));
    long.reset();
    assert_eq!((long.value(), long.count()), (0, 0));
    let double = ctx.double_accumulator("");
    double.add(2.0);
    let text = format!(
        "DoubleAccumulator(id: {}, name: None, value: 2.0)",
        double.id()
    );
    assert_eq!((double.to_string(), double.avg()), (text, 2.0));
    let list = ctx.collection_accumulator::<i64>("list");
    list.add(7);
    let text = format!(
        "CollectionAccumulator(id: {}, name: Some(list), value: [7])",
        list.id()
    );
    assert_eq!(list.to_string(), text);
    let longest = ctx.register(Longest::default(), "longest");
    let to = longest.clone();
    let words = ctx.parallelize(vec!["to", "question", "be"], 3);
    words.for_each(move |word| to.add(word.to_owned())).unwrap();
    assert_eq!(longest.value(), ("question".to_owned(), 3));
    assert!(longest.to_string().starts_with("Longest(id: "), "{longest}");
}

#[test]
fn named_accumulators_are_in_the_events() {
    let ctx = context();
    let events = events(&ctx);
    let (seen, hidden) = (ctx.long_accumulator("seen"), ctx.long_accumulator(""));
    let id = seen.id();
    let (to, other) = (seen.clone(), hidden.clone());
    let sums = ctx
        .range(0..6, 1, 3)
        .map(move |n| {
            to.add(1);
            other.add(1);
            (n % 2, n)
        })
        .reduce_by_key_partitioned(|a, b| a + b, 1);
    sums.count().unwrap();
    ctx.events().flush();
    let events = events.lock();
    let of = |pick: fn(&Event) -> Option<&Vec<AccumulatorInfo>>| -> Vec<AccumulatorInfo> {
        events.iter().filter_map(pick).flatten().cloned().collect()
    };
    let tasks = of(|event| match event {
        Event::TaskEnded(task) => Some(&task.accumulators),
        _ => None,
    });
    let values: Vec<&str> = tasks.iter().map(|info| &*info.value).collect();
    assert_eq!(values, ["2", "4", "6"]);
    assert!(
        tasks
            .iter()
            .all(|info| info.id == id && &*info.name == "seen")
    );
    assert!(tasks.iter().all(|info| info.update.as_deref() == Some("2")));
    let stages = of(|event| match event {
        Event::StageCompleted(stage) => Some(&stage.accumulators),
        _ => None,
    });
    let jobs = of(|event| match event {
        Event::JobEnded(job) => Some(&job.accumulators),
        _ => None,
    });
    assert_eq!(stages, jobs, "the second stage adds nothing");
    assert_eq!(
        (jobs.len(), &*jobs[0].value, &jobs[0].update),
        (1, "6", &None)
    );
    assert_eq!(hidden.value(), 6);
}

#[test]
fn a_broadcast_that_was_destroyed_is_gone_for_everyone() {
    let ctx = context();
    let factor = ctx.broadcast(10);
    let to = factor.clone();
    let scaled = ctx.range(0..3, 1, 2).map(move |n| n * *to);
    assert_eq!(scaled.collect().unwrap(), [0, 10, 20]);
    factor.unpersist();
    assert_eq!(scaled.collect().unwrap(), [0, 10, 20]);
    factor.destroy();
    factor.destroy();
    let text = scaled.collect().unwrap_err().to_string();
    let said = format!("Attempted to use {factor} after it was destroyed");
    assert!(text.contains(&said), "{text}");
    assert!(factor.try_value().unwrap_err().to_string().contains(&said));
}

#[test]
fn an_assigned_level_stays_until_it_is_taken_back() {
    let ctx = context();
    let numbers = ctx
        .range(0..4, 1, 2)
        .persist(StorageLevel::MEMORY_AND_DISK_SER_2);
    assert_eq!(numbers.count().unwrap(), 4);
    assert_eq!(
        ctx.storage_info()[0].level,
        StorageLevel::MEMORY_AND_DISK_SER_2
    );
    let error = numbers
        .persist(StorageLevel::MEMORY_AND_DISK_SER)
        .count()
        .unwrap_err();
    let said = "already MEMORY_AND_DISK_SER_2, and cannot become MEMORY_AND_DISK_SER";
    assert!(error.to_string().contains(said), "{error}");
    numbers.unpersist();
    assert_eq!(numbers.persist(StorageLevel::OFF_HEAP).count().unwrap(), 4);
}
