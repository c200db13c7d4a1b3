//! Configuration paths: one grammar for the file, the command line, the API and error messages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use waypost_routprot::Refusal;

/// Most parts of a path. The deepest option there is has a few; text trees are nested no deeper by edits.
pub(crate) const MAX_PARTS: usize = 32;

/// A path such as `interfaces.eth0.rip.metric`. A part with a dot in it is quoted: `interfaces."eth0.100".rip`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Path(Vec<String>);

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.to_string()
    }
}

impl TryFrom<String> for Path {
    type Error = Refusal;

    fn try_from(text: String) -> Result<Self, Refusal> {
        text.parse()
    }
}

impl Path {
    /// A path of these parts.
    #[must_use]
    pub fn new<S: Into<String>>(parts: impl IntoIterator<Item = S>) -> Self {
        Self(parts.into_iter().map(Into::into).collect())
    }

    /// Its parts, outermost first.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        self.0.iter().map(String::as_str).collect()
    }

    /// The path of something inside.
    #[must_use]
    pub fn join(&self, part: &str) -> Self {
        let mut parts = self.0.clone();
        parts.push(part.to_owned());
        Self(parts)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_parts(f, self.0.iter().map(String::as_str))
    }
}

/// The text of the path of these parts.
pub(crate) fn path_text<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let mut text = String::with_capacity(48);
    // Writing to a string does not fail.
    let _ = write_parts(&mut text, parts);
    text
}

fn write_parts<'p>(out: &mut impl fmt::Write, parts: impl IntoIterator<Item = &'p str>) -> fmt::Result {
    for (number, part) in parts.into_iter().enumerate() {
        if number > 0 {
            out.write_str(".")?;
        }
        let bare = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '@' | ':');
        if !part.is_empty() && part.chars().all(bare) {
            out.write_str(part)?;
        } else {
            write!(out, "\"{part}\"")?;
        }
    }
    Ok(())
}

impl FromStr for Path {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let bad = |reason: &str| Refusal::invalid(reason).at(text);
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let part;
            if let Some(quoted) = rest.strip_prefix('"') {
                (part, rest) = quoted
                    .split_once('"')
                    .ok_or_else(|| bad("a quote is not closed"))?;
            } else {
                (part, rest) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
                if part.is_empty() || part.contains('"') {
                    return Err(bad("a part of the path is empty or has a quote inside"));
                }
            }
            if parts.len() == MAX_PARTS {
                return Err(Refusal::invalid("the path has too many parts")
                    .with_allowed(format!("up to {MAX_PARTS}")));
            }
            parts.push(part.to_owned());
            match rest.strip_prefix('.') {
                Some("") => return Err(bad("the path ends with a dot")),
                Some(next) => rest = next,
                None if rest.is_empty() => {}
                None => return Err(bad("a dot is missing after a quoted part")),
            }
        }
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_only_what_needs_it() {
        for text in [
            "interfaces.eth0.rip.metric",
            "interfaces.\"eth0.100\".rip",
            "router",
            "interfaces.br-lan@if2.rip",
        ] {
            assert_eq!(text.parse::<Path>().unwrap().to_string(), text);
        }
        assert_eq!(
            "interfaces.\"eth0.100\".rip".parse::<Path>().unwrap().parts(),
            ["interfaces", "eth0.100", "rip"]
        );
        assert!("".parse::<Path>().unwrap().parts().is_empty());
    }

    #[test]
    fn refuses_broken_paths() {
        for text in [".a", "a.", "a..b", "\"a", "\"a\"b", "a\"b"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }
}
