//! The neighbours that routers have, and whether they are still the same.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::bench::{Bench, PAIRS};
use crate::case::{At, Case};

/// A neighbour: who knows it, its address, and what tells it from one that was lost and found again.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) at: At,
    pub(crate) address: String,
    life: Life,
}

/// What tells a neighbour from one that was lost and found again.
#[derive(Debug)]
pub(crate) enum Life {
    /// It is known since some time between two.
    Since(Instant, Instant),
    /// So many events changed its state, and it is in this one.
    Events(u64, String),
}

impl Life {
    /// Whether it can be that this one came to an end before the other.
    fn is_other_than(&self, old: &Self) -> bool {
        match (self, old) {
            (Self::Since(after, _), Self::Since(_, before)) => after > before,
            (Self::Events(new, state), Self::Events(old, before)) => new != old || state != before,
            _ => true,
        }
    }
}

/// The neighbours of all routers.
pub(crate) fn neighbors(bench: &Bench) -> Result<Vec<Known>> {
    let mut known = Vec::new();
    for at in At::ALL {
        let before = Instant::now();
        let rows = bench.ask(at, &["show", "neighbors"])?;
        let after = Instant::now();
        for row in rows.as_array().into_iter().flatten() {
            known.push(Known {
                at,
                address: row["address"].as_str().unwrap_or_default().to_owned(),
                life: bench.subject.life(row, (before, after)),
            });
        }
    }
    Ok(known)
}

/// A neighbour that is still heard is the same one as before.
pub(crate) fn assert_no_reset(before: &[Known], after: &[Known], case: &Case) -> Result<()> {
    for old in before {
        let speaker = PAIRS
            .iter()
            .find(|(hearer, _, address)| *hearer == old.at && *address == old.address);
        let Some((hearer, speaker, _)) = speaker else {
            continue;
        };
        let pair = (*hearer, *speaker);
        if case.deaf.contains(&pair) || case.resets.contains(&pair) {
            continue;
        }
        let new = after
            .iter()
            .find(|new| new.at == old.at && new.address == old.address);
        match new {
            None => bail!("{} no longer has the neighbour {}", old.at.name(), old.address),
            Some(new) if new.life.is_other_than(&old.life) => {
                bail!(
                    "{} lost its neighbour {} and found it again: {:?}, then {:?}",
                    old.at.name(),
                    old.address,
                    old.life,
                    new.life
                );
            }
            Some(_) => {}
        }
    }
    Ok(())
}
