//! What `kubectl apply --dry-run=server` would say of a file, with the place of each complaint.
//!
//! The call itself runs, against a store of its own that answers at once; so the words are those
//! of the terminal. Beside it stands where in the text each refused object and field is.

use std::collections::BTreeMap;

use super::Job;
use super::document::{Manifest, Manifests, Place};
use super::fail::Failure;
use super::locate;
use crate::base::rng::Rngs;
use crate::base::time::SimTime;
use crate::base::yaml::Span;
use crate::engine::trace::TraceId;
use crate::kube::api::object::Key;
use crate::kube::api::request::{ApiError, Body, Request, Response, Verb};
use crate::kube::api::store::Store;
use crate::kube::api::{bootstrap, server};
use crate::kube::kinds::Kind;
use crate::posix::Files;
use crate::shell::job::{Effect, Io, Wake};

/// Complaints of one file at most.
const MAX_COMPLAINTS: usize = 50;
/// Questions of one call at most.
const MAX_QUESTIONS: u32 = 20_000;

/// What becomes of objects in namespaces that are not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// They are refused, as an empty cluster does.
    Fresh,
    /// The namespace is taken to be in the real cluster.
    Assumed,
}

/// A complaint and its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Line and column, from 1.
    pub span: Span,
    /// The complaint in kubectl's words.
    pub message: String,
}

/// What kubectl would say of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it would end with exit code 0.
    pub accepted: bool,
    /// Complaints in the order of the file.
    pub complaints: Vec<Complaint>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// Check a file by applying it as a dry run to a fresh cluster. `source` is its name as the user
/// gives it.
#[must_use]
pub fn check(text: &str, source: &str, namespaces: Namespaces) -> Verdict {
    let mut read = Manifests::default();
    read.read(&source.into(), text, &Place { namespace: "default".into(), given: false });
    let mut trial = Trial::new(source, text);
    if namespaces == Namespaces::Assumed {
        trial.assume(&read.found);
    }
    let mut complaints: Vec<Complaint> = read
        .unread
        .iter()
        .map(|u| Complaint { span: u.span, message: shown(&u.failure) })
        .collect();
    let refused = trial.run(&read.found);
    let mut verdict = trial.verdict;
    complaints.extend(refused);
    complaints.sort_by_key(|c| c.span);
    complaints.truncate(MAX_COMPLAINTS);
    if complaints.is_empty() && !verdict.accepted {
        let span = Span { line: 1, column: 1 };
        complaints.push(Complaint { span, message: verdict.stderr.trim_end().to_owned() });
    }
    verdict.complaints = complaints;
    verdict
}

fn shown(failure: &Failure) -> String {
    failure.shown().0.trim_end().to_owned()
}

/// A call and the cluster that it asks.
struct Trial {
    store: Store,
    rngs: Rngs,
    job: Job,
    files: Files,
    tickets: u32,
    verdict: Verdict,
    over: bool,
}

impl Trial {
    fn new(source: &str, text: &str) -> Self {
        let mut store = Store::default();
        let mut rngs = Rngs::new(1);
        let stream = rngs.stream("check", "");
        bootstrap::cluster(&mut store, SimTime::ZERO, stream, TraceId::NONE);
        let line = ["kubectl", "apply", "--dry-run=server", "-f", source];
        let job = Job::new(line.map(str::to_owned).to_vec());
        let mut files = Files::new();
        files.put_file(&crate::posix::normal("/", source), text);
        let verdict = Verdict::default();
        Self { store, rngs, job, files, tickets: 0, verdict, over: false }
    }

    /// Make the namespaces that the objects are in.
    fn assume(&mut self, manifests: &[Manifest]) {
        for one in manifests.iter().filter(|m| m.kind.namespaced()) {
            if self.store.get(Kind::Namespace, &Key::cluster(&one.namespace)).is_none() {
                let mut request = Request::new(Verb::Create, Kind::Namespace, "", "");
                request.body = Body::Value(serde_json::json!({
                    "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": &*one.namespace}
                }));
                // A name that is none is complained of with the object itself.
                let _ = self.ask(&request);
            }
        }
    }

    fn ask(&mut self, request: &Request) -> Result<Response, ApiError> {
        let stream = self.rngs.stream("check", "");
        server::handle(&mut self.store, request, SimTime::ZERO, stream, TraceId::NONE)
    }

    /// Run the call to its end; what the server refuses, at its place.
    fn run(&mut self, manifests: &[Manifest]) -> Vec<Complaint> {
        let mut complaints = Vec::new();
        let nameless = manifests.iter().filter(|m| m.name.is_empty());
        complaints.extend(
            nameless.map(|m| Complaint {
                span: m.node.span,
                message: shown(&super::apply::nameless(m)),
            }),
        );
        // The call begins with each object by asking for it.
        let mut objects = manifests.iter().filter(|m| !m.name.is_empty());
        let mut current = None;
        let mut wake = Wake::Start;
        for _ in 0..MAX_QUESTIONS {
            let Some((ticket, request)) = self.wake(wake) else { break };
            if request.verb == Verb::Get {
                current = objects.next();
            }
            let answer = self.ask(&request);
            if let (Some(one), Err(error)) = (current, &answer)
                && request.verb != Verb::Get
            {
                complaints.extend(refusal(one, error, request.verb));
            }
            wake = Wake::Kube(ticket, answer);
        }
        complaints
    }

    /// Wake the call and take in what it leaves; its question, unless it has ended.
    fn wake(&mut self, wake: Wake) -> Option<(crate::shell::job::Ticket, Request)> {
        let env = BTreeMap::new();
        let mut effects = Vec::new();
        let mut io = Io {
            now: SimTime::ZERO,
            env: &env,
            cwd: "/",
            files: &mut self.files,
            host: "",
            tty: false,
            open: false,
            width: 80,
            stdin: None,
            rng: &mut self.rngs,
            next_ticket: &mut self.tickets,
            effects: &mut effects,
        };
        self.job.resume(wake, &mut io);
        let mut question = None;
        for effect in effects {
            match effect {
                Effect::Out(text) => self.verdict.stdout.push_str(&text),
                Effect::Err(text) => self.verdict.stderr.push_str(&text),
                Effect::AskKube(ticket, request) => question = Some((ticket, request)),
                Effect::Exit(code) => {
                    self.verdict.accepted = code == 0;
                    self.over = true;
                }
                Effect::Rewind(_)
                | Effect::AskDocker(..)
                | Effect::AskNet(..)
                | Effect::Forget(_)
                | Effect::Timer(..)
                | Effect::Record(..) => {}
            }
        }
        question.filter(|_| !self.over)
    }
}

