//! Filling a transcript from a real machine.

use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::native::transcript::compare::Difference;
use crate::native::transcript::run::Outcome;
use crate::native::transcript::stage;
use crate::native::transcript::update::{self, Gaps};
use crate::native::transcript::{Action, Printed, Section, Transcript};

/// A machine on which lines can be typed.
pub struct Machine<'a> {
    /// A command that runs its last argument there as a shell script.
    pub through: &'a str,
    /// A script that leaves nothing of a section.
    pub reset: &'a str,
}

impl Machine<'_> {
    fn run(&self, script: &str) -> Result<Printed> {
        let mut words = self.through.split_whitespace();
        let program = words.next().context("--through is empty")?;
        let done = Command::new(program).args(words).arg(script).output();
        let done = done.with_context(|| self.through.to_owned())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = done.status.code().and_then(|code| u8::try_from(code).ok());
        let exit = code.context("the command was killed")?;
        Ok(Printed { stdout: text(&done.stdout), stderr: text(&done.stderr), exit })
    }
}

/// The transcript with what its lines print on the machine.
///
/// # Errors
/// If the machine does not answer, or a section has what only a simulation can do.
pub fn text(transcript: &Transcript, machine: &Machine<'_>, only: &str) -> Result<String> {
    let mut outcomes = Vec::new();
    for (index, section) in transcript.sections.iter().enumerate() {
        if !section.name.contains(only) {
            continue;
        }
        let folder = stage::folder(&section.setting);
        if !section.continues {
            let clean =
                format!("{}\nrm -rf {home}\nmkdir -p {folder}", machine.reset, home = stage::HOME);
            machine.run(&clean)?;
        }
        let at = || format!("{}:{}", transcript.path, section.line + 1);
        let differences = self::section(section, machine, &folder).with_context(at)?;
        outcomes.push(Outcome { section: index, differences });
    }
    Ok(update::text(transcript, &outcomes, Gaps::Write))
}

fn section(section: &Section, machine: &Machine<'_>, folder: &str) -> Result<Vec<Difference>> {
    let mut written = Vec::new();
    for step in &section.steps {
        match &step.action {
            Action::Wait(time) => thread::sleep(Duration::from_micros(time.0)),
            Action::File { path, text } => {
                let quoted = text.replace('\'', "'\\''");
                let script = format!(
                    "cd {folder} && mkdir -p \"$(dirname '{path}')\" && printf %s '{quoted}' > '{path}'"
                );
                machine.run(&script)?;
            }
            Action::Type(typed) => {
                let tags = &typed.tags;
                if tags.background || tags.tty || tags.interrupt.is_some() || tags.host.is_some() {
                    bail!("line {}: such a line cannot be recorded", step.line + 1);
                }
                let printed = machine.run(&format!("cd {folder} || exit\n{}", typed.text))?;
                written.push(Difference { line: step.line, printed, report: String::new() });
            }
            Action::At(_) | Action::Other(_) => {
                bail!("line {}: such a line cannot be recorded", step.line + 1);
            }
        }
    }
    Ok(written)
}
