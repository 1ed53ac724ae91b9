//! How what the tasks of a stage counted is distributed.

use super::call::{Call, Refusal};
use super::described::reply;
use super::stages;
use crate::model::{Stage, Task, TaskState};
use crate::record::TaskEnd;

reply! {
    /// Quantiles over the tasks that succeeded: a value for each of `quantiles`.
    pub(crate) struct TaskMetricDistributions {
        quantiles: Vec<f64>,
        duration: Vec<f64>,
        executor_deserialize_time: Vec<f64>,
        executor_deserialize_cpu_time: Vec<f64>,
        executor_run_time: Vec<f64>,
        executor_cpu_time: Vec<f64>,
        result_size: Vec<f64>,
        jvm_gc_time: Vec<f64>,
        result_serialization_time: Vec<f64>,
        getting_result_time: Vec<f64>,
        scheduler_delay: Vec<f64>,
        peak_execution_memory: Vec<f64>,
        memory_bytes_spilled: Vec<f64>,
        disk_bytes_spilled: Vec<f64>,
        input_metrics: InputMetricDistributions,
        output_metrics: OutputMetricDistributions,
        shuffle_read_metrics: ShuffleReadMetricDistributions,
        shuffle_write_metrics: ShuffleWriteMetricDistributions,
    }
}

reply! {
    /// Quantiles of what was read from outside.
    pub(crate) struct InputMetricDistributions {
        bytes_read: Vec<f64>,
        records_read: Vec<f64>,
    }
}

reply! {
    /// Quantiles of what was written to files.
    pub(crate) struct OutputMetricDistributions {
        bytes_written: Vec<f64>,
        records_written: Vec<f64>,
    }
}

reply! {
    /// Quantiles of what was read from the stages before.
    pub(crate) struct ShuffleReadMetricDistributions {
        read_bytes: Vec<f64>,
        read_records: Vec<f64>,
        remote_blocks_fetched: Vec<f64>,
        remote_bytes_read: Vec<f64>,
        remote_bytes_read_to_disk: Vec<f64>,
        local_blocks_fetched: Vec<f64>,
        total_blocks_fetched: Vec<f64>,
        fetch_wait_time: Vec<f64>,
        remote_reqs_duration: Vec<f64>,
    }
}

reply! {
    /// Quantiles of what was written for the next stage.
    pub(crate) struct ShuffleWriteMetricDistributions {
        write_bytes: Vec<f64>,
        write_records: Vec<f64>,
        write_time: Vec<f64>,
    }
}

pub(super) fn task_summary(call: &Call<'_>) -> Result<TaskMetricDistributions, Refusal> {
    let stage = stages::find(call)?;
    let quantiles = call.numbers("quantiles", &[0.05, 0.25, 0.5, 0.75, 0.95])?;
    of(stage, &quantiles).ok_or_else(|| {
        let text = format!("No tasks reported metrics for {} / 0 yet.", stage.id);
        Refusal::unknown(text)
    })
}

/// The quantiles of a stage, once a task has succeeded.
pub(super) fn of(stage: &Stage, quantiles: &[f64]) -> Option<TaskMetricDistributions> {
    let tasks = stage.tasks.values();
    let tasks = tasks.filter(|task| task.state() == TaskState::Success);
    let tasks: Vec<_> = tasks
        .filter_map(|task| Some((task, task.end.as_ref()?)))
        .collect();
    if tasks.is_empty() {
        return None;
    }
    let over = |value: fn(&Task, &TaskEnd) -> u64| {
        let mut values: Vec<_> = tasks.iter().map(|(task, end)| value(task, end)).collect();
        values.sort_unstable();
        quantiles.iter().map(|at| pick(&values, *at)).collect()
    };
    let none = || vec![0.0; quantiles.len()];
    let run_time: Vec<f64> = over(|_, end| end.counts.run_time.millis());
    Some(TaskMetricDistributions {
        quantiles: quantiles.to_vec(),
        duration: over(|_, end| end.at.since(end.launched).millis()),
        executor_deserialize_time: none(),
        executor_deserialize_cpu_time: none(),
        executor_run_time: run_time,
        executor_cpu_time: none(),
        result_size: none(),
        jvm_gc_time: none(),
        result_serialization_time: none(),
        getting_result_time: none(),
        scheduler_delay: over(|task, _| task.scheduler_delay().millis()),
        peak_execution_memory: none(),
        memory_bytes_spilled: none(),
        disk_bytes_spilled: none(),
        input_metrics: InputMetricDistributions {
            bytes_read: over(|_, end| end.counts.bytes_read),
            records_read: over(|_, end| end.counts.records_read),
        },
        output_metrics: OutputMetricDistributions {
            bytes_written: over(|_, end| end.counts.bytes_written),
            records_written: none(),
        },
        shuffle_read_metrics: ShuffleReadMetricDistributions {
            read_bytes: none(),
            read_records: over(|_, end| end.counts.shuffle_records_read),
            remote_blocks_fetched: none(),
            remote_bytes_read: none(),
            remote_bytes_read_to_disk: none(),
            local_blocks_fetched: none(),
            total_blocks_fetched: none(),
            fetch_wait_time: none(),
            remote_reqs_duration: none(),
        },
        shuffle_write_metrics: ShuffleWriteMetricDistributions {
            write_bytes: none(),
            write_records: over(|_, end| end.counts.shuffle_records_written),
            write_time: none(),
        },
    })
}

/// A quantile as Spark picks it: the value at that part of the sorted ones.
fn pick(sorted: &[u64], at: f64) -> f64 {
    // Out of range is the first one, or the last.
    let place = (at * sorted.len() as f64) as usize;
    let value = sorted.get(place).or(sorted.last());
    value.copied().unwrap_or_default() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_there_are() {
        let sorted = [1, 2, 3, 4, 100];
        let picked = [0.0, 0.25, 0.5, 0.75, 1.0, 7.0, -1.0].map(|at| pick(&sorted, at));
        assert_eq!(picked, [1.0, 2.0, 3.0, 4.0, 100.0, 100.0, 1.0]);
        assert_eq!(pick(&[], 0.5), 0.0);
    }
}
