//! What lies behind the words of a block: lists and texts. Octet by octet in `docs/blocks/ospf.md`.

use std::net::Ipv4Addr;

use waypost_policy::MAX_NAME;
use waypost_routprot::Refusal;
use waypost_types::{Prefix4, ProtocolId, WallTime};
use waypost_wire::{ReadError, Reader, Secret, Writer};

use super::options::{
    Address, Area, ExternalRange, Key, Neighbor, Nssa, Range, Redistribution, RouteFilter, VirtualLink,
};
use super::validate::{MAX_COUNT, MAX_NOTE, MAX_SECRET};
use super::words::{Word, Words};
use crate::area::AreaId;

/// Numbers of what lies behind the words, in the order it lies there.
pub(super) const FIRST_TAIL: usize = 48;
/// The note, in both blocks.
pub(super) const ANNOTATE: usize = 63;

fn cut(error: ReadError) -> Refusal {
    Refusal::invalid(format!("it leaves the block: {error}"))
}

/// One element of a list.
pub(super) trait Element: Sized {
    /// The fewest octets it has.
    const LEAST: usize;
    /// Appends it.
    fn write(&self, writer: &mut Writer);
    /// Reads it.
    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal>;
}

/// Reads a list: how many, then each.
pub(super) fn read_list<T: Element>(reader: &mut Reader<'_>, option: &str) -> Result<Vec<T>, Refusal> {
    let count = reader.u32_le().map_err(|error| cut(error).at(option))?;
    // Nobody allocates more than was sent.
    let most = (reader.left() / T::LEAST).min(MAX_COUNT);
    if count as usize > most {
        return Err(Refusal::invalid("it leaves the block")
            .at(option)
            .with_value(count)
            .with_allowed(format!("at most {most}")));
    }
    (0..count)
        .map(|position| T::read(reader).map_err(|refusal| refusal.under(&format!("{option}.{position}"))))
        .collect()
}

pub(super) fn write_list<T: Element>(list: &[T], writer: &mut Writer) {
    writer.u32_le(list.len() as u32);
    for element in list {
        element.write(writer);
    }
}

pub(super) fn read_text(reader: &mut Reader<'_>, option: &str, most: usize) -> Result<String, Refusal> {
    let length = reader.u32_le().map_err(|error| cut(error).at(option))? as usize;
    if length > most {
        return Err(Refusal::out_of_range(
            option,
            format!("{length} octets"),
            format!("at most {most} octets"),
        ));
    }
    let octets = reader.take(length).map_err(|error| cut(error).at(option))?;
    match std::str::from_utf8(octets) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(Refusal::invalid("it is not UTF-8").at(option)),
    }
}

pub(super) fn write_text(text: &str, writer: &mut Writer) {
    writer.u32_le(text.len() as u32).slice(text.as_bytes());
}

/// Octets of a note: its characters have up to four.
pub(super) const MAX_NOTE_OCTETS: usize = 4 * MAX_NOTE;

/// Small bits and words inside an element: the same as those of a block. So many further bits say what follows.
fn read_words(reader: &mut Reader<'_>, count: usize, further: usize) -> Result<Words, Refusal> {
    let given = reader.u32_le().map_err(|error| cut(error).at("given"))?;
    if u64::from(given) >> (count + further) != 0 {
        return Err(Refusal::invalid("a reserved bit is set")
            .at("given")
            .with_value(given));
    }
    let words = (0..count).map(|_| reader.u32_le()).collect::<Result<_, _>>();
    Ok(Words {
        given: given.into(),
        words: words.map_err(cut)?,
    })
}

fn write_words(words: &Words, writer: &mut Writer) {
    writer.u32_le(words.given as u32);
    for word in &words.words {
        writer.u32_le(*word);
    }
}

fn word<T: Word>(reader: &mut Reader<'_>, option: &str) -> Result<T, Refusal> {
    let word = reader.u32_le().map_err(|error| cut(error).at(option))?;
    T::from_word(word).map_err(|allowed| Refusal::out_of_range(option, word, allowed))
}

/// A word that is there only if its bit is set: what later layouts added to elements, so that earlier ones stay as they are.
fn late<T: Word>(
    words: &Words,
    number: usize,
    reader: &mut Reader<'_>,
    option: &str,
) -> Result<Option<T>, Refusal> {
    (words.given >> number & 1 == 1)
        .then(|| word(reader, option))
        .transpose()
}

fn write_late<T: Word>(value: Option<T>, writer: &mut Writer) {
    if let Some(value) = value {
        writer.u32_le(value.word());
    }
}

fn write_prefix(prefix: Prefix4, writer: &mut Writer) {
    writer
        .u32_le(prefix.network().word())
        .u32_le(prefix.length().into());
}

