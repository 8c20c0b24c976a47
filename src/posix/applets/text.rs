//! Tools that make or change text.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::posix::applets::Call;
use crate::posix::pattern::unescape;

/// Most lines `seq` prints.
const MAX_LINES: i64 = 1_000_000;

/// `echo [-ne] words…`.
pub(super) fn echo(call: &mut Call<'_>) -> u8 {
    let args = call.args();
    let (mut newline, mut escapes, mut from) = (true, false, 0);
    for arg in &args {
        let Some(letters) = arg.strip_prefix('-').filter(|l| !l.is_empty()) else { break };
        if !letters.chars().all(|c| "neE".contains(c)) {
            break;
        }
        newline &= !letters.contains('n');
        escapes |= letters.contains('e');
        from += 1;
    }
    let mut text = args.get(from..).unwrap_or(&[]).join(" ");
    if escapes {
        if let Some((before, _)) = text.split_once("\\c") {
            text = before.to_owned();
            newline = false;
        }
        text = unescape(&text);
    }
    call.out = text;
    if newline {
        call.out.push('\n');
    }
    0
}

/// `printf format args…`.
pub(super) fn printf(call: &mut Call<'_>) -> u8 {
    let args = call.args();
    let Some((format, rest)) = args.split_first() else {
        call.complain("printf: usage: printf FORMAT [ARGUMENT]...");
        return 2;
    };
    let mut rest = rest.iter();
    let mut status = 0;
    loop {
        let before = rest.len();
        let mut chars = format.chars().peekable();
        let mut plain = String::new();
        while let Some(c) = chars.next() {
            if c != '%' {
                plain.push(c);
                continue;
            }
            call.out.push_str(&unescape(&std::mem::take(&mut plain)));
            if chars.next_if_eq(&'%').is_some() {
                call.out.push('%');
                continue;
            }
            let mut spec = String::new();
            while let Some(c) = chars.next_if(|c| "-+ 0#.*".contains(*c) || c.is_ascii_digit()) {
                if c == '*' {
                    spec.push_str(rest.next().map_or("0", String::as_str));
                } else {
                    spec.push(c);
                }
            }
            let Some(kind) = chars.next() else { break };
            let arg = rest.next().cloned().unwrap_or_default();
            match directive(&spec, kind, &arg) {
                Some(text) => call.out.push_str(&text),
                None => {
                    call.complain(&format!("printf: {arg}: invalid number"));
                    call.out.push('0');
                    status = 1;
                }
            }
        }
        call.out.push_str(&unescape(&plain));
        if rest.len() == 0 || rest.len() == before {
            return status;
        }
    }
}

fn directive(spec: &str, kind: char, arg: &str) -> Option<String> {
    let left = spec.contains('-');
    let digits = spec.trim_start_matches(['-', '+', ' ', '#']);
    let zero = digits.starts_with('0') && !left;
    let (width, precision) = digits.split_once('.').map_or((digits, None), |(w, p)| (w, Some(p)));
    let width: usize = width.parse().unwrap_or(0).min(10_000);
    let precision: Option<usize> = precision.map(|p| p.parse().unwrap_or(0));
    let number = || {
        if let Some(c) = arg.strip_prefix(['\'', '"']).and_then(|r| r.chars().next()) {
            return Some(i64::from(u32::from(c)));
        }
        match arg.trim() {
            "" => Some(0),
            text => match text.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16).ok(),
                None => text.parse().ok(),
            },
        }
    };
    let text = match kind {
        's' => precision.map_or(arg.to_owned(), |p| arg.chars().take(p).collect()),
        'b' => unescape(arg),
        'c' => arg.chars().take(1).collect(),
        'q' => format!("'{}'", arg.replace('\'', "'\\''")),
        'd' | 'i' | 'u' => {
            let n = number()?;
            if spec.contains('+') && n >= 0 { format!("+{n}") } else { n.to_string() }
        }
        'x' => format!("{:x}", number()?),
        'X' => format!("{:X}", number()?),
        'o' => format!("{:o}", number()?),
        'f' | 'g' | 'e' => fixed(arg, precision.unwrap_or(6))?,
        other => format!("%{spec}{other}"),
    };
    let missing = width.saturating_sub(text.chars().count());
    Some(match (left, zero && "dixXof".contains(kind)) {
        (true, _) => text + &" ".repeat(missing),
        (false, true) => match text.strip_prefix('-') {
            Some(rest) => format!("-{}{rest}", "0".repeat(missing)),
            None => "0".repeat(missing) + &text,
        },
        (false, false) => " ".repeat(missing) + &text,
    })
}

