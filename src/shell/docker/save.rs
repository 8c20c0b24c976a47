//! `docker save`.

use crate::docker::api::{Reply, Request};
use crate::posix::{FileSystem as _, Kind as FileKind, normal, parent};
use crate::shell::docker::State;
use crate::shell::docker::flags::{Count, Kind, Parsed, Spec, flag};
use crate::shell::docker::flow::One;
use crate::shell::job::Io;

pub(crate) const SPEC: Spec = Spec {
    path: "save",
    usage: "[OPTIONS] IMAGE [IMAGE...]",
    about: "Save one or more images to a tar archive (streamed to STDOUT by default)",
    count: Count::AtLeast(1),
    stop_at_argument: false,
    flags: &[
        flag("output", 'o', Kind::Text, "Write to a file, instead of STDOUT"),
        flag(
            "platform",
            ' ',
            Kind::Text,
            "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" \
             (e.g., \"linux/amd64\")",
        ),
    ],
};

pub(crate) fn save(parsed: Parsed, io: &mut Io<'_>) -> State {
    if let Err(text) = check_output(&parsed, "failed to save image", io) {
        return State::fail(&text, 1, io);
    }
    let request = Request::ImageSave { names: parsed.args.clone() };
    State::One(One::ask(parsed, request, write, io))
}

/// Whether an archive can go where `--output` says.
pub(crate) fn check_output(parsed: &Parsed, what: &str, io: &Io<'_>) -> Result<(), String> {
    let output = parsed.text("output");
    if output.is_empty() {
        return if io.tty {
            let text = "cowardly refusing to save to a terminal. Use the -o flag or redirect";
            Err(text.to_owned())
        } else {
            Ok(())
        };
    }
    let path = normal(io.cwd, output);
    if io.files.stat(parent(&path)).is_err() {
        let dir = output.rsplit_once('/').map_or(".", |(dir, _)| dir);
        return Err(format!("{what}: invalid output path: stat {dir}: no such file or directory"));
    }
    if io.files.stat(&path).map(|s| s.kind) == Ok(FileKind::Directory) {
        return Err(format!("{what}: cannot write to a directory"));
    }
    Ok(())
}

/// Write an archive to where `--output` says.
pub(crate) fn write(parsed: &Parsed, reply: Reply, io: &mut Io<'_>) -> u8 {
    let Reply::Tar(text) = reply else { return 1 };
    let output = parsed.text("output");
    if output.is_empty() {
        io.out(text);
        return 0;
    }
    let path = normal(io.cwd, output);
    match io.files.write(&path, &text, io.now) {
        Ok(()) => 0,
        Err(error) => {
            io.err(format!("open {output}: {}\n", error.to_string().to_lowercase()));
            1
        }
    }
}
