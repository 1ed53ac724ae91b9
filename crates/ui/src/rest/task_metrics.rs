//! What tasks counted, in Spark's words. What has no meaning here (the collection of garbage,
//! blocks of other machines) is zero, so that clients find every number that they expect.

use super::described::reply;
use crate::record::TaskCounts;

reply! {
    /// What a task counted. Lengths of time are in milliseconds.
    pub(crate) struct TaskMetrics {
        executor_deserialize_time: u64,
        executor_deserialize_cpu_time: u64,
        executor_run_time: u64,
        executor_cpu_time: u64,
        result_size: u64,
        jvm_gc_time: u64,
        result_serialization_time: u64,
        memory_bytes_spilled: u64,
        disk_bytes_spilled: u64,
        peak_execution_memory: u64,
        input_metrics: InputMetrics,
        output_metrics: OutputMetrics,
        shuffle_read_metrics: ShuffleReadMetrics,
        shuffle_write_metrics: ShuffleWriteMetrics,
    }
}

reply! {
    /// What was read from outside.
    pub(crate) struct InputMetrics {
        bytes_read: u64,
        records_read: u64,
    }
}

reply! {
    /// What was written to files.
    pub(crate) struct OutputMetrics {
        bytes_written: u64,
        records_written: u64,
    }
}

reply! {
    /// What was read from the stages before.
    pub(crate) struct ShuffleReadMetrics {
        remote_blocks_fetched: u64,
        local_blocks_fetched: u64,
        fetch_wait_time: u64,
        remote_bytes_read: u64,
        remote_bytes_read_to_disk: u64,
        local_bytes_read: u64,
        records_read: u64,
        remote_reqs_duration: u64,
        shuffle_push_read_metrics: ShufflePushReadMetrics,
    }
}

reply! {
    /// What was read of shuffles that were merged, of which there are none here.
    pub(crate) struct ShufflePushReadMetrics {
        corrupt_merged_block_chunks: u64,
        merged_fetch_fallback_count: u64,
        remote_merged_blocks_fetched: u64,
        local_merged_blocks_fetched: u64,
        remote_merged_chunks_fetched: u64,
        local_merged_chunks_fetched: u64,
        remote_merged_bytes_read: u64,
        local_merged_bytes_read: u64,
        remote_merged_reqs_duration: u64,
    }
}

reply! {
    /// What was written for the next stage.
    pub(crate) struct ShuffleWriteMetrics {
        bytes_written: u64,
        write_time: u64,
        records_written: u64,
    }
}

impl From<TaskCounts> for TaskMetrics {
    fn from(counts: TaskCounts) -> Self {
        TaskMetrics {
            executor_run_time: counts.run_time.millis(),
            input_metrics: InputMetrics {
                bytes_read: counts.bytes_read,
                records_read: counts.records_read,
            },
            output_metrics: OutputMetrics {
                bytes_written: counts.bytes_written,
                records_written: 0,
            },
            shuffle_read_metrics: ShuffleReadMetrics {
                records_read: counts.shuffle_records_read,
                ..ShuffleReadMetrics::default()
            },
            shuffle_write_metrics: ShuffleWriteMetrics {
                records_written: counts.shuffle_records_written,
                ..ShuffleWriteMetrics::default()
            },
            ..TaskMetrics::default()
        }
    }
}
