//! The inspector: one thing, and why it is as it is.

use std::rc::Rc;

use yew::prelude::*;

use crate::text::Catalogue;
use crate::ui::app::{FIRST_TERMINAL, Shown};
use crate::ui::state::Msg;
use crate::view::focus::Focus;
use crate::view::object::{Inspected, Step, WhyNot};
use crate::world::command::Command;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) shown: Rc<Shown>,
    pub(crate) focus: Option<Focus>,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.focus == other.focus
            && self.shown.inspected == other.shown.inspected
            && self.shown.client == other.shown.client
            && (self.focus.is_some() || self.shown.map == other.shown.map)
    }
}

/// Tabs with the text ids of their names.
const TABS: [&str; 5] = ["tab-why", "tab-summary", "tab-yaml", "tab-events", "tab-logs"];

/// The inspector.
#[component]
pub(crate) fn Inspector(props: &Props) -> Html {
    let tab = use_state(|| 0_usize);
    let text = |id: &str| props.catalogue.label(id);
    let Some(found) = &props.shown.inspected else {
        let empty = if props.focus.is_some() { "inspector-gone" } else { "inspector-empty" };
        return html! {
            <section class="inspector" aria-label={text("panel-inspector")}>
                <h2>{ text("panel-inspector") }</h2><p class="empty">{ text(empty) }</p>
                if props.focus.is_none() { { hints(props) } }
            </section>
        };
    };
    html! {
        <section class="inspector" aria-label={text("panel-inspector")}>
            <h2>{ text("panel-inspector") }</h2>
            <div class="name">{ &found.name }</div>
            <div class="sub">{ [found.kind.as_str(), found.place.as_str()].into_iter()
                .filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" · ") }</div>
            <div class="tabs" role="tablist">
                { for TABS.iter().enumerate().map(|(i, id)| {
                    let tab = tab.clone();
                    html! {
                        <button type="button" role="tab" class={classes!("tab", (*tab == i).then_some("on"))}
                            aria-selected={(*tab == i).to_string()} data-tab={*id}
                            onclick={Callback::from(move |_| tab.set(i))}>{ text(id) }</button>
                    }
                }) }
            </div>
            <div class="body" role="tabpanel">{ body(props, found, *tab) }</div>
        </section>
    }
}

fn body(props: &Props, found: &Inspected, tab: usize) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let empty = |id: &str| html! { <p class="empty">{ text(id) }</p> };
    match tab {
        0 => why(props, found),
        1 => html! {
            <>
            <dl class="facts">{ for found.facts.iter().map(|(id, value)| html! {
                <><dt>{ text(id) }</dt><dd>{ value }</dd></> }) }</dl>
            <ul class="relations">{ for found.relations.iter().map(|(id, focus, name)| {
                let (send, focus) = (props.send.clone(), focus.clone());
                html! { <li>{ text(id) }{ " " }<button type="button" class="plain link"
                    onclick={Callback::from(move |_: MouseEvent| send.emit(Msg::Select(Some(focus.clone()))))}>{ name }</button></li> }
            }) }</ul>
            { aim(props) }
            </>
        },
        2 if found.source.is_empty() => empty("inspector-no-yaml"),
        2 => source(found),
        3 if found.events.is_empty() => empty("inspector-no-events"),
        3 => html! {
            <ul class="events">{ for found.events.iter().map(|e| html! {
                <li class={e.severity.to_lowercase()}><time>{ e.at.to_string() }</time>
                    <b>{ &e.reason }</b>{ if e.count > 1 { format!(" ×{}", e.count) } else { String::new() } }
                    <p>{ &e.message }</p></li>
            }) }</ul>
        },
        _ if found.log.is_empty() => empty("inspector-no-logs"),
        _ => html! { <pre tabindex="0">{ found.log.join("\n") }</pre> },
    }
}

/// The object as the real tool prints it, below the part of the file that it comes from.
fn source(found: &Inspected) -> Html {
    let Some((file, part)) = &found.origin else {
        return html! { <pre tabindex="0">{ &found.source }</pre> };
    };
    html! {
        <>
        <h3>{ file }</h3><pre tabindex="0" class="origin">{ part }</pre>
        <h3>{ format!("docker inspect {}", found.name) }</h3><pre tabindex="0">{ &found.source }</pre>
        </>
    }
}

