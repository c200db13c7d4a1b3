//! NSSAs: how externals are said in them, and what they say of the outside, said to everybody else (RFC 3101 §2, §3).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox};
use waypost_types::{Prefix4, Time};

use super::{Domain, Ospf, Timer};
use crate::area::AreaId;
use crate::interface::Interface;
use crate::interface::machine::State;
use crate::lsa::body::RouterFlags;
use crate::lsa::{Body, External, LS_INFINITY, LsaType};
use crate::options::Options;
use crate::parameters::{AreaKind, ExternalRange, NetworkType, TranslatorRole};
use crate::spf::table::{Path, PathType};

/// Why a border router translates for an NSSA (NSSATranslatorState, RFC 3101 D).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Translating {
    /// It is to.
    Chosen,
    /// Another one is; until then it goes on, so that nobody misses anything meanwhile.
    Until(Time),
}

/// An address range, as what it stands for.
#[derive(Clone, Copy, Debug)]
struct Sum {
    range: ExternalRange,
    type_2: bool,
    metric: u32,
}

impl Sum {
    const fn of(range: ExternalRange) -> Self {
        Self {
            range,
            type_2: false,
            metric: 0,
        }
    }

    /// The farthest counts, and any of type 2 before all of type 1 (§3.2 (3)). Packets go to this router, so what it costs to get
    /// on from here is in the metric of type 1.
    fn add(&mut self, external: &External, path: &Path) {
        let metric = if external.type_2 {
            external.metric.saturating_add(1)
        } else {
            path.cost
        };
        if (external.type_2, metric) > (self.type_2, self.metric) {
            (self.type_2, self.metric) = (external.type_2, metric);
        }
    }

    fn external(&self) -> External {
        External {
            mask: self.range.prefix.netmask(),
            type_2: self.type_2,
            metric: self.metric.min(LS_INFINITY - 1),
            forwarding: Ipv4Addr::UNSPECIFIED,
            tag: self.range.tag,
        }
    }
}

impl Ospf {
    /// Brings what this router translates to what its NSSAs say. The externals of its own go first.
    pub(super) fn translate(&mut self, now: Now, out: &mut Outbox) {
        let mut wanted = BTreeMap::new();
        for area in self.databases.areas.keys().copied().collect::<Vec<_>>() {
            if self.goes_on_translating(now, area) {
                self.read_translatable(now, area, &mut wanted);
            }
        }
        let before = self.is_boundary();
        let old = std::mem::replace(&mut self.routing.translated, wanted);
        let new = &self.routing.translated;
        let gone = old.keys().filter(|prefix| !new.contains_key(prefix));
        let other = new
            .iter()
            .filter(|(prefix, external)| old.get(prefix) != Some(external));
        let prefixes: Vec<Prefix4> = gone.chain(other.map(|(prefix, _)| prefix)).copied().collect();
        for prefix in prefixes {
            self.say_external(now, prefix, out);
        }
        if before != self.is_boundary() {
            self.router_lsas.extend(self.databases.areas.keys());
        }
    }

    /// Whether this router translates an area's LSAs: while it is to, and for a time after (§3.1).
    fn goes_on_translating(&mut self, now: Now, area: AreaId) -> bool {
        let parameters = &self.parameters.area(area).nssa;
        let (stability, never) = (parameters.stability, parameters.role == TranslatorRole::Never);
        let may = self.is_border_of_nssa(area) && !never;
        let timer = Timer::Translator(area);
        let state = match self.routing.translators.get(&area).copied() {
            _ if may && self.is_to_translate(area) => Some(Translating::Chosen),
            Some(Translating::Chosen) if may => Some(Translating::Until(now.time + stability)),
            other => other,
        };
        let state = state.filter(|state| match state {
            Translating::Chosen => may,
            Translating::Until(end) => may && now.time < *end,
        });
        match state {
            Some(Translating::Until(end)) => self.timers.set(timer, end),
            Some(Translating::Chosen) | None => {
                self.timers.cancel(&timer);
            }
        }
        let before = match state {
            Some(state) => self.routing.translators.insert(area, state),
            None => self.routing.translators.remove(&area),
        };
        if before.is_some() != state.is_some() {
            *self.routing.translator_events.entry(area).or_default() += 1;
        }
        state.is_some()
    }

    /// Whether this router translates an area's LSAs now.
    pub(crate) fn translates_for(&self, area: AreaId) -> bool {
        self.routing.translators.contains_key(&area)
    }

    /// How often that changed (ospfAreaNssaTranslatorEvents, RFC 4750).
    pub(crate) fn translator_events(&self, area: AreaId) -> u32 {
        self.routing
            .translator_events
            .get(&area)
            .copied()
            .unwrap_or_default()
    }

    /// Whether this router is the one to translate an area's LSAs: of its border routers the ones that insist on it, or else the
    /// one with the highest identifier (§3.1).
    fn is_to_translate(&self, area: AreaId) -> bool {
        let Some(router) = self.router else { return false };
        if self.insists_on_translating(area) {
            return true;
        }
        let all = (Ipv4Addr::UNSPECIFIED, AreaId(0))..=(Ipv4Addr::BROADCAST, AreaId(u32::MAX));
        let mut others = self.routing.table.routers().range(all).filter(|((_, of), path)| {
            *of == area && path.kind == PathType::IntraArea && path.flags.contains(RouterFlags::BORDER)
        });
        others.all(|((other, _), path)| *other < router && !path.flags.contains(RouterFlags::TRANSLATOR))
    }

