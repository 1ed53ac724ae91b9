//! Records as values of columns.

use postgres::types::ToSql;

/// What a record becomes: a tuple or an array with a value for each of `N` columns.
///
/// That there are as many values as columns is checked by the compiler; that their types
/// are those of the columns, by the client when they are written: `i64` for `bigint`, `i32`
/// for `integer`, `f64` for `double precision`, `String` for `text` and `varchar`,
/// `Option` where there may be nulls. See [`ToSql`] for all.
///
/// ```
/// use headwater_postgres::Row;
/// assert_eq!(("to", 2_i64, None::<f64>).values().len(), 3);
/// ```
pub trait Row<const N: usize> {
    /// The values, in the order of the columns.
    fn values(&self) -> [&(dyn ToSql + Sync); N];
}

impl<V: ToSql + Sync, const N: usize> Row<N> for [V; N] {
    fn values(&self) -> [&(dyn ToSql + Sync); N] {
        self.each_ref().map(|value| value as &(dyn ToSql + Sync))
    }
}

macro_rules! tuple_is_row {
    ($count:literal: $($name:ident),+) => {
        impl<$($name: ToSql + Sync),+> Row<$count> for ($($name,)+) {
            #[allow(non_snake_case, reason = "one name for the type and its value")]
            fn values(&self) -> [&(dyn ToSql + Sync); $count] {
                let ($($name,)+) = self;
                [$($name),+]
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
