//! Base64 as Go's `encoding/base64` reads it: line ends are skipped, the first wrong byte is named.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::kube::api::object::Kind;

/// The text in its one canonical form, or the place of the first byte that does not fit.
///
/// # Errors
/// The offset that Go's `CorruptInputError` names.
pub fn canonical(text: &str) -> Result<String, usize> {
    let mut bits = 0_u32;
    let mut quantum = 0;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut rest = text.bytes().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n'));
    while let Some((at, byte)) = rest.next() {
        if let Some(six) = value(byte) {
            bits = bits << 6 | six;
            quantum += 1;
            if quantum == 4 {
                bytes.extend_from_slice(bits.to_be_bytes().get(1..).unwrap_or(&[]));
                (bits, quantum) = (0, 0);
            }
            continue;
        }
        if byte != b'=' || quantum < 2 {
            return Err(at);
        }
        if quantum == 2 {
            match rest.next() {
                Some((_, b'=')) => {}
                Some((next, _)) => return Err(next),
                None => return Err(text.len()),
            }
        }
        if let Some((next, _)) = rest.next() {
            return Err(next);
        }
        let whole = (bits << (6 * (4 - quantum))).to_be_bytes();
        bytes.extend_from_slice(whole.get(1..quantum).unwrap_or(&[]));
        return Ok(STANDARD.encode(bytes));
    }
    if quantum > 0 {
        return Err(text.len() - quantum);
    }
    Ok(STANDARD.encode(bytes))
}

fn value(byte: u8) -> Option<u32> {
    let place = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(place))
}

/// Bring the bytes of a ConfigMap or Secret into the canonical form.
pub(super) fn tidy(kind: Kind, object: &mut Map<String, Value>) {
    let fields = [(Kind::Secret, "data"), (Kind::ConfigMap, "binaryData")];
    let Some((_, field)) = fields.iter().find(|(k, _)| *k == kind) else { return };
    let Some(Value::Object(data)) = object.get_mut(*field) else { return };
    for value in data.values_mut() {
        if let Some(Ok(text)) = value.as_str().map(canonical) {
            *value = Value::String(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_go_reads_it() {
        for (text, wanted) in [
            ("", Ok("")),
            ("aGVsbG8=", Ok("aGVsbG8=")),
            ("aGVs\nbG8=\n", Ok("aGVsbG8=")),
            ("aGVsbG9=", Ok("aGVsbG8=")),
            ("aGk=", Ok("aGk=")),
            ("aA==", Ok("aA==")),
            ("not-base64!", Err(3)),
            ("cGFzc3dvc!", Err(9)),
            ("aGVsbG8", Err(4)),
            ("aA=", Err(3)),
            ("aGk=x", Err(4)),
            ("=", Err(0)),
        ] {
            assert_eq!(canonical(text), wanted.map(str::to_owned), "{text}");
        }
    }
}
