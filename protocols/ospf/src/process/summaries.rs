//! What this router says of networks elsewhere: summaries of other areas, and the outside (RFC 2328 §12.4.3, §12.4.4,
//! RFC 3101 §2.4).

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox};
use waypost_types::Prefix4;
use waypost_wire::Writer;

use super::{Domain, Ospf};
use crate::area::AreaId;
use crate::lsa::body::RouterFlags;
use crate::lsa::{AsbrSummary, External, LS_INFINITY, LsaKey, LsaType, Summary};
use crate::options::Options;
use crate::parameters::AreaKind;
use crate::spf::hops::SetId;
use crate::spf::table::PathType;

/// Link State IDs of networks (RFC 2328 appendix E): the address, and where two networks have the same one, the address with
/// some of its host bits set for the larger of them.
#[derive(Clone, Debug, Default)]
pub(super) struct LinkStateIds {
    by_prefix: BTreeMap<Prefix4, Ipv4Addr>,
    by_id: BTreeMap<Ipv4Addr, Prefix4>,
}

impl LinkStateIds {
    /// The identifier of a network, and the network that had to leave it. `None`: every one it may have is that of a smaller
    /// network, which has no other.
    pub(super) fn of(&mut self, prefix: Prefix4) -> Option<(Ipv4Addr, Option<Prefix4>)> {
        if let Some(id) = self.by_prefix.get(&prefix) {
            return Some((*id, None));
        }
        let free = |id: &Ipv4Addr| !self.by_id.contains_key(id);
        let larger = |id: &Ipv4Addr| {
            let holder = self.by_id.get(id);
            holder.is_some_and(|holder| holder.length() < prefix.length())
        };
        let id = candidates(prefix)
            .find(free)
            .or_else(|| candidates(prefix).find(larger))?;
        let moved = self.by_id.insert(id, prefix);
        self.by_prefix.insert(prefix, id);
        if let Some(moved) = moved {
            self.by_prefix.remove(&moved);
        }
        Some((id, moved))
    }

    /// The network is not said any more.
    pub(super) fn release(&mut self, prefix: Prefix4) -> Option<Ipv4Addr> {
        let id = self.by_prefix.remove(&prefix)?;
        self.by_id.remove(&id);
        Some(id)
    }

    fn prefixes(&self) -> Vec<Prefix4> {
        self.by_prefix.keys().copied().collect()
    }
}

/// The identifiers a network may have, in the order they are tried. The address comes first, and then the last one backwards,
/// as appendix E's algorithm has it.
fn candidates(prefix: Prefix4) -> impl Iterator<Item = Ipv4Addr> {
    let (first, last) = (prefix.network(), prefix.last());
    let others = (first.to_bits() + u32::from(first != last)..=last.to_bits()).rev();
    let others = others.filter(move |_| first != last).map(Ipv4Addr::from_bits);
    std::iter::once(first).chain(others)
}

impl Ospf {
    /// Brings the summaries in every area to what the routing table says (RFC 2328 §12.4.3).
    pub(super) fn summarise(&mut self, now: Now, out: &mut Outbox) {
        let border = self.is_border();
        for area in self.databases.areas.keys().copied().collect::<Vec<_>>() {
            let speaks = border && self.is_attached(area);
            let networks = if speaks {
                self.summaries_for(area)
            } else {
                BTreeMap::new()
            };
            self.say_networks(now, area, &networks, out);
            let routers = if speaks {
                self.boundary_routers_for(area)
            } else {
                BTreeMap::new()
            };
            self.say_boundary_routers(now, area, &routers, out);
        }
    }

    /// The networks an area is to hear of, and their costs.
    fn summaries_for(&self, area: AreaId) -> BTreeMap<Prefix4, u32> {
        let mut networks: BTreeMap<Prefix4, u32> = BTreeMap::new();
        let parameters = self.parameters.area(area);
        if parameters.kind != AreaKind::Normal && !area.is_backbone() {
            let default = parameters.kind == AreaKind::Stub || parameters.no_summary;
            if default {
                networks.insert(Prefix4::DEFAULT, parameters.default_cost);
            }
            if parameters.no_summary {
                return networks;
            }
        }
        let table = &self.routing.table;
        // Costs of what ranges cover, to be said once.
        let mut ranges: BTreeMap<Prefix4, u32> = BTreeMap::new();
        for (prefix, path) in table.networks() {
            let from = path.area;
            let known_there = from == area || self.leads_into(path.hops, area);
            let wrong_way = path.kind == PathType::InterArea && area.is_backbone();
            if path.cost >= LS_INFINITY || wrong_way || prefix.is_default() {
                continue;
            }
            let range = self.parameters.area(from).ranges.iter();
            // Ranges of the backbone are not used into areas that others pass through: those need the parts (§12.4.3).
            let condenses = !from.is_backbone() || !table.transit.get(&area).copied().unwrap_or_default();
            let range = range
                .filter(|range| path.kind == PathType::IntraArea && condenses && range.prefix.covers(prefix))
                .max_by_key(|range| range.prefix.length());
            match range {
                Some(range) if from != area && range.advertise => {
                    let cost = ranges.entry(range.prefix).or_default();
                    *cost = range.cost.unwrap_or_else(|| path.cost.max(*cost));
                }
                Some(_) => {}
                None if !known_there => {
                    networks.insert(prefix, path.cost);
                }
                None => {}
            }
        }
        networks.extend(ranges);
        networks
    }

