//! Version, state, disk, statistics, processes and files.

use crate::base::time::SimDuration;
use crate::docker::api::{
    ApiError, ArchiveEntry, Change, ChangeKind, DiskUsage, Reply, Stats, SystemInfo, VersionInfo,
};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::{Due, names, volumes};
use crate::machine::ContainerId;
use crate::posix::{Entry, FileSystem, FsError, Kind, normal};

/// Version of the engine that is modelled.
pub(crate) const VERSION: &str = "28.5.2";
/// Kernel of the hosts.
const KERNEL: &str = "6.8.0-86-generic";
/// Time between two samples of statistics.
const SAMPLE: SimDuration = SimDuration::from_secs(1);
/// Files that the daemon writes into every container.
const OWN_FILES: [&str; 3] = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"];
/// Files in one copy.
const MAX_COPY: usize = 10_000;

/// Why a copy cannot go where it should (`archive.PrepareArchiveCopy`); `found` is what is there.
pub fn target_problem(path: &str, found: Option<Kind>, directory: bool) -> Option<&'static str> {
    let wants_directory = path.is_empty() || path.ends_with('/');
    match found {
        _ if path.is_empty() => Some("no such directory"),
        Some(Kind::Directory) => None,
        Some(_) if wants_directory => Some("no such directory"),
        Some(_) if directory => Some("cannot copy directory"),
        None if wants_directory && !directory => Some("no such directory"),
        _ => None,
    }
}

/// The rows of `ps -ef`, or with the columns of `-o`, or those of `aux`.
fn ps_view(rows: Vec<Vec<String>>, ps_args: &[String]) -> Result<Reply, ApiError> {
    const FULL: [&str; 8] = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"];
    let joined = ps_args.join(" ");
    let wanted = joined.split("-o").nth(1).or_else(|| joined.split("-eo").nth(1)).map(str::trim);
    let columns: Vec<(&str, usize, bool)> = match wanted {
        None if joined.contains("aux") => vec![
            ("USER", 0, false),
            ("PID", 1, false),
            ("%CPU", 9, false),
            ("%MEM", 9, false),
            ("VSZ", 8, false),
            ("RSS", 8, false),
            ("TTY", 5, false),
            ("STAT", 10, false),
            ("START", 4, false),
            ("TIME", 6, false),
            ("COMMAND", 7, false),
        ],
        None => FULL.iter().enumerate().map(|(at, title)| (*title, at, false)).collect(),
        Some(list) => list
            .split(',')
            .map(|name| match name.trim() {
                "pid" => ("PID", 1, false),
                "ppid" => ("PPID", 2, false),
                "user" => ("USER", 0, false),
                "uid" => ("UID", 0, false),
                "tty" => ("TT", 5, false),
                "time" => ("TIME", 6, false),
                "comm" => ("COMMAND", 7, true),
                "cmd" => ("CMD", 7, false),
                "stat" | "s" => ("STAT", 10, false),
                _ => ("COMMAND", 7, false),
            })
            .collect(),
    };
    // The engine picks the container's own processes by this column.
    if !columns.iter().any(|(title, ..)| *title == "PID") {
        return Err(ApiError::internal("Couldn't find PID field in ps output"));
    }
    let cell = |row: &[String], at: usize, short: bool| match at {
        // What the simulation does not measure per process.
        8 => "0".to_owned(),
        9 => "0.0".to_owned(),
        10 => "Ss".to_owned(),
        _ => {
            let text = row.get(at).cloned().unwrap_or_default();
            if !short {
                return text;
            }
            let program = text.split(' ').next().unwrap_or("");
            program.rsplit('/').next().unwrap_or("").chars().take(15).collect()
        }
    };
    let processes =
        rows.iter().map(|row| columns.iter().map(|(_, at, s)| cell(row, *at, *s)).collect());
    Ok(Reply::Top {
        processes: processes.collect(),
        titles: columns.iter().map(|(title, ..)| (*title).to_owned()).collect(),
    })
}

