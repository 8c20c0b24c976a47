//! What the daemon is asked to make for a service: container, networks, volumes, and their labels.
//!
//! Models docker compose v2.40.3 `pkg/compose/create.go` and `hash.go`. Left out: GPUs, credential
//! specs, block IO, seccomp profiles.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::base::time::SimDuration;
use crate::docker::api::{
    ContainerConfig, CreateConfig, EndpointConfig, HealthConfig, HostConfig, IpamPool, Mount,
    MountKind, MountPoint, NetworkConfig, Port, PortBinding, Protocol, RestartPolicy, Ulimit,
    VolumeConfig,
};

use super::decode;
use super::project::Project;
use super::records::{NETWORK_CONFIG, SERVICE_CONFIG, VOLUME_CONFIG};
use super::values;

/// Version of Compose that is modelled, as containers carry it in a label.
pub const VERSION: &str = "2.40.3";

/// Names of the labels of Compose.
pub mod label {
    /// The project.
    pub const PROJECT: &str = "com.docker.compose.project";
    /// The service.
    pub const SERVICE: &str = "com.docker.compose.service";
    /// Number among the service's containers.
    pub const NUMBER: &str = "com.docker.compose.container-number";
    /// Whether `run` made it.
    pub const ONE_OFF: &str = "com.docker.compose.oneoff";
    /// Hash of the configuration.
    pub const HASH: &str = "com.docker.compose.config-hash";
    /// Id of the image.
    pub const IMAGE: &str = "com.docker.compose.image";
    /// Dependencies.
    pub const DEPENDS_ON: &str = "com.docker.compose.depends_on";
    /// Folder of the project.
    pub const FOLDER: &str = "com.docker.compose.project.working_dir";
    /// Files of the project.
    pub const FILES: &str = "com.docker.compose.project.config_files";
    /// Files of variables.
    pub const ENV_FILE: &str = "com.docker.compose.project.environment_file";
    /// Version of Compose.
    pub const VERSION: &str = "com.docker.compose.version";
    /// What it replaced.
    pub const REPLACE: &str = "com.docker.compose.replace";
    /// Id of a one-off.
    pub const SLUG: &str = "com.docker.compose.slug";
    /// Key of the network.
    pub const NETWORK: &str = "com.docker.compose.network";
    /// Key of the volume.
    pub const VOLUME: &str = "com.docker.compose.volume";
}

type Labels = BTreeMap<String, String>;

/// Which container of a service is made, and from what.
#[derive(Clone, Debug, Default)]
pub struct Copy {
    /// Number; 0 for a one-off.
    pub number: u32,
    /// The name under which others find it.
    pub name: String,
    /// Id of the image, if known.
    pub image_id: String,
    /// Mounts of the container that it replaces.
    pub inherited: Vec<MountPoint>,
    /// Links, `container:alias`.
    pub links: Vec<String>,
    /// Further labels.
    pub labels: Labels,
    /// Found under the service's name and aliases too.
    pub aliases: bool,
}

/// A typed service, for reading.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its keys.
    pub value: &'a Value,
}

