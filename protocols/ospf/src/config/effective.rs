//! What the options come to: the parameters of the protocol, every one with a value.

use std::time::Duration;

use waypost_engine::Severity;
use waypost_policy::MetricType;
use waypost_routprot::Refusal;

use super::options::{
    Area, AreaAuthentication, GlobalConfig, InterfaceConfig, Key, Logging, Nssa, TtlSecurity, VirtualLink,
};
use super::validate;
use crate::area::AreaId;
use crate::authentication::{Key as ChainKey, Method, PASSWORD_LENGTH, Policy};
use crate::parameters::{
    AreaParameters, ConfiguredNeighbor, ExternalRange, InterfaceParameters, NetworkType, NssaParameters,
    Range, RouterParameters,
};
use crate::spf::backoff::BackoffParameters;

/// What an interface itself has a say in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adapter {
    /// Its MTU in octets; 0 when unknown.
    pub mtu: u32,
    /// Bits a second; 0 when unknown.
    pub speed: u64,
    /// Whether it is the loopback device.
    pub loopback: bool,
}

/// The cost of an interface when nothing says it.
const DEFAULT_COST: u16 = 10;
/// The grace period in seconds when nothing says it.
const DEFAULT_GRACE: u16 = 100;
/// The longest packet on a virtual link in octets: who knows what is on the way (RFC 2328 A.1).
const PACKET_OF_VIRTUAL_LINK: u32 = 576;

fn area(global: &GlobalConfig, id: AreaId) -> Option<&Area> {
    global.areas.iter().flatten().find(|area| area.id == id)
}

/// Whether OSPF runs on the interfaces of an area.
#[must_use]
pub fn runs_in(global: &GlobalConfig, id: AreaId) -> bool {
    match area(global, id) {
        Some(area) => area.enabled != Some(false),
        None => global.listed_areas_only != Some(true) || id.is_backbone(),
    }
}

/// An interface's options with the defaults behind them.
pub fn resolve(config: &InterfaceConfig, global: &GlobalConfig) -> InterfaceConfig {
    let mut options = match &global.defaults {
        Some(defaults) => config.or(defaults),
        None => config.clone(),
    };
    if options.authentication.is_none() {
        let id = options.area.unwrap_or_default();
        let of_area = area(global, id).and_then(|area| area.authentication);
        options.authentication = of_area.map(|authentication| match authentication {
            AreaAuthentication::None => Method::None,
            AreaAuthentication::Simple => Method::Simple,
        });
    }
    options
}

