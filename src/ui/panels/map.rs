//! The map: machines, what runs on them, and the services in front.

use std::rc::Rc;

use yew::prelude::*;

use crate::text::Catalogue;
use crate::ui::app::Shown;
use crate::ui::panels::dots::Dots;
use crate::ui::state::Msg;
use crate::view::flows;
use crate::view::focus::Focus;
use crate::view::map::{Bar, Drawer, Machine, Service, Tile};

/// From this many machines on cards are compact.
const COMPACT_FROM: usize = 12;

/// Characters at the end of a name that are always shown.
const TAIL: usize = 6;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) shown: Rc<Shown>,
    pub(crate) focus: Option<Focus>,
    pub(crate) pace: u32,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.focus == other.focus
            && self.pace == other.pace
            && self.shown.map == other.shown.map
            && self.shown.flows == other.shown.flows
            && self.shown.captions == other.shown.captions
            && self.shown.traffic == other.shown.traffic
    }
}

/// The map.
#[component]
pub(crate) fn MapPanel(props: &Props) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let map = &props.shown.map;
    let traffic = &props.shown.traffic;
    let (ok, failed) = (traffic.ok.last().unwrap_or(&0), traffic.failed.last().unwrap_or(&0));
    let compact = map.machines.len() >= COMPACT_FROM;
    let empty = map.machines.iter().all(|m| m.groups.is_empty()) && map.pending.is_empty();
    html! {
        <section class={classes!("map", compact.then_some("compact"))} aria-label={text("panel-map")}>
            <h2>{ text("panel-map") }
                <span class="sum">{ format!("{} {} · {}/{} {} · {} {} · {} {}", map.machines.len(),
                    text("sum-machines"), traffic.ready, traffic.total, text("sum-ready"), ok,
                    text("sum-requests"), failed, text("sum-failed")) }</span>
            </h2>
            <div class="lane">
                <span class="svc client" data-anchor="client" title={props.shown.client.clone()}>{ text("map-client") }{ " ⟶" }</span>
                { for map.services.iter().map(|s| service(props, s)) }
            </div>
            if !map.pending.is_empty() {
                <div class="pending"><h3>{ text("map-pending") }</h3>
                    <div class="tiles">{ for map.pending.iter().map(|t| tile(props, t)) }</div></div>
            }
            if empty {
                <p class="empty">{ text("map-empty") }</p>
            }
            <div class="machines">{ for map.machines.iter().map(|m| machine(props, m)) }</div>
            <ol class="captions" aria-label={text("label-captions")}>
                { for props.shown.captions.iter().map(|c| html! {
                    <li><time>{ c.at.to_string() }</time>
                        <button type="button" class="plain" onclick={select(props, &c.focus)}>
                            if !c.about.is_empty() { <b>{ &c.about }</b> }{ &c.text }</button></li>
                }) }
            </ol>
            <div class="drawers">{ for map.drawers.iter().map(|d| drawer(props, d)) }</div>
            <Dots flows={props.shown.flows.clone()} pace={props.pace} />
        </section>
    }
}

fn select(props: &Props, focus: &Focus) -> Callback<MouseEvent> {
    let (send, focus) = (props.send.clone(), focus.clone());
    Callback::from(move |_| send.emit(Msg::Select(Some(focus.clone()))))
}

/// The other button of the mouse opens the menu of faults for a thing.
fn menu(props: &Props, focus: &Focus) -> Callback<MouseEvent> {
    let (send, focus) = (props.send.clone(), focus.clone());
    Callback::from(move |event: MouseEvent| {
        event.prevent_default();
        send.emit(Msg::Menu(Some(Some(focus.clone()))));
    })
}

fn drawer(props: &Props, drawer: &Drawer) -> Html {
    let more = drawer.count.saturating_sub(drawer.items.len());
    html! {
        <details key={drawer.id} data-drawer={drawer.id}>
            <summary>{ props.catalogue.label(drawer.id) }{ format!(" {}", drawer.count) }</summary>
            <ul>{ for drawer.items.iter().map(|(focus, name)| match focus {
                    Some(focus) => html! { <li><button type="button" class="plain link"
                        onclick={select(props, focus)}>{ name }</button></li> },
                    None => html! { <li>{ name }</li> },
                }) }
                if more > 0 { <li>{ format!("… +{more}") }</li> }</ul>
        </details>
    }
}

fn is_on(props: &Props, focus: &Focus) -> bool {
    props.focus.as_ref() == Some(focus)
}

