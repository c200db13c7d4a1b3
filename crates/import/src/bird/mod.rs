//! BIRD 2's configuration: OSPFv2, RIP and static routes.

mod ospf;
mod passwords;
mod rip;
mod statics;
mod syntax;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::tree::Tree;
use crate::{Imported, Left, Links};
use syntax::{Statement, Word, statements};

/// Why a statement is left.
type Reason = String;
type Done = Result<(), Reason>;

#[derive(Default)]
struct Reader {
    tree: Tree,
    left: Vec<Left>,
    notes: Vec<String>,
    links: Links,
    /// Which protocols the file has: what `export all` means depends on them.
    sources: BTreeSet<&'static str>,
}

/// Reads a configuration of BIRD 2. `links` are the router's interfaces, for patterns of names.
#[must_use]
pub fn bird(text: &str, links: &Links) -> Imported {
    let list = statements(text);
    let mut reader = Reader {
        links: links.clone(),
        ..Reader::default()
    };
    for statement in &list {
        reader.sources.extend(source_of(statement));
    }
    for statement in &list {
        if let Err(reason) = reader.top(statement) {
            reader.leave(statement, reason);
        }
    }
    reader.left.sort_by_key(|left| left.line);
    Imported {
        configuration: reader.tree.finish(),
        left: reader.left,
        notes: reader.notes,
    }
}

/// Whose routes a protocol makes, by our names.
fn source_of(statement: &Statement) -> Option<&'static str> {
    match statement.texts().as_slice() {
        ["protocol", "static", ..] => Some("static"),
        ["protocol", "direct", ..] => Some("connected"),
        ["protocol", "rip", ..] => Some("rip"),
        ["protocol", "ospf", ..] => Some("ospf"),
        _ => None,
    }
}

impl Reader {
    fn leave(&mut self, statement: &Statement, reason: impl Into<String>) {
        self.left.push(Left {
            line: statement.line,
            text: statement.shown(),
            reason: reason.into(),
        });
    }

    /// Does something with every statement of a block, and leaves those that it fails with.
    fn each(&mut self, block: &[Statement], mut work: impl FnMut(&mut Self, &Statement) -> Done) {
        for statement in block {
            if let Err(reason) = work(self, statement) {
                self.leave(statement, reason);
            }
        }
    }

    fn top(&mut self, statement: &Statement) -> Done {
        match statement.texts().as_slice() {
            ["router", "id", id] => {
                self.tree.set(&["router", "id"], *id);
                Ok(())
            }
            ["protocol", "device" | "direct", ..] => Ok(()),
            ["protocol", "kernel", ..] => {
                self.each(statement.inside(), |_, inner| match inner.texts().as_slice() {
                    ["learn", ..] => Err("routes that others put into the kernel are not taken".to_owned()),
                    ["kernel", "table", ..] => Err("all routes go to the main table".to_owned()),
                    ["metric", _] => Err("the metric in the kernel is the router's own".to_owned()),
                    _ => Ok(()),
                });
                Ok(())
            }
            ["protocol", "static", ..] => {
                self.tree.table(&["protocols", "static"]);
                self.statics(statement.inside());
                Ok(())
            }
            ["protocol", "rip", "ng", ..] => Err("only RIP for IPv4 is here".to_owned()),
            ["protocol", "rip", ..] => {
                self.tree.table(&["protocols", "rip"]);
                self.rip(statement.inside());
                Ok(())
            }
            ["protocol", "ospf", "v3", ..] => Err("only OSPFv2 is here".to_owned()),
            ["protocol", "ospf", ..] => {
                self.tree.table(&["protocols", "ospf"]);
                self.ospf(statement.inside());
                Ok(())
            }
            ["protocol", name, ..] => Err(format!("{name} is not here")),
            ["log" | "debug" | "timeformat", ..] => {
                Err("what is logged is said to the daemon: --log, --log-to".to_owned())
            }
            ["filter" | "function", name, ..] => Err(format!(
                "what {name} decides is written as a filter where it is used"
            )),
            ["include", ..] => Err("give the whole configuration as one text".to_owned()),
            ["define", ..] | ["template", ..] => Err("write it where it is used".to_owned()),
            ["ipv4" | "ipv6", "table", ..] => Err("there is one table for each family".to_owned()),
            _ => Err("not translated".to_owned()),
        }
    }

    /// The interfaces of a protocol that a statement `interface "eth0", "ppp*"` is about: those that none before it was about.
    fn interfaces(&mut self, protocol: &str, statement: &Statement) -> Vec<String> {
        let mut found = Vec::new();
        let mut negated = Vec::new();
        let patterns: Vec<String> = statement
            .words
            .iter()
            .filter_map(|word| match word {
                Word::Quoted(text) => Some(text.clone()),
                Word::Plain(_) => None,
            })
            .collect();
        if patterns.is_empty() {
            self.leave(statement, "say which interfaces, by their names");
            return found;
        }
        for pattern in patterns {
            // "-name" takes it out of what follows.
            let (name, taken) = pattern
                .strip_prefix('-')
                .map_or((pattern.as_str(), true), |name| (name, false));
            if !taken {
                negated.push(name.to_owned());
                continue;
            }
            if !name.contains('*') {
                found.push(name.to_owned());
                continue;
            }
            let links = self.links.keys().filter(|link| matches(name, link));
            let links: Vec<String> = links
                .filter(|link| !negated.iter().any(|other| matches(other, link)))
                .cloned()
                .collect();
            if links.is_empty() {
                self.leave(
                    statement,
                    format!("no interface is known that is called like \"{name}\" (--addresses)"),
                );
            }
            found.extend(links);
        }
        found.sort();
        found.dedup();
        found.retain(|name| self.tree.get(&["interfaces", name, protocol]).is_none());
        found
    }