impl<'a> Service<'a> {
    /// A key, or one below it (`deploy/replicas`).
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&'a Value> {
        pointer.split('/').try_fold(self.value, |value, step| value.get(step))
    }

    /// A text, empty if absent.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &'a str {
        self.at(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// A list of texts.
    #[must_use]
    pub fn texts(&self, pointer: &str) -> Vec<String> {
        self.list(pointer).map(values::sprint).collect()
    }

    /// The items of a list.
    pub fn list(&self, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.at(pointer).and_then(Value::as_array).into_iter().flatten()
    }

    /// The entries of a mapping.
    pub fn map(&self, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.at(pointer).and_then(Value::as_object).into_iter().flatten()
    }

    fn flag(&self, pointer: &str) -> bool {
        self.at(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    fn whole(&self, pointer: &str) -> i64 {
        match self.at(pointer) {
            Some(Value::String(text)) => text.parse().unwrap_or_default(),
            Some(value) => value.as_i64().unwrap_or_default(),
            None => 0,
        }
    }

    /// How many containers it has.
    #[must_use]
    pub fn scale(&self) -> u32 {
        let scale = self.at("scale").or_else(|| self.at("deploy/replicas"));
        let scale = scale.and_then(Value::as_i64).unwrap_or(1);
        u32::try_from(scale).unwrap_or_default()
    }

    /// The image, or the name that a build gives.
    #[must_use]
    pub fn image(&self, project: &str) -> String {
        match self.text("image") {
            "" => format!("{project}-{}", self.name),
            image => image.to_owned(),
        }
    }

    /// The name of one of its containers.
    #[must_use]
    pub fn container_name(&self, project: &str, number: u32) -> String {
        match self.text("container_name") {
            "" => format!("{project}-{}-{number}", self.name),
            name => name.to_owned(),
        }
    }

    /// Keys of its networks, by priority, then by name.
    #[must_use]
    pub fn networks(&self) -> Vec<String> {
        let mut keys: Vec<(i64, String)> = self
            .map("networks")
            .map(|(key, config)| {
                let priority = config.get("priority").and_then(Value::as_i64).unwrap_or(0);
                (-priority, key.clone())
            })
            .collect();
        keys.sort();
        keys.into_iter().map(|(_, key)| key).collect()
    }
}

/// The hash of what matters for a container of a service.
#[must_use]
pub fn service_hash(service: &Value) -> String {
    let mut value = service.clone();
    if let Value::Object(map) = &mut value {
        for key in ["build", "pull_policy", "scale", "depends_on", "profiles"] {
            map.remove(key);
        }
        if let Some(Value::Object(deploy)) = map.get_mut("deploy") {
            deploy.remove("replicas");
        }
        map.retain(|key, _| !key.starts_with("x-"));
    }
    hash(&decode::tree(&SERVICE_CONFIG, &value).compact())
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a network's configuration.
#[must_use]
pub fn network_hash(network: &Value) -> String {
    hash(&decode::tree(&NETWORK_CONFIG, network).compact())
}

/// The hash of a volume's configuration.
#[must_use]
pub fn volume_hash(volume: &Value) -> String {
    let mut value = volume.clone();
    if let Value::Object(map) = &mut value {
        map.entry("driver").or_insert(Value::String("local".to_owned()));
    }
    hash(&decode::tree(&VOLUME_CONFIG, &value).compact())
}

/// The labels of every container of a service, without those of one copy.
#[must_use]
pub fn service_labels(project: &Project, service: Service<'_>) -> Labels {
    let mut labels = texts_by_key(service.at("labels"));
    let mut add = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
    add(label::PROJECT, &project.name);
    add(label::SERVICE, service.name);
    add(label::VERSION, VERSION);
    add(label::FOLDER, &project.folder);
    add(label::FILES, &project.files.join(","));
    add(label::ONE_OFF, "False");
    if !project.env_files.is_empty() {
        add(label::ENV_FILE, &project.env_files.join(","));
    }
    let depends_on: Vec<String> = service
        .map("depends_on")
        .map(|(name, d)| {
            let condition = d.get("condition").and_then(Value::as_str).unwrap_or_default();
            let restart = d.get("restart").and_then(Value::as_bool).unwrap_or(false);
            format!("{name}:{condition}:{restart}")
        })
        .collect();
    add(label::DEPENDS_ON, &depends_on.join(","));
    labels
}

fn texts_by_key(value: Option<&Value>) -> BTreeMap<String, String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), values::sprint(value))).collect()
}

/// What the daemon is asked to make for one container.
///
/// # Errors
/// What Compose itself refuses.
pub fn container(
    project: &Project,
    service: Service<'_>,
    copy: &Copy,
) -> Result<CreateConfig, String> {
    let mut labels = service_labels(project, service);
    labels.insert(label::HASH.to_owned(), service_hash(service.value));
    if !copy.image_id.is_empty() {
        labels.insert(label::IMAGE.to_owned(), copy.image_id.clone());
    }
    if copy.number > 0 {
        labels.insert(label::NUMBER.to_owned(), copy.number.to_string());
    }
    labels.extend(copy.labels.clone());
    let command = |key: &str| service.at(key).map(|_| service.texts(key));
    let config = ContainerConfig {
        hostname: service.text("hostname").to_owned(),
        domainname: service.text("domainname").to_owned(),
        user: service.text("user").to_owned(),
        attach: [false, true, true],
        exposed_ports: exposed(service),
        tty: service.flag("tty"),
        open_stdin: service.flag("stdin_open"),
        stdin_once: false,
        env: environment(service.at("environment")),
        cmd: command("command"),
        healthcheck: service.at("healthcheck").map(|_| health(service)),
        image: service.image(&project.name),
        volumes: BTreeSet::new(),
        working_dir: service.text("working_dir").to_owned(),
        entrypoint: command("entrypoint"),
        labels,
        stop_signal: service.text("stop_signal").to_owned(),
        stop_timeout: seconds(service.text("stop_grace_period")),
    };
    let (binds, mounts) = volumes(project, service, copy);
    let (network_mode, networks) = networks(project, service, copy);
    let host = HostConfig { binds, mounts, network_mode, ..host(service, copy) };
    Ok(CreateConfig { config, host, networks, platform: service.text("platform").to_owned() })
}

