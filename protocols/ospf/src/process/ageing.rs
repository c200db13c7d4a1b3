//! LSAs grow old and go (RFC 2328 §14).

use std::time::Duration;

use waypost_engine::{Now, Outbox};

use super::{Domain, Ospf};
use crate::database::Slot;
use crate::lsa::MAX_AGE;

/// How many LSAs one call looks at; the deadline is still there for the rest.
const BATCH: usize = 4096;

impl Ospf {
    /// Looks at every LSA that is due: ours are refreshed, the rest is flushed.
    pub(super) fn age(&mut self, now: Now, out: &mut Outbox) {
        let mut left = BATCH;
        for domain in self.databases.domains() {
            while left > 0 {
                let Some(database) = self.databases.get_mut(domain) else {
                    break;
                };
                let Some(slot) = database.pop_due(now.time) else {
                    break;
                };
                left -= 1;
                self.look_at(now, domain, slot, out);
            }
        }
    }

    fn look_at(&mut self, now: Now, domain: Domain, slot: Slot, out: &mut Outbox) {
        let Some(database) = self.databases.get_mut(domain) else {
            return;
        };
        let Some((key, header)) = database.key(slot).zip(database.header(slot, now.time)) else {
            return;
        };
        if database.is_flushed(slot) {
            self.expire_if_free(domain, slot);
            return;
        }
        if header.is_max_age() {
            self.flush(now, domain, slot, out);
            return;
        }
        // Should the refresh have to wait, the end of its life is what comes next.
        let left = Duration::from_secs((MAX_AGE - header.age).into());
        database.set_due(slot, now.time + left);
        if self.router == Some(key.router) {
            self.refresh(now, domain, key, out);
        }
    }

    /// An LSA at MaxAge that no retransmission list holds is to be removed.
    pub(super) fn expire_if_free(&mut self, domain: Domain, slot: Slot) {
        let Some(database) = self.databases.get(domain) else {
            return;
        };
        if database.is_flushed(slot) && !database.is_held(slot) {
            self.expired.push((domain, slot));
        }
    }

    /// Removes LSAs at MaxAge that no list holds, unless an exchange is going on: the neighbour in it might still believe in
    /// them (RFC 2328 §14). Whether any was.
    pub(super) fn remove_expired(&mut self, now: Now, out: &mut Outbox) -> bool {
        if self.exchanging > 0 || self.expired.is_empty() {
            return false;
        }
        for (domain, slot) in std::mem::take(&mut self.expired) {
            let Some(database) = self.databases.get_mut(domain) else {
                continue;
            };
            let Some(key) = database.key(slot) else { continue };
            if !database.is_flushed(slot) || database.is_held(slot) {
                continue;
            }
            database.remove(slot);
            // One whose numbers were used up begins anew.
            self.realise(now, domain, key, out);
        }
        true
    }
}
