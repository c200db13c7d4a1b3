//! Interfaces of the host, and their configuration applied.

use waypost_engine::{Now, Outbox};
use waypost_routprot::{AdapterBinding, InterfaceIdentity, InterfaceStatus, LocalBinding};
use waypost_types::InterfaceIndex;

use super::{Attached, OspfEngine, Stage};
use crate::config::{
    Adapter, Address, GlobalConfig, InterfaceConfig, interface_parameters, resolve, runs_in,
};
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
        let mut attachment = attached.attachment(parameters.network, &self.global);
        attachment.up &= runs_in(&self.global, parameters.area);
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

    /// Its options with the defaults behind them.
    fn options(&self, global: &GlobalConfig) -> InterfaceConfig {
        self.config
            .as_ref()
            .map_or_else(InterfaceConfig::default, |config| resolve(config, global))
    }

    /// Those of its addresses that OSPF uses, in the order it prefers them.
    pub(crate) fn used(&self, addresses: Option<&[Address]>) -> Vec<LocalBinding> {
        let bound = || {
            let bound = self.binding.addresses.iter();
            bound.filter(|binding| !binding.address.is_loopback()).copied()
        };
        let Some(addresses) = addresses else {
            return bound().collect();
        };
        let wanted = addresses.iter().filter(|wanted| wanted.enabled != Some(false));
        wanted
            .filter_map(|wanted| {
                bound().find(|binding| {
                    let length = binding.prefix.length();
                    binding.address == wanted.address && wanted.length.unwrap_or(length) == length
                })
            })
            .collect()
    }

    /// Why OSPF is configured on it and does not run there, though it is enabled and has addresses.
    pub(crate) fn idle_because(&self, global: &GlobalConfig) -> Option<String> {
        self.config.as_ref()?;
        if !self.enabled || !self.media || self.used(None).is_empty() {
            return None;
        }
        let options = self.options(global);
        let area = options.area.unwrap_or_default();
        if self.used(options.addresses.as_deref()).is_empty() {
            Some("it has none of the addresses that OSPF is to use".to_owned())
        } else if !runs_in(global, area) {
            Some(format!("area {area} is not listed in areas or not enabled"))
        } else {
            None
        }
    }

    /// What the process has to know of addresses: it speaks from the first one, and a host's address is the network of
    /// nobody else (an unnumbered line).
    fn attachment(&self, network: NetworkType, global: &GlobalConfig) -> Attachment {
        let options = self.options(global);
        let used = self.used(options.addresses.as_deref());
        let mut bindings = used.iter();
        let first = bindings.next();
        let unnumbered = |length| network == NetworkType::PointToPoint && length == 32;
        Attachment {
            up: self.enabled && self.media && first.is_some() && options.enabled != Some(false),
            address: first.map(|binding| binding.address),
            prefix: first
                .map(|binding| binding.prefix)
                .filter(|prefix| !unnumbered(prefix.length())),
            others: bindings.map(|binding| binding.prefix).collect(),
        }
    }
}
