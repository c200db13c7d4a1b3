//! Shell completion that knows the router: interfaces, paths, values and revisions are asked of the daemon.
//!
//! `source <(COMPLETE=bash waypost)`. Whatever goes wrong here ends in no suggestions, never in an error on the prompt.

mod bash;
mod zsh;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use clap::CommandFactory;
use clap_complete::CompleteEnv;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{Elvish, Fish, Powershell, Shells};
use serde_json::Value;
use waypost_manager::Path;

use crate::arguments::{Arguments, SOCKET};
use crate::change::equals_sign;
use crate::router::Router;
use crate::vocabulary::{ANY_INTERFACE, Term, of_everything};

/// How long a prompt may hang.
const PATIENCE: Duration = Duration::from_millis(700);

/// Answers and ends the process when the environment says that a shell asks.
pub(crate) fn answer_the_shell() {
    let shells = Shells(&[&bash::Bash, &Elvish, &Fish, &Powershell, &zsh::Zsh]);
    CompleteEnv::with_factory(Arguments::command)
        .shells(shells)
        .complete();
}

/// The names of all interfaces, configured ones that do not exist included.
pub(crate) fn interfaces() -> Vec<CompletionCandidate> {
    rows("/v1/interfaces", |row| {
        candidate(row.get("name")?.as_str()?, row.get("state")?.as_str()?)
    })
}

/// The names of all protocols.
pub(crate) fn protocols() -> Vec<CompletionCandidate> {
    rows("/v1/protocols", |row| {
        candidate(
            row.get("name")?.as_str()?,
            row.get("title")?.as_str().unwrap_or_default(),
        )
    })
}

/// The names of all policies.
pub(crate) fn policies() -> Vec<CompletionCandidate> {
    rows("/v1/policies", |row| {
        candidate(row.get("name")?.as_str()?, row.get("kind")?.as_str()?)
    })
}

/// The newest revisions.
pub(crate) fn revisions() -> Vec<CompletionCandidate> {
    rows("/v1/revisions?limit=20", |row| {
        let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
        candidate(
            &row.get("number")?.as_u64()?.to_string(),
            format!("{} {}", text("author"), text("note")).trim(),
        )
    })
}

/// Files, and the newest revisions.
pub(crate) fn file_or_revision(current: &OsStr) -> Vec<CompletionCandidate> {
    let mut found = PathCompleter::file().stdio().complete(current);
    let typed = current.to_string_lossy();
    found.extend(
        revisions()
            .into_iter()
            .filter(|revision| revision.get_value().to_string_lossy().starts_with(&*typed)),
    );
    found
}

/// Paths of what is configured.
pub(crate) fn configured_path(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some([tree]) = answers(["/v1/config"]) else {
        return Vec::new();
    };
    let mut paths = Vec::new();
    configured(&mut Vec::new(), &tree, &mut paths);
    offered(steps(&current.to_string_lossy(), &paths))
}

/// Paths of what can be configured; after the equals sign, values.
pub(crate) fn assignment(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some([schema, interfaces, protocols]) = answers(["/v1/schema", "/v1/interfaces", "/v1/protocols"])
    else {
        return Vec::new();
    };
    let names = |rows: &Value| -> Vec<String> {
        let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
        rows.iter()
            .filter_map(|row| row.get("name")?.as_str().map(str::to_owned))
            .collect()
    };
    let terms = of_everything(&schema);
    offered(assignments(
        &current.to_string_lossy(),
        &terms,
        &names(&interfaces),
        &names(&protocols),
    ))
}

/// What can stand on the command line, and what it is.
type Offer = (String, String);

