//! Tools that read line by line, so that they work on the right of a pipe that never ends:
//! `cat head grep sed tr cut tee`. Regular expressions are translated from POSIX basic to the
//! extended form of `regex-lite`; back-references in patterns are left out.

use regex_lite::Regex;

use crate::posix::applets::Call;
use crate::posix::files::{Kind, normal};
use crate::posix::pattern::{in_class, unescape};
use crate::posix::sed::Script;

/// Longest regular expression that is tried.
const MAX_PATTERN: usize = 2_000;

/// A running filter: what it does and the unfinished line.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    what: What,
    rest: String,
    /// Lines seen.
    line: u64,
    status: u8,
}

#[derive(Clone, Debug)]
enum What {
    Cat(bool),
    Head(u64, u64),
    Grep(Box<Grep>),
    Sed(Box<Script>),
    Tr(Vec<char>, Vec<char>, TrMode),
    Cut(Cut),
    Tee(Vec<String>),
}

#[derive(Clone, Copy, Debug, Default)]
struct TrMode {
    delete: bool,
    squeeze: bool,
    complement: bool,
    last: Option<char>,
}

#[derive(Clone, Debug)]
struct Grep {
    regex: Regex,
    flags: String,
    most: u64,
    hits: u64,
    after: u64,
    left: u64,
    name: Option<String>,
}

#[derive(Clone, Debug)]
struct Cut {
    delimiter: char,
    by_char: bool,
    only: bool,
    ranges: Vec<(usize, usize)>,
}

/// Translate a basic regular expression into the extended form.
pub(super) fn extended(basic: &str) -> String {
    let mut out = String::new();
    let mut chars = basic.chars().peekable();
    let mut bracket = false;
    let mut start = true;
    while let Some(c) = chars.next() {
        match c {
            '[' if !bracket => {
                bracket = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
                start = false;
                continue;
            }
            '[' if chars.peek() == Some(&':') => out.push('['),
            '[' => out.push_str("\\["),
            ']' if bracket => {
                out.push(']');
                // The end of a class such as `[:alpha:]` is not the end of the bracket.
                bracket = out.ends_with(":]");
            }
            c if bracket => out.push(c),
            '\\' => match chars.next() {
                Some(c @ ('(' | ')' | '{' | '}' | '|' | '+' | '?')) => {
                    out.push(c);
                    start = c == '(' || c == '|';
                    continue;
                }
                Some('<' | '>') => out.push_str("\\b"),
                Some(c) => {
                    out.push('\\');
                    out.push(c);
                }
                None => out.push_str("\\\\"),
            },
            '(' | ')' | '{' | '}' | '|' | '+' | '?' => {
                out.push('\\');
                out.push(c);
            }
            '*' if start => out.push_str("\\*"),
            c => out.push(c),
        }
        start = c == '^' && out == "^";
    }
    out
}

/// A regular expression as grep and sed read it.
pub(super) fn regex(text: &str, is_extended: bool, ignore_case: bool) -> Option<Regex> {
    if text.len() > MAX_PATTERN {
        return None;
    }
    let text = if is_extended { bracketed(text) } else { extended(text) };
    let text = if ignore_case { format!("(?i){text}") } else { text };
    Regex::new(&text).ok()
}

/// In an extended expression only `]` right after `[` has to be escaped.
fn bracketed(text: &str) -> String {
    text.replace("[]", "[\\]").replace("[^]", "[^\\]")
}

impl Filter {
    /// Whether a name is a filter.
    pub(super) fn knows(name: &str) -> bool {
        matches!(name, "cat" | "head" | "grep" | "egrep" | "fgrep" | "sed" | "tr" | "cut" | "tee")
    }

