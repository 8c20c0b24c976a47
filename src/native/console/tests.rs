//! Blocks typed into small worlds.

use super::*;

fn docker() -> Console {
    Console::new(&Genesis::docker(7), "host")
}

fn kube() -> Console {
    Console::new(&Genesis::kubernetes(7, 2), "")
}

fn ran(stdout: &str, stderr: &str, exit: i32) -> Ran {
    Ran { stdout: stdout.to_owned(), stderr: stderr.to_owned(), exit }
}

#[test]
fn the_shell_keeps_its_state() {
    let mut console = docker();
    let done = console.run("mkdir -p /tmp/a && cd /tmp/a\nx='one two'\nf() {\n  echo \"<$1>\"\n}");
    assert_eq!(done, ran("", "", 0));
    assert_eq!(console.cwd(), "/tmp/a");
    assert_eq!(console.run("f \"$x\"; pwd; false"), ran("<one two>\n/tmp/a\n", "", 1));
    assert_eq!(console.run("echo $?"), ran("1\n", "", 0));
    assert_eq!(console.run("echo out; echo err >&2"), ran("out\n", "err\n", 0));
    assert_eq!(console.run("nosuch"), ran("", "bash: nosuch: command not found\n", 127));
    assert_eq!(console.run(""), ran("", "", 127), "an empty block changes nothing");
}

#[test]
fn blocks_of_several_lines() {
    let mut console = docker();
    let text = "cat > note.txt <<'END'\n$x \\\n@wait 3s\nEND\ncat note.txt";
    assert_eq!(console.run(text), ran("$x \\\n@wait 3s\n", "", 0));
    assert_eq!(console.run("echo a \\\n  b \\\n  c"), ran("a b c\n", "", 0));
    assert_eq!(console.run("for i in 1 2; do\n echo $i\ndone"), ran("1\n2\n", "", 0));
    assert_eq!(console.run("echo 'a\n\nb'"), ran("a\n\nb\n", "", 0));
    let cut = console.run("echo before\nif true; then");
    assert_eq!((cut.stdout.as_str(), cut.exit), ("before\n", 2));
    assert!(cut.stderr.contains("unexpected end of file"), "{}", cut.stderr);
    assert_eq!(console.run("echo after"), ran("after\n", "", 0));
    let wrong = console.run("echo )\necho next");
    assert_eq!((wrong.stdout.as_str(), wrong.exit), ("next\n", 0));
    assert!(wrong.stderr.contains("unexpected \")\""), "{}", wrong.stderr);
}

#[test]
fn programs_read_what_follows_them() {
    let mut console = docker();
    assert_eq!(console.run("read x\nhello there\necho \"[$x]\""), ran("[hello there]\n", "", 0));
    assert_eq!(console.run("cat\na\n\nb"), ran("a\n\nb\n", "", 0));
    let done = console.run("docker run -i --rm alpine sh\necho in here\nexit 3");
    assert_eq!((done.stdout.as_str(), done.exit), ("in here\n", 3));
    assert_eq!(console.run("echo $?"), ran("3\n", "", 0));
    let done = console.run("docker run -d --name web nginx\ndocker start web\ndocker port web");
    assert_eq!(done.exit, 0, "{done:?}");
    let done = console.run("docker exec -i web cat\none\ntwo");
    assert_eq!(done, ran("one\ntwo\n", "", 0));
    let done = console.run("docker container prune\nn");
    // Whoever declines is told nothing (recorded).
    assert_eq!((done.exit, done.stderr.as_str()), (0, ""), "{done:?}");
}

#[test]
fn ctrl_c_reaches_what_a_container_s_terminal_runs() {
    let mut console = Console::of(Session::new(Genesis::docker(7)), "host", true);
    console.run("docker pull -q alpine; docker pull -q nginx");
    console.begin("docker run -it --rm alpine sh", false);
    let minute = |console: &Console| console.world().now() + SimDuration::from_secs(60);
    let later = minute(&console);
    assert!(!console.advance(later) && console.wants() == Wants::Input);
    console.enter(Some("sleep 1000; echo no"));
    console.interrupt();
    console.enter(Some("echo $?; exit 5"));
    let later = minute(&console);
    assert!(console.advance(later));
    let text: String = console.take().into_iter().map(|part| part.text).collect();
    assert!(text.contains("130\n") && !text.contains("no\n"), "{text:?}");
    assert_eq!(console.exit(), 5);
    console.begin("docker run -it --rm nginx", false);
    let later = minute(&console);
    assert!(!console.advance(later));
    console.interrupt();
    let later = minute(&console);
    assert!(console.advance(later), "nginx ends at SIGINT");
}

#[test]
fn input_stays_in_order() {
    let mut console = docker();
    console.run("docker pull -q alpine");
    for _ in 0..20 {
        let done = console.run("echo 'echo here; exit 3' | docker run -i --rm alpine sh");
        assert_eq!(done, ran("here\n", "", 3));
    }
}

