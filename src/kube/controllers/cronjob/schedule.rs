//! When a cron schedule is due.
//!
//! Models robfig/cron v3 `parser.go` and `spec.go` for the five fields and descriptors that
//! Kubernetes allows (handbook kubernetes-controllers §6). What does not parse was refused by
//! `api::validate::schedule` before. Moments are seconds of the Unix clock.

use crate::base::time::SimDuration;

/// Days looked ahead; a schedule that is not due in five years is never due (`spec.go`).
const HORIZON_DAYS: i64 = 5 * 366;
const DAY: i64 = 86_400;
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// Zones without daylight saving time, seconds east of Greenwich (IANA database 2025b).
const FIXED_ZONES: [(&str, i64); 14] = [
    ("Asia/Seoul", 32_400),
    ("ROK", 32_400),
    ("Asia/Tokyo", 32_400),
    ("Japan", 32_400),
    ("Asia/Shanghai", 28_800),
    ("PRC", 28_800),
    ("Asia/Singapore", 28_800),
    ("Singapore", 28_800),
    ("Asia/Taipei", 28_800),
    ("Asia/Hong_Kong", 28_800),
    ("Hongkong", 28_800),
    ("Asia/Bangkok", 25_200),
    ("Asia/Ho_Chi_Minh", 25_200),
    ("Asia/Kolkata", 19_800),
];

/// Seconds east of Greenwich of a time zone.
#[must_use]
pub fn offset(zone: Option<&str>) -> i64 {
    let Some(zone) = zone else { return 0 };
    if let Some((_, seconds)) = FIXED_ZONES.iter().find(|(name, _)| *name == zone) {
        return *seconds;
    }
    if !matches!(zone, "UTC" | "Etc/UTC" | "GMT" | "Etc/GMT") {
        crate::stub!("kube.cronjob.time-zones", "zones with daylight saving time run in UTC");
    }
    0
}

/// One field as a set of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    bits: u64,
    /// Whether the text was `*` or `?`.
    star: bool,
}

impl Field {
    const fn has(self, number: i64) -> bool {
        self.bits >> number & 1 == 1
    }
}

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// `@every`: a fixed number of seconds after the last time.
    Every(i64),
    /// Minute, hour, day of the month, month, day of the week.
    Fields(Box<Fields>),
}

/// The five fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fields {
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
    /// Seconds east of Greenwich of the zone in which the fields are read.
    offset: i64,
}

impl Schedule {
    /// Read a schedule; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str, offset: i64) -> Option<Self> {
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        if let Some(length) = text.strip_prefix("@every ") {
            let seconds = SimDuration::parse_go(length)?.0 / 1_000_000;
            return Some(Self::Every(i64::try_from(seconds).ok()?.max(1)));
        }
        let parts: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts.as_slice() else { return None };
        Some(Self::Fields(Box::new(Fields {
            minute: field(minute, 0, 59, &[])?,
            hour: field(hour, 0, 23, &[])?,
            day: field(day, 1, 31, &[])?,
            month: field(month, 1, 12, &MONTHS)?,
            weekday: field(weekday, 0, 6, &DAYS)?,
            offset,
        })))
    }

    /// The first moment after `after` at which the schedule is due.
    #[must_use]
    pub fn next(&self, after: i64) -> Option<i64> {
        match self {
            Self::Every(seconds) => Some(after + seconds),
            Self::Fields(fields) => Some(fields.next(after + fields.offset)? - fields.offset),
        }
    }
}

impl Fields {
    /// As `Schedule::next`, in local time.
    fn next(&self, after: i64) -> Option<i64> {
        let from = (after.div_euclid(60) + 1) * 60;
        let first = from.div_euclid(DAY);
        for day in first..=first + HORIZON_DAYS {
            if !self.matches_day(day) {
                continue;
            }
            let start = if day == first { from.rem_euclid(DAY) / 60 } else { 0 };
            for minute in start..DAY / 60 {
                if self.hour.has(minute / 60) && self.minute.has(minute % 60) {
                    return Some(day * DAY + minute * 60);
                }
            }
        }
        None
    }

