//! How two co-placed partitions are joined: a table of the right one, probed by the left.

use super::co_placed::{CoPlacedStep, Inputs};
use super::join_table::{Found, JoinTable, LOOKED_UP_AHEAD, NO_ROW};
use super::pile::Pile;
use crate::chunk::{Emitter, Push, Sink};
use crate::error::TaskError;
use crate::record::{Key, Record, Wire};
use crate::scheduler::{ClosureOf, TaskContext};
use crate::site::Site;

/// Which rows a join keeps, and what it makes of them.
pub(crate) trait JoinKind<V, W>: Send + Sync + 'static {
    type Out: Record;

    /// Whether rows of the left side without a match are kept.
    const KEEPS_LEFT: bool;
    /// Whether rows of the right side without a match are kept.
    const KEEPS_RIGHT: bool;

    fn both(value: V, other: W) -> Self::Out;

    /// The result for a left row without a match; `None` where such rows are dropped.
    fn left_only(_value: V) -> Option<Self::Out> {
        None
    }

    /// The result for a right row without a match; `None` where such rows are dropped.
    fn right_only(_other: W) -> Option<Self::Out> {
        None
    }
}

pub(crate) struct Inner;
pub(crate) struct LeftOuter;
pub(crate) struct RightOuter;
pub(crate) struct FullOuter;

impl<V: Record, W: Record> JoinKind<V, W> for Inner {
    type Out = (V, W);
    const KEEPS_LEFT: bool = false;
    const KEEPS_RIGHT: bool = false;

    #[inline]
    fn both(value: V, other: W) -> (V, W) {
        (value, other)
    }
}

impl<V: Record, W: Record> JoinKind<V, W> for LeftOuter {
    type Out = (V, Option<W>);
    const KEEPS_LEFT: bool = true;
    const KEEPS_RIGHT: bool = false;

    #[inline]
    fn both(value: V, other: W) -> Self::Out {
        (value, Some(other))
    }

    #[inline]
    fn left_only(value: V) -> Option<Self::Out> {
        Some((value, None))
    }
}

impl<V: Record, W: Record> JoinKind<V, W> for RightOuter {
    type Out = (Option<V>, W);
    const KEEPS_LEFT: bool = false;
    const KEEPS_RIGHT: bool = true;

    #[inline]
    fn both(value: V, other: W) -> Self::Out {
        (Some(value), other)
    }

    #[inline]
    fn right_only(other: W) -> Option<Self::Out> {
        Some((None, other))
    }
}

impl<V: Record, W: Record> JoinKind<V, W> for FullOuter {
    type Out = (Option<V>, Option<W>);
    const KEEPS_LEFT: bool = true;
    const KEEPS_RIGHT: bool = true;

    #[inline]
    fn both(value: V, other: W) -> Self::Out {
        (Some(value), Some(other))
    }

    #[inline]
    fn left_only(value: V) -> Option<Self::Out> {
        Some((Some(value), None))
    }

    #[inline]
    fn right_only(other: W) -> Option<Self::Out> {
        Some((None, Some(other)))
    }
}

/// A join of some kind. The table is always made of the right side: so results come in
/// the order of the left side, whatever the sizes are.
pub(crate) struct Join<J>(pub(crate) J);

impl<K, V, W, J> CoPlacedStep<(K, V), (K, W), (K, J::Out)> for Join<J>
where
    K: Key,
    V: Wire,
    W: Wire,
    J: JoinKind<V, W>,
{
    fn is_empty_when(&self, left_is_empty: bool, right_is_empty: bool) -> bool {
        let nothing_by_left = left_is_empty && !J::KEEPS_RIGHT;
        let nothing_by_right = right_is_empty && !J::KEEPS_LEFT;
        nothing_by_left || nothing_by_right || (left_is_empty && right_is_empty)
    }

    fn compute(
        &self,
        inputs: &Inputs<'_, (K, V), (K, W)>,
        out: &mut Emitter<'_, (K, J::Out)>,
    ) -> Push {
        let mut right = Pile::new();
        inputs.read_right(&mut right)?;
        let table = table_of(right.into_vec(), inputs.site)?;
        if table.len() == 0 && !J::KEEPS_LEFT {
            return Ok(());
        }
        let matched = if J::KEEPS_RIGHT {
            vec![false; table.len()]
        } else {
            Vec::new()
        };
        let mut probe = Probe::<K, V, W, J> {
            table: &table,
            matched,
            found: Found::default(),
            task: inputs.task,
            site: inputs.site,
            out: &mut *out,
        };
        inputs.read_left(&mut probe)?;
        let matched = probe.matched;
        if J::KEEPS_RIGHT {
            let rows = table.into_rows().into_iter().zip(matched);
            let unmatched = rows.filter(|(_, matched)| !matched);
            out.extend(unmatched.filter_map(|((key, w), _)| Some((key, J::right_only(w)?))));
        }
        Ok(())
    }
}

