//! Strict decoding of JSON into the typed objects, with the complaints of the real API server.
//!
//! Follows sigs.k8s.io/json (a fork of Go's `encoding/json`): `null` leaves the zero value, unknown
//! fields are collected, a wrong type is named as Go names it. One deserializer type for every
//! kind, so that the tree of types is compiled once. Quantities come out in canonical form.

use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Number, Value};
use std::fmt::{Display, Formatter, Result as FmtResult};

use crate::kube::api::{base64, quantity};

/// How errors of the base64 crate begin.
const BAD_BASE64: [&str; 3] = ["Invalid symbol", "Invalid input length", "Invalid padding"];

/// A refusal to decode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// As the server words it: `json: cannot unmarshal string into Go struct field …`.
    pub message: String,
    /// Where in the document.
    pub at: Vec<String>,
    /// The answer of a probe for a type's name.
    probed: bool,
}

/// A field that the type does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// `spec.containers[0].imag`.
    pub path: String,
    /// The same as steps.
    pub at: Vec<String>,
}

/// A decoded value and the fields that had no place in it.
#[derive(Clone, Debug)]
pub struct Decoded<T> {
    /// The value.
    pub value: T,
    /// Unknown fields in the order of the document.
    pub unknown: Vec<Unknown>,
}

impl<T> Decoded<T> {
    /// The same with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decoded<U> {
        Decoded { value: f(self.value), unknown: self.unknown }
    }
}

impl Display for DecodeError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: Display>(msg: T) -> Self {
        Self { message: msg.to_string(), at: Vec::new(), probed: false }
    }
}

/// Decode a value.
///
/// # Errors
/// Where a value has another type than the field.
pub fn decode<T: serde::de::DeserializeOwned>(value: &Value) -> Result<Decoded<T>, DecodeError> {
    let mut unknown = Vec::new();
    let root = Path { parent: None, step: Step::Root, holder: "" };
    let reader = Reader { value: Some(value), path: &root, unknown: &mut unknown };
    let value = T::deserialize(reader)?;
    Ok(Decoded { value, unknown })
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Key(&'p str),
    Index(usize),
}

/// The way from the root to a value.
struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
    /// The struct that holds the field.
    holder: &'static str,
}

impl Path<'_> {
    fn steps(&self) -> Vec<&Path<'_>> {
        let mut steps = Vec::new();
        let mut next = Some(self);
        while let Some(path) = next {
            steps.push(path);
            next = path.parent;
        }
        steps.reverse();
        steps
    }

    fn at(&self) -> Vec<String> {
        let text = |p: &&Path<'_>| match p.step {
            Step::Root => None,
            Step::Field(name) | Step::Key(name) => Some(name.to_owned()),
            Step::Index(i) => Some(i.to_string()),
        };
        self.steps().iter().filter_map(text).collect()
    }

    /// `spec.containers[0].imag`.
    fn json_path(&self) -> String {
        let mut out = String::new();
        for path in self.steps() {
            match path.step {
                Step::Root => {}
                Step::Field(name) | Step::Key(name) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(name);
                }
                Step::Index(i) => out.push_str(&format!("[{i}]")),
            }
        }
        out
    }

    /// `Go struct field Container.spec.containers.name`, as Go names the place of a wrong type.
    fn go_field(&self) -> String {
        let mut holder = "";
        let mut names = Vec::new();
        for path in self.steps() {
            if let Step::Field(name) = path.step {
                if let Some(inlined) = inlined(path.holder, name) {
                    names.push(inlined);
                }
                names.push(name);
                holder = path.holder;
            }
        }
        if names.is_empty() {
            return "Go value".to_owned();
        }
        let holder = match (holder, names.iter().rev().nth(1)) {
            (_, Some(last)) if inlined_name(last) => *last,
            _ => holder,
        };
        format!("Go struct field {holder}.{}", names.join("."))
    }
}

