//! The few things of the browser that the page uses.

use std::cell::Cell;
use std::rc::Rc;

use gloo::events::EventListener;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlElement, Window};

/// The editor's interface (`static/js/editor.js`).
#[wasm_bindgen]
extern "C" {
    /// The module with the editor and the graphs, once it is loaded.
    #[wasm_bindgen(js_name = drydockEditor, catch)]
    pub(super) async fn load_editor() -> Result<JsValue, JsValue>;

    /// The loaded module.
    pub type EditorModule;
    #[wasm_bindgen(method)]
    pub(super) fn create(
        this: &EditorModule,
        parent: &Element,
        text: &str,
        label: &str,
        changed: &JsValue,
        complete: &JsValue,
    ) -> Editor;
    #[wasm_bindgen(method)]
    pub(super) fn graph(this: &EditorModule, parent: &Element) -> Graph;
    #[wasm_bindgen(method)]
    pub(super) fn dots(this: &EditorModule, canvas: &Element) -> Dots;

    /// Requests over the map.
    pub type Dots;
    #[wasm_bindgen(method)]
    pub(super) fn show(this: &Dots, json: &str, pace: u32);
    #[wasm_bindgen(method)]
    pub(super) fn stop(this: &Dots);

    /// An editor.
    pub type Editor;
    #[wasm_bindgen(method)]
    pub(super) fn set(this: &Editor, text: &str);
    #[wasm_bindgen(method)]
    pub(super) fn diagnose(this: &Editor, json: &str);
    #[wasm_bindgen(method)]
    pub(super) fn goto(this: &Editor, line: u32, column: u32);
    #[wasm_bindgen(method)]
    pub(super) fn destroy(this: &Editor);

    /// A graph.
    pub type Graph;
    #[wasm_bindgen(method)]
    pub(super) fn update(this: &Graph, json: &str);
    #[wasm_bindgen(method, js_name = destroy)]
    pub(super) fn remove(this: &Graph);
}

/// The site and the browser's patience (`static/js/boot.js`).
#[wasm_bindgen]
extern "C" {
    /// The list of builds that the site keeps, as JSON.
    #[wasm_bindgen(js_name = drydockBuilds, catch)]
    pub(super) async fn builds() -> Result<JsValue, JsValue>;
    /// Let the browser do what it has to.
    #[wasm_bindgen(js_name = drydockPause, catch)]
    pub(super) async fn pause() -> Result<JsValue, JsValue>;
}

/// Files of the learner's machine (`static/js/boot.js`).
#[wasm_bindgen]
extern "C" {
    /// Download a text.
    #[wasm_bindgen(js_name = drydockSave)]
    pub(super) fn save_file(name: &str, text: &str);
    /// Let a file be chosen; its text.
    #[wasm_bindgen(js_name = drydockOpen, catch)]
    pub(super) async fn open_file() -> Result<JsValue, JsValue>;
}

/// Whether an event goes to a text field or a control of its own.
pub(super) fn in_text(event: &web_sys::Event) -> bool {
    let element = event.target().and_then(|t| t.dyn_into::<Element>().ok());
    element.is_some_and(|element| {
        let text = element.closest("input, textarea, select, button, [contenteditable]");
        text.ok().flatten().is_some()
    })
}

/// The window.
pub(super) fn window() -> Window {
    gloo::utils::window()
}

/// Where the page is shown.
fn root() -> Element {
    let document = gloo::utils::document();
    document.get_element_by_id("app").unwrap_or_else(|| gloo::utils::body().into())
}

/// The same, without what was shown before the page.
pub(super) fn empty_root() -> Element {
    let root = root();
    root.set_text_content(None);
    root
}

/// Before there is a page: what is being waited for, and a button that ends it.
pub(super) fn show_waiting(line: &str, label: &str, stop: &Rc<Cell<bool>>) {
    let (root, document) = (root(), gloo::utils::document());
    if let Ok(Some(shown)) = root.query_selector("p.waiting span") {
        shown.set_text_content(Some(line));
        return;
    }
    let make = |name: &str, text: &str| {
        let made = document.create_element(name).ok()?;
        made.set_text_content(Some(text));
        Some(made)
    };
    let (Some(row), Some(shown), Some(button)) =
        (make("p", ""), make("span", line), make("button", label))
    else {
        return;
    };
    row.set_class_name("boot waiting");
    button.set_class_name("btn");
    let stop = stop.clone();
    EventListener::once(&button, "click", move |_| stop.set(true)).forget();
    root.set_text_content(None);
    let _ = root.append_child(&row).and(row.append_child(&shown)).and(row.append_child(&button));
}

/// Milliseconds since the page was opened.
pub(super) fn milliseconds() -> f64 {
    window().performance().map_or(0.0, |p| p.now())
}

/// Set an attribute of the document's root element.
pub(super) fn set_root(name: &str, value: &str) {
    if let Some(root) = gloo::utils::document().document_element() {
        let _ = root.set_attribute(name, value);
    }
}

/// Whether a media query holds.
pub(super) fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|m| m.matches())
}

/// Scroll an element to its end.
pub(super) fn scroll_to_end(element: &Element) {
    element.set_scroll_top(element.scroll_height());
}

/// Give the keyboard to an element.
pub(super) fn focus(element: &Element) {
    if let Some(element) = element.dyn_ref::<HtmlElement>() {
        let _ = element.focus();
    }
}
