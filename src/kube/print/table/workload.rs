//! Rows of workloads.

use k8s_openapi::api::apps::v1::{
    ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet,
};
use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{PodTemplate, PodTemplateSpec, ReplicationController};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Row, containers};
use crate::kube::print::describe::{age, controlled_by, label_line, selector, short_duration};

/// The columns of a DaemonSet.
pub(super) const DAEMON_SET: &[&str] =
    &["NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"];

fn number(n: Option<i32>) -> String {
    n.unwrap_or(0).to_string()
}

/// Containers and images of a template, and the selector, for `-o wide`.
fn more(cells: &mut Vec<String>, template: Option<&PodTemplateSpec>, selector: String) {
    let list = template.and_then(|t| t.spec.as_ref()).map_or(&[][..], |s| &s.containers);
    cells.extend(containers(list));
    cells.push(selector);
}

pub(super) fn deployment(o: &Deployment, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let ready = format!("{}/{}", number(status.ready_replicas), number(o.spec.replicas));
    let mut cells = vec![
        of.name,
        ready,
        number(status.updated_replicas),
        number(status.available_replicas),
        of.age,
    ];
    if of.wide {
        more(&mut cells, Some(&o.spec.template), selector(Some(&o.spec.selector)));
    }
    cells
}

pub(super) fn replica_set(o: &ReplicaSet, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let mut cells = vec![
        of.name,
        number(o.spec.replicas),
        status.replicas.to_string(),
        number(status.ready_replicas),
        of.age,
    ];
    if of.wide {
        more(&mut cells, o.spec.template.as_ref(), selector(Some(&o.spec.selector)));
    }
    cells
}

pub(super) fn replication_controller(o: &ReplicationController, of: Row) -> Vec<String> {
    let (spec, status) = (o.spec.as_ref(), o.status.clone().unwrap_or_default());
    let mut cells = vec![
        of.name,
        number(spec.and_then(|s| s.replicas)),
        status.replicas.to_string(),
        number(status.ready_replicas),
        of.age,
    ];
    if of.wide {
        let labels = label_line(spec.and_then(|s| s.selector.as_ref()));
        more(&mut cells, spec.and_then(|s| s.template.as_ref()), labels);
    }
    cells
}

pub(super) fn stateful_set(o: &StatefulSet, of: Row) -> Vec<String> {
    let ready = o.status.as_ref().and_then(|s| s.ready_replicas);
    let ready = format!("{}/{}", number(ready), number(o.spec.replicas));
    let mut cells = vec![of.name, ready, of.age];
    if of.wide {
        let list = o.spec.template.spec.as_ref().map_or(&[][..], |s| &s.containers);
        cells.extend(containers(list));
    }
    cells
}

pub(super) fn daemon_set(o: &DaemonSet, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let nodes = o.spec.template.spec.as_ref().and_then(|s| s.node_selector.as_ref());
    let mut cells = vec![
        of.name,
        status.desired_number_scheduled.to_string(),
        status.current_number_scheduled.to_string(),
        status.number_ready.to_string(),
        number(status.updated_number_scheduled),
        number(status.number_available),
        label_line(nodes),
        of.age,
    ];
    if of.wide {
        more(&mut cells, Some(&o.spec.template), selector(Some(&o.spec.selector)));
    }
    cells
}

