//! What the program was started with.

use super::call::{Call, Refusal};
use super::described::reply;

reply! {
    /// The settings and the machine. Lists that belong to a JVM are empty.
    pub(crate) struct ApplicationEnvironmentInfo {
        runtime: RuntimeInfo,
        /// The settings, without secrets.
        spark_properties: Vec<(String, String)>,
        hadoop_properties: Vec<(String, String)>,
        /// The machine and the process.
        system_properties: Vec<(String, String)>,
        metrics_properties: Vec<(String, String)>,
        classpath_entries: Vec<(String, String)>,
        resource_profiles: Vec<String>,
    }
}

reply! {
    /// What Spark runs on; no text, as none of it is there.
    pub(crate) struct RuntimeInfo {
        java_version: String,
        java_home: String,
        scala_version: String,
    }
}

pub(super) fn environment(call: &Call<'_>) -> Result<ApplicationEnvironmentInfo, Refusal> {
    let application = &call.model.application;
    let settings = application.settings.iter();
    Ok(ApplicationEnvironmentInfo {
        spark_properties: settings
            .map(|setting| (setting.key.clone(), setting.value.clone()))
            .collect(),
        system_properties: application.runtime.clone(),
        ..ApplicationEnvironmentInfo::default()
    })
}
