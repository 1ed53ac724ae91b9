//! Where in the user's program an operator was written.

use std::fmt;
use std::panic::Location;

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
        Site { operator, location: Location::caller() }
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

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Location { .. } = self.location;
        write!(f, "{} at {}:{}", self.operator, self.location.file(), self.location.line())
    }
}
