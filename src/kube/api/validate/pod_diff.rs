//! The difference between two pod specs as the server shows it in a refusal.
//!
//! The server compares its internal types as JSON (`pkg/apis/core/types.go` @v1.36): every field
//! in the order of the Go struct under its Go name, unset ones too. The types are told in a small
//! language below; what it does not name is shown with the fields that are set.

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Map, Value, json};

use crate::base::diff::unified;
use crate::kube::api::patch::three_way::go_json;

/// Deepest nesting shown.
const MAX_DEPTH: usize = 32;

/// Fields of the pod that the internal types keep in its security context.
const HOST_FIELDS: [&str; 5] =
    ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

/// The fields of each type, in order: `Name:type`.
///
/// `s` text, `i` number, `b` bool, `q` quantity, `v` as it is, `{}` map, `[]` list of plain values;
/// `*` may be null, `[]T` a list of a type, `T` a type, `^T` the fields of a type in this place.
const TYPES: &[(&str, &str)] = &[
    (
        "PodSpec",
        "Volumes:[]Volume InitContainers:[]Container Containers:[]Container \
         EphemeralContainers:[]EphemeralContainer RestartPolicy:s \
         TerminationGracePeriodSeconds:* ActiveDeadlineSeconds:* DNSPolicy:s NodeSelector:{} \
         ServiceAccountName:s AutomountServiceAccountToken:* NodeName:s \
         SecurityContext:*PodSecurityContext ImagePullSecrets:[]Named Hostname:s Subdomain:s \
         SetHostnameAsFQDN:* Affinity:*Affinity SchedulerName:s Tolerations:[]Toleration \
         HostAliases:[]HostAlias PriorityClassName:s Priority:* PreemptionPolicy:* \
         DNSConfig:*DNSConfig ReadinessGates:[]ReadinessGate RuntimeClassName:* Overhead:{} \
         EnableServiceLinks:* TopologySpreadConstraints:[]Spread OS:*Named \
         SchedulingGates:[]Named ResourceClaims:[]PodClaim Resources:*Resources \
         HostnameOverride:*",
    ),
    (
        "Container",
        "Name:s Image:s Command:[] Args:[] WorkingDir:s Ports:[]Port EnvFrom:[]EnvFrom \
         Env:[]Env Resources:Resources ResizePolicy:[]ResizePolicy RestartPolicy:* \
         RestartPolicyRules:[]RestartRule VolumeMounts:[]Mount VolumeDevices:[]Device \
         LivenessProbe:*Probe ReadinessProbe:*Probe StartupProbe:*Probe Lifecycle:*Lifecycle \
         TerminationMessagePath:s TerminationMessagePolicy:s ImagePullPolicy:s \
         SecurityContext:*SecurityContext Stdin:b StdinOnce:b TTY:b",
    ),
    ("EphemeralContainer", "^Container TargetContainerName:s"),
    ("Named", "Name:s"),
    ("Pair", "Name:s Value:s"),
    ("Port", "Name:s HostPort:i ContainerPort:i Protocol:s HostIP:s"),
    ("EnvFrom", "Prefix:s ConfigMapRef:*Reference SecretRef:*Reference"),
    ("Reference", "Name:s Optional:*"),
    ("Env", "Name:s Value:s ValueFrom:*EnvSource"),
    (
        "EnvSource",
        "FieldRef:*FieldRef ResourceFieldRef:*ResourceRef ConfigMapKeyRef:*KeyRef \
         SecretKeyRef:*KeyRef FileKeyRef:*FileKeyRef",
    ),
    ("FieldRef", "APIVersion:s FieldPath:s"),
    ("ResourceRef", "ContainerName:s Resource:s Divisor:q"),
    ("KeyRef", "Name:s Key:s Optional:*"),
    ("FileKeyRef", "VolumeName:s Path:s Key:s Optional:*"),
    ("Resources", "Limits:{} Requests:{} Claims:[]Claim"),
    ("Claim", "Name:s Request:s"),
    ("ResizePolicy", "ResourceName:s RestartPolicy:s"),
    ("RestartRule", "Action:s ExitCodes:*ExitCodes"),
    ("ExitCodes", "Operator:s Values:[]"),
    (
        "Mount",
        "Name:s ReadOnly:b RecursiveReadOnly:* MountPath:s SubPath:s MountPropagation:* \
         SubPathExpr:s",
    ),
    ("Device", "Name:s DevicePath:s"),
    (
        "Probe",
        "Exec:*Exec HTTPGet:*HTTPGet TCPSocket:*TCPSocket GRPC:*GRPC InitialDelaySeconds:i \
         TimeoutSeconds:i PeriodSeconds:i SuccessThreshold:i FailureThreshold:i \
         TerminationGracePeriodSeconds:*",
    ),
    ("Exec", "Command:[]"),
    ("HTTPGet", "Path:s Port:v Host:s Scheme:s HTTPHeaders:[]Pair"),
    ("TCPSocket", "Port:v Host:s"),
    ("GRPC", "Port:i Service:*"),
    ("Lifecycle", "PostStart:*Handler PreStop:*Handler StopSignal:*"),
    ("Handler", "Exec:*Exec HTTPGet:*HTTPGet TCPSocket:*TCPSocket Sleep:*Sleep"),
    ("Sleep", "Seconds:i"),
    (
        "SecurityContext",
        "Capabilities:*Capabilities Privileged:* SELinuxOptions:*SELinux WindowsOptions:*Windows \
         RunAsUser:* RunAsGroup:* RunAsNonRoot:* ReadOnlyRootFilesystem:* \
         AllowPrivilegeEscalation:* ProcMount:* SeccompProfile:*Profile AppArmorProfile:*Profile",
    ),
    (
        "PodSecurityContext",
        "HostNetwork:b HostPID:b HostIPC:b ShareProcessNamespace:* HostUsers:* \
         SELinuxOptions:*SELinux WindowsOptions:*Windows RunAsUser:* RunAsGroup:* RunAsNonRoot:* \
         SupplementalGroups:[] SupplementalGroupsPolicy:* FSGroup:* FSGroupChangePolicy:* \
         Sysctls:[]Pair SeccompProfile:*Profile AppArmorProfile:*Profile SELinuxChangePolicy:*",
    ),
    ("Capabilities", "Add:[] Drop:[]"),
    ("SELinux", "User:s Role:s Type:s Level:s"),
    ("Windows", "GMSACredentialSpecName:* GMSACredentialSpec:* RunAsUserName:* HostProcess:*"),
    ("Profile", "Type:s LocalhostProfile:*"),
    ("Toleration", "Key:s Operator:s Value:s Effect:s TolerationSeconds:*"),
    ("HostAlias", "IP:s Hostnames:[]"),
    ("DNSConfig", "Nameservers:[] Searches:[] Options:[]DNSOption"),
    ("DNSOption", "Name:s Value:*"),
    ("ReadinessGate", "ConditionType:s"),
    ("PodClaim", "Name:s ResourceClaimName:* ResourceClaimTemplateName:*"),
    (
        "Spread",
        "MaxSkew:i TopologyKey:s WhenUnsatisfiable:s LabelSelector:* MinDomains:* \
         NodeAffinityPolicy:* NodeTaintsPolicy:* MatchLabelKeys:[]",
    ),
    (
        "Affinity",
        "NodeAffinity:*NodeAffinity PodAffinity:*PodAffinity PodAntiAffinity:*PodAffinity",
    ),
    (
        "NodeAffinity",
        "RequiredDuringSchedulingIgnoredDuringExecution:*NodeSelector \
         PreferredDuringSchedulingIgnoredDuringExecution:[]PreferredNode",
    ),
    ("NodeSelector", "NodeSelectorTerms:[]NodeTerm"),
    ("PreferredNode", "Weight:i Preference:NodeTerm"),
    ("NodeTerm", "MatchExpressions:[]Requirement MatchFields:[]Requirement"),
    ("Requirement", "Key:s Operator:s Values:[]"),
    (
        "PodAffinity",
        "RequiredDuringSchedulingIgnoredDuringExecution:[]PodTerm \
         PreferredDuringSchedulingIgnoredDuringExecution:[]PreferredPod",
    ),
    ("PreferredPod", "Weight:i PodAffinityTerm:PodTerm"),
    (
        "PodTerm",
        "LabelSelector:* Namespaces:[] TopologyKey:s NamespaceSelector:* MatchLabelKeys:[] \
         MismatchLabelKeys:[]",
    ),
    (
        "Volume",
        "Name:s HostPath:*HostPath EmptyDir:*EmptyDir GCEPersistentDisk:*Other \
         AWSElasticBlockStore:*Other GitRepo:*Other Secret:*SecretVolume NFS:*NFS ISCSI:*Other \
         Glusterfs:*Other PersistentVolumeClaim:*ClaimVolume RBD:*Other Quobyte:*Other \
         FlexVolume:*Other Cinder:*Other CephFS:*Other Flocker:*Other \
         DownwardAPI:*DownwardVolume FC:*Other AzureFile:*Other ConfigMap:*ConfigMapVolume \
         VsphereVolume:*Other AzureDisk:*Other PhotonPersistentDisk:*Other Projected:*Projected \
         PortworxVolume:*Other ScaleIO:*Other StorageOS:*Other CSI:*CSI Ephemeral:*Other \
         Image:*ImageVolume",
    ),
    ("HostPath", "Path:s Type:*"),
    ("EmptyDir", "Medium:s SizeLimit:*"),
    ("SecretVolume", "SecretName:s Items:[]KeyToPath DefaultMode:* Optional:*"),
    ("ConfigMapVolume", "Name:s Items:[]KeyToPath DefaultMode:* Optional:*"),
    ("KeyToPath", "Key:s Path:s Mode:*"),
    ("NFS", "Server:s Path:s ReadOnly:b"),
    ("ClaimVolume", "ClaimName:s ReadOnly:b"),
    ("DownwardVolume", "Items:[]DownwardFile DefaultMode:*"),
    ("DownwardFile", "Path:s FieldRef:*FieldRef ResourceFieldRef:*ResourceRef Mode:*"),
    ("Projected", "Sources:[]Projection DefaultMode:*"),
    (
        "Projection",
        "Secret:*ProjectedKeys DownwardAPI:*ProjectedDownward ConfigMap:*ProjectedKeys \
         ServiceAccountToken:*Token ClusterTrustBundle:*Other PodCertificate:*Other",
    ),
    ("ProjectedKeys", "Name:s Items:[]KeyToPath Optional:*"),
    ("ProjectedDownward", "Items:[]DownwardFile"),
    ("Token", "Audience:s ExpirationSeconds:i Path:s"),
    ("CSI", "Driver:s ReadOnly:* FSType:* VolumeAttributes:{} NodePublishSecretRef:*Named"),
    ("ImageVolume", "Reference:s PullPolicy:s"),
];

