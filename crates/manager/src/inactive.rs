//! Routes that are configured and not in the routing table, because nothing can be reached by them now.

use serde_json::Value;
use waypost_routprot::Topic;
use waypost_types::{Prefix, ProtocolId};

use crate::Manager;

/// A configured route that is not in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InactiveRoute {
    /// Whose it is.
    pub owner: ProtocolId,
    /// Its destination.
    pub prefix: Prefix,
    /// Its rank, if it has one of its own.
    pub preference: Option<u8>,
    /// Its metric.
    pub metric: u32,
    /// Its next hops as they are configured.
    pub via: Vec<String>,
    /// Why it is not in use.
    pub reason: String,
}

impl Manager {
    /// The static routes that are not in use, in the order of their destinations.
    #[must_use]
    pub fn inactive_routes(&self) -> Vec<InactiveRoute> {
        let owner = ProtocolId::STATIC;
        let client = self.clients.get(&owner).filter(|client| client.is_running());
        let rows = client.and_then(|client| client.lock().show(Topic::Database).ok());
        let rows = rows.as_ref().and_then(Value::as_array).into_iter().flatten();
        let mut routes: Vec<InactiveRoute> = rows.filter_map(|row| inactive(owner, row)).collect();
        routes.sort_by_key(|route| route.prefix);
        routes
    }
}

/// A row of a protocol's database, if it is of a route that is not in use.
fn inactive(owner: ProtocolId, row: &Value) -> Option<InactiveRoute> {
    if row.get("state")?.as_str()? != "inactive" {
        return None;
    }
    let number = |key: &str| row.get(key).and_then(Value::as_u64);
    let hops = row
        .get("next-hops")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let via = hops.filter_map(|hop| hop.get("via")?.as_str().map(str::to_owned));
    Some(InactiveRoute {
        owner,
        prefix: row.get("prefix")?.as_str()?.parse().ok()?,
        preference: number("preference").and_then(|number| u8::try_from(number).ok()),
        metric: number("metric")
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(0),
        via: via.collect(),
        reason: row
            .get("reason")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}
