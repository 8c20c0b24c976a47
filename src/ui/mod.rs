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

/// Show the page.
pub fn start() {
    yew::Renderer::<app::App>::with_root(js::root()).render();
}
