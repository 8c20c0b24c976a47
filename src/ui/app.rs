//! The page as a whole: owns the session, lets time pass, hands view models to the panels.

use std::collections::BTreeSet;
use std::rc::Rc;

use gloo::events::{EventListener, EventListenerOptions};
use gloo::render::{AnimationFrame, request_animation_frame};
use yew::prelude::*;

use crate::base::time::SimTime;
use crate::text::Catalogue;
use crate::ui::opening::{self, Opened};
use crate::ui::pacer;
use crate::ui::panels::{files, graphs, header, inspector, map, menu, terminal, timeline};
use crate::ui::state::{Msg, Panel, Platform};
use crate::ui::{js, storage};
use crate::view::editor::{self, Dialect, Verdict};
use crate::view::focus::Focus;
use crate::view::timeline::Mark;
use crate::view::traffic::Traffic;
use crate::view::{map as map_view, object, screen};
use crate::world::command::Command;
use crate::world::save::Save;
use crate::world::session::Session;
use crate::world::world::{Progress, World};

/// Work per frame: the page stays smooth.
const FRAME_BUDGET_MS: f64 = 8.0;
/// Events between two looks at the clock.
const SLICE_EVENTS: u32 = 500;
/// The panels are drawn anew this often while time passes.
const REFRESH_MS: f64 = 100.0;
/// The session is kept this often.
const KEEP_MS: f64 = 5_000.0;
/// The learner's terminal.
pub(super) const TERMINAL: u32 = 1;

/// The page.
pub(super) struct App {
    session: Session,
    platform: Platform,
    catalogue: Rc<Catalogue>,
    theme: &'static str,
    guest: bool,
    playing: bool,
    speed: u32,
    scrub: Option<(SimTime, World)>,
    focus: Option<Focus>,
    panel: Panel,
    menu: bool,
    present: bool,
    notice: Option<String>,
    file: String,
    draft: Option<String>,
    verdict: Rc<Verdict>,
    view: Rc<Shown>,
    last_frame: Option<f64>,
    drawn: f64,
    kept: f64,
    dirty: bool,
    _frame: Option<AnimationFrame>,
    _keys: EventListener,
}

/// Everything that the panels show.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shown {
    /// The moment.
    pub(super) now: SimTime,
    /// The map.
    pub(super) map: map_view::Map,
    /// The selected thing.
    pub(super) inspected: Option<object::Inspected>,
    /// Marks of the timeline.
    pub(super) marks: Vec<Mark>,
    /// The graphs.
    pub(super) traffic: Traffic,
    /// The terminal.
    pub(super) terminal: screen::Terminal,
    /// Names that the terminal can complete.
    pub(super) names: Rc<Vec<String>>,
    /// Files of the learner.
    pub(super) files: Vec<String>,
    /// Faults in force.
    pub(super) faults: Vec<screen::ActiveFault>,
    /// What can be broken.
    pub(super) breakable: Vec<screen::Breakable>,
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let lang = storage::setting("lang").unwrap_or_else(opening::browser_language);
        let Opened { session, platform, notice, guest } = opening::at_start();
        let catalogue = Rc::new(Catalogue::new(&lang));
        let file = opening::first_file(&session, platform);
        let mut app = Self {
            session,
            platform,
            catalogue,
            theme: opening::look(),
            guest,
            playing: true,
            speed: 4,
            scrub: None,
            focus: None,
            panel: Panel::Map,
            menu: false,
            present: false,
            notice: None,
            file,
            draft: None,
            verdict: Rc::new(Verdict { accepted: true, ..Verdict::default() }),
            view: Rc::new(Shown::default()),
            last_frame: None,
            drawn: 0.0,
            kept: 0.0,
            dirty: true,
            _frame: None,
            _keys: listen(ctx),
        };
        app.notice = notice.map(|id| app.catalogue.label(id));
        app.check();
        app.dress();
        app.refresh();
        app.next_frame(ctx);
        app
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        if let Msg::Frame(at) = msg {
            return self.frame(ctx, at);
        }
        self.handle(ctx, msg);
        self.dirty = true;
        self.refresh();
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let send = ctx.link().callback(|msg: Msg| msg);
        let shown = &self.view;
        let catalogue = self.catalogue.clone();
        let past = self.scrub.as_ref().map(|(at, _)| *at);
        let classes = classes!(
            "page",
            format!("show-{}", self.panel.class()),
            self.present.then_some("present"),
            past.is_some().then_some("past"),
        );
        html! {
            <div class={classes}>
                <header::Header catalogue={catalogue.clone()} platform={self.platform}
                    theme={self.theme} present={self.present} panel={self.panel}
                    notice={self.notice.clone()} guest={self.guest} send={send.clone()} />
                <files::Files catalogue={catalogue.clone()} files={shown.files.clone()}
                    open={self.file.clone()} text={self.text()} verdict={self.verdict.clone()}
                    changed={self.draft.is_some()} send={send.clone()} />
                <map::MapPanel catalogue={catalogue.clone()} shown={shown.clone()}
                    focus={self.focus.clone()} send={send.clone()} />
                <inspector::Inspector catalogue={catalogue.clone()} shown={shown.clone()}
                    focus={self.focus.clone()} send={send.clone()} />
                <terminal::Terminal catalogue={catalogue.clone()} shown={shown.clone()}
                    past={past.is_some()} send={send.clone()} />
                <graphs::Graphs catalogue={catalogue.clone()} shown={shown.clone()} />
                <timeline::Timeline catalogue={catalogue.clone()} shown={shown.clone()}
                    head={self.session.head().now()} past={past} playing={self.playing}
                    speed={self.speed} send={send.clone()} />
                if self.menu {
                    <menu::Menu catalogue={catalogue} shown={shown.clone()} send={send} />
                }
            </div>
        }
    }
}