    /// Read the arguments: the filter and the files it shall read instead of its input.
    pub(super) fn build(argv: &[String], call: &mut Call<'_>) -> Result<(Self, Vec<String>), u8> {
        let name = argv.first().map_or("", String::as_str);
        let args = argv.get(1..).unwrap_or(&[]);
        let (what, files) = match name {
            "cat" => {
                let numbers = args.iter().any(|a| a == "-n");
                let files = args.iter().filter(|a| *a == "-" || !a.starts_with('-'));
                (What::Cat(numbers), files.cloned().collect())
            }
            "head" => head(args),
            "sed" => {
                let (script, files) = Script::build(args).map_err(|message| {
                    call.complain(&format!("sed: {message}"));
                    1
                })?;
                (What::Sed(Box::new(script)), files)
            }
            "tr" => (tr(args), Vec::new()),
            "cut" => cut(args),
            "tee" => {
                let append = args.iter().any(|a| a == "-a");
                let mut paths = Vec::new();
                for file in args.iter().filter(|a| !a.starts_with('-')) {
                    let path = normal(&call.cwd, file);
                    let made = match append {
                        true => call.files.append(&path, "", call.now),
                        false => call.files.write(&path, "", call.now),
                    };
                    match made {
                        Ok(()) => paths.push(path),
                        Err(error) => call.complain(&format!("tee: {file}: {error}")),
                    }
                }
                (What::Tee(paths), Vec::new())
            }
            _ => grep(name, args, call)?,
        };
        let files = if files == ["-"] { Vec::new() } else { files };
        let status = u8::from(matches!(what, What::Grep(_)));
        Ok((Self { what, rest: String::new(), line: 0, status }, files))
    }

    /// Run over files instead of the input.
    pub(super) fn run_files(&mut self, files: &[String], call: &mut Call<'_>) -> u8 {
        let mut failed = false;
        let name = match self.what {
            What::Cat(_) => "cat",
            What::Head(..) => "head",
            What::Grep(_) => "grep",
            What::Sed(_) => "sed",
            What::Tr(..) => "tr",
            What::Cut(_) => "cut",
            What::Tee(_) => "tee",
        };
        let fresh = self.clone();
        for file in files {
            let path = normal(&call.cwd, file);
            match call.files.read(&path) {
                Ok(text) => {
                    if matches!(self.what, What::Head(..)) {
                        if files.len() > 1 {
                            call.out.push_str(&format!("==> {file} <==\n"));
                        }
                        self.what = fresh.what.clone();
                        self.line = 0;
                    }
                    if let What::Grep(grep) = &mut self.what {
                        let named = files.len() > 1 || grep.flags.contains('H');
                        grep.name = (named && !grep.flags.contains('h')).then(|| file.clone());
                        grep.hits = 0;
                        self.line = 0;
                    }
                    let before = std::mem::take(&mut call.out);
                    let in_place = matches!(&self.what, What::Sed(s) if s.in_place);
                    self.feed(&text, call);
                    self.flush(call);
                    let made = std::mem::replace(&mut call.out, before);
                    if in_place {
                        if let Err(error) = call.files.write(&path, &made, call.now) {
                            call.complain(&format!("sed: {file}: {error}"));
                            failed = true;
                        }
                        self.line = 0;
                        self.what = fresh.what.clone();
                    } else {
                        call.out.push_str(&made);
                    }
                }
                Err(error) => {
                    failed = true;
                    let quiet = matches!(&self.what, What::Grep(g) if g.flags.contains('s'));
                    if !quiet {
                        let how = if matches!(error, super::FsError::IsDirectory) {
                            "read error: Is a directory".to_owned()
                        } else {
                            format!("can't open '{file}': {error}")
                        };
                        let how = if name == "grep" { format!("{file}: {error}") } else { how };
                        call.complain(&format!("{name}: {how}"));
                    }
                }
            }
        }
        match (&self.what, failed) {
            (What::Grep(_), true) if self.status != 0 => 2,
            (_, false) => self.status,
            (_, true) => 1,
        }
    }

