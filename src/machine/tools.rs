//! Network tools as found in images: wget, curl, nc, nslookup, ping; and `env` alone.
//!
//! Texts follow BusyBox 1.36/1.37 (wget, nc, nslookup, ping) and curl 8; traces engine/24, 27, 45.
//! Left out: transfers in pieces, TLS, most options.

use crate::base::time::SimDuration;
use crate::machine::ids::Stream;
use crate::machine::interfaces::{self, View};
use crate::machine::io::Due;
use crate::machine::local::split_url;
use crate::machine::proc::{Birth, Body, Room, Work};
use crate::machine::spec::{ContainerSpec, MountSource};
use crate::machine::traffic::{Answer, Errand, Incoming, Outgoing, Response};
use crate::posix::{FileSystem as _, normal};

/// Pings of one run without a signal.
const MAX_PINGS: u32 = 10_000;

/// What a tool is told.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Start,
    Timer(u32),
    Answered(Answer),
}

/// A running tool.
#[derive(Clone, Debug)]
pub(super) enum Tool {
    /// Prints and ends.
    Print { text: String, error: bool, code: u8 },
    /// `mount` without arguments.
    Mounts,
    /// `mount` of something, `umount`: needs a capability that containers lack.
    Mount { name: &'static str },
    /// `ip`, `ifconfig`.
    Interfaces(View),
    /// An HTTP client.
    Fetch(Fetch),
    /// `nc`.
    Connect { host: String, port: u16, quiet: bool, timeout: Option<SimDuration> },
    /// `nc -l`.
    Listen { port: u16 },
    /// `nslookup`.
    Lookup { name: String },
    /// `ping`.
    Ping(Ping),
}

/// An HTTP client's options.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetch {
    curl: bool,
    method: String,
    url: String,
    body: String,
    output: Option<String>,
    quiet: bool,
    show_error: bool,
    fail: bool,
    spider: bool,
    head: bool,
    include: bool,
    format: Option<String>,
    timeout: Option<SimDuration>,
}

/// A ping's options and counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Ping {
    host: String,
    count: Option<u32>,
    wait: Option<SimDuration>,
    sent: u32,
    received: u32,
    address: String,
    moment: u32,
    shortest: u64,
    longest: u64,
    total: u64,
}

/// The tool of a name, with its arguments read; `None` if it is no tool.
pub(super) fn tool(name: &str, birth: &Birth) -> Option<Tool> {
    let args = birth.argv.get(1..).unwrap_or(&[]);
    match name {
        "env" | "printenv" if args.is_empty() => {
            let text = birth.env.iter().map(|e| format!("{e}\n")).collect();
            Some(Tool::Print { text, error: false, code: 0 })
        }
        "mount" if args.is_empty() => Some(Tool::Mounts),
        "mount" => Some(Tool::Mount { name: "mount" }),
        "umount" => Some(Tool::Mount { name: "umount" }),
        "ip" | "ifconfig" => interfaces::view(name, args).map(Tool::Interfaces),
        "wget" => Some(wget(args)),
        "curl" => Some(curl(args)),
        "nc" | "netcat" | "ncat" => Some(nc(args)),
        "nslookup" | "host" | "dig" => {
            let name = args.iter().find(|a| !a.starts_with(['-', '+', '@']))?;
            Some(Tool::Lookup { name: name.clone() })
        }
        "ping" => Some(ping(args)),
        _ => None,
    }
}

/// Short options: `-qO-` is `-q -O -`. Calls back with each flag; the callback takes the value if
/// it wants one.
struct Options<'a> {
    args: std::slice::Iter<'a, String>,
    letters: &'a str,
}

enum Item<'a> {
    Short(char),
    Long(&'a str, Option<&'a str>),
    Word(&'a str),
}

impl<'a> Options<'a> {
    fn new(args: &'a [String]) -> Self {
        Self { args: args.iter(), letters: "" }
    }

