//! What the arguments of a verb name: kinds, `kind name…`, `kind/name`, selectors, files.
//!
//! Follows cli-runtime `pkg/resource/builder.go`.

use std::sync::Arc;

use super::call::{Call, Halt, Run};
use super::fail::Failure;
use super::flags::{Flag, Takes};
use super::manifest;
use crate::kube::api::object::Object;
use crate::kube::api::request::{Options, Request};
use crate::kube::kinds::Kind;

/// `-f`, `-R`, `-k`.
pub(super) const FILES: &[Flag] = &[
    Flag::new("filename", Takes::List, "Files, directories, or - for standard input").short('f'),
    Flag::new("recursive", Takes::Bool, "Go into directories of directories").short('R'),
    Flag::new("kustomize", Takes::Text, "A kustomization directory").short('k'),
];

/// `-l`, `--field-selector`, `--all`, `-A`.
pub(super) const SELECT: &[Flag] = &[
    Flag::new("selector", Takes::Text, "Only objects with these labels").short('l'),
    Flag::new("field-selector", Takes::Text, "Only objects with these fields"),
    Flag::new("all", Takes::Bool, "All objects of the kind"),
    Flag::new("all-namespaces", Takes::Bool, "In all namespaces").short('A'),
];

/// A kind, or one object of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The kind.
    pub(super) kind: Kind,
    /// The name; all objects without one.
    pub(super) name: Option<String>,
}

/// Objects that were found, in order, and what failed.
#[derive(Default)]
pub(super) struct Found {
    /// The objects.
    pub(super) objects: Vec<Arc<Object>>,
    /// What failed.
    pub(super) failures: Vec<Failure>,
    /// Whether a single object was named.
    pub(super) single: bool,
}

/// A kind by any of its names.
pub(super) fn kind(text: &str) -> Result<Kind, Failure> {
    Kind::parse(text).ok_or_else(|| {
        Failure::plain(format!("the server doesn't have a resource type \"{text}\""))
    })
}

/// Kinds of a list such as `deploy,rs` or `all`.
pub(super) fn kinds(text: &str) -> Result<Vec<Kind>, Failure> {
    let mut found = Vec::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let category: Vec<Kind> =
            Kind::ALL.iter().copied().filter(|k| k.info().categories.contains(&part)).collect();
        if category.is_empty() {
            found.push(kind(part)?);
        } else {
            found.extend(category);
        }
    }
    Ok(found)
}

/// What arguments name.
pub(super) fn wanted(args: &[String]) -> Result<Vec<Wanted>, Failure> {
    if args.iter().any(|a| a.contains('/')) {
        return args.iter().map(|a| slashed(a)).collect();
    }
    let Some((first, names)) = args.split_first() else { return Ok(Vec::new()) };
    let kinds = kinds(first)?;
    if names.is_empty() {
        return Ok(kinds.into_iter().map(|kind| Wanted { kind, name: None }).collect());
    }
    let [kind] = kinds.as_slice() else {
        return Err(Failure::plain("you may only specify a single resource type"));
    };
    let named = |name: &String| Wanted { kind: *kind, name: Some(name.clone()) };
    Ok(names.iter().map(named).collect())
}

fn slashed(arg: &str) -> Result<Wanted, Failure> {
    let Some((resource, name)) = arg.split_once('/') else {
        return Err(Failure::plain(
            "there is no need to specify a resource type as a separate argument when passing \
             arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead \
             of 'kubectl get resource resource/<resource_name>'",
        ));
    };
    if name.contains('/') {
        return Err(Failure::plain(
            "arguments in resource/name form may not have more than one slash",
        ));
    }
    if resource.is_empty() || name.is_empty() {
        return Err(Failure::plain(
            "arguments in resource/name form must have a single resource and name",
        ));
    }
    Ok(Wanted { kind: kind(resource)?, name: Some(name.to_owned()) })
}

/// How an object is called in messages: `deployment.apps/web`.
pub(super) fn full_name(object: &Object) -> String {
    format!("{}/{}", object.kind().singular_resource(), object.name())
}

impl Call<'_, '_> {
    /// Whether `-f` or `-k` was given.
    pub(super) fn has_files(&self) -> bool {
        self.flags.has("filename") || self.flags.some("kustomize").is_some()
    }

    /// The namespace of a kind in this call; empty for cluster-scoped kinds and with `-A`.
    pub(super) fn namespace_of(&self, kind: Kind) -> Arc<str> {
        if kind.namespaced() && !self.flags.on("all-namespaces") {
            self.namespace.clone()
        } else {
            "".into()
        }
    }

