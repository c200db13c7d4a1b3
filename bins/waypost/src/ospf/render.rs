//! OSPF's reports as text.

use serde_json::Value;

use crate::render::{count, plain_value, span};
use crate::sheet::{Ink, Sheet, printable};
use crate::table::{Cell, Column, Table, item};

fn rows(answer: &Value) -> &[Value] {
    answer.as_array().map_or(&[], Vec::as_slice)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).map_or(&[], rows)
}

/// A member as text; nothing where there is none.
fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .filter(|value| !value.is_null())
        .map(plain_value)
        .unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

fn words(value: &Value, name: &str) -> String {
    list(value, name)
        .iter()
        .map(plain_value)
        .collect::<Vec<_>>()
        .join(", ")
}

/// A next hop in words.
fn hop(hop: &Value) -> String {
    let interface = text(hop, "interface");
    match text(hop, "gateway") {
        gateway if gateway.is_empty() => format!("on {interface}"),
        gateway => format!("{gateway} {interface}"),
    }
}

fn hops(value: &Value) -> Cell {
    Cell::lines(list(value, "next-hops").iter().map(hop))
}

fn nothing(what: &str) -> String {
    format!("{what}\n")
}

/// `show ospf database`.
pub(super) fn lsas(sheet: &Sheet, answer: &Value, detail: bool) -> String {
    let lsas = rows(answer);
    if lsas.is_empty() {
        return nothing("no LSA");
    }
    if detail {
        let blocks: Vec<String> = lsas.iter().map(|lsa| lsa_in_full(sheet, lsa)).collect();
        return blocks.join("\n");
    }
    let mut table = Table::new([
        Column::text("SCOPE"),
        Column::text("TYPE"),
        Column::text("LINK STATE ID"),
        Column::text("ROUTER"),
        Column::number("AGE"),
        Column::text("SEQUENCE").spare(2),
        Column::text("CHECKSUM").spare(3),
        Column::number("OCTETS").spare(1),
    ]);
    for lsa in lsas {
        let age = number(lsa, "age");
        let ink = if age >= 3600 { Ink::Warning } else { Ink::Plain };
        table.row([
            text(lsa, "scope").into(),
            text(lsa, "type").into(),
            text(lsa, "link-state-id").into(),
            text(lsa, "advertising-router").into(),
            Cell::from(span(age)).ink(ink),
            text(lsa, "sequence").into(),
            text(lsa, "checksum").into(),
            text(lsa, "length").into(),
        ]);
    }
    table.render(sheet)
}

fn lsa_in_full(sheet: &Sheet, lsa: &Value) -> String {
    let head = format!(
        "{} {} of {}",
        text(lsa, "type"),
        text(lsa, "link-state-id"),
        text(lsa, "advertising-router")
    );
    let mut page = sheet.ink(Ink::Bold, &printable(&head));
    page.push('\n');
    let about = format!(
        "in {}, age {}, sequence {}, checksum {}, {} octets",
        text(lsa, "scope"),
        span(number(lsa, "age")),
        text(lsa, "sequence"),
        text(lsa, "checksum"),
        text(lsa, "length"),
    );
    page.push_str(&item(sheet, 2, Cell::from(about).ink(Ink::Faint)));
    let Some(says) = lsa.get("says").and_then(Value::as_object) else {
        return page;
    };
    for (name, value) in says {
        match value.as_array() {
            Some(members) if members.iter().any(Value::is_object) => {
                for member in members.iter().filter_map(Value::as_object) {
                    // What it is comes first, what it costs last.
                    let place = |name: &str| match name {
                        "kind" | "type" => 0,
                        "cost" | "value" => 2,
                        _ => 1,
                    };
                    let mut members: Vec<(&String, &Value)> = member.iter().collect();
                    members.sort_by_key(|(name, _)| place(name));
                    let words: Vec<String> = members
                        .into_iter()
                        .map(|(name, value)| match name.as_str() {
                            "kind" => plain_value(value),
                            name => format!("{} {}", name.replace('-', " "), plain_value(value)),
                        })
                        .collect();
                    let one = name.strip_suffix('s').unwrap_or(name);
                    page.push_str(&item(sheet, 2, format!("{one}: {}", words.join(", "))));
                }
            }
            Some(members) if members.is_empty() => {}
            Some(members) => {
                let members: Vec<String> = members.iter().map(plain_value).collect();
                page.push_str(&item(sheet, 2, format!("{name}: {}", members.join(", "))));
            }
            None => {
                let name = name.replace('-', " ");
                page.push_str(&item(sheet, 2, format!("{name}: {}", plain_value(value))));
            }
        }
    }
    page
}