    /// Take some text; true when nothing more is wanted.
    pub(super) fn feed(&mut self, text: &str, call: &mut Call<'_>) -> bool {
        match &mut self.what {
            What::Cat(false) => {
                call.out.push_str(text);
                return false;
            }
            What::Head(_, bytes) if *bytes > 0 => {
                let mut end = usize::try_from(*bytes).unwrap_or(usize::MAX).min(text.len());
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                call.out.push_str(text.get(..end).unwrap_or(""));
                *bytes -= end as u64;
                return *bytes == 0;
            }
            What::Tr(from, to, mode) => {
                translate(text, from, to, mode, &mut call.out);
                return false;
            }
            What::Tee(paths) => {
                call.out.push_str(text);
                for path in paths {
                    let _ = call.files.append(path, text, call.now);
                }
                return false;
            }
            What::Cat(true) | What::Head(..) | What::Grep(_) | What::Sed(_) | What::Cut(_) => {}
        }
        self.rest.push_str(text);
        let whole = std::mem::take(&mut self.rest);
        let mut lines = whole.split_inclusive('\n').peekable();
        while let Some(line) = lines.next() {
            let Some(line) = line.strip_suffix('\n') else {
                self.rest = line.to_owned();
                break;
            };
            // `$` of sed needs to know whether more comes; an open pipe counts as more.
            let last = lines.peek().is_none() && call.last_chunk;
            if self.one(line, last, call) {
                return true;
            }
        }
        false
    }

    fn flush(&mut self, call: &mut Call<'_>) {
        if !self.rest.is_empty() {
            let line = std::mem::take(&mut self.rest);
            self.one(&line, true, call);
        }
        if let What::Grep(grep) = &self.what
            && grep.flags.contains('c')
        {
            let name = grep.name.as_ref().map(|n| format!("{n}:")).unwrap_or_default();
            call.out.push_str(&format!("{name}{}\n", grep.hits));
        }
        if let What::Sed(script) = &mut self.what {
            script.end(call);
        }
    }

    /// The input is at its end, or enough was read.
    pub(super) fn finish(&mut self, call: &mut Call<'_>) -> u8 {
        self.flush(call);
        self.status
    }

    fn one(&mut self, line: &str, last: bool, call: &mut Call<'_>) -> bool {
        self.line += 1;
        match &mut self.what {
            What::Cat(_) => {
                call.out.push_str(&format!("{:6}\t{line}\n", self.line));
                false
            }
            What::Head(lines, _) => {
                if *lines > 0 {
                    call.out.push_str(line);
                    call.out.push('\n');
                    *lines -= 1;
                }
                *lines == 0
            }
            What::Grep(grep) => {
                let hit = grep.regex.is_match(line) != grep.flags.contains('v');
                if hit {
                    self.status = 0;
                    grep.hits += 1;
                    grep.left = grep.after;
                }
                let listed = grep.flags.contains('l');
                if listed && hit {
                    let name = grep.name.clone().unwrap_or_else(|| "(standard input)".to_owned());
                    call.out.push_str(&name);
                    call.out.push('\n');
                    return true;
                }
                if grep.flags.contains('q') || grep.flags.contains('c') || listed {
                    return hit && grep.flags.contains('q');
                }
                if hit || grep.left > 0 {
                    grep.left = grep.left.saturating_sub(u64::from(!hit));
                    grep.print(line, self.line, &mut call.out);
                }
                hit && grep.hits >= grep.most
            }
            What::Sed(script) => script.line(line, self.line, last, call),
            What::Cut(cut) => {
                cut.line(line, &mut call.out);
                false
            }
            What::Tr(..) | What::Tee(_) => false,
        }
    }
}

impl Grep {
    fn print(&self, line: &str, number: u64, out: &mut String) {
        let mut prefix = self.name.as_ref().map(|n| format!("{n}:")).unwrap_or_default();
        if self.flags.contains('n') {
            prefix.push_str(&format!("{number}:"));
        }
        if self.flags.contains('o') {
            for found in self.regex.find_iter(line).filter(|m| !m.is_empty()) {
                out.push_str(&format!("{prefix}{}\n", found.as_str()));
            }
            return;
        }
        out.push_str(&format!("{prefix}{line}\n"));
    }
}

