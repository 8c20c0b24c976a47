//! Requests as dots over the map: a canvas that shows where each request of the model is now.

use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use crate::ui::js;
use crate::view::flows::Flows;

/// Properties.
#[derive(Clone, PartialEq, Properties)]
pub(crate) struct Props {
    pub(crate) flows: Rc<Flows>,
    /// Simulated microseconds per millisecond; 0 while time stands still.
    pub(crate) pace: u32,
}

/// The loaded canvas.
pub(crate) struct Dots {
    host: NodeRef,
    dots: Option<js::Dots>,
}

impl Component for Dots {
    type Message = Option<js::EditorModule>;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        ctx.link().send_future(async {
            js::load_editor().await.ok().map(wasm_bindgen::JsCast::unchecked_into)
        });
        Self { host: NodeRef::default(), dots: None }
    }

    fn update(&mut self, ctx: &Context<Self>, module: Option<js::EditorModule>) -> bool {
        if let (Some(module), Some(host)) = (module, self.host.cast::<web_sys::Element>()) {
            let dots = module.dots(&host);
            tell(&dots, ctx.props());
            self.dots = Some(dots.unchecked_into());
        }
        false
    }

    fn changed(&mut self, ctx: &Context<Self>, _old: &Props) -> bool {
        if let Some(dots) = &self.dots {
            tell(dots, ctx.props());
        }
        false
    }

    fn destroy(&mut self, _ctx: &Context<Self>) {
        if let Some(dots) = &self.dots {
            dots.stop();
        }
    }

    fn view(&self, _ctx: &Context<Self>) -> Html {
        html! { <canvas class="dots" aria-hidden="true" ref={self.host.clone()}></canvas> }
    }
}

fn tell(dots: &js::Dots, props: &Props) {
    dots.show(&serde_json::to_string(&*props.flows).unwrap_or_default(), props.pace);
}
