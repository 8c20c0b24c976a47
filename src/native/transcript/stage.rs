//! The world of a section, ready for its first line.

use anyhow::{Context as _, Result, bail};

use crate::base::quantity::Quantity;
use crate::base::time::{SimDuration, SimTime};
use crate::machine::{Catalogue, Collection};
use crate::native::driver::Driver;
use crate::native::transcript::Setting;
use crate::world::command::{Command, HostAction};
use crate::world::genesis::{ClusterSetup, Genesis, HostSetup, NodeSetup};
use crate::world::world::{FinishedRun, World};

/// The home of whoever types.
const HOME: &str = "/home/student";
/// All transcripts run with the same randomness.
const SEED: u64 = 1;
/// The recording machines: two cores, 24 GiB (`docker info` of the recordings).
const LAB_CPU_MILLI: u32 = 2_000;
const LAB_MEMORY: u64 = 24 << 30;
/// Nodes of the recordings, unless a scenario says otherwise.
const NODE_CPU_MILLI: u32 = 8_000;
const NODE_MEMORY: u64 = 16 << 30;
/// Time before a section begins, in which a cluster comes to rest, and the age of a world in which
/// the recordings' timers stood as they did (`native/replay/kube.rs`).
const WARM_UP: SimDuration = SimDuration::from_secs(72);
const WARM_UP_REAL: SimDuration = SimDuration::from_secs(25);
/// Images that the recordings' real node had from earlier cases.
const PRESENT: [&str; 2] = ["busybox:1.37", "nginx:1.27"];
/// A line that runs longer than this does not end.
const LIMIT: SimDuration = SimDuration::from_secs(900);

/// A world and where one types in it.
pub struct Stage {
    driver: Driver<fn(&World)>,
    zero: SimTime,
    host: String,
    folder: String,
    namespace: String,
    laboratory: bool,
}

impl Stage {
    /// The world of a section.
    ///
    /// # Errors
    /// If its head names no world that there is.
    pub fn new(setting: &Setting) -> Result<Self> {
        let (mut genesis, warm_up) = genesis(setting)?;
        for host in &mut genesis.hosts {
            host.images.extend(setting.images.iter().cloned());
        }
        for node in genesis.cluster.iter_mut().flat_map(|cluster| &mut cluster.nodes) {
            node.images.extend(setting.images.iter().cloned());
        }
        let host = genesis.hosts.first().map_or("", |host| host.name.as_str()).to_owned();
        let namespace = setting.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let folder = folder(setting);
        let mut stage = Self {
            driver: Driver::new(&genesis, |_| ()),
            zero: SimTime::ZERO,
            host,
            folder,
            namespace: namespace.clone(),
            laboratory: genesis.images == Collection::DockerLab,
        };
        if setting.namespace.is_some() {
            let line = format!("kubectl create namespace {namespace}");
            stage.run(None, &line, false);
        }
        stage.driver.advance(SimTime::ZERO + warm_up);
        if setting.namespace.is_some() {
            let line = format!("kubectl config set-context --current --namespace={namespace}");
            stage.run(None, &line, false);
        }
        stage.zero = SimTime::ZERO + warm_up;
        if stage.folder != HOME {
            let line = format!("mkdir -p '{}'", stage.folder);
            stage.run_in(None, HOME, &line, false);
        }
        Ok(stage)
    }

    /// Let time pass.
    pub fn wait(&mut self, time: SimDuration) {
        let to = self.driver.world.now() + time;
        self.driver.advance(to);
    }

    /// Let time pass until so long after the beginning.
    pub fn until(&mut self, at: SimDuration) {
        self.driver.advance(self.zero + at);
    }

    /// Start a line; returns its number.
    pub fn start(&mut self, host: Option<&str>, line: &str, tty: bool) -> u32 {
        let (host, folder) = (host.unwrap_or(&self.host).to_owned(), self.folder.clone());
        self.driver.start(&host, &folder, line, tty)
    }

