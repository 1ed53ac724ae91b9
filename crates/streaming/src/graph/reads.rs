//! What a state is computed from: the way up from it, as far as the next states and inputs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{AnyStream, Graph, NodeId};
use crate::checkpoint::Reads;

/// Streams that are still to be looked at, and how far before a step they are read.
type Read = BTreeMap<NodeId, (Arc<dyn AnyStream>, Duration)>;

impl Graph {
    /// What the state of a stream is computed from, once the graph is whole.
    pub(crate) fn reads_of(&self, stream: &dyn AnyStream) -> Reads {
        let (states, inputs) = (self.live_state(), self.inputs());
        let input_of = |id| inputs.iter().position(|input| input.stream().id == id);
        let state_of = |read: &dyn AnyStream| {
            states
                .iter()
                .position(|(stream, steps)| read.info().is_of_state(stream.info(), steps.store()))
        };
        let mut reads = Reads {
            slide: stream.info().slide,
            ..Reads::default()
        };
        let mut to_visit = Read::new();
        add_parents(&mut to_visit, stream, Duration::ZERO);
        // Streams are made from earlier ones: all readers of the last one were seen.
        while let Some((id, (read, depth))) = to_visit.pop_last() {
            if let Some(state) = state_of(&*read) {
                reads.states.push((state, depth));
                continue;
            }
            if let Some(place) = input_of(id) {
                reads.inputs = reads.inputs.max(Some(depth));
                let is_receiver = inputs[place].receiver_name().is_some();
                reads.receivers.extend(is_receiver.then_some(place));
            }
            reads.has_queue |= read.info().reads_queue();
            add_parents(&mut to_visit, &*read, depth);
        }
        reads
    }
}

fn add_parents(to_visit: &mut Read, stream: &dyn AnyStream, depth: Duration) {
    let depth = depth.saturating_add(stream.info().looks_back);
    for parent in stream.parents() {
        let (_, known) = to_visit
            .entry(parent.info().id)
            .or_insert_with(|| (parent.clone(), depth));
        *known = depth.max(*known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestStream;
    use crate::time::seconds;

    #[test]
    fn a_state_reads_inputs_and_states_as_far_back_as_the_longest_way() {
        let test = TestStream::new(seconds(1));
        let (_queue, queued) = test.context().queue_stream::<(u8, i64)>();
        let lines = test.context().socket_text_stream("localhost", 1);
        let pairs = lines.map(|line| (1_u8, i64::try_from(line.len()).unwrap_or(0)));
        let sum =
            |new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new.iter().sum::<i64>());
        let both = pairs.union(&pairs.window(seconds(3), None));
        let first = both.update_state_by_key(sum);
        let slow = first.window(seconds(4), seconds(2));
        let second = slow.union(&queued.window(seconds(4), seconds(2)));
        let second = second.update_state_by_key(sum);
        second.print();
        let graph = test.context().graph().clone();
        graph.begin(crate::time::Time::ZERO);
        let reads: Vec<_> = graph
            .live_state()
            .iter()
            .map(|(stream, _)| graph.reads_of(&**stream))
            .collect();
        let of_first = Reads {
            slide: seconds(1),
            inputs: Some(seconds(3)),
            receivers: vec![0],
            ..Reads::default()
        };
        let of_second = Reads {
            slide: seconds(2),
            inputs: None,
            receivers: vec![],
            states: vec![(0, seconds(4))],
            has_queue: true,
        };
        assert_eq!(reads, [of_first, of_second]);
    }
}
