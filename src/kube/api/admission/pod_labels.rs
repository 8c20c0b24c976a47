//! PodTopologyLabels: a bound pod carries its node's zone and region.

use std::collections::BTreeMap;

/// The labels that are copied.
const COPIED: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

/// Copy the labels of the node.
pub fn copy(from: &BTreeMap<String, String>, to: &mut Option<BTreeMap<String, String>>) {
    for label in COPIED {
        if let Some(value) = from.get(label) {
            to.get_or_insert_default().insert(label.to_owned(), value.clone());
        }
    }
}
