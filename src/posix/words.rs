//! Words: quotes, `$…`, backquotes.

use std::sync::Arc;

use crate::posix::ast::{Op, Param, Piece, Word};
use crate::posix::parse::{Parsed, Parser, is_meta};

impl Word {
    /// Text that may hold patterns.
    pub(super) fn text(text: &str) -> Self {
        Self(vec![Piece::Plain(text.to_owned())])
    }

    /// Text that stands for itself.
    pub(super) fn quoted(text: &str) -> Self {
        Self(vec![Piece::Quoted(text.to_owned())])
    }

    fn push_plain(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Piece::Plain(text)) => text.push(c),
            _ => self.0.push(Piece::Plain(c.to_string())),
        }
    }

    /// Add text that stands for itself.
    pub(super) fn push_quoted(&mut self, more: &str) {
        match self.0.last_mut() {
            Some(Piece::Quoted(text)) => text.push_str(more),
            _ => self.0.push(Piece::Quoted(more.to_owned())),
        }
    }
}

impl Parser {
    /// A word up to a blank or operator.
    pub(super) fn word(&mut self) -> Parsed<Word> {
        let word = self.word_until(is_meta)?;
        if word.0.is_empty() { Err(self.error("unexpected word")) } else { Ok(word) }
    }

    fn word_until(&mut self, end: impl Fn(char) -> bool + Copy) -> Parsed<Word> {
        self.deeper()?;
        let mut word = Word::default();
        while let Some(c) = self.peek().filter(|c| !end(*c)) {
            match c {
                '\'' => {
                    self.at += 1;
                    let text = self.until('\'')?;
                    word.push_quoted(&text);
                }
                '"' => {
                    self.at += 1;
                    let inner = self.quoted_text(Some('"'))?;
                    if inner.0.is_empty() {
                        word.push_quoted("");
                    }
                    word.0.extend(inner.0);
                }
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => self.joined(),
                        Some(c) => word.push_quoted(c.encode_utf8(&mut [0; 4])),
                        None => word.push_quoted("\\"),
                    }
                    self.at += 1;
                }
                '$' | '`' => self.dollar(&mut word, false)?,
                '~' if word.0.is_empty()
                    && self.peek_at(1).is_none_or(|c| c == '/' || is_meta(c)) =>
                {
                    self.at += 1;
                    word.0.push(Piece::Home);
                }
                c => {
                    self.at += 1;
                    word.push_plain(c);
                }
            }
        }
        self.at = self.at.min(self.text.len());
        self.depth -= 1;
        Ok(word)
    }

    fn until(&mut self, end: char) -> Parsed<String> {
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(self.unfinished("unterminated quoted string")),
                Some(c) => {
                    self.at += 1;
                    if c == end {
                        return Ok(text);
                    }
                    text.push(c);
                }
            }
        }
    }

    /// Text inside double quotes up to `end`, or a whole here-document.
    pub(super) fn quoted_text(&mut self, end: Option<char>) -> Parsed<Word> {
        self.deeper()?;
        let mut word = Word::default();
        loop {
            let Some(c) = self.peek() else {
                if end.is_some() {
                    return Err(self.unfinished("unterminated quoted string"));
                }
                break;
            };
            match c {
                c if Some(c) == end => {
                    self.at += 1;
                    break;
                }
                '\\' => {
                    self.at += 1;
                    match self.peek() {
                        Some('\n') => {}
                        Some(c) if matches!(c, '$' | '`' | '\\') || Some(c) == end => {
                            word.push_quoted(c.encode_utf8(&mut [0; 4]));
                        }
                        Some(c) => {
                            word.push_quoted("\\");
                            word.push_quoted(c.encode_utf8(&mut [0; 4]));
                        }
                        None => word.push_quoted("\\"),
                    }
                    self.at += 1;
                }
                '$' | '`' => self.dollar(&mut word, true)?,
                c => {
                    self.at += 1;
                    word.push_quoted(c.encode_utf8(&mut [0; 4]));
                }
            }
        }
        self.at = self.at.min(self.text.len());
        self.depth -= 1;
        Ok(word)
    }

    /// Something that begins with `$` or a backquote.
    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        if self.eat("`") {
            let text = self.backquoted()?;
            let mut inner = Parser::new(&text);
            inner.depth = self.depth;
            word.0.push(Piece::Run(Arc::new(inner.list()?), quoted));
            return Ok(());
        }
        if self.looking_at("$((")
            && let Some(math) = self.math(quoted)?
        {
            word.0.push(math);
            return Ok(());
        }
        if self.eat("$(") {
            let list = self.list()?;
            if !self.eat(")") {
                return Err(match self.peek() {
                    None => self.unfinished("unexpected end of file (expecting \")\")"),
                    Some(_) => self.error("unexpected word (expecting \")\")"),
                });
            }
            word.0.push(Piece::Run(Arc::new(list), quoted));
            return Ok(());
        }
        if self.eat("${") {
            let param = self.braced()?;
            word.0.push(Piece::Param(Box::new(param), quoted));
            return Ok(());
        }
        self.at += 1;
        let name = self.parameter(false);
        if name.is_empty() {
            if !quoted && self.peek() == Some('\'') {
                self.at += 1;
                let text = self.until('\'')?;
                word.push_quoted(&crate::posix::pattern::unescape(&text));
                return Ok(());
            }
            word.push_quoted("$");
        } else {
            word.0.push(Piece::Param(Box::new(Param { name, op: Op::Value }), quoted));
        }
        Ok(())
    }

    fn backquoted(&mut self) -> Parsed<String> {
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err(self.unfinished("EOF in backquote substitution")),
                Some('`') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some('\\') if matches!(self.peek_at(1), Some('`' | '\\' | '$')) => {
                    self.at += 1;
                    text.extend(self.peek());
                    self.at += 1;
                }
                Some(c) => {
                    self.at += 1;
                    text.push(c);
                }
            }
        }
    }

    /// `$((…))`; `None` if it turns out to be a command substitution with a subshell.
    fn math(&mut self, quoted: bool) -> Parsed<Option<Piece>> {
        let start = self.at;
        let mut depth = 0_u32;
        let mut end = self.at + 3;
        loop {
            match self.text.get(end) {
                None => return Err(self.unfinished("missing '))'")),
                Some('(') => depth += 1,
                Some(')') if depth == 0 => break,
                Some(')') => depth -= 1,
                Some(_) => {}
            }
            end += 1;
        }
        if self.text.get(end + 1) != Some(&')') {
            return Ok(None);
        }
        let text: String = self.text.get(start + 3..end).unwrap_or(&[]).iter().collect();
        let mut inner = Parser::new(&text);
        inner.depth = self.depth;
        let word = inner.quoted_text(None)?;
        self.at = end + 2;
        Ok(Some(Piece::Math(word, quoted)))
    }

    /// A parameter's name; without braces a positional one has one digit.
    fn parameter(&mut self, braces: bool) -> String {
        let mut name = String::new();
        match self.peek() {
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                    self.at += 1;
                }
            }
            Some(c) if c.is_ascii_digit() => {
                while let Some(c) = self.peek().filter(char::is_ascii_digit) {
                    name.push(c);
                    self.at += 1;
                    if !braces {
                        break;
                    }
                }
            }
            Some(c) if "@*#?-$!".contains(c) => {
                name.push(c);
                self.at += 1;
            }
            Some(_) | None => {}
        }
        name
    }

    /// After `${`.
    /// The name of a parameter, with `[@]` or `[*]` if all elements of an array are meant.
    fn indexed(&mut self) -> String {
        let mut name = self.parameter(true);
        for index in ["[@]", "[*]"] {
            if !name.is_empty() && self.eat(index) {
                name.push_str(index);
            }
        }
        name
    }

    fn braced(&mut self) -> Parsed<Param> {
        if self.peek() == Some('#') && self.peek_at(1).is_some_and(|c| c != '}') {
            self.at += 1;
            let name = self.indexed();
            if self.eat("}") {
                return Ok(Param { name, op: Op::Length });
            }
            return Err(self.error("bad substitution"));
        }
        let name = self.indexed();
        if name.is_empty() {
            return Err(match self.peek() {
                None => self.unfinished("missing '}'"),
                Some(_) => self.error("bad substitution"),
            });
        }
        let op = self.operator()?;
        if self.eat("}") {
            return Ok(Param { name, op });
        }
        Err(match self.peek() {
            None => self.unfinished("missing '}'"),
            Some(_) => self.error("bad substitution"),
        })
    }

    fn operator(&mut self) -> Parsed<Op> {
        let brace = |c: char| c == '}';
        let colon = self.peek() == Some(':');
        let sign = self.peek_at(usize::from(colon));
        if let Some(sign) = sign.filter(|c| "-=?+".contains(*c)) {
            self.at += 1 + usize::from(colon);
            return Ok(Op::Unset(sign, colon, self.word_until(brace)?));
        }
        if colon {
            self.at += 1;
            let from = self.word_until(|c| c == '}' || c == ':')?;
            let length = if self.eat(":") { Some(self.word_until(brace)?) } else { None };
            return Ok(Op::Part(from, length));
        }
        for (text, end, longest) in
            [("##", false, true), ("#", false, false), ("%%", true, true), ("%", true, false)]
        {
            if self.eat(text) {
                return Ok(Op::Trim { end, longest, pattern: self.word_until(brace)? });
            }
        }
        if self.eat("/") {
            let all = self.eat("/");
            let pattern = self.word_until(|c| c == '}' || c == '/')?;
            let with = if self.eat("/") { self.word_until(brace)? } else { Word::default() };
            return Ok(Op::Replace { all, pattern, with });
        }
        Ok(Op::Value)
    }
}
