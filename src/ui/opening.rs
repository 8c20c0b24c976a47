//! With which session the page opens: the link's, the learner's own, or the living example.

use crate::ui::state::Platform;
use crate::ui::{js, storage};
use crate::view::screen;
use crate::world::demo;
use crate::world::save::Save;
use crate::world::session::Session;

/// A session to show.
pub(super) struct Opened {
    /// The session.
    pub(super) session: Session,
    /// Its platform.
    pub(super) platform: Platform,
    /// Text id of what is to be said.
    pub(super) notice: Option<&'static str>,
    /// Whether it stands before work of the learner's own and must not replace it unasked.
    pub(super) guest: bool,
}

/// The living example of a platform: running, under gentle traffic.
pub(super) fn living_example(platform: Platform) -> Session {
    let (genesis, line, url) = match platform {
        Platform::Docker => (demo::compose(7), "docker compose up -d", "http://host:8080/"),
        Platform::Kubernetes => {
            (demo::kubernetes(7), "kubectl apply -f shop.yaml", "http://node-1:30080/")
        }
    };
    let mut session = Session::new(genesis);
    for command in demo::opening(platform.home(), line, url) {
        session.execute(command);
    }
    session
}

/// The session of the page's address, else the one that was left, else the living example.
pub(super) fn at_start() -> Opened {
    let hash = js::window().location().hash().unwrap_or_default();
    match hash.strip_prefix("#s=").map(Save::from_link) {
        Some(Ok(save)) => of_save(save),
        Some(Err(_)) => Opened { notice: Some("notice-damaged-link"), ..own(storage::platform()) },
        None => own(storage::platform()),
    }
}

/// The learner's own session on a platform.
pub(super) fn own(platform: Platform) -> Opened {
    let (session, notice) = match storage::kept(platform) {
        Some(Ok(save)) => (save.open(), None),
        Some(Err(_)) => (living_example(platform), Some("notice-damaged")),
        None => (living_example(platform), None),
    };
    Opened { session, platform, notice, guest: false }
}

/// A session from elsewhere.
pub(super) fn of_save(save: Save) -> Opened {
    let platform = match save.genesis.cluster {
        Some(_) => Platform::Kubernetes,
        None => Platform::Docker,
    };
    let mine = storage::kept(platform).and_then(Result::ok);
    let same = mine
        .as_ref()
        .is_some_and(|mine| mine.genesis == save.genesis && mine.log.starts_with(&save.log));
    if same {
        return own(platform);
    }
    let guest = mine.is_some_and(|mine| mine.log.len() > demo::OPENING_COMMANDS);
    let notice = if guest { "notice-guest" } else { "notice-opened-link" };
    Opened { session: save.open(), platform, notice: Some(notice), guest }
}

/// The file that the editor shows first.
pub(super) fn first_file(session: &Session, platform: Platform) -> String {
    let files = screen::files(session.head(), platform.home());
    files.into_iter().next().unwrap_or_default()
}

/// The language of the browser.
pub(super) fn browser_language() -> String {
    let language = js::window().navigator().language().unwrap_or_default();
    language.split('-').next().unwrap_or("en").to_owned()
}

/// The look that was chosen, else the one of the system.
pub(super) fn look() -> &'static str {
    match storage::setting("theme").as_deref() {
        Some("dark") => "dark",
        Some(_) => "light",
        None if js::matches("(prefers-color-scheme: dark)") => "dark",
        None => "light",
    }
}
