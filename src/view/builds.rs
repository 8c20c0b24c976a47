//! In which build of Drydock a session opens: a site keeps its released engines under
//! `v/<build>/`, below its own folder wherever that lies, and lists them in `v/builds.json`.

use serde::Deserialize;

use crate::world::save::{BUILD, is_build};

/// Most released engines that are read of a list.
const MAX_RELEASED: usize = 1_000;

/// A released engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Released {
    /// The name of its build.
    pub id: String,
    /// When it was released.
    pub date: String,
    /// Its version.
    pub version: String,
}

/// Where a page lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The folder of the site, with a slash at its end.
    pub site: String,
    /// The build whose folder this is; `None` at the root of the site.
    pub build: Option<String>,
}

impl Place {
    /// The place of a page by the path in its address.
    #[must_use]
    pub fn of(path: &str) -> Self {
        let folder = path.rfind('/').map_or("", |end| path.get(..=end).unwrap_or(""));
        let mut parts = folder.trim_end_matches('/').rsplitn(3, '/');
        let (last, before, rest) = (parts.next(), parts.next(), parts.next());
        match (last, before, rest) {
            (Some(build), Some("v"), Some(rest)) if is_build(build) => {
                Self { site: format!("{rest}/"), build: Some(build.to_owned()) }
            }
            _ => Self { site: folder.to_owned(), build: None },
        }
    }

    /// Where a session of another build opens as it was; `None` if it has to open here.
    #[must_use]
    pub fn of_build(&self, build: &str, released: &[Released]) -> Option<String> {
        // A folder whose engine is not what its name says would send the page round in circles.
        let here = build == BUILD || self.build.as_deref() == Some(build);
        if here || !is_build(build) || !released.iter().any(|one| one.id == build) {
            return None;
        }
        let newest = released.first().is_some_and(|one| one.id == build);
        let root = newest && self.build.is_some();
        Some(if root { self.site.clone() } else { format!("{}v/{build}/", self.site) })
    }

    /// The root of the site, if this page is of an earlier build than the root's.
    #[must_use]
    pub fn newest(&self, released: &[Released]) -> Option<String> {
        let newest = released.first()?;
        (self.build.is_some() && newest.id != BUILD).then(|| self.site.clone())
    }
}

/// The engines of a site's list, newest first; none if it is not such a list.
#[must_use]
pub fn released(json: &str) -> Vec<Released> {
    let mut found: Vec<Released> = serde_json::from_str(json).unwrap_or_default();
    found.retain(|one| is_build(&one.id));
    found.truncate(MAX_RELEASED);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0123456789ab";
    const OLDER: &str = "ba9876543210";

    fn list() -> Vec<Released> {
        let one = |id: &str| format!(r#"{{"id":"{id}","date":"2026-11-30","version":"0.1.0"}}"#);
        released(&format!("[{},{},{}]", one(BUILD), one(OLD), one("../../evil")))
    }

    #[test]
    fn a_site_may_lie_anywhere() {
        let place = |path: &str| {
            let Place { site, build } = Place::of(path);
            (site, build)
        };
        assert_eq!(place("/"), ("/".to_owned(), None));
        assert_eq!(place("/a/b/index.html"), ("/a/b/".to_owned(), None));
        assert_eq!(place("/v/0123456789ab/"), ("/".to_owned(), Some(OLD.to_owned())));
        let deep = ("/a/v/b/".to_owned(), Some(OLD.to_owned()));
        assert_eq!(place("/a/v/b/v/0123456789ab/index.html"), deep);
        assert_eq!(place("/v/notes/"), ("/v/notes/".to_owned(), None));
        assert_eq!(place("/v/0123456789AB/").1, None, "names have small letters");
    }

    #[test]
    fn a_session_opens_in_its_own_build_where_the_site_has_it() {
        let (root, list) = (Place::of("/sub/"), list());
        assert_eq!(root.of_build(OLD, &list).as_deref(), Some("/sub/v/0123456789ab/"));
        assert_eq!(root.of_build(BUILD, &list), None, "it is here already");
        assert_eq!(root.of_build(OLDER, &list), None, "the site does not have it");
        assert_eq!(root.of_build("../../evil", &list), None, "no name of a build");
        assert_eq!(root.of_build("", &list), None);
        let inside = Place::of("/sub/v/ba9876543210/");
        assert_eq!(inside.of_build(OLD, &list).as_deref(), Some("/sub/v/0123456789ab/"));
        let misnamed = Place::of("/sub/v/0123456789ab/index.html");
        assert_eq!(misnamed.of_build(OLD, &list), None, "never in circles");
    }

    #[test]
    fn the_newest_is_the_root() {
        let mut list = list();
        let inside = Place::of("/sub/v/ba9876543210/");
        assert_eq!(inside.newest(&list), None, "this engine is the newest");
        list.rotate_left(1);
        assert_eq!(inside.newest(&list).as_deref(), Some("/sub/"));
        assert_eq!(inside.of_build(OLD, &list).as_deref(), Some("/sub/"));
        assert_eq!(Place::of("/sub/").newest(&list), None, "the root is what it is");
    }

    #[test]
    fn a_page_instead_of_a_list_is_no_list() {
        assert_eq!(released("<!doctype html>"), []);
        assert_eq!(released("{}"), []);
    }
}
