//! The kernel's links and addresses as the manager's interfaces.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use waypost_manager::{Interface, InterfaceChange};
use waypost_netlink::constants::{
    AF_BRIDGE, AF_UNSPEC, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_LINK,
};
use waypost_netlink::{Address, AddressFlags, Body, Link, LinkFlags, Query, decode_all};
use waypost_routprot::InterfaceType;
use waypost_sys::interface;
use waypost_sys::netlink::{Client, Received, RequestError, Socket};
use waypost_types::InterfaceIndex;

/// Room for the notifications of a machine on which thousands of interfaces change at once.
const RECEIVE_BUFFER: usize = 16 << 20;

/// A link with its addresses, in the order in which the kernel has them.
struct Known {
    link: Link,
    speed: u64,
    addresses: Vec<Address>,
    /// What was last reported; `None` until then.
    reported: Option<Interface>,
}

/// Watches links and addresses.
pub(super) struct InterfaceMonitor {
    socket: Socket,
    client: Client,
    known: BTreeMap<InterfaceIndex, Known>,
    buffer: Vec<u8>,
}

impl InterfaceMonitor {
    /// Starts to listen; [`Self::resync`] gives the first view.
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::open(RECEIVE_BUFFER)?;
        for group in [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR] {
            socket.join(group)?;
        }
        Ok(Self {
            socket,
            client: Client::open()?,
            known: BTreeMap::new(),
            buffer: Vec::new(),
        })
    }

    /// The socket to wait for.
    pub(super) fn socket(&self) -> impl AsFd {
        &self.socket
    }

    /// Reads everything anew and returns how it differs from what was reported.
    pub(super) fn resync(&mut self) -> io::Result<Vec<InterfaceChange>> {
        let failed = |error: RequestError| io::Error::other(error.to_string());
        let links = self.client.query(&Query::Links).map_err(failed)?;
        let addresses = self.client.query(&Query::Addresses(AF_UNSPEC)).map_err(failed)?;
        let mut present = BTreeSet::new();
        for known in self.known.values_mut() {
            known.addresses.clear();
        }
        for message in links.into_iter().chain(addresses) {
            if let Body::NewLink(link) = &message.body {
                present.insert(link.index);
            }
            self.take(message.body);
        }
        let mut gone = Vec::new();
        self.known.retain(|index, known| {
            let stays = present.contains(index);
            if !stays && known.reported.is_some() {
                gone.push(*index);
            }
            stays
        });
        Ok(self.changes(gone))
    }

    /// Reads the notifications that wait and returns what they change.
    pub(super) fn receive(&mut self) -> io::Result<Vec<InterfaceChange>> {
        let mut gone = Vec::new();
        loop {
            match self.socket.try_recv(&mut self.buffer)? {
                Received::Nothing => break,
                // Notifications were lost: only a fresh look tells what happened.
                Received::Overrun => {
                    tracing::warn!("the kernel's news of interfaces overran; reading everything anew");
                    let mut changes = self.changes(gone);
                    changes.extend(self.resync()?);
                    return Ok(changes);
                }
                Received::Messages => {
                    let buffer = std::mem::take(&mut self.buffer);
                    for message in decode_all(&buffer) {
                        match message {
                            Ok(message) => gone.extend(self.take(message.body)),
                            Err(error) => {
                                tracing::warn!(%error, "a message of the kernel was not understood");
                            }
                        }
                    }
                    self.buffer = buffer;
                }
            }
        }
        Ok(self.changes(gone))
    }

    /// Takes in one message; returns the interface that is gone by it.
    fn take(&mut self, body: Body) -> Option<InterfaceIndex> {
        match body {
            Body::NewLink(link) if link.family != AF_BRIDGE => {
                let speed = interface::speed(link.index).ok().flatten().unwrap_or(0);
                match self.known.get_mut(&link.index) {
                    Some(known) => (known.link, known.speed) = (link, speed),
                    None => {
                        let known = Known {
                            speed,
                            addresses: Vec::new(),
                            reported: None,
                            link,
                        };
                        self.known.insert(known.link.index, known);
                    }
                }
            }
            // Of the bridge family it only left its bridge.
            Body::DelLink(link) if link.family != AF_BRIDGE => {
                let reported = self.known.remove(&link.index).and_then(|known| known.reported);
                return reported.map(|interface| interface.index);
            }
            Body::NewAddress(address) => {
                if let Some(known) = self.known.get_mut(&address.interface) {
                    match known.addresses.iter_mut().find(|old| same(old, &address)) {
                        Some(old) => *old = address,
                        None => known.addresses.push(address),
                    }
                }
            }
            Body::DelAddress(address) => {
                if let Some(known) = self.known.get_mut(&address.interface) {
                    known.addresses.retain(|old| !same(old, &address));
                }
            }
            _ => {}
        }
        None
    }

    /// The interfaces that differ from what was reported, after those that are gone.
    fn changes(&mut self, gone: Vec<InterfaceIndex>) -> Vec<InterfaceChange> {
        let mut changes: Vec<InterfaceChange> = gone.into_iter().map(InterfaceChange::Gone).collect();
        for known in self.known.values_mut() {
            let interface = known.interface();
            if known.reported.as_ref() != Some(&interface) {
                known.reported = Some(interface.clone());
                changes.push(InterfaceChange::Present(interface));
            }
        }
        changes
    }
}

/// Whether two messages speak of the same address.
fn same(a: &Address, b: &Address) -> bool {
    a.local == b.local && a.prefix_length == b.prefix_length && a.peer == b.peer
}

impl Known {
    fn interface(&self) -> Interface {
        let link = &self.link;
        let usable = |address: &&Address| {
            !address
                .flags
                .intersects(AddressFlags::TENTATIVE | AddressFlags::DADFAILED)
        };
        let mut addresses = Vec::new();
        let mut addresses6 = Vec::new();
        let mut remote = None;
        for address in self.addresses.iter().filter(usable) {
            match address.local {
                IpAddr::V4(local) => addresses.push((local, address.prefix_length)),
                IpAddr::V6(local) => addresses6.push((local, address.prefix_length)),
            }
            remote = remote.or(address.peer);
        }
        let loopback = link.flags.contains(LinkFlags::LOOPBACK);
        let kind = match &link.kind {
            Some(kind) => kind.clone(),
            None if loopback => "loopback".to_owned(),
            None if link.hardware == 1 => "ether".to_owned(),
            None => format!("hardware {}", link.hardware),
        };
        let mac: Vec<String> = link.address.iter().map(|octet| format!("{octet:02x}")).collect();
        Interface {
            index: link.index,
            name: link.name.clone().unwrap_or_default(),
            kind,
            connection: InterfaceType::Permanent,
            mtu: link.mtu.unwrap_or(0),
            speed: self.speed,
            up: link.flags.contains(LinkFlags::UP),
            // The loopback interface has no carrier to lose. Others must be operational, not only see light.
            carrier: loopback || link.is_operational(),
            mac: if loopback { String::new() } else { mac.join(":") },
            addresses,
            addresses6,
            remote,
        }
    }
}
