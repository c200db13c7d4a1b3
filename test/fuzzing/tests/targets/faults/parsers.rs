//! Parsers that forget a check.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use waypost_dump::mrt::Parser;
use waypost_dump::text::parse_line;
use waypost_engine::codec_of;
use waypost_fuzzing::{block, config_text, dump, info_header, netlink, ospf, packet};
use waypost_manager::Configuration;
use waypost_netlink::{DecodeError, Message as NetlinkMessage, decode_all};
use waypost_ospf::packet::{Packet as OspfPacket, PacketError as OspfPacketError};
use waypost_rip::Rip;
use waypost_rip::config::InterfaceConfig;
use waypost_rip::packet::{Message, PacketError};
use waypost_routprot::router_blocks::InfoHeader;
use waypost_routprot::{BlockConfig, ConfigurationCodec, InfoBlock, Layout, Refusal, Scope};
use waypost_static::Static;
use waypost_types::ProtocolId;

use super::finds;

#[test]
fn a_packet_decoder_that_passes_over_a_cut_entry() {
    fn decode(octets: &[u8]) -> Result<Message<'_>, PacketError> {
        let cut = octets.len().saturating_sub(4) % 20;
        Message::decode(&octets[..octets.len() - cut])
    }
    finds("rip_packet", "an unsound message is taken", |octets| {
        packet::laws(decode, octets);
    });
}

#[test]
fn a_packet_decoder_that_takes_obsolete_commands() {
    fn decode(octets: &[u8]) -> Result<Message<'_>, PacketError> {
        match octets {
            [command, ..] if *command > 2 => Message::decode(&[2, 2, 0, 0]),
            _ => Message::decode(octets),
        }
    }
    finds("rip_packet", "an unsound message is taken", |octets| {
        packet::laws(decode, octets);
    });
}

#[test]
fn an_ospf_decoder_that_does_not_look_at_the_version() {
    fn decode(octets: &[u8]) -> Result<OspfPacket<'_>, OspfPacketError> {
        OspfPacket::decode(octets).or_else(|error| match error {
            OspfPacketError::Version(_) => {
                let mut sound = vec![0; 24];
                sound[..4].copy_from_slice(&[2, 1, 0, 24]);
                OspfPacket::decode(Vec::leak(sound))
            }
            error => Err(error),
        })
    }
    finds("ospf_packet", "an unsound packet is taken", |octets| {
        ospf::laws(decode, octets);
    });
}

#[test]
fn an_ospf_decoder_that_takes_the_trailer_for_the_body() {
    fn decode(octets: &[u8]) -> Result<OspfPacket<'_>, OspfPacketError> {
        OspfPacket::decode(octets)?;
        let mut whole = octets.to_vec();
        whole[2..4].copy_from_slice(&(octets.len() as u16).to_be_bytes());
        OspfPacket::decode(Vec::leak(whole))
    }
    finds("ospf_packet", "left == right", |octets| {
        ospf::laws(decode, octets);
    });
}

/// RIP's interface configuration with decoders that do less than they should.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
struct Lenient<const FAULT: u8>(InterfaceConfig);

/// Octets after the block are passed over.
const TRAILING: u8 = 0;
/// StructureSize and StructureCount are not looked at.
const TRIPLE: u8 = 1;
/// A range is not checked.
const RANGE: u8 = 2;
/// An option is not written.
const FORGETFUL: u8 = 3;

impl<const FAULT: u8> BlockConfig for Lenient<FAULT> {
    const LAYOUT: u32 = InterfaceConfig::LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let mut block = block.clone();
        match FAULT {
            TRAILING if block.version >= 2 => {
                block.payload()?;
                if let Some(length) = block.bytes.get(8..).and_then(|rest| rest.first_chunk()) {
                    block.bytes.truncate(u32::from_le_bytes(*length) as usize);
                }
                block = InfoBlock::new(block.version, block.bytes);
            }
            TRIPLE => block = InfoBlock::new(block.version, block.bytes),
            RANGE => {
                // IC_Metric as it stands there.
                if let (Layout::Rras, Some(metric @ 17..)) =
                    (Layout::of(&block)?, block.bytes.get(4).copied())
                {
                    block.bytes[4] = 0;
                    let (mut config, layout) = InterfaceConfig::decode(&block)?;
                    config.options.metric = Some(metric);
                    return Ok((Self(config), layout));
                }
            }
            _ => {}
        }
        InterfaceConfig::decode(&block).map(|(config, layout)| (Self(config), layout))
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        let mut config = self.0.clone();
        if FAULT == FORGETFUL {
            config.annotate = None;
        }
        config.encode(layout)
    }

    fn validate(&self) -> Result<(), Refusal> {
        self.0.validate()
    }

    fn from_text(text: &Value) -> Result<Self, Refusal> {
        InterfaceConfig::from_text(text).map(Self)
    }
}

