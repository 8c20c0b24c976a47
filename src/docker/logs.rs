//! Logs and attached clients (moby `daemon/logs.go`, `attach.go`).

use crate::docker::api::{ApiError, LogLine, LogOptions, Reply};
use crate::docker::container::{Container, Follower};
use crate::docker::daemon::{Daemon, Env};
use crate::docker::exec::api_stream;
use crate::machine::{self, ContainerId};

fn wanted(line: &machine::LogLine, streams: (bool, bool)) -> bool {
    match line.stream {
        machine::Stream::Out => streams.0,
        machine::Stream::Err => streams.1,
    }
}

fn as_reply(line: &machine::LogLine, raw: bool) -> Reply {
    let stream = api_stream(line.stream);
    if raw {
        let end = if line.partial { "" } else { "\n" };
        Reply::Output(stream, format!("{}{end}", line.text))
    } else {
        Reply::Log(LogLine { at: line.at, stream, text: line.text.to_string() })
    }
}

/// Lines as the driver keeps them: what a stream writes without a line end waits for the rest.
fn whole_lines<'a>(log: impl Iterator<Item = &'a machine::LogLine>) -> Vec<LogLine> {
    let mut lines: Vec<LogLine> = Vec::new();
    // Where the unfinished line of each stream stands, and whose run it is.
    let mut open: [Option<(usize, u32)>; 2] = [None, None];
    for entry in log {
        let slot = match entry.stream {
            machine::Stream::Out => &mut open[0],
            machine::Stream::Err => &mut open[1],
        };
        let at = match *slot {
            Some((at, run)) if run == entry.run => at,
            _ => {
                let stream = api_stream(entry.stream);
                lines.push(LogLine { at: entry.at, stream, text: String::new() });
                lines.len() - 1
            }
        };
        if let Some(line) = lines.get_mut(at) {
            line.text.push_str(&entry.text);
        }
        *slot = entry.partial.then_some((at, entry.run));
    }
    lines
}

/// What the log driver notes about a container (`--log-opt labels=…`, `env=…`), by key.
fn details(c: &Container) -> String {
    let names = |key: &str| -> Vec<String> {
        let text = c.host.log_opts.get(key).map_or("", String::as_str);
        text.split(',').map(|name| name.trim().to_owned()).collect()
    };
    let labels = names("labels").into_iter().filter_map(|name| {
        let value = c.config.labels.get(&name)?.clone();
        Some((name, value))
    });
    let variables = names("env").into_iter().filter_map(|name| {
        let prefix = format!("{name}=");
        let value = c.config.env.iter().find_map(|entry| entry.strip_prefix(&prefix))?;
        Some((name, value.to_owned()))
    });
    let all: std::collections::BTreeMap<String, String> = labels.chain(variables).collect();
    let words: Vec<String> = all.iter().map(|(k, v)| format!("{k}={v}")).collect();
    words.join(",")
}

impl Daemon {
    /// Serve `GET /containers/{id}/logs`.
    pub(crate) fn serve_logs(
        &mut self,
        ticket: u64,
        text: &str,
        options: &LogOptions,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        let id = self.find(text)?;
        if !(options.stdout || options.stderr) {
            return Err(ApiError::bad("You must choose at least one stream"));
        }
        // These drivers keep nothing that could be read back.
        let driver = self.containers.get(&id).map_or("", |c| c.host.log_driver.as_str());
        if !matches!(driver, "" | "json-file" | "local" | "journald") {
            return Err(ApiError::new(501, "configured logging driver does not support reading"));
        }
        let streams = (options.stdout, options.stderr);
        let machine_id = ContainerId::from(id.as_str());
        let Some(log) = env.machines.logs(&self.host, &machine_id) else {
            return Ok(Some(Reply::Done));
        };
        let details = match self.containers.get(&id) {
            Some(c) if options.details => details(c) + " ",
            _ => String::new(),
        };
        let shown = log
            .iter()
            .filter(|l| wanted(l, streams))
            .filter(|l| options.since.is_none_or(|at| l.at >= at))
            .filter(|l| options.until.is_none_or(|at| l.at < at));
        let mut lines: Vec<Reply> = whole_lines(shown)
            .into_iter()
            .map(|mut line| {
                line.text.insert_str(0, &details);
                Reply::Log(line)
            })
            .collect();
        if let Some(tail) = options.tail {
            let tail = usize::try_from(tail).unwrap_or(usize::MAX);
            lines.drain(..lines.len().saturating_sub(tail));
        }
        let next = log.len();
        for line in lines {
            env.reply(ticket, Ok(line));
        }
        let live = self.containers.get(&id).is_some_and(|c| c.is_live());
        if !options.follow || !live {
            return Ok(Some(Reply::Done));
        }
        self.follow(&id, Follower { ticket, next, raw: false, streams }, env);
        Ok(None)
    }

