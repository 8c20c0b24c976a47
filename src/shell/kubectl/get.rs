//! `kubectl get`.
//!
//! Follows kubectl `pkg/cmd/get/get.go`, `sorter.go`, `table_printer.go`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::call::{Call, Halt, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::follow::Follow;
use super::resources::{FILES, SELECT, Wanted, full_name, wanted};
use super::show::columns::Columns;
use super::show::json;
use super::show::jsonpath::Template;
use super::show::yaml;
use super::table::{Style, Widths};
use super::verbs::Verb;
use crate::base::gotemplate;
use crate::base::table::tabwriter;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Options, Request, Response, Verb as Ask, WatchKind};
use crate::kube::kinds::Kind;
use crate::shell::job::{Io, Ticket, Wake};

pub(super) const VERB: Verb = Verb {
    path: "get",
    usage: "[(-o|--output=)FORMAT] (TYPE[.GROUP] [NAME | -l label] | TYPE/NAME ...) [flags]",
    about: "Show one or many objects",
    flags: &[FILES, SELECT, OUTPUT, FLAGS],
    required: &[],
    run,
};

/// `-o` and its companions.
pub(super) const OUTPUT: &[Flag] = &[
    Flag::new("output", Takes::Text, "Output format: wide, yaml, json, name, jsonpath=…")
        .short('o'),
    Flag::new("template", Takes::Text, "Template of -o go-template or -o jsonpath"),
    Flag::new("show-managed-fields", Takes::Bool, "Keep managedFields"),
    Flag::new("allow-missing-template-keys", Takes::Bool, "Ignore missing keys").or("true"),
];

const FLAGS: &[Flag] = &[
    Flag::new("watch", Takes::Bool, "After the list, show changes").short('w'),
    Flag::new("watch-only", Takes::Bool, "Show changes without the list"),
    Flag::new("output-watch-events", Takes::Bool, "Show what kind of change it is"),
    Flag::new("no-headers", Takes::Bool, "Without names of columns"),
    Flag::new("show-labels", Takes::Bool, "With all labels as the last column"),
    Flag::new("label-columns", Takes::List, "Labels to show as columns").short('L'),
    Flag::new("show-kind", Takes::Bool, "With the kind before the name"),
    Flag::new("sort-by", Takes::Text, "JSONPath of the field to sort by"),
    Flag::new("ignore-not-found", Takes::Bool, "Missing objects are no error"),
    Flag::new("chunk-size", Takes::Int, "Objects per answer of the server").or("500"),
    Flag::new("subresource", Takes::Text, "Part of the object: status, scale"),
    Flag::new("raw", Takes::Text, "A path of the server"),
    Flag::new("server-print", Takes::Bool, "Let the server choose columns").or("true"),
];

const FORMATS: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,\
    jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

/// An output format other than a table.
pub(super) enum Format {
    /// A table.
    Table,
    /// `-o yaml`.
    Yaml,
    /// `-o json`.
    Json,
    /// `-o name`.
    Name,
    /// `-o jsonpath=…`.
    Path(Template),
    /// `-o custom-columns=…`.
    Columns(Columns),
    /// `-o go-template=…`.
    Go(gotemplate::Template),
}

impl Format {
    /// From the flags of a call.
    pub(super) fn of(call: &mut Call<'_, '_>) -> Run<Self> {
        let output = call.flags.text("output").to_owned();
        let (name, mut arg) = match output.split_once('=') {
            Some((name, arg)) => (name, arg.to_owned()),
            None => (output.as_str(), call.flags.text("template").to_owned()),
        };
        let name = if name.is_empty() && !arg.is_empty() { "go-template" } else { name };
        let templated = !matches!(name, "" | "wide" | "yaml" | "kyaml" | "json" | "name");
        if let Some(kind) = name.strip_suffix("-file").or(name.strip_suffix("file"))
            && !kind.is_empty()
            && !arg.is_empty()
        {
            let Some(text) = call.file(&arg)? else {
                let message =
                    format!("error reading {name} {arg}, open {arg}: no such file or directory\n");
                return Err(Failure::plain(message.trim_end()).into());
            };
            arg = text.to_string();
        }
        if templated && FORMATS.split(',').any(|f| f == name) && arg.is_empty() {
            let message = if name.starts_with("custom-columns") {
                "custom-columns format specified but no custom columns given"
            } else {
                "template format specified but no template given"
            };
            return Err(Failure::plain(message).into());
        }
        Ok(match name {
            "" | "wide" => Self::Table,
            "yaml" | "kyaml" => Self::Yaml,
            "json" => Self::Json,
            "name" => Self::Name,
            "jsonpath" | "jsonpath-file" | "jsonpath-as-json" => {
                let bad = |e| Failure::plain(format!("error parsing jsonpath {arg}, {e}"));
                Self::Path(Template::parse(&arg).map_err(bad)?)
            }
            "custom-columns" => Self::Columns(Columns::parse(&arg).map_err(Failure::plain)?),
            "custom-columns-file" => {
                let mut lines = arg.lines();
                let heads = lines.next().unwrap_or("").split_whitespace();
                let paths = lines.next().unwrap_or("").split_whitespace();
                let spec: Vec<String> = heads.zip(paths).map(|(h, p)| format!("{h}:{p}")).collect();
                Self::Columns(Columns::parse(&spec.join(",")).map_err(Failure::plain)?)
            }
            "go-template" | "go-template-file" | "template" | "templatefile" => {
                let bad = |e| Failure::plain(format!("error parsing template {arg}, {e}"));
                Self::Go(gotemplate::Template::parse("output", &arg).map_err(bad)?)
            }
            _ => {
                return Err(Failure::plain(format!(
                    "unable to match a printer suitable for the output format \"{output}\", \
                     allowed formats are: {FORMATS}"
                ))
                .into());
            }
        })
    }

