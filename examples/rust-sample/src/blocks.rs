//! The blocks, octet by octet those of examples/c-sample/beacon.h.

use std::net::Ipv4Addr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal};
use waypost_types::Prefix4;

/// Of the protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Global {
    /// Preference of its routes, 1 to 255; 0: what the router says.
    #[schemars(range(max = 255))]
    #[serde(default)]
    pub preference: u32,
}

/// Of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Interface {
    /// Metric of routes that are heard there, 1 to 255.
    #[schemars(range(min = 1, max = 255))]
    #[serde(default = "metric")]
    pub metric: u32,
    /// Time between two beacons, 1 to 3600 (seconds).
    #[schemars(range(min = 1, max = 3600))]
    #[serde(default = "announce")]
    pub announce: u32,
    /// Time for which others keep what they heard; longer than `announce`, at most 65535 (seconds).
    #[schemars(range(min = 2, max = 65535))]
    #[serde(default = "hold")]
    pub hold: u32,
    /// What is announced there, at most 64.
    #[serde(default)]
    pub prefixes: Vec<Prefix4>,
}

const fn metric() -> u32 {
    1
}

const fn announce() -> u32 {
    5
}

const fn hold() -> u32 {
    15
}

/// The most prefixes of an interface.
pub(crate) const MOST_PREFIXES: usize = 64;
const VERSION: u32 = 1;

fn check(option: &str, value: u32, allowed: std::ops::RangeInclusive<u32>) -> Result<(), Refusal> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let allowed = format!("{}..={}", allowed.start(), allowed.end());
    Err(Refusal::out_of_range(option, value, allowed))
}

/// The words of a block of version 1, or 0 from who does not say one, and the octets behind its fixed part.
fn words<const N: usize>(block: &InfoBlock) -> Result<([u32; N], &[u8]), Refusal> {
    check("StructureVersion", block.version, 0..=VERSION)?;
    check("StructureCount", block.structure_count, 1..=1)?;
    let (head, tail) = block.payload()?.as_chunks::<4>();
    let (Some(fixed), []) = (head.first_chunk::<N>(), tail) else {
        return Err(Refusal::invalid("the block is cut short"));
    };
    Ok((fixed.map(u32::from_ne_bytes), head[N..].as_flattened()))
}

impl BlockConfig for Global {
    const LAYOUT: u32 = 2;

    /// There is one layout, the protocol's own; it carries no mark of Waypost's.
    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let ([preference], []) = words(block)? else {
            return Err(Refusal::invalid("the block is too long"));
        };
        let config = Self { preference };
        config.validate()?;
        Ok((config, Layout::Rras))
    }

    fn encode(&self, _layout: Layout) -> InfoBlock {
        InfoBlock::new(VERSION, self.preference.to_ne_bytes().to_vec())
    }

    fn validate(&self) -> Result<(), Refusal> {
        check("preference", self.preference, 0..=255)
    }
}

/// Prefixes as addresses and masks, in blocks as in beacons; `None` when an octet too many or a bit of a host is among them.
pub(crate) fn read_prefixes(octets: &[u8], count: usize) -> Option<Vec<Prefix4>> {
    let (pairs, []) = octets.as_chunks::<8>() else {
        return None;
    };
    let prefix = |[a, b, c, d, mask @ ..]: &[u8; 8]| {
        Prefix4::from_netmask(Ipv4Addr::new(*a, *b, *c, *d), Ipv4Addr::from(*mask)).ok()
    };
    (pairs.len() == count && count <= MOST_PREFIXES)
        .then(|| pairs.iter().map(prefix).collect())
        .flatten()
}

/// The other way round.
pub(crate) fn write_prefixes(prefixes: &[Prefix4]) -> impl Iterator<Item = u8> {
    let pair = |prefix: &Prefix4| [prefix.network().octets(), prefix.netmask().octets()];
    prefixes.iter().flat_map(pair).flatten()
}

impl BlockConfig for Interface {
    const LAYOUT: u32 = 2;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let ([metric, announce, hold, count], tail) = words(block)?;
        let prefixes = read_prefixes(tail, count as usize)
            .ok_or_else(|| Refusal::invalid("not so many prefixes, or not prefixes").at("prefixes"))?;
        let config = Self {
            metric,
            announce,
            hold,
            prefixes,
        };
        config.validate()?;
        Ok((config, Layout::Rras))
    }

    fn encode(&self, _layout: Layout) -> InfoBlock {
        let count = u32::try_from(self.prefixes.len()).unwrap_or(u32::MAX);
        let fixed = [self.metric, self.announce, self.hold, count].map(u32::to_ne_bytes);
        let octets = fixed.into_iter().flatten().chain(write_prefixes(&self.prefixes));
        InfoBlock::new(VERSION, octets.collect())
    }

    fn validate(&self) -> Result<(), Refusal> {
        check("metric", self.metric, 1..=255)?;
        check("announce", self.announce, 1..=3600)?;
        check("hold", self.hold, self.announce + 1..=65535)?;
        let count = u32::try_from(self.prefixes.len()).unwrap_or(u32::MAX);
        check("prefixes", count, 0..=MOST_PREFIXES as u32)
    }
}
