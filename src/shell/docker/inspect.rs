//! `docker inspect` and the `inspect` of each kind.

use crate::base::gotemplate::{MissingKey, Template, Value};
use crate::docker::api::{ApiError, Reply, Request};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Flag, Kind, Parsed, Spec, flag};
use crate::shell::docker::values;
use crate::shell::job::{Io, Ticket, Wake};

const FORMAT: Flag = flag(
    "format",
    'f',
    Kind::Text,
    "Format output using a custom template: 'json': Print in JSON format 'TEMPLATE': Print output \
     using the given Go template",
);
const SIZE: Flag = flag("size", 's', Kind::Bool, "Display total file sizes");

const fn spec(
    path: &'static str,
    usage: &'static str,
    about: &'static str,
    flags: &'static [Flag],
) -> Spec {
    Spec { path, usage, about, count: Count::AtLeast(1), stop_at_argument: false, flags }
}

pub(crate) const ANY: Spec = spec(
    "inspect",
    "[OPTIONS] NAME|ID [NAME|ID...]",
    "Return low-level information on Docker objects",
    &[FORMAT, SIZE, flag("type", ' ', Kind::Text, "Only inspect objects of the given type")],
);
pub(crate) const CONTAINER: Spec = spec(
    "container inspect",
    "[OPTIONS] CONTAINER [CONTAINER...]",
    "Display detailed information on one or more containers",
    &[FORMAT, SIZE],
);
pub(crate) const IMAGE: Spec = spec(
    "image inspect",
    "[OPTIONS] IMAGE [IMAGE...]",
    "Display detailed information on one or more images",
    &[FORMAT],
);
pub(crate) const NETWORK: Spec = spec(
    "network inspect",
    "[OPTIONS] NETWORK [NETWORK...]",
    "Display detailed information on one or more networks",
    &[FORMAT, flag("verbose", 'v', Kind::Bool, "Verbose output for diagnostics")],
);
pub(crate) const VOLUME: Spec = spec(
    "volume inspect",
    "[OPTIONS] VOLUME [VOLUME...]",
    "Display detailed information on one or more volumes",
    &[FORMAT],
);

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Object {
    Container,
    Image,
    Network,
    Volume,
}

/// Every kind, in the order in which `docker inspect` looks.
const ALL: [Object; 4] = [Object::Container, Object::Image, Object::Network, Object::Volume];

/// A running `inspect`.
#[derive(Clone, Debug)]
pub(crate) struct Inspect {
    parsed: Parsed,
    kinds: Vec<Object>,
    /// Any kind was allowed: errors are worded for all.
    any: bool,
    argument: usize,
    kind: usize,
    ticket: Ticket,
    /// What was found: for templates, and for printing.
    found: Vec<(Value, Value)>,
    errors: Vec<String>,
    template: Option<Template>,
}

fn begin(parsed: Parsed, kinds: &[Object], any: bool, io: &mut Io<'_>) -> State {
    let format = parsed.text("format");
    let template = match format {
        "" | "json" => None,
        format => match Template::parse("", format) {
            Ok(template) => Some(template),
            Err(error) => {
                return State::fail(&format!("template parsing error: {error}"), 64, io);
            }
        },
    };
    let mut job = Inspect {
        parsed,
        kinds: kinds.to_vec(),
        any,
        argument: 0,
        kind: 0,
        ticket: Ticket(0),
        found: Vec::new(),
        errors: Vec::new(),
        template,
    };
    job.ask(io);
    State::Inspect(job)
}

pub(crate) fn any(parsed: Parsed, io: &mut Io<'_>) -> State {
    let kinds: &[Object] = match parsed.text("type") {
        "" => &ALL,
        "container" => &ALL[..1],
        "image" => &[Object::Image],
        "network" => &[Object::Network],
        "volume" => &[Object::Volume],
        other => {
            let text = format!(
                "unknown type: {other:?}: must be one of \"config\", \"container\", \"image\", \
                 \"network\", \"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\""
            );
            return State::fail(&text, 1, io);
        }
    };
    let any = !parsed.has("type");
    begin(parsed, kinds, any, io)
}

