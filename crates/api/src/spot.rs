//! Where in a TOML text something is that a refusal speaks of.

use std::ops::Range;

use toml_edit::{Array, ArrayOfTables, Document, Item, TableLike, Value};
use waypost_manager::Path;

/// A place in a text, for people: lines and columns count from 1, columns and the width in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The line.
    pub line: usize,
    /// Where in the line it begins.
    pub column: usize,
    /// How far it goes, in that line; at least 1.
    pub width: usize,
    /// The whole line.
    pub text: String,
}

/// Where a text says what is at a path: the key and its value. What the text does not say is looked for where it would belong,
/// in the innermost table on the way to it; `None` if there is none, or the text is no TOML.
#[must_use]
pub fn locate(text: &str, path: &Path) -> Option<Spot> {
    let document = Document::parse(text).ok()?;
    let mut here = Here::Table(document.as_table());
    let mut found = None;
    for part in path.parts() {
        let Some((range, next)) = here.step(part) else {
            break;
        };
        found = range.or(found);
        here = next;
    }
    Some(spot(text, found?))
}

/// The place of a line and a column, both from 1.
#[must_use]
pub fn spot_at(text: &str, line: usize, column: usize) -> Option<Spot> {
    let whole = text.lines().nth(line.checked_sub(1)?)?;
    Some(Spot {
        line,
        column,
        width: 1,
        text: whole.to_owned(),
    })
}

/// Something with parts.
enum Here<'t> {
    Table(&'t dyn TableLike),
    List(&'t Array),
    Tables(&'t ArrayOfTables),
    Leaf,
}

impl<'t> Here<'t> {
    fn of(item: &'t Item) -> Self {
        match item {
            Item::Table(table) => Self::Table(table),
            Item::ArrayOfTables(tables) => Self::Tables(tables),
            Item::Value(value) => Self::of_value(value),
            Item::None => Self::Leaf,
        }
    }

    fn of_value(value: &'t Value) -> Self {
        match value {
            Value::InlineTable(table) => Self::Table(table),
            Value::Array(list) => Self::List(list),
            _ => Self::Leaf,
        }
    }

    /// A part by its name or number, and where it is.
    fn step(&self, part: &str) -> Option<(Option<Range<usize>>, Self)> {
        match self {
            Self::Table(table) => {
                let (key, item) = table.get_key_value(part)?;
                let key = key.span();
                let range = match (key, item.as_value().and_then(Value::span)) {
                    (Some(key), Some(value)) => Some(key.start..value.end),
                    (key, value) => key.or(value),
                };
                Some((range, Self::of(item)))
            }
            Self::List(list) => {
                let value = list.get(part.parse().ok()?)?;
                Some((value.span(), Self::of_value(value)))
            }
            Self::Tables(tables) => {
                let table = tables.get(part.parse().ok()?)?;
                Some((table.span(), Self::Table(table)))
            }
            Self::Leaf => None,
        }
    }
}

fn spot(text: &str, range: Range<usize>) -> Spot {
    let before = text.get(..range.start).unwrap_or(text);
    let line = before.matches('\n').count();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before.get(start..).map_or(0, |line| line.chars().count());
    let whole = text.lines().nth(line).unwrap_or_default();
    let covered = text.get(range).unwrap_or_default();
    let covered = covered.lines().next().unwrap_or_default();
    Spot {
        line: line + 1,
        column: column + 1,
        width: covered.trim_end().chars().count().max(1),
        text: whole.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# a router
[protocols.rip]
port = 99999

[interfaces.\"eth0.1\"]
rip.metric = 3
rip.accept-filter = [
  { deny = \"10.0.0.0/8\" },
  { permit = \"x\" },
]

[[protocols.static.routes]]
to = \"10.0.0.0/8\"
[[protocols.static.routes]]
to = \"é\"
";

    fn at(path: &str) -> Option<(usize, usize, usize)> {
        let spot = locate(FILE, &path.parse().unwrap())?;
        assert_eq!(Some(spot.text.as_str()), FILE.lines().nth(spot.line - 1));
        Some((spot.line, spot.column, spot.width))
    }

    #[test]
    fn what_is_there_is_found() {
        assert_eq!(at("protocols.rip.port"), Some((3, 1, 12)));
        assert_eq!(at("interfaces.\"eth0.1\".rip.metric"), Some((6, 5, 10)));
        assert_eq!(
            at("interfaces.\"eth0.1\".rip.accept-filter"),
            Some((7, 5, 17)),
            "its first line"
        );
        assert_eq!(
            at("interfaces.\"eth0.1\".rip.accept-filter.1.permit"),
            Some((9, 5, 12))
        );
        assert_eq!(at("protocols.static.routes.1.to"), Some((15, 1, 8)));
    }

    #[test]
    fn what_is_not_there_is_where_it_would_be() {
        assert_eq!(at("protocols.rip.update-interval"), Some((2, 12, 3)));
        assert_eq!(
            at("interfaces.\"eth0.1\".rip.accept-filter.7"),
            at("interfaces.\"eth0.1\".rip.accept-filter")
        );
        assert_eq!(at("router.id"), None);
        assert_eq!(locate("x = = 3", &"x".parse().unwrap()), None);
    }
}
