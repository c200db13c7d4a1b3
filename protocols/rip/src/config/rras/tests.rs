use waypost_routprot::{BlockConfig, Layout};
use waypost_wire::{DigestAlgorithm, Secret};

use super::*;
use crate::config::{Key, filter_permits};

/// Octets from the hexadecimal notation of rras-blocks 11.
fn octets(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
        .collect()
}

fn global_vector() -> Vec<u8> {
    octets("01000000 00001000 00001000 05000000 01000000 01000000 c0000209")
}

fn interface_vector() -> Vec<u8> {
    octets(
        "00000000 01000000 00000000 02000000 02000000 f0000000 b4000000 78000000 1e000000 01000000 \
         00000000 00000000 00000000 00000000 00000000 01000000 02000000 00000000 01000000 01000000 \
         00000000 c0000207 0a000000 0affffff",
    )
}

fn decode<C: BlockConfig>(bytes: Vec<u8>) -> Result<C, Refusal> {
    C::decode(&InfoBlock::new(VERSION, bytes)).map(|(config, layout)| {
        assert_eq!(layout, Layout::Rras);
        config
    })
}

/// The field that a block is refused for.
fn refused<C: BlockConfig>(bytes: Vec<u8>) -> String {
    let refusal = decode::<C>(bytes).err().unwrap();
    assert_eq!(refusal.status.0, 87);
    refusal.path
}

fn with_word(mut bytes: Vec<u8>, offset: usize, value: u32) -> Vec<u8> {
    bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

fn word_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().unwrap())
}

#[test]
fn the_printed_global_block() {
    let bytes = global_vector();
    assert_eq!(bytes.len(), 28);
    let config: GlobalConfig = decode(bytes.clone()).unwrap();
    assert_eq!(
        config,
        GlobalConfig {
            logging: Some(Logging::Errors),
            max_receive_queue: Some(1 << 20),
            max_send_queue: Some(1 << 20),
            triggered_delay: Some(5000),
            peer_filter: Some(PeerFilter::Include),
            peers: Some(vec![Ipv4Addr::new(192, 0, 2, 9)]),
            ..GlobalConfig::default()
        }
    );
    assert_eq!(config.encode(Layout::Rras), InfoBlock::new(1, bytes));
}

#[test]
fn the_printed_interface_block() {
    let bytes = interface_vector();
    assert_eq!(bytes.len(), 96);
    let config: InterfaceConfig = decode(bytes.clone()).unwrap();
    assert_eq!(config.encode(Layout::Rras), InfoBlock::new(1, bytes));
    let values = Effective::resolve(
        &config,
        &GlobalConfig::default(),
        &waypost_policy::Policies::default(),
    );
    assert_eq!((values.metric, values.route_tag), (1, 0));
    assert_eq!(
        (values.accept, values.announce),
        (Accept::Both, Announce::V1Compatible)
    );
    assert_eq!(values.update_interval.as_secs(), 30);
    assert_eq!(values.expiration_interval.as_secs(), 180);
    assert_eq!(values.removal_interval.as_secs(), 120);
    assert_eq!(values.neighbor_mode, NeighborMode::Also);
    assert_eq!(values.neighbors, [Ipv4Addr::new(192, 0, 2, 7)]);
    assert!(!filter_permits(
        &values.accept_filter,
        "10.1.0.0/16".parse().unwrap()
    ));
    assert!(filter_permits(
        &values.accept_filter,
        "11.0.0.0/8".parse().unwrap()
    ));
    assert!(values.announce_filter.is_empty());
    // 0xF0: the block's own defaults, not Waypost's.
    assert!(
        values.split_horizon && values.poison_reverse && values.graceful_shutdown && values.triggered_updates
    );
    assert!(!values.accept_host_routes && !values.announce_host_routes);
    assert!(!values.accept_default_route && !values.announce_default_route);
    assert!(!values.overwrite_static_routes && values.summarise);
}

#[test]
fn a_block_holds_against_the_global_defaults() {
    let config: InterfaceConfig = decode(interface_vector()).unwrap();
    let global = GlobalConfig {
        defaults: Options {
            passive: Some(true),
            accept_host_routes: Some(true),
            authentication: Some(Authentication::Plain),
            announce_filter: Some(rras_filter::rules(FilterMode::Include, &[])),
            ..Options::default()
        },
        ..GlobalConfig::default()
    };
    let values = Effective::resolve(&config, &global, &waypost_policy::Policies::default());
    assert_eq!(values.announce, Announce::V1Compatible);
    assert_eq!(values.authentication, Authentication::None);
    assert!(!values.accept_host_routes && values.announce_filter.is_empty());
}

