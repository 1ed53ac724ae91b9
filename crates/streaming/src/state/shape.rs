//! What the bytes of a type consist of, as a number: two types of the same name that are
//! written otherwise, because a field was added or moved, can be told apart by it.

use std::fmt;

use headwater_core::hash::partition_hash;
use headwater_core::{Site, catch_panic};
use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer,
    MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// The number of a type, which is the same in every process. It is found by reading a value of
/// which every part is made up, and noting what is asked for: names of fields and variants, and
/// the types of what they hold.
///
/// A type that refuses the made up value, or contains itself, is known as far as it was read.
pub(super) fn shape_of<T: DeserializeOwned>() -> u64 {
    let mut notes = Notes::default();
    loop {
        notes.left = PARTS_MAX;
        // What a panic leaves is what was noted before it.
        let _ = catch_panic(Site::here("the type of a state"), || {
            let (notes, depth) = (&mut notes, 0);
            let _ = T::deserialize(Tracer { notes, depth });
        });
        notes.variant += 1;
        if notes.variant >= notes.variants.min(VARIANTS_MAX) {
            return partition_hash(&notes.text);
        }
    }
}

/// So many parts are noted of a type.
const PARTS_MAX: usize = 4096;
/// So deep: a type may contain itself.
const DEPTH_MAX: u32 = 32;
/// So many variants of an enumeration are looked into.
const VARIANTS_MAX: u32 = 256;

#[derive(Default)]
struct Notes {
    text: String,
    /// Which variant enumerations have in this pass; each pass looks into another one.
    variant: u32,
    /// The most variants that an enumeration has.
    variants: u32,
    /// How many parts may still be read in this pass.
    left: usize,
}

/// Reads a value that is made up, so deep inside others.
struct Tracer<'a> {
    notes: &'a mut Notes,
    depth: u32,
}

/// Why a type was not read to its end.
#[derive(Debug)]
struct Unread;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type was not read to its end")
    }
}

impl std::error::Error for Unread {}

impl Error for Unread {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Unread
    }
}

impl<'a> Tracer<'a> {
    fn note(&mut self, what: &str) -> Result<(), Unread> {
        if self.depth > DEPTH_MAX {
            return Err(Unread);
        }
        self.notes.left = self.notes.left.checked_sub(1).ok_or(Unread)?;
        self.notes.text.push_str(what);
        self.notes.text.push(' ');
        Ok(())
    }

    /// What reads the parts of the value.
    fn inside(self) -> Self {
        Tracer {
            depth: self.depth + 1,
            ..self
        }
    }

    fn parts(self, left: usize) -> Parts<'a> {
        Parts {
            of: self.inside(),
            names: &[],
            left,
        }
    }
}

/// Methods for values that have no parts.
macro_rules! plain {
    ($($method:ident: $visit:ident($value:expr)),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unread> {
            self.note(stringify!($visit))?;
            visitor.$visit($value)
        })*
    };
}

impl<'de> Deserializer<'de> for Tracer<'_> {
    type Error = Unread;

    // One, since there are numbers that refuse to be zero.
    plain! {
        deserialize_bool: visit_bool(true),
        deserialize_i8: visit_i8(1),
        deserialize_i16: visit_i16(1),
        deserialize_i32: visit_i32(1),
        deserialize_i64: visit_i64(1),
        deserialize_i128: visit_i128(1),
        deserialize_u8: visit_u8(1),
        deserialize_u16: visit_u16(1),
        deserialize_u32: visit_u32(1),
        deserialize_u64: visit_u64(1),
        deserialize_u128: visit_u128(1),
        deserialize_f32: visit_f32(1.0),
        deserialize_f64: visit_f64(1.0),
        deserialize_char: visit_char('a'),
        deserialize_str: visit_str("a"),
        deserialize_string: visit_str("a"),
        deserialize_bytes: visit_bytes(b"a"),
        deserialize_byte_buf: visit_bytes(b"a"),
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unread> {
        self.note("nothing")?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unread> {
        Err(Unread)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unread> {
        Err(Unread)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Unread> {
        Err(Unread)
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unread> {
        self.note("option")?;
        visitor.visit_some(self.inside())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_unit(visitor)
    }

    /// Written as what it holds.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self.inside())
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unread> {
        self.note("list of")?;
        visitor.visit_seq(self.parts(1))
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Unread> {
        self.note("map of")?;
        visitor.visit_map(self.parts(1))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        mut self,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.note(&format!("{len} of"))?;
        visitor.visit_seq(self.parts(len))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.note(&format!("fields {}", fields.len()))?;
        visitor.visit_seq(Parts {
            names: fields,
            ..self.parts(fields.len())
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        let count = u32::try_from(variants.len()).map_err(|_| Unread)?;
        self.notes.variants = self.notes.variants.max(count);
        let chosen = self.notes.variant.min(count.saturating_sub(1));
        self.note(&format!("{chosen} of {}", variants.join("|")))?;
        visitor.visit_enum(Chosen(self.inside(), chosen))
    }
}

/// The parts of a value, one after the other.
struct Parts<'a> {
    of: Tracer<'a>,
    names: &'static [&'static str],
    left: usize,
}

impl Parts<'_> {
    fn tracer(&mut self) -> Tracer<'_> {
        Tracer {
            notes: self.of.notes,
            depth: self.of.depth,
        }
    }
}

impl<'de> SeqAccess<'de> for Parts<'_> {
    type Error = Unread;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unread> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        if let Some((name, names)) = self.names.split_first() {
            self.of.note(name)?;
            self.names = names;
        }
        seed.deserialize(self.tracer()).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Parts<'_> {
    type Error = Unread;

    fn next_key_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Unread> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Unread> {
        seed.deserialize(self.tracer())
    }
}

/// A variant of an enumeration.
struct Chosen<'a>(Tracer<'a>, u32);

impl<'de, 'a> EnumAccess<'de> for Chosen<'a> {
    type Error = Unread;
    type Variant = Tracer<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Tracer<'a>), Unread> {
        let number: U32Deserializer<Unread> = self.1.into_deserializer();
        Ok((seed.deserialize(number)?, self.0))
    }
}

impl<'de> VariantAccess<'de> for Tracer<'_> {
    type Error = Unread;

    fn unit_variant(self) -> Result<(), Unread> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Unread> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Unread> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        self.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests;
