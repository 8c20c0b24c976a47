//! Whole calls against scripted answers.