#[test]
fn flags_each_have_their_option() {
    let seen = |bit: u32| {
        let config: InterfaceConfig = decode(with_word(interface_vector(), 20, bit)).unwrap();
        assert_eq!(word_at(&config.encode(Layout::Rras).bytes, 20), bit);
        let o = config.options;
        [
            o.accept_host_routes,
            o.announce_host_routes,
            o.accept_default_route,
            o.announce_default_route,
            o.split_horizon,
            o.poison_reverse,
            o.graceful_shutdown,
            o.triggered_updates,
            o.overwrite_static_routes,
            o.summarise.map(|summarise| !summarise),
        ]
        .map(Option::unwrap)
    };
    for bit in 0..10 {
        let expected: [bool; 10] = std::array::from_fn(|position| position == bit);
        assert_eq!(seen(1 << bit), expected);
    }
}

#[test]
fn negative_global_blocks() {
    let refused_with = |offset, value| refused::<GlobalConfig>(with_word(global_vector(), offset, value));
    assert_eq!(
        refused::<GlobalConfig>(global_vector()[..23].to_vec()),
        "StructureSize"
    );
    assert_eq!(
        refused::<GlobalConfig>(global_vector()[..27].to_vec()),
        "GC_PeerFilterCount"
    );
    assert_eq!(refused_with(0, 4), "GC_LoggingLevel");
    assert_eq!(refused_with(12, 86_401), "GC_MinTriggeredUpdateInterval");
    assert_eq!(refused_with(16, 3), "GC_PeerFilterMode");
    assert_eq!(refused_with(20, 2), "GC_PeerFilterCount");
    assert_eq!(refused_with(20, u32::MAX), "GC_PeerFilterCount");
    assert_eq!(refused_with(24, 0), "GC_PeerFilter.0");
    assert_eq!(refused_with(24, 0x0900_00E0), "GC_PeerFilter.0");
    // Range ends, any queue size, and garbage after the block.
    for (offset, value) in [
        (12, 0),
        (12, 86_400),
        (4, 0),
        (4, u32::MAX),
        (8, u32::MAX),
        (16, 2),
        (20, 0),
    ] {
        let config: GlobalConfig = decode(with_word(global_vector(), offset, value)).unwrap();
        assert_eq!(word_at(&config.encode(Layout::Rras).bytes, offset), value);
    }
    let mut longer = global_vector();
    longer.extend([0xAA; 3]);
    let config: GlobalConfig = decode(longer).unwrap();
    assert_eq!(config.encode(Layout::Rras).bytes, global_vector());
}

#[test]
fn negative_interface_blocks() {
    let refused_with =
        |offset, value| refused::<InterfaceConfig>(with_word(interface_vector(), offset, value));
    assert_eq!(
        refused::<InterfaceConfig>(interface_vector()[..83].to_vec()),
        "StructureSize"
    );
    assert_eq!(
        refused::<InterfaceConfig>(interface_vector()[..87].to_vec()),
        "IC_UnicastPeerCount"
    );
    assert_eq!(
        refused::<InterfaceConfig>(interface_vector()[..95].to_vec()),
        "IC_AcceptFilterCount"
    );
    for (offset, value, field) in [
        (4, 17, "IC_Metric"),
        (8, 2, "IC_UpdateMode"),
        (12, 4, "IC_AcceptMode"),
        (16, 4, "IC_AnnounceMode"),
        (20, 0x400, "IC_ProtocolFlags"),
        (24, 14, "IC_RouteExpirationInterval"),
        (24, 259_201, "IC_RouteExpirationInterval"),
        (28, 14, "IC_RouteRemovalInterval"),
        (28, 259_201, "IC_RouteRemovalInterval"),
        (32, 14, "IC_FullUpdateInterval"),
        (32, 86_401, "IC_FullUpdateInterval"),
        (36, 0, "IC_AuthenticationType"),
        (36, 3, "IC_AuthenticationType"),
        (36, 4, "IC_AuthenticationType"),
        (60, 3, "IC_UnicastPeerMode"),
        (64, 3, "IC_AcceptFilterMode"),
        (68, 3, "IC_AnnounceFilterMode"),
        (72, 65_537, "IC_UnicastPeerCount"),
        (76, 2, "IC_AcceptFilterCount"),
        (76, u32::MAX, "IC_AcceptFilterCount"),
        (80, 1, "IC_AnnounceFilterCount"),
        (84, u32::MAX, "IC_UnicastPeer.0"),
        (88, 0xFFFF_FF0B, "IC_AcceptFilter.0"),
    ] {
        assert_eq!(refused_with(offset, value), field, "{value} at {offset}");
    }
    for (offset, value) in [
        (4, 0),
        (4, 16),
        (8, 1),
        (12, 0),
        (12, 3),
        (16, 0),
        (16, 3),
        (20, 0),
        (20, 0x3FF),
        (24, 15),
        (24, 259_200),
        (28, 15),
        (28, 259_200),
        (32, 15),
        (32, 86_400),
        (36, 2),
        (56, 0xFFFF),
        (60, 2),
        (64, 0),
        (64, 1),
        (68, 1),
        (68, 2),
    ] {
        let bytes = with_word(interface_vector(), offset, value);
        let config: InterfaceConfig = decode(bytes.clone()).unwrap();
        assert_eq!(config.encode(Layout::Rras).bytes, bytes, "{value} at {offset}");
    }
    // Read-only state, padding and trailing octets are ignored and come back canonical.
    let mut untidy = with_word(interface_vector(), 0, 3);
    untidy[58] = 7;
    untidy.extend([0xAA; 9]);
    let config: InterfaceConfig = decode(untidy).unwrap();
    assert_eq!(config.encode(Layout::Rras).bytes, interface_vector());
}

