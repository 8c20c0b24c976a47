//! Flags as kubectl reads them: declared per verb, parsed by the rules of spf13/pflag.
//!
//! Follows pflag `flag.go`: `--name=value`, `--name value`, `-n value`, `-nvalue`, `-it`, and
//! `--` as the end of flags. Left out: flags that a file or an environment variable sets.

use std::collections::BTreeMap;

use crate::base::time::SimDuration;

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing, or `=true` and `=false`.
    Bool,
    /// One text; the last one counts.
    Text,
    /// A whole number.
    Int,
    /// A Go duration.
    Time,
    /// Texts, split at commas; several times.
    List,
    /// Texts, not split; several times.
    Each,
    /// A text only after `=`; without it this one.
    Maybe(&'static str),
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    /// `namespace`.
    pub(super) long: &'static str,
    /// `n`, or `\0` without a short form.
    pub(super) short: char,
    /// What it takes.
    pub(super) takes: Takes,
    /// Its value when it is not given.
    pub(super) default: &'static str,
    /// What it does.
    pub(super) help: &'static str,
}

impl Flag {
    /// A flag without short form and default.
    pub(super) const fn new(long: &'static str, takes: Takes, help: &'static str) -> Self {
        Self { long, short: '\0', takes, default: "", help }
    }

    /// With a short form.
    pub(super) const fn short(mut self, short: char) -> Self {
        self.short = short;
        self
    }

    /// With a default.
    pub(super) const fn or(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    /// `--namespace`, or `-n, --namespace` as messages name it.
    fn shown(self) -> String {
        if self.short == '\0' {
            format!("--{}", self.long)
        } else {
            format!("-{}, --{}", self.short, self.long)
        }
    }
}

/// Flags of every verb.
pub(super) const GLOBAL: &[Flag] = &[
    Flag::new("namespace", Takes::Text, "Namespace of this call").short('n'),
    Flag::new("context", Takes::Text, "Context of the kubeconfig to use"),
    Flag::new("cluster", Takes::Text, "Cluster of the kubeconfig to use"),
    Flag::new("user", Takes::Text, "User of the kubeconfig to use"),
    Flag::new("kubeconfig", Takes::Text, "Path of the kubeconfig file"),
    Flag::new("server", Takes::Text, "Address of the API server").short('s'),
    Flag::new("request-timeout", Takes::Text, "How long to wait for one request").or("0"),
    Flag::new("as", Takes::Text, "User to act as"),
    Flag::new("token", Takes::Text, "Bearer token"),
    Flag::new("insecure-skip-tls-verify", Takes::Bool, "Do not check the certificate"),
    Flag::new("v", Takes::Text, "Level of log verbosity").short('v').or("0"),
    Flag::new("warnings-as-errors", Takes::Bool, "Treat warnings of the server as errors"),
    Flag::new("help", Takes::Bool, "Help for this command").short('h'),
];

/// The flags of a call, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Flags {
    given: BTreeMap<&'static str, Vec<String>>,
    defaults: BTreeMap<&'static str, &'static str>,
    /// Arguments that are no flags.
    pub(super) args: Vec<String>,
    /// How many of them came before `--`.
    pub(super) dash: Option<usize>,
}

