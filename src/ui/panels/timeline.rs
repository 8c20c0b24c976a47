//! The timeline: play, speed, steps, and the past by dragging.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::time::SimTime;
use crate::text::Catalogue;
use crate::ui::app::Shown;
use crate::ui::pacer::{SPEEDS_QUARTERS, label};
use crate::ui::state::Msg;
use crate::view::timeline::{Mark, MarkKind};

/// Room for the words of a mark, in thousandths of the track.
const LABEL: u64 = 170;
/// Words do not begin after this.
const MAX_LABEL: u64 = 900;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) shown: Rc<Shown>,
    pub(crate) head: SimTime,
    pub(crate) past: Option<SimTime>,
    pub(crate) playing: bool,
    pub(crate) speed: u32,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.shown.marks == other.shown.marks
            && (self.head, self.past, self.playing, self.speed)
                == (other.head, other.past, other.playing, other.speed)
    }
}

/// The timeline.
#[component]
pub(crate) fn Timeline(props: &Props) -> Html {
    let text = |id: &str| props.catalogue.label(id);
    let tell = |msg: Msg| {
        let send = props.send.clone();
        Callback::from(move |_: MouseEvent| send.emit(msg.clone()))
    };
    let scrub = {
        let send = props.send.clone();
        Callback::from(move |event: InputEvent| {
            let field = event.target_dyn_into::<web_sys::HtmlInputElement>();
            let ms = field.and_then(|f| f.value().parse().ok()).unwrap_or(u64::MAX / 1_000);
            send.emit(Msg::Scrub(Some(SimTime::from_millis(ms))));
        })
    };
    let speed = {
        let send = props.send.clone();
        Callback::from(move |event: Event| {
            let field = event.target_dyn_into::<web_sys::HtmlSelectElement>();
            let value = field.and_then(|f| f.value().parse().ok()).unwrap_or(4);
            send.emit(Msg::Speed(value));
        })
    };
    let shown_at = props.past.unwrap_or(props.head);
    let (play, play_text) = if props.playing && props.past.is_none() {
        ("❚❚", text("action-pause"))
    } else {
        ("▶", text("action-play"))
    };
    let playing = props.playing && props.past.is_none();
    html! {
        <footer class="timeline" aria-label={text("panel-timeline")}>
            <div class="ctl">
                <button type="button" class="plain" data-action="undo" title={text("action-undo")} aria-label={text("action-undo")}
                    onclick={tell(Msg::Undo)}>{ "↶" }</button>
                <button type="button" class="plain main" data-action="play" title={format!("{play_text} (Space)")} aria-label={play_text}
                    onclick={tell(Msg::Play(!playing))}>{ play }</button>
                <button type="button" class="plain" data-action="step" title="." onclick={tell(Msg::Step)}>{ text("action-step") }</button>
            </div>
            <select class="speed" aria-label={text("label-speed")} onchange={speed}>
                { for SPEEDS_QUARTERS.iter().map(|q| html! {
                    <option value={q.to_string()} selected={*q == props.speed}>{ label(*q) }</option>
                }) }
            </select>
            <output class="clock" data-now={shown_at.as_millis().to_string()}>{ shown_at.to_string() }</output>
            <div class="track">
                <input type="range" min="0" max={props.head.as_millis().to_string()} step="1"
                    value={shown_at.as_millis().to_string()} aria-label={text("label-scrub")}
                    aria-valuetext={shown_at.to_string()} oninput={scrub} />
                <div class="marks" aria-hidden="true">{ for marks(props) }</div>
            </div>
            if props.past.is_some() {
                <button type="button" class="btn" data-action="branch"
                    onclick={tell(Msg::Branch)}>{ text("action-branch") }</button>
                <button type="button" class="btn" data-action="present-time" onclick={tell(Msg::Scrub(None))}>{ text("action-now") }</button>
            }
            <button type="button" class="btn break" data-action="break" title="B"
                onclick={tell(Msg::Menu(true))}>{ "✚ " }{ text("action-break") }</button>
        </footer>
    }
}

/// The marks, at their place between the start and now; words where there is room.
fn marks(props: &Props) -> Vec<Html> {
    let whole = props.head.0.max(1);
    let mut free_from = 0;
    let mut mark_of = |mark: &Mark| {
        let class = match mark.kind {
            MarkKind::Command => "command",
            MarkKind::Fault => "fault",
            MarkKind::Failure => "failure",
        };
        let permille = mark.at.0.saturating_mul(1_000) / whole;
        let left = format!("left:{}.{}%", permille / 10, permille % 10);
        let words = mark.kind != MarkKind::Failure && (free_from..MAX_LABEL).contains(&permille);
        if words {
            free_from = permille + LABEL;
        }
        let (send, at) = (props.send.clone(), mark.at);
        let go = Callback::from(move |_: MouseEvent| send.emit(Msg::Scrub(Some(at))));
        html! {
            <i class={class} style={left} title={format!("{} {}", mark.at, mark.text)} onclick={go}>
                if words { <span>{ &mark.text }</span> }
            </i>
        }
    };
    let marks = props.shown.marks.iter().filter(|mark| mark.at <= props.head);
    marks.map(&mut mark_of).collect()
}
