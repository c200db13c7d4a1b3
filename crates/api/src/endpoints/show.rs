//! The state of the router.

use serde_json::{Value, json};
use tokio::sync::oneshot;
use waypost_manager::Trouble;
use waypost_routprot::{Refusal, Topic};
use waypost_types::Prefix;

use crate::call::{Answer, Api, Call, spread};
use crate::failure::Failure;
use crate::routes::{self, MAX_PAGE, covers};
use crate::{
    AutostaticAnswer, Destination, FibReport, InactiveRow, PageQuery, RevisionRow, RouteAnswer, RouteQuery,
    StatusAnswer,
};

pub(super) const PREFIX: &str = "a prefix such as 10.0.0.0/8 or 2001:db8::/32";
const DESTINATION: &str = "an address or a prefix such as 192.0.2.1 or 10.0.0.0/8";

pub(super) async fn status(call: Call) -> Result<Answer, Failure> {
    let mut daemon = call.api.daemon.status();
    let may_write = call.peer.may_write;
    let answer = call.api.manage(move |manager, _, wall| {
        daemon.warnings.extend(warnings(&manager.troubles()));
        let revision = manager.revisions(1)?.into_iter().next();
        let rows = manager.show_protocols();
        let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
        Ok::<_, Refusal>(StatusAnswer {
            daemon,
            router_id: manager.router_id(),
            revision: revision.map(RevisionRow::from),
            protocols: rows
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|row| Some((text(row, "name")?, text(row, "state")?)))
                .collect(),
            interfaces: manager.interfaces().iter().count(),
            trial: manager.on_trial(wall),
            may_write,
        })
    });
    Answer::json(&answer.await??)
}

/// So many troubles are told in full by `status`; a machine can have thousands of one kind.
const TOLD: usize = 5;

fn warnings(troubles: &[Trouble]) -> Vec<String> {
    let mut warnings: Vec<String> = troubles.iter().take(TOLD).map(Trouble::to_string).collect();
    if let Some(more) = troubles.len().checked_sub(TOLD).filter(|more| *more > 0) {
        warnings.push(format!(
            "and {more} more interfaces on which a protocol does not work; /v1/protocols lists them"
        ));
    }
    warnings
}

pub(super) async fn interfaces(call: Call) -> Result<Answer, Failure> {
    let rows = call.api.manage(|manager, _, _| manager.show_interfaces());
    Answer::json(&rows.await?)
}

pub(super) async fn protocols(call: Call) -> Result<Answer, Failure> {
    let rows = call.api.manage(|manager, _, _| manager.show_protocols());
    Answer::json(&rows.await?)
}

pub(super) async fn neighbors(call: Call) -> Result<Answer, Failure> {
    let rows = call
        .api
        .manage(|manager, _, _| manager.show_rows(Topic::Neighbors));
    Answer::json(&rows.await?)
}

pub(super) async fn counters(call: Call) -> Result<Answer, Failure> {
    Answer::json(&all_counters(&call.api).await?)
}

/// The answer of `GET /v1/counters`.
pub(crate) async fn all_counters(api: &Api) -> Result<Value, Failure> {
    let RouteAnswer::Counters(routes) = api.routes(RouteQuery::Counters).await? else {
        return Err(another_question());
    };
    let protocols = api.manage(|manager, _, _| manager.show_by_protocol(Topic::Counters));
    let protocols = protocols.await?;
    let daemon = api.daemon.clone();
    let interfaces = spread(true, move || daemon.link_counters()).await?;
    let interfaces = interfaces
        .map_err(|error| Refusal::failed(format!("the kernel does not say what went through: {error}")))?;
    Ok(json!({ "routes": routes, "protocols": protocols, "interfaces": interfaces }))
}

pub(super) async fn database(call: Call) -> Result<Answer, Failure> {
    let tables = call
        .api
        .manage(|manager, _, _| manager.show_by_protocol(Topic::Database));
    Answer::json(&tables.await?)
}

pub(super) async fn report(call: Call) -> Result<Answer, Failure> {
    let (protocol, name) = (call.part("protocol").to_owned(), call.part("report").to_owned());
    let arguments = call.query.clone();
    let report = call
        .api
        .manage(move |manager, _, _| manager.report(&protocol, &name, &arguments));
    Answer::json(&report.await??)
}

