//! `docker load`.

use crate::docker::api::{Reply, Request};
use crate::docker::{human_size, short};
use crate::posix::{FileSystem as _, normal};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::One;
use crate::shell::job::Io;

pub(crate) const SPEC: Spec = Spec {
    path: "load",
    usage: "[OPTIONS]",
    about: "Load an image from a tar archive or STDIN",
    count: Count::None,
    stop_at_argument: false,
    flags: &[
        flag("input", 'i', Kind::Text, "Read from tar archive file, instead of STDIN"),
        flag(
            "platform",
            ' ',
            Kind::Text,
            "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" \
             (e.g., \"linux/amd64\")",
        ),
        flag("quiet", 'q', Kind::Bool, "Suppress the load output"),
    ],
};

/// The text of a file of the command line, or standard input; the error as Go words it.
pub(crate) fn archive_of(name: &str, io: &Io<'_>) -> Result<String, String> {
    if name.is_empty() {
        return Ok(io.stdin.unwrap_or_default().to_owned());
    }
    let read = io.files.read(&normal(io.cwd, name));
    let error = |e: crate::posix::FsError| format!("open {name}: {}", e.to_string().to_lowercase());
    read.map(|text| text.to_string()).map_err(error)
}

pub(crate) fn load(parsed: Parsed, io: &mut Io<'_>) -> State {
    let archive = match archive_of(parsed.text("input"), io) {
        Ok(text) if text.is_empty() && parsed.text("input").is_empty() => {
            return State::fail("requested load from stdin, but stdin is empty", 1, io);
        }
        // Less than one header of an archive.
        Ok(text) if text.len() < 512 => return State::fail("unexpected EOF", 1, io),
        Ok(text) => text,
        Err(text) => return State::fail(&text, 1, io),
    };
    State::One(One::ask(parsed, Request::ImageLoad { archive }, print, io))
}

fn print(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Loaded { layers, lines } = reply else { return 1 };
    if io.tty && !parsed.is("quiet") {
        for (digest, size) in layers {
            let (bar, size) = ("=".repeat(50), human_size(size));
            io.out(format!("{}: Loading layer [{bar}>] {size:>8}/{size}\n", short(&digest)));
        }
    }
    for line in lines {
        io.out(format!("{line}\n"));
    }
    0
}
