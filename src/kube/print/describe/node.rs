//! `kubectl describe node`.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeSpec, NodeStatus, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Amount;

use super::{Around, Lines, age, amounts, date, date_at, text};
use crate::base::quantity::Quantity;

const ROLE: &str = "node-role.kubernetes.io/";
type Amounts = BTreeMap<String, Amount>;

/// `kubectl describe node`, with the pods that are not over and the lease.
#[must_use]
pub fn node(of: &Node, pods: &[Arc<Pod>], lease: Option<&Lease>, around: Around<'_>) -> String {
    let empty_spec = NodeSpec::default();
    let empty_status = NodeStatus::default();
    let spec = of.spec.as_ref().unwrap_or(&empty_spec);
    let status = of.status.as_ref().unwrap_or(&empty_status);
    let mut lines = Lines::default();
    let w = &mut lines;
    head(w, of, spec);
    self::lease(w, of, lease);
    conditions(w, status);
    w.at(0, "Addresses:");
    for address in status.addresses.iter().flatten() {
        w.at(1, format!("{}:\t{}", address.type_, address.address));
    }
    amounts(w, 0, "Capacity", status.capacity.as_ref());
    amounts(w, 0, "Allocatable", status.allocatable.as_ref());
    system(w, spec, status);
    let room = status.allocatable.as_ref().or(status.capacity.as_ref());
    let none = Amounts::new();
    let room = room.unwrap_or(&none);
    let live: Vec<&Pod> = pods.iter().map(|p| &**p).filter(|p| !is_over(p)).collect();
    pod_table(w, &live, room, around);
    totals(w, &live, room);
    w.events(around);
    lines.finish()
}

fn is_over(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Roles from labels, sorted and joined; `<none>` without any.
#[must_use]
pub fn roles(of: &Node) -> String {
    let labels = of.metadata.labels.iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| {
            if key == "kubernetes.io/role" { Some(value.as_str()) } else { key.strip_prefix(ROLE) }
        })
        .filter(|r| !r.is_empty())
        .collect();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") }
}

fn head(w: &mut Lines, of: &Node, spec: &NodeSpec) {
    w.field("Name", text(of.metadata.name.as_ref()));
    w.field("Roles", roles(of));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.field("CreationTimestamp", date(of.metadata.creation_timestamp.as_ref()));
    let mut taints: Vec<_> = spec.taints.iter().flatten().collect();
    taints.sort_by_key(|t| (&t.effect, &t.key, &t.value));
    if taints.is_empty() {
        w.field("Taints", "<none>");
    }
    for (i, taint) in taints.into_iter().enumerate() {
        let start = if i == 0 { "Taints:" } else { "" };
        let value = match text(taint.value.as_ref()) {
            "" => String::new(),
            value => format!("={value}"),
        };
        w.at(0, format!("{start}\t{}{value}:{}", taint.key, taint.effect));
    }
    w.field("Unschedulable", spec.unschedulable.unwrap_or(false).to_string());
}

fn lease(w: &mut Lines, of: &Node, lease: Option<&Lease>) {
    let Some(lease) = lease else {
        let name = text(of.metadata.name.as_ref());
        w.field(
            "Lease",
            format!("Failed to get lease: leases.coordination.k8s.io \"{name}\" not found"),
        );
        return;
    };
    let spec = lease.spec.clone().unwrap_or_default();
    let unset = "<unset>".to_owned();
    w.at(0, "Lease:");
    w.at(1, format!("HolderIdentity:\t{}", spec.holder_identity.as_ref().unwrap_or(&unset)));
    for (key, time) in [("AcquireTime", &spec.acquire_time), ("RenewTime", &spec.renew_time)] {
        let shown = time.as_ref().map_or(unset.clone(), |t| date_at(t.0));
        w.at(1, format!("{key}:\t{shown}"));
    }
}

