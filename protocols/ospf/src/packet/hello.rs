//! Hello packets (RFC 2328 A.3.2).

use std::net::Ipv4Addr;

use waypost_wire::{Reader, Writer};

use crate::options::Options;

/// Octets of a Hello's body before the neighbours.
const FIXED: usize = 20;

/// Everything in a Hello but the neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloFields {
    /// The mask of the link; 0.0.0.0 on unnumbered and virtual links.
    pub mask: Ipv4Addr,
    /// Seconds between Hellos.
    pub hello_interval: u16,
    /// What the sender can do.
    pub options: Options,
    /// The sender's wish to become Designated Router; 0: never.
    pub priority: u8,
    /// Seconds after which a silent sender is down.
    pub dead_interval: u32,
    /// The interface address of the Designated Router as the sender sees it; 0.0.0.0: none.
    pub designated_router: Ipv4Addr,
    /// The same of the Backup.
    pub backup: Ipv4Addr,
}

/// A Hello.
#[derive(Clone, Copy, Debug)]
pub struct Hello<'a> {
    /// All but the neighbours.
    pub fields: HelloFields,
    neighbors: &'a [[u8; 4]],
}

impl<'a> Hello<'a> {
    pub(super) fn decode(body: &'a [u8]) -> Option<Self> {
        let (fixed, neighbors) = body.split_at_checked(FIXED)?;
        let mut reader = Reader::new(fixed);
        let fields = HelloFields {
            mask: reader.ipv4().ok()?,
            hello_interval: reader.u16().ok()?,
            options: Options::read(reader.u8().ok()?),
            priority: reader.u8().ok()?,
            dead_interval: reader.u32().ok()?,
            designated_router: reader.ipv4().ok()?,
            backup: reader.ipv4().ok()?,
        };
        let (neighbors, rest) = neighbors.as_chunks();
        rest.is_empty().then_some(Self { fields, neighbors })
    }

    /// The routers the sender heard of lately, by router identifier.
    pub fn neighbors(&self) -> impl ExactSizeIterator<Item = Ipv4Addr> + Clone + use<'a> {
        self.neighbors.iter().map(|octets| Ipv4Addr::from(*octets))
    }
}

impl HelloFields {
    /// Appends the body of a Hello.
    pub fn encode(&self, neighbors: impl IntoIterator<Item = Ipv4Addr>, writer: &mut Writer) {
        writer
            .ipv4(self.mask)
            .u16(self.hello_interval)
            .u8(self.options.bits())
            .u8(self.priority)
            .u32(self.dead_interval)
            .ipv4(self.designated_router)
            .ipv4(self.backup);
        for neighbor in neighbors {
            writer.ipv4(neighbor);
        }
    }
}
