//! Blocks: the words of the options, then what lies behind them.
//!
//! A block that is accepted is canonical: what is not given is zero, nothing is left over, so writing it again gives the same
//! octets. Errors name the option, or the field of the block where there is no option to name.

use serde_json::Value;
use waypost_policy::PolicyReference;
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal, WaypostHeader, parse_text};
use waypost_wire::{Reader, Secret, Writer};

use super::options::{GlobalConfig, InterfaceConfig};
use super::rras;
use super::tails::{
    ANNOTATE, FIRST_TAIL, MAX_NOTE_OCTETS, read_filter, read_list, read_text, write_filter, write_list,
    write_text,
};
use super::validate::{self, MAX_SECRET};
use super::words::Words;

/// The first Waypost layout of either block.
const LAYOUT: u32 = 2;

/// The layout of the interface block: more words than the first, addresses, and neighbours that are switched off.
const INTERFACE_LAYOUT: u32 = 3;
/// The layout of the global block: what RRAS's records have beyond the one before, and policies.
const GLOBAL_LAYOUT: u32 = 5;
/// The ones before: more words than the first; then virtual links and more of NSSAs.
const GLOBAL_LAYOUT_3: u32 = 3;
const GLOBAL_LAYOUT_4: u32 = 4;
/// The words of earlier layouts of the interface block,
const INTERFACE_WORDS_OF_LAYOUT_2: usize = 19;
/// and of the global block.
const WORDS_OF_LAYOUT_2: usize = 20;
const WORDS_OF_LAYOUT_3: usize = 26;
const WORDS_OF_LAYOUT_4: usize = 28;

/// The bits of what lies behind the words of an interface block.
mod interface {
    pub(super) const NEIGHBORS: usize = super::FIRST_TAIL;
    pub(super) const PASSWORD: usize = super::FIRST_TAIL + 1;
    pub(super) const KEYS: usize = super::FIRST_TAIL + 2;
    pub(super) const ADDRESSES: usize = super::FIRST_TAIL + 3;
    /// Those of the first layout.
    pub(super) const EARLIER: &[usize] = &[NEIGHBORS, PASSWORD, KEYS, super::ANNOTATE];
    pub(super) const ALL: &[usize] = &[NEIGHBORS, PASSWORD, KEYS, ADDRESSES, super::ANNOTATE];
}

