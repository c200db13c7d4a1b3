//! What a change would do, and what it did.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use waypost_manager::{Applied, Path, Plan, PlannedChange};
use waypost_routprot::Impact;

use super::history::on_trial;
use super::interfaces::natural;
use super::units::{count, toml_value};
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table, item};

/// Longer values stand under each other.
const LONG: usize = 56;

/// What a change would do, by interface and protocol, and the sum of it in one line.
pub(crate) fn plan(sheet: &Sheet, plan: &Plan) -> String {
    if plan.changes.is_empty() {
        return format!(
            "{}nothing would change: this is what is in force\n",
            notes(sheet, plan)
        );
    }
    format!(
        "{}{}{}",
        groups(sheet, plan),
        notes(sheet, plan),
        sum(sheet, plan, "is")
    )
}

/// What a change did.
pub(crate) fn applied(sheet: &Sheet, applied: &Applied) -> String {
    let plan = &applied.plan;
    let Some(revision) = applied.revision else {
        return format!("{}nothing changed\n", notes(sheet, plan));
    };
    if !applied.changed {
        return format!(
            "{}nothing changed: revision {revision} stays in force\n",
            notes(sheet, plan)
        );
    }
    let trial = applied.trial.as_ref();
    let trial = trial.map(|trial| item(sheet, 0, Cell::from(on_trial(trial)).ink(Ink::Warning)));
    format!(
        "{}{}{}\n{}{}",
        groups(sheet, plan),
        notes(sheet, plan),
        sheet.ink(Ink::Good, &format!("revision {revision} is in force")),
        sum(sheet, plan, "was"),
        trial.unwrap_or_default()
    )
}

/// That a change is on trial no longer.
pub(crate) fn kept(sheet: &Sheet, applied: &Applied) -> String {
    let revision = applied.revision.unwrap_or_default();
    format!(
        "{}\n",
        sheet.ink(Ink::Good, &format!("revision {revision} is confirmed"))
    )
}

/// Where an option belongs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Router,
    Protocol(String),
    Interface(Vec<(String, u64)>, String),
}

/// The place of a path, and the rest of the path in it.
fn place(path: &str) -> (Place, String) {
    let parsed: Path = path.parse().unwrap_or_else(|_| Path::new([path]));
    let rest = |parts: &[&str]| Path::new(parts.iter().copied()).to_string();
    match parsed.parts().as_slice() {
        ["interfaces", name, option @ ..] => {
            (Place::Interface(natural(name), (*name).to_owned()), rest(option))
        }
        ["protocols", name, option @ ..] => (Place::Protocol((*name).to_owned()), rest(option)),
        ["router", option @ ..] => (Place::Router, rest(option)),
        parts => (Place::Router, rest(parts)),
    }
}

fn groups(sheet: &Sheet, plan: &Plan) -> String {
    let mut groups: BTreeMap<Place, Vec<(String, &PlannedChange)>> = BTreeMap::new();
    for change in &plan.changes {
        let (place, option) = place(&change.path);
        groups.entry(place).or_default().push((option, change));
    }
    let mut text = String::new();
    for (place, changes) in groups {
        let title = match &place {
            Place::Router => "router".to_owned(),
            Place::Protocol(name) => Path::new(["protocols", name]).to_string(),
            Place::Interface(_, name) => Path::new(["interfaces", name]).to_string(),
        };
        text.push_str(&sheet.ink(Ink::Bold, &printable(&title)));
        text.push('\n');
        for (option, change) in changes {
            text.push_str(&one(sheet, &option, change));
        }
        text.push('\n');
    }
    text
}

