//! Files of variables: `.env`, `env_file`, `label_file`.
//!
//! Models `compose-go dotenv/parser.go`: `export`, quotes, escapes, comments, expansion, and names
//! without a value, which are taken from the surroundings.

use std::collections::BTreeMap;

use super::template::substitute;

/// Reads a file of variables into `out`; `lookup` knows variables from elsewhere, which win.
///
/// # Errors
/// The text of the real parser, without the file's name.
pub fn parse(
    text: &str,
    out: &mut BTreeMap<String, String>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<(), String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut reader = Reader { rest: &text, line: 1 };
    while reader.skip_to_statement() {
        let (key, inherited) = reader.key()?;
        if key.contains(' ') {
            return Err(format!("line {}: key cannot contain a space", reader.line));
        }
        if inherited {
            if let Some(value) = lookup(&key) {
                out.insert(key, value);
            }
            continue;
        }
        let value = reader.value(out, lookup)?;
        out.insert(key, value);
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

fn blank(c: char) -> bool {
    c != '\n' && c.is_whitespace()
}

impl Reader<'_> {
    /// Skips blank lines and comments; whether anything is left.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let skipped = self.rest.len() - self.rest.trim_start().len();
            self.line += self.rest.get(..skipped).unwrap_or_default().matches('\n').count();
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('#') {
                return !self.rest.is_empty();
            }
            match self.rest.find('\n') {
                None => return false,
                Some(end) => self.rest = self.rest.get(end..).unwrap_or_default(),
            }
        }
    }

    fn key(&mut self) -> Result<(String, bool), String> {
        if let Some(after) = self.rest.strip_prefix("export").filter(|t| t.starts_with(blank)) {
            self.rest = after.trim_start_matches(blank);
        }
        let mut end = None;
        for (at, c) in self.rest.char_indices() {
            match c {
                '=' | ':' | '\n' => {
                    end = Some((at, c == '\n'));
                    break;
                }
                '_' | '.' | '-' | '[' | ']' => {}
                c if blank(c) || c.is_alphanumeric() => {}
                c => {
                    let line = self.rest.lines().next().unwrap_or_default();
                    return Err(format!(
                        "line {}: unexpected character {} in variable name {}",
                        self.line,
                        super::values::go_quote(&c.to_string()),
                        super::values::go_quote(line)
                    ));
                }
            }
        }
        let Some((end, inherited)) = end else {
            // A last line without a value and without a line break names nothing.
            self.rest = "";
            return Ok((String::new(), true));
        };
        let key = self.rest.get(..end).unwrap_or_default().trim_end().to_owned();
        self.rest = self.rest.get(end + 1..).unwrap_or_default().trim_start_matches(blank);
        if inherited {
            self.line += 1;
        }
        Ok((key, inherited))
    }

    fn value(
        &mut self,
        known: &BTreeMap<String, String>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<String, String> {
        let expand = |text: &str| {
            let find = |name: &str| lookup(name).or_else(|| known.get(name).cloned());
            substitute(text, &find, &mut |_| {}).map_err(|e| e.reason())
        };
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            self.line += 1;
            let value = line.split_once(" #").map_or(line, |(value, _)| value);
            return expand(value.trim_end());
        };
        let mut text = String::new();
        let mut escaped = false;
        for (at, c) in self.rest.char_indices().skip(1) {
            if c == '\n' {
                self.line += 1;
            }
            if c == quote && !escaped {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return if quote == '"' { expand(&unescape(&text)) } else { Ok(text) };
            }
            if c == '\\' && !escaped {
                escaped = true;
                continue;
            }
            if escaped && c != quote {
                text.push('\\');
            }
            escaped = false;
            text.push(c);
        }
        let line = self.rest.lines().next().unwrap_or_default();
        Err(format!("line {}: unterminated quoted value {line}", self.line))
    }
}

/// Escapes of a double-quoted value; `\$` becomes `$$`, which expansion leaves as `$`.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('"') => out.push('"'),
            Some('\\') => out.push('\\'),
            Some('$') => out.push_str("$$"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let mut out = BTreeMap::new();
        let lookup = |name: &str| (name == "HOME").then(|| "/root".to_owned());
        parse(text, &mut out, &lookup)?;
        Ok(out.iter().map(|(k, v)| format!("{k}={v}")).collect())
    }

    #[test]
    fn lines() {
        let text = "# c\nA=1 # note\nexport B: two\nC='$A'\nD=\"$A-\\$x\\n\"\nHOME\nE=${A}x\n";
        let want = ["A=1", "B=two", "C=$A", "D=1-$x\n", "E=1x", "HOME=/root"];
        assert_eq!(read(text).unwrap(), want);
    }

    #[test]
    fn bad_lines() {
        for (text, message) in [
            ("A=1\nB!=2\n", "line 2: unexpected character \"!\" in variable name \"B!=2\""),
            ("A='x\n", "line 2: unterminated quoted value 'x"),
        ] {
            assert_eq!(read(text).unwrap_err(), message);
        }
    }
}