/// A unified diff of both specs.
#[must_use]
pub fn diff(old: &PodSpec, new: &PodSpec) -> String {
    unified(&shown(old), &shown(new))
}

/// A spec as Go prints the internal type, indented by single spaces.
fn shown(spec: &PodSpec) -> String {
    let mut value = serde_json::to_value(spec).unwrap_or(Value::Null);
    if let Some(map) = value.as_object_mut() {
        let moved: Vec<(&str, Value)> =
            HOST_FIELDS.iter().filter_map(|f| Some((*f, map.remove(*f)?))).collect();
        let context = map.entry("securityContext").or_insert_with(|| json!({}));
        if let Some(context) = context.as_object_mut() {
            context.extend(moved.into_iter().map(|(f, v)| (f.to_owned(), v)));
        }
    }
    let mut out = String::new();
    typed(&mut out, Some(&value), "PodSpec", 0);
    out.push('\n');
    out
}

/// A value of a type of the table.
fn typed(out: &mut String, value: Option<&Value>, name: &str, depth: usize) {
    let known = TYPES.iter().find(|(n, _)| *n == name).map(|(_, fields)| *fields);
    let Some(fields) = known.filter(|_| depth < MAX_DEPTH) else {
        plain(out, value.unwrap_or(&Value::Null), depth);
        return;
    };
    let empty = Map::new();
    let map = value.and_then(Value::as_object).unwrap_or(&empty);
    out.push('{');
    let mut first = true;
    for field in expanded(fields) {
        let (go, kind) = field.split_once(':').unwrap_or((field, "v"));
        entry(out, go, &mut first, depth);
        let value = map.iter().find(|(key, _)| key.eq_ignore_ascii_case(go)).map(|(_, v)| v);
        self::field(out, value.filter(|v| !v.is_null()), kind, depth + 1);
    }
    close(out, '}', depth);
}

