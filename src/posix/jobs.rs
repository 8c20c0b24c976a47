//! Builtins about processes and time: `sleep timeout trap wait kill`, and signals.

use crate::base::time::SimDuration;
use crate::posix::process::{Effect, Io, MAIN, Process};
use crate::posix::task::{Frame, Limit, Task};

/// Signals by name, as Linux numbers them.
const SIGNALS: &[(&str, u8)] = &[
    ("EXIT", 0),
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ABRT", 6),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("WINCH", 28),
];

/// A length of time as `sleep` reads it; `None` for nonsense, the greatest for `infinity`.
pub(super) fn duration(text: &str) -> Option<SimDuration> {
    if matches!(text, "infinity" | "inf") {
        return Some(SimDuration(u64::MAX));
    }
    let (number, unit) = match text.char_indices().last()? {
        (at, 's') => (text.get(..at)?, 1_000_000),
        (at, 'm') => (text.get(..at)?, 60_000_000),
        (at, 'h') => (text.get(..at)?, 3_600_000_000),
        (at, 'd') => (text.get(..at)?, 86_400_000_000),
        _ => (text, 1_000_000_u64),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let micro: u64 = format!("{part:0<6}").get(..6)?.parse().ok()?;
    let total = whole.checked_mul(unit)?.checked_add(micro.checked_mul(unit / 1_000_000)?)?;
    Some(SimDuration(total))
}

pub(super) fn sleep(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut total = SimDuration::ZERO;
    if argv.len() < 2 {
        p.complain(task, "sleep: missing operand", io);
        return 1;
    }
    for arg in argv.iter().skip(1) {
        match duration(arg) {
            Some(part) => total = SimDuration(total.0.saturating_add(part.0)),
            None => {
                p.complain(task, &format!("sleep: invalid number '{arg}'"), io);
                return 1;
            }
        }
    }
    if total.0 == u64::MAX {
        task.stack.push(Frame::Forever);
        return task.status;
    }
    let op = p.begin(task.number, false);
    p.effects.push(Effect::Sleep(op, total));
    task.stack.push(Frame::Op(op));
    task.status
}

pub(super) fn timeout(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut rest = argv.get(1..).unwrap_or(&[]);
    let (mut signal, mut kill_after, mut preserve) = (15, None, false);
    while let Some((first, more)) = rest.split_first() {
        let Some(option) = first.strip_prefix('-') else { break };
        rest = more;
        let (name, attached) = match option.strip_prefix('-') {
            Some(long) => long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v))),
            None => match option.split_at_checked(1) {
                Some((name, "")) => (name, None),
                Some((name, value)) => (name, Some(value)),
                None => (option, None),
            },
        };
        let mut value = || match attached {
            Some(value) => value.to_owned(),
            None => {
                let (value, more) = rest.split_first().unzip();
                rest = more.unwrap_or(&[]);
                value.cloned().unwrap_or_default()
            }
        };
        match name {
            "s" | "signal" => signal = signal_number(&value()).unwrap_or(15),
            "k" | "kill-after" => kill_after = duration(&value()),
            "preserve-status" => preserve = true,
            _ => {}
        }
    }
    let Some((time, command)) = rest.split_first() else { return 125 };
    let Some(time) = duration(time) else {
        p.complain(task, &format!("timeout: invalid number '{time}'"), io);
        return 125;
    };
    let fds = task.fds.clone();
    let Some((child, _)) = p.spawn(task, vec![Frame::Argv(command.to_vec())], fds, io) else {
        return 125;
    };
    let clock = p.begin(task.number, false);
    p.effects.push(Effect::Sleep(clock, time));
    let limit = Limit { child, clock, signal, kill_after, preserve, rang: false };
    task.stack.push(Frame::Timeout(Box::new(limit)));
    task.status
}

pub(super) fn trap(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut args = argv.get(1..).unwrap_or(&[]);
    if args.first().is_some_and(|a| a == "--") {
        args = args.get(1..).unwrap_or(&[]);
    }
    let Some((action, mut signals)) = args.split_first() else {
        let text: String = task
            .traps
            .iter()
            .map(|(n, text)| {
                let name = SIGNALS.iter().find(|(_, known)| known == n).map_or("?", |(s, _)| s);
                format!("trap -- '{text}' {name}\n")
            })
            .collect();
        let _ = p.write(task, 1, &text, io);
        return 0;
    };
    let mut action = Some(action.as_str());
    if signals.is_empty() {
        signals = args;
        action = None;
    }
    for name in signals {
        let Some(number) = signal_number(name) else {
            p.complain(task, &format!("sh: trap: {name}: invalid signal specification"), io);
            return 1;
        };
        match action {
            Some("-") | None => task.traps.remove(&number),
            Some(text) => task.traps.insert(number, text.into()),
        };
    }
    0
}

pub(super) fn wait(_: &mut Process, task: &mut Task, argv: &[String], _: &mut Io<'_>) -> u8 {
    let mut pids = Vec::new();
    for arg in argv.iter().skip(1) {
        let job = arg.strip_prefix('%').and_then(|n| n.parse::<usize>().ok());
        let pid = match job {
            Some(n) => task.jobs.keys().nth(n.saturating_sub(1)).copied(),
            None => arg.parse().ok(),
        };
        pids.push(pid.unwrap_or(0));
    }
    task.stack.push(Frame::Wait(pids));
    0
}

