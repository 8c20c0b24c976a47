//! What the learner does to the session and its files.

use std::collections::BTreeSet;
use std::rc::Rc;

use yew::prelude::*;

use super::App;
use crate::ui::opening::{self, Opened};
use crate::ui::state::{Msg, Notice};
use crate::ui::{js, storage};
use crate::view::editor::{self, Dialect};
use crate::view::{preview, screen};
use crate::world::command::Command;
use crate::world::save::Save;

/// The terminal with which a world begins.
pub(in crate::ui) const FIRST_TERMINAL: u32 = 1;
/// Most terminals at once.
pub(in crate::ui) const MAX_TERMINALS: usize = 6;
/// Requests per second of the client, in thousandths, where it had none.
const GENTLE: u32 = 5_000;
/// Where the learner's files lie.
const HOME: &str = "/home/student/";

impl App {
    /// A command acts in the present: a past that is shown is left first.
    pub(super) fn command(&mut self, command: Command) {
        self.scrub = None;
        self.keep();
        if !self.session.execute(command) {
            self.notice = Some(Notice::new("notice-log-full"));
        }
    }

    /// Keep the own session; one from elsewhere only when the learner wants it.
    pub(super) fn keep(&self) {
        if !self.guest {
            storage::keep(self.platform, &Save::of(&self.session));
        }
    }

    /// Show another session.
    pub(super) fn show(&mut self, opened: Opened) {
        self.keep();
        let Opened { session, platform, notice, guest } = opened;
        self.file = opening::first_file(&session, platform);
        self.session = session;
        self.platform = platform;
        self.guest = guest;
        self.notice = notice;
        self.about = None;
        self.scrub = None;
        self.focus = None;
        self.draft = None;
        self.preview = None;
        self.menu = None;
        self.terminal = FIRST_TERMINAL;
        self.playing = true;
        self.check();
    }

    /// Begin the living example anew.
    pub(super) fn reset(&mut self) {
        let platform = self.platform;
        let session = opening::living_example(platform);
        self.show(Opened { session, platform, notice: None, guest: self.guest });
        self.keep();
    }

    pub(super) fn remove(&mut self, path: String) {
        let host = self.platform.home().to_owned();
        if path == self.file {
            self.draft = None;
        }
        self.command(Command::Remove { host, path });
        self.file = opening::first_file(&self.session, self.platform);
        self.check();
    }

    pub(super) fn share(&self, ctx: &Context<Self>) {
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
    pub(super) fn text(&self) -> String {
        self.draft.clone().unwrap_or_else(|| self.stored(&self.file))
    }

    pub(super) fn stored(&self, path: &str) -> String {
        screen::file_text(self.session.head(), self.platform.home(), path)
    }

    pub(super) fn save_draft(&mut self) {
        if let Some(text) = self.draft.take() {
            let host = self.platform.home().to_owned();
            let path = self.file.clone();
            self.command(Command::Write { host, path, text });
        }
    }

    /// Show another file.
    pub(super) fn open(&mut self, path: String) {
        self.save_draft();
        self.file = path;
        self.preview = None;
        self.check();
    }

    /// The text of the open file was changed.
    pub(super) fn edit(&mut self, text: String) {
        self.draft = Some(text);
        self.preview = None;
        self.check();
    }

    pub(super) fn new_file(&mut self) {
        self.save_draft();
        let name = self.free_name("new");
        let host = self.platform.home().to_owned();
        let text = String::new();
        self.command(Command::Write { host, path: name.clone(), text });
        self.file = name;
        self.check();
    }

    /// A name of a file that is not there yet.
    pub(super) fn free_name(&self, stem: &str) -> String {
        let taken: BTreeSet<String> = self.view.files.iter().cloned().collect();
        let names = (1..).map(|n| format!("{HOME}{stem}-{n}.yaml"));
        names.into_iter().find(|path| !taken.contains(path)).unwrap_or_default()
    }

    /// Give the open file another name; folders may be part of it.
    pub(super) fn rename(&mut self, name: &str) {
        let name = name.trim().trim_start_matches(HOME).trim_start_matches('/');
        let path = format!("{HOME}{name}");
        let odd = name.is_empty() || name.split('/').any(|part| part.is_empty() || part == "..");
        if odd || self.view.files.contains(&path) {
            return;
        }
        let text = self.text();
        self.draft = None;
        let host = self.platform.home().to_owned();
        let old = std::mem::replace(&mut self.file, path.clone());
        self.command(Command::Write { host: host.clone(), path, text });
        self.command(Command::Remove { host, path: old });
        self.check();
    }

    /// The open file's name as it is typed in the terminal.
    fn short_name(&self) -> String {
        self.file.strip_prefix(HOME).unwrap_or(&self.file).to_owned()
    }

    /// Find out what applying the open file would change, or hide it again.
    pub(super) fn preview(&mut self) {
        if self.preview.take().is_some() {
            return;
        }
        let (name, text) = (self.short_name(), self.text());
        let dialect = editor::guess(&name, &text);
        let head = self.session.head();
        let found = preview::preview(head, self.platform.home(), &name, &text, dialect);
        self.preview = Some(Rc::new(found));
    }

    /// Open one more terminal and show it.
    pub(super) fn open_terminal(&mut self) {
        let terminals = self.session.head().shell().terminals();
        let number = terminals.keys().next_back().map_or(FIRST_TERMINAL, |last| last + 1);
        if terminals.len() < MAX_TERMINALS {
            let host = self.platform.home().to_owned();
            self.command(Command::Open { terminal: number, host, tty: true });
            self.terminal = number;
        }
    }

    /// Show a terminal that waits for a command: a busy one would take it for input.
    fn find_prompt(&mut self) {
        let shell = self.session.head().shell();
        if shell.idle(self.terminal) {
            return;
        }
        match shell.terminals().keys().find(|number| shell.idle(**number)) {
            Some(number) => self.terminal = *number,
            None => self.open_terminal(),
        }
    }

    /// Let the client send its requests to an address, at its rate.
    pub(super) fn aim(&mut self, url: String) {
        let load = self.session.head().fabric().loads().next();
        let rate_milli = load.map_or(GENTLE, |(_, load)| load.spec.per_kilosecond);
        let (name, from) = ("client".to_owned(), String::new());
        self.command(Command::Load { name, url, from, rate_milli });
        self.playing = true;
    }

    /// Write the file and run the command that a person would type.
    pub(super) fn apply(&mut self) {
        self.save_draft();
        self.preview = None;
        let name = self.short_name();
        let line = match editor::guess(&name, &self.text()) {
            Dialect::Kubernetes => format!("kubectl apply -f {name}"),
            Dialect::Compose | Dialect::Stack => format!("docker compose -f {name} up -d"),
        };
        self.find_prompt();
        self.command(Command::Type { terminal: self.terminal, line });
        self.playing = true;
    }

    /// What the real tool would say of the open file.
    pub(super) fn check(&mut self) {
        let (world, home) = (self.session.head(), self.platform.home());
        let verdict = screen::check(world, home, &self.file, &self.text());
        self.verdict = Rc::new(verdict);
    }
}