pub(crate) fn container(parsed: Parsed, io: &mut Io<'_>) -> State {
    begin(parsed, &[Object::Container], false, io)
}

pub(crate) fn image(parsed: Parsed, io: &mut Io<'_>) -> State {
    begin(parsed, &[Object::Image], false, io)
}

pub(crate) fn network(parsed: Parsed, io: &mut Io<'_>) -> State {
    begin(parsed, &[Object::Network], false, io)
}

pub(crate) fn volume(parsed: Parsed, io: &mut Io<'_>) -> State {
    begin(parsed, &[Object::Volume], false, io)
}

impl Inspect {
    fn name(&self) -> String {
        self.parsed.args.get(self.argument).cloned().unwrap_or_default()
    }

    fn ask(&mut self, io: &mut Io<'_>) {
        let name = self.name();
        let request = match self.kinds.get(self.kind) {
            Some(Object::Container) => {
                Request::ContainerInspect { id: name, size: self.parsed.is("size") }
            }
            Some(Object::Image) => Request::ImageInspect { name },
            Some(Object::Network) => Request::NetworkInspect { id: name },
            Some(Object::Volume) | None => Request::VolumeInspect { name },
        };
        self.ticket = io.ask_docker(request);
    }

    /// Go on.
    #[expect(clippy::wildcard_enum_match_arm, reason = "one answer of all")]
    pub(crate) fn resume(&mut self, wake: Wake, io: &mut Io<'_>) {
        let result = match wake {
            Wake::Docker(ticket, result) if ticket == self.ticket => result,
            Wake::Signal(signal) => return io.exit(128 + signal),
            Wake::Start
            | Wake::Docker(..)
            | Wake::Kube(..)
            | Wake::Net(..)
            | Wake::Timer(_)
            | Wake::Stdin(_) => return,
        };
        match result {
            Ok(reply) => {
                let typed = match &reply {
                    Reply::Image(i) => Some(values::image_typed(i)),
                    _ => None,
                };
                let plain = match reply {
                    Reply::Container(c) => values::container(&c),
                    Reply::Image(i) => values::image(&i),
                    Reply::Network(n) => values::network(&n),
                    Reply::Volume(v) => values::volume(&v),
                    _ => Value::Nil,
                };
                self.found.push((typed.unwrap_or_else(|| plain.clone()), plain));
            }
            Err(error) => {
                if error.status == 404 && self.kind + 1 < self.kinds.len() {
                    self.kind += 1;
                    return self.ask(io);
                }
                self.miss(&error);
            }
        }
        self.kind = 0;
        self.argument += 1;
        if self.argument < self.parsed.args.len() {
            self.ask(io);
        } else {
            self.print(io);
        }
    }

    fn miss(&mut self, error: &ApiError) {
        let text = if self.any && error.status == 404 {
            format!("Error: No such object: {}", self.name())
        } else {
            error.client_text()
        };
        self.errors.push(text);
    }

    fn print(&mut self, io: &mut Io<'_>) {
        let mut failed = !self.errors.is_empty();
        match &self.template {
            None if self.parsed.text("format") == "json" => {
                let items: Vec<String> = self.found.iter().map(|(_, v)| v.json()).collect();
                io.out(format!("[{}]\n", items.join(",")));
            }
            None if self.found.is_empty() => io.out("[]\n"),
            None => {
                let all = self.found.iter().map(|(_, v)| v.clone()).collect();
                io.out(format!("{}\n", Value::List(all).pretty_json()));
            }
            Some(template) => {
                for (value, plain) in &self.found {
                    // A field that the type does not have is looked up in the plain JSON.
                    let text = template
                        .execute(value, MissingKey::NoValue)
                        .or_else(|_| template.execute(&plain.raw(), MissingKey::Error));
                    match text {
                        Ok(text) => io.out(format!("{text}\n")),
                        Err(error) => {
                            self.errors.push(format!("template parsing error: {error}"));
                            failed = true;
                            break;
                        }
                    }
                }
                if self.found.is_empty() {
                    io.out("\n");
                }
            }
        }
        for error in &self.errors {
            io.err(format!("{error}\n"));
        }
        io.exit(u8::from(failed));
    }
}
