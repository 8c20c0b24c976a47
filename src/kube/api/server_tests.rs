//! Requests against a small cluster, as a client sees them.

use k8s_openapi::api::core::v1::{Pod, ResourceQuota, Service};
use serde_json::{Value, json};

use crate::base::rng::Rngs;
use crate::base::time::SimTime;
use crate::engine::trace::TraceId;
use crate::kube::api::object::{Key, Kind, Object};
use crate::kube::api::request::{
    ApiError, Body, Options, PatchType, Propagation, Request, Response, Subresource, Verb,
};
use crate::kube::api::store::Store;
use crate::kube::api::{bootstrap, patch, server};

/// A cluster without nodes.
struct Small {
    store: Store,
    rngs: Rngs,
    now: SimTime,
}

impl Small {
    fn new() -> Self {
        let mut store = Store::default();
        let mut rngs = Rngs::new(1);
        let now = SimTime::from_secs(10);
        bootstrap::cluster(&mut store, now, rngs.stream("t", ""), TraceId::NONE);
        Self { store, rngs, now }
    }

    fn ask(&mut self, request: &Request) -> Result<Response, ApiError> {
        let rng = self.rngs.stream("apiserver", "");
        server::handle(&mut self.store, request, self.now, rng, TraceId(3))
    }

    fn create(&mut self, kind: Kind, value: Value) -> Result<Response, ApiError> {
        let mut request = Request::new(Verb::Create, kind, "default", "");
        request.body = Body::Value(value);
        self.ask(&request)
    }

    fn pod(&mut self, name: &str) -> Result<Response, ApiError> {
        let spec = json!({"containers": [{"name": "c", "image": "nginx:1.27"}]});
        self.create(Kind::Pod, json!({"metadata": {"name": name}, "spec": spec}))
    }

    fn bind(&mut self, name: &str) {
        let mut request =
            Request::new(Verb::Create, Kind::Pod, "default", name).on(Subresource::Binding);
        request.body = Body::Bind("node-1".into());
        self.ask(&request).unwrap();
    }
}

fn message(result: Result<Response, ApiError>) -> String {
    result.map_or_else(|e| e.message, |_| "accepted".to_owned())
}

#[test]
fn a_pod_gets_defaults_and_admission() {
    let mut small = Small::new();
    let answer = small.pod("web").unwrap();
    let value = answer.object().unwrap().to_value();
    for (path, want) in [
        ("/metadata/generation", json!(1)),
        ("/metadata/creationTimestamp", json!("2026-01-05T09:00:10Z")),
        ("/spec/serviceAccountName", json!("default")),
        ("/spec/priority", json!(0)),
        ("/spec/enableServiceLinks", json!(true)),
        ("/spec/containers/0/imagePullPolicy", json!("IfNotPresent")),
        ("/spec/containers/0/resources", json!({})),
        ("/spec/containers/0/volumeMounts/0/readOnly", json!(true)),
        ("/spec/volumes/0/projected/sources/0/serviceAccountToken/expirationSeconds", json!(3607)),
        ("/spec/tolerations/1/key", json!("node.kubernetes.io/unreachable")),
        ("/status", json!({"phase": "Pending", "qosClass": "BestEffort"})),
    ] {
        assert_eq!(value.pointer(path), Some(&want), "{path}");
    }
    assert_eq!(message(small.pod("web")), "pods \"web\" already exists");
}

#[test]
fn refusals_are_worded_as_the_server_words_them() {
    let mut small = Small::new();
    let pod = |extra: Value| {
        let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
        if let (Some(map), Value::Object(more)) = (spec.as_object_mut(), extra) {
            map.extend(more);
        }
        json!({"metadata": {"name": "p"}, "spec": spec})
    };
    for (extra, want) in [
        (
            json!({"replicas": 3}),
            "Pod in version \"v1\" cannot be handled as a Pod: strict decoding error: unknown \
             field \"spec.replicas\"",
        ),
        (
            json!({"priorityClassName": "nope"}),
            "pods \"p\" is forbidden: no PriorityClass with name nope was found",
        ),
        (
            json!({"serviceAccountName": "nope"}),
            "pods \"p\" is forbidden: error looking up service account default/nope: \
             serviceaccount \"nope\" not found",
        ),
        (
            json!({"runtimeClassName": "nope"}),
            "pods \"p\" is forbidden: pod rejected: RuntimeClass \"nope\" not found",
        ),
    ] {
        assert_eq!(message(small.create(Kind::Pod, pod(extra))), want);
    }
    let mut request = Request::new(Verb::Create, Kind::ConfigMap, "nosuch", "");
    request.body = Body::Value(json!({"metadata": {"name": "x"}}));
    assert_eq!(message(small.ask(&request)), "namespaces \"nosuch\" not found");
}

