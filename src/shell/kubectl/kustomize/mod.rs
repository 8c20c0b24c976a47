//! Kustomizations: `-k DIR` and `kubectl kustomize DIR`.
//!
//! Models kustomize v5: `kustomization.yaml` with its resources, generators and built-in
//! transformers. Left out: components, helm charts, replacements, vars, plugins, URLs.

mod generate;
mod refs;
mod transform;

use std::fmt::Write as _;

use serde_json::Value;

use super::call::{Call, Run};
use super::fail::Failure;
use super::show::yaml;
use super::verbs::Verb;
use crate::base::yaml::{self as base_yaml, Dialect};
use crate::posix::{FileSystem, Files, normal};
use crate::stub;

pub(super) const VERB: Verb = Verb {
    path: "kustomize",
    usage: "DIR",
    about: "Print what a kustomization directory makes",
    flags: &[],
    required: &[],
    run,
};

/// Names of the file, in the order of the search.
const FILES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// Deepest nesting of directories.
const MAX_DEPTH: usize = 16;
/// Most objects of one kustomization.
const MAX_OBJECTS: usize = 10_000;
/// Fields that are read.
const KNOWN: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "resources",
    "bases",
    "namespace",
    "namePrefix",
    "nameSuffix",
    "labels",
    "commonLabels",
    "commonAnnotations",
    "images",
    "replicas",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "configMapGenerator",
    "secretGenerator",
    "generatorOptions",
];
/// Fields that the original knows beside them.
const UNREAD: &[&str] = &[
    "components",
    "crds",
    "generators",
    "helmCharts",
    "helmGlobals",
    "openapi",
    "replacements",
    "sortOptions",
    "transformers",
    "validators",
    "vars",
    "configurations",
    "buildMetadata",
];

/// Order of the kinds in the output (`ReorderOptionLegacy`).
const ORDER: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// An object on its way.
#[derive(Clone, Debug)]
struct Resource {
    value: Value,
    /// Names that it had, as others may still call it.
    names: Vec<String>,
    /// Its name ends with a hash of its content.
    hashed: bool,
}

impl Resource {
    fn new(value: Value) -> Self {
        let names = vec![text(&value, "/metadata/name").to_owned()];
        Self { value, names, hashed: false }
    }

    fn kind(&self) -> &str {
        text(&self.value, "/kind")
    }

    fn name(&self) -> &str {
        text(&self.value, "/metadata/name")
    }

    /// Whether it is or was called so.
    fn is_called(&self, name: &str) -> bool {
        self.name() == name || self.names.iter().any(|n| n == name)
    }

