//! Transactions: any number of changes over any number of protocols and interfaces, all or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_routprot::router_blocks::{Block, BlockType, InterfaceStatusInfo, decode_interface_routes};
use waypost_routprot::{
    Impact, InfoBlock, InterfaceStatus, OptionChange, Prepared, Refusal, Scope, Status, option_changes,
    read_info,
};
use waypost_types::{InterfaceIndex, ProtocolId, RouterId, Time, WallTime};

use crate::Manager;
use crate::client::{ClientState, Failure, cannot_tell};
use crate::configuration::{BlockChange, HIDDEN, is_secret, redact};
use crate::edit::Edit;
use crate::interfaces::Interface;
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Every option it touches, in path order.
    pub changes: Vec<PlannedChange>,
    /// What an operator should know beside.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Plan {
    /// Blanks every key and password among the values, for readers who may not see them.
    pub fn redact(&mut self) {
        for change in &mut self.changes {
            let secret = change.path.rsplit('.').next().is_some_and(is_secret);
            for value in [&mut change.old, &mut change.new].into_iter().flatten() {
                if secret {
                    *value = HIDDEN.into();
                } else {
                    redact(value);
                }
            }
        }
    }
}

/// A transaction that was applied and is durable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Applied {
    /// The revision it made; the one in force before when it changed nothing.
    pub revision: Option<u64>,
    /// Whether it made a revision.
    pub changed: bool,
    /// What it did.
    #[serde(flatten)]
    pub plan: Plan,
}

/// How to take back what was done to a client.
enum Undo {
    Global(ProtocolId, InfoBlock),
    Interface(ProtocolId, InterfaceIndex, InfoBlock),
    /// With why the client had not taken the interface before.
    Added(ProtocolId, InterfaceIndex, Option<(String, Refusal)>),
    /// With how it had failed before.
    Started(ProtocolId, Option<Failure>),
}

impl Manager {
    /// Says what the edits would do. Changes nothing.
    pub fn plan(&mut self, edits: &[Edit]) -> Result<Plan, Vec<Refusal>> {
        let changes = self.configuration.changes(self.tree(), edits)?;
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
        let changes = self.configuration.changes(self.tree(), edits)?;
        self.transact(now, wall, &changes.into(), author, None)
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
            .changes(self.tree(), &[Edit::ReplaceBlocks(target)])?;
        self.transact(now, wall, &changes.into(), author, Some(to))
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
        changes: &Arc<[BlockChange]>,
        author: &Author,
        rollback_of: Option<u64>,
    ) -> Result<Applied, Vec<Refusal>> {
        let plan = self.prepare(changes)?;
        if changes.is_empty() {
            let revision = self.store.head().map(|head| head.number);
            return Ok(Applied {
                revision,
                changed: false,
                plan,
            });
        }
        let number = self
            .begin(wall, author, rollback_of, Arc::clone(changes))
            .map_err(|error| vec![Refusal::from(error)])?;
        let switched = self.switched(changes);
        let mut done = Vec::new();
        let set = self.set_clients(now, changes, &mut done);
        let confirmed = set.and_then(|()| self.store.confirm(number).map_err(|error| vec![error.into()]));
        if let Err(refusals) = confirmed {
            self.undo(now, done);
            self.abandon(number);
            return Err(refusals);
        }
        self.finish(now, changes, switched);
        self.note_made(number, author, rollback_of, plan.changes.len());
        Ok(Applied {
            revision: Some(number),
            changed: true,
            plan,
        })
    }

