//! Transactions: any number of changes over any number of protocols and interfaces, all or nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_routprot::{
    Impact, InfoBlock, InterfaceStatus, OptionChange, Prepared, Refusal, Status, option_changes,
};
use waypost_types::{InterfaceIndex, ProtocolId, Time, WallTime};

use crate::Manager;
use crate::client::{ClientState, cannot_tell, interface_path, protocol_path};
use crate::configuration::{BlockChange, Edit};
use crate::router::{INTERFACE_STATUS, RouterConfig, is_enabled, says_enabled};

/// Who changes configuration, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// The name of the user or program.
    pub name: String,
    /// A note for the history.
    pub note: String,
}

/// One option that a transaction touches, with its whole path.
pub type PlannedChange = OptionChange;

/// What a transaction would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Every option it touches, in path order.
    pub changes: Vec<PlannedChange>,
    /// What an operator should know beside.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A transaction that was applied and is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Applied {
    /// The revision it made; the one in force before when it changed nothing.
    pub revision: Option<u64>,
    /// What it did.
    #[serde(flatten)]
    pub plan: Plan,
}

/// How to take back what was done to a client.
enum Undo {
    Global(ProtocolId, InfoBlock),
    Interface(ProtocolId, InterfaceIndex, InfoBlock),
    Added(ProtocolId, InterfaceIndex),
    Started(ProtocolId),
}

impl Manager {
    /// Says what the edits would do. Changes nothing.
    pub fn plan(&mut self, edits: &[Edit]) -> Result<Plan, Vec<Refusal>> {
        let changes = self.configuration.changes(&self.tree, edits)?;
        self.prepare(&changes)
    }

    /// Applies the edits, all or nothing. When this returns `Ok`, they are in force and durable.
    pub fn apply(
        &mut self,
        now: Time,
        wall: WallTime,
        edits: &[Edit],
        author: &Author,
    ) -> Result<Applied, Vec<Refusal>> {
        let changes = self.configuration.changes(&self.tree, edits)?;
        self.transact(now, wall, &changes, author, None)
    }

    /// Makes an earlier revision the configuration in force, as a new revision.
    pub fn rollback(
        &mut self,
        now: Time,
        wall: WallTime,
        to: u64,
        author: &Author,
    ) -> Result<Applied, Vec<Refusal>> {
        let target = self
            .store
            .revision(to)
            .map_err(|error| vec![Refusal::from(error)])?;
        let changes = self
            .configuration
            .changes(&self.tree, &[Edit::ReplaceBlocks(target)])?;
        self.transact(now, wall, &changes, author, Some(to))
    }

    /// What a rollback would do.
    pub fn plan_rollback(&mut self, to: u64) -> Result<Plan, Vec<Refusal>> {
        let target = self
            .store
            .revision(to)
            .map_err(|error| vec![Refusal::from(error)])?;
        self.plan(&[Edit::ReplaceBlocks(target)])
    }

    fn transact(
        &mut self,
        now: Time,
        wall: WallTime,
        changes: &[BlockChange],
        author: &Author,
        rollback_of: Option<u64>,
    ) -> Result<Applied, Vec<Refusal>> {
        let plan = self.prepare(changes)?;
        if changes.is_empty() {
            let revision = self.store.head().map(|head| head.number);
            return Ok(Applied { revision, plan });
        }
        let number = self
            .begin(wall, author, rollback_of, changes)
            .map_err(|error| vec![Refusal::from(error)])?;
        let mut done = Vec::new();
        let set = self.set_clients(now, changes, &mut done);
        let confirmed = set.and_then(|()| self.store.confirm(number).map_err(Refusal::from));
        if let Err(refusal) = confirmed {
            self.undo(now, done);
            if let Err(error) = self.store.abandon(number) {
                self.log
                    .push(format!("revision {number} could not be dropped: {error}"));
            }
            return Err(vec![refusal]);
        }
        let replaced = |(key, _): &BlockChange| Some(owned(self.tree.get_key_value(key)?));
        let before: Tree = changes.iter().filter_map(replaced).collect();
        self.take_over(changes);
        self.finish(now, changes, &before);
        Ok(Applied {
            revision: Some(number),
            plan,
        })
    }