/// Structs that Go embeds show up in the path of a field.
fn inlined(holder: &str, field: &str) -> Option<&'static str> {
    match holder {
        "Volume" if field != "name" => Some("VolumeSource"),
        "PersistentVolumeSpec" => match field {
            "capacity"
            | "accessModes"
            | "claimRef"
            | "persistentVolumeReclaimPolicy"
            | "storageClassName"
            | "mountOptions"
            | "volumeMode"
            | "nodeAffinity"
            | "volumeAttributesClassName" => None,
            _ => Some("PersistentVolumeSource"),
        },
        "Probe" => match field {
            "exec" | "httpGet" | "tcpSocket" | "grpc" => Some("ProbeHandler"),
            _ => None,
        },
        "ConfigMapKeySelector"
        | "SecretKeySelector"
        | "ConfigMapEnvSource"
        | "SecretEnvSource"
        | "ConfigMapVolumeSource"
        | "ConfigMapProjection"
        | "SecretProjection"
            if field == "name" =>
        {
            Some("LocalObjectReference")
        }
        "EphemeralContainer" if field != "targetContainerName" => Some("EphemeralContainerCommon"),
        _ => None,
    }
}

fn inlined_name(name: &str) -> bool {
    matches!(
        name,
        "VolumeSource"
            | "PersistentVolumeSource"
            | "ProbeHandler"
            | "LocalObjectReference"
            | "EphemeralContainerCommon"
    )
}

/// A value on its way into a type; without a value it only tells the name of the type.
struct Reader<'de, 'p> {
    value: Option<&'de Value>,
    path: &'p Path<'p>,
    unknown: &'p mut Vec<Unknown>,
}

fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

impl<'de> Reader<'de, '_> {
    fn wrong(&self, what: &str, go_type: &str) -> DecodeError {
        let place = self.path.go_field();
        let message = format!("json: cannot unmarshal {what} into {place} of type {go_type}");
        DecodeError { message, at: self.path.at(), probed: false }
    }

    /// The value if it is there, else the answer to a probe.
    fn given(&self, go_type: &str) -> Result<&'de Value, DecodeError> {
        let probe = || DecodeError { message: go_type.to_owned(), at: Vec::new(), probed: true };
        self.value.ok_or_else(probe)
    }

    fn whole(&self, low: i64, high: i64, go_type: &str) -> Result<i64, DecodeError> {
        match self.given(go_type)? {
            Value::Null => Ok(0),
            Value::Number(n) => match n.as_i64() {
                Some(i) if (low..=high).contains(&i) => Ok(i),
                _ => Err(self.wrong(&format!("number {}", go_number(n)), go_type)),
            },
            other @ (Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(self.wrong(go_kind(other), go_type))
            }
        }
    }

    /// The name of the element type of a sequence or map type.
    fn element_type<V: Visitor<'de>>(&mut self, visitor: V, map: bool) -> String {
        let probe = Probe { path: self.path, unknown: self.unknown, key: map };
        let result = if map { visitor.visit_map(probe) } else { visitor.visit_seq(probe) };
        match result {
            Err(e) if e.probed => e.message,
            _ => "interface {}".to_owned(),
        }
    }

    fn located(&self, error: DecodeError) -> DecodeError {
        if !error.at.is_empty() || error.probed {
            return error;
        }
        let message = match error.message.strip_prefix("invalid type: ") {
            Some(_) if error.message.ends_with("IntOrString") => {
                let kind = self.value.map_or("null", go_kind);
                format!("json: cannot unmarshal {kind} into Go value of type int32")
            }
            _ => match self.value.and_then(Value::as_str).map(base64::canonical) {
                Some(Err(offset)) if BAD_BASE64.iter().any(|b| error.message.starts_with(b)) => {
                    format!("illegal base64 data at input byte {offset}")
                }
                _ => error.message,
            },
        };
        DecodeError { message, at: self.path.at(), probed: false }
    }
}

