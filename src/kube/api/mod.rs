//! The API server: objects, requests, the store, and what is done to a request on its way.

pub mod object;
pub mod request;
pub mod server;
pub mod bootstrap;
#[cfg(test)]
mod server_tests;
pub mod write;
pub mod delete;
pub mod subresource;
pub mod store;
pub mod selector;
pub mod decode;
pub mod convert;
pub mod base64;
pub mod shape;
pub mod quantity;
pub mod qos;
pub mod default;
pub mod admission;
pub mod strategy;
pub mod allocate;
pub mod validate;
pub mod patch;
