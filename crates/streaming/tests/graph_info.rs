//! What a user interface is told of a graph.

mod probe;

use std::sync::Arc;

use headwater_core::StorageLevel;
use headwater_streaming::time::seconds;
use headwater_streaming::{GraphInfo, InputKind, StreamingListener};
use probe::{Log, Start, stream};

struct Graphs(Log<Arc<GraphInfo>>);

impl StreamingListener for Graphs {
    fn on_graph_built(&mut self, graph: &GraphInfo) {
        self.0.push(Arc::new(graph.clone()));
    }
}

#[test]
fn the_graph_tells_streams_inputs_and_outputs() {
    let test = stream(&[]);
    let ssc = test.context();
    let graphs = Log::new();
    ssc.add_listener(Graphs(graphs.clone()));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let received = ssc.receiver_stream(Start::<u32>::new(|_| Ok(())));
    let lines = ssc.text_file_stream(path);
    let named = ssc.text_file_stream(path).named("logs");
    let queued = test.input(vec![vec![1_u32]]);
    let ticks = ssc.stream_by_time(|_| vec![1_u32]);
    let all = received.union(&queued).union(&ticks);
    let all = all.persist(StorageLevel::MEMORY_ONLY);
    let counts = all
        .map(|n| (n.to_string(), 1_i64))
        .update_state_by_key(|new: Vec<i64>, old: Option<i64>| Some(old.unwrap_or(0) + new[0]))
        .named("counts");
    let wide = counts.window(seconds(4), seconds(2));
    wide.foreach_rdd(|_, _| ());
    let second = lines.union(&named).foreach_rdd(|_, _| ());
    let before = ssc.graph_info();
    test.run(1);
    ssc.context().events().flush();
    let [told] = &graphs.entries()[..] else {
        panic!("the graph is told once");
    };
    for graph in [&before, &**told, &ssc.graph_info()] {
        let of = |id: headwater_streaming::NodeId| &graph.streams[id.index()];
        assert!(
            (0..)
                .zip(&graph.streams)
                .all(|(at, one)| one.id.index() == at)
        );
        let state = of(counts.id());
        assert_eq!(state.name.as_deref(), Some("counts"));
        assert_eq!(state.operator, state.site.operator());
        assert_eq!(state.record_type, "(String, i64)");
        assert!(state.keeps_state && !of(all.id()).keeps_state);
        assert_eq!(of(all.id()).storage_level, StorageLevel::MEMORY_ONLY);
        assert_eq!(of(wide.id()).slide, seconds(2));
        let parents = wide.dependencies();
        let parents: Vec<_> = parents.iter().map(|parent| parent.index()).collect();
        assert_eq!(of(wide.id()).parents, parents);
        let inputs: Vec<_> = graph
            .inputs
            .iter()
            .map(|input| (input.stream, input.number, &input.name[..], input.kind))
            .collect();
        let queue = format!("queue_stream [stream {}]", queued.id().index());
        let by_time = format!("stream_by_time [stream {}]", ticks.id().index());
        assert_eq!(
            inputs,
            [
                (received.id(), Some(0), "Start-0", InputKind::Receiver),
                (
                    lines.id(),
                    Some(1),
                    "text_file_stream [1]",
                    InputKind::Files
                ),
                (named.id(), Some(2), "logs", InputKind::Files),
                (queued.id(), None, &queue, InputKind::Queue),
                (ticks.id(), None, &by_time, InputKind::Function),
            ]
        );
        let [_, output] = &graph.outputs[..] else {
            panic!("{graph:?}");
        };
        assert_eq!((output.id, output.number.get()), (second, 1));
        assert_eq!(output.site.operator(), "foreach_rdd");
        assert_eq!(of(output.stream).operator, "union");
    }
    ssc.stop(false, false).unwrap();
    assert_eq!(ssc.graph_info().streams.len(), before.streams.len());
}
