//! The top line: name, worlds, language, look, sharing.

use std::rc::Rc;

use yew::prelude::*;

use crate::text::{Catalogue, LANGUAGES};
use crate::ui::state::{Msg, Notice, Offer, Other, Panel, Platform};

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) platform: Platform,
    pub(crate) theme: &'static str,
    pub(crate) present: bool,
    pub(crate) panel: Panel,
    pub(crate) notice: Option<Notice>,
    pub(crate) guest: bool,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.platform == other.platform
            && self.theme == other.theme
            && self.present == other.present
            && self.panel == other.panel
            && self.notice == other.notice
            && self.guest == other.guest
    }
}

/// The top line.
#[component]
pub(crate) fn Header(props: &Props) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let tell = |msg: Msg| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(msg.clone()))
    };
    let lang = props.catalogue.lang();
    let (other_theme, theme_text) = match props.theme {
        "dark" => ("light", text("theme-light")),
        _ => ("dark", text("theme-dark")),
    };
    html! {
        <>
        <header class="top">
            <h1>{ "⚓ Drydock" }</h1>
            <nav class="platforms" aria-label={text("label-worlds")}>
                { for Platform::ALL.iter().map(|(platform, id)| html! {
                    <button type="button" class={classes!("tab", (*platform == props.platform).then_some("on"))}
                        aria-pressed={(*platform == props.platform).to_string()}
                        data-platform={*id} onclick={tell(Msg::Platform(*platform))}>{ text(id) }</button>
                }) }
            </nav>
            <div class="right">
                <button type="button" class="plain" data-action="reset" onclick={tell(Msg::Reset)}>{ text("action-reset") }</button>
                <button type="button" class="plain" data-action="share" onclick={tell(Msg::Share)}>{ text("action-share") }</button>
                <button type="button" class="plain" data-action="export" onclick={tell(Msg::Export)}>{ text("action-export") }</button>
                <button type="button" class="plain" data-action="import" onclick={tell(Msg::Import)}>{ text("action-import") }</button>
                <button type="button" class="plain" data-action="present" title="P" aria-pressed={props.present.to_string()}
                    onclick={tell(Msg::Present(!props.present))}>{ text("action-present") }</button>
                <button type="button" class="plain" data-action="about" onclick={tell(Msg::About(true))}>{ text("action-about") }</button>
                { for LANGUAGES.iter().map(|(code, name)| html! {
                    <button type="button" class={classes!("plain", (*code == lang).then_some("on"))} lang={*code}
                        data-lang={*code} aria-pressed={(*code == lang).to_string()}
                        onclick={tell(Msg::Language(code))}>{ *name }</button>
                }) }
                <button type="button" class="plain" data-action="theme" title={theme_text.clone()} aria-label={theme_text}
                    onclick={tell(Msg::Theme(other_theme))}>{ "◐" }</button>
            </div>
        </header>
        <nav class="panels" aria-label={text("label-panels")}>
            { for Panel::ALL.iter().map(|(panel, id, class)| html! {
                <button type="button" class={classes!("tab", (*panel == props.panel).then_some("on"))}
                    data-panel={*class} aria-pressed={(*panel == props.panel).to_string()}
                    onclick={tell(Msg::Panel(*panel))}>{ text(id) }</button>
            }) }
        </nav>
        if let Some(notice) = &props.notice {
            <p class="notice" role="status">
                <span>{ said(notice, &props.catalogue) }</span>
                if let Some((action, msg)) = notice.offer.map(offer) {
                    <button type="button" class="btn" data-action={action.trim_start_matches("action-")} onclick={tell(msg)}>{ text(action) }</button>
                }
                if props.guest {
                    <button type="button" class="btn" data-action="return" onclick={tell(Msg::Return)}>{ text("action-return") }</button>
                    <button type="button" class="btn" data-action="adopt" onclick={tell(Msg::Adopt)}>{ text("action-adopt") }</button>
                }
                <button type="button" class="plain" aria-label={text("action-close")} onclick={tell(Msg::Dismiss)}>{ "✕" }</button>
            </p>
        }
        </>
    }
}

/// A notice in the language of the page.
fn said(notice: &Notice, catalogue: &Catalogue) -> String {
    let said: Vec<String> = notice.said.iter().map(|message| catalogue.say(message)).collect();
    said.join(" ")
}

/// The button of an offer: its text id, and what it does.
const fn offer(offer: Offer) -> (&'static str, Msg) {
    match offer {
        Offer::Earlier => ("action-earlier", Msg::About(true)),
        Offer::Newest => ("action-newest", Msg::Other(Other::Newest)),
        Offer::Stop => ("action-stop", Msg::Other(Other::Stop)),
    }
}
