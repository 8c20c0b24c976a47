//! Cron schedules: what robfig/cron accepts, with its words for what it does not.

use crate::base::time::SimDuration;

/// A field of a schedule: lowest, highest, and names for numbers.
type Field = (u32, u32, &'static [&'static str]);

const MONTHS: &[&str] =
    &["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const FIELDS: [Field; 5] =
    [(0, 59, &[]), (0, 23, &[]), (1, 31, &[]), (1, 12, MONTHS), (0, 6, DAYS)];
/// Areas of the time zone database.
const AREAS: [&str; 10] = [
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
];
/// Zones without an area.
const ZONES: [&str; 40] = [
    "UTC",
    "GMT",
    "UCT",
    "Zulu",
    "Universal",
    "Greenwich",
    "EST",
    "MST",
    "HST",
    "CET",
    "EET",
    "MET",
    "WET",
    "EST5EDT",
    "CST6CDT",
    "MST7MDT",
    "PST8PDT",
    "Cuba",
    "Egypt",
    "Eire",
    "GB",
    "GB-Eire",
    "Hongkong",
    "Iceland",
    "Iran",
    "Israel",
    "Jamaica",
    "Japan",
    "Kwajalein",
    "Libya",
    "NZ",
    "NZ-CHAT",
    "Navajo",
    "PRC",
    "Poland",
    "Portugal",
    "ROC",
    "ROK",
    "Singapore",
    "Turkey",
];

/// Check a schedule.
///
/// # Errors
/// What the library says is wrong with it.
pub fn check(text: &str) -> Result<(), String> {
    if let Some(word) = text.strip_prefix('@') {
        return match word {
            "yearly" | "annually" | "monthly" | "weekly" | "daily" | "midnight" | "hourly" => {
                Ok(())
            }
            _ => match word.strip_prefix("every ") {
                Some(length) if SimDuration::parse_go(length).is_some() => Ok(()),
                Some(length) => Err(format!(
                    "failed to parse duration {text}: time: invalid duration {length:?}"
                )),
                None => Err(format!("unrecognized descriptor: {text}")),
            },
        };
    }
    if text.is_empty() {
        return Err("empty spec string".to_owned());
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!(
            "expected exactly 5 fields, found {}: [{}]",
            parts.len(),
            parts.join(" ")
        ));
    }
    parts.iter().zip(FIELDS).try_for_each(|(part, field)| {
        part.split(',').try_for_each(|range| check_range(range, field))
    })
}

/// One of `*`, `5`, `1-5`, `*/15`, `1-30/5`.
fn check_range(text: &str, field: Field) -> Result<(), String> {
    let (lowest, highest, names) = field;
    let (range, step) = match text.split_once('/') {
        None => (text, None),
        Some((_, rest)) if rest.contains('/') => return Err(format!("too many slashes: {text}")),
        Some((range, step)) => (range, Some(step)),
    };
    let (start, end) = if range == "*" || range == "?" {
        (lowest, highest)
    } else {
        let mut ends = range.split('-');
        let low = number(ends.next().unwrap_or(""), names)?;
        let high = match (ends.next(), ends.next()) {
            (None, _) if step.is_some() => highest,
            (None, _) => low,
            (Some(high), None) => number(high, names)?,
            (Some(_), Some(_)) => return Err(format!("too many hyphens: {text}")),
        };
        (low, high)
    };
    if let Some(step) = step
        && number(step, &[])? == 0
    {
        return Err(format!("step of range should be a positive number: {text}"));
    }
    if start < lowest {
        return Err(format!("beginning of range ({start}) below minimum ({lowest}): {text}"));
    }
    if end > highest {
        return Err(format!("end of range ({end}) above maximum ({highest}): {text}"));
    }
    if start > end {
        return Err(format!("beginning of range ({start}) beyond end of range ({end}): {text}"));
    }
    Ok(())
}

fn number(text: &str, names: &[&str]) -> Result<u32, String> {
    let lower = text.to_lowercase();
    if let Some(index) = names.iter().position(|n| !n.is_empty() && *n == lower) {
        return Ok(u32::try_from(index).unwrap_or(0));
    }
    if text.starts_with('-') {
        return Err(format!("negative number ({text}) not allowed: {text}"));
    }
    text.parse().map_err(|_| {
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: invalid syntax")
    })
}

/// Whether a time zone can be one; only its area is looked at.
#[must_use]
pub fn known_zone(name: &str) -> bool {
    crate::stub!("kube.cronjob.zone-names", "any name in a known area counts as a time zone");
    ZONES.contains(&name)
        || name.starts_with("Etc/")
        || AREAS.iter().any(|area| name.strip_prefix(area).is_some_and(|rest| !rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        for good in
            ["* * * * *", "*/5 0-6 1,15 jan-mar MON", "@hourly", "@every 1m30s", "0 0 ? * *"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("every 5 min", "expected exactly 5 fields, found 3: [every 5 min]"),
            ("61 * * * *", "end of range (61) above maximum (59): 61"),
            ("@every day", "failed to parse duration @every day: time: invalid duration \"day\""),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("@sometimes", "unrecognized descriptor: @sometimes"),
        ] {
            assert_eq!(check(bad), Err(why.to_owned()));
        }
        assert!(known_zone("Asia/Seoul") && !known_zone("Mars/Base"));
    }
}
