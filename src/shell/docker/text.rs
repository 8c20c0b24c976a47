//! Small texts of the CLI.

use crate::base::time::{SimDuration, SimTime};
use crate::shell::job::Io;

/// `5 minutes ago`.
pub(crate) fn ago(d: SimDuration) -> String {
    crate::docker::ago(d)
}

/// `strconv.Quote`.
pub(crate) fn go_quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `time.Time.String()` of whole seconds in UTC.
pub(crate) fn go_time(at: SimTime) -> String {
    let text = at.floor_to_second().rfc3339();
    let text = text.trim_end_matches('Z').replace('T', " ");
    format!("{text} +0000 UTC")
}

/// RFC 3339 with nine digits, as `docker events` and `logs -t` print.
pub(crate) fn nano_time(at: SimTime) -> String {
    let text = at.rfc3339_micro();
    format!("{}000Z", text.trim_end_matches('Z'))
}

/// A moment of `--since` or `--until`: a duration before now, seconds of the Unix clock, or a date.
pub(crate) fn parse_moment(text: &str, now: SimTime) -> Option<SimTime> {
    if let Some(d) = SimDuration::parse_go(text) {
        return Some(SimTime(now.0.saturating_sub(d.0)));
    }
    let epoch = SimTime::ZERO.unix_seconds();
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if let Ok(seconds) = seconds.parse::<u64>() {
        let micros: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        return Some(SimTime(seconds.saturating_sub(epoch) * 1_000_000 + micros));
    }
    let digits: Vec<u64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|p| !p.is_empty())
        .take(6)
        .map_while(|p| p.parse().ok())
        .collect();
    let [year, month, day, ..] = digits.as_slice() else { return None };
    let part = |at: usize| digits.get(at).copied().unwrap_or(0);
    let days = days_from_civil(*year, *month, *day)?;
    let unix = days * 86_400 + part(3) * 3_600 + part(4) * 60 + part(5);
    Some(SimTime(unix.saturating_sub(epoch) * 1_000_000))
}

/// Days of the Unix calendar.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..3000).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * shifted + 2) / 5 + day - 1;
    (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)
}

/// The date that many seconds before the start of the world, RFC 3339.
pub(crate) fn before_start(seconds: u64) -> String {
    let unix = SimTime::ZERO.unix_seconds().saturating_sub(seconds);
    let (days, rest) = (unix / 86_400, unix % 86_400);
    let z = days + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Print a result; the exit code.
pub(crate) fn show(result: Result<String, String>, io: &mut Io<'_>) -> u8 {
    match result {
        Ok(text) => {
            io.out(text);
            0
        }
        Err(text) => {
            io.err(format!("{text}\n"));
            1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        let now = SimTime::from_secs(100);
        assert_eq!(parse_moment("10s", now), Some(SimTime::from_secs(90)));
        assert_eq!(parse_moment("0s", now), Some(now));
        assert_eq!(parse_moment("2026-01-05T09:00:07Z", now), Some(SimTime::from_secs(7)));
        assert_eq!(parse_moment("1767603605", now), Some(SimTime::from_secs(5)));
        assert_eq!(parse_moment("soon", now), None);
        assert_eq!(before_start(86_400 * 5 + 1), "2025-12-31T08:59:59Z");
        assert_eq!(go_time(SimTime(1_500_000)), "2026-01-05 09:00:01 +0000 UTC");
        assert_eq!(nano_time(SimTime(1_500_000)), "2026-01-05T09:00:01.500000000Z");
    }
}
