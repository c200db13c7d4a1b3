//! Answers for `show`, as JSON.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_routprot::{InfoBlock, Refusal, ReportArguments, Status, TROUBLES, Topic, read_info};
use waypost_types::ProtocolId;

use crate::Manager;
use crate::client::ClientState;

impl Manager {
    /// Every interface with what the protocols make of it.
    #[must_use]
    pub fn show_interfaces(&self) -> Value {
        let mut troubles: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for trouble in self.troubles() {
            let text = format!("{}: {}", trouble.protocol, trouble.reason);
            troubles.entry(trouble.interface).or_default().push(text);
        }
        let row = |interface: &crate::Interface| {
            let on = |(id, client): (&ProtocolId, &crate::client::Client)| {
                client
                    .interfaces
                    .contains_key(&interface.index)
                    .then(|| self.configuration.name_of(*id))
            };
            // A client that takes every interface is only worth naming where it is configured.
            let configured = |id: &ProtocolId| {
                self.tree()
                    .contains_key(&BlockKey::interface(&interface.name, *id))
            };
            let protocols: Vec<String> = self
                .clients
                .iter()
                .filter(|(id, _)| configured(id))
                .filter_map(on)
                .collect();
            let addresses = interface
                .addresses
                .iter()
                .map(|(address, length)| format!("{address}/{length}"));
            let addresses6 = interface
                .addresses6
                .iter()
                .map(|(address, length)| format!("{address}/{length}"));
            json!({
                "name": interface.name,
                "index": interface.index,
                "kind": interface.kind,
                "type": interface.connection,
                "state": state_of(interface.up, interface.carrier, self.usable(interface)),
                "enabled": crate::router::is_enabled(self.tree(), &interface.name),
                "up": interface.up,
                "carrier": interface.carrier,
                "mtu": interface.mtu,
                "speed": interface.speed,
                "mac": interface.mac,
                "addresses": addresses.chain(addresses6).collect::<Vec<_>>(),
                "protocols": protocols,
                "troubles": troubles.get(&interface.name).map_or(&[][..], Vec::as_slice),
            })
        };
        let mut rows: Vec<Value> = self.table.iter().map(row).collect();
        // Configured ones that do not exist yet are shown too: their configuration waits.
        let mut waiting: Vec<&str> = self.tree().keys().filter_map(interface_of).collect();
        waiting.dedup();
        rows.extend(waiting.into_iter().filter(|name| self.table.by_name(name).is_none()).map(|name| {
            json!({ "name": name, "state": "absent", "enabled": crate::router::is_enabled(self.tree(), name),
                "addresses": [], "protocols": [], "troubles": [] })
        }));
        Value::Array(rows)
    }

    /// Every installed or configured protocol and how it does.
    #[must_use]
    pub fn show_protocols(&self) -> Value {
        let mut ids: Vec<ProtocolId> = self.protocols.installed();
        ids.extend(self.configured());
        ids.sort_unstable();
        ids.dedup();
        let row = |id: ProtocolId| {
            let client = self.clients.get(&id);
            let title = self.configuration.codec(id).map(|codec| codec.title());
            let failure = self.failed.get(&id);
            let state = match (client.map(|client| &client.state), failure) {
                (Some(ClientState::Running), _) => "running",
                (Some(ClientState::Stopping(_)), _) => "stopping",
                (None, Some(_)) => "failed",
                (None, None) => "not configured",
            };
            let configured = client.map_or(0, |client| {
                let names = client
                    .interfaces
                    .values()
                    .map(|membership| membership.name.as_str());
                names
                    .filter(|name| self.tree().contains_key(&BlockKey::interface(*name, id)))
                    .count()
            });
            let refused: Vec<&Refusal> =
                client.map_or_else(Vec::new, |client| client.refused.values().collect());
            let mut summary = client
                .filter(|client| client.is_running())
                .and_then(|client| client.lock().show(Topic::Summary).ok());
            let troubles: Vec<Value> = self
                .troubles_of(id, summary.as_ref())
                .into_iter()
                .map(|trouble| json!({ "interface": trouble.interface, "reason": trouble.reason }))
                .collect();
            if let Some(summary) = summary.as_mut().and_then(Value::as_object_mut) {
                summary.remove(TROUBLES);
            }
            json!({
                "name": self.configuration.name_of(id),
                "id": id,
                "title": title,
                "state": state,
                "reason": failure.map(|failure| &failure.reason),
                "failures": failure.map_or_else(|| client.map_or(0, |client| client.failures), |failure| failure.count),
                "interfaces": configured,
                "refused": refused,
                "troubles": troubles,
                "preference": self.router.preference_of(id),
                "summary": summary,
            })
        };
        ids.into_iter().map(row).collect()
    }

