//! `kubectl describe` of Deployments, ReplicaSets, StatefulSets, DaemonSets and
//! ReplicationControllers.

use std::sync::Arc;

use k8s_openapi::api::apps::v1::{
    DaemonSet, Deployment, DeploymentStatus, ReplicaSet, StatefulSet,
};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, Pod, PodTemplateSpec, ReplicationController,
};

use super::container::{int_or_string, template};
use super::{Around, Lines, controlled_by, date, label_line, selector, text};

const HASH: &str = "pod-template-hash";

/// `kubectl describe deployment`, with the ReplicaSets that it controls.
#[must_use]
pub fn deployment(of: &Deployment, sets: &[Arc<ReplicaSet>], around: Around<'_>) -> String {
    let empty_status = DeploymentStatus::default();
    let spec = &of.spec;
    let status = of.status.as_ref().unwrap_or(&empty_status);
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.field("CreationTimestamp", date(of.metadata.creation_timestamp.as_ref()));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.field("Selector", selector(Some(&spec.selector)));
    w.field(
        "Replicas",
        format!(
            "{} desired | {} updated | {} total | {} available | {} unavailable",
            spec.replicas.unwrap_or(0),
            status.updated_replicas.unwrap_or(0),
            status.replicas.unwrap_or(0),
            status.available_replicas.unwrap_or(0),
            status.unavailable_replicas.unwrap_or(0)
        ),
    );
    let strategy = spec.strategy.as_ref();
    w.field("StrategyType", text(strategy.and_then(|s| s.type_.as_ref())));
    w.field("MinReadySeconds", spec.min_ready_seconds.unwrap_or(0).to_string());
    if let Some(rolling) = strategy.and_then(|s| s.rolling_update.as_ref()) {
        let unavailable = rolling.max_unavailable.as_ref().map(int_or_string).unwrap_or_default();
        let surge = rolling.max_surge.as_ref().map(int_or_string).unwrap_or_default();
        w.field(
            "RollingUpdateStrategy",
            format!("{unavailable} max unavailable, {surge} max surge"),
        );
    }
    template(&mut w, Some(&spec.template));
    let conditions = status.conditions.iter().flatten();
    conditions_table(
        &mut w,
        conditions.map(|c| (text(c.type_.as_ref()), text(c.status.as_ref()), c.reason.as_deref())),
    );
    replica_sets(&mut w, &spec.template, sets);
    w.events(around);
    w.finish()
}

fn conditions_table<'a>(
    w: &mut Lines,
    conditions: impl Iterator<Item = (&'a str, &'a str, Option<&'a str>)>,
) {
    for (i, (kind, status, reason)) in conditions.enumerate() {
        if i == 0 {
            w.at(0, "Conditions:");
            w.at(1, "Type\tStatus\tReason");
            w.at(1, "----\t------\t------");
        }
        w.at(1, format!("{kind} \t{status}\t{}", reason.unwrap_or("")));
    }
}

/// The set with the template of the Deployment is the new one; all others are old.
fn replica_sets(w: &mut Lines, wanted: &PodTemplateSpec, sets: &[Arc<ReplicaSet>]) {
    let mut sorted: Vec<&ReplicaSet> = sets.iter().map(|s| &**s).collect();
    sorted.sort_by_key(|s| {
        (s.metadata.creation_timestamp.as_ref().map(|t| t.0), s.metadata.name.clone())
    });
    let new =
        sorted.iter().position(|set| set.spec.template.as_ref().is_some_and(|t| same(t, wanted)));
    if sorted.is_empty() {
        return;
    }
    let shown = |set: &ReplicaSet| {
        let have = set.status.as_ref().map_or(0, |s| s.replicas);
        let want = set.spec.replicas.unwrap_or(0);
        format!("{} ({have}/{want} replicas created)", text(set.metadata.name.as_ref()))
    };
    let old: Vec<String> =
        sorted.iter().enumerate().filter(|(i, _)| Some(*i) != new).map(|(_, s)| shown(s)).collect();
    let old = if old.is_empty() { "<none>".to_owned() } else { old.join(", ") };
    let new = new.and_then(|i| sorted.get(i)).map_or("<none>".to_owned(), |s| shown(s));
    w.field("OldReplicaSets", old);
    w.field("NewReplicaSet", new);
}

