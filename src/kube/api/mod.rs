//! The API server: objects, requests, the store, and what is done to a request on its way.

pub mod object;
pub mod request;
pub mod server;
pub mod store;
pub mod selector;
pub mod decode;
pub mod default;
pub mod quantity;