    /// The interfaces that the changes enable or disable, each with whether it is enabled so far.
    fn switched(&self, changes: &[BlockChange]) -> Vec<(String, bool)> {
        let name = |(key, _): &BlockChange| match &key.scope {
            BlockScope::Interface(name) if key.kind == INTERFACE_STATUS => Some(name.clone()),
            _ => None,
        };
        let with_state = |name: String| {
            let enabled = is_enabled(self.tree(), &name);
            (name, enabled)
        };
        changes.iter().filter_map(name).map(with_state).collect()
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
                Err(refused) => refusals.extend(refused),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        plan.changes.sort_by(|a, b| a.path.cmp(&b.path));
        plan.notes = self.notes(changes);
        Ok(plan)
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
            Some(codec) => codec.to_text(scope, block).map(drop),
            None if on_interface && key.kind == INTERFACE_STATUS => block
                .payload()
                .and_then(InterfaceStatusInfo::decode)
                .map(drop),
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
                    Impact::RestartsProtocol,
                    "the protocol cannot tell what the change does",
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

    /// Sets every client concerned, remembering how to take it back.
    fn set_clients(
        &mut self,
        now: Time,
        changes: &[BlockChange],
        done: &mut Vec<Undo>,
    ) -> Result<(), Vec<Refusal>> {
        let mut started = Vec::new();
        for (key, block) in changes {
            let (BlockScope::Protocol, Some(block)) = (&key.scope, block) else {
                continue;
            };
            let id = key.kind;
            match self.clients.get(&id).map(|client| client.state.clone()) {
                Some(ClientState::Running) => {
                    // What is in force, not what is stored: the protocol may have changed it and not said so yet.
                    let before =
                        self.client_call(id, |protocol| read_info(|buffer| protocol.global_info(buffer)));
                    let before = before
                        .or_else(|_| self.stored(key))
                        .unwrap_or_else(|_| InfoBlock::absent());
                    self.client_call(id, |protocol| protocol.set_global_info(block))
                        .map_err(|refusal| vec![refusal.under(&self.configuration.protocol_path(id))])?;
                    done.push(Undo::Global(id, before));
                }
                // It starts by itself once it has stopped; by then the new configuration is in force.
                Some(ClientState::Stopping(_)) => {}
                None => {
                    let candidate = self.candidate(changes);
                    let failure = self.failed.get(&id).cloned();
                    self.start_client(now, id, &candidate)
                        .map_err(|refusal| vec![refusal])?;
                    started.push(id);
                    done.push(Undo::Started(id, failure));
                    self.check_started(id, &candidate)?;
                }
            }
        }
        for (key, block) in changes {
            let (BlockScope::Interface(name), Some(block)) = (&key.scope, block) else {
                continue;
            };
            if !started.contains(&key.kind) {
                self.set_interface(key, name, block, changes, done)
                    .map_err(|refusal| {
                        vec![refusal.under(&self.configuration.interface_path(name, key.kind))]
                    })?;
            }
        }
        Ok(())
    }

    /// Whether a client that was just started took every interface that it is configured for.
    fn check_started(&self, id: ProtocolId, candidate: &Tree) -> Result<(), Vec<Refusal>> {
        let refused = self
            .clients
            .get(&id)
            .into_iter()
            .flat_map(|client| &client.refused);
        let configured = |name: &str| candidate.contains_key(&BlockKey::interface(name, id));
        let refusals: Vec<Refusal> = refused
            .filter(|(name, _)| configured(name))
            .map(|(_, refusal)| refusal.clone())
            .collect();
        if refusals.is_empty() {
            Ok(())
        } else {
            Err(refusals)
        }
    }

    fn set_interface(
        &mut self,
        key: &BlockKey,
        name: &str,
        block: &InfoBlock,
        changes: &[BlockChange],
        done: &mut Vec<Undo>,
    ) -> Result<(), Refusal> {
        let id = key.kind;
        let Some(interface) = self.table.by_name(name) else {
            return Ok(());
        };
        let index = interface.index;
        let Some(client) = self.clients.get(&id).filter(|client| client.is_running()) else {
            return Ok(());
        };
        if client.interfaces.contains_key(&index) {
            let mut protocol = client.lock();
            // What is in force, not what is stored: the protocol may have changed it and not said so yet.
            let before = read_info(|buffer| protocol.interface_info(index, buffer));
            let before = before
                .or_else(|_| self.stored(key))
                .unwrap_or_else(|_| InfoBlock::absent());
            protocol.set_interface_info(index, block)?;
            done.push(Undo::Interface(id, index, before));
            return Ok(());
        }
        let interface = interface.clone();
        let enabled = self.will_be_usable(&interface, changes);
        // INVARIANT: found four lines above.
        let Some(client) = self.clients.get_mut(&id) else {
            return Ok(());
        };
        let refused = client.refused.get_key_value(name);
        let refused = refused.map(|(name, refusal)| (name.clone(), refusal.clone()));
        client.add_interface(&interface, enabled, block)?;
        done.push(Undo::Added(id, index, refused));
        Ok(())
    }

    /// Whether protocols may use an interface once the changes are in force.
    fn will_be_usable(&self, interface: &Interface, changes: &[BlockChange]) -> bool {
        match changed(changes, &BlockKey::interface(&interface.name, INTERFACE_STATUS)) {
            Some(block) => interface.up && block.as_ref().is_none_or(says_enabled),
            None => self.usable(interface),
        }
    }

    fn stored(&self, key: &BlockKey) -> Result<InfoBlock, Refusal> {
        let block = self.tree().get(key).cloned();
        block.ok_or_else(|| Refusal::new(Status::ERROR_NOT_FOUND, "nothing is stored"))
    }

    fn candidate(&self, changes: &[BlockChange]) -> Tree {
        let mut candidate = Tree::clone(self.tree());
        for (key, block) in changes {
            match block {
                Some(block) => drop(candidate.insert(key.clone(), block.clone())),
                None => drop(candidate.remove(key)),
            }
        }
        candidate
    }

    fn client_call<R>(
        &self,
        id: ProtocolId,
        call: impl FnOnce(&mut dyn waypost_routprot::RoutingProtocol) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        match self.clients.get(&id).filter(|client| client.is_running()) {
            Some(client) => call(client.lock().as_mut()),
            None => Err(Refusal::failed("the protocol is not running")),
        }
    }

    /// Takes back, last first. A client that does not take its old configuration back is started anew with it.
    fn undo(&mut self, now: Time, done: Vec<Undo>) {
        let mut anew = BTreeSet::new();
        for step in done.into_iter().rev() {
            let (id, result) = match step {
                // Started with the old configuration as a whole: there is nothing left to take back.
                Undo::Global(id, ..) | Undo::Interface(id, ..) | Undo::Added(id, ..)
                    if anew.contains(&id) =>
                {
                    continue;
                }
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
                Undo::Added(id, index, refused) => {
                    let client = self.clients.get_mut(&id);
                    let result = client.map_or(Ok(()), |client| {
                        client.refused.extend(refused);
                        client.delete_interface(index)
                    });
                    (id, result)
                }
                Undo::Started(id, failure) => {
                    self.stop_client(now, id);
                    if let (Some(failure), false) = (failure, self.clients.contains_key(&id)) {
                        self.failed.insert(id, failure);
                    }
                    continue;
                }
            };
            if let Err(refusal) = result {
                anew.insert(id);
                self.restart(
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
    fn finish(&mut self, now: Time, changes: &[BlockChange], switched: Vec<(String, bool)>) {
        let mut switched = switched.into_iter();
        for (key, block) in changes {
            match (&key.scope, block) {
                // In the order of the changes they were taken from.
                (BlockScope::Interface(_), _) if key.kind == INTERFACE_STATUS => {
                    if let Some((name, was_enabled)) = switched.next() {
                        self.enable(&name, was_enabled);
                    }
                }
                (BlockScope::Interface(name), Some(_)) if key.kind == ProtocolId::AUTOSTATIC => {
                    if let Some(interface) = self.table.by_name(name).cloned() {
                        self.restore_autostatic(&interface);
                    }
                }
                (BlockScope::Interface(name), None) => self.remove_from_interface(key.kind, name),
                (BlockScope::Protocol, None) => self.stop_client(now, key.kind),
                _ => {}
            }
        }
        if changes.iter().any(|(key, _)| key.scope == BlockScope::Router) {
            self.router = RouterConfig::from_tree(self.tree());
            self.apply_router();
        }
    }

    fn enable(&mut self, name: &str, was_enabled: bool) {
        let Some(interface) = self.table.by_name(name).cloned() else {
            return;
        };
        let enabled = is_enabled(self.tree(), name);
        if interface.up && enabled != was_enabled {
            let status = if enabled {
                InterfaceStatus::Enabled
            } else {
                InterfaceStatus::Disabled
            };
            self.tell(interface.index, &status);
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
        client.refused.remove(name);
        let wants_all = client.block_for(id, name, self.store.running()).is_some();
        let result = if wants_all {
            self.readd(id, index)
        } else {
            client.delete_interface(index)
        };
        if let Err(refusal) = result {
            self.log
                .push(format!("{id} did not let go of interface {name}: {refusal}"));
        }
        self.update_lost(id, Some(index), "the protocol left the interface");
    }
}

/// Why a protocol is told of an interface that it was not on.
const JOINS: &str = "the protocol joins the interface";

/// What changes, which are in key order, do to a block; `None` when they do not touch it.
fn changed<'c>(changes: &'c [BlockChange], key: &BlockKey) -> Option<&'c Option<InfoBlock>> {
    let place = changes.binary_search_by(|(changed, _)| changed.cmp(key)).ok()?;
    changes.get(place).map(|(_, block)| block)
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
