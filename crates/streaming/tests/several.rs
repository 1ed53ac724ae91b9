//! Operators over several streams, and those whose closures can fail.

mod probe;

use headwater_core::{Context, Error};
use headwater_streaming::testing::{TestStream, run_batches2};
use headwater_streaming::time::seconds;
use headwater_streaming::{DStream, StreamError};
use probe::{Told, record, stream};

/// Each batch has its time in seconds as its only record.
#[track_caller]
fn ticks(test: &TestStream) -> DStream<i64> {
    test.context()
        .stream_by_time(|time| vec![time.as_millis() / 1000])
}

/// The mistakes that a start finds, with the lines of this file.
#[expect(clippy::panic, reason = "another outcome fails the test")]
fn mistakes(test: &TestStream) -> Vec<(u32, String)> {
    let Err(StreamError::Graph(mistakes)) = test.context().start() else {
        panic!("the graph was not refused");
    };
    let line = |mistake: &headwater_streaming::Mistake| mistake.site.location().line();
    let lines = mistakes
        .iter()
        .map(|each| (line(each), each.message.clone()));
    lines.collect()
}

/// The outputs that failed, and what they said.
fn failures(told: &[Told]) -> Vec<(usize, String)> {
    let failed = told.iter().filter_map(|told| match told {
        Told::OutputCompleted(output) => {
            Some((output.id.index(), output.failure.as_ref()?.to_string()))
        }
        _ => None,
    });
    failed.collect()
}

#[test]
fn a_transform_of_many_gets_the_rdds_in_order_and_the_time() {
    let test = stream(&[]);
    let streams: Vec<_> = (0..5)
        .map(|place| ticks(&test).map(move |tick| tick * 10 + place))
        .collect();
    let all = test.context().transform(&streams, |rdds, time| {
        let seconds = time.as_millis() / 1000;
        let first = rdds[0].map(move |n| n + seconds * 100);
        rdds[1..].iter().fold(first, |all, rdd| all.union(rdd))
    });
    let one = test
        .context()
        .transform(&streams[1..2], |rdds, _| rdds[0].clone());
    let (all, one) = (test.collect(&all), test.collect(&one));
    test.run(2);
    all.assert_batches([[110, 11, 12, 13, 14], [220, 21, 22, 23, 24]]);
    one.assert_batches([[11], [21]]);
}

#[test]
fn tuples_of_streams_may_have_any_records_and_any_slide() {
    let test = stream(&[]);
    let base = ticks(&test).window(seconds(2), seconds(2));
    let words = base.map(|n| format!("w{n}"));
    let (sums, counts) = (base.reduce(|a, b| a + b), base.count());
    let all = test.context().transform_tuple(
        (&words, &sums, &counts, &base.glom()),
        |(words, sums, counts, parts), time| {
            let seconds = time.as_millis() / 1000;
            let numbers = sums
                .cartesian(counts)
                .cartesian(&parts.map(|part| part.len()));
            words.cartesian(&numbers).map(move |each| (seconds, each))
        },
    );
    let all =
        test.collect(&all.map(|(at, (word, ((sum, count), part)))| (at, word, sum, count, part)));
    test.run(4);
    let batch = |at, first: i64, sum| {
        let words = [first, first + 1].map(|n| format!("w{n}"));
        // The input has two partitions for each tick, of which one is empty.
        words
            .map(|word| [0, 1, 0, 1].map(|part| (at, word.clone(), sum, 2_u64, part)))
            .concat()
    };
    all.assert_unordered([batch(2, 1, 3), batch(4, 3, 7)]);
}

#[test]
fn streams_that_do_not_fit_are_mistakes_with_their_lines() {
    let (test, other) = (stream(&[]), stream(&[]));
    let (base, ssc) = (ticks(&test), test.context());
    let slow = base.window(seconds(2), seconds(2));
    let foreign = ticks(&other);
    let first = line!() + 1;
    ssc.union(&[base.clone(), slow.clone()]).print();
    ssc.union(std::slice::from_ref(&foreign)).print();
    ssc.transform(&[base.clone(), base.clone(), foreign.clone()], |rdds, _| {
        rdds[0].clone()
    })
    .print();
    ssc.transform::<i64, i64>(&[], |rdds, _| rdds[0].clone())
        .print();
    ssc.transform_tuple((&slow, &base), |(slow, _), _| slow.clone())
        .print();
    ssc.try_transform_tuple((&foreign, &base), |(a, _), _| Ok::<_, Error>(a.clone()))
        .print();
    let last = line!();
    let found = mistakes(&test);
    let contexts = "different streaming contexts";
    let expected = [
        "different slide durations, 1000 ms and 2000 ms",
        contexts,
        contexts,
        "give at least one",
        "different slide durations, 2000 ms and 1000 ms",
        contexts,
    ];
    let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
    assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
    assert!(lines[0] == first && lines[5] < last, "{lines:?}");
    let messages: Vec<_> = found.iter().map(|(_, message)| message).collect();
    assert_eq!(messages.len(), expected.len(), "{messages:?}");
    for (message, expected) in messages.iter().zip(expected) {
        assert!(message.contains(expected), "{message}");
    }
    // The streams of the other context are whole.
    let out = other.collect(&foreign);
    other.run(1);
    out.assert_batches([[1]]);
}

