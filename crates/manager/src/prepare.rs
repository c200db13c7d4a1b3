//! The first half of a transaction: everyone concerned is asked, the impact is stated, nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_routprot::router_blocks::{Block, BlockType, InterfaceStatusInfo, decode_interface_routes};
use waypost_routprot::{Impact, InfoBlock, OptionChange, Prepared, Refusal, Scope, Status, option_changes};
use waypost_types::{ProtocolId, RouterId};

use crate::Manager;
use crate::client::{ClientState, cannot_tell};
use crate::configuration::BlockChange;
use crate::policy::{InForce, POLICY};
use crate::router::{INTERFACE_STATUS, RouterConfig, says_enabled};
use crate::transaction::{Plan, changed, owned};

/// Why a protocol is told of an interface that it was not on.
const JOINS: &str = "the protocol joins the interface";

/// What is known of a transaction before anything is changed.
pub(crate) struct Preparation {
    pub(crate) plan: Plan,
    /// The protocols that do not say beforehand whether they take their changes.
    pub(crate) unsure: BTreeSet<ProtocolId>,
    /// The policies afterwards, if they are others.
    pub(crate) policy: Option<InForce>,
}

impl Manager {
    /// Asks everyone concerned; every objection is reported.
    pub(crate) fn prepare(&mut self, changes: &[BlockChange]) -> Result<Preparation, Vec<Refusal>> {
        let mut plan = Plan::default();
        let mut unsure = BTreeSet::new();
        let mut refusals = Vec::new();
        let mut candidate_router = false;
        for (key, block) in changes {
            let prepared = match &key.scope {
                BlockScope::Router => {
                    candidate_router |= key.kind != POLICY;
                    continue;
                }
                BlockScope::Protocol => self.prepare_protocol(key, block.as_ref()),
                BlockScope::Interface(name) => self.prepare_interface(key, name, block.as_ref()),
            };
            match prepared {
                Ok(prepared) => {
                    if prepared.iter().any(|change| change.impact == Impact::Unknown) {
                        unsure.insert(key.kind);
                    }
                    plan.changes.extend(prepared);
                }
                Err(refusal) => refusals.push(refusal),
            }
        }
        if candidate_router {
            match self.prepare_router(changes) {
                Ok(prepared) => plan.changes.extend(prepared),
                Err(refused) => refusals.extend(refused),
            }
        }
        let policy = match self.prepare_policies(changes) {
            Ok((prepared, policy)) => {
                plan.changes.extend(prepared);
                policy
            }
            Err(refused) => {
                refusals.extend(refused);
                None
            }
        };
        if !refusals.is_empty() {
            return Err(refusals);
        }
        plan.changes.sort_by(|a, b| a.path.cmp(&b.path));
        plan.notes = self.notes(changes);
        Ok(Preparation { plan, unsure, policy })
    }

