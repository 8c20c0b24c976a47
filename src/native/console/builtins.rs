//! What a line that begins with `@` does: one literal table, which `@help` prints.

use std::fmt::Write as _;
use std::fs;

use crate::base::time::SimDuration;
use crate::native::console::{Console, faults, objects};
use crate::net::Request;
use crate::view::{explain, map, object};
use crate::world::command::{Command, HostAction};
use crate::world::save::Save;

/// Exit code of a built-in that was misused, as of shells' own.
const MISUSED: u8 = 2;
/// Entries that `@events` shows if not told otherwise.
const EVENTS: usize = 40;
/// Most requests per second of one client, as on the page.
const MAX_RATE: u32 = 1_000;
/// How the learner's own computer is called beside a cluster; its host name.
const HOME: &str = "drydock";

/// What a built-in says if it is misused: one line.
type Told = Result<(), String>;

/// A built-in.
struct Builtin {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&mut Console, &[&str]) -> Told,
}

const BUILTINS: &[Builtin] = &[
    Builtin { name: "help", usage: "", about: "these lines", run: help },
    Builtin {
        name: "wait",
        usage: "TIME",
        about: "let simulated time pass: 30s, 1m30s, 2h",
        run: wait,
    },
    Builtin {
        name: "time",
        usage: "",
        about: "simulated time since the start, and the date",
        run: time,
    },
    Builtin {
        name: "hosts",
        usage: "",
        about: "the machines; the one of this terminal has a *",
        run: hosts,
    },
    Builtin {
        name: "on",
        usage: "HOST",
        about: "go to a terminal on another machine; drydock is your own computer beside a cluster",
        run: on,
    },
    Builtin {
        name: "host",
        usage: "HOST ACTION",
        about: "poweroff, boot, link-down, link-up; stop-, kill-, start-, pause- or resume-daemon",
        run: host,
    },
    Builtin {
        name: "fault",
        usage: "[KIND TARGET [for TIME]]",
        about: "break something; alone: the kinds, their targets, and what is broken",
        run: fault,
    },
    Builtin { name: "mend", usage: "KIND TARGET", about: "mend what @fault broke", run: mend },
    Builtin {
        name: "load",
        usage: "[NAME URL RATE [from HOST] | NAME stop]",
        about: "a client that sends RATE requests a second; alone: what became of them",
        run: load,
    },
    Builtin {
        name: "why",
        usage: "OBJECT",
        about: "why it is as it is: web-1, pod/web-1, deploy/web -n shop, node-1",
        run: why,
    },
    Builtin {
        name: "events",
        usage: "[COUNT]",
        about: "what happened last, with who did it",
        run: events,
    },
    Builtin {
        name: "save",
        usage: "FILE",
        about: "save the session; the page opens it",
        run: save,
    },
];

/// The actions of `@host`.
const ACTIONS: &[(&str, HostAction)] = &[
    ("poweroff", HostAction::PowerOff),
    ("boot", HostAction::Boot),
    ("link-down", HostAction::LinkDown),
    ("link-up", HostAction::LinkUp),
    ("stop-daemon", HostAction::StopDaemon),
    ("kill-daemon", HostAction::KillDaemon),
    ("start-daemon", HostAction::StartDaemon),
    ("pause-daemon", HostAction::PauseDaemon),
    ("resume-daemon", HostAction::ResumeDaemon),
];

/// Names that can follow a built-in's words, for completion.
#[must_use]
pub fn words(before: &[&str]) -> Vec<&'static str> {
    match before {
        [] => BUILTINS.iter().map(|builtin| builtin.name).collect(),
        ["@host", _] => ACTIONS.iter().map(|(name, _)| *name).collect(),
        ["@fault" | "@mend"] => faults::ROWS.iter().map(|row| row.name).collect(),
        _ => Vec::new(),
    }
}

impl Console {
    /// Run a built-in; returns its exit code.
    pub(super) fn builtin(&mut self, line: &str) -> u8 {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (name, args) = words.split_first().map_or(("", &[][..]), |(first, rest)| {
            (first.trim_start_matches(super::block::MARK), rest)
        });
        let Some(found) = BUILTINS.iter().find(|builtin| builtin.name == name) else {
            self.complain(&format!("@{name}: no such built-in; @help lists them"));
            return MISUSED;
        };
        match (found.run)(self, args) {
            Ok(()) => {
                // What it does at once has happened before the next line.
                let now = self.world().now();
                self.session.advance(now, super::MOMENT_EVENTS);
                0
            }
            Err(why) => {
                self.complain(&format!("@{name}: {why}"));
                MISUSED
            }
        }
    }
}

