//! YAML documents from a seed: a random tree, each node written in a random legal style; some
//! texts are damaged afterwards.

use drydock::base::rng::{Rngs, Stream};

/// Deepest nesting.
const DEPTH: u32 = 4;
/// Most entries of one collection.
const ENTRIES: u64 = 3;

/// Plain scalars: each kind of value that some schema knows, and text that looks like syntax.
const PLAIN: &[&str] = &[
    "0",
    "7",
    "-12",
    "+3",
    "0440",
    "0o17",
    "0x1F",
    "0b101",
    "1_000",
    "1.5",
    "-0.25",
    "1e3",
    "1.2e-3",
    ".5",
    "5.",
    "1.10",
    "012345678",
    "18446744073709551615",
    "9223372036854775808",
    ".inf",
    "-.inf",
    ".nan",
    "true",
    "False",
    "TRUE",
    "yes",
    "No",
    "on",
    "off",
    "y",
    "n",
    "null",
    "Null",
    "~",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "22:22",
    "1:30:00",
    "10.0.0.1",
    "1.2.3",
    "v1",
    "nginx:1.27",
    "http://a.b/c?d=e&f#g",
    "a b  c",
    "a#b",
    "a:b",
    "-x",
    "?x",
    ":x",
    "--",
    "...x",
    "x,y",
    "a - b",
    "a ? b",
    "it's",
    "say \"hi\"",
    "한국어 글",
    "naïve",
    "😀 face",
    "a\\b",
    "100%",
    "user@host",
    "a|b",
    "a>b",
    "a!b",
    "a&b",
    "a*b",
    "=",
    "<",
    "<<x",
    "1,000",
    "0.1.2",
    "+",
    "-1a",
    "0x",
    "0o8",
    "1e",
    "e3",
    "_1",
    "nUll",
    "tRue",
];

/// Plain scalars that are none within brackets.
const NOT_IN_FLOW: &[char] = &[',', '[', ']', '{', '}'];

/// Text that needs quotes or block style, or is just as well in them.
const QUOTED: &[&str] = &[
    "",
    " ",
    "a",
    " lead",
    "trail ",
    "a: b",
    "a #b",
    "# no comment",
    "- a",
    "[a]",
    "{a: b}",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "true",
    "12",
    "null",
    "it's",
    "say \"hi\"",
    "back\\slash",
    "한국어",
    "two  spaces",
    "😀",
    "a\tb",
    "key: 'x'",
    "---",
    "...",
    "? a",
];

/// A generator of documents.
pub(crate) struct Generator {
    rngs: Rngs,
    out: String,
    /// Anchors that can be referred to.
    anchors: Vec<String>,
    names: u32,
}

/// Where a scalar stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Block,
    Flow,
    Key,
    FlowKey,
}

