//! What is refused only when a container starts, before its networks are set up (moby
//! `daemon/container_operations_unix.go`, runc `libcontainer/configs/validate`).

use std::net::IpAddr;

use crate::docker::api::ApiError;
use crate::docker::container::Container;
use crate::docker::daemon::{Daemon, Env};

/// Devices that a machine without special hardware has.
const DEVICES: [&str; 12] = [
    "/dev/full",
    "/dev/fuse",
    "/dev/kmsg",
    "/dev/loop-control",
    "/dev/mapper/control",
    "/dev/net/tun",
    "/dev/null",
    "/dev/ptmx",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
];
/// What stands before runc's own words.
const RUNC: &str = "failed to create task for container: failed to create shim task: OCI runtime \
    create failed: runc create failed: ";
/// Settings of the kernel that belong to the namespaces of IPC and host name.
const OF_IPC: [&str; 10] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
    "kernel.domainname",
    "kernel.hostname",
];
/// Settings of a network namespace that Linux 6 knows, below `net.`; those of single interfaces,
/// of connection tracking and of neighbours are taken as they come.
const OF_NETWORK: &str = "core.optmem_max core.rmem_default core.rmem_max core.somaxconn \
    core.txrehash core.wmem_default core.wmem_max core.xfrm_acq_expires core.xfrm_larval_drop \
    unix.max_dgram_qlen ipv4.fib_multipath_hash_policy ipv4.fwmark_reflect ipv4.icmp_echo_enable_probe \
    ipv4.icmp_echo_ignore_all ipv4.icmp_echo_ignore_broadcasts ipv4.icmp_errors_use_inbound_ifaddr \
    ipv4.icmp_ignore_bogus_error_responses ipv4.icmp_ratelimit ipv4.icmp_ratemask \
    ipv4.igmp_max_memberships ipv4.igmp_max_msf ipv4.igmp_qrv ipv4.ip_autobind_reuse \
    ipv4.ip_default_ttl ipv4.ip_dynaddr ipv4.ip_early_demux ipv4.ip_forward \
    ipv4.ip_forward_update_priority ipv4.ip_forward_use_pmtu ipv4.ip_local_port_range \
    ipv4.ip_local_reserved_ports ipv4.ip_no_pmtu_disc ipv4.ip_nonlocal_bind \
    ipv4.ip_unprivileged_port_start ipv4.ipfrag_high_thresh ipv4.ipfrag_low_thresh \
    ipv4.ipfrag_max_dist ipv4.ipfrag_time ipv4.ping_group_range ipv4.tcp_abort_on_overflow \
    ipv4.tcp_adv_win_scale ipv4.tcp_allowed_congestion_control ipv4.tcp_app_win \
    ipv4.tcp_autocorking ipv4.tcp_base_mss ipv4.tcp_challenge_ack_limit ipv4.tcp_comp_sack_nr \
    ipv4.tcp_congestion_control ipv4.tcp_dsack ipv4.tcp_early_demux ipv4.tcp_early_retrans \
    ipv4.tcp_ecn ipv4.tcp_ecn_fallback ipv4.tcp_fack ipv4.tcp_fastopen ipv4.tcp_fin_timeout \
    ipv4.tcp_frto ipv4.tcp_fwmark_accept ipv4.tcp_invalid_ratelimit ipv4.tcp_keepalive_intvl \
    ipv4.tcp_keepalive_probes ipv4.tcp_keepalive_time ipv4.tcp_limit_output_bytes \
    ipv4.tcp_max_reordering ipv4.tcp_max_syn_backlog ipv4.tcp_max_tw_buckets ipv4.tcp_min_rtt_wlen \
    ipv4.tcp_min_snd_mss ipv4.tcp_min_tso_segs ipv4.tcp_moderate_rcvbuf ipv4.tcp_mtu_probe_floor \
    ipv4.tcp_mtu_probing ipv4.tcp_no_metrics_save ipv4.tcp_notsent_lowat ipv4.tcp_orphan_retries \
    ipv4.tcp_pacing_ca_ratio ipv4.tcp_pacing_ss_ratio ipv4.tcp_probe_interval \
    ipv4.tcp_probe_threshold ipv4.tcp_recovery ipv4.tcp_reordering ipv4.tcp_retrans_collapse \
    ipv4.tcp_retries1 ipv4.tcp_retries2 ipv4.tcp_rfc1337 ipv4.tcp_rmem ipv4.tcp_sack \
    ipv4.tcp_slow_start_after_idle ipv4.tcp_stdurg ipv4.tcp_syn_retries ipv4.tcp_synack_retries \
    ipv4.tcp_syncookies ipv4.tcp_thin_linear_timeouts ipv4.tcp_timestamps ipv4.tcp_tso_win_divisor \
    ipv4.tcp_tw_reuse ipv4.tcp_window_scaling ipv4.tcp_wmem ipv4.tcp_workaround_signed_windows \
    ipv4.udp_early_demux ipv4.udp_rmem_min ipv4.udp_wmem_min ipv4.xfrm4_gc_thresh ipv6.bindv6only \
    ipv6.auto_flowlabels ipv6.flowlabel_consistency ipv6.ip_nonlocal_bind ipv6.mld_max_msf \
    ipv6.max_hbh_length ipv6.max_dst_opts_length mptcp.enabled nf_conntrack_max";
/// Families whose members depend on interfaces or modules.
const FAMILIES: [&str; 7] = [
    "ipv4.conf.",
    "ipv4.neigh.",
    "ipv4.route.",
    "ipv4.vs.",
    "ipv6.conf.",
    "ipv6.neigh.",
    "netfilter.",
];

