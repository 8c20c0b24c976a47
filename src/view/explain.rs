//! The trace in words: one line per entry, and the chain of causes that ends in one.

use crate::engine::fault::FaultKind;
use crate::engine::trace::{TraceEntry, TraceId};
use crate::text::Catalogue;
use crate::world::world::World;

/// One sentence for a trace entry, in the language of the catalogue.
#[must_use]
pub fn line(entry: &TraceEntry, catalogue: &Catalogue) -> String {
    catalogue.say(&entry.what)
}

/// One step of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, in microseconds of the world.
    pub at: crate::base::time::SimTime,
    /// The component's real name, with its host.
    pub actor: String,
    /// The sentence.
    pub text: String,
    /// What it is about.
    pub subject: String,
}

/// What goes on all the time and tells nothing new.
const ROUTINE: [&str; 10] = [
    "why-kubelet-node-reported",
    "why-kubelet-reported",
    "why-kubelet-refreshed",
    "why-kubelet-admitted",
    "why-kubelet-start",
    "why-kube-node-no-schedule",
    "why-kube-finalizer-done",
    "why-kube-replicaset-revision",
    "why-machine-exited",
    "why-machine-oom-exit",
];

/// Whether an entry tells something that a person does not know from the entries around it.
#[must_use]
pub fn telling(entry: &TraceEntry) -> bool {
    !ROUTINE.contains(&entry.what.id)
}

/// The causes of an entry, first cause first: without routine, and with what happened again and
/// again told once.
#[must_use]
pub fn steps(world: &World, id: TraceId, catalogue: &Catalogue) -> Vec<Step> {
    let mut chain = world.trace().why(id);
    if let Some(fault) = chain.iter().rev().find_map(|entry| fault_on(world, entry)) {
        // What came before a fault is not what it caused.
        chain.retain(|entry| entry.id > fault.id);
        chain.insert(0, fault);
    }
    let mut shown: Vec<(&TraceEntry, u32)> = Vec::new();
    for entry in chain {
        match shown.last_mut() {
            Some((last, times))
                if last.what.id == entry.what.id && last.subject == entry.subject =>
            {
                *last = entry;
                *times += 1;
            }
            _ if telling(entry) || entry.id == id => shown.push((entry, 1)),
            _ => {}
        }
    }
    let told = shown.into_iter().map(|(entry, times)| {
        let mut step = step(entry, catalogue);
        if times > 1 {
            step.text = format!("{} (×{times})", step.text);
        }
        step
    });
    told.collect()
}

/// A fault that was in force on the thing of an entry when it was written: what hangs or is silent
/// writes nothing, others notice that it does not answer.
fn fault_on<'a>(world: &'a World, entry: &TraceEntry) -> Option<&'a TraceEntry> {
    let silent = SILENT.iter().any(|part| entry.what.id.contains(part));
    let missed = entry.actor.name == "node-controller";
    let noticed = |kind: &FaultKind| {
        let dark =
            matches!(kind, FaultKind::HostDown | FaultKind::LinkDown | FaultKind::ProcessDown);
        (silent && *kind == FaultKind::Hang) || (missed && dark)
    };
    let faults = world.faults().list.iter().rev();
    let mut lasting = faults.filter(|f| f.active(entry.at) && noticed(&f.kind));
    lasting.find_map(|fault| {
        let trace = world.trace().iter().rev().skip_while(|e| e.at > fault.from);
        let mut then = trace.take_while(|e| e.at == fault.from);
        then.find(|e| e.actor.name == "fault" && e.subject == entry.subject)
    })
}

/// Parts of the ids of entries that tell of a missing answer.
const SILENT: [&str; 2] = ["probe", "unhealthy"];

