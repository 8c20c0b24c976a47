//! `docker ps`.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::docker::api::{ContainerSummary, MountKind, PortSummary, Reply, Request};
use crate::docker::{human_size3, short};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::{One, filters};
use crate::shell::docker::format::{List, ellipsis, labels};
use crate::shell::docker::text::{ago, go_quote, go_time};
use crate::shell::job::Io;

const FLAGS: &[Flag] = &[
    flag("all", 'a', Kind::Bool, "Show all containers (default shows just running)"),
    flag("filter", 'f', Kind::List, "Filter output based on conditions provided"),
    flag("format", ' ', Kind::Text, "Format output using a custom template"),
    flag(
        "last",
        'n',
        Kind::Int,
        "Show n last created containers (includes all states) (default -1)",
    ),
    flag("latest", 'l', Kind::Bool, "Show the latest created container (includes all states)"),
    flag("no-trunc", ' ', Kind::Bool, "Don't truncate output"),
    flag("quiet", 'q', Kind::Bool, "Only display container IDs"),
    flag("size", 's', Kind::Bool, "Display total file sizes"),
];

/// Its face.
pub(crate) const SPEC: Spec = Spec {
    path: "ps",
    usage: "[OPTIONS]",
    about: "List containers",
    count: Count::None,
    stop_at_argument: false,
    flags: FLAGS,
};

/// Longest command in the table (`maxContainerCommand`).
const COMMAND: usize = 20;

/// Begin.
pub(crate) fn start(parsed: Parsed, io: &mut Io<'_>) -> State {
    let filters = match filters(&parsed) {
        Ok(filters) => filters,
        Err(text) => return State::fail(&text, 125, io),
    };
    let limit = if parsed.is("latest") {
        Some(1)
    } else {
        parsed.int("last").and_then(|n| u64::try_from(n).ok())
    };
    let size = parsed.is("size") || parsed.text("format").contains(".Size");
    let request = Request::ContainerList { all: parsed.is("all"), limit, filters, size };
    State::One(One::ask(parsed, request, print, io))
}

fn print(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Containers(containers) = reply else { return 1 };
    let trunc = !parsed.is("no-trunc");
    let entries: Vec<_> = containers.iter().map(|c| fields(c, trunc, io.now)).collect();
    let size = if parsed.is("size") { "\t{{.Size}}" } else { "" };
    let table = format!(
        "{{{{.ID}}}}\t{{{{.Image}}}}\t{{{{.Command}}}}\t{{{{.RunningFor}}}}\t{{{{.Status}}}}\t\
         {{{{.Ports}}}}\t{{{{.Names}}}}{size}"
    );
    let list = List {
        type_name: "*formatter.ContainerContext",
        headings: &[
            ("ID", "CONTAINER ID"),
            ("Image", "IMAGE"),
            ("Command", "COMMAND"),
            ("RunningFor", "CREATED"),
            ("CreatedAt", "CREATED AT"),
            ("Status", "STATUS"),
            ("State", "STATE"),
            ("Ports", "PORTS"),
            ("Names", "NAMES"),
            ("Size", "SIZE"),
            ("Labels", "LABELS"),
            ("Mounts", "MOUNTS"),
            ("LocalVolumes", "LOCAL VOLUMES"),
            ("Networks", "NETWORKS"),
            ("Platform", "PLATFORM"),
        ],
        default_table: &table,
        raw: "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n\
              created_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\n\
              status: {{- pad .Status 1 0}}\nnames: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\n\
              ports: {{- pad .Ports 1 0}}\n",
        quiet_field: "ID",
    };
    let format = parsed.text("format");
    let checked = list.check(format);
    super::text::show(checked.and_then(|()| list.print(format, parsed.is("quiet"), &entries)), io)
}