/// The fields of a type, with those of the types it takes in.
fn expanded(fields: &'static str) -> Vec<&'static str> {
    let of = |name: &str| TYPES.iter().find(|(n, _)| *n == name).map_or("", |(_, f)| *f);
    let parts = fields.split_whitespace();
    parts
        .flat_map(|part| match part.strip_prefix('^') {
            Some(name) => of(name).split_whitespace().collect(),
            None => vec![part],
        })
        .collect()
}

fn field(out: &mut String, value: Option<&Value>, kind: &str, depth: usize) {
    match (kind, value) {
        ("s" | "i" | "b" | "v" | "q" | "{}" | "[]" | "*", Some(value)) => plain(out, value, depth),
        ("s", None) => out.push_str("\"\""),
        ("i" | "v", None) => out.push('0'),
        ("b", None) => out.push_str("false"),
        ("q", None) => out.push_str("\"0\""),
        (_, None) if kind.starts_with(['*', '[', '{']) => out.push_str("null"),
        (_, value) => match (kind.strip_prefix("[]"), value.and_then(Value::as_array)) {
            (Some(name), Some(items)) => {
                list(out, items, depth, |out, item, depth| typed(out, Some(item), name, depth));
            }
            _ => typed(out, value, kind.trim_start_matches(['*', '[', ']']), depth),
        },
    }
}

/// A value with the names of its own fields.
fn plain(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() && depth < MAX_DEPTH => {
            out.push('{');
            let mut first = true;
            for (key, value) in map {
                entry(out, key, &mut first, depth);
                plain(out, value, depth + 1);
            }
            close(out, '}', depth);
        }
        Value::Array(items) if !items.is_empty() && depth < MAX_DEPTH => {
            list(out, items, depth, plain);
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => out.push_str(&go_json(value)),
    }
}

fn list(
    out: &mut String,
    items: &[Value],
    depth: usize,
    each: impl Fn(&mut String, &Value, usize),
) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index == 0 { "\n" } else { ",\n" });
        out.push_str(&" ".repeat(depth + 1));
        each(out, item, depth + 1);
    }
    close(out, ']', depth);
}