fn judge<const FAULT: u8>(octets: &[u8]) {
    block::judge::<Lenient<FAULT>>(octets);
}

#[test]
fn a_block_decoder_that_passes_over_trailing_octets() {
    finds(
        "rip_block_interface",
        "octets were passed over",
        judge::<TRAILING>,
    );
}

#[test]
fn a_block_decoder_that_believes_any_triple() {
    finds(
        "rip_block_interface",
        "StructureSize is not checked",
        judge::<TRIPLE>,
    );
}

#[test]
fn a_block_decoder_that_checks_no_range() {
    finds("rip_block_interface", "what was decoded is valid", judge::<RANGE>);
}

#[test]
fn a_block_encoder_that_forgets_an_option() {
    finds(
        "rip_block_interface",
        "a block changes its meaning",
        judge::<FORGETFUL>,
    );
}

#[test]
fn a_netlink_decoder_that_believes_any_length() {
    fn decode(octets: &[u8]) -> Vec<Result<NetlinkMessage, DecodeError>> {
        let mut messages: Vec<_> = decode_all(octets).collect();
        if matches!(messages.last(), Some(Err(DecodeError::Frame { .. }))) {
            messages.pop();
        }
        messages
    }
    finds("netlink", "messages were lost", |octets| {
        netlink::laws(decode, octets);
    });
}

#[test]
fn a_container_parser_that_stops_at_the_first_bad_entry() {
    fn parse(octets: &[u8]) -> Result<InfoHeader, Refusal> {
        let mut octets = octets.to_vec();
        loop {
            let result = InfoHeader::parse(&octets);
            match octets.get_mut(8) {
                Some(entries) if result.is_err() && *entries > 0 => *entries -= 1,
                _ => return result,
            }
        }
    }
    finds("info_header", "the directory is longer", |octets| {
        info_header::laws(parse, octets);
    });
}

/// A codec that shows everything but the notes.
struct Discreet(Arc<dyn ConfigurationCodec>);

impl ConfigurationCodec for Discreet {
    fn protocol(&self) -> ProtocolId {
        self.0.protocol()
    }

    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn title(&self) -> &'static str {
        self.0.title()
    }

    fn schema(&self, scope: Scope) -> Value {
        self.0.schema(scope)
    }

    fn to_block(&self, scope: Scope, text: &Value) -> Result<InfoBlock, Refusal> {
        self.0.to_block(scope, text)
    }

    fn to_text(&self, scope: Scope, block: &InfoBlock) -> Result<Value, Refusal> {
        let mut text = self.0.to_text(scope, block)?;
        if let Some(table) = text.as_object_mut() {
            table.remove("annotate");
        }
        Ok(text)
    }

    fn published(&self, scope: Scope, block: &InfoBlock) -> Option<InfoBlock> {
        self.0.published(scope, block)
    }
}

#[test]
fn a_codec_that_does_not_show_an_option() {
    let codecs = [codec_of::<Rip>(), codec_of::<Static>()];
    let codecs = codecs.map(|codec| -> Arc<dyn ConfigurationCodec> { Arc::new(Discreet(codec)) });
    let configuration = Configuration::new(codecs);
    finds("config_text", "which is something else", |octets| {
        if let Ok(value) = serde_json::from_slice(octets) {
            config_text::laws(&configuration, &value);
        }
    });
}

#[test]
fn a_reader_of_lines_that_forgets_a_tag() {
    finds("dump_text", "means something else", |octets| {
        dump::text_laws(
            |line| {
                let mut route = parse_line(line)?;
                if let Some(route) = route.as_mut().filter(|_| line.starts_with("blackhole")) {
                    route.tag = route.tag.map(|tag| tag / 2);
                }
                Ok(route)
            },
            octets,
        );
    });
}

#[test]
fn a_reader_of_records_that_takes_half_of_one() {
    finds("dump_mrt", "a record is not as long as it says", |octets| {
        dump::mrt_laws(
            |parser, octets| {
                let read = Parser::record(parser, octets)?;
                Ok(read.map(|(length, record)| (length - 1, record)))
            },
            octets,
        );
    });
    finds("dump_mrt", "half a record was taken", |octets| {
        dump::mrt_laws(
            |parser, octets| {
                let whole = [octets, &[0; 1]].concat();
                Parser::record(parser, &whole)
            },
            octets,
        );
    });
}