#[test]
fn deleting_a_bound_pod_takes_its_grace() {
    let mut small = Small::new();
    small.pod("web").unwrap();
    small.bind("web");
    let answer = small.ask(&Request::delete(Kind::Pod, "default", "web")).unwrap();
    let meta = answer.object().unwrap().meta().clone();
    assert_eq!(meta.deletion_grace_period_seconds, Some(30));
    let mut now = Request::delete(Kind::Pod, "default", "web");
    now.options.grace_period_seconds = Some(0);
    small.ask(&now).unwrap();
    assert!(small.store.get(Kind::Pod, &Key::new("default", "web")).is_none());
    small.pod("young").unwrap();
    small.ask(&Request::delete(Kind::Pod, "default", "young")).unwrap();
    assert_eq!(small.store.count(Kind::Pod), 0, "a pod without a node goes at once");
}

#[test]
fn foreground_waits_for_its_finalizer() {
    let mut small = Small::new();
    small.create(Kind::ConfigMap, json!({"metadata": {"name": "x"}})).unwrap();
    let mut request = Request::delete(Kind::ConfigMap, "default", "x");
    request.options = Options { propagation: Some(Propagation::Foreground), ..Options::default() };
    let answer = small.ask(&request).unwrap();
    let mut object = Object::clone(answer.object().unwrap());
    assert!(object.deleting());
    object.meta_mut().finalizers = None;
    small.ask(&Request::update(object)).unwrap();
    assert!(small.store.get(Kind::ConfigMap, &Key::new("default", "x")).is_none());
}

#[test]
fn stale_updates_conflict_and_equal_ones_write_nothing() {
    let mut small = Small::new();
    let answer = small.create(Kind::ConfigMap, json!({"metadata": {"name": "x"}})).unwrap();
    let old = Object::clone(answer.object().unwrap());
    let revision = small.store.revision();
    small.ask(&Request::update(old.clone())).unwrap();
    assert_eq!(small.store.revision(), revision);
    let patch = json!({"data": {"a": "b"}});
    let request = Request::patch(Kind::ConfigMap, "default", "x", PatchType::Strategic, patch);
    small.ask(&request).unwrap();
    assert_eq!(
        message(small.ask(&Request::update(old))),
        "Operation cannot be fulfilled on configmaps \"x\": the object has been modified; please \
         apply your changes to the latest version and try again"
    );
}

