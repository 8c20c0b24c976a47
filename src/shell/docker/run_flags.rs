//! Flags of `docker run` and `docker create`, and what they mean (docker/cli
//! `cli/command/container/opts.go`).

use std::collections::BTreeMap;

use crate::base::time::SimDuration;
use crate::docker::api::{
    ContainerConfig, CreateConfig, EndpointConfig, HealthConfig, HostConfig, MountKind, Port,
    PortBinding, Protocol,
};
use crate::posix::{FileSystem as _, normal};
use crate::shell::docker::flags::{Flag, Kind, Parsed, flag};
use crate::shell::docker::life::restart_policy;
use crate::shell::docker::networks::pairs;
use crate::shell::docker::run_values::{mount, ulimit};
use crate::shell::job::Io;

/// Ports in one range.
const MAX_RANGE: u16 = 4096;

/// Flags of both commands.
pub(crate) const FLAGS: &[Flag] = &[
    flag("add-host", ' ', Kind::List, "Add a custom host-to-IP mapping (host:ip)"),
    flag("annotation", ' ', Kind::Words("map"), "Add an annotation to the container"),
    flag("attach", 'a', Kind::List, "Attach to STDIN, STDOUT or STDERR"),
    flag(
        "blkio-weight",
        ' ',
        Kind::Int,
        "Block IO (relative weight), between 10 and 1000, or 0 to disable (default 0)",
    ),
    flag("blkio-weight-device", ' ', Kind::List, "Block IO weight (relative device weight)"),
    flag("cap-add", ' ', Kind::List, "Add Linux capabilities"),
    flag("cap-drop", ' ', Kind::List, "Drop Linux capabilities"),
    flag("cgroup-parent", ' ', Kind::Text, "Optional parent cgroup for the container"),
    flag("cgroupns", ' ', Kind::Text, "Cgroup namespace to use (host|private)"),
    flag("cidfile", ' ', Kind::Text, "Write the container ID to the file"),
    flag("cpu-period", ' ', Kind::Int, "Limit CPU CFS (Completely Fair Scheduler) period"),
    flag("cpu-quota", ' ', Kind::Int, "Limit CPU CFS (Completely Fair Scheduler) quota"),
    flag("cpu-rt-period", ' ', Kind::Int, "Limit CPU real-time period in microseconds"),
    flag("cpu-rt-runtime", ' ', Kind::Int, "Limit CPU real-time runtime in microseconds"),
    flag("cpu-shares", 'c', Kind::Int, "CPU shares (relative weight)"),
    flag("cpus", ' ', Kind::Decimal, "Number of CPUs"),
    flag("cpuset-cpus", ' ', Kind::Text, "CPUs in which to allow execution (0-3, 0,1)"),
    flag("cpuset-mems", ' ', Kind::Text, "MEMs in which to allow execution (0-3, 0,1)"),
    flag("detach", 'd', Kind::Bool, "Run container in background and print container ID"),
    flag("detach-keys", ' ', Kind::Text, "Override the key sequence for detaching a container"),
    flag("device", ' ', Kind::List, "Add a host device to the container"),
    flag("device-cgroup-rule", ' ', Kind::List, "Add a rule to the cgroup allowed devices list"),
    flag("device-read-bps", ' ', Kind::List, "Limit read rate (bytes per second) from a device"),
    flag("device-read-iops", ' ', Kind::List, "Limit read rate (IO per second) from a device"),
    flag("device-write-bps", ' ', Kind::List, "Limit write rate (bytes per second) to a device"),
    flag("device-write-iops", ' ', Kind::List, "Limit write rate (IO per second) to a device"),
    flag("disable-content-trust", ' ', Kind::Bool, "Skip image verification (default true)"),
    flag("dns", ' ', Kind::List, "Set custom DNS servers"),
    flag("dns-option", ' ', Kind::List, "Set DNS options"),
    flag("dns-search", ' ', Kind::List, "Set custom DNS search domains"),
    flag("domainname", ' ', Kind::Text, "Container NIS domain name"),
    flag("entrypoint", ' ', Kind::Text, "Overwrite the default ENTRYPOINT of the image"),
    flag("env", 'e', Kind::List, "Set environment variables"),
    flag("env-file", ' ', Kind::List, "Read in a file of environment variables"),
    flag("expose", ' ', Kind::List, "Expose a port or a range of ports"),
    flag("group-add", ' ', Kind::List, "Add additional groups to join"),
    flag("health-cmd", ' ', Kind::Text, "Command to run to check health"),
    flag(
        "health-interval",
        ' ',
        Kind::Duration,
        "Time between running the check (ms|s|m|h) (default 0s)",
    ),
    flag("health-retries", ' ', Kind::Int, "Consecutive failures needed to report unhealthy"),
    flag(
        "health-start-interval",
        ' ',
        Kind::Duration,
        "Time between running the check during the start period (ms|s|m|h) (default 0s)",
    ),
    flag(
        "health-start-period",
        ' ',
        Kind::Duration,
        "Start period for the container to initialize before starting health-retries countdown \
     (ms|s|m|h) (default 0s)",
    ),
    flag(
        "health-timeout",
        ' ',
        Kind::Duration,
        "Maximum time to allow one check to run (ms|s|m|h) (default 0s)",
    ),
    flag("hostname", 'h', Kind::Text, "Container host name"),
    flag(
        "init",
        ' ',
        Kind::Bool,
        "Run an init inside the container that forwards signals and reaps processes",
    ),
    flag("interactive", 'i', Kind::Bool, "Keep STDIN open even if not attached"),
    flag(
        "gpus",
        ' ',
        Kind::Word("gpu-request"),
        "GPU devices to add to the container ('all' to pass all GPUs)",
    ),
    flag("ip", ' ', Kind::Text, "IPv4 address (e.g., 172.30.100.104)"),
    flag("ip6", ' ', Kind::Text, "IPv6 address (e.g., 2001:db8::33)"),
    flag("ipc", ' ', Kind::Text, "IPC mode to use"),
    flag("isolation", ' ', Kind::Text, "Container isolation technology"),
    flag("kernel-memory", ' ', Kind::Bytes, "Kernel memory limit"),
    flag("label", 'l', Kind::List, "Set meta data on a container"),
    flag("label-file", ' ', Kind::List, "Read in a line delimited file of labels"),
    flag("link", ' ', Kind::List, "Add link to another container"),
    flag("link-local-ip", ' ', Kind::List, "Container IPv4/IPv6 link-local addresses"),
    flag("log-driver", ' ', Kind::Text, "Logging driver for the container"),
    flag("log-opt", ' ', Kind::List, "Log driver options"),
    flag("mac-address", ' ', Kind::Text, "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
    flag("memory", 'm', Kind::Bytes, "Memory limit"),
    flag("memory-reservation", ' ', Kind::Bytes, "Memory soft limit"),
    flag(
        "memory-swap",
        ' ',
        Kind::Swap,
        "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
    ),
    flag("memory-swappiness", ' ', Kind::Int, "Tune container memory swappiness (0 to 100)"),
    flag("mount", ' ', Kind::Words("mount"), "Attach a filesystem mount to the container"),
    flag("name", ' ', Kind::Text, "Assign a name to the container"),
    flag("net", ' ', Kind::List, "Connect a container to a network"),
    flag("network", ' ', Kind::Words("network"), "Connect a container to a network"),
    flag("network-alias", ' ', Kind::List, "Add network-scoped alias for the container"),
    flag("no-healthcheck", ' ', Kind::Bool, "Disable any container-specified HEALTHCHECK"),
    flag("oom-kill-disable", ' ', Kind::Bool, "Disable OOM Killer"),
    flag("oom-score-adj", ' ', Kind::Int, "Tune host's OOM preferences (-1000 to 1000)"),
    flag("pid", ' ', Kind::Text, "PID namespace to use"),
    flag("pids-limit", ' ', Kind::Int, "Tune container pids limit (set -1 for unlimited)"),
    flag("platform", ' ', Kind::Text, "Set platform if server is multi-platform capable"),
    flag("privileged", ' ', Kind::Bool, "Give extended privileges to this container"),
    flag("publish", 'p', Kind::List, "Publish a container's port(s) to the host"),
    flag("publish-all", 'P', Kind::Bool, "Publish all exposed ports to random ports"),
    flag(
        "pull",
        ' ',
        Kind::Text,
        "Pull image before running (\"always\", \"missing\", \"never\") (default \"missing\")",
    ),
    flag("quiet", 'q', Kind::Bool, "Suppress the pull output"),
    flag("read-only", ' ', Kind::Bool, "Mount the container's root filesystem as read only"),
    flag(
        "restart",
        ' ',
        Kind::Text,
        "Restart policy to apply when a container exits (default \"no\")",
    ),
    flag(
        "rm",
        ' ',
        Kind::Bool,
        "Automatically remove the container and its associated anonymous volumes when it exits",
    ),
    flag("runtime", ' ', Kind::Text, "Runtime to use for this container"),
    flag("security-opt", ' ', Kind::List, "Security Options"),
    flag("shm-size", ' ', Kind::Bytes, "Size of /dev/shm"),
    flag("sig-proxy", ' ', Kind::Bool, "Proxy received signals to the process (default true)"),
    flag("stop-signal", ' ', Kind::Text, "Signal to stop the container"),
    flag("stop-timeout", ' ', Kind::Int, "Timeout (in seconds) to stop a container"),
    flag("storage-opt", ' ', Kind::List, "Storage driver options for the container"),
    flag("sysctl", ' ', Kind::Words("map"), "Sysctl options (default map[])"),
    flag("tmpfs", ' ', Kind::List, "Mount a tmpfs directory"),
    flag("tty", 't', Kind::Bool, "Allocate a pseudo-TTY"),
    flag("ulimit", ' ', Kind::Words("ulimit"), "Ulimit options (default [])"),
    flag("use-api-socket", ' ', Kind::Bool, "Bind mount Docker API socket and required auth"),
    flag("user", 'u', Kind::Text, "Username or UID (format: <name|uid>[:<group|gid>])"),
    flag("userns", ' ', Kind::Text, "User namespace to use"),
    flag("uts", ' ', Kind::Text, "UTS namespace to use"),
    flag("volume", 'v', Kind::List, "Bind mount a volume"),
    flag("volume-driver", ' ', Kind::Text, "Optional volume driver for the container"),
    flag("volumes-from", ' ', Kind::List, "Mount volumes from the specified container(s)"),
    flag("workdir", 'w', Kind::Text, "Working directory inside the container"),
];

/// Kernel settings of the IPC namespace that `--sysctl` takes.
const KERNEL_SETTINGS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

type Ports = (Vec<Port>, BTreeMap<Port, Vec<PortBinding>>);

/// `8080` or `8080-8082`.
fn port_range(text: &str) -> Option<(u16, u16)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let (low, high) = (low.parse().ok()?, high.parse().ok()?);
    (low <= high && high - low < MAX_RANGE).then_some((low, high))
}