/// A decimal number with that many places, without floating point.
fn fixed(text: &str, places: usize) -> Option<String> {
    let text = text.trim();
    let (sign, body) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, part) = body.split_once('.').unwrap_or((body, ""));
    if !whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let places = places.min(18);
    let mut digits = part.to_owned() + &"0".repeat(places + 1);
    digits.truncate(places + 1);
    let all: i128 = format!("0{whole}{digits}").parse().ok()?;
    let rounded = (all + 5) / 10;
    let power = 10_i128.pow(u32::try_from(places).ok()?);
    if places == 0 {
        return Some(format!("{sign}{rounded}"));
    }
    Some(format!("{sign}{}.{:0places$}", rounded / power, rounded % power))
}

/// `test` and `[`.
pub(super) fn test(call: &mut Call<'_>) -> u8 {
    let name = call.argv.first().cloned().unwrap_or_default();
    let mut args = call.args();
    if name == "[" && args.pop().as_deref() != Some("]") {
        call.complain("sh: [: missing ]");
        return 2;
    }
    match crate::posix::test::test(&args, &*call.files, &call.cwd) {
        Ok(status) => status,
        Err(message) => {
            call.complain(&format!("sh: {message}"));
            2
        }
    }
}

/// `expr`, through the shell's arithmetic.
pub(super) fn expr(call: &mut Call<'_>) -> u8 {
    struct None_;
    impl crate::posix::math::Memory for None_ {
        fn get(&self, name: &str) -> String {
            name.to_owned()
        }
        fn set(&mut self, _: &str, _: i64) {}
    }
    let args = call.args();
    let equal = match args.as_slice() {
        [a, op, b] if op == "=" => Some(a == b),
        [a, op, b] if op == "!=" => Some(a != b),
        [word, text] if word == "length" => {
            call.out = format!("{}\n", text.chars().count());
            return 0;
        }
        _ => None,
    };
    let value = match equal {
        Some(equal) => Ok(i64::from(equal)),
        None => crate::posix::math::calculate(&args.join(" "), &mut None_),
    };
    match value {
        Ok(value) => {
            call.out = format!("{value}\n");
            u8::from(value == 0)
        }
        Err(_) => {
            call.complain("expr: syntax error");
            2
        }
    }
}

/// `seq [first [step]] last`.
pub(super) fn seq(call: &mut Call<'_>) -> u8 {
    let args = call.args();
    let numbers: Option<Vec<i64>> =
        args.iter().filter(|a| *a != "-w").map(|a| a.parse().ok()).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) => (*first, *step, *last),
        Some(_) | None => {
            call.complain("seq: invalid number");
            return 1;
        }
    };
    let mut n = first;
    for _ in 0..MAX_LINES {
        if step == 0 || (step > 0 && n > last) || (step < 0 && n < last) {
            break;
        }
        call.out.push_str(&format!("{n}\n"));
        n = n.saturating_add(step);
    }
    0
}

/// `basename path [suffix]`.
pub(super) fn basename(call: &mut Call<'_>) -> u8 {
    let args = call.args();
    let path = args.first().map_or("", |p| p.trim_end_matches('/'));
    let name = path.rsplit('/').next().unwrap_or(path);
    let short = args.get(1).and_then(|s| name.strip_suffix(s.as_str())).filter(|n| !n.is_empty());
    call.out = format!("{}\n", short.unwrap_or(name));
    0
}

/// `dirname path`.
pub(super) fn dirname(call: &mut Call<'_>) -> u8 {
    let args = call.args();
    let path = args.first().map_or("", |p| p.trim_end_matches('/'));
    let dir = match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((dir, _)) => dir,
        None => ".",
    };
    call.out = format!("{dir}\n");
    0
}

