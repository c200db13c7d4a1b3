//! The laws of [`BlockConfig`], for every configuration and for damaged blocks.

use std::fmt::Debug;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;
use serde_json::Value;
use waypost_routprot::{BlockConfig, ConfigurationCodec, InfoBlock, Layout, Scope, Status, TypedCodec};
use waypost_types::ProtocolId;

use super::strategies::{global_config, interface_config, range, router};
use super::{Authentication, GlobalConfig, InterfaceConfig};

const WAYPOST: Layout = Layout::Waypost(InterfaceConfig::LAYOUT);

/// Something that happens to octets on their way.
#[derive(Clone, Debug)]
enum Damage {
    Truncate(Index),
    Extend(Vec<u8>),
    Flip(Index, u8),
    /// Corrects the length of a Waypost block, so that damage is not found by it alone.
    Relabel,
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        2 => any::<Index>().prop_map(Damage::Truncate),
        2 => vec(any::<u8>(), 1..20).prop_map(Damage::Extend),
        6 => (any::<Index>(), 0_u32..8).prop_map(|(at, bit)| Damage::Flip(at, 1 << bit)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        4 => Just(Damage::Relabel),
    ];
    vec(one, 1..5)
}

fn damaged(block: &InfoBlock, damages: &[Damage]) -> InfoBlock {
    let mut bytes = block.bytes.clone();
    for damage in damages {
        match damage {
            Damage::Truncate(at) => bytes.truncate(at.index(bytes.len() + 1)),
            Damage::Extend(more) => bytes.extend(more),
            Damage::Flip(at, mask) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            Damage::Relabel if block.version >= 2 && bytes.len() >= 12 => {
                let length = u32::try_from(bytes.len()).unwrap();
                bytes[8..12].copy_from_slice(&length.to_le_bytes());
            }
            Damage::Flip(..) | Damage::Relabel => {}
        }
    }
    InfoBlock::new(block.version, bytes)
}

fn text_is_the_identity<C: BlockConfig + Debug>(scope: Scope, config: &C) -> Result<(), TestCaseError> {
    let codec = TypedCodec::<GlobalConfig, InterfaceConfig>::new(ProtocolId::RIP, "rip", "RIP");
    let text = serde_json::to_value(config).unwrap();
    prop_assert_eq!(&C::from_text(&text).unwrap(), config);
    // Also through real text, as a file or the API carries it.
    let text: Value = serde_json::from_str(&text.to_string()).unwrap();
    let block = codec.to_block(scope, &text).unwrap();
    prop_assert_eq!(codec.to_text(scope, &block).unwrap(), text);
    prop_assert_eq!(C::decode(&block).unwrap(), (config.clone(), WAYPOST));
    Ok(())
}

/// What `block` decodes to is written as a block that means the same and is written the same again.
fn survives<C: BlockConfig + Debug>(block: &InfoBlock) -> Result<(), TestCaseError> {
    match C::decode(block) {
        Err(refusal) => {
            prop_assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
            prop_assert!(!refusal.reason.is_empty());
        }
        Ok((config, layout)) => {
            prop_assert_eq!(config.validate(), Ok(()));
            let again = config.encode(layout);
            prop_assert_eq!(&C::decode(&again).unwrap(), &(config.clone(), layout));
            if layout != Layout::Rras {
                // No two blocks say the same: nothing in it was overlooked.
                prop_assert_eq!(&again.bytes, &block.bytes);
            }
            // Waypost's layout can say what any other says.
            prop_assert_eq!(C::decode(&config.encode(WAYPOST)).unwrap(), (config, WAYPOST));
        }
    }
    Ok(())
}

/// An older layout of Waypost's is written where it can say everything, and then comes back octet for octet.
fn older_layout_survives<C: BlockConfig + Debug>(config: &C) -> Result<(), TestCaseError> {
    let block = config.encode(Layout::Waypost(2));
    let (read, layout) = C::decode(&block).unwrap();
    prop_assert_eq!(&read, config);
    prop_assert_eq!(Layout::Waypost(block.version), layout);
    prop_assert_eq!(read.encode(layout), block);
    Ok(())
}

