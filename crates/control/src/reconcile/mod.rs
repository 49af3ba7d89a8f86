//! Reconcilers: no input, a scan, and repairs through the same steps that everyone takes.
