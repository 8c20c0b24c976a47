//! Manifests of workloads, drawn: small, and with what makes controllers work hard.
#![expect(
    clippy::indexing_slicing,
    reason = "objects of our own making: indexing one by a key inserts it"
)]

use serde_json::{Value, json};

use crate::native::seeds::draw::Draw;

/// Images that are on every machine from the start.
pub(super) const PRESENT: &[&str] = &["nginx:1.27", "httpd:2.4", "busybox:1.36"];

/// Images of servers; the last does not exist.
pub(super) const SERVERS: &[&str] =
    &["nginx:1.27", "nginx:1.27", "httpd:2.4", "nginx:1.26", "redis:7", "nginx:9.99"];

/// What containers of busybox do: go on, end well, end badly, catch the signal.
const SHELLS: &[&str] = &[
    "sleep 3600",
    "sleep 7; exit 0",
    "sleep 3; exit 1",
    "exit 1",
    "trap 'exit 0' TERM; while true; do sleep 1; done",
    "echo begin; sleep 20; echo end",
];

/// Names of workloads by kind.
pub(super) const DEPLOYMENTS: &[&str] = &["web", "api", "back"];
pub(super) const STATEFUL_SETS: &[&str] = &["db", "queue"];
pub(super) const DAEMON_SETS: &[&str] = &["agent"];
pub(super) const JOBS: &[&str] = &["task", "batch"];

/// Makes a manifest.
type Maker = fn(&mut Draw) -> Value;

/// Kinds of manifests by weight.
const KINDS: &[(u64, Maker)] = &[
    (10, deployment),
    (4, stateful_set),
    (3, daemon_set),
    (4, job),
    (2, cron_job),
    (5, service),
    (2, config_map),
    (1, quota),
    (2, budget),
    (2, pod),
    (1, limits),
    (1, autoscaler),
];

/// A file name and its text: one object or several.
pub(super) fn one(draw: &mut Draw) -> (String, String) {
    let count = draw.one(&[1, 1, 1, 2, 3]);
    let objects: Vec<Value> = (0..count)
        .filter_map(|_| draw.weighted(KINDS).copied())
        .collect::<Vec<_>>()
        .into_iter()
        .map(|make| make(draw))
        .collect();
    let name = draw.one(&["a.yaml", "b.yaml", "c.yaml"]).to_owned();
    let texts: Vec<String> = objects.iter().map(Value::to_string).collect();
    (name, texts.join("\n---\n"))
}

fn namespace(draw: &mut Draw) -> &'static str {
    if draw.chance(120) { "shop" } else { "default" }
}

fn resources(draw: &mut Draw) -> Value {
    let cpu = draw.one(&["50m", "100m", "250m", "500m", "900m", "1500m"]);
    let memory = draw.one(&["32Mi", "64Mi", "256Mi", "1Gi", "1500Mi"]);
    match draw.between(0, 3) {
        0 => json!({}),
        1 => json!({"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": "2Gi"}}),
        2 => json!({"requests": {"cpu": cpu}}),
        _ => json!({"requests": {"cpu": cpu, "memory": memory}}),
    }
}

fn server(draw: &mut Draw, name: &str) -> Value {
    let image = draw.one(SERVERS);
    let port = if image.starts_with("redis") { 6379 } else { 80 };
    let mut container = json!({
        "name": name,
        "image": image,
        "ports": [{"containerPort": port}],
        "resources": resources(draw),
    });
    if draw.chance(400) {
        container["readinessProbe"] = json!({
            "tcpSocket": {"port": port},
            "periodSeconds": draw.one(&[1, 3, 5]),
            "initialDelaySeconds": draw.one(&[0, 0, 4]),
        });
    }
    if draw.chance(200) {
        container["livenessProbe"] = json!({
            "httpGet": {"path": draw.one(&["/", "/", "/healthz"]), "port": port},
            "periodSeconds": draw.one(&[2, 5]),
            "failureThreshold": draw.one(&[1, 3]),
        });
    }
    if draw.chance(100) {
        container["lifecycle"] = json!({"preStop": {"exec": {"command": ["sleep", "3"]}}});
    }
    if draw.chance(120) {
        let config = draw.one(&["settings", "settings", "missing"]);
        container["envFrom"] = json!([{"configMapRef": {"name": config}}]);
    }
    container
}

