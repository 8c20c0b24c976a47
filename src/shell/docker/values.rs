//! Objects of the API as `docker inspect` shows them: field names, order and what is left out.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::base::time::SimTime;
use crate::docker::api::{
    ContainerConfig, ContainerInspect, EndpointInspect, HealthConfig, HostConfig, ImageInspect,
    IpamPool, MountKind, MountPoint, NetworkInspect, Port, PortBinding, VolumeInspect,
};
use crate::docker::short;

/// `0001-01-01T00:00:00Z`: a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";

fn time(at: Option<SimTime>) -> Value {
    at.map_or_else(|| NEVER.into(), |at| at.rfc3339_nano().into())
}

/// A list; null if empty.
fn or_null(list: &[String]) -> Value {
    if list.is_empty() { Value::Nil } else { list.to_vec().into() }
}

fn list(list: &[String]) -> Value {
    list.to_vec().into()
}

fn map(map: &BTreeMap<String, String>) -> Value {
    Value::Map(map.iter().map(|(k, v)| (k.clone(), v.into())).collect())
}

fn map_or_null(values: &BTreeMap<String, String>) -> Value {
    if values.is_empty() { Value::Nil } else { map(values) }
}

fn keys<T: ToString>(keys: impl Iterator<Item = T>) -> Value {
    Value::Map(keys.map(|k| (k.to_string(), Value::Struct(Vec::new()))).collect())
}

/// A field that JSON leaves out when it is empty; templates see it all the same. [`Value`]
/// knows such a field by the question mark before its name.
fn omitted(
    name: &'static str,
    hidden: &'static str,
    empty: bool,
    value: impl Into<Value>,
) -> (&'static str, Value) {
    (if empty { hidden } else { name }, value.into())
}

/// A value, or absent.
fn unless(absent: bool, value: impl Into<Value>) -> Value {
    if absent { Value::Absent } else { value.into() }
}

fn binding(b: &PortBinding) -> Value {
    Value::object([("HostIp", (&b.host_ip).into()), ("HostPort", (&b.host_port).into())])
}

fn ports(ports: &BTreeMap<Port, Vec<PortBinding>>) -> Value {
    let entry = |(port, bindings): (&Port, &Vec<PortBinding>)| {
        let value = if bindings.is_empty() {
            Value::Nil
        } else {
            Value::List(bindings.iter().map(binding).collect())
        };
        (port.to_string(), value)
    };
    Value::Map(ports.iter().map(entry).collect())
}

/// A health check.
pub(crate) fn health(h: &HealthConfig) -> Value {
    // Durations are nanoseconds in JSON.
    let nanos = |d: crate::base::time::SimDuration| unless(d.0 == 0, d.0 * 1_000);
    Value::object([
        ("Test", unless(h.test.is_empty(), h.test.clone())),
        ("Interval", nanos(h.interval)),
        ("Timeout", nanos(h.timeout)),
        ("StartPeriod", nanos(h.start_period)),
        ("StartInterval", nanos(h.start_interval)),
        ("Retries", unless(h.retries == 0, h.retries)),
    ])
}

fn config(c: &ContainerConfig) -> Value {
    Value::object([
        ("Hostname", (&c.hostname).into()),
        ("Domainname", (&c.domainname).into()),
        ("User", (&c.user).into()),
        ("AttachStdin", c.attach[0].into()),
        ("AttachStdout", c.attach[1].into()),
        ("AttachStderr", c.attach[2].into()),
        omitted(
            "ExposedPorts",
            "?ExposedPorts",
            c.exposed_ports.is_empty(),
            keys(c.exposed_ports.iter()),
        ),
        ("Tty", c.tty.into()),
        ("OpenStdin", c.open_stdin.into()),
        ("StdinOnce", c.stdin_once.into()),
        ("Env", list(&c.env)),
        ("Cmd", c.cmd.clone().map_or(Value::Nil, Value::from)),
        ("Healthcheck", c.healthcheck.as_ref().map_or(Value::Absent, health)),
        ("Image", (&c.image).into()),
        ("Volumes", if c.volumes.is_empty() { Value::Nil } else { keys(c.volumes.iter()) }),
        ("WorkingDir", (&c.working_dir).into()),
        ("Entrypoint", c.entrypoint.clone().map_or(Value::Nil, Value::from)),
        ("OnBuild", Value::Nil),
        ("Labels", map(&c.labels)),
        omitted("StopSignal", "?StopSignal", c.stop_signal.is_empty(), &c.stop_signal),
        ("StopTimeout", c.stop_timeout.map_or(Value::Absent, Value::from)),
    ])
}

