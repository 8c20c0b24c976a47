//! What applying a file would change: the real command, tried on a copy of the world.

use crate::base::time::{SimDuration, SimTime};
use crate::view::editor::Dialect;
use crate::world::command::Command;
use crate::world::world::World;

/// How long the command may take, in simulated time.
const PATIENCE: SimDuration = SimDuration(120_000_000);
/// Most events until it has answered.
const MAX_EVENTS: u32 = 200_000;
/// Most lines shown.
const MAX_LINES: usize = 400;

/// What would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// The command that finds it out.
    pub command: String,
    /// Its lines: class (`head`, `add`, `del`, `same`, `err`), text.
    pub lines: Vec<(&'static str, String)>,
}

/// Try a file with changes not yet written. `name` is its path below the learner's home.
#[must_use]
pub fn preview(world: &World, host: &str, name: &str, text: &str, dialect: Dialect) -> Preview {
    let command = match dialect {
        Dialect::Kubernetes => format!("kubectl diff -f {name}"),
        Dialect::Compose | Dialect::Stack => format!("docker compose -f {name} --dry-run up -d"),
    };
    let cwd = "/home/student";
    let mut copy = world.clone();
    let (path, text) = (format!("{cwd}/{name}"), text.to_owned());
    copy.execute(Command::Write { host: host.to_owned(), path, text });
    let run = copy.next_run();
    let (host, cwd) = (host.to_owned(), cwd.to_owned());
    copy.execute(Command::Script { host, cwd, text: command.clone(), tty: false });
    let end = SimTime(copy.now().0 + PATIENCE.0);
    for _ in 0..MAX_EVENTS {
        let over = copy.finished(run).is_some() || copy.next_at().is_none_or(|at| at > end);
        if over || !copy.step() {
            break;
        }
    }
    let Some(done) = copy.finished(run) else { return Preview { command, lines: Vec::new() } };
    let mut lines = match dialect {
        Dialect::Kubernetes => differences(&done.stdout),
        Dialect::Compose | Dialect::Stack => steps(&done.stderr),
    };
    if done.exit > 1 || (done.exit == 1 && lines.is_empty()) {
        let text = done.stderr.lines().filter(|line| !line.trim().is_empty());
        lines.extend(text.map(|line| ("err", line.to_owned())));
    }
    lines.truncate(MAX_LINES);
    Preview { command, lines }
}

/// A unified diff without what says nothing to a person: names of temporary files, times, counters.
fn differences(text: &str) -> Vec<(&'static str, String)> {
    let mut objects: Vec<(String, Vec<(&'static str, String)>)> = Vec::new();
    for line in text.lines() {
        if let Some(paths) = line.strip_prefix("+++ ") {
            let path = paths.split_whitespace().next().unwrap_or("");
            objects.push((path.rsplit('/').next().unwrap_or(path).to_owned(), Vec::new()));
            continue;
        }
        let headers = ["diff ", "--- ", "@@"].iter().any(|head| line.starts_with(head));
        let field = line.get(1..).unwrap_or("").trim_start();
        let counters = COUNTERS.iter().any(|name| field.starts_with(name));
        let Some((_, lines)) = objects.last_mut().filter(|_| !headers && !counters) else {
            continue;
        };
        let class = match line.chars().next() {
            Some('+') => "add",
            Some('-') => "del",
            _ => "same",
        };
        lines.push((class, line.to_owned()));
    }
    let mut all = Vec::new();
    for (name, lines) in objects {
        if lines.iter().all(|(class, _)| *class == "add") {
            all.push(("add", format!("+ {name}")));
        } else {
            all.push(("head", name));
            all.extend(lines);
        }
    }
    all
}

/// What a dry run would do, each thing once with what becomes of it.
fn steps(text: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(String, &'static str, String)> = Vec::new();
    for line in text.lines() {
        let line = line.trim().trim_start_matches("DRY-RUN MODE - ").trim();
        let Some((thing, state)) = line.rsplit_once(' ') else { continue };
        let Some((class, sign)) = STATES.iter().find(|s| s.0 == state).map(|s| (s.1, s.2)) else {
            continue;
        };
        if !found.iter().any(|f| f.0 == thing) {
            let words = format!("{sign} {} {state}", thing.trim_end());
            found.push((thing.to_owned(), class, words));
        }
    }
    found.into_iter().map(|(_, class, text)| (class, text)).collect()
}

/// Fields that change with everything else.
const COUNTERS: [&str; 3] = ["generation:", "creationTimestamp:", "uid:"];

/// What `docker compose` says in the end of a thing that it changes, or leaves.
const STATES: [(&str, &str, &str); 9] = [
    ("Pulled", "add", "+"),
    ("Built", "add", "+"),
    ("Created", "add", "+"),
    ("Started", "add", "+"),
    ("Recreated", "mod", "~"),
    ("Stopped", "del", "-"),
    ("Removed", "del", "-"),
    ("Running", "same", " "),
    ("Exists", "same", " "),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::demo;
    use crate::world::session::Session;

    fn shop(host: &str) -> Session {
        let (genesis, line) = match host {
            "" => (demo::kubernetes(7), "kubectl apply -f shop.yaml"),
            _ => (demo::compose(7), "docker compose up -d"),
        };
        let mut session = Session::new(genesis);
        for command in demo::opening(host, line, "http://host:8080/") {
            session.execute(command);
        }
        session.advance(SimTime::from_secs(60), 2_000_000);
        session
    }

    #[test]
    fn a_changed_manifest_shows_its_fields_and_a_new_one_its_name() {
        let session = shop("");
        let same = demo::KUBERNETES_EXAMPLE;
        let more = same.replace("replicas: 3", "replicas: 5");
        let more = format!("{more}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\n");
        let shown = |text: &str| {
            let found = preview(session.head(), "", "shop.yaml", text, Dialect::Kubernetes);
            assert_eq!(found.command, "kubectl diff -f shop.yaml");
            let lines = found.lines.into_iter().filter(|line| line.0 != "same");
            lines.map(|(class, text)| format!("{class} {text}")).collect::<Vec<_>>()
        };
        assert_eq!(shown(same), Vec::<String>::new());
        assert_eq!(
            shown(&more),
            [
                "head apps.v1.Deployment.default.web",
                "del -  replicas: 3",
                "add +  replicas: 5",
                "add + v1.ConfigMap.default.c",
            ]
        );
        assert!(shown("kind: Nothing")[0].starts_with("err "));
        // Nothing of it happened.
        let files = session.head().files("");
        assert!(crate::posix::FileSystem::read(files, "/home/student/shop.yaml").is_ok());
    }

    #[test]
    fn a_changed_compose_file_shows_what_becomes_of_each_container() {
        let session = shop("host");
        let more = demo::COMPOSE_EXAMPLE.replace("httpd:2.4", "httpd:2.4-alpine");
        let more =
            more.replace("volumes:\n  data:", "  cache:\n    image: redis:7\nvolumes:\n  data:");
        let found = preview(session.head(), "host", "compose.yaml", &more, Dialect::Compose);
        let lines: Vec<&str> = found.lines.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            lines,
            [
                "+ api Pulled",
                "+ Container student-cache-1 Created",
                "  Container student-db-1 Running",
                "~ Container student-api-1 Recreated",
                "  Container student-web-1 Running",
            ]
        );
    }
}
