//! With which session the page opens: the link's, the learner's own, or the living example; and in
//! which build.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use crate::base::message::Message;
use crate::ui::state::{Notice, Offer, Platform};
use crate::ui::{js, storage};
use crate::view::builds::{Place, Released, released};
use crate::view::screen;
use crate::world::demo;
use crate::world::reopen::{Opening, Outcome};
use crate::world::save::{self, BUILD, LoadError, Save};
use crate::world::session::Session;

/// Work without a break while a session opens, in milliseconds.
const SLICE_MS: f64 = 30.0;
/// Events between two looks at the clock.
const SLICE_EVENTS: u32 = 500;
/// How long a session may take to open before anything is said of it, in milliseconds.
const PATIENCE_MS: f64 = 400.0;
/// Longest link that is put into an address; browsers take little more.
const MAX_LINK: usize = 1_000_000;

/// A session to show.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    /// The session.
    pub(super) session: Session,
    /// Its platform.
    pub(super) platform: Platform,
    /// What is to be said.
    pub(super) notice: Option<Notice>,
    /// Whether it stands before work of the learner's own and must not replace it unasked.
    pub(super) guest: bool,
}

/// Who waits for a session to open.
#[derive(Clone)]
pub(super) struct Waiting {
    /// Told how far it is, in percent.
    pub(super) tell: Rc<dyn Fn(u64)>,
    /// Set when it is not wanted any more.
    pub(super) stop: Rc<Cell<bool>>,
}