fn mode(text: &str) -> Value {
    if text == "default" || text.is_empty() { "bridge".into() } else { text.into() }
}

fn host_start(h: &HostConfig) -> Vec<(&'static str, Value)> {
    let driver = if h.log_driver.is_empty() { "json-file" } else { &h.log_driver };
    let log = Value::object([("Type", driver.into()), ("Config", map(&h.log_opts))]);
    let policy = if h.restart_policy.name.is_empty() { "no" } else { &h.restart_policy.name };
    let restart = Value::object([
        ("Name", policy.into()),
        ("MaximumRetryCount", h.restart_policy.maximum_retry_count.into()),
    ]);
    vec![
        ("Binds", or_null(&h.binds)),
        ("ContainerIDFile", "".into()),
        ("LogConfig", log),
        ("NetworkMode", mode(&h.network_mode)),
        ("PortBindings", ports(&h.port_bindings)),
        ("RestartPolicy", restart),
        ("AutoRemove", h.auto_remove.into()),
        ("VolumeDriver", "".into()),
        ("VolumesFrom", or_null(&h.volumes_from)),
        ("ConsoleSize", Value::List(vec![Value::Int(0), Value::Int(0)])),
        omitted("Annotations", "?Annotations", h.annotations.is_empty(), map(&h.annotations)),
        ("CapAdd", or_null(&h.cap_add)),
        ("CapDrop", or_null(&h.cap_drop)),
        ("CgroupnsMode", "host".into()),
        ("Dns", list(&h.dns)),
        ("DnsOptions", list(&h.dns_options)),
        ("DnsSearch", list(&h.dns_search)),
        ("ExtraHosts", or_null(&h.extra_hosts)),
        ("GroupAdd", or_null(&h.group_add)),
        ("IpcMode", if h.ipc_mode.is_empty() { "private".into() } else { (&h.ipc_mode).into() }),
        ("Cgroup", "".into()),
        ("Links", or_null(&h.links)),
        ("OomScoreAdj", h.oom_score_adj.into()),
        ("PidMode", (&h.pid_mode).into()),
        ("Privileged", h.privileged.into()),
        ("PublishAllPorts", h.publish_all_ports.into()),
        ("ReadonlyRootfs", h.readonly_rootfs.into()),
        ("SecurityOpt", or_null(&h.security_opt)),
        omitted("Tmpfs", "?Tmpfs", h.tmpfs.is_empty(), map(&h.tmpfs)),
        ("UTSMode", (&h.uts_mode).into()),
        ("UsernsMode", (&h.userns_mode).into()),
        ("ShmSize", h.shm_size.into()),
        omitted("Sysctls", "?Sysctls", h.sysctls.is_empty(), map(&h.sysctls)),
        ("Runtime", if h.runtime.is_empty() { "runc".into() } else { (&h.runtime).into() }),
        ("Isolation", "".into()),
    ]
}

/// Paths that are hidden from containers (moby `oci/defaults.go`).
const MASKED: [&str; 12] = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
];
const READONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

