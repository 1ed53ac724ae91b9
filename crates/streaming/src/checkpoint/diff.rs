//! What a program would take from a checkpoint, and what would be lost.

mod show;

use headwater_core::conf::ConfValue;
use serde::{Deserialize, Serialize};

use super::describe::{PartDescription, PartKind, ProgramDescription, describe_all};
use super::matching::{Allowed, Matching, match_programs, other_batches};
use super::outputs::Outputs;
use super::positions::{Sources, keep_to_sources};
use super::program::{Part, Program};
use super::report::without_dropped;
use super::summary::{
    BlockCount, CheckpointSummary, InputSummary, Problem, StreamSummary, TakenRange,
};
use crate::conf;

/// What becomes of a checkpoint when a program goes on from it: [`CheckpointSummary::diff`].
///
/// It displays as a report for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckpointDiff {
    /// The checkpoint directory.
    pub directory: String,
    /// What `streaming.checkpoint.allow` was taken to be.
    pub allowed: String,
    /// The parts of the program, then those of the checkpoint that have no place in it.
    pub parts: Vec<PartDiff>,
    /// Why `start` would refuse the program; empty if it would go on.
    pub refused: Vec<String>,
    /// What goes on with less than there was, as is allowed: `start` warns of it.
    pub warnings: Vec<String>,
    /// What `streaming.checkpoint.allow` has to be so that the program goes on, with renames
    /// where they may be meant; none if nothing has to be allowed, or if that is not enough.
    pub allow: Option<String>,
}

/// What becomes of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartDiff {
    /// What it is.
    pub kind: PartKind,
    /// The part of the program, or that of the checkpoint where the program has none.
    pub part: PartDescription,
    /// What becomes of it.
    pub fate: PartFate,
    /// How many bytes the checkpoint has of it.
    pub bytes: u64,
    /// How many received records wait in it.
    pub records: u64,
    /// What could be done; none if nothing is to be done.
    pub advice: Option<String>,
}

/// What becomes of a part of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartFate {
    /// It goes on with what is there.
    GoesOn,
    /// It goes on from a part with another name.
    Renamed {
        /// The label of that part.
        from: String,
    },
    /// It takes over what is there, in another form.
    Migrates {
        /// The operator and the record type that it had.
        from: String,
    },
    /// It has the name of a part that holds something else.
    Misfit {
        /// The operator and the record type that it had.
        from: String,
    },
    /// The checkpoint does not know it: it begins empty.
    New,
    /// The program has no place for it, and that is allowed.
    Dropped,
    /// The program has no place for it, and that is not allowed.
    Lost,
    /// The program does not have it any more, and nothing is lost with it: it is an output.
    Gone,
}

impl CheckpointSummary {
    /// What a program would take from the checkpoint, and what would be lost, with what
    /// `allowed` confirms (`streaming.checkpoint.allow`). It is decided as `start` decides it.
    ///
    /// Where nothing is there, everything is new.
    ///
    /// ```
    /// use headwater_streaming::DStream;
    /// use headwater_streaming::checkpoint::CheckpointSummary;
    /// use headwater_streaming::conf::Allowed;
    /// use headwater_streaming::testing::TestStream;
    /// use headwater_streaming::time::{Time, seconds};
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let directory = dir.path().to_str().unwrap();
    /// let build = |name: &str| {
    ///     let test = TestStream::new(seconds(1));
    ///     let ones = test.context().stream_by_time(|_| vec![('b', 1)]);
    ///     let count = |new: Vec<i32>, old: Option<usize>| Some(old.unwrap_or(0) + new.len());
    ///     test.collect(&ones.update_state_by_key(count).named(name));
    ///     test
    /// };
    /// let test = build("counts");
    /// test.context().checkpoint(directory).unwrap();
    /// test.run(2);
    ///
    /// let summary = CheckpointSummary::read(directory, Time::from_millis(2_000)).unwrap();
    /// let renamed = build("batches").context().describe();
    /// let diff = summary.diff(&renamed, &Allowed::default());
    /// assert_eq!(diff.allow.as_deref(), Some("rename:counts=batches"));
    /// assert!(summary.diff(&renamed, &"rename:counts=batches".parse().unwrap()).goes_on());
    /// ```
    #[must_use]
    pub fn diff(&self, program: &ProgramDescription, allowed: &conf::Allowed) -> CheckpointDiff {
        let new = &program.0;
        let damage = Damage::of(&self.problems, &allowed.0);
        let mut refused = damage.refused;
        let nothing = StreamSummary::nothing(new);
        let stream = self.stream.as_ref().unwrap_or(&nothing);
        let comparison = Comparison {
            stream,
            old: &stream.program.0,
            new,
            allowed: &allowed.0,
        };
        refused.extend(other_batches(comparison.old, new));
        let (states, inputs) = match_programs(comparison.old, new, &allowed.0);
        let parts = comparison.parts(&states, &inputs);
        let would_help = refused.is_empty();
        let mut warnings = damage.allowed;
        warnings.extend(stream.bereft(&parts));
        let asks_for_damage = !damage.to_allow.is_empty();
        refused.extend(damage.to_allow);
        refused.extend(states.problems.into_iter().chain(inputs.problems));
        let allow = comparison.confirmation(&parts, asks_for_damage);
        CheckpointDiff {
            directory: self.directory.clone(),
            allowed: allowed.conf_text(),
            allow: allow.filter(|_| would_help && !refused.is_empty()),
            refused,
            warnings,
            parts,
        }
    }
}

