//! How a build is printed: plain lines, or on a terminal a list that changes in place (BuildKit
//! `util/progress/progressui`).

use crate::base::time::SimDuration;
use crate::docker::api::{BuildEvent, StepEnd};

/// Lines of output shown below a running step on a terminal.
const TTY_LINES: usize = 6;

/// A step as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    number: u32,
    name: String,
    details: Vec<String>,
    /// Lines of output, with their time.
    output: Vec<String>,
    end: Option<StepEnd>,
}

/// Turns news of a build into text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildPrinter {
    steps: Vec<Shown>,
    begun: bool,
    /// Name of the builder, in the corner of a terminal.
    builder: &'static str,
    /// Columns of the terminal; times stand at its right side.
    width: usize,
    /// Lines on the terminal that are to be replaced.
    lines: u32,
    took: SimDuration,
}

/// `1.2s`.
fn seconds(d: SimDuration) -> String {
    let tenths = (d.as_millis() + 50) / 100;
    format!("{}.{}s", tenths / 10, tenths % 10)
}

/// One piece of news in plain lines.
fn plain_text(event: &BuildEvent) -> String {
    match event {
        BuildEvent::Begin { step, name, .. } => format!("\n#{step} {name}\n"),
        BuildEvent::Detail { step, text } => format!("#{step} {text}\n"),
        BuildEvent::Output { step, after, text } => {
            let ms = after.as_millis();
            format!("#{step} {}.{:03} {text}\n", ms / 1000, ms % 1000)
        }
        BuildEvent::End { step, end: StepEnd::Done(took) } => {
            format!("#{step} DONE {}\n", seconds(*took))
        }
        BuildEvent::End { step, end: StepEnd::Cached } => format!("#{step} CACHED\n"),
        BuildEvent::End { step, end: StepEnd::Error(why) } => format!("#{step} ERROR: {why}\n"),
        BuildEvent::Warnings(list) => warnings(list),
        BuildEvent::Excerpt(text) => format!("{text}\n"),
    }
}

impl BuildPrinter {
    /// For a terminal of so many columns.
    #[must_use]
    pub fn new(width: u16) -> Self {
        Self {
            steps: Vec::new(),
            begun: false,
            builder: "docker:default",
            width: usize::from(width).max(20) - 1,
            lines: 0,
            took: SimDuration::ZERO,
        }
    }

    /// For the builds of Compose, which begin with a step of their own.
    #[must_use]
    pub fn headless(width: u16) -> Self {
        Self { begun: true, builder: "", ..Self::new(width) }
    }

    /// A line with something at the right side; what is too long is cut.
    fn line(&self, left: &str, right: &str) -> String {
        let room = self.width.saturating_sub(right.chars().count());
        let left: String = left.chars().take(room.saturating_sub(1)).collect();
        let line = format!("{left:room$}{right}");
        format!("{}\n", line.trim_end())
    }

    fn step(&mut self, number: u32) -> Option<&mut Shown> {
        self.steps.iter_mut().find(|s| s.number == number)
    }

    fn take(&mut self, event: &BuildEvent) {
        match event {
            BuildEvent::Begin { step, name, .. } => self.steps.push(Shown {
                number: *step,
                name: name.clone(),
                details: Vec::new(),
                output: Vec::new(),
                end: None,
            }),
            BuildEvent::Detail { step, text } => {
                if let Some(step) = self.step(*step) {
                    step.details.push(text.clone());
                }
            }
            BuildEvent::Output { step, after, text } => {
                let ms = after.as_millis();
                let line = format!("{}.{:03} {text}", ms / 1000, ms % 1000);
                if let Some(step) = self.step(*step) {
                    step.output.push(line);
                }
            }
            BuildEvent::End { step, end } => {
                if let Some(step) = self.step(*step) {
                    step.end = Some(end.clone());
                }
            }
            BuildEvent::Warnings(_) | BuildEvent::Excerpt(_) => {}
        }
    }

