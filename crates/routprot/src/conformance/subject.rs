//! The protocol under test, as its author describes it.

use std::ops::Range;

use waypost_types::{InterfaceIndex, ProtocolId};

use crate::{InfoBlock, RoutingProtocol, Topic};

pub(super) type Factory<'a> = Box<dyn Fn() -> Box<dyn RoutingProtocol> + 'a>;
pub(super) type Hook<'a> = Box<dyn Fn(&mut dyn RoutingProtocol) + 'a>;
pub(super) type MibInput<'a> = Box<dyn Fn(InterfaceIndex) -> Vec<u8> + 'a>;

/// A protocol under test: how to make an instance, and blocks to try on it.
///
/// Blocks must be complete in themselves: none may mean "keep what is stored" for a part of it. What the description
/// leaves out makes the cases that need it report "skipped", with the reason.
pub struct Subject<'a> {
    pub(super) name: String,
    pub(super) factory: Factory<'a>,
    pub(super) protocol: ProtocolId,
    pub(super) global: InfoBlock,
    pub(super) other_global: Option<InfoBlock>,
    pub(super) invalid_global: Option<InfoBlock>,
    pub(super) interface: [InfoBlock; 2],
    pub(super) invalid_interface: InfoBlock,
    pub(super) longer_interface: Option<InfoBlock>,
    pub(super) failing_interface: Option<InfoBlock>,
    pub(super) failing_global: Option<InfoBlock>,
    pub(super) fixed_part: Option<usize>,
    pub(super) mib_set: Option<MibInput<'a>>,
    pub(super) failing_mib_set: Option<MibInput<'a>>,
    pub(super) mib_get: Option<MibInput<'a>>,
    pub(super) mib_table: bool,
    pub(super) settle: Option<Hook<'a>>,
    pub(super) pass_time: Option<Hook<'a>>,
    pub(super) ignored: Vec<String>,
    pub(super) read_only: Range<usize>,
}

/// Looks, and has `pause` let a moment pass, until two looks in a row see the same: for [`Subject::settle`] of a protocol with threads
/// that do what a call set off. One that shows nothing is as it is when a call returns.
pub fn settle(protocol: &mut dyn RoutingProtocol, pause: impl Fn()) {
    const LOOKS: usize = 500;
    let look = |protocol: &mut dyn RoutingProtocol| {
        [Topic::Summary, Topic::Interfaces, Topic::Database].map(|topic| protocol.show(topic).ok())
    };
    let mut last = look(protocol);
    if last.iter().all(Option::is_none) {
        return;
    }
    for _ in 0..LOOKS {
        pause();
        let next = look(protocol);
        if next == last {
            return;
        }
        last = next;
    }
}

impl<'a> Subject<'a> {
    /// A subject with what every protocol has.
    ///
    /// `factory` makes an instance that was not registered yet; instances must not share state. `global` is a valid
    /// global block. `interface` are two valid interface blocks with different contents. `invalid_interface` has an
    /// acceptable StructureSize and StructureCount, but contents that the protocol must refuse.
    pub fn new(
        factory: impl Fn() -> Box<dyn RoutingProtocol> + 'a,
        protocol: ProtocolId,
        global: InfoBlock,
        interface: [InfoBlock; 2],
        invalid_interface: InfoBlock,
    ) -> Self {
        Self {
            name: protocol.to_string(),
            factory: Box::new(factory),
            protocol,
            global,
            other_global: None,
            invalid_global: None,
            interface,
            invalid_interface,
            longer_interface: None,
            failing_interface: None,
            failing_global: None,
            fixed_part: None,
            mib_set: None,
            failing_mib_set: None,
            mib_get: None,
            mib_table: false,
            settle: None,
            pass_time: None,
            ignored: Vec::new(),
            read_only: 0..0,
        }
    }

    /// The name in the report; the protocol's number otherwise.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// A second valid global block, with other contents than the first.
    #[must_use]
    pub fn other_global(mut self, block: InfoBlock) -> Self {
        self.other_global = Some(block);
        self
    }