fn environment(value: Option<&Value>) -> Vec<String> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries
        .map(|(key, value)| match value {
            Value::Null => key.clone(),
            value => format!("{key}={}", values::sprint(value)),
        })
        .collect()
}

fn seconds(text: &str) -> Option<i64> {
    let nanos = values::duration(text).ok().filter(|_| !text.is_empty())?;
    Some(nanos / 1_000_000_000)
}

fn span(text: &str) -> SimDuration {
    let nanos = values::duration(text).unwrap_or_default();
    SimDuration::from_micros(u64::try_from(nanos / 1_000).unwrap_or_default())
}

fn health(service: Service<'_>) -> HealthConfig {
    let disabled = service.flag("healthcheck/disable");
    let time = |key: &str| span(service.text(&format!("healthcheck/{key}")));
    HealthConfig {
        test: if disabled { vec!["NONE".to_owned()] } else { service.texts("healthcheck/test") },
        interval: time("interval"),
        timeout: time("timeout"),
        start_period: time("start_period"),
        start_interval: time("start_interval"),
        retries: u32::try_from(service.whole("healthcheck/retries")).unwrap_or_default(),
    }
}

fn port(number: &Value, protocol: &str) -> Option<Port> {
    let number = match number {
        Value::String(text) => text.parse().ok()?,
        other => u16::try_from(other.as_u64()?).ok()?,
    };
    Some(Port { number, protocol: Protocol::parse(protocol)? })
}

