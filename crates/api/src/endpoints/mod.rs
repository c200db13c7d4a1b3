//! The table of everything the API can be asked: the server's router and the OpenAPI document are made from it.

mod configuration;
mod header;
mod history;
mod loaded;
mod policies;
pub(crate) mod show;

use std::pin::Pin;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::call::{Answer, Call};
use crate::failure::Failure;
use crate::{
    AutostaticAnswer, ChangeRequest, ConfirmRequest, CountersAnswer, DiffAnswer, DiffRequest, Explanation,
    FibReport, HeaderAnswer, InterfaceRow, Limits, LoadAnswer, LoadRequest, NeighborRow, PolicyExplanation,
    PolicyRow, ProtocolRow, RevisionRow, RollbackRequest, RoutePage, ScheduleAnswer, ScheduleRequest,
    Snapshot, StatusAnswer, feed, openapi,
};
use waypost_manager::{Applied, Plan, Scheduled};

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// How a request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// What a peer must be allowed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// A query parameter.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    /// Its JSON Schema type.
    pub(crate) kind: &'static str,
    pub(crate) description: &'static str,
}

/// The form in which an endpoint answers.
pub(crate) enum Response {
    Json(fn(&mut SchemaGenerator) -> Schema),
    Toml,
    Events(fn(&mut SchemaGenerator) -> Schema),
}

pub(crate) type Handled = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// Something the API can be asked.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    /// The name of the operation in the document.
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: &'static [Parameter],
    pub(crate) request: Option<fn(&mut SchemaGenerator) -> Schema>,
    pub(crate) response: Response,
    /// The version of the API it came with.
    pub(crate) since: &'static str,
    /// How long it may take.
    pub(crate) time: fn(&Limits) -> Duration,
    pub(crate) handler: fn(Call) -> Handled,
}

fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// A text tree, whose schema `GET /v1/schema` gives.
fn tree_schema(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "description": "A text tree; GET /v1/schema describes it." })
}

fn report_schema(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "description": "What the report consists of depends on the protocol." })
}

fn object_schema(_: &mut SchemaGenerator) -> Schema {
    schemars::json_schema!({ "type": "object" })
}

const fn usual(limits: &Limits) -> Duration {
    limits.request
}

const fn parameter(name: &'static str, kind: &'static str, description: &'static str) -> Parameter {
    Parameter {
        name,
        kind,
        description,
    }
}

/// A reading endpoint without parameters; the others say what is different.
const fn get(
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    response: Response,
    handler: fn(Call) -> Handled,
) -> Endpoint {
    Endpoint {
        method: Method::Get,
        path,
        name,
        summary,
        access: Access::Read,
        parameters: &[],
        request: None,
        response,
        since: "1.0",
        time: usual,
        handler,
    }
}

const fn post(
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    request: Option<fn(&mut SchemaGenerator) -> Schema>,
    response: Response,
    handler: fn(Call) -> Handled,
) -> Endpoint {
    Endpoint {
        method: Method::Post,
        access: Access::Write,
        request,
        ..get(path, name, summary, response, handler)
    }
}

const fn json<T: JsonSchema>() -> Response {
    Response::Json(schema_of::<T>)
}

