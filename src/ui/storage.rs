//! What is kept in the browser: the session, the language, the look.

use gloo::storage::{LocalStorage, Storage as _};

use crate::world::save::{LoadError, Save};

/// Key of the session.
const SESSION: &str = "drydock.session";

/// Keep the session; a full store loses it silently, since nothing else could be done.
pub(super) fn keep(save: &Save) {
    let _ = LocalStorage::raw().set_item(SESSION, &save.to_link());
}

/// The session that was kept.
pub(super) fn kept() -> Option<Result<Save, LoadError>> {
    let text = LocalStorage::raw().get_item(SESSION).ok().flatten()?;
    Some(Save::from_link(&text))
}

/// Forget it.
pub(super) fn forget() {
    LocalStorage::delete(SESSION);
}

/// A setting.
pub(super) fn setting(name: &str) -> Option<String> {
    LocalStorage::raw().get_item(&format!("drydock.{name}")).ok().flatten()
}

/// Keep a setting.
pub(super) fn set(name: &str, value: &str) {
    let _ = LocalStorage::raw().set_item(&format!("drydock.{name}"), value);
}
