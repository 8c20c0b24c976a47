//! `kubectl create deployment`, `configmap`, `secret`, …: objects from flags.
//!
//! Follows kubectl `pkg/cmd/create/create_*.go`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::apply::SEND;
use super::call::{Call, Run};
use super::create::make;
use super::create_flags::{
    BINDING_FLAGS, BUDGET_FLAGS, CLASS_FLAGS, CRON_FLAGS, DATA, DEPLOYMENT_FLAGS, INGRESS_FLAGS,
    JOB_FLAGS, OUT, QUOTA_FLAGS, REGISTRY_FLAGS, ROLE_FLAGS, SERVICE_FLAGS, TLS_FLAGS,
};
use super::expose::pairs;
use super::fail::Failure;
use super::get::with;
use super::verbs::Verb;
use crate::kube::kinds::Kind;

macro_rules! verb {
    ($name:ident, $path:literal, $usage:literal, $about:literal, $flags:expr, $required:expr,
     $run:ident) => {
        pub(super) const $name: Verb = Verb {
            path: $path,
            usage: $usage,
            about: $about,
            flags: &[SEND, OUT, $flags],
            required: $required,
            run: $run,
        };
    };
}

verb!(
    CONFIG_MAP,
    "create configmap",
    "NAME [--from-file=[key=]source] [--from-literal=key1=value1]",
    "Make a ConfigMap",
    DATA,
    &[],
    config_map
);
verb!(
    SECRET_GENERIC,
    "create secret generic",
    "NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
    "Make a Secret",
    DATA,
    &[],
    secret
);
verb!(
    SECRET_TLS,
    "create secret tls",
    "NAME --cert=path/to/cert/file --key=path/to/key/file",
    "Make a Secret of a certificate",
    TLS_FLAGS,
    &["cert", "key"],
    secret_tls
);
verb!(
    SECRET_REGISTRY,
    "create secret docker-registry",
    "NAME --docker-username=user --docker-password=password --docker-email=email",
    "Make a Secret for a registry",
    REGISTRY_FLAGS,
    &[],
    secret_registry
);
verb!(
    DEPLOYMENT,
    "create deployment",
    "NAME --image=image -- [COMMAND] [args...]",
    "Make a Deployment",
    DEPLOYMENT_FLAGS,
    &["image"],
    deployment
);
verb!(
    JOB,
    "create job",
    "NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
    "Make a Job",
    JOB_FLAGS,
    &[],
    job
);
verb!(
    CRON_JOB,
    "create cronjob",
    "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]",
    "Make a CronJob",
    CRON_FLAGS,
    &["image", "schedule"],
    cron_job
);
verb!(NAMESPACE, "create namespace", "NAME", "Make a Namespace", &[], &[], namespace);
verb!(
    SERVICE_ACCOUNT,
    "create serviceaccount",
    "NAME",
    "Make a ServiceAccount",
    &[],
    &[],
    service_account
);
verb!(
    QUOTA,
    "create quota",
    "NAME [--hard=key1=value1,key2=value2]",
    "Make a ResourceQuota",
    QUOTA_FLAGS,
    &[],
    quota
);
verb!(
    BUDGET,
    "create poddisruptionbudget",
    "NAME --selector=SELECTOR --min-available=N",
    "Make a PodDisruptionBudget",
    BUDGET_FLAGS,
    &["selector"],
    budget
);
verb!(
    PRIORITY_CLASS,
    "create priorityclass",
    "NAME --value=VALUE",
    "Make a PriorityClass",
    CLASS_FLAGS,
    &[],
    priority_class
);
verb!(
    INGRESS,
    "create ingress",
    "NAME --rule=host/path=service:port[,tls[=secret]]",
    "Make an Ingress",
    INGRESS_FLAGS,
    &[],
    ingress
);
verb!(
    ROLE,
    "create role",
    "NAME --verb=verb --resource=resource.group",
    "Make a Role",
    ROLE_FLAGS,
    &[],
    role
);
verb!(
    CLUSTER_ROLE,
    "create clusterrole",
    "NAME --verb=verb --resource=resource.group",
    "Make a ClusterRole",
    ROLE_FLAGS,
    &[],
    cluster_role
);
verb!(
    ROLE_BINDING,
    "create rolebinding",
    "NAME --clusterrole=NAME|--role=NAME [--user=username]",
    "Make a RoleBinding",
    BINDING_FLAGS,
    &[],
    role_binding
);
verb!(
    SERVICE_CLUSTER_IP,
    "create service clusterip",
    "NAME [--tcp=<port>:<targetPort>]",
    "Make a Service inside of the cluster",
    SERVICE_FLAGS,
    &[],
    cluster_ip
);
verb!(
    SERVICE_NODE_PORT,
    "create service nodeport",
    "NAME [--tcp=port:targetPort]",
    "Make a Service at a port of the nodes",
    SERVICE_FLAGS,
    &[],
    node_port
);
verb!(
    SERVICE_LOAD_BALANCER,
    "create service loadbalancer",
    "NAME [--tcp=port:targetPort]",
    "Make a Service behind a load balancer",
    SERVICE_FLAGS,
    &[],
    load_balancer
);
verb!(
    SERVICE_EXTERNAL_NAME,
    "create service externalname",
    "NAME --external-name external.name",
    "Make a Service that stands for a name",
    SERVICE_FLAGS,
    &["external-name"],
    external_name
);