/// A number as Go's `json` quotes it.
fn go_number(n: &Number) -> String {
    n.to_string()
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let Self { value, path, unknown } = self;
        let given = Reader { value, path, unknown }.given("interface {}")?;
        let again = Reader { value, path, unknown: &mut Vec::new() };
        let result = match given {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Number(n) => match (n.as_i64(), n.as_u64(), n.as_f64()) {
                (Some(i), _, _) => visitor.visit_i64(i),
                (_, Some(u), _) => visitor.visit_u64(u),
                (_, _, Some(f)) => visitor.visit_f64(f),
                _ => visitor.visit_unit(),
            },
            Value::String(s) => visitor.visit_borrowed_str(s),
            Value::Array(items) => {
                visitor.visit_seq(Items { items: items.iter().enumerate(), path, unknown })
            }
            Value::Object(map) => visitor.visit_map(Fields::new(Some(map), path, unknown, None)),
        };
        result.map_err(|e| again.located(e))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.given("bool")? {
            Value::Null => visitor.visit_bool(false),
            Value::Bool(b) => visitor.visit_bool(*b),
            other @ (Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(self.wrong(go_kind(other), "bool"))
            }
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let n = self.whole(i64::from(i32::MIN), i64::from(i32::MAX), "int32")?;
        visitor.visit_i64(n)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let n = self.whole(i64::MIN, i64::MAX, "int64")?;
        visitor.visit_i64(n)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let n = self.whole(0, i64::from(u16::MAX), "uint16")?;
        visitor.visit_i64(n)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.given("float64")? {
            Value::Null => visitor.visit_f64(0.0),
            Value::Number(n) => visitor.visit_f64(n.as_f64().unwrap_or(0.0)),
            other @ (Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(self.wrong(go_kind(other), "float64"))
            }
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.given("string")? {
            Value::Null => visitor.visit_borrowed_str(""),
            Value::String(s) => visitor.visit_borrowed_str(s),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(self.wrong(go_kind(other), "string"))
            }
        }
        .map_err(|e| self.located(e))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.value {
            Some(Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match name {
            "Quantity" => {
                let text = match self.given("resource.Quantity")? {
                    Value::Null => "0".to_owned(),
                    Value::String(s) => s.clone(),
                    other @ (Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_)) => other.to_string(),
                };
                let canonical = quantity::canonical(&text).ok_or_else(|| DecodeError {
                    message: quantity::PARSE_ERROR.to_owned(),
                    at: self.path.at(),
                    probed: false,
                })?;
                let text: StringDeserializer<DecodeError> = canonical.into_deserializer();
                visitor.visit_newtype_struct(text)
            }
            "Time" | "MicroTime" => match self.given(&format!("v1.{name}"))? {
                Value::String(s) => {
                    let inner = BorrowedStrDeserializer::<DecodeError>::new(s);
                    visitor.visit_newtype_struct(inner).map_err(|_| DecodeError {
                        message: format!(
                            "parsing time \"{s}\" as \"2006-01-02T15:04:05Z07:00\": \
                             cannot parse \"{s}\" as \"2006\""
                        ),
                        at: self.path.at(),
                        probed: false,
                    })
                }
                other @ (Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_)) => Err(self.wrong(go_kind(other), &format!("v1.{name}"))),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.given("[]interface {}")? {
            Value::Array(items) => {
                let (path, unknown) = (self.path, self.unknown);
                visitor.visit_seq(Items { items: items.iter().enumerate(), path, unknown })
            }
            Value::Null => visitor.visit_seq(Items {
                items: [].iter().enumerate(),
                path: self.path,
                unknown: self.unknown,
            }),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
                let element = self.element_type(visitor, false);
                Err(self.wrong(go_kind(other), &format!("[]{element}")))
            }
        }
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.given("map[string]string")? {
            Value::Object(map) => {
                visitor.visit_map(Fields::new(Some(map), self.path, self.unknown, None))
            }
            Value::Null => visitor.visit_map(Fields::new(None, self.path, self.unknown, None)),
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                let element = self.element_type(visitor, true);
                Err(self.wrong(go_kind(other), &format!("map[string]{element}")))
            }
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let go_type = format!("v1.{name}");
        match self.given(&go_type)? {
            Value::Object(map) => {
                visitor.visit_map(Fields::new(Some(map), self.path, self.unknown, Some(name)))
            }
            Value::Null => {
                visitor.visit_map(Fields::new(None, self.path, self.unknown, Some(name)))
            }
            other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                Err(self.wrong(go_kind(other), &go_type))
            }
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let text = self.given("string")?.as_str().unwrap_or("");
        visitor.visit_enum(Unit(text))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.unknown.push(Unknown { path: self.path.json_path(), at: self.path.at() });
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 u8 u32 u64 f32 char bytes byte_buf unit unit_struct tuple tuple_struct
    }
}

struct Items<'de, 'p> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    path: &'p Path<'p>,
    unknown: &'p mut Vec<Unknown>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        let path = Path { parent: Some(self.path), step: Step::Index(index), holder: "" };
        let reader = Reader { value: Some(value), path: &path, unknown: self.unknown };
        seed.deserialize(reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Fields<'de, 'p> {
    entries: Option<serde_json::map::Iter<'de>>,
    value: Option<(&'de str, &'de Value)>,
    path: &'p Path<'p>,
    unknown: &'p mut Vec<Unknown>,
    holder: Option<&'static str>,
}

impl<'de, 'p> Fields<'de, 'p> {
    fn new(
        map: Option<&'de Map<String, Value>>,
        path: &'p Path<'p>,
        unknown: &'p mut Vec<Unknown>,
        holder: Option<&'static str>,
    ) -> Self {
        Self { entries: map.map(Map::iter), value: None, path, unknown, holder }
    }
}

impl<'de> MapAccess<'de> for Fields<'de, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.entries.as_mut().and_then(Iterator::next) else {
            return Ok(None);
        };
        self.value = Some((key, value));
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        let Some((key, value)) = self.value.take() else {
            return Err(DecodeError::custom("value without key"));
        };
        let (step, holder) = match self.holder {
            Some(holder) => (Step::Field(key), holder),
            None => (Step::Key(key), ""),
        };
        let path = Path { parent: Some(self.path), step, holder };
        seed.deserialize(Reader { value: Some(value), path: &path, unknown: self.unknown })
    }
}

