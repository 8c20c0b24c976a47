//! Commands that change the shell itself or wait, and the way from a name to what runs it.

use crate::posix::applets::{self, Call};
use crate::posix::fds::Input;
use crate::posix::files::{Kind, normal};
use crate::posix::filter::Filter;
use crate::posix::jobs::{kill, sleep, timeout, trap, wait};
use crate::posix::process::{Io, MAIN, Process};
use crate::posix::task::{Frame, Options, Task};
use crate::posix::variables::{arithmetic, declare, env, local, set, shift, unset};

type Run = fn(&mut Process, &mut Task, &[String], &mut Io<'_>) -> u8;

/// Every builtin with what runs it. One that pushes frames sets the status through them.
const BUILTINS: &[(&str, Run)] = &[
    (":", |_, _, _, _| 0),
    ("true", |_, _, _, _| 0),
    ("false", |_, _, _, _| 1),
    (".", source),
    ("source", source),
    ("alias", |_, _, _, _| 0),
    ("busybox", prefixed),
    ("break", |p, t, a, _| leave_loop(p, t, a, true)),
    ("cd", cd),
    ("command", command),
    ("continue", |p, t, a, _| leave_loop(p, t, a, false)),
    ("env", env),
    ("eval", eval),
    ("exec", exec),
    ("exit", exit),
    ("export", |p, t, a, io| declare(p, t, a, io, true, false)),
    ("hash", |_, _, _, _| 0),
    ("jobs", |_, _, _, _| 0),
    ("kill", kill),
    ("let", arithmetic),
    ("local", local),
    ("nohup", prefixed),
    ("pwd", pwd),
    ("read", |_, t, a, _| {
        t.stack.push(Frame::Read(a.to_vec()));
        t.status
    }),
    ("readonly", |p, t, a, io| declare(p, t, a, io, false, true)),
    ("return", return_),
    ("set", set),
    ("shift", shift),
    ("sleep", sleep),
    ("sudo", prefixed),
    ("time", prefixed),
    ("timeout", timeout),
    ("trap", trap),
    ("type", type_),
    ("ulimit", |_, _, _, _| 0),
    ("umask", |p, t, a, io| {
        if a.len() == 1 {
            let _ = p.write(t, 1, "0022\n", io);
        }
        0
    }),
    ("unset", unset),
    ("wait", wait),
    ("watch", watch),
    ("which", which),
    ("xargs", |_, t, a, _| {
        t.stack.push(Frame::Gather(a.to_vec(), String::new()));
        t.status
    }),
    ("yes", |_, t, a, _| {
        let word = if a.len() > 1 { a.get(1..).unwrap_or(&[]).join(" ") } else { "y".into() };
        t.stack.push(Frame::Endless(format!("{word}\n").repeat(64)));
        t.status
    }),
];

/// Whether the shell runs a name itself.
pub(super) fn is_builtin(name: &str) -> bool {
    find(name).is_some() || is_shell(name)
}

fn find(name: &str) -> Option<Run> {
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, run)| *run)
}

fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "ash" | "bash" | "dash")
}

impl Process {
    /// Run expanded words.
    pub(super) fn argv(&mut self, task: &mut Task, mut argv: Vec<String>, io: &mut Io<'_>) {
        let Some(name) = argv.first().cloned() else { return };
        if let Some(body) = task.functions.get(&name).cloned() {
            let args = argv.get(1..).unwrap_or(&[]).to_vec();
            let saved = std::mem::replace(&mut task.args, args);
            task.stack.push(Frame::Call(saved, Vec::new()));
            task.stack.push(Frame::Run(body, Vec::new()));
            return;
        }
        if let Some(run) = find(&name) {
            task.status = run(self, task, &argv, io);
            return;
        }
        if let Some((dir, base)) = name.rsplit_once('/') {
            let path = normal(&task.cwd, &name);
            if let Some(script) = script(&path, io) {
                match script {
                    Ok(text) => self.nested(task, &text, &name, argv.get(1..), &[], io),
                    Err(message) => {
                        self.complain(task, &format!("sh: {name}: {message}"), io);
                        task.status = 126;
                    }
                }
                return;
            }
            let usual = ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"];
            if usual.contains(&dir) && Self::knows(base) {
                let base = base.to_owned();
                if let Some(first) = argv.first_mut() {
                    *first = base;
                }
                self.argv(task, argv, io);
                return;
            }
        }
        if is_shell(&name) {
            self.shell(task, &argv, io);
            return;
        }
        if Filter::knows(&name) {
            self.filter(task, &argv, io);
            return;
        }
        if name == "tail" && self.tail(task, &argv, io) {
            return;
        }
        match applets::find(&name) {
            Some(tool) if tool.reads.input(argv.get(1..).unwrap_or(&[])) => {
                task.stack.push(Frame::Gather(argv, String::new()));
            }
            Some(_) => self.applet(task, &argv, "", io),
            None if task.reads && !matches!(task.fds.get(&0), Some(super::task::Fd::Null)) => {
                task.stack.push(Frame::GatherRun(argv, String::new()));
            }
            None => self.external(task, argv, None),
        }
    }

