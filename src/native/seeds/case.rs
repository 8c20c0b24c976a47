//! A session of commands as data: what is generated, shrunk and kept.

use serde::{Deserialize, Serialize};

use crate::native::seeds::manifests;
use crate::world::command::Command;
use crate::world::genesis::{Genesis, HostSetup};

/// A session: a world, and what is done in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What it once showed; empty for a fresh one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Seed of the world's random streams.
    pub seed: u64,
    /// Machines with a Docker Engine: `host`, `host-2`, …
    pub docker: u32,
    /// Nodes of the cluster: `node-1`, `node-2`, …
    pub nodes: u32,
    /// What is done.
    pub steps: Vec<Step>,
}

/// One command and the time before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Time that passes before it, in milliseconds.
    pub after_ms: u64,
    /// What is done.
    pub command: Command,
}

impl Case {
    /// The start of its world: small machines, so that room runs out, and images that are there, so
    /// that little time goes into pulling.
    #[must_use]
    pub fn genesis(&self) -> Genesis {
        let mut genesis = Genesis::docker(self.seed);
        let images: Vec<String> = manifests::PRESENT.iter().map(|&i| i.to_owned()).collect();
        genesis.hosts = (1..=self.docker)
            .map(|number| HostSetup {
                name: docker_host(number),
                hostname: None,
                cpu_milli: 4_000,
                memory_bytes: 8 << 30,
                images: images.clone(),
            })
            .collect();
        if self.nodes > 0 {
            genesis.cluster = Genesis::kubernetes(self.seed, self.nodes).cluster;
        }
        for (number, node) in genesis.cluster.iter_mut().flat_map(|c| &mut c.nodes).enumerate() {
            // Every second node is small.
            if number % 2 == 1 {
                (node.cpu_milli, node.memory_bytes) = (2_000, 4 << 30);
            }
            node.images.clone_from(&images);
        }
        genesis
    }

    /// As it is kept in `tests/seeds/`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Read a kept case.
    ///
    /// # Errors
    /// What is wrong with the text, with line and column.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// Name of the n-th machine with a Docker Engine.
#[must_use]
pub fn docker_host(number: u32) -> String {
    if number == 1 { "host".to_owned() } else { format!("host-{number}") }
}
