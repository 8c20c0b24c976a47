//! The short form of mounts: `[source:]target[:options]`.
//!
//! Models `compose-go format/volume.go`.

use serde_json::{Map, Value, json};

/// A mount in its long form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mount {
    /// `bind` or `volume`.
    pub(super) kind: &'static str,
    /// Name or path; empty for an anonymous volume.
    pub(super) source: String,
    /// Path in the container.
    pub(super) target: String,
    read_only: bool,
    nocopy: bool,
    propagation: Option<String>,
    selinux: Option<String>,
    short: bool,
}

const PROPAGATIONS: &[&str] = &["rprivate", "private", "rshared", "shared", "rslave", "slave"];

/// The mount that a short form means.
///
/// # Errors
/// The text of the real parser.
pub(super) fn parse(spec: &str) -> Result<Mount, String> {
    let mut mount = Mount { kind: "volume", ..Mount::default() };
    match spec.len() {
        0 => return Err("invalid empty volume spec".to_owned()),
        1 | 2 => {
            mount.target = spec.to_owned();
            mount.short = true;
            return Ok(mount);
        }
        _ => {}
    }
    let sections = sections(spec);
    let last = sections.len() - 1;
    for (index, section) in sections.iter().enumerate() {
        mount.fill(section, index == last).map_err(|why| format!("invalid spec: {spec}: {why}"))?;
    }
    if is_path(&mount.source) {
        mount.kind = "bind";
    }
    Ok(mount)
}

/// The parts between colons; a single letter before a colon is a Windows drive.
fn sections(spec: &str) -> Vec<String> {
    let mut sections = Vec::new();
    let mut part = String::new();
    for c in spec.chars() {
        let drive = part.chars().count() == 1 && part.chars().all(char::is_alphabetic);
        if c == ':' && !drive {
            sections.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    sections.push(part);
    sections
}

impl Mount {
    fn fill(&mut self, section: &str, last: bool) -> Result<(), &'static str> {
        if section.is_empty() {
            return Err("empty section between colons");
        }
        if self.source.is_empty() && self.target.is_empty() {
            let slot = if last { &mut self.target } else { &mut self.source };
            section.clone_into(slot);
            return Ok(());
        }
        if self.target.is_empty() {
            section.clone_into(&mut self.target);
            return Ok(());
        }
        if !last {
            return Err("too many colons");
        }
        for option in section.split(',') {
            match option {
                "ro" => self.read_only = true,
                "rw" => self.read_only = false,
                "nocopy" => self.nocopy = true,
                "z" | "Z" => self.selinux = Some(option.to_owned()),
                option if PROPAGATIONS.contains(&option) => {
                    self.propagation = Some(option.to_owned());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The long form of a mount that `run --volume` names; sources are relative to a folder, and a
    /// name is the engine's own.
    fn absolute(mut self, folder: &str) -> Value {
        if self.kind == "bind" && !self.source.starts_with('/') {
            self.source = super::values::clean(&format!("{folder}/{}", self.source));
        }
        self.long()
    }

    /// The long form as a model has it.
    pub(super) fn long(&self) -> Value {
        let mut map = Map::new();
        map.insert("type".to_owned(), json!(self.kind));
        if !self.source.is_empty() {
            map.insert("source".to_owned(), json!(self.source));
        }
        map.insert("target".to_owned(), json!(super::values::clean(&self.target)));
        if self.read_only {
            map.insert("read_only".to_owned(), json!(true));
        }
        let mut bind = Map::new();
        if let Some(propagation) = &self.propagation {
            bind.insert("propagation".to_owned(), json!(propagation));
        }
        if let Some(selinux) = &self.selinux {
            bind.insert("selinux".to_owned(), json!(selinux));
        }
        if self.kind == "bind" {
            bind.insert("create_host_path".to_owned(), json!(true));
        }
        if !bind.is_empty() {
            map.insert("bind".to_owned(), Value::Object(bind));
        }
        if self.nocopy {
            map.insert("volume".to_owned(), json!({"nocopy": true}));
        } else if self.kind == "volume" && !self.short {
            map.insert("volume".to_owned(), json!({}));
        }
        Value::Object(map)
    }
}

/// A mount of `run --volume` in long form.
///
/// # Errors
/// The text of the real tool.
pub fn one(spec: &str, folder: &str) -> Result<Value, String> {
    Ok(parse(spec)?.absolute(folder))
}

fn is_path(source: &str) -> bool {
    let mut chars = source.chars();
    match chars.next() {
        Some('.' | '/' | '~') => true,
        Some('\\') => chars.next() == Some('\\'),
        Some(c) => c.is_alphabetic() && chars.next() == Some(':'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let show = |spec: &str| match parse(spec) {
            Err(message) => message,
            Ok(m) => format!("{} {} {} {}", m.kind, m.source, m.target, m.read_only),
        };
        for (spec, shown) in [
            ("data:/d", "volume data /d false"),
            ("/anon", "volume  /anon false"),
            ("./x:/d:ro", "bind ./x /d true"),
            ("a:/d", "volume  a:/d false"),
            ("C:\\x:/d", "bind C:\\x /d false"),
            (":/media/", "invalid spec: :/media/: empty section between colons"),
            ("ab:/b:cc:dd", "invalid spec: ab:/b:cc:dd: too many colons"),
        ] {
            assert_eq!(show(spec), shown, "{spec}");
        }
    }
}
