//! Configuration: reading, planning, applying.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use waypost_infobase::Tree;
use waypost_manager::{Configuration, Edit, Path, Terms, redact};
use waypost_routprot::{Refusal, Scope, suggestion};

use super::HIDDEN;
use crate::call::{Answer, Call, spread};
use crate::failure::Failure;
use crate::{
    ChangeRequest, ConfirmRequest, EditRequest, ScheduleAnswer, ScheduleRequest, parse_toml, write_toml,
};

/// Trees of more blocks than this are turned into text where they hold nobody up.
const HEAVY: usize = 200;

pub(super) async fn tree(call: Call) -> Result<Answer, Failure> {
    let path = call
        .query
        .get("path")
        .map_or_else(|| Ok(Path::default()), |path| path.parse::<Path>())?;
    match call.query.get("source").map(String::as_str) {
        None | Some("stored") => {
            let (configuration, tree) = call.in_force().await?;
            let text = text_for(&call, configuration.clone(), tree).await?;
            let found = at(text.clone(), &path);
            Answer::json(&found.map_err(|refusal| unset(&configuration, &text, &path).unwrap_or(refusal))?)
        }
        Some("protocols") => {
            let (configuration, tree) = call
                .api
                .manage(|manager, _, _| (manager.configuration().clone(), manager.tree_of_protocols()))
                .await?;
            Answer::json(&at(text_for(&call, configuration, tree?).await?, &path)?)
        }
        Some(other) => {
            let reason = "the query parameter 'source' has no such value";
            Err(Refusal::invalid(reason)
                .with_value(other)
                .with_allowed("stored, protocols")
                .into())
        }
    }
}

/// What is to be said of an option that is not configured: what holds instead.
fn unset(configuration: &Configuration, text: &Value, path: &Path) -> Option<Refusal> {
    let parts = path.parts();
    let id = |name: &str| {
        configuration
            .protocols()
            .find(|(_, known)| *known == name)
            .map(|(id, _)| id)
    };
    let schema = match parts.as_slice() {
        ["router", _] => configuration.schema(None).pointer("/properties/router")?.clone(),
        ["protocols", name, _] => configuration.codec(id(name)?)?.schema(Scope::Global),
        ["interfaces", _, name, _] => configuration.codec(id(name)?)?.schema(Scope::Interface),
        _ => return None,
    };
    let (option, table) = parts.split_last()?;
    let known = schema.get("properties")?.as_object()?;
    let not_found = |reason: String| Failure::not_found(reason).at(&path.to_string());
    let Some(member) = known.get(*option) else {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let refusal = not_found(match suggestion(option, names.iter().copied()) {
            Some(meant) => format!("unknown option; did you mean '{meant}'?"),
            None => "unknown option".to_owned(),
        });
        return Some(refusal.with_allowed(names.join(", ")));
    };
    // An option of the protocol as a whole is the default of the interfaces' option of the same name.
    if let ["interfaces", _, name] = table
        && let Some(value) = text.get("protocols").and_then(|all| all.get(name)?.get(*option))
    {
        let general = Path::new(["protocols", name, option]);
        return Some(not_found(format!(
            "not configured here; what {general} says holds: {value}"
        )));
    }
    let described = member.get("description")?.as_str()?.replace('\n', " ");
    let (_, default) = described.rsplit_once("Default")?;
    let default = default
        .trim_start_matches(':')
        .trim()
        .trim_end_matches('.')
        .replace('`', "");
    Some(not_found(format!("not configured; the default is {default}")))
}

pub(super) async fn toml(call: Call) -> Result<Answer, Failure> {
    let text = text_in_force(&call).await?;
    Ok(Answer::Toml(write_toml(&text)?))
}

/// The configuration in force, as far as the peer may see it.
async fn text_in_force(call: &Call) -> Result<Value, Failure> {
    let (configuration, tree) = call.in_force().await?;
    text_for(call, configuration, tree).await
}

/// Blocks as a text tree, as far as the peer may see it.
pub(super) async fn text_for(
    call: &Call,
    configuration: Configuration,
    tree: Tree,
) -> Result<Value, Failure> {
    let may_write = call.peer.may_write;
    let text = spread(tree.len() > HEAVY, move || {
        let mut text = configuration.text_of(&tree)?;
        if !may_write {
            redact(&mut text);
        }
        Ok::<_, Refusal>(text)
    });
    Ok(text.await??)
}

/// What is at a path of a text tree.
fn at(mut text: Value, path: &Path) -> Result<Value, Refusal> {
    let mut here = &mut text;
    for part in path.parts() {
        let Some(table) = here.as_object_mut() else {
            return Err(Failure::not_found("there is nothing inside an option").at(&path.to_string()));
        };
        if !table.contains_key(part) {
            let names: Vec<&str> = table.keys().map(String::as_str).collect();
            let reason = match suggestion(part, names.iter().copied()) {
                Some(meant) => format!("nothing is configured here; did you mean '{meant}'?"),
                None => "nothing is configured here".to_owned(),
            };
            let refusal = Failure::not_found(reason).at(&path.to_string()).with_value(part);
            return Err(if names.is_empty() {
                refusal
            } else {
                refusal.with_allowed(names.join(", "))
            });
        }
        // INVARIANT: the key is there, so nothing is inserted.
        here = table.entry(part).or_insert(Value::Null);
    }
    Ok(here.take())
}

