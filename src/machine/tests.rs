//! Runs whole containers through the runtime: a small world with one host and a queue.

use crate::base::ledger::Reading;
use crate::base::rng::Rngs;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::Cx;
use crate::engine::fault::{Fault, FaultKind, Faults};
use crate::engine::queue::Queue;
use crate::engine::trace::Trace;
use crate::machine::*;

/// A world of machines alone; requests to the network are answered by `answers`.
pub(super) struct World {
    pub(super) machines: Machines,
    pub(super) now: SimTime,
    queue: Queue<Input>,
    rng: Rngs,
    pub(super) trace: Trace,
    pub(super) faults: Faults,
    pub(super) notices: Vec<(SimTime, Happening)>,
    pub(super) responses: Vec<(SimTime, u64, Response)>,
    pub(super) requests: Vec<Outgoing>,
    pub(super) answers: fn(&Outgoing) -> Option<Answer>,
    pub(super) events: u64,
}

pub(super) fn host() -> HostId {
    "node1".into()
}

pub(super) fn id(n: u32) -> ContainerId {
    ContainerId::new(format!("{n:064x}"))
}

impl World {
    pub(super) fn new(collection: Collection) -> Self {
        let registry = collection != Collection::DockerLab;
        let mut machines = Machines::with_collection(registry, collection);
        machines.add_host(HostSpec::small("node1"), SimTime::ZERO);
        Self {
            machines,
            now: SimTime::ZERO,
            queue: Queue::default(),
            rng: Rngs::new(1),
            trace: Trace::default(),
            faults: Faults::default(),
            notices: Vec::new(),
            responses: Vec::new(),
            requests: Vec::new(),
            answers: |_| None,
            events: 0,
        }
    }

    pub(super) fn call<R>(
        &mut self,
        step: impl FnOnce(&mut Machines, &mut Cx<'_, Output>) -> R,
    ) -> R {
        let mut out = Vec::new();
        let mut cx = Cx {
            now: self.now,
            cause: self.trace.last_id(),
            rng: &mut self.rng,
            trace: &mut self.trace,
            faults: &self.faults,
            out: &mut out,
        };
        let result = step(&mut self.machines, &mut cx);
        for (delay, cause, output) in out {
            match output {
                Output::Again(input) => self.queue.push(self.now + delay, cause, input),
                Output::Notice(n) => self.notices.push((self.now + delay, n.what)),
                Output::Respond { flow, response } => {
                    self.responses.push((self.now + delay, flow, response));
                }
                Output::Request { tag, request, .. } => {
                    if let Some(answer) = (self.answers)(&request) {
                        let at = self.now + SimDuration::from_millis(1);
                        self.queue.push(at, cause, Input::Answered { tag, answer });
                    }
                    self.requests.push(request);
                }
            }
        }
        result
    }

    pub(super) fn run_for(&mut self, time: SimDuration) {
        let end = self.now + time;
        while self.queue.next_at().is_some_and(|at| at <= end) {
            let next = self.queue.pop().unwrap();
            self.now = next.at;
            self.events += 1;
            self.call(|m, cx| m.step(next.event, cx));
        }
        self.now = end;
    }

    pub(super) fn secs(&mut self, s: u64) {
        self.run_for(SimDuration::from_secs(s));
    }

    /// Create and start; the image is put on the host first.
    pub(super) fn up(&mut self, spec: ContainerSpec) -> Result<(), StartError> {
        assert!(self.machines.preload(&host(), &spec.image), "{}", spec.image);
        let id = spec.id.clone();
        self.call(|m, cx| m.create(&host(), spec, cx)).unwrap();
        self.call(|m, cx| m.start(&host(), &id, cx))
    }

    pub(super) fn log(&self, n: u32) -> String {
        let log = self.machines.logs(&host(), &id(n)).unwrap();
        log.iter()
            .map(|l| format!("{}{}\n", if l.stream == Stream::Err { "!" } else { "" }, l.text))
            .collect()
    }

    pub(super) fn container(&self, n: u32) -> &Container {
        self.machines.container(&host(), &id(n)).unwrap()
    }

    pub(super) fn get(&mut self, n: u32, port: u16, path: &str) -> Option<Response> {
        let flow = self.responses.len() as u64 + 1;
        let request = Incoming {
            peer: "172.17.0.1".to_owned(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            ..Incoming::default()
        };
        let (host, sandbox) = (host(), id(n).0);
        self.call(|m, cx| m.step(Input::Deliver { flow, host, sandbox, port, request }, cx));
        self.secs(1);
        self.responses.iter().find(|(_, f, _)| *f == flow).map(|(_, _, r)| r.clone())
    }

    pub(super) fn exec(&mut self, n: u32, argv: &[&str]) -> Result<(String, u8), StartError> {
        let exec = ExecId::new(format!("e{}", self.notices.len()));
        let argv = argv.iter().map(|a| (*a).to_owned()).collect();
        let spec = ExecSpec { argv, ..ExecSpec::default() };
        let name = exec.clone();
        self.call(|m, cx| m.exec(&host(), &id(n), name, spec, cx))?;
        self.secs(2);
        let mut output = String::new();
        for (_, notice) in &self.notices {
            match notice {
                Happening::ExecOutput { exec: e, text, .. } if *e == exec => output.push_str(text),
                Happening::ExecExited { exec: e, code, .. } if *e == exec => {
                    return Ok((output, *code));
                }
                Happening::Exited { .. }
                | Happening::OutOfMemory { .. }
                | Happening::Logged { .. }
                | Happening::ExecOutput { .. }
                | Happening::ExecExited { .. }
                | Happening::PullLayer { .. }
                | Happening::Pulled { .. }
                | Happening::HostDown
                | Happening::HostUp => {}
            }
        }
        panic!("the exec did not end: {output}")
    }
}

pub(super) fn spec(n: u32, image: &str, argv: &[&str], env: &[&str]) -> ContainerSpec {
    ContainerSpec {
        id: id(n),
        name: format!("c{n}").into(),
        image: image.into(),
        argv: argv.iter().map(|a| (*a).to_owned()).collect(),
        env: env.iter().map(|a| (*a).to_owned()).collect(),
        ..ContainerSpec::default()
    }
}

fn http(status: u16, body: &str) -> Option<Response> {
    Some(Response::Http { status, body: body.into() })
}

#[test]
fn a_server_answers_and_stops_on_its_signal() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "nginx:1.25", &[], &[])).unwrap();
    w.secs(1);
    let hostname = &id(1).0[..12];
    assert_eq!(w.get(1, 80, "/"), http(200, &format!("nginx 1.25 on {hostname}\n")));
    assert_eq!(w.get(1, 81, "/"), Some(Response::Refused));
    w.call(|m, cx| m.kill(&host(), &id(1), 3, cx)).unwrap();
    w.secs(1);
    assert_eq!((w.container(1).state, w.container(1).exit_code), (State::Exited, 0));
    assert_eq!(
        w.log(1),
        "nginx 1.25 starting, pid 1\nready for connections on port 80\n\
         172.17.0.1 \"GET / HTTP/1.1\" 200\nsignal 3 (SIGQUIT) received, shutting down\n"
    );
    assert_eq!(w.get(1, 80, "/"), Some(Response::Refused));
}