    fn rename(&mut self, name: String) {
        if let Some(slot) = self.value.pointer_mut("/metadata/name") {
            self.names.push(self.names.last().cloned().unwrap_or_default());
            *slot = Value::String(name);
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let dir = call.flags.args.first().map_or(".", String::as_str);
    let mut out = String::new();
    for (index, value) in build(call.io.files, call.io.cwd, dir)?.iter().enumerate() {
        let line = if index > 0 { "---\n" } else { "" };
        let _ = write!(out, "{line}{}", yaml::print(value));
    }
    call.out(out);
    Ok(())
}

/// The objects of a kustomization directory, in the order in which they are applied.
pub(super) fn build(files: &Files, cwd: &str, dir: &str) -> Result<Vec<Value>, Failure> {
    let mut resources = directory(files, &normal(cwd, dir), 0)?;
    for resource in resources.iter_mut().filter(|r| r.hashed) {
        let name = format!("{}-{}", resource.name(), generate::hash(&resource.value));
        resource.rename(name);
    }
    refs::update(&mut resources);
    resources.sort_by_cached_key(|r| {
        let of = |list: &[&str]| list.iter().position(|k| *k == r.kind());
        let rank = match (of(&ORDER), of(&LAST)) {
            (Some(at), _) => at,
            (None, None) => ORDER.len(),
            (None, Some(at)) => ORDER.len() + 1 + at,
        };
        let namespace = text(&r.value, "/metadata/namespace").to_owned();
        (rank, r.kind().to_owned(), namespace, r.name().to_owned())
    });
    Ok(resources.into_iter().map(|r| r.value).collect())
}

fn directory(files: &Files, dir: &str, depth: usize) -> Result<Vec<Resource>, Failure> {
    let found = FILES.iter().find_map(|name| files.read(&format!("{dir}/{name}")).ok());
    let Some(content) = found else {
        return Err(Failure::plain(format!(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' \
             in directory '{dir}'"
        )));
    };
    if depth > MAX_DEPTH {
        return Err(Failure::plain(format!("cycle detected: candidate root '{dir}'")));
    }
    let spec = documents(&content, dir)?.into_iter().next().unwrap_or(Value::Null);
    for key in spec.as_object().into_iter().flatten().map(|(key, _)| key.as_str()) {
        if UNREAD.contains(&key) {
            let _ = stub!("kubectl.kustomize", "components, replacements and plugins are not read");
            return Err(Failure::plain(format!("the field {key} is not simulated here")));
        }
        if !KNOWN.contains(&key) {
            let message = format!("invalid Kustomization: json: unknown field \"{key}\"");
            return Err(Failure::plain(message));
        }
    }
    let mut resources = Vec::new();
    for list in ["resources", "bases"] {
        for path in items(&spec, list).iter().filter_map(Value::as_str) {
            resources.extend(accumulate(files, dir, path, depth)?);
        }
    }
    resources.extend(generate::all(files, dir, &spec)?);
    if resources.len() > MAX_OBJECTS {
        return Err(Failure::plain("too many objects in one kustomization"));
    }
    transform::all(files, dir, &spec, &mut resources)?;
    Ok(resources)
}

/// The objects of a file, or of another kustomization.
fn accumulate(
    files: &Files,
    dir: &str,
    path: &str,
    depth: usize,
) -> Result<Vec<Resource>, Failure> {
    let whole = normal(dir, path);
    if files.list(&whole).is_ok() {
        return directory(files, &whole, depth + 1);
    }
    let Ok(content) = files.read(&whole) else {
        return Err(Failure::plain(format!(
            "accumulating resources: accumulation err='accumulating resources from '{path}': open \
             {whole}: no such file or directory': must build at directory: not a valid directory: \
             evalsymlink failure on '{whole}' : lstat {whole}: no such file or directory"
        )));
    };
    let mut found = Vec::new();
    for value in documents(&content, path)? {
        let list = value.get("kind").and_then(Value::as_str).is_some_and(|k| k.ends_with("List"));
        match value.get("items").and_then(Value::as_array).filter(|_| list) {
            Some(items) => found.extend(items.iter().cloned().map(Resource::new)),
            None => found.push(Resource::new(value)),
        }
    }
    Ok(found)
}

/// The documents of a YAML text that hold something.
fn documents(content: &str, path: &str) -> Result<Vec<Value>, Failure> {
    let nodes = base_yaml::parse(content)
        .map_err(|e| Failure::plain(format!("MalformedYAMLError: {e} in File: {path}")))?;
    let values = nodes.iter().map(|n| n.value(Dialect::Kubectl));
    Ok(values.filter(|v| !v.is_null()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(list: &[(&str, &str)]) -> Result<Vec<Value>, String> {
        let mut files = Files::new();
        for (path, content) in list {
            files.put_file(path, *content);
        }
        build(&files, "/w", "app").map_err(|f| f.shown().0)
    }

    const WEB: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  \
        selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
        spec:\n      containers:\n      - name: web\n        image: nginx\n        envFrom:\n        \
        - configMapRef: {name: settings}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: \
        web}\nspec: {selector: {app: web}, ports: [{port: 80}]}\n";

    #[test]
    fn a_base_and_an_overlay() {
        let overlay = "resources: [../base]\nnamespace: prod\nnamePrefix: p-\ncommonLabels: {env: \
            prod}\nimages:\n- {name: nginx, newTag: '1.28'}\nreplicas:\n- {name: web, count: 3}\n\
            patches:\n- target: {kind: Service}\n  patch: |-\n    - {op: replace, path: \
            /spec/ports/0/port, value: 8080}\n";
        let base = "resources: [web.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: \
            [MODE=fast]\n";
        let values = built(&[
            ("/w/app/kustomization.yaml", overlay),
            ("/w/base/kustomization.yaml", base),
            ("/w/base/web.yaml", WEB),
        ])
        .unwrap();
        let kinds: Vec<&str> = values.iter().map(|v| text(v, "/kind")).collect();
        assert_eq!(kinds, ["ConfigMap", "Service", "Deployment"]);
        let [map, service, web] = values.as_slice() else { panic!("{kinds:?}") };
        let name = text(map, "/metadata/name");
        assert!(name.starts_with("p-settings-"), "{name}");
        assert_eq!(service.pointer("/spec/ports/0/port"), Some(&Value::from(8080)));
        assert_eq!(text(service, "/spec/selector/env"), "prod");
        assert_eq!(text(web, "/metadata/name"), "p-web");
        assert_eq!(text(web, "/metadata/namespace"), "prod");
        assert_eq!(web.pointer("/spec/replicas"), Some(&Value::from(3)));
        let container = web.pointer("/spec/template/spec/containers/0").unwrap();
        assert_eq!(text(container, "/image"), "nginx:1.28");
        assert_eq!(text(container, "/envFrom/0/configMapRef/name"), name);
        assert_eq!(text(web, "/spec/selector/matchLabels/env"), "prod");
    }

    #[test]
    fn mistakes() {
        for (content, message) in [
            ("resource: []\n", "error: invalid Kustomization: json: unknown field \"resource\"\n"),
            (
                "resources: [x.yaml]\n",
                "error: accumulating resources: accumulation err='accumulating resources from \
                 'x.yaml': open /w/app/x.yaml: no such file or directory': must build at \
                 directory: not a valid directory: evalsymlink failure on '/w/app/x.yaml' : lstat \
                 /w/app/x.yaml: no such file or directory\n",
            ),
        ] {
            assert_eq!(built(&[("/w/app/kustomization.yaml", content)]).unwrap_err(), message);
        }
        assert_eq!(
            built(&[]).unwrap_err(),
            "error: unable to find one of 'kustomization.yaml', 'kustomization.yml' or \
             'Kustomization' in directory '/w/app'\n"
        );
        let cycle = "resources: [../app]\n";
        assert!(built(&[("/w/app/kustomization.yaml", cycle)]).unwrap_err().contains("cycle"));
    }
}
