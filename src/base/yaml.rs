//! YAML with spans: one tree for every dialect, each scalar with its source text and quoting.
//!
//! Parsing never hangs: size, depth, and the growth by aliases are bounded. What a plain scalar
//! means is decided by the platform that reads it ([`Dialect`], handbook yaml-dialects).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter, Result as FmtResult};

use saphyr_parser::{Event, Parser, ScalarStyle, Span as ParserSpan};
use serde_json::{Map, Number, Value};

use crate::base::leniency::Mended;

/// Largest text read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Deepest nesting read.
pub const MAX_DEPTH: usize = 100;
/// Most nodes of one document, aliases expanded.
pub const MAX_NODES: usize = 500_000;

/// A place in a text: lines and columns count from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One node of the tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it starts.
    pub span: Span,
    /// An explicit tag as written, such as `!reset`, without `tag:yaml.org` core tags resolved.
    pub tag: Option<String>,
    /// What it is.
    pub kind: Kind,
}

/// The three kinds of nodes.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A scalar with its text after unescaping; `plain` when written without quotes or block style.
    Scalar {
        /// The text.
        text: String,
        /// Whether its type is open to interpretation.
        plain: bool,
    },
    /// A sequence.
    Sequence(Vec<Node>),
    /// A mapping in source order, duplicate keys kept.
    Mapping(Vec<(Node, Node)>),
}

/// Why a text is not YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// Where.
    pub span: Span,
    /// What is wrong, in the words of go-yaml.
    pub message: String,
    /// The line that go-yaml names, which is not always the right one; none for some errors.
    pub line: Option<u32>,
}

impl YamlError {
    fn plain(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), line: None }
    }
}

impl Display for YamlError {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        match self.line {
            Some(line) => write!(f, "yaml: line {line}: {}", self.message),
            None => write!(f, "yaml: {}", self.message),
        }
    }
}

/// How a platform reads plain scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// kubectl: YAML 1.1 booleans (`yes`, `on`, `y`), octal `0440`.
    Kubectl,
    /// Compose: YAML 1.2 core schema, octal `0440` read as a number too.
    Compose,
}

/// All documents of a text.
///
/// # Errors
/// Where the text is no YAML or goes beyond a bound.
pub fn parse(text: &str) -> Result<Vec<Node>, YamlError> {
    if text.len() > MAX_BYTES {
        let message = format!("the file is larger than {MAX_BYTES} bytes");
        return Err(YamlError::plain(Span { line: 1, column: 1 }, message));
    }
    if let Some(span) = control_character(text) {
        return Err(YamlError::plain(span, "control characters are not allowed"));
    }
    let mut mended = Mended::new(text);
    loop {
        match read(&mended.text) {
            Ok(mut documents) => {
                if !mended.is_untouched() {
                    documents.iter_mut().for_each(|node| node.put_back(&mended));
                }
                return Ok(documents);
            }
            Err((Some((info, at, within)), _)) if mended.mend(&info, at, within) => {}
            Err((_, mut error)) => {
                error.span = mended.original(error.span);
                return Err(error);
            }
        }
    }
}

/// An error; if it is the parser's, with its own words and place, and whether it was within
/// brackets.
type Failure = (Option<(String, Span, bool)>, YamlError);

fn read(text: &str) -> Result<Vec<Node>, Failure> {
    let mut builder = Builder { lines: text.lines().collect(), ..Builder::default() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| {
            let (info, at) = (e.info(), place(*e.marker()));
            let within = builder.open.last().is_some_and(|open| builder.in_brackets(open));
            (Some((info.to_owned(), at, within)), builder.translate(info, at))
        })?;
        builder.cover(&event, span);
        builder.take(event, start(span)).map_err(|error| (None, error))?;
    }
    match builder.leading_tab() {
        Some(at) => Err((None, builder.translate("tab", at))),
        None => Ok(builder.documents),
    }
}

