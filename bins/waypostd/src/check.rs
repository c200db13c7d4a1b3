//! `--check`: what is wrong with a configuration, without a router.

use std::io::{Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use waypost_api::{Refusals, parse_toml};
use waypost_routprot::Refusal;

use crate::modules::Modules;
use crate::protocols;

/// Says what is wrong with the configuration in a file, `-` for standard input, as JSON on standard output. Whether nothing is.
///
/// Values, names and contradictions are looked at as when the file is applied. What depends on the router it is applied to, such
/// as whether a socket can be had, is not.
pub(crate) fn check(file: &Path, modules: &Path) -> Result<bool> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("standard input")?;
        text
    } else {
        std::fs::read_to_string(file).with_context(|| file.display().to_string())?
    };
    let built_in = protocols::configuration();
    let known: Vec<_> = built_in.protocols().collect();
    let modules = Modules::read(modules, &known)?;
    let configuration = built_in.with(modules.codecs());
    let refusals: Vec<Refusal> = match parse_toml(&text) {
        Ok(tree) => configuration.blocks_of(&tree).err().unwrap_or_default(),
        Err(refusal) => vec![refusal],
    };
    let holds = refusals.is_empty();
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &Refusals { refusals })?;
    writeln!(out)?;
    Ok(holds)
}
