//! Running the sections of a transcript.

use anyhow::{Context as _, Result};

use crate::native::transcript::compare::{self, Difference};
use crate::native::transcript::stage::Stage;
use crate::native::transcript::{Action, Printed, Section, Transcript, Typed};

/// What became of a section.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Index of the section.
    pub section: usize,
    /// Lines that print something else.
    pub differences: Vec<Difference>,
}

/// Run all sections of a transcript.
///
/// # Errors
/// If a section's world or one of its `@` lines is not known.
pub fn transcript(transcript: &Transcript) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    let mut stage = None;
    for (index, section) in transcript.sections.iter().enumerate() {
        let at = || format!("{}:{}", transcript.path, section.line + 1);
        let kept = stage.take().filter(|_| section.continues);
        let mut world = match kept {
            Some(stage) => stage,
            None => Stage::new(&section.setting).with_context(at)?,
        };
        let differences = self::section(&mut world, section).with_context(at)?;
        outcomes.push(Outcome { section: index, differences });
        stage = Some(world);
    }
    Ok(outcomes)
}

/// Run one section in its world.
fn section(stage: &mut Stage, section: &Section) -> Result<Vec<Difference>> {
    let cluster = section.setting.world.starts_with("kube");
    let mut differences = Vec::new();
    let mut background: Vec<(u32, usize, &Typed)> = Vec::new();
    for step in &section.steps {
        match &step.action {
            Action::Wait(time) => stage.wait(*time),
            Action::At(at) => stage.until(*at),
            Action::File { path, text } => stage.write(path, text),
            Action::Other(words) => stage.builtin(words)?,
            Action::Type(typed) => {
                let run = stage.start(typed.tags.host.as_deref(), &typed.text, typed.tags.tty);
                if typed.tags.background {
                    background.push((run, step.line, typed));
                    continue;
                }
                if let Some(after) = typed.tags.interrupt {
                    stage.wait(after);
                    stage.signal(run, 2);
                }
                let done = stage.finish(run);
                let done = done.with_context(|| format!("line {}: does not end", step.line + 1))?;
                let printed = printed(stage, &done);
                differences.extend(compare::typed(step.line, typed, printed, cluster));
            }
        }
    }
    for (run, line, typed) in background {
        let done = stage.collect(run);
        let done = done.with_context(|| format!("line {}: does not end", line + 1))?;
        let printed = printed(stage, &done);
        differences.extend(compare::typed(line, typed, printed, cluster));
    }
    Ok(differences)
}

fn printed(stage: &Stage, done: &crate::world::world::FinishedRun) -> Printed {
    Printed {
        stdout: stage.shown(&done.stdout),
        stderr: stage.shown(&done.stderr),
        exit: done.exit,
    }
}
