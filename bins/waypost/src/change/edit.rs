//! `waypost edit`: the configuration in an editor, its plan, a question, and the change.

use std::fs::OpenOptions;
use std::io::{BufRead, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use waypost_api::{ChangeRequest, StatusAnswer};
use waypost_manager::Plan;
use waypost_routprot::{Refusal, Status};

use super::three_way::{self, ThreeWay};
use super::{applied, is_outrun, worked_on};
use crate::arguments::Terms;
use crate::command::{Desk, typed};
use crate::fault::Fault;
use crate::{files, render};

/// What stands at the top of the file.
const HEADER: &str = "\
# The configuration of the router. Save it and leave the editor: what would change is shown, and nothing is applied
# before you say so. An empty file, or one that is as it was, changes nothing. Comments are not kept; `annotate` is.
";

/// Opens the editor until what it leaves behind is applied or given up.
pub(crate) fn edit(desk: &mut Desk<'_>, yes: bool, terms: &Terms) -> Result<String, Fault> {
    let status: StatusAnswer = typed(&desk.router.get("/v1/status")?)?;
    if !status.may_write {
        return Err(Fault::refused(Refusal::new(
            Status::ERROR_ACCESS_DENIED,
            "this user may read the configuration and not change it",
        )));
    }
    let mut base = status.revision.map_or(0, |revision| revision.number);
    let mut before = desk.router.text("/v1/config.toml")?;
    let draft = Draft::new(&before)?;
    loop {
        draft.open()?;
        let mut toml = draft.read()?;
        let as_it_was = format!("{HEADER}{before}");
        if toml.trim().is_empty() || toml == as_it_was {
            draft.remove();
            return Ok("nothing changed\n".to_owned());
        }
        // Once more with what somebody else changed meanwhile, for as long as nothing meets.
        loop {
            let plan = match plan(desk, &toml) {
                Ok(plan) => plan,
                Err(Fault::Refused(refusals)) => {
                    say(&render::in_file(desk.sheet, "the text", &toml, &refusals));
                    if yes || !asked("Edit it again? [Y/n] ", true) {
                        return Err(draft.kept("nothing was changed"));
                    }
                    break;
                }
                Err(fault) => return Err(draft.kept(&fault.to_string())),
            };
            say(&render::plan(desk.sheet, &plan));
            if plan.changes.is_empty() {
                draft.remove();
                return Ok("nothing changed\n".to_owned());
            }
            if !yes {
                match answer("Apply this? [y]es, [e]dit again, [N]o: ").as_str() {
                    "y" | "yes" => {}
                    "e" | "edit" => break,
                    _ => return Err(draft.kept("nothing was changed")),
                }
            }
            let request = ChangeRequest {
                toml: Some(toml.clone()),
                note: terms.note.clone(),
                confirm_within: terms.confirm_within,
                revision: Some(base),
                ..ChangeRequest::default()
            };
            let fault = match worked_on(desk, "/v1/apply", &request) {
                Ok(answer) => {
                    draft.remove();
                    return applied(desk, &answer);
                }
                Err(fault) => fault,
            };
            if !is_outrun(&fault) {
                say(&format!("{fault}\n"));
                if yes || !asked("Edit it again? [Y/n] ", true) {
                    return Err(draft.kept("nothing was changed"));
                }
                break;
            }
            let view = three_way::look(desk, base, &toml)?;
            say(&view.text(desk.sheet));
            let theirs: Value = desk.router.get("/v1/config")?;
            toml = view.merged(theirs)?;
            base = view.head();
            before = desk.router.text("/v1/config.toml")?;
            draft.write(&marked(&view, &toml))?;
            if view.conflicts() {
                if yes || !asked("Edit what comes of both, yours where they meet? [Y/n] ", true) {
                    return Err(draft.kept("nothing was changed"));
                }
                break;
            }
            say("Your changes on top of theirs:\n\n");
        }
    }
}

/// The text of both, with what both changed at its top.
fn marked(view: &ThreeWay, toml: &str) -> String {
    let mut text = HEADER.to_owned();
    for row in view.rows.iter().filter(|row| row.conflicts()) {
        let word = |value: &Option<Option<Value>>| match value {
            Some(Some(value)) => value.to_string(),
            _ => "(not set)".to_owned(),
        };
        text.push_str(&format!(
            "# both changed {}: theirs {}, yours {}\n",
            row.path,
            word(&row.theirs),
            word(&row.ours)
        ));
    }
    text.push_str(toml);
    text
}

fn plan(desk: &mut Desk<'_>, toml: &str) -> Result<Plan, Fault> {
    let request = ChangeRequest {
        toml: Some(toml.to_owned()),
        ..ChangeRequest::default()
    };
    typed(&worked_on(desk, "/v1/plan", &request)?)
}

/// The file that is edited. Only its owner can read it.
struct Draft(PathBuf);

impl Draft {
    fn new(toml: &str) -> Result<Self, Fault> {
        let folder = std::env::temp_dir();
        // A name that is taken belongs to somebody: it is not written over, nor followed if it is a link.
        for number in 0..1000 {
            let path = folder.join(format!("waypost-edit-{}-{number}.toml", std::process::id()));
            let made = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match made {
                Ok(mut file) => {
                    file.write_all(HEADER.as_bytes())
                        .and_then(|()| file.write_all(toml.as_bytes()))
                        .map_err(|error| Fault::file(&path, &error))?;
                    return Ok(Self(path));
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Fault::file(&path, &error)),
            }
        }
        Err(Fault::Usage(format!(
            "{} is full of files of waypost edit",
            folder.display()
        )))
    }

    /// Runs the editor until it ends.
    fn open(&self) -> Result<(), Fault> {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let editor = set("VISUAL")
            .or_else(|| set("EDITOR"))
            .unwrap_or_else(|| "vi".to_owned());
        // Through the shell, because an editor may come with options.
        let ended = Command::new("/bin/sh")
            .arg("-c")
            .arg(format!("{editor} \"$1\""))
            .arg("waypost edit")
            .arg(&self.0)
            .status();
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.kept(&format!("the editor '{editor}' failed ({status})"))),
            Err(error) => Err(self.kept(&format!("the editor '{editor}' cannot be run: {error}"))),
        }
    }

    fn read(&self) -> Result<String, Fault> {
        String::from_utf8(files::read(&self.0)?).map_err(|_| self.kept("the text is not UTF-8"))
    }

    fn write(&self, text: &str) -> Result<(), Fault> {
        std::fs::write(&self.0, text).map_err(|error| Fault::file(&self.0, &error))
    }

    /// What was written is not lost with the failure.
    fn kept(&self, why: &str) -> Fault {
        Fault::NotDone(format!("{why}; your text is in {}", self.0.display()))
    }

    fn remove(&self) {
        // A file that is left over harms nobody.
        drop(std::fs::remove_file(&self.0));
    }
}

/// Beside the answer, which goes to standard output.
fn say(text: &str) {
    drop(std::io::stderr().write_all(text.as_bytes()));
}

/// A line of standard input in lower case; empty at its end.
fn answer(question: &str) -> String {
    say(question);
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => {
            // Where nobody answers, nobody has ended the line either.
            say("\n");
            "no".to_owned()
        }
        Ok(_) => line.trim().to_lowercase(),
    }
}

fn asked(question: &str, default: bool) -> bool {
    match answer(question).as_str() {
        "" => default,
        "y" | "yes" => true,
        _ => false,
    }
}
