//! Image references (distribution/reference): grammar and familiar form.

/// A reference in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRef {
    /// Registry host; empty for the default one.
    pub registry: String,
    /// Path; `library/` is left out for the default registry.
    pub path: String,
    /// Tag, if given.
    pub tag: Option<String>,
    /// Digest, if given.
    pub digest: Option<String>,
}

impl ImageRef {
    /// `ParseNormalizedNamed`.
    ///
    /// # Errors
    /// The library's text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = || "invalid reference format".to_owned();
        let is_id = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
        if is_id && text.chars().all(|c| !c.is_ascii_uppercase()) {
            return Err(format!(
                "invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
            ));
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.to_owned())),
            None => (text, None),
        };
        let (registry, remainder) = match rest.split_once('/') {
            Some((first, path))
                if first.contains(['.', ':'])
                    || first == "localhost"
                    || first != first.to_ascii_lowercase() =>
            {
                (first, path)
            }
            _ => ("", rest),
        };
        let default = matches!(registry, "" | "docker.io" | "index.docker.io");
        let (path, tag) = match remainder.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag.to_owned())),
            None => (remainder, None),
        };
        if path.is_empty() {
            return Err(bad());
        }
        let full = if default && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if full.chars().any(|c| c.is_ascii_uppercase()) {
            return Err(format!(
                "invalid reference format: repository name ({full}) must be lowercase"
            ));
        }
        let registry_ok = registry.rsplit_once(':').is_none_or(|(name, port)| {
            !name.is_empty() && !port.is_empty() && port.chars().all(|c| c.is_ascii_digit())
        });
        if !registry_ok {
            return Err(bad());
        }
        let tag_ok = tag.as_ref().is_none_or(|t| is_tag(t));
        let digest_ok = digest.as_ref().is_none_or(|d| is_digest(d));
        if !path.split('/').all(is_component) || !tag_ok || !digest_ok {
            return Err(bad());
        }
        let (registry, path) = if default {
            (String::new(), path.strip_prefix("library/").unwrap_or(path).to_owned())
        } else {
            (registry.to_owned(), path.to_owned())
        };
        Ok(Self { registry, path, tag, digest })
    }

    /// `FamiliarName`: without tag.
    #[must_use]
    pub fn name(&self) -> String {
        if self.registry.is_empty() {
            self.path.clone()
        } else {
            format!("{}/{}", self.registry, self.path)
        }
    }

    /// `FamiliarString`: with the tag or digest that was given.
    #[must_use]
    pub fn familiar(&self) -> String {
        let mut text = self.name();
        if let Some(tag) = &self.tag {
            text = format!("{text}:{tag}");
        }
        if let Some(digest) = &self.digest {
            text = format!("{text}@{digest}");
        }
        text
    }

    /// `TagNameOnly` and `FamiliarString`: with `:latest` if neither tag nor digest was given.
    #[must_use]
    pub fn tagged(&self) -> String {
        if self.tag.is_none() && self.digest.is_none() {
            format!("{}:latest", self.name())
        } else {
            self.familiar()
        }
    }
}

fn is_component(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    ends(text.chars().next())
        && ends(text.chars().last())
        && text.chars().all(inner)
        && !text.contains("..")
        && !text.contains("___")
}

fn is_tag(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    first
        && text.len() <= 128
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references() {
        for (text, expected) in [
            ("nginx", Ok("nginx:latest")),
            ("nginx:1.25", Ok("nginx:1.25")),
            ("library/nginx", Ok("nginx:latest")),
            ("localhost:5000/a/b:x", Ok("localhost:5000/a/b:x")),
            (
                "UPPER:1",
                Err("invalid reference format: repository name (library/UPPER) must be lowercase"),
            ),
            ("", Err("invalid reference format")),
            ("a b", Err("invalid reference format")),
            ("nginx:", Err("invalid reference format")),
            ("-x", Err("invalid reference format")),
        ] {
            let got = ImageRef::parse(text).map(|r| r.tagged());
            assert_eq!(got.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
