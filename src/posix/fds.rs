//! Descriptors, pipes and redirections of a shell's tasks.

use crate::posix::ast::How;
use crate::posix::files::normal;
use crate::posix::process::{Io, PIPE_SIZE, Process};
use crate::posix::task::{Fd, Fds, Pipe, Task};

/// Text from a descriptor.
pub(super) enum Input {
    /// Some text.
    Text(String),
    /// There will be no more.
    End,
    /// Not yet.
    Wait,
    /// Zero bytes without end.
    Zeros,
}

impl Process {
    pub(super) fn new_pipe(&mut self, text: &str) -> u32 {
        self.counter += 1;
        let pipe = Pipe { text: text.to_owned(), readers: 0, writers: 0 };
        self.pipes.insert(self.counter, pipe);
        self.counter
    }

    pub(super) fn hold(&mut self, fd: &Fd) {
        match fd {
            Fd::Reader(id) => {
                if let Some(pipe) = self.pipes.get_mut(id) {
                    pipe.readers += 1;
                }
            }
            Fd::Writer(id) => {
                if let Some(pipe) = self.pipes.get_mut(id) {
                    pipe.writers += 1;
                }
            }
            Fd::Input | Fd::Out | Fd::Err | Fd::Null | Fd::Zeros | Fd::File(_) => {}
        }
    }

    fn release(&mut self, fd: &Fd) {
        let (id, reading) = match fd {
            Fd::Reader(id) => (id, true),
            Fd::Writer(id) => (id, false),
            Fd::Input | Fd::Out | Fd::Err | Fd::Null | Fd::Zeros | Fd::File(_) => return,
        };
        let Some(pipe) = self.pipes.get_mut(id) else { return };
        if reading {
            pipe.readers = pipe.readers.saturating_sub(1);
        } else {
            pipe.writers = pipe.writers.saturating_sub(1);
        }
        if pipe.readers == 0 && pipe.writers == 0 {
            self.pipes.remove(id);
        }
        self.wake_all();
    }

    pub(super) fn close_all(&mut self, fds: &Fds) {
        for fd in fds.values() {
            self.release(fd);
        }
    }

    fn set_fd(&mut self, task: &mut Task, number: u32, fd: Fd) {
        self.hold(&fd);
        if let Some(old) = task.fds.insert(number, fd) {
            self.release(&old);
        }
    }

    pub(super) fn redirect(
        &mut self,
        task: &mut Task,
        fd: u32,
        how: How,
        target: &str,
        io: &mut Io<'_>,
    ) -> Result<(), String> {
        let opened = match how {
            How::Duplicate if target == "-" => {
                if let Some(old) = task.fds.remove(&fd) {
                    self.release(&old);
                }
                return Ok(());
            }
            How::Duplicate => {
                let from = target.parse::<u32>().ok().and_then(|n| task.fds.get(&n).cloned());
                from.ok_or_else(|| format!("{target}: bad file descriptor"))?
            }
            How::Text => Fd::Reader(self.new_pipe(target)),
            How::Read => self.open_read(task, target, io)?,
            How::Write | How::Append | How::Both | How::WriteAll => {
                self.open_write(task, target, how == How::Write || how == How::WriteAll, io)?
            }
        };
        if how == How::WriteAll {
            self.set_fd(task, 2, opened.clone());
        }
        self.set_fd(task, fd, opened);
        Ok(())
    }

    fn open_read(&mut self, task: &Task, target: &str, io: &Io<'_>) -> Result<Fd, String> {
        let path = normal(&task.cwd, target);
        if let Some(fd) = device(task, &path) {
            return Ok(fd);
        }
        match io.files.read(&path) {
            Ok(text) => Ok(Fd::Reader(self.new_pipe(&text))),
            Err(crate::posix::FsError::NotFound) => {
                Err(format!("can't open {target}: no such file"))
            }
            Err(error) => Err(format!("can't open {target}: {error}")),
        }
    }

    fn open_write(
        &self,
        task: &Task,
        target: &str,
        truncate: bool,
        io: &mut Io<'_>,
    ) -> Result<Fd, String> {
        let path = normal(&task.cwd, target);
        if let Some(fd) = device(task, &path) {
            return Ok(fd);
        }
        let made = if truncate {
            io.files.write(&path, "", io.now)
        } else {
            io.files.append(&path, "", io.now)
        };
        match made {
            Ok(()) => Ok(Fd::File(path.as_str().into())),
            Err(crate::posix::FsError::NotFound) => {
                Err(format!("can't create {target}: nonexistent directory"))
            }
            Err(error) => Err(format!("can't create {target}: {error}")),
        }
    }

    /// Whether the pipe that a task writes to is full.
    pub(super) fn full(&self, task: &Task) -> bool {
        match task.fds.get(&1) {
            Some(Fd::Writer(id)) => {
                self.pipes.get(id).is_some_and(|p| p.text.len() > PIPE_SIZE && p.writers > 0)
                    && self.tasks.values().any(|t| t.fds.get(&0) == Some(&Fd::Reader(*id)))
            }
            Some(_) | None => false,
        }
    }

    /// Take what a task's input holds now.
    pub(super) fn input(&mut self, task: &Task, line: bool) -> Input {
        let of_terminal = self.at_terminal && task.fds.get(&0) == Some(&Fd::Input);
        let (text, ended) = match task.fds.get(&0) {
            Some(Fd::Reader(id)) => match self.pipes.get_mut(id) {
                Some(pipe) => (&mut pipe.text, pipe.writers == 0),
                None => return Input::End,
            },
            Some(Fd::Input) => (&mut self.typed.text, self.typed.ended),
            Some(Fd::Zeros) => return Input::Zeros,
            Some(Fd::Out | Fd::Err | Fd::Null | Fd::Writer(_) | Fd::File(_)) | None => {
                return Input::End;
            }
        };
        if text.is_empty() {
            if ended && of_terminal {
                self.typed.ended = false;
            }
            return if ended { Input::End } else { Input::Wait };
        }
        let end = match text.find('\n') {
            Some(at) if line => at + 1,
            None if line && !ended => return Input::Wait,
            Some(_) | None => text.len(),
        };
        let taken: String = text.drain(..end).collect();
        if matches!(task.fds.get(&0), Some(Fd::Reader(_))) {
            self.wake_all();
        }
        Input::Text(taken)
    }
}

/// What a path of a device opens.
fn device(task: &Task, path: &str) -> Option<Fd> {
    match path {
        "/dev/null" => Some(Fd::Null),
        "/dev/zero" | "/dev/urandom" | "/dev/random" => Some(Fd::Zeros),
        "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0" => task.fds.get(&0).cloned(),
        "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1" => task.fds.get(&1).cloned(),
        "/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2" => task.fds.get(&2).cloned(),
        "/dev/tty" | "/proc/1/fd/1" => Some(Fd::Out),
        "/proc/1/fd/2" => Some(Fd::Err),
        _ => None,
    }
}