    /// `sh [-eux] [-c text] [file] [args]`.
    fn shell(&mut self, task: &mut Task, argv: &[String], io: &mut Io<'_>) {
        let mut options = Vec::new();
        let mut inline = false;
        let mut rest = argv.get(1..).unwrap_or(&[]);
        while let Some((first, more)) = rest.split_first() {
            let Some(letters) = first.strip_prefix('-').filter(|l| !l.is_empty()) else { break };
            rest = more;
            if letters == "-" {
                break;
            }
            inline |= letters.contains('c');
            options.extend(letters.chars().filter(|c| *c != 'c'));
            if letters == "o" {
                rest = rest.get(1..).unwrap_or(&[]);
            }
        }
        let Some((first, more)) = rest.split_first() else {
            if inline {
                self.complain(task, "sh: -c requires an argument", io);
                task.status = 2;
                return;
            }
            task.stack.push(Frame::Gather(vec!["sh".to_owned()], String::new()));
            return;
        };
        if inline {
            let zero = more.first().map_or("sh", String::as_str).to_owned();
            self.nested(task, first, &zero, more.get(1..), &options, io);
            return;
        }
        match io.files.read(&normal(&task.cwd, first)) {
            Ok(text) => self.nested(task, &text, first, Some(more), &options, io),
            Err(_) => {
                let message = format!("sh: can't open '{first}': No such file or directory");
                self.complain(task, &message, io);
                task.status = 2;
            }
        }
    }

    /// A shell in a shell.
    pub(super) fn nested(
        &mut self,
        task: &mut Task,
        text: &str,
        zero: &str,
        args: Option<&[String]>,
        options: &[char],
        io: &mut Io<'_>,
    ) {
        let fds = task.fds.clone();
        let Some((number, _)) = self.spawn(task, Vec::new(), fds, io) else {
            task.status = 2;
            return;
        };
        if let Some(child) = self.tasks.get_mut(&number) {
            child.vars.edit().retain(|_, var| var.exported);
            child.functions.edit().clear();
            child.options = Options::default();
            child.quiet = false;
            for letter in options {
                child.options.set(*letter, true);
            }
            child.args = args.unwrap_or(&[]).to_vec();
            child.zero = zero.into();
            child.load(text);
        }
        task.stack.push(Frame::Tasks(vec![number]));
    }

    fn filter(&mut self, task: &mut Task, argv: &[String], io: &mut Io<'_>) {
        let mut call = Call::new(task, argv, "", io);
        let built = Filter::build(argv, &mut call);
        let mut waits = None;
        let status = match built {
            Err(status) => status,
            Ok((mut filter, files)) if !files.is_empty() => filter.run_files(&files, &mut call),
            Ok((filter, _)) => {
                waits = Some(filter);
                0
            }
        };
        let (out, err) = (call.out, call.err);
        task.status = status;
        let _ = self.write(task, 2, &err, io);
        task.broken |= self.write(task, 1, &out, io).is_err();
        if let Some(filter) = waits {
            task.stack.push(Frame::Filter(Box::new(filter)));
        }
    }

