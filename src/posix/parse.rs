//! The grammar of POSIX sh with the few bash forms that learners paste (`[[`, `<<<`, `&>`,
//! `function f`, `${v/a/b}`). Left out: aliases, elements of arrays by number, process substitution.

use std::sync::Arc;

use crate::posix::ast::{
    Chain, Command, How, Item, List, Node, Piece, Pipeline, Redirect, When, Word,
};

/// Deepest nesting of commands and words.
const MAX_DEPTH: u32 = 120;

/// Why a text is no program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParseError {
    /// The message after `sh: `.
    pub(super) message: String,
    /// Whether more text could complete it.
    pub(super) incomplete: bool,
}

pub(super) type Parsed<T> = Result<T, ParseError>;

/// Reads a program.
pub(super) struct Parser {
    pub(super) text: Vec<char>,
    pub(super) at: usize,
    /// Where the text goes on after the here-documents of this line.
    after_heredocs: Option<usize>,
    pub(super) depth: u32,
    /// Whether the text ends in a `\\` that joins a next line to it.
    pub(super) continued: bool,
}

/// Words that mean something where a command may begin.
const KEYWORDS: &[&str] = &[
    "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "for", "case", "esac", "{",
    "}", "!", "[[", "function", "in",
];

/// Keywords that end a list.
const CLOSERS: &[&str] = &["then", "else", "elif", "fi", "do", "done", "esac", "}"];

/// Read a whole program.
pub(super) fn parse(text: &str) -> Parsed<Arc<List>> {
    Parser::new(text).program()
}

/// Read what was typed so far: a `\` at its end asks for another line.
pub(super) fn parse_typed(text: &str) -> Parsed<Arc<List>> {
    let mut parser = Parser::new(text);
    let list = parser.program()?;
    if parser.continued {
        return Err(parser.unfinished("unexpected end of file"));
    }
    Ok(list)
}

/// Whether a text typed at a prompt is whole: a shell would run it and not ask for another line.
#[must_use]
pub fn complete(text: &str) -> bool {
    !parse_typed(text).is_err_and(|error| error.incomplete)
}

impl Parser {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: text.chars().collect(),
            at: 0,
            after_heredocs: None,
            depth: 0,
            continued: false,
        }
    }

    fn program(&mut self) -> Parsed<Arc<List>> {
        let list = self.list()?;
        self.blanks();
        match self.peek() {
            None => Ok(Arc::new(list)),
            Some(_) => Err(self.unexpected()),
        }
    }

    /// A `\` before the end of a line, which joins the next line to it, has been read.
    pub(super) fn joined(&mut self) {
        self.continued |= self.text.get(self.at + 1..).is_none_or(<[char]>::is_empty);
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<char> {
        self.text.get(self.at + ahead).copied()
    }

    pub(super) fn looking_at(&self, what: &str) -> bool {
        what.chars().enumerate().all(|(i, c)| self.peek_at(i) == Some(c))
    }

    pub(super) fn eat(&mut self, what: &str) -> bool {
        let found = self.looking_at(what);
        if found {
            self.at += what.chars().count();
        }
        found
    }

    pub(super) fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("nested too deeply"));
        }
        Ok(())
    }

    pub(super) fn error(&self, message: &str) -> ParseError {
        ParseError { message: format!("syntax error: {message}"), incomplete: false }
    }

    pub(super) fn unfinished(&self, message: &str) -> ParseError {
        ParseError { message: format!("syntax error: {message}"), incomplete: true }
    }

    fn unexpected(&self) -> ParseError {
        match self.peek() {
            None => self.unfinished("unexpected end of file"),
            Some('\n') => self.error("unexpected newline"),
            Some(_) => {
                let word = self.raw_token();
                self.error(&format!("unexpected \"{word}\""))
            }
        }
    }

    fn raw_token(&self) -> String {
        let rest = self.text.get(self.at..).unwrap_or(&[]);
        match rest.first() {
            Some(first) if is_meta(*first) => {
                let double = rest.get(1) == Some(first);
                if double { format!("{first}{first}") } else { first.to_string() }
            }
            _ => rest.iter().take_while(|c| !is_meta(**c)).collect(),
        }
    }

    /// Skip blanks, line continuations and a comment, but not the newline.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r') => self.at += 1,
                Some('\\') if self.peek_at(1) == Some('\n') => {
                    self.at += 1;
                    self.joined();
                    self.at += 1;
                }
                Some('#') => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                _ => break,
            }
        }
    }

    fn newline(&mut self) {
        self.at = self.after_heredocs.take().unwrap_or(self.at + 1);
    }

    /// Skip blanks and newlines.
    fn lines(&mut self) {
        self.blanks();
        while self.peek() == Some('\n') {
            self.newline();
            self.blanks();
        }
    }

    /// The keyword at this place, if there is one.
    fn keyword(&self) -> Option<&'static str> {
        KEYWORDS
            .iter()
            .copied()
            .find(|word| self.looking_at(word) && self.peek_at(word.len()).is_none_or(is_meta))
    }

    fn eat_keyword(&mut self, word: &str) -> bool {
        let found = self.keyword() == Some(word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn expect(&mut self, word: &str) -> Parsed<()> {
        self.lines();
        if self.eat_keyword(word) {
            return Ok(());
        }
        Err(match self.peek() {
            None => self.unfinished(&format!("unexpected end of file (expecting \"{word}\")")),
            Some(_) => {
                let mut error = self.unexpected();
                error.message.push_str(&format!(" (expecting \"{word}\")"));
                error
            }
        })
    }

    /// Commands up to something that ends a list.
    pub(super) fn list(&mut self) -> Parsed<List> {
        self.deeper()?;
        let mut list = List::default();
        loop {
            self.lines();
            let closed = match self.peek() {
                None | Some(')') => true,
                Some(';') => self.looking_at(";;"),
                Some(_) => self.keyword().is_some_and(|k| CLOSERS.contains(&k)),
            };
            if closed {
                break;
            }
            let chain = Arc::new(self.chain()?);
            self.blanks();
            let mut background = false;
            match self.peek() {
                Some('&') if self.peek_at(1) != Some('&') => {
                    background = true;
                    self.at += 1;
                }
                Some(';') if self.peek_at(1) != Some(';') => self.at += 1,
                Some('\n') => self.newline(),
                None | Some(')' | ';') => {}
                Some(_) => return Err(self.unexpected()),
            }
            list.items.push(Item { chain, background });
        }
        self.depth -= 1;
        Ok(list)
    }

    fn chain(&mut self) -> Parsed<Chain> {
        let mut links = vec![(When::Always, self.pipeline()?)];
        loop {
            self.blanks();
            let when = if self.eat("&&") {
                When::Success
            } else if self.eat("||") {
                When::Failure
            } else {
                return Ok(Chain { links });
            };
            self.lines();
            links.push((when, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        let mut negated = false;
        self.blanks();
        while self.eat_keyword("!") {
            negated = !negated;
            self.blanks();
        }
        let mut stages = vec![Arc::new(self.command()?)];
        loop {
            self.blanks();
            if self.peek() != Some('|') || self.peek_at(1) == Some('|') {
                return Ok(Pipeline { negated, stages });
            }
            self.at += 1;
            if self.eat("&") {
                let both = Redirect { fd: 2, how: How::Duplicate, target: Word::text("1") };
                if let Some(last) = stages.last_mut() {
                    Arc::make_mut(last).redirects.push(both);
                }
            }
            self.lines();
            stages.push(Arc::new(self.command()?));
        }
    }

    fn body(&mut self, end: &str) -> Parsed<Arc<List>> {
        let list = self.list()?;
        self.expect(end)?;
        Ok(Arc::new(list))
    }

    fn command(&mut self) -> Parsed<Node> {
        self.deeper()?;
        self.blanks();
        let command = match self.keyword() {
            Some("if") => self.if_command()?,
            Some(word @ ("while" | "until")) => {
                self.at += word.len();
                let test = self.body("do")?;
                let body = self.body("done")?;
                Command::Loop { until: word == "until", test, body }
            }
            Some("for") => self.for_command()?,
            Some("case") => self.case_command()?,
            Some("{") => {
                self.at += 1;
                Command::Group(self.body("}")?)
            }
            Some("[[") => self.test_command()?,
            Some("function") => {
                self.at += "function".len();
                self.blanks();
                let name = self.name();
                self.blanks();
                let _ = self.eat("()");
                self.lines();
                Command::Function(name, Arc::new(self.command()?))
            }
            Some("in") | None => self.other_command()?,
            Some(_) => return Err(self.unexpected()),
        };
        let simple = matches!(command, Command::Simple { .. });
        let (command, mut redirects) = if simple { self.simple()? } else { (command, Vec::new()) };
        loop {
            self.blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => break,
            }
        }
        self.depth -= 1;
        Ok(Node { command, redirects })
    }

    /// A subshell or function definition; an empty simple command says: read a simple one.
    fn other_command(&mut self) -> Parsed<Command> {
        if self.eat("(") {
            let list = self.list()?;
            self.lines();
            if !self.eat(")") {
                return Err(self.unexpected());
            }
            return Ok(Command::Subshell(Arc::new(list)));
        }
        let start = self.at;
        let name = self.name();
        self.blanks();
        if !name.is_empty() && self.eat("(") {
            self.blanks();
            if !self.eat(")") {
                return Err(self.unexpected());
            }
            self.lines();
            return Ok(Command::Function(name, Arc::new(self.command()?)));
        }
        self.at = start;
        Ok(Command::Simple { assigns: Vec::new(), words: Vec::new() })
    }

    /// Letters of a function's or variable's name.
    pub(super) fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c))
        {
            name.push(c);
            self.at += 1;
        }
        name
    }

    fn if_command(&mut self) -> Parsed<Command> {
        self.at += 2;
        let mut arms = Vec::new();
        let mut other = None;
        loop {
            let test = self.body("then")?;
            let body = Arc::new(self.list()?);
            arms.push((test, body));
            self.lines();
            if self.eat_keyword("elif") {
                continue;
            }
            if self.eat_keyword("else") {
                other = Some(Arc::new(self.list()?));
            }
            self.expect("fi")?;
            return Ok(Command::If(arms, other));
        }
    }

    fn for_command(&mut self) -> Parsed<Command> {
        self.at += 3;
        self.blanks();
        let name = self.name();
        if name.is_empty() {
            return Err(self.error("bad for loop variable"));
        }
        self.lines();
        let mut words = None;
        if self.eat_keyword("in") {
            let mut list = Vec::new();
            loop {
                self.blanks();
                match self.peek() {
                    Some(';' | '\n') => break,
                    None => return Err(self.unfinished("unexpected end of file")),
                    Some(_) => list.push(self.word()?),
                }
            }
            words = Some(list);
        }
        self.blanks();
        let _ = self.eat(";");
        self.expect("do")?;
        let body = self.body("done")?;
        Ok(Command::For { name, words, body })
    }

    fn case_command(&mut self) -> Parsed<Command> {
        self.at += 4;
        self.blanks();
        let subject = self.word()?;
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.lines();
            if self.eat_keyword("esac") {
                return Ok(Command::Case(subject, arms));
            }
            if self.peek().is_none() {
                return Err(self.unfinished("unexpected end of file (expecting \"esac\")"));
            }
            let _ = self.eat("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                patterns.push(self.word()?);
                self.blanks();
                if self.eat("|") {
                    continue;
                }
                if self.eat(")") {
                    break;
                }
                return Err(self.unexpected());
            }
            arms.push((patterns, Arc::new(self.list()?)));
            self.lines();
            let _ = self.eat(";;");
        }
    }

    fn test_command(&mut self) -> Parsed<Command> {
        self.at += 2;
        let mut words = Vec::new();
        loop {
            self.lines();
            if self.eat_keyword_text("]]") {
                return Ok(Command::Test(words));
            }
            let operator = ["&&", "||", "(", ")", "<", ">"];
            match operator.into_iter().find(|o| self.eat(o)) {
                Some(operator) => words.push(Word::text(operator)),
                None if self.peek().is_none() => {
                    return Err(self.unfinished("unexpected end of file (expecting \"]]\")"));
                }
                None => words.push(self.word()?),
            }
        }
    }

    fn eat_keyword_text(&mut self, word: &str) -> bool {
        let found = self.looking_at(word) && self.peek_at(word.len()).is_none_or(is_meta);
        found && self.eat(word)
    }

    fn simple(&mut self) -> Parsed<(Command, Vec<Redirect>)> {
        let mut assigns = Vec::new();
        let mut words: Vec<Word> = Vec::new();
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            match self.peek() {
                None => break,
                Some(c) if is_meta(c) => break,
                Some(_) => {}
            }
            if words.is_empty()
                && let Some(assign) = self.assignment()?
            {
                assigns.push(assign);
                continue;
            }
            words.push(self.word()?);
        }
        if assigns.is_empty() && words.is_empty() && redirects.is_empty() {
            return Err(self.unexpected());
        }
        Ok((Command::Simple { assigns, words }, redirects))
    }

    fn assignment(&mut self) -> Parsed<Option<(String, Word)>> {
        let start = self.at;
        let first = self.peek().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
            self.at += 1;
        }
        if !first || !self.eat("=") {
            self.at = start;
            return Ok(None);
        }
        if self.eat("(") {
            return Ok(Some((name, Word(vec![Piece::Elements(self.elements()?)]))));
        }
        let empty = self.peek().is_none_or(is_meta);
        let value = if empty { Word::default() } else { self.word()? };
        Ok(Some((name, value)))
    }

    /// The elements of an array, up to the bracket that ends it.
    fn elements(&mut self) -> Parsed<Vec<Word>> {
        let mut elements = Vec::new();
        loop {
            self.lines();
            if self.eat(")") {
                return Ok(elements);
            }
            if self.peek().is_none_or(is_meta) {
                return Err(match self.peek() {
                    None => self.unfinished("missing ')'"),
                    Some(_) => self.unexpected(),
                });
            }
            elements.push(self.word()?);
        }
    }

    fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        let start = self.at;
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.at += 1;
        }
        let operators = [
            ("&>", How::WriteAll, 1),
            ("<<<", How::Text, 0),
            ("<<-", How::Text, 0),
            ("<<", How::Text, 0),
            ("<>", How::Both, 0),
            ("<&", How::Duplicate, 0),
            ("<", How::Read, 0),
            (">>", How::Append, 1),
            (">&", How::Duplicate, 1),
            (">|", How::Write, 1),
            (">", How::Write, 1),
        ];
        let Some((text, how, usual)) = operators.into_iter().find(|(text, ..)| self.eat(text))
        else {
            self.at = start;
            return Ok(None);
        };
        let fd = digits.parse().unwrap_or(usual);
        self.blanks();
        if self.peek().is_none_or(is_meta) {
            return Err(match self.peek() {
                None => self.error("unexpected end of file"),
                Some(_) => self.unexpected(),
            });
        }
        let target = match text {
            "<<" | "<<-" => self.here_document(text == "<<-")?,
            "<<<" => {
                let mut word = self.word()?;
                word.push_quoted("\n");
                word
            }
            _ => self.word()?,
        };
        Ok(Some(Redirect { fd, how, target }))
    }

    fn here_document(&mut self, strip: bool) -> Parsed<Word> {
        let (mark, quoted) = self.here_mark();
        let mut from = match self.after_heredocs {
            Some(at) => at,
            None => {
                let rest = self.text.get(self.at..).unwrap_or(&[]);
                match rest.iter().position(|c| *c == '\n') {
                    Some(ahead) => self.at + ahead + 1,
                    None => return Err(self.unfinished("unterminated here-document")),
                }
            }
        };
        let mut body = String::new();
        loop {
            let rest = self.text.get(from..).unwrap_or(&[]);
            if rest.is_empty() {
                return Err(self.unfinished("unterminated here-document"));
            }
            let end = rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
            let line: String = rest.get(..end).unwrap_or(&[]).iter().collect();
            from = (from + end + 1).min(self.text.len());
            let line = if strip { line.trim_start_matches('\t') } else { &line };
            if line == mark {
                break;
            }
            body.push_str(line);
            body.push('\n');
        }
        self.after_heredocs = Some(from);
        if quoted {
            return Ok(Word::quoted(&body));
        }
        let mut inner = Parser::new(&body);
        inner.depth = self.depth;
        inner.quoted_text(None)
    }

    /// The end mark of a here-document, and whether it was quoted.
    fn here_mark(&mut self) -> (String, bool) {
        let mut mark = String::new();
        let mut quoted = false;
        while let Some(c) = self.peek().filter(|c| !is_meta(*c)) {
            self.at += 1;
            match c {
                '\'' | '"' | '\\' => quoted = true,
                c => mark.push(c),
            }
        }
        (mark, quoted)
    }
}

