//! `tar` with c, t and x.

use crate::posix::applets::Call;
use crate::posix::archive::{self, Member};
use crate::posix::files::{FsError, Kind, normal};

/// Most members of one archive.
const MAX_MEMBERS: usize = 10_000;

/// What was asked for.
#[derive(Default)]
struct Wish {
    action: char,
    verbose: bool,
    to_stdout: bool,
    file: String,
    /// Where to go first.
    place: String,
    names: Vec<String>,
}

/// Whether the archive comes through standard input.
pub(super) fn reads(args: &[String]) -> bool {
    let wish = wish(args);
    wish.action != 'c' && wish.file == "-"
}

fn wish(args: &[String]) -> Wish {
    let mut wish = Wish { file: "-".to_owned(), ..Wish::default() };
    let mut rest = args.iter();
    let mut first = true;
    while let Some(arg) = rest.next() {
        let letters = match arg.strip_prefix('-') {
            Some(letters) if !letters.is_empty() && !letters.starts_with('-') => letters,
            // The first word may do without the dash.
            None if first => arg,
            _ => {
                wish.names.push(arg.clone());
                continue;
            }
        };
        first = false;
        for letter in letters.chars() {
            match letter {
                'c' | 't' | 'x' => wish.action = letter,
                'v' => wish.verbose = true,
                'O' => wish.to_stdout = true,
                'f' => wish.file = rest.next().cloned().unwrap_or_default(),
                'C' => rest.next().map_or("", |w| w).clone_into(&mut wish.place),
                _ => {}
            }
        }
    }
    wish
}

/// `tar [-]ctxvfCO`.
pub(super) fn tar(call: &mut Call<'_>) -> u8 {
    let here = call.cwd.clone();
    let wish = wish(&call.args());
    call.cwd = normal(&here, &wish.place);
    if wish.action == 'c' {
        return create(call, &wish, &here);
    }
    if wish.action == '\0' {
        call.complain("tar: need at least one option: c, t or x");
        return 1;
    }
    let text = if wish.file == "-" {
        call.input.to_owned()
    } else {
        match call.files.read(&normal(&here, &wish.file)) {
            Ok(text) => text.to_string(),
            Err(error) => {
                call.complain(&format!("tar: can't open '{}': {error}", wish.file));
                return 1;
            }
        }
    };
    let Some((members, _)) = archive::read(&text) else {
        call.complain("tar: invalid tar magic");
        return 1;
    };
    for member in members {
        let named = |n: &String| {
            let name = member.name.trim_end_matches('/');
            name == n.trim_end_matches('/') || name.starts_with(&format!("{n}/"))
        };
        if !wish.names.is_empty() && !wish.names.iter().any(named) {
            continue;
        }
        if wish.action == 't' || wish.verbose {
            call.out.push_str(&format!("{}\n", member.name));
        }
        if wish.action == 'x' && !extract(call, &wish, &member) {
            return 1;
        }
    }
    0
}

fn extract(call: &mut Call<'_>, wish: &Wish, member: &Member) -> bool {
    if wish.to_stdout {
        call.out.push_str(member.content.as_deref().unwrap_or(""));
        return true;
    }
    let path = call.path(&member.name);
    let result = match &member.content {
        _ if !member.link.is_empty() => return linked(call, member),
        None => match call.files.make_dir(&path) {
            Err(FsError::Exists) => Ok(()),
            other => other,
        },
        Some(content) => {
            let now = call.now;
            call.files.write(&path, content, now)
        }
    };
    let result = result.and_then(|()| call.files.chmod(&path, member.mode));
    if let Err(error) = result {
        call.complain(&format!("tar: can't open '{}': {error}", member.name));
        return false;
    }
    true
}

fn linked(call: &mut Call<'_>, member: &Member) -> bool {
    let path = call.path(&member.name);
    match call.files.link(&member.link, &path) {
        Ok(()) | Err(FsError::Exists) => true,
        Err(error) => {
            call.complain(&format!("tar: can't create '{}': {error}", member.name));
            false
        }
    }
}

fn create(call: &mut Call<'_>, wish: &Wish, here: &str) -> u8 {
    let mut members = Vec::new();
    for name in &wish.names {
        let mut waiting = vec![name.trim_end_matches('/').to_owned()];
        while let Some(name) = waiting.pop() {
            let path = call.path(&name);
            let Ok(stat) = call.files.stat(&path) else {
                call.complain(&format!("tar: {name}: No such file or directory"));
                return 1;
            };
            let content = match stat.kind {
                Kind::Directory => {
                    let children = call.files.list(&path).unwrap_or_default();
                    waiting.extend(children.iter().rev().map(|c| format!("{name}/{c}")));
                    None
                }
                Kind::File | Kind::Link | Kind::Device => {
                    Some(call.files.read(&path).map(|t| t.to_string()).unwrap_or_default())
                }
            };
            if members.len() < MAX_MEMBERS {
                let name = name.trim_start_matches('/').to_owned();
                let name = if content.is_none() { name + "/" } else { name };
                members.push(Member { name, content, mode: stat.mode, link: String::new() });
            }
        }
    }
    let text = archive::write(&members, "");
    if wish.file == "-" {
        call.out.push_str(&text);
        return 0;
    }
    let now = call.now;
    match call.files.write(&normal(here, &wish.file), &text, now) {
        Ok(()) => 0,
        Err(error) => {
            call.complain(&format!("tar: can't open '{}': {error}", wish.file));
            1
        }
    }
}