    /// The forms of `tail` that wait.
    fn tail(&mut self, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> bool {
        let files: Vec<&String> = argv.iter().skip(1).filter(|a| !a.starts_with('-')).collect();
        if files.iter().any(|f| *f == "/dev/zero" || *f == "/dev/urandom") {
            task.stack.push(Frame::Grow(1 << 24));
            return true;
        }
        let follows = |a: &String| a == "-f" || a == "-F" || a == "--follow" || a.ends_with('f');
        if !argv.iter().skip(1).any(|a| a.starts_with('-') && follows(a)) {
            return false;
        }
        match files.last() {
            Some(file) if file.as_str() != "/dev/null" => {
                let path = normal(&task.cwd, file);
                match io.files.read(&path) {
                    Ok(text) => {
                        // The last ten lines, as without -f.
                        let lines: Vec<&str> = text.split_inclusive('\n').collect();
                        let skip = lines.len().saturating_sub(10);
                        let shown = lines.iter().take(skip).map(|l| l.len()).sum();
                        task.stack.push(Frame::Follow(path, shown));
                    }
                    Err(error) => {
                        self.complain(task, &format!("tail: can't open '{file}': {error}"), io);
                        task.status = 1;
                    }
                }
            }
            Some(_) | None => task.stack.push(Frame::Forever),
        }
        true
    }

    /// `xargs` and `sh` after their whole input is there; false for other names.
    pub(super) fn with_input(
        &mut self,
        task: &mut Task,
        argv: &[String],
        input: &str,
        io: &mut Io<'_>,
    ) -> bool {
        match argv.first().map(String::as_str) {
            Some("sh") => {
                self.nested(task, input, "sh", None, &[], io);
                true
            }
            Some("xargs") => {
                xargs(task, argv, input);
                true
            }
            Some(_) | None => false,
        }
    }

    pub(super) fn read_line(&mut self, task: &mut Task, argv: Vec<String>, io: &mut Io<'_>) {
        let line = match self.input(task, true) {
            Input::Wait => {
                task.waiting = true;
                task.stack.push(Frame::Read(argv));
                return;
            }
            Input::End | Input::Zeros => None,
            Input::Text(text) => Some(text),
        };
        let mut raw = false;
        let mut names = Vec::new();
        let mut args = argv.iter().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-r" => raw = true,
                "-p" => {
                    if let Some(prompt) = args.next() {
                        let _ = self.write(task, 2, prompt, io);
                    }
                }
                "-t" | "-n" | "-d" => {
                    args.next();
                }
                name => names.push(name),
            }
        }
        if names.is_empty() {
            names.push("REPLY");
        }
        // A last line without its end still sets the variables, but counts as the end.
        let ended = line.as_ref().is_none_or(|l| !l.ends_with('\n'));
        let mut text = line.unwrap_or_default().trim_end_matches('\n').to_owned();
        if !raw {
            text = text.replace("\\\\", "\0").replace('\\', "").replace('\0', "\\");
        }
        let ifs = task.var("IFS").unwrap_or_else(|| " \t\n".to_owned());
        let blank = |c: char| ifs.contains(c) && c.is_ascii_whitespace();
        let mut rest = text.trim_matches(blank);
        let last = names.len() - 1;
        for (at, name) in names.iter().enumerate() {
            let value = if at == last {
                std::mem::take(&mut rest)
            } else {
                let end = rest.find(|c| ifs.contains(c)).unwrap_or(rest.len());
                let (field, more) = rest.split_at(end);
                let mut more = more.trim_start_matches(blank);
                if let Some(c) = more.chars().next().filter(|c| ifs.contains(*c)) {
                    more = more.get(c.len_utf8()..).unwrap_or("").trim_start_matches(blank);
                }
                rest = more;
                field
            };
            task.set_var(name, value);
        }
        task.status = u8::from(ended);
    }
}

