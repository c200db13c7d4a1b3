//! `waypost`: the operator's command line.
//!
//! It asks the daemon over its socket and prints the answer, as text or as the JSON the text is made from. It decides
//! nothing: what is allowed, what a change would do and why a route won are the daemon's words.

mod arguments;
mod change;
mod check;
mod command;
mod completion;
mod fault;
mod files;
mod import;
mod manual;
mod module;
mod ospf;
mod page;
mod patience;
mod render;
mod router;
mod sheet;
mod table;
mod tables;
mod vocabulary;
mod watch;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use jiff::tz::TimeZone;
use serde_json::json;
use terminal_size::terminal_size;

use crate::arguments::{Arguments, When};
use crate::fault::{DONE, Fault, REFUSED, USAGE};
use crate::sheet::{Ink, Sheet};

fn main() -> ExitCode {
    completion::answer_the_shell();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help that nobody reads to its end is no failure.
            drop(error.print());
            return ExitCode::from(if error.use_stderr() { USAGE } else { DONE });
        }
    };
    let (json, when) = (arguments.json, arguments.color);
    let terminal = std::io::stdout().is_terminal();
    let sheet = Sheet {
        width: terminal_size()
            .filter(|_| terminal)
            .map(|(width, _)| width.0.into()),
        color: coloured(when, terminal),
        zone: TimeZone::system(),
    };
    let write = |text: &str| {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(Fault::Output)
    };
    let written = match command::run(&sheet, arguments) {
        Ok(text) => write(&text),
        Err(Fault::Failed(text)) => match write(&text) {
            Ok(()) => return ExitCode::from(REFUSED),
            Err(fault) => Err(fault),
        },
        Err(fault) => Err(fault),
    };
    match written {
        Ok(()) => ExitCode::from(DONE),
        // Whoever read our output has seen enough.
        Err(fault) if fault.is_closed_pipe() => ExitCode::from(DONE),
        Err(fault) => {
            let sheet = Sheet {
                color: coloured(when, std::io::stderr().is_terminal()),
                ..sheet
            };
            // With standard error closed the exit code is all there is left to say.
            drop(std::io::stderr().write_all(complaint(&sheet, &fault, json).as_bytes()));
            ExitCode::from(fault.exit_code())
        }
    }
}

/// What standard error gets: a line a cause, or with `--json` refusals as the API gives them.
fn complaint(sheet: &Sheet, fault: &Fault, json: bool) -> String {
    if let (Fault::Refused(refusals) | Fault::InFile { refusals, .. }, true) = (fault, json) {
        return format!("{:#}\n", json!({ "refusals": refusals }));
    }
    if let Fault::InFile { file, text, refusals } = fault {
        return render::in_file(sheet, file, text, refusals);
    }
    let mut text = String::new();
    for line in fault.to_string().lines() {
        text.push_str(&format!(
            "{} {}\n",
            sheet.ink(Ink::Bad, "error:"),
            sheet::printable(line)
        ));
    }
    if let Some(hint) = fault.hint() {
        text.push_str(&format!("{} {hint}\n", sheet.ink(Ink::Warning, "hint:")));
    }
    text
}

fn coloured(when: When, terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => terminal && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb"),
    }
}
