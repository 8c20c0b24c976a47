//! `sed`: addresses, `s y d p q = a i c n`, `-n -e -i -E`. Left out: the hold space, branches.

use regex_lite::Regex;

use crate::posix::applets::Call;
use crate::posix::filter::regex;

/// A script of `sed`.
#[derive(Clone, Debug)]
pub(super) struct Script {
    quiet: bool,
    /// Whether files are changed.
    pub(super) in_place: bool,
    commands: Vec<Command>,
    done: bool,
}

#[derive(Clone, Debug)]
struct Command {
    from: Option<Address>,
    to: Option<Address>,
    negated: bool,
    active: bool,
    what: What,
}

#[derive(Clone, Debug)]
enum Address {
    Line(u64),
    Last,
    Match(Regex),
}

#[derive(Clone, Debug)]
enum What {
    Delete,
    Print,
    Quit,
    Number,
    Text(char, String),
    Replace { regex: Regex, with: String, all: bool, nth: usize, print: bool },
    Map(Vec<char>, Vec<char>),
}

impl Script {
    /// Read the arguments: the script and the files.
    pub(super) fn build(args: &[String]) -> Result<(Self, Vec<String>), String> {
        let mut script = Self { quiet: false, in_place: false, commands: Vec::new(), done: false };
        let mut texts = Vec::new();
        let mut files = Vec::new();
        let mut is_extended = false;
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-n" => script.quiet = true,
                "-e" => texts.extend(args.next().cloned()),
                "-E" | "-r" => is_extended = true,
                arg if arg.starts_with("-i") => script.in_place = true,
                "-ne" => {
                    script.quiet = true;
                    texts.extend(args.next().cloned());
                }
                _ if texts.is_empty() => texts.push(arg.clone()),
                _ => files.push(arg.clone()),
            }
        }
        let text = texts.join("\n");
        let mut reader = Reader { text: text.chars().collect(), at: 0, is_extended };
        while let Some(command) = reader.command()? {
            script.commands.push(command);
        }
        Ok((script, files))
    }

    /// One line; true to stop.
    pub(super) fn line(&mut self, line: &str, n: u64, last: bool, call: &mut Call<'_>) -> bool {
        if self.done {
            return true;
        }
        let mut space = line.to_owned();
        let mut deleted = false;
        let mut after = String::new();
        for command in &mut self.commands {
            if !command.selects(&space, n, last) {
                continue;
            }
            match &command.what {
                What::Delete => {
                    deleted = true;
                    break;
                }
                What::Print => call.out.push_str(&format!("{space}\n")),
                What::Number => call.out.push_str(&format!("{n}\n")),
                What::Quit => {
                    self.done = true;
                    break;
                }
                What::Text('i', text) => call.out.push_str(&format!("{text}\n")),
                What::Text('c', text) => {
                    call.out.push_str(&format!("{text}\n"));
                    deleted = true;
                    break;
                }
                What::Text(_, text) => after.push_str(&format!("{text}\n")),
                What::Replace { regex, with, all, nth, print } => {
                    if let Some(new) = replace(&space, regex, with, *all, *nth) {
                        space = new;
                        if *print {
                            call.out.push_str(&format!("{space}\n"));
                        }
                    }
                }
                What::Map(from, to) => {
                    let map = |c| from.iter().position(|f| *f == c).and_then(|at| to.get(at));
                    space = space.chars().map(|c| map(c).copied().unwrap_or(c)).collect();
                }
            }
        }
        if !deleted && !self.quiet {
            call.out.push_str(&space);
            call.out.push('\n');
        }
        call.out.push_str(&after);
        self.done
    }

    /// The input is at its end.
    pub(super) fn end(&mut self, _call: &mut Call<'_>) {
        for command in &mut self.commands {
            command.active = false;
        }
    }
}

impl Command {
    fn selects(&mut self, line: &str, n: u64, last: bool) -> bool {
        let hit = |address: &Address| match address {
            Address::Line(want) => *want == n,
            Address::Last => last,
            Address::Match(regex) => regex.is_match(line),
        };
        let inside = match (&self.from, &self.to) {
            (None, _) => true,
            (Some(from), None) => hit(from),
            (Some(_), Some(to)) if self.active => {
                self.active = match to {
                    Address::Line(end) => n < *end,
                    Address::Last | Address::Match(_) => !hit(to),
                };
                true
            }
            (Some(from), Some(to)) => {
                let begins = hit(from);
                self.active = begins && !matches!(to, Address::Line(end) if *end <= n);
                begins
            }
        };
        inside != self.negated
    }
}

