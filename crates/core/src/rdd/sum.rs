//! The sum of numbers.

use std::ops::AddAssign;

use super::Rdd;
use crate::chunk::{Push, Sink};
use crate::error::Error;
use crate::record::Record;
use crate::site::Site;

/// A number that [`Rdd::sum`] can add up: every integer of up to 64 bits, `f32`, `f64`.
///
/// ```
/// use headwater_core::{Context, Error, Rdd, rdd::Number};
/// fn total<T: Number>(parts: &[Rdd<T>]) -> Result<Vec<T>, Error> {
///     parts.iter().map(Rdd::sum).collect()
/// }
/// let ctx = Context::local(1).unwrap();
/// assert_eq!(total(&[ctx.parallelize(vec![1_u8, 2], 2)]).unwrap(), [3]);
/// ```
pub trait Number: Record + Copy + sealed::Summed {}

mod sealed {
    use super::AddAssign;

    /// Integers are added up in 128 bits, so that only a result that does not fit fails,
    /// whatever the order; floating numbers in 64, which is what `f32` sums need.
    pub trait Summed {
        type Total: AddAssign + Default + Send + 'static;

        fn widen(self) -> Self::Total;

        fn narrow(total: Self::Total) -> Option<Self>
        where
            Self: Sized;
    }
}

macro_rules! integers {
    ($($integer:ty)*) => {$(
        impl Number for $integer {}

        impl sealed::Summed for $integer {
            type Total = i128;

            #[inline]
            fn widen(self) -> i128 {
                self as i128
            }

            fn narrow(total: i128) -> Option<Self> {
                total.try_into().ok()
            }
        }
    )*};
}

integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! floats {
    ($($float:ty)*) => {$(
        impl Number for $float {}

        impl sealed::Summed for $float {
            type Total = f64;

            #[inline]
            fn widen(self) -> f64 {
                self.into()
            }

            fn narrow(total: f64) -> Option<Self> {
                Some(total as $float)
            }
        }
    )*};
}

floats!(f32 f64);

impl<T: Number> Rdd<T> {
    /// The sum of all records, 0 when there is none: Spark's `sum`.
    ///
    /// Floating numbers are added within each partition, then in the order of the
    /// partitions, so that the same partitions always give the same sum.
    ///
    /// ```
    /// let ctx = headwater_core::Context::local(2).unwrap();
    /// assert_eq!(ctx.parallelize(vec![1, 2, 3], 2).sum().unwrap(), 6);
    /// assert_eq!(ctx.parallelize(vec![0.5, 0.25], 2).sum().unwrap(), 0.75);
    /// let large = ctx.parallelize(vec![i32::MAX, 1], 2);
    /// assert!(large.sum().is_err());
    /// assert_eq!(large.map(i64::from).sum().unwrap(), 1 << 31);
    /// ```
    ///
    /// # Errors
    /// [`Error::Build`] when the sum does not fit the record type, and as
    /// [`Rdd::collect`].
    #[track_caller]
    pub fn sum(&self) -> Result<T, Error> {
        let site = Site::here("sum");
        let mut total = T::Total::default();
        for part in self.run_sinks(site, None, Sum::<T>::default)? {
            total += part.total;
        }
        T::narrow(total).ok_or_else(|| Error::Build {
            site,
            message: format!(
                "the sum does not fit {}; map the records to a wider type first",
                std::any::type_name::<T>()
            ),
        })
    }
}

struct Sum<T: Number> {
    total: T::Total,
}

impl<T: Number> Default for Sum<T> {
    fn default() -> Self {
        Sum {
            total: T::Total::default(),
        }
    }
}

impl<T: Number> Sink<T> for Sum<T> {
    fn push(&mut self, chunk: &mut Vec<T>) -> Push {
        let result = self.push_shared(chunk);
        chunk.clear();
        result
    }

    fn push_shared(&mut self, chunk: &[T]) -> Push {
        for number in chunk {
            self.total += number.widen();
        }
        Ok(())
    }
}
