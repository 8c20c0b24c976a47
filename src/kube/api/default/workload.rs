//! Defaults of workloads (`pkg/apis/apps/v1/defaults.go`, `pkg/apis/autoscaling`).

use k8s_openapi::api::apps::v1::{
    DaemonSet, Deployment, ReplicaSet, RollingUpdateDaemonSet, RollingUpdateDeployment,
    RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy,
};
use k8s_openapi::api::autoscaling::v2::{
    HPAScalingPolicy, HPAScalingRules, HorizontalPodAutoscaler, MetricSpec, MetricTarget,
    ResourceMetricSource,
};
use k8s_openapi::api::core::v1::ReplicationController;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{or, pod, storage};

/// Deployment.
pub fn deployment(deployment: &mut Deployment) {
    let spec = &mut deployment.spec;
    deployment.status.get_or_insert_default();
    spec.replicas.get_or_insert(1);
    spec.revision_history_limit.get_or_insert(10);
    spec.progress_deadline_seconds.get_or_insert(600);
    drop_zero(&mut spec.min_ready_seconds);
    let strategy = spec.strategy.get_or_insert_default();
    or(&mut strategy.type_, "RollingUpdate");
    if strategy.type_.as_deref() == Some("RollingUpdate") {
        let rolling = strategy.rolling_update.get_or_insert_with(RollingUpdateDeployment::default);
        let quarter = || IntOrString::String("25%".to_owned());
        rolling.max_surge.get_or_insert_with(quarter);
        rolling.max_unavailable.get_or_insert_with(quarter);
    }
    pod::template(&mut spec.template);
}

/// ReplicaSet.
pub fn replica_set(set: &mut ReplicaSet) {
    let spec = &mut set.spec;
    set.status.get_or_insert_default();
    spec.replicas.get_or_insert(1);
    drop_zero(&mut spec.min_ready_seconds);
    pod::template(spec.template.get_or_insert_default());
}

/// ReplicationController: the selector and its own labels default to the template's labels.
pub fn replication_controller(rc: &mut ReplicationController) {
    let spec = rc.spec.get_or_insert_default();
    rc.status.get_or_insert_default();
    spec.replicas.get_or_insert(1);
    if let Some(template) = &mut spec.template {
        pod::template(template);
        let labels = template.metadata.as_ref().and_then(|m| m.labels.clone());
        if spec.selector.as_ref().is_none_or(|s| s.is_empty()) {
            spec.selector.clone_from(&labels);
        }
        if rc.metadata.labels.as_ref().is_none_or(|l| l.is_empty()) {
            rc.metadata.labels = labels;
        }
    }
}

/// StatefulSet.
pub fn stateful_set(set: &mut StatefulSet) {
    let spec = &mut set.spec;
    let status = set.status.get_or_insert_default();
    status.available_replicas.get_or_insert(0);
    spec.service_name.get_or_insert_default();
    or(&mut spec.pod_management_policy, "OrderedReady");
    let strategy = spec.update_strategy.get_or_insert_default();
    or(&mut strategy.type_, "RollingUpdate");
    if strategy.type_.as_deref() == Some("RollingUpdate") {
        let rolling =
            strategy.rolling_update.get_or_insert_with(RollingUpdateStatefulSetStrategy::default);
        rolling.partition.get_or_insert(0);
    }
    let keep = spec
        .persistent_volume_claim_retention_policy
        .get_or_insert_with(StatefulSetPersistentVolumeClaimRetentionPolicy::default);
    or(&mut keep.when_deleted, "Retain");
    or(&mut keep.when_scaled, "Retain");
    spec.replicas.get_or_insert(1);
    spec.revision_history_limit.get_or_insert(10);
    drop_zero(&mut spec.min_ready_seconds);
    for claim in spec.volume_claim_templates.iter_mut().flatten() {
        storage::claim(claim);
    }
    pod::template(&mut spec.template);
}

/// DaemonSet.
pub fn daemon_set(set: &mut DaemonSet) {
    let spec = &mut set.spec;
    set.status.get_or_insert_default();
    let strategy = spec.update_strategy.get_or_insert_default();
    or(&mut strategy.type_, "RollingUpdate");
    if strategy.type_.as_deref() == Some("RollingUpdate") {
        let rolling = strategy.rolling_update.get_or_insert_with(RollingUpdateDaemonSet::default);
        rolling.max_unavailable.get_or_insert(IntOrString::Int(1));
        rolling.max_surge.get_or_insert(IntOrString::Int(0));
    }
    spec.revision_history_limit.get_or_insert(10);
    drop_zero(&mut spec.min_ready_seconds);
    pod::template(&mut spec.template);
}

/// HorizontalPodAutoscaler: at least one replica, 80 % of the requested cpu.
pub fn autoscaler(hpa: &mut HorizontalPodAutoscaler) {
    let spec = &mut hpa.spec;
    hpa.status.get_or_insert_default();
    spec.min_replicas.get_or_insert(1);
    if spec.metrics.as_ref().is_none_or(Vec::is_empty) {
        spec.metrics = Some(vec![MetricSpec {
            type_: "Resource".to_owned(),
            resource: Some(ResourceMetricSource {
                name: "cpu".to_owned(),
                target: MetricTarget {
                    type_: "Utilization".to_owned(),
                    average_utilization: Some(80),
                    ..MetricTarget::default()
                },
            }),
            ..MetricSpec::default()
        }]);
    }
    if let Some(behavior) = &mut spec.behavior {
        let up = behavior.scale_up.get_or_insert_default();
        up.stabilization_window_seconds.get_or_insert(0);
        rules(up, &[("Pods", 4, 15), ("Percent", 100, 15)]);
        let down = behavior.scale_down.get_or_insert_default();
        rules(down, &[("Percent", 100, 15)]);
    }
}

/// The scaling rules of `pkg/apis/autoscaling/v2/defaults.go`.
fn rules(rules: &mut HPAScalingRules, policies: &[(&str, i32, i32)]) {
    or(&mut rules.select_policy, "Max");
    rules.policies.get_or_insert_with(|| {
        let policy = |(kind, value, period): &(&str, i32, i32)| HPAScalingPolicy {
            type_: (*kind).to_owned(),
            value: *value,
            period_seconds: *period,
        };
        policies.iter().map(policy).collect()
    });
}

fn drop_zero(field: &mut Option<i32>) {
    if *field == Some(0) {
        *field = None;
    }
}

/// An empty selector, as Go sees a missing one.
#[must_use]
pub fn selects_nothing(selector: &LabelSelector) -> bool {
    selector.match_labels.as_ref().is_none_or(|l| l.is_empty())
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty)
}
