//! What is kept in the browser: a session per platform, the language, the look.

use gloo::storage::{LocalStorage, Storage as _};

use crate::ui::state::Platform;
use crate::world::save::{LoadError, Save};

/// Key of a platform's session.
fn session(platform: Platform) -> String {
    format!("drydock.session.{}", platform.name())
}

/// Keep a session; a full store loses it silently, since nothing else could be done.
pub(super) fn keep(platform: Platform, save: &Save) {
    let _ = LocalStorage::raw().set_item(&session(platform), &save.to_link());
    set("platform", platform.name());
}

/// The session that was kept.
pub(super) fn kept(platform: Platform) -> Option<Result<Save, LoadError>> {
    let text = LocalStorage::raw().get_item(&session(platform)).ok().flatten()?;
    Some(Save::from_link(&text))
}

/// The platform that was shown last.
pub(super) fn platform() -> Platform {
    let name = setting("platform").unwrap_or_default();
    let found = Platform::ALL.iter().map(|p| p.0).find(|p| p.name() == name);
    found.unwrap_or(Platform::FIRST)
}

/// A setting.
pub(super) fn setting(name: &str) -> Option<String> {
    LocalStorage::raw().get_item(&format!("drydock.{name}")).ok().flatten()
}

/// Keep a setting.
pub(super) fn set(name: &str, value: &str) {
    let _ = LocalStorage::raw().set_item(&format!("drydock.{name}"), value);
}
