//! The block container (RTR_INFO_BLOCK_HEADER) and the MprInfo functions on it (router-services C3, C4).

use std::collections::BTreeSet;

use waypost_wire::{Reader, Writer};

use super::{BlockType, cut_short, dword};
use crate::{InfoBlock, Refusal, Status};

/// Most directory entries of a container (router-services P-81).
pub const MAX_BLOCKS: usize = 4096;

/// Most octets of a container (router-services P-81).
pub const MAX_HEADER_SIZE: usize = 16 << 20;

/// The only version of the container.
const VERSION: u32 = 1;

/// Octets before the first directory entry.
const FIXED: usize = 12;

/// Octets of a directory entry.
const ENTRY: usize = 16;

/// A container without entries has room for one all the same: `sizeof(RTR_INFO_BLOCK_HEADER)`.
const EMPTY_SIZE: usize = FIXED + ENTRY;

/// One directory entry with its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    kind: BlockType,
    item_size: u32,
    item_count: u32,
    bytes: Vec<u8>,
}

impl Block {
    /// A block of `item_count` items of `item_size` octets each.
    ///
    /// 87 when that is not how many octets `bytes` has. Without any octets, size and count become 0: the published form of
    /// the block that deletes a client from an interface.
    pub fn new(
        kind: BlockType,
        item_size: u32,
        item_count: u32,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Self, Refusal> {
        let bytes = bytes.into();
        if u64::from(item_size) * u64::from(item_count) != bytes.len() as u64 {
            return Err(Refusal::invalid("InfoSize x Count is not the size of the data")
                .at("InfoSize")
                .with_value(format!("{item_size} x {item_count}"))
                .with_allowed(bytes.len().to_string()));
        }
        let (item_size, item_count) = if bytes.is_empty() {
            (0, 0)
        } else {
            (item_size, item_count)
        };
        Ok(Self {
            kind,
            item_size,
            item_count,
            bytes,
        })
    }

    /// A block of one item.
    #[must_use]
    pub fn single(kind: BlockType, bytes: Vec<u8>) -> Self {
        // INVARIANT: what is too long for a DWORD is far over MAX_HEADER_SIZE and never gets into a container.
        let item_size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self {
            kind,
            item_size,
            item_count: u32::from(item_size != 0),
            bytes,
        }
    }

    /// The block that a client's configuration travels in.
    pub fn from_info(kind: BlockType, info: &InfoBlock) -> Result<Self, Refusal> {
        Self::new(
            kind,
            info.structure_size,
            info.structure_count,
            info.bytes.clone(),
        )
    }

    /// The configuration triple that a client is called with. The directory has no version: it is always 1
    /// (routing-protocol-interface P-12).
    #[must_use]
    pub fn to_info(&self) -> InfoBlock {
        if self.is_empty() {
            return InfoBlock::absent();
        }
        InfoBlock {
            version: 1,
            structure_size: self.item_size,
            structure_count: self.item_count,
            bytes: self.bytes.clone(),
        }
    }

    /// InfoType.
    #[must_use]
    pub const fn kind(&self) -> BlockType {
        self.kind
    }

    /// InfoSize: octets of one item.
    #[must_use]
    pub const fn item_size(&self) -> u32 {
        self.item_size
    }

    /// Count: how many items.
    #[must_use]
    pub const fn item_count(&self) -> u32 {
        self.item_count
    }

    /// The octets of all items.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is the zero-length block, which asks to delete a client from an interface.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Blocks in the order of their directory.
///
/// The methods named like the MprInfo functions answer with those functions' documented codes and change nothing when they
/// refuse. A type may be there repeatedly only when [`BlockType::may_repeat`] says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InfoHeader {
    blocks: Vec<Block>,
}

impl InfoHeader {
    /// MprInfoCreate: a container without blocks. ERROR_NOT_SUPPORTED for any version but 1 (P-82).
    pub fn create(version: u32) -> Result<Self, Refusal> {
        if version != VERSION {
            return Err(Refusal::new(
                Status::ERROR_NOT_SUPPORTED,
                "no such version of the block container",
            )
            .at("Version")
            .with_value(version)
            .with_allowed("1"));
        }
        Ok(Self::default())
    }