/// The first character that go-yaml's reader refuses.
fn control_character(text: &str) -> Option<Span> {
    let mut span = Span { line: 1, column: 1 };
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}') {
            return Some(span);
        }
        if c == '\n' {
            span = Span { line: span.line.saturating_add(1), column: 1 };
        } else {
            span.column = span.column.saturating_add(1);
        }
    }
    None
}

fn place(marker: saphyr_parser::Marker) -> Span {
    Span {
        line: u32::try_from(marker.line()).unwrap_or(u32::MAX),
        column: u32::try_from(marker.col() + 1).unwrap_or(u32::MAX),
    }
}

fn start(span: ParserSpan) -> Span {
    place(span.start)
}

/// Builds nodes from the parser's events.
#[derive(Default)]
struct Builder<'a> {
    lines: Vec<&'a str>,
    /// Lines on which a tab at the beginning is content, or lies between brackets.
    covered: BTreeSet<u32>,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
}

struct Open {
    node: Node,
    anchor: usize,
    key: Option<Node>,
    before: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                if plain && text.is_empty() && anchor == 0 {
                    self.refuse_lone_colon(span)?;
                }
                let kind = Kind::Scalar { text: text.into_owned(), plain };
                let tag = tag.map(|t| t.to_string());
                self.count(1, span)?;
                self.close(Node { span, tag, kind }, anchor, 1, span)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Kind::Sequence(Vec::new()), anchor, tag.map(|t| t.to_string()), span)
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Kind::Mapping(Vec::new()), anchor, tag.map(|t| t.to_string()), span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else { return Ok(()) };
                let size = self.nodes - open.before + 1;
                self.close(open.node, open.anchor, size, span)
            }
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(YamlError::plain(span, "unknown anchor referenced"));
                };
                self.count(size, span)?;
                self.close(node, 0, size, span)
            }
            Event::DocumentEnd => {
                self.anchors.clear();
                self.nodes = 0;
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {
                Ok(())
            }
        }
    }

    fn line(&self, line: u32) -> &str {
        let at = usize::try_from(line).unwrap_or(1).saturating_sub(1);
        self.lines.get(at).copied().unwrap_or("")
    }

    fn character(&self, at: Span) -> Option<char> {
        let column = usize::try_from(at.column).unwrap_or(1).saturating_sub(1);
        self.line(at.line).chars().nth(column)
    }

    /// A key that is not even empty quotes, which YAML 1.2 takes and go-yaml does not.
    fn refuse_lone_colon(&self, at: Span) -> Result<(), YamlError> {
        let of_mapping = self.open.last().filter(|open| open.key.is_none());
        if !of_mapping.is_some_and(|open| matches!(open.node.kind, Kind::Mapping(_))) {
            return Ok(());
        }
        if self.character(at) == Some(':') {
            let info = "while parsing a block mapping, did not find expected key";
            return Err(self.translate(info, at));
        }
        Ok(())
    }

    /// Whether a collection is written in brackets.
    fn in_brackets(&self, open: &Open) -> bool {
        matches!(self.character(open.node.span), Some('[' | '{'))
    }

    /// Note the lines into which a node goes on.
    fn cover(&mut self, event: &Event<'_>, span: ParserSpan) {
        let (first, last) = (place(span.start).line, place(span.end).line);
        match event {
            // The place of a block scalar is that of its text.
            Event::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) => {
                self.covered.extend(first..=last);
            }
            Event::Scalar(..) => self.covered.extend(first + 1..=last),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.last() else { return };
                if self.in_brackets(open) {
                    let begin = open.node.span.line;
                    self.covered.extend(begin + 1..=last);
                }
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::Alias(_)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => {}
        }
    }

    /// The first tab that stands before a token.
    fn leading_tab(&self) -> Option<Span> {
        self.lines.iter().zip(1_u32..).find_map(|(text, line)| {
            let spaces = text.len() - text.trim_start_matches(' ').len();
            let rest = text.get(spaces..).unwrap_or("");
            let token = !rest.trim_start().is_empty() && !rest.trim_start().starts_with('#');
            let tab = rest.starts_with('\t') && token;
            let column = u32::try_from(spaces + 1).unwrap_or(1);
            (tab && !self.covered.contains(&line)).then_some(Span { line, column })
        })
    }

    /// An error of the parser in the words of go-yaml, with the line that go-yaml would name:
    /// one too low for errors of its parser, the place where the construct began if not the first.
    fn translate(&self, info: &str, at: Span) -> YamlError {
        let source = |line: u32| self.line(line);
        let (message, by_parser, context) = match info {
            "while parsing node, found unknown anchor" => {
                let skip = usize::try_from(at.column).unwrap_or(1);
                let name: String = source(at.line)
                    .chars()
                    .skip(skip)
                    .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
                    .collect();
                return YamlError::plain(at, format!("unknown anchor '{name}' referenced"));
            }
            "while scanning a plain scalar, found a tab" => {
                ("found a tab character that violates indentation", false, at)
            }
            "simple key expect ':'" | "simple key expected" => {
                let before = (1..at.line).rev().find(|line| !source(*line).trim().is_empty());
                let key = Span { line: before.unwrap_or(at.line), column: 1 };
                ("could not find expected ':'", false, key)
            }
            "while parsing a block mapping, did not find expected key"
            | "invalid trailing content after double-quoted scalar" => {
                ("did not find expected key", true, self.opened(true, at))
            }
            "while parsing a block collection, did not find expected '-' indicator" => {
                ("did not find expected '-' indicator", true, self.opened(false, at))
            }
            "while parsing a flow sequence, expected ',' or ']'" => {
                ("did not find expected ',' or ']'", true, self.opened(false, at))
            }
            "while parsing a flow mapping, did not find expected ',' or '}'" => {
                ("did not find expected ',' or '}'", true, self.opened(true, at))
            }
            "while parsing a node, did not find expected node content" => {
                ("did not find expected node content", true, at)
            }
            _ if info.starts_with("tab") || info.starts_with("unexpected character") => {
                ("found character that cannot start any token", false, at)
            }
            _ => match info.split_once(", ") {
                Some((head, tail)) if head.starts_with("while ") => (tail, false, at),
                _ => (info, false, at),
            },
        };
        let shift = u32::from(by_parser);
        let line = [context.line, at.line].into_iter().find(|line| *line > 1).map(|l| l - shift);
        YamlError { span: at, message: message.to_owned(), line }
    }

    /// Where the innermost open mapping or sequence began.
    fn opened(&self, mapping: bool, otherwise: Span) -> Span {
        let open = self
            .open
            .iter()
            .rev()
            .find(|open| mapping == matches!(open.node.kind, Kind::Mapping(_)));
        open.map_or(otherwise, |open| open.node.span)
    }

    fn count(&mut self, more: usize, span: Span) -> Result<(), YamlError> {
        self.nodes += more;
        if self.nodes > MAX_NODES {
            return Err(YamlError::plain(span, "document contains excessive aliasing"));
        }
        Ok(())
    }

    fn open(
        &mut self,
        kind: Kind,
        anchor: usize,
        tag: Option<String>,
        span: Span,
    ) -> Result<(), YamlError> {
        self.count(1, span)?;
        if self.open.len() >= MAX_DEPTH {
            let message = format!("exceeded max depth of {MAX_DEPTH}");
            return Err(YamlError::plain(span, message));
        }
        let before = self.nodes;
        self.open.push(Open { node: Node { span, tag, kind }, anchor, key: None, before });
        Ok(())
    }

    fn close(
        &mut self,
        node: Node,
        anchor: usize,
        size: usize,
        _span: Span,
    ) -> Result<(), YamlError> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(open) => match &mut open.node.kind {
                Kind::Sequence(items) => items.push(node),
                Kind::Mapping(entries) => match open.key.take() {
                    None => open.key = Some(node),
                    Some(key) => entries.push((key, node)),
                },
                Kind::Scalar { .. } => {}
            },
        }
        Ok(())
    }
}

