//! All commands: words, face, code. Help and completion come from here.

use crate::shell::docker::flags::{Refusal, Spec};
use crate::shell::docker::{
    Start, State, attach, build, copy, exec, export, images, import, inspect, life, load, logs,
    networks, prune, ps, pull, refuse, registry, run, save, stats, system, volumes,
};
use crate::shell::job::Io;

/// One command: the words that lead to it (the first is its own path) and its code.
struct Entry {
    paths: &'static [&'static str],
    spec: &'static Spec,
    start: Start,
}

const fn entry(paths: &'static [&'static str], spec: &'static Spec, start: Start) -> Entry {
    Entry { paths, spec, start }
}

const COMMANDS: &[Entry] = &[
    entry(&["run", "container run"], &run::RUN, run::run),
    entry(&["create", "container create"], &run::CREATE, run::create),
    entry(&["exec", "container exec"], &exec::SPEC, exec::exec),
    entry(&["ps", "container ls", "container list", "container ps"], &ps::SPEC, ps::start),
    entry(&["build", "image build", "buildx build", "builder build"], &build::SPEC, build::build),
    entry(&["pull", "image pull"], &pull::SPEC, pull::pull),
    entry(&["push", "image push"], &registry::PUSH, registry::push),
    entry(&["search"], &registry::SEARCH, registry::search),
    entry(&["images", "image ls", "image list"], &images::IMAGES, images::images),
    entry(&["version"], &system::VERSION, system::version),
    entry(&["info", "system info"], &system::INFO, system::info),
    entry(&["attach", "container attach"], &attach::SPEC, attach::attach),
    entry(&["save", "image save"], &save::SPEC, save::save),
    entry(&["load", "image load"], &load::SPEC, load::load),
    entry(&["export", "container export"], &export::SPEC, export::export),
    entry(&["import", "image import"], &import::SPEC, import::import),
    entry(&["commit", "container commit"], &life::COMMIT, life::commit),
    entry(&["cp", "container cp"], &copy::SPEC, copy::copy),
    entry(&["diff", "container diff"], &life::DIFF, life::diff),
    entry(&["events", "system events"], &system::EVENTS, system::events),
    entry(&["history", "image history"], &images::HISTORY, images::history),
    entry(&["inspect"], &inspect::ANY, inspect::any),
    entry(&["kill", "container kill"], &life::KILL, life::kill),
    entry(&["logs", "container logs"], &logs::SPEC, logs::logs),
    entry(&["pause", "container pause"], &life::PAUSE, life::pause),
    entry(&["port", "container port"], &life::PORT, life::port),
    entry(&["rename", "container rename"], &life::RENAME, life::rename),
    entry(&["restart", "container restart"], &life::RESTART, life::restart),
    entry(&["rm", "container rm", "container remove"], &life::RM, life::rm),
    entry(&["rmi", "image rm", "image remove"], &images::RMI, images::rmi),
    entry(&["start", "container start"], &life::START, life::start),
    entry(&["stats", "container stats"], &stats::SPEC, stats::stats),
    entry(&["stop", "container stop"], &life::STOP, life::stop),
    entry(&["tag", "image tag"], &images::TAG, images::tag),
    entry(&["top", "container top"], &life::TOP, life::top),
    entry(&["unpause", "container unpause"], &life::UNPAUSE, life::unpause),
    entry(&["update", "container update"], &life::UPDATE, life::update),
    entry(&["wait", "container wait"], &life::WAIT, life::wait),
    entry(&["container inspect"], &inspect::CONTAINER, inspect::container),
    entry(&["container prune"], &prune::CONTAINER, prune::containers),
    entry(&["image inspect"], &inspect::IMAGE, inspect::image),
    entry(&["image prune"], &prune::IMAGE, prune::images),
    entry(&["builder prune", "buildx prune"], &prune::BUILDER, prune::builder),
    entry(&["network ls", "network list"], &networks::LS, networks::ls),
    entry(&["network create"], &networks::CREATE, networks::create),
    entry(&["network inspect"], &inspect::NETWORK, inspect::network),
    entry(&["network connect"], &networks::CONNECT, networks::connect),
    entry(&["network disconnect"], &networks::DISCONNECT, networks::disconnect),
    entry(&["network rm", "network remove"], &networks::RM, networks::rm),
    entry(&["network prune"], &prune::NETWORK, prune::networks),
    entry(&["volume ls", "volume list"], &volumes::LS, volumes::ls),
    entry(&["volume create"], &volumes::CREATE, volumes::create),
    entry(&["volume inspect"], &inspect::VOLUME, inspect::volume),
    entry(&["volume rm", "volume remove"], &volumes::RM, volumes::rm),
    entry(&["volume prune"], &prune::VOLUME, prune::volumes),
    entry(&["system df"], &system::DF, system::df),
    entry(&["system prune"], &prune::SYSTEM, prune::system),
];

/// Groups of commands with their help line.
const GROUPS: [(&str, &str); 7] = [
    ("builder", "Manage builds"),
    ("buildx", "Docker Buildx"),
    ("container", "Manage containers"),
    ("image", "Manage images"),
    ("network", "Manage networks"),
    ("system", "Manage Docker"),
    ("volume", "Manage volumes"),
];

/// Flags of `docker` itself that take a value.
const WITH_VALUE: [&str; 7] = ["--host", "-H", "--context", "-c", "--log-level", "-l", "--config"];

fn find(path: &str) -> Option<&'static Entry> {
    COMMANDS.iter().find(|e| e.paths.contains(&path))
}

