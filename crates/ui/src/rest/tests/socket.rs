//! The interface of a stream that runs, over a real socket.

use headwater_core::StorageLevel;
use headwater_streaming::testing::TestStream;
use headwater_streaming::time::seconds;
use serde_json::{Value, json};

use crate::WebUi;
use crate::testing::get;

fn json_of(ui: &WebUi, path: &str) -> Value {
    let (head, body) = get(ui, path);
    assert!(head.starts_with("http/1.1 200 ok"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn a_running_stream_is_told() {
    let test = TestStream::new(seconds(1));
    let ctx = test.context().context().clone();
    let ui = WebUi::builder(test.context())
        .port(0)
        .serve()
        .unwrap()
        .unwrap();
    let words = test.input(vec![vec!["a", "b"], vec!["c"]]);
    test.collect(&words.map(|word| word.len()));
    let kept = ctx.range(0..10, 1, 2).persist(StorageLevel::MEMORY_ONLY);
    kept.count().unwrap();
    test.run(2);
    ctx.events().flush();

    let app = format!("/api/v1/applications/{}", ctx.app_id());
    let statistics = json_of(&ui, &format!("{app}/streaming/statistics"));
    assert_eq!(statistics["numTotalCompletedBatches"], 2);
    assert_eq!(statistics["batchDuration"], 1000);
    let batches = json_of(&ui, &format!("{app}/streaming/batches"));
    assert_eq!(batches[0]["batchTime"], "1970-01-01T00:00:02.000GMT");
    assert_eq!(batches[0]["numCompletedOutputOps"], 1);
    let operation = json_of(&ui, &format!("{app}/streaming/batches/1000/operations/0"));
    assert_eq!(operation["outputOpId"], 0);
    let rdds = json_of(&ui, &format!("{app}/storage/rdd"));
    assert_eq!(rdds[0]["numCachedPartitions"], 2);
    let rdd = json_of(&ui, &format!("{app}/storage/rdd/{}", rdds[0]["id"]));
    assert_eq!(
        rdd["dataDistribution"][0]["memoryUsed"],
        rdds[0]["memoryUsed"]
    );
    let block = format!("rdd_{}_1", kept.id());
    assert_eq!(rdds[0].get("partitions"), None);
    assert_eq!(rdd["partitions"][1]["blockName"], block);
    assert_eq!(rdd["partitions"][1]["memoryUsed"], 40);
    assert_eq!(rdd["partitions"][1]["executors"], json!(["driver"]));
    let level = &rdd["partitions"][1]["storageLevel"];
    assert_eq!(level, "Memory Deserialized 1x Replicated");
    let tasks = json_of(&ui, &format!("{app}/stages/0/0/taskList"));
    assert_eq!(tasks[0]["attempt"], 0, "as Spark counts: {tasks}");
    let executors = json_of(&ui, &format!("{app}/executors"));
    assert_eq!(executors[0]["failedTasks"], json!(0));
    assert!(executors[0]["maxMemory"].as_u64().unwrap() > 0);

    let (head, body) = get(&ui, &format!("{app}/streaming/batches/123"));
    assert!(head.starts_with("http/1.1 404"), "{head}");
    assert!(head.contains("content-type: text/plain"), "{head}");
    assert_eq!(body, "unknown batch: 123");
}
