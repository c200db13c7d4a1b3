//! Preferences of route sources: PRIORITY_INFO 0xFFFF0006 and PRIORITY_INFO_EX 0xFFFF0017 (rras-blocks 9.3).

use std::collections::BTreeMap;

use waypost_types::ProtocolId;
use waypost_wire::{Reader, Writer};

use super::{Block, BlockType, count, dword};
use crate::Refusal;

/// Preference of a source that nothing names (IP_PRIORITY_DEFAULT_METRIC).
pub const DEFAULT_PREFERENCE: u8 = 127;

/// OSPF's preference has no published default; 110 is the common one (rras-blocks 9.3).
const OSPF_PREFERENCE: u8 = 110;

/// Which kind of a protocol's routes an entry is about. Only BGP has kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum SubProtocol {
    /// All of them.
    #[default]
    All = 0,
    /// BGP routes from inside the autonomous system.
    Interior = 1,
    /// BGP routes from outside of it.
    Exterior = 2,
}

/// One entry: routes of `protocol` have `metric` as their preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preference {
    /// The owner of the routes. Any number is accepted, as RRAS does.
    pub protocol: ProtocolId,
    /// Which of its routes.
    pub kind: SubProtocol,
    /// The preference, 1..=255; lower wins.
    pub metric: u8,
}

/// The entries of one block, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriorityInfo {
    /// The entries; of two for the same source the later one counts.
    pub entries: Vec<Preference>,
}

impl PriorityInfo {
    /// Reads a block of either type; 87 with the path of the field, as in `1.metric`.
    pub fn decode(block: &Block) -> Result<Self, Refusal> {
        match block.kind() {
            BlockType::IP_PROT_PRIORITY_INFO => Self::decode_entries(block.bytes(), false),
            BlockType::IP_PROT_PRIORITY_INFO_EX => Self::decode_entries(block.bytes(), true),
            other => Err(Refusal::out_of_range(
                "InfoType",
                other,
                "IP_PROT_PRIORITY_INFO or IP_PROT_PRIORITY_INFO_EX",
            )),
        }
    }

