//! Which options a block gives: a bit each. The value of one that is not given is zero.

use waypost_routprot::Refusal;
use zerocopy::little_endian::U32;

use crate::config::codes::Coded;

/// The bit of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bit {
    /// Which bit, counted from the lowest.
    pub(super) number: u32,
    /// The option's path.
    pub(super) option: &'static str,
}

impl Bit {
    const fn mask(self) -> u64 {
        1 << self.number
    }
}

/// Collects bits while values are written.
#[derive(Default)]
pub(super) struct Given {
    bits: u64,
    values: u64,
}

impl Given {
    /// A number, zero when not given.
    pub(super) fn number<T: Default>(&mut self, bit: Bit, value: Option<T>) -> T {
        if value.is_some() {
            self.bits |= bit.mask();
        }
        value.unwrap_or_default()
    }

    /// The number of a choice, zero when not given.
    pub(super) fn choice<T: Coded>(&mut self, bit: Bit, value: Option<T>) -> u8 {
        self.number(bit, value.map(Coded::code))
    }

    /// The length of a tail, zero when not given.
    pub(super) fn length(&mut self, bit: Bit, length: Option<usize>) -> U32 {
        let length = length.map(|length| u32::try_from(length).unwrap_or(u32::MAX));
        self.number(bit, length).into()
    }

    /// A switch.
    pub(super) fn switch(&mut self, bit: Bit, value: Option<bool>) {
        if self.number(bit, value) {
            self.values |= bit.mask();
        }
    }

    /// The bits of what was given.
    pub(super) const fn bits(&self) -> u64 {
        self.bits
    }

    /// The bits of the switches that are on.
    pub(super) const fn values(&self) -> u64 {
        self.values
    }

    /// The bits, where there are at most 32.
    pub(super) fn word(&self) -> U32 {
        // INVARIANT: the bit tables of such blocks end below 32.
        U32::new(self.bits as u32)
    }

    /// The bits, where there are at most 8.
    pub(super) const fn octet(&self) -> u8 {
        // INVARIANT: the bit tables of such records end below 8.
        self.bits as u8
    }
}

/// The bits of a block being read.
pub(super) struct GivenReader {
    bits: u64,
}

impl GivenReader {
    /// Takes the bits of `field`; refuses one that `known` does not list.
    pub(super) fn new(field: &str, bits: u64, known: &[Bit]) -> Result<Self, Refusal> {
        let all = known.iter().fold(0, |all, bit| all | bit.mask());
        if bits & !all != 0 {
            return Err(Refusal::invalid("a reserved bit is set")
                .at(field)
                .with_value(format_args!("{bits:#x}"))
                .with_allowed(format!("bits of {all:#x}")));
        }
        Ok(Self { bits })
    }

    /// Whether an option is given.
    pub(super) const fn has(&self, bit: Bit) -> bool {
        self.bits & bit.mask() != 0
    }

    /// A number; refuses one other than zero that is not given.
    pub(super) fn number<T: Default + PartialEq>(&self, bit: Bit, value: T) -> Result<Option<T>, Refusal> {
        if self.has(bit) {
            Ok(Some(value))
        } else if value == T::default() {
            Ok(None)
        } else {
            Err(Refusal::invalid("the value must be zero, as the option is not given").at(bit.option))
        }
    }

    /// A choice; refuses a number that is none.
    pub(super) fn choice<T: Coded>(&self, bit: Bit, code: u8) -> Result<Option<T>, Refusal> {
        self.number(bit, code)?
            .map(|code| T::from_code(code.into(), bit.option))
            .transpose()
    }

    /// The switches; refuses a bit of something that is not given or no switch.
    pub(super) fn switches(&self, values: u64, known: &[Bit]) -> Result<Switches<'_>, Refusal> {
        let allowed = known
            .iter()
            .filter(|bit| self.has(**bit))
            .fold(0, |all, bit| all | bit.mask());
        if values & !allowed != 0 {
            return Err(
                Refusal::invalid("a bit is set that belongs to no switch that is given")
                    .at("switches")
                    .with_value(format_args!("{values:#x}"))
                    .with_allowed(format!("bits of {allowed:#x}")),
            );
        }
        Ok(Switches { given: self, values })
    }
}

/// The values of switches.
pub(super) struct Switches<'a> {
    given: &'a GivenReader,
    values: u64,
}

impl Switches<'_> {
    /// The value of a switch.
    pub(super) fn get(&self, bit: Bit) -> Option<bool> {
        self.given.has(bit).then_some(self.values & bit.mask() != 0)
    }
}
