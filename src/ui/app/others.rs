//! Other sessions than the one that is shown: opening them takes its time, and the page goes on
//! meanwhile.

use std::rc::Rc;

use yew::prelude::*;

use super::App;
use crate::ui::opening::{self, Opened, Waiting};
use crate::ui::state::{Msg, Other, Platform};
use crate::ui::{js, storage};
use crate::world::command::Command;
use crate::world::save::Save;

impl App {
    /// What the page is told of another session.
    pub(super) fn other(&mut self, ctx: &Context<Self>, other: Other) {
        match other {
            Other::Show(opened) => self.show(*opened),
            Other::Carried(opened, text) => self.carried(*opened, text),
            Other::Refused(notice) => self.notice = Some(notice),
            Other::Progress(percent) => self.notice = Some(opening::progress(percent)),
            Other::Stop => self.stop.set(true),
            Other::Newest => self.leave_for_newest(ctx),
            Other::Open(key) => self.open_earlier(ctx, &key),
            Other::Save(key) => opening::save_earlier(&key),
            Other::Remove(key) => {
                storage::remove(&key);
                self.about = Some(storage::earlier());
            }
        }
    }

    /// Return from a session from elsewhere.
    pub(super) fn leave(&mut self, ctx: &Context<Self>) {
        let _ = js::window().location().set_hash("");
        storage::prefer_own(self.platform);
        self.fetch(ctx, self.platform, Other::Show);
    }

    /// Open the learner's own session of a platform, then go on with it.
    pub(super) fn fetch(
        &mut self,
        ctx: &Context<Self>,
        platform: Platform,
        then: impl FnOnce(Box<Opened>) -> Other + 'static,
    ) {
        // What is shown is part of what is kept, and may be what is opened.
        self.keep();
        let waiting = self.waiting(ctx);
        ctx.link().send_future(async move {
            let opened = opening::own(platform, &waiting).await.map(Box::new);
            Msg::Other(opened.map_or_else(Other::Refused, then))
        });
    }

    /// Open a session from elsewhere.
    pub(super) fn import(&mut self, ctx: &Context<Self>, text: String) {
        self.keep();
        let waiting = self.waiting(ctx);
        ctx.link().send_future(async move {
            let opened = opening::of_text(&text, &waiting).await.map(Box::new);
            Msg::Other(opened.map_or_else(Other::Refused, Other::Show))
        });
    }

    /// Open a session that is kept besides the own one.
    fn open_earlier(&mut self, ctx: &Context<Self>, key: &str) {
        self.about = None;
        if let Some(text) = storage::text(key) {
            self.import(ctx, text);
        }
    }

    /// Open this session in the newest build of the site.
    fn leave_for_newest(&self, ctx: &Context<Self>) {
        self.keep();
        let link = Save::of(&self.session).to_link();
        ctx.link().send_future(async move {
            opening::leave_for_newest(link).await;
            Msg::Dismiss
        });
    }

    /// What a session that is being opened tells this page.
    fn waiting(&mut self, ctx: &Context<Self>) -> Waiting {
        // Another one that is still on its way is not wanted any more.
        self.stop.set(true);
        self.stop = Rc::default();
        let link = ctx.link().clone();
        let tell = Rc::new(move |percent| link.send_message(Msg::Other(Other::Progress(percent))));
        Waiting { tell, stop: self.stop.clone() }
    }

    /// Take the open file over into the other world.
    pub(super) fn carry(&mut self, ctx: &Context<Self>) {
        let text = self.text();
        let other = match self.platform {
            Platform::Docker => Platform::Kubernetes,
            Platform::Kubernetes => Platform::Docker,
        };
        self.fetch(ctx, other, |opened| Other::Carried(opened, text));
    }

    /// The other world is open: put the file into it.
    fn carried(&mut self, opened: Opened, text: String) {
        self.show(opened);
        self.refresh();
        let host = self.platform.home().to_owned();
        let path = self.free_name("new");
        self.file.clone_from(&path);
        self.command(Command::Write { host, path, text });
        self.check();
    }
}
