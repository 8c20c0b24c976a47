//! The table of kinds: everything that is true of a kind as a whole, one line each.
//!
//! Follows `kubectl api-resources` of a 1.36 cluster. Left out: kinds that only requests use
//! (`TokenReview`, `SubjectAccessReview`), flow control, resource claims, alpha and beta versions.

use k8s_openapi::api::admissionregistration::v1 as admission;
use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::autoscaling::v2 as autoscaling;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::certificates::v1 as certificates;
use k8s_openapi::api::coordination::v1 as coordination;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::api::node::v1 as node;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::api::rbac::v1 as rbac;
use k8s_openapi::api::scheduling::v1 as scheduling;
use k8s_openapi::api::storage::v1 as storage;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1 as apiextensions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use serde::Serialize;
use serde_json::Value;

use crate::base::mixer::Mixer;
use crate::kube::api::decode::{self, DecodeError, Decoded};
use crate::kube::api::object::Stored;
use crate::kube::api::shape;

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

/// What is true of a kind as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// `Deployment`.
    pub name: &'static str,
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// `v1`: the version in which it is stored and shown.
    pub version: &'static str,
    /// `deployments`.
    pub plural: &'static str,
    /// `deployment`.
    pub singular: &'static str,
    /// `deploy`.
    pub short: &'static [&'static str],
    /// Namespaced or not.
    pub scope: Scope,
    /// Further `apiVersion`s under which it can be sent.
    pub also: &'static [&'static str],
    /// `all` for what `kubectl get all` lists.
    pub categories: &'static [&'static str],
}

macro_rules! kinds {
    ($($variant:ident: $ty:ty, $group:literal $version:literal, $plural:literal,
       $short:expr, $scope:ident, $also:expr, $categories:expr;)*) => {
        /// A kind of object.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Kind {
            $(#[doc = stringify!($variant)] $variant,)*
        }

        /// An object of any kind; always behind an `Arc`.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $(#[doc = stringify!($variant)] $variant($ty),)*
        }

        impl Kind {
            /// All kinds, in the order in which `kubectl api-resources` lists them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What is true of this kind.
            #[must_use]
            pub const fn info(self) -> &'static Info {
                match self {
                    $(Self::$variant => const { &Info {
                        name: stringify!($variant),
                        group: $group,
                        version: $version,
                        plural: $plural,
                        singular: singular(Self::$variant),
                        short: $short,
                        scope: Scope::$scope,
                        also: $also,
                        categories: $categories,
                    } },)*
                }
            }
        }

        impl Kind {
            /// `apps/v1`, `v1`.
            #[must_use]
            pub const fn api_version(self) -> &'static str {
                match self { $(Self::$variant => <$ty as Resource>::API_VERSION,)* }
            }
        }

        /// The singular name: the kind in lower case.
        const fn singular(kind: Kind) -> &'static str {
            match kind {
                $(Kind::$variant => const {
                    const NAME: &str = stringify!($variant);
                    const LOWER: [u8; NAME.len()] = lower(NAME);
                    match std::str::from_utf8(&LOWER) { Ok(text) => text, Err(_) => NAME }
                },)*
            }
        }

        impl Object {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant,)* }
            }

            /// Its metadata.
            #[must_use]
            pub fn meta(&self) -> &ObjectMeta {
                match self { $(Self::$variant(o) => Metadata::metadata(o),)* }
            }

            /// Its metadata, to change it.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Self::$variant(o) => Metadata::metadata_mut(o),)* }
            }

            /// As JSON, with `apiVersion` and `kind`.
            #[must_use]
            pub fn to_value(&self) -> Value {
                let value = match self { $(Self::$variant(o) => serde_json::to_value(o),)* };
                let mut value = value.unwrap_or(Value::Null);
                shape::complete(self.kind(), &mut value);
                value
            }

            /// Take all its fields into a hash.
            pub fn mix_into(&self, mixer: &mut Mixer) {
                match self { $(Self::$variant(o) => mixer.add_serialized(o),)* }
            }

            /// From JSON in the version in which the kind is stored.
            ///
            /// # Errors
            /// Where a value has another type than the field.
            pub fn from_value(kind: Kind, value: &Value) -> Result<Decoded<Self>, DecodeError> {
                match kind {
                    $(Kind::$variant => {
                        decode::decode::<$ty>(value).map(|d| d.map(Self::$variant))
                    })*
                }
            }
        }

        $(impl Stored for $ty {
            const SHELF: Kind = Kind::$variant;
            fn of(object: &Object) -> Option<&Self> {
                match object { Object::$variant(o) => Some(o), _ => None }
            }
            fn into_object(self) -> Object { Object::$variant(self) }
        })*
    };
}

const ALL: &[&str] = &["all"];

