//! Images and containers as archives: `save`, `load`, `export`, `import` (moby `image/tarexport`).
//!
//! The layout is the engine's: OCI blobs with `index.json`, `manifest.json` and `repositories`.
//! Programs of the catalogue are no files here, so a note says whose they are: in an image's
//! configuration, and in the global header of an exported file system. Zero bytes at the end of
//! files, which are only counted here, stand in the global header too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::time::{SimDuration, SimTime};
use crate::docker::api::{ApiError, Reply};
use crate::docker::build::with_changes;
use crate::docker::daemon::{Daemon, Env};
use crate::docker::images::sha256;
use crate::docker::reference::ImageRef;
use crate::machine::{ContainerId, Healthcheck, HistoryEntry, Image, ImageConfig, Layer};
use crate::posix::archive::{self, Member};
use crate::posix::{Entry, Files, normal, parent};

/// The record of a global header that counts the zero bytes at the end of a file.
const ZEROS: &str = "drydock.zeros";
/// What marks a file that a layer takes away.
const GONE: &str = ".wh.";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The digits of a digest.
fn hex(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn blob_path(digest: &str) -> String {
    format!("blobs/sha256/{}", hex(digest))
}

fn file(name: impl Into<String>, content: impl Into<String>) -> Member {
    let (name, content) = (name.into(), Some(content.into()));
    Member { name, content, mode: 0o644, link: String::new() }
}

fn folder(name: &str) -> Member {
    Member { name: name.to_owned(), content: None, mode: 0o755, link: String::new() }
}

fn member(path: &str, entry: &Entry) -> Member {
    let path = path.trim_start_matches('/');
    match entry {
        Entry::Directory { mode } => Member { mode: *mode, ..folder(path) },
        Entry::Link(target) => Member { mode: 0o777, link: target.to_string(), ..file(path, "") },
        Entry::File { content, mode, .. } => {
            Member { mode: *mode, ..file(path, content.to_string()) }
        }
    }
}

/// What a layer puts over the one below it, sorted by path.
fn changed(below: &Files, above: &Files) -> Vec<Member> {
    let news = above.iter().filter(|(path, entry)| below.get(path) != Some(entry));
    let mut members: Vec<Member> = news.map(|(path, entry)| member(path, entry)).collect();
    for (path, _) in below.iter().filter(|(path, _)| above.get(path).is_none()) {
        let dir = parent(path);
        if dir == "/" || above.get(dir).is_some() {
            let name = path.rsplit('/').next().unwrap_or(path);
            let dir = dir.trim_start_matches('/');
            let slash = if dir.is_empty() { "" } else { "/" };
            members.push(file(format!("{dir}{slash}{GONE}{name}"), ""));
        }
    }
    members.sort_by(|a, b| a.name.cmp(&b.name));
    members
}

/// The zero bytes at the ends of what a layer puts over the one below it, as records of a header.
fn zeros_of(below: &Files, above: &Files) -> String {
    let news = above.iter().filter(|(path, entry)| below.get(path) != Some(entry));
    let record = |(path, entry): (&str, &Entry)| match entry {
        Entry::File { zeros, .. } if *zeros > 0 => Some(header(ZEROS, &format!("{zeros} {path}"))),
        Entry::File { .. } | Entry::Directory { .. } | Entry::Link(_) => None,
    };
    news.filter_map(record).collect()
}

/// Lay an archive and its global header over files.
fn lay(members: &[Member], note: &str, files: &mut Files) {
    let counted: BTreeMap<&str, u64> = records(note)
        .filter(|(name, _)| *name == ZEROS)
        .filter_map(|(_, value)| value.split_once(' '))
        .filter_map(|(zeros, path)| Some((path, zeros.parse().ok()?)))
        .collect();
    for member in members {
        let path = normal("/", &member.name);
        let name = path.rsplit('/').next().unwrap_or("");
        if let Some(name) = name.strip_prefix(GONE) {
            files.remove_tree(&normal(parent(&path), name));
            continue;
        }
        let entry = match &member.content {
            _ if !member.link.is_empty() => Entry::Link(member.link.as_str().into()),
            None => Entry::Directory { mode: member.mode },
            Some(text) => {
                let zeros = counted.get(path.as_str()).copied().unwrap_or(0);
                let (content, modified) = (text.as_str().into(), SimTime::ZERO);
                Entry::File { content, zeros, mode: member.mode, modified }
            }
        };
        files.put(&path, entry);
    }
}

fn bytes(members: &[Member]) -> u64 {
    members.iter().map(|m| m.content.as_ref().map_or(0, String::len) as u64).sum()
}

/// A record of a global header: its own length, a name, a value.
fn header(name: &str, value: &str) -> String {
    let rest = format!(" {name}={value}\n");
    let mut length = rest.len();
    // The digits of the length count too.
    while format!("{length}{rest}").len() > length {
        length += 1;
    }
    format!("{length}{rest}")
}

/// The records of a global header.
fn records(comment: &str) -> impl Iterator<Item = (&str, &str)> {
    comment.lines().filter_map(|line| line.split_once(' ')?.1.split_once('='))
}

/// The value of a record of a global header.
fn noted<'a>(comment: &'a str, name: &str) -> Option<&'a str> {
    records(comment).find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn set_of(names: &[String]) -> Value {
    names.iter().map(|name| (name.clone(), json!({}))).collect::<serde_json::Map<_, _>>().into()
}

