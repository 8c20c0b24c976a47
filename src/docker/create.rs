//! `POST /containers/create` (moby `daemon/create.go`, `daemon/daemon_unix.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::base::message::Message;
use crate::base::time::SimDuration;
use crate::docker::api::{
    ApiError, ContainerConfig, CreateConfig, EndpointConfig, HealthConfig, HostConfig, Port,
    Protocol, Reply,
};
use crate::docker::container::{Container, Endpoint};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::health::{self, Check};
use crate::docker::mounts::{Planned, to_machine};
use crate::docker::reference::ImageRef;
use crate::docker::restart::{self, RestartManager};
use crate::docker::{names, networks};
use crate::machine::{ContainerSpec, Healthcheck, Image, ImageConfig, Namespace};
use crate::posix::Powers;

/// Least memory limit (`linuxMinMemory`).
const MIN_MEMORY: i64 = 6 << 20;
/// Log drivers of this engine (`docker info`).
const LOG_DRIVERS: [&str; 9] =
    ["", "json-file", "local", "none", "syslog", "journald", "gelf", "fluentd", "awslogs"];
/// Options of the drivers that write files (`ValidateLogOpt`).
const LOG_OPTIONS: [&str; 8] =
    ["compress", "env", "env-regex", "labels", "labels-regex", "max-file", "max-size", "tag"];
/// Options of the system's log.
const SYSLOG_OPTIONS: [&str; 12] = [
    "env",
    "env-regex",
    "labels",
    "labels-regex",
    "syslog-address",
    "syslog-facility",
    "syslog-format",
    "syslog-tls-ca-cert",
    "syslog-tls-cert",
    "syslog-tls-key",
    "syslog-tls-skip-verify",
    "tag",
];
/// Capabilities of Linux, without `CAP_`.
const CAPABILITIES: &str = "ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF \
    CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL \
    LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST \
    NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE \
    SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM";

/// The name of a log driver and the options that it knows; those of other machines' services are
/// taken as they come.
fn log_options(driver: &str) -> Option<(&str, &'static [&'static str])> {
    match driver {
        "" => Some(("json-file", &LOG_OPTIONS)),
        "json-file" | "local" => Some((driver, &LOG_OPTIONS)),
        "syslog" => Some((driver, &SYSLOG_OPTIONS)),
        _ => None,
    }
}

/// The image's health check in API form.
pub(crate) fn health_of(image: Option<&Healthcheck>) -> Option<HealthConfig> {
    let image = image?;
    let or = |d: Option<SimDuration>| d.unwrap_or_default();
    Some(HealthConfig {
        test: image.test.clone(),
        interval: or(image.interval),
        timeout: or(image.timeout),
        start_period: or(image.start_period),
        start_interval: or(image.start_interval),
        retries: image.retries.unwrap_or(0),
    })
}

/// Read `80/tcp`.
pub(crate) fn parse_port(text: &str) -> Option<Port> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    Some(Port { number: number.parse().ok()?, protocol: Protocol::parse(protocol)? })
}

/// The image's configuration in API form.
pub(crate) fn config_of(image: &ImageConfig) -> ContainerConfig {
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    ContainerConfig {
        user: image.user.clone(),
        exposed_ports: image.exposed_ports.iter().filter_map(|p| parse_port(p)).collect(),
        env: image.env.clone(),
        cmd: some(&image.cmd),
        healthcheck: health_of(image.healthcheck.as_ref()),
        volumes: image.volumes.iter().cloned().collect(),
        working_dir: image.cwd.clone(),
        entrypoint: some(&image.entrypoint),
        labels: image.labels.clone(),
        stop_signal: image.stop_signal.clone(),
        ..ContainerConfig::default()
    }
}

