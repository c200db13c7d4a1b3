//! One route a line, much as `ip route` prints them:
//!
//! ```text
//! # what follows a hash does not count
//! 10.0.0.0/8 via 192.0.2.1 dev eth0 metric 3
//! 10.1.0.0/16 via 192.0.2.1 weight 2 via 192.0.2.2 tag 7
//! 10.2.0.0/16 dev eth0
//! 10.4.0.0/16 via 203.0.113.7 recursive
//! blackhole 10.3.0.0/16
//! ```
//!
//! Next hops begin with `via` or `dev`; `dev`, `weight`, `onlink` and `recursive` belong to the `via` before them.

use std::fmt;
use std::net::IpAddr;
use std::str::{FromStr, SplitAsciiWhitespace};

use waypost_types::{MAX_NEXT_HOPS, Prefix, RouteKind};

/// Octets of the longest line.
pub const MAX_LINE: usize = 4096;

/// Octets of the longest name of an interface.
const MAX_NAME: usize = 15;

/// A next hop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// The router; none when the destination is on the link.
    pub gateway: Option<IpAddr>,
    /// The interface; none when the gateway says it.
    pub device: Option<String>,
    /// Share of the traffic, 1..=256; 1 unless given.
    pub weight: Option<u16>,
    /// The gateway is on the link although no network covers it.
    pub onlink: bool,
    /// The gateway may be anywhere: the routing table finds the way to it.
    pub recursive: bool,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The destination.
    pub prefix: Prefix,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Where they go; none for kinds other than unicast.
    pub hops: Vec<Hop>,
    /// The metric, if given.
    pub metric: Option<u32>,
    /// The tag, if given.
    pub tag: Option<u32>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// It is longer than [`MAX_LINE`].
    #[error("the line is too long (allowed: up to {MAX_LINE} octets)")]
    TooLong,
    /// A word that stands where something else should.
    #[error("'{word}' is not {expected}")]
    Word {
        /// The word.
        word: String,
        /// What should stand there.
        expected: &'static str,
    },
    /// The line ends too early.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Something is there twice, or where it makes no sense.
    #[error("{0}")]
    Nonsense(&'static str),
}

const KINDS: [(&str, RouteKind); 4] = [
    ("unicast", RouteKind::Unicast),
    ("blackhole", RouteKind::Blackhole),
    ("unreachable", RouteKind::Unreachable),
    ("prohibit", RouteKind::Prohibit),
];

/// The next word as a value.
fn value<T: FromStr>(words: &mut SplitAsciiWhitespace<'_>, expected: &'static str) -> Result<T, LineError> {
    let word = words.next().ok_or(LineError::Missing(expected))?;
    parse(word, expected)
}

fn parse<T: FromStr>(word: &str, expected: &'static str) -> Result<T, LineError> {
    word.parse().map_err(|_| LineError::Word {
        word: word.chars().take(64).collect(),
        expected,
    })
}

/// The route of a line; `None` for one that is empty or only a comment.
///
/// # Errors
/// With what is wrong and what should stand there.
pub fn parse_line(line: &str) -> Result<Option<Line>, LineError> {
    if line.len() > MAX_LINE {
        return Err(LineError::TooLong);
    }
    let line = line.split('#').next().unwrap_or_default();
    let mut words = line.split_ascii_whitespace();
    let Some(mut word) = words.next() else {
        return Ok(None);
    };
    let kind = KINDS
        .into_iter()
        .find(|(name, _)| *name == word)
        .map(|(_, kind)| kind);
    if kind.is_some() {
        word = words.next().ok_or(LineError::Missing("a prefix"))?;
    }
    let mut route = Line {
        prefix: parse_prefix(word)?,
        kind: kind.unwrap_or_default(),
        hops: Vec::new(),
        metric: None,
        tag: None,
    };
    while let Some(word) = words.next() {
        option(&mut route, word, &mut words)?;
    }
    check(&route)?;
    Ok(Some(route))
}

