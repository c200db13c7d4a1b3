//! `protocol rip`.

use serde_json::{Map, Value, json};

use super::syntax::Statement;
use super::{Done, Reader, common, number, passwords, truth};

impl Reader {
    pub(super) fn rip(&mut self, block: &[Statement]) {
        self.each(block, |reader, statement| match statement.texts().as_slice() {
            ["ipv4"] => reader.channel("rip", statement),
            ["ecmp", "yes" | "on"] => Ok(()),
            ["ecmp", "no" | "off"] => {
                reader.tree.set(&["protocols", "rip", "ecmp"], 1);
                Ok(())
            }
            ["ecmp", "yes" | "on", "limit", limit] => {
                reader.tree.set(&["protocols", "rip", "ecmp"], number(limit)?);
                Ok(())
            }
            ["infinity", "16"] => Ok(()),
            ["infinity", _] => {
                Err("infinity is 16 (RFC 2453); routers that disagree about it loop".to_owned())
            }
            ["interface", ..] => {
                for name in reader.interfaces("rip", statement) {
                    let mut table = Map::new();
                    reader.each(statement.inside(), |_, inner| rip_interface(&mut table, inner));
                    passwords::settle(&mut table);
                    *reader.tree.table(&["interfaces", &name, "rip"]) = table;
                }
                Ok(())
            }
            _ => Err("not translated".to_owned()),
        });
    }
}

fn rip_interface(table: &mut Map<String, Value>, statement: &Statement) -> Done {
    if let Some(done) = common(table, statement) {
        return done;
    }
    let mut set = |name: &str, value: Value| drop(table.insert(name.to_owned(), value));
    match statement.texts().as_slice() {
        ["metric", value] => set("metric", json!(number(value)?)),
        ["mode", "multicast"] => set("announce", json!("v2-multicast")),
        ["mode", "broadcast"] => {
            set("announce", json!("v1-compatible"));
            set("summarise", json!(false));
        }
        ["passive", rest @ ..] => set("passive", json!(truth(rest)?)),
        ["version", "1"] => set("announce", json!("v1")),
        ["version", "2"] => {}
        ["version", "only", rest @ ..] => {
            if truth(rest)? {
                set("accept", json!("v2"));
            }
        }
        ["split", "horizon", rest @ ..] => set("split-horizon", json!(truth(rest)?)),
        ["poison", "reverse", rest @ ..] => set("poison-reverse", json!(truth(rest)?)),
        ["check", "zero", rest @ ..] => set("check-zero", json!(truth(rest)?)),
        ["check", "link", rest @ ..] => set("check-link", json!(truth(rest)?)),
        ["update", "time", value] => set("update-interval", json!(number(value)?)),
        ["timeout", "time", value] => set("expiration-interval", json!(number(value)?)),
        ["garbage", "time", value] => set("removal-interval", json!(number(value)?)),
        ["ecmp", "weight", value] => set("ecmp-weight", json!(number(value)?)),
        ["port", value] => set("port", json!(number(value)?)),
        ["tx", "length", value] => set("packet-length", json!(number(value)?)),
        ["authentication", "none"] => set("authentication", json!("none")),
        ["authentication", "plaintext"] => set("authentication", json!("plain")),
        ["authentication", "cryptographic"] => set("authentication", json!("cryptographic")),
        ["demand", "circuit", ..] => return Err("there are no demand circuits (RFC 2091)".to_owned()),
        _ => return Err("not translated".to_owned()),
    }
    Ok(())
}
