//! What a configuration may say, whichever form it came in.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use waypost_policy::MAX_NAME;
use waypost_routprot::Refusal;
use waypost_types::{Prefix4, ProtocolId};
use waypost_wire::{DigestAlgorithm, Secret};

use super::effective::virtual_link;
use super::options::{Address, Area, GlobalConfig, InterfaceConfig, Key, Neighbor, Range, VirtualLink};
use crate::area::AreaId;
use crate::authentication::{Method, PASSWORD_LENGTH};
use crate::lsa::LS_INFINITY;
use crate::parameters::{AreaKind, NetworkType};

/// Characters of a note.
pub(super) const MAX_NOTE: usize = 1000;
/// Elements of a list.
pub(super) const MAX_COUNT: usize = 65_536;
/// Octets of a secret.
pub(super) const MAX_SECRET: usize = 255;

fn is_host(address: Ipv4Addr) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_broadcast() || address.is_loopback())
}

/// Checks one interface's options.
pub(super) fn interface(config: &InterfaceConfig) -> Result<(), Refusal> {
    config.check_ranges()?;
    if let Some(hello) = config.hello_interval {
        dead_is_longer(config, hello)?;
    }
    if config.hello_multiplier.is_some() && config.dead_interval.is_some_and(|dead| dead != 1) {
        return Err(
            Refusal::invalid("with hello-multiplier a neighbour may be silent for one second")
                .at("dead-interval")
                .with_allowed("1, or not given"),
        );
    }
    let mut addresses = BTreeSet::new();
    for (position, neighbor) in config.neighbors.iter().flatten().enumerate() {
        check_neighbor(neighbor, &mut addresses)
            .map_err(|refusal| refusal.under(&format!("neighbors.{position}")))?;
    }
    let mut own = BTreeSet::new();
    for (position, address) in config.addresses.iter().flatten().enumerate() {
        check_address(address, &mut own)
            .map_err(|refusal| refusal.under(&format!("addresses.{position}")))?;
    }
    if let Some(reason) = config.password.as_ref().and_then(password_error) {
        return Err(Refusal::invalid(reason).at("password"));
    }
    check_keys(config)?;
    note(config.annotate.as_deref())
}

fn dead_is_longer(config: &InterfaceConfig, hello: u16) -> Result<(), Refusal> {
    match config.dead_interval {
        Some(dead) if dead <= hello && config.hello_multiplier.is_none() => {
            Err(Refusal::invalid("it must be longer than hello-interval")
                .at("dead-interval")
                .with_value(dead)
                .with_allowed(format!("{}..=65535", u32::from(hello) + 1)))
        }
        _ => Ok(()),
    }
}

fn check_neighbor(neighbor: &Neighbor, addresses: &mut BTreeSet<Ipv4Addr>) -> Result<(), Refusal> {
    if !is_host(neighbor.address) {
        return Err(Refusal::out_of_range(
            "address",
            neighbor.address,
            "the address of a router",
        ));
    }
    if !addresses.insert(neighbor.address) {
        return Err(Refusal::invalid("the neighbour is listed twice")
            .at("address")
            .with_value(neighbor.address));
    }
    if neighbor.cost == Some(0) {
        return Err(Refusal::out_of_range("cost", 0, "1..=65535"));
    }
    Ok(())
}

fn check_address(address: &Address, addresses: &mut BTreeSet<Ipv4Addr>) -> Result<(), Refusal> {
    if !is_host(address.address) {
        let allowed = "an address of the interface";
        return Err(Refusal::out_of_range("address", address.address, allowed));
    }
    if let Some(length) = address.length.filter(|length| *length > Prefix4::MAX_LENGTH) {
        return Err(Refusal::out_of_range("length", length, "0..=32"));
    }
    if !addresses.insert(address.address) {
        return Err(Refusal::invalid("the address is listed twice")
            .at("address")
            .with_value(address.address));
    }
    Ok(())
}

/// What is wrong with a password, in words that do not show it.
fn password_error(password: &Secret) -> Option<&'static str> {
    match password.octets() {
        Err(error) => Some(error),
        Ok(octets) if octets.len() > PASSWORD_LENGTH || octets.last() == Some(&0) => {
            Some("a password has up to 8 octets, the last of which is not zero")
        }
        Ok(_) => None,
    }
}

fn check_keys(config: &InterfaceConfig) -> Result<(), Refusal> {
    let mut ids = BTreeSet::new();
    for (position, key) in config.keys.iter().flatten().enumerate() {
        let wide = config.authentication == Some(Method::Extended);
        check_key(key, wide, &mut ids).map_err(|refusal| refusal.under(&format!("keys.{position}")))?;
    }
    Ok(())
}

