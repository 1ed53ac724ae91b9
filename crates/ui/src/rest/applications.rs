//! Programs: one, if the server is that of a program, or all that have logs.

use super::RELEASE;
use super::call::{Asked, Call, Refusal};
use super::date::Date;
use super::described::{choices, reply};
use super::provider::Provider;
use crate::log::Summary;
use crate::record::At;

choices! {
    /// Whether a program is over.
    pub(crate) enum ApplicationStatus {
        Completed = "COMPLETED",
        Running = "RUNNING",
    }
}

reply! {
    /// The release that answers. Spark's clients ask for it under this name.
    pub(crate) struct VersionInfo {
        spark: &'static str,
    }
}

reply! {
    /// A program.
    pub(crate) struct ApplicationInfo {
        id: String,
        name: String,
        cores_granted: Option<usize>,
        max_cores: Option<usize>,
        cores_per_executor: Option<usize>,
        /// One, as a program is not started again under the same id.
        attempts: Vec<ApplicationAttemptInfo>,
    }
}

reply! {
    /// A run of a program.
    pub(crate) struct ApplicationAttemptInfo {
        attempt_id: Option<String>,
        start_time: Date,
        /// The last millisecond of 1969 while it runs.
        end_time: Date,
        last_updated: Date,
        /// In milliseconds, until the end or until something happened last.
        duration: u64,
        spark_user: String,
        completed: bool,
        app_spark_version: String,
        start_time_epoch: i64,
        /// -1 while it runs.
        end_time_epoch: i64,
        last_updated_epoch: i64,
    }
}

pub(super) fn version(_: &Asked<'_>, _: &dyn Provider) -> Result<VersionInfo, Refusal> {
    Ok(VersionInfo { spark: RELEASE })
}

pub(super) fn applications(
    asked: &Asked<'_>,
    provider: &dyn Provider,
) -> Result<Vec<ApplicationInfo>, Refusal> {
    let status: Vec<ApplicationStatus> = asked.choices("status")?;
    let range = |low, high| {
        let from = asked.date(low, At(i64::MIN))?;
        Ok(from..=asked.date(high, At(i64::MAX))?)
    };
    let started = range("minDate", "maxDate")?;
    let ended = range("minEndDate", "maxEndDate")?;
    let limit = asked.count("limit", usize::MAX)?;
    let is_wanted = |program: &Summary| {
        let is = match program.ended {
            None => ApplicationStatus::Running,
            Some(_) => ApplicationStatus::Completed,
        };
        (status.is_empty() || status.contains(&is))
            && started.contains(&program.started)
            // As in Spark, one that runs ends after any moment.
            && ended.contains(&program.ended.unwrap_or(At(i64::MAX)))
    };
    let all = provider.all()?.into_iter().filter(is_wanted);
    Ok(all.take(limit).map(ApplicationInfo::from).collect())
}

pub(super) fn application(call: &Call<'_>) -> Result<ApplicationInfo, Refusal> {
    let program = Summary {
        // As the address has it, which is where the rest of it is asked for.
        id: call.part("app-id").to_owned(),
        ..Summary::of(call.model)
    };
    Ok(program.into())
}

pub(super) fn attempt(call: &Call<'_>) -> Result<ApplicationAttemptInfo, Refusal> {
    let (id, attempt) = (call.part("app-id"), call.part("attempt-id"));
    let text = format!("unknown app {id}, attempt {attempt}");
    Err(Refusal::unknown(text))
}

impl From<Summary> for ApplicationInfo {
    fn from(program: Summary) -> Self {
        let start = Date(program.started);
        let end = program.ended.map_or(Date::UNKNOWN, Date);
        let updated = Date(program.ended.unwrap_or(program.last));
        // Older logs do not tell it.
        let slots = (program.slots > 0).then_some(program.slots);
        let attempt = ApplicationAttemptInfo {
            attempt_id: None,
            start_time: start,
            end_time: end,
            last_updated: updated,
            duration: program.took().millis(),
            spark_user: program.user,
            completed: program.ended.is_some(),
            app_spark_version: program.version,
            start_time_epoch: start.epoch(),
            end_time_epoch: end.epoch(),
            last_updated_epoch: updated.epoch(),
        };
        ApplicationInfo {
            id: program.id,
            name: program.name,
            cores_granted: slots,
            max_cores: slots,
            cores_per_executor: slots,
            attempts: vec![attempt],
        }
    }
}
