//! What a stack file may hold: keys and types of every level, as data.
//!
//! Models the Compose file format 3.13 as `docker stack` 28 reads it.

use super::schema::{Kind, Object, Other, Shape};

const ANY: Shape = Shape::Any;
const TEXT_OR_NUMBER_OR_NULL: Shape = Shape::Type(&[Kind::Text, Kind::Number, Kind::Null]);
const TEXT_OR_NUMBER: Shape = Shape::Type(&[Kind::Text, Kind::Number]);
const TEXT_OR_NULL: Shape = Shape::Type(&[Kind::Text, Kind::Null]);
const TEXT: Shape = Shape::Type(&[Kind::Text]);
const NUMBER_OR_TEXT: Shape = Shape::Type(&[Kind::Number, Kind::Text]);
const NUMBER: Shape = Shape::Type(&[Kind::Number]);
const NULL: Shape = Shape::Type(&[Kind::Null]);
const MAP: Shape = Shape::Type(&[Kind::Map]);
const INTEGER_OR_TEXT: Shape = Shape::Type(&[Kind::Integer, Kind::Text]);
const INTEGER: Shape = Shape::Type(&[Kind::Integer]);
const BOOL: Shape = Shape::Type(&[Kind::Bool]);
static CONFIG: Shape = Shape::Map(&[
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
            &Shape::Exact(&[
                ("constraints", &Shape::Seq(&TEXT, false)),
                ("max_replicas_per_node", &INTEGER),
                ("preferences", &Shape::Seq(&Shape::Exact(&[("spread", &TEXT)]), false)),
            ]),
        ),
        ("replicas", &INTEGER),
        (
            "resources",
            &Shape::Exact(&[
                (
                    "limits",
                    &Shape::Exact(&[("cpus", &TEXT), ("memory", &TEXT), ("pids", &INTEGER)]),
                ),
                (
                    "reservations",
                    &Shape::Exact(&[
                        ("cpus", &TEXT),
                        ("generic_resources", &GENERIC_RESOURCES),
                        ("memory", &TEXT),
                    ]),
                ),
            ]),
        ),
        (
            "restart_policy",
            &Shape::Exact(&[
                ("condition", &TEXT),
                ("delay", &Shape::Format("duration", &[Kind::Text])),
                ("max_attempts", &INTEGER),
                ("window", &Shape::Format("duration", &[Kind::Text])),
            ]),
        ),
        ("rollback_config", &UPDATE),
        ("update_config", &UPDATE),
    ],
    keys: &[],
    other: Other::No,
    required: &[],
});
static GENERIC_RESOURCES: Shape = Shape::Seq(
    &Shape::Exact(&[(
        "discrete_resource_spec",
        &Shape::Exact(&[("kind", &TEXT), ("value", &NUMBER)]),
    )]),
    false,
);
static HEALTHCHECK: Shape = Shape::Exact(&[
    ("disable", &BOOL),
    ("interval", &Shape::Format("duration", &[Kind::Text])),
    ("retries", &NUMBER),
    ("start_interval", &Shape::Format("duration", &[Kind::Text])),
    ("start_period", &Shape::Format("duration", &[Kind::Text])),
    ("test", &Shape::OneOf(&[&TEXT, &Shape::Seq(&TEXT, false)])),
    ("timeout", &Shape::Format("duration", &[Kind::Text])),
]);
static LIST_OF_STRINGS: Shape = Shape::Seq(&TEXT, true);
static LIST_OR_DICT: Shape = Shape::OneOf(&[
    &Shape::Object(&Object {
        types: &[Kind::Map],
        fields: &[],
        keys: &[(".+", &TEXT_OR_NUMBER_OR_NULL)],
        other: Other::No,
        required: &[],
    }),
    &Shape::Seq(&TEXT, true),
]);
static NETWORK: Shape = Shape::Object(&Object {
    types: &[Kind::Map, Kind::Null],
    fields: &[
        ("attachable", &BOOL),
        ("driver", &TEXT),
        ("driver_opts", &OPTIONS),
        ("external", &EXTERNAL),
        ("internal", &BOOL),
        (
            "ipam",
            &Shape::Exact(&[
                ("config", &Shape::Seq(&Shape::Exact(&[("subnet", &TEXT)]), false)),
                ("driver", &TEXT),
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
    ("external", &EXTERNAL_FILE),
    ("file", &TEXT),
    ("labels", &LIST_OR_DICT),
    ("name", &TEXT),
    ("template_driver", &TEXT),
]);
static SERVICE: Shape = Shape::Map(&[
    (
        "build",
        &Shape::OneOf(&[
            &TEXT,
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[
                    ("args", &LIST_OR_DICT),
                    ("cache_from", &LIST_OF_STRINGS),
                    ("context", &TEXT),
                    ("dockerfile", &TEXT),
                    ("extra_hosts", &LIST_OR_DICT),
                    ("labels", &LIST_OR_DICT),
                    ("network", &TEXT),
                    ("shm_size", &INTEGER_OR_TEXT),
                    ("target", &TEXT),
                ],
                keys: &[],
                other: Other::Any,
                required: &[],
            }),
        ]),
    ),
    ("cap_add", &Shape::Seq(&TEXT, true)),
    ("cap_drop", &Shape::Seq(&TEXT, true)),
    ("cgroup_parent", &TEXT),
    ("cgroupns_mode", &TEXT),
    ("command", &Shape::OneOf(&[&TEXT, &Shape::Seq(&TEXT, false)])),
    ("configs", &Shape::Seq(&Shape::OneOf(&[&TEXT, &MOUNTED_FILE]), false)),
    ("container_name", &TEXT),
    ("credential_spec", &Shape::Exact(&[("config", &TEXT), ("file", &TEXT), ("registry", &TEXT)])),
    ("depends_on", &LIST_OF_STRINGS),
    ("deploy", &DEPLOYMENT),
    ("devices", &Shape::Seq(&TEXT, true)),
    ("dns", &STRING_OR_LIST),
    ("dns_search", &STRING_OR_LIST),
    ("domainname", &TEXT),
    ("entrypoint", &Shape::OneOf(&[&TEXT, &Shape::Seq(&TEXT, false)])),
    ("env_file", &STRING_OR_LIST),
    ("environment", &LIST_OR_DICT),
    ("expose", &Shape::Seq(&Shape::Format("expose", &[Kind::Text, Kind::Number]), true)),
    ("external_links", &Shape::Seq(&TEXT, true)),
    ("extra_hosts", &LIST_OR_DICT),
    ("healthcheck", &HEALTHCHECK),
    ("hostname", &TEXT),
    ("image", &TEXT),
    ("init", &BOOL),
    ("ipc", &TEXT),
    ("isolation", &TEXT),
    ("labels", &LIST_OR_DICT),
    ("links", &Shape::Seq(&TEXT, true)),
    (
        "logging",
        &Shape::Exact(&[
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
                        &Shape::Exact(&[
                            ("aliases", &LIST_OF_STRINGS),
                            ("driver_opts", &OPTIONS),
                            ("ipv4_address", &TEXT),
                            ("ipv6_address", &TEXT),
                        ]),
                        &NULL,
                    ]),
                )],
                other: Other::No,
                required: &[],
            }),
        ]),
    ),
    ("oom_score_adj", &INTEGER),
    ("pid", &TEXT_OR_NULL),
    (
        "ports",
        &Shape::Seq(
            &Shape::OneOf(&[
                &Shape::Format("ports", &[Kind::Number]),
                &Shape::Format("ports", &[Kind::Text]),
                &Shape::Exact(&[
                    ("mode", &TEXT),
                    ("protocol", &TEXT),
                    ("published", &INTEGER),
                    ("target", &INTEGER),
                ]),
            ]),
            true,
        ),
    ),
    ("privileged", &BOOL),
    ("read_only", &BOOL),
    ("restart", &TEXT),
    ("secrets", &Shape::Seq(&Shape::OneOf(&[&TEXT, &MOUNTED_FILE]), false)),
    ("security_opt", &Shape::Seq(&TEXT, true)),
    ("shm_size", &NUMBER_OR_TEXT),
    ("stdin_open", &BOOL),
    ("stop_grace_period", &Shape::Format("duration", &[Kind::Text])),
    ("stop_signal", &TEXT),
    ("sysctls", &LIST_OR_DICT),
    ("tmpfs", &STRING_OR_LIST),
    ("tty", &BOOL),
    (
        "ulimits",
        &Shape::Object(&Object {
            types: &[Kind::Map],
            fields: &[],
            keys: &[(
                "^[a-z]+$",
                &Shape::OneOf(&[
                    &INTEGER,
                    &Shape::Object(&Object {
                        types: &[Kind::Map],
                        fields: &[("hard", &INTEGER), ("soft", &INTEGER)],
                        keys: &[],
                        other: Other::No,
                        required: &["soft", "hard"],
                    }),
                ]),
            )],
            other: Other::Any,
            required: &[],
        }),
    ),
    ("user", &TEXT),
    ("userns_mode", &TEXT),
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
                            &Shape::Object(&Object {
                                types: &[Kind::Map],
                                fields: &[("propagation", &TEXT)],
                                keys: &[],
                                other: Other::Any,
                                required: &[],
                            }),
                        ),
                        ("consistency", &TEXT),
                        ("read_only", &BOOL),
                        ("source", &TEXT),
                        ("target", &TEXT),
                        (
                            "tmpfs",
                            &Shape::Object(&Object {
                                types: &[Kind::Map],
                                fields: &[("size", &Shape::Range(&[Kind::Integer], Some(0), None))],
                                keys: &[],
                                other: Other::Any,
                                required: &[],
                            }),
                        ),
                        ("type", &TEXT),
                        (
                            "volume",
                            &Shape::Object(&Object {
                                types: &[Kind::Map],
                                fields: &[("nocopy", &BOOL)],
                                keys: &[],
                                other: Other::Any,
                                required: &[],
                            }),
                        ),
                    ],
                    keys: &[],
                    other: Other::No,
                    required: &["type"],
                }),
            ]),
            false,
        ),
    ),
    ("working_dir", &TEXT),
]);
static STRING_OR_LIST: Shape = Shape::OneOf(&[&TEXT, &LIST_OF_STRINGS]);
static VOLUME: Shape = Shape::Object(&Object {
    types: &[Kind::Map, Kind::Null],
    fields: &[
        ("driver", &TEXT),
        ("driver_opts", &OPTIONS),
        ("external", &EXTERNAL),
        ("labels", &LIST_OR_DICT),
        ("name", &TEXT),
        (
            "x-cluster-spec",
            &Shape::Object(&Object {
                types: &[Kind::Map],
                fields: &[
                    (
                        "access_mode",
                        &Shape::Object(&Object {
                            types: &[Kind::Map],
                            fields: &[
                                ("block_volume", &MAP),
                                (
                                    "mount_volume",
                                    &Shape::Object(&Object {
                                        types: &[Kind::Map],
                                        fields: &[
                                            ("fs_type", &TEXT),
                                            ("mount_flags", &Shape::Seq(&TEXT, false)),
                                        ],
                                        keys: &[],
                                        other: Other::Any,
                                        required: &[],
                                    }),
                                ),
                                ("scope", &TEXT),
                                ("sharing", &TEXT),
                            ],
                            keys: &[],
                            other: Other::Any,
                            required: &[],
                        }),
                    ),
                    (
                        "accessibility_requirements",
                        &Shape::Object(&Object {
                            types: &[Kind::Map],
                            fields: &[
                                ("preferred", &Shape::Seq(&TOPOLOGY, false)),
                                ("requisite", &Shape::Seq(&TOPOLOGY, false)),
                            ],
                            keys: &[],
                            other: Other::Any,
                            required: &[],
                        }),
                    ),
                    ("availability", &TEXT),
                    (
                        "capacity_range",
                        &Shape::Object(&Object {
                            types: &[Kind::Map],
                            fields: &[("limit_bytes", &TEXT), ("required_bytes", &TEXT)],
                            keys: &[],
                            other: Other::Any,
                            required: &[],
                        }),
                    ),
                    ("group", &TEXT),
                ],
                keys: &[],
                other: Other::Any,
                required: &[],
            }),
        ),
    ],
    keys: &[("^x-", &ANY)],
    other: Other::No,
    required: &[],
});
static UPDATE: Shape = Shape::Exact(&[
    ("delay", &Shape::Format("duration", &[Kind::Text])),
    ("failure_action", &TEXT),
    ("max_failure_ratio", &NUMBER),
    ("monitor", &Shape::Format("duration", &[Kind::Text])),
    ("order", &Shape::Enum(&["start-first", "stop-first"])),
    ("parallelism", &INTEGER),
]);
static MOUNTED_FILE: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[
        ("gid", &TEXT),
        ("mode", &NUMBER),
        ("source", &TEXT),
        ("target", &TEXT),
        ("uid", &TEXT),
    ],
    keys: &[],
    other: Other::Any,
    required: &[],
});
static EXTERNAL_FILE: Shape = Shape::Object(&Object {
    types: &[Kind::Bool, Kind::Map],
    fields: &[("name", &TEXT)],
    keys: &[],
    other: Other::Any,
    required: &[],
});
static TOPOLOGY: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[("segments", &LIST_OR_DICT)],
    keys: &[],
    other: Other::Any,
    required: &[],
});
static EXTERNAL: Shape = Shape::Object(&Object {
    types: &[Kind::Bool, Kind::Map],
    fields: &[("name", &TEXT)],
    keys: &[],
    other: Other::No,
    required: &[],
});
static OPTIONS: Shape = Shape::Object(&Object {
    types: &[Kind::Map],
    fields: &[],
    keys: &[("^.+$", &TEXT_OR_NUMBER)],
    other: Other::Any,
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