#[test]
fn environment_drives_the_stand_in() {
    let mut w = World::new(Collection::DockerLab);
    for (n, image, env, state, code, log) in [
        (1, "crash:1", &[][..], State::Exited, 1, "!exiting"),
        (2, "mysql:8", &[][..], State::Exited, 1, "!database is uninit"),
        (3, "mysql:8", &["MYSQL_ROOT_PASSWORD=x"][..], State::Running, 0, "initialised new data"),
        (4, "python-app:1", &["APP_LOG_EVERY=0.5"][..], State::Running, 0, "tick 8"),
        (5, "python-app:1", &["APP_EXIT_AFTER=1", "APP_EXIT_CODE=5"][..], State::Exited, 5, "!"),
        (6, "python-app:bad", &[][..], State::Exited, 1, "!exiting"),
        (7, "hello-world", &[][..], State::Exited, 0, "Hello from Docker!"),
    ] {
        w.up(spec(n, image, &[], env)).unwrap();
        let _ = (state, code, log);
    }
    w.secs(5);
    for (n, state, code, text) in [
        (1, State::Exited, 1, "![ERROR] exiting with code 1\n"),
        (
            2,
            State::Exited,
            1,
            "![ERROR] database is uninitialized and MYSQL_ROOT_PASSWORD is not set",
        ),
        (
            3,
            State::Running,
            0,
            "initialised new data /var/lib/mysql/ibdata1\nready for connections on port 3306",
        ),
        (4, State::Running, 0, "tick 8\n"),
        (5, State::Exited, 5, "![ERROR] exiting with code 5\n"),
        (6, State::Exited, 1, "ready for connections on port 8000\n"),
        (7, State::Exited, 0, "Hello from Docker!\n"),
    ] {
        let c = w.container(n);
        assert_eq!((n, c.state, c.exit_code), (n, state, code));
        assert!(w.log(n).contains(text), "{n}: {}", w.log(n));
    }
}

