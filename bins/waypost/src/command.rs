//! What each command asks the daemon and how its answer is shown.

use std::path::Path as FilePath;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use waypost_api::client::{encode, query};
use waypost_api::hex;
use waypost_api::{
    ChangeRequest, DiffRequest, EditRequest, Explanation, HeaderAnswer, HeaderRequest, InterfaceRow,
    NeighborRow, PolicyExplanation, PolicyRow, ProtocolRow, RollbackRequest, RouteRow, SetRequest,
    parse_value,
};
use waypost_manager::{Applied, Path, Plan};
use waypost_routprot::{Refusal, Status, suggestion};
use waypost_types::ProtocolId;

use crate::arguments::{Arguments, Autostatic, Blocks, Change, Command, Policy, Show};
use crate::fault::Fault;
use crate::router::Router;
use crate::sheet::Sheet;
use crate::{files, manual, module, ospf, render, tables, vocabulary, watch};

/// Destinations asked for at a time.
const PAGE: u64 = 5000;
/// The neighbours are given a minute to answer.
const AUTOSTATIC: Duration = Duration::from_secs(75);

/// Runs a command and gives what is to be printed; [`Command::Watch`] prints by itself.
pub(crate) fn run(sheet: &Sheet, arguments: Arguments) -> Result<String, Fault> {
    let mut desk = Desk {
        router: Router::at(&arguments.socket).within(arguments.timeout.map(Duration::from_secs)),
        sheet,
        json: arguments.json,
    };
    match arguments.command {
        Command::Show(show) => desk.show(show),
        Command::Get { path } => {
            let value = desk.configured(Some(&path))?;
            desk.either(&value, |_, value| render::value(value))
        }
        Command::Set { assignments, change } => {
            let edits = assignments
                .iter()
                .map(|text| assignment(text).map(EditRequest::Set));
            let edits = edits.collect::<Result<_, _>>()?;
            desk.change(edits, change)
        }
        Command::Unset { paths, change } => {
            desk.change(paths.into_iter().map(EditRequest::Unset).collect(), change)
        }
        Command::Plan { file } => {
            let request = ChangeRequest {
                toml: Some(read(&file)?),
                ..ChangeRequest::default()
            };
            let answer = desk
                .router
                .post("/v1/plan", &request)
                .map_err(|fault| in_file(fault, &file))?;
            desk.planned(&answer)
        }
        Command::Apply { file, note } => {
            let request = ChangeRequest {
                toml: Some(read(&file)?),
                note,
                ..ChangeRequest::default()
            };
            let answer = desk
                .router
                .post("/v1/apply", &request)
                .map_err(|fault| in_file(fault, &file))?;
            desk.applied(&answer)
        }
        Command::Diff { other } => desk.diff(&other),
        Command::Rollback {
            revision,
            change: Change { plan, note },
        } => {
            let answer = desk
                .router
                .post("/v1/rollback", &RollbackRequest { revision, note, plan })?;
            if plan {
                desk.planned(&answer)
            } else {
                desk.applied(&answer)
            }
        }
        Command::Explain { prefix } => desk.explain(&prefix),
        Command::Watch => watch::watch(sheet, desk.router, desk.json).map(|()| String::new()),
        Command::Autostatic(Autostatic::Update { interface }) => desk.autostatic(&interface),
        Command::Blocks(blocks) => desk.blocks(blocks),
        Command::Routes(routes) => tables::run(&mut desk.router, sheet, routes, desk.json),
        Command::Ospf(request) => {
            let answer = ospf::run(desk.sheet, &mut desk.router, &request, desk.json)?;
            desk.answered(answer)
        }
        Command::Module(module) => module::run_command(&module, desk.json),
        Command::Policy(policy) => desk.policy(policy),
        Command::Schema { protocol } => desk.schema(protocol.as_deref()),
        Command::Man { directory } => manual::write(&directory),
    }
}

/// Where a command is worked on: whom to ask, and how to answer.
struct Desk<'s> {
    router: Router,
    sheet: &'s Sheet,
    json: bool,
}