/// Whether two pod templates are equal but for the hash label.
#[must_use]
pub fn same(a: &PodTemplateSpec, b: &PodTemplateSpec) -> bool {
    let bare = |t: &PodTemplateSpec| {
        let mut t = t.clone();
        if let Some(labels) = t.metadata.as_mut().and_then(|m| m.labels.as_mut()) {
            labels.remove(HASH);
        }
        t
    };
    bare(a) == bare(b)
}

/// How many pods are in each phase.
fn pods_status(w: &mut Lines, pods: &[Arc<Pod>]) {
    let count = |phase: &str| {
        pods.iter()
            .filter(|p| p.status.as_ref().and_then(|s| s.phase.as_deref()) == Some(phase))
            .count()
    };
    let (running, waiting) = (count("Running"), count("Pending"));
    let (succeeded, failed) = (count("Succeeded"), count("Failed"));
    w.field(
        "Pods Status",
        format!("{running} Running / {waiting} Waiting / {succeeded} Succeeded / {failed} Failed"),
    );
}

/// `kubectl describe replicaset`, with the pods that it controls.
#[must_use]
pub fn replica_set(of: &ReplicaSet, pods: &[Arc<Pod>], around: Around<'_>) -> String {
    let spec = of.spec.clone();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.field("Selector", selector(Some(&spec.selector)));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    if let Some(owner) = controlled_by(&of.metadata) {
        w.field("Controlled By", owner);
    }
    let desired = spec.replicas.unwrap_or(0);
    w.field("Replicas", format!("{} current / {desired} desired", status.replicas));
    pods_status(&mut w, pods);
    template(&mut w, spec.template.as_ref());
    let conditions = status.conditions.iter().flatten();
    conditions_table(
        &mut w,
        conditions.map(|c| (text(c.type_.as_ref()), text(c.status.as_ref()), c.reason.as_deref())),
    );
    w.events(around);
    w.finish()
}

/// `kubectl describe replicationcontroller`.
#[must_use]
pub fn replication_controller(
    of: &ReplicationController,
    pods: &[Arc<Pod>],
    around: Around<'_>,
) -> String {
    let spec = of.spec.clone().unwrap_or_default();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.field("Selector", label_line(spec.selector.as_ref()));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    let desired = spec.replicas.unwrap_or(0);
    w.field("Replicas", format!("{} current / {desired} desired", status.replicas));
    pods_status(&mut w, pods);
    template(&mut w, spec.template.as_ref());
    w.events(around);
    w.finish()
}

/// `kubectl describe statefulset`.
#[must_use]
pub fn stateful_set(of: &StatefulSet, pods: &[Arc<Pod>], around: Around<'_>) -> String {
    let spec = of.spec.clone();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.field("CreationTimestamp", date(of.metadata.creation_timestamp.as_ref()));
    w.field("Selector", selector(Some(&spec.selector)));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    let desired = spec.replicas.unwrap_or(0);
    w.field("Replicas", format!("{desired} desired | {} total", status.replicas));
    let strategy = spec.update_strategy.as_ref();
    w.field("Update Strategy", text(strategy.and_then(|s| s.type_.as_ref())));
    if let Some(rolling) = strategy.and_then(|s| s.rolling_update.as_ref())
        && let Some(partition) = rolling.partition
    {
        w.at(1, format!("Partition:\t{partition}"));
        if let Some(max) = &rolling.max_unavailable {
            w.at(1, format!("MaxUnavailable:\t{}", int_or_string(max)));
        }
    }
    pods_status(&mut w, pods);
    template(&mut w, Some(&spec.template));
    claims(&mut w, spec.volume_claim_templates.as_deref().unwrap_or_default());
    w.events(around);
    w.finish()
}

