//! `curl` and `wget`: HTTP requests. Messages follow curl 8 and GNU wget.

use crate::base::time::SimDuration;
use crate::net::{Answer, Outcome, Request};
use crate::shell::unix::{Plan, Print, Printed};

/// curl gives up connecting after this long.
const PATIENCE: SimDuration = SimDuration::from_secs(300);

/// What both understand of their flags.
#[derive(Clone, Debug, Default)]
pub struct Options {
    url: String,
    output: Option<String>,
    write_out: Option<String>,
    silent: bool,
    show_error: bool,
    fail: bool,
    include: bool,
    head: bool,
}

/// Read curl's arguments.
pub(super) fn curl(args: &[String]) -> Result<Plan, String> {
    let mut options = Options::default();
    let (mut method, mut body, mut host) = (None, None, None);
    let mut timeout = PATIENCE;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = |name: &str| {
            rest.next().cloned().ok_or(format!("curl: option {name}: requires parameter\n"))
        };
        match arg.as_str() {
            "-o" | "--output" => options.output = Some(value(arg)?),
            "-w" | "--write-out" => options.write_out = Some(value(arg)?),
            "-X" | "--request" => method = Some(value(arg)?),
            "-d" | "--data" => body = Some(value(arg)?),
            "-m" | "--max-time" | "--connect-timeout" => {
                let text = format!("{}s", value(arg)?);
                timeout = SimDuration::parse_go(&text).unwrap_or(PATIENCE);
            }
            "-H" | "--header" => {
                let header = value(arg)?;
                if let Some(("Host" | "host", name)) = header.split_once(": ") {
                    host = Some(name.to_owned());
                }
            }
            "--silent" => options.silent = true,
            "--show-error" => options.show_error = true,
            "--fail" => options.fail = true,
            "--head" => options.head = true,
            "--include" => options.include = true,
            "--location" | "--insecure" => {}
            flag if flag.len() > 1 && flag.starts_with('-') && !flag.starts_with("--") => {
                short_flags(flag, &mut options)?;
            }
            flag if flag.starts_with("--") => {
                return Err(format!(
                    "curl: option {flag}: is unknown\n\
                     curl: try 'curl --help' or 'curl --manual' for more information\n"
                ));
            }
            url => url.clone_into(&mut options.url),
        }
    }
    let Some(mut request) = Request::from_url(&options.url) else {
        return Err("curl: (2) no URL specified\n\
                    curl: try 'curl --help' or 'curl --manual' for more information\n"
            .to_owned());
    };
    request.timeout = timeout;
    request.host_header = host.map(Into::into);
    let default = if options.head { "HEAD" } else { "GET" };
    let default = if body.is_some() { "POST" } else { default };
    request.method = method.as_deref().unwrap_or(default).into();
    request.body = body.unwrap_or_default().into();
    Ok(Plan { intro: String::new(), request, rounds: 1, print: Print::Curl(options) })
}

/// Several one-letter flags at once, as in `-fsSL`.
fn short_flags(flag: &str, options: &mut Options) -> Result<(), String> {
    for letter in flag.chars().skip(1) {
        match letter {
            's' => options.silent = true,
            'S' => options.show_error = true,
            'f' => options.fail = true,
            'i' => options.include = true,
            'I' => options.head = true,
            'L' | 'k' | 'v' | '4' => {}
            other => {
                return Err(format!(
                    "curl: option -{other}: is unknown\n\
                     curl: try 'curl --help' or 'curl --manual' for more information\n"
                ));
            }
        }
    }
    Ok(())
}

/// Print an answer as curl does.
pub(super) fn print_curl(options: &Options, request: &Request, answer: &Answer) -> Printed {
    let (host, port) = (&request.host, request.port);
    let mut printed = Printed::default();
    let failure = match &answer.outcome {
        Outcome::Http { status, body } => {
            if options.fail && *status >= 400 {
                let text = format!("The requested URL returned error: {status}");
                Some((22, text))
            } else {
                let mut text = String::new();
                if options.include || options.head {
                    text = format!("HTTP/1.1 {status} {}\r\n\r\n", phrase(*status));
                }
                if !options.head {
                    text.push_str(body);
                }
                match options.output.as_deref() {
                    Some("/dev/null") => {}
                    Some(path) => printed.file = Some((path.to_owned(), text)),
                    None => printed.out = text,
                }
                None
            }
        }
        Outcome::Connected(_) | Outcome::Resolved(_) => None,
        Outcome::Refused => {
            let ms = answer.latency.as_millis();
            let text = format!("Failed to connect to {host} port {port} after {ms} ms: ");
            Some((7, text + "Couldn't connect to server"))
        }
        Outcome::Timeout => {
            let ms = answer.latency.as_millis();
            Some((28, format!("Connection timed out after {ms} milliseconds")))
        }
        Outcome::UnknownName => Some((6, format!("Could not resolve host: {host}"))),
        Outcome::Unreachable => {
            Some((7, format!("Failed to connect to {host} port {port}: No route to host")))
        }
        Outcome::Reset => Some((52, "Empty reply from server".to_owned())),
    };
    if let Some((code, text)) = failure {
        printed.exit = code;
        if !options.silent || options.show_error {
            printed.err = format!("curl: ({code}) {text}\n");
        }
    }
    if let Some(format) = &options.write_out {
        let status = match &answer.outcome {
            Outcome::Http { status, .. } => *status,
            Outcome::Connected(_)
            | Outcome::Resolved(_)
            | Outcome::Refused
            | Outcome::Timeout
            | Outcome::UnknownName
            | Outcome::Unreachable
            | Outcome::Reset => 0,
        };
        let micros = answer.latency.0;
        let total = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        printed.out.push_str(
            &format
                .replace("%{http_code}", &format!("{status:03}"))
                .replace("%{response_code}", &format!("{status:03}"))
                .replace("%{time_total}", &total)
                .replace("\\n", "\n"),
        );
    }
    printed
}

