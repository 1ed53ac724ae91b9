//! Which layer a node is in, and its place in the order of the layer.

use std::collections::BTreeSet;

/// Beyond this many dummy nodes long edges are drawn across whatever is between.
const DUMMIES_MAX: usize = 10_000;

/// How often the order of all layers is improved, at most.
const SWEEPS: usize = 12;

/// Nodes in layers. An edge that passes through layers has a dummy node in each of them, so
/// that every step goes from a layer to the next one. Dummies are numbered after the nodes.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// Of each node and dummy.
    pub(super) layer_of: Vec<usize>,
    /// The nodes of each layer, from left to right.
    pub(super) rows: Vec<Vec<usize>>,
    /// The nodes in the layer above that a node is joined to.
    pub(super) above: Vec<Vec<usize>>,
    /// The nodes in the layer below that a node is joined to.
    pub(super) below: Vec<Vec<usize>>,
    /// The dummies of each edge; `None` for one that would close a circle.
    pub(super) chains: Vec<Option<Vec<usize>>>,
}

/// Where each of some nodes is if every edge goes down, by the longest path; and whether an
/// edge does, which those that would close a circle do not.
pub(super) fn rank(nodes: usize, edges: &[(usize, usize)]) -> (Vec<usize>, Vec<bool>) {
    let mut leaving: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut entering = vec![0_usize; nodes];
    for (edge, &(from, to)) in edges.iter().enumerate() {
        if from != to && from < nodes && to < nodes {
            leaving[from].push(edge);
            entering[to] += 1;
        }
    }
    let (mut layer_of, mut goes_down) = (vec![0; nodes], vec![false; edges.len()]);
    let mut left: BTreeSet<usize> = (0..nodes).collect();
    let mut ready: BTreeSet<usize> = (0..nodes).filter(|node| entering[*node] == 0).collect();
    // Only nodes of circles are left when none is ready: one of them has to begin.
    while let Some(node) = ready.pop_first().or_else(|| left.first().copied()) {
        left.remove(&node);
        for &edge in &leaving[node] {
            let to = edges[edge].1;
            if !left.contains(&to) {
                continue;
            }
            goes_down[edge] = true;
            layer_of[to] = layer_of[to].max(layer_of[node] + 1);
            entering[to] -= 1;
            if entering[to] == 0 {
                ready.insert(to);
            }
        }
    }
    (layer_of, goes_down)
}

impl Layers {
    /// The nodes in layers, ordered so that few edges cross.
    pub(super) fn new(nodes: usize, edges: &[(usize, usize)]) -> Self {
        let (layer_of, goes_down) = rank(nodes, edges);
        let depth = layer_of.iter().max().map_or(0, |last| last + 1);
        let mut layers = Layers {
            rows: vec![Vec::new(); depth],
            above: vec![Vec::new(); nodes],
            below: vec![Vec::new(); nodes],
            chains: Vec::with_capacity(edges.len()),
            layer_of,
        };
        for node in 0..nodes {
            layers.rows[layers.layer_of[node]].push(node);
        }
        for (&(from, to), goes_down) in edges.iter().zip(goes_down) {
            let chain = goes_down.then(|| layers.join(nodes, from, to));
            layers.chains.push(chain);
        }
        layers.sweep();
        layers
    }

    /// Joins two nodes through all layers between them.
    fn join(&mut self, nodes: usize, from: usize, to: usize) -> Vec<usize> {
        let between = self.layer_of[from] + 1..self.layer_of[to];
        if self.layer_of.len() - nodes + between.len() > DUMMIES_MAX {
            return Vec::new();
        }
        let mut chain = Vec::with_capacity(between.len());
        let mut last = from;
        for layer in between {
            let dummy = self.layer_of.len();
            self.layer_of.push(layer);
            self.rows[layer].push(dummy);
            self.above.push(vec![last]);
            self.below.push(Vec::new());
            self.below[last].push(dummy);
            chain.push(dummy);
            last = dummy;
        }
        self.below[last].push(to);
        self.above[to].push(last);
        chain
    }