/// Every endpoint.
pub(crate) static ENDPOINTS: &[Endpoint] = &[
    get(
        "/v1/openapi.json",
        "openapi",
        "This document.",
        Response::Json(object_schema),
        |call| Box::pin(openapi::answer(call)),
    ),
    get(
        "/v1/status",
        "status",
        "How the daemon and its protocols do.",
        json::<StatusAnswer>(),
        |call| Box::pin(show::status(call)),
    ),
    get(
        "/v1/interfaces",
        "interfaces",
        "Every interface, present or configured.",
        json::<Vec<InterfaceRow>>(),
        |call| Box::pin(show::interfaces(call)),
    ),
    get(
        "/v1/protocols",
        "protocols",
        "Every installed or configured protocol.",
        json::<Vec<ProtocolRow>>(),
        |call| Box::pin(show::protocols(call)),
    ),
    get(
        "/v1/neighbors",
        "neighbors",
        "The neighbours of all running protocols.",
        json::<Vec<NeighborRow>>(),
        |call| Box::pin(show::neighbors(call)),
    ),
    get(
        "/v1/counters",
        "counters",
        "Counters of the routing table, of every running protocol and of every interface.",
        json::<CountersAnswer>(),
        |call| Box::pin(show::counters(call)),
    ),
    get(
        "/v1/database",
        "database",
        "The protocols' own tables, by protocol.",
        json::<std::collections::BTreeMap<String, Value>>(),
        |call| Box::pin(show::database(call)),
    ),
    Endpoint {
        parameters: &[
            parameter(
                "prefix",
                "string",
                "An address or prefix: only the destination that matches it longest.",
            ),
            parameter("within", "string", "A prefix: only destinations inside it."),
            parameter("owner", "string", "A protocol: only its routes."),
            parameter(
                "after",
                "string",
                "A prefix: only destinations after it, as `next` of the page before says.",
            ),
            parameter(
                "limit",
                "integer",
                "At most this many destinations, 1..=10000; 1000 unless given.",
            ),
        ],
        ..get(
            "/v1/routes",
            "routes",
            "The routing table, a page at a time.",
            json::<RoutePage>(),
            |call| Box::pin(show::routes(call)),
        )
    },
    Endpoint {
        parameters: &[parameter(
            "limit",
            "integer",
            "At most this many destinations, 1..=10000; 100 unless given.",
        )],
        ..get(
            "/v1/fib",
            "fib",
            "What differs between the routing table, the router's view of the kernel and the kernel, which is read for it.",
            json::<FibReport>(),
            |call| Box::pin(show::fib(call)),
        )
    },
    Endpoint {
        parameters: &[
            parameter("area", "string", "An area, as an address or a number."),
            parameter("type", "string", "A type of LSA."),
            parameter("link-state-id", "string", "The identifier of LSAs."),
            parameter("router", "string", "The identifier of a router."),
            parameter("prefix", "string", "An address or prefix."),
            parameter("costs", "string", "Costs of interfaces, as eth0=50,eth1=10."),
        ],
        ..get(
            "/v1/protocols/{protocol}/reports/{report}",
            "report",
            "A report of a running protocol, of which each has its own. OSPF: interfaces, lsas, borders, graph, path, calculations, simulate.",
            Response::Json(report_schema),
            |call| Box::pin(show::report(call)),
        )
    },
    get(
        "/v1/policies",
        "policies",
        "Prefix lists and route maps, and who refers to them.",
        json::<Vec<PolicyRow>>(),
        |call| Box::pin(policies::policies(call)),
    ),
    Endpoint {
        parameters: &[
            parameter("prefix", "string", "The destination of the route. Required."),
            parameter("protocol", "string", "Whose route it is; `static` unless given."),
            parameter("metric", "integer", "Its metric, 0..=4294967295; 0 unless given."),
            parameter("tag", "integer", "Its tag, 0..=4294967295; 0 unless given."),
            parameter(
                "next-hop",
                "string",
                "The address of its next hop; none unless given.",
            ),
            parameter(
                "interface",
                "string",
                "The interface that it goes out of; none unless given.",
            ),
        ],
        ..get(
            "/v1/policies/{name}/test",
            "test-policy",
            "What a prefix list or a route map makes of a route, and why.",
            json::<PolicyExplanation>(),
            |call| Box::pin(policies::test(call)),
        )
    },
    Endpoint {
        parameters: &[parameter(
            "destination",
            "string",
            "An address or prefix. Required.",
        )],
        ..get(
            "/v1/explain",
            "explain",
            "Why packets go where they go.",
            json::<Explanation>(),
            |call| Box::pin(show::explain(call)),
        )
    },
    Endpoint {
        parameters: &[
            parameter("path", "string", "Only what is at this path."),
            parameter(
                "source",
                "string",
                "`stored`, the revision in force, unless given; `protocols`: what the running protocols say they have in force.",
            ),
        ],
        ..get(
            "/v1/config",
            "config",
            "The configuration in force. Secrets are hidden from peers that may not write.",
            Response::Json(tree_schema),
            |call| Box::pin(configuration::tree(call)),
        )
    },
    get(
        "/v1/config.toml",
        "config-toml",
        "The configuration in force as TOML. Secrets are hidden from peers that may not write.",
        Response::Toml,
        |call| Box::pin(configuration::toml(call)),
    ),
    Endpoint {
        parameters: &[parameter(
            "interface",
            "string",
            "The interface; the router as a whole unless given.",
        )],
        ..get(
            "/v1/header",
            "header",
            "The configuration in force as a container of RRAS's blocks, as the running protocols give them.",
            json::<HeaderAnswer>(),
            |call| Box::pin(header::answer(call)),
        )
    },
    Endpoint {
        parameters: &[parameter(
            "protocol",
            "string",
            "Only this protocol's part: global and on an interface.",
        )],
        ..get(
            "/v1/schema",
            "schema",
            "JSON Schema of the configuration.",
            Response::Json(object_schema),
            |call| Box::pin(configuration::schema(call)),
        )
    },
    Endpoint {
        parameters: &[parameter(
            "limit",
            "integer",
            "At most this many, 1..=10000; 100 unless given.",
        )],
        ..get(
            "/v1/revisions",
            "revisions",
            "The history of the configuration, newest first.",
            json::<Vec<RevisionRow>>(),
            |call| Box::pin(history::revisions(call)),
        )
    },
    get(
        "/v1/revisions/{revision}",
        "revision",
        "The configuration of a revision. Secrets are hidden from peers that may not write.",
        Response::Json(object_schema),
        |call| Box::pin(history::revision(call)),
    ),
    Endpoint {
        parameters: &[parameter(
            "counters",
            "boolean",
            "Every second also an event `counters` with what `GET /v1/counters` answers.",
        )],
        ..get(
            "/v1/watch",
            "watch",
            "The state now and after every change, at most five times a second.",
            Response::Events(schema_of::<Snapshot>),
            |call| Box::pin(feed::answer(call)),
        )
    },
    post(
        "/v1/plan",
        "plan",
        "What a change would do. Changes nothing.",
        Some(schema_of::<ChangeRequest>),
        json::<Plan>(),
        |call| Box::pin(configuration::plan(call)),
    ),
    post(
        "/v1/apply",
        "apply",
        "Change the configuration, all or nothing. Answered when it is in force and durable.",
        Some(schema_of::<ChangeRequest>),
        json::<Applied>(),
        |call| Box::pin(configuration::apply(call)),
    ),
    post(
        "/v1/confirm",
        "confirm",
        "Keep the change that is on trial.",
        Some(schema_of::<ConfirmRequest>),
        json::<Applied>(),
        |call| Box::pin(configuration::confirm(call)),
    ),
    get(
        "/v1/schedule",
        "scheduled",
        "Changes that wait for their time, and those that were refused when it had come.",
        json::<Vec<Scheduled>>(),
        |call| Box::pin(configuration::scheduled(call)),
    ),
    post(
        "/v1/schedule",
        "schedule",
        "Have a change made at a time. Answered when that is durable; a restart does not lose it.",
        Some(schema_of::<ScheduleRequest>),
        json::<ScheduleAnswer>(),
        |call| Box::pin(configuration::schedule(call)),
    ),
    post(
        "/v1/schedule/{id}/cancel",
        "cancel",
        "Take away a change that waits for its time, or was refused.",
        None,
        json::<Scheduled>(),
        |call| Box::pin(configuration::cancel(call)),
    ),
    post(
        "/v1/reload",
        "reload",
        "Make the file that the daemon was started with the configuration again, as SIGHUP does.",
        None,
        json::<Applied>(),
        |call| Box::pin(configuration::reload(call)),
    ),
    post(
        "/v1/routes/load",
        "load-routes",
        "Put routes into the table that are not configuration. All lines or none; gone when the daemon ends.",
        Some(schema_of::<LoadRequest>),
        json::<LoadAnswer>(),
        |call| Box::pin(loaded::load(call)),
    ),
    post(
        "/v1/routes/unload",
        "unload-routes",
        "Take all of those out again.",
        None,
        json::<LoadAnswer>(),
        |call| Box::pin(loaded::unload(call)),
    ),
    Endpoint {
        access: Access::Read,
        ..post(
            "/v1/diff",
            "diff",
            "What differs between the configuration in force and another one.",
            Some(schema_of::<DiffRequest>),
            json::<DiffAnswer>(),
            |call| Box::pin(history::diff(call)),
        )
    },
    post(
        "/v1/rollback",
        "rollback",
        "Make an earlier revision the configuration in force, or take back what is on trial, or say what that would do.",
        Some(schema_of::<RollbackRequest>),
        json::<Applied>(),
        |call| Box::pin(history::rollback(call)),
    ),
    Endpoint {
        time: |limits| limits.autostatic,
        ..post(
            "/v1/autostatic/{interface}",
            "autostatic",
            "Ask the neighbours on an interface for their routes and keep them as static ones.",
            None,
            json::<AutostaticAnswer>(),
            |call| Box::pin(show::autostatic(call)),
        )
    },
];