    /// Whether packets would go back into an area they come from.
    fn leads_into(&self, hops: SetId, area: AreaId) -> bool {
        self.routing.table.sets.get(hops).iter().any(|hop| {
            let interface = self
                .interfaces
                .get(&crate::interface::InterfaceId::Physical(hop.interface));
            interface.is_some_and(|interface| interface.parameters.area == area)
        })
    }

    fn say_networks(&mut self, now: Now, area: AreaId, wanted: &BTreeMap<Prefix4, u32>, out: &mut Outbox) {
        let (domain, kind) = (Domain::Area(area), LsaType::Summary);
        let options = self.lsa_options(area);
        let known = self.routing.ids.entry((domain, kind)).or_default().prefixes();
        for prefix in known.into_iter().filter(|prefix| !wanted.contains_key(prefix)) {
            self.unsay(now, domain, kind, prefix, out);
        }
        for (prefix, cost) in wanted {
            let summary = Summary {
                mask: prefix.netmask(),
                metric: self.cost_beyond(*cost),
            };
            let mut writer = Writer::new();
            summary.encode(&mut writer);
            self.say(now, domain, kind, *prefix, options, writer.finish(), out);
        }
    }

    /// Says something of a network under its identifier; who had it before gets another one.
    #[expect(clippy::too_many_arguments, reason = "an LSA's parts")]
    fn say(
        &mut self,
        now: Now,
        domain: Domain,
        kind: LsaType,
        prefix: Prefix4,
        options: Options,
        body: Vec<u8>,
        out: &mut Outbox,
    ) {
        let Some(router) = self.router else { return };
        let ids = self.routing.ids.entry((domain, kind)).or_default();
        let Some((id, moved)) = ids.of(prefix) else { return };
        let key = LsaKey { kind, id, router };
        let before = moved.and_then(|moved| Some((moved, self.wish_of(domain, key)?)));
        self.wish(now, domain, key, options, body, out);
        if let Some((moved, (options, body))) = before {
            self.say(now, domain, kind, moved, options, body, out);
        }
    }

    fn unsay(&mut self, now: Now, domain: Domain, kind: LsaType, prefix: Prefix4, out: &mut Outbox) {
        let Some(router) = self.router else { return };
        let ids = self.routing.ids.get_mut(&(domain, kind));
        if let Some(id) = ids.and_then(|ids| ids.release(prefix)) {
            self.withdraw(now, domain, LsaKey { kind, id, router }, out);
        }
    }

    /// The boundary routers an area is to hear of, and their costs. Stub areas hear of none (§12.4.3).
    fn boundary_routers_for(&self, area: AreaId) -> BTreeMap<Ipv4Addr, u32> {
        let mut routers: BTreeMap<Ipv4Addr, u32> = BTreeMap::new();
        if self.parameters.area(area).kind != AreaKind::Normal {
            return routers;
        }
        for ((router, from), path) in &self.routing.table.routers {
            let normal = self.parameters.area(*from).kind == AreaKind::Normal;
            let wrong_way = path.kind == PathType::InterArea && area.is_backbone();
            if *from == area
                || wrong_way
                || !normal
                || !path.flags.contains(RouterFlags::EXTERNAL)
                || path.cost >= LS_INFINITY
                || self.leads_into(path.hops, area)
            {
                continue;
            }
            routers
                .entry(*router)
                .and_modify(|cost| *cost = path.cost.min(*cost))
                .or_insert(path.cost);
        }
        // Who is in the area itself needs no introduction.
        routers.retain(|router, _| {
            let inside = self.routing.table.routers.get(&(*router, area));
            inside.is_none_or(|path| {
                path.kind != PathType::IntraArea || !path.flags.contains(RouterFlags::EXTERNAL)
            })
        });
        routers
    }

