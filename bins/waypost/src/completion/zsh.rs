//! Zsh: as clap does it, but without a blank after a path that goes on.

use std::ffi::OsString;
use std::io::{Error, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::{EnvCompleter, Zsh as Claps};

/// In clap's script: where candidates are sorted, and where the rest is shown.
const SORTED: &str = "            else\n                other+=";
const SHOWN: &str = "        [[ -n $other ]]";

/// The adapter for zsh.
pub(super) struct Zsh;

impl EnvCompleter for Zsh {
    fn name(&self) -> &'static str {
        Claps.name()
    }

    fn is(&self, name: &str) -> bool {
        Claps.is(name)
    }

    fn write_registration(
        &self,
        var: &str,
        name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> Result<(), Error> {
        let mut script = Vec::new();
        Claps.write_registration(var, name, bin, completer, &mut script)?;
        let script = String::from_utf8_lossy(&script);
        buf.write_all(without_blanks(&script).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<(), Error> {
        Claps.write_complete(command, words, directory, buf)
    }
}

fn without_blanks(script: &str) -> String {
    let open = "            elif [[ \"$value\" == *[.=] ]]; then\n                open+=(\"$completion\")\n";
    script
        .replace("        local -a other=()", "        local -a other=() open=()")
        .replace(SORTED, &format!("{open}{SORTED}"))
        .replace(
            SHOWN,
            &format!("        [[ -n $open ]] && _describe -V 'values' open -S ''\n{SHOWN}"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_claps_with_paths_that_go_on() {
        let mut script = Vec::new();
        Zsh.write_registration("COMPLETE", "waypost", "waypost", "waypost", &mut script)
            .unwrap();
        let script = String::from_utf8(script).unwrap();
        for part in [
            "local -a other=() open=()",
            "            elif [[ \"$value\" == *[.=] ]]; then\n                open+=(\"$completion\")\n            else\n",
            "open -S ''\n        [[ -n $other ]]",
        ] {
            assert_eq!(script.matches(part).count(), 1, "{part}\n{script}");
        }
    }
}
