//! Commands that act on containers: start, stop, restart, kill, pause, unpause, rm, rename, update,
//! wait, port, top, diff, commit.

use crate::base::table::tabwriter;
use crate::docker::api::{
    ApiError, ChangeKind, Reply, Request, RestartPolicy, UpdateConfig, WaitCondition,
};
use crate::docker::{ImageRef, human_size};
use crate::shell::docker::State;
use crate::shell::docker::attach::Attach;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::{Each, One, print_name, print_nothing};
use crate::shell::job::Io;

const fn spec(
    path: &'static str,
    usage: &'static str,
    about: &'static str,
    count: Count,
    flags: &'static [Flag],
) -> Spec {
    Spec { path, usage, about, count, stop_at_argument: false, flags }
}

const SIGNAL: Flag = flag("signal", 's', Kind::Text, "Signal to send to the container");
const TIMEOUT: Flag =
    flag("timeout", 't', Kind::Int, "Seconds to wait before killing the container");
/// The older name of `--timeout`.
const TIME: Flag = flag("time", ' ', Kind::Int, "Seconds to wait before killing the container");
const MANY: &str = "[OPTIONS] CONTAINER [CONTAINER...]";
const PLAIN: &str = "CONTAINER [CONTAINER...]";
const SOME: Count = Count::AtLeast(1);

pub(crate) const START: Spec = spec(
    "start",
    MANY,
    "Start one or more stopped containers",
    SOME,
    &[
        flag("attach", 'a', Kind::Bool, "Attach STDOUT/STDERR and forward signals"),
        flag("interactive", 'i', Kind::Bool, "Attach container's STDIN"),
        flag("detach-keys", ' ', Kind::Text, "Override the key sequence for detaching a container"),
    ],
);
pub(crate) const STOP: Spec =
    spec("stop", MANY, "Stop one or more running containers", SOME, &[SIGNAL, TIMEOUT, TIME]);
pub(crate) const RESTART: Spec =
    spec("restart", MANY, "Restart one or more containers", SOME, &[SIGNAL, TIMEOUT, TIME]);
pub(crate) const KILL: Spec =
    spec("kill", MANY, "Kill one or more running containers", SOME, &[SIGNAL]);
pub(crate) const PAUSE: Spec =
    spec("pause", PLAIN, "Pause all processes within one or more containers", SOME, &[]);
pub(crate) const UNPAUSE: Spec =
    spec("unpause", PLAIN, "Unpause all processes within one or more containers", SOME, &[]);
pub(crate) const WAIT: Spec = spec(
    "wait",
    PLAIN,
    "Block until one or more containers stop, then print their exit codes",
    SOME,
    &[],
);
pub(crate) const RM: Spec = spec(
    "rm",
    MANY,
    "Remove one or more containers",
    SOME,
    &[
        flag("force", 'f', Kind::Bool, "Force the removal of a running container (uses SIGKILL)"),
        flag("link", 'l', Kind::Bool, "Remove the specified link"),
        flag("volumes", 'v', Kind::Bool, "Remove anonymous volumes associated with the container"),
    ],
);
pub(crate) const RENAME: Spec =
    spec("rename", "CONTAINER NEW_NAME", "Rename a container", Count::Exactly(2), &[]);
