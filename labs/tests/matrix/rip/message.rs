//! RIP as it is on the wire, read without the code of any router.

use std::net::Ipv4Addr;
use std::time::Instant;

use waypost_testkit::Tapped;

/// RFC 2453 §4.1: the address family of an entry that authenticates.
const AUTHENTICATION: u16 = 0xFFFF;

/// A RIP message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) at: Instant,
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    pub(crate) port: u16,
    pub(crate) ttl: u8,
    pub(crate) dscp: u8,
    /// Octets of UDP payload.
    pub(crate) length: usize,
    /// 1 request, 2 response.
    pub(crate) command: u8,
    pub(crate) version: u8,
    /// Type and contents of the first entry if that authenticates the message.
    pub(crate) authentication: Option<(u16, [u8; 16])>,
    pub(crate) entries: Vec<Entry>,
}

/// A route in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Address/length in version 2, the address alone in version 1.
    pub(crate) prefix: String,
    pub(crate) tag: u16,
    pub(crate) metric: u32,
}

impl Message {
    /// Reads a datagram; `None` for what is too short.
    pub(crate) fn read(datagram: &Tapped) -> Option<Self> {
        let (header, mut rest) = datagram.payload.split_at_checked(4)?;
        let mut message = Self {
            at: datagram.at,
            from: datagram.from,
            to: datagram.to,
            port: datagram.to_port,
            ttl: datagram.ttl,
            dscp: datagram.dscp,
            length: datagram.payload.len(),
            command: header[0],
            version: header[1],
            authentication: None,
            entries: Vec::new(),
        };
        while let Some((entry, more)) = rest.split_at_checked(20) {
            rest = more;
            let short = |at: usize| u16::from_be_bytes([entry[at], entry[at + 1]]);
            let long =
                |at: usize| u32::from_be_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
            match short(0) {
                AUTHENTICATION => {
                    // The trailer with the digest looks like another one (RFC 4822 §2.2).
                    if message.authentication.is_some() {
                        break;
                    }
                    let mut contents = [0; 16];
                    contents.copy_from_slice(&entry[4..]);
                    message.authentication = Some((short(2), contents));
                }
                _ => message.entries.push(Entry {
                    prefix: match message.version {
                        1 => Ipv4Addr::from(long(4)).to_string(),
                        _ => format!("{}/{}", Ipv4Addr::from(long(4)), long(8).count_ones()),
                    },
                    tag: short(2),
                    metric: long(16),
                }),
            }
        }
        Some(message)
    }

    pub(crate) const fn is_response(&self) -> bool {
        self.command == 2
    }

    /// What it says of a prefix.
    pub(crate) fn entry(&self, prefix: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.prefix == prefix)
    }

    /// Whether it says that a prefix can be reached.
    pub(crate) fn offers(&self, prefix: &str) -> bool {
        let network = prefix.split('/').next().unwrap_or_default();
        self.entries
            .iter()
            .any(|entry| (entry.prefix == prefix || entry.prefix == network) && entry.metric < 16)
    }

    /// Key identifier of cryptographic authentication (RFC 4822 §2.2).
    pub(crate) fn key(&self) -> Option<u8> {
        match self.authentication {
            Some((3, contents)) => Some(contents[2]),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: Vec<u8>) -> Message {
        Message::read(&Tapped {
            at: Instant::now(),
            from: Ipv4Addr::LOCALHOST,
            to: Ipv4Addr::LOCALHOST,
            from_port: 520,
            to_port: 520,
            ttl: 1,
            dscp: 48,
            payload,
        })
        .unwrap()
    }

    #[test]
    fn what_a_message_says() {
        let mut octets = vec![2, 2, 0, 0, 255, 255, 0, 3];
        octets.extend([0, 44, 7, 20, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        octets.extend([0, 2, 0, 77, 10, 1, 0, 0, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 4]);
        octets.extend([255, 255, 0, 1, 0xAA, 0xBB]);
        let found = message(octets);
        assert_eq!((found.key(), found.version), (Some(7), 2));
        assert!(found.is_response() && found.offers("10.1.0.0/24") && !found.offers("10.2.0.0/24"));
        let entry = found.entry("10.1.0.0/24").unwrap();
        assert_eq!((entry.tag, entry.metric), (77, 4));
        let old = message(vec![
            2, 1, 0, 0, 0, 2, 0, 0, 10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16,
        ]);
        assert!(!old.offers("10.1.0.0/24"));
        assert_eq!(old.entries[0].prefix, "10.1.0.0");
    }
}
