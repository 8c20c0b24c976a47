//! Same seed and commands, same digest; a replay equals a checkpoint at any instant.

use drydock::base::time::{SimDuration, SimTime};
use drydock::engine::fault::FaultKind;
use drydock::world::command::Command;
use drydock::world::demo;
use drydock::world::genesis::Genesis;
use drydock::world::session::Session;

const BUDGET: u32 = 5_000_000;

/// A session with commands, a fault and its mending.
fn played(genesis: Genesis, host: &str, lines: &[&str], target: &str) -> Session {
    let mut session = Session::new(genesis);
    session.execute(Command::Open { terminal: 1, host: host.to_owned(), tty: true });
    for (n, line) in (1..).zip(lines) {
        session.execute(Command::Type { terminal: 1, line: (*line).to_owned() });
        session.advance(SimTime::from_secs(n * 11), BUDGET);
    }
    let kind = FaultKind::HostDown;
    let target = target.to_owned();
    session.execute(Command::Break { kind: kind.clone(), target: target.clone(), lasting: None });
    let later = session.head().now() + SimDuration::from_secs(70);
    session.advance(later, BUDGET);
    session.execute(Command::Mend { kind, target });
    session.advance(later + SimDuration::from_secs(30), BUDGET);
    session
}

fn cluster(seed: u64) -> Session {
    let lines = [
        "kubectl apply -f shop.yaml",
        "kubectl scale deployment web --replicas=5",
        "kubectl set image deployment/web web=nginx:1.26",
        "kubectl get pods -o wide",
    ];
    played(demo::kubernetes(seed), "", &lines, "node-2")
}

fn docker(seed: u64) -> Session {
    let lines = ["docker compose up -d", "docker ps", "docker compose restart web", "docker ps -a"];
    played(demo::compose(seed), "host", &lines, "host")
}

#[test]
fn same_seed_same_digest() {
    for make in [cluster, docker] {
        let (a, b) = (make(7), make(7));
        assert_eq!(a.head().steps(), b.head().steps());
        assert_eq!(a.head().digest(), b.head().digest());
        assert_ne!(a.head().digest(), make(8).head().digest(), "the seed must matter");
    }
}

#[test]
fn replay_equals_checkpoint_at_any_instant() {
    for session in [cluster(7), docker(7)] {
        let mut fresh = Session::replay(session.genesis().clone(), session.log().to_vec());
        fresh.advance(session.head().now(), BUDGET);
        let end = session.head().now().as_millis();
        for part in 0..12 {
            // Instants that fall on nothing in particular.
            let at = SimTime::from_millis(end * part / 12 + 137);
            let (a, b) = (session.at(at), fresh.at(at));
            assert_eq!(a.steps(), b.steps(), "steps at {at}");
            assert_eq!(a.digest(), b.digest(), "digest at {at}");
        }
    }
}

#[test]
fn undo_restores_the_exact_state() {
    let mut session = cluster(7);
    let (steps, digest) = (session.head().steps(), session.head().digest());
    let line = "kubectl delete deployment web".to_owned();
    session.execute(Command::Type { terminal: 1, line });
    session.advance(session.head().now() + SimDuration::from_secs(20), BUDGET);
    assert_ne!(session.head().digest(), digest, "the command must change something");
    assert!(session.undo());
    assert_eq!((session.head().steps(), session.head().digest()), (steps, digest));
}

#[test]
fn branching_forgets_what_came_after() {
    let mut session = cluster(7);
    let at = SimTime::from_secs(25);
    let past = session.at(at).digest();
    session.branch_at(at);
    assert_eq!(session.head().digest(), past);
    assert!(session.log().iter().all(|entry| entry.moment.at <= at));
}