/// Read wget's arguments: those of BusyBox, which stands for wget here.
pub(super) fn wget(args: &[String]) -> Result<Plan, String> {
    let mut options = Options::default();
    let mut timeout = PATIENCE;
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let Some(flag) = arg.strip_prefix('-').filter(|f| !f.is_empty()) else {
            arg.clone_into(&mut options.url);
            continue;
        };
        if let Some(long) = flag.strip_prefix('-') {
            let (name, value) = long.split_once('=').unwrap_or((long, ""));
            match name {
                "quiet" => options.silent = true,
                "spider" => options.head = true,
                "timeout" => timeout = seconds(value),
                "output-document" => options.output = Some(value.to_owned()),
                _ => {}
            }
            continue;
        }
        let mut letters = flag.chars();
        while let Some(letter) = letters.next() {
            if !matches!(letter, 'O' | 'T' | 't' | 'U' | 'P' | 'o') {
                options.silent |= letter == 'q';
                continue;
            }
            let tail = letters.as_str();
            let value = if tail.is_empty() { rest.next().map_or("", |w| w) } else { tail };
            match letter {
                'O' => options.output = Some(value.to_owned()),
                'T' => timeout = seconds(value),
                _ => {}
            }
            break;
        }
    }
    let Some(mut request) = Request::from_url(&options.url) else {
        return Err("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n".to_owned());
    };
    request.timeout = timeout;
    Ok(Plan { intro: String::new(), request, rounds: 1, print: Print::Wget(options) })
}

fn seconds(text: &str) -> SimDuration {
    SimDuration::parse_go(&format!("{text}s")).unwrap_or(PATIENCE)
}

/// Print an answer as BusyBox wget does: errors also with `-q` (traces engine/13, 45).
pub(super) fn print_wget(options: &Options, request: &Request, answer: &Answer) -> Printed {
    let (host, port) = (&request.host, request.port);
    let place = if port == 80 { host.to_string() } else { format!("{host}:{port}") };
    let mut printed = Printed::default();
    let peer = answer.peer.map_or_else(|| host.to_string(), |p| p.to_string());
    let text = match &answer.outcome {
        Outcome::Http { status, body } if *status < 400 => {
            wget_saves(options, request, body, &mut printed);
            if !options.silent {
                let first = format!("Connecting to {place} ({peer}:{port})\n");
                printed.err.insert_str(0, &first);
            }
            return printed;
        }
        Outcome::Http { status, .. } => {
            format!("server returned error: HTTP/1.1 {status} {}", phrase(*status))
        }
        Outcome::UnknownName => format!("bad address '{place}'"),
        Outcome::Refused => {
            format!("can't connect to remote host ({peer}): Connection refused")
        }
        Outcome::Timeout => "download timed out".to_owned(),
        Outcome::Unreachable => {
            format!("can't connect to remote host ({peer}): Network is unreachable")
        }
        Outcome::Connected(_) | Outcome::Resolved(_) | Outcome::Reset => {
            "error getting response: Connection reset by peer".to_owned()
        }
    };
    printed.exit = 1;
    printed.err = format!("wget: {text}\n");
    printed
}

/// Where the body goes, and what is said about it.
fn wget_saves(options: &Options, request: &Request, body: &str, printed: &mut Printed) {
    if options.head {
        if !options.silent {
            printed.err = "remote file exists\n".to_owned();
        }
        return;
    }
    let file = options.output.clone().unwrap_or_else(|| file_name(request));
    let bar = |name: &str| {
        let size = body.len();
        format!("{name:<20} 100% |********************************| {size:>5}  0:00:00 ETA\n")
    };
    let said = match file.as_str() {
        "-" => {
            body.clone_into(&mut printed.out);
            format!("writing to stdout\n{}written to stdout\n", bar("-"))
        }
        name => format!("saving to '{name}'\n{}'{name}' saved\n", bar(name)),
    };
    if !matches!(file.as_str(), "-" | "/dev/null") {
        printed.file = Some((file, body.to_owned()));
    }
    if !options.silent {
        printed.err = said;
    }
}

fn file_name(request: &Request) -> String {
    let last = request.path.split('?').next().unwrap_or("").rsplit('/').next().unwrap_or("");
    if last.is_empty() { "index.html".to_owned() } else { last.to_owned() }
}

/// The usual words for a status code.
fn phrase(status: u16) -> &'static str {
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
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn curl_flags() {
        let plan = curl(&words("-fsS -o /dev/null http://web:8080/x")).unwrap();
        assert_eq!((&*plan.request.host, plan.request.port), ("web", 8080));
        assert!(curl(&words("--nosuch http://x")).unwrap_err().contains("is unknown"));
        assert!(curl(&[]).unwrap_err().contains("no URL"));
    }

    #[test]
    fn curl_says_what_went_wrong() {
        let plan = curl(&words("http://web")).unwrap();
        let Print::Curl(options) = &plan.print else { panic!("curl plans for curl") };
        let answer = Answer {
            outcome: Outcome::UnknownName,
            peer: None,
            hops: Vec::new(),
            latency: SimDuration::from_millis(3),
        };
        let printed = print_curl(options, &plan.request, &answer);
        assert_eq!(printed.err, "curl: (6) Could not resolve host: web\n");
        assert_eq!(printed.exit, 6);
    }
}