/// The parameters of an interface; 87 when its options and the defaults contradict each other.
pub fn interface_parameters(
    config: &InterfaceConfig,
    global: &GlobalConfig,
    adapter: Adapter,
) -> Result<InterfaceParameters, Refusal> {
    let options = resolve(config, global);
    validate::effective(&options)?;
    let default = InterfaceParameters::default();
    let seconds = |value: u16| Duration::from_secs(value.into());
    let kind = if adapter.loopback {
        NetworkType::Loopback
    } else {
        NetworkType::Broadcast
    };
    let network = options.network_type.unwrap_or(kind);
    let hello = options.hello_interval.unwrap_or(10);
    let (hello_time, hello_field, dead) = match options.hello_multiplier {
        // As others have it: the field says 0, because it cannot say less than a second.
        Some(multiplier) => (Duration::from_secs(1) / u32::from(multiplier.max(1)), 0, 1),
        None => {
            let dead = options
                .dead_interval
                .map_or_else(|| u32::from(hello) * 4, u32::from);
            (seconds(hello), hello, dead)
        }
    };
    let security = options.ttl_security.unwrap_or_default();
    let mtu = options.mtu.unwrap_or_else(|| match u16::try_from(adapter.mtu) {
        Ok(0) => default.mtu,
        Ok(mtu) => mtu,
        Err(_) => u16::MAX,
    });
    let neighbors = options.neighbors.iter().flatten();
    let neighbors = neighbors.filter(|neighbor| neighbor.enabled != Some(false));
    let neighbors = neighbors.map(|neighbor| {
        let configured = ConfiguredNeighbor {
            priority: neighbor.priority.unwrap_or(1),
            cost: neighbor.cost,
        };
        (neighbor.address, configured)
    });
    Ok(InterfaceParameters {
        area: options.area.unwrap_or_default(),
        network,
        cost: options.cost.unwrap_or_else(|| cost(global, adapter)),
        priority: options.priority.unwrap_or(default.priority),
        hello: hello_time,
        hello_field,
        dead,
        wait: options
            .wait_interval
            .map_or_else(|| Duration::from_secs(dead.into()), seconds),
        poll: options.poll_interval.map_or(default.poll, seconds),
        retransmit: options.retransmit_interval.map_or(default.retransmit, seconds),
        transmit_delay: options.transmit_delay.unwrap_or(default.transmit_delay),
        mtu,
        mtu_ignore: options.mtu_ignore.unwrap_or_default(),
        passive: options.passive.unwrap_or_default() || network == NetworkType::Loopback,
        prefix_suppression: options.prefix_suppression.unwrap_or_default(),
        ttl: if security == TtlSecurity::Off { 1 } else { 255 },
        minimum_ttl: if security == TtlSecurity::On { 255 } else { 0 },
        dscp: options.dscp.unwrap_or(default.dscp),
        receive_buffer: options.receive_buffer.unwrap_or(default.receive_buffer),
        authentication: policy(&options),
        neighbors: neighbors.collect(),
    })
}

/// The reference bandwidth over the interface's own, between 1 and 65535.
fn cost(global: &GlobalConfig, adapter: Adapter) -> u16 {
    let Some(reference) = global.reference_bandwidth.filter(|_| adapter.speed > 0) else {
        return DEFAULT_COST;
    };
    let cost = (u64::from(reference) * 1_000_000).checked_div(adapter.speed);
    u16::try_from(cost.unwrap_or_default().max(1)).unwrap_or(u16::MAX)
}

fn policy(options: &InterfaceConfig) -> Policy {
    let mut password = [0; PASSWORD_LENGTH];
    // INVARIANT: what is in force was checked.
    let octets = options
        .password
        .as_ref()
        .and_then(|password| password.octets().ok());
    for (to, from) in password.iter_mut().zip(octets.unwrap_or_default()) {
        *to = from;
    }
    Policy {
        method: options.authentication.unwrap_or_default(),
        password,
        keys: options.keys.iter().flatten().map(chain_key).collect(),
    }
}

pub(super) fn chain_key(key: &Key) -> ChainKey {
    ChainKey {
        id: key.id,
        secret: key.secret.clone(),
        algorithm: key.algorithm,
        long_secrets: key.long_secrets,
        accept_from: key.accept_from,
        accept_until: key.accept_until,
        send_from: key.send_from,
        send_until: key.send_until,
    }
}

