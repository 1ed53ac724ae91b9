//! Records as values of columns.

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};

/// What a record becomes: a tuple or an array with a value for each of `N` columns.
///
/// That there are as many values as columns is checked by the compiler. A value is anything
/// with rusqlite's [`ToSql`]: numbers, strings, byte vectors, options, [`Value`].
///
/// ```
/// use headwater_sqlite::Row;
/// let mut values = Vec::new();
/// ("to", 2, None::<f64>).add_to(&mut values).unwrap();
/// assert_eq!(values.len(), 3);
/// ```
pub trait Row<const N: usize> {
    /// Adds the values, in the order of the columns.
    ///
    /// # Errors
    /// When SQLite cannot represent a value, such as an integer beyond 64 bits with a sign.
    fn add_to(&self, values: &mut Vec<Value>) -> Result<(), rusqlite::Error>;
}

impl<V: ToSql, const N: usize> Row<N> for [V; N] {
    fn add_to(&self, values: &mut Vec<Value>) -> Result<(), rusqlite::Error> {
        for value in self {
            values.push(owned(value)?);
        }
        Ok(())
    }
}

macro_rules! tuple_is_row {
    ($count:literal: $($name:ident),+) => {
        impl<$($name: ToSql),+> Row<$count> for ($($name,)+) {
            #[allow(non_snake_case, reason = "one name for the type and its value")]
            fn add_to(&self, values: &mut Vec<Value>) -> Result<(), rusqlite::Error> {
                let ($($name,)+) = self;
                $(values.push(owned($name)?);)+
                Ok(())
            }
        }
    };
}

tuple_is_row!(1: A);
tuple_is_row!(2: A, B);
tuple_is_row!(3: A, B, C);
tuple_is_row!(4: A, B, C, D);
tuple_is_row!(5: A, B, C, D, E);
tuple_is_row!(6: A, B, C, D, E, F);
tuple_is_row!(7: A, B, C, D, E, F, G);
tuple_is_row!(8: A, B, C, D, E, F, G, H);
tuple_is_row!(9: A, B, C, D, E, F, G, H, I);
tuple_is_row!(10: A, B, C, D, E, F, G, H, I, J);
tuple_is_row!(11: A, B, C, D, E, F, G, H, I, J, K);
tuple_is_row!(12: A, B, C, D, E, F, G, H, I, J, K, L);

fn owned(value: &impl ToSql) -> Result<Value, rusqlite::Error> {
    match value.to_sql()? {
        ToSqlOutput::Owned(value) => Ok(value),
        ToSqlOutput::Borrowed(value) => Value::try_from(value)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into())),
        // Blobs by handle and the like: no values that could wait for a commit.
        _ => Err(rusqlite::Error::ToSqlConversionFailure(
            "only plain values can be staged".into(),
        )),
    }
}

/// How much memory a value takes, roughly.
pub(crate) fn bytes(value: &Value) -> usize {
    let held = match ValueRef::from(value) {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        _ => 0,
    };
    size_of::<Value>() + held
}