    /// Wait for the end of a line; one that does not end is killed.
    pub fn finish(&mut self, run: u32) -> Option<FinishedRun> {
        let deadline = self.driver.world.now() + LIMIT;
        let done = self.driver.finish(run, deadline);
        if done.is_some() {
            return done;
        }
        self.signal(run, 9);
        let mut done = self.driver.finish(run, deadline + LIMIT)?;
        done.stderr.push_str("[still at it after 15 minutes]\n");
        Some(done)
    }

    /// End a line that runs in the background, if it still does.
    pub fn collect(&mut self, run: u32) -> Option<FinishedRun> {
        if self.driver.world.finished(run).is_none() {
            self.signal(run, 9);
        }
        self.finish(run)
    }

    /// Send a signal to a line.
    pub fn signal(&mut self, run: u32, signal: u8) {
        self.driver.world.execute(Command::Signal { run, signal });
    }

    fn run(&mut self, host: Option<&str>, line: &str, tty: bool) -> Option<FinishedRun> {
        let folder = self.folder.clone();
        self.run_in(host, &folder, line, tty)
    }

    fn run_in(
        &mut self,
        host: Option<&str>,
        folder: &str,
        line: &str,
        tty: bool,
    ) -> Option<FinishedRun> {
        let host = host.unwrap_or(&self.host).to_owned();
        let run = self.driver.start(&host, folder, line, tty);
        self.finish(run)
    }

    /// Write a file.
    pub fn write(&mut self, path: &str, text: &str) {
        let path = absolute(&self.folder, path);
        let host = self.host.clone();
        self.driver.world.execute(Command::Write { host, path, text: text.to_owned() });
    }

    /// An `@` line.
    ///
    /// # Errors
    /// If there is no such word.
    pub fn builtin(&mut self, words: &[String]) -> Result<()> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["host", host, action] => {
                let action = host_action(action).with_context(|| format!("@host … {action}"))?;
                self.driver.world.execute(Command::Host { host: (*host).to_owned(), action });
            }
            ["cpu-load", load] => {
                let load = load.parse().context("@cpu-load MILLICORES")?;
                self.driver.world.share_load(&self.namespace, load);
            }
            ["add-node", name, rest @ ..] => {
                let setup = node(name, rest, true)?;
                self.driver.world.add_node(&setup);
            }
            _ => bail!("@{}: no such word", words.join(" ")),
        }
        Ok(())
    }

    /// What a run has printed, as the sources of the transcripts show it.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        // A lone carriage return begins the line anew on a screen; in a text it is a line's end.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        // The recordings name no registry (DOCKER.md of the traces): they have placeholders.
        if self.laboratory {
            text.replace("registry-1.docker.io", "<registry-api>")
                .replace("index.docker.io", "<registry-index>")
                .replace("docker.io/", "<registry>/")
        } else {
            text
        }
    }
}

/// Where the lines of a section are typed.
fn folder(setting: &Setting) -> String {
    absolute(HOME, setting.folder.as_deref().unwrap_or(""))
}

fn absolute(folder: &str, path: &str) -> String {
    match (path.starts_with('/'), path.is_empty()) {
        (true, _) => path.to_owned(),
        (_, true) => folder.to_owned(),
        _ => format!("{folder}/{path}"),
    }
}

/// What a word after `@host NAME` does.
fn host_action(word: &str) -> Option<HostAction> {
    Some(match word {
        "poweroff" => HostAction::PowerOff,
        "boot" => HostAction::Boot,
        "stop-daemon" => HostAction::StopDaemon,
        "kill-daemon" => HostAction::KillDaemon,
        "start-daemon" => HostAction::StartDaemon,
        "pause-daemon" => HostAction::PauseDaemon,
        "resume-daemon" => HostAction::ResumeDaemon,
        "link-down" => HostAction::LinkDown,
        "link-up" => HostAction::LinkUp,
        _ => return None,
    })
}

