//! JSON as kubectl writes it: four spaces, keys sorted, and HTML characters escaped as Go does.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The document, with a line end.
pub(crate) fn print(value: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let mut writer = Serializer::with_formatter(&mut bytes, formatter);
    if value.serialize(&mut writer).is_err() {
        return String::new();
    }
    let mut text = escape_html(&String::from_utf8_lossy(&bytes));
    text.push('\n');
    text
}

/// On one line, without spaces.
pub(crate) fn compact(value: &Value) -> String {
    escape_html(&value.to_string())
}

fn escape_html(text: &str) -> String {
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn indented_and_escaped() {
        assert_eq!(
            print(&json!({"b": ["<x>"], "a": {}})),
            "{\n    \"a\": {},\n    \"b\": [\n        \"\\u003cx\\u003e\"\n    ]\n}\n"
        );
    }
}
