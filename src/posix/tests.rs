//! The shell as a whole: scripts in, text and codes and times out.

use std::collections::{BTreeMap, VecDeque};

use crate::base::time::{SimDuration, SimTime};
use crate::posix::{Effect, Facts, FileSystem, Files, Io, Process, Stream, TaskId, Wake};

/// A small world around one shell: a clock and external commands that answer at once.
struct Stage {
    now: SimTime,
    files: Files,
    facts: Facts,
    out: String,
    err: String,
    code: Option<u8>,
    timers: Vec<(SimTime, TaskId)>,
    runs: Vec<(TaskId, Vec<String>, Option<String>, bool)>,
    kills: Vec<(i64, u8)>,
    signals: Vec<u8>,
    cancelled: Vec<TaskId>,
    memory: u64,
}

impl Stage {
    fn new(pid: u32) -> Self {
        let mut files = Files::new();
        files.put_file("/etc/hosts", "127.0.0.1 localhost\n10.0.0.2 web\n");
        files.put_file("/w/a.txt", "b\na\nc\na\n");
        files.put("/tmp", crate::posix::Entry::Directory { mode: 0o777 });
        Self {
            now: SimTime::ZERO,
            files,
            facts: Facts { pid, ..Facts::default() },
            out: String::new(),
            err: String::new(),
            code: None,
            timers: Vec::new(),
            runs: Vec::new(),
            kills: Vec::new(),
            signals: Vec::new(),
            cancelled: Vec::new(),
            memory: 0,
        }
    }

    fn wake(&mut self, shell: &mut Process, wake: Wake) {
        let mut wakes = VecDeque::from([wake]);
        while let Some(wake) = wakes.pop_front() {
            let mut io = Io { now: self.now, files: &mut self.files, facts: &self.facts };
            for effect in shell.resume(wake, &mut io) {
                match effect {
                    Effect::Output(Stream::Out, text) | Effect::Prompt(text) => {
                        self.out.push_str(&text);
                    }
                    Effect::Output(Stream::Err, text) => self.err.push_str(&text),
                    Effect::Sleep(op, time) => self.timers.push((self.now + time, op)),
                    Effect::Run(op, command) => {
                        match command.argv.first().map(String::as_str) {
                            Some("hello") => {
                                let text = format!("hello {:?}\n", command.stdin);
                                wakes.push_back(Wake::Output(op, Stream::Out, text));
                                wakes.push_back(Wake::Finished(op, 0));
                            }
                            Some("nosuch") => wakes.push_back(Wake::Finished(op, 127)),
                            _ => {}
                        }
                        self.runs.push((op, command.argv, command.stdin, command.replaces));
                    }
                    Effect::Cancel(op) => {
                        self.timers.retain(|(_, t)| *t != op);
                        self.cancelled.push(op);
                    }
                    Effect::Signal(op, signal) => {
                        self.signals.push(signal);
                        if signal != 1 {
                            wakes.push_back(Wake::Finished(op, 100 + signal));
                        }
                    }
                    Effect::Kill(pid, signal) => self.kills.push((pid, signal)),
                    Effect::Memory(bytes) => self.memory = bytes,
                    Effect::Exit(code) => self.code = Some(code),
                }
            }
        }
    }

    /// Let time pass until a moment, or until nothing happens any more.
    fn pass(&mut self, shell: &mut Process, until: SimTime) {
        while self.code.is_none() {
            self.timers.sort();
            match self.timers.first().copied() {
                Some((at, op)) if at <= until => {
                    self.timers.remove(0);
                    self.now = at;
                    self.wake(shell, Wake::Timer(op));
                }
                _ => break,
            }
        }
        if self.code.is_none() {
            self.now = until;
        }
    }
}

fn run(text: &str) -> Stage {
    let mut stage = Stage::new(7);
    let env = BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]);
    let args = ["sh".into(), "x".into(), "y z".into()];
    let mut shell = Process::script(text, &args, env, "/w").with_closed_input();
    stage.wake(&mut shell, Wake::Start);
    stage.pass(&mut shell, SimTime::from_secs(100_000));
    stage
}