    fn next(&mut self) -> Option<Item<'a>> {
        let mut letters = self.letters.chars();
        if let Some(letter) = letters.next() {
            self.letters = letters.as_str();
            return Some(Item::Short(letter));
        }
        let arg = self.args.next()?;
        if let Some(long) = arg.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            return Some(Item::Long(name, value));
        }
        match arg.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => {
                self.letters = letters;
                self.next()
            }
            _ => Some(Item::Word(arg)),
        }
    }

    /// The value of the option just read.
    fn value(&mut self) -> String {
        if self.letters.is_empty() {
            self.args.next().cloned().unwrap_or_default()
        } else {
            std::mem::take(&mut self.letters).to_owned()
        }
    }

    fn seconds(&mut self) -> Option<SimDuration> {
        let text = self.value();
        SimDuration::parse_go(&format!("{text}s"))
    }
}

fn wget(args: &[String]) -> Tool {
    let mut fetch = Fetch { method: "GET".to_owned(), ..Fetch::default() };
    let mut options = Options::new(args);
    while let Some(item) = options.next() {
        match item {
            Item::Short('q') => fetch.quiet = true,
            Item::Short('O') => fetch.output = Some(options.value()),
            Item::Short('T') => fetch.timeout = options.seconds(),
            Item::Short('t' | 'U' | 'P' | 'Y' | 'o') => drop(options.value()),
            Item::Long("spider", _) => fetch.spider = true,
            Item::Long("quiet", _) => fetch.quiet = true,
            Item::Long("timeout", Some(n)) => {
                fetch.timeout = SimDuration::parse_go(&format!("{n}s"));
            }
            Item::Long("output-document", Some(file)) => fetch.output = Some(file.to_owned()),
            Item::Long("post-data", Some(data)) => {
                fetch.method = "POST".to_owned();
                fetch.body = data.to_owned();
            }
            Item::Long("header", None) => drop(options.value()),
            Item::Word(url) => fetch.url = url.to_owned(),
            Item::Short(_) | Item::Long(..) => {}
        }
    }
    if fetch.url.is_empty() {
        let text = "wget: missing URL\n".to_owned();
        return Tool::Print { text, error: true, code: 1 };
    }
    Tool::Fetch(fetch)
}

fn curl(args: &[String]) -> Tool {
    let mut fetch = Fetch { curl: true, show_error: true, ..Fetch::default() };
    let mut method = None;
    let mut options = Options::new(args);
    while let Some(item) = options.next() {
        match item {
            Item::Short('s') | Item::Long("silent", _) => {
                fetch.quiet = true;
                fetch.show_error = false;
            }
            Item::Short('S') | Item::Long("show-error", _) => fetch.show_error = true,
            Item::Short('f') | Item::Long("fail", _) => fetch.fail = true,
            Item::Short('I') | Item::Long("head", _) => fetch.head = true,
            Item::Short('i') | Item::Long("include", _) => fetch.include = true,
            Item::Short('o') | Item::Long("output", None) => fetch.output = Some(options.value()),
            Item::Short('w') | Item::Long("write-out", None) => {
                fetch.format = Some(options.value());
            }
            Item::Short('X') | Item::Long("request", None) => method = Some(options.value()),
            Item::Short('d') | Item::Long("data", None) => fetch.body = options.value(),
            Item::Short('m') | Item::Long("max-time" | "connect-timeout", None) => {
                fetch.timeout = options.seconds();
            }
            Item::Short('H' | 'A' | 'u' | 'b' | 'e') | Item::Long("header" | "retry", None) => {
                drop(options.value());
            }
            Item::Word(url) => fetch.url = url.to_owned(),
            Item::Short(_) | Item::Long(..) => {}
        }
    }
    if fetch.url.is_empty() {
        let text = "curl: (2) no URL specified\n".to_owned();
        return Tool::Print { text, error: true, code: 2 };
    }
    let standard = if fetch.head {
        "HEAD"
    } else if fetch.body.is_empty() {
        "GET"
    } else {
        "POST"
    };
    fetch.method = method.unwrap_or_else(|| standard.to_owned());
    Tool::Fetch(fetch)
}