#[test]
fn health_probes_and_the_unhealthy_file() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "python-app:1", &[], &[])).unwrap();
    w.secs(1);
    assert_eq!(w.exec(1, &["app", "health", "8000"]).unwrap().1, 0);
    assert_eq!(w.exec(1, &["app", "health", "81"]).unwrap(), ("not healthy\n".to_owned(), 1));
    assert_eq!(w.exec(1, &["touch", "/unhealthy"]).unwrap().1, 0);
    assert_eq!(w.exec(1, &["app", "health", "8000"]).unwrap(), ("not healthy\n".to_owned(), 1));
    let error = w.exec(1, &["nosuch"]).unwrap_err();
    assert_eq!(error.code, 127);
    assert_eq!(
        error.message,
        "OCI runtime exec failed: exec failed: unable to start container process: exec: \
         \"nosuch\": executable file not found in $PATH"
    );
}

#[test]
fn start_errors() {
    let mut w = World::new(Collection::DockerLab);
    let prefix = "failed to create task for container: failed to create shim task: OCI runtime \
                  create failed: runc create failed: unable to start container process: error \
                  during container init: exec: ";
    for (n, argv, code, text) in [
        (1, "/etc", 126, "\"/etc\": is a directory: permission denied"),
        (2, "nosuchcmd", 127, "\"nosuchcmd\": executable file not found in $PATH"),
        (3, "/nosuch/file", 127, "\"/nosuch/file\": stat /nosuch/file: no such file or directory"),
        (4, "/etc/passwd", 126, "\"/etc/passwd\": permission denied"),
    ] {
        let error = w.up(spec(n, "busybox:1.36", &[argv], &[])).unwrap_err();
        assert_eq!((error.code, error.message), (code, format!("{prefix}{text}")));
        assert_eq!(w.container(n).state, State::Created);
    }
    let mut kube = spec(5, "busybox:1.36", &["nosuchcmd"], &[]);
    kube.namespace = Namespace::K8s;
    assert!(w.up(kube).unwrap_err().message.starts_with("failed to create containerd task: "));
}

#[test]
fn pid_1_semantics() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "busybox:1.36", &["sleep", "1000"], &[])).unwrap();
    let mut with_init = spec(2, "busybox:1.36", &["sleep", "1000"], &[]);
    with_init.init = true;
    w.up(with_init).unwrap();
    w.up(spec(3, "busybox:1.36", &["sh", "-c", "kill -9 $$; exit 4"], &[])).unwrap();
    w.secs(1);
    for n in [1, 2] {
        w.call(|m, cx| m.kill(&host(), &id(n), 15, cx)).unwrap();
    }
    w.secs(1);
    assert_eq!(w.container(1).state, State::Running, "pid 1 ignores what it does not handle");
    assert_eq!((w.container(2).state, w.container(2).exit_code), (State::Exited, 143));
    assert_eq!((w.container(3).state, w.container(3).exit_code), (State::Exited, 4));
    w.call(|m, cx| m.kill(&host(), &id(1), 9, cx)).unwrap();
    assert_eq!((w.container(1).state, w.container(1).exit_code), (State::Exited, 137));
}

#[test]
fn memory_limits() {
    let mut w = World::new(Collection::DockerLab);
    let mut hog = spec(1, "python-app:1", &[], &["APP_MEM_MB=128"]);
    hog.memory_limit_bytes = Some(64 << 20);
    w.up(hog).unwrap();
    let mut fits = spec(2, "python-app:1", &[], &["APP_MEM_MB=32"]);
    fits.memory_limit_bytes = Some(64 << 20);
    w.up(fits).unwrap();
    w.secs(2);
    let c = w.container(1);
    assert_eq!((c.state, c.exit_code, c.oom), (State::Exited, 137, true));
    let oom = |h: &Happening| matches!(h, Happening::OutOfMemory { .. });
    assert_eq!(w.notices.iter().filter(|(_, h)| oom(h)).count(), 1);
    assert_eq!(w.container(2).state, State::Running);
    assert_eq!(w.machines.stats(&host(), &id(2), w.now).memory_bytes >> 10, (32 << 10) + 532);
    // Lowering the limit below what is in use kills it too.
    w.call(|m, cx| m.set_limits(&host(), &id(2), Some(16 << 20), None, cx)).unwrap();
    w.secs(1);
    assert!(w.container(2).oom);
}