/// The shell script at a path; an error if it may not be executed.
fn script(path: &str, io: &Io<'_>) -> Option<Result<String, &'static str>> {
    let stat = io.files.stat(path).ok()?;
    if stat.kind == Kind::Directory {
        return Some(Err("Permission denied"));
    }
    let text = io.files.read(path).ok()?;
    let first = text.lines().next().unwrap_or("");
    let interpreter = first.strip_prefix("#!").map(str::trim);
    let is_script = match interpreter {
        Some(line) => line.split([' ', '/']).any(is_shell),
        // What a shell does with a text without an interpreter line.
        None => !text.is_empty() && stat.mode & 0o111 != 0 && parses(&text),
    };
    if stat.mode & 0o111 == 0 {
        return (is_script || interpreter.is_some() || parses(&text))
            .then_some(Err("Permission denied"));
    }
    is_script.then(|| Ok(text.to_string()))
}

fn parses(text: &str) -> bool {
    crate::posix::parse::parse(text).is_ok()
}

fn xargs(task: &mut Task, argv: &[String], input: &str) {
    let mut each = usize::MAX;
    let mut place = None;
    let mut rest = argv.get(1..).unwrap_or(&[]);
    let mut skip_empty = false;
    while let Some((first, more)) = rest.split_first() {
        let Some(option) = first.strip_prefix('-') else { break };
        rest = more;
        let mut value = |attached: &str| {
            if attached.is_empty() {
                let (value, more) = rest.split_first().unzip();
                rest = more.unwrap_or(&[]);
                value.cloned().unwrap_or_default()
            } else {
                attached.to_owned()
            }
        };
        if let Some(attached) = option.strip_prefix('n') {
            each = value(attached).parse().unwrap_or(1).max(1);
        } else if let Some(attached) = option.strip_prefix('I') {
            place = Some(value(attached));
        } else if option == "r" || option == "0" {
            skip_empty |= option == "r";
        }
    }
    let command = if rest.is_empty() { vec!["echo".to_owned()] } else { rest.to_vec() };
    let mut runs: Vec<Vec<String>> = Vec::new();
    if let Some(place) = place {
        for line in input.lines().filter(|l| !l.trim().is_empty()) {
            runs.push(command.iter().map(|w| w.replace(&place, line.trim())).collect());
        }
    } else {
        let words: Vec<String> =
            input.split_whitespace().map(|w| w.trim_matches(['\'', '"']).to_owned()).collect();
        if words.is_empty() && !skip_empty {
            runs.push(command.clone());
        }
        for chunk in words.chunks(each.min(words.len().max(1))) {
            runs.push(command.iter().chain(chunk).cloned().collect());
        }
    }
    task.status = 0;
    task.reads = false;
    for run in runs.into_iter().rev() {
        task.stack.push(Frame::Argv(run));
    }
}

fn source(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let Some(file) = argv.get(1) else { return 2 };
    match io.files.read(&normal(&task.cwd, file)) {
        Ok(text) => {
            task.stack.push(Frame::Source);
            task.load(&text);
            task.status
        }
        Err(_) => {
            p.complain(task, &format!("sh: .: can't open '{file}': No such file or directory"), io);
            2
        }
    }
}

fn leave_loop(p: &mut Process, task: &mut Task, argv: &[String], done: bool) -> u8 {
    let mut levels: u32 = argv.get(1).and_then(|n| n.parse().ok()).unwrap_or(1).max(1);
    let inside = task
        .stack
        .iter()
        .any(|frame| matches!(frame, Frame::LoopBody(_) | Frame::LoopTest(_) | Frame::For(..)));
    while let Some(frame) = task.stack.pop() {
        if !inside {
            task.stack.push(frame);
            break;
        }
        let is_loop = matches!(frame, Frame::LoopBody(_) | Frame::LoopTest(_) | Frame::For(..));
        if matches!(frame, Frame::Call(..)) {
            task.stack.push(frame);
            break;
        }
        if !is_loop {
            p.drop_frame(task, frame);
            continue;
        }
        levels -= 1;
        if levels == 0 {
            if !done {
                task.stack.push(frame);
            }
            break;
        }
    }
    0
}

fn cd(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let target = match argv.get(1).map(String::as_str) {
        None | Some("~") => task.var("HOME").unwrap_or_else(|| "/root".to_owned()),
        Some("-") => task.var("OLDPWD").unwrap_or_else(|| task.cwd.to_string()),
        Some(path) => path.to_owned(),
    };
    let path = normal(&task.cwd, &target);
    let error = match io.files.stat(&path) {
        Ok(stat) if stat.kind == Kind::Directory => None,
        Ok(_) => Some("Not a directory".to_owned()),
        Err(_) if path == "/" => None,
        Err(error) => Some(error.to_string()),
    };
    if let Some(error) = error {
        p.complain(task, &format!("sh: cd: can't cd to {target}: {error}"), io);
        return 2;
    }
    let old = task.cwd.to_string();
    task.set_var("OLDPWD", &old);
    task.set_var("PWD", &path);
    if argv.get(1).is_some_and(|a| a == "-") {
        let _ = p.write(task, 1, &format!("{path}\n"), io);
    }
    task.cwd = path.into();
    0
}

fn pwd(p: &mut Process, task: &mut Task, _: &[String], io: &mut Io<'_>) -> u8 {
    let line = format!("{}\n", task.cwd);
    u8::from(p.write(task, 1, &line, io).is_err())
}

fn command(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    if argv.get(1).is_some_and(|a| a == "-v" || a == "-V") {
        return which(p, task, argv.get(1..).unwrap_or(&[]), io);
    }
    task.stack.push(Frame::Argv(argv.get(1..).unwrap_or(&[]).to_vec()));
    task.status
}

fn prefixed(_: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    task.stack.push(Frame::Argv(argv.get(1..).unwrap_or(&[]).to_vec()));
    task.status
}

fn locate(name: &str, task: &Task, io: &Io<'_>) -> Option<String> {
    if task.functions.contains_key(name) {
        return Some(name.to_owned());
    }
    if name.contains('/') {
        return io.files.stat(&normal(&task.cwd, name)).ok().map(|_| name.to_owned());
    }
    let path = task.var("PATH").unwrap_or_default();
    let found = path.split(':').map(|dir| format!("{dir}/{name}"));
    let mut found = found.filter(|path| io.files.stat(path).is_ok());
    found.next().or_else(|| Process::knows(name).then(|| format!("/bin/{name}")))
}

fn which(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut status = 0;
    for name in argv.iter().skip(1).filter(|a| !a.starts_with('-')) {
        match locate(name, task, io) {
            Some(path) => {
                let _ = p.write(task, 1, &format!("{path}\n"), io);
            }
            None => status = if argv.first().is_some_and(|a| a == "which") { 1 } else { 127 },
        }
    }
    status
}

fn type_(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut status = 0;
    for name in argv.iter().skip(1) {
        let line = if find(name).is_some() {
            format!("{name} is a shell builtin\n")
        } else {
            match locate(name, task, io) {
                Some(path) => format!("{name} is {path}\n"),
                None => {
                    status = 127;
                    format!("{name}: not found\n")
                }
            }
        };
        let _ = p.write(task, 1, &line, io);
    }
    status
}

fn eval(_: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    task.load(&argv.get(1..).unwrap_or(&[]).join(" "));
    0
}

fn exec(p: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    let rest = argv.get(1..).unwrap_or(&[]);
    if rest.is_empty() {
        return 0;
    }
    let fds = task.fds.clone();
    // What surrounds the command is gone, but its redirections stay.
    task.stack.retain(|frame| !matches!(frame, Frame::Restore(_)));
    while let Some(frame) = task.stack.pop() {
        p.drop_frame(task, frame);
    }
    task.fds = fds;
    task.traps.clear();
    if task.number == MAIN {
        p.interactive = false;
        p.replaceable = true;
        task.jobs.clear();
    }
    task.stack.push(Frame::Argv(rest.to_vec()));
    task.status
}

fn exit(p: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    let code = match argv.get(1) {
        None => task.exiting.unwrap_or(task.status),
        // The kernel keeps the lowest eight bits.
        Some(text) => match text.parse::<i64>() {
            Ok(n) => u8::try_from(n & 255).unwrap_or(0),
            Err(_) => 2,
        },
    };
    p.leave(task, code);
    code
}

fn return_(p: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    let code = argv.get(1).and_then(|n| n.parse::<i64>().ok());
    let code = code.and_then(|n| u8::try_from(n & 255).ok()).unwrap_or(task.status);
    while let Some(frame) = task.stack.pop() {
        let end = matches!(frame, Frame::Call(..) | Frame::Source);
        p.drop_frame(task, frame);
        if end {
            break;
        }
    }
    code
}

/// `watch [-n seconds] command`: the command again and again, each time on a fresh screen.
fn watch(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut rest = argv.get(1..).unwrap_or(&[]);
    let mut every = "2";
    while let Some((first, more)) = rest.split_first() {
        let Some(option) = first.strip_prefix('-') else { break };
        rest = more;
        match option.strip_prefix('n') {
            Some("") => {
                every = rest.first().map_or("2", String::as_str);
                rest = rest.get(1..).unwrap_or(&[]);
            }
            Some(attached) => every = attached,
            None => {}
        }
    }
    let command = rest.join(" ");
    let title = command.replace('\'', "");
    let text = format!(
        "while true; do printf '\\033[H\\033[2JEvery {every}s: {title}\\n\\n'; {command}; sleep {every}; done"
    );
    p.nested(task, &text, "watch", None, &[], io);
    task.status
}