/// Lay the client's configuration over the image's (`runconfig.Merge`).
fn merge(own: &ContainerConfig, image: &ImageConfig) -> ContainerConfig {
    let base = config_of(image);
    let mut merged = own.clone();
    let text = |own: &String, base: String| if own.is_empty() { base } else { own.clone() };
    merged.user = text(&own.user, base.user);
    merged.working_dir = text(&own.working_dir, base.working_dir);
    merged.stop_signal = text(&own.stop_signal, base.stop_signal);
    merged.exposed_ports.extend(base.exposed_ports);
    merged.volumes.extend(base.volumes);
    for entry in base.env {
        let name = |e: &str| e.split('=').next().unwrap_or("").to_owned();
        if !merged.env.iter().any(|have| name(have) == name(&entry)) {
            merged.env.push(entry);
        }
    }
    for (key, value) in base.labels {
        merged.labels.entry(key).or_insert(value);
    }
    if own.entrypoint.is_none() {
        if own.cmd.as_ref().is_none_or(Vec::is_empty) {
            merged.cmd = base.cmd;
        }
        merged.entrypoint = base.entrypoint;
    } else if own.entrypoint.as_deref() == Some(&[String::new()][..]) {
        // `--entrypoint ""` empties it.
        merged.entrypoint = None;
    }
    merged.healthcheck = health::merge(own.healthcheck.as_ref(), base.healthcheck.as_ref());
    merged
}

impl Daemon {
    /// Serve the request.
    pub(crate) fn create(
        &mut self,
        ticket: u64,
        name: &str,
        config: CreateConfig,
        env: &mut Env<'_, '_>,
    ) {
        let result = self.try_create(name, config, env);
        env.reply(ticket, result.map(|(id, warnings)| Reply::Created { id, warnings }));
    }

    pub(crate) fn try_create(
        &mut self,
        name: &str,
        mut config: CreateConfig,
        env: &mut Env<'_, '_>,
    ) -> Result<(String, Vec<String>), ApiError> {
        let warnings = self.verify(&mut config, env)?;
        self.verify_mounts(&config.host.mounts, env)?;
        let wanted = config.config.image.clone();
        let image = self.image_for_run(&wanted, env)?;
        let merged = merge(&config.config, &image.config);
        let mut argv: Vec<String> = merged.entrypoint.clone().unwrap_or_default();
        argv.extend(merged.cmd.clone().unwrap_or_default());
        if argv.is_empty() {
            return Err(ApiError::bad("no command specified"));
        }
        let id = env.fresh_id("container");
        let name = self.reserve_name(name, &id, env)?;
        let endpoints = self.plan_endpoints(&config)?;
        let image_volumes: Vec<String> = merged.volumes.iter().cloned().collect();
        let planned = self.check_links(&config).and_then(|()| {
            let mut plan = self.plan_mounts(&config, &image_volumes)?;
            let anonymous = self.prepare_mounts(&mut plan, env)?;
            Ok((plan, anonymous))
        });
        let (plan, anonymous) = match planned {
            Ok(planned) => planned,
            Err(error) => {
                // The half-made container is cleaned up, which leaves an event (engine/29).
                return Err(self.half_made(&id, &name, &config.config, error, env));
            }
        };
        let mut container = self.blank(&id, &name, &image, merged, config.host, env);
        container.argv = argv;
        container.endpoints = endpoints;
        container.mounts = plan.iter().map(|p| p.point.clone()).collect();
        container.mounts.retain(|m| m.kind != crate::docker::api::MountKind::Tmpfs);
        container.anonymous = anonymous;
        let spec = self.spec(&container, &plan, &image);
        let host = self.host.clone();
        if let Err(error) = env.cx.within(|cx| env.machines.create(&host, spec, cx)) {
            return Err(ApiError::internal(error.to_string()));
        }
        self.names.insert(name.clone(), id.clone());
        self.containers.insert(id.clone(), container);
        let what = Message::new("why-docker-created").with("name", &name).with("image", &wanted);
        env.record(&id, what);
        self.container_event(&id, "create", &[], env);
        Ok((id, warnings))
    }