fn nc(args: &[String]) -> Tool {
    let (mut words, mut listen, mut quiet, mut timeout) = (Vec::new(), false, true, None);
    let mut local = 0;
    let mut options = Options::new(args);
    while let Some(item) = options.next() {
        match item {
            Item::Short('l') => listen = true,
            Item::Short('p') => local = options.value().parse().unwrap_or(0),
            Item::Short('v') => quiet = false,
            Item::Short('w') => timeout = options.seconds(),
            Item::Short('e' | 'i' | 's') => drop(options.value()),
            Item::Short(_) | Item::Long(..) => {}
            Item::Word(word) => words.push(word.to_owned()),
        }
    }
    let last: u16 = words.last().and_then(|w| w.parse().ok()).unwrap_or(0);
    if listen {
        return Tool::Listen { port: if local == 0 { last } else { local } };
    }
    match words.first() {
        Some(host) if words.len() > 1 => {
            Tool::Connect { host: host.clone(), port: last, quiet, timeout }
        }
        _ => {
            let text = "nc: missing host or port\n".to_owned();
            Tool::Print { text, error: true, code: 1 }
        }
    }
}

fn ping(args: &[String]) -> Tool {
    let mut ping = Ping::default();
    let mut options = Options::new(args);
    while let Some(item) = options.next() {
        match item {
            Item::Short('c') => ping.count = options.value().parse().ok(),
            Item::Short('W' | 'w') => ping.wait = options.seconds(),
            Item::Short('i' | 's' | 'I' | 't') => drop(options.value()),
            Item::Word(host) => ping.host = host.to_owned(),
            Item::Short(_) | Item::Long(..) => {}
        }
    }
    Tool::Ping(ping)
}

/// The mount table of a container: the runtime's standard mounts, the caller's, and the masked
/// paths (runc's defaults; options as in trace engine/29).
fn mounts(spec: &ContainerSpec) -> String {
    let mode = if spec.read_only { "ro" } else { "rw" };
    let mut text = format!(
        "overlay on / type overlay ({mode},relatime)\n\
         proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)\n\
         tmpfs on /dev type tmpfs (rw,nosuid,size=65536k,mode=755)\n\
         devpts on /dev/pts type devpts (rw,nosuid,noexec,relatime)\n\
         sysfs on /sys type sysfs (ro,nosuid,nodev,noexec,relatime)\n\
         mqueue on /dev/mqueue type mqueue (rw,nosuid,nodev,noexec,relatime)\n\
         shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k)\n"
    );
    for path in spec.files.keys() {
        text.push_str(&format!("/dev/sda1 on {path} type ext4 (rw,relatime)\n"));
    }
    for mount in &spec.mounts {
        let mode = if mount.read_only { "ro" } else { "rw" };
        let target = &mount.target;
        text.push_str(&match mount.source {
            MountSource::Tmpfs => {
                format!("tmpfs on {target} type tmpfs ({mode},nosuid,nodev,noexec,relatime)\n")
            }
            MountSource::Volume { .. } | MountSource::Bind(_) => {
                format!("/dev/sda1 on {target} type ext4 ({mode},relatime)\n")
            }
        });
    }
    for path in ["/proc/kcore", "/proc/keys", "/proc/timer_list"] {
        let options = "rw,nosuid,size=65536k,mode=755";
        text.push_str(&format!("tmpfs on {path} type tmpfs ({options})\n"));
    }
    text
}

/// Reason phrases of HTTP status codes.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

