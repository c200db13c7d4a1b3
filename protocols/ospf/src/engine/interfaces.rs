//! Interfaces of the host, and their configuration applied.

use waypost_engine::{Now, Outbox};
use waypost_routprot::{AdapterBinding, InterfaceIdentity, InterfaceStatus};
use waypost_types::InterfaceIndex;

use super::{Attached, OspfEngine, Stage};
use crate::config::{Adapter, InterfaceConfig, interface_parameters};
use crate::interface::{Attachment, InterfaceId};
use crate::parameters::NetworkType;

/// The name of the loopback device.
const LOOPBACK: &str = "lo";

impl OspfEngine {
    pub(super) fn add_interface(
        &mut self,
        now: Now,
        identity: &InterfaceIdentity,
        config: Option<InterfaceConfig>,
        out: &mut Outbox,
    ) {
        let attached = Attached {
            identity: identity.clone(),
            config,
            binding: AdapterBinding::default(),
            enabled: false,
            media: true,
        };
        self.interfaces.insert(identity.index, attached);
        self.apply(now, identity.index, out);
    }

    pub(super) fn delete_interface(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        self.interfaces.remove(&index);
        self.process
            .remove_interface(now, InterfaceId::Physical(index), out);
    }

    pub(super) fn set_interface(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        config: InterfaceConfig,
        out: &mut Outbox,
    ) {
        if let Some(attached) = self.interfaces.get_mut(&index) {
            attached.config = Some(config);
            self.apply(now, index, out);
        }
    }

    pub(super) fn status(
        &mut self,
        now: Now,
        index: InterfaceIndex,
        status: &InterfaceStatus,
        out: &mut Outbox,
    ) {
        let Some(attached) = self.interfaces.get_mut(&index) else {
            return;
        };
        match status {
            InterfaceStatus::AddressChange(binding) => attached.binding.clone_from(binding),
            InterfaceStatus::Enabled => attached.enabled = true,
            InterfaceStatus::Disabled => attached.enabled = false,
            InterfaceStatus::MediaPresent => attached.media = true,
            InterfaceStatus::MediaAbsent => attached.media = false,
        }
        self.apply(now, index, out);
    }

    pub(super) fn apply_all(&mut self, now: Now, out: &mut Outbox) {
        let indices: Vec<InterfaceIndex> = self.interfaces.keys().copied().collect();
        for index in indices {
            self.apply(now, index, out);
        }
    }

    /// Brings the process's interface to what configuration and host say.
    fn apply(&mut self, now: Now, index: InterfaceIndex, out: &mut Outbox) {
        let Some(attached) = self
            .interfaces
            .get(&index)
            .filter(|_| self.stage == Stage::Running)
        else {
            return;
        };
        let Some(config) = &attached.config else { return };
        let adapter = attached.adapter();
        // INVARIANT: what is in force was checked; the adapter cannot make it contradictory.
        let Ok(parameters) = interface_parameters(config, &self.global, adapter) else {
            return;
        };
        let attachment = attached.attachment(parameters.network);
        let id = InterfaceId::Physical(index);
        self.process.set_interface(now, id, parameters, attachment, out);
    }
}

impl Attached {
    pub(crate) fn adapter(&self) -> Adapter {
        Adapter {
            mtu: self.binding.mtu,
            speed: self.binding.speed,
            loopback: self.identity.name == LOOPBACK,
        }
    }

    /// What the process has to know of addresses: it speaks from the first one, and a host's address is the network of
    /// nobody else (an unnumbered line).
    fn attachment(&self, network: NetworkType) -> Attachment {
        let mut bindings = self
            .binding
            .addresses
            .iter()
            .filter(|binding| !binding.address.is_loopback());
        let first = bindings.next();
        let unnumbered = |length| network == NetworkType::PointToPoint && length == 32;
        Attachment {
            up: self.enabled && self.media && first.is_some(),
            address: first.map(|binding| binding.address),
            prefix: first
                .map(|binding| binding.prefix)
                .filter(|prefix| !unnumbered(prefix.length())),
            others: bindings.map(|binding| binding.prefix).collect(),
        }
    }
}
