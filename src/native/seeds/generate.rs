//! The next thing that is done in a session, drawn by its seed and from what is there.

use crate::native::seeds::case::{Case, Step, docker_host};
use crate::native::seeds::draw::Draw;
use crate::native::seeds::{breakage, docker_lines, kube_lines};
use crate::world::command::Command;
use crate::world::world::World;

/// Terminals of a session; most lines are scripts of their own, so that nothing waits for them.
const TERMINALS: u32 = 3;

/// Time before a command in milliseconds: within one round trip, within one step of a rollout,
/// within a grace period, past a back-off.
const PAUSES: &[(u64, (u64, u64))] = &[
    (3, (0, 0)),
    (4, (1, 60)),
    (5, (200, 1_500)),
    (6, (2_000, 6_000)),
    (3, (8_000, 20_000)),
    (1, (30_000, 70_000)),
];

/// Machines with Docker and nodes of the cluster.
const WORLDS: &[(u64, (u32, u32))] =
    &[(2, (0, 1)), (3, (0, 2)), (4, (0, 3)), (1, (0, 5)), (6, (1, 0)), (1, (2, 0)), (2, (1, 2))];

/// Draws a session.
#[derive(Debug)]
pub struct Generator {
    draw: Draw,
    docker: u32,
    nodes: u32,
    left: u32,
    opened: u32,
    /// Commands of one draw that are still to come.
    coming: Vec<Command>,
}

impl Generator {
    /// A session of so many draws; the case has its world and no steps yet.
    #[must_use]
    pub fn new(seed: u64, draws: u32) -> (Self, Case) {
        let mut draw = Draw::new(seed);
        let (docker, nodes) = draw.weighted(WORLDS).copied().unwrap_or((1, 0));
        let case = Case { about: String::new(), seed, docker, nodes, steps: Vec::new() };
        (Self { draw, docker, nodes, left: draws, opened: 0, coming: Vec::new() }, case)
    }

    /// The next step; `None` at the end.
    pub fn next(&mut self, world: &World) -> Option<Step> {
        if self.coming.is_empty() {
            self.left = self.left.checked_sub(1)?;
            self.coming = self.something(world);
            self.coming.reverse();
            let command = self.coming.pop()?;
            return Some(Step { after_ms: self.pause(), command });
        }
        let command = self.coming.pop()?;
        Some(Step { after_ms: self.draw.between(0, 5), command })
    }

    fn pause(&mut self) -> u64 {
        let (low, high) = self.draw.weighted(PAUSES).copied().unwrap_or((0, 0));
        self.draw.between(low, high)
    }

    fn something(&mut self, world: &World) -> Vec<Command> {
        match self.draw.between(0, 99) {
            0..=67 => self.work(world),
            68..=87 => vec![breakage::one(&mut self.draw, world)],
            88..=92 => vec![self.load()],
            _ => self.at_a_terminal(world),
        }
    }

    /// On the cluster, or on a machine with Docker.
    fn place(&mut self) -> Option<String> {
        let docker = self.nodes == 0 || (self.docker > 0 && self.draw.chance(500));
        docker.then(|| {
            docker_host(u32::try_from(self.draw.between(1, u64::from(self.docker))).unwrap_or(1))
        })
    }

    /// Files, if any, and a line.
    fn work(&mut self, world: &World) -> Vec<Command> {
        let host = self.place();
        let (files, line) = match &host {
            Some(host) => docker_lines::one(&mut self.draw, world, host),
            None => kube_lines::one(&mut self.draw, world),
        };
        let host = host.unwrap_or_default();
        let write = |(name, text): (String, String)| Command::Write {
            host: host.clone(),
            path: format!("{HOME}/{name}"),
            text,
        };
        let mut all: Vec<Command> = files.into_iter().map(write).collect();
        all.push(Command::Script { host, cwd: HOME.to_owned(), text: line, tty: false });
        all
    }

    /// Something is typed, or a key is pressed.
    fn at_a_terminal(&mut self, world: &World) -> Vec<Command> {
        if self.opened < TERMINALS && (self.opened == 0 || self.draw.chance(300)) {
            self.opened += 1;
            let host = self.place().unwrap_or_default();
            return vec![Command::Open { terminal: self.opened, host, tty: true }];
        }
        let terminal = u32::try_from(self.draw.between(1, u64::from(self.opened))).unwrap_or(1);
        match self.draw.between(0, 9) {
            0..=2 => vec![Command::Interrupt { terminal }],
            3 => vec![Command::EndOfInput { terminal }],
            _ => {
                let host = world.shell().terminals().get(&terminal).map(|t| t.host.to_string());
                let line = match host.filter(|host| !host.is_empty()) {
                    Some(host) => docker_lines::typed(&mut self.draw, world, &host),
                    None => kube_lines::typed(&mut self.draw, world),
                };
                vec![Command::Type { terminal, line }]
            }
        }
    }

    /// A client begins, changes or ends.
    fn load(&mut self) -> Command {
        let url = if self.nodes > 0 {
            self.draw.one(&["http://node-1:30080/", "http://node-1:30081/"])
        } else {
            self.draw.one(&["http://host:8080/", "http://host:8081/"])
        };
        let rate_milli = self.draw.one(&[0, 200, 1_000, 3_000]);
        let name = self.draw.one(&["client", "other"]).to_owned();
        Command::Load { name, url: url.to_owned(), from: String::new(), rate_milli }
    }
}

/// Where files lie and lines run.
pub(super) const HOME: &str = "/home/student";
