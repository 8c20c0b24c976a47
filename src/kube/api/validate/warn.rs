//! Warnings: accepted, but told (`pkg/api/pod/warnings.go`, `pkg/api/service/warnings.go`).

use k8s_openapi::api::core::v1::{
    PersistentVolume, Pod, PodSpec, PodTemplateSpec, Service, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::names;
use crate::kube::api::object::Object;
use crate::kube::api::quantity::amount;

/// Longest name that can be a host name.
const HOST_NAME: usize = 63;
/// Labels of nodes that are no longer used, and what to use.
const OLD_NODE_LABELS: [(&str, &str); 8] = [
    ("beta.kubernetes.io/arch", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"),
    ("node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"),
    ("kubernetes.io/cluster-service", ""),
    ("beta.kubernetes.io/fluentd-ds-ready", ""),
];
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// Warnings about an object.
pub fn about(object: &Object, out: &mut Vec<String>) {
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing to warn of in other kinds")]
    match object {
        Object::Pod(o) => pod(o, out),
        Object::PodTemplate(o) => {
            if let Some(t) = &o.template {
                template(t, "template", out);
            }
        }
        Object::Deployment(o) => template(&o.spec.template, "spec.template", out),
        Object::ReplicaSet(o) => {
            if let Some(t) = &o.spec.template {
                template(t, "spec.template", out);
            }
        }
        Object::ReplicationController(o) => {
            if let Some(t) = o.spec.as_ref().and_then(|s| s.template.as_ref()) {
                template(t, "spec.template", out);
            }
        }
        Object::StatefulSet(o) => template(&o.spec.template, "spec.template", out),
        Object::DaemonSet(o) => template(&o.spec.template, "spec.template", out),
        Object::Job(o) => {
            if let Some(spec) = &o.spec {
                template(&spec.template, "spec.template", out);
            }
        }
        Object::CronJob(o) => {
            if let Some(spec) = &o.spec.job_template.spec {
                template(&spec.template, "spec.jobTemplate.spec.template", out);
            }
        }
        Object::Service(o) => service(o, out),
        Object::PersistentVolume(o) => volume(o, out),
        Object::PersistentVolumeClaim(o) => old_class(&o.metadata, out),
        _ => {}
    }
}

fn old_class(meta: &ObjectMeta, out: &mut Vec<String>) {
    if meta.annotations.as_ref().is_some_and(|a| a.contains_key(OLD_CLASS)) {
        out.push(format!(
            "metadata.annotations[{OLD_CLASS}]: deprecated since v1.8; use \"storageClassName\" \
             attribute instead"
        ));
    }
}

fn volume(of: &PersistentVolume, out: &mut Vec<String>) {
    old_class(&of.metadata, out);
    let policy = of.spec.as_ref().and_then(|s| s.persistent_volume_reclaim_policy.as_deref());
    if policy == Some("Recycle") {
        out.push(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. \
             Instead, the recommended approach is to use dynamic provisioning."
                .to_owned(),
        );
    }
}

fn service(of: &Service, out: &mut Vec<String>) {
    let Some(spec) = &of.spec else { return };
    if spec.external_name.is_some() && spec.type_.as_deref() != Some("ExternalName") {
        out.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    let headless = spec.cluster_ip.as_deref() == Some("None");
    if headless && spec.load_balancer_ip.as_deref().is_some_and(|ip| !ip.is_empty()) {
        out.push("spec.loadBalancerIP is ignored for headless services".to_owned());
    }
    if headless && spec.session_affinity.as_deref() == Some("ClientIP") {
        out.push("spec.SessionAffinity is ignored for headless services".to_owned());
    }
}

fn pod(of: &Pod, out: &mut Vec<String>) {
    // A name that is no host name is told, once, for bare pods.
    let name = of.metadata.name.as_deref().unwrap_or("");
    let wrong = names::label(name);
    if !wrong.is_empty() && of.metadata.owner_references.is_none() {
        out.push(format!(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising \
             behavior; a DNS label is recommended: [{}]",
            wrong.join(" ")
        ));
        debug_assert!(name.len() > HOST_NAME || name.contains('.'), "other names are refused");
    }
    if let Some(inner) = &of.spec {
        spec(inner, "spec", out);
    }
}

fn template(of: &PodTemplateSpec, at: &str, out: &mut Vec<String>) {
    if let Some(inner) = &of.spec {
        spec(inner, &format!("{at}.spec"), out);
    }
}

fn spec(spec: &PodSpec, at: &str, out: &mut Vec<String>) {
    for (label, instead) in OLD_NODE_LABELS {
        if !instead.is_empty() && spec.node_selector.as_ref().is_some_and(|s| s.contains_key(label))
        {
            // The two `beta` labels of architecture have been told since 1.14.
            let text = if label.starts_with("beta.kubernetes.io/") && !label.ends_with("type") {
                format!(
                    "{at}.nodeSelector[{label}]: deprecated since v1.14; use \"{instead}\" instead"
                )
            } else if label.starts_with("node-role") {
                format!("{at}.nodeSelector[{label}]: use \"{instead}\" instead")
            } else {
                format!(
                    "{at}.nodeSelector[{label}]: deprecated since v1.17; use \"{instead}\" instead"
                )
            };
            out.push(text);
        }
    }
    for (index, volume) in spec.volumes.iter().flatten().enumerate() {
        volume_source(volume, &format!("{at}.volumes[{index}]"), out);
    }
    let lists = [("initContainers", spec.init_containers.as_deref().unwrap_or(&[]))];
    let lists = lists.into_iter().chain([("containers", spec.containers.as_slice())]);
    for (list, containers) in lists {
        for (index, container) in containers.iter().enumerate() {
            let at = format!("{at}.{list}[{index}]");
            ports(container, &at, out);
            env(container, &at, out);
            bytes(container, &at, out);
        }
    }
}

fn volume_source(volume: &Volume, at: &str, out: &mut Vec<String>) {
    for (set, text) in [
        (
            volume.photon_persistent_disk.is_some(),
            "photonPersistentDisk: deprecated in v1.11, non-functional in v1.16+",
        ),
        (
            volume.git_repo.is_some(),
            "gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
        ),
        (volume.scale_io.is_some(), "scaleIO: deprecated in v1.16, non-functional in v1.22+"),
        (volume.flocker.is_some(), "flocker: deprecated in v1.22, non-functional in v1.25+"),
        (volume.storageos.is_some(), "storageOS: deprecated in v1.22, non-functional in v1.25+"),
        (volume.quobyte.is_some(), "quobyte: deprecated in v1.22, non-functional in v1.25+"),
        (volume.glusterfs.is_some(), "glusterfs: deprecated in v1.25, non-functional in v1.26+"),
        (volume.cephfs.is_some(), "cephfs: deprecated in v1.28, non-functional in v1.31+"),
        (volume.rbd.is_some(), "rbd: deprecated in v1.28, non-functional in v1.31+"),
    ] {
        if set {
            out.push(format!("{at}.{text}"));
        }
    }
}

fn ports(container: &k8s_openapi::api::core::v1::Container, at: &str, out: &mut Vec<String>) {
    let list = container.ports.as_deref().unwrap_or(&[]);
    for (index, port) in list.iter().enumerate() {
        let host = port.host_port.unwrap_or(0);
        let ip = port.host_ip.as_deref().unwrap_or("");
        if !ip.is_empty() && host == 0 {
            out.push(format!(
                "{at}.ports[{index}]: hostIP set without hostPort: {{Name:{} HostPort:0 \
                 ContainerPort:{} Protocol:{} HostIP:{ip}}}",
                port.name.as_deref().unwrap_or(""),
                port.container_port,
                port.protocol.as_deref().unwrap_or("")
            ));
        }
        let same = |p: &k8s_openapi::api::core::v1::ContainerPort| {
            p.container_port == port.container_port
                && p.protocol == port.protocol
                && p.host_port.unwrap_or(0) == host
                && p.host_ip.as_deref().unwrap_or("") == ip
        };
        if let Some(first) = list.iter().take(index).position(same) {
            out.push(format!(
                "{at}.ports[{index}]: duplicate port definition with {at}.ports[{first}]"
            ));
        }
    }
}

/// Bytes cannot be shared: `100m` of memory is a tenth of a byte.
fn bytes(container: &k8s_openapi::api::core::v1::Container, at: &str, out: &mut Vec<String>) {
    let Some(resources) = &container.resources else { return };
    for resource in ["memory", "ephemeral-storage"] {
        for (list, amounts) in [("limits", &resources.limits), ("requests", &resources.requests)] {
            let given = amounts.as_ref().and_then(|a| a.get(resource));
            if let Some(value) = given.filter(|q| amount(q).0 % 1000 != 0) {
                out.push(format!(
                    "{at}.resources.{list}[{resource}]: fractional byte value \"{}\" is invalid, \
                     must be an integer",
                    value.0
                ));
            }
        }
    }
}

fn env(container: &k8s_openapi::api::core::v1::Container, at: &str, out: &mut Vec<String>) {
    let list = container.env.as_deref().unwrap_or(&[]);
    for (index, var) in list.iter().enumerate() {
        let before = list.iter().take(index).any(|v| v.name == var.name);
        if before {
            out.push(format!(
                "{at}.env[{index}]: hides previous definition of \"{}\", which may be dropped \
                 when using apply",
                var.name
            ));
        }
    }
}