    /// Objects as text; `one`: a single object was asked for, so it is not put into a list.
    pub(super) fn print(
        &self,
        objects: &[Arc<Object>],
        one: bool,
        flags: &super::flags::Flags,
    ) -> Result<String, Failure> {
        let values: Vec<Value> =
            objects.iter().map(|o| clean(o.to_value(), flags.on("show-managed-fields"))).collect();
        let whole = || match values.as_slice() {
            [value] if one => value.clone(),
            _ => json!({"apiVersion": "v1", "items": values, "kind": "List",
                        "metadata": {"resourceVersion": ""}}),
        };
        Ok(match self {
            Self::Table => String::new(),
            Self::Yaml => yaml::print(&whole()),
            Self::Json => json::print(&whole()),
            Self::Name => objects.iter().map(|o| format!("{}\n", full_name(o))).collect(),
            Self::Path(template) => template.print(&whole()).map_err(|e| {
                Failure::plain(format!(
                    "error executing jsonpath \"{}\": {e}",
                    flags.text("output")
                ))
            })?,
            Self::Columns(columns) => {
                columns.print(&values, !flags.on("no-headers")).map_err(Failure::plain)?
            }
            Self::Go(template) => template
                .execute(&gotemplate::Value::from_json(&whole()), gotemplate::MissingKey::NoValue)
                .map_err(Failure::plain)?,
        })
    }
}

/// Without what only the server needs.
pub(super) fn clean(mut value: Value, managed: bool) -> Value {
    if !managed && let Some(meta) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
    }
    value
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let format = Format::of(call)?;
    if call.flags.args.is_empty() && !call.has_files() {
        let hint = "You must specify the type of resource to get. Use \"kubectl api-resources\" \
                    for a complete list of supported resources.\n\n";
        let text = "error: Required resource not specified.\nUse \"kubectl explain <resource>\" \
                    for a detailed description of that resource (e.g. kubectl explain pods).\nSee \
                    'kubectl get -h' for help and examples\n";
        return Err(Failure::Raw(format!("{hint}{text}"), 1).into());
    }
    let args = call.flags.args.clone();
    if matches!(args.as_slice(), [one] if COMPONENTS.contains(&one.as_str())) {
        return components(call);
    }
    if call.flags.on("watch") || call.flags.on("watch-only") {
        return watch(call, &args, &format);
    }
    let mut found = call.find(&args, false)?;
    if call.flags.on("ignore-not-found") {
        found.failures.retain(|f| !matches!(f, Failure::Api(e) if e.is_not_found()));
    }
    if let Some(path) = call.flags.some("sort-by") {
        sort(&mut found.objects, path)?;
    }
    deprecations(call, &args);
    if matches!(format, Format::Table) {
        tables(call, &found.objects, &args)?;
        let silent = call.flags.on("ignore-not-found");
        if found.objects.is_empty() && found.failures.is_empty() && !silent {
            let nothing = nothing_found(call, &args);
            call.err(nothing);
        }
    } else if !found.objects.is_empty() || found.failures.is_empty() {
        let text = format.print(&found.objects, found.single, call.flags)?;
        call.out(text);
    }
    found.end()
}

/// Names of the kind that the API server makes up from probes of the control plane.
const COMPONENTS: [&str; 3] = ["componentstatuses", "componentstatus", "cs"];