#[test]
fn a_leak_is_one_event() {
    let mut w = World::new(Collection::DockerLab);
    let program = "program: leaky\nsource: test\nmodes:\n  - memory_kb: 1024\n    stay: true\n    \
                   steps: [{leak_kb: \"1024\"}]\n";
    let image = "image: leaky\ncollection: docker-lab\nsource: test\nbase: docker-lab\n\
                 variants:\n  \
                 - {tags: [\"*\"], download: [1], unpacked: 1}\ncmd: [leaky]\nprograms: \
                 {/bin/leaky: leaky}\n";
    let catalogue = std::sync::Arc::make_mut(&mut w.machines.catalogue);
    catalogue.add("programs/leaky.yaml", program).unwrap();
    catalogue.add("images/leaky.yaml", image).unwrap();
    let mut leaky = spec(1, "leaky:1", &[], &[]);
    leaky.memory_limit_bytes = Some(101 << 20);
    w.up(leaky).unwrap();
    let before = w.events;
    w.secs(99);
    assert_eq!(w.container(1).state, State::Running);
    let used = w.machines.stats(&host(), &id(1), w.now).memory_bytes >> 20;
    assert!((98..=100).contains(&used), "{used}");
    w.secs(3);
    assert!(w.container(1).oom);
    assert!(w.events - before <= 4, "{} events", w.events - before);
}

#[test]
fn paused_containers_answer_later() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "nginx:1.25", &[], &[])).unwrap();
    w.secs(1);
    w.call(|m, cx| m.pause(&host(), &id(1), cx)).unwrap();
    assert_eq!(w.get(1, 80, "/"), None);
    w.call(|m, cx| m.unpause(&host(), &id(1), cx)).unwrap();
    w.secs(1);
    assert_eq!(w.responses.len(), 1);
    assert_eq!(w.call(|m, cx| m.unpause(&host(), &id(1), cx)), Err(RuntimeError::NotPaused));
}

#[test]
fn a_dependency_is_retried_or_fatal() {
    let mut w = World::new(Collection::DockerLab);
    w.answers = |_| Some(Answer::NoSuchHost { server: "127.0.0.11".to_owned() });
    w.up(spec(1, "python-app:1", &[], &["APP_DEPENDS=db:3306"])).unwrap();
    w.secs(1);
    assert_eq!(w.container(1).exit_code, 1);
    assert!(w.log(1).contains("![ERROR] cannot resolve db: Name or service not known\n"));
    let from = std::net::Ipv4Addr::new(172, 18, 0, 3);
    let _ = from;
    w.answers = |_| {
        let from = std::net::Ipv4Addr::new(172, 18, 0, 3);
        Some(Answer::Reached { from, latency: SimDuration::ZERO })
    };
    w.call(|m, cx| m.start(&host(), &id(1), cx)).unwrap();
    w.secs(1);
    assert_eq!(w.container(1).state, State::Running);
    assert!(w.log(1).contains("connected to db:3306\nready for connections"), "{}", w.log(1));
}

#[test]
fn volumes_keep_what_containers_lose() {
    let mut w = World::new(Collection::DockerLab);
    w.machines.create_volume(&host(), "data", false, SimTime::ZERO);
    let mount = |target: &str, read_only| Mount {
        target: target.to_owned(),
        source: MountSource::Volume { name: "data".into(), subpath: String::new(), no_copy: false },
        read_only,
    };
    let mut first = spec(1, "redis:7", &[], &[]);
    first.mounts = vec![mount("/data", false)];
    w.up(first.clone()).unwrap();
    w.secs(1);
    assert!(w.log(1).contains("initialised new data /data/dump.rdb"));
    w.call(|m, cx| m.kill(&host(), &id(1), 15, cx)).unwrap();
    w.secs(1);
    w.machines.remove(&host(), &id(1)).unwrap();
    w.up(ContainerSpec { id: id(2), ..first }).unwrap();
    w.secs(1);
    assert!(w.log(2).contains("using existing data /data/dump.rdb"));
    let mut read_only = spec(3, "busybox:1.36", &["touch", "/m/x"], &[]);
    read_only.mounts = vec![mount("/m", true)];
    w.up(read_only).unwrap();
    w.secs(1);
    assert_eq!(w.container(3).exit_code, 1, "{}", w.log(3));
    // An empty volume is filled with what the image has there.
    w.machines.create_volume(&host(), "etc", false, SimTime::ZERO);
    let mut etc = spec(4, "busybox:1.36", &["true"], &[]);
    let source = MountSource::Volume { name: "etc".into(), subpath: String::new(), no_copy: false };
    etc.mounts = vec![Mount { target: "/etc".to_owned(), source, read_only: false }];
    w.up(etc).unwrap();
    assert!(w.machines.volume(&host(), "etc").unwrap().files.get("/passwd").is_some());
}