pub(super) fn job(o: &Job, of: Row) -> Vec<String> {
    let (spec, status) = (o.spec.clone().unwrap_or_default(), o.status.clone().unwrap_or_default());
    let done = number(status.succeeded);
    let completions = match (spec.completions, spec.parallelism.unwrap_or(0)) {
        (Some(n), _) => format!("{done}/{n}"),
        (None, many) if many > 1 => format!("{done}/1 of {many}"),
        (None, _) => format!("{done}/1"),
    };
    let duration = match (&status.start_time, &status.completion_time) {
        (None, _) => String::new(),
        (Some(start), None) => age(Some(start), of.now),
        (Some(start), Some(end)) => {
            short_duration(end.0.as_microsecond().saturating_sub(start.0.as_microsecond()))
        }
    };
    let holds = |kind: &str| {
        let mut list = status.conditions.iter().flatten();
        list.any(|c| c.type_ == kind && c.status == "True")
    };
    let word = if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if o.metadata.deletion_timestamp.is_some() {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else if holds("FailureTarget") {
        "FailureTarget"
    } else if holds("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    };
    let mut cells = vec![of.name, word.to_owned(), completions, duration, of.age];
    if of.wide {
        more(&mut cells, Some(&spec.template), selector(spec.selector.as_ref()));
    }
    cells
}

pub(super) fn cron_job(o: &CronJob, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let last = status.last_schedule_time.as_ref();
    let last = last.map_or_else(|| "<none>".to_owned(), |t| age(Some(t), of.now));
    let suspended = if o.spec.suspend == Some(true) { "True" } else { "False" };
    let mut cells = vec![
        of.name,
        o.spec.schedule.clone(),
        o.spec.time_zone.clone().unwrap_or_else(|| "<none>".to_owned()),
        suspended.to_owned(),
        status.active.map_or(0, |a| a.len()).to_string(),
        last,
        of.age,
    ];
    if of.wide {
        let job = o.spec.job_template.spec.as_ref();
        more(&mut cells, job.map(|j| &j.template), selector(job.and_then(|j| j.selector.as_ref())));
    }
    cells
}

pub(super) fn pod_template(o: &PodTemplate, of: Row) -> Vec<String> {
    let list = o.template.as_ref().and_then(|t| t.spec.as_ref()).map_or(&[][..], |s| &s.containers);
    let labels = o.template.as_ref().and_then(|t| t.metadata.as_ref()?.labels.as_ref());
    let [names, images] = containers(list);
    vec![of.name, names, images, label_line(labels)]
}

pub(super) fn controller_revision(o: &ControllerRevision, of: Row) -> Vec<String> {
    let owner = o.metadata.owner_references.iter().flatten().find(|o| o.controller == Some(true));
    let owner = owner.filter(|_| controlled_by(&o.metadata).is_some()).map(|owner| {
        let group = owner.api_version.split_once('/').map_or("", |(group, _)| group);
        let kind = owner.kind.to_lowercase();
        if group.is_empty() {
            format!("{kind}/{}", owner.name)
        } else {
            format!("{kind}.{group}/{}", owner.name)
        }
    });
    vec![
        of.name,
        owner.unwrap_or_else(|| "<none>".to_owned()),
        o.revision.unwrap_or(0).to_string(),
        of.age,
    ]
}

pub(super) fn budget(o: &PodDisruptionBudget, of: Row) -> Vec<String> {
    let text = |value: Option<&IntOrString>| match value {
        None => "N/A".to_owned(),
        Some(IntOrString::Int(n)) => n.to_string(),
        Some(IntOrString::String(s)) => s.clone(),
    };
    let spec = o.spec.as_ref();
    let allowed = o.status.as_ref().and_then(|s| s.disruptions_allowed);
    vec![
        of.name,
        text(spec.and_then(|s| s.min_available.as_ref())),
        text(spec.and_then(|s| s.max_unavailable.as_ref())),
        number(allowed),
        of.age,
    ]
}

pub(super) fn autoscaler(o: &HorizontalPodAutoscaler, of: Row) -> Vec<String> {
    let status = o.status.clone().unwrap_or_default();
    let reference = format!("{}/{}", o.spec.scale_target_ref.kind, o.spec.scale_target_ref.name);
    let least = o.spec.min_replicas.map_or_else(|| "<unset>".to_owned(), |n| n.to_string());
    let metrics = o.spec.metrics.as_deref().unwrap_or(&[]);
    let current = status.current_metrics.as_deref().unwrap_or(&[]);
    let targets: Vec<String> =
        metrics.iter().enumerate().map(|(index, spec)| target(spec, current.get(index))).collect();
    // `formatHPAMetrics` shows two metrics, joined with a comma and a space.
    let shown: Vec<String> = targets.iter().take(2).cloned().collect();
    let mut text = if targets.is_empty() { "<none>".to_owned() } else { shown.join(", ") };
    if targets.len() > 2 {
        text = format!("{text} + {} more...", targets.len() - 2);
    }
    vec![
        of.name,
        reference,
        text,
        least,
        o.spec.max_replicas.to_string(),
        number(status.current_replicas),
        of.age,
    ]
}

/// `cpu: 10%/80%`, `memory: 64Mi/128Mi`, `<unknown>/5`.
fn target(spec: &MetricSpec, status: Option<&MetricStatus>) -> String {
    let known = |value: Option<&MetricValueStatus>, target: &MetricTarget| {
        let wanted = wanted(target);
        let value =
            value.and_then(|v| match (target.average_utilization, target.average_value.as_ref()) {
                (Some(_), _) => v.average_utilization.map(|p| format!("{p}%")),
                (_, Some(_)) => v.average_value.as_ref().map(|q| q.0.clone()),
                _ => v.value.as_ref().map(|q| q.0.clone()),
            });
        format!("{}/{wanted}", value.unwrap_or_else(|| "<unknown>".to_owned()))
    };
    if let Some(resource) = &spec.resource {
        let value = status.and_then(|s| s.resource.as_ref()).map(|r| &r.current);
        return format!("{}: {}", resource.name, known(value, &resource.target));
    }
    if let Some(container) = &spec.container_resource {
        let value = status.and_then(|s| s.container_resource.as_ref()).map(|r| &r.current);
        return format!("{}: {}", container.name, known(value, &container.target));
    }
    if let Some(pods) = &spec.pods {
        return known(status.and_then(|s| s.pods.as_ref()).map(|p| &p.current), &pods.target);
    }
    if let Some(object) = &spec.object {
        let average = if object.target.average_value.is_some() { " (avg)" } else { "" };
        let value = status.and_then(|s| s.object.as_ref()).map(|p| &p.current);
        return format!("{}{average}", known(value, &object.target));
    }
    if let Some(external) = &spec.external {
        let average = if external.target.average_value.is_some() { " (avg)" } else { "" };
        let value = status.and_then(|s| s.external.as_ref()).map(|p| &p.current);
        return format!("{}{average}", known(value, &external.target));
    }
    "<unknown type>".to_owned()
}

fn wanted(target: &MetricTarget) -> String {
    match (&target.average_utilization, &target.average_value, &target.value) {
        (Some(percent), _, _) => format!("{percent}%"),
        (_, Some(amount), _) | (_, _, Some(amount)) => amount.0.clone(),
        _ => "<auto>".to_owned(),
    }
}
