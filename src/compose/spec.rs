//! What a Compose file may hold: keys and types of every level, as data.
//!
//! Models the Compose specification as Compose 2.40 reads it; [`super::schema`] judges with it.

use super::schema::{Kind, Object, Other, Shape};

const ANY: Shape = Shape::Any;
const TEXT_OR_NUMBER_OR_NULL: Shape = Shape::Type(&[Kind::Text, Kind::Number, Kind::Null]);
const SCALAR: Shape = Shape::Type(&[Kind::Text, Kind::Number, Kind::Bool, Kind::Null]);
const TEXT_OR_NUMBER_OR_BOOL: Shape = Shape::Type(&[Kind::Text, Kind::Number, Kind::Bool]);
const TEXT_OR_NUMBER: Shape = Shape::Type(&[Kind::Text, Kind::Number]);
const TEXT_OR_NULL: Shape = Shape::Type(&[Kind::Text, Kind::Null]);
const TEXT_OR_INTEGER: Shape = Shape::Type(&[Kind::Text, Kind::Integer]);
const TEXT_OR_BOOL: Shape = Shape::Type(&[Kind::Text, Kind::Bool]);
const TEXT: Shape = Shape::Type(&[Kind::Text]);
const NUMBER_OR_TEXT: Shape = Shape::Type(&[Kind::Number, Kind::Text]);
const NUMBER: Shape = Shape::Type(&[Kind::Number]);
const NULL: Shape = Shape::Type(&[Kind::Null]);
const MAP: Shape = Shape::Type(&[Kind::Map]);
const INTEGER_OR_TEXT: Shape = Shape::Type(&[Kind::Integer, Kind::Text]);
const INTEGER: Shape = Shape::Type(&[Kind::Integer]);
const BOOL_OR_TEXT: Shape = Shape::Type(&[Kind::Bool, Kind::Text]);
const BOOL: Shape = Shape::Type(&[Kind::Bool]);
static BLKIO_LIMIT: Shape = Shape::Exact(&[("path", &TEXT), ("rate", &INTEGER_OR_TEXT)]);
static BLKIO_WEIGHT: Shape = Shape::Exact(&[("path", &TEXT), ("weight", &INTEGER_OR_TEXT)]);
static COMMAND: Shape = Shape::OneOf(&[&NULL, &TEXT, &Shape::Seq(&TEXT, false)]);
static CONFIG: Shape = Shape::Map(&[
    ("content", &TEXT),
    ("environment", &TEXT),
    ("external", &EXTERNAL_FILE),
    ("file", &TEXT),
    ("labels", &LIST_OR_DICT),
    ("name", &TEXT),
    ("template_driver", &TEXT),
]);
static DEPLOYMENT: Shape = Shape::Object(&Object {
    types: &[Kind::Map, Kind::Null],
    fields: &[
        ("endpoint_mode", &TEXT),
        ("labels", &LIST_OR_DICT),
        ("mode", &TEXT),
        (
            "placement",
            &Shape::Map(&[
                ("constraints", &Shape::Seq(&TEXT, false)),
                ("max_replicas_per_node", &INTEGER_OR_TEXT),
                ("preferences", &Shape::Seq(&Shape::Map(&[("spread", &TEXT)]), false)),
            ]),
        ),
        ("replicas", &INTEGER_OR_TEXT),
        (
            "resources",
            &Shape::Map(&[
                (
                    "limits",
                    &Shape::Map(&[
                        ("cpus", &NUMBER_OR_TEXT),
                        ("memory", &TEXT),
                        ("pids", &INTEGER_OR_TEXT),
                    ]),
                ),
                (
                    "reservations",
                    &Shape::Map(&[
                        ("cpus", &NUMBER_OR_TEXT),
                        ("devices", &DEVICES),
                        ("generic_resources", &GENERIC_RESOURCES),
                        ("memory", &TEXT),
                    ]),
                ),
            ]),
        ),
        (
            "restart_policy",
            &Shape::Map(&[
                ("condition", &TEXT),
                ("delay", &TEXT),
                ("max_attempts", &INTEGER_OR_TEXT),
                ("window", &TEXT),
            ]),
        ),
        ("rollback_config", &UPDATE),
        ("update_config", &UPDATE),
    ],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &[],
});
static DEVELOPMENT: Shape = Shape::Object(&Object {
    types: &[Kind::Map, Kind::Null],
    fields: &[(
        "watch",
        &Shape::Seq(
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[
                    (
                        "action",
                        &Shape::Enum(&["rebuild", "sync", "restart", "sync+restart", "sync+exec"]),
                    ),
                    ("exec", &SERVICE_HOOK),
                    ("ignore", &STRING_OR_LIST),
                    ("include", &STRING_OR_LIST),
                    ("initial_sync", &BOOL),
                    ("path", &TEXT),
                    ("target", &TEXT),
                ],
                keys: &[("^x-", &ANY)],
                other: Other::No,
                required: &["path", "action"],
            }),
            false,
        ),
    )],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &[],
});
static DEVICES: Shape = Shape::Seq(
    &Shape::Object(&Object {
        types: &[Kind::Map],
        fields: &[
            ("capabilities", &LIST_OF_STRINGS),
            ("count", &TEXT_OR_INTEGER),
            ("device_ids", &LIST_OF_STRINGS),
            ("driver", &TEXT),
            ("options", &LIST_OR_DICT),
        ],
        keys: &[("^x-", &ANY)],
        other: Other::No,
        required: &["capabilities"],
    }),
    false,
);
static ENV_FILE: Shape = Shape::OneOf(&[
    &TEXT,
    &Shape::Seq(
        &Shape::OneOf(&[
            &TEXT,
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[("format", &TEXT), ("path", &TEXT), ("required", &BOOL_OR_TEXT)],
                keys: &[],
                other: Other::No,
                required: &["path"],
            }),
        ]),
        false,
    ),
]);
static EXTRA_HOSTS: Shape = Shape::OneOf(&[
    &Shape::Object(&Object {
        types: &[Kind::Map],
        fields: &[],
        keys: &[(".+", &Shape::OneOf(&[&TEXT, &Shape::Seq(&TEXT, false)]))],
        other: Other::No,
        required: &[],
    }),
    &Shape::Seq(&TEXT, true),
]);
static GENERIC_RESOURCES: Shape = Shape::Seq(
    &Shape::Map(&[(
        "discrete_resource_spec",
        &Shape::Map(&[("kind", &TEXT), ("value", &NUMBER_OR_TEXT)]),
    )]),
    false,
);
static GPUS: Shape = Shape::OneOf(&[
    &Shape::Enum(&["all"]),
    &Shape::Seq(
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[
                ("capabilities", &LIST_OF_STRINGS),
                ("count", &TEXT_OR_INTEGER),
                ("device_ids", &LIST_OF_STRINGS),
                ("driver", &TEXT),
                ("options", &LIST_OR_DICT),
            ],
            keys: &[],
            other: Other::Any,
            required: &[],
        }),
        false,
    ),
]);
static HEALTHCHECK: Shape = Shape::Map(&[
    ("disable", &BOOL_OR_TEXT),
    ("interval", &TEXT),
    ("retries", &NUMBER_OR_TEXT),
    ("start_interval", &TEXT),
    ("start_period", &TEXT),
    ("test", &Shape::OneOf(&[&TEXT, &Shape::Seq(&TEXT, false)])),
    ("timeout", &TEXT),
]);
static INCLUDE: Shape = Shape::OneOf(&[
    &TEXT,
    &Shape::Exact(&[
        ("env_file", &STRING_OR_LIST),
        ("path", &STRING_OR_LIST),
        ("project_directory", &TEXT),
    ]),
]);
static LABEL_FILE: Shape = Shape::OneOf(&[&TEXT, &Shape::Seq(&TEXT, false)]);
static LIST_OF_STRINGS: Shape = Shape::Seq(&TEXT, true);
static LIST_OR_DICT: Shape = Shape::OneOf(&[
    &Shape::Object(&Object {
        types: &[Kind::Map],
        fields: &[],
        keys: &[(".+", &SCALAR)],
        other: Other::No,
        required: &[],
    }),
    &Shape::Seq(&TEXT, true),
]);
static MODEL: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[
        ("context_size", &INTEGER),
        ("model", &TEXT),
        ("name", &TEXT),
        ("runtime_flags", &Shape::Seq(&TEXT, false)),
    ],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &["model"],
});
static NETWORK: Shape = Shape::Object(&Object {
    types: &[Kind::Map, Kind::Null],
    fields: &[
        ("attachable", &BOOL_OR_TEXT),
        ("driver", &TEXT),
        ("driver_opts", &OPTIONS),
        ("enable_ipv4", &BOOL_OR_TEXT),
        ("enable_ipv6", &BOOL_OR_TEXT),
        ("external", &EXTERNAL),
        ("internal", &BOOL_OR_TEXT),
        (
            "ipam",
            &Shape::Map(&[
                (
                    "config",
                    &Shape::Seq(
                        &Shape::Map(&[
                            ("aux_addresses", &TEXTS),
                            ("gateway", &TEXT),
                            ("ip_range", &TEXT),
                            ("subnet", &TEXT),
                        ]),
                        false,
                    ),
                ),
                ("driver", &TEXT),
                ("options", &TEXTS),
            ]),
        ),
        ("labels", &LIST_OR_DICT),
        ("name", &TEXT),
    ],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &[],
});
static SECRET: Shape = Shape::Map(&[
    ("driver", &TEXT),
    ("driver_opts", &OPTIONS),
    ("environment", &TEXT),
    ("external", &EXTERNAL_FILE),
    ("file", &TEXT),
    ("labels", &LIST_OR_DICT),
    ("name", &TEXT),
    ("template_driver", &TEXT),
]);
static SERVICE: Shape = Shape::Map(&[
    ("annotations", &LIST_OR_DICT),
    ("attach", &BOOL_OR_TEXT),
    (
        "blkio_config",
        &Shape::Exact(&[
            ("device_read_bps", &Shape::Seq(&BLKIO_LIMIT, false)),
            ("device_read_iops", &Shape::Seq(&BLKIO_LIMIT, false)),
            ("device_write_bps", &Shape::Seq(&BLKIO_LIMIT, false)),
            ("device_write_iops", &Shape::Seq(&BLKIO_LIMIT, false)),
            ("weight", &INTEGER_OR_TEXT),
            ("weight_device", &Shape::Seq(&BLKIO_WEIGHT, false)),
        ]),
    ),
    (
        "build",
        &Shape::OneOf(&[
            &TEXT,
            &Shape::Map(&[
                ("additional_contexts", &LIST_OR_DICT),
                ("args", &LIST_OR_DICT),
                ("cache_from", &Shape::Seq(&TEXT, false)),
                ("cache_to", &Shape::Seq(&TEXT, false)),
                ("context", &TEXT),
                ("dockerfile", &TEXT),
                ("dockerfile_inline", &TEXT),
                ("entitlements", &Shape::Seq(&TEXT, false)),
                ("extra_hosts", &EXTRA_HOSTS),
                ("isolation", &TEXT),
                ("labels", &LIST_OR_DICT),
                ("network", &TEXT),
                ("no_cache", &BOOL_OR_TEXT),
                ("platforms", &Shape::Seq(&TEXT, false)),
                ("privileged", &BOOL_OR_TEXT),
                ("provenance", &TEXT_OR_BOOL),
                ("pull", &BOOL_OR_TEXT),
                ("sbom", &TEXT_OR_BOOL),
                ("secrets", &SERVICE_CONFIG_OR_SECRET),
                ("shm_size", &INTEGER_OR_TEXT),
                ("ssh", &LIST_OR_DICT),
                ("tags", &Shape::Seq(&TEXT, false)),
                ("target", &TEXT),
                ("ulimits", &ULIMITS),
            ]),
        ]),
    ),
    ("cap_add", &Shape::Seq(&TEXT, true)),
    ("cap_drop", &Shape::Seq(&TEXT, true)),
    ("cgroup", &Shape::Enum(&["host", "private"])),
    ("cgroup_parent", &TEXT),
    ("command", &COMMAND),
    ("configs", &SERVICE_CONFIG_OR_SECRET),
    ("container_name", &Shape::Pattern("[a-zA-Z0-9][a-zA-Z0-9_.-]+")),
    ("cpu_count", &Shape::OneOf(&[&TEXT, &Shape::Range(&[Kind::Integer], Some(0), None)])),
    ("cpu_percent", &Shape::OneOf(&[&TEXT, &Shape::Range(&[Kind::Integer], Some(0), Some(100))])),
    ("cpu_period", &NUMBER_OR_TEXT),
    ("cpu_quota", &NUMBER_OR_TEXT),
    ("cpu_rt_period", &NUMBER_OR_TEXT),
    ("cpu_rt_runtime", &NUMBER_OR_TEXT),
    ("cpu_shares", &NUMBER_OR_TEXT),
    ("cpus", &NUMBER_OR_TEXT),
    ("cpuset", &TEXT),
    ("credential_spec", &Shape::Map(&[("config", &TEXT), ("file", &TEXT), ("registry", &TEXT)])),
    (
        "depends_on",
        &Shape::OneOf(&[
            &LIST_OF_STRINGS,
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[],
                keys: &[(
                    "^[a-zA-Z0-9._-]+$",
                    &Shape::Object(&Object {
                        types: &[Kind::Map],
                        fields: &[
                            (
                                "condition",
                                &Shape::Enum(&[
                                    "service_started",
                                    "service_healthy",
                                    "service_completed_successfully",
                                ]),
                            ),
                            ("required", &BOOL),
                            ("restart", &BOOL_OR_TEXT),
                        ],
                        keys: &[("^x-", &ANY)],
                        other: Other::No,
                        required: &["condition"],
                    }),
                )],
                other: Other::No,
                required: &[],
            }),
        ]),
    ),
    ("deploy", &DEPLOYMENT),
    ("develop", &DEVELOPMENT),
    ("device_cgroup_rules", &LIST_OF_STRINGS),
    (
        "devices",
        &Shape::Seq(
            &Shape::OneOf(&[
                &TEXT,
                &Shape::Object(&Object {
                    types: &[Kind::Map],
                    fields: &[("permissions", &TEXT), ("source", &TEXT), ("target", &TEXT)],
                    keys: &[("^x-", &ANY)],
                    other: Other::No,
                    required: &["source"],
                }),
            ]),
            false,
        ),
    ),
    ("dns", &STRING_OR_LIST),
    ("dns_opt", &Shape::Seq(&TEXT, true)),
    ("dns_search", &STRING_OR_LIST),
    ("domainname", &TEXT),
    ("entrypoint", &COMMAND),
    ("env_file", &ENV_FILE),
    ("environment", &LIST_OR_DICT),
    ("expose", &Shape::Seq(&TEXT_OR_NUMBER, true)),
    (
        "extends",
        &Shape::OneOf(&[
            &TEXT,
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[("file", &TEXT), ("service", &TEXT)],
                keys: &[],
                other: Other::No,
                required: &["service"],
            }),
        ]),
    ),
    ("external_links", &Shape::Seq(&TEXT, true)),
    ("extra_hosts", &EXTRA_HOSTS),
    ("gpus", &GPUS),
    ("group_add", &Shape::Seq(&TEXT_OR_NUMBER, true)),
    ("healthcheck", &HEALTHCHECK),
    ("hostname", &TEXT),
    ("image", &TEXT),
    ("init", &BOOL_OR_TEXT),
    ("ipc", &TEXT),
    ("isolation", &TEXT),
    ("label_file", &LABEL_FILE),
    ("labels", &LIST_OR_DICT),
    ("links", &Shape::Seq(&TEXT, true)),
    (
        "logging",
        &Shape::Map(&[
            ("driver", &TEXT),
            (
                "options",
                &Shape::Object(&Object {
                    types: &[Kind::Map],
                    fields: &[],
                    keys: &[("^.+$", &TEXT_OR_NUMBER_OR_NULL)],
                    other: Other::Any,
                    required: &[],
                }),
            ),
        ]),
    ),
    ("mac_address", &TEXT),
    ("mem_limit", &NUMBER_OR_TEXT),
    ("mem_reservation", &TEXT_OR_INTEGER),
    ("mem_swappiness", &INTEGER_OR_TEXT),
    ("memswap_limit", &NUMBER_OR_TEXT),
    (
        "models",
        &Shape::OneOf(&[
            &LIST_OF_STRINGS,
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[],
                keys: &[(
                    "^[a-zA-Z0-9._-]+$",
                    &Shape::OneOf(&[
                        &Shape::Map(&[("endpoint_var", &TEXT), ("model_var", &TEXT)]),
                        &NULL,
                    ]),
                )],
                other: Other::Any,
                required: &[],
            }),
        ]),
    ),
    ("network_mode", &TEXT),
    (
        "networks",
        &Shape::OneOf(&[
            &LIST_OF_STRINGS,
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[],
                keys: &[(
                    "^[a-zA-Z0-9._-]+$",
                    &Shape::OneOf(&[
                        &Shape::Map(&[
                            ("aliases", &LIST_OF_STRINGS),
                            ("driver_opts", &OPTIONS),
                            ("gw_priority", &NUMBER),
                            ("interface_name", &TEXT),
                            ("ipv4_address", &TEXT),
                            ("ipv6_address", &TEXT),
                            ("link_local_ips", &LIST_OF_STRINGS),
                            ("mac_address", &TEXT),
                            ("priority", &NUMBER),
                        ]),
                        &NULL,
                    ]),
                )],
                other: Other::No,
                required: &[],
            }),
        ]),
    ),
    ("oom_kill_disable", &BOOL_OR_TEXT),
    (
        "oom_score_adj",
        &Shape::OneOf(&[&TEXT, &Shape::Range(&[Kind::Integer], Some(-1000), Some(1000))]),
    ),
    ("pid", &TEXT_OR_NULL),
    ("pids_limit", &NUMBER_OR_TEXT),
    ("platform", &TEXT),
    (
        "ports",
        &Shape::Seq(
            &Shape::OneOf(&[
                &NUMBER,
                &TEXT,
                &Shape::Map(&[
                    ("app_protocol", &TEXT),
                    ("host_ip", &TEXT),
                    ("mode", &TEXT),
                    ("name", &TEXT),
                    ("protocol", &TEXT),
                    ("published", &TEXT_OR_INTEGER),
                    ("target", &INTEGER_OR_TEXT),
                ]),
            ]),
            true,
        ),
    ),
    ("post_start", &Shape::Seq(&SERVICE_HOOK, false)),
    ("pre_stop", &Shape::Seq(&SERVICE_HOOK, false)),
    ("privileged", &BOOL_OR_TEXT),
    ("profiles", &LIST_OF_STRINGS),
    (
        "provider",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[
                (
                    "options",
                    &Shape::Object(&Object {
                        types: &[Kind::Map],
                        fields: &[],
                        keys: &[(
                            "^.+$",
                            &Shape::OneOf(&[
                                &TEXT_OR_NUMBER_OR_BOOL,
                                &Shape::Seq(&TEXT_OR_NUMBER_OR_BOOL, false),
                            ]),
                        )],
                        other: Other::Any,
                        required: &[],
                    }),
                ),
                ("type", &TEXT),
            ],
            keys: &[("^x-", &ANY)],
            other: Other::No,
            required: &["type"],
        }),
    ),
    (
        "pull_policy",
        &Shape::Pattern(
            "always|never|build|if_not_present|missing|refresh|daily|weekly|every_([0-9]+[wdhms])+",
        ),
    ),
    ("pull_refresh_after", &TEXT),
    ("read_only", &BOOL_OR_TEXT),
    ("restart", &TEXT),
    ("runtime", &TEXT),
    ("scale", &INTEGER_OR_TEXT),
    ("secrets", &SERVICE_CONFIG_OR_SECRET),
    ("security_opt", &Shape::Seq(&TEXT, true)),
    ("shm_size", &NUMBER_OR_TEXT),
    ("stdin_open", &BOOL_OR_TEXT),
    ("stop_grace_period", &TEXT),
    ("stop_signal", &TEXT),
    ("storage_opt", &MAP),
    ("sysctls", &LIST_OR_DICT),
    ("tmpfs", &STRING_OR_LIST),
    ("tty", &BOOL_OR_TEXT),
    ("ulimits", &ULIMITS),
    ("use_api_socket", &BOOL),
    ("user", &TEXT),
    ("userns_mode", &TEXT),
    ("uts", &TEXT),
    (
        "volumes",
        &Shape::Seq(
            &Shape::OneOf(&[
                &TEXT,
                &Shape::Object(&Object {
                    types: &[Kind::Map],
                    fields: &[
                        (
                            "bind",
                            &Shape::Map(&[
                                ("create_host_path", &BOOL_OR_TEXT),
                                ("propagation", &TEXT),
                                (
                                    "recursive",
                                    &Shape::Enum(&["enabled", "disabled", "writable", "readonly"]),
                                ),
                                ("selinux", &Shape::Enum(&["z", "Z"])),
                            ]),
                        ),
                        ("consistency", &TEXT),
                        ("image", &Shape::Map(&[("subpath", &TEXT)])),
                        ("read_only", &BOOL_OR_TEXT),
                        ("source", &TEXT),
                        ("target", &TEXT),
                        (
                            "tmpfs",
                            &Shape::Map(&[
                                ("mode", &NUMBER_OR_TEXT),
                                (
                                    "size",
                                    &Shape::OneOf(&[
                                        &Shape::Range(&[Kind::Integer], Some(0), None),
                                        &TEXT,
                                    ]),
                                ),
                            ]),
                        ),
                        (
                            "type",
                            &Shape::Enum(&["bind", "volume", "tmpfs", "cluster", "npipe", "image"]),
                        ),
                        (
                            "volume",
                            &Shape::Map(&[
                                ("labels", &LIST_OR_DICT),
                                ("nocopy", &BOOL_OR_TEXT),
                                ("subpath", &TEXT),
                            ]),
                        ),
                    ],
                    keys: &[("^x-", &ANY)],
                    other: Other::No,
                    required: &["type"],
                }),
            ]),
            true,
        ),
    ),
    ("volumes_from", &Shape::Seq(&TEXT, true)),
    ("working_dir", &TEXT),
]);
static SERVICE_CONFIG_OR_SECRET: Shape = Shape::Seq(
    &Shape::OneOf(&[
        &TEXT,
        &Shape::Map(&[
            ("gid", &TEXT),
            ("mode", &NUMBER_OR_TEXT),
            ("source", &TEXT),
            ("target", &TEXT),
            ("uid", &TEXT),
        ]),
    ]),
    false,
);
static SERVICE_HOOK: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[
        ("command", &COMMAND),
        ("environment", &LIST_OR_DICT),
        ("privileged", &BOOL_OR_TEXT),
        ("user", &TEXT),
        ("working_dir", &TEXT),
    ],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &["command"],
});
static STRING_OR_LIST: Shape = Shape::OneOf(&[&TEXT, &LIST_OF_STRINGS]);
static ULIMITS: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[],
    keys: &[(
        "^[a-z]+$",
        &Shape::OneOf(&[
            &INTEGER_OR_TEXT,
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[("hard", &INTEGER_OR_TEXT), ("soft", &INTEGER_OR_TEXT)],
                keys: &[("^x-", &ANY)],
                other: Other::No,
                required: &["soft", "hard"],
            }),
        ]),
    )],
    other: Other::Any,
    required: &[],
});
static VOLUME: Shape = Shape::Object(&Object {
    types: &[Kind::Map, Kind::Null],
    fields: &[
        ("driver", &TEXT),
        ("driver_opts", &OPTIONS),
        ("external", &EXTERNAL),
        ("labels", &LIST_OR_DICT),
        ("name", &TEXT),
    ],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &[],
});
static UPDATE: Shape = Shape::Map(&[
    ("delay", &TEXT),
    ("failure_action", &TEXT),
    ("max_failure_ratio", &NUMBER_OR_TEXT),
    ("monitor", &TEXT),
    ("order", &Shape::Enum(&["start-first", "stop-first"])),
    ("parallelism", &INTEGER_OR_TEXT),
]);
static EXTERNAL: Shape = Shape::Object(&Object {
    types: &[Kind::Bool, Kind::Text, Kind::Map],
    fields: &[("name", &TEXT)],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &[],
});
static EXTERNAL_FILE: Shape = Shape::Object(&Object {
    types: &[Kind::Bool, Kind::Text, Kind::Map],
    fields: &[("name", &TEXT)],
    keys: &[],
    other: Other::Any,
    required: &[],
});
static OPTIONS: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[],
    keys: &[("^.+$", &TEXT_OR_NUMBER)],
    other: Other::Any,
    required: &[],
});
static TEXTS: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[],
    keys: &[("^.+$", &TEXT)],
    other: Other::No,
    required: &[],
});
/// The whole file.
pub(super) static FILE: Shape = Shape::Map(&[
    (
        "configs",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[],
            keys: &[("^[a-zA-Z0-9._-]+$", &CONFIG)],
            other: Other::No,
            required: &[],
        }),
    ),
    ("include", &Shape::Seq(&INCLUDE, false)),
    (
        "models",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[],
            keys: &[("^[a-zA-Z0-9._-]+$", &MODEL)],
            other: Other::Any,
            required: &[],
        }),
    ),
    ("name", &TEXT),
    (
        "networks",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[],
            keys: &[("^[a-zA-Z0-9._-]+$", &NETWORK)],
            other: Other::Any,
            required: &[],
        }),
    ),
    (
        "secrets",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[],
            keys: &[("^[a-zA-Z0-9._-]+$", &SECRET)],
            other: Other::No,
            required: &[],
        }),
    ),
    (
        "services",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[],
            keys: &[("^[a-zA-Z0-9._-]+$", &SERVICE)],
            other: Other::No,
            required: &[],
        }),
    ),
    ("version", &TEXT),
    (
        "volumes",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[],
            keys: &[("^[a-zA-Z0-9._-]+$", &VOLUME)],
            other: Other::No,
            required: &[],
        }),
    ),
]);
