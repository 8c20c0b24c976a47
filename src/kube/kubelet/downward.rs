//! Facts about a pod for its containers: `fieldRef` and `resourceFieldRef`.
//!
//! Models kubernetes `pkg/fieldpath` and `pkg/api/v1/resource/helpers.go`. Left out: hugepages.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;

use crate::base::quantity::Quantity;

/// Addresses that are not in the pod's spec.
#[derive(Clone, Copy, Debug, Default)]
pub struct Addresses<'a> {
    /// Of the node.
    pub host_ip: &'a str,
    /// Of the pod.
    pub pod_ip: &'a str,
}

/// The value of a field path; empty where there is none.
#[must_use]
pub fn field(pod: &core::Pod, path: &str, addresses: &Addresses<'_>) -> String {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref();
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    if let Some((map, key)) = path.split_once("['") {
        let key = key.trim_end_matches("']");
        let map = if map == "metadata.labels" { &meta.labels } else { &meta.annotations };
        return map.as_ref().and_then(|m| m.get(key)).cloned().unwrap_or_default();
    }
    match path {
        "metadata.name" => text(&meta.name),
        "metadata.namespace" => text(&meta.namespace),
        "metadata.uid" => text(&meta.uid),
        "metadata.labels" => format_map(meta.labels.as_ref()),
        "metadata.annotations" => format_map(meta.annotations.as_ref()),
        "spec.nodeName" => spec.map(|s| text(&s.node_name)).unwrap_or_default(),
        "spec.serviceAccountName" => {
            spec.map(|s| text(&s.service_account_name)).unwrap_or_default()
        }
        "status.hostIP" | "status.hostIPs" => addresses.host_ip.to_owned(),
        "status.podIP" | "status.podIPs" => addresses.pod_ip.to_owned(),
        _ => String::new(),
    }
}

/// `key="value"` lines, as the downward API writes labels.
fn format_map(map: Option<&BTreeMap<String, String>>) -> String {
    let lines = map.into_iter().flatten().map(|(k, v)| format!("{k}={v:?}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The value of a resource of a container; a missing limit is unbounded and shown as 0 here.
#[must_use]
pub fn resource(container: &core::Container, field: &core::ResourceFieldSelector) -> String {
    let Some((side, name)) = field.resource.split_once('.') else { return String::new() };
    let resources = container.resources.as_ref();
    let list = match side {
        "limits" => resources.and_then(|r| r.limits.as_ref()),
        _ => resources.and_then(|r| r.requests.as_ref()),
    };
    let amount = list.and_then(|l| l.get(name)).and_then(|q| Quantity::parse(&q.0));
    let amount = amount.unwrap_or_default();
    let divisor = field.divisor.as_ref().and_then(|q| Quantity::parse(&q.0));
    let divisor = divisor.filter(|d| d.0 > 0).unwrap_or(Quantity(1000));
    let up = amount.0 / divisor.0 + i128::from(amount.0 % divisor.0 > 0);
    up.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_resources() {
        let mut pod = core::Pod::default();
        pod.metadata.name = Some("p".into());
        pod.metadata.labels = Some([("app".to_owned(), "web".to_owned())].into());
        let a = Addresses { host_ip: "192.0.2.2", pod_ip: "10.244.1.3" };
        for (path, want) in [
            ("metadata.name", "p"),
            ("metadata.labels['app']", "web"),
            ("metadata.labels", "app=\"web\""),
            ("status.podIP", "10.244.1.3"),
        ] {
            assert_eq!(field(&pod, path, &a), want);
        }
        let mut c = core::Container::default();
        let q = |t: &str| k8s_openapi::apimachinery::pkg::api::resource::Quantity(t.into());
        c.resources = Some(core::ResourceRequirements {
            limits: Some([("cpu".to_owned(), q("250m")), ("memory".to_owned(), q("64Mi"))].into()),
            ..Default::default()
        });
        let f = |r: &str, d: Option<&str>| core::ResourceFieldSelector {
            resource: r.into(),
            divisor: d.map(q),
            ..Default::default()
        };
        assert_eq!(resource(&c, &f("limits.cpu", None)), "1");
        assert_eq!(resource(&c, &f("limits.cpu", Some("1m"))), "250");
        assert_eq!(resource(&c, &f("limits.memory", Some("1Mi"))), "64");
    }
}