/// Find a command and begin it. `words` are those after `docker`.
pub(crate) fn start(words: &[String], io: &mut Io<'_>) -> State {
    let mut words = words;
    while let [first, rest @ ..] = words {
        if !first.starts_with('-') {
            break;
        }
        words = match first.as_str() {
            "-v" | "--version" => {
                let version = "28.5.2";
                io.out(format!("Docker version {version}, build ecc6942\n"));
                io.exit(0);
                return State::Over;
            }
            "--help" | "-h" => {
                io.out(help());
                io.exit(0);
                return State::Over;
            }
            "-D" | "--debug" | "--tls" | "--tlsverify" => rest,
            flag if WITH_VALUE.contains(&flag) => rest.get(1..).unwrap_or(&[]),
            flag if flag.contains('=') => rest,
            flag => {
                let what = match flag.strip_prefix("--") {
                    Some(name) => format!("unknown flag: --{name}"),
                    None => {
                        let letters = flag.trim_start_matches('-');
                        let first = letters.chars().next().unwrap_or('-');
                        format!("unknown shorthand flag: '{first}' in -{letters}")
                    }
                };
                let text = format!(
                    "{what}\n\nUsage:  docker [OPTIONS] COMMAND [ARG...]\n\n\
                     Run 'docker --help' for more information"
                );
                return State::fail(&text, 125, io);
            }
        };
    }
    let Some(first) = words.first() else {
        io.err(help());
        io.exit(0);
        return State::Over;
    };
    if first == "help" {
        let path = words.get(1..).unwrap_or(&[]).join(" ");
        io.out(find(&path).map_or_else(help, command_help));
        io.exit(0);
        return State::Over;
    }
    if let Some((group, about)) = GROUPS.iter().find(|(g, _)| g == first) {
        return start_in_group(group, about, words.get(1..).unwrap_or(&[]), io);
    }
    match find(first) {
        Some(entry) => begin(entry, first, words.get(1..).unwrap_or(&[]), io),
        None => {
            let text = format!(
                "docker: unknown command: docker {first}\n\nRun 'docker --help' for more information"
            );
            State::fail(&text, 1, io)
        }
    }
}

fn start_in_group(group: &str, about: &str, words: &[String], io: &mut Io<'_>) -> State {
    let Some(word) = words.first() else {
        io.err(group_help(group, about));
        io.exit(0);
        return State::Over;
    };
    if word == "--help" || word == "-h" {
        io.out(group_help(group, about));
        io.exit(0);
        return State::Over;
    }
    let path = format!("{group} {word}");
    match find(&path) {
        Some(entry) => begin(entry, &path, words.get(1..).unwrap_or(&[]), io),
        None => {
            let text = format!(
                "docker: unknown command: docker {path}\n\nUsage:  docker {group}{}\n\n\
                 Run 'docker {group} --help' for more information",
                // Of all groups, only this one's line says so.
                if group == "volume" { " COMMAND" } else { "" }
            );
            State::fail(&text, 1, io)
        }
    }
}

fn begin(entry: &'static Entry, path: &str, words: &[String], io: &mut Io<'_>) -> State {
    // Builds are buildx's, whatever they are called by.
    let plugin = entry.spec.path == "build";
    let full = if plugin { "docker buildx build".to_owned() } else { format!("docker {path}") };
    match entry.spec.parse(&full, words) {
        Ok(parsed) => (entry.start)(parsed, io),
        Err(Refusal::Count(text)) if plugin => State::fail(&format!("ERROR: {text}"), 1, io),
        Err(refusal) => refuse(refusal, &entry.spec.help(&full, &aliases(entry)), io),
    }
}

fn aliases(entry: &Entry) -> Vec<String> {
    let mut paths: Vec<String> = entry.paths.iter().map(|p| format!("docker {p}")).collect();
    // Help names the long form first.
    if let [_, _, ..] = paths.as_slice() {
        paths.swap(0, 1);
    }
    paths
}

fn command_help(entry: &Entry) -> String {
    let path = format!("docker {}", entry.spec.path);
    entry.spec.help(&path, &aliases(entry))
}

/// Rows of name and help line.
fn rows(rows: &[(&str, &str)]) -> String {
    let widest = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().map(|(name, about)| format!("  {name:widest$}  {about}\n")).collect()
}

fn group_help(group: &str, about: &str) -> String {
    let prefix = format!("{group} ");
    let mut list: Vec<(&str, &str)> = COMMANDS
        .iter()
        .filter_map(|e| {
            let path = e.paths.iter().find_map(|p| p.strip_prefix(&prefix))?;
            Some((path, e.spec.about))
        })
        .collect();
    list.sort_unstable();
    format!(
        "Usage:  docker {group} COMMAND\n\n{about}\n\nCommands:\n{}\nRun 'docker {group} COMMAND \
         --help' for more information on a command.\n",
        rows(&list)
    )
}

fn help() -> String {
    const COMMON: [&str; 8] = ["run", "exec", "ps", "build", "pull", "images", "version", "info"];
    let pick = |common: bool| {
        let list = COMMANDS.iter().filter(|e| !e.spec.path.contains(' '));
        let list = list.filter(|e| COMMON.contains(&e.spec.path) == common);
        list.map(|e| (e.spec.path, e.spec.about)).collect::<Vec<_>>()
    };
    format!(
        "Usage:  docker [OPTIONS] COMMAND\n\nA self-sufficient runtime for containers\n\n\
         Common Commands:\n{}\nManagement Commands:\n{}\nCommands:\n{}\n\
         Run 'docker COMMAND --help' for more information on a command.\n",
        rows(&pick(true)),
        rows(&GROUPS),
        rows(&pick(false))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_unique() {
        let mut all: Vec<&str> = COMMANDS.iter().flat_map(|e| e.paths).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
