//! A source as words: comments and strings blanked, what is named where, and what only tests see.

use std::ops::Range;

/// A file of ours, as the checks read it.
pub(crate) struct Source {
    /// Its path below the root of the checkout.
    pub(crate) file: String,
    /// Its text, byte for byte in place, without comments and strings.
    pub(crate) code: String,
    /// Its words.
    pub(crate) words: Vec<Word>,
    /// Whether only tests see the whole of it.
    pub(crate) for_tests: bool,
    /// Where only tests look.
    pub(crate) tests: Vec<Range<usize>>,
    /// Its `use` declarations.
    pub(crate) imports: Vec<Range<usize>>,
    /// The blocks of `impl`, with the name of their type.
    pub(crate) impls: Vec<(String, Range<usize>)>,
}

/// A word and where it stands.
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) at: usize,
}

impl Source {
    /// Read a file.
    pub(crate) fn new(file: &str, text: &str) -> Self {
        let code = blank(text);
        let words = words(&code);
        let mut source = Self {
            file: file.to_owned(),
            code,
            words,
            for_tests: file.ends_with("tests.rs"),
            tests: Vec::new(),
            imports: Vec::new(),
            impls: Vec::new(),
        };
        source.tests = source.test_ranges();
        source.imports = source.import_ranges();
        source.impls = source.impl_blocks();
        source
    }

    /// Whether only tests see this place.
    pub(crate) fn in_tests(&self, at: usize) -> bool {
        self.for_tests || self.tests.iter().any(|r| r.contains(&at))
    }

    /// The type whose `impl` this place stands in.
    pub(crate) fn impl_of(&self, at: usize) -> Option<&(String, Range<usize>)> {
        self.impls.iter().rfind(|(_, r)| r.contains(&at))
    }

    /// What stands before a place, without blanks.
    pub(crate) fn before(&self, at: usize) -> &str {
        self.code[..at].trim_end()
    }

    /// What stands after a place, without blanks.
    pub(crate) fn after(&self, at: usize) -> &str {
        self.code[at..].trim_start()
    }

    /// The item that starts here: to its `;`, or to the end of its block.
    pub(crate) fn item(&self, start: usize) -> Range<usize> {
        let mut depth = 0_u32;
        for (offset, c) in self.code[start..].char_indices() {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 && c == '}' {
                        return start..start + offset + 1;
                    }
                }
                ';' if depth == 0 => return start..start + offset + 1,
                _ => {}
            }
        }
        start..self.code.len()
    }

    /// The modules that are declared for tests only (`#[cfg(test)] mod lab;`).
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let after = |r: &Range<usize>| self.code[r.clone()].trim_end().to_owned();
        let declared = self.tests.iter().map(after).filter(|text| text.ends_with(';'));
        declared
            .filter_map(|text| {
                let (_, name) = text.trim_end_matches(';').rsplit_once("mod ")?;
                Some(name.trim().to_owned())
            })
            .collect()
    }

    fn test_ranges(&self) -> Vec<Range<usize>> {
        let starts =
            self.code.match_indices("#[cfg(test)]").chain(self.code.match_indices("#[test]"));
        starts.map(|(at, mark)| at..self.item(at + mark.len()).end).collect()
    }

    fn import_ranges(&self) -> Vec<Range<usize>> {
        let uses = self.words.iter().filter(|word| word.text == "use");
        uses.map(|word| {
            let end = self.code[word.at..].find(';').unwrap_or(0);
            word.at..word.at + end
        })
        .collect()
    }

    fn impl_blocks(&self) -> Vec<(String, Range<usize>)> {
        let starts = self.words.iter().filter(|word| {
            let before = self.before(word.at);
            word.text == "impl" && (before.is_empty() || before.ends_with(['}', '{', ']', ';']))
        });
        starts
            .filter_map(|word| {
                let block = self.item(word.at);
                let head = self.code[word.at + "impl".len()..block.end].split('{').next()?;
                let head = without_generics(head);
                let of = head.rsplit_once(" for ").map_or(head.as_str(), |(_, of)| of);
                let of = of.split(" where").next()?.trim();
                let name = of.rsplit("::").next()?.trim_start_matches(['&', '(']).trim();
                Some((name.to_owned(), block))
            })
            .collect()
    }
}

/// `<T: Into<U>> From<T> for Name<T>` is ` From for Name`.
fn without_generics(head: &str) -> String {
    let mut depth = 0_u32;
    let mut kept = String::new();
    let mut last = ' ';
    for c in head.chars() {
        match c {
            '<' => depth += 1,
            '>' if last != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(c),
            _ => {}
        }
        last = c;
    }
    kept
}

fn words(code: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in code.char_indices().chain([(code.len(), ' ')]) {
        let part = c.is_alphanumeric() || c == '_';
        match (part, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(Word { text: code[from..at].to_owned(), at: from });
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    words
}

/// Blank comments and what strings say; names in `{braces}` and in attributes stay, for they are used.
fn blank(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let mut wipe = |range: Range<usize>, keep: &dyn Fn(usize) -> bool| {
        for at in range {
            if !keep(at) && out[at] != b'\n' {
                out[at] = b' ';
            }
        }
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if !text.is_char_boundary(at) {
            at += 1;
            continue;
        }
        let end = if rest.starts_with(b"//") {
            at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            at + text[at..].find("*/").map_or(rest.len(), |n| n + 2)
        } else if let Some(inner) = string(text, at) {
            let names = braces(text, &inner);
            let attribute =
                text[..at].rsplit('\n').next().is_some_and(|l| l.trim().starts_with("#["));
            wipe(inner.clone(), &|at| attribute || names.iter().any(|r| r.contains(&at)));
            at = inner.end;
            continue;
        } else {
            let length = character(rest);
            if length > 1 {
                wipe(at..at + length, &|_| false);
            }
            at += length;
            continue;
        };
        wipe(at..end, &|_| false);
        at = end;
    }
    String::from_utf8(out).expect("only whole characters are blanked")
}

/// The length of a character literal, or of anything else that is one byte.
fn character(rest: &[u8]) -> usize {
    match rest {
        [b'\'', b'\\', _, inner @ ..] => {
            inner.iter().position(|b| *b == b'\'').map_or(1, |n| n + 4)
        }
        [b'\'', _, b'\'', ..] => 3,
        _ => 1,
    }
}

/// The string literal that starts here, with its marks.
fn string(text: &str, at: usize) -> Option<Range<usize>> {
    let rest = &text[at..];
    let word = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !word || text[..at].ends_with('b')) {
        let marks = raw.len() - raw.trim_start_matches('#').len();
        if raw[marks..].starts_with('"') {
            let close = format!("\"{}", "#".repeat(marks));
            let end = raw[marks + 1..].find(&close)? + marks + 1 + close.len();
            return Some(at..at + 1 + end);
        }
    }
    let mut inside = rest.strip_prefix('"')?.char_indices();
    while let Some((n, c)) = inside.next() {
        match c {
            '\\' => {
                inside.next();
            }
            '"' => return Some(at..at + n + 2),
            _ => {}
        }
    }
    None
}

/// The names that a format string takes from around it.
fn braces(text: &str, inner: &Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, _) in text[inner.clone()].match_indices('{') {
        let start = inner.start + at + 1;
        let len = text[start..inner.end].find(|c: char| !c.is_alphanumeric() && c != '_');
        found.push(start..start + len.unwrap_or(0));
    }
    found
}
