//! What is wrong with a checkpoint, what to do about it, and what a restart would do: functions
//! of what was found.

use super::damage::ADVICE;
use super::manifest::FORMAT;
use super::report::{bytes, plural, when};
use super::restore::NO_MANIFEST;
use super::summary::{CheckpointSummary, Problem, Restart, StreamSummary};
use super::whole::Incomplete;
use crate::time::Time;

/// What to do where what a restart reads is gone.
const RESTORE: &str = "restore the file from a copy, or begin with an empty directory";

/// What is wrong, the worst first. `incomplete` is what is gone of the whole, `unfit` what the
/// journal says that cannot be true, `lacks` what a restart does not find in it, and `lacks_states`
/// what it does not find of states.
pub(super) fn problems(
    summary: &CheckpointSummary,
    incomplete: Option<Incomplete>,
    unfit: Option<String>,
    lacks: Option<String>,
    lacks_states: Option<Result<String, String>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    of_manifests(summary, &mut problems);
    if let Some(Incomplete { there, missing }) = incomplete {
        problems.push(stops(
            format!("the directory holds {there}, and {missing}"),
            "restore what is missing from a copy, or delete the directory to begin anew",
        ));
    }
    of_journal(summary, unfit, lacks, &mut problems);
    if let Some(stream) = &summary.stream {
        of_snapshots(stream, lacks_states, &mut problems);
    }
    of_other_files(summary, &mut problems);
    problems.sort_by_key(|problem| !problem.stops_restart);
    problems
}

fn stops(what: String, advice: &str) -> Problem {
    Problem {
        stops_restart: true,
        may_be_allowed: false,
        what,
        advice: advice.to_owned(),
    }
}

/// What a restart lacks, and may be allowed to go on without.
fn lacking(what: &str) -> Problem {
    Problem {
        may_be_allowed: true,
        ..stops(what.trim_end().to_owned(), ADVICE)
    }
}

fn note(what: String, advice: String) -> Problem {
    Problem {
        stops_restart: false,
        may_be_allowed: false,
        what,
        advice,
    }
}

fn of_manifests(summary: &CheckpointSummary, problems: &mut Vec<Problem>) {
    let used = summary.manifests.iter().position(|one| one.is_used);
    for (place, manifest) in summary.manifests.iter().enumerate() {
        let Some(error) = &manifest.error else {
            continue;
        };
        if manifest.format.is_some_and(|format| format > FORMAT) {
            let advice = "an older one is not used, since that would forget what was done since";
            problems.push(stops(error.clone(), advice));
            continue;
        }
        let advice = match used {
            None => continue,
            Some(used) if used < place => {
                "it is not needed: a newer one is there; it can be deleted".to_owned()
            }
            Some(_) => "an older one is used, with the journal from there on, and nothing is \
                        lost; the file can be deleted"
                .to_owned(),
        };
        problems.push(note(error.clone(), advice));
    }
    let damaged = summary.manifests.iter().filter(|one| one.format.is_none());
    let errors: Vec<_> = damaged.filter_map(|one| one.error.clone()).collect();
    if used.is_none() && !errors.is_empty() {
        problems.push(stops(errors.join("; "), NO_MANIFEST));
    }
}

fn of_journal(
    summary: &CheckpointSummary,
    unfit: Option<String>,
    lacks: Option<String>,
    problems: &mut Vec<Problem>,
) {
    let journal = &summary.journal;
    if let Some(error) = &journal.error {
        problems.push(stops(error.clone(), RESTORE));
        return;
    }
    if let Some(lacks) = lacks {
        problems.push(lacking(&lacks));
    }
    let others = journal.damaged.iter().filter(|damage| !damage.is_needed);
    problems.extend(others.map(|damage| {
        let advice = "no restart reads that part; nothing is to be done";
        note(damage.to_string(), advice.to_owned())
    }));
    if let Some(unfit) = unfit.filter(|_| summary.stream.is_some()) {
        problems.push(stops(unfit, RESTORE));
    }
}

