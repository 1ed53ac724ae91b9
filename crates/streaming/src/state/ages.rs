//! The places of a table from the oldest to the newest.

use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::entries::SMALL;
use crate::time::Time;

/// A list through the places of a table, linked in the order of their stamps.
///
/// Stamps are batch times, so they never go back: a place that is renewed goes to the end.
#[derive(Clone)]
pub(super) struct Ages {
    links: Vec<Link>,
    /// The ends of the list.
    oldest: u32,
    newest: u32,
}

#[derive(Clone)]
struct Link {
    stamp: Time,
    older: u32,
    newer: u32,
}

/// Written as the places from the oldest to the newest, each with its stamp in milliseconds,
/// without making that list first: it may be long.
impl Serialize for Ages {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut list = to.serialize_seq(Some(self.links.len()))?;
        for (place, stamp) in self.all() {
            list.serialize_element(&(place, stamp.as_millis()))?;
        }
        list.end()
    }
}

/// Stands for the end of the list.
const NONE: u32 = u32::MAX;

impl Default for Ages {
    fn default() -> Self {
        Ages {
            links: Vec::new(),
            oldest: NONE,
            newest: NONE,
        }
    }
}

impl Ages {
    /// So many places with the same stamp.
    pub(super) fn of(places: usize, stamp: Time) -> Self {
        let mut ages = Ages::default();
        (0..places).for_each(|_| ages.push(stamp));
        ages
    }

    /// The stamps in the order of the places.
    pub(super) fn by_place(&self) -> Vec<Time> {
        self.links.iter().map(|link| link.stamp).collect()
    }

    /// Adds the next place, as the newest.
    pub(super) fn push(&mut self, stamp: Time) {
        let place = self.links.len() as u32;
        self.links.push(Link {
            stamp,
            older: NONE,
            newer: NONE,
        });
        self.link_newest(place);
    }

    /// Makes a place the newest.
    pub(super) fn renew(&mut self, place: u32, stamp: Time) {
        self.unlink(place);
        if let Some(link) = self.links.get_mut(place as usize) {
            link.stamp = stamp;
            self.link_newest(place);
        }
    }

    /// Removes a place; the last one gets its number.
    pub(super) fn swap_remove(&mut self, place: u32) {
        self.unlink(place);
        let last = (self.links.len() as u32).wrapping_sub(1);
        if place != last
            && let Some(Link { older, newer, .. }) = self.links.get(last as usize).cloned()
        {
            self.point(older, newer, place, place);
        }
        self.links.swap_remove(place as usize);
    }

    /// The places with a stamp before a time, the oldest first.
    pub(super) fn before(&self, time: Time) -> impl Iterator<Item = u32> {
        self.all()
            .take_while(move |(_, stamp)| *stamp < time)
            .map(|(place, _)| place)
    }

    /// Every place with its stamp, the oldest first.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, Time)> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let link = self.links.get(next as usize)?;
            let place = std::mem::replace(&mut next, link.newer);
            Some((place, link.stamp))
        })
    }

    /// Gives memory back when most of it is unused.
    pub(super) fn shrink(&mut self) {
        let len = self.links.len();
        if self.links.capacity() > SMALL && len < self.links.capacity() / 4 {
            self.links.shrink_to(2 * len);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.links.capacity() * size_of::<Link>()
    }

    fn link_newest(&mut self, place: u32) {
        let newest = std::mem::replace(&mut self.newest, place);
        if let Some(link) = self.links.get_mut(place as usize) {
            link.older = newest;
            link.newer = NONE;
        }
        match self.links.get_mut(newest as usize) {
            Some(link) => link.newer = place,
            None => self.oldest = place,
        }
    }

    fn unlink(&mut self, place: u32) {
        if let Some(Link { older, newer, .. }) = self.links.get(place as usize).cloned() {
            self.point(older, newer, newer, older);
        }
    }

    /// Makes the neighbours of a place point elsewhere: the older one on to `next`, the newer
    /// one back to `previous`.
    fn point(&mut self, older: u32, newer: u32, next: u32, previous: u32) {
        match self.links.get_mut(older as usize) {
            Some(link) => link.newer = next,
            None => self.oldest = next,
        }
        match self.links.get_mut(newer as usize) {
            Some(link) => link.older = previous,
            None => self.newest = previous,
        }
    }
}
