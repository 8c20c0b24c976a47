//! Requests through whole small networks.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::rng::Rngs;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::fault::{Fault, FaultKind, Faults};
use crate::engine::queue::Queue;
use crate::engine::trace::{Trace, TraceId};
use crate::net::fabric::{Driver, Input, NetworkSpec, Output, ServiceRule};
use crate::net::load::{LoadId, LoadSpec};
use crate::net::{Answer, Cidr, EndpointRef, Fabric, Origin, Outcome, Proto, Request, Response};

/// A fabric with programs that answer by container and port.
struct Town {
    fabric: Fabric,
    queue: Queue<Input>,
    rngs: Rngs,
    trace: Trace,
    faults: Faults,
    now: SimTime,
    listens: BTreeMap<(&'static str, u16), Response>,
    answers: Vec<(u64, Answer)>,
    clients: Vec<Option<Ipv4Addr>>,
    served: BTreeMap<String, u32>,
}

fn bridge(id: &str, host: &str, internal: bool) -> NetworkSpec {
    NetworkSpec {
        id: id.into(),
        host: host.into(),
        driver: Driver::Bridge,
        subnet: None,
        ip_range: None,
        gateway: None,
        internal,
        dns: id != "docker0",
    }
}

fn at(host: &str, name: &str) -> EndpointRef {
    EndpointRef::new(host, name)
}

fn inside(host: &str, name: &str) -> Origin {
    Origin::Container(host.into(), name.into())
}

fn page() -> Response {
    Response::Http { status: 200, body: "hi".into() }
}

impl Town {
    fn new() -> Self {
        let mut fabric = Fabric::default();
        fabric.add_host("h1", Ipv4Addr::new(10, 77, 0, 11));
        fabric.add_host("h2", Ipv4Addr::new(10, 77, 0, 12));
        Self {
            fabric,
            queue: Queue::default(),
            rngs: Rngs::new(5),
            trace: Trace::default(),
            faults: Faults::default(),
            now: SimTime::ZERO,
            listens: BTreeMap::new(),
            answers: Vec::new(),
            clients: Vec::new(),
            served: BTreeMap::new(),
        }
    }

    fn step(&mut self, input: Input) {
        let mut out = Vec::new();
        let mut cx = Cx {
            now: self.now,
            cause: TraceId::NONE,
            rng: &mut self.rngs,
            trace: &mut self.trace,
            faults: &self.faults,
            out: &mut out,
        };
        self.fabric.step(input, &mut cx);
        for (delay, cause, output) in out {
            match output {
                Output::Again(input) => self.queue.push(self.now + delay, cause, input),
                Output::Deliver { flow, container, port, client, .. } => {
                    let answer =
                        self.listens.iter().find(|((c, p), _)| **c == *container && *p == port);
                    let response = answer.map_or(Response::Refused, |(_, r)| r.clone());
                    *self.served.entry(container.to_string()).or_default() += 1;
                    self.clients.push(client);
                    let at = self.now + SimDuration(5_000);
                    self.queue.push(at, cause, Input::Respond { flow, response });
                }
                Output::Answer { tag, answer, .. } => self.answers.push((tag, answer)),
            }
        }
    }

    fn run(&mut self, until: SimTime) {
        while self.queue.next_at().is_some_and(|at| at <= until) {
            if let Some(next) = self.queue.pop() {
                self.now = next.at;
                self.step(next.event);
            }
        }
    }

    fn ask(&mut self, from: Origin, url: &str) -> Answer {
        let request = Request::from_url(url).unwrap().with_timeout(SimDuration(20_000_000));
        self.step(Input::Send { from, tag: 7, request });
        self.run(SimTime::MAX);
        self.answers.pop().unwrap().1
    }
}

fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Http { status, .. } => status.to_string(),
        Outcome::Connected(_) => "connected".to_owned(),
        Outcome::Resolved(_) => "resolved".to_owned(),
        Outcome::Refused => "refused".to_owned(),
        Outcome::Timeout => "timeout".to_owned(),
        Outcome::UnknownName => "unknown".to_owned(),
        Outcome::Unreachable => "unreachable".to_owned(),
        Outcome::Reset => "reset".to_owned(),
    }
}

