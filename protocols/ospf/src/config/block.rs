//! Blocks: the words of the options, then what lies behind them.
//!
//! A block that is accepted is canonical: what is not given is zero, nothing is left over, so writing it again gives the same
//! octets. Errors name the option, or the field of the block where there is no option to name.

use serde_json::Value;
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal, WaypostHeader, parse_text};
use waypost_wire::{Reader, Secret, Writer};

use super::options::{GlobalConfig, InterfaceConfig};
use super::tails::{ANNOTATE, FIRST_TAIL, MAX_NOTE_OCTETS, read_list, read_text, write_list, write_text};
use super::validate::{self, MAX_SECRET};
use super::words::Words;

/// The only Waypost layout of either block so far.
pub(super) const LAYOUT: u32 = 2;

/// The bits of what lies behind the words of an interface block.
mod interface {
    pub(super) const NEIGHBORS: usize = super::FIRST_TAIL;
    pub(super) const PASSWORD: usize = super::FIRST_TAIL + 1;
    pub(super) const KEYS: usize = super::FIRST_TAIL + 2;
    pub(super) const ALL: &[usize] = &[NEIGHBORS, PASSWORD, KEYS, super::ANNOTATE];
}

/// The same of a global block.
mod global {
    pub(super) const AREAS: usize = super::FIRST_TAIL;
    pub(super) const REDISTRIBUTE: usize = super::FIRST_TAIL + 1;
    pub(super) const DEFAULTS: usize = super::FIRST_TAIL + 2;
    pub(super) const ALL: &[usize] = &[AREAS, REDISTRIBUTE, DEFAULTS, super::ANNOTATE];
}

/// Reads the words of a block or of a block inside it; the reader is at the first tail then.
fn read_words(reader: &mut Reader<'_>, count: usize, tails: &[usize]) -> Result<Words, Refusal> {
    let short = |_| {
        Refusal::invalid("the block is shorter than its fixed part")
            .at("length")
            .with_allowed(format!("{} octets of words", 8 + 4 * count))
    };
    let given = reader.u64_le().map_err(short)?;
    let known = tails
        .iter()
        .fold((1_u64 << count) - 1, |known, tail| known | 1 << tail);
    if given & !known != 0 {
        return Err(Refusal::invalid("a reserved bit is set")
            .at("given")
            .with_value(format_args!("{given:#x}"))
            .with_allowed(format!("bits of {known:#x}")));
    }
    let words = (0..count)
        .map(|_| reader.u32_le())
        .collect::<Result<_, _>>()
        .map_err(short)?;
    Ok(Words { given, words })
}

fn write_words(words: &Words, writer: &mut Writer) {
    writer.u64_le(words.given);
    for word in &words.words {
        writer.u32_le(*word);
    }
}

/// What lies behind the words where its bit is set.
fn tail<T>(
    words: &Words,
    number: usize,
    read: impl FnOnce() -> Result<T, Refusal>,
) -> Result<Option<T>, Refusal> {
    (words.given >> number & 1 == 1).then(read).transpose()
}

fn read_interface(reader: &mut Reader<'_>) -> Result<InterfaceConfig, Refusal> {
    let words = read_words(reader, InterfaceConfig::WORDS.len(), interface::ALL)?;
    let options = InterfaceConfig::from_words(&words)?;
    Ok(InterfaceConfig {
        neighbors: tail(&words, interface::NEIGHBORS, || read_list(reader, "neighbors"))?,
        password: tail(&words, interface::PASSWORD, || {
            read_text(reader, "password", MAX_SECRET).map(Secret::new)
        })?,
        keys: tail(&words, interface::KEYS, || read_list(reader, "keys"))?,
        annotate: tail(&words, ANNOTATE, || {
            read_text(reader, "annotate", MAX_NOTE_OCTETS)
        })?,
        ..options
    })
}

