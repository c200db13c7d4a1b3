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
use waypost_sys::netlink::{Client, Dump, Received, RequestError, Socket};
use waypost_sys::{clock, interface};
use waypost_types::{InterfaceIndex, Time};

use crate::trouble::Trouble;

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
    /// What changed since the last report.
    touched: BTreeSet<InterfaceIndex>,
    gone: Vec<InterfaceIndex>,
    buffer: Vec<u8>,
    trouble: Trouble,
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
            touched: BTreeSet::new(),
            gone: Vec::new(),
            buffer: Vec::new(),
            trouble: Trouble::default(),
        })
    }

    /// The socket to wait for.
    pub(super) fn socket(&self) -> impl AsFd {
        &self.socket
    }

    /// When a view that is not whole is read again.
    pub(super) const fn next_deadline(&self) -> Option<Time> {
        self.trouble.until
    }

    /// Reads everything anew and returns how it differs from what was reported.
    ///
    /// Where interfaces come and go all the time no view is whole. Then what was seen counts, nothing is taken for gone that
    /// was not seen, and all is read again after a pause: [`Self::next_deadline`]. What happens meanwhile is heard.
    pub(super) fn resync(&mut self) -> io::Result<Vec<InterfaceChange>> {
        let read = self.read().map_err(io::Error::other)?;
        if read == Dump::Interrupted {
            let pause = self.trouble.again(clock::now());
            tracing::debug!(
                ?pause,
                "interfaces come and go while they are read; reading them again later"
            );
        } else {
            self.trouble.over();
        }
        Ok(self.changes())
    }

    /// Reads everything anew if it is time to; a failure is not the end, as all that is known stays known.
    pub(super) fn resync_if_due(&mut self) -> Vec<InterfaceChange> {
        if self.trouble.until.is_none() || self.trouble.waits(clock::now()) {
            return Vec::new();
        }
        self.resync_or_later()
    }

    fn resync_or_later(&mut self) -> Vec<InterfaceChange> {
        self.resync().unwrap_or_else(|error| {
            let pause = self.trouble.again(clock::now());
            tracing::error!(%error, ?pause, "the interfaces cannot be read; trying again after a pause");
            self.changes()
        })
    }

    fn read(&mut self) -> Result<Dump, RequestError> {
        let (links, of_links) = self.client.snapshot(&Query::Links)?;
        let (addresses, of_addresses) = self.client.snapshot(&Query::Addresses(AF_UNSPEC))?;
        let whole = of_links == Dump::Consistent && of_addresses == Dump::Consistent;
        if whole {
            let present: BTreeSet<InterfaceIndex> = links
                .iter()
                .filter_map(|message| match &message.body {
                    Body::NewLink(link) => Some(link.index),
                    _ => None,
                })
                .collect();
            let missing: Vec<InterfaceIndex> = self
                .known
                .keys()
                .filter(|index| !present.contains(index))
                .copied()
                .collect();
            missing.into_iter().for_each(|index| self.forget(index));
            for (index, known) in &mut self.known {
                known.addresses.clear();
                self.touched.insert(*index);
            }
        }
        for message in links.into_iter().chain(addresses) {
            self.take(message.body);
        }
        Ok(if whole {
            Dump::Consistent
        } else {
            Dump::Interrupted
        })
    }

    /// Reads the notifications that wait and returns what they change.
    pub(super) fn receive(&mut self) -> io::Result<Vec<InterfaceChange>> {
        loop {
            match self.socket.try_recv(&mut self.buffer)? {
                Received::Nothing => return Ok(self.changes()),
                // Notifications were lost: only a fresh look tells what happened.
                Received::Overrun => {
                    tracing::warn!("the kernel's news of interfaces overran; reading everything anew");
                    return Ok(self.resync_or_later());
                }
                Received::Messages => {
                    let buffer = std::mem::take(&mut self.buffer);
                    for message in decode_all(&buffer) {
                        match message {
                            Ok(message) => self.take(message.body),
                            Err(error) => {
                                tracing::warn!(%error, "a message of the kernel was not understood");
                            }
                        }
                    }
                    self.buffer = buffer;
                }
            }
        }
    }

    /// Takes in one message.
    fn take(&mut self, body: Body) {
        match body {
            Body::NewLink(link) if link.family != AF_BRIDGE => {
                let speed = interface::speed(link.index).ok().flatten().unwrap_or(0);
                self.touched.insert(link.index);
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
            Body::DelLink(link) if link.family != AF_BRIDGE => self.forget(link.index),
            Body::NewAddress(address) => {
                if let Some(known) = self.known.get_mut(&address.interface) {
                    self.touched.insert(address.interface);
                    match known.addresses.iter_mut().find(|old| same(old, &address)) {
                        Some(old) => *old = address,
                        None => known.addresses.push(address),
                    }
                }
            }
            Body::DelAddress(address) => {
                if let Some(known) = self.known.get_mut(&address.interface) {
                    self.touched.insert(address.interface);
                    known.addresses.retain(|old| !same(old, &address));
                }
            }
            _ => {}
        }
    }

    fn forget(&mut self, index: InterfaceIndex) {
        let reported = self.known.remove(&index).and_then(|known| known.reported);
        self.gone.extend(reported.map(|interface| interface.index));
    }

    /// The interfaces that differ from what was reported, after those that are gone.
    fn changes(&mut self) -> Vec<InterfaceChange> {
        let gone = std::mem::take(&mut self.gone);
        let mut changes: Vec<InterfaceChange> = gone.into_iter().map(InterfaceChange::Gone).collect();
        for index in std::mem::take(&mut self.touched) {
            let Some(known) = self.known.get_mut(&index) else {
                continue;
            };
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
