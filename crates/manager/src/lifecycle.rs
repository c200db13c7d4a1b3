//! Starting, stopping and reviving clients (routing-protocol-interface 10.1).

use std::sync::Arc;
use std::time::Duration;

use waypost_infobase::{BlockKey, Tree};
use waypost_routprot::{Refusal, Status};
use waypost_types::{ProtocolId, Time};

use crate::Manager;
use crate::client::{Client, ClientState, Failure};
use crate::environment::InstanceId;
use crate::router::is_enabled;

/// How long ROUTER_STOPPED is waited for (P-14).
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// The first wait before a failed client is tried again; it doubles up to [`LONGEST_RETRY`].
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);

/// A client that ran this long before it failed starts its count of failures anew.
const STEADY: Duration = Duration::from_secs(300);

/// How long to wait before something is tried again that failed so many times in a row.
pub(crate) fn retry_wait(failures: u32) -> Duration {
    FIRST_RETRY
        .saturating_mul(1 << failures.min(6))
        .min(LONGEST_RETRY)
}

/// Whether there is no use in trying again: invalid configuration does not get better by itself; anything else may.
pub(crate) const fn is_hopeless(status: Status) -> bool {
    matches!(
        status,
        Status::ERROR_INVALID_PARAMETER | Status::ERROR_NOT_SUPPORTED | Status::ERROR_UNKNOWN_PROTOCOL_ID
    )
}

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
    /// Starts a protocol with the configuration of `tree`. The interfaces it did not take are noted in the client.
    pub(crate) fn start_client(&mut self, now: Time, id: ProtocolId, tree: &Tree) -> Result<(), Refusal> {
        let path = self.configuration.protocol_path(id);
        let persisted = self.store.private_get_all(id)?;
        let persisted = persisted
            .into_iter()
            .filter_map(|(key, value)| Some((String::from_utf8(key).ok()?, value)))
            .collect();
        self.instances += 1;
        let instance = InstanceId(self.instances);
        let protocol = self.protocols.create(id, instance, persisted).ok_or_else(|| {
            Refusal::new(Status::ERROR_UNKNOWN_PROTOCOL_ID, "no such protocol is installed").at(&path)
        })?;
        let enabled = |interface: &crate::Interface| interface.up && is_enabled(tree, &interface.name);
        let (mut client, complete) = Client::start(
            now,
            id,
            instance,
            protocol,
            self.event.clone(),
            self.services.clone(),
            tree,
            &self.table,
            enabled,
        )
        .map_err(|refusal| refusal.under(&path))?;
        for (name, refusal) in &mut client.refused {
            *refusal = refusal
                .clone()
                .under(&self.configuration.interface_path(name, id));
        }
        if let Err(refusal) = complete {
            self.log.push(format!("{path}: StartComplete said {refusal}"));
        }
        client.failures = self.failed.remove(&id).map_or(0, |failure| failure.count);
        self.services.add_peer(id, &client.protocol);
        self.clients.insert(id, client);
        Ok(())
    }

    /// Starts a configured protocol; if it refuses, it is shown as failed and keeps its configuration.
    pub(crate) fn start_or_fail(&mut self, now: Time, id: ProtocolId) {
        if self.stopping {
            return;
        }
        // Held for this call only: a confirm made meanwhile would have to copy it, and none is.
        let tree = Arc::clone(self.store.running());
        let started = self.start_client(now, id, &tree);
        let refused = self.clients.get(&id).filter(|_| started.is_ok());
        let refused = refused.into_iter().flat_map(|client| client.refused.values());
        self.log
            .extend(refused.map(|refusal| format!("an interface was not taken: {refusal}")));
        if let Err(refusal) = started {
            self.log.push(format!("{id} could not be started: {refusal}"));
            self.fail(now, id, refusal.to_string(), !is_hopeless(refusal.status));
        }
    }

    fn fail(&mut self, now: Time, id: ProtocolId, reason: String, retry: bool) {
        let before = match (self.clients.remove(&id), self.failed.get(&id)) {
            (Some(client), _) if now.since(client.started) >= STEADY => 0,
            (Some(client), _) => client.failures,
            (None, failure) => failure.map_or(0, |failure| failure.count),
        };
        self.services.remove_peer(id);
        let retry = retry.then(|| now + retry_wait(before));
        self.failed.insert(
            id,
            Failure {
                reason,
                retry,
                count: before.saturating_add(1),
            },
        );
    }

    /// A protocol's thread or process died. Its routes stay for the grace time, and it is started again. Of an instance that is
    /// not the protocol's any more it is no news: a fresh one has taken its place.
    pub fn client_died(&mut self, now: Time, id: ProtocolId, instance: InstanceId, reason: &str) {
        match self.clients.get(&id) {
            Some(client) if client.instance != instance => {}
            Some(client) if client.is_running() => self.lost(now, id, reason),
            Some(_) => self.stopped(now, id),
            None => {}
        }
    }

    fn lost(&mut self, now: Time, id: ProtocolId, reason: &str) {
        self.log
            .push(format!("{id} failed and will be started again: {reason}"));
        self.routes.keep_for_grace(id);
        self.update_lost(id, None, "the protocol failed");
        self.fail(now, id, reason.to_owned(), true);
    }

    /// Stops a client and starts it again with the configuration in force: the way out when it is in another state than
    /// it should be and does not take a correction.
    pub(crate) fn restart(&mut self, now: Time, id: ProtocolId, reason: &str) {
        self.log.push(format!("{id} is started again: {reason}"));
        self.end_client(now, id);
    }

    /// Stops a client; its configuration was removed.
    pub(crate) fn stop_client(&mut self, now: Time, id: ProtocolId) {
        if self.failed.remove(&id).is_some() {
            self.routes.remove_protocol(id);
        }
        self.end_client(now, id);
    }

    fn end_client(&mut self, now: Time, id: ProtocolId) {
        let Some(client) = self.clients.get_mut(&id).filter(|client| client.is_running()) else {
            return;
        };
        self.services.remove_peer(id);
        let stopped = client.lock().stop();
        match stopped {
            Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => {
                client.state = ClientState::Stopping(now + STOP_TIMEOUT);
                client.interfaces.clear();
                client.refused.clear();
                self.update_lost(id, None, "the protocol stops");
            }
            // Any other code: the protocol counts as stopped (P-14).
            other => {
                if let Err(refusal) = other {
                    self.log.push(format!("{id} stopped with {refusal}"));
                }
                self.update_lost(id, None, "the protocol stops");
                self.stopped(now, id);
            }
        }
    }

    /// ROUTER_STOPPED. From a client that nobody asked to stop it is a failure like any other, and waits its turn.
    pub(crate) fn router_stopped(&mut self, now: Time, id: ProtocolId) {
        match self.clients.get(&id) {
            Some(client) if client.is_running() => self.lost(now, id, "it stopped by itself"),
            Some(_) => self.stopped(now, id),
            None => {}
        }
    }

    /// A client has stopped. If it is configured, because its configuration is back by now, it starts anew.
    pub(crate) fn stopped(&mut self, now: Time, id: ProtocolId) {
        self.clients.remove(&id);
        let configured = self.tree().get(&BlockKey::protocol(id));
        if !self.stopping && configured.is_some_and(|block| !block.is_absent()) {
            self.routes.keep_for_grace(id);
            self.start_or_fail(now, id);
        } else {
            self.routes.remove_protocol(id);
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
        self.tick_offers(now);
    }

    /// Stops every client, as the router stops. Those that need time get it: call [`Self::drain_events`] until
    /// [`Self::is_quiet`].
    pub fn stop(&mut self, now: Time) {
        self.stopping = true;
        self.failed.clear();
        for id in self.clients.keys().copied().collect::<Vec<_>>() {
            self.stop_client(now, id);
        }
    }

    /// The daemon is about to end for a restart: nobody says good-bye, which a module does that is let go of. What clients have is
    /// the process's, and goes with it.
    pub fn leave(&mut self) {
        self.stopping = true;
        std::mem::take(&mut self.clients)
            .into_values()
            .for_each(std::mem::forget);
    }

    /// Whether no client is left.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.clients.is_empty()
    }
}
