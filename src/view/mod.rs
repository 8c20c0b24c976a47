//! Plain view models of a world, for the page: public fields, no k8s types, nothing to call back.

pub mod status;
pub mod focus;
pub mod map;
mod pods;
mod containers;
pub mod explain;
pub mod object;
pub mod timeline;
pub mod traffic;
pub mod flows;
pub mod preview;
pub mod builds;
pub mod captions;
pub mod editor;
pub mod manifests;
pub mod screen;
pub mod complete;
