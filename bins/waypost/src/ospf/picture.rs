//! The graph of an area as a picture: in the language of Graphviz, and as SVG.

use std::fmt::Write as _;

use serde_json::Value;
use waypost_routprot::Refusal;

use super::layout::{Place, places};
use crate::fault::Fault;

/// More vertices than this make no picture, in SVG.
const MOST: usize = 400;
/// Pixels of a link.
const LINK: f64 = 150.0;
/// Pixels around the picture, and under it for the legend.
const MARGIN: f64 = 90.0;
const LEGEND: f64 = 40.0;
const LEAST_WIDTH: f64 = 680.0;

/// A vertex as it is drawn.
struct Spot {
    network: bool,
    id: String,
    distance: Option<u64>,
    border: bool,
    boundary: bool,
    own: bool,
}

/// Two vertices with links between them: the cheapest in each direction, and whether a shortest path takes it.
struct Line {
    ends: (usize, usize),
    costs: [Option<u64>; 2],
    shortest: bool,
    is_virtual: bool,
}

struct Picture {
    area: String,
    spots: Vec<Spot>,
    lines: Vec<Line>,
}

fn text(value: &Value, name: &str) -> String {
    value
        .get(name)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn is(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool) == Some(true)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value
        .get(name)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

impl Picture {
    fn of(area: &Value) -> Self {
        let own = text(area, "router-id");
        let spots: Vec<Spot> = list(area, "vertices")
            .iter()
            .map(|vertex| {
                let network = text(vertex, "kind") == "network";
                let has = |role: &str| list(vertex, "roles").iter().any(|known| known == role);
                let id = text(vertex, "id");
                Spot {
                    network,
                    distance: vertex.get("distance").and_then(Value::as_u64),
                    border: has("area-border"),
                    boundary: has("as-boundary"),
                    own: !network && id == own,
                    id,
                }
            })
            .collect();
        let mut lines: Vec<Line> = Vec::new();
        for link in list(area, "links") {
            let end = |name: &str| {
                let place = link.get(name).and_then(Value::as_u64)?;
                usize::try_from(place).ok().filter(|place| *place < spots.len())
            };
            let (Some(from), Some(to)) = (end("from"), end("to")) else {
                continue;
            };
            let (ends, way) = if from <= to {
                ((from, to), 0)
            } else {
                ((to, from), 1)
            };
            let place = lines.iter().position(|line| line.ends == ends);
            let place = place.unwrap_or_else(|| {
                lines.push(Line {
                    ends,
                    costs: [None; 2],
                    shortest: false,
                    is_virtual: false,
                });
                lines.len() - 1
            });
            let Some(line) = lines.get_mut(place) else {
                continue;
            };
            let cost = link.get("cost").and_then(Value::as_u64);
            if let Some(known) = line.costs.get_mut(way) {
                *known = (*known).into_iter().chain(cost).min();
            }
            line.shortest |= is(link, "shortest");
            line.is_virtual |= is(link, "virtual");
        }
        Self {
            area: text(area, "area"),
            spots,
            lines,
        }
    }
}

fn pictures(answer: &Value) -> Vec<Picture> {
    let areas = answer.as_array().map_or(&[][..], Vec::as_slice);
    areas.iter().map(Picture::of).collect()
}

/// Text inside a quoted string of Graphviz.
fn inside_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", inside_quotes(text))
}