impl App {
    fn next_frame(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self._frame = Some(request_animation_frame(move |at| link.send_message(Msg::Frame(at))));
    }

    /// Let time pass for one frame; whether something is to be drawn.
    fn frame(&mut self, ctx: &Context<Self>, at: f64) -> bool {
        let passed = self.last_frame.map_or(0.0, |last| (at - last).max(0.0));
        self.last_frame = Some(at);
        self.next_frame(ctx);
        if self.playing && self.scrub.is_none() {
            let to = pacer::target(self.session.head().now(), millis(passed), self.speed);
            let end = js::milliseconds() + FRAME_BUDGET_MS;
            while self.session.advance(to, SLICE_EVENTS) == Progress::Budget
                && js::milliseconds() < end
            {}
            self.dirty = true;
        }
        if at - self.kept > KEEP_MS {
            self.kept = at;
            self.keep();
        }
        if !self.dirty || at - self.drawn < REFRESH_MS {
            return false;
        }
        self.drawn = at;
        self.refresh();
        true
    }

    fn handle(&mut self, ctx: &Context<Self>, msg: Msg) {
        match msg {
            Msg::Frame(_) => {}
            Msg::Do(command) => self.command(command),
            Msg::Select(focus) => {
                self.focus = focus;
                if self.focus.is_some() && js::matches("(max-width: 1099px)") {
                    self.panel = Panel::Inspector;
                }
            }
            Msg::Play(playing) => {
                self.scrub = None;
                self.playing = playing;
            }
            Msg::Speed(speed) => self.speed = speed,
            Msg::Step => {
                self.playing = false;
                self.scrub = None;
                self.session.step_to_next_entry(100_000);
            }
            Msg::Undo => {
                self.scrub = None;
                self.session.undo();
            }
            Msg::Scrub(at) => {
                let past = at.filter(|at| *at < self.session.head().now());
                self.scrub = past.map(|at| (at, self.session.at(at)));
            }
            Msg::Branch => {
                if let Some((at, _)) = self.scrub.take() {
                    self.session.branch_at(at);
                }
            }
            Msg::Break(kind, target) => {
                self.menu = false;
                self.command(Command::Break { kind, target, lasting: None });
            }
            Msg::Menu(shown) => self.menu = shown,
            Msg::Language(lang) => {
                storage::set("lang", lang);
                self.catalogue = Rc::new(Catalogue::new(lang));
                self.dress();
            }
            Msg::Theme(theme) => {
                storage::set("theme", theme);
                self.theme = theme;
                self.dress();
            }
            Msg::Present(present) => self.present = present,
            Msg::Platform(platform) if platform == self.platform => {}
            Msg::Platform(platform) => self.show(opening::own(platform)),
            Msg::Reset => self.reset(),
            Msg::Export => js::save_file("drydock.json", &Save::of(&self.session).to_json()),
            Msg::Import => ctx.link().send_future(async {
                Msg::Imported(js::open_file().await.ok().and_then(|text| text.as_string()))
            }),
            Msg::Imported(text) => {
                if let Some(text) = text {
                    self.import(&text);
                }
            }
            Msg::Adopt => {
                self.guest = false;
                self.notice = None;
                self.keep();
            }
            Msg::Return => self.leave(),
            Msg::Key(key) => self.key(ctx, &key),
            Msg::Remove(path) => self.remove(path),
            Msg::Share => self.share(ctx),
            Msg::Shared(Ok(_)) => self.notice = Some(self.catalogue.label("notice-copied")),
            Msg::Shared(Err(link)) => self.notice = Some(link),
            Msg::Panel(panel) => self.panel = panel,
            Msg::Open(path) => {
                self.save_draft();
                self.file = path;
                self.check();
            }
            Msg::Edited(text) => {
                self.draft = Some(text);
                self.check();
            }
            Msg::NewFile => self.new_file(),
            Msg::Apply => self.apply(),
            Msg::Dismiss => self.notice = None,
        }
    }

