//! `waypost diff`: between files, revisions, what is in force, and other routers.

use std::path::Path as FilePath;

use waypost_api::DiffRequest;

use super::{in_file, read};
use crate::command::Desk;
use crate::fault::Fault;
use crate::render;
use crate::router::Router;

/// What stands for the configuration in force.
const RUNNING: &str = "running";
/// What stands before the socket of another router.
const ROUTER: &str = "unix:";

/// A configuration, as it is named on the command line.
enum Side<'w> {
    Running,
    Revision(u64),
    /// TOML, and the file it is from.
    Text(String, Option<&'w FilePath>),
}

impl<'w> Side<'w> {
    fn named(desk: &Desk<'_>, word: &'w str) -> Result<Self, Fault> {
        if word == RUNNING {
            return Ok(Self::Running);
        }
        if let Some(socket) = word.strip_prefix(ROUTER) {
            let mut other = Router::at(FilePath::new(socket)).within(desk.timeout);
            return Ok(Self::Text(other.text("/v1/config.toml")?, None));
        }
        if word.bytes().all(|c| c.is_ascii_digit()) && !word.is_empty() {
            let number = word
                .parse()
                .map_err(|_| Fault::Usage(format!("there is no revision {word}")))?;
            return Ok(Self::Revision(number));
        }
        let file = FilePath::new(word);
        Ok(Self::Text(read(file)?, Some(file)))
    }
}

/// How two configurations differ; the first is what is in force if only one is named.
pub(crate) fn diff(desk: &mut Desk<'_>, first: &str, second: Option<&str>) -> Result<String, Fault> {
    let (old, new) = match second {
        None => (RUNNING, first),
        Some(second) => (first, second),
    };
    let (old, new) = (Side::named(desk, old)?, Side::named(desk, new)?);
    let mut request = DiffRequest::default();
    let mut files: Vec<(&FilePath, String)> = Vec::new();
    match old {
        Side::Running => {}
        Side::Revision(number) => request.from_revision = Some(number),
        Side::Text(text, file) => {
            files.extend(file.map(|file| (file, text.clone())));
            request.from_toml = Some(text);
        }
    }
    match new {
        Side::Running => {}
        Side::Revision(number) => request.revision = Some(number),
        Side::Text(text, file) => {
            files.extend(file.map(|file| (file, text.clone())));
            request.toml = Some(text);
        }
    }
    if request == DiffRequest::default() {
        return Err(Fault::Usage(
            "what is in force does not differ from itself: name another configuration".to_owned(),
        ));
    }
    let answer = desk
        .router
        .post("/v1/diff", &request)
        .map_err(|fault| match files.as_slice() {
            [(file, text)] => in_file(fault, file, text),
            // Which of two files it was, their lines do not tell.
            _ => fault,
        })?;
    desk.shown(&answer, render::difference)
}
