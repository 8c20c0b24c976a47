//! `docker exec` (moby `daemon/exec.go`).

use crate::base::time::SimTime;
use crate::docker::api::{ApiError, ExecConfig, Reply, Stream};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::lifecycle::is_restarting;
use crate::machine::{self, ContainerId, ExecId, ExecSpec};

/// Execs kept per host; older ones that were never started are dropped.
const MAX_EXECS: usize = 1024;

/// Pieces of input kept for an exec that has not been started.
const MAX_EARLY: usize = 64;

/// Who wanted an exec.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// A client; its ticket once started, `None` if it does not listen.
    Client {
        /// Whom to answer.
        ticket: Option<u64>,
    },
    /// A health monitor.
    Probe {
        /// When it began.
        started: SimTime,
        /// Number of the monitor.
        monitor: u32,
        /// Output so far.
        output: String,
    },
}

/// An exec.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Exec {
    pub(crate) id: String,
    pub(crate) container: String,
    pub(crate) config: ExecConfig,
    pub(crate) tag: u64,
    pub(crate) purpose: Purpose,
    /// Input that came before it was started.
    pub(crate) early: Vec<Option<String>>,
}

pub(crate) const fn api_stream(stream: machine::Stream) -> Stream {
    match stream {
        machine::Stream::Out => Stream::Stdout,
        machine::Stream::Err => Stream::Stderr,
    }
}

