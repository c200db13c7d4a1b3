//! The conformance suite of the routing protocol interface.
//!
//! For a protocol, [`run`] executes every testable row of routing-protocol-interface 4 to 10 on fresh instances and
//! reports case by case. The protocol may be an engine behind its adapter, a hand-written [`crate::RoutingProtocol`] or
//! a foreign module behind a bridge: the suite knows nothing but the trait. A panic of the protocol is a failed case.
//!
//! ```no_run
//! # use waypost_routprot::{InfoBlock, RoutingProtocol, conformance::{self, Subject}};
//! # use waypost_types::ProtocolId;
//! # fn my_protocol() -> Box<dyn RoutingProtocol> { unreachable!() }
//! # let (global, interface, other, invalid) = (InfoBlock::absent(), InfoBlock::absent(), InfoBlock::absent(), InfoBlock::absent());
//! let subject = Subject::new(my_protocol, ProtocolId::RIP, global, [interface, other], invalid).fixed_part(16);
//! conformance::run(&subject).assert_conforms();
//! ```
//!
//! For a host, [`host::Recorder`] is a protocol that writes down what it is told, and [`host::check_order`] judges it.
//!
//! Case ids name the row they test: `6.6/3` is vector 3 of section 6.6, `6.3/7` rule 7 of section 6.3. The cases under
//! `prepare/`, `describe/` and `router-id/` test what Waypost adds to the documented interface.

mod case;
mod codec;
mod events;
pub mod host;
mod interfaces;
mod lifecycle;
mod mib;
mod negotiation;
mod news;
mod prepare;
mod registration;
mod report;
mod rig;
mod set_global;
mod set_interface;
mod states;
mod subject;

pub use report::{CaseReport, Outcome, Report};
pub use subject::{Subject, settle};

use std::panic::{AssertUnwindSafe, catch_unwind};

use case::{Case, Verdict};
use rig::Rig;

/// Every case, in the order of the report.
fn cases() -> impl Iterator<Item = &'static Case> {
    [
        registration::CASES,
        lifecycle::CASES,
        interfaces::CASES,
        set_interface::CASES,
        states::CASES,
        set_global::CASES,
        prepare::CASES,
        codec::CASES,
        negotiation::CASES,
        events::CASES,
        mib::CASES,
        news::CASES,
    ]
    .into_iter()
    .flatten()
}

/// Executes every case on fresh instances of the subject.
#[must_use]
pub fn run(subject: &Subject<'_>) -> Report {
    Report {
        subject: subject.name.clone(),
        cases: cases()
            .map(|case| CaseReport {
                id: case.id,
                title: case.title,
                outcome: outcome(subject, case),
            })
            .collect(),
    }
}

fn outcome(subject: &Subject<'_>, case: &Case) -> Outcome {
    let mut rig = None;
    // The rig outlives the unwinding, so that a protocol whose destructor panics too is dropped apart from it.
    let verdict = catch_unwind(AssertUnwindSafe(|| (case.run)(rig.insert(Rig::new(subject)))));
    // Threads of the protocol end with its instance; what this clean-up meets is another case's business.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if let Some(rig) = &mut rig {
            rig.put_away();
        }
    }));
    let _ = catch_unwind(AssertUnwindSafe(|| drop(rig)));
    match verdict {
        Ok(Ok(())) => Outcome::Passed,
        Ok(Err(Verdict::Failed { expected, seen })) => Outcome::Failed { expected, seen },
        Ok(Err(Verdict::Skipped(reason))) => Outcome::Skipped(reason),
        Err(panic) => Outcome::Failed {
            expected: "an answer".to_owned(),
            seen: format!("a panic: {}", panic_text(panic.as_ref())),
        },
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without words")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn case_ids_are_unique() {
        let mut seen = BTreeSet::new();
        for case in super::cases() {
            assert!(seen.insert(case.id), "{} is there twice", case.id);
        }
    }
}