    /// A command acts in the present: a past that is shown is left first.
    fn command(&mut self, command: Command) {
        self.scrub = None;
        self.keep();
        if !self.session.execute(command) {
            self.notice = Some(self.catalogue.label("notice-log-full"));
        }
    }

    /// Keep the own session; one from elsewhere only when the learner wants it.
    fn keep(&self) {
        if !self.guest {
            storage::keep(self.platform, &Save::of(&self.session));
        }
    }

    /// Show another session.
    fn show(&mut self, opened: Opened) {
        self.keep();
        let Opened { session, platform, notice, guest } = opened;
        self.file = opening::first_file(&session, platform);
        self.session = session;
        self.platform = platform;
        self.guest = guest;
        self.notice = notice.map(|id| self.catalogue.label(id));
        self.scrub = None;
        self.focus = None;
        self.draft = None;
        self.playing = true;
        self.check();
    }

    /// Begin the living example anew.
    fn reset(&mut self) {
        let platform = self.platform;
        let session = opening::living_example(platform);
        self.show(Opened { session, platform, notice: None, guest: self.guest });
        self.keep();
    }

    /// Return from a session from elsewhere.
    fn leave(&mut self) {
        let _ = js::window().location().set_hash("");
        self.show(opening::own(self.platform));
    }

    fn import(&mut self, text: &str) {
        match Save::from_json(text) {
            Ok(save) => self.show(opening::of_save(save)),
            Err(error) => self.notice = Some(error.to_string()),
        }
    }

    fn remove(&mut self, path: String) {
        let host = self.platform.home().to_owned();
        if path == self.file {
            self.draft = None;
        }
        self.command(Command::Remove { host, path });
        self.file = opening::first_file(&self.session, self.platform);
        self.check();
    }

    fn share(&mut self, ctx: &Context<Self>) {
        let fragment = Save::of(&self.session).to_link();
        let location = js::window().location();
        let base = location.href().unwrap_or_default();
        let base = base.split('#').next().unwrap_or("").to_owned();
        let link = format!("{base}#s={fragment}");
        let _ = location.set_hash(&format!("s={fragment}"));
        let clipboard = js::window().navigator().clipboard();
        let promise = clipboard.write_text(&link);
        ctx.link().send_future(async move {
            match wasm_bindgen_futures::JsFuture::from(promise).await {
                Ok(_) => Msg::Shared(Ok(link)),
                Err(_) => Msg::Shared(Err(link)),
            }
        });
    }

    /// The text of the open file, with changes not yet written.
    fn text(&self) -> String {
        self.draft.clone().unwrap_or_else(|| self.stored(&self.file))
    }

    fn stored(&self, path: &str) -> String {
        screen::file_text(self.session.head(), self.platform.home(), path)
    }

