//! Tools that work on files and directories.

use std::collections::VecDeque;

use crate::posix::applets::Call;
use crate::posix::files::{FsError, Kind, Stat, normal, parent};
use crate::posix::filter::is_dir;

/// Most paths one call visits.
const MAX_VISITS: usize = 100_000;

fn failed(call: &mut Call<'_>, what: &str, error: FsError) -> u8 {
    let name = call.argv.first().cloned().unwrap_or_default();
    call.complain(&format!("{name}: {what}: {error}"));
    1
}

fn base(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

/// A path and everything below it, parents first.
fn tree_of(call: &Call<'_>, path: &str) -> Vec<String> {
    let mut open = VecDeque::from([path.to_owned()]);
    let mut all = Vec::new();
    while let Some(path) = open.pop_front() {
        if all.len() >= MAX_VISITS {
            break;
        }
        let directory = call.files.lstat(&path).is_ok_and(|s| s.kind == Kind::Directory);
        if directory {
            for name in call.files.list(&path).unwrap_or_default() {
                open.push_back(normal(&path, &name));
            }
        }
        all.push(path);
    }
    all
}

/// `touch files…`.
pub(super) fn touch(call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for file in call.operands("dt") {
        let path = call.path(&file);
        if is_dir(call, &path) {
            continue;
        }
        if call.has('c') && call.files.stat(&path).is_err() {
            continue;
        }
        if let Err(error) = call.files.append(&path, "", call.now) {
            status = failed(call, &file, error);
        }
    }
    status
}

/// `mkdir [-p] directories…`.
pub(super) fn mkdir(call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for dir in call.operands("m") {
        let path = call.path(&dir);
        let mut todo = vec![path.clone()];
        if call.has('p') {
            let mut above = parent(&path).to_owned();
            while above != "/" && call.files.stat(&above).is_err() {
                todo.push(above.clone());
                above = parent(&above).to_owned();
            }
            if is_dir(call, &path) {
                continue;
            }
        }
        for path in todo.into_iter().rev() {
            if let Err(error) = call.files.make_dir(&path) {
                status = failed(call, &format!("can't create directory '{dir}'"), error);
                break;
            }
        }
    }
    status
}

/// `rmdir directories…`.
pub(super) fn rmdir(call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    for dir in call.operands("") {
        let path = call.path(&dir);
        let result = if is_dir(call, &path) {
            call.files.remove(&path)
        } else {
            call.files.stat(&path).and(Err(FsError::NotDirectory))
        };
        if let Err(error) = result {
            status = failed(call, &format!("'{dir}'"), error);
        }
    }
    status
}

/// `rm [-rf] paths…`.
pub(super) fn rm(call: &mut Call<'_>) -> u8 {
    let mut status = 0;
    let recursive = call.has('r') || call.has('R');
    for file in call.operands("") {
        let path = call.path(&file);
        match call.files.lstat(&path) {
            Err(_) if call.has('f') => {}
            Err(error) => status = failed(call, &format!("can't remove '{file}'"), error),
            Ok(Stat { kind: Kind::Directory, .. }) if !recursive => {
                call.complain(&format!("rm: '{file}' is a directory"));
                status = 1;
            }
            Ok(_) => {
                for path in tree_of(call, &path).into_iter().rev() {
                    if path == "/" {
                        continue;
                    }
                    if let Err(error) = call.files.remove(&path) {
                        status = failed(call, &format!("can't remove '{file}'"), error);
                        break;
                    }
                }
            }
        }
    }
    status
}

/// Where `cp` and `mv` put a source.
fn target(call: &Call<'_>, from: &str, to: &str) -> String {
    let path = call.path(to);
    if is_dir(call, &path) { normal(&path, base(from)) } else { path }
}

/// `cp [-r] from… to`.
pub(super) fn cp(call: &mut Call<'_>) -> u8 {
    let mut names = call.operands("");
    let Some(to) = names.pop().filter(|_| !names.is_empty()) else {
        call.complain("cp: missing operand");
        return 1;
    };
    let recursive = call.has('r') || call.has('R') || call.has('a');
    let mut status = 0;
    for from in names {
        let source = call.path(&from);
        let target = target(call, &from, &to);
        let stat = match call.files.stat(&source) {
            Ok(stat) => stat,
            Err(error) => {
                status = failed(call, &format!("can't stat '{from}'"), error);
                continue;
            }
        };
        if stat.kind == Kind::Directory && !recursive {
            call.complain(&format!("cp: omitting directory '{from}'"));
            status = 1;
            continue;
        }
        for path in tree_of(call, &source) {
            let rest = path.get(source.len()..).unwrap_or("");
            if let Err(error) = copy(call, &path, &format!("{target}{rest}")) {
                status = failed(call, &format!("can't create '{to}'"), error);
                break;
            }
        }
    }
    status
}

fn copy(call: &mut Call<'_>, from: &str, to: &str) -> Result<(), FsError> {
    let stat = call.files.stat(from)?;
    if stat.kind == Kind::Directory {
        return match call.files.make_dir(to) {
            Ok(()) | Err(FsError::Exists) => Ok(()),
            Err(error) => Err(error),
        };
    }
    let text = call.files.read(from)?;
    call.files.write(to, &text, call.now)?;
    let zeros = stat.size.saturating_sub(text.len() as u64);
    if zeros > 0 {
        call.files.extend(to, zeros, call.now)?;
    }
    call.files.chmod(to, stat.mode)
}

/// `mv from… to`.
pub(super) fn mv(call: &mut Call<'_>) -> u8 {
    let mut names = call.operands("");
    let Some(to) = names.pop().filter(|_| !names.is_empty()) else {
        call.complain("mv: missing operand");
        return 1;
    };
    let mut status = 0;
    for from in names {
        let source = call.path(&from);
        let target = target(call, &from, &to);
        if let Err(error) = call.files.rename(&source, &target) {
            status = failed(call, &format!("can't rename '{from}'"), error);
        }
    }
    status
}

/// `ln [-s] target link`.
pub(super) fn ln(call: &mut Call<'_>) -> u8 {
    let names = call.operands("");
    let (Some(target), Some(link)) = (names.first(), names.get(1)) else { return 1 };
    let mut path = call.path(link);
    if is_dir(call, &path) && !call.has('n') {
        path = normal(&path, base(target));
    }
    if call.has('f') {
        let _ = call.files.remove(&path);
    }
    let made = if call.has('s') {
        call.files.link(target, &path)
    } else {
        copy(call, &call.path(target), &path)
    };
    made.map_or_else(|error| failed(call, link, error), |()| 0)
}

/// `readlink [-f] path` and `realpath path`.
pub(super) fn readlink(call: &mut Call<'_>) -> u8 {
    let real = call.has('f') || call.argv.first().is_some_and(|a| a == "realpath");
    for file in call.operands("") {
        let mut path = call.path(&file);
        match call.files.read_link(&path) {
            Ok(target) if real => path = normal(parent(&path), &target),
            Ok(target) => path = target.to_string(),
            Err(_) if real => {}
            Err(_) => return 1,
        }
        call.out.push_str(&path);
        call.out.push('\n');
    }
    0
}

/// `chmod mode paths…`, octal or `[ugoa][+-=][rwx]`.
pub(super) fn chmod(call: &mut Call<'_>) -> u8 {
    let args = call.args();
    let recursive = args.iter().any(|a| a == "-R");
    let mut words = args.iter().filter(|a| *a != "-R");
    let Some(mode) = words.next() else { return 1 };
    let mut status = 0;
    for file in words {
        let path = call.path(file);
        let paths = if recursive { tree_of(call, &path) } else { vec![path] };
        for path in paths {
            let changed = match call.files.stat(&path) {
                Ok(stat) => match new_mode(mode, stat.mode) {
                    Some(bits) => call.files.chmod(&path, bits),
                    None => {
                        call.complain(&format!("chmod: invalid mode '{mode}'"));
                        return 1;
                    }
                },
                Err(error) => Err(error),
            };
            if let Err(error) = changed {
                status = failed(call, file, error);
            }
        }
    }
    status
}

fn new_mode(text: &str, old: u32) -> Option<u32> {
    if let Ok(bits) = u32::from_str_radix(text, 8) {
        return Some(bits & 0o7777);
    }
    let mut mode = old;
    for clause in text.split(',') {
        let at = clause.find(['+', '-', '='])?;
        let (who, rest) = clause.split_at(at);
        let (sign, what) = rest.split_at(1);
        let mut mask = 0;
        for c in who.chars() {
            mask |= match c {
                'u' => 0o700,
                'g' => 0o070,
                'o' => 0o007,
                'a' => 0o777,
                _ => return None,
            };
        }
        let mask = if who.is_empty() { 0o777 } else { mask };
        let mut bits = 0;
        for c in what.chars() {
            bits |= match c {
                'r' => 0o444,
                'w' => 0o222,
                'x' | 'X' => 0o111,
                's' | 't' => 0,
                _ => return None,
            };
        }
        match sign {
            "+" => mode |= bits & mask,
            "-" => mode &= !(bits & mask),
            _ => mode = (mode & !mask) | (bits & mask),
        }
    }
    Some(mode)
}

/// `chown`: checks the paths; owners of files are not kept.
pub(super) fn chown(call: &mut Call<'_>) -> u8 {
    let _ = crate::stub!("posix.chown", "files have no owners of their own");
    let may = call.facts.uid == 0 && call.facts.powers.chown;
    let mut status = 0;
    for file in call.operands("").into_iter().skip(1) {
        if let Err(error) = call.files.stat(&call.path(&file)) {
            status = failed(call, &file, error);
        } else if !may {
            call.complain(&format!("chown: {file}: Operation not permitted"));
            status = 1;
        }
    }
    status
}

fn mode_text(stat: Stat) -> String {
    let kind = match stat.kind {
        Kind::File => '-',
        Kind::Directory => 'd',
        Kind::Link => 'l',
        Kind::Device => 'c',
    };
    let bits = (0..9).rev().map(|bit| {
        let letter = match bit % 3 {
            2 => 'r',
            1 => 'w',
            _ => 'x',
        };
        if stat.mode >> bit & 1 == 1 { letter } else { '-' }
    });
    std::iter::once(kind).chain(bits).collect()
}

fn long_line(call: &Call<'_>, path: &str, name: &str, stat: Stat) -> String {
    let (_, month, day, hour, minute, _, _) = stat.modified.civil();
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let at = usize::try_from(month.saturating_sub(1) * 3).unwrap_or(0);
    let month = months.get(at..at + 3).unwrap_or("Jan");
    let arrow = match call.files.read_link(path) {
        Ok(target) => format!(" -> {target}"),
        Err(_) => String::new(),
    };
    let links = if stat.kind == Kind::Directory { 2 } else { 1 };
    let size = if call.has('h') { human(stat.size) } else { stat.size.to_string() };
    format!(
        "{}    {links} root     root     {size:>9} {month} {day:>2} {hour:02}:{minute:02} {name}{arrow}\n",
        mode_text(stat)
    )
}

fn human(bytes: u64) -> String {
    for (unit, letter) in [(1 << 30, 'G'), (1 << 20, 'M'), (1 << 10, 'K')] {
        if bytes >= unit {
            let tenths = bytes.saturating_mul(10) / unit;
            return format!("{}.{}{letter}", tenths / 10, tenths % 10);
        }
    }
    bytes.to_string()
}

/// `ls [-la1dR] paths…`.
pub(super) fn ls(call: &mut Call<'_>) -> u8 {
    let mut names = call.operands("");
    if names.is_empty() {
        names.push(".".to_owned());
    }
    names.sort();
    let mut status = 0;
    let (mut files, mut dirs) = (Vec::new(), Vec::new());
    for name in names {
        let path = call.path(&name);
        match call.files.stat(&path).or_else(|_| call.files.lstat(&path)) {
            Ok(stat) if stat.kind == Kind::Directory && !call.has('d') => dirs.push((name, path)),
            Ok(_) => files.push((name, path)),
            Err(error) => {
                call.complain(&format!("ls: {name}: {error}"));
                status = 1;
            }
        }
    }
    let titled = dirs.len() + usize::from(!files.is_empty()) > 1 || call.has('R');
    print_names(call, &files);
    let mut first = files.is_empty();
    let mut open: VecDeque<(String, String)> = dirs.into();
    let mut visits = 0;
    while let Some((name, path)) = open.pop_front() {
        visits += 1;
        if visits > MAX_VISITS {
            break;
        }
        if titled {
            call.out.push_str(&format!("{}{name}:\n", if first { "" } else { "\n" }));
        }
        first = false;
        let mut rows: Vec<(String, String)> = Vec::new();
        if call.has('a') {
            rows.push((".".to_owned(), path.clone()));
            rows.push(("..".to_owned(), parent(&path).to_owned()));
        }
        let hidden = call.has('a') || call.has('A');
        let names = call.files.list(&path).unwrap_or_default();
        let shown = names.into_iter().filter(|n| hidden || !n.starts_with('.'));
        rows.extend(shown.map(|n| (n.clone(), normal(&path, &n))));
        if call.has('l') {
            call.out.push_str(&format!("total {}\n", rows.len().saturating_mul(4)));
        }
        print_names(call, &rows);
        if call.has('R') {
            for (below, full) in rows.into_iter().rev() {
                if is_dir(call, &full) && below != "." && below != ".." {
                    open.push_front((format!("{name}/{below}"), full));
                }
            }
        }
    }
    status
}

fn print_names(call: &mut Call<'_>, rows: &[(String, String)]) {
    for (name, path) in rows {
        let Ok(stat) = call.files.lstat(path) else { continue };
        let line = if call.has('l') {
            long_line(call, path, name, stat)
        } else {
            format!("{name}{}\n", if call.has('F') && is_dir(call, path) { "/" } else { "" })
        };
        call.out.push_str(&line);
    }
}

/// `find paths… [-name p] [-type f|d|l] [-maxdepth n]`.
pub(super) fn find(call: &mut Call<'_>) -> u8 {
    let _ = crate::stub!("posix.find", "find knows -name, -type, -maxdepth, -empty and -delete");
    let args = call.args();
    let tests = args.iter().position(|a| a.starts_with('-')).unwrap_or(args.len());
    let roots = args.get(..tests).filter(|r| !r.is_empty()).map_or(vec![".".into()], <[_]>::to_vec);
    let after = |name: &str| {
        args.iter().position(|a| a == name).and_then(|at| args.get(at + 1)).map(String::as_str)
    };
    let wanted = after("-name");
    let kind = after("-type");
    let depth: usize = after("-maxdepth").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX);
    let delete = args.iter().any(|a| a == "-delete");
    let mut status = 0;
    for root in roots {
        let full = call.path(&root);
        if let Err(error) = call.files.lstat(&full) {
            status = failed(call, &root, error);
            continue;
        }
        let mut found = tree_of(call, &full);
        found.sort();
        let mut gone = Vec::new();
        for path in found {
            let rest = path.get(full.len()..).unwrap_or("").trim_start_matches('/').to_owned();
            let shown = match (rest.as_str(), root.trim_end_matches('/')) {
                ("", _) => root.clone(),
                (rest, root) => format!("{root}/{rest}"),
            };
            let deep = if rest.is_empty() { 0 } else { rest.matches('/').count() + 1 };
            let Ok(stat) = call.files.lstat(&path) else { continue };
            let letter = match stat.kind {
                Kind::File => "f",
                Kind::Directory => "d",
                Kind::Link => "l",
                Kind::Device => "c",
            };
            let named = wanted.is_none_or(|p| crate::posix::pattern::matches(p, base(&shown)));
            if deep <= depth && named && kind.is_none_or(|k| k == letter) {
                if delete {
                    gone.push(path);
                } else {
                    call.out.push_str(&format!("{shown}\n"));
                }
            }
        }
        for path in gone.into_iter().rev() {
            let _ = call.files.remove(&path);
        }
    }
    status
}

