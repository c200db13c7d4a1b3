//! Commands that change the configuration, say what a change would do, or go through its history.

mod assignment;
mod difference;
mod edit;
mod schedule;
mod three_way;

use std::path::Path as FilePath;

use serde::Serialize;
use serde_json::Value;
use waypost_api::{ChangeRequest, ConfirmRequest, EditRequest, RollbackRequest};
use waypost_manager::{Applied, Plan};
use waypost_routprot::{Refusal, Status};

use crate::arguments::Change;
use crate::command::Desk;
use crate::fault::Fault;
use crate::patience::Patience;
use crate::{files, render};

pub(crate) use assignment::{assignment, equals_sign};
pub(crate) use difference::diff;
pub(crate) use edit::edit;
pub(crate) use schedule::cancel;
#[cfg(test)]
pub(crate) use three_way::Row;
pub(crate) use three_way::ThreeWay;

/// Edits as one change, or the plan of it.
pub(crate) fn edits(desk: &mut Desk<'_>, edits: Vec<EditRequest>, change: Change) -> Result<String, Fault> {
    let request = ChangeRequest {
        edits: Some(edits),
        note: change.terms.note,
        confirm_within: change.terms.confirm_within,
        ..ChangeRequest::default()
    };
    plan_or_apply(desk, change.plan, change.at.as_deref(), &request)
}

/// A file as the whole configuration, or the plan of it.
pub(crate) fn file(
    desk: &mut Desk<'_>,
    file: &FilePath,
    change: Change,
    if_revision: Option<u64>,
) -> Result<String, Fault> {
    let toml = read(file)?;
    let request = ChangeRequest {
        toml: Some(toml.clone()),
        note: change.terms.note,
        confirm_within: change.terms.confirm_within,
        revision: if_revision,
        ..ChangeRequest::default()
    };
    let fault = match plan_or_apply(desk, change.plan, change.at.as_deref(), &request) {
        Ok(text) => return Ok(text),
        Err(fault) if is_outrun(&fault) => fault,
        Err(fault) => in_file(fault, file, &toml),
    };
    match if_revision {
        Some(base) if !desk.json && is_outrun(&fault) => {
            let view = three_way::look(desk, base, &toml)?;
            Err(Fault::Failed(format!(
                "{}nothing was changed: {fault}\n",
                view.text(desk.sheet)
            )))
        }
        _ => Err(fault),
    }
}

/// Keeps what is on trial.
pub(crate) fn confirm(desk: &mut Desk<'_>, revision: Option<u64>) -> Result<String, Fault> {
    let answer = desk.router.post("/v1/confirm", &ConfirmRequest { revision })?;
    desk.shown(&answer, render::kept)
}

/// An earlier revision, or what was in force before the trial, or the plan of it.
pub(crate) fn rollback(desk: &mut Desk<'_>, revision: Option<u64>, change: Change) -> Result<String, Fault> {
    let Change { plan, at, terms } = change;
    if at.is_some() {
        return Err(Fault::Usage(
            "a rollback can not wait for its time: apply that revision as a file".to_owned(),
        ));
    }
    let request = RollbackRequest {
        revision,
        confirm_within: terms.confirm_within,
        note: terms.note,
        plan,
    };
    if revision.is_none() && terms.confirm_within.is_some() {
        return Err(Fault::Usage(
            "to take back what is on trial is not put on trial: name a revision".to_owned(),
        ));
    }
    let answer = worked_on(desk, "/v1/rollback", &request)?;
    if plan {
        planned(desk, &answer)
    } else {
        applied(desk, &answer)
    }
}

/// Has the daemon read its file again.
pub(crate) fn reload(desk: &mut Desk<'_>) -> Result<String, Fault> {
    let answer = worked_on(desk, "/v1/reload", &serde_json::json!({}))?;
    applied(desk, &answer)
}

fn plan_or_apply(
    desk: &mut Desk<'_>,
    plan: bool,
    at: Option<&str>,
    request: &ChangeRequest,
) -> Result<String, Fault> {
    if let Some(at) = at {
        return schedule::order(desk, at, request);
    }
    if plan {
        let answer = worked_on(desk, "/v1/plan", request)?;
        planned(desk, &answer)
    } else {
        let answer = worked_on(desk, "/v1/apply", request)?;
        applied(desk, &answer)
    }
}

/// The answer to a request that may take a while.
fn worked_on(desk: &mut Desk<'_>, path: &str, request: &impl Serialize) -> Result<Value, Fault> {
    let _line = Patience::while_working("the router is at work");
    desk.router.post(path, request)
}

fn planned(desk: &Desk<'_>, answer: &Value) -> Result<String, Fault> {
    desk.shown(answer, |sheet, plan: &Plan| render::plan(sheet, plan))
}

fn applied(desk: &Desk<'_>, answer: &Value) -> Result<String, Fault> {
    desk.shown(answer, |sheet, applied: &Applied| render::applied(sheet, applied))
}

/// Whether a change was refused because somebody else made one first.
fn is_outrun(fault: &Fault) -> bool {
    let outrun = |refusal: &Refusal| refusal.status == Status::ERROR_REVISION_MISMATCH;
    matches!(fault, Fault::Refused(refusals) if refusals.iter().any(outrun))
}

/// A configuration in a file.
pub(crate) fn read(file: &FilePath) -> Result<String, Fault> {
    String::from_utf8(files::read(file)?)
        .map_err(|_| Fault::Usage(format!("{} is not UTF-8 text", files::name(file))))
}

/// Refusals of what a file says.
pub(crate) fn in_file(fault: Fault, file: &FilePath, text: &str) -> Fault {
    match fault {
        Fault::Refused(refusals) => Fault::InFile {
            file: files::name(file).into_owned(),
            text: text.to_owned(),
            refusals,
        },
        fault => fault,
    }
}
