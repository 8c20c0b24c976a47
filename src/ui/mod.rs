//! The page in the browser: Yew components over the plain view models.
//!
//! Must not know: the platforms, the runtime, the network. It commands a [`crate::world`] session
//! and shows what [`crate::view`] makes of it.

mod app;
mod state;
mod pacer;
mod opening;
mod storage;
mod js;
mod panels;
pub mod rehearsal;
pub mod bench;

use std::cell::Cell;
use std::rc::Rc;

use crate::text::Catalogue;

/// Show the page, once its session is open.
pub fn start() {
    wasm_bindgen_futures::spawn_local(async {
        let (catalogue, stop) = (Catalogue::new(&opening::language()), Rc::new(Cell::new(false)));
        let told = stop.clone();
        let tell = Rc::new(move |percent| {
            let said = opening::progress(percent).said;
            let line: Vec<String> = said.iter().map(|message| catalogue.say(message)).collect();
            js::show_waiting(&line.join(" "), &catalogue.label("action-stop"), &told);
        });
        let opened = opening::at_start(&opening::Waiting { tell, stop }).await;
        let opened = Rc::new(Cell::new(Some(opened)));
        let (root, start) = (js::empty_root(), app::Start { opened });
        yew::Renderer::<app::App>::with_root_and_props(root, start).render();
    });
}