    fn is_border_of_nssa(&self, area: AreaId) -> bool {
        let nssa = self.parameters.area(area).kind == AreaKind::Nssa;
        nssa && self.is_attached(area) && self.is_border()
    }

    /// Whether this router translates whoever else does, and says so (the Nt bit, §3.1, B).
    pub(super) fn insists_on_translating(&self, area: AreaId) -> bool {
        let always = self.parameters.area(area).nssa.role == TranslatorRole::Always;
        always && self.is_border_of_nssa(area)
    }

    /// Whether this is a border router of some NSSA. All of them call themselves boundary routers, so that those that could
    /// translate know of each other whoever does (§3.1).
    pub(super) fn borders_nssa(&self) -> bool {
        let mut areas = self.databases.areas.keys();
        areas.any(|area| self.is_border_of_nssa(*area))
    }

    /// The LSAs of an area that are to be translated: their P bit says so, they name where packets are to go, and this router
    /// itself goes that way (§3.2). What another translator, with a higher identifier, says as well is left to it.
    fn read_translatable(&self, now: Now, area: AreaId, wanted: &mut BTreeMap<Prefix4, External>) {
        let (Some(router), Some(database)) = (self.router, self.databases.get(Domain::Area(area))) else {
            return;
        };
        let ranges = &self.parameters.area(area).nssa.ranges;
        let mut sums: BTreeMap<Prefix4, Sum> = BTreeMap::new();
        for slot in database.slots() {
            let Some((key, header)) = database.key(slot).zip(database.header(slot, now.time)) else {
                continue;
            };
            if key.kind != LsaType::Nssa || header.is_max_age() || !header.options.contains(Options::NSSA) {
                continue;
            }
            let Some(Body::Nssa(external)) = database.body(slot) else {
                continue;
            };
            let Ok(prefix) = Prefix4::from_netmask(key.id, external.mask) else {
                continue;
            };
            let Some(path) = self.routing.table.path(prefix).filter(|path| {
                path.kind >= PathType::External1 && path.area == area && path.origin == key.router
            }) else {
                continue;
            };
            if external.metric >= LS_INFINITY || external.forwarding.is_unspecified() {
                continue;
            }
            let covering = ranges.iter().filter(|range| range.prefix.covers(prefix));
            match covering.max_by_key(|range| range.prefix.length()) {
                Some(range) if range.advertise => {
                    let sum = sums.entry(range.prefix).or_insert_with(|| Sum::of(*range));
                    sum.add(&external, &path);
                }
                Some(_) => {}
                None if self.routing.table.is_said_above(router, prefix, &external) => {}
                None => drop(wanted.insert(prefix, external)),
            }
        }
        wanted.extend(sums.into_iter().map(|(prefix, sum)| (prefix, sum.external())));
    }

    /// How an external is said in an NSSA (§2.3, §2.4): with an address of ours there, so that whoever translates it can name it
    /// outside. An area border router says it outside itself, and it is not to be translated.
    pub(super) fn external_for_nssa(&self, area: AreaId, external: External) -> Option<(External, Options)> {
        let parameters = self.parameters.area(area);
        if parameters.kind != AreaKind::Nssa || !self.is_attached(area) {
            return None;
        }
        let border = self.is_border();
        // §2.7: where there are no summaries, the default route is one.
        if external.mask.is_unspecified() && border && parameters.no_summary {
            return None;
        }
        let inside = self
            .interfaces
            .values()
            .filter(|interface| interface.parameters.area == area && interface.state > State::Down);
        let own = inside
            .max_by_key(|interface| address_rank(interface))?
            .attachment
            .address?;
        let forwarding = if external.forwarding.is_unspecified() {
            own
        } else {
            external.forwarding
        };
        let mut options = Options::empty();
        options.set(Options::NSSA, !border);
        Some((
            External {
                forwarding,
                ..external
            },
            options,
        ))
    }

    /// The default route that a border router says in an NSSA: for the area alone, and where there are summaries, lest it be
    /// preferred to them (§2.4, §2.7).
    pub(super) fn default_for_nssa(&self, area: AreaId) -> Option<(External, Options)> {
        let parameters = self.parameters.area(area);
        let type_2 = parameters.nssa.default_type_2?;
        (self.is_border_of_nssa(area) && !parameters.no_summary).then_some((
            External {
                mask: Ipv4Addr::UNSPECIFIED,
                type_2,
                metric: parameters.default_cost,
                forwarding: Ipv4Addr::UNSPECIFIED,
                tag: 0,
            },
            Options::empty(),
        ))
    }
}

/// Which address is named as where packets are to go: one that depends on no link before that of a network without other routers,
/// and both before one of a network that packets may have to cross twice (§2.3).
fn address_rank(interface: &Interface) -> (u8, Option<Ipv4Addr>) {
    let parameters = &interface.parameters;
    let rank = if parameters.network == NetworkType::Loopback {
        2
    } else {
        u8::from(parameters.passive)
    };
    (rank, interface.attachment.address)
}