pub(super) fn kill(p: &mut Process, task: &mut Task, argv: &[String], io: &mut Io<'_>) -> u8 {
    let mut signal = 15;
    let mut targets = argv.get(1..).unwrap_or(&[]);
    if let Some(first) = targets.first() {
        let name = match first.as_str() {
            "-s" | "-n" => targets.get(1).map(String::as_str),
            "-l" => {
                let names: Vec<&str> = SIGNALS.iter().skip(1).map(|(name, _)| *name).collect();
                let _ = p.write(task, 1, &format!("{}\n", names.join(" ")), io);
                return 0;
            }
            other => other.strip_prefix('-'),
        };
        if let Some(name) = name {
            let Some(number) = signal_number(name) else {
                p.complain(task, &format!("sh: kill: bad signal name '{name}'"), io);
                return 1;
            };
            signal = number;
            let skip = if first == "-s" || first == "-n" { 2 } else { 1 };
            targets = targets.get(skip..).unwrap_or(&[]);
        }
    }
    let mut status = 0;
    for target in targets.iter().filter(|t| *t != "--") {
        let job = target.strip_prefix('%').and_then(|n| n.parse::<usize>().ok());
        let pid = match job {
            Some(n) => task.jobs.keys().nth(n.saturating_sub(1)).map(|p| i64::from(*p)),
            None => target.parse::<i64>().ok(),
        };
        let Some(pid) = pid else {
            p.complain(task, &format!("sh: invalid number '{target}'"), io);
            status = 1;
            continue;
        };
        if !p.send(task, pid, signal, io) {
            let why = "No such process";
            p.complain(task, &format!("sh: can't kill pid {pid}: {why}"), io);
            status = 1;
        }
    }
    status
}

fn signal_number(name: &str) -> Option<u8> {
    if let Ok(n) = name.parse::<u8>() {
        return (n <= 64).then_some(n);
    }
    let upper = name.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    SIGNALS.iter().find(|(known, _)| *known == short).map(|(_, n)| *n)
}

impl Process {
    pub(super) fn wait_jobs(&mut self, task: &mut Task, pids: Vec<u32>) {
        if let Some(signal) = task.pending.front() {
            task.status = 128_u8.saturating_add(*signal);
            return;
        }
        let wanted: Vec<u32> =
            if pids.is_empty() { task.jobs.keys().copied().collect() } else { pids.clone() };
        let mut status = 0;
        for pid in &wanted {
            let Some(number) = task.jobs.get(pid) else {
                status = 127;
                continue;
            };
            match self.done.get(number) {
                Some(code) => status = *code,
                None => {
                    task.waiting = true;
                    task.stack.push(Frame::Wait(pids));
                    return;
                }
            }
        }
        for pid in &wanted {
            if let Some(number) = task.jobs.remove(pid) {
                self.done.remove(&number);
            }
        }
        task.status = if pids.is_empty() { 0 } else { status };
    }

    /// Send a signal; false if there is no such process.
    fn send(&mut self, task: &mut Task, pid: i64, signal: u8, io: &Io<'_>) -> bool {
        let own = i64::from(self.pid);
        if pid == own {
            return self.signal_self(task, signal);
        }
        let child = self.tasks.values().find(|t| t.number != MAIN && i64::from(t.pid) == pid);
        if let Some((number, trapped)) = child.map(|t| (t.number, t.traps.get(&signal).cloned())) {
            match trapped {
                _ if signal == 0 => {}
                Some(text) if text.is_empty() && signal != 9 => {}
                Some(_) if signal != 9 => {
                    if let Some(child) = self.tasks.get_mut(&number) {
                        child.pending.push_back(signal);
                    }
                    self.wake_all();
                }
                Some(_) | None => self.signal_task(number, signal),
            }
            return true;
        }
        let was_job = u32::try_from(pid).is_ok_and(|pid| task.jobs.contains_key(&pid));
        let known = pid < 0 || io.facts.processes.iter().any(|(n, ..)| i64::from(*n) == pid);
        if was_job || !(known || pid == 1) {
            return false;
        }
        if signal != 0 {
            self.effects.push(Effect::Kill(pid, signal));
        }
        true
    }

    /// A signal without a trap reaches a task: it ends, unless it is only a command of its own.
    pub(super) fn signal_task(&mut self, number: u32, signal: u8) {
        let ops: Vec<_> = self.ops.iter().filter(|(_, (t, _))| *t == number).collect();
        let command = ops.iter().find(|(_, (_, command))| *command).map(|(op, _)| **op);
        let alone = self.tasks.get(&number).is_some_and(|task| {
            let under = task.stack.len().saturating_sub(1);
            task.stack.iter().take(under).all(Frame::over)
        });
        match command {
            Some(op) if alone => {
                self.effects.push(Effect::Signal(op, signal));
                if signal == 9 {
                    self.kill_task(number, 137);
                }
            }
            Some(_) | None => self.kill_task(number, 128_u8.saturating_add(signal)),
        }
    }

    fn signal_self(&mut self, task: &mut Task, signal: u8) -> bool {
        // The first process of a namespace gets no signal from inside that it does not handle.
        let alone = self.pid == 1;
        let trapped = task.traps.get(&signal).cloned();
        match trapped {
            _ if signal == 0 => {}
            Some(text) if signal != 9 => {
                if !text.is_empty() {
                    task.pending.push_back(signal);
                }
            }
            Some(_) | None if alone => {}
            Some(_) | None => {
                task.traps.clear();
                self.effects.push(Effect::Kill(i64::from(self.pid), signal));
                task.stack.clear();
                task.ended = Some(128_u8.saturating_add(signal));
            }
        }
        true
    }
}