#[test]
fn diff_lists_what_changed() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "python-app:1", &[], &[])).unwrap();
    w.secs(1);
    assert_eq!(w.exec(1, &["sh", "-c", "echo x > /tmp/a; rm /etc/group"]).unwrap().1, 0);
    let diff = w.machines.diff(&host(), &id(1));
    let text: Vec<String> = diff.iter().map(|(k, p)| format!("{k} {p}")).collect();
    assert_eq!(text, ["C /etc", "D /etc/group", "C /tmp", "A /tmp/a"]);
    assert_eq!(w.machines.commit_layer(&host(), &id(1)).unwrap().size_bytes, 2);
}

#[test]
fn power_loss_kills_everything() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "nginx:1.25", &[], &[])).unwrap();
    w.secs(1);
    w.call(|m, cx| m.power_off(&host(), cx));
    let c = w.container(1);
    assert_eq!((c.state, c.exit_code), (State::Exited, 255));
    assert_eq!(w.get(1, 80, "/"), None, "nobody answers, not even with a refusal");
    assert!(w.call(|m, cx| m.start(&host(), &id(1), cx)).is_err());
    w.call(|m, cx| m.boot(&host(), cx));
    w.secs(3);
    assert!(w.notices.iter().any(|(_, n)| *n == Happening::HostUp));
    w.call(|m, cx| m.start(&host(), &id(1), cx)).unwrap();
    w.secs(1);
    assert!(matches!(w.get(1, 80, "/"), Some(Response::Http { status: 200, .. })));
}

fn pull(w: &mut World, reference: &str) -> Result<Pulled, PullError> {
    w.notices.clear();
    w.call(|m, cx| m.pull(&host(), Namespace::Moby, reference, 7, true, cx));
    w.secs(600);
    let found = w.notices.iter().find_map(|(_, n)| match n {
        Happening::Pulled { ticket: 7, result } => Some(result.clone()),
        Happening::Exited { .. }
        | Happening::OutOfMemory { .. }
        | Happening::Logged { .. }
        | Happening::ExecOutput { .. }
        | Happening::ExecExited { .. }
        | Happening::PullLayer { .. }
        | Happening::Pulled { .. }
        | Happening::HostDown
        | Happening::HostUp => None,
    });
    found.expect("a pull ends")
}

#[test]
fn pulls_and_their_refusals() {
    let mut w = World::new(Collection::Public);
    let pulled = pull(&mut w, "nginx:1.27").unwrap();
    assert!(!pulled.up_to_date);
    let states: Vec<LayerState> = w
        .notices
        .iter()
        .filter_map(|(_, n)| match n {
            Happening::PullLayer { state, .. } => Some(*state),
            Happening::Exited { .. }
            | Happening::OutOfMemory { .. }
            | Happening::Logged { .. }
            | Happening::ExecOutput { .. }
            | Happening::ExecExited { .. }
            | Happening::Pulled { .. }
            | Happening::HostDown
            | Happening::HostUp => None,
        })
        .collect();
    assert_eq!(states.iter().filter(|s| **s == LayerState::PullComplete).count(), 7);
    assert!(states.contains(&LayerState::Waiting), "only three layers at a time");
    assert!(pull(&mut w, "docker.io/library/nginx:1.27").unwrap().up_to_date);
    assert_eq!(pull(&mut w, "ngnix"), Err(PullError::AccessDenied));
    assert_eq!(pull(&mut w, "nginx:nosuch"), Err(PullError::ManifestUnknown));
    assert!(pull(&mut w, "acme/shop:3").is_ok(), "unknown images are assumed");
    assert!(w.machines.image(&host(), "acme/shop:3").unwrap().assumed);
    let fault = |kind| Fault { kind, target: "redis".to_owned(), from: w.now, until: None };
    w.faults.list.push(fault(FaultKind::RegistryTooManyRequests));
    assert_eq!(pull(&mut w, "redis:7"), Err(PullError::TooManyRequests));
    let mut lab = World::new(Collection::DockerLab);
    assert!(matches!(pull(&mut lab, "nginx:1.99"), Err(PullError::NoSuchRegistry { .. })));
}