/// The parameters of the router as a whole.
#[must_use]
pub fn router_parameters(global: &GlobalConfig) -> RouterParameters {
    let default = RouterParameters::default();
    let milliseconds = |value: Option<u32>, default: Duration| {
        value.map_or(default, |value| Duration::from_millis(value.into()))
    };
    let originate_minimum = milliseconds(global.originate_minimum, default.originate_minimum);
    let backoff = BackoffParameters {
        initial: milliseconds(global.spf_initial_delay, default.backoff.initial),
        short: milliseconds(global.spf_short_delay, default.backoff.short),
        long: milliseconds(global.spf_long_delay, default.backoff.long),
        learn: milliseconds(global.spf_learn_interval, default.backoff.learn),
        hold_down: milliseconds(global.spf_hold_down, default.backoff.hold_down),
    };
    let grace = Duration::from_secs(global.grace_period.unwrap_or(DEFAULT_GRACE).into());
    RouterParameters {
        instance: global.instance.unwrap_or_default(),
        opaque: global.opaque.unwrap_or(default.opaque),
        minimum_arrival: global.minimum_arrival.unwrap_or(default.minimum_arrival),
        originate_minimum,
        originate_maximum: milliseconds(global.originate_maximum, default.originate_maximum)
            .max(originate_minimum),
        acknowledge_delay: milliseconds(global.acknowledge_delay, default.acknowledge_delay),
        maximum_lsas: global.maximum_lsas.unwrap_or(default.maximum_lsas),
        stub_router: global.stub_router.unwrap_or_default(),
        stub_at_start: Duration::from_secs(global.stub_router_at_start.unwrap_or_default().into()),
        stub_at_stop: Duration::from_secs(global.stub_router_at_stop.unwrap_or_default().into()),
        stub_externals: global.stub_router_externals.unwrap_or_default(),
        helps_restarts: global.restart_helper.unwrap_or(default.helps_restarts),
        strict_lsa_checking: global.strict_lsa_checking.unwrap_or(default.strict_lsa_checking),
        grace_period: global.graceful_restart.unwrap_or_default().then_some(grace),
        router_information: global.router_information.unwrap_or_default(),
        boundary_router: global.boundary_router.unwrap_or_default(),
        rfc1583: global.rfc1583.unwrap_or_default(),
        maximum_paths: global.maximum_paths.unwrap_or(default.maximum_paths),
        preference: global.preference,
        logged: match global.logging.unwrap_or_default() {
            Logging::None => None,
            Logging::Errors => Some(Severity::Error),
            Logging::Warnings => Some(Severity::Warning),
            Logging::Information => Some(Severity::Info),
        },
        backoff,
        areas: global
            .areas
            .iter()
            .flatten()
            .map(|area| (area.id, area_parameters(area)))
            .collect(),
        virtual_links: global
            .virtual_links
            .iter()
            .flatten()
            .filter(|link| link.enabled != Some(false))
            // INVARIANT: what is in force was checked.
            .filter_map(|link| {
                Some((
                    (link.transit_area, link.router_id),
                    virtual_link(link, global).ok()?,
                ))
            })
            .collect(),
    }
}

/// The parameters of a virtual link; 87 when its options contradict each other.
pub(super) fn virtual_link(
    link: &VirtualLink,
    global: &GlobalConfig,
) -> Result<InterfaceParameters, Refusal> {
    let areas = GlobalConfig {
        areas: global.areas.clone(),
        ..GlobalConfig::default()
    };
    let adapter = Adapter {
        mtu: PACKET_OF_VIRTUAL_LINK,
        ..Adapter::default()
    };
    interface_parameters(&link.interface(), &areas, adapter)
}

fn area_parameters(area: &Area) -> AreaParameters {
    AreaParameters {
        kind: area.kind.unwrap_or_default(),
        default_cost: area.default_cost.unwrap_or(1),
        no_summary: !area.summaries.unwrap_or(true),
        ranges: area
            .ranges
            .iter()
            .filter(|range| range.enabled != Some(false))
            .map(|range| Range {
                prefix: range.prefix,
                cost: range.cost,
                advertise: range.advertise.unwrap_or(true),
            })
            .collect(),
        nssa: area
            .nssa
            .as_ref()
            .map_or(NssaParameters::DEFAULT, nssa_parameters),
    }
}

fn nssa_parameters(nssa: &Nssa) -> NssaParameters {
    let ranges = nssa.ranges.iter().map(|range| ExternalRange {
        prefix: range.prefix,
        advertise: range.advertise.unwrap_or(true),
        tag: range.tag.unwrap_or_default(),
    });
    let stability = nssa
        .stability_interval
        .map(|seconds| Duration::from_secs(seconds.into()));
    NssaParameters {
        role: nssa.translate.unwrap_or_default(),
        stability: stability.unwrap_or(NssaParameters::DEFAULT.stability),
        default_type_2: nssa.default_route.map(|kind| kind == MetricType::Type2),
        ranges: ranges.collect(),
    }
}