/// The one name that is given, and the words behind `--`.
fn name(call: &Call<'_, '_>, path: &str) -> Result<(String, Vec<String>), Failure> {
    let (before, after) = call.flags.split();
    let [name] = before else {
        let message = format!("exactly one NAME is required, got {}", before.len());
        return Err(Failure::usage(path, message));
    };
    Ok((name.clone(), after.to_vec()))
}

fn base(version: &str, kind: &str, name: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}})
}

/// Add a field when there is something in it.
fn put(value: &mut Value, key: &str, field: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), field);
    }
}

fn namespace(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create namespace")?;
    let mut value = base("v1", "Namespace", &name);
    put(&mut value, "spec", json!({}));
    put(&mut value, "status", json!({}));
    make(call, Kind::Namespace, value, false).map(|_| ())
}

fn service_account(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create serviceaccount")?;
    make(call, Kind::ServiceAccount, base("v1", "ServiceAccount", &name), true).map(|_| ())
}

/// The container of a command, named after its image.
fn container(image: &str, command: &[String]) -> Value {
    let last = image.rsplit('/').next().unwrap_or(image);
    let short = last.split([':', '@']).next().unwrap_or(last);
    let mut value =
        json!({"image": image, "name": short.replace(['_', '.'], "-"), "resources": {}});
    if !command.is_empty() {
        put(&mut value, "command", json!(command));
    }
    value
}

fn deployment(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, command) = name(call, "create deployment")?;
    let images = call.flags.all("image").to_vec();
    if images.len() > 1 && !command.is_empty() {
        let message = "cannot specify multiple --image options and command";
        return Err(Failure::plain(message).into());
    }
    let mut containers: Vec<Value> = images.iter().map(|i| container(i, &command)).collect();
    let port = call.flags.int("port");
    if let Some(first) = containers.first_mut().filter(|_| port >= 0) {
        put(first, "ports", json!([{"containerPort": port}]));
    }
    let labels = json!({"app": name});
    let mut value = base("apps/v1", "Deployment", &name);
    value = with(value, &["metadata", "labels"], labels.clone());
    put(
        &mut value,
        "spec",
        json!({
            "replicas": call.flags.int("replicas"),
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        }),
    );
    put(&mut value, "status", json!({}));
    make(call, Kind::Deployment, value, true).map(|_| ())
}

