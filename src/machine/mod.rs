//! Hosts and the one container runtime under everything.
