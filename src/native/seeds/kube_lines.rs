//! Lines for a cluster, drawn from a table; words in braces are drawn too.

use crate::kube::kinds::Kind;
use crate::native::seeds::draw::Draw;
use crate::native::seeds::manifests;
use crate::world::world::World;

/// Lines by weight.
const LINES: &[(u64, &str)] = &[
    (4, "kubectl create deployment {deployment} --image={image} --replicas={count}"),
    (8, "kubectl scale deployment {deployment} --replicas={count}"),
    (4, "kubectl scale statefulset {stateful} --replicas={count}"),
    (7, "kubectl set image deployment/{deployment} *={image}"),
    (3, "kubectl set image statefulset/{stateful} *={image}"),
    (2, "kubectl set image daemonset/{daemon} *={image}"),
    (2, "kubectl set resources deployment {deployment} --requests=cpu={cpu},memory=64Mi"),
    (2, "kubectl set env deployment/{deployment} MODE={count}"),
    (4, "kubectl rollout restart deployment/{deployment}"),
    (2, "kubectl rollout restart statefulset/{stateful}"),
    (3, "kubectl rollout undo deployment/{deployment}"),
    (2, "kubectl rollout pause deployment/{deployment}"),
    (3, "kubectl rollout resume deployment/{deployment}"),
    (3, "kubectl rollout status deployment/{deployment} --timeout=20s"),
    (7, "kubectl delete pod {pod} --wait=false"),
    (2, "kubectl delete pod {pod} --grace-period=0 --force"),
    (2, "kubectl delete pods -l app={deployment} --wait=false"),
    (2, "kubectl delete pods --all"),
    (3, "kubectl delete deployment {deployment}"),
    (1, "kubectl delete deployment {deployment} --cascade=orphan"),
    (1, "kubectl delete deployment {deployment} --cascade=foreground --wait=false"),
    (2, "kubectl delete statefulset {stateful}"),
    (1, "kubectl delete statefulset {stateful} --cascade=orphan"),
    (2, "kubectl delete daemonset {daemon}"),
    (2, "kubectl delete job {job}"),
    (1, "kubectl delete rs -l app={deployment}"),
    (2, "kubectl delete service {service}"),
    (1, "kubectl delete cronjob tick"),
    (1, "kubectl delete quota,limitrange --all"),
    (1, "kubectl delete pdb,hpa --all"),
    (1, "kubectl delete configmap settings"),
    (3, "kubectl create namespace shop"),
    (1, "kubectl delete namespace shop --wait=false"),
    (3, "kubectl expose deployment {deployment} --port=80"),
    (2, "kubectl create configmap settings --from-literal=MODE={count}"),
    (2, "kubectl create job {job} --image=busybox:1.36 -- sh -c 'sleep {count}'"),
    (1, "kubectl create job {job} --from=cronjob/tick"),
    (2, "kubectl run lone --image={image} --restart=Never"),
    (4, "kubectl cordon {node}"),
    (6, "kubectl uncordon {node}"),
    (3, "kubectl drain {node} --ignore-daemonsets --force --timeout=30s"),
    (2, "kubectl taint node {node} work=hard:{effect} --overwrite"),
    (3, "kubectl taint node {node} work-"),
    (2, "kubectl label node {node} disk=ssd --overwrite"),
    (2, "kubectl label pod {pod} app-"),
    (1, "kubectl label pod {pod} version=9 --overwrite"),
    (1, "kubectl annotate deployment {deployment} note={count} --overwrite"),
    (2, "kubectl exec {pod} -- sh -c 'kill 1'"),
    (1, "kubectl exec {pod} -- sleep {count}"),
    (2, "kubectl logs {pod}"),
    (2, "kubectl get all -A -o wide"),
    (1, "kubectl get pods -o yaml"),
    (2, "kubectl describe pods"),
    (1, "kubectl describe nodes"),
    (1, "kubectl get events"),
    (1, "kubectl wait --for=condition=Ready pod --all --timeout=10s"),
    (1, "kubectl patch deployment {deployment} -p '{\"spec\":{\"minReadySeconds\":{count}}}'"),
    (1, "kubectl patch job {job} -p '{\"spec\":{\"suspend\":true}}'"),
    (1, "kubectl patch job {job} -p '{\"spec\":{\"suspend\":false}}'"),
    (2, "curl -s -m 3 http://node-1:30080/"),
];