/// `get componentstatuses`. The API server probes ports of its own machine, where the other
/// components of this control plane do not listen; its own store it reaches.
fn components(call: &mut Call<'_, '_>) -> Run<()> {
    let refused = |port: u16| {
        format!(
            "Get \"https://127.0.0.1:{port}/healthz\": dial tcp 127.0.0.1:{port}: connect: \
             connection refused"
        )
    };
    let mut rows = vec![["NAME", "STATUS", "MESSAGE", "ERROR"].map(str::to_owned).to_vec()];
    for (name, port) in [("controller-manager", 10_257), ("scheduler", 10_259)] {
        rows.push(vec![name.to_owned(), "Unhealthy".to_owned(), refused(port), String::new()]);
    }
    rows.push(["etcd-0", "Healthy", "ok", ""].map(str::to_owned).to_vec());
    call.err("Warning: v1 ComponentStatus is deprecated in v1.19+");
    call.out(tabwriter(&rows, 6, 3));
    Ok(())
}

/// Warnings of the server about kinds that will go.
fn deprecations(call: &mut Call<'_, '_>, args: &[String]) {
    if wanted(args).is_ok_and(|w| w.iter().any(|w| w.kind == Kind::Endpoints)) {
        call.err(
            "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
        );
    }
}

fn nothing_found(call: &Call<'_, '_>, args: &[String]) -> String {
    let wanted = wanted(args).unwrap_or_default();
    let cluster = !wanted.is_empty() && wanted.iter().all(|w| !w.kind.namespaced());
    if cluster || call.flags.on("all-namespaces") {
        "No resources found".to_owned()
    } else {
        format!("No resources found in {} namespace.", call.namespace)
    }
}

/// One table per kind, in the order in which the kinds come.
fn tables(call: &mut Call<'_, '_>, objects: &[Arc<Object>], args: &[String]) -> Run<()> {
    let mut style = Style::of(call.flags);
    let asked = wanted(args).unwrap_or_default();
    let mut kinds: Vec<Kind> = asked.iter().map(|w| w.kind).collect();
    kinds.dedup();
    style.kinds |= kinds.len() > 1;
    let mut groups: Vec<(Kind, Vec<Arc<Object>>)> = Vec::new();
    for object in objects {
        match groups.last_mut() {
            Some((kind, group)) if *kind == object.kind() => group.push(object.clone()),
            _ => groups.push((object.kind(), vec![object.clone()])),
        }
    }
    for (i, (kind, group)) in groups.iter().enumerate() {
        if i > 0 {
            call.line("");
        }
        let text = style.print(*kind, group, call.io.now);
        call.out(text);
    }
    Ok(())
}

/// Sort by the value that a path finds.
pub(super) fn sort(objects: &mut [Arc<Object>], path: &str) -> Result<(), Failure> {
    let template = Template::relaxed(path).map_err(Failure::plain)?;
    let key = |object: &Arc<Object>| -> Key {
        let value = object.to_value();
        let found = template.find(&value).unwrap_or_default();
        match found.first() {
            None | Some(Value::Null) => Key::Missing,
            Some(Value::Bool(b)) => Key::Number(i64::from(*b)),
            Some(Value::Number(n)) => Key::Number(n.as_i64().unwrap_or(0)),
            Some(other) => Key::text(&super::show::jsonpath::shown(other)),
        }
    };
    let mut keyed: Vec<(Key, Arc<Object>)> = objects.iter().map(|o| (key(o), o.clone())).collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    for (place, (_, object)) in objects.iter_mut().zip(keyed) {
        *place = object;
    }
    Ok(())
}