fn job(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, command) = name(call, "create job")?;
    let (image, from) = (call.flags.text("image").to_owned(), call.flags.text("from").to_owned());
    if image.is_empty() == from.is_empty() {
        let message = "either --image or --from must be specified";
        return Err(Failure::plain(message).into());
    }
    let mut value = base("batch/v1", "Job", &name);
    if from.is_empty() {
        let named = with(container(&image, &command), &["name"], json!(name));
        let spec = json!({"template": {"metadata": {}, "spec": {
            "containers": [named], "restartPolicy": "Never"}}});
        put(&mut value, "spec", spec);
        put(&mut value, "status", json!({}));
        return make(call, Kind::Job, value, true).map(|_| ());
    }
    let found = call.find(std::slice::from_ref(&from), true)?;
    if let Some(failure) = Failure::of(found.failures) {
        return Err(failure.into());
    }
    let Some(cron) = found.objects.first().filter(|o| o.kind() == Kind::CronJob) else {
        return Err(Failure::plain(format!("from must be an existing cronjob: {from}")).into());
    };
    let source = cron.to_value();
    let template = source.pointer("/spec/jobTemplate").cloned().unwrap_or(Value::Null);
    let mut annotations = Map::new();
    annotations.insert("cronjob.kubernetes.io/instantiate".to_owned(), json!("manual"));
    let own = template.pointer("/metadata/annotations").and_then(Value::as_object);
    annotations.extend(own.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
    value = with(value, &["metadata", "annotations"], Value::Object(annotations));
    if let Some(labels) = template.pointer("/metadata/labels") {
        value = with(value, &["metadata", "labels"], labels.clone());
    }
    let owner = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": cron.name(),
                        "uid": cron.uid(), "controller": true}]);
    value = with(value, &["metadata", "ownerReferences"], owner);
    put(&mut value, "spec", template.get("spec").cloned().unwrap_or(Value::Null));
    make(call, Kind::Job, value, true).map(|_| ())
}

fn cron_job(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, command) = name(call, "create cronjob")?;
    let image = call.flags.text("image").to_owned();
    let named = with(container(&image, &command), &["name"], json!(name));
    let mut value = base("batch/v1", "CronJob", &name);
    put(
        &mut value,
        "spec",
        json!({
            "jobTemplate": {"metadata": {"name": name}, "spec": {"template": {"metadata": {},
                "spec": {"containers": [named], "restartPolicy": call.flags.text("restart")}}}},
            "schedule": call.flags.text("schedule")
        }),
    );
    put(&mut value, "status", json!({}));
    make(call, Kind::CronJob, value, true).map(|_| ())
}

/// Keys and values of `--from-literal`, `--from-file` and `--from-env-file`.
fn data(call: &mut Call<'_, '_>) -> Run<Map<String, Value>> {
    let mut found = Map::new();
    let mut put = |key: &str, text: &str| -> Result<(), Failure> {
        if found.insert(key.to_owned(), json!(text)).is_some() {
            return Err(Failure::plain(format!(
                "cannot add key \"{key}\", another key by that name already exists in Data"
            )));
        }
        Ok(())
    };
    for pair in call.flags.all("from-literal").to_vec() {
        let Some((key, value)) = pair.split_once('=').filter(|(k, _)| !k.is_empty()) else {
            return Err(Failure::plain(format!(
                "invalid literal source {pair}, expected key=value"
            ))
            .into());
        };
        put(key, value.trim_matches(['"', '\'']))?;
    }
    for source in call.flags.all("from-file").to_vec() {
        let (key, path) = match source.split_once('=') {
            Some((key, path)) => (key.to_owned(), path.to_owned()),
            None => (source.rsplit('/').next().unwrap_or("").to_owned(), source.clone()),
        };
        if let Some(names) = call.dir(&path)? {
            for name in names {
                if let Some(text) = call.file(&format!("{path}/{name}"))? {
                    put(&name, &text)?;
                }
            }
            continue;
        }
        match call.file(&path)? {
            Some(text) => put(&key, &text)?,
            None => {
                let message = format!("error reading {path}: no such file or directory");
                return Err(Failure::plain(message).into());
            }
        }
    }
    for path in call.flags.all("from-env-file").to_vec() {
        let Some(text) = call.file(&path)? else {
            let message = format!("error reading {path}: no such file or directory");
            return Err(Failure::plain(message).into());
        };
        for line in text.lines().map(str::trim_start).filter(|l| !l.is_empty()) {
            if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                put(key, value)?;
            }
        }
    }
    Ok(found)
}

fn config_map(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create configmap")?;
    let data = data(call)?;
    let mut value = base("v1", "ConfigMap", &name);
    if !data.is_empty() {
        put(&mut value, "data", Value::Object(data));
    }
    make(call, Kind::ConfigMap, value, true).map(|_| ())
}

