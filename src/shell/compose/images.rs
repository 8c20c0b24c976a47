//! Images of services: looked for, pulled, removed; [`super::bake`] builds them.
//!
//! Models docker compose v2.40.3 `pkg/compose/build.go`, `pull.go` and `image_pruner.go`.

use crate::compose::create::Service;
use crate::docker::ImageRef;
use crate::docker::api::{ApiError, Reply, Request};
use crate::shell::job::Io;

use super::action::{Do, Then, ask, step};
use super::bake;
use super::containers::text;
use super::tree::{Failure, Node};
use super::work::{Mood, Work};

/// The name of the image of a service.
pub(super) fn image_of(service: &str, work: &Work) -> String {
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
            let image = image_of(&service, work);
            if let Err(why) = ImageRef::parse(&image) {
                let text =
                    format!("unable to get image '{image}': Error response from daemon: {why}");
                return Err(Failure::new(text));
            }
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
    Ok(Node::seq([Node::par(pulls), bake::all(builds)]))
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
