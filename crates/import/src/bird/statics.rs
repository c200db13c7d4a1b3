//! `protocol static`.

use serde_json::{Map, Value, json};

use super::syntax::{Statement, Word};
use super::{Done, Reader, number};

impl Reader {
    pub(super) fn statics(&mut self, block: &[Statement]) {
        self.each(block, |reader, statement| match statement.texts().as_slice() {
            ["ipv4" | "ipv6"] => {
                // A channel of its own, whose filters would be about all of them.
                reader.each(statement.inside(), |_, inner| match inner.texts().as_slice() {
                    ["import", "all"] | ["export", "none"] => Ok(()),
                    _ => Err("not translated".to_owned()),
                });
                Ok(())
            }
            ["route", prefix, rest @ ..] => reader.route(prefix, rest, statement),
            ["check", "link", ..] | ["igp", "table", ..] => Ok(()),
            _ => Err("not translated".to_owned()),
        });
    }

    fn route(&mut self, prefix: &str, rest: &[&str], statement: &Statement) -> Done {
        if !statement.inside().is_empty() {
            return Err("write what is set in braces as options of the route".to_owned());
        }
        let mut route = Map::new();
        route.insert("prefix".to_owned(), json!(prefix));
        match rest {
            ["blackhole" | "unreachable" | "prohibit"] => {
                route.insert("kind".to_owned(), json!(rest.first()));
            }
            ["recursive", gateway] => {
                drop(route.insert("via".to_owned(), json!(format!("{gateway} recursive"))));
            }
            ["via", ..] => {
                let hops = hops(statement.words.get(2..).unwrap_or_default())?;
                match hops.as_slice() {
                    [hop] => drop(route.insert("via".to_owned(), json!(hop))),
                    hops => drop(route.insert("via".to_owned(), json!(hops))),
                }
            }
            _ => return Err("not translated".to_owned()),
        }
        self.tree
            .push(&["protocols", "static", "routes"], Value::Object(route));
        Ok(())
    }
}

/// `via 10.0.0.1 weight 2 via "eth0"`.
fn hops(words: &[Word]) -> Result<Vec<String>, String> {
    let mut hops: Vec<String> = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match (word.text(), hops.last_mut()) {
            ("via", _) => match words.next() {
                Some(Word::Quoted(interface)) => hops.push(format!("dev {interface}")),
                Some(Word::Plain(gateway)) => match gateway.split_once('%') {
                    Some((gateway, interface)) => hops.push(format!("{gateway} dev {interface}")),
                    None => hops.push(gateway.clone()),
                },
                None => return Err("a next hop is missing".to_owned()),
            },
            ("weight", Some(hop)) => {
                let weight = number(words.next().map(Word::text).unwrap_or_default())?;
                hop.push_str(&format!(" weight {weight}"));
            }
            ("dev", Some(hop)) => {
                let interface = words.next().map(Word::text).unwrap_or_default();
                hop.push_str(&format!(" dev {interface}"));
            }
            ("bfd" | "onlink" | "mpls", _) => return Err(format!("'{}' is not here", word.text())),
            (other, _) => return Err(format!("'{other}' is not understood")),
        }
    }
    Ok(hops)
}
