//! The election of the Designated Router and its Backup (RFC 2328 §9.4).
//!
//! Everybody computes it from what everybody says. Whoever calls itself Designated Router stays it: a router that comes back
//! with a higher priority takes nothing away.

use std::net::Ipv4Addr;

use super::machine::State;

/// A router that may be elected: a neighbour in state 2-Way or higher, or this router itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its identifier.
    pub router: Ipv4Addr,
    /// Its address on the network.
    pub address: Ipv4Addr,
    /// Its priority; 0: not eligible.
    pub priority: u8,
    /// The Designated Router, by address, as it sees it.
    pub designated_router: Ipv4Addr,
    /// The Backup, by address, as it sees it.
    pub backup: Ipv4Addr,
}

impl Candidate {
    fn calls_itself_designated(&self) -> bool {
        self.designated_router == self.address
    }

    fn calls_itself_backup(&self) -> bool {
        self.backup == self.address
    }

    /// Higher priority first, then higher identifier.
    const fn rank(&self) -> (u8, Ipv4Addr) {
        (self.priority, self.router)
    }
}

/// Who was elected, by address; 0.0.0.0: nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The Designated Router.
    pub designated_router: Ipv4Addr,
    /// The Backup.
    pub backup: Ipv4Addr,
}

impl Outcome {
    /// The state of the interface whose address is `own`.
    #[must_use]
    pub fn state(&self, own: Ipv4Addr) -> State {
        if self.designated_router == own {
            State::Dr
        } else if self.backup == own {
            State::Backup
        } else {
            State::DrOther
        }
    }
}

/// Steps 2 and 3: the Backup, then the Designated Router.
fn round(candidates: &[Candidate]) -> Outcome {
    let eligible = || candidates.iter().filter(|candidate| candidate.priority > 0);
    let best = |of: &mut dyn Iterator<Item = &Candidate>| {
        let best = of.max_by_key(|candidate| candidate.rank());
        best.map(|candidate| candidate.address)
    };
    let others = || eligible().filter(|candidate| !candidate.calls_itself_designated());
    let backup = best(&mut others().filter(|candidate| candidate.calls_itself_backup()))
        .or_else(|| best(&mut others()))
        .unwrap_or(Ipv4Addr::UNSPECIFIED);
    let designated_router = best(&mut eligible().filter(|candidate| candidate.calls_itself_designated()));
    Outcome {
        designated_router: designated_router.unwrap_or(backup),
        backup,
    }
}

