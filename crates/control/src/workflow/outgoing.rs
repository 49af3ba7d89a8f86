//! Orders on their way to the relay without a detour over the database.

use super::wake::Wake;
use hatchery_model::message::Envelope;
use std::sync::{Arc, Mutex, PoisonError};

/// An order as its transaction has left it in the outbox: its place there, and what is to be sent.
pub(crate) type Order = (i64, Envelope);

/// Hands the relay what a transaction has just committed, so that it need not be read. A hint like [`Wake`]: what is lost of it stands in the
/// outbox.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    orders: Arc<Mutex<Vec<Order>>>,
    handed_over: Wake,
    wake: Wake,
}

/// Why the relay was woken.
pub(super) enum Woken {
    /// These have committed, in the order of their places.
    Orders(Vec<Order>),
    /// There are rows to be read.
    Rows,
}

impl Outgoing {
    /// `wake` wakes the relay for whoever has nothing to hand over.
    pub fn new(wake: Wake) -> Self {
        Self { wake, ..Self::default() }
    }

    /// Has the relay look at the rows.
    pub fn wake(&self) {
        self.wake.wake();
    }

    /// Hands orders over. Their transaction must have committed.
    pub(crate) fn hand_over(&self, orders: impl IntoIterator<Item = Order>) {
        let mut all = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.len();
        all.extend(orders);
        if all.len() > before {
            self.handed_over.wake();
        }
    }

    /// Sleeps until there is something to be done.
    pub(super) async fn woken(&self) -> Woken {
        tokio::select! {
            () = self.wake.woken() => Woken::Rows,
            () = self.handed_over.woken() => Woken::Orders(self.take()),
        }
    }

    fn take(&self) -> Vec<Order> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut orders = std::mem::take(&mut *orders);
        orders.sort_by_key(|(place, _)| *place);
        orders
    }
}