impl Desk<'_> {
    /// The answer as JSON, or as what `text` makes of it.
    fn either(
        &self,
        answer: &Value,
        text: impl FnOnce(&Sheet, &Value) -> Result<String, Fault>,
    ) -> Result<String, Fault> {
        if !self.json {
            return text(self.sheet, answer);
        }
        let mut text =
            serde_json::to_string_pretty(answer).map_err(|error| Fault::Strange(error.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// The answer as JSON, or read as `T` and rendered.
    fn shown<T: DeserializeOwned>(
        &self,
        answer: &Value,
        text: impl FnOnce(&Sheet, &T) -> String,
    ) -> Result<String, Fault> {
        self.either(answer, |sheet, answer| Ok(text(sheet, &typed(answer)?)))
    }

    /// An answer that is rendered already, unless it is wanted as JSON.
    fn answered(&self, answer: ospf::Answer) -> Result<String, Fault> {
        match answer {
            ospf::Answer::Text(text) => Ok(text),
            ospf::Answer::Json(answer) => self.either(&answer, |_, _| Ok(String::new())),
        }
    }

    /// Why a route won; where it is OSPF's, how OSPF came to it.
    fn explain(&mut self, prefix: &str) -> Result<String, Fault> {
        let owners = self.owners()?;
        let answer = self
            .router
            .get(&query("/v1/explain", [("destination", prefix)]))?;
        let mut text = self.shown(&answer, |sheet, explanation: &Explanation| {
            render::explanation(sheet, &owners, prefix, explanation)
        })?;
        let explanation: Explanation = typed(&answer)?;
        let of_ospf = explanation
            .rows
            .iter()
            .any(|row| row.best && row.owner == ProtocolId::OSPF);
        if of_ospf
            && !self.json
            && let Some(matched) = explanation.matched
            && let Some(reasons) = ospf::reasons(self.sheet, &mut self.router, &matched.to_string())
        {
            text.push('\n');
            text.push_str(&reasons);
        }
        Ok(text)
    }

    fn planned(&self, answer: &Value) -> Result<String, Fault> {
        self.shown(answer, |sheet, plan: &Plan| render::plan(sheet, plan))
    }

    fn applied(&self, answer: &Value) -> Result<String, Fault> {
        self.shown(answer, |sheet, applied: &Applied| render::applied(sheet, applied))
    }

    fn configured(&mut self, path: Option<&str>) -> Result<Value, Fault> {
        self.router
            .get(&query("/v1/config", path.map(|path| ("path", path))))
    }

    fn show(&mut self, show: Show) -> Result<String, Fault> {
        match show {
            Show::Status => {
                let answer = self.router.get("/v1/status")?;
                self.shown(&answer, render::status)
            }
            Show::Interfaces { interface: None } => {
                let answer = self.router.get("/v1/interfaces")?;
                self.shown(&answer, |sheet, rows: &Vec<InterfaceRow>| {
                    render::interfaces(sheet, rows)
                })
            }
            Show::Interfaces {
                interface: Some(name),
            } => {
                let answer = self.router.get("/v1/interfaces")?;
                let row = named(&answer, &name).map_err(|known| no_such_interface(&name, &known))?;
                self.shown(&row, render::interface)
            }
            Show::Protocols { protocol: None } => {
                let answer = self.router.get("/v1/protocols")?;
                self.shown(&answer, |sheet, rows: &Vec<ProtocolRow>| {
                    render::protocols(sheet, rows)
                })
            }
            Show::Protocols { protocol: Some(name) } => {
                let answer = self.router.get("/v1/protocols")?;
                let row = named(&answer, &name).map_err(|known| {
                    unknown(
                        Status::ERROR_UNKNOWN_PROTOCOL_ID,
                        "no such protocol",
                        &name,
                        &known,
                    )
                })?;
                self.shown(&row, render::protocol)
            }
            Show::Neighbors { interface } => self.neighbors(interface.as_deref()),
            Show::Routes {
                prefix,
                within,
                owner,
                limit,
            } => {
                let owners = self.owners()?;
                let owner = owner.map(|name| owners.asked(&name));
                let answer = match prefix {
                    Some(prefix) => self
                        .router
                        .get(&query("/v1/routes", [("prefix", prefix.as_str())]))?,
                    None => self.route_pages(within.as_deref(), owner.as_deref(), limit)?,
                };
                self.either(&answer, |sheet, answer| {
                    let rows: Vec<RouteRow> = typed(answer.get("rows").unwrap_or(&Value::Null))?;
                    let mut text = render::routes(sheet, &owners, &rows, answer.get("next").is_none());
                    if let Some(inactive) = answer.get("inactive") {
                        text.push_str(&render::inactive(sheet, &owners, &typed::<Vec<_>>(inactive)?));
                    }
                    Ok(text)
                })
            }
            Show::Config { path } => {
                let answer = self.configured(path.as_deref())?;
                let path: Path = path
                    .as_deref()
                    .unwrap_or_default()
                    .parse()
                    .map_err(Fault::refused)?;
                self.either(&answer, |sheet, tree| render::configuration(sheet, &path, tree))
            }
            Show::Revisions {
                revision: None,
                limit,
            } => {
                let answer = self
                    .router
                    .get(&query("/v1/revisions", [("limit", limit.to_string().as_str())]))?;
                self.shown(&answer, |sheet, rows: &Vec<_>| render::revisions(sheet, rows))
            }
            Show::Revisions {
                revision: Some(number),
                ..
            } => {
                let answer = self.router.get(&format!("/v1/revisions/{number}"))?;
                self.either(&answer, |sheet, tree| {
                    render::configuration(sheet, &Path::default(), tree)
                })
            }
            Show::Counters => {
                let owners = self.owners()?;
                let answer = self.router.get("/v1/counters")?;
                self.shown(&answer, |sheet, answer| render::counters(sheet, &owners, answer))
            }
            Show::Ospf(show) => {
                let answer = ospf::show(self.sheet, &mut self.router, &show, self.json)?;
                self.answered(answer)
            }
            Show::Fib { limit } => {
                let limit = limit.to_string();
                let answer = self.router.get(&query("/v1/fib", [("limit", limit.as_str())]))?;
                self.shown(&answer, render::fib)
            }
            Show::Policy { name: None } => {
                let answer = self.router.get("/v1/policies")?;
                self.shown(&answer, |sheet, rows: &Vec<PolicyRow>| {
                    render::policies(sheet, rows)
                })
            }
            Show::Policy { name: Some(name) } => {
                let answer = self.router.get("/v1/policies")?;
                let row = named(&answer, &name).map_err(|known| {
                    unknown(Status::ERROR_INVALID_PARAMETER, "no such policy", &name, &known)
                })?;
                self.shown(&row, render::policy)
            }
            Show::Database => {
                let answer = self.router.get("/v1/database")?;
                self.shown(&answer, render::database)
            }
        }
    }

    /// What a policy makes of a route.
    fn policy(&mut self, policy: Policy) -> Result<String, Fault> {
        let Policy::Test {
            name,
            prefix,
            protocol,
            tag,
            metric,
            next_hop,
            interface,
        } = policy;
        let parameters = [
            ("prefix", Some(prefix.clone())),
            ("protocol", protocol),
            ("tag", tag.map(|tag| tag.to_string())),
            ("metric", metric.map(|metric| metric.to_string())),
            ("next-hop", next_hop.map(|address| address.to_string())),
            ("interface", interface),
        ];
        let given = parameters.iter();
        let given = given.filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let path = format!("/v1/policies/{}/test", encode(&name));
        let answer = self.router.get(&query(&path, given))?;
        self.shown(&answer, |sheet, explanation: &PolicyExplanation| {
            render::tested(sheet, &prefix, explanation)
        })
    }

    /// How the owners of routes are called.
    fn owners(&mut self) -> Result<render::Owners, Fault> {
        let rows: Vec<ProtocolRow> = typed(&self.router.get("/v1/protocols")?)?;
        Ok(render::Owners::of(&rows))
    }

    fn neighbors(&mut self, interface: Option<&str>) -> Result<String, Fault> {
        let mut answer = self.router.get("/v1/neighbors")?;
        if let Some(name) = interface {
            let interfaces = self.router.get("/v1/interfaces")?;
            named(&interfaces, name).map_err(|known| no_such_interface(name, &known))?;
            if let Some(rows) = answer.as_array_mut() {
                rows.retain(|row| row.get("interface").and_then(Value::as_str) == Some(name));
            }
        }
        self.shown(&answer, |sheet, rows: &Vec<NeighborRow>| {
            render::neighbors(sheet, rows)
        })
    }

    /// All pages, or as many as make up `limit` destinations, as one.
    fn route_pages(
        &mut self,
        within: Option<&str>,
        owner: Option<&str>,
        limit: Option<u64>,
    ) -> Result<Value, Fault> {
        let mut rows = Vec::new();
        let mut inactive = None;
        let mut next: Option<String> = None;
        let mut left = limit.unwrap_or(u64::MAX);
        loop {
            let size = left.min(PAGE).to_string();
            let parameters = [
                ("limit", Some(size.as_str())),
                ("within", within),
                ("owner", owner),
                ("after", next.as_deref()),
            ];
            let parameters = parameters
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)));
            let mut page = self.router.get(&query("/v1/routes", parameters))?;
            if let Some(Value::Array(more)) = page.get_mut("rows").map(Value::take) {
                rows.extend(more);
            }
            // The first page has all of them.
            inactive = inactive.or_else(|| page.get_mut("inactive").map(Value::take));
            let after = page.get("next").and_then(Value::as_str).map(str::to_owned);
            left = left.saturating_sub(PAGE);
            match after {
                // A page that leads nowhere new would lead us round in circles.
                Some(after) if left > 0 && next.as_ref() != Some(&after) => next = Some(after),
                after => {
                    let mut whole = json!({ "rows": rows });
                    for (name, value) in [("next", after.map(Value::from)), ("inactive", inactive)] {
                        if let Some(value) = value {
                            whole[name] = value;
                        }
                    }
                    return Ok(whole);
                }
            }
        }
    }

    fn change(&mut self, edits: Vec<EditRequest>, change: Change) -> Result<String, Fault> {
        let request = ChangeRequest {
            edits: Some(edits),
            toml: None,
            note: change.note,
        };
        if change.plan {
            let answer = self.router.post("/v1/plan", &request)?;
            self.planned(&answer)
        } else {
            let answer = self.router.post("/v1/apply", &request)?;
            self.applied(&answer)
        }
    }

    fn diff(&mut self, other: &str) -> Result<String, Fault> {
        let answer = if other.bytes().all(|c| c.is_ascii_digit()) && !other.is_empty() {
            let revision = other
                .parse()
                .map_err(|_| Fault::Usage(format!("there is no revision {other}")))?;
            self.router.post(
                "/v1/diff",
                &DiffRequest {
                    revision: Some(revision),
                    toml: None,
                },
            )?
        } else {
            let file = FilePath::new(other);
            let request = DiffRequest {
                toml: Some(read(file)?),
                revision: None,
            };
            self.router
                .post("/v1/diff", &request)
                .map_err(|fault| in_file(fault, file))?
        };
        self.shown(&answer, render::difference)
    }

    fn autostatic(&mut self, interface: &str) -> Result<String, Fault> {
        self.router.expect_within(AUTOSTATIC);
        let answer = self
            .router
            .post(&format!("/v1/autostatic/{}", encode(interface)), &json!({}))?;
        self.either(&answer, |_, answer| {
            let answer: waypost_api::AutostaticAnswer = typed(answer)?;
            let routes = render::count(answer.routes, "autostatic route", "autostatic routes");
            Ok(format!("{interface} has {routes} now\n"))
        })
    }

    fn blocks(&mut self, blocks: Blocks) -> Result<String, Fault> {
        let container = |desk: &mut Self, interface: Option<&str>| {
            let of = interface.map(|interface| ("interface", interface));
            desk.router.get(&query("/v1/header", of))
        };
        match blocks {
            Blocks::Show { interface } => {
                let answer = container(self, interface.as_deref())?;
                self.shown(&answer, render::blocks)
            }
            Blocks::Export { file, interface } => {
                let answer = container(self, interface.as_deref())?;
                let header: HeaderAnswer = typed(&answer)?;
                let octets = hex::read(&header.hex).ok_or_else(|| {
                    Fault::refused(Refusal::new(
                        Status::ERROR_ACCESS_DENIED,
                        "the blocks may hold keys: only a user that may change the configuration may have them",
                    ))
                })?;
                files::write(&file, &octets)?;
                if file.as_os_str() == "-" {
                    return Ok(String::new());
                }
                self.either(&answer, |_, _| {
                    let blocks = render::count(header.entries.len(), "block", "blocks");
                    let octets = render::count(octets.len(), "octet", "octets");
                    Ok(format!("{}: {blocks}, {octets}\n", file.display()))
                })
            }
            Blocks::Import {
                file,
                interface,
                change,
            } => {
                let hex = hex::write(&files::read(&file)?);
                self.change(
                    vec![EditRequest::Header(HeaderRequest { interface, hex })],
                    change,
                )
                .map_err(|fault| in_container(fault, &file))
            }
        }
    }

    fn schema(&mut self, protocol: Option<&str>) -> Result<String, Fault> {
        let answer = self
            .router
            .get(&query("/v1/schema", protocol.map(|name| ("protocol", name))))?;
        self.either(&answer, |sheet, schema| {
            let terms = match protocol {
                Some(name) => vocabulary::of_protocol(name, schema),
                None => vocabulary::of_everything(schema),
            };
            Ok(render::schema(sheet, &terms))
        })
    }
}