fn usage(name: &str) -> String {
    let usage = BUILTINS.iter().find(|builtin| builtin.name == name).map_or("", |b| b.usage);
    format!("usage: @{name} {usage}")
}

/// A length of simulated time.
fn duration(text: &str) -> Result<SimDuration, String> {
    SimDuration::parse_go(text).ok_or_else(|| format!("{text:?} is no time, such as 30s or 1m30s"))
}

/// A machine by name.
fn machine(console: &Console, name: &str) -> Result<(), String> {
    let map = map::map(console.world());
    let names: Vec<&str> = map.machines.iter().map(|m| m.name.as_str()).collect();
    if names.contains(&name) {
        return Ok(());
    }
    Err(format!("no machine is called {name:?}; there are {}", names.join(", ")))
}

fn help(console: &mut Console, _: &[&str]) -> Told {
    let mut text = String::new();
    for Builtin { name, usage, about, .. } in BUILTINS {
        let call = format!("@{name} {usage}");
        let _ = writeln!(text, "{call:<47} {about}");
    }
    console.say(&text);
    Ok(())
}

fn wait(console: &mut Console, args: &[&str]) -> Told {
    let [time] = args else { return Err(usage("wait")) };
    console.until = Some(console.world().now() + duration(time)?);
    Ok(())
}

fn time(console: &mut Console, _: &[&str]) -> Told {
    let now = console.world().now();
    console.say(&format!("{now} since the start, {}\n", now.rfc3339()));
    Ok(())
}

fn hosts(console: &mut Console, _: &[&str]) -> Told {
    let catalogue = console.catalogue();
    let map = map::map(console.world());
    let here = console.host();
    let mark = |name: &str| if name == here { '*' } else { ' ' };
    let mut text = String::new();
    if console.world().kube().is_some() {
        let _ = writeln!(text, "{} {HOME}", mark(""));
    }
    for machine in &map.machines {
        let state = catalogue.label(machine.state);
        let _ = writeln!(text, "{} {:<20} {state}", mark(&machine.name), machine.name);
    }
    console.say(&text);
    Ok(())
}

fn on(console: &mut Console, args: &[&str]) -> Told {
    let [host] = args else { return Err(usage("on")) };
    if *host == HOME {
        console.go_to("");
    } else {
        machine(console, host)?;
        console.go_to(host);
    }
    Ok(())
}

fn host(console: &mut Console, args: &[&str]) -> Told {
    let [host, action] = args else { return Err(usage("host")) };
    machine(console, host)?;
    let Some((_, action)) = ACTIONS.iter().find(|(name, _)| name == action) else {
        let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
        return Err(format!("{action:?} is no action; there are {}", names.join(", ")));
    };
    console.execute(Command::Host { host: (*host).to_owned(), action: *action });
    Ok(())
}

fn fault(console: &mut Console, args: &[&str]) -> Told {
    let (kind, target, lasting) = match args {
        [] => {
            let text = faults::list(console.world(), &console.catalogue());
            console.say(&text);
            return Ok(());
        }
        [kind, target] => (kind, target, None),
        [kind, target, "for", time] => (kind, target, Some(duration(time)?)),
        _ => return Err(usage("fault")),
    };
    let (row, kind) = faults::parse(kind)?;
    let target = faults::target(row, target, console.world())?;
    console.execute(Command::Break { kind, target, lasting });
    Ok(())
}

