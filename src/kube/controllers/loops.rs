//! Controllers of other kinds together, on hollow nodes.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    Endpoints, PersistentVolume, PersistentVolumeClaim, Pod, ReplicationController, ResourceQuota,
};
use serde_json::{Value, json};

use crate::kube::api::object::Stored;
use crate::kube::api::quantity::amount;
use crate::kube::kinds::Kind;
use crate::kube::lab::Lab;

fn new_lab() -> Lab {
    let mut lab = Lab::new(&[8, 8]);
    lab.secs(1);
    lab
}

fn make<T: Stored>(lab: &mut Lab, name: &str, rest: Value) {
    let kind = T::SHELF;
    let mut value = json!({
        "apiVersion": kind.api_version(), "kind": kind.name(),
        "metadata": {"name": name, "namespace": "default"},
    });
    if !kind.namespaced() {
        value["metadata"] = json!({"name": name});
    }
    value.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    lab.create(kind, if kind.namespaced() { "default" } else { "" }, value);
}

#[test]
fn a_replication_controller_keeps_its_pods() {
    let mut lab = new_lab();
    let container = json!({"name": "main", "image": "nginx:1.27"});
    make::<ReplicationController>(
        &mut lab,
        "web",
        json!({"spec": {
            "replicas": 3, "selector": {"app": "web"},
            "template": {"metadata": {"labels": {"app": "web"}},
                         "spec": {"containers": [container]}},
        }}),
    );
    lab.secs(5);
    let status = |lab: &Lab| {
        let status = lab.get::<ReplicationController>("default", "web").unwrap().status.clone();
        let status = status.unwrap();
        (status.replicas, status.ready_replicas)
    };
    assert_eq!(status(&lab), (3, Some(3)));
    let said = lab.events("ReplicationController", "web");
    assert!(said.iter().all(|s| s.starts_with("Created pod: web-")) && said.len() == 3, "{said:?}");
    let pod = lab.all::<Pod>("default")[0].metadata.name.clone().unwrap();
    lab.delete(Kind::Pod, "default", &pod);
    lab.secs(40);
    assert_eq!(status(&lab), (3, Some(3)), "a deleted pod is replaced");
    lab.patch(Kind::ReplicationController, "default", "web", json!({"spec": {"replicas": 1}}));
    lab.secs(40);
    assert_eq!((status(&lab), lab.all::<Pod>("default").len()), ((1, Some(1)), 1));
    lab.delete(Kind::ReplicationController, "default", "web");
    lab.secs(40);
    assert_eq!(lab.all::<Pod>("default").len(), 0, "its pods go with it");
}

fn cron(lab: &mut Lab, seconds: u32, extra: &Value) {
    let script = format!("sleep {seconds}; exit 0");
    let container = json!({
        "name": "main", "image": "busybox:1.37", "command": ["sh", "-c", script],
    });
    let pod = json!({"restartPolicy": "Never", "containers": [container]});
    let mut spec = json!({
        "schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}},
    });
    spec.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    make::<CronJob>(lab, "tick", json!({"spec": spec}));
}

#[test]
fn a_cron_job_runs_by_its_schedule() {
    for (extra, seconds, after, running, total) in [
        (json!({}), 90, 130, 2, 2),
        (json!({"concurrencyPolicy": "Forbid"}), 90, 130, 1, 1),
        (json!({"concurrencyPolicy": "Replace"}), 90, 130, 1, 1),
        (json!({"successfulJobsHistoryLimit": 1}), 3, 200, 0, 1),
        (json!({"suspend": true}), 3, 200, 0, 0),
        (json!({"schedule": "0 12 * * *"}), 3, 200, 0, 0),
        (json!({"schedule": "0 18 * * *", "timeZone": "Asia/Seoul"}), 3, 200, 0, 0),
    ] {
        let mut lab = new_lab();
        cron(&mut lab, seconds, &extra);
        lab.secs(after);
        let state = lab.get::<CronJob>("default", "tick").unwrap().status.clone().unwrap();
        let active = state.active.map_or(0, |a| a.len());
        let jobs = lab.all::<Job>("default").len();
        assert_eq!((active, jobs), (running, total), "{extra} for {seconds} s");
    }
}

