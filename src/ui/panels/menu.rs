//! Break something: faults by place, each with what it does in real life.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::time::SimDuration;
use crate::engine::fault::FaultKind;
use crate::text::Catalogue;
use crate::ui::app::Shown;
use crate::ui::js;
use crate::ui::state::Msg;
use crate::world::command::Command;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) shown: Rc<Shown>,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.shown.breakable == other.shown.breakable
            && self.shown.faults == other.shown.faults
    }
}

/// Faults of a machine: text id of the button, the fault.
fn machine_faults() -> [(&'static str, FaultKind); 5] {
    [
        ("fault-host-down", FaultKind::HostDown),
        ("fault-link-down", FaultKind::LinkDown),
        ("fault-link-delay", FaultKind::LinkDelay(SimDuration::from_millis(300))),
        ("fault-link-loss", FaultKind::LinkLoss(200)),
        ("fault-process-down", FaultKind::ProcessDown),
    ]
}

/// Faults of a container.
fn container_faults() -> [(&'static str, FaultKind); 3] {
    [
        ("fault-container-oom", FaultKind::ContainerOom),
        ("fault-container-exit", FaultKind::ContainerExit(1)),
        ("fault-hang", FaultKind::Hang),
    ]
}

/// One of all faults, drawn by the moment at which it is asked for.
fn surprise(props: &Props) -> Callback<MouseEvent> {
    let (send, shown) = (props.send.clone(), props.shown.clone());
    Callback::from(move |_| {
        let mut faults: Vec<(FaultKind, String)> = Vec::new();
        for place in &shown.breakable {
            let kinds = faults_of(place.kind).into_iter();
            faults.extend(kinds.map(|(_, kind)| (kind, place.target.clone())));
        }
        let drawn = usize::try_from(shown.now.0 / 1_000).unwrap_or(0) % faults.len().max(1);
        if let Some((kind, target)) = faults.into_iter().nth(drawn) {
            send.emit(Msg::Break(kind, target));
        }
    })
}

/// The faults of a kind of place.
fn faults_of(kind: &str) -> Vec<(&'static str, FaultKind)> {
    if kind == "breakable-machine" {
        machine_faults().to_vec()
    } else {
        container_faults().to_vec()
    }
}

/// The menu.
#[component]
pub(crate) fn Menu(props: &Props) -> Html {
    let chosen = use_state(|| 0_usize);
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with((), move |()| {
            if let Some(element) = dialog.cast::<web_sys::Element>() {
                js::focus(&element);
            }
        });
    }
    let text = |id: &str| props.catalogue.label(id);
    let close = {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Menu(false)))
    };
    let choose = {
        let chosen = chosen.clone();
        Callback::from(move |event: Event| {
            let field = event.target_dyn_into::<web_sys::HtmlSelectElement>();
            chosen.set(field.and_then(|f| f.value().parse().ok()).unwrap_or(0));
        })
    };
    let place = props.shown.breakable.get(*chosen);
    html! {
        <div class="veil" onclick={close.clone()}>
            <div class="menu" role="dialog" aria-modal="true" aria-label={text("action-break")} tabindex="-1"
                ref={dialog} onclick={Callback::from(|event: MouseEvent| event.stop_propagation())}>
                <h2>{ text("action-break") }
                    <button type="button" class="plain" aria-label={text("action-close")} onclick={close}>{ "✕" }</button></h2>
                <p class="surprise"><button type="button" class="btn break" data-action="surprise"
                    onclick={surprise(props)}>{ text("action-surprise") }</button></p>
                <label>{ text("label-place") }
                    <select data-control="place" onchange={choose}>
                        { for props.shown.breakable.iter().enumerate().map(|(i, b)| html! {
                            <option value={i.to_string()} selected={i == *chosen}>{ format!("{}: {}", text(b.kind), b.name) }</option>
                        }) }
                    </select>
                </label>
                <ul class="faults">
                    { for place.into_iter().flat_map(|place| {
                        let faults = faults_of(place.kind);
                        let target = place.target.clone();
                        faults.into_iter().map(move |(id, kind)| (id, kind, target.clone()))
                    }).map(|(id, kind, target)| {
                        let send = props.send.clone();
                        let act = Callback::from(move |_: MouseEvent| send.emit(Msg::Break(kind.clone(), target.clone())));
                        html! { <li><button type="button" class="btn" data-fault={id} onclick={act}>{ text(id) }</button>
                            <p>{ text(&format!("{id}-help")) }</p></li> }
                    }) }
                </ul>
                if !props.shown.faults.is_empty() {
                    <h3>{ text("menu-active") }</h3>
                    <ul class="faults">
                        { for props.shown.faults.iter().map(|f| {
                            let (send, kind, target) = (props.send.clone(), f.kind.clone(), f.target.clone());
                            let act = Callback::from(move |_: MouseEvent| {
                                send.emit(Msg::Do(Command::Mend { kind: kind.clone(), target: target.clone() }));
                            });
                            html! { <li><button type="button" class="btn" data-action="mend" onclick={act}>{ text("action-mend") }</button>
                                <p>{ &f.text }</p></li> }
                        }) }
                    </ul>
                }
            </div>
        </div>
    }
}
