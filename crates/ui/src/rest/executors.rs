//! The one executor, which is the process itself, and its threads.

use std::collections::BTreeMap;

use super::EXECUTOR;
use super::call::{Call, Refusal};
use super::date::Date;
use super::described::reply;
use super::storage::Stored;
use crate::process;

reply! {
    /// An executor. Lengths of time are in milliseconds, sizes in bytes.
    pub(crate) struct ExecutorSummary {
        id: &'static str,
        /// Its host; it has no port, as nothing is sent to it.
        host_port: String,
        is_active: bool,
        rdd_blocks: usize,
        memory_used: u64,
        disk_used: u64,
        total_cores: usize,
        max_tasks: usize,
        active_tasks: u64,
        failed_tasks: u64,
        completed_tasks: u64,
        total_tasks: u64,
        total_duration: u64,
        total_gc_time as "totalGCTime": u64,
        total_input_bytes: u64,
        total_shuffle_read: u64,
        total_shuffle_write: u64,
        is_blacklisted: bool,
        max_memory: u64,
        add_time: Date,
        remove_time: Option<Date>,
        remove_reason: Option<String>,
        executor_logs: BTreeMap<String, String>,
        memory_metrics: Option<MemoryMetrics>,
        blacklisted_in_stages: Vec<u64>,
        attributes: BTreeMap<String, String>,
        resources: BTreeMap<String, String>,
        resource_profile_id: u32,
        is_excluded: bool,
        excluded_in_stages: Vec<u64>,
    }
}

reply! {
    /// The memory for kept partitions, which is all on Spark's heap.
    pub(crate) struct MemoryMetrics {
        used_on_heap_storage_memory: u64,
        used_off_heap_storage_memory: u64,
        total_on_heap_storage_memory: u64,
        total_off_heap_storage_memory: u64,
    }
}

reply! {
    /// A thread. What it is at is not known, so that its stack is empty.
    pub(crate) struct ThreadStackTrace {
        thread_id: u64,
        thread_name: String,
        thread_state: &'static str,
        stack_trace: StackTrace,
        blocked_by_lock: String,
        holding_locks: Vec<String>,
        synchronizers: Vec<String>,
        monitors: Vec<String>,
        suspended: bool,
        in_native: bool,
        is_daemon: bool,
        priority: u32,
    }
}

reply! {
    /// The lines of a stack.
    pub(crate) struct StackTrace {
        elems: Vec<String>,
    }
}

/// The executors of the program: the active ones are all that there are.
pub(super) fn executors(call: &Call<'_>) -> Result<Vec<ExecutorSummary>, Refusal> {
    let (model, application) = (call.model, &call.model.application);
    let totals = model.jobs.tasks;
    let stored = Stored::of(call);
    let memory_metrics = MemoryMetrics {
        used_on_heap_storage_memory: stored.memory_bytes,
        total_on_heap_storage_memory: stored.memory_bytes_max,
        ..MemoryMetrics::default()
    };
    let ended = totals.succeeded + totals.failed;
    Ok(vec![ExecutorSummary {
        id: EXECUTOR,
        host_port: application.host.clone(),
        is_active: model.ended.is_none(),
        rdd_blocks: stored.partitions,
        memory_used: stored.memory_bytes,
        disk_used: stored.disk_bytes,
        total_cores: application.slots,
        max_tasks: application.slots,
        active_tasks: totals.active,
        failed_tasks: totals.failed,
        completed_tasks: totals.succeeded,
        total_tasks: totals.active + ended,
        total_duration: totals.counts.run_time.millis(),
        total_input_bytes: totals.counts.bytes_read,
        max_memory: stored.memory_bytes_max,
        add_time: application.started.into(),
        remove_time: model.ended.map(Date),
        memory_metrics: call.live.map(|_| memory_metrics),
        ..ExecutorSummary::default()
    }])
}

pub(super) fn threads(call: &Call<'_>) -> Result<Vec<ThreadStackTrace>, Refusal> {
    let executor = call.part("executor-id");
    if executor != EXECUTOR {
        if executor.parse::<u64>().is_err() {
            let text = format!("Invalid executorId: neither '{EXECUTOR}' nor number.");
            return Err(Refusal::bad(text));
        }
        return Err(Refusal::unknown("Executor does not exist."));
    }
    let threads = call.live.map(|_| process::threads()).unwrap_or_default();
    if threads.is_empty() {
        return Err(Refusal::unknown("No thread dump is available."));
    }
    Ok(threads.into_iter().map(ThreadStackTrace::from).collect())
}

impl From<process::Thread> for ThreadStackTrace {
    fn from(thread: process::Thread) -> Self {
        ThreadStackTrace {
            thread_id: thread.id,
            thread_name: thread.name,
            thread_state: match thread.state {
                'R' => "RUNNABLE",
                'Z' | 'X' => "TERMINATED",
                _ => "WAITING",
            },
            priority: 5,
            ..ThreadStackTrace::default()
        }
    }
}
