//! A layout as SVG. What the text says comes from programs; `maud` escapes it.

use std::fmt::Write;

use maud::{Markup, html};

use super::layout::{Area, PADDING, Plan, Size, layout};
use crate::pages::format::pixels;

/// About as wide as a character is at the size of the text, and of the bold first line.
const CHARACTER: f64 = 6.8;
const BOLD_CHARACTER: f64 = 7.4;
const LINE_HEIGHT: f64 = 15.0;
const INSET: f64 = 9.0;
const WIDTH_MIN: f64 = 90.0;

/// Longer lines of a box are cut; the whole text is shown when the pointer is over it.
const LINE_CHARACTERS_MAX: usize = 32;

/// Around the whole drawing.
const MARGIN: f64 = 6.0;

/// Drawings up to this width shrink to the width of the window; wider ones are scrolled.
const SHRINKING_WIDTH_MAX: f64 = 1600.0;

/// A graph to be drawn.
#[derive(Debug, Default)]
pub(crate) struct Dag {
    /// The `id` of the drawing, with which those of its boxes begin.
    pub(crate) id: String,
    /// What it shows, for those who do not see it.
    pub(crate) label: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) clusters: Vec<Cluster>,
}

/// A box.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Distinguishes the box from others of the drawing.
    pub(crate) id: String,
    /// What it looks like: `cached`, `skipped`, `failed`, `input`, `output`, `state` or nothing.
    pub(crate) class: &'static str,
    /// The text; the first line is the most important one.
    pub(crate) lines: Vec<String>,
    /// Shown when the pointer is over the box.
    pub(crate) tip: String,
}

/// An arrow from a box to a box, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) label: Option<String>,
    pub(crate) is_shuffle: bool,
}

/// Boxes that belong together.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    /// Distinguishes the cluster from others of the drawing.
    pub(crate) id: String,
    pub(crate) class: &'static str,
    pub(crate) title: String,
    pub(crate) href: String,
    /// The boxes, by their numbers.
    pub(crate) nodes: Vec<usize>,
}

impl Dag {
    pub(crate) fn draw(&self) -> Markup {
        let title_width = |cluster: &Cluster| {
            shortened(&cluster.title).chars().count() as f64 * BOLD_CHARACTER + 2.0 * INSET
        };
        let cluster = |one: &Cluster| (one.nodes.clone(), title_width(one));
        let laid = layout(&Plan {
            nodes: self.nodes.iter().map(Node::size).collect(),
            edges: self.edges.iter().map(|edge| (edge.from, edge.to)).collect(),
            clusters: self.clusters.iter().map(cluster).collect(),
        });
        let (width, height) = (
            laid.size.width + 2.0 * MARGIN,
            laid.size.height + 2.0 * MARGIN,
        );
        let corner = -MARGIN;
        let view_box = format!("{corner:.0} {corner:.0} {width:.0} {height:.0}");
        let shrinks = (width <= SHRINKING_WIDTH_MAX).then_some("shrinks");
        let tip = format!("{}-tip", self.id);
        html! {
            div.scroll.dag {
                svg id=(self.id) class=[shrinks] viewBox=(view_box) width=(pixels(width))
                    height=(pixels(height)) role="img" aria-label=(self.label) {
                    defs {
                        marker id=(tip) viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7"
                            markerHeight="7" orient="auto" { path d="M0 0L8 4L0 8z" {} }
                    }
                    @for (cluster, area) in self.clusters.iter().zip(&laid.clusters) {
                        @if let Some(area) = area { (self.cluster(cluster, area)) }
                    }
                    @for (edge, points) in self.edges.iter().zip(&laid.edges) {
                        @if points.len() > 1 { (arrow(edge, points, &tip)) }
                    }
                    @for (edge, points) in self.edges.iter().zip(&laid.edges) {
                        (count(edge, points))
                    }
                    @for (node, area) in self.nodes.iter().zip(&laid.nodes) {
                        (self.node(node, area))
                    }
                }
            }
        }
    }

    fn cluster(&self, cluster: &Cluster, area: &Area) -> Markup {
        html! {
            g id={ (self.id) "-" (cluster.id) } class={ "cluster " (cluster.class) } {
                title { (cluster.title) }
                (rect(area))
                a href=(cluster.href) {
                    text x=(pixels(area.x + INSET)) y=(pixels(area.y + LINE_HEIGHT + 4.0)) {
                        (shortened(&cluster.title))
                    }
                }
            }
        }
    }

    fn node(&self, node: &Node, area: &Area) -> Markup {
        let x = pixels(area.x + area.width / 2.0);
        let y = |line: usize| pixels(area.y + 5.0 + LINE_HEIGHT * (line as f64 + 0.7));
        html! {
            g id={ (self.id) "-" (node.id) } class={ "node " (node.class) } {
                title { (node.tip) }
                (rect(area))
                @for (line, text) in node.lines.iter().enumerate() {
                    text x=(x) y=(y(line)) { (shortened(text)) }
                }
            }
        }
    }
}

