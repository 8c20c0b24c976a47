//! Plain view models of a world, for the page.
