//! Values as Go and the docker libraries read and print them: durations, sizes, numbers, words.
//!
//! Models `go-str2duration`, `go-units` `RAMInBytes`, `go-shellwords`, and Go's `time.Duration`
//! and `%v` formats, as Compose uses them.

use serde_json::Value;

const NANOSECOND: i64 = 1;
const SECOND: i64 = 1_000_000_000;

/// A duration such as `1m30s`, `2d` or `1w`, in nanoseconds.
///
/// # Errors
/// The text of the real parser.
pub fn duration(text: &str) -> Result<i64, String> {
    let quoted = go_quote(text);
    let invalid = || format!("time: invalid duration {quoted}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let whole_len = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, after) = rest.split_at(whole_len);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(tail) => tail.split_at(tail.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let unit_len = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, tail) = after.split_at(unit_len);
        if unit.is_empty() {
            return Err(format!("time: missing unit in duration {quoted}"));
        }
        let Some(scale) = unit_nanos(unit) else {
            return Err(format!("time: unknown unit {} in duration {quoted}", go_quote(unit)));
        };
        total += amount(whole, fraction, scale).ok_or_else(invalid)?;
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = tail;
    }
    let total = i64::try_from(total).map_err(|_| invalid())?;
    Ok(if negative { -total } else { total })
}

fn unit_nanos(unit: &str) -> Option<i64> {
    Some(match unit {
        "ns" => NANOSECOND,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3_600 * SECOND,
        "d" => 86_400 * SECOND,
        "w" => 604_800 * SECOND,
        _ => return None,
    })
}

fn amount(whole: &str, fraction: &str, scale: i64) -> Option<i128> {
    let scale = i128::from(scale);
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut total = whole.checked_mul(scale)?;
    let mut place = scale;
    for digit in fraction.bytes().take(18) {
        // Digits beyond a nanosecond do not count.
        total = total.checked_add(i128::from(digit - b'0') * place / 10)?;
        place /= 10;
    }
    Some(total)
}

/// A duration as Go prints it: `1m30s`, `500ms`, `0s`.
#[must_use]
pub fn show_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let point = |value: u64, digits: u32, unit: &str| {
        let scale = 10u64.pow(digits);
        let (whole, part) = (value / scale, value % scale);
        if part == 0 {
            return format!("{whole}{unit}");
        }
        let width = usize::try_from(digits).unwrap_or(9);
        let part = format!("{part:0width$}");
        format!("{whole}.{}{unit}", part.trim_end_matches('0'))
    };
    let text = match n {
        0 => "0s".to_owned(),
        1..1_000 => format!("{n}ns"),
        1_000..1_000_000 => point(n, 3, "µs"),
        1_000_000..1_000_000_000 => point(n, 6, "ms"),
        _ => {
            let minutes = n / 60_000_000_000;
            let seconds = point(n % 60_000_000_000, 9, "s");
            match (minutes / 60, minutes % 60) {
                (0, 0) => seconds,
                (0, m) => format!("{m}m{seconds}"),
                (h, m) => format!("{h}h{m}m{seconds}"),
            }
        }
    };
    format!("{sign}{text}")
}

/// A size such as `64M` or `1.5gb`, in bytes.
///
/// # Errors
/// The text of the real parser.
#[expect(clippy::float_arithmetic, reason = "the real parser multiplies as float")]
#[expect(clippy::cast_possible_truncation, reason = "as the real parser does")]
pub fn bytes(text: &str) -> Result<i64, String> {
    let invalid = || format!("invalid size: '{text}'");
    let last =
        text.rfind(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').ok_or_else(invalid)?;
    let (head, suffix) = text.split_at(last + 1);
    let number = head.strip_suffix(' ').unwrap_or(head);
    let size: f64 = number
        .parse()
        .map_err(|_| format!("strconv.ParseFloat: parsing {}: invalid syntax", go_quote(number)))?;
    if size < 0.0 {
        return Err(invalid());
    }
    let bad = |suffix: &str| Err(format!("invalid suffix: '{suffix}'"));
    if suffix.len() > 3 {
        return bad(suffix);
    }
    let suffix = suffix.to_ascii_lowercase();
    let scale: f64 = match suffix.bytes().next() {
        None => return Ok(size as i64),
        Some(b'b') if suffix.len() == 1 => 1.0,
        Some(b'k') => 1024.0,
        Some(b'm') => 1_048_576.0,
        Some(b'g') => 1_073_741_824.0,
        Some(b't') => 1_099_511_627_776.0,
        Some(b'p') => 1_125_899_906_842_624.0,
        Some(_) => return bad(&suffix),
    };
    match suffix.get(1..) {
        Some("" | "b" | "ib") | None => Ok((size * scale) as i64),
        Some(_) => bad(&suffix),
    }
}

/// A value as Go's `fmt.Sprint` prints it.
#[must_use]
pub fn sprint(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::String(text) => text.clone(),
        Value::Number(n) => match n.as_f64().filter(|_| n.is_f64()) {
            Some(f) => float(f),
            None => n.to_string(),
        },
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(sprint).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let items: Vec<String> =
                map.iter().map(|(k, v)| format!("{k}:{}", sprint(v))).collect();
            format!("map[{}]", items.join(" "))
        }
    }
}