impl Daemon {
    fn exec_target(&self, text: &str) -> Result<String, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get(&id) else { return Ok(id) };
        if !c.running {
            return Err(ApiError::conflict(format!("container {id} is not running")));
        }
        if c.paused {
            return Err(ApiError::conflict(format!(
                "Container {text} is paused, unpause the container before exec"
            )));
        }
        if c.restarting {
            return Err(ApiError::conflict(is_restarting(&id)));
        }
        Ok(id)
    }

    /// Serve `POST /containers/{id}/exec`.
    pub(crate) fn exec_create(
        &mut self,
        text: &str,
        config: ExecConfig,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let container = self.exec_target(text)?;
        if config.cmd.is_empty() {
            return Err(ApiError::bad("No exec command specified"));
        }
        let id = env.fresh_id("exec-id");
        self.next_tag += 1;
        let tag = self.next_tag;
        if self.execs.len() >= MAX_EXECS {
            let idle = self.execs.iter().find(|(_, e)| !self.tags.contains_key(&e.tag));
            if let Some(old) = idle.map(|(id, _)| id.clone()) {
                self.execs.remove(&old);
            }
        }
        self.exec_event(&container, "exec_create", &id, Some(&config.cmd), None, env);
        let exec = Exec {
            id: id.clone(),
            container,
            config,
            tag,
            purpose: Purpose::Client { ticket: None },
            early: Vec::new(),
        };
        self.execs.insert(id.clone(), exec);
        Ok(Reply::ExecCreated { exec: id })
    }

    /// Serve `POST /exec/{id}/start`.
    pub(crate) fn exec_start(
        &mut self,
        ticket: u64,
        id: &str,
        detach: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        let missing = || ApiError::not_found(format!("No such exec instance: {id}"));
        let exec = self.execs.get_mut(id).ok_or_else(missing)?;
        exec.purpose = Purpose::Client { ticket: (!detach).then_some(ticket) };
        let early = std::mem::take(&mut exec.early);
        let exec = exec.clone();
        self.exec_target(&exec.container)?;
        let config = &exec.config;
        self.exec_event(&exec.container, "exec_start", id, Some(&config.cmd), None, env);
        let spec = ExecSpec {
            argv: config.cmd.clone(),
            env: config.env.clone(),
            cwd: config.working_dir.clone(),
            user: config.user.clone(),
            tty: config.tty,
            stdin: config.stdin,
            tag: exec.tag,
        };
        self.tags.insert(exec.tag, id.to_owned());
        let (host, machine_id) = (self.host.clone(), ContainerId::from(exec.container.as_str()));
        let exec_id = ExecId::from(id);
        let started = env.cx.within(|cx| env.machines.exec(&host, &machine_id, exec_id, spec, cx));
        if let Err(error) = started {
            self.tags.remove(&exec.tag);
            self.execs.remove(id);
            let code = i64::from(error.code);
            self.exec_event(&exec.container, "exec_die", id, None, Some(code), env);
            if detach || error.message.starts_with("unable to find ") {
                return Err(ApiError::bad(error.message));
            }
            // The daemon writes the refusal into the stream, as the client's output.
            let text = format!("{}\n", error.message);
            env.reply(ticket, Ok(Reply::Output(Stream::Stdout, text)));
            return Ok(Some(Reply::Exit { code, error: None }));
        }
        if let Some(c) = self.containers.get_mut(&exec.container) {
            c.execs.push(id.to_owned());
        }
        for text in early {
            self.exec_feed(id, Feed::Text(text), env)?;
        }
        Ok(detach.then_some(Reply::Done))
    }

    /// Output of an exec.
    pub(crate) fn exec_output(
        &mut self,
        tag: u64,
        stream: machine::Stream,
        text: String,
        env: &mut Env<'_, '_>,
    ) {
        let exec = self.tags.get(&tag).and_then(|id| self.execs.get(id));
        match exec.map(|e| &e.purpose) {
            Some(Purpose::Client { ticket: Some(ticket) }) => {
                env.reply(*ticket, Ok(Reply::Output(api_stream(stream), text)));
            }
            Some(Purpose::Probe { .. }) => self.probe_output(tag, &text),
            Some(Purpose::Client { ticket: None }) | None => {}
        }
    }

    /// An exec ended.
    pub(crate) fn exec_exited(&mut self, tag: u64, code: u8, env: &mut Env<'_, '_>) {
        let Some(id) = self.tags.get(&tag).cloned() else { return };
        let Some(exec) = self.execs.get(&id) else { return };
        if matches!(exec.purpose, Purpose::Probe { .. }) {
            self.probe_done(tag, i64::from(code), env);
            return;
        }
        let exec = exec.clone();
        self.tags.remove(&tag);
        self.execs.remove(&id);
        if let Some(c) = self.containers.get_mut(&exec.container) {
            c.execs.retain(|e| *e != id);
        }
        let code = i64::from(code);
        self.exec_event(&exec.container, "exec_die", &id, None, Some(code), env);
        if let Purpose::Client { ticket: Some(ticket) } = exec.purpose {
            env.reply(ticket, Ok(Reply::Exit { code, error: None }));
        }
    }

    /// Serve text or a signal for an exec.
    pub(crate) fn exec_feed(
        &mut self,
        id: &str,
        feed: Feed,
        env: &mut Env<'_, '_>,
    ) -> Result<Reply, ApiError> {
        let missing = || ApiError::not_found(format!("No such exec instance: {id}"));
        let exec = self.execs.get_mut(id).ok_or_else(missing)?;
        if let (Feed::Text(text), false) = (&feed, self.tags.contains_key(&exec.tag)) {
            if exec.early.len() < MAX_EARLY {
                exec.early.push(text.clone());
            }
            return Ok(Reply::Done);
        }
        let (host, container) = (self.host.clone(), ContainerId::from(exec.container.as_str()));
        let exec_id = ExecId::from(id);
        env.cx.within(|cx| match feed {
            Feed::Text(text) => env.machines.exec_stdin(&host, &container, &exec_id, text, cx),
            Feed::Signal(signal) => {
                env.machines.exec_kill(&host, &container, &exec_id, signal, cx);
            }
        });
        Ok(Reply::Done)
    }
}

/// What goes into an exec.
pub(crate) enum Feed {
    /// Standard input; `None` closes it.
    Text(Option<String>),
    /// A signal.
    Signal(u8),
}