fn entry(out: &mut String, name: &str, first: &mut bool, depth: usize) {
    out.push_str(if std::mem::take(first) { "\n" } else { ",\n" });
    out.push_str(&format!("{}{}: ", " ".repeat(depth + 1), go_json(&json!(name))));
}

fn close(out: &mut String, bracket: char, depth: usize) {
    out.push('\n');
    out.push_str(&" ".repeat(depth));
    out.push(bracket);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(value: Value) -> PodSpec {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_type_is_known() {
        for (name, fields) in TYPES {
            for field in fields.split_whitespace() {
                let kind = field.split_once(':').map_or(field, |(_, kind)| kind);
                let of = kind.trim_start_matches(['*', '[', ']', '^', '{', '}']);
                let known = matches!(of, "" | "s" | "i" | "b" | "v" | "q" | "Other")
                    || TYPES.iter().any(|(n, _)| *n == of);
                assert!(known, "{name}: {field}");
            }
        }
    }

    #[test]
    fn lines_are_those_of_the_internal_type() {
        // The volume that admission adds; recorded: the containers of such a pod begin at line 92.
        let token = json!({"name": "token", "projected": {"defaultMode": 420, "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt",
                           "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace",
                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]}});
        let of = |seconds: i64, cpu: Option<&str>| {
            let mut container = json!({"name": "nginx", "image": "nginx:1.28"});
            if let Some(cpu) = cpu {
                container["resources"] = json!({"requests": {"cpu": cpu}});
            }
            spec(json!({"volumes": [token], "containers": [container], "restartPolicy": "Always",
                "terminationGracePeriodSeconds": seconds, "dnsPolicy": "ClusterFirst"}))
        };
        assert_eq!(
            diff(&of(30, None), &of(30, Some("1"))),
            "@@ -101,7 +101,9 @@\n    \"Env\": null,\n    \"Resources\": {\n     \
             \"Limits\": null,\n-    \"Requests\": null,\n+    \"Requests\": {\n\
             +     \"cpu\": \"1\"\n+    },\n     \"Claims\": null\n    },\n    \"ResizePolicy\": null,\n"
        );
        let grace = diff(&of(30, None), &of(5, None));
        assert!(grace.starts_with("@@ -124,7 +124,7 @@\n  ],\n  \"EphemeralContainers\": null,\n"));
        assert!(grace.contains("\n- \"TerminationGracePeriodSeconds\": 30,\n+ \"Term"), "{grace}");
    }
}
