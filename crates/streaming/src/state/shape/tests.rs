//! Which types have the same number, and which do not.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::*;

/// The number of a type that has a form, whatever it is called.
macro_rules! shape {
    ($($form:tt)*) => {{
        #[derive(Serialize, Deserialize)]
        $($form)*
        shape_of::<Shape>()
    }};
}

#[test]
fn types_that_are_written_otherwise_have_other_numbers() {
    let shapes = [
        shape!(
            struct Shape {
                a: u32,
                b: u32,
            }
        ),
        shape!(
            struct Shape {
                b: u32,
                a: u32,
            }
        ),
        shape!(
            struct Shape {
                a: u32,
            }
        ),
        shape!(
            struct Shape {
                a: u32,
                b: u64,
            }
        ),
        shape!(
            struct Shape {
                a: u32,
                b: Option<u32>,
            }
        ),
        shape!(
            struct Shape {
                a: Vec<u32>,
                b: u32,
            }
        ),
        shape!(
            struct Shape {
                a: u32,
                b: BTreeMap<String, u8>,
            }
        ),
        shape!(
            struct Shape {
                a: u32,
                b: BTreeMap<String, [u8; 3]>,
            }
        ),
        shape!(
            struct Shape(NonZeroU64, u8);
        ),
        shape!(
            struct Shape(NonZeroU64, i8);
        ),
        shape!(
            enum Shape {
                A,
                B(u8),
                C { d: char },
            }
        ),
        shape!(
            enum Shape {
                A,
                B(u8),
                C { d: String },
            }
        ),
        shape!(
            enum Shape {
                A,
                B(u16),
                C { d: char },
            }
        ),
        shape!(
            enum Shape {
                B(u8),
                A,
                C { d: char },
            }
        ),
    ];
    let different: HashSet<_> = shapes.iter().collect();
    assert_eq!(different.len(), shapes.len());
}

#[test]
fn what_is_written_alike_has_the_same_number() {
    let one = shape!(
        struct Shape {
            a: u32,
            b: (String, f64),
        }
    );
    assert_eq!(
        one,
        shape!(
            struct Shape {
                a: u32,
                b: (String, f64),
            }
        )
    );
    assert_eq!(
        shape!(
            struct Shape(u64);
        ),
        shape_of::<u64>()
    );
    assert_eq!(shape_of::<Vec<u8>>(), shape_of::<HashSet<u8>>());
}

#[test]
fn a_type_that_contains_itself_or_refuses_its_value_has_a_number_too() {
    let itself = shape!(
        struct Shape {
            of: u8,
            more: Option<Box<Shape>>,
        }
    );
    assert_ne!(
        itself,
        shape!(
            struct Shape {
                of: u8,
            }
        )
    );
    let all = shape!(
        struct Shape {
            a: u8,
            left: Vec<Shape>,
            right: Vec<Shape>,
        }
    );
    assert_ne!(itself, all);
    assert_ne!(
        shape_of::<std::net::IpAddr>(),
        shape_of::<serde_json::Value>()
    );
}
