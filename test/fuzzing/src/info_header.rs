//! The published container and the router manager's own blocks.

use waypost_routprot::router_blocks::{
    Block, BlockType, GlobalInfo, InfoHeader, InterfaceStatusInfo, MAX_HEADER_SIZE, PreferenceTable,
    PriorityInfo, decode_interface_routes, decode_routes, encode_routes, route_block, static_interface_block,
};
use waypost_routprot::{Refusal, Status};

pub(crate) fn run(octets: &[u8]) {
    laws(InfoHeader::parse, octets);
}

/// The DWORD at `offset`.
fn dword(octets: &[u8], offset: usize) -> u32 {
    let four = octets.get(offset..).and_then(|rest| rest.first_chunk());
    u32::from_le_bytes(*four.expect("what was parsed is that long"))
}

/// What must hold for any octets that may be a container.
pub fn laws(parse: fn(&[u8]) -> Result<InfoHeader, Refusal>, octets: &[u8]) {
    let header = match parse(octets) {
        Ok(header) => header,
        Err(refusal) => {
            assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER, "{refusal}");
            // Octets may be a block of their own.
            every_block(octets);
            return;
        }
    };
    let size = dword(octets, 4) as usize;
    assert!(size <= octets.len() && size <= MAX_HEADER_SIZE);
    assert_eq!(
        header.blocks().len(),
        dword(octets, 8) as usize,
        "the directory is longer"
    );
    for (number, block) in header.blocks().iter().enumerate() {
        let entry = 12 + 16 * number;
        assert_eq!(block.kind().0, dword(octets, entry));
        if !block.is_empty() {
            let offset = dword(octets, entry + 12) as usize;
            assert_eq!(
                u64::from(block.item_size()) * u64::from(block.item_count()),
                block.bytes().len() as u64
            );
            assert_eq!(block.bytes(), &octets[offset..offset + block.bytes().len()]);
            assert!(
                offset + block.bytes().len() <= size,
                "a block leaves the container"
            );
        }
    }
    let built = header.build();
    assert!(built.len() <= MAX_HEADER_SIZE);
    assert_eq!(built.len(), header.query_size() as usize);
    assert_eq!(
        parse(&built).as_ref(),
        Ok(&header),
        "a container changes when it is built again"
    );
    edits(&header);
    for block in header.blocks() {
        block_laws(block);
    }
    if let Ok(table) = PreferenceTable::from_blocks(header.blocks()) {
        for entry in header
            .blocks()
            .iter()
            .flat_map(|block| PriorityInfo::decode(block).ok())
        {
            for entry in entry.entries {
                assert_ne!(table.preference(entry.protocol, entry.kind), 0);
            }
        }
    }
}

/// The MprInfo functions change what they name and nothing else.
fn edits(header: &InfoHeader) {
    let Some(first) = header.blocks().first() else {
        return;
    };
    let mut edited = header.clone();
    let changed = Block::single(first.kind(), vec![7; 3]);
    if edited.set(changed.clone()).is_ok() {
        assert_eq!(edited.find(first.kind()), Ok(&changed));
    }
    edited.remove(first.kind()).expect("it is there");
    assert!(!edited.exists(first.kind()));
    let kept: Vec<_> = header
        .blocks()
        .iter()
        .filter(|block| block.kind() != first.kind())
        .collect();
    assert!(edited.blocks().iter().eq(kept));
    edited.add(first.clone()).expect("it was there before");
    assert_eq!(edited.find(first.kind()), Ok(first));
}

/// Reads `octets` as each of the blocks there are.
fn every_block(octets: &[u8]) {
    for kind in [
        BlockType::IP_PROT_PRIORITY_INFO,
        BlockType::IP_PROT_PRIORITY_INFO_EX,
        BlockType::IP_GLOBAL_INFO,
        BlockType::IP_INTERFACE_STATUS_INFO,
    ] {
        block_laws(&Block::single(kind, octets.to_vec()));
    }
    for size in [72, 56] {
        let rows = octets.len() / size;
        let rows = Block::new(
            BlockType::IP_ROUTE_INFO,
            size as u32,
            rows as u32,
            &octets[..rows * size],
        );
        block_laws(&rows.expect("size and count are right"));
    }
}

/// What is read from a block is written and read the same.
fn block_laws(block: &Block) {
    match block.kind() {
        BlockType::IP_PROT_PRIORITY_INFO | BlockType::IP_PROT_PRIORITY_INFO_EX => {
            let Ok(info) = PriorityInfo::decode(block) else {
                return;
            };
            assert_eq!(PriorityInfo::decode(&info.encode_extended()).as_ref(), Ok(&info));
            assert!(info.entries.iter().all(|entry| entry.metric != 0));
            if block.kind() == BlockType::IP_PROT_PRIORITY_INFO {
                let written = info.encode();
                assert!(block.bytes().starts_with(written.bytes()));
            }
        }
        BlockType::IP_GLOBAL_INFO | BlockType::IPV6_GLOBAL_INFO => {
            let Ok(info) = GlobalInfo::decode(block.bytes()) else {
                return;
            };
            assert!(block.bytes().starts_with(info.encode(block.kind()).bytes()));
        }
        BlockType::IP_INTERFACE_STATUS_INFO => {
            let Ok(info) = InterfaceStatusInfo::decode(block.bytes()) else {
                return;
            };
            assert!(block.bytes().starts_with(info.encode().bytes()));
        }
        BlockType::IP_ROUTE_INFO => {
            let Ok(routes) = decode_routes(block) else { return };
            assert_eq!(routes.len(), block.item_count() as usize);
            let octets = encode_routes(&routes);
            assert_eq!(decode_interface_routes(&octets).as_ref(), Ok(&routes));
            let info = static_interface_block(block).expect("its rows are good");
            let back = route_block(&info).expect("the protocol's form is the router manager's");
            assert_eq!(decode_routes(&back), Ok(routes));
        }
        _ => {}
    }
}
