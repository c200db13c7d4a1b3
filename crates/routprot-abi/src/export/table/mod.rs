//! The routing table for protocols in modules (rtmv2.h), in the words of Rust.
//!
//! A shared object in Rust is linked to none of the C library: `export_protocol!` exports `WaypostTakeRtm`, by which the host
//! hands the object its functions before it registers anything (`include/waypost/waypost.h`).

mod host;
mod news;
mod routes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use waypost_routprot::Status;
use waypost_rtm::Family;
use waypost_types::{Prefix, ProtocolId, RouteBatch, RouteChange};

use host::Host;
use news::News;
use routes::Routes;

pub use crate::rtm::Functions;
pub use host::take;
pub use news::Sink;

/// What a protocol has in the host's routing table: an entity of its number for each family, its routes, and news of the routes
/// of others. All of it ends when this is closed or dropped.
///
/// The interface has no place for tags, weights of next hops, `onlink` and routes that tell the sender why a packet is dropped:
/// those become blackholes, and the others are left out.
pub struct Table {
    protocol: ProtocolId,
    news: Mutex<Option<News>>,
    /// For IPv4 and for IPv6.
    routes: Mutex<Vec<(Family, Routes)>>,
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the routes of {}", self.protocol)
    }
}

/// A change of a route that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The destination.
    pub prefix: Prefix,
    /// Why.
    pub status: Status,
}

impl Table {
    /// Registers the entities of a protocol.
    ///
    /// # Errors
    /// ERROR_NOT_SUPPORTED when the host has no routing table for this object; ERROR_INVALID_PARAMETER when the protocol is
    /// not the one that it is installed as; ERROR_NO_SYSTEM_RESOURCES.
    pub fn open(protocol: ProtocolId) -> Result<Self, Status> {
        Self::with(Host::installed()?, protocol)
    }

    fn with(host: Host, protocol: ProtocolId) -> Result<Self, Status> {
        let mut table = Self {
            protocol,
            news: Mutex::default(),
            routes: Mutex::default(),
        };
        let routes = table.routes.get_mut().unwrap_or_else(PoisonError::into_inner);
        for family in [Family::V4, Family::V6] {
            // What is registered already ends with the table when the second one is refused.
            let entity = host.register(family, protocol, news::event)?;
            routes.push((family, Routes::new(host, entity, family)));
        }
        let entities = routes.iter().map(|(_, routes)| routes.entity()).collect();
        let news = News::new(host, entities).map_err(|_| Status::ERROR_NO_SYSTEM_RESOURCES)?;
        table.news = Mutex::new(Some(news));
        Ok(table)
    }

    /// Changes routes of the protocol, in order. What is refused is left out, and told: the others are made all the same.
    pub fn apply(&self, batch: &RouteBatch) -> Vec<Refused> {
        let mut tables = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut refused = Vec::new();
        for change in batch {
            let (RouteChange::Set { prefix, .. } | RouteChange::Delete { prefix, .. }) = change;
            let of_family = tables
                .iter_mut()
                .find(|(family, _)| *family == Family::of(*prefix));
            let applied = of_family.map_or(Err(Status::ERROR_NOT_SUPPORTED), |(_, routes)| {
                routes.apply(change)
            });
            if let Err(status) = applied {
                refused.push(Refused {
                    prefix: *prefix,
                    status,
                });
            }
        }
        refused
    }

    /// From now on tells `sink` of the best routes of `owners`, starting with what there is, in the place of what was told
    /// before. The protocol's own routes are never told. `sink` runs on a thread of the table's.
    pub fn interest(&self, owners: Vec<ProtocolId>, sink: Sink) {
        let others = owners.into_iter().filter(|owner| *owner != self.protocol);
        if let Some(news) = &*self.news.lock().unwrap_or_else(PoisonError::into_inner) {
            news.interest(others.collect(), sink);
        }
    }

    /// Ends the entities with their routes, and the news: when it returns, `sink` is not running and will not be called again, so
    /// `sink` must not call this. Whatever is changed from now on is refused.
    pub fn close(&self) {
        // Out of the lock: whoever is told meanwhile may ask for something else.
        let news = self.news.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(news);
        let mut tables = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, routes) in tables.drain(..) {
            if let Err(status) = routes.end() {
                // A host that is gone, or has ended the entity itself.
                tracing::debug!(protocol = %self.protocol, %status, "the routes were ended by the host");
            }
        }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.close();
    }
}