/// `tree [path]`.
pub(super) fn tree(call: &mut Call<'_>) -> u8 {
    let root = call.operands("L").first().cloned().unwrap_or_else(|| ".".to_owned());
    let full = call.path(&root);
    call.out.push_str(&format!("{root}\n"));
    let mut open: Vec<(String, String)> = vec![(full, String::new())];
    let mut lines: Vec<String> = Vec::new();
    let mut visits = 0;
    branch(call, &mut open, &mut lines, &mut visits);
    call.out.extend(lines);
    0
}

fn branch(
    call: &Call<'_>,
    open: &mut Vec<(String, String)>,
    lines: &mut Vec<String>,
    visits: &mut usize,
) {
    // Paths still to print with the prefix of their line; an empty one is the root.
    while let Some((path, prefix)) = open.pop() {
        *visits += 1;
        if *visits > MAX_VISITS {
            return;
        }
        let mut inner = String::new();
        if !prefix.is_empty() {
            lines.push(format!("{prefix}{}\n", base(&path)));
            inner = prefix.replace("├── ", "│   ").replace("└── ", "    ");
        }
        if call.files.lstat(&path).is_ok_and(|s| s.kind == Kind::Directory) {
            let names = call.files.list(&path).unwrap_or_default();
            let last = names.len().saturating_sub(1);
            for (at, name) in names.iter().enumerate().rev() {
                let mark = if at == last { "└── " } else { "├── " };
                open.push((normal(&path, name), format!("{inner}{mark}")));
            }
        }
    }
}

