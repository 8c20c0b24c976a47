//! The flags of `kubectl create …`.

use super::flags::{Flag, Takes};

/// `-o`, `--save-config`.
pub(super) const OUT: &[Flag] = &[
    Flag::new("output", Takes::Text, "Output format").short('o'),
    Flag::new("save-config", Takes::Bool, "Keep the manifest as an annotation, for apply"),
    Flag::new("template", Takes::Text, "Template of -o go-template or -o jsonpath"),
    Flag::new("show-managed-fields", Takes::Bool, "Keep managedFields"),
];

pub(super) const DATA: &[Flag] = &[
    Flag::new("from-literal", Takes::Each, "KEY=VALUE"),
    Flag::new("from-file", Takes::Each, "A file, a directory, or KEY=FILE"),
    Flag::new("from-env-file", Takes::Each, "A file of KEY=VALUE lines"),
    Flag::new("append-hash", Takes::Bool, "With a hash behind the name"),
    Flag::new("type", Takes::Text, "Type of the secret"),
];

pub(super) const DEPLOYMENT_FLAGS: &[Flag] = &[
    Flag::new("image", Takes::List, "Images of the containers"),
    Flag::new("port", Takes::Int, "A port that the container listens on").or("-1"),
    Flag::new("replicas", Takes::Int, "How many pods").short('r').or("1"),
];

pub(super) const JOB_FLAGS: &[Flag] = &[
    Flag::new("image", Takes::Text, "The image"),
    Flag::new("from", Takes::Text, "A CronJob to take the template of"),
];

pub(super) const CRON_FLAGS: &[Flag] = &[
    Flag::new("image", Takes::Text, "The image"),
    Flag::new("schedule", Takes::Text, "When, such as */5 * * * *"),
    Flag::new("restart", Takes::Text, "OnFailure or Never").or("OnFailure"),
];

pub(super) const SERVICE_FLAGS: &[Flag] = &[
    Flag::new("tcp", Takes::List, "PORT[:TARGET]"),
    Flag::new("clusterip", Takes::Text, "Its address, or None"),
    Flag::new("node-port", Takes::Int, "Port of the nodes").or("0"),
    Flag::new("external-name", Takes::Text, "The name that it stands for"),
];

pub(super) const QUOTA_FLAGS: &[Flag] = &[
    Flag::new("hard", Takes::Text, "cpu=1,pods=10"),
    Flag::new("scopes", Takes::Text, "What it counts"),
];

pub(super) const BUDGET_FLAGS: &[Flag] = &[
    Flag::new("selector", Takes::Text, "Labels of the pods"),
    Flag::new("min-available", Takes::Text, "How many must stay"),
    Flag::new("max-unavailable", Takes::Text, "How many may be missing"),
];

pub(super) const CLASS_FLAGS: &[Flag] = &[
    Flag::new("value", Takes::Int, "The priority"),
    Flag::new("global-default", Takes::Bool, "For pods without a class"),
    Flag::new("description", Takes::Text, "What it is for"),
    Flag::new("preemption-policy", Takes::Text, "PreemptLowerPriority or Never")
        .or("PreemptLowerPriority"),
];

pub(super) const INGRESS_FLAGS: &[Flag] = &[
    Flag::new("rule", Takes::Each, "host/path=service:port[,tls[=secret]]"),
    Flag::new("class", Takes::Text, "The class"),
    Flag::new("default-backend", Takes::Text, "service:port"),
    Flag::new("annotation", Takes::Each, "KEY=VALUE"),
];

pub(super) const ROLE_FLAGS: &[Flag] = &[
    Flag::new("verb", Takes::List, "What is allowed"),
    Flag::new("resource", Takes::List, "On which kinds"),
    Flag::new("resource-name", Takes::List, "On which objects"),
];

pub(super) const BINDING_FLAGS: &[Flag] = &[
    Flag::new("clusterrole", Takes::Text, "The ClusterRole"),
    Flag::new("role", Takes::Text, "The Role"),
    Flag::new("serviceaccount", Takes::Each, "NAMESPACE:NAME"),
    Flag::new("user", Takes::Each, "A user"),
    Flag::new("group", Takes::Each, "A group"),
];

pub(super) const TLS_FLAGS: &[Flag] = &[
    Flag::new("cert", Takes::Text, "File of the certificate"),
    Flag::new("key", Takes::Text, "File of the key"),
    Flag::new("append-hash", Takes::Bool, "With a hash behind the name"),
];

pub(super) const REGISTRY_FLAGS: &[Flag] = &[
    Flag::new("docker-server", Takes::Text, "The registry").or("https://index.docker.io/v1/"),
    Flag::new("docker-username", Takes::Text, "The user"),
    Flag::new("docker-password", Takes::Text, "The password"),
    Flag::new("docker-email", Takes::Text, "The address"),
];