    fn prepare_router(&self, changes: &[BlockChange]) -> Result<Vec<OptionChange>, Vec<Refusal>> {
        let text = |tree: &Tree| serde_json::to_value(RouterConfig::from_tree(tree)).unwrap_or_default();
        let router = |key: &BlockKey| key.scope == BlockScope::Router;
        let mut candidate: Tree = self
            .tree()
            .iter()
            .take_while(|(key, _)| router(key))
            .map(owned)
            .collect();
        // What is in force may be unreadable; that must not keep anyone from putting it right.
        let old = text(&candidate);
        let mut refusals = Vec::new();
        for (key, block) in changes.iter().filter(|(key, _)| router(key)) {
            match block {
                Some(block) => {
                    refusals.extend(RouterConfig::check(key.kind, block).err());
                    candidate.insert(key.clone(), block.clone());
                }
                None => drop(candidate.remove(key)),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let id = self.prepare_router_id(RouterConfig::from_tree(&candidate).id);
        let mut prepared = stated("router", &old, &text(&candidate), |option| {
            match option.split('.').next() {
                Some("preferences") => (Impact::Live, "routes are ranked again; nothing is withdrawn"),
                Some("id") => (id.0.clone(), &id.1),
                Some("route-limits") => (
                    Impact::Live,
                    "no route is removed; new ones are refused while there are as many",
                ),
                Some("memory-budget") => (
                    Impact::Live,
                    "no route is removed; new ones are refused while the table holds more",
                ),
                Some("hold-down") => (Impact::Live, "it applies to routes that go from now on"),
                Some("blocks") => (Impact::Live, "stored; the router does not read it"),
                _ => (Impact::Live, "only a note"),
            }
        });
        if prepared.is_empty() {
            prepared = vec![OptionChange {
                path: "router".to_owned(),
                old: Some(old.clone()),
                new: Some(old),
                impact: Impact::Live,
                reason: "the same options in another form".to_owned(),
            }];
        }
        Ok(prepared)
    }

    /// What configuring this router identifier does: the worst that a running client says, with the reasons of all.
    fn prepare_router_id(&self, configured: Option<RouterId>) -> (Impact, String) {
        let id = self.router_id_with(configured);
        if id == self.router_id() {
            return (Impact::Live, "the identifier in force stays the same".to_owned());
        }
        let running = self.clients.iter().filter(|(_, client)| client.is_running());
        let said = running.filter_map(|(protocol, client)| {
            let (impact, reason) = client.lock().prepare_router_id(id)?;
            Some((
                impact,
                format!("{}: {reason}", self.configuration.name_of(*protocol)),
            ))
        });
        let (impacts, reasons): (Vec<Impact>, Vec<String>) = said.unzip();
        match impacts.into_iter().max() {
            Some(worst) => (worst, reasons.join("; ")),
            None => (Impact::Live, "no running protocol uses it".to_owned()),
        }
    }

    /// What can be said of a block that no running client judges: its form, and its contents if there is a codec.
    fn check_stored(&self, key: &BlockKey, block: &InfoBlock) -> Result<(), Refusal> {
        let (scope, on_interface) = match key.scope {
            BlockScope::Interface(_) => (Scope::Interface, true),
            _ => (Scope::Global, false),
        };
        let routers_own = BlockType(key.kind.0).protocol().is_none();
        let checked = match self.configuration.codec(key.kind) {
            Some(codec) => match codec.to_text(scope, block) {
                // A module may take more than it describes.
                Err(refusal) if cannot_tell(&refusal) => block.payload().map(drop),
                text => text.map(drop),
            },
            None if on_interface && key.kind == INTERFACE_STATUS => {
                block.payload().and_then(InterfaceStatusInfo::decode).map(drop)
            }
            None if on_interface && key.kind == ProtocolId::AUTOSTATIC => {
                block.payload().and_then(decode_interface_routes).map(drop)
            }
            // Published blocks may be so many rows.
            None if routers_own => Block::from_info(BlockType(key.kind.0), block).map(drop),
            None => block.payload().map(drop),
        };
        checked.map_err(|refusal| refusal.under(&self.configuration.path_of(key)))
    }

    fn prepare_protocol(
        &self,
        key: &BlockKey,
        block: Option<&InfoBlock>,
    ) -> Result<Vec<OptionChange>, Refusal> {
        let id = key.kind;
        let path = self.configuration.protocol_path(id);
        let client = self.clients.get(&id);
        if let (Some(client), Some(block)) = (client.filter(|client| client.is_running()), block) {
            let prepared = client.lock().prepare_global_info(block);
            return self.answered(key, Some(block), &path, prepared);
        }
        let installed = client.is_some() || block.is_none() || self.protocols.installed().contains(&id);
        if let (true, Some(block)) = (installed, block) {
            self.check_stored(key, block)?;
        }
        match (client.map(|client| &client.state), block) {
            (Some(ClientState::Stopping(_)), Some(_)) => self.whole(
                key,
                block,
                Impact::Live,
                "the protocol starts again as soon as it has stopped",
            ),
            (_, Some(_)) if !installed => Err(Refusal::new(
                Status::ERROR_UNKNOWN_PROTOCOL_ID,
                "no such protocol is installed",
            )
            .at(&path)),
            (_, Some(_)) => self.whole(key, block, Impact::Live, "the protocol starts"),
            (_, None) if client.is_some() || self.failed.contains_key(&id) => self.whole(
                key,
                block,
                Impact::StopsProtocol,
                "its neighbours are told and its routes are removed",
            ),
            (_, None) => self.whole(key, block, Impact::Live, "the protocol is not running"),
        }
    }

    fn prepare_interface(
        &self,
        key: &BlockKey,
        name: &str,
        block: Option<&InfoBlock>,
    ) -> Result<Vec<OptionChange>, Refusal> {
        let id = key.kind;
        let client = self.clients.get(&id).filter(|client| client.is_running());
        if let (None, Some(block)) = (client, block) {
            self.check_stored(key, block)?;
        }
        if id == INTERFACE_STATUS {
            return if block.is_some_and(|block| !says_enabled(block)) {
                self.whole(
                    key,
                    block,
                    Impact::LeavesInterface,
                    "every protocol leaves the interface",
                )
            } else {
                self.whole(key, block, Impact::Live, "protocols may use the interface")
            };
        }
        if id == ProtocolId::AUTOSTATIC {
            return self.whole(
                key,
                block,
                Impact::Live,
                "the routes of the last update are replaced",
            );
        }
        let path = self.configuration.interface_path(name, id);
        let Some(client) = client else {
            let reason = match BlockType(id.0).protocol() {
                Some(_) => "stored; the protocol is not running",
                None => "stored; the router does not read it",
            };
            return self.whole(key, block, Impact::Live, reason);
        };
        let index = self.table.by_name(name).map(|interface| interface.index);
        let added = index.filter(|index| client.interfaces.contains_key(index));
        match (block, added) {
            (Some(block), _) => {
                let prepared = client.lock().prepare_interface_info(added, block);
                let mut changes = self.answered(key, Some(block), &path, prepared)?;
                let instead = match (index, added) {
                    (None, _) => Some("stored until an interface of this name appears"),
                    (Some(_), None) => Some(JOINS),
                    (Some(_), Some(_)) => None,
                };
                if let Some(reason) = instead {
                    for change in &mut changes {
                        reason.clone_into(&mut change.reason);
                    }
                }
                Ok(changes)
            }
            (None, Some(_)) => self.whole(
                key,
                None,
                Impact::LeavesInterface,
                "its neighbours there are told and routes heard there are removed",
            ),
            (None, None) => self.whole(key, None, Impact::Live, "the protocol is not on the interface"),
        }
    }

    /// A client's own statement, or, when it cannot tell, one about the whole block.
    fn answered(
        &self,
        key: &BlockKey,
        block: Option<&InfoBlock>,
        path: &str,
        prepared: Result<Prepared, Refusal>,
    ) -> Result<Vec<OptionChange>, Refusal> {
        match prepared {
            // A table that comes without an option in it, or the same options in another layout.
            Ok(prepared) if prepared.changes.is_empty() => {
                let reason = match (&key.scope, self.tree().contains_key(key)) {
                    (_, true) => "the same options in another form",
                    (BlockScope::Interface(_), false) => JOINS,
                    (_, false) => "the protocol runs with its defaults",
                };
                self.whole(key, block, Impact::Live, reason)
            }
            Ok(prepared) => Ok(prepared
                .changes
                .into_iter()
                .map(|change| OptionChange {
                    path: format!("{path}.{}", change.path),
                    ..change
                })
                .collect()),
            Err(refusal) if cannot_tell(&refusal) => {
                if let Some(block) = block {
                    self.check_stored(key, block)?;
                }
                self.whole(
                    key,
                    block,
                    Impact::Unknown,
                    "the protocol does not say what it does",
                )
            }
            Err(refusal) => Err(refusal.under(path)),
        }
    }

    /// The same impact for every option in which a block differs from the one in force.
    fn whole(
        &self,
        key: &BlockKey,
        block: Option<&InfoBlock>,
        impact: Impact,
        reason: &str,
    ) -> Result<Vec<OptionChange>, Refusal> {
        let text = |block| self.configuration.block_text(key, block).unwrap_or_default();
        let (path, new) = text(block);
        let (_, old) = text(self.tree().get(key));
        let mut changes = stated(&path, &old, &new, |_| (impact.clone(), reason));
        if changes.is_empty() {
            // A table that comes or goes without an option in it.
            let present = |value: Value| (!value.is_null()).then_some(value);
            changes.push(OptionChange {
                path,
                old: present(old),
                new: present(new),
                impact,
                reason: reason.to_owned(),
            });
        }
        Ok(changes)
    }

    /// What an operator would want to be told beside the changes.
    fn notes(&self, changes: &[BlockChange]) -> Vec<String> {
        let idle = |id: ProtocolId| {
            let key = BlockKey::protocol(id);
            let stored = || self.tree().contains_key(&key);
            self.configuration.codec(id).is_some()
                && !changed(changes, &key).map_or_else(stored, Option::is_some)
        };
        // The first interface of each protocol, and how many more there are.
        let mut waiting: BTreeMap<ProtocolId, (&str, usize)> = BTreeMap::new();
        for (key, block) in changes {
            if let (BlockScope::Interface(name), Some(_)) = (&key.scope, block) {
                waiting.entry(key.kind).or_insert((name, 0)).1 += 1;
            }
        }
        waiting.retain(|id, _| idle(*id));
        let note = |(id, (name, count)): (ProtocolId, (&str, usize))| {
            let more = match count {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            format!(
                "{}{more} does nothing until {} is enabled: set {}={{}}",
                self.configuration.interface_path(name, id),
                self.configuration.name_of(id),
                self.configuration.protocol_path(id)
            )
        };
        waiting.into_iter().map(note).collect()
    }
}

/// The differences of two text trees at `path`, with what each does.
pub(crate) fn stated<'r>(
    path: &str,
    old: &Value,
    new: &Value,
    impact: impl Fn(&str) -> (Impact, &'r str),
) -> Vec<OptionChange> {
    option_changes(old, new)
        .into_iter()
        .map(|(option, old, new)| {
            let (impact, reason) = impact(&option);
            let path = if option.is_empty() {
                path.to_owned()
            } else {
                format!("{path}.{option}")
            };
            OptionChange {
                path,
                old,
                new,
                impact,
                reason: reason.to_owned(),
            }
        })
        .collect()
}
