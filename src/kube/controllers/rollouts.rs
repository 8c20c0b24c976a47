//! What Deployments do in all their variants, on hollow nodes (handbook kubernetes-controllers §1).

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::kube::api::object::{Object, Stored};
use crate::kube::controllers::pods::is_finished;
use crate::kube::kinds::Kind;
use crate::kube::lab::Lab;

/// A template with an image; `fits` says whether any node may run it.
fn template(image: &str, fits: bool) -> Value {
    let selector = if fits { Value::Null } else { json!({"no": "such-node"}) };
    json!({"spec": {"template": {"spec": {
        "nodeSelector": selector,
        "containers": [{"name": "nginx", "image": image}],
    }}}})
}

fn lab(replicas: i32, extra: Value) -> Lab {
    let mut lab = Lab::new(&[16, 16, 16]);
    lab.secs(1);
    lab.deployment("web", replicas, extra);
    lab.secs(10);
    lab
}

fn update(lab: &mut Lab, patch: Value) {
    lab.patch(Kind::Deployment, "default", "web", patch);
}

/// Wanted sizes of the ReplicaSets, oldest first.
fn sizes(lab: &Lab) -> Vec<i32> {
    let mut sets = lab.all::<ReplicaSet>("default");
    sets.sort_by_key(|s| s.metadata.creation_timestamp.clone().map(|t| t.0));
    sets.iter().map(|s| s.spec.replicas.unwrap_or(1)).collect()
}

fn reason(lab: &Lab, kind: &str) -> String {
    let deployment = lab.get::<Deployment>("default", "web").unwrap();
    let conditions = deployment.status.clone().unwrap().conditions.unwrap_or_default();
    let found = conditions.into_iter().find(|c| c.type_.as_deref() == Some(kind));
    found.and_then(|c| c.reason).unwrap_or_default()
}

