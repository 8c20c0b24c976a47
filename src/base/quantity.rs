//! Kubernetes resource quantities (`250m`, `64Mi`, `1e3`) as exact integers.

use std::fmt::{Display, Formatter, Result as FmtResult};

/// An amount in thousandths of the unit (milli-cores for cpu, milli-bytes for memory).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(pub i128);

impl Quantity {
    /// Read a quantity; `None` where `resource.ParseQuantity` would refuse it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (int, frac) = number.split_once('.').unwrap_or((number, ""));
        if int.is_empty() && frac.is_empty() || frac.contains('.') {
            return None;
        }
        let (mul, div) = scale(suffix)?;
        let digits: i128 = format!("0{int}{frac}").parse().ok()?;
        let div = 10_i128.checked_pow(u32::try_from(frac.len()).ok()?)?.checked_mul(div)?;
        let milli = digits.checked_mul(mul)?;
        // Finer than a thousandth is rounded up, as upstream does.
        let milli = milli / div + i128::from(milli % div != 0);
        Some(Self(if negative { -milli } else { milli }))
    }

    /// Thousandths, such as milli-cores, saturating.
    #[must_use]
    pub fn milli(self) -> i64 {
        i64::try_from(self.0).unwrap_or(if self.0 < 0 { i64::MIN } else { i64::MAX })
    }

    /// Whole units rounded up, such as bytes, saturating.
    #[must_use]
    pub fn value(self) -> i64 {
        let up = self.0 / 1000 + i128::from(self.0 % 1000 > 0);
        i64::try_from(up).unwrap_or(if up < 0 { i64::MIN } else { i64::MAX })
    }
}

/// Multiplier to thousandths and divisor of a suffix.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    let binary = |power: u32| Some((1000 * 1024_i128.pow(power), 1));
    let decimal = |power: u32| Some((1000 * 1000_i128.pow(power), 1));
    match suffix {
        "" => decimal(0),
        "n" => Some((1, 1_000_000)),
        "u" => Some((1, 1_000)),
        "m" => Some((1, 1)),
        "k" => decimal(1),
        "M" => decimal(2),
        "G" => decimal(3),
        "T" => decimal(4),
        "P" => decimal(5),
        "E" => decimal(6),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent: i32 =
                suffix.strip_prefix(['e', 'E'])?.parse().ok().filter(|e: &i32| e.abs() <= 18)?;
            let power = 10_i128.pow(exponent.unsigned_abs());
            Some(if exponent >= 0 { (1000 * power, 1) } else { (1000, power) })
        }
    }
}

/// Canonical cpu form: whole cores, else milli-cores.
impl Display for Quantity {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        if self.0 % 1000 == 0 { write!(f, "{}", self.0 / 1000) } else { write!(f, "{}m", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_upstream_reads() {
        for (text, milli) in [
            ("250m", 250),
            ("1", 1000),
            ("0.5", 500),
            ("1.5Gi", 1_610_612_736_000),
            ("1e3", 1_000_000),
            ("100k", 100_000_000),
            ("-1", -1000),
            (".5", 500),
        ] {
            assert_eq!(Quantity::parse(text).map(|q| q.0), Some(milli), "{text}");
        }
        for bad in ["", "abc", "1.2.3", "5KB", "1 Gi", "Mi"] {
            assert_eq!(Quantity::parse(bad), None, "{bad}");
        }
        assert_eq!(Quantity::parse("1500m").unwrap().to_string(), "1500m");
        assert_eq!(Quantity::parse("2000m").unwrap().to_string(), "2");
    }
}
