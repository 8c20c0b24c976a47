//! The program of the stand-in images, as `scenarios/catalog/programs/lab-app.yaml` describes it.
//!
//! One static file, built by `rustc` alone: what it does is told by the name that it is called
//! by, and by APP_* variables.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, path::Path, process, thread};

unsafe extern "C" {
    fn signal(number: i32, handler: usize) -> usize;
}

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn catch(number: i32) {
    CAUGHT.store(number, Ordering::SeqCst);
}

/// Name, port, file of the data and the variable without which it does not begin.
const CALLED: [(&str, &str, u16, &str, &str); 5] = [
    ("nginx", "nginx", 80, "", ""),
    ("redis-server", "redis", 6379, "/data/dump.rdb", ""),
    ("mysqld", "mysql", 3306, "/var/lib/mysql/ibdata1", "MYSQL_ROOT_PASSWORD"),
    ("postgres", "postgres", 5432, "/var/lib/postgresql/data/PG_VERSION", "POSTGRES_PASSWORD"),
    ("python", "python-app", 8000, "", ""),
];

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn seconds(name: &str) -> Option<Duration> {
    variable(name)?.parse().ok().map(Duration::from_secs_f64)
}

fn fail(message: &str, code: i32) -> ! {
    eprintln!("[ERROR] {message}");
    process::exit(code)
}

fn main() {
    let args: Vec<String> = env::args().collect();
    if args.get(1).is_some_and(|arg| arg == "health") {
        health(args.get(2).map_or("8080", String::as_str));
    }
    let called = Path::new(&args[0]).file_name().unwrap_or_default().to_string_lossy();
    let found = CALLED.iter().find(|(program, ..)| *program == called);
    let (_, own, port, data, needs) = found.copied().unwrap_or(("", "app", 8080, "", ""));
    let name = variable("APP_NAME").unwrap_or_else(|| own.to_owned());
    let version = variable("APP_VERSION").unwrap_or_default();
    let version = if version.is_empty() && name == "crash" { "1".to_owned() } else { version };
    for number in [1, 2, 3, 15] {
        unsafe { signal(number, catch as *const () as usize) };
    }
    let begun = Instant::now();
    thread::spawn(move || signals());
    println!("{name} {version} starting, pid {}", process::id());
    if !needs.is_empty() && variable(needs).is_none() && !Path::new(data).exists() {
        fail(&format!("database is uninitialized and {needs} is not set"), 1);
    }
    let mut held = Vec::new();
    if let Some(mib) = variable("APP_MEM_MB").and_then(|text| text.parse::<usize>().ok()) {
        for _ in 0..mib {
            held.push(vec![1_u8; 1 << 20]);
        }
    }
    depends();
    if !data.is_empty() {
        let known = Path::new(data).exists();
        println!("{} data {data}", if known { "using existing" } else { "initialised new" });
        let _ = fs::write(data, "data\n");
    }
    if let Some(delay) = seconds("APP_START_DELAY") {
        thread::sleep(delay);
    }
    match TcpListener::bind(("0.0.0.0", port)) {
        Ok(listener) => {
            println!("ready for connections on port {port}");
            let greeting = format!("{name} {version} on {}\n", hostname());
            thread::spawn(move || serve(&listener, &greeting, begun));
        }
        Err(error) => {
            eprintln!("bind() to 0.0.0.0:{port} failed ({})", words(&error));
            process::exit(1);
        }
    }
    if let Some(period) = seconds("APP_LOG_EVERY") {
        thread::spawn(move || {
            for tick in 1.. {
                thread::sleep(period);
                println!("tick {tick}");
            }
        });
    }
    if let Some(after) = seconds("APP_EXIT_AFTER") {
        thread::sleep(after);
        let code = variable("APP_EXIT_CODE").and_then(|code| code.parse().ok()).unwrap_or(0);
        fail(&format!("exiting with code {code}"), code);
    }
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

fn signals() {
    let ignore = variable("APP_IGNORE_TERM").is_some();
    loop {
        thread::sleep(Duration::from_millis(20));
        let number = CAUGHT.swap(0, Ordering::SeqCst);
        let name = match number {
            1 => {
                println!("SIGHUP: reload configuration");
                continue;
            }
            2 => "SIGINT",
            3 => "SIGQUIT",
            15 => "SIGTERM",
            _ => continue,
        };
        if ignore {
            continue;
        }
        println!("signal {number} ({name}) received, shutting down");
        let code = variable("APP_TERM_CODE").and_then(|code| code.parse().ok()).unwrap_or(0);
        process::exit(code);
    }
}

fn depends() {
    let Some(target) = variable("APP_DEPENDS") else { return };
    let host = target.split(':').next().unwrap_or("");
    match target.to_socket_addrs() {
        Err(error) => {
            let text = error.to_string();
            let reason = text.rsplit(": ").next().unwrap_or(&text);
            fail(&format!("cannot resolve {host}: {reason}"), 1);
        }
        Ok(mut found) => match found.next().map(TcpStream::connect) {
            Some(Ok(_)) => println!("connected to {target}"),
            Some(Err(e)) => fail(&format!("cannot connect to {target}: {}", words(&e)), 1),
            None => fail(&format!("cannot resolve {host}: no address"), 1),
        },
    }
}

/// `app health PORT`: whether it calls itself healthy.
fn health(port: &str) -> ! {
    let answer = TcpStream::connect(format!("127.0.0.1:{port}")).and_then(|mut stream| {
        stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    });
    if answer.is_ok_and(|line| line.contains(" 200 ")) {
        process::exit(0);
    }
    println!("not healthy");
    process::exit(1)
}

fn serve(listener: &TcpListener, greeting: &str, begun: Instant) {
    for mut stream in listener.incoming().flatten() {
        let peer = stream.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default();
        let mut reader = BufReader::new(stream.try_clone().expect("a descriptor"));
        let mut first = String::new();
        let mut line = String::new();
        if reader.read_line(&mut first).is_err() || first.trim().is_empty() {
            continue;
        }
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            line.clear();
        }
        let mut words = first.split_whitespace();
        let (method, path) = (words.next().unwrap_or("GET"), words.next().unwrap_or("/"));
        let late = |name: &str| seconds(name).is_some_and(|limit| begun.elapsed() > limit);
        let (status, body) = if path != "/health" {
            (200, greeting)
        } else if Path::new("/unhealthy").exists() || late("APP_UNHEALTHY_AFTER") {
            (503, "unhealthy\n")
        } else if seconds("APP_READY_AFTER").is_some() && !late("APP_READY_AFTER") {
            (503, "not ready\n")
        } else {
            (200, "ok\n")
        };
        let reason = if status == 200 { "OK" } else { "Service Unavailable" };
        let _ = write!(
            stream,
            "HTTP/1.1 {status} {reason}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        if path != "/health" {
            println!("{peer} \"{method} {path} HTTP/1.1\" {status}");
        }
    }
}
