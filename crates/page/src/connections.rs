//! How many connections there may be, and who makes room.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// A connection.
#[derive(Debug, Default)]
pub(crate) struct Guest {
    /// Its last request was one of a session.
    signed_in: AtomicBool,
    leave: Notify,
}

impl Guest {
    pub(crate) fn mark(&self, signed_in: bool) {
        self.signed_in.store(signed_in, Ordering::Relaxed);
    }

    /// Waits until it has to make room.
    pub(crate) async fn told_to_leave(&self) {
        self.leave.notified().await;
    }
}

/// The connections, oldest first. When there are too many, the oldest that has not signed in makes room: strangers displace each
/// other and never an operator.
#[derive(Debug)]
pub(crate) struct Connections {
    most: usize,
    guests: Mutex<VecDeque<Arc<Guest>>>,
}

/// A place among the connections; free when dropped.
pub(crate) struct Place {
    connections: Arc<Connections>,
    pub(crate) guest: Arc<Guest>,
}

impl Connections {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            guests: Mutex::default(),
        })
    }

    fn guests(&self) -> MutexGuard<'_, VecDeque<Arc<Guest>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for one more; none when all are taken by operators.
    pub(crate) fn enter(connections: &Arc<Self>) -> Option<Place> {
        let mut guests = connections.guests();
        if guests.len() >= connections.most {
            let stranger = guests
                .iter()
                .position(|guest| !guest.signed_in.load(Ordering::Relaxed))?;
            guests.remove(stranger)?.leave.notify_one();
        }
        let guest = Arc::new(Guest::default());
        guests.push_back(guest.clone());
        Some(Place {
            connections: connections.clone(),
            guest,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections
            .guests()
            .retain(|guest| !Arc::ptr_eq(guest, &self.guest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_make_room_and_operators_do_not() {
        let connections = Connections::new(2);
        let operator = Connections::enter(&connections).unwrap();
        operator.guest.mark(true);
        let stranger = Connections::enter(&connections).unwrap();
        let third = Connections::enter(&connections).unwrap();
        assert_eq!(connections.guests().len(), 2);
        drop(stranger);
        assert_eq!(connections.guests().len(), 2, "it had no place any more");
        third.guest.mark(true);
        assert!(Connections::enter(&connections).is_none());
        drop(operator);
        assert!(Connections::enter(&connections).is_some());
        drop(third);
        assert!(connections.guests().is_empty());
    }
}
