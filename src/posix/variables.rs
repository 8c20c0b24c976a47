//! Builtins about variables and options: `export local set unset shift env let`.

use crate::posix::expand::Var;
use crate::posix::process::{Io, Process};
use crate::posix::task::{Frame, Task};

pub(super) fn declare(
    p: &mut Process,
    task: &mut Task,
    argv: &[String],
    io: &mut Io<'_>,
    export: bool,
    readonly: bool,
) -> u8 {
    let names = argv.iter().skip(1).filter(|a| !a.starts_with('-'));
    if names.clone().next().is_none() {
        let word = argv.first().map_or("export", String::as_str);
        let shown = task.vars.iter().filter(|(_, v)| if export { v.exported } else { v.readonly });
        let text: String = shown
            .map(|(name, v)| format!("{word} {name}='{}'\n", v.value.as_deref().unwrap_or("")))
            .collect();
        let _ = p.write(task, 1, &text, io);
        return 0;
    }
    for word in names {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        if !is_name(name) {
            p.complain(task, &format!("sh: export: {word}: bad variable name"), io);
            return 2;
        }
        if let Some(value) = value
            && !task.set_var(name, value)
        {
            p.complain(task, &format!("sh: {name}: is read only"), io);
            return 2;
        }
        let fresh = Var { value: None, exported: false, readonly: false };
        let var = task.vars.edit().entry(name.to_owned()).or_insert(fresh);
        var.exported |= export;
        var.readonly |= readonly;
    }
    0
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

pub(super) fn local(_: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    for word in argv.iter().skip(1) {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        let before = task.vars.get(name).cloned();
        let call =
            task.stack.iter_mut().rev().find_map(|frame| {
                if let Frame::Call(_, locals) = frame { Some(locals) } else { None }
            });
        if let Some(locals) = call {
            locals.push((name.to_owned(), before));
        }
        if let Some(value) = value {
            task.set_var(name, value);
        }
    }
    0
}

pub(super) fn set(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut args = argv.iter().skip(1).peekable();
    if args.peek().is_none() {
        let text: String = task
            .vars
            .iter()
            .map(|(name, v)| format!("{name}='{}'\n", v.value.as_deref().unwrap_or("")))
            .collect();
        let _ = p.write(task, 1, &text, io);
        return 0;
    }
    while let Some(arg) = args.peek() {
        let on = arg.starts_with('-');
        if arg.as_str() == "--" {
            args.next();
            task.args = args.cloned().collect();
            return 0;
        }
        let Some(letters) = arg.strip_prefix(['-', '+']).filter(|l| !l.is_empty()) else { break };
        let letters = letters.to_owned();
        args.next();
        for letter in letters.chars() {
            let known = match letter {
                'o' => match args.next().map(String::as_str) {
                    Some("errexit") => task.options.set('e', on),
                    Some("nounset") => task.options.set('u', on),
                    Some("xtrace") => task.options.set('x', on),
                    Some("noglob") => task.options.set('f', on),
                    Some(_) | None => true,
                },
                letter => task.options.set(letter, on) || "abhmvC".contains(letter),
            };
            if !known {
                p.complain(task, &format!("sh: set: illegal option -{letter}"), io);
                return 2;
            }
        }
    }
    if args.peek().is_some() {
        task.args = args.cloned().collect();
    }
    0
}

pub(super) fn unset(_: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    for name in argv.iter().skip(1) {
        match name.as_str() {
            "-f" | "-v" => {}
            name if argv.get(1).is_some_and(|a| a == "-f") => {
                task.functions.edit().remove(name);
            }
            name => {
                task.vars.edit().remove(name);
            }
        }
    }
    0
}

pub(super) fn arithmetic(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    struct Vars<'a>(&'a mut Task);
    impl crate::posix::math::Memory for Vars<'_> {
        fn get(&self, name: &str) -> String {
            self.0.var(name).unwrap_or_default()
        }
        fn set(&mut self, name: &str, value: i64) {
            self.0.set_var(name, &value.to_string());
        }
    }
    let text = argv.get(1..).unwrap_or(&[]).join(" ");
    match crate::posix::math::calculate(&text, &mut Vars(task)) {
        Ok(value) => u8::from(value == 0),
        Err(message) => {
            p.complain(task, &format!("sh: {message}"), io);
            1
        }
    }
}

pub(super) fn env(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut saved = Vec::new();
    let mut rest = argv.get(1..).unwrap_or(&[]);
    while let Some((first, more)) = rest.split_first() {
        match first.split_once('=') {
            Some((name, value)) => {
                saved.push((name.to_owned(), task.vars.get(name).cloned()));
                let var = Var { value: Some(value.into()), exported: true, readonly: false };
                task.vars.edit().insert(name.to_owned(), var);
            }
            None if first == "-i" || first == "-" => {
                for (name, var) in task.vars.clone().iter() {
                    saved.push((name.clone(), Some(var.clone())));
                }
                task.vars.edit().clear();
            }
            None if first == "-u" && !more.is_empty() => {}
            None => break,
        }
        rest = more;
    }
    task.stack.push(Frame::Variables(saved));
    if rest.is_empty() {
        let all = task.environment();
        let text: String = all.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        let _ = p.write(task, 1, &text, io);
        return 0;
    }
    task.stack.push(Frame::Argv(rest.to_vec()));
    task.status
}

pub(super) fn shift(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let n: usize = argv.get(1).and_then(|n| n.parse().ok()).unwrap_or(1);
    if n > task.args.len() {
        p.complain(task, "sh: shift: can't shift that many", io);
        return 2;
    }
    task.args.drain(..n);
    0
}