/// What is compared when sorting: numbers in texts count by their value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Missing,
    Number(i64),
    Text(Vec<Chunk>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Chunk {
    Digits(u64),
    Other(String),
}

impl Key {
    fn text(text: &str) -> Self {
        let mut chunks: Vec<Chunk> = Vec::new();
        for c in text.chars() {
            match (c.to_digit(10), chunks.last_mut()) {
                (Some(d), Some(Chunk::Digits(n))) => {
                    *n = n.saturating_mul(10).saturating_add(u64::from(d));
                }
                (Some(d), _) => chunks.push(Chunk::Digits(u64::from(d))),
                (None, Some(Chunk::Other(text))) => text.push(c),
                (None, _) => chunks.push(Chunk::Other(c.to_string())),
            }
        }
        Self::Text(chunks)
    }
}

fn watch(call: &mut Call<'_, '_>, args: &[String], format: &Format) -> Run<()> {
    let wanted = wanted(args)?;
    let [one] = wanted.as_slice() else {
        return Err(Failure::plain(
            "you may only specify a single resource type\nSee 'kubectl get -h' for help and \
             examples",
        )
        .into());
    };
    let text = match format {
        Format::Table => None,
        Format::Yaml => Some(Plain::Yaml),
        Format::Json => Some(Plain::Json),
        Format::Name => Some(Plain::Name),
        Format::Path(template) => Some(Plain::Path(template.clone())),
        Format::Columns(columns) => Some(Plain::Columns(columns.clone())),
        Format::Go(_) => Some(Plain::Yaml),
    };
    let mut watching = Watching {
        ticket: Ticket(0),
        kind: one.kind,
        style: Style::of(call.flags),
        events: call.flags.on("output-watch-events"),
        widths: Widths::default(),
        plain: text,
        fresh: true,
    };
    let mut request = watch_request(call, one);
    // The list first, so that its columns are laid out together.
    let mut list = request.clone();
    list.verb = Ask::List;
    let answer = call.ask(list)?;
    let (items, revision) = match answer {
        Ok(Response::List { items, revision }) => (items, revision),
        Ok(other) => (other.object().cloned().into_iter().collect(), 0),
        Err(error) => return Err(Halt::from(error)),
    };
    if let (Some(name), true) = (&one.name, items.is_empty()) {
        return Err(crate::kube::api::request::ApiError::not_found(one.kind, name).into());
    }
    if !call.flags.on("watch-only") {
        let text = watching.block(&items, "ADDED", call.io);
        if !text.is_empty() {
            call.out(text);
        }
    }
    request.options.since = Some(revision);
    watching.ticket = call.open(request)?;
    Err(Halt::Follow(Box::new(Follow::Watch(watching))))
}

fn watch_request(call: &Call<'_, '_>, one: &Wanted) -> Request {
    let mut request = call.list_request(one.kind);
    request.verb = Ask::Watch;
    if let Some(name) = &one.name {
        request.options =
            Options { field_selector: Some(format!("metadata.name={name}")), ..Options::default() };
    }
    request
}

/// `get --watch` after its list.
#[derive(Clone, Debug)]
pub(super) struct Watching {
    /// The stream.
    pub(super) ticket: Ticket,
    kind: Kind,
    style: Style,
    events: bool,
    widths: Widths,
    plain: Option<Plain>,
    fresh: bool,
}

/// A format of single objects.
#[derive(Clone, Debug)]
enum Plain {
    Yaml,
    Json,
    Name,
    Path(Template),
    Columns(Columns),
}

impl Watching {
    /// Take in a change.
    pub(super) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) -> Option<u8> {
        let Wake::Kube(_, answer) = wake else { return None };
        match answer {
            Ok(Response::Watch(what, object)) => {
                let event = match what {
                    WatchKind::Added => "ADDED",
                    WatchKind::Modified => "MODIFIED",
                    WatchKind::Deleted => "DELETED",
                };
                let text = self.block(&[object], event, io);
                io.out(text);
                None
            }
            Ok(Response::Done { .. }) => Some(0),
            Ok(_) => None,
            Err(error) => {
                io.err(Failure::from(error).shown().0);
                Some(1)
            }
        }
    }

    fn block(&mut self, objects: &[Arc<Object>], event: &str, io: &Io<'_>) -> String {
        let Some(plain) = &self.plain else {
            let (mut heads, mut rows) = self.style.rows(self.kind, objects, io.now);
            if self.events {
                heads.insert(0, "EVENT".to_owned());
                rows.iter_mut().for_each(|r| r.insert(0, event.to_owned()));
            }
            if rows.is_empty() {
                return String::new();
            }
            if std::mem::take(&mut self.fresh) && !self.style.no_headers {
                rows.insert(0, heads);
            }
            return self.widths.print(&rows);
        };
        let mut out = String::new();
        for object in objects {
            let value = clean(object.to_value(), false);
            match plain {
                Plain::Yaml => {
                    if !std::mem::take(&mut self.fresh) {
                        out.push_str("---\n");
                    }
                    out.push_str(&yaml::print(&value));
                }
                Plain::Json => out.push_str(&json::print(&value)),
                Plain::Name => out.push_str(&format!("{}\n", full_name(object))),
                Plain::Path(template) => {
                    out.push_str(&template.print(&value).unwrap_or_default());
                }
                Plain::Columns(columns) => {
                    let heads = std::mem::take(&mut self.fresh);
                    out.push_str(&columns.print(&[value], heads).unwrap_or_default());
                }
            }
        }
        out
    }
}

/// Merge fields into an object of JSON, for verbs that build objects.
pub(super) fn with(mut value: Value, path: &[&str], field: Value) -> Value {
    let mut at = &mut value;
    for key in path.iter().take(path.len().saturating_sub(1)) {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Some(map) = at.as_object_mut() else { return value };
        at = map.entry((*key).to_owned()).or_insert_with(|| Value::Object(Map::new()));
    }
    if let (Some(last), Some(map)) = (path.last(), at.as_object_mut()) {
        map.insert((*last).to_owned(), field);
    }
    value
}