fn nanos(time: Option<SimDuration>) -> u64 {
    time.map_or(0, |d| d.0.saturating_mul(1_000))
}

/// An image's configuration as OCI words it.
fn config_text(image: &Image) -> String {
    let c = &image.config;
    let mut config = json!({
        "Env": c.env, "Entrypoint": c.entrypoint, "Cmd": c.cmd, "WorkingDir": c.cwd,
        "User": c.user, "ExposedPorts": set_of(&c.exposed_ports), "Volumes": set_of(&c.volumes),
        "Labels": c.labels, "StopSignal": c.stop_signal, "Shell": c.shell, "OnBuild": c.on_build,
    });
    if let (Some(h), Some(map)) = (&c.healthcheck, config.as_object_mut()) {
        let check = json!({
            "Test": h.test, "Interval": nanos(h.interval), "Timeout": nanos(h.timeout),
            "StartPeriod": nanos(h.start_period), "StartInterval": nanos(h.start_interval),
            "Retries": h.retries.unwrap_or(0),
        });
        map.insert("Healthcheck".to_owned(), check);
    }
    if let Some(map) = config.as_object_mut() {
        let empty = |v: &Value| {
            v.as_str() == Some("")
                || v.as_array().is_some_and(Vec::is_empty)
                || v.as_object().is_some_and(serde_json::Map::is_empty)
        };
        map.retain(|_, value| !empty(value));
    }
    let date = |at: Option<SimTime>| at.unwrap_or(SimTime::ZERO).rfc3339_micro();
    let history: Vec<Value> = image
        .history
        .iter()
        .map(|h| {
            json!({
                "created": date(h.created), "created_by": h.created_by, "comment": h.comment,
                "empty_layer": h.empty_layer,
            })
        })
        .collect();
    let micros = |at: Option<SimTime>| at.map(|at| at.0);
    let dates: Vec<Option<u64>> = image.history.iter().map(|h| micros(h.created)).collect();
    let layers: Vec<&str> = image.layers.iter().map(|l| &*l.diff_id).collect();
    json!({
        "architecture": "amd64", "os": "linux", "created": date(image.created), "config": config,
        "history": history, "rootfs": {"type": "layers", "diff_ids": layers},
        "drydock": {
            "programs": &*image.catalogue, "assumed": image.assumed,
            "created": micros(image.created), "dates": dates,
        },
    })
    .to_string()
}

