//! `kubectl describe` of ConfigMaps, Secrets and ServiceAccounts.

use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};

use super::{Around, Lines, or_none, text};

/// `kubectl describe configmap`.
#[must_use]
pub fn config_map(of: &ConfigMap, around: Around<'_>) -> String {
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.raw("\nData\n====\n");
    for (key, value) in of.data.iter().flatten() {
        w.raw(&format!("{key}:\n----\n{value}\n\n"));
    }
    w.raw("\nBinaryData\n====\n");
    for (key, value) in of.binary_data.iter().flatten() {
        w.raw(&format!("{key}: {} bytes\n", value.0.len()));
    }
    w.raw("\n");
    w.events(around);
    w.finish()
}

/// `kubectl describe secret`: only the sizes of its values.
#[must_use]
pub fn secret(of: &Secret) -> String {
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    w.raw("\n");
    w.field("Type", text(of.type_.as_ref()));
    w.raw("\nData\n====\n");
    for (key, value) in of.data.iter().flatten() {
        w.field(key, format!("{} bytes", value.0.len()));
    }
    w.finish()
}

/// `kubectl describe serviceaccount`.
#[must_use]
pub fn service_account(of: &ServiceAccount, around: Around<'_>) -> String {
    let mut w = Lines::default();
    w.head(&of.metadata);
    w.labels("Labels", of.metadata.labels.as_ref());
    w.annotations("Annotations", of.metadata.annotations.as_ref());
    let pull: Vec<&str> = of.image_pull_secrets.iter().flatten().map(|s| s.name.as_str()).collect();
    w.field("Image pull secrets", or_none(&pull.join(", ")));
    let mount: Vec<&str> = of.secrets.iter().flatten().map(|s| text(s.name.as_ref())).collect();
    w.field("Mountable secrets", or_none(&mount.join(", ")));
    w.field("Tokens", "<none>");
    w.events(around);
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;
    use serde_json::json;

    #[test]
    fn data_with_rulers() {
        let of: ConfigMap = serde_json::from_value(json!({
            "metadata": {"name": "c2", "namespace": "d"}, "data": {"a": "1", "b": "2"}
        }))
        .unwrap();
        assert_eq!(
            config_map(&of, Around { now: SimTime::ZERO, events: Some(&[]) }),
            "Name:         c2\nNamespace:    d\nLabels:       <none>\nAnnotations:  <none>\n\n\
             Data\n====\na:\n----\n1\n\nb:\n----\n2\n\n\nBinaryData\n====\n\nEvents:  <none>\n"
        );
        let of: Secret = serde_json::from_value(json!({
            "metadata": {"name": "g", "namespace": "d"}, "type": "Opaque", "data": {"user": "eA=="}
        }))
        .unwrap();
        assert!(secret(&of).ends_with("\nType:  Opaque\n\nData\n====\nuser:  1 bytes\n"));
    }
}