    /// Reads a container by the reader rules of C3; everything is checked before anything is returned.
    ///
    /// Tolerated: blocks at odd offsets or on top of each other, slack anywhere, a last block without padding, octets after
    /// Size. Everything else is 87 and names the entry, as in `entries.3.Offset`.
    pub fn parse(octets: &[u8]) -> Result<Self, Refusal> {
        let mut reader = Reader::new(octets);
        let version = dword(&mut reader, "Version")?;
        if version != VERSION {
            return Err(Refusal::out_of_range("Version", version, "1"));
        }
        let size = dword(&mut reader, "Size")?;
        let limit = octets.len().min(MAX_HEADER_SIZE);
        let Some(whole) = octets.get(..size as usize).filter(|whole| whole.len() <= limit) else {
            return Err(Refusal::out_of_range("Size", size, format!("{FIXED}..={limit}")));
        };
        let entries = dword(&mut reader, "TocEntriesCount")?;
        let room = (whole.len().saturating_sub(FIXED) / ENTRY).min(MAX_BLOCKS);
        if entries as usize > room || whole.len() < FIXED {
            return Err(Refusal::out_of_range(
                "TocEntriesCount",
                entries,
                format!("0..={room}"),
            ));
        }
        let mut header = Self::default();
        let mut seen = BTreeSet::new();
        let mut canonical = data_start(entries as usize);
        for index in 0..entries {
            let block = parse_entry(&mut reader, whole, data_floor(entries as usize), &mut canonical)
                .map_err(|refusal| refusal.under(&format!("entries.{index}")))?;
            if !seen.insert(block.kind) && !block.kind.may_repeat() {
                return Err(Refusal::invalid("this type of block is there twice")
                    .at(&format!("entries.{index}.InfoType"))
                    .with_value(block.kind));
            }
            header.blocks.push(block);
        }
        Ok(header)
    }

    /// Writes the canonical container: directory first, blocks in its order at multiples of 8, padding zero and counted.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut directory = Writer::with_capacity(self.size());
        // INVARIANT: add, set and parse keep the container under MAX_HEADER_SIZE and MAX_BLOCKS, far below 2^32.
        let word = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        directory
            .u32_le(VERSION)
            .u32_le(word(self.size()))
            .u32_le(word(self.blocks.len()));
        let mut offset = data_start(self.blocks.len());
        let start = offset;
        let mut content = Writer::with_capacity(self.size() - start.min(self.size()));
        for block in &self.blocks {
            directory
                .u32_le(block.kind.0)
                .u32_le(block.item_size)
                .u32_le(block.item_count)
                .u32_le(word(offset));
            content.slice(&block.bytes);
            offset += padded(block.bytes.len());
            content.zeros(offset - start - content.len());
        }
        let gap = if self.blocks.is_empty() {
            EMPTY_SIZE - directory.len()
        } else {
            start - directory.len()
        };
        directory.zeros(gap).slice(content.as_slice());
        directory.finish()
    }

    /// MprInfoBlockQuerySize: octets of the canonical container.
    #[must_use]
    pub fn query_size(&self) -> u32 {
        // INVARIANT: as in `build`.
        u32::try_from(self.size()).unwrap_or(u32::MAX)
    }

    fn size(&self) -> usize {
        if self.blocks.is_empty() {
            return EMPTY_SIZE;
        }
        let content: usize = self.blocks.iter().map(|block| padded(block.bytes.len())).sum();
        data_start(self.blocks.len()) + content
    }

    /// The blocks in directory order.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// MprInfoBlockAdd: appends a block. 87 when the type is there, or the container would exceed its limits.
    pub fn add(&mut self, block: Block) -> Result<(), Refusal> {
        if self.exists(block.kind) {
            return Err(Refusal::invalid("this type of block is there already")
                .at("InfoType")
                .with_value(block.kind));
        }
        check_limits(self.blocks.iter().chain([&block]))?;
        self.blocks.push(block);
        Ok(())
    }

    /// MprInfoBlockSet: replaces a block in its place. 87 when the type is absent or the container would get too large.
    ///
    /// Of a type that is there repeatedly, one block remains.
    pub fn set(&mut self, block: Block) -> Result<(), Refusal> {
        let Some(place) = self.position(block.kind) else {
            return Err(absent(Status::ERROR_INVALID_PARAMETER, block.kind));
        };
        let kind = block.kind;
        check_limits(self.blocks.iter().filter(|old| old.kind != kind).chain([&block]))?;
        self.blocks.retain(|old| old.kind != kind);
        // The first of its type has none before it, so what `retain` took away lay at or after its place.
        self.blocks.insert(place, block);
        Ok(())
    }