fn exposed(service: Service<'_>) -> BTreeSet<Port> {
    let mut ports = BTreeSet::new();
    for text in service.texts("expose") {
        let (number, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
        ports.extend(port(&Value::String(number.to_owned()), protocol));
    }
    ports.extend(service.list("ports").filter_map(published_port));
    ports
}

fn published_port(entry: &Value) -> Option<Port> {
    let protocol = entry.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
    port(entry.get("target")?, protocol)
}

fn bindings(service: Service<'_>) -> BTreeMap<Port, Vec<PortBinding>> {
    let mut bindings: BTreeMap<Port, Vec<PortBinding>> = BTreeMap::new();
    for entry in service.list("ports") {
        let Some(port) = published_port(entry) else { continue };
        let text = |key: &str| entry.get(key).map(values::sprint).unwrap_or_default();
        let binding = PortBinding { host_ip: text("host_ip"), host_port: text("published") };
        bindings.entry(port).or_default().push(binding);
    }
    bindings
}

fn restart(service: Service<'_>) -> RestartPolicy {
    let mapped = |condition: &str| match condition {
        "none" | "no" => "no".to_owned(),
        "any" | "always" => "always".to_owned(),
        other => other.to_owned(),
    };
    if let Some(policy) = service.at("deploy/restart_policy") {
        let attempts = policy.get("max_attempts").and_then(Value::as_u64).unwrap_or(0);
        let condition = policy.get("condition").and_then(Value::as_str).unwrap_or_default();
        return RestartPolicy {
            name: mapped(condition),
            maximum_retry_count: i64::try_from(attempts).unwrap_or_default(),
        };
    }
    let text = service.text("restart");
    let (name, count) = text.split_once(':').unwrap_or((text, "0"));
    RestartPolicy { name: mapped(name), maximum_retry_count: count.parse().unwrap_or_default() }
}

#[expect(clippy::float_arithmetic, reason = "Compose turns CPUs into billionths as float32")]
#[expect(clippy::cast_possible_truncation, reason = "as Compose does")]
fn nano_cpus(value: Option<&Value>) -> i64 {
    let cpus = value.and_then(Value::as_f64).unwrap_or_default() as f32;
    (cpus * 1e9) as i64
}
/// Capabilities as the engine keeps them (`caps.NormalizeLegacyCapabilities`).
fn capabilities(names: Vec<String>) -> Vec<String> {
    let whole = |name: String| {
        let name = name.to_uppercase();
        if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
    };
    names.into_iter().map(whole).collect()
}

fn host(service: Service<'_>, copy: &Copy) -> HostConfig {
    let or = |own: i64, deployed: &str| match service.whole(deployed) {
        0 => own,
        value => value,
    };
    let limit_cpus = match nano_cpus(service.at("deploy/resources/limits/cpus")) {
        0 => nano_cpus(service.at("cpus")),
        cpus => cpus,
    };
    let pids = or(service.whole("pids_limit"), "deploy/resources/limits/pids");
    let tmpfs = service.texts("tmpfs").into_iter().map(|entry| {
        let (path, options) = entry.split_once(':').unwrap_or((&entry, ""));
        (path.to_owned(), options.to_owned())
    });
    let devices = service.list("devices").map(|d| {
        let text = |key: &str| d.get(key).map(values::sprint).unwrap_or_default();
        format!("{}:{}:{}", text("source"), text("target"), text("permissions"))
    });
    HostConfig {
        tmpfs: tmpfs.collect(),
        log_driver: service.text("logging/driver").to_owned(),
        log_opts: texts_by_key(service.at("logging/options")),
        port_bindings: bindings(service),
        restart_policy: restart(service),
        volumes_from: service.texts("volumes_from"),
        cap_add: capabilities(service.texts("cap_add")),
        cap_drop: capabilities(service.texts("cap_drop")),
        dns: service.texts("dns"),
        dns_options: service.texts("dns_opt"),
        dns_search: service.texts("dns_search"),
        extra_hosts: service.texts("extra_hosts").iter().map(|h| h.replacen('=', ":", 1)).collect(),
        group_add: service.texts("group_add"),
        links: copy.links.clone(),
        ipc_mode: service.text("ipc").to_owned(),
        pid_mode: service.text("pid").to_owned(),
        uts_mode: service.text("uts").to_owned(),
        userns_mode: service.text("userns_mode").to_owned(),
        privileged: service.flag("privileged"),
        readonly_rootfs: service.flag("read_only"),
        security_opt: service.texts("security_opt"),
        shm_size: service.whole("shm_size"),
        sysctls: texts_by_key(service.at("sysctls")),
        runtime: service.text("runtime").to_owned(),
        nano_cpus: limit_cpus,
        cpu_shares: service.whole("cpu_shares"),
        cpu_quota: service.whole("cpu_quota"),
        cpu_period: service.whole("cpu_period"),
        cpuset_cpus: service.text("cpuset").to_owned(),
        memory: or(service.whole("mem_limit"), "deploy/resources/limits/memory"),
        memory_reservation: or(
            service.whole("mem_reservation"),
            "deploy/resources/reservations/memory",
        ),
        memory_swap: service.whole("memswap_limit"),
        oom_kill_disable: service.flag("oom_kill_disable"),
        oom_score_adj: service.whole("oom_score_adj"),
        pids_limit: (pids != 0).then_some(pids),
        ulimits: ulimits(service),
        devices: devices.collect(),
        init: service.at("init").and_then(Value::as_bool),
        annotations: texts_by_key(service.at("annotations")),
        ..HostConfig::default()
    }
}

fn ulimits(service: Service<'_>) -> Vec<Ulimit> {
    let one = |(name, value): (&String, &Value)| {
        let of = |key: &str| match value {
            Value::Object(limits) => limits.get(key).and_then(Value::as_i64).unwrap_or_default(),
            single => single.as_i64().unwrap_or_default(),
        };
        Ulimit { name: name.clone(), soft: of("soft"), hard: of("hard") }
    };
    service.map("ulimits").map(one).collect()
}

/// Mode of the network, and the networks with the names in them.
fn networks(
    project: &Project,
    service: Service<'_>,
    copy: &Copy,
) -> (String, BTreeMap<String, EndpointConfig>) {
    let mode = service.text("network_mode");
    if !mode.is_empty() {
        return (mode.to_owned(), BTreeMap::new());
    }
    let keys = service.networks();
    let Some(first) = keys.first() else { return ("none".to_owned(), BTreeMap::new()) };
    let real = |key: &str| {
        let network = project.model.get("networks").and_then(|n| n.get(key));
        network.and_then(|n| n.get("name")).map(values::sprint).unwrap_or_default()
    };
    let mut endpoints = BTreeMap::new();
    for key in &keys {
        let at = |field: &str| service.at("networks").and_then(|n| n.get(key)?.get(field));
        let text = |field: &str| at(field).map(values::sprint).unwrap_or_default();
        let mut aliases = vec![copy.name.clone()];
        if copy.aliases {
            aliases.push(service.name.to_owned());
            let own = at("aliases").and_then(Value::as_array).into_iter().flatten();
            aliases.extend(own.map(values::sprint));
        }
        let mut mac = text("mac_address");
        if mac.is_empty() && key == first {
            service.text("mac_address").clone_into(&mut mac);
        }
        let endpoint = EndpointConfig {
            aliases,
            links: copy.links.clone(),
            ipv4_address: text("ipv4_address"),
            ipv6_address: text("ipv6_address"),
            mac_address: mac,
            driver_opts: texts_by_key(at("driver_opts")),
            gw_priority: at("gw_priority").and_then(Value::as_i64).unwrap_or_default(),
            by_hand: false,
        };
        endpoints.insert(real(key), endpoint);
    }
    (real(first), endpoints)
}

/// Binds in the old form where it suffices, else mounts; with the anonymous volumes of before.
fn volumes(project: &Project, service: Service<'_>, copy: &Copy) -> (Vec<String>, Vec<Mount>) {
    let (mut binds, mut mounts) = (Vec::new(), Vec::new());
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let own = |target: &str| {
        let found = service.list("volumes").find(|v| v.get("target").is_some_and(|t| t == target));
        found.map(|v| v.get("source").is_some_and(|s| s != ""))
    };
    for mount in copy.inherited.iter().filter(|m| m.kind == MountKind::Volume) {
        let anonymous = mount.name.len() == 64 && mount.name.bytes().all(|b| b.is_ascii_hexdigit());
        if anonymous && own(&mount.destination) != Some(true) {
            taken.insert(mount.destination.clone());
            mounts.push(Mount {
                kind: MountKind::Volume,
                source: mount.name.clone(),
                target: mount.destination.clone(),
                read_only: !mount.rw,
                ..Mount::default()
            });
        }
    }
    for volume in service.list("volumes") {
        let text = |key: &str| volume.get(key).map(values::sprint).unwrap_or_default();
        let target = text("target");
        if taken.contains(&target) {
            continue;
        }
        let (kind, source) = (text("type"), text("source"));
        let real = project.model.get("volumes").and_then(|v| v.get(&source)?.get("name"));
        let source = real.map_or(source, values::sprint);
        let create = volume.get("bind").is_none_or(|b| b.get("create_host_path").is_some());
        let subpath = volume.get("volume").is_some_and(|v| v.get("subpath").is_some());
        let old_form = match kind.as_str() {
            "bind" => create,
            "volume" => real.is_some() && !subpath,
            _ => false,
        };
        if old_form {
            binds.push(format!("{source}:{target}:{}", options(volume)));
        } else {
            mounts.push(mount(volume, &kind, source, target));
        }
    }
    for (section, folder) in [("configs", ""), ("secrets", "/run/secrets")] {
        mounts.extend(files(project, service, section, folder));
    }
    (binds, mounts)
}

fn options(volume: &Value) -> String {
    let mut options = vec![
        if volume.get("read_only") == Some(&Value::Bool(true)) { "ro" } else { "rw" }.to_owned(),
    ];
    for key in ["selinux", "propagation"] {
        options.extend(volume.get("bind").and_then(|b| b.get(key)).map(values::sprint));
    }
    if volume.get("volume").is_some_and(|v| v.get("nocopy") == Some(&Value::Bool(true))) {
        options.push("nocopy".to_owned());
    }
    options.join(",")
}

fn mount(volume: &Value, kind: &str, source: String, target: String) -> Mount {
    let tmpfs = |key: &str| volume.get("tmpfs").and_then(|t| t.get(key)).map(values::sprint);
    Mount {
        kind: match kind {
            "bind" => MountKind::Bind,
            "tmpfs" => MountKind::Tmpfs,
            "image" => MountKind::Image,
            _ => MountKind::Volume,
        },
        source,
        target,
        read_only: volume.get("read_only") == Some(&Value::Bool(true)),
        no_copy: volume.get("volume").is_some_and(|v| v.get("nocopy").is_some()),
        subpath: volume
            .get("volume")
            .and_then(|v| v.get("subpath"))
            .map(values::sprint)
            .unwrap_or_default(),
        tmpfs_size: tmpfs("size").and_then(|s| s.parse().ok()).unwrap_or_default(),
        tmpfs_mode: tmpfs("mode").and_then(|m| m.parse().ok()).unwrap_or_default(),
        ..Mount::default()
    }
}

/// Configs and secrets that are files, as read-only mounts.
fn files(project: &Project, service: Service<'_>, section: &str, folder: &str) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for entry in service.list(section) {
        let text = |key: &str| entry.get(key).map(values::sprint).unwrap_or_default();
        let source = text("source");
        let definition = project.model.get(section).and_then(|s| s.get(&source));
        let Some(file) = definition.and_then(|d| d.get("file")).map(values::sprint) else {
            continue;
        };
        let target = match text("target") {
            t if t.is_empty() => format!("{folder}/{source}"),
            t if t.starts_with('/') => t,
            t => format!("{folder}/{t}"),
        };
        mounts.push(Mount {
            kind: MountKind::Bind,
            source: file,
            target,
            read_only: true,
            ..Mount::default()
        });
    }
    mounts
}

