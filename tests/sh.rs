//! `drydock sh` in pipes, and files by every way to write their paths, through the built program.
#![expect(clippy::unwrap_used, reason = "a test of a program beside it")]
#![cfg(all(feature = "cli", unix))]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn drydock(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_drydock"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program may end without having read everything.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// A terminal without a clock: standard output, standard error, exit code.
fn sh(args: &[&str], stdin: &str) -> (String, String, i32) {
    let all: Vec<&str> = ["sh", "--fast"].iter().chain(args).copied().collect();
    let done = drydock(Path::new("."), &all, stdin);
    (
        String::from_utf8(done.stdout).unwrap(),
        String::from_utf8(done.stderr).unwrap(),
        done.status.code().unwrap(),
    )
}

/// A folder of its own for one test.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    fs::canonicalize(path).unwrap()
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn pipes_keep_streams_and_codes() {
    let (out, err, code) = sh(&["--kube", "3"], "kubectl get nodes\n");
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), err.as_str(), code), (4, "", 0), "{out}");
    for (line, start) in lines.iter().zip(["NAME ", "node-1 ", "node-2 ", "node-3 "]) {
        assert!(line.starts_with(start), "{out}");
    }
    let (out, err, code) = sh(&["--kube", "1"], "kubectl get pod nosuch\n");
    let missing = "Error from server (NotFound): pods \"nosuch\" not found\n";
    assert_eq!((out.as_str(), err.as_str(), code), ("", missing, 1));
    for (text, out, code) in [
        ("x=5\nf() {\n  echo \"$x\"\n}\nf\n", "5\n", 0),
        ("cat <<E\na\nE\nfalse", "a\n", 1),
        ("echo a; exit 7\necho b\n", "a\n", 7),
        ("echo one \\\n  two\n", "one two\n", 0),
        ("cat\nx\ny\n", "x\ny\n", 0),
        ("cd /tmp\n@wait 5s\npwd\n", "/tmp\n", 0),
        ("", "", 0),
    ] {
        assert_eq!(sh(&[], text), (out.to_owned(), String::new(), code), "{text:?}");
    }
    let (out, err, code) = sh(&[], "echo a\nif true; then\n");
    assert_eq!((out.as_str(), code), ("a\n", 2));
    assert!(err.contains("unexpected end of file"), "{err}");
}