fn shell(draw: &mut Draw, name: &str) -> Value {
    json!({
        "name": name,
        "image": "busybox:1.36",
        "command": ["sh", "-c", draw.one(SHELLS)],
        "resources": resources(draw),
    })
}

/// The `spec` of a pod.
fn pod_spec(draw: &mut Draw, name: &str) -> Value {
    let first = if draw.chance(750) { server(draw, name) } else { shell(draw, name) };
    let mut containers = vec![first];
    if draw.chance(120) {
        containers.push(shell(draw, "side"));
    }
    let mut spec = json!({"containers": containers});
    if draw.chance(500) {
        spec["terminationGracePeriodSeconds"] = json!(draw.one(&[0, 1, 3, 10]));
    }
    if draw.chance(150) {
        let line = draw.one(&["exit 0", "sleep 2", "exit 1"]);
        spec["initContainers"] = json!([{
            "name": "first",
            "image": "busybox:1.36",
            "command": ["sh", "-c", line],
        }]);
    }
    if draw.chance(150) {
        spec["tolerations"] = json!([{"key": "work", "operator": "Exists"}]);
    }
    if draw.chance(120) {
        spec["affinity"] = json!({"podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{
                "labelSelector": {"matchLabels": {"app": name}},
                "topologyKey": "kubernetes.io/hostname",
            }],
        }});
    }
    if draw.chance(120) {
        spec["topologySpreadConstraints"] = json!([{
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": draw.one(&["DoNotSchedule", "ScheduleAnyway"]),
            "labelSelector": {"matchLabels": {"app": name}},
        }]);
    }
    if draw.chance(60) {
        spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8088}]);
    }
    if draw.chance(60) {
        spec["priorityClassName"] = json!("system-cluster-critical");
    }
    spec
}

fn template(draw: &mut Draw, name: &str) -> Value {
    let version = draw.one(&["1", "2", "3"]);
    json!({
        "metadata": {"labels": {"app": name, "version": version}},
        "spec": pod_spec(draw, name),
    })
}

fn deployment(draw: &mut Draw) -> Value {
    let name = draw.one(DEPLOYMENTS);
    let amount =
        |draw: &mut Draw| draw.one(&[json!(0), json!(1), json!(2), json!("25%"), json!("50%")]);
    let strategy = match draw.between(0, 4) {
        0 => json!({"type": "Recreate"}),
        1 | 2 => {
            let (surge, missing) = (amount(draw), amount(draw));
            let missing = if surge == json!(0) { json!(1) } else { missing };
            json!({"rollingUpdate": {"maxSurge": surge, "maxUnavailable": missing}})
        }
        _ => json!({}),
    };
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace(draw), "labels": {"app": name}},
        "spec": {
            "replicas": draw.between(0, 6),
            "minReadySeconds": draw.one(&[0, 0, 0, 4]),
            "progressDeadlineSeconds": draw.one(&[600, 600, 20]),
            "strategy": strategy,
            "selector": {"matchLabels": {"app": name}},
            "template": template(draw, name),
        },
    })
}

fn stateful_set(draw: &mut Draw) -> Value {
    let name = draw.one(STATEFUL_SETS);
    let mut set = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace(draw)},
        "spec": {
            "serviceName": name,
            "replicas": draw.between(0, 4),
            "podManagementPolicy": draw.one(&["OrderedReady", "OrderedReady", "Parallel"]),
            "selector": {"matchLabels": {"app": name}},
            "template": template(draw, name),
        },
    });
    if draw.chance(150) {
        set["spec"]["updateStrategy"] = json!({"type": "OnDelete"});
    } else if draw.chance(150) {
        set["spec"]["updateStrategy"] = json!({"rollingUpdate": {"partition": draw.between(0, 3)}});
    }
    set
}