fn text_at(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list_at(value: &Value, path: &str) -> Vec<String> {
    let list = value.pointer(path).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn keys_at(value: &Value, path: &str) -> Vec<String> {
    let map = value.pointer(path).and_then(Value::as_object);
    map.map(|map| map.keys().cloned().collect()).unwrap_or_default()
}

/// The run configuration of an OCI configuration.
fn config_from(value: &Value) -> ImageConfig {
    let time = |path: &str| {
        let nanos = value.pointer(path).and_then(Value::as_u64).filter(|n| *n > 0)?;
        Some(SimDuration::from_micros(nanos / 1_000))
    };
    let check = || Healthcheck {
        test: list_at(value, "/config/Healthcheck/Test"),
        interval: time("/config/Healthcheck/Interval"),
        timeout: time("/config/Healthcheck/Timeout"),
        start_period: time("/config/Healthcheck/StartPeriod"),
        start_interval: time("/config/Healthcheck/StartInterval"),
        retries: value
            .pointer("/config/Healthcheck/Retries")
            .and_then(Value::as_u64)
            .and_then(|n| u32::try_from(n).ok())
            .filter(|n| *n > 0),
    };
    let labels = value.pointer("/config/Labels").and_then(Value::as_object);
    let label = |(k, v): (&String, &Value)| Some((k.clone(), v.as_str()?.to_owned()));
    ImageConfig {
        env: list_at(value, "/config/Env"),
        entrypoint: list_at(value, "/config/Entrypoint"),
        cmd: list_at(value, "/config/Cmd"),
        cwd: text_at(value, "/config/WorkingDir"),
        user: text_at(value, "/config/User"),
        exposed_ports: keys_at(value, "/config/ExposedPorts"),
        volumes: keys_at(value, "/config/Volumes"),
        labels: labels.into_iter().flatten().filter_map(label).collect(),
        stop_signal: text_at(value, "/config/StopSignal"),
        healthcheck: value.pointer("/config/Healthcheck").map(|_| check()),
        shell: list_at(value, "/config/Shell"),
        on_build: list_at(value, "/config/OnBuild"),
    }
}

fn history_from(value: &Value) -> Vec<HistoryEntry> {
    let entries = value.pointer("/history").and_then(Value::as_array);
    let entry = |(index, entry): (usize, &Value)| HistoryEntry {
        created: value
            .pointer(&format!("/drydock/dates/{index}"))
            .and_then(Value::as_u64)
            .map(SimTime),
        created_by: text_at(entry, "/created_by"),
        comment: text_at(entry, "/comment"),
        empty_layer: entry.pointer("/empty_layer").and_then(Value::as_bool).unwrap_or(false),
    };
    entries.into_iter().flatten().enumerate().map(entry).collect()
}

/// Images to be saved, each with the tags that were asked for.
type Wanted = BTreeMap<Arc<str>, (Arc<Image>, BTreeSet<String>)>;

/// All blobs of images by digest, and what the three lists say of them.
fn blobs_of(wanted: &Wanted) -> (BTreeMap<String, String>, [Value; 3]) {
    let mut blobs = BTreeMap::new();
    let (mut manifests, mut index) = (Vec::new(), Vec::new());
    let mut repositories: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (image, tags) in wanted.values() {
        let (mut sources, mut layers) = (serde_json::Map::new(), Vec::new());
        let mut below = Files::new();
        for layer in &image.layers {
            blobs.insert(
                layer.diff_id.to_string(),
                archive::write(&changed(&below, &layer.files), &zeros_of(&below, &layer.files)),
            );
            below = layer.files.clone();
            let source =
                json!({"mediaType": LAYER, "size": layer.size_bytes, "digest": &*layer.diff_id});
            layers.push(source.clone());
            sources.insert(layer.diff_id.to_string(), source);
        }
        let config = config_text(image);
        let described = json!({"mediaType": CONFIG, "size": config.len(), "digest": &*image.id});
        blobs.insert(image.id.to_string(), config);
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers,
        })
        .to_string();
        let digest = sha256(&manifest);
        let entry = json!({"mediaType": MANIFEST, "size": manifest.len(), "digest": digest});
        blobs.insert(digest, manifest);
        if tags.is_empty() {
            index.push(entry.clone());
        }
        for tag in tags {
            let Some((name, version)) = tag.rsplit_once(':') else { continue };
            let mut entry = entry.clone();
            if let Some(map) = entry.as_object_mut() {
                let notes = json!({
                    "io.containerd.image.name": tag, "org.opencontainers.image.ref.name": version,
                });
                map.insert("annotations".to_owned(), notes);
            }
            index.push(entry);
            let top = image.layers.last().map(|l| hex(&l.diff_id).to_owned()).unwrap_or_default();
            repositories.entry(name.to_owned()).or_default().insert(version.to_owned(), top);
        }
        let paths: Vec<String> = image.layers.iter().map(|l| blob_path(&l.diff_id)).collect();
        manifests.push(json!({
            "Config": blob_path(&image.id), "RepoTags": tags, "Layers": paths,
            "LayerSources": sources,
        }));
    }
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": index,
    });
    (blobs, [index, manifests.into(), json!(repositories)])
}