    fn say_boundary_routers(
        &mut self,
        now: Now,
        area: AreaId,
        wanted: &BTreeMap<Ipv4Addr, u32>,
        out: &mut Outbox,
    ) {
        let Some(router) = self.router else { return };
        let (domain, kind) = (Domain::Area(area), LsaType::AsbrSummary);
        let known: BTreeSet<LsaKey> = self.wished(domain, kind).collect();
        for key in known {
            if !wanted.contains_key(&key.id) {
                self.withdraw(now, domain, key, out);
            }
        }
        let options = self.lsa_options(area);
        for (id, cost) in wanted {
            let mut writer = Writer::new();
            let metric = self.cost_beyond(*cost);
            AsbrSummary { metric }.encode(&mut writer);
            let key = LsaKey {
                kind,
                id: *id,
                router,
            };
            self.wish(now, domain, key, options, writer.finish(), out);
        }
    }

    /// Says of each network that it can be reached outside through this router, or, with `None`, that it cannot any more
    /// (RFC 2328 §12.4.4). The first one makes it an AS boundary router.
    pub fn set_externals(
        &mut self,
        now: Now,
        externals: impl IntoIterator<Item = (Prefix4, Option<External>)>,
        out: &mut Outbox,
    ) {
        let before = self.is_boundary();
        for (prefix, external) in externals {
            let old = match external {
                Some(external) => self.routing.externals.insert(prefix, external),
                None => self.routing.externals.remove(&prefix),
            };
            if old != external {
                self.say_external(now, prefix, out);
            }
        }
        if before != self.is_boundary() {
            self.router_lsas.extend(self.databases.areas.keys());
        }
        self.settle(now, out);
    }

    /// What this router says of the outside.
    #[must_use]
    pub const fn externals(&self) -> &BTreeMap<Prefix4, External> {
        &self.routing.externals
    }

    /// Whether this is an AS boundary router.
    #[must_use]
    pub fn is_boundary(&self) -> bool {
        self.parameters.boundary_router
            || !self.routing.externals.is_empty()
            || !self.routing.translated.is_empty()
    }

    pub(super) fn say_external(&mut self, now: Now, prefix: Prefix4, out: &mut Outbox) {
        let external = self.routing.externals.get(&prefix).map(|external| External {
            mask: prefix.netmask(),
            ..*external
        });
        let outside = external.or_else(|| self.routing.translated.get(&prefix).copied());
        let whole = (Domain::As, LsaType::AsExternal, outside, Options::EXTERNAL);
        let nssas = self.databases.areas.keys().map(|area| {
            let inside = external.and_then(|external| self.external_for_nssa(*area, external));
            let (external, options) = inside.unzip();
            (
                Domain::Area(*area),
                LsaType::Nssa,
                external,
                options.unwrap_or_default(),
            )
        });
        let said: Vec<_> = nssas.chain(std::iter::once(whole)).collect();
        for (domain, kind, external, options) in said {
            match external {
                Some(external) => {
                    let metric = self.cost_beyond(external.metric);
                    let external = External { metric, ..external };
                    let mut writer = Writer::new();
                    external.encode(&mut writer);
                    self.say(now, domain, kind, prefix, options, writer.finish(), out);
                }
                None => self.unsay(now, domain, kind, prefix, out),
            }
        }
    }

    /// How an external is said in an NSSA (RFC 3101 §2.3, §2.4): with an address of ours there, so that whoever translates it
    /// can name it outside. An area border router says it outside itself, and it is not to be translated.
    fn external_for_nssa(&self, area: AreaId, external: External) -> Option<(External, Options)> {
        if self.parameters.area(area).kind != AreaKind::Nssa || !self.is_attached(area) {
            return None;
        }
        let inside = self.interfaces.values().filter(|interface| {
            interface.parameters.area == area && interface.state > crate::interface::machine::State::Down
        });
        // One that does not depend on a link first.
        let best = inside.max_by_key(|interface| {
            let loopback = interface.parameters.network == crate::parameters::NetworkType::Loopback;
            (loopback, interface.attachment.address)
        })?;
        let own = best.attachment.address?;
        let forwarding = if external.forwarding.is_unspecified() {
            own
        } else {
            external.forwarding
        };
        let mut options = Options::empty();
        options.set(Options::NSSA, !self.is_border());
        Some((
            External {
                forwarding,
                ..external
            },
            options,
        ))
    }

    /// An address inside an NSSA came or went.
    pub(super) fn look_at_externals(&mut self, now: Now, out: &mut Outbox) {
        let mut areas = self.parameters.areas.values();
        if areas.any(|area| area.kind == AreaKind::Nssa) {
            self.say_externals(now, out);
        }
    }

    /// Says everything of the outside again, under another router identifier.
    pub(super) fn say_externals(&mut self, now: Now, out: &mut Outbox) {
        let own = self.routing.externals.keys();
        let prefixes: Vec<Prefix4> = own.chain(self.routing.translated.keys()).copied().collect();
        for prefix in prefixes {
            self.say_external(now, prefix, out);
        }
    }
}
