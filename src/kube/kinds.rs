//! The table of kinds: one line each.
//!
//! Models the registry of resource types of kube-apiserver @v1.36.

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::autoscaling::v2 as autoscaling;
use k8s_openapi::api::batch::v1 as batch;
use k8s_openapi::api::coordination::v1 as coordination;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::discovery::v1 as discovery;
use k8s_openapi::api::networking::v1 as networking;
use k8s_openapi::api::node::v1 as node;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::api::rbac::v1 as rbac;
use k8s_openapi::api::scheduling::v1 as scheduling;
use k8s_openapi::api::storage::v1 as storage;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};

use crate::kube::api::object::Stored;

/// Where objects of a kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster as a whole.
    Cluster,
}

macro_rules! kinds {
    ($($kind:ident => $module:ident, $plural:literal, [$($short:literal)*], $scope:ident;)*) => {
        /// A kind of object, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        pub enum Kind {
            $(#[doc = concat!("`", stringify!($kind), "`.")] $kind,)*
        }

        /// All kinds.
        pub const ALL: &[Kind] = &[$(Kind::$kind),*];

        impl Kind {
            /// `Deployment`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            /// `deployments`.
            #[must_use]
            pub const fn plural(self) -> &'static str {
                match self { $(Self::$kind => $plural,)* }
            }

            /// `deploy`.
            #[must_use]
            pub const fn short_names(self) -> &'static [&'static str] {
                match self { $(Self::$kind => &[$($short),*],)* }
            }

            /// Scope.
            #[must_use]
            pub const fn scope(self) -> Scope {
                match self { $(Self::$kind => Scope::$scope,)* }
            }

            /// `apps/v1`.
            #[must_use]
            pub const fn api_version(self) -> &'static str {
                match self { $(Self::$kind => <$module::$kind as Resource>::API_VERSION,)* }
            }

            /// `apps`; empty for the core group.
            #[must_use]
            pub const fn group(self) -> &'static str {
                match self { $(Self::$kind => <$module::$kind as Resource>::GROUP,)* }
            }
        }

        /// Any object.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $(#[doc = concat!("`", stringify!($kind), "`.")] $kind($module::$kind),)*
        }

        impl Object {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// Its metadata.
            #[must_use]
            pub fn meta(&self) -> &ObjectMeta {
                match self { $(Self::$kind(o) => o.metadata(),)* }
            }

            /// Its metadata, to change it.
            pub fn meta_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Self::$kind(o) => o.metadata_mut(),)* }
            }

            /// As JSON, with `apiVersion` and `kind`.
            ///
            /// # Errors
            /// If the serializer refuses, which it does for no object of ours.
            pub fn to_value(&self) -> Result<serde_json::Value, serde_json::Error> {
                match self { $(Self::$kind(o) => serde_json::to_value(o),)* }
            }

            /// From JSON of a known kind.
            ///
            /// # Errors
            /// If the JSON does not fit the kind.
            pub fn from_value(
                kind: Kind,
                value: serde_json::Value,
            ) -> Result<Self, serde_json::Error> {
                match kind {
                    $(Kind::$kind => Ok(Self::$kind(serde_json::from_value(value)?)),)*
                }
            }
        }

        $(impl Stored for $module::$kind {
            const SHELF: Kind = Kind::$kind;
            fn of(object: &Object) -> Option<&Self> {
                if let Object::$kind(o) = object { Some(o) } else { None }
            }
            fn of_mut(object: &mut Object) -> Option<&mut Self> {
                if let Object::$kind(o) = object { Some(o) } else { None }
            }
            fn into_object(self) -> Object {
                Object::$kind(self)
            }
        })*
    };
}

kinds! {
    Namespace => core, "namespaces", ["ns"], Cluster;
    Node => core, "nodes", ["no"], Cluster;
    PersistentVolume => core, "persistentvolumes", ["pv"], Cluster;
    Pod => core, "pods", ["po"], Namespaced;
    Service => core, "services", ["svc"], Namespaced;
    Endpoints => core, "endpoints", ["ep"], Namespaced;
    ConfigMap => core, "configmaps", ["cm"], Namespaced;
    Secret => core, "secrets", [], Namespaced;
    ServiceAccount => core, "serviceaccounts", ["sa"], Namespaced;
    PersistentVolumeClaim => core, "persistentvolumeclaims", ["pvc"], Namespaced;
    ReplicationController => core, "replicationcontrollers", ["rc"], Namespaced;
    ResourceQuota => core, "resourcequotas", ["quota"], Namespaced;
    LimitRange => core, "limitranges", ["limits"], Namespaced;
    Event => core, "events", ["ev"], Namespaced;
    Deployment => apps, "deployments", ["deploy"], Namespaced;
    ReplicaSet => apps, "replicasets", ["rs"], Namespaced;
    StatefulSet => apps, "statefulsets", ["sts"], Namespaced;
    DaemonSet => apps, "daemonsets", ["ds"], Namespaced;
    ControllerRevision => apps, "controllerrevisions", [], Namespaced;
    Job => batch, "jobs", [], Namespaced;
    CronJob => batch, "cronjobs", ["cj"], Namespaced;
    HorizontalPodAutoscaler => autoscaling, "horizontalpodautoscalers", ["hpa"], Namespaced;
    PodDisruptionBudget => policy, "poddisruptionbudgets", ["pdb"], Namespaced;
    EndpointSlice => discovery, "endpointslices", [], Namespaced;
    Ingress => networking, "ingresses", ["ing"], Namespaced;
    IngressClass => networking, "ingressclasses", [], Cluster;
    NetworkPolicy => networking, "networkpolicies", ["netpol"], Namespaced;
    StorageClass => storage, "storageclasses", ["sc"], Cluster;
    PriorityClass => scheduling, "priorityclasses", ["pc"], Cluster;
    RuntimeClass => node, "runtimeclasses", [], Cluster;
    Lease => coordination, "leases", [], Namespaced;
    Role => rbac, "roles", [], Namespaced;
    RoleBinding => rbac, "rolebindings", [], Namespaced;
    ClusterRole => rbac, "clusterroles", [], Cluster;
    ClusterRoleBinding => rbac, "clusterrolebindings", [], Cluster;
}