/// `wc [-lwc]`.
pub(super) fn wc(call: &mut Call<'_>) -> u8 {
    let (texts, fine) = call.texts("");
    let all = !(call.has('l') || call.has('w') || call.has('c') || call.has('m'));
    let mut totals = [0; 3];
    let many = texts.len() > 1;
    let alone = !many
        && !all
        && [call.has('l'), call.has('w'), call.has('c')].iter().filter(|x| **x).count() < 2;
    let mut rows = Vec::new();
    for (name, text) in texts {
        let counts = [text.matches('\n').count(), text.split_whitespace().count(), text.len()];
        for (total, count) in totals.iter_mut().zip(counts) {
            *total += count;
        }
        rows.push((counts, name));
    }
    if many {
        rows.push((totals, "total".to_owned()));
    }
    for (counts, name) in rows {
        let wanted = [call.has('l'), call.has('w'), call.has('c') || call.has('m')];
        let shown = counts.iter().zip(wanted).filter(|(_, on)| *on || all);
        let cells: Vec<String> =
            shown.map(|(n, _)| if alone { n.to_string() } else { format!("{n:>9}") }).collect();
        let name = if name.is_empty() { String::new() } else { format!(" {name}") };
        call.out.push_str(&format!("{}{name}\n", cells.join(" ")));
    }
    u8::from(!fine)
}

/// `tail [-n N]`.
pub(super) fn tail(call: &mut Call<'_>) -> u8 {
    let given = call.value('n').or_else(|| {
        let short = call.argv.iter().skip(1).find_map(|a| a.strip_prefix('-'));
        short.filter(|n| n.parse::<u64>().is_ok()).map(str::to_owned)
    });
    let given = given.unwrap_or_else(|| "10".to_owned());
    let (texts, fine) = call.texts("nc");
    let many = texts.len() > 1;
    for (name, text) in texts {
        if many {
            call.out.push_str(&format!("==> {name} <==\n"));
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let skip = match given.strip_prefix('+') {
            Some(n) => n.parse::<usize>().unwrap_or(1).saturating_sub(1),
            None => {
                let n = given.trim_start_matches('-').parse::<usize>().unwrap_or(10);
                lines.len().saturating_sub(n)
            }
        };
        if let Some(bytes) = call.value('c').and_then(|c| c.parse::<usize>().ok()) {
            let mut from = text.len().saturating_sub(bytes);
            while !text.is_char_boundary(from) {
                from += 1;
            }
            call.out.push_str(text.get(from..).unwrap_or(""));
        } else {
            call.out.extend(lines.into_iter().skip(skip));
        }
    }
    u8::from(!fine)
}

/// The number at the start of a text, as `sort -n` sees it, in thousandths.
fn number(text: &str, human: bool) -> i128 {
    let text = text.trim_start();
    let (sign, body) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let whole: String = body.chars().take_while(char::is_ascii_digit).take(18).collect();
    let rest = body.get(whole.len()..).unwrap_or("");
    let part: String = rest
        .strip_prefix('.')
        .map(|p| p.chars().take_while(char::is_ascii_digit).take(3).collect())
        .unwrap_or_default();
    let value: i128 = format!("0{whole}{part:0<3}").parse().unwrap_or(0);
    let unit = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()).chars().next();
    let scale = match unit.filter(|_| human) {
        Some('k' | 'K') => 1 << 10,
        Some('M') => 1 << 20,
        Some('G') => 1 << 30,
        Some(_) | None => 1,
    };
    sign * value * scale
}

/// `sort [-nrufhk]`.
pub(super) fn sort(call: &mut Call<'_>) -> u8 {
    let (texts, fine) = call.texts("ktS");
    let key = call.value('k');
    let separator = call.value('t').and_then(|t| t.chars().next());
    let numeric = call.has('n') || call.has('h') || key.as_ref().is_some_and(|k| k.contains('n'));
    let reverse = call.has('r') || key.as_ref().is_some_and(|k| k.contains('r'));
    let (human, fold) = (call.has('h'), call.has('f'));
    let field: Option<usize> = key.as_ref().and_then(|k| {
        let digits: String = k.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    });
    let select = |line: &str| -> String {
        let Some(at) = field.map(|f| f.saturating_sub(1)) else { return line.to_owned() };
        match separator {
            Some(c) => line.split(c).nth(at).unwrap_or("").to_owned(),
            None => line.split_whitespace().nth(at).unwrap_or("").to_owned(),
        }
    };
    let mut lines: Vec<String> =
        texts.iter().flat_map(|(_, text)| text.lines().map(str::to_owned)).collect();
    let compare = |a: &String, b: &String| -> Ordering {
        let (x, y) = (select(a), select(b));
        if numeric {
            number(&x, human).cmp(&number(&y, human))
        } else if fold {
            x.to_lowercase().cmp(&y.to_lowercase())
        } else {
            x.cmp(&y)
        }
    };
    lines.sort_by(|a, b| {
        let order = compare(a, b).then_with(|| a.cmp(b));
        if reverse { order.reverse() } else { order }
    });
    if call.has('u') {
        lines.dedup_by(|a, b| compare(a, b) == Ordering::Equal);
    }
    call.out = lines.iter().map(|l| format!("{l}\n")).collect();
    u8::from(!fine)
}

