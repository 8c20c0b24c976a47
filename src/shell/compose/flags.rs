//! Flags of compose commands, as data, and how they are read.
//!
//! Models pflag as far as compose uses it: long and short flags, values in the same or next word,
//! short flags run together, flags and words mixed.

use std::collections::BTreeMap;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing, or `=true` or `=false`.
    Nothing,
    /// A value; the last counts.
    One,
    /// A whole number; the last counts.
    Int,
    /// A value each time.
    Many,
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    /// Long name without dashes.
    pub(super) long: &'static str,
    /// Short name, or `\0`.
    pub(super) short: char,
    /// What it takes.
    pub(super) takes: Takes,
    /// One line of help.
    pub(super) help: &'static str,
}

/// A flag without value.
pub(super) const fn on(long: &'static str, short: char, help: &'static str) -> Flag {
    Flag { long, short, takes: Takes::Nothing, help }
}

/// A flag with a value.
pub(super) const fn one(long: &'static str, short: char, help: &'static str) -> Flag {
    Flag { long, short, takes: Takes::One, help }
}

/// A flag with a whole number.
pub(super) const fn int(long: &'static str, short: char, help: &'static str) -> Flag {
    Flag { long, short, takes: Takes::Int, help }
}

/// A flag with a value each time.
pub(super) const fn many(long: &'static str, short: char, help: &'static str) -> Flag {
    Flag { long, short, takes: Takes::Many, help }
}

/// A command line that was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Parsed {
    values: BTreeMap<&'static str, Vec<String>>,
    /// The words that are no flags.
    pub(super) words: Vec<String>,
}

impl Parsed {
    /// Whether a flag without value is set.
    pub(super) fn on(&self, long: &str) -> bool {
        self.values.get(long).and_then(|v| v.last()).is_some_and(|v| truth(v) == Some(true))
    }

    /// The value of a flag, if it was given.
    pub(super) fn one(&self, long: &str) -> Option<&str> {
        self.values.get(long).and_then(|v| v.last()).map(String::as_str)
    }

    /// All values of a flag.
    pub(super) fn many(&self, long: &str) -> Vec<String> {
        self.values.get(long).cloned().unwrap_or_default()
    }

    /// Reads words by flags. With `stop`, the first word that is no flag ends the reading and is
    /// kept with all that follows.
    ///
    /// # Errors
    /// The text of the real tool.
    pub(super) fn read(flags: &[Flag], words: &[String], stop: bool) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word == "--" {
                parsed.words.extend(rest.cloned());
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let flag = flags
                    .iter()
                    .find(|f| f.long == name)
                    .ok_or_else(|| format!("unknown flag: --{name}"))?;
                parsed.take(flag, value, &mut rest, &format!("--{name}"))?;
            } else if let Some(short) = word.strip_prefix('-').filter(|s| !s.is_empty()) {
                parsed.shorts(flags, short, &mut rest)?;
            } else {
                parsed.words.push(word.clone());
                if stop {
                    parsed.words.extend(rest.cloned());
                    break;
                }
            }
        }
        Ok(parsed)
    }

    fn shorts<'a>(
        &mut self,
        flags: &[Flag],
        shorts: &str,
        rest: &mut impl Iterator<Item = &'a String>,
    ) -> Result<(), String> {
        for (at, c) in shorts.char_indices() {
            let flag = flags
                .iter()
                .find(|f| f.short == c)
                .ok_or_else(|| format!("unknown shorthand flag: '{c}' in -{shorts}"))?;
            let tail = shorts.get(at + c.len_utf8()..).unwrap_or_default();
            if flag.takes == Takes::Nothing {
                self.take(flag, None, rest, "")?;
                continue;
            }
            let value = tail.strip_prefix('=').unwrap_or(tail);
            let value = (!value.is_empty()).then(|| value.to_owned());
            return self.take(flag, value, rest, &format!("'{c}' in -{shorts}"));
        }
        Ok(())
    }

    fn take<'a>(
        &mut self,
        flag: &Flag,
        value: Option<String>,
        rest: &mut impl Iterator<Item = &'a String>,
        shown: &str,
    ) -> Result<(), String> {
        let value = match (flag.takes, value) {
            (Takes::Nothing, value) => value.unwrap_or_else(|| "true".to_owned()),
            (_, Some(value)) => value,
            (_, None) => {
                rest.next().cloned().ok_or_else(|| format!("flag needs an argument: {shown}"))?
            }
        };
        flag.check(&value)?;
        self.values.entry(flag.long).or_default().push(value);
        Ok(())
    }
}

impl Flag {
    /// Whether a value is of the flag's type (pflag's `invalid argument`).
    fn check(&self, value: &str) -> Result<(), String> {
        let parser = match self.takes {
            Takes::Nothing if truth(value).is_none() => "ParseBool",
            Takes::Int if value.parse::<i64>().is_err() => "ParseInt",
            _ => return Ok(()),
        };
        let shown = match self.short {
            '\0' => format!("--{}", self.long),
            short => format!("-{short}, --{}", self.long),
        };
        Err(format!(
            "invalid argument \"{value}\" for \"{shown}\" flag: strconv.{parser}: parsing \
             \"{value}\": invalid syntax"
        ))
    }
}

/// Go's `strconv.ParseBool`.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] =
        &[on("detach", 'd', ""), int("timeout", 't', ""), many("scale", '\0', "")];

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn forms() {
        let parsed =
            Parsed::read(FLAGS, &words("-dt 3 web --scale a=1 --scale=b=2"), false).unwrap();
        assert!(parsed.on("detach"));
        assert_eq!(parsed.one("timeout"), Some("3"));
        assert_eq!(parsed.many("scale"), ["a=1", "b=2"]);
        assert_eq!(parsed.words, ["web"]);
        let stopped = Parsed::read(FLAGS, &words("-d web -d x"), true).unwrap();
        assert_eq!(stopped.words, ["web", "-d", "x"]);
        assert!(!Parsed::read(FLAGS, &words("--detach=false"), false).unwrap().on("detach"));
    }

    #[test]
    fn complaints() {
        for (line, message) in [
            ("--nope", "unknown flag: --nope"),
            ("-x", "unknown shorthand flag: 'x' in -x"),
            ("--timeout", "flag needs an argument: --timeout"),
            (
                "-t abc",
                "invalid argument \"abc\" for \"-t, --timeout\" flag: strconv.ParseInt: parsing \
                 \"abc\": invalid syntax",
            ),
            (
                "--detach=maybe",
                "invalid argument \"maybe\" for \"-d, --detach\" flag: strconv.ParseBool: parsing \
                 \"maybe\": invalid syntax",
            ),
        ] {
            assert_eq!(Parsed::read(FLAGS, &words(line), false).unwrap_err(), message);
        }
    }
}
