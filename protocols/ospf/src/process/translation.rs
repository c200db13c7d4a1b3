//! Externals of NSSAs, said to everybody else (RFC 3101 §3).

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox};
use waypost_types::Prefix4;

use super::{Domain, Ospf};
use crate::area::AreaId;
use crate::lsa::body::RouterFlags;
use crate::lsa::{Body, External, LS_INFINITY, LsaType};
use crate::options::Options;
use crate::parameters::AreaKind;
use crate::spf::table::PathType;

impl Ospf {
    /// Brings what this router translates to what its NSSAs say. The externals of its own go first.
    pub(super) fn translate(&mut self, now: Now, out: &mut Outbox) {
        let mut wanted = BTreeMap::new();
        for area in self.attached_areas() {
            if self.translates(area) {
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

    /// Whether this router is the one that translates an area's LSAs: of its border routers the one that insists on it, or else
    /// the one with the highest identifier (§3.1).
    fn translates(&self, area: AreaId) -> bool {
        let Some(router) = self.router else { return false };
        if self.parameters.area(area).kind != AreaKind::Nssa || !self.is_border() {
            return false;
        }
        let all = (Ipv4Addr::UNSPECIFIED, AreaId(0))..=(Ipv4Addr::BROADCAST, AreaId(u32::MAX));
        let mut others = self.routing.table.routers().range(all).filter(|((_, of), path)| {
            *of == area && path.kind == PathType::IntraArea && path.flags.contains(RouterFlags::BORDER)
        });
        others.all(|((other, _), path)| *other < router && !path.flags.contains(RouterFlags::TRANSLATOR))
    }

    /// The LSAs of an area that are to be translated: their P bit says so, they name where packets are to go, and this router
    /// itself goes that way (§3.2).
    fn read_translatable(&self, now: Now, area: AreaId, wanted: &mut BTreeMap<Prefix4, External>) {
        let Some(database) = self.databases.get(Domain::Area(area)) else {
            return;
        };
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
            let path = self.routing.table.path(prefix);
            let chosen = path.is_some_and(|path| {
                path.kind >= PathType::External1 && path.area == area && path.origin == key.router
            });
            if chosen && external.metric < LS_INFINITY && !external.forwarding.is_unspecified() {
                wanted.insert(prefix, external);
            }
        }
    }
}
