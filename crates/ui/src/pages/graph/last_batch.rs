//! What the streams did in the last completed batch, from the jobs of that batch.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Job, Model, StageState, Streaming, caller};
use crate::record::{Graph, OperatorRecord, Took};

/// How many records an RDD had, and its time.
type Count = (u64, Took);

/// What the streams did in the last completed batch.
#[derive(Default)]
pub(super) struct LastBatch {
    pub(super) time: Option<i64>,
    /// By stream: the RDD that is its batch, how many records that had, and the time of all its
    /// RDDs.
    streams: BTreeMap<u64, (u64, u64, Took)>,
    /// By stream: RDDs of the program that the stream may have given as they are.
    given: BTreeMap<usize, BTreeMap<u64, Count>>,
}

/// A stream may need several RDDs for a batch, and the earlier batches of a window: what it gave
/// is what its last one gave. One that two outputs computed gave it twice, and that counts once;
/// its time counts as often as it was spent.
pub(super) fn last_batch(model: &Model, streaming: &Streaming) -> LastBatch {
    let Some(batch) = streaming.completed.iter().max_by_key(|batch| batch.time()) else {
        return LastBatch::default();
    };
    let mut last = LastBatch {
        time: Some(batch.time()),
        ..LastBatch::default()
    };
    let jobs: BTreeSet<u64> = batch.jobs.iter().map(|called| called.job).collect();
    for job in jobs.iter().filter_map(|job| model.jobs.jobs.get(job)) {
        last.add(model, &streaming.graph, job);
    }
    last
}

/// Whether a stream gives RDDs that the program has made before: those tell of no stream.
pub(super) fn gives_foreign_rdds(graph: &Graph, stream: usize) -> bool {
    let mut inputs = graph.inputs.iter();
    inputs
        .any(|input| input.stream == stream && ["queue", "function"].contains(&input.kind.as_str()))
}

impl LastBatch {
    fn add(&mut self, model: &Model, graph: &Graph, job: &Job) {
        let operators = job.start.operators.iter();
        let scopes = operators.filter_map(|one| Some((one.rdd, one.scope.as_ref()?.0)));
        let scopes: BTreeMap<u64, u64> = scopes.collect();
        let mut foreign: BTreeMap<u64, Count> = BTreeMap::new();
        let stages = model.jobs.stages_of(job);
        let ran = stages.filter(|stage| job.state_of(stage) != StageState::Skipped);
        for count in ran.flat_map(|stage| &stage.operators) {
            let Some(scope) = scopes.get(&count.rdd) else {
                foreign.insert(count.rdd, (count.records, count.time));
                continue;
            };
            let (rdd, records, time) = self.streams.entry(*scope).or_default();
            *time = *time + count.time;
            (*rdd, *records) = (*rdd, *records).max((count.rdd, count.records));
        }
        for (stream, rdd) in given(graph, job) {
            if let Some((records, time)) = foreign.get(&rdd) {
                let rdds = self.given.entry(stream).or_default();
                let (most, sum) = rdds.entry(rdd).or_default();
                *most = (*most).max(*records);
                *sum = *sum + *time;
            }
        }
    }

    /// How many records a stream gave, and the time that took, if that is known.
    pub(super) fn of(&self, stream: usize) -> Option<Count> {
        if let Some((_, records, time)) = self.streams.get(&(stream as u64)) {
            return Some((*records, *time));
        }
        let mut given = self.given.get(&stream)?.values();
        // Which of several it gave in this batch is not known.
        given.next().copied().filter(|_| given.next().is_none())
    }
}

/// The RDDs of no stream that streams seem to have given as they are: those that an RDD of a
/// stream was made of where it would be made of what its parents gave, and the one that an output
/// has got.
fn given(graph: &Graph, job: &Job) -> Vec<(usize, u64)> {
    let operators = &job.start.operators;
    let foreign = operators.iter().filter(|one| one.scope.is_none());
    let foreign: BTreeSet<u64> = foreign.map(|one| one.rdd).collect();
    let output = caller(&job.start).map(|(_, output)| output);
    let mut outputs = graph.outputs.iter();
    let of_output = outputs.find(|known| Some(known.id) == output);
    let of_output = of_output.map(|output| output.stream);
    // What an operator reads; one of no stream is of the output.
    let read = |one: &OperatorRecord| -> Vec<usize> {
        let scope = one.scope.as_ref().map(|(id, _)| *id);
        let mut streams = graph.streams.iter();
        let stream = streams.find(|stream| Some(stream.id as u64) == scope);
        stream.map_or_else(
            || of_output.into_iter().collect(),
            |stream| stream.parents.clone(),
        )
    };
    let scoped = operators.iter().filter(|one| one.scope.is_some());
    let made_of = scoped.flat_map(|one| {
        let streams = read(one);
        let is_whole = streams.len() == one.parents.len();
        let rdds = one.parents.clone().into_iter();
        streams.into_iter().zip(rdds).filter(move |_| is_whole)
    });
    let last = operators.last().map(|one| one.rdd);
    let given = made_of.chain(of_output.zip(last));
    let is_foreign =
        |(stream, rdd): &(usize, u64)| foreign.contains(rdd) && gives_foreign_rdds(graph, *stream);
    given.filter(is_foreign).collect()
}

#[cfg(test)]
mod tests {
    use headwater_core::Context;
    use headwater_streaming::testing::TestStream;
    use headwater_streaming::time::seconds;

    use super::*;
    use crate::model::Limits;
    use crate::relay::follow;
    use crate::site::{Follower, Site};

    /// What is known of the streams of a graph after a batch, by the order in which they were
    /// made.
    fn counted<const N: usize>(build: impl FnOnce(&TestStream)) -> [Option<u64>; N] {
        let ctx = Context::local(2).unwrap();
        let test = TestStream::on(&ctx, seconds(1)).unwrap();
        let site = Site::new(Limits::default());
        let _following = follow(&ctx, Follower(site.clone()));
        build(&test);
        test.run(1);
        ctx.events().flush();
        let model = site.model();
        let last = last_batch(&model, model.streaming.as_ref().unwrap());
        std::array::from_fn(|stream| last.of(stream).map(|(records, _)| records))
    }

    #[test]
    fn rdds_of_the_program_are_those_of_the_streams_that_gave_them() {
        let counts = counted(|test| {
            let (queue, words) = test.input_queue();
            queue.push_records(vec![1, 2, 3], 2);
            let prices = test.context().context().range(0..7, 1, 2);
            let prices = test.context().constant_stream(&prices);
            let all = words.union(&prices);
            all.map(|n| n + 1)
                .foreach_rdd(|rdd, _| rdd.count().map(drop));
        });
        assert_eq!(counts, [Some(3), Some(7), Some(10), Some(10)]);
    }

    #[test]
    fn an_output_reads_the_rdd_itself() {
        let counts = counted(|test| {
            let (queue, words) = test.input_queue();
            queue.push_records(vec![1, 2, 3], 2);
            words.foreach_rdd(|rdd, _| rdd.count().map(drop));
        });
        assert_eq!(counts, [Some(3)]);
    }

    #[test]
    fn where_it_is_not_known_which_rdd_it_was_nothing_is_told() {
        let counts = counted(|test| {
            let (queue, words) = test.input_queue();
            queue.push_records(vec![1, 2, 3], 2);
            let other = test.context().context().range(0..7, 1, 2);
            let both = words.transform(move |rdd, _| rdd.union(&other));
            both.foreach_rdd(|rdd, _| rdd.count().map(drop));
        });
        assert_eq!(counts, [None, Some(10)]);
    }
}