#[test]
fn the_shell_can_end() {
    let mut console = docker();
    assert_eq!(console.run("x=1; cd /tmp\nexit 4\necho no"), ran("", "", 4));
    assert!(console.logged_out());
    assert_eq!(console.run("echo $x; pwd"), ran("\n/home/student\n", "", 0));
    assert!(!console.logged_out());
}

#[test]
fn what_does_not_end_is_ended() {
    let mut console = docker();
    console.limit = SimDuration::from_secs(60);
    for endless in ["sleep infinity", "while true; do echo x; sleep 1; done", "docker events"] {
        let done = console.run(endless);
        assert_eq!(done.exit, 130, "{endless}: {done:?}");
        assert!(done.stderr.ends_with("would not end\n"), "{endless}: {done:?}");
    }
    assert_eq!(console.run("@wait 2m\necho here"), ran("here\n", "", 0));
    console.most = 10_000;
    let flood = console.run("yes");
    assert!(flood.exit == 130 && flood.stdout.len() > 10_000, "{}", flood.exit);
    assert_eq!(console.run("echo alive").stdout, "alive\n");
}

#[test]
fn a_cluster_is_broken_and_explained() {
    let mut console = kube();
    let done = console.run("kubectl create deployment web --image=nginx --replicas=2\n@wait 1m");
    assert_eq!(done, ran("deployment.apps/web created\n", "", 0));
    assert!(console.world().now() > SimTime::from_secs(60));
    let pods = console.run("kubectl get pods --no-headers");
    assert_eq!(pods.stdout.matches("Running").count(), 2, "{}", pods.stdout);
    let why = console.run("@why deploy/web");
    assert!(why.stdout.contains("kubectl create deployment web"), "{why:?}");
    assert_eq!(console.run("@host node-1 poweroff"), ran("", "", 0));
    let hosts = console.run("@hosts").stdout;
    assert!(hosts.starts_with("* drydock\n"), "{hosts}");
    console.run("@wait 2m");
    let nodes = console.run("kubectl get nodes --no-headers").stdout;
    assert!(nodes.contains("NotReady"), "{nodes}");
    console.run("@host node-1 boot\n@fault host-down node-2 for 30s\n@wait 3m");
    let nodes = console.run("kubectl get nodes --no-headers").stdout;
    assert!(!nodes.contains("NotReady"), "{nodes}");
    let on = console.run("@on node-2\nhostname\n@on drydock\nhostname");
    assert_eq!(on, ran("node-2\ndrydock\n", "", 0));
}

#[test]
fn clients_send() {
    let mut console = docker();
    let lines =
        "docker run -d -p 8080:80 --name web nginx\n@load one http://host:8080/ 5\n@wait 30s";
    assert_eq!(console.run(lines).exit, 0);
    let told = console.run("@load").stdout;
    assert!(
        told.starts_with("one ") && told.contains("sends: 1") && !told.contains(" 0 ok"),
        "{told}"
    );
    console.run("@load one stop");
    assert!(console.run("@load").stdout.contains("stopped"));
    console.run("@fault container-exit=3 web\n@wait 1s");
    let ps = console.run("docker ps -a").stdout;
    assert!(ps.contains("Exited (3)"), "{ps}");
}

#[test]
fn bad_built_ins_get_one_line() {
    let mut console = kube();
    for line in [
        "@",
        "@nosuch",
        "@wait",
        "@wait soon",
        "@host",
        "@host node-9 boot",
        "@host node-1 explode",
        "@fault fire node-1",
        "@fault hang nosuch",
        "@fault host-down node-1 for ever",
        "@fault host-down node",
        "@mend host-down node-1",
        "@mend fire node-1",
        "@load a",
        "@load a http:// 5",
        "@load a http://x/ fast",
        "@load a http://x/ 5 from mars",
        "@load a stop",
        "@why",
        "@why nosuch",
        "@why gizmo/x",
        "@events many",
        "@on mars",
        "@save",
        "@save /nosuch/folder/file",
    ] {
        let done = console.run(line);
        assert_eq!((done.stdout.as_str(), done.exit), ("", 2), "{line}");
        assert_eq!(done.stderr.lines().count(), 1, "{line}: {}", done.stderr);
        assert!(done.stderr.starts_with("drydock: @"), "{line}: {}", done.stderr);
    }
    let help = console.run("@help").stdout;
    assert!(help.lines().count() > 10 && help.contains("@wait TIME"), "{help}");
}

#[test]
fn a_screen_prompts() {
    let mut console = Console::of(Session::new(Genesis::docker(7)), "host", true);
    assert_eq!((console.prompt(), console.wants()), ("$ ", Wants::Command));
    console.begin("cat <<E", false);
    assert_eq!((console.prompt(), console.wants()), ("> ", Wants::More));
    console.enter(Some("a"));
    console.enter(Some("E"));
    let printed = console.take();
    assert_eq!(printed, [Printed { error: false, text: "a\n".to_owned() }]);
    console.begin("cat", false);
    assert_eq!(console.wants(), Wants::Input);
    console.enter(None);
    assert_eq!(console.wants(), Wants::Command, "Ctrl-D ends the input of cat only");
    console.enter(None);
    assert!(console.logged_out());
}