fn typed<T: DeserializeOwned>(answer: &Value) -> Result<T, Fault> {
    T::deserialize(answer).map_err(|error| Fault::Strange(error.to_string()))
}

/// The row of this name, or the names there are.
fn named(rows: &Value, name: &str) -> Result<Value, Vec<String>> {
    let names = |row: &Value| row.get("name").and_then(Value::as_str).map(str::to_owned);
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let found = rows.iter().find(|row| names(row).as_deref() == Some(name));
    found
        .cloned()
        .ok_or_else(|| rows.iter().filter_map(names).collect())
}

fn no_such_interface(name: &str, known: &[String]) -> Fault {
    unknown(Status::ERROR_NO_SUCH_INTERFACE, "no such interface", name, known)
}

fn unknown(status: Status, what: &str, name: &str, known: &[String]) -> Fault {
    let reason = match suggestion(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("{what}; did you mean '{meant}'?"),
        None => what.to_owned(),
    };
    Fault::refused(
        Refusal::new(status, reason)
            .with_value(name)
            .with_allowed(known.join(", ")),
    )
}

/// `PATH=VALUE`; the path ends at the first equals sign outside quotes.
fn assignment(text: &str) -> Result<SetRequest, Fault> {
    let split = equals_sign(text).and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    match split {
        Some((path, value)) if !path.trim().is_empty() => {
            let (value, typed) = parse_value(value.trim());
            Ok(SetRequest {
                path: path.trim().to_owned(),
                value,
                typed: Some(typed),
            })
        }
        _ => Err(Fault::Usage(format!(
            "'{text}' is no assignment: write PATH=VALUE, such as interfaces.eth0.rip.metric=3"
        ))),
    }
}

