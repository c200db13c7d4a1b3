//! The Options field of Hellos, Database Descriptions and LSAs (RFC 2328 A.2).

bitflags::bitflags! {
    /// What a router can do. Bits nobody gave a meaning to are kept as they came: LSAs are passed on unchanged.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Options: u8 {
        /// Multi-topology (RFC 4915); the T bit of older versions.
        const MT = 0x01;
        /// AS-external-LSAs are flooded (E): clear in stub areas and NSSAs.
        const EXTERNAL = 0x02;
        /// Multicast extensions (RFC 1584).
        const MULTICAST = 0x04;
        /// In Hellos and DD packets: Type-7 LSAs are understood (N); in Type-7 LSAs: to be translated (P). RFC 3101 §2.3, A.
        const NSSA = 0x08;
        /// A block for link-local signalling follows (L, RFC 5613 §2.1).
        const LLS = 0x10;
        /// Demand circuits (RFC 1793).
        const DEMAND_CIRCUITS = 0x20;
        /// Opaque LSAs are understood (O, RFC 5250 §3).
        const OPAQUE = 0x40;
        /// Set in what a provider edge advertises, lest it come back (DN, RFC 4576).
        const DOWN = 0x80;
    }
}

impl Options {
    /// Reads the octet, keeping every bit.
    #[must_use]
    pub const fn read(octet: u8) -> Self {
        Self::from_bits_retain(octet)
    }
}
