//! Whole routing tables: loaded from files and dumped into them, with a line of progress on a terminal.

mod progress;
mod source;

use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Value, json};
use waypost_api::client::query;
use waypost_api::{CountersAnswer, LoadAnswer, LoadRequest, MAX_LOAD, RoutePage, RouteRow};
use waypost_dump::mrt::{self, Entry, Peer};
use waypost_dump::text::{Hop, Line};

use crate::arguments::Routes;
use crate::fault::Fault;
use crate::render;
use crate::router::Router;
use crate::sheet::Sheet;
use progress::Progress;
use source::Source;

/// Destinations asked for at a time.
const PAGE: &str = "5000";

pub(crate) fn run(router: &mut Router, sheet: &Sheet, routes: Routes, json: bool) -> Result<String, Fault> {
    match routes {
        Routes::Load { file, via, limit } => {
            let answer = load(router, sheet, &file, via, limit)?;
            said(json, &answer, |answer| {
                let routes = render::count(answer.routes as usize, "route", "routes");
                let refused = match answer.refused {
                    0 => String::new(),
                    number => format!(", {number} refused: router.route-limits leaves no room"),
                };
                format!("{routes} loaded{refused}\n")
            })
        }
        Routes::Unload => {
            let answer = read::<LoadAnswer>(router.post("/v1/routes/unload", &json!({}))?)?;
            said(json, &answer, |_| "no loaded routes any more\n".to_owned())
        }
        Routes::Dump { file, owner } => {
            let number = dump(router, sheet, &file, owner.as_deref())?;
            if file.as_os_str() == "-" {
                return Ok(String::new());
            }
            let answer = json!({ "routes": number });
            said(json, &answer, |_| {
                format!(
                    "{}: {}\n",
                    file.display(),
                    render::count(number, "route", "routes")
                )
            })
        }
    }
}

fn said<T: serde::Serialize>(
    json: bool,
    answer: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<String, Fault> {
    if !json {
        return Ok(text(answer));
    }
    let text = serde_json::to_string_pretty(answer).map_err(|error| Fault::Strange(error.to_string()))?;
    Ok(text + "\n")
}

fn read<T: for<'de> Deserialize<'de>>(answer: Value) -> Result<T, Fault> {
    T::deserialize(answer).map_err(|error| Fault::Strange(error.to_string()))
}

/// Sends the routes of a file in batches; the answer to the last.
fn load(
    router: &mut Router,
    sheet: &Sheet,
    file: &Path,
    via: Vec<IpAddr>,
    limit: Option<u64>,
) -> Result<LoadAnswer, Fault> {
    let mut source = Source::open(file, via)?;
    let mut progress = Progress::new(sheet, source.size());
    let mut left = limit.unwrap_or(u64::MAX);
    let mut answer = LoadAnswer::default();
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(MAX_LOAD).min(MAX_LOAD);
        let lines = source.lines(most)?;
        if lines.is_empty() {
            break;
        }
        left -= lines.len() as u64;
        let number = lines.len();
        let request = LoadRequest { lines };
        let sent = router.post("/v1/routes/load", &request);
        answer = read(sent.map_err(|fault| source.in_file(fault))?)?;
        progress.advance(number as u64, source.consumed());
    }
    progress.finish();
    Ok(answer)
}

/// Writes the best routes and says how many there are.
fn dump(router: &mut Router, sheet: &Sheet, file: &Path, owner: Option<&str>) -> Result<usize, Fault> {
    let counters: CountersAnswer = read(router.get("/v1/counters")?)?;
    let mut progress = Progress::new(
        sheet,
        Some(counters.routes.destinations).filter(|_| owner.is_none()),
    );
    let as_mrt = file.extension().is_some_and(|extension| extension == "mrt");
    let mut out: Box<dyn Write> = if file.as_os_str() == "-" {
        Box::new(io::stdout().lock())
    } else {
        Box::new(std::fs::File::create(file).map_err(|error| Fault::file(file, &error))?)
    };
    let mut out = BufWriter::new(&mut out);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
    if as_mrt {
        // The table is this router's own: it is its own only peer.
        let here = Peer {
            id: 0,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            system: 0,
        };
        let peers = mrt::peer_table(now, Ipv4Addr::UNSPECIFIED, &[here]);
        out.write_all(&peers).map_err(Fault::Output)?;
    }
    let (mut number, mut next) = (0_usize, None::<String>);
    loop {
        let parameters = [
            Some(("limit", PAGE)),
            owner.map(|owner| ("owner", owner)),
            next.as_deref().map(|after| ("after", after)),
        ];
        let page: RoutePage = read(router.get(&query("/v1/routes", parameters.into_iter().flatten()))?)?;
        for row in page.rows.iter().filter(|row| row.best) {
            let written = if as_mrt {
                let sequence = u32::try_from(number).unwrap_or(u32::MAX);
                out.write_all(&mrt::rib(now, sequence, row.prefix, &entries(row, now)))
            } else {
                writeln!(out, "{}", line(row))
            };
            written.map_err(Fault::Output)?;
            number += 1;
        }
        progress.advance(page.rows.len() as u64, number as u64);
        match page.next.map(|next| next.to_string()) {
            after @ Some(_) if after != next => next = after,
            _ => break,
        }
    }
    out.flush().map_err(Fault::Output)?;
    progress.finish();
    Ok(number)
}

fn line(row: &RouteRow) -> Line {
    Line {
        prefix: row.prefix,
        kind: row.kind,
        hops: row
            .next_hops
            .iter()
            .map(|hop| Hop {
                gateway: hop.gateway,
                device: hop.interface.clone(),
                weight: (hop.weight != 1).then_some(hop.weight),
                onlink: false,
                recursive: hop.recursive.is_some(),
            })
            .collect(),
        metric: Some(row.metric),
        tag: (row.tag != 0).then_some(row.tag),
    }
}

/// One for each next hop, told apart by a path identifier.
fn entries(row: &RouteRow, now: u32) -> Vec<Entry> {
    let entry = |(number, next_hop)| Entry {
        peer: 0,
        received: now.saturating_sub(u32::try_from(row.age_seconds).unwrap_or(u32::MAX)),
        path_id: number,
        next_hop,
        metric: Some(row.metric),
    };
    let hops = row.next_hops.iter().map(|hop| hop.gateway);
    let mut entries: Vec<Entry> = (0..).zip(hops).map(entry).collect();
    if entries.is_empty() {
        entries.push(entry((0, None)));
    }
    entries
}