    /// Settings that the daemon refuses (`verifyContainerSettings`).
    fn verify(
        &self,
        config: &mut CreateConfig,
        env: &Env<'_, '_>,
    ) -> Result<Vec<String>, ApiError> {
        let mut warnings = Vec::new();
        let host = &mut config.host;
        if let Some(check) = &config.config.healthcheck {
            health::validate(check).map_err(ApiError::bad)?;
        }
        restart::validate(&host.restart_policy).map_err(ApiError::bad)?;
        let policy = host.restart_policy.name.as_str();
        if host.auto_remove && !matches!(policy, "" | "no") {
            return Err(ApiError::bad("can't create 'AutoRemove' container with restart policy"));
        }
        let cpus = env.machines.host(&self.host).map_or(1, |h| h.spec.cpu_milli / 1000).max(1);
        verify_resources(host, cpus).map_err(ApiError::bad)?;
        for (list, word) in [(&host.cap_add, "CapAdd"), (&host.cap_drop, "CapDrop")] {
            for cap in list {
                let upper = cap.to_ascii_uppercase();
                let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
                if !CAPABILITIES.split_whitespace().any(|known| known == bare) {
                    return Err(ApiError::bad(format!(
                        "invalid {word}: unknown capability: \"CAP_{bare}\""
                    )));
                }
            }
        }
        shared_network_problem(&config.config, host).map_err(ApiError::bad)?;
        let cwd = config.config.working_dir.as_str();
        if !cwd.is_empty() && !cwd.starts_with('/') {
            return Err(ApiError::bad(format!(
                "the working directory '{cwd}' is invalid, it needs to be an absolute path"
            )));
        }
        if !(-1000..=1000).contains(&host.oom_score_adj) {
            let score = host.oom_score_adj;
            return Err(ApiError::bad(format!(
                "Invalid value {score}, range for oom score adj is [-1000, 1000]"
            )));
        }
        if !LOG_DRIVERS.contains(&host.log_driver.as_str()) {
            let driver = &host.log_driver;
            return Err(ApiError::not_found(format!(
                "error looking up logging plugin {driver}: plugin \"{driver}\" not found"
            )));
        }
        if let Some((driver, options)) = log_options(&host.log_driver) {
            let known = |key: &&String| !options.contains(&key.as_str());
            if let Some(key) = host.log_opts.keys().find(known) {
                return Err(ApiError::bad(format!(
                    "unknown log opt '{key}' for {driver} log driver"
                )));
            }
        }
        if !matches!(host.runtime.as_str(), "" | "runc" | "io.containerd.runc.v2") {
            let runtime = &host.runtime;
            return Err(ApiError::bad(format!("unknown or invalid runtime name: {runtime}")));
        }
        if !config.config.stop_signal.is_empty()
            && names::signal_number(&config.config.stop_signal).is_none()
        {
            let signal = &config.config.stop_signal;
            return Err(ApiError::bad(format!("invalid signal: {signal}")));
        }
        if host.network_mode == "host" && !host.port_bindings.is_empty() {
            warnings.push("Published ports are discarded when using host network mode".to_owned());
        }
        if matches!(host.network_mode.as_str(), "" | "default") {
            "bridge".clone_into(&mut host.network_mode);
        }
        Ok(warnings)
    }

    /// Containers named by `--link` must exist.
    fn check_links(&self, config: &CreateConfig) -> Result<(), ApiError> {
        for link in &config.host.links {
            let name = link.split(':').next().unwrap_or(link);
            self.find(name).map_err(|e| {
                ApiError::new(
                    e.status,
                    format!("could not get container for {name}: {}", e.message),
                )
            })?;
        }
        Ok(())
    }

    /// The image of a new container.
    fn image_for_run(&self, name: &str, env: &Env<'_, '_>) -> Result<Arc<Image>, ApiError> {
        if let Some(image) = self.find_image(name, env) {
            return Ok(image);
        }
        let tagged = ImageRef::parse(name).map_or_else(|_| name.to_owned(), |r| r.tagged());
        Err(ApiError::not_found(format!("No such image: {tagged}")))
    }

