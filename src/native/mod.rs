//! The native program: headless runs, replays, checks.
