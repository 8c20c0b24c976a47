//! `docker version`, `info`, `system df`, `events`.

use std::collections::BTreeMap;

use crate::base::gotemplate::{MissingKey, Template, Value};
use crate::docker::api::{DiskUsage, DockerEvent, Reply, Request, SystemInfo, VersionInfo};
use crate::docker::{bytes_size, human_size};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::{One, filters};
use crate::shell::docker::format::List;
use crate::shell::docker::text::{nano_time, parse_moment, show};
use crate::shell::job::{Io, Ticket, Wake};

const FORMAT: Flag = flag("format", 'f', Kind::Text, "Format output using a custom template");
/// Versions of the parts that ship with Engine 28.5.2.
const CONTAINERD: (&str, &str) = ("v1.7.28", "b98a3aace656320842a23f4a392a33f46af97866");
const RUNC: (&str, &str) = ("1.3.0", "v1.3.0-0-g4ca628d1");
const INIT: (&str, &str) = ("0.19.0", "de40ad0");

const fn spec(path: &'static str, about: &'static str, flags: &'static [Flag]) -> Spec {
    Spec { path, usage: "[OPTIONS]", about, count: Count::None, stop_at_argument: false, flags }
}

pub(crate) const VERSION: Spec = spec("version", "Show the Docker version information", &[FORMAT]);
pub(crate) const INFO: Spec = spec("info", "Display system-wide information", &[FORMAT]);
pub(crate) const DF: Spec = spec(
    "system df",
    "Show docker disk usage",
    &[
        flag("format", ' ', Kind::Text, "Format output using a custom template"),
        flag("verbose", 'v', Kind::Bool, "Show detailed information on space usage"),
    ],
);
pub(crate) const EVENTS: Spec = spec(
    "events",
    "Get real time events from the server",
    &[
        flag("filter", 'f', Kind::List, "Filter output based on conditions provided"),
        flag("format", ' ', Kind::Text, "Format output using a custom template"),
        flag("since", ' ', Kind::Text, "Show all events created since timestamp"),
        flag("until", ' ', Kind::Text, "Stream events until this timestamp"),
    ],
);

pub(crate) fn version(parsed: Parsed, io: &mut Io<'_>) -> State {
    State::One(One::ask(parsed, Request::Version, print_version, io))
}

/// Print by `--format`; `name` is what the client calls its template, `type_name` Go's type.
fn template(
    parsed: &Parsed,
    value: &Value,
    (name, type_name): (&str, &str),
    io: &mut Io<'_>,
) -> Option<u8> {
    let format = match parsed.text("format") {
        "" => return None,
        "json" => "{{json .}}",
        other => other,
    };
    let text = Template::parse(name, format)
        .map_err(|e| format!("template parsing error: {e}"))
        .and_then(|t| {
            let typed = format!("type {type_name}");
            t.execute(value, MissingKey::Error).map_err(|e| e.replace("type struct", &typed))
        })
        .map(|text| format!("{text}\n"));
    Some(show(text, io))
}

fn print_version(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Version(v) = reply else { return 1 };
    let part = || {
        Value::object([
            ("Version", (&v.version).into()),
            ("ApiVersion", (&v.api_version).into()),
            // Templates know it by Go's name.
            ("?APIVersion", (&v.api_version).into()),
            ("MinAPIVersion", (&v.min_api_version).into()),
            ("GitCommit", (&v.git_commit).into()),
            ("GoVersion", (&v.go_version).into()),
            ("Os", (&v.os).into()),
            ("Arch", (&v.arch).into()),
            ("KernelVersion", (&v.kernel_version).into()),
            ("BuildTime", (&v.build_time).into()),
            ("Context", "default".into()),
        ])
    };
    let value = Value::object([("Client", part()), ("Server", part())]);
    if let Some(code) = template(parsed, &value, ("version", "system.versionInfo"), io) {
        return code;
    }
    io.out(version_text(&v));
    0
}