#[test]
fn public_servers_become_ready() {
    let mut w = World::new(Collection::Public);
    w.answers = |_| {
        let from = std::net::Ipv4Addr::new(172, 18, 0, 3);
        Some(Answer::Reached { from, latency: SimDuration::ZERO })
    };
    let password = ["POSTGRES_PASSWORD=x", "MYSQL_ROOT_PASSWORD=x", "MARIADB_ROOT_PASSWORD=x"];
    let cases = [
        ("nginx", 80),
        ("httpd", 80),
        ("redis:alpine", 6379),
        ("postgres:15-alpine", 5432),
        ("mysql:8.0", 3306),
        ("mariadb:10.6.4-focal", 3306),
        ("mongo", 27017),
        ("rabbitmq:3-management", 15672),
        ("memcached", 11211),
        ("traefik:2.6", 80),
        ("wordpress", 80),
        ("grafana/grafana", 3000),
        ("prom/prometheus", 9090),
        ("elasticsearch:8.15.0", 9200),
        ("portainer/portainer-ce:alpine", 9000),
        ("nextcloud:apache", 80),
        ("adminer", 8080),
        ("dockersamples/examplevotingapp_vote", 80),
        ("dockersamples/examplevotingapp_result", 80),
        ("registry.k8s.io/guestbook:v3", 3000),
        ("pihole/pihole:latest", 80),
        ("registry:2", 5000),
        ("traefik/whoami", 80),
    ];
    for (n, (image, _)) in (1..).zip(cases) {
        w.up(spec(n, image, &[], &password)).unwrap_or_else(|e| panic!("{image}: {e:?}"));
    }
    w.secs(30);
    for (n, (image, port)) in (1..).zip(cases) {
        assert_eq!(w.container(n).state, State::Running, "{image}: {}", w.log(n));
        assert_ne!(w.get(n, port, "/"), Some(Response::Refused), "{image}: {}", w.log(n));
    }
    for (n, (image, _)) in (1..).zip(cases) {
        let config = &w.container(n).image.config;
        let signal = match config.stop_signal.as_str() {
            "SIGQUIT" => 3,
            "SIGINT" => 2,
            "SIGWINCH" => 28,
            "SIGUSR1" => 10,
            _ => 15,
        };
        w.call(|m, cx| m.kill(&host(), &id(n), signal, cx)).unwrap();
        w.secs(5);
        assert_eq!(w.container(n).state, State::Exited, "{image} stops on its stop signal");
    }
}

#[test]
fn databases_want_a_password() {
    let mut w = World::new(Collection::Public);
    for (n, image, text) in [
        (1, "postgres:16", "superuser password is not specified"),
        (2, "mysql:8", "password option is not specified"),
        (3, "mariadb:11", "password option is not specified"),
    ] {
        w.up(spec(n, image, &[], &[])).unwrap();
        w.secs(1);
        assert_eq!((w.container(n).state, w.container(n).exit_code), (State::Exited, 1));
        assert!(w.log(n).contains(text), "{}", w.log(n));
    }
}

#[test]
fn a_mounted_page_is_served() {
    let mut w = World::new(Collection::Public);
    w.machines.host_files(&host()).unwrap().put_file("/home/me/html/index.html", "<h1>hi {x}</h1>");
    let mut web = spec(1, "nginx", &[], &[]);
    web.mounts = vec![Mount {
        target: "/usr/share/nginx/html".to_owned(),
        source: MountSource::Bind("/home/me/html".to_owned()),
        read_only: true,
    }];
    w.up(web).unwrap();
    w.secs(1);
    assert_eq!(w.get(1, 80, "/"), http(200, "<h1>hi {x}</h1>"));
    assert!(matches!(w.get(1, 80, "/no"), Some(Response::Http { status: 404, .. })));
}

#[test]
fn two_servers_cannot_share_a_port() {
    let mut w = World::new(Collection::DockerLab);
    for n in [1, 2] {
        let mut host_net = spec(n, "nginx:1.25", &[], &[]);
        host_net.sandbox = "host".into();
        w.up(host_net).unwrap();
        w.secs(1);
    }
    assert_eq!((w.container(2).state, w.container(2).exit_code), (State::Exited, 1));
    assert!(w.log(2).contains("!bind() to 0.0.0.0:80 failed (Address already in use)\n"));
}

