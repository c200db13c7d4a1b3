//! A RIP sender that does nothing else: what a receiver can do, without a router at the other end.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};
use waypost_types::Prefix4;

/// Entries of a full message (RFC 2453 §3.6).
const ENTRIES: usize = 25;
/// The least time between two datagrams.
const GAP: Duration = Duration::from_micros(200);
const PORT: u16 = 520;
const RIP2_ROUTERS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 9);

/// A socket and the messages that say it all.
pub(crate) struct Generator {
    socket: Socket,
    messages: Vec<Vec<u8>>,
}

impl Generator {
    /// Announces `prefixes` with metric 1 from `source`; call it where that address is.
    pub(crate) fn new(source: Ipv4Addr, prefixes: &[Prefix4]) -> Result<Self> {
        let socket =
            Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).context("the generator's socket")?;
        socket.set_multicast_if_v4(&source)?;
        socket.set_multicast_loop_v4(false)?;
        socket.bind(&SocketAddrV4::new(source, PORT).into())?;
        let messages = prefixes.chunks(ENTRIES).map(message).collect();
        Ok(Self { socket, messages })
    }

    /// Sends them all, one after the other with a pause between two.
    pub(crate) fn send(&self) -> Result<()> {
        let to = SocketAddrV4::new(RIP2_ROUTERS, PORT).into();
        let mut due = Instant::now();
        for message in &self.messages {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.socket.send_to(message, &to)?;
            // Late ones do not make the next ones come in a heap.
            due = Instant::now().max(due) + GAP;
        }
        Ok(())
    }
}

/// A response of version 2 (RFC 2453 §3.6, §4).
fn message(prefixes: &[Prefix4]) -> Vec<u8> {
    let mut octets = vec![2, 2, 0, 0];
    for prefix in prefixes {
        octets.extend([0, 2, 0, 0]);
        octets.extend(prefix.network().octets());
        octets.extend(prefix.netmask().octets());
        octets.extend([0; 4]);
        octets.extend(1_u32.to_be_bytes());
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_as_the_rfc_draws_it() {
        let prefix: Prefix4 = "10.128.3.0/24".parse().unwrap();
        let octets = message(&[prefix, prefix]);
        assert_eq!(octets.len(), 4 + 2 * 20);
        assert_eq!(octets[..4], [2, 2, 0, 0]);
        let entry = [
            0, 2, 0, 0, 10, 128, 3, 0, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        ];
        assert_eq!(octets[4..24], entry);
        assert_eq!(octets[24..], entry);
    }
}
