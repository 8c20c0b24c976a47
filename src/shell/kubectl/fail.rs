//! Errors as kubectl prints them, and their exit codes.
//!
//! Follows kubectl `pkg/cmd/util/helpers.go` (`CheckErr`).

use std::sync::Arc;

use super::call::Done;
use crate::kube::api::object::Object;
use crate::kube::api::request::ApiError;

/// Why a command failed.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// A refusal of the server.
    Api(Box<ApiError>),
    /// A message of the client, which gets `error: ` before it.
    Plain(String),
    /// A wrong use of a command: the message and the command (`kubectl get`).
    Usage(String, String),
    /// Several failures.
    Many(Vec<Failure>),
    /// Text as it is, and the exit code.
    Raw(String, u8),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}

impl Failure {
    /// A message of the client.
    pub(super) fn plain(message: impl Into<String>) -> Self {
        Self::Plain(message.into())
    }

    /// A wrong use of a command (`get`).
    pub(super) fn usage(command: &str, message: impl Into<String>) -> Self {
        Self::Usage(message.into(), format!("kubectl {command}"))
    }

    /// One failure, or several.
    pub(super) fn of(mut all: Vec<Self>) -> Option<Self> {
        match all.len() {
            0 => None,
            1 => all.pop(),
            _ => Some(Self::Many(all)),
        }
    }

    /// The failures of reading and of what was then done with each object, and the objects.
    pub(super) fn sort(read: &[Self], done: &[Done]) -> (Vec<Arc<Object>>, Vec<Self>) {
        let objects = done.iter().flatten().flatten().cloned();
        let failures = done.iter().filter_map(|d| d.as_ref().err());
        let failures: Vec<Self> = failures.cloned().collect();
        // What could not be read counts as one failure beside others.
        let mut all = match read {
            many @ [_, _, ..] if !failures.is_empty() => vec![Self::Many(many.to_vec())],
            few => few.to_vec(),
        };
        all.extend(failures);
        (objects.collect(), all)
    }

    /// The text for standard error, with line ends, and the exit code.
    pub(super) fn shown(&self) -> (String, u8) {
        match self {
            Self::Api(error) if error.reason == "Invalid" => (invalid(error), 1),
            Self::Api(error) => (standard(error), 1),
            Self::Plain(message) if message.starts_with("error: ") => (format!("{message}\n"), 1),
            Self::Plain(message) => (format!("error: {message}\n"), 1),
            Self::Usage(message, command) => {
                (format!("error: {message}\nSee '{command} -h' for help and examples\n"), 1)
            }
            Self::Many(all) => (all.iter().map(|f| format!("{}\n", f.bare())).collect(), 1),
            Self::Raw(text, code) => (text.clone(), *code),
        }
    }

    /// The text as one of several: without `error: ` and without a list of causes.
    fn bare(&self) -> String {
        match self {
            Self::Api(error) => standard(error).trim_end().to_owned(),
            Self::Plain(message) | Self::Usage(message, _) | Self::Raw(message, _) => {
                message.clone()
            }
            Self::Many(all) => {
                let all: Vec<String> = all.iter().map(Self::bare).collect();
                super::document::aggregate(&all)
            }
        }
    }
}

fn standard(error: &ApiError) -> String {
    match error.reason {
        "ConnectionRefused" => format!("{}\n", error.message),
        "" => format!("Error from server: {}\n", error.message),
        reason => format!("Error from server ({reason}): {}\n", error.message),
    }
}

/// `The Pod "x" is invalid: …`: causes one per line when there are several.
fn invalid(error: &ApiError) -> String {
    let details = &error.details;
    let kind = details.kind.split('.').next().unwrap_or("");
    let mut text = "The request is invalid".to_owned();
    if !kind.is_empty() || !details.name.is_empty() {
        text = format!("The {kind} \"{}\" is invalid", details.name);
    } else if !error.message.is_empty() && details.causes.is_empty() {
        text = format!("{text}: {}", error.message);
    }
    let mut causes: Vec<String> = Vec::new();
    for cause in &details.causes {
        let shown = if cause.field.is_empty() {
            cause.message.clone()
        } else {
            format!("{}: {}", cause.field, cause.message)
        };
        if !causes.contains(&shown) {
            causes.push(shown);
        }
    }
    match causes.as_slice() {
        [] => format!("{text}\n"),
        [one] => format!("{text}: {one}\n"),
        many => {
            let list: String = many.iter().map(|c| format!("* {c}\n")).collect();
            format!("{text}: \n{list}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::api::request::{Cause, Details};
    use crate::kube::kinds::Kind;

    fn cause(field: &str, message: &str) -> Cause {
        Cause { field: field.to_owned(), message: message.to_owned(), reason: "" }
    }

    #[test]
    fn the_forms_of_errors() {
        let missing = Failure::from(ApiError::not_found(Kind::Pod, "x"));
        assert_eq!(missing.shown().0, "Error from server (NotFound): pods \"x\" not found\n");
        assert_eq!(Failure::plain("no").shown(), ("error: no\n".to_owned(), 1));
        let two = Failure::of(vec![missing.clone(), Failure::plain("no")]).unwrap();
        assert_eq!(two.shown().0, "Error from server (NotFound): pods \"x\" not found\nno\n");
        let mut error = ApiError {
            code: 422,
            reason: "Invalid",
            details: Box::new(Details {
                kind: "Deployment.apps".to_owned(),
                name: "web".to_owned(),
                causes: vec![cause("spec.replicas", "Invalid value: -1: must be …")],
                ..Details::default()
            }),
            ..ApiError::default()
        };
        assert_eq!(
            Failure::from(error.clone()).shown().0,
            "The Deployment \"web\" is invalid: spec.replicas: Invalid value: -1: must be …\n"
        );
        error.details.causes.push(cause("spec.selector", "Required value"));
        assert!(Failure::from(error).shown().0.contains("is invalid: \n* spec.replicas: Inv"));
    }
}
