//! From words to arguments: parameters, substitutions, splitting, path names.
//!
//! An expansion is a function of the shell's state and of the results of its command
//! substitutions. When a result is missing it stops, the substitution runs, and it begins anew;
//! what it assigns on the way is kept aside until it succeeds.

use std::sync::Arc;

use crate::base::shelf::Shelf;
use crate::posix::ast::{List, Op, Param, Piece, Word};
use crate::posix::files::FileSystem;
use crate::posix::math::{Memory, calculate};
use crate::posix::pattern;

/// Longest text one word may become.
const MAX_TEXT: usize = 4 << 20;

/// Stands before each element in the text of a variable that is an array.
const ELEMENT: char = '\u{1f}';

/// A shell variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Var {
    /// Its text; `None` if only declared.
    pub(super) value: Option<Arc<str>>,
    /// Whether commands see it.
    pub(super) exported: bool,
    /// Whether it may not change.
    pub(super) readonly: bool,
}

/// Variables by name.
pub(super) type Vars = Shelf<String, Var>;

/// Why an expansion stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Halt {
    /// The result of this substitution is needed.
    Run(Arc<List>),
    /// It failed with this message.
    Fail(String),
}

/// What an expansion reads.
pub(super) struct Scope<'a> {
    /// Variables.
    pub(super) vars: &'a Vars,
    /// `$1` and on.
    pub(super) args: &'a [String],
    /// `$0`.
    pub(super) zero: &'a str,
    /// `$?`.
    pub(super) status: u8,
    /// `$$`.
    pub(super) pid: u32,
    /// `$!`.
    pub(super) background: Option<u32>,
    /// `$-`.
    pub(super) flags: &'a str,
    /// Whether an unset variable is an error.
    pub(super) strict: bool,
    /// Whether patterns become path names.
    pub(super) globbing: bool,
    /// Working directory.
    pub(super) cwd: &'a str,
    /// Files, for path names.
    pub(super) files: &'a dyn FileSystem,
    /// Results of substitutions in their order.
    pub(super) results: &'a [String],
    /// Results used so far.
    pub(super) used: usize,
    /// Assignments on the way.
    pub(super) assigned: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default)]
struct Field {
    text: String,
    pattern: String,
    /// Whether something was there, so that an empty text still is a field.
    there: bool,
}

impl Field {
    fn push(&mut self, text: &str, quoted: bool) {
        self.text.push_str(text);
        if quoted {
            self.pattern.push_str(&pattern::escape(text));
        } else {
            self.pattern.push_str(text);
        }
    }
}

impl Field {
    fn join(&mut self, other: &Self) {
        self.text.push_str(&other.text);
        self.pattern.push_str(&other.pattern);
        self.there = true;
    }
}

impl Memory for Scope<'_> {
    fn get(&self, name: &str) -> String {
        self.value(name).unwrap_or_default()
    }
    fn set(&mut self, name: &str, value: i64) {
        self.assigned.push((name.to_owned(), value.to_string()));
    }
}