/// `uniq [-cdu]`.
pub(super) fn uniq(call: &mut Call<'_>) -> u8 {
    let (texts, fine) = call.texts("fs");
    let mut groups: Vec<(usize, &str)> = Vec::new();
    for line in texts.iter().flat_map(|(_, text)| text.lines()) {
        match groups.last_mut() {
            Some((count, last)) if *last == line => *count += 1,
            _ => groups.push((1, line)),
        }
    }
    let (doubled, single, counted) = (call.has('d'), call.has('u'), call.has('c'));
    let shown = groups.iter().filter(|(n, _)| !(doubled && *n < 2 || single && *n > 1));
    call.out = shown
        .map(|(n, line)| if counted { format!("{n:>7} {line}\n") } else { format!("{line}\n") })
        .collect();
    u8::from(!fine)
}

/// `tac`.
pub(super) fn tac(call: &mut Call<'_>) -> u8 {
    let (texts, fine) = call.texts("");
    for (_, text) in texts {
        call.out.extend(text.lines().rev().map(|l| format!("{l}\n")));
    }
    u8::from(!fine)
}

/// `rev`.
pub(super) fn rev(call: &mut Call<'_>) -> u8 {
    let (texts, fine) = call.texts("");
    for (_, text) in texts {
        call.out.extend(text.lines().map(|l| l.chars().rev().collect::<String>() + "\n"));
    }
    u8::from(!fine)
}

/// `base64 [-d]`.
pub(super) fn base64(call: &mut Call<'_>) -> u8 {
    let (texts, fine) = call.texts("w");
    let wrap = call.value('w').and_then(|w| w.parse::<usize>().ok()).unwrap_or(76);
    for (_, text) in texts {
        if call.has('d') {
            let clean: String = text.split_whitespace().collect();
            match STANDARD.decode(clean) {
                Ok(bytes) => call.out.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => {
                    call.complain("base64: invalid input");
                    return 1;
                }
            }
            continue;
        }
        let encoded: Vec<char> = STANDARD.encode(text.as_bytes()).chars().collect();
        if wrap == 0 {
            call.out.extend(encoded);
            continue;
        }
        for line in encoded.chunks(wrap) {
            call.out.extend(line);
            call.out.push('\n');
        }
    }
    u8::from(!fine)
}

/// `sha256sum`; `md5sum` gives the first half of the same hash.
pub(super) fn checksum(call: &mut Call<'_>) -> u8 {
    let _ = crate::stub!("posix.md5sum", "md5sum does not calculate MD5");
    let (texts, fine) = call.texts("");
    let short = call.argv.first().is_some_and(|a| a == "md5sum");
    for (name, text) in texts {
        let hash = Sha256::digest(text.as_bytes());
        let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        let hex = if short { hex.get(..32).unwrap_or("") } else { &hex };
        let name = if name.is_empty() { "-" } else { &name };
        call.out.push_str(&format!("{hex}  {name}\n"));
    }
    u8::from(!fine)
}

/// `diff a b`: which lines are only in one of two files.
pub(super) fn diff(call: &mut Call<'_>) -> u8 {
    let _ = crate::stub!("posix.diff", "diff lists the middle part that differs as one change");
    let names = call.operands("U");
    let (texts, fine) = call.texts("U");
    let (Some((_, a)), Some((_, b))) = (texts.first(), texts.get(1)) else { return 2 };
    if !fine || a == b {
        return if fine { 0 } else { 2 };
    }
    let (a, b): (Vec<&str>, Vec<&str>) = (a.lines().collect(), b.lines().collect());
    if call.has('q') {
        let (x, y) = (names.first(), names.get(1));
        let (x, y) = (x.map_or("", String::as_str), y.map_or("", String::as_str));
        call.out = format!("Files {x} and {y} differ\n");
        return 1;
    }
    let start = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(x, y)| x == y).count();
    let gone = a.get(start..a.len() - end).unwrap_or(&[]);
    let new = b.get(start..b.len() - end).unwrap_or(&[]);
    let (x, y) =
        (names.first().map_or("", String::as_str), names.get(1).map_or("", String::as_str));
    call.out.push_str(&format!("--- {x}\n+++ {y}\n"));
    call.out.push_str(&format!(
        "@@ -{},{} +{},{} @@\n",
        start + 1,
        gone.len(),
        start + 1,
        new.len()
    ));
    call.out.extend(gone.iter().map(|l| format!("-{l}\n")));
    call.out.extend(new.iter().map(|l| format!("+{l}\n")));
    1
}

