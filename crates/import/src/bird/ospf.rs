//! `protocol ospf`.

use serde_json::{Map, Value, json};

use super::syntax::Statement;
use super::{Done, Reader, Reason, common, number, passwords, truth};
use crate::words::area;

const OSPF: [&str; 2] = ["protocols", "ospf"];

impl Reader {
    pub(super) fn ospf(&mut self, block: &[Statement]) {
        let option = |option: &'static str| [OSPF[0], OSPF[1], option];
        self.each(block, |reader, statement| {
            match statement.texts().as_slice() {
                ["ipv4"] => return reader.channel("ospf", statement),
                ["area", id] => return reader.area(&area(id)?, statement),
                ["router", "id", id] => reader.tree.set(&option("router-id"), *id),
                ["rfc1583compat", rest @ ..] => reader.tree.set(&option("rfc1583"), truth(rest)?),
                ["stub", "router", rest @ ..] => reader.tree.set(&option("stub-router"), truth(rest)?),
                ["ecmp", "yes" | "on"] => {}
                ["ecmp", "yes" | "on", "limit", limit] => {
                    reader.tree.set(&option("maximum-paths"), number(limit)?);
                }
                ["ecmp", "no" | "off"] => reader.tree.set(&option("maximum-paths"), 1),
                ["graceful", "restart", "aware"] => reader.tree.set(&option("restart-helper"), true),
                ["graceful", "restart", "time", seconds] => {
                    reader.tree.set(&option("grace-period"), number(seconds)?);
                }
                ["graceful", "restart", rest @ ..] => {
                    let on = truth(rest)?;
                    reader.tree.set(&option("graceful-restart"), on);
                    reader.tree.set(&option("restart-helper"), on);
                }
                ["instance", "id", id] => reader.tree.set(&option("instance"), number(id)?),
                ["merge", "external", ..] | ["tick", ..] => {}
                _ => return Err("not translated".to_owned()),
            }
            Ok(())
        });
    }

    fn area(&mut self, id: &str, statement: &Statement) -> Done {
        let mut about = Map::new();
        let mut nssa = Map::new();
        self.each(statement.inside(), |reader, inner| {
            let mut set = |name: &str, value: Value| drop(about.insert(name.to_owned(), value));
            match inner.texts().as_slice() {
                ["stub", rest @ ..] => {
                    if truth(rest)? {
                        set("kind", json!("stub"));
                    }
                }
                ["nssa", rest @ ..] => {
                    if truth(rest)? {
                        set("kind", json!("nssa"));
                    }
                }
                ["summary", rest @ ..] => set("summaries", json!(truth(rest)?)),
                ["default", "cost", cost] => set("default-cost", json!(number(cost)?)),
                ["default", "cost2", cost] => {
                    set("default-cost", json!(number(cost)?));
                    nssa.insert("default-route".to_owned(), json!("2"));
                }
                ["default", "nssa", rest @ ..] => {
                    if truth(rest)? {
                        nssa.entry("default-route").or_insert_with(|| json!("1"));
                    }
                }
                ["translator", rest @ ..] if rest.first() != Some(&"stability") => {
                    let role = if truth(rest)? { "always" } else { "candidate" };
                    nssa.insert("translate".to_owned(), json!(role));
                }
                ["translator", "stability", seconds] => {
                    nssa.insert("stability-interval".to_owned(), json!(number(seconds)?));
                }
                ["networks"] => {
                    let ranges = ranges(inner)?;
                    set("ranges", Value::Array(ranges));
                }
                ["external"] => {
                    nssa.insert("ranges".to_owned(), Value::Array(ranges(inner)?));
                }
                ["interface", ..] => {
                    for name in reader.interfaces("ospf", inner) {
                        let mut table = Map::new();
                        table.insert("area".to_owned(), json!(id));
                        reader.each(inner.inside(), |_, option| ospf_interface(&mut table, option));
                        passwords::settle(&mut table);
                        *reader.tree.table(&["interfaces", &name, "ospf"]) = table;
                    }
                }
                ["virtual", "link", router, ..] => {
                    let mut link = Map::new();
                    link.insert("transit-area".to_owned(), json!(id));
                    link.insert("router-id".to_owned(), json!(router));
                    reader.each(inner.inside(), |_, option| ospf_interface(&mut link, option));
                    passwords::settle(&mut link);
                    reader
                        .tree
                        .push(&[OSPF[0], OSPF[1], "virtual-links"], Value::Object(link));
                }
                ["stubnet", ..] => {
                    return Err("let a passive interface, or redistribution, say the network".to_owned());
                }
                _ => return Err("not translated".to_owned()),
            }
            Ok(())
        });
        if !nssa.is_empty() {
            about.insert("nssa".to_owned(), Value::Object(nssa));
        }
        let speaks_of = !about.is_empty();
        about.insert("id".to_owned(), json!(id));
        // A virtual link needs its area to be one of those that are spoken of.
        let links = self.tree.get(&[OSPF[0], OSPF[1], "virtual-links"]);
        let links = links.and_then(Value::as_array).into_iter().flatten();
        if speaks_of || links.into_iter().any(|link| link["transit-area"] == *id) {
            self.tree.push(&[OSPF[0], OSPF[1], "areas"], Value::Object(about));
        }
        Ok(())
    }
}

