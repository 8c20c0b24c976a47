//! Makes images from catalogue entries: ids and digests that are the same in every world, layers
//! whose sizes add up, the file tree of the base with the image's own files on top.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::machine::catalog::{BaseFile, Catalogue, Collection, ImageFile, Variant};
use crate::machine::image::{HistoryEntry, Image, ImageConfig, Layer, Reference};
use crate::posix::{Entry, FileSystem as _, Files};

/// Size of an executable in a base, in bytes: about that of a small dynamic program.
const EXECUTABLE_BYTES: u64 = 64_000;
/// Size of an image that the catalogue does not know: the median of its entries, about 150 MB
/// unpacked and 55 MB to download in three layers.
const ASSUMED_DOWNLOAD: [u64; 3] = [29_000_000, 21_000_000, 5_000_000];
const ASSUMED_UNPACKED: u64 = 150_000_000;

/// `sha256:` and the 64 digits of a text's hash.
pub(super) fn sha(text: &str) -> Arc<str> {
    let mut id = String::from("sha256:");
    for byte in Sha256::digest(text.as_bytes()) {
        id.push_str(&format!("{byte:02x}"));
    }
    id.into()
}

/// The version that a tag means: its leading number, else the variant's.
fn version(variant: &Variant, tag: &str) -> String {
    let number = tag.split('-').next().unwrap_or("");
    if number.starts_with(|c: char| c.is_ascii_digit()) {
        number.to_owned()
    } else {
        variant.version.clone()
    }
}

/// Values for `{…}` of an image's programs.
pub(super) fn vars(file: &ImageFile, variant: &Variant, tag: &str) -> BTreeMap<String, String> {
    let mut vars = file.vars.clone();
    vars.insert("version".to_owned(), version(variant, tag));
    vars.insert("tag".to_owned(), tag.to_owned());
    vars
}

/// What `Image::catalogue` holds: collection, repository and tag.
pub(super) fn key(collection: Collection, repository: &str, tag: &str) -> String {
    let collection = match collection {
        Collection::Public => "public",
        Collection::DockerLab => "docker-lab",
        Collection::KubeLab => "kube-lab",
    };
    format!("{collection}|{repository}|{tag}")
}

/// The catalogue entry that [`key`] names.
pub(super) fn entry<'a>(
    catalogue: &'a Catalogue,
    key: &str,
) -> Option<(&'a Arc<ImageFile>, &'a Variant, String)> {
    let mut parts = key.split('|');
    let collection = match parts.next()? {
        "public" => Collection::Public,
        "docker-lab" => Collection::DockerLab,
        "kube-lab" => Collection::KubeLab,
        _ => return None,
    };
    let (repository, tag) = (parts.next()?, parts.next()?);
    let (file, variant) = catalogue.find(collection, repository, tag)?;
    Some((file, variant, tag.to_owned()))
}

/// The image of a catalogue entry.
pub(super) fn image(
    catalogue: &Catalogue,
    file: &ImageFile,
    variant: &Variant,
    tag: &str,
) -> Image {
    let version = version(variant, tag);
    let name = match &variant.same_as {
        Some(other) => other.clone(),
        None => format!("{}:{tag}", file.image),
    };
    let given = |id: &Option<String>, what: &str| match id {
        Some(id) => Arc::from(format!("sha256:{id}")),
        None => sha(&format!("{what} {:?} {name}", file.collection)),
    };
    let base = catalogue.bases.get(variant.base.as_ref().unwrap_or(&file.base));
    let config = config(file, variant, &version);
    let layers = layers(&name, file, variant, base.map(Arc::as_ref));
    let history = vec![HistoryEntry {
        created: None,
        created_by: if variant.comment.starts_with("Imported") {
            String::new()
        } else {
            format!("CMD [{}]", quoted(&config.cmd))
        },
        comment: variant.comment.clone(),
        empty_layer: false,
    }];
    Image {
        id: given(&variant.id, "image"),
        digest: given(&variant.digest, "manifest"),
        created: None,
        layers,
        history,
        config,
        catalogue: key(file.collection, &file.image, tag).into(),
        assumed: false,
        author: String::new(),
    }
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|w| format!("{w:?}")).collect::<Vec<_>>().join(" ")
}

