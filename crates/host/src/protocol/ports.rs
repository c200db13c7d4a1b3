//! The sockets behind an engine's ports.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use waypost_engine::{Datagram, PortId, PortSpec, RxMeta, Transport};
use waypost_sys::udp::{MAX_BATCH, Options, Outgoing, ReceiveBuffers, Socket};
use waypost_sys::wait::{Interest, Poller};
use waypost_sys::{descriptors, interface};
use waypost_types::InterfaceIndex;

/// Octets that may wait to be sent: room for the largest burst an engine sends at once.
const SEND_BUFFER: usize = 4 << 20;
/// Queueing priority of routing packets; the highest needs CAP_NET_ADMIN.
const PRIORITY: u8 = 7;
const UNPRIVILEGED_PRIORITY: u8 = 6;

struct Port {
    /// The name of its interface when it was opened; one that is gone has none any more.
    interface: String,
    socket: Socket,
    transport: Transport,
    groups: Vec<Ipv4Addr>,
}

/// Every open port of one engine.
pub(super) struct Ports {
    poller: Arc<Poller>,
    open: BTreeMap<PortId, Port>,
}

impl Ports {
    pub(super) const fn new(poller: Arc<Poller>) -> Self {
        Self {
            poller,
            open: BTreeMap::new(),
        }
    }

    /// Opens a port, or changes an open one in place. A port that cannot be changed stays as it is.
    pub(super) fn open(&mut self, id: PortId, spec: &PortSpec) -> io::Result<()> {
        let describe = |error: io::Error| {
            let what = match spec.transport {
                Transport::Udp(port) => format!("UDP port {port}"),
                Transport::Raw(protocol) => format!("IP protocol {protocol}"),
            };
            let why = match descriptors::is_exhausted(&error) {
                true => descriptors::exhausted(),
                false => error.to_string(),
            };
            io::Error::new(
                error.kind(),
                format!("interface {}: {what}: {why}", name_of(spec.interface)),
            )
        };
        match self.open.get_mut(&id) {
            Some(port) if port.transport == spec.transport && port.socket.interface() == spec.interface => {
                port.change(spec).map_err(describe)
            }
            _ => {
                let port = Port::new(spec).map_err(describe)?;
                self.close(id);
                self.poller
                    .add(&port.socket, u64::from(id.0), Interest::Read)
                    .map_err(describe)?;
                self.open.insert(id, port);
                Ok(())
            }
        }
    }

    pub(super) fn close(&mut self, id: PortId) {
        if let Some(port) = self.open.remove(&id) {
            // Closing the descriptor removes it from the poller as well; this only makes it certain.
            drop(self.poller.remove(&port.socket));
        }
    }

    pub(super) fn close_all(&mut self) {
        for id in self.open.keys().copied().collect::<Vec<_>>() {
            self.close(id);
        }
    }

    /// Sends datagrams of one port in order. One that cannot be sent does not hold up the others.
    pub(super) fn send<'d>(
        &self,
        id: PortId,
        datagrams: impl Iterator<Item = (&'d Datagram, &'d [u8])>,
    ) -> Result<(), Unsent> {
        let Some(port) = self.open.get(&id) else {
            return Err(Unsent {
                datagrams: u32::try_from(datagrams.count()).unwrap_or(u32::MAX),
                interface: None,
                error: io::Error::new(io::ErrorKind::NotConnected, "the port is not open"),
            });
        };
        let outgoing: Vec<Outgoing<'_>> = datagrams
            .filter_map(|(datagram, bytes)| {
                let SocketAddr::V4(destination) = datagram.destination else {
                    return None;
                };
                let source = match datagram.options.source {
                    Some(IpAddr::V4(source)) => Some(source),
                    _ => None,
                };
                Some(Outgoing {
                    destination,
                    source,
                    ttl: datagram.options.ttl,
                    bytes,
                })
            })
            .collect();
        let mut failure: Option<Unsent> = None;
        let mut rest = outgoing.as_slice();
        while !rest.is_empty() {
            let batch = rest.get(..MAX_BATCH).unwrap_or(rest);
            let passed = match port.socket.send_batch(batch) {
                Ok(sent) => sent.max(1),
                Err(error) => {
                    let unsent = || Unsent {
                        datagrams: 0,
                        interface: Some(port.interface.clone()),
                        error,
                    };
                    failure.get_or_insert_with(unsent).datagrams += 1;
                    1
                }
            };
            rest = rest.get(passed..).unwrap_or_default();
        }
        failure.map_or(Ok(()), Err)
    }

    /// Takes what waits at a port, a bounded number of datagrams.
    pub(super) fn receive(
        &self,
        id: PortId,
        buffers: &mut ReceiveBuffers,
        mut packet: impl FnMut(&RxMeta, &[u8]),
    ) {
        let Some(port) = self.open.get(&id) else { return };
        let received = port.socket.recv_batch(buffers, |datagram| {
            let meta = RxMeta {
                source: datagram.source.into(),
                destination: datagram.destination.into(),
                interface: datagram.interface,
                ttl: Some(datagram.ttl),
            };
            packet(&meta, datagram.bytes);
        });
        if let Err(error) = received
            && error.kind() != io::ErrorKind::WouldBlock
        {
            // An interface that went down leaves such an error once; the socket stays good.
            tracing::debug!(%error, port = id.0, "receiving failed");
        }
    }
}

