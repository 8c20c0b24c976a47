//! Serves the page on this machine, for looking at it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crate::dev::{self, Live};
use crate::shell::{self, Outcome};
use crate::web;

/// What the server answers from.
#[derive(Clone)]
struct Site {
    folder: PathBuf,
    /// Where pages hear of new builds.
    live: Option<Arc<Live>>,
}

/// Build, serve, open the browser; runs until it is stopped.
pub fn run(flags: &[&str]) -> Outcome {
    let port = flags.windows(2).find(|w| w[0] == "--port").map_or("8080", |w| w[1]);
    // Before the build, which takes longer than a message about the port should.
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .map_err(|e| format!("port {port}: {e}; choose another with --port N"))?;
    let site = if flags.contains(&"--dev") {
        Site { folder: shell::target().join("dev-page"), live: Some(Arc::default()) }
    } else if flags.contains(&"--no-build") {
        Site { folder: shell::root().join("dist"), live: None }
    } else {
        Site { folder: web::build()?, live: None }
    };
    let seen = site.live.as_ref().map(|live| dev::first_build(&site.folder, live));
    let address = format!("http://127.0.0.1:{port}/");
    eprintln!("Drydock is at {address} (Ctrl-C ends it)");
    if !flags.contains(&"--no-open") {
        open(&address);
    }
    let (Some(live), Some(seen)) = (site.live.clone(), seen) else {
        accept(&listener, &site);
        return Ok(());
    };
    let folder = site.folder.clone();
    thread::spawn(move || accept(&listener, &site));
    dev::watch(&folder, &live, seen)
}

fn accept(listener: &TcpListener, site: &Site) {
    for stream in listener.incoming().flatten() {
        let site = site.clone();
        thread::spawn(move || answer(stream, &site));
    }
}

fn open(address: &str) {
    let (program, args): (&str, &[&str]) = if cfg!(target_os = "macos") {
        ("open", &[])
    } else if cfg!(windows) {
        ("cmd", &["/C", "start"])
    } else {
        ("xdg-open", &[])
    };
    let _ = std::process::Command::new(program).args(args).arg(address).spawn();
}

/// Answer one request: GET of a file, or of the news about builds.
fn answer(mut stream: TcpStream, site: &Site) {
    let Some(path) = asked(&stream) else { return };
    if let Some(live) = site.live.as_ref().filter(|_| path == dev::NEWS) {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
                    Connection: close\r\n\r\n";
        let _ = stream.write_all(head.as_bytes()).and_then(|()| live.tell(&mut stream));
        return;
    }
    let file = inside(&site.folder, if path.is_empty() { "index.html" } else { &path });
    let (status, kind, body) = match file.and_then(|f| std::fs::read(&f).ok().map(|b| (f, b))) {
        Some((file, body)) => ("200 OK", kind(&file), body),
        None => ("404 Not Found", "text/plain", b"not found".to_vec()),
    };
    let body = match &site.live {
        Some(live) if kind.starts_with("text/html") => live.listening(body),
        _ => body,
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// The path that a request asks for, without the slash before it.
fn asked(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut header = String::new();
    while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
        header.clear();
    }
    let target = line.split_whitespace().nth(1).unwrap_or("/");
    Some(target.split(['?', '#']).next().unwrap_or("/").trim_start_matches('/').to_owned())
}

/// A path below a folder, never outside of it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    let plain = relative.components().all(|c| matches!(c, Component::Normal(_)));
    plain.then(|| folder.join(relative))
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()).unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_page_are_served() {
        let folder = Path::new("/page");
        assert_eq!(inside(folder, "style/app.css"), Some(folder.join("style/app.css")));
        for path in ["../secret", "style/../../secret", "/etc/passwd", "./index.html"] {
            assert_eq!(inside(folder, path), None, "{path}");
        }
    }
}
