//! What clients show of objects: tables and descriptions.

pub mod describe;
pub mod table;