impl Room<'_, '_> {
    /// Tell a tool something.
    pub(super) fn tool(&mut self, process: u32, event: Event) {
        let Some(Body::Tool(mut tool)) = self.take_body(process, Body::is_tool) else { return };
        match event {
            Event::Start => self.tool_starts(process, &mut tool),
            Event::Timer(moment) => {
                if let Tool::Ping(ping) = tool.as_mut()
                    && ping.moment == moment
                {
                    self.send_ping(process, ping);
                }
            }
            Event::Answered(answer) => self.tool_answered(process, &mut tool, &answer),
        }
        if let Some(proc) = self.proc(process) {
            proc.body = Body::Tool(tool);
        }
    }

    fn out(&mut self, process: u32, text: impl Into<String>) {
        self.print(process, Stream::Out, text.into());
    }

    fn err(&mut self, process: u32, text: impl Into<String>) {
        self.print(process, Stream::Err, text.into());
    }

    fn end(&mut self, process: u32, code: u8) {
        self.work.push_back(Work::Finish(process, code));
    }

    fn tool_starts(&mut self, process: u32, tool: &mut Tool) {
        match tool {
            Tool::Print { text, error, code } => {
                let stream = if *error { Stream::Err } else { Stream::Out };
                self.print(process, stream, std::mem::take(text));
                self.end(process, *code);
            }
            Tool::Mounts => {
                let text = mounts(&self.container.spec);
                self.out(process, text);
                self.end(process, 0);
            }
            Tool::Mount { name } => {
                let may = self.container.spec.powers.admin;
                if !may {
                    self.err(process, format!("{name}: permission denied (are you root?)\n"));
                }
                self.end(process, u8::from(!may));
            }
            Tool::Interfaces(_) => {
                self.ask(process, Outgoing { what: Errand::Interfaces, timeout: None });
            }
            Tool::Fetch(fetch) => {
                let what = Errand::Http {
                    method: fetch.method.clone(),
                    url: fetch.url.clone(),
                    body: fetch.body.clone(),
                };
                self.ask(process, Outgoing { what, timeout: fetch.timeout });
            }
            Tool::Connect { host, port, timeout, .. } => {
                let what = Errand::Tcp { host: host.clone(), port: *port };
                self.ask(process, Outgoing { what, timeout: *timeout });
            }
            Tool::Lookup { name } => {
                let what = Errand::Lookup { name: name.clone() };
                self.ask(process, Outgoing { what, timeout: None });
            }
            Tool::Ping(_) if !self.container.spec.powers.raw_net => {
                self.err(process, "ping: permission denied (are you root?)\n");
                self.end(process, 1);
            }
            Tool::Ping(ping) => self.send_ping(process, ping),
            Tool::Listen { port } => {
                let key = (self.container.sandbox(), *port);
                if self.host.listeners.contains_key(&key) {
                    self.err(process, "nc: bind: Address already in use\n");
                    self.end(process, 1);
                } else {
                    let id = self.container.spec.id.clone();
                    self.host.listeners.insert(key, (id, process));
                }
            }
        }
    }

    /// A connection reaches `nc -l`.
    pub(super) fn serve_tool(&mut self, flow: u64, process: u32, request: &Incoming) {
        let listens = |p: &crate::machine::proc::Proc| match &p.body {
            Body::Tool(tool) => matches!(**tool, Tool::Listen { .. }),
            Body::Program(_) | Body::Shell(_) | Body::Away => false,
        };
        if !self.container.live.procs.get(&process).is_some_and(listens) {
            self.respond(flow, Response::Refused);
            return;
        }
        let text = if request.method.is_empty() {
            request.body.clone()
        } else {
            format!(
                "{} {} HTTP/1.1\r\nHost: {}\r\n\r\n{}",
                request.method, request.path, request.host, request.body
            )
        };
        let response =
            if request.method.is_empty() { Response::Connected } else { Response::Reset };
        self.respond(flow, response);
        self.out(process, text);
        self.end(process, 0);
    }

