//! All addresses of the interface, in the order of the guide. What they take stands here; the
//! OpenAPI document is made from it.

use super::applications::{self, ApplicationStatus};
use super::batches::{self, BatchStatus};
use super::endpoint::{Endpoint, Parameter};
use super::jobs::{self, JobExecutionStatus};
use super::stages::{self, StageStatus};
use super::tasks::{self, TaskSorting, TaskStatus};
use super::{environment, executors, operations, quantiles, receivers, statistics, storage};

const DATE: &str = "a day as 2026-11-21, or a moment as 2026-11-21T00:52:10.784GMT";

/// What Spark has at these addresses below `/applications/{app-id}`, and why it is not here.
pub(super) const ABSENT: &[(&str, &str)] = &[
    (
        "logs",
        "event logs are read where they are written, at event_log.dir",
    ),
    (
        "{attempt-id}/logs",
        "event logs are read where they are written, at event_log.dir",
    ),
    ("sql", "there is no SQL here"),
    ("sql/{execution-id}", "there is no SQL here"),
    ("sql/sqlTable", "there is no SQL here"),
    (
        "threads",
        "threads are told of the whole process, at executors/driver/threads",
    ),
    (
        "allmiscellaneousprocess",
        "there are no processes beside the driver",
    ),
    (
        "stages/{stage-id}/{stage-attempt-id}/taskTable",
        "this is for Spark's own pages; taskList has the tasks",
    ),
];

pub(crate) fn endpoints() -> Vec<Endpoint> {
    let mut all = of_programs();
    all.extend(of_streams());
    all.extend(of_jobs());
    all.extend(of_processes());
    all
}

fn of_programs() -> Vec<Endpoint> {
    vec![
        Endpoint::of_server(
            "/version",
            "The release that answers.",
            vec![],
            applications::version,
        ),
        Endpoint::of_server(
            "/applications",
            "The program, in a list; all that have logs, if the server shows event logs.",
            vec![
                Parameter::choices::<ApplicationStatus>("status", "Which ones; all by default."),
                Parameter::text("minDate", DATE),
                Parameter::text("maxDate", DATE),
                Parameter::text("minEndDate", DATE),
                Parameter::text("maxEndDate", DATE),
                Parameter::count("limit", "How many at most."),
            ],
            applications::applications,
        ),
        Endpoint::new(
            "/applications/{app-id}",
            "The program.",
            vec![],
            applications::application,
        ),
        Endpoint::new(
            "/applications/{app-id}/{attempt-id}",
            "A numbered attempt of the program, of which there are none.",
            vec![],
            applications::attempt,
        ),
    ]
}

fn of_streams() -> Vec<Endpoint> {
    vec![
        Endpoint::new(
            "/applications/{app-id}/streaming/statistics",
            "The stream as a whole.",
            vec![],
            statistics::statistics,
        ),
        Endpoint::new(
            "/applications/{app-id}/streaming/receivers",
            "All inputs, with their rates.",
            vec![],
            receivers::receivers,
        ),
        Endpoint::new(
            "/applications/{app-id}/streaming/receivers/{stream-id}",
            "An input.",
            vec![],
            receivers::receiver,
        ),
        Endpoint::new(
            "/applications/{app-id}/streaming/batches",
            "The batches that are kept, newest first.",
            vec![Parameter::choices::<BatchStatus>(
                "status",
                "Which ones; all by default.",
            )],
            batches::batches,
        ),
        Endpoint::new(
            "/applications/{app-id}/streaming/batches/{batch-id}",
            "A batch.",
            vec![],
            batches::batch,
        ),
        Endpoint::new(
            "/applications/{app-id}/streaming/batches/{batch-id}/operations",
            "The output operations of a batch that have begun.",
            vec![],
            operations::operations,
        ),
        Endpoint::new(
            "/applications/{app-id}/streaming/batches/{batch-id}/operations/{op-id}",
            "An output operation of a batch.",
            vec![],
            operations::operation,
        ),
    ]
}

fn of_jobs() -> Vec<Endpoint> {
    vec![
        Endpoint::new(
            "/applications/{app-id}/jobs",
            "The jobs that are kept, newest first.",
            vec![Parameter::choices::<JobExecutionStatus>(
                "status",
                "Which ones; all by default.",
            )],
            jobs::jobs,
        ),
        Endpoint::new(
            "/applications/{app-id}/jobs/{job-id}",
            "A job.",
            vec![],
            jobs::job,
        ),
        Endpoint::new(
            "/applications/{app-id}/stages",
            "The stages that are kept, newest first.",
            {
                let states =
                    Parameter::choices::<StageStatus>("status", "Which ones; all by default.");
                let mut parameters = vec![states];
                parameters.extend(of_stage(false));
                parameters
            },
            stages::stages,
        ),
        Endpoint::new(
            "/applications/{app-id}/stages/{stage-id}",
            "All attempts of a stage.",
            of_stage(true),
            stages::stage,
        ),
        Endpoint::new(
            "/applications/{app-id}/stages/{stage-id}/{stage-attempt-id}",
            "An attempt of a stage.",
            of_stage(true),
            stages::attempt,
        ),
        Endpoint::new(
            "/applications/{app-id}/stages/{stage-id}/{stage-attempt-id}/taskSummary",
            "How what the tasks of a stage counted is distributed.",
            vec![Parameter::text(
                "quantiles",
                "Numbers from 0 to 1 with commas between them.",
            )],
            quantiles::task_summary,
        ),
        Endpoint::new(
            "/applications/{app-id}/stages/{stage-id}/{stage-attempt-id}/taskList",
            "Tasks of a stage.",
            vec![
                Parameter::count("offset", "How many are left out first."),
                Parameter::count(
                    "length",
                    "How many at most; 20 by default, never above 20000.",
                ),
                Parameter::choices::<TaskSorting>("sortBy", "By their ids, if nothing is said."),
                Parameter::choices::<TaskStatus>("status", "Which ones; all by default."),
            ],
            tasks::task_list,
        ),
    ]
}

/// What all addresses of stages take. As in Spark, details are told of single ones unless
/// somebody says otherwise.
fn of_stage(has_details: bool) -> Vec<Parameter> {
    vec![
        Parameter::switch("details", "Whether the tasks are told too.", has_details),
        Parameter::choices::<TaskStatus>("taskStatus", "Which tasks; all by default."),
        Parameter::switch(
            "withSummaries",
            "Whether quantiles over the tasks are told too.",
            false,
        ),
        Parameter::text("quantiles", "Numbers from 0 to 1 with commas between them."),
    ]
}

fn of_processes() -> Vec<Endpoint> {
    vec![
        Endpoint::new(
            "/applications/{app-id}/executors",
            "The active executors: the process itself.",
            vec![],
            executors::executors,
        ),
        Endpoint::new(
            "/applications/{app-id}/allexecutors",
            "All executors that there ever were.",
            vec![],
            executors::executors,
        ),
        Endpoint::new(
            "/applications/{app-id}/executors/{executor-id}/threads",
            "The threads of an executor.",
            vec![],
            executors::threads,
        ),
        Endpoint::new(
            "/applications/{app-id}/storage/rdd",
            "The RDDs that are kept.",
            vec![],
            storage::rdds,
        ),
        Endpoint::new(
            "/applications/{app-id}/storage/rdd/{rdd-id}",
            "An RDD that is kept.",
            vec![],
            storage::rdd,
        ),
        Endpoint::new(
            "/applications/{app-id}/environment",
            "What the program was started with.",
            vec![],
            environment::environment,
        ),
    ]
}
