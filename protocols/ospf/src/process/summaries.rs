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
use crate::parameters::{AreaKind, AreaParameters, Range};
use crate::spf::hops::SetId;
use crate::spf::table::{Outcome, Path, PathType};

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

    fn prefixes(&self) -> impl Iterator<Item = Prefix4> {
        self.by_prefix.keys().copied()
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
    pub(super) fn summarise(&mut self, now: Now, outcome: &Outcome, out: &mut Outbox) {
        let border = self.is_border();
        let networks = self.summaries_to_look_at(outcome);
        for area in self.databases.areas.keys().copied().collect::<Vec<_>>() {
            let speaks = border && self.is_attached(area);
            let domain = Domain::Area(area);
            let known = self.routing.ids.get(&(domain, LsaType::Summary));
            let known = known.filter(|_| outcome.everything);
            let all: BTreeSet<Prefix4> = known
                .into_iter()
                .flat_map(LinkStateIds::prefixes)
                .chain(networks.iter().copied())
                .collect();
            for prefix in all {
                let cost = if speaks {
                    self.summary_for(area, prefix)
                } else {
                    None
                };
                self.say_network(now, area, prefix, cost, out);
            }
            let known = self.wished(domain, LsaType::AsbrSummary).map(|key| key.id);
            let mut routers: BTreeSet<Ipv4Addr> = known.filter(|_| outcome.everything).collect();
            routers.extend(&outcome.routers);
            for router in routers {
                let cost = if speaks {
                    self.boundary_router_for(area, router)
                } else {
                    None
                };
                self.say_boundary_router(now, area, router, cost, out);
            }
        }
    }

    /// The networks whose summaries may be others: those that changed, the ranges they are in, and the default that stub areas
    /// are told.
    fn summaries_to_look_at(&self, outcome: &Outcome) -> BTreeSet<Prefix4> {
        let mut networks = outcome.networks.clone();
        let ranges = self.parameters.areas.values().flat_map(|area| &area.ranges);
        for range in ranges.map(|range| range.prefix) {
            let mut inside = outcome
                .networks
                .range(range..)
                .take_while(|prefix| range.covers(**prefix));
            if outcome.everything || inside.next().is_some() {
                networks.insert(range);
            }
        }
        if outcome.everything {
            networks.insert(Prefix4::DEFAULT);
        }
        networks
    }

    /// What an area is to hear that a network costs, if it is to hear of it.
    fn summary_for(&self, area: AreaId, prefix: Prefix4) -> Option<u32> {
        let parameters = self.parameters.area(area);
        if parameters.kind != AreaKind::Normal && !area.is_backbone() {
            let default = parameters.kind == AreaKind::Stub || parameters.no_summary;
            if prefix.is_default() && default {
                return Some(parameters.default_cost);
            }
            if parameters.no_summary {
                return None;
            }
        }
        self.range_for(area, prefix).or_else(|| {
            let path = self.routing.table.inside(prefix)?;
            let said = self.is_said(area, prefix, path)
                && self.range_of(area, prefix, path).is_none()
                && path.area != area
                && !self.leads_into(path.hops, area);
            said.then_some(path.cost)
        })
    }

    /// What a range of addresses costs: the most any network costs that it stands for (RFC 2328 §12.4.3).
    fn range_for(&self, area: AreaId, range: Prefix4) -> Option<u32> {
        let of = |from: &AreaParameters| from.ranges.iter().any(|known| known.prefix == range);
        if !self.parameters.areas.values().any(of) {
            return None;
        }
        let covered = self.routing.table.covered(range);
        let costs = covered.filter(|(prefix, path)| self.is_said(area, *prefix, path) && path.area != area);
        let costs = costs.filter_map(|(prefix, path)| {
            let known = self.range_of(area, prefix, path)?;
            (known.prefix == range && known.advertise).then(|| known.cost.unwrap_or(path.cost))
        });
        costs.max()
    }

    /// Whether an area may hear of a network at all.
    fn is_said(&self, area: AreaId, prefix: Prefix4, path: &Path) -> bool {
        let wrong_way = path.kind == PathType::InterArea && area.is_backbone();
        path.cost < LS_INFINITY && !wrong_way && !prefix.is_default()
    }

    /// The range that stands for a network when an area hears of it. Ranges of the backbone are not used into areas that others
    /// pass through: those need the parts (RFC 2328 §12.4.3).
    fn range_of(&self, area: AreaId, prefix: Prefix4, path: &Path) -> Option<Range> {
        let condenses = !path.area.is_backbone() || !self.routing.table.is_transit(area);
        if path.kind != PathType::IntraArea || !condenses {
            return None;
        }
        let parameters = self.parameters.area(path.area);
        let ranges = parameters
            .ranges
            .iter()
            .filter(|range| range.prefix.covers(prefix));
        ranges.max_by_key(|range| range.prefix.length()).cloned()
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

    fn say_network(&mut self, now: Now, area: AreaId, prefix: Prefix4, cost: Option<u32>, out: &mut Outbox) {
        let (domain, kind) = (Domain::Area(area), LsaType::Summary);
        let Some(cost) = cost else {
            self.unsay(now, domain, kind, prefix, out);
            return;
        };
        let summary = Summary {
            mask: prefix.netmask(),
            metric: self.cost_beyond(cost),
        };
        let mut writer = Writer::new();
        summary.encode(&mut writer);
        self.say(
            now,
            domain,
            kind,
            prefix,
            self.lsa_options(area),
            writer.finish(),
            out,
        );
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

    /// What an area is to hear that a boundary router costs, if it is to hear of it. Stub areas hear of none, and who is in
    /// the area itself needs no introduction (§12.4.3).
    fn boundary_router_for(&self, area: AreaId, router: Ipv4Addr) -> Option<u32> {
        if self.parameters.area(area).kind != AreaKind::Normal {
            return None;
        }
        let routers = self.routing.table.routers();
        let inside = routers.get(&(router, area));
        if inside.is_some_and(|path| {
            path.kind == PathType::IntraArea && path.flags.contains(RouterFlags::EXTERNAL)
        }) {
            return None;
        }
        let all = (router, AreaId(0))..=(router, AreaId(u32::MAX));
        let paths = routers.range(all).filter(|((_, from), path)| {
            let wrong_way = path.kind == PathType::InterArea && area.is_backbone();
            *from != area
                && !wrong_way
                && self.parameters.area(*from).kind == AreaKind::Normal
                && path.flags.contains(RouterFlags::EXTERNAL)
                && path.cost < LS_INFINITY
                && !self.leads_into(path.hops, area)
        });
        paths.map(|(_, path)| path.cost).min()
    }

    fn say_boundary_router(
        &mut self,
        now: Now,
        area: AreaId,
        id: Ipv4Addr,
        cost: Option<u32>,
        out: &mut Outbox,
    ) {
        let Some(router) = self.router else { return };
        let (domain, kind) = (Domain::Area(area), LsaType::AsbrSummary);
        let key = LsaKey { kind, id, router };
        let Some(cost) = cost else {
            if self.wish_of(domain, key).is_some() {
                self.withdraw(now, domain, key, out);
            }
            return;
        };
        let metric = self.cost_beyond(cost);
        let mut writer = Writer::new();
        AsbrSummary { metric }.encode(&mut writer);
        self.wish(now, domain, key, self.lsa_options(area), writer.finish(), out);
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
            let default = || self.default_for_nssa(*area).filter(|_| prefix.is_default());
            let inside = inside.or_else(default);
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
        let said = own.chain(self.routing.translated.keys()).copied();
        // NSSAs may have a default route that nobody else has.
        let prefixes: BTreeSet<Prefix4> = said.chain([Prefix4::DEFAULT]).collect();
        for prefix in prefixes {
            self.say_external(now, prefix, out);
        }
    }
}
