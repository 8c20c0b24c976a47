//! The only "text" the core makes for learners: an id and arguments. The `text` layer turns it into
//! the learner's language.

use std::sync::Arc;

use serde::Serialize;

use crate::base::time::SimDuration;

/// A text to be looked up in the catalogue of the learner's language.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Message {
    /// The Fluent id, such as `why-scheduled`.
    pub id: &'static str,
    /// Named arguments, in the order in which they were added.
    pub args: Vec<(&'static str, Arg)>,
}

/// An argument of a message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Arg {
    /// A name or verbatim text of a real tool.
    Text(Arc<str>),
    /// A count.
    Number(i64),
    /// A length of time.
    Duration(SimDuration),
}

impl Message {
    /// A message without arguments.
    #[must_use]
    pub const fn new(id: &'static str) -> Self {
        Self { id, args: Vec::new() }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Arg>) -> Self {
        self.args.push((name, value.into()));
        self
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<&String> for Arg {
    fn from(text: &String) -> Self {
        Self::Text(text.as_str().into())
    }
}

impl From<Arc<str>> for Arg {
    fn from(text: Arc<str>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Arg {
    fn from(n: i64) -> Self {
        Self::Number(n)
    }
}

impl From<i32> for Arg {
    fn from(n: i32) -> Self {
        Self::Number(i64::from(n))
    }
}

impl From<u32> for Arg {
    fn from(n: u32) -> Self {
        Self::Number(i64::from(n))
    }
}

impl From<SimDuration> for Arg {
    fn from(d: SimDuration) -> Self {
        Self::Duration(d)
    }
}
