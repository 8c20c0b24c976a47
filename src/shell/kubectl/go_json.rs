//! What Go's `encoding/json` says about a text that is no JSON (its `scanner.go`).

use std::iter::Peekable;
use std::str::Chars;

/// What may come next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    Comma,
}

struct Scanner<'a> {
    chars: Peekable<Chars<'a>>,
    /// Brackets that are open.
    open: Vec<char>,
    next: Next,
}

/// The text ends too early.
struct Ended;

/// The complaint; nothing where the text is one JSON value.
pub(super) fn error(text: &str) -> Option<String> {
    let mut scanner =
        Scanner { chars: text.chars().peekable(), open: Vec::new(), next: Next::Value };
    while let Some(c) = scanner.chars.next() {
        if c.is_whitespace() {
            continue;
        }
        match scanner.take(c) {
            Ok(Some(next)) => scanner.next = next,
            Ok(None) => {
                let shown = if c == '\'' { "'\\''".to_owned() } else { format!("'{c}'") };
                let place = scanner.expected();
                return Some(format!("invalid character {shown} {place}"));
            }
            Err(Ended) => break,
        }
    }
    if scanner.open.is_empty() && scanner.next == Next::Comma {
        return None;
    }
    Some("unexpected end of JSON input".to_owned())
}

impl Scanner<'_> {
    /// Take in what begins with a character; nothing if it does not fit.
    fn take(&mut self, c: char) -> Result<Option<Next>, Ended> {
        let value = matches!(self.next, Next::Value | Next::ValueOrEnd);
        let key = matches!(self.next, Next::Key | Next::KeyOrEnd);
        Ok(match c {
            '{' | '[' if value => {
                self.open.push(c);
                Some(if c == '{' { Next::KeyOrEnd } else { Next::ValueOrEnd })
            }
            ']' if matches!(self.next, Next::ValueOrEnd | Next::Comma) => self.close('['),
            '}' if matches!(self.next, Next::KeyOrEnd | Next::Comma) => self.close('{'),
            '"' if value || key => {
                self.text()?;
                Some(if key { Next::Colon } else { Next::Comma })
            }
            '-' | '0'..='9' | 't' | 'f' | 'n' if value => {
                let word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '+' | '-');
                while self.chars.next_if(word).is_some() {}
                Some(Next::Comma)
            }
            ':' if self.next == Next::Colon => Some(Next::Value),
            ',' if self.next == Next::Comma => match self.open.last() {
                Some('{') => Some(Next::Key),
                Some(_) => Some(Next::Value),
                None => None,
            },
            _ => None,
        })
    }

    fn close(&mut self, bracket: char) -> Option<Next> {
        self.open.pop_if(|open| *open == bracket).map(|_| Next::Comma)
    }

    /// The rest of a string.
    fn text(&mut self) -> Result<(), Ended> {
        while let Some(c) = self.chars.next() {
            match c {
                '"' => return Ok(()),
                '\\' => {
                    self.chars.next();
                }
                _ => {}
            }
        }
        Err(Ended)
    }

    /// Where an unfitting character stands.
    fn expected(&self) -> &'static str {
        match (self.next, self.open.last()) {
            (Next::Value | Next::ValueOrEnd, _) => "looking for beginning of value",
            (Next::Key | Next::KeyOrEnd, _) => "looking for beginning of object key string",
            (Next::Colon, _) => "after object key",
            (Next::Comma, Some('{')) => "after object key:value pair",
            (Next::Comma, Some(_)) => "after array element",
            (Next::Comma, None) => "after top-level value",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_about_json() {
        for (text, message) in [
            ("{bad", "invalid character 'b' looking for beginning of object key string"),
            ("{\"a\":", "unexpected end of JSON input"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("{\"a\":x}", "invalid character 'x' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            ("{\"a\":1}}", "invalid character '}' after top-level value"),
        ] {
            assert_eq!(error(text), Some(message.to_owned()), "{text}");
        }
        assert_eq!(error("{\"a\": [1, \"x\\\"\", null]}"), None);
    }
}
