//! `kubectl api-resources` and `kubectl api-versions`.
//!
//! Kinds that the simulated server does not store are listed too, as the real one would.

use super::call::{Call, Run};
use super::flags::{Flag, Takes};
use super::verbs::Verb;
use crate::base::table::tabwriter;
use crate::kube::kinds::Kind;

pub(super) const VERB: Verb = Verb {
    path: "api-resources",
    usage: "[flags]",
    about: "List the kinds of the server",
    flags: &[FLAGS],
    required: &[],
    run,
};

pub(super) const VERSIONS: Verb = Verb {
    path: "api-versions",
    usage: "",
    about: "List the versions of the API",
    flags: &[],
    required: &[],
    run: versions,
};

const FLAGS: &[Flag] = &[
    Flag::new("api-group", Takes::Text, "Only this group"),
    Flag::new("namespaced", Takes::Bool, "Only kinds in namespaces, or only others").or("true"),
    Flag::new("no-headers", Takes::Bool, "Without names of columns"),
    Flag::new("output", Takes::Text, "name or wide").short('o'),
    Flag::new("verbs", Takes::List, "Only kinds with these verbs"),
    Flag::new("categories", Takes::List, "Only kinds of these categories"),
    Flag::new("sort-by", Takes::Text, "name or kind"),
    Flag::new("cached", Takes::Bool, "Use what is known"),
];

/// Kinds of a real server that are not stored here: name, short names, version, namespaced, kind
/// (`kubectl api-resources` of v1.36).
const OTHERS: &[(&str, &str, &str, bool, &str)] = &[
    ("bindings", "", "v1", true, "Binding"),
    ("componentstatuses", "cs", "v1", false, "ComponentStatus"),
    ("mutatingadmissionpolicies", "", ADMISSION, false, "MutatingAdmissionPolicy"),
    ("mutatingadmissionpolicybindings", "", ADMISSION, false, "MutatingAdmissionPolicyBinding"),
    ("validatingadmissionpolicies", "", ADMISSION, false, "ValidatingAdmissionPolicy"),
    ("validatingadmissionpolicybindings", "", ADMISSION, false, "ValidatingAdmissionPolicyBinding"),
    ("apiservices", "", "apiregistration.k8s.io/v1", false, "APIService"),
    ("selfsubjectreviews", "", "authentication.k8s.io/v1", false, "SelfSubjectReview"),
    ("tokenreviews", "", "authentication.k8s.io/v1", false, "TokenReview"),
    ("localsubjectaccessreviews", "", AUTHORIZATION, true, "LocalSubjectAccessReview"),
    ("selfsubjectaccessreviews", "", AUTHORIZATION, false, "SelfSubjectAccessReview"),
    ("selfsubjectrulesreviews", "", AUTHORIZATION, false, "SelfSubjectRulesReview"),
    ("subjectaccessreviews", "", AUTHORIZATION, false, "SubjectAccessReview"),
    ("events", "ev", "events.k8s.io/v1", true, "Event"),
    ("flowschemas", "", "flowcontrol.apiserver.k8s.io/v1", false, "FlowSchema"),
    (
        "prioritylevelconfigurations",
        "",
        "flowcontrol.apiserver.k8s.io/v1",
        false,
        "PriorityLevelConfiguration",
    ),
    ("ipaddresses", "ip", "networking.k8s.io/v1", false, "IPAddress"),
    ("servicecidrs", "", "networking.k8s.io/v1", false, "ServiceCIDR"),
    ("deviceclasses", "", "resource.k8s.io/v1", false, "DeviceClass"),
    ("resourceclaims", "", "resource.k8s.io/v1", true, "ResourceClaim"),
    ("resourceclaimtemplates", "", "resource.k8s.io/v1", true, "ResourceClaimTemplate"),
    ("resourceslices", "", "resource.k8s.io/v1", false, "ResourceSlice"),
    ("csistoragecapacities", "", "storage.k8s.io/v1", true, "CSIStorageCapacity"),
    ("volumeattributesclasses", "vac", "storage.k8s.io/v1", false, "VolumeAttributesClass"),
];

const ADMISSION: &str = "admissionregistration.k8s.io/v1";
const AUTHORIZATION: &str = "authorization.k8s.io/v1";

/// One line: group to sort by, then the cells.
fn all() -> Vec<(String, [String; 5], Vec<&'static str>)> {
    let mut lines: Vec<(String, [String; 5], Vec<&'static str>)> = Kind::ALL
        .iter()
        .map(|kind| {
            let info = kind.info();
            let version = kind.api_version().to_string();
            let cells = [
                info.plural.to_owned(),
                info.short.join(","),
                version,
                kind.namespaced().to_string(),
                info.name.to_owned(),
            ];
            (info.group.to_owned(), cells, info.categories.to_vec())
        })
        .collect();
    for (name, short, version, namespaced, kind) in OTHERS {
        let group = version.split_once('/').map_or("", |(g, _)| g);
        let cells = [
            (*name).to_owned(),
            (*short).to_owned(),
            (*version).to_owned(),
            namespaced.to_string(),
            (*kind).to_owned(),
        ];
        lines.push((group.to_owned(), cells, Vec::new()));
    }
    // The core group first, then groups and names in their order, as the original sorts.
    lines.sort_by(|a, b| (&a.0, &a.1[0]).cmp(&(&b.0, &b.1[0])));
    lines
}

fn run(call: &mut Call<'_, '_>) -> Run<()> {
    let flags = call.flags;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let names = flags.text("output") == "name";
    if !flags.on("no-headers") && !names {
        let heads = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"];
        rows.push(heads.map(str::to_owned).to_vec());
    }
    for (group, cells, categories) in all() {
        let [plural, _, _, namespaced, _] = &cells;
        let wrong_group = flags.has("api-group") && flags.text("api-group") != group;
        let wrong_scope =
            flags.has("namespaced") && (namespaced == "true") != flags.on("namespaced");
        let asked = flags.all("categories");
        let wrong_category = asked.iter().any(|c| !categories.contains(&c.as_str()));
        if wrong_group || wrong_scope || wrong_category {
            continue;
        }
        if names {
            let dot = if group.is_empty() { "" } else { "." };
            rows.push(vec![format!("{plural}{dot}{group}")]);
        } else {
            rows.push(cells.to_vec());
        }
    }
    call.out(tabwriter(&rows, 6, 3));
    Ok(())
}

fn versions(call: &mut Call<'_, '_>) -> Run<()> {
    let mut versions: Vec<String> = all().into_iter().map(|(_, [_, _, v, ..], _)| v).collect();
    versions.sort();
    versions.dedup();
    for version in versions {
        call.line(version);
    }
    Ok(())
}