/// An option: what it was, what it will be, what that does and why.
fn one(sheet: &Sheet, option: &str, change: &PlannedChange) -> String {
    let value = |value: &Option<_>| value.as_ref().map(toml_value);
    let (old, new) = (value(&change.old), value(&change.new));
    let option = if option.is_empty() {
        "(the whole table)"
    } else {
        option
    };
    let mut text = String::new();
    let width = |value: &Option<String>| value.as_ref().map_or(0, |value| value.chars().count());
    let short = width(&old) + width(&new) <= LONG;
    if short {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(not set)".to_owned());
        let change = format!("{option}: {} -> {}", shown(&old), shown(&new));
        text.push_str(&item(sheet, 2, change));
    } else {
        text.push_str(&item(sheet, 2, format!("{option}:")));
        for (sign, value, ink) in [("-", &old, Ink::Bad), ("+", &new, Ink::Good)] {
            if let Some(value) = value {
                let mut table = Table::plain(4, [Column::text(""), Column::wrapped("")]).gutter(1);
                table.row([Cell::from(sign).ink(ink), Cell::from(value).ink(ink)]);
                text.push_str(&table.render(sheet));
            }
        }
    }
    let impact = impact_words(&change.impact);
    let why = if change.reason.is_empty() {
        impact
    } else {
        format!("{impact}: {}", change.reason)
    };
    let mut table = Table::plain(6, [Column::wrapped("")]);
    table.row([Cell::from(why).ink(impact_ink(&change.impact))]);
    text.push_str(&table.render(sheet));
    text
}

fn notes(sheet: &Sheet, plan: &Plan) -> String {
    let mut text = String::new();
    for note in &plan.notes {
        let mut table = Table::plain(0, [Column::text(""), Column::wrapped("")]).gutter(1);
        table.row([Cell::from("note:").ink(Ink::Warning), note.into()]);
        text.push_str(&table.render(sheet));
    }
    if !text.is_empty() && !plan.changes.is_empty() {
        text.push('\n');
    }
    text
}

fn impact_words(impact: &Impact) -> String {
    match impact {
        Impact::Live => "live".to_owned(),
        Impact::ResetsNeighbours { neighbours } if neighbours.is_empty() => "resets neighbours".to_owned(),
        Impact::ResetsNeighbours { neighbours } => {
            let names: Vec<String> = neighbours.iter().map(ToString::to_string).collect();
            let noun = if names.len() == 1 {
                "neighbour"
            } else {
                "neighbours"
            };
            format!("resets {noun} {}", names.join(", "))
        }
        Impact::RestartsInterface => "restarts the protocol on this interface".to_owned(),
        Impact::LeavesInterface => "leaves the interface".to_owned(),
        Impact::RestartsProtocol => "restarts the whole protocol".to_owned(),
        Impact::Unknown => "not known beforehand".to_owned(),
        Impact::StopsProtocol => "stops the protocol".to_owned(),
    }
}

const fn impact_ink(impact: &Impact) -> Ink {
    match impact {
        Impact::Live => Ink::Good,
        Impact::ResetsNeighbours { .. }
        | Impact::RestartsInterface
        | Impact::LeavesInterface
        | Impact::Unknown => Ink::Warning,
        Impact::RestartsProtocol | Impact::StopsProtocol => Ink::Bad,
    }
}

fn worst(plan: &Plan) -> Ink {
    plan.changes
        .iter()
        .map(|change| &change.impact)
        .max()
        .map_or(Ink::Plain, impact_ink)
}

/// The last line, in the colour of the worst.
fn sum(sheet: &Sheet, plan: &Plan, is: &str) -> String {
    item(sheet, 0, Cell::from(summary(plan, is)).ink(worst(plan)))
}

