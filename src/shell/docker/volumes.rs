//! `docker volume …`.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::docker::api::{Reply, Request, VolumeConfig, VolumeInspect};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::{Each, One, filters, print_name};
use crate::shell::docker::format::{List, labels};
use crate::shell::docker::networks::pairs;
use crate::shell::docker::text::show;
use crate::shell::job::Io;

const fn spec(
    path: &'static str,
    usage: &'static str,
    about: &'static str,
    count: Count,
    flags: &'static [Flag],
) -> Spec {
    Spec { path, usage, about, count, stop_at_argument: false, flags }
}

pub(crate) const LS: Spec = spec(
    "volume ls",
    "[OPTIONS]",
    "List volumes",
    Count::None,
    &[
        flag("filter", 'f', Kind::List, "Provide filter values (e.g. \"dangling=true\")"),
        flag("format", ' ', Kind::Text, "Format output using a custom template"),
        flag("quiet", 'q', Kind::Bool, "Only display volume names"),
    ],
);
pub(crate) const CREATE: Spec = spec(
    "volume create",
    "[OPTIONS] [VOLUME]",
    "Create a volume",
    Count::AtMost(1),
    &[
        flag("driver", 'd', Kind::Text, "Specify volume driver name (default \"local\")"),
        flag("label", ' ', Kind::List, "Set metadata for a volume"),
        flag("name", ' ', Kind::Text, "Specify volume name"),
        flag("opt", 'o', Kind::List, "Set driver specific options (default map[])"),
    ],
);
pub(crate) const RM: Spec = spec(
    "volume rm",
    "[OPTIONS] VOLUME [VOLUME...]",
    "Remove one or more volumes",
    Count::AtLeast(1),
    &[flag("force", 'f', Kind::Bool, "Force the removal of one or more volumes")],
);

pub(crate) fn ls(parsed: Parsed, io: &mut Io<'_>) -> State {
    match filters(&parsed) {
        Ok(filters) => State::One(One::ask(parsed, Request::VolumeList { filters }, print, io)),
        Err(text) => State::fail(&text, 125, io),
    }
}

fn print(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Volumes(volumes) = reply else { return 1 };
    let entries: Vec<BTreeMap<String, Value>> = volumes.iter().map(fields).collect();
    show(LIST.print(parsed.text("format"), parsed.is("quiet"), &entries), io)
}

/// Fields of one volume.
pub(crate) fn fields(volume: &VolumeInspect) -> BTreeMap<String, Value> {
    let own = volume.labels.clone().unwrap_or_default();
    let by_name = own.iter().map(|(k, v)| (k.clone(), Value::from(v))).collect();
    BTreeMap::from(
        [
            ("(Label)", Value::Map(by_name)),
            ("Name", Value::from(&volume.name)),
            ("Driver", Value::from(&volume.driver)),
            ("Scope", Value::from(&volume.scope)),
            ("Mountpoint", Value::from(&volume.mountpoint)),
            ("Labels", labels(&own).into()),
            ("Links", "N/A".into()),
            ("Size", "N/A".into()),
            ("Availability", "N/A".into()),
            ("Group", "N/A".into()),
            ("Status", "N/A".into()),
        ]
        .map(|(k, v): (&str, Value)| (k.to_owned(), v)),
    )
}

/// The list of volumes.
pub(crate) const LIST: List<'static> = List {
    type_name: "*formatter.volumeContext",
    headings: &[
        ("Name", "VOLUME NAME"),
        ("Driver", "DRIVER"),
        ("Scope", "SCOPE"),
        ("Mountpoint", "MOUNTPOINT"),
        ("Labels", "LABELS"),
        ("Links", "LINKS"),
        ("Size", "SIZE"),
        ("Availability", "AVAILABILITY"),
        ("Group", "GROUP"),
        ("Status", "STATUS"),
    ],
    default_table: "{{.Driver}}\t{{.Name}}",
    raw: "name: {{.Name}}\ndriver: {{.Driver}}\n",
    quiet_field: "Name",
};

pub(crate) fn create(parsed: Parsed, io: &mut Io<'_>) -> State {
    let argument = parsed.args.first().cloned().unwrap_or_default();
    if parsed.has("name") && !argument.is_empty() {
        let text = "conflicting options: cannot specify a volume name through both --name and as a \
                    positional arg";
        return State::fail(text, 1, io);
    }
    let name = if argument.is_empty() { parsed.text("name").to_owned() } else { argument };
    let config = VolumeConfig {
        name,
        driver: parsed.text("driver").to_owned(),
        driver_opts: pairs(parsed.list("opt")),
        labels: pairs(parsed.list("label")),
    };
    State::One(One::ask(parsed, Request::VolumeCreate(config), print_created, io))
}

fn print_created(_: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Volume(volume) = reply else { return 1 };
    io.out(format!("{}\n", volume.name));
    0
}

pub(crate) fn rm(parsed: Parsed, io: &mut Io<'_>) -> State {
    let force = parsed.is("force");
    let requests = parsed
        .args
        .iter()
        .map(|name| (name.clone(), Request::VolumeRemove { name: name.clone(), force }))
        .collect();
    State::Each(Each::new(parsed, requests, print_name).begin(io))
}
