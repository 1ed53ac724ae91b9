//! The lineage of an RDD as a text.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;

use super::{AnyNode, Dependency, Rdd, needs};
use crate::record::Record;
use crate::storage::{StorageInfo, StorageLevel};

/// A lineage may be as long as a stream lives; nobody reads more of it than this.
const LINES_MAX: usize = 1000;

impl<T: Record> Rdd<T> {
    /// What the RDD is made from, one line for each RDD, the newest first: Spark's
    /// `toDebugString`.
    ///
    /// A line has the RDD's name, if it was given one, the operator, the RDD's number, the
    /// user's line and the storage level. A `+-` is a shuffle, behind it the number of
    /// partitions; RDDs between two shuffles have as many as the first of them and run in
    /// one stage. Below a persisted RDD it says what is kept of it. An RDD that is met
    /// again is only named again, and a checkpointed one has nothing below it. Nothing
    /// runs: sorted RDDs show how many partitions they were asked for. Very long lineages
    /// are cut.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let words = ctx.parallelize(vec!["to", "be"], 2).map(str::to_string).named("words");
    /// let counts = words.map(|word| (word, 1)).reduce_by_key_partitioned(|a, b| a + b, 3);
    /// let lineage = counts.to_debug_string();
    /// let lines: Vec<_> = lineage.lines().collect();
    /// assert!(lines[0].starts_with("(3) reduce_by_key["));
    /// assert!(lines[2].starts_with(" +-(2) map["));
    /// assert!(lines[3].starts_with("    |  words map["));
    /// assert!(lines[4].starts_with("    |  parallelize["));
    /// ```
    #[must_use]
    pub fn to_debug_string(&self) -> String {
        let kept = self.ctx.storage_info().into_iter();
        let mut text = Lineage {
            kept: kept.map(|info| (info.rdd, info)).collect(),
            met: HashSet::new(),
            text: String::new(),
            lines: 0,
            left_out: 0,
        };
        text.write(self.node.clone().as_any_node());
        text.finish()
    }
}

/// An RDD that is still to be written.
struct Visit {
    node: Arc<dyn AnyNode>,
    /// What the lines of the RDD that it was met from begin with.
    margin: Rc<str>,
    edge: Edge,
}

enum Edge {
    /// It is the RDD whose lineage is asked for.
    First,
    Narrow,
    Shuffle,
}

struct Lineage {
    kept: HashMap<u64, StorageInfo>,
    met: HashSet<u64>,
    text: String,
    lines: usize,
    left_out: usize,
}

impl Lineage {
    fn write(&mut self, first: Arc<dyn AnyNode>) {
        // Depth first, but not by calling itself, which would take a deep stack.
        let mut ahead = vec![Visit {
            node: first,
            margin: Rc::from(""),
            edge: Edge::First,
        }];
        while let Some(visit) = ahead.pop() {
            let is_new = self.met.insert(visit.node.info().id);
            // Others of the stage that reads a shuffle may still be to come.
            let next = ahead.last();
            let goes_on = next.is_some_and(|next| Rc::ptr_eq(&next.margin, &visit.margin));
            let margin = self.write_one(&visit, is_new, goes_on);
            if is_new {
                let start = ahead.len();
                ahead.extend(parents(&visit.node, &margin));
                // The last one that is pushed is the first to be written.
                ahead.get_mut(start..).unwrap_or_default().reverse();
            }
        }
    }

