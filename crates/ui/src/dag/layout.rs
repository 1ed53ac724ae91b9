//! Where nodes, clusters and edges are: a pure function of their sizes.
//!
//! Clusters are laid out by themselves and then placed like nodes, so that none overlaps another
//! one or a node that is not in it. Nothing here recurses: lineages may be long.

use super::place::{Gaps, Placed, place};

/// Around the nodes of a cluster; more above them, for its title.
pub(super) const PADDING: f64 = 12.0;
const TITLE: f64 = 24.0;

const NODE_GAPS: Gaps = Gaps {
    across: 18.0,
    down: 34.0,
};
const CLUSTER_GAPS: Gaps = Gaps {
    across: 28.0,
    down: 44.0,
};

/// How large something is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where something is, by its upper left corner.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Area {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// What is to be laid out.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Size>,
    /// From a node to a node. One to itself, one that closes a circle and one of a node that is
    /// not there is left out.
    pub(super) edges: Vec<(usize, usize)>,
    /// Nodes that belong together, and how wide they are at least. A node belongs to the first
    /// one that names it.
    pub(super) clusters: Vec<(Vec<usize>, f64)>,
}

/// A plan that is laid out.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) size: Size,
    pub(super) nodes: Vec<Area>,
    /// The points of each edge from top to bottom; none if it is left out.
    pub(super) edges: Vec<Vec<(f64, f64)>>,
    /// `None` of a cluster without nodes.
    pub(super) clusters: Vec<Option<Area>>,
}

/// What is placed as one: a cluster, or a node that is in none.
struct Group {
    members: Vec<usize>,
    /// The edges between the members, as members; and which edges of the plan they are.
    edges: Vec<(usize, usize)>,
    edge_ids: Vec<usize>,
    cluster: Option<usize>,
    /// Where the first member's area begins in that of the group.
    inset: (f64, f64),
    placed: Placed,
}

/// Lays out a plan. The same plan always gives the same layout.
pub(super) fn layout(plan: &Plan) -> Layout {
    let (mut groups, mut group_of) = groups(plan, true);
    if !outer_edges(plan, &group_of, groups.len()).1 {
        // Clusters that need each other in a circle cannot be above one another.
        (groups, group_of) = self::groups(plan, false);
    }
    let mut member_of = vec![0; plan.nodes.len()];
    for group in &groups {
        for (member, node) in group.members.iter().enumerate() {
            member_of[*node] = member;
        }
    }
    for (id, &(from, to)) in plan.edges.iter().enumerate() {
        if let (Some(a), Some(b)) = (group_of.get(from), group_of.get(to))
            && a == b
        {
            groups[*a].edges.push((member_of[from], member_of[to]));
            groups[*a].edge_ids.push(id);
        }
    }
    let sizes: Vec<Size> = groups.iter_mut().map(|group| group.place(plan)).collect();
    let outer = outer_edges(plan, &group_of, groups.len()).0;
    let placed = place(&sizes, &outer, CLUSTER_GAPS);

    let mut out = Layout {
        size: placed.size,
        nodes: vec![Area::default(); plan.nodes.len()],
        edges: vec![Vec::new(); plan.edges.len()],
        clusters: vec![None; plan.clusters.len()],
    };
    for (group, area) in groups.iter().zip(&placed.nodes) {
        group.put(area, &mut out);
    }
    if groups.iter().all(|group| group.cluster.is_none()) {
        surround(plan, &mut out);
    }
    for (id, &(from, to)) in plan.edges.iter().enumerate() {
        let (Some(&a), Some(&b)) = (group_of.get(from), group_of.get(to)) else {
            continue;
        };
        let edge = outer.binary_search(&(a, b));
        if let (true, Ok(edge)) = (a != b, edge) {
            let ends = (out.nodes[from], out.nodes[to]);
            out.edges[id] = route(&placed, edge, (a, b), ends);
        }
    }
    out
}

