//! Suites that every plug must pass.