/// `[[ip:]host:]container[/proto]` (go-connections `ParsePortSpec`).
pub(crate) fn publish(text: &str) -> Result<Ports, String> {
    let (rest, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    let (rest, container) = rest.rsplit_once(':').unwrap_or(("", rest));
    let (ip, host) = match rest.rsplit_once(':') {
        Some((ip, host)) => (ip.trim_start_matches('[').trim_end_matches(']'), host),
        None => ("", rest),
    };
    if !ip.is_empty() && ip.parse::<std::net::IpAddr>().is_err() {
        return Err(format!("Invalid ip address: {ip}"));
    }
    if container.is_empty() {
        return Err(format!("No port specified: {text}<empty>"));
    }
    let (first, last) =
        port_range(container).ok_or_else(|| format!("Invalid containerPort: {container}"))?;
    let hosts = if host.is_empty() {
        None
    } else {
        Some(port_range(host).ok_or_else(|| format!("Invalid hostPort: {host}"))?)
    };
    if let Some((low, high)) = hosts
        && high - low != last - first
        && first != last
    {
        return Err(format!(
            "Invalid ranges specified for container and host Ports: {container} and {host}"
        ));
    }
    let protocol = Protocol::parse(protocol).ok_or_else(|| format!("Invalid proto: {protocol}"))?;
    let mut exposed = Vec::new();
    let mut bindings: BTreeMap<Port, Vec<PortBinding>> = BTreeMap::new();
    for number in first..=last {
        let port = Port { number, protocol };
        let host_port = match hosts {
            None => String::new(),
            Some((low, high)) if first == last && low != high => format!("{low}-{high}"),
            Some((low, _)) => (low + (number - first)).to_string(),
        };
        exposed.push(port);
        let binding = PortBinding { host_ip: ip.to_owned(), host_port };
        bindings.entry(port).or_default().push(binding);
    }
    Ok((exposed, bindings))
}

/// Variables of `--env-file` and `--env`, later ones last.
pub(crate) fn environment(parsed: &Parsed, io: &Io<'_>) -> Result<Vec<String>, String> {
    let mut all = Vec::new();
    for file in parsed.list("env-file") {
        for line in read_lines(file, io)? {
            key_problem(&line).map_err(|why| format!("invalid env file ({file}): {why}"))?;
            add_variable(&line, io, &mut all);
        }
    }
    for text in parsed.list("env") {
        if text.is_empty() || text.starts_with('=') {
            return Err(format!(
                "invalid argument {text:?} for \"-e, --env\" flag: invalid environment variable: \
                 {text}"
            ));
        }
        add_variable(text, io, &mut all);
    }
    Ok(all)
}

fn add_variable(text: &str, io: &Io<'_>, all: &mut Vec<String>) {
    let entry = if text.contains('=') {
        text.to_owned()
    } else {
        match io.env.get(text) {
            Some(value) => format!("{text}={value}"),
            // A variable that the client does not have is left out.
            None => return,
        }
    };
    let name = |e: &str| e.split('=').next().unwrap_or("").to_owned();
    all.retain(|have| name(have) != name(&entry));
    all.push(entry);
}

/// What is wrong with a line of a file of variables or labels (docker/cli `pkg/kvfile`).
fn key_problem(line: &str) -> Result<(), String> {
    let key = line.split('=').next().unwrap_or("");
    if key.is_empty() {
        Err(format!("no variable name on line '{line}'"))
    } else if key.contains([' ', '\t']) {
        Err(format!("variable '{key}' contains whitespaces"))
    } else {
        Ok(())
    }
}

/// Lines of a file without comments and blanks.
fn read_lines(file: &str, io: &Io<'_>) -> Result<Vec<String>, String> {
    let path = normal(io.cwd, file);
    let text =
        io.files.read(&path).map_err(|_| format!("open {file}: no such file or directory"))?;
    let keep = |line: &&str| !line.is_empty() && !line.starts_with('#');
    Ok(text.lines().map(str::trim_start).filter(keep).map(str::to_owned).collect())
}

fn health(parsed: &Parsed) -> Result<Option<HealthConfig>, String> {
    let names = [
        "health-cmd",
        "health-interval",
        "health-timeout",
        "health-start-period",
        "health-start-interval",
        "health-retries",
    ];
    let any = names.iter().any(|n| parsed.has(n));
    if parsed.is("no-healthcheck") {
        if any {
            return Err("--no-healthcheck conflicts with --health-* options".to_owned());
        }
        let test = vec!["NONE".to_owned()];
        return Ok(Some(HealthConfig { test, ..HealthConfig::default() }));
    }
    if !any {
        return Ok(None);
    }
    for name in
        ["health-interval", "health-timeout", "health-start-period", "health-start-interval"]
    {
        if parsed.text(name).starts_with('-') {
            return Err(format!("--{name} cannot be negative"));
        }
    }
    let retries = parsed.int("health-retries").unwrap_or(0);
    let retries = u32::try_from(retries).map_err(|_| "--health-retries cannot be negative")?;
    let duration = |name: &str| parsed.duration(name).unwrap_or(SimDuration::ZERO);
    let cmd = parsed.text("health-cmd");
    let test =
        if cmd.is_empty() { Vec::new() } else { vec!["CMD-SHELL".to_owned(), cmd.to_owned()] };
    Ok(Some(HealthConfig {
        test,
        interval: duration("health-interval"),
        timeout: duration("health-timeout"),
        start_period: duration("health-start-period"),
        start_interval: duration("health-start-interval"),
        retries,
    }))
}

const ALIASES: &str = "network-scoped aliases are only supported for user-defined networks";

/// Whether a mode names a network that somebody made (`NetworkMode.IsUserDefined`).
fn user_defined(mode: &str) -> bool {
    !matches!(mode, "default" | "bridge" | "host" | "none") && !mode.starts_with("container:")
}

/// Networks of `--network`, with what the flags say about the first.
fn networks(parsed: &Parsed) -> Result<(String, BTreeMap<String, EndpointConfig>), String> {
    let mut all: BTreeMap<String, EndpointConfig> = BTreeMap::new();
    let mut mode = String::new();
    let wanted = parsed.list("network").iter().chain(parsed.list("net"));
    for text in wanted {
        let mut endpoint = EndpointConfig::default();
        let mut name = text.clone();
        if text.contains('=') {
            name.clear();
            for field in text.split(',') {
                let (key, value) = field.split_once('=').unwrap_or((field, ""));
                match key {
                    "name" => value.clone_into(&mut name),
                    "alias" => endpoint.aliases.push(value.to_owned()),
                    "ip" => value.clone_into(&mut endpoint.ipv4_address),
                    "ip6" => value.clone_into(&mut endpoint.ipv6_address),
                    "mac-address" => value.clone_into(&mut endpoint.mac_address),
                    "gw-priority" => endpoint.gw_priority = value.parse().unwrap_or(0),
                    _ => return Err(format!("invalid field key {key}")),
                }
            }
            if name.is_empty() {
                return Err("network name/id is not specified".to_owned());
            }
        }
        if mode.is_empty() {
            mode.clone_from(&name);
        }
        let aliases = mode == name && parsed.has("network-alias") || !endpoint.aliases.is_empty();
        if aliases && !user_defined(&name) {
            return Err(ALIASES.to_owned());
        }
        if !name.starts_with("container:") {
            all.insert(name, endpoint);
        }
    }
    if mode.is_empty() {
        if parsed.has("network-alias") {
            return Err(ALIASES.to_owned());
        }
        "default".clone_into(&mut mode);
    }
    if all.len() > 1 && all.keys().any(|name| user_defined(name)) {
        let plain = all.keys().any(|name| !user_defined(name));
        if plain {
            return Err("conflicting options: cannot attach both user-defined and \
                        non-user-defined network-modes"
                .to_owned());
        }
    }
    let special = ["network-alias", "ip", "ip6", "mac-address", "link"];
    if special.iter().any(|n| parsed.has(n)) && !mode.starts_with("container:") {
        let first = all.entry(mode.clone()).or_default();
        first.aliases.extend(parsed.list("network-alias").iter().cloned());
        parsed.text("ip").clone_into(&mut first.ipv4_address);
        parsed.text("ip6").clone_into(&mut first.ipv6_address);
        parsed.text("mac-address").clone_into(&mut first.mac_address);
        first.links = parsed.list("link").to_vec();
    }
    Ok((mode, all))
}

/// Everything that a command line says.
pub(crate) fn create_config(parsed: &Parsed, io: &Io<'_>) -> Result<CreateConfig, String> {
    if parsed.is("rm") && parsed.has("restart") && parsed.text("restart") != "no" {
        return Err("conflicting options: cannot specify both --restart and --rm".to_owned());
    }
    let (mode, networks) = networks(parsed)?;
    let mut config = container_config(parsed, io)?;
    let mut host = host_config(parsed, &mut config, io)?;
    host.network_mode = mode;
    let platform = parsed.text("platform").to_owned();
    Ok(CreateConfig { config, host, networks, platform })
}

fn container_config(parsed: &Parsed, io: &Io<'_>) -> Result<ContainerConfig, String> {
    let mut labels = BTreeMap::new();
    for file in parsed.list("label-file") {
        let lines = read_lines(file, io)?;
        for line in &lines {
            key_problem(line).map_err(|why| format!("invalid label file ({file}): {why}"))?;
        }
        // A name alone is looked up in the environment for variables, and left out for labels.
        let whole: Vec<String> = lines.into_iter().filter(|line| line.contains('=')).collect();
        labels.extend(pairs(&whole));
    }
    labels.extend(pairs(parsed.list("label")));
    let entrypoint = parsed.has("entrypoint").then(|| vec![parsed.text("entrypoint").to_owned()]);
    let command: Vec<String> = parsed.args.iter().skip(1).cloned().collect();
    let detach = parsed.is("detach");
    let stdin = parsed.is("interactive");
    let mut config = ContainerConfig {
        hostname: parsed.text("hostname").to_owned(),
        domainname: parsed.text("domainname").to_owned(),
        user: parsed.text("user").to_owned(),
        attach: [stdin && !detach, !detach, !detach],
        tty: parsed.is("tty"),
        open_stdin: stdin,
        stdin_once: stdin && !detach,
        env: environment(parsed, io)?,
        cmd: (!command.is_empty()).then_some(command),
        healthcheck: health(parsed)?,
        image: parsed.args.first().cloned().unwrap_or_default(),
        working_dir: parsed.text("workdir").to_owned(),
        entrypoint,
        labels,
        stop_signal: parsed.text("stop-signal").to_owned(),
        stop_timeout: parsed.int("stop-timeout"),
        ..ContainerConfig::default()
    };
    for text in parsed.list("expose") {
        let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let number = |part: &str| match part.parse::<u64>() {
            Ok(n) if n > 65_535 => "value out of range",
            _ => "invalid syntax",
        };
        let (first, last) = port_range(range).ok_or_else(|| {
            let part = range.split('-').find(|p| p.parse::<u16>().is_err()).unwrap_or(range);
            format!(
                "invalid range format for --expose: {range}, error: strconv.ParseUint: parsing \
                 {part:?}: {}",
                number(part)
            )
        })?;
        let protocol =
            Protocol::parse(protocol).ok_or_else(|| format!("Invalid proto: {protocol}"))?;
        config.exposed_ports.extend((first..=last).map(|number| Port { number, protocol }));
    }
    Ok(config)
}

/// Ports, volumes and limits; exposed ports and anonymous volumes go into `config`.
fn host_config(
    parsed: &Parsed,
    config: &mut ContainerConfig,
    io: &Io<'_>,
) -> Result<HostConfig, String> {
    check_words(parsed)?;
    let mut host = plain_settings(parsed)?;
    for text in parsed.list("publish") {
        let (exposed, bindings) = publish(text)?;
        config.exposed_ports.extend(exposed);
        for (port, mut binding) in bindings {
            host.port_bindings.entry(port).or_default().append(&mut binding);
        }
    }
    add_mounts(parsed, config, &mut host, io)?;
    for text in parsed.list("ulimit") {
        host.ulimits.push(ulimit(text)?);
    }
    host.ulimits.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(host)
}

/// Values that the client itself checks.
fn check_words(parsed: &Parsed) -> Result<(), String> {
    for text in parsed.list("add-host") {
        let parts = text.split_once(['=', ':']).filter(|(n, a)| !n.is_empty() && !a.is_empty());
        if parts.is_none() {
            return Err(format!(
                "invalid argument {text:?} for \"--add-host\" flag: bad format for add-host: \
                 {text:?}"
            ));
        }
        let address = parts.map_or("", |(_, address)| address);
        let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
        if bare != "host-gateway" && bare.parse::<std::net::IpAddr>().is_err() {
            return Err(format!(
                "invalid argument {text:?} for \"--add-host\" flag: invalid IP address in \
                 add-host: {address:?}"
            ));
        }
    }
    let known = |text: &&String| text.parse::<std::net::IpAddr>().is_err();
    if let Some(text) = parsed.list("dns").iter().find(known) {
        return Err(format!(
            "invalid argument {text:?} for \"--dns\" flag: IP address is not correctly formatted: \
             {text}"
        ));
    }
    for text in parsed.list("sysctl") {
        // `opts.ValidateSysctl`: a name that belongs to a namespace, and a value.
        let name = text.split('=').next().unwrap_or("");
        let known = KERNEL_SETTINGS.contains(&name)
            || ["net.", "fs.mqueue."].iter().any(|family| name.starts_with(family));
        if !known || !text.contains('=') {
            return Err(format!(
                "invalid argument {text:?} for \"--sysctl\" flag: sysctl '{text}' is not allowed"
            ));
        }
    }
    let swappiness = parsed.int("memory-swappiness").unwrap_or(-1);
    if !(-1..=100).contains(&swappiness) {
        return Err(format!("invalid value: {swappiness}. Valid memory swappiness range is 0-100"));
    }
    for text in parsed.list("attach") {
        if !matches!(text.to_lowercase().as_str(), "stdin" | "stdout" | "stderr") {
            return Err(format!(
                "invalid argument {text:?} for \"-a, --attach\" flag: valid streams are STDIN, \
                 STDOUT and STDERR"
            ));
        }
    }
    for (flag, word) in [("userns", "USER"), ("uts", "UTS"), ("pid", "PID")] {
        let mode = parsed.text(flag);
        let shares = flag == "pid" && mode.starts_with("container:");
        if !(mode.is_empty() || mode == "host" || shares) {
            return Err(format!("--{flag}: invalid {word} mode"));
        }
    }
    let ipc = parsed.text("ipc");
    let known = matches!(ipc, "" | "none" | "private" | "shareable" | "host");
    if !known && !ipc.starts_with("container:") {
        return Err(format!("Error response from daemon: invalid IPC mode: {ipc}"));
    }
    let mac = parsed.text("mac-address");
    let bytes: Vec<&str> = mac.split([':', '-']).collect();
    let is_byte = |b: &&str| b.len() == 2 && b.chars().all(|c| c.is_ascii_hexdigit());
    if !(mac.is_empty() || bytes.len() == 6 && bytes.iter().all(is_byte)) {
        return Err(format!("{mac} is not a valid mac address"));
    }
    let bare = |text: &&String| !text.contains(['=', ':']) && text.as_str() != "no-new-privileges";
    if let Some(text) = parsed.list("security-opt").iter().find(bare) {
        return Err(format!("Invalid --security-opt: {text:?}"));
    }
    Ok(())
}

/// `-v`, `--mount`, `--tmpfs`.
fn add_mounts(
    parsed: &Parsed,
    config: &mut ContainerConfig,
    host: &mut HostConfig,
    io: &Io<'_>,
) -> Result<(), String> {
    for text in parsed.list("volume") {
        if text.is_empty() {
            return Err("invalid empty volume spec".to_owned());
        }
        match text.split_once(':') {
            None => {
                config.volumes.insert(text.clone());
            }
            Some((source, rest)) if source.starts_with('.') => {
                host.binds.push(format!("{}:{rest}", normal(io.cwd, source)));
            }
            Some(_) => host.binds.push(text.clone()),
        }
    }
    for text in parsed.list("mount") {
        let mut mount = mount(text)?;
        if mount.kind == MountKind::Bind && mount.source.starts_with('.') {
            mount.source = normal(io.cwd, &mount.source);
        }
        host.mounts.push(mount);
    }
    for text in parsed.list("tmpfs") {
        let (path, options) = text.split_once(':').unwrap_or((text, ""));
        host.tmpfs.insert(path.to_owned(), options.to_owned());
    }
    Ok(())
}

/// Settings that are one flag each.
fn plain_settings(parsed: &Parsed) -> Result<HostConfig, String> {
    let int = |name: &str| parsed.int(name).unwrap_or(0);
    let text = |name: &str| parsed.text(name).to_owned();
    let list = |name: &str| parsed.list(name).to_vec();
    Ok(HostConfig {
        restart_policy: restart_policy(parsed.text("restart"))?,
        auto_remove: parsed.is("rm"),
        volumes_from: list("volumes-from"),
        cap_add: list("cap-add"),
        cap_drop: list("cap-drop"),
        dns: list("dns"),
        dns_options: list("dns-option"),
        dns_search: list("dns-search"),
        extra_hosts: list("add-host"),
        group_add: list("group-add"),
        links: list("link"),
        ipc_mode: text("ipc"),
        pid_mode: text("pid"),
        uts_mode: text("uts"),
        userns_mode: text("userns"),
        privileged: parsed.is("privileged"),
        readonly_rootfs: parsed.is("read-only"),
        security_opt: list("security-opt"),
        shm_size: parsed.bytes("shm-size").unwrap_or(0),
        sysctls: pairs(parsed.list("sysctl")),
        runtime: text("runtime"),
        nano_cpus: parsed.nano("cpus").unwrap_or(0),
        cpu_shares: int("cpu-shares"),
        cpu_quota: int("cpu-quota"),
        cpu_period: int("cpu-period"),
        cpuset_cpus: text("cpuset-cpus"),
        memory: parsed.bytes("memory").unwrap_or(0),
        memory_reservation: parsed.bytes("memory-reservation").unwrap_or(0),
        memory_swap: parsed.bytes("memory-swap").unwrap_or(0),
        oom_kill_disable: parsed.is("oom-kill-disable"),
        oom_score_adj: int("oom-score-adj"),
        pids_limit: parsed.int("pids-limit").filter(|n| *n != 0),
        devices: list("device"),
        gpus: parsed.has("gpus"),
        init: parsed.has("init").then(|| parsed.is("init")),
        annotations: pairs(parsed.list("annotation")),
        publish_all_ports: parsed.is("publish-all"),
        log_driver: text("log-driver"),
        log_opts: pairs(parsed.list("log-opt")),
        ..HostConfig::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports() {
        let binding = |text: &str| {
            publish(text).map(|(_, b)| {
                let all = b.iter().flat_map(|(p, b)| b.iter().map(move |b| (p, b)));
                let show =
                    |(p, b): (&Port, &PortBinding)| format!("{}:{}->{p}", b.host_ip, b.host_port);
                all.map(show).collect::<Vec<_>>().join(" ")
            })
        };
        for (text, expected) in [
            ("8080:80", Ok(":8080->80/tcp")),
            ("127.0.0.1:9000:80", Ok("127.0.0.1:9000->80/tcp")),
            ("80", Ok(":->80/tcp")),
            ("5353:53/udp", Ok(":5353->53/udp")),
            ("7000-7002:80", Ok(":7000-7002->80/tcp")),
            ("7000-7001:80-81", Ok(":7000->80/tcp :7001->81/tcp")),
            ("99999:80", Err("Invalid hostPort: 99999")),
            ("abc:80", Err("Invalid hostPort: abc")),
            ("80:abc", Err("Invalid containerPort: abc")),
            ("80:80/xyz", Err("Invalid proto: xyz")),
        ] {
            let got = binding(text);
            assert_eq!(got.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