/// Elects. `own` is this router with what it said so far, `others` the neighbours in state 2-Way or higher.
#[must_use]
pub fn elect(own: Candidate, others: impl IntoIterator<Item = Candidate>) -> Outcome {
    let mut candidates = vec![own];
    candidates.extend(others);
    let before = Outcome {
        designated_router: own.designated_router,
        backup: own.backup,
    };
    let first = round(&candidates);
    // Step 4: who becomes one of the two, or is one no more, computes again with that said: so that nobody is both.
    let was = before.state(own.address);
    let is = first.state(own.address);
    if was == is {
        return first;
    }
    if let Some(own) = candidates.first_mut() {
        own.designated_router = first.designated_router;
        own.backup = first.backup;
    }
    round(&candidates)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

    fn address(number: u8) -> Ipv4Addr {
        match number {
            0 => NONE,
            number => Ipv4Addr::new(192, 0, 2, number),
        }
    }

    /// Router `number` with a priority, saying who is DR and Backup.
    fn says(number: u8, priority: u8, designated_router: u8, backup: u8) -> Candidate {
        Candidate {
            router: Ipv4Addr::new(10, 0, 0, number),
            address: address(number),
            priority,
            designated_router: address(designated_router),
            backup: address(backup),
        }
    }

    fn elected(own: Candidate, others: &[Candidate]) -> (u8, u8) {
        let outcome = elect(own, others.iter().copied());
        (outcome.designated_router.octets()[3], outcome.backup.octets()[3])
    }

    #[test]
    fn two_routers_that_start_together() {
        assert_eq!(elected(says(2, 1, 0, 0), &[says(1, 1, 0, 0)]), (2, 1));
        // The other one waits for the winner's word before it is Backup.
        assert_eq!(elected(says(1, 1, 0, 0), &[says(2, 1, 0, 0)]), (2, 2));
        assert_eq!(elected(says(1, 1, 0, 0), &[says(2, 1, 2, 1)]), (2, 1));
        assert_eq!(
            elected(says(1, 2, 0, 0), &[says(2, 1, 0, 0)]),
            (1, 2),
            "priority first"
        );
    }

    #[test]
    fn alone_on_the_network() {
        assert_eq!(elected(says(1, 1, 0, 0), &[]), (1, 0));
        assert_eq!(elected(says(1, 0, 0, 0), &[]), (0, 0));
    }

    #[test]
    fn who_is_designated_stays_so() {
        let others = [says(2, 1, 2, 1), says(1, 1, 2, 1)];
        assert_eq!(elected(says(9, 200, 0, 0), &others), (2, 1));
    }

    #[test]
    fn the_backup_takes_over_and_the_next_becomes_backup() {
        // RFC 2328 §9.4's example: the Designated Router is gone; the Backup, this router, was told by all.
        let others = [says(3, 1, 2, 1), says(4, 5, 2, 1)];
        assert_eq!(elected(says(1, 1, 2, 1), &others), (1, 4));
        // As another router sees it, from the same words.
        assert_eq!(
            elected(says(3, 1, 2, 1), &[says(1, 1, 2, 1), says(4, 5, 2, 1)]),
            (1, 1)
        );
        // And when the new Designated Router has said so.
        assert_eq!(
            elected(says(3, 1, 2, 1), &[says(1, 1, 1, 4), says(4, 5, 1, 4)]),
            (1, 4)
        );
    }

    #[test]
    fn who_may_not_be_elected_is_not() {
        assert_eq!(elected(says(9, 0, 9, 0), &[says(1, 1, 0, 0)]), (1, 1));
        assert_eq!(elected(says(1, 1, 0, 0), &[says(9, 0, 9, 9)]), (1, 0));
    }

    #[test]
    fn two_that_both_call_themselves_designated() {
        // A network that was divided grows together: the higher rank wins, the other becomes Backup.
        assert_eq!(elected(says(1, 1, 1, 0), &[says(2, 1, 2, 0)]), (2, 1));
        assert_eq!(elected(says(2, 1, 2, 0), &[says(1, 1, 1, 0)]), (2, 0));
    }

    proptest! {
        /// Routers that hear each other repeat what they elected until nobody changes his mind: then all say the same.
        #[test]
        fn everybody_agrees_in_the_end(
            priorities in prop::collection::vec(0_u8..4, 1..7),
            words in prop::collection::vec((0_u8..7, 0_u8..7), 7),
        ) {
            let mut routers: Vec<Candidate> = priorities
                .iter()
                .zip(&words)
                .zip(1_u8..)
                .map(|((priority, (dr, backup)), number)| says(number, *priority, *dr, *backup))
                .collect();
            let mut settled = false;
            for _ in 0..20 {
                let next: Vec<Candidate> = (0..routers.len())
                    .map(|index| {
                        let own = routers[index];
                        let others = routers.iter().enumerate().filter(|(other, _)| *other != index);
                        let outcome = elect(own, others.map(|(_, other)| *other));
                        Candidate { designated_router: outcome.designated_router, backup: outcome.backup, ..own }
                    })
                    .collect();
                settled = next == routers;
                routers = next;
                if settled {
                    break;
                }
            }
            prop_assert!(settled, "{routers:?}");
            let views: BTreeSet<_> = routers
                .iter()
                .map(|router| (router.designated_router, router.backup))
                .collect();
            prop_assert_eq!(views.len(), 1, "{:?}", routers);
            let (designated_router, backup) = views.first().copied().unwrap_or((NONE, NONE));
            let eligible = routers.iter().filter(|router| router.priority > 0).count();
            prop_assert_eq!(designated_router != NONE, eligible > 0);
            prop_assert_eq!(backup != NONE, eligible > 1);
            prop_assert!(designated_router == NONE || designated_router != backup);
        }
    }
}
