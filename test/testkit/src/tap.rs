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

/// A UDP datagram as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tapped {
    /// When it was read.
    pub at: Instant,
    /// Its sender.
    pub from: Ipv4Addr,
    /// Where it was sent to: this node, a broadcast address or a group.
    pub to: Ipv4Addr,
    /// The sender's port.
    pub from_port: u16,
    /// The port it was sent to.
    pub to_port: u16,
    /// Time to live as received.
    pub ttl: u8,
    /// Differentiated services codepoint.
    pub dscp: u8,
    /// What it carries.
    pub payload: Vec<u8>,
}

/// Records the UDP datagrams to some ports that a node's kernel takes in, whoever has sockets for them.
///
/// Multicasts are among them while somebody on the node is in their group.
#[derive(Debug)]
pub struct UdpTap {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    heard: Mutex<Vec<Tapped>>,
}

impl UdpTap {
    /// Starts to record what comes for `ports`.
    pub fn start(node: &Node, ports: &[u16]) -> Result<Self> {
        let mut socket = node
            .inside(|| Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)))?
            .with_context(|| format!("tapping {}", node.name()))?;
        socket.set_read_timeout(Some(LOOK))?;
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let (shared, ports) = (Arc::clone(&shared), ports.to_vec());
            move || shared.record(&mut socket, &ports)
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

impl Drop for UdpTap {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Shared {
    fn record(&self, socket: &mut Socket, ports: &[u16]) {
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
            let Some(datagram) = buffer.get(..length).and_then(read) else {
                continue;
            };
            if !ports.contains(&datagram.to_port) {
                continue;
            }
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.len() < MOST {
                heard.push(datagram);
            }
        }
    }
}

/// A datagram with its headers of IPv4 and UDP (RFC 791 §3.1, RFC 768).
fn read(octets: &[u8]) -> Option<Tapped> {
    let header = usize::from(octets.first()? & 15) * 4;
    let address = |at: usize| -> Option<Ipv4Addr> {
        let octets: [u8; 4] = octets.get(at..at + 4)?.try_into().ok()?;
        Some(octets.into())
    };
    let number = |at: usize| -> Option<u16> {
        let octets: [u8; 2] = octets.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_be_bytes(octets))
    };
    Some(Tapped {
        at: Instant::now(),
        from: address(12)?,
        to: address(16)?,
        from_port: number(header)?,
        to_port: number(header + 2)?,
        ttl: *octets.get(8)?,
        dscp: octets.get(1)? >> 2,
        payload: octets.get(header + 8..)?.to_vec(),
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
        let found = read(&octets).unwrap();
        assert_eq!(
            (found.from, found.to),
            ([10, 0, 0, 1].into(), [224, 0, 0, 9].into())
        );
        assert_eq!((found.from_port, found.to_port), (520, 521));
        assert_eq!((found.ttl, found.dscp), (7, 48));
        assert_eq!(found.payload, [0xAB, 0xCD]);
        assert_eq!(read(&octets[..20]), None);
        assert_eq!(read(&[]), None);
    }
}