impl Daemon {
    pub(crate) fn version(&self) -> Reply {
        Reply::Version(Box::new(VersionInfo {
            version: VERSION.into(),
            api_version: "1.51".into(),
            min_api_version: "1.24".into(),
            go_version: "go1.24.9".into(),
            git_commit: "89c5e8f".into(),
            build_time: "Wed Nov  5 14:43:25 2025".into(),
            os: "linux".into(),
            arch: "amd64".into(),
            kernel_version: KERNEL.into(),
        }))
    }

    pub(crate) fn info(&self, env: &Env<'_, '_>) -> Reply {
        let count = |f: &dyn Fn(&crate::docker::container::Container) -> bool| {
            self.containers.values().filter(|c| f(c)).count() as u64
        };
        let spec = env.machines.host(&self.host).map(|h| h.spec.clone());
        let (cpu, memory, name) = spec.map_or_else(
            || (1000, 0, String::new()),
            |s| (s.cpu_milli, s.memory_bytes, s.hostname),
        );
        Reply::Info(Box::new(SystemInfo {
            id: self.id.clone(),
            containers: self.containers.len() as u64,
            running: count(&|c| c.running && !c.paused),
            paused: count(&|c| c.paused),
            stopped: count(&|c| !c.running),
            images: env.machines.images(&self.host).count() as u64,
            name,
            cpus: u32::try_from(cpu / 1000).unwrap_or(1).max(1),
            memory,
            version: VERSION.into(),
            kernel_version: KERNEL.into(),
            operating_system: "Ubuntu 24.04.3 LTS".into(),
            architecture: "x86_64".into(),
            name_server: self.name_server(env),
            now: env.now(),
        }))
    }

    pub(crate) fn disk_usage(&self, env: &Env<'_, '_>) -> Reply {
        let Reply::Images(images) = self.image_list(true, &Default::default(), env) else {
            return Reply::Done;
        };
        let mut layers = std::collections::BTreeMap::new();
        for (image, _) in env.machines.images(&self.host) {
            for layer in &image.layers {
                layers.insert(layer.diff_id.clone(), layer.size_bytes);
            }
        }
        let containers = self.newest_first().into_iter().map(|c| self.summary(c, true, env));
        let volumes = self.volumes.iter().map(|(name, volume)| {
            let users = self.volume_users(name).len() as u64;
            (volumes::view(name, volume), self.volume_bytes(name, env), users)
        });
        Reply::DiskUsage(Box::new(DiskUsage {
            layers_size: layers.values().sum(),
            images,
            containers: containers.collect(),
            volumes: volumes.collect(),
            build_cache: self.build_cache(),
        }))
    }

    /// The name server of the host: the router of its network.
    pub(crate) fn name_server(&self, env: &Env<'_, '_>) -> String {
        match env.fabric.host_addr(self.host.as_str()) {
            Some(address) => {
                let [a, b, c, _] = address.octets();
                format!("{a}.{b}.{c}.1")
            }
            None => "10.77.0.1".to_owned(),
        }
    }

    /// Serve `GET /containers/{id}/stats`.
    pub(crate) fn serve_stats(
        &mut self,
        ticket: u64,
        text: &str,
        stream: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        let id = self.find(text)?;
        let live = self.containers.get(&id).is_some_and(|c| c.is_live());
        if !live && !stream {
            let stats = self.sample(&id, env);
            env.reply(ticket, Ok(Reply::Stats(Box::new(stats))));
            return Ok(Some(Reply::Done));
        }
        if stream {
            self.clients.stats.insert(ticket, id.clone());
        }
        self.timer(SAMPLE, Due::Stats { ticket, id }, env);
        Ok(None)
    }

    /// One sample of a stream.
    pub(crate) fn stats_tick(&mut self, ticket: u64, id: &str, env: &mut Env<'_, '_>) {
        let stream = self.clients.stats.contains_key(&ticket);
        if !self.containers.contains_key(id) {
            self.clients.stats.remove(&ticket);
            env.reply(ticket, Err(ApiError::not_found(format!("No such container: {id}"))));
            return;
        }
        let stats = self.sample(id, env);
        env.reply(ticket, Ok(Reply::Stats(Box::new(stats))));
        if stream {
            self.timer(SAMPLE, Due::Stats { ticket, id: id.to_owned() }, env);
        } else {
            env.reply(ticket, Ok(Reply::Done));
        }
    }

