//! The operators of a job, drawn: a cluster for each stage, arrows between operators.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use super::{View, format};
use crate::dag::{Cluster, Dag, Edge, Node};
use crate::model::{Job, JobState, Model, Stage, StageState};
use crate::record::{OperatorCount, OperatorRecord, Place, StagePlanRecord};

/// How many operators are drawn: the last ones, as lineages may be as long as a stream lives
/// and a page has to stay small.
const DRAWN: usize = 150;

/// A drawing, and what it leaves out.
pub(super) struct JobDag {
    pub(super) dag: Dag,
    /// How many operators are known and not drawn.
    pub(super) left_out: usize,
    /// There are operators before these that the plan of the job does not list.
    pub(super) is_truncated: bool,
}

/// A drawing that can be closed, under its heading.
pub(super) fn section(drawing: &JobDag) -> Markup {
    html! {
        details #dag-section open {
            summary { "DAG visualization" }
            @if let Some(missing) = missing(drawing) { p.dim { (missing) } }
            (drawing.dag.draw())
            p.legend {
                span.key.cached { "kept" } " " span.key.skipped { "skipped" } " "
                span.key.shuffle { "shuffle" }
            }
        }
    }
}

fn missing(drawing: &JobDag) -> Option<String> {
    let left_out = drawing.left_out;
    match (left_out, drawing.is_truncated) {
        (0, false) => None,
        (_, false) => Some(format!("{left_out} earlier operators are not drawn.")),
        (0, true) => Some(
            "Earlier operators are not drawn: the job has more than its plan lists.".to_owned(),
        ),
        (_, true) => Some(format!(
            "More than {left_out} earlier operators are not drawn: the job has more than its \
             plan lists."
        )),
    }
}

/// Whether operators of the wanted stages may not be listed: a plan lists those of the last
/// stages, so they are missing at or before the first stage that has any.
fn is_truncated(job: &Job, is_wanted: impl Fn(&StagePlanRecord) -> bool) -> bool {
    let stages = &job.start.stages;
    let listed = stages.iter().position(|plan| !plan.operators.is_empty());
    let (cut, _) = stages.split_at(listed.map_or(stages.len(), |first| first + 1));
    job.start.is_truncated && cut.iter().any(is_wanted)
}

/// A stage of the drawing.
struct Drawn<'a> {
    plan: &'a StagePlanRecord,
    stage: Option<&'a Stage>,
    state: StageState,
    /// What its operators counted; nothing if another job ran it.
    counts: BTreeMap<u64, OperatorCount>,
}

/// Boxes by stage and RDD.
struct Boxes<'a> {
    operators: BTreeMap<u64, &'a OperatorRecord>,
    known: BTreeMap<(u64, u64), usize>,
    dag: Dag,
}

impl JobDag {
    pub(super) fn of_job(view: &View<'_>, job: &Job) -> Self {
        let label = format!("Stages and operators of job {}", job.id());
        draw(view, job, label, |_| true)
    }

    /// Only what is in one stage.
    pub(super) fn of_stage(view: &View<'_>, job: &Job, stage: u64) -> Self {
        let label = format!("Operators of stage {stage}");
        draw(view, job, label, |plan| plan.stage == stage)
    }
}

