//! What happens to a network: links, routers and operators, each at its worst.

use std::time::Duration;

use serde_json::{Value, json};
use waypost_routprot::Refusal;
use waypost_types::{InterfaceIndex, Random};

use super::network::{RIP, RipNetwork, network_of};
use crate::node::{NodeId, SegmentId};
use crate::segment::Quality;

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// A link loses carrier, or gets it back.
    Carrier,
    /// An operator disables an interface, or enables it.
    Enable,
    /// A link falls into parts without anybody being told, or is whole again.
    Partition,
    /// A router loses power, or gets it back.
    Power,
    /// RIP is stopped on a router, or started again.
    Protocol,
    /// A link becomes bad: losses, doubles, reordering.
    Quality,
    /// An operator changes a metric.
    Metric,
    /// An operator changes what is announced or taken: passive, filters.
    Policy,
    /// An operator changes how things are said: versions, lengths, intervals, horizons.
    Manner,
    /// The routers of a link change to the next key, one by one.
    Keys,
    /// An operator changes which networks without RIP are announced, perhaps just when one of them changes.
    Redistribution,
    /// An operator takes RIP off an interface, or brings it back.
    Presence,
}

impl Disturbance {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Carrier,
        Self::Enable,
        Self::Partition,
        Self::Power,
        Self::Protocol,
        Self::Quality,
        Self::Metric,
        Self::Policy,
        Self::Manner,
        Self::Keys,
        Self::Redistribution,
        Self::Presence,
    ];
    /// Those that neighbours are told of at once, so that triggered updates alone repair everything.
    pub const ANNOUNCED: [Self; 5] = [
        Self::Carrier,
        Self::Enable,
        Self::Metric,
        Self::Redistribution,
        Self::Presence,
    ];
}

/// A link that loses 10 %, doubles 5 % and reorders 10 % of what it carries.
pub const BAD: Quality = Quality {
    latency: Duration::from_millis(2),
    jitter: Duration::from_millis(5),
    loss: 100,
    duplication: 50,
    reordering: 100,
};

/// Disturbs a network once.
pub fn disturb(network: &mut RipNetwork, kind: Disturbance, random: &mut Random) -> Result<(), Refusal> {
    let segment = SegmentId(random.below(network.links as u64) as usize);
    let members = network.sim.segment(segment).members.clone();
    let member = members[random.below(members.len() as u64) as usize];
    let (node, index) = (member.node, member.interface);
    match kind {
        Disturbance::Carrier => {
            let carrier = network.sim.segment(segment).carrier;
            network.sim.set_carrier(segment, !carrier);
        }
        Disturbance::Enable => {
            let enabled = network
                .sim
                .node(node)
                .interface(index)
                .is_some_and(|interface| interface.enabled);
            network.sim.set_enabled(node, index, !enabled);
        }
        Disturbance::Partition => {
            let whole = members.iter().all(|member| member.part == 0);
            let parts: Vec<(NodeId, u8)> = members
                .iter()
                .enumerate()
                .map(|(position, member)| (member.node, position as u8 % 2))
                .collect();
            let part = |node| {
                let own = parts.iter().find(|(of, _)| *of == node);
                own.map_or(0, |(_, part)| *part)
            };
            network
                .sim
                .partition(segment, |node| if whole { part(node) } else { 0 });
        }
        Disturbance::Power => power(network, node, random)?,
        Disturbance::Protocol => protocol(network, node)?,
        Disturbance::Quality => {
            let good = network.sim.segment(segment).quality == Quality::GOOD;
            network
                .sim
                .set_quality(segment, if good { BAD } else { Quality::GOOD });
        }
        Disturbance::Metric => {
            let (option, metric) = match random.below(8) {
                0 => ("metric", 16),
                1 | 2 => ("metric-out", random.below(4)),
                _ => ("metric", 1 + random.below(4)),
            };
            network.set(node, index, option, json!(metric))?;
        }
        Disturbance::Policy => policy(network, (node, index), random)?,
        Disturbance::Manner => manner(network, (node, index), random)?,
        Disturbance::Keys => next_key(network, segment, random)?,
        Disturbance::Redistribution => {
            // Carrier of one of its networks may change at the same moment: what is no longer there and what is no longer
            // announced must not be mixed up.
            let networks: Vec<SegmentId> = network
                .sim
                .node(node)
                .interfaces
                .iter()
                .map(|of| of.segment)
                .collect();
            if random.chance(1, 2) {
                let segment = networks[random.below(networks.len() as u64) as usize];
                let carrier = network.sim.segment(segment).carrier;
                network.sim.set_carrier(segment, !carrier);
            }
            network.set_global(node, "redistribute", redistribution(networks.len(), random))?;
        }
        Disturbance::Presence => network.toggle(node, index)?,
    }
    Ok(())
}

/// Rules of redistribution, or none.
fn redistribution(networks: usize, random: &mut Random) -> Value {
    let connected = json!({ "source": "connected", "metric": 1 + random.below(4) });
    let denied = network_of(random.below(networks as u64) as usize).to_string();
    let filtered = json!({ "source": "connected", "filter": [
        { "deny": denied }, { "permit": "0.0.0.0/0 le 32" }] });
    match random.below(5) {
        0 => Value::Null,
        1 => json!([{ "source": "static" }]),
        2 => json!([{ "source": "static" }, connected]),
        3 => json!([filtered]),
        _ => json!([connected]),
    }
}

