//! How a world begins: its machines, its platforms, its files and its seed.

use crate::machine::Collection;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most machines of one world.
pub const MAX_HOSTS: usize = 5_000;
/// Processor of an ordinary machine, in thousandths of a core.
pub const NODE_CPU_MILLI: u32 = 4_000;
/// Memory of an ordinary machine, in bytes.
pub const NODE_MEMORY_BYTES: u64 = 8 << 30;

/// The start of a world; with the log of commands it determines everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// Seed of all random streams.
    pub seed: u64,
    /// Machines with a Docker Engine.
    pub hosts: Vec<HostSetup>,
    /// The Kubernetes cluster, if there is one.
    pub cluster: Option<ClusterSetup>,
    /// Whether the public registry can be reached; if not, only present images run.
    pub registry: bool,
    /// Which images there are.
    #[serde(default)]
    pub images: Collection,
    /// Files of the learner, path to content.
    pub files: BTreeMap<String, String>,
}

/// A machine with a Docker Engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSetup {
    /// Its name.
    pub name: String,
    /// What `hostname` says there, if not the name.
    #[serde(default)]
    pub hostname: Option<String>,
    /// Processor capacity in thousandths of a core.
    pub cpu_milli: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Images that are there from the start.
    pub images: Vec<String>,
}

/// A Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSetup {
    /// Its nodes.
    pub nodes: Vec<NodeSetup>,
}

/// A node of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSetup {
    /// Its name.
    pub name: String,
    /// Processor capacity in thousandths of a core.
    pub cpu_milli: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Most pods.
    pub pods: u32,
    /// Labels besides the standard ones.
    pub labels: BTreeMap<String, String>,
    /// Further capacities, such as `example.com/gpu`.
    pub extended: BTreeMap<String, String>,
    /// Taints as `key=value:Effect`.
    pub taints: Vec<String>,
    /// Whether its containers are simulated by a fake runtime that runs no commands, as the hollow
    /// nodes of the recordings are.
    pub hollow: bool,
    /// Images that are there from the start.
    pub images: Vec<String>,
}

impl Genesis {
    /// One Docker host with 4 cores and 8 GiB.
    #[must_use]
    pub fn docker(seed: u64) -> Self {
        Self::docker_hosts(seed, 1)
    }

    /// Equal Docker hosts: `host`, or `host-1`, `host-2`, …
    #[must_use]
    pub fn docker_hosts(seed: u64, hosts: u32) -> Self {
        let name = |n| if hosts == 1 { "host".to_owned() } else { format!("host-{n}") };
        let host = |n| HostSetup {
            name: name(n),
            hostname: None,
            cpu_milli: NODE_CPU_MILLI,
            memory_bytes: NODE_MEMORY_BYTES,
            images: Vec::new(),
        };
        let files = BTreeMap::new();
        Self {
            seed,
            hosts: (1..=hosts).map(host).collect(),
            cluster: None,
            registry: true,
            images: Collection::Public,
            files,
        }
    }

    /// A Kubernetes cluster of equal nodes (4 cores, 8 GiB, 110 pods).
    #[must_use]
    pub fn kubernetes(seed: u64, nodes: u32) -> Self {
        let nodes = (1..=nodes)
            .map(|n| NodeSetup::new(&format!("node-{n}"), NODE_CPU_MILLI, NODE_MEMORY_BYTES));
        let cluster = ClusterSetup { nodes: nodes.collect() };
        let files = BTreeMap::new();
        Self {
            seed,
            hosts: Vec::new(),
            cluster: Some(cluster),
            registry: true,
            images: Collection::Public,
            files,
        }
    }
}

impl NodeSetup {
    /// A node that runs its containers for real, with the usual 110 pods.
    #[must_use]
    pub fn new(name: &str, cpu_milli: u32, memory_bytes: u64) -> Self {
        Self {
            name: name.to_owned(),
            cpu_milli,
            memory_bytes,
            pods: 110,
            labels: BTreeMap::new(),
            extended: BTreeMap::new(),
            taints: Vec::new(),
            hollow: false,
            images: Vec::new(),
        }
    }
}
