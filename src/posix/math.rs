//! Integer arithmetic of `$((…))`: C's operators over 64-bit numbers that wrap.

/// Deepest nesting of parentheses and chained variables.
const MAX_DEPTH: u32 = 100;

/// Reads and writes variables during a calculation.
pub(super) trait Memory {
    /// The value of a variable; empty if unset.
    fn get(&self, name: &str) -> String;
    /// Set a variable.
    fn set(&mut self, name: &str, value: i64);
}

/// Calculate; the error is the message after `sh: `.
pub(super) fn calculate(text: &str, memory: &mut dyn Memory) -> Result<i64, String> {
    let mut sum = Sum { text: text.as_bytes(), at: 0, depth: 0, memory };
    sum.blanks();
    if sum.at == sum.text.len() {
        return Ok(0);
    }
    let value = sum.comma()?;
    sum.blanks();
    if sum.at < sum.text.len() { Err(sum.error()) } else { Ok(value) }
}

struct Sum<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
    memory: &'a mut dyn Memory,
}

/// Binary operators from the loosest to the tightest.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Sum<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn error(&self) -> String {
        let rest = String::from_utf8_lossy(self.text.get(self.at..).unwrap_or(&[])).into_owned();
        format!("arithmetic syntax error near '{rest}'")
    }

    fn looking_at(&self, what: &str) -> bool {
        self.text.get(self.at..).unwrap_or(&[]).starts_with(what.as_bytes())
    }

    fn eat(&mut self, what: &str) -> bool {
        self.blanks();
        let found = self.looking_at(what);
        if found {
            self.at += what.len();
        }
        found
    }

    fn comma(&mut self) -> Result<i64, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("expression recursion level exceeded".to_owned());
        }
        let mut value = self.ternary()?;
        while self.eat(",") {
            value = self.ternary()?;
        }
        self.depth -= 1;
        Ok(value)
    }

    fn ternary(&mut self) -> Result<i64, String> {
        if let Some(value) = self.assignment()? {
            return Ok(value);
        }
        let test = self.binary(0)?;
        if !self.eat("?") {
            return Ok(test);
        }
        let yes = self.comma()?;
        if !self.eat(":") {
            return Err(self.error());
        }
        let no = self.ternary()?;
        Ok(if test != 0 { yes } else { no })
    }

    fn name(&mut self) -> Option<String> {
        self.blanks();
        let rest = self.text.get(self.at..)?;
        let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let first = rest.first().filter(|b| !b.is_ascii_digit())?;
        let _ = first;
        let name = rest.get(..len).filter(|n| !n.is_empty())?;
        self.at += len;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    fn assignment(&mut self) -> Result<Option<i64>, String> {
        let start = self.at;
        if let Some(name) = self.name() {
            self.blanks();
            let ops = ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="];
            if let Some(op) = ops.into_iter().find(|op| self.looking_at(op))
                && !self.looking_at("==")
            {
                self.at += op.len();
                let right = self.ternary()?;
                let value = match op.strip_suffix('=') {
                    Some("") | None => right,
                    Some(op) => apply(op, self.variable(&name)?, right)?,
                };
                self.memory.set(&name, value);
                return Ok(Some(value));
            }
        }
        self.at = start;
        Ok(None)
    }

    fn binary(&mut self, level: usize) -> Result<i64, String> {
        let Some(ops) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            self.blanks();
            let Some(op) = ops.iter().copied().find(|op| self.is_operator(op)) else {
                return Ok(left);
            };
            self.at += op.len();
            let right = self.binary(level + 1)?;
            left = apply(op, left, right)?;
        }
    }

    /// Whether this operator stands here, and not a longer one that begins like it.
    fn is_operator(&self, op: &str) -> bool {
        let next = self.text.get(self.at + op.len()).copied();
        self.looking_at(op)
            && match op {
                "|" | "&" => next != op.bytes().next(),
                "<" | ">" => next != op.bytes().next() && next != Some(b'='),
                _ => true,
            }
    }

    fn unary(&mut self) -> Result<i64, String> {
        for (op, step) in [("++", 1), ("--", -1)] {
            if self.eat(op) {
                if let Some(name) = self.name() {
                    let value = self.variable(&name)?.wrapping_add(step);
                    self.memory.set(&name, value);
                    return Ok(value);
                }
                return self.unary().map(|v| v.wrapping_mul(step * step));
            }
        }
        if self.eat("-") {
            return Ok(self.unary()?.wrapping_neg());
        }
        if self.eat("+") {
            return self.unary();
        }
        if self.eat("!") {
            return Ok(i64::from(self.unary()? == 0));
        }
        if self.eat("~") {
            return Ok(!self.unary()?);
        }
        self.atom()
    }

    fn atom(&mut self) -> Result<i64, String> {
        if self.eat("(") {
            let value = self.comma()?;
            return if self.eat(")") { Ok(value) } else { Err(self.error()) };
        }
        if let Some(name) = self.name() {
            let value = self.variable(&name)?;
            for (op, step) in [("++", 1), ("--", -1)] {
                if self.eat(op) {
                    self.memory.set(&name, value.wrapping_add(step));
                }
            }
            return Ok(value);
        }
        self.blanks();
        let rest = self.text.get(self.at..).unwrap_or(&[]);
        let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let digits = String::from_utf8_lossy(rest.get(..len).unwrap_or(&[])).into_owned();
        let value = number(&digits).ok_or_else(|| self.error())?;
        self.at += len;
        Ok(value)
    }

    fn variable(&self, name: &str) -> Result<i64, String> {
        let text = self.memory.get(name);
        let text = text.trim();
        if text.is_empty() {
            return Ok(0);
        }
        if let Some(n) = number(text.trim_start_matches('-')) {
            return Ok(if text.starts_with('-') { n.wrapping_neg() } else { n });
        }
        Err(format!("{name}: bad number"))
    }
}

