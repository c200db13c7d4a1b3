//! Hellos that arrive at a node, seen beside the router that they are for.

use std::io::{ErrorKind, Read};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use socket2::{Domain, Protocol, Socket, Type};

use crate::node::Node;

/// The IP protocol of OSPF (RFC 2328 appendix A.1).
const OSPF: i32 = 89;
/// How long one read waits before the deadline is looked at again.
const LOOK: Duration = Duration::from_millis(50);

/// An ear on a node for the Hellos of one neighbour. What comes before somebody waits is kept by the socket.
#[derive(Debug)]
pub struct Hellos {
    node: String,
    from: Ipv4Addr,
    socket: Socket,
}

impl Hellos {
    /// Hears what comes from `from` from now on. Multicasts are among it while the node's router is in their group.
    pub fn listen(node: &Node, from: &str) -> Result<Self> {
        let socket = node
            .inside(|| Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(OSPF))))?
            .with_context(|| format!("listening for Hellos at {}", node.name()))?;
        socket.set_read_timeout(Some(LOOK))?;
        Ok(Self {
            node: node.name().to_owned(),
            from: from.parse()?,
            socket,
        })
    }

    /// Waits until so many Hellos came, at most for `deadline`.
    pub fn wait_for(&mut self, count: usize, deadline: Duration) -> Result<()> {
        let start = Instant::now();
        let mut buffer = vec![0; 1 << 16];
        let mut heard = 0;
        while heard < count {
            if start.elapsed() > deadline {
                let (node, from) = (&self.node, self.from);
                bail!("{node} heard {heard} of {count} Hellos of {from} within {deadline:?}");
            }
            match self.socket.read(&mut buffer) {
                Ok(length) => {
                    let packet = buffer.get(..length).unwrap_or_default();
                    heard += usize::from(hello_of(packet) == Some(self.from));
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error).context("reading Hellos"),
            }
        }
        Ok(())
    }
}

/// Who sent an IPv4 packet, if it is a Hello of OSPF version 2 (RFC 2328 A.3.2).
fn hello_of(packet: &[u8]) -> Option<Ipv4Addr> {
    let header = usize::from(packet.first()? & 15) * 4;
    let source: [u8; 4] = packet.get(12..16)?.try_into().ok()?;
    (packet.get(header..header + 2)? == [2, 1]).then(|| source.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hellos_have_a_sender() {
        let mut packet = vec![0x46; 24];
        packet[12..16].copy_from_slice(&[10, 0, 0, 1]);
        packet.extend([2, 1, 0, 44]);
        assert_eq!(hello_of(&packet), Some([10, 0, 0, 1].into()));
        assert_eq!(hello_of(&packet[..25]), None);
        packet[25] = 4;
        assert_eq!(hello_of(&packet), None);
        assert_eq!(hello_of(&[]), None);
    }
}