fn replace(line: &str, regex: &Regex, with: &str, all: bool, nth: usize) -> Option<String> {
    let mut out = String::new();
    let mut end = 0;
    let mut changed = false;
    for (at, found) in regex.captures_iter(line).enumerate() {
        let Some(whole) = found.get(0) else { continue };
        if at + 1 < nth {
            continue;
        }
        out.push_str(line.get(end..whole.start()).unwrap_or(""));
        let mut chars = with.chars();
        while let Some(c) = chars.next() {
            match c {
                '&' => out.push_str(whole.as_str()),
                '\\' => match chars.next() {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some(d) if d.is_ascii_digit() => {
                        let group = d.to_digit(10).and_then(|d| usize::try_from(d).ok());
                        let text = group.and_then(|g| found.get(g)).map_or("", |m| m.as_str());
                        out.push_str(text);
                    }
                    Some(c) => out.push(c),
                    None => out.push('\\'),
                },
                c => out.push(c),
            }
        }
        end = whole.end();
        changed = true;
        if !all {
            break;
        }
    }
    out.push_str(line.get(end..).unwrap_or(""));
    changed.then_some(out)
}

struct Reader {
    text: Vec<char>,
    at: usize,
    is_extended: bool,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, what: &str) {
        while self.peek().is_some_and(|c| what.contains(c)) {
            self.at += 1;
        }
    }

    fn address(&mut self) -> Result<Option<Address>, String> {
        match self.peek() {
            Some(c) if c.is_ascii_digit() => {
                let mut n = 0_u64;
                while let Some(d) = self.peek().and_then(|c| c.to_digit(10)) {
                    n = n.saturating_mul(10).saturating_add(u64::from(d));
                    self.at += 1;
                }
                Ok(Some(Address::Line(n)))
            }
            Some('$') => {
                self.at += 1;
                Ok(Some(Address::Last))
            }
            Some('/') => {
                self.at += 1;
                let text = self.until('/')?;
                let compiled = regex(&text, self.is_extended, false);
                compiled.map(|r| Some(Address::Match(r))).ok_or_else(|| "bad regex".to_owned())
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Text up to a delimiter; an escaped delimiter is the delimiter itself.
    fn until(&mut self, end: char) -> Result<String, String> {
        let mut out = String::new();
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                c if c == end => return Ok(out),
                '\\' => {
                    let next = self.peek();
                    self.at += 1;
                    match next {
                        Some(c) if c == end => out.push(c),
                        Some(c) => {
                            out.push('\\');
                            out.push(c);
                        }
                        None => out.push('\\'),
                    }
                }
                c => out.push(c),
            }
        }
        Err("unterminated command".to_owned())
    }

    fn command(&mut self) -> Result<Option<Command>, String> {
        self.skip(" \t\n;");
        let from = self.address()?;
        let mut to = None;
        if from.is_some() && self.peek() == Some(',') {
            self.at += 1;
            to = self.address()?;
        }
        self.skip(" ");
        let negated = self.peek() == Some('!');
        self.at += usize::from(negated);
        self.skip(" ");
        let Some(letter) = self.peek() else {
            return if from.is_some() { Err("missing command".to_owned()) } else { Ok(None) };
        };
        self.at += 1;
        let what = match letter {
            'd' => What::Delete,
            'p' => What::Print,
            'q' => What::Quit,
            '=' => What::Number,
            'a' | 'i' | 'c' => {
                self.skip(" \\\n");
                let rest: String = self.text.get(self.at..).unwrap_or(&[]).iter().collect();
                let line = rest.split('\n').next().unwrap_or("").to_owned();
                self.at += line.chars().count();
                What::Text(letter, line)
            }
            's' => self.replacement()?,
            'y' => {
                let end = self.peek().unwrap_or('/');
                self.at += 1;
                let from = self.until(end)?.chars().collect();
                What::Map(from, self.until(end)?.chars().collect())
            }
            other => return Err(format!("unsupported command {other}")),
        };
        Ok(Some(Command { from, to, negated, active: false, what }))
    }

    fn replacement(&mut self) -> Result<What, String> {
        let Some(end) = self.peek() else { return Err("unmatched '/'".to_owned()) };
        self.at += 1;
        let pattern = self.until(end).map_err(|_| format!("unmatched '{end}'"))?;
        let with = self.until(end).map_err(|_| format!("unmatched '{end}'"))?;
        let (mut all, mut nth, mut print, mut ignore_case) = (false, 1, false, false);
        while let Some(c) = self.peek().filter(|c| !" ;\n}".contains(*c)) {
            self.at += 1;
            match c {
                'g' => all = true,
                'p' => print = true,
                'i' | 'I' => ignore_case = true,
                c if c.is_ascii_digit() => {
                    nth = c.to_digit(10).and_then(|d| usize::try_from(d).ok()).unwrap_or(1);
                }
                _ => return Err("bad option in substitution expression".to_owned()),
            }
        }
        let regex = regex(&pattern, self.is_extended, ignore_case);
        let regex = regex.ok_or_else(|| format!("bad regex '{pattern}'"))?;
        Ok(What::Replace { regex, with, all, nth, print })
    }
}