impl Node {
    /// Give places as they were before the text was mended.
    fn put_back(&mut self, mended: &Mended<'_>) {
        self.span = mended.original(self.span);
        match &mut self.kind {
            Kind::Scalar { .. } => {}
            Kind::Sequence(items) => items.iter_mut().for_each(|item| item.put_back(mended)),
            Kind::Mapping(entries) => {
                for (key, value) in entries {
                    key.put_back(mended);
                    value.put_back(mended);
                }
            }
        }
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            Kind::Sequence(_) | Kind::Mapping(_) => None,
        }
    }

    /// The value of a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Mapping(entries) => {
                entries.iter().rev().find(|(k, _)| k.text() == Some(key)).map(|(_, v)| v)
            }
            Kind::Scalar { .. } | Kind::Sequence(_) => None,
        }
    }

    /// The node at a path of keys and indexes, or the deepest one on the way to it.
    #[must_use]
    pub fn nearest<'a>(&'a self, path: &[&str]) -> &'a Node {
        let mut node = self;
        for step in path {
            let next = match &node.kind {
                Kind::Mapping(_) => node.get(step),
                Kind::Sequence(items) => step.parse().ok().and_then(|i: usize| items.get(i)),
                Kind::Scalar { .. } => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// The key node of a mapping entry, for a message about the key itself.
    #[must_use]
    pub fn key_node(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Mapping(entries) => {
                entries.iter().rev().find(|(k, _)| k.text() == Some(key)).map(|(k, _)| k)
            }
            Kind::Scalar { .. } | Kind::Sequence(_) => None,
        }
    }

    /// The value as a platform reads it. Later duplicates win; `<<` merges.
    #[must_use]
    pub fn value(&self, dialect: Dialect) -> Value {
        match &self.kind {
            Kind::Scalar { text, plain } => scalar(text, *plain, self.tag.as_deref(), dialect),
            Kind::Sequence(items) => items.iter().map(|n| n.value(dialect)).collect(),
            Kind::Mapping(entries) => {
                let mut map = Map::new();
                for (key, node) in entries {
                    if is_merge(key) {
                        merge(&mut map, node, dialect);
                    }
                }
                for (key, node) in entries {
                    if !is_merge(key) {
                        map.insert(key_text(key, dialect), node.value(dialect));
                    }
                }
                Value::Object(map)
            }
        }
    }
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.kind, Kind::Scalar { text, plain: true } if text == "<<")
}