#[test]
fn generation_follows_the_spec_only() {
    let mut small = Small::new();
    let template = json!({"metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"selector": {"matchLabels": {"a": "b"}}, "template": template});
    small.create(Kind::Deployment, json!({"metadata": {"name": "w"}, "spec": spec})).unwrap();
    let mut generation = |patch: Value| {
        let request = Request::patch(Kind::Deployment, "default", "w", PatchType::Merge, patch);
        small.ask(&request).unwrap().object().unwrap().meta().generation
    };
    assert_eq!(generation(json!({"metadata": {"labels": {"x": "y"}}})), Some(1));
    assert_eq!(generation(json!({"spec": {"replicas": 3}})), Some(2));
    assert_eq!(generation(json!({"status": {"replicas": 9}})), Some(2));
    let mut scale =
        Request::new(Verb::Update, Kind::Deployment, "default", "w").on(Subresource::Scale);
    scale.body = Body::Scale(5);
    let Ok(Response::Value(value)) = small.ask(&scale) else { panic!("no scale") };
    assert_eq!(value.pointer("/spec/replicas"), Some(&json!(5)));
}

/// A request of kubectl under a manager's name.
fn by(manager: &str, mut request: Request) -> Request {
    request.options.field_manager = Some(manager.into());
    request
}

#[test]
fn server_side_apply_does_not_take_what_others_changed() {
    let mut small = Small::new();
    let wanted = |replicas: i64, image: &str| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w"}, "spec": {
            "replicas": replicas, "selector": {"matchLabels": {"a": "b"}}, "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "c", "image": image}]}}}})
    };
    let apply = |manager: &str, value: Value| {
        by(manager, Request::patch(Kind::Deployment, "default", "w", PatchType::Apply, value))
    };
    let mut create = Request::new(Verb::Create, Kind::Deployment, "default", "");
    create.body = Body::Value(patch::three_way::with_last_applied(&wanted(1, "i:1")));
    small.ask(&by("kubectl-client-side-apply", create)).unwrap();
    // kubectl goes on with what it applied from the client; others may not.
    assert_eq!(message(small.ask(&apply("kubectl", wanted(1, "i:2")))), "accepted");
    assert_eq!(
        message(small.ask(&apply("ci", wanted(2, "i:3")))),
        "Apply failed with 2 conflicts: conflicts with \"kubectl\":\n- .spec.replicas\n- \
         .spec.template.spec.containers[name=\"c\"].image"
    );
    let mut scale =
        Request::new(Verb::Update, Kind::Deployment, "default", "w").on(Subresource::Scale);
    scale.body = Body::Scale(5);
    small.ask(&by("kubectl", scale)).unwrap();
    assert_eq!(
        message(small.ask(&apply("kubectl", wanted(1, "i:2")))),
        "Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" \
         using apps/v1: .spec.replicas"
    );
    let mut forced = apply("kubectl", wanted(1, "i:2"));
    forced.options.force = true;
    assert_eq!(message(small.ask(&forced)), "accepted");
    // What is applied no more goes.
    let mut less = wanted(1, "i:2");
    less["spec"].as_object_mut().unwrap().remove("replicas");
    less["metadata"]["labels"] = json!({"x": "y"});
    let answer = small.ask(&apply("kubectl", less.clone())).unwrap();
    assert_eq!(answer.object().unwrap().meta().labels.clone().unwrap()["x"], "y");
    less["metadata"].as_object_mut().unwrap().remove("labels");
    let answer = small.ask(&apply("kubectl", less)).unwrap();
    assert_eq!(answer.object().unwrap().meta().labels, None);
}

#[test]
fn quota_is_charged_and_refuses() {
    let mut small = Small::new();
    let hard = json!({"pods": "1", "requests.cpu": "1"});
    let quota = json!({"metadata": {"name": "team"}, "spec": {"hard": hard}});
    small.create(Kind::ResourceQuota, quota).unwrap();
    let mut pod = |name: &str, cpu: Option<&str>| {
        let requests = cpu.map_or(json!({}), |c| json!({"requests": {"cpu": c}}));
        let container = json!({"name": "nginx", "image": "i", "resources": requests});
        let spec = json!({"containers": [container]});
        message(small.create(Kind::Pod, json!({"metadata": {"name": name}, "spec": spec})))
    };
    assert_eq!(
        pod("a", None),
        "pods \"a\" is forbidden: failed quota: team: must specify requests.cpu for: nginx"
    );
    assert_eq!(
        pod("a", Some("2")),
        "pods \"a\" is forbidden: exceeded quota: team, requested: requests.cpu=2, used: \
         requests.cpu=0, limited: requests.cpu=1"
    );
    assert_eq!(pod("a", Some("200m")), "accepted");
    assert_eq!(
        pod("b", Some("100m")),
        "pods \"b\" is forbidden: exceeded quota: team, requested: pods=1, used: pods=1, \
         limited: pods=1"
    );
    let quota: &ResourceQuota = small.store.typed(&Key::new("default", "team")).unwrap();
    let used = quota.status.clone().unwrap().used.unwrap();
    assert_eq!(used["requests.cpu"].0, "200m");
}

#[test]
fn services_get_addresses_and_ports() {
    let mut small = Small::new();
    let mut service = |name: &str, spec: Value| {
        let value = json!({"metadata": {"name": name}, "spec": spec});
        small.create(Kind::Service, value)
    };
    let port = json!([{"port": 80, "nodePort": 30080}]);
    service("a", json!({"type": "NodePort", "ports": port})).unwrap();
    assert_eq!(
        message(service("b", json!({"type": "NodePort", "ports": port}))),
        "Service \"b\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is \
         already allocated"
    );
    assert_eq!(
        message(service("f", json!({"clusterIP": "192.168.1.1", "ports": [{"port": 1}]}))),
        "Service \"f\" is invalid: spec.clusterIPs: Invalid value: [\"192.168.1.1\"]: failed to \
         allocate IP 192.168.1.1: the provided network does not match the current range"
    );
    service("headless", json!({"clusterIP": "None", "ports": [{"port": 1}]})).unwrap();
    let answer = service("c", json!({"ports": [{"port": 80}]})).unwrap();
    let service = answer.object().unwrap().get::<Service>().unwrap().spec.clone().unwrap();
    assert!(service.cluster_ip.clone().unwrap().starts_with("10."), "{service:?}");
    assert_eq!(service.cluster_ips.map(|ips| ips.len()), Some(1));
}

#[test]
fn binding_twice_conflicts() {
    let mut small = Small::new();
    small.pod("web").unwrap();
    small.bind("web");
    let pod: &Pod = small.store.typed(&Key::new("default", "web")).unwrap();
    assert_eq!(pod.spec.as_ref().unwrap().node_name.as_deref(), Some("node-1"));
    let mut again =
        Request::new(Verb::Create, Kind::Pod, "default", "web").on(Subresource::Binding);
    again.body = Body::Bind("node-2".into());
    assert_eq!(
        message(small.ask(&again)),
        "Operation cannot be fulfilled on pods \"web\": pod web is already assigned to node \
         \"node-1\""
    );
}
