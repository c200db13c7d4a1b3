//! Work that touches many routes, done in slices: one linear pass over the route rows serves whatever is due.

/// What a slice of [`Rtm::sweep`](crate::Rtm::sweep) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Gateways and route rows looked at.
    pub visited: usize,
    /// There is more to do.
    pub more: bool,
}

/// A growing set of small numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        // Nothing is ever taken out.
        self.0.is_empty()
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        self.0
            .get(number as usize / 64)
            .is_some_and(|word| word >> (number % 64) & 1 != 0)
    }
}

/// Why rows are looked at.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// The entity in this slot left, or wants its stale routes removed.
    Sweep(u16),
    /// The entities in these slots have another preference.
    Preference(Bits),
    /// These next-hop sets have other usable next hops.
    NextHops(Bits),
}

#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) reason: Reason,
    /// The row it began at; it ends when it comes back there.
    start: u32,
    begun: bool,
}

/// The passes of one table. All share one cursor that goes round and round over the rows.
#[derive(Debug, Default)]
pub(crate) struct Passes {
    pub(crate) rows: Vec<Pass>,
    pub(crate) cursor: u32,
}

impl Passes {
    /// Begins a pass at the cursor. Of each reason there is at most one pass: an older one is taken over, and with it
    /// what it was looking for.
    pub(crate) fn begin(&mut self, reason: Reason) {
        let (start, begun) = (self.cursor, false);
        for pass in &mut self.rows {
            match (&mut pass.reason, &reason) {
                (Reason::Sweep(old), Reason::Sweep(new)) if old == new => {}
                (Reason::Preference(old), Reason::Preference(new))
                | (Reason::NextHops(old), Reason::NextHops(new)) => {
                    if old.0.len() < new.0.len() {
                        old.0.resize(new.0.len(), 0);
                    }
                    old.0.iter_mut().zip(&new.0).for_each(|(old, new)| *old |= new);
                }
                _ => continue,
            }
            (pass.start, pass.begun) = (start, begun);
            return;
        }
        self.rows.push(Pass { reason, start, begun });
    }

    /// Moves to the next of `rows` rows, ends the passes that have come round, and returns the row to look at.
    pub(crate) fn advance(&mut self, rows: u32) -> Option<u32> {
        if self.cursor >= rows {
            self.cursor = 0;
        }
        let cursor = self.cursor;
        self.rows.retain_mut(|pass| {
            if pass.start >= rows {
                pass.start = 0;
            }
            let round = pass.begun && pass.start == cursor;
            pass.begun = true;
            !round
        });
        if self.rows.is_empty() || rows == 0 {
            self.rows.clear();
            return None;
        }
        self.cursor += 1;
        Some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_sees_every_row_once() {
        let mut passes = Passes::default();
        let mut seen = [Vec::new(), Vec::new()];
        passes.begin(Reason::Sweep(0));
        for step in 0.. {
            if step == 3 {
                passes.begin(Reason::Sweep(1));
            }
            let Some(row) = passes.advance(5) else { break };
            for pass in &passes.rows {
                if let Reason::Sweep(slot) = pass.reason {
                    seen[usize::from(slot)].push(row);
                }
            }
        }
        assert_eq!(seen, [vec![0, 1, 2, 3, 4], vec![3, 4, 0, 1, 2]]);
    }

    #[test]
    fn rows_added_at_the_end_do_not_hide_others() {
        let mut passes = Passes {
            rows: Vec::new(),
            cursor: 4,
        };
        passes.begin(Reason::Sweep(0));
        let mut seen = vec![passes.advance(5).unwrap()];
        while let Some(row) = passes.advance(8) {
            seen.push(row);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn passes_of_one_reason_join() {
        let mut passes = Passes::default();
        let bits = |numbers: &[u32]| {
            let mut bits = Bits::default();
            numbers.iter().for_each(|&number| bits.insert(number));
            bits
        };
        passes.begin(Reason::NextHops(bits(&[1])));
        passes.begin(Reason::NextHops(bits(&[200])));
        passes.begin(Reason::Preference(bits(&[1])));
        assert_eq!(passes.rows.len(), 2);
        let Reason::NextHops(joined) = &passes.rows[0].reason else {
            panic!("order kept")
        };
        assert!(joined.contains(1) && joined.contains(200) && !joined.contains(64));
    }
}
