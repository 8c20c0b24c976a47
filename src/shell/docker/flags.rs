//! Command-line flags as pflag reads them, and the texts of cobra: usage, help, errors.

use std::collections::BTreeMap;

use crate::base::time::SimDuration;
use crate::docker::ram_in_bytes;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing, or `=true` and `=false`.
    Bool,
    /// Text.
    Text,
    /// Text, may be given often.
    List,
    /// A whole number.
    Int,
    /// Words that only the help calls otherwise than a list, such as `mount`.
    Words(&'static str),
    /// A text that only the help calls otherwise.
    Word(&'static str),
    /// A number of bytes with a unit.
    Bytes,
    /// A number of bytes with a unit, or -1.
    Swap,
    /// A Go duration.
    Duration,
    /// A number of CPUs.
    Decimal,
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag {
    /// Long name.
    pub(crate) long: &'static str,
    /// Short name, or a blank.
    pub(crate) short: char,
    /// What it takes.
    pub(crate) kind: Kind,
    /// One line of help.
    pub(crate) help: &'static str,
}

/// A flag in short.
pub(crate) const fn flag(long: &'static str, short: char, kind: Kind, help: &'static str) -> Flag {
    Flag { long, short, kind, help }
}

/// How many arguments a command takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// None.
    None,
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
    /// So many or fewer.
    AtMost(usize),
    /// Between.
    Between(usize, usize),
}

/// A command's face.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    /// Words after `docker`, such as `container ls`.
    pub(crate) path: &'static str,
    /// What stands after the path in the usage line.
    pub(crate) usage: &'static str,
    /// One line of help.
    pub(crate) about: &'static str,
    /// Number of arguments.
    pub(crate) count: Count,
    /// Flags stop at the first argument.
    pub(crate) stop_at_argument: bool,
    /// Flags.
    pub(crate) flags: &'static [Flag],
}

/// A command line that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// The command as typed, such as `docker ps`.
    pub(crate) path: String,
    /// Arguments.
    pub(crate) args: Vec<String>,
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Parsed {
    /// Whether a flag was given at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A truth flag.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// The last value of a flag, or nothing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(|v| v.last()).map_or("", String::as_str)
    }

    /// All values of a flag.
    pub(crate) fn list(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// A whole number.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        self.values.get(name)?.last()?.parse().ok()
    }

    /// A number of bytes.
    pub(crate) fn bytes(&self, name: &str) -> Option<i64> {
        match self.values.get(name)?.last()?.as_str() {
            "-1" => Some(-1),
            text => ram_in_bytes(text).ok(),
        }
    }

    /// A duration.
    pub(crate) fn duration(&self, name: &str) -> Option<SimDuration> {
        SimDuration::parse_go(self.values.get(name)?.last()?)
    }

    /// A number of CPUs in thousandths of a millionth.
    pub(crate) fn nano(&self, name: &str) -> Option<i64> {
        decimal_nano(self.values.get(name)?.last()?)
    }
}

/// `1.5` as 1,500,000,000.
fn decimal_nano(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (int, frac) = digits.split_once('.').unwrap_or((digits, ""));
    if int.is_empty() && frac.is_empty() || frac.len() > 9 {
        return None;
    }
    let whole: i64 = if int.is_empty() { 0 } else { int.parse().ok()? };
    let part: i64 = format!("{frac:0<9}").parse().ok()?;
    let nano = whole.checked_mul(1_000_000_000)?.checked_add(part)?;
    Some(if negative { -nano } else { nano })
}

/// Why a command line is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `--help`.
    Help,
    /// A bad flag: exit 125.
    Flag(String),
    /// A wrong number of arguments: exit 1.
    Count(String),
}

impl Spec {
    /// The usage line.
    pub(crate) fn usage_line(&self, path: &str) -> String {
        format!("Usage:  {path} {}", self.usage).trim_end().to_owned()
    }