    fn send_ping(&mut self, process: u32, ping: &mut Ping) {
        if ping.count.is_some_and(|c| ping.sent >= c) || ping.sent >= MAX_PINGS {
            self.ping_summary(process, ping);
            return;
        }
        ping.sent += 1;
        let what = Errand::Ping { host: ping.host.clone() };
        let timeout = ping.wait.unwrap_or(SimDuration::from_secs(10));
        self.ask(process, Outgoing { what, timeout: Some(timeout) });
    }

    fn ping_summary(&mut self, process: u32, ping: &Ping) {
        let lost = (ping.sent - ping.received) * 100 / ping.sent.max(1);
        let mut text = format!(
            "\n--- {} ping statistics ---\n{} packets transmitted, {} packets received, \
             {lost}% packet loss\n",
            ping.host, ping.sent, ping.received
        );
        if ping.received > 0 {
            let ms = |us: u64| format!("{}.{:03}", us / 1_000, us % 1_000);
            let mean = ping.total / u64::from(ping.received);
            text.push_str(&format!(
                "round-trip min/avg/max = {}/{}/{} ms\n",
                ms(ping.shortest),
                ms(mean),
                ms(ping.longest)
            ));
        }
        self.out(process, text);
        self.end(process, u8::from(ping.received == 0));
    }

    fn tool_answered(&mut self, process: u32, tool: &mut Tool, answer: &Answer) {
        match tool {
            Tool::Fetch(fetch) if fetch.curl => self.curl_answered(process, fetch, answer),
            Tool::Fetch(fetch) => self.wget_answered(process, fetch, answer),
            Tool::Connect { host, port, quiet, .. } => {
                let (text, code) = match answer {
                    Answer::Reached { from, .. } | Answer::Http { from, .. } => {
                        (format!("{host} ({from}:{port}) open\n"), 0)
                    }
                    Answer::NoSuchHost { .. } => (format!("nc: bad address '{host}'\n"), 1),
                    Answer::Refused { from } => {
                        (format!("nc: {host} ({from}:{port}): Connection refused\n"), 1)
                    }
                    Answer::Unreachable => {
                        (format!("nc: {host}:{port}: Network is unreachable\n"), 1)
                    }
                    Answer::TimedOut
                    | Answer::Reset
                    | Answer::Addresses { .. }
                    | Answer::Interfaces(_) => {
                        (format!("nc: {host}:{port}: Connection timed out\n"), 1)
                    }
                };
                let always = matches!(answer, Answer::NoSuchHost { .. });
                if !*quiet || always {
                    self.err(process, text);
                }
                self.end(process, code);
            }
            Tool::Lookup { name } => self.looked_up(process, &name.clone(), answer),
            Tool::Ping(ping) => self.ping_answered(process, ping, answer),
            Tool::Interfaces(view) => {
                if let Answer::Interfaces(all) = answer {
                    self.out(process, interfaces::print(*view, all));
                }
                self.end(process, 0);
            }
            Tool::Print { .. } | Tool::Mounts | Tool::Mount { .. } | Tool::Listen { .. } => {}
        }
    }

    fn ping_answered(&mut self, process: u32, ping: &mut Ping, answer: &Answer) {
        match answer {
            Answer::Reached { from, latency } => {
                if ping.received == 0 {
                    ping.address = from.to_string();
                    self.out(process, format!("PING {} ({from}): 56 data bytes\n", ping.host));
                }
                let us = latency.0;
                let text = format!(
                    "64 bytes from {from}: seq={} ttl=64 time={}.{:03} ms\n",
                    ping.sent - 1,
                    us / 1_000,
                    us % 1_000
                );
                self.out(process, text);
                ping.shortest = if ping.received == 0 { us } else { ping.shortest.min(us) };
                ping.longest = ping.longest.max(us);
                ping.total += us;
                ping.received += 1;
            }
            Answer::NoSuchHost { .. } => {
                self.err(process, format!("ping: bad address '{}'\n", ping.host));
                self.end(process, 1);
                return;
            }
            Answer::Unreachable => {
                self.err(process, "ping: sendto: Network is unreachable\n");
                self.end(process, 1);
                return;
            }
            Answer::Http { .. }
            | Answer::Addresses { .. }
            | Answer::Interfaces(_)
            | Answer::Refused { .. }
            | Answer::TimedOut
            | Answer::Reset => {}
        }
        if ping.count.is_some_and(|c| ping.sent >= c) {
            self.ping_summary(process, ping);
            return;
        }
        ping.moment = self.next_number();
        let moment = ping.moment;
        self.timer(SimDuration::from_secs(1), Due::Program { process, moment });
    }

