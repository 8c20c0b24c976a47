//! From text to nodes.

use super::functions;
use super::value::Value;

/// Deepest nesting of blocks and parentheses.
const MAX_DEPTH: usize = 100;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Text(String),
    /// Print the result, unless it declares a variable.
    Action(Pipeline),
    If(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    Range(Pipeline, Vec<Node>, Vec<Node>),
    With(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    Break,
    Continue,
}

/// Commands one after the other, with declared or assigned variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub(super) variables: Vec<String>,
    pub(super) declares: bool,
    pub(super) commands: Vec<Command>,
    pub(super) text: String,
}

/// A function with arguments, or one operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) text: String,
    pub(super) operands: Vec<Operand>,
}

/// One operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Dot,
    Literal(Value),
    /// `.A.B`: position of what errors point to, and the names.
    Field(usize, Vec<String>),
    /// `$x.A`.
    Variable(usize, String, Vec<String>),
    Function(usize, String),
    /// `(…).A`.
    Paren(Box<Pipeline>, usize, Vec<String>),
}

/// A problem at a byte of the text.
pub(super) struct ParseError {
    pub(super) at: usize,
    pub(super) message: String,
}

fn fail<T>(at: usize, message: impl Into<String>) -> Result<T, ParseError> {
    Err(ParseError { at, message: message.into() })
}

/// A word of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name such as `if`, `len`, `true`.
    Word(String),
    /// `.Name`.
    Field(String),
    Dot,
    /// `$` or `$x`.
    Variable(String),
    Text(String),
    Number(String),
    Symbol(&'static str),
    Space,
}

struct Lexed {
    token: Token,
    at: usize,
    end: usize,
}

enum Piece {
    Text(String),
    Action(Vec<Lexed>, usize),
}

/// Cut a text into literal text and actions.
fn pieces(text: &str) -> Result<Vec<Piece>, ParseError> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut trim_next = false;
    loop {
        let rest = text.get(at..).unwrap_or("");
        let open = rest.find("{{");
        let mut literal = match open {
            Some(open) => rest.get(..open).unwrap_or(""),
            None => rest,
        };
        if trim_next {
            literal = literal.trim_start();
        }
        let Some(open) = open else {
            out.push(Piece::Text(literal.to_owned()));
            return Ok(out);
        };
        let mut start = at + open + 2;
        let body = text.get(start..).unwrap_or("");
        let mut marks = body.chars();
        if marks.next() == Some('-') && marks.next().is_some_and(char::is_whitespace) {
            literal = literal.trim_end();
            start += 1;
        }
        out.push(Piece::Text(literal.to_owned()));
        let body = text.get(start..).unwrap_or("");
        if let Some(comment) = body.trim_start().strip_prefix("/*") {
            let Some(end) = comment.find("*/") else { return fail(start, "unclosed comment") };
            let after = comment.get(end + 2..).unwrap_or("");
            let trimmed = after.trim_start();
            let (trim, rest) = match trimmed.strip_prefix("-}}") {
                Some(rest) => (true, rest),
                None => match trimmed.strip_prefix("}}") {
                    Some(rest) => (false, rest),
                    None => return fail(start, "comment ends before closing delimiter"),
                },
            };
            trim_next = trim;
            at = text.len() - rest.len();
            continue;
        }
        let (tokens, end, trim) = lex(text, start)?;
        out.push(Piece::Action(tokens, start));
        trim_next = trim;
        at = end;
    }
}