fn version_text(v: &VersionInfo) -> String {
    let VersionInfo { version, api_version, go_version, git_commit, build_time, os, arch, .. } = v;
    let least = &v.min_api_version;
    let mut out = format!(
        "Client:\n Version:           {version}\n API version:       {api_version}\n \
         Go version:        {go_version}\n Git commit:        {git_commit}\n \
         Built:             {build_time}\n OS/Arch:           {os}/{arch}\n \
         Context:           default\n\nServer:\n Engine:\n  Version:          {version}\n  \
         API version:      {api_version} (minimum version {least})\n  \
         Go version:       {go_version}\n  Git commit:       {git_commit}\n  \
         Built:            {build_time}\n  OS/Arch:          {os}/{arch}\n  \
         Experimental:     false\n"
    );
    for (name, (version, commit)) in
        [("containerd", CONTAINERD), ("runc", RUNC), ("docker-init", INIT)]
    {
        out.push_str(&format!(
            " {name}:\n  Version:          {version}\n  GitCommit:        {commit}\n"
        ));
    }
    out
}

pub(crate) fn info(parsed: Parsed, io: &mut Io<'_>) -> State {
    State::One(One::ask(parsed, Request::Info, print_info, io))
}

fn print_info(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Info(info) = reply else { return 1 };
    let value = Value::object([
        ("ID", (&info.id).into()),
        ("Containers", info.containers.into()),
        ("ContainersRunning", info.running.into()),
        ("ContainersPaused", info.paused.into()),
        ("ContainersStopped", info.stopped.into()),
        ("Images", info.images.into()),
        ("Driver", "overlay2".into()),
        ("LoggingDriver", "json-file".into()),
        ("CgroupDriver", "cgroupfs".into()),
        ("CgroupVersion", "1".into()),
        ("KernelVersion", (&info.kernel_version).into()),
        ("OperatingSystem", (&info.operating_system).into()),
        ("OSType", "linux".into()),
        ("Architecture", (&info.architecture).into()),
        ("NCPU", info.cpus.into()),
        ("MemTotal", info.memory.into()),
        ("Name", (&info.name).into()),
        ("ServerVersion", (&info.version).into()),
        ("DockerRootDir", "/var/lib/docker".into()),
        ("DefaultRuntime", "runc".into()),
        ("Swarm", Value::object([("LocalNodeState", "inactive".into()), ("NodeID", "".into())])),
        ("LiveRestoreEnabled", false.into()),
        ("SystemTime", info.now.rfc3339_nano().into()),
    ]);
    if let Some(code) = template(parsed, &value, ("", "system.dockerInfo"), io) {
        return code;
    }
    io.out(info_text(&info));
    0
}

fn info_text(i: &SystemInfo) -> String {
    let SystemInfo { containers, running, paused, stopped, images, version, .. } = i;
    let SystemInfo { kernel_version, operating_system, architecture, cpus, name, id, .. } = i;
    let memory = bytes_size(i.memory);
    let runc = RUNC.1;
    let (containerd, init) = (CONTAINERD.1, INIT.1);
    format!(
        "Client:\n Version:    {version}\n Context:    default\n Debug Mode: false\n Plugins:\n  \
         buildx: Docker Buildx (Docker Inc.)\n    Version:  v0.29.1\n    \
         Path:     /usr/libexec/docker/cli-plugins/docker-buildx\n  \
         compose: Docker Compose (Docker Inc.)\n    Version:  v2.40.3\n    \
         Path:     /usr/libexec/docker/cli-plugins/docker-compose\n\nServer:\n \
         Containers: {containers}\n  Running: {running}\n  Paused: {paused}\n  \
         Stopped: {stopped}\n Images: {images}\n Server Version: {version}\n \
         Storage Driver: overlay2\n  Backing Filesystem: extfs\n  Supports d_type: true\n  \
         Using metacopy: false\n  Native Overlay Diff: true\n  userxattr: false\n \
         Logging Driver: json-file\n Cgroup Driver: cgroupfs\n Cgroup Version: 1\n Plugins:\n  \
         Volume: local\n  Network: bridge host ipvlan macvlan null overlay\n  \
         Log: awslogs fluentd gelf journald json-file local splunk syslog\n \
         CDI spec directories:\n  /etc/cdi\n  /var/run/cdi\n Swarm: inactive\n \
         Runtimes: io.containerd.runc.v2 runc\n Default Runtime: runc\n \
         Init Binary: docker-init\n containerd version: {containerd}\n runc version: {runc}\n \
         init version: {init}\n Security Options:\n  seccomp\n   Profile: builtin\n \
         Kernel Version: {kernel_version}\n Operating System: {operating_system}\n \
         OSType: linux\n Architecture: {architecture}\n CPUs: {cpus}\n Total Memory: {memory}\n \
         Name: {name}\n ID: {id}\n Docker Root Dir: /var/lib/docker\n Debug Mode: false\n \
         Experimental: false\n Insecure Registries:\n  ::1/128\n  127.0.0.0/8\n \
         Live Restore Enabled: false\n\n"
    )
}