pub(super) async fn schema(call: Call) -> Result<Answer, Failure> {
    let configuration = call
        .api
        .manage(|manager, _, _| manager.configuration().clone())
        .await?;
    let protocol = match call.query.get("protocol") {
        None => None,
        Some(name) => {
            let known: Vec<(_, &str)> = configuration.protocols().collect();
            let found = known.iter().find(|(_, known)| known == name);
            let names = || known.iter().map(|(_, name)| *name);
            let id = found.map(|(id, _)| *id).ok_or_else(|| {
                let reason = match suggestion(name, names()) {
                    Some(meant) => format!("no such protocol; did you mean '{meant}'?"),
                    None => "no such protocol".to_owned(),
                };
                let allowed: Vec<&str> = names().collect();
                Failure::not_found(reason)
                    .with_value(name)
                    .with_allowed(allowed.join(", "))
            })?;
            Some(id)
        }
    };
    Answer::json(&configuration.schema(protocol))
}

pub(super) async fn plan(call: Call) -> Result<Answer, Failure> {
    let (edits, _) = edits(call.body::<ChangeRequest>().await?).await?;
    let plan = call.api.manage(move |manager, _, _| manager.plan(&edits));
    Answer::json(&plan.await??)
}

pub(super) async fn apply(call: Call) -> Result<Answer, Failure> {
    let (edits, request) = edits(call.body::<ChangeRequest>().await?).await?;
    let terms = terms(&request);
    let author = call.author(request.note).await?;
    let applied = call
        .api
        .manage(move |manager, now, wall| manager.apply_on(now, wall, &edits, &author, &terms));
    Answer::json(&applied.await??)
}

pub(super) async fn confirm(call: Call) -> Result<Answer, Failure> {
    let revision = call.body::<ConfirmRequest>().await?.revision;
    let author = call.author(None).await?;
    let kept = call
        .api
        .manage(move |manager, _, _| manager.keep(revision, &author));
    Answer::json(&kept.await??)
}

pub(super) async fn reload(call: Call) -> Result<Answer, Failure> {
    let (reply, answer) = oneshot::channel();
    call.api
        .daemon
        .reload(Box::new(move |result| drop(reply.send(result))));
    Answer::json(&answer.await.map_err(|_| Failure::stopped())??)
}

fn terms(request: &ChangeRequest) -> Terms {
    Terms {
        confirm_within: request.confirm_within.map(Duration::from_secs),
        seen: request.revision,
    }
}

pub(super) async fn schedule(call: Call) -> Result<Answer, Failure> {
    let ScheduleRequest { at, change } = call.body().await?;
    let (edits, request) = edits(change).await?;
    let terms = terms(&request);
    let author = call.author(request.note).await?;
    let ordered = call
        .api
        .manage(move |manager, now, wall| manager.schedule(now, wall, at, edits, &author, &terms));
    let (scheduled, plan) = ordered.await??;
    Answer::json(&ScheduleAnswer { scheduled, plan })
}

pub(super) async fn scheduled(call: Call) -> Result<Answer, Failure> {
    let rows = call.api.manage(|manager, _, _| manager.scheduled());
    Answer::json(&rows.await?)
}

pub(super) async fn cancel(call: Call) -> Result<Answer, Failure> {
    let text = call.part("id");
    let id = text
        .parse()
        .map_err(|_| Refusal::invalid("not the number of a change").with_value(text))?;
    let cancelled = call
        .api
        .manage(move |manager, now, wall| manager.cancel(now, wall, id));
    Answer::json(&cancelled.await??)
}

/// The edits of a request, and the rest of it.
async fn edits(mut request: ChangeRequest) -> Result<(Vec<Edit>, ChangeRequest), Failure> {
    let edits = match (request.edits.take(), request.toml.take()) {
        (Some(edits), None) => edits.into_iter().map(edit).collect::<Result<Vec<_>, _>>()?,
        (None, Some(text)) => vec![Edit::Replace(read_toml(text).await?)],
        _ => return Err(Refusal::invalid("give either 'edits' or 'toml'").into()),
    };
    for edit in &edits {
        refuse_hidden(edit)?;
    }
    Ok((edits, request))
}

/// TOML text as a text tree.
pub(super) async fn read_toml(text: String) -> Result<Value, Failure> {
    Ok(spread(text.len() > 64 * 1024, move || parse_toml(&text)).await??)
}

fn edit(request: EditRequest) -> Result<Edit, Refusal> {
    Ok(match request {
        EditRequest::Set(set) => Edit::Set {
            path: set.path.parse()?,
            value: set.value,
            typed: set.typed,
        },
        EditRequest::Unset(path) => Edit::Unset(path.parse()?),
        EditRequest::Replace(tree) => Edit::Replace(tree),
        EditRequest::Merge(tree) => Edit::Merge(tree),
        EditRequest::Header(request) => super::header::edit(request)?,
    })
}

/// Refuses configuration that was read by someone who may not see secrets: it would set them all to the same word.
fn refuse_hidden(edit: &Edit) -> Result<(), Refusal> {
    let (path, value) = match edit {
        Edit::Set { path, value, .. } => (path.clone(), value),
        Edit::Replace(value) | Edit::Merge(value) => (Path::default(), value),
        _ => return Ok(()),
    };
    match hidden(&path, value) {
        Some(path) => Err(Refusal::invalid(
            "this stands where a secret was hidden; read the configuration as a user that may change it",
        )
        .at(&path.to_string())
        .with_value(HIDDEN)),
        None => Ok(()),
    }
}

fn hidden(path: &Path, value: &Value) -> Option<Path> {
    match value {
        Value::Object(table) => table
            .iter()
            .find_map(|(name, value)| hidden(&path.join(name), value)),
        Value::Array(values) => values.iter().find_map(|value| hidden(path, value)),
        Value::String(text) if text == HIDDEN => {
            // Whether something of this name is a secret is for the manager to say.
            let name = path.parts().last().copied().unwrap_or_default();
            let mut probe = json!({ name: "" });
            redact(&mut probe);
            (probe[name] == HIDDEN).then(|| path.clone())
        }
        _ => None,
    }
}