    /// Writes what is said of one RDD; gives the margin of those that it is made from.
    fn write_one(&mut self, visit: &Visit, is_new: bool, goes_on: bool) -> Rc<str> {
        if self.lines >= LINES_MAX {
            self.left_out += usize::from(is_new);
            return visit.margin.clone();
        }
        let info = visit.node.info();
        let level = match info.level() {
            StorageLevel::NONE => "",
            level => level.name(),
        };
        let (lead, margin) = visit.layout(goes_on);
        let name = info.name().map(|name| format!("{name} "));
        let (operator, place) = (info.site.operator(), info.site.location());
        self.line(format_args!(
            "{lead}{}{operator}[{}] at {}:{} [{level}]{}",
            name.unwrap_or_default(),
            info.id,
            place.file(),
            place.line(),
            match (is_new, info.is_checkpointed()) {
                (false, _) => " (as above)",
                (true, true) => " (checkpointed)",
                (true, false) => "",
            }
        ));
        if is_new && let Some(kept) = self.kept.remove(&info.id) {
            self.line(format_args!(
                "{margin}    CachedPartitions: {} of {}; MemorySize: {} B; DiskSize: {} B",
                kept.cached_partitions, kept.partitions, kept.memory_bytes, kept.disk_bytes
            ));
        }
        margin
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.text, "{line}");
        self.lines += 1;
    }

    fn finish(mut self) -> String {
        if self.left_out > 0 {
            let _ = writeln!(self.text, "... and {} RDDs more", self.left_out);
        }
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

impl Visit {
    /// What the line begins with, and what those below it do.
    fn layout(&self, goes_on: bool) -> (String, Rc<str>) {
        let count = || format!("({})", self.node.partitions());
        match self.edge {
            Edge::First => (format!("{} ", count()), Rc::from(below(&count()))),
            Edge::Narrow => (self.margin.to_string(), self.margin.clone()),
            Edge::Shuffle => {
                let margin = self.margin.trim_end_matches(' ');
                let margin = margin.strip_suffix('|').unwrap_or(margin);
                let bar = if goes_on { "| " } else { "  " };
                let below = format!("{margin}{bar}{}", below(&count()));
                (format!("{margin}+-{} ", count()), Rc::from(below))
            }
        }
    }
}

/// A bar under the middle of a number of partitions.
fn below(count: &str) -> String {
    let left = (count.len() - 1) / 2;
    format!("{}|{}", " ".repeat(left), " ".repeat(count.len() - left))
}

/// What a node is made from, each input once, in their order.
fn parents(node: &Arc<dyn AnyNode>, margin: &Rc<str>) -> Vec<Visit> {
    let mut named = HashSet::new();
    needs(&**node)
        .into_iter()
        .map(|dependency| match dependency {
            Dependency::Narrow(node) => (node, Edge::Narrow),
            Dependency::Shuffle(stage) => (stage.map_side(), Edge::Shuffle),
        })
        .filter(|(node, _)| named.insert(node.info().id))
        .map(|(node, edge)| {
            let margin = margin.clone();
            Visit { node, margin, edge }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::Context;

    /// The text without the places in this file.
    fn shape(text: &str) -> Vec<String> {
        let without_place = |line: &str| match (line.find(" at "), line.rfind(" [")) {
            (Some(at), Some(level)) => format!("{}{}", &line[..at], &line[level..]),
            _ => line.to_owned(),
        };
        text.lines().map(without_place).collect()
    }

    #[test]
    fn stages_are_shown_with_their_partitions() {
        let ctx = Context::local(2).unwrap();
        let left = ctx.range(0..9, 1, 2).map(|n| (n, n)).cache();
        let right = ctx.range(0..9, 1, 12).map(|n| (n, n));
        let joined = left.join_partitioned(&right, 3).named("both").values();
        left.count().unwrap();
        let lineage = joined.to_debug_string();
        assert_eq!(
            shape(&lineage),
            [
                "(3) values[7] []",
                " |  both join[6] []",
                " |  join[4] []",
                " +-(2) map[1] [MEMORY_ONLY]",
                " |  |      CachedPartitions: 2 of 2; MemorySize: 144 B; DiskSize: 0 B",
                " |  |  range[0] []",
                " |  join[5] []",
                " +-(12) map[3] []",
                "    |   range[2] []",
            ]
        );
        assert!(lineage.contains("values[7] at ") && lineage.contains("lineage.rs:"));
    }

    #[test]
    fn an_rdd_that_is_met_again_is_only_named() {
        let ctx = Context::local(1).unwrap();
        let numbers = ctx.range(0..3, 1, 1).map(|n| n);
        let all = numbers.cartesian(&numbers.filter(|_| true));
        assert_eq!(
            shape(&all.to_debug_string()),
            [
                "(1) cartesian[3] []",
                " |  map[1] []",
                " |  range[0] []",
                " |  filter[2] []",
                " |  map[1] [] (as above)",
            ]
        );
    }

    #[test]
    fn a_long_lineage_is_cut() {
        let ctx = Context::local(1).unwrap();
        let start = ctx.range(0..3, 1, 1);
        let end = (0..5000).fold(start, |rdd, _| rdd.repartition(2));
        let lineage = end.to_debug_string();
        assert_eq!(lineage.lines().count(), 1001);
        assert!(lineage.ends_with("... and 4001 RDDs more"), "{lineage}");
    }
}
