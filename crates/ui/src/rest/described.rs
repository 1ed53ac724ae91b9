//! Answers that say what they consist of, so that the OpenAPI document cannot differ from them.
//!
//! [`reply!`] makes a struct that can be written as JSON and has a schema; [`choices!`] does the
//! same for names of which one is meant, and reads them from queries too.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Something that an answer consists of.
pub(crate) trait Described {
    /// Its JSON schema; objects are put among the schemas and referred to.
    fn schema(schemas: &mut Schemas) -> Value;

    /// Whether a field of it may be left out.
    const MAY_BE_ABSENT: bool = false;

    /// Whether this one is left out.
    fn is_absent(&self) -> bool {
        false
    }
}

/// The schemas of objects, by their names.
#[derive(Debug, Default)]
pub(crate) struct Schemas(pub(crate) BTreeMap<&'static str, Value>);

/// A field of an object, as its schema tells it.
pub(crate) struct Field {
    key: String,
    schema: Value,
    may_be_absent: bool,
}

impl Field {
    pub(crate) fn new<T: Described>(schemas: &mut Schemas, key: String, meaning: &str) -> Self {
        let mut schema = T::schema(schemas);
        if let (Some(schema), false) = (schema.as_object_mut(), meaning.is_empty()) {
            schema.insert("description".to_owned(), meaning.trim().into());
        }
        Field {
            key,
            schema,
            may_be_absent: T::MAY_BE_ABSENT,
        }
    }
}

impl Schemas {
    /// A reference to an object, which is described when it is met first.
    pub(crate) fn object(
        &mut self,
        name: &'static str,
        meaning: &str,
        fields: fn(&mut Schemas) -> Vec<Field>,
    ) -> Value {
        if !self.0.contains_key(name) {
            let fields = fields(self);
            let required = fields.iter().filter(|field| !field.may_be_absent);
            let required: Vec<_> = required.map(|field| field.key.clone()).collect();
            let properties = fields.into_iter().map(|field| (field.key, field.schema));
            let properties: Map<_, _> = properties.collect();
            let schema = json!({
                "type": "object",
                "description": meaning.trim(),
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            });
            self.0.insert(name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }
}

/// How a field is called in JSON: `batch_id` is `batchId`.
pub(crate) fn camel_case(field: &str) -> String {
    let mut out = String::with_capacity(field.len());
    let mut is_start = false;
    for letter in field.chars() {
        match (letter, is_start) {
            ('_', _) => is_start = true,
            (_, true) => {
                out.extend(letter.to_uppercase());
                is_start = false;
            }
            _ => out.push(letter),
        }
    }
    out
}

/// Names of which one is meant, in queries (in any case) and in answers.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    const ALL: &'static [(&'static str, Self)];

    fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find_map(|(name, choice)| name.eq_ignore_ascii_case(text).then_some(*choice))
    }

    fn names() -> Vec<&'static str> {
        Self::ALL.iter().map(|(name, _)| *name).collect()
    }
}

macro_rules! reply {
    ($(#[doc = $doc:literal])* pub(crate) struct $name:ident {
        $($(#[doc = $meaning:literal])* $field:ident $(as $key:literal)?: $type:ty,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        pub(crate) struct $name {
            $(
                $(#[doc = $meaning])*
                #[serde(skip_serializing_if = "crate::rest::described::Described::is_absent")]
                $(#[serde(rename = $key)])?
                pub(crate) $field: $type,
            )*
        }

        impl $crate::rest::described::Described for $name {
            fn schema(schemas: &mut $crate::rest::described::Schemas) -> serde_json::Value {
                use $crate::rest::described::{Field, camel_case};
                schemas.object(stringify!($name), concat!("", $($doc),*), |schemas| {
                    let key = |field: &str, given: &[&str]| {
                        given.first().map_or_else(|| camel_case(field), |key| (*key).to_owned())
                    };
                    vec![$(Field::new::<$type>(
                        schemas,
                        key(stringify!($field), &[$($key)?]),
                        concat!("", $($meaning),*),
                    )),*]
                })
            }
        }
    };
}

macro_rules! choices {
    ($(#[doc = $doc:literal])* pub(crate) enum $name:ident {
        $first:ident = $first_name:literal, $($other:ident = $other_name:literal,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
        pub(crate) enum $name {
            #[default]
            #[serde(rename = $first_name)]
            $first,
            $(#[serde(rename = $other_name)] $other,)*
        }

        impl $crate::rest::described::Choice for $name {
            const ALL: &'static [(&'static str, Self)] =
                &[($first_name, $name::$first), $(($other_name, $name::$other)),*];
        }

        impl $crate::rest::described::Described for $name {
            fn schema(_: &mut $crate::rest::described::Schemas) -> serde_json::Value {
                let names = <$name as $crate::rest::described::Choice>::names();
                serde_json::json!({ "type": "string", "enum": names })
            }
        }
    };
}

pub(crate) use {choices, reply};

macro_rules! plain {
    ($($type:ty: $schema:tt,)*) => {
        $(impl Described for $type {
            fn schema(_: &mut Schemas) -> Value {
                json!($schema)
            }
        })*
    };
}

plain! {
    bool: { "type": "boolean" },
    u32: { "type": "integer", "format": "int32" },
    usize: { "type": "integer", "format": "int64" },
    u64: { "type": "integer", "format": "int64" },
    i64: { "type": "integer", "format": "int64" },
    f64: { "type": "number", "format": "double" },
    String: { "type": "string" },
    &'static str: { "type": "string" },
}

impl<T: Described> Described for Option<T> {
    const MAY_BE_ABSENT: bool = true;

    fn schema(schemas: &mut Schemas) -> Value {
        T::schema(schemas)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Described> Described for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({ "type": "array", "items": T::schema(schemas) })
    }
}

impl<T: Described> Described for BTreeMap<String, T> {
    fn schema(schemas: &mut Schemas) -> Value {
        json!({ "type": "object", "additionalProperties": T::schema(schemas) })
    }
}

impl<A: Described, B: Described> Described for (A, B) {
    fn schema(schemas: &mut Schemas) -> Value {
        let items = [A::schema(schemas), B::schema(schemas)];
        json!({ "type": "array", "prefixItems": items, "minItems": 2, "maxItems": 2 })
    }
}