/// What is damaged, by what becomes of it.
#[derive(Default)]
struct Damage {
    refused: Vec<String>,
    /// What is refused, and would not be if damage were allowed.
    to_allow: Vec<String>,
    allowed: Vec<String>,
}

impl Damage {
    fn of(problems: &[Problem], allowed: &Allowed) -> Self {
        let mut damage = Damage::default();
        for problem in problems.iter().filter(|problem| problem.stops_restart) {
            let why = format!("{}; {}", problem.what, problem.advice);
            match (problem.may_be_allowed, allowed.damage()) {
                (true, true) => damage.allowed.push(problem.what.clone()),
                (true, false) => damage.to_allow.push(why),
                (false, _) => damage.refused.push(why),
            }
        }
        damage
    }
}

impl CheckpointDiff {
    /// Refuses, as a start does, what would get the position of another source.
    pub(crate) fn ask_sources(
        &mut self,
        summary: &CheckpointSummary,
        new: &Program,
        allowed: &conf::Allowed,
        sources: &Sources<'_>,
    ) {
        let Some(stream) = &summary.stream else {
            return;
        };
        let (old, allowed) = (&stream.program.0, &allowed.0);
        let (_, mut inputs) = match_programs(old, new, allowed);
        inputs.problems.clear();
        let position = |input: usize| stream.inputs.get(input)?.position.as_deref();
        let parts = (old.inputs.as_slice(), new.inputs.as_slice());
        keep_to_sources(&mut inputs, parts, position, allowed, sources);
        if !inputs.problems.is_empty() {
            self.allow = None;
            self.refused.append(&mut inputs.problems);
        }
    }

    /// Whether the program would go on, and nothing would be lost but what may be.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.refused.is_empty()
    }
}

impl StreamSummary {
    /// A program that has left nothing.
    fn nothing(like: &Program) -> Self {
        let program = Program {
            states: Vec::new(),
            inputs: Vec::new(),
            outputs: Outputs::default(),
            ..like.clone()
        };
        StreamSummary {
            program: ProgramDescription::of(program),
            zero: crate::time::Time::ZERO,
            last_done: None,
            unfinished: Vec::new(),
            missed: super::MissedBatches::default(),
            inputs: Vec::new(),
            states: Vec::new(),
            oldest_needed: 0,
        }
    }

    /// Tells which unfinished batches run without what an input gave them that is dropped.
    fn bereft(&self, parts: &[PartDiff]) -> Option<String> {
        let is_input = |part: &&PartDiff| part.kind == PartKind::Input;
        let inputs = parts.iter().filter(is_input);
        let dropped: Vec<_> = inputs
            .filter(|part| part.fate == PartFate::Dropped)
            .map(|part| part.part.label.as_str())
            .collect();
        let is_lost = |taken: &TakenRange| {
            !taken.range.holds_nothing() && dropped.contains(&taken.input.as_str())
        };
        let unfinished = self.unfinished.iter();
        let bereft = unfinished.filter(|batch| batch.inputs.iter().any(is_lost));
        without_dropped(&bereft.map(|batch| batch.time).collect::<Vec<_>>())
    }