/// `du [-sh] path`.
pub(super) fn du(call: &mut Call<'_>) -> u8 {
    let mut names = call.operands("d");
    if names.is_empty() {
        names.push(".".to_owned());
    }
    for name in names {
        let path = call.path(&name);
        let sizes = tree_of(call, &path).into_iter().filter_map(|p| call.files.lstat(&p).ok());
        let bytes: u64 = sizes.map(|s| s.size.div_ceil(4096) * 4096).sum();
        let size = if call.has('h') { human(bytes) } else { (bytes / 1024).to_string() };
        call.out.push_str(&format!("{size}\t{name}\n"));
    }
    0
}

/// `stat [-c format] path`.
pub(super) fn stat(call: &mut Call<'_>) -> u8 {
    let format = call.value('c');
    let mut status = 0;
    for file in call.operands("c") {
        let path = call.path(&file);
        match call.files.lstat(&path) {
            Ok(stat) => {
                let text = match &format {
                    Some(format) => format
                        .replace("%s", &stat.size.to_string())
                        .replace("%a", &format!("{:o}", stat.mode))
                        .replace("%A", &mode_text(stat))
                        .replace("%n", &file)
                        .replace("%Y", &stat.modified.unix_seconds().to_string())
                        .replace("%U", "root")
                        .replace("%G", "root"),
                    None => format!(
                        "  File: {file}\n  Size: {}\nAccess: ({:04o}/{})\nModify: {}",
                        stat.size,
                        stat.mode,
                        mode_text(stat),
                        stat.modified.rfc3339()
                    ),
                };
                call.out.push_str(&format!("{text}\n"));
            }
            Err(error) => status = failed(call, &format!("can't stat '{file}'"), error),
        }
    }
    status
}