fn of_snapshots(
    stream: &StreamSummary,
    lacks: Option<Result<String, String>>,
    problems: &mut Vec<Problem>,
) {
    match lacks {
        Some(Ok(lacks)) => problems.push(lacking(&lacks)),
        Some(Err(failed)) => {
            problems.push(stops(failed, "see that it can be read, and look again"))
        }
        None => {}
    }
    for state in &stream.states {
        let damaged = state.snapshots.iter().filter(|one| !one.is_used);
        let damaged = damaged.filter_map(|one| Some((one, one.error.as_ref()?)));
        for (snapshot, error) in damaged {
            let (partition, label) = (snapshot.partition, &state.part.label);
            let what = format!("partition {partition} of the state {label}: {error}");
            let advice = "a restart does not read it, unless a window over the state makes it \
                          begin there: then restore the file from a copy";
            problems.push(note(what, advice.to_owned()));
        }
    }
}

fn of_other_files(summary: &CheckpointSummary, problems: &mut Vec<Problem>) {
    let Some(first) = summary.other_files.first() else {
        return;
    };
    let others = summary.other_files.len() - 1;
    let more = match others {
        0 => String::new(),
        _ => format!(" and {others} more"),
    };
    problems.push(note(
        format!("{first}{more}: not a file of a checkpoint"),
        "see whether this is the right directory; such files are left alone".to_owned(),
    ));
}

/// What a restart of the same program would do.
pub(super) fn restart(summary: &CheckpointSummary) -> Restart {
    if summary.problems.iter().any(|problem| problem.stops_restart) {
        return Restart {
            goes_on: false,
            steps: vec!["refuses to start, because of what is told above".to_owned()],
        };
    }
    let Some(stream) = &summary.stream else {
        return Restart {
            goes_on: false,
            steps: vec!["begins anew: there is nothing to go on from".to_owned()],
        };
    };
    let steps = [
        summary.journal.torn.as_ref().map(|torn| {
            let length = bytes(torn.bytes);
            format!("cuts off the half-written end of the journal ({length})")
        }),
        state_step(stream),
        blocks_step(stream),
        again_step(stream),
        missed_step(stream),
        Some("goes on with the batches after that".to_owned()),
    ];
    Restart {
        goes_on: true,
        steps: steps.into_iter().flatten().collect(),
    }
}

fn state_step(stream: &StreamSummary) -> Option<String> {
    let length: u64 = stream.states.iter().map(super::StateSummary::bytes).sum();
    let count = stream.states.len() as u64;
    (count > 0).then(|| {
        format!(
            "reads {} ({})",
            plural(count, "state", "states"),
            bytes(length)
        )
    })
}

fn blocks_step(stream: &StreamSummary) -> Option<String> {
    // Those of batches that are done are read only where something looks back at them.
    let waiting = stream.inputs.iter().map(|input| input.waiting);
    let (blocks, length) = waiting.fold((0, 0), |(blocks, length), one| {
        (blocks + one.blocks, length + one.bytes)
    });
    (blocks > 0).then(|| {
        let blocks = plural(blocks, "block", "blocks");
        format!("reads {blocks} of received records ({})", bytes(length))
    })
}

fn again_step(stream: &StreamSummary) -> Option<String> {
    let (first, last) = (stream.unfinished.first()?, stream.unfinished.last()?);
    let inputs = stream.unfinished.iter().flat_map(|batch| &batch.inputs);
    let records: u64 = inputs.map(|input| input.records).sum();
    let count = stream.unfinished.len() as u64;
    let batches = plural(count, "unfinished batch", "unfinished batches");
    let times = between((first.time, last.time));
    let records = match records {
        0 => String::new(),
        _ => format!(", {}", plural(records, "record", "records")),
    };
    Some(format!(
        "runs {batches} again, on the same input: {times}{records}"
    ))
}

fn missed_step(stream: &StreamSummary) -> Option<String> {
    let times = between(stream.missed.between?);
    let batches = plural(stream.missed.batches, "batch", "batches");
    Some(format!("runs {batches} of the time since: {times}"))
}

fn between((first, last): (Time, Time)) -> String {
    match first == last {
        true => when(first),
        false => format!("{} to {}", when(first), when(last)),
    }
}
