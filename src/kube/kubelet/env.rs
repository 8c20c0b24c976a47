//! The environment of a container: literal values, references, service links, `$(VAR)`.
//!
//! Models kubernetes `pkg/kubelet/kubelet_pods.go` makeEnvironmentVariables, `envvars.go` and
//! `third_party/forked/golang/expansion`. Left out: fileKeyRef.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use super::downward;

/// Key and value pairs of a ConfigMap or Secret.
pub type Data = BTreeMap<String, Arc<str>>;

/// Where references are looked up. Functions return `None` for objects that do not exist.
pub struct Sources<'a> {
    /// The pod.
    pub pod: &'a core::Pod,
    /// Its addresses as the kubelet knows them now.
    pub addresses: downward::Addresses<'a>,
    /// A ConfigMap of the pod's namespace.
    pub config_map: &'a dyn Fn(&str) -> Option<Data>,
    /// A Secret of the pod's namespace.
    pub secret: &'a dyn Fn(&str) -> Option<Data>,
    /// Variables that announce services.
    pub services: Vec<(String, String)>,
}

/// The variables of a container, in order.
///
/// # Errors
/// The message of `CreateContainerConfigError`.
pub fn resolve(
    container: &core::Container,
    sources: &Sources<'_>,
) -> Result<Vec<(String, String)>, String> {
    let mut result: Vec<(String, String)> = Vec::new();
    let mut known: BTreeMap<String, String> = sources.services.iter().cloned().collect();
    for from in container.env_from.iter().flatten() {
        let prefix = from.prefix.as_deref().unwrap_or("");
        for (key, value) in whole_object(from, sources)? {
            set(&mut result, &mut known, format!("{prefix}{key}"), value.to_string());
        }
    }
    for var in container.env.iter().flatten() {
        let value = match &var.value_from {
            None => Some(expand(var.value.as_deref().unwrap_or(""), &known)),
            Some(from) => reference(container, from, sources)?,
        };
        if let Some(value) = value {
            set(&mut result, &mut known, var.name.clone(), value);
        }
    }
    for (name, value) in &sources.services {
        if !result.iter().any(|(have, _)| have == name) {
            result.push((name.clone(), value.clone()));
        }
    }
    Ok(result)
}

fn set(
    result: &mut Vec<(String, String)>,
    known: &mut BTreeMap<String, String>,
    name: String,
    value: String,
) {
    known.insert(name.clone(), value.clone());
    match result.iter_mut().find(|(have, _)| *have == name) {
        Some(slot) => slot.1 = value,
        None => result.push((name, value)),
    }
}

fn whole_object(from: &core::EnvFromSource, sources: &Sources<'_>) -> Result<Data, String> {
    if let Some(map) = &from.config_map_ref {
        return match (sources.config_map)(&map.name) {
            Some(data) => Ok(data),
            None if map.optional == Some(true) => Ok(Data::new()),
            None => Err(format!("configmap \"{}\" not found", map.name)),
        };
    }
    if let Some(secret) = &from.secret_ref {
        return match (sources.secret)(&secret.name) {
            Some(data) => Ok(data),
            None if secret.optional == Some(true) => Ok(Data::new()),
            None => Err(format!("secret \"{}\" not found", secret.name)),
        };
    }
    Ok(Data::new())
}

/// The value of a `valueFrom`; `None` for an optional reference that is missing.
fn reference(
    container: &core::Container,
    from: &core::EnvVarSource,
    sources: &Sources<'_>,
) -> Result<Option<String>, String> {
    let namespace = sources.pod.metadata.namespace.as_deref().unwrap_or("");
    if let Some(field) = &from.field_ref {
        return Ok(Some(downward::field(sources.pod, &field.field_path, &sources.addresses)));
    }
    if let Some(field) = &from.resource_field_ref {
        return Ok(Some(downward::resource(container, field)));
    }
    if let Some(key) = &from.config_map_key_ref {
        let optional = key.optional == Some(true);
        return match (sources.config_map)(&key.name) {
            None if optional => Ok(None),
            None => Err(format!("configmap \"{}\" not found", key.name)),
            Some(data) => match data.get(&key.key) {
                Some(value) => Ok(Some(value.to_string())),
                None if optional => Ok(None),
                None => {
                    let (key, name) = (&key.key, &key.name);
                    Err(format!("couldn't find key {key} in ConfigMap {namespace}/{name}"))
                }
            },
        };
    }
    if let Some(key) = &from.secret_key_ref {
        let optional = key.optional == Some(true);
        return match (sources.secret)(&key.name) {
            None if optional => Ok(None),
            None => Err(format!("secret \"{}\" not found", key.name)),
            Some(data) => match data.get(&key.key) {
                Some(value) => Ok(Some(value.to_string())),
                None if optional => Ok(None),
                None => {
                    let (key, name) = (&key.key, &key.name);
                    Err(format!("couldn't find key {key} in Secret {namespace}/{name}"))
                }
            },
        };
    }
    Ok(Some(String::new()))
}