impl Scope<'_> {
    /// Words as arguments of a command.
    pub(super) fn fields(&mut self, words: &[Word]) -> Result<Vec<String>, Halt> {
        let mut all = Vec::new();
        for word in words {
            for field in self.build(word, true)? {
                let special = self.globbing && field.pattern.contains(['*', '?', '[']);
                let found = if special {
                    pattern::paths(&field.pattern, self.cwd, self.files)
                } else {
                    Vec::new()
                };
                if found.is_empty() {
                    all.push(field.text);
                } else {
                    all.extend(found);
                }
            }
        }
        Ok(all)
    }

    /// A word as one text, as in an assignment.
    pub(super) fn text(&mut self, word: &Word) -> Result<String, Halt> {
        let fields = self.build(word, false)?;
        Ok(fields.into_iter().map(|f| f.text).collect::<Vec<_>>().join(" "))
    }

    /// A word as a pattern.
    pub(super) fn pattern(&mut self, word: &Word) -> Result<String, Halt> {
        let fields = self.build(word, false)?;
        Ok(fields.into_iter().map(|f| f.pattern).collect::<Vec<_>>().join(" "))
    }

    fn build(&mut self, word: &Word, split: bool) -> Result<Vec<Field>, Halt> {
        let mut fields = Vec::new();
        let mut current = Field::default();
        for piece in &word.0 {
            match piece {
                Piece::Plain(text) => {
                    current.push(text, false);
                    current.there = true;
                }
                Piece::Quoted(text) => {
                    current.push(text, true);
                    current.there = true;
                }
                Piece::Elements(words) => {
                    for element in self.fields(words)? {
                        current.push(&format!("{ELEMENT}{element}"), true);
                    }
                    current.there = true;
                }
                Piece::Home => {
                    let home = self.value("HOME").unwrap_or_else(|| "/root".to_owned());
                    current.push(&home, true);
                    current.there = true;
                }
                Piece::Param(param, quoted) => {
                    self.parameter(param, *quoted, split, &mut current, &mut fields)?;
                }
                Piece::Run(list, quoted) => {
                    let Some(result) = self.results.get(self.used) else {
                        return Err(Halt::Run(list.clone()));
                    };
                    self.used += 1;
                    let result = result.trim_end_matches('\n').to_owned();
                    self.add(&result, *quoted, split, &mut current, &mut fields);
                }
                Piece::Math(word, quoted) => {
                    let text = self.text(word)?;
                    let value = calculate(&text, self).map_err(Halt::Fail)?;
                    self.add(&value.to_string(), *quoted, split, &mut current, &mut fields);
                }
            }
            if current.text.len() > MAX_TEXT {
                return Err(Halt::Fail("out of memory".to_owned()));
            }
        }
        if current.there || !current.text.is_empty() {
            fields.push(current);
        }
        Ok(fields)
    }

    /// Add the result of an expansion, split into fields where it was not quoted.
    fn add(
        &self,
        text: &str,
        quoted: bool,
        split: bool,
        current: &mut Field,
        fields: &mut Vec<Field>,
    ) {
        if quoted || !split {
            current.push(text, quoted);
            current.there |= quoted;
            return;
        }
        let ifs = self.value("IFS").unwrap_or_else(|| " \t\n".to_owned());
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if !ifs.contains(c) {
                current.push(c.encode_utf8(&mut [0; 4]), false);
                current.there = true;
                continue;
            }
            let mut hard = !c.is_ascii_whitespace();
            while let Some(next) = chars.peek().copied().filter(|n| ifs.contains(*n)) {
                if !next.is_ascii_whitespace() {
                    if hard {
                        break;
                    }
                    hard = true;
                }
                chars.next();
            }
            if current.there || hard {
                fields.push(std::mem::take(current));
            }
        }
    }

    fn parameter(
        &mut self,
        param: &Param,
        quoted: bool,
        split: bool,
        current: &mut Field,
        fields: &mut Vec<Field>,
    ) -> Result<(), Halt> {
        let elements = match param.name.as_str() {
            "@" => Some(self.args.to_vec()),
            name => name.strip_suffix("[@]").map(|array| self.elements(array)),
        };
        if let (Some(elements), Op::Value, true) = (&elements, &param.op, quoted || split) {
            for (i, arg) in elements.iter().enumerate() {
                if i > 0 && (current.there || quoted) {
                    current.there |= quoted;
                    fields.push(std::mem::take(current));
                }
                self.add(arg, quoted, split, current, fields);
            }
            return Ok(());
        }
        let value = self.value(&param.name);
        let text = match &param.op {
            Op::Value => self.known(&param.name, value)?,
            Op::Length => self.length(&param.name, value)?,
            Op::Unset(sign, colon, word) => {
                let set = value.filter(|v| !(*colon && v.is_empty()));
                match (sign, set) {
                    ('+', Some(_)) | ('-', None) => {
                        return self.alternative(word, quoted, split, current, fields);
                    }
                    ('+', None) => String::new(),
                    ('=', None) => {
                        let text = self.text(word)?;
                        self.assigned.push((param.name.clone(), text.clone()));
                        text
                    }
                    ('?', None) => {
                        let text = self.text(word)?;
                        let text = match (text.is_empty(), colon) {
                            (false, _) => text,
                            (true, true) => "parameter null or not set".to_owned(),
                            (true, false) => "parameter not set".to_owned(),
                        };
                        return Err(Halt::Fail(format!("{}: {text}", param.name)));
                    }
                    (_, Some(value)) => value,
                    (_, None) => String::new(),
                }
            }
            Op::Trim { end, longest, pattern } => {
                let value = self.known(&param.name, value)?;
                let pattern = self.pattern(pattern)?;
                trim(&value, &pattern, *end, *longest)
            }
            Op::Replace { all, pattern, with } => {
                let value = self.known(&param.name, value)?;
                let pattern = self.pattern(pattern)?;
                let with = self.text(with)?;
                replace(&value, &pattern, &with, *all)
            }
            Op::Part(from, length) => {
                let value = self.known(&param.name, value)?;
                let from = self.text(from)?;
                let from = calculate(&from, self).map_err(Halt::Fail)?;
                let length = match length {
                    None => i64::MAX,
                    Some(word) => {
                        let text = self.text(word)?;
                        calculate(&text, self).map_err(Halt::Fail)?
                    }
                };
                part(&value, from, length)
            }
        };
        self.add(&text, quoted, split, current, fields);
        Ok(())
    }

    /// `${#name}`: characters, or how many arguments or elements there are.
    fn length(&self, name: &str, value: Option<String>) -> Result<String, Halt> {
        let length = match name {
            "@" | "*" => self.args.len(),
            _ => match name.strip_suffix(']').and_then(|name| name.split('[').next()) {
                Some(array) => self.elements(array).len(),
                None => self.known(name, value)?.chars().count(),
            },
        };
        Ok(length.to_string())
    }

    /// The word of `${v:-word}`: its own quotes count.
    fn alternative(
        &mut self,
        word: &Word,
        quoted: bool,
        split: bool,
        current: &mut Field,
        fields: &mut Vec<Field>,
    ) -> Result<(), Halt> {
        if quoted {
            let text = self.text(word)?;
            self.add(&text, true, split, current, fields);
            return Ok(());
        }
        for piece in &word.0 {
            if let Piece::Plain(text) = piece {
                self.add(text, false, split, current, fields);
                continue;
            }
            let mut more = self.build(&Word(vec![piece.clone()]), split)?;
            let Some(last) = more.pop() else { continue };
            for field in more {
                current.join(&field);
                fields.push(std::mem::take(current));
            }
            current.join(&last);
        }
        Ok(())
    }

    fn known(&self, name: &str, value: Option<String>) -> Result<String, Halt> {
        match value {
            Some(value) => Ok(value),
            None if self.strict && !matches!(name, "@" | "*" | "!") => {
                Err(Halt::Fail(format!("{name}: parameter not set")))
            }
            None => Ok(String::new()),
        }
    }

    /// The elements of an array; a plain variable has one.
    fn elements(&self, name: &str) -> Vec<String> {
        let whole = self.vars.get(name).and_then(|v| v.value.as_deref());
        let Some(whole) = whole.filter(|text| !text.is_empty()) else { return Vec::new() };
        let whole = whole.strip_prefix(ELEMENT).unwrap_or(whole);
        whole.split(ELEMENT).map(str::to_owned).collect()
    }

    /// The value of a parameter; `None` if it is unset.
    fn value(&self, name: &str) -> Option<String> {
        if let Some((_, value)) = self.assigned.iter().rev().find(|(n, _)| n == name) {
            return Some(value.clone());
        }
        match name {
            "?" => return Some(self.status.to_string()),
            "$" => return Some(self.pid.to_string()),
            "!" => return self.background.map(|pid| pid.to_string()),
            "#" => return Some(self.args.len().to_string()),
            "-" => return Some(self.flags.to_owned()),
            "0" => return Some(self.zero.to_owned()),
            "@" | "*" => {
                let ifs = self.vars.get("IFS").and_then(|v| v.value.as_deref()).unwrap_or(" ");
                let joint: String = ifs.chars().take(1).collect();
                return Some(self.args.join(&joint));
            }
            _ => {}
        }
        if let Ok(n) = name.parse::<usize>() {
            return self.args.get(n.checked_sub(1)?).cloned();
        }
        if let Some(array) = name.strip_suffix("[@]").or_else(|| name.strip_suffix("[*]")) {
            return Some(self.elements(array).join(" "));
        }
        let value = self.vars.get(name)?.value.as_deref()?;
        // Without an index an array stands for its first element.
        Some(match value.strip_prefix(ELEMENT) {
            Some(array) => array.split(ELEMENT).next().unwrap_or_default().to_owned(),
            None => value.to_owned(),
        })
    }
}