fn host_end(h: &HostConfig) -> Vec<(&'static str, Value)> {
    let empty = || Value::List(Vec::new());
    let ulimit = |u: &crate::docker::api::Ulimit| {
        Value::object([
            ("Name", (&u.name).into()),
            ("Hard", u.hard.into()),
            ("Soft", u.soft.into()),
        ])
    };
    let hidden = |paths: &[&str]| {
        if h.privileged {
            Value::Nil
        } else {
            Value::List(paths.iter().map(|p| Value::from(*p)).collect())
        }
    };
    let devices = h.devices.iter().map(|d| {
        let mut parts = d.split(':');
        let host = parts.next().unwrap_or("");
        Value::object([
            ("PathOnHost", host.into()),
            ("PathInContainer", parts.next().unwrap_or(host).into()),
            ("CgroupPermissions", parts.next().unwrap_or("rwm").into()),
        ])
    });
    vec![
        ("CpuShares", h.cpu_shares.into()),
        ("Memory", h.memory.into()),
        ("NanoCpus", h.nano_cpus.into()),
        ("CgroupParent", "".into()),
        ("BlkioWeight", Value::Int(0)),
        ("BlkioWeightDevice", empty()),
        ("BlkioDeviceReadBps", empty()),
        ("BlkioDeviceWriteBps", empty()),
        ("BlkioDeviceReadIOps", empty()),
        ("BlkioDeviceWriteIOps", empty()),
        ("CpuPeriod", h.cpu_period.into()),
        ("CpuQuota", h.cpu_quota.into()),
        ("CpuRealtimePeriod", Value::Int(0)),
        ("CpuRealtimeRuntime", Value::Int(0)),
        ("CpusetCpus", (&h.cpuset_cpus).into()),
        ("CpusetMems", "".into()),
        ("Devices", Value::List(devices.collect())),
        ("DeviceCgroupRules", Value::Nil),
        ("DeviceRequests", Value::Nil),
        ("MemoryReservation", h.memory_reservation.into()),
        ("MemorySwap", h.memory_swap.into()),
        ("MemorySwappiness", Value::Nil),
        ("OomKillDisable", h.oom_kill_disable.into()),
        ("PidsLimit", h.pids_limit.map_or(Value::Nil, Value::from)),
        ("Ulimits", Value::List(h.ulimits.iter().map(ulimit).collect())),
        ("CpuCount", Value::Int(0)),
        ("CpuPercent", Value::Int(0)),
        ("IOMaximumIOps", Value::Int(0)),
        ("IOMaximumBandwidth", Value::Int(0)),
        omitted(
            "Mounts",
            "?Mounts",
            h.mounts.is_empty(),
            Value::List(h.mounts.iter().map(spec).collect()),
        ),
        ("MaskedPaths", hidden(&MASKED)),
        ("ReadonlyPaths", hidden(&READONLY)),
        ("Init", h.init.map_or(Value::Absent, Value::from)),
    ]
}

fn spec(m: &crate::docker::api::Mount) -> Value {
    Value::object([
        ("Type", m.kind.as_str().into()),
        ("Source", unless(m.source.is_empty(), &m.source)),
        ("Target", (&m.target).into()),
        ("ReadOnly", unless(!m.read_only, m.read_only)),
    ])
}

fn host(h: &HostConfig) -> Value {
    let fields = host_start(h).into_iter().chain(host_end(h));
    // `Init` stands before the paths in Go's struct only when set; its place is the end.
    Value::Struct(fields.map(|(k, v)| (k.to_owned(), v)).collect())
}

fn mount(m: &MountPoint) -> Value {
    Value::object([
        ("Type", m.kind.as_str().into()),
        omitted("Name", "?Name", m.name.is_empty(), &m.name),
        ("Source", (&m.source).into()),
        ("Destination", (&m.destination).into()),
        omitted("Driver", "?Driver", m.kind != MountKind::Volume, &m.driver),
        ("Mode", (&m.mode).into()),
        ("RW", m.rw.into()),
        ("Propagation", (&m.propagation).into()),
    ])
}

fn endpoint(e: &EndpointInspect) -> Value {
    let address = |ip: Option<std::net::Ipv4Addr>| -> Value {
        ip.map_or_else(String::new, |ip| ip.to_string()).into()
    };
    let ipam = match e.wanted_ip {
        Some(ip) => Value::object([("IPv4Address", ip.to_string().into())]),
        None if e.by_hand => Value::object([]),
        None => Value::Nil,
    };
    let options = if e.by_hand { Value::object([]) } else { Value::Nil };
    Value::object([
        ("IPAMConfig", ipam),
        ("Links", or_null(&e.links)),
        ("Aliases", or_null(&e.aliases)),
        ("MacAddress", (&e.mac).into()),
        ("DriverOpts", options),
        ("GwPriority", e.gw_priority.into()),
        ("NetworkID", (&e.network_id).into()),
        ("EndpointID", (&e.endpoint_id).into()),
        ("Gateway", address(e.gateway)),
        ("IPAddress", address(e.ip)),
        ("IPPrefixLen", Value::Int(i64::from(e.prefix_len))),
        ("IPv6Gateway", "".into()),
        ("GlobalIPv6Address", "".into()),
        ("GlobalIPv6PrefixLen", Value::Int(0)),
        ("DNSNames", or_null(&e.dns_names)),
    ])
}