    /// MprInfoBlockFind: the block of a type, the last one of those that may repeat. ERROR_NOT_FOUND when absent.
    pub fn find(&self, kind: BlockType) -> Result<&Block, Refusal> {
        self.blocks
            .iter()
            .rfind(|block| block.kind == kind)
            .ok_or_else(|| absent(Status::ERROR_NOT_FOUND, kind))
    }

    /// MprInfoBlockExists.
    #[must_use]
    pub fn exists(&self, kind: BlockType) -> bool {
        self.position(kind).is_some()
    }

    /// MprInfoBlockRemove: removes every block of a type. 87 when absent.
    pub fn remove(&mut self, kind: BlockType) -> Result<(), Refusal> {
        if !self.exists(kind) {
            return Err(absent(Status::ERROR_INVALID_PARAMETER, kind));
        }
        self.blocks.retain(|block| block.kind != kind);
        Ok(())
    }

    /// MprInfoRemoveAll.
    pub fn remove_all(&mut self) {
        self.blocks.clear();
    }

    fn position(&self, kind: BlockType) -> Option<usize> {
        self.blocks.iter().position(|block| block.kind == kind)
    }
}

/// Refuses a container of these blocks that would exceed the limits of P-81.
fn check_limits<'b>(blocks: impl Iterator<Item = &'b Block>) -> Result<(), Refusal> {
    let (count, content) = blocks.fold((0, 0_usize), |(count, content), block| {
        (count + 1, content.saturating_add(padded(block.bytes.len())))
    });
    if count > MAX_BLOCKS {
        return Err(Refusal::out_of_range(
            "TocEntriesCount",
            count,
            format!("0..={MAX_BLOCKS}"),
        ));
    }
    let size = data_start(count).saturating_add(content);
    if size > MAX_HEADER_SIZE {
        return Err(Refusal::out_of_range(
            "Size",
            size,
            format!("{FIXED}..={MAX_HEADER_SIZE}"),
        ));
    }
    Ok(())
}

fn absent(status: Status, kind: BlockType) -> Refusal {
    Refusal::new(status, "there is no block of this type")
        .at("InfoType")
        .with_value(kind)
}

/// Where the directory of `entries` entries ends.
const fn data_floor(entries: usize) -> usize {
    FIXED + ENTRY * entries
}

/// Where the first block lies in the canonical form.
const fn data_start(entries: usize) -> usize {
    padded(data_floor(entries))
}

const fn padded(length: usize) -> usize {
    length.next_multiple_of(8)
}

