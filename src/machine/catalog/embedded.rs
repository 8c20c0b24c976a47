//! The files of the catalogue, embedded.

/// Name below `scenarios/catalog/` and text.
pub(super) const FILES: &[(&str, &str)] = &[];