fn write_interface(config: &InterfaceConfig, writer: &mut Writer) {
    let mut words = config.words();
    words.mark(interface::NEIGHBORS, config.neighbors.as_ref());
    words.mark(interface::PASSWORD, config.password.as_ref());
    words.mark(interface::KEYS, config.keys.as_ref());
    words.mark(ANNOTATE, config.annotate.as_ref());
    write_words(&words, writer);
    if let Some(neighbors) = &config.neighbors {
        write_list(neighbors, writer);
    }
    if let Some(password) = &config.password {
        write_text(password.expose(), writer);
    }
    if let Some(keys) = &config.keys {
        write_list(keys, writer);
    }
    if let Some(annotate) = &config.annotate {
        write_text(annotate, writer);
    }
}

fn read_global(reader: &mut Reader<'_>) -> Result<GlobalConfig, Refusal> {
    let words = read_words(reader, GlobalConfig::WORDS.len(), global::ALL)?;
    let options = GlobalConfig::from_words(&words)?;
    Ok(GlobalConfig {
        areas: tail(&words, global::AREAS, || read_list(reader, "areas"))?,
        redistribute: tail(&words, global::REDISTRIBUTE, || read_list(reader, "redistribute"))?,
        defaults: tail(&words, global::DEFAULTS, || {
            read_interface(reader).map_err(|refusal| refusal.under("defaults"))
        })?,
        annotate: tail(&words, ANNOTATE, || {
            read_text(reader, "annotate", MAX_NOTE_OCTETS)
        })?,
        ..options
    })
}

fn write_global(config: &GlobalConfig, writer: &mut Writer) {
    let mut words = config.words();
    words.mark(global::AREAS, config.areas.as_ref());
    words.mark(global::REDISTRIBUTE, config.redistribute.as_ref());
    words.mark(global::DEFAULTS, config.defaults.as_ref());
    words.mark(ANNOTATE, config.annotate.as_ref());
    write_words(&words, writer);
    if let Some(areas) = &config.areas {
        write_list(areas, writer);
    }
    if let Some(redistribute) = &config.redistribute {
        write_list(redistribute, writer);
    }
    if let Some(defaults) = &config.defaults {
        write_interface(defaults, writer);
    }
    if let Some(annotate) = &config.annotate {
        write_text(annotate, writer);
    }
}

/// Reads a whole block with `read`.
fn decode<C>(
    block: &InfoBlock,
    read: impl FnOnce(&mut Reader<'_>) -> Result<C, Refusal>,
) -> Result<(C, Layout), Refusal> {
    let layout = Layout::of(block)?;
    match layout {
        Layout::Waypost(LAYOUT) => {}
        Layout::Waypost(other) => return Err(Refusal::out_of_range("layout", other, LAYOUT.to_string())),
        Layout::Rras => {
            return Err(
                Refusal::invalid("the layout published for RRAS is not read by this version")
                    .at("layout")
                    .with_allowed(LAYOUT.to_string()),
            );
        }
    }
    let (_, mut reader) = WaypostHeader::read(block.payload()?)?;
    let config = read(&mut reader)?;
    if !reader.is_empty() {
        return Err(Refusal::invalid("octets follow the last list")
            .at("length")
            .with_value(block.bytes.len())
            .with_allowed((block.bytes.len() - reader.left()).to_string()));
    }
    Ok((config, layout))
}

impl BlockConfig for InterfaceConfig {
    const LAYOUT: u32 = LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let (config, layout) = decode(block, read_interface)?;
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, _layout: Layout) -> InfoBlock {
        let mut writer = WaypostHeader::start(LAYOUT);
        write_interface(self, &mut writer);
        WaypostHeader::finish(LAYOUT, writer)
    }

    fn validate(&self) -> Result<(), Refusal> {
        validate::interface(self)
    }

    fn from_text(text: &Value) -> Result<Self, Refusal> {
        parse_text(text)
    }
}

impl BlockConfig for GlobalConfig {
    const LAYOUT: u32 = LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let (config, layout) = decode(block, read_global)?;
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, _layout: Layout) -> InfoBlock {
        let mut writer = WaypostHeader::start(LAYOUT);
        write_global(self, &mut writer);
        WaypostHeader::finish(LAYOUT, writer)
    }

    fn validate(&self) -> Result<(), Refusal> {
        validate::global(self)
    }

    fn from_text(text: &Value) -> Result<Self, Refusal> {
        parse_text(text)
    }
}
