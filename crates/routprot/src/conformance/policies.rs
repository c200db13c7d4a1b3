//! Policies that change while the protocol runs: an addition of ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use waypost_policy::{Policies, PolicyConfig};

use super::case::{Case, Checked, same};
use super::rig::{FIRST, Rig, bytes_of};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "policies/change",
        title: "other policies: configuration stays, no event",
        run: change,
    },
    Case {
        id: "policies/prepare",
        title: "saying what other policies would do changes nothing",
        run: prepare,
    },
];

/// A policy that lets nothing pass, and none at all again.
fn snapshots() -> [Arc<Policies>; 2] {
    let config = PolicyConfig {
        prefix_lists: BTreeMap::from([("nothing".to_owned(), Vec::new())]),
        ..PolicyConfig::default()
    };
    let compiled = Policies::compile(&config, |_| None, &Policies::default());
    [Arc::new(compiled.unwrap_or_default()), Arc::default()]
}

fn change(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let (global, interface) = (rig.read_global()?, rig.read(FIRST)?);
    for policies in snapshots() {
        rig.protocol.policies_changed(&policies);
        rig.quiet("policies_changed")?;
        let seen = rig.read_global()?;
        same(
            "global_info after policies_changed",
            &bytes_of(global.clone()),
            &bytes_of(seen),
        )?;
        let seen = rig.read(FIRST)?;
        same(
            "interface_info after policies_changed",
            &bytes_of(interface.clone()),
            &bytes_of(seen),
        )?;
    }
    Ok(())
}

fn prepare(rig: &mut Rig<'_>) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let before = rig.visible()?;
    for policies in snapshots() {
        drop(rig.protocol.prepare_policies(&policies));
    }
    rig.settle();
    let after = rig.visible()?;
    before.unchanged("prepare_policies", &after)?;
    rig.quiet("prepare_policies")
}
