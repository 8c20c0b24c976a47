//! What the page is told, and what it remembers besides the session.

use crate::base::message::Message;
use crate::base::time::SimTime;
use crate::engine::fault::FaultKind;
use crate::ui::opening::Opened;
use crate::view::focus::Focus;
use crate::world::command::Command;

/// The worlds that the page offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    /// One Docker host, with Compose.
    Docker,
    /// A cluster of three nodes.
    Kubernetes,
}

impl Platform {
    /// All, in the order of the tabs, with the text ids of their names.
    pub(super) const ALL: [(Self, &'static str); 2] =
        [(Self::Docker, "platform-docker"), (Self::Kubernetes, "platform-kubernetes")];

    /// The one that a first visit shows.
    pub(super) const FIRST: Self = Self::Kubernetes;

    /// Its name in what is kept.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// The machine on which the learner's terminal sits.
    pub(super) const fn home(self) -> &'static str {
        match self {
            Self::Docker => "host",
            Self::Kubernetes => "",
        }
    }
}

/// The panels that can be shown alone on a narrow screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Panel {
    /// Files and editor.
    Files,
    /// The map.
    Map,
    /// The inspector.
    Inspector,
    /// The terminal.
    Terminal,
    /// The graphs.
    Graphs,
}

impl Panel {
    /// All, with the text ids of their names and their classes.
    pub(super) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Map, "panel-map", "map"),
        (Self::Files, "panel-files", "files"),
        (Self::Terminal, "panel-terminal", "terminal"),
        (Self::Inspector, "panel-inspector", "inspector"),
        (Self::Graphs, "panel-graphs", "graphs"),
    ];

    /// Its class.
    pub(super) fn class(self) -> &'static str {
        Self::ALL.iter().find(|p| p.0 == self).map_or("map", |p| p.2)
    }
}

/// Sentences above the panels, until they are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// The sentences.
    pub(super) said: Vec<Message>,
    /// What can be done about it.
    pub(super) offer: Option<Offer>,
}

/// What a notice offers to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offer {
    /// Look at the sessions that are kept besides this one.
    Earlier,
    /// Open the session in the newest build.
    Newest,
    /// Stop opening a session.
    Stop,
}

impl Notice {
    /// One sentence without arguments.
    pub(super) fn new(id: &'static str) -> Self {
        Self::of(Message::new(id))
    }

    /// One sentence.
    pub(super) fn of(message: Message) -> Self {
        Self { said: vec![message], offer: None }
    }

    /// With one more sentence.
    pub(super) fn and(mut self, message: Message) -> Self {
        self.said.push(message);
        self
    }

    /// With what can be done.
    pub(super) fn offering(self, offer: Offer) -> Self {
        Self { offer: Some(offer), ..self }
    }

    /// With what else is to be said.
    pub(super) fn before(mut self, other: Option<Self>) -> Self {
        if let Some(other) = other {
            self.said.extend(other.said);
            self.offer = self.offer.or(other.offer);
        }
        self
    }
}

/// What the page is told of other sessions than the one that is shown.
#[derive(Clone, Debug)]
pub(super) enum Other {
    /// One is open.
    Show(Box<Opened>),
    /// One is open to take a file over into it.
    Carried(Box<Opened>, String),
    /// One could not be opened.
    Refused(Notice),
    /// How far opening one has come, in percent.
    Progress(u64),
    /// Stop opening it.
    Stop,
    /// Open this one in the newest build.
    Newest,
    /// Open one that is kept besides the own one, by its name.
    Open(String),
    /// Save it as a file.
    Save(String),
    /// Remove it.
    Remove(String),
}

/// What the page is told.
#[derive(Clone, Debug)]
pub(super) enum Msg {
    /// A frame of the browser, with its time in milliseconds.
    Frame(f64),
    /// The learner's command to the world.
    Do(Command),
    /// A thing is selected, or nothing.
    Select(Option<Focus>),
    /// Play or pause.
    Play(bool),
    /// Another speed, in quarters of real time.
    Speed(u32),
    /// Go on to the next thing that happens.
    Step,
    /// Take back the last command.
    Undo,
    /// Look at the past, or return to the present.
    Scrub(Option<SimTime>),
    /// Go on from the past that is shown.
    Branch,
    /// A fault from the menu.
    Break(FaultKind, String),
    /// Show the menu of faults, for a thing or for any, or hide it.
    Menu(Option<Option<Focus>>),
    /// Another language.
    Language(&'static str),
    /// Light or dark.
    Theme(&'static str),
    /// Larger type and only what a class must see.
    Present(bool),
    /// Another world.
    Platform(Platform),
    /// Start over.
    Reset,
    /// Copy a link to this session.
    Share,
    /// What became of it.
    Shared(Result<String, String>),
    /// Save the session as a file.
    Export,
    /// Choose a file with a session.
    Import,
    /// Its text; `None` if nothing was chosen.
    Imported(Option<String>),
    /// Something about another session than the one that is shown.
    Other(Other),
    /// Show what this is, or hide it.
    About(bool),
    /// Keep the session from elsewhere in place of the own one.
    Adopt,
    /// Return from it to the own one.
    Return,
    /// A key outside of text fields.
    Key(String),
    /// Show another terminal.
    Terminal(u32),
    /// Open one more terminal.
    NewTerminal,
    /// Let the client send its requests to an address.
    Aim(String),
    /// Show what applying the open file would change.
    Preview,
    /// Give the open file another name.
    Rename(String),
    /// Take the open file over into the other world.
    Carry,
    /// Remove a file.
    Remove(String),
    /// Show another panel on a narrow screen.
    Panel(Panel),
    /// Another file in the editor.
    Open(String),
    /// The text in the editor was changed.
    Edited(String),
    /// A new file.
    NewFile,
    /// Write the file and run the command that applies it.
    Apply,
    /// A sentence was read.
    Dismiss,
}
