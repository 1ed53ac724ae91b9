//! What is told of batches, their jobs and their states.

mod probe;

use std::sync::mpsc::sync_channel;

use headwater_core::events::{Event, JobStarted};
use headwater_streaming::time::seconds;
use headwater_streaming::{BatchInfo, OutputInfo, State, StateInfo, StateSpec};
use parking_lot::Mutex;
use probe::{Log, Told, completed, going_on, record, second, stream};

/// The description of a job, its batch, and its output.
fn owner(job: &JobStarted) -> [Option<String>; 3] {
    let property = |key| job.properties.get(key).cloned();
    let description = job.description.as_ref().map(ToString::to_string);
    [
        description,
        property(BatchInfo::JOB_PROPERTY),
        property(OutputInfo::JOB_PROPERTY),
    ]
}

#[test]
fn jobs_say_for_which_batch_and_output_they_are() {
    let test = stream(&[]);
    let ctx = test.context().context().clone();
    let jobs = Log::new();
    let to = jobs.clone();
    ctx.events().add(move |event: &Event| {
        if let Event::JobStarted(job) = event {
            to.push(owner(job));
        }
    });
    let pairs = test.input(vec![vec![(1, 1)], vec![(2, 2)]]);
    pairs.foreach_rdd(|rdd, _| rdd.count().map(drop));
    let of_user = ctx.clone();
    pairs.foreach_rdd(move |rdd, _| {
        of_user.set_job_description("what the user says");
        of_user.set_local_property(OutputInfo::JOB_PROPERTY, Some("another"));
        rdd.count().map(drop)
    });
    let sums = pairs.update_state_by_key(|new: Vec<i32>, _: Option<usize>| Some(new.len()));
    sums.foreach_rdd(|_, _| ());
    test.run(2);
    ctx.events().flush();
    let expected = [1_000, 2_000].map(|time| {
        let first = format!("Streaming job from [output operation 0, batch time {time} ms]");
        let state = format!("state of batch time {time} ms");
        let time = Some(time.to_string());
        [
            [Some(first), time.clone(), Some("0".to_owned())],
            [
                Some("what the user says".to_owned()),
                time.clone(),
                Some("another".to_owned()),
            ],
            [Some(state), time, None],
        ]
    });
    assert_eq!(jobs.entries(), expected.concat());
}

/// What happened to a state: keys that are there, updated, added, removed and timed out.
fn touched(state: &StateInfo) -> [u64; 5] {
    [
        state.keys,
        state.updated,
        state.added,
        state.removed,
        state.timed_out,
    ]
}

#[test]
fn a_batch_tells_what_it_has_done_to_states() {
    let test = stream(&[]);
    let log = record(test.context());
    let batches = vec![
        vec![('a', 1), ('b', 1), ('c', 1)],
        vec![('a', 2), ('b', 0), ('d', 1)],
        vec![('a', 3)],
        vec![('a', 4)],
    ];
    let pairs = test.input(batches);
    // Zero removes a key.
    let set = |_: &char, value: Option<i32>, state: &mut State<'_, i32>| match value {
        Some(0) => state.remove(),
        Some(value) => state.update(value),
        None => {}
    };
    let tracked = StateSpec::function(set).timeout(seconds(1));
    pairs
        .map_with_state(tracked)
        .named("tracked")
        .foreach_rdd(|_, _| ());
    let visited = |new: Vec<i32>, old: Option<i32>| new.last().copied().or(old).filter(|n| *n > 0);
    pairs.update_state_by_key(visited).foreach_rdd(|_, _| ());
    let window =
        pairs.reduce_by_key_and_window_inverse(|a, b| a + b, |a, b| a - b, seconds(2), None);
    window.foreach_rdd(|_, _| ());
    test.run(4);
    test.context().context().events().flush();
    let infos = completed(&log.entries());
    let of = |state: usize| -> Vec<_> {
        infos
            .iter()
            .map(|info| touched(&info.states[state]))
            .collect()
    };
    assert_eq!(
        of(0),
        [
            [3, 0, 3, 0, 0],
            [3, 1, 1, 1, 0],
            [2, 1, 0, 0, 1],
            [1, 1, 0, 0, 1]
        ]
    );
    assert_eq!(
        of(1),
        [
            [3, 0, 3, 0, 0],
            [3, 2, 1, 1, 0],
            [3, 3, 0, 0, 0],
            [3, 3, 0, 0, 0]
        ]
    );
    let keys: Vec<_> = infos.iter().map(|info| info.states[2].keys).collect();
    assert_eq!(keys, [3, 4, 4, 4]);
    let tracked = &infos[3].states[0];
    assert_eq!(
        (tracked.name.as_deref(), tracked.site.operator()),
        (Some("tracked"), "map_with_state")
    );
    assert!(
        infos
            .iter()
            .flat_map(|info| &info.states)
            .all(|state| state.bytes > 0)
    );
    let submitted = log.entries().iter().all(|told| match told {
        Told::Submitted(info) => info.states.is_empty(),
        _ => true,
    });
    assert!(submitted, "states are told at the end");
}