/// The tokens of one action up to its `}}`; where the text goes on; whether blanks are cut there.
fn lex(text: &str, start: usize) -> Result<(Vec<Lexed>, usize, bool), ParseError> {
    let mut tokens: Vec<Lexed> = Vec::new();
    let mut at = start;
    loop {
        let rest = text.get(at..).unwrap_or("");
        let Some(c) = rest.chars().next() else { return fail(start, "unclosed action") };
        if rest.starts_with("}}") {
            return Ok((tokens, at + 2, false));
        }
        if c.is_whitespace() {
            let len = rest.len() - rest.trim_start().len();
            if rest.trim_start().starts_with("-}}") {
                return Ok((tokens, at + len + 3, true));
            }
            tokens.push(Lexed { token: Token::Space, at, end: at + len });
            at += len;
            continue;
        }
        let name_len = |from: usize| {
            let tail = rest.get(from..).unwrap_or("");
            tail.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(tail.len())
        };
        let (token, len) = match c {
            '"' => {
                let (value, len) = quoted(rest, at)?;
                (Token::Text(value), len)
            }
            '`' => match rest.get(1..).and_then(|r| r.find('`')) {
                Some(end) => (Token::Text(rest.get(1..=end).unwrap_or("").to_owned()), end + 2),
                None => return fail(at, "unterminated raw quoted string"),
            },
            '.' if name_len(1) > 0 && rest.get(1..2).is_none_or(|d| d.parse::<u8>().is_err()) => {
                let len = 1 + name_len(1);
                (Token::Field(rest.get(1..len).unwrap_or("").to_owned()), len)
            }
            '.' => (Token::Dot, 1),
            '$' => {
                let len = 1 + name_len(1);
                (Token::Variable(rest.get(..len).unwrap_or("").to_owned()), len)
            }
            ':' if rest.starts_with(":=") => (Token::Symbol(":="), 2),
            '=' => (Token::Symbol("="), 1),
            '|' => (Token::Symbol("|"), 1),
            '(' => (Token::Symbol("("), 1),
            ')' => (Token::Symbol(")"), 1),
            ',' => (Token::Symbol(","), 1),
            c if c.is_ascii_digit() || c == '-' || c == '+' => {
                let tail = rest.get(1..).unwrap_or("");
                let end = tail
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_')
                    .unwrap_or(tail.len());
                (Token::Number(rest.get(..=end).unwrap_or("").to_owned()), end + 1)
            }
            c if c.is_alphabetic() || c == '_' => {
                let len = name_len(0);
                (Token::Word(rest.get(..len).unwrap_or("").to_owned()), len)
            }
            c => {
                let code = u32::from(c);
                return fail(at, format!("unexpected bad character U+{code:04X} '{c}' in command"));
            }
        };
        tokens.push(Lexed { token, at, end: at + len });
        at += len;
    }
}

/// A quoted string with Go's escapes; its length in the text.
fn quoted(rest: &str, at: usize) -> Result<(String, usize), ParseError> {
    let mut value = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        match c {
            '"' => return Ok((value, index + 1)),
            '\n' => break,
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => value.push('\n'),
                Some('t') => value.push('\t'),
                Some('r') => value.push('\r'),
                Some(c @ ('"' | '\\' | '\'')) => value.push(c),
                _ => return fail(at, "invalid syntax"),
            },
            c => value.push(c),
        }
    }
    fail(at, "unterminated quoted string")
}

struct Parser<'a> {
    text: &'a str,
    pieces: Vec<Piece>,
    next: usize,
    variables: Vec<String>,
    loops: usize,
}

/// Why a list of nodes ended.
enum End {
    Eof,
    Plain,
    Else,
    ElseIf(usize),
    ElseWith(usize),
}

pub(super) fn parse(text: &str) -> Result<Vec<Node>, ParseError> {
    let pieces = pieces(text)?;
    let variables = vec!["$".to_owned()];
    let mut parser = Parser { text, pieces, next: 0, variables, loops: 0 };
    let (nodes, end) = parser.list(0)?;
    match end {
        End::Eof => Ok(nodes),
        End::Plain => fail(text.len(), "unexpected {{end}}"),
        End::Else | End::ElseIf(_) | End::ElseWith(_) => fail(text.len(), "unexpected {{else}}"),
    }
}