/// Datagrams that could not be sent.
pub(super) struct Unsent {
    /// How many.
    pub(super) datagrams: u32,
    /// Where; `None` when the port is not open. The engine hears of a port that it does not get after it has spoken, and why
    /// it does not get it is told then.
    pub(super) interface: Option<String>,
    /// Why the first of them could not.
    pub(super) error: io::Error,
}

impl Unsent {
    /// Whether the interface went away or down a moment ago: the engine is about to hear of it, and nobody else need to.
    pub(super) fn is_farewell(&self) -> bool {
        interface::is_away(&self.error)
    }
}

fn name_of(index: InterfaceIndex) -> String {
    interface::name(index).unwrap_or_else(|_| format!("number {index}"))
}

fn options(spec: &PortSpec, priority: u8) -> Options {
    Options {
        multicast_ttl: spec.multicast_ttl,
        ttl: spec.ttl,
        min_ttl: spec.minimum_ttl,
        multicast_loop: false,
        tos: spec.dscp << 2,
        priority,
        broadcast: spec.broadcast,
        receive_buffer: spec.receive_buffer as usize,
        send_buffer: SEND_BUFFER,
    }
}

impl Port {
    fn new(spec: &PortSpec) -> io::Result<Self> {
        let open = |priority| match spec.transport {
            Transport::Udp(number) => Socket::open(spec.interface, number, &options(spec, priority)),
            Transport::Raw(protocol) => Socket::open_raw(spec.interface, protocol, &options(spec, priority)),
        };
        let socket = match open(PRIORITY) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open(UNPRIVILEGED_PRIORITY)?,
            opened => opened?,
        };
        descriptors::keep_reserve(&socket)?;
        let mut port = Self {
            interface: name_of(spec.interface),
            socket,
            transport: spec.transport,
            groups: Vec::new(),
        };
        port.set_groups(spec)?;
        Ok(port)
    }

    fn change(&mut self, spec: &PortSpec) -> io::Result<()> {
        let before = *self.socket.options();
        self.socket.set_options(&options(spec, before.priority))?;
        if let Err(error) = self.set_groups(spec) {
            self.socket.set_options(&before)?;
            return Err(error);
        }
        Ok(())
    }

    /// New groups are joined before old ones are left; on an error none is left.
    fn set_groups(&mut self, spec: &PortSpec) -> io::Result<()> {
        for group in &spec.groups {
            if !self.groups.contains(group) {
                self.socket.join(*group)?;
                self.groups.push(*group);
            }
        }
        for group in std::mem::take(&mut self.groups) {
            if spec.groups.contains(&group) {
                self.groups.push(group);
            } else {
                self.socket.leave(group)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use waypost_engine::{Outbox, Output, TxOptions};
    use waypost_types::InterfaceIndex;

    use super::*;

    #[test]
    fn datagrams_that_the_kernel_refuses_are_counted_and_hold_up_nobody() {
        let mut ports = Ports::new(Arc::new(Poller::new().unwrap()));
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = receiver.local_addr().unwrap();
        let loopback = PortSpec {
            transport: Transport::Udp(0),
            interface: InterfaceIndex(1),
            groups: Default::default(),
            broadcast: false,
            ttl: 64,
            multicast_ttl: 1,
            minimum_ttl: 0,
            dscp: 48,
            receive_buffer: 4096,
        };
        ports.open(PortId(1), &loopback).unwrap();
        let mut out = Outbox::new();
        let too_long = vec![0; 70_000];
        for octets in [&b"one"[..], &too_long, b"two"] {
            out.send(PortId(1), to, TxOptions::default(), octets);
        }
        let send = |ports: &Ports| {
            let datagrams = out.outputs().iter().filter_map(|output| match output {
                Output::Send(datagram) => Some((datagram, out.octets(datagram))),
                _ => None,
            });
            ports.send(PortId(1), datagrams)
        };
        assert_eq!(send(&ports).err().unwrap().datagrams, 1);
        receiver
            .set_read_timeout(Some(std::time::Duration::from_secs(5)))
            .unwrap();
        let mut buffer = [0; 10];
        for expected in [b"one", b"two"] {
            let length = receiver.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected);
        }
        ports.close_all();
        assert_eq!(send(&ports).err().unwrap().datagrams, 3);
    }
}