fn merge(map: &mut Map<String, Value>, node: &Node, dialect: Dialect) {
    match &node.kind {
        Kind::Mapping(_) => {
            if let Value::Object(from) = node.value(dialect) {
                for (key, value) in from {
                    map.entry(key).or_insert(value);
                }
            }
        }
        Kind::Sequence(items) => items.iter().for_each(|item| merge(map, item, dialect)),
        Kind::Scalar { .. } => {}
    }
}

/// The text of a key; kubectl turns boolean-looking keys into `true` and `false`.
fn key_text(key: &Node, dialect: Dialect) -> String {
    match key.value(dialect) {
        Value::String(text) => text,
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => match key.text() {
            Some(text) if dialect == Dialect::Compose => text.to_owned(),
            _ => other.to_string(),
        },
    }
}

/// Core tags whose text is looked at; any other makes a string (go-yaml `resolvableTag`).
const RESOLVED: [&str; 5] = ["bool", "int", "float", "null", "timestamp"];

fn scalar(text: &str, plain: bool, tag: Option<&str>, dialect: Dialect) -> Value {
    let core = tag.and_then(|tag| tag.split_once("yaml.org,2002:")).map(|(_, name)| name);
    if !plain && !core.is_some_and(|name| RESOLVED.contains(&name)) {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if dialect == Dialect::Kubectl {
        match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Value::Bool(true),
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Value::Bool(false),
            _ => {}
        }
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// A plain scalar as a number, as go-yaml resolves it.
fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    let digits = text.replace('_', "");
    let (sign, body) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits.strip_prefix('+').unwrap_or(&digits)),
    };
    let radix = |prefix: &str, radix: u32| {
        let rest = body.strip_prefix(prefix)?;
        i64::from_str_radix(&format!("{sign}{rest}"), radix).ok()
    };
    if let Some(n) = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)) {
        return Some(n.into());
    }
    let all_digits = !body.is_empty() && body.bytes().all(|b| b.is_ascii_digit());
    if all_digits {
        if body.len() > 1 && body.starts_with('0') {
            if let Ok(n) = i64::from_str_radix(&format!("{sign}{body}"), 8) {
                return Some(n.into());
            }
        } else if let Ok(n) = format!("{sign}{body}").parse::<i64>() {
            return Some(n.into());
        } else if let Ok(n) = body.parse::<u64>() {
            return (sign.is_empty()).then(|| n.into());
        }
    }
    float(sign, body)
}

