//! What does not work although it is configured, for operators: interfaces a protocol did not take, and interfaces on which it
//! cannot do its work.

use std::fmt;

use serde_json::Value;
use waypost_routprot::{TROUBLES, Topic};
use waypost_types::ProtocolId;

use crate::Manager;

/// One thing that does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The protocol's name.
    pub protocol: String,
    /// On which interface.
    pub interface: String,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            protocol,
            interface,
            reason,
        } = self;
        // Most reasons name the interface themselves.
        if reason.contains(interface.as_str()) {
            write!(f, "{protocol}: {reason}")
        } else {
            write!(f, "{protocol} on {interface}: {reason}")
        }
    }
}

impl Manager {
    /// Whether the configuration wants any protocol to run.
    #[must_use]
    pub fn has_protocols(&self) -> bool {
        self.configured().next().is_some()
    }

    /// What does not work now, by protocol, those that were refused first.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for (id, client) in self.clients.iter().filter(|(_, client)| client.is_running()) {
            let summary = client.lock().show(Topic::Summary).ok();
            troubles.extend(self.troubles_of(*id, summary.as_ref()));
        }
        troubles
    }

    /// Those of one protocol, which has this to say of itself.
    pub(crate) fn troubles_of(&self, id: ProtocolId, summary: Option<&Value>) -> Vec<Trouble> {
        let protocol = self.configuration.name_of(id);
        let refused = self
            .clients
            .get(&id)
            .into_iter()
            .flat_map(|client| &client.refused);
        let refused = refused.map(|(interface, refusal)| Trouble {
            protocol: protocol.clone(),
            interface: interface.clone(),
            reason: refusal.to_string(),
        });
        let stated = summary
            .and_then(|summary| summary.get(TROUBLES))
            .and_then(Value::as_array);
        let stated = stated.into_iter().flatten().filter_map(|row| {
            let text = |key: &str| Some(row.get(key)?.as_str()?.to_owned());
            Some(Trouble {
                protocol: protocol.clone(),
                interface: text("interface")?,
                reason: text("reason")?,
            })
        });
        refused.chain(stated).collect()
    }
}