impl Flags {
    /// Read the words after the command.
    ///
    /// # Errors
    /// With the message of the real parser, without `error: `.
    pub(super) fn parse(words: &[String], known: &[&[Flag]]) -> Result<Self, String> {
        let all = || known.iter().copied().flatten().chain(GLOBAL);
        let mut read = Self::default();
        for flag in all() {
            read.defaults.entry(flag.long).or_insert(flag.default);
        }
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                read.dash = Some(read.args.len());
                read.args.extend(words.cloned());
                break;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (long, None),
                };
                let Some(flag) = all().find(|f| f.long == name) else {
                    return Err(format!("unknown flag: --{name}"));
                };
                let value = match (value, flag.takes) {
                    (Some(value), _) => value,
                    (None, Takes::Bool) => "true".to_owned(),
                    (None, Takes::Maybe(implied)) => implied.to_owned(),
                    (None, _) => words
                        .next()
                        .cloned()
                        .ok_or_else(|| format!("flag needs an argument: --{name}"))?,
                };
                read.put(*flag, value)?;
            } else if word.len() > 1 && word.starts_with('-') {
                read.shorts(word, &mut words, &|c| all().find(|f| f.short == c).copied())?;
            } else {
                read.args.push(word.clone());
            }
        }
        Ok(read)
    }

    /// `-it`, `-n web`, `-nweb`, `-n=web`.
    fn shorts<'a>(
        &mut self,
        word: &str,
        words: &mut impl Iterator<Item = &'a String>,
        find: &dyn Fn(char) -> Option<Flag>,
    ) -> Result<(), String> {
        let mut rest = word.get(1..).unwrap_or("");
        while let Some(c) = rest.chars().next() {
            let Some(flag) = find(c) else {
                return Err(format!("unknown shorthand flag: '{c}' in -{rest}"));
            };
            let shown = rest;
            rest = rest.get(c.len_utf8()..).unwrap_or("");
            if let Some(value) = rest.strip_prefix('=') {
                return self.put(flag, value.to_owned());
            }
            match flag.takes {
                Takes::Bool => self.put(flag, "true".to_owned())?,
                Takes::Maybe(implied) => self.put(flag, implied.to_owned())?,
                _ if !rest.is_empty() => return self.put(flag, rest.to_owned()),
                Takes::Text | Takes::Int | Takes::Time | Takes::List | Takes::Each => {
                    let value = words.next().cloned();
                    let missing = || format!("flag needs an argument: '{c}' in -{shown}");
                    return self.put(flag, value.ok_or_else(missing)?);
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, flag: Flag, value: String) -> Result<(), String> {
        let wrong = |why: String| {
            format!("invalid argument \"{value}\" for \"{}\" flag: {why}", flag.shown())
        };
        match flag.takes {
            Takes::Bool if !matches!(value.as_str(), "true" | "false" | "1" | "0") => {
                return Err(wrong(format!(
                    "strconv.ParseBool: parsing \"{value}\": invalid syntax"
                )));
            }
            Takes::Int if value.parse::<i64>().is_err() => {
                return Err(wrong(format!(
                    "strconv.ParseInt: parsing \"{value}\": invalid syntax"
                )));
            }
            Takes::Time if duration(&value).is_none() => {
                let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
                let what = if digits { "missing unit in" } else { "invalid" };
                return Err(wrong(format!("time: {what} duration \"{value}\"")));
            }
            Takes::List => {
                let parts = value.split(',').map(str::to_owned);
                self.given.entry(flag.long).or_default().extend(parts);
                return Ok(());
            }
            Takes::Each => {
                self.given.entry(flag.long).or_default().push(value);
                return Ok(());
            }
            Takes::Bool | Takes::Text | Takes::Int | Takes::Time | Takes::Maybe(_) => {}
        }
        self.given.insert(flag.long, vec![value]);
        Ok(())
    }

    /// Whether it was given.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.given.contains_key(flag)
    }

    /// Its text, or its default.
    pub(super) fn text(&self, flag: &str) -> &str {
        let given = self.given.get(flag).and_then(|v| v.last()).map(String::as_str);
        given.or_else(|| self.defaults.get(flag).copied()).unwrap_or("")
    }

    /// Its text, when it is not empty.
    pub(super) fn some(&self, flag: &str) -> Option<&str> {
        Some(self.text(flag)).filter(|t| !t.is_empty())
    }

    /// Whether it is on.
    pub(super) fn on(&self, flag: &str) -> bool {
        matches!(self.text(flag), "true" | "1")
    }

    /// Its number.
    pub(super) fn int(&self, flag: &str) -> i64 {
        self.text(flag).parse().unwrap_or(0)
    }

    /// Its length of time; negative ones, which mean "for ever", are `None`.
    pub(super) fn time(&self, flag: &str) -> Option<SimDuration> {
        let text = self.text(flag);
        if text.starts_with('-') { None } else { SimDuration::parse_go(text) }
    }

    /// All its values.
    pub(super) fn all(&self, flag: &str) -> &[String] {
        self.given.get(flag).map_or(&[], Vec::as_slice)
    }

    /// The arguments before `--`, and those after it.
    pub(super) fn split(&self) -> (&[String], &[String]) {
        let at = self.dash.unwrap_or(self.args.len()).min(self.args.len());
        self.args.split_at(at)
    }
}

fn duration(text: &str) -> Option<SimDuration> {
    SimDuration::parse_go(text.strip_prefix('-').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Flag] = &[
        Flag::new("stdin", Takes::Bool, "").short('i'),
        Flag::new("tty", Takes::Bool, "").short('t'),
        Flag::new("replicas", Takes::Int, ""),
        Flag::new("filename", Takes::List, "").short('f'),
        Flag::new("dry-run", Takes::Maybe("unchanged"), "").or("none"),
        Flag::new("timeout", Takes::Time, "").or("0s"),
    ];

    fn read(line: &str) -> Result<Flags, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Flags::parse(&words, &[FLAGS])
    }

    #[test]
    fn forms() {
        let f = read("web -it -nx --replicas 3 -f a,b -f=c --dry-run -- sh -c x").unwrap();
        assert!(f.on("stdin") && f.on("tty"));
        assert_eq!((f.text("namespace"), f.int("replicas")), ("x", 3));
        assert_eq!(f.all("filename"), ["a", "b", "c"]);
        assert_eq!(f.text("dry-run"), "unchanged");
        assert_eq!(f.split(), (&["web".to_owned()][..], &f.args[1..]));
        assert_eq!(read("").unwrap().text("dry-run"), "none");
        assert_eq!(read("--timeout=-1s").unwrap().time("timeout"), None);
    }

    #[test]
    fn messages() {
        for (line, message) in [
            ("--nope", "unknown flag: --nope"),
            ("-n", "flag needs an argument: 'n' in -n"),
            ("--namespace", "flag needs an argument: --namespace"),
            ("-ix", "unknown shorthand flag: 'x' in -x"),
            (
                "--replicas=abc",
                "invalid argument \"abc\" for \"--replicas\" flag: strconv.ParseInt: parsing \
                 \"abc\": invalid syntax",
            ),
            (
                "--timeout=5",
                "invalid argument \"5\" for \"--timeout\" flag: time: missing unit in duration \
                 \"5\"",
            ),
        ] {
            assert_eq!(read(line).unwrap_err(), message);
        }
    }
}
