//! The learner's files and the editor with what the real tools say of them.

use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use yew::prelude::*;

use crate::text::Catalogue;
use crate::ui::js;
use crate::ui::state::{Msg, Platform};
use crate::view::editor::{Dialect, Verdict, guess};
use crate::view::preview::Preview;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) files: Vec<String>,
    pub(crate) open: String,
    pub(crate) text: String,
    pub(crate) verdict: Rc<Verdict>,
    pub(crate) changed: bool,
    pub(crate) platform: Platform,
    pub(crate) preview: Option<Rc<Preview>>,
    pub(crate) send: Callback<Msg>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang()
            && self.files == other.files
            && self.open == other.open
            && self.text == other.text
            && self.verdict == other.verdict
            && self.changed == other.changed
            && self.platform == other.platform
            && self.preview == other.preview
    }
}

/// What completes: the text, line and column; the suggestions as JSON.
type Complete = dyn Fn(String, u32, u32) -> String;

/// The loaded editor.
pub(crate) struct Files {
    host: NodeRef,
    editor: Option<js::Editor>,
    _changed: Option<Closure<dyn Fn(String)>>,
    _complete: Option<Closure<Complete>>,
    failed: bool,
}

/// What the panel is told.
pub(crate) enum Inner {
    /// The editor's module is there, or could not be loaded.
    Loaded(Result<js::EditorModule, ()>),
}

impl Component for Files {
    type Message = Inner;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        ctx.link().send_future(async {
            let module = js::load_editor().await.map(wasm_bindgen::JsCast::unchecked_into);
            Inner::Loaded(module.map_err(|_| ()))
        });
        Self {
            host: NodeRef::default(),
            editor: None,
            _changed: None,
            _complete: None,
            failed: false,
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Inner) -> bool {
        let Inner::Loaded(module) = msg;
        let host = self.host.cast::<web_sys::Element>();
        let (Ok(module), Some(host)) = (module, host) else {
            self.failed = true;
            return true;
        };
        let props = ctx.props();
        let send = props.send.clone();
        let changed = Closure::new(move |text: String| send.emit(Msg::Edited(text)));
        let complete = Closure::new(|text: String, line: u32, column: u32| {
            crate::view::editor::complete(&text, line, column)
        });
        let label = props.catalogue.label("label-editor");
        let editor = module.create(
            &host,
            &props.text,
            &label,
            changed.as_ref().unchecked_ref(),
            complete.as_ref().unchecked_ref(),
        );
        editor.diagnose(&diagnostics(&props.verdict));
        self.editor = Some(editor);
        self._changed = Some(changed);
        self._complete = Some(complete);
        true
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &Props) -> bool {
        let props = ctx.props();
        if let Some(editor) = &self.editor {
            if props.open != old.open || props.text != old.text {
                editor.set(&props.text);
            }
            if props.verdict != old.verdict || props.open != old.open {
                editor.diagnose(&diagnostics(&props.verdict));
            }
        }
        true
    }

