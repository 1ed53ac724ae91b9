//! Graphs drawn from top to bottom: the operators of a job, the streams of a program.
//!
//! `layers` decides which nodes are side by side and in which order, `place` where exactly,
//! `layout` does both once inside each cluster and once for the clusters, and `svg` draws.

mod layers;
mod layout;
mod place;
mod svg;

pub(crate) use svg::{Cluster, Dag, Edge, Node};
