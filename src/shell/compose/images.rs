//! Images of services: looked for, pulled, built, removed.
//!
//! Models docker compose v2.40.3 `pkg/compose/build.go`, `build_bake.go`, `pull.go` and
//! `image_pruner.go`. Left out: one common build graph, so that shared stages are shown
//! per service.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::base::message::Message;
use crate::compose::create::{Service, VERSION, label};
use crate::compose::values::{base, join, sprint};
use crate::docker::api::{ApiError, BuildConfig, ContextFile, Reply, Request};
use crate::posix::Entry;
use crate::shell::job::Io;

use super::action::{Do, Then, ask, step};
use super::containers::text;
use super::tree::{Failure, Node};
use super::work::{Mood, Work};

fn image_of(service: &str, work: &Work) -> String {
    match work.project.service(service) {
        Some(value) => Service { name: service, value }.image(&work.project.name),
        None => String::new(),
    }
}

/// Looks which images are there.
pub(super) fn look(work: &Work) -> Node {
    Node::par(work.project.service_names().into_iter().map(|service| {
        let name = image_of(&service, work);
        ask(Request::ImageInspect { name }, Then::Image(service))
    }))
}

/// An image is there, or not.
pub(super) fn found(
    service: String,
    result: Result<Reply, ApiError>,
    work: &mut Work,
) -> Result<Node, Failure> {
    match result {
        Ok(Reply::Image(image)) => {
            work.missing.retain(|name| *name != service);
            work.images.insert(service, image.summary.id);
            Ok(Node::Done)
        }
        Ok(_) => Ok(Node::Done),
        Err(error) if error.status == 404 => {
            work.missing.push(service);
            Ok(Node::Done)
        }
        Err(error) => Err(error.into()),
    }
}

/// Pulls and builds what is missing or wanted.
pub(super) fn obtain(work: &Work) -> Result<Node, Failure> {
    let mut pulls = Vec::new();
    let mut builds = Vec::new();
    for name in work.project.service_names() {
        let Some(service) = work.project.service(&name) else { continue };
        let missing = work.missing.contains(&name);
        let builds_it = service.get("build").is_some();
        let named = service.get("image").is_some();
        let policy = match work.settings.pull.as_str() {
            "" => text(service, "pull_policy"),
            flag => flag.to_owned(),
        };
        let wanted = match policy.as_str() {
            "never" | "build" => false,
            "always" => true,
            _ => missing,
        };
        if wanted && named && !(builds_it && (work.settings.build || policy == "build")) {
            pulls.push(step(Do::Pull(name.clone(), builds_it)));
        }
        if builds_it && (missing || work.settings.build || policy == "build") {
            if work.settings.no_build {
                continue;
            }
            builds.push(name.clone());
        }
    }
    Ok(Node::seq([Node::par(pulls), build_all(builds)]))
}

/// Builds services, one after the other, as one call of the builder.
pub(super) fn build_all(names: Vec<String>) -> Node {
    if names.is_empty() {
        return Node::Done;
    }
    let first = step(Do::Bake(names.clone()));
    Node::seq([first].into_iter().chain(names.into_iter().map(|name| step(Do::Build(name)))))
}

/// Shows that the builder reads what to build. The size is that of the JSON that Compose
/// passes on.
pub(super) fn bake(names: &[String], work: &Work, io: &mut Io<'_>) -> Node {
    if work.silent || work.settings.quiet {
        return Node::Done;
    }
    let targets = work.project.service_names().into_iter().filter_map(|name| {
        let build = work.project.service(&name)?.get("build")?;
        let folder = text(build, "context");
        let mut target = serde_json::Map::new();
        let mut put = |key: &str, value: Value| target.insert(key.to_owned(), value);
        put("context", folder.clone().into());
        match build.get("dockerfile_inline") {
            Some(inline) => put("dockerfile-inline", inline.clone()),
            None => put("dockerfile", join(&folder, &text(build, "dockerfile")).into()),
        };
        for key in ["args", "target"] {
            if let Some(value) = build.get(key) {
                put(key, value.clone());
            }
        }
        put(
            "labels",
            serde_json::json!({
                label::PROJECT: work.project.name, label::SERVICE: name, label::VERSION: VERSION,
            }),
        );
        put("tags", serde_json::json!([image_of(&name, work)]));
        if work.settings.no_cache {
            put("no-cache", true.into());
        }
        put("output", serde_json::json!(["type=docker"]));
        Some((name, Value::Object(target)))
    });
    let targets: serde_json::Map<String, Value> = targets.collect();
    let config = serde_json::json!({"group": {"default": {"targets": names}}, "target": targets});
    let size = crate::compose::emit::Tree::of(&config).json().len();
    let size = crate::docker::human_size3(u64::try_from(size).unwrap_or_default());
    io.out(format!(
        "#1 [internal] load local bake definitions\n#1 reading from stdin {size} \
         done\n#1 DONE 0.0s\n\n"
    ));
    Node::Done
}

/// Pulls the image of a service; `healed` if a build can make up for a failure.
pub(super) fn pull(service: &str, healed: bool, work: &mut Work, io: &mut Io<'_>) -> Node {
    let name = image_of(service, work);
    if !work.settings.quiet {
        work.service(io, service, "Pulling", Mood::Working);
    }
    let platform = work.project.service(service).map(|s| text(s, "platform")).unwrap_or_default();
    let request = Request::ImagePull { name: name.clone(), platform, all_tags: false };
    ask(request, Then::Pulled(service.to_owned(), name, healed))
}

