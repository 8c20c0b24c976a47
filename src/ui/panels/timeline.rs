//! The timeline: play, speed, steps, and the past by dragging.

use std::rc::Rc;

use yew::prelude::*;

use crate::base::time::SimTime;
use crate::text::Catalogue;
use crate::ui::app::Shown;
use crate::ui::pacer::{SPEEDS_QUARTERS, label};
use crate::ui::state::Msg;
use crate::view::timeline::{Mark, MarkKind};

/// Least and most room for the words of a mark, in thousandths of the track.
const MIN_ROOM: u64 = 60;
/// Room in which most words are legible.
const GOOD_ROOM: u64 = 150;
const MAX_ROOM: u64 = 300;
/// Failures within this many thousandths of the track share a mark.
const CROWD: u64 = 8;
/// Failures told of at one mark.
const MAX_LINES: usize = 6;

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
            && self.shown.faults.len() == other.shown.faults.len()
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
            <output class="clock" data-now={shown_at.as_millis().to_string()}>{ shown_at.to_string() }
                if props.past.is_some() { <b>{ text("time-past") }</b> }</output>
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
                onclick={tell(Msg::Menu(Some(None)))}>{ "✚ " }{ text("action-break") }
                if !props.shown.faults.is_empty() { <b class="count">{ props.shown.faults.len() }</b> }</button>
        </footer>
    }
}

/// The marks, at their place between the start and now; words where there is room. Failures that
/// are close together share a mark, on a line of their own below the words.
fn marks(props: &Props) -> Vec<Html> {
    let whole = props.head.0.max(1);
    let permille = |mark: &Mark| mark.at.0.saturating_mul(1_000) / whole;
    let known: Vec<&Mark> = props.shown.marks.iter().filter(|m| m.at <= props.head).collect();
    let (failures, others): (Vec<&Mark>, Vec<&Mark>) =
        known.into_iter().partition(|mark| mark.kind == MarkKind::Failure);
    let mut shown = Vec::new();
    let mut free_from = 0;
    for (at, mark) in others.iter().enumerate() {
        let place = permille(mark);
        let next = others.get(at + 1).map_or(1_000, |next| permille(next));
        let (after, before) = (next.saturating_sub(place), place.saturating_sub(free_from));
        let words = if after >= GOOD_ROOM {
            Some((false, after.min(MAX_ROOM)))
        } else if before >= GOOD_ROOM {
            Some((true, before.min(MAX_ROOM)))
        } else {
            (after >= MIN_ROOM).then_some((false, after))
        };
        free_from = match words {
            Some((false, room)) => place + room,
            Some((true, _)) | None => free_from.max(place),
        };
        shown.push(one_mark(props, mark, place, &mark.text, words));
    }
    let crowd = |group: &[&Mark]| {
        let texts: Vec<&str> = group.iter().map(|m| m.text.as_str()).take(MAX_LINES).collect();
        let more = group.len().saturating_sub(texts.len());
        let rest = if more > 0 { format!("\n… +{more}") } else { String::new() };
        group.first().map(|mark| {
            one_mark(props, mark, permille(mark), &format!("{}{rest}", texts.join("\n")), None)
        })
    };
    let near = |a: &&Mark, b: &&Mark| permille(b) - permille(a) < CROWD;
    shown.extend(failures.chunk_by(near).filter_map(crowd));
    shown
}

/// A mark; its words stand before or after it, in the room that they have.
fn one_mark(
    props: &Props,
    mark: &Mark,
    permille: u64,
    title: &str,
    words: Option<(bool, u64)>,
) -> Html {
    let class = match mark.kind {
        MarkKind::Command => "command",
        MarkKind::Fault => "fault",
        MarkKind::Mended => "mended",
        MarkKind::Failure => "failure",
    };
    let percent = |permille: u64| format!("{}.{}%", permille / 10, permille % 10);
    let (send, at) = (props.send.clone(), mark.at);
    let go = Callback::from(move |_: MouseEvent| send.emit(Msg::Scrub(Some(at))));
    html! {
        <>
        <i class={class} style={format!("left:{}", percent(permille))} title={format!("{} {title}", mark.at)}
            onclick={go.clone()}></i>
        if let Some((before, room)) = words {
            <span class={class} title={mark.text.clone()} onclick={go} style={match before {
                true => format!("right:{};max-width:{}", percent(1_000 - permille.min(1_000)), percent(room)),
                false => format!("left:{};max-width:{}", percent(permille), percent(room)),
            }}>{ &mark.text }</span>
        }
        </>
    }
}
