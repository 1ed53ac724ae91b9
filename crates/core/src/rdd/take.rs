//! Actions that need some records only, and stop as soon as they have them.

use super::Rdd;
use crate::chunk::{Push, Sink, Stop};
use crate::conf::keys;
use crate::error::Error;
use crate::record::Record;
use crate::site::Site;

impl<T: Record> Rdd<T> {
    /// The first `n` records, in the order of the partitions; fewer if there are fewer:
    /// Spark's `take`.
    ///
    /// One partition is read first, and only as far as needed; while the records do not
    /// suffice, further jobs read more partitions at a time, at most
    /// `rdd.limit.scale_up_factor` times as many as were read so far.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let endless = ctx.range(0..i64::MAX, 1, 2);
    /// assert_eq!(endless.take(3).unwrap(), [0, 1, 2]);
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn take(&self, n: usize) -> Result<Vec<T>, Error> {
        self.take_at(Site::here("take"), n)
    }

    /// The first record: Spark's `first`.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![7, 8], 2).first().unwrap(), 7);
    /// assert!(ctx.empty::<i32>().first().is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::EmptyCollection`] when there is no record, and as [`Rdd::collect`].
    #[track_caller]
    pub fn first(&self) -> Result<T, Error> {
        let site = Site::here("first");
        self.take_at(site, 1)?
            .pop()
            .ok_or(Error::EmptyCollection { site })
    }

    /// Whether there is no record: Spark's `isEmpty`. Reads no further than to the first.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// let numbers = ctx.parallelize(vec![1, 2], 2);
    /// assert!(!numbers.is_empty().unwrap());
    /// assert!(numbers.filter(|n| *n > 5).is_empty().unwrap());
    /// ```
    ///
    /// # Errors
    /// As [`Rdd::collect`].
    #[track_caller]
    pub fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.take_at(Site::here("is_empty"), 1)?.is_empty())
    }

    pub(super) fn take_at(&self, site: Site, n: usize) -> Result<Vec<T>, Error> {
        let scale = self.ctx.conf().get(&keys::RDD_LIMIT_SCALE_UP_FACTOR)? as usize;
        let total = self.prepared_partitions(site)?;
        let mut taken = Vec::new();
        let mut read = 0;
        while taken.len() < n && read < total {
            let end = read
                .saturating_add(next_partitions(read, taken.len(), n, scale))
                .min(total);
            let left = n - taken.len();
            let make = move || Take {
                records: Vec::new(),
                left,
            };
            for take in self.run_sinks(site, Some((read..end).collect()), make)? {
                let left = n - taken.len();
                taken.extend(take.records.into_iter().take(left));
            }
            read = end;
        }
        Ok(taken)
    }
}

/// How many partitions to read next, after `read` ones gave `found` of `wanted` records.
///
/// Half as many again as an even spread would need, but never a leap: the partitions that
/// were read may say little about the others.
fn next_partitions(read: usize, found: usize, wanted: usize, scale: usize) -> usize {
    if read == 0 {
        return 1;
    }
    let most = read.saturating_mul(scale);
    if found == 0 {
        return most;
    }
    let left = wanted.saturating_sub(found) as u128;
    let guess = left
        .saturating_mul(3 * read as u128)
        .div_ceil(2 * found as u128);
    usize::try_from(guess).unwrap_or(most).clamp(1, most)
}

/// Keeps the first records of a partition.
struct Take<T> {
    records: Vec<T>,
    left: usize,
}

impl<T> Take<T> {
    fn took(&mut self, records: usize) -> Push {
        self.left -= records;
        if self.left == 0 {
            Err(Stop::Enough)
        } else {
            Ok(())
        }
    }
}

impl<T: Clone> Sink<T> for Take<T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let wanted = chunk.len().min(self.left);
        self.records.extend(chunk.drain(..).take(wanted));
        self.took(wanted)
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        let wanted = chunk.len().min(self.left);
        self.records.extend(chunk.iter().take(wanted).cloned());
        self.took(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::next_partitions;

    #[test]
    fn the_search_widens_by_what_was_found_and_by_the_factor_at_most() {
        assert_eq!(next_partitions(0, 0, 10, 4), 1);
        assert_eq!(next_partitions(1, 0, 10, 4), 4, "nothing found yet");
        assert_eq!(next_partitions(5, 0, 10, 4), 20);
        assert_eq!(
            next_partitions(4, 8, 10, 4),
            2,
            "1.5 * 2 / (8 / 4), rounded up"
        );
        assert_eq!(next_partitions(1, 1, 1000, 4), 4, "capped");
        assert_eq!(next_partitions(usize::MAX, 1, usize::MAX, 4), usize::MAX);
    }
}
