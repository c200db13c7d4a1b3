//! Starting, stopping and reviving clients (routing-protocol-interface 10.1).

use std::time::Duration;

use waypost_infobase::{BlockKey, Tree};
use waypost_routprot::{Refusal, Status};
use waypost_types::{ProtocolId, Time};

use crate::Manager;
use crate::client::{Client, ClientState, Failure, protocol_path};
use crate::router::is_enabled;

/// How long ROUTER_STOPPED is waited for (P-14).
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The first wait before a failed client is tried again; it doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// A client that ran this long before it failed starts its count of failures anew.
const STEADY: Duration = Duration::from_secs(300);

impl Client {
    /// When the manager stops waiting for this client.
    pub(crate) const fn deadline(&self) -> Option<Time> {
        match self.state {
            ClientState::Running => None,
            ClientState::Stopping(deadline) => Some(deadline),
        }
    }
}

impl Manager {
    /// Starts a protocol with the configuration of `tree`.
    pub(crate) fn start_client(&mut self, now: Time, id: ProtocolId, tree: &Tree) -> Result<(), Refusal> {
        let persisted = self.store.private_get_all(id)?;
        let persisted = persisted
            .into_iter()
            .filter_map(|(key, value)| Some((String::from_utf8(key).ok()?, value)))
            .collect();
        let protocol = self.protocols.create(id, persisted).ok_or_else(|| {
            Refusal::new(Status::ERROR_UNKNOWN_PROTOCOL_ID, "no such protocol is installed")
                .at(&protocol_path(id))
        })?;
        let enabled = |interface: &crate::Interface| interface.up && is_enabled(tree, &interface.name);
        let (mut client, refused) = Client::start(
            now,
            id,
            protocol,
            self.event.clone(),
            self.services.clone(),
            tree,
            &self.table,
            enabled,
        )
        .map_err(|refusal| refusal.under(&protocol_path(id)))?;
        self.log.extend(
            refused
                .iter()
                .map(|refusal| format!("{id} did not take an interface: {refusal}")),
        );
        client.failures = self.failed.remove(&id).map_or(0, |failure| failure.count);
        self.services.add_peer(id, &client.protocol);
        self.clients.insert(id, client);
        Ok(())
    }

    /// Starts a configured protocol; if it refuses, it is shown as failed and keeps its configuration.
    pub(crate) fn start_or_fail(&mut self, now: Time, id: ProtocolId) {
        let tree = std::mem::take(&mut self.tree);
        let started = self.start_client(now, id, &tree);
        self.tree = tree;
        if let Err(refusal) = started {
            self.log.push(format!("{id} could not be started: {refusal}"));
            // Invalid configuration does not get better by itself; anything else may.
            let hopeless = matches!(
                refusal.status,
                Status::ERROR_INVALID_PARAMETER
                    | Status::ERROR_NOT_SUPPORTED
                    | Status::ERROR_UNKNOWN_PROTOCOL_ID
            );
            self.fail(now, id, refusal.to_string(), !hopeless);
        }
    }

    fn fail(&mut self, now: Time, id: ProtocolId, reason: String, retry: bool) {
        let before = match (self.clients.remove(&id), self.failed.get(&id)) {
            (Some(client), _) if now.since(client.started) >= STEADY => 0,
            (Some(client), _) => client.failures,
            (None, failure) => failure.map_or(0, |failure| failure.count),
        };
        let wait = FIRST_RETRY.saturating_mul(1 << before.min(6)).min(LONGEST_RETRY);
        self.services.remove_peer(id);
        let retry = retry.then(|| now + wait);
        self.failed.insert(
            id,
            Failure {
                reason,
                retry,
                count: before.saturating_add(1),
            },
        );
    }

    /// A protocol's thread or process died. Its routes stay for the grace time, and it is started again.
    pub fn client_died(&mut self, now: Time, id: ProtocolId, reason: &str) {
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        if !client.is_running() {
            return self.stopped(now, id);
        }
        self.log
            .push(format!("{id} failed and will be started again: {reason}"));
        self.routes.keep_for_grace(id);
        for index in self.updates.keys().copied().collect::<Vec<_>>() {
            self.abort_update(index, "the protocol failed");
        }
        self.fail(now, id, reason.to_owned(), true);
    }

    /// Stops a client; its configuration was removed.
    pub(crate) fn stop_client(&mut self, now: Time, id: ProtocolId) {
        if self.failed.remove(&id).is_some() {
            self.routes.remove_protocol(id);
        }
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.is_running()) else {
            return;
        };
        self.services.remove_peer(id);
        let stopped = client.lock().stop();
        match stopped {
            Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
                client.state = ClientState::Stopping(now + STOP_TIMEOUT);
            }
            // Any other code: the protocol counts as stopped (P-14).
            other => {
                if let Err(refusal) = other {
                    self.log.push(format!("{id} stopped with {refusal}"));
                }
                self.stopped(now, id);
            }
        }
    }

    /// A client has stopped. If its configuration is back by now, it starts anew.
    pub(crate) fn stopped(&mut self, now: Time, id: ProtocolId) {
        self.clients.remove(&id);
        self.routes.remove_protocol(id);
        if self
            .tree
            .get(&BlockKey::protocol(id))
            .is_some_and(|block| !block.is_absent())
        {
            self.start_or_fail(now, id);
        }
    }

    pub(crate) fn tick_clients(&mut self, now: Time) {
        let due = |deadline: Option<Time>| deadline.is_some_and(|deadline| deadline <= now);
        let abandoned: Vec<ProtocolId> = self
            .clients
            .iter()
            .filter(|(_, client)| due(client.deadline()))
            .map(|(id, _)| *id)
            .collect();
        for id in abandoned {
            self.log.push(format!(
                "{id} did not stop within {} s and is abandoned",
                STOP_TIMEOUT.as_secs()
            ));
            self.stopped(now, id);
        }
        let again: Vec<ProtocolId> = self
            .failed
            .iter()
            .filter(|(_, failure)| due(failure.retry))
            .map(|(id, _)| *id)
            .collect();
        for id in again {
            self.start_or_fail(now, id);
        }
    }

    /// Stops every client, as the router stops. Those that need time get it: call [`Self::drain_events`] until
    /// [`Self::is_quiet`].
    pub fn stop(&mut self, now: Time) {
        // Nothing may be started again: the tree is not consulted any more.
        self.tree.clear();
        self.failed.clear();
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            self.stop_client(now, id);
        }
    }

    /// Whether no client is left.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.clients.is_empty()
    }
}
