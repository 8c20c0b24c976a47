//! The built-in transformers, in the original's order.
//!
//! Follows kustomize `api/internal/target/kusttarget_configplugin.go` and the field lists of
//! `api/internal/konfig/builtinpluginconsts`.

use serde_json::{Map, Value, json};

use super::{Resource, documents, items, text};
use crate::kube::api::patch::{json_patch, strategic};
use crate::kube::kinds::Kind;
use crate::posix::{FileSystem, Files, normal};
use crate::shell::kubectl::fail::Failure;

/// Kinds whose names stay as they are.
const UNPREFIXED: [&str; 3] = ["APIService", "CustomResourceDefinition", "Namespace"];
/// Kinds with a number of replicas.
const SCALED: [&str; 4] = ["Deployment", "ReplicaSet", "ReplicationController", "StatefulSet"];
/// Where the labels of an object's pods are.
const TEMPLATES: [&str; 4] = [
    "/spec/template/metadata",
    "/spec/jobTemplate/metadata",
    "/spec/jobTemplate/spec/template/metadata",
    "/spec/volumeClaimTemplates/0/metadata",
];
/// Where an object's pods are.
const POD_SPECS: [&str; 3] =
    ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"];

/// Do to the objects what a kustomization asks for.
pub(super) fn all(
    files: &Files,
    dir: &str,
    spec: &Value,
    resources: &mut Vec<Resource>,
) -> Result<(), Failure> {
    for patch in items(spec, "patchesStrategicMerge").iter().filter_map(Value::as_str) {
        let content = files.read(&normal(dir, patch)).unwrap_or_else(|_| patch.into());
        apply_patch(resources, &content, None)?;
    }
    for list in ["patches", "patchesJson6902"] {
        for patch in items(spec, list) {
            let content = match patch.get("path").and_then(Value::as_str) {
                Some(path) => files.read(&normal(dir, path)).map_err(|_| {
                    let whole = normal(dir, path);
                    Failure::plain(format!(
                        "failed to get the patch file from path({path}): evalsymlink failure on \
                         '{whole}' : lstat {whole}: no such file or directory"
                    ))
                })?,
                None => text(patch, "/patch").into(),
            };
            apply_patch(resources, &content, patch.get("target"))?;
        }
    }
    let namespace = text(spec, "/namespace");
    for resource in resources.iter_mut() {
        place(resource, namespace);
        named(resource, text(spec, "/namePrefix"), text(spec, "/nameSuffix"));
        for group in items(spec, "labels") {
            let on = |field: &str| group.get(field) == Some(&Value::Bool(true));
            let selectors = on("includeSelectors");
            let templates = selectors || on("includeTemplates");
            label(&mut resource.value, group.get("pairs"), selectors, templates);
        }
        label(&mut resource.value, spec.get("commonLabels"), true, true);
        annotate(&mut resource.value, spec.get("commonAnnotations"));
        for count in items(spec, "replicas") {
            let scales = SCALED.contains(&resource.kind());
            if scales
                && resource.is_called(text(count, "/name"))
                && let Some(of) = resource.value.get_mut("spec").and_then(Value::as_object_mut)
            {
                of.insert("replicas".to_owned(), count.get("count").cloned().unwrap_or_default());
            }
        }
        for image in items(spec, "images") {
            for pods in POD_SPECS {
                images(resource.value.pointer_mut(pods), image);
            }
        }
    }
    Ok(())
}

fn apply_patch(
    resources: &mut Vec<Resource>,
    content: &str,
    target: Option<&Value>,
) -> Result<(), Failure> {
    for patch in documents(content, "patch")? {
        let is_list = patch.is_array();
        let own = json!({"kind": text(&patch, "/kind"), "name": text(&patch, "/metadata/name")});
        let target = target.unwrap_or(&own);
        let hit = |r: &Resource| {
            let (kind, name) = (text(target, "/kind"), text(target, "/name"));
            let selector = text(target, "/labelSelector");
            let labelled = selector.split(',').filter(|part| !part.is_empty()).all(|part| {
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                let labels = r.value.pointer("/metadata/labels");
                labels.and_then(|l| l.get(key)).and_then(Value::as_str) == Some(value)
            });
            (kind.is_empty() || r.kind() == kind)
                && (name.is_empty() || r.is_called(name))
                && labelled
        };
        let mut found = false;
        let removes = text(&patch, "/$patch") == "delete";
        for resource in resources.iter_mut().filter(|r| hit(r)) {
            found = true;
            let old = &resource.value;
            let new = if is_list {
                json_patch::apply(old, &patch)
            } else {
                // A patch cannot rename what it is meant for.
                let mut patch = patch.clone();
                if let Some(meta) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
                    meta.remove("name");
                }
                let kind = Kind::find(resource.kind(), text(old, "/apiVersion"));
                strategic::apply(kind.unwrap_or(Kind::ConfigMap), old, &patch)
            };
            resource.value = new.map_err(|e| Failure::plain(e.message))?;
        }
        if removes {
            resources.retain(|r| !hit(r));
        }
        if !found && target == &own {
            let (kind, name) = (text(&own, "/kind"), text(&own, "/name"));
            let message = format!(
                "no resource matches strategic merge patch \"{kind}.v1.[noGrp]/{name}.[noNs]\": no \
                 matches for Id {kind}.v1.[noGrp]/{name}.[noNs]; failed to find unique target for \
                 patch {kind}.v1.[noGrp]/{name}.[noNs]"
            );
            return Err(Failure::plain(message));
        }
    }
    Ok(())
}

