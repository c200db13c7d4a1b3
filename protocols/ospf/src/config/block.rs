//! Blocks: the words of the options, then what lies behind them.
//!
//! A block that is accepted is canonical: what is not given is zero, nothing is left over, so writing it again gives the same
//! octets. Errors name the option, or the field of the block where there is no option to name.

use std::ops::RangeInclusive;

use serde_json::Value;
use waypost_policy::PolicyReference;
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal, WaypostHeader, parse_text};
use waypost_wire::{Reader, Secret, Writer};

use super::options::{GlobalConfig, InterfaceConfig};
use super::tails::{ANNOTATE, FIRST_TAIL, MAX_NOTE_OCTETS, read_list, read_text, write_list, write_text};
use super::validate::{self, MAX_SECRET};
use super::words::Words;

/// The only Waypost layout of the interface block so far, and the first of the global block.
const LAYOUT: u32 = 2;

/// The layout of the global block: redistribution by policies.
const GLOBAL_LAYOUT: u32 = 5;
/// The ones before: more words than the first, virtual links, and more of NSSAs;
const GLOBAL_LAYOUT_4: u32 = 4;
/// and the words, without the rest.
const GLOBAL_LAYOUT_3: u32 = 3;
/// The words of the first layouts of the global block.
const WORDS_OF_LAYOUT_2: usize = 20;
const WORDS_OF_LAYOUT_3: usize = 26;

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
    pub(super) const VIRTUAL_LINKS: usize = super::FIRST_TAIL + 3;
    /// Those of the layouts before the last.
    pub(super) const EARLIER: &[usize] = &[AREAS, REDISTRIBUTE, DEFAULTS, super::ANNOTATE];
    pub(super) const ALL: &[usize] = &[AREAS, REDISTRIBUTE, DEFAULTS, VIRTUAL_LINKS, super::ANNOTATE];
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

/// The first layout that can say all of this.
fn least_layout(config: &GlobalConfig) -> u32 {
    let mut areas = config.areas.iter().flatten();
    let given = config.words().given;
    let mut entries = config.redistribute.iter().flatten();
    if entries.any(|entry| entry.policy.is_some()) {
        return GLOBAL_LAYOUT;
    }
    let more = config.virtual_links.is_some() || areas.any(|area| area.nssa.is_some());
    if more || given >> WORDS_OF_LAYOUT_3 != 0 {
        GLOBAL_LAYOUT_4
    } else if given >> WORDS_OF_LAYOUT_2 != 0 {
        GLOBAL_LAYOUT_3
    } else {
        LAYOUT
    }
}

/// How many words a layout of the global block has.
fn global_words(layout: u32) -> usize {
    match layout {
        LAYOUT => WORDS_OF_LAYOUT_2,
        GLOBAL_LAYOUT_3 => WORDS_OF_LAYOUT_3,
        _ => GlobalConfig::WORDS.len(),
    }
}

fn read_global(reader: &mut Reader<'_>, layout: u32) -> Result<GlobalConfig, Refusal> {
    let tails = if layout < GLOBAL_LAYOUT_4 {
        global::EARLIER
    } else {
        global::ALL
    };
    let words = read_words(reader, global_words(layout), tails)?;
    let options = GlobalConfig::from_words(&words)?;
    Ok(GlobalConfig {
        areas: tail(&words, global::AREAS, || read_list(reader, "areas"))?,
        redistribute: tail(&words, global::REDISTRIBUTE, || read_list(reader, "redistribute"))?,
        defaults: tail(&words, global::DEFAULTS, || {
            read_interface(reader).map_err(|refusal| refusal.under("defaults"))
        })?,
        virtual_links: tail(&words, global::VIRTUAL_LINKS, || {
            read_list(reader, "virtual-links")
        })?,
        annotate: tail(&words, ANNOTATE, || {
            read_text(reader, "annotate", MAX_NOTE_OCTETS)
        })?,
        ..options
    })
}

fn write_global(config: &GlobalConfig, layout: u32, writer: &mut Writer) {
    let mut words = config.words();
    words.words.truncate(global_words(layout));
    words.mark(global::AREAS, config.areas.as_ref());
    words.mark(global::REDISTRIBUTE, config.redistribute.as_ref());
    words.mark(global::DEFAULTS, config.defaults.as_ref());
    words.mark(global::VIRTUAL_LINKS, config.virtual_links.as_ref());
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
    if let Some(links) = &config.virtual_links {
        write_list(links, writer);
    }
    if let Some(annotate) = &config.annotate {
        write_text(annotate, writer);
    }
}

/// Reads a whole block with `read`.
fn decode<C>(
    block: &InfoBlock,
    layouts: RangeInclusive<u32>,
    read: impl FnOnce(&mut Reader<'_>, u32) -> Result<C, Refusal>,
) -> Result<(C, Layout), Refusal> {
    let layout = Layout::of(block)?;
    let allowed = format!("{}..={}", layouts.start(), layouts.end());
    let number = match layout {
        Layout::Waypost(number) if layouts.contains(&number) => number,
        Layout::Waypost(other) => return Err(Refusal::out_of_range("layout", other, allowed)),
        Layout::Rras => {
            return Err(
                Refusal::invalid("the layout published for RRAS is not read by this version")
                    .at("layout")
                    .with_allowed(allowed),
            );
        }
    };
    let (_, mut reader) = WaypostHeader::read(block.payload()?)?;
    let config = read(&mut reader, number)?;
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
        let (config, layout) = decode(block, LAYOUT..=LAYOUT, |reader, _| read_interface(reader))?;
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
    const LAYOUT: u32 = GLOBAL_LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let (config, layout) = decode(block, LAYOUT..=GLOBAL_LAYOUT, |reader, layout| {
            let config = read_global(reader, layout)?;
            match least_layout(&config) {
                least if least > layout => Err(Refusal::invalid("it says what only later layouts can")
                    .at("layout")
                    .with_value(layout)
                    .with_allowed(format!("{least}..={GLOBAL_LAYOUT}"))),
                _ => Ok(config),
            }
        })?;
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        let layout = match layout {
            Layout::Waypost(layout) => layout.clamp(least_layout(self), GLOBAL_LAYOUT),
            Layout::Rras => GLOBAL_LAYOUT,
        };
        let mut writer = WaypostHeader::start(layout);
        write_global(self, layout, &mut writer);
        WaypostHeader::finish(layout, writer)
    }

    fn policies(&self) -> Vec<PolicyReference> {
        let entries = self.redistribute.iter().flatten().enumerate();
        let named = entries.filter_map(|(position, entry)| {
            let path = format!("redistribute.{position}.policy");
            entry.policy.clone().map(|name| PolicyReference { path, name })
        });
        named.collect()
    }

    fn validate(&self) -> Result<(), Refusal> {
        validate::global(self)
    }

    fn from_text(text: &Value) -> Result<Self, Refusal> {
        parse_text(text)
    }
}
