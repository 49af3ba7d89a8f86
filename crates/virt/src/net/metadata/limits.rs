//! How many connections there may be: in all, and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    all: usize,
    each: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    caller: IpAddr,
    limits: Limits,
}

impl Limits {
    /// At most `all`, and at most `each` from one address.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all, each, open: Arc::default() }
    }

    /// A place, if there is one.
    pub(super) fn enter(&self, caller: IpAddr) -> Option<Place> {
        let mut open = self.lock();
        if open.values().sum::<usize>() >= self.all {
            return None;
        }
        let own = open.entry(caller).or_default();
        if *own >= self.each {
            return None;
        }
        *own += 1;
        Some(Place { caller, limits: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.limits.lock();
        if let Some(own) = open.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Limits;

    #[test]
    fn one_caller_cannot_take_all_places() {
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let limits = Limits::new(3, 2);
        let held: Vec<_> = [one, one, other].map(|caller| limits.enter(caller).unwrap()).into();
        assert!(limits.enter(other).is_none(), "all places are taken");
        drop(held);
        let _held = [limits.enter(one).unwrap(), limits.enter(one).unwrap()];
        assert!(limits.enter(one).is_none());
        assert!(limits.enter(other).is_some());
    }
}
