//! Texts in the language of the learner.