    /// What a channel's `export` gives away, as entries of redistribute.
    fn exports(&mut self, protocol: &'static str, statement: &Statement) -> Result<Vec<Value>, Reason> {
        let words = statement.texts();
        let entry = |source: &str| json!({ "source": source });
        let ["export", rest @ ..] = words.as_slice() else {
            return Ok(Vec::new());
        };
        match rest {
            ["none"] => Ok(Vec::new()),
            ["all"] => {
                let sources = self.sources.iter().filter(|source| **source != protocol);
                Ok(sources.map(|source| entry(source)).collect())
            }
            ["where", "source", "=", source] => Ok(vec![entry(source_named(source)?)]),
            ["where", "source", "~", "[", sources @ .., "]"] => sources
                .iter()
                .filter(|word| **word != ",")
                .map(|word| source_named(word).map(entry))
                .collect(),
            _ => Err("write what is exported as entries of redistribute".to_owned()),
        }
    }

    /// A channel: what comes in and what goes out.
    fn channel(&mut self, protocol: &'static str, statement: &Statement) -> Done {
        self.each(statement.inside(), |reader, inner| {
            match inner.texts().as_slice() {
                ["export", ..] => {
                    for entry in reader.exports(protocol, inner)? {
                        reader.tree.push(&["protocols", protocol, "redistribute"], entry);
                    }
                    Ok(())
                }
                ["import", "all"] => Ok(()),
                ["import", ..] => Err("what is taken is said by the interface's filter".to_owned()),
                ["preference", _] => {
                    Err("preferences are ranks here, and the lowest wins: router.preferences".to_owned())
                }
                _ => Err("not translated".to_owned()),
            }
        });
        Ok(())
    }
}

fn source_named(word: &str) -> Result<&'static str, Reason> {
    Ok(match word {
        "RTS_STATIC" => "static",
        "RTS_DEVICE" => "connected",
        "RTS_RIP" => "rip",
        "RTS_OSPF" => "ospf",
        other => return Err(format!("there are no routes of {other} here")),
    })
}

/// Whether a name is one that a pattern with `*` stands for.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(start) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return name.ends_with(part);
        }
        match name.find(part) {
            Some(at) => name = name.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// A number; times are whole seconds.
fn number(word: &str) -> Result<u64, Reason> {
    word.parse().map_err(|_| format!("'{word}' is no whole number"))
}

/// `yes`, `no`, or nothing, which is yes.
fn truth(words: &[&str]) -> Result<bool, Reason> {
    match words {
        [] | ["yes" | "on" | "true" | "1"] => Ok(true),
        ["no" | "off" | "false" | "0"] => Ok(false),
        _ => Err("yes or no is expected".to_owned()),
    }
}

/// Options of an interface that RIP and OSPF share.
fn common(table: &mut Map<String, Value>, statement: &Statement) -> Option<Done> {
    let set = |table: &mut Map<String, Value>, name: &str, value: Value| {
        table.insert(name.to_owned(), value);
        Ok(())
    };
    let words = statement.texts();
    Some(match words.as_slice() {
        ["ttl", "security", "tx", "only"] => set(table, "ttl-security", json!("tx-only")),
        ["ttl", "security", rest @ ..] => match truth(rest) {
            Ok(yes) => set(table, "ttl-security", json!(if yes { "on" } else { "off" })),
            Err(reason) => Err(reason),
        },
        ["tx", "dscp", value] => match number(value) {
            Ok(value) => set(table, "dscp", json!(value)),
            Err(reason) => Err(reason),
        },
        // The class is the whole octet.
        ["tx", "class", value] => match number(value) {
            Ok(value) => set(table, "dscp", json!(value >> 2)),
            Err(reason) => Err(reason),
        },
        ["rx", "buffer", value] => match number(value) {
            Ok(value) => set(table, "receive-buffer", json!(value)),
            Err(_) => Err("say the size of the buffer in octets".to_owned()),
        },
        ["password", ..] => passwords::one(table, statement),
        ["passwords"] => {
            let mut inside = statement.inside().iter();
            inside.try_for_each(|inner| passwords::one(table, inner))
        }
        ["bfd", ..] => match truth(words.get(1..).unwrap_or_default()) {
            Ok(false) => Ok(()),
            _ => Err("there is no BFD yet".to_owned()),
        },
        ["tx", "priority", ..] => Ok(()),
        _ => return None,
    })
}
