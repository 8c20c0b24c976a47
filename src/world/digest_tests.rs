//! Whatever is changed in a world shows in its digest, in the part that holds it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::{Cx, Effect};
use crate::engine::fault::{Fault, FaultKind};
use crate::engine::trace::TraceId;
use crate::kube::api::object::Key;
use crate::kube::kinds::{Kind, Object};
use crate::machine::{self, ContainerId, HostId, Power, State};
use crate::net::{self, Cidr, EndpointRef, Proto};
use crate::posix::{Entry, FileSystem as _};
use crate::world::command::Command;
use crate::world::demo;
use crate::world::digest::differing;
use crate::world::event::Event;
use crate::world::session::Session;
use crate::world::world::{World, act};

type Change = fn(&mut World);

fn played(mut session: Session, host: &str, lines: &[&str]) -> World {
    session.execute(Command::Open { terminal: 1, host: host.to_owned(), tty: true });
    for (n, line) in (1..).zip(lines) {
        session.execute(Command::Type { terminal: 1, line: (*line).to_owned() });
        session.advance(SimTime::from_secs(n * 15), u32::MAX);
    }
    let mut world = session.head().clone();
    world.settle();
    world
}

fn cluster() -> World {
    played(Session::new(demo::kubernetes(7)), "", &["kubectl apply -f shop.yaml"])
}

fn docker() -> World {
    let lines = ["docker compose up -d", "docker volume create spare", "docker network create n"];
    played(Session::new(demo::compose(7)), "host", &lines)
}

/// Each change alters the digest, the same way whether kept or added up anew, in these parts.
fn all_show(world: &World, parts: &[&str], changes: &[(&str, Change)]) {
    let before = world.digest_parts();
    assert_eq!(world.digest(), world.digest_in_full());
    let mut seen = vec![world.digest()];
    for (name, change) in changes {
        let mut changed = world.clone();
        change(&mut changed);
        assert_eq!(differing(&before, &changed.digest_parts()), parts, "{name}");
        assert_eq!(changed.digest(), changed.digest_in_full(), "{name}");
        seen.push(changed.digest());
        changed.settle();
        assert_eq!(seen.last(), Some(&changed.digest()), "{name}, settled");
    }
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), changes.len() + 1, "each change is another one: {parts:?}");
}

/// A host with a running container.
fn some_container(world: &World) -> (HostId, ContainerId) {
    let hosts = world.machines.hosts();
    let found = hosts.flat_map(|h| h.containers.iter().map(|(id, c)| (&h.spec.name, id, c)));
    let running = found.filter(|(_, _, c)| c.state == State::Running);
    running.map(|(host, id, _)| (host.clone(), id.clone())).next().unwrap()
}