fn genesis(setting: &Setting) -> Result<(Genesis, SimDuration)> {
    let (kind, count) = setting.world.split_once(':').unwrap_or((&setting.world, "1"));
    let count: u32 = count.trim().parse().with_context(|| format!("# world: {}", setting.world))?;
    let names = |prefix: &str| (1..=count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let cluster = |nodes: Vec<NodeSetup>| {
        let cluster = Some(ClusterSetup { nodes });
        let images = Collection::KubeLab;
        Genesis { cluster, images, ..Genesis::kubernetes(SEED, 1) }
    };
    Ok(match kind {
        "docker" if count == 1 => (Genesis::docker(SEED), SimDuration::ZERO),
        "docker" => {
            let one = Genesis::docker(SEED);
            let hosts = one.hosts.first().context("a host")?;
            let hosts = names("node").into_iter().map(|name| HostSetup { name, ..hosts.clone() });
            let hosts = hosts.collect();
            (Genesis { hosts, ..one }, SimDuration::ZERO)
        }
        "engine-lab" => (engine_lab(count), SimDuration::ZERO),
        "kube" => (Genesis::kubernetes(SEED, count), WARM_UP),
        "kube-lab" => {
            let mut nodes = Vec::new();
            if setting.nodes.is_empty() {
                for name in names("node-") {
                    nodes.push(node(&name, &[], true)?);
                }
            }
            for line in &setting.nodes {
                nodes.push(node_line(line, true)?);
            }
            (cluster(nodes), WARM_UP)
        }
        "kube-lab-real" => {
            let line = setting.nodes.first().map_or("node-1", String::as_str);
            let mut node = node_line(line, false)?;
            node.images = PRESENT.map(str::to_owned).to_vec();
            (cluster(vec![node]), WARM_UP_REAL)
        }
        _ => bail!("# world: {}: no such world", setting.world),
    })
}

/// The hosts of the recordings, with every stand-in image (`docker images -a` of engine/47).
fn engine_lab(count: u32) -> Genesis {
    let mut images = Vec::new();
    for ((collection, name), file) in &Catalogue::shared().images {
        let tags = file.variants.iter().flat_map(|v| &v.tags).filter(|t| !t.contains('*'));
        if *collection == Collection::DockerLab {
            images.extend(tags.map(|tag| format!("{name}:{tag}")));
        }
    }
    images.sort();
    images.dedup();
    let setup = |name: String| HostSetup {
        // A recording's only host calls itself so (engine/27, 38).
        hostname: (name == "host").then(|| "docker-host".to_owned()),
        name,
        cpu_milli: LAB_CPU_MILLI,
        memory_bytes: LAB_MEMORY,
        images: images.clone(),
    };
    let names = match count {
        1 => vec!["host".to_owned()],
        _ => (1..=count).map(|n| format!("node{n}")).collect(),
    };
    Genesis {
        hosts: names.into_iter().map(setup).collect(),
        registry: false,
        images: Collection::DockerLab,
        ..Genesis::docker(SEED)
    }
}

fn node_line(line: &str, hollow: bool) -> Result<NodeSetup> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (name, rest) = words.split_first().context("# node: NAME …")?;
    node(name, rest, hollow)
}

/// A node from `cpu=4 memory=8Gi pods=110 label.KEY=VALUE taint=KEY=VALUE:Effect`.
fn node(name: &str, words: &[&str], hollow: bool) -> Result<NodeSetup> {
    let mut setup = NodeSetup::new(name, NODE_CPU_MILLI, NODE_MEMORY);
    setup.hollow = hollow;
    for word in words {
        let (key, value) = word.split_once('=').with_context(|| format!("{word}: KEY=VALUE"))?;
        let quantity = || Quantity::parse(value).with_context(|| format!("{word}: no quantity"));
        match key {
            "cpu" => setup.cpu_milli = u32::try_from(quantity()?.milli())?,
            "memory" => setup.memory_bytes = u64::try_from(quantity()?.value())?,
            "pods" => setup.pods = value.parse()?,
            "taint" => setup.taints.push(value.to_owned()),
            _ => match key.strip_prefix("label.") {
                Some(label) => {
                    setup.labels.insert(label.to_owned(), value.to_owned());
                }
                None => bail!("{word}: cpu, memory, pods, label.KEY or taint"),
            },
        }
    }
    Ok(setup)
}
