//! Which image a container needs and whether it must be pulled: names, policies, texts, queue.
//!
//! Models kubernetes `pkg/kubelet/images/image_manager.go`, `puller.go` (serial) and
//! `distribution/reference`. Left out: pull secrets, registry qps, parallel pulls.

use std::collections::VecDeque;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;

use crate::base::time::{SimDuration, SimTime};
use crate::machine::PullError;

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullPolicy {
    /// Before every start.
    Always,
    /// Only if it is not there.
    IfNotPresent,
    /// Never.
    Never,
}

impl PullPolicy {
    /// Of a container (the API server has filled in the default).
    #[must_use]
    pub fn of(container: &core::Container) -> Self {
        match container.image_pull_policy.as_deref() {
            Some("Always") => Self::Always,
            Some("Never") => Self::Never,
            _ => Self::IfNotPresent,
        }
    }
}

/// An image name that is no reference: the error of `distribution/reference`.
///
/// # Errors
/// The text after `couldn't parse image name "…": `.
pub fn check_name(image: &str) -> Result<(), String> {
    let (rest, digest) = match image.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (image, None),
    };
    let (domain, remote) = match rest.split_once('/') {
        Some((first, more))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.chars().any(char::is_uppercase) =>
        {
            (first, more.to_owned())
        }
        _ if rest.contains('/') => ("docker.io", rest.to_owned()),
        _ => ("docker.io", format!("library/{rest}")),
    };
    let (path, tag) = match remote.rsplit_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (remote.as_str(), None),
    };
    if path.chars().any(|c| c.is_ascii_uppercase()) {
        return Err(format!(
            "invalid reference format: repository name ({path}) must be lowercase"
        ));
    }
    let good_tag = tag.is_none_or(|t| {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        t.len() <= 128 && t.starts_with(word) && t.chars().all(|c| word(c) || c == '.' || c == '-')
    });
    let good_digest = digest.is_none_or(|d| {
        d.split_once(':')
            .is_some_and(|(_, hex)| hex.len() >= 32 && hex.chars().all(|c| c.is_ascii_hexdigit()))
    });
    if domain.is_empty() || !good_tag || !good_digest || !path.split('/').all(good_component) {
        return Err("invalid reference format".to_owned());
    }
    Ok(())
}

/// One path component: words of `[a-z0-9]` joined by `.`, `_`, `__` or dashes.
fn good_component(part: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let inner = |c: char| edge(c) || matches!(c, '.' | '_' | '-');
    let doubled = [".", "_-", "-_", "___"].iter().any(|bad| match *bad {
        "." => part.contains("..") || part.contains("._") || part.contains("_."),
        bad => part.contains(bad),
    });
    part.starts_with(edge) && part.ends_with(edge) && part.chars().all(inner) && !doubled
}

/// Message of `InvalidImageName` and its event.
#[must_use]
pub fn invalid_name(image: &str, error: &str) -> String {
    format!(
        "Failed to apply default image tag \"{image}\": couldn't parse image name \"{image}\": {error}"
    )
}

/// `docker.io/library/nginx:1.27`: the name as containerd knows it.
#[must_use]
pub fn full_name(image: &str) -> String {
    let reference = crate::machine::Reference::parse(image);
    let repository = if !reference.registry.is_empty() {
        format!("{}/{}", reference.registry, reference.path)
    } else if reference.path.contains('/') {
        format!("docker.io/{}", reference.path)
    } else {
        format!("docker.io/library/{}", reference.path)
    };
    if reference.tag.is_empty() {
        format!("{repository}@{}", reference.digest)
    } else {
        format!("{repository}:{}", reference.tag)
    }
}

/// Name without tag or digest, for the image id.
#[must_use]
pub fn repository_of(full: &str) -> &str {
    let cut = full.split_once('@').map_or(full, |(name, _)| name);
    match cut.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => cut,
    }
}

/// containerd's text for a pull that failed.
#[must_use]
pub fn pull_error_text(image: &str, error: &PullError) -> String {
    let full = full_name(image);
    let head = |code: &str| {
        format!("rpc error: code = {code} desc = failed to pull and unpack image \"{full}\": ")
    };
    match error {
        PullError::AccessDenied | PullError::ManifestUnknown => {
            format!("{}failed to resolve image: {full}: not found", head("NotFound"))
        }
        PullError::TooManyRequests => format!(
            "{}failed to copy: httpReadSeeker: failed open: unexpected status from GET request: \
             429 Too Many Requests: toomanyrequests: You have reached your unauthenticated pull \
             rate limit. https://www.docker.com/increase-rate-limit",
            head("Unknown")
        ),
        PullError::NoSuchRegistry { registry } => format!(
            "{}failed to resolve image: failed to do request: Head \"https://{registry}/v2/\": \
             dial tcp: lookup {registry}: no such host",
            head("Unknown")
        ),
        PullError::Unreachable { registry } => format!(
            "{}failed to resolve image: failed to do request: Head \"https://{registry}/v2/\": \
             dial tcp: i/o timeout",
            head("Unknown")
        ),
    }
}

