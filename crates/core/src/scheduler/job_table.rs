//! The jobs that run, so that they can be cancelled, and those that ran lately.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;

use super::status::{JobInfo, JobStatus, StageInfo};
use crate::context::LocalProperties;
use crate::site::Site;

/// How many ended jobs are remembered, with their stages.
const ENDED_JOBS_MAX: usize = 1000;

/// How many groups are remembered whose future jobs are cancelled.
const CANCELLED_GROUPS_MAX: usize = 1000;

/// Every job of a context that runs or ended lately.
#[derive(Default)]
pub(crate) struct JobTable {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: BTreeMap<u64, Entry>,
    stages: BTreeMap<u64, StageInfo>,
    /// The ended ones, the one that ended first in front.
    ended: VecDeque<u64>,
    /// Groups that were cancelled for good, the oldest in front.
    cancelled_groups: VecDeque<Arc<str>>,
}

struct Entry {
    info: JobInfo,
    /// The job that it prepares, if it does.
    within: Option<u64>,
    /// What the job's tasks look at.
    cancelled: Arc<AtomicBool>,
}

impl JobTable {
    /// Notes a job that begins, and gives the flag that its tasks have to look at.
    pub(super) fn start(
        &self,
        job: u64,
        within: Option<u64>,
        action: Site,
        properties: &LocalProperties,
    ) -> Arc<AtomicBool> {
        let mut state = self.state.lock();
        let group = properties.group.clone();
        let too_late = group.as_ref().is_some_and(|group| {
            let mut cancelled = state.cancelled_groups.iter();
            cancelled.any(|other| other == group)
        });
        let outer = within.and_then(|outer| state.jobs.get(&outer));
        let too_late = too_late || outer.is_some_and(|o| o.cancelled.load(Ordering::Relaxed));
        let cancelled = Arc::new(AtomicBool::new(too_late));
        let info = JobInfo {
            job,
            action,
            status: JobStatus::Running,
            stages: Vec::new(),
            group,
            description: properties.description.clone(),
            tags: properties.tags.clone(),
            started: SystemTime::now(),
            ended: None,
        };
        let entry = Entry {
            info,
            within,
            cancelled: cancelled.clone(),
        };
        state.jobs.insert(job, entry);
        drop(state);
        if let Some(action) = &properties.action
            && action.joined_by(job)
        {
            cancelled.store(true, Ordering::Relaxed);
        }
        cancelled
    }

