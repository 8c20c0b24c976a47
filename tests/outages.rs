//! Outages of a cluster as its user sees them: cables, kubelets, components of the control plane.

use drydock::base::time::{SimDuration, SimTime};
use drydock::engine::fault::FaultKind;
use drydock::world::command::Command;
use drydock::world::genesis::Genesis;
use drydock::world::session::Session;

const BUDGET: u32 = 5_000_000;
const WEB: &str = "kubectl create deployment web --image=nginx:1.27 --replicas=4; \
                   kubectl rollout status deployment/web --timeout=120s";

struct Town {
    session: Session,
}

impl Town {
    /// Three nodes with a Deployment of four.
    fn new(seed: u64) -> Self {
        let mut town = Self { session: Session::new(Genesis::kubernetes(seed, 3)) };
        town.run(WEB);
        town
    }

    fn wait(&mut self, seconds: u64) {
        let to = self.session.head().now() + SimDuration::from_secs(seconds);
        self.session.advance(to, BUDGET);
    }

    /// What a command prints, both streams, and how long it took.
    fn timed(&mut self, text: &str) -> (String, SimDuration) {
        let start = self.session.head().now();
        let run = self.session.head().next_run();
        self.session.execute(Command::Script {
            host: String::new(),
            cwd: "/home/student".to_owned(),
            text: text.to_owned(),
            tty: false,
        });
        let limit = start + SimDuration::from_secs(300);
        loop {
            let now = self.session.head().now();
            if let Some(done) = self.session.head().finished(run) {
                return (format!("{}{}", done.stdout, done.stderr), now.since(start));
            }
            assert!(now < limit, "`{text}` does not end");
            self.session.advance(now + SimDuration::from_millis(20), BUDGET);
        }
    }

    fn run(&mut self, text: &str) -> String {
        self.timed(text).0
    }

    fn fault(&mut self, kind: FaultKind, target: &str) {
        let target = target.to_owned();
        self.session.execute(Command::Break { kind, target, lasting: None });
    }

    fn mend(&mut self, kind: FaultKind, target: &str) {
        self.session.execute(Command::Mend { kind, target: target.to_owned() });
    }

    /// Seconds until a command's output holds a text.
    fn until(&mut self, command: &str, text: &str, limit: u64) -> u64 {
        let start: SimTime = self.session.head().now();
        loop {
            let out = self.run(command);
            let took = self.session.head().now().since(start).as_secs();
            if out.contains(text) {
                return took;
            }
            assert!(took < limit, "no `{text}` after {took} s in\n{out}");
            self.wait(1);
        }
    }

    /// A pod of the Deployment on a node.
    fn pod_on(&mut self, node: &str) -> String {
        let line =
            format!("kubectl get pods --field-selector spec.nodeName={node} -o name | head -n 1");
        self.run(&line).trim().to_owned()
    }
}

#[test]
fn a_pulled_cable_is_noticed_evicts_and_heals() {
    let mut town = Town::new(3);
    let pod = town.pod_on("node-2");
    town.fault(FaultKind::LinkDown, "node-2");
    let (out, took) = town.timed(&format!("kubectl logs {pod}"));
    assert!(out.contains(":10250: connect: no route to host"), "{out}");
    assert!(out.starts_with("Error from server: Get \"https://192.0.2."), "{out}");
    assert!((3..=4).contains(&took.as_secs()), "{took:?}");
    let out = town.run(&format!("kubectl exec {pod} -- hostname"));
    assert!(out.contains("error dialing backend: dial tcp 192.0.2."), "{out}");
    let noticed = town.until("kubectl get node node-2", "NotReady", 120);
    assert!((30..=60).contains(&noticed), "NotReady after {noticed} s");
    let taints = town.run("kubectl get node node-2 -o jsonpath='{.spec.taints[*].key}'");
    assert!(taints.contains("node.kubernetes.io/unreachable"), "{taints}");
    // The pods are evicted after their 300 s; the node hears nothing of it.
    let evicted = town.until("kubectl get pods", "Terminating", 400);
    assert!((290..=320).contains(&evicted), "evicted after {evicted} s more");
    town.until("kubectl get deployment web", "4/4", 60);
    town.mend(FaultKind::LinkDown, "node-2");
    let back = town.until("kubectl get node node-2", " Ready", 60);
    assert!(back <= 15, "Ready again after {back} s");
    town.wait(60);
    let out = town.run("kubectl get pods");
    assert!(!out.contains("Terminating"), "{out}");
}