kinds! {
    ConfigMap: core::ConfigMap, "" "v1", "configmaps", &["cm"], Namespaced, &[], &[];
    Endpoints: core::Endpoints, "" "v1", "endpoints", &["ep"], Namespaced, &[], &[];
    Event: core::Event, "" "v1", "events", &["ev"], Namespaced, &["events.k8s.io/v1"], &[];
    LimitRange: core::LimitRange, "" "v1", "limitranges", &["limits"], Namespaced, &[], &[];
    Namespace: core::Namespace, "" "v1", "namespaces", &["ns"], Cluster, &[], &[];
    Node: core::Node, "" "v1", "nodes", &["no"], Cluster, &[], &[];
    PersistentVolumeClaim: core::PersistentVolumeClaim, "" "v1", "persistentvolumeclaims",
        &["pvc"], Namespaced, &[], &[];
    PersistentVolume: core::PersistentVolume, "" "v1", "persistentvolumes", &["pv"],
        Cluster, &[], &[];
    Pod: core::Pod, "" "v1", "pods", &["po"], Namespaced, &[], ALL;
    PodTemplate: core::PodTemplate, "" "v1", "podtemplates", &[], Namespaced, &[], &[];
    ReplicationController: core::ReplicationController, "" "v1", "replicationcontrollers",
        &["rc"], Namespaced, &[], ALL;
    ResourceQuota: core::ResourceQuota, "" "v1", "resourcequotas", &["quota"],
        Namespaced, &[], &[];
    Secret: core::Secret, "" "v1", "secrets", &[], Namespaced, &[], &[];
    ServiceAccount: core::ServiceAccount, "" "v1", "serviceaccounts", &["sa"],
        Namespaced, &[], &[];
    Service: core::Service, "" "v1", "services", &["svc"], Namespaced, &[], ALL;
    MutatingWebhookConfiguration: admission::MutatingWebhookConfiguration,
        "admissionregistration.k8s.io" "v1", "mutatingwebhookconfigurations", &[],
        Cluster, &[], &["api-extensions"];
    ValidatingWebhookConfiguration: admission::ValidatingWebhookConfiguration,
        "admissionregistration.k8s.io" "v1", "validatingwebhookconfigurations", &[],
        Cluster, &[], &["api-extensions"];
    CustomResourceDefinition: apiextensions::CustomResourceDefinition,
        "apiextensions.k8s.io" "v1", "customresourcedefinitions", &["crd", "crds"],
        Cluster, &[], &["api-extensions"];
    ControllerRevision: apps::ControllerRevision, "apps" "v1", "controllerrevisions", &[],
        Namespaced, &[], &[];
    DaemonSet: apps::DaemonSet, "apps" "v1", "daemonsets", &["ds"], Namespaced, &[], ALL;
    Deployment: apps::Deployment, "apps" "v1", "deployments", &["deploy"], Namespaced, &[], ALL;
    ReplicaSet: apps::ReplicaSet, "apps" "v1", "replicasets", &["rs"], Namespaced, &[], ALL;
    StatefulSet: apps::StatefulSet, "apps" "v1", "statefulsets", &["sts"], Namespaced, &[], ALL;
    HorizontalPodAutoscaler: autoscaling::HorizontalPodAutoscaler, "autoscaling" "v2",
        "horizontalpodautoscalers", &["hpa"], Namespaced, &["autoscaling/v1"], ALL;
    CronJob: batch::CronJob, "batch" "v1", "cronjobs", &["cj"], Namespaced, &[], ALL;
    Job: batch::Job, "batch" "v1", "jobs", &[], Namespaced, &[], ALL;
    CertificateSigningRequest: certificates::CertificateSigningRequest,
        "certificates.k8s.io" "v1", "certificatesigningrequests", &["csr"], Cluster, &[], &[];
    Lease: coordination::Lease, "coordination.k8s.io" "v1", "leases", &[], Namespaced, &[], &[];
    EndpointSlice: discovery::EndpointSlice, "discovery.k8s.io" "v1", "endpointslices", &[],
        Namespaced, &[], &[];
    IngressClass: networking::IngressClass, "networking.k8s.io" "v1", "ingressclasses", &[],
        Cluster, &[], &[];
    Ingress: networking::Ingress, "networking.k8s.io" "v1", "ingresses", &["ing"],
        Namespaced, &[], &[];
    NetworkPolicy: networking::NetworkPolicy, "networking.k8s.io" "v1", "networkpolicies",
        &["netpol"], Namespaced, &[], &[];
    RuntimeClass: node::RuntimeClass, "node.k8s.io" "v1", "runtimeclasses", &[],
        Cluster, &[], &[];
    PodDisruptionBudget: policy::PodDisruptionBudget, "policy" "v1", "poddisruptionbudgets",
        &["pdb"], Namespaced, &[], &[];
    ClusterRoleBinding: rbac::ClusterRoleBinding, "rbac.authorization.k8s.io" "v1",
        "clusterrolebindings", &[], Cluster, &[], &[];
    ClusterRole: rbac::ClusterRole, "rbac.authorization.k8s.io" "v1", "clusterroles", &[],
        Cluster, &[], &[];
    RoleBinding: rbac::RoleBinding, "rbac.authorization.k8s.io" "v1", "rolebindings", &[],
        Namespaced, &[], &[];
    Role: rbac::Role, "rbac.authorization.k8s.io" "v1", "roles", &[], Namespaced, &[], &[];
    PriorityClass: scheduling::PriorityClass, "scheduling.k8s.io" "v1", "priorityclasses",
        &["pc"], Cluster, &[], &[];
    CSIDriver: storage::CSIDriver, "storage.k8s.io" "v1", "csidrivers", &[], Cluster, &[], &[];
    CSINode: storage::CSINode, "storage.k8s.io" "v1", "csinodes", &[], Cluster, &[], &[];
    StorageClass: storage::StorageClass, "storage.k8s.io" "v1", "storageclasses", &["sc"],
        Cluster, &[], &[];
    VolumeAttachment: storage::VolumeAttachment, "storage.k8s.io" "v1", "volumeattachments",
        &[], Cluster, &[], &[];
}

