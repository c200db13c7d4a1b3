//! Bash. It breaks words at `=` and leaves quotes in them, so the line is taken apart here instead.

use std::ffi::OsString;
use std::io::{Error, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::EnvCompleter;

/// Where the script passes the line up to the cursor.
const LINE: &str = "_WAYPOST_COMPLETE_LINE";

const SCRIPT: &str = r#"
_waypost_complete() {
    COMPREPLY=()
    local reply
    reply=$(_WAYPOST_COMPLETE_LINE="${COMP_LINE:0:COMP_POINT}" VAR=bash COMPLETER -- waypost 2> /dev/null) || return
    [[ -n $reply ]] || return
    mapfile -t COMPREPLY <<< "$reply"
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/.] ]]; then
        compopt -o nospace 2> /dev/null
    fi
}
complete -o bashdefault -o nosort -F _waypost_complete BIN
"#;

/// The adapter for bash from 4.4 on.
pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        var: &str,
        _name: &str,
        bin: &str,
        completer: &str,
        buf: &mut dyn Write,
    ) -> Result<(), Error> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let script = SCRIPT
            .replace("VAR", var)
            .replace("COMPLETER", &quoted(completer))
            .replace("BIN", &quoted(bin));
        buf.write_all(script.trim_start().as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        directory: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<(), Error> {
        let words = line().unwrap_or(words);
        let last = words.len().saturating_sub(1);
        let current = words
            .last()
            .map(|word| word.to_string_lossy().into_owned())
            .unwrap_or_default();
        for candidate in clap_complete::engine::complete(command, words, last, directory)? {
            let value = candidate.get_value().to_string_lossy();
            writeln!(buf, "{}", replacement(&current, &value))?;
        }
        Ok(())
    }
}

/// The words of the line up to the cursor, the one being typed last.
pub(super) fn line() -> Option<Vec<OsString>> {
    let line = std::env::var(LINE).ok()?;
    Some(words(&line).into_iter().map(OsString::from).collect())
}

/// What bash has to put in: it replaces only what follows the last `=` or `:`, which the candidate has in common with what
/// was typed.
fn replacement(current: &str, candidate: &str) -> String {
    let kept = current
        .rfind(['=', ':'])
        .filter(|at| candidate.starts_with(current.get(..=*at).unwrap_or_default()));
    let rest = kept.and_then(|at| candidate.get(at + 1..)).unwrap_or(candidate);
    let mut escaped = String::new();
    for c in rest.chars() {
        if " \t\"'\\$`&|;<>()*?![]{}#~".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A line as the shell would split it: blanks, quotes and backslashes. The last word may be unfinished, or empty.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.push(word.unwrap_or_default());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_like_the_shell() {
        assert_eq!(words("waypost set a.b="), ["waypost", "set", "a.b="]);
        assert_eq!(words("waypost set "), ["waypost", "set", ""]);
        assert_eq!(
            words(r#"waypost unset 'interfaces."eth0.1"."#),
            ["waypost", "unset", r#"interfaces."eth0.1"."#]
        );
        assert_eq!(words(r#"w i.\"e.1\".r "a b"c"#), ["w", r#"i."e.1".r"#, "a bc"]);
        assert_eq!(words(""), [""]);
        assert_eq!(words("a\\"), ["a"]);
    }

    #[test]
    fn puts_in_only_what_bash_replaces() {
        assert_eq!(replacement("a.b=v", "a.b=v2"), "v2");
        assert_eq!(replacement("a.", "a.b="), "a.b=");
        assert_eq!(replacement("i", "i.\"e.1\"."), "i.\\\"e.1\\\".");
        assert_eq!(
            replacement("protocols.r", "protocols.rip={}"),
            "protocols.rip=\\{\\}"
        );
    }
}
