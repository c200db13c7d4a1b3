//! What arrives at a node, seen below its sockets.

use std::io::{self, Read};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

use crate::node::Node;

/// How long the thread waits before it looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);
/// Datagrams kept at most; a tap is for short times of quiet links.
const MOST: usize = 100_000;

/// A packet as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tapped {
    /// When it was read.
    pub at: Instant,
    /// Its sender.
    pub from: Ipv4Addr,
    /// Where it was sent to: this node, a broadcast address or a group.
    pub to: Ipv4Addr,
    /// The sender's UDP port; 0 of other protocols.
    pub from_port: u16,
    /// The UDP port it was sent to; 0 of other protocols.
    pub to_port: u16,
    /// Time to live as received.
    pub ttl: u8,
    /// Differentiated services codepoint.
    pub dscp: u8,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Records the packets of a protocol that a node's kernel takes in, whoever has sockets for them.
///
/// Multicasts are among them while somebody on the node is in their group.
#[derive(Debug)]
pub struct Tap {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    heard: Mutex<Vec<Tapped>>,
}

impl Tap {
    /// Starts to record UDP datagrams to some ports.
    pub fn udp(node: &Node, ports: &[u16]) -> Result<Self> {
        let ports = ports.to_vec();
        Self::start(node, Protocol::UDP, move |octets| {
            datagram(octets).filter(|datagram| ports.contains(&datagram.to_port))
        })
    }

    /// Starts to record what another protocol carries, by its number.
    pub fn protocol(node: &Node, number: u8) -> Result<Self> {
        Self::start(node, Protocol::from(i32::from(number)), packet)
    }

    fn start(
        node: &Node,
        protocol: Protocol,
        read: impl Fn(&[u8]) -> Option<Tapped> + Send + 'static,
    ) -> Result<Self> {
        let mut socket = node
            .inside(|| Socket::new(Domain::IPV4, Type::RAW, Some(protocol)))?
            .with_context(|| format!("tapping {}", node.name()))?;
        socket.set_read_timeout(Some(LOOK))?;
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.record(&mut socket, read)
        });
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What was heard since `from`, in order.
    #[must_use]
    pub fn since(&self, from: Instant) -> Vec<Tapped> {
        let heard = self.shared.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let first = heard.partition_point(|datagram| datagram.at < from);
        heard.get(first..).unwrap_or_default().to_vec()
    }

    /// Forgets what was heard.
    pub fn clear(&self) {
        self.shared
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn record(&self, socket: &mut Socket, read: impl Fn(&[u8]) -> Option<Tapped>) {
        let mut buffer = vec![0; 1 << 16];
        while !self.stop.load(Ordering::Acquire) {
            let length = match socket.read(&mut buffer) {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                // Errors of an interface that went down, or a signal: the socket stays good.
                Err(_) => {
                    thread::sleep(LOOK);
                    continue;
                }
            };
            let Some(datagram) = buffer.get(..length).and_then(&read) else {
                continue;
            };
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.len() < MOST {
                heard.push(datagram);
            }
        }
    }
}

/// A packet with its header of IPv4 (RFC 791 §3.1).
fn packet(octets: &[u8]) -> Option<Tapped> {
    let header = usize::from(octets.first()? & 15) * 4;
    let address = |at: usize| -> Option<Ipv4Addr> {
        let octets: [u8; 4] = octets.get(at..at + 4)?.try_into().ok()?;
        Some(octets.into())
    };
    Some(Tapped {
        at: Instant::now(),
        from: address(12)?,
        to: address(16)?,
        from_port: 0,
        to_port: 0,
        ttl: *octets.get(8)?,
        dscp: octets.get(1)? >> 2,
        payload: octets.get(header..)?.to_vec(),
    })
}

/// A datagram with its headers of IPv4 and UDP (RFC 768).
fn datagram(octets: &[u8]) -> Option<Tapped> {
    let packet = packet(octets)?;
    let (header, payload) = packet.payload.split_at_checked(8)?;
    let port = |at: usize| -> Option<u16> {
        let octets: [u8; 2] = header.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_be_bytes(octets))
    };
    Some(Tapped {
        from_port: port(0)?,
        to_port: port(2)?,
        payload: payload.to_vec(),
        ..packet
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let mut octets = vec![
            0x45, 0xC0, 0, 30, 0, 0, 0, 0, 7, 17, 0, 0, 10, 0, 0, 1, 224, 0, 0, 9,
        ];
        octets.extend([2, 8, 2, 9, 0, 10, 0, 0, 0xAB, 0xCD]);
        let found = datagram(&octets).unwrap();
        assert_eq!(
            (found.from, found.to),
            ([10, 0, 0, 1].into(), [224, 0, 0, 9].into())
        );
        assert_eq!((found.from_port, found.to_port), (520, 521));
        assert_eq!((found.ttl, found.dscp), (7, 48));
        assert_eq!(found.payload, [0xAB, 0xCD]);
        assert_eq!(datagram(&octets[..27]), None);
        assert_eq!(datagram(&[]), None);
        let found = packet(&octets).unwrap();
        assert_eq!((found.to_port, &found.payload[..2]), (0, &[2, 8][..]));
    }
}
