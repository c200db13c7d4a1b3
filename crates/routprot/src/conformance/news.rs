//! What a running protocol is told of the router as a whole, and has no say in: additions of ours.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use waypost_policy::{Policies, PolicyConfig};
use waypost_types::RouterId;

use super::case::{Case, Checked, same};
use super::rig::{FIRST, Rig, bytes_of};
use crate::RoutingProtocol;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "router-id/change",
        title: "another router identifier: configuration stays, no event",
        run: |rig| {
            taken(rig, "router_id_changed", identifiers(), |protocol, id| {
                protocol.router_id_changed(id);
            })
        },
    },
    Case {
        id: "router-id/prepare",
        title: "saying what another router identifier would do changes nothing",
        run: |rig| {
            prepared(rig, "prepare_router_id", identifiers(), |protocol, id| {
                drop(protocol.prepare_router_id(id));
            })
        },
    },
    Case {
        id: "policies/change",
        title: "other policies: configuration stays, no event",
        run: |rig| {
            taken(rig, "policies_changed", snapshots(), |protocol, policies| {
                protocol.policies_changed(&policies);
            })
        },
    },
    Case {
        id: "policies/prepare",
        title: "saying what other policies would do changes nothing",
        run: |rig| {
            prepared(rig, "prepare_policies", snapshots(), |protocol, policies| {
                drop(protocol.prepare_policies(&policies));
            })
        },
    },
];

/// Another identifier than the rig's, none at all, and the rig's.
fn identifiers() -> [Option<RouterId>; 3] {
    let id = |last| RouterId::new(Ipv4Addr::new(192, 0, 2, last)).ok();
    [id(99), None, id(1)]
}

/// A policy that lets nothing pass, and none at all again.
fn snapshots() -> [Arc<Policies>; 2] {
    let config = PolicyConfig {
        prefix_lists: BTreeMap::from([("nothing".to_owned(), Vec::new())]),
        ..PolicyConfig::default()
    };
    let compiled = Policies::compile(&config, |_| None, &Policies::default());
    [Arc::new(compiled.unwrap_or_default()), Arc::default()]
}

/// News leave the blocks as they are, and make no event.
fn taken<N>(
    rig: &mut Rig<'_>,
    call: &str,
    news: impl IntoIterator<Item = N>,
    tell: impl Fn(&mut dyn RoutingProtocol, N),
) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let (global, interface) = (rig.read_global()?, rig.read(FIRST)?);
    for one in news {
        tell(rig.protocol.as_mut(), one);
        rig.quiet(call)?;
        let seen = rig.read_global()?;
        same(
            &format!("global_info after {call}"),
            &bytes_of(global.clone()),
            &bytes_of(seen),
        )?;
        let seen = rig.read(FIRST)?;
        same(
            &format!("interface_info after {call}"),
            &bytes_of(interface.clone()),
            &bytes_of(seen),
        )?;
    }
    Ok(())
}

/// Asking what news would do changes nothing that can be seen.
fn prepared<N>(
    rig: &mut Rig<'_>,
    call: &str,
    news: impl IntoIterator<Item = N>,
    ask: impl Fn(&mut dyn RoutingProtocol, N),
) -> Checked {
    let block = rig.first_block();
    rig.running_with(&block)?;
    let before = rig.visible()?;
    for one in news {
        ask(rig.protocol.as_mut(), one);
    }
    rig.settle();
    let after = rig.visible()?;
    before.unchanged(call, &after)?;
    rig.quiet(call)
}
