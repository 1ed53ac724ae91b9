//! Where in the user's program an operator was written.

use std::cell::Cell;
use std::fmt;
use std::panic::Location;

thread_local! {
    static LINE: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
}

/// An operator and the line of the user's program that called it.
///
/// Every error, event and lineage text names operators by their site.
///
/// ```
/// use headwater_core::Context;
/// let ctx = Context::local(1).unwrap();
/// let doubled = ctx.parallelize(vec![1, 2], 1).map(|x| x * 2);
/// assert_eq!(doubled.site().operator(), "map");
/// assert!(doubled.site().to_string().starts_with("map at "));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    operator: &'static str,
    location: &'static Location<'static>,
}

impl Site {
    /// The site of `operator`, called from the line that called the caller.
    #[track_caller]
    #[must_use]
    pub fn here(operator: &'static str) -> Self {
        Site {
            operator,
            location: LINE.get().unwrap_or(Location::caller()),
        }
    }

    /// Runs `build`, whose operators all count as written at this site's line.
    ///
    /// For layers that build RDDs on behalf of an operator of their own.
    ///
    /// ```
    /// use headwater_core::{Context, Site};
    /// let ctx = Context::local(1).unwrap();
    /// let site = Site::here("my_operator");
    /// let rdd = site.cover(|| ctx.parallelize(vec![1], 1).map(|x| x));
    /// assert_eq!(rdd.site().location(), site.location());
    /// ```
    pub fn cover<R>(&self, build: impl FnOnce() -> R) -> R {
        let _restore = Restore(LINE.replace(Some(self.location)));
        build()
    }

    /// Runs `build`, whose operators count as written where they are, also inside
    /// [`Site::cover`]: for calling a closure of the user.
    ///
    /// ```
    /// use headwater_core::Site;
    /// let outer = Site::here("outer");
    /// let inner = outer.cover(|| Site::uncover(|| Site::here("inner")));
    /// assert_ne!(inner.location(), outer.location());
    /// ```
    pub fn uncover<R>(build: impl FnOnce() -> R) -> R {
        let _restore = Restore(LINE.replace(None));
        build()
    }

    /// The site of `operator` at a line that was captured earlier.
    #[must_use]
    pub fn at(operator: &'static str, location: &'static Location<'static>) -> Self {
        Site { operator, location }
    }

    /// The operator's name, such as `reduce_by_key`.
    #[must_use]
    pub fn operator(&self) -> &'static str {
        self.operator
    }

    /// The user's file, line and column.
    #[must_use]
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

struct Restore(Option<&'static Location<'static>>);

impl Drop for Restore {
    fn drop(&mut self) {
        LINE.set(self.0);
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} at {}:{}",
            self.operator,
            self.location.file(),
            self.location.line()
        )
    }
}
