//! The commands about checkpoints.

use std::fmt::Display;

use headwater_store::{Location, StoreError};
use headwater_streaming::checkpoint::{CheckpointSummary, ProgramDescription};
use headwater_streaming::clock::{Clock, SystemClock};
use headwater_streaming::time::Time;
use serde::Serialize;

use crate::answer::Answer;
use crate::error::CliError;
use crate::options::{CheckpointCommand, Diff, How, Inspect};

pub(crate) fn run(command: &CheckpointCommand) -> Result<Answer, CliError> {
    match command {
        CheckpointCommand::Inspect(inspect) => run_inspect(inspect),
        CheckpointCommand::Diff(diff) => run_diff(diff),
    }
}

fn run_inspect(Inspect { directory, how }: &Inspect) -> Result<Answer, CliError> {
    let summary = CheckpointSummary::read(directory, how.now())?;
    how.answer(&summary, summary.restart.goes_on)
}

fn run_diff(diff: &Diff) -> Result<Answer, CliError> {
    let how = &diff.how;
    let summary = CheckpointSummary::read(&diff.directory, how.now())?;
    let program = program(&diff.program, how.now())?;
    let answer = summary.diff(&program, &diff.allow);
    how.answer(&answer, answer.goes_on())
}

/// The program that a file describes, or that has left a checkpoint.
fn program(file_or_directory: &str, now: Time) -> Result<ProgramDescription, CliError> {
    let at = Location::at(file_or_directory)?;
    match at.head() {
        Ok(_) => Ok(ProgramDescription::from_json(&String::from_utf8_lossy(
            &at.get()?,
        ))?),
        Err(StoreError::NotFound { .. }) => {
            let summary = CheckpointSummary::read(file_or_directory, now)?;
            let stream = summary.stream.map(|stream| stream.program);
            stream.ok_or_else(|| CliError::NoProgram {
                place: file_or_directory.to_owned(),
            })
        }
        Err(error) => Err(error.into()),
    }
}

impl How {
    fn now(&self) -> Time {
        self.now.unwrap_or_else(|| SystemClock.now())
    }

    fn answer(
        &self,
        found: &(impl Display + Serialize),
        is_well: bool,
    ) -> Result<Answer, CliError> {
        Answer::found(found, self.json, is_well)
    }
}