#[test]
fn a_thousand_containers_start_quickly_and_idle() {
    let mut w = World::new(Collection::Public);
    let hosts: Vec<HostId> = (0..50).map(|n| HostId::new(format!("n{n}"))).collect();
    for h in &hosts {
        w.machines.add_host(HostSpec::small(h.as_str()), SimTime::ZERO);
        assert!(w.machines.preload(h, "nginx:1.27"));
    }
    for n in 0..1000_u32 {
        let h = &hosts[n as usize % hosts.len()];
        w.call(|m, cx| m.create(h, spec(n, "nginx:1.27", &[], &[]), cx)).unwrap();
        w.call(|m, cx| m.start(h, &id(n), cx)).unwrap();
    }
    w.secs(5);
    let started = w.events;
    assert!(started <= 3_000, "{started} events");
    w.secs(3_600);
    assert_eq!(w.events, started, "idle containers schedule nothing");
}

#[test]
fn shells_run_the_images_programs_and_tools() {
    let mut w = World::new(Collection::DockerLab);
    w.answers = |request| {
        let from = std::net::Ipv4Addr::new(172, 18, 0, 3);
        match &request.what {
            Errand::Http { url, .. } if url.contains("web") => {
                Some(Answer::Http { from, status: 200, body: "hello\n".into() })
            }
            Errand::Http { .. } => Some(Answer::NoSuchHost { server: "127.0.0.11".to_owned() }),
            Errand::Lookup { name } => Some(Answer::Addresses {
                server: "127.0.0.11".to_owned(),
                name: name.clone(),
                addresses: vec![from],
            }),
            Errand::Tcp { .. } | Errand::Ping { .. } | Errand::Interfaces => {
                Some(Answer::Refused { from })
            }
        }
    };
    w.up(spec(1, "python-app:1", &[], &["A=9"])).unwrap();
    w.secs(1);
    for (argv, output, code) in [
        (&["hostname"][..], "000000000000\n", 0),
        (&["sh", "-c", "exit 7"][..], "", 7),
        (&["sh", "-c", "curl x"][..], "sh: line 0: curl: not found\n", 127),
        (&["wget", "-T", "3", "-qO-", "http://web/"][..], "hello\n", 0),
        (&["wget", "-qO-", "http://db:81/"][..], "wget: bad address 'db:81'\n", 1),
        (&["sh", "-c", "wget -qO- http://web/ | tr a-z A-Z && echo ok"][..], "HELLO\nok\n", 0),
        (&["sh", "-c", "x=$(wget -qO- http://web/); echo [$x]"][..], "[hello]\n", 0),
        (&["sh", "-c", "app health 8000 && echo fine"][..], "fine\n", 0),
        (&["sh", "-c", "nc -z db 81 || echo closed"][..], "closed\n", 0),
        (
            &["nslookup", "web"][..],
            "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\nNon-authoritative answer:\n\n\
             Non-authoritative answer:\nName:\tweb\nAddress: 172.18.0.3\n\n",
            0,
        ),
    ] {
        assert_eq!(w.exec(1, argv).unwrap(), (output.to_owned(), code), "{argv:?}");
    }
    let env = w.exec(1, &["env"]).unwrap().0;
    assert!(env.starts_with("PATH=/usr/local/sbin:"), "{env}");
    assert!(env.contains("\nA=9\n") && env.ends_with("HOME=/root\n"), "{env}");
    w.exec(1, &["sh", "-c", "kill 1"]).unwrap();
    w.secs(1);
    assert_eq!(w.container(1).exit_code, 0, "the program handles TERM from inside");
}

#[test]
fn an_interactive_shell_lives_on_its_input() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "nginx:1.25", &[], &[])).unwrap();
    w.secs(1);
    let exec = ExecId::new("shell");
    let argv = vec!["sh".to_owned()];
    let spec = ExecSpec { argv, stdin: true, tty: true, ..ExecSpec::default() };
    w.call(|m, cx| m.exec(&host(), &id(1), exec.clone(), spec, cx)).unwrap();
    w.secs(1);
    for line in ["cd /tmp\n", "pwd\n", "exit 3\n"] {
        let text = Some(line.to_owned());
        w.call(|m, cx| m.exec_stdin(&host(), &id(1), &exec, text, cx));
        w.secs(1);
    }
    let text: String = w
        .notices
        .iter()
        .filter_map(|(_, n)| match n {
            Happening::ExecOutput { text, .. } => Some(text.as_str()),
            Happening::Exited { .. }
            | Happening::OutOfMemory { .. }
            | Happening::Logged { .. }
            | Happening::ExecExited { .. }
            | Happening::PullLayer { .. }
            | Happening::Pulled { .. }
            | Happening::HostDown
            | Happening::HostUp => None,
        })
        .collect();
    assert!(text.contains("/tmp\n"), "{text:?}");
    let ended = |n: &Happening| matches!(n, Happening::ExecExited { code: 3, .. });
    assert!(w.notices.iter().any(|(_, n)| ended(n)));
}

