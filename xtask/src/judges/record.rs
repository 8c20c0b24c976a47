//! Runs the sessions of transcripts on real engine hosts and writes down what they show.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::transcript::{self, Piece, Section};
use crate::shell::{self, Outcome};

/// Hosts that record at the same time, and the number of the first.
const HOSTS: usize = 2;
const FIRST: usize = 100;
/// A line that runs longer than this is ended.
const LIMIT_SECONDS: u32 = 240;
/// Where the lines are typed.
const HOME: &str = "/home/student";

/// Record files.
pub fn run(args: &[&str]) -> Outcome {
    let (mut files, mut only, mut to) = (Vec::new(), None, None);
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match *arg {
            "--section" => only = args.next().map(|name| (*name).to_owned()),
            "--to" => to = args.next().map(PathBuf::from),
            file => files.push(PathBuf::from(file)),
        }
    }
    // Each session has a host of its own; two at a time keep two cores busy, and timers right.
    let mut texts = Vec::new();
    for file in &files {
        texts.push(transcript::read(&shell::read(file)?));
    }
    let jobs: Vec<(usize, usize)> = texts
        .iter()
        .enumerate()
        .flat_map(|(file, sections)| (0..sections.len()).map(move |section| (file, section)))
        .filter(|(file, section)| *section > 0 && wanted(&texts[*file][*section], only.as_deref()))
        .collect();
    let next = AtomicUsize::new(0);
    let mut done = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..HOSTS.min(jobs.len()))
            .map(|worker| {
                let (jobs, texts, next) = (&jobs, &texts, &next);
                scope.spawn(move || work(FIRST + worker, jobs, texts, next))
            })
            .collect();
        done.extend(workers.into_iter().filter_map(|worker| worker.join().ok()).flatten());
    });
    let failed = done.iter().filter(|(_, lines)| lines.is_err()).count();
    for (number, (file, sections)) in files.iter().zip(&texts).enumerate() {
        let mut out = String::new();
        for (index, section) in sections.iter().enumerate() {
            let at = done.iter().position(|(job, lines)| *job == (number, index) && lines.is_ok());
            match at.map(|at| done.swap_remove(at)) {
                Some((_, Ok(lines))) => out.push_str(&(lines.join("\n") + "\n")),
                _ => out.push_str(&as_it_was(file, &section.name)?),
            }
        }
        let path = to.as_ref().map_or_else(|| file.clone(), |to| to.join(name_of(file)));
        shell::write(&path, (out.trim_end().to_owned() + "\n").as_bytes())?;
    }
    println!("{} sessions recorded, {failed} failed", jobs.len() - failed);
    if failed == 0 { Ok(()) } else { Err("some sessions could not be recorded".to_owned()) }
}

/// File and section, and the lines that it became.
type Done = ((usize, usize), Outcome<Vec<String>>);

/// Record on one host until nothing is left.
fn work(
    host: usize,
    jobs: &[(usize, usize)],
    texts: &[Vec<Section>],
    next: &AtomicUsize,
) -> Vec<Done> {
    let mut done = Vec::new();
    while let Some(&(file, section)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
        let section_text = &texts[file][section];
        let lines = Host::new(host).session(section_text);
        if let Err(error) = &lines {
            eprintln!("{}: {error}", section_text.name);
        }
        done.push(((file, section), lines));
    }
    if let Err(error) = Host::new(host).script(&["down"]) {
        eprintln!("{error}");
    }
    done
}

fn wanted(section: &Section, only: Option<&str>) -> bool {
    only.is_none_or(|only| only == section.name)
}

fn name_of(file: &Path) -> PathBuf {
    file.file_name().map(PathBuf::from).unwrap_or_default()
}

/// The text of a section as it stands in the file; the head if the name is empty.
fn as_it_was(file: &Path, name: &str) -> Outcome<String> {
    let text = shell::read(file)?;
    let mut inside = name.is_empty();
    let mut out = String::new();
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = title.trim() == name;
        }
        if inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    Ok(out)
}

/// A real host on which a session runs.
struct Host {
    number: String,
    background: Vec<(usize, Child)>,
}

impl Host {
    fn new(number: usize) -> Self {
        Self { number: number.to_string(), background: Vec::new() }
    }

    /// A task of `engine.sh` with this host.
    fn command(&self, task: &[&str]) -> Command {
        let script = shell::root().join("xtask/judges/engine.sh");
        let mut command = shell::command(script, &task[..1]);
        command.arg(&self.number).args(&task[1..]).env("JUDGES", super::folder());
        command.stdin(Stdio::null());
        command
    }

