//! The API server: objects, store, requests and answers.

pub mod request;