/// `10.0.0.0/8; 172.16.0.0/12 hidden; 192.0.2.0/24 tag 7;`
fn ranges(statement: &Statement) -> Result<Vec<Value>, Reason> {
    let one = |inner: &Statement| {
        let words = inner.texts();
        let (prefix, rest) = words.split_first().ok_or("a network is missing")?;
        let mut range = Map::new();
        range.insert("prefix".to_owned(), json!(prefix));
        match rest {
            [] => {}
            ["hidden"] => drop(range.insert("advertise".to_owned(), json!(false))),
            ["tag", tag] => drop(range.insert("tag".to_owned(), json!(number(tag)?))),
            _ => return Err("not translated".to_owned()),
        }
        Ok(Value::Object(range))
    };
    statement.inside().iter().map(one).collect()
}

fn ospf_interface(table: &mut Map<String, Value>, statement: &Statement) -> Done {
    if let Some(done) = common(table, statement) {
        return done;
    }
    let mut set = |name: &str, value: Value| drop(table.insert(name.to_owned(), value));
    match statement.texts().as_slice() {
        ["cost", value] => set("cost", json!(number(value)?)),
        ["stub", rest @ ..] => set("passive", json!(truth(rest)?)),
        ["hello", value] => set("hello-interval", json!(number(value)?)),
        ["poll", value] => set("poll-interval", json!(number(value)?)),
        ["retransmit", value] => set("retransmit-interval", json!(number(value)?)),
        ["transmit", "delay", value] => set("transmit-delay", json!(number(value)?)),
        ["priority", value] => set("priority", json!(number(value)?)),
        ["wait", value] => set("wait-interval", json!(number(value)?)),
        ["dead", "count", _] => return Err("say dead-interval in seconds".to_owned()),
        ["dead", value] => set("dead-interval", json!(number(value)?)),
        ["type", kind] => {
            let kind = match *kind {
                "broadcast" | "bcast" => "broadcast",
                "pointopoint" | "ptp" => "point-to-point",
                "nonbroadcast" | "nbma" => "non-broadcast",
                "pointomultipoint" | "ptmp" => "point-to-multipoint",
                other => return Err(format!("'{other}' is no kind of network")),
            };
            set("network-type", json!(kind));
        }
        ["strict", "nonbroadcast", rest @ ..] => {
            if truth(rest)? {
                return Err(
                    "only the neighbours that are listed are spoken to on such networks anyway".to_owned(),
                );
            }
        }
        ["tx", "length", value] => set("mtu", json!(number(value)?)),
        ["authentication", "none"] => set("authentication", json!("none")),
        ["authentication", "simple"] => set("authentication", json!("simple")),
        ["authentication", "cryptographic"] => set("authentication", json!("cryptographic")),
        ["neighbors"] => {
            let mut neighbors = Vec::new();
            for inner in statement.inside() {
                match inner.texts().as_slice() {
                    [address] => neighbors.push(json!({ "address": address, "priority": 0 })),
                    [address, "eligible"] => neighbors.push(json!({ "address": address })),
                    _ => return Err("not translated".to_owned()),
                }
            }
            set("neighbors", Value::Array(neighbors));
        }
        ["check", "link", ..] | ["real", "broadcast", "no"] => {}
        ["real", "broadcast", ..] => return Err("packets go to the groups of OSPF (RFC 2328)".to_owned()),
        ["ecmp", "weight", _] | ["link", "lsa", "suppression", ..] => return Err("not here".to_owned()),
        _ => return Err("not translated".to_owned()),
    }
    Ok(())
}
