//! Interfaces that a running client did not take are offered to it again, ever more rarely: a port in use or a table that is
//! full are reasons that pass. Invalid configuration does not get better by itself.

use waypost_routprot::Status;
use waypost_types::{ProtocolId, Time};

use crate::Manager;
use crate::client::Client;
use crate::lifecycle::{is_hopeless, retry_wait};

/// When the next offer is made, and how many failed in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offers {
    next: Option<Time>,
    failed: u32,
}

impl Client {
    /// The interfaces that it may take another time.
    fn hopeful(&self) -> impl Iterator<Item = &String> {
        let hopeful = |status: Status| self.is_running() && !is_hopeless(status);
        let refused = self.refused.iter();
        refused
            .filter(move |(_, refusal)| hopeful(refusal.status))
            .map(|(name, _)| name)
    }

    /// When the manager is to look after its offers: at once while the time of the next one is not set.
    pub(crate) fn offer_deadline(&self) -> Option<Time> {
        let waiting = self.hopeful().next();
        waiting.map(|_| self.offers.next.unwrap_or(Time::ZERO))
    }
}

impl Manager {
    pub(crate) fn tick_offers(&mut self, now: Time) {
        let due = |client: &Client| client.offer_deadline().is_some_and(|deadline| deadline <= now);
        let clients = self.clients.iter().filter(|(_, client)| due(client));
        for id in clients.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.offer_again(now, id);
        }
    }

    fn offer_again(&mut self, now: Time, id: ProtocolId) {
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        let first = client.offers.next.is_none();
        let names: Vec<String> = client.hopeful().filter(|_| !first).cloned().collect();
        for name in names {
            if let Some(interface) = self.table.by_name(&name).cloned() {
                self.join(id, &interface);
            }
        }
        if let Some(client) = self.clients.get_mut(&id) {
            let waiting = client.hopeful().next().is_some();
            client.offers = if waiting {
                Offers {
                    next: Some(now + retry_wait(client.offers.failed)),
                    failed: client.offers.failed.saturating_add(1),
                }
            } else {
                Offers::default()
            };
        }
    }
}