    /// Text of `--progress plain` for a piece of news.
    pub fn plain(&mut self, event: &BuildEvent) -> String {
        let mut out = String::new();
        if !self.begun {
            self.begun = true;
            out.push_str("#0 building with \"default\" instance using docker driver\n");
        }
        self.take(event);
        out.push_str(&plain_text(event));
        if let BuildEvent::End { step, end: StepEnd::Error(_) } = event {
            out.push_str(&self.failure(*step));
        }
        out
    }

    /// The frame around the output of a failed step.
    fn failure(&mut self, number: u32) -> String {
        let Some(step) = self.step(number) else { return String::new() };
        let output: String = step.output.iter().map(|l| format!("{l}\n")).collect();
        format!("------\n > {}:\n{output}------\n", step.name)
    }

    /// Text for a terminal, and how many earlier lines it replaces.
    pub fn tty(&mut self, event: &BuildEvent, now: SimDuration) -> (u32, String) {
        self.take(event);
        self.took = now;
        let rewind = self.lines;
        let mut out = match event {
            BuildEvent::Warnings(list) => {
                self.lines = 0;
                return (0, warnings(list));
            }
            BuildEvent::Excerpt(text) => {
                self.lines = 0;
                return (0, format!("{text}\n"));
            }
            BuildEvent::Begin { .. }
            | BuildEvent::Detail { .. }
            | BuildEvent::Output { .. }
            | BuildEvent::End { .. } => self.screen(false),
        };
        self.lines = u32::try_from(out.matches('\n').count()).unwrap_or(0);
        if let BuildEvent::End { step, end: StepEnd::Error(_) } = event {
            out.push_str(&self.failure(*step));
            self.lines = 0;
        }
        (rewind, out)
    }

    /// The last screen of a build.
    pub fn finish(&mut self, now: SimDuration) -> (u32, String) {
        self.took = now;
        let rewind = self.lines;
        self.lines = 0;
        (rewind, self.screen(true))
    }

    fn screen(&self, finished: bool) -> String {
        let done = self.steps.iter().filter(|s| s.end.is_some()).count();
        let total = self.steps.len();
        let word = if finished { " FINISHED" } else { "" };
        let head = format!("[+] Building {} ({done}/{total}){word}", seconds(self.took));
        let mut out = self.line(&head, self.builder);
        for step in &self.steps {
            let (mark, took) = match &step.end {
                None => (" =>", String::new()),
                Some(StepEnd::Done(took)) => (" =>", seconds(*took)),
                Some(StepEnd::Cached) => (" => CACHED", "0.0s".to_owned()),
                Some(StepEnd::Error(_)) => (" => ERROR", String::new()),
            };
            out.push_str(&self.line(&format!("{mark} {}", step.name), &took));
            for detail in &step.details {
                let text = detail.strip_suffix(" done").unwrap_or(detail);
                out.push_str(&self.line(&format!(" => => {text}"), "0.0s"));
            }
            if step.end.is_none() {
                let from = step.output.len().saturating_sub(TTY_LINES);
                for line in step.output.iter().skip(from) {
                    out.push_str(&self.line(&format!(" => => # {line}"), ""));
                }
            }
        }
        out
    }
}

fn warnings(list: &[String]) -> String {
    let count = list.len();
    let word = if count == 1 { "warning" } else { "warnings" };
    let lines: String = list.iter().map(|w| format!(" - {w}\n")).collect();
    format!("\n \u{1b}[33m{count} {word} found (use docker --debug to expand):\n\u{1b}[0m{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines() {
        let mut printer = BuildPrinter::new(80);
        let mut text = String::new();
        for event in [
            BuildEvent::Begin { step: 1, name: "[2/2] RUN x".into(), digest: String::new() },
            BuildEvent::Output { step: 1, after: SimDuration::from_millis(637), text: "hi".into() },
            BuildEvent::End { step: 1, end: StepEnd::Error("bad".into()) },
        ] {
            text.push_str(&printer.plain(&event));
        }
        assert_eq!(
            text,
            "#0 building with \"default\" instance using docker driver\n\n#1 [2/2] RUN x\n\
             #1 0.637 hi\n#1 ERROR: bad\n------\n > [2/2] RUN x:\n0.637 hi\n------\n"
        );
    }
}
