//! Compose: files to a model, and a model to requests of Docker Engine.
