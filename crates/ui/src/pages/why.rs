//! Why a batch was slow, in one sentence.

use jiff::tz::TimeZone;

use super::format::{batch_time, counted, length, named_place, place};
use crate::model::{Blamed, Cause};
use crate::record::Took;

impl Cause {
    /// The cause as a sentence.
    pub(crate) fn sentence(&self, interval: Took, zone: &TimeZone) -> String {
        match self {
            Cause::Waited {
                length: took,
                before,
            } => {
                let before = match before {
                    Some(time) => format!("batch of {}", batch_time(*time, interval, zone)),
                    None => "batch before it".to_owned(),
                };
                format!("It waited {} for the {before}.", length(*took))
            }
            Cause::Journal { length: took } => {
                format!("Writing its entries to the journal took {}.", length(*took))
            }
            Cause::Code {
                output,
                length: took,
            } => {
                let took = length(*took);
                of_output(output, &format!("took {took} outside of its jobs"))
            }
            Cause::Output {
                output,
                length: took,
            } => {
                let took = length(*took);
                of_output(output, &format!("took {took}, most of the processing time"))
            }
            Cause::Skewed { .. } | Cause::Retried { .. } | Cause::Stage { .. } => self.of_stage(),
        }
    }

    /// The sentence of a cause that lies in a stage; empty for others.
    fn of_stage(&self) -> String {
        match self {
            Cause::Skewed {
                stage,
                partition,
                records,
                length: took,
                median,
            } => format!(
                "One partition is skewed: partition {partition} of {} took {} for {}, while the \
                 median task took {}.",
                place(stage),
                length(*took),
                counted(*records, "record"),
                length(*median)
            ),
            Cause::Retried {
                stage,
                partition,
                attempts,
                length: took,
            } => format!(
                "A retry: partition {partition} of {} was tried {attempts} times, and attempts \
                 that failed took {}.",
                place(stage),
                length(*took)
            ),
            Cause::Stage {
                stage,
                length: took,
                tasks,
            } => format!(
                "It had that much to do: the longest stage, {}, took {} for {}.",
                place(stage),
                length(*took),
                counted(*tasks as u64, "task")
            ),
            _ => String::new(),
        }
    }
}

/// What an output did, and how often it was tried.
fn of_output(output: &Blamed, what: &str) -> String {
    let tries = match output.attempts {
        0 | 1 => String::new(),
        attempts => format!(", and was tried {attempts} times"),
    };
    format!(
        "Output {}, {}, {what}{tries}.",
        output.output,
        named_place(output.name.as_deref(), &output.at)
    )
}
