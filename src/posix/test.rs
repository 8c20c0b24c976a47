//! `test`, `[` and `[[`.

use crate::posix::files::{FileSystem, Kind, normal};
use crate::posix::pattern;

/// Deepest nesting of an expression.
const MAX_DEPTH: u32 = 60;

/// `test args…`: the exit code and, for nonsense, a message.
pub(super) fn test(args: &[String], files: &dyn FileSystem, cwd: &str) -> Result<u8, String> {
    let mut expr = Expr { words: args, patterns: &[], at: 0, files, cwd, depth: 0 };
    // POSIX: one argument is true if it is not empty, whatever it is.
    if let [only] = args {
        return Ok(u8::from(only.is_empty()));
    }
    if args.is_empty() {
        return Ok(1);
    }
    let value = expr.or()?;
    match args.get(expr.at) {
        None => Ok(u8::from(!value)),
        Some(word) => Err(format!("{word}: unknown operand")),
    }
}

/// `[[ words ]]`: right sides are patterns.
pub(super) fn extended(
    words: &[String],
    patterns: &[&str],
    files: &dyn FileSystem,
    cwd: &str,
) -> u8 {
    let mut expr = Expr { words, patterns, at: 0, files, cwd, depth: 0 };
    match expr.or() {
        Ok(value) if expr.at >= words.len() => u8::from(!value),
        Ok(_) | Err(_) => 2,
    }
}

struct Expr<'a> {
    words: &'a [String],
    patterns: &'a [&'a str],
    at: usize,
    files: &'a dyn FileSystem,
    cwd: &'a str,
    depth: u32,
}

const BINARY: &[&str] = &[
    "=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "<", ">", "=~",
];

impl Expr<'_> {
    fn word(&self, ahead: usize) -> Option<&str> {
        self.words.get(self.at + ahead).map(String::as_str)
    }

    fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.word(0).is_some_and(|w| words.contains(&w));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut value = self.and()?;
        while self.eat(&["-o", "||"]) {
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut value = self.not()?;
        while self.eat(&["-a", "&&"]) {
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("too complex".to_owned());
        }
        let value = if self.word(0) == Some("!") && self.word(1).is_some() {
            self.at += 1;
            !self.not()?
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(value)
    }

    fn primary(&mut self) -> Result<bool, String> {
        let Some(first) = self.word(0).map(str::to_owned) else {
            return Err("argument expected".to_owned());
        };
        if let Some(op) = self.word(1).filter(|w| BINARY.contains(w)).map(str::to_owned)
            && let Some(right) = self.word(2).map(str::to_owned)
        {
            let pattern = self.patterns.get(self.at + 2).copied();
            self.at += 3;
            return self.binary(&first, &op, &right, pattern);
        }
        if first == "(" {
            self.at += 1;
            let value = self.or()?;
            return if self.eat(&[")"]) { Ok(value) } else { Err("closing paren expected".into()) };
        }
        let unary = first.len() == 2 && first.starts_with('-');
        if let Some(operand) = self.word(1).filter(|_| unary).map(str::to_owned) {
            self.at += 2;
            return self.unary(&first, &operand);
        }
        self.at += 1;
        Ok(!first.is_empty())
    }

    fn unary(&self, op: &str, operand: &str) -> Result<bool, String> {
        let path = normal(self.cwd, operand);
        let special = path.starts_with("/dev/").then_some(Kind::Device);
        let stat = self.files.stat(&path).ok();
        let kind = stat.map(|s| s.kind).or(special.filter(|_| path == "/dev/null"));
        let mode = stat.map_or(0, |s| s.mode);
        Ok(match op {
            "-n" => !operand.is_empty(),
            "-z" => operand.is_empty(),
            "-e" | "-r" | "-w" | "-O" | "-G" => kind.is_some(),
            "-f" => kind == Some(Kind::File),
            "-d" => kind == Some(Kind::Directory),
            "-c" => kind == Some(Kind::Device),
            "-x" => kind == Some(Kind::Directory) || mode & 0o111 != 0,
            "-s" => stat.is_some_and(|s| s.size > 0),
            "-L" | "-h" => self.files.lstat(&path).is_ok_and(|s| s.kind == Kind::Link),
            "-b" | "-p" | "-S" | "-t" | "-u" | "-g" | "-k" => false,
            _ => return Err(format!("{op}: unknown operand")),
        })
    }

    fn binary(
        &self,
        left: &str,
        op: &str,
        right: &str,
        pattern: Option<&str>,
    ) -> Result<bool, String> {
        let equal = || pattern.map_or(left == right, |p| pattern::matches(p, left));
        match op {
            "=" | "==" => return Ok(equal()),
            "!=" => return Ok(!equal()),
            "<" => return Ok(left < right),
            ">" => return Ok(left > right),
            "=~" => {
                let regex = regex_lite::Regex::new(right);
                return regex.map(|r| r.is_match(left)).map_err(|_| "bad regex".to_owned());
            }
            "-nt" | "-ot" | "-ef" => {
                let time = |p: &str| self.files.stat(&normal(self.cwd, p)).ok().map(|s| s.modified);
                return Ok(match op {
                    "-nt" => time(left) > time(right),
                    "-ot" => time(left) < time(right),
                    _ => normal(self.cwd, left) == normal(self.cwd, right),
                });
            }
            _ => {}
        }
        let number =
            |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: bad number"));
        let (a, b) = (number(left)?, number(right)?);
        Ok(match op {
            "-eq" => a == b,
            "-ne" => a != b,
            "-lt" => a < b,
            "-le" => a <= b,
            "-gt" => a > b,
            _ => a >= b,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::posix::files::Files;

    #[test]
    fn expressions() {
        let mut files = Files::new();
        files.put_file("/a/f", "x");
        for (text, want) in [
            ("-f /a/f", Ok(0)),
            ("-d /a", Ok(0)),
            ("! -e /b", Ok(0)),
            ("a = a", Ok(0)),
            ("a != a", Ok(1)),
            ("3 -gt 2 -a 1 -lt 0", Ok(1)),
            ("3 -gt 2 -o 1 -lt 0", Ok(0)),
            ("( a = b ) -o -n x", Ok(0)),
            ("-n", Ok(0)),
            ("", Ok(1)),
            ("x -eq 1", Err("x: bad number".to_owned())),
        ] {
            let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            assert_eq!(test(&args, &files, "/"), want, "{text}");
        }
        let words = ["abc".to_owned(), "==".to_owned(), "a*".to_owned()];
        assert_eq!(extended(&words, &["abc", "==", "a*"], &files, "/"), 0);
        assert_eq!(extended(&words, &["abc", "==", "a\\*"], &files, "/"), 1);
    }
}
