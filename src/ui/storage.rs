//! What is kept in the browser: a session per platform and build, the language, the look.
//!
//! All builds of a site share one storage. Each keeps sessions under its own name, so that none
//! overwrites another's; a setting says which build kept a platform's session last.

use gloo::storage::{LocalStorage, Storage as _};

use crate::ui::state::Platform;
use crate::world::save::{BUILD, Save};

/// What the names of sessions begin with. Before builds had names, the platform alone followed.
const SESSIONS: &str = "drydock.session.";
/// In place of a build in the name of a session that could not be opened.
const ASIDE: &str = "aside";
/// Most sessions of a platform that are set aside.
const MAX_ASIDE: u32 = 9;

/// A kept session that is not this build's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    /// Where it is kept.
    pub(super) key: String,
    /// Its platform.
    pub(super) platform: Platform,
    /// The build that kept it; empty before builds had names.
    pub(super) build: String,
    /// Whether it is there because it could not be opened.
    pub(super) aside: bool,
}

/// The name under which a build keeps a platform's session.
fn session(platform: Platform, build: &str) -> String {
    let dot = if build.is_empty() { "" } else { "." };
    format!("{SESSIONS}{}{dot}{build}", platform.name())
}

/// Name of the setting with the build that kept a platform's session last.
fn last(platform: Platform) -> String {
    format!("build.{}", platform.name())
}

/// Keep a session; a full store loses it silently, since nothing else could be done.
pub(super) fn keep(platform: Platform, save: &Save) {
    let _ = LocalStorage::raw().set_item(&session(platform, BUILD), &save.to_link());
    set(&last(platform), BUILD);
    set("platform", platform.name());
}

/// This build's session of a platform.
pub(super) fn own(platform: Platform) -> Option<String> {
    text(&session(platform, BUILD))
}

/// The session of a platform that was kept last, if another build did.
pub(super) fn of_other_build(platform: Platform) -> Option<Earlier> {
    let build = setting(&last(platform)).unwrap_or_default();
    let key = session(platform, &build);
    let there = build != BUILD && text(&key).is_some();
    there.then_some(Earlier { key, platform, build, aside: false })
}

/// From now on this build's session of a platform is the one to return to, if there is one.
pub(super) fn prefer_own(platform: Platform) {
    if own(platform).is_some() {
        set(&last(platform), BUILD);
    }
}

/// What is kept besides the sessions of this build.
pub(super) fn earlier() -> Vec<Earlier> {
    let store = LocalStorage::raw();
    let count = store.length().unwrap_or(0);
    let mut keys: Vec<String> = (0..count).filter_map(|n| store.key(n).ok().flatten()).collect();
    keys.sort();
    keys.into_iter().filter_map(|key| named(&key)).filter(|found| found.build != BUILD).collect()
}

/// What a key names, if it names a session.
fn named(key: &str) -> Option<Earlier> {
    let name = key.strip_prefix(SESSIONS)?;
    let (platform, build) = name.split_once('.').unwrap_or((name, ""));
    let platform = Platform::ALL.iter().map(|p| p.0).find(|p| p.name() == platform)?;
    let aside = build.starts_with(ASIDE);
    let build = if aside { String::new() } else { build.to_owned() };
    Some(Earlier { key: key.to_owned(), platform, build, aside })
}

/// Put this build's session of a platform where it is not overwritten.
pub(super) fn set_aside(platform: Platform) {
    let key = session(platform, BUILD);
    let Some(kept) = text(&key) else { return };
    let free = |n: &u32| text(&session(platform, &format!("{ASIDE}{n}"))).is_none();
    let number = (1..MAX_ASIDE).find(free).unwrap_or(MAX_ASIDE);
    // In a full store the new name has room only once the old one is gone.
    remove(&key);
    let aside = session(platform, &format!("{ASIDE}{number}"));
    let _ = LocalStorage::raw().set_item(&aside, &kept);
}

/// What is kept under a name.
pub(super) fn text(key: &str) -> Option<String> {
    LocalStorage::raw().get_item(key).ok().flatten()
}

/// Keep it no longer.
pub(super) fn remove(key: &str) {
    let _ = LocalStorage::raw().remove_item(key);
}

/// The platform that was shown last.
pub(super) fn platform() -> Platform {
    let name = setting("platform").unwrap_or_default();
    let found = Platform::ALL.iter().map(|p| p.0).find(|p| p.name() == name);
    found.unwrap_or(Platform::FIRST)
}

/// A setting.
pub(super) fn setting(name: &str) -> Option<String> {
    text(&format!("drydock.{name}"))
}

/// Keep a setting.
pub(super) fn set(name: &str, value: &str) {
    let _ = LocalStorage::raw().set_item(&format!("drydock.{name}"), value);
}