fn mend(console: &mut Console, args: &[&str]) -> Told {
    let [kind, target] = args else { return Err(usage("mend")) };
    let name = kind.split('=').next().unwrap_or(kind);
    let Some(row) = faults::ROWS.iter().find(|row| row.name == name) else {
        return Err(faults::unknown(name));
    };
    // What was broken may be gone by now; its name is still that of the fault.
    let known = faults::target(row, target, console.world());
    let goal = known.as_deref().unwrap_or(target).to_owned();
    let now = console.world().now();
    let active = console.world().faults().list.iter().filter(|fault| fault.active(now));
    let hit = active.filter(|f| f.target == goal && faults::name(&f.kind) == name);
    let kinds: Vec<_> = hit.map(|fault| fault.kind.clone()).collect();
    if kinds.is_empty() {
        return Err(format!("{name} is not in force on {target}; @fault lists what is"));
    }
    for kind in kinds {
        console.execute(Command::Mend { kind, target: goal.clone() });
    }
    Ok(())
}

/// Requests per second, in thousandths: `5`, `0.5`, `20/s`.
fn rate(text: &str) -> Result<u32, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let milli = || {
        let part: u32 = format!("{part:0<3}").get(..3)?.parse().ok()?;
        whole.parse::<u32>().ok().filter(|n| *n <= MAX_RATE)?.checked_mul(1_000)?.checked_add(part)
    };
    let fits = !whole.is_empty() && digits(whole) && digits(part);
    let found = if fits { milli() } else { None };
    found
        .filter(|rate| *rate > 0)
        .ok_or_else(|| format!("{text:?} is no rate, such as 5 or 0.5 requests a second"))
}

fn load(console: &mut Console, args: &[&str]) -> Told {
    let (name, url, rate_milli, from) = match args {
        [] => {
            let text = objects::loads(console.session());
            console.say(&text);
            return Ok(());
        }
        [name, "stop"] => {
            if console.world().load_named(name).is_none() {
                return Err(format!("no client is called {name:?}; @load lists them"));
            }
            (name, "", 0, "")
        }
        [name, url, per_second] => (name, *url, rate(per_second)?, ""),
        [name, url, per_second, "from", host] => {
            machine(console, host)?;
            (name, *url, rate(per_second)?, *host)
        }
        _ => return Err(usage("load")),
    };
    if rate_milli > 0 && Request::from_url(url).is_none() {
        return Err(format!("{url:?} is no address, such as http://node-1:30080/"));
    }
    let (name, url, from) = ((*name).to_owned(), url.to_owned(), from.to_owned());
    console.execute(Command::Load { name, url, from, rate_milli });
    Ok(())
}

fn why(console: &mut Console, args: &[&str]) -> Told {
    let (name, namespace) = match args {
        [name] => ((*name).to_owned(), None),
        [kind, name] => (format!("{kind}/{name}"), None),
        [name, "-n", namespace] => ((*name).to_owned(), Some(*namespace)),
        [kind, name, "-n", namespace] => (format!("{kind}/{name}"), Some(*namespace)),
        _ => return Err(usage("why")),
    };
    let focus = objects::find(console.world(), &name, namespace)?;
    let found = object::inspect(console.world(), &focus, &console.catalogue())
        .ok_or_else(|| format!("nothing is known of {name}"))?;
    let text = objects::explanation(&found);
    console.say(&text);
    Ok(())
}

fn events(console: &mut Console, args: &[&str]) -> Told {
    let count = match args {
        [] => EVENTS,
        [count] => count.parse().map_err(|_| format!("{count:?} is no number"))?,
        _ => return Err(usage("events")),
    };
    let catalogue = console.catalogue();
    let telling = console.world().trace().iter().rev().filter(|entry| explain::telling(entry));
    let mut lines: Vec<String> = telling
        .take(count)
        .map(|entry| {
            let text = explain::line(entry, &catalogue);
            format!("{} {:<24} {text}\n", entry.at, entry.actor.name)
        })
        .collect();
    lines.reverse();
    console.say(&lines.concat());
    Ok(())
}

fn save(console: &mut Console, args: &[&str]) -> Told {
    if args.is_empty() {
        return Err(usage("save"));
    }
    let path = args.join(" ");
    let save = Save::of(console.session()).to_json();
    fs::write(&path, save).map_err(|error| format!("{path}: {error}"))?;
    console.say(&format!("saved to {path}\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        for (text, wanted) in [
            ("5", Some(5_000)),
            ("0.5", Some(500)),
            ("20/s", Some(20_000)),
            ("0.0004", None),
            ("0", None),
            ("-1", None),
            ("fast", None),
            ("1001", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(rate(text).ok(), wanted, "{text}");
        }
    }
}
