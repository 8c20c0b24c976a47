//! The page as a whole: owns the session, lets time pass, hands view models to the panels.

mod acts;
mod others;
mod keys;

pub(super) use acts::{FIRST_TERMINAL, MAX_TERMINALS};

use std::cell::Cell;
use std::rc::Rc;

use gloo::events::EventListener;
use gloo::render::{AnimationFrame, request_animation_frame};
use yew::prelude::*;

use crate::base::message::Message;
use crate::base::time::{SimDuration, SimTime};
use crate::text::Catalogue;
use crate::ui::js;
use crate::ui::opening::{self, Opened};
use crate::ui::pacer;
use crate::ui::panels::{about, files, graphs, header, inspector, map, menu, terminal, timeline};
use crate::ui::state::{Msg, Notice, Other, Panel, Platform};
use crate::ui::storage::{self, Earlier};
use crate::view::captions::{self, Caption};
use crate::view::editor::Verdict;
use crate::view::flows::{self, Flows};
use crate::view::focus::Focus;
use crate::view::preview::Preview;
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
/// Dots of requests are shown on their way at most this long, in milliseconds of the person.
const DOTS_MS: u64 = 2_000;

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
    menu: Option<Option<Focus>>,
    preview: Option<Rc<Preview>>,
    terminal: u32,
    present: bool,
    notice: Option<Notice>,
    about: Option<Vec<Earlier>>,
    /// Set when the session that is being opened is not wanted any more.
    stop: Rc<Cell<bool>>,
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

/// The session with which the page begins.
#[derive(Clone, Properties)]
pub(super) struct Start {
    /// Taken once.
    pub(super) opened: Rc<Cell<Option<Opened>>>,
}

impl PartialEq for Start {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.opened, &other.opened)
    }
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
    /// The terminal that is shown.
    pub(super) terminal: screen::Terminal,
    /// Numbers of all terminals.
    pub(super) terminals: Vec<u32>,
    /// Requests on their way over the map.
    pub(super) flows: Rc<Flows>,
    /// What happened last, newest last.
    pub(super) captions: Vec<Caption>,
    /// What the client asks for.
    pub(super) client: Option<String>,
    /// Names that the terminal can complete.
    pub(super) names: Rc<[String]>,
    /// Files of the learner.
    pub(super) files: Vec<String>,
    /// Faults in force.
    pub(super) faults: Vec<screen::ActiveFault>,
    /// What can be broken.
    pub(super) breakable: Vec<screen::Breakable>,
}

impl Shown {
    /// What there is to see of a session, or of a moment of its past.
    pub(super) fn of(
        session: &Session,
        past: Option<&World>,
        platform: Platform,
        focus: Option<&Focus>,
        catalogue: &Catalogue,
        terminal: u32,
        speed: u32,
    ) -> Self {
        let world = past.unwrap_or(session.head());
        let map = map_view::map(world);
        let cwd = world.shell().cwd(terminal).unwrap_or("/");
        let window = SimDuration(DOTS_MS * 250 * u64::from(speed.max(1)));
        Self {
            now: world.now(),
            inspected: focus.and_then(|focus| object::inspect(world, focus, catalogue)),
            marks: crate::view::timeline::marks(session, catalogue),
            traffic: crate::view::traffic::traffic(world, &map),
            terminal: screen::terminal(world, terminal),
            terminals: world.shell().terminals().keys().copied().collect(),
            flows: Rc::new(flows::flows(world, &map, window)),
            captions: captions::captions(world, catalogue),
            client: screen::client(world),
            names: crate::view::complete::names(world, &map, platform.home(), cwd).into(),
            files: screen::files(world, platform.home()),
            faults: screen::faults(world, catalogue),
            breakable: screen::breakable(world, &map),
            map,
        }
    }
}

impl Component for App {
    type Message = Msg;
    type Properties = Start;

    fn create(ctx: &Context<Self>) -> Self {
        let platform = Platform::FIRST;
        let opened = ctx.props().opened.take().unwrap_or_else(|| Opened {
            session: opening::living_example(platform),
            platform,
            notice: None,
            guest: false,
        });
        let Opened { session, platform, notice, guest } = opened;
        let catalogue = Rc::new(Catalogue::new(&opening::language()));
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
            menu: None,
            preview: None,
            terminal: FIRST_TERMINAL,
            present: false,
            notice,
            about: None,
            stop: Rc::default(),
            file,
            draft: None,
            verdict: Rc::new(Verdict { accepted: true, ..Verdict::default() }),
            view: Rc::new(Shown::default()),
            last_frame: None,
            drawn: 0.0,
            kept: 0.0,
            dirty: true,
            _frame: None,
            _keys: keys::listen(ctx),
        };
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
            self.focus.is_some().then_some("focused"),
            past.is_some().then_some("past"),
        );
        html! {
            <>
            <div class={classes} inert={self.menu.is_some() || self.about.is_some()}>
                <header::Header catalogue={catalogue.clone()} platform={self.platform}
                    theme={self.theme} present={self.present} panel={self.panel}
                    notice={self.notice.clone()} guest={self.guest} send={send.clone()} />
                <files::Files catalogue={catalogue.clone()} files={shown.files.clone()}
                    open={self.file.clone()} text={self.text()} verdict={self.verdict.clone()}
                    changed={self.draft.is_some()} platform={self.platform}
                    preview={self.preview.clone()} send={send.clone()} />
                <map::MapPanel catalogue={catalogue.clone()} shown={shown.clone()}
                    focus={self.focus.clone()} pace={self.pace()} send={send.clone()} />
                <inspector::Inspector catalogue={catalogue.clone()} shown={shown.clone()}
                    focus={self.focus.clone()} send={send.clone()} />
                <terminal::Terminal catalogue={catalogue.clone()} shown={shown.clone()}
                    number={self.terminal} past={past.is_some()} send={send.clone()} />
                <graphs::Graphs catalogue={catalogue.clone()} shown={shown.clone()} />
                <timeline::Timeline catalogue={catalogue.clone()} shown={shown.clone()}
                    head={self.session.head().now()} past={past} playing={self.playing}
                    speed={self.speed} send={send.clone()} />
            </div>
            if let Some(about) = &self.menu {
                <menu::Menu catalogue={catalogue.clone()} shown={shown.clone()} about={about.clone()}
                    send={send.clone()} />
            }
            if let Some(earlier) = &self.about {
                <about::About {catalogue} earlier={earlier.clone()} {send} />
            }
            </>
        }
    }
}