fn draw(
    view: &View<'_>,
    job: &Job,
    label: String,
    is_wanted: impl Fn(&StagePlanRecord) -> bool,
) -> JobDag {
    let wanted = job.start.stages.iter().filter(|plan| is_wanted(plan));
    let mut left = DRAWN;
    // The result is at the end: what is left out is what came first.
    let mut stages: Vec<(Drawn<'_>, &[u64])> = Vec::new();
    let mut left_out = 0;
    for plan in wanted.rev() {
        let all = plan.operators.as_slice();
        let kept = all.len().min(left);
        left -= kept.max(1).min(left);
        left_out += all.len() - kept;
        if kept > 0 || (all.is_empty() && left > 0) {
            stages.push((Drawn::new(view.model, job, plan), &all[all.len() - kept..]));
        }
    }
    stages.reverse();
    let operators = job.start.operators.iter();
    let mut boxes = Boxes {
        operators: operators.map(|operator| (operator.rdd, operator)).collect(),
        known: BTreeMap::new(),
        dag: Dag {
            id: "dag".to_owned(),
            label,
            ..Dag::default()
        },
    };
    for (stage, rdds) in &stages {
        boxes.add_stage(stage, rdds, view.stage(stage.plan.stage));
    }
    let drawn: Vec<_> = stages.iter().map(|(stage, _)| stage).collect();
    boxes.join(&drawn);
    JobDag {
        dag: boxes.dag,
        left_out,
        is_truncated: is_truncated(job, is_wanted),
    }
}

impl<'a> Drawn<'a> {
    fn new(model: &'a Model, job: &Job, plan: &'a StagePlanRecord) -> Self {
        let stage = model.jobs.stages.get(&plan.stage);
        let state = match stage {
            Some(stage) => job.state_of(stage),
            None if plan.is_skipped => StageState::Skipped,
            // It is forgotten.
            None if job.state() == JobState::Succeeded => StageState::Complete,
            None => StageState::Pending,
        };
        let is_ours = state != StageState::Skipped;
        let counts = stage.filter(|_| is_ours).into_iter();
        let counts = counts.flat_map(|stage| &stage.operators);
        Drawn {
            plan,
            stage,
            state,
            counts: counts.map(|count| (count.rdd, *count)).collect(),
        }
    }

    fn class(&self) -> &'static str {
        match self.state {
            StageState::Skipped => "skipped",
            StageState::Failed => "failed",
            StageState::Pending | StageState::Active | StageState::Complete => "",
        }
    }

    /// Where the user's program made it.
    fn place(&self) -> &Place {
        match self.stage {
            Some(stage) if self.plan.at.operator.is_empty() => &stage.place,
            _ => &self.plan.at,
        }
    }

    fn title(&self) -> String {
        match self.state {
            StageState::Skipped => format!("Stage {} (skipped)", self.plan.stage),
            _ => format!("Stage {}", self.plan.stage),
        }
    }
}

impl<'a> Boxes<'a> {
    fn add_stage(&mut self, stage: &Drawn<'_>, rdds: &[u64], href: String) {
        let first = self.dag.nodes.len();
        for rdd in rdds {
            let key = (stage.plan.stage, *rdd);
            self.known.insert(key, self.dag.nodes.len());
            let operator = self.operators.get(rdd).copied();
            self.dag.nodes.push(operator_box(stage, *rdd, operator));
        }
        if rdds.is_empty() {
            // Nothing is known of what is in it.
            self.dag.nodes.push(stage_box(stage));
        }
        self.dag.clusters.push(Cluster {
            id: format!("stage-{}", stage.plan.stage),
            class: stage.class(),
            title: stage.title(),
            href,
            nodes: (first..self.dag.nodes.len()).collect(),
        });
    }

