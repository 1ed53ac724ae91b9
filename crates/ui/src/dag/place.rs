//! Where the nodes of layers are.

use super::layers::Layers;
use super::layout::{Area, Size};

/// How wide the way of an edge through a layer is.
const DUMMY_WIDTH: f64 = 14.0;

/// How often nodes are moved towards what they are joined to.
const ROUNDS: usize = 10;

/// What stays free between nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gaps {
    pub(super) across: f64,
    pub(super) down: f64,
}

/// A graph that is laid out.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) size: Size,
    pub(super) nodes: Vec<Area>,
    /// Of each layer: where it begins and ends.
    pub(super) bands: Vec<(f64, f64)>,
    /// The layer of each node.
    pub(super) layer_of: Vec<usize>,
    /// For each edge where it passes the layers between; `None` for one that is not drawn.
    pub(super) lanes: Vec<Option<Vec<f64>>>,
}

/// Places nodes of these sizes so that edges go down and nothing overlaps.
pub(super) fn place(sizes: &[Size], edges: &[(usize, usize)], gaps: Gaps) -> Placed {
    let layers = Layers::new(sizes.len(), edges);
    let width = |node: usize| sizes.get(node).map_or(DUMMY_WIDTH, |size| size.width);
    let centres = centres(&layers, &width, gaps.across);
    let left = (0..centres.len()).map(|node| centres[node] - width(node) / 2.0);
    let left = left.fold(f64::INFINITY, f64::min);
    let right = (0..centres.len()).map(|node| centres[node] + width(node) / 2.0);
    let right = right.fold(f64::NEG_INFINITY, f64::max);

    let mut bands = Vec::with_capacity(layers.rows.len());
    let mut top = 0.0;
    for row in &layers.rows {
        let heights = row.iter().filter_map(|node| sizes.get(*node));
        let height = heights.map(|size| size.height).fold(0.0, f64::max);
        bands.push((top, top + height));
        top += height + gaps.down;
    }
    let area = |(node, size): (usize, &Size)| {
        let (top, bottom) = bands[layers.layer_of[node]];
        Area {
            x: centres[node] - size.width / 2.0 - left,
            y: top + (bottom - top - size.height) / 2.0,
            width: size.width,
            height: size.height,
        }
    };
    let nodes = sizes.iter().enumerate().map(area).collect();
    let lane = |dummies: &Vec<usize>| dummies.iter().map(|one| centres[*one] - left).collect();
    let lanes = layers
        .chains
        .iter()
        .map(|chain| chain.as_ref().map(lane))
        .collect();
    Placed {
        size: Size {
            width: if sizes.is_empty() { 0.0 } else { right - left },
            height: bands.last().map_or(0.0, |band| band.1),
        },
        nodes,
        bands,
        layer_of: layers.layer_of,
        lanes,
    }
}

/// The middle of every node: as near as it can be to the middle of what it is joined to.
fn centres(layers: &Layers, width: &impl Fn(usize) -> f64, gap: f64) -> Vec<f64> {
    let mut centres = vec![0.0; layers.layer_of.len()];
    let apart: Vec<Vec<f64>> = layers
        .rows
        .iter()
        .map(|row| {
            let pairs = row.windows(2);
            let apart = |pair: &[usize]| (width(pair[0]) + width(pair[1])) / 2.0 + gap;
            pairs.map(apart).collect()
        })
        .collect();
    for (row, apart) in layers.rows.iter().zip(&apart) {
        let mut at = 0.0;
        for (place, node) in row.iter().enumerate() {
            at += place.checked_sub(1).map_or(0.0, |before| apart[before]);
            centres[*node] = at;
        }
    }
    for round in 0..ROUNDS {
        for step in 0..layers.rows.len() {
            let (row, joined) = match round % 2 {
                0 => (step, &layers.above),
                _ => (layers.rows.len() - 1 - step, &layers.below),
            };
            let nodes = &layers.rows[row];
            let middle = |node: &usize| {
                let sum: f64 = joined[*node].iter().map(|other| centres[*other]).sum();
                match joined[*node].len() {
                    0 => centres[*node],
                    count => sum / count as f64,
                }
            };
            let wanted: Vec<f64> = nodes.iter().map(middle).collect();
            let settled = settle(&wanted, &apart[row]);
            for (node, at) in nodes.iter().zip(settled) {
                centres[*node] = at;
            }
        }
    }
    centres
}

/// The places that are nearest to those that are wanted, by the sum of squares, and keep their
/// order and their distances: neighbours that want the same room form a block around their
/// mean (pool adjacent violators).
fn settle(wanted: &[f64], apart: &[f64]) -> Vec<f64> {
    let mut offsets = Vec::with_capacity(wanted.len());
    let mut offset = 0.0;
    for place in 0..wanted.len() {
        offset += place.checked_sub(1).map_or(0.0, |before| apart[before]);
        offsets.push(offset);
    }
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(&offsets) {
        let (mut sum, mut count) = (wanted - offset, 1);
        while let Some(&(before, nodes)) = blocks.last()
            && before / nodes as f64 > sum / count as f64
        {
            blocks.pop();
            (sum, count) = (sum + before, count + nodes);
        }
        blocks.push((sum, count));
    }
    let means = blocks
        .iter()
        .flat_map(|(sum, count)| std::iter::repeat_n(sum / *count as f64, *count));
    means
        .zip(offsets)
        .map(|(mean, offset)| mean + offset)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_that_want_the_same_place_share_it_evenly() {
        assert_eq!(settle(&[5.0, 5.0], &[10.0]), [0.0, 10.0]);
        assert_eq!(settle(&[0.0, 50.0], &[10.0]), [0.0, 50.0]);
        assert_eq!(settle(&[30.0, 0.0, 0.0], &[3.0, 3.0]), [7.0, 10.0, 13.0]);
    }

    #[test]
    fn a_node_is_between_those_that_it_is_joined_to() {
        let size = Size {
            width: 10.0,
            height: 5.0,
        };
        let gaps = Gaps {
            across: 10.0,
            down: 20.0,
        };
        let placed = place(&[size; 3], &[(0, 2), (1, 2)], gaps);
        let at: Vec<_> = placed.nodes.iter().map(|area| (area.x, area.y)).collect();
        assert_eq!(at, [(0.0, 0.0), (20.0, 0.0), (10.0, 25.0)]);
        assert_eq!((placed.size.width, placed.size.height), (30.0, 30.0));
    }
}
