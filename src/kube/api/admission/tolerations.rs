//! DefaultTolerationSeconds: a pod stays for five minutes on a node that is not ready.

use k8s_openapi::api::core::v1::{Pod, Toleration};

/// `default-not-ready-toleration-seconds`, `default-unreachable-toleration-seconds`.
const SECONDS: i64 = 300;
const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// Add the tolerations that the pod does not have.
pub(super) fn admit(pod: &mut Pod) {
    let list = pod.spec.get_or_insert_default().tolerations.get_or_insert_default();
    let missing: Vec<&str> = TAINTS
        .into_iter()
        .filter(|taint| {
            !list.iter().any(|t| {
                let key = t.key.as_deref().unwrap_or("");
                let effect = t.effect.as_deref().unwrap_or("");
                (key == *taint || key.is_empty()) && (effect == "NoExecute" || effect.is_empty())
            })
        })
        .collect();
    for taint in missing {
        list.push(Toleration {
            key: Some(taint.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some("NoExecute".to_owned()),
            toleration_seconds: Some(SECONDS),
            value: None,
        });
    }
}
