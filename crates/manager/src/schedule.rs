//! Changes that are to be made at a time: both ends of a link can change a timer in the same second.
//!
//! They are kept among the manager's own private octets, so that a restart does not lose them. What is due is applied like any
//! other change; one that is refused then stays to be seen until somebody takes it away.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_routprot::{Refusal, Status};
use waypost_types::{ProtocolId, Time, WallTime};

use crate::edit::Edit;
use crate::transaction::Author;
use crate::trial::{Terms, check_window};
use crate::{Manager, Plan};

/// Before the identifier, in the keys they are kept under.
const KEY: &str = "scheduled/";
/// As many may wait.
const MOST: usize = 64;
/// How far ahead: a year.
const HORIZON: u64 = 366 * 86_400;
/// What was due longer ago, because the router did not run, is not made any more.
const LATE: u64 = 600;
/// The clock on the wall may be set: it is looked at again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often it is looked at in the last second, because it is only told in whole seconds.
const LAST_SECOND: Duration = Duration::from_millis(20);

/// A change that waits for its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Order {
    at: u64,
    author: String,
    note: String,
    edits: Vec<Edit>,
    #[serde(default)]
    confirm_within: Option<u64>,
    /// Why it was refused when it was due.
    #[serde(default)]
    refusals: Vec<Refusal>,
}

/// A change that waits for its time, or was refused when it had come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Scheduled {
    /// Its number.
    pub id: u64,
    /// When it is made, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Who ordered it.
    pub author: String,
    /// Why; may be empty.
    pub note: String,
    /// The trial it will be on, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within: Option<u64>,
    /// Why it was refused when its time had come; empty while it waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<Refusal>,
}

/// What waits, and when the clock is looked at next.
#[derive(Default)]
pub(crate) struct Schedule {
    orders: std::collections::BTreeMap<u64, Order>,
    last: u64,
    look: Option<Time>,
}

impl Schedule {
    /// Of those that wait, the one that is due first.
    fn next(&self) -> Option<(u64, &Order)> {
        let waiting = self.orders.iter().filter(|(_, order)| order.refusals.is_empty());
        waiting
            .map(|(id, order)| (*id, order))
            .min_by_key(|(id, order)| (order.at, *id))
    }

    fn look_at(&mut self, now: Time, wall: WallTime) {
        self.look = self.next().map(|(_, order)| {
            let left = order.at.saturating_sub(wall.0);
            now + match left {
                0 => Duration::ZERO,
                1 => LAST_SECOND,
                left => Duration::from_secs(left - 1).min(LOOK_AGAIN),
            }
        });
    }

    pub(crate) const fn deadline(&self) -> Option<Time> {
        self.look
    }
}

fn shown(id: u64, order: &Order) -> Scheduled {
    Scheduled {
        id,
        at: order.at,
        author: order.author.clone(),
        note: order.note.clone(),
        confirm_within: order.confirm_within,
        refusals: order.refusals.clone(),
    }
}

impl Manager {
    /// Has edits made at a time, in seconds since 1970-01-01 UTC. Durable when this returns. The plan is what they would do now.
    ///
    /// # Errors
    /// What is wrong with the edits now, a time that is over or more than a year ahead, more than 64 that wait, terms that
    /// speak of a revision, edits that are blocks or containers, and what the store says.
    pub fn schedule(
        &mut self,
        now: Time,
        wall: WallTime,
        at: u64,
        edits: Vec<Edit>,
        author: &Author,
        terms: &Terms,
    ) -> Result<(Scheduled, Plan), Vec<Refusal>> {
        let refused = |refusal: Refusal| Err(vec![refusal]);
        if at <= wall.0 || at - wall.0 > HORIZON {
            return refused(
                Refusal::invalid("a change can not be made at that time")
                    .at("at")
                    .with_value(at)
                    .with_allowed(format!("{}..={}", wall.0 + 1, wall.0 + HORIZON)),
            );
        }
        if terms.seen.is_some() {
            return refused(Refusal::invalid(
                "a change that waits for its time can not depend on a revision",
            ));
        }
        if self.scheduled.orders.len() >= MOST {
            return refused(
                Refusal::new(
                    Status::ERROR_NO_SYSTEM_RESOURCES,
                    "too many changes wait for their time",
                )
                .with_value(self.scheduled.orders.len())
                .with_allowed(format!("up to {MOST}")),
            );
        }
        let plan = self.plan(&edits)?;
        // Refuses a window that no trial may have.
        terms.confirm_within.map_or(Ok(()), check_window)?;
        let order = Order {
            at,
            author: author.name.clone(),
            note: author.note.clone(),
            edits,
            confirm_within: terms.confirm_within.map(|window| window.as_secs()),
            refusals: Vec::new(),
        };
        let id = self.scheduled.last + 1;
        self.keep_order(id, &order).map_err(|refusal| vec![refusal])?;
        let scheduled = shown(id, &order);
        self.scheduled.last = id;
        self.scheduled.orders.insert(id, order);
        self.scheduled.look_at(now, wall);
        Ok((scheduled, plan))
    }