fn read_prefix(reader: &mut Reader<'_>) -> Result<Prefix4, Refusal> {
    let network: Ipv4Addr = word(reader, "prefix")?;
    let length: u8 = word(reader, "prefix")?;
    Prefix4::new(network, length).map_err(|error| Refusal::invalid(error.to_string()).at("prefix"))
}

impl Element for Neighbor {
    const LEAST: usize = 16;

    fn write(&self, writer: &mut Writer) {
        writer.u32_le(self.address.word());
        let mut words = Words::default();
        words.put(0, self.priority);
        words.put(1, self.cost);
        words.mark(2, self.enabled.as_ref());
        write_words(&words, writer);
        write_late(self.enabled, writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let address: Ipv4Addr = word(reader, "address")?;
        let words = read_words(reader, 2, 1)?;
        Ok(Self {
            address,
            priority: words.value(0, "priority")?,
            cost: words.value(1, "cost")?,
            enabled: late(&words, 2, reader, "enabled")?,
        })
    }
}

impl Element for Address {
    const LEAST: usize = 16;

    fn write(&self, writer: &mut Writer) {
        writer.u32_le(self.address.word());
        let mut words = Words::default();
        words.put(0, self.length);
        words.put(1, self.enabled);
        write_words(&words, writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let address: Ipv4Addr = word(reader, "address")?;
        let words = read_words(reader, 2, 0)?;
        Ok(Self {
            address,
            length: words.value(0, "length")?,
            enabled: words.value(1, "enabled")?,
        })
    }
}

impl Element for Prefix4 {
    const LEAST: usize = 8;

    fn write(&self, writer: &mut Writer) {
        write_prefix(*self, writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        read_prefix(reader)
    }
}

/// Reads a filter: what it does, then its networks.
pub(super) fn read_filter(reader: &mut Reader<'_>) -> Result<RouteFilter, Refusal> {
    Ok(RouteFilter {
        action: word(reader, "action")?,
        prefixes: read_list(reader, "prefixes")?,
    })
}

pub(super) fn write_filter(filter: &RouteFilter, writer: &mut Writer) {
    writer.u32_le(filter.action.word());
    write_list(&filter.prefixes, writer);
}

impl Element for Key {
    const LEAST: usize = 52;

    fn write(&self, writer: &mut Writer) {
        writer.u32_le(self.id).u32_le(self.algorithm.word());
        let mut words = Words::default();
        words.put(0, self.long_secrets);
        let times = [
            self.accept_from,
            self.accept_until,
            self.send_from,
            self.send_until,
        ];
        for (number, time) in (1..).zip(&times) {
            words.mark(number, time.as_ref());
        }
        write_words(&words, writer);
        for time in times {
            writer.u64_le(time.unwrap_or_default().0);
        }
        write_text(self.secret.expose(), writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let id = word(reader, "id")?;
        let algorithm = word(reader, "algorithm")?;
        let given = reader.u32_le().map_err(|error| cut(error).at("given"))?;
        if given >> 5 != 0 {
            return Err(Refusal::invalid("a reserved bit is set")
                .at("given")
                .with_value(given));
        }
        let words = Words {
            given: given.into(),
            words: vec![reader.u32_le().map_err(|error| cut(error).at("long-secrets"))?],
        };
        let mut time = |number: u32, option: &str| {
            let seconds = reader.u64_le().map_err(|error| cut(error).at(option))?;
            match (given >> number & 1, seconds) {
                (0, 0) => Ok(None),
                (0, _) => {
                    Err(Refusal::invalid("the value must be zero, as the option is not given").at(option))
                }
                _ => Ok(Some(WallTime(seconds))),
            }
        };
        Ok(Self {
            id,
            algorithm,
            long_secrets: words.value(0, "long-secrets")?,
            accept_from: time(1, "accept-from")?,
            accept_until: time(2, "accept-until")?,
            send_from: time(3, "send-from")?,
            send_until: time(4, "send-until")?,
            secret: Secret::new(read_text(reader, "secret", MAX_SECRET)?),
        })
    }
}

impl Element for Range {
    const LEAST: usize = 20;

    fn write(&self, writer: &mut Writer) {
        write_prefix(self.prefix, writer);
        let mut words = Words::default();
        words.put(0, self.cost);
        words.put(1, self.advertise);
        words.mark(2, self.enabled.as_ref());
        write_words(&words, writer);
        write_late(self.enabled, writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let prefix = read_prefix(reader)?;
        let words = read_words(reader, 2, 1)?;
        Ok(Self {
            prefix,
            cost: words.value(0, "cost")?,
            advertise: words.value(1, "advertise")?,
            enabled: late(&words, 2, reader, "enabled")?,
        })
    }
}

impl Element for Area {
    const LEAST: usize = 28;