/// "3 changes on 2 interfaces: all live, no neighbour is reset".
fn summary(plan: &Plan, is: &str) -> String {
    let (mut interfaces, mut protocols, mut router) = (BTreeSet::new(), BTreeSet::new(), false);
    let (mut reset, mut unnamed, mut live) = (BTreeSet::<IpAddr>::new(), false, 0);
    let (mut here, mut whole) = (BTreeSet::new(), BTreeSet::new());
    let (mut left, mut stopped) = (BTreeSet::new(), BTreeSet::new());
    let mut silent = BTreeSet::new();
    for change in &plan.changes {
        let (place, option) = place(&change.path);
        // The protocol that a change concerns: `rip` of `interfaces.eth0.rip.metric` and of `protocols.rip`.
        let within = option
            .parse::<Path>()
            .ok()
            .and_then(|path| path.parts().first().map(|&part| part.to_owned()));
        let protocol = match &place {
            Place::Protocol(name) => name.clone(),
            _ => within.filter(|name| name != "enabled").unwrap_or_default(),
        };
        match &change.impact {
            Impact::Live => live += 1,
            Impact::ResetsNeighbours { neighbours } => {
                unnamed |= neighbours.is_empty();
                reset.extend(neighbours);
            }
            Impact::RestartsInterface => {
                if let Place::Interface(order, name) = &place {
                    here.insert((order.clone(), name.clone(), protocol));
                } else {
                    whole.insert(protocol);
                }
            }
            Impact::LeavesInterface => {
                if let Place::Interface(order, name) = &place {
                    left.insert((order.clone(), name.clone(), protocol));
                } else {
                    stopped.insert(protocol);
                }
            }
            Impact::RestartsProtocol => drop(whole.insert(protocol)),
            Impact::Unknown => drop(silent.insert(protocol)),
            Impact::StopsProtocol => drop(stopped.insert(protocol)),
        }
        match place {
            Place::Router => router = true,
            Place::Protocol(name) => drop(protocols.insert(name)),
            Place::Interface(_, name) => drop(interfaces.insert(name)),
        }
    }
    let mut places = Vec::new();
    if !interfaces.is_empty() {
        places.push(format!(
            "on {}",
            count(interfaces.len(), "interface", "interfaces")
        ));
    }
    if !protocols.is_empty() {
        places.push(format!("in {}", count(protocols.len(), "protocol", "protocols")));
    }
    if router {
        places.push("in the router's settings".to_owned());
    }
    let total = plan.changes.len();
    let changes = format!("{} {}", count(total, "change", "changes"), places.join(", "));
    if live == total {
        let all = if total == 1 { "live" } else { "all live" };
        return format!("{changes}: {all}, no neighbour {is} reset");
    }
    let mut effects = Vec::new();
    if live > 0 {
        effects.push(format!("{live} live"));
    }
    if unnamed {
        effects.push(format!(
            "neighbours {} reset",
            if is == "is" { "are" } else { "were" }
        ));
    } else if !reset.is_empty() {
        let verb = match (reset.len(), is) {
            (1, is) => is,
            (_, "is") => "are",
            _ => "were",
        };
        effects.push(format!(
            "{} {verb} reset",
            count(reset.len(), "neighbour", "neighbours")
        ));
    }
    for (_, interface, protocol) in here {
        effects.push(match protocol.as_str() {
            "" => format!("every protocol {is} restarted on {interface}"),
            protocol => format!("{protocol} {is} restarted on {interface}"),
        });
    }
    for protocol in whole {
        effects.push(match protocol.as_str() {
            "" => format!("every protocol {is} restarted"),
            protocol => format!("{protocol} {is} restarted everywhere"),
        });
    }
    let (leaves, stops) = if is == "is" {
        ("leaves", "stops")
    } else {
        ("left", "stopped")
    };
    for (_, interface, protocol) in left {
        effects.push(match protocol.as_str() {
            "" => format!("every protocol {leaves} {interface}"),
            protocol => format!("{protocol} {leaves} {interface}"),
        });
    }
    for protocol in stopped {
        effects.push(format!("{protocol} {stops}"));
    }
    let (does, them) = if is == "is" {
        ("does", "it does")
    } else {
        ("did", "it did")
    };
    for protocol in silent {
        effects.push(format!("{protocol} {does} not say what {them}"));
    }
    printable(&format!("{changes}: {}", effects.join(", ")))
}
