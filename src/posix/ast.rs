//! The syntax tree of a shell program. Shared parts are behind `Arc`, so that running tasks can
//! hold on to them and be cloned.

use std::sync::Arc;

/// Commands one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    /// The commands in order.
    pub(super) items: Vec<Item>,
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What runs.
    pub(super) chain: Arc<Chain>,
    /// Whether it ended in `&`.
    pub(super) background: bool,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// Each pipeline with the condition under which it runs.
    pub(super) links: Vec<(When, Pipeline)>,
}

/// When a link of a chain runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// The first one.
    Always,
    /// After `&&`.
    Success,
    /// After `||`.
    Failure,
}

/// Commands joined by `|`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// Whether it began with `!`.
    pub(super) negated: bool,
    /// The stages.
    pub(super) stages: Vec<Arc<Node>>,
}

/// A command with its redirections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    /// What it is.
    pub(super) command: Command,
    /// Its redirections in order.
    pub(super) redirects: Vec<Redirect>,
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Assignments and words.
    Simple {
        /// `name=word` before the command.
        assigns: Vec<(String, Word)>,
        /// The command and its arguments.
        words: Vec<Word>,
    },
    /// `( … )`.
    Subshell(Arc<List>),
    /// `{ …; }`.
    Group(Arc<List>),
    /// `if`: conditions with their bodies, and the else part.
    If(Vec<(Arc<List>, Arc<List>)>, Option<Arc<List>>),
    /// `while` or `until`.
    Loop {
        /// Whether it is `until`.
        until: bool,
        /// The condition.
        test: Arc<List>,
        /// The body.
        body: Arc<List>,
    },
    /// `for`.
    For {
        /// The variable.
        name: String,
        /// The words; `None` means `"$@"`.
        words: Option<Vec<Word>>,
        /// The body.
        body: Arc<List>,
    },
    /// `case`.
    Case(Word, Vec<(Vec<Word>, Arc<List>)>),
    /// `name() …`.
    Function(String, Arc<Node>),
    /// `[[ … ]]`.
    Test(Vec<Word>),
}

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    /// The file descriptor that changes.
    pub(super) fd: u32,
    /// How.
    pub(super) how: How,
    /// The file, descriptor or text.
    pub(super) target: Word,
}

/// Kinds of redirections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// `<`
    Read,
    /// `>` and `>|`
    Write,
    /// `>>`
    Append,
    /// `<>`
    Both,
    /// `>&` and `<&`
    Duplicate,
    /// `<<` and `<<<`: the target is the text.
    Text,
    /// `&>`: both outputs.
    WriteAll,
}

/// A word before expansion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word(pub(super) Vec<Piece>);

/// A part of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text that may hold patterns.
    Plain(String),
    /// Text that was quoted.
    Quoted(String),
    /// `$name` or `${…}`, and whether inside double quotes.
    Param(Box<Param>, bool),
    /// `$(…)`, and whether inside double quotes.
    Run(Arc<List>, bool),
    /// `$((…))`, and whether inside double quotes.
    Math(Word, bool),
    /// `~` at the start.
    Home,
    /// `(…)` of an assignment: the elements of an array, as in bash.
    Elements(Vec<Word>),
}

/// A parameter expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Param {
    /// The variable's name or a special character.
    pub(super) name: String,
    /// What is done with it.
    pub(super) op: Op,
}

/// Operators of a parameter expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// `$v`
    Value,
    /// `${#v}`
    Length,
    /// `${v-w}`, `${v=w}`, `${v?w}`, `${v+w}`, with a flag for the colon.
    Unset(char, bool, Word),
    /// `${v#p}`, `${v%p}` and the doubled ones.
    Trim {
        /// Whether from the end.
        end: bool,
        /// Whether the longest match.
        longest: bool,
        /// The pattern.
        pattern: Word,
    },
    /// `${v/p/w}` and `${v//p/w}`.
    Replace {
        /// Whether all.
        all: bool,
        /// The pattern.
        pattern: Word,
        /// What comes instead.
        with: Word,
    },
    /// `${v:offset:length}`.
    Part(Word, Option<Word>),
}