/// Do something with the machines whose effects on the queue do not matter.
fn on_machines(
    world: &mut World,
    what: impl FnOnce(&mut machine::Machines, &mut Cx<'_, machine::Output>),
) {
    let mut out: Vec<Effect<machine::Output>> = Vec::new();
    let mut cx = Cx {
        now: world.now,
        cause: TraceId::NONE,
        rng: &mut world.rng.clone(),
        trace: &mut world.trace.clone(),
        faults: &world.faults,
        out: &mut out,
    };
    what(&mut world.machines, &mut cx);
}

#[test]
fn the_frame() {
    let mut world = cluster();
    world.faults.list.push(fault("node-2"));
    all_show(
        &world,
        &["events"],
        &[
            ("a step", |w| w.steps += 1),
            ("an event gone", |w| {
                let _ = w.queue.pop();
            }),
            ("an event later", |w| {
                let next = w.queue.pop().unwrap();
                w.queue.push(SimTime::from_secs(999), next.cause, next.event);
            }),
            ("an event more", |w| {
                let nothing = Event::Net(net::Input::GiveUp(net::FlowId(0)));
                w.queue.push(w.now, TraceId::NONE, nothing);
            }),
        ],
    );
    let draw: Change = |w| {
        let _ = w.rng.stream("test", "a").next_u64();
    };
    let another: Change = |w| {
        let _ = w.rng.stream("test", "b").next_u64();
    };
    all_show(&world, &["random numbers"], &[("a draw", draw), ("another", another)]);
    all_show(
        &world,
        &["trace"],
        &[
            ("text", |w| {
                let _ = w.learner(Message::new("a"), "x");
            }),
            ("argument", |w| {
                let _ = w.learner(Message::new("a").with("n", 1), "x");
            }),
            ("subject", |w| {
                let _ = w.learner(Message::new("a"), "y");
            }),
        ],
    );
    all_show(
        &world,
        &["faults"],
        &[
            ("begun", |w| w.faults.list.push(fault("node-1"))),
            ("ended", |w| {
                let _ = w.faults.mend("node-2", &FaultKind::LinkDown, w.now);
            }),
        ],
    );
}

fn fault(target: &str) -> Fault {
    let kind = FaultKind::LinkDown;
    Fault { kind, target: target.to_owned(), from: SimTime::ZERO, until: None }
}

#[test]
fn machines() {
    let world = docker();
    all_show(
        &world,
        &["machines"],
        &[
            ("name", |w| w.machines.set_hostname(&HostId::new("host"), "other")),
            ("tag", |w| {
                let (host, id) = some_container(w);
                let image = w.machines.container(&host, &id).unwrap().image.id.clone();
                w.machines.tag(&host, &image, "mine:1").unwrap();
            }),
            ("image", |w| {
                let (host, id) = some_container(w);
                let mut image = (*w.machines.container(&host, &id).unwrap().image).clone();
                image.config.user = "nobody".to_owned();
                w.machines.add_image(&host, image, &[]);
            }),
            ("image gone", |w| {
                let (host, id) = some_container(w);
                let image = w.machines.container(&host, &id).unwrap().image.id.clone();
                w.machines.remove_image(&host, &image);
            }),
            ("container renamed", |w| {
                let (host, id) = some_container(w);
                w.machines.rename(&host, &id, "other");
            }),
            ("container followed", |w| {
                let (host, id) = some_container(w);
                w.machines.follow(&host, &id, true);
            }),
            ("file of a container", |w| {
                let (host, id) = some_container(w);
                w.machines.put_files(&host, &id, [("/a".to_owned(), "x".into())].into());
            }),
            ("container paused", |w| {
                let (host, id) = some_container(w);
                on_machines(w, |m, cx| m.pause(&host, &id, cx).unwrap());
            }),
            ("container killed", |w| {
                let (host, id) = some_container(w);
                on_machines(w, |m, cx| m.kill(&host, &id, 9, cx).unwrap());
            }),
            ("limits", |w| {
                let (host, id) = some_container(w);
                on_machines(w, |m, cx| m.set_limits(&host, &id, Some(1 << 30), None, cx).unwrap());
            }),
            ("a pull", |w| {
                let (host, space) = (HostId::new("host"), machine::Namespace::Moby);
                on_machines(w, |m, cx| m.pull(&host, space, "redis:7", 9, false, cx));
            }),
            ("power", |w| {
                on_machines(w, |m, cx| m.power_off(&HostId::new("host"), cx));
                assert_eq!(w.machines.host(&HostId::new("host")).unwrap().power, Power::Off);
            }),
        ],
    );
}

#[test]
fn files() {
    let world = docker();
    let host = || HostId::new("host");
    assert!(world.machines.volume(&host(), "spare").is_some());
    all_show(
        &world,
        &["files"],
        &[
            ("of the learner", |w| w.home.put_file("/home/x", "1")),
            ("of a host", |w| w.write_file("host", "/home/x", "1")),
            ("content", |w| w.write_file("host", "/home/x", "2")),
            ("gone", |w| w.remove_file("host", "/etc/hostname")),
            ("mode", |w| {
                let files = w.machines.host_files(&HostId::new("host")).unwrap();
                files.chmod("/etc/hostname", 0o600).unwrap();
            }),
            ("directory", |w| w.home.put("/home/y", Entry::Directory { mode: 0o755 })),
            ("new volume", |w| {
                w.machines.create_volume(&HostId::new("host"), "other", false, w.now);
            }),
            ("file of a volume", |w| {
                let files = w.machines.volume_files(&HostId::new("host"), "spare");
                files.unwrap().put_file("/x", "1");
            }),
            ("volume gone", |w| w.machines.remove_volume(&HostId::new("host"), "spare")),
        ],
    );
}

#[test]
fn network() {
    let place = || EndpointRef::new("node-1", "x");
    let world = cluster();
    assert!(world.fabric.programmed("node-1").next().is_some());
    assert!(world.fabric.host_addr(&place().host).is_some());
    all_show(
        &world,
        &["network"],
        &[
            ("a host", |w| w.fabric.add_host("more", Ipv4Addr::new(10, 0, 0, 9))),
            ("a pod's range", |w| w.fabric.add_pod_range("node-1", Cidr::new(10, 9, 0, 0, 24))),
            ("a pod", |w| {
                let _ = w.fabric.attach_pod(&EndpointRef::new("node-1", "x")).unwrap();
            }),
            ("on the host", |w| w.fabric.join_host(&EndpointRef::new("node-1", "x"))),
            ("names", |w| {
                let name = ("db".into(), Ipv4Addr::LOCALHOST);
                w.fabric.set_hosts_file(&EndpointRef::new("node-1", "x"), &[name]);
            }),
            ("a port", |w| w.fabric.reserve_port("node-1", 9_999, Proto::Tcp)),
            ("no rules", |w| {
                let (service, _) = w.fabric.programmed("node-1").next().unwrap();
                let service = service.clone();
                w.fabric.program("node-1", &service, Arc::new([]));
            }),
            ("another rule", |w| {
                let (service, rules) = w.fabric.programmed("node-1").next().unwrap();
                let (service, mut rules) = (service.clone(), rules.to_vec());
                rules[0].endpoints.clear();
                w.fabric.program("node-1", &service, rules.into());
            }),
            ("a record", |w| w.fabric.set_record("a.b", &[Ipv4Addr::LOCALHOST])),
            ("an alias", |w| w.fabric.set_alias("a.b", "c.d")),
            ("no DNS", |w| w.fabric.set_cluster_dns(false)),
            ("a name outside", |w| w.fabric.set_outside_name("a.b", Ipv4Addr::LOCALHOST)),
        ],
    );
}

#[test]
fn requests() {
    let mut world = cluster();
    let load = |w: &mut World, name: &str, rate_milli| {
        let (name, url) = (name.to_owned(), "http://node-1:30080/".to_owned());
        w.execute(Command::Load { name, url, from: String::new(), rate_milli });
    };
    load(&mut world, "client", 5_000);
    while world.fabric.loads().all(|(_, load)| load.total.ok < 2) {
        world.step();
    }
    world.settle();
    all_show(
        &world,
        &["requests"],
        &[("a load ended", |w| {
            let id = w.fabric.loads().next().unwrap().0;
            act!(w, TraceId::NONE, |cx: net::Output| {
                w.fabric.step(net::Input::StopLoad(id), cx);
            });
        })],
    );
    let mut seen = vec![world.digest_parts()];
    for _ in 0..40 {
        world.step();
        assert_eq!(world.digest(), world.digest_in_full());
        seen.push(world.digest_parts());
    }
    let moved = seen.windows(2).filter(|w| differing(&w[0], &w[1]).contains(&"requests"));
    assert!(moved.count() > 5, "requests come and go");
}

/// An object of a kind with nothing but what every object has, and one field more.
fn object(kind: Kind, label: &str) -> Object {
    let value = serde_json::json!({"metadata": {"name": "x", "labels": {"a": label}}});
    Object::from_value(kind, &value).unwrap().value
}

#[test]
fn objects_of_every_kind() {
    let world = cluster();
    let before = world.digest_parts();
    let key = |kind: Kind| Key::new(if kind.namespaced() { "default" } else { "" }, "x");
    let commit = |w: &mut World, kind: Kind, object: Option<Object>| {
        let now = w.now;
        let store = &mut w.kube.as_mut().unwrap().store;
        store.commit(kind, &key(kind), object, now, TraceId::NONE);
    };
    for kind in Kind::ALL.iter().copied() {
        let mut seen = vec![world.digest()];
        let mut changed = world.clone();
        for label in [Some("1"), Some("2"), None] {
            commit(&mut changed, kind, label.map(|label| object(kind, label)));
            assert_eq!(differing(&before, &changed.digest_parts()), ["kube"], "{kind:?}");
            assert_eq!(changed.digest(), changed.digest_in_full(), "{kind:?}");
            seen.push(changed.digest());
        }
        let mut other = world.clone();
        commit(&mut other, kind, Some(object(kind, "2")));
        commit(&mut other, kind, Some(object(kind, "1")));
        commit(&mut other, kind, Some(object(kind, "1")));
        seen.push(other.digest());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 5, "{kind:?}");
    }
}