    fn join(&mut self, stages: &[&Drawn<'_>]) {
        let mut joined = BTreeSet::new();
        for (at, stage) in stages.iter().enumerate() {
            for rdd in &stage.plan.operators {
                let Some(operator) = self.operators.get(rdd).copied() else {
                    continue;
                };
                for parent in &operator.parents {
                    if let Some(from) = self.join_operators(stages, stage, *parent, *rdd) {
                        joined.insert((from, stage.plan.stage));
                    }
                }
            }
            // Stages that wait for each other although no operator says why.
            for needed in &stage.plan.needs {
                let from = stages.iter().position(|other| other.plan.stage == *needed);
                if let (Some(from), false) = (from, joined.contains(&(*needed, stage.plan.stage))) {
                    let clusters = &self.dag.clusters;
                    let from_box = clusters[from].nodes.last().copied();
                    let to_box = clusters[at].nodes.first().copied();
                    if let (Some(from_box), Some(to_box)) = (from_box, to_box) {
                        self.dag.edges.push(shuffle(stages[from], from_box, to_box));
                    }
                }
            }
        }
    }

    /// Joins an operator to one that it reads, and says in which stage that one is.
    fn join_operators(
        &mut self,
        stages: &[&Drawn<'_>],
        stage: &Drawn<'_>,
        parent: u64,
        rdd: u64,
    ) -> Option<u64> {
        let to = *self.known.get(&(stage.plan.stage, rdd))?;
        if let Some(&from) = self.known.get(&(stage.plan.stage, parent)) {
            let readers = stage.plan.operators.iter().filter(|reader| {
                let reader = self.operators.get(*reader);
                reader.is_some_and(|reader| reader.parents.contains(&parent))
            });
            // What one of several readers was given is not counted by itself.
            let count = stage.counts.get(&parent).filter(|_| readers.count() == 1);
            self.dag.edges.push(Edge {
                from,
                to,
                label: count.map(|count| format::count(count.records)),
                is_shuffle: false,
            });
            return Some(stage.plan.stage);
        }
        let needs = |other: &&&Drawn<'_>| stage.plan.needs.contains(&other.plan.stage);
        let mut sources = stages.iter().filter(needs);
        let source = sources.find(|other| self.known.contains_key(&(other.plan.stage, parent)))?;
        let from = self.known[&(source.plan.stage, parent)];
        self.dag.edges.push(shuffle(source, from, to));
        Some(source.plan.stage)
    }
}

fn shuffle(source: &Drawn<'_>, from: usize, to: usize) -> Edge {
    let ran = source
        .stage
        .filter(|_| source.state == StageState::Complete);
    Edge {
        from,
        to,
        label: ran.map(|stage| format::count(stage.counts.shuffle_records_written)),
        is_shuffle: true,
    }
}

fn operator_box(stage: &Drawn<'_>, rdd: u64, operator: Option<&OperatorRecord>) -> Node {
    let id = format!("{}-{rdd}", stage.plan.stage);
    let Some(operator) = operator else {
        return Node {
            id,
            class: stage.class(),
            lines: vec![format!("RDD {rdd}")],
            tip: format!("RDD {rdd}"),
        };
    };
    let counted = stage.counts.get(&rdd).map(|count| {
        let records = format::counted(count.records, "record");
        format!("{records} · {}", format::length(count.time))
    });
    let scope = operator.scope.as_ref().map(|(_, name)| name.clone());
    let mut lines = vec![
        operator
            .name
            .clone()
            .unwrap_or(operator.at.operator.to_string()),
    ];
    lines.extend(
        scope
            .iter()
            .filter(|name| **name != lines[0])
            .cloned()
            .collect::<Vec<_>>(),
    );
    lines.push(format::short_line(&operator.at.line));
    lines.extend(counted.clone());
    let mut tip = vec![
        format!(
            "RDD {rdd}: {} at {}",
            operator.at.operator, operator.at.line
        ),
        format!("{} partitions", operator.partitions),
    ];
    tip.extend(operator.name.as_ref().map(|name| format!("name: {name}")));
    tip.extend(scope.map(|scope| format!("made for: {scope}")));
    if !operator.level.is_empty() {
        let all = if operator.is_cached {
            ", all of it is"
        } else {
            ""
        };
        tip.push(format!("kept: {}{all}", operator.level));
    }
    tip.extend(counted);
    Node {
        id,
        class: match (operator.is_cached, stage.class()) {
            (true, "") => "cached",
            (_, class) => class,
        },
        lines,
        tip: tip.join("\n"),
    }
}

fn stage_box(stage: &Drawn<'_>) -> Node {
    let place = stage.place();
    Node {
        id: format!("{}-all", stage.plan.stage),
        class: stage.class(),
        lines: vec![place.operator.to_string(), format::short_line(&place.line)],
        tip: format!("{} at {}", place.operator, place.line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{JobStart, Record};
    use crate::testing;

    fn drawing(model: &Model, job: u64) -> JobDag {
        testing::view(model, "/", |view| {
            JobDag::of_job(view, &model.jobs.jobs[&job])
        })
    }

    fn dag(job: u64) -> Dag {
        let model = testing::history::model();
        drawing(&model, job).dag
    }

    /// The arrows by the `id`s of their boxes, with their labels.
    fn arrows(dag: &Dag) -> Vec<(&str, &str, Option<&str>, bool)> {
        let id = |place: usize| dag.nodes[place].id.as_str();
        let arrow = |edge: &'_ Edge| (edge.from, edge.to, edge.is_shuffle);
        let arrows = dag
            .edges
            .iter()
            .map(|edge| (arrow(edge), edge.label.as_deref()));
        arrows
            .map(|((from, to, is_shuffle), label)| (id(from), id(to), label, is_shuffle))
            .collect()
    }

    #[test]
    fn operators_are_joined_within_stages_and_by_shuffles() {
        let dag = dag(0);
        assert_eq!(
            arrows(&dag),
            [
                ("0-0", "0-2", Some("100"), false),
                ("0-1", "0-2", Some("7"), false),
                ("0-2", "1-3", Some("55"), true)
            ]
        );
        let titles: Vec<_> = dag.clusters.iter().map(|one| one.title.as_str()).collect();
        assert_eq!(titles, ["Stage 0", "Stage 1"]);
        assert_eq!(
            dag.nodes[2].lines,
            [
                "union",
                "union @ 16:00:01",
                "src/main.rs:12",
                "420 records · 9.00 ms"
            ]
        );
    }

    #[test]
    fn skipped_stages_are_grey_and_count_nothing() {
        let dag = dag(1);
        assert_eq!(
            arrows(&dag),
            [
                ("0-0", "0-2", None, false),
                ("0-1", "0-2", None, false),
                ("0-2", "2-3", None, true),
                ("2-3", "2-4", Some("37"), false)
            ]
        );
        assert_eq!(dag.clusters[0].title, "Stage 0 (skipped)");
        let classes: Vec<_> = dag.nodes.iter().map(|node| node.class).collect();
        assert_eq!(classes, ["skipped", "skipped", "skipped", "", "cached"]);
        assert!(dag.nodes[4].tip.contains("kept: MEMORY_ONLY, all of it is"));
    }

    #[test]
    fn a_stage_of_which_nothing_is_known_is_one_box() {
        let dag = dag(9);
        assert_eq!(dag.nodes[0].lines, ["map", "src/main.rs:30"]);
        let plan = |stage, needs| StagePlanRecord {
            stage,
            needs,
            ..StagePlanRecord::default()
        };
        let model = testing::model_of(&[Record::JobStarted(
            JobStart {
                stages: vec![plan(1, vec![]), plan(2, vec![1])],
                ..JobStart::default()
            }
            .into(),
        )]);
        let dag = drawing(&model, 0).dag;
        assert_eq!(arrows(&dag), [("1-all", "2-all", None, true)]);
    }

    #[test]
    fn only_the_last_operators_of_a_long_lineage_are_drawn() {
        let operator = |rdd: u64| OperatorRecord {
            rdd,
            parents: rdd.checked_sub(1).into_iter().collect(),
            ..OperatorRecord::default()
        };
        let plan = |stage, rdds: std::ops::Range<u64>| StagePlanRecord {
            stage,
            operators: rdds.collect(),
            ..StagePlanRecord::default()
        };
        let start = JobStart {
            stages: vec![plan(0, 0..100), plan(1, 100..1000), plan(2, 1000..1010)],
            operators: (0..1010).map(operator).collect(),
            ..JobStart::default()
        };
        let model = testing::model_of(&[Record::JobStarted(start.into())]);
        let drawing = drawing(&model, 0);
        assert_eq!(
            (drawing.dag.nodes.len(), drawing.left_out),
            (DRAWN, 1010 - DRAWN)
        );
        assert_eq!(drawing.dag.clusters.len(), 2);
        assert_eq!(drawing.dag.nodes[DRAWN - 1].id, "2-1009");
        let page = section(&drawing).into_string();
        assert!(page.contains("860 earlier operators are not drawn."));
        assert!(page.len() < 120_000, "{} bytes", page.len());
    }

    #[test]
    fn a_plan_that_does_not_list_all_operators_says_so_where_they_are_missing() {
        let operator = |rdd| OperatorRecord {
            rdd,
            ..OperatorRecord::default()
        };
        let plan = |stage, operators: std::ops::Range<u64>| StagePlanRecord {
            stage,
            operators: operators.collect(),
            ..StagePlanRecord::default()
        };
        let model = |listed: u64| {
            let rest = listed..listed + 2;
            testing::model_of(&[Record::JobStarted(
                JobStart {
                    stages: vec![plan(0, 0..0), plan(1, 0..listed), plan(2, rest)],
                    operators: (0..listed + 2).map(operator).collect(),
                    is_truncated: true,
                    ..JobStart::default()
                }
                .into(),
            )])
        };
        let few = model(3);
        let all = section(&drawing(&few, 0)).into_string();
        assert!(
            all.contains("the job has more than its plan lists"),
            "{all}"
        );
        let of_stage = |stage| {
            let draw = |view: &View<'_>| JobDag::of_stage(view, &few.jobs.jobs[&0], stage);
            testing::view(&few, "/", draw).is_truncated
        };
        assert_eq!([0, 1, 2].map(of_stage), [true, true, false]);
        let many = section(&drawing(&model(200), 0)).into_string();
        assert!(
            many.contains("More than 52 earlier operators are not drawn"),
            "{many}"
        );
    }
}
