//! The digest that a world keeps is the one that its content has, at many instants of varied runs.

use drydock::base::time::{SimDuration, SimTime};
use drydock::engine::fault::FaultKind;
use drydock::world::command::{Command, HostAction};
use drydock::world::demo;
use drydock::world::genesis::Genesis;
use drydock::world::session::Session;

const BUDGET: u32 = 5_000_000;
/// Instants that fall on nothing in particular.
const STRIDE: SimDuration = SimDuration::from_millis(737);

/// What is done, each some strides after the one before it.
enum Do<'a> {
    Line(&'a str),
    Break(FaultKind, &'a str),
    Mend(FaultKind, &'a str),
    Host(&'a str, HostAction),
    Load(&'a str),
}

fn command(what: &Do<'_>) -> Command {
    match what {
        Do::Line(line) => Command::Type { terminal: 1, line: (*line).to_owned() },
        Do::Break(kind, target) => {
            Command::Break { kind: kind.clone(), target: (*target).to_owned(), lasting: None }
        }
        Do::Mend(kind, target) => {
            Command::Mend { kind: kind.clone(), target: (*target).to_owned() }
        }
        Do::Host(host, action) => Command::Host { host: (*host).to_owned(), action: *action },
        Do::Load(url) => Command::Load {
            name: "client".to_owned(),
            url: (*url).to_owned(),
            from: String::new(),
            rate_milli: 9_000,
        },
    }
}

/// Play it and compare after every stride; returns the digests.
fn play(genesis: Genesis, host: &str, script: &[Do<'_>], strides: u32) -> Vec<u64> {
    let mut session = Session::new(genesis);
    session.execute(Command::Open { terminal: 1, host: host.to_owned(), tty: true });
    let mut digests = Vec::new();
    let mut to = SimTime::ZERO;
    for what in script {
        session.execute(command(what));
        for _ in 0..strides {
            to += STRIDE;
            session.advance(to, BUDGET);
            let head = session.head();
            assert_eq!(head.digest(), head.digest_in_full(), "at {to}");
            digests.push(head.digest());
        }
    }
    digests
}

#[test]
fn a_cluster() {
    let script = [
        Do::Line("kubectl apply -f shop.yaml"),
        Do::Load("http://node-1:30080/"),
        Do::Line("kubectl scale deployment web --replicas=6"),
        Do::Break(FaultKind::LinkDelay(SimDuration::from_millis(70)), "node-1"),
        Do::Line("kubectl set image deployment/web web=nginx:1.26"),
        Do::Line("kubectl logs deployment/web --tail=3"),
        Do::Break(FaultKind::HostDown, "node-2"),
        Do::Line("kubectl get pods -o wide; kubectl get events | tail -5"),
        Do::Line("kubectl exec deploy/web -- sh -c 'echo x > /tmp/x; kill 1'"),
        Do::Mend(FaultKind::HostDown, "node-2"),
        Do::Line("kubectl delete pod -l app=web --wait=false"),
        Do::Host("node-3", HostAction::StopDaemon),
        Do::Line("kubectl delete -f shop.yaml --wait=false"),
        Do::Line("for i in 1 2 3; do echo $i >> n; done; mv n m; rm shop.yaml"),
    ];
    let digests = play(demo::kubernetes(7), "", &script, 9);
    assert_eq!(digests, play(demo::kubernetes(7), "", &script, 9));
}

#[test]
fn a_docker_host() {
    let build = "mkdir b && printf 'FROM busybox\\nRUN echo 1 > /a\\nCOPY x /x\\nVOLUME /v\\n' \
                 > b/Dockerfile && echo 1 > b/x && docker build -t mine b";
    let script = [
        Do::Line("docker compose up -d"),
        Do::Load("http://host:8080/"),
        Do::Line(build),
        Do::Line("docker run -d --name m -v data:/data mine sh -c 'while sleep 1; do date; done'"),
        Do::Line("docker exec m sh -c 'echo hello > /data/f; mkdir /d; rm /a'"),
        Do::Line("docker logs -f m & sleep 2; kill %1"),
        Do::Line("docker pause m; docker unpause m; docker commit m mine:2"),
        Do::Break(FaultKind::LinkLoss(300), "host"),
        Do::Line("docker network create n; docker network connect n m; docker cp m:/x /tmp/x"),
        Do::Host("host", HostAction::KillDaemon),
        Do::Host("host", HostAction::StartDaemon),
        Do::Line("docker run --rm mine false; docker kill m; docker start m"),
        Do::Break(FaultKind::HostDown, "host"),
        Do::Mend(FaultKind::HostDown, "host"),
        Do::Line("docker rm -f m; docker volume rm data; docker rmi mine mine:2"),
        Do::Line("docker compose down -v; docker system prune -af"),
    ];
    let digests = play(demo::compose(7), "host", &script, 7);
    assert_eq!(digests, play(demo::compose(7), "host", &script, 7));
}

#[test]
fn settling_changes_nothing() {
    let mut session = Session::new(demo::kubernetes(3));
    for command in demo::opening("", "kubectl apply -f shop.yaml", "http://node-1:30080/") {
        session.execute(command);
    }
    session.advance(SimTime::from_secs(10), BUDGET);
    let mut settled = session.head().clone();
    for _ in 0..2_000 {
        settled.settle();
        settled.step();
    }
    let to = settled.now();
    settled.run_until(to, BUDGET);
    session.advance(to, BUDGET);
    assert_eq!(session.head().digest(), settled.digest());
    assert_eq!(session.at(to).digest(), settled.digest());
}
