//! A cluster of hollow nodes without a world around it, for tests.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::base::rng::Rngs;
use crate::base::time::{SimDuration, SimTime};
use crate::engine::cx::{Cx, Effect};
use crate::engine::fault::Faults;
use crate::engine::queue::Queue;
use crate::engine::trace::{Trace, TraceId};
use crate::kube::api::object::{Key, Object, Stored};
use crate::kube::api::request::{ApiError, Body, PatchType, Request, Response, Verb};
use crate::kube::kinds::Kind;
use crate::kube::node::NodeSpec;
use crate::kube::{Cluster, Input, Output};
use crate::machine::{self, HostSpec, Machines};
use crate::net::{self, Fabric};

enum Event {
    Kube(Input),
    Machine(machine::Input),
    Net(net::Input),
}

/// The cluster and what it needs.
pub(crate) struct Lab {
    pub(crate) cluster: Cluster,
    pub(crate) machines: Machines,
    pub(crate) fabric: Fabric,
    pub(crate) trace: Trace,
    pub(crate) now: SimTime,
    pub(crate) steps: u64,
    queue: Queue<Event>,
    rngs: Rngs,
    faults: Faults,
}

impl Lab {
    /// Hollow nodes `node-1` and so on, each with so many cores and as many gibibytes.
    pub(crate) fn new(cores: &[u32]) -> Self {
        let mut machines = Machines::new(false);
        let mut fabric = Fabric::default();
        let mut specs = Vec::new();
        for (number, cores) in (1_u8..).zip(cores) {
            let name = format!("node-{number}");
            machines.add_host(HostSpec::small(&name), SimTime::ZERO);
            fabric.add_host(&name, Ipv4Addr::new(10, 77, 0, 10 + number));
            specs.push(NodeSpec {
                name: name.as_str().into(),
                cpu: cores.to_string(),
                memory: format!("{cores}Gi"),
                pods: 110,
                extended: Default::default(),
                labels: Default::default(),
                taints: Vec::new(),
                address: format!("10.77.0.{}", 10 + number),
                real: false,
            });
        }
        let mut lab = Self {
            cluster: Cluster::default(),
            machines,
            fabric,
            trace: Trace::default(),
            now: SimTime::ZERO,
            steps: 0,
            queue: Queue::default(),
            rngs: Rngs::new(7),
            faults: Faults::default(),
        };
        lab.act(|_, _, _, cx| Some(Cluster::new(&specs, cx)));
        lab
    }

    fn act(
        &mut self,
        what: impl FnOnce(
            &mut Cluster,
            &mut Machines,
            &mut Fabric,
            &mut Cx<'_, Output>,
        ) -> Option<Cluster>,
    ) {
        let mut out: Vec<Effect<Output>> = Vec::new();
        let mut cx = Cx {
            now: self.now,
            cause: TraceId::NONE,
            rng: &mut self.rngs,
            trace: &mut self.trace,
            faults: &self.faults,
            out: &mut out,
        };
        let made = what(&mut self.cluster, &mut self.machines, &mut self.fabric, &mut cx);
        if let Some(cluster) = made {
            self.cluster = cluster;
        }
        self.route(out);
    }

    fn route(&mut self, out: Vec<Effect<Output>>) {
        for (delay, cause, output) in out {
            let event = match output {
                Output::Again(input) => Event::Kube(input),
                Output::Machine(machine::Output::Again(input)) => Event::Machine(input),
                Output::Machine(machine::Output::Notice(notice)) => {
                    Event::Kube(Input::Notice(notice))
                }
                Output::Net(net::Output::Again(input)) => Event::Net(input),
                Output::Machine(_) | Output::Net(_) | Output::Reply { .. } => continue,
            };
            self.queue.push(self.now + delay, cause, event);
        }
    }

