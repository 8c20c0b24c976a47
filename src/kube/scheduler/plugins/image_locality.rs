//! A preference for nodes that have the images already.
//!
//! Models `plugins/imagelocality` @v1.36.

use crate::kube::scheduler::cache::NodeInfo;
use crate::kube::scheduler::plugins::{MAX_SCORE, Plugin, Scoring};

/// Below this nothing counts.
const MIN_BYTES: i64 = 23 * 1024 * 1024;
/// From this on, per container, the score is full.
const MAX_BYTES: i64 = 1000 * 1024 * 1024;

/// The plugin.
#[derive(Clone, Copy, Debug)]
pub struct ImageLocality;

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }

    fn weight(&self) -> i64 {
        1
    }

    fn score(&self, scoring: &Scoring<'_>, node: &NodeInfo) -> Option<i64> {
        let total = i64::try_from(scoring.snapshot.nodes.len()).ok().filter(|n| *n > 0)?;
        let sum: i64 = scoring
            .pod
            .images
            .iter()
            .map(|image| {
                let name = normalized(image);
                let size = node.facts.images.get(&name).copied().unwrap_or(0);
                let having = scoring.snapshot.image_nodes.get(&name).copied().unwrap_or(0);
                size.saturating_mul(having) / total
            })
            .sum();
        let most = MAX_BYTES * i64::try_from(scoring.pod.images.len().max(1)).ok()?;
        let sum = sum.clamp(MIN_BYTES, most);
        Some(MAX_SCORE * (sum - MIN_BYTES) / (most - MIN_BYTES))
    }
}

/// A name without a tag means `latest`.
fn normalized(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains(':') || image.contains('@') {
        image.to_owned()
    } else {
        format!("{image}:latest")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_is_implied() {
        assert_eq!(normalized("nginx"), "nginx:latest");
        assert_eq!(normalized("r:5000/nginx"), "r:5000/nginx:latest");
        assert_eq!(normalized("r:5000/nginx:1"), "r:5000/nginx:1");
    }
}
