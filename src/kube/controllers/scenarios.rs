//! The control loops together, on hollow nodes.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use crate::kube::controllers::pods::is_ready;
use crate::kube::kinds::Kind;
use crate::kube::lab::Lab;

fn ready(lab: &Lab) -> usize {
    lab.all::<Pod>("default").iter().filter(|pod| is_ready(pod)).count()
}

#[test]
fn a_deployment_becomes_ready() {
    let mut lab = Lab::new(&[8, 8, 8]);
    lab.secs(1);
    lab.deployment("web", 3, json!({}));
    lab.secs(5);
    assert_eq!(ready(&lab), 3, "{:#?}", lab.trace.iter().collect::<Vec<_>>());
    let deployment = lab.get::<Deployment>("default", "web").unwrap();
    let status = deployment.status.clone().unwrap();
    assert_eq!((status.ready_replicas, status.available_replicas), (Some(3), Some(3)));
    let reasons: Vec<String> =
        status.conditions.unwrap().into_iter().filter_map(|c| c.reason).collect();
    assert_eq!(reasons, ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]);
}

#[test]
fn a_rolling_update_replaces_all_pods() {
    let mut lab = Lab::new(&[8, 8, 8]);
    lab.secs(1);
    lab.deployment("web", 4, json!({}));
    lab.secs(5);
    let template = json!({"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "nginx", "image": "nginx:1.28"}]}});
    lab.patch(Kind::Deployment, "default", "web", json!({"spec": {"template": template}}));
    lab.secs(20);
    assert_eq!(ready(&lab), 4);
    let pods = lab.all::<Pod>("default");
    assert!(pods.iter().all(|pod| {
        pod.spec.as_ref().unwrap().containers[0].image.as_deref() == Some("nginx:1.28")
    }));
    let sets = lab.all::<ReplicaSet>("default");
    assert_eq!(sets.len(), 2);
    let scaled = lab.events("Deployment", "web");
    assert_eq!(scaled.len(), 9, "{scaled:#?}");
    assert!(scaled[1].ends_with("from 0 to 1") && scaled[2].ends_with("from 4 to 3"));
}

#[test]
fn deleting_a_deployment_deletes_all() {
    let mut lab = Lab::new(&[8]);
    lab.secs(1);
    lab.deployment("web", 2, json!({}));
    lab.secs(5);
    lab.delete(Kind::Deployment, "default", "web");
    lab.secs(5);
    assert_eq!(lab.all::<ReplicaSet>("default").len(), 0);
    assert_eq!(lab.all::<Pod>("default").len(), 0);
}
