//! The panels of the page: one file each.

pub(super) mod header;
pub(super) mod files;
pub(super) mod map;
pub(super) mod dots;
pub(super) mod inspector;
pub(super) mod terminal;
pub(super) mod graphs;
pub(super) mod timeline;
pub(super) mod menu;
pub(super) mod about;