/// A part of a pull.
pub(super) fn pulled(
    service: &str,
    image: &str,
    healed: bool,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    match result {
        Ok(Reply::Progress(_)) => Ok(Node::Done),
        Ok(_) => {
            work.service(io, service, "Pulled", Mood::Done);
            let inspect = Request::ImageInspect { name: image.to_owned() };
            Ok(ask(inspect, Then::Image(service.to_owned())))
        }
        Err(error) if healed => {
            work.service(io, service, &format!("Warning {}", error.message), Mood::Warning);
            Ok(Node::Done)
        }
        Err(error) => {
            work.service(io, service, &format!("Error {}", error.message), Mood::Error);
            Err(error.into())
        }
    }
}

/// The files below a folder of the terminal, by relative path.
fn context_files(folder: &str, io: &Io<'_>) -> BTreeMap<String, ContextFile> {
    let prefix = format!("{}/", folder.trim_end_matches('/'));
    let mut files = BTreeMap::new();
    for (path, entry) in io.files.iter() {
        if let (Some(relative), Entry::File { content, mode, modified, .. }) =
            (path.strip_prefix(&prefix), entry)
        {
            let (content, mode, modified) = (content.to_string(), *mode, *modified);
            files.insert(relative.to_owned(), ContextFile { content, mode, modified });
        }
    }
    files
}

/// Builds the image of a service.
pub(super) fn build(name: &str, work: &Work, io: &mut Io<'_>) -> Result<Node, Failure> {
    let Some(service) = work.project.service(name) else { return Ok(Node::Done) };
    let value = service.get("build").cloned().unwrap_or_default();
    let folder = text(&value, "context");
    let context = context_files(&folder, io);
    let inline = value.get("dockerfile_inline").map(sprint);
    let file = text(&value, "dockerfile");
    let path = if file.starts_with('/') { file.clone() } else { join(&folder, &file) };
    if context.is_empty() && io.files.get(&folder).is_none() && inline.is_none() {
        return Err(Failure::new(format!(
            "unable to prepare context: path \"{folder}\" not found"
        )));
    }
    let dockerfile = match (inline, io.files.get(&path)) {
        (Some(text), _) => text,
        (None, Some(Entry::File { content, .. })) => content.to_string(),
        (None, _) => {
            return Err(Failure::new(format!(
                "failed to solve: failed to read dockerfile: open {}: no such file or directory",
                base(&file)
            )));
        }
    };
    let tag = image_of(name, work);
    let map = |key: &str| value.get(key).and_then(Value::as_object).into_iter().flatten();
    let mut tags = vec![tag];
    tags.extend(value.get("tags").and_then(Value::as_array).into_iter().flatten().map(sprint));
    let config = BuildConfig {
        tags,
        dockerfile_name: base(&file).to_owned(),
        dockerfile: Some(dockerfile),
        context_key: folder,
        context,
        target: text(&value, "target"),
        args: map("args")
            .filter_map(|(k, v)| {
                let own = io.env.get(k).cloned();
                Some((k.clone(), if v.is_null() { own? } else { sprint(v) }))
            })
            .collect(),
        labels: map("labels").map(|(k, v)| (k.clone(), sprint(v))).collect(),
        no_cache: work.settings.no_cache,
        pull: false,
        platform: text(service, "platform"),
        legacy: false,
    };
    io.record(name, Message::new("why-compose-builds").with("service", name));
    Ok(ask(Request::ImageBuild(Box::new(config)), Then::Built(name.to_owned())))
}

/// A part of a build.
pub(super) fn built(
    service: &str,
    result: Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Result<Node, Failure> {
    match result {
        Ok(Reply::Build(event)) => {
            if !work.silent && !work.settings.quiet {
                io.out(crate::docker::plain_text(&event, service));
            }
            Ok(Node::Done)
        }
        Ok(Reply::ImageId(id)) => {
            let image = image_of(service, work);
            work.missing.retain(|name| name != service);
            work.images.insert(service.to_owned(), id);
            work.event(io, &image, "Built", Mood::Done);
            Ok(Node::Done)
        }
        Ok(_) => Ok(Node::Done),
        Err(error) => {
            let message = error.message.clone();
            Err(Failure { message, status: error.status, code: 1 })
        }
    }
}

/// Removals of images for `down --rmi`.
pub(super) fn to_remove(work: &Work) -> Vec<Node> {
    let mut names: Vec<String> = Vec::new();
    for service in work.project.service_names() {
        let builds_it = work.project.service(&service).is_some_and(|s| s.get("build").is_some());
        if builds_it || work.settings.images == "all" {
            let image = image_of(&service, work);
            let tagged = image.rsplit('/').next().is_some_and(|last| last.contains(':'));
            names.push(if tagged { image } else { format!("{image}:latest") });
        }
    }
    names.sort();
    names.dedup();
    let look =
        |name: String| ask(Request::ImageInspect { name: name.clone() }, Then::ImageToRemove(name));
    names.into_iter().map(look).collect()
}

/// An image was looked for before it is removed.
pub(super) fn to_remove_one(
    name: &str,
    result: &Result<Reply, ApiError>,
    work: &mut Work,
    io: &mut Io<'_>,
) -> Node {
    if result.is_err() {
        return Node::Done;
    }
    let event = format!("Image {name}");
    work.event(io, &event, "Removing", Mood::Working);
    let remove = Request::ImageRemove { name: name.to_owned(), force: false, no_prune: false };
    ask(remove, Then::Removed(event))
}