fn state(c: &ContainerInspect) -> Value {
    let s = &c.state;
    let health = s.health.as_ref().map_or(Value::Absent, |h| {
        let probe = |p: &crate::docker::api::ProbeResult| {
            Value::object([
                ("Start", p.start.rfc3339_nano().into()),
                ("End", p.end.rfc3339_nano().into()),
                ("ExitCode", p.exit_code.into()),
                ("Output", (&p.output).into()),
            ])
        };
        Value::object([
            ("Status", h.status.as_str().into()),
            ("FailingStreak", h.failing_streak.into()),
            ("Log", Value::List(h.log.iter().map(probe).collect())),
        ])
    });
    Value::object([
        ("Status", s.status.as_str().into()),
        ("Running", s.running.into()),
        ("Paused", s.paused.into()),
        ("Restarting", s.restarting.into()),
        ("OOMKilled", s.oom_killed.into()),
        ("Dead", s.dead.into()),
        ("Pid", s.pid.into()),
        ("ExitCode", s.exit_code.into()),
        ("Error", (&s.error).into()),
        ("StartedAt", time(s.started_at)),
        ("FinishedAt", time(s.finished_at)),
        ("Health", health),
    ])
}

fn network_settings(c: &ContainerInspect) -> Value {
    let bridge = c.networks.get("bridge").map(endpoint);
    let of_bridge = |name: &str, other: Value| {
        bridge.as_ref().and_then(|b| b.get(name)).cloned().unwrap_or(other)
    };
    let key = if c.sandbox_id.is_empty() {
        String::new()
    } else {
        format!("/run/docker/netns/{}", short(&c.sandbox_id))
    };
    let networks = c.networks.iter().map(|(name, e)| (name.clone(), endpoint(e)));
    Value::object([
        ("Bridge", "".into()),
        ("SandboxID", (&c.sandbox_id).into()),
        ("SandboxKey", key.into()),
        ("Ports", ports(&c.ports)),
        ("HairpinMode", false.into()),
        ("LinkLocalIPv6Address", "".into()),
        ("LinkLocalIPv6PrefixLen", Value::Int(0)),
        ("SecondaryIPAddresses", Value::Nil),
        ("SecondaryIPv6Addresses", Value::Nil),
        ("EndpointID", of_bridge("EndpointID", "".into())),
        ("Gateway", of_bridge("Gateway", "".into())),
        ("GlobalIPv6Address", "".into()),
        ("GlobalIPv6PrefixLen", Value::Int(0)),
        ("IPAddress", of_bridge("IPAddress", "".into())),
        ("IPPrefixLen", of_bridge("IPPrefixLen", Value::Int(0))),
        ("IPv6Gateway", "".into()),
        ("MacAddress", of_bridge("MacAddress", "".into())),
        ("Networks", Value::Map(networks.collect())),
    ])
}

/// Directories of a layer store: overlay2 names layers by random ids; these derive from `id`.
fn graph_driver(id: &str, container: bool) -> Value {
    let own = id.strip_prefix("sha256:").unwrap_or(id);
    let path = |tail: &str| Value::from(format!("/var/lib/docker/overlay2/{own}/{tail}"));
    let data = if container {
        Value::object([
            ("ID", own.into()),
            ("LowerDir", format!("/var/lib/docker/overlay2/{own}-init/diff").into()),
            ("MergedDir", path("merged")),
            ("UpperDir", path("diff")),
            ("WorkDir", path("work")),
        ])
    } else {
        Value::object([
            ("MergedDir", path("merged")),
            ("UpperDir", path("diff")),
            ("WorkDir", path("work")),
        ])
    };
    Value::object([("Data", data), ("Name", "overlay2".into())])
}

