//! The graph of an area, and the way to a network.

use serde_json::{Value, json};
use waypost_engine::Now;
use waypost_routprot::{Refusal, ReportArguments};
use waypost_types::Prefix4;

use super::{argument, destination, roles};
use crate::area::AreaId;
use crate::engine::OspfEngine;
use crate::spf::picture::{Spot, Trail};
use crate::spf::table::PathType;

impl OspfEngine {
    pub(super) fn report_graph(&self, _: Now, arguments: &ReportArguments) -> Result<Value, Refusal> {
        let table = self.process.table();
        let asked: Option<AreaId> = argument(arguments, "area", "a number or a dotted quad")?;
        let known: Vec<String> = table.areas().map(|area| area.to_string()).collect();
        let areas = match asked {
            None => table.areas().collect::<Vec<_>>(),
            Some(area) if table.areas().any(|known| known == area) => vec![area],
            Some(area) => {
                let allowed = if known.is_empty() {
                    "none yet".to_owned()
                } else {
                    known.join(", ")
                };
                let reason = "this router has no paths in that area";
                return Err(Refusal::invalid(reason).with_value(area).with_allowed(allowed));
            }
        };
        let pictures = areas.into_iter().filter_map(|area| {
            let picture = table.picture(area)?;
            let links = picture.lines.iter().map(|line| {
                json!({
                    "from": line.ends.0,
                    "to": line.ends.1,
                    "cost": line.cost,
                    "shortest": line.shortest,
                    "virtual": line.is_virtual,
                })
            });
            Some(json!({
                "area": area,
                "router-id": self.process.router(),
                "vertices": picture.spots.iter().map(|spot| self.spot(spot)).collect::<Vec<_>>(),
                "links": links.collect::<Vec<_>>(),
            }))
        });
        Ok(pictures.collect())
    }

    fn spot(&self, spot: &Spot) -> Value {
        json!({
            "kind": if spot.network { "network" } else { "router" },
            "id": spot.id,
            "roles": roles(spot.flags),
            "distance": spot.distance,
            "next-hops": self.hops(spot.hops),
        })
    }

    pub(super) fn report_path(&self, _: Now, arguments: &ReportArguments) -> Result<Value, Refusal> {
        let Some(text) = arguments.get("prefix") else {
            return Err(Refusal::invalid("'prefix' is missing").with_allowed("an IPv4 address or prefix"));
        };
        let Some(asked) = destination(text) else {
            let refusal = Refusal::invalid("'prefix' is not valid").with_value(text);
            return Err(refusal.with_allowed("an IPv4 address or prefix"));
        };
        let table = self.process.table();
        let lengths = (0..=asked.length()).rev();
        let mut covering = lengths.filter_map(|length| Prefix4::containing(asked.network(), length).ok());
        let Some(prefix) = covering.find(|prefix| table.path(*prefix).is_some()) else {
            return Ok(Value::Null);
        };
        Ok(table
            .trail(prefix)
            .map_or(Value::Null, |trail| self.trail(prefix, &trail)))
    }

    fn trail(&self, prefix: Prefix4, trail: &Trail) -> Value {
        let path = &trail.path;
        let origin = (path.kind > PathType::IntraArea).then_some(path.origin);
        json!({
            "prefix": prefix.to_string(),
            "kind": path.kind.name(),
            "area": trail.area,
            "cost": path.cost,
            "metric-outside": (path.kind == PathType::External2).then_some(path.type_2),
            "tag": (path.kind > PathType::InterArea).then_some(path.tag),
            "said-by": origin,
            "forwarding-address": trail.forwarding,
            "steps": trail.spots.iter().map(|spot| self.spot(spot)).collect::<Vec<_>>(),
            "beyond": trail.beyond,
            "next-hops": self.hops(path.hops),
        })
    }
}
