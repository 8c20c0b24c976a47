//! Break something: faults by place, each with what it does in real life.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::time::SimDuration;
use crate::engine::fault::FaultKind;
use crate::text::Catalogue;
use crate::ui::app::Shown;
use crate::ui::js;
use crate::ui::state::Msg;
use crate::view::focus::Focus;
use crate::view::screen::Breakable;
use crate::world::command::Command;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) shown: Rc<Shown>,
    /// The thing for which the menu was opened.
    pub(crate) about: Option<Focus>,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.about == other.about
            && self.shown.breakable == other.shown.breakable
            && self.shown.faults == other.shown.faults
    }
}

/// What a button of the menu does.
#[derive(Clone)]
enum Act {
    /// A fault.
    Break(FaultKind),
    /// The client sends this many requests in a thousand seconds.
    Load(u32),
}

/// A button: text id, what it does, the command that does the same in real life.
type Choice = (&'static str, Act, &'static str);

const DELAY: FaultKind = FaultKind::LinkDelay(SimDuration(300_000));
const LOSS: FaultKind = FaultKind::LinkLoss(200);

/// The buttons of a kind of place.
fn choices(kind: &str) -> Vec<Choice> {
    let fault = |id, kind, command| (id, Act::Break(kind), command);
    match kind {
        "breakable-machine" => vec![
            fault("fault-host-down", FaultKind::HostDown, "systemctl poweroff -ff"),
            fault("fault-link-down", FaultKind::LinkDown, "ip link set eth0 down"),
            fault("fault-link-delay", DELAY, "tc qdisc add dev eth0 root netem delay 300ms"),
            fault("fault-link-loss", LOSS, "tc qdisc add dev eth0 root netem loss 20%"),
            fault("fault-process-down", FaultKind::ProcessDown, "kill -9 $(pidof kubelet dockerd)"),
        ],
        "breakable-component" => vec![
            fault("fault-component-down", FaultKind::ProcessDown, "kill -9"),
            fault("fault-component-frozen", FaultKind::ProcessFrozen, "kill -STOP"),
        ],
        "breakable-container" => vec![
            fault("fault-container-oom", FaultKind::ContainerOom, ""),
            fault("fault-container-exit", FaultKind::ContainerExit(1), ""),
            fault("fault-hang", FaultKind::Hang, "kill -STOP 1"),
            fault("fault-deaf", FaultKind::IgnoreSigterm, "trap '' TERM"),
        ],
        "breakable-registry" => vec![
            fault("fault-registry-not-found", FaultKind::RegistryNotFound, ""),
            fault("fault-registry-too-many", FaultKind::RegistryTooManyRequests, ""),
            fault("fault-registry-slow", FaultKind::RegistrySlow, ""),
        ],
        _ => vec![
            ("traffic-rush", Act::Load(100_000), ""),
            ("traffic-gentle", Act::Load(5_000), ""),
            ("traffic-none", Act::Load(0), ""),
        ],
    }
}

/// What is told when a button is pressed.
fn message(act: &Act, target: &str) -> Msg {
    match act {
        Act::Break(kind) => Msg::Break(kind.clone(), target.to_owned()),
        Act::Load(rate) => Msg::Do(Command::Load {
            name: "client".to_owned(),
            url: target.to_owned(),
            from: String::new(),
            rate_milli: *rate,
        }),
    }
}

/// One of all faults, drawn by the moment at which it is asked for.
fn surprise(props: &Props) -> Callback<MouseEvent> {
    let (send, shown) = (props.send.clone(), props.shown.clone());
    Callback::from(move |_| {
        let faults = shown.breakable.iter().flat_map(|place| {
            choices(place.kind).into_iter().map(move |(_, act, _)| message(&act, &place.target))
        });
        let mut faults: Vec<Msg> = faults.filter(|msg| matches!(msg, Msg::Break(..))).collect();
        let drawn = usize::try_from(shown.now.0 / 1_000).unwrap_or(0) % faults.len().max(1);
        if drawn < faults.len() {
            send.emit(faults.swap_remove(drawn));
        }
    })
}

/// Take the keyboard, and give it back in the end.
#[hook]
pub(super) fn use_keyboard(dialog: NodeRef) {
    use_effect_with((), move |()| {
        let before = gloo::utils::document().active_element();
        if let Some(element) = dialog.cast::<web_sys::Element>() {
            js::focus(&element);
        }
        move || {
            if let Some(element) = before {
                js::focus(&element);
            }
        }
    });
}

/// The menu.
#[component]
pub(crate) fn Menu(props: &Props) -> Html {
    let places = &props.shown.breakable;
    let first = places.iter().find(|place| props.about.is_some() && place.focus == props.about);
    let first = first.map(|place| place.target.clone());
    let chosen = use_state(|| first);
    let dialog = use_node_ref();
    use_keyboard(dialog.clone());
    let text = |id: &str| props.catalogue.label(id);
    let close = {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(Msg::Menu(None)))
    };
    let choose = {
        let chosen = chosen.clone();
        Callback::from(move |event: Event| {
            let field = event.target_dyn_into::<web_sys::HtmlSelectElement>();
            chosen.set(field.map(|field| field.value()));
        })
    };
    let wanted = chosen.as_ref();
    let place = places.iter().find(|place| Some(&place.target) == wanted).or(places.first());
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
                        { for KINDS.iter().map(|kind| html! {
                            <optgroup label={text(kind)}>
                                { for places.iter().filter(|p| p.kind == *kind).map(|p| html! {
                                    <option value={p.target.clone()} selected={place == Some(p)}>{ &p.name }</option>
                                }) }
                            </optgroup>
                        }) }
                    </select>
                </label>
                { place.map(|place| buttons(props, place)).unwrap_or_default() }
                { in_force(props) }
            </div>
        </div>
    }
}

/// Kinds of places, in the order of the list.
const KINDS: [&str; 5] = [
    "breakable-machine",
    "breakable-component",
    "breakable-container",
    "breakable-registry",
    "breakable-traffic",
];

fn buttons(props: &Props, place: &Breakable) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    html! {
        <ul class="faults">
            { for choices(place.kind).into_iter().map(|(id, act, command)| {
                let (send, msg) = (props.send.clone(), message(&act, &place.target));
                let act = Callback::from(move |_: MouseEvent| {
                    send.emit(msg.clone());
                    send.emit(Msg::Menu(None));
                });
                html! { <li><button type="button" class="btn" data-fault={id} onclick={act}>{ text(id) }</button>
                    <p>{ text(&format!("{id}-help")) }
                        if !command.is_empty() { <code>{ command }</code> }</p></li> }
            }) }
        </ul>
    }
}

/// The faults in force, to mend them.
fn in_force(props: &Props) -> Html {
    if props.shown.faults.is_empty() {
        return html! {};
    }
    let text = |id: &str| props.catalogue.label(id);
    html! {
        <>
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
        </>
    }
}
