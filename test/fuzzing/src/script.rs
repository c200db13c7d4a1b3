//! Octets as a list of decisions.

/// Reads decisions off octets; at their end every decision is 0.
#[derive(Clone, Debug)]
pub struct Script<'a> {
    left: &'a [u8],
}

impl<'a> Script<'a> {
    /// The decisions that `octets` make.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { left: octets }
    }

    /// Whether all octets are used up.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.left.is_empty()
    }

    /// The next octet.
    pub fn octet(&mut self) -> u8 {
        match self.left.split_first() {
            Some((first, rest)) => {
                self.left = rest;
                *first
            }
            None => 0,
        }
    }

    /// The next two octets, lowest first.
    pub fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.octet(), self.octet()])
    }

    /// The next four octets, lowest first.
    pub fn long(&mut self) -> u32 {
        u32::from_le_bytes([self.octet(), self.octet(), self.octet(), self.octet()])
    }

    /// One of `choices`, by one octet.
    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        // INVARIANT: every list of choices in this crate has some.
        choices[usize::from(self.octet()) % choices.len()]
    }

    /// Up to `most` octets as they are; how many, one octet says.
    pub fn octets(&mut self, most: usize) -> &'a [u8] {
        let length = usize::from(self.octet()).min(most).min(self.left.len());
        let (taken, rest) = self.left.split_at(length);
        self.left = rest;
        taken
    }

    /// Everything that is left.
    #[must_use]
    pub const fn rest(self) -> &'a [u8] {
        self.left
    }
}