pub(crate) fn df(parsed: Parsed, io: &mut Io<'_>) -> State {
    State::One(One::ask(parsed, Request::DiskUsage, print_df, io))
}

fn print_df(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::DiskUsage(usage) = reply else { return 1 };
    let fields = ["Type", "TotalCount", "Active", "Size", "Reclaimable"];
    let entry = |row: Vec<String>| {
        let named = fields.iter().zip(row);
        named.map(|(field, text)| ((*field).to_owned(), Value::from(text))).collect()
    };
    let entries: Vec<BTreeMap<String, Value>> = df_rows(&usage).into_iter().map(entry).collect();
    let list = List {
        type_name: "*formatter.diskUsageContext",
        headings: &[
            ("Type", "TYPE"),
            ("TotalCount", "TOTAL"),
            ("Active", "ACTIVE"),
            ("Size", "SIZE"),
            ("Reclaimable", "RECLAIMABLE"),
        ],
        default_table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
        raw: "",
        quiet_field: "Type",
    };
    show(list.print(parsed.text("format"), false, &entries), io)
}

fn df_rows(u: &DiskUsage) -> Vec<Vec<String>> {
    let with_percent = |part: u64, all: u64| {
        let text = human_size(part);
        match (part * 100).checked_div(all) {
            Some(percent) => format!("{text} ({percent}%)"),
            None => text,
        }
    };
    let row = |name: &str, total: usize, active: usize, size: u64, free: String| {
        vec![name.to_owned(), total.to_string(), active.to_string(), human_size(size), free]
    };
    let active_images = u.images.iter().filter(|i| i.containers > 0).count();
    let used: u64 = u.images.iter().filter(|i| i.containers > 0).map(|i| i.size).sum();
    let image_free = u.layers_size.saturating_sub(used);
    let own = |running: bool| {
        u.containers
            .iter()
            .filter(|c| !running || c.state == crate::docker::api::Status::Running)
            .map(|c| c.size.0)
            .sum::<u64>()
    };
    let active =
        u.containers.iter().filter(|c| c.state == crate::docker::api::Status::Running).count();
    let volumes: u64 = u.volumes.iter().map(|(_, bytes, _)| bytes).sum();
    let idle: u64 = u.volumes.iter().filter(|(_, _, users)| *users == 0).map(|v| v.1).sum();
    let busy = u.volumes.iter().filter(|(_, _, users)| *users > 0).count();
    let (records, bytes) = u.build_cache;
    let cache = human_size(bytes);
    vec![
        row(
            "Images",
            u.images.len(),
            active_images,
            u.layers_size,
            with_percent(image_free, u.layers_size),
        ),
        row(
            "Containers",
            u.containers.len(),
            active,
            own(false),
            with_percent(own(false) - own(true), own(false)),
        ),
        row("Local Volumes", u.volumes.len(), busy, volumes, with_percent(idle, volumes)),
        row("Build Cache", usize::try_from(records).unwrap_or(0), 0, bytes, cache),
    ]
}

/// A running `events`.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    ticket: Ticket,
    format: String,
    template: Option<Template>,
}