fn assignments(current: &str, terms: &[Term], interfaces: &[String], protocols: &[String]) -> Vec<Offer> {
    if let Some(at) = equals_sign(current) {
        let path: Option<Path> = current.get(..at).and_then(|path| path.parse().ok());
        let parts: Vec<String> = path.iter().flat_map(Path::parts).map(str::to_owned).collect();
        let fits = |term: &&Term| {
            term.parts.len() == parts.len()
                && term
                    .parts
                    .iter()
                    .zip(&parts)
                    .all(|(known, part)| known == ANY_INTERFACE || known == part)
        };
        let values = terms
            .iter()
            .find(fits)
            .map(|term| term.values.as_slice())
            .unwrap_or_default();
        let whole = |value: &String| format!("{}{value}", current.get(..=at).unwrap_or_default());
        let whole = values
            .iter()
            .map(whole)
            .filter(|offer| offer.starts_with(current));
        return whole.map(|offer| (offer, String::new())).collect();
    }
    let mut paths: Vec<Offer> = Vec::new();
    for term in terms {
        let named = |names: &[String]| {
            names
                .iter()
                .map(|name| {
                    let parts = term.parts.iter().map(|part| {
                        if part.chars().all(char::is_uppercase) {
                            name
                        } else {
                            part
                        }
                    });
                    (
                        format!("{}=", Path::new(parts.map(String::as_str))),
                        term.description.clone(),
                    )
                })
                .collect::<Vec<_>>()
        };
        if term.parts.iter().any(|part| part == ANY_INTERFACE) {
            paths.extend(named(interfaces));
        } else if term.parts.iter().any(|part| part.chars().all(char::is_uppercase)) {
            paths.extend(named(protocols));
        } else {
            paths.push((format!("{}=", term.path()), term.description.clone()));
        }
    }
    // A protocol is started, and joins an interface, by its table, which may stay empty.
    let tables = |of: fn(&[String]) -> Option<&str>| -> BTreeSet<&str> {
        terms.iter().filter_map(|term| of(&term.parts)).collect()
    };
    let started = tables(|parts| match parts {
        [first, name, _, ..] if first == "protocols" => Some(name),
        _ => None,
    });
    let joined = tables(|parts| match parts {
        [_, any, name, _, ..] if any == ANY_INTERFACE => Some(name),
        _ => None,
    });
    let empty = |path: Path, help: &str| (format!("{path}={{}}"), help.to_owned());
    for interface in interfaces {
        paths.extend(joined.iter().map(|name| {
            empty(
                Path::new(["interfaces", interface, name]),
                "join it with its defaults",
            )
        }));
    }
    paths.extend(
        started
            .iter()
            .map(|name| empty(Path::new(["protocols", name]), "start it with its defaults")),
    );
    steps(current, &paths)
}

/// Every path of a tree, tables included from the second level on.
fn configured(parts: &mut Vec<String>, tree: &Value, paths: &mut Vec<Offer>) {
    let Value::Object(table) = tree else { return };
    for (name, value) in table {
        parts.push(name.clone());
        if parts.len() > 1 || !value.is_object() {
            let path = Path::new(parts.iter().map(String::as_str)).to_string();
            paths.push((
                path,
                if value.is_object() {
                    String::new()
                } else {
                    value.to_string()
                },
            ));
        }
        configured(parts, value, paths);
        parts.pop();
    }
}

/// The paths that begin with what was typed, up to the next dot where there is a choice: a router has more interfaces times
/// options than anybody wants to read.
fn steps(current: &str, paths: &[Offer]) -> Vec<Offer> {
    let fitting: Vec<&Offer> = paths
        .iter()
        .filter(|(path, _)| path.starts_with(current))
        .collect();
    let mut steps: Vec<Offer> = Vec::new();
    for (path, help) in fitting {
        let mut quoted = false;
        let dot = path.char_indices().find(|(at, c)| {
            quoted ^= *c == '"';
            *c == '.' && !quoted && *at >= current.len()
        });
        let step = match dot {
            Some((at, _)) => (path.get(..=at).unwrap_or(path).to_owned(), String::new()),
            None => (path.clone(), help.clone()),
        };
        if !steps.iter().any(|(known, _)| *known == step.0) {
            steps.push(step);
        }
    }
    match steps.as_slice() {
        // No choice: go on.
        [(only, _)] if only.ends_with('.') => self::steps(&only.clone(), paths),
        _ => steps,
    }
}

fn offered(offers: Vec<Offer>) -> Vec<CompletionCandidate> {
    offers
        .into_iter()
        .filter_map(|(value, help)| candidate(&value, &help))
        .collect()
}

fn candidate(value: &str, help: &str) -> Option<CompletionCandidate> {
    let help = crate::sheet::printable(help);
    Some(CompletionCandidate::new(value).help((!help.is_empty()).then(|| help.into())))
}

fn rows(
    question: &'static str,
    row: impl Fn(&Value) -> Option<CompletionCandidate>,
) -> Vec<CompletionCandidate> {
    let Some([Value::Array(rows)]) = answers([question]) else {
        return Vec::new();
    };
    rows.iter().filter_map(row).collect()
}