/// The areas in the language of Graphviz.
pub(super) fn dot(answer: &Value) -> String {
    let mut dot =
        String::from("graph ospf {\n  layout=neato;\n  overlap=false;\n  node [fontname=\"sans-serif\"];\n");
    for picture in pictures(answer) {
        let name = |place: usize| quoted(&format!("{} {place}", picture.area));
        let _ = writeln!(dot, "  subgraph {} {{", quoted(&format!("area {}", picture.area)));
        for (place, spot) in picture.spots.iter().enumerate() {
            let id = inside_quotes(&spot.id);
            // The line break is Graphviz's own.
            let label = match spot.distance {
                Some(distance) => format!("{id}\\n{distance}"),
                None => format!("{id}\\nnot reached"),
            };
            let shape = if spot.network { "box" } else { "ellipse" };
            let bold = if spot.own { ", penwidth=3" } else { "" };
            let _ = writeln!(
                dot,
                "    {} [label=\"{label}\", shape={shape}{bold}];",
                name(place)
            );
        }
        for line in &picture.lines {
            let cost = |way: usize| line.costs.get(way).copied().flatten();
            let mut attributes = Vec::new();
            for (place, way) in [("taillabel", 0), ("headlabel", 1)] {
                attributes.extend(
                    cost(way)
                        .filter(|cost| *cost > 0)
                        .map(|cost| format!("{place}={cost}")),
                );
            }
            if line.shortest {
                attributes.push("penwidth=2.5".to_owned());
            }
            if line.is_virtual {
                attributes.push("style=dashed".to_owned());
            }
            let _ = writeln!(
                dot,
                "    {} -- {} [{}];",
                name(line.ends.0),
                name(line.ends.1),
                attributes.join(", ")
            );
        }
        dot.push_str("  }\n");
    }
    dot.push_str("}\n");
    dot
}

