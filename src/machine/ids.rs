//! Names of hosts, containers, execs.

use std::fmt::{Display, Formatter, Result as FmtResult};
use std::sync::Arc;

macro_rules! text_id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Arc<str>);

        impl $name {
            /// From text.
            #[must_use]
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Display for $name {
            fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    };
}

text_id!(HostId, "A host (node, virtual machine) by name.");
text_id!(ContainerId, "A container: 64 hexadecimal digits, unique in the world.");
text_id!(ExecId, "An exec process: 64 hexadecimal digits, unique in the world.");

/// Whose container it is, as containerd's namespaces: `docker ps` sees nothing of Kubernetes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// Of dockerd.
    #[default]
    Moby,
    /// Of the kubelet.
    K8s,
}

/// One of the two output streams of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    #[default]
    Out,
    /// Standard error.
    Err,
}