    /// Notes the stages that were planned for a job.
    pub(super) fn planned(&self, job: u64, stages: impl Iterator<Item = (u64, Site)>) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(entry) = state.jobs.get_mut(&job) else {
            return;
        };
        for (stage, site) in stages {
            entry.info.stages.push(stage);
            let info = StageInfo {
                stage,
                job,
                site,
                submitted: None,
                active: false,
                tasks: 0,
                active_tasks: 0,
                completed_tasks: 0,
                failed_tasks: 0,
            };
            state.stages.insert(stage, info);
        }
    }

    pub(super) fn stage_submitted(&self, stage: u64, tasks: usize) {
        self.change(stage, |info| {
            info.submitted = Some(SystemTime::now());
            info.active = true;
            info.tasks = tasks;
        });
    }

    pub(super) fn task_started(&self, stage: u64) {
        self.change(stage, |info| info.active_tasks += 1);
    }

    pub(super) fn task_ended(&self, stage: u64, succeeded: bool) {
        self.change(stage, |info| {
            info.active_tasks = info.active_tasks.saturating_sub(1);
            if succeeded {
                info.completed_tasks += 1;
            } else {
                info.failed_tasks += 1;
            }
        });
    }

    pub(super) fn stage_ended(&self, stage: u64) {
        self.change(stage, |info| info.active = false);
    }

    fn change(&self, stage: u64, change: impl FnOnce(&mut StageInfo)) {
        if let Some(info) = self.state.lock().stages.get_mut(&stage) {
            change(info);
        }
    }

    /// Notes the end of a job, and forgets those that ended long ago.
    pub(super) fn end(&self, job: u64, succeeded: bool) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let Some(entry) = state.jobs.get_mut(&job) else {
            return;
        };
        entry.info.ended = Some(SystemTime::now());
        entry.info.status = if succeeded {
            JobStatus::Succeeded
        } else {
            JobStatus::Failed
        };
        for stage in &entry.info.stages {
            if let Some(info) = state.stages.get_mut(stage) {
                info.active = false;
                info.active_tasks = 0;
            }
        }
        state.ended.push_back(job);
        if state.ended.len() > ENDED_JOBS_MAX
            && let Some(oldest) = state.ended.pop_front()
            && let Some(entry) = state.jobs.remove(&oldest)
        {
            for stage in entry.info.stages {
                state.stages.remove(&stage);
            }
        }
    }

    pub(crate) fn cancel(&self, job: u64) -> bool {
        self.cancel_where(|info| info.job == job)
    }

    pub(crate) fn cancel_stage(&self, stage: u64) -> bool {
        self.cancel_where(|info| info.stages.contains(&stage))
    }

    pub(crate) fn cancel_group(&self, group: &str) {
        self.cancel_where(|info| info.group.as_deref() == Some(group));
    }

    pub(crate) fn cancel_group_for_good(&self, group: &str) {
        let mut state = self.state.lock();
        let groups = &mut state.cancelled_groups;
        if !groups.iter().any(|other| &**other == group) {
            groups.push_back(Arc::from(group));
            if groups.len() > CANCELLED_GROUPS_MAX {
                groups.pop_front();
            }
        }
        drop(state);
        self.cancel_group(group);
    }

    pub(crate) fn cancel_tag(&self, tag: &str) {
        self.cancel_where(|info| info.tags.contains(tag));
    }

    pub(crate) fn cancel_all(&self) {
        self.cancel_where(|_| true);
    }

    /// Whether there was a job to cancel. What prepares a job is cancelled with it.
    fn cancel_where(&self, is_meant: impl Fn(&JobInfo) -> bool) -> bool {
        let mut meant = BTreeSet::new();
        // In the order of their numbers, so that a job comes before those that prepare it.
        for (job, entry) in &self.state.lock().jobs {
            let is_inner = entry.within.is_some_and(|outer| meant.contains(&outer));
            if entry.info.status == JobStatus::Running && (is_inner || is_meant(&entry.info)) {
                entry.cancelled.store(true, Ordering::Relaxed);
                meant.insert(*job);
            }
        }
        !meant.is_empty()
    }

    /// The action of a job, and what its tasks look at to know that it was cancelled.
    pub(super) fn flag(&self, job: u64) -> Option<(Site, Arc<AtomicBool>)> {
        let state = self.state.lock();
        let entry = state.jobs.get(&job)?;
        Some((entry.info.action, entry.cancelled.clone()))
    }

    pub(super) fn job(&self, job: u64) -> Option<JobInfo> {
        let state = self.state.lock();
        state.jobs.get(&job).map(|entry| entry.info.clone())
    }

    pub(super) fn stage(&self, stage: u64) -> Option<StageInfo> {
        self.state.lock().stages.get(&stage).cloned()
    }

    pub(super) fn active_stages(&self) -> Vec<u64> {
        let state = self.state.lock();
        let active = state.stages.values().filter(|info| info.active);
        active.map(|info| info.stage).collect()
    }

    pub(super) fn jobs_where(&self, is_wanted: impl Fn(&JobInfo) -> bool) -> Vec<u64> {
        let state = self.state.lock();
        let infos = state.jobs.values().map(|entry| &entry.info);
        infos
            .filter(|info| is_wanted(info))
            .map(|info| info.job)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_long_ago_is_forgotten() {
        let table = JobTable::default();
        let site = Site::here("count");
        let none = LocalProperties::default();
        table.start(0, None, site, &none);
        for job in 1..=ENDED_JOBS_MAX as u64 + 5 {
            table.start(job, None, site, &none);
            table.planned(job, std::iter::once((job * 10, site)));
            table.end(job, true);
        }
        assert!(table.job(5).is_none() && table.stage(50).is_none());
        assert!(table.job(6).is_some() && table.stage(60).is_some());
        let running = table.jobs_where(|info| info.status == JobStatus::Running);
        assert_eq!(running, [0], "one that runs is never forgotten");
    }

    #[test]
    fn what_prepares_a_job_is_cancelled_with_it() {
        let table = JobTable::default();
        let start = |job, within| {
            table.start(
                job,
                within,
                Site::here("count"),
                &LocalProperties::default(),
            )
        };
        let outer = start(0, None);
        let (inner, innermost, other) = (start(1, Some(0)), start(2, Some(1)), start(3, None));
        assert!(table.cancel(0));
        let late = start(4, Some(0));
        for cancelled in [outer, inner, innermost, late] {
            assert!(cancelled.load(Ordering::Relaxed));
        }
        assert!(!other.load(Ordering::Relaxed));
    }

    #[test]
    fn only_so_many_cancelled_groups_are_remembered() {
        let table = JobTable::default();
        for group in 0..=CANCELLED_GROUPS_MAX {
            table.cancel_group_for_good(&group.to_string());
        }
        let is_cancelled = |group: usize| {
            let properties = LocalProperties {
                group: Some(Arc::from(group.to_string())),
                ..LocalProperties::default()
            };
            table
                .start(group as u64, None, Site::here("count"), &properties)
                .load(Ordering::Relaxed)
        };
        assert!(!is_cancelled(0) && is_cancelled(1) && is_cancelled(CANCELLED_GROUPS_MAX));
    }
}