#[test]
fn one_field_of_an_object() {
    let world = cluster();
    let digest = |edit: fn(&mut serde_json::Value)| {
        let mut value = serde_json::json!({
            "metadata": {"name": "x"},
            "spec": {"containers": [{"name": "a", "image": "b", "env": [{"name": "c"}]}]},
        });
        edit(&mut value);
        let mut world = world.clone();
        let (now, key) = (world.now, Key::new("default", "x"));
        let pod = Object::from_value(Kind::Pod, &value).unwrap().value;
        let store = &mut world.kube.as_mut().unwrap().store;
        store.commit(Kind::Pod, &key, Some(pod), now, TraceId::NONE);
        world.digest()
    };
    let mut seen = [
        digest(|_| ()),
        digest(|v| v["spec"]["containers"][0]["image"] = "c".into()),
        digest(|v| v["spec"]["containers"][0]["env"][0]["value"] = "".into()),
        digest(|v| v["spec"]["containers"][0]["env"][0]["value"] = "1".into()),
        digest(|v| v["spec"]["restartPolicy"] = "Never".into()),
        digest(|v| v["status"] = serde_json::json!({"phase": "Running"})),
        digest(|v| v["metadata"]["deletionGracePeriodSeconds"] = 3.into()),
        digest(|v| v["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into()),
    ];
    seen.sort_unstable();
    let mut unique = seen.to_vec();
    unique.dedup();
    assert_eq!(unique, seen);
}

/// The digest of the daemons some time after a line, which is to change nothing else than it says.
fn after(world: &World, line: &str) -> u64 {
    let mut world = world.clone();
    let before = world.digest_parts();
    world.execute(Command::Type { terminal: 1, line: line.to_owned() });
    assert!(differing(&before, &world.digest_parts()).contains(&"shell"), "{line}");
    world.run_until(world.now + SimDuration::from_secs(20), u32::MAX);
    assert_eq!(world.digest(), world.digest_in_full(), "{line}");
    let parts = world.digest_parts();
    parts.iter().find(|(name, _)| *name == "docker").unwrap().1
}

#[test]
fn daemons_and_terminals() {
    let world = docker();
    let lines = [
        "docker volume rm spare",
        "docker network rm n",
        "docker network connect n student-web-1",
        "docker rename student-web-1 other",
        "docker update --restart=always student-web-1",
        "docker pause student-web-1",
        "docker tag nginx:1.27 mine:1",
        "docker exec student-web-1 true",
        "docker create busybox",
        "docker stop student-web-1",
        "docker rm -f student-web-1",
    ];
    let idle = after(&world, "true");
    let mut seen: Vec<u64> = lines.iter().map(|line| after(&world, line)).collect();
    assert_eq!(lines.iter().zip(&seen).find(|(_, digest)| **digest == idle), None);
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), lines.len(), "each line does something else");
}
