//! Images of a host (moby `daemon/images`): lists, names, removal, pulls, commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::docker::api::{
    ApiError, Filters, HistoryEntry, ImageInspect, ImageRemoval, ImageSummary, Progress,
    PruneReport, Reply,
};
use crate::docker::build::with_changes;
use crate::docker::clients::PullClient;
use crate::docker::create::config_of;
use crate::docker::daemon::{Daemon, Env};
use crate::docker::list::label_matches;
use crate::docker::names::short;
use crate::docker::reference::ImageRef;
use crate::machine::{Collection, ContainerId, Image, LayerState, Namespace, PullError, Pulled};

/// Age of catalogue images without a date at the start of the world: three weeks, a usual age of
/// a published image (an assumption).
const CATALOGUE_AGE: u64 = 21 * 86_400;
/// The recordings' stand-ins had been made ten minutes before (engine/30, 31: `docker history`).
const LAB_AGE: u64 = 600;

/// Age of an image without a date.
fn catalogue_age(env: &Env<'_, '_>) -> u64 {
    match env.machines.collection() {
        Collection::DockerLab => LAB_AGE,
        Collection::Public | Collection::KubeLab => CATALOGUE_AGE,
    }
}

/// `sha256:` of a text.
pub(crate) fn sha256(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::from("sha256:");
    for byte in Sha256::digest(text.as_bytes()) {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Chain ids of an image's layers, lowest first.
fn chain_ids(image: &Image) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for layer in &image.layers {
        let id = match chain.last() {
            None => layer.diff_id.to_string(),
            Some(parent) => sha256(&format!("{parent} {}", layer.diff_id)),
        };
        chain.push(id);
    }
    chain
}

fn no_such(name: &str) -> ApiError {
    let tagged = ImageRef::parse(name).map_or_else(|_| name.to_owned(), |r| r.tagged());
    ApiError::not_found(format!("No such image: {tagged}"))
}

impl Daemon {
    /// An image by reference, id or unique prefix of the id.
    pub(crate) fn find_image(&self, text: &str, env: &Env<'_, '_>) -> Option<Arc<Image>> {
        env.machines.image(&self.host, text).cloned()
    }

    fn tags_of(&self, id: &str, env: &Env<'_, '_>) -> Vec<String> {
        let found = env.machines.images(&self.host).find(|(image, _)| *image.id == *id);
        found.map(|(_, tags)| tags.iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    fn summary_of(&self, image: &Image, tags: Vec<String>, age: u64) -> ImageSummary {
        let names: BTreeSet<String> =
            tags.iter().filter_map(|t| ImageRef::parse(t).ok()).map(|r| r.name()).collect();
        let digests = names.into_iter().map(|n| format!("{n}@{}", image.digest));
        ImageSummary {
            id: image.id.to_string(),
            repo_digests: if self.pulled.contains(&*image.id) {
                digests.collect()
            } else {
                Vec::new()
            },
            repo_tags: tags,
            created: image.created.unwrap_or(SimTime::ZERO),
            older_seconds: if image.created.is_none() { age } else { 0 },
            size: image.size_bytes(),
            labels: image.config.labels.clone(),
            containers: self.containers.values().filter(|c| *c.image_id == *image.id).count()
                as u64,
        }
    }

    /// Filters of the list that are none.
    pub(crate) fn check_image_filters(
        &self,
        filters: &Filters,
        env: &Env<'_, '_>,
    ) -> Result<(), ApiError> {
        const KNOWN: [&str; 7] =
            ["before", "dangling", "label", "label!", "reference", "since", "until"];
        crate::docker::list::known_filters(filters, &KNOWN)?;
        crate::docker::list::boolean_filter(filters, "dangling")?;
        for key in ["before", "since"] {
            for name in filters.get(key).into_iter().flatten() {
                self.find_image(name, env).ok_or_else(|| no_such(name))?;
            }
        }
        Ok(())
    }

    /// Serve `GET /images/json`.
    pub(crate) fn image_list(&self, all: bool, filters: &Filters, env: &Env<'_, '_>) -> Reply {
        let every = all;
        let age = catalogue_age(env);
        let mut all: Vec<ImageSummary> = env
            .machines
            .images(&self.host)
            .map(|(image, tags)| {
                self.summary_of(image, tags.iter().map(ToString::to_string).collect(), age)
            })
            .collect();
        if !every {
            // Untagged images that others were made from are only links of a chain.
            let inner: BTreeSet<&String> = self.parents.values().collect();
            all.retain(|i| !i.repo_tags.is_empty() || !inner.contains(&i.id));
        }
        for (key, values) in filters {
            match key.as_str() {
                "reference" => {
                    for image in &mut all {
                        image.repo_tags.retain(|t| values.iter().any(|p| matches_reference(t, p)));
                    }
                    all.retain(|i| !i.repo_tags.is_empty());
                }
                "dangling" => {
                    let wanted = values.iter().any(|v| v == "true" || v == "1");
                    all.retain(|i| i.repo_tags.is_empty() == wanted);
                }
                "before" | "since" => {
                    let made = |i: &ImageSummary| (std::cmp::Reverse(i.older_seconds), i.created);
                    let found = values.first().and_then(|name| self.find_image(name, env));
                    let bound = found.map(|i| made(&self.summary_of(&i, Vec::new(), age)));
                    all.retain(|i| match &bound {
                        Some(bound) if key == "before" => made(i) < *bound,
                        Some(bound) => made(i) > *bound,
                        None => true,
                    });
                }
                "label" => {
                    all.retain(|i| values.iter().all(|v| label_matches(&i.labels, v)));
                }
                _ => {}
            }
        }
        all.sort_by_key(|i| (i.older_seconds, std::cmp::Reverse(i.created)));
        Reply::Images(all)
    }

    /// Serve `GET /images/{name}/json`.
    pub(crate) fn image_inspect(&self, name: &str, env: &Env<'_, '_>) -> Result<Reply, ApiError> {
        let image = self.find_image(name, env).ok_or_else(|| no_such(name))?;
        let comment = image.history.last().map(|h| h.comment.clone()).unwrap_or_default();
        Ok(Reply::Image(Box::new(ImageInspect {
            summary: self.summary_of(&image, self.tags_of(&image.id, env), catalogue_age(env)),
            parent: self.parents.get(&*image.id).cloned().unwrap_or_default(),
            comment,
            author: image.author.clone(),
            config: config_of(&image.config),
            layers: image.layers.iter().map(|l| l.diff_id.to_string()).collect(),
            architecture: "amd64".into(),
            os: "linux".into(),
        })))
    }

    /// Serve `GET /images/{name}/history`.
    pub(crate) fn image_history(&self, name: &str, env: &Env<'_, '_>) -> Result<Reply, ApiError> {
        let image = self.find_image(name, env).ok_or_else(|| no_such(name))?;
        let age = catalogue_age(env);
        let mut layers = image.layers.iter();
        let mut entries: Vec<HistoryEntry> = image
            .history
            .iter()
            .map(|h| HistoryEntry {
                id: "<missing>".into(),
                created: h.created.unwrap_or(SimTime::ZERO),
                older_seconds: if h.created.is_none() { age } else { 0 },
                created_by: h.created_by.clone(),
                size: if h.empty_layer { 0 } else { layers.next().map_or(0, |l| l.size_bytes) },
                comment: h.comment.clone(),
                tags: Vec::new(),
            })
            .collect();
        entries.reverse();
        let mut id = Some(image.id.to_string());
        for entry in &mut entries {
            let Some(current) = id else { break };
            entry.tags = self.tags_of(&current, env);
            id = self.parents.get(&current).cloned();
            entry.id = current;
        }
        Ok(Reply::History(entries))
    }

    /// Serve `POST /images/{name}/tag`.
    pub(crate) fn image_tag(
        &self,
        source: &str,
        target: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let image = self.find_image(source, env).ok_or_else(|| no_such(source))?;
        let target = ImageRef::parse(target).map_err(ApiError::bad)?;
        if target.digest.is_some() {
            return Err(ApiError::bad("refusing to create a tag with a digest reference"));
        }
        let target = target.tagged();
        let _ = env.machines.tag(&self.host, &image.id, &target);
        self.image_event(&image.id, "tag", &target, env);
        Ok(Reply::Done)
    }

    /// Why an image may not be deleted. `soft` also counts what `--force` overrides.
    fn delete_conflict(&self, image: &Image, soft: bool) -> Option<ApiError> {
        let users = || self.containers.values().filter(|c| *c.image_id == *image.id);
        let id = short(&image.id);
        let conflict = |text: String| Some(ApiError::conflict(format!("conflict: {text}")));
        if let Some(c) = users().find(|c| c.running) {
            let user = short(&c.id);
            return conflict(format!(
                "unable to delete {id} (cannot be forced) - image is being used by running \
                 container {user}"
            ));
        }
        if soft && let Some(c) = users().next() {
            let user = short(&c.id);
            return conflict(format!(
                "unable to delete {id} (must be forced) - image is being used by stopped \
                 container {user}"
            ));
        }
        None
    }

    /// Serve `DELETE /images/{name}`.
    pub(crate) fn image_remove(
        &mut self,
        name: &str,
        force: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let image = self.find_image(name, env).ok_or_else(|| no_such(name))?;
        let tags = self.tags_of(&image.id, env);
        let reference = ImageRef::parse(name).ok().filter(|r| tags.contains(&r.tagged()));
        let mut done = Vec::new();
        let mut quiet = false;
        if let Some(reference) = reference {
            if !force && tags.len() == 1 {
                let user = self.containers.values().find(|c| *c.image_id == *image.id);
                if let Some(c) = user {
                    return Err(ApiError::conflict(format!(
                        "conflict: unable to remove repository reference \"{}\" (must force) - \
                         container {} is using its referenced image {}",
                        reference.familiar(),
                        short(&c.id),
                        short(&image.id)
                    )));
                }
            }
            self.untag(&image, &reference.tagged(), &mut done, env);
            if tags.len() > 1 {
                return Ok(Reply::ImageRemoved(done));
            }
            quiet = true;
        } else {
            let names: BTreeSet<String> =
                tags.iter().filter_map(|t| ImageRef::parse(t).ok()).map(|r| r.name()).collect();
            if names.len() > 1 && !force {
                return Err(ApiError::conflict(format!(
                    "conflict: unable to delete {} (must be forced) - image is referenced in \
                     multiple repositories",
                    short(&image.id)
                )));
            }
            if let Some(conflict) = self.delete_conflict(&image, !force) {
                return Err(conflict);
            }
            for tag in &tags {
                self.untag(&image, tag, &mut done, env);
            }
        }
        match self.delete_conflict(&image, !force) {
            Some(_) if quiet => {}
            Some(conflict) => return Err(conflict),
            None => self.delete_image(&image, &mut done, env),
        }
        Ok(Reply::ImageRemoved(done))
    }

    fn untag(&self, image: &Image, tag: &str, done: &mut Vec<ImageRemoval>, env: &mut Env<'_, '_>) {
        env.machines.untag(&self.host, tag);
        self.image_event(&image.id, "untag", &image.id, env);
        done.push(ImageRemoval::Untagged(tag.to_owned()));
    }

    fn delete_image(&mut self, image: &Image, done: &mut Vec<ImageRemoval>, env: &mut Env<'_, '_>) {
        let mut kept: BTreeSet<String> = BTreeSet::new();
        for (other, _) in env.machines.images(&self.host) {
            if other.id != image.id {
                kept.extend(chain_ids(other));
            }
        }
        let used = self.containers.values().any(|c| *c.image_id == *image.id);
        env.machines.remove_image(&self.host, &image.id);
        self.image_event(&image.id, "delete", &image.id, env);
        done.push(ImageRemoval::Deleted(image.id.to_string()));
        if !used {
            let cached = self.cached_layers();
            let chain = chain_ids(image).into_iter().zip(&image.layers).rev();
            for (chain_id, layer) in chain {
                // The builder's cache keeps its layers without the image (engine/30).
                if !kept.contains(&chain_id) && !cached.contains(&layer.diff_id) {
                    done.push(ImageRemoval::Deleted(chain_id));
                }
            }
        }
        // Untagged images that only this one was made from go with it.
        let Some(parent) = self.parents.remove(&*image.id) else { return };
        let kept = self.parents.values().any(|p| *p == parent)
            || self.containers.values().any(|c| c.image_id == parent);
        if let Some(parent) = self.find_image(&parent, env).filter(|_| !kept)
            && self.tags_of(&parent.id, env).is_empty()
        {
            self.delete_image(&parent, done, env);
        }
    }

    /// Bytes of every layer that an image of the host has and the builder's cache does not keep.
    fn layer_sizes(&self, env: &Env<'_, '_>) -> BTreeMap<String, u64> {
        let cached = self.cached_layers();
        let layers = env.machines.images(&self.host).flat_map(|(image, _)| {
            let chain = chain_ids(image).into_iter().zip(&image.layers);
            let own = chain.filter(|(_, layer)| !cached.contains(&layer.diff_id));
            own.map(|(id, layer)| (id, layer.size_bytes)).collect::<Vec<_>>()
        });
        layers.collect()
    }

    /// Serve `POST /images/prune`.
    pub(crate) fn images_prune(
        &mut self,
        filters: &Filters,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        crate::docker::list::known_filters(filters, &["dangling", "label", "label!", "until"])?;
        let mut rest = filters.clone();
        rest.remove("dangling");
        let dangling =
            !filters.get("dangling").is_some_and(|v| v.iter().any(|v| v == "false" || v == "0"));
        let used: BTreeSet<String> = self.containers.values().map(|c| c.image_id.clone()).collect();
        let inner: BTreeSet<String> = self.parents.values().cloned().collect();
        let victims: Vec<(Arc<Image>, Vec<String>)> = env
            .machines
            .images(&self.host)
            .filter(|(image, tags)| (!dangling || tags.is_empty()) && !used.contains(&*image.id))
            .filter(|(image, _)| !inner.contains(&*image.id))
            .filter(|(image, _)| {
                let made = image.created.unwrap_or(SimTime::ZERO);
                crate::docker::list::prune_matches(&image.config.labels, made, &rest, env.now())
            })
            .map(|(image, tags)| (image.clone(), tags.iter().map(ToString::to_string).collect()))
            .collect();
        let mut report = PruneReport::default();
        let before = self.layer_sizes(env);
        for (image, tags) in victims {
            let mut done = Vec::new();
            for tag in tags {
                self.untag(&image, &tag, &mut done, env);
            }
            self.delete_image(&image, &mut done, env);
            report.deleted.extend(done.into_iter().map(|d| match d {
                ImageRemoval::Untagged(tag) => format!("untagged: {tag}"),
                ImageRemoval::Deleted(id) => format!("deleted: {id}"),
            }));
        }
        let left = self.layer_sizes(env);
        let gone = before.iter().filter(|(id, _)| !left.contains_key(*id));
        report.reclaimed = gone.map(|(_, bytes)| *bytes).sum();
        self.prune_event("image", report.reclaimed, env);
        Ok(Reply::Pruned(report))
    }

    /// Serve `POST /images/create`.
    pub(crate) fn image_pull(
        &mut self,
        ticket: u64,
        name: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        let reference = ImageRef::parse(name).map_err(ApiError::bad)?;
        let tagged = reference.tagged();
        self.clients
            .pulls
            .insert(ticket, PullClient { reference: tagged.clone(), announced: false });
        let host = self.host.clone();
        env.cx.within(|cx| {
            env.machines.pull(&host, Namespace::Moby, &tagged, ticket, true, cx);
        });
        Ok(None)
    }

    /// A layer of a pull changed its state.
    pub(crate) fn pull_layer(
        &mut self,
        ticket: u64,
        layer: &str,
        state: LayerState,
        env: &mut Env<'_, '_>,
    ) {
        if !self.clients.pulls.contains_key(&ticket) {
            return;
        }
        self.pull_header(ticket, env);
        let status = match state {
            LayerState::AlreadyExists => "Already exists",
            LayerState::PullingFsLayer => "Pulling fs layer",
            LayerState::Waiting => "Waiting",
            LayerState::Downloading => "Downloading",
            LayerState::VerifyingChecksum => "Verifying Checksum",
            LayerState::DownloadComplete => "Download complete",
            LayerState::Extracting => "Extracting",
            LayerState::PullComplete => "Pull complete",
        };
        let progress = env.machines.pull_progress(&self.host, ticket);
        let layer_progress = progress.and_then(|p| p.layers.iter().find(|l| &*l.id == layer));
        let now = env.now();
        let bytes = layer_progress
            .filter(|_| matches!(state, LayerState::Downloading | LayerState::Extracting))
            .map(|l| (l.bytes(now), l.total_bytes));
        let part = Progress { id: layer.to_owned(), status: status.to_owned(), bytes };
        env.reply(ticket, Ok(Reply::Progress(part)));
    }

    /// `1.25: Pulling from library/nginx`, once.
    fn pull_header(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        let Some(client) = self.clients.pulls.get_mut(&ticket) else { return };
        if client.announced {
            return;
        }
        client.announced = true;
        let Ok(reference) = ImageRef::parse(&client.reference) else { return };
        let path = if reference.registry.is_empty() && !reference.path.contains('/') {
            format!("library/{}", reference.path)
        } else {
            reference.path.clone()
        };
        let part = Progress {
            id: reference.tag.or(reference.digest).unwrap_or_default(),
            status: format!("Pulling from {path}"),
            bytes: None,
        };
        env.reply(ticket, Ok(Reply::Progress(part)));
    }

    /// A pull ended.
    pub(crate) fn pulled(
        &mut self,
        ticket: u64,
        result: Result<Pulled, PullError>,
        env: &mut Env<'_, '_>,
    ) {
        if self.build_pulled(ticket, &result, env) {
            return;
        }
        if result.is_ok() {
            self.pull_header(ticket, env);
        }
        let Some(client) = self.clients.pulls.remove(&ticket) else { return };
        let name = client.reference;
        match result {
            Ok(pulled) => {
                self.pulled.insert(pulled.image.to_string());
                let news = if pulled.up_to_date {
                    format!("Status: Image is up to date for {name}")
                } else {
                    format!("Status: Downloaded newer image for {name}")
                };
                for status in [format!("Digest: {}", pulled.digest), news] {
                    let part = Progress { id: String::new(), status, bytes: None };
                    env.reply(ticket, Ok(Reply::Progress(part)));
                }
                self.image_event(&name, "pull", &name, env);
                env.reply(ticket, Ok(Reply::Done));
            }
            Err(error) => {
                let resolver = self.name_server(env);
                env.reply(ticket, Err(pull_error(&name, &error, &resolver)));
            }
        }
    }

    /// Serve `POST /commit`.
    pub(crate) fn commit(
        &mut self,
        text: &str,
        reference: &str,
        (comment, author): (&str, &str),
        changes: &[String],
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let target = if reference.is_empty() {
            None
        } else {
            Some(ImageRef::parse(reference).map_err(ApiError::bad)?.tagged())
        };
        let Some(c) = self.containers.get(&id) else { return Ok(Reply::Done) };
        let Some(base) = self.find_image(&c.image_id, env) else {
            return Err(no_such(&c.image_id));
        };
        let machine_id = ContainerId::from(id.as_str());
        let mut image = (*base).clone();
        let now = env.now();
        let cmd = c.config.cmd.clone().unwrap_or_default();
        let mut entry = crate::machine::HistoryEntry {
            created: Some(now),
            created_by: cmd.join(" "),
            comment: comment.to_owned(),
            empty_layer: true,
        };
        if let Some(layer) = env.machines.commit_layer(&self.host, &machine_id) {
            entry.empty_layer = false;
            image.layers.push(layer);
        }
        image.history.push(entry);
        image.config.env.clone_from(&c.config.env);
        image.config.cmd = cmd;
        image.config.entrypoint = c.config.entrypoint.clone().unwrap_or_default();
        image.config.cwd.clone_from(&c.config.working_dir);
        image.config.user.clone_from(&c.config.user);
        image.config.labels.clone_from(&c.config.labels);
        image.config = with_changes(image.config, changes).map_err(ApiError::bad)?;
        author.clone_into(&mut image.author);
        image.created = Some(now);
        image.digest = "".into();
        let layers: Vec<&str> = image.layers.iter().map(|l| &*l.diff_id).collect();
        let text = format!("{:?} {layers:?} {} {id}", image.config, now.0);
        image.id = sha256(&text).into();
        let image_id = image.id.to_string();
        let name = c.name.clone();
        self.parents.insert(image_id.clone(), base.id.to_string());
        let tags: Vec<&str> = target.as_deref().into_iter().collect();
        env.machines.add_image(&self.host, image, &tags);
        env.record(&id, Message::new("why-docker-committed").with("name", &name));
        let mut extra = vec![("comment", comment.to_owned()), ("imageID", image_id.clone())];
        if let Some(target) = &target {
            extra.push(("imageRef", target.clone()));
        }
        self.container_event(&id, "commit", &extra, env);
        self.image_event(&image_id, "create", &image_id, env);
        if let Some(target) = &target {
            self.image_event(&image_id, "tag", target, env);
        }
        Ok(Reply::ImageId(image_id))
    }
}

/// Whether a tag matches a pattern of `--filter reference=` or of `docker images <name>`.
fn matches_reference(tag: &str, pattern: &str) -> bool {
    let Some((name, _)) = tag.rsplit_once(':') else { return tag == pattern };
    glob(pattern, tag)
        || glob(pattern, name)
        || ImageRef::parse(pattern).is_ok_and(|r| {
            r.tag.is_none() && r.name() == name || r.tag.is_some() && r.tagged() == tag
        })
}

/// A pattern with `*` that does not cross `/`.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => {
            let Some(rest) = text.strip_prefix(head) else { return false };
            let end = rest.find('/').unwrap_or(rest.len());
            (0..=end)
                .any(|at| rest.is_char_boundary(at) && glob(tail, rest.get(at..).unwrap_or("")))
        }
    }
}