fn invalid() -> ApiError {
    ApiError::internal("archive/tar: invalid tar header")
}

/// An error in the stream of an answer, which the client prints as it is.
fn in_stream(text: impl Into<String>) -> ApiError {
    ApiError::new(0, text)
}

impl Daemon {
    /// Add what a name of `docker save` means; one without a tag means all tags of the repository.
    fn wanted(&self, name: &str, wanted: &mut Wanted, env: &Env<'_, '_>) -> Result<(), ApiError> {
        let reference = ImageRef::parse(name).ok();
        let whole = reference.as_ref().filter(|r| r.tag.is_none() && r.digest.is_none());
        let mut found = false;
        for (image, tags) in env.machines.images(&self.host) {
            for tag in &tags {
                let Ok(own) = ImageRef::parse(tag) else { continue };
                let hit = match (whole, &reference) {
                    (Some(r), _) => r.name() == own.name(),
                    (None, Some(r)) => r.tagged() == **tag,
                    (None, None) => false,
                };
                if hit {
                    found = true;
                    let entry = wanted.entry(image.id.clone());
                    let entry = entry.or_insert_with(|| (image.clone(), BTreeSet::new()));
                    entry.1.insert(tag.to_string());
                }
            }
        }
        if found {
            return Ok(());
        }
        let by_id = self.find_image(name, env).filter(|_| whole.is_some() || reference.is_none());
        let Some(image) = by_id else {
            return Err(ApiError::not_found(match whole {
                Some(_) => format!("No such image: {name}"),
                None => "reference does not exist".to_owned(),
            }));
        };
        wanted.entry(image.id.clone()).or_insert_with(|| (image.clone(), BTreeSet::new()));
        Ok(())
    }

    /// Serve `GET /images/get`.
    pub(crate) fn image_save(
        &self,
        names: &[String],
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let mut wanted = Wanted::new();
        for name in names {
            self.wanted(name, &mut wanted, env)?;
        }
        let (blobs, [index, manifest, repositories]) = blobs_of(&wanted);
        let mut members = vec![folder("blobs"), folder("blobs/sha256")];
        members.extend(blobs.iter().map(|(digest, text)| file(blob_path(digest), text)));
        members.push(file("index.json", index.to_string()));
        members.push(file("manifest.json", manifest.to_string()));
        members.push(file("oci-layout", json!({"imageLayoutVersion": "1.0.0"}).to_string()));
        if repositories.as_object().is_some_and(|map| !map.is_empty()) {
            members.push(file("repositories", repositories.to_string()));
        }
        for id in wanted.keys() {
            self.image_event(id, "save", id, env);
        }
        Ok(Reply::Tar(archive::write(&members, "")))
    }

    /// Serve `POST /images/load`.
    pub(crate) fn image_load(
        &self,
        archive: &str,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let (members, _) = archive::read(archive).ok_or_else(invalid)?;
        let blobs: BTreeMap<&str, &str> =
            members.iter().filter_map(|m| Some((m.name.as_str(), m.content.as_deref()?))).collect();
        let manifest = blobs
            .get("manifest.json")
            .ok_or_else(|| in_stream("invalid archive: does not contain a manifest.json"))?;
        let items: Vec<Value> =
            serde_json::from_str(manifest).map_err(|e| in_stream(e.to_string()))?;
        let (mut new_layers, mut lines) = (Vec::new(), Vec::new());
        for item in items {
            let path = text_at(&item, "/Config");
            let id: Arc<str> =
                format!("sha256:{}", path.rsplit('/').next().unwrap_or(&path)).into();
            let config = blobs.get(path.as_str()).and_then(|t| serde_json::from_str(t).ok());
            let config: Value = config
                .ok_or_else(|| in_stream(format!("open {path}: no such file or directory")))?;
            let layers = self.loaded_layers(&item, &config, &blobs, &mut new_layers, env)?;
            if !env.machines.images(&self.host).any(|(image, _)| image.id == id) {
                let image = Image {
                    id: id.clone(),
                    digest: "".into(),
                    created: config
                        .pointer("/drydock/created")
                        .and_then(Value::as_u64)
                        .map(SimTime),
                    layers,
                    history: history_from(&config),
                    config: config_from(&config),
                    catalogue: text_at(&config, "/drydock/programs").into(),
                    assumed: config.pointer("/drydock/assumed") == Some(&Value::Bool(true)),
                    author: String::new(),
                };
                env.machines.add_image(&self.host, image, &[]);
            }
            let tags = list_at(&item, "/RepoTags");
            for tag in &tags {
                let before = self.find_image(tag, env).filter(|image| image.id != id);
                if let Some(image) = before {
                    lines.push(format!(
                        "The image {tag} already exists, renaming the old one with ID {} to empty \
                         string",
                        image.id
                    ));
                }
                let _ = env.machines.tag(&self.host, &id, tag);
                lines.push(format!("Loaded image: {tag}"));
            }
            if tags.is_empty() {
                lines.push(format!("Loaded image ID: {id}"));
            }
            self.image_event(&id, "load", &id, env);
        }
        Ok(Reply::Loaded { layers: new_layers, lines })
    }

