//! Manifests: files, directories and standard input of `-f`, read into objects as JSON.
//!
//! Follows cli-runtime `pkg/resource/visitor.go` and `builder.go`. Left out: URLs.

use std::sync::Arc;

use super::call::{Call, Run};
use super::document::{Manifests, Place};
use super::fail::Failure;
use super::kustomize;
use crate::kube::api::selector::Labels;

/// Most directories that `-R` goes into.
const MAX_DIRS: usize = 1_000;
const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];

/// A file and its text.
type File = (Arc<str>, Arc<str>);

/// The objects of all files of `-f`, and what could not be read.
pub(super) fn read(call: &mut Call<'_, '_>) -> Run<Arc<Manifests>> {
    let recursive = call.flags.on("recursive");
    let mut texts = Vec::new();
    for path in call.flags.all("filename") {
        texts.extend(files(call, path, recursive)?);
    }
    let dir: Option<Arc<str>> = call.flags.some("kustomize").map(Into::into);
    if dir.is_some() && call.flags.has("filename") {
        return Err(Failure::plain("only one of -f or -k can be specified").into());
    }
    let selector = call.flags.some("selector").map(Labels::parse).transpose();
    let selector = selector.map_err(Failure::plain)?;
    call.parsed(|call| {
        let given = call.flags.has("namespace");
        let place = Place { namespace: call.namespace.clone(), given };
        let mut read = Manifests::default();
        for (source, text) in &texts {
            read.read(source, text, &place);
        }
        if let Some(dir) = &dir {
            match kustomize::build(call.io.files, call.io.cwd, dir) {
                Ok(values) => values.into_iter().for_each(|v| read.take(dir, v, &place)),
                Err(failure) => read.fail(failure),
            }
        }
        if let Some(selector) = &selector {
            read.found.retain(|m| selector.matches(&m.labels()));
        }
        read
    })
}

/// The text files that a path names.
fn files(call: &mut Call<'_, '_>, path: &str, recursive: bool) -> Run<Vec<File>> {
    if path == "-" {
        let text: Arc<str> = call.io.stdin.unwrap_or("").into();
        return Ok(vec![("STDIN".into(), text)]);
    }
    let Some(names) = call.dir(path)? else {
        return match call.file(path)? {
            Some(text) => Ok(vec![(path.into(), text)]),
            None => Err(Failure::plain(format!("the path \"{path}\" does not exist")).into()),
        };
    };
    let mut found = Vec::new();
    let mut open = vec![(path.trim_end_matches('/').to_owned(), names)];
    let mut seen = 0;
    while let Some((dir, names)) = open.pop() {
        seen += 1;
        for name in names {
            let inner = format!("{dir}/{name}");
            if ENDINGS.iter().any(|e| name.ends_with(e))
                && let Some(text) = call.file(&inner)?
            {
                found.push((inner.into(), text));
                continue;
            }
            if recursive
                && seen < MAX_DIRS
                && let Some(names) = call.dir(&inner)?
            {
                open.push((inner, names));
            }
        }
    }
    if found.is_empty() {
        let message =
            format!("error reading [{path}]: recognized file extensions are [.json .yaml .yml]");
        return Err(Failure::plain(message).into());
    }
    Ok(found)
}