pub(crate) fn pull_error(name: &str, error: &PullError, resolver: &str) -> ApiError {
    let repository = ImageRef::parse(name).map_or_else(|_| name.to_owned(), |r| r.name());
    match error {
        PullError::NoSuchRegistry { registry } => ApiError::internal(format!(
            "Get \"https://{registry}/v2/\": dial tcp: lookup {registry} on {resolver}:53: no such \
             host"
        )),
        PullError::AccessDenied => ApiError::not_found(format!(
            "pull access denied for {repository}, repository does not exist or may require 'docker \
             login': denied: requested access to the resource is denied"
        )),
        PullError::ManifestUnknown => ApiError::not_found(format!(
            "manifest for {name} not found: manifest unknown: manifest unknown"
        )),
        PullError::TooManyRequests => ApiError::internal(
            "toomanyrequests: You have reached your unauthenticated pull rate limit. \
             https://www.docker.com/increase-rate-limit",
        ),
        PullError::Unreachable { registry } => ApiError::internal(format!(
            "Get \"https://{registry}/v2/\": net/http: request canceled while waiting for \
             connection (Client.Timeout exceeded while awaiting headers)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (tag, pattern, hit) in [
            ("nginx:1.25", "nginx", true),
            ("nginx:1.25", "nginx:1.25", true),
            ("nginx:1.25", "nginx:1.26", false),
            ("nginx:1.25", "ng*", true),
            ("a/nginx:1", "*", false),
            ("a/nginx:1", "*/nginx", true),
        ] {
            assert_eq!(matches_reference(tag, pattern), hit, "{tag} {pattern}");
        }
    }
}
