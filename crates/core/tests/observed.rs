//! What listeners are told of a job: its plan, what its operators did, and where its tasks ran.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use headwater_core::events::{Event, JobPlan, OperatorInfo, StagePlan, TaskEnded};
use headwater_core::{Conf, Context, Rdd, Scope, StorageLevel, TaskError};
use parking_lot::Mutex;

/// A context and what it tells.
struct Observed {
    ctx: Context,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Observed {
    fn new() -> Self {
        Self::with(Conf::new())
    }

    fn with(conf: Conf) -> Self {
        let ctx = Context::new(conf.master("local[2]")).expect("two slots can be started");
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let to = events.clone();
        ctx.events()
            .add(move |event: &Event| to.lock().push(event.clone()));
        Observed { ctx, events }
    }

    /// What was told since the last call.
    fn told(&self) -> Vec<Event> {
        self.ctx.events().flush();
        std::mem::take(&mut *self.events.lock())
    }

    /// The plan of the one job that was run since the last call.
    fn plan(&self) -> Arc<JobPlan> {
        plan_in(&self.told())
    }

    /// What the operators of each stage gave since the last call, as (RDD, records).
    fn gave(&self) -> Vec<Vec<(u64, u64)>> {
        gave_in(&self.told())
    }
}

fn plan_in(told: &[Event]) -> Arc<JobPlan> {
    let plans = told.iter().filter_map(|event| match event {
        Event::JobStarted(job) => Some((job.stages.clone(), job.plan.clone())),
        _ => None,
    });
    let mut plans: Vec<_> = plans.collect();
    assert_eq!(plans.len(), 1, "one job was run");
    let (stages, plan) = plans.swap_remove(0);
    let ids: Vec<u64> = plan.stages.iter().map(|stage| stage.id).collect();
    assert_eq!(ids, stages);
    plan
}

fn gave_in(told: &[Event]) -> Vec<Vec<(u64, u64)>> {
    let stages = told.iter().filter_map(|event| match event {
        Event::StageCompleted(stage) => Some(&stage.operators),
        _ => None,
    });
    stages
        .map(|of| of.iter().map(|of| (of.rdd, of.records)).collect())
        .collect()
}

fn tasks_in(told: &[Event]) -> Vec<&TaskEnded> {
    let ended = told.iter().filter_map(|event| match event {
        Event::TaskEnded(task) => Some(task),
        _ => None,
    });
    ended.collect()
}

fn operator(plan: &JobPlan, rdd: u64) -> &OperatorInfo {
    let found = plan.operators.iter().find(|operator| operator.rdd == rdd);
    found.expect("the plan has the operator")
}

fn pairs(ctx: &Context) -> Rdd<(i64, i64)> {
    ctx.range(0..100, 1, 4).map(|n| (n % 5, n))
}

#[test]
fn a_plan_has_stages_and_operators() {
    let test = Observed::new();
    let left = pairs(&test.ctx).named("left");
    let right = pairs(&test.ctx);
    let joined = left.join_partitioned(&right, 3);
    joined.count().unwrap();
    let told = test.told();
    let plan = plan_in(&told);
    let [one, other, last] = &plan.stages[..] else {
        panic!("{plan:?}");
    };
    assert_eq!(last.needs, [one.id, other.id]);
    assert_eq!((last.site.operator(), last.tasks), ("count", 3));
    assert_eq!((one.site.operator(), one.tasks), ("join", 4));
    assert!(one.needs.is_empty() && !plan.truncated);
    assert!(plan.stages.iter().all(|stage| !stage.is_skipped));
    assert_eq!(one.operators, [left.id() - 1, left.id()]);
    assert_eq!(last.operators.last(), Some(&joined.id()));
    let named = operator(&plan, left.id());
    assert_eq!((named.name.as_deref(), named.partitions), (Some("left"), 4));
    assert_eq!(named.site, left.site());
    assert_eq!((named.level, named.is_cached), (StorageLevel::NONE, false));
    // From the join back to the sources every step is there, and comes after its inputs.
    for operator in &plan.operators {
        assert!(operator.parents.iter().all(|parent| *parent < operator.rdd));
        let known = |rdd: &u64| plan.operators.iter().any(|other| other.rdd == *rdd);
        assert!(operator.parents.iter().all(known));
    }
    // Every operator that did something is where the plan said it would be.
    let planned = plan.stages.iter().map(|stage| stage.operators.clone());
    let ids = |stage: &Vec<(u64, u64)>| stage.iter().map(|of| of.0).collect::<Vec<_>>();
    assert_eq!(
        gave_in(&told).iter().map(ids).collect::<Vec<_>>(),
        planned.collect::<Vec<_>>()
    );
}

#[test]
fn what_is_there_already_is_skipped() {
    let test = Observed::new();
    let sums = pairs(&test.ctx).reduce_by_key_partitioned(|a, b| a + b, 2);
    let shape = |plan: &JobPlan| -> Vec<(bool, usize)> {
        let of = |stage: &StagePlan| (stage.is_skipped, stage.tasks);
        plan.stages.iter().map(of).collect()
    };
    sums.count().unwrap();
    let first = test.plan();
    assert_eq!(shape(&first), [(false, 4), (false, 2)]);
    sums.count().unwrap();
    let told = test.told();
    let second = plan_in(&told);
    assert_eq!(shape(&second), [(true, 4), (false, 2)]);
    assert_eq!(second.operators, first.operators);
    assert_eq!(second.stages[0].operators, first.stages[0].operators);
    assert_eq!(gave_in(&told).len(), 1, "the skipped stage did not run");
}

#[test]
fn what_is_kept_is_read_and_nothing_before_it() {
    let test = Observed::new();
    let source = test.ctx.range(0..100, 1, 2);
    let kept = source.map(|n| n + 1).cache();
    let odd = kept.filter(|n| n % 2 == 1);
    odd.count().unwrap();
    let told = test.told();
    let info = operator(&plan_in(&told), kept.id()).clone();
    assert_eq!(
        (info.level, info.is_cached),
        (StorageLevel::MEMORY_ONLY, false)
    );
    assert_eq!(info.parents, [source.id()]);
    let all = vec![(source.id(), 100), (kept.id(), 100), (odd.id(), 50)];
    assert_eq!(gave_in(&told), [all]);
    odd.count().unwrap();
    let told = test.told();
    let plan = plan_in(&told);
    assert_eq!(plan.stages[0].operators, [kept.id(), odd.id()]);
    let info = operator(&plan, kept.id());
    assert!(info.is_cached && info.parents.is_empty());
    assert_eq!(gave_in(&told), [[(kept.id(), 100), (odd.id(), 50)]]);
}

#[test]
fn a_long_lineage_is_cut_at_its_beginning() {
    let test = Observed::new();
    let start = test.ctx.range(0..3, 1, 1);
    let last = (0..3000).fold(start, |rdd, _| rdd.map(|n| n));
    assert_eq!(last.count().unwrap(), 3);
    let told = test.told();
    let plan = plan_in(&told);
    assert!(plan.truncated);
    assert_eq!(plan.operators.len(), 2000);
    assert_eq!(plan.operators.last().unwrap().rdd, last.id());
    // They are measured nevertheless.
    assert_eq!(gave_in(&told)[0].len(), 3001);
}

#[test]
fn rdds_carry_the_innermost_scope() {
    let test = Observed::new();
    let outer = Scope::new(1, "outer").at_millis(1000);
    let (inside, innermost) = outer.clone().within(|| {
        let inside = test.ctx.range(0..4, 1, 1);
        let inner = Scope::new(2, "inner");
        let innermost = inner.within(|| inside.map(|n| n));
        (inside, innermost)
    });
    let outside = innermost.filter(|_| true);
    outside.count().unwrap();
    let plan = test.plan();
    assert_eq!(operator(&plan, inside.id()).scope, Some(outer));
    let inner = operator(&plan, innermost.id()).scope.clone();
    assert_eq!(inner, Some(Scope::new(2, "inner")));
    assert_eq!(operator(&plan, outside.id()).scope, None);
}

#[test]
fn a_scope_ends_with_a_panic() {
    let ctx = Context::local(1).unwrap();
    let thrown = std::panic::catch_unwind(|| Scope::new(1, "bad").within(|| panic!("no")));
    assert!(thrown.is_err());
    assert!(ctx.range(0..1, 1, 1).scope().is_none());
}

#[test]
fn every_operator_tells_how_many_records_it_gave() {
    let test = Observed::new();
    let numbers = test.ctx.range(0..100, 1, 4);
    let even = numbers.filter(|n| n % 2 == 0);
    let thrice = even.flat_map(|n| vec![n; 3]);
    let whole = thrice.map_partitions(|records| records.take(7).collect::<Vec<_>>());
    assert_eq!(whole.count().unwrap(), 28);
    let ids = [numbers.id(), even.id(), thrice.id(), whole.id()];
    let told = test.told();
    assert_eq!(
        gave_in(&told),
        [ids.into_iter().zip([100, 50, 150, 28]).collect::<Vec<_>>()]
    );
    // A task knows its own part.
    let one = tasks_in(&told)[0];
    let gave: Vec<u64> = one.operators.iter().map(|of| of.records).collect();
    let filtered = gave[1];
    assert_eq!(gave, [25, filtered, 3 * filtered, 7]);
    let own: std::time::Duration = one.operators.iter().map(|of| of.time).sum();
    assert!(own <= one.metrics.run_time, "{one:?}");
}

#[test]
fn records_are_counted_through_shuffles_and_joins() {
    let test = Observed::new();
    let pairs = pairs(&test.ctx);
    let sums = pairs.reduce_by_key_partitioned(|a, b| a + b, 2);
    let names = test.ctx.range(0..5, 1, 1).map(|n| (n, n));
    sums.count().unwrap();
    let [map, reduce] = &test.gave()[..] else {
        panic!("two stages");
    };
    // All go to the shuffle, which combines them in each of the four tasks.
    assert_eq!(*map, [(pairs.id() - 1, 100), (pairs.id(), 100)]);
    assert_eq!(*reduce, [(sums.id() - 1, 20), (sums.id(), 5)]);
    let joined = sums.join_partitioned(&names, 2);
    joined.count().unwrap();
    let last = test.gave().pop().unwrap();
    assert_eq!(last.last(), Some(&(joined.id(), 5)));
    assert!(last.contains(&(sums.id(), 5)), "{last:?}");
}

#[test]
fn one_rdd_that_is_read_twice_is_counted_twice() {
    let test = Observed::new();
    let few = test.ctx.range(0..10, 1, 1);
    let all = few.cartesian(&few);
    assert_eq!(all.count().unwrap(), 100);
    assert_eq!(test.gave(), [[(few.id(), 20), (all.id(), 100)]]);
}

#[test]
fn nothing_is_measured_when_it_is_not_wanted() {
    let test = Observed::with(Conf::new().set("events.operators", false));
    test.ctx.range(0..10, 1, 2).count().unwrap();
    let told = test.told();
    assert!(tasks_in(&told).iter().all(|task| task.operators.is_empty()));
    assert_eq!(gave_in(&told), [[]]);
    assert_eq!(
        plan_in(&told).operators.len(),
        1,
        "the plan is told all the same"
    );
}

#[test]
fn tasks_have_numbers_and_slots() {
    let test = Observed::with(Conf::new().set("task.max_failures", 2));
    let failed = Arc::new(Mutex::new(false));
    let fails_once = test.ctx.range(0..8, 1, 4).map(move |n| {
        assert!(
            n != 5 || std::mem::replace(&mut *failed.lock(), true),
            "once"
        );
        n
    });
    fails_once.count().unwrap();
    test.ctx.parallelize(vec![1], 2).count().unwrap();
    let told = test.told();
    let started = told.iter().filter_map(|event| match event {
        Event::TaskStarted(task) => Some((task.task, task.at)),
        _ => None,
    });
    let started: std::collections::HashMap<_, _> = started.collect();
    let ended = tasks_in(&told);
    assert_eq!(
        (started.len(), ended.len()),
        (7, 7),
        "each has a number of its own"
    );
    for task in &ended {
        assert!(started[&task.task] <= task.launched && task.launched <= task.at);
        let is_empty = task.operators.iter().all(|operator| operator.records == 0);
        assert_eq!(
            task.slot.is_none(),
            is_empty && task.error.is_none(),
            "{task:?}"
        );
        assert!(task.slot.is_none_or(|slot| slot < 2));
    }
    let slots = test.ctx.slots_info();
    let done: u64 = slots.iter().map(|slot| slot.tasks_done).sum();
    let failed: u64 = slots.iter().map(|slot| slot.tasks_failed).sum();
    assert_eq!((done, failed), (5, 1), "an empty partition takes no slot");
}

#[test]
fn a_busy_slot_tells_its_task() {
    let ctx = Context::local(2).unwrap();
    let (begin, begun) = sync_channel(1);
    let (open, gate) = sync_channel::<()>(0);
    let gate = Mutex::new(gate);
    let gated = ctx.range(0..1, 1, 1).map(move |n| {
        begin.send(()).unwrap();
        gate.lock().recv().unwrap();
        n
    });
    let count = gated.count_async();
    begun.recv().unwrap();
    let busy: Vec<_> = ctx
        .slots_info()
        .into_iter()
        .filter_map(|slot| slot.running)
        .collect();
    let [task] = busy[..] else {
        panic!("one task runs: {busy:?}");
    };
    let job = ctx.status().job(count.job_ids()[0]).unwrap();
    assert_eq!((task.job, task.stage), (job.job, job.stages[0]));
    assert_eq!((task.partition, task.attempt), (0, 1));
    open.send(()).unwrap();
    assert_eq!(count.wait().unwrap(), 1);
    assert!(ctx.slots_info().iter().all(|slot| slot.running.is_none()));
}

#[test]
fn a_task_that_is_given_up_ran_nowhere_or_somewhere() {
    let test = Observed::new();
    let bad = test.ctx.range(0..64, 1, 64).map(|n| assert!(n < 0));
    bad.count().unwrap_err();
    for task in tasks_in(&test.told()) {
        let cancelled = matches!(task.error, Some(TaskError::Cancelled));
        assert!(cancelled || task.slot.is_some(), "{task:?}");
    }
}