#[test]
fn a_closure_that_fails_fails_the_outputs_that_need_it() {
    let test = stream(&[("streaming.on_failure", "continue")]);
    let base = ticks(&test);
    let line = line!() + 1;
    let picky = base.try_transform(|rdd, time| match time.as_millis() {
        2000 => Err("two is not wanted"),
        _ => Ok(rdd.clone()),
    });
    let picky_out = test.collect(&picky.map(|n| -n));
    let joined = base.try_transform_with(&picky, |base, picky, _| {
        let least = picky.min()?;
        Ok::<_, Error>(base.map(move |n| n * least))
    });
    let joined = test.collect(&joined);
    let plain = test.collect(&base);
    let told = record(test.context());
    test.run(3);
    test.context().context().events().flush();
    let failures = failures(&told.entries());
    let place = format!("try_transform at crates/streaming/tests/several.rs:{line}: two is not");
    assert_eq!(failures.len(), 2, "{failures:?}");
    for (expected, (output, message)) in failures.iter().enumerate() {
        assert_eq!(*output, expected);
        assert!(message.contains(&place), "{message}");
    }
    plain.assert_batches([[1], [2], [3]]);
    picky_out.assert_batches([[-1], [-3]]);
    joined.assert_batches([[1], [9]]);
}

#[test]
fn an_action_that_fails_inside_a_closure_is_told() {
    let test = stream(&[]);
    let numbers = test.input(vec![vec![1], vec![0]]);
    let shares = test.context().try_transform(&[numbers], |rdds, _| {
        let whole = rdds[0].map(|n| 12 / n).first()?;
        Ok::<_, Error>(rdds[0].map(move |n| n * whole))
    });
    let out = test.collect(&shares);
    let failed = test.run_to_failure(2);
    let message = failed.error.to_string();
    assert_eq!(failed.time_ms(), Some(2000), "{message}");
    assert!(
        message.contains("divide by zero") && message.contains("try_transform at"),
        "{message}"
    );
    out.assert_batches([[12]]);
}

#[test]
fn two_inputs_of_different_lengths_run_to_the_end_of_the_longer() {
    let sums = run_batches2(vec![vec![1]], vec![vec![2], vec![3], vec![]], |a, b| {
        a.union(b).reduce(|x, y| x + y)
    });
    assert_eq!(sums, [vec![3], vec![3], vec![]]);
}

#[test]
fn a_stream_knows_its_context_and_its_parents() {
    let ctx = Context::local(1).unwrap();
    let test = TestStream::on(&ctx, seconds(1)).unwrap();
    let (a, b) = (ticks(&test), ticks(&test));
    let all = test
        .context()
        .transform_tuple((&b, &a), |(b, _), _| b.clone());
    assert_eq!(all.dependencies(), [b.id(), a.id()]);
    assert!(a.dependencies().is_empty());
    assert_eq!(all.context().app_id(), ctx.app_id());
    let found = all.streaming_context().unwrap();
    assert_eq!(found.fingerprint(), test.context().fingerprint());
    drop((test, found));
    assert!(all.streaming_context().is_none());
}

#[test]
fn checkpoint_intervals_are_checked_at_the_start() {
    let test = stream(&[]);
    let slow = ticks(&test).window(seconds(2), seconds(2)).named("slow");
    let first = line!() + 1;
    slow.checkpoint(seconds(3)).print();
    slow.map(|n| n).checkpoint(seconds(1)).print();
    slow.count().checkpoint(std::time::Duration::ZERO).print();
    slow.glom()
        .checkpoint(seconds(5))
        .checkpoint(seconds(4))
        .map(|_| ())
        .print();
    let found = mistakes(&test);
    let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [first, first + 1, first + 2]);
    let message = &found[0].1;
    assert!(
        message.starts_with("the checkpoint interval (3000 ms) of window at "),
        "{message}"
    );
    let ending = "(2000 ms); the nearest are 2000 ms or 4000 ms";
    assert!(message.ends_with(ending), "{message}");
    assert!(
        found[1].1.ends_with("the nearest is 2000 ms"),
        "{}",
        found[1].1
    );
}

#[test]
fn a_checkpoint_interval_cannot_be_changed_after_the_start() {
    let test = stream(&[]);
    let base = ticks(&test);
    let out = test.collect(&base.checkpoint(seconds(2)));
    test.run(1);
    let _late = base.checkpoint(seconds(3));
    let error = test.try_run(1).unwrap_err().to_string();
    assert!(
        error.contains("checkpoint at") && error.contains("after start()"),
        "{error}"
    );
    out.assert_batches([[1], [2]]);
}