    /// How many bytes and records there are of a part.
    fn holds(&self, kind: PartKind, place: usize) -> (u64, u64) {
        let blocks = || self.inputs.get(place).map(InputSummary::blocks);
        match kind {
            PartKind::State => {
                let bytes = self.states.get(place).map(super::StateSummary::bytes);
                (bytes.unwrap_or_default(), 0)
            }
            PartKind::Input => {
                let BlockCount { records, bytes, .. } = blocks().unwrap_or_default();
                (bytes, records)
            }
            PartKind::Output => (0, 0),
        }
    }
}

/// A program beside the one that left the checkpoint.
struct Comparison<'a> {
    stream: &'a StreamSummary,
    old: &'a Program,
    new: &'a Program,
    allowed: &'a Allowed,
}

impl Comparison<'_> {
    fn parts(&self, states: &Matching, inputs: &Matching) -> Vec<PartDiff> {
        let (old, new) = (self.old, self.new);
        let mut parts = self.of_kind(PartKind::State, (&old.states, &new.states), states);
        parts.extend(self.of_kind(PartKind::Input, (&old.inputs, &new.inputs), inputs));
        parts.extend(self.outputs());
        parts
    }

    /// Outputs, which hold nothing that could be lost.
    fn outputs(&self) -> Vec<PartDiff> {
        let (old, new) = (&self.old.outputs, &self.new.outputs);
        let from = new.places_in(old, self.allowed);
        let before = describe_all(old.parts());
        let mut fates = Vec::new();
        for (is, place) in describe_all(new.parts()).into_iter().zip(&from) {
            let fate = match place.and_then(|place| before.get(place)) {
                None => PartFate::New,
                Some(was) => goes_on(was, &is),
            };
            fates.push((is, fate));
        }
        let gone = before.into_iter().enumerate();
        let gone = gone.filter(|(place, _)| !from.contains(&Some(*place)));
        fates.extend(gone.map(|(_, part)| (part, PartFate::Gone)));
        let part = |(part, fate)| self.part(PartKind::Output, part, None, fate, None);
        fates.into_iter().map(part).collect()
    }

    fn of_kind(
        &self,
        kind: PartKind,
        (old, new): (&[Part], &[Part]),
        matching: &Matching,
    ) -> Vec<PartDiff> {
        let (old_parts, new_parts) = (describe_all(old), describe_all(new));
        let mut diffs = Vec::new();
        for (place, (description, part)) in new_parts.into_iter().zip(new).enumerate() {
            let from = matching.from.get(place).copied().flatten();
            let known = from.and_then(|from| Some((old.get(from)?, old_parts.get(from)?)));
            let is_misfit = matching.misfits.contains(&place);
            let fate = known.map_or(PartFate::New, |known| {
                fate(known, (part, &description), is_misfit)
            });
            let advice = is_misfit.then(|| "give it another name, or a migration".to_owned());
            diffs.push(self.part(kind, description, from, fate, advice));
        }
        let is_free = |place: &usize| matching.from.get(*place) == Some(&None);
        let mut free: Vec<_> = (0..new.len()).filter(is_free).collect();
        for (place, part) in old_parts.into_iter().enumerate() {
            if matching.from.contains(&Some(place)) {
                continue;
            }
            let (fate, advice) = match self.allowed.drops(&part.label) {
                true => (PartFate::Dropped, None),
                false => {
                    let advice = confirm(&part.label, old.get(place), new, &mut free);
                    (PartFate::Lost, Some(advice))
                }
            };
            diffs.push(self.part(kind, part, Some(place), fate, advice));
        }
        diffs
    }

    /// A part that takes or loses what the old part at a place has.
    fn part(
        &self,
        kind: PartKind,
        part: PartDescription,
        of: Option<usize>,
        fate: PartFate,
        advice: Option<String>,
    ) -> PartDiff {
        let holds = of.map(|of| self.stream.holds(kind, of));
        let (bytes, records) = holds.unwrap_or_default();
        PartDiff {
            kind,
            part,
            fate,
            bytes,
            records,
            advice,
        }
    }

    /// The whole text that lets the program go on, if there is one.
    fn confirmation(&self, parts: &[PartDiff], asks_for_damage: bool) -> Option<String> {
        let given = Some(self.allowed.to_string()).filter(|given| !given.is_empty());
        let damage = asks_for_damage.then(|| "damage".to_owned());
        let lost = parts.iter().filter(|part| part.fate == PartFate::Lost);
        let advice = lost.filter_map(|part| part.advice.clone());
        let text = given
            .into_iter()
            .chain(damage)
            .chain(advice)
            .collect::<Vec<_>>()
            .join(",");
        let (states, inputs) = match_programs(self.old, self.new, &text.parse().ok()?);
        let is_enough = states.problems.is_empty() && inputs.problems.is_empty();
        is_enough.then_some(text)
    }
}