pub(crate) const UPDATE: Spec = spec(
    "update",
    MANY,
    "Update configuration of one or more containers",
    SOME,
    &[
        flag("cpu-shares", 'c', Kind::Int, "CPU shares (relative weight)"),
        flag("cpus", ' ', Kind::Decimal, "Number of CPUs"),
        flag("memory", 'm', Kind::Bytes, "Memory limit"),
        flag("memory-reservation", ' ', Kind::Bytes, "Memory soft limit"),
        flag(
            "memory-swap",
            ' ',
            Kind::Swap,
            "Swap limit equal to memory plus swap: -1 to enable unlimited swap",
        ),
        flag("pids-limit", ' ', Kind::Int, "Tune container pids limit (set -1 for unlimited)"),
        flag("restart", ' ', Kind::Text, "Restart policy to apply when a container exits"),
    ],
);
pub(crate) const PORT: Spec = spec(
    "port",
    "CONTAINER [PRIVATE_PORT[/PROTO]]",
    "List port mappings or a specific mapping for the container",
    Count::Between(1, 2),
    &[],
);
pub(crate) const TOP: Spec = Spec {
    stop_at_argument: true,
    ..spec(
        "top",
        "CONTAINER [ps OPTIONS]",
        "Display the running processes of a container",
        SOME,
        &[],
    )
};
pub(crate) const DIFF: Spec = spec(
    "diff",
    "CONTAINER",
    "Inspect changes to files or directories on a container's filesystem",
    Count::Exactly(1),
    &[],
);
pub(crate) const COMMIT: Spec = spec(
    "commit",
    "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
    "Create a new image from a container's changes",
    Count::Between(1, 2),
    &[
        flag(
            "author",
            'a',
            Kind::Text,
            "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")",
        ),
        flag("change", 'c', Kind::List, "Apply Dockerfile instruction to the created image"),
        flag("message", 'm', Kind::Text, "Commit message"),
        flag("pause", 'p', Kind::Bool, "Pause container during commit (default true)"),
    ],
);

fn each(
    parsed: Parsed,
    request: impl Fn(&str) -> Request,
    done: crate::shell::docker::flow::Done,
) -> Each {
    let requests = parsed.args.iter().map(|name| (name.clone(), request(name))).collect();
    Each::new(parsed, requests, done)
}

fn timeout(parsed: &Parsed) -> Option<i64> {
    parsed.int("timeout").or_else(|| parsed.int("time"))
}

fn signal(parsed: &Parsed) -> Option<String> {
    parsed.has("signal").then(|| parsed.text("signal").to_owned())
}

pub(crate) fn start(parsed: Parsed, io: &mut Io<'_>) -> State {
    if parsed.is("attach") || parsed.is("interactive") {
        if parsed.args.len() > 1 {
            return State::fail("you cannot start and attach multiple containers at once", 1, io);
        }
        return State::Attach(Box::new(Attach::starting(&parsed, io)));
    }
    let each = each(parsed, |id| Request::ContainerStart { id: id.to_owned() }, print_name);
    State::Each(each.summary(start_summary).begin(io))
}

fn start_summary(failed: &[String]) -> Option<String> {
    Some(format!("Error: failed to start containers: {}", failed.join(", ")))
}

pub(crate) fn stop(parsed: Parsed, io: &mut Io<'_>) -> State {
    let (signal, timeout) = (signal(&parsed), timeout(&parsed));
    let request =
        |id: &str| Request::ContainerStop { id: id.to_owned(), signal: signal.clone(), timeout };
    State::Each(each(parsed, request, print_name).parallel().begin(io))
}

pub(crate) fn restart(parsed: Parsed, io: &mut Io<'_>) -> State {
    let (signal, timeout) = (signal(&parsed), timeout(&parsed));
    let request =
        |id: &str| Request::ContainerRestart { id: id.to_owned(), signal: signal.clone(), timeout };
    State::Each(each(parsed, request, print_name).begin(io))
}

pub(crate) fn kill(parsed: Parsed, io: &mut Io<'_>) -> State {
    let signal = signal(&parsed).unwrap_or_default();
    let request = |id: &str| Request::ContainerKill { id: id.to_owned(), signal: signal.clone() };
    State::Each(each(parsed, request, print_name).parallel().begin(io))
}

pub(crate) fn pause(parsed: Parsed, io: &mut Io<'_>) -> State {
    let request = |id: &str| Request::ContainerPause { id: id.to_owned() };
    State::Each(each(parsed, request, print_name).parallel().begin(io))
}