    /// What waits for its time, and what was refused when it had come, in order of time.
    #[must_use]
    pub fn scheduled(&self) -> Vec<Scheduled> {
        let orders = self.scheduled.orders.iter();
        let mut rows: Vec<Scheduled> = orders.map(|(id, order)| shown(*id, order)).collect();
        rows.sort_by_key(|row| (row.at, row.id));
        rows
    }

    /// Takes away what waits, or what was refused.
    ///
    /// # Errors
    /// ERROR_NOT_FOUND, and what the store says.
    pub fn cancel(&mut self, now: Time, wall: WallTime, id: u64) -> Result<Scheduled, Refusal> {
        let Some(order) = self.scheduled.orders.get(&id) else {
            return Err(Refusal::new(
                Status::ERROR_NOT_FOUND,
                "no change with this number waits for its time",
            )
            .with_value(id));
        };
        let row = shown(id, order);
        self.persist(ProtocolId::ROUTER_MANAGER, &key(id), Vec::new())?;
        self.scheduled.orders.remove(&id);
        self.scheduled.look_at(now, wall);
        Ok(row)
    }

    fn keep_order(&mut self, id: u64, order: &Order) -> Result<(), Refusal> {
        let octets = serde_json::to_vec(order).map_err(|_| {
            Refusal::new(
                Status::ERROR_NOT_SUPPORTED,
                "blocks and containers are set at once: only what is written as text can wait for its time",
            )
        })?;
        self.persist(ProtocolId::ROUTER_MANAGER, &key(id), octets)
    }

    /// What was ordered before the router stopped.
    pub(crate) fn read_schedule(&mut self, now: Time, wall: WallTime) {
        let stored = match self.store.private_get_all(ProtocolId::ROUTER_MANAGER) {
            Ok(stored) => stored,
            Err(error) => {
                return self.log.push(format!(
                    "changes that wait for their time can not be read: {error}"
                ));
            }
        };
        for (key, octets) in stored {
            let number = std::str::from_utf8(&key)
                .ok()
                .and_then(|key| key.strip_prefix(KEY));
            let Some(id) = number.and_then(|number| number.parse().ok()) else {
                continue;
            };
            match serde_json::from_slice::<Order>(&octets) {
                Ok(order) => drop(self.scheduled.orders.insert(id, order)),
                Err(error) => self.log.push(format!(
                    "change {id} that waits for its time can not be read: {error}"
                )),
            }
            self.scheduled.last = self.scheduled.last.max(id);
        }
        self.scheduled.look_at(now, wall);
    }

    /// Makes what is due.
    pub(crate) fn tick_schedule(&mut self, now: Time, wall: WallTime) {
        if self.scheduled.look.is_none_or(|look| look > now) {
            return;
        }
        while let Some((id, order)) = self.scheduled.next().filter(|(_, order)| order.at <= wall.0) {
            let mut order = order.clone();
            let made = if wall.0 - order.at > LATE {
                Err(vec![Refusal::failed(
                    "the router did not run when its time had come",
                )])
            } else {
                self.due(now, wall, id, &order)
            };
            let kept = match made {
                Ok(()) => {
                    self.scheduled.orders.remove(&id);
                    // Should the machine die here, it is made once more, which mostly changes nothing.
                    self.persist(ProtocolId::ROUTER_MANAGER, &key(id), Vec::new())
                }
                Err(refusals) => {
                    for refusal in &refusals {
                        self.log
                            .push(format!("change {id} was due and is refused: {refusal}"));
                    }
                    order.refusals = refusals;
                    let kept = self.keep_order(id, &order);
                    self.scheduled.orders.insert(id, order);
                    kept
                }
            };
            if let Err(refusal) = kept {
                self.log.push(format!(
                    "what became of change {id} could not be stored: {refusal}"
                ));
            }
        }
        self.scheduled.look_at(now, wall);
    }

    fn due(&mut self, now: Time, wall: WallTime, id: u64, order: &Order) -> Result<(), Vec<Refusal>> {
        let author = Author {
            name: order.author.clone(),
            note: match order.note.as_str() {
                "" => format!("scheduled as {id}"),
                note => note.to_owned(),
            },
        };
        let terms = Terms {
            confirm_within: order.confirm_within.map(Duration::from_secs),
            seen: None,
        };
        self.apply_on(now, wall, &order.edits, &author, &terms).map(drop)
    }
}

fn key(id: u64) -> String {
    format!("{KEY}{id}")
}