fn config(file: &ImageFile, variant: &Variant, version: &str) -> ImageConfig {
    let fill = |text: &String| text.replace("{version}", version);
    ImageConfig {
        env: file.env.iter().chain(&variant.env).map(fill).collect(),
        entrypoint: file.entrypoint.clone(),
        cmd: variant.cmd.clone().unwrap_or_else(|| file.cmd.clone()),
        cwd: file.cwd.clone(),
        user: file.user.clone(),
        exposed_ports: file.ports.clone(),
        volumes: file.volumes.clone(),
        labels: file.labels.clone(),
        stop_signal: file.stop_signal.clone(),
        ..ImageConfig::default()
    }
}

fn layers(name: &str, file: &ImageFile, variant: &Variant, base: Option<&BaseFile>) -> Vec<Layer> {
    let below = base.map(tree).unwrap_or_default();
    let mut above = below.clone();
    for path in file.programs.keys() {
        above.put(path, executable());
    }
    for (path, content) in &file.files {
        above.put_file(path, content.as_str());
    }
    for path in &file.volumes {
        if above.get(path).is_none() {
            above.put(path, Entry::Directory { mode: 0o755 });
        }
    }
    let count = variant.download.len();
    let total: u64 = variant.download.iter().sum::<u64>().max(1);
    let mut left = variant.unpacked;
    let mut layers = Vec::new();
    for (index, download) in variant.download.iter().enumerate() {
        let last = index + 1 == count;
        let share = u128::from(variant.unpacked) * u128::from(*download) / u128::from(total);
        let size = if last { left } else { u64::try_from(share).unwrap_or(left).min(left) };
        left -= size;
        let diff_id = match variant.diff_ids.get(index) {
            Some(id) => Arc::from(format!("sha256:{id}")),
            // Images on the same base share its layer.
            None if index == 0 && count > 1 => {
                sha(&format!("base {} {download}", base.map_or("", |b| b.base.as_str())))
            }
            None => sha(&format!("layer {index} {name}")),
        };
        layers.push(Layer {
            digest: sha(&format!("blob {diff_id}")),
            diff_id,
            size_bytes: size,
            download_bytes: *download,
            files: if last { above.clone() } else { below.clone() },
        });
    }
    layers
}

fn executable() -> Entry {
    Entry::File {
        content: "".into(),
        zeros: EXECUTABLE_BYTES,
        mode: 0o755,
        modified: crate::base::time::SimTime::ZERO,
    }
}

fn tree(base: &BaseFile) -> Files {
    let mut files = Files::new();
    for path in &base.directories {
        files.put(path, Entry::Directory { mode: 0o755 });
    }
    for path in &base.executables {
        files.put(path, executable());
    }
    for (path, content) in &base.files {
        files.put_file(path, content.as_str());
    }
    // What is listed as executable and has a text is a script.
    for path in base.files.keys().filter(|path| base.executables.contains(path)) {
        let _ = files.chmod(path, 0o755);
    }
    files
}

/// An image that the catalogue does not know: a well-behaved server on a Debian base.
pub(super) fn assumed(catalogue: &Catalogue, reference: &Reference) -> Image {
    let name = reference.familiar();
    let file = ImageFile {
        image: reference.repository(),
        collection: Collection::Public,
        source: "assumed".to_owned(),
        base: "debian".to_owned(),
        variants: Vec::new(),
        entrypoint: vec!["/usr/local/bin/server".to_owned()],
        cmd: Vec::new(),
        env: vec![DEFAULT_PATH.to_owned()],
        ports: Vec::new(),
        volumes: Vec::new(),
        user: String::new(),
        cwd: String::new(),
        stop_signal: String::new(),
        labels: BTreeMap::new(),
        programs: [("/usr/local/bin/server".to_owned(), "server".to_owned())].into(),
        vars: BTreeMap::new(),
        files: BTreeMap::new(),
    };
    let variant = Variant {
        tags: Vec::new(),
        version: reference.tag.clone(),
        download: ASSUMED_DOWNLOAD.to_vec(),
        unpacked: ASSUMED_UNPACKED,
        base: None,
        same_as: Some(name),
        id: None,
        digest: None,
        diff_ids: Vec::new(),
        comment: String::new(),
        cmd: None,
        env: Vec::new(),
    };
    let mut image = image(catalogue, &file, &variant, &reference.tag);
    image.catalogue = "".into();
    image.assumed = true;
    image
}

/// The search path that dockerd gives to images without one.
pub(super) const DEFAULT_PATH: &str =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