#[test]
fn docker_reachability() {
    let mut town = Town::new();
    let fabric = &mut town.fabric;
    for (id, internal) in [("docker0", false), ("app", false), ("priv", true)] {
        fabric.create_network(bridge(id, "h1", internal)).unwrap();
    }
    let any = Ipv4Addr::UNSPECIFIED;
    let names: [Arc<str>; 1] = ["web".into()];
    for (name, network) in
        [("web", "docker0"), ("lo", "docker0"), ("app", "app"), ("client", "app"), ("db", "priv")]
    {
        fabric.attach(network, &at("h1", name), None, &names).unwrap();
    }
    fabric.publish(&at("h1", "web"), 80, any, 8080, Proto::Tcp).unwrap();
    fabric.publish(&at("h1", "lo"), 80, Ipv4Addr::LOCALHOST, 8081, Proto::Tcp).unwrap();
    fabric.join_host(&at("h1", "hostnet"));
    fabric.share(&at("h1", "side"), &at("h1", "app"));
    for name in ["web", "lo", "app", "db"] {
        town.listens.insert((name, 80), page());
    }
    town.listens.insert(("hostnet", 9000), page());
    town.listens.insert(("side", 9001), page());
    let host = || Origin::Host("h1".into());
    let client = || inside("h1", "client");
    for (from, url, want) in [
        (host(), "127.0.0.1:8080", "200"),
        (host(), "localhost:8081", "200"),
        (host(), "10.77.0.11:8080", "200"),
        (host(), "10.77.0.11:8081", "refused"),
        (host(), "127.0.0.1:9000", "200"),
        (host(), "172.17.0.2", "200"),
        (host(), "172.17.0.2:81", "refused"),
        (host(), "172.17.0.99", "unreachable"),
        (Origin::Host("h2".into()), "10.77.0.11:8080", "200"),
        (Origin::Host("h2".into()), "172.17.0.2", "timeout"),
        (Origin::Outside, "h1:8080", "200"),
        (Origin::Outside, "h1:8081", "refused"),
        (client(), "web", "200"),
        (client(), "172.17.0.2", "timeout"),
        (client(), "172.18.0.1:8080", "200"),
        (client(), "172.18.0.1:8081", "refused"),
        (client(), "127.0.0.1", "refused"),
        (client(), "172.18.0.2:9001", "200"),
        (client(), "nosuch", "unknown"),
        (inside("h1", "side"), "127.0.0.1", "200"),
        (inside("h1", "hostnet"), "127.0.0.1:8080", "200"),
        (inside("h1", "db"), "10.77.0.11:8080", "unreachable"),
        (inside("h1", "db"), "172.19.0.2", "200"),
        (inside("h1", "nobody"), "10.77.0.11", "unreachable"),
    ] {
        let told = format!("{from:?} {url}");
        let answer = town.ask(from, url);
        assert_eq!(short(&answer.outcome), want, "{told} {:#?}", answer.hops);
    }
    town.clients.clear();
    town.ask(Origin::Host("h1".into()), "127.0.0.1:8080");
    assert_eq!(town.clients, [Some(Ipv4Addr::new(172, 17, 0, 1))]);
    town.fabric.unpublish(&at("h1", "web"));
    // The host's own network has a resident that does not listen there.
    assert_eq!(town.ask(Origin::Host("h1".into()), "127.0.0.1:8080").outcome, Outcome::Refused);
}

fn service(endpoints: &[(Ipv4Addr, u16)]) -> Arc<[ServiceRule]> {
    Arc::new([ServiceRule {
        name: "default/web".into(),
        vips: vec![Ipv4Addr::new(10, 96, 0, 7)],
        port: 80,
        node_port: Some(30080),
        proto: Proto::Tcp,
        endpoints: endpoints.to_vec(),
        sticky: false,
    }])
}

