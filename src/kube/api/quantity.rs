//! Resource quantities in the canonical form in which the API server stores and shows them.
//!
//! Follows apimachinery `pkg/api/resource/quantity.go`: the largest suffix of the same family that
//! leaves a whole number.

use crate::base::quantity::Quantity as Amount;

/// What `ParseQuantity` says of anything else.
pub const PARSE_ERROR: &str = "quantities must match the regular expression \
    '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

const BINARY: [(&str, u32); 6] =
    [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
const DECIMAL: [(&str, u32); 6] = [("E", 18), ("P", 15), ("T", 12), ("G", 9), ("M", 6), ("k", 3)];

/// The canonical form of a quantity: `0.5` is `500m`, `1024Mi` is `1Gi`. `None` if it is none.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let amount = Amount::parse(text)?;
    let suffix = text.trim_start_matches(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    if suffix.ends_with('i') {
        // Below 1024 and fractions fall back to the decimal family, as upstream does.
        let whole = amount.0 % 1000 == 0;
        if whole && amount.0.unsigned_abs() >= 1_024_000 {
            return Some(binary(amount.0 / 1000));
        }
        return Some(decimal(amount.0, false));
    }
    let exponent = suffix.starts_with(['e', 'E']) && suffix.len() > 1;
    Some(decimal(amount.0, exponent))
}

/// In the binary family.
#[must_use]
pub fn binary(value: i128) -> String {
    for (suffix, shift) in BINARY {
        let unit = 1_i128 << shift;
        if value != 0 && value % unit == 0 {
            return format!("{}{suffix}", value / unit);
        }
    }
    value.to_string()
}

/// In the decimal family, from thousandths.
#[must_use]
pub fn decimal(milli: i128, exponent: bool) -> String {
    if milli == 0 {
        return "0".to_owned();
    }
    if milli % 1000 != 0 {
        return if exponent { format!("{milli}e-3") } else { format!("{milli}m") };
    }
    let value = milli / 1000;
    for (suffix, power) in DECIMAL {
        let unit = 10_i128.pow(power);
        if value % unit == 0 {
            let n = value / unit;
            return if exponent { format!("{n}e{power}") } else { format!("{n}{suffix}") };
        }
    }
    value.to_string()
}

/// A quantity's amount; zero for what does not parse.
#[must_use]
pub fn amount(quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity) -> Amount {
    Amount::parse(&quantity.0).unwrap_or_default()
}

/// The sum or difference of amounts in the form in which quota shows it: the format of `like`.
#[must_use]
pub fn format_like(milli: i128, like: &str) -> String {
    let binary_family = like.ends_with('i');
    if binary_family && milli % 1000 == 0 { binary(milli / 1000) } else { decimal(milli, false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms() {
        for (text, want) in [
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1024Mi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("1e3", "1e3"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("0.0001", "1m"),
            ("64Mi", "64Mi"),
            ("100M", "100M"),
            ("0", "0"),
            ("2", "2"),
            ("512Ki", "512Ki"),
            ("0.5Ki", "512"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(canonical("5KB"), None);
    }
}
