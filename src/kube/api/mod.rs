//! The API server: objects, store, requests and answers.

pub mod object;
pub mod request;
pub mod server;
pub mod store;
