//! How kubectl prints objects: YAML, JSON, JSONPath, custom columns, templates.

pub(super) mod columns;
pub(super) mod json;
pub(super) mod jsonpath;
pub(super) mod yaml;