#[test]
fn services_follow_what_is_programmed_on_each_node() {
    let mut town = Town::new();
    let mut backends = Vec::new();
    for (n, host) in ["h1", "h2"].into_iter().enumerate() {
        let third = u8::try_from(n).unwrap();
        town.fabric.add_pod_range(host, Cidr::new(10, 244, third, 0, 24));
    }
    for (host, name) in [("h1", "a"), ("h2", "b"), ("h1", "c")] {
        backends.push((town.fabric.attach_pod(&at(host, name)).unwrap(), 8080));
    }
    town.listens.insert(("a", 8080), page());
    town.listens.insert(("b", 8080), page());
    let both = service(backends.get(..2).unwrap());
    town.fabric.program("h1", "default/web", both.clone());
    for n in 0..200 {
        let answer = town.ask(inside("h1", "c"), "10.96.0.7");
        assert!(answer.outcome.is_ok(), "{n}");
    }
    let share = town.served.get("a").copied().unwrap_or(0);
    assert!((70..=130).contains(&share), "{share}");
    // Not programmed on the other node yet: nobody answers there.
    assert_eq!(town.ask(inside("h2", "b"), "10.96.0.7").outcome, Outcome::Timeout);
    assert!(town.ask(Origin::Outside, "h1:30080").outcome.is_ok());
    assert_eq!(town.ask(Origin::Outside, "h2:30080").outcome, Outcome::Refused);
    // A stale rule keeps sending to a pod that is gone.
    town.fabric.remove_endpoint(&at("h2", "b"));
    let bad = (0..50).filter(|_| !town.ask(inside("h1", "c"), "10.96.0.7").outcome.is_ok()).count();
    assert!(bad > 5, "{bad}");
    town.fabric.program("h1", "default/web", service(&[]));
    assert_eq!(town.ask(inside("h1", "c"), "10.96.0.7").outcome, Outcome::Refused);
    town.fabric.program("h1", "default/web", Arc::new([]));
    assert_eq!(town.ask(inside("h1", "c"), "10.96.0.7").outcome, Outcome::Timeout);
}

#[test]
fn faults_of_cables() {
    let mut town = Town::new();
    for (n, host) in ["h1", "h2"].into_iter().enumerate() {
        let third = u8::try_from(n).unwrap();
        town.fabric.add_pod_range(host, Cidr::new(10, 244, third, 0, 24));
        town.fabric.attach_pod(&at(host, host)).unwrap();
        town.listens.insert((host, 80), page());
    }
    let from = || inside("h1", "h1");
    let plain = town.ask(from(), "10.244.1.2");
    assert!(plain.outcome.is_ok() && plain.latency < SimDuration(12_000), "{:?}", plain.latency);
    for (kind, ok, at_least) in [
        (FaultKind::LinkDown, false, 20_000_000),
        (FaultKind::HostDown, false, 20_000_000),
        (FaultKind::LinkDelay(SimDuration(100_000)), true, 200_000),
        (FaultKind::LinkLoss(1000), false, 20_000_000),
    ] {
        let fault = Fault { kind: kind.clone(), target: "h2".into(), from: town.now, until: None };
        town.faults.begin(fault);
        let answer = town.ask(from(), "10.244.1.2");
        assert_eq!(answer.outcome.is_ok(), ok, "{kind:?}");
        assert!(answer.latency >= SimDuration(at_least), "{kind:?} {:?}", answer.latency);
        assert!(town.ask(from(), "10.244.0.2").outcome.is_ok(), "{kind:?} stays on its host");
        town.faults.mend("h2", &kind, town.now);
    }
}

#[test]
fn a_load_counts_by_the_second_and_leaves_nothing_behind() {
    let mut town = Town::new();
    town.fabric.add_pod_range("h1", Cidr::new(10, 244, 0, 0, 24));
    town.fabric.attach_pod(&at("h1", "a")).unwrap();
    town.listens.insert(("a", 80), page());
    let spec = LoadSpec {
        from: Origin::Host("h1".into()),
        request: Request::get("10.244.0.2", 80, "/").with_timeout(SimDuration(1_000_000)),
        per_kilosecond: 50_000,
        until: Some(SimTime::from_secs(20)),
    };
    town.step(Input::StartLoad(LoadId(1), spec));
    town.run(SimTime::from_secs(10));
    town.listens.clear();
    town.run(SimTime::from_secs(15));
    town.fabric.remove_endpoint(&at("h1", "a"));
    town.run(SimTime::MAX);
    let load = town.fabric.load(LoadId(1)).unwrap();
    let good = load.seconds.get(&5).copied().unwrap();
    assert_eq!((good.sent, good.ok, good.failed()), (50, 50, 0));
    assert_eq!((good.percentile_us(50), good.percentile_us(95)), (Some(5_980), Some(6_900)));
    assert_eq!(load.seconds.get(&12).map(|b| (b.ok, b.refused)), Some((0, 50)));
    assert_eq!(load.seconds.get(&18).map(|b| b.timeout), Some(50));
    assert_eq!((load.total.sent, load.total.ok + load.total.failed()), (1000, 1000));
    assert!(town.queue.is_empty() && !load.running);
    assert!(town.answers.is_empty());
    assert_eq!(town.fabric.under_way().count(), 0);
}
