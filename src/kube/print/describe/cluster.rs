//! `kubectl describe` of PriorityClasses and of roles and their bindings.

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding};
use k8s_openapi::api::rbac::v1::{RoleRef, Subject};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Around, Lines, text};

/// `kubectl describe priorityclass`.
#[must_use]
pub fn priority_class(of: &PriorityClass, around: Around<'_>) -> String {
    let mut w = Lines::default();
    w.field("Name", text(of.metadata.name.as_ref()));
    w.field("Value", of.value.unwrap_or(0).to_string());
    w.field("GlobalDefault", of.global_default.unwrap_or(false).to_string());
    let policy = of.preemption_policy.as_deref().unwrap_or("PreemptLowerPriority");
    w.field("PreemptionPolicy", policy);
    w.field("Description", text(of.description.as_ref()));
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.events(around);
    w.finish()
}

/// `kubectl describe role`.
#[must_use]
pub fn role(of: &Role) -> String {
    rules(&of.metadata, of.rules.as_deref().unwrap_or_default())
}

/// `kubectl describe clusterrole`.
#[must_use]
pub fn cluster_role(of: &ClusterRole) -> String {
    rules(&of.metadata, of.rules.as_deref().unwrap_or_default())
}

fn rules(meta: &ObjectMeta, rules: &[PolicyRule]) -> String {
    let mut w = Lines::default();
    w.field("Name", text(meta.name.as_ref()));
    w.labels("Labels", meta.labels.as_ref());
    w.annotations("Annotations", meta.annotations.as_ref());
    w.at(0, "PolicyRule:");
    w.at(1, "Resources\tNon-Resource URLs\tResource Names\tVerbs");
    w.at(1, "---------\t-----------------\t--------------\t-----");
    let list = |l: Option<&Vec<String>>| l.map(|l| l.join(" ")).unwrap_or_default();
    for rule in rules {
        let groups = rule.api_groups.clone().unwrap_or_default();
        let group = groups.first().map_or("", String::as_str);
        for resource in rule.resources.iter().flatten() {
            let dot = if group.is_empty() { String::new() } else { format!(".{group}") };
            let names = list(rule.resource_names.as_ref());
            w.at(1, format!("{resource}{dot}\t[]\t[{names}]\t[{}]", rule.verbs.join(" ")));
        }
        if let Some(urls) = rule.non_resource_urls.as_ref() {
            let verbs = rule.verbs.join(" ");
            w.at(1, format!("\t[{}]\t[]\t[{verbs}]", list(Some(urls))));
        }
    }
    w.finish()
}

/// `kubectl describe rolebinding`.
#[must_use]
pub fn role_binding(of: &RoleBinding) -> String {
    binding(&of.metadata, &of.role_ref, of.subjects.as_deref().unwrap_or_default())
}

/// `kubectl describe clusterrolebinding`.
#[must_use]
pub fn cluster_role_binding(of: &ClusterRoleBinding) -> String {
    binding(&of.metadata, &of.role_ref, of.subjects.as_deref().unwrap_or_default())
}

fn binding(meta: &ObjectMeta, role: &RoleRef, subjects: &[Subject]) -> String {
    let mut w = Lines::default();
    w.field("Name", text(meta.name.as_ref()));
    w.labels("Labels", meta.labels.as_ref());
    w.annotations("Annotations", meta.annotations.as_ref());
    w.at(0, "Role:");
    w.at(1, format!("Kind:\t{}", role.kind));
    w.at(1, format!("Name:\t{}", role.name));
    w.at(0, "Subjects:");
    w.at(1, "Kind\tName\tNamespace");
    w.at(1, "----\t----\t---------");
    for s in subjects {
        w.at(1, format!("{}\t{}\t{}", s.kind, s.name, text(s.namespace.as_ref())));
    }
    w.finish()
}