impl Parser<'_> {
    fn list(&mut self, depth: usize) -> Result<(Vec<Node>, End), ParseError> {
        if depth > MAX_DEPTH {
            return fail(self.text.len(), "max nesting depth exceeded");
        }
        let mut nodes = Vec::new();
        while self.next < self.pieces.len() {
            let index = self.next;
            self.next += 1;
            let Some(piece) = self.pieces.get(index) else { break };
            let (tokens, start) = match piece {
                Piece::Text(text) => {
                    if !text.is_empty() {
                        nodes.push(Node::Text(text.clone()));
                    }
                    continue;
                }
                Piece::Action(tokens, start) => (tokens, *start),
            };
            let words: Vec<&Token> =
                tokens.iter().map(|t| &t.token).filter(|t| **t != Token::Space).take(2).collect();
            let word = |at: usize| match words.get(at) {
                Some(Token::Word(word)) => word.as_str(),
                _ => "",
            };
            match word(0) {
                "end" => return Ok((nodes, End::Plain)),
                "else" => {
                    return Ok((
                        nodes,
                        match word(1) {
                            "if" => End::ElseIf(index),
                            "with" => End::ElseWith(index),
                            _ => End::Else,
                        },
                    ));
                }
                "if" => nodes.push(self.branches(index, 1, depth, false)?),
                "with" => nodes.push(self.branches(index, 1, depth, true)?),
                "range" => nodes.push(self.range(index, depth)?),
                "break" | "continue" if self.loops == 0 => {
                    let word = word(0);
                    return fail(start, format!("{{{{{word}}}}} outside {{{{range}}}}"));
                }
                "break" => nodes.push(Node::Break),
                "continue" => nodes.push(Node::Continue),
                "define" | "template" | "block" => {
                    return fail(start, format!("unexpected {{{{{}}}}}", word(0)));
                }
                _ => {
                    if words.is_empty() {
                        return fail(start, "missing value for command");
                    }
                    nodes.push(Node::Action(self.action(index, 0)?));
                }
            }
        }
        Ok((nodes, End::Eof))
    }

    fn expect_end(&self, end: &End) -> Result<(), ParseError> {
        match end {
            End::Plain => Ok(()),
            End::Eof => fail(self.text.len(), "unexpected EOF"),
            End::Else | End::ElseIf(_) | End::ElseWith(_) => {
                fail(self.text.len(), "expected end; found {{else}}")
            }
        }
    }

    fn branches(
        &mut self,
        index: usize,
        skip: usize,
        depth: usize,
        with: bool,
    ) -> Result<Node, ParseError> {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        let scope = self.variables.len();
        let (mut index, mut skip) = (index, skip);
        loop {
            let pipeline = self.action(index, skip)?;
            let (body, end) = self.list(depth + 1)?;
            branches.push((pipeline, body));
            match end {
                End::Else => {
                    let (body, end) = self.list(depth + 1)?;
                    otherwise = body;
                    self.expect_end(&end)?;
                    break;
                }
                End::ElseIf(next) if !with => (index, skip) = (next, 2),
                End::ElseWith(next) if with => (index, skip) = (next, 2),
                end @ (End::Eof | End::Plain | End::ElseIf(_) | End::ElseWith(_)) => {
                    self.expect_end(&end)?;
                    break;
                }
            }
        }
        self.variables.truncate(scope);
        Ok(if with { Node::With(branches, otherwise) } else { Node::If(branches, otherwise) })
    }

    fn range(&mut self, index: usize, depth: usize) -> Result<Node, ParseError> {
        let scope = self.variables.len();
        let pipeline = self.action(index, 1)?;
        self.loops += 1;
        let (body, end) = self.list(depth + 1)?;
        self.loops -= 1;
        let mut otherwise = Vec::new();
        if let End::Else = end {
            let (body, end) = self.list(depth + 1)?;
            otherwise = body;
            self.expect_end(&end)?;
        } else {
            self.expect_end(&end)?;
        }
        self.variables.truncate(scope);
        Ok(Node::Range(pipeline, body, otherwise))
    }

    /// The pipeline of an action, without its first words (`if`, `else if`).
    fn action(&mut self, index: usize, skip: usize) -> Result<Pipeline, ParseError> {
        let Some(Piece::Action(tokens, start)) = self.pieces.get(index) else {
            return fail(0, "unexpected EOF");
        };
        let mut from = 0;
        let mut words = 0;
        for (at, token) in tokens.iter().enumerate() {
            if words == skip {
                break;
            }
            if token.token != Token::Space {
                words += 1;
            }
            from = at + 1;
        }
        let mut cursor = Cursor {
            text: self.text,
            tokens: tokens.get(from..).unwrap_or(&[]),
            at: 0,
            start: *start,
            variables: &mut self.variables,
        };
        let pipeline = cursor.pipeline(0)?;
        match cursor.tokens.get(cursor.at) {
            None => Ok(pipeline),
            Some(token) => {
                let text = self.text.get(token.at..token.end).unwrap_or("");
                fail(
                    token.at,
                    format!("unexpected {text:?} in command").replace("\")\"", "right paren"),
                )
            }
        }
    }
}

struct Cursor<'a, 'v> {
    text: &'a str,
    tokens: &'a [Lexed],
    at: usize,
    start: usize,
    variables: &'v mut Vec<String>,
}