/// Lower case at compile time.
const fn lower<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    let mut at = 0;
    while at < N {
        #[expect(clippy::indexing_slicing, reason = "at < N, the length of the text")]
        let byte = text.as_bytes()[at];
        #[expect(clippy::indexing_slicing, reason = "at < N")]
        {
            out[at] = byte.to_ascii_lowercase();
        }
        at += 1;
    }
    out
}

impl Kind {
    /// `Deployment`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.info().name
    }

    /// Whether its objects live in a namespace.
    #[must_use]
    pub fn namespaced(self) -> bool {
        self.info().scope == Scope::Namespaced
    }

    /// `deployments`.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        self.info().plural
    }

    /// Scope.
    #[must_use]
    pub const fn scope(self) -> Scope {
        self.info().scope
    }

    /// `apps`; empty for the core group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        self.info().group
    }

    /// `deployments.apps`, `pods`: the resource as error messages name it.
    #[must_use]
    pub fn resource(self) -> String {
        qualified(self.info().plural, self.info().group)
    }

    /// `deployment.apps`, `pod`: how kubectl names an object it acted on.
    #[must_use]
    pub fn singular_resource(self) -> String {
        qualified(self.info().singular, self.info().group)
    }

    /// `Deployment.apps`, `Pod`: the kind as validation errors name it.
    #[must_use]
    pub fn group_kind(self) -> String {
        qualified(self.info().name, self.info().group)
    }

    /// What the server warns of when the kind is used.
    #[must_use]
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are not deprecated")]
    pub const fn deprecation(self) -> Option<&'static str> {
        match self {
            Self::Endpoints => {
                Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice")
            }
            _ => None,
        }
    }

    /// The kind that a manifest's `kind` and `apiVersion` name.
    #[must_use]
    pub fn find(kind: &str, api_version: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| {
            let info = k.info();
            info.name == kind
                && (api_version == k.api_version() || info.also.contains(&api_version))
        })
    }

    /// The kind that an argument of kubectl names: plural, singular or short, kind, with or
    /// without group (`deploy`, `deployments.apps`, `deployment.v1.apps`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let (name, rest) = text.split_once('.').unwrap_or((&text, ""));
        Self::ALL.iter().copied().find(|kind| {
            let info = kind.info();
            let named = name == info.plural || name == info.singular || info.short.contains(&name);
            let version = rest.split_once('.').filter(|(v, _)| *v == info.version);
            let group = version.map_or(rest, |(_, group)| group);
            let also = info.also.iter().any(|v| v.split_once('/').is_some_and(|(g, _)| g == rest));
            named && (rest.is_empty() || group == info.group || rest == info.version || also)
        })
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        for (text, kind) in [
            ("po", Some(Kind::Pod)),
            ("Deployments.apps", Some(Kind::Deployment)),
            ("deployment.v1.apps", Some(Kind::Deployment)),
            ("ev", Some(Kind::Event)),
            ("events.events.k8s.io", Some(Kind::Event)),
            ("crd", Some(Kind::CustomResourceDefinition)),
            ("pods.apps", None),
            ("nonsense", None),
        ] {
            assert_eq!(Kind::parse(text), kind, "{text}");
        }
        assert_eq!(Kind::find("Ingress", "extensions/v1beta1"), None);
        assert_eq!(
            Kind::find("HorizontalPodAutoscaler", "autoscaling/v1"),
            Some(Kind::HorizontalPodAutoscaler)
        );
        assert_eq!(Kind::CSIDriver.info().singular, "csidriver");
        assert_eq!(Kind::Deployment.group_kind(), "Deployment.apps");
    }
}
