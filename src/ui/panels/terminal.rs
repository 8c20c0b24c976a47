//! The terminal: real lines, a prompt of our own that is right with Hangul composition.

use std::rc::Rc;

use yew::prelude::*;

use crate::text::Catalogue;
use crate::ui::app::{MAX_TERMINALS, Shown};
use crate::ui::js;
use crate::ui::state::Msg;
use crate::world::command::Command;

/// Lines of history kept.
const MAX_HISTORY: usize = 200;
/// The key code of keys that belong to an input method.
const COMPOSING: u32 = 229;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) shown: Rc<Shown>,
    pub(crate) number: u32,
    pub(crate) past: bool,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.past == other.past
            && self.number == other.number
            && self.shown.terminals == other.shown.terminals
            && self.shown.terminal == other.shown.terminal
    }
}

/// What is being typed.
#[derive(Clone, Default, PartialEq)]
struct Typing {
    history: Vec<String>,
    at: Option<usize>,
}

/// The terminal.
#[component]
pub(crate) fn Terminal(props: &Props) -> Html {
    let typing = use_state(Typing::default);
    let input = use_node_ref();
    let screen = use_node_ref();
    let terminal = props.shown.terminal.clone();
    {
        let screen = screen.clone();
        use_effect_with(terminal.clone(), move |_| {
            if let Some(element) = screen.cast::<web_sys::Element>() {
                js::scroll_to_end(&element);
            }
        });
    }
    let keys = keys(props, &typing, &input);
    let focus = {
        let input = input.clone();
        Callback::from(move |_: MouseEvent| {
            let selected = js::window().get_selection().ok().flatten();
            let nothing = selected.is_none_or(|s| s.is_collapsed());
            if nothing && let Some(element) = input.cast::<web_sys::Element>() {
                js::focus(&element);
            }
        })
    };
    let text = |id: &str| props.catalogue.label(id);
    let prompt = if terminal.prompt.is_empty() && terminal.idle { "$ " } else { &terminal.prompt };
    html! {
        <section class="terminal" aria-label={text("panel-terminal")} onclick={focus}>
            <h2>{ text("panel-terminal") }<span class="sum">{ &terminal.cwd }</span>{ tabs(props) }</h2>
            <div class="screen" ref={screen} role="log" aria-live="polite" tabindex="0">
                { for terminal.lines.iter().map(|(class, line)| html! { <div class={*class}>{ line }</div> }) }
                <div class="entry">
                    <span class="p">{ prompt }</span>
                    <input ref={input} type="text" autocomplete="off" autocapitalize="off" spellcheck="false"
                        aria-label={text("label-command")} disabled={props.past} onkeydown={keys} />
                </div>
            </div>
        </section>
    }
}

/// A tab for each terminal, and one more.
fn tabs(props: &Props) -> Html {
    let tell = |msg: Msg| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(msg.clone()))
    };
    let all = &props.shown.terminals;
    let more = props.catalogue.label("action-new-terminal");
    html! {
        <span class="terminals">
            if all.len() > 1 {
                { for all.iter().map(|number| html! {
                    <button type="button" class={classes!("plain", (*number == props.number).then_some("on"))}
                        aria-pressed={(*number == props.number).to_string()} data-terminal={number.to_string()}
                        onclick={tell(Msg::Terminal(*number))}>{ number }</button>
                }) }
            }
            if all.len() < MAX_TERMINALS {
                <button type="button" class="plain" data-action="new-terminal" title={more.clone()} aria-label={more}
                    onclick={tell(Msg::NewTerminal)}>{ "+" }</button>
            }
        </span>
    }
}

fn keys(
    props: &Props,
    typing: &UseStateHandle<Typing>,
    input: &NodeRef,
) -> Callback<KeyboardEvent> {
    let (send, typing, input) = (props.send.clone(), typing.clone(), input.clone());
    let (shown, terminal) = (props.shown.clone(), props.number);
    Callback::from(move |event: KeyboardEvent| {
        let Some(field) = input.cast::<web_sys::HtmlInputElement>() else { return };
        // A key of an input method is not ours: Enter only ends the syllable.
        if event.is_composing() || event.key_code() == COMPOSING {
            return;
        }
        event.stop_propagation();
        let control = event.ctrl_key();
        match event.key().as_str() {
            "Enter" => {
                let line = field.value();
                field.set_value("");
                let mut next = (*typing).clone();
                if !line.trim().is_empty() && next.history.last() != Some(&line) {
                    next.history.push(line.clone());
                    let surplus = next.history.len().saturating_sub(MAX_HISTORY);
                    next.history.drain(..surplus);
                }
                next.at = None;
                typing.set(next);
                send.emit(Msg::Do(Command::Type { terminal, line }));
            }
            "c" if control && field.selection_start() == field.selection_end() => {
                event.prevent_default();
                field.set_value("");
                send.emit(Msg::Do(Command::Interrupt { terminal }));
            }
            "d" if control && field.value().is_empty() => {
                event.prevent_default();
                send.emit(Msg::Do(Command::EndOfInput { terminal }));
            }
            "ArrowUp" | "ArrowDown" => {
                event.prevent_default();
                let up = event.key() == "ArrowUp";
                let mut next = (*typing).clone();
                let end = next.history.len();
                let at = next.at.unwrap_or(end);
                let at = if up { at.saturating_sub(1) } else { (at + 1).min(end) };
                next.at = Some(at);
                field.set_value(next.history.get(at).map_or("", String::as_str));
                typing.set(next);
            }
            "Tab" => {
                let line = field.value();
                if let Some(completed) = crate::view::complete::line(&line, &shown.names) {
                    event.prevent_default();
                    field.set_value(&completed);
                }
            }
            _ => {}
        }
    })
}