/// Scripts with what they print and how they end.
const SCRIPTS: &[(&str, &str, u8)] = &[
    ("echo hi; exit 3", "hi\n", 3),
    ("false || echo no && echo yes", "no\nyes\n", 0),
    ("x=1; if [ $x = 1 ]; then echo one; else echo two; fi", "one\n", 0),
    ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n", 0),
    ("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done", "1\n2\n3\n", 0),
    ("until false; do echo x; break; done", "x\n", 0),
    ("case db-1 in db-*) echo db;; *) echo other;; esac", "db\n", 0),
    ("f() { local v=$1; echo \"<$v>\"; return 4; }; f a; echo $?", "<a>\n4\n", 0),
    ("echo $(echo a; echo b) `echo c`", "a b c\n", 0),
    (
        "a=(x \"y z\" # two\n w); for i in \"${a[@]}\"; do echo \"<$i>\"; done; echo ${#a[@]} $a",
        "<x>\n<y z>\n<w>\n3 x\n",
        0,
    ),
    ("echo $1 \"$2\" $# \"$@\"", "x y z 2 x y z\n", 0),
    ("sort a.txt | uniq -c | sort -rn | head -1", "      2 a\n", 0),
    ("cat a.txt | grep -v a | tr a-z A-Z", "B\nC\n", 0),
    ("while read l; do echo \"[$l]\"; done < a.txt | tail -n 2", "[c]\n[a]\n", 0),
    ("echo a b c | while read x y; do echo \"$y-$x\"; done", "b c-a\n", 0),
    ("cat <<E\n$1 \\$x $(echo s)\nE\n", "x $x s\n", 0),
    ("cat <<'E'\n$1\nE\n", "$1\n", 0),
    ("echo one > /tmp/f; echo two >> /tmp/f; cat /tmp/f", "one\ntwo\n", 0),
    ("echo err >&2; echo out 2>&1", "out\n", 0),
    ("ls nosuch 2>/dev/null || echo none", "none\n", 0),
    ("(cd /tmp; pwd); pwd", "/tmp\n/w\n", 0),
    ("set -e; false; echo never", "", 1),
    ("set -e; if false; then :; fi; false || true; ! true; echo on", "on\n", 0),
    ("set -u; echo $nope; echo never", "", 2),
    ("trap 'echo bye' EXIT; echo hi; exit 5", "hi\nbye\n", 5),
    ("! true; echo $?", "1\n", 0),
    ("x=a; x=b env | grep ^x=; echo $x", "x=b\na\n", 0),
    ("export y=1; sh -c 'echo $y $0 $1' zero one", "1 zero one\n", 0),
    ("eval 'echo e'; . /tmp/none || echo gone", "e\ngone\n", 0),
    ("sed -n 's/^10.*web/W/p' /etc/hosts; sed s/a/x/ a.txt | head -2", "W\nb\nx\n", 0),
    ("sed 's/my-data/shop/' <<E\n  my-data: my-data\nE\n", "  shop: my-data\n", 0),
    ("printf '%s=%d\\n' a 1 b 2; printf '%03d|%-4s|\\n' 7 x", "a=1\nb=2\n007|x   |\n", 0),
    ("seq 3 | wc -l; echo a,b,c | cut -d, -f2", "3\nb\n", 0),
    ("yes | head -3", "y\ny\ny\n", 0),
    ("while :; do echo x; done | head -2", "x\nx\n", 0),
    ("(sleep 2; echo b) & echo a; wait; echo c", "a\nb\nc\n", 0),
    ("sleep 1 & p=$!; kill $p; wait $p; echo $?", "143\n", 0),
    ("timeout 2 sleep 10; echo $?", "124\n", 0),
    ("echo 'a b' | xargs -n1 echo -", "- a\n- b\n", 0),
    ("echo data | hello", "hello Some(\"data\\n\")\n", 0),
    ("x=$(hello); echo \"$x\"", "hello None\n", 0),
    ("nosuch; echo $?", "127\n", 0),
    ("[ -z \"$(hello)\" ] || echo full", "full\n", 0),
    ("ls -d /w /tmp; test -f a.txt && echo f", "/tmp\n/w\nf\n", 0),
    ("mkdir -p d/e; touch d/e/f; find d -type f; rm -r d; ls", "d/e/f\na.txt\n", 0),
    ("echo '#!/bin/sh\necho script $1' > s; chmod +x s; ./s 1", "script 1\n", 0),
    ("a=1; (a=2); echo $a; { a=3; }; echo $a", "1\n3\n", 0),
    ("x=abc; echo ${x#a} ${x%c} ${y:-d} ${#x} ${x:1:1}", "bc ab d 3 b\n", 0),
    ("echo *.txt /etc/h*s 'x'*", "a.txt /etc/hosts x*\n", 0),
    ("[[ abc == a* && 2 -gt 1 ]] && echo y", "y\n", 0),
    (
        "awk '{print $1}' /etc/hosts; awk -F. 'NR==2{print $1, \"x\"}' /etc/hosts",
        "127.0.0.1\n10.0.0.2\n10 x\n",
        0,
    ),
    ("if ! grep -q zz a.txt; then echo no; fi", "no\n", 0),
    ("f() { f; }; f", "", 2),
    ("exec 3>/tmp/o; echo x >&3; cat /tmp/o", "x\n", 0),
    ("echo x > /no/dir/f; echo $?", "1\n", 0),
    ("dd if=/dev/zero of=/tmp/z bs=1M count=20 2>/dev/null; stat -c %s /tmp/z", "20971520\n", 0),
    ("date +%F; basename /a/b.c .c; dirname /a/b", "2026-01-05\nb\n/a\n", 0),
    ("for i in $(seq 1 3); do printf \"$i \"; done; echo", "1 2 3 \n", 0),
    ("exit 300", "", 44),
    ("kill -9 $$; echo no", "", 137),
    ("true | false; echo $?; false | true; echo $?", "1\n0\n", 0),
    ("echo a | tee /tmp/t | cat; cat /tmp/t", "a\na\n", 0),
    ("base=$(printf s3cret | base64); echo $base; echo $base | base64 -d", "czNjcmV0\ns3cret", 0),
    ("n=0; for a in \"$@\"; do n=$((n+1)); shift; done; echo $n $#", "2 0\n", 0),
    ("if", "", 2),
    ("busybox echo x; sudo echo y; nohup echo z", "x\ny\nz\n", 0),
    ("c=$(hello); [ -z \"$c\" ] || echo \"$c\" | wc -w", "2\n", 0),
    ("for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait; echo ok", "ok\n", 0),
    (
        "while read -r a b; do hello; echo $a; done < /etc/hosts",
        "hello None\n127.0.0.1\nhello None\n10.0.0.2\n",
        0,
    ),
    ("f() { echo \"$#:$*\"; shift; echo $1; }; f 'a b' c; echo $#", "2:a b c\nc\n2\n", 0),
    ("x='a  b'; for w in $x; do echo $w; done; IFS=,; y=1,2; set -- $y; echo $2", "a\nb\n2\n", 0),
    ("echo \"a\\$b \\\"q\\\" \\`\"", "a$b \"q\" `\n", 0),
    (
        "until [ -f /tmp/r ]; do n=$((n+1)); [ $n = 3 ] && touch /tmp/r; sleep 1; done; echo $n",
        "3\n",
        0,
    ),
    ("a=$(cat <<E\nin\nE\n); echo $a", "in\n", 0),
    ("if true; then echo a; fi | cat; { echo b; echo c; } | tail -1", "a\nc\n", 0),
    (
        "printf 'a\\nb\\n' | while read x; do echo \"<$x>\"; done | sed 's/</[/;s/>/]/'",
        "[a]\n[b]\n",
        0,
    ),
    ("(exit 4) || echo $?; sh -ec 'false; echo no' || echo $?", "4\n1\n", 0),
    (
        "grep -c a a.txt; grep -n a a.txt | head -1; grep -o '[0-9]*\\.' /etc/hosts | head -1",
        "2\n2:a\n127.\n",
        0,
    ),
    (
        "ls -a /w | sort; cp a.txt b.txt && mv b.txt c.txt; ls; rm -f *.txt; ls | wc -l",
        ".\n..\na.txt\na.txt\nc.txt\n0\n",
        0,
    ),
    ("echo $((2**3))", "", 2),
    ("echo a >&2 2>/dev/null | cat; echo b 2>&1 >/dev/null", "", 0),
    ("trap 'echo int' INT; kill -INT $$; echo after", "int\nafter\n", 0),
    ("nginx_status() { return 2; }; nginx_status || echo \"code $?\"", "code 2\n", 0),
    (
        "[ \"$(date +%Y)\" -ge 2026 ] && echo new; test \"$MODE\" = ok && sleep 3600; exit 1",
        "new\n",
        1,
    ),
    (
        "tail -n +3 a.txt; head -n1 a.txt; wc -l < a.txt; sort -u a.txt | tr '\\n' ' '",
        "c\na\nb\n4\na b c ",
        0,
    ),
    (
        "x=5; x=$((x*2)) ; echo $x; : $((x+=1)); echo $x; echo $(( x > 10 ? 1 : 0 ))",
        "10\n11\n1\n",
        0,
    ),
    ("case \"a b\" in a\\ b) echo q;; esac; case x in [a-c]|x) echo r;; esac", "q\nr\n", 0),
    ("echo ${1:-none} ${9:-none} ${UNSET+set}${HOME+home}", "x none home\n", 0),
    ("cd /nosuch || echo fail; cd /tmp && cd - && pwd", "fail\n/w\n/w\n", 0),
];