    fn decode_entries(octets: &[u8], extended: bool) -> Result<Self, Refusal> {
        let mut reader = Reader::new(octets);
        let entries = count(&mut reader, "count", if extended { 12 } else { 8 })?;
        let entries = (0..entries)
            .map(|index| {
                decode_entry(&mut reader, extended).map_err(|refusal| refusal.under(&index.to_string()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// PRIORITY_INFO. Entries for one kind of a protocol's routes only cannot be expressed in it and are left out.
    #[must_use]
    pub fn encode(&self) -> Block {
        let entries: Vec<_> = self
            .entries
            .iter()
            .filter(|entry| entry.kind == SubProtocol::All)
            .collect();
        let mut writer = Writer::with_capacity(4 + 8 * entries.len());
        // INVARIANT: a list of 2^32 entries does not fit a container.
        writer.u32_le(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        for entry in entries {
            writer.u32_le(entry.protocol.0).u32_le(entry.metric.into());
        }
        Block::single(BlockType::IP_PROT_PRIORITY_INFO, writer.finish())
    }

    /// PRIORITY_INFO_EX.
    #[must_use]
    pub fn encode_extended(&self) -> Block {
        let mut writer = Writer::with_capacity(4 + 12 * self.entries.len());
        // INVARIANT: as above.
        writer.u32_le(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        for entry in &self.entries {
            writer
                .u32_le(entry.protocol.0)
                .u32_le(entry.kind as u32)
                .u32_le(entry.metric.into());
        }
        Block::single(BlockType::IP_PROT_PRIORITY_INFO_EX, writer.finish())
    }
}

fn decode_entry(reader: &mut Reader<'_>, extended: bool) -> Result<Preference, Refusal> {
    let protocol = ProtocolId(dword(reader, "protocolId")?);
    let kind = match if extended {
        dword(reader, "subProtocol")?
    } else {
        0
    } {
        0 => SubProtocol::All,
        1 if protocol == ProtocolId::BGP_ROUTES => SubProtocol::Interior,
        2 if protocol == ProtocolId::BGP_ROUTES => SubProtocol::Exterior,
        other => {
            return Err(Refusal::out_of_range(
                "subProtocol",
                other,
                "0, for BGP also 1 (interior) and 2 (exterior)",
            ));
        }
    };
    let metric = dword(reader, "metric")?;
    let metric = u8::try_from(metric)
        .ok()
        .filter(|metric| *metric != 0)
        .ok_or_else(|| Refusal::out_of_range("metric", metric, "1..=255"))?;
    Ok(Preference {
        protocol,
        kind,
        metric,
    })
}

/// The preference of a source that no block names (the table of rras-blocks 9.3).
#[must_use]
pub const fn default_preference(protocol: ProtocolId, kind: SubProtocol) -> u8 {
    match (protocol, kind) {
        (ProtocolId::LOCAL, _) => 1,
        (ProtocolId::STATIC, _) => 3,
        (ProtocolId::STATIC_NON_DOD, _) => 5,
        (ProtocolId::AUTOSTATIC, _) => 7,
        (ProtocolId::NETMGMT, _) => 10,
        (ProtocolId::BGP_ROUTES, SubProtocol::Exterior) => 20,
        (ProtocolId::OSPF, _) => OSPF_PREFERENCE,
        (ProtocolId::RIP, _) => 120,
        (ProtocolId::BGP_ROUTES, SubProtocol::Interior) => 200,
        _ => DEFAULT_PREFERENCE,
    }
}

/// The preferences in force: the defaults under whatever blocks say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferenceTable {
    given: BTreeMap<(ProtocolId, SubProtocol), u8>,
}

impl PreferenceTable {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The table that follows from all preference blocks of a container, in their order.
    pub fn from_blocks<'b>(blocks: impl IntoIterator<Item = &'b Block>) -> Result<Self, Refusal> {
        let mut table = Self::new();
        for block in blocks.into_iter().filter(|block| block.kind().may_repeat()) {
            table.apply(&PriorityInfo::decode(block)?);
        }
        Ok(table)
    }

    /// Puts the entries of a block over what is in force.
    pub fn apply(&mut self, info: &PriorityInfo) {
        for entry in &info.entries {
            if entry.kind == SubProtocol::All {
                // All routes of the protocol: earlier entries for some of them do not survive it.
                self.given.retain(|(protocol, _), _| *protocol != entry.protocol);
            }
            self.given.insert((entry.protocol, entry.kind), entry.metric);
        }
    }

    /// The entries that say the same, one for each kind of routes that is given a preference.
    #[must_use]
    pub fn entries(&self) -> Vec<Preference> {
        let entry = |(&(protocol, kind), &metric): (&(ProtocolId, SubProtocol), &u8)| Preference {
            protocol,
            kind,
            metric,
        };
        self.given.iter().map(entry).collect()
    }

    /// The preference of such routes.
    #[must_use]
    pub fn preference(&self, protocol: ProtocolId, kind: SubProtocol) -> u8 {
        self.given
            .get(&(protocol, kind))
            .or_else(|| self.given.get(&(protocol, SubProtocol::All)))
            .copied()
            .unwrap_or_else(|| default_preference(protocol, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(kind: BlockType, words: &[u32]) -> Block {
        Block::single(kind, words.iter().flat_map(|word| word.to_le_bytes()).collect())
    }

    /// The six values that the printed sample holds.
    const SAMPLE: [u32; 13] = [6, 2, 1, 10006, 3, 10007, 5, 10002, 7, 3, 10, 8, 120];

    #[test]
    fn the_printed_sample_is_the_default() {
        let block = block(BlockType::IP_PROT_PRIORITY_INFO, &SAMPLE);
        let info = PriorityInfo::decode(&block).unwrap();
        assert_eq!(info.encode(), block);
        let table = PreferenceTable::from_blocks([&block]).unwrap();
        for entry in &info.entries {
            assert_eq!(default_preference(entry.protocol, SubProtocol::All), entry.metric);
            assert_eq!(table.preference(entry.protocol, SubProtocol::All), entry.metric);
        }
        let bgp = |kind| table.preference(ProtocolId::BGP_ROUTES, kind);
        assert_eq!(
            (bgp(SubProtocol::Exterior), bgp(SubProtocol::Interior)),
            (20, 200)
        );
        assert_eq!(table.preference(ProtocolId(4711), SubProtocol::All), 127);
    }

    #[test]
    fn later_entries_win() {
        let plain = block(BlockType::IP_PROT_PRIORITY_INFO, &[2, 8, 90, 8, 91]);
        let bgp = block(BlockType::IP_PROT_PRIORITY_INFO_EX, &[2, 14, 2, 15, 8, 0, 92]);
        let all = block(BlockType::IP_PROT_PRIORITY_INFO, &[1, 14, 33]);
        let table = PreferenceTable::from_blocks([&plain, &bgp]).unwrap();
        assert_eq!(table.preference(ProtocolId::RIP, SubProtocol::All), 92);
        assert_eq!(
            table.preference(ProtocolId::BGP_ROUTES, SubProtocol::Exterior),
            15
        );
        assert_eq!(
            table.preference(ProtocolId::BGP_ROUTES, SubProtocol::Interior),
            200
        );
        let table = PreferenceTable::from_blocks([&plain, &bgp, &all]).unwrap();
        assert_eq!(
            table.preference(ProtocolId::BGP_ROUTES, SubProtocol::Exterior),
            33
        );
    }

    #[test]
    fn refusals_name_the_entry() {
        let path = |kind, words: &[u32]| PriorityInfo::decode(&block(kind, words)).unwrap_err().path;
        let plain = BlockType::IP_PROT_PRIORITY_INFO;
        let extended = BlockType::IP_PROT_PRIORITY_INFO_EX;
        assert_eq!(path(plain, &[2, 8, 90, 13]), "count");
        assert_eq!(path(plain, &[u32::MAX, 8, 90]), "count");
        assert_eq!(path(plain, &[]), "count");
        assert_eq!(path(plain, &[2, 8, 90, 13, 0]), "1.metric");
        assert_eq!(path(plain, &[1, 8, 256]), "0.metric");
        assert_eq!(path(extended, &[1, 13, 1, 20]), "0.subProtocol");
        assert_eq!(path(extended, &[1, 14, 3, 20]), "0.subProtocol");
        assert_eq!(path(BlockType::IP_GLOBAL_INFO, &[0]), "InfoType");
        // Trailing octets pass.
        assert!(PriorityInfo::decode(&block(plain, &[1, 8, 255, 77])).is_ok());
    }

    proptest! {
        #[test]
        fn round_trip(entries in prop::collection::vec((any::<u32>(), 0u32..3, 1u8..), 0..20)) {
            let entries = entries
                .into_iter()
                .map(|(protocol, kind, metric)| match kind {
                    0 => Preference { protocol: ProtocolId(protocol), kind: SubProtocol::All, metric },
                    1 => Preference { protocol: ProtocolId::BGP_ROUTES, kind: SubProtocol::Interior, metric },
                    _ => Preference { protocol: ProtocolId::BGP_ROUTES, kind: SubProtocol::Exterior, metric },
                })
                .collect();
            let info = PriorityInfo { entries };
            prop_assert_eq!(&PriorityInfo::decode(&info.encode_extended()).unwrap(), &info);
            let plain = PriorityInfo::decode(&info.encode()).unwrap();
            prop_assert!(plain.entries.iter().all(|entry| info.entries.contains(entry)));
        }

        #[test]
        fn hostile_octets_are_read_or_refused(octets: Vec<u8>, entries in 0u32..4, extended: bool) {
            let kind = if extended { BlockType::IP_PROT_PRIORITY_INFO_EX } else { BlockType::IP_PROT_PRIORITY_INFO };
            let octets = [&entries.to_le_bytes()[..], &octets].concat();
            if let Ok(info) = PriorityInfo::decode(&Block::single(kind, octets)) {
                prop_assert_eq!(info.entries.len(), entries as usize);
            }
        }
    }
}
