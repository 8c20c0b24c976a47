//! Serves `dist/` on this machine, for looking at the page.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};

use crate::shell::{self, Outcome};
use crate::web;

/// Build, serve, open the browser; runs until it is stopped.
pub fn run(flags: &[&str]) -> Outcome {
    let port = flags.windows(2).find(|w| w[0] == "--port").map_or("8080", |w| w[1]);
    let dist =
        if flags.contains(&"--no-build") { shell::root().join("dist") } else { web::build()? };
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))
        .map_err(|e| format!("port {port}: {e}; choose another with --port N"))?;
    let address = format!("http://127.0.0.1:{port}/");
    eprintln!("Drydock is at {address} (Ctrl-C ends it)");
    if !flags.contains(&"--no-open") {
        open(&address);
    }
    for stream in listener.incoming().flatten() {
        let dist = dist.clone();
        std::thread::spawn(move || answer(stream, &dist));
    }
    Ok(())
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

/// Answer one request: GET of a file below `dist`.
fn answer(mut stream: TcpStream, dist: &Path) {
    let mut line = String::new();
    {
        let mut reader = BufReader::new(&stream);
        if reader.read_line(&mut line).is_err() {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|n| n > 2) {
            header.clear();
        }
    }
    let target = line.split_whitespace().nth(1).unwrap_or("/");
    let path = target.split(['?', '#']).next().unwrap_or("/").trim_start_matches('/');
    let file = inside(dist, if path.is_empty() { "index.html" } else { path });
    let (status, kind, body) = match file.and_then(|f| std::fs::read(&f).ok().map(|b| (f, b))) {
        Some((file, body)) => ("200 OK", kind(&file), body),
        None => ("404 Not Found", "text/plain", b"not found".to_vec()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}

/// A path below `dist`, never outside of it.
fn inside(dist: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path);
    let plain = relative.components().all(|c| matches!(c, Component::Normal(_)));
    plain.then(|| dist.join(relative))
}

fn kind(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()).unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}