/// What the daemon is asked to make for a network.
#[must_use]
pub fn network(project: &Project, key: &str, network: &Value) -> NetworkConfig {
    let text = |field: &str| network.get(field).map(values::sprint).unwrap_or_default();
    let flag = |field: &str| network.get(field).and_then(Value::as_bool);
    let mut labels = texts_by_key(network.get("labels"));
    labels.insert(label::NETWORK.to_owned(), key.to_owned());
    labels.insert(label::PROJECT.to_owned(), project.name.clone());
    labels.insert(label::VERSION.to_owned(), VERSION.to_owned());
    labels.insert(label::HASH.to_owned(), network_hash(network));
    let pools = network.get("ipam").and_then(|i| i.get("config")).and_then(Value::as_array);
    let pool = |pool: &Value| {
        let text = |field: &str| pool.get(field).map(values::sprint).unwrap_or_default();
        IpamPool {
            subnet: text("subnet"),
            ip_range: text("ip_range"),
            gateway: text("gateway"),
            aux_addresses: texts_by_key(pool.get("aux_addresses")),
        }
    };
    NetworkConfig {
        name: text("name"),
        driver: text("driver"),
        internal: flag("internal").unwrap_or(false),
        attachable: flag("attachable").unwrap_or(false),
        enable_ipv6: flag("enable_ipv6"),
        ipam_driver: network
            .get("ipam")
            .and_then(|i| i.get("driver"))
            .map(values::sprint)
            .unwrap_or_default(),
        pools: pools.into_iter().flatten().map(pool).collect(),
        options: texts_by_key(network.get("driver_opts")),
        labels,
        ..NetworkConfig::default()
    }
}