#[test]
fn a_shell_that_runs_out_of_memory() {
    let mut w = World::new(Collection::KubeLab);
    let mut hog = spec(1, "busybox:1.37", &["sh", "-c", "sleep 2; tail /dev/zero"], &[]);
    hog.memory_limit_bytes = Some(32 << 20);
    w.up(hog).unwrap();
    w.secs(1);
    assert_eq!(w.container(1).state, State::Running);
    w.secs(20);
    let c = w.container(1);
    assert_eq!((c.state, c.exit_code, c.oom), (State::Exited, 137, true), "{}", w.log(1));
}

#[test]
fn a_busy_loop_is_throttled() {
    let mut w = World::new(Collection::DockerLab);
    let mut burn = spec(1, "busybox:1.36", &["sh", "-c", "while true; do :; done"], &[]);
    burn.cpu_limit_milli = Some(500);
    w.up(burn).unwrap();
    w.secs(10);
    let events = w.events;
    let stats = w.machines.stats(&host(), &id(1), w.now);
    assert_eq!(stats.cpu_milli, 500);
    assert!((4_800_000..=5_000_000).contains(&stats.cpu_used_us), "{}", stats.cpu_used_us);
    w.secs(100);
    assert!(w.events - events < 1_000, "{} events", w.events - events);
    w.call(|m, cx| m.kill(&host(), &id(1), 15, cx)).unwrap();
    assert_eq!(w.container(1).state, State::Running);
}

#[test]
fn what_a_kubelet_runs() {
    let mut w = World::new(Collection::KubeLab);
    for (n, script, code, log) in [
        (1, "echo boom; exit 1", 1, "boom\n"),
        (2, "sleep 3; exit 3", 3, ""),
        (3, "case $HOSTNAME in db-1) sleep 30;; esac; touch /tmp/ready; echo $HOSTNAME", 0, "0"),
    ] {
        w.up(spec(n, "busybox:1.37", &["sh", "-c", script], &[])).unwrap();
        w.secs(5);
        assert_eq!((w.container(n).exit_code, w.container(n).state), (code, State::Exited));
        assert!(w.log(n).starts_with(log), "{n} {}", w.log(n));
    }
    w.up(spec(4, "nginx:1.27", &[], &[])).unwrap();
    w.secs(1);
    let got = w.exec(4, &["wget", "-qO-", "localhost"]).unwrap();
    assert_eq!(got, ("Welcome to nginx 1.27\n".to_owned(), 0));
    let root = w.exec(4, &["ls"]).unwrap().0;
    assert_eq!(root, "bin\ndev\nentrypoint.sh\netc\nproc\nroot\nsys\ntmp\nusr\nvar\nwww\n");
    assert_eq!(w.exec(4, &["sh", "-c", "kill 1"]).unwrap(), (String::new(), 0));
    w.secs(1);
    assert_eq!((w.container(4).state, w.container(4).exit_code), (State::Exited, 0));
}

#[test]
fn input_for_a_program_does_not_harm_it() {
    let mut w = World::new(Collection::DockerLab);
    w.up(spec(1, "nginx:1.25", &[], &[])).unwrap();
    w.secs(1);
    w.call(|m, cx| m.stdin(&host(), &id(1), Some("x\n".to_owned()), cx));
    w.call(|m, cx| m.stdin(&host(), &id(1), None, cx));
    w.secs(1);
    assert!(matches!(w.get(1, 80, "/"), Some(Response::Http { status: 200, .. })));
    // A shell whose last command takes its place: signals are for the program.
    w.up(spec(2, "python-app:1", &["sh", "-c", "exec python app.py"], &[])).unwrap();
    w.secs(1);
    w.call(|m, cx| m.kill(&host(), &id(2), 15, cx)).unwrap();
    w.secs(1);
    assert_eq!((w.container(2).state, w.container(2).exit_code), (State::Exited, 0));
}

#[test]
fn the_same_world_twice() {
    let run = || {
        let mut w = World::new(Collection::Public);
        w.up(spec(1, "redis", &[], &[])).unwrap();
        pull(&mut w, "nginx").unwrap();
        (w.machines.digest(Reading::Kept), w.events, w.log(1))
    };
    assert_eq!(run(), run());
}
