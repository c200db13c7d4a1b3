//! What each command asks the daemon and how its answer is shown.

use std::path::Path as FilePath;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use waypost_api::client::{encode, query};
use waypost_api::hex;
use waypost_api::{
    EditRequest, Explanation, HeaderAnswer, HeaderRequest, InterfaceRow, NeighborRow, PolicyExplanation,
    PolicyRow, ProtocolRow, RouteRow, StatusAnswer,
};
use waypost_manager::Path;
use waypost_routprot::{Refusal, Status, suggestion};
use waypost_types::ProtocolId;

use crate::arguments::{Arguments, Autostatic, Blocks, Change, Command, Policy, Show, Terms};
use crate::change::{self, assignment};
use crate::fault::Fault;
use crate::router::Router;
use crate::sheet::Sheet;
use crate::{check, files, import, manual, module, ospf, page, render, tables, vocabulary, watch};

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
        timeout: arguments.timeout.map(Duration::from_secs),
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
            change::edits(&mut desk, edits, change)
        }
        Command::Unset { paths, change } => change::edits(
            &mut desk,
            paths.into_iter().map(EditRequest::Unset).collect(),
            change,
        ),
        Command::Edit { yes, terms } => change::edit(&mut desk, yes, &terms),
        Command::Plan { file } => {
            let change = Change {
                plan: true,
                at: None,
                terms: Terms::default(),
            };
            change::file(&mut desk, &file, change, None)
        }
        Command::Apply {
            file,
            change,
            if_revision,
        } => change::file(&mut desk, &file, change, if_revision),
        Command::Check { file, modules } => check::check(&file, modules.as_deref(), desk.json),
        Command::Cancel { id } => change::cancel(&mut desk, id),
        Command::Import {
            make,
            file,
            addresses,
        } => import::import(&desk, make, &file, addresses.as_deref()),
        Command::Reload => change::reload(&mut desk),
        Command::Confirm { revision } => change::confirm(&mut desk, revision),
        Command::Diff { first, second } => change::diff(&mut desk, &first, second.as_deref()),
        Command::Rollback { revision, change } => change::rollback(&mut desk, revision, change),
        Command::Explain { prefix } => desk.explain(&prefix),
        Command::Watch => watch::watch(sheet, desk.router, desk.json).map(|()| String::new()),
        Command::Page => {
            let url = page::url(&arguments.socket)?;
            desk.either(&json!({ "url": url }), |_, _| Ok(format!("{url}\n")))
        }
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
pub(crate) struct Desk<'s> {
    pub(crate) router: Router,
    pub(crate) sheet: &'s Sheet,
    pub(crate) json: bool,
    /// How long answers are waited for, if the operator has said it.
    pub(crate) timeout: Option<Duration>,
}

impl Desk<'_> {
    /// The answer as JSON, or as what `text` makes of it.
    pub(crate) fn either(
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
    pub(crate) fn shown<T: DeserializeOwned>(
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
                let status: StatusAnswer = typed(&self.router.get("/v1/status")?)?;
                let answer = self
                    .router
                    .get(&query("/v1/revisions", [("limit", limit.to_string().as_str())]))?;
                self.shown(&answer, |sheet, rows: &Vec<_>| {
                    render::revisions(sheet, rows, status.trial.as_ref())
                })
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
            Show::Schedule => {
                let answer = self.router.get("/v1/schedule")?;
                self.shown(&answer, |sheet, rows: &Vec<_>| render::schedule(sheet, rows))
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
                change::edits(
                    self,
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

pub(crate) fn typed<T: DeserializeOwned>(answer: &Value) -> Result<T, Fault> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