fn service(props: &Props, service: &Service) -> Html {
    let dot = match (service.ready, service.total) {
        (0, _) => "none",
        (ready, total) if ready < total => "some",
        _ => "all",
    };
    html! {
        <button type="button" key={service.focus.0.clone()} class={classes!("svc", dot, is_on(props, &service.focus).then_some("sel"))}
            data-service={service.name.clone()}
            onclick={select(props, &service.focus)}>
            <i aria-hidden="true" data-anchor={flows::chip(&service.focus.0)}></i>{ &service.name }
            <small>{ format!("{} · {}/{}", service.address, service.ready, service.total) }</small>
        </button>
    }
}

fn machine(props: &Props, machine: &Machine) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let several = machine.groups.len() > 1;
    html! {
        <article key={machine.name.clone()} class={classes!("machine", (!machine.healthy).then_some("down"),
            is_on(props, &machine.focus).then_some("sel"))} data-machine={machine.name.clone()}>
            <button type="button" class="plain title" data-anchor={format!("machine:{}", machine.name)}
                onclick={select(props, &machine.focus)} oncontextmenu={menu(props, &machine.focus)}>
                <b>{ &machine.name }</b><em data-state={machine.state}>{ text(machine.state) }</em>
            </button>
            { bar("cpu", machine.cpu, cores) }
            { bar("mem", machine.memory, memory) }
            { for machine.groups.iter().map(|group| html! {
                <div class="group" key={group.name.clone()}>
                    if several && !group.name.is_empty() { <h4>{ &group.name }</h4> }
                    <div class="tiles">{ for group.tiles.iter().map(|t| tile(props, t)) }</div>
                </div>
            }) }
        </article>
    }
}

/// Requested as the pale bar with its edge, used as the dark one inside, limit as a tick.
fn bar(name: &str, bar: Bar, unit: fn(u64) -> String) -> Html {
    let width = |part: u64| format!("width:{}%", bar.percent(part));
    let title = format!(
        "{name}: {} requested, {} used, {} limit, {} in all",
        unit(bar.requested),
        unit(bar.used),
        unit(bar.limit),
        unit(bar.capacity)
    );
    html! {
        <div class="cap" title={title.clone()} role="img" aria-label={title}>
            <span>{ name }</span>
            <div class="bar"><u style={width(bar.requested)}></u><s style={width(bar.used)}></s>
                if bar.limit > 0 { <i style={format!("left:{}%", bar.percent(bar.limit))}></i> }</div>
            <span>{ format!("{} / {}", unit(bar.requested.max(bar.used)), unit(bar.capacity)) }</span>
        </div>
    }
}

fn cores(milli: u64) -> String {
    format!("{}.{}", milli / 1000, milli % 1000 / 100)
}

fn memory(bytes: u64) -> String {
    let mib = bytes >> 20;
    if mib >= 1024 {
        format!("{}.{} Gi", mib / 1024, mib % 1024 * 10 / 1024)
    } else {
        format!("{mib} Mi")
    }
}

fn tile(props: &Props, tile: &Tile) -> Html {
    let word = props.catalogue.label(tile.state.word());
    let more = match (tile.percent, tile.seconds_left) {
        (Some(percent), _) => format!(" {percent}%"),
        (None, Some(seconds)) => format!(" {seconds} s"),
        (None, None) if tile.restarts > 0 => format!(" ↻{}", tile.restarts),
        (None, None) => String::new(),
    };
    let label = format!("{} {word}{more} ({})", tile.name, tile.status);
    // The end of a name tells it from its like, so it is never cut off.
    let cut = tile.short.char_indices().rev().nth(TAIL - 1).map_or(0, |(at, _)| at);
    let (head, tail) = tile.short.split_at(cut);
    html! {
        <button type="button" key={tile.key.clone()} class={classes!("tile", tile.state.class(),
            is_on(props, &tile.focus).then_some("sel"))} title={label.clone()} aria-label={label}
            data-tile={tile.name.clone()} data-state={tile.state.word()} data-anchor={format!("tile:{}", tile.key)}
            onclick={select(props, &tile.focus)} oncontextmenu={menu(props, &tile.focus)}>
            <b><span>{ head }</span>{ tail }</b>
            <span class="w"><i aria-hidden="true">{ tile.state.shape() }</i>{ format!(" {word}{more}") }</span>
        </button>
    }
}