fn place(resource: &mut Resource, namespace: &str) {
    if namespace.is_empty() {
        return;
    }
    let kind = Kind::find(resource.kind(), text(&resource.value, "/apiVersion"));
    if kind == Some(Kind::Namespace) {
        resource.rename(namespace.to_owned());
        return;
    }
    if kind.is_none_or(Kind::namespaced)
        && let Some(meta) = resource.value.get_mut("metadata").and_then(Value::as_object_mut)
    {
        meta.insert("namespace".to_owned(), json!(namespace));
    }
    for subject in
        resource.value.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if text(subject, "/kind") == "ServiceAccount"
            && let Some(map) = subject.as_object_mut()
        {
            map.insert("namespace".to_owned(), json!(namespace));
        }
    }
}

fn named(resource: &mut Resource, prefix: &str, suffix: &str) {
    if (prefix.is_empty() && suffix.is_empty()) || UNPREFIXED.contains(&resource.kind()) {
        return;
    }
    let name = format!("{prefix}{}{suffix}", resource.name());
    resource.rename(name);
}

/// The mapping at a place; made where its holder is there.
fn mapping<'a>(
    value: &'a mut Value,
    holder: &str,
    key: &str,
) -> Option<&'a mut Map<String, Value>> {
    let holder = value.pointer_mut(holder)?.as_object_mut()?;
    let slot = holder.entry(key).or_insert_with(|| json!({}));
    if slot.is_null() {
        *slot = json!({});
    }
    slot.as_object_mut()
}

fn put(map: Option<&mut Map<String, Value>>, pairs: &Map<String, Value>) {
    if let Some(map) = map {
        map.extend(pairs.clone());
    }
}

fn label(value: &mut Value, pairs: Option<&Value>, selectors: bool, templates: bool) {
    let Some(pairs) = pairs.and_then(Value::as_object) else { return };
    put(mapping(value, "/metadata", "labels"), pairs);
    if templates {
        for at in TEMPLATES {
            put(mapping(value, at, "labels"), pairs);
        }
    }
    if !selectors {
        return;
    }
    match text(value, "/kind") {
        "Service" | "ReplicationController" if value.pointer("/spec/selector").is_some() => {
            put(mapping(value, "/spec", "selector"), pairs);
        }
        "Deployment" | "ReplicaSet" | "DaemonSet" | "StatefulSet" => {
            if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
                spec.entry("selector").or_insert_with(|| json!({}));
            }
            put(mapping(value, "/spec/selector", "matchLabels"), pairs);
        }
        "PodDisruptionBudget" | "Job" if value.pointer("/spec/selector/matchLabels").is_some() => {
            put(mapping(value, "/spec/selector", "matchLabels"), pairs);
        }
        "NetworkPolicy" if value.pointer("/spec/podSelector/matchLabels").is_some() => {
            put(mapping(value, "/spec/podSelector", "matchLabels"), pairs);
        }
        _ => {}
    }
}

fn annotate(value: &mut Value, pairs: Option<&Value>) {
    let Some(pairs) = pairs.and_then(Value::as_object) else { return };
    put(mapping(value, "/metadata", "annotations"), pairs);
    for at in TEMPLATES {
        put(mapping(value, at, "annotations"), pairs);
    }
}

/// Give the containers of pods another name, tag or digest of an image.
fn images(pods: Option<&mut Value>, image: &Value) {
    let Some(pods) = pods.and_then(Value::as_object_mut) else { return };
    for list in ["containers", "initContainers"] {
        let containers = pods.get_mut(list).and_then(Value::as_array_mut);
        for slot in containers.into_iter().flatten().filter_map(|c| c.get_mut("image")) {
            let Some((name, rest)) = slot.as_str().map(split_image) else { continue };
            if name != text(image, "/name") {
                continue;
            }
            let new = image.get("newName").and_then(Value::as_str).unwrap_or(name);
            let plain = |key: &str| match image.get(key) {
                Some(Value::String(text)) => Some(text.clone()),
                Some(Value::Number(n)) => Some(n.to_string()),
                _ => None,
            };
            let rest = match (plain("digest"), plain("newTag")) {
                (Some(digest), _) => format!("@{digest}"),
                (None, Some(tag)) => format!(":{tag}"),
                (None, None) => rest.to_owned(),
            };
            *slot = Value::String(format!("{new}{rest}"));
        }
    }
}

/// An image's name, and its tag or digest with the sign before it.
fn split_image(image: &str) -> (&str, &str) {
    let slash = image.rfind('/').map_or(0, |at| at + 1);
    let tail = image.get(slash..).unwrap_or("");
    let at = tail.find(['@', ':']).map_or(image.len(), |at| slash + at);
    image.split_at(at)
}