    /// What every running protocol says about a topic: lists are joined, each row with its `protocol`.
    #[must_use]
    pub fn show_rows(&self, topic: Topic) -> Value {
        let mut rows = Vec::new();
        for (id, answer) in self.ask(topic) {
            let Value::Array(answer) = answer else { continue };
            rows.extend(answer.into_iter().map(|mut row| {
                if let Some(row) = row.as_object_mut() {
                    row.insert("protocol".to_owned(), self.configuration.name_of(id).into());
                }
                row
            }));
        }
        Value::Array(rows)
    }

    /// What every running protocol says about a topic, by protocol.
    #[must_use]
    pub fn show_by_protocol(&self, topic: Topic) -> Value {
        Value::Object(
            self.ask(topic)
                .map(|(id, answer)| (self.configuration.name_of(id), answer))
                .collect(),
        )
    }

    /// A report that a running protocol makes.
    pub fn report(&self, protocol: &str, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        let id = self.configuration.protocol_named(protocol, &[])?;
        let client = self.clients.get(&id).filter(|client| client.is_running());
        let client = client.ok_or_else(|| {
            let reason = format!("{} is not running", self.configuration.name_of(id));
            Refusal::new(Status::ERROR_UNKNOWN_PROTOCOL_ID, reason)
        })?;
        client.lock().report(name, arguments)
    }

    fn ask(&self, topic: Topic) -> impl Iterator<Item = (ProtocolId, Value)> + '_ {
        let running = self.clients.iter().filter(|(_, client)| client.is_running());
        running.filter_map(move |(id, client)| Some((*id, client.lock().show(topic).ok()?)))
    }

    /// The configuration that the running protocols say they have in force, where they have any, in the place of what is
    /// stored. The two differ only if a protocol does something else than it said.
    pub fn tree_of_protocols(&self) -> Result<Tree, Refusal> {
        let mut tree = self.tree().clone();
        for (id, client) in self.clients.iter().filter(|(_, client)| client.is_running()) {
            let mut protocol = client.lock();
            let global = read_info(|buffer| protocol.global_info(buffer))?;
            put(&mut tree, BlockKey::protocol(*id), global);
            for (index, membership) in &client.interfaces {
                let block = read_info(|buffer| protocol.interface_info(*index, buffer))?;
                put(&mut tree, BlockKey::interface(&membership.name, *id), block);
            }
        }
        Ok(tree)
    }

    /// The configuration in force as a text tree.
    pub fn show_configuration(&self) -> Result<Value, Refusal> {
        self.configuration.text_of(self.tree())
    }
}

/// What a protocol returned; nothing where it has nothing.
fn put(tree: &mut Tree, key: BlockKey, block: InfoBlock) {
    if block.is_absent() {
        tree.remove(&key);
    } else {
        tree.insert(key, block);
    }
}

fn interface_of(key: &BlockKey) -> Option<&str> {
    match &key.scope {
        BlockScope::Interface(name) => Some(name),
        _ => None,
    }
}

const fn state_of(up: bool, carrier: bool, usable: bool) -> &'static str {
    match (up, carrier, usable) {
        (false, ..) => "down",
        (true, _, false) => "disabled",
        (true, false, true) => "no carrier",
        (true, true, true) => "up",
    }
}