fn grep(name: &str, args: &[String], call: &mut Call<'_>) -> Result<(What, Vec<String>), u8> {
    let mut flags = String::new();
    let mut pattern: Option<String> = None;
    let mut files = Vec::new();
    let (mut most, mut after) = (u64::MAX, 0);
    let mut args = args.iter();
    let mut options = true;
    while let Some(arg) = args.next() {
        let letters = arg.strip_prefix('-').filter(|l| options && !l.is_empty());
        match letters {
            Some("-") => options = false,
            Some("-color" | "-color=auto" | "-color=always" | "-line-buffered") => {}
            Some(letters) => {
                for (at, c) in letters.char_indices() {
                    if !"emABC".contains(c) {
                        flags.push(c);
                        continue;
                    }
                    let attached = letters.get(at + 1..).unwrap_or("");
                    let value = match attached {
                        "" => args.next().cloned().unwrap_or_default(),
                        text => text.to_owned(),
                    };
                    match c {
                        'e' => {
                            // Each is one more pattern.
                            let before = pattern.take().map(|p| p + "\n").unwrap_or_default();
                            pattern = Some(before + &value);
                        }
                        'm' => most = value.parse().unwrap_or(u64::MAX),
                        'A' | 'C' => after = value.parse().unwrap_or(0),
                        _ => {}
                    }
                    break;
                }
            }
            None if pattern.is_none() => pattern = Some(arg.clone()),
            None => files.push(arg.clone()),
        }
    }
    let Some(pattern) = pattern else {
        call.complain("Usage: grep [-HhnlLoqvsrRiwFE] [-m N] [-A|B|C N] PATTERN [FILE]...");
        return Err(2);
    };
    let fixed = name == "fgrep" || flags.contains('F');
    let is_extended = name == "egrep" || flags.contains('E') || flags.contains('P');
    let mut text = if fixed { regex_lite::escape(&pattern) } else { pattern.clone() };
    if !fixed && !is_extended {
        text = extended(&text);
    }
    // Several lines are several patterns.
    if text.contains('\n') {
        text = text.replace('\n', "|");
    }
    if flags.contains('w') {
        text = format!("\\b(?:{text})\\b");
    }
    if flags.contains('x') {
        text = format!("^(?:{text})$");
    }
    let Some(regex) = regex(&text, true, flags.contains('i')) else {
        call.complain(&format!("grep: bad regex '{pattern}': Invalid regexp"));
        return Err(2);
    };
    if flags.contains(['r', 'R']) {
        let roots = if files.is_empty() { vec![".".to_owned()] } else { files };
        files = roots.iter().flat_map(|root| call.walk(root)).collect();
        flags.push('H');
        if files.is_empty() {
            return Err(1);
        }
    }
    let grep = Grep { regex, flags, most, hits: 0, after, left: 0, name: None };
    Ok((What::Grep(Box::new(grep)), files))
}

fn head(args: &[String]) -> (What, Vec<String>) {
    let (mut lines, mut bytes) = (10, 0);
    let mut files = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.strip_prefix('-') {
            Some("n") => lines = args.next().and_then(|n| n.parse().ok()).unwrap_or(10),
            Some("c") => bytes = args.next().and_then(|n| n.parse().ok()).unwrap_or(0),
            Some(n) if n.starts_with('n') => lines = n.get(1..).unwrap_or("").parse().unwrap_or(10),
            Some(n) if n.starts_with('c') => bytes = n.get(1..).unwrap_or("").parse().unwrap_or(0),
            Some(n) if n.parse::<u64>().is_ok() => lines = n.parse().unwrap_or(10),
            Some("q") => {}
            Some(_) | None => files.push(arg.clone()),
        }
    }
    (What::Head(lines, bytes), files)
}