/// The refusal of one kernel setting, in runc's words.
fn sysctl_problem(key: &str, host_network: bool) -> Option<String> {
    let key = key.replace('/', ".");
    if OF_IPC.contains(&key.as_str()) || key.starts_with("fs.mqueue.") {
        return None;
    }
    let Some(inside) = key.strip_prefix("net.") else {
        return Some(format!("sysctl {key:?} is not in a separate kernel namespace"));
    };
    if host_network {
        return Some(format!("sysctl {key:?} not allowed in host network namespace"));
    }
    let known = FAMILIES.iter().any(|f| inside.starts_with(f))
        || OF_NETWORK.split_whitespace().any(|name| name == inside);
    (!known).then(|| {
        format!(
            "unable to start container process: error during container init: open sysctl {key} \
             file: unsafe procfs detected: openat2 fsmount:fscontext:proc/./sys/{}: no such file \
             or directory",
            key.replace('.', "/")
        )
    })
}

impl Daemon {
    /// Name servers, without which there is not even a sandbox; with an exit code.
    pub(crate) fn refuse_name_servers(&self, id: &str) -> Result<(), (i64, String)> {
        let Some(c) = self.containers.get(id) else { return Ok(()) };
        let bad = c.host.dns.iter().find(|server| server.parse::<IpAddr>().is_err());
        bad.map_or(Ok(()), |server| {
            let why = "unable to parse IP";
            Err((128, format!("bad nameserver address {server}: ParseAddr(\"{server}\"): {why}")))
        })
    }

    /// Links of the old kind, before networks are attached; with an exit code.
    pub(crate) fn refuse_links(&self, c: &Container) -> Result<(), (i64, String)> {
        if !c.endpoints.contains_key("bridge") {
            return Ok(());
        }
        // `setupLinkedContainers`: only the default bridge has links of the old kind.
        for link in &c.host.links {
            let (target, alias) = link.split_once(':').unwrap_or((link, link));
            let Some(child) = self.find(target).ok().and_then(|id| self.containers.get(&id)) else {
                continue;
            };
            let why = if !child.running {
                format!(
                    "Cannot link to a non running container: /{} AS /{}/{alias}",
                    child.name, c.name
                )
            } else if !child.endpoints.contains_key("bridge") {
                format!("container {} not attached to default bridge network", child.id)
            } else {
                continue;
            };
            return Err((128, why));
        }
        Ok(())
    }

    /// Kernel settings that runc cannot apply; with an exit code.
    pub(crate) fn refuse_sysctls(&self, c: &Container) -> Result<(), (i64, String)> {
        let host_network = c.host.network_mode == "host";
        let found = c.host.sysctls.keys().find_map(|key| sysctl_problem(key, host_network));
        match found {
            None => Ok(()),
            // `translateContainerdStartErr`: a missing file counts as a missing command.
            Some(why) if why.contains("no such file or directory") => {
                Err((127, format!("{RUNC}{why}")))
            }
            Some(why) => Err((128, format!("{RUNC}{why}"))),
        }
    }

    /// Namespaces of other containers, devices and the size of log files, which are looked at
    /// when a container starts; with an exit code.
    pub(crate) fn refuse_surroundings(&self, c: &Container) -> Result<(), (i64, String)> {
        for (mode, what) in [(&c.host.ipc_mode, "IPC"), (&c.host.pid_mode, "PID")] {
            let Some(target) = mode.strip_prefix("container:") else { continue };
            let other = self.find(target).map_err(|error| (128, error.message))?;
            if let Some(other) = self.containers.get(&other).filter(|other| !other.is_live()) {
                let id = &other.id;
                return Err((128, format!("cannot join {what} of a non running container: {id}")));
            }
        }
        if c.host.gpus {
            let why = "could not select device driver \"\" with capabilities: [[gpu]]";
            return Err((128, why.to_owned()));
        }
        for device in &c.host.devices {
            let path = device.split(':').next().unwrap_or(device);
            if !DEVICES.contains(&path) {
                // `translateContainerdStartErr`: a missing file counts as a missing command.
                return Err((
                    127,
                    format!(
                        "error gathering device information while adding custom device \
                         {path:?}: no such file or directory"
                    ),
                ));
            }
        }
        let size = c.host.log_opts.get("max-size").filter(|size| *size != "-1");
        let problem = size.and_then(|size| crate::docker::from_human_size(size).err());
        problem.map_or(Ok(()), |why| {
            let what = "failed to create task for container: failed to initialize logging driver";
            Err((128, format!("{what}: {why}")))
        })
    }

    /// A container that could not be completed is removed; only its event remains.
    pub(crate) fn half_made(
        &self,
        id: &str,
        name: &str,
        config: &crate::docker::api::ContainerConfig,
        error: ApiError,
        env: &mut Env<'_, '_>,
    ) -> ApiError {
        let labels = config.labels.iter().map(|(k, v)| (k.clone(), v.clone()));
        let own = [("image", config.image.as_str()), ("name", name)];
        let own = own.map(|(k, v)| (k.to_owned(), v.to_owned()));
        self.event("container", "destroy", id, labels.chain(own).collect(), env);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_settings() {
        for (key, host, expected) in [
            ("net.core.somaxconn", false, None),
            ("net.ipv4.conf.all.src_valid_mark", false, None),
            ("kernel.shmmax", false, None),
            ("net.core.somaxconn", true, Some("not allowed in host network namespace")),
            ("vm.max_map_count", false, Some("is not in a separate kernel namespace")),
            ("net.nosuch", false, Some("fsmount:fscontext:proc/./sys/net/nosuch: no such file")),
        ] {
            let got = sysctl_problem(key, host);
            match expected {
                None => assert_eq!(got, None, "{key}"),
                Some(part) => assert!(got.is_some_and(|text| text.contains(part)), "{key}"),
            }
        }
    }
}