#[test]
fn scripts() {
    for &(text, out, code) in SCRIPTS {
        let stage = run(text);
        assert_eq!((stage.out.as_str(), stage.code), (out, Some(code)), "{text}\n{}", stage.err);
    }
}

#[test]
fn sleeping_takes_its_time() {
    let stage = run("touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 0.5m");
    assert_eq!((stage.now, stage.code), (SimTime::from_secs(60), Some(0)));
    assert!(stage.files.read("/tmp/healthy").is_err());
    assert_eq!(run("sleep 1.25").now, SimTime(1_250_000));
    assert_eq!(run("sleep 1 & sleep 2 & wait").now, SimTime::from_secs(2));
}

#[test]
fn the_first_process_ignores_signals_it_does_not_trap() {
    let mut stage = Stage::new(1);
    let text = "trap 'echo caught; exit 0' TERM; while :; do sleep 5; done";
    let mut shell = Process::script(text, &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    stage.pass(&mut shell, SimTime::from_secs(12));
    stage.wake(&mut shell, Wake::Signal(2));
    assert_eq!(stage.code, None, "INT has no trap");
    stage.wake(&mut shell, Wake::Signal(15));
    assert_eq!(stage.out, "", "the trap waits for the sleep to end");
    let twin = shell.clone();
    stage.pass(&mut shell, SimTime::from_secs(60));
    assert_eq!((stage.out.as_str(), stage.code), ("caught\n", Some(0)));
    assert_eq!(stage.now, SimTime::from_secs(15));
    assert_eq!(twin.exited(), None, "a clone goes its own way");

    let mut stage = Stage::new(1);
    let text = "trap 'echo t' TERM; sleep 100 & wait $!; echo $?";
    let mut shell = Process::script(text, &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    stage.wake(&mut shell, Wake::Signal(15));
    assert_eq!(stage.out, "t\n143\n", "wait is interrupted at once");

    let mut stage = Stage::new(8);
    let mut shell = Process::script("sleep 100", &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    stage.wake(&mut shell, Wake::Signal(15));
    assert_eq!(stage.code, Some(143));
}

#[test]
fn endless_loops_yield() {
    let mut stage = Stage::new(1);
    let mut shell = Process::script("while true; do :; done", &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    assert!(shell.busy());
    stage.pass(&mut shell, SimTime::from_secs(30));
    assert_eq!(stage.code, None);
    let waits = stage.timers.len();
    assert_eq!(waits, 1);
    let stage = run("f() { echo $(f); }; f");
    assert!(stage.code.is_some(), "endless subshells end");
}

#[test]
fn the_last_command_takes_the_shells_place() {
    let mut stage = Stage::new(1);
    let mut shell = Process::script("sleep 2; nginx -g x", &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    stage.pass(&mut shell, SimTime::from_secs(3));
    let (op, argv, _, replaces) = stage.runs.pop().unwrap();
    assert_eq!((argv.len(), replaces), (3, true));
    stage.wake(&mut shell, Wake::Finished(op, 9));
    assert_eq!(stage.code, Some(9));

    let mut stage = Stage::new(1);
    let mut shell = Process::script("nginx; echo $?", &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    let (op, _, _, replaces) = stage.runs.pop().unwrap();
    assert!(!replaces);
    stage.wake(&mut shell, Wake::Finished(op, 9));
    assert_eq!(stage.out, "9\n");
}

#[test]
fn a_stream_flows_through_a_pipe() {
    let mut stage = Stage::new(7);
    let text = "docker logs -f x | grep y | head -2";
    let mut shell = Process::script(text, &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    let (op, ..) = stage.runs.pop().unwrap();
    for line in ["ay\n", "b\n", "cy\n"] {
        stage.wake(&mut shell, Wake::Output(op, Stream::Out, line.to_owned()));
    }
    assert_eq!(stage.out, "ay\ncy\n");
    stage.wake(&mut shell, Wake::Output(op, Stream::Out, "dy\ney\n".to_owned()));
    stage.wake(&mut shell, Wake::Output(op, Stream::Out, "fy\n".to_owned()));
    assert_eq!((stage.cancelled.as_slice(), stage.code), ([op].as_slice(), Some(0)));
}

#[test]
fn an_interactive_shell() {
    let mut stage = Stage::new(9);
    stage.facts.tty = true;
    let mut shell = Process::interactive(BTreeMap::new(), "/w");
    stage.wake(&mut shell, Wake::Start);
    assert_eq!(stage.out, "/w # ");
    stage.wake(&mut shell, Wake::Stdin(Some("cd /tmp; x=5\n".into())));
    stage.wake(&mut shell, Wake::Stdin(Some("if true; then\n".into())));
    assert!(stage.out.ends_with("> "), "{}", stage.out);
    stage.wake(&mut shell, Wake::Stdin(Some("echo $x; fi\n".into())));
    assert!(stage.out.ends_with("5\n/tmp # "), "{}", stage.out);
    stage.wake(&mut shell, Wake::Stdin(Some("sleep 100; echo no\n".into())));
    assert!(!shell.idle());
    stage.wake(&mut shell, Wake::Signal(2));
    assert!(shell.idle());
    assert_eq!(shell.status(), 130);
    stage.wake(&mut shell, Wake::Stdin(Some("docker run x; echo after\n".into())));
    let (op, ..) = stage.runs.pop().unwrap();
    assert_eq!(shell.foreground(), [op]);
    stage.wake(&mut shell, Wake::Signal(2));
    assert!(!shell.idle(), "the command ends in its own time");
    stage.wake(&mut shell, Wake::Finished(op, 130));
    assert!(shell.idle() && !stage.out.contains("after"));
    stage.wake(&mut shell, Wake::Stdin(None));
    assert_eq!(stage.code, Some(130));
}

#[test]
fn time_limits_reach_commands() {
    for (text, out, signals, seconds) in [
        ("timeout -s INT 2 docker run; echo $?", "124\n", &[2][..], 2),
        ("timeout --preserve-status -s INT 2 docker run; echo $?", "102\n", &[2], 2),
        ("timeout --preserve-status -s HUP -k 4 2 docker run; echo $?", "137\n", &[1, 9], 6),
        ("docker logs & sleep 1; kill -INT $!; wait $!; echo $?", "102\n", &[2], 1),
        ("timeout 5 hello", "hello None\n", &[], 0),
    ] {
        let mut stage = Stage::new(7);
        let mut shell = Process::script(text, &[], BTreeMap::new(), "/").with_closed_input();
        stage.wake(&mut shell, Wake::Start);
        stage.pass(&mut shell, SimTime::from_secs(100));
        assert_eq!((stage.out.as_str(), stage.signals.as_slice()), (out, signals), "{text}");
        assert_eq!((stage.now, stage.code), (SimTime::from_secs(seconds), Some(0)), "{text}");
    }
    let mut stage = Stage::new(1);
    stage.facts.pids_limit = 5;
    let text = "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait";
    let mut shell = Process::script(text, &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    let message = "sh: line 0: can't fork: Resource temporarily unavailable\n";
    assert_eq!((stage.err.as_str(), stage.code, stage.timers.len()), (message, Some(2), 0));
}

#[test]
fn memory_grows() {
    let mut stage = Stage::new(1);
    let mut shell = Process::script("sleep 2; tail /dev/zero", &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    stage.pass(&mut shell, SimTime::from_secs(2) + SimDuration(100_000));
    assert!(stage.memory >= 64 << 20, "{}", stage.memory);
}

#[test]
fn signals_to_others() {
    let mut stage = Stage::new(12);
    let mut shell = Process::script("kill -TERM 1; kill -9 -1; kill 99", &[], BTreeMap::new(), "/");
    stage.wake(&mut shell, Wake::Start);
    assert_eq!(stage.kills, [(1, 15), (-1, 9)]);
    assert_eq!((stage.code, stage.err.contains("No such process")), (Some(1), true));
}