/// `show ospf interfaces`.
pub(super) fn interfaces(sheet: &Sheet, answer: &Value) -> String {
    let interfaces = rows(answer);
    if interfaces.is_empty() {
        return nothing("OSPF is on no interface");
    }
    let mut table = Table::new([
        Column::text("INTERFACE"),
        Column::text("AREA"),
        Column::text("STATE"),
        Column::text("TYPE").spare(2),
        Column::text("PREFIX").spare(3),
        Column::number("COST"),
        Column::number("PRI").spare(4),
        Column::text("DR").optional().spare(1),
        Column::text("BDR").optional().spare(5),
        Column::number("HELLO/DEAD").spare(6),
        Column::number("ADJACENT"),
    ]);
    for interface in interfaces {
        let state = text(interface, "state");
        let ink = if state == "down" { Ink::Warning } else { Ink::Plain };
        let hello = interface
            .get("hello-interval")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        table.row([
            text(interface, "interface").into(),
            text(interface, "area").into(),
            Cell::from(state).ink(ink),
            text(interface, "network-type").into(),
            text(interface, "prefix").into(),
            text(interface, "cost").into(),
            text(interface, "priority").into(),
            chosen(interface, "designated-router").into(),
            chosen(interface, "backup").into(),
            format!("{hello}/{}", text(interface, "dead-interval")).into(),
            format!(
                "{}/{}",
                text(interface, "adjacent-neighbors"),
                text(interface, "neighbors")
            )
            .into(),
        ]);
        let refused = text(interface, "last-refused");
        if !refused.is_empty() {
            table.note(Cell::from(format!("last packet refused: {refused}")).ink(Ink::Warning));
        }
    }
    table.render(sheet)
}

/// A Designated Router, if there is one.
fn chosen(interface: &Value, name: &str) -> String {
    Some(text(interface, name))
        .filter(|address| address != "0.0.0.0")
        .unwrap_or_default()
}

/// `show ospf borders`.
pub(super) fn borders(sheet: &Sheet, answer: &Value) -> String {
    let routers = rows(answer);
    if routers.is_empty() {
        return nothing("no area border and no AS boundary router is reached");
    }
    let mut table = Table::new([
        Column::text("ROUTER"),
        Column::text("AREA"),
        Column::text("KIND").spare(2),
        Column::wrapped("ROLES"),
        Column::number("COST"),
        Column::wrapped("NEXT HOP").spare(1),
    ]);
    for router in routers {
        table.row([
            text(router, "router-id").into(),
            text(router, "area").into(),
            text(router, "kind").into(),
            words(router, "roles").into(),
            text(router, "cost").into(),
            hops(router),
        ]);
    }
    table.render(sheet)
}

/// `show ospf spf-log`.
pub(super) fn calculations(sheet: &Sheet, answer: &Value) -> String {
    let calculations = rows(answer);
    if calculations.is_empty() {
        return nothing("no routes were calculated yet");
    }
    let mut table = Table::new([
        Column::number("AGO"),
        Column::number("WAITED"),
        Column::number("LSAS"),
        Column::number("NETWORKS").spare(1),
        Column::number("ROUTES"),
        Column::wrapped("WHY"),
    ]);
    for done in calculations {
        let ago = done
            .get("seconds-ago")
            .and_then(Value::as_f64)
            .unwrap_or_default();
        let lsas = number(done, "lsas");
        let is = |name: &str| done.get(name).and_then(Value::as_bool) == Some(true);
        let mut why: Vec<String> = list(done, "causes").iter().map(plain_value).collect();
        if lsas > why.len() as u64 {
            why.push(format!("and {} more", lsas - why.len() as u64));
        }
        if is("own-links") {
            why.insert(0, "links of this router".to_owned());
        }
        if is("everything") {
            why.insert(0, "everything anew".to_owned());
        }
        table.row([
            if ago < 60.0 {
                format!("{ago:.1}s")
            } else {
                span(ago as u64)
            }
            .into(),
            format!("{} ms", number(done, "waited-milliseconds")).into(),
            lsas.to_string().into(),
            text(done, "networks").into(),
            text(done, "route-changes").into(),
            Cell::lines(why),
        ]);
    }
    table.render(sheet)
}

/// `show ospf graph` as a table.
pub(super) fn graph(sheet: &Sheet, answer: &Value) -> String {
    let areas = rows(answer);
    if areas.is_empty() {
        return nothing("there are no paths in any area");
    }
    let mut page = String::new();
    for area in areas {
        let mut vertices: Vec<&Value> = list(area, "vertices").iter().collect();
        vertices.sort_by_key(|vertex| vertex.get("distance").and_then(Value::as_u64).unwrap_or(u64::MAX));
        let links = list(area, "links").len().div_ceil(2);
        if !page.is_empty() {
            page.push('\n');
        }
        let head = format!(
            "area {}, {} and {}",
            text(area, "area"),
            count(vertices.len(), "vertex", "vertices"),
            count(links, "link", "links"),
        );
        page.push_str(&sheet.ink(Ink::Bold, &printable(&head)));
        page.push('\n');
        let own = text(area, "router-id");
        let mut table = Table::new([
            Column::text("VERTEX"),
            Column::text("ID"),
            Column::wrapped("ROLES").optional(),
            Column::number("DISTANCE"),
            Column::wrapped("NEXT HOP"),
        ]);
        for vertex in vertices {
            let id = text(vertex, "id");
            let is_own = id == own && text(vertex, "kind") == "router";
            let distance = text(vertex, "distance");
            let next = if is_own {
                "this router".into()
            } else {
                hops(vertex)
            };
            table.row([
                text(vertex, "kind").into(),
                id.into(),
                words(vertex, "roles").into(),
                if distance.is_empty() {
                    Cell::from("not reached").ink(Ink::Warning)
                } else {
                    distance.into()
                },
                next,
            ]);
        }
        page.push_str(&table.render(sheet));
    }
    page
}