fn strategy(surge: Value, unavailable: Value) -> Value {
    let rolling = json!({"maxSurge": surge, "maxUnavailable": unavailable});
    json!({"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}})
}

#[test]
fn an_update_keeps_within_its_limits() {
    for (replicas, surge, unavailable, most, least) in [
        (4, json!("25%"), json!("25%"), 5, 3),
        (3, json!("25%"), json!("25%"), 4, 3),
        (10, json!("25%"), json!("25%"), 13, 8),
        (3, json!(0), json!(1), 3, 2),
        (5, json!(2), json!(0), 7, 5),
        (7, json!("30%"), json!("30%"), 10, 5),
        (2, json!("100%"), json!("100%"), 4, 0),
        // Both round to nothing, so one may be missing.
        (2, json!(0), json!("10%"), 2, 1),
        (1, json!(1), json!(0), 2, 1),
    ] {
        let what = format!("{replicas} surge {surge} unavailable {unavailable}");
        let mut lab = lab(replicas, strategy(surge, unavailable));
        let before = lab.cluster.store.changes();
        update(&mut lab, template("nginx:1.28", true));
        lab.secs(60);
        assert_eq!(sizes(&lab), [0, replicas], "{what}");
        let mut wanted = std::collections::BTreeMap::new();
        let mut changes: Vec<_> = lab.cluster.changes_after(0).cloned().collect();
        let late = changes.split_off(usize::try_from(before).unwrap());
        for change in changes.iter().chain(&late) {
            if let Some(Object::ReplicaSet(set)) = change.new.as_deref() {
                wanted.insert(change.key.clone(), set.spec.replicas.unwrap_or(1));
                let total: i32 = wanted.values().sum();
                assert!(total <= most, "{what}: {total} pods");
            }
        }
        for change in &late {
            let deployment = change.new.as_deref().and_then(Deployment::of);
            if let Some(status) = deployment.and_then(|d| d.status.as_ref()) {
                let available = status.available_replicas.unwrap_or(0);
                assert!(available >= least, "{what}: {available} available");
            }
        }
    }
}

#[test]
fn recreate_waits_until_the_old_pods_are_gone() {
    let mut lab = lab(3, json!({"strategy": {"type": "Recreate"}}));
    let before = usize::try_from(lab.cluster.store.changes()).unwrap();
    update(&mut lab, template("nginx:1.28", true));
    lab.secs(60);
    assert_eq!(sizes(&lab), [0, 3]);
    let mut ended = std::collections::BTreeSet::new();
    for change in lab.cluster.changes_after(0).skip(before) {
        let pod = change.new.as_deref().and_then(Pod::of);
        if change.kind == Kind::Pod && pod.is_none_or(is_finished) {
            ended.insert(change.key.clone());
        }
        if change.kind == Kind::ReplicaSet && change.old.is_none() {
            assert_eq!(ended.len(), 3, "the new set was made too early");
        }
    }
}

#[test]
fn a_paused_deployment_scales_but_does_not_roll() {
    let mut lab = lab(2, json!({}));
    update(&mut lab, json!({"spec": {"paused": true}}));
    update(&mut lab, template("nginx:1.28", true));
    update(&mut lab, json!({"spec": {"replicas": 5}}));
    lab.secs(10);
    assert_eq!(sizes(&lab), [5]);
    assert_eq!(reason(&lab, "Progressing"), "DeploymentPaused");
    update(&mut lab, json!({"spec": {"paused": false}}));
    lab.secs(30);
    assert_eq!(sizes(&lab), [0, 5]);
    assert_eq!(reason(&lab, "Progressing"), "NewReplicaSetAvailable");
}

#[test]
fn old_sets_beyond_the_limit_go() {
    let mut lab = lab(1, json!({"revisionHistoryLimit": 2}));
    for image in ["nginx:1.23", "nginx:1.24", "nginx:1.25", "nginx:1.26"] {
        update(&mut lab, template(image, true));
        lab.secs(15);
    }
    assert_eq!(sizes(&lab), [0, 0, 1]);
}

#[test]
fn a_stuck_update_is_told_and_can_be_mended() {
    let mut lab = lab(4, json!({"progressDeadlineSeconds": 20}));
    update(&mut lab, template("nginx:1.28", false));
    lab.secs(15);
    assert_eq!(reason(&lab, "Progressing"), "ReplicaSetUpdated");
    assert_eq!(sizes(&lab), [3, 2]);
    lab.secs(10);
    assert_eq!(reason(&lab, "Progressing"), "ProgressDeadlineExceeded");
    assert_eq!(reason(&lab, "Available"), "MinimumReplicasAvailable");
    update(&mut lab, template("nginx:1.28", true));
    lab.secs(40);
    assert_eq!(reason(&lab, "Progressing"), "NewReplicaSetAvailable");
    assert_eq!(sizes(&lab), [0, 0, 4]);
}

#[test]
fn scaling_in_the_middle_of_an_update_is_proportional() {
    // The example of the Deployment's documentation: 8 and 5 become 11 and 7.
    let mut lab = lab(10, strategy(json!(3), json!(2)));
    update(&mut lab, template("nginx:1.28", false));
    lab.secs(10);
    assert_eq!(sizes(&lab), [8, 5]);
    update(&mut lab, json!({"spec": {"replicas": 15}}));
    lab.secs(10);
    assert_eq!(sizes(&lab), [11, 7]);
    update(&mut lab, json!({"spec": {"replicas": 0}}));
    lab.secs(10);
    assert_eq!(sizes(&lab), [0, 0]);
}

#[test]
fn going_back_uses_the_old_set_again() {
    let mut lab = lab(2, json!({}));
    update(&mut lab, template("nginx:1.28", true));
    lab.secs(20);
    update(&mut lab, template("nginx:1.27", true));
    lab.secs(20);
    update(&mut lab, template("nginx:1.28", true));
    lab.secs(20);
    let sets = lab.all::<ReplicaSet>("default");
    let mut revisions: Vec<(String, String)> = sets
        .iter()
        .map(|set| {
            let notes = set.metadata.annotations.clone().unwrap_or_default();
            let of = |name: &str| {
                notes.get(&format!("deployment.kubernetes.io/{name}")).cloned().unwrap_or_default()
            };
            (of("revision"), of("revision-history"))
        })
        .collect();
    revisions.sort();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(revisions, [pair("3", "1"), pair("4", "2")]);
}

#[test]
fn an_update_waits_until_pods_have_been_ready_for_long_enough() {
    let mut lab = lab(2, json!({"minReadySeconds": 10}));
    lab.secs(10);
    update(&mut lab, template("nginx:1.28", true));
    lab.secs(8);
    assert_eq!(sizes(&lab), [2, 1], "the new pod is ready, but not available yet");
    lab.secs(30);
    assert_eq!(sizes(&lab), [0, 2]);
    assert_eq!(lab.all::<Pod>("default").len(), 2);
}

#[test]
fn an_update_before_the_last_one_is_over_rolls_both_sets_out() {
    let mut lab = lab(4, json!({}));
    update(&mut lab, template("nginx:1.28", false));
    lab.secs(10);
    update(&mut lab, template("nginx:1.29", true));
    lab.secs(40);
    assert_eq!(sizes(&lab), [0, 0, 4]);
}
