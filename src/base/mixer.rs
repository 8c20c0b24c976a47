//! The hash of content: a word at a time, the same on every platform.
//!
//! Our own types come to it by `#[derive(Hash)]`; types of other crates that only have a serde
//! form, by [`Mixer::add_serialized`]. Neither makes text of anything.
//!
//! A `Vec<usize>` must not be hashed: the standard library hashes it as raw bytes. The libraries for
//! quick hashes give other values on 32 than on 64 bit, and those for portable ones are slow on the
//! short fields that make up nearly all content.

use std::fmt::Error;
use std::hash::{Hash, Hasher};

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// An odd number whose bits are spread evenly (2⁶⁴ divided by the golden ratio).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A 64-bit hash of content, for digests. [`crate::base::digest::Digester`] is the one for names
/// and seeds, whose values must never change; this one is several times quicker.
#[derive(Clone, Debug, Default)]
pub struct Mixer(u64);

impl Mixer {
    /// Take in one word. For a given state no two words lead to the same state.
    const fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(SPREAD);
    }

    /// Take in what has a serde form.
    pub fn add_serialized(&mut self, value: &impl Serialize) {
        // Only a type's own refusal ends it early; what it gave until then is in.
        if value.serialize(&mut *self).is_err() {
            self.mix(mark::REFUSED);
        }
    }
}

/// The hash of a value.
#[must_use]
pub fn of(value: &impl Hash) -> u64 {
    let mut mixer = Mixer::default();
    value.hash(&mut mixer);
    mixer.finish()
}

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        // The end of splitmix64, so that sums of hashes are as good as the hashes.
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            // Up to seven bytes; the eighth says how many.
            let mut last = (rest.len() as u64) << 56;
            for (at, byte) in rest.iter().enumerate() {
                last |= u64::from(*byte) << (8 * at);
            }
            self.mix(last);
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.mix(u64::from(n));
    }

    fn write_u16(&mut self, n: u16) {
        self.mix(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.mix(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }

    fn write_isize(&mut self, n: isize) {
        self.mix((n as i64).cast_unsigned());
    }
}

/// What stands between the values of a serde form.
mod mark {
    pub(super) const NONE: u64 = 0xf0;
    pub(super) const SOME: u64 = 0xf1;
    pub(super) const UNIT: u64 = 0xf2;
    pub(super) const LIST: u64 = 0xf3;
    pub(super) const MAP: u64 = 0xf4;
    pub(super) const END: u64 = 0xf5;
    pub(super) const REFUSED: u64 = 0xf6;
}

impl Mixer {
    fn text(&mut self, text: &str) {
        self.mix(text.len() as u64);
        self.write(text.as_bytes());
    }
}

macro_rules! words {
    ($($name:ident: $ty:ty,)*) => {
        $(fn $name(self, n: $ty) -> Result<(), Error> {
            n.hash(self);
            Ok(())
        })*
    };
}

impl Serializer for &mut Mixer {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    words! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32,
        serialize_i64: i64, serialize_u8: u8, serialize_u16: u16, serialize_u32: u32,
        serialize_u64: u64, serialize_char: char,
    }

    fn serialize_f32(self, n: f32) -> Result<(), Error> {
        self.serialize_f64(f64::from(n))
    }

    fn serialize_f64(self, n: f64) -> Result<(), Error> {
        self.mix(n.to_bits());
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        self.text(text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Error> {
        bytes.hash(self);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.mix(mark::NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.mix(mark::SOME);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.mix(mark::UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.text(variant);
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        self.mix(mark::LIST);
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.text(variant);
        self.serialize_seq(None)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        self.mix(mark::MAP);
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Error> {
        self.text(variant);
        self.serialize_map(None)
    }

    fn is_human_readable(&self) -> bool {
        true
    }
}

macro_rules! items {
    ($($of:ident::$item:ident,)*) => {
        $(impl $of for &mut Mixer {
            type Ok = ();
            type Error = Error;

            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Error> {
                self.mix(mark::END);
                Ok(())
            }
        })*
    };
}

items! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! fields {
    ($($of:ident,)*) => {
        $(impl $of for &mut Mixer {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.text(name);
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), Error> {
                self.mix(mark::END);
                Ok(())
            }
        })*
    };
}

fields! { SerializeStruct, SerializeStructVariant, }

impl SerializeMap for &mut Mixer {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Error> {
        self.mix(mark::END);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_serialized(value: &impl Serialize) -> u64 {
        let mut mixer = Mixer::default();
        mixer.add_serialized(value);
        mixer.finish()
    }

    #[test]
    fn what_differs_hashes_differently() {
        let texts = ["", "a", "a\0", "ab", "abcdefgh", "abcdefgh\0", "abcdefghi", "\0"];
        let mut seen: Vec<u64> = texts.iter().map(of).collect();
        seen.extend([of(&("a", "b")), of(&("ab", "")), of(&Some("a")), of(&None::<&str>)]);
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        assert_eq!(of(&7_usize), of(&7_u64), "32 and 64 bit agree");
    }

    #[test]
    fn serde_forms_are_told_apart() {
        let forms = [
            serde_json::json!({}),
            serde_json::json!([]),
            serde_json::json!(null),
            serde_json::json!({"a": 1}),
            serde_json::json!({"a": [1]}),
            serde_json::json!({"a": {"b": 1}}),
            serde_json::json!({"a": {}, "b": 1}),
            serde_json::json!({"a": "1"}),
            serde_json::json!({"a": [[], []]}),
            serde_json::json!({"a": [[[]]]}),
        ];
        let mut seen: Vec<u64> = forms.iter().map(of_serialized).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), forms.len());
    }
}
