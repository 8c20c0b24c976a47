//! `drydock open`: a saved session without a page, to see whether it comes out as it was handed in.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow};

use crate::text::Catalogue;
use crate::view::screen;
use crate::world::reopen::{Opened, Opening, Outcome};
use crate::world::save::{BUILD, CORE, LoadError, MAX_SAVE_BYTES, Save, digits};
use crate::world::world::World;

/// Arguments of `open`.
#[derive(clap::Args)]
pub struct Args {
    /// A file with a saved session or a link to one, or the link itself
    save: String,
    /// Lay out the files and type the commands anew, though this build wrote it
    #[arg(long)]
    typed_anew: bool,
    /// Language of what is said
    #[arg(long, default_value = "en")]
    lang: String,
}

/// Open it; exit code 1 if it does not come out as it was saved.
///
/// # Errors
/// If it cannot be read or opened.
pub fn run(args: &Args) -> Result<ExitCode> {
    let catalogue = Catalogue::new(&args.lang);
    let told = |error: LoadError| anyhow!("{}", catalogue.say(&error.message()));
    let save = Save::from_text(&read(&args.save)?).map_err(told)?;
    println!("saved by  {}", origin(&save.core, &save.build));
    println!("opened by {}", origin(CORE, BUILD));
    println!("commands  {}", save.log.len());
    let opening = if args.typed_anew { Opening::anew(save) } else { Opening::new(save) };
    let Opened { session, outcome } = opening.run().map_err(told)?;
    let world = session.head();
    println!("reached   {} after {} events", world.now(), world.steps());
    println!("digest    {}", verdict(&outcome, world));
    if let Outcome::TypedAnew { left_out, .. } = outcome {
        println!("{}", catalogue.label("open-typed-anew"));
        if left_out > 0 {
            let count = left_out.to_string();
            println!("{}", catalogue.label_with("notice-left-out", &[("count", &count)]));
        }
    }
    for (number, terminal) in world.shell().terminals() {
        println!("\n== terminal {number} {}", terminal.host);
        let shown = screen::terminal(world, *number);
        shown.lines.iter().for_each(|(_, line)| println!("{line}"));
        if !shown.prompt.is_empty() {
            println!("{}", shown.prompt);
        }
    }
    let differs = matches!(outcome, Outcome::Differs { .. });
    Ok(if differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A link is its own text; anything else is the name of a file.
fn read(save: &str) -> Result<String> {
    if save.contains("#s=") {
        return Ok(save.to_owned());
    }
    let path = PathBuf::from(save);
    let size = fs::metadata(&path).with_context(|| save.to_owned())?.len();
    if size > MAX_SAVE_BYTES as u64 {
        return Err(anyhow!("{}", Catalogue::new("en").say(&LoadError::TooLarge.message())));
    }
    fs::read_to_string(&path).with_context(|| save.to_owned())
}

fn origin(core: &str, build: &str) -> String {
    let build = if build.is_empty() { "without a name" } else { build };
    format!("Drydock {core}, build {build}")
}

fn verdict(outcome: &Outcome, world: &World) -> String {
    let here = digits(world.digest());
    match outcome {
        Outcome::Same => format!("{here}, equal to the saved one"),
        Outcome::Differs { saved, .. } => format!("{here}, DIFFERENT: the save says {saved}"),
        Outcome::TypedAnew { .. } => format!("{here}, not compared"),
    }
}
