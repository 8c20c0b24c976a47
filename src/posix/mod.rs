//! A POSIX shell and the small Unix tools, over a virtual file system, resumable and cloneable.

mod files;
pub use files::{Entry, Files};