    /// Orders each layer by the middle of what its nodes are joined to, downwards and upwards
    /// in turns, and keeps the order with the fewest crossings.
    fn sweep(&mut self) {
        let mut places = vec![0; self.layer_of.len()];
        let mut best = (self.crossings(&mut places), self.rows.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            let is_down = sweep % 2 == 0;
            for step in 1..self.rows.len() {
                let (row, joined) = match is_down {
                    true => (step, &self.above),
                    false => (self.rows.len() - 1 - step, &self.below),
                };
                let middle = |node: usize| {
                    let sum: usize = joined[node].iter().map(|other| places[*other]).sum();
                    match joined[node].len() {
                        0 => places[node] as f64,
                        count => sum as f64 / count as f64,
                    }
                };
                self.rows[row].sort_by(|a, b| middle(*a).total_cmp(&middle(*b)));
                note(&mut places, &self.rows[row]);
            }
            let crossings = self.crossings(&mut places);
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    /// How many pairs of edges cross. Leaves the place of every node in its row in `places`.
    fn crossings(&self, places: &mut [usize]) -> u64 {
        for row in &self.rows {
            note(places, row);
        }
        let rows = self.rows.iter().skip(1).zip(&self.rows);
        rows.map(|(lower, upper)| {
            let mut ends = Vec::new();
            for node in upper {
                // An edge without dummies may end in a lower layer than the next one.
                let next = |other: &&usize| self.layer_of[**other] == self.layer_of[*node] + 1;
                let from = ends.len();
                ends.extend(self.below[*node].iter().filter(next).map(|to| places[*to]));
                ends[from..].sort_unstable();
            }
            inversions(&ends, lower.len())
        })
        .sum()
    }
}

/// Notes the places of the nodes of a row.
fn note(places: &mut [usize], row: &[usize]) {
    for (place, node) in row.iter().enumerate() {
        places[*node] = place;
    }
}

/// How many pairs of numbers below `bound` are in the wrong order (with a Fenwick tree).
fn inversions(numbers: &[usize], bound: usize) -> u64 {
    let mut tree = vec![0_u64; bound + 1];
    let mut wrong = 0;
    for (seen, number) in numbers.iter().enumerate() {
        let mut not_greater = 0;
        let mut at = number + 1;
        while at > 0 {
            not_greater += tree[at];
            at &= at - 1;
        }
        wrong += seen as u64 - not_greater;
        at = number + 1;
        while at <= bound {
            tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_path_decides_and_circles_are_cut() {
        let (layer_of, _) = rank(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]);
        assert_eq!(layer_of, [0, 1, 2, 3]);
        let (layer_of, goes_down) = rank(3, &[(0, 1), (1, 2), (2, 1), (1, 1), (7, 0)]);
        assert_eq!(goes_down, [true, true, false, false, false]);
        assert_eq!(layer_of, [0, 1, 2]);
    }

    #[test]
    fn pairs_that_cross_are_counted() {
        assert_eq!(inversions(&[0, 1, 2], 3), 0);
        assert_eq!(inversions(&[2, 1, 0], 3), 3);
        assert_eq!(inversions(&[1, 1, 0], 2), 2);
    }

    #[test]
    fn an_order_without_crossings_is_found() {
        // Two towers whose lower floors are named the wrong way round.
        let layers = Layers::new(6, &[(0, 3), (1, 2), (2, 5), (3, 4)]);
        assert_eq!(layers.crossings(&mut [0; 6]), 0);
    }

    #[test]
    fn a_long_edge_has_a_dummy_in_each_layer_between() {
        let layers = Layers::new(4, &[(0, 1), (1, 2), (2, 3), (0, 3)]);
        let chain = layers.chains[3].as_ref().unwrap();
        let of: Vec<_> = chain.iter().map(|dummy| layers.layer_of[*dummy]).collect();
        assert_eq!(of, [1, 2]);
    }
}