/// The part of `awk` that one-liners use: `[/regex/|NR==n|NR>n] {print fields and strings}`.
pub(super) fn awk(call: &mut Call<'_>) -> u8 {
    let _ = crate::stub!("posix.awk", "awk knows one pattern and one print");
    let separator = call.value('F');
    let words = call.operands("Fv");
    let Some((program, files)) = words.split_first() else { return 2 };
    let mut text = String::new();
    if files.is_empty() {
        text.push_str(call.input);
    }
    for file in files {
        match call.files.read(&call.path(file)) {
            Ok(more) => text.push_str(&more),
            Err(error) => {
                call.complain(&format!("awk: {file}: {error}"));
                return 2;
            }
        }
    }
    let (pattern, action) = match program.split_once('{') {
        Some((pattern, action)) => (pattern.trim(), action.trim_end().trim_end_matches('}').trim()),
        None => (program.trim(), "print $0"),
    };
    let regex = pattern.strip_prefix('/').and_then(|p| p.strip_suffix('/'));
    let regex = regex.and_then(|p| crate::posix::filter::regex(p, true, false));
    let Some(list) = action.trim_end_matches(';').strip_prefix("print") else {
        call.complain("awk: only patterns with print are known here");
        return 2;
    };
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        let fields: Vec<&str> = match separator.as_deref() {
            None | Some(" ") => line.split_whitespace().collect(),
            Some(separator) => line.split(separator).collect(),
        };
        if !selected(pattern, regex.as_ref(), line, number) {
            continue;
        }
        let mut out = Vec::new();
        for item in split_items(list) {
            let mut cell = String::new();
            for term in item {
                cell.push_str(&value(&term, line, &fields, number));
            }
            out.push(cell);
        }
        let line = if list.trim().is_empty() { line.to_owned() } else { out.join(" ") };
        call.out.push_str(&line);
        call.out.push('\n');
    }
    0
}

fn selected(pattern: &str, regex: Option<&regex_lite::Regex>, line: &str, number: usize) -> bool {
    if let Some(regex) = regex {
        return regex.is_match(line);
    }
    let compact: String = pattern.split_whitespace().collect();
    let limit =
        |op: &str| compact.strip_prefix("NR").and_then(|r| r.strip_prefix(op)?.parse().ok());
    if let Some(n) = limit("==") {
        return number == n;
    }
    if let Some(n) = limit(">=") {
        return number >= n;
    }
    if let Some(n) = limit(">") {
        return number > n;
    }
    compact.is_empty()
}

/// Items between commas, each a run of terms.
fn split_items(list: &str) -> Vec<Vec<String>> {
    let mut items = vec![Vec::new()];
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        let mut term = String::from(c);
        match c {
            ',' => {
                items.push(Vec::new());
                continue;
            }
            '"' => {
                let mut escaped = false;
                for c in chars.by_ref() {
                    if c == '"' && !escaped {
                        break;
                    }
                    escaped = c == '\\' && !escaped;
                    term.push(c);
                }
            }
            c if c.is_whitespace() => continue,
            _ => {
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric()) {
                    term.push(c);
                }
            }
        }
        // `$NF` comes as `$` and its name in one term because both are taken together.
        if let Some(last) = items.last_mut() {
            last.push(term);
        }
    }
    items
}

fn value(term: &str, line: &str, fields: &[&str], number: usize) -> String {
    if let Some(text) = term.strip_prefix('"') {
        return unescape(text);
    }
    match term {
        "$0" => line.to_owned(),
        "NR" => number.to_string(),
        "NF" => fields.len().to_string(),
        "$NF" => fields.last().copied().unwrap_or("").to_owned(),
        _ => {
            let at = term.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
            at.and_then(|n| fields.get(n.checked_sub(1)?)).copied().unwrap_or("").to_owned()
        }
    }
}