#[test]
fn a_batch_that_has_to_wait_says_for_which() {
    let test = stream(&[]);
    let log = record(test.context());
    let (entered, enters) = sync_channel(0);
    let (allow, allowed) = sync_channel::<()>(0);
    let allowed = Mutex::new(allowed);
    test.input(Vec::<Vec<u8>>::new())
        .foreach_rdd(move |_, time| {
            if time == second(1) {
                entered.send(()).unwrap();
                allowed.lock().recv().unwrap();
            }
        });
    test.try_run(0).unwrap();
    test.clock().advance(seconds(1));
    enters.recv().unwrap();
    test.clock().advance(seconds(1));
    let submitted = |told: &Told| matches!(told, Told::Submitted(info) if info.time == second(2));
    log.wait_for(|told| told.iter().any(submitted));
    allow.send(()).unwrap();
    let infos = completed(&log.wait_for(|told| completed(told).len() == 2));
    assert_eq!(
        (infos[0].waited_for, infos[1].waited_for),
        (None, Some(second(1)))
    );
    // The end of a batch is told shortly before it is over: the next but one waits for nothing.
    test.run(2);
    test.context().context().events().flush();
    assert_eq!(completed(&log.entries())[3].waited_for, None);
}

#[test]
fn an_output_tells_how_often_it_was_tried() {
    let test = stream(&[("streaming.output.attempts", "3")]);
    let log = record(test.context());
    let tries = Mutex::new(0);
    let input = test.input(Vec::<Vec<u8>>::new());
    let tried = input.foreach_rdd(move |_, _| {
        *tries.lock() += 1;
        let is_well = *tries.lock() % 3 == 0;
        is_well.then_some(()).ok_or("not yet")
    });
    let at_once = input.foreach_rdd(|_, _| ());
    test.run(1);
    test.context().context().events().flush();
    let info = &completed(&log.entries())[0];
    assert_eq!(
        (
            info.outputs[&tried].attempts,
            info.outputs[&at_once].attempts
        ),
        (3, 1)
    );
}

#[test]
fn with_a_directory_batches_tell_what_writing_took_and_whether_they_ran_before() {
    let directory = tempfile::tempdir().unwrap();
    let life = |begun, batches, again| {
        let settings = [("streaming.checkpoint.run_last_again", again)];
        let test = going_on(directory.path(), begun, &settings);
        let log = record(test.context());
        test.input(Vec::<Vec<u8>>::new()).foreach_rdd(|_, _| ());
        test.run(batches);
        test.context().context().events().flush();
        test.context().stop(true, false).unwrap();
        completed(&log.entries())
    };
    let first = life(0, 3, "false");
    assert!(
        first
            .iter()
            .all(|info| !info.is_rerun && info.cut_took.is_some())
    );
    assert!(first.iter().all(|info| info.commit_took.is_some()));
    let again = life(3, 1, "true");
    let seen: Vec<_> = again
        .iter()
        .map(|info| (info.time, info.is_rerun))
        .collect();
    assert_eq!(seen, [(second(3), true), (second(4), false)]);
    // It was cut by the process before.
    assert!(again[0].cut_took.is_none() && again[0].commit_took.is_some());
    let test = stream(&[]);
    let log = record(test.context());
    test.input(Vec::<Vec<u8>>::new()).foreach_rdd(|_, _| ());
    test.run(1);
    test.context().context().events().flush();
    let info = &completed(&log.entries())[0];
    assert!(info.cut_took.is_none() && info.commit_took.is_none());
}