/// Let the client's requests go to the selected service.
fn aim(props: &Props) -> Html {
    let chosen = props.shown.map.services.iter().find(|s| Some(&s.focus) == props.focus.as_ref());
    let Some(url) = chosen.and_then(|s| s.url.clone()) else { return html! {} };
    if props.shown.client.as_ref() == Some(&url) {
        return html! {};
    }
    let send = props.send.clone();
    let words = props.catalogue.label_with("action-aim", &[("url", &url)]);
    let act = Callback::from(move |_: MouseEvent| send.emit(Msg::Aim(url.clone())));
    html! { <p class="aim"><button type="button" class="btn" data-action="aim" onclick={act}>{ words }</button></p> }
}

/// What a newcomer can try, with a command that fits what is there.
fn hints(props: &Props) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let tile = crate::view::map::tiles(&props.shown.map).last().map(|(_, tile)| tile);
    let command = match tile {
        Some(tile) if tile.focus.0.starts_with("Pod/") => {
            format!("kubectl delete pod {}", tile.name)
        }
        Some(tile) => format!("docker kill {}", tile.name),
        None => "docker ps".to_owned(),
    };
    let send = {
        let (send, line) = (props.send.clone(), command.clone());
        Callback::from(move |_: MouseEvent| {
            let line = line.clone();
            send.emit(Msg::Do(Command::Type { terminal: FIRST_TERMINAL, line }));
        })
    };
    html! {
        <div class="hints"><h3>{ text("inspector-try") }</h3><ul>
            <li><button type="button" class="plain link" onclick={send}>
                { props.catalogue.label_with("inspector-try-type", &[("command", &command)]) }</button></li>
            { for ["inspector-try-break", "inspector-try-paste", "inspector-try-time"].into_iter()
                .map(|id| html! { <li>{ text(id) }</li> }) }
        </ul></div>
    }
}

/// Node by node, why a pod has none.
fn why_not(props: &Props, found: &WhyNot) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let attempts = found.attempts.to_string();
    html! {
        <div class="whynot">
            <h3>{ text("inspector-why-not") }</h3>
            <p>{ &found.message }</p>
            <p class="sum">{ props.catalogue.label_with("inspector-attempts", &[("count", &attempts)]) }</p>
            <table><tbody>{ for found.nodes.iter().map(|(node, plugin, detail)| html! {
                <tr><th scope="row">{ node }</th>
                    <td>{ if plugin.is_empty() { format!("✓ {}", text("inspector-fits")) } else { format!("✖ {plugin}") } }</td>
                    <td>{ detail }</td></tr>
            }) }</tbody></table>
        </div>
    }
}

fn why(props: &Props, found: &Inspected) -> Html {
    if found.why.is_empty() {
        return html! { <p class="empty">{ props.catalogue.label("inspector-no-why") }</p> };
    }
    html! {
        <>
        if let Some(found) = &found.why_not { { why_not(props, found) } }
        <ol class="why">{ for found.why.iter().enumerate().map(|(i, s)| step(props, s, Some(i + 1))) }</ol>
        if found.history.len() > 1 {
            <h3>{ props.catalogue.label("inspector-history") }</h3>
            <ol class="why history">{ for found.history.iter().map(|s| step(props, s, None)) }</ol>
        }
        </>
    }
}

/// A sentence with its moment, which moves the timeline there.
fn step(props: &Props, step: &Step, number: Option<usize>) -> Html {
    let (send, at) = (props.send.clone(), step.at);
    let go = Callback::from(move |_: MouseEvent| send.emit(Msg::Scrub(Some(at))));
    html! {
        <li data-i={number.map_or_else(|| "·".to_owned(), |n| n.to_string())}>
            <button type="button" class="plain time" onclick={go}>{ step.at.to_string() }</button>
            { " " }<span>{ &step.text }</span>
            <small>{ &step.actor }</small>
        </li>
    }
}