fn claims(w: &mut Lines, claims: &[PersistentVolumeClaim]) {
    if claims.is_empty() {
        w.field("Volume Claims", "<none>");
        return;
    }
    w.at(0, "Volume Claims:");
    for claim in claims {
        let spec = claim.spec.clone().unwrap_or_default();
        w.at(1, format!("Name:\t{}", text(claim.metadata.name.as_ref())));
        w.at(1, format!("StorageClass:\t{}", text(spec.storage_class_name.as_ref())));
        w.labels("  Labels", claim.metadata.labels.as_ref());
        w.annotations("  Annotations", claim.metadata.annotations.as_ref());
        let size = spec
            .resources
            .and_then(|r| r.requests)
            .and_then(|r| r.get("storage").map(|q| q.0.clone()));
        w.at(1, format!("Capacity:\t{}", size.as_deref().unwrap_or("<default>")));
        let modes = spec.access_modes.unwrap_or_default().join(" ");
        w.at(1, format!("Access Modes:\t[{modes}]"));
    }
}

/// `kubectl describe daemonset`.
#[must_use]
pub fn daemon_set(of: &DaemonSet, pods: &[Arc<Pod>], around: Around<'_>) -> String {
    let spec = of.spec.clone();
    let status = of.status.clone().unwrap_or_default();
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.field("Selector", selector(Some(&spec.selector)));
    let nodes = spec.template.spec.as_ref().and_then(|s| s.node_selector.as_ref());
    w.field("Node-Selector", label_line(nodes));
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    for (key, number) in [
        ("Desired Number of Nodes Scheduled", status.desired_number_scheduled),
        ("Current Number of Nodes Scheduled", status.current_number_scheduled),
        (
            "Number of Nodes Scheduled with Up-to-date Pods",
            status.updated_number_scheduled.unwrap_or(0),
        ),
        ("Number of Nodes Scheduled with Available Pods", status.number_available.unwrap_or(0)),
        ("Number of Nodes Misscheduled", status.number_misscheduled),
    ] {
        w.at(0, format!("{key}: {number}"));
    }
    pods_status(&mut w, pods);
    template(&mut w, Some(&spec.template));
    w.events(around);
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn a_deployment_tells_its_old_sets_from_the_new_one() {
        let template = |image: &str, hash: Option<&str>| {
            let mut labels = json!({"app": "web"});
            if let Some(hash) = hash {
                labels[HASH] = json!(hash);
            }
            json!({"metadata": {"labels": labels},
                   "spec": {"containers": [{"name": "nginx", "image": image}]}})
        };
        let set = |name: &str, image: &str, n: i32| -> Arc<ReplicaSet> {
            let template = template(image, Some(name));
            let read = json!({"metadata": {"name": name},
                "spec": {"replicas": n, "selector": {}, "template": template},
                "status": {"replicas": n}});
            Arc::new(serde_json::from_value(read).unwrap())
        };
        let of: Deployment = serde_json::from_value(json!({
            "metadata": {"name": "web", "namespace": "d",
                         "creationTimestamp": "2026-01-05T09:00:00Z"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
                     "template": template("nginx:1.28", None), "strategy": {
                        "type": "RollingUpdate",
                        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}}},
            "status": {"replicas": 3, "updatedReplicas": 1, "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}]}
        }))
        .unwrap();
        let sets = [set("web-1", "nginx:1.27", 3), set("web-2", "nginx:1.28", 1)];
        let shown = deployment(&of, &sets, Around { now: SimTime::ZERO, events: Some(&[]) });
        for part in [
            "CreationTimestamp:      Mon, 05 Jan 2026 09:00:00 +0000\n",
            "Replicas:               3 desired | 1 updated | 3 total | 0 available | 0 unav",
            "RollingUpdateStrategy:  0 max unavailable, 25% max surge\nPod Template:\n",
            "  Type           Status  Reason\n  ----           ------  ------\n  \
             Available      True    MinimumReplicasAvailable\n",
            "OldReplicaSets:  web-1 (3/3 replicas created)\n",
            "NewReplicaSet:   web-2 (1/1 replicas created)\nEvents:          <none>\n",
        ] {
            assert!(shown.contains(part), "{part}\n{shown}");
        }
    }
}
