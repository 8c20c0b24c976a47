//! Fixed runs: the living example with which the page opens, and the run whose digest natively and
//! in the browser must be equal.

use std::fmt::Write as _;

use crate::base::time::SimTime;
use crate::engine::fault::FaultKind;
use crate::world::command::Command;
use crate::world::genesis::Genesis;
use crate::world::session::Session;

/// The application of the living example as Kubernetes manifests: web, api and db.
pub const KUBERNETES_EXAMPLE: &str = include_str!("../../scenarios/sandbox/shop.yaml");
/// The same application as a Compose file.
pub const COMPOSE_EXAMPLE: &str = include_str!("../../scenarios/sandbox/compose.yaml");
/// Commands with which the living example begins: a session with more is a learner's work.
pub const OPENING_COMMANDS: usize = 3;
/// Most events of one part of a run.
const BUDGET: u32 = 2_000_000;

/// A cluster of three nodes with the example in the learner's files.
#[must_use]
pub fn kubernetes(seed: u64) -> Genesis {
    let mut genesis = Genesis::kubernetes(seed, 3);
    // The front is there at once, so that the first requests are answered; the rest is pulled.
    for node in genesis.cluster.iter_mut().flat_map(|c| &mut c.nodes) {
        node.images.push("nginx:1.27".to_owned());
    }
    genesis.files.insert("/home/student/shop.yaml".to_owned(), KUBERNETES_EXAMPLE.to_owned());
    genesis
}

/// A Docker host with the example in the learner's files.
#[must_use]
pub fn compose(seed: u64) -> Genesis {
    let mut genesis = Genesis::docker(seed);
    genesis.files.insert("/home/student/compose.yaml".to_owned(), COMPOSE_EXAMPLE.to_owned());
    genesis
}

/// The commands with which the living example begins.
#[must_use]
pub fn opening(host: &str, line: &str, url: &str) -> Vec<Command> {
    let load = Command::Load {
        name: "client".to_owned(),
        url: url.to_owned(),
        from: String::new(),
        rate_milli: 5_000,
    };
    vec![
        Command::Open { terminal: 1, host: host.to_owned(), tty: true },
        Command::Type { terminal: 1, line: line.to_owned() },
        load,
    ]
}

/// Both examples with a fault each: a digest per simulated ten seconds.
#[must_use]
pub fn digests(seed: u64) -> String {
    let mut text = String::new();
    let mut cluster = Session::new(kubernetes(seed));
    for command in opening("", "kubectl apply -f shop.yaml", "http://node-1:30080/") {
        cluster.execute(command);
    }
    let host = FaultKind::HostDown;
    run(&mut cluster, host, "node-2", &mut text);
    let mut docker = Session::new(compose(seed));
    for command in opening("host", "docker compose up -d", "http://host:8080/") {
        docker.execute(command);
    }
    run(
        &mut docker,
        FaultKind::LinkDelay(crate::base::time::SimDuration(50_000)),
        "host",
        &mut text,
    );
    text
}

/// Two simulated minutes with a fault in the middle.
fn run(session: &mut Session, kind: FaultKind, target: &str, text: &mut String) {
    for part in 1..=12 {
        if part == 7 {
            let target = target.to_owned();
            session.execute(Command::Break { kind: kind.clone(), target, lasting: None });
        }
        session.advance(SimTime::from_secs(part * 10), BUDGET);
        let head = session.head();
        let _ = writeln!(text, "{} {} {:016x}", head.now(), head.steps(), head.digest());
    }
}