fn float(sign: &str, body: &str) -> Option<Number> {
    let mantissa_ok = body.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    let has_digit = body.bytes().any(|b| b.is_ascii_digit());
    if !mantissa_ok || !has_digit {
        return None;
    }
    let value: f64 = format!("{sign}{body}").parse().ok()?;
    // A whole number reads as an integer after the trip through JSON.
    let whole = format!("{value}");
    match whole.parse::<i64>() {
        Ok(n) => Some(n.into()),
        Err(_) => Number::from_f64(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str, dialect: Dialect) -> Value {
        parse(text).unwrap().first().map_or(Value::Null, |n| n.value(dialect))
    }

    #[test]
    fn dialects_disagree() {
        let text = "{a: yes, b: 0440, c: 1e3, d: 22:22, e: '1', f: 1_000, g: 1.10, on: x}";
        assert_eq!(
            read(text, Dialect::Kubectl),
            json!({"a": true, "b": 288, "c": 1000, "d": "22:22", "e": "1", "f": 1000,
                   "g": 1.1, "true": "x"})
        );
        assert_eq!(read("{a: yes, on: x}", Dialect::Compose), json!({"a": "yes", "on": "x"}));
    }

    #[test]
    fn merge_keys_and_aliases() {
        let text = "base: &b {x: 1, y: 2}\nweb:\n  <<: *b\n  y: 3\n";
        assert_eq!(read(text, Dialect::Compose)["web"], json!({"x": 1, "y": 3}));
    }

    #[test]
    fn a_bomb_is_an_error() {
        let mut text = String::from("a: &a [x,x,x,x,x,x,x,x,x,x]\n");
        for (name, prev) in ["b", "c", "d", "e", "f", "g", "h"].iter().zip("abcdefg".chars()) {
            text.push_str(&format!(
                "{name}: &{name} [{}]\n",
                vec![format!("*{prev}"); 10].join(",")
            ));
        }
        assert!(parse(&text).unwrap_err().message.contains("aliasing"));
        assert!(parse(&"[".repeat(5000)).is_err());
    }

    #[test]
    fn errors_in_the_words_of_go_yaml() {
        for (text, message) in [
            ("a:\n\tb: 1\n", "yaml: line 2: found character that cannot start any token"),
            ("a:\n  b: x\n\tc:\n", "yaml: line 2: found a tab character that violates indentation"),
            ("a:\n  b:\n    c: x\n   d:\n", "yaml: line 1: did not find expected key"),
            ("a:\n  b: \"x\n", "yaml: line 2: found unexpected end of stream"),
            ("a:\n  b: [\"x\"\n", "yaml: line 1: did not find expected ',' or ']'"),
            ("a: *b\n", "yaml: unknown anchor 'b' referenced"),
            ("a:\n  - x\n  b: y\n", "yaml: line 1: did not find expected '-' indicator"),
            ("a: 1\nb\nc: 2\n", "yaml: line 2: could not find expected ':'"),
            ("a: b: c\n", "yaml: mapping values are not allowed in this context"),
            ("a: \u{1}\n", "yaml: control characters are not allowed"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn spans_point_at_the_node() {
        let doc = parse("a:\n  b: 1\n  c: [x, y]\n").unwrap().remove(0);
        assert_eq!(doc.nearest(&["a", "c", "1"]).span, Span { line: 3, column: 10 });
    }
}