#[test]
fn texts_and_scripts() {
    let (out, _, code) = sh(&["-c", "hostname; false"], "");
    assert_eq!((out.as_str(), code), ("host\n", 1));
    let (out, _, code) = sh(&["-c", "read x\necho \"[$x]\""], "typed\n");
    assert_eq!((out.as_str(), code), ("[typed]\n", 0));
    let root = folder("scripts");
    write(&root, &[("go.sh", "#!/bin/sh\nx=1\n@wait 1m\n@time\nexit $((x + 2))\n")]);
    let done = drydock(&root, &["sh", "--fast", "--docker", "2", "go.sh"], "");
    let out = String::from_utf8(done.stdout).unwrap();
    assert!(out.starts_with("00:01:00."), "{out}");
    assert_eq!(done.status.code(), Some(3));
    let (out, err, code) = sh(&["-c", "@nosuch"], "");
    assert_eq!((out.as_str(), code), ("", 2));
    assert_eq!(err, "drydock: @nosuch: no such built-in; @help lists them\n");
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_drydock"))
        .args(["sh", "--fast", "-c", "while true; do echo x; sleep 1; done"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!(
        (done.status.code(), String::from_utf8(done.stderr).unwrap().as_str()),
        (Some(141), "")
    );
}

const COMPOSE: &str = "include:\n  - ../common/compose.yaml\nservices:\n  web:\n    extends:\n      \
    file: base.yaml\n      service: base\n    env_file: conf/app.env\n    build: ../web\n    \
    secrets: [key]\nsecrets:\n  key:\n    file: ./key.txt\n";

/// A project that needs files around it.
fn project(root: &Path) {
    write(
        root,
        &[
            ("dir/compose.yaml", COMPOSE),
            ("dir/base.yaml", "services:\n  base:\n    image: nginx\n    environment: [A=1]\n"),
            ("dir/conf/app.env", "B=2\n"),
            ("dir/key.txt", "secret\n"),
            ("common/compose.yaml", "services:\n  db:\n    image: redis:7\n"),
            ("web/Dockerfile", "FROM nginx\nCOPY page.html /usr/share/nginx/html/\n"),
            ("web/page.html", "hello\n"),
            ("deploy/one.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n"),
            ("deploy/two.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: two\n"),
        ],
    );
    symlink(root.join("dir"), root.join("link")).unwrap();
    symlink("compose.yaml", root.join("dir/linked.yaml")).unwrap();
}

/// Every way to write the path of one file.
fn ways(root: &Path) -> Vec<(PathBuf, String)> {
    let whole = root.join("dir/compose.yaml").to_string_lossy().into_owned();
    [
        ("", "dir/compose.yaml"),
        ("", "./dir/compose.yaml"),
        ("", "dir/./compose.yaml"),
        ("", "dir//compose.yaml"),
        ("", "web/../dir/compose.yaml"),
        ("", "link/compose.yaml"),
        ("", "dir/linked.yaml"),
        ("", "dir"),
        ("", "./dir/"),
        ("dir", "compose.yaml"),
        ("dir", "./compose.yaml"),
        ("dir", "."),
        ("dir", "../dir/compose.yaml"),
        ("web", "../dir/compose.yaml"),
        ("web", whole.as_str()),
    ]
    .into_iter()
    .map(|(folder, path)| (root.join(folder), path.to_owned()))
    .collect()
}

#[test]
fn check_takes_every_path() {
    let root = folder("check");
    project(&root);
    for (folder, path) in ways(&root) {
        let done = drydock(&folder, &["check", &path], "");
        let out = String::from_utf8(done.stdout).unwrap();
        assert_eq!(done.status.code(), Some(0), "{path} in {}: {out}", folder.display());
        assert!(out.ends_with(": accepted\n") && out.lines().count() == 1, "{path}: {out}");
    }
    let many = ["check", "dir/compose.yaml", "./common", "deploy"];
    let done = drydock(&root, &many, "");
    let out = String::from_utf8(done.stdout).unwrap();
    assert_eq!((out.lines().count(), done.status.code()), (4, Some(0)), "{out}");
    // What is missing is missed, in every way to write the path.
    fs::remove_file(root.join("dir/conf/app.env")).unwrap();
    for (folder, path) in ways(&root) {
        let done = drydock(&folder, &["check", &path], "");
        let out = String::from_utf8(done.stdout).unwrap();
        assert_eq!(done.status.code(), Some(1), "{path}: {out}");
        assert!(out.contains("conf/app.env not found"), "{path}: {out}");
    }
    let done = drydock(&root, &["check", "nosuch.yaml"], "");
    assert!(
        String::from_utf8(done.stderr).unwrap().starts_with("error: nosuch.yaml: No such file")
    );
}

#[test]
fn run_and_sh_take_every_path() {
    let root = folder("run");
    project(&root);
    for (folder, path) in ways(&root) {
        let line = "docker compose config --services; cat ../web/page.html";
        let done = drydock(&folder, &["sh", "--fast", &path, "-c", line], "");
        let out = String::from_utf8(done.stdout).unwrap();
        let err = String::from_utf8(done.stderr).unwrap();
        assert_eq!(out, "db\nweb\nhello\n", "{path} in {}: {err}", folder.display());
    }
    let done = drydock(&root, &["run", "./dir/../dir/compose.yaml", "--until", "5s"], "");
    let out = String::from_utf8(done.stdout).unwrap();
    assert_eq!(done.status.code(), Some(0), "{out}");
    assert!(out.contains("dir-web-1") && out.contains("dir-db-1"), "{out}");
    let done = drydock(&root, &["sh", "--fast", "./deploy", "-c", "kubectl apply -f ."], "");
    let out = String::from_utf8(done.stdout).unwrap();
    assert_eq!(out, "configmap/one created\nconfigmap/two created\n");
    let several = ["sh", "--fast", "deploy/one.yaml", "./deploy/two.yaml", "-c", "ls"];
    let done = drydock(&root, &several, "");
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "one.yaml\ntwo.yaml\n");
}

#[test]
fn bad_arguments_get_one_line() {
    for (args, why) in [
        (&["sh", "--kube", "0"][..], "error: --kube: a number from 1 to 1000 is wanted, not 0\n"),
        (&["sh", "a.sh", "b.sh"], "error: only one script can be run\n"),
        (&["sh", "nosuch.yaml"], "error: "),
        (&["sh", "-c", "ls", "a.sh"], "error: -c and a script cannot be run at once\n"),
    ] {
        let done = drydock(Path::new("."), args, "");
        let err = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.starts_with(why) && err.lines().count() == 1, "{args:?}: {err}");
    }
}