fn table_of<K: Key, W: Wire>(rows: Vec<(K, W)>, site: Site) -> Result<JoinTable<K, W>, TaskError> {
    let _closure = ClosureOf(site);
    let count = rows.len();
    JoinTable::new(rows).ok_or_else(|| TaskError::Input {
        operator: site,
        message: format!(
            "the right side has {count} records in one partition, more than can be numbered; \
             join with more partitions"
        ),
    })
}

/// Looks up the left rows and emits what they make.
struct Probe<'a, 'b, K, V, W, J: JoinKind<V, W>> {
    table: &'a JoinTable<K, W>,
    /// Which rows of the table had a match; empty where nobody asks for the others.
    matched: Vec<bool>,
    found: Found,
    task: &'a TaskContext,
    site: Site,
    out: &'a mut Emitter<'b, (K, J::Out)>,
}

impl<K: Key, V: Wire, W: Wire, J: JoinKind<V, W>> Probe<'_, '_, K, V, W, J> {
    /// Emits what the rows that were looked up make; one that makes nothing is not cloned.
    #[inline]
    fn emit_found<P>(&mut self, pairs: impl Iterator<Item = P>, own: impl Fn(P) -> (K, V)) -> Push {
        let rows = std::mem::take(&mut self.found.rows);
        for (pair, row) in pairs.zip(&rows) {
            if *row != NO_ROW {
                self.emit_matches(own(pair), *row)?;
            } else if J::KEEPS_LEFT {
                let (key, value) = own(pair);
                self.out
                    .extend(J::left_only(value).map(|result| (key, result)));
            }
        }
        self.found.rows = rows;
        self.out.check()
    }

    #[inline]
    fn emit_matches(&mut self, (key, value): (K, V), first: u32) -> Push {
        let mut row = first;
        let mut next = self.table.next(row);
        if next != NO_ROW {
            // Rows of a frequent key can be many, on both sides.
            self.task.check_cancelled()?;
        }
        while next != NO_ROW && !self.out.is_done() {
            self.mark(row);
            self.out.emit((
                key.clone(),
                J::both(value.clone(), self.table.value(row).clone()),
            ));
            row = next;
            next = self.table.next(row);
        }
        self.mark(row);
        self.out
            .emit((key, J::both(value, self.table.value(row).clone())));
        Ok(())
    }

    #[inline]
    fn mark(&mut self, row: u32) {
        if J::KEEPS_RIGHT
            && let Some(matched) = self.matched.get_mut(row as usize)
        {
            *matched = true;
        }
    }
}

impl<K: Key, V: Wire, W: Wire, J: JoinKind<V, W>> Sink<(K, V)> for Probe<'_, '_, K, V, W, J> {
    fn push(&mut self, chunk: &mut Vec<(K, V)>) -> Push {
        let _closure = ClosureOf(self.site);
        let mut pairs = chunk.drain(..);
        while !pairs.as_slice().is_empty() {
            let ahead = pairs
                .as_slice()
                .chunks(LOOKED_UP_AHEAD)
                .next()
                .unwrap_or_default();
            let count = ahead.len();
            self.table.find_all(ahead, &mut self.found);
            self.emit_found(pairs.by_ref().take(count), |pair| pair)?;
        }
        Ok(())
    }

    fn push_shared(&mut self, chunk: &[(K, V)]) -> Push {
        let _closure = ClosureOf(self.site);
        for ahead in chunk.chunks(LOOKED_UP_AHEAD) {
            self.table.find_all(ahead, &mut self.found);
            self.emit_found(ahead.iter(), Clone::clone)?;
        }
        Ok(())
    }
}