    /// Read a command line.
    pub(crate) fn parse(&self, path: &str, words: &[String]) -> Result<Parsed, Refusal> {
        let mut parsed = Parsed { path: path.to_owned(), ..Parsed::default() };
        let wrong = |text: String| {
            let usage = self.usage_line(path);
            Refusal::Flag(format!("{text}\n\n{usage}\n\nRun '{path} --help' for more information"))
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                parsed.args.extend(words.by_ref().cloned());
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let known = self.flags.iter().find(|f| f.long == name);
                let Some(flag) = known else {
                    if name == "help" {
                        return Err(Refusal::Help);
                    }
                    return Err(wrong(format!("unknown flag: --{name}")));
                };
                let value = match (value, flag.kind) {
                    (Some(value), _) => value,
                    (None, Kind::Bool) => "true".to_owned(),
                    (None, _) => match words.next() {
                        Some(value) => value.clone(),
                        None => return Err(wrong(format!("flag needs an argument: --{name}"))),
                    },
                };
                parsed.set(flag, value).map_err(wrong)?;
            } else if word.len() > 1 && word.starts_with('-') {
                let group = word.get(1..).unwrap_or("");
                self.short(group, &mut words, &mut parsed, &wrong)?;
            } else {
                parsed.args.push(word.clone());
                if self.stop_at_argument {
                    parsed.args.extend(words.by_ref().cloned());
                    break;
                }
            }
        }
        self.check_count(path, parsed.args.len())?;
        Ok(parsed)
    }

    fn short<'a>(
        &self,
        group: &str,
        words: &mut impl Iterator<Item = &'a String>,
        parsed: &mut Parsed,
        wrong: &impl Fn(String) -> Refusal,
    ) -> Result<(), Refusal> {
        let mut rest = group.chars();
        while let Some(c) = rest.next() {
            let Some(flag) = self.flags.iter().find(|f| f.short == c && c != ' ') else {
                if c == 'h' {
                    return Err(Refusal::Help);
                }
                return Err(wrong(format!("unknown shorthand flag: '{c}' in -{group}")));
            };
            let tail = rest.as_str();
            let value = if let Some(value) = tail.strip_prefix('=') {
                value.to_owned()
            } else if flag.kind == Kind::Bool {
                parsed.set(flag, "true".to_owned()).map_err(wrong)?;
                continue;
            } else if !tail.is_empty() {
                tail.to_owned()
            } else if let Some(value) = words.next() {
                value.clone()
            } else {
                return Err(wrong(format!("flag needs an argument: '{c}' in -{group}")));
            };
            return parsed.set(flag, value).map_err(wrong);
        }
        Ok(())
    }

    fn check_count(&self, path: &str, got: usize) -> Result<(), Refusal> {
        let many = |n: usize| if n == 1 { "argument" } else { "arguments" };
        let text = match self.count {
            Count::None if got > 0 => "accepts no arguments".to_owned(),
            Count::Exactly(n) if got != n => format!("requires {n} {}", many(n)),
            Count::AtLeast(n) if got < n => format!("requires at least {n} {}", many(n)),
            Count::AtMost(n) if got > n => format!("requires at most {n} {}", many(n)),
            Count::Between(low, high) if got < low || got > high => {
                format!("requires at least {low} and at most {high} {}", many(high))
            }
            Count::None
            | Count::Exactly(_)
            | Count::AtLeast(_)
            | Count::AtMost(_)
            | Count::Between(..) => return Ok(()),
        };
        let usage = self.usage_line(path);
        // Only a minimum says "See" (engine/39; engine 28.5.2 by hand).
        let look = match self.count {
            Count::AtLeast(_) => "See",
            // A slip of the real client.
            Count::AtMost(_) => "SRun",
            Count::None | Count::Exactly(_) | Count::Between(..) => "Run",
        };
        Err(Refusal::Count(format!(
            "docker: '{path}' {text}\n\n{usage}\n\n{look} '{path} --help' for more information"
        )))
    }

    /// What `--help` prints.
    pub(crate) fn help(&self, path: &str, aliases: &[String]) -> String {
        let mut out = format!("{}\n\n{}\n", self.usage_line(path), self.about);
        if aliases.len() > 1 {
            out.push_str(&format!("\nAliases:\n  {}\n", aliases.join(", ")));
        }
        if !self.flags.is_empty() {
            out.push_str("\nOptions:\n");
            let left: Vec<String> = self.flags.iter().map(flag_column).collect();
            let widest = left.iter().map(|l| l.chars().count()).max().unwrap_or(0);
            let mut rows: Vec<(&Flag, &String)> = self.flags.iter().zip(&left).collect();
            rows.sort_by_key(|(f, _)| f.long);
            for (flag, left) in rows {
                let pad = " ".repeat(widest.saturating_sub(left.chars().count()) + 3);
                out.push_str(&format!("{left}{pad}{}\n", flag.help));
            }
        }
        out
    }
}