#[test]
fn a_job_whose_indexes_fail_alone() {
    let mut lab = new_lab();
    let script = "sleep 1; exit 1";
    let container = json!({
        "name": "main", "image": "busybox:1.37", "command": ["sh", "-c", script],
    });
    make::<Job>(
        &mut lab,
        "work",
        json!({"spec": {
            "completions": 2, "parallelism": 2, "completionMode": "Indexed",
            "backoffLimitPerIndex": 1,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        }}),
    );
    lab.secs(40);
    let status = lab.get::<Job>("default", "work").unwrap().status.clone().unwrap();
    assert_eq!((status.failed, status.failed_indexes.as_deref()), (Some(4), Some("0,1")));
    let reasons: Vec<String> =
        status.conditions.unwrap().into_iter().filter_map(|c| c.reason).collect();
    assert_eq!(reasons, ["FailedIndexes", "FailedIndexes"]);
}

#[test]
fn an_autoscaler_follows_the_load() {
    let mut lab = new_lab();
    let container = json!({
        "name": "main", "image": "nginx:1.27", "resources": {"requests": {"cpu": "100m"}},
    });
    let template = json!({"metadata": {"labels": {"app": "web"}},
                          "spec": {"containers": [container]}});
    lab.deployment("web", 1, json!({"template": template}));
    make::<HorizontalPodAutoscaler>(
        &mut lab,
        "web",
        json!({"spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1, "maxReplicas": 10,
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}],
        }}),
    );
    let wanted = |lab: &Lab| {
        let hpa = lab.get::<HorizontalPodAutoscaler>("default", "web").unwrap();
        hpa.status.as_ref().unwrap().desired_replicas
    };
    lab.secs(60);
    assert_eq!(wanted(&lab), 0, "nobody answers the metrics API");
    lab.cluster.share_load("default", 220);
    lab.secs(10);
    assert_eq!(wanted(&lab), 4, "at most four at once");
    lab.secs(20);
    assert_eq!(wanted(&lab), 5);
    lab.cluster.share_load("default", 0);
    lab.secs(250);
    assert_eq!(wanted(&lab), 5, "held for five minutes");
    lab.secs(100);
    assert_eq!(wanted(&lab), 1);
}

#[test]
fn a_claim_waits_for_a_volume() {
    let mut lab = new_lab();
    make::<PersistentVolumeClaim>(
        &mut lab,
        "data",
        json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        }}),
    );
    lab.secs(5);
    let said = lab.events("PersistentVolumeClaim", "data");
    assert!(said[0].starts_with("no persistent volumes available"), "{said:?}");
    make::<PersistentVolume>(
        &mut lab,
        "disk",
        json!({"spec": {
            "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"},
            "hostPath": {"path": "/data"},
        }}),
    );
    lab.secs(20);
    let claim = lab.get::<PersistentVolumeClaim>("default", "data").unwrap().clone();
    assert_eq!(claim.status.unwrap().phase.as_deref(), Some("Bound"));
    lab.delete(Kind::PersistentVolumeClaim, "default", "data");
    lab.secs(5);
    assert!(lab.get::<PersistentVolumeClaim>("default", "data").is_none());
    let volume = lab.get::<PersistentVolume>("", "disk").unwrap();
    assert_eq!(volume.status.as_ref().unwrap().phase.as_deref(), Some("Released"));
}

#[test]
fn a_quota_is_counted_anew_when_pods_go() {
    let mut lab = new_lab();
    make::<ResourceQuota>(&mut lab, "team", json!({"spec": {"hard": {"pods": "3"}}}));
    lab.secs(1);
    let used = |lab: &Lab| {
        let quota = lab.get::<ResourceQuota>("default", "team").unwrap();
        quota.status.as_ref().unwrap().used.as_ref().map(|u| amount(&u["pods"]).value())
    };
    assert_eq!(used(&lab), Some(0));
    lab.deployment("web", 5, json!({}));
    lab.secs(5);
    assert_eq!(used(&lab), Some(3));
    lab.delete(Kind::Deployment, "default", "web");
    lab.secs(40);
    assert_eq!(used(&lab), Some(0));
}

#[test]
fn endpoints_follow_ready_pods() {
    let mut lab = new_lab();
    make::<k8s_openapi::api::core::v1::Service>(
        &mut lab,
        "web",
        json!({"spec": {
            "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}],
        }}),
    );
    lab.deployment("web", 2, json!({}));
    lab.secs(5);
    let of = lab.get::<Endpoints>("default", "web").unwrap().subsets.clone().unwrap();
    assert_eq!(of.len(), 1);
    assert_eq!(of[0].addresses.as_ref().map(Vec::len), Some(2));
    assert_eq!(of[0].ports.as_ref().map(|p| p[0].port), Some(8080));
    lab.delete(Kind::Service, "default", "web");
    lab.secs(2);
    assert!(lab.get::<Endpoints>("default", "web").is_none());
}