#[test]
fn a_short_cut_evicts_nobody_and_watches_catch_up() {
    let mut town = Town::new(3);
    town.fault(FaultKind::LinkDown, "node-2");
    town.wait(20);
    town.run("kubectl scale deployment web --replicas=12");
    town.wait(10);
    let waiting = town.run("kubectl get pods --field-selector spec.nodeName=node-2");
    assert!(waiting.contains("Pending"), "node-2 cannot know of them:\n{waiting}");
    town.mend(FaultKind::LinkDown, "node-2");
    let done = town.until("kubectl get deployment web", "12/12", 60);
    assert!(done <= 45, "{done} s");
}

#[test]
fn an_api_server_that_is_down_refuses_and_the_workload_goes_on() {
    let mut town = Town::new(3);
    town.fault(FaultKind::ProcessDown, "control-plane/kube-apiserver");
    let out = town.run("kubectl get pods");
    let refused = "The connection to the server 127.0.0.1:6443 was refused - did you specify the \
                   right host or port?\n";
    assert_eq!(out, refused);
    town.wait(120);
    town.mend(FaultKind::ProcessDown, "control-plane/kube-apiserver");
    town.wait(15);
    let out = town.run("kubectl get nodes");
    assert!(!out.contains("NotReady"), "{out}");
    town.run("kubectl scale deployment web --replicas=5");
    town.until("kubectl get deployment web", "5/5", 60);
}

#[test]
fn a_frozen_api_server_does_not_answer() {
    let mut town = Town::new(3);
    town.fault(FaultKind::ProcessFrozen, "control-plane/kube-apiserver");
    let (out, took) = town.timed("kubectl get pods");
    assert_eq!(out, "Unable to connect to the server: net/http: TLS handshake timeout\n");
    assert_eq!(took.as_secs(), 10);
}

#[test]
fn without_a_scheduler_pods_wait_without_events() {
    let mut town = Town::new(3);
    town.fault(FaultKind::ProcessDown, "control-plane/kube-scheduler");
    town.run("kubectl create deployment late --image=nginx:1.27");
    town.wait(60);
    let out = town.run("kubectl get pods -l app=late");
    assert!(out.contains("Pending"), "{out}");
    let out = town.run("kubectl describe pods -l app=late | grep -A3 ^Events");
    assert!(out.contains("<none>"), "{out}");
    town.mend(FaultKind::ProcessDown, "control-plane/kube-scheduler");
    let bound = town.until("kubectl get pods -l app=late", "Running", 60);
    assert!(bound <= 30, "{bound} s");
}

#[test]
fn without_controllers_nothing_is_replaced() {
    let mut town = Town::new(3);
    town.fault(FaultKind::ProcessDown, "control-plane/kube-controller-manager");
    town.run("kubectl scale deployment web --replicas=6");
    let pod = town.pod_on("node-1");
    town.run(&format!("kubectl delete {pod}"));
    town.wait(60);
    let out = town.run("kubectl get pods --no-headers | wc -l");
    assert_eq!(out.trim(), "3");
    town.mend(FaultKind::ProcessDown, "control-plane/kube-controller-manager");
    let healed = town.until("kubectl get deployment web", "6/6", 90);
    assert!(healed >= 1, "{healed} s");
}

#[test]
fn a_fault_with_a_duration_ends_by_itself() {
    let mut town = Town::new(3);
    let target = "node-3".to_owned();
    let lasting = Some(SimDuration::from_secs(90));
    town.session.execute(Command::Break { kind: FaultKind::HostDown, target, lasting });
    town.until("kubectl get node node-3", "NotReady", 80);
    let back = town.until("kubectl get node node-3", " Ready", 240);
    assert!(back < 150, "{back} s");
}