pub(crate) fn unpause(parsed: Parsed, io: &mut Io<'_>) -> State {
    let request = |id: &str| Request::ContainerUnpause { id: id.to_owned() };
    State::Each(each(parsed, request, print_name).parallel().begin(io))
}

pub(crate) fn wait(parsed: Parsed, io: &mut Io<'_>) -> State {
    let request = |id: &str| Request::ContainerWait {
        id: id.to_owned(),
        condition: WaitCondition::NotRunning,
    };
    State::Each(each(parsed, request, print_code).begin(io))
}

fn print_code(_: &Parsed, _: &str, reply: Reply, io: &mut Io<'_>) {
    if let Reply::Exit { code, .. } = reply {
        io.out(format!("{code}\n"));
    }
}

pub(crate) fn rm(parsed: Parsed, io: &mut Io<'_>) -> State {
    let (force, volumes, link) = (parsed.is("force"), parsed.is("volumes"), parsed.is("link"));
    let request = |id: &str| Request::ContainerRemove { id: id.to_owned(), force, volumes, link };
    State::Each(each(parsed, request, print_name).parallel().forgive(missing_is_fine).begin(io))
}

fn missing_is_fine(parsed: &Parsed, error: &ApiError) -> bool {
    parsed.is("force") && error.status == 404
}

pub(crate) fn rename(parsed: Parsed, io: &mut Io<'_>) -> State {
    let [old, new] = parsed.args.as_slice() else { return State::Over };
    let (old, new) = (old.trim().to_owned(), new.trim().to_owned());
    if old.is_empty() || new.is_empty() {
        return State::fail("Error: Neither old nor new names may be empty", 1, io);
    }
    let request = Request::ContainerRename { id: old.clone(), name: new };
    let each = Each::new(parsed, vec![(old, request)], print_nothing).summary(rename_summary);
    State::Each(each.begin(io))
}

fn rename_summary(failed: &[String]) -> Option<String> {
    failed.first().map(|name| format!("Error: failed to rename container named {name}"))
}

/// Read `always`, `on-failure:3`.
pub(crate) fn restart_policy(text: &str) -> Result<RestartPolicy, String> {
    let (name, count) = match text.split_once(':') {
        Some((name, count)) => (name, Some(count)),
        None => (text, None),
    };
    if name.is_empty() && count.is_some() {
        return Err("invalid restart policy format: no policy provided before colon".to_owned());
    }
    let maximum_retry_count = match count {
        None => 0,
        Some(count) => count.parse().map_err(|_| {
            "invalid restart policy format: maximum retry count must be an integer".to_owned()
        })?,
    };
    Ok(RestartPolicy { name: name.to_owned(), maximum_retry_count })
}

pub(crate) fn update(parsed: Parsed, io: &mut Io<'_>) -> State {
    let names = [
        "cpu-shares",
        "cpus",
        "memory",
        "memory-reservation",
        "memory-swap",
        "pids-limit",
        "restart",
    ];
    if !names.iter().any(|n| parsed.has(n)) {
        let text = "you must provide one or more flags when using this command";
        return State::fail(text, 1, io);
    }
    let restart = match parsed.has("restart").then(|| restart_policy(parsed.text("restart"))) {
        Some(Err(text)) => return State::fail(&text, 1, io),
        Some(Ok(policy)) => Some(policy),
        None => None,
    };
    let config = UpdateConfig {
        memory: parsed.bytes("memory"),
        memory_swap: parsed.bytes("memory-swap"),
        memory_reservation: parsed.bytes("memory-reservation"),
        nano_cpus: parsed.nano("cpus"),
        cpu_shares: parsed.int("cpu-shares"),
        pids_limit: parsed.int("pids-limit"),
        restart,
    };
    let request = |id: &str| Request::ContainerUpdate { id: id.to_owned(), config: config.clone() };
    State::Each(each(parsed, request, print_name).begin(io))
}

