//! `waypost import`: the configuration of another router as ours.

use std::io::Write;
use std::path::Path;

use waypost_api::write_toml;
use waypost_import::{Imported, Links, links};

use crate::arguments::Make;
use crate::change::read;
use crate::command::Desk;
use crate::fault::Fault;
use crate::{files, render};

/// Translates a file. The configuration is the answer; what is to be said of it goes to standard error.
pub(crate) fn import(
    desk: &Desk<'_>,
    make: Make,
    file: &Path,
    addresses: Option<&Path>,
) -> Result<String, Fault> {
    let text = read(file)?;
    let links = match addresses {
        None => Links::new(),
        Some(addresses) => links(&read(addresses)?)
            .map_err(|error| Fault::Usage(format!("{}: {error}", files::name(addresses))))?,
    };
    let imported: Imported = match make {
        Make::Frr => waypost_import::frr(&text, &links),
        Make::Bird => waypost_import::bird(&text, &links),
    };
    if desk.json {
        let answer = serde_json::to_value(&imported).map_err(|error| Fault::Strange(error.to_string()))?;
        return desk.either(&answer, |_, _| Ok(String::new()));
    }
    let said = render::imported(desk.sheet, &files::name(file), &imported);
    // Who does not want to know sends it elsewhere.
    drop(std::io::stderr().write_all(said.as_bytes()));
    write_toml(&imported.configuration).map_err(Fault::refused)
}