fn option(route: &mut Line, word: &str, words: &mut SplitAsciiWhitespace<'_>) -> Result<(), LineError> {
    match word {
        "via" => {
            let gateway = value(words, "an address")?;
            route.hops.push(Hop {
                gateway: Some(gateway),
                ..Hop::default()
            });
        }
        "dev" => {
            let name: String = value(words, "the name of an interface")?;
            if name.len() > MAX_NAME {
                return Err(LineError::Word {
                    word: name.chars().take(64).collect(),
                    expected: "the name of an interface: up to 15 octets",
                });
            }
            match route.hops.last_mut().filter(|hop| hop.device.is_none()) {
                Some(hop) => hop.device = Some(name),
                None => route.hops.push(Hop {
                    device: Some(name),
                    ..Hop::default()
                }),
            }
        }
        "weight" => {
            let weight: u16 = value(words, "a weight: 1..=256")?;
            let hop = route
                .hops
                .last_mut()
                .ok_or(LineError::Nonsense("a weight belongs to a next hop"))?;
            if !(1..=256).contains(&weight) {
                return Err(LineError::Word {
                    word: weight.to_string(),
                    expected: "a weight: 1..=256",
                });
            }
            hop.weight = Some(weight);
        }
        "onlink" => {
            let hop = route.hops.last_mut().filter(|hop| hop.gateway.is_some());
            hop.ok_or(LineError::Nonsense("'onlink' belongs to a gateway"))?
                .onlink = true;
        }
        "recursive" => {
            let hop = route.hops.last_mut().filter(|hop| hop.gateway.is_some());
            hop.ok_or(LineError::Nonsense("'recursive' belongs to a gateway"))?
                .recursive = true;
        }
        "metric" => route.metric = Some(value(words, "a metric: a number")?),
        "tag" => route.tag = Some(value(words, "a tag: a number")?),
        other => {
            return Err(LineError::Word {
                word: other.chars().take(64).collect(),
                expected: "via, dev, weight, onlink, recursive, metric or tag",
            });
        }
    }
    Ok(())
}

/// A prefix, or an address alone, which is a host.
fn parse_prefix(word: &str) -> Result<Prefix, LineError> {
    const EXPECTED: &str = "a prefix such as 10.0.0.0/8";
    match word {
        "default" => parse("0.0.0.0/0", EXPECTED),
        word if word.contains('/') => parse(word, EXPECTED),
        word => {
            let length = if word.contains(':') { 128 } else { 32 };
            parse(&format!("{word}/{length}"), EXPECTED)
        }
    }
}

fn check(route: &Line) -> Result<(), LineError> {
    if route.kind != RouteKind::Unicast && !route.hops.is_empty() {
        return Err(LineError::Nonsense("only unicast routes have next hops"));
    }
    if route.hops.len() > MAX_NEXT_HOPS {
        return Err(LineError::Nonsense("more than 16 next hops"));
    }
    let contradicts = |hop: &Hop| hop.recursive && (hop.device.is_some() || hop.onlink);
    if route.hops.iter().any(contradicts) {
        return Err(LineError::Nonsense(
            "a recursive next hop is on no interface that is known: without 'dev' and 'onlink'",
        ));
    }
    Ok(())
}

/// The line without an end of line; [`parse_line`] gives the same route.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != RouteKind::Unicast {
            let name = KINDS.into_iter().find(|(_, kind)| *kind == self.kind);
            write!(f, "{} ", name.map_or("unicast", |(name, _)| name))?;
        }
        write!(f, "{}", self.prefix)?;
        for hop in &self.hops {
            if let Some(gateway) = hop.gateway {
                write!(f, " via {gateway}")?;
            }
            if let Some(device) = &hop.device {
                write!(f, " dev {device}")?;
            }
            if let Some(weight) = hop.weight {
                write!(f, " weight {weight}")?;
            }
            if hop.onlink {
                write!(f, " onlink")?;
            }
            if hop.recursive {
                write!(f, " recursive")?;
            }
        }
        if let Some(metric) = self.metric {
            write!(f, " metric {metric}")?;
        }
        match self.tag {
            Some(tag) => write!(f, " tag {tag}"),
            None => Ok(()),
        }
    }
}