/// Where the path of an assignment ends.
pub(crate) fn equals_sign(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '=' && !quoted).then_some(at)
    })
}

fn read(file: &FilePath) -> Result<String, Fault> {
    String::from_utf8(files::read(file)?)
        .map_err(|_| Fault::Usage(format!("{} is not UTF-8 text", files::name(file))))
}

/// Names the file in refusals that are about the container and not about what is configured.
fn in_container(fault: Fault, file: &FilePath) -> Fault {
    let Fault::Refused(refusals) = fault else {
        return fault;
    };
    let of_container = |refusal: &Refusal| {
        let first = refusal.path.split('.').next().unwrap_or_default();
        ["Version", "Size", "TocEntriesCount", "entries"].contains(&first)
    };
    let place = |refusal: Refusal| match of_container(&refusal) {
        true => {
            let path = format!("{}: {}", files::name(file), refusal.path);
            refusal.at(&path)
        }
        false => refusal,
    };
    Fault::Refused(refusals.into_iter().map(place).collect())
}

/// Names the file in refusals that are about its text and not about an option.
fn in_file(fault: Fault, file: &FilePath) -> Fault {
    let Fault::Refused(refusals) = fault else {
        return fault;
    };
    let name = files::name(file);
    let place = |refusal: Refusal| {
        if refusal.path.is_empty() && refusal.reason.starts_with("line ") {
            refusal.at(&name)
        } else {
            refusal
        }
    };
    Fault::Refused(refusals.into_iter().map(place).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments() {
        let set = |text| assignment(text).unwrap();
        assert_eq!(set("a.b=3").value, 3);
        assert_eq!(set("a.b=3").typed.as_deref(), Some("3"));
        assert_eq!(set("a.b=x=y").value, "x=y");
        assert_eq!(set("a.\"=\".b = true").path, "a.\"=\".b");
        assert_eq!(set("a.b=").value, "");
        for text in ["a.b", "=3", "", " =1", "a.\"b=3"] {
            assert_eq!(assignment(text).unwrap_err().exit_code(), 2, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_nearly_right() {
        let rows = json!([{ "name": "eth0" }, { "name": "wan" }]);
        assert_eq!(named(&rows, "wan"), Ok(json!({ "name": "wan" })));
        let known = named(&rows, "eht0").unwrap_err();
        assert_eq!(
            no_such_interface("eht0", &known).to_string(),
            "no such interface; did you mean 'eth0'?: eht0 (allowed: eth0, wan) [ERROR_NO_SUCH_INTERFACE 905]"
        );
    }
}