/// Event text of a pull that succeeded. Times are cut to milliseconds.
#[must_use]
pub fn pulled_text(image: &str, took: SimDuration, waited: SimDuration, bytes: u64) -> String {
    let cut = |d: SimDuration| SimDuration::from_millis(d.as_millis()).go_string();
    format!(
        "Successfully pulled image \"{image}\" in {} ({} including waiting). Image size: {bytes} \
         bytes.",
        cut(took),
        cut(waited)
    )
}

/// Event text for an image that is there.
#[must_use]
pub fn present_text(image: &str) -> String {
    format!("Container image \"{image}\" already present on machine and can be accessed by the pod")
}

/// Text for an image that is not there and must not be pulled.
#[must_use]
pub fn never_text(image: &str) -> String {
    format!("Container image \"{image}\" is not present with pull policy of Never")
}

/// A pull that some pod waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub ticket: u64,
    /// Pod that waits.
    pub uid: Arc<str>,
    /// Image as the container names it.
    pub image: Arc<str>,
    /// When it was asked for.
    pub asked: SimTime,
    /// When it began.
    pub began: SimTime,
}

/// Pulls of one node, one at a time (`serializeImagePulls`).
#[derive(Clone, Debug, Default)]
pub struct PullQueue {
    active: Option<Pull>,
    waiting: VecDeque<Pull>,
    last_ticket: u64,
}

impl PullQueue {
    /// Ask for a pull; true if it can begin now.
    pub fn ask(&mut self, uid: &Arc<str>, image: &str, now: SimTime) -> u64 {
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let pull = Pull { ticket, uid: uid.clone(), image: image.into(), asked: now, began: now };
        self.waiting.push_back(pull);
        ticket
    }

    /// The next pull to begin, if none runs.
    pub fn begin(&mut self, now: SimTime) -> Option<Pull> {
        if self.active.is_some() {
            return None;
        }
        let mut pull = self.waiting.pop_front()?;
        pull.began = now;
        self.active = Some(pull.clone());
        Some(pull)
    }

    /// The running pull ended.
    pub fn end(&mut self, ticket: u64) -> Option<Pull> {
        if self.active.as_ref()?.ticket == ticket { self.active.take() } else { None }
    }

    /// The kubelet stopped.
    pub fn clear(&mut self) -> Option<Pull> {
        self.waiting.clear();
        self.active.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["nginx", "nginx:1.27", "a/b:2", "ghcr.io/x/y-z:v1.0_2", "localhost:5000/a"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        let upper = "invalid reference format: repository name (library/Nginx) must be lowercase";
        assert_eq!(check_name("Nginx:1.27"), Err(upper.to_owned()));
        for bad in ["nginx:", "nginx::1", "a//b", "-x", "nginx:a b", ""] {
            assert_eq!(check_name(bad), Err("invalid reference format".to_owned()), "{bad}");
        }
        assert_eq!(full_name("nginx"), "docker.io/library/nginx:latest");
        assert_eq!(full_name("ghcr.io/a/b:1"), "ghcr.io/a/b:1");
        assert_eq!(repository_of("docker.io/library/nginx:1.27"), "docker.io/library/nginx");
    }

    #[test]
    fn pulled_event() {
        let text = pulled_text(
            "nginx:1.28",
            SimDuration::from_micros(143_999),
            SimDuration::from_millis(1_390),
            1_150_446,
        );
        let want = "Successfully pulled image \"nginx:1.28\" in 143ms (1.39s including waiting). \
                    Image size: 1150446 bytes.";
        assert_eq!(text, want);
    }

    #[test]
    fn one_pull_at_a_time() {
        let mut queue = PullQueue::default();
        let a = queue.ask(&"a".into(), "x", SimTime(1));
        let b = queue.ask(&"b".into(), "y", SimTime(2));
        assert_eq!(queue.begin(SimTime(3)).map(|p| p.ticket), Some(a));
        assert_eq!(queue.begin(SimTime(3)), None);
        assert!(queue.end(b).is_none());
        assert!(queue.end(a).is_some());
        assert_eq!(queue.begin(SimTime(9)).map(|p| p.began), Some(SimTime(9)));
    }
}