impl Generator {
    /// Documents of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { rngs: Rngs::new(seed), out: String::new(), anchors: Vec::new(), names: 0 }
    }

    fn dice(&mut self) -> &mut Stream {
        self.rngs.stream("yaml", "")
    }

    fn chance(&mut self, permille: u32) -> bool {
        self.dice().chance(permille)
    }

    fn upto(&mut self, most: u64) -> u64 {
        self.dice().between(0, most)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        self.dice().pick(from).copied().unwrap_or("")
    }

    /// One text of one or more documents.
    pub(crate) fn stream(&mut self) -> String {
        self.out.clear();
        let documents = if self.chance(200) { 1 + self.upto(2) } else { 1 };
        for number in 0..documents {
            self.anchors.clear();
            let marked = number > 0 || self.chance(200);
            if marked && number == 0 && self.chance(150) {
                self.out.push_str("%YAML 1.1\n");
            }
            if marked {
                self.out.push_str("---");
                if self.chance(150) {
                    self.out.push_str(" # a document");
                }
                self.out.push('\n');
            }
            self.noise(0);
            self.block(0, 0);
            if self.chance(80) && number + 1 < documents {
                self.out.push_str("...\n");
            }
        }
        if self.chance(50) {
            while self.out.ends_with('\n') {
                self.out.pop();
            }
        }
        if self.chance(30) {
            self.out = self.out.replace('\n', "\r\n");
        }
        std::mem::take(&mut self.out)
    }

    /// The same with a few characters taken out, put in, or swapped.
    pub(crate) fn damaged(&mut self) -> String {
        const ODD: &[&str] = &[
            " ", "\n", "\t", ":", "-", "#", "'", "\"", "[", "]", "{", "}", ",", "&", "*", "!", "|",
            ">", "?", "%", "@", "`", "\\", "\n  ", ": ", "- ", "\u{e9}", "a",
        ];
        let mut text: Vec<char> = self.stream().chars().collect();
        for _ in 0..=self.upto(2) {
            if text.is_empty() {
                break;
            }
            let at = usize::try_from(self.upto(text.len() as u64 - 1)).unwrap();
            match self.upto(2) {
                0 => drop(text.remove(at)),
                1 => {
                    let odd = self.pick(ODD);
                    text.splice(at..at, odd.chars());
                }
                _ => {
                    let other = (at + 1).min(text.len() - 1);
                    text.swap(at, other);
                }
            }
        }
        text.into_iter().collect()
    }

    fn spaces(&mut self, count: usize) {
        self.out.extend(std::iter::repeat_n(' ', count));
    }

    /// Empty lines and lines of comment.
    fn noise(&mut self, indent: usize) {
        if self.chance(60) {
            let more = usize::try_from(self.upto(3)).unwrap();
            if self.chance(500) {
                self.spaces(indent + more);
            }
            if self.chance(600) {
                self.out.push_str("# a comment: 'x' [");
            }
            self.out.push('\n');
        }
    }

    /// The end of a line, perhaps with spaces and a comment.
    fn end_of_line(&mut self) {
        if self.chance(40) {
            self.out.push_str(" # why: \"not\"");
        } else if self.chance(30) {
            self.out.push_str("  ");
        }
        self.out.push('\n');
    }

    /// A block node that begins on a line of its own, at this indentation.
    fn block(&mut self, indent: usize, depth: u32) {
        match self.upto(9) {
            0..=5 => self.mapping(indent, depth),
            6..=8 => self.sequence(indent, depth),
            _ => {
                self.spaces(indent);
                self.inline(indent, depth);
            }
        }
    }

    fn mapping(&mut self, indent: usize, depth: u32) {
        for number in 0..=self.upto(ENTRIES) {
            self.noise(indent);
            self.spaces(indent);
            self.entry(indent, depth, number);
        }
    }

    /// A key and its value, from where the key begins.
    fn entry(&mut self, indent: usize, depth: u32, number: u64) {
        if self.chance(15) {
            self.out.push_str("? ");
            self.scalar(Place::Key, indent, number);
            self.out.push('\n');
            self.spaces(indent);
            self.out.push(':');
        } else {
            self.scalar(Place::Key, indent, number);
            if self.chance(20) {
                self.out.push(' ');
            }
            self.out.push(':');
        }
        self.value(indent, depth, true);
    }

    fn sequence(&mut self, indent: usize, depth: u32) {
        for _ in 0..=self.upto(ENTRIES) {
            self.noise(indent);
            self.spaces(indent);
            self.out.push('-');
            if depth < DEPTH && self.chance(250) {
                // A collection that begins on the line of its dash.
                let gap = 1 + usize::try_from(self.upto(2)).unwrap();
                self.spaces(gap);
                let inner = indent + 1 + gap;
                for number in 0..=self.upto(2) {
                    if number > 0 {
                        self.spaces(inner);
                    }
                    self.entry(inner, depth + 1, number);
                }
            } else {
                self.value(indent, depth, false);
            }
        }
    }

    /// What follows the `:` of a key or the `-` of an item, to the end of its lines.
    fn value(&mut self, indent: usize, depth: u32, of_key: bool) {
        let nested = depth < DEPTH && self.chance(350);
        if nested {
            self.properties(indent, true);
            self.end_of_line();
            // A sequence may stand at the indentation of its key.
            if of_key && self.chance(200) {
                return self.sequence(indent, depth + 1);
            }
            let more = [2, 2, 2, 1, 4][usize::try_from(self.upto(4)).unwrap()];
            if self.chance(700) {
                return self.mapping(indent + more, depth + 1);
            }
            return self.sequence(indent + more, depth + 1);
        }
        if self.chance(60) {
            return self.end_of_line();
        }
        self.out.push(' ');
        if self.chance(30) {
            self.out.push(' ');
        }
        self.inline(indent, depth);
    }

    /// Anchor and tag; each with a space before it (`after`) or behind it.
    fn properties(&mut self, _indent: usize, after: bool) {
        let mut parts = Vec::new();
        if self.chance(50) {
            self.names += 1;
            let name = format!("a{}", self.names);
            parts.push(format!("&{name}"));
            self.anchors.push(name);
        }
        if !after && self.chance(20) {
            parts.push("!!str".to_owned());
        }
        for part in parts {
            if after {
                self.out.push(' ');
            }
            self.out.push_str(&part);
            if !after {
                self.out.push(' ');
            }
        }
    }

    /// A node that begins on this line: scalar, block scalar, flow collection or alias.
    fn inline(&mut self, indent: usize, depth: u32) {
        match self.upto(19) {
            0 if !self.anchors.is_empty() => {
                let last = self.anchors.len() as u64 - 1;
                let at = usize::try_from(self.upto(last)).unwrap();
                let name = self.anchors[at].clone();
                self.out.push('*');
                self.out.push_str(&name);
                self.end_of_line();
            }
            1..=3 => {
                self.properties(indent, false);
                self.block_scalar(indent);
            }
            4..=6 => {
                self.flow(indent + 1, depth + 1);
                self.end_of_line();
            }
            _ => {
                self.properties(indent, false);
                self.scalar(Place::Block, indent, 0);
                self.end_of_line();
            }
        }
    }

    /// A literal or folded scalar, from its indicator to its last line.
    fn block_scalar(&mut self, indent: usize) {
        let style = self.pick(&["|", ">"]);
        self.out.push_str(style);
        let more = 1 + usize::try_from(self.upto(3)).unwrap();
        let lead = self.chance(200);
        let explicit = lead || self.chance(150);
        let chomp = self.pick(&["", "", "-", "+"]);
        let number = if explicit { more.to_string() } else { String::new() };
        let swapped = self.chance(300);
        self.out.push_str(if swapped { chomp } else { &number });
        self.out.push_str(if swapped { &number } else { chomp });
        self.end_of_line();
        // At the top a block scalar's indentation counts from -1 in one version of YAML and from 0
        // in the other: the lines stand deeper than both.
        let mut begun = false;
        for line in 0..=self.upto(3) {
            if self.chance(150) {
                if self.chance(300) {
                    self.spaces(indent + more);
                }
                self.out.push('\n');
                continue;
            }
            self.spaces(indent + more);
            if (lead && line == 0) || (line > 0 && self.chance(150)) {
                self.out.push_str("  ");
            }
            let text = self.pick(&[
                "some text",
                "# not a comment",
                "key: value",
                "- item",
                "'q' \"q\"",
                "한글",
                "trailing ",
                "a\tb",
                "x",
            ]);
            if begun && self.chance(100) {
                self.out.push('\t');
            }
            begun = true;
            self.out.push_str(text);
            self.out.push('\n');
        }
        for _ in 0..self.upto(2) {
            if self.chance(300) {
                self.out.push('\n');
            }
        }
    }

    /// A collection in brackets; lines within it begin deeper than `indent`.
    fn flow(&mut self, indent: usize, depth: u32) {
        let mapping = self.chance(500);
        self.out.push(if mapping { '{' } else { '[' });
        let count = self.upto(ENTRIES);
        for number in 0..count {
            self.flow_space(indent);
            if mapping {
                self.scalar(Place::FlowKey, indent, number);
                let bare = self.chance(60);
                if !bare {
                    self.out.push(':');
                    self.out.push(' ');
                    self.flow_node(indent, depth);
                }
            } else if self.chance(60) {
                // A mapping of one entry without braces.
                self.scalar(Place::FlowKey, indent, number);
                self.out.push_str(": ");
                self.flow_node(indent, depth);
            } else {
                self.flow_node(indent, depth);
            }
            self.flow_space(indent);
            if number + 1 < count || self.chance(60) {
                self.out.push(',');
                self.flow_gap(indent);
            }
        }
        self.flow_space(indent);
        self.out.push(if mapping { '}' } else { ']' });
    }

    fn flow_node(&mut self, indent: usize, depth: u32) {
        if depth < DEPTH && self.chance(150) {
            self.flow(indent, depth + 1);
        } else if !self.anchors.is_empty() && self.chance(40) {
            let name = self.anchors[0].clone();
            self.out.push('*');
            self.out.push_str(&name);
            self.out.push(' ');
        } else {
            self.scalar(Place::Flow, indent, 0);
        }
    }

    fn flow_space(&mut self, indent: usize) {
        if self.chance(80) {
            self.flow_gap(indent);
        }
    }

    /// A space, or a new line, perhaps after a comment.
    fn flow_gap(&mut self, indent: usize) {
        if self.chance(800) {
            return self.out.push(' ');
        }
        if self.chance(200) {
            self.out.push_str(" # within");
        }
        self.out.push('\n');
        let more = usize::try_from(self.upto(3)).unwrap();
        self.spaces(indent + more);
    }

    /// A scalar in a style that its place allows. Keys of one collection differ by their number.
    fn scalar(&mut self, place: Place, indent: usize, number: u64) {
        let key = matches!(place, Place::Key | Place::FlowKey);
        let flow = matches!(place, Place::Flow | Place::FlowKey);
        let mark = if key { format!("{number}") } else { String::new() };
        match self.upto(9) {
            0 | 1 => {
                let text = self.pick(QUOTED);
                let text = format!("{text}{mark}").replace('\'', "''");
                self.out.push('\'');
                self.folded(&text, key, indent);
                self.out.push('\'');
            }
            2 | 3 => self.double_quoted(key, indent, &mark),
            _ => {
                let text = loop {
                    let text = self.pick(PLAIN);
                    if !flow || !(text.contains(NOT_IN_FLOW) || text.starts_with(['?', ':', '-'])) {
                        break text;
                    }
                };
                let text =
                    if key && number > 0 { format!("{text}{mark}") } else { text.to_owned() };
                self.folded(&text, key, indent);
            }
        }
    }

    /// Text on one line, or on several where a space allows it.
    fn folded(&mut self, text: &str, key: bool, indent: usize) {
        let inner =
            text.trim_matches(' ').contains(' ') && !text.contains("  ") && !text.contains('#');
        if key
            || !inner
            || !self.chance(150)
            || text.starts_with(' ')
            || text.contains(": ")
            || text.contains("- ")
            || text.contains("? ")
        {
            return self.out.push_str(text);
        }
        let (head, tail) = text.split_once(' ').unwrap();
        self.out.push_str(head);
        self.out.push('\n');
        if self.chance(200) {
            self.out.push('\n');
        }
        self.spaces(indent + 2);
        self.out.push_str(tail);
    }

    fn double_quoted(&mut self, key: bool, indent: usize, mark: &str) {
        let text = self.pick(QUOTED);
        self.out.push('"');
        let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
        self.out.push_str(&escaped);
        if self.chance(300) {
            let escape = self.pick(&[
                "\\n",
                "\\t",
                "\\x41",
                "\\u263a",
                "\\U0001F600",
                "\\0",
                "\\e",
                "\\_",
                "\\N",
                "\\L",
                "\\P",
                "\\ ",
                "\\/",
                "\\a",
                "\\b",
                "\\v",
                "\\f",
                "\\r",
                "\\\"",
                "\\\\",
            ]);
            self.out.push_str(escape);
            self.out.push('x');
        }
        if !key && self.chance(80) {
            self.out.push_str("\\\n");
            self.spaces(indent + 2);
            self.out.push_str("joined");
        }
        self.out.push_str(mark);
        self.out.push('"');
    }
}