impl Cursor<'_, '_> {
    fn skip_space(&mut self) {
        while self.tokens.get(self.at).is_some_and(|t| t.token == Token::Space) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|t| &t.token)
    }

    fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |t| t.at)
    }

    fn end_position(&self) -> usize {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.map_or(self.start, |t| t.end)
    }

    /// `$x :=`, `$i, $x :=` or `$x =` in front of a pipeline.
    fn declaration(&mut self) -> Option<(Vec<String>, bool)> {
        let begin = self.at;
        let mut names = Vec::new();
        loop {
            self.skip_space();
            let Some(Token::Variable(name)) = self.peek() else { break };
            names.push(name.clone());
            self.at += 1;
            self.skip_space();
            match self.peek() {
                Some(Token::Symbol(",")) => self.at += 1,
                Some(Token::Symbol(":=")) => {
                    self.at += 1;
                    return Some((names, true));
                }
                Some(Token::Symbol("=")) => {
                    self.at += 1;
                    return Some((names, false));
                }
                _ => break,
            }
        }
        self.at = begin;
        None
    }

    fn pipeline(&mut self, depth: usize) -> Result<Pipeline, ParseError> {
        if depth > MAX_DEPTH {
            return fail(self.position(), "max nesting depth exceeded");
        }
        let (variables, declares) = self.declaration().unwrap_or_default();
        self.skip_space();
        let from = self.position();
        let mut commands = Vec::new();
        loop {
            self.skip_space();
            let command = self.command(depth)?;
            if command.operands.is_empty() {
                return fail(self.position(), "missing value for command");
            }
            commands.push(command);
            self.skip_space();
            if self.peek() == Some(&Token::Symbol("|")) {
                self.at += 1;
            } else {
                break;
            }
        }
        if declares {
            self.variables.extend(variables.iter().cloned());
        }
        let text = self.text.get(from..self.end_position()).unwrap_or("").trim_end().to_owned();
        Ok(Pipeline { variables, declares, commands, text })
    }

    fn command(&mut self, depth: usize) -> Result<Command, ParseError> {
        let at = self.position();
        let mut operands = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                None | Some(Token::Symbol("|" | ")")) => break,
                Some(_) => operands.push(self.operand(depth)?),
            }
        }
        let text = self.text.get(at..self.end_position()).unwrap_or("").trim_end().to_owned();
        Ok(Command { at, text, operands })
    }

    /// Field names that follow directly.
    fn fields(&mut self) -> (usize, Vec<String>) {
        let at = self.position();
        let mut names = Vec::new();
        while let Some(Token::Field(name)) = self.peek() {
            names.push(name.clone());
            self.at += 1;
        }
        (at, names)
    }

    fn operand(&mut self, depth: usize) -> Result<Operand, ParseError> {
        let at = self.position();
        let Some(token) = self.peek().cloned() else { return fail(at, "unexpected EOF") };
        self.at += 1;
        Ok(match token {
            Token::Dot => Operand::Dot,
            Token::Text(text) => Operand::Literal(Value::Str(text)),
            Token::Number(text) => Operand::Literal(number(&text, at)?),
            Token::Field(name) => {
                let (second, mut rest) = self.fields();
                let position = if rest.is_empty() { at } else { second };
                rest.insert(0, name);
                Operand::Field(position, rest)
            }
            Token::Variable(name) => {
                if !self.variables.contains(&name) {
                    return fail(at, format!("undefined variable {name:?}"));
                }
                let (_, fields) = self.fields();
                Operand::Variable(at, name, fields)
            }
            Token::Word(word) => match word.as_str() {
                "true" => Operand::Literal(Value::Bool(true)),
                "false" => Operand::Literal(Value::Bool(false)),
                "nil" => Operand::Literal(Value::Nil),
                _ if functions::is_known(&word) => Operand::Function(at, word),
                _ => return fail(at, format!("function {word:?} not defined")),
            },
            Token::Symbol("(") => {
                let pipeline = self.pipeline(depth + 1)?;
                self.skip_space();
                if self.peek() != Some(&Token::Symbol(")")) {
                    return fail(at, "unclosed left paren");
                }
                self.at += 1;
                let (position, fields) = self.fields();
                Operand::Paren(Box::new(pipeline), position, fields)
            }
            Token::Symbol(symbol) => return fail(at, format!("unexpected {symbol:?} in operand")),
            Token::Space => return fail(at, "unexpected space in operand"),
        })
    }
}

fn number(text: &str, at: usize) -> Result<Value, ParseError> {
    if let Ok(n) = text.parse::<i64>() {
        return Ok(Value::Int(n));
    }
    let digits = text.trim_start_matches(['-', '+']);
    let float = digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() == 1
        && digits.len() > 1;
    if float {
        Ok(Value::Float(text.to_owned()))
    } else {
        fail(at, format!("bad number syntax: {text:?}"))
    }
}
