//! `docker images`, `history`, `tag`, `rmi`.

use std::collections::BTreeMap;

use crate::base::gotemplate::Value;
use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::{ApiError, ImageRemoval, ImageSummary, Reply, Request};
use crate::docker::{ImageRef, human_size3, short};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::{Each, One, filters, print_nothing};
use crate::shell::docker::format::{List, ellipsis};
use crate::shell::docker::text::{ago, go_time, show};
use crate::shell::job::Io;

const FORMAT: Flag = flag("format", ' ', Kind::Text, "Format output using a custom template");
const NO_TRUNC: Flag = flag("no-trunc", ' ', Kind::Bool, "Don't truncate output");
const QUIET: Flag = flag("quiet", 'q', Kind::Bool, "Only show image IDs");

pub(crate) const IMAGES: Spec = Spec {
    path: "images",
    usage: "[OPTIONS] [REPOSITORY[:TAG]]",
    about: "List images",
    count: Count::AtMost(1),
    stop_at_argument: false,
    flags: &[
        flag("all", 'a', Kind::Bool, "Show all images (default hides intermediate images)"),
        flag("digests", ' ', Kind::Bool, "Show digests"),
        flag("filter", 'f', Kind::List, "Filter output based on conditions provided"),
        FORMAT,
        NO_TRUNC,
        QUIET,
        flag("tree", ' ', Kind::Bool, "List multi-platform images as a tree (EXPERIMENTAL)"),
    ],
};
pub(crate) const HISTORY: Spec = Spec {
    path: "history",
    usage: "[OPTIONS] IMAGE",
    about: "Show the history of an image",
    count: Count::Exactly(1),
    stop_at_argument: false,
    flags: &[
        FORMAT,
        flag(
            "human",
            'H',
            Kind::Bool,
            "Print sizes and dates in human readable format (default true)",
        ),
        NO_TRUNC,
        QUIET,
    ],
};
pub(crate) const TAG: Spec = Spec {
    path: "tag",
    usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    about: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    count: Count::Exactly(2),
    stop_at_argument: false,
    flags: &[],
};
pub(crate) const RMI: Spec = Spec {
    path: "rmi",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    about: "Remove one or more images",
    count: Count::AtLeast(1),
    stop_at_argument: false,
    flags: &[
        flag("force", 'f', Kind::Bool, "Force removal of the image"),
        flag("platform", ' ', Kind::Words("strings"), "Remove only the given platform variant"),
        flag("no-prune", ' ', Kind::Bool, "Do not delete untagged parents"),
    ],
};

/// Age of something that may be older than the world.
pub(crate) fn age(now: SimTime, created: SimTime, older_seconds: u64) -> SimDuration {
    now.since(created) + SimDuration::from_secs(older_seconds)
}

pub(crate) fn images(parsed: Parsed, io: &mut Io<'_>) -> State {
    let mut filters = match filters(&parsed) {
        Ok(filters) => filters,
        Err(text) => return State::fail(&text, 125, io),
    };
    if let Some(reference) = parsed.args.first() {
        filters.entry("reference".to_owned()).or_default().push(reference.clone());
    }
    let request = Request::ImageList { all: parsed.is("all"), filters };
    State::One(One::ask(parsed, request, print_images, io))
}

fn print_images(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Images(images) = reply else { return 1 };
    let trunc = !parsed.is("no-trunc");
    let now = io.now;
    let entries: Vec<_> = images.iter().flat_map(|i| rows(i, trunc, now)).collect();
    let table = if parsed.is("digests") {
        "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
    } else {
        "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}"
    };
    let list = List {
        type_name: "*formatter.imageContext",
        headings: &[
            ("ID", "IMAGE ID"),
            ("Repository", "REPOSITORY"),
            ("Tag", "TAG"),
            ("Digest", "DIGEST"),
            ("CreatedSince", "CREATED"),
            ("CreatedAt", "CREATED AT"),
            ("Size", "SIZE"),
            ("Containers", "CONTAINERS"),
            ("VirtualSize", "SIZE"),
            ("SharedSize", "SHARED SIZE"),
            ("UniqueSize", "UNIQUE SIZE"),
        ],
        default_table: table,
        raw: "repository: {{.Repository}}\ntag: {{.Tag}}\nimage_id: {{.ID}}\n\
              created_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n",
        quiet_field: "ID",
    };
    show(list.print(parsed.text("format"), parsed.is("quiet"), &entries), io)
}