impl App {
    fn next_frame(&mut self, ctx: &Context<Self>) {
        let link = ctx.link().clone();
        self._frame = Some(request_animation_frame(move |at| link.send_message(Msg::Frame(at))));
    }

    /// Let time pass for one frame; whether something is to be drawn.
    #[expect(clippy::float_arithmetic, reason = "the browser's clock, which decides no simulation")]
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
            Msg::Select(focus) => self.select(focus),
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
                self.menu = None;
                self.command(Command::Break { kind, target, lasting: None });
            }
            Msg::Menu(shown) => self.menu = shown.map(|about| about.or_else(|| self.focus.clone())),
            Msg::Language(lang) => self.speak(lang),
            Msg::Theme(theme) => self.shine(theme),
            Msg::Present(present) => self.present = present,
            Msg::Platform(platform) if platform == self.platform => {}
            Msg::Platform(platform) => self.fetch(ctx, platform, Other::Show),
            Msg::Reset => self.reset(),
            Msg::Export => js::save_file("drydock.json", &Save::of(&self.session).to_json()),
            Msg::Import => ctx.link().send_future(async {
                Msg::Imported(js::open_file().await.ok().and_then(|text| text.as_string()))
            }),
            Msg::Imported(text) => {
                if let Some(text) = text {
                    self.import(ctx, text);
                }
            }
            Msg::Other(other) => self.other(ctx, other),
            Msg::About(shown) => self.about = shown.then(storage::earlier),
            Msg::Adopt => {
                self.guest = false;
                self.notice = None;
                self.keep();
            }
            Msg::Return => self.leave(ctx),
            Msg::Key(key) => self.key(ctx, &key),
            Msg::Remove(path) => self.remove(path),
            Msg::Rename(name) => self.rename(&name),
            Msg::Carry => self.carry(ctx),
            Msg::Preview => self.preview(),
            Msg::Terminal(number) => self.terminal = number,
            Msg::NewTerminal => self.open_terminal(),
            Msg::Aim(url) => self.aim(url),
            Msg::Share => self.share(ctx),
            Msg::Shared(Ok(_)) => self.notice = Some(Notice::new("notice-copied")),
            Msg::Shared(Err(link)) => {
                self.notice = Some(Notice::of(Message::new("notice-link").with("link", link)));
            }
            Msg::Panel(panel) => self.panel = panel,
            Msg::Open(path) => self.open(path),
            Msg::Edited(text) => self.edit(text),
            Msg::NewFile => self.new_file(),
            Msg::Apply => self.apply(),
            Msg::Dismiss => self.notice = None,
        }
    }

    /// Simulated microseconds that pass per millisecond.
    fn pace(&self) -> u32 {
        if self.playing && self.scrub.is_none() { self.speed * 250 } else { 0 }
    }

    fn select(&mut self, focus: Option<Focus>) {
        self.focus = focus;
        if self.focus.is_some() && js::matches("(max-width: 1099px)") {
            self.panel = Panel::Inspector;
        }
    }

    fn speak(&mut self, lang: &'static str) {
        storage::set("lang", lang);
        self.catalogue = Rc::new(Catalogue::new(lang));
        self.dress();
    }

    fn shine(&mut self, theme: &'static str) {
        storage::set("theme", theme);
        self.theme = theme;
        self.dress();
    }

    fn refresh(&mut self) {
        let past = self.scrub.as_ref().map(|(_, world)| world);
        let world = past.unwrap_or(self.session.head());
        if !world.shell().terminals().contains_key(&self.terminal) {
            self.terminal = FIRST_TERMINAL;
        }
        let shown = Shown::of(
            &self.session,
            past,
            self.platform,
            self.focus.as_ref(),
            &self.catalogue,
            self.terminal,
            self.speed,
        );
        self.view = Rc::new(shown);
        self.dirty = false;
    }

    /// Language and look of the document.
    fn dress(&self) {
        js::set_root("lang", self.catalogue.lang());
        js::set_root("data-theme", self.theme);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a frame is shorter than 2^32 ms")]
#[expect(clippy::cast_sign_loss, reason = "negative frames were cut to zero")]
fn millis(frame: f64) -> u64 {
    frame as u64
}