    fn destroy(&mut self, _ctx: &Context<Self>) {
        if let Some(editor) = &self.editor {
            editor.destroy();
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let props = ctx.props();
        let text = |id: &str| props.catalogue.label(id);
        let tell = |msg: Msg| {
            let send = props.send.clone();
            Callback::from(move |_: MouseEvent| send.emit(msg.clone()))
        };
        let plain = {
            let send = props.send.clone();
            Callback::from(move |event: InputEvent| {
                let area = event.target_dyn_into::<web_sys::HtmlTextAreaElement>();
                send.emit(Msg::Edited(area.map(|a| a.value()).unwrap_or_default()));
            })
        };
        html! {
            <section class="files" aria-label={text("panel-files")}>
                <h2>{ text("panel-files") }</h2>
                <ul class="tree">
                    { for props.files.iter().map(|path| {
                        let name = path.strip_prefix("/home/student/").unwrap_or(path);
                        let open = *path == props.open;
                        let mark = if open && props.changed { " ●" } else { "" };
                        html! {
                            <li><button type="button" class={classes!("plain", open.then_some("on"))}
                                aria-current={open.then_some("true")} data-file={name.to_owned()}
                                onclick={tell(Msg::Open(path.clone()))}>{ name }{ mark }</button>
                                if open {
                                    { rename(props, name) }
                                    <button type="button" class="plain remove" data-action="remove-file" title={text("action-remove")}
                                        aria-label={text("action-remove")} onclick={tell(Msg::Remove(path.clone()))}>{ "✕" }</button>
                                }</li>
                        }
                    }) }
                    <li><button type="button" class="plain add" data-action="new-file" onclick={tell(Msg::NewFile)}>
                        { "+ " }{ text("action-new-file") }</button></li>
                </ul>
                <div class="code" ref={self.host.clone()}>
                    if self.failed {
                        <textarea aria-label={text("label-editor")} spellcheck="false"
                            value={props.text.clone()} oninput={plain} />
                    }
                </div>
                { self.complaints(props) }
                { preview(props) }
                <div class="actions">
                    <button type="button" class="btn fill" data-action="apply" onclick={tell(Msg::Apply)}>
                        { apply_text(props) }</button>
                    <button type="button" class="btn" data-action="preview" aria-expanded={props.preview.is_some().to_string()}
                        onclick={tell(Msg::Preview)}>{ text("action-preview") }</button>
                    if elsewhere(props) {
                        <button type="button" class="btn" data-action="carry" title={text("carry-help")}
                            onclick={tell(Msg::Carry)}>{ text("action-carry") }</button>
                    }
                </div>
            </section>
        }
    }
}

impl Files {
    fn complaints(&self, props: &Props) -> Html {
        let text = |id: &str| props.catalogue.label(id);
        if props.verdict.complaints.is_empty() {
            return html! { <div class="diag ok" role="status">{ "✓ " }{ text("editor-accepted") }</div> };
        }
        html! {
            <ul class="diag" role="status" aria-label={text("label-complaints")}>
                { for props.verdict.complaints.iter().take(8).map(|c| {
                    let goto = self.goto(c.line, c.column);
                    html! {
                        <li>
                            <button type="button" class="plain place" onclick={goto}>{ format!("{}:{}", c.line, c.column) }</button>
                            <span class="message">{ &c.message }</span>
                            if let Some(help) = c.help { <p>{ text(help) }</p> }
                        </li>
                    }
                }) }
            </ul>
        }
    }

    /// Move the cursor to a place of the text.
    fn goto(&self, line: u32, column: u32) -> Callback<MouseEvent> {
        let editor = self.editor.as_ref().map(|e| {
            let value: &wasm_bindgen::JsValue = e.as_ref();
            value.clone().unchecked_into::<js::Editor>()
        });
        Callback::from(move |_| {
            if let Some(editor) = &editor {
                editor.goto(line, column);
            }
        })
    }
}

fn apply_text(props: &Props) -> String {
    let kubernetes = guess(&props.open, &props.text) == Dialect::Kubernetes;
    props.catalogue.label(if kubernetes { "action-apply" } else { "action-compose-up" })
}

/// Whether the open file is for the other world.
fn elsewhere(props: &Props) -> bool {
    let kubernetes = guess(&props.open, &props.text) == Dialect::Kubernetes;
    !props.text.trim().is_empty() && kubernetes != (props.platform == Platform::Kubernetes)
}

/// Another name for the open file: asked for where the page stands.
fn rename(props: &Props, name: &str) -> Html {
    let (send, old) = (props.send.clone(), name.to_owned());
    let question = props.catalogue.label("action-rename");
    let title = question.clone();
    let ask = Callback::from(move |_: MouseEvent| {
        let answer = js::window().prompt_with_message_and_default(&question, &old);
        if let Ok(Some(name)) = answer {
            send.emit(Msg::Rename(name));
        }
    });
    html! {
        <button type="button" class="plain remove" data-action="rename-file" title={title.clone()}
            aria-label={title} onclick={ask}>{ "✎" }</button>
    }
}

/// What applying the open file would change.
fn preview(props: &Props) -> Html {
    let Some(found) = &props.preview else { return html! {} };
    let nothing = found.lines.iter().all(|(class, _)| *class == "same");
    html! {
        <div class="preview" role="status" aria-label={props.catalogue.label("action-preview")} tabindex="0">
            <code>{ &found.command }</code>
            if nothing { <p>{ props.catalogue.label("preview-nothing") }</p> }
            <pre>{ for found.lines.iter().map(|(class, line)| html! { <div class={*class}>{ line }</div> }) }</pre>
        </div>
    }
}

fn diagnostics(verdict: &Verdict) -> String {
    serde_json::to_string(&verdict.complaints).unwrap_or_else(|_| "[]".to_owned())
}