impl Node {
    fn size(&self) -> Size {
        let lines = self.lines.iter().enumerate();
        let widths = lines.map(|(line, text)| {
            let character = if line == 0 { BOLD_CHARACTER } else { CHARACTER };
            shortened(text).chars().count() as f64 * character
        });
        Size {
            width: (widths.fold(0.0, f64::max) + 2.0 * INSET).max(WIDTH_MIN),
            height: self.lines.len() as f64 * LINE_HEIGHT + 10.0,
        }
    }
}

fn rect(area: &Area) -> Markup {
    html! {
        rect x=(pixels(area.x)) y=(pixels(area.y)) width=(pixels(area.width))
            height=(pixels(area.height)) rx="5" {}
    }
}

/// A line that is straight inside layers and bends between them.
fn arrow(edge: &Edge, points: &[(f64, f64)], tip: &str) -> Markup {
    let class = if edge.is_shuffle {
        "edge shuffle"
    } else {
        "edge"
    };
    let mut path = String::new();
    for (step, &(x, y)) in points.iter().enumerate() {
        // Writing into a string cannot fail.
        let _ = match step.checked_sub(1).map(|before| points[before]) {
            None => write!(path, "M{x:.1} {y:.1}"),
            Some(before) if (before.0 - x).abs() < 0.1 => write!(path, "V{y:.1}"),
            Some((from, top)) => {
                let middle = f64::midpoint(top, y);
                write!(
                    path,
                    "C{from:.1} {middle:.1} {x:.1} {middle:.1} {x:.1} {y:.1}"
                )
            }
        };
    }
    html! { path class=(class) d=(path) marker-end={ "url(#" (tip) ")" } {} }
}

/// The label of an arrow, where it leaves its box and no other one is near: below the border of
/// the cluster, if it leaves that, too, and on the side to which the line does not bend.
fn count(edge: &Edge, points: &[(f64, f64)]) -> Markup {
    let (Some(label), Some(&(x, y))) = (&edge.label, points.first()) else {
        return html! {};
    };
    let border = if edge.is_shuffle { PADDING + 2.0 } else { 0.0 };
    let bends_right = points.iter().find(|point| point.0 != x);
    let (side, anchor) = match bends_right.is_some_and(|point| point.0 > x) {
        true => (-5.0, "end"),
        false => (5.0, "start"),
    };
    html! {
        text.count x=(pixels(x + side)) y=(pixels(y + border + LINE_HEIGHT)) text-anchor=(anchor) {
            (label)
        }
    }
}

/// A text that is not too long for a box.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LINE_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some(_) => {
            let kept = text.chars().take(LINE_CHARACTERS_MAX - 1);
            kept.chain(['…']).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, text: &str) -> Node {
        Node {
            id: id.to_owned(),
            lines: vec![text.to_owned(), "a.rs:1".to_owned()],
            tip: text.to_owned(),
            ..Node::default()
        }
    }

    #[test]
    fn boxes_arrows_and_clusters_are_drawn() {
        let dag = Dag {
            id: "d".to_owned(),
            label: "a job".to_owned(),
            nodes: vec![node("1", "map"), node("2", "filter")],
            edges: vec![Edge {
                to: 1,
                label: Some("12".to_owned()),
                is_shuffle: true,
                ..Edge::default()
            }],
            clusters: vec![Cluster {
                id: "s".to_owned(),
                title: "Stage 0".to_owned(),
                href: "/stages/stage/?id=0".to_owned(),
                nodes: vec![0],
                ..Cluster::default()
            }],
        };
        let svg = dag.draw().into_string();
        for part in [
            r#"<g id="d-1" class="node ">"#,
            r#"<g id="d-s" class="cluster ">"#,
            r#"<path class="edge shuffle" d="M"#,
            r#">12</text>"#,
            r#"href="/stages/stage/?id=0""#,
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        assert_eq!(svg, dag.draw().into_string());
    }

    #[test]
    fn text_of_programs_stays_text_and_short() {
        let hostile = "<script>alert(1)</script>".repeat(3);
        let dag = Dag {
            nodes: vec![node("1", &hostile)],
            ..Dag::default()
        };
        let svg = dag.draw().into_string();
        assert!(!svg.contains("<script>"));
        assert_eq!(shortened(&hostile).chars().count(), LINE_CHARACTERS_MAX);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(
            Dag::default()
                .draw()
                .into_string()
                .contains(r#"viewBox="-6 -6 12 12""#)
        );
    }
}