/// One row per tag.
fn rows(image: &ImageSummary, trunc: bool, now: SimTime) -> Vec<BTreeMap<String, Value>> {
    let id = if trunc { short(&image.id) } else { &image.id };
    let digest_of = |name: &str| {
        let found = image.repo_digests.iter().filter_map(|d| d.split_once('@'));
        let mut found = found.filter(|(n, _)| *n == name).map(|(_, d)| d.to_owned());
        found.next().unwrap_or_else(|| "<none>".to_owned())
    };
    let names: Vec<(String, String)> = if image.repo_tags.is_empty() {
        vec![("<none>".to_owned(), "<none>".to_owned())]
    } else {
        let split = |tag: &String| {
            let reference = ImageRef::parse(tag).ok()?;
            Some((reference.name(), reference.tag?))
        };
        image.repo_tags.iter().filter_map(split).collect()
    };
    let row = |(name, tag): (String, String)| {
        let size = human_size3(image.size);
        BTreeMap::from(
            [
                ("ID", Value::from(id)),
                ("Digest", digest_of(&name).into()),
                ("Repository", name.into()),
                ("Tag", tag.into()),
                ("CreatedSince", ago(age(now, image.created, image.older_seconds)).into()),
                ("CreatedAt", go_time(image.created).into()),
                ("Size", Value::from(&size)),
                ("VirtualSize", size.into()),
                ("Containers", "N/A".into()),
                ("SharedSize", "N/A".into()),
                ("UniqueSize", "N/A".into()),
            ]
            .map(|(k, v): (&str, Value)| (k.to_owned(), v)),
        )
    };
    names.into_iter().map(row).collect()
}

pub(crate) fn history(parsed: Parsed, io: &mut Io<'_>) -> State {
    let name = parsed.args.first().cloned().unwrap_or_default();
    State::One(One::ask(parsed, Request::ImageHistory { name }, print_history, io))
}

fn print_history(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::History(history) = reply else { return 1 };
    let trunc = !parsed.is("no-trunc");
    let human = !parsed.has("human") || parsed.is("human");
    let now = io.now;
    let entries: Vec<BTreeMap<String, Value>> = history
        .iter()
        .map(|h| {
            let id = if trunc { short(&h.id) } else { &h.id };
            let by = h.created_by.replace('\t', " ");
            let by = if trunc { ellipsis(&by, 45) } else { by };
            let since =
                if human { ago(age(now, h.created, h.older_seconds)) } else { h.created.rfc3339() };
            let size = if human { human_size3(h.size) } else { h.size.to_string() };
            BTreeMap::from(
                [
                    ("ID", Value::from(id)),
                    ("CreatedSince", since.into()),
                    ("CreatedAt", h.created.rfc3339().into()),
                    ("CreatedBy", by.into()),
                    ("Size", size.into()),
                    ("Comment", Value::from(&h.comment)),
                ]
                .map(|(k, v): (&str, Value)| (k.to_owned(), v)),
            )
        })
        .collect();
    let list = List {
        type_name: "*image.historyContext",
        headings: &[
            ("ID", "IMAGE"),
            ("CreatedSince", "CREATED"),
            ("CreatedAt", "CREATED AT"),
            ("CreatedBy", "CREATED BY"),
            ("Size", "SIZE"),
            ("Comment", "COMMENT"),
        ],
        default_table: "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}",
        raw: "",
        quiet_field: "ID",
    };
    show(list.print(parsed.text("format"), parsed.is("quiet"), &entries), io)
}

pub(crate) fn tag(parsed: Parsed, io: &mut Io<'_>) -> State {
    let arg = |at: usize| parsed.args.get(at).cloned().unwrap_or_default();
    if let Err(why) = ImageRef::parse(&arg(1)) {
        let text =
            format!("Error parsing reference: {:?} is not a valid repository/tag: {why}", arg(1));
        return State::fail(&text, 1, io);
    }
    let request = Request::ImageTag { source: arg(0), target: arg(1) };
    let target = arg(1);
    State::Each(Each::new(parsed, vec![(target, request)], print_nothing).begin(io))
}

pub(crate) fn rmi(parsed: Parsed, io: &mut Io<'_>) -> State {
    let (force, no_prune) = (parsed.is("force"), parsed.is("no-prune"));
    let requests = parsed
        .args
        .iter()
        .map(|name| (name.clone(), Request::ImageRemove { name: name.clone(), force, no_prune }))
        .collect();
    State::Each(Each::new(parsed, requests, print_removed).forgive(missing_is_fine).begin(io))
}

fn missing_is_fine(parsed: &Parsed, error: &ApiError) -> bool {
    parsed.is("force") && error.status == 404
}

fn print_removed(_: &Parsed, _: &str, reply: Reply, io: &mut Io<'_>) {
    let Reply::ImageRemoved(done) = reply else { return };
    for removal in done {
        match removal {
            ImageRemoval::Untagged(tag) => io.out(format!("Untagged: {tag}\n")),
            ImageRemoval::Deleted(id) => io.out(format!("Deleted: {id}\n")),
        }
    }
}