/// Lines at a terminal that may hold it.
const HOLDING: &[(u64, &str)] = &[
    (3, "kubectl get pods -w"),
    (2, "kubectl logs -f {pod}"),
    (2, "kubectl rollout status deployment/{deployment}"),
    (2, "kubectl exec -it {pod} -- sh"),
    (2, "kubectl delete pod {pod}"),
    (1, "kubectl run -it --rm tmp --image=busybox:1.36 --restart=Never -- sh"),
    (1, "kubectl port-forward {pod} 8000:80"),
    (2, "sleep {count}"),
    (2, "exit"),
    (1, "cd /tmp; ls"),
];

/// Files to be written, and a line.
pub(super) fn one(draw: &mut Draw, world: &World) -> (Vec<(String, String)>, String) {
    if draw.chance(330) {
        let file = manifests::one(draw);
        let verb = draw.one(&["apply", "apply", "apply", "apply", "create", "replace", "delete"]);
        let line = format!("kubectl {verb} -f {}", file.0);
        return (vec![file], line);
    }
    let line = draw.weighted(LINES).copied().unwrap_or("true");
    (Vec::new(), fill(line, draw, world))
}

/// A line for a terminal.
pub(super) fn typed(draw: &mut Draw, world: &World) -> String {
    let table = if draw.chance(600) { HOLDING } else { LINES };
    let line = draw.weighted(table).copied().unwrap_or("true");
    fill(line, draw, world)
}

/// Words and what they stand for: names that the manifests use, and the kind of which one that is
/// there is taken most of the time.
const WORDS: &[(&str, &[&str], Option<Kind>)] = &[
    ("{deployment}", manifests::DEPLOYMENTS, Some(Kind::Deployment)),
    ("{stateful}", manifests::STATEFUL_SETS, Some(Kind::StatefulSet)),
    ("{daemon}", manifests::DAEMON_SETS, Some(Kind::DaemonSet)),
    ("{job}", manifests::JOBS, Some(Kind::Job)),
    ("{service}", &["web", "api", "back", "db"], Some(Kind::Service)),
    ("{pod}", &["none"], Some(Kind::Pod)),
    ("{node}", &["node-1"], Some(Kind::Node)),
    ("{image}", manifests::SERVERS, None),
    ("{cpu}", &["100m", "400m", "1200m"], None),
    ("{effect}", &["NoSchedule", "NoExecute", "PreferNoSchedule"], None),
];

/// A line with its words drawn.
fn fill(line: &str, draw: &mut Draw, world: &World) -> String {
    let mut text = line.to_owned();
    for (word, usual, kind) in WORDS {
        if !text.contains(word) {
            continue;
        }
        let there = kind.map(|kind| names(world, kind)).unwrap_or_default();
        let new = line.starts_with("kubectl create") || draw.chance(100);
        let name =
            if there.is_empty() || new { draw.one(usual).to_owned() } else { draw.one(&there) };
        text = text.replace(word, &name);
    }
    if text.contains("{count}") {
        text = text.replace("{count}", &draw.between(0, 7).to_string());
    }
    text
}

/// Names of the objects of a kind, in the default namespace if it has them in one.
fn names(world: &World, kind: Kind) -> Vec<String> {
    let Some(kube) = world.kube() else { return Vec::new() };
    let namespace = if kind.namespaced() { "default" } else { "" };
    kube.store.list_in(kind, namespace).map(|(key, _)| key.name.to_string()).collect()
}