/// `mktemp [-d]`: names are counted, so that runs repeat.
pub(super) fn mktemp(call: &mut Call<'_>) -> u8 {
    let free = (0..u32::MAX).map(|n| format!("/tmp/tmp.{n:06}"));
    let Some(path) = free.into_iter().find(|path| call.files.lstat(path).is_err()) else {
        return 1;
    };
    let made = if call.has('d') {
        call.files.make_dir(&path)
    } else {
        call.files.write(&path, "", call.now)
    };
    match made {
        Ok(()) => {
            call.out = format!("{path}\n");
            0
        }
        Err(error) => failed(call, &path, error),
    }
}

/// A size of `dd`: a number with `k`, `M`, `G`.
fn size(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text.get(..end)?.parse().ok()?;
    let unit = match text.get(end..)?.to_ascii_lowercase().as_str() {
        "" | "c" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// `dd if=… of=… bs=… count=…`.
pub(super) fn dd(call: &mut Call<'_>) -> u8 {
    let args = call.args();
    let value = |name: &str| args.iter().find_map(|a| a.strip_prefix(name)?.strip_prefix('='));
    let block = value("bs").and_then(size).unwrap_or(512).max(1);
    let count = value("count").and_then(size);
    let source = value("if").unwrap_or("/dev/null").to_owned();
    let total = if matches!(source.as_str(), "/dev/zero" | "/dev/urandom" | "/dev/random") {
        // Without a count a real dd fills the disk; here it stops at the disk's end at once.
        block.saturating_mul(count.unwrap_or((1 << 40) / block))
    } else {
        0
    };
    let text = if total == 0 && source != "/dev/null" {
        match call.files.read(&call.path(&source)) {
            Ok(text) => text,
            Err(error) => return failed(call, &format!("can't open '{source}'"), error),
        }
    } else {
        "".into()
    };
    if let Some(target) = value("of").filter(|t| *t != "/dev/null") {
        let path = call.path(target);
        let written = call.files.write(&path, &text, call.now);
        let written = match total {
            0 => written,
            zeros => written.and_then(|()| call.files.extend(&path, zeros, call.now)),
        };
        if let Err(error) = written {
            let target = target.to_owned();
            return failed(call, &format!("error writing '{target}'"), error);
        }
    }
    let bytes = total + text.len() as u64;
    let (full, partial) = (bytes / block, u64::from(!bytes.is_multiple_of(block)));
    let size = human(bytes);
    let size = if bytes < 1024 { format!("{bytes}B") } else { format!("{size}B") };
    // The time is not modelled; BusyBox prints what a quick disk needs.
    call.err.push_str(&format!(
        "{full}+{partial} records in\n{full}+{partial} records out\n\
         {bytes} bytes ({size}) copied, 0.010000 seconds\n"
    ));
    0
}