/// The daemon's answers, if all come soon enough.
fn answers<const N: usize>(questions: [&'static str; N]) -> Option<[Value; N]> {
    let socket = socket(std::env::args_os());
    let (send, answers) = channel();
    thread::spawn(move || {
        let mut router = Router::at(&socket);
        let all: Option<Vec<Value>> = questions
            .into_iter()
            .map(|question| router.get(question).ok())
            .collect();
        // The prompt may have stopped waiting.
        drop(send.send(all));
    });
    answers.recv_timeout(PATIENCE).ok()??.try_into().ok()
}

/// The socket that the command line being completed names.
fn socket(words: impl Iterator<Item = OsString>) -> PathBuf {
    let mut words = bash::line().unwrap_or_else(|| words.collect()).into_iter();
    while let Some(word) = words.next() {
        if word == "--socket" {
            if let Some(path) = words.next() {
                return path.into();
            }
        } else if let Some(path) = word.to_str().and_then(|word| word.strip_prefix("--socket=")) {
            return path.into();
        }
    }
    std::env::var_os("WAYPOST_SOCKET").map_or_else(|| SOCKET.into(), Into::into)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn terms() -> Vec<Term> {
        let term = |path: &str, values: &[&str]| Term {
            parts: path.split('.').map(str::to_owned).collect(),
            form: String::new(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
            description: "what it is for".to_owned(),
            members: Vec::new(),
        };
        vec![
            term("interfaces.IFNAME.enabled", &["true", "false"]),
            term("interfaces.IFNAME.rip.announce", &["none", "v1", "v2-multicast"]),
            term("interfaces.IFNAME.rip.metric", &[]),
            term("protocols.rip.ecmp", &[]),
            term("router.preferences.NAME", &[]),
        ]
    }

    fn offers(current: &str) -> Vec<String> {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let offers = assignments(current, &terms(), &names(&["eth0", "eth0.100"]), &names(&["rip"]));
        offers.into_iter().map(|(offer, _)| offer).collect()
    }

    #[test]
    fn one_step_at_a_time() {
        assert_eq!(offers(""), ["interfaces.", "protocols.", "router."]);
        assert_eq!(offers("int"), ["interfaces.eth0.", "interfaces.\"eth0.100\"."]);
        assert_eq!(
            offers("interfaces.eth0.r"),
            ["interfaces.eth0.rip.", "interfaces.eth0.rip={}"]
        );
        assert_eq!(
            offers("interfaces.eth0.rip."),
            ["interfaces.eth0.rip.announce=", "interfaces.eth0.rip.metric="]
        );
        assert_eq!(offers("router"), ["router.preferences.rip="]);
        assert_eq!(offers("protocols.rip"), ["protocols.rip.", "protocols.rip={}"]);
    }

    #[test]
    fn an_interface_has_few_ways_to_go_on() {
        assert_eq!(
            offers("interfaces."),
            ["interfaces.eth0.", "interfaces.\"eth0.100\"."]
        );
        assert_eq!(
            offers("interfaces.eth0."),
            [
                "interfaces.eth0.enabled=",
                "interfaces.eth0.rip.",
                "interfaces.eth0.rip={}"
            ]
        );
        assert!(offers("interfacez").is_empty());
    }

    #[test]
    fn values_after_the_equals_sign() {
        let all = ["none", "v1", "v2-multicast"].map(|value| format!("interfaces.eth9.rip.announce={value}"));
        assert_eq!(offers("interfaces.eth9.rip.announce="), all);
        assert_eq!(
            offers("interfaces.\"eth0.100\".enabled=t"),
            ["interfaces.\"eth0.100\".enabled=true"]
        );
        assert!(offers("interfaces.eth0.rip.metric=").is_empty());
        assert!(offers("no.such.path=").is_empty());
    }

    #[test]
    fn what_is_configured_can_be_unset() {
        let tree = json!({ "interfaces": { "eth0": { "rip": { "metric": 2, "passive": true } } } });
        let mut paths = Vec::new();
        configured(&mut Vec::new(), &tree, &mut paths);
        let step = |current: &str| {
            steps(current, &paths)
                .into_iter()
                .map(|(path, _)| path)
                .collect::<Vec<_>>()
        };
        assert_eq!(step("i"), ["interfaces.eth0", "interfaces.eth0."]);
        assert_eq!(
            step("interfaces.eth0."),
            ["interfaces.eth0.rip", "interfaces.eth0.rip."]
        );
        assert_eq!(
            step("interfaces.eth0.rip."),
            ["interfaces.eth0.rip.metric", "interfaces.eth0.rip.passive"]
        );
    }

    #[test]
    fn the_socket_on_the_line_is_asked() {
        let of = |words: &[&str]| socket(words.iter().map(OsString::from));
        assert_eq!(
            of(&["waypost", "--", "waypost", "--socket", "/tmp/a", "set", ""]),
            PathBuf::from("/tmp/a")
        );
        assert_eq!(
            of(&["waypost", "--", "waypost", "--socket=/tmp/b"]),
            PathBuf::from("/tmp/b")
        );
    }
}