fn encoded(data: Map<String, Value>) -> Value {
    let encode = |v: Value| json!(STANDARD.encode(v.as_str().unwrap_or("")));
    Value::Object(data.into_iter().map(|(k, v)| (k, encode(v))).collect())
}

fn secret(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create secret generic")?;
    let data = data(call)?;
    let mut value = base("v1", "Secret", &name);
    if !data.is_empty() {
        put(&mut value, "data", encoded(data));
    }
    if let Some(kind) = call.flags.some("type") {
        put(&mut value, "type", json!(kind));
    }
    make(call, Kind::Secret, value, true).map(|_| ())
}

fn secret_tls(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create secret tls")?;
    let mut data = Map::new();
    for (flag, key) in [("cert", "tls.crt"), ("key", "tls.key")] {
        let path = call.flags.text(flag).to_owned();
        let Some(text) = call.file(&path)? else {
            let message =
                format!("Cannot read file {path}, open {path}: no such file or directory");
            return Err(Failure::plain(message).into());
        };
        data.insert(key.to_owned(), json!(&*text));
    }
    let mut value = base("v1", "Secret", &name);
    put(&mut value, "data", encoded(data));
    put(&mut value, "type", json!("kubernetes.io/tls"));
    make(call, Kind::Secret, value, true).map(|_| ())
}

fn secret_registry(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create secret docker-registry")?;
    let text = |flag: &str| call.flags.text(flag).to_owned();
    let (server, user, password) =
        (text("docker-server"), text("docker-username"), text("docker-password"));
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let mut entry = json!({"username": user, "password": password, "auth": auth});
    if let Some(email) = call.flags.some("docker-email") {
        put(&mut entry, "email", json!(email));
    }
    let mut data = Map::new();
    let config = json!({"auths": {server: entry}}).to_string();
    data.insert(".dockerconfigjson".to_owned(), json!(config));
    let mut value = base("v1", "Secret", &name);
    put(&mut value, "data", encoded(data));
    put(&mut value, "type", json!("kubernetes.io/dockerconfigjson"));
    make(call, Kind::Secret, value, true).map(|_| ())
}

fn cluster_ip(call: &mut Call<'_, '_>) -> Run<()> {
    service(call, "clusterip", "ClusterIP")
}

fn node_port(call: &mut Call<'_, '_>) -> Run<()> {
    service(call, "nodeport", "NodePort")
}

fn load_balancer(call: &mut Call<'_, '_>) -> Run<()> {
    service(call, "loadbalancer", "LoadBalancer")
}

fn external_name(call: &mut Call<'_, '_>) -> Run<()> {
    service(call, "externalname", "ExternalName")
}

fn service(call: &mut Call<'_, '_>, word: &str, kind: &str) -> Run<()> {
    let (name, _) = name(call, &format!("create service {word}"))?;
    let mut ports = Vec::new();
    for text in call.flags.all("tcp") {
        let (port, target) = text.split_once(':').unwrap_or((text, text));
        let Ok(number) = port.parse::<u16>() else {
            return Err(Failure::plain(format!(
                "strconv.Atoi: parsing \"{port}\": invalid syntax"
            ))
            .into());
        };
        let target = target.parse::<u16>().map_or_else(|_| json!(target), |n| json!(n));
        let mut one = json!({
            "name": text.replace(':', "-"), "port": number, "protocol": "TCP",
            "targetPort": target
        });
        let node = call.flags.int("node-port");
        if node > 0 {
            put(&mut one, "nodePort", json!(node));
        }
        ports.push(one);
    }
    let headless = call.flags.text("clusterip") == "None";
    if ports.is_empty() && kind != "ExternalName" && !headless {
        return Err(Failure::plain("at least one tcp port specifier must be provided").into());
    }
    let mut spec = json!({"selector": {"app": name}, "type": kind});
    if !ports.is_empty() {
        put(&mut spec, "ports", json!(ports));
    }
    if let Some(ip) = call.flags.some("clusterip") {
        put(&mut spec, "clusterIP", json!(ip));
    }
    if let Some(external) = call.flags.some("external-name") {
        put(&mut spec, "externalName", json!(external));
    }
    let mut value = base("v1", "Service", &name);
    value = with(value, &["metadata", "labels"], json!({"app": name}));
    put(&mut value, "spec", spec);
    put(&mut value, "status", json!({"loadBalancer": {}}));
    make(call, Kind::Service, value, true).map(|_| ())
}