/// The most routers without power: a quarter.
fn power(network: &mut RipNetwork, node: NodeId, random: &mut Random) -> Result<(), Refusal> {
    let (mut dark, mut all) = (Vec::new(), 0);
    for (id, router) in network.sim.nodes() {
        all += 1;
        if !router.is_alive() {
            dark.push(id);
        }
    }
    if !network.sim.node(node).is_alive() {
        return network.sim.boot(node);
    }
    if dark.len() * 4 >= all {
        let next = dark[random.below(dark.len() as u64) as usize];
        return network.sim.boot(next);
    }
    network.sim.crash(node);
    Ok(())
}

fn protocol(network: &mut RipNetwork, node: NodeId) -> Result<(), Refusal> {
    if !network.sim.node(node).is_alive() {
        return Ok(());
    }
    if network.sim.node(node).runs(RIP) {
        network.sim.stop_protocol(node, RIP)
    } else {
        network.sim.start_protocol(node, RIP)
    }
}

fn policy(
    network: &mut RipNetwork,
    (node, index): (NodeId, InterfaceIndex),
    random: &mut Random,
) -> Result<(), Refusal> {
    let networks = network.sim.segments().count() as u64;
    let toggled = |option: &str, value: Value, network: &RipNetwork| {
        if network.options(node, index).get(option).is_some() {
            Value::Null
        } else {
            value
        }
    };
    let denied = network_of(random.below(networks) as usize);
    let filter = json!([{ "deny": denied.to_string() }, { "permit": "0.0.0.0/0 le 32" }]);
    let (option, value) = match random.below(4) {
        0 => ("passive", json!(true)),
        1 => ("accept-filter", filter),
        2 => ("announce-filter", filter),
        _ => ("announce", json!("none")),
    };
    let value = toggled(option, value, network);
    network.set(node, index, option, value)
}

fn manner(
    network: &mut RipNetwork,
    (node, index): (NodeId, InterfaceIndex),
    random: &mut Random,
) -> Result<(), Refusal> {
    let mut of = |values: &[Value]| values[random.below(values.len() as u64) as usize].clone();
    let choice = of(&(0..11).map(Value::from).collect::<Vec<_>>());
    let (option, value) = match choice.as_u64().unwrap_or_default() {
        0 => (
            "announce",
            of(&[json!("v1"), json!("v1-compatible"), json!("v2-multicast")]),
        ),
        1 => ("accept", of(&[json!("v2"), json!("both")])),
        2 => ("packet-length", of(&[json!(112), json!(300), json!(1400)])),
        3 => ("update-interval", of(&[json!(10), json!(30), json!(40)])),
        4 => ("split-horizon", of(&[json!(true), json!(false)])),
        5 => ("poison-reverse", of(&[json!(true), json!(false)])),
        6 => ("ttl-security", of(&[json!("off"), json!("tx-only"), json!("on")])),
        7 => ("ecmp-weight", of(&[json!(1), json!(7), json!(256)])),
        8 => ("expiration-interval", of(&[json!(120), json!(180)])),
        9 => ("removal-interval", of(&[json!(60), json!(120)])),
        _ => {
            let (option, value) = match random.below(3) {
                0 => ("ecmp", json!(1 + random.below(4))),
                1 => ("triggered-delay", json!(random.below(1001))),
                _ => ("dscp", json!(random.below(64))),
            };
            return network.set_global(node, option, value);
        }
    };
    network.set(node, index, option, value)
}

/// Every router of a link gets the chain with the next key, at a time of its own within ten seconds; twenty seconds from
/// now all of them send with it.
pub fn next_key(network: &mut RipNetwork, segment: SegmentId, random: &mut Random) -> Result<(), Refusal> {
    let members = network.sim.segment(segment).members.clone();
    let newest = members
        .iter()
        .flat_map(|member| {
            let options = network.options(member.node, member.interface);
            let keys = options.get("keys").and_then(Value::as_array).cloned();
            keys.into_iter().flatten()
        })
        .filter_map(|key| key.get("id")?.as_u64())
        .max();
    let now = network.sim.clock().wall.0;
    let change = now + 20;
    let secret = |id: u64| format!("secret number {id}");
    let old = newest.unwrap_or(1);
    let new = (old + 1) % 250;
    let chain = json!([
        { "id": old, "secret": secret(old), "algorithm": "hmac-sha256",
          "send-until": change, "accept-until": change + 60 },
        { "id": new, "secret": secret(new), "algorithm": "hmac-sha1", "send-from": change },
    ]);
    for member in members {
        network
            .sim
            .run_for(random.between(Duration::ZERO, Duration::from_secs(3)));
        let changes = [
            ("keys", chain.clone()),
            ("authentication", json!("cryptographic")),
        ];
        network.set_all(member.node, member.interface, changes)?;
    }
    Ok(())
}