    fn write(&self, writer: &mut Writer) {
        writer.u32_le(self.id.word());
        let mut words = Words::default();
        words.put(0, self.kind);
        words.put(1, self.default_cost);
        words.put(2, self.summaries);
        words.put(3, self.authentication);
        words.mark(4, self.nssa.as_ref());
        words.mark(5, self.enabled.as_ref());
        write_words(&words, writer);
        write_late(self.enabled, writer);
        write_list(&self.ranges, writer);
        if let Some(nssa) = &self.nssa {
            nssa.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let id: AreaId = word(reader, "id")?;
        let words = read_words(reader, 4, 2)?;
        Ok(Self {
            id,
            enabled: late(&words, 5, reader, "enabled")?,
            kind: words.value(0, "kind")?,
            default_cost: words.value(1, "default-cost")?,
            summaries: words.value(2, "summaries")?,
            authentication: words.value(3, "authentication")?,
            ranges: read_list(reader, "ranges")?,
            nssa: match words.given >> 4 & 1 {
                0 => None,
                _ => Some(Nssa::read(reader).map_err(|refusal| refusal.under("nssa"))?),
            },
        })
    }
}

impl Element for ExternalRange {
    const LEAST: usize = 20;

    fn write(&self, writer: &mut Writer) {
        write_prefix(self.prefix, writer);
        let mut words = Words::default();
        words.put(0, self.advertise);
        words.put(1, self.tag);
        write_words(&words, writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let prefix = read_prefix(reader)?;
        let words = read_words(reader, 2, 0)?;
        Ok(Self {
            prefix,
            advertise: words.value(0, "advertise")?,
            tag: words.value(1, "tag")?,
        })
    }
}

impl Element for Nssa {
    const LEAST: usize = 20;

    fn write(&self, writer: &mut Writer) {
        let mut words = Words::default();
        words.put(0, self.translate);
        words.put(1, self.stability_interval);
        words.put(2, self.default_route);
        write_words(&words, writer);
        write_list(&self.ranges, writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let words = read_words(reader, 3, 0)?;
        Ok(Self {
            translate: words.value(0, "translate")?,
            stability_interval: words.value(1, "stability-interval")?,
            default_route: words.value(2, "default-route")?,
            ranges: read_list(reader, "ranges")?,
        })
    }
}

impl Element for Redistribution {
    const LEAST: usize = 20;

    fn write(&self, writer: &mut Writer) {
        writer.u32_le(self.source.0);
        let mut words = Words::default();
        words.put(0, self.metric);
        words.put(1, self.metric_type);
        words.put(2, self.tag);
        words.mark(3, self.enabled.as_ref());
        words.mark(4, self.policy.as_ref());
        write_words(&words, writer);
        write_late(self.enabled, writer);
        if let Some(policy) = &self.policy {
            write_text(policy, writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let source = ProtocolId(word(reader, "source")?);
        let words = read_words(reader, 3, 2)?;
        Ok(Self {
            source,
            metric: words.value(0, "metric")?,
            metric_type: words.value(1, "metric-type")?,
            tag: words.value(2, "tag")?,
            enabled: late(&words, 3, reader, "enabled")?,
            policy: match words.given >> 4 & 1 {
                0 => None,
                _ => Some(read_text(reader, "policy", MAX_NAME)?),
            },
        })
    }
}

impl Element for VirtualLink {
    const LEAST: usize = 36;

    fn write(&self, writer: &mut Writer) {
        writer
            .u32_le(self.transit_area.word())
            .u32_le(self.router_id.word());
        let mut words = Words::default();
        words.put(0, self.hello_interval);
        words.put(1, self.dead_interval);
        words.put(2, self.retransmit_interval);
        words.put(3, self.transmit_delay);
        words.put(4, self.authentication);
        words.mark(5, self.password.as_ref());
        words.mark(6, self.enabled.as_ref());
        write_words(&words, writer);
        write_late(self.enabled, writer);
        if let Some(password) = &self.password {
            write_text(password.expose(), writer);
        }
        write_list(&self.keys, writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Refusal> {
        let transit_area: AreaId = word(reader, "transit-area")?;
        let router_id: Ipv4Addr = word(reader, "router-id")?;
        let words = read_words(reader, 5, 2)?;
        Ok(Self {
            enabled: late(&words, 6, reader, "enabled")?,
            transit_area,
            router_id,
            hello_interval: words.value(0, "hello-interval")?,
            dead_interval: words.value(1, "dead-interval")?,
            retransmit_interval: words.value(2, "retransmit-interval")?,
            transmit_delay: words.value(3, "transmit-delay")?,
            authentication: words.value(4, "authentication")?,
            password: match words.given >> 5 & 1 {
                0 => None,
                _ => Some(Secret::new(read_text(reader, "password", MAX_SECRET)?)),
            },
            keys: read_list(reader, "keys")?,
        })
    }
}