fn conditions(w: &mut Lines, status: &NodeStatus) {
    let conditions = status.conditions.as_deref().unwrap_or_default();
    if conditions.is_empty() {
        return;
    }
    w.at(0, "Conditions:");
    w.at(1, "Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
    w.at(1, "----\t------\t-----------------\t------------------\t------\t-------");
    for c in conditions {
        let beat = date(c.last_heartbeat_time.as_ref());
        let change = date(c.last_transition_time.as_ref());
        let (reason, message) = (text(c.reason.as_ref()), text(c.message.as_ref()));
        w.at(1, format!("{} \t{} \t{beat} \t{change} \t{reason} \t{message}", c.type_, c.status));
    }
}

fn system(w: &mut Lines, spec: &NodeSpec, status: &NodeStatus) {
    let info = status.node_info.clone().unwrap_or_default();
    w.at(0, "System Info:");
    for (key, value) in [
        ("Machine ID", &info.machine_id),
        ("System UUID", &info.system_uuid),
        ("Boot ID", &info.boot_id),
        ("Kernel Version", &info.kernel_version),
        ("OS Image", &info.os_image),
        ("Operating System", &info.operating_system),
        ("Architecture", &info.architecture),
        ("Container Runtime Version", &info.container_runtime_version),
        ("Kubelet Version", &info.kubelet_version),
    ] {
        w.at(1, format!("{key}:\t{value}"));
    }
    if let Some(cidr) = spec.pod_cidr.as_deref().filter(|c| !c.is_empty()) {
        w.field("PodCIDR", cidr);
    }
    let all = spec.pod_cidrs.clone().unwrap_or_default();
    if !all.is_empty() {
        w.field("PodCIDRs", all.join(","));
    }
    if let Some(id) = spec.provider_id.as_deref().filter(|i| !i.is_empty()) {
        w.field("ProviderID", id);
    }
}

/// A sum that remembers how its first part was written.
#[derive(Clone, Default)]
struct Sum {
    milli: i128,
    binary: bool,
}

impl Sum {
    fn add(&mut self, text: &str) {
        let Some(amount) = Quantity::parse(text) else { return };
        if self.milli == 0 {
            self.binary = text.ends_with('i');
        }
        self.milli += amount.0;
    }

    fn raise(&mut self, other: &Self) {
        if other.milli > self.milli {
            *self = other.clone();
        }
    }

    /// In canonical form, as `Quantity.String` prints it.
    fn shown(&self) -> String {
        const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        const DECIMAL: [&str; 8] = ["m", "", "k", "M", "G", "T", "P", "E"];
        let canonical = |mut value: i128, step: i128, units: &[&str]| {
            let mut unit = 0;
            while value != 0 && value % step == 0 && unit + 1 < units.len() {
                value /= step;
                unit += 1;
            }
            if value == 0 {
                return "0".to_owned();
            }
            format!("{value}{}", units.get(unit).unwrap_or(&""))
        };
        if self.binary && self.milli % 1000 == 0 && self.milli.abs() >= 1_024_000 {
            canonical(self.milli / 1000, 1024, &BINARY)
        } else {
            canonical(self.milli, 1000, &DECIMAL)
        }
    }

    fn percent(&self, of: Option<&Amount>) -> i128 {
        match of.and_then(|a| Quantity::parse(&a.0)) {
            Some(all) if all.0 != 0 => self.milli * 100 / all.0,
            _ => 0,
        }
    }
}

#[derive(Clone, Copy)]
enum Side {
    Requests,
    Limits,
}

/// What a pod asks of a resource: its containers together, or its greatest init step, and its
/// overhead (resource helper `PodRequests`).
fn pod_sum(pod: &Pod, side: Side, name: &str) -> Sum {
    let Some(spec) = pod.spec.as_ref() else { return Sum::default() };
    let of = |resources: Option<&k8s_openapi::api::core::v1::ResourceRequirements>| {
        let map = match side {
            Side::Requests => resources.and_then(|r| r.requests.as_ref()),
            Side::Limits => resources.and_then(|r| r.limits.as_ref()),
        };
        map.and_then(|m| m.get(name)).map_or("0", |q| q.0.as_str()).to_owned()
    };
    let mut sum = Sum::default();
    for container in &spec.containers {
        sum.add(&of(container.resources.as_ref()));
    }
    let mut sidecars = Sum::default();
    let mut init = Sum::default();
    for container in spec.init_containers.iter().flatten() {
        let asked = of(container.resources.as_ref());
        if container.restart_policy.as_deref() == Some("Always") {
            sum.add(&asked);
            sidecars.add(&asked);
            init.raise(&sidecars);
        } else {
            let mut step = sidecars.clone();
            step.add(&asked);
            init.raise(&step);
        }
    }
    sum.raise(&init);
    let overhead = spec.overhead.as_ref().and_then(|o| o.get(name));
    if let Some(overhead) = overhead.filter(|_| matches!(side, Side::Requests) || sum.milli > 0) {
        sum.add(&overhead.0);
    }
    sum
}

fn pod_table(w: &mut Lines, pods: &[&Pod], room: &Amounts, around: Around<'_>) {
    w.field("Non-terminated Pods", format!("({} in total)", pods.len()));
    w.at(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    w.at(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    for pod in pods {
        let cell = |side: Side, name: &str| {
            let sum = pod_sum(pod, side, name);
            format!("{} ({}%)", sum.shown(), sum.percent(room.get(name)))
        };
        let meta = &pod.metadata;
        w.at(
            1,
            format!(
                "{}\t{}\t\t{}\t{}\t{}\t{}\t{}",
                text(meta.namespace.as_ref()),
                text(meta.name.as_ref()),
                cell(Side::Requests, "cpu"),
                cell(Side::Limits, "cpu"),
                cell(Side::Requests, "memory"),
                cell(Side::Limits, "memory"),
                age(meta.creation_timestamp.as_ref(), around.now)
            ),
        );
    }
}

fn totals(w: &mut Lines, pods: &[&Pod], room: &Amounts) {
    w.at(0, "Allocated resources:");
    w.at(1, "(Total limits may be over 100 percent, i.e., overcommitted.)");
    w.at(1, "Resource\tRequests\tLimits");
    w.at(1, "--------\t--------\t------");
    let total = |side: Side, name: &str| {
        let mut all = Sum::default();
        for pod in pods {
            all.add(&pod_sum(pod, side, name).shown());
        }
        all
    };
    let standard = ["cpu", "memory", "ephemeral-storage"];
    let huge = room.keys().map(String::as_str).filter(|k| k.starts_with("hugepages-"));
    for name in standard.into_iter().chain(huge) {
        let cell = |side: Side| {
            let sum = total(side, name);
            format!("{} ({}%)", sum.shown(), sum.percent(room.get(name)))
        };
        w.at(1, format!("{name}\t{}\t{}", cell(Side::Requests), cell(Side::Limits)));
    }
    for name in room.keys().filter(|k| k.contains('/')) {
        let (requests, limits) = (total(Side::Requests, name), total(Side::Limits, name));
        w.at(1, format!("{name}\t{}\t{}", requests.shown(), limits.shown()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn sums_keep_their_form() {
        for (parts, shown) in [
            (&["64Mi", "64Mi", "0", "128Mi"][..], "256Mi"),
            (&["100m", "900m"], "1"),
            (&["100m", "250m"], "350m"),
            (&["0"], "0"),
            (&["1Gi", "512Mi"], "1536Mi"),
            (&["128M"], "128M"),
        ] {
            let mut sum = Sum::default();
            parts.iter().for_each(|p| sum.add(p));
            assert_eq!(sum.shown(), shown);
        }
    }

    #[test]
    fn shares_of_what_can_be_used() {
        let of: Node = serde_json::from_value(json!({
            "metadata": {"name": "n"},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi"}}
        }))
        .unwrap();
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "p", "namespace": "d",
                         "creationTimestamp": "2026-01-05T09:00:00Z"},
            "spec": {"containers": [{"name": "c", "resources": {
                "requests": {"cpu": "100m", "memory": "64Mi"}}}]}
        }))
        .unwrap();
        let around = Around { now: SimTime::from_secs(74), events: Some(&[]) };
        let shown = node(&of, &[Arc::new(pod)], None, around);
        for part in [
            "  d                           p       100m (2%)     0 (0%)      64Mi (0%)        0 (0%)",
            "  cpu                100m (2%)  0 (0%)\n  memory             64Mi (0%)  0 (0%)\n",
            "Taints:             <none>\n",
        ] {
            assert!(shown.contains(part), "{shown}");
        }
    }
}