    fn save_draft(&mut self) {
        if let Some(text) = self.draft.take() {
            let host = self.platform.home().to_owned();
            let path = self.file.clone();
            self.command(Command::Write { host, path, text });
        }
    }

    fn new_file(&mut self) {
        self.save_draft();
        let taken: BTreeSet<String> = self.view.files.iter().cloned().collect();
        let name = (1..)
            .map(|n| format!("/home/student/new-{n}.yaml"))
            .find(|path| !taken.contains(path))
            .unwrap_or_default();
        let host = self.platform.home().to_owned();
        let text = String::new();
        self.command(Command::Write { host, path: name.clone(), text });
        self.file = name;
        self.check();
    }

    /// Write the file and run the command that a person would type.
    fn apply(&mut self) {
        self.save_draft();
        let name = self.file.strip_prefix("/home/student/").unwrap_or(&self.file).to_owned();
        let line = match editor::guess(&name, &self.text()) {
            Dialect::Kubernetes => format!("kubectl apply -f {name}"),
            Dialect::Compose | Dialect::Stack => format!("docker compose -f {name} up -d"),
        };
        self.command(Command::Type { terminal: TERMINAL, line });
        self.playing = true;
    }

    /// What the real tool would say of the open file.
    fn check(&mut self) {
        let text = self.text();
        let world = self.session.head();
        let home = self.platform.home();
        let folder = self.file.rsplit_once('/').map_or("", |(folder, _)| folder);
        let beside = |path: &str| screen::file_if_any(world, home, &format!("{folder}/{path}"));
        let verdict = editor::check(&self.file, &text, editor::guess(&self.file, &text), &beside);
        self.verdict = Rc::new(verdict);
    }

    fn refresh(&mut self) {
        let world = self.scrub.as_ref().map_or(self.session.head(), |(_, world)| world);
        let map = map_view::map(world);
        let catalogue = &self.catalogue;
        let focus = self.focus.as_ref();
        self.view = Rc::new(Shown {
            now: world.now(),
            inspected: focus.and_then(|focus| object::inspect(world, focus, catalogue)),
            marks: crate::view::timeline::marks(&self.session, catalogue),
            traffic: crate::view::traffic::traffic(world, &map),
            terminal: screen::terminal(world, TERMINAL),
            names: Rc::new(crate::view::complete::names(world, &map, self.platform.home())),
            files: screen::files(world, self.platform.home()),
            faults: screen::faults(world, catalogue),
            breakable: screen::breakable(&map),
            map,
        });
        self.dirty = false;
    }

    /// Language and look of the document.
    fn dress(&self) {
        js::set_root("lang", self.catalogue.lang());
        js::set_root("data-theme", self.theme);
    }

    /// A key that works everywhere but in text fields.
    fn key(&mut self, ctx: &Context<Self>, key: &str) {
        let msg = match key {
            " " => Msg::Play(!(self.playing && self.scrub.is_none())),
            "." => Msg::Step,
            "p" | "P" => Msg::Present(!self.present),
            "b" | "B" => Msg::Menu(true),
            "Escape" => Msg::Menu(false),
            _ => return,
        };
        self.handle(ctx, msg);
    }
}

/// Keys go to the page wherever the focus is.
fn listen(ctx: &Context<App>) -> EventListener {
    let link = ctx.link().clone();
    let options = EventListenerOptions::enable_prevent_default();
    let document = gloo::utils::document();
    EventListener::new_with_options(&document, "keydown", options, move |event| {
        use wasm_bindgen::JsCast as _;
        let Some(key) = event.dyn_ref::<web_sys::KeyboardEvent>() else { return };
        let modified = key.ctrl_key() || key.meta_key() || key.alt_key();
        if modified || (js::in_text(event) && key.key() != "Escape") {
            return;
        }
        if key.key() == " " {
            event.prevent_default();
        }
        if matches!(key.key().as_str(), " " | "." | "p" | "P" | "b" | "B" | "Escape") {
            link.send_message(Msg::Key(key.key()));
        }
    })
}

#[expect(clippy::cast_possible_truncation, reason = "a frame is shorter than 2^32 ms")]
#[expect(clippy::cast_sign_loss, reason = "negative frames were cut to zero")]
fn millis(frame: f64) -> u64 {
    frame as u64
}