    /// A list request with the selectors of the flags.
    pub(super) fn list_request(&self, kind: Kind) -> Request {
        let mut request = Request::list(kind, &self.namespace_of(kind));
        request.options = Options {
            label_selector: self.flags.some("selector").map(str::to_owned),
            field_selector: self.flags.some("field-selector").map(str::to_owned),
            ..Options::default()
        };
        request
    }

    /// Fetch what arguments, selectors or files name. `needs_name`: kinds alone are an error
    /// unless a selector or `--all` is given.
    pub(super) fn find(&mut self, args: &[String], needs_name: bool) -> Run<Found> {
        if self.has_files() {
            return self.find_in_files();
        }
        let wanted = wanted(args)?;
        let select = self.flags.some("selector").is_some()
            || self.flags.some("field-selector").is_some()
            || self.flags.on("all");
        if wanted.is_empty() {
            return Err(Failure::plain("required resource not specified").into());
        }
        let mut found = Found {
            single: wanted.len() == 1 && wanted.iter().all(|w| w.name.is_some()),
            ..Found::default()
        };
        for one in &wanted {
            match &one.name {
                None if needs_name && !select => {
                    let message = "resource(s) were provided, but no name was specified";
                    return Err(Failure::plain(message).into());
                }
                None => {
                    let request = self.list_request(one.kind);
                    match self.objects(request)? {
                        Ok(objects) => found.objects.extend(objects),
                        Err(error) => {
                            let error = self.selector_error(one.kind, error);
                            found.failures.push(error);
                        }
                    }
                }
                Some(_) if select => {
                    let message = if self.flags.some("selector").is_some() {
                        "name cannot be provided when a selector is specified"
                    } else {
                        "setting 'all' parameter but found a non empty selector. "
                    };
                    return Err(Failure::plain(message).into());
                }
                Some(name) => {
                    let namespace = self.namespace_of(one.kind);
                    if one.kind.namespaced() && namespace.is_empty() {
                        let message =
                            "a resource cannot be retrieved by name across all namespaces";
                        return Err(Failure::plain(message).into());
                    }
                    match self.object(Request::get(one.kind, &namespace, name))? {
                        Ok(object) => found.objects.push(object),
                        Err(error) => found.failures.push(error.into()),
                    }
                }
            }
        }
        Ok(found)
    }

    /// A refused selector is told with what was looked for.
    fn selector_error(
        &self,
        kind: Kind,
        mut error: crate::kube::api::request::ApiError,
    ) -> Failure {
        if error.reason == "BadRequest" && !error.message.starts_with("Unable to find") {
            let info = kind.info();
            let group = info.group;
            let why = error.message.trim_start_matches("unable to parse requirement: ").to_owned();
            error.message = format!(
                "Unable to find \"{group}/{}, Resource={}\" that match label selector \"{}\", \
                 field selector \"{}\": {}",
                info.version,
                info.plural,
                self.flags.text("selector"),
                self.flags.text("field-selector"),
                why
            );
        }
        error.into()
    }

    fn find_in_files(&mut self) -> Run<Found> {
        let read = manifest::read(self)?;
        let (manifests, unread) = (&read.found, &read.failures());
        let done = self.each(manifests, |call, one| {
            let object = call.object(Request::get(one.kind, &one.namespace, &one.name))?;
            Ok(object.map(Some).map_err(Failure::from))
        })?;
        let (objects, failures) = Failure::sort(unread, &done);
        Ok(Found { objects, failures, single: manifests.len() == 1 })
    }
}

impl Found {
    /// End with what failed, if anything did.
    pub(super) fn end(self) -> Run<()> {
        match Failure::of(self.failures) {
            None => Ok(()),
            Some(failure) => Err(Halt::Fail(failure)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Vec<Wanted>, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        wanted(&words).map_err(|f| f.shown().0)
    }

    #[test]
    fn forms_of_arguments() {
        let one = |kind, name: &str| Wanted { kind, name: Some(name.to_owned()) };
        assert_eq!(read("deploy/web").unwrap(), [one(Kind::Deployment, "web")]);
        assert_eq!(read("po a b").unwrap(), [one(Kind::Pod, "a"), one(Kind::Pod, "b")]);
        assert_eq!(read("deploy,rs").unwrap().len(), 2);
        assert_eq!(read("all").unwrap().first().unwrap().kind, Kind::Pod);
        for (line, message) in [
            ("nosuch", "error: the server doesn't have a resource type \"nosuch\"\n"),
            ("a/b/c", "error: arguments in resource/name form may not have more than one slash\n"),
        ] {
            assert_eq!(read(line).unwrap_err(), message);
        }
        assert!(read("pod/web deploy").unwrap_err().contains("there is no need to specify"));
    }
}
