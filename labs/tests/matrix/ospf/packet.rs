//! OSPF as it is on the wire, read without the code of any router.

use std::net::Ipv4Addr;

use waypost_testkit::Tapped;

/// An OSPF packet (RFC 2328 A.3.1).
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) ttl: u8,
    pub(crate) dscp: u8,
    /// The identifier of the router that sent it.
    pub(crate) router: Ipv4Addr,
    /// How it is authenticated: 0 not at all, 1 by a password, 2 by a digest.
    pub(crate) authentication: u16,
    /// The eight octets that authenticate it: a password, or what says which key a digest is made with.
    pub(crate) credentials: [u8; 8],
    /// What it says if it is a Hello.
    pub(crate) hello: Option<Hello>,
}

/// A Hello (RFC 2328 A.3.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hello {
    /// Seconds between two of them.
    pub(crate) interval: u16,
    pub(crate) priority: u8,
    /// Seconds after which a neighbour that is not heard is lost.
    pub(crate) dead: u32,
}

impl Packet {
    /// Reads a packet; `None` for what is too short.
    pub(crate) fn read(packet: &Tapped) -> Option<Self> {
        let (header, body) = packet.payload.split_at_checked(24)?;
        let hello = |body: &[u8]| -> Option<Hello> {
            let fields: &[u8; 12] = body.first_chunk()?;
            Some(Hello {
                interval: u16::from_be_bytes([fields[4], fields[5]]),
                priority: fields[7],
                dead: u32::from_be_bytes([fields[8], fields[9], fields[10], fields[11]]),
            })
        };
        Some(Self {
            ttl: packet.ttl,
            dscp: packet.dscp,
            router: Ipv4Addr::new(header[4], header[5], header[6], header[7]),
            authentication: u16::from_be_bytes([header[14], header[15]]),
            credentials: header[16..].try_into().ok()?,
            hello: if header[1] == 1 { hello(body) } else { None },
        })
    }

    /// Key identifier of cryptographic authentication (RFC 2328 D.3).
    pub(crate) const fn key(&self) -> Option<u8> {
        if self.authentication == 2 {
            Some(self.credentials[2])
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn what_a_hello_says() {
        let mut payload = vec![2, 1, 0, 44, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 2];
        payload.extend([0, 0, 7, 16, 0, 0, 0, 9]);
        payload.extend([255, 255, 255, 0, 0, 10, 2, 77, 0, 0, 0, 40, 0, 0, 0, 0]);
        let tapped = Tapped {
            at: Instant::now(),
            from: Ipv4Addr::LOCALHOST,
            to: Ipv4Addr::LOCALHOST,
            from_port: 0,
            to_port: 0,
            ttl: 1,
            dscp: 48,
            payload,
        };
        let packet = Packet::read(&tapped).unwrap();
        assert_eq!(
            (packet.key(), packet.router),
            (Some(7), Ipv4Addr::new(1, 1, 1, 1))
        );
        let hello = packet.hello.unwrap();
        assert_eq!((hello.interval, hello.priority, hello.dead), (10, 77, 40));
    }
}