fn check_key(key: &Key, wide: bool, ids: &mut BTreeSet<u32>) -> Result<(), Refusal> {
    if !wide && key.id > 255 {
        return Err(Refusal::out_of_range(
            "id",
            key.id,
            "0..=255 unless authentication is 'extended'",
        ));
    }
    if !ids.insert(key.id) {
        return Err(Refusal::invalid("two keys have this identifier")
            .at("id")
            .with_value(key.id));
    }
    let most = if key.algorithm == DigestAlgorithm::KeyedMd5 {
        16
    } else {
        MAX_SECRET
    };
    let octets = key.secret.expose().len();
    if octets == 0 || octets > most {
        return Err(Refusal::invalid(format!("the secret has {octets} octets"))
            .at("secret")
            .with_allowed(format!("1..={most} octets")));
    }
    for (option, from, until) in [
        ("accept-until", key.accept_from, key.accept_until),
        ("send-until", key.send_from, key.send_until),
    ] {
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            return Err(Refusal::invalid("the lifetime ends before it begins")
                .at(option)
                .with_value(until.0)
                .with_allowed(format!("more than {}", from.0)));
        }
    }
    Ok(())
}

fn note(note: Option<&str>) -> Result<(), Refusal> {
    match note.map(|note| note.chars().count()) {
        Some(length) if length > MAX_NOTE => Err(Refusal::out_of_range(
            "annotate",
            format!("{length} characters"),
            format!("at most {MAX_NOTE} characters"),
        )),
        _ => Ok(()),
    }
}

/// Checks the options of the protocol as a whole.
pub(super) fn global(config: &GlobalConfig) -> Result<(), Refusal> {
    config.check_ranges()?;
    if let Some(id) = config.router_id.filter(Ipv4Addr::is_unspecified) {
        return Err(Refusal::out_of_range("router-id", id, "any but 0.0.0.0"));
    }
    let minimum = config.originate_minimum.unwrap_or(1100);
    if let Some(maximum) = config.originate_maximum.filter(|maximum| *maximum < minimum) {
        return Err(Refusal::invalid("it must not be shorter than originate-minimum")
            .at("originate-maximum")
            .with_value(maximum)
            .with_allowed(format!("{minimum}..=60000")));
    }
    let mut areas = BTreeSet::new();
    for (position, area) in config.areas.iter().flatten().enumerate() {
        check_area(area, &mut areas).map_err(|refusal| refusal.under(&format!("areas.{position}")))?;
    }
    let mut sources = BTreeSet::new();
    for (position, redistribution) in config.redistribute.iter().flatten().enumerate() {
        let path = format!("redistribute.{position}");
        let source = redistribution.source;
        if source == ProtocolId::OSPF {
            return Err(Refusal::invalid("its own routes are said anyway")
                .at("source")
                .with_value(source)
                .under(&path));
        }
        if !sources.insert(source) {
            return Err(Refusal::invalid("the source is listed twice")
                .at("source")
                .with_value(source)
                .under(&path));
        }
        metric("metric", redistribution.metric).map_err(|refusal| refusal.under(&path))?;
        let octets = redistribution.policy.as_ref().map_or(1, String::len);
        if !(1..=MAX_NAME).contains(&octets) {
            return Err(Refusal::invalid("no policy can have this name")
                .at("policy")
                .with_value(format!("{octets} octets"))
                .with_allowed(format!("1..={MAX_NAME} letters, digits, '-' and '_'"))
                .under(&path));
        }
    }
    let mut links = BTreeSet::new();
    for (position, link) in config.virtual_links.iter().flatten().enumerate() {
        check_virtual_link(link, config, &mut links)
            .map_err(|refusal| refusal.under(&format!("virtual-links.{position}")))?;
    }
    if let Some(defaults) = &config.defaults {
        interface(defaults).map_err(|refusal| refusal.under("defaults"))?;
    }
    note(config.annotate.as_deref())
}

