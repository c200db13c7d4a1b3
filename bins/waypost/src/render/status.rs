//! `show status`.

use waypost_api::{Phase, StatusAnswer};

use super::history::way_back;
use super::listing;
use super::units::{count, span};
use crate::sheet::{Ink, Sheet};
use crate::table::Cell;

/// The router at a glance; what needs attention comes last, where the eye is.
pub(crate) fn status(sheet: &Sheet, status: &StatusAnswer) -> String {
    let daemon = &status.daemon;
    let phase = match daemon.phase {
        Phase::Starting => {
            Cell::from("starting: stray kernel routes are kept until protocols have converged")
                .ink(Ink::Warning)
        }
        Phase::Running => Cell::from("running").ink(Ink::Good),
        Phase::Stopping => Cell::from("stopping").ink(Ink::Warning),
    };
    let router_id = match &status.router_id {
        Some(id) => Cell::from(id),
        None => {
            Cell::from("none: no interface has an IPv4 address, and router.id is not set").ink(Ink::Warning)
        }
    };
    let revision = match &status.revision {
        None => "none yet".to_owned(),
        Some(row) => format!("{} by {}, {}", row.number, row.author, sheet.date(row.time)),
    };
    let trial = status.trial.as_ref();
    let trial = trial.map(|trial| ("trial", Cell::from(way_back(trial)).ink(Ink::Warning)));
    let protocols: Vec<String> = status
        .protocols
        .iter()
        .map(|(name, state)| format!("{name} {state}"))
        .collect();
    let mut text = listing(
        sheet,
        [
            ("state", phase),
            ("router id", router_id),
            ("revision", revision.into()),
        ]
        .into_iter()
        .chain(trial)
        .chain([
            ("interfaces", status.interfaces.into()),
            (
                "protocols",
                if protocols.is_empty() {
                    "none".into()
                } else {
                    protocols.join(", ").into()
                },
            ),
            ("uptime", span(daemon.uptime_seconds).into()),
            (
                "version",
                format!("waypostd {}, process {}", daemon.version, daemon.pid).into(),
            ),
            ("infobase", (&daemon.infobase).into()),
            (
                "you may",
                if status.may_write {
                    "read and change"
                } else {
                    "read; secrets are hidden"
                }
                .into(),
            ),
        ]),
    );
    if !daemon.warnings.is_empty() {
        text.push('\n');
        text.push_str(&sheet.ink(Ink::Warning, &count(daemon.warnings.len(), "warning", "warnings")));
        text.push('\n');
        for warning in &daemon.warnings {
            text.push_str(&crate::table::item(sheet, 2, warning));
        }
    }
    text
}