    fn looked_up(&mut self, process: u32, name: &str, answer: &Answer) {
        match answer {
            Answer::Addresses { server, name: canonical, addresses } => {
                let mut text = format!(
                    "Server:\t\t{server}\nAddress:\t{server}:53\n\nNon-authoritative answer:\n\n\
                     Non-authoritative answer:\n"
                );
                for address in addresses {
                    text.push_str(&format!("Name:\t{canonical}\nAddress: {address}\n"));
                }
                text.push('\n');
                self.out(process, text);
                self.end(process, 0);
            }
            Answer::NoSuchHost { server } => {
                let line = format!("** server can't find {name}: NXDOMAIN\n\n");
                let text = format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n{line}{line}");
                self.out(process, text);
                self.end(process, 1);
            }
            Answer::Http { .. }
            | Answer::Reached { .. }
            | Answer::Interfaces(_)
            | Answer::Refused { .. }
            | Answer::TimedOut
            | Answer::Unreachable
            | Answer::Reset => {
                self.out(process, ";; connection timed out; no servers could be reached\n\n");
                self.end(process, 1);
            }
        }
    }

    fn wget_answered(&mut self, process: u32, fetch: &Fetch, answer: &Answer) {
        let (host, port, path) = split_url(&fetch.url);
        if let Answer::Http { from, status, body } = answer {
            let place = if port == 80 { format!("{from}:80") } else { format!("{from}:{port}") };
            if !fetch.quiet {
                let shown = if port == 80 { host.clone() } else { format!("{host}:{port}") };
                self.err(process, format!("Connecting to {shown} ({place})\n"));
            }
            if *status >= 400 {
                let text =
                    format!("wget: server returned error: HTTP/1.1 {status} {}\n", reason(*status));
                self.err(process, text);
                self.end(process, 1);
                return;
            }
            self.wget_saves(process, fetch, &path, body);
            return;
        }
        let text = match answer {
            Answer::NoSuchHost { .. } => {
                let shown = if port == 80 { host } else { format!("{host}:{port}") };
                format!("wget: bad address '{shown}'\n")
            }
            Answer::Refused { from } => {
                format!("wget: can't connect to remote host ({from}): Connection refused\n")
            }
            Answer::Unreachable => {
                format!("wget: can't connect to remote host ({host}): Network is unreachable\n")
            }
            Answer::TimedOut => "wget: download timed out\n".to_owned(),
            Answer::Reset => "wget: error getting response: Connection reset by peer\n".to_owned(),
            Answer::Http { .. }
            | Answer::Reached { .. }
            | Answer::Addresses { .. }
            | Answer::Interfaces(_) => "wget: error getting response\n".to_owned(),
        };
        self.err(process, text);
        self.end(process, 1);
    }

