//! `watch`: the router live.

use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use terminal_size::terminal_size;
use tokio::signal::unix::{SignalKind, signal};
use waypost_api::Snapshot;

use crate::fault::Fault;
use crate::render;
use crate::router::Router;
use crate::sheet::{Ink, Sheet};

/// How often a screen is drawn anew although nothing has happened: ages grow.
const TICK: Duration = Duration::from_secs(1);
/// After this a daemon that has gone is looked for again.
const AGAIN: Duration = Duration::from_millis(500);

/// What wakes the screen.
enum News {
    Snapshot(Box<Snapshot>),
    /// The terminal has another size.
    Resized,
    /// The operator, or the system, has had enough.
    Quit,
    /// The daemon has gone; it may come back.
    Lost(Fault),
}

/// Shows snapshots until interrupted: redrawn in place on a terminal, one after the other otherwise. As JSON each is a line.
///
/// On a terminal a daemon that goes away is waited for; otherwise that is the end.
pub(crate) fn watch(sheet: &Sheet, router: Router, json: bool) -> Result<(), Fault> {
    let (send, news) = channel();
    listen_to_signals(send.clone())?;
    thread::spawn(move || listen_to_router(router, &send));
    let screen = if std::io::stdout().is_terminal() && !json {
        Some(Screen::open()?)
    } else {
        None
    };
    let mut last: Option<(Box<Snapshot>, Instant)> = None;
    let mut lost = false;
    loop {
        match news.recv_timeout(TICK) {
            Ok(News::Quit) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(News::Lost(fault)) if screen.is_none() || last.is_none() => return Err(fault),
            Ok(News::Lost(_)) => lost = true,
            Ok(News::Snapshot(snapshot)) => {
                last = Some((snapshot, Instant::now()));
                lost = false;
            }
            Ok(News::Resized) | Err(RecvTimeoutError::Timeout) if screen.is_none() => continue,
            Ok(News::Resized) | Err(RecvTimeoutError::Timeout) => {}
        }
        let Some((snapshot, since)) = &last else { continue };
        match &screen {
            Some(screen) => {
                screen.draw(sheet, &aged(snapshot, since.elapsed().as_secs()), lost)?;
            }
            None if json => {
                let line =
                    serde_json::to_string(snapshot).map_err(|error| Fault::Strange(error.to_string()))?;
                print(&format!("{line}\n"))?;
            }
            None => print(&format!("{}\n", text(sheet, snapshot, Timestamp::now())))?,
        }
    }
}

/// Passes on snapshots, and looks for the daemon again when it has gone, until nobody listens any more.
fn listen_to_router(mut router: Router, send: &Sender<News>) {
    loop {
        let watched = router.watch(|snapshot| match send.send(News::Snapshot(Box::new(snapshot))) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        });
        let Err(fault) = watched else { return };
        if send.send(News::Lost(fault)).is_err() {
            return;
        }
        thread::park_timeout(AGAIN);
    }
}

/// A snapshot some seconds later.
fn aged(snapshot: &Snapshot, seconds: u64) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for row in &mut snapshot.routes.rows {
        row.age_seconds += seconds;
    }
    let older = |name: &str, value: &mut Value| {
        if let (true, Some(age)) = (
            matches!(name, "uptime-seconds" | "last-update-seconds"),
            value.as_u64(),
        ) {
            *value = (age + seconds).into();
        }
    };
    for row in &mut snapshot.neighbors {
        row.more.iter_mut().for_each(|(name, value)| older(name, value));
    }
    let summaries = snapshot
        .protocols
        .iter_mut()
        .filter_map(|row| row.summary.as_mut());
    for summary in summaries.filter_map(Value::as_object_mut) {
        summary.iter_mut().for_each(|(name, value)| older(name, value));
    }
    snapshot
}

fn print(text: &str) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Fault::Output)
}

/// A thread that waits for signals, so that the terminal is put back in order before the program ends.
fn listen_to_signals(send: Sender<News>) -> Result<(), Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Fault::Output)?;
    let streams = {
        let _guard = runtime.enter();
        let open = |kind| signal(kind).map_err(Fault::Output);
        (
            open(SignalKind::interrupt())?,
            open(SignalKind::terminate())?,
            open(SignalKind::hangup())?,
            open(SignalKind::window_change())?,
        )
    };
    thread::spawn(move || {
        let (mut interrupt, mut terminate, mut hangup, mut resize) = streams;
        runtime.block_on(async {
            loop {
                let news = tokio::select! {
                    _ = interrupt.recv() => News::Quit,
                    _ = terminate.recv() => News::Quit,
                    _ = hangup.recv() => News::Quit,
                    _ = resize.recv() => News::Resized,
                };
                if send.send(news).is_err() {
                    return;
                }
            }
        });
    });
    Ok(())
}

/// The first line, and the parts under it.
fn parts(sheet: &Sheet, snapshot: &Snapshot, now: Timestamp) -> (String, [Part; 4]) {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let head = sheet.ink(Ink::Faint, &format!("waypost, {}", sheet.date(seconds)));
    let part = |title: &str, body: String| Part {
        title: sheet.ink(Ink::Bold, title),
        lines: body.lines().map(str::to_owned).collect(),
    };
    let complete = snapshot.routes.next.is_none();
    let owners = render::Owners::of(&snapshot.protocols);
    let parts = [
        part("Interfaces", render::interfaces(sheet, &snapshot.interfaces)),
        part("Protocols", render::protocols(sheet, &snapshot.protocols)),
        part("Neighbours", render::neighbors(sheet, &snapshot.neighbors)),
        part(
            "Routes",
            render::routes(sheet, &owners, &snapshot.routes.rows, complete),
        ),
    ];
    (head, parts)
}