fn flag_column(flag: &Flag) -> String {
    let short = if flag.short == ' ' { "    ".to_owned() } else { format!("-{}, ", flag.short) };
    let kind = match flag.kind {
        Kind::Bool => "",
        Kind::Text => " string",
        Kind::List => " list",
        Kind::Int => " int",
        Kind::Words(word) | Kind::Word(word) => return format!("  {short}--{} {word}", flag.long),
        Kind::Bytes | Kind::Swap => " bytes",
        Kind::Duration => " duration",
        Kind::Decimal => " decimal",
    };
    format!("  {short}--{}{kind}", flag.long)
}

impl Parsed {
    fn set(&mut self, flag: &Flag, value: String) -> Result<(), String> {
        let problem = match flag.kind {
            Kind::Text | Kind::List | Kind::Words(_) | Kind::Word(_) => None,
            Kind::Bool => match value.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" | "0" | "f" | "F" | "false"
                | "FALSE" | "False" => None,
                _ => Some(format!("strconv.ParseBool: parsing {value:?}: invalid syntax")),
            },
            Kind::Int => match value.parse::<i64>() {
                Ok(_) => None,
                Err(_) => Some(format!("strconv.ParseInt: parsing {value:?}: invalid syntax")),
            },
            Kind::Swap if value == "-1" => None,
            Kind::Bytes | Kind::Swap => ram_in_bytes(&value).err(),
            Kind::Duration => {
                match SimDuration::parse_go(value.strip_prefix('-').unwrap_or(&value)) {
                    Some(_) => None,
                    None if value.parse::<u64>().is_ok() => {
                        Some(format!("time: missing unit in duration {value:?}"))
                    }
                    None => Some(format!("time: invalid duration {value:?}")),
                }
            }
            Kind::Decimal => match decimal_nano(&value) {
                Some(_) => None,
                None => Some(format!("failed to parse {value} as a rational number")),
            },
        };
        if let Some(problem) = problem {
            let long = flag.long;
            let name = if flag.short == ' ' {
                format!("--{long}")
            } else {
                format!("-{}, --{long}", flag.short)
            };
            return Err(format!("invalid argument {value:?} for {name:?} flag: {problem}"));
        }
        let value = if flag.kind == Kind::Bool {
            let on = matches!(value.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True");
            on.to_string()
        } else {
            value
        };
        let values = self.values.entry(flag.long).or_default();
        if !matches!(flag.kind, Kind::List | Kind::Words(_)) {
            values.clear();
        }
        values.push(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec = Spec {
        path: "run",
        usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
        about: "Create and run a new container from an image",
        count: Count::AtLeast(1),
        stop_at_argument: true,
        flags: &[
            flag("detach", 'd', Kind::Bool, "Run container in background and print container ID"),
            flag("interactive", 'i', Kind::Bool, "Keep STDIN open even if not attached"),
            flag("memory", 'm', Kind::Bytes, "Memory limit"),
            flag("publish", 'p', Kind::List, "Publish a container's port(s) to the host"),
            flag("cpus", ' ', Kind::Decimal, "Number of CPUs"),
        ],
    };

    fn parse(line: &str) -> Result<Parsed, Refusal> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        SPEC.parse("docker run", &words)
    }

    #[test]
    fn reads_as_pflag() {
        let p = parse("-dit -p 80:80 -p81:81 --memory=64m --cpus .5 busybox sh -d").unwrap_err();
        assert!(
            matches!(p, Refusal::Flag(text) if text.starts_with("unknown shorthand flag: 't' in -dit\n"))
        );
        let p = parse("-di -p 80:80 -p81:81 --memory=64m --cpus .5 busybox sh -d").unwrap();
        assert!(p.is("detach") && p.is("interactive"));
        assert_eq!(p.list("publish"), ["80:80", "81:81"]);
        assert_eq!((p.bytes("memory"), p.nano("cpus")), (Some(64 << 20), Some(500_000_000)));
        assert_eq!(p.args, ["busybox", "sh", "-d"]);
    }

    #[test]
    fn refusals() {
        let usage = "\n\nUsage:  docker run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\n";
        let end = format!("{usage}Run 'docker run --help' for more information");
        for (line, text) in [
            ("--nope x", "unknown flag: --nope"),
            ("-m abc x", "invalid argument \"abc\" for \"-m, --memory\" flag: invalid size: 'abc'"),
            ("-m", "flag needs an argument: 'm' in -m"),
            ("--memory", "flag needs an argument: --memory"),
        ] {
            assert_eq!(parse(line), Err(Refusal::Flag(format!("{text}{end}"))), "{line}");
        }
        let see = format!("{usage}See 'docker run --help' for more information");
        let text = format!("docker: 'docker run' requires at least 1 argument{see}");
        assert_eq!(parse(""), Err(Refusal::Count(text)));
    }
}
