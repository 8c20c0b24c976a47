//! What the learner does to the session and its files.

use std::collections::BTreeSet;
use std::rc::Rc;

use yew::prelude::*;

use super::{App, TERMINAL};
use crate::ui::opening::{self, Opened};
use crate::ui::state::Msg;
use crate::ui::{js, storage};
use crate::view::editor::{self, Dialect};
use crate::view::screen;
use crate::world::command::Command;
use crate::world::save::Save;

impl App {
    /// A command acts in the present: a past that is shown is left first.
    pub(super) fn command(&mut self, command: Command) {
        self.scrub = None;
        self.keep();
        if !self.session.execute(command) {
            self.notice = Some(self.catalogue.label("notice-log-full"));
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
        self.notice = notice.map(|id| self.catalogue.label(id));
        self.scrub = None;
        self.focus = None;
        self.draft = None;
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

    /// Return from a session from elsewhere.
    pub(super) fn leave(&mut self) {
        let _ = js::window().location().set_hash("");
        self.show(opening::own(self.platform));
    }

    pub(super) fn import(&mut self, text: &str) {
        match Save::from_json(text) {
            Ok(save) => self.show(opening::of_save(save)),
            Err(error) => self.notice = Some(error.to_string()),
        }
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

    pub(super) fn share(&mut self, ctx: &Context<Self>) {
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

    pub(super) fn new_file(&mut self) {
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
    pub(super) fn apply(&mut self) {
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
    pub(super) fn check(&mut self) {
        let (world, home) = (self.session.head(), self.platform.home());
        let verdict = screen::check(world, home, &self.file, &self.text());
        self.verdict = Rc::new(verdict);
    }
}
