//! Answers to `show`.

use serde_json::{Map, Value, json};
use waypost_routprot::{Refusal, Status, Topic};
use waypost_types::{MAX_NEXT_HOPS, RouteKind};

use crate::Static;
use crate::engine::Phase;
use crate::links::Link;
use crate::table::{Configured, Fate, Group, NotUsed, RouteKey, Source};

pub(crate) fn show(engine: &Static, topic: Topic) -> Result<Value, Refusal> {
    match topic {
        Topic::Summary => Ok(summary(engine)),
        Topic::Interfaces => Ok(engine.links.iter().map(|(_, link)| interface(link)).collect()),
        Topic::Counters => Ok(counters(engine)),
        Topic::Database => Ok(database(engine)),
        Topic::Neighbors => Err(Refusal::new(
            Status::ERROR_NOT_SUPPORTED,
            "static routes have no neighbours",
        )),
    }
}

fn summary(engine: &Static) -> Value {
    let groups = engine.table.groups();
    let configured: usize = groups.values().map(|group| group.members.len()).sum();
    let active = groups.values().filter(|group| group.installed.is_some()).count();
    json!({
        "state": match engine.phase {
            Phase::Starting => "starting",
            Phase::Running => "running",
            Phase::Stopped => "stopped",
        },
        "configured-routes": configured,
        "routes": groups.len(),
        "active-routes": active,
        "inactive-routes": groups.len() - active,
        "interfaces": engine.links.iter().count(),
    })
}

fn interface(link: &Link) -> Value {
    json!({
        "interface": link.name,
        "state": if !link.enabled {
            "disabled"
        } else if link.media {
            "up"
        } else {
            "no carrier"
        },
        "networks": link.networks(),
    })
}

fn counters(engine: &Static) -> Value {
    json!({
        "global": {
            "inputs": engine.inputs,
            "routes-set": engine.changes.set,
            "routes-deleted": engine.changes.deleted,
        },
        "interfaces": Map::new(),
    })
}

fn database(engine: &Static) -> Value {
    let mut rows = Vec::new();
    for (key, group) in engine.table.groups() {
        let fates = group.fates(&engine.links);
        for ((source, configured), fates) in group.members.iter().zip(&fates) {
            rows.push(route(engine, key, group, *source, configured, fates));
        }
    }
    Value::Array(rows)
}

/// One configured route: what it says, whether it is in the routing table and, if not, why.
fn route(
    engine: &Static,
    key: &RouteKey,
    group: &Group,
    source: Source,
    configured: &Configured,
    fates: &[Fate],
) -> Value {
    let reason = inactive(group, configured, fates);
    let mut row = Map::new();
    let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
    put("prefix", json!(key.prefix));
    put("kind", json!(configured.kind));
    let source = match source {
        Source::Global => "protocols.static".to_owned(),
        Source::Interface(index) => format!(
            "interfaces.{}.static",
            engine.links.name(index).unwrap_or_default()
        ),
    };
    put("configured-in", json!(source));
    if let Some(preference) = key.preference {
        put("preference", json!(preference));
    }
    put("metric", json!(key.metric));
    put("tag", json!(configured.tag));
    let state = |active: bool| if active { "active" } else { "inactive" };
    put("state", json!(state(reason.is_none())));
    if let Some(reason) = reason {
        put("reason", json!(reason));
    }
    if configured.kind == RouteKind::Unicast {
        let hops = configured.via.iter().zip(fates).map(|(via, fate)| {
            let mut hop = json!({ "via": via, "state": state(fate.is_ok()) });
            match fate {
                Ok(fate) => hop["interface"] = json!(engine.links.name(fate.interface)),
                Err(why) => hop["reason"] = json!(in_words(why)),
            }
            hop
        });
        put("next-hops", hops.collect());
    }
    if let Some(annotate) = &configured.annotate {
        put("annotate", json!(annotate));
    }
    Value::Object(row)
}

/// Why a configured route has no part in the routing table; `None` when it has.
fn inactive(group: &Group, configured: &Configured, fates: &[Fate]) -> Option<String> {
    let Some((_, installed)) = &group.installed else {
        return Some(if fates.is_empty() {
            "the router is starting".to_owned()
        } else {
            all_reasons(fates).unwrap_or_else(|| "the router is starting".to_owned())
        });
    };
    if configured.kind == RouteKind::Unicast {
        return all_reasons(fates);
    }
    if installed.kind == RouteKind::Unicast {
        return Some("next hops of equal preference and metric can be reached".to_owned());
    }
    (installed.kind != configured.kind).then(|| {
        format!(
            "another route of equal preference and metric is {}",
            installed.kind
        )
    })
}

/// The reasons of all next hops; `None` when one of them has none.
fn all_reasons(fates: &[Fate]) -> Option<String> {
    let reasons: Result<Vec<String>, ()> = fates
        .iter()
        .map(|fate| fate.as_ref().err().map(in_words).ok_or(()))
        .collect();
    reasons.ok().map(|reasons| reasons.join("; "))
}

fn in_words(why: &NotUsed) -> String {
    match why {
        NotUsed::Unreachable(why) => why.to_string(),
        NotUsed::Repeated => "an equal next hop is in use already".to_owned(),
        NotUsed::TooMany => format!("a route has at most {MAX_NEXT_HOPS} next hops"),
    }
}
