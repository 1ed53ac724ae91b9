//! The program: a list of one, since a server shows one.

use super::call::{Call, Refusal};
use super::date::Date;
use super::described::{choices, reply};
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
        spark: String,
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

pub(super) fn version(call: &Call<'_>) -> Result<VersionInfo, Refusal> {
    Ok(VersionInfo {
        spark: call.model.application.version.clone(),
    })
}

pub(super) fn applications(call: &Call<'_>) -> Result<Vec<ApplicationInfo>, Refusal> {
    let status: Vec<ApplicationStatus> = call.choices("status")?;
    let range = |low, high| {
        Ok((
            call.date(low, At(i64::MIN))?,
            call.date(high, At(i64::MAX))?,
        ))
    };
    let (start_min, start_max) = range("minDate", "maxDate")?;
    let (end_min, end_max) = range("minEndDate", "maxEndDate")?;
    let limit = call.count("limit", usize::MAX)?;
    let model = call.model;
    let is = match model.ended {
        None => ApplicationStatus::Running,
        Some(_) => ApplicationStatus::Completed,
    };
    let started = model.application.started;
    // As in Spark, one that runs ends after any moment.
    let ended = model.ended.unwrap_or(At(i64::MAX));
    let is_wanted = (status.is_empty() || status.contains(&is))
        && (start_min..=start_max).contains(&started)
        && (end_min..=end_max).contains(&ended);
    let all = is_wanted.then(|| info(call));
    Ok(all.into_iter().take(limit).collect())
}

pub(super) fn application(call: &Call<'_>) -> Result<ApplicationInfo, Refusal> {
    Ok(info(call))
}

pub(super) fn attempt(call: &Call<'_>) -> Result<ApplicationAttemptInfo, Refusal> {
    let (id, attempt) = (call.part("app-id"), call.part("attempt-id"));
    let text = format!("unknown app {id}, attempt {attempt}");
    Err(Refusal::unknown(text))
}

fn info(call: &Call<'_>) -> ApplicationInfo {
    let (model, application) = (call.model, &call.model.application);
    let start = Date(application.started);
    let end = model.ended.map_or(Date::UNKNOWN, Date);
    let updated = Date(model.ended.unwrap_or(model.last));
    let attempt = ApplicationAttemptInfo {
        attempt_id: None,
        start_time: start,
        end_time: end,
        last_updated: updated,
        duration: updated.0.since(start.0).millis(),
        spark_user: application.user.clone(),
        completed: model.ended.is_some(),
        app_spark_version: application.version.clone(),
        start_time_epoch: start.epoch(),
        end_time_epoch: end.epoch(),
        last_updated_epoch: updated.epoch(),
    };
    ApplicationInfo {
        id: application.id.clone(),
        name: application.name.clone(),
        cores_granted: Some(application.slots),
        max_cores: Some(application.slots),
        cores_per_executor: Some(application.slots),
        attempts: vec![attempt],
    }
}
