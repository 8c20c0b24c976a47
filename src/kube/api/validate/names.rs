//! Forms of names, labels and keys, with apimachinery's explanations of what is wrong.
//!
//! Follows apimachinery `pkg/util/validation/validation.go`. Written as loops over bytes, not
//! regular expressions: every new pod passes here.

const LABEL_63: usize = 63;
const SUBDOMAIN_253: usize = 253;
const PORT_NAME_15: usize = 15;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character (e.g. \
    'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
    characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or \
    '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or \
    '-', start with an alphabetic character, and end with an alphanumeric character (e.g. \
    'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and \
    must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const QUALIFIED: &str = "a valid label key must consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or \
    '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an \
    optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric \
    characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. \
    'MyValue',  or 'my_value',  or '12345', regex used for validation is \
    '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or \
    '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
    '[-._a-zA-Z0-9]+')";
const ENV_NAME: &str = "a valid environment variable name must consist only of printable ASCII \
    characters other than '='";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid \
    DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end \
    with an alphanumeric character (e.g. '*.example.com', regex used for validation is \
    '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
/// What a port that is none is told.
pub const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

/// What is wrong; empty where nothing is.
pub type Wrong = Vec<String>;

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn fits_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ends =
        bytes.first().copied().is_some_and(lower) && bytes.last().copied().is_some_and(lower);
    ends && bytes.iter().all(|b| lower(*b) || *b == b'-')
}

fn fits_subdomain(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(fits_label)
}

/// A DNS label: `my-name`.
#[must_use]
pub fn label(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > LABEL_63 {
        wrong.push(format!("must be no more than {LABEL_63} characters"));
    }
    if !fits_label(text) {
        let why = if fits_subdomain(text) { "must not contain dots" } else { LABEL };
        wrong.push(why.to_owned());
    }
    wrong
}

/// A DNS label that starts with a letter.
#[must_use]
pub fn label_1035(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > LABEL_63 {
        wrong.push(format!("must be no more than {LABEL_63} characters"));
    }
    if !fits_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        wrong.push(LABEL_1035.to_owned());
    }
    wrong
}

/// A DNS name: `example.com`.
#[must_use]
pub fn subdomain(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > SUBDOMAIN_253 {
        wrong.push(format!("must be no more than {SUBDOMAIN_253} characters"));
    }
    if !fits_subdomain(text) {
        wrong.push(SUBDOMAIN.to_owned());
    }
    wrong
}

/// `*.example.com`.
#[must_use]
pub fn wildcard(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > SUBDOMAIN_253 {
        wrong.push(format!("must be no more than {SUBDOMAIN_253} characters"));
    }
    if !text.strip_prefix("*.").is_some_and(fits_subdomain) {
        wrong.push(WILDCARD.to_owned());
    }
    wrong
}

/// A name that can stand in a URL.
#[must_use]
pub fn path_segment(text: &str) -> Wrong {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    ['/', '%']
        .iter()
        .filter(|c| text.contains(**c))
        .map(|c| format!("may not contain '{c}'"))
        .collect()
}

fn fits_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |b: &u8| b.is_ascii_alphanumeric();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    bytes.first().is_some_and(edge) && bytes.last().is_some_and(edge) && bytes.iter().all(inner)
}

/// A label's or annotation's key: `example.com/name`.
#[must_use]
pub fn qualified(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    let mut parts = text.split('/');
    let (first, second, third) = (parts.next().unwrap_or(""), parts.next(), parts.next());
    if third.is_some() {
        wrong.push(QUALIFIED.to_owned());
        return wrong;
    }
    let name = match second {
        None => first,
        Some(name) => {
            if first.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(subdomain(first).into_iter().map(|why| format!("prefix part {why}")));
            }
            name
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > LABEL_63 {
        wrong.push(format!("name part must be no more than {LABEL_63} bytes"));
    }
    if !fits_name(name) {
        wrong.push(NAME_PART.to_owned());
    }
    wrong
}

/// A label's value.
#[must_use]
pub fn label_value(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > LABEL_63 {
        wrong.push(format!("must be no more than {LABEL_63} bytes"));
    }
    if !text.is_empty() && !fits_name(text) {
        wrong.push(LABEL_VALUE.to_owned());
    }
    wrong
}

/// A key of a ConfigMap or Secret.
#[must_use]
pub fn config_key(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > SUBDOMAIN_253 {
        wrong.push(format!("must be no more than {SUBDOMAIN_253} characters"));
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if text.is_empty() || !text.bytes().all(fits) {
        wrong.push(CONFIG_KEY.to_owned());
    } else if text == "." || text == ".." {
        wrong.push(format!("must not be '{text}'"));
    } else if text.starts_with("..") {
        wrong.push("must not start with '..'".to_owned());
    }
    wrong
}

/// The name of an environment variable (relaxed since 1.34).
#[must_use]
pub fn env_name(text: &str) -> Wrong {
    let fits = |b: u8| (0x20..0x7f).contains(&b) && b != b'=';
    if !text.is_empty() && text.bytes().all(fits) {
        Wrong::new()
    } else {
        vec![ENV_NAME.to_owned()]
    }
}

/// The name of a port.
#[must_use]
pub fn port_name(text: &str) -> Wrong {
    let mut wrong = Wrong::new();
    if text.len() > PORT_NAME_15 {
        wrong.push(format!("must be no more than {PORT_NAME_15} characters"));
    }
    if !text.bytes().all(|b| lower(b) || b == b'-') || text.is_empty() {
        let why = "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        wrong.push(why.to_owned());
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// A percentage such as `25%`.
#[must_use]
pub fn percent(text: &str) -> Wrong {
    let digits = text.strip_suffix('%').unwrap_or("");
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Wrong::new();
    }
    vec![
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  \
         or '93%', regex used for validation is '[0-9]+%')"
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, of, start) in [
            ("my-name", label as fn(&str) -> Wrong, ""),
            ("affy.com", label, "must not contain dots"),
            ("C_1", label, "a lowercase RFC 1123 label"),
            ("1svc", label_1035, "a DNS-1035 label"),
            ("a.b-c.d", subdomain, ""),
            ("a..b", subdomain, "a lowercase RFC 1123 subdomain"),
            ("app.kubernetes.io/name", qualified, ""),
            ("a b", qualified, "name part must consist"),
            ("/x", qualified, "prefix part must be non-empty"),
            ("", qualified, "name part must be non-empty"),
            ("b c", label_value, "a valid label must be"),
            ("", label_value, ""),
            ("a b", config_key, "a valid config key"),
            ("A B", env_name, ""),
            ("A=B", env_name, "a valid environment"),
            ("averylongportname", port_name, "must be no more than 15 characters"),
            ("nosuchport_", port_name, "must contain only"),
            ("25%", percent, ""),
            ("x%", percent, "a valid percent"),
        ] {
            let first = of(text).first().cloned().unwrap_or_default();
            assert!(
                first.starts_with(start) && first.is_empty() == start.is_empty(),
                "{text}: {first}"
            );
        }
    }
}