fn daemon_set(draw: &mut Draw) -> Value {
    let name = draw.one(DAEMON_SETS);
    let strategy = match draw.between(0, 3) {
        0 => json!({"type": "OnDelete"}),
        1 => json!({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}),
        _ => json!({}),
    };
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "updateStrategy": strategy,
            "selector": {"matchLabels": {"app": name}},
            "template": template(draw, name),
        },
    })
}

fn job_spec(draw: &mut Draw) -> Value {
    let mut template = json!({"spec": {"containers": [shell(draw, "work")]}});
    template["spec"]["restartPolicy"] = json!(draw.one(&["Never", "OnFailure"]));
    let mut spec = json!({
        "completions": draw.between(1, 4),
        "parallelism": draw.between(0, 3),
        "backoffLimit": draw.between(0, 3),
        "template": template,
    });
    if draw.chance(250) {
        spec["completionMode"] = json!("Indexed");
    }
    if draw.chance(200) {
        spec["activeDeadlineSeconds"] = json!(draw.one(&[5, 30]));
    }
    if draw.chance(300) {
        spec["ttlSecondsAfterFinished"] = json!(draw.one(&[0, 10, 60]));
    }
    spec
}

fn job(draw: &mut Draw) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": draw.one(JOBS), "namespace": namespace(draw)},
        "spec": job_spec(draw),
    })
}

fn cron_job(draw: &mut Draw) -> Value {
    json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "tick"},
        "spec": {
            "schedule": "* * * * *",
            "concurrencyPolicy": draw.one(&["Allow", "Forbid", "Replace"]),
            "jobTemplate": {"spec": job_spec(draw)},
        },
    })
}

fn service(draw: &mut Draw) -> Value {
    let name = draw.one(&["web", "api", "back", "db"]);
    let mut spec = json!({"selector": {"app": name}, "ports": [{"port": 80}]});
    match draw.between(0, 3) {
        0 => spec["clusterIP"] = json!("None"),
        1 => {
            spec["type"] = json!("NodePort");
            spec["ports"][0]["nodePort"] = json!(draw.one(&[30080, 30081]));
        }
        2 => spec["type"] = json!("NodePort"),
        _ => {}
    }
    if draw.chance(100) {
        spec["publishNotReadyAddresses"] = json!(true);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace(draw)},
        "spec": spec,
    })
}

fn config_map(draw: &mut Draw) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace(draw)},
        "data": {"MODE": draw.one(&["a", "b"])},
    })
}

fn quota(draw: &mut Draw) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "quota", "namespace": namespace(draw)},
        "spec": {"hard": {"pods": draw.one(&["3", "6", "20"])}},
    })
}

fn limits(draw: &mut Draw) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "limits", "namespace": namespace(draw)},
        "spec": {"limits": [{
            "type": "Container",
            "defaultRequest": {"cpu": "100m", "memory": "64Mi"},
        }]},
    })
}

fn budget(draw: &mut Draw) -> Value {
    let name = draw.one(DEPLOYMENTS);
    let limit = draw.one(&[json!({"minAvailable": 1}), json!({"maxUnavailable": 1})]);
    let mut spec = limit;
    spec["selector"] = json!({"matchLabels": {"app": name}});
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace(draw)},
        "spec": spec,
    })
}

fn autoscaler(draw: &mut Draw) -> Value {
    let name = draw.one(DEPLOYMENTS);
    json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 4,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "metrics": [{"type": "Resource", "resource": {
                "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50},
            }}],
        },
    })
}

fn pod(draw: &mut Draw) -> Value {
    // Its label is no workload's: a controller would adopt it.
    let name = draw.one(&["lone", "solo"]);
    let mut spec = pod_spec(draw, name);
    spec["restartPolicy"] = json!(draw.one(&["Always", "OnFailure", "Never"]));
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace(draw), "labels": {"app": name}},
        "spec": spec,
    })
}