fn step(entry: &TraceEntry, catalogue: &Catalogue) -> Step {
    let name = match entry.actor.name {
        "you" => catalogue.label("actor-you"),
        component => component.to_owned(),
    };
    let actor =
        if entry.actor.host.is_empty() { name } else { format!("{name} ({})", entry.actor.host) };
    Step { at: entry.at, actor, text: line(entry, catalogue), subject: entry.subject.0.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use crate::view::focus::Focus;
    use crate::view::{map, object, screen};
    use crate::world::command::Command;
    use crate::world::demo;
    use crate::world::session::Session;

    fn run(session: &mut Session, seconds: u64) {
        let to = SimTime(session.head().now().0 + seconds * 1_000_000);
        session.advance(to, 5_000_000);
    }

    fn shop(host: &str) -> Session {
        let (genesis, line, url) = match host {
            "" => (demo::kubernetes(7), "kubectl apply -f shop.yaml", "http://node-1:30080/"),
            _ => (demo::compose(7), "docker compose up -d", "http://host:8080/"),
        };
        let mut session = Session::new(genesis);
        for command in demo::opening(host, line, url) {
            session.execute(command);
        }
        run(&mut session, 60);
        session
    }

    fn strike(session: &mut Session, start: &str, kind: FaultKind, seconds: u64) -> Focus {
        let map = map::map(session.head());
        let all = screen::breakable(session.head(), &map);
        let place = all.into_iter().find(|b| b.name.starts_with(start)).unwrap();
        session.execute(Command::Break { kind, target: place.target, lasting: None });
        run(session, seconds);
        place.focus.unwrap()
    }

    fn chain(session: &Session, focus: &Focus) -> Vec<String> {
        let found = object::inspect(session.head(), focus, &Catalogue::new("en")).unwrap();
        found.why.into_iter().map(|step| step.text).collect()
    }

    /// A chain tells these things, one after the other.
    fn tells(session: &Session, focus: &Focus, wanted: &[&str]) {
        let chain = chain(session, focus);
        assert_eq!(chain.len(), wanted.len(), "{chain:#?}");
        for (text, part) in chain.iter().zip(wanted) {
            assert!(text.contains(part), "{part}: {chain:#?}");
        }
    }

    #[test]
    fn every_pod_comes_from_its_own_deployment() {
        let session = shop("");
        let map = map::map(session.head());
        for (_, tile) in map::tiles(&map) {
            let app = tile.name.split('-').next().unwrap();
            let chain = chain(&session, &tile.focus);
            assert!(chain[0].contains("kubectl apply"), "{chain:#?}");
            assert!(chain[1].contains(&format!("Deployment/{app}")), "{chain:#?}");
            assert!(chain[2].contains(&format!("deployment {app} is new")), "{chain:#?}");
            assert!(chain.last().unwrap().contains("started container"), "{chain:#?}");
        }
    }

    #[test]
    fn faults_are_the_cause_of_what_follows() {
        let mut session = shop("");
        let pod = strike(&mut session, "web-", FaultKind::Hang, 30);
        tells(&session, &pod, &["hangs", "readiness probe of container web failed"]);
        let pod = strike(&mut session, "api-", FaultKind::ContainerOom, 1);
        let oom = ["ran out of memory", "limit of 256 MiB", "(OOMKilled)", "started container api"];
        tells(&session, &pod, &oom);
        let node = strike(&mut session, "node-2", FaultKind::HostDown, 60);
        tells(&session, &node, &["node-2 lost its power", "got the taint"]);
        let mut docker = shop("host");
        let container = strike(&mut docker, "student-api", FaultKind::ContainerExit(1), 2);
        tells(&docker, &container, &["exited", "code 1", "Restart policy", "dockerd started"]);
        let host = strike(&mut docker, "host", FaultKind::HostDown, 2);
        tells(&docker, &host, &["lost its power", "everything on it stopped"]);
        tells(&docker, &container, &["lost its power", "everything on it stopped"]);
    }

    #[test]
    fn what_compose_made_for_others_is_no_cause() {
        let session = shop("host");
        let map = map::map(session.head());
        let of = |name: &str| {
            let found = map::tiles(&map).find(|(_, t)| t.name == name).unwrap().1;
            chain(&session, &found.focus)
        };
        let own = ["compose up -d", "redis:7", "created container", "started container"];
        let db = of("student-db-1");
        for (text, part) in db.iter().zip(own) {
            assert!(text.contains(part), "{part}: {db:#?}");
        }
        let others = ["student-api", "student-web", "httpd", "nginx"];
        assert!(db.iter().all(|text| others.iter().all(|o| !text.contains(o))), "{db:#?}");
        let web = of("student-web-1");
        let awaited = [
            "compose up -d",
            "started container student-db-1",
            "db is healthy, so api may start",
            "started container student-api-1",
            "api has started, so web may start",
            "started container student-web-1",
        ];
        let mut rest = web.iter();
        for part in awaited {
            assert!(rest.any(|text| text.contains(part)), "{part}: {web:#?}");
        }
        assert!(rest.next().is_none(), "{web:#?}");
        let unrelated = ["httpd", "nginx", "created container student-api"];
        assert!(web.iter().all(|text| unrelated.iter().all(|o| !text.contains(o))), "{web:#?}");
    }
}