    /// Both the day of the month and of the week, or either where both are given.
    fn matches_day(&self, day: i64) -> bool {
        let (month, of_month) = civil(day);
        // 1970-01-01 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let (a, b) = (self.day.has(of_month), self.weekday.has(weekday));
        let either = if self.day.star || self.weekday.star { a && b } else { a || b };
        self.month.has(month) && either
    }
}

/// Month and day of the month of a day since 1970-01-01.
fn civil(day: i64) -> (i64, i64) {
    // Counted in years that begin in March, in eras of 400 years.
    let shifted = day + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    (if month < 10 { month + 3 } else { month - 9 }, of_month)
}

fn field(text: &str, lowest: u32, highest: u32, names: &[&str]) -> Option<Field> {
    let mut bits = 0;
    let mut star = false;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(step.parse::<u32>().ok().filter(|s| *s > 0)?)),
        };
        let all = range == "*" || range == "?";
        let (from, to) = if all {
            star |= step.is_none_or(|s| s == 1);
            (lowest, highest)
        } else {
            match range.split_once('-') {
                Some((from, to)) => (number(from, lowest, names)?, number(to, lowest, names)?),
                None => {
                    let from = number(range, lowest, names)?;
                    (from, if step.is_some() { highest } else { from })
                }
            }
        };
        if from < lowest || to > highest || from > to {
            return None;
        }
        let mut at = from;
        while at <= to {
            bits |= 1_u64 << at;
            at += step.unwrap_or(1);
        }
    }
    Some(Field { bits, star })
}

fn number(text: &str, lowest: u32, names: &[&str]) -> Option<u32> {
    let lower = text.to_lowercase();
    match names.iter().position(|name| *name == lower) {
        Some(at) => Some(u32::try_from(at).ok()? + lowest),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{EPOCH_UNIX_SECONDS, SimTime};
    use crate::kube::clock::meta_time;

    /// Monday 2026-01-05T09:00:00Z.
    const MONDAY: i64 = EPOCH_UNIX_SECONDS as i64;

    fn next(text: &str, after: i64, zone: Option<&str>) -> String {
        let schedule = Schedule::parse(text, offset(zone)).unwrap();
        let at = schedule.next(after).unwrap();
        meta_time(SimTime::from_secs(u64::try_from(at - MONDAY).unwrap())).0.to_string()
    }

    #[test]
    fn the_next_run() {
        for (text, after, want) in [
            ("* * * * *", 0, "2026-01-05T09:01:00Z"),
            ("* * * * *", 59, "2026-01-05T09:01:00Z"),
            ("*/15 * * * *", 60, "2026-01-05T09:15:00Z"),
            ("5-10/5 * * * *", 301, "2026-01-05T09:10:00Z"),
            ("0 0 1 * *", 0, "2026-02-01T00:00:00Z"),
            ("0 0 29 2 *", 0, "2028-02-29T00:00:00Z"),
            ("30 8 * * mon-fri", 0, "2026-01-06T08:30:00Z"),
            // Day of the month or day of the week, where both are given.
            ("0 12 13 * fri", 0, "2026-01-09T12:00:00Z"),
            ("0 12 13 * *", 0, "2026-01-13T12:00:00Z"),
            ("@every 90s", 0, "2026-01-05T09:01:30Z"),
            ("@hourly", 0, "2026-01-05T10:00:00Z"),
            ("@yearly", 0, "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(next(text, MONDAY + after, None), want, "{text}");
        }
        let seoul = next("0 9 * * *", MONDAY, Some("Asia/Seoul"));
        assert_eq!(seoul, "2026-01-06T00:00:00Z");
        assert_eq!(Schedule::parse("0 0 31 2 *", 0).unwrap().next(MONDAY), None, "never due");
        assert_eq!(Schedule::parse("61 * * * *", 0), None);
    }
}