fn tr(args: &[String]) -> What {
    let mut mode = TrMode::default();
    let mut sets = Vec::new();
    for arg in args {
        match arg.strip_prefix('-').filter(|l| !l.is_empty() && sets.is_empty()) {
            Some(letters) => {
                mode.delete |= letters.contains('d');
                mode.squeeze |= letters.contains('s');
                mode.complement |= letters.contains('c');
            }
            None => sets.push(characters(arg)),
        }
    }
    let mut sets = sets.into_iter();
    What::Tr(sets.next().unwrap_or_default(), sets.next().unwrap_or_default(), mode)
}

/// The characters of a set of `tr`.
fn characters(text: &str) -> Vec<char> {
    let text: Vec<char> = unescape(text).chars().collect();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(c) = text.get(at).copied() {
        let rest: String = text.get(at..).unwrap_or(&[]).iter().collect();
        if let Some((name, _)) = rest.strip_prefix("[:").and_then(|r| r.split_once(":]")) {
            out.extend((0..128_u8).map(char::from).filter(|c| in_class(name, *c)));
            at += name.chars().count() + 4;
            continue;
        }
        match (text.get(at + 1), text.get(at + 2)) {
            (Some('-'), Some(high)) if *high >= c => {
                out.extend(c..=*high);
                at += 3;
            }
            _ => {
                out.push(c);
                at += 1;
            }
        }
    }
    out
}

fn translate(text: &str, from: &[char], to: &[char], mode: &mut TrMode, out: &mut String) {
    for c in text.chars() {
        let at = from.iter().position(|f| *f == c);
        let inside = at.is_some() != mode.complement;
        if inside && mode.delete {
            continue;
        }
        let new = if inside && !mode.delete {
            let at = at.unwrap_or(usize::MAX);
            to.get(at).or(to.last()).copied().unwrap_or(c)
        } else {
            c
        };
        if mode.squeeze && inside && mode.last == Some(new) {
            continue;
        }
        mode.last = inside.then_some(new);
        out.push(new);
    }
}

fn cut(args: &[String]) -> (What, Vec<String>) {
    let mut cut = Cut { delimiter: '\t', by_char: false, only: false, ranges: Vec::new() };
    let mut files = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let Some(option) = arg.strip_prefix('-').filter(|o| !o.is_empty()) else {
            files.push(arg.clone());
            continue;
        };
        let (letter, attached) = option.split_at(1);
        let mut value = || match attached {
            "" => args.next().cloned().unwrap_or_default(),
            text => text.to_owned(),
        };
        match letter {
            "d" => cut.delimiter = value().chars().next().unwrap_or('\t'),
            "f" => cut.ranges = ranges(&value()),
            "c" | "b" => {
                cut.by_char = true;
                cut.ranges = ranges(&value());
            }
            "s" => cut.only = true,
            _ => {}
        }
    }
    (What::Cut(cut), files)
}

fn ranges(text: &str) -> Vec<(usize, usize)> {
    let one = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let low = if low.is_empty() { 1 } else { low.parse().ok()? };
        let high = if high.is_empty() { usize::MAX } else { high.parse().ok()? };
        Some((low, high))
    };
    text.split(',').filter_map(one).collect()
}

impl Cut {
    fn line(&self, line: &str, out: &mut String) {
        let wanted = |at: usize| self.ranges.iter().any(|(l, h)| (*l..=*h).contains(&(at + 1)));
        if self.by_char {
            out.extend(line.chars().enumerate().filter(|(at, _)| wanted(*at)).map(|(_, c)| c));
        } else if !line.contains(self.delimiter) {
            if self.only {
                return;
            }
            out.push_str(line);
        } else {
            let fields = line.split(self.delimiter).enumerate().filter(|(at, _)| wanted(*at));
            let fields: Vec<&str> = fields.map(|(_, f)| f).collect();
            out.push_str(&fields.join(self.delimiter.encode_utf8(&mut [0; 4])));
        }
        out.push('\n');
    }
}

/// Whether a path is a directory.
pub(super) fn is_dir(call: &Call<'_>, path: &str) -> bool {
    call.files.stat(path).is_ok_and(|s| s.kind == Kind::Directory)
}