/// A float in Go's shortest `%g`: with an exponent from 1e6 on and below 1e-4.
#[must_use]
pub fn float(value: f64) -> String {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// The Go type of a value, for messages.
#[must_use]
pub fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// A text in Go's double quotes.
#[must_use]
pub fn go_quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A command line split into words, with quotes and backslashes.
///
/// # Errors
/// The text of the real parser, for an open quote.
pub fn shell_words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut got = false;
    let (mut single, mut double, mut escaped) = (false, false, false);
    for c in line.chars() {
        if escaped {
            if c == 't' {
                word.push('\t');
            } else if c != '\n' || single || double {
                word.push(c);
            }
            escaped = false;
            got = true;
            continue;
        }
        match c {
            '\\' if !single => escaped = true,
            ' ' | '\t' | '\r' | '\n' if !single && !double => {
                if got || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                    got = false;
                }
            }
            '"' if !single => {
                double = !double;
                got = true;
            }
            '\'' if !double => {
                single = !single;
                got = true;
            }
            // The parser stops at characters that end a command.
            ';' | '&' | '|' | '<' | '>' if !single && !double => break,
            c => word.push(c),
        }
    }
    if single || double || escaped {
        return Err("invalid command line string".to_owned());
    }
    if got || !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// A path with `.`, `..` and doubled slashes resolved, as Go's `path.Clean`.
#[must_use]
pub fn clean(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if absolute => {}
                _ => parts.push(".."),
            },
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (absolute, joined.as_str()) {
        (true, _) => format!("/{joined}"),
        (false, "") => ".".to_owned(),
        (false, _) => joined,
    }
}

/// A path seen from a folder, cleaned, as Go's `filepath.Join`.
#[must_use]
pub fn join(folder: &str, path: &str) -> String {
    match (folder, path) {
        ("", "") => String::new(),
        ("", path) => clean(path),
        (folder, path) => clean(&format!("{folder}/{path}")),
    }
}

/// The folder of a path, as Go's `filepath.Dir`.
#[must_use]
pub fn dir(path: &str) -> String {
    match path.rfind('/') {
        Some(at) => clean(path.get(..=at).unwrap_or_default()),
        None => ".".to_owned(),
    }
}

/// The last part of a path, as Go's `filepath.Base`.
#[must_use]
pub fn base(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => ".",
        "" => "/",
        path => path.rsplit('/').next().unwrap_or(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, shown) in [
            ("1m30s", "1m30s"),
            ("90s", "1m30s"),
            ("1.5h", "1h30m0s"),
            ("500ms", "500ms"),
            ("1d", "24h0m0s"),
            ("0", "0s"),
            ("2us", "2µs"),
        ] {
            assert_eq!(show_duration(duration(text).unwrap()), shown, "{text}");
        }
        for (text, message) in [
            ("abc", "time: invalid duration \"abc\""),
            ("10", "time: missing unit in duration \"10\""),
            ("5x", "time: unknown unit \"x\" in duration \"5x\""),
        ] {
            assert_eq!(duration(text).unwrap_err(), message);
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("64M"), Ok(67_108_864));
        assert_eq!(bytes("1.5gb"), Ok(1_610_612_736));
        assert_eq!(bytes("64Megs"), Err("invalid suffix: 'Megs'".to_owned()));
        assert_eq!(bytes("x"), Err("invalid size: 'x'".to_owned()));
    }

    #[test]
    fn words_and_paths() {
        assert_eq!(shell_words("sh -c 'a b' \"c\"").unwrap(), ["sh", "-c", "a b", "c"]);
        assert!(shell_words("echo 'x").is_err());
        assert_eq!(clean("/a/./b/../c/"), "/a/c");
        assert_eq!(join("/p", "./x"), "/p/x");
        assert_eq!(base("/a/b/"), "b");
        assert_eq!(float(12_345_678.0), "1.2345678e+07");
        assert_eq!(float(1.5), "1.5");
    }
}
