//! The text of a record, as it is printed and saved.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fmt::Write;
use std::rc::Rc;
use std::sync::Arc;

use crate::text::Text;

/// A record that has a text: what `print` prints and `save_as_text_file` writes, one record
/// a line. It stands in for the `toString` that every record of Spark has.
///
/// Tuples, options and collections have one too, which `Display` cannot give them: a pair
/// is `(word,3)`, as in Spark, `Some(x)` and `None` are themselves, sequences are `[a, b]`,
/// sets `{a, b}` and maps `{k: v}`. Floating numbers look as Java writes them: `1.0`,
/// `1.0E10`, `NaN`, `-Infinity`.
///
/// ```
/// use headwater_core::Show;
/// let mut text = String::new();
/// (("word", 3), Some(1.0), vec![true]).show(&mut text);
/// assert_eq!(text, "((word,3),Some(1.0),[true])");
/// ```
///
/// For a type of your own it is one method, which may use the `Display` of the type:
///
/// ```
/// use std::fmt::Write;
/// use headwater_core::{Context, Show};
///
/// #[derive(Clone)]
/// struct Celsius(f32);
///
/// impl Show for Celsius {
///     fn show(&self, out: &mut String) {
///         let _ = write!(out, "{} °C", self.0);
///     }
/// }
///
/// let mut text = String::new();
/// ("Bern", Celsius(21.5)).show(&mut text);
/// assert_eq!(text, "(Bern,21.5 °C)");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no text to print or save",
    note = "implement `headwater_core::Show` for it (one method), or map the records to a `String`"
)]
pub trait Show {
    /// Appends the text to `out`. It should hold no line end.
    fn show(&self, out: &mut String);
}

macro_rules! show_by_display {
    ($($type:ty)*) => { $(
        impl Show for $type {
            fn show(&self, out: &mut String) {
                // Writing into a string cannot fail.
                let _ = write!(out, "{self}");
            }
        }
    )* };
}

show_by_display!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize bool);

macro_rules! show_as_str {
    ($($type:ty)*) => { $(
        impl Show for $type {
            fn show(&self, out: &mut String) {
                out.push_str(self);
            }
        }
    )* };
}

show_as_str!(str String Text Cow<'_, str>);

impl Show for char {
    fn show(&self, out: &mut String) {
        out.push(*self);
    }
}

impl Show for f64 {
    fn show(&self, out: &mut String) {
        show_float(*self, &format!("{self:e}"), out);
    }
}

impl Show for f32 {
    fn show(&self, out: &mut String) {
        show_float(f64::from(*self), &format!("{self:e}"), out);
    }
}

/// Java's `Double.toString`: plain from 0.001 to below ten million, otherwise scientific,
/// always with a digit on both sides of the point.
fn show_float(number: f64, scientific: &str, out: &mut String) {
    if number.is_nan() {
        return out.push_str("NaN");
    }
    if number.is_infinite() {
        return out.push_str(if number > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        });
    }
    // The shortest digits that read back as the same number, as `d.ddde-x`.
    let (digits, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |digits| ("-", digits));
    let digits: String = digits.chars().filter(|digit| *digit != '.').collect();
    out.push_str(sign);
    let point = if (-3..7).contains(&exponent) {
        exponent
    } else {
        0
    };
    push_with_point(&digits, point, out);
    if point != exponent {
        let _ = write!(out, "E{exponent}");
    }
}

/// The digits of a number with the point after digit `point + 1`.
fn push_with_point(digits: &str, point: i32, out: &mut String) {
    let Ok(point) = usize::try_from(point) else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize - 1));
        return out.push_str(digits);
    };
    let (whole, part) = digits.split_at_checked(point + 1).unwrap_or((digits, ""));
    out.push_str(whole);
    out.extend(std::iter::repeat_n('0', point + 1 - whole.len()));
    out.push('.');
    out.push_str(if part.is_empty() { "0" } else { part });
}

impl Show for () {
    fn show(&self, out: &mut String) {
        out.push_str("()");
    }
}

macro_rules! show_tuple {
    ($($name:ident)+) => {
        impl<$($name: Show),+> Show for ($($name,)+) {
            #[allow(non_snake_case, reason = "the names of the types serve for the fields")]
            fn show(&self, out: &mut String) {
                let ($($name,)+) = self;
                let mut before = '(';
                $(
                    out.push(std::mem::replace(&mut before, ','));
                    $name.show(out);
                )+
                out.push(')');
                let _ = before;
            }
        }
    };
}