/// What the daemon is asked to make for a volume.
#[must_use]
pub fn volume(project: &Project, key: &str, volume: &Value) -> VolumeConfig {
    let text = |field: &str| volume.get(field).map(values::sprint).unwrap_or_default();
    let mut labels = texts_by_key(volume.get("labels"));
    labels.insert(label::VOLUME.to_owned(), key.to_owned());
    labels.insert(label::PROJECT.to_owned(), project.name.clone());
    labels.insert(label::VERSION.to_owned(), VERSION.to_owned());
    labels.insert(label::HASH.to_owned(), volume_hash(volume));
    VolumeConfig {
        name: text("name"),
        driver: text("driver"),
        driver_opts: texts_by_key(volume.get("driver_opts")),
        labels,
    }
}

/// A service with references to other services replaced by references to their containers.
///
/// # Errors
/// Where the other service has no container.
pub fn resolved(
    service: &Value,
    container_of: &dyn Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    let mut value = service.clone();
    let Value::Object(map) = &mut value else { return Ok(value) };
    for (key, what) in [("network_mode", "network"), ("ipc", "IPC"), ("pid", "PID")] {
        let shared = text_of(map, key).and_then(|m| m.strip_prefix("service:").map(str::to_owned));
        let Some(name) = shared else { continue };
        let id = container_of(&name).ok_or_else(|| {
            format!("cannot share {what} namespace with service {name}: container missing")
        })?;
        map.insert(key.to_owned(), Value::String(format!("container:{id}")));
    }
    if let Some(Value::Array(sources)) = map.get_mut("volumes_from") {
        for source in sources {
            let text = values::sprint(source);
            let (name, rest) = text.split_once(':').unwrap_or((&text, ""));
            let id = if name == "container" {
                rest.split(':').next().unwrap_or_default().to_owned()
            } else {
                container_of(name).ok_or_else(|| {
                    format!("cannot share volume with service {name}: container missing")
                })?
            };
            *source = Value::String(id);
        }
    }
    Ok(value)
}

fn text_of(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).map(str::to_owned)
}
