//! What is no longer announced: said as unreachable, again and again, in whichever way it ended.

use serde_json::{Value, json};
use waypost_engine::Input;
use waypost_routprot::InterfaceStatus;
use waypost_types::InterfaceIndex;

use super::lab::{LATENCY, Lab};

/// 1 and 2 on link 1, options on 1's end; a heard network behind link 9 of 1.
fn pair(options: &Value, heard: &[(&str, u32)]) -> Lab {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, options.clone()), (9, json!({}))]);
    lab.router(2, json!({}), &[(1, json!({}))]);
    lab.announce(1, 9, 7, heard);
    lab.secs(6);
    lab.announce(1, 9, 7, heard);
    lab.quiet();
    lab
}

#[test]
fn a_default_route_of_our_own_goes_with_its_interface() {
    let ends: [fn(&mut Lab); 4] = [
        |lab| lab.handle(1, Input::DeleteInterface(InterfaceIndex(1))),
        |lab| lab.status(1, 1, &InterfaceStatus::Disabled),
        |lab| lab.configure(1, 1, json!({ "originate-default": 2, "passive": true })),
        |lab| lab.handle(1, Input::Stop),
    ];
    for (number, end) in ends.into_iter().enumerate() {
        let mut lab = pair(&json!({ "originate-default": 2 }), &[]);
        assert_eq!(lab.metric(2, "0.0.0.0/0"), Some(3));
        end(&mut lab);
        lab.run(LATENCY);
        assert_eq!(lab.metric(2, "0.0.0.0/0"), None, "end {number}");
    }
}

#[test]
fn what_an_operator_withdraws_does_not_wait_although_changes_do() {
    let slow = json!({ "triggered-updates": false, "originate-default": 2 });
    let mut lab = pair(&slow, &[]);
    lab.configure(1, 1, json!({ "triggered-updates": false }));
    assert_eq!(lab.said(1, 1, "0.0.0.0/0"), [16]);
    // Changes of the table wait for the next regular update.
    lab.quiet();
    lab.announce(1, 9, 7, &[("192.0.2.0/24", 1)]);
    lab.run(LATENCY);
    assert!(lab.said(1, 1, "192.0.2.0/24").is_empty());
    lab.secs(36);
    assert!(!lab.said(1, 1, "192.0.2.0/24").is_empty());
}

/// Changes options of 1 while the link loses everything; what 2 still believes after two regular updates.
fn after_a_loss(before: &Value, after: Value, heard: &[(&str, u32)], prefixes: &[&str]) -> Vec<Option<u32>> {
    let mut lab = pair(before, heard);
    lab.cut.push(1);
    lab.configure(1, 1, after);
    lab.run(LATENCY * 2);
    lab.cut.clear();
    lab.secs(36);
    lab.announce(1, 9, 7, heard);
    lab.secs(36);
    prefixes.iter().map(|prefix| lab.metric(2, prefix)).collect()
}

#[test]
fn a_lost_withdrawal_of_a_default_route_is_repeated() {
    let believed = after_a_loss(&json!({ "originate-default": 2 }), json!({}), &[], &["0.0.0.0/0"]);
    assert_eq!(believed, [None]);
}

#[test]
fn lost_withdrawals_of_summaries_and_of_their_parts_are_repeated() {
    let heard = [("172.16.1.0/24", 1), ("172.16.2.0/24", 3)];
    let prefixes = ["172.16.0.0/16", "172.16.1.0/24", "172.16.2.0/24"];
    let (parts, sum) = (json!({}), json!({ "summarise": true }));
    let believed = after_a_loss(&sum, parts.clone(), &heard, &prefixes);
    assert_eq!(believed, [None, Some(3), Some(5)]);
    let believed = after_a_loss(&parts, sum, &heard, &prefixes);
    assert_eq!(believed, [Some(3), None, None]);
}

#[test]
fn a_farewell_repeats_what_was_withdrawn_just_before() {
    let mut lab = pair(&json!({ "originate-default": 2 }), &[]);
    lab.cut.push(1);
    lab.configure(1, 1, json!({}));
    lab.run(LATENCY * 2);
    lab.cut.clear();
    lab.handle(1, Input::DeleteInterface(InterfaceIndex(1)));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "0.0.0.0/0"), None);
}

#[test]
fn version_1_withdraws_nothing_that_it_would_be_understood_to_withdraw() {
    // Both are 10.8.0.0 without a mask; on this link that is the first.
    let heard = [("10.8.0.0/24", 2), ("10.8.0.0/25", 4)];
    let mut lab = pair(&json!({}), &heard);
    lab.configure(1, 1, json!({ "announce": "v1" }));
    lab.secs(36);
    let said = lab.said(1, 1, "10.8.0.0/0");
    assert!(
        !said.is_empty() && said.iter().all(|metric| *metric == 3),
        "{said:?}"
    );
    assert_eq!(lab.metric(2, "10.8.0.0/24"), Some(4));
}

#[test]
fn routes_of_our_own_are_announced_as_gone_for_the_removal_interval() {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({ "removal-interval": 9, "redistribute": [{ "source": "static" }] }),
        &[(1, json!({})), (2, json!({ "removal-interval": 4 }))],
    );
    let prefix = super::lab::p("192.0.2.0/24");
    lab.redistribute(1, [prefix]);
    lab.secs(1);
    lab.withdraw(1, prefix);
    lab.status(1, 2, &InterfaceStatus::MediaAbsent);
    let gone = |lab: &Lab| ["10.2.0.0/24", "192.0.2.0/24"].map(|prefix| lab.row(1, prefix).is_null());
    lab.secs(3);
    assert_eq!(gone(&lab), [false, false]);
    lab.secs(2);
    assert_eq!(gone(&lab), [true, false]);
    lab.secs(3);
    assert_eq!(gone(&lab), [true, false]);
    lab.secs(2);
    assert_eq!(gone(&lab), [true, true]);
    // A change holds from then on.
    lab.redistribute(1, [prefix]);
    lab.configure_global(
        1,
        json!({ "removal-interval": 2, "redistribute": [{ "source": "static" }] }),
    );
    lab.withdraw(1, prefix);
    lab.secs(3);
    assert_eq!(gone(&lab), [true, true]);
}