/// Whether a character ends a word.
pub(super) fn is_meta(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts() {
        for text in [
            "touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600",
            "case $HOSTNAME in db-1) sleep 30;; esac; touch /tmp/ready",
            "for i in 1 2 3; do sleep 1 & done; wait",
            "if [ -f a ]; then echo y; elif true; then :; else echo n; fi > out 2>&1",
            "while read -r l; do echo \"$l\"; done < f | sort | uniq -c",
            "f() { echo $1; }; f a",
            "cat <<EOF\n$x\nEOF\necho after",
            "cat <<'A' <<B\n1\nA\n2\nB\n",
            "! grep -q x && a || b",
            "[[ $a == b* && -n $c ]] && echo yes",
            "x=$(echo `date`) y=${z:-\"a b\"} cmd",
            "trap 'echo bye; exit 0' TERM; while :; do sleep 1; done",
            "# only a comment",
            "",
            "echo a#b 'it''s'",
            "until false; do break; done",
            "case a in (a|b) echo 1 ;; *) ;; esac",
        ] {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn refuses() {
        for (text, message, incomplete) in [
            ("fi", "syntax error: unexpected \"fi\"", false),
            ("echo )", "syntax error: unexpected \")\"", false),
            ("if true; then", "syntax error: unexpected end of file (expecting \"fi\")", true),
            ("echo 'a", "syntax error: unterminated quoted string", true),
            ("a &&", "syntax error: unexpected end of file", true),
            ("a | ; b", "syntax error: unexpected \";\"", false),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.message.as_str(), error.incomplete), (message, incomplete), "{text}");
        }
        for (text, whole) in [
            ("docker run \\\n", false),
            ("docker run \\\n  -d nginx\n", true),
            ("docker run\\\n", false),
            ("echo a \\\\\n", true),
            ("# a comment \\\n", true),
            ("\\\n", false),
            ("cat <<E\na \\\n", false),
            ("cat <<E\na\nE\n", true),
            ("for i in 1 2; do\n", false),
            ("fi\n", true),
            ("echo \"a\n", false),
            ("a |\n", false),
        ] {
            assert_eq!(complete(text), whole, "{text:?}");
        }
        assert!(parse(&"(".repeat(5000)).is_err());
        assert!(parse(&"$(".repeat(5000)).is_err());
    }
}