    /// Asks everyone concerned; every objection is reported.
    fn prepare(&mut self, changes: &[BlockChange]) -> Result<Plan, Vec<Refusal>> {
        let mut plan = Plan::default();
        let mut refusals = Vec::new();
        let mut candidate_router = false;
        for (key, block) in changes {
            let prepared = match &key.scope {
                BlockScope::Router => {
                    candidate_router = true;
                    continue;
                }
                BlockScope::Protocol => self.prepare_protocol(key, block.as_ref()),
                BlockScope::Interface(name) => self.prepare_interface(key, name, block.as_ref()),
            };
            match prepared {
                Ok(prepared) => plan.changes.extend(prepared),
                Err(refusal) => refusals.push(refusal),
            }
        }
        if candidate_router {
            match self.prepare_router(changes) {
                Ok(prepared) => plan.changes.extend(prepared),
                Err(refusal) => refusals.push(refusal.under("router")),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        plan.changes.sort_by(|a, b| a.path.cmp(&b.path));
        plan.notes = self.notes(changes);
        Ok(plan)
    }

    fn prepare_router(&self, changes: &[BlockChange]) -> Result<Vec<OptionChange>, Refusal> {
        let router =
            |tree: &Tree| RouterConfig::from_tree(tree).map(|c| serde_json::to_value(c).unwrap_or_default());
        let mut candidate: Tree = self
            .tree
            .iter()
            .filter(|(key, _)| key.scope == BlockScope::Router)
            .map(owned)
            .collect();
        let old = router(&candidate)?;
        for (key, block) in changes.iter().filter(|(key, _)| key.scope == BlockScope::Router) {
            match block {
                Some(block) => drop(candidate.insert(key.clone(), block.clone())),
                None => drop(candidate.remove(key)),
            }
        }
        Ok(stated(
            "router",
            &old,
            &router(&candidate)?,
            |option| match option.split('.').next() {
                Some("preferences") => (Impact::Live, "routes are ranked again; nothing is withdrawn"),
                Some("id") => (Impact::Live, "protocols use it from their next start on"),
                _ => (Impact::Live, "only a note"),
            },
        ))
    }

    fn prepare_protocol(
        &self,
        key: &BlockKey,
        block: Option<&InfoBlock>,
    ) -> Result<Vec<OptionChange>, Refusal> {
        let id = key.kind;
        let path = protocol_path(id);
        let client = self.clients.get(&id);
        if let (Some(client), Some(block)) = (client.filter(|client| client.is_running()), block) {
            let prepared = client.lock().prepare_global_info(block);
            return self.answered(key, Some(block), &path, prepared);
        }
        match (client.map(|client| &client.state), block) {
            (Some(ClientState::Stopping(_)), Some(_)) => self.whole(
                key,
                block,
                Impact::Live,
                "the protocol starts again as soon as it has stopped",
            ),
            (_, Some(_)) if !self.protocols.installed().contains(&id) => Err(Refusal::new(
                Status::ERROR_UNKNOWN_PROTOCOL_ID,
                "no such protocol is installed",
            )
            .at(&path)),
            (_, Some(_)) => self.whole(key, block, Impact::Live, "the protocol starts"),
            (_, None) if client.is_some() || self.failed.contains_key(&id) => self.whole(
                key,
                block,
                Impact::RestartsProtocol,
                "the protocol stops and its routes are removed",
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
        if id == INTERFACE_STATUS {
            return if block.is_some_and(|block| !says_enabled(block)) {
                self.whole(
                    key,
                    block,
                    Impact::RestartsInterface,
                    "every protocol leaves the interface",
                )
            } else {
                self.whole(key, block, Impact::Live, "protocols may use the interface")
            };
        }
        let path = interface_path(name, id);
        let Some(client) = self.clients.get(&id).filter(|client| client.is_running()) else {
            return self.whole(key, block, Impact::Live, "stored; the protocol is not running");
        };
        let index = self.table.by_name(name).map(|interface| interface.index);
        let added = index.filter(|index| client.interfaces.contains_key(index));
        match (block, added) {
            (Some(block), _) => {
                let prepared = client.lock().prepare_interface_info(added, block);
                let changes = self.answered(key, Some(block), &path, prepared)?;
                if index.is_none() {
                    let waits = "stored until an interface of this name appears".to_owned();
                    return Ok(changes
                        .into_iter()
                        .map(|change| OptionChange {
                            reason: waits.clone(),
                            ..change
                        })
                        .collect());
                }
                Ok(changes)
            }
            (None, Some(_)) => self.whole(
                key,
                None,
                Impact::RestartsInterface,
                "the protocol leaves the interface",
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
            Ok(prepared) => Ok(prepared
                .changes
                .into_iter()
                .map(|change| OptionChange {
                    path: format!("{path}.{}", change.path),
                    ..change
                })
                .collect()),
            Err(refusal) if cannot_tell(&refusal) => self.whole(
                key,
                block,
                Impact::RestartsProtocol,
                "the protocol cannot tell what the change does",
            ),
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
        let (_, old) = text(self.tree.get(key));
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
        let global = |id: ProtocolId| {
            let key = BlockKey::protocol(id);
            match changes.iter().find(|(changed, _)| *changed == key) {
                Some((_, block)) => block.is_some(),
                None => self.tree.contains_key(&key),
            }
        };
        let mut notes: Vec<String> = Vec::new();
        for (key, block) in changes {
            let BlockScope::Interface(name) = &key.scope else {
                continue;
            };
            if block.is_some() && self.configuration.codec(key.kind).is_some() && !global(key.kind) {
                notes.push(format!(
                    "{} does nothing until {} is enabled: set {}={{}}",
                    interface_path(name, key.kind),
                    key.kind,
                    protocol_path(key.kind)
                ));
            }
        }
        notes
    }

    /// Sets every client concerned, remembering how to take it back.
    fn set_clients(
        &mut self,
        now: Time,
        changes: &[BlockChange],
        done: &mut Vec<Undo>,
    ) -> Result<(), Refusal> {
        let mut started = Vec::new();
        for (key, block) in changes {
            let (BlockScope::Protocol, Some(block)) = (&key.scope, block) else {
                continue;
            };
            let id = key.kind;
            match self.clients.get(&id).map(|client| client.state.clone()) {
                Some(ClientState::Running) => {
                    let before = self.tree.get(key).cloned().unwrap_or_else(InfoBlock::absent);
                    self.client_call(id, |protocol| protocol.set_global_info(block))
                        .map_err(|refusal| refusal.under(&protocol_path(id)))?;
                    done.push(Undo::Global(id, before));
                }
                // It starts by itself once it has stopped; by then the new configuration is in force.
                Some(ClientState::Stopping(_)) => {}
                None => {
                    let candidate = self.candidate(changes);
                    self.start_client(now, id, &candidate)?;
                    started.push(id);
                    done.push(Undo::Started(id));
                }
            }
        }
        for (key, block) in changes {
            let (BlockScope::Interface(name), Some(block)) = (&key.scope, block) else {
                continue;
            };
            if !started.contains(&key.kind) {
                self.set_interface(key, name, block, done)
                    .map_err(|refusal| refusal.under(&interface_path(name, key.kind)))?;
            }
        }
        Ok(())
    }

    fn set_interface(
        &mut self,
        key: &BlockKey,
        name: &str,
        block: &InfoBlock,
        done: &mut Vec<Undo>,
    ) -> Result<(), Refusal> {
        let id = key.kind;
        let Some(interface) = self.table.by_name(name).cloned() else {
            return Ok(());
        };
        let enabled = self.usable(&interface);
        let before = self.tree.get(key).cloned().unwrap_or_else(InfoBlock::absent);
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.is_running()) else {
            return Ok(());
        };
        if client.interfaces.contains_key(&interface.index) {
            client.lock().set_interface_info(interface.index, block)?;
            done.push(Undo::Interface(id, interface.index, before));
        } else {
            client.add_interface(&interface, enabled, block)?;
            done.push(Undo::Added(id, interface.index));
        }
        Ok(())
    }

    fn candidate(&self, changes: &[BlockChange]) -> Tree {
        let mut candidate = self.tree.clone();
        for (key, block) in changes {
            match block {
                Some(block) => drop(candidate.insert(key.clone(), block.clone())),
                None => drop(candidate.remove(key)),
            }
        }
        candidate
    }

    fn client_call(
        &self,
        id: ProtocolId,
        call: impl FnOnce(&mut dyn waypost_routprot::RoutingProtocol) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        match self.clients.get(&id) {
            Some(client) => call(client.lock().as_mut()),
            None => Ok(()),
        }
    }

    /// Takes back, last first. A client that does not take its old configuration back is started anew with it.
    fn undo(&mut self, now: Time, done: Vec<Undo>) {
        for step in done.into_iter().rev() {
            let (id, result) = match step {
                Undo::Global(id, block) => (
                    id,
                    self.client_call(id, |protocol| protocol.set_global_info(&block)),
                ),
                // A client that has every interface had this one without configuration.
                Undo::Interface(id, index, block) if block.is_absent() => (id, self.readd(id, index)),
                Undo::Interface(id, index, block) => (
                    id,
                    self.client_call(id, |protocol| protocol.set_interface_info(index, &block)),
                ),
                Undo::Added(id, index) => {
                    let client = self.clients.get_mut(&id);
                    (id, client.map_or(Ok(()), |client| client.delete_interface(index)))
                }
                Undo::Started(id) => {
                    self.stop_client(now, id);
                    (id, Ok(()))
                }
            };
            if let Err(refusal) = result {
                self.client_died(
                    now,
                    id,
                    &format!("it refused its previous configuration: {refusal}"),
                );
            }
        }
    }

    /// Takes an interface from a client that has every interface, and gives it back without configuration.
    fn readd(&mut self, id: ProtocolId, index: InterfaceIndex) -> Result<(), Refusal> {
        let Some(interface) = self.table.get(index).cloned() else {
            return Ok(());
        };
        let enabled = self.usable(&interface);
        let Some(client) = self.clients.get_mut(&id) else {
            return Ok(());
        };
        client.delete_interface(index)?;
        client.add_interface(&interface, enabled, &InfoBlock::absent())
    }

    /// What cannot be refused any more: removals, and the router's own part.
    fn finish(&mut self, now: Time, changes: &[BlockChange], before: &Tree) {
        for (key, block) in changes {
            match (&key.scope, block) {
                (BlockScope::Interface(name), _) if key.kind == INTERFACE_STATUS => {
                    self.enable(name, is_enabled(before, name));
                }
                (BlockScope::Interface(name), None) => self.remove_from_interface(key.kind, name),
                (BlockScope::Protocol, None) => self.stop_client(now, key.kind),
                _ => {}
            }
        }
        if changes.iter().any(|(key, _)| key.scope == BlockScope::Router) {
            match RouterConfig::from_tree(&self.tree) {
                Ok(router) => self.router = router,
                Err(refusal) => self.log.push(format!("router: {refusal}")),
            }
            self.apply_router();
        }
    }

    fn enable(&mut self, name: &str, was_enabled: bool) {
        let Some(interface) = self.table.by_name(name).cloned() else {
            return;
        };
        let enabled = is_enabled(&self.tree, name);
        if interface.up && enabled != was_enabled {
            let active = enabled && interface.carrier && !interface.addresses.is_empty();
            let status = if enabled {
                InterfaceStatus::Enabled
            } else {
                InterfaceStatus::Disabled
            };
            self.tell(interface.index, active, &status);
        }
    }

    fn remove_from_interface(&mut self, id: ProtocolId, name: &str) {
        let Some(index) = self.table.by_name(name).map(|interface| interface.index) else {
            return;
        };
        if id == ProtocolId::AUTOSTATIC {
            return self.routes.set_autostatic(index, Vec::new());
        }
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.is_running()) else {
            return;
        };
        let wants_all = client.block_for(id, name, &self.tree).is_some();
        let result = if wants_all {
            self.readd(id, index)
        } else {
            client.delete_interface(index)
        };
        if let Err(refusal) = result {
            self.log
                .push(format!("{id} did not let go of interface {name}: {refusal}"));
        }
    }
}

fn owned((key, block): (&BlockKey, &InfoBlock)) -> (BlockKey, InfoBlock) {
    (key.clone(), block.clone())
}

/// The differences of two text trees at `path`, with what each does.
fn stated<'r>(
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