pub(super) async fn routes(call: Call) -> Result<Answer, Failure> {
    let query = match call.parameter::<Destination>("prefix", DESTINATION)? {
        Some(destination) => {
            if let Some(other) = call.query.keys().find(|name| *name != "prefix") {
                let reason = format!("'{other}' does not go together with 'prefix'");
                return Err(Refusal::invalid(reason).into());
            }
            RouteQuery::Lookup(destination)
        }
        None => RouteQuery::Page(PageQuery {
            after: call.parameter::<Prefix>("after", PREFIX)?,
            limit: limit(&call, 1000)?,
            owner: source(&call, "owner")?,
            within: call.parameter::<Prefix>("within", PREFIX)?,
        }),
    };
    let shown = match &query {
        RouteQuery::Lookup(destination) => Some(Shown::Above(destination.prefix())),
        RouteQuery::Page(page) if page.after.is_none() => Some(Shown::Inside(page.within, page.owner)),
        _ => None,
    };
    match call.api.routes(query).await? {
        RouteAnswer::Page(mut page) => {
            if let Some(shown) = shown {
                page.inactive = inactive(&call, shown).await?;
            }
            Answer::json(&page)
        }
        _ => Err(another_question()),
    }
}

/// Which inactive routes are to be shown.
#[derive(Clone, Copy)]
enum Shown {
    /// Those to the prefix or to one that it is in.
    Above(Prefix),
    /// Those inside a prefix, and of an owner.
    Inside(Option<Prefix>, Option<waypost_types::ProtocolId>),
}

async fn inactive(call: &Call, shown: Shown) -> Result<Vec<InactiveRow>, Failure> {
    let mut rows: Vec<InactiveRow> = call
        .api
        .manage(|manager, _, _| {
            manager
                .inactive_routes()
                .into_iter()
                .map(InactiveRow::from)
                .collect()
        })
        .await?;
    rows.retain(|row| match shown {
        Shown::Above(prefix) => covers(row.prefix, prefix),
        Shown::Inside(within, owner) => {
            within.is_none_or(|within| covers(within, row.prefix))
                && owner.is_none_or(|owner| row.owner == owner)
        }
    });
    Ok(rows)
}

/// A parameter that names a source of routes.
pub(super) fn source(call: &Call, parameter: &str) -> Result<Option<waypost_types::ProtocolId>, Refusal> {
    let Some(text) = call.query.get(parameter) else {
        return Ok(None);
    };
    routes::owner(text).map(Some).ok_or_else(|| {
        Refusal::invalid("no such route owner")
            .with_value(text)
            .with_allowed(
                "connected, netmgmt, rip, ospf, bgp, autostatic, static, static-non-dod or a number",
            )
    })
}

/// The `limit` parameter.
pub(super) fn limit(call: &Call, default: usize) -> Result<usize, Refusal> {
    let allowed = format!("1..={MAX_PAGE}");
    match call.parameter::<usize>("limit", &allowed)? {
        None => Ok(default),
        Some(limit) if (1..=MAX_PAGE).contains(&limit) => Ok(limit),
        Some(limit) => Err(Refusal::invalid("the query parameter 'limit' is out of range")
            .with_value(limit)
            .with_allowed(allowed)),
    }
}

pub(super) async fn fib(call: Call) -> Result<Answer, Failure> {
    let limit = limit(&call, 100)?;
    let (reply, answer) = oneshot::channel();
    let done = move |report: FibReport| drop(reply.send(report));
    call.api.daemon.fib(limit, Box::new(done));
    Answer::json(&answer.await.map_err(|_| Failure::stopped())?)
}

pub(super) async fn explain(call: Call) -> Result<Answer, Failure> {
    let destination = call
        .parameter::<Destination>("destination", DESTINATION)?
        .ok_or_else(|| {
            Refusal::invalid("the query parameter 'destination' is missing").with_allowed(DESTINATION)
        })?;
    match call.api.routes(RouteQuery::Explain(destination)).await? {
        RouteAnswer::Explanation(mut explanation) => {
            explanation.inactive = inactive(&call, Shown::Above(destination.prefix())).await?;
            Answer::json(&explanation)
        }
        _ => Err(another_question()),
    }
}

/// The daemon broke the contract of [`RouteQuery`].
fn another_question() -> Failure {
    Refusal::failed("the routing table answered another question").into()
}

pub(super) async fn autostatic(call: Call) -> Result<Answer, Failure> {
    let author = call.author(None).await?;
    let interface = call.part("interface").to_owned();
    let (reply, answer) = oneshot::channel();
    let begun = call.api.manage(move |manager, now, _| {
        manager.update_autostatic(now, &interface, &author, move |result| drop(reply.send(result)));
    });
    begun.await?;
    let routes = answer.await.map_err(|_| Failure::stopped())??;
    Answer::json(&AutostaticAnswer { routes })
}