    /// Serve `POST /containers/{id}/attach`.
    pub(crate) fn serve_attach(
        &mut self,
        ticket: u64,
        text: &str,
        logs: bool,
        env: &mut Env<'_, '_>,
    ) -> Result<Option<Reply>, ApiError> {
        let id = self.find(text)?;
        let Some(c) = self.containers.get(&id) else { return Ok(Some(Reply::Done)) };
        if c.paused {
            return Err(ApiError::conflict(format!(
                "container {text} is paused, unpause the container before attach"
            )));
        }
        if c.restarting {
            return Err(ApiError::conflict(format!(
                "container {text} is restarting, wait until the container is running"
            )));
        }
        let machine_id = ContainerId::from(id.as_str());
        let next = match env.machines.logs(&self.host, &machine_id) {
            Some(log) if logs => log.first_index(),
            Some(log) => log.len(),
            None => 0,
        };
        self.container_event(&id, "attach", &[], env);
        self.follow(&id, Follower { ticket, next, raw: true, streams: (true, true) }, env);
        self.feed_followers(&id, env);
        Ok(None)
    }

    pub(crate) fn follow(&mut self, id: &str, follower: Follower, env: &mut Env<'_, '_>) {
        let machine_id = ContainerId::from(id);
        env.machines.follow(&self.host, &machine_id, true);
        if let Some(c) = self.containers.get_mut(id) {
            c.followers.push(follower);
        }
    }

    /// Send new lines to those who follow.
    pub(crate) fn feed_followers(&mut self, id: &str, env: &mut Env<'_, '_>) {
        self.build_logged(id, env);
        let machine_id = ContainerId::from(id);
        let Some(c) = self.containers.get_mut(id) else { return };
        let Some(log) = env.machines.logs(&self.host, &machine_id) else { return };
        let mut replies = Vec::new();
        for follower in &mut c.followers {
            for line in log.iter_from(follower.next).filter(|l| wanted(l, follower.streams)) {
                replies.push((follower.ticket, as_reply(line, follower.raw)));
            }
            follower.next = log.len();
        }
        for (ticket, reply) in replies {
            env.reply(ticket, Ok(reply));
        }
    }

    /// The container stopped: followers get the rest and the end.
    pub(crate) fn end_followers(&mut self, id: &str, env: &mut Env<'_, '_>) {
        self.feed_followers(id, env);
        let machine_id = ContainerId::from(id);
        let Some(c) = self.containers.get_mut(id) else { return };
        for follower in std::mem::take(&mut c.followers) {
            env.machines.follow(&self.host, &machine_id, false);
            env.reply(follower.ticket, Ok(Reply::Done));
        }
    }

    /// A client does not listen any more.
    pub(crate) fn forget(&mut self, ticket: u64, env: &mut Env<'_, '_>) {
        self.build_forgotten(ticket, env);
        self.clients.events.remove(&ticket);
        self.clients.stats.remove(&ticket);
        if self.clients.pulls.remove(&ticket).is_some() {
            env.machines.cancel_pull(&self.host, ticket);
        }
        let with_clients = |c: &Container| !c.followers.is_empty() || !c.waiters.is_empty();
        for c in self.containers.values_where(with_clients) {
            let before = c.followers.len();
            c.followers.retain(|f| f.ticket != ticket);
            for _ in c.followers.len()..before {
                let machine_id = ContainerId::from(c.id.as_str());
                env.machines.follow(&self.host, &machine_id, false);
            }
            // A `stop` or `rm` goes on without its client; a `wait` does not.
            c.waiters.retain(|w| {
                !matches!(w, crate::docker::container::Waiter::Wait(t)
                    | crate::docker::container::Waiter::Removed(t) if *t == ticket)
            });
        }
    }
}