    /// The layers of an image of an archive; those that the host has are taken from it.
    fn loaded_layers(
        &self,
        item: &Value,
        config: &Value,
        blobs: &BTreeMap<&str, &str>,
        news: &mut Vec<(String, u64)>,
        env: &Env<'_, '_>,
    ) -> Result<Vec<Layer>, ApiError> {
        let paths = list_at(item, "/Layers");
        let digests = list_at(config, "/rootfs/diff_ids");
        if paths.len() != digests.len() {
            return Err(in_stream(format!(
                "invalid manifest, layers length mismatch: expected {}, got {}",
                digests.len(),
                paths.len()
            )));
        }
        let mut layers: Vec<Layer> = Vec::new();
        for (path, digest) in paths.iter().zip(&digests) {
            let mut all = env.machines.images(&self.host).flat_map(|(image, _)| &image.layers);
            if let Some(layer) = all.find(|layer| *layer.diff_id == **digest) {
                layers.push(layer.clone());
                continue;
            }
            let text = blobs.get(path.as_str());
            let text =
                text.ok_or_else(|| in_stream(format!("open {path}: no such file or directory")))?;
            let (members, note) = archive::read(text).ok_or_else(invalid)?;
            let mut files = layers.last().map(|l| l.files.clone()).unwrap_or_default();
            lay(&members, &note, &mut files);
            let size =
                item.pointer("/LayerSources").and_then(|s| s.get(digest)?.get("size")?.as_u64());
            let size = size.unwrap_or_else(|| bytes(&members));
            news.push((digest.clone(), size));
            layers.push(Layer {
                diff_id: digest.as_str().into(),
                digest: digest.as_str().into(),
                size_bytes: size,
                download_bytes: size,
                files,
            });
        }
        Ok(layers)
    }

    /// Serve `GET /containers/{id}/export`.
    pub(crate) fn export(&self, text: &str, env: &mut Env<'_, '_>) -> Result<Reply, ApiError> {
        let id = self.find(text)?;
        let own = env.machines.commit_layer(&self.host, &ContainerId::from(id.as_str()));
        let image = self.containers.get(&id).and_then(|c| self.find_image(&c.image_id, env));
        let (files, own) = own.map(|l| (l.files, l.size_bytes)).unwrap_or_default();
        let below = image.as_ref().map_or(0, |image| image.size_bytes());
        let mut note = header("drydock.size", &(below + own).to_string());
        if let Some(image) = &image {
            note.push_str(&header("drydock.programs", &image.catalogue));
            note.push_str(&header("drydock.assumed", &image.assumed.to_string()));
        }
        note.push_str(&zeros_of(&Files::new(), &files));
        let members = changed(&Files::new(), &files);
        self.container_event(&id, "export", &[], env);
        Ok(Reply::Tar(archive::write(&members, &note)))
    }