pub(crate) fn events(parsed: Parsed, io: &mut Io<'_>) -> State {
    let filters = match filters(&parsed) {
        Ok(filters) => filters,
        Err(text) => return State::fail(&text, 125, io),
    };
    let format = parsed.text("format").to_owned();
    let template = match format.as_str() {
        "" | "json" | "{{json .}}" => None,
        text => match Template::parse("", text) {
            Ok(template) => Some(template),
            Err(error) => {
                return State::fail(&format!("Error parsing format: {error}"), 64, io);
            }
        },
    };
    let moment = |name: &str| parsed.has(name).then(|| parse_moment(parsed.text(name), io.now));
    let (since, until) = (moment("since"), moment("until"));
    for (value, name) in [(&since, "since"), (&until, "until")] {
        if *value == Some(None) {
            let text =
                format!("failed to parse value as time or duration: {:?}", parsed.text(name));
            return State::fail(&text, 1, io);
        }
    }
    let request = Request::Events { since: since.flatten(), until: until.flatten(), filters };
    let ticket = io.ask_docker(request);
    State::Events(Events { ticket, format, template })
}

fn event_value(e: &DockerEvent) -> Value {
    let attributes: BTreeMap<String, Value> =
        e.attributes.iter().map(|(k, v)| (k.clone(), v.into())).collect();
    let actor = Value::object([("ID", (&e.id).into()), ("Attributes", Value::Map(attributes))]);
    let from = e.attributes.iter().find(|(k, _)| k == "image").map_or("", |(_, v)| v.as_str());
    Value::object([
        ("Status", (&e.action).into()),
        ("ID", (&e.id).into()),
        ("From", from.into()),
        ("Type", e.kind.into()),
        ("Action", (&e.action).into()),
        ("Actor", actor),
        ("Scope", "local".into()),
        ("Time", e.at.unix_seconds().into()),
        ("TimeNano", (e.at.unix_seconds() * 1_000_000_000 + e.at.0 % 1_000_000 * 1_000).into()),
    ])
}

/// The JSON names of the fields differ from Go's.
fn event_json(e: &DockerEvent) -> String {
    let Value::Struct(fields) = event_value(e) else { return String::new() };
    let container = e.kind == "container" || e.kind == "image";
    let rename = |(name, value): (String, Value)| {
        let json = match name.as_str() {
            "Status" | "ID" | "From" if !container => return None,
            "From" if value == Value::from("") => return None,
            "Status" => "status",
            "ID" => "id",
            "From" => "from",
            "Scope" => "scope",
            "Time" => "time",
            "TimeNano" => "timeNano",
            other => return Some((other.to_owned(), value)),
        };
        Some((json.to_owned(), value))
    };
    Value::Struct(fields.into_iter().filter_map(rename).collect()).json()
}

fn event_text(e: &DockerEvent) -> String {
    let mut text = format!("{} {} {} {}", nano_time(e.at), e.kind, e.action, e.id);
    if !e.attributes.is_empty() {
        let list: Vec<String> = e.attributes.iter().map(|(k, v)| format!("{k}={v}")).collect();
        text.push_str(&format!(" ({})", list.join(", ")));
    }
    text
}

impl Events {
    /// Go on.
    pub(crate) fn resume(&self, wake: Wake, io: &mut Io<'_>) {
        match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => match result {
                Ok(Reply::Event(event)) => {
                    let text = match &self.template {
                        None if self.format.is_empty() => Ok(event_text(&event)),
                        None => Ok(event_json(&event)),
                        Some(t) => {
                            let typed = t.execute(&event_value(&event), MissingKey::NoValue);
                            typed.map_err(|e| {
                                let e = e.replace("type struct", "type *events.Message");
                                format!("Error parsing format: {e}")
                            })
                        }
                    };
                    match text {
                        Ok(text) => io.out(format!("{text}\n")),
                        Err(error) => {
                            io.err(format!("{error}\n"));
                            io.exit(64);
                        }
                    }
                }
                Ok(_) => io.exit(0),
                Err(error) => {
                    io.err(format!("{}\n", error.client_text()));
                    io.exit(1);
                }
            },
            Wake::Signal(signal) => io.exit(128 + signal),
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;

    #[test]
    fn lines() {
        let event = DockerEvent {
            at: SimTime(1_500_000),
            host: "host".into(),
            kind: "network",
            action: "create".into(),
            id: "611".into(),
            attributes: vec![("name".into(), "nn".into()), ("type".into(), "bridge".into())],
        };
        assert_eq!(
            event_text(&event),
            "2026-01-05T09:00:01.500000000Z network create 611 (name=nn, type=bridge)"
        );
        assert!(event_json(&event).starts_with("{\"Type\":\"network\",\"Action\":\"create\""));
    }
}