fn quota(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create quota")?;
    let hard = pairs(call.flags.text("hard"))?;
    let mut spec = json!({"hard": hard});
    if let Some(scopes) = call.flags.some("scopes") {
        put(&mut spec, "scopes", json!(scopes.split(',').collect::<Vec<_>>()));
    }
    let mut value = base("v1", "ResourceQuota", &name);
    put(&mut value, "spec", spec);
    put(&mut value, "status", json!({}));
    make(call, Kind::ResourceQuota, value, true).map(|_| ())
}

fn number_or_text(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| json!(text), |n| json!(n))
}

fn budget(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create poddisruptionbudget")?;
    let (min, max) = (call.flags.some("min-available"), call.flags.some("max-unavailable"));
    let mut spec = json!({"selector": {"matchLabels": pairs(call.flags.text("selector"))?}});
    match (min, max) {
        (Some(min), None) => put(&mut spec, "minAvailable", number_or_text(min)),
        (None, Some(max)) => put(&mut spec, "maxUnavailable", number_or_text(max)),
        (None, None) => {
            let message = "one of min-available or max-unavailable must be specified";
            return Err(Failure::plain(message).into());
        }
        (Some(_), Some(_)) => {
            let message = "min-available and max-unavailable cannot be both specified";
            return Err(Failure::plain(message).into());
        }
    }
    let mut value = base("policy/v1", "PodDisruptionBudget", &name);
    put(&mut value, "spec", spec);
    put(&mut value, "status", json!({}));
    make(call, Kind::PodDisruptionBudget, value, true).map(|_| ())
}

fn priority_class(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create priorityclass")?;
    let mut value = base("scheduling.k8s.io/v1", "PriorityClass", &name);
    put(&mut value, "value", json!(call.flags.int("value")));
    put(&mut value, "preemptionPolicy", json!(call.flags.text("preemption-policy")));
    if call.flags.on("global-default") {
        put(&mut value, "globalDefault", json!(true));
    }
    if let Some(text) = call.flags.some("description") {
        put(&mut value, "description", json!(text));
    }
    make(call, Kind::PriorityClass, value, true).map(|_| ())
}

fn ingress(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create ingress")?;
    let mut rules: Vec<(String, Vec<Value>)> = Vec::new();
    let mut tls = Vec::new();
    for text in call.flags.all("rule") {
        let bad = || {
            Failure::plain(format!(
                "rule {text} is invalid and should be in format \
                 host/path=svcname:svcport[,tls[=secret]]"
            ))
        };
        let (rule, secure) = text.split_once(',').unwrap_or((text, ""));
        let (place, target) = rule.split_once('=').ok_or_else(bad)?;
        let slash = place.find('/').ok_or_else(bad)?;
        let (host, path) = place.split_at(slash);
        let (path, kind) = match path.strip_suffix('*') {
            Some(path) => (path, "Prefix"),
            None => (path, "Exact"),
        };
        let backend = backend(target).ok_or_else(bad)?;
        let one = json!({"path": path, "pathType": kind, "backend": backend});
        match rules.iter_mut().find(|(h, _)| h == host) {
            Some((_, paths)) => paths.push(one),
            None => rules.push((host.to_owned(), vec![one])),
        }
        if let Some(secret) = secure.strip_prefix("tls") {
            let mut entry = json!({"hosts": [host]});
            if let Some(secret) = secret.strip_prefix('=') {
                put(&mut entry, "secretName", json!(secret));
            }
            tls.push(entry);
        }
    }
    let mut spec = json!({});
    if let Some(class) = call.flags.some("class") {
        put(&mut spec, "ingressClassName", json!(class));
    }
    if let Some(text) = call.flags.some("default-backend") {
        let found = backend(text);
        let found = found.ok_or_else(|| {
            Failure::plain("default-backend should be in format servicename:serviceport")
        })?;
        put(&mut spec, "defaultBackend", found);
    }
    let rules: Vec<Value> = rules
        .into_iter()
        .map(|(host, paths)| match host.as_str() {
            "" => json!({"http": {"paths": paths}}),
            host => json!({"host": host, "http": {"paths": paths}}),
        })
        .collect();
    if rules.is_empty() && spec.get("defaultBackend").is_none() {
        let message = "not enough information provided: every ingress has to either specify a \
                       default-backend (which catches all traffic) or a list of rules (which \
                       catch specific paths)";
        return Err(Failure::plain(message).into());
    }
    if !rules.is_empty() {
        put(&mut spec, "rules", json!(rules));
    }
    if !tls.is_empty() {
        put(&mut spec, "tls", json!(tls));
    }
    let mut value = base("networking.k8s.io/v1", "Ingress", &name);
    let annotations = call.flags.all("annotation");
    if !annotations.is_empty() {
        let map = pairs(&annotations.join(","))?;
        value = with(value, &["metadata", "annotations"], Value::Object(map));
    }
    put(&mut value, "spec", spec);
    put(&mut value, "status", json!({"loadBalancer": {}}));
    make(call, Kind::Ingress, value, true).map(|_| ())
}