    fn script(&self, task: &[&str]) -> Outcome<String> {
        let out = self.command(task).output().map_err(|e| format!("engine.sh: {e}"))?;
        if out.status.success() {
            Ok(String::from_utf8_lossy(&out.stdout).into_owned())
        } else {
            let words = String::from_utf8_lossy(&out.stderr).trim().to_owned();
            Err(format!("{}: {words}", task.join(" ")))
        }
    }

    /// Run a section on a fresh host; the lines of its transcript.
    fn session(&mut self, section: &Section) -> Outcome<Vec<String>> {
        self.script(&["down"])?;
        self.script(&["up"])?;
        let mut out: Vec<Vec<String>> = Vec::new();
        for piece in &section.pieces {
            let lines = match piece {
                Piece::Kept(lines) => lines.clone(),
                Piece::Word(words) => {
                    self.word(words)?;
                    vec![format!("@{}", words.join(" "))]
                }
                Piece::File { lines, path, text } => {
                    self.write(path, text)?;
                    lines.clone()
                }
                Piece::Typed { lines, text, tags } => {
                    let mut all = lines.clone();
                    let child = self.start(text, tags)?;
                    if tags.iter().any(|tag| tag == "background") {
                        self.background.push((out.len(), child));
                    } else {
                        all.extend(collect(child)?);
                    }
                    all.push(String::new());
                    all
                }
            };
            out.push(lines);
        }
        if !self.background.is_empty() {
            // Whatever still runs ends with the host, and lets go of its pipes.
            self.script(&["kill"])?;
        }
        for (at, child) in std::mem::take(&mut self.background) {
            let lines = collect(child)?;
            out[at].pop();
            out[at].extend(lines.into_iter().chain([String::new()]));
        }
        Ok(out.concat())
    }

    /// Start a line in a shell of the host.
    fn start(&self, text: &str, tags: &[String]) -> Outcome<Child> {
        let limit = format!("{LIMIT_SECONDS}");
        let mut line = vec!["timeout", "--signal=KILL", &limit];
        let quoted;
        if let Some(after) = tags.iter().find_map(|tag| tag.strip_prefix("ctrl-c ")) {
            line = vec!["timeout", "--preserve-status", "--signal=INT", "--kill-after=60", after];
        }
        line.extend(["bash", "-c"]);
        if tags.iter().any(|tag| tag == "tty") {
            quoted = format!("stty cols 80 rows 24; {text}");
            line.splice(line.len() - 2.., ["script", "-qefc", &quoted, "/dev/null"]);
        } else {
            line.push(text);
        }
        let mut task = vec!["bash", "-c", "cd /home/student && exec \"$@\"", "bash"];
        task.extend(line);
        let mut command = self.command(&task);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|e| format!("{text}: {e}"))
    }

    fn write(&self, path: &str, text: &str) -> Outcome {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{HOME}/{path}") };
        let script = "mkdir -p \"$(dirname \"$1\")\" && printf %s \"$2\" >\"$1\"";
        self.script(&["bash", "-c", script, "bash", &path, text]).map(|_| ())
    }

    fn word(&self, words: &[String]) -> Outcome {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["wait", time] => thread::sleep(duration(time)?),
            ["host", _, action] => {
                match *action {
                    "poweroff" => self.script(&["kill"])?,
                    "boot" => self.script(&["up"])?,
                    "link-down" => self.script(&["link", "down"])?,
                    "link-up" => self.script(&["link", "up"])?,
                    _ => {
                        let task = action.strip_suffix("-daemon");
                        let task = task.ok_or_else(|| format!("@host: {action}: no such word"))?;
                        self.script(&["daemon", task])?
                    }
                };
            }
            _ => return Err(format!("@{}: no such word", words.join(" "))),
        }
        Ok(())
    }
}

/// What a line printed, once it has ended.
fn collect(child: Child) -> Outcome<Vec<String>> {
    let out = child.wait_with_output().map_err(|e| e.to_string())?;
    let shown = |bytes: &[u8]| {
        // The laboratory's transcripts name no registry, as the first recordings did not.
        String::from_utf8_lossy(bytes)
            .replace("registry-1.docker.io", "<registry-api>")
            .replace("index.docker.io", "<registry-index>")
            .replace("docker.io/", "<registry>/")
    };
    let exit = out.status.code().unwrap_or(137);
    Ok(transcript::printed(&shown(&out.stdout), &shown(&out.stderr), exit))
}

/// `1.5s`, `3m`, `500ms`.
fn duration(text: &str) -> Outcome<Duration> {
    let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().map_err(|_| format!("{text}: no time"))?;
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(format!("{text}: no time")),
    };
    Ok(Duration::from_secs_f64(number * unit))
}
