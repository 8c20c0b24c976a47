//! Completion indexes of an Indexed Job.
//!
//! Models kubernetes `pkg/controller/job/indexed_job_utils.go` @v1.36.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Pod;

use crate::kube::controllers::job::{View, by_index};

/// Annotation and label of a pod: its index.
pub const INDEX: &str = "batch.kubernetes.io/job-completion-index";
/// Most indexes read from a text.
const MAX_INDEXES: usize = 100_000;

/// The index of a pod.
#[must_use]
pub fn of(pod: &Pod) -> Option<i32> {
    pod.metadata.annotations.as_ref()?.get(INDEX)?.parse().ok()
}

/// Indexes that the status says are complete.
#[must_use]
pub fn completed(view: &View<'_>) -> BTreeSet<i32> {
    let status = view.job.status.as_ref();
    parse(status.and_then(|s| s.completed_indexes.as_deref()).unwrap_or(""))
}

/// Read `0-2,4`.
#[must_use]
pub fn parse(text: &str) -> BTreeSet<i32> {
    let mut all = BTreeSet::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(from), Ok(to)) = (from.parse::<i32>(), to.parse::<i32>()) {
            all.extend((from..=to).take(MAX_INDEXES));
        }
    }
    all
}

/// Print as `0-2,4`.
#[must_use]
pub fn text(indexes: &BTreeSet<i32>) -> String {
    let mut runs: Vec<(i32, i32)> = Vec::new();
    for index in indexes {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == *index => *end = *index,
            _ => runs.push((*index, *index)),
        }
    }
    let print = |(from, to): &(i32, i32)| match to - from {
        0 => from.to_string(),
        1 => format!("{from},{to}"),
        _ => format!("{from}-{to}"),
    };
    runs.iter().map(print).collect::<Vec<_>>().join(",")
}

/// The lowest indexes that neither ended nor have a pod.
#[must_use]
pub fn missing(view: &View<'_>, count: usize) -> Vec<i32> {
    let mut taken = completed(view);
    taken.extend(by_index::failed(view));
    for (_, pod) in &view.pods {
        let failed = crate::kube::controllers::pods::phase(pod) == "Failed";
        let gone = pod.metadata.deletion_timestamp.is_some() && !view.only_replaces_failed();
        if !failed && !gone {
            taken.extend(of(pod));
        }
    }
    let all = 0..view.spec.completions.unwrap_or(0);
    all.filter(|index| !taken.contains(index)).take(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (list, printed) in [
            (vec![0, 1, 2, 4], "0-2,4"),
            (vec![0, 1], "0,1"),
            (vec![5], "5"),
            (vec![], ""),
            (vec![0, 1, 2, 3, 7, 8, 9], "0-3,7-9"),
        ] {
            let set: BTreeSet<i32> = list.into_iter().collect();
            assert_eq!(text(&set), printed);
            assert_eq!(parse(printed), set);
        }
    }
}