/// The clusters and the nodes that are in none; or every node by itself.
fn groups(plan: &Plan, has_clusters: bool) -> (Vec<Group>, Vec<usize>) {
    let mut cluster_of = vec![None; plan.nodes.len()];
    for (cluster, (nodes, _)) in plan.clusters.iter().enumerate().filter(|_| has_clusters) {
        for node in nodes {
            if let Some(of @ None) = cluster_of.get_mut(*node) {
                *of = Some(cluster);
            }
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut group_of = vec![0; plan.nodes.len()];
    let mut known = vec![None; plan.clusters.len()];
    for (node, cluster) in cluster_of.into_iter().enumerate() {
        let group = cluster.and_then(|cluster: usize| known[cluster]);
        let group = group.unwrap_or(groups.len());
        if group == groups.len() {
            if let Some(cluster) = cluster {
                known[cluster] = Some(group);
            }
            groups.push(Group {
                members: Vec::new(),
                edges: Vec::new(),
                edge_ids: Vec::new(),
                cluster,
                inset: (0.0, 0.0),
                placed: Placed::default(),
            });
        }
        groups[group].members.push(node);
        group_of[node] = group;
    }
    (groups, group_of)
}

/// The edges between groups, each once and sorted; and whether all of them can go down.
fn outer_edges(plan: &Plan, group_of: &[usize], groups: usize) -> (Vec<(usize, usize)>, bool) {
    let of = |(from, to): &(usize, usize)| Some((*group_of.get(*from)?, *group_of.get(*to)?));
    let between = plan.edges.iter().filter_map(of).filter(|(a, b)| a != b);
    let mut outer: Vec<_> = between.collect();
    outer.sort_unstable();
    outer.dedup();
    let (_, goes_down) = super::layers::rank(groups, &outer);
    (outer, goes_down.into_iter().all(|goes| goes))
}

impl Group {
    /// Lays out the members and says how large the group is.
    fn place(&mut self, plan: &Plan) -> Size {
        let sizes: Vec<Size> = self.members.iter().map(|node| plan.nodes[*node]).collect();
        self.placed = place(&sizes, &self.edges, NODE_GAPS);
        let inner = self.placed.size;
        let Some(cluster) = self.cluster else {
            return inner;
        };
        let width = (inner.width + 2.0 * PADDING).max(plan.clusters[cluster].1);
        self.inset = ((width - inner.width) / 2.0, PADDING + TITLE);
        Size {
            width,
            height: inner.height + 2.0 * PADDING + TITLE,
        }
    }

    /// Puts the members and the edges between them where the group is.
    fn put(&self, area: &Area, out: &mut Layout) {
        let (x, y) = (area.x + self.inset.0, area.y + self.inset.1);
        for (node, inner) in self.members.iter().zip(&self.placed.nodes) {
            out.nodes[*node] = Area {
                x: x + inner.x,
                y: y + inner.y,
                ..*inner
            };
        }
        if let Some(cluster) = self.cluster {
            out.clusters[cluster] = Some(*area);
        }
        for (edge, (id, &ends)) in self.edge_ids.iter().zip(&self.edges).enumerate() {
            let areas = (self.placed.nodes[ends.0], self.placed.nodes[ends.1]);
            let points = route(&self.placed, edge, ends, areas);
            out.edges[*id] = points.iter().map(|at| (at.0 + x, at.1 + y)).collect();
        }
    }
}

/// The way of an edge from the bottom of a node to the top of another one: straight down
/// through layers, across between them.
fn route(
    placed: &Placed,
    edge: usize,
    (from, to): (usize, usize),
    (above, below): (Area, Area),
) -> Vec<(f64, f64)> {
    let Some(Some(lanes)) = placed.lanes.get(edge) else {
        return Vec::new();
    };
    let layer = placed.layer_of[from];
    let (start, end) = (above.x + above.width / 2.0, below.x + below.width / 2.0);
    let mut points = vec![
        (start, above.y + above.height),
        (start, placed.bands[layer].1),
    ];
    for (lane, (top, bottom)) in lanes.iter().zip(&placed.bands[layer + 1..]) {
        points.extend([(*lane, *top), (*lane, *bottom)]);
    }
    points.push((end, placed.bands[placed.layer_of[to]].0));
    points.push((end, below.y));
    points.dedup();
    points
}

/// Draws clusters around nodes that were placed without regard to them.
fn surround(plan: &Plan, out: &mut Layout) {
    for (cluster, (nodes, _)) in plan.clusters.iter().enumerate() {
        let areas = nodes.iter().filter_map(|node| out.nodes.get(*node));
        out.clusters[cluster] = areas.copied().reduce(|a, b| {
            let (x, y) = (a.x.min(b.x), a.y.min(b.y));
            Area {
                x,
                y,
                width: (a.x + a.width).max(b.x + b.width) - x,
                height: (a.y + a.height).max(b.y + b.height) - y,
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Area {
        fn overlaps(&self, other: &Area) -> bool {
            let slack = 1e-6;
            self.x + self.width > other.x + slack
                && other.x + other.width > self.x + slack
                && self.y + self.height > other.y + slack
                && other.y + other.height > self.y + slack
        }

        fn contains(&self, other: &Area) -> bool {
            let slack = 1e-6;
            self.x <= other.x + slack
                && self.y <= other.y + slack
                && other.x + other.width <= self.x + self.width + slack
                && other.y + other.height <= self.y + self.height + slack
        }
    }

    fn size(width: u32, height: u32) -> Size {
        Size {
            width: f64::from(width),
            height: f64::from(height),
        }
    }

    /// Graphs whose edges go from lower to higher numbers; clusters are runs of numbers.
    fn plans() -> impl Strategy<Value = Plan> {
        (1..40_usize).prop_flat_map(|nodes| {
            let sizes = prop::collection::vec((20..200_u32, 10..80_u32), nodes);
            let edges = prop::collection::vec((0..nodes, 0..nodes), 0..80);
            (sizes, edges, 1..8_usize).prop_map(move |(sizes, edges, run)| Plan {
                nodes: sizes.into_iter().map(|(w, h)| size(w, h)).collect(),
                edges: edges
                    .into_iter()
                    .filter(|(a, b)| a != b)
                    .map(|(a, b)| (a.min(b), a.max(b)))
                    .collect(),
                clusters: (0..nodes / 2)
                    .step_by(run)
                    .map(|from| ((from..(from + run).min(nodes)).collect(), 150.0))
                    .collect(),
            })
        })
    }

    proptest! {
        #[test]
        fn nothing_overlaps_and_every_edge_goes_down(plan in plans()) {
            let out = layout(&plan);
            for (at, area) in out.nodes.iter().enumerate() {
                for other in &out.nodes[at + 1..] {
                    prop_assert!(!area.overlaps(other), "{area:?} {other:?}");
                }
                let all = Area { x: 0.0, y: 0.0, width: out.size.width, height: out.size.height };
                prop_assert!(all.contains(area), "{area:?} in {:?}", out.size);
            }
            for (&(from, to), points) in plan.edges.iter().zip(&out.edges) {
                let (above, below) = (out.nodes[from], out.nodes[to]);
                prop_assert!(above.y + above.height <= below.y + 1e-6);
                let first = (above.x + above.width / 2.0, above.y + above.height);
                let last = (below.x + below.width / 2.0, below.y);
                let near = |a: (f64, f64), b: (f64, f64)| {
                    (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6
                };
                prop_assert!(near(points[0], first) && near(points[points.len() - 1], last));
                prop_assert!(points.windows(2).all(|pair| pair[0].1 <= pair[1].1 + 1e-6));
            }
        }

        #[test]
        fn clusters_hold_their_nodes_and_no_others(plan in plans()) {
            let out = layout(&plan);
            for (cluster, (nodes, _)) in plan.clusters.iter().enumerate() {
                let area = out.clusters[cluster].unwrap();
                for (node, inner) in out.nodes.iter().enumerate() {
                    match nodes.contains(&node) {
                        true => prop_assert!(area.contains(inner)),
                        false => prop_assert!(!area.overlaps(inner)),
                    }
                }
            }
        }

        #[test]
        fn circles_do_not_matter(
            edges in prop::collection::vec((0..12_usize, 0..12_usize), 0..40),
        ) {
            let plan = Plan {
                nodes: vec![size(50, 20); 10],
                edges,
                clusters: vec![(vec![0, 1, 2], 0.0), (vec![2, 3, 99], 0.0), (vec![], 0.0)],
            };
            let out = layout(&plan);
            for (at, area) in out.nodes.iter().enumerate() {
                prop_assert!(out.nodes[at + 1..].iter().all(|other| !area.overlaps(other)));
            }
            prop_assert!(out.clusters[2].is_none());
            for (cluster, nodes) in [(0, 0..3), (1, 3..4)] {
                let area = out.clusters[cluster].unwrap();
                prop_assert!(out.nodes[nodes].iter().all(|node| area.contains(node)));
            }
        }
    }

    #[test]
    fn five_hundred_nodes_and_long_edges_are_laid_out() {
        let chain = (1..500).map(|node| (node - 1, node));
        let long = (0..250).map(|node| (node, node + 250));
        let plan = Plan {
            nodes: vec![size(100, 40); 500],
            edges: chain.chain(long).collect(),
            clusters: Vec::new(),
        };
        let out = layout(&plan);
        assert!(out.edges.iter().all(|points| points.len() >= 2));
        assert_eq!(layout(&plan).edges, out.edges);
    }

    #[test]
    fn clusters_that_need_each_other_are_drawn_around_their_nodes() {
        let plan = Plan {
            nodes: vec![size(50, 20); 4],
            edges: vec![(0, 1), (1, 2), (2, 3)],
            clusters: vec![(vec![0, 2], 0.0), (vec![1, 3], 0.0)],
        };
        let out = layout(&plan);
        assert!(out.edges.iter().all(|points| points.len() >= 2));
        assert!(out.clusters[0].unwrap().contains(&out.nodes[2]));
    }
}