pub(crate) fn port(parsed: Parsed, io: &mut Io<'_>) -> State {
    let id = parsed.args.first().cloned().unwrap_or_default();
    let request = Request::ContainerInspect { id, size: false };
    State::One(One::ask(parsed, request, print_ports, io))
}

fn print_ports(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Container(c) = reply else { return 1 };
    let asked = parsed.args.get(1);
    let wanted =
        asked.map(|text| if text.contains('/') { text.clone() } else { format!("{text}/tcp") });
    let mut found = false;
    for (port, bindings) in &c.ports {
        if wanted.as_ref().is_some_and(|w| *w != port.to_string()) {
            continue;
        }
        for binding in bindings {
            found = true;
            let host = if binding.host_ip.contains(':') {
                format!("[{}]", binding.host_ip)
            } else {
                binding.host_ip.clone()
            };
            let at = format!("{host}:{}", binding.host_port);
            let line = if wanted.is_some() { at } else { format!("{port} -> {at}") };
            io.out(format!("{line}\n"));
        }
    }
    match asked {
        Some(port) if !found => {
            let name = parsed.args.first().map_or("", String::as_str);
            io.err(format!("Error: No public port '{port}' published for {name}\n"));
            1
        }
        _ => 0,
    }
}

pub(crate) fn top(parsed: Parsed, io: &mut Io<'_>) -> State {
    let id = parsed.args.first().cloned().unwrap_or_default();
    let ps_args = parsed.args.iter().skip(1).cloned().collect();
    let request = Request::ContainerTop { id, ps_args };
    State::One(One::ask(parsed, request, print_top, io))
}

fn print_top(_: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Top { titles, processes } = reply else { return 1 };
    let mut rows = vec![titles];
    rows.extend(processes);
    // `tabwriter.NewWriter(out, 20, 1, 3, ' ', 0)`.
    io.out(tabwriter(&rows, 20, 3));
    0
}

pub(crate) fn diff(parsed: Parsed, io: &mut Io<'_>) -> State {
    let id = parsed.args.first().cloned().unwrap_or_default();
    State::One(One::ask(parsed, Request::ContainerDiff { id }, print_diff, io))
}

fn print_diff(_: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Changes(changes) = reply else { return 1 };
    for change in changes {
        let letter = match change.kind {
            ChangeKind::Added => 'A',
            ChangeKind::Modified => 'C',
            ChangeKind::Deleted => 'D',
        };
        io.out(format!("{letter} {}\n", change.path));
    }
    0
}

pub(crate) fn commit(parsed: Parsed, io: &mut Io<'_>) -> State {
    let arg = |at: usize| parsed.args.get(at).cloned().unwrap_or_default();
    if !arg(1).is_empty()
        && let Err(why) = ImageRef::parse(&arg(1))
    {
        return State::fail(&why, 1, io);
    }
    let request = Request::ContainerCommit {
        id: arg(0),
        reference: arg(1),
        comment: parsed.text("message").to_owned(),
        author: parsed.text("author").to_owned(),
        changes: parsed.list("change").to_vec(),
        pause: !parsed.has("pause") || parsed.is("pause"),
    };
    State::One(One::ask(parsed, request, print_id, io))
}

/// Print the id of what was made.
#[expect(clippy::wildcard_enum_match_arm, reason = "only these answers carry an id")]
pub(crate) fn print_id(_: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    match reply {
        Reply::ImageId(id) => io.out(format!("{id}\n")),
        Reply::Created { id, warnings } => {
            for warning in warnings {
                io.err(format!("WARNING: {warning}\n"));
            }
            io.out(format!("{id}\n"));
        }
        _ => return 1,
    }
    0
}

/// `Total reclaimed space: …`.
pub(crate) fn reclaimed(bytes: u64) -> String {
    format!("Total reclaimed space: {}\n", human_size(bytes))
}
