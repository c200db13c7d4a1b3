//! What a row of the matrix is.

use serde_json::Value;
use waypost_testkit::Route;

use crate::bench::Bench;
use crate::ospf::Packet;
use crate::rip::Message;

/// A router of a bench: r1, which is changed, and its neighbours r2 and r3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum At {
    R1,
    R2,
    R3,
}

impl At {
    pub(crate) const ALL: [Self; 3] = [Self::R1, Self::R2, Self::R3];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::R1 => "r1",
            Self::R2 => "r2",
            Self::R3 => "r3",
        }
    }
}

/// A route that a router has.
pub(crate) type Has = (At, &'static str);

/// Packets from an address of one router to one of another and back.
pub(crate) type Stream = ((At, &'static str), (At, &'static str));

/// An option of a router set to a value, in TOML; to nothing when that is empty.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: At,
    pub(crate) path: String,
    pub(crate) value: String,
}

pub(crate) fn step(at: At, path: impl Into<String>, value: impl Into<String>) -> Step {
    Step {
        at,
        path: path.into(),
        value: value.into(),
    }
}

/// What must have become true.
#[derive(Clone, Copy)]
pub(crate) enum Effect {
    /// The kernel has a route by exactly these gateways.
    Via(At, &'static str, &'static [&'static str]),
    /// The kernel has no route.
    Gone(At, &'static str),
    /// The kernel has a route that is so.
    Route(At, &'static str, fn(&Route) -> bool),
    /// The first hears such a message of the second's RIP.
    Message(At, At, fn(&Message) -> bool),
    /// The first hears such a packet of the second's OSPF.
    Packet(At, At, fn(&Packet) -> bool),
    /// The router's own tool prints such a thing; Waypost only.
    Shown(At, &'static [&'static str], fn(&Value) -> bool),
    /// An option of a table has this value, in TOML or as text; Waypost only. For those that show in nothing else before
    /// something happens.
    Configured(At, &'static str, &'static str, &'static str),
    /// Something that has to be tried; Waypost only.
    Probe(fn(&Bench) -> anyhow::Result<()>),
}

/// A change, what it may take away and what must come of it.
pub(crate) struct Case {
    /// The option's path, with NAME for the interface's.
    pub(crate) option: String,
    /// The change in words.
    pub(crate) change: String,
    /// What is configured beforehand, unmeasured.
    pub(crate) before: Vec<Step>,
    /// What is configured beforehand moves the routes to the network that is behind both neighbours.
    pub(crate) moves_both: bool,
    /// An interface that is set down beforehand.
    pub(crate) down: Option<(At, &'static str)>,
    /// The change. It is taken back the other way round.
    pub(crate) steps: Vec<Step>,
    /// The routes that the new configuration takes away. All others must stay.
    pub(crate) loses: Vec<Has>,
    /// Who no longer hears whom.
    pub(crate) deaf: Vec<(At, At)>,
    /// Routes that may go for a while and come back: what the change starts anew has them.
    pub(crate) interrupts: Vec<Has>,
    /// Who loses whom for a while, by what the change starts anew.
    pub(crate) resets: Vec<(At, At)>,
    /// Routes that `before` makes and that must stay.
    pub(crate) keeps: Vec<Has>,
    pub(crate) effects: Vec<Effect>,
    /// A packet stream beside the usual one that must not lose anything, between two addresses.
    pub(crate) ping: Option<Stream>,
}

impl Case {
    pub(crate) fn new(option: impl Into<String>, change: impl Into<String>) -> Self {
        Self {
            option: option.into(),
            change: change.into(),
            before: Vec::new(),
            moves_both: false,
            down: None,
            steps: Vec::new(),
            loses: Vec::new(),
            deaf: Vec::new(),
            interrupts: Vec::new(),
            resets: Vec::new(),
            keeps: Vec::new(),
            effects: Vec::new(),
            ping: None,
        }
    }

    pub(crate) fn before(mut self, at: At, path: &str, value: &str) -> Self {
        self.before.push(step(at, path, value));
        self
    }

    pub(crate) fn step(mut self, at: At, path: &str, value: &str) -> Self {
        self.steps.push(step(at, path, value));
        self
    }

    pub(crate) fn loses(mut self, routes: &[Has]) -> Self {
        self.loses.extend_from_slice(routes);
        self
    }

    pub(crate) fn deaf(mut self, pairs: &[(At, At)]) -> Self {
        self.deaf.extend_from_slice(pairs);
        self
    }

    pub(crate) fn interrupts(mut self, routes: &[Has]) -> Self {
        self.interrupts.extend_from_slice(routes);
        self
    }

    pub(crate) fn resets(mut self, pairs: &[(At, At)]) -> Self {
        self.resets.extend_from_slice(pairs);
        self
    }

    pub(crate) fn keeps(mut self, routes: &[Has]) -> Self {
        self.keeps.extend_from_slice(routes);
        self
    }

    pub(crate) fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    pub(crate) const fn moves_both(mut self) -> Self {
        self.moves_both = true;
        self
    }

    /// The row's name.
    pub(crate) fn key(&self) -> (String, String) {
        (self.option.clone(), self.change.clone())
    }
}
