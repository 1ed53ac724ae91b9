//! What a thread of the driver says about the jobs that it runs from now on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Context;
use crate::error::Error;
use crate::rdd::ActionJobs;
use crate::site::Site;

/// The properties of the calling thread, which its jobs carry.
#[derive(Clone, Default)]
pub(crate) struct LocalProperties {
    pub(crate) description: Option<Arc<str>>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) tags: BTreeSet<Arc<str>>,
    pub(crate) others: Arc<BTreeMap<String, String>>,
    /// The asynchronous action that this thread runs, if it does.
    pub(crate) action: Option<Arc<ActionJobs>>,
}

thread_local! {
    static PROPERTIES: RefCell<LocalProperties> = RefCell::default();
}

/// Another thread's properties, for as long as this lives.
pub(crate) struct ThreadProperties(LocalProperties);

impl ThreadProperties {
    pub(crate) fn assume(properties: LocalProperties) -> Self {
        ThreadProperties(PROPERTIES.replace(properties))
    }
}

impl Drop for ThreadProperties {
    fn drop(&mut self) {
        PROPERTIES.set(std::mem::take(&mut self.0));
    }
}

impl LocalProperties {
    pub(crate) fn of_thread() -> Self {
        PROPERTIES.with_borrow(Clone::clone)
    }
}

fn shown(text: &str) -> Option<Arc<str>> {
    Some(text).filter(|text| !text.is_empty()).map(Arc::from)
}

/// What is set here belongs to the calling thread, whichever context it uses: jobs that it
/// runs carry it, and those of other threads do not. A thread that it starts begins with
/// nothing; asynchronous actions take along what the thread that calls them has set.
impl Context {
    /// Runs driver code whose jobs carry a group and a description, for as long as the
    /// closure runs: Spark's `setJobGroup` with an end. Empty texts mean none.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// let n = ctx.with_job_group("nightly", "count users", || ctx.range(0..3, 1, 1).count());
    /// assert_eq!(n.unwrap(), 3);
    /// ```
    pub fn with_job_group<R>(&self, group: &str, description: &str, run: impl FnOnce() -> R) -> R {
        let properties = LocalProperties {
            description: shown(description),
            group: shown(group),
            ..LocalProperties::of_thread()
        };
        let _restore = ThreadProperties::assume(properties);
        run()
    }

    /// Puts the jobs that this thread runs from now on into a group, with a description:
    /// Spark's `setJobGroup`. Empty texts mean none.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.set_job_group("nightly", "count users");
    /// ctx.range(0..3, 1, 1).count().unwrap();
    /// assert_eq!(ctx.status().jobs_in_group(Some("nightly")), [0]);
    /// ctx.clear_job_group();
    /// ```
    pub fn set_job_group(&self, group: &str, description: &str) {
        PROPERTIES.with_borrow_mut(|properties| {
            properties.group = shown(group);
            properties.description = shown(description);
        });
    }

    /// Takes group and description from the jobs that this thread runs from now on: Spark's
    /// `clearJobGroup`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.set_job_group("nightly", "count users");
    /// ctx.clear_job_group();
    /// ctx.range(0..3, 1, 1).count().unwrap();
    /// assert!(ctx.status().jobs_in_group(Some("nightly")).is_empty());
    /// ```
    pub fn clear_job_group(&self) {
        self.set_job_group("", "");
    }

    /// Describes the jobs that this thread runs from now on: Spark's `setJobDescription`.
    /// An empty text means none.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.set_job_description("count users");
    /// ctx.range(0..3, 1, 1).count().unwrap();
    /// let job = ctx.status().job(0).unwrap();
    /// assert_eq!(job.description.as_deref(), Some("count users"));
    /// # ctx.set_job_description("");
    /// ```
    pub fn set_job_description(&self, description: &str) {
        PROPERTIES.with_borrow_mut(|properties| properties.description = shown(description));
    }

    /// Tags the jobs that this thread runs from now on: Spark's `addJobTag`. A job may have
    /// many tags, and is cancelled by any of them.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.add_job_tag("reports").unwrap();
    /// ctx.range(0..3, 1, 1).count().unwrap();
    /// assert_eq!(ctx.status().jobs_with_tag("reports"), [0]);
    /// assert!(ctx.add_job_tag("a,b").is_err());
    /// # ctx.clear_job_tags();
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when the tag is empty or holds a comma, as in Spark.
    #[track_caller]
    pub fn add_job_tag(&self, tag: &str) -> Result<(), Error> {
        if tag.is_empty() || tag.contains(',') {
            return Err(Error::Build {
                site: Site::here("add_job_tag"),
                message: format!("the tag is `{tag}`; it must not be empty nor hold a comma"),
            });
        }
        PROPERTIES.with_borrow_mut(|properties| properties.tags.insert(Arc::from(tag)));
        Ok(())
    }

    /// Takes a tag away again: Spark's `removeJobTag`. Without that tag it does nothing.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.add_job_tag("reports").unwrap();
    /// ctx.remove_job_tag("reports");
    /// assert!(ctx.job_tags().is_empty());
    /// ```
    pub fn remove_job_tag(&self, tag: &str) {
        PROPERTIES.with_borrow_mut(|properties| properties.tags.remove(tag));
    }

    /// The tags of the jobs that this thread runs from now on: Spark's `getJobTags`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.add_job_tag("reports").unwrap();
    /// assert!(ctx.job_tags().contains("reports"));
    /// # ctx.clear_job_tags();
    /// ```
    #[must_use]
    pub fn job_tags(&self) -> BTreeSet<Arc<str>> {
        PROPERTIES.with_borrow(|properties| properties.tags.clone())
    }

    /// Takes every tag away: Spark's `clearJobTags`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.add_job_tag("reports").unwrap();
    /// ctx.clear_job_tags();
    /// assert!(ctx.job_tags().is_empty());
    /// ```
    pub fn clear_job_tags(&self) {
        PROPERTIES.with_borrow_mut(|properties| properties.tags.clear());
    }

    /// Sets a property of the jobs that this thread runs from now on, or takes it away with
    /// `None`: Spark's `setLocalProperty`. Listeners find it in
    /// [`crate::events::JobStarted`].
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// ctx.set_local_property("tenant", Some("north"));
    /// assert_eq!(ctx.local_property("tenant").as_deref(), Some("north"));
    /// ctx.set_local_property("tenant", None);
    /// assert_eq!(ctx.local_property("tenant"), None);
    /// ```
    pub fn set_local_property(&self, key: &str, value: Option<&str>) {
        PROPERTIES.with_borrow_mut(|properties| {
            let others = Arc::make_mut(&mut properties.others);
            match value {
                Some(value) => others.insert(key.to_owned(), value.to_owned()),
                None => others.remove(key),
            };
        });
    }

    /// A property that this thread has set: Spark's `getLocalProperty`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(1).unwrap();
    /// assert_eq!(ctx.local_property("never set"), None);
    /// ```
    #[must_use]
    pub fn local_property(&self, key: &str) -> Option<String> {
        PROPERTIES.with_borrow(|properties| properties.others.get(key).cloned())
    }
}
