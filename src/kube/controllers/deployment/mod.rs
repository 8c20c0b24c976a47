//! The Deployment controller.

pub mod proportion;
pub mod rolling;