/// A title and what is under it.
struct Part {
    title: String,
    lines: Vec<String>,
}

/// A snapshot as text.
pub(crate) fn text(sheet: &Sheet, snapshot: &Snapshot, now: Timestamp) -> String {
    let (head, parts) = parts(sheet, snapshot, now);
    let mut text = format!("{head}\n");
    for part in parts {
        text.push_str(&format!("\n{}\n{}\n", part.title, part.lines.join("\n")));
    }
    text
}

/// The terminal's second screen; the first comes back when this is dropped.
struct Screen;

impl Screen {
    fn open() -> Result<Self, Fault> {
        // Second screen, no cursor, long lines cut instead of wrapped.
        print("\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J\x1b[H")?;
        Ok(Self)
    }

    fn draw(&self, sheet: &Sheet, snapshot: &Snapshot, lost: bool) -> Result<(), Fault> {
        let (width, height) =
            terminal_size().map_or((100, 25), |(width, height)| (width.0.into(), height.0.into()));
        let sheet = Sheet {
            width: Some(width),
            ..sheet.clone()
        };
        let (mut head, parts) = parts(&sheet, snapshot, Timestamp::now());
        if lost {
            head = sheet.ink(Ink::Bad, "no daemon answers: looking for it; this was seen last");
        }
        print(&frame(&screenful(head, &parts, height)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no tidying.
        drop(print("\x1b[?7h\x1b[?25h\x1b[?1049l"));
    }
}

/// The lines of a screen. When not all fit, every part gets its share: what a short one leaves over, the longer ones have.
fn screenful(head: String, parts: &[Part], height: usize) -> Vec<String> {
    let whole: usize = parts.iter().map(|part| part.lines.len() + 2).sum::<usize>() + 1;
    let roomy = whole <= height;
    let mut room = height.saturating_sub(1 + parts.len());
    let mut shares = vec![usize::MAX; parts.len()];
    if !roomy {
        let mut by_length: Vec<usize> = (0..parts.len()).collect();
        let length = |number: &usize| parts.get(*number).map_or(0, |part| part.lines.len());
        by_length.sort_by_key(length);
        let mut left = by_length.len();
        for number in by_length {
            let share = length(&number).min(room / left.max(1));
            room -= share;
            left -= 1;
            if let Some(place) = shares.get_mut(number) {
                *place = share;
            }
        }
    }
    let mut lines = vec![head];
    for (part, share) in parts.iter().zip(shares) {
        if roomy {
            lines.push(String::new());
        }
        lines.push(part.title.clone());
        if part.lines.len() <= share {
            lines.extend(part.lines.iter().cloned());
        } else if let Some(shown) = share.checked_sub(1) {
            lines.extend(part.lines.iter().take(shown).cloned());
            lines.push(format!("... {} more lines", part.lines.len() - shown));
        }
    }
    lines.truncate(height);
    lines
}

/// Lines as a whole screen, drawn over the one before without a flicker.
fn frame(lines: &[String]) -> String {
    let mut frame = String::from("\x1b[H");
    for (number, line) in lines.iter().enumerate() {
        if number > 0 {
            frame.push_str("\r\n");
        }
        frame.push_str(line);
        frame.push_str("\x1b[K");
    }
    frame.push_str("\x1b[J");
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(title: &str, lines: usize) -> Part {
        Part {
            title: title.to_owned(),
            lines: (0..lines).map(|line| format!("{title}{line}")).collect(),
        }
    }

    #[test]
    fn frames_are_drawn_over_each_other() {
        let lines = ["a".to_owned(), "b".to_owned()];
        assert_eq!(frame(&lines), "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
        assert_eq!(frame(&[]), "\x1b[H\x1b[J");
    }

    #[test]
    fn every_part_gets_its_share_of_a_small_screen() {
        let parts = [part("a", 1), part("b", 20), part("c", 2), part("d", 9)];
        let shown = screenful("head".to_owned(), &parts, 18);
        let expected = [
            "head",
            "a",
            "a0",
            "b",
            "b0",
            "b1",
            "b2",
            "b3",
            "... 16 more lines",
            "c",
            "c0",
            "c1",
            "d",
            "d0",
            "d1",
            "d2",
            "d3",
            "... 5 more lines",
        ];
        assert_eq!(shown, expected);
        for height in 0..60 {
            let lines = screenful("head".to_owned(), &parts, height);
            assert!(lines.len() <= height, "{height}");
            assert!(
                height < 13
                    || ["b0", "d0"]
                        .iter()
                        .all(|line| lines.contains(&(*line).to_owned()))
            );
        }
        let all = screenful("head".to_owned(), &parts, 41);
        assert_eq!((all.len(), all[1].as_str(), all[2].as_str()), (41, "", "a"));
    }

    #[test]
    fn ages_grow_while_nothing_happens() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/snapshot.json");
        let before: Snapshot = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let after = aged(&before, 5);
        assert_eq!(
            after.routes.rows[0].age_seconds,
            before.routes.rows[0].age_seconds + 5
        );
        let heard = |snapshot: &Snapshot| {
            snapshot.neighbors[0].more["last-update-seconds"]
                .as_u64()
                .unwrap()
        };
        assert_eq!(heard(&after), heard(&before) + 5);
        assert_eq!(aged(&before, 0), before);
    }
}