/// RRAS's layout drops what it cannot say, but what it then says is stable.
fn rras_is_stable<C: BlockConfig + Debug>(config: &C) -> Result<(), TestCaseError> {
    let block = config.encode(Layout::Rras);
    let (read, layout) = C::decode(&block).unwrap();
    prop_assert_eq!(layout, Layout::Rras);
    prop_assert_eq!(read.encode(Layout::Rras), block);
    Ok(())
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

prop_compose! {
    /// Any canonical IPRIP_GLOBAL_CONFIG.
    fn rras_global()(
        logging in 0_u32..=3,
        queues: (u32, u32),
        hold in 0_u32..=86_400,
        mode in 0_u32..=2,
        peers in vec(router(), 0..5),
    ) -> InfoBlock {
        let mut bytes = words(&[logging, queues.0, queues.1, hold, mode, u32::try_from(peers.len()).unwrap()]);
        bytes.extend(peers.iter().flat_map(|peer| peer.octets()));
        InfoBlock::new(1, bytes)
    }
}

prop_compose! {
    /// Any canonical IPRIP_IF_CONFIG.
    fn rras_interface()(
        (metric, update, accept, announce, flags) in (0_u32..=16, 0_u32..=1, 0_u32..=3, 0_u32..=3, 0_u32..=0x3FF),
        (expiration, removal, interval) in (15_u32..=259_200, 15_u32..=259_200, 15_u32..=86_400),
        (authentication, key, tag) in (1_u32..=2, prop_oneof![any::<[u8; 16]>(), Just([0; 16])], any::<u16>()),
        modes in proptest::array::uniform3(0_u32..=2),
        peers in vec(router(), 0..4),
        (accepted, announced) in (vec(range(), 0..4), vec(range(), 0..4)),
    ) -> InfoBlock {
        let count = |length| u32::try_from(length).unwrap();
        let mut bytes = words(&[0, metric, update, accept, announce, flags, expiration, removal, interval, authentication]);
        bytes.extend(key);
        bytes.extend(words(&[tag.into()]));
        bytes.extend(words(&modes));
        bytes.extend(words(&[count(peers.len()), count(accepted.len()), count(announced.len())]));
        bytes.extend(peers.iter().flat_map(|peer| peer.octets()));
        for (low, high) in accepted.iter().chain(&announced) {
            bytes.extend(low.octets());
            bytes.extend(high.octets());
        }
        InfoBlock::new(1, bytes)
    }
}

proptest! {
    #[test]
    fn interface_text_to_block_to_text(config in interface_config()) {
        text_is_the_identity(Scope::Interface, &config)?;
    }

    #[test]
    fn global_text_to_block_to_text(config in global_config()) {
        text_is_the_identity(Scope::Global, &config)?;
    }

    #[test]
    fn every_rras_interface_block_comes_back(block in rras_interface()) {
        let (config, layout) = InterfaceConfig::decode(&block).unwrap();
        prop_assert_eq!(&config.encode(layout), &block);
        survives::<InterfaceConfig>(&block)?;
    }

    #[test]
    fn every_rras_global_block_comes_back(block in rras_global()) {
        let (config, layout) = GlobalConfig::decode(&block).unwrap();
        prop_assert_eq!(&config.encode(layout), &block);
        survives::<GlobalConfig>(&block)?;
    }

    #[test]
    fn any_interface_in_rras_layout_is_stable(mut config in interface_config()) {
        if config.options.authentication == Some(Authentication::Cryptographic) {
            let block = config.encode(Layout::Rras);
            prop_assert_eq!(InterfaceConfig::decode(&block).unwrap_err().path, "IC_AuthenticationType");
            config.options.authentication = None;
        }
        rras_is_stable(&config)?;
    }

    #[test]
    fn any_global_in_rras_layout_is_stable(config in global_config()) {
        rras_is_stable(&config)?;
    }

    #[test]
    fn any_interface_in_an_older_layout(config in interface_config()) {
        older_layout_survives(&config)?;
    }

    #[test]
    fn any_global_in_an_older_layout(config in global_config()) {
        older_layout_survives(&config)?;
    }

    #[test]
    fn a_damaged_interface_block_of_layout_2(config in interface_config(), damages in damage()) {
        survives::<InterfaceConfig>(&damaged(&config.encode(Layout::Waypost(2)), &damages))?;
    }

    #[test]
    fn a_damaged_interface_block(config in interface_config(), damages in damage()) {
        survives::<InterfaceConfig>(&damaged(&config.encode(WAYPOST), &damages))?;
    }

    #[test]
    fn a_damaged_global_block(config in global_config(), damages in damage()) {
        survives::<GlobalConfig>(&damaged(&config.encode(WAYPOST), &damages))?;
    }

    #[test]
    fn a_damaged_rras_interface_block(block in rras_interface(), damages in damage()) {
        survives::<InterfaceConfig>(&damaged(&block, &damages))?;
    }

    #[test]
    fn a_damaged_rras_global_block(block in rras_global(), damages in damage()) {
        survives::<GlobalConfig>(&damaged(&block, &damages))?;
    }

    #[test]
    fn any_octets(version in 0_u32..4, bytes in vec(any::<u8>(), 0..200)) {
        survives::<InterfaceConfig>(&InfoBlock::new(version, bytes.clone()))?;
        survives::<GlobalConfig>(&InfoBlock::new(version, bytes))?;
    }
}