/// `show ospf path`, and part of `explain`.
pub(super) fn path(sheet: &Sheet, asked: &str, answer: &Value) -> String {
    if answer.is_null() {
        return nothing(&printable(&format!("OSPF has no path to {asked}")));
    }
    let prefix = text(answer, "prefix");
    let mut head = format!(
        "OSPF reaches {prefix}, {}, at cost {}",
        text(answer, "kind"),
        text(answer, "cost")
    );
    let outside = text(answer, "metric-outside");
    if !outside.is_empty() {
        head.push_str(&format!(" inside and {outside} outside"));
    }
    let mut page = sheet.ink(Ink::Bold, &printable(&head));
    page.push('\n');
    let mut table = Table::new([
        Column::number("COST"),
        Column::number("STEP"),
        Column::wrapped(format!("THROUGH AREA {}", text(answer, "area"))),
    ]);
    let mut before = 0;
    for (place, step) in list(answer, "steps").iter().enumerate() {
        let distance = number(step, "distance");
        let mut what = format!("{} {}", text(step, "kind"), text(step, "id"));
        let roles = words(step, "roles");
        if place == 0 {
            what.push_str(", this router");
        } else if !roles.is_empty() {
            what.push_str(&format!(", {roles}"));
        }
        table.row([
            distance.to_string().into(),
            if place == 0 {
                String::new()
            } else {
                format!("+{}", distance - before.min(distance))
            }
            .into(),
            what.into(),
        ]);
        before = distance;
    }
    let beyond = number(answer, "beyond");
    let forwarding = text(answer, "forwarding-address");
    let said_by = text(answer, "said-by");
    let mut end = prefix;
    if !forwarding.is_empty() {
        end.push_str(&format!(", by way of {forwarding}"));
    }
    if !said_by.is_empty() {
        end.push_str(&format!(", as {said_by} says"));
    }
    table.row([
        (before + beyond).to_string().into(),
        format!("+{beyond}").into(),
        end.into(),
    ]);
    page.push_str(&table.render(sheet));
    page
}

/// `ospf simulate`.
pub(super) fn simulation(sheet: &Sheet, answer: &Value) -> String {
    let mut page = String::new();
    for cost in list(answer, "costs") {
        let line = format!(
            "{} in area {}: cost {} -> {}",
            text(cost, "interface"),
            text(cost, "area"),
            text(cost, "old"),
            text(cost, "new")
        );
        page.push_str(&sheet.ink(Ink::Bold, &printable(&line)));
        page.push('\n');
    }
    let (moved, all) = (number(answer, "moved"), number(answer, "networks"));
    let named = list(answer, "rows");
    let verdict = match moved {
        0 => format!("none of {all} networks would go another way; nothing was changed"),
        _ => format!("{moved} of {all} networks would be reached otherwise; nothing was changed"),
    };
    page.push_str(&item(sheet, 0, verdict));
    if named.is_empty() {
        return page;
    }
    page.push('\n');
    let mut table = Table::new([
        Column::text("PREFIX"),
        Column::number("COST"),
        Column::text(""),
        Column::number("NEW"),
        Column::wrapped("NEXT HOP"),
        Column::text(""),
        Column::wrapped("NEW"),
    ]);
    for row in named {
        let side = |name: &str| row.get(name).unwrap_or(&Value::Null);
        let (old, new) = (side("old"), side("new"));
        let same = old.get("next-hops") == new.get("next-hops");
        table.row([
            text(row, "prefix").into(),
            text(old, "cost").into(),
            "->".into(),
            if new.is_null() {
                Cell::from("lost").ink(Ink::Bad)
            } else {
                text(new, "cost").into()
            },
            hops(old),
            "->".into(),
            if same {
                Cell::from("the same").ink(Ink::Faint)
            } else {
                hops(new)
            },
        ]);
    }
    page.push_str(&table.render(sheet));
    if moved > named.len() as u64 {
        page.push_str(&item(
            sheet,
            0,
            format!("and {} more", moved - named.len() as u64),
        ));
    }
    page
}