/// The file that the log driver writes, if it writes one that others may read.
fn log_path(c: &ContainerInspect) -> Value {
    match c.host.log_driver.as_str() {
        "" | "json-file" => format!("/var/lib/docker/containers/{0}/{0}-json.log", c.id).into(),
        _ => "".into(),
    }
}

/// `docker container inspect`.
pub(crate) fn container(c: &ContainerInspect) -> Value {
    let file = |name: &str| Value::from(format!("/var/lib/docker/containers/{}/{name}", c.id));
    let (rw, root) = match c.size {
        Some((own, all)) => (Value::from(own), Value::from(all)),
        None => (Value::Absent, Value::Absent),
    };
    Value::object([
        ("Id", (&c.id).into()),
        ("Created", c.created.rfc3339_nano().into()),
        ("Path", (&c.path).into()),
        ("Args", list(&c.args)),
        ("State", state(c)),
        ("Image", (&c.image).into()),
        ("ResolvConfPath", file("resolv.conf")),
        ("HostnamePath", file("hostname")),
        ("HostsPath", file("hosts")),
        ("LogPath", log_path(c)),
        ("Name", (&c.name).into()),
        ("RestartCount", c.restart_count.into()),
        ("Driver", "overlay2".into()),
        ("Platform", "linux".into()),
        ("MountLabel", "".into()),
        ("ProcessLabel", "".into()),
        ("AppArmorProfile", "".into()),
        ("ExecIDs", or_null(&c.exec_ids)),
        ("HostConfig", host(&c.host)),
        ("GraphDriver", graph_driver(&c.id, true)),
        ("SizeRw", rw),
        ("SizeRootFs", root),
        ("Mounts", Value::List(c.mounts.iter().map(mount).collect())),
        ("Config", config(&c.config)),
        ("NetworkSettings", network_settings(c)),
    ])
}

/// Time of an image; one older than the world counts back from its start.
fn image_time(at: SimTime, older_seconds: u64) -> String {
    if older_seconds == 0 {
        return at.rfc3339_nano();
    }
    super::text::before_start(older_seconds)
}

/// `docker image inspect`.
pub(crate) fn image(i: &ImageInspect) -> Value {
    let s = &i.summary;
    let c = &i.config;
    let created = image_time(s.created, s.older_seconds);
    let layers = Value::object([("Type", "layers".into()), ("Layers", list(&i.layers))]);
    // The configuration of an image is a map sorted by key.
    let config = Value::object([
        ("ArgsEscaped", true.into()),
        ("Cmd", c.cmd.clone().map_or(Value::Nil, Value::from)),
        ("Entrypoint", c.entrypoint.clone().map_or(Value::Nil, Value::from)),
        ("Env", list(&c.env)),
        ("ExposedPorts", unless(c.exposed_ports.is_empty(), keys(c.exposed_ports.iter()))),
        ("Healthcheck", c.healthcheck.as_ref().map_or(Value::Absent, health)),
        ("Labels", map_or_null(&c.labels)),
        ("OnBuild", Value::Nil),
        ("StopSignal", unless(c.stop_signal.is_empty(), &c.stop_signal)),
        ("User", (&c.user).into()),
        ("Volumes", if c.volumes.is_empty() { Value::Nil } else { keys(c.volumes.iter()) }),
        ("WorkingDir", (&c.working_dir).into()),
    ]);
    Value::object([
        ("Id", (&s.id).into()),
        ("RepoTags", list(&s.repo_tags)),
        ("RepoDigests", list(&s.repo_digests)),
        ("Parent", (&i.parent).into()),
        ("Comment", (&i.comment).into()),
        ("Created", created.clone().into()),
        ("DockerVersion", "".into()),
        ("Author", (&i.author).into()),
        ("Architecture", (&i.architecture).into()),
        ("Os", (&i.os).into()),
        ("Size", s.size.into()),
        ("GraphDriver", graph_driver(&s.id, false)),
        ("RootFS", layers),
        ("Metadata", Value::object([("LastTagTime", created.into())])),
        ("Config", config),
    ])
}

