//! What is selected.

use serde::{Deserialize, Serialize};

use crate::engine::trace::Subject;

/// A thing that can be selected, as a path: the same form as a trace subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Focus(pub String);

impl Focus {
    /// A Kubernetes object.
    #[must_use]
    pub fn object(kind: &str, namespace: &str, name: &str) -> Self {
        Self(Subject::object(kind, namespace, name).0.to_string())
    }

    /// A container of a Docker host.
    #[must_use]
    pub fn container(host: &str, id: &str) -> Self {
        Self(Subject::container(host, id).0.to_string())
    }

    /// A machine with a Docker daemon.
    #[must_use]
    pub fn machine(name: &str) -> Self {
        Self(format!("machine/{name}"))
    }

    /// The trace subjects of the same thing: a machine is told of by itself and by its daemon.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject> {
        let host = match self.parts().as_slice() {
            ["machine", host] | ["Node", "", host] => Some((*host).to_owned()),
            _ => None,
        };
        let machine =
            host.iter().flat_map(|host| ["host", "dockerd"].map(|at| format!("{at}/{host}")));
        [self.0.clone()].into_iter().chain(machine).map(Subject::new).collect()
    }

    /// Its parts, as written between slashes.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        self.0.split('/').collect()
    }
}