/// The same of a global block.
mod global {
    pub(super) const AREAS: usize = super::FIRST_TAIL;
    pub(super) const REDISTRIBUTE: usize = super::FIRST_TAIL + 1;
    pub(super) const DEFAULTS: usize = super::FIRST_TAIL + 2;
    pub(super) const VIRTUAL_LINKS: usize = super::FIRST_TAIL + 3;
    pub(super) const FILTER: usize = super::FIRST_TAIL + 4;
    /// Those of the first layouts,
    pub(super) const EARLIER: &[usize] = &[AREAS, REDISTRIBUTE, DEFAULTS, super::ANNOTATE];
    /// of the fourth,
    pub(super) const OF_LAYOUT_4: &[usize] = &[AREAS, REDISTRIBUTE, DEFAULTS, VIRTUAL_LINKS, super::ANNOTATE];
    /// and of the last.
    pub(super) const ALL: &[usize] = &[
        AREAS,
        REDISTRIBUTE,
        DEFAULTS,
        VIRTUAL_LINKS,
        FILTER,
        super::ANNOTATE,
    ];
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

/// How many words a layout of the interface block has, and what lies behind them.
fn interface_form(layout: u32) -> (usize, &'static [usize]) {
    match layout {
        LAYOUT => (INTERFACE_WORDS_OF_LAYOUT_2, interface::EARLIER),
        _ => (InterfaceConfig::WORDS.len(), interface::ALL),
    }
}

fn read_interface(reader: &mut Reader<'_>, layout: u32) -> Result<InterfaceConfig, Refusal> {
    let (count, tails) = interface_form(layout);
    let words = read_words(reader, count, tails)?;
    let options = InterfaceConfig::from_words(&words)?;
    Ok(InterfaceConfig {
        neighbors: tail(&words, interface::NEIGHBORS, || read_list(reader, "neighbors"))?,
        password: tail(&words, interface::PASSWORD, || {
            read_text(reader, "password", MAX_SECRET).map(Secret::new)
        })?,
        keys: tail(&words, interface::KEYS, || read_list(reader, "keys"))?,
        addresses: tail(&words, interface::ADDRESSES, || read_list(reader, "addresses"))?,
        annotate: tail(&words, ANNOTATE, || {
            read_text(reader, "annotate", MAX_NOTE_OCTETS)
        })?,
        ..options
    })
}

fn write_interface(config: &InterfaceConfig, layout: u32, writer: &mut Writer) {
    let mut words = config.words();
    words.words.truncate(interface_form(layout).0);
    words.mark(interface::NEIGHBORS, config.neighbors.as_ref());
    words.mark(interface::PASSWORD, config.password.as_ref());
    words.mark(interface::KEYS, config.keys.as_ref());
    words.mark(interface::ADDRESSES, config.addresses.as_ref());
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
    if let Some(addresses) = &config.addresses {
        write_list(addresses, writer);
    }
    if let Some(annotate) = &config.annotate {
        write_text(annotate, writer);
    }
}

/// The first layout of the interface block that can say all of this.
fn least_interface_layout(config: &InterfaceConfig) -> u32 {
    let mut neighbors = config.neighbors.iter().flatten();
    let more = config.addresses.is_some() || neighbors.any(|neighbor| neighbor.enabled.is_some());
    if more || config.words().given >> INTERFACE_WORDS_OF_LAYOUT_2 != 0 {
        INTERFACE_LAYOUT
    } else {
        LAYOUT
    }
}

/// Whether the global block says what only its last layout can.
fn needs_last_layout(config: &GlobalConfig) -> bool {
    let areas = || config.areas.iter().flatten();
    let ranges = || areas().flat_map(|area| &area.ranges);
    let links = || config.virtual_links.iter().flatten();
    let sources = || config.redistribute.iter().flatten();
    let defaults = config.defaults.as_ref().map(least_interface_layout);
    config.words().given >> WORDS_OF_LAYOUT_4 != 0
        || config.redistribute_filter.is_some()
        || defaults == Some(INTERFACE_LAYOUT)
        || areas().any(|area| area.enabled.is_some())
        || ranges().any(|range| range.enabled.is_some())
        || links().any(|link| link.enabled.is_some())
        || sources().any(|source| source.enabled.is_some() || source.policy.is_some())
}

/// The first layout of the global block that can say all of this.
fn least_layout(config: &GlobalConfig) -> u32 {
    let mut areas = config.areas.iter().flatten();
    let given = config.words().given;
    let more = config.virtual_links.is_some() || areas.any(|area| area.nssa.is_some());
    if needs_last_layout(config) {
        GLOBAL_LAYOUT
    } else if more || given >> WORDS_OF_LAYOUT_3 != 0 {
        GLOBAL_LAYOUT_4
    } else if given >> WORDS_OF_LAYOUT_2 != 0 {
        GLOBAL_LAYOUT_3
    } else {
        LAYOUT
    }
}

/// How many words a layout of the global block has, what lies behind them, and the layout of the interface block inside.
fn global_form(layout: u32) -> (usize, &'static [usize], u32) {
    match layout {
        LAYOUT => (WORDS_OF_LAYOUT_2, global::EARLIER, LAYOUT),
        GLOBAL_LAYOUT_3 => (WORDS_OF_LAYOUT_3, global::EARLIER, LAYOUT),
        GLOBAL_LAYOUT_4 => (WORDS_OF_LAYOUT_4, global::OF_LAYOUT_4, LAYOUT),
        _ => (GlobalConfig::WORDS.len(), global::ALL, INTERFACE_LAYOUT),
    }
}

fn read_global(reader: &mut Reader<'_>, layout: u32) -> Result<GlobalConfig, Refusal> {
    let (count, tails, inside) = global_form(layout);
    let words = read_words(reader, count, tails)?;
    let options = GlobalConfig::from_words(&words)?;
    Ok(GlobalConfig {
        areas: tail(&words, global::AREAS, || read_list(reader, "areas"))?,
        redistribute: tail(&words, global::REDISTRIBUTE, || read_list(reader, "redistribute"))?,
        defaults: tail(&words, global::DEFAULTS, || {
            read_interface(reader, inside).map_err(|refusal| refusal.under("defaults"))
        })?,
        virtual_links: tail(&words, global::VIRTUAL_LINKS, || {
            read_list(reader, "virtual-links")
        })?,
        redistribute_filter: tail(&words, global::FILTER, || {
            read_filter(reader).map_err(|refusal| refusal.under("redistribute-filter"))
        })?,
        annotate: tail(&words, ANNOTATE, || {
            read_text(reader, "annotate", MAX_NOTE_OCTETS)
        })?,
        ..options
    })
}

fn write_global(config: &GlobalConfig, layout: u32, writer: &mut Writer) {
    let mut words = config.words();
    let (count, _, inside) = global_form(layout);
    words.words.truncate(count);
    words.mark(global::AREAS, config.areas.as_ref());
    words.mark(global::REDISTRIBUTE, config.redistribute.as_ref());
    words.mark(global::DEFAULTS, config.defaults.as_ref());
    words.mark(global::VIRTUAL_LINKS, config.virtual_links.as_ref());
    words.mark(global::FILTER, config.redistribute_filter.as_ref());
    words.mark(ANNOTATE, config.annotate.as_ref());
    write_words(&words, writer);
    if let Some(areas) = &config.areas {
        write_list(areas, writer);
    }
    if let Some(redistribute) = &config.redistribute {
        write_list(redistribute, writer);
    }
    if let Some(defaults) = &config.defaults {
        write_interface(defaults, inside, writer);
    }
    if let Some(links) = &config.virtual_links {
        write_list(links, writer);
    }
    if let Some(filter) = &config.redistribute_filter {
        write_filter(filter, writer);
    }
    if let Some(annotate) = &config.annotate {
        write_text(annotate, writer);
    }
}

/// Reads a whole block: with `published` if it has RRAS's records, otherwise with `read`, to which the first layout that can
/// say what the block says is at most its own.
fn decode<C: BlockConfig>(
    block: &InfoBlock,
    published: impl FnOnce(&[u8]) -> Result<C, Refusal>,
    read: impl FnOnce(&mut Reader<'_>, u32) -> Result<C, Refusal>,
    least: impl FnOnce(&C) -> u32,
) -> Result<(C, Layout), Refusal> {
    let layout = Layout::of(block)?;
    let config = match layout {
        Layout::Rras => published(block.payload()?)?,
        Layout::Waypost(number) => {
            if !(LAYOUT..=C::LAYOUT).contains(&number) {
                let allowed = format!("{LAYOUT}..={}", C::LAYOUT);
                return Err(Refusal::out_of_range("layout", number, allowed));
            }
            let (_, mut reader) = WaypostHeader::read(block.payload()?)?;
            let config = read(&mut reader, number)?;
            if !reader.is_empty() {
                return Err(Refusal::invalid("octets follow the last list")
                    .at("length")
                    .with_value(block.bytes.len())
                    .with_allowed((block.bytes.len() - reader.left()).to_string()));
            }
            let least = least(&config);
            if least > number {
                return Err(Refusal::invalid("it says what only later layouts can")
                    .at("layout")
                    .with_value(number)
                    .with_allowed(format!("{least}..={}", C::LAYOUT)));
            }
            config
        }
    };
    config.validate()?;
    Ok((config, layout))
}

/// What `published` wrote, if it says all of `config`.
fn if_complete<C: BlockConfig + PartialEq>(config: &C, block: InfoBlock) -> Option<InfoBlock> {
    let (read, _) = C::decode(&block).ok()?;
    (read == *config).then_some(block)
}

impl BlockConfig for InterfaceConfig {
    const LAYOUT: u32 = INTERFACE_LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        decode(
            block,
            rras::read_interface,
            read_interface,
            least_interface_layout,
        )
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        let layout = match layout {
            Layout::Waypost(layout) => layout.clamp(least_interface_layout(self), INTERFACE_LAYOUT),
            Layout::Rras => match if_complete(self, rras::write_interface(self)) {
                Some(block) => return block,
                None => INTERFACE_LAYOUT,
            },
        };
        let mut writer = WaypostHeader::start(layout);
        write_interface(self, layout, &mut writer);
        WaypostHeader::finish(layout, writer)
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
        decode(block, rras::read_global, read_global, least_layout)
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        let layout = match layout {
            Layout::Waypost(layout) => layout.clamp(least_layout(self), GLOBAL_LAYOUT),
            Layout::Rras => match if_complete(self, rras::write_global(self)) {
                Some(block) => return block,
                None => GLOBAL_LAYOUT,
            },
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