/// The same as templates see it: Go's struct, whose empty fields JSON leaves out.
pub(crate) fn image_typed(i: &ImageInspect) -> Value {
    let c = &i.config;
    let words = |words: &Option<Vec<String>>| match words {
        Some(words) if !words.is_empty() => words.clone().into(),
        _ => Value::Absent,
    };
    let config = Value::object([
        ("User", unless(c.user.is_empty(), &c.user)),
        ("ExposedPorts", unless(c.exposed_ports.is_empty(), keys(c.exposed_ports.iter()))),
        ("Env", unless(c.env.is_empty(), list(&c.env))),
        ("Entrypoint", words(&c.entrypoint)),
        ("Cmd", words(&c.cmd)),
        ("Volumes", unless(c.volumes.is_empty(), keys(c.volumes.iter()))),
        ("WorkingDir", unless(c.working_dir.is_empty(), &c.working_dir)),
        ("Labels", unless(c.labels.is_empty(), map(&c.labels))),
        ("StopSignal", unless(c.stop_signal.is_empty(), &c.stop_signal)),
        ("ArgsEscaped", true.into()),
        ("Healthcheck", c.healthcheck.as_ref().map_or(Value::Absent, health)),
        ("OnBuild", Value::Absent),
    ]);
    let Value::Struct(mut fields) = image(i) else { return Value::Nil };
    for (name, value) in &mut fields {
        if name == "Config" {
            *value = config.clone();
        }
    }
    Value::Struct(fields)
}

fn pool(p: &IpamPool) -> Value {
    Value::object([
        ("Subnet", unless(p.subnet.is_empty(), &p.subnet)),
        ("IPRange", unless(p.ip_range.is_empty(), &p.ip_range)),
        ("Gateway", unless(p.gateway.is_empty(), &p.gateway)),
        ("AuxiliaryAddresses", unless(p.aux_addresses.is_empty(), map(&p.aux_addresses))),
    ])
}

/// `docker network inspect`.
pub(crate) fn network(n: &NetworkInspect) -> Value {
    let ipam = Value::object([
        ("Driver", "default".into()),
        ("Options", n.ipam_options.as_ref().map_or(Value::Nil, map)),
        (
            "Config",
            if n.pools.is_empty() {
                Value::Nil
            } else {
                Value::List(n.pools.iter().map(pool).collect())
            },
        ),
    ]);
    let member = |(id, m): (&String, &crate::docker::api::NetworkMember)| {
        let value = Value::object([
            ("Name", (&m.name).into()),
            ("EndpointID", (&m.endpoint_id).into()),
            ("MacAddress", (&m.mac).into()),
            (
                "IPv4Address",
                if m.prefix_len == 0 {
                    "".into()
                } else {
                    format!("{}/{}", m.ip, m.prefix_len).into()
                },
            ),
            ("IPv6Address", "".into()),
        ]);
        (id.clone(), value)
    };
    Value::object([
        ("Name", (&n.name).into()),
        ("Id", (&n.id).into()),
        ("Created", n.created.rfc3339_nano().into()),
        ("Scope", (&n.scope).into()),
        ("Driver", (&n.driver).into()),
        ("EnableIPv4", true.into()),
        ("EnableIPv6", n.enable_ipv6.into()),
        ("IPAM", ipam),
        ("Internal", n.internal.into()),
        ("Attachable", n.attachable.into()),
        ("Ingress", n.ingress.into()),
        ("ConfigFrom", Value::object([("Network", "".into())])),
        ("ConfigOnly", false.into()),
        ("Containers", Value::Map(n.containers.iter().map(member).collect())),
        ("Options", map(&n.options)),
        ("Labels", map(&n.labels)),
    ])
}

/// `docker volume inspect`.
pub(crate) fn volume(v: &VolumeInspect) -> Value {
    Value::object([
        ("CreatedAt", v.created.floor_to_second().rfc3339().into()),
        ("Driver", (&v.driver).into()),
        ("Labels", v.labels.as_ref().map_or(Value::Nil, map)),
        ("Mountpoint", (&v.mountpoint).into()),
        ("Name", (&v.name).into()),
        ("Options", v.options.as_ref().map_or(Value::Nil, map)),
        ("Scope", (&v.scope).into()),
    ])
}
