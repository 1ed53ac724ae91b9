//! `headwater doctor`: whether a machine is fit for streams.
//!
//! Each file measures one part of the machine and judges what it measured; the judgements are
//! functions of the measurements.

mod checkpoint;
mod clock;
mod directory;
mod limits;
mod machine;
mod ports;
mod report;
mod settings;
mod toolchain;

use std::env;
use std::path::Path;

use clap::Args;
use headwater_core::Conf;

use crate::answer::Answer;
use crate::error::CliError;

use clock::Began;
use report::Report;

const EXAMPLES: &str = "\
Examples:
  headwater doctor
  headwater doctor --checkpoint /var/lib/wordcount
  headwater doctor --json | jq '.checks[] | select(.status != \"ok\")'

It exits with 1 if something failed, and with 0 if there are warnings at most.";

/// What to check.
///
/// It looks at the Rust toolchain, processors, memory, limits, ports, the directories for
/// temporary files and of this process with the time that a synchronised write takes, the clock,
/// and the settings in HEADWATER_* variables. What it writes to measure is gone when it ends.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// Also check this checkpoint directory, a path or the URL of an object store
    #[arg(long, value_name = "URL")]
    checkpoint: Option<String>,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(doctor: &Doctor) -> Result<Answer, CliError> {
    // The clock is watched while everything else is looked at.
    let began = Began::now();
    let conf = Conf::new().with_env();
    let here = env::current_dir().map_err(CliError::io("find", "."))?;
    let temporary = conf.local_dir().unwrap_or_else(|_| env::temp_dir());
    let mut checks = vec![toolchain::check()];
    checks.extend(settings::check(&conf));
    checks.push(machine::slots(&conf));
    checks.push(machine::cpu_limit());
    checks.push(machine::memory(&conf));
    checks.push(limits::open_files());
    checks.extend(ports::check(&conf));
    checks.push(directory::check("temporary files", &temporary, false));
    checks.push(directory::check("this directory", &here, true));
    if let Some(url) = &doctor.checkpoint {
        checks.extend(checkpoint::check(url));
    }
    checks.extend([began.check(), clock::zone()]);
    let report = Report::new(checks);
    Answer::found(&report, doctor.json, report.is_well)
}

/// The text of a small file of the system, where there is one.
fn system_file(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_to_string(path).ok()
}