#[test]
fn a_missing_or_repeated_structure_is_refused() {
    assert!(InterfaceConfig::decode(&InfoBlock::absent()).is_err());
    let mut block = InfoBlock::new(VERSION, interface_vector());
    block.structure_count = 2;
    assert_eq!(
        InterfaceConfig::decode(&block).unwrap_err().path,
        "StructureCount"
    );
    let block = InfoBlock::new(2, interface_vector());
    assert_eq!(
        InterfaceConfig::decode(&block).unwrap_err().path,
        "StructureVersion"
    );
    let block = InfoBlock::new(0, interface_vector());
    assert_eq!(InterfaceConfig::decode(&block).unwrap().1, Layout::Rras);
}

#[test]
fn what_rras_cannot_express_is_written_as_the_table_says() {
    let written = |options: Options| {
        let config = InterfaceConfig {
            options,
            annotate: None,
        };
        config.encode(Layout::Rras)
    };
    let passive = written(Options {
        passive: Some(true),
        announce: Some(Announce::V2Multicast),
        update_interval: Some(1),
        expiration_interval: Some(3),
        removal_interval: Some(1),
        ..Options::default()
    });
    assert_eq!(word_at(&passive.bytes, 16), 0);
    assert_eq!(
        [24, 28, 32].map(|offset| word_at(&passive.bytes, offset)),
        [15; 3]
    );
    let signed = written(Options {
        authentication: Some(Authentication::Cryptographic),
        keys: Some(vec![Key {
            id: 1,
            secret: Secret::new("s"),
            algorithm: DigestAlgorithm::HmacSha256,
            long_secrets: None,
            accept_from: None,
            accept_until: None,
            send_from: None,
            send_until: None,
        }]),
        ..Options::default()
    });
    assert_eq!(word_at(&signed.bytes, 36), 3);
    assert_eq!(
        InterfaceConfig::decode(&signed).unwrap_err().path,
        "IC_AuthenticationType"
    );
    let hold = |delay| {
        let config = GlobalConfig {
            triggered_delay: Some(delay),
            ..GlobalConfig::default()
        };
        word_at(&config.encode(Layout::Rras).bytes, 12)
    };
    assert_eq!([0, 1, 1000, 1001, 86_400_000].map(hold), [0, 1, 1, 2, 86_400]);
}

#[test]
fn the_longest_lists_fit_and_a_longer_one_does_not() {
    let mut bytes = with_word(interface_vector()[..84].to_vec(), 72, 0);
    bytes = with_word(with_word(bytes, 64, 0), 76, 65_536);
    for low in 0..65_536_u32 {
        bytes.extend(low.to_be_bytes());
        bytes.extend((low + 7).to_be_bytes());
    }
    let config: InterfaceConfig = decode(bytes.clone()).unwrap();
    assert_eq!(config.encode(Layout::Rras).bytes, bytes);
    let waypost = config.encode(Layout::Waypost(3));
    assert_eq!(InterfaceConfig::decode(&waypost).unwrap().0, config);
    bytes = with_word(bytes, 76, 65_537);
    bytes.extend([0; 8]);
    assert_eq!(refused::<InterfaceConfig>(bytes), "IC_AcceptFilterCount");
}
