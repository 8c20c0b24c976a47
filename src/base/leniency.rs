//! What go-yaml reads and the parser refuses: lines within brackets and quotes that are not
//! indented enough, and a `#` right after a bracket or a quote.
//!
//! Spaces are put where the parser misses them, which changes no value, and the text is parsed
//! anew; places are told as they are in the learner's text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::yaml::Span;

/// Most bytes that are parsed again in all.
const MAX_WORK: usize = 64 << 20;
/// Deepest indentation of a text that is mended.
const MAX_INDENT: usize = 1_000;

/// A text, and the spaces put into it.
#[derive(Debug)]
pub(super) struct Mended<'a> {
    /// The text to parse.
    pub(super) text: Cow<'a, str>,
    /// By line: column and number of spaces, in the order in which they were put there.
    spaces: BTreeMap<u32, Vec<(u32, u32)>>,
    /// The quoted scalar that is being mended, and the line of it that was mended last.
    quoted: Option<(Span, u32)>,
    work: usize,
}

impl<'a> Mended<'a> {
    /// A text as it is.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), spaces: BTreeMap::new(), quoted: None, work: 0 }
    }

    /// Put spaces where this error says that they are missing; whether parsing again may help.
    pub(super) fn mend(&mut self, info: &str, at: Span, within_brackets: bool) -> bool {
        self.work += self.text.len();
        if self.work > MAX_WORK {
            return false;
        }
        match info {
            "comments must be separated from other tokens by whitespace" => self.put(at, 1),
            "invalid indentation in flow construct" => self.indent(at.line),
            "invalid indentation" if within_brackets => self.indent(at.line),
            "invalid indentation in quoted scalar" => {
                // The parser names the place where the scalar begins.
                let last = self.quoted.filter(|(begin, _)| *begin == at).map_or(at.line, |q| q.1);
                self.quoted = Some((at, last.saturating_add(1)));
                self.indent(last.saturating_add(1))
            }
            _ => false,
        }
    }

    fn line(&self, line: u32) -> Option<&str> {
        self.text.split('\n').nth(usize::try_from(line).ok()?.checked_sub(1)?)
    }

    /// Move a line further in than any other.
    fn indent(&mut self, line: u32) -> bool {
        let Some(text) = self.line(line) else { return false };
        // The mark between documents ends whatever it stands in.
        let marks = ["---", "..."].iter().filter_map(|mark| text.strip_prefix(mark));
        if marks.into_iter().any(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r'])) {
            return false;
        }
        if self.spaces.get(&line).is_some_and(|put| put.iter().any(|(column, _)| *column == 1)) {
            return false;
        }
        // Collections may begin behind the marks of others on one line.
        let indent = |line: &str| line.len() - line.trim_start_matches([' ', '-', '?', ':']).len();
        let lines = self.text.split('\n').zip(1_u32..);
        let untouched = lines.filter(|(_, number)| !self.spaces.contains_key(number));
        let deepest = untouched.map(|(line, _)| indent(line)).max().unwrap_or(0);
        if deepest > MAX_INDENT {
            return false;
        }
        self.put(Span { line, column: 1 }, u32::try_from(deepest + 1).unwrap_or(1))
    }

    fn put(&mut self, at: Span, count: u32) -> bool {
        let line = usize::try_from(at.line).unwrap_or(1).saturating_sub(1);
        let column = usize::try_from(at.column).unwrap_or(1).saturating_sub(1);
        let mut mended = String::with_capacity(self.text.len());
        for (number, text) in self.text.split('\n').enumerate() {
            if number > 0 {
                mended.push('\n');
            }
            if number == line {
                let cut = text.char_indices().nth(column).map_or(text.len(), |(cut, _)| cut);
                let (head, tail) = text.split_at(cut);
                mended.push_str(head);
                mended.extend((0..count).map(|_| ' '));
                mended.push_str(tail);
            } else {
                mended.push_str(text);
            }
        }
        self.text = Cow::Owned(mended);
        self.spaces.entry(at.line).or_default().push((at.column, count));
        true
    }

    /// Whether nothing was put in.
    pub(super) fn is_untouched(&self) -> bool {
        self.spaces.is_empty()
    }

    /// A place of the mended text in the text as it was.
    pub(super) fn original(&self, mut span: Span) -> Span {
        for (column, count) in self.spaces.get(&span.line).into_iter().flatten().rev() {
            if span.column > *column {
                span.column = span.column.saturating_sub(*count).max(*column);
            }
        }
        span
    }
}
