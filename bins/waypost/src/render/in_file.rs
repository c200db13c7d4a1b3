//! What is wrong with a file, and where: the line is quoted and marked.

use waypost_api::{Spot, locate, spot_at};
use waypost_import::Imported;
use waypost_routprot::Refusal;

use crate::fault::brief;
use crate::sheet::{Ink, Sheet, printable};

/// Refusals of what a file says, in the order of its lines.
pub(crate) fn in_file(sheet: &Sheet, file: &str, text: &str, refusals: &[Refusal]) -> String {
    let mut placed: Vec<(Option<Spot>, Refusal)> =
        refusals.iter().map(|refusal| place(text, refusal)).collect();
    // What stands nowhere comes first.
    placed.sort_by_key(|(spot, _)| spot.as_ref().map(|spot| (spot.line, spot.column)));
    placed
        .iter()
        .map(|(spot, refusal)| one(sheet, file, spot.as_ref(), refusal))
        .collect()
}

/// Where a refusal belongs, and what is left to be said of it there.
fn place(text: &str, refusal: &Refusal) -> (Option<Spot>, Refusal) {
    let mut refusal = brief(refusal);
    if let Some((spot, reason)) = syntax(text, &refusal) {
        // The line is quoted below, and its number said before.
        refusal.reason = reason;
        refusal.value = None;
        return (Some(spot), refusal);
    }
    let path = refusal.path.parse().ok();
    (path.and_then(|path| locate(text, &path)), refusal)
}

fn one(sheet: &Sheet, file: &str, spot: Option<&Spot>, refusal: &Refusal) -> String {
    let place = match spot {
        Some(spot) => format!("{file}:{}:{}", spot.line, spot.column),
        None => file.to_owned(),
    };
    let mut lines = format!(
        "{} {}: {}\n",
        sheet.ink(Ink::Bad, "error:"),
        sheet.ink(Ink::Bold, &printable(&place)),
        printable(&refusal.to_string())
    );
    if let Some(spot) = spot {
        lines.push_str(&quoted(sheet, spot));
    }
    lines
}

/// Where a text is no TOML, and why, if that is what a refusal says.
fn syntax(text: &str, refusal: &Refusal) -> Option<(Spot, String)> {
    let place = refusal
        .reason
        .strip_prefix("line ")
        .filter(|_| refusal.path.is_empty())?;
    let (line, rest) = place.split_once(", column ")?;
    let (column, reason) = rest.split_once(": ")?;
    let spot = spot_at(text, line.parse().ok()?, column.parse().ok()?)?;
    Some((spot, reason.to_owned()))
}

fn quoted(sheet: &Sheet, spot: &Spot) -> String {
    let number = format!("{:>5} | ", spot.line);
    // Characters that take no column, or two, are rare where keys and values are; tabs are blanks here.
    let line = printable(&spot.text);
    let blanks = " ".repeat(number.len() + spot.column - 1);
    format!(
        "{}{line}\n{blanks}{}\n",
        sheet.ink(Ink::Faint, &number),
        sheet.ink(Ink::Bad, &"^".repeat(spot.width))
    )
}

/// What is to be said of a translation.
pub(crate) fn imported(sheet: &Sheet, file: &str, imported: &Imported) -> String {
    let mut text = String::new();
    for left in &imported.left {
        text.push_str(&format!(
            "{} {}\n    {}\n",
            sheet.ink(Ink::Bold, &format!("{}:{}:", printable(file), left.line)),
            printable(&left.text),
            sheet.ink(Ink::Warning, &printable(&left.reason))
        ));
    }
    for note in &imported.notes {
        text.push_str(&format!(
            "{} {}\n",
            sheet.ink(Ink::Warning, "note:"),
            printable(note)
        ));
    }
    let lines = super::count(imported.left.len(), "line", "lines");
    text.push_str(&match imported.left.len() {
        0 => "every line was translated\n".to_owned(),
        _ => format!("{lines} not translated\n"),
    });
    text
}