show_tuple!(A);
show_tuple!(A B);
show_tuple!(A B C);
show_tuple!(A B C D);
show_tuple!(A B C D E);
show_tuple!(A B C D E F);

impl<T: Show> Show for Option<T> {
    fn show(&self, out: &mut String) {
        match self {
            None => out.push_str("None"),
            Some(value) => {
                out.push_str("Some(");
                value.show(out);
                out.push(')');
            }
        }
    }
}

macro_rules! show_by_inner {
    ($($type:ty)*) => { $(
        impl<T: Show + ?Sized> Show for $type {
            fn show(&self, out: &mut String) {
                (**self).show(out);
            }
        }
    )* };
}

show_by_inner!(&T &mut T Box<T> Arc<T> Rc<T>);

/// Shows the parts of a collection between brackets.
fn show_all<T>(
    parts: impl IntoIterator<Item = T>,
    brackets: [char; 2],
    out: &mut String,
    mut show: impl FnMut(T, &mut String),
) {
    let [open, close] = brackets;
    out.push(open);
    for (at, part) in parts.into_iter().enumerate() {
        if at > 0 {
            out.push_str(", ");
        }
        show(part, out);
    }
    out.push(close);
}

impl<T: Show> Show for [T] {
    fn show(&self, out: &mut String) {
        show_all(self, ['[', ']'], out, T::show);
    }
}

impl<T: Show, const N: usize> Show for [T; N] {
    fn show(&self, out: &mut String) {
        self.as_slice().show(out);
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&self, out: &mut String) {
        self.as_slice().show(out);
    }
}

impl<T: Show> Show for VecDeque<T> {
    fn show(&self, out: &mut String) {
        show_all(self, ['[', ']'], out, T::show);
    }
}

impl<T: Show> Show for BTreeSet<T> {
    fn show(&self, out: &mut String) {
        show_all(self, ['{', '}'], out, T::show);
    }
}

impl<T: Show, S> Show for HashSet<T, S> {
    fn show(&self, out: &mut String) {
        show_all(self, ['{', '}'], out, T::show);
    }
}

impl<K: Show, V: Show> Show for BTreeMap<K, V> {
    fn show(&self, out: &mut String) {
        show_all(self, ['{', '}'], out, show_pair);
    }
}

impl<K: Show, V: Show, S> Show for HashMap<K, V, S> {
    fn show(&self, out: &mut String) {
        show_all(self, ['{', '}'], out, show_pair);
    }
}

fn show_pair<K: Show, V: Show>((key, value): (&K, &V), out: &mut String) {
    key.show(out);
    out.push_str(": ");
    value.show(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: impl Show) -> String {
        let mut out = String::new();
        value.show(&mut out);
        out
    }

    #[test]
    fn floating_numbers_look_as_in_java() {
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (100.0, "100.0"),
            (123_456.789, "123456.789"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (1e10, "1.0E10"),
            (-1.25e300, "-1.25E300"),
            (0.1, "0.1"),
            (0.001, "0.001"),
            (0.001_25, "0.00125"),
            (0.000_999, "9.99E-4"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(shown(number), text);
        }
        assert_eq!(shown(0.1_f32), "0.1");
        assert_eq!(shown(3.4e38_f32), "3.4E38");
    }

    #[test]
    fn tuples_look_as_in_spark() {
        assert_eq!(shown(("a", 1)), "(a,1)");
        assert_eq!(shown(("a", (1, 10))), "(a,(1,10))");
        assert_eq!(shown((1, 2, 3, 4, 5, 6)), "(1,2,3,4,5,6)");
        assert_eq!(shown(("a", (Some(1), None::<i32>))), "(a,(Some(1),None))");
        assert_eq!(shown(()), "()");
    }

    #[test]
    fn collections_and_handles_show_what_they_hold() {
        assert_eq!(shown(vec![Text::from("a"), Text::from("b")]), "[a, b]");
        assert_eq!(shown([[1, 2], [3, 4]]), "[[1, 2], [3, 4]]");
        assert_eq!(shown(BTreeMap::from([("a", 1), ("b", 2)])), "{a: 1, b: 2}");
        assert_eq!(shown(BTreeSet::from([2, 1])), "{1, 2}");
        assert_eq!(shown(HashMap::from([('x', 1.5)])), "{x: 1.5}");
        assert_eq!(shown(Arc::new(Box::new(&"x"))), "x");
        assert_eq!(shown(Vec::<u8>::new()), "[]");
    }
}