/// Text in SVG.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1c2733; text-anchor: middle }
  .back { fill: #ffffff }
  .link { stroke: #b4bec9; stroke-width: 1.5 }
  .shortest { stroke: #2563a8; stroke-width: 4 }
  .virtual { stroke-dasharray: 7 5 }
  .router { fill: #e8f0fa; stroke: #2563a8; stroke-width: 2 }
  .network { fill: #eef1f4; stroke: #76828f; stroke-width: 1.5 }
  .own { fill: #2563a8 }
  .border { stroke: #c2571a; stroke-width: 4 }
  .boundary { stroke-dasharray: 6 3 }
  .lost { opacity: .45 }
  .cost { font-size: 12px; fill: #46525f; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  .id { paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
  .far { font-weight: 600; dominant-baseline: central }
  .own-far { fill: #ffffff }
  .title { font-size: 16px; font-weight: 600 }
  .legend { font-size: 12px; fill: #46525f }
  @media (prefers-color-scheme: dark) {
    text { fill: #dde5ee } .back { fill: #12181f } .link { stroke: #4a5663 } .shortest { stroke: #6aa5e6 }
    .router { fill: #1d2b3b; stroke: #6aa5e6 } .network { fill: #232c36; stroke: #8b98a6 } .own { fill: #6aa5e6 }
    .border { stroke: #e58a4e } .cost { fill: #b3bfcc; stroke: #12181f } .id { stroke: #12181f } .own-far { fill: #12181f } .legend { fill: #b3bfcc }
  }
";

/// One area as SVG. Of several the one with the most vertices, so that a router at the edge shows its area without being asked.
pub(super) fn svg(answer: &Value) -> Result<String, Fault> {
    let pictures = pictures(answer);
    let Some(picture) = pictures.iter().max_by_key(|picture| picture.spots.len()) else {
        let reason = "there are no paths in any area, so there is nothing to draw";
        return Err(Fault::refused(Refusal::failed(reason)));
    };
    if picture.spots.len() > MOST {
        let reason = "the area has too many vertices for a picture; --dot has no limit";
        let refusal = Refusal::invalid(reason).with_value(picture.spots.len());
        return Err(Fault::refused(refusal.with_allowed(format!("at most {MOST}"))));
    }
    Ok(drawn(picture))
}

fn drawn(picture: &Picture) -> String {
    let links: Vec<(usize, usize)> = picture.lines.iter().map(|line| line.ends).collect();
    let places: Vec<Place> = places(picture.spots.len(), &links)
        .into_iter()
        .map(|(x, y)| (x * LINK, y * LINK))
        .collect();
    let least = |of: fn(&Place) -> f64| places.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&Place) -> f64| places.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    let (left, right) = (least(|place| place.0), most(|place| place.0));
    let top = least(|place| place.1) - MARGIN;
    // As wide as the legend, with the graph in the middle.
    let width = (right - left + 2.0 * MARGIN).max(LEAST_WIDTH);
    let left = f64::midpoint(left, right) - width / 2.0;
    let height = most(|place| place.1) - top + MARGIN + LEGEND;
    let at = |place: usize| {
        let (x, y) = places.get(place).copied().unwrap_or_default();
        (x - left, y - top)
    };
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">"
    );
    let title = escaped(&format!("OSPF area {}", picture.area));
    let _ = writeln!(svg, "<title>{title}</title>\n<style>{STYLE}</style>");
    let _ = writeln!(svg, "<rect class=\"back\" width=\"100%\" height=\"100%\"/>");
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{:.0}\" y=\"28\">{title}</text>",
        width / 2.0
    );
    for line in &picture.lines {
        let (a, b) = (at(line.ends.0), at(line.ends.1));
        let mut class = String::from("link");
        class.push_str(if line.shortest { " shortest" } else { "" });
        class.push_str(if line.is_virtual { " virtual" } else { "" });
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            a.0, a.1, b.0, b.1
        );
    }
    for line in &picture.lines {
        let (a, b) = (at(line.ends.0), at(line.ends.1));
        for (cost, (from, to)) in line.costs.iter().zip([(a, b), (b, a)]) {
            // What a network says costs nothing.
            let Some(cost) = cost.filter(|cost| *cost > 0) else {
                continue;
            };
            let (x, y) = (from.0 + (to.0 - from.0) * 0.33, from.1 + (to.1 - from.1) * 0.33);
            let _ = writeln!(
                svg,
                "<text class=\"cost\" x=\"{x:.1}\" y=\"{:.1}\">{cost}</text>",
                y + 4.0
            );
        }
    }
    for (place, spot) in picture.spots.iter().enumerate() {
        draw_spot(&mut svg, spot, at(place));
    }
    let _ = writeln!(
        svg,
        "<text class=\"legend\" x=\"{:.0}\" y=\"{:.0}\">in a vertex: its distance from this router (filled); thick: a shortest path; beside a link: what it costs</text>",
        width / 2.0,
        height - 30.0
    );
    let _ = writeln!(
        svg,
        "<text class=\"legend\" x=\"{:.0}\" y=\"{:.0}\">round: router, orange rim: area border, dashed rim: AS boundary; square: network</text>",
        width / 2.0,
        height - 12.0
    );
    svg.push_str("</svg>\n");
    svg
}

fn draw_spot(svg: &mut String, spot: &Spot, (x, y): Place) {
    let mut class = String::from(if spot.network { "network" } else { "router" });
    for (name, is) in [
        ("own", spot.own),
        ("border", spot.border),
        ("boundary", spot.boundary),
        ("lost", spot.distance.is_none()),
    ] {
        if is {
            class.push(' ');
            class.push_str(name);
        }
    }
    let id = escaped(&spot.id);
    let distance = spot
        .distance
        .map_or_else(|| "-".to_owned(), |distance| distance.to_string());
    let far = if spot.own { "far own-far" } else { "far" };
    let shape = if spot.network {
        format!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"44\" height=\"28\" rx=\"4\"/>",
            x - 22.0,
            y - 14.0
        )
    } else {
        format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"22\"/>")
    };
    let under = if spot.network { 30.0 } else { 40.0 };
    let _ = writeln!(
        svg,
        "<g>{shape}<text class=\"{far}\" x=\"{x:.1}\" y=\"{y:.1}\">{distance}</text><text class=\"id\" x=\"{x:.1}\" y=\"{:.1}\">{id}</text></g>",
        y + under
    );
}
