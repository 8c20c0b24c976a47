//! What this is: version and build, and the sessions that are kept besides the own ones.

use std::rc::Rc;

use yew::prelude::*;

use crate::text::Catalogue;
use crate::ui::panels::menu::use_keyboard;
use crate::ui::state::{Msg, Other, Platform};
use crate::ui::storage::Earlier;
use crate::world::save::{BUILD, CORE};

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) earlier: Vec<Earlier>,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang() && self.earlier == other.earlier
    }
}

/// The sheet.
#[component]
pub(crate) fn About(props: &Props) -> Html {
    let dialog = use_node_ref();
    use_keyboard(dialog.clone());
    let text = |id: &str| props.catalogue.label(id);
    let close = {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::About(false)))
    };
    let build = [("version", CORE), ("build", BUILD)];
    html! {
        <div class="veil" onclick={close.clone()}>
            <div class="menu about" role="dialog" aria-modal="true" aria-label={text("action-about")} tabindex="-1"
                ref={dialog} onclick={Callback::from(|event: MouseEvent| event.stop_propagation())}>
                <h2>{ "Drydock" }
                    <button type="button" class="plain" aria-label={text("action-close")} onclick={close}>{ "✕" }</button></h2>
                <p data-build={BUILD}>{ props.catalogue.label_with("about-build", &build) }</p>
                <p>{ text("about-builds") }</p>
                if !props.earlier.is_empty() {
                    <h3>{ text("about-earlier") }</h3>
                    <ul>{ for props.earlier.iter().map(|earlier| row(props, earlier)) }</ul>
                }
            </div>
        </div>
    }
}

/// A kept session and what can be done with it.
fn row(props: &Props, earlier: &Earlier) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let platform = Platform::ALL.iter().find(|p| p.0 == earlier.platform).map_or("", |p| p.1);
    let origin = match (earlier.aside, earlier.build.as_str()) {
        (true, _) => text("about-aside"),
        (false, "") => text("about-unnamed"),
        (false, build) => build.to_owned(),
    };
    let button = |id: &'static str, act: fn(String) -> Other| {
        let (send, key) = (props.send.clone(), earlier.key.clone());
        let press = Callback::from(move |_: MouseEvent| send.emit(Msg::Other(act(key.clone()))));
        html! { <button type="button" class="btn" data-action={id.trim_start_matches("action-")} onclick={press}>{ text(id) }</button> }
    };
    html! {
        <li data-earlier={earlier.key.clone()}>
            <span><b>{ text(platform) }</b>{ " · " }<code>{ origin }</code></span>
            { button("action-open-earlier", Other::Open) }
            { button("action-export", Other::Save) }
            { button("action-remove-earlier", Other::Remove) }
        </li>
    }
}
