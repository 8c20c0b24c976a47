//! What caused what a tool asks of a Docker daemon.
//!
//! A tool does many things for one command, and the order in which it does them is no cause. A
//! request is caused by the command that was typed, or by what the tool has learned since about
//! the very things that it asks about: their image was pulled, they were made, what they waited
//! for is ready.

use std::collections::BTreeMap;

use crate::compose::create::label;
use crate::docker::ImageRef;
use crate::docker::api::{Reply, Request};
use crate::engine::trace::TraceId;

/// Things of which one tool remembers causes.
const MAX_THINGS: usize = 10_000;

/// The causes that a running tool knows.
#[derive(Clone, Debug, Default)]
pub struct Causes {
    /// The command that was typed, or what changed the tool's mind since.
    command: TraceId,
    things: BTreeMap<String, TraceId>,
}

impl Causes {
    /// Those of a tool that a command has started.
    #[must_use]
    pub const fn new(command: TraceId) -> Self {
        Self { command, things: BTreeMap::new() }
    }

    /// The newest cause that concerns these things.
    #[must_use]
    pub fn of(&self, things: &[String]) -> TraceId {
        let known = things.iter().filter_map(|thing| self.things.get(thing));
        known.copied().fold(self.command, TraceId::max)
    }

    /// Something became known about these things.
    pub fn learn(&mut self, things: &[String], cause: TraceId) {
        for thing in things {
            if self.things.len() < MAX_THINGS || self.things.contains_key(thing) {
                let known = self.things.entry(thing.clone()).or_default();
                *known = cause.max(*known);
            }
        }
    }

    /// Something changed what the tool does from now on.
    pub fn turn(&mut self, cause: TraceId) {
        self.command = cause.max(self.command);
    }
}

fn image(name: &str) -> String {
    let name = ImageRef::parse(name).map_or_else(|_| name.to_owned(), |r| r.tagged());
    format!("image {name}")
}

/// The things whose causes are also those of a request, and those that its answer tells about.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "most name no thing")]
pub fn things(request: &Request) -> (Vec<String>, Vec<String>) {
    let one = match request {
        Request::ContainerCreate { name, config } => {
            let mut asked = vec![name.clone(), image(&config.config.image)];
            asked.extend(config.config.labels.get(label::SERVICE).cloned());
            return (asked, vec![name.clone()]);
        }
        Request::ImageBuild(config) => {
            let tags: Vec<String> = config.tags.iter().map(|tag| image(tag)).collect();
            return (tags.clone(), tags);
        }
        Request::ImagePull { name, .. } => image(name),
        Request::ContainerInspect { id, .. }
        | Request::ContainerStart { id }
        | Request::ContainerStop { id, .. }
        | Request::ContainerRestart { id, .. }
        | Request::ContainerKill { id, .. }
        | Request::ContainerPause { id }
        | Request::ContainerUnpause { id }
        | Request::ContainerRemove { id, .. }
        | Request::ContainerRename { id, .. }
        | Request::ContainerUpdate { id, .. }
        | Request::ContainerWait { id, .. }
        | Request::ContainerAttach { id, .. }
        | Request::ContainerStdin { id, .. }
        | Request::ContainerCopyTo { id, .. }
        | Request::ExecCreate { id, .. } => id.clone(),
        Request::ExecStart { exec, .. }
        | Request::ExecStdin { exec, .. }
        | Request::ExecSignal { exec, .. } => exec.clone(),
        _ => return (Vec::new(), Vec::new()),
    };
    (vec![one.clone()], vec![one])
}

/// What an answer names for the first time.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "most name no thing")]
pub fn named(reply: &Reply) -> Option<&String> {
    match reply {
        Reply::Created { id, .. } => Some(id),
        Reply::ExecCreated { exec } => Some(exec),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn only_what_concerns_a_thing_counts() {
        let mut causes = Causes::new(TraceId(3));
        causes.learn(&words(&["a"]), TraceId(5));
        assert_eq!(causes.of(&words(&["a", "x"])), TraceId(5));
        assert_eq!(causes.of(&words(&["b"])), TraceId(3));
        causes.learn(&words(&["a"]), TraceId(4));
        assert_eq!(causes.of(&words(&["a"])), TraceId(5));
        causes.turn(TraceId(7));
        assert_eq!(causes.of(&words(&["a"])), TraceId(7));
    }

    #[test]
    fn an_image_is_known_by_all_its_names() {
        let pull = |name: &str| Request::ImagePull {
            name: name.to_owned(),
            platform: String::new(),
            all_tags: false,
        };
        assert_eq!(things(&pull("nginx")), things(&pull("docker.io/library/nginx:latest")));
    }
}
