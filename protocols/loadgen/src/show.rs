//! Answers to `show`.

use serde_json::{Map, Value, json};
use waypost_routprot::{Refusal, Status, Topic};

use crate::LoadGenerator;
use crate::engine::Phase;

pub(crate) fn show(engine: &LoadGenerator, topic: Topic) -> Result<Value, Refusal> {
    match topic {
        Topic::Summary => Ok(summary(engine)),
        Topic::Interfaces => Ok(interfaces(engine)),
        Topic::Counters => Ok(json!({
            "global": {
                "routes-announced": engine.counters.announced,
                "routes-withdrawn": engine.counters.withdrawn,
            },
            "interfaces": Map::new(),
        })),
        // The routing table has them.
        Topic::Database => Ok(json!([])),
        Topic::Neighbors => Err(Refusal::new(
            Status::ERROR_NOT_SUPPORTED,
            "the load generator has no neighbours",
        )),
    }
}

fn summary(engine: &LoadGenerator) -> Value {
    let [v4, v6] = engine.work.announced();
    let [wanted4, wanted6] = engine.work.wanted();
    json!({
        "state": match engine.phase {
            Phase::Starting => "starting",
            Phase::Running if engine.work.waiting() > 0 => "announcing",
            Phase::Running => "running",
            Phase::Stopped => "stopped",
        },
        "routes": v4,
        "routes-wanted": wanted4,
        "routes6": v6,
        "routes6-wanted": wanted6,
        "routes-away": engine.work.away(),
        "routes-waiting": engine.work.waiting(),
        "next-hops": engine.hops[0].len(),
        "next-hops6": engine.hops[1].len(),
    })
}

fn interfaces(engine: &LoadGenerator) -> Value {
    let row = |link: &crate::engine::Link| {
        json!({
            "interface": link.name,
            "state": if link.is_up() { "up" } else { "down" },
        })
    };
    engine.links.values().map(row).collect()
}