/// Byte positions between characters.
fn cuts(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).collect()
}

fn trim(value: &str, pattern: &str, end: bool, longest: bool) -> String {
    let mut cuts = cuts(value);
    // Try the shortest match first, or the longest.
    if end != longest {
        cuts.reverse();
    }
    for at in cuts {
        let (left, right) = value.split_at(at);
        let (matched, kept) = if end { (right, left) } else { (left, right) };
        if pattern::matches(pattern, matched) {
            return kept.to_owned();
        }
    }
    value.to_owned()
}

fn replace(value: &str, pattern: &str, with: &str, all: bool) -> String {
    let mut out = String::new();
    let mut rest = value;
    while !rest.is_empty() {
        let hit = cuts(rest).into_iter().rev().filter(|at| *at > 0);
        let hit = hit.map(|at| rest.split_at(at)).find(|(m, _)| pattern::matches(pattern, m));
        match hit {
            Some((_, after)) => {
                out.push_str(with);
                rest = after;
                if !all {
                    break;
                }
            }
            None => {
                let mut chars = rest.chars();
                out.extend(chars.next());
                rest = chars.as_str();
            }
        }
    }
    out + rest
}

fn part(value: &str, from: i64, length: i64) -> String {
    let count = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
    let from = if from < 0 { (count + from).max(0) } else { from };
    let length = if length < 0 { (count - from + length).max(0) } else { length };
    let skip = usize::try_from(from).unwrap_or(usize::MAX);
    value.chars().skip(skip).take(usize::try_from(length).unwrap_or(usize::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posix::ast::Command;
    use crate::posix::files::Files;
    use crate::posix::parse::parse;

    fn fields(text: &str, results: &[&str]) -> Result<Vec<String>, Halt> {
        let mut vars = Vars::default();
        for (name, value) in [("v", "a.tar.gz"), ("s", "x  y"), ("e", ""), ("p", "/usr/lib")] {
            let value = Some(Arc::from(value));
            vars.edit().insert(name.into(), Var { value, exported: false, readonly: false });
        }
        let mut files = Files::new();
        files.put_file("/w/1.txt", "");
        files.put_file("/w/2.txt", "");
        let args = ["one".to_owned(), "two words".to_owned()];
        let results: Vec<String> = results.iter().map(|r| (*r).to_owned()).collect();
        let mut scope = Scope {
            vars: &vars,
            args: &args,
            zero: "sh",
            status: 3,
            pid: 1,
            background: None,
            flags: "",
            strict: false,
            globbing: true,
            cwd: "/w",
            files: &files,
            results: &results,
            used: 0,
            assigned: Vec::new(),
        };
        let list = parse(&format!("c {text}")).unwrap();
        let node = &list.items[0].chain.links[0].1.stages[0];
        let Command::Simple { words, .. } = &node.command else { panic!("simple") };
        scope.fields(&words[1..])
    }

    #[test]
    fn expansions() {
        for (text, want) in [
            ("$v ${v%.*} ${v%%.*} ${v#*.} ${v##*.}", "a.tar.gz|a.tar|a|tar.gz|gz"),
            ("${p##*/} ${#v} ${nope:-d} ${e:-d} ${e-d}", "lib|8|d|d"),
            ("$s \"$s\"", "x|y|x  y"),
            ("\"$@\"", "one|two words"),
            ("\"<$@>\"", "<one|two words>"),
            ("$* \"$*\"", "one|two|words|one two words"),
            ("*.txt '*.txt' \"$e\" $e", "1.txt|2.txt|*.txt|"),
            ("$((1+2)) $# $? $0 $1x", "3|2|3|sh|onex"),
            ("${v/a/b} ${v//a/b} ${v:2:3}", "b.tar.gz|b.tbr.gz|tar"),
            ("a\\ b 'c d'\"e\"", "a b|c de"),
            ("${nope:-\"a b\" c}", "a b|c"),
            ("${e:+x} ${v:+y}", "y"),
        ] {
            assert_eq!(fields(text, &[]).unwrap().join("|"), want, "{text}");
        }
        assert_eq!(fields("$(x) b$(y)c", &["1 2\n\n", "3"]).unwrap(), ["1", "2", "b3c"]);
        assert!(matches!(fields("$(x) b$(y)c", &["1"]), Err(Halt::Run(_))));
        let error = Halt::Fail("nope: gone".into());
        assert_eq!(fields("${nope:?gone}", &[]), Err(error));
    }
}