    /// Let time pass.
    pub(crate) fn run(&mut self, time: SimDuration) {
        let until = self.now + time;
        while self.queue.next_at().is_some_and(|at| at <= until) {
            let Some(next) = self.queue.pop() else { break };
            self.now = next.at;
            self.steps += 1;
            let mut out: Vec<Effect<Output>> = Vec::new();
            let mut cx = Cx {
                now: self.now,
                cause: next.cause,
                rng: &mut self.rngs,
                trace: &mut self.trace,
                faults: &self.faults,
                out: &mut out,
            };
            match next.event {
                Event::Kube(input) => {
                    self.cluster.step(input, &mut self.machines, &mut self.fabric, &mut cx);
                }
                Event::Machine(input) => cx.within(|cx| self.machines.step(input, cx)),
                Event::Net(input) => cx.within(|cx| self.fabric.step(input, cx)),
            }
            self.route(out);
        }
        self.now = until;
    }

    /// Let seconds pass.
    pub(crate) fn secs(&mut self, seconds: u64) {
        self.run(SimDuration::from_secs(seconds));
    }

    /// Ask the API server as a client.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<Response, ApiError> {
        let mut result = None;
        self.act(|cluster, _, _, cx| {
            let actor = crate::engine::trace::Actor::only("you");
            result = Some(cluster.serve(request, actor, None, cx));
            None
        });
        result.unwrap_or_else(|| Err(ApiError::bad_request("no answer")))
    }

    /// Create an object from JSON.
    pub(crate) fn create(&mut self, kind: Kind, namespace: &str, value: Value) {
        let mut request = Request::new(Verb::Create, kind, namespace, "");
        request.body = Body::Value(value);
        let result = self.ask(&request);
        assert!(result.is_ok(), "{result:?}");
    }

    /// Change an object by a merge patch.
    pub(crate) fn patch(&mut self, kind: Kind, namespace: &str, name: &str, value: Value) {
        let request = Request::patch(kind, namespace, name, PatchType::Merge, value);
        let result = self.ask(&request);
        assert!(result.is_ok(), "{result:?}");
    }

    /// Delete an object.
    pub(crate) fn delete(&mut self, kind: Kind, namespace: &str, name: &str) {
        let result = self.ask(&Request::delete(kind, namespace, name));
        assert!(result.is_ok(), "{result:?}");
    }

    /// Create a Deployment of `nginx`.
    pub(crate) fn deployment(&mut self, name: &str, replicas: i32, extra: Value) {
        let mut spec = json!({
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]},
            },
        });
        if let (Some(spec), Some(extra)) = (spec.as_object_mut(), extra.as_object()) {
            spec.extend(extra.clone());
        }
        let value = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        });
        self.create(Kind::Deployment, "default", value);
    }

    /// An object.
    pub(crate) fn get<T: Stored>(&self, namespace: &str, name: &str) -> Option<&T> {
        self.cluster.store.typed::<T>(&Key::new(namespace, name))
    }

    /// All objects of a type in a namespace.
    pub(crate) fn all<T: Stored + 'static>(&self, namespace: &str) -> Vec<T> {
        self.cluster.store.all_in::<T>(namespace).cloned().collect()
    }

    /// Messages of the events about an object, oldest first.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the shelf holds events only")]
    pub(crate) fn events(&self, kind: &str, name: &str) -> Vec<String> {
        let mut found: Vec<(u64, String)> = self
            .cluster
            .store
            .list(Kind::Event)
            .filter_map(|(_, entry)| match entry.object.as_ref() {
                Object::Event(event) => Some((entry.revision, event.clone())),
                _ => None,
            })
            .filter(|(_, event)| {
                event.involved_object.kind.as_deref() == Some(kind)
                    && event.involved_object.name.as_deref().is_some_and(|n| n.starts_with(name))
            })
            .map(|(revision, event)| (revision, event.message.unwrap_or_default()))
            .collect();
        found.sort();
        found.into_iter().map(|(_, message)| message).collect()
    }
}
