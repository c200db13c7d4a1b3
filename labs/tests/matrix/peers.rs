//! The same changes in the languages of FRR and BIRD.

use crate::case::At::{R1, R2};
use crate::case::{At, Effect};

/// Where text goes in BIRD's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// At the end of the options of `eth0`; the last value of an option holds.
    Interface,
    /// Among the options of the protocol.
    Protocol,
    /// Among the options of its channel.
    Channel,
    /// At the start of the filter for routes that the protocol takes.
    Taken,
    /// At the start of the filter for routes that the protocol announces.
    Announced,
    /// Among the options of the area.
    Area,
    /// In place of everything about `eth0`.
    Gone,
    /// In place of everything about `eth2`.
    Alone,
    /// In place of everything about `lan1`, after the end of the area.
    Second,
    /// In place of the router's identifier.
    Identifier,
}

/// Lines for FRR on one router, and those that take them back.
pub(crate) type Lines = (At, &'static [&'static str], &'static [&'static str]);

/// A change as FRR and BIRD have it.
pub(crate) struct PeerCase {
    /// The row of Waypost beside which it stands.
    pub(crate) option: &'static str,
    pub(crate) change: &'static str,
    /// What FRR is given beforehand, unmeasured: router, lines, lines that take it back.
    pub(crate) frr_before: Vec<Lines>,
    /// Router, lines of the change, lines that take it back.
    pub(crate) frr: Vec<Lines>,
    /// What stands in BIRD's configuration before the change, and after it in the place of that.
    pub(crate) bird_before: Vec<(At, Slot, &'static str)>,
    pub(crate) bird: Vec<(At, Slot, &'static str)>,
    /// What must come of it.
    pub(crate) effect: Option<Effect>,
}

pub(crate) fn case(option: &'static str, change: &'static str) -> PeerCase {
    PeerCase {
        option,
        change,
        frr_before: Vec::new(),
        frr: Vec::new(),
        bird_before: Vec::new(),
        bird: Vec::new(),
        effect: None,
    }
}

impl PeerCase {
    pub(crate) fn frr(mut self, to: &'static [&'static str], back: &'static [&'static str]) -> Self {
        self.frr.push((R1, to, back));
        self
    }

    pub(crate) fn frr_both(mut self, to: &'static [&'static str], back: &'static [&'static str]) -> Self {
        self.frr.push((R1, to, back));
        self.frr.push((R2, to, back));
        self
    }

    pub(crate) fn frr_before(mut self, to: &'static [&'static str], back: &'static [&'static str]) -> Self {
        self.frr_before.push((R1, to, back));
        self.frr_before.push((R2, to, back));
        self
    }

    pub(crate) fn bird_before(mut self, slot: Slot, text: &'static str) -> Self {
        self.bird_before.push((R1, slot, text));
        self.bird_before.push((R2, slot, text));
        self
    }

    pub(crate) fn bird(mut self, slot: Slot, text: &'static str) -> Self {
        self.bird.push((R1, slot, text));
        self
    }

    pub(crate) fn bird_both(mut self, slot: Slot, text: &'static str) -> Self {
        self.bird.push((R1, slot, text));
        self.bird.push((R2, slot, text));
        self
    }

    pub(crate) fn effect(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }
}

/// BIRD's configuration with text put into a slot.
pub(crate) fn edited(configuration: &str, slot: Slot, text: &str) -> String {
    let block = |start: &str| -> (usize, usize) {
        let from = configuration.find(start).unwrap_or(configuration.len());
        let rest = configuration.get(from..).unwrap_or_default();
        (from, from + rest.find("\n  };").unwrap_or(rest.len()))
    };
    let after = |mark: &str| {
        configuration
            .find(mark)
            .map_or(configuration.len(), |at| at + mark.len())
    };
    let insert = |at: usize| {
        let (before, after) = configuration.split_at(at);
        format!("{before}\n    {text}{after}")
    };
    let without = |start: &str| {
        let (from, to) = block(start);
        let (before, rest) = configuration.split_at(from);
        let after = rest.get(to - from + "\n  };".len()..).unwrap_or_default();
        format!("{before}{after}")
    };
    match slot {
        Slot::Interface => insert(block("interface \"eth0\"").1),
        Slot::Protocol => insert(after("ecmp yes;")),
        Slot::Area => insert(after("area 0 {")),
        Slot::Channel => insert(after("  ipv4 { import filter taken;")),
        Slot::Taken => insert(after("filter taken {")),
        Slot::Announced => insert(after("filter announced {")),
        Slot::Gone => without("interface \"eth0\""),
        Slot::Alone => without("interface \"eth2\""),
        Slot::Second => {
            let rest = without("interface \"lan1\"");
            let end = rest.rfind("\n}").unwrap_or(rest.len());
            let (before, after) = rest.split_at(end);
            format!("{before}\n  {text}{after}")
        }
        Slot::Identifier => {
            let mut lines = configuration.lines();
            let others = lines.by_ref().filter(|line| !line.starts_with("router id "));
            let rest: Vec<&str> = others.collect();
            format!("{text}\n{}\n", rest.join("\n"))
        }
    }
}
