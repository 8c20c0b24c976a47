//! Durations and sizes in the words of `docker/go-units`.

use crate::base::time::SimDuration;

/// `HumanDuration`: `About a minute`, `3 hours`, …
#[must_use]
pub fn human_duration(d: SimDuration) -> String {
    let seconds = d.as_secs();
    let minutes = seconds / 60;
    // Hours are rounded to the nearest, as upstream does.
    let hours = (seconds + 1_800) / 3_600;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", hours / 24 / 365),
    }
}

/// `HumanDuration` with ` ago`.
#[must_use]
pub fn ago(d: SimDuration) -> String {
    format!("{} ago", human_duration(d))
}

/// `%.{digits}g` of `bytes / base^i` with the unit that makes it less than `base`.
fn with_units(bytes: u64, base: u64, digits: u32, units: &[&str]) -> String {
    let mut unit: u128 = 1;
    let mut at = 0;
    let bytes = u128::from(bytes);
    while bytes >= unit * u128::from(base) && at + 1 < units.len() {
        unit *= u128::from(base);
        at += 1;
    }
    let name = units.get(at).copied().unwrap_or("");
    format!("{}{name}", significant(bytes, unit, digits))
}

/// `numerator / denominator` to that many significant digits without trailing zeros (`%g`).
fn significant(numerator: u128, denominator: u128, digits: u32) -> String {
    let whole = numerator / denominator;
    let before = if whole == 0 { 1 } else { whole.ilog10() + 1 };
    let decimals = digits.saturating_sub(before);
    let scale = 10_u128.pow(decimals);
    let scaled = (numerator * scale * 2 + denominator) / (denominator * 2);
    if scaled / scale >= 10_u128.pow(digits) {
        // Go switches to an exponent where the value has more digits than asked for.
        let exponent = (scaled / scale).ilog10();
        return format!("1e+{exponent:02}");
    }
    let (int, frac) = (scaled / scale, scaled % scale);
    if decimals == 0 || frac == 0 {
        return int.to_string();
    }
    let frac = format!("{frac:0width$}", width = usize::try_from(decimals).unwrap_or(0));
    format!("{int}.{}", frac.trim_end_matches('0'))
}

const DECIMAL: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
const BINARY: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `HumanSize`: four digits, decimal units.
#[must_use]
pub fn human_size(bytes: u64) -> String {
    with_units(bytes, 1000, 4, &DECIMAL)
}

/// `HumanSizeWithPrecision(…, 3)`: three digits, decimal units.
#[must_use]
pub fn human_size3(bytes: u64) -> String {
    with_units(bytes, 1000, 3, &DECIMAL)
}

/// `BytesSize`: four digits, binary units.
#[must_use]
pub fn bytes_size(bytes: u64) -> String {
    with_units(bytes, 1024, 4, &BINARY)
}

/// `FromHumanSize`: `10k` is 10,000.
///
/// # Errors
/// The text of go-units.
pub fn from_human_size(text: &str) -> Result<i64, String> {
    parse_size(text, 1_000)
}

/// `RAMInBytes`: `64m`, `1.5GiB`, `512`.
///
/// # Errors
/// The text of go-units.
pub fn ram_in_bytes(text: &str) -> Result<i64, String> {
    parse_size(text, 1_024)
}

fn parse_size(text: &str, base: i128) -> Result<i64, String> {
    let invalid = || format!("invalid size: '{text}'");
    let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.').ok_or_else(invalid)?;
    let (number, suffix) = text.split_at(end + 1);
    let number = number.trim_end();
    let suffix = suffix.trim().to_ascii_lowercase();
    let (int, frac) = number.split_once('.').unwrap_or((number, ""));
    let digits = |s: &str| s.chars().all(|c| c.is_ascii_digit());
    if let Some(negative) = number.strip_prefix('-')
        && !negative.is_empty()
        && negative.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        return Err(invalid());
    }
    if int.is_empty() && frac.is_empty() || !digits(int) || !digits(frac) || frac.len() > 9 {
        return Err(format!("strconv.ParseFloat: parsing {number:?}: invalid syntax"));
    }
    let int = if int.is_empty() { "0" } else { int };
    let power = match suffix.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "ki" | "kib" => 1,
        "m" | "mb" | "mi" | "mib" => 2,
        "g" | "gb" | "gi" | "gib" => 3,
        "t" | "tb" | "ti" | "tib" => 4,
        "p" | "pb" | "pi" | "pib" => 5,
        _ => return Err(format!("invalid suffix: '{suffix}'")),
    };
    let unit = base.pow(power);
    let whole: i128 = int.parse().map_err(|_| invalid())?;
    let part: i128 = format!("0{frac}").parse().map_err(|_| invalid())?;
    let scale = 10_i128.pow(u32::try_from(frac.len()).unwrap_or(0));
    let bytes = whole.checked_mul(unit).ok_or_else(invalid)? + part * unit / scale;
    i64::try_from(bytes).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let h = 3_600;
        for (s, text) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (90, "About a minute"),
            (3_599, "59 minutes"),
            (h + 29 * 60, "About an hour"),
            (h + 30 * 60, "2 hours"),
            (47 * h, "47 hours"),
            (48 * h, "2 days"),
            (14 * 24 * h, "2 weeks"),
            (60 * 24 * h, "2 months"),
            (730 * 24 * h, "2 years"),
        ] {
            assert_eq!(human_duration(SimDuration::from_secs(s)), text, "{s}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(human_size3(2_965_571), "2.97MB");
        assert_eq!(human_size3(0), "0B");
        assert_eq!(human_size3(1_180), "1.18kB");
        assert_eq!(human_size3(999_900), "1e+03kB");
        assert_eq!(human_size(1_234_567), "1.235MB");
        assert_eq!(bytes_size(134_217_728), "128MiB");
        assert_eq!(bytes_size(352_256), "344KiB");
        assert_eq!(bytes_size(34_099_691), "32.52MiB");
    }

    #[test]
    fn memory_texts() {
        assert_eq!(ram_in_bytes("64m"), Ok(64 << 20));
        assert_eq!(ram_in_bytes("1.5g"), Ok(3 << 29));
        assert_eq!(ram_in_bytes("100"), Ok(100));
        assert_eq!(ram_in_bytes("abc"), Err("invalid size: 'abc'".into()));
        assert_eq!(ram_in_bytes("-1"), Err("invalid size: '-1'".into()));
        assert_eq!(
            ram_in_bytes("a1"),
            Err("strconv.ParseFloat: parsing \"a1\": invalid syntax".into())
        );
        assert_eq!(ram_in_bytes("1megs"), Err("invalid suffix: 'megs'".into()));
    }
}