    fn sample(&self, id: &str, env: &Env<'_, '_>) -> Stats {
        let machine_id = ContainerId::from(id);
        let live = self.containers.get(id).is_some_and(|c| c.is_live());
        let stats = if live {
            env.machines.stats(&self.host, &machine_id, env.now())
        } else {
            crate::machine::Stats::default()
        };
        Stats {
            id: id.to_owned(),
            name: self.name_of(id).to_string(),
            // A thousandth of a core is a tenth of a percent.
            cpu_millipercent: stats.cpu_milli * 100,
            memory_bytes: stats.memory_bytes,
            memory_limit: if live { stats.memory_limit_bytes } else { 0 },
            network: (0, 0),
            block: (0, 0),
            pids: u64::from(stats.pids),
        }
    }

    /// Serve `GET /containers/{id}/top`.
    pub(crate) fn top(
        &self,
        text: &str,
        ps_args: &[String],
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get(&id) else { return Ok(Reply::Done) };
        if !c.running {
            return Err(ApiError::conflict(format!("container {id} is not running")));
        }
        if c.restarting {
            return Err(ApiError::conflict(crate::docker::lifecycle::is_restarting(&id)));
        }
        let machine_id = ContainerId::from(id.as_str());
        let shim = c.pid.saturating_sub(20);
        let host_pid = |pid: u32| if pid == 0 { shim } else { c.pid + pid - 1 };
        let rows = env.machines.top(&self.host, &machine_id).into_iter().map(|row| {
            let (_, _, _, hour, minute, _, _) = row.started.civil();
            vec![
                row.user,
                host_pid(row.pid).to_string(),
                host_pid(row.parent).to_string(),
                "0".to_owned(),
                format!("{hour:02}:{minute:02}"),
                if c.config.tty { "pts/0".to_owned() } else { "?".to_owned() },
                "00:00:00".to_owned(),
                row.command,
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        self.container_event(&id, "top", &[], env);
        ps_view(rows, ps_args)
    }

    /// Serve `GET /containers/{id}/changes`.
    pub(crate) fn diff(&self, text: &str, env: &Env<'_, '_>) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let machine_id = ContainerId::from(id.as_str());
        let all = env.machines.diff(&self.host, &machine_id);
        // The daemon's own files are mounts in reality, which a diff does not show.
        let own = |path: &str| OWN_FILES.contains(&path);
        let in_etc = all.iter().any(|(_, p)| p.starts_with("/etc/") && !own(p));
        let shown = all.into_iter().filter(|(_, p)| !own(p) && (in_etc || p != "/etc"));
        let changes = shown.map(|(kind, path)| {
            let kind = match kind {
                'A' => ChangeKind::Added,
                'D' => ChangeKind::Deleted,
                _ => ChangeKind::Modified,
            };
            Change { path, kind }
        });
        Ok(Reply::Changes(changes.collect()))
    }

    /// Serve `GET /containers/{id}/archive`.
    pub(crate) fn copy_from(
        &self,
        text: &str,
        path: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let machine_id = ContainerId::from(id.as_str());
        let missing =
            || ApiError::not_found(format!("Could not find the file {path} in container {text}"));
        let files = env.machines.files(&self.host, &machine_id).ok_or_else(missing)?;
        let root = normal("/", path);
        let stat = files.stat(&root).map_err(|_| missing())?;
        let mut entries = Vec::new();
        if stat.kind == Kind::Directory {
            entries.push(ArchiveEntry { path: String::new(), content: None, mode: stat.mode });
            let prefix = if root == "/" { "/".to_owned() } else { format!("{root}/") };
            for (path, entry) in files.iter().take(MAX_COPY) {
                let Some(rest) = path.strip_prefix(&prefix) else { continue };
                entries.push(archive_entry(rest, entry));
            }
        } else {
            let content = files.read(&root).map_err(|_| missing())?;
            let content = Some(content.to_string());
            entries.push(ArchiveEntry { path: String::new(), content, mode: stat.mode });
        }
        self.container_event(&id, "archive-path", &[("path", path.to_owned())], env);
        Ok(Reply::Archive(entries))
    }

    /// Serve `PUT /containers/{id}/archive`: `path` is the final place.
    pub(crate) fn copy_to(
        &self,
        text: &str,
        path: &str,
        entries: &[ArchiveEntry],
        unpack: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let machine_id = ContainerId::from(id.as_str());
        let root = normal("/", path);
        let now = env.now();
        let host = self.host.clone();
        let parent = crate::posix::parent(&root).to_owned();
        let directory = entries.first().is_some_and(|entry| entry.content.is_none());
        if let Some(files) = env.machines.files(&self.host, &machine_id) {
            let found = files.stat(&root).map(|stat| stat.kind).ok();
            let problem = target_problem(path, found, directory);
            // The client finds these out by itself, so nothing stands before them.
            let local = |text: String| ApiError::new(0, text);
            if unpack && found != Some(Kind::Directory) {
                return Err(local(format!("destination \"{text}:{path}\" must be a directory")));
            }
            if let Some(problem) = problem {
                return Err(local(problem.to_owned()));
            }
        }
        let edit = |files: &mut dyn FileSystem| {
            if files.stat(&parent).map(|s| s.kind) != Ok(Kind::Directory) {
                return Err(FsError::NotFound);
            }
            // Paths begin with the name of the thing; an existing directory takes it in, else it
            // gets the name that was asked for.
            let into = files.stat(&root).map(|s| s.kind) == Ok(Kind::Directory);
            for entry in entries.iter().take(MAX_COPY) {
                let rest = entry.path.split_once('/').map_or("", |(_, rest)| rest);
                let target = normal(&root, if into { &entry.path } else { rest });
                match &entry.content {
                    None => match files.make_dir(&target) {
                        Ok(()) | Err(FsError::Exists) => {}
                        Err(error) => return Err(error),
                    },
                    Some(content) => {
                        files.write(&target, content, now)?;
                        files.chmod(&target, entry.mode)?;
                    }
                }
            }
            Ok(())
        };
        let result = env.cx.within(|cx| env.machines.edit_files(&host, &machine_id, cx, edit));
        match result {
            Some(Ok(())) => {
                self.container_event(&id, "extract-to-dir", &[("path", path.to_owned())], env);
                Ok(Reply::Done)
            }
            Some(Err(FsError::NotFound)) | None => Err(ApiError::not_found(format!(
                "Could not find the file {parent} in container {text}"
            ))),
            Some(Err(error)) => Err(ApiError::internal(error.to_string())),
        }
    }

    /// Text for the standard input of a container.
    pub(crate) fn feed_stdin(
        &self,
        text: &str,
        input: Option<String>,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let (host, machine_id) = (self.host.clone(), ContainerId::from(id.as_str()));
        env.cx.within(|cx| env.machines.stdin(&host, &machine_id, input, cx));
        Ok(Reply::Done)
    }

    /// `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of a container that is being started or
    /// whose networks changed.
    pub(crate) fn write_hosts(&self, id: &str, env: &mut Env<'_, '_>) {
        let Some(c) = self.containers.get(id) else { return };
        if c.host.network_mode.starts_with("container:") {
            return;
        }
        let mut hosts = String::from(
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\t\
             ip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\t\
             ip6-allrouters\n",
        );
        let mut own_names: Vec<(std::sync::Arc<str>, std::net::Ipv4Addr)> = Vec::new();
        for (names, address) in self.extra_hosts(id) {
            hosts.push_str(&format!("{address}\t{names}\n"));
            if let Ok(address) = address.parse() {
                own_names.extend(names.split_whitespace().map(|n| (n.into(), address)));
            }
        }
        for endpoint in c.endpoints.values() {
            if let Some(ip) = endpoint.ip {
                hosts.push_str(&format!("{ip}\t{}\n", c.config.hostname));
                own_names.push((c.config.hostname.as_str().into(), ip));
            }
        }
        let place = env.place(id);
        env.fabric.set_hosts_file(&place, &own_names);
        let resolv = self.resolv_conf(id, env);
        let hostname = format!("{}\n", c.config.hostname);
        let machine_id = ContainerId::from(id);
        let files =
            [("/etc/hosts", hosts), ("/etc/hostname", hostname), ("/etc/resolv.conf", resolv)];
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), text.into())).collect();
        env.machines.put_files(&self.host, &machine_id, files);
    }

    /// Names of `--add-host` and `--link` with their addresses.
    pub(crate) fn extra_hosts(&self, id: &str) -> Vec<(String, String)> {
        let Some(c) = self.containers.get(id) else { return Vec::new() };
        let mut all = Vec::new();
        for extra in &c.host.extra_hosts {
            let Some((name, address)) = extra.split_once([':', '=']) else { continue };
            let address = if address == "host-gateway" {
                // The gateway of the default bridge (`host-gateway-ip`).
                let bridge = self.find_network("bridge").and_then(|n| n.info);
                bridge.map_or_else(|| "172.17.0.1".to_owned(), |i| i.gateway.to_string())
            } else {
                address.to_owned()
            };
            all.push((name.to_owned(), address));
        }
        for link in &c.host.links {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            let Some(other) = self.find(target).ok().and_then(|id| self.containers.get(&id)) else {
                continue;
            };
            let alias = alias.strip_prefix('/').unwrap_or(alias);
            if let Some(ip) = other.endpoints.values().find_map(|e| e.ip) {
                let text = format!("{alias} {} {}", names::short(&other.id), other.name);
                all.push((text, ip.to_string()));
            }
        }
        all
    }

    fn resolv_conf(&self, id: &str, env: &Env<'_, '_>) -> String {
        let Some(c) = self.containers.get(id) else { return String::new() };
        let head = "# Generated by Docker Engine.\n# This file can be edited; Docker Engine will \
                    not make further changes once it\n# has been modified.\n\n";
        let server = self.name_server(env);
        let user_network =
            c.endpoints.keys().any(|n| !matches!(n.as_str(), "bridge" | "host" | "none"));
        let own = &c.host.dns;
        // A dot alone stands for no search domain at all.
        let search: Vec<&str> =
            c.host.dns_search.iter().map(String::as_str).filter(|s| *s != ".").collect();
        let options = &c.host.dns_options;
        let overrides: Vec<&str> = [
            ("nameservers", own.is_empty()),
            ("search", c.host.dns_search.is_empty()),
            ("options", options.is_empty()),
        ]
        .into_iter()
        .filter_map(|(word, unset)| (!unset).then_some(word))
        .collect();
        let overrides = overrides.join(" ");
        let ndots = options.iter().any(|option| option.starts_with("ndots:"));
        let search = match search.is_empty() {
            true => String::new(),
            false => format!("search {}\n", search.join(" ")),
        };
        if user_network {
            let own_ndots = ["ndots:0".to_owned()];
            let external = if own.is_empty() { format!("host({server})") } else { own.join(" ") };
            return format!(
                "{head}nameserver 127.0.0.11\n{search}options {}\n\n# Based on host file: \
                 '/etc/resolv.conf' (internal resolver)\n# ExtServers: [{external}]\n# Overrides: \
                 [{overrides}]\n# Option ndots from: {}\n",
                if ndots {
                    options.join(" ")
                } else {
                    [own_ndots.as_slice(), options.as_slice()].concat().join(" ")
                },
                if ndots { "override" } else { "internal" }
            );
        }
        let servers = if own.is_empty() { vec![server] } else { own.clone() };
        let servers: String = servers.iter().map(|s| format!("nameserver {s}\n")).collect();
        format!(
            "{head}{servers}{search}{}\n# Based on host file: '/etc/resolv.conf'{}\n# Overrides: \
             [{overrides}]\n{}",
            match options.is_empty() {
                true => String::new(),
                false => format!("options {}\n", options.join(" ")),
            },
            if c.host.network_mode == "host" { "" } else { " (legacy)" },
            if ndots { "# Option ndots from: override\n" } else { "" },
        )
    }
}

fn archive_entry(path: &str, entry: &Entry) -> ArchiveEntry {
    let (content, mode) = match entry {
        Entry::File { content, mode, .. } => (Some(content.to_string()), *mode),
        Entry::Directory { mode } => (None, *mode),
        Entry::Link(_) => (Some(String::new()), 0o777),
    };
    ArchiveEntry { path: path.to_owned(), content, mode }
}
