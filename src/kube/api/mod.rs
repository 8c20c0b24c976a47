//! The API server: objects, store, requests and answers.

pub mod object;
pub mod request;
pub mod store;
pub mod server;
