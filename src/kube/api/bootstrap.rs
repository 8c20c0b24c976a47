//! What a cluster and each namespace hold before anyone asks: accounts, the root certificate,
//! priority classes, the service of the API server itself.
//!
//! Stands for kube-controller-manager's serviceaccount and root-ca-cert-publisher controllers and
//! for the API server's own post-start hooks.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, Namespace, NamespaceSpec, NamespaceStatus, Service, ServiceAccount, ServicePort,
    ServiceSpec,
};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::base::name::uuid;
use crate::base::rng::Stream;
use crate::base::time::SimTime;
use crate::engine::trace::TraceId;
use crate::kube::api::default;
use crate::kube::api::object::{Key, Stored};
use crate::kube::api::store::Store;
use crate::kube::clock;
use crate::stub;

/// Namespaces of every cluster (`pkg/controlplane/controller/systemnamespaces`).
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// The certificate is a name only: nothing in the simulation checks it.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nkubernetes\n-----END CERTIFICATE-----\n";
/// Description that the publisher writes.
const CERTIFICATE_NOTE: &str = "Contains a CA bundle that can be used to verify the \
     kube-apiserver when using internal endpoints such as the internal service IP or \
     kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes \
     clusters.";

/// Fill an empty cluster.
pub fn cluster(store: &mut Store, now: SimTime, rng: &mut Stream, by: TraceId) {
    let mut at = Furnisher { store, now, rng, by };
    for name in NAMESPACES {
        let mut metadata = at.meta("", name);
        metadata.labels =
            Some([("kubernetes.io/metadata.name".to_owned(), name.to_owned())].into());
        at.put(Namespace {
            metadata,
            spec: Some(NamespaceSpec { finalizers: Some(vec!["kubernetes".to_owned()]) }),
            status: Some(NamespaceStatus { phase: Some("Active".to_owned()), conditions: None }),
        });
    }
    for name in NAMESPACES {
        at.namespace(name);
    }
    // `pkg/apis/scheduling/types.go`: SystemCriticalPriority and the one above.
    for (name, value, description) in [
        (
            "system-cluster-critical",
            2_000_000_000,
            "Used for system critical pods that must run in the cluster, but can be moved to \
             another node if necessary.",
        ),
        (
            "system-node-critical",
            2_000_001_000,
            "Used for system critical pods that must not be moved from their current node.",
        ),
    ] {
        let metadata = ObjectMeta { generation: Some(1), ..at.meta("", name) };
        let description = Some(description.to_owned());
        at.put(PriorityClass {
            metadata,
            value: Some(value),
            description,
            ..PriorityClass::default()
        });
    }
    at.api_service();
}

/// Fill a new namespace.
pub fn namespace(store: &mut Store, name: &str, now: SimTime, rng: &mut Stream, by: TraceId) {
    stub!(
        "kube.namespace.content",
        "accounts and certificates are there at once, not by a controller"
    );
    Furnisher { store, now, rng, by }.namespace(name);
}

struct Furnisher<'a> {
    store: &'a mut Store,
    now: SimTime,
    rng: &'a mut Stream,
    by: TraceId,
}

impl Furnisher<'_> {
    fn meta(&mut self, namespace: &str, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
            uid: Some(uuid(self.rng)),
            creation_timestamp: Some(clock::meta_time(self.now)),
            ..ObjectMeta::default()
        }
    }

    /// Store an object unless it is there.
    fn put<T: Stored>(&mut self, object: T) {
        let mut object = object.into_object();
        default::apply(&mut object);
        let key = Key::of(&object);
        if self.store.get(T::SHELF, &key).is_none() {
            self.store.commit(T::SHELF, &key, Some(object), self.now, self.by);
        }
    }

    fn namespace(&mut self, name: &str) {
        let metadata = self.meta(name, "kube-root-ca.crt");
        let note = ("kubernetes.io/description".to_owned(), CERTIFICATE_NOTE.to_owned());
        self.put(ConfigMap {
            metadata: ObjectMeta { annotations: Some([note].into()), ..metadata },
            data: Some(BTreeMap::from([("ca.crt".to_owned(), CERTIFICATE.to_owned())])),
            ..ConfigMap::default()
        });
        let metadata = self.meta(name, "default");
        self.put(ServiceAccount { metadata, ..ServiceAccount::default() });
    }

    /// `default/kubernetes`, the first address of the service range.
    fn api_service(&mut self) {
        let mut metadata = self.meta("default", "kubernetes");
        let labels = [("component", "apiserver"), ("provider", "kubernetes")];
        metadata.labels =
            Some(labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
        let ip = "10.96.0.1".to_owned();
        self.put(Service {
            metadata,
            spec: Some(ServiceSpec {
                cluster_ip: Some(ip.clone()),
                cluster_ips: Some(vec![ip]),
                ip_families: Some(vec!["IPv4".to_owned()]),
                ip_family_policy: Some("SingleStack".to_owned()),
                ports: Some(vec![ServicePort {
                    name: Some("https".to_owned()),
                    port: 443,
                    target_port: Some(IntOrString::Int(6443)),
                    ..ServicePort::default()
                }]),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        });
    }
}
