//! Virtual time: microseconds since the start of a world, never the clock of the machine.
//!
//! Conversions to calendar time use a fixed epoch, so that the same seed prints the same dates.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// Seconds of the Unix clock at which every world starts: 2026-01-05T09:00:00Z, a Monday.
pub const EPOCH_UNIX_SECONDS: u64 = 1_767_603_600;

/// A moment of virtual time, in microseconds since the start of the world.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SimTime(pub u64);

/// A length of virtual time, in microseconds.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SimDuration(pub u64);

impl SimTime {
    /// The start of the world.
    pub const ZERO: Self = Self(0);
    /// Later than anything.
    pub const MAX: Self = Self(u64::MAX);

    /// A moment that many milliseconds after the start.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// A moment that many seconds after the start.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self(s * 1_000_000)
    }

    /// Whole milliseconds since the start.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds since the start.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; zero when it is not after.
    #[must_use]
    pub const fn since(self, earlier: Self) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }

    /// Cut to whole seconds, as API time stamps are.
    #[must_use]
    pub const fn floor_to_second(self) -> Self {
        Self(self.0 - self.0 % 1_000_000)
    }

    /// The next multiple of `period` that is strictly after this moment, shifted by `phase`.
    #[must_use]
    pub const fn next_tick(self, period: SimDuration, phase: SimDuration) -> Self {
        let shifted = self.0 + period.0 - phase.0 % period.0;
        Self(self.0 + period.0 - shifted % period.0)
    }

    /// Seconds of the Unix clock.
    #[must_use]
    pub const fn unix_seconds(self) -> u64 {
        EPOCH_UNIX_SECONDS + self.as_secs()
    }

    /// `2026-01-05T09:00:00Z`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let (date, clock) = self.calendar();
        format!("{date}T{clock}Z")
    }

    /// `2026-01-05T09:00:00.000001Z`: microseconds, as `metav1.MicroTime` prints.
    #[must_use]
    pub fn rfc3339_micro(self) -> String {
        let (date, clock) = self.calendar();
        format!("{date}T{clock}.{:06}Z", self.0 % 1_000_000)
    }

    /// `2026-01-05T09:00:00.000001000Z`: nanoseconds, as Docker prints (trailing zeros cut as in Go).
    #[must_use]
    pub fn rfc3339_nano(self) -> String {
        let (date, clock) = self.calendar();
        let fraction = format!("{:06}", self.0 % 1_000_000);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            format!("{date}T{clock}Z")
        } else {
            format!("{date}T{clock}.{fraction}Z")
        }
    }

    /// Calendar parts: (year, month, day, hour, minute, second, weekday with 0 = Sunday).
    #[must_use]
    pub const fn civil(self) -> (u64, u64, u64, u64, u64, u64, u64) {
        let seconds = self.unix_seconds();
        let days = seconds / 86_400;
        let rest = seconds % 86_400;
        // Days to civil date, era of 400 years, years starting in March.
        let z = days + 719_468;
        let era = z / 146_097;
        let doe = z % 146_097;
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + (month <= 2) as u64;
        (year, month, day, rest / 3_600, rest / 60 % 60, rest % 60, (days + 4) % 7)
    }

    fn calendar(self) -> (String, String) {
        let (y, mo, d, h, mi, s, _) = self.civil();
        (format!("{y:04}-{mo:02}-{d:02}"), format!("{h:02}:{mi:02}:{s:02}"))
    }
}

