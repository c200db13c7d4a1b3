//! Transactions: any number of changes over any number of protocols and interfaces, all or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_infobase::{BlockKey, BlockScope, Tree, TrialChange};
use waypost_policy::Policies;
use waypost_routprot::{InfoBlock, InterfaceStatus, OptionChange, Refusal, Status, read_info};
use waypost_types::{InterfaceIndex, ProtocolId, Time, WallTime};

use crate::Manager;
use crate::client::{ClientState, Failure};
use crate::configuration::{BlockChange, HIDDEN, is_secret, redact};
use crate::edit::Edit;
use crate::interfaces::Interface;
use crate::prepare::Preparation;
use crate::router::{INTERFACE_STATUS, RouterConfig, is_enabled, says_enabled};
use crate::trial::{OnTrial, Terms};

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
    /// What it takes to keep it, if it is on trial.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<OnTrial>,
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
    /// The ones before.
    Policies(Arc<Policies>),
    /// With how it had failed before.
    Started(ProtocolId, Option<Failure>),
}

impl Manager {
    /// Says what the edits would do. Changes nothing.
    pub fn plan(&mut self, edits: &[Edit]) -> Result<Plan, Vec<Refusal>> {
        let changes = self.configuration.changes(self.tree(), edits)?;
        self.prepare(&changes).map(|prepared| prepared.plan)
    }

    /// Applies the edits, all or nothing. When this returns `Ok`, they are in force and durable.
    pub fn apply(
        &mut self,
        now: Time,
        wall: WallTime,
        edits: &[Edit],
        author: &Author,
    ) -> Result<Applied, Vec<Refusal>> {
        self.apply_on(now, wall, edits, author, &Terms::default())
    }

    /// [`Self::apply`], on terms: not if somebody else was faster, and only for a time unless it is kept.
    pub fn apply_on(
        &mut self,
        now: Time,
        wall: WallTime,
        edits: &[Edit],
        author: &Author,
        terms: &Terms,
    ) -> Result<Applied, Vec<Refusal>> {
        let trial = self.admit(wall, terms, None)?;
        self.make(now, wall, edits, author, None, trial)
    }

    /// Makes an earlier revision the configuration in force, as a new revision. If that is the one that a trial would return
    /// to, the trial has ended.
    pub fn rollback(
        &mut self,
        now: Time,
        wall: WallTime,
        to: u64,
        author: &Author,
        terms: &Terms,
    ) -> Result<Applied, Vec<Refusal>> {
        let target = self
            .store
            .revision(to)
            .map_err(|error| vec![Refusal::from(error)])?;
        let trial = self.admit(wall, terms, Some(to))?;
        self.make(now, wall, &[Edit::ReplaceBlocks(target)], author, Some(to), trial)
    }

    /// What a rollback would do.
    pub fn plan_rollback(&mut self, to: u64) -> Result<Plan, Vec<Refusal>> {
        let target = self
            .store
            .revision(to)
            .map_err(|error| vec![Refusal::from(error)])?;
        self.plan(&[Edit::ReplaceBlocks(target)])
    }

    /// Makes a change that is admitted.
    pub(crate) fn make(
        &mut self,
        now: Time,
        wall: WallTime,
        edits: &[Edit],
        author: &Author,
        rollback_of: Option<u64>,
        trial: TrialChange,
    ) -> Result<Applied, Vec<Refusal>> {
        let changes: Arc<[BlockChange]> = self.configuration.changes(self.tree(), edits)?.into();
        let Preparation { plan, unsure, policy } = self.prepare(&changes)?;
        if changes.is_empty() && trial != TrialChange::End {
            return Ok(Applied {
                revision: self.revision_in_force(),
                changed: false,
                trial: self.on_trial(wall),
                plan,
            });
        }
        let number = self
            .begin(wall, author, rollback_of, Arc::clone(&changes))
            .map_err(|error| vec![Refusal::from(error)])?;
        let switched = self.switched(&changes);
        let mut done = Vec::new();
        if let Some(next) = &policy {
            // Blocks that are set now find what they refer to, and those that are still to be set what they referred to.
            let before = &self.policy.policies;
            self.hand_policies(&Arc::new(next.policies.with_names_of(before)));
            done.push(Undo::Policies(Arc::clone(before)));
        }
        let set = self.set_clients(now, &changes, &unsure, &mut done);
        let confirmed = set.and_then(|()| {
            self.store
                .confirm_with(number, trial)
                .map_err(|error| vec![error.into()])
        });
        if let Err(refusals) = confirmed {
            self.services.set_router(&self.router, self.router_id());
            self.undo(now, done);
            self.abandon(number);
            return Err(refusals);
        }
        self.trial_changed(now, trial);
        self.finish(now, &changes, switched);
        if let Some(next) = policy {
            self.hand_policies(&next.policies);
            self.policy = next;
        }
        self.note_made(number, author, rollback_of, plan.changes.len());
        Ok(Applied {
            revision: Some(number),
            changed: true,
            trial: self.on_trial(wall),
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

    /// Sets every client concerned, remembering how to take it back: first those that did not say beforehand whether they take
    /// it, so that a refusal finds little to be taken back.
    fn set_clients(
        &mut self,
        now: Time,
        changes: &[BlockChange],
        unsure: &BTreeSet<ProtocolId>,
        done: &mut Vec<Undo>,
    ) -> Result<(), Vec<Refusal>> {
        self.set_some(now, changes, |id| unsure.contains(&id), done)?;
        self.set_some(now, changes, |id| !unsure.contains(&id), done)
    }

    /// Sets some of the clients, each as a whole before its interfaces.
    fn set_some(
        &mut self,
        now: Time,
        changes: &[BlockChange],
        concerns: impl Fn(ProtocolId) -> bool,
        done: &mut Vec<Undo>,
    ) -> Result<(), Vec<Refusal>> {
        let mut started = Vec::new();
        let concerned = || changes.iter().filter(|(key, _)| concerns(key.kind));
        for (key, block) in concerned() {
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
                    // What is started now is not to begin with an identifier that ends with this very transaction.
                    let router = RouterConfig::from_tree(&candidate);
                    self.services.set_router(&router, self.router_id_with(router.id));
                    self.start_client(now, id, &candidate)
                        .map_err(|refusal| vec![refusal])?;
                    started.push(id);
                    done.push(Undo::Started(id, failure));
                    self.check_started(id, &candidate)?;
                }
            }
        }
        for (key, block) in concerned() {
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
                Undo::Policies(policies) => {
                    self.hand_policies(&policies);
                    continue;
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

/// What changes, which are in key order, do to a block; `None` when they do not touch it.
pub(crate) fn changed<'c>(changes: &'c [BlockChange], key: &BlockKey) -> Option<&'c Option<InfoBlock>> {
    let place = changes.binary_search_by(|(changed, _)| changed.cmp(key)).ok()?;
    changes.get(place).map(|(_, block)| block)
}
pub(crate) fn owned((key, block): (&BlockKey, &InfoBlock)) -> (BlockKey, InfoBlock) {
    (key.clone(), block.clone())
}