fn number(digits: &str) -> Option<i64> {
    let parse = |digits: &str, radix| i64::from_str_radix(digits, radix).ok();
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => parse(hex, 16),
        None if digits.len() > 1 && digits.starts_with('0') => parse(digits, 8),
        None => parse(digits, 10),
    }
}

fn apply(op: &str, a: i64, b: i64) -> Result<i64, String> {
    let shift = |b: i64| u32::try_from(b & 63).unwrap_or(0);
    Ok(match op {
        "||" => i64::from(a != 0 || b != 0),
        "&&" => i64::from(a != 0 && b != 0),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "==" => i64::from(a == b),
        "!=" => i64::from(a != b),
        "<=" => i64::from(a <= b),
        ">=" => i64::from(a >= b),
        "<" => i64::from(a < b),
        ">" => i64::from(a > b),
        "<<" => a.wrapping_shl(shift(b)),
        ">>" => a.wrapping_shr(shift(b)),
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" | "%" if b == 0 => return Err("divide by zero".to_owned()),
        "/" => a.wrapping_div(b),
        _ => a.wrapping_rem(b),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Memory for BTreeMap<String, String> {
        fn get(&self, name: &str) -> String {
            BTreeMap::get(self, name).cloned().unwrap_or_default()
        }
        fn set(&mut self, name: &str, value: i64) {
            self.insert(name.to_owned(), value.to_string());
        }
    }

    #[test]
    fn sums() {
        for (text, want) in [
            ("1+2*3", Ok(7)),
            ("(1+2)*3", Ok(9)),
            ("10%3-5", Ok(-4)),
            ("x+1", Ok(6)),
            ("x++ + x", Ok(11)),
            ("y=4, y*=2", Ok(8)),
            ("1<2 && 3>=3", Ok(1)),
            ("5>9 ? 1 : 2", Ok(2)),
            ("1<<4|1", Ok(17)),
            ("0x10 + 010", Ok(24)),
            ("-3*-2", Ok(6)),
            ("!0", Ok(1)),
            ("", Ok(0)),
            ("1/0", Err("divide by zero".to_owned())),
        ] {
            let mut memory = BTreeMap::from([("x".to_owned(), "5".to_owned())]);
            assert_eq!(calculate(text, &mut memory), want, "{text}");
        }
        assert!(calculate("1 +", &mut BTreeMap::new()).is_err());
        assert!(calculate(&"(".repeat(9999), &mut BTreeMap::new()).is_err());
    }
}