    fn reserve_name(
        &self,
        name: &str,
        id: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<String, ApiError> {
        if name.is_empty() {
            let host = self.host.clone();
            let rng = env.cx.stream("container-name", host.as_str());
            return Ok(names::generate(rng, id, |n| self.names.contains_key(n)));
        }
        let name = name.strip_prefix('/').unwrap_or(name);
        self.check_new_name(name)?;
        Ok(name.to_owned())
    }

    /// Whether a name may be given to a container.
    pub(crate) fn check_new_name(&self, name: &str) -> Result<(), ApiError> {
        if !names::is_valid(name) {
            return Err(ApiError::bad(format!(
                "Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"
            )));
        }
        match self.names.get(name) {
            Some(id) => Err(ApiError::conflict(format!(
                "Conflict. The container name \"/{name}\" is already in use by container \"{id}\". \
                 You have to remove (or rename) that container to be able to reuse that name."
            ))),
            None => Ok(()),
        }
    }

    /// Networks of a new container: that of its mode and those named besides.
    fn plan_endpoints(
        &self,
        config: &CreateConfig,
    ) -> Result<BTreeMap<String, Endpoint>, ApiError> {
        let mut endpoints = BTreeMap::new();
        let mode = &config.host.network_mode;
        if let Some(target) = mode.strip_prefix("container:") {
            self.find(target).map_err(|e| {
                let why = e.message;
                ApiError::new(e.status, format!("joining network namespace of container: {why}"))
            })?;
            return Ok(endpoints);
        }
        let mut wanted: BTreeMap<String, EndpointConfig> = BTreeMap::new();
        for (name, endpoint) in &config.networks {
            let name = if name == "default" { "bridge" } else { name };
            wanted.insert(self.network_name(name), endpoint.clone());
        }
        wanted.entry(self.network_name(mode)).or_default();
        for (name, endpoint) in wanted {
            self.check_endpoint(&name, &endpoint)?;
            let network_id = self.find_network(&name).map(|n| n.id.clone()).unwrap_or_default();
            endpoints
                .insert(name, Endpoint { config: endpoint, network_id, ..Endpoint::default() });
        }
        Ok(endpoints)
    }

    fn check_endpoint(&self, name: &str, endpoint: &EndpointConfig) -> Result<(), ApiError> {
        let Some(network) = self.find_network(name) else { return Ok(()) };
        match networks::endpoint_problem(network, endpoint) {
            None => Ok(()),
            Some(problem) => Err(ApiError::bad(format!(
                "invalid config for network {name}: invalid endpoint settings:\n{problem}"
            ))),
        }
    }

    fn blank(
        &mut self,
        id: &str,
        name: &str,
        image: &Image,
        mut config: ContainerConfig,
        host: HostConfig,
        env: &Env<'_, '_>,
    ) -> Container {
        self.next_seq += 1;
        if config.hostname.is_empty() {
            config.hostname = if host.network_mode == "host" || host.uts_mode == "host" {
                let host = env.machines.host(&self.host);
                host.map_or_else(String::new, |h| h.spec.hostname.clone())
            } else {
                names::short(id).to_owned()
            };
        }
        let check = config.healthcheck.as_ref().and_then(|h| Check::of(h, &image.config.shell));
        Container {
            id: id.to_owned(),
            name: name.to_owned(),
            created: env.now(),
            seq: self.next_seq,
            image_id: image.id.to_string(),
            argv: Vec::new(),
            config,
            host,
            check,
            mounts: Vec::new(),
            anonymous: Vec::new(),
            endpoints: BTreeMap::new(),
            ports: BTreeMap::new(),
            running: false,
            paused: false,
            restarting: false,
            oom_killed: false,
            removing: false,
            pid: 0,
            exit_code: 0,
            error: String::new(),
            started_at: None,
            finished_at: None,
            sandbox_id: String::new(),
            by_hand: false,
            cancelled: false,
            manager: RestartManager::default(),
            health: None,
            generation: 0,
            monitor: 0,
            waiters: Vec::new(),
            followers: Vec::new(),
            execs: Vec::new(),
        }
    }

    /// What the runtime needs to know.
    fn spec(&self, c: &Container, plan: &[Planned], image: &Image) -> ContainerSpec {
        let mode = c.host.network_mode.as_str();
        let sandbox: Arc<str> = match mode.strip_prefix("container:") {
            Some(target) => self.find(target).unwrap_or_default().into(),
            None if mode == "host" => "host".into(),
            None => "".into(),
        };
        let mut env = vec![format!("HOSTNAME={}", c.config.hostname)];
        if c.config.tty {
            env.push("TERM=xterm".to_owned());
        }
        env.extend(c.config.env.iter().filter(|e| e.contains('=')).cloned());
        ContainerSpec {
            id: c.id.as_str().into(),
            namespace: Namespace::Moby,
            name: c.name.as_str().into(),
            image: image.id.clone(),
            argv: c.argv.clone(),
            env,
            cwd: c.config.working_dir.clone(),
            user: c.config.user.clone(),
            hostname: c.config.hostname.as_str().into(),
            sandbox,
            mounts: plan.iter().map(to_machine).collect(),
            files: BTreeMap::new(),
            memory_limit_bytes: u64::try_from(c.host.memory).ok().filter(|m| *m > 0),
            cpu_limit_milli: cpu_milli(&c.host),
            tty: c.config.tty,
            stdin: c.config.open_stdin,
            init: c.host.init == Some(true),
            read_only: c.host.readonly_rootfs,
            pids_limit: c.host.pids_limit.and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            powers: powers(&c.host),
            declared_ports: c.config.exposed_ports.iter().map(|p| p.number).collect(),
            labels: c.config.labels.clone(),
            building: false,
        }
    }
}

/// What `--cap-add`, `--cap-drop` and `--privileged` leave (`TweakCapabilities`).
fn powers(host: &HostConfig) -> Powers {
    let names = |list: &[String], cap: &str| {
        list.iter().any(|word| {
            let word = word.to_ascii_uppercase();
            word == "ALL" || word.strip_prefix("CAP_").unwrap_or(&word) == cap
        })
    };
    let has = |cap: &str, usual: bool| {
        let drops_all = host.cap_drop.iter().any(|c| c.eq_ignore_ascii_case("ALL"));
        let dropped = names(&host.cap_drop, cap);
        let by_name = host.cap_add.iter().any(|c| !c.eq_ignore_ascii_case("ALL"))
            && names(&host.cap_add, cap);
        let added = names(&host.cap_add, cap);
        host.privileged || (drops_all && by_name) || ((usual || added) && !dropped)
    };
    Powers {
        chown: has("CHOWN", true),
        raw_net: has("NET_RAW", true),
        admin: has("SYS_ADMIN", false),
    }
}

/// The CPU limit in thousandths of a core.
pub(crate) fn cpu_milli(host: &HostConfig) -> Option<u64> {
    let milli = if host.nano_cpus > 0 {
        host.nano_cpus / 1_000_000
    } else if host.cpu_quota > 0 {
        let period = if host.cpu_period > 0 { host.cpu_period } else { 100_000 };
        host.cpu_quota.saturating_mul(1000) / period
    } else {
        return None;
    };
    u64::try_from(milli).ok()
}

/// Limits that the daemon refuses; fills in the default of swap.
pub(crate) fn verify_resources(host: &mut HostConfig, cpus: u64) -> Result<(), String> {
    if host.memory > 0 && host.memory < MIN_MEMORY {
        return Err("Minimum memory limit allowed is 6MB".to_owned());
    }
    if host.memory > 0 && host.memory_swap > 0 && host.memory_swap < host.memory {
        return Err("Minimum memoryswap limit should be larger than memory limit, see usage".into());
    }
    if host.memory == 0 && host.memory_swap > 0 {
        return Err(
            "You should always set the Memory limit when using Memoryswap limit, see usage".into(),
        );
    }
    if host.memory_reservation > 0 && host.memory_reservation < MIN_MEMORY {
        return Err("Minimum memory reservation allowed is 6MB".to_owned());
    }
    if host.memory > 0 && host.memory_reservation > host.memory {
        return Err(
            "Minimum memory limit can not be less than memory reservation limit, see usage".into(),
        );
    }
    if host.nano_cpus > 0 && host.cpu_period > 0 {
        return Err("Conflicting options: Nano CPUs and CPU Period cannot both be set".to_owned());
    }
    if host.nano_cpus > 0 && host.cpu_quota > 0 {
        return Err("Conflicting options: Nano CPUs and CPU Quota cannot both be set".to_owned());
    }
    let most = i64::try_from(cpus.saturating_mul(1_000_000_000)).unwrap_or(i64::MAX);
    if host.nano_cpus < 0 || host.nano_cpus > most {
        return Err(format!(
            "range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available"
        ));
    }
    verify_scheduling(host, cpus)?;
    if host.memory > 0 && host.memory_swap == 0 {
        // `adaptContainerSettings`.
        host.memory_swap = host.memory.saturating_mul(2);
    }
    if host.shm_size == 0 {
        host.shm_size = 64 << 20;
    }
    Ok(())
}

/// What cannot be said of a container that shares the network of another or of the host
/// (`validateNetMode`).
fn shared_network_problem(config: &ContainerConfig, host: &HostConfig) -> Result<(), String> {
    let shared = host.network_mode.starts_with("container:");
    let conflicts = [
        (shared && !config.hostname.is_empty(), "hostname and the network mode"),
        (
            shared && !host.links.is_empty(),
            "container type network can't be used with links. This would result in undefined \
             behavior",
        ),
        (shared && !host.dns.is_empty(), "dns and the network mode"),
        (shared && !host.extra_hosts.is_empty(), "custom host-to-IP mapping and the network mode"),
        (
            shared && (!host.port_bindings.is_empty() || host.publish_all_ports),
            "port publishing and the container type network mode",
        ),
        (
            shared && !config.exposed_ports.is_empty(),
            "port exposing and the container type network mode",
        ),
        (host.uts_mode == "host" && !config.hostname.is_empty(), "hostname and the UTS mode"),
        (
            host.network_mode == "host" && !host.links.is_empty(),
            "host type networking can't be used with links. This would result in undefined \
             behavior",
        ),
    ];
    match conflicts.iter().find(|(conflict, _)| *conflict) {
        Some((_, what)) => Err(format!("conflicting options: {what}")),
        None => Ok(()),
    }
}

/// Shares, periods and sets of processors that the daemon refuses.
fn verify_scheduling(host: &HostConfig, cpus: u64) -> Result<(), String> {
    let shares = host.cpu_shares;
    if shares < 0 {
        return Err(format!("invalid CPU shares ({shares}): value must be a positive integer"));
    }
    if host.cpu_period != 0 && !(1_000..=1_000_000).contains(&host.cpu_period) {
        return Err("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. \
                    1000000)"
            .to_owned());
    }
    if host.cpu_quota > 0 && host.cpu_quota < 1_000 {
        return Err("CPU cfs quota can not be less than 1ms (i.e. 1000)".to_owned());
    }
    let wanted = host.cpuset_cpus.as_str();
    if wanted.is_empty() {
        return Ok(());
    }
    let invalid =
        |part: &str| format!("Invalid value {wanted} for cpuset cpus: invalid format: {part}");
    for part in wanted.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) else {
            return Err(invalid(part));
        };
        if first > last {
            return Err(invalid(part));
        }
        if last >= cpus {
            let all = if cpus > 1 { format!("0-{}", cpus - 1) } else { "0".to_owned() };
            return Err(format!(
                "Requested CPUs are not available - requested {wanted}, available: {all}"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging() {
        let image = ImageConfig {
            env: vec!["PATH=/bin".into(), "A=image".into()],
            entrypoint: vec!["/entry".into()],
            cmd: vec!["serve".into()],
            exposed_ports: vec!["80/tcp".into()],
            ..ImageConfig::default()
        };
        let own = ContainerConfig { env: vec!["A=1".into()], ..ContainerConfig::default() };
        let merged = merge(&own, &image);
        assert_eq!(merged.env, ["A=1", "PATH=/bin"]);
        assert_eq!(merged.cmd.as_deref(), Some(&["serve".to_owned()][..]));
        let own = ContainerConfig { entrypoint: Some(vec!["sh".into()]), ..own };
        let merged = merge(&own, &image);
        assert_eq!((merged.entrypoint, merged.cmd), (Some(vec!["sh".to_owned()]), None));
    }

    #[test]
    fn limits() {
        let mut host = HostConfig { memory: 4 << 20, ..HostConfig::default() };
        assert_eq!(
            verify_resources(&mut host, 2).unwrap_err(),
            "Minimum memory limit allowed is 6MB"
        );
        host.memory = 128 << 20;
        assert_eq!(verify_resources(&mut host, 2), Ok(()));
        assert_eq!(host.memory_swap, 256 << 20);
        host.cpuset_cpus = "0,2-3".to_owned();
        assert!(verify_resources(&mut host, 2).unwrap_err().ends_with("available: 0-1"));
        assert_eq!(verify_resources(&mut host, 4), Ok(()));
        host.cpuset_cpus = "1-0".to_owned();
        assert!(verify_resources(&mut host, 4).unwrap_err().ends_with("invalid format: 1-0"));
        host.cpuset_cpus.clear();
        host.nano_cpus = 64_000_000_000;
        assert!(verify_resources(&mut host, 2).unwrap_err().contains("0.01 to 2.00"));
    }
}