/// Asks an element type for its name.
struct Probe<'p> {
    path: &'p Path<'p>,
    unknown: &'p mut Vec<Unknown>,
    key: bool,
}

impl<'de> SeqAccess<'de> for Probe<'_> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, DecodeError> {
        let reader = Reader { value: None, path: self.path, unknown: self.unknown };
        seed.deserialize(reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for Probe<'_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        if !std::mem::take(&mut self.key) {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new("")).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, DecodeError> {
        seed.deserialize(Reader { value: None, path: self.path, unknown: self.unknown })
    }
}

/// A variant that is only a name.
struct Unit<'de>(&'de str);

impl<'de> EnumAccess<'de> for Unit<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), DecodeError> {
        let value = seed.deserialize(BorrowedStrDeserializer::<DecodeError>::new(self.0))?;
        Ok((value, self))
    }
}

impl<'de> VariantAccess<'de> for Unit<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        _seed: T,
    ) -> Result<T::Value, DecodeError> {
        Err(DecodeError::custom("no such variant"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, DecodeError> {
        Err(DecodeError::custom("no such variant"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, DecodeError> {
        Err(DecodeError::custom("no such variant"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::json;

    #[test]
    fn wrong_types_are_named_as_go_does() {
        for (spec, message) in [
            (
                json!({"volumes": [{"name": "a", "fc": {"lun": "2"}}]}),
                "json: cannot unmarshal string into Go struct field \
                 FCVolumeSource.spec.volumes.VolumeSource.fc.lun of type int32",
            ),
            (
                json!({"affinity": {"nodeAffinity":
                    {"requiredDuringSchedulingIgnoredDuringExecution": []}}}),
                "json: cannot unmarshal array into Go struct field NodeAffinity.spec.affinity.\
                 nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution of type \
                 v1.NodeSelector",
            ),
            (
                json!({"containers": "x"}),
                "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of \
                 type []v1.Container",
            ),
            (
                json!({"nodeSelector": {"a": true}}),
                "json: cannot unmarshal bool into Go struct field PodSpec.spec.nodeSelector of \
                 type string",
            ),
        ] {
            let error = decode::<Pod>(&json!({"spec": spec})).unwrap_err();
            assert_eq!(error.message, message);
        }
    }

    #[test]
    fn unknown_fields_are_collected_and_null_is_zero() {
        let value = json!({"spec": {"containers": [{"name": null, "imag": "x"}], "foo": 1}});
        let decoded = decode::<Pod>(&value).unwrap();
        let paths: Vec<_> = decoded.unknown.iter().map(|u| u.path.as_str()).collect();
        assert_eq!(paths, ["spec.containers[0].imag", "spec.foo"]);
        let name = &decoded.value.spec.unwrap().containers.remove(0).name;
        assert_eq!(name, "");
    }
}
