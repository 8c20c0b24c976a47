//! Resources of a running pod: what is allocated, what holds, and in-place resize.
//!
//! Models kubernetes `pkg/kubelet/allocation` and the resource fields of
//! `pkg/kubelet/kubelet_pods.go`. Left out: deferred resizes that wait for room.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::record::PodRuntime;
use crate::base::quantity::Quantity;

type Amounts = BTreeMap<String, ApiQuantity>;

/// Whether a condition type is about a resize.
#[must_use]
pub fn is_resize(kind: &str) -> bool {
    matches!(kind, "PodResizePending" | "PodResizeInProgress")
}

/// Fill in what is allocated and what holds.
pub fn fill_resources(status: &mut core::PodStatus, pod: &core::Pod, runtime: &PodRuntime) {
    let Some(spec) = &pod.spec else { return };
    let inits = spec.init_containers.iter().flatten();
    let mut any = false;
    for container in inits.chain(&spec.containers) {
        let lists = [&mut status.init_container_statuses, &mut status.container_statuses];
        let mut all = lists.into_iter().flatten().flatten();
        let Some(one) = all.find(|s| s.name == container.name) else { continue };
        let requests = container.resources.as_ref().and_then(|r| r.requests.clone());
        one.allocated_resources = requests;
        one.resources =
            runtime.newest(&container.name).map(|run| run.resources.clone().unwrap_or_default());
        any |= one.resources.is_some();
    }
    let requests = total(&spec.containers, |r| r.requests.as_ref(), false);
    let limits = total(&spec.containers, |r| r.limits.as_ref(), true);
    status.allocated_resources = (!requests.is_empty()).then(|| requests.clone());
    let some = |list: Amounts| (!list.is_empty()).then_some(list);
    let whole = core::ResourceRequirements {
        requests: some(requests),
        limits: some(limits),
        ..Default::default()
    };
    if any && whole != core::ResourceRequirements::default() {
        status.resources = Some(whole);
    }
}

/// Sum over containers; of limits only where every container has one.
fn total(
    containers: &[core::Container],
    side: fn(&core::ResourceRequirements) -> Option<&Amounts>,
    all_needed: bool,
) -> Amounts {
    let lists: Vec<&Amounts> =
        containers.iter().filter_map(|c| side(c.resources.as_ref()?)).collect();
    let mut sums: BTreeMap<&String, (i128, usize, &ApiQuantity)> = BTreeMap::new();
    for (name, amount) in lists.iter().flat_map(|l| l.iter()) {
        let value = Quantity::parse(&amount.0).unwrap_or_default().0;
        let sum = sums.entry(name).or_insert((0, 0, amount));
        sum.0 += value;
        sum.1 += 1;
    }
    sums.into_iter()
        .filter(|(_, (_, count, _))| !all_needed || *count == containers.len())
        .map(|(name, (sum, count, one))| {
            let text = if count == 1 { one.0.clone() } else { format_amount(name, sum) };
            (name.clone(), ApiQuantity(text))
        })
        .collect()
}

/// A sum as the API prints it: cpu in cores or milli-cores, bytes with a binary suffix.
#[must_use]
pub fn format_amount(name: &str, milli: i128) -> String {
    if name == "cpu" {
        return Quantity(milli).to_string();
    }
    let bytes = milli / 1000;
    for (suffix, power) in [("Gi", 30), ("Mi", 20), ("Ki", 10)] {
        let unit = 1_i128 << power;
        if bytes >= unit && bytes % unit == 0 {
            return format!("{}{suffix}", bytes / unit);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(cpu: &str, limit: Option<&str>) -> core::Container {
        let list = |t: &str| Some([("cpu".to_owned(), ApiQuantity(t.to_owned()))].into());
        core::Container {
            resources: Some(core::ResourceRequirements {
                requests: list(cpu),
                limits: limit.and_then(list),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn sums() {
        let two = [container("100m", Some("1")), container("900m", None)];
        let cpu = |l: Amounts| l.get("cpu").map(|q| q.0.clone());
        assert_eq!(cpu(total(&two, |r| r.requests.as_ref(), false)).as_deref(), Some("1"));
        assert_eq!(cpu(total(&two, |r| r.limits.as_ref(), true)), None);
        assert_eq!(format_amount("memory", 96 * 1024 * 1024 * 1000), "96Mi");
    }
}
