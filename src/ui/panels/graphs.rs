//! The graphs: requests per second, failures, latency, on the time of the timeline.

use std::rc::Rc;

use wasm_bindgen::JsCast as _;
use yew::prelude::*;

use crate::text::Catalogue;
use crate::ui::app::Shown;
use crate::ui::js;

/// Properties.
#[derive(Clone, Properties)]
pub(crate) struct Props {
    pub(crate) catalogue: Rc<Catalogue>,
    pub(crate) shown: Rc<Shown>,
}

impl PartialEq for Props {
    fn eq(&self, other: &Self) -> bool {
        self.catalogue.lang() == other.catalogue.lang() && self.shown.traffic == other.shown.traffic
    }
}

/// The lines: class, text id.
const LINES: [(&str, &str); 3] =
    [("ok", "graph-ok"), ("failed", "graph-failed"), ("p95", "graph-p95")];

/// The newest value of each line.
fn newest(props: &Props) -> [u32; 3] {
    let traffic = &props.shown.traffic;
    let last = |series: &[u32]| series.last().copied().unwrap_or(0);
    [last(&traffic.ok), last(&traffic.failed), last(&traffic.p95_us) / 1_000]
}

/// The loaded graphs.
pub(crate) struct Graphs {
    host: NodeRef,
    graph: Option<js::Graph>,
}

impl Component for Graphs {
    type Message = Option<js::EditorModule>;
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        ctx.link().send_future(async {
            js::load_editor().await.ok().map(wasm_bindgen::JsCast::unchecked_into)
        });
        Self { host: NodeRef::default(), graph: None }
    }

    fn update(&mut self, ctx: &Context<Self>, module: Option<js::EditorModule>) -> bool {
        if let (Some(module), Some(host)) = (module, self.host.cast::<web_sys::Element>()) {
            self.show(ctx, &module, &host);
        }
        true
    }

    fn changed(&mut self, ctx: &Context<Self>, _old: &Props) -> bool {
        let props = ctx.props();
        if let Some(graph) = &self.graph {
            graph.update(&data(props));
        }
        true
    }

    fn destroy(&mut self, _ctx: &Context<Self>) {
        if let Some(graph) = &self.graph {
            graph.remove();
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let text = |id: &str| ctx.props().catalogue.label(id);
        html! {
            <section class="graphs" aria-label={text("panel-graphs")}>
                <h2>{ text("panel-graphs") }
                    { for LINES.iter().zip(newest(ctx.props())).map(|((class, id), value)| html! {
                        <span class={classes!("sum", "line", *class)}>{ value }{ " " }{ text(id) }</span> }) }
                </h2>
                <div class="plot" ref={self.host.clone()}></div>
            </section>
        }
    }
}

impl Graphs {
    fn show(&mut self, ctx: &Context<Self>, module: &js::EditorModule, host: &web_sys::Element) {
        let props = ctx.props();
        let graph = module.graph(host);
        graph.update(&data(props));
        self.graph = Some(graph.unchecked_into());
    }
}

fn data(props: &Props) -> String {
    serde_json::to_string(&props.shown.traffic).unwrap_or_default()
}