/// The complaints of a refusal, each at its place.
fn refusal(one: &Manifest, error: &ApiError, verb: Verb) -> Vec<Complaint> {
    let whole = one.node.span;
    if error.details.causes.is_empty() || error.reason != "Invalid" {
        let span = locate::steps(&one.node, &error.at, whole);
        let failure = match verb {
            Verb::Create => super::apply::with_source("creating", &one.source, error.clone()),
            Verb::Get
            | Verb::List
            | Verb::Watch
            | Verb::Update
            | Verb::Patch
            | Verb::Delete
            | Verb::DeleteCollection => error.clone().into(),
        };
        return vec![Complaint { span, message: shown(&failure) }];
    }
    let causes = error.details.causes.iter();
    causes
        .map(|cause| Complaint {
            span: locate::field(&one.node, &cause.field, whole),
            message: format!("{}: {}", cause.field, cause.message),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
spec:
  selector:
    matchLabels: {app: hello}
  template:
    metadata:
      labels: {app: hello}
    spec:
      containers:
      - name: hello
        image: nginx:1.27
";

    #[test]
    fn complaints_have_their_place() {
        for (from, to, wanted) in [
            ("", "", None),
            ("image:", "imge:", Some((14, 9, "unknown field"))),
            ("Deployment", "Deploymint", Some((2, 7, "no matches for kind"))),
            ("labels: {app: hello}", "labels: {app: other}", Some((10, 7, "`selector` does not"))),
            ("name: hello\nspec", "name: Hello\nspec", Some((4, 9, "metadata.name"))),
            ("name: hello\nspec", "namespace: x\nspec", Some((1, 1, "may not be empty"))),
            ("metadata:\n  name", "metadata:\n\tname", Some((4, 2, "yaml"))),
        ] {
            let text = DEPLOYMENT.replacen(from, to, 1);
            let found = check(&text, "f.yaml", Namespaces::Fresh);
            let first = found.complaints.first();
            assert_eq!(found.accepted, wanted.is_none(), "{to}: {first:?}");
            if let (Some((line, column, part)), Some(found)) = (wanted, first) {
                assert!(found.message.contains(part), "{}", found.message);
                let Span { line: l, column: c } = found.span;
                assert_eq!((l, c), (line, column), "{}", found.message);
            }
        }
    }

    #[test]
    fn objects_of_a_dry_run_do_not_see_each_other() {
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n---\n";
        let inside = DEPLOYMENT.replacen("name: hello", "name: hello\n  namespace: shop", 1);
        let text = format!("{namespace}{inside}");
        let found = check(&text, "f.yaml", Namespaces::Fresh);
        assert_eq!(found.stdout, "namespace/shop created (server dry run)\n");
        assert_eq!(
            found.stderr,
            "Error from server (NotFound): error when creating \"f.yaml\": namespaces \"shop\" \
             not found\n"
        );
        assert_eq!(found.complaints.first().map(|c| c.span.line), Some(6));
        assert!(check(&text, "f.yaml", Namespaces::Assumed).accepted);
    }

    #[test]
    fn what_was_not_read_is_told_before_what_was_refused() {
        let kind =
            |name: &str| format!("apiVersion: a/v1\nkind: X\nmetadata: {{name: {name}}}\n---\n");
        let bad = DEPLOYMENT.replacen("image:", "imge:", 1);
        let found = check(&format!("{}{}{bad}", kind("x"), kind("z")), "f.yaml", Namespaces::Fresh);
        let refused = |name: &str| {
            format!(
                "resource mapping not found for name: \"{name}\" namespace: \"\" from \"f.yaml\": no \
                 matches for kind \"X\" in version \"a/v1\"\nensure CRDs are installed first"
            )
        };
        assert_eq!(
            found.stderr,
            format!(
                "[{}, {}]\nError from server (BadRequest): error when creating \
                 \"f.yaml\": Deployment in version \"v1\" cannot be handled as a Deployment: \
                 strict decoding error: unknown field \"spec.template.spec.containers[0].imge\"\n",
                refused("x"),
                refused("z")
            )
        );
        let lines: Vec<u32> = found.complaints.iter().map(|c| c.span.line).collect();
        assert_eq!(lines, [2, 6, 22]);
    }

    #[test]
    fn an_empty_file_is_refused_as_a_whole() {
        let found = check("# nothing\n", "f.yaml", Namespaces::Fresh);
        assert_eq!(found.stderr, "error: no objects passed to apply\n");
        assert_eq!(found.complaints.len(), 1);
    }
}
