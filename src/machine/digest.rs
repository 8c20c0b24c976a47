//! The digest of hosts, containers, images and files: what of them counts as observable.

use std::hash::{Hash, Hasher};

use crate::base::ledger::Reading;
use crate::base::mixer;
use crate::machine::container::{Container, Live};
use crate::machine::host::Host;
use crate::machine::proc::{Body, Proc};
use crate::machine::runtime::Machines;

impl Machines {
    /// The digest of all hosts with their containers and images.
    #[must_use]
    pub fn digest(&self, reading: Reading) -> u64 {
        let hosts = self.hosts.values().map(|host| host.digest(reading));
        mixer::of(&(self.registry, hosts.collect::<Vec<u64>>()))
    }

    /// The digest of the hosts' own files and volumes.
    #[must_use]
    pub fn files_digest(&self, reading: Reading) -> u64 {
        let hosts = self.hosts.iter().map(|(name, host)| {
            let mut volumes = host.volumes.digest(reading);
            if reading == Reading::Anew {
                let drifts = host.volumes.values().map(|volume| volume.files.drift());
                volumes = drifts.fold(volumes, u64::wrapping_add);
            }
            (name, host.files.digest(reading), volumes)
        });
        mixer::of(&hosts.collect::<Vec<_>>())
    }

    /// Bring the kept digests up to date.
    pub fn settle(&mut self) {
        for host in self.hosts.values_mut() {
            host.images.settle();
            host.tags.settle();
            host.containers.settle();
            host.listeners.settle();
            host.volumes.settle();
        }
    }
}

impl Host {
    fn digest(&self, reading: Reading) -> u64 {
        let Self {
            spec,
            power,
            boot,
            up_since,
            images,
            tags,
            containers,
            listeners,
            volumes: _,
            files: _,
            pulls,
        } = self;
        let mut sums = [
            images.digest(reading),
            tags.digest(reading),
            containers.digest(reading),
            listeners.digest(reading),
        ];
        if reading == Reading::Anew {
            let layers = images.values().flat_map(|image| &image.layers);
            let drifts = layers
                .map(|layer| layer.files.drift())
                .chain(containers.values().map(|container| container.drift()));
            sums = sums.map(|sum| drifts.clone().fold(sum, u64::wrapping_add));
        }
        mixer::of(&(spec, power, boot, up_since, sums, pulls))
    }
}

impl Container {
    /// By how much the digests kept inside are wrong: 0, or there is a bug.
    fn drift(&self) -> u64 {
        let Live { root, own, tmpfs, .. } = &self.live;
        let files = [root, own].into_iter().chain(tmpfs.values());
        files.map(|files| files.drift()).fold(self.log.drift(), u64::wrapping_add)
    }
}

impl Hash for Container {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            spec,
            state: stands,
            created,
            started,
            finished,
            exit_code,
            oom,
            run,
            log,
            assumed,
            image,
            live,
        } = self;
        (spec, stands, created, started, finished).hash(state);
        (exit_code, oom, run, log, assumed).hash(state);
        // Its content is the host's, or was.
        image.id.hash(state);
        live.hash(state);
    }
}

impl Hash for Live {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            root,
            own,
            tmpfs,
            procs,
            execs,
            flows,
            asked,
            deferred,
            counter,
            last_pid,
            oom_plan,
            oom_near,
            oom_seen,
            followers,
            cpu_used_us,
            cpu_since,
        } = self;
        (root, own, tmpfs, procs, execs, asked).hash(state);
        flows.len().hash(state);
        flows.iter().for_each(|(number, flow)| (number, flow.process).hash(state));
        deferred.len().hash(state);
        (counter, last_pid, oom_plan, oom_near, oom_seen).hash(state);
        (followers, cpu_used_us, cpu_since).hash(state);
    }
}

impl Hash for Proc {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            pid,
            parent,
            exec,
            argv,
            env,
            cwd,
            user,
            tty,
            stdin,
            piped,
            started,
            memory,
            leak,
            cpu_milli,
            body,
        } = self;
        (pid, parent, exec, argv, env, cwd).hash(state);
        (user, tty, stdin, piped, started).hash(state);
        (memory, leak, cpu_milli).hash(state);
        match body {
            Body::Program(run) => run.hash(state),
            // How far a shell or tool is shows in what it does.
            Body::Shell(_) => 1_u8.hash(state),
            Body::Tool(_) => 2_u8.hash(state),
            Body::Away => 3_u8.hash(state),
        }
    }
}
