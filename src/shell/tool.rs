//! The command-line tools that a terminal can run as jobs.

use crate::shell::job::{Io, Reading, Wake};
use crate::shell::unix;
use crate::shell::{compose, docker, kubectl};

/// A running tool.
#[derive(Clone, Debug)]
pub enum Tool {
    /// `docker …`.
    Docker(Box<docker::Job>),
    /// `docker compose …`, `docker-compose …`.
    Compose(Box<compose::Job>),
    /// `kubectl …`.
    Kubectl(Box<kubectl::Job>),
    /// `curl`, `wget`, `nc`, `ping`, `nslookup`.
    Unix(Box<unix::Job>),
}

/// Names of the tools, for completion.
pub const NAMES: [&str; 10] =
    ["curl", "dig", "docker", "docker-compose", "k", "kubectl", "nc", "nslookup", "ping", "wget"];

impl Tool {
    /// The tool that a command line names, if it is one.
    #[must_use]
    pub fn new(argv: &[String]) -> Option<Self> {
        let name = argv.first()?;
        let name = name.rsplit('/').next().unwrap_or(name);
        match name {
            "docker" => Some(match compose_arguments(argv) {
                Some(rest) => Self::Compose(Box::new(compose::Job::new(rest))),
                None => Self::Docker(Box::new(docker::Job::new(argv.to_vec()))),
            }),
            "docker-compose" => {
                let rest = argv.iter().skip(1).cloned().collect();
                Some(Self::Compose(Box::new(compose::Job::new(rest))))
            }
            "kubectl" | "k" => Some(Self::Kubectl(Box::new(kubectl::Job::new(argv.to_vec())))),
            _ => unix::Job::new(argv).map(|job| Self::Unix(Box::new(job))),
        }
    }

    /// Whether it reads what is typed while it runs, at a terminal with a screen or without.
    #[must_use]
    pub fn reading(&self, tty: bool) -> Reading {
        match self {
            Self::Docker(job) => job.reading(),
            Self::Compose(job) if tty => job.reading(),
            Self::Kubectl(job) => job.reading(),
            Self::Compose(_) | Self::Unix(_) => Reading::No,
        }
    }

    /// Let it go on.
    pub fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        match self {
            Self::Docker(job) => job.resume(wake, io),
            Self::Compose(job) => job.resume(wake, io),
            Self::Kubectl(job) => job.resume(wake, io),
            Self::Unix(job) => job.resume(wake, io),
        }
    }
}

/// What follows `compose` in `docker [global flags] compose …`.
fn compose_arguments(argv: &[String]) -> Option<Vec<String>> {
    let mut rest = argv.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "compose" => return Some(rest.cloned().collect()),
            // Global flags of docker that take a value.
            "-H" | "--host" | "-c" | "--context" | "--config" | "-l" | "--log-level" => {
                rest.next()?;
            }
            flag if flag.starts_with('-') => {}
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn compose_is_found_behind_global_flags() {
        assert_eq!(compose_arguments(&words("docker -H x compose up -d")), Some(words("up -d")));
        assert_eq!(compose_arguments(&words("docker run compose")), None);
        assert!(Tool::new(&words("nosuch")).is_none());
    }
}