/// Reads one directory entry and copies its block out of `whole`. `canonical` counts the octets that all blocks take when
/// written one after the other: blocks that lie on top of each other must not add up to more than a container may have.
fn parse_entry(
    reader: &mut Reader<'_>,
    whole: &[u8],
    floor: usize,
    canonical: &mut usize,
) -> Result<Block, Refusal> {
    let kind = BlockType(dword(reader, "InfoType")?);
    let item_size = dword(reader, "InfoSize")?;
    let item_count = dword(reader, "Count")?;
    let offset = dword(reader, "Offset")? as usize;
    let length = u64::from(item_size) * u64::from(item_count);
    if length == 0 {
        return Block::new(kind, 0, 0, Vec::new());
    }
    let Some(length) = usize::try_from(length).ok().filter(|l| *l <= whole.len()) else {
        return Err(Refusal::out_of_range(
            "InfoSize",
            format!("{item_size} x {item_count}"),
            format!("0..={} octets", whole.len()),
        ));
    };
    let last = whole.len() - length;
    if !(floor..=last).contains(&offset) {
        return Err(Refusal::out_of_range(
            "Offset",
            offset,
            format!("{floor}..={last}"),
        ));
    }
    *canonical += padded(length);
    if *canonical > MAX_HEADER_SIZE {
        return Err(
            Refusal::invalid("the blocks lie on top of each other and are too large together")
                .at("InfoSize")
                .with_value(length)
                .with_allowed(format!("{MAX_HEADER_SIZE} octets in all")),
        );
    }
    let mut reader = Reader::new(whole);
    let bytes = reader
        .skip(offset)
        .and_then(|()| reader.take(length))
        .map_err(cut_short)?;
    Block::new(kind, item_size, item_count, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn path(octets: &[u8]) -> String {
        let refusal = InfoHeader::parse(octets).unwrap_err();
        assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
        refusal.path
    }

    #[test]
    fn worked_example() {
        // router-services C3: type 200, one item 0x00000002.
        let octets = words(&[1, 0x28, 1, 200, 4, 1, 0x20, 0, 2, 0]);
        let header = InfoHeader::parse(&octets).unwrap();
        assert_eq!(header.blocks(), [Block::single(BlockType(200), words(&[2]))]);
        assert_eq!(header.build(), octets);
        assert_eq!(header.query_size(), 0x28);
    }

    #[test]
    fn published_filter_header_and_its_malformed_neighbour() {
        // rras-blocks 9.2: one filter, InfoSize 40, Offset 32, Size 72.
        let mut octets = words(&[1, 72, 1, BlockType::IP_IN_FILTER_INFO.0, 40, 1, 32, 0]);
        octets.extend([7; 40]);
        let header = InfoHeader::parse(&octets).unwrap();
        assert_eq!(
            header.find(BlockType::IP_IN_FILTER_INFO).unwrap().bytes(),
            [7; 40]
        );
        assert_eq!(header.build(), octets);
        // The MPR_FILTER_0 entry of the same example claims to lie inside the directory.
        let malformed = words(&[1, 32, 1, BlockType::IP_FILTER_ENABLE_INFO.0, 20, 1, 16, 0]);
        assert_eq!(path(&malformed), "entries.0.Offset");
    }

    #[test]
    fn slack_missing_padding_and_trailing_octets_are_accepted() {
        // rras-blocks 1.2: Size 0x78 with 12 octets of slack; Size 0xFC with an unpadded last block of 4 octets.
        let mut slack = words(&[1, 0x78, 1, 8, 4, 1, 0x68]);
        slack.resize(0x68, 0);
        slack.extend([1, 2, 3, 4]);
        slack.resize(0x78, 0);
        assert_eq!(
            InfoHeader::parse(&slack).unwrap().blocks(),
            [Block::single(BlockType(8), vec![1, 2, 3, 4])]
        );
        let mut unpadded = words(&[1, 0xFC, 1, 8, 4, 1, 0xF8]);
        unpadded.resize(0xF8, 0);
        unpadded.extend([1, 2, 3, 4]);
        assert_eq!(unpadded.len(), 0xFC);
        let parsed = InfoHeader::parse(&unpadded).unwrap();
        unpadded.extend([9; 5]);
        assert_eq!(InfoHeader::parse(&unpadded), Ok(parsed));
    }

    #[test]
    fn bounds_are_checked() {
        assert_eq!(path(&words(&[2, 28, 0])), "Version");
        assert_eq!(path(&words(&[1, 29, 0, 0, 0, 0, 0])), "Size");
        assert_eq!(path(&words(&[1, 11, 0])), "TocEntriesCount");
        assert_eq!(path(&[1, 0, 0, 0, 12, 0]), "Size");
        assert_eq!(path(&words(&[1, 28, 2, 0, 0, 0, 0])), "TocEntriesCount");
        assert_eq!(path(&words(&[1, 28, u32::MAX, 0, 0, 0, 0])), "TocEntriesCount");
        let entry = |size, count, offset| words(&[1, 40, 1, 8, size, count, offset, 0, 0, 0]);
        assert_eq!(path(&entry(u32::MAX, u32::MAX, 32)), "entries.0.InfoSize");
        assert_eq!(path(&entry(8, 1, 33)), "entries.0.Offset");
        assert_eq!(path(&entry(8, 1, 27)), "entries.0.Offset");
        assert_eq!(path(&entry(8, 1, u32::MAX)), "entries.0.Offset");
        assert!(InfoHeader::parse(&entry(4, 3, 28)).is_ok());
        // Zero-length blocks point nowhere.
        assert!(InfoHeader::parse(&entry(0, 0, u32::MAX)).unwrap().blocks()[0].is_empty());
    }

    #[test]
    fn only_preferences_may_repeat() {
        let twice = |kind: u32| words(&[1, 52, 2, kind, 4, 1, 44, kind, 4, 1, 48, 5, 6]);
        assert_eq!(path(&twice(8)), "entries.1.InfoType");
        for kind in [0xFFFF_0006, 0xFFFF_0017] {
            let mut header = InfoHeader::parse(&twice(kind)).unwrap();
            assert_eq!(header.find(BlockType(kind)).unwrap().bytes(), words(&[6]));
            header.set(Block::single(BlockType(kind), words(&[7]))).unwrap();
            assert_eq!(header.blocks(), [Block::single(BlockType(kind), words(&[7]))]);
        }
    }

    #[test]
    fn overlapping_blocks_cannot_multiply_the_container() {
        // 4096 entries that all name the same megabyte would be 4 GiB.
        let entries = MAX_BLOCKS as u32;
        let size = (data_floor(MAX_BLOCKS) + (1 << 20)) as u32;
        let mut octets = words(&[1, size, entries]);
        for kind in 0..entries {
            octets.extend(words(&[kind, 1 << 20, 1, data_floor(MAX_BLOCKS) as u32]));
        }
        octets.resize(size as usize, 0);
        assert_eq!(path(&octets), "entries.15.InfoSize");
    }

    #[test]
    fn documented_codes() {
        let code = |result: Result<(), Refusal>| result.unwrap_err().status;
        assert_eq!(
            InfoHeader::create(2).unwrap_err().status,
            Status::ERROR_NOT_SUPPORTED
        );
        let mut header = InfoHeader::create(1).unwrap();
        assert_eq!((header.query_size(), header.build().len()), (28, 28));
        assert_eq!(InfoHeader::parse(&header.build()), Ok(header.clone()));
        let block = |value| Block::single(BlockType(8), words(&[value]));
        assert_eq!(
            header.find(BlockType(8)).unwrap_err().status,
            Status::ERROR_NOT_FOUND
        );
        assert_eq!(code(header.set(block(1))), Status::ERROR_INVALID_PARAMETER);
        assert_eq!(code(header.remove(BlockType(8))), Status::ERROR_INVALID_PARAMETER);
        header.add(block(1)).unwrap();
        assert_eq!(code(header.add(block(2))), Status::ERROR_INVALID_PARAMETER);
        header.add(Block::single(BlockType(13), Vec::new())).unwrap();
        header.set(block(3)).unwrap();
        assert_eq!(
            header.blocks(),
            [block(3), Block::single(BlockType(13), Vec::new())]
        );
        assert_eq!(header.find(BlockType(13)).unwrap().to_info(), InfoBlock::absent());
        let before = header.clone();
        assert_eq!(
            header
                .add(Block::single(BlockType(9), vec![0; MAX_HEADER_SIZE]))
                .unwrap_err()
                .path,
            "Size"
        );
        assert_eq!(header, before);
        header.remove(BlockType(8)).unwrap();
        assert!(!header.exists(BlockType(8)));
        header.remove_all();
        assert!(header.blocks().is_empty());
        assert!(Block::new(BlockType(8), 3, 2, vec![0; 5]).is_err());
    }

    #[test]
    fn a_clients_block_keeps_its_triple() {
        let info = InfoBlock::new(1, vec![1, 2, 3]);
        assert_eq!(Block::from_info(BlockType(8), &info).unwrap().to_info(), info);
    }

    proptest! {
        #[test]
        fn parse_undoes_build(blocks in prop::collection::btree_map(any::<u32>(), (1u32..9, 0u32..5), 0..12)) {
            let mut header = InfoHeader::default();
            for (kind, (size, items)) in blocks {
                let bytes: Vec<u8> = (0..size * items).map(|byte| byte as u8).collect();
                header.add(Block::new(BlockType(kind), size, items, bytes).unwrap()).unwrap();
            }
            let octets = header.build();
            prop_assert_eq!(octets.len(), header.query_size() as usize);
            prop_assert_eq!(InfoHeader::parse(&octets).unwrap(), header.clone());
            for cut in 0..octets.len() {
                prop_assert!(InfoHeader::parse(&octets[..cut]).is_err());
            }
        }

        #[test]
        fn hostile_octets_are_read_or_refused(
            words in prop::collection::vec(prop_oneof![0u32..80, any::<u32>()], 0..40),
            entries in 0u32..6,
        ) {
            let mut octets = vec![1u32, words.len() as u32 * 4 + 12, entries];
            octets.extend(words);
            let octets: Vec<u8> = octets.iter().flat_map(|word| word.to_le_bytes()).collect();
            if let Ok(header) = InfoHeader::parse(&octets) {
                prop_assert_eq!(header.blocks().len(), entries as usize);
                prop_assert_eq!(InfoHeader::parse(&header.build()).unwrap(), header);
            }
        }
    }
}
