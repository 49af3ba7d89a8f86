//! virt