/// Why no session came of a save.
enum Failure {
    /// It was not wanted any more.
    Stopped,
    /// It cannot be opened.
    Load(LoadError),
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
pub(super) async fn at_start(waiting: &Waiting) -> Opened {
    let hash = js::window().location().hash().unwrap_or_default();
    let Some(fragment) = hash.strip_prefix("#s=") else {
        return remark(own_or_example(waiting).await).await;
    };
    let link = fragment.split('&').next().unwrap_or(fragment);
    // Whoever comes from an earlier build of this site wants it here.
    let anew = fragment.split('&').any(|part| part == "anew");
    match of_link(link, anew, waiting).await {
        Ok(opened) => remark(opened).await,
        Err(notice) => {
            let opened = own_or_example(waiting).await;
            Opened { notice: Some(notice.before(opened.notice)), ..opened }
        }
    }
}

/// The learner's own session; in its place the living example, as a guest, if it was stopped.
async fn own_or_example(waiting: &Waiting) -> Opened {
    let platform = storage::platform();
    own(platform, waiting).await.unwrap_or_else(|notice| {
        let session = living_example(platform);
        Opened { session, platform, notice: Some(notice), guest: true }
    })
}

/// A session from elsewhere: a file, or a link in a file.
pub(super) async fn of_text(text: &str, waiting: &Waiting) -> Result<Opened, Notice> {
    let text = text.trim();
    if text.starts_with('{') && text.len() <= save::MAX_SAVE_BYTES {
        return of_link(&save::pack(text), false, waiting).await;
    }
    let link = text.split_once("#s=").map_or(text, |(_, link)| link);
    of_link(link.split('&').next().unwrap_or(link), false, waiting).await
}

/// A session from elsewhere, in its build or, where that is not to be had or not wanted, in this.
async fn of_link(link: &str, anew: bool, waiting: &Waiting) -> Result<Opened, Notice> {
    // A build that is there can read what this one cannot.
    let json = save::unpack(link).map_err(|error| refused(&error))?;
    let build = save::build_of(&json).map_err(|error| refused(&error))?;
    if !anew && build != BUILD && link.len() <= MAX_LINK {
        leave_for(&build, &format!("#s={link}")).await;
    }
    let save = Save::from_json(&json).map_err(|error| refused(&error))?;
    let platform = platform_of(&save);
    let mine = storage::own(platform).and_then(|text| Save::from_link(&text).ok());
    let continued = |mine: &Save| mine.genesis == save.genesis && mine.log.starts_with(&save.log);
    if save.of_this_build() && mine.as_ref().is_some_and(continued) {
        return own(platform, waiting).await;
    }
    let other = storage::of_other_build(platform)
        .and_then(|other| Save::from_link(&storage::text(&other.key)?).ok())
        .filter(|other| other.build != save.build || !continued(other));
    let guest = mine.as_ref().is_some_and(has_work) || other.as_ref().is_some_and(has_work);
    let said = if guest { "notice-guest" } else { "notice-opened-link" };
    let (session, outcome) = open(save, waiting).await.map_err(|failure| match failure {
        Failure::Stopped => Notice::new("notice-stopped"),
        Failure::Load(error) => refused(&error),
    })?;
    let mut notice = told(&outcome).unwrap_or_else(|| Notice::new(said));
    if guest && outcome != Outcome::Same {
        notice = notice.and(Message::new("notice-untouched"));
    }
    Ok(Opened { session, platform, notice: Some(notice), guest })
}

/// The learner's own session on a platform; a notice alone if it was stopped on its way.
pub(super) async fn own(platform: Platform, waiting: &Waiting) -> Result<Opened, Notice> {
    let (other, notice) = own_of_other_build(platform, waiting).await?;
    if let Some(opened) = other {
        return Ok(opened);
    }
    let Some(text) = storage::own(platform) else {
        return Ok(Opened { session: living_example(platform), platform, notice, guest: false });
    };
    let opened = match Save::from_link(&text) {
        Ok(save) => open(save, waiting).await,
        Err(error) => Err(Failure::Load(error)),
    };
    let (session, failed) = match opened {
        Ok((session, Outcome::Same)) => (session, None),
        Ok((session, outcome)) => (session, told(&outcome)),
        Err(Failure::Stopped) => return Err(Notice::new("notice-stopped")),
        Err(Failure::Load(error)) => (living_example(platform), Some(lost(&error))),
    };
    let Some(failed) = failed else {
        return Ok(Opened { session, platform, notice, guest: false });
    };
    storage::set_aside(platform);
    let notice = Some(failed.offering(Offer::Earlier).before(notice));
    Ok(Opened { session, platform, notice, guest: false })
}

/// The learner's own session if another build kept it last: there, or typed anew here; or what is
/// to be said of it.
async fn own_of_other_build(
    platform: Platform,
    waiting: &Waiting,
) -> Result<(Option<Opened>, Option<Notice>), Notice> {
    let Some(other) = storage::of_other_build(platform) else { return Ok((None, None)) };
    let save = Save::from_link(&storage::text(&other.key).unwrap_or_default());
    if save.as_ref().is_ok_and(|save| !has_work(save)) {
        // Nothing of the learner's is in it.
        storage::remove(&other.key);
        return Ok((None, None));
    }
    storage::set("platform", platform.name());
    leave_for(&other.build, "").await;
    let opened = match save {
        Ok(save) => open(save, waiting).await,
        Err(error) => Err(Failure::Load(error)),
    };
    match opened {
        Ok((session, outcome)) => {
            let mine = storage::own(platform).and_then(|text| Save::from_link(&text).ok());
            let guest = mine.as_ref().is_some_and(has_work);
            Ok((Some(typed_anew(session, platform, &outcome, guest)), None))
        }
        Err(Failure::Stopped) => Err(Notice::new("notice-stopped").offering(Offer::Earlier)),
        Err(Failure::Load(error)) => Ok((None, Some(lost(&error)))),
    }
}

/// The learner's session of another build, in this one.
fn typed_anew(session: Session, platform: Platform, outcome: &Outcome, guest: bool) -> Opened {
    let more = if guest { "notice-untouched" } else { "notice-original" };
    let notice = told(outcome).map(|notice| notice.and(Message::new(more)));
    let notice = notice.map(|notice| notice.offering(Offer::Earlier));
    Opened { session, platform, notice, guest }
}

/// On the page of an earlier build it is said that this is one.
async fn remark(opened: Opened) -> Opened {
    let place = place();
    if place.build.is_none() || place.newest(&site_builds().await).is_none() {
        return opened;
    }
    let said = Notice::of(Message::new("notice-earlier-build").with("build", BUILD));
    let notice = said.offering(Offer::Newest).before(opened.notice);
    Opened { notice: Some(notice), ..opened }
}

/// Open a session that an earlier build of this site has, in the newest.
pub(super) async fn leave_for_newest(link: String) {
    if let Some(root) = place().newest(&site_builds().await) {
        let _ = js::window().location().assign(&format!("{root}#s={link}&anew"));
    }
}

/// Go to the page of a build, if this site has it; then this page has nothing more to do.
async fn leave_for(build: &str, fragment: &str) {
    if !save::is_build(build) {
        return;
    }
    let there = place().of_build(build, &site_builds().await);
    if let Some(there) = there
        && js::window().location().assign(&format!("{there}{fragment}")).is_ok()
    {
        pending::<()>().await;
    }
}

/// Where this page lies.
fn place() -> Place {
    Place::of(&js::window().location().pathname().unwrap_or_default())
}

/// The engines that this site keeps; none without a server, or if it does not answer.
async fn site_builds() -> Vec<Released> {
    let list = js::builds().await.ok().and_then(|text| text.as_string());
    released(&list.unwrap_or_default())
}

/// Replay a save, or type it anew, without holding the page up.
#[expect(clippy::float_arithmetic, reason = "the browser's clock decides only when to pause")]
async fn open(save: Save, waiting: &Waiting) -> Result<(Session, Outcome), Failure> {
    let mut opening = Opening::new(save);
    let begun = js::milliseconds();
    let mut since = begun;
    while !opening.go_on(SLICE_EVENTS).map_err(Failure::Load)? {
        let now = js::milliseconds();
        if now - since > SLICE_MS {
            if now - begun > PATIENCE_MS {
                (waiting.tell)(opening.percent());
            }
            let _ = js::pause().await;
            since = js::milliseconds();
        }
        if waiting.stop.get() {
            return Err(Failure::Stopped);
        }
    }
    let opened = opening.finish();
    Ok((opened.session, opened.outcome))
}

/// What is to be said of an outcome, if anything.
fn told(outcome: &Outcome) -> Option<Notice> {
    match outcome {
        Outcome::Same => None,
        Outcome::Differs { saved, found } => {
            let said = Message::new("notice-differs").with("saved", saved).with("found", found);
            Some(Notice::of(said))
        }
        Outcome::TypedAnew { build, core, left_out } => {
            let said = if build.is_empty() {
                Message::new("notice-anew-unnamed").with("version", core)
            } else {
                Message::new("notice-anew").with("from", build)
            };
            let mut notice = Notice::of(said.with("here", BUILD));
            if *left_out > 0 {
                let count = left_out.to_string();
                notice = notice.and(Message::new("notice-left-out").with("count", count));
            }
            Some(notice)
        }
    }
}

/// How far opening a session has come.
pub(super) fn progress(percent: u64) -> Notice {
    let said = Message::new("opening-progress").with("percent", percent.to_string());
    Notice::of(said).offering(Offer::Stop)
}

/// Save a session that is kept besides the own one as a file, as it is.
pub(super) fn save_earlier(key: &str) {
    let text = storage::text(key).unwrap_or_default();
    let name = format!("{key}.json");
    js::save_file(&name, &save::unpack(&text).unwrap_or(text));
}

/// A link or a file that cannot be opened.
fn refused(error: &LoadError) -> Notice {
    Notice::new("notice-damaged-link").and(error.message())
}

/// The learner's session, that cannot be opened.
fn lost(error: &LoadError) -> Notice {
    Notice::new("notice-damaged").and(error.message()).offering(Offer::Earlier)
}

/// Whether there is more in it than the page began with.
fn has_work(save: &Save) -> bool {
    save.log.len() + save.left_out > demo::OPENING_COMMANDS
}

fn platform_of(save: &Save) -> Platform {
    match save.genesis.cluster {
        Some(_) => Platform::Kubernetes,
        None => Platform::Docker,
    }
}

/// The file that the editor shows first.
pub(super) fn first_file(session: &Session, platform: Platform) -> String {
    let files = screen::files(session.head(), platform.home());
    files.into_iter().next().unwrap_or_default()
}

/// The language that was chosen, else the one of the browser.
pub(super) fn language() -> String {
    storage::setting("lang").unwrap_or_else(|| {
        let language = js::window().navigator().language().unwrap_or_default();
        language.split('-').next().unwrap_or("en").to_owned()
    })
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