/// What becomes of a part that goes on from a known one.
fn fate(
    (old, was): (&Part, &PartDescription),
    (new, is): (&Part, &PartDescription),
    is_misfit: bool,
) -> PartFate {
    let before = || format!("{} of {}", old.operator, old.records);
    if is_misfit {
        return PartFate::Misfit { from: before() };
    }
    match old.is_like(new) {
        false => PartFate::Migrates { from: before() },
        true => goes_on(was, is),
    }
}

/// What becomes of a part that goes on as it is, but perhaps with another name.
fn goes_on(was: &PartDescription, is: &PartDescription) -> PartFate {
    // A label without a name is a place, and places change.
    match was.label == is.label || is.name.is_none() {
        true => PartFate::GoesOn,
        false => PartFate::Renamed {
            from: was.label.clone(),
        },
    }
}

/// What has to be allowed about a part without a place: a rename to a part that is like it and
/// new, if there is one, or that it is dropped.
fn confirm(label: &str, old: Option<&Part>, new: &[Part], free: &mut Vec<usize>) -> String {
    let name = |place: &usize| {
        let part = new
            .get(*place)
            .filter(|new| old.is_some_and(|old| old.is_like(new)));
        part.and_then(|part| part.name.clone())
    };
    let found = free.iter().position(|place| name(place).is_some());
    let renamed = found.and_then(|found| name(&free.remove(found)));
    match renamed {
        Some(name) => format!("rename:{label}={name}"),
        None => format!("drop:{label}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UpdateStateSpec;
    use crate::testing::TestStream;
    use crate::time::{Time, seconds};

    #[test]
    fn what_can_be_migrated_is_told_apart_from_what_does_not_fit() {
        let build = |as_text: bool, version: u32| {
            let test = TestStream::new(seconds(1));
            let ones = test.context().stream_by_time(|_| vec![('b', 1)]);
            let count = |new: Vec<i32>, old: Option<usize>| Some(old.unwrap_or(0) + new.len());
            let latest = |new: Vec<i32>, _: Option<String>| Some(format!("{new:?}"));
            let spec = UpdateStateSpec::function(latest).version(version);
            let spec = match version {
                2 => spec.migrate_from(1, |count: usize| count.to_string()),
                _ => spec,
            };
            match as_text {
                false => drop(test.collect(&ones.update_state_by_key(count).named("counts"))),
                true => drop(test.collect(&ones.update_state_by_key_with(spec).named("counts"))),
            };
            test
        };
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().to_str().unwrap();
        let old = build(false, 1);
        old.context().checkpoint(directory).unwrap();
        old.run(2);
        let summary = CheckpointSummary::read(directory, Time::from_millis(2_000)).unwrap();
        let allowed = conf::Allowed::default();
        let migrating = build(true, 2).context().describe();
        let diff = summary.diff(&migrating, &allowed);
        assert!(diff.goes_on(), "{diff}");
        assert!(
            diff.to_string()
                .contains("is migrated from update_state_by_key of")
        );
        let other = build(true, 1).context().describe();
        let diff = summary.diff(&other, &allowed);
        assert!(
            matches!(diff.parts[0].fate, PartFate::Misfit { .. }),
            "{diff}"
        );
        assert!(!diff.goes_on() && diff.allow.is_none());
    }
}
