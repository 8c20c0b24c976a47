//! What `ps`, `ls`, `images`, `volumes` and `stats` print, by format.
//!
//! Models docker compose v2.40.3 `cmd/compose/{ps,list,images,volumes,stats}.go` and
//! `cmd/formatter/{container,formatter}.go`.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::base::table::tabwriter;
use crate::compose::create::label;
use crate::compose::emit::Tree;
use crate::compose::plan;
use crate::compose::values::go_quote;
use crate::docker::api::{ContainerSummary, ImageInspect, Status, VolumeInspect};
use crate::docker::{ago, human_size3};
use crate::shell::docker::format::{List, ellipsis, labels};
use crate::shell::job::Io;

use super::flags::Parsed;
use super::tree::Failure;
use super::work::Work;

/// Longest command in a table.
const COMMAND: usize = 20;

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// The complaint of the lists that know only tables and JSON.
fn unknown_format(format: &str) -> Failure {
    Failure::new(format!("format value \"{format}\" could not be parsed: parsing failed"))
}

/// Ports as `ps` shows them.
fn ports(container: &ContainerSummary) -> String {
    let shown = container.ports.iter().map(|p| {
        let inside = format!("{}/{}", p.private, p.protocol.as_str());
        match (p.public, p.ip.contains(':')) {
            (0, _) => inside,
            (public, true) => format!("[{}]:{public}->{inside}", p.ip),
            (public, false) => format!("{}:{public}->{inside}", p.ip),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// Whether a container is at work, as lists without `--all` see it.
fn live(container: &ContainerSummary) -> bool {
    matches!(container.state, Status::Running | Status::Paused | Status::Restarting)
}

/// The states that `ps` is asked for.
fn statuses(parsed: &Parsed) -> Result<Vec<String>, Failure> {
    let mut statuses = parsed.many("status");
    if let Some(filter) = parsed.one("filter") {
        let Some((key, value)) = filter.split_once('=') else {
            return Err(Failure::new("arguments to --filter should be in form KEY=VAL"));
        };
        match key {
            "status" => statuses.push(value.to_owned()),
            "source" => return Err(Failure::new("not implemented")),
            _ => return Err(Failure::new("unknown filter name")),
        }
    }
    Ok(statuses)
}

/// Refuses filters of `ps` before anything is asked.
pub(super) fn check_ps(parsed: &Parsed) -> Result<(), Failure> {
    statuses(parsed).map(|_| ())
}

/// `ps`.
pub(super) fn ps(work: &Work, parsed: &Parsed, io: &mut Io<'_>) -> Result<(), Failure> {
    let statuses = statuses(parsed)?;
    let orphans = parsed.one("orphans").is_none() || parsed.on("orphans");
    let all = parsed.on("all");
    let fits = |c: &&ContainerSummary| {
        let words = &parsed.words;
        (all || !statuses.is_empty() || live(c))
            && (all || !plan::is_one_off(c))
            && (statuses.is_empty() || statuses.iter().any(|s| s == c.state.as_str()))
            && (words.is_empty() || words.iter().any(|w| w == plan::service_of(c)))
            && (orphans || work.project.service(plan::service_of(c)).is_some())
    };
    let mut containers: Vec<&ContainerSummary> = work.containers.iter().filter(fits).collect();
    containers.sort_by_key(|c| plan::name(c));
    if parsed.on("quiet") {
        containers.iter().for_each(|c| io.out(format!("{}\n", c.id)));
        return Ok(());
    }
    if parsed.on("services") {
        let mut names: Vec<&str> = containers.iter().map(|c| plan::service_of(c)).collect();
        names.dedup();
        names.iter().for_each(|name| io.out(format!("{name}\n")));
        return Ok(());
    }
    let cut = !parsed.on("no-trunc");
    let entries: Vec<_> = containers.iter().map(|c| fields(c, work, cut, io)).collect();
    let list = List {
        type_name: "*formatter.ContainerContext",
        headings: &HEADINGS,
        default_table: "{{.Name}}\t{{.Image}}\t{{.Command}}\t{{.Service}}\t{{.RunningFor}}\t\
                        {{.Status}}\t{{.Ports}}",
        raw: "",
        quiet_field: "ID",
    };
    io.out(list.print(parsed.one("format").unwrap_or_default(), false, &entries)?);
    Ok(())
}

const HEADINGS: [(&str, &str); 19] = [
    ("ID", "CONTAINER ID"),
    ("Name", "NAME"),
    ("Names", "NAMES"),
    ("Project", "PROJECT"),
    ("Service", "SERVICE"),
    ("Image", "IMAGE"),
    ("Command", "COMMAND"),
    ("CreatedAt", "CREATED AT"),
    ("RunningFor", "CREATED"),
    ("State", "STATE"),
    ("Status", "STATUS"),
    ("Health", "HEALTH"),
    ("ExitCode", "EXIT CODE"),
    ("Ports", "PORTS"),
    ("Labels", "LABELS"),
    ("Mounts", "MOUNTS"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Networks", "NETWORKS"),
    ("Size", "SIZE"),
];

/// Fields of a container.
fn fields(
    container: &ContainerSummary,
    work: &Work,
    cut: bool,
    io: &Io<'_>,
) -> BTreeMap<String, Value> {
    let created = container.created.rfc3339().replace('T', " ").replace('Z', " +0000 UTC");
    let publishers: Vec<Value> = container
        .ports
        .iter()
        .map(|p| {
            Value::object([
                ("URL", Value::from(&p.ip)),
                ("TargetPort", Value::from(u32::from(p.private))),
                ("PublishedPort", Value::from(u32::from(p.public))),
                ("Protocol", p.protocol.as_str().into()),
            ])
        })
        .collect();
    let mounts: Vec<&str> = container
        .mounts
        .iter()
        .map(|m| if m.name.is_empty() { m.source.as_str() } else { m.name.as_str() })
        .collect();
    let volumes = container.mounts.iter().filter(|m| !m.name.is_empty()).count();
    let networks: Vec<&str> = container.networks.keys().map(String::as_str).collect();
    let name = plan::name(container);
    let exit_code = if container.state == Status::Exited { container.exit_code } else { 0 };
    let command =
        if cut { ellipsis(&container.command, COMMAND) } else { container.command.clone() };
    let id = container.id.get(..12).filter(|_| cut).unwrap_or(&container.id);
    let by_name = container.labels.iter().map(|(k, v)| (k.clone(), Value::from(v))).collect();
    BTreeMap::from(
        [
            ("(Label)", Value::Map(by_name)),
            ("Command", go_quote(&command).into()),
            ("CreatedAt", created.into()),
            ("ExitCode", exit_code.into()),
            ("Health", container.health.map(|h| h.as_str()).unwrap_or_default().into()),
            ("ID", id.into()),
            ("Image", Value::from(&container.image)),
            ("Labels", labels(&container.labels).into()),
            ("LocalVolumes", volumes.to_string().into()),
            ("Mounts", mounts.join(",").into()),
            ("Name", Value::from(&name)),
            ("Names", name.into()),
            ("Networks", networks.join(",").into()),
            ("Ports", ports(container).into()),
            ("Project", Value::from(&work.project.name)),
            ("Publishers", Value::List(publishers)),
            ("RunningFor", ago(io.now.since(container.created)).into()),
            ("Service", plan::service_of(container).into()),
            ("Size", "0B".into()),
            ("State", container.state.as_str().into()),
            ("Status", Value::from(&container.status)),
        ]
        .map(|(k, v): (&str, Value)| (k.to_owned(), v)),
    )
}

/// The names that `ls` is asked for, as a pattern.
fn wanted(parsed: &Parsed) -> Result<Option<regex_lite::Regex>, Failure> {
    let mut pattern = None;
    for filter in parsed.many("filter") {
        let (key, value) = filter.split_once('=').unwrap_or((&filter, ""));
        if key != "name" {
            return Err(Failure::new(format!("invalid filter '{key}'")));
        }
        pattern = regex_lite::Regex::new(value).ok();
    }
    Ok(pattern)
}

/// `ls`.
pub(super) fn ls(
    containers: &[ContainerSummary],
    parsed: &Parsed,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let pattern = wanted(parsed)?;
    let mut projects: BTreeMap<&str, (BTreeMap<&str, u32>, &str)> = BTreeMap::new();
    for container in containers.iter().filter(|c| !plan::is_one_off(c)) {
        let label_of =
            |key: &str| container.labels.get(key).map(String::as_str).unwrap_or_default();
        let name = label_of(label::PROJECT);
        let named = pattern.as_ref().is_none_or(|pattern| pattern.is_match(name));
        if !named || !live(container) && !parsed.on("all") {
            continue;
        }
        let entry = projects.entry(name).or_default();
        *entry.0.entry(container.state.as_str()).or_default() += 1;
        entry.1 = label_of(label::FILES);
    }
    if parsed.on("quiet") {
        projects.keys().for_each(|name| io.out(format!("{name}\n")));
        return Ok(());
    }
    let status = |states: &BTreeMap<&str, u32>| {
        let shown: Vec<String> = states.iter().map(|(s, n)| format!("{s}({n})")).collect();
        shown.join(", ")
    };
    match parsed.one("format") {
        Some("json") => {
            let text = |key: &str, value: &str| (key.to_owned(), Tree::Text(value.to_owned()));
            let entries = projects.iter().map(|(name, (states, files))| {
                Tree::Map(vec![
                    text("Name", name),
                    text("Status", &status(states)),
                    text("ConfigFiles", files),
                ])
            });
            io.out(format!("{}\n", Tree::List(entries.collect()).compact()));
        }
        None | Some("" | "table" | "pretty") => {
            let mut rows = vec![row(["NAME", "STATUS", "CONFIG FILES"])];
            for (name, (states, files)) in &projects {
                rows.push(vec![(*name).to_owned(), status(states), (*files).to_owned()]);
            }
            io.out(tabwriter(&rows, 20, 3));
        }
        Some(other) => return Err(unknown_format(other)),
    }
    Ok(())
}

/// An image that a container uses.
#[derive(Clone, Debug)]
pub(super) struct Used {
    container: String,
    repository: String,
    tag: String,
    platform: String,
    id: String,
    size: u64,
    created: String,
    tagged: String,
}

/// What `images` says of a container.
pub(super) fn used(container: &ContainerSummary, image: &ImageInspect, io: &Io<'_>) -> Used {
    let tag =
        image.summary.repo_tags.iter().find(|t| {
            **t == container.image || t.strip_suffix(":latest") == Some(&container.image)
        });
    let full = tag.or(image.summary.repo_tags.first()).cloned().unwrap_or_default();
    let (repository, tag) = match full.rsplit_once(':') {
        Some((repository, tag)) => (repository.to_owned(), tag.to_owned()),
        None => ("<none>".to_owned(), "<none>".to_owned()),
    };
    // Compose 2.40.3 reads no time for images older than the world and shows Go's longest age.
    let created = if image.summary.older_seconds > 0 {
        "292 years ago".to_owned()
    } else {
        ago(io.now.since(image.summary.created))
    };
    Used {
        container: plan::name(container),
        repository,
        tag,
        platform: format!("{}/{}", image.os, image.architecture),
        id: image.summary.id.clone(),
        size: image.summary.size,
        created,
        tagged: image.summary.created.rfc3339_nano(),
    }
}

/// `images`.
pub(super) fn images(mut list: Vec<Used>, parsed: &Parsed, io: &mut Io<'_>) -> Result<(), Failure> {
    list.sort_by(|a, b| a.container.cmp(&b.container));
    if parsed.on("quiet") {
        let mut ids: Vec<&str> = Vec::new();
        for image in &list {
            let id = image.id.strip_prefix("sha256:").unwrap_or(&image.id);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids.iter().for_each(|id| io.out(format!("{id}\n")));
        return Ok(());
    }
    match parsed.one("format") {
        Some("json") => {
            let text = |key: &str, value: &str| (key.to_owned(), Tree::Text(value.to_owned()));
            let entries = list.iter().map(|image| {
                Tree::Map(vec![
                    text("ID", &image.id),
                    text("ContainerName", &image.container),
                    text("Repository", &image.repository),
                    text("Tag", &image.tag),
                    text("Platform", &image.platform),
                    ("Size".to_owned(), Tree::Plain(image.size.to_string())),
                    text("LastTagTime", &image.tagged),
                ])
            });
            io.out(format!("{}\n", Tree::List(entries.collect()).compact()));
        }
        None | Some("" | "table" | "pretty") => {
            let head =
                ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"];
            let mut rows = vec![row(head)];
            for image in list {
                let id = image.id.strip_prefix("sha256:").unwrap_or(&image.id);
                rows.push(vec![
                    image.container,
                    image.repository,
                    image.tag,
                    image.platform,
                    id.get(..12).unwrap_or(id).to_owned(),
                    human_size3(image.size),
                    image.created,
                ]);
            }
            io.out(tabwriter(&rows, 20, 3));
        }
        Some(other) => return Err(unknown_format(other)),
    }
    Ok(())
}

/// `volumes`.
pub(super) fn volumes(
    volumes: &[VolumeInspect],
    parsed: &Parsed,
    io: &mut Io<'_>,
) -> Result<(), Failure> {
    let entries: Vec<_> = volumes.iter().map(crate::shell::docker::volumes::fields).collect();
    let list = crate::shell::docker::volumes::LIST;
    let format = parsed.one("format").unwrap_or_default();
    io.out(list.print(format, parsed.on("quiet"), &entries)?);
    Ok(())
}