    /// A global block of acceptable size whose contents the protocol must refuse.
    #[must_use]
    pub fn invalid_global(mut self, block: InfoBlock) -> Self {
        self.invalid_global = Some(block);
        self
    }

    /// A valid interface block with a variable tail: longer than the fixed part.
    #[must_use]
    pub fn longer_interface(mut self, block: InfoBlock) -> Self {
        self.longer_interface = Some(block);
        self
    }

    /// A valid interface block that cannot be carried out where the suite runs, such as one that needs a port which the
    /// factory's instances cannot open: ERROR_CAN_NOT_COMPLETE after validation.
    #[must_use]
    pub fn failing_interface(mut self, block: InfoBlock) -> Self {
        self.failing_interface = Some(block);
        self
    }

    /// A valid global block that cannot be carried out where the suite runs, like [`Self::failing_interface`].
    #[must_use]
    pub fn failing_global(mut self, block: InfoBlock) -> Self {
        self.failing_global = Some(block);
        self
    }

    /// The smallest acceptable StructureSize of an interface block, in octets.
    ///
    /// Without it the blocks given to [`Self::new`] are taken to be all fixed part: an octet less is too short.
    #[must_use]
    pub const fn fixed_part(mut self, octets: usize) -> Self {
        self.fixed_part = Some(octets);
        self
    }

    /// Input for MibSetEntry that changes the configuration of the interface to something other than the first block
    /// given to [`Self::new`].
    #[must_use]
    pub fn mib_set(mut self, input: impl Fn(InterfaceIndex) -> Vec<u8> + 'a) -> Self {
        self.mib_set = Some(Box::new(input));
        self
    }

    /// Input for MibSetEntry that is valid, but cannot be carried out where the suite runs, like
    /// [`Self::failing_interface`].
    #[must_use]
    pub fn failing_mib_set(mut self, input: impl Fn(InterfaceIndex) -> Vec<u8> + 'a) -> Self {
        self.failing_mib_set = Some(Box::new(input));
        self
    }

    /// Input for MibGetEntry that is answered with at least one octet once the interface was added.
    #[must_use]
    pub fn mib_get(mut self, input: impl Fn(InterfaceIndex) -> Vec<u8> + 'a) -> Self {
        self.mib_get = Some(Box::new(input));
        self
    }

    /// What [`Self::mib_get`] names is a row of a table of interfaces: MibGetFirstEntry answers with the row of the lowest
    /// index, MibGetNextEntry with that of the next one.
    #[must_use]
    pub const fn mib_table(mut self) -> Self {
        self.mib_table = true;
        self
    }

    /// Waits until the protocol's threads have done what the last call set off. Time as the protocol sees it should
    /// not move. Not needed by a protocol that finishes its work within the call.
    #[must_use]
    pub fn settle(mut self, hook: impl Fn(&mut dyn RoutingProtocol) + 'a) -> Self {
        self.settle = Some(Box::new(hook));
        self
    }

    /// Lets some time pass: sleeps a little, or moves a manual clock to the next deadline. Called up to
    /// [`Self::PATIENCE`] times while an announced event is awaited. Not needed by a protocol that never defers.
    #[must_use]
    pub fn pass_time(mut self, hook: impl Fn(&mut dyn RoutingProtocol) + 'a) -> Self {
        self.pass_time = Some(Box::new(hook));
        self
    }

    /// How often time may pass before an announced event counts as missing.
    pub const PATIENCE: usize = 600;

    /// Octets of an interface block that a set ignores and a get fills with the present state (rras-blocks P-104). They
    /// are zero in the blocks given to [`Self::new`] and are taken for zero in what comes back.
    #[must_use]
    pub const fn read_only(mut self, octets: Range<usize>) -> Self {
        self.read_only = octets;
        self
    }

    /// Fields of `show`, by name at any depth, that differ between two reads though nothing happened: ages, times.
    #[must_use]
    pub fn ignore_in_show(mut self, names: &[&str]) -> Self {
        self.ignored.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }
}