/// RFC 2328 §15: through an area that is not the backbone and takes everything.
fn check_virtual_link(
    link: &VirtualLink,
    config: &GlobalConfig,
    links: &mut BTreeSet<(AreaId, Ipv4Addr)>,
) -> Result<(), Refusal> {
    let mut areas = config.areas.iter().flatten();
    let area = areas.find(|area| area.id == link.transit_area);
    let fits = |area: &Area| !area.id.is_backbone() && area.kind.unwrap_or_default() == AreaKind::Normal;
    let refused = match area {
        Some(area) if fits(area) => None,
        Some(area) if area.id.is_backbone() => Some("a virtual link is part of the backbone"),
        Some(_) => Some("stub areas and NSSAs cannot be passed through"),
        None => Some("the area is not listed in areas"),
    };
    if let Some(reason) = refused {
        let areas = config.areas.iter().flatten();
        let allowed: Vec<String> = areas
            .filter(|area| fits(area))
            .map(|area| area.id.to_string())
            .collect();
        let allowed = if allowed.is_empty() {
            "an area of kind 'normal' that is listed in areas".to_owned()
        } else {
            allowed.join(", ")
        };
        return Err(Refusal::invalid(reason)
            .at("transit-area")
            .with_value(link.transit_area)
            .with_allowed(allowed));
    }
    let other = !link.router_id.is_unspecified() && Some(link.router_id) != config.router_id;
    if !other {
        let allowed = "the identifier of another router";
        return Err(Refusal::out_of_range("router-id", link.router_id, allowed));
    }
    if !links.insert((link.transit_area, link.router_id)) {
        return Err(Refusal::invalid("the virtual link is listed twice")
            .at("router-id")
            .with_value(link.router_id));
    }
    virtual_link(link, config).map(drop)
}

fn metric(option: &str, metric: Option<u32>) -> Result<(), Refusal> {
    match metric {
        Some(metric) if metric >= LS_INFINITY => Err(Refusal::out_of_range(
            option,
            metric,
            format!("0..={}", LS_INFINITY - 1),
        )),
        _ => Ok(()),
    }
}

fn check_area(area: &Area, areas: &mut BTreeSet<AreaId>) -> Result<(), Refusal> {
    if !areas.insert(area.id) {
        return Err(Refusal::invalid("the area is listed twice")
            .at("id")
            .with_value(area.id));
    }
    if area.id.is_backbone() && area.kind.is_some_and(|kind| kind != AreaKind::Normal) {
        return Err(Refusal::invalid("everything goes through the backbone")
            .at("kind")
            .with_allowed("normal"));
    }
    if let Some(cost) = area.default_cost.filter(|cost| *cost > LS_INFINITY) {
        return Err(Refusal::out_of_range(
            "default-cost",
            cost,
            format!("0..={LS_INFINITY}"),
        ));
    }
    if area.nssa.is_some() && area.kind != Some(AreaKind::Nssa) {
        return Err(Refusal::invalid("the area is no NSSA")
            .at("nssa")
            .with_allowed("nothing unless kind is 'nssa'"));
    }
    let mut prefixes = BTreeSet::new();
    for (position, range) in area.nssa.iter().flat_map(|nssa| &nssa.ranges).enumerate() {
        if !prefixes.insert(range.prefix) {
            return Err(Refusal::invalid("the range is listed twice")
                .at("prefix")
                .with_value(range.prefix)
                .under(&format!("nssa.ranges.{position}")));
        }
    }
    let mut prefixes = BTreeSet::new();
    for (position, range) in area.ranges.iter().enumerate() {
        let Range { prefix, cost, .. } = range;
        let path = format!("ranges.{position}");
        if !prefixes.insert(*prefix) {
            return Err(Refusal::invalid("the range is listed twice")
                .at("prefix")
                .with_value(prefix)
                .under(&path));
        }
        metric("cost", *cost).map_err(|refusal| refusal.under(&path))?;
    }
    Ok(())
}

/// What an interface's own options and the defaults behind them may not say together.
pub(super) fn effective(config: &InterfaceConfig) -> Result<(), Refusal> {
    interface(config)?;
    dead_is_longer(config, config.hello_interval.unwrap_or(10))?;
    let network = config.network_type.unwrap_or_default();
    if config.hello_multiplier.is_some() && !network.has_multicast() {
        return Err(Refusal::invalid(
            "networks without multicast have no Hellos more often than every second",
        )
        .at("hello-multiplier"));
    }
    let needs_keys = matches!(
        config.authentication,
        Some(Method::Cryptographic | Method::Extended)
    );
    if needs_keys && config.keys.as_ref().is_none_or(Vec::is_empty) {
        return Err(Refusal::invalid("a digest needs a key").at("keys"));
    }
    if config.authentication == Some(Method::Simple) && config.password.is_none() {
        return Err(Refusal::invalid("there is no password").at("password"));
    }
    if network == NetworkType::Loopback && config.passive == Some(false) {
        return Err(Refusal::invalid("nobody can be spoken to on a loopback").at("passive"));
    }
    Ok(())
}