    fn wget_saves(&mut self, process: u32, fetch: &Fetch, path: &str, body: &str) {
        if fetch.spider {
            if !fetch.quiet {
                self.err(process, "remote file exists\n");
            }
            self.end(process, 0);
            return;
        }
        let name = path.split('?').next().and_then(|p| p.rsplit('/').next()).unwrap_or("");
        let name = if name.is_empty() { "index.html" } else { name };
        let file = fetch.output.clone().unwrap_or_else(|| name.to_owned());
        if file == "-" {
            if !fetch.quiet {
                self.err(process, "writing to stdout\n");
            }
            self.out(process, body);
            if !fetch.quiet {
                let bar = progress("-", body.len());
                self.err(process, format!("{bar}written to stdout\n"));
            }
            self.end(process, 0);
            return;
        }
        if self.save(process, &file, body) {
            if !fetch.quiet {
                let bar = progress(&file, body.len());
                self.err(process, format!("saving to '{file}'\n{bar}'{file}' saved\n"));
            }
            self.end(process, 0);
        } else {
            self.err(process, format!("wget: can't open '{file}': Read-only file system\n"));
            self.end(process, 1);
        }
    }

    fn save(&mut self, process: u32, file: &str, body: &str) -> bool {
        let now = self.cx.now;
        let cwd = self.proc(process).map(|p| p.cwd.clone()).unwrap_or_default();
        let path = normal(&cwd, file);
        path == "/dev/null" || self.with_files(|files| files.write(&path, body, now)).is_ok()
    }

    fn curl_answered(&mut self, process: u32, fetch: &Fetch, answer: &Answer) {
        let (host, port, _) = split_url(&fetch.url);
        let (code, text) = match answer {
            Answer::Http { status, body, .. } => {
                self.curl_prints(process, fetch, *status, body);
                return;
            }
            Answer::NoSuchHost { .. } => (6, format!("Could not resolve host: {host}")),
            Answer::Refused { .. } => (
                7,
                format!(
                    "Failed to connect to {host} port {port} after 0 ms: \
                     Could not connect to server"
                ),
            ),
            Answer::Unreachable => (
                7,
                format!(
                    "Failed to connect to {host} port {port} after 0 ms: Network is unreachable"
                ),
            ),
            Answer::TimedOut => {
                let ms = fetch.timeout.unwrap_or(SimDuration::from_secs(130)).as_millis();
                (28, format!("Connection timed out after {ms} milliseconds"))
            }
            Answer::Reset => (56, "Recv failure: Connection reset by peer".to_owned()),
            Answer::Reached { .. } | Answer::Addresses { .. } | Answer::Interfaces(_) => {
                (52, "Empty reply from server".to_owned())
            }
        };
        if let Some(format) = &fetch.format {
            let text = write_out(format, 0);
            self.out(process, text);
        }
        if fetch.show_error {
            self.err(process, format!("curl: ({code}) {text}\n"));
        }
        self.end(process, code);
    }

    fn curl_prints(&mut self, process: u32, fetch: &Fetch, status: u16, body: &str) {
        if fetch.fail && status >= 400 {
            if fetch.show_error {
                let text = format!("curl: (22) The requested URL returned error: {status}\n");
                self.err(process, text);
            }
            self.end(process, 22);
            return;
        }
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Length: {}\r\n\r\n",
            reason(status),
            body.len()
        );
        let text = match (fetch.head, fetch.include) {
            (true, _) => head,
            (false, true) => head + body,
            (false, false) => body.to_owned(),
        };
        match &fetch.output {
            Some(file) if file != "-" => {
                self.save(process, file, &text);
            }
            _ => self.out(process, text),
        }
        if let Some(format) = &fetch.format {
            let text = write_out(format, status);
            self.out(process, text);
        }
        self.end(process, 0);
    }
}

/// curl's `-w` with the variables that lessons use.
fn write_out(format: &str, status: u16) -> String {
    format
        .replace("%{http_code}", &format!("{status:03}"))
        .replace("%{response_code}", &format!("{status:03}"))
        .replace("\\n", "\n")
        .replace("\\t", "\t")
}

/// BusyBox wget's bar when done.
fn progress(file: &str, bytes: usize) -> String {
    format!("{file:<20} 100% |********************************| {bytes:>5}  0:00:00 ETA\n")
}
