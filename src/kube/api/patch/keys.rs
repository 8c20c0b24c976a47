//! How the lists of the built-in types merge: by which key, or not at all.
//!
//! The `patchMergeKey` and `patchStrategy` tags of k8s.io/api, as a table by the field's name.

/// How a list merges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListMerge {
    /// Replaced as a whole.
    Atomic,
    /// Elements with the same value of this key are one.
    Key(&'static str),
    /// A set of plain values.
    Set,
}

/// How the list at a field merges; `parent` is the field that holds it.
#[must_use]
pub fn of(parent: &str, field: &str, first: Option<&serde_json::Value>) -> ListMerge {
    use ListMerge::{Atomic, Key, Set};
    let has = |key: &str| first.is_some_and(|v| v.get(key).is_some());
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "imagePullSecrets"
        | "resourceClaims"
        | "schedulingGates"
        | "secrets" => Key("name"),
        "volumes" if parent != "persistentVolumes" => Key("name"),
        "volumeMounts" => Key("mountPath"),
        "volumeDevices" => Key("devicePath"),
        "ports" if has("containerPort") => Key("containerPort"),
        "ports" if parent == "spec" && has("port") => Key("port"),
        "hostAliases" | "podIPs" | "hostIPs" => Key("ip"),
        "topologySpreadConstraints" => Key("topologyKey"),
        "conditions" | "addresses" if parent == "status" => Key("type"),
        "ownerReferences" => Key("uid"),
        "finalizers" | "podCIDRs" => Set,
        "webhooks" => Key("name"),
        _ => Atomic,
    }
}

/// Objects of which a patch keeps only the fields it names (`retainKeys`).
#[must_use]
pub fn retains(parent: &str, field: &str) -> bool {
    field == "strategy" && parent == "spec"
}

/// Lists of such objects (`patchStrategy: merge,retainKeys`).
#[must_use]
pub fn retains_items(field: &str) -> bool {
    field == "volumes"
}