fn backend(text: &str) -> Option<Value> {
    let (service, port) = text.split_once(':')?;
    let port = match port.parse::<u16>() {
        Ok(number) => json!({"number": number}),
        Err(_) => json!({"name": port}),
    };
    Some(json!({"service": {"name": service, "port": port}}))
}

fn rules(call: &Call<'_, '_>) -> Result<Vec<Value>, Failure> {
    let verbs = call.flags.all("verb");
    if verbs.is_empty() {
        return Err(Failure::plain("at least one verb must be specified"));
    }
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for resource in call.flags.all("resource") {
        let Some(kind) = Kind::parse(resource) else {
            return Err(Failure::plain(format!(
                "the server doesn't have a resource type \"{resource}\""
            )));
        };
        let info = kind.info();
        match groups.iter_mut().find(|(g, _)| *g == info.group) {
            Some((_, list)) => list.push(info.plural),
            None => groups.push((info.group, vec![info.plural])),
        }
    }
    if groups.is_empty() {
        return Err(Failure::plain("at least one resource must be specified"));
    }
    let names = call.flags.all("resource-name");
    Ok(groups
        .into_iter()
        .map(|(group, resources)| {
            let mut rule = json!({"apiGroups": [group], "resources": resources, "verbs": verbs});
            if !names.is_empty() {
                put(&mut rule, "resourceNames", json!(names));
            }
            rule
        })
        .collect())
}

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn role(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create role")?;
    let mut value = base(RBAC, "Role", &name);
    put(&mut value, "rules", json!(rules(call)?));
    make(call, Kind::Role, value, true).map(|_| ())
}

fn cluster_role(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create clusterrole")?;
    let mut value = base(RBAC, "ClusterRole", &name);
    put(&mut value, "rules", json!(rules(call)?));
    make(call, Kind::ClusterRole, value, true).map(|_| ())
}

fn role_binding(call: &mut Call<'_, '_>) -> Run<()> {
    let (name, _) = name(call, "create rolebinding")?;
    let (kind, role) = match (call.flags.some("clusterrole"), call.flags.some("role")) {
        (Some(role), None) => ("ClusterRole", role),
        (None, Some(role)) => ("Role", role),
        _ => {
            let message = "exactly one of clusterrole or role must be specified";
            return Err(Failure::plain(message).into());
        }
    };
    let mut subjects = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        for name in call.flags.all(flag) {
            subjects
                .push(json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}));
        }
    }
    for text in call.flags.all("serviceaccount") {
        let Some((namespace, account)) = text.split_once(':') else {
            let message = "serviceaccount must be <namespace>:<name>";
            return Err(Failure::plain(message).into());
        };
        subjects.push(json!({"kind": "ServiceAccount", "name": account, "namespace": namespace}));
    }
    let mut value = base(RBAC, "RoleBinding", &name);
    put(
        &mut value,
        "roleRef",
        json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}),
    );
    put(&mut value, "subjects", json!(subjects));
    make(call, Kind::RoleBinding, value, true).map(|_| ())
}