/// Replace `$(NAME)` by its value; `$$` is a dollar sign; unknown names stay as they are.
#[must_use]
pub fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, tail) = rest.split_at(at);
        result.push_str(before);
        let after = tail.get(1..).unwrap_or("");
        if let Some(more) = after.strip_prefix('$') {
            result.push('$');
            rest = more;
        } else if let Some((name, more)) =
            after.strip_prefix('(').and_then(|inner| inner.split_once(')'))
        {
            match known.get(name) {
                Some(value) => result.push_str(value),
                None => {
                    result.push_str("$(");
                    result.push_str(name);
                    result.push(')');
                }
            }
            rest = more;
        } else {
            result.push('$');
            rest = after;
        }
    }
    result.push_str(rest);
    result
}

/// The variables that announce a service (`WEB_SERVICE_HOST` …); none for headless ones.
#[must_use]
pub fn service_variables(service: &core::Service) -> Vec<(String, String)> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let ip = spec.cluster_ip.as_deref().unwrap_or("");
    let ports = spec.ports.as_deref().unwrap_or(&[]);
    let Some(first) = ports.first() else { return Vec::new() };
    if ip.is_empty() || ip == "None" {
        return Vec::new();
    }
    let upper = |text: &str| text.to_ascii_uppercase().replace('-', "_");
    let name = upper(service.metadata.name.as_deref().unwrap_or(""));
    let mut vars = vec![
        (format!("{name}_SERVICE_HOST"), ip.to_owned()),
        (format!("{name}_SERVICE_PORT"), first.port.to_string()),
    ];
    for port in ports {
        if let Some(port_name) = port.name.as_deref().filter(|n| !n.is_empty()) {
            let key = format!("{name}_SERVICE_PORT_{}", upper(port_name));
            vars.push((key, port.port.to_string()));
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let proto = port.protocol.as_deref().unwrap_or("TCP");
        let lower = proto.to_ascii_lowercase();
        let url = format!("{lower}://{ip}:{}", port.port);
        if index == 0 {
            vars.push((format!("{name}_PORT"), url.clone()));
        }
        let stem = format!("{name}_PORT_{}_{}", port.port, proto.to_ascii_uppercase());
        vars.push((stem.clone(), url));
        vars.push((format!("{stem}_PROTO"), lower));
        vars.push((format!("{stem}_PORT"), port.port.to_string()));
        vars.push((format!("{stem}_ADDR"), ip.to_owned()));
    }
    vars
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<String, String> {
        [("A", "1"), ("B", "x y")].iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
    }

    #[test]
    fn expansion() {
        for (text, want) in [
            ("$(A)-$(B)", "1-x y"),
            ("$$(A)", "$(A)"),
            ("$(NOPE)", "$(NOPE)"),
            ("$A costs 5$", "$A costs 5$"),
            ("$(A", "$(A"),
            ("", ""),
        ] {
            assert_eq!(expand(text, &known()), want);
        }
    }

    #[test]
    fn missing_references() {
        let pod = core::Pod {
            metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
                namespace: Some("ns".into()),
                ..Default::default()
            },
            ..Default::default()
        };
        let data: Data = [("k".to_owned(), Arc::from("v"))].into();
        let map = |name: &str| (name == "cfg").then(|| data.clone());
        let sources = Sources {
            pod: &pod,
            addresses: downward::Addresses::default(),
            config_map: &map,
            secret: &|_| None,
            services: vec![("S".to_owned(), "1".to_owned())],
        };
        let var = |name: &str, key: &str, optional: bool| core::EnvVar {
            name: "X".to_owned(),
            value_from: Some(core::EnvVarSource {
                config_map_key_ref: Some(core::ConfigMapKeySelector {
                    name: name.to_owned(),
                    key: key.to_owned(),
                    optional: Some(optional),
                }),
                ..Default::default()
            }),
            ..Default::default()
        };
        let run = |env: core::EnvVar| {
            let c = core::Container { env: Some(vec![env]), ..Default::default() };
            resolve(&c, &sources)
        };
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(run(var("cfg", "k", false)), Ok(vec![pair("X", "v"), pair("S", "1")]));
        assert_eq!(run(var("cfg", "z", true)), Ok(vec![pair("S", "1")]));
        let text = "couldn't find key z in ConfigMap ns/cfg";
        assert_eq!(run(var("cfg", "z", false)), Err(text.to_owned()));
        assert_eq!(run(var("no", "k", false)), Err("configmap \"no\" not found".to_owned()));
    }
}
