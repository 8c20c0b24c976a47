//! Keys that work everywhere but in text fields.

use gloo::events::{EventListener, EventListenerOptions};
use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use super::App;
use crate::ui::js;
use crate::ui::state::Msg;

impl App {
    /// A key that was pressed outside of text fields.
    pub(super) fn key(&mut self, ctx: &Context<Self>, key: &str) {
        let msg = match key {
            " " => Msg::Play(!(self.playing && self.scrub.is_none())),
            "." => Msg::Step,
            "p" | "P" => Msg::Present(!self.present),
            "b" | "B" => Msg::Menu(Some(None)),
            "Escape" if self.about.is_some() => Msg::About(false),
            "Escape" => Msg::Menu(None),
            _ => return,
        };
        self.handle(ctx, msg);
    }
}

/// Keys go to the page wherever the focus is.
pub(super) fn listen(ctx: &Context<App>) -> EventListener {
    let link = ctx.link().clone();
    let options = EventListenerOptions::enable_prevent_default();
    let document = gloo::utils::document();
    EventListener::new_with_options(&document, "keydown", options, move |event| {
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