/// Fields of one container.
fn fields(
    c: &ContainerSummary,
    trunc: bool,
    now: crate::base::time::SimTime,
) -> BTreeMap<String, Value> {
    let id = if trunc { short(&c.id) } else { &c.id };
    let image = if c.image.is_empty() {
        "<no image>".to_owned()
    } else if trunc && c.image.starts_with("sha256:") {
        short(&c.image).to_owned()
    } else {
        c.image.clone()
    };
    let command = if trunc { ellipsis(&c.command, COMMAND) } else { c.command.clone() };
    let names: Vec<&str> = c.names.iter().map(|n| n.strip_prefix('/').unwrap_or(n)).collect();
    let mounts: Vec<String> = c
        .mounts
        .iter()
        .map(|m| {
            let name = if m.name.is_empty() { &m.source } else { &m.name };
            if trunc { ellipsis(name, 15) } else { name.clone() }
        })
        .collect();
    let volumes = c.mounts.iter().filter(|m| m.kind == MountKind::Volume).count();
    let networks: Vec<&str> = c.networks.keys().map(String::as_str).collect();
    let size = if c.size.1 > 0 {
        format!("{} (virtual {})", human_size3(c.size.0), human_size3(c.size.1))
    } else {
        human_size3(c.size.0)
    };
    let by_name: BTreeMap<String, Value> =
        c.labels.iter().map(|(k, v)| (k.clone(), Value::from(v))).collect();
    BTreeMap::from(
        [
            ("(Label)", Value::Map(by_name)),
            ("ID", id.into()),
            ("Image", image.into()),
            ("Command", go_quote(&command).into()),
            ("CreatedAt", go_time(c.created).into()),
            ("RunningFor", ago(now.since(c.created)).into()),
            ("Status", Value::from(&c.status)),
            ("State", c.state.as_str().into()),
            ("Ports", ports(&c.ports).into()),
            ("Names", names.join(",").into()),
            ("Size", size.into()),
            ("Labels", labels(&c.labels).into()),
            ("Mounts", mounts.join(",").into()),
            ("LocalVolumes", volumes.to_string().into()),
            ("Networks", networks.join(",").into()),
            ("Platform", Value::Nil),
        ]
        .map(|(k, v): (&str, Value)| (k.to_owned(), v)),
    )
}

fn join_host(ip: &str, port: &str) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

/// `DisplayablePorts`: neighbouring ports that keep their number become a range.
pub(crate) fn ports(ports: &[PortSummary]) -> String {
    let mut sorted: Vec<&PortSummary> = ports.iter().collect();
    sorted.sort_by(|a, b| {
        (a.private, &a.ip, a.public, a.protocol.as_str()).cmp(&(
            b.private,
            &b.ip,
            b.public,
            b.protocol.as_str(),
        ))
    });
    let group = |ip: &str, kind: &str, first: u16, last: u16| {
        let range = if first == last { first.to_string() } else { format!("{first}-{last}") };
        if ip.is_empty() {
            format!("{range}/{kind}")
        } else {
            format!("{}->{range}/{kind}", join_host(ip, &range))
        }
    };
    let mut result = Vec::new();
    let mut mapped = Vec::new();
    let mut groups: Vec<(&str, &str, u16, u16)> = Vec::new();
    for port in sorted {
        let kind = port.protocol.as_str();
        let current = port.private;
        if !port.ip.is_empty() && port.public != current {
            let host = join_host(&port.ip, &port.public.to_string());
            mapped.push(format!("{host}->{current}/{kind}"));
            continue;
        }
        match groups.iter_mut().find(|g| g.0 == port.ip && g.1 == kind) {
            None => groups.push((&port.ip, kind, current, current)),
            Some(open) if current == open.3 || current == open.3.saturating_add(1) => {
                open.3 = current;
            }
            Some(open) => {
                result.push(group(open.0, open.1, open.2, open.3));
                (open.2, open.3) = (current, current);
            }
        }
    }
    result.extend(groups.into_iter().map(|(ip, kind, first, last)| group(ip, kind, first, last)));
    result.extend(mapped);
    result.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::api::Protocol;

    #[test]
    fn port_texts() {
        let port = |ip: &str, private, public, protocol| PortSummary {
            ip: ip.into(),
            private,
            public,
            protocol,
        };
        let tcp = Protocol::Tcp;
        for (list, text) in [
            (
                vec![port("0.0.0.0", 80, 8080, tcp), port("::", 80, 8080, tcp)],
                "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
            ),
            (
                vec![
                    port("", 80, 0, tcp),
                    port("0.0.0.0", 53, 5353, Protocol::Udp),
                    port("::", 53, 5353, Protocol::Udp),
                ],
                "80/tcp, 0.0.0.0:5353->53/udp, [::]:5353->53/udp",
            ),
            (vec![port("", 3306, 0, tcp), port("", 33060, 0, tcp)], "3306/tcp, 33060/tcp"),
            (vec![port("", 80, 0, tcp), port("", 81, 0, tcp)], "80-81/tcp"),
            (vec![port("0.0.0.0", 80, 80, tcp)], "0.0.0.0:80->80/tcp"),
        ] {
            assert_eq!(ports(&list), text);
        }
    }
}
