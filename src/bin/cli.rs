//! The native program `drydock`.

fn main() {}