    /// Serve `POST /images/create` with an archive.
    pub(crate) fn image_import(
        &self,
        archive: &str,
        reference: &str,
        comment: &str,
        changes: &[String],
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let target = if reference.is_empty() {
            None
        } else {
            Some(ImageRef::parse(reference).map_err(ApiError::bad)?.tagged())
        };
        let config = with_changes(ImageConfig::default(), changes).map_err(ApiError::bad)?;
        let (members, note) = archive::read(archive).ok_or_else(invalid)?;
        let mut files = Files::new();
        lay(&members, &note, &mut files);
        let size = noted(&note, "drydock.size").and_then(|n| n.parse().ok());
        let size = size.unwrap_or_else(|| bytes(&members));
        let diff_id: Arc<str> = sha256(archive).into();
        let now = env.now();
        let comment = if comment.is_empty() { "Imported from -" } else { comment };
        let id = sha256(&format!("{config:?} {diff_id} {comment} {}", now.0));
        let layer = Layer {
            digest: diff_id.clone(),
            diff_id,
            size_bytes: size,
            download_bytes: size,
            files,
        };
        let image = Image {
            id: id.as_str().into(),
            digest: "".into(),
            created: Some(now),
            layers: vec![layer],
            history: vec![HistoryEntry {
                created: Some(now),
                created_by: String::new(),
                comment: comment.to_owned(),
                empty_layer: false,
            }],
            config,
            catalogue: noted(&note, "drydock.programs").unwrap_or_default().into(),
            assumed: noted(&note, "drydock.assumed") == Some("true"),
            author: String::new(),
        };
        let tags: Vec<&str> = target.as_deref().into_iter().collect();
        env.machines.add_image(&self.host, image, &tags);
        if let Some(target) = &target {
            self.image_event(&id, "tag", target, env);
        }
        self.image_event(&id, "import", &id, env);
        Ok(Reply::ImageId(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_there_and_back() {
        let mut below = Files::new();
        for path in ["/etc/a", "/etc/b", "/opt/x/y"] {
            below.put_file(path, path);
        }
        let mut above = below.clone();
        above.remove_tree("/opt/x");
        above.put_file("/etc/a", "new");
        above.put("/l", Entry::Link("/etc/a".into()));
        let zeros =
            Entry::File { content: "z".into(), zeros: 3, mode: 0o600, modified: SimTime::ZERO };
        above.put("/z", zeros);
        let members = changed(&below, &above);
        let names: Vec<&str> = members.iter().map(|m| m.name.as_str()).collect();
        assert_eq!(names, ["etc/a", "l", "opt/.wh.x", "z"]);
        let text = archive::write(&members, &zeros_of(&below, &above));
        let mut again = below.clone();
        let (members, note) = archive::read(&text).unwrap_or_default();
        lay(&members, &note, &mut again);
        assert!(again.iter().eq(above.iter()));
    }

    #[test]
    fn configurations_there_and_back() {
        let config = ImageConfig {
            env: vec!["A=b".into()],
            cmd: vec!["cat".into(), "/f".into()],
            exposed_ports: vec!["80/tcp".into()],
            labels: [("k".to_owned(), "v".to_owned())].into(),
            healthcheck: Some(Healthcheck {
                test: vec!["CMD".into(), "true".into()],
                interval: Some(SimDuration::from_secs(2)),
                retries: Some(3),
                ..Healthcheck::default()
            }),
            ..ImageConfig::default()
        };
        let history = |created| HistoryEntry {
            created,
            created_by: "RUN x".into(),
            comment: "c".into(),
            empty_layer: created.is_none(),
        };
        let image = Image {
            id: "sha256:1".into(),
            digest: "".into(),
            created: Some(SimTime(7)),
            layers: Vec::new(),
            history: vec![history(None), history(Some(SimTime(5)))],
            config,
            catalogue: "busybox".into(),
            assumed: false,
            author: String::new(),
        };
        let value: Value = serde_json::from_str(&config_text(&image)).unwrap_or_default();
        assert_eq!(config_from(&value), image.config);
        assert_eq!(history_from(&value), image.history);
    }

    #[test]
    fn headers() {
        let note = header("a", "1") + &header("drydock.programs", "busybox:1.36");
        assert_eq!(header("a", "1"), "6 a=1\n");
        assert_eq!(noted(&note, "drydock.programs"), Some("busybox:1.36"));
        assert_eq!(noted(&note, "b"), None);
    }
}
