//! The Compose model's records: every key in the order of printing, and what its value becomes.
//!
//! Models the structs of `compose-go types`, their YAML tags and decoders, as data;
//! [`super::decode`] works with it.

/// What a value becomes when it is decoded.
#[derive(Clone, Copy, Debug)]
pub(super) enum As {
    /// A text.
    Text,
    /// A truth value.
    Bool,
    /// A truth value that may be absent.
    OptBool,
    /// A whole number.
    Int,
    /// A whole number that may be absent.
    OptInt,
    /// A number.
    Float,
    /// A command: words.
    Command,
    /// Environment variables, with or without value.
    Env,
    /// Texts by key.
    Mapping,
    /// Labels.
    Labels,
    /// Lists of texts by key.
    MultiMap,
    /// Texts, or one text.
    StringList,
    /// Texts.
    List,
    /// Texts or numbers.
    NumberList,
    /// Addresses of host names.
    Hosts,
    /// A duration.
    Duration,
    /// A size in bytes.
    Bytes,
    /// The command of a health check.
    Test,
    /// A number of processors.
    Cpus,
    /// A file mode.
    Mode,
    /// A number of devices.
    Count,
    /// Keys for a build.
    Ssh,
    /// Files of variables.
    EnvFiles,
    /// Limits.
    Ulimits,
    /// A record.
    Struct(&'static Record),
    /// A record that may be absent.
    OptStruct(&'static Record),
    /// Records.
    Structs(&'static Record),
    /// Records by name.
    Named(&'static Record),
}

/// One key of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Its name.
    pub(super) name: &'static str,
    /// What its value becomes.
    pub(super) to: As,
    /// Whether it is printed even where it is empty.
    pub(super) always: bool,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(super) struct Record(pub(super) &'static [Column]);

const fn c(name: &'static str, to: As) -> Column {
    Column { name, to, always: false }
}

const fn always(name: &'static str, to: As) -> Column {
    Column { name, to, always: true }
}

pub(super) static PROJECT: Record = Record(&[
    c("name", As::Text),
    always("services", As::Named(&SERVICE_CONFIG)),
    c("networks", As::Named(&NETWORK_CONFIG)),
    c("volumes", As::Named(&VOLUME_CONFIG)),
    c("secrets", As::Named(&FILE_OBJECT_CONFIG)),
    c("configs", As::Named(&FILE_OBJECT_CONFIG)),
    c("models", As::Named(&MODEL_CONFIG)),
]);

pub(super) static SERVICE_CONFIG: Record = Record(&[
    c("profiles", As::List),
    c("annotations", As::Mapping),
    c("attach", As::OptBool),
    c("build", As::OptStruct(&BUILD_CONFIG)),
    c("develop", As::OptStruct(&DEVELOP_CONFIG)),
    c("blkio_config", As::OptStruct(&BLKIO_CONFIG)),
    c("cap_add", As::List),
    c("cap_drop", As::List),
    c("cgroup_parent", As::Text),
    c("cgroup", As::Text),
    c("cpu_count", As::Int),
    c("cpu_percent", As::Float),
    c("cpu_period", As::Int),
    c("cpu_quota", As::Int),
    c("cpu_rt_period", As::Int),
    c("cpu_rt_runtime", As::Int),
    c("cpus", As::Float),
    c("cpuset", As::Text),
    c("cpu_shares", As::Int),
    c("command", As::Command),
    c("configs", As::Structs(&FILE_REFERENCE_CONFIG)),
    c("container_name", As::Text),
    c("credential_spec", As::OptStruct(&CREDENTIAL_SPEC_CONFIG)),
    c("depends_on", As::Named(&SERVICE_DEPENDENCY)),
    c("deploy", As::OptStruct(&DEPLOY_CONFIG)),
    c("device_cgroup_rules", As::List),
    c("devices", As::Structs(&DEVICE_MAPPING)),
    c("dns", As::StringList),
    c("dns_opt", As::List),
    c("dns_search", As::StringList),
    c("dockerfile", As::Text),
    c("domainname", As::Text),
    c("entrypoint", As::Command),
    c("provider", As::OptStruct(&SERVICE_PROVIDER_CONFIG)),
    c("environment", As::Env),
    c("env_file", As::EnvFiles),
    c("expose", As::NumberList),
    c("extends", As::OptStruct(&EXTENDS_CONFIG)),
    c("external_links", As::List),
    c("extra_hosts", As::Hosts),
    c("group_add", As::List),
    c("gpus", As::Structs(&DEVICE_REQUEST)),
    c("hostname", As::Text),
    c("healthcheck", As::OptStruct(&HEALTH_CHECK_CONFIG)),
    c("image", As::Text),
    c("init", As::OptBool),
    c("ipc", As::Text),
    c("isolation", As::Text),
    c("labels", As::Labels),
    c("label_file", As::List),
    c("links", As::List),
    c("logging", As::OptStruct(&LOGGING_CONFIG)),
    c("log_driver", As::Text),
    c("log_opt", As::Mapping),
    c("mem_limit", As::Bytes),
    c("mem_reservation", As::Bytes),
    c("memswap_limit", As::Bytes),
    c("mem_swappiness", As::Bytes),
    c("mac_address", As::Text),
    c("models", As::Named(&SERVICE_MODEL_CONFIG)),
    c("net", As::Text),
    c("network_mode", As::Text),
    c("networks", As::Named(&SERVICE_NETWORK_CONFIG)),
    c("oom_kill_disable", As::Bool),
    c("oom_score_adj", As::Int),
    c("pid", As::Text),
    c("pids_limit", As::Int),
    c("platform", As::Text),
    c("ports", As::Structs(&SERVICE_PORT_CONFIG)),
    c("privileged", As::Bool),
    c("pull_policy", As::Text),
    c("read_only", As::Bool),
    c("restart", As::Text),
    c("runtime", As::Text),
    c("scale", As::OptInt),
    c("secrets", As::Structs(&FILE_REFERENCE_CONFIG)),
    c("security_opt", As::List),
    c("shm_size", As::Bytes),
    c("stdin_open", As::Bool),
    c("stop_grace_period", As::Duration),
    c("stop_signal", As::Text),
    c("storage_opt", As::Mapping),
    c("sysctls", As::Mapping),
    c("tmpfs", As::StringList),
    c("tty", As::Bool),
    c("ulimits", As::Ulimits),
    c("use_api_socket", As::Bool),
    c("user", As::Text),
    c("userns_mode", As::Text),
    c("uts", As::Text),
    c("volume_driver", As::Text),
    c("volumes", As::Structs(&SERVICE_VOLUME_CONFIG)),
    c("volumes_from", As::List),
    c("working_dir", As::Text),
    c("post_start", As::Structs(&SERVICE_HOOK)),
    c("pre_stop", As::Structs(&SERVICE_HOOK)),
]);

pub(super) static NETWORK_CONFIG: Record = Record(&[
    c("name", As::Text),
    c("driver", As::Text),
    c("driver_opts", As::Mapping),
    c("ipam", As::Struct(&IPAM_CONFIG)),
    c("external", As::Bool),
    c("internal", As::Bool),
    c("attachable", As::Bool),
    c("labels", As::Labels),
    c("enable_ipv4", As::OptBool),
    c("enable_ipv6", As::OptBool),
]);

pub(super) static VOLUME_CONFIG: Record = Record(&[
    c("name", As::Text),
    c("driver", As::Text),
    c("driver_opts", As::Mapping),
    c("external", As::Bool),
    c("labels", As::Labels),
]);

pub(super) static FILE_OBJECT_CONFIG: Record = Record(&[
    c("name", As::Text),
    c("file", As::Text),
    c("environment", As::Text),
    c("content", As::Text),
    c("external", As::Bool),
    c("labels", As::Labels),
    c("driver", As::Text),
    c("driver_opts", As::Mapping),
    c("template_driver", As::Text),
]);

pub(super) static MODEL_CONFIG: Record = Record(&[
    c("name", As::Text),
    c("model", As::Text),
    c("context_size", As::Int),
    c("runtime_flags", As::List),
]);

pub(super) static BUILD_CONFIG: Record = Record(&[
    c("context", As::Text),
    c("dockerfile", As::Text),
    c("dockerfile_inline", As::Text),
    c("entitlements", As::List),
    c("args", As::Env),
    c("provenance", As::Text),
    c("sbom", As::Text),
    c("ssh", As::Ssh),
    c("labels", As::Labels),
    c("cache_from", As::StringList),
    c("cache_to", As::StringList),
    c("no_cache", As::Bool),
    c("additional_contexts", As::Mapping),
    c("pull", As::Bool),
    c("extra_hosts", As::Hosts),
    c("isolation", As::Text),
    c("network", As::Text),
    c("target", As::Text),
    c("secrets", As::Structs(&FILE_REFERENCE_CONFIG)),
    c("shm_size", As::Bytes),
    c("tags", As::StringList),
    c("ulimits", As::Ulimits),
    c("platforms", As::StringList),
    c("privileged", As::Bool),
]);

pub(super) static DEVELOP_CONFIG: Record = Record(&[c("watch", As::Structs(&TRIGGER))]);

pub(super) static BLKIO_CONFIG: Record = Record(&[
    c("weight", As::Int),
    c("weight_device", As::Structs(&WEIGHT_DEVICE)),
    c("device_read_bps", As::Structs(&THROTTLE_DEVICE)),
    c("device_read_iops", As::Structs(&THROTTLE_DEVICE)),
    c("device_write_bps", As::Structs(&THROTTLE_DEVICE)),
    c("device_write_iops", As::Structs(&THROTTLE_DEVICE)),
]);

pub(super) static FILE_REFERENCE_CONFIG: Record = Record(&[
    c("source", As::Text),
    c("target", As::Text),
    c("uid", As::Text),
    c("gid", As::Text),
    c("mode", As::Mode),
]);

pub(super) static CREDENTIAL_SPEC_CONFIG: Record =
    Record(&[c("config", As::Text), c("file", As::Text), c("registry", As::Text)]);

pub(super) static SERVICE_DEPENDENCY: Record =
    Record(&[c("condition", As::Text), c("restart", As::Bool), always("required", As::Bool)]);

pub(super) static DEPLOY_CONFIG: Record = Record(&[
    c("mode", As::Text),
    c("replicas", As::OptInt),
    c("labels", As::Labels),
    c("update_config", As::OptStruct(&UPDATE_CONFIG)),
    c("rollback_config", As::OptStruct(&UPDATE_CONFIG)),
    c("resources", As::Struct(&RESOURCES)),
    c("restart_policy", As::OptStruct(&RESTART_POLICY)),
    c("placement", As::Struct(&PLACEMENT)),
    c("endpoint_mode", As::Text),
]);

pub(super) static DEVICE_MAPPING: Record =
    Record(&[c("source", As::Text), c("target", As::Text), c("permissions", As::Text)]);

pub(super) static SERVICE_PROVIDER_CONFIG: Record =
    Record(&[c("type", As::Text), c("options", As::MultiMap)]);

pub(super) static EXTENDS_CONFIG: Record = Record(&[c("file", As::Text), c("service", As::Text)]);

pub(super) static DEVICE_REQUEST: Record = Record(&[
    c("capabilities", As::List),
    c("driver", As::Text),
    c("count", As::Count),
    c("device_ids", As::List),
    c("options", As::Mapping),
]);

pub(super) static HEALTH_CHECK_CONFIG: Record = Record(&[
    c("test", As::Test),
    c("timeout", As::Duration),
    c("interval", As::Duration),
    c("retries", As::OptInt),
    c("start_period", As::Duration),
    c("start_interval", As::Duration),
    c("disable", As::Bool),
]);

pub(super) static LOGGING_CONFIG: Record =
    Record(&[c("driver", As::Text), c("options", As::Mapping)]);

pub(super) static SERVICE_MODEL_CONFIG: Record =
    Record(&[c("endpoint_var", As::Text), c("model_var", As::Text)]);

pub(super) static SERVICE_NETWORK_CONFIG: Record = Record(&[
    c("aliases", As::List),
    c("driver_opts", As::Mapping),
    c("gw_priority", As::Int),
    c("interface_name", As::Text),
    c("ipv4_address", As::Text),
    c("ipv6_address", As::Text),
    c("link_local_ips", As::List),
    c("mac_address", As::Text),
    c("priority", As::Int),
]);

pub(super) static SERVICE_PORT_CONFIG: Record = Record(&[
    c("name", As::Text),
    c("mode", As::Text),
    c("host_ip", As::Text),
    c("target", As::Int),
    c("published", As::Text),
    c("protocol", As::Text),
    c("app_protocol", As::Text),
]);

pub(super) static SERVICE_VOLUME_CONFIG: Record = Record(&[
    c("type", As::Text),
    c("source", As::Text),
    c("target", As::Text),
    c("read_only", As::Bool),
    c("consistency", As::Text),
    c("bind", As::OptStruct(&SERVICE_VOLUME_BIND)),
    c("volume", As::OptStruct(&SERVICE_VOLUME_VOLUME)),
    c("tmpfs", As::OptStruct(&SERVICE_VOLUME_TMPFS)),
    c("image", As::OptStruct(&SERVICE_VOLUME_IMAGE)),
]);

pub(super) static SERVICE_HOOK: Record = Record(&[
    c("command", As::Command),
    c("user", As::Text),
    c("privileged", As::Bool),
    c("working_dir", As::Text),
    c("environment", As::Env),
]);

pub(super) static IPAM_CONFIG: Record =
    Record(&[c("driver", As::Text), c("config", As::Structs(&IPAM_POOL))]);

pub(super) static TRIGGER: Record = Record(&[
    always("path", As::Text),
    always("action", As::Text),
    c("target", As::Text),
    c("exec", As::Struct(&SERVICE_HOOK)),
    c("include", As::List),
    c("ignore", As::List),
    c("initial_sync", As::Bool),
]);

pub(super) static WEIGHT_DEVICE: Record =
    Record(&[always("path", As::Text), always("weight", As::Int)]);

pub(super) static THROTTLE_DEVICE: Record =
    Record(&[always("path", As::Text), always("rate", As::Bytes)]);

pub(super) static UPDATE_CONFIG: Record = Record(&[
    c("parallelism", As::OptInt),
    c("delay", As::Duration),
    c("failure_action", As::Text),
    c("monitor", As::Duration),
    c("max_failure_ratio", As::Float),
    c("order", As::Text),
]);

pub(super) static RESOURCES: Record =
    Record(&[c("limits", As::OptStruct(&RESOURCE)), c("reservations", As::OptStruct(&RESOURCE))]);

pub(super) static RESTART_POLICY: Record = Record(&[
    c("condition", As::Text),
    c("delay", As::Duration),
    c("max_attempts", As::OptInt),
    c("window", As::Duration),
]);

pub(super) static PLACEMENT: Record = Record(&[
    c("constraints", As::List),
    c("preferences", As::Structs(&PLACEMENT_PREFERENCES)),
    c("max_replicas_per_node", As::Int),
]);

pub(super) static SERVICE_VOLUME_BIND: Record = Record(&[
    c("selinux", As::Text),
    c("propagation", As::Text),
    c("create_host_path", As::Bool),
    c("recursive", As::Text),
]);

pub(super) static SERVICE_VOLUME_VOLUME: Record =
    Record(&[c("labels", As::Mapping), c("nocopy", As::Bool), c("subpath", As::Text)]);

pub(super) static SERVICE_VOLUME_TMPFS: Record =
    Record(&[c("size", As::Bytes), c("mode", As::Int)]);

pub(super) static SERVICE_VOLUME_IMAGE: Record = Record(&[c("subpath", As::Text)]);

pub(super) static IPAM_POOL: Record = Record(&[
    c("subnet", As::Text),
    c("gateway", As::Text),
    c("ip_range", As::Text),
    c("aux_addresses", As::Mapping),
]);

pub(super) static RESOURCE: Record = Record(&[
    c("cpus", As::Cpus),
    c("memory", As::Bytes),
    c("pids", As::Int),
    c("devices", As::Structs(&DEVICE_REQUEST)),
    c("generic_resources", As::Structs(&GENERIC_RESOURCE)),
]);

pub(super) static PLACEMENT_PREFERENCES: Record = Record(&[c("spread", As::Text)]);

pub(super) static GENERIC_RESOURCE: Record =
    Record(&[c("discrete_resource_spec", As::OptStruct(&DISCRETE_GENERIC_RESOURCE))]);

pub(super) static DISCRETE_GENERIC_RESOURCE: Record =
    Record(&[always("kind", As::Text), always("value", As::Int)]);
