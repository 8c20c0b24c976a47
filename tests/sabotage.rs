//! Faults of the simulation made on purpose: each row of the table names the place that is spoilt,
//! a session, and the checker that must find it. The same session without the sabotage is clean.
//!
//! Built with `--features sabotage`; without it there is nothing to spoil.

use drydock::base::time::SimTime;
use drydock::engine::fault::FaultKind;
use drydock::engine::sabotage::Sabotage;
use drydock::kube::api::object::{Kind, Object};
use drydock::native::seeds::case::{Case, Step};
use drydock::native::seeds::run;
use drydock::world::command::Command;
use drydock::world::world::World;

/// What is spoilt, how it shows, who finds it.
struct Row {
    sabotage: Sabotage,
    session: fn() -> Case,
    found_by: &'static str,
}

const TABLE: &[Row] = &[
    Row { sabotage: Sabotage::LostWatchEvent, session: pods_deleted, found_by: "containers" },
    Row { sabotage: Sabotage::UnloggedWrite, session: service, found_by: "log" },
    Row { sabotage: Sabotage::AddressTwice, session: deployment, found_by: "networks" },
    Row { sabotage: Sabotage::PortTwice, session: same_port, found_by: "host ports" },
    Row { sabotage: Sabotage::StaleEndpoint, session: service, found_by: "rules" },
    Row { sabotage: Sabotage::NoRequests, session: too_big, found_by: "allocatable" },
    Row { sabotage: Sabotage::NoGarbageCollector, session: owner_deleted, found_by: "orphans" },
    Row { sabotage: Sabotage::RestartTwice, session: crashing, found_by: "restarts" },
    Row { sabotage: Sabotage::EndlessFault, session: cable, found_by: "faults" },
    Row { sabotage: Sabotage::ClockOffByOne, session: deployment, found_by: "time" },
    Row { sabotage: Sabotage::Unordered, session: deployment, found_by: "replay" },
];

fn case(docker: u32, nodes: u32, steps: Vec<(u64, Command)>) -> Case {
    let steps = steps.into_iter().map(|(after_ms, command)| Step { after_ms, command });
    Case { about: String::new(), seed: 11, docker, nodes, steps: steps.collect() }
}

fn line(host: &str, text: &str) -> Command {
    let (host, cwd) = (host.to_owned(), "/home/student".to_owned());
    Command::Script { host, cwd, text: text.to_owned(), tty: false }
}

/// Lines on the learner's own computer, four seconds apart.
fn kube(lines: &[&str]) -> Case {
    case(0, 3, lines.iter().map(|text| (4_000, line("", text))).collect())
}

fn docker(lines: &[&str]) -> Case {
    case(1, 0, lines.iter().map(|text| (4_000, line("host", text))).collect())
}

fn deployment() -> Case {
    kube(&["kubectl create deployment web --image=nginx:1.27 --replicas=6"])
}

fn pods_deleted() -> Case {
    let create = "kubectl create deployment web --image=nginx:1.27 --replicas=3";
    kube(&[create, "true", "kubectl delete pods --all --grace-period=0 --force"])
}

fn service() -> Case {
    kube(&[
        "kubectl create deployment web --image=nginx:1.27 --replicas=3",
        "kubectl expose deployment web --port=80",
        "true",
        "kubectl scale deployment web --replicas=1",
    ])
}

fn too_big() -> Case {
    let create = "kubectl create deployment web --image=nginx:1.27 --replicas=9";
    kube(&[create, "kubectl set resources deployment web --requests=cpu=1900m"])
}

fn owner_deleted() -> Case {
    let create = "kubectl create deployment web --image=nginx:1.27 --replicas=2";
    kube(&[create, "kubectl delete deployment web"])
}

fn crashing() -> Case {
    kube(&["kubectl create job task --image=busybox:1.36 -- sh -c 'exit 1'", "true", CRASHING])
}

/// A pod whose container ends at once.
const CRASHING: &str = "kubectl run crash --image=busybox:1.36 -- sh -c 'exit 1'";

fn same_port() -> Case {
    docker(&["docker run -d -p 8080:80 nginx:1.27", "docker run -d -p 8080:80 httpd:2.4"])
}

fn cable() -> Case {
    let (kind, target) = (FaultKind::LinkDown, "node-2".to_owned());
    let pulled = Command::Break { kind, target, lasting: None };
    case(0, 3, vec![(1_000, pulled)])
}

#[test]
fn every_sabotage_is_found_by_whom_it_should() {
    let mut complaints = Vec::new();
    for row in TABLE {
        let session = (row.session)();
        if let Some(violation) = run::case(&session).violation {
            complaints.push(format!("without {:?}: {violation}", row.sabotage));
        }
        match run::sabotaged(&session, row.sabotage).violation {
            Some(violation) if violation.checker == row.found_by => {}
            Some(violation) => {
                complaints.push(format!("{:?}, not {}: {violation}", row.sabotage, row.found_by));
            }
            None => complaints.push(format!("{:?} is not found", row.sabotage)),
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Seconds between the end of a container and its next start, for the first restarts of a pod
/// whose container ends at once.
fn waits(sabotage: Option<Sabotage>) -> Vec<u64> {
    let mut world = World::new(&kube(&[]).genesis());
    if let Some(what) = sabotage {
        world.sabotage(what);
    }
    world.execute(line("", CRASHING));
    while world.run_until(SimTime::from_secs(120), u32::MAX)
        != drydock::world::world::Progress::Reached
    {}
    let changes = world.kube().into_iter().flat_map(|kube| kube.store.changes_from(0));
    let mut starts: Vec<SimTime> = Vec::new();
    for change in changes.filter(|c| c.kind == Kind::Pod && &*c.key.name == "crash") {
        let Some(Object::Pod(pod)) = change.new.as_deref() else { continue };
        let statuses = pod.status.iter().flat_map(|s| s.container_statuses.iter().flatten());
        for state in statuses.filter_map(|s| s.state.as_ref()) {
            let running = state.running.as_ref().and_then(|r| r.started_at.as_ref());
            let ended = state.terminated.as_ref().and_then(|t| t.started_at.as_ref());
            if let Some(at) = running.or(ended).map(drydock::kube::clock::sim_time) {
                starts.push(at);
            }
        }
    }
    starts.sort();
    starts.dedup();
    starts.iter().zip(starts.iter().skip(1)).map(|(a, b)| b.since(*a).as_secs()).collect()
}

/// Recorded in real clusters: restarts at once, then after 10, 20 and 40 s, each with up to some
/// seconds for the sync that notices (handbook kubernetes-kubelet-network, crash back-off).
fn is_doubling(waits: &[u64]) -> bool {
    let expected = [(0, 5), (10, 19), (20, 30), (40, 50)];
    let near = |(wait, (low, high)): (&u64, &(u64, u64))| (*low..=*high).contains(wait);
    waits.len() >= expected.len() && waits.iter().zip(&expected).all(near)
}

#[test]
fn a_wrong_back_off_is_found_by_its_times() {
    let right = waits(None);
    assert!(is_doubling(&right), "{right:?}");
    let wrong = waits(Some(Sabotage::FlatBackoff));
    assert!(wrong.len() > 3 && !is_doubling(&wrong), "{wrong:?}");
}