impl SimDuration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// That many microseconds.
    #[must_use]
    pub const fn from_micros(us: u64) -> Self {
        Self(us)
    }

    /// That many milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// That many seconds.
    #[must_use]
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000))
    }

    /// Whole milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// `n` times as long, saturating.
    #[must_use]
    pub const fn times(self, n: u64) -> Self {
        Self(self.0.saturating_mul(n))
    }

    /// The shorter of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// Read a Go duration such as `1m30s`, `500ms`, `1.5h`. `None` if it is not one.
    #[must_use]
    pub fn parse_go(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Some(Self::ZERO);
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, tail) = rest.split_at(end);
            let unit_end =
                tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, after) = tail.split_at(unit_end);
            total = total.checked_add(go_part(number, unit)?)?;
            rest = after;
        }
        Some(Self(total))
    }

    /// As Go's `time.Duration.String`: `1m30s`, `500ms`, `0s`, `1h0m0s`.
    #[must_use]
    pub fn go_string(self) -> String {
        let us = self.0;
        if us == 0 {
            return "0s".to_owned();
        }
        if us < 1_000 {
            return format!("{us}µs");
        }
        if us < 1_000_000 {
            return format!("{}ms", fraction(us, 1_000));
        }
        let hours = us / 3_600_000_000;
        let minutes = us / 60_000_000 % 60;
        let seconds = fraction(us % 60_000_000, 1_000_000);
        if hours > 0 {
            format!("{hours}h{minutes}m{seconds}s")
        } else if minutes > 0 {
            format!("{minutes}m{seconds}s")
        } else {
            format!("{seconds}s")
        }
    }
}

/// One `<number><unit>` of a Go duration, in microseconds.
fn go_part(number: &str, unit: &str) -> Option<u64> {
    let scale: u64 = match unit {
        "ns" => return Some(whole(number)? / 1_000),
        "us" | "µs" | "μs" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return None,
    };
    let (int, frac) = number.split_once('.').unwrap_or((number, ""));
    if int.is_empty() && frac.is_empty() {
        return None;
    }
    let mut value = whole(if int.is_empty() { "0" } else { int })?.checked_mul(scale)?;
    let mut unit_us = scale;
    for digit in frac.chars() {
        unit_us /= 10;
        value = value.checked_add(u64::from(digit.to_digit(10)?) * unit_us)?;
    }
    Some(value)
}

fn whole(text: &str) -> Option<u64> {
    text.split('.').next()?.parse().ok()
}

/// `value / unit` with a decimal fraction and no trailing zeros.
fn fraction(value: u64, unit: u64) -> String {
    let width = unit.ilog10() as usize;
    let text = format!("{}.{:0width$}", value / unit, value % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Add<SimDuration> for SimTime {
    type Output = Self;
    fn add(self, by: SimDuration) -> Self {
        Self(self.0.saturating_add(by.0))
    }
}

impl Sub<SimTime> for SimTime {
    type Output = SimDuration;
    fn sub(self, earlier: SimTime) -> SimDuration {
        self.since(earlier)
    }
}

impl Add for SimDuration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for SimDuration {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, by: SimDuration) {
        *self = *self + by;
    }
}

impl Display for SimTime {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        let s = self.as_secs();
        write!(f, "{:02}:{:02}:{:02}.{:03}", s / 3600, s / 60 % 60, s % 60, self.as_millis() % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations_read_and_print() {
        for (text, us, back) in [
            ("1m30s", 90_000_000, "1m30s"),
            ("500ms", 500_000, "500ms"),
            ("1.5h", 5_400_000_000, "1h30m0s"),
            ("0", 0, "0s"),
            ("2.25s", 2_250_000, "2.25s"),
        ] {
            let read = SimDuration::parse_go(text).unwrap();
            assert_eq!(read.0, us, "{text}");
            assert_eq!(read.go_string(), back);
        }
        for bad in ["", "5", "abc", "1x", "s"] {
            assert_eq!(SimDuration::parse_go(bad), None, "{bad}");
        }
    }

    #[test]
    fn calendar() {
        assert_eq!(SimTime::ZERO.rfc3339(), "2026-01-05T09:00:00Z");
        assert_eq!(SimTime::ZERO.civil().6, 1, "a Monday");
        assert_eq!(SimTime::from_secs(86_400 * 60).rfc3339(), "2026-03-06T09:00:00Z");
        assert_eq!(SimTime(1_500_000).rfc3339_nano(), "2026-01-05T09:00:01.5Z");
    }

    #[test]
    fn ticks_are_strictly_later() {
        let period = SimDuration::from_secs(10);
        assert_eq!(SimTime::from_secs(10).next_tick(period, SimDuration::ZERO).as_secs(), 20);
        assert_eq!(
            SimTime::from_secs(11).next_tick(period, SimDuration::from_secs(3)).as_secs(),
            13
        );
    }
}
